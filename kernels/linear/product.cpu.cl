/* SPDX-License-Identifier: MIT */
/* Products on processors: up to three of the same rows x[rows, k], y = x times the transpose of w[n, k], + bias[n],
 * with w in panels, and what the caller does next while tiles are in the cache. Item (`tiles` tiles of rows, `panels`
 * panels), those of the weights one after the other; no groups. One kernel for linear and all blocks: its tiles take
 * long to compile. */
#include "product.clh"
#include "tile.clh"

#define PRODUCT_ITEMS(n) (((n) + width - 1) / width)

__kernel void product__cpu(__global const float *restrict x, ulong x_at, __global const weight_t *restrict w0,
			   ulong w0_at, __global const float *restrict b0, ulong b0_at, __global float *restrict y0,
			   ulong y0_at, __global const weight_t *restrict w1, ulong w1_at,
			   __global const float *restrict b1, ulong b1_at, __global float *restrict y1, ulong y1_at,
			   __global const weight_t *restrict w2, ulong w2_at, __global const float *restrict b2,
			   ulong b2_at, __global float *restrict y2, ulong y2_at, __global const float *restrict other,
			   ulong other_at, uint rows, uint n0, uint n1, uint n2, uint k, uint flags, uint act,
			   uint tiles, uint panels)
{
	uint width = panels * TILE_WIDTH, row = TILE_ROW_ITEM * tiles * MR, high = min(rows - row, tiles * MR);
	uint item = TILE_PANEL_ITEM, n = n0, first = 0, end = flags & PRODUCT_GATED ? 2 : 1;

	if (end == 1 && item >= PRODUCT_ITEMS(n0)) {
		item -= PRODUCT_ITEMS(n0);
		first = item < PRODUCT_ITEMS(n1) ? 1 : 2;
		item -= first == 1 ? 0 : PRODUCT_ITEMS(n1);
		n = first == 1 ? n1 : n2;
		end = first + 1;
	}
	uint column = item * width, wide = min(n - column, width);

#pragma nounroll
	for (uint i = first; i < end; i++) {
		__global const weight_t *w = i == 0   ? w0 + w0_at * WEIGHT_UNIT
					     : i == 1 ? w1 + w1_at * WEIGHT_UNIT
						      : w2 + w2_at * WEIGHT_UNIT;
		__global const float *bias = i == 0 ? b0 + b0_at : i == 1 ? b1 + b1_at : b2 + b2_at;
		__global float *y = i == 0 ? y0 + y0_at : i == 1 ? y1 + y1_at : y2 + y2_at;

		tile_linear(x + x_at, w, bias, flags >> i & 1, y, rows, n, k, row, high, column, wide, panels);
	}
	ulong at = (ulong)row * n + column;

	product_end(y0 + y0_at + at, (flags & PRODUCT_GATED ? y1 + y1_at : other + other_at) + at, n, high, wide, flags,
		    act);
}

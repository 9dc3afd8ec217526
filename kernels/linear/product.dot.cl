/* SPDX-License-Identifier: MIT */
/* Products by integer dot products (dot.clh): up to three of the same rows x[rows, k], y = x times the transpose of
 * w[n, k], + bias[n], and what the caller does next. Item (tile of rows, DOT_PANELS panels), those of the weights one
 * after the other; no groups. */
#include "dot.clh"

#if defined(TILE_ORDER) && TILE_ORDER == 2
#define DOT_ROW_AXIS 1
#else
#define DOT_ROW_AXIS 0
#endif
#define DOT_ITEM_WIDTH(rows, n) (DOT_PANELS(rows) * DOT_WIDTH)
#define DOT_ITEMS(n) (((n) + DOT_ITEM_WIDTH(rows, n) - 1) / DOT_ITEM_WIDTH(rows, n))

/* Item `row` rounds a row; rows up to the next multiple of MR get zeros. */
__kernel void product__dot_rows(__global const float *restrict x, ulong x_at, __global uint *restrict blocks,
				ulong blocks_at, uint rows, uint k)
{
	uint row = (uint)get_global_id(0), groups = k / WEIGHT_GROUP;

	x += x_at + (ulong)row * k;
	blocks += blocks_at + ((ulong)(row / MR) * groups * MR + row % MR) * DOT_PIECE;
	for (uint group = 0; group < groups; group++, blocks += MR * DOT_PIECE) {
		uint block[DOT_PIECE] = { 0 };

		if (row < rows)
			dot_round(x + group * WEIGHT_GROUP, block);
		DOT_UNROLL for (int i = 0; i < DOT_PIECE; i++) blocks[i] = block[i];
	}
}

__kernel void product__dot(__global const float *restrict x, ulong x_at, __global const weight_t *restrict w0,
			   ulong w0_at, __global const float *restrict b0, ulong b0_at, __global float *restrict y0,
			   ulong y0_at, __global const weight_t *restrict w1, ulong w1_at,
			   __global const float *restrict b1, ulong b1_at, __global float *restrict y1, ulong y1_at,
			   __global const weight_t *restrict w2, ulong w2_at, __global const float *restrict b2,
			   ulong b2_at, __global float *restrict y2, ulong y2_at, __global const float *restrict other,
			   ulong other_at, uint rows, uint n0, uint n1, uint n2, uint k, uint flags, uint act,
			   __global const uint *restrict blocks, ulong blocks_at)
{
	uint tile = (uint)get_global_id(DOT_ROW_AXIS), item = (uint)get_global_id(1 - DOT_ROW_AXIS);
	uint n = n0, first = 0, end = flags & PRODUCT_GATED ? 2 : 1;

	if (end == 1 && item >= DOT_ITEMS(n0)) {
		item -= DOT_ITEMS(n0);
		first = item < DOT_ITEMS(n1) ? 1 : 2;
		item -= first == 1 ? 0 : DOT_ITEMS(n1);
		n = first == 1 ? n1 : n2;
		end = first + 1;
	}
#pragma nounroll
	for (uint i = first; i < end; i++) {
		__global const weight_t *w = i == 0   ? w0 + w0_at * WEIGHT_UNIT
					     : i == 1 ? w1 + w1_at * WEIGHT_UNIT
						      : w2 + w2_at * WEIGHT_UNIT;
		__global const float *bias = i == 0 ? b0 + b0_at : i == 1 ? b1 + b1_at : b2 + b2_at;
		__global float *y = i == 0 ? y0 + y0_at : i == 1 ? y1 + y1_at : y2 + y2_at;

		dot_linear(x + x_at, blocks + blocks_at, w, bias, flags >> i & 1, y, rows, n, k, tile, item);
	}

	uint row = tile * MR, column = item * DOT_ITEM_WIDTH(rows, n);
	ulong at = (ulong)row * n + column;

	product_end(y0 + y0_at + at, (flags & PRODUCT_GATED ? y1 + y1_at : other + other_at) + at, n,
		    min(rows - row, (uint)MR), min(n - column, (uint)DOT_ITEM_WIDTH(rows, n)), flags, act);
}

/* SPDX-License-Identifier: MIT */
/* Products on processors: up to three of the same rows x[rows, k], y = x times the transpose of w[n, k], + bias[n],
 * with w in panels, and what the caller does next while a tile is in the cache. Item (tile of rows, TILE_PANELS
 * panels), those of the weights one after the other; no groups. One kernel for linear and all blocks: its tiles take
 * long to compile. */
#include "math.clh"
#include "tile.clh"

/* Flags, as in ops/include/clade/tile_kit.h; bit i < 3: weight i has a bias. */
#define PRODUCT_RESIDUAL 8u /* y = other + y */
#define PRODUCT_GATED 16u   /* y0 = act(y0) * y1: an item makes the same tile of both */

#define PRODUCT_WIDTH(rows, n) (TILE_PANELS(rows, n) * TILE_WIDTH)
#define PRODUCT_ITEMS(n) (((n) + PRODUCT_WIDTH(rows, n) - 1) / PRODUCT_WIDTH(rows, n))

/* A vector's first `lanes` elements, then zeros. */
static inline vf product_load(__global const float *from, uint lanes)
{
	float each[VW];

	if (lanes >= VW)
		return VLOAD(from);
	for (uint i = 0; i < VW; i++)
		each[i] = i < lanes ? from[i] : 0.0f;
	return VLOAD(each);
}

static inline void product_store(vf value, __global float *to, uint lanes)
{
	float each[VW];

	if (lanes >= VW) {
		VSTORE(value, to);
		return;
	}
	VSTORE(value, each);
	for (uint i = 0; i < lanes; i++)
		to[i] = each[i];
}

/* 0: none; the numbers are those of ops/include/clade/tile_kit.h. */
static inline vf product_act(vf value, uint act)
{
	switch (act) {
	case 1:
		return clm_relu_v(value);
	case 2:
		return clm_gelu_v(value);
	case 3:
		return clm_gelu_tanh_v(value);
	case 4:
		return clm_silu_v(value);
	default:
		return value;
	}
}

/* What follows the sums of one row. */
static inline void product_end(__global float *y, __global const float *other, uint columns, uint flags, uint act)
{
	for (uint j = 0; j < columns; j += VW) {
		uint lanes = columns - j;
		vf value = product_act(product_load(y + j, lanes), act);

		if (flags & PRODUCT_GATED)
			value = value * product_load(other + j, lanes);
		else if (flags & PRODUCT_RESIDUAL)
			value = product_load(other + j, lanes) + value;
		product_store(value, y + j, lanes);
	}
}

__kernel void product__cpu(__global const float *restrict x, ulong x_at, __global const weight_t *restrict w0,
			   ulong w0_at, __global const float *restrict b0, ulong b0_at, __global float *restrict y0,
			   ulong y0_at, __global const weight_t *restrict w1, ulong w1_at,
			   __global const float *restrict b1, ulong b1_at, __global float *restrict y1, ulong y1_at,
			   __global const weight_t *restrict w2, ulong w2_at, __global const float *restrict b2,
			   ulong b2_at, __global float *restrict y2, ulong y2_at, __global const float *restrict other,
			   ulong other_at, uint rows, uint n0, uint n1, uint n2, uint k, uint flags, uint act)
{
	uint item = TILE_PANEL_ITEM, n = n0, first = 0, end = flags & PRODUCT_GATED ? 2 : 1;

	if (end == 1 && item >= PRODUCT_ITEMS(n0)) {
		item -= PRODUCT_ITEMS(n0);
		first = item < PRODUCT_ITEMS(n1) ? 1 : 2;
		item -= first == 1 ? 0 : PRODUCT_ITEMS(n1);
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

		tile_linear(x + x_at, w, bias, flags >> i & 1, y, rows, n, k, TILE_ROW_ITEM, item);
	}
	if (act == 0 && (flags & (PRODUCT_RESIDUAL | PRODUCT_GATED)) == 0)
		return;

	uint row = TILE_ROW_ITEM * MR, column = item * PRODUCT_WIDTH(rows, n);
	ulong at = (ulong)row * n + column;

	y0 += y0_at + at;
	other = (flags & PRODUCT_GATED ? y1 + y1_at : other + other_at) + at;
	for (uint r = 0; r < min(rows - row, (uint)MR); r++)
		product_end(y0 + (ulong)r * n, other + (ulong)r * n, min(n - column, (uint)PRODUCT_WIDTH(rows, n)),
			    flags, act);
}

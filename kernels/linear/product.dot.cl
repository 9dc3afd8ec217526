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

__kernel void product__dot(PRODUCT_ARGUMENTS, __global const uint *restrict blocks, ulong blocks_at)
{
	uint width = DOT_PANELS(rows) * DOT_WIDTH, row = (uint)get_global_id(DOT_ROW_AXIS) * MR,
	     high = min(rows - row, (uint)MR);
	struct product_place place = product_place((uint)get_global_id(1 - DOT_ROW_AXIS), width, n0, n1, n2, flags);
	uint n = place.n, column = place.item * width;
	ulong at = (ulong)row * n + column;

#pragma nounroll
	for (uint i = place.first; i < place.end; i++)
		dot_linear(x + x_at, blocks + blocks_at, PRODUCT_W(i), PRODUCT_BIAS(i), flags >> i & 1, PRODUCT_Y(i),
			   rows, n, k, row / MR, place.item);
	product_end(y0 + y0_at + at, (flags & PRODUCT_GATED ? y1 + y1_at : other + other_at) + at, n, high,
		    min(n - column, width), flags, act);
}

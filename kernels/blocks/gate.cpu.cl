/* SPDX-License-Identifier: MIT */
/* The hidden layer of a gated network on processors: y = ACT(x w1' + b1) * (x w3' + b3), with the weights in panels. An
 * item makes the same tile of both products, the second in `up`, memory as large as y. Item (tile of rows, panels of
 * TILE_PANELS); no groups. */
#include "blocks/product.clh"

__kernel void gate__cpu(__global const float *restrict x, ulong x_at, __global const weight_t *restrict w1, ulong w1_at,
			__global const float *restrict b1, ulong b1_at, __global const weight_t *restrict w3,
			ulong w3_at, __global const float *restrict b3, ulong b3_at, __global float *restrict up,
			ulong up_at, __global float *restrict y, ulong y_at, uint rows, uint n, uint k, uint has_b1,
			uint has_b3)
{
	uint row = TILE_ROW_ITEM * MR, column = TILE_PANEL_ITEM * PRODUCT_WIDTH(rows, n);
	uint columns = min(n - column, (uint)PRODUCT_WIDTH(rows, n));

	w1 += w1_at * WEIGHT_UNIT;
	w3 += w3_at * WEIGHT_UNIT;
	y += y_at;
	up += up_at;
	for (int second = 0; second < 2; second++)
		tile_linear(x + x_at, second ? w3 : w1, second ? b3 + b3_at : b1 + b1_at, second ? has_b3 : has_b1,
			    second ? up : y, rows, n, k, TILE_ROW_ITEM, TILE_PANEL_ITEM);
	for (uint r = row; r < min(rows, row + MR); r++)
		product_gate(y + (ulong)r * n + column, up + (ulong)r * n + column, columns);
}

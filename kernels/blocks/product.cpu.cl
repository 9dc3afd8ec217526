/* SPDX-License-Identifier: MIT */
/* Products of blocks on processors: an item is one register tile of y[rows, n] = x[rows, k] times the transpose of w[n,
 * k],
 * + bias[n], with w in panels, and what the block does to it next. Item (tile of rows, panels of TILE_PANELS); no
 * groups. */
#include "blocks/product.clh"

/* Then the activation ACT, if it is defined; then y = residual + y. */
__kernel void product__cpu(__global const float *restrict x, ulong x_at, __global const weight_t *restrict w,
			   ulong w_at, __global const float *restrict bias, ulong bias_at,
			   __global const float *restrict residual, ulong residual_at, __global float *restrict y,
			   ulong y_at, uint rows, uint n, uint k, uint has_bias, uint has_residual)
{
	uint row = TILE_ROW_ITEM * MR, column = TILE_PANEL_ITEM * PRODUCT_WIDTH(rows, n);
	uint columns = min(n - column, (uint)PRODUCT_WIDTH(rows, n));

	tile_linear(x + x_at, w + w_at * WEIGHT_UNIT, bias + bias_at, has_bias, y + y_at, rows, n, k, TILE_ROW_ITEM,
		    TILE_PANEL_ITEM);
	y += y_at + (ulong)row * n + column;
	residual += residual_at + (ulong)row * n + column;
	for (uint r = 0; r < min(rows - row, (uint)MR); r++) {
#ifdef ACT
		product_activate(y + (ulong)r * n, columns);
#endif
		if (has_residual)
			product_add(y + (ulong)r * n, residual + (ulong)r * n, columns);
	}
}

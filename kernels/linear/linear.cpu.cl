/* SPDX-License-Identifier: MIT */
/* linear on processors: an item is one register tile of y[rows, n] = x[rows, k] times the transpose of w[n, k], +
 * bias[n], with w in panels of VW * NV columns. Item (tile of rows, TILE_PANELS panels); no groups. */
#include "tile.clh"

__kernel void linear__cpu(__global const float *restrict x, ulong x_at, __global const weight_t *restrict w, ulong w_at,
			  __global const float *restrict bias, ulong bias_at, __global float *restrict y, ulong y_at,
			  uint rows, uint n, uint k, uint has_bias)
{
	tile_linear(x + x_at, w + w_at * WEIGHT_UNIT, bias + bias_at, has_bias, y + y_at, rows, n, k, TILE_ROW_ITEM,
		    TILE_PANEL_ITEM);
}

/* SPDX-License-Identifier: MIT */
/* Half a feed_forward on processors: an item is one register tile of y[rows, n] = x[rows, k] times the transpose of
 * w[n, k], + bias[n], with w in panels; then the activation if `act`, over the tile while it is in the cache. Item
 * (tile of rows, panel); no groups. */
#include "tile.clh"
#include "blocks/feed_forward.clh"

/* In place over `columns` elements. */
static inline void activate(__global float *y, uint columns)
{
	float lanes[VW];
	uint j = 0;

	for (; j + VW <= columns; j += VW)
		VSTORE(FEED_FORWARD_ACT_V(VLOAD(y + j)), y + j);
	if (j == columns)
		return;
	for (uint i = 0; i < VW; i++)
		lanes[i] = j + i < columns ? y[j + i] : 0.0f;
	VSTORE(FEED_FORWARD_ACT_V(VLOAD(lanes)), lanes);
	for (uint i = 0; j + i < columns; i++)
		y[j + i] = lanes[i];
}

__kernel void feed_forward__cpu(__global const float *restrict x, ulong x_at, __global const float *restrict w,
				ulong w_at, __global const float *restrict bias, ulong bias_at,
				__global float *restrict y, ulong y_at, uint rows, uint n, uint k, uint has_bias,
				uint act)
{
	uint row = get_global_id(0) * MR, column = get_global_id(1) * TILE_PANELS(rows) * TILE_WIDTH;

	tile_linear(x + x_at, w + w_at, bias + bias_at, has_bias, y + y_at, rows, n, k, get_global_id(0),
		    get_global_id(1));
	if (!act)
		return;
	for (uint r = row; r < rows && r < row + MR; r++)
		activate(y + y_at + (ulong)r * n + column, min(n - column, (uint)(TILE_PANELS(rows) * TILE_WIDTH)));
}

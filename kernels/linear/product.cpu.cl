/* SPDX-License-Identifier: MIT */
/* Products on processors: up to three of the same rows x[rows, k], y = x times the transpose of w[n, k], + bias[n],
 * with w in panels, and what the caller does next while tiles are in the cache. Item (`tiles` tiles of rows, `panels`
 * panels), those of the weights one after the other; no groups. One kernel for linear and all blocks: its tiles take
 * long to compile. */
#include "product.clh"
#include "tile.clh"

__kernel void product__cpu(PRODUCT_ARGUMENTS, uint tiles, uint panels)
{
	uint width = panels * TILE_WIDTH, row = TILE_ROW_ITEM * tiles * MR, high = min(rows - row, tiles * MR);
	struct product_place place = product_place(TILE_PANEL_ITEM, width, n0, n1, n2, flags);
	uint n = place.n, column = place.item * width, wide = min(n - column, width);
	ulong at = (ulong)row * n + column;

#pragma nounroll
	for (uint i = place.first; i < place.end; i++)
		tile_linear(x + x_at, PRODUCT_W(i), PRODUCT_BIAS(i), flags >> i & 1, PRODUCT_Y(i), rows, n, k, row,
			    high, column, wide, panels);
	product_end(y0 + y0_at + at, (flags & PRODUCT_GATED ? y1 + y1_at : other + other_at) + at, n, high, wide, flags,
		    act);
}

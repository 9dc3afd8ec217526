/* SPDX-License-Identifier: MIT */
/* attention, portable, in three launches: every block of 256 keys by itself, then the blocks of each row folded in ascending
 * order, then, if they are wanted, the weights. So an item's work does not grow with the number of keys, few rows still make
 * many items, and no item comes near the 65535 loop iterations after which llvmpipe (Mesa 22.3) ends all loops.
 *
 * A slice of `row_count` rows from row_first of each (batch, key head) is computed at a time, which bounds the memory:
 * chains [batches * g, row_count, blocks, e], ends [batches * g, row_count, blocks, 2] (m_b and l_b; l_b 0: no live key),
 * totals [batches * g, row_count, 2] (m and l). */
#include "attention.clh"

/* Item (i, (head * blocks + block) * chunks + chunk, batch): VW rows, 256 keys, 256 columns of v. */
__kernel void attention_blocks(ATTENTION_ARGS, __global float *chains, ulong chains_at, __global float *ends,
			       ulong ends_at, int row_first, int row_count, int blocks, int chunks)
{
	int lane0 = (int)get_global_id(0) * VW, batch = (int)get_global_id(2), chunk = (int)get_global_id(1) % chunks;
	int head = (int)get_global_id(1) / chunks / blocks, block = (int)get_global_id(1) / chunks % blocks;
	struct attention_tile tile;

	if (lane0 >= row_count || !attention_begin(&tile, row_first + lane0, head, batch, ATTENTION_PASS))
		return;
	/* a ring's blocks count from the first that the tile sees */
	int key = ((flags & ATTENTION_RING ? tile.lo / ATTENTION_KEYS : 0) + block) * ATTENTION_KEYS;
	int keys = flags & ATTENTION_RING ? ATTENTION_KEYS : min(s - key, ATTENTION_KEYS), place = ATTENTION_PLACE(key);
	int lo = clamp(tile.lo - key, 0, keys), hi = clamp(tile.hi - key, lo, keys);
	int same = clamp(tile.same - key, lo, hi), same_end = clamp(tile.same_end - key, same, hi);
	int active = min(tile.active, row_count - lane0);
	ulong slot = (((ulong)batch * g + head) * row_count + lane0) * blocks + block;
	vf m_b, l_b;

	attention_scores(&tile, key, place, lo, hi, false);
	if ((flags & ATTENTION_WEIGHTS) && chunk == 0)
		for (int lane = 0; lane < active; lane++) {
			__global float *row = weights + weights_at + tile.weights_at[lane] + key;

			for (int j = 0; j < keys; j++)
				row[j] = j < lo || j >= hi ? -INFINITY : ((const float *)tile.p)[j * VW + lane];
		}
	attention_exp(&tile, lo, hi, &same, &same_end, &m_b, &l_b);
	if (chunk == 0)
		for (int lane = 0; lane < active; lane++) {
			ends[ends_at + (slot + (ulong)lane * blocks) * 2] = ((const float *)&m_b)[lane];
			ends[ends_at + (slot + (ulong)lane * blocks) * 2 + 1] = ((const float *)&l_b)[lane];
		}
	if (lo >= hi)
		return; /* the fold skips a block without a live key */
	for (int c = chunk * ATTENTION_COLUMNS; c < min(e, (chunk + 1) * ATTENTION_COLUMNS); c += TILE) {
		int n = min(e - c, TILE);
		vf chain[TILE];

		attention_chains(tile.p, tile.v + (long)place * v_s + c, v_s, n, lo, hi, same, same_end, chain);
		for (int lane = 0; lane < active; lane++)
			for (int i = 0; i < n; i++)
				chains[chains_at + (slot + (ulong)lane * blocks) * e + c + i] =
					((const float *)chain)[i * VW + lane];
	}
}

/* Item (i, r, head): columns [i * VW, (i + 1) * VW) of row r of the slice; item 0 also writes the row's totals. */
__kernel void attention_fold(__global const float *chains, ulong chains_at, __global const float *ends, ulong ends_at,
			     __global float *totals, ulong totals_at, __global float *y, ulong y_at, int heads, int g,
			     int group, int e, long y_b, long y_h, long y_t, int row_first, int row_count, int blocks)
{
	int column = (int)get_global_id(0) * VW, row = (int)get_global_id(1), head = (int)get_global_id(2);
	int count = clamp(e - column, 0, VW), at = row_first + row;
	bool any_key = false;
	float m = -INFINITY, l = 0.0f, each[VW];
	vf out = (vf)(0.0f);

	if (row >= row_count || head >= heads || (count == 0 && column > 0))
		return;
	chains += chains_at + ((ulong)head * row_count + row) * blocks * e + column;
	ends += ends_at + ((ulong)head * row_count + row) * blocks * 2;
	for (int block = 0; block < blocks; block++) {
		float m_b = ends[2 * block], l_b = ends[2 * block + 1], top, alpha, beta;

		if (l_b == 0.0f)
			continue;
		for (int lane = 0; lane < VW; lane++)
			each[lane] = lane < count ? chains[(ulong)block * e + lane] : 0.0f;
		if (!any_key) {
			m = m_b;
			l = l_b;
			out = VLOAD(each);
			any_key = true;
			continue;
		}
		top = clm_max(m, m_b);
		alpha = clm_exp(m - top);
		beta = clm_exp(m_b - top);
		out = fma(out, (vf)(alpha), VLOAD(each) * beta);
		l = fma(l, alpha, l_b * beta);
		m = top;
	}
	if (any_key)
		out = clm_div_v(out, (vf)(l));
	VSTORE(out, each);
	y += y_at + (ulong)((head / g) * y_b + (head % g * group + at % group) * y_h + at / group * y_t) + column;
	for (int lane = 0; lane < count; lane++)
		y[lane] = each[lane];
	if (column == 0) {
		totals[totals_at + ((ulong)head * row_count + row) * 2] = m;
		totals[totals_at + ((ulong)head * row_count + row) * 2 + 1] = l;
	}
}

/* Item (block, r, head): a block's scores become weights. */
__kernel void attention_weigh(__global const float *totals, ulong totals_at, __global float *weights, ulong weights_at,
			      int heads, int group, int t, int s, int row_first, int row_count)
{
	int key = (int)get_global_id(0) * ATTENTION_KEYS, row = (int)get_global_id(1), head = (int)get_global_id(2);
	int at = row_first + row;

	if (key >= s || row >= row_count || head >= heads)
		return;
	totals += totals_at + ((ulong)head * row_count + row) * 2;
	weights += weights_at + (((ulong)head * group + at % group) * t + at / group) * (ulong)s + key;
	attention_weights(weights, min(s - key, ATTENTION_KEYS), totals[0], totals[1]);
}

/* SPDX-License-Identifier: MIT */
/* attention, portable: an item computes VW query rows, one a lane, of the heads that share one key head, so that a key or
 * value that is read serves all lanes. With VW = 1 an item is a row, and neighbouring items read the same keys. */
#include "attention.clh"

#if VW == 16
#define TILE 16 /* keys, then columns, that are computed at once: as many accumulators */
#else
#define TILE 8
#endif
#define COLUMNS 256 /* of q, and of v, held at once */

struct attention_tile {
	vf p[ATTENTION_KEYS]; /* of one block: scores, then exp(score - m); dead: -inf, then -1 */
	vf qt[COLUMNS], out[COLUMNS], part[64];
	vf m, l;           /* of the keys so far */
	vi any;            /* whether a lane has had a live key */
	vi first, end;     /* keys in sight of each lane */
	int lo, hi;        /* keys in sight of some lane */
	int same, same_end; /* keys in sight of all lanes */
};

/* Columns [0, n) of VW rows that begin at q + at[lane], transposed. */
static inline void attention_queries(struct attention_tile *tile, __global const float *q, const long *at, int n)
{
	float *flat = (float *)tile->qt;

	for (int lane = 0; lane < VW; lane++)
		for (int c = 0; c < n; c++)
			flat[c * VW + lane] = q[at[lane] + c];
}

/* Adds to p[j], lo <= j < hi, the chains over columns [0, n) of qt and of the key rows k + j * k_s. */
static inline void attention_dots(const vf *qt, __global const float *k, long k_s, int lo, int hi, int n, vf *p)
{
	int j = lo;

	for (; j + TILE <= hi; j += TILE) {
		__global const float *row = k + (long)j * k_s;
		vf chain[TILE];

#pragma unroll
		for (int i = 0; i < TILE; i++)
			chain[i] = (vf)(0.0f);
		for (int c = 0; c < n; c++) {
			vf query = qt[c];

#pragma unroll
			for (int i = 0; i < TILE; i++)
				chain[i] = fma((vf)(row[i * k_s + c]), query, chain[i]);
		}
#pragma unroll
		for (int i = 0; i < TILE; i++)
			p[j + i] = p[j + i] + chain[i];
	}
	for (; j < hi; j++) {
		__global const float *row = k + (long)j * k_s;
		vf chain = (vf)(0.0f);

		for (int c = 0; c < n; c++)
			chain = fma((vf)(row[c]), qt[c], chain);
		p[j] = p[j] + chain;
	}
}

/* chain[i] goes on over keys lo <= j < hi and columns i < n of the value rows v + j * v_s. Dead lanes have p < 0. */
static inline void attention_values(const vf *p, __global const float *v, long v_s, int lo, int hi, int n, bool dead,
				    vf *chain)
{
	for (int j = lo; j < hi; j++) {
		__global const float *row = v + (long)j * v_s;
		vf weight = p[j];

		if (dead)
			for (int i = 0; i < n; i++)
				chain[i] = select(fma(weight, (vf)(row[i]), chain[i]), chain[i], weight < 0.0f);
		else
			for (int i = 0; i < n; i++)
				chain[i] = fma(weight, (vf)(row[i]), chain[i]);
	}
}

/* The same for TILE columns and no dead lane: the accumulators stay in registers. */
static inline void attention_values_tile(const vf *p, __global const float *v, long v_s, int lo, int hi, vf *chain)
{
	vf sum[TILE];

#pragma unroll
	for (int i = 0; i < TILE; i++)
		sum[i] = chain[i];
	for (int j = lo; j < hi; j++) {
		__global const float *row = v + (long)j * v_s;
		vf weight = p[j];

#pragma unroll
		for (int i = 0; i < TILE; i++)
			sum[i] = fma(weight, (vf)(row[i]), sum[i]);
	}
#pragma unroll
	for (int i = 0; i < TILE; i++)
		chain[i] = sum[i];
}

/* Scores of the block's keys lo <= j < hi from their dot products: scale, cap, bias; -inf where dead. `first` and `end`
 * count from the block, and so do mask and bias, which point to the tile's batch and block. */
static inline void attention_scores(struct attention_tile *tile, int lo, int hi, int block, __global const uchar *mask,
				    const long *mask_at, long mask_s, __global const float *bias, const long *bias_at,
				    long bias_s, float scale, float softcap, uint flags)
{
	vi first = tile->first - block, end = tile->end - block;

	for (int j = lo; j < hi; j++) {
		vf score = tile->p[j] * scale;

		if (softcap > 0.0f)
			score = softcap * clm_tanh_v(clm_div_v(score, (vf)(softcap)));
		if (flags & ATTENTION_BIAS) {
			float each[VW];

			for (int lane = 0; lane < VW; lane++)
				each[lane] = bias[bias_at[lane] + j * bias_s];
			score = score + VLOAD(each);
		}
		score = select((vf)(-INFINITY), score, ((vi)(j) >= first) & ((vi)(j) < end));
		if (flags & ATTENTION_MASK) {
			int each[VW];

			for (int lane = 0; lane < VW; lane++)
				each[lane] = mask[mask_at[lane] + j * mask_s] ? -1 : 0;
			score = select((vf)(-INFINITY), score, VLOAD(each));
		}
		tile->p[j] = score;
	}
}

/* Scores become exp(score - m_b), dead ones -1; *m_b, *l_b: the block's maximum and sum. True if a key in sight of all
 * lanes is dead in one. Keys lo <= j < hi; j counts from the block, which begins at a multiple of 64. */
static inline bool attention_exp(struct attention_tile *tile, int lo, int hi, int same, int same_end, vf *m_b, vf *l_b)
{
	vf top = (vf)(-INFINITY);
	vi dead = (vi)(0);

	for (int j = lo; j < hi; j++)
		top = clm_max_v(top, tile->p[j]);
	for (int j = 0; j < 64; j++)
		tile->part[j] = (vf)(0.0f);
	for (int j = lo; j < hi; j++) {
		vi alive = tile->p[j] != (vf)(-INFINITY);
		vf power = clm_exp_v(tile->p[j] - top);

		tile->part[j % 64] = tile->part[j % 64] + select((vf)(0.0f), power, alive);
		tile->p[j] = select((vf)(-1.0f), power, alive);
		if (j >= same && j < same_end)
			dead |= select((vi)(-1), (vi)(0), alive);
	}
	for (int half_count = 32; half_count; half_count /= 2)
		for (int j = 0; j < half_count; j++)
			tile->part[j] = tile->part[j] + tile->part[j + half_count];
	*m_b = top;
	*l_b = tile->part[0];
	return any(dead);
}

/* The block's values, weighted, for n columns, merged into m, l and out. */
static inline void attention_merge(struct attention_tile *tile, __global const float *v, long v_s, int n, int lo, int hi,
				   int same, int same_end)
{
	vf m_b, l_b;
	bool dead = attention_exp(tile, lo, hi, same, same_end, &m_b, &l_b);
	/* A lane without a live key keeps what it has; one with a live key has l_b >= 1 or NaN. */
	vi live = l_b != (vf)(0.0f);
	vf m = select(m_b, clm_max_v(tile->m, m_b), tile->any);
	vf alpha = clm_exp_v(tile->m - m), beta = clm_exp_v(m_b - m);
	vi both = tile->any & live;

	if (dead || same >= same_end) {
		same = same_end = hi;
		dead = true;
	}
	for (int c = 0; c < n; c += TILE) {
		vf chain[TILE];
		int width = min(n - c, TILE);

		for (int i = 0; i < TILE; i++)
			chain[i] = (vf)(0.0f);
		attention_values(tile->p, v + c, v_s, lo, same, width, true, chain);
		if (width == TILE)
			attention_values_tile(tile->p, v + c, v_s, same, same_end, chain);
		else
			attention_values(tile->p, v + c, v_s, same, same_end, width, false, chain);
		attention_values(tile->p, v + c, v_s, same_end, hi, width, true, chain);
		for (int i = 0; i < width; i++) {
			vf old = tile->out[c + i], sum = select(chain[i], fma(old, alpha, chain[i] * beta), both);

			tile->out[c + i] = select(old, sum, live);
		}
	}
	tile->l = select(tile->l, select(l_b, fma(tile->l, alpha, l_b * beta), both), live);
	tile->m = select(tile->m, m, live);
	tile->any |= live;
}

/* The rows of a tile: where each lane reads and writes. Lanes past the last row repeat it. */
struct attention_lanes {
	long q[VW], y[VW], mask[VW], bias[VW];
	ulong weights[VW];
};

/* Columns [from, from + n) of the output, from all keys. */
static inline void attention_columns(struct attention_tile *tile, const struct attention_lanes *lanes,
				     __global const float *q, __global const float *k, __global const float *v,
				     __global const uchar *mask, __global const float *bias, __global float *weights, int d,
				     long k_s, long v_s, long mask_s, long bias_s, int n, int active, float scale,
				     float softcap, uint flags)
{
	for (int i = 0; i < n; i++)
		tile->out[i] = (vf)(0.0f);
	tile->any = (vi)(0);
	tile->m = (vf)(-INFINITY);
	tile->l = (vf)(0.0f);
	if (d <= COLUMNS)
		attention_queries(tile, q, lanes->q, d);
	for (int block = tile->lo / ATTENTION_KEYS * ATTENTION_KEYS; block < tile->hi; block += ATTENTION_KEYS) {
		int lo = max(tile->lo - block, 0), hi = min(tile->hi - block, ATTENTION_KEYS);

		for (int j = lo; j < hi; j++)
			tile->p[j] = (vf)(0.0f);
		for (int c = 0; c < d; c += COLUMNS) {
			int width = min(d - c, COLUMNS);

			if (d > COLUMNS)
				attention_queries(tile, q + c, lanes->q, width);
			attention_dots(tile->qt, k + (long)block * k_s + c, k_s, lo, hi, width, tile->p);
		}
		attention_scores(tile, lo, hi, block, mask + (long)block * mask_s, lanes->mask, mask_s,
				 bias + (long)block * bias_s, lanes->bias, bias_s, scale, softcap, flags);
		if (flags & ATTENTION_WEIGHTS)
			for (int lane = 0; lane < active; lane++)
				for (int j = lo; j < hi; j++)
					weights[lanes->weights[lane] + (ulong)(block + j)] =
						((const float *)tile->p)[j * VW + lane];
		attention_merge(tile, v + (long)block * v_s, v_s, n, lo, hi, clamp(tile->same - block, lo, hi),
				clamp(tile->same_end - block, lo, hi));
	}
}

__kernel void attention(ATTENTION_ARGS)
{
	int head = (int)get_global_id(1), batch = (int)get_global_id(2), rows = t * group;
	int row0 = (int)get_global_id(0) * VW, active = min(rows - row0, VW);
	int length = flags & ATTENTION_KV_LEN ? kv_len[kv_len_at + (ulong)batch] : s;
	struct attention_tile tile;
	struct attention_lanes lanes;
	int first[VW], end[VW];

	if (head >= g || batch >= batches || row0 >= rows)
		return;
	tile.lo = tile.same_end = s;
	tile.hi = tile.same = 0;
	for (int lane = 0; lane < VW; lane++) {
		int row = min(row0 + lane, rows - 1), at = row / group, h = head * group + row % group;
		int position = flags & ATTENTION_Q_POS ? q_pos[q_pos_at + (ulong)batch * t + at] : at + (s - t);
		int2 range = attention_range(flags, position, length, s, window);

		first[lane] = range.x;
		end[lane] = range.y;
		tile.lo = min(tile.lo, range.x);
		tile.hi = max(tile.hi, range.y);
		tile.same = max(tile.same, range.x);
		tile.same_end = min(tile.same_end, range.y);
		lanes.q[lane] = batch * q_b + h * q_h + at * q_t;
		lanes.y[lane] = batch * y_b + h * y_h + at * y_t;
		lanes.mask[lane] = batch * mask_b + h * mask_h + at * mask_t;
		lanes.bias[lane] = batch * bias_b + h * bias_h + at * bias_t;
		lanes.weights[lane] = (((ulong)batch * g * group + h) * t + at) * (ulong)s;
	}
	tile.first = VLOAD(first);
	tile.end = VLOAD(end);
	tile.same_end = max(tile.same_end, tile.same);
	weights += weights_at;
	if (flags & ATTENTION_WEIGHTS)
		for (int lane = 0; lane < active; lane++)
			for (int j = 0; j < s; j++)
				weights[lanes.weights[lane] + j] = -INFINITY;
	/* Once even without columns: the weights are wanted all the same. */
	for (int c = 0; c == 0 || c < e; c += COLUMNS) {
		int n = min(e - c, COLUMNS);

		attention_columns(&tile, &lanes, q + q_at, k + k_at + (ulong)(batch * k_b + head * k_g),
				  v + v_at + (ulong)(batch * v_b + head * v_g) + c, mask + mask_at, bias + bias_at,
				  weights, d, k_s, v_s, mask_s, bias_s, n, active, scale, softcap, flags);
		for (int i = 0; i < n; i++)
			tile.out[i] = select((vf)(0.0f), clm_div_v(tile.out[i], tile.l), tile.any);
		for (int lane = 0; lane < active; lane++)
			for (int i = 0; i < n; i++)
				y[y_at + (ulong)lanes.y[lane] + c + i] = ((const float *)tile.out)[i * VW + lane];
	}
	if (flags & ATTENTION_WEIGHTS)
		for (int lane = 0; lane < active; lane++)
			attention_weights(weights + lanes.weights[lane], s, ((const float *)&tile.m)[lane],
					  ((const float *)&tile.l)[lane]);
}

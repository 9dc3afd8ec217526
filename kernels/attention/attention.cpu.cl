/* SPDX-License-Identifier: MIT */
/* attention for processors with vectors (VW > 1): an item walks over all keys of its rows and keeps what it needs in the
 * caches. Many rows: VW of them, one a lane. Few rows, as when one token is generated: lanes along keys, then columns. */
#include "attention.clh"

/* Merges a block's chains for columns [c, c + n) into out. `both`: lanes that had a live key before and have one now. */
static inline void attention_merge(vf *out, const vf *chain, int n, vf alpha, vf beta, vi both, vi live)
{
	for (int i = 0; i < n; i++) {
		vf sum = select(chain[i], fma(out[i], alpha, chain[i] * beta), both);

		out[i] = select(out[i], sum, live);
	}
}

/* Item (i, head, batch): rows [i * VW, (i + 1) * VW) of the heads that share a key head. */
__kernel void attention__tiles(ATTENTION_ARGS)
{
	int head = (int)get_global_id(1), batch = (int)get_global_id(2);
	struct attention_tile tile;
	vf out[ATTENTION_COLUMNS], m, l;

	if (!attention_begin(&tile, (int)get_global_id(0) * VW, head, batch, ATTENTION_PASS))
		return;
	if (d <= ATTENTION_COLUMNS)
		attention_queries(&tile, 0, d);
	if (flags & ATTENTION_WEIGHTS)
		for (int lane = 0; lane < tile.active; lane++)
			for (int j = 0; j < s; j++)
				weights[weights_at + tile.weights_at[lane] + j] = -INFINITY;
	/* Once even without columns: the weights are wanted all the same. */
	for (int c0 = 0; c0 == 0 || c0 < e; c0 += ATTENTION_COLUMNS) {
		int n = min(e - c0, ATTENTION_COLUMNS);
		vi any_key = (vi)(0);

		m = (vf)(-INFINITY);
		l = (vf)(0.0f);
		for (int i = 0; i < n; i++)
			out[i] = (vf)(0.0f);
		for (int key = tile.lo / ATTENTION_KEYS * ATTENTION_KEYS; key < tile.hi; key += ATTENTION_KEYS) {
			int lo = max(tile.lo - key, 0), hi = min(tile.hi - key, ATTENTION_KEYS);
			int same = clamp(tile.same - key, lo, hi), same_end = clamp(tile.same_end - key, same, hi);
			int place = ATTENTION_PLACE(key);
			vf m_b, l_b;

			attention_scores(&tile, key, place, lo, hi, d <= ATTENTION_COLUMNS);
			if ((flags & ATTENTION_WEIGHTS) && c0 == 0)
				for (int lane = 0; lane < tile.active; lane++)
					for (int j = lo; j < hi; j++)
						weights[weights_at + tile.weights_at[lane] + key + j] =
							((const float *)tile.p)[j * VW + lane];
			attention_exp(&tile, lo, hi, &same, &same_end, &m_b, &l_b);

			vi live = l_b != (vf)(0.0f), both = any_key & live;
			vf top = select(m_b, clm_max_v(m, m_b), any_key);
			vf alpha = clm_exp_v(m - top), beta = clm_exp_v(m_b - top);

			for (int c = 0; c < n; c += TILE) {
				vf chain[TILE];

				attention_chains(tile.p, tile.v + (long)place * v_s + c0 + c, v_s, min(n - c, TILE), lo, hi,
						 same, same_end, chain);
				attention_merge(out + c, chain, min(n - c, TILE), alpha, beta, both, live);
			}
			l = select(l, select(l_b, fma(l, alpha, l_b * beta), both), live);
			m = select(m, top, live);
			any_key |= live;
		}
		for (int i = 0; i < n; i++)
			out[i] = select((vf)(0.0f), clm_div_v(out[i], l), any_key);
		for (int lane = 0; lane < tile.active; lane++)
			for (int i = 0; i < n; i++)
				y[y_at + (ulong)tile.y_at[lane] + c0 + i] = ((const float *)out)[i * VW + lane];
	}
	if (flags & ATTENTION_WEIGHTS)
		for (int lane = 0; lane < tile.active; lane++)
			for (int key = 0; key < s; key += ATTENTION_KEYS)
				attention_weights(weights + weights_at + tile.weights_at[lane] + key,
						  min(s - key, ATTENTION_KEYS), ((const float *)&m)[lane],
						  ((const float *)&l)[lane]);
}

/* ---- few rows: ROWS (1 or 4) an item, of the heads that share a key head; rows past the last one repeat it ---- */

#ifndef ROWS
#define ROWS 1
#endif
#define ROW_VECTORS 4 /* of v's columns that are summed at once */

struct attention_rows {
	float p[ROWS][ATTENTION_KEYS + VW]; /* as in attention_tile */
	int2 range[ROWS];
	float m[ROWS], l[ROWS];
	bool any_key[ROWS];
	ulong y_at[ROWS], weights_at[ROWS];
	__global const float *q[ROWS], *bias[ROWS], *k;
	__global const uchar *mask[ROWS];
	long k_s, mask_s, bias_s;
	int d;
	float scale, softcap;
	uint flags;
};

/* Where the compiler is Clang (PoCL, Intel), its own builtin keeps one instruction one; the same as shuffle2. */
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) shuffle2(a, b, (vu)(__VA_ARGS__))
#endif

/* Four columns of VW key rows: QUADS holds, in each group of 4 lanes, those of one key; keys i, i + 4, ... follow. LOW and
 * HIGH interleave the lower and upper halves of each group of 4 lanes, which transposes 4 x 4 within the groups. */
#if VW == 16
#define QUADS(p, i) (vf)(vload4(0, (p)[i]), vload4(0, (p)[i + 4]), vload4(0, (p)[i + 8]), vload4(0, (p)[i + 12]))
#define LOW(a, b) SHUFFLE(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(a, b) SHUFFLE(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#elif VW == 8
#define QUADS(p, i) (vf)(vload4(0, (p)[i]), vload4(0, (p)[i + 4]))
#define LOW(a, b) SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(a, b) SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#else
#define QUADS(p, i) vload4(0, (p)[i])
#define LOW(a, b) SHUFFLE(a, b, 0, 4, 1, 5)
#define HIGH(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#endif

/* Chains over columns [c0, end) of VW keys, for each row. Keys past `last` repeat it. */
static inline void attention_rows_chains(const struct attention_rows *rows, int key, int last, int c0, int end, vf *chain)
{
	__global const float *each[VW];
	int c = c0;

#pragma unroll
	for (int lane = 0; lane < VW; lane++)
		each[lane] = rows->k + min(key + lane, last) * rows->k_s + c0;
#pragma unroll
	for (int r = 0; r < ROWS; r++)
		chain[r] = (vf)(0.0f);
	for (; c + 4 <= end; c += 4) {
		vf x0 = QUADS(each, 0), x1 = QUADS(each, 1), x2 = QUADS(each, 2), x3 = QUADS(each, 3);
		vf low0 = LOW(x0, x2), low1 = LOW(x1, x3), high0 = HIGH(x0, x2), high1 = HIGH(x1, x3);
		vf x[4] = { LOW(low0, low1), HIGH(low0, low1), LOW(high0, high1), HIGH(high0, high1) };

#pragma unroll
		for (int i = 0; i < 4; i++)
#pragma unroll
			for (int r = 0; r < ROWS; r++)
				chain[r] = fma(x[i], (vf)(rows->q[r][c + i]), chain[r]);
#pragma unroll
		for (int lane = 0; lane < VW; lane++)
			each[lane] += 4;
	}
	for (; c < end; c++) {
		float x[VW];

		for (int lane = 0; lane < VW; lane++)
			x[lane] = *each[lane]++;
#pragma unroll
		for (int r = 0; r < ROWS; r++)
			chain[r] = fma(VLOAD(x), (vf)(rows->q[r][c]), chain[r]);
	}
}

/* Scores of keys lo <= j < hi of the block that begins with key `block` and lies at row `place`; -inf where dead, and up to
 * the next multiples of 64 on both sides. */
static inline void attention_rows_scores(struct attention_rows *rows, int block, int place, int lo, int hi)
{
	for (int j = lo; j < hi; j += VW) {
		vf sum[ROWS], chain[ROWS];

		for (int r = 0; r < ROWS; r++)
			sum[r] = (vf)(0.0f);
		for (int c = 0; c < rows->d; c += 256) {
			attention_rows_chains(rows, place + j, place + hi - 1, c, min(rows->d, c + 256), chain);
			for (int r = 0; r < ROWS; r++)
				sum[r] = sum[r] + chain[r];
		}
		for (int r = 0; r < ROWS; r++) {
			vf score = sum[r] * rows->scale;

			if (rows->softcap > 0.0f)
				score = rows->softcap * clm_tanh_v(clm_div_v(score, (vf)(rows->softcap)));
			VSTORE(score, rows->p[r] + j);
		}
	}
	for (int r = 0; r < ROWS; r++) {
		float *p = rows->p[r];
		int first = clamp(rows->range[r].x - block, lo, hi), end = clamp(rows->range[r].y - block, first, hi);

		if (rows->flags & ATTENTION_BIAS)
			for (int j = first; j < end; j++)
				p[j] = p[j] + rows->bias[r][(block + j) * rows->bias_s];
		if (rows->flags & ATTENTION_MASK)
			for (int j = first; j < end; j++)
				p[j] = rows->mask[r][(block + j) * rows->mask_s] ? p[j] : -INFINITY;
		for (int j = lo / 64 * 64; j < first; j++)
			p[j] = -INFINITY;
		for (int j = end; j < (hi + 63) / 64 * 64; j++)
			p[j] = -INFINITY;
	}
}

/* Scores become exp(score - m_b), dead ones -1. lo, hi: multiples of 64. */
static inline void attention_rows_exp(float *p, int lo, int hi, float *m_b, float *l_b)
{
	vf top = (vf)(-INFINITY), part[ROWSUM_N];
	float each[VW], most = -INFINITY;

	for (int j = lo; j < hi; j += VW)
		top = clm_max_v(top, VLOAD(p + j));
	VSTORE(top, each);
	for (int lane = 0; lane < VW; lane++)
		most = clm_max(most, each[lane]);
	rowsum_zero(part);
	for (int j = lo; j < hi; j += 64)
#pragma unroll
		for (int i = 0; i < ROWSUM_N; i++) {
			vf score = VLOAD(p + j + i * VW), power = clm_exp_v(score - most);
			vi alive = score != (vf)(-INFINITY);

			VSTORE(select((vf)(-1.0f), power, alive), p + j + i * VW);
			part[i] = part[i] + select((vf)(0.0f), power, alive);
		}
	*m_b = most;
	*l_b = rowsum_total(part);
}

/* How a row's chains join its result: y becomes fma(y, alpha, chain * beta); the first block sets it, a block without a live
 * key leaves it. */
struct attention_join {
	float alpha[ROWS], beta[ROWS];
	bool live[ROWS], both[ROWS];
};

static inline void attention_rows_join(struct attention_rows *rows, int active, int lo, int hi,
				       struct attention_join *join)
{
	for (int r = 0; r < ROWS; r++) {
		float m_b, l_b, top;

		attention_rows_exp(rows->p[r], lo / 64 * 64, (hi + 63) / 64 * 64, &m_b, &l_b);
		join->live[r] = r < active && l_b != 0.0f;
		join->both[r] = join->live[r] && rows->any_key[r];
		if (!join->live[r])
			continue;
		top = rows->any_key[r] ? clm_max(rows->m[r], m_b) : m_b;
		join->alpha[r] = clm_exp(rows->m[r] - top);
		join->beta[r] = clm_exp(m_b - top);
		rows->l[r] = rows->any_key[r] ? fma(rows->l[r], join->alpha[r], l_b * join->beta[r]) : l_b;
		rows->m[r] = top;
		rows->any_key[r] = true;
	}
}

/* N vectors of columns, from v and y on. Names a function: the chains of all rows over the block's keys, and their join. */
#define ROWS_VALUES(name, N)                                                                                           \
	static inline void name(const struct attention_rows *rows, const struct attention_join *join,                 \
				__global const float *v, long v_s, int lo, int hi, __global float *y)                  \
	{                                                                                                              \
		vf sum[ROWS][N];                                                                                       \
                                                                                                                       \
		_Pragma("unroll") for (int r = 0; r < ROWS; r++)                                                       \
			_Pragma("unroll") for (int i = 0; i < N; i++) sum[r][i] = (vf)(0.0f);                          \
		for (int j = lo; j < hi; j++) {                                                                        \
			__global const float *row = v + (long)j * v_s;                                                 \
                                                                                                                       \
			_Pragma("unroll") for (int r = 0; r < ROWS; r++)                                               \
			{                                                                                              \
				float weight = rows->p[r][j];                                                          \
                                                                                                                       \
				if (weight < 0.0f)                                                                     \
					continue;                                                                      \
				_Pragma("unroll") for (int i = 0; i < N; i++) sum[r][i] =                              \
					fma((vf)(weight), VLOAD(row + i * VW), sum[r][i]);                             \
			}                                                                                              \
		}                                                                                                      \
		for (int r = 0; r < ROWS; r++)                                                                         \
			for (int i = 0; i < N && join->live[r]; i++) {                                                 \
				__global float *to = y + rows->y_at[r] + i * VW;                                       \
                                                                                                                       \
				VSTORE(join->both[r] ? fma(VLOAD(to), (vf)(join->alpha[r]), sum[r][i] * join->beta[r]) \
						     : sum[r][i],                                                      \
				       to);                                                                            \
			}                                                                                              \
	}
ROWS_VALUES(attention_rows_values_many, ROW_VECTORS)
ROWS_VALUES(attention_rows_values_one, 1)

/* The block's weighted values merged into the rows of y. */
static inline void attention_rows_merge(const struct attention_rows *rows, const struct attention_join *join,
					__global const float *v, long v_s, int lo, int hi, int e, __global float *y)
{
	int c = 0;

	for (; c + ROW_VECTORS * VW <= e; c += ROW_VECTORS * VW)
		attention_rows_values_many(rows, join, v + c, v_s, lo, hi, y + c);
	for (; c + VW <= e; c += VW)
		attention_rows_values_one(rows, join, v + c, v_s, lo, hi, y + c);
	for (; c < e; c++)
		for (int r = 0; r < ROWS; r++) {
			__global float *to = y + rows->y_at[r] + c;
			float sum = 0.0f;

			for (int j = lo; j < hi; j++)
				if (!(rows->p[r][j] < 0.0f))
					sum = fma(rows->p[r][j], v[(long)j * v_s + c], sum);
			if (join->live[r])
				*to = join->both[r] ? fma(*to, join->alpha[r], sum * join->beta[r]) : sum;
		}
}

static inline void attention_rows_begin(struct attention_rows *rows, int row0, int head, int batch, ATTENTION_ARGS)
{
	int limit = ATTENTION_LIMIT, length = flags & ATTENTION_KV_LEN ? kv_len[kv_len_at + (ulong)batch] : limit;

	for (int r = 0; r < ROWS; r++) {
		int row = min(row0 + r, t * group - 1), at = row / group, h = head * group + row % group;
		int position = flags & ATTENTION_Q_POS ? q_pos[q_pos_at + (ulong)batch * t + at] : at + (s - t);

		rows->range[r] = attention_range(flags, position, length, limit, window);
		rows->q[r] = q + q_at + (ulong)(batch * q_b + h * q_h + at * q_t);
		rows->mask[r] = mask + mask_at + (ulong)(batch * mask_b + h * mask_h + at * mask_t);
		rows->bias[r] = bias + bias_at + (ulong)(batch * bias_b + h * bias_h + at * bias_t);
		rows->y_at[r] = y_at + (ulong)(batch * y_b + h * y_h + at * y_t);
		rows->weights_at[r] = weights_at + (((ulong)batch * g * group + h) * t + at) * (ulong)s;
		rows->m[r] = -INFINITY;
		rows->l[r] = 0.0f;
		rows->any_key[r] = false;
		for (int i = 0; i < e; i++)
			y[rows->y_at[r] + i] = 0.0f;
		for (int j = 0; j < s && (flags & ATTENTION_WEIGHTS); j++)
			weights[rows->weights_at[r] + j] = -INFINITY;
	}
	rows->k = k + k_at + (ulong)(batch * k_b + head * k_g);
	rows->k_s = k_s;
	rows->mask_s = mask_s;
	rows->bias_s = bias_s;
	rows->d = d;
	rows->scale = scale;
	rows->softcap = softcap;
	rows->flags = flags;
}

/* Item (i, head, batch): rows [i * ROWS, (i + 1) * ROWS). The results grow in y. */
__kernel void attention__rows(ATTENTION_ARGS)
{
	int head = (int)get_global_id(1), batch = (int)get_global_id(2), row0 = (int)get_global_id(0) * ROWS;
	int active = min(t * group - row0, ROWS), first = INT_MAX, end = 0;
	struct attention_rows rows;

	if (head >= g || batch >= batches || row0 >= t * group)
		return;
	attention_rows_begin(&rows, row0, head, batch, ATTENTION_PASS);
	v += v_at + (ulong)(batch * v_b + head * v_g);
	for (int r = 0; r < ROWS; r++) {
		if (rows.range[r].x < rows.range[r].y) {
			first = min(first, rows.range[r].x);
			end = max(end, rows.range[r].y);
		}
	}
	for (int key = first / ATTENTION_KEYS * ATTENTION_KEYS; key < end; key += ATTENTION_KEYS) {
		int lo = max(first - key, 0), hi = min(end - key, ATTENTION_KEYS);
		int place = ATTENTION_PLACE(key);
		struct attention_join join;

		attention_rows_scores(&rows, key, place, lo, hi);
		for (int r = 0; r < active && (flags & ATTENTION_WEIGHTS); r++)
			for (int j = lo; j < hi; j++)
				weights[rows.weights_at[r] + key + j] = rows.p[r][j];
		attention_rows_join(&rows, active, lo, hi, &join);
		attention_rows_merge(&rows, &join, v + (long)place * v_s, v_s, lo, hi, e, y);
	}
	for (int r = 0; r < active; r++) {
		for (int i = 0; i < e && rows.any_key[r]; i++)
			y[rows.y_at[r] + i] = clm_div(y[rows.y_at[r] + i], rows.l[r]);
		for (int key = 0; key < s && (flags & ATTENTION_WEIGHTS); key += ATTENTION_KEYS)
			attention_weights(weights + rows.weights_at[r] + key, min(s - key, ATTENTION_KEYS), rows.m[r],
					  rows.l[r]);
	}
}

/* SPDX-License-Identifier: MIT */
/* attention for processors: an item walks over all keys of its rows and keeps what it needs in the caches. Many rows: VW of
 * them, one a lane. Few rows, as when one token is generated: one, with lanes along keys and columns. */
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
			vf m_b, l_b;

			attention_scores(&tile, key, lo, hi, d <= ATTENTION_COLUMNS);
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

				attention_chains(tile.p, tile.v + (long)key * v_s + c0 + c, v_s, min(n - c, TILE), lo, hi,
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

/* ---- one row an item ---- */

struct attention_row {
	float p[ATTENTION_KEYS];
	__global const float *q, *k, *bias;
	__global const uchar *mask;
	long k_s, mask_s, bias_s;
	int d;
	float scale, softcap;
	uint flags;
};

/* Keys whose chains run side by side: enough to hide an fma's latency. */
#define KEYS_EACH(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7)
#define KEYS_TOGETHER 8

/* The dot products of q and the n key rows from k on. */
static inline void attention_row_dots(__global const float *q, __global const float *k, long k_s, int n, int d, float *p)
{
	int j = 0;

	for (; j + KEYS_TOGETHER <= n; j += KEYS_TOGETHER) {
		__global const float *row = k + (long)j * k_s;

#define ROW_SUM(i) float sum##i = 0.0f;
#define ROW_ZERO(i) float chain##i = 0.0f;
#define ROW_KEY(i) chain##i = fma(row[i * k_s + c], query, chain##i);
#define ROW_ADD(i) sum##i = sum##i + chain##i;
#define ROW_PUT(i) p[j + i] = sum##i;
		KEYS_EACH(ROW_SUM)
		for (int c0 = 0; c0 < d; c0 += 256) {
			KEYS_EACH(ROW_ZERO)
			for (int c = c0; c < min(d, c0 + 256); c++) {
				float query = q[c];

				KEYS_EACH(ROW_KEY)
			}
			KEYS_EACH(ROW_ADD)
		}
		KEYS_EACH(ROW_PUT)
	}
	for (; j < n; j++) {
		float sum = 0.0f;

		for (int c0 = 0; c0 < d; c0 += 256) {
			float chain = 0.0f;

			for (int c = c0; c < min(d, c0 + 256); c++)
				chain = fma(k[(long)j * k_s + c], q[c], chain);
			sum = sum + chain;
		}
		p[j] = sum;
	}
}

/* Scores of the block's keys lo <= j < hi; -inf where dead, and up to the next multiples of 64 on both sides. */
static inline void attention_row_scores(struct attention_row *row, int key, int lo, int hi)
{
	float *p = row->p;

	attention_row_dots(row->q, row->k + (key + lo) * row->k_s, row->k_s, hi - lo, row->d, p + lo);
	for (int j = lo; j < hi; j++)
		p[j] = p[j] * row->scale;
	if (row->softcap > 0.0f)
		for (int j = lo; j < hi; j++)
			p[j] = row->softcap * clm_tanh(clm_div(p[j], row->softcap));
	if (row->flags & ATTENTION_BIAS)
		for (int j = lo; j < hi; j++)
			p[j] = p[j] + row->bias[(key + j) * row->bias_s];
	if (row->flags & ATTENTION_MASK)
		for (int j = lo; j < hi; j++)
			p[j] = row->mask[(key + j) * row->mask_s] ? p[j] : -INFINITY;
	for (int j = lo / 64 * 64; j < lo; j++)
		p[j] = -INFINITY;
	for (int j = hi; j % 64; j++)
		p[j] = -INFINITY;
}

/* Scores become exp(score - m_b), dead ones -1. lo, hi: multiples of 64. */
static inline void attention_row_exp(float *p, int lo, int hi, float *m_b, float *l_b)
{
	vf top = (vf)(-INFINITY), part[ROWSUM_N];
	float each[VW], most = -INFINITY;

	for (int j = lo; j < hi; j += VW)
		top = clm_max_v(top, VLOAD(p + j));
	VSTORE(top, each);
	for (int lane = 0; lane < VW; lane++)
		most = clm_max(most, each[lane]);
	rowsum_zero(part);
	for (int j = lo; j < hi; j += VW) {
		vf score = VLOAD(p + j), power = clm_exp_v(score - most);
		vi alive = score != (vf)(-INFINITY);

		VSTORE(select((vf)(-1.0f), power, alive), p + j);
		part[j / VW % ROWSUM_N] = part[j / VW % ROWSUM_N] + select((vf)(0.0f), power, alive);
	}
	*m_b = most;
	*l_b = rowsum_total(part);
}

/* y becomes fma(y, alpha, chain * beta), or chain for the first block; N vectors of columns of the weighted values. */
#define ROW_VALUES(name, N, EACH)                                                                                      \
	static inline void name(const float *p, __global const float *v, long v_s, int lo, int hi, bool merge,         \
				float alpha, float beta, __global float *y)                                            \
	{                                                                                                              \
		vf sum[N];                                                                                             \
                                                                                                                       \
		EACH(ROW_CLEAR)                                                                                        \
		for (int j = lo; j < hi; j++) {                                                                        \
			__global const float *row = v + (long)j * v_s;                                                 \
			vf weight = (vf)(p[j]);                                                                        \
                                                                                                                       \
			if (!(p[j] < 0.0f)) {                                                                          \
				EACH(ROW_VALUE)                                                                        \
			}                                                                                              \
		}                                                                                                      \
		EACH(ROW_MERGE)                                                                                        \
	}
#define ROW_CLEAR(i) sum[i] = (vf)(0.0f);
#define ROW_VALUE(i) sum[i] = fma(weight, VLOAD(row + i * VW), sum[i]);
#define ROW_MERGE(i) VSTORE(merge ? fma(VLOAD(y + i * VW), (vf)(alpha), sum[i] * beta) : sum[i], y + i * VW);
#define ROW_4(M) M(0) M(1) M(2) M(3)
#define ROW_1(M) M(0)
ROW_VALUES(attention_row_values_4, 4, ROW_4)
ROW_VALUES(attention_row_values_1, 1, ROW_1)

/* The block's weighted values merged into y [e]. */
static inline void attention_row_merge(const float *p, __global const float *v, long v_s, int lo, int hi, bool merge,
				       float alpha, float beta, int e, __global float *y)
{
	int c = 0;

	for (; c + 4 * VW <= e; c += 4 * VW)
		attention_row_values_4(p, v + c, v_s, lo, hi, merge, alpha, beta, y + c);
	for (; c + VW <= e; c += VW)
		attention_row_values_1(p, v + c, v_s, lo, hi, merge, alpha, beta, y + c);
	for (; c < e; c++) {
		float sum = 0.0f;

		for (int j = lo; j < hi; j++)
			if (!(p[j] < 0.0f))
				sum = fma(p[j], v[(long)j * v_s + c], sum);
		y[c] = merge ? fma(y[c], alpha, sum * beta) : sum;
	}
}

/* Item (h, query, batch): one row. The result grows in y. */
__kernel void attention__row(ATTENTION_ARGS)
{
	int h = (int)get_global_id(0), at = (int)get_global_id(1), batch = (int)get_global_id(2);
	struct attention_row row;
	bool any_key = false;
	float m = -INFINITY, l = 0.0f;

	if (h >= g * group || at >= t || batch >= batches)
		return;
	int length = flags & ATTENTION_KV_LEN ? kv_len[kv_len_at + (ulong)batch] : s;
	int position = flags & ATTENTION_Q_POS ? q_pos[q_pos_at + (ulong)batch * t + at] : at + (s - t);
	int2 range = attention_range(flags, position, length, s, window);

	row.q = q + q_at + (ulong)(batch * q_b + h * q_h + at * q_t);
	row.k = k + k_at + (ulong)(batch * k_b + h / group * k_g);
	row.mask = mask + mask_at + (ulong)(batch * mask_b + h * mask_h + at * mask_t);
	row.bias = bias + bias_at + (ulong)(batch * bias_b + h * bias_h + at * bias_t);
	row.k_s = k_s;
	row.mask_s = mask_s;
	row.bias_s = bias_s;
	row.d = d;
	row.scale = scale;
	row.softcap = softcap;
	row.flags = flags;
	v += v_at + (ulong)(batch * v_b + h / group * v_g);
	y += y_at + (ulong)(batch * y_b + h * y_h + at * y_t);
	weights += weights_at + (((ulong)batch * g * group + h) * t + at) * (ulong)s;
	for (int j = 0; j < s && (flags & ATTENTION_WEIGHTS); j++)
		weights[j] = -INFINITY;
	for (int i = 0; i < e; i++)
		y[i] = 0.0f;
	for (int key = range.x / ATTENTION_KEYS * ATTENTION_KEYS; key < range.y; key += ATTENTION_KEYS) {
		int lo = max(range.x - key, 0), hi = min(range.y - key, ATTENTION_KEYS);
		float m_b, l_b, top;

		attention_row_scores(&row, key, lo, hi);
		for (int j = lo; j < hi && (flags & ATTENTION_WEIGHTS); j++)
			weights[key + j] = row.p[j];
		attention_row_exp(row.p, lo / 64 * 64, (hi + 63) / 64 * 64, &m_b, &l_b);
		if (l_b == 0.0f)
			continue;
		top = any_key ? clm_max(m, m_b) : m_b;

		float alpha = clm_exp(m - top), beta = clm_exp(m_b - top);

		attention_row_merge(row.p, v + (long)key * v_s, v_s, lo, hi, any_key, alpha, beta, e, y);
		l = any_key ? fma(l, alpha, l_b * beta) : l_b;
		m = top;
		any_key = true;
	}
	for (int i = 0; any_key && i < e; i++)
		y[i] = clm_div(y[i], l);
	for (int key = 0; key < s && (flags & ATTENTION_WEIGHTS); key += ATTENTION_KEYS)
		attention_weights(weights + key, min(s - key, ATTENTION_KEYS), m, l);
}

/* SPDX-License-Identifier: MIT */
/* attention for processors with vectors (VW > 1) and few rows, as when one token is generated: ROWS (1 or 4) an item. Nothing
 * is packed: keys are transposed in registers. */
#include "attention_rows.clh"

#define ROW_VECTORS 4 /* of v's columns that are summed at once */

/* Chains over columns [c0, end) of VW keys, for each row. Keys past `last` repeat it. */
static inline void few_chains(const struct attention_rows *rows, int key, int last, int c0, int end, vf *chain)
{
	__global const kept_t *each[VW];
	int c = c0;

#pragma unroll
	for (int lane = 0; lane < VW; lane++)
		each[lane] = rows->k + min(key + lane, last) * rows->k_s + c0;
#pragma unroll
	for (int r = 0; r < ROWS; r++)
		chain[r] = (vf)(0.0f);
	for (; c + 4 <= end; c += 4) {
		vf x[4];

		attention_transpose(each, x);
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
			x[lane] = KEPT_AT(each[lane]++, 0);
#pragma unroll
		for (int r = 0; r < ROWS; r++)
			chain[r] = fma(VLOAD(x), (vf)(rows->q[r][c]), chain[r]);
	}
}

/* A line of memory that will be read soon. Keys are read VW rows side by side, which no processor foresees. */
#if defined(__clang__) && defined(__x86_64__)
#define FEW_FETCH(p) __builtin_prefetch((const void *)(ulong)(p), 0, 3)
#else
#define FEW_FETCH(p)
#endif
#define FEW_LINE (64 / (int)sizeof(kept_t)) /* elements */

static inline void few_fetch(__global const kept_t *rows, long step, int lo, int hi, int n)
{
	for (int j = lo; j < hi; j++)
		for (int c = 0; c < n; c += FEW_LINE)
			FEW_FETCH(rows + j * step + c);
}

/* Scores of keys lo <= j < hi of the block that lies at row `place`, and up to the next multiple of VW. Values are fetched
 * meanwhile. */
static inline void few_scores(struct attention_rows *rows, int place, int lo, int hi, __global const kept_t *v, long v_s,
			      int e)
{
	__global const kept_t *k = rows->k + place * rows->k_s;

	few_fetch(k, rows->k_s, lo, min(lo + VW, hi), rows->d);
	for (int j = lo / VW * VW; j < hi; j += VW) {
		vf sum[ROWS], chain[ROWS];

		few_fetch(k, rows->k_s, j + VW, min(j + 2 * VW, hi), rows->d);
		few_fetch(v, v_s, max(j, lo), min(j + VW, hi), e);

		for (int r = 0; r < ROWS; r++)
			sum[r] = (vf)(0.0f);
		for (int c = 0; c < rows->d; c += 256) {
			few_chains(rows, place + j, place + hi - 1, c, min(rows->d, c + 256), chain);
			for (int r = 0; r < ROWS; r++)
				sum[r] = sum[r] + chain[r];
		}
		for (int r = 0; r < ROWS; r++)
			VSTORE(sum[r] * rows->scale, rows->p[r] + j);
	}
}

/* N vectors of columns, from v and y on: the chains of all rows over the block's keys lo <= j < hi, and their join. */
#define FEW_VALUES(name, N)                                                                                            \
	static inline void name(const struct attention_rows *rows, const struct attention_join *join,                 \
				__global const kept_t *v, long v_s, int lo, int hi, __global float *y)                  \
	{                                                                                                              \
		vf sum[ROWS][N];                                                                                       \
                                                                                                                       \
		_Pragma("unroll") for (int r = 0; r < ROWS; r++)                                                       \
			_Pragma("unroll") for (int i = 0; i < N; i++) sum[r][i] = (vf)(0.0f);                          \
		for (int j = lo; j < hi; j++) {                                                                        \
			__global const kept_t *row = v + (long)j * v_s;                                                 \
                                                                                                                       \
			_Pragma("unroll") for (int r = 0; r < ROWS; r++)                                               \
			{                                                                                              \
				float weight = rows->p[r][j];                                                          \
                                                                                                                       \
				if (weight < 0.0f || j < rows->live[r].x || j >= rows->live[r].y)                      \
					continue;                                                                      \
				_Pragma("unroll") for (int i = 0; i < N; i++) sum[r][i] =                              \
					fma((vf)(weight), KEPT_LOAD(row + i * VW), sum[r][i]);                             \
			}                                                                                              \
		}                                                                                                      \
		for (int r = 0; r < ROWS; r++)                                                                         \
			for (int i = 0; i < N && join->live[r]; i++) {                                                 \
				__global float *to = y + rows->y_at[r] + i * VW;                                       \
				vf alpha = (vf)(join->alpha[r]), added = sum[r][i] * join->beta[r];                    \
                                                                                                                       \
				VSTORE(join->both[r] ? fma(VLOAD(to), alpha, added) : sum[r][i], to);                  \
			}                                                                                              \
	}
FEW_VALUES(few_values_many, ROW_VECTORS)
FEW_VALUES(few_values_one, 1)

/* The block's weighted values merged into the rows of y. */
static inline void few_merge(const struct attention_rows *rows, const struct attention_join *join, int active,
			     __global const kept_t *v, long v_s, int e, __global float *y)
{
	int c = 0, lo = INT_MAX, hi = 0;

	for (int r = 0; r < active; r++)
		if (join->live[r]) {
			lo = min(lo, rows->live[r].x);
			hi = max(hi, rows->live[r].y);
		}
	for (; c + ROW_VECTORS * VW <= e; c += ROW_VECTORS * VW)
		few_values_many(rows, join, v + c, v_s, lo, hi, y + c);
	for (; c + VW <= e; c += VW)
		few_values_one(rows, join, v + c, v_s, lo, hi, y + c);
	attention_rows_rest(rows, join, active, v, v_s, c, e, y);
}

/* The block of keys from `key` on, of those in sight. */
static inline void few_block(struct attention_rows *rows, int active, int key, int2 sight, int s, __global const kept_t *v,
			      long v_s, int e, __global float *y, __global float *weights)
{
	int lo = max(sight.x - key, 0), hi = min(sight.y - key, ATTENTION_KEYS);
	int place = rows->flags & ATTENTION_RING ? key % s : key;
	struct attention_join join;

	few_scores(rows, place, lo, hi, v + (long)place * v_s, v_s, e);
	for (int r = 0; r < ROWS; r++) {
		rows->live[r] = (int2)(0, 0);
		join.live[r] = false;
		if (r < active)
			attention_rows_join(rows, r, key, lo, hi, weights, &join);
	}
	few_merge(rows, &join, active, v + (long)place * v_s, v_s, e, y);
}

__kernel void attention__few(ATTENTION_ARGS, int span)
{
	ATTENTION_ROWS_WALK(few_block, ROWS)
}

__kernel void attention__few_part(ATTENTION_PART_ARGS)
{
	ATTENTION_ROWS_PART(few_block, ROWS)
}

/* SPDX-License-Identifier: MIT */
/* attention for processors with vectors (VW > 1) and many rows: an item walks over all keys of at most ROWS rows. Scores and
 * weighted values are register tiles of MR (or 4) rows by NV vectors, of keys and then of columns. */
#include "attention_rows.clh"

#define WIDE (VW * NV)
#define UNROLL _Pragma("unroll")
#define PANELS (128 * ATTENTION_KEYS) /* room for packed keys: at least a panel of ATTENTION_COLUMNS columns */

/* WIDE keys from row `key` on, columns by keys; keys past row `last` repeat it. */
static inline void attention_pack(__global const kept_t *k, long k_s, int key, int last, int n, float *panel)
{
	for (int v = 0; v < NV; v++, panel += VW) {
		__global const kept_t *each[VW];
		int c = 0;

		UNROLL for (int lane = 0; lane < VW; lane++) each[lane] = k + min(key + v * VW + lane, last) * k_s;
		for (; c + 4 <= n; c += 4) {
			vf x[4];

			attention_transpose(each, x);
			UNROLL for (int i = 0; i < 4; i++) VSTORE(x[i], panel + (c + i) * WIDE);
			UNROLL for (int lane = 0; lane < VW; lane++) each[lane] += 4;
		}
		for (; c < n; c++)
			for (int lane = 0; lane < VW; lane++)
				panel[c * WIDE + lane] = KEPT_AT(each[lane]++, 0);
	}
}

/* The next tile's rows, of which `left` are left. Never more than ROWS in all: both heights divide it. */
#define TILE_HIGH(left) (MR > 4 && (left) > (MR > 6 ? 8 : 4) ? MR : 4)

/* tile_scores_R: the scores of R rows from row r on and of the panel's keys, which are keys j and following of the block.
 * Columns [c, c + n) of the rows; `last`: no further ones follow. */
#define SCORES(R)                                                                                                      \
	static inline void tile_scores_##R(struct attention_rows *rows, int r0, int j, int c, int n,                   \
					   const float *panel, bool last)                                              \
	{                                                                                                              \
		float *p = ROWS_P(rows, r0) + j, scale = last ? rows->scale : 1.0f;                                         \
		__global const float *q[R];                                                                            \
		vf chain[R][NV];                                                                                       \
                                                                                                                       \
		UNROLL for (int r = 0; r < R; r++)                                                                     \
		{                                                                                                      \
			q[r] = rows->q[r0 + r] + c;                                                                    \
			UNROLL for (int v = 0; v < NV; v++) chain[r][v] = (vf)(0.0f);                                  \
		}                                                                                                      \
		for (int i = 0; i < n; i++) {                                                                          \
			vf key[NV];                                                                                    \
                                                                                                                       \
			UNROLL for (int v = 0; v < NV; v++) key[v] = VLOAD(panel + i * WIDE + v * VW);                 \
			UNROLL for (int r = 0; r < R; r++)                                                             \
			{                                                                                              \
				vf value = (vf)(q[r][i]);                                                              \
                                                                                                                       \
				UNROLL for (int v = 0; v < NV; v++) chain[r][v] = fma(value, key[v], chain[r][v]);     \
			}                                                                                              \
		}                                                                                                      \
		if (c == 0)                                                                                            \
			UNROLL for (int r = 0; r < R; r++) UNROLL for (int v = 0; v < NV; v++)                         \
				VSTORE(((vf)(0.0f) + chain[r][v]) * scale, p + r * ATTENTION_KEYS + v * VW);           \
		else                                                                                                   \
			UNROLL for (int r = 0; r < R; r++) UNROLL for (int v = 0; v < NV; v++)                         \
			{                                                                                              \
				float *to = p + r * ATTENTION_KEYS + v * VW;                                           \
                                                                                                                       \
				VSTORE((VLOAD(to) + chain[r][v]) * scale, to);                                         \
			}                                                                                              \
	}

/* tile_values_RxN: the chains of R rows from row r0 on over keys of the block (as tile_keys says) and N vectors of columns
 * from v and y on, and their join. */
#define VALUES(R, N)                                                                                                   \
	static inline void tile_values_##R##x##N(const struct attention_rows *rows, const struct attention_join *join, \
						 int r0, int active, __global const kept_t *v, long v_s, int4 keys,    \
						 __global float *y)                                                    \
	{                                                                                                              \
		const float *p = ROWS_P(rows, r0);                                                                          \
		vf sum[R][N];                                                                                          \
		int j = keys.x;                                                                                        \
                                                                                                                       \
		UNROLL for (int r = 0; r < R; r++) UNROLL for (int i = 0; i < N; i++) sum[r][i] = (vf)(0.0f);          \
		for (int part = 0; part < 2; part++) {                                                                 \
			for (int end = part ? keys.w : keys.y; j < end; j++) {                                         \
				__global const kept_t *row = v + (long)j * v_s;                                        \
                                                                                                                       \
				UNROLL for (int r = 0; r < R; r++)                                                     \
				{                                                                                      \
					bool alive = j >= rows->live[r0 + r].x && j < rows->live[r0 + r].y &&          \
						     !(p[r * ATTENTION_KEYS + j] < 0.0f);                              \
					vf weight = (vf)(p[r * ATTENTION_KEYS + j]);                                   \
                                                                                                                       \
					if (alive)                                                                     \
						UNROLL for (int i = 0; i < N; i++) sum[r][i] =                         \
							fma(weight, KEPT_LOAD(row + i * VW), sum[r][i]);                   \
				}                                                                                      \
			}                                                                                              \
			for (; j < keys.z; j++) {                                                                      \
				__global const kept_t *row = v + (long)j * v_s;                                        \
				vf value[N];                                                                           \
                                                                                                                       \
				UNROLL for (int i = 0; i < N; i++) value[i] = KEPT_LOAD(row + i * VW);                     \
				UNROLL for (int r = 0; r < R; r++)                                                     \
				{                                                                                      \
					vf weight = (vf)(p[r * ATTENTION_KEYS + j]);                                   \
                                                                                                                       \
					UNROLL for (int i = 0; i < N; i++) sum[r][i] = fma(weight, value[i], sum[r][i]); \
				}                                                                                      \
			}                                                                                              \
		}                                                                                                      \
		for (int r = 0; r < R; r++)                                                                            \
			for (int i = 0; i < N && r0 + r < active && join->live[r0 + r]; i++) {                         \
				__global float *to = y + rows->y_at[r0 + r] + i * VW;                                  \
				vf alpha = (vf)(join->alpha[r0 + r]), added = sum[r][i] * join->beta[r0 + r];          \
                                                                                                                       \
				VSTORE(join->both[r0 + r] ? fma(VLOAD(to), alpha, added) : sum[r][i], to);             \
			}                                                                                              \
	}

SCORES(4)
VALUES(4, NV)
VALUES(4, 1)
#if MR > 4
SCORES(MR)
VALUES(MR, NV)
VALUES(MR, 1)
#endif

/* The panel of keys j and following of those lo <= j < hi of the block that begins with key `block`: the scores of
 * `high` rows from row r on, by columns [c, c + n). */
static inline void tile_scores(struct attention_rows *rows, int r, int high, int block, int j, int c, int n,
			       const float *panel)
{
	bool seen = false;

	for (int i = r; i < r + high; i++)
		seen |= rows->range[i].x < block + j + WIDE && rows->range[i].y > block + j;
	if (!seen)
		return;
	if (high == 4)
		tile_scores_4(rows, r, j, c, n, panel, c + n == rows->d);
#if MR > 4
	else
		tile_scores_MR(rows, r, j, c, n, panel, c + n == rows->d);
#endif
}

/* Keys of `high` rows from row r on: some row's first, all rows' first, all rows' end, some row's end. */
static inline int4 tile_keys(const struct attention_rows *rows, int r, int high)
{
	int4 keys = (int4)(INT_MAX, 0, INT_MAX, 0);
	bool holes = false;

	for (int i = r; i < r + high; i++)
		if (rows->live[i].x < rows->live[i].y) {
			keys.x = min(keys.x, rows->live[i].x);
			keys.y = max(keys.y, rows->live[i].x);
			keys.z = min(keys.z, rows->live[i].y);
			keys.w = max(keys.w, rows->live[i].y);
			holes |= rows->holes[i];
		}
	if (holes || keys.y >= keys.z)
		keys.y = keys.z = keys.w;
	return keys;
}

/* The block's weighted values merged into `high` rows of y from row r on. */
static inline void tile_values(const struct attention_rows *rows, const struct attention_join *join, int r, int high,
			       int active, __global const kept_t *v, long v_s, int e, __global float *y)
{
	int4 keys = tile_keys(rows, r, high);
	int c = 0, wide = NV;

	if (keys.x >= keys.w)
		return;
	for (; c + VW <= e; c += wide * VW) {
		wide = c + WIDE <= e ? NV : 1;
#define VALUES_CALL(R, N) tile_values_##R##x##N(rows, join, r, active, v + c, v_s, keys, y + c)
		if (high == 4 && wide == NV)
			VALUES_CALL(4, NV);
		else if (high == 4)
			VALUES_CALL(4, 1);
#if MR > 4
		else if (wide == NV)
			VALUES_CALL(MR, NV);
		else
			VALUES_CALL(MR, 1);
#endif
	}
	attention_rows_rest(rows, join, r, min(r + high, active), v, v_s, c, e, y);
}

/* The block of keys from `key` on, of those in sight. Its keys are packed once for all tiles of rows, whose scores stay
 * in the first cache; keys of more columns than there is room for once a tile. */
static inline void tiles_block(struct attention_rows *rows, int active, int key, int2 sight, int s, __global const kept_t *v,
			       long v_s, int e, __global float *y, __global float *weights)
{
	int lo = max(sight.x - key, 0), hi = min(sight.y - key, ATTENTION_KEYS), begin = lo / WIDE * WIDE, d = rows->d;
	int place = rows->flags & ATTENTION_RING ? key % s : key;
	__global const kept_t *k = rows->k + place * rows->k_s;
	float panels[PANELS] __attribute__((aligned(64)));
	bool once = d * ATTENTION_KEYS <= PANELS;
	struct attention_join join;

	v += (long)place * v_s;
	attention_fetch(k, rows->k_s, lo, min(begin + WIDE, hi), d);
	for (int j = begin; once && j < hi; j += WIDE) {
		attention_fetch(k, rows->k_s, j + WIDE, min(j + 2 * WIDE, hi), d);
		attention_pack(k, rows->k_s, j, hi - 1, d, panels + (j - begin) * d);
		attention_fetch(v, v_s, max(j, lo), min(j + WIDE, hi), e);
	}
	for (int r = 0, high; r < active; r += high) {
		high = TILE_HIGH(active - r);
		for (int j = begin; j < hi; j += WIDE)
			for (int c = 0; c == 0 || c < d; c += ATTENTION_COLUMNS) {
				int n = min(d - c, ATTENTION_COLUMNS);

				if (!once)
					attention_pack(k + c, rows->k_s, j, hi - 1, n, panels);
				tile_scores(rows, r, high, key, j, c, n, once ? panels + (j - begin) * d : panels);
			}
		for (int i = r; i < r + high; i++) {
			rows->live[i] = (int2)(0, 0);
			if (i < active)
				attention_rows_join(rows, i, key, lo, hi, weights, &join);
		}
		tile_values(rows, &join, r, high, active, v, v_s, e, y);
	}
}

__kernel void attention__tiles(ATTENTION_ARGS, int span)
{
	ATTENTION_ROWS_WALK(tiles_block, min(active + 3, ROWS))
}

__kernel void attention__tiles_part(ATTENTION_PART_ARGS)
{
	ATTENTION_ROWS_PART(tiles_block, min(active + 3, ROWS))
}

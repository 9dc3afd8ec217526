/* SPDX-License-Identifier: MIT */
/* linear for GPUs: y[rows, n] = x[rows, k] times the transpose of w[n, k], + bias[n]. w, of any type of weight.clh,
 * lies in panels of LINEAR_PANEL columns (then neighbouring items read neighbouring columns), or in rows if it is no
 * weight. Many rows: tiles of 64 x 64 or 32 x 32 by a group. Up to 8 rows: every panel by a group, every block of 256
 * terms by 32 items. */
#include "weight.clh"
#include "linear/product.local.clh"

#define LINEAR_PANEL 32
/* An element, of types in blocks its quant; the scale of that. */
#ifdef WEIGHT_GROUP
#define LINEAR_ROW_GROUP(i, c) (w + (ulong)(c)*WEIGHT_SPAN(k) + (ulong)((i) / WEIGHT_GROUP) * WEIGHT_UNIT)
#define LINEAR_GROUP(i, c)                                                                                             \
	(w + ((ulong)((c) / LINEAR_PANEL) * WEIGHT_SPAN(k) + (ulong)((i) / WEIGHT_GROUP) * WEIGHT_UNIT) * LINEAR_PANEL)
#define LINEAR_AT(i, c)                                                                                                \
	(panels ? weight_panel_quant(LINEAR_GROUP(i, c) + 2 * LINEAR_PANEL, (i) % WEIGHT_GROUP, LINEAR_PANEL,          \
				     (c) % LINEAR_PANEL)                                                               \
		: weight_row_quant(LINEAR_ROW_GROUP(i, c), (i) % WEIGHT_GROUP))
#define LT_SCALE(i, c)                                                                                                 \
	vload_half(panels ? (c) % LINEAR_PANEL : 0,                                                                    \
		   (__global const half *)(panels ? LINEAR_GROUP(i, c) : LINEAR_ROW_GROUP(i, c)))
#else
#define LINEAR_AT(i, c)                                                                                                \
	(panels ? WEIGHT_PANEL(w + (ulong)((c) / LINEAR_PANEL) * k * LINEAR_PANEL + (c) % LINEAR_PANEL, i,             \
			       LINEAR_PANEL)                                                                           \
		: WEIGHT_ROW(w + (ulong)(c)*k, i))
#endif

/* Groups before row_group (of rows) and column_group (of columns) left out. */
#define LINEAR_LOCAL(name)                                                                                             \
	__kernel LT_SIZE void name(__global const float *x, ulong x_at, __global const weight_t *w, ulong w_at,        \
				   __global const float *bias, ulong bias_at, __global float *y, ulong y_at,           \
				   uint rows, uint n, uint k, uint has_bias, uint panels, uint row_group,              \
				   uint column_group)                                                                  \
	{                                                                                                              \
		LT_BEGIN(row_group, column_group)                                                                      \
		x += x_at;                                                                                             \
		w += w_at * WEIGHT_UNIT;                                                                               \
		y += y_at;                                                                                             \
		LT_SUM(rows, n, k, true, x[(ulong)m * k + i], !panels, LINEAR_AT(i, c))                                \
		LT_EACH_OWN(rows, n, y[(ulong)m * n + c] = has_bias ? value + bias[bias_at + c] : value)               \
	}

#define LT_ROWS 8
#define LT_DOWN 8
#define LT_ACROSS 16
LINEAR_LOCAL(linear__local_64)

#undef LT_ROWS
#undef LT_ACROSS
#define LT_ROWS 4
#define LT_ACROSS 8
LINEAR_LOCAL(linear__local_32)
#undef LT_ROWS
#undef LT_DOWN
#undef LT_ACROSS

/* R <= LINEAR_DOWN rows from row0 on. Item (lane, d) makes the terms of column `lane` of the panel for blocks d, d +
 * LINEAR_DOWN, ... and adds the totals of row d in order, LINEAR_DOWN blocks a turn. */
#define LINEAR_DOWN 8
#define LINEAR_STEP 8
#define LINEAR_UNROLL _Pragma("unroll")
#ifdef WEIGHT_GROUP
/* Of the panel's column `lane`; i counts from a block's first. */
#define LINEAR_LOAD(i) weight_panel_quant(group + 2 * LINEAR_PANEL, (i) % WEIGHT_GROUP, LINEAR_PANEL, lane)
#define LINEAR_CHAINS(R, from, end)                                                                                    \
	for (uint first = from; first < end; first += WEIGHT_GROUP) {                                                  \
		__global const weight_t *group = w + WEIGHT_SPAN(first) * LINEAR_PANEL;                                \
		float scale = vload_half(lane, (__global const half *)group), part[R];                                 \
                                                                                                                       \
		LINEAR_UNROLL for (int r = 0; r < R; r++) part[r] = 0.0f;                                              \
		for (uint i = first; i < first + WEIGHT_GROUP; i += LINEAR_STEP)                                       \
			LINEAR_STEPS(R, part, i)                                                                       \
		LINEAR_UNROLL for (int r = 0; r < R; r++) term[r] = fma(scale, part[r], term[r]);                      \
	}
#else
#define LINEAR_LOAD(i) WEIGHT_PANEL(w + lane, i, LINEAR_PANEL)
#define LINEAR_CHAINS(R, from, end)                                                                                    \
	{                                                                                                              \
		uint i = from;                                                                                         \
                                                                                                                       \
		for (; i + LINEAR_STEP <= end; i += LINEAR_STEP)                                                       \
			LINEAR_STEPS(R, term, i)                                                                       \
		for (; i < end; i++)                                                                                   \
			LINEAR_UNROLL for (int r = 0; r < R; r++) term[r] =                                            \
				fma(x[(ulong)min((uint)r, rows - 1) * k + i], LINEAR_LOAD(i), term[r]);                \
	}
#endif
#define LINEAR_STEPS(R, into, i)                                                                                       \
	{                                                                                                              \
		float weight[LINEAR_STEP];                                                                             \
                                                                                                                       \
		LINEAR_UNROLL for (int s = 0; s < LINEAR_STEP; s++) weight[s] = LINEAR_LOAD((i) + s);                  \
		LINEAR_UNROLL for (int r = 0; r < R; r++)                                                              \
		{                                                                                                      \
			__global const float *value = x + (ulong)min((uint)r, rows - 1) * k + (i);                     \
                                                                                                                       \
			LINEAR_UNROLL for (int s = 0; s < LINEAR_STEP; s++) into[r] =                                  \
				fma(value[s], weight[s], into[r]);                                                     \
		}                                                                                                      \
	}

#define LINEAR_ROWS(name, R)                                                                                           \
	__kernel __attribute__((reqd_work_group_size(LINEAR_PANEL, LINEAR_DOWN, 1))) void name(                        \
		__global const float *x, ulong x_at, __global const weight_t *w, ulong w_at,                           \
		__global const float *bias, ulong bias_at, __global float *y, ulong y_at, uint rows, uint n, uint k,   \
		uint has_bias, uint panel0)                                                                            \
	{                                                                                                              \
		__local float totals[LINEAR_DOWN * R * LINEAR_PANEL];                                                  \
		uint lane = get_local_id(0), d = get_local_id(1), panel = panel0 + get_group_id(0);                    \
		uint column = panel * LINEAR_PANEL + lane, blocks = (k + 255) / 256;                                   \
		float sum = 0.0f;                                                                                      \
                                                                                                                       \
		x += x_at;                                                                                             \
		w += w_at * WEIGHT_UNIT + (ulong)panel * WEIGHT_SPAN(k) * LINEAR_PANEL;                                \
		for (uint turn = 0; turn < blocks; turn += LINEAR_DOWN) {                                              \
			uint start = min((turn + d) * 256, k), end = min(start + 256, k);                              \
			float term[R];                                                                                 \
                                                                                                                       \
			LINEAR_UNROLL for (int r = 0; r < R; r++) term[r] = 0.0f;                                      \
			if (column < n)                                                                                \
				LINEAR_CHAINS(R, start, end)                                                           \
			LINEAR_UNROLL for (int r = 0; r < R; r++) totals[(d * R + r) * LINEAR_PANEL + lane] = term[r]; \
			barrier(CLK_LOCAL_MEM_FENCE);                                                                  \
			if (d < R)                                                                                     \
				for (uint b = 0; b < min(blocks - turn, (uint)LINEAR_DOWN); b++)                       \
					sum = sum + totals[(b * R + d) * LINEAR_PANEL + lane];                         \
			barrier(CLK_LOCAL_MEM_FENCE);                                                                  \
		}                                                                                                      \
		if (d < min((uint)R, rows) && column < n)                                                              \
			y[y_at + (ulong)d * n + column] = has_bias ? sum + bias[bias_at + column] : sum;               \
	}
LINEAR_ROWS(linear__local_rows_1, 1)
LINEAR_ROWS(linear__local_rows_4, 4)
LINEAR_ROWS(linear__local_rows_8, 8)

/* SPDX-License-Identifier: MIT */
/* Queries, keys and values on processors: three products of the same rows, whose weights lie in panels of their own.
 * Items (tile of rows, panels of TILE_PANELS) of the three follow one another; no groups. */
#include "tile.clh"

#define QKV_ITEMS(n) (((n) + TILE_PANELS(rows, n) * TILE_WIDTH - 1) / (TILE_PANELS(rows, n) * TILE_WIDTH))

__kernel void qkv__cpu(__global const float *restrict x, ulong x_at, __global const weight_t *restrict wq, ulong wq_at,
		       __global const float *restrict bq, ulong bq_at, __global float *restrict q, ulong q_at,
		       __global const weight_t *restrict wk, ulong wk_at, __global const float *restrict bk,
		       ulong bk_at, __global float *restrict k, ulong k_at, __global const weight_t *restrict wv,
		       ulong wv_at, __global const float *restrict bv, ulong bv_at, __global float *restrict v,
		       ulong v_at, uint rows, uint q_n, uint k_n, uint v_n, uint d, uint has_bq, uint has_bk,
		       uint has_bv)
{
	uint item = TILE_PANEL_ITEM, n = q_n, has_bias = has_bq;
	__global const weight_t *w = wq + wq_at * WEIGHT_UNIT;
	__global const float *bias = bq + bq_at;
	__global float *y = q + q_at;

	if (item >= QKV_ITEMS(q_n) + QKV_ITEMS(k_n)) {
		item -= QKV_ITEMS(q_n) + QKV_ITEMS(k_n);
		n = v_n;
		w = wv + wv_at * WEIGHT_UNIT;
		bias = bv + bv_at;
		has_bias = has_bv;
		y = v + v_at;
	} else if (item >= QKV_ITEMS(q_n)) {
		item -= QKV_ITEMS(q_n);
		n = k_n;
		w = wk + wk_at * WEIGHT_UNIT;
		bias = bk + bk_at;
		has_bias = has_bk;
		y = k + k_at;
	}
	tile_linear(x + x_at, w, bias, has_bias, y, rows, n, d, TILE_ROW_ITEM, item);
}

/* SPDX-License-Identifier: MIT */
/* Half a feed_forward on any device: y[rows, n] = x[rows, k] times the transpose of w[n, k], + bias[n], then the
 * activation if `act`, or the sum with `residual` if there is one. An item makes DOT_ROWS rows of one column: item
 * (column, rows / DOT_ROWS), rows before `first` left out. */
#include "dot_rows.clh"
#include "blocks/feed_forward.clh"

__kernel void feed_forward(__global const float *restrict x, ulong x_at, __global const float *restrict w, ulong w_at,
			   __global const float *restrict bias, ulong bias_at, __global const float *restrict residual,
			   ulong residual_at, __global float *restrict y, ulong y_at, uint rows, uint n, uint k,
			   uint has_bias, uint has_residual, uint act, uint first)
{
	uint column = get_global_id(0), row = first + get_global_id(1) * DOT_ROWS;
	float sum[DOT_ROWS];

	if (column >= n || row >= rows)
		return;
	dot_rows(sum, x + x_at, k, 1, row, rows, w + w_at + (ulong)column * k, 1, k);
	for (uint r = 0; r < DOT_ROWS && row + r < rows; r++) {
		float value = has_bias ? sum[r] + bias[bias_at + column] : sum[r];
		ulong at = (ulong)(row + r) * n + column;

		if (act)
			value = FEED_FORWARD_ACT(value);
		y[y_at + at] = has_residual ? residual[residual_at + at] + value : value;
	}
}

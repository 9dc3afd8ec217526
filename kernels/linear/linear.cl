/* SPDX-License-Identifier: MIT */
/* linear on any device: y[rows, n] = x[rows, k] times the transpose of w[n, k], + bias[n]. An item makes DOT_ROWS rows
 * of one column: item (column, rows / DOT_ROWS), rows before `first` left out. */
#include "dot_rows.clh"

__kernel void linear(__global const float *restrict x, ulong x_at, __global const weight_t *restrict w, ulong w_at,
		     __global const float *restrict bias, ulong bias_at, __global float *restrict y, ulong y_at,
		     uint rows, uint n, uint k, uint has_bias, uint first)
{
	uint column = get_global_id(0), row = first + get_global_id(1) * DOT_ROWS;
	float sum[DOT_ROWS];

	if (column >= n || row >= rows)
		return;
	dot_weights(sum, x + x_at, row, rows, w + w_at * WEIGHT_UNIT + (ulong)column * WEIGHT_SPAN(k), k);
	for (uint r = 0; r < DOT_ROWS && row + r < rows; r++)
		y[y_at + (ulong)(row + r) * n + column] = has_bias ? sum[r] + bias[bias_at + column] : sum[r];
}

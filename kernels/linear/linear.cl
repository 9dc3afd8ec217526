/* SPDX-License-Identifier: MIT */
/* linear on any device: y[rows, n] = x[rows, k] times the transpose of w[n, k], + bias[n]. An item makes LINEAR_ROWS
 * rows of one column, in the order of ops/ARITHMETIC.md, 2. */
#include "types.clh"

#define LINEAR_ROWS 4
#define LINEAR_BLOCK 256

__kernel void linear(__global const float *restrict x, ulong x_at, __global const float *restrict w, ulong w_at,
		     __global const float *restrict bias, ulong bias_at, __global float *restrict y, ulong y_at,
		     uint rows, uint n, uint k, uint has_bias, uint first)
{
	uint column = get_global_id(0), row = first + get_global_id(1) * LINEAR_ROWS;
	float sum[LINEAR_ROWS] = { 0.0f };
	ulong at[LINEAR_ROWS];

	if (column >= n || row >= rows)
		return;
	/* Rows beyond the last repeat it and are not stored. */
	for (uint r = 0; r < LINEAR_ROWS; r++)
		at[r] = x_at + (ulong)min(row + r, rows - 1) * k;
	w_at += (ulong)column * k;
	for (uint start = 0; start < k; start += LINEAR_BLOCK) {
		uint end = min(k - start, (uint)LINEAR_BLOCK) + start;
		float term[LINEAR_ROWS] = { 0.0f };

		for (uint i = start; i < end; i++) {
			float value = w[w_at + i];

			for (uint r = 0; r < LINEAR_ROWS; r++)
				term[r] = fma(x[at[r] + i], value, term[r]);
		}
		for (uint r = 0; r < LINEAR_ROWS; r++)
			sum[r] = sum[r] + term[r];
	}
	for (uint r = 0; r < LINEAR_ROWS && row + r < rows; r++)
		y[y_at + (ulong)(row + r) * n + column] = has_bias ? sum[r] + bias[bias_at + column] : sum[r];
}

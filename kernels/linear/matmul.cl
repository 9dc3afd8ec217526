/* SPDX-License-Identifier: MIT */
/* matmul on any device: y[batch, m, n] = a[batch, m, k] b[batch, k, n] with any strides of a and b. An item makes
 * MATMUL_ROWS rows of one column of one product, in the order of ops/ARITHMETIC.md, 2. */
#include "linear/matmul.clh"

#define MATMUL_ROWS 4

__kernel void matmul(__global const float *restrict a, ulong a_at, __global const float *restrict b, ulong b_at,
		     __global float *restrict y, ulong y_at, uint m, uint n, uint k, long a_row, long a_column,
		     long b_row, long b_column, uint first, MATMUL_AXES)
{
	uint column = get_global_id(0), row = get_global_id(1) * MATMUL_ROWS, item = get_global_id(2) + first;
	float sum[MATMUL_ROWS] = { 0.0f };
	ulong at[MATMUL_ROWS];

	if (column >= n || row >= m)
		return;
	y_at += ((ulong)item * m + row) * n + column;
	MATMUL_SEEK_ALL
	/* Rows beyond the last repeat it and are not stored. */
	for (uint r = 0; r < MATMUL_ROWS; r++)
		at[r] = a_at + (ulong)min(row + r, m - 1) * a_row;
	b_at += (ulong)column * b_column;
	for (uint start = 0; start < k; start += MATMUL_BLOCK) {
		uint end = min(k - start, (uint)MATMUL_BLOCK) + start;
		float term[MATMUL_ROWS] = { 0.0f };

		for (uint i = start; i < end; i++) {
			float value = b[b_at + (ulong)i * b_row];

			for (uint r = 0; r < MATMUL_ROWS; r++)
				term[r] = fma(a[at[r] + (ulong)i * a_column], value, term[r]);
		}
		for (uint r = 0; r < MATMUL_ROWS; r++)
			sum[r] = sum[r] + term[r];
	}
	for (uint r = 0; r < MATMUL_ROWS && row + r < m; r++)
		y[y_at + (ulong)r * n] = sum[r];
}

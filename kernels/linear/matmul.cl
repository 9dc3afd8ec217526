/* SPDX-License-Identifier: MIT */
/* matmul on any device: y[batch, m, n] = a[batch, m, k] b[batch, k, n] with any strides of a and b. An item makes
 * DOT_ROWS rows of one column of one product: item (column, rows / DOT_ROWS, product), products before `first` left
 * out. */
#include "linear/matmul.clh"
#include "dot_rows.clh"

__kernel void matmul(__global const float *restrict a, ulong a_at, __global const float *restrict b, ulong b_at,
		     __global float *restrict y, ulong y_at, uint m, uint n, uint k, long a_row, long a_column,
		     long b_row, long b_column, uint first, MATMUL_AXES)
{
	uint column = get_global_id(0), row = get_global_id(1) * DOT_ROWS, item = get_global_id(2) + first;
	float sum[DOT_ROWS];

	if (column >= n || row >= m)
		return;
	y_at += ((ulong)item * m + row) * n + column;
	MATMUL_SEEK_ALL
	dot_rows(sum, a + a_at, a_row, a_column, row, m, b + b_at + (ulong)column * b_column, b_row, k);
	for (uint r = 0; r < DOT_ROWS && row + r < m; r++)
		y[y_at + (ulong)r * n] = sum[r];
}

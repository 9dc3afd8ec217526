/* SPDX-License-Identifier: MIT */
/* The largest elements of rows. Order: NaN first, then descending, equal ones by index ascending. */
#include "types.clh"

/* Whether a comes strictly before b; comparing bits for NaN keeps it independent of a compiler's idea of x != x. */
static inline int select_before(float a, float b)
{
	int a_nan = (as_uint(a) & 0x7fffffffu) > 0x7f800000u, b_nan = (as_uint(b) & 0x7fffffffu) > 0x7f800000u;

	return a > b || (a_nan && !b_nan);
}

/* Item (i, r) scans elements [i * piece, (i + 1) * piece) of row r of x [rows, n]; values and indices: [rows, pieces]. */
__kernel void argmax_pieces(__global const float *x, ulong x_at, __global float *values, ulong values_at,
			    __global int *indices, ulong indices_at, int rows, int n, int piece)
{
	int pieces = (n - 1) / piece + 1, at = (int)get_global_id(0), row = (int)get_global_id(1);
	int first = at * piece, end = min(n - first, piece) + first, best = first;
	float top;

	if (row >= rows || at >= pieces)
		return;
	x += x_at + (ulong)row * n;
	top = x[first];
	for (int i = first + 1; i < end; i++)
		if (select_before(x[i], top)) {
			top = x[i];
			best = i;
		}
	values[values_at + (ulong)row * pieces + at] = top;
	indices[indices_at + (ulong)row * pieces + at] = best;
}

__kernel void argmax_merge(__global const float *values, ulong values_at, __global const int *indices, ulong indices_at,
			   __global int *y, ulong y_at, int rows, int pieces)
{
	int row = (int)get_global_id(0), best = 0;

	if (row >= rows)
		return;
	values += values_at + (ulong)row * pieces;
	for (int i = 1; i < pieces; i++)
		if (select_before(values[i], values[best]))
			best = i;
	y[y_at + row] = indices[indices_at + (ulong)row * pieces + best];
}

/* values, indices: [rows, k], kept sorted while row r of x [rows, n] is scanned once. */
__kernel void top_k(__global const float *x, ulong x_at, __global float *values, ulong values_at, __global int *indices,
		    ulong indices_at, int rows, int n, int k)
{
	int row = (int)get_global_id(0), count = 0;

	if (row >= rows)
		return;
	x += x_at + (ulong)row * n;
	values += values_at + (ulong)row * k;
	indices += indices_at + (ulong)row * k;
	for (int i = 0; i < n; i++) {
		float value = x[i];
		int at = count;

		if (count == k && !select_before(value, values[k - 1]))
			continue;
		if (count < k)
			count++;
		else
			at = k - 1;
		for (; at > 0 && select_before(value, values[at - 1]); at--) {
			values[at] = values[at - 1];
			indices[at] = indices[at - 1];
		}
		values[at] = value;
		indices[at] = i;
	}
}

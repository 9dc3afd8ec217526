/* SPDX-License-Identifier: MIT */
/* T5's relative position bias (ops/ARITHMETIC.md, section 8). */
#include "types.clh"

/* y [rows / t, heads, t, keys] from table [buckets, heads] and pos [rows] (has_pos 0: the row's number, below t).
 * bucket [furthest + 1] is each distance's; behind: added for keys after the query, 0 if those are distance 0. Item
 * (i, r, h): keys [i * span, (i + 1) * span) of row r and head h. */
__kernel void relative_position_bias(__global const int *bucket, ulong bucket_at, __global const float *table,
				     ulong table_at, __global const int *pos, ulong pos_at, __global float *y,
				     ulong y_at, int rows, int heads, int t, int keys, int span, int furthest,
				     int behind, int has_pos)
{
	int row = (int)get_global_id(1), head = (int)get_global_id(2), j = (int)get_global_id(0) * span;
	int end = min(keys, j + span);

	if (row >= rows)
		return;
	int given = has_pos ? pos[pos_at + row] : row % t, p = max(given, 0);

	bucket += bucket_at;
	table += table_at + head;
	y += y_at + ((ulong)(row / t) * heads + head) * (ulong)t * keys + (ulong)(row % t) * keys;
	for (; j < end; j++) {
		int distance = j <= p ? p - j : behind ? j - p : 0;
		int number = bucket[min(distance, furthest)] + (j > p ? behind : 0);

		y[j] = given < 0 ? 0.0f : table[(ulong)number * heads];
	}
}

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

/* Item (i, r) keeps the largest elements of piece i of row r, sorted: values and indices are [rows, pieces, keep]; a piece
 * shorter than `keep` fills the front. The host cuts pieces so that no item comes near the 65535 loop iterations after
 * which llvmpipe ends all loops, whatever the order of the elements. */
__kernel void top_k_pieces(__global const float *x, ulong x_at, __global float *values, ulong values_at,
			   __global int *indices, ulong indices_at, int rows, int n, int piece, int keep)
{
	int pieces = (n - 1) / piece + 1, part = (int)get_global_id(0), row = (int)get_global_id(1), count = 0;
	int first = part * piece, end = min(n - first, piece) + first;
	ulong place = ((ulong)row * pieces + part) * keep;

	if (row >= rows || part >= pieces)
		return;
	x += x_at + (ulong)row * n;
	values += values_at + place;
	indices += indices_at + place;
	for (int i = first; i < end; i++) {
		float value = x[i];
		int at = count;

		if (count == keep && !select_before(value, values[keep - 1]))
			continue;
		if (count < keep)
			count++;
		else
			at = keep - 1;
		for (; at > 0 && select_before(value, values[at - 1]); at--) {
			values[at] = values[at - 1];
			indices[at] = indices[at - 1];
		}
		values[at] = value;
		indices[at] = i;
	}
}

/* Merges the pieces of each row into its elements [from, to) of y [rows, k]; heads [rows, pieces] says how far each piece
 * is used up, from one launch to the next. Of equal ones the piece further left comes first. */
__kernel void top_k_merge(__global const float *values, ulong values_at, __global const int *indices, ulong indices_at,
			  __global int *heads, ulong heads_at, __global float *y_values, ulong y_values_at,
			  __global int *y_indices, ulong y_indices_at, int rows, int n, int piece, int keep, int k, int from,
			  int to)
{
	int pieces = (n - 1) / piece + 1, row = (int)get_global_id(0);

	if (row >= rows)
		return;
	values += values_at + (ulong)row * pieces * keep;
	indices += indices_at + (ulong)row * pieces * keep;
	heads += heads_at + (ulong)row * pieces;
	for (int part = 0; from == 0 && part < pieces; part++)
		heads[part] = 0;
	for (int i = from; i < to; i++) {
		long best = -1;
		int winner = 0;

		for (int part = 0; part < pieces; part++) {
			long at = (long)part * keep + heads[part];

			if (heads[part] < min(keep, n - part * piece) &&
			    (best < 0 || select_before(values[at], values[best]))) {
				best = at;
				winner = part;
			}
		}
		heads[winner]++;
		y_values[y_values_at + (ulong)row * k + i] = values[best];
		y_indices[y_indices_at + (ulong)row * k + i] = indices[best];
	}
}

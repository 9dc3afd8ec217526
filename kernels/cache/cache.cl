/* SPDX-License-Identifier: MIT */
/* Writing states: rows at positions, or the whole state. */
#include "kept.clh"
#include "copy.clh"

COPY_KERNEL(store_4, uint, uint, COPY_LOAD, COPY_STORE, COPY_ONE)
COPY_KERNEL(store_1, uchar, uchar, COPY_LOAD, COPY_STORE, COPY_ONE)
COPY_KERNEL(store_half, float, ushort, VLOAD, KEPT_STORE_HALVES, kept_round)

/* state [b, g, c, d], x [b, g, t, d], pos [b, t]. Item (i, g, b) writes elements [i * span, (i + 1) * span) of all rows of
 * one head in turn, so that of rows with equal positions the last one stays. ring: position p is row p mod c. */
__kernel void cache_write(__global kept_t *state, ulong state_at, __global const float *x, ulong x_at,
			  __global const int *pos, ulong pos_at, uint b, uint g, uint t, uint c, uint d, uint span,
			  int ring, long state_b, long state_g, long state_c, long x_b, long x_g, long x_t)
{
	uint first = (uint)get_global_id(0) * span, last = min(d, first + span);
	uint head = (uint)get_global_id(1), batch = (uint)get_global_id(2);

	if (head >= g || batch >= b)
		return;
	state += state_at + (ulong)(batch * state_b + head * state_g);
	x += x_at + (ulong)(batch * x_b + head * x_g);
	pos += pos_at + (ulong)batch * t;
	for (uint row = 0; row < t; row++) {
		int at = kept_row(pos[row], (int)c, ring);

		if (at >= 0 && (uint)at < c && first < last)
			kept_copy(x + (long)row * x_t + first, state + (long)at * state_c + first, (int)(last - first));
	}
}

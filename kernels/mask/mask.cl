/* SPDX-License-Identifier: MIT */
/* Attention masks: true = attend. */
#include "types.clh"

/* y[t, s]: key j is visible to query i at position p = i + s - t iff j <= p, and with a window also j > p - window. */
__kernel void causal_mask(__global uchar *y, ulong y_at, long t, long s, long window)
{
	long id = get_global_id(0), i = id / s, j = id - i * s, p = i + (s - t);

	if (i >= t)
		return;
	y[y_at + (ulong)id] = j <= p && (window <= 0 || j > p - window);
}

__kernel void padding_mask(const __global int *x, ulong x_at, __global uchar *y, ulong y_at, ulong count)
{
	ulong i = get_global_id(0);

	if (i < count)
		y[y_at + i] = x[x_at + i] != 0;
}

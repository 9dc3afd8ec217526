/* SPDX-License-Identifier: MIT */
/* Attention with linear biases (ops/ARITHMETIC.md, section 8). */
#include "types.clh"

/* y [heads, keys] = slope [heads] times the key's number. Item (i, h): keys [i * span, (i + 1) * span) of head h. */
__kernel void alibi(__global const float *slope, ulong slope_at, __global float *y, ulong y_at, int heads, int keys,
		    int span)
{
	int head = (int)get_global_id(1), j = (int)get_global_id(0) * span, end = min(keys, j + span);

	if (head >= heads)
		return;
	float factor = slope[slope_at + head];

	y += y_at + (ulong)head * keys;
	for (; j < end; j++)
		y[j] = factor * (float)j;
}

/* SPDX-License-Identifier: MIT */
/* scale_shift on any device. OpenCL C 1.2 and f32 only. Item (column, row - first); the global size is rounded up to the
 * group, so each item looks whether it is within. A tensor is a pointer and an offset in elements. */
#include "types.clh"

__kernel void scale_shift(__global const float *x, ulong x_at, __global const float *gain, ulong gain_at,
			  __global float *y, ulong y_at, uint n, long first, float shift, uint has_gain)
{
	uint column = get_global_id(0);
	ulong at = (ulong)(first + (long)get_global_id(1)) * n + column;

	if (column >= n)
		return;
	y[y_at + at] = has_gain ? fma(x[x_at + at], gain[gain_at + column], shift) : x[x_at + at] + shift;
}

/* SPDX-License-Identifier: MIT */
/* Rotary position embedding (ops/ARITHMETIC.md, section 8). */
#include "rope.clh"

/* x, y [batches, heads, t, d], which may be the same memory; frequency [pairs]; factor [pairs], which divides it if has_factor; pos [batches, t]. Item (i, t, b) turns VW
 * pairs from i * VW on in all heads; the last item i copies the columns from 2 * pairs on. */
__kernel void rope(__global const float *frequency, ulong frequency_at, __global const float *factor, ulong factor_at, int has_factor, __global const float *x, ulong x_at,
		   __global const int *pos, ulong pos_at, __global float *y, ulong y_at, int batches, int heads, int t,
		   int d, int pairs, long x_b, long x_h, long x_t, long y_b, long y_h, long y_t, int halves)
{
	int i = (int)get_global_id(0) * VW, row = (int)get_global_id(1), batch = (int)get_global_id(2);
	int last = (pairs + VW - 1) / VW * VW, count = clamp(pairs - i, 0, VW);

	if (row >= t || batch >= batches || i > last)
		return;
	int position = pos[pos_at + (ulong)batch * t + row], apart = halves ? pairs : 1, step = halves ? 1 : 2;
	vf sine, cosine;

	rope_angles(frequency + frequency_at, factor + factor_at, has_factor, i, count, position, &sine, &cosine);
	x += x_at + (ulong)(batch * x_b + row * x_t);
	y += y_at + (ulong)(batch * y_b + row * y_t);
	for (int head = 0; head < heads; head++, x += x_h, y += y_h) {
		if (i == last)
			for (int c = 2 * pairs; c < d; c++)
				y[c] = x[c];
		rope_turn(x + i * step, y + i * step, count, step, apart, position >= 0, sine, cosine);
	}
}

/* SPDX-License-Identifier: MIT */
/* Rotary position embedding (ops/ARITHMETIC.md, section 8). */
#include "math.clh"

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
	float angle[VW], first[VW], second[VW];

	for (int lane = 0; lane < VW; lane++) {
		float turns = lane < count ? frequency[frequency_at + i + lane] : 0.0f;

		if (has_factor && lane < count)
			turns = clm_div(turns, factor[factor_at + i + lane]);
		angle[lane] = (float)position * turns;
		first[lane] = second[lane] = 0.0f;
	}
	vf sine = clm_sin_v(VLOAD(angle)), cosine = clm_cos_v(VLOAD(angle));

	x += x_at + (ulong)(batch * x_b + row * x_t);
	y += y_at + (ulong)(batch * y_b + row * y_t);
	for (int head = 0; head < heads; head++, x += x_h, y += y_h) {
		if (i == last)
			for (int c = 2 * pairs; c < d; c++)
				y[c] = x[c];
		for (int lane = 0; lane < count; lane++) {
			first[lane] = x[(i + lane) * step];
			second[lane] = x[(i + lane) * step + apart];
		}
		if (position >= 0) {
			vf a = VLOAD(first), b = VLOAD(second);

			VSTORE(a * cosine - b * sine, first);
			VSTORE(b * cosine + a * sine, second);
		}
		for (int lane = 0; lane < count; lane++) {
			y[(i + lane) * step] = first[lane];
			y[(i + lane) * step + apart] = second[lane];
		}
	}
}

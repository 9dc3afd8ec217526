/* SPDX-License-Identifier: MIT */
/* Sines and cosines of positions (ops/ARITHMETIC.md, section 8). */
#include "math.clh"

/* y [rows, 2 * pairs] from frequency [pairs] and pos [rows] (has_pos 0: the row's number). Item (i, r): pairs
 * [i * span, (i + 1) * span) of row r. halves 0: sine and cosine alternate. */
__kernel void positional_encoding(__global const float *frequency, ulong frequency_at, __global const int *pos,
				  ulong pos_at, __global float *y, ulong y_at, int rows, int pairs, int span,
				  long start, int halves, int has_pos)
{
	int row = (int)get_global_id(1), i = (int)get_global_id(0) * span, end = min(pairs, i + span);
	int cosine = halves ? pairs : 1, step = halves ? 1 : 2;

	if (row >= rows)
		return;
	int at = has_pos ? pos[pos_at + row] : row;
	float position = (float)((long)at + start);

	frequency += frequency_at;
	y += y_at + (ulong)row * 2 * pairs;
	for (; i < end; i += VW) {
		float angles[VW], sines[VW], cosines[VW];

		for (int lane = 0; lane < VW; lane++)
			angles[lane] = position * frequency[min(i + lane, pairs - 1)];
		VSTORE(clm_sin_v(VLOAD(angles)), sines);
		VSTORE(clm_cos_v(VLOAD(angles)), cosines);
		for (int lane = 0; lane < VW && i + lane < end; lane++) {
			y[(i + lane) * step] = at < 0 ? 0.0f : sines[lane];
			y[(i + lane) * step + cosine] = at < 0 ? 0.0f : cosines[lane];
		}
	}
}

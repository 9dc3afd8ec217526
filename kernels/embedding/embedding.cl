/* SPDX-License-Identifier: MIT */
/* Rows of a table [v, d], row-major (width 0) or in panels of `width` rows (tensor.h, CLADE_LAYOUT_PANEL; `quads`:
 * CLADE_LAYOUT_QUADS). */
#include "weight.clh"

/* Item (i, r) writes elements [i * span, (i + 1) * span) of rows [r * many, (r + 1) * many) of y [count, d]. */
__kernel void embedding(__global const int *ids, ulong ids_at, __global const weight_t *table, ulong table_at,
			__global float *y, ulong y_at, uint count, uint many, int v, uint d, uint span, uint width, uint quads)
{
	uint first = (uint)get_global_id(0) * span, last = min(d, first + span);
	uint row = (uint)get_global_id(1) * many, end = min(count, row + many);

	for (; row < end; row++) {
		int id = ids[ids_at + row];
		__global const weight_t *from = table + table_at * WEIGHT_UNIT;
		__global float *to = y + y_at + (ulong)row * d;
		uint i = first;

		if (id < 0 || id >= v) {
			for (; i < last; i++)
				to[i] = as_float(0x7fc00000);
		} else if (width) {
			from += (ulong)((uint)id / width) * WEIGHT_SPAN(d) * width;
			for (; i < last; i++)
				to[i] = quads ? WEIGHT_AT_QUADS(from, i, width, (uint)id % width)
					      : WEIGHT_AT_PANEL(from, i, width, (uint)id % width);
		} else {
			from += (ulong)id * WEIGHT_SPAN(d);
#ifndef WEIGHT_GROUP
			for (; i + VW <= last; i += VW)
				VSTORE(WEIGHT_LOAD(from + i), to + i);
#endif
			for (; i < last; i++)
				to[i] = WEIGHT_AT_ROW(from, i);
		}
	}
}

/* SPDX-License-Identifier: MIT */
/* Rows of a table [v, d], row-major (width 0) or in panels of `width` rows (tensor.h, CLADE_LAYOUT_PANEL). */
#include "types.clh"

/* Item (i, r) writes elements [i * span, (i + 1) * span) of rows [r * many, (r + 1) * many) of y [count, d]. */
__kernel void embedding(__global const int *ids, ulong ids_at, __global const float *table, ulong table_at,
			__global float *y, ulong y_at, uint count, uint many, int v, uint d, uint span, uint width)
{
	uint first = (uint)get_global_id(0) * span, last = min(d, first + span);
	uint row = (uint)get_global_id(1) * many, end = min(count, row + many);

	for (; row < end; row++) {
		int id = ids[ids_at + row];
		__global const float *from = table + table_at;
		__global float *to = y + y_at + (ulong)row * d;
		uint i = first;

		if (id < 0 || id >= v) {
			for (; i < last; i++)
				to[i] = as_float(0x7fc00000);
		} else if (width) {
			from += (ulong)((uint)id / width) * d * width + (uint)id % width;
			for (; i < last; i++)
				to[i] = from[(ulong)i * width];
		} else {
			from += (ulong)id * d;
			for (; i + VW <= last; i += VW)
				VSTORE(VLOAD(from + i), to + i);
			for (; i < last; i++)
				to[i] = from[i];
		}
	}
}

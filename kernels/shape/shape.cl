/* SPDX-License-Identifier: MIT */
/* Moving elements: strided copies, and rows picked by an index. Elements are 4 bytes or 1; bits are not looked at. */
#include "types.clh"
#include "copy.clh"

COPY_KERNEL(copy_4, uint, uint, COPY_LOAD, COPY_STORE, COPY_ONE)
COPY_KERNEL(copy_1, uchar, uchar, COPY_LOAD, COPY_STORE, COPY_ONE)

/* Row r of y, r < count, is row (r / per) * step + index[r] of x if 0 <= index[r] < limit, else n times `fill`.
 * Item (i, r) copies elements [i * span, (i + 1) * span) of rows [r * many, (r + 1) * many). */
#define GATHER_KERNEL(name, T)                                                                                         \
	__kernel void name(__global const T *x, ulong x_at, __global const int *index, ulong index_at, __global T *y,  \
			   ulong y_at, uint count, uint many, uint per, uint step, int limit, uint n, uint span,       \
			   uint fill)                                                                                  \
	{                                                                                                              \
		uint first = (uint)get_global_id(0) * span, last = min(n, first + span);                               \
		uint row = (uint)get_global_id(1) * many, end = min(count, row + many);                                \
                                                                                                                       \
		for (; row < end; row++) {                                                                             \
			int at = index[index_at + row];                                                                \
			ulong from = x_at, to = y_at + (ulong)row * n;                                                 \
			uint i = first;                                                                                \
                                                                                                                       \
			if (at < 0 || at >= limit) {                                                                   \
				for (; i < last; i++)                                                                  \
					y[to + i] = (T)fill;                                                           \
				continue;                                                                              \
			}                                                                                              \
			from += ((ulong)(row / per) * step + (ulong)at) * n;                                           \
			for (; i + VW <= last; i += VW)                                                                \
				COPY_STORE(COPY_LOAD(x + from + i), y + to + i);                                       \
			for (; i < last; i++)                                                                          \
				y[to + i] = x[from + i];                                                               \
		}                                                                                                      \
	}

GATHER_KERNEL(gather_4, uint)
GATHER_KERNEL(gather_1, uchar)

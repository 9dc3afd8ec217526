/* SPDX-License-Identifier: MIT */
/* Sums along an axis up to each element (ops/ARITHMETIC.md, section 3): y[outer, n, inner] of x, an item a line of n
 * elements. The float chain is of fma, whose order a compiler must keep. */
#include "types.clh"

#define CUMULATIVE(name, type, start, step)                                                                            \
	__kernel void name(__global const type *x, ulong x_at, __global type *y, ulong y_at, long lines, long n,       \
			   long inner)                                                                                 \
	{                                                                                                              \
		long line = get_global_id(0), at = line / inner * n * inner + line % inner;                            \
		type sum = (start);                                                                                    \
                                                                                                                       \
		if (line >= lines)                                                                                     \
			return;                                                                                        \
		for (long i = 0; i < n; i++, at += inner) {                                                            \
			type e = x[x_at + at];                                                                         \
                                                                                                                       \
			sum = step;                                                                                    \
			y[y_at + at] = sum;                                                                            \
		}                                                                                                      \
	}
CUMULATIVE(cumulative_sum_f32, float, 0.0f, fma(e, 1.0f, sum))
CUMULATIVE(cumulative_sum_i32, uint, 0u, sum + e)

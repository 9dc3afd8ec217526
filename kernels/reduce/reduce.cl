/* SPDX-License-Identifier: MIT */
/* Reductions of x[outer, n, inner] over n on any device (ops/ARITHMETIC.md 3). With inner 1 an item reduces a row, else
 * VW neighbouring lines, a line in every lane; `chunks` items an outer. */
#include "types.clh"
#include "math.clh"
#include "rowsum.clh"

#define REDUCE_ARGS                                                                                                    \
	const __global float *x, ulong x_at, __global float *y, ulong y_at, ulong items, long n, long inner, uint chunks
#define REDUCE_BEGIN                                                                                                   \
	ulong item = get_global_id(0), outer = item / chunks;                                                          \
	long line = (long)(item - outer * chunks) * VW, count = inner - line;                                          \
                                                                                                                       \
	if (item >= items)                                                                                             \
		return;                                                                                                \
	x += x_at + outer * n * inner + line;                                                                          \
	y += y_at + outer * inner + line

/* The sum, or with `mean` that divided by n. */
__kernel void reduce_sum(REDUCE_ARGS, uint mean)
{
	REDUCE_BEGIN;
	if (inner == 1) {
		float sum = row_sum(x, n);

		*y = mean ? clm_div(sum, (float)n) : sum;
	} else {
		vf part[64];

		for (int j = 0; j < 64; j++)
			part[j] = (vf)(0.0f);
		for (long i = 0; i < n; i++)
			part[i & 63] = part[i & 63] + row_load(x + i * inner, count, 0.0f);
		vf sum = rowsum_lanes(part);
		row_store(mean ? clm_div_v(sum, (vf)((float)n)) : sum, y, count);
	}
}

/* A NaN in the row is the result; apart from that and the sign of a zero, order does not matter. */
#if VW > 1
LANES_FOLD_FUNCTION(clm_max_nan)
LANES_FOLD_FUNCTION(clm_min_nan)
#endif
#define REDUCE_EXTREME(name, f, start)                                                                                 \
	__kernel void name(REDUCE_ARGS)                                                                                \
	{                                                                                                              \
		REDUCE_BEGIN;                                                                                          \
		vf best = (vf)(start);                                                                                 \
		if (inner == 1) {                                                                                      \
			ROW_EACH(x, n, start, best = CLM(f)(best, e))                                                  \
			*y = LANES_FOLD(clm_##f, best);                                                                   \
		} else {                                                                                               \
			for (long i = 0; i < n; i++)                                                                   \
				best = CLM(f)(best, row_load(x + i * inner, count, 0.0f));                             \
			row_store(best, y, count);                                                                     \
		}                                                                                                      \
	}
REDUCE_EXTREME(reduce_max, max_nan, -INFINITY)
REDUCE_EXTREME(reduce_min, min_nan, INFINITY)

/* One chain, ascending. As an fma, whose order a compiler must keep: Intel's for processors reorders a chain of plain
 * products. Adding +0 changes no bits but the sign of a zero. */
__kernel void reduce_prod(REDUCE_ARGS)
{
	REDUCE_BEGIN;
	if (inner == 1) {
		float product = 1.0f;

		for (long i = 0; i < n; i++)
			product = fma(product, x[i], 0.0f);
		*y = product;
	} else {
		vf product = (vf)(1.0f);

		for (long i = 0; i < n; i++)
			product = fma(product, row_load(x + i * inner, count, 0.0f), (vf)(0.0f));
		row_store(product, y, count);
	}
}

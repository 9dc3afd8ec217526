/* SPDX-License-Identifier: MIT */
/* Reductions of dense rows for GPUs: 64 lanes reduce a row (group.clh). */
#include "math.clh"
#include "group.clh"

#define REDUCE_GROUP_ARGS const __global float *x, ulong x_at, __global float *y, ulong y_at, ulong rows, long n
#define REDUCE_GROUP_BEGIN                                                                                             \
	GROUP_BEGIN(rows)                                                                                              \
	float part[GROUP_PARTS], result;                                                                               \
                                                                                                                       \
	x += x_at + row * n;                                                                                           \
	y += y_at + row

/* The sum, or with `mean` that divided by n. */
__kernel GROUP_SIZE void reduce_sum__group(REDUCE_GROUP_ARGS, uint mean)
{
	REDUCE_GROUP_BEGIN;
	GROUP_ZERO(part)
	GROUP_EACH(n, part[q] = part[q] + x[i])
	GROUP_FOLD(group_add, part, result)
	if (lane == 0)
		*y = mean ? clm_div(result, (float)n) : result;
}

#define REDUCE_GROUP_EXTREME(name, f, start)                                                                           \
	__kernel GROUP_SIZE void name(REDUCE_GROUP_ARGS)                                                               \
	{                                                                                                              \
		REDUCE_GROUP_BEGIN;                                                                                    \
		GROUP_FILL(part, start)                                                                                \
		GROUP_EACH(n, part[q] = clm_##f(part[q], x[i]))                                                        \
		GROUP_FOLD(clm_##f, part, result)                                                                      \
		if (lane == 0)                                                                                         \
			*y = result;                                                                                   \
	}
REDUCE_GROUP_EXTREME(reduce_max__group, max_nan, -INFINITY)
REDUCE_GROUP_EXTREME(reduce_min__group, min_nan, INFINITY)

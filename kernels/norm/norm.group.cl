/* SPDX-License-Identifier: MIT */
/* Normalisations for GPUs: 64 lanes make a row (group.clh). y may be x: totals lie between the last element that a lane
 * reads of others' rows' sums and the first that it writes, and it writes only what it alone reads. */
#include "norm/norm.clh"
#include "group.clh"

#if VW != 1
#error "norm.group.cl is built with VW=1"
#endif

/* Row `row` of x begins at r1 s1 + r2 s2 + r3 s3, where the leading axes have sizes d1, d2 and any; y is dense. */
#define NORM_GROUP_ROWS uint rows, uint d1, uint d2, long s1, long s2, long s3
#define NORM_GROUP_BEGIN                                                                                               \
	GROUP_BEGIN(rows)                                                                                              \
	float part[GROUP_PARTS], scale;                                                                                \
                                                                                                                       \
	x += (long)x_at + (long)(row % d1) * s1 + (long)(row / d1 % d2) * s2 + (long)(row / d1 / d2) * s3;             \
	y += y_at + row * n

__kernel GROUP_SIZE void layer_norm__group(const __global float *x, ulong x_at, const __global float *gamma,
					   ulong gamma_at, const __global float *beta, ulong beta_at, __global float *y,
					   ulong y_at, uint has_gamma, uint has_beta, long n, float eps,
					   NORM_GROUP_ROWS)
{
	NORM_GROUP_BEGIN;
	float mean;

	gamma += gamma_at;
	beta += beta_at;
	GROUP_ZERO(part)
	GROUP_EACH(n, part[q] = part[q] + x[i])
	GROUP_FOLD(group_add, part, mean)
	mean = clm_div(mean, (float)n);
	GROUP_ZERO(part)
	GROUP_EACH(n, float d = x[i] - mean; part[q] = fma(d, d, part[q]))
	GROUP_FOLD(group_add, part, scale)
	scale = clm_rsqrt(clm_div(scale, (float)n) + eps);
	GROUP_EACH(n, float value = (x[i] - mean) * scale;
		   if (has_gamma) value = fma(value, gamma[i], has_beta ? beta[i] : 0.0f);
		   else if (has_beta) value = value + beta[i]; y[i] = value)
}

__kernel GROUP_SIZE void rms_norm__group(const __global float *x, ulong x_at, const __global float *gamma,
					 ulong gamma_at, __global float *y, ulong y_at, uint has_gamma, long n,
					 float eps, NORM_GROUP_ROWS)
{
	NORM_GROUP_BEGIN;
	gamma += gamma_at;
	GROUP_ZERO(part)
	GROUP_EACH(n, part[q] = fma(x[i], x[i], part[q]))
	GROUP_FOLD(group_add, part, scale)
	scale = clm_rsqrt(clm_div(scale, (float)n) + eps);
	GROUP_EACH(n, y[i] = has_gamma ? x[i] * scale * gamma[i] : x[i] * scale)
}

__kernel GROUP_SIZE void softmax__group(const __global float *x, ulong x_at, __global float *y, ulong y_at, ulong rows,
					long n)
{
	GROUP_BEGIN(rows)
	float part[GROUP_PARTS], top, sum, inverse;

	x += x_at + row * n;
	y += y_at + row * n;
	GROUP_FILL(part, -INFINITY)
	GROUP_EACH(n, part[q] = clm_max(part[q], x[i]))
	GROUP_FOLD(clm_max, part, top)
	GROUP_ZERO(part)
	GROUP_EACH(n, float e = softmax_term(x[i], top); y[i] = e; part[q] = part[q] + e)
	GROUP_FOLD(group_add, part, sum)
	inverse = clm_recip(sum);
	GROUP_EACH(n, y[i] = softmax_share(y[i], sum, inverse))
}

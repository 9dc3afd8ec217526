/* SPDX-License-Identifier: MIT */
/* Normalisations on any device: an item makes a row, in vectors, without local memory. */
#include "norm/norm.clh"

/* Row `row` of x begins at r1 s1 + r2 s2 + r3 s3, where the leading axes have sizes d1, d2 and any; y is dense. */
#define NORM_ROWS uint rows, uint d1, uint d2, long s1, long s2, long s3
#define NORM_BEGIN                                                                                                     \
	uint row = get_global_id(0);                                                                                   \
                                                                                                                       \
	if (row >= rows)                                                                                               \
		return;                                                                                                \
	x += (long)x_at + (row % d1) * s1 + (row / d1 % d2) * s2 + (row / d1 / d2) * s3;                               \
	y += y_at + (ulong)row * n

__kernel void layer_norm(const __global float *x, ulong x_at, const __global float *gamma, ulong gamma_at,
			 const __global float *beta, ulong beta_at, __global float *y, ulong y_at, uint has_gamma,
			 uint has_beta, long n, float eps, NORM_ROWS)
{
	NORM_BEGIN;
	layer_norm_row(x, gamma + gamma_at, has_gamma, beta + beta_at, has_beta, y, n, eps);
}

__kernel void rms_norm(const __global float *x, ulong x_at, const __global float *gamma, ulong gamma_at,
		       __global float *y, ulong y_at, uint has_gamma, long n, float eps, NORM_ROWS)
{
	NORM_BEGIN;
	rms_norm_row(x, gamma + gamma_at, has_gamma, y, n, eps);
}

/* x[outer, n, inner] over n. With inner 1 an item makes a row, else VW neighbouring lines: `chunks` items an outer. */
__kernel void softmax(const __global float *x, ulong x_at, __global float *y, ulong y_at, ulong items, long n,
		      long inner, uint chunks)
{
	ulong item = get_global_id(0), outer = item / chunks;
	long line = (long)(item - outer * chunks) * VW;

	if (item >= items)
		return;
	x += x_at + outer * n * inner + line;
	y += y_at + outer * n * inner + line;
	if (inner == 1)
		softmax_row(x, y, n);
	else
		softmax_lines(x, y, n, inner, inner - line);
}

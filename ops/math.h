/* SPDX-License-Identifier: MIT */
/* Canonical arithmetic in C: the elementary functions (clm_exp, clm_div, ..., one source with the kernels) and the row
 * sums of ARITHMETIC.md 3. Everything is static inline, so that an op that uses it can also be built as a plugin. */
#ifndef CLADE_OPS_MATH_H
#define CLADE_OPS_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define CLM_UNUSED __attribute__((unused))
#else
#define CLM_UNUSED
#endif

static inline CLM_UNUSED float clm_as_float(int32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline CLM_UNUSED int32_t clm_as_int(float value)
{
	int32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

#define CLM(name) clm_##name
#define CLM_INLINE static inline CLM_UNUSED
#define CLM_F float
#define CLM_I int32_t
#define CLM_C(value) (value)
#define CLM_CI(value) (value)
#define CLM_SIGN INT32_MIN
#define CLM_AS_F(bits) clm_as_float(bits)
#define CLM_AS_I(value) clm_as_int(value)
#define CLM_FMA(a, b, c) fmaf((a), (b), (c))
#define CLM_SELECT(otherwise, then, condition) ((condition) ? (then) : (otherwise))
#include "../kernels/include/math_body.clh"

/* 64 partials from +0; element i of a row goes to partial i mod 64; then a binary tree. */
struct clm_rowsum {
	float part[64];
};

static inline CLM_UNUSED void clm_rowsum_zero(struct clm_rowsum *sum)
{
	memset(sum, 0, sizeof(*sum));
}

static inline CLM_UNUSED void clm_rowsum_add(struct clm_rowsum *sum, int64_t i, float value)
{
	sum->part[i & 63] = sum->part[i & 63] + value;
}

static inline CLM_UNUSED void clm_rowsum_add_square(struct clm_rowsum *sum, int64_t i, float value)
{
	sum->part[i & 63] = fmaf(value, value, sum->part[i & 63]);
}

/* Destroys the partials. */
static inline CLM_UNUSED float clm_rowsum_total(struct clm_rowsum *sum)
{
	for (int h = 32; h > 0; h /= 2)
		for (int j = 0; j < h; j++)
			sum->part[j] = sum->part[j] + sum->part[j + h];
	return sum->part[0];
}

#endif

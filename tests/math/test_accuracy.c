/* SPDX-License-Identifier: MIT */
/* How far the elementary functions are from the true value, in ULP of the true value.
 *	test_accuracy          a strided sample of all floats against MPFR, with a limit for each function: seconds
 *	test_accuracy --all    every float (pow: 2^28 random pairs) against the C library's double functions, whose own
 *	                       error is below 2^-27 of our ULP; the worst is measured again by MPFR. Minutes a function.
 *	test_accuracy --all exp     one function */
#include "../../ops/math.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <mpfr.h>

/* With it the compiler may use the processor's fma where there is one; the bits are the same. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FASTER __attribute__((target_clones("fma", "default")))
#else
#define FASTER
#endif

enum { SAMPLE_STEP = 30011, PAIRS = 150000, PRECISION = 100 };
#define SMALLEST 0x1p-126
#define LARGEST 0x1.fffffep127

typedef int mpfr_fn(mpfr_t, const mpfr_t, mpfr_rnd_t);
struct worst {
	double error;
	float x, y;
};
struct function {
	const char *name;
	float (*f)(float);
	mpfr_fn *exact;
	/* over every step-th float of magnitude up to `high`, against double */
	struct worst (*scan)(uint64_t step, float high);
	double limit; /* ULP */
	float high;
};

/* ---- the measure ---- */

/* ULP between `got` and a true value; where the true value is below 2^-126 the answer may be that or 0, where it
 * overflows the largest float or infinity. */
static inline double ulp_error(float got, double exact)
{
	double magnitude = fabs(exact), scale;
	uint64_t bits;

	if (isnan(exact))
		return isnan(got) ? 0 : INFINITY;
	if (magnitude < SMALLEST)
		return fabs((double)got) <= SMALLEST && (got == 0 || (got < 0) == (exact < 0)) ? 0 : INFINITY;
	if (magnitude > LARGEST)
		return fabs((double)got) >= LARGEST && (got < 0) == (exact < 0) ? 0 : INFINITY;
	if (!isfinite(got))
		return INFINITY;
	/* 1 / ulp = 2^(23 - e) for |exact| in [2^e, 2^(e+1)); e from the exponent field, biased by 1023 */
	memcpy(&bits, &exact, sizeof(bits));
	bits = (2 * 1023 + 23 - (bits >> 52 & 0x7ff)) << 52;
	memcpy(&scale, &bits, sizeof(scale));
	return fabs((double)got - exact) * scale;
}

static double measure(const struct function *function, float x)
{
	double error, got = (double)function->f(x);
	mpfr_exp_t exponent;
	mpfr_t value;

	mpfr_init2(value, PRECISION);
	mpfr_set_flt(value, x, MPFR_RNDN);
	function->exact(value, value, MPFR_RNDN);
	if (!mpfr_regular_p(value) || fabs(mpfr_get_d(value, MPFR_RNDN)) < SMALLEST ||
	    fabs(mpfr_get_d(value, MPFR_RNDN)) > LARGEST || !isfinite(got)) {
		error = ulp_error((float)got, mpfr_get_d(value, MPFR_RNDN));
	} else {
		exponent = mpfr_get_exp(value);
		mpfr_sub_d(value, value, got, MPFR_RNDN);
		mpfr_mul_2si(value, value, 24 - exponent, MPFR_RNDN);
		error = fabs(mpfr_get_d(value, MPFR_RNDN));
	}
	mpfr_clear(value);
	return error;
}

/* Subnormal operands count as zero or are outside the promise, so they are left out. */
static inline bool left_out(float x, float high)
{
	return (x != 0 && fabsf(x) < 0x1p-126f) || (fabsf(x) > high && !isinf(x));
}

/* ---- functions ---- */

static int mpfr_recip(mpfr_t out, const mpfr_t x, mpfr_rnd_t round)
{
	return mpfr_ui_div(out, 1, x, round);
}

static int mpfr_sigmoid(mpfr_t out, const mpfr_t x, mpfr_rnd_t round)
{
	mpfr_neg(out, x, round);
	mpfr_exp(out, out, round);
	mpfr_add_ui(out, out, 1, round);
	return mpfr_ui_div(out, 1, out, round);
}

/* MPFR gives rsqrt(-0) = +inf; IEEE 754 and we -inf. */
static int mpfr_rsqrt(mpfr_t out, const mpfr_t x, mpfr_rnd_t round)
{
	if (mpfr_zero_p(x)) {
		mpfr_set_inf(out, mpfr_signbit(x) ? -1 : 1);
		return 0;
	}
	return mpfr_rec_sqrt(out, x, round);
}

static inline double double_recip(double x)
{
	return 1.0 / x;
}

static inline double double_rsqrt(double x)
{
	return 1.0 / sqrt(x);
}

static inline double double_sigmoid(double x)
{
	return 1.0 / (1.0 + exp(-x));
}

#define SCAN(name, oracle)                                                                                             \
	FASTER static struct worst scan_##name(uint64_t step, float high)                                              \
	{                                                                                                              \
		struct worst worst = { 0 };                                                                            \
                                                                                                                       \
		for (uint64_t bits = 0; bits <= UINT32_MAX; bits += step) {                                            \
			float x = clm_as_float((int32_t)(uint32_t)bits);                                               \
			double error;                                                                                  \
                                                                                                                       \
			if (left_out(x, high))                                                                         \
				continue;                                                                              \
			error = ulp_error(clm_##name(x), oracle((double)x));                                           \
			if (error > worst.error)                                                                       \
				worst = (struct worst) { .error = error, .x = x };                                     \
		}                                                                                                      \
		return worst;                                                                                          \
	}
SCAN(recip, double_recip)
SCAN(sqrt, sqrt)
SCAN(rsqrt, double_rsqrt)
SCAN(exp, exp)
SCAN(log, log)
SCAN(tanh, tanh)
SCAN(erf, erf)
SCAN(sigmoid, double_sigmoid)
SCAN(sin, sin)
SCAN(cos, cos)

#define FUNCTION(name, limit, high)                                                                                    \
	{                                                                                                              \
#name, clm_##name, mpfr_##name, scan_##name, limit, high                                               \
	}
static const struct function functions[] = {
	FUNCTION(recip, 0.5, INFINITY), FUNCTION(sqrt, 0.5, INFINITY),    FUNCTION(rsqrt, 0.5, INFINITY),
	FUNCTION(exp, 1.1, INFINITY),   FUNCTION(log, 1.0, INFINITY),     FUNCTION(tanh, 1.5, INFINITY),
	FUNCTION(erf, 1.2, INFINITY),   FUNCTION(sigmoid, 2.5, INFINITY), FUNCTION(sin, 2.8, 0x1p22f),
	FUNCTION(cos, 2.8, 0x1p22f),
};
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

/* ---- tests ---- */

static void test_sample(void **state)
{
	const struct function *function = *state;
	struct worst worst = { 0 };
	long count = 0;

	for (uint64_t bits = 0; bits <= UINT32_MAX; bits += SAMPLE_STEP) {
		float x = clm_as_float((int32_t)(uint32_t)bits);
		double error;

		if (left_out(x, function->high))
			continue;
		error = measure(function, x);
		count++;
		if (error > worst.error)
			worst = (struct worst) { .error = error, .x = x };
	}
	print_message("%s: at most %.3f ULP at %a over %ld floats (limit %.1f)\n", function->name, worst.error,
		      (double)worst.x, count, function->limit);
	assert_true(count > 100000 || (function->high < INFINITY && count > 80000));
	assert_true(worst.error <= function->limit);
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Pairs whose power is mostly neither 0 nor infinity: x around 1 or anywhere, y so that y log x stays below 90. */
static void draw_pair(uint64_t *state, uint64_t i, float *x, float *y)
{
	uint64_t bits = draw(state);

	*x = clm_as_float((int32_t)((bits & 0x7fffffff) % 0x7f000000 + 0x00800000));
	if (i & 1)
		*x = clm_as_float((int32_t)(0x3f000000 + (bits & 0x00ffffff)));
	*y = (float)(((double)(draw(state) >> 11) * 0x1p-52 - 1.0) * 90.0 / (fabs(log((double)*x)) + 1e-7));
	if (i % 16 == 3) {
		*y = rintf(*y);
		*x = -*x;
	}
}

static double measure_pow(float x, float y)
{
	double got = (double)clm_pow(x, y), error;
	mpfr_t base, power;

	mpfr_init2(base, PRECISION);
	mpfr_init2(power, PRECISION);
	mpfr_set_flt(base, x, MPFR_RNDN);
	mpfr_set_flt(power, y, MPFR_RNDN);
	mpfr_pow(base, base, power, MPFR_RNDN);
	error = ulp_error((float)got, mpfr_get_d(base, MPFR_RNDN));
	mpfr_clear(base);
	mpfr_clear(power);
	return error;
}

static void test_pow(void **state)
{
	struct worst worst = { 0 };
	uint64_t random = 7;

	for (uint64_t i = 0; i < PAIRS; i++) {
		float x, y;
		double error;

		draw_pair(&random, i, &x, &y);
		error = measure_pow(x, y);
		if (error > worst.error)
			worst = (struct worst) { error, x, y };
	}
	print_message("pow: at most %.3f ULP at %a, %a over %d pairs (limit 2.0)\n", worst.error, (double)worst.x,
		      (double)worst.y, PAIRS);
	assert_true(worst.error <= 2.0);
}

static bool same(float a, float b)
{
	return clm_as_int(a) == clm_as_int(b) || (isnan(a) && isnan(b));
}

/* Equal bits as canonical arithmetic has it: a zero's sign does not count. */
static bool equal(float a, float b)
{
	return a == b || (isnan(a) && isnan(b));
}

/* The C library's functions have these special cases by C11 Annex F. Where an infinity follows from a zero, its sign
 * counts. */
static void test_specials(void **state)
{
	static const float values[] = { 0.0f,       -0.0f,    INFINITY,        -INFINITY,
					NAN,        1.0f,     -1.0f,           2.0f,
					-2.0f,      3.0f,     -3.0f,           0.5f,
					-0.5f,      2.5f,     -2.5f,           0x1p-126f,
					-0x1p-126f, 0x1p23f,  0x1.000002p23f,  -0x1.000002p23f,
					0x1p24f,    -0x1p24f, 0x1.fffffep127f, -0x1.fffffep127f };
	const size_t count = sizeof(values) / sizeof(values[0]);

	for (size_t i = 0; i < count; i++) {
		float x = values[i];

		assert_true(same(clm_sqrt(x), sqrtf(x)));
		assert_true(same(clm_rsqrt(x), 1.0f / sqrtf(x)) || isfinite(x));
		assert_true(equal(clm_relu(x), x < 0 ? 0 : x));
		assert_true(same(clm_abs(x), fabsf(x)));
		if (x == 0 || !isfinite(x)) {
			assert_true(equal(clm_exp(x), expf(x)));
			assert_true(equal(clm_log(x), logf(x)));
			assert_true(equal(clm_tanh(x), tanhf(x)));
			assert_true(equal(clm_erf(x), erff(x)));
			assert_true(equal(clm_sin(x), sinf(x)));
			assert_true(equal(clm_cos(x), cosf(x)));
		}
		for (size_t j = 0; j < count; j++) {
			float y = values[j], quotient = x / y, power = powf(x, y);

			if (fabsf(quotient) < 0x1p-126f)
				quotient = copysignf(0.0f, quotient);
			assert_true(same(clm_div(x, y), quotient));
			assert_true(equal(clm_max_nan(x, y), isnan(x) || isnan(y) ? NAN : x > y ? x : y));
			assert_true(equal(clm_min_nan(x, y), isnan(x) || isnan(y) ? NAN : x < y ? x : y));
			if (fabsf(power) < 0x1p-126f)
				power = copysignf(0.0f, power);
			/* where no rounding enters, pow is exact */
			if (power == 0 || !isfinite(power) || fabsf(power) == 1.0f)
				assert_true(same(clm_pow(x, y), power));
		}
	}
	assert_true(same(clm_sigmoid(INFINITY), 1.0f) && same(clm_sigmoid(-INFINITY), 0.0f));
	assert_true(same(clm_log(-1.0f), NAN) && same(clm_rsqrt(-1.0f), NAN));
	/* beyond the reduction's reach: no number rather than a wrong one */
	assert_true(isnan(clm_sin(0x1.000002p22f)) && isnan(clm_cos(-0x1.fffffep127f)));
	/* subnormal operands count as zero of their sign */
	assert_true(same(clm_sqrt(0x1p-127f), 0.0f) && same(clm_rsqrt(0x1p-127f), INFINITY));
	assert_true(same(clm_div(-0x1p-127f, 2.0f), -0.0f) && same(clm_div(1.0f, -0x1p-140f), -INFINITY));
	assert_true(same(clm_log(0x1p-127f), -INFINITY) && same(clm_exp(-87.4f), 0.0f));
}

/* Division is correctly rounded: the processor's own is the judge, subnormal quotients apart. */
static void test_div(void **state)
{
	uint64_t random = 11;

	for (uint64_t i = 0; i < 2000000; i++) {
		uint64_t bits = draw(&random);
		float a = clm_as_float((int32_t)(uint32_t)bits), b = clm_as_float((int32_t)(uint32_t)(bits >> 32)), q;

		if (i & 1) { /* significands alone, half of them nearly alike */
			a = clm_as_float((clm_as_int(a) & 0x007fffff) | 0x3f800000);
			b = clm_as_float((clm_as_int(b) & 0x007fffff) | 0x3f800000);
			if (i & 2)
				b = clm_as_float(clm_as_int(a) + (int32_t)(bits % 64) - 32);
		}
		if (left_out(a, INFINITY) || left_out(b, INFINITY))
			continue;
		q = a / b;
		if (fabsf(q) < 0x1p-126f)
			q = copysignf(0.0f, q);
		if (!same(clm_div(a, b), q))
			fail_msg("%a / %a = %a, not %a", (double)a, (double)b, (double)clm_div(a, b), (double)q);
	}
}

/* Every significand: reciprocals in [1, 2), roots in [1, 4), quotients by the largest significand (the hard one). */
FASTER static long count_wrong(void)
{
	long wrong = 0;

	for (int32_t i = 0; i < 1 << 24; i++) {
		float x = clm_as_float(0x3f800000 + i), hard = 0x1.fffffep0f;

		wrong += clm_recip(x) != 1.0f / x;
		wrong += clm_div(x, hard) != x / hard;
		wrong += clm_sqrt(x) != (float)sqrt((double)x);
		wrong += clm_rsqrt(x) != (float)(1.0 / sqrt((double)x));
	}
	return wrong;
}

static void test_significands(void **state)
{
	assert_int_equal(count_wrong(), 0);
}

/* gelu's and silu's formulas lose nothing but what their functions lose. */
static void test_activations(void **state)
{
	for (int i = -4000; i <= 4000; i++) {
		double x = i / 400.0, cube = 0.044715 * x * x * x;
		double bound = 1e-6 * (1.0 + fabs(x));

		assert_true(fabs((double)clm_silu((float)x) - x / (1.0 + exp(-x))) < bound);
		assert_true(fabs((double)clm_gelu((float)x) - 0.5 * x * (1.0 + erf(x * sqrt(0.5)))) < bound);
		assert_true(fabs((double)clm_gelu_tanh((float)x) -
				 0.5 * x * (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (x + cube)))) < bound);
	}
}

/* ---- every float ---- */

FASTER static struct worst scan_pow(void)
{
	struct worst worst = { 0 };
	uint64_t random = 1;

	for (uint64_t i = 0; i < UINT64_C(1) << 28; i++) {
		float x, y;
		double error;

		draw_pair(&random, i, &x, &y);
		error = ulp_error(clm_pow(x, y), pow((double)x, (double)y));
		if (error > worst.error)
			worst = (struct worst) { error, x, y };
	}
	return worst;
}

static int run_all(const char *only)
{
	int failed = 0;

	for (int i = 0; i < FUNCTIONS; i++) {
		const struct function *function = &functions[i];
		struct worst worst;

		if (only && strcmp(only, function->name) != 0)
			continue;
		worst = function->scan(1, function->high);
		printf("%s: every float up to %a: at most %.4f ULP at %a (by MPFR %.4f)\n", function->name,
		       (double)function->high, worst.error, (double)worst.x, measure(function, worst.x));
		fflush(stdout);
		/* the oracle's own error */
		failed += worst.error > function->limit + 0x1p-20;
	}
	if (!only || strcmp(only, "pow") == 0) {
		struct worst worst = scan_pow();

		printf("pow: 2^28 pairs: at most %.4f ULP at %a, %a (by MPFR %.4f)\n", worst.error, (double)worst.x,
		       (double)worst.y, measure_pow(worst.x, worst.y));
		failed += worst.error > 2.0;
	}
	return failed != 0;
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[FUNCTIONS + 5];
	int count = 0;

	if (argc > 1 && strcmp(argv[1], "--all") == 0)
		return run_all(argc > 2 ? argv[2] : NULL);
	for (; count < FUNCTIONS; count++)
		tests[count] = (struct CMUnitTest) { .name = functions[count].name,
						     .test_func = test_sample,
						     .initial_state = (void *)(uintptr_t)&functions[count] };
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_pow);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_div);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_specials);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_significands);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_activations);
	return _cmocka_run_group_tests("accuracy", tests, (size_t)count, NULL, NULL);
}

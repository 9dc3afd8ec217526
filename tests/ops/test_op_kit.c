/* SPDX-License-Identifier: MIT */
/* The frequencies of <clade/op_kit.h> against MPFR: their stated accuracy, and how often they are the nearest float. */
#include <clade/op_kit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>
#include <mpfr.h>

static const double bases[] = { 1e-3, 0.5, 1.0, 2.0, 100.0, 10000.0, 500000.0, 1e6, 1e7, 1e9 };
static const int64_t denominators[] = { 1, 2, 3, 16, 32, 33, 48, 64, 80, 128, 1024 };

/* (got - base^(-numerator / denominator)) / that, and that as a float. */
static double relative_error(double got, double base, int64_t numerator, int64_t denominator, float *nearest)
{
	mpfr_t exact, exponent, difference;
	double error;

	mpfr_inits2(200, exact, exponent, difference, (mpfr_ptr)0);
	mpfr_set_si(exponent, (long)-numerator, MPFR_RNDN);
	mpfr_div_si(exponent, exponent, (long)denominator, MPFR_RNDN);
	mpfr_set_d(exact, base, MPFR_RNDN);
	mpfr_pow(exact, exact, exponent, MPFR_RNDN);
	*nearest = mpfr_get_flt(exact, MPFR_RNDN);
	mpfr_d_sub(difference, got, exact, MPFR_RNDN);
	mpfr_div(difference, difference, exact, MPFR_RNDN);
	error = mpfr_get_d(difference, MPFR_RNDN);
	mpfr_clears(exact, exponent, difference, (mpfr_ptr)0);
	return error < 0 ? -error : error;
}

static void test_frequencies(void **state)
{
	double worst = 0.0;
	int count = 0, nearest = 0;

	for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++)
		for (size_t d = 0; d < sizeof(denominators) / sizeof(denominators[0]); d++)
			for (int64_t i = 0; i <= denominators[d]; i++) {
				double wide =
					clade_kit_exp(-(double)i / (double)denominators[d] * clade_kit_log(bases[b]));
				float expected, got = clade_kit_inverse_frequency(bases[b], i, denominators[d]);
				double error = relative_error(wide, bases[b], i, denominators[d], &expected);

				worst = error > worst ? error : worst;
				count++;
				nearest += got == expected;
			}
	printf("%d frequencies: relative error at most %.2e before rounding, %d the nearest float\n", count, worst,
	       nearest);
	assert_true(worst < 4e-15);
	assert_int_equal(nearest, count);
}

static void test_edges(void **state)
{
	assert_true(clade_kit_inverse_frequency(10000.0, 0, 32) == 1.0f);
	assert_true(clade_kit_inverse_frequency(10000.0, 3, 0) == 1.0f);
	assert_true(clade_kit_inverse_frequency(10000.0, 1, 2) == 0.01f);
	assert_int_equal(clade_kit_axis(-1, 3), 2);
	assert_int_equal(clade_kit_axis(2, 3), 2);
	assert_int_equal(clade_kit_axis(3, 3), -1);
	assert_int_equal(clade_kit_axis(-4, 3), -1);
	assert_int_equal(clade_kit_axis(0, 0), -1);
}

/* Axes that are dense on both sides become one; what remains copies every element to its place. */
static void test_walk(void **state)
{
	const int64_t dims[4] = { 2, 3, 1, 4 }, dense[4] = { 12, 4, 4, 1 }, gaps[4] = { 20, 5, 7, 1 };
	struct clade_walk walk;
	int32_t from[40], to[24];

	clade_walk_make(&walk, 4, dims, dense, dense);
	assert_int_equal(walk.rank, 1);
	assert_int_equal(walk.dims[0], 24);
	clade_walk_make(&walk, 4, dims, gaps, dense);
	assert_int_equal(walk.rank, 3);
	for (int i = 0; i < 40; i++)
		from[i] = i;
	clade_walk_host(&walk, from, to, sizeof(to[0]));
	for (int i = 0; i < 24; i++)
		assert_int_equal(to[i], i / 12 * 20 + i / 4 % 3 * 5 + i % 4);
	clade_walk_make(&walk, 0, dims, gaps, dense);
	assert_int_equal(walk.rank, 1);
	assert_int_equal(walk.dims[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_frequencies), cmocka_unit_test(test_edges),
					    cmocka_unit_test(test_walk) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

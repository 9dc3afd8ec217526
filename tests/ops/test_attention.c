/* SPDX-License-Identifier: MIT */
/* What attention must keep whatever the numbers are (metamorphic relations), on every implementation of a device, and
 *its accuracy against matrices in double. test_attention [DEVICE [LABEL]] */
#include "attention_problem.h"
#include <clade/builtin.h>

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Queries and keys: a single row, few, one tile and more, several blocks. */
static const struct size {
	int64_t t, s;
} sizes[] = { { 1, 1 }, { 1, 300 }, { 3, 40 }, { 5, 257 }, { 17, 17 }, { 33, 290 }, { 20, 7 } };

#define EACH_SIZE(size) for (const struct size *size = sizes; size < sizes + sizeof(sizes) / sizeof(sizes[0]); size++)

static bool equal_bits(const float *a, const float *b, int64_t count)
{
	const struct clade_type type = { CLADE_F32, 1, { count } };
	struct clade_compare compare;

	clade_compare_arrays(&type, a, b, &compare);
	return compare.bit_equal;
}

/* ---- accuracy ---- */

static void random_options(struct problem *p, uint64_t *state)
{
	uint64_t choice = next_random(state);

	p->causal = choice & 1;
	p->window = choice & 2 ? 1 + (int64_t)(next_random(state) % (uint64_t)(p->s + 3)) : 0;
	p->softcap = choice & 4 ? 3.5f : 0.0f;
	if (choice & 8) {
		problem_add_mask(p);
		for (int64_t i = 0; i < p->b * p->h * p->t * p->s; i++)
			p->mask[i] = next_random(state) % 4 != 0;
	}
	if (choice & 16) {
		problem_add_bias(p);
		for (int64_t i = 0; i < p->b * p->h * p->t * p->s; i++)
			p->bias[i] = next_random(state) % 9 ? (float)(next_random(state) % 1000) * 0.003f : -INFINITY;
	}
	if (choice & 32) {
		p->q_pos = calloc((size_t)(p->b * p->t), sizeof(int32_t));
		assert_non_null(p->q_pos);
		for (int64_t i = 0; i < p->b * p->t; i++)
			p->q_pos[i] = (int32_t)(next_random(state) % (uint64_t)(p->s + 2)) - 1;
	}
	if (choice & 64) {
		p->kv_len = calloc((size_t)p->b, sizeof(int32_t));
		assert_non_null(p->kv_len);
		for (int64_t i = 0; i < p->b; i++)
			p->kv_len[i] = (int32_t)(next_random(state) % (uint64_t)(p->s + 2));
	}
}

static void test_against_double(void **state)
{
	uint64_t random = 20;
	double worst = 0.0;

	for (int round = 0; round < 48; round++) {
		const struct size *size = &sizes[next_random(&random) % (sizeof(sizes) / sizeof(sizes[0]))];
		int64_t group = 1 + (int64_t)(next_random(&random) % 3), g = 1 + (int64_t)(next_random(&random) % 2);
		struct problem p;
		double error;

		problem_init(&p, 1 + round % 2, group * g, g, size->t, size->s,
			     1 + (int64_t)(next_random(&random) % 70), 1 + (int64_t)(next_random(&random) % 70),
			     (uint64_t)round);
		random_options(&p, &random);
		problem_run(&p, *state);
		error = problem_error(&p);
		if (error > 1.0)
			fail_msg("round %d: %g times the bound", round, error);
		worst = error > worst ? error : worst;
		problem_finish(&p);
	}
	/* A bound that nothing comes near would prove little. */
	assert_true(worst > 1e-4);
}

/* ---- relations that hold bit for bit ---- */

static void test_causal(void **state)
{
	EACH_SIZE(size)
	{
		struct problem before, after;
		int64_t t = size->t, changed = t / 2, last = changed + size->s - t;
		bool any = false;

		problem_init(&before, 1, 2, 1, t, size->s, 16, 24, 1);
		before.causal = true;
		problem_copy(&after, &before);
		if (last >= 0)
			for (int64_t i = 0; i < 16; i++)
				after.k[last * 16 + i] = after.v[last * 24 + i] = 7.0f;
		problem_run(&before, *state);
		problem_run(&after, *state);
		for (int64_t h = 0; h < 2; h++) {
			assert_true(equal_bits(before.y + h * t * 24, after.y + h * t * 24, changed * 24));
			any = any || !equal_bits(before.y + (h * t + changed) * 24, after.y + (h * t + changed) * 24,
						 (t - changed) * 24);
		}
		assert_true(any || last < 0);
		problem_finish(&before);
		problem_finish(&after);
	}
}

/* Queries [from, from + n) as a run of their own. */
static void take_queries(struct problem *part, const struct problem *whole, int64_t from, int64_t n)
{
	problem_copy(part, whole);
	part->t = n;
	for (int64_t row = 0; row < whole->b * whole->h; row++)
		memcpy(part->q + row * n * whole->d, whole->q + (row * whole->t + from) * whole->d,
		       (size_t)(n * whole->d) * sizeof(float));
	for (int64_t b = 0; b < whole->b; b++)
		memcpy(part->q_pos + b * n, whole->q_pos + b * whole->t + from, (size_t)n * sizeof(int32_t));
}

static void test_chunks(void **state)
{
	static const int64_t cuts[] = { 1, 2, 7, 16 };
	struct problem whole, part;

	problem_init(&whole, 2, 4, 2, 29, 290, 16, 20, 2);
	whole.causal = true;
	whole.q_pos = calloc(2 * 29, sizeof(int32_t));
	assert_non_null(whole.q_pos);
	for (int64_t i = 0; i < 2 * 29; i++)
		whole.q_pos[i] = (int32_t)(i % 29 + 250 * (i / 29));
	problem_run(&whole, *state);
	for (size_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++)
		for (int64_t from = 0; from < 29; from += cuts[c]) {
			int64_t n = 29 - from < cuts[c] ? 29 - from : cuts[c];

			take_queries(&part, &whole, from, n);
			problem_run(&part, *state);
			for (int64_t row = 0; row < 8; row++)
				assert_true(
					equal_bits(part.y + row * n * 20, whole.y + (row * 29 + from) * 20, n * 20));
			problem_finish(&part);
		}
	problem_finish(&whole);
}

/* Keys beyond kv_len do not exist, even if there is something else than numbers. */
static void test_right_padding(void **state)
{
	EACH_SIZE(size)
	{
		struct problem exact, padded;
		int64_t s = size->s, more = s + 263;

		problem_init(&exact, 1, 2, 2, size->t, s, 16, 24, 3);
		problem_init(&padded, 1, 2, 2, size->t, more, 16, 24, 3);
		memcpy(padded.q, exact.q, (size_t)(2 * size->t * 16) * sizeof(float));
		for (int64_t g = 0; g < 2; g++)
			for (int64_t j = 0; j < more; j++) {
				for (int64_t i = 0; i < 16; i++)
					padded.k[(g * more + j) * 16 + i] = j < s ? exact.k[(g * s + j) * 16 + i] : NAN;
				for (int64_t i = 0; i < 24; i++)
					padded.v[(g * more + j) * 24 + i] =
						j < s ? exact.v[(g * s + j) * 24 + i] : INFINITY;
			}
		padded.kv_len = malloc(sizeof(int32_t));
		assert_non_null(padded.kv_len);
		padded.kv_len[0] = (int32_t)s;
		problem_run(&exact, *state);
		problem_run(&padded, *state);
		assert_true(equal_bits(exact.y, padded.y, 2 * size->t * 24));
		problem_finish(&exact);
		problem_finish(&padded);
	}
}

static void test_batch_mates(void **state)
{
	EACH_SIZE(size)
	{
		struct problem alone, among;
		int64_t q = 2 * size->t * 16, k = 2 * size->s * 16, v = 2 * size->s * 24, y = 2 * size->t * 24;

		problem_init(&alone, 1, 2, 2, size->t, size->s, 16, 24, 4);
		problem_init(&among, 3, 2, 2, size->t, size->s, 16, 24, 5);
		for (int64_t b = 0; b < 3; b += 2) {
			memcpy(among.q + b * q, alone.q, (size_t)q * sizeof(float));
			memcpy(among.k + b * k, alone.k, (size_t)k * sizeof(float));
			memcpy(among.v + b * v, alone.v, (size_t)v * sizeof(float));
		}
		among.v[v] = NAN;
		problem_run(&alone, *state);
		problem_run(&among, *state);
		assert_true(equal_bits(alone.y, among.y, y));
		assert_true(equal_bits(alone.y, among.y + 2 * y, y));
		assert_false(equal_bits(alone.y, among.y + y, y));
		problem_finish(&alone);
		problem_finish(&among);
	}
}

static void test_permuted_heads(void **state)
{
	static const int64_t order[3] = { 2, 0, 1 };

	EACH_SIZE(size)
	{
		struct problem p, permuted;
		int64_t q = size->t * 16, k = size->s * 16, v = size->s * 24, y = size->t * 24;

		problem_init(&p, 1, 3, 3, size->t, size->s, 16, 24, 6);
		problem_copy(&permuted, &p);
		for (int64_t h = 0; h < 3; h++) {
			memcpy(permuted.q + h * q, p.q + order[h] * q, (size_t)q * sizeof(float));
			memcpy(permuted.k + h * k, p.k + order[h] * k, (size_t)k * sizeof(float));
			memcpy(permuted.v + h * v, p.v + order[h] * v, (size_t)v * sizeof(float));
		}
		problem_run(&p, *state);
		problem_run(&permuted, *state);
		for (int64_t h = 0; h < 3; h++)
			assert_true(equal_bits(permuted.y + h * y, p.y + order[h] * y, y));
		problem_finish(&p);
		problem_finish(&permuted);
	}
}

static void test_grouped_heads(void **state)
{
	EACH_SIZE(size)
	{
		struct problem grouped, repeated;
		int64_t k = size->s * 16, v = size->s * 24;

		problem_init(&grouped, 2, 6, 2, size->t, size->s, 16, 24, 7);
		grouped.causal = true;
		problem_init(&repeated, 2, 6, 6, size->t, size->s, 16, 24, 7);
		repeated.causal = true;
		memcpy(repeated.q, grouped.q, (size_t)(12 * size->t * 16) * sizeof(float));
		for (int64_t h = 0; h < 12; h++) {
			memcpy(repeated.k + h * k, grouped.k + h / 3 * k, (size_t)k * sizeof(float));
			memcpy(repeated.v + h * v, grouped.v + h / 3 * v, (size_t)v * sizeof(float));
		}
		problem_run(&grouped, *state);
		problem_run(&repeated, *state);
		assert_true(equal_bits(grouped.y, repeated.y, 12 * size->t * 24));
		assert_true(equal_bits(grouped.weights, repeated.weights, 12 * size->t * size->s));
		problem_finish(&grouped);
		problem_finish(&repeated);
	}
}

static void test_wide_window(void **state)
{
	EACH_SIZE(size)
	{
		struct problem full, window;

		problem_init(&full, 1, 2, 1, size->t, size->s, 16, 24, 8);
		full.causal = true;
		problem_copy(&window, &full);
		window.window = size->s;
		problem_run(&full, *state);
		problem_run(&window, *state);
		assert_true(equal_bits(full.y, window.y, 2 * size->t * 24));
		/* and a narrow one is another thing */
		window.window = 1;
		problem_run(&window, *state);
		assert_true(equal_bits(full.y, window.y, 2 * size->t * 24) == (size->s == 1));
		problem_finish(&full);
		problem_finish(&window);
	}
}

static void test_masked_rows(void **state)
{
	EACH_SIZE(size)
	{
		struct problem open, masked;
		int64_t s = size->s, row = size->t / 2;

		problem_init(&open, 1, 2, 2, size->t, s, 16, 24, 9);
		problem_add_mask(&open);
		problem_copy(&masked, &open);
		memset(masked.mask + row * s, 0, (size_t)s);
		problem_run(&open, *state);
		problem_run(&masked, *state);
		for (int64_t i = 0; i < 24; i++)
			assert_true(masked.y[row * 24 + i] == 0.0f);
		for (int64_t j = 0; j < s; j++)
			assert_true(masked.weights[row * s + j] == 0.0f);
		assert_true(equal_bits(open.y, masked.y, row * 24));
		assert_true(
			equal_bits(open.y + (row + 1) * 24, masked.y + (row + 1) * 24, (2 * size->t - row - 1) * 24));
		problem_finish(&open);
		problem_finish(&masked);
	}
}

static void test_reruns(void **state)
{
	struct problem first, again;

	problem_init(&first, 2, 4, 2, 33, 290, 40, 24, 10);
	first.causal = true;
	problem_copy(&again, &first);
	problem_run(&first, *state);
	for (int i = 0; i < 10; i++) {
		problem_run(&again, *state);
		assert_true(equal_bits(first.y, again.y, 2 * 4 * 33 * 24));
		assert_true(equal_bits(first.weights, again.weights, 2 * 4 * 33 * 290));
	}
	problem_finish(&first);
	problem_finish(&again);
}

/* ---- relations that hold within rounding ---- */

static void test_equal_keys(void **state)
{
	EACH_SIZE(size)
	{
		struct problem p;

		problem_init(&p, 1, 2, 1, size->t, size->s, 16, 24, 11);
		for (int64_t j = 1; j < size->s; j++)
			memcpy(p.k + j * 16, p.k, 16 * sizeof(float));
		problem_run(&p, *state);
		for (int64_t i = 0; i < 24; i++) {
			double mean = 0.0;

			for (int64_t j = 0; j < size->s; j++)
				mean += (double)p.v[j * 24 + i] / (double)size->s;
			for (int64_t row = 0; row < 2 * size->t; row++)
				assert_true(fabs(p.y[row * 24 + i] - mean) <= 0x1p-24 * 2.0 * (double)(size->s + 8));
		}
		problem_finish(&p);
	}
}

static void test_constant_values(void **state)
{
	EACH_SIZE(size)
	{
		struct problem p;

		problem_init(&p, 1, 2, 1, size->t, size->s, 16, 24, 12);
		for (int64_t i = 0; i < size->s * 24; i++)
			p.v[i] = 1.7f;
		problem_run(&p, *state);
		for (int64_t i = 0; i < 2 * size->t * 24; i++)
			assert_true(fabs(p.y[i] - 1.7) <= 0x1p-24 * 2.0 * (double)(size->s + 8));
		for (int64_t row = 0; row < 2 * size->t; row++) {
			double sum = 0.0;

			for (int64_t j = 0; j < size->s; j++)
				sum += p.weights[row * size->s + j];
			assert_true(fabs(sum - 1.0) <= 0x1p-24 * (double)(size->s + 8));
		}
		problem_finish(&p);
	}
}

static void test_permuted_keys_and_shift(void **state)
{
	EACH_SIZE(size)
	{
		struct problem p, q;
		int64_t s = size->s;
		double error;

		problem_init(&p, 1, 2, 1, size->t, s, 16, 24, 13);
		problem_copy(&q, &p);
		for (int64_t j = 0; j < s; j++) {
			memcpy(q.k + j * 16, p.k + (s - 1 - j) * 16, 16 * sizeof(float));
			memcpy(q.v + j * 24, p.v + (s - 1 - j) * 24, 24 * sizeof(float));
		}
		problem_add_bias(&q);
		for (int64_t i = 0; i < 2 * size->t * s; i++)
			q.bias[i] = 2.5f;
		problem_run(&p, *state);
		problem_run(&q, *state);
		for (int64_t i = 0; i < 2 * size->t * 24; i++)
			assert_true(fabs(p.y[i] - q.y[i]) <= 0x1p-24 * 40.0 * (double)(s + 16));
		error = problem_error(&q);
		assert_true(error <= 1.0);
		problem_finish(&p);
		problem_finish(&q);
	}
}

/* x [1, heads, t, d] turned by rope at positions first, first + 1, ... */
static float *turned(const struct place *place, const float *x, int64_t heads, int64_t t, int64_t d, int32_t first)
{
	struct single single = { .context = place->context,
				 .device = place->device,
				 .queue = place->queue,
				 .op = "rope",
				 .input_count = 2 };
	int32_t pos[512];
	struct clade_diag diag;
	float *y;

	assert_true(t <= 512);
	for (int64_t i = 0; i < t; i++)
		pos[i] = first + (int32_t)i;
	single.inputs[0] = (struct single_tensor) { true, { CLADE_F32, 4, { 1, heads, t, d } }, (void *)(uintptr_t)x };
	single.inputs[1] = (struct single_tensor) { true, { CLADE_I32, 2, { 1, t } }, pos };
	clade_diag_init(&diag);
	if (single_run(&single, &diag))
		fail_msg("%s", diag.text);
	y = malloc((size_t)(heads * t * d) * sizeof(float));
	assert_non_null(y);
	memcpy(y, single.outputs[0].data, (size_t)(heads * t * d) * sizeof(float));
	single_finish(&single);
	clade_diag_finish(&diag);
	return y;
}

/* Rotary positions count by their differences only. */
static void test_shifted_rope(void **state)
{
	EACH_SIZE(size)
	{
		struct problem here, there, straight;
		double largest = 0.0, change = 0.0;
		int64_t t = size->t, s = size->s;
		int32_t first = (int32_t)(s > t ? s - t : 0);

		problem_init(&straight, 1, 2, 1, t, s, 16, 24, 14);
		problem_copy(&here, &straight);
		problem_copy(&there, &straight);
		free(here.q);
		free(here.k);
		free(there.q);
		free(there.k);
		here.q = turned(*state, straight.q, 2, t, 16, first);
		here.k = turned(*state, straight.k, 1, s, 16, 0);
		there.q = turned(*state, straight.q, 2, t, 16, first + 1000);
		there.k = turned(*state, straight.k, 1, s, 16, 1000);
		problem_run(&here, *state);
		problem_run(&there, *state);
		problem_run(&straight, *state);
		for (int64_t i = 0; i < 2 * t * 24; i++) {
			largest = fmax(largest, fabs((double)here.y[i] - there.y[i]));
			change = fmax(change, fabs((double)here.y[i] - straight.y[i]));
		}
		/* An angle near 1000 has an error of 2^-15; scores add 16 products of at most 4. */
		assert_true(largest <= 0x1p-15 * 4.0 * 16.0);
		assert_true(change > 10.0 * largest || s == 1);
		problem_finish(&here);
		problem_finish(&there);
		problem_finish(&straight);
	}
}

static int run_on(struct place *place, const char *label)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_against_double, place),
		cmocka_unit_test_prestate(test_causal, place),
		cmocka_unit_test_prestate(test_chunks, place),
		cmocka_unit_test_prestate(test_right_padding, place),
		cmocka_unit_test_prestate(test_batch_mates, place),
		cmocka_unit_test_prestate(test_permuted_heads, place),
		cmocka_unit_test_prestate(test_grouped_heads, place),
		cmocka_unit_test_prestate(test_wide_window, place),
		cmocka_unit_test_prestate(test_masked_rows, place),
		cmocka_unit_test_prestate(test_reruns, place),
		cmocka_unit_test_prestate(test_equal_keys, place),
		cmocka_unit_test_prestate(test_constant_values, place),
		cmocka_unit_test_prestate(test_permuted_keys_and_shift, place),
		cmocka_unit_test_prestate(test_shifted_rope, place),
	};
	char name[128];

	snprintf(name, sizeof(name), "attention.%s on %s", place->impl, label);
	printf("%s\n", name);
	return _cmocka_run_group_tests(name, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "ref", *label = argc > 2 ? argv[2] : device;
	struct clade_context_params params = { .size = sizeof(params) };
	struct place place = { .context = NULL };
	struct clade_diag diag;
	int failed = 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	clade_diag_init(&diag);
	if (!clade_context_create(&params, &place.context, &diag) &&
	    !clade_context_add_builtins(place.context, &diag) &&
	    !clade_device_open(place.context, device, &place.device, &diag) &&
	    !clade_queue_create(place.device, false, &place.queue, &diag)) {
		const struct clade_device_info *info = clade_device_get_info(place.device);

		place.impl = info->kind == CLADE_DEVICE_HOST ? "ref" : "cl";
		failed = run_on(&place, label);
		place.impl = "cl.cpu";
		if (info->kind != CLADE_DEVICE_HOST && info->vector_width > 1)
			failed += run_on(&place, label);
		else
			printf("attention.cl.cpu is not for this device\n");
	} else {
		fprintf(stderr, "%s\n", diag.text);
	}
	clade_queue_destroy(&place.queue);
	clade_device_unref(&place.device);
	clade_context_destroy(&place.context);
	clade_diag_finish(&diag);
	return failed;
}

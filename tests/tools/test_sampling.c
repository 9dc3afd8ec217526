/* SPDX-License-Identifier: MIT */
/* Sampling: every step equal to transformers' processors (sampling_golden.json, by make_sampling_golden.py), draws that
 * follow the computed probabilities, stop strings however a text is cut. Usage: test_sampling GOLDEN */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sampling.c" /* with its static parts */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 64

static const char *golden_path;

static struct clade_sampler *make(const struct clade_sampling *sampling)
{
	struct clade_sampler *sampler;
	struct clade_diag diag;
	clade_diag_init(&diag);
	assert_int_equal(clade_sampler_create(NULL, sampling, &sampler, &diag), CLADE_OK);
	clade_diag_finish(&diag);
	return sampler;
}

/* Random123's known answers. */
static void test_philox(void **state)
{
	uint32_t zero[4] = { 0 }, ones[4] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
	const uint32_t of_zero[4] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
	const uint32_t of_ones[4] = { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd };
	(void)state;
	philox(zero, 0);
	assert_memory_equal(zero, of_zero, sizeof(zero));
	philox(ones, UINT64_MAX);
	assert_memory_equal(ones, of_ones, sizeof(ones));
}

static void test_exp(void **state)
{
	(void)state;
	assert_true(exp_negative(0) == 1);
	assert_true(exp_negative(-INFINITY) == 0 && exp_negative(-1e300) == 0);
	for (double x = -700; x < 0; x += 0.00317)
		if (!(fabs(exp_negative(x) / exp(x) - 1) < 1e-15))
			fail_msg("exp(%.17g) = %.17g, not %.17g", x, exp_negative(x), exp(x));
}

static double number(const json_t *object, const char *name, double otherwise)
{
	const json_t *value = json_object_get(object, name);
	return value != NULL ? json_number_value(value) : otherwise;
}

static size_t read_ids(const json_t *array, int32_t *out)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		out[i] = (int32_t)json_integer_value(json_array_get(array, i));
	return json_array_size(array);
}

static double number_or_ninf(const json_t *value)
{
	return json_is_null(value) ? -INFINITY : json_number_value(value);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Against the C library's log in double precision, sums from 1 to the size of a vocabulary. */
static void test_log_softmax(void **state)
{
	float logits[4096], out[4096];
	for (size_t count = 1; count <= 4096; count += count / 3 + 1) {
		double largest = -INFINITY, sum = 0;
		for (size_t i = 0; i < count; i++) {
			logits[i] = (float)((double)(i * 2654435761u % 1000) * 0.03 - 12);
			largest = logits[i] > largest ? logits[i] : largest;
		}
		for (size_t i = 0; i < count; i++)
			sum += exp(logits[i] - largest);
		assert_int_equal(clade_log_softmax(logits, count, out, NULL), CLADE_OK);
		for (size_t i = 0; i < count; i++)
			assert_true(fabs(out[i] - (logits[i] - largest - log(sum))) <=
				    1e-12 + 0x1p-24 * fabs(out[i]) * 1.0001);
	}
	logits[1] = NAN;
	assert_int_equal(clade_log_softmax(logits, 3, out, NULL), CLADE_ERR_DATA);
	logits[1] = INFINITY;
	assert_int_equal(clade_log_softmax(logits, 3, out, NULL), CLADE_ERR_DATA);
	logits[1] = -INFINITY;
	assert_int_equal(clade_log_softmax(logits, 3, out, NULL), CLADE_OK);
	assert_true(out[1] == -INFINITY && out[0] <= 0);
}

static void test_golden(void **state)
{
	json_t *root = json_load_file(golden_path, 0, NULL), *item;
	int32_t prompt[MOST], answer[MOST];
	struct clade_sampling_history history = { .prompt = prompt, .answer = answer };
	struct clade_diag diag;
	size_t c, filtered = 0;
	(void)state;
	assert_non_null(root);
	clade_diag_init(&diag);
	history.prompt_count = read_ids(json_object_get(root, "prompt"), prompt);
	history.answer_count = read_ids(json_object_get(root, "answer"), answer);
	json_array_foreach(json_object_get(root, "cases"), c, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const json_t *row = json_object_get(json_object_get(root, "rows"), name);
		const json_t *want = json_object_get(item, "scores");
		struct clade_sampling s;
		float logits[MOST];
		double got[MOST], expect[MOST];
		size_t count = json_array_size(row);
		clade_sampling_default(&s);
		s.temperature = number(item, "temperature", 1);
		s.top_k = (int64_t)number(item, "top_k", 0);
		s.top_p = number(item, "top_p", 1);
		s.min_p = number(item, "min_p", 0);
		s.repetition_penalty = number(item, "repetition", 1);
		s.presence_penalty = number(item, "presence", 0);
		s.frequency_penalty = number(item, "frequency", 0);
		assert_true(count > 30 && count <= MOST);
		for (size_t i = 0; i < count; i++)
			logits[i] = (float)number_or_ninf(json_array_get(row, i));
		struct clade_sampler *sampler = make(&s);
		for (int again = 0; again < 2; again++) /* nothing may be left behind by the first call */
			assert_int_equal(clade_sampler_scores(sampler, logits, count, &history, got, &diag), CLADE_OK);
		for (size_t i = 0; i < count; i++)
			expect[i] = number_or_ninf(json_array_get(want, i));
		if (strcmp(name, "ties") == 0 || strcmp(name, "equal") == 0) { /* which of equals go is not told */
			qsort(got, count, sizeof(*got), compare);
			qsort(expect, count, sizeof(*expect), compare);
		}
		for (size_t i = 0; i < count; i++) {
			double expected = expect[i];
			if (got[i] != expected)
				fail_msg("case %zu (%s): id %zu has %.17g, transformers %.17g", c, name, i, got[i],
					 expected);
			filtered += expected == -INFINITY;
		}
		clade_sampler_destroy(&sampler);
	}
	assert_true(c >= 150 && filtered > 1000);
	json_decref(root);
	clade_diag_finish(&diag);
}

static void test_greedy_and_bad_logits(void **state)
{
	struct clade_sampling greedy, draw;
	struct clade_sampling_history history = { 0 };
	struct clade_diag diag;
	int32_t id;
	const float ties[] = { 1, 3, -2, 3 }, nan[] = { 1, NAN, 2 }, none[] = { -INFINITY, -INFINITY },
		    over[] = { 1, INFINITY }, one[] = { -INFINITY, -5, -INFINITY };
	(void)state;
	clade_diag_init(&diag);
	clade_sampling_default(&greedy);
	draw = greedy;
	draw.temperature = 1;
	struct clade_sampler *first = make(&greedy), *second = make(&draw);
	assert_int_equal(clade_sampler_next(first, ties, 4, &history, &id, &diag), CLADE_OK);
	assert_int_equal(id, 1);
	for (uint64_t i = 0; i < 100; i++) {
		history.row = i;
		assert_int_equal(clade_sampler_next(second, one, 3, &history, &id, &diag), CLADE_OK);
		assert_int_equal(id, 1);
	}
	assert_int_equal(clade_sampler_next(first, nan, 3, &history, &id, &diag), CLADE_ERR_DATA);
	clade_diag_reset(&diag);
	assert_int_equal(clade_sampler_next(second, none, 2, &history, &id, &diag), CLADE_ERR_DATA);
	clade_diag_reset(&diag);
	assert_int_equal(clade_sampler_next(second, over, 2, &history, &id, &diag), CLADE_ERR_DATA);
	clade_diag_reset(&diag);
	assert_int_equal(clade_sampler_next(first, ties, 0, &history, &id, &diag), CLADE_ERR_DATA);
	clade_sampler_destroy(&first);
	clade_sampler_destroy(&second);
	clade_diag_finish(&diag);
}

static void test_bad_settings(void **state)
{
	struct clade_sampling bad[9];
	struct clade_sampler *sampler;
	(void)state;
	for (size_t i = 0; i < 9; i++)
		clade_sampling_default(&bad[i]);
	bad[0].temperature = -1;
	bad[1].temperature = NAN;
	bad[2].top_k = -1;
	bad[3].top_p = 1.5;
	bad[4].top_p = -0.1;
	bad[5].min_p = 2;
	bad[6].repetition_penalty = 0;
	bad[7].presence_penalty = INFINITY;
	bad[8].frequency_penalty = NAN;
	for (size_t i = 0; i < 9; i++) {
		struct clade_diag diag;
		clade_diag_init(&diag);
		assert_int_equal(clade_sampler_create(NULL, &bad[i], &sampler, &diag), CLADE_ERR_USAGE);
		assert_int_equal(diag.id, CLADE_MSG_SAMPLING);
		assert_null(sampler);
		clade_diag_finish(&diag);
	}
}

/* Pearson's statistic of `draws` ids against softmax of the chain's scores, by the C library's exp. */
static void check_distribution(const struct clade_sampling *sampling, const float *logits, size_t count)
{
	enum { DRAWS = 40000 };
	struct clade_sampler *sampler = make(sampling);
	struct clade_sampling_history history = { 0 };
	struct clade_diag diag;
	double scores[MOST] = { 0 }, total = 0, statistic = 0;
	size_t seen[MOST] = { 0 }, freedom = 0;
	clade_diag_init(&diag);
	assert_int_equal(clade_sampler_scores(sampler, logits, count, &history, scores, &diag), CLADE_OK);
	for (size_t i = 0; i < DRAWS; i++) {
		int32_t id = -1;
		history.row = i / 100;
		history.answer_count = i % 100; /* nothing is penalised, so the answer is not looked at */
		assert_int_equal(clade_sampler_next(sampler, logits, count, &history, &id, &diag), CLADE_OK);
		assert_in_range(id, 0, count - 1);
		seen[id]++;
	}
	for (size_t i = 0; i < count; i++)
		total += exp(scores[i]);
	for (size_t i = 0; i < count; i++) {
		double expected = exp(scores[i]) / total * DRAWS;
		if (expected == 0)
			assert_int_equal(seen[i], 0);
		if (expected < 5) /* too few for the statistic */
			continue;
		statistic += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
		freedom++;
	}
	assert_true(freedom >= 2);
	double normal = (statistic - (double)(freedom - 1)) / sqrt(2.0 * (double)(freedom - 1));
	if (!(normal < 4 && normal > -4))
		fail_msg("chi-square %.1f with %zu degrees of freedom", statistic, freedom - 1);
	clade_sampler_destroy(&sampler);
	clade_diag_finish(&diag);
}

static void test_distributions(void **state)
{
	static const struct clade_sampling settings[] = {
		{ .temperature = 1, .top_p = 1 },
		{ .temperature = 0.6, .top_p = 1 },
		{ .temperature = 2.5, .top_p = 1, .top_k = 10 },
		{ .temperature = 1, .top_p = 0.7 },
		{ .temperature = 1, .top_p = 1, .min_p = 0.1 },
		{ .temperature = 1.3, .top_k = 20, .top_p = 0.9, .min_p = 0.02 },
	};
	float logits[40], even[16] = { 0 };
	(void)state;
	for (int i = 0; i < 40; i++)
		logits[i] = (float)((i * 37) % 40) / 10 - (float)(i % 3);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct clade_sampling sampling = settings[i];
		sampling.size = sizeof(sampling);
		sampling.repetition_penalty = 1;
		for (sampling.seed = 1; sampling.seed < 4; sampling.seed++)
			check_distribution(&sampling, logits, 40);
		sampling.seed = UINT64_MAX;
		if (sampling.top_p == 1 && sampling.top_k == 0)
			check_distribution(&sampling, even, 16);
	}
}

/* A draw depends on seed, row and position, and on nothing that was drawn before. */
static void test_draws_are_numbered(void **state)
{
	struct clade_sampling sampling;
	float logits[MOST] = { 0 };
	int32_t forward[50], id;
	size_t same_row = 0, same_seed = 0;
	struct clade_diag diag;
	(void)state;
	clade_diag_init(&diag);
	clade_sampling_default(&sampling);
	sampling.temperature = 1;
	sampling.seed = 9;
	struct clade_sampler *sampler = make(&sampling);
	sampling.seed = 10;
	struct clade_sampler *other = make(&sampling);
	for (size_t i = 0; i < 50; i++) {
		struct clade_sampling_history h = { .row = 3, .answer_count = i };
		assert_int_equal(clade_sampler_next(sampler, logits, MOST, &h, &forward[i], &diag), CLADE_OK);
	}
	for (size_t i = 50; i-- > 0;) {
		struct clade_sampling_history h = { .row = 3, .answer_count = i };
		assert_int_equal(clade_sampler_next(sampler, logits, MOST, &h, &id, &diag), CLADE_OK);
		assert_int_equal(id, forward[i]);
		clade_sampler_next(other, logits, MOST, &h, &id, &diag);
		same_seed += id == forward[i];
		h.row = 4;
		clade_sampler_next(sampler, logits, MOST, &h, &id, &diag);
		same_row += id == forward[i];
	}
	assert_true(same_seed < 10 && same_row < 10);
	clade_sampler_destroy(&sampler);
	clade_sampler_destroy(&other);
	clade_diag_finish(&diag);
}

/* ---- stop strings ---- */

/* Pushes `text` cut as the bits of `cuts` say; checks what comes out and when. */
static void check_stops(const char *const *strings, size_t count, const char *text, uint32_t cuts, const char *want,
			bool want_stopped)
{
	struct clade_stops *stops;
	struct clade_diag diag;
	char all[256] = "";
	size_t filled = 0, longest = 0, length = strlen(text), bytes;
	bool stopped = false;
	const char *part;
	clade_diag_init(&diag);
	for (size_t i = 0; i < count; i++)
		longest = strlen(strings[i]) > longest ? strlen(strings[i]) : longest;
	assert_int_equal(clade_stops_create(NULL, strings, count, &stops, &diag), CLADE_OK);
	for (int again = 0; again < 2; again++) {
		filled = 0;
		stopped = false;
		for (size_t from = 0, to; from < length; from = to) {
			to = from + 1;
			while (to < length && !(cuts >> to & 1))
				to++;
			assert_int_equal(
				clade_stops_push(stops, text + from, to - from, &part, &bytes, &stopped, &diag),
				CLADE_OK);
			memcpy(all + filled, part, bytes);
			filled += bytes;
			/* no more is held back than the longest string less one */
			assert_true(stopped || to - filled < longest);
		}
		clade_stops_finish(stops, &part, &bytes);
		memcpy(all + filled, part, bytes);
		filled += bytes;
		all[filled] = '\0';
		assert_string_equal(all, want);
		assert_int_equal(stopped, want_stopped);
	}
	clade_stops_destroy(&stops);
	clade_diag_finish(&diag);
}

static void test_stops(void **state)
{
	static const struct {
		const char *strings[3], *text, *want;
		bool stopped;
	} cases[] = {
		{ { "abc" }, "xxabcyy", "xx", true },
		{ { "abc" }, "xxabxabab", "xxabxabab", false },
		{ { "aab" }, "aaaab", "aa", true },
		{ { "abcd", "c" }, "xabcdx", "xab", true }, /* "c" ends first */
		{ { "bc", "abc" }, "xabcx", "x", true },    /* both end at once: the longer one goes */
		{ { "\n\n" }, "one\ntwo\n\nthree", "one\ntwo", true },
		{ { "</s>", "<end>" }, "a < b </ <en", "a < b </ <en", false },
		{ { "x" }, "x", "", true },
		{ { "longer than the text" }, "longer than", "longer than", false },
		{ { "\xc3\xa9" }, "caf\xc3\xa9s", "caf", true },
	};
	const char *empty[] = { "" };
	struct clade_stops *stops;
	struct clade_diag diag;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t count = 0;
		while (count < 3 && cases[i].strings[count] != NULL)
			count++;
		for (uint32_t cuts = 0; cuts<1u << strlen(cases[i].text); cuts += strlen(cases[i].text)> 11 ? 13 : 1)
			check_stops(cases[i].strings, count, cases[i].text, cuts, cases[i].want, cases[i].stopped);
	}
	clade_diag_init(&diag);
	assert_int_equal(clade_stops_create(NULL, empty, 1, &stops, &diag), CLADE_ERR_USAGE);
	clade_diag_finish(&diag);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_philox),
		cmocka_unit_test(test_exp),
		cmocka_unit_test(test_log_softmax),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_greedy_and_bad_logits),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_distributions),
		cmocka_unit_test(test_draws_are_numbered),
		cmocka_unit_test(test_stops),
	};
	if (argc < 2) {
		fprintf(stderr, "usage: test_sampling GOLDEN\n");
		return 2;
	}
	golden_path = argv[1];
	return cmocka_run_group_tests_name("tools sampling", tests, NULL, NULL);
}

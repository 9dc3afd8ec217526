/* SPDX-License-Identifier: MIT */
/* The mini language of test cases and the values it makes. */
#include <clade/messages.h>
#include <clade/step.h>

#include "counting.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL_TYPES ((1u << CLADE_DTYPE_COUNT) - 1)
static const struct clade_port x = {
	.size = sizeof(struct clade_port), .name = "x", .flags = CLADE_IN, .dtypes = ALL_TYPES
};
static const struct clade_port z = {
	.size = sizeof(struct clade_port), .name = "z", .flags = CLADE_IN | CLADE_OPTIONAL, .dtypes = ALL_TYPES
};
static const struct clade_port vs = { .size = sizeof(struct clade_port),
				      .name = "vs",
				      .flags = CLADE_IN | CLADE_OPTIONAL | CLADE_VARIADIC,
				      .dtypes = ALL_TYPES };
static const struct clade_port y = { .size = sizeof(struct clade_port), .name = "y", .flags = CLADE_OUT, .like = "x" };
static const struct clade_op op = { .size = sizeof(op),
				    .name = "copy",
				    .ports = CLADE_LIST(struct clade_port, &x, &z, &vs, &y) };

static enum clade_status build(const char *const *inputs, uint64_t seed, struct clade_case_data *data,
			       struct clade_diag *diag)
{
	const struct clade_case test_case = { .size = sizeof(test_case), .name = "a case", .inputs = inputs };

	return clade_case_build(NULL, &op, &test_case, seed, data, diag);
}
#define LINES(...) ((const char *const[]) { __VA_ARGS__, NULL })

static void test_places(void **state)
{
	struct clade_case_data data;

	assert_int_equal(
		build(LINES("vs = f32[2]", "x = f32[2, 3] normal weight", "vs = i32[4] ids:7"), 0, &data, NULL),
		CLADE_OK);
	assert_int_equal(data.input_count, 4);
	assert_true(data.present[0] && !data.present[1] && data.present[2] && data.present[3]);
	assert_int_equal(data.sources[0], CLADE_FROM_WEIGHT);
	assert_int_equal(data.sources[2], CLADE_FROM_VALUE);
	assert_int_equal(data.input_types[3].dtype, CLADE_I32);
	assert_int_equal(data.output_count, 1);
	assert_true(clade_type_equal(&data.output_types[0], &data.input_types[0]));
	clade_case_finish(NULL, &data);
	/* Trailing optional inputs count even when absent: inputs are indexed by port. */
	assert_int_equal(build(LINES("x = f32[1, 2, 4, 5] state:9 strided"), 0, &data, NULL), CLADE_OK);
	assert_int_equal(data.input_count, 3);
	assert_int_equal(data.capacity[0], 9);
	assert_true(data.row_gap[0] > 0);
	assert_int_equal(data.sources[0], CLADE_FROM_STATE);
	clade_case_finish(NULL, &data);
	clade_case_finish(NULL, NULL);
}

static void test_deterministic(void **state)
{
	struct clade_case_data a, b, c;

	assert_int_equal(build(LINES("x = f32[50]", "z = f32[50]"), 1, &a, NULL), CLADE_OK);
	assert_int_equal(build(LINES("x = f32[50]", "z = f32[50]"), 1, &b, NULL), CLADE_OK);
	assert_int_equal(build(LINES("x = f32[50]", "z = f32[50]"), 2, &c, NULL), CLADE_OK);
	assert_memory_equal(a.inputs[0], b.inputs[0], 200);
	assert_memory_not_equal(a.inputs[0], a.inputs[1], 200);
	assert_memory_not_equal(a.inputs[0], c.inputs[0], 200);
	clade_case_finish(NULL, &a);
	clade_case_finish(NULL, &b);
	clade_case_finish(NULL, &c);
}

static unsigned count_if(const float *values, bool (*test)(float))
{
	unsigned count = 0;

	for (int i = 0; i < 400; i++)
		count += test(values[i]);
	return count;
}
static bool is_nan(float v)
{
	return isnan(v);
}
static bool is_inf(float v)
{
	return isinf(v);
}
static bool is_plus_inf(float v)
{
	return isinf(v) && v > 0;
}
static bool is_zero(float v)
{
	return v == 0;
}
static bool is_minus_zero(float v)
{
	return v == 0 && signbit(v);
}
static bool is_one(float v)
{
	return v == 1;
}
static bool is_large(float v)
{
	return fabsf(v) > 1e25f;
}
static bool is_small(float v)
{
	return fabsf(v) < 1e-17f && fabsf(v) > 1e-20f;
}
static bool is_unit(float v)
{
	return fabsf(v) <= 1;
}
static bool is_mask(float v)
{
	return v == 0 || v == 1;
}

static void test_fills(void **state)
{
	static const struct {
		const char *fill;
		bool (*test)(float);
		unsigned low, high; /* how many of 400 values pass */
	} rows[] = {
		{ "", is_unit, 200, 350 },       { "normal", is_nan, 0, 0 },     { "uniform", is_unit, 400, 400 },
		{ "zeros", is_zero, 400, 400 },  { "ones", is_one, 400, 400 },   { "huge", is_large, 390, 400 },
		{ "tiny", is_small, 400, 400 },  { "cancel", is_unit, 0, 20 },   { "nan", is_nan, 5, 60 },
		{ "inf", is_inf, 5, 60 },        { "ninf", is_inf, 5, 60 },      { "ninf", is_plus_inf, 0, 0 },
		{ "specials", is_nan, 5, 60 },   { "specials", is_inf, 10, 90 }, { "specials", is_minus_zero, 5, 60 },
		{ "mask", is_mask, 400, 400 },   { "mask", is_one, 150, 250 },   { "allfalse", is_zero, 400, 400 },
		{ "alltrue", is_one, 400, 400 }, { "near1", is_unit, 150, 250 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct clade_case_data data;
		char line[64];
		unsigned count;

		snprintf(line, sizeof(line), "x = f32[20, 20] %s", rows[i].fill);
		assert_int_equal(build(LINES(line), 3, &data, NULL), CLADE_OK);
		count = count_if(data.inputs[0], rows[i].test);
		if (count < rows[i].low || count > rows[i].high)
			fail_msg("%s: %u of 400", rows[i].fill, count);
		clade_case_finish(NULL, &data);
	}
}

static void test_equal_and_rows(void **state)
{
	struct clade_case_data data;
	const float *values;
	const uint8_t *mask;
	const int32_t *ids;

	assert_int_equal(build(LINES("x = f32[9] equal", "z = bool[6, 8] rowmask"), 0, &data, NULL), CLADE_OK);
	values = data.inputs[0];
	mask = data.inputs[1];
	for (int i = 1; i < 9; i++)
		assert_true(values[i] == values[0] && values[0] != 0);
	for (int row = 0; row < 6; row++) {
		int trues = 0;

		for (int i = 0; i < 8; i++)
			trues += mask[row * 8 + i];
		assert_int_equal(trues > 0, row % 3 != 1);
	}
	clade_case_finish(NULL, &data);
	assert_int_equal(build(LINES("x = i32[2, 4] positions:5", "z = i32[300] badids:10"), 0, &data, NULL), CLADE_OK);
	ids = data.inputs[0];
	assert_true(ids[0] == 5 && ids[3] == 8 && ids[4] == 5 && ids[7] == 8);
	ids = data.inputs[1];
	assert_int_equal(ids[0], -1);
	for (int i = 0, good = 0; i < 300; i++) {
		good += ids[i] >= 0 && ids[i] < 10;
		if (i == 299)
			assert_true(good > 200 && good < 300);
	}
	clade_case_finish(NULL, &data);
	assert_int_equal(build(LINES("x = f16[3] ones", "z = i64[300] ids:3", "vs = bf16[0]", "vs = f64[] ones"), 0,
			       &data, NULL),
			 CLADE_OK);
	assert_int_equal(((const uint16_t *)data.inputs[0])[2], 0x3c00);
	for (int i = 0; i < 300; i++)
		assert_true(((const int64_t *)data.inputs[1])[i] >= 0 && ((const int64_t *)data.inputs[1])[i] < 3);
	assert_true(*(const double *)data.inputs[3] == 1.0);
	clade_case_finish(NULL, &data);
}

static void test_malformed_lines(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{ "", "port = type fill" },
		{ "x", "port = type fill" },
		{ "x f32[2]", "port = type fill" },
		{ "q = f32[2]", "no such input" },
		{ "x = f33[2]", "type must read like" },
		{ "x = f32", "type must read like" },
		{ "x = f32[2", "type must read like" },
		{ "x = f32[-2]", "type must read like" },
		{ "x = f32[1,2,3,4,5,6,7,8,9]", "type must read like" },
		{ "x = f32[4611686018427387904]", "overflows" },
		{ "x = f32[2] what", "unknown fill" },
		{ "x = f32[2] normal what", "unknown word" },
		{ "x = f32[2] normal:3", "unknown fill" },
		{ "x = i32[2] ids", "unknown fill" },
		{ "x = i32[2] ids:0", "unknown fill" },
		{ "x = i32[2] ids:", "whole number" },
		{ "x = i32[2] ids:3x", "whole number" },
		{ "x = i32[2] huge", "unknown fill" },
		{ "x = bool[2] specials", "unknown fill" },
		{ "x = f32[2, 3] normal state:4", "axis 2" },
		{ "x = f32[2, 3, 5] normal state:4", "axis 2" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct clade_case_data data;
		struct clade_diag diag;

		clade_diag_init(&diag);
		assert_int_equal(build(LINES(rows[i].line), 0, &data, &diag), CLADE_ERR_DATA);
		assert_int_equal(diag.id, CLADE_MSG_ARGUMENT);
		if (!strstr(diag.text, rows[i].words))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", rows[i].line, diag.text, rows[i].words);
		clade_diag_finish(&diag);
	}
}

static void test_wrong_lists(void **state)
{
	struct clade_case_data data;
	struct clade_diag diag;

	clade_diag_init(&diag);
	assert_int_equal(build(LINES("x = f32[2]", "x = f32[2]"), 0, &data, &diag), CLADE_ERR_DATA);
	assert_non_null(strstr(diag.text, "given twice"));
	clade_diag_reset(&diag);
	assert_int_equal(build(LINES("z = f32[2]"), 0, &data, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_INFER);
	assert_non_null(strstr(diag.text, "input x is missing"));
	assert_null(data.params);
	clade_diag_finish(&diag);
}

static void test_without_memory(void **state)
{
	const struct clade_case test_case = { .size = sizeof(test_case),
					      .name = "a case",
					      .inputs = LINES("x = f32[4]", "z = i32[4]", "vs = bool[2, 3] mask") };
	long failures = 0;

	for (long n = 0;; n++) {
		struct counting counting = { 0, -1 };
		struct clade_allocator allocator = { counting_resize, &counting };
		struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
		struct clade_context *context = NULL;
		struct clade_case_data data;
		enum clade_status status;

		assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
		counting.left = n;
		status = clade_case_build(context, &op, &test_case, 0, &data, NULL);
		if (!status)
			clade_case_finish(context, &data);
		clade_context_destroy(&context);
		assert_int_equal(counting.live, 0);
		if (!status)
			break;
		assert_int_equal(status, CLADE_ERR_MEMORY);
		failures++;
	}
	assert_int_equal(failures, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),          cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_fills),           cmocka_unit_test(test_equal_and_rows),
		cmocka_unit_test(test_malformed_lines), cmocka_unit_test(test_wrong_lists),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

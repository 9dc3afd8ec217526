/* SPDX-License-Identifier: MIT */
/* Diagnostics, allocation, element types, layouts, conversions, comparison. */
#include <clade/messages.h>
#include <clade/tensor.h>

#include "counting.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- diagnostics ---- */

static void test_first_error_stays(void **state)
{
	struct clade_diag diag;

	clade_diag_init(&diag);
	assert_int_equal(clade_fail(&diag, CLADE_ERR_DATA, 17, "a:1:2", "first %d", 1), CLADE_ERR_DATA);
	assert_int_equal(clade_fail(&diag, CLADE_ERR_IO, 3, "b", "second"), CLADE_ERR_IO);
	assert_int_equal(diag.status, CLADE_ERR_DATA);
	assert_int_equal(diag.id, 17);
	assert_string_equal(diag.where, "a:1:2");
	assert_string_equal(diag.text, "first 1");
	clade_diag_reset(&diag);
	assert_int_equal(diag.status, CLADE_OK);
	assert_int_equal(clade_fail_memory(&diag, 12, "a thing"), CLADE_ERR_MEMORY);
	assert_string_equal(diag.text, "no memory for a thing (12 bytes)");
	assert_int_equal(clade_fail(NULL, CLADE_ERR_IO, 3, NULL, "nobody listens"), CLADE_ERR_IO);
	clade_diag_finish(&diag);
	clade_diag_finish(NULL);
}

static void test_long_texts_are_cut(void **state)
{
	static char huge[5000];
	struct clade_diag diag;

	memset(huge, 'x', sizeof(huge) - 1);
	clade_diag_init(&diag);
	clade_fail(&diag, CLADE_ERR_DATA, 1, huge, "%s", huge);
	assert_int_equal(strlen(diag.where), sizeof(diag.where) - 1);
	assert_int_equal(strlen(diag.text), sizeof(diag.text) - 1);
	clade_diag_finish(&diag);
}

static void test_status_names(void **state)
{
	assert_string_equal(clade_status_name(CLADE_OK), "ok");
	assert_string_equal(clade_status_name(CLADE_ERR_CANCELLED), "cancelled");
	assert_string_equal(clade_status_name(CLADE_ERR_MISMATCH), "mismatch");
	assert_string_equal(clade_status_name((enum clade_status) - 10), "unknown status");
	assert_string_equal(clade_status_name((enum clade_status)1), "unknown status");
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "linear", "layer_norm", "softmax", "add", "rope", NULL };
	static const struct {
		const char *word, *nearest;
	} rows[] = {
		{ "liner", "linear" }, { "layernorm", "layer_norm" }, { "sofmtax", "softmax" }, { "ad", "add" },
		{ "ropes", "rope" },   { "attention", NULL },         { "linear", "linear" },   { "", NULL },
		{ NULL, NULL },        { "softmaxxxxxx", NULL },      { "rpoe", "rope" },       { "soft", "softmax" },
		{ "r", NULL },         { "lienar", "linear" },
	};
	char huge[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = clade_nearest(rows[i].word, words, 5);

		if (rows[i].nearest)
			assert_string_equal(got, rows[i].nearest);
		else
			assert_null(got);
	}
	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_null(clade_nearest(huge, words, 5));
	assert_null(clade_nearest("linear", words, 0));
}

/* ---- context ---- */

struct logged {
	unsigned lines;
	char last[256];
};

static void log_line(void *user, enum clade_log_level level, const char *component, const char *text)
{
	struct logged *logged = user;

	logged->lines++;
	snprintf(logged->last, sizeof(logged->last), "%d %s %s", (int)level, component, text);
}

static void test_context_frees_everything(void **state)
{
	struct counting counting = { 0, -1 };
	struct clade_allocator allocator = { counting_resize, &counting };
	struct clade_context_params params = {
		.size = sizeof(params), .allocator = &allocator, .cache_dir = "a", .kernel_dir = "b"
	};
	struct clade_context *context = NULL;
	char *text;

	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
	text = clade_strdup(context, "word");
	assert_string_equal(text, "word");
	clade_free(context, text);
	clade_free(context, NULL);
	text = clade_alloc(context, 0);
	assert_non_null(text);
	clade_free(context, text);
	clade_context_destroy(&context);
	assert_null(context);
	clade_context_destroy(&context);
	clade_context_destroy(NULL);
	assert_int_equal(counting.live, 0);
}

/* Each allocation of creating a context fails in turn: the documented status, nothing left. */
static void test_context_without_memory(void **state)
{
	long failures = 0;

	for (long n = 0;; n++) {
		struct counting counting = { 0, n };
		struct clade_allocator allocator = { counting_resize, &counting };
		struct clade_context_params params = {
			.size = sizeof(params), .allocator = &allocator, .cache_dir = "a", .kernel_dir = "b"
		};
		struct clade_context *context = (struct clade_context *)&counting;
		struct clade_diag diag;
		enum clade_status status;

		clade_diag_init(&diag);
		status = clade_context_create(&params, &context, &diag);
		if (status == CLADE_OK) {
			clade_context_destroy(&context);
			assert_int_equal(counting.live, 0);
			break;
		}
		assert_int_equal(status, CLADE_ERR_MEMORY);
		assert_int_equal(diag.id, CLADE_MSG_MEMORY);
		assert_null(context);
		assert_int_equal(counting.live, 0);
		failures++;
	}
	assert_int_equal(failures, 3);
}

static void test_context_params_are_checked(void **state)
{
	struct clade_context_params params = { .size = 4 };
	struct clade_context *context;

	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_ERR_ARGUMENT);
	assert_null(context);
	assert_int_equal(clade_context_create(NULL, NULL, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_context_create(NULL, &context, NULL), CLADE_OK);
	clade_context_destroy(&context);
	assert_true(strlen(clade_version()) > 0);
}

static void test_log_levels(void **state)
{
	struct logged logged = { 0 };
	struct clade_context_params params = {
		.size = sizeof(params), .log = log_line, .log_user = &logged, .log_level = CLADE_LOG_NOTE
	};
	struct clade_context *context;

	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
	clade_log(context, CLADE_LOG_INFO, "device", "not heard");
	clade_log(context, CLADE_LOG_NOTE, "device", "heard %d", 1);
	clade_log(NULL, CLADE_LOG_ERROR, "device", "no context");
	assert_int_equal(logged.lines, 1);
	assert_string_equal(logged.last, "2 device heard 1");
	clade_context_destroy(&context);
}

/* ---- types ---- */

static void test_dtypes(void **state)
{
	static const struct {
		const char *name;
		uint32_t bytes;
	} rows[CLADE_DTYPE_COUNT] = { { "f32", 4 },  { "i32", 4 }, { "bool", 1 },  { "f16", 2 },
				      { "bf16", 2 }, { "f64", 8 }, { "i8", 1 },    { "i16", 2 },
				      { "i64", 8 },  { "u8", 1 },  { "q8_0", 34 }, { "q4_0", 18 } };

	for (unsigned i = 0; i < CLADE_DTYPE_COUNT; i++) {
		enum clade_dtype dtype = CLADE_DTYPE_COUNT;

		assert_string_equal(clade_dtype_info((enum clade_dtype)i)->name, rows[i].name);
		assert_int_equal(clade_dtype_info((enum clade_dtype)i)->bytes, rows[i].bytes);
		assert_true(clade_dtype_from_name(rows[i].name, &dtype));
		assert_int_equal(dtype, i);
	}
	assert_null(clade_dtype_info(CLADE_DTYPE_COUNT));
	assert_null(clade_dtype_info((enum clade_dtype) - 1));
	assert_false(clade_dtype_from_name("f33", &(enum clade_dtype) { 0 }));
	assert_false(clade_dtype_from_name(NULL, &(enum clade_dtype) { 0 }));
}

static void test_counts_and_overflow(void **state)
{
	static const struct {
		struct clade_type type;
		bool ok;
		int64_t count;
	} rows[] = {
		{ { CLADE_F32, 0, { 0 } }, true, 1 },
		{ { CLADE_F32, 3, { 2, 3, 4 } }, true, 24 },
		{ { CLADE_F32, 3, { 2, 0, 4 } }, true, 0 },
		{ { CLADE_F32, 1, { -1 } }, false, 0 },
		{ { CLADE_BOOL, 2, { INT64_MAX, 1 } }, true, INT64_MAX },
		{ { CLADE_F32, 2, { INT64_C(1) << 32, INT64_C(1) << 31 } }, false, 0 },
		/* A zero does not hide an overflow beside it, on whichever side. */
		{ { CLADE_F32, 3, { INT64_MAX, 2, 0 } }, false, 0 },
		{ { CLADE_F32, 3, { 0, INT64_MAX, 2 } }, false, 0 },
		{ { CLADE_F32, 9, { 1 } }, false, 0 },
	};
	struct clade_type wide = { CLADE_F64, 1, { INT64_MAX / 4 } };
	size_t bytes;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t count = -1;

		assert_int_equal(clade_type_count(&rows[i].type, &count), rows[i].ok);
		if (rows[i].ok)
			assert_int_equal(count, rows[i].count);
	}
	assert_false(clade_type_bytes(&wide, &bytes));
	wide.dims[0] = 5;
	assert_true(clade_type_bytes(&wide, &bytes));
	assert_int_equal(bytes, 40);
}

static void test_type_text(void **state)
{
	struct clade_type type = { CLADE_F32, 3, { 2, 7, 64 } };
	char text[64], tiny[8];

	assert_string_equal(clade_type_text(&type, text, sizeof(text)), "f32[2, 7, 64]");
	type.dims[1] = -3;
	assert_string_equal(clade_type_text(&type, text, sizeof(text)), "f32[2, ?, 64]");
	assert_string_equal(clade_type_text(&type, tiny, sizeof(tiny)), "f32[2, ");
	type.rank = 0;
	assert_string_equal(clade_type_text(&type, text, sizeof(text)), "f32[]");
}

static void test_dense(void **state)
{
	struct clade_tensor tensor = { .type = { CLADE_F32, 3, { 2, 1, 4 } } };

	clade_dense_strides(&tensor.type, tensor.strides);
	assert_int_equal(tensor.strides[0], 4);
	assert_int_equal(tensor.strides[2], 1);
	assert_true(clade_tensor_is_dense(&tensor));
	tensor.strides[1] = 99; /* of an axis of length 1: never used */
	assert_true(clade_tensor_is_dense(&tensor));
	tensor.strides[0] = 5;
	assert_false(clade_tensor_is_dense(&tensor));
	tensor.type.dims[2] = 0;
	assert_true(clade_tensor_is_dense(&tensor));
}

/* ---- layouts ---- */

static void check_panels(int64_t rows, int64_t columns, uint16_t width, enum clade_dtype dtype, int64_t step)
{
	struct clade_type type = { dtype, 2, { rows, columns } };
	struct clade_layout layout = { CLADE_LAYOUT_PANEL, width };
	size_t element = clade_dtype_info(dtype)->bytes, bytes, plain, total = (size_t)(rows * columns) * element;
	unsigned char *source, *packed, *back;

	assert_true(clade_layout_bytes(&type, layout, &bytes));
	assert_true(clade_type_bytes(&type, &plain));
	assert_int_equal(bytes, (size_t)((rows + width - 1) / width * width * columns) * element);
	source = malloc(total + 1);
	packed = malloc(bytes + 1);
	back = malloc(total + 1);
	for (size_t i = 0; i < total; i++)
		source[i] = (unsigned char)(i * 7 + 1);
	memset(packed, 0xee, bytes + 1);
	for (int64_t first = 0; first < rows; first += step) {
		int64_t count = first + step < rows ? step : rows - first;

		assert_int_equal(clade_layout_pack(&type, layout, first, count,
						   source + (size_t)(first * columns) * element, packed),
				 CLADE_OK);
	}
	for (int64_t n = 0; n < (rows + width - 1) / width * width; n++) {
		for (int64_t k = 0; k < columns; k++) {
			size_t at = (size_t)((n / width * columns + k) * width + n % width) * element;
			static const unsigned char zeros[8];

			assert_memory_equal(packed + at,
					    n < rows ? source + (size_t)(n * columns + k) * element : zeros, element);
		}
	}
	assert_int_equal(packed[bytes], 0xee);
	memset(back, 0, total + 1);
	for (int64_t first = 0; first < rows; first += step) {
		int64_t count = first + step < rows ? step : rows - first;

		assert_int_equal(clade_layout_unpack(&type, layout, first, count, packed,
						     back + (size_t)(first * columns) * element),
				 CLADE_OK);
	}
	assert_memory_equal(source, back, total);
	free(source);
	free(packed);
	free(back);
}

static void test_panels(void **state)
{
	static const int64_t rows[] = { 0, 1, 31, 32, 33, 64, 70 }, columns[] = { 0, 1, 5, 33 },
			     steps[] = { 1, 7, 32, 99 };

	for (size_t r = 0; r < 7; r++)
		for (size_t c = 0; c < 4; c++)
			for (size_t s = 0; s < 4; s++) {
				check_panels(rows[r], columns[c], 32, CLADE_F32, steps[s]);
				check_panels(rows[r], columns[c], 3, CLADE_F16, steps[s]);
			}
}

/* Quant k of row n where tensor.h says that panels of blocks have it. */
static int panel_quant(enum clade_dtype dtype, uint16_t kind, const unsigned char *packed, int64_t columns,
		       int64_t width, int64_t n, int64_t k)
{
	int64_t block = clade_dtype_info(dtype)->bytes;
	const unsigned char *group = packed + (n / width * (columns / 32) + k / 32) * width * block;

	group += 2 * width;
	if (kind == CLADE_LAYOUT_QUADS && dtype == CLADE_Q8_0)
		return group[(k % 32 / 4 * width + n % width) * 4 + k % 4] - 128;
	if (kind == CLADE_LAYOUT_QUADS)
		return (group[(k % 16 / 4 * width + n % width) * 4 + k % 4] >> k % 32 / 16 * 4 & 15) - 8;
	if (dtype == CLADE_Q8_0)
		return (signed char)group[k % 32 * width + n % width];
	return (group[(k % 32 / 8 * width + n % width) * 4 + k % 8 / 2] >> k % 2 * 4 & 15) - 8;
}

static int row_quant(enum clade_dtype dtype, const unsigned char *rows, int64_t columns, int64_t n, int64_t k)
{
	const unsigned char *block = rows + (n * (columns / 32) + k / 32) * clade_dtype_info(dtype)->bytes;

	k %= 32;
	if (dtype == CLADE_Q8_0)
		return (signed char)block[2 + k];
	return (k < 16 ? block[2 + k] & 15 : block[2 + k - 16] >> 4) - 8;
}

static void check_blocks(enum clade_dtype dtype, uint16_t kind, int64_t rows, int64_t columns, uint16_t width,
			 int64_t step)
{
	struct clade_type type = { dtype, 2, { rows, columns } };
	struct clade_layout layout = { kind, width };
	int64_t row = columns / 32 * clade_dtype_info(dtype)->bytes, all = (rows + width - 1) / width * width;
	unsigned char *source = malloc((size_t)(rows * row)), *packed, *back = malloc((size_t)(rows * row));
	size_t bytes;

	assert_true(clade_layout_bytes(&type, layout, &bytes));
	assert_int_equal(bytes, all * row);
	packed = malloc(bytes + 1);
	memset(packed, 0xee, bytes + 1);
	for (int64_t i = 0; i < rows * row; i++)
		source[i] = (unsigned char)(i * 37 + i / 251);
	for (int64_t first = 0; first < rows; first += step)
		assert_int_equal(clade_layout_pack(&type, layout, first, rows - first < step ? rows - first : step,
						   source + first * row, packed),
				 CLADE_OK);
	assert_int_equal(packed[bytes], 0xee);
	for (int64_t n = 0; n < all; n++)
		for (int64_t k = 0; k < columns; k++) {
			const unsigned char *scale =
				packed +
				(n / width * (columns / 32) + k / 32) * width * clade_dtype_info(dtype)->bytes +
				n % width * 2;
			static const unsigned char zero[2];

			assert_int_equal(panel_quant(dtype, kind, packed, columns, width, n, k),
					 n < rows ? row_quant(dtype, source, columns, n, k) : 0);
			assert_memory_equal(
				scale, n < rows ? source + n * row + k / 32 * clade_dtype_info(dtype)->bytes : zero, 2);
		}
	for (int64_t first = 0; first < rows; first += step)
		assert_int_equal(clade_layout_unpack(&type, layout, first, rows - first < step ? rows - first : step,
						     packed, back + first * row),
				 CLADE_OK);
	assert_memory_equal(source, back, (size_t)(rows * row));
	free(source);
	free(packed);
	free(back);
}

static void test_panels_of_blocks(void **state)
{
	static const int64_t rows[] = { 1, 31, 33, 70 }, steps[] = { 1, 7, 99 };
	struct clade_type ragged = { CLADE_Q8_0, 2, { 4, 33 } }, scalar = { CLADE_Q4_0, 0, { 0 } };
	size_t bytes;

	for (size_t r = 0; r < 4; r++)
		for (size_t s = 0; s < 3; s++)
			for (uint16_t kind = CLADE_LAYOUT_PANEL; kind <= CLADE_LAYOUT_QUADS; kind++) {
				check_blocks(CLADE_Q8_0, kind, rows[r], 96, 32, steps[s]);
				check_blocks(CLADE_Q4_0, kind, rows[r], 64, 32, steps[s]);
				check_blocks(CLADE_Q4_0, kind, rows[r], 32, 3, steps[s]);
			}
	assert_false(clade_type_bytes(&ragged, &bytes));
	assert_false(clade_layout_bytes(&ragged, (struct clade_layout) { CLADE_LAYOUT_PANEL, 8 }, &bytes));
	assert_false(clade_type_bytes(&scalar, &bytes));
}

static void test_layout_errors(void **state)
{
	struct clade_type type = { CLADE_F32, 2, { 4, 4 } }, line = { CLADE_F32, 1, { 4 } };
	struct clade_type wide = { CLADE_F32, 2, { INT64_MAX - 1, 1 } };
	struct clade_layout panel = { CLADE_LAYOUT_PANEL, 8 }, rows = { CLADE_LAYOUT_ROWS, 0 };
	float memory[64] = { 0 }, other[64];
	char text[32];
	size_t bytes;

	assert_string_equal(clade_layout_name(panel, text, sizeof(text)), "panel:8");
	assert_string_equal(clade_layout_name(rows, text, sizeof(text)), "rows");
	assert_string_equal(clade_layout_name((struct clade_layout) { CLADE_LAYOUT_QUADS, 8 }, text, sizeof(text)),
			    "quads:8");
	assert_false(clade_layout_bytes(&type, (struct clade_layout) { CLADE_LAYOUT_QUADS, 8 }, &bytes));
	assert_false(clade_layout_bytes(&line, panel, &bytes));
	assert_false(clade_layout_bytes(&wide, panel, &bytes));
	assert_false(clade_layout_bytes(&type, (struct clade_layout) { CLADE_LAYOUT_PANEL, 0 }, &bytes));
	assert_false(clade_layout_bytes(&type, (struct clade_layout) { 7, 1 }, &bytes));
	assert_int_equal(clade_layout_pack(&type, panel, 3, 2, memory, other), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_layout_pack(&type, panel, -1, 2, memory, other), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_layout_pack(&type, panel, 1, INT64_MAX, memory, other), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_layout_pack(&line, rows, 0, 1, memory, other), CLADE_OK);
	memory[5] = 3;
	assert_int_equal(clade_layout_pack(&type, rows, 1, 1, memory + 4, other), CLADE_OK);
	assert_true(other[5] == 3.0f);
}

/* ---- conversions ---- */

static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void test_f16_round_trip(void **state)
{
	for (uint32_t bits = 0; bits < 0x10000; bits++) {
		float value = clade_f16_to_f32((uint16_t)bits);
		uint16_t back = clade_f32_to_f16(value);

		if ((bits & 0x7fff) > 0x7c00) {
			assert_true(isnan(value) && (back & 0x7fff) > 0x7c00);
			continue;
		}
		assert_int_equal(back, bits);
		value = clade_bf16_to_f32((uint16_t)bits);
		if (!isnan(value))
			assert_int_equal(clade_f32_to_bf16(value), bits);
	}
}

/* Against the definition: the nearest of both neighbours, ties to the even one. */
static void test_f16_rounding(void **state)
{
	for (uint32_t bits = 0; bits < 0x7bff; bits++) {
		float low = clade_f16_to_f32((uint16_t)bits), high = clade_f16_to_f32((uint16_t)(bits + 1));
		float middle = 0.5f * (low + high); /* exact in f32 */

		assert_int_equal(clade_f32_to_f16(middle), bits & 1 ? bits + 1 : bits);
		assert_int_equal(clade_f32_to_f16(nextafterf(middle, 0.0f)), bits);
		assert_int_equal(clade_f32_to_f16(nextafterf(middle, INFINITY)), bits + 1);
		assert_int_equal(clade_f32_to_f16(-middle), 0x8000 | (bits & 1 ? bits + 1 : bits));
	}
	assert_int_equal(clade_f32_to_f16(65519.99f), 0x7bff);
	assert_int_equal(clade_f32_to_f16(65520.0f), 0x7c00);
	assert_int_equal(clade_f32_to_f16(FLT_MAX), 0x7c00);
	assert_int_equal(clade_f32_to_f16(-INFINITY), 0xfc00);
	assert_int_equal(clade_f32_to_f16(-0.0f), 0x8000);
	assert_int_equal(clade_f32_to_bf16(1.00390625f), 0x3f80); /* a tie: to even */
	assert_int_equal(clade_f32_to_bf16(1.01171875f), 0x3f82);
	assert_int_equal(clade_f32_to_bf16(FLT_MAX), 0x7f80);
	assert_true(isnan(clade_bf16_to_f32(clade_f32_to_bf16(NAN))));
	assert_int_equal(bits_of(clade_f16_to_f32(0x8000)), 0x80000000u);
}

/* ---- comparison ---- */

static void test_compare(void **state)
{
	static const struct {
		float got, expected;
		bool equal;
		double ulp;
	} rows[] = {
		{ 1, 1, true, 0 },
		{ 0.0f, -0.0f, true, 0 },
		{ (float)NAN, (float)-NAN, true, 0 },
		{ INFINITY, INFINITY, true, 0 },
		{ INFINITY, -INFINITY, false, (double)INFINITY },
		{ (float)NAN, 1, false, (double)INFINITY },
		{ 1, (float)NAN, false, (double)INFINITY },
		{ 1, INFINITY, false, (double)INFINITY },
		{ 1.0f, 1.0f + FLT_EPSILON, false, 1 },
		{ FLT_TRUE_MIN, -FLT_TRUE_MIN, false, 2 },
	};
	struct clade_type type = { CLADE_F32, 1, { 3 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		float got[3] = { 7, rows[i].got, 7 }, expected[3] = { 7, rows[i].expected, 7 };
		struct clade_compare compare;

		clade_compare_arrays(&type, got, expected, &compare);
		assert_int_equal(compare.bit_equal, rows[i].equal);
		assert_int_equal(compare.worst, rows[i].equal ? -1 : 1);
		assert_true(compare.max_ulp == rows[i].ulp);
		assert_int_equal(isinf(compare.nmse) != 0, isinf(rows[i].ulp) != 0);
	}
}

static void test_compare_numbers(void **state)
{
	struct clade_type type = { CLADE_F32, 1, { 2 } };
	float got[2] = { 3, 1 }, expected[2] = { 3, 4 }, zeros[2] = { 0, 0 };
	int64_t big[2] = { INT64_MAX, 5 }, near[2] = { INT64_MAX - 1, 5 };
	uint8_t yes[2] = { 1, 0 }, also[2] = { 2, 0 };
	struct clade_compare compare;

	clade_compare_arrays(&type, got, expected, &compare);
	assert_true(compare.max_abs == 3.0 && compare.nmse == 9.0 / 25.0 && compare.worst == 1);
	clade_compare_arrays(&type, got, zeros, &compare);
	assert_true(isinf(compare.nmse));
	type.dtype = CLADE_I64;
	clade_compare_arrays(&type, big, near, &compare);
	assert_false(compare.bit_equal);
	type.dtype = CLADE_BOOL;
	clade_compare_arrays(&type, yes, also, &compare);
	assert_false(compare.bit_equal);
	type.dims[0] = 0;
	clade_compare_arrays(&type, NULL, NULL, &compare);
	assert_true(compare.bit_equal);
	type.dims[0] = -1;
	clade_compare_arrays(&type, NULL, NULL, &compare);
	assert_false(compare.bit_equal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_error_stays),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_status_names),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_context_frees_everything),
		cmocka_unit_test(test_context_without_memory),
		cmocka_unit_test(test_context_params_are_checked),
		cmocka_unit_test(test_log_levels),
		cmocka_unit_test(test_dtypes),
		cmocka_unit_test(test_counts_and_overflow),
		cmocka_unit_test(test_type_text),
		cmocka_unit_test(test_dense),
		cmocka_unit_test(test_panels),
		cmocka_unit_test(test_panels_of_blocks),
		cmocka_unit_test(test_layout_errors),
		cmocka_unit_test(test_f16_round_trip),
		cmocka_unit_test(test_f16_rounding),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_compare_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

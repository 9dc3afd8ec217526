/* SPDX-License-Identifier: MIT */
/* Attributes as text, shape patterns and inference. */
#include <clade/messages.h>
#include <clade/step.h>

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct params {
	bool causal;
	float eps, scale;
	int64_t heads, axis, start, end;
	int32_t act;
	struct clade_dims shape;
};
#define ATTR(name_, type_, ...)                                                                                        \
	(&(const struct clade_attr) { .size = sizeof(struct clade_attr),                                               \
				      .name = #name_,                                                                  \
				      .type = CLADE_ATTR_##type_,                                                      \
				      .offset = offsetof(struct params, name_),                                        \
				      __VA_ARGS__ })
static const char *const acts[] = { "relu", "gelu", "gelu_tanh", NULL };
static const struct clade_op attributes = {
	.size = sizeof(attributes),
	.name = "attributes",
	.params_size = sizeof(struct params),
	.attrs =
		(const struct clade_attr *const[]) {
			ATTR(causal, BOOL, .def.b = true), ATTR(eps, FLOAT, .def.f = 1e-5, .min = 0, .max = 1),
			ATTR(scale, FLOAT, .def.f = (double)NAN),
			ATTR(heads, INT, .required = true, .min = 1, .max = 64), ATTR(axis, INT, .def.i = -1),
			ATTR(start, DIM, .def.i = 3), ATTR(end, DIM, .def.i = INT64_MIN),
			ATTR(act, WORD, .words = acts, .def.i = 1), ATTR(shape, DIMS), NULL },
};

static void test_defaults(void **state)
{
	struct params params;

	memset(&params, 0x55, sizeof(params));
	clade_params_default(&attributes, &params);
	assert_true(params.causal);
	assert_true(params.eps == 1e-5f && isnan(params.scale));
	assert_int_equal(params.axis, -1);
	assert_int_equal(params.start, 3);
	assert_true(params.end == INT64_MIN);
	assert_int_equal(params.act, 1);
	assert_int_equal(params.shape.count, 0);
}

static void test_values(void **state)
{
	struct params params;

	assert_int_equal(clade_params_parse(
				 &attributes,
				 " eps = 1e-6,causal=false , act = \"gelu_tanh\", shape = [2, 3], heads = 8, axis=-2, "
				 "start = 0, end = 7, scale = -0.25 ",
				 &params, NULL),
			 CLADE_OK);
	assert_false(params.causal);
	assert_true(params.eps == 1e-6f && params.scale == -0.25f);
	assert_int_equal(params.heads, 8);
	assert_int_equal(params.axis, -2);
	assert_int_equal(params.start, 0);
	assert_int_equal(params.end, 7);
	assert_int_equal(params.act, 2);
	assert_int_equal(params.shape.count, 2);
	assert_int_equal(params.shape.dims[1], 3);
	assert_int_equal(clade_params_parse(&attributes, "heads = 1, shape = [], eps = 1", &params, NULL), CLADE_OK);
	assert_int_equal(params.shape.count, 0);
	assert_true(params.eps == 1.0f);
}

static void test_malformed_attributes(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ NULL, "heads is required" },
		{ "", "heads is required" },
		{ "heads", "name = value" },
		{ "heads = ", "whole number" },
		{ "heads = 1.5", "whole number" },
		{ "heads = +1", "whole number" },
		{ "heads = 0x10", "whole number" },
		{ "heads = 1e3", "whole number" },
		{ "heads = 99999999999999999999", "64-bit" },
		{ "heads = -9223372036854775808", "64-bit" },
		{ "heads = 0", "between 1 and 64" },
		{ "heads = 65", "between 1 and 64" },
		{ "heads = 1, heads = 2", "given twice" },
		{ "heads = 1,", "after the last comma" },
		{ "heads = 1 eps = 1", "a comma is missing" },
		{ "head = 1", "nearest: heads" },
		{ "quite_other = 1", "no attribute quite_other" },
		{ "heads = 1, eps = nan", "must be a number" },
		{ "heads = 1, eps = inf", "must be a number" },
		{ "heads = 1, eps = 0x1p-3", "must be a number" },
		{ "heads = 1, scale = 1e39", "too large" },
		{ "heads = 1, eps = -1e-9", "between 0 and 1" },
		{ "heads = 1, eps = \"a\"", "must be a number" },
		{ "heads = 1, causal = 1", "true or false" },
		{ "heads = 1, causal = truely", "true or false" },
		{ "heads = 1, act = gelu", "double quotes" },
		{ "heads = 1, act = \"gelu", "closing quote" },
		{ "heads = 1, act = \"gulu\"", "nearest: \"gelu\"" },
		{ "heads = 1, act = \"\"", "no choice" },
		{ "heads = 1, shape = 3", "list of sizes" },
		{ "heads = 1, shape = [1, 2", "a comma or ] is missing" },
		{ "heads = 1, shape = [1; 2]", "a comma or ] is missing" },
		{ "heads = 1, shape = [-1]", "0 or more" },
		{ "heads = 1, shape = [1,2,3,4,5,6,7,8,9]", "more than 8 sizes" },
		{ "heads = 1, end = -1", "0 or more" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct params params;
		struct clade_diag diag;

		clade_diag_init(&diag);
		assert_int_equal(clade_params_parse(&attributes, rows[i].text, &params, &diag), CLADE_ERR_DATA);
		assert_int_equal(diag.id, CLADE_MSG_ATTR);
		if (!strstr(diag.text, rows[i].words))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", rows[i].text, diag.text, rows[i].words);
		clade_diag_finish(&diag);
	}
}

/* ---- inference ---- */

#define F32 CLADE_DTYPE_BIT(CLADE_F32)
#define I32 CLADE_DTYPE_BIT(CLADE_I32)
#define IN(name_, shape_, ...)                                                                                         \
	(&(const struct clade_port) { .size = sizeof(struct clade_port),                                               \
				      .name = name_,                                                                   \
				      .flags = CLADE_IN,                                                               \
				      .dtypes = F32,                                                                   \
				      .shape = shape_,                                                                 \
				      __VA_ARGS__ })
#define OUT(name_, shape_, ...)                                                                                        \
	(&(const struct clade_port) { .size = sizeof(struct clade_port),                                               \
				      .name = name_,                                                                   \
				      .flags = CLADE_OUT,                                                              \
				      .dtypes = F32,                                                                   \
				      .shape = shape_,                                                                 \
				      __VA_ARGS__ })
#define PORTS(...) ((const struct clade_port *const[]) { __VA_ARGS__, NULL })

struct heads {
	int64_t heads;
};
static const struct clade_attr *const heads_attr[] = {
	&(const struct clade_attr) { .size = sizeof(struct clade_attr), .name = "heads", .type = CLADE_ATTR_INT }, NULL
};

enum { MOST = 4 };
#define T(...)                                                                                                         \
	{                                                                                                              \
		CLADE_F32, __VA_ARGS__                                                                                 \
	}
static const struct row {
	const char *what;
	const struct clade_port *const *ports;
	int64_t heads;
	struct clade_type inputs[MOST]; /* rank 99: absent */
	uint32_t input_count;
	const char *output; /* the first output's type, or NULL */
	const char *words;  /* the error's */
} rows[] = {
#define LINEAR                                                                                                         \
	PORTS(IN("x", "[..., k]"), IN("w", "[n, k]"), IN("bias", "[n]", .flags = CLADE_IN | CLADE_OPTIONAL),           \
	      OUT("y", "[..., n]"))
	{ "linear", LINEAR, 0, { T(3, { 2, 3, 4 }), T(2, { 5, 4 }), T(1, { 5 }) }, 3, "f32[2, 3, 5]", NULL },
	{ "no bias", LINEAR, 0, { T(1, { 4 }), T(2, { 5, 4 }) }, 2, "f32[5]", NULL },
	{ "empty", LINEAR, 0, { T(2, { 0, 4 }), T(2, { 5, 4 }) }, 2, "f32[0, 5]", NULL },
	{ "k differs",
	  LINEAR,
	  0,
	  { T(2, { 2, 4 }), T(2, { 5, 3 }) },
	  2,
	  NULL,
	  "linear: input w is f32[5, 3]; dim 1 (k) must be 4 as in x" },
	{ "bias differs",
	  LINEAR,
	  0,
	  { T(2, { 2, 4 }), T(2, { 5, 4 }), T(1, { 4 }) },
	  3,
	  NULL,
	  "dim 0 (n) must be 5 as in w" },
	{ "rank 0", LINEAR, 0, { T(0), T(2, { 5, 4 }) }, 2, NULL, "its shape must be [..., k]" },
	{ "rank 3 w", LINEAR, 0, { T(1, { 4 }), T(3, { 1, 5, 4 }) }, 2, NULL, "its shape must be [n, k]" },
	{ "missing", LINEAR, 0, { T(1, { 4 }) }, 1, NULL, "input w is missing" },
	{ "absent", LINEAR, 0, { T(1, { 4 }), { .rank = 99 } }, 2, NULL, "input w is missing" },
	{ "too many",
	  LINEAR,
	  0,
	  { T(1, { 4 }), T(2, { 5, 4 }), T(1, { 5 }), T(1, { 5 }) },
	  4,
	  NULL,
	  "4 inputs are given; it takes 3" },
	{ "dtype", LINEAR, 0, { { CLADE_I32, 1, { 4 } }, T(2, { 5, 4 }) }, 2, NULL, "its element type must be f32" },
	{ "negative", LINEAR, 0, { T(1, { -4 }), T(2, { 5, -4 }) }, 2, NULL, "negative or too large" },
	{ "too large",
	  LINEAR,
	  0,
	  { T(2, { INT64_C(1) << 40, 1 }), T(2, { INT64_C(1) << 40, 1 }) },
	  2,
	  NULL,
	  "too large" },
#define SPLIT PORTS(IN("x", "[b, t, n]"), OUT("y", "[b, heads, t, n / heads]"))
	{ "split", SPLIT, 4, { T(3, { 2, 3, 12 }) }, 1, "f32[2, 4, 3, 3]", NULL },
	{ "not whole", SPLIT, 5, { T(3, { 2, 3, 12 }) }, 1, NULL, "12 / 5 (heads of output y) is not whole" },
	{ "zero heads", SPLIT, 0, { T(3, { 2, 3, 12 }) }, 1, NULL, "heads is 0 but divides" },
	{ "negative heads", SPLIT, -1, { T(3, { 2, 3, 12 }) }, 1, NULL, "the size heads of output y is not known" },
#define MERGE PORTS(IN("x", "[b, h, t, d]"), OUT("y", "[b, t, h * d]"))
	{ "merge", MERGE, 0, { T(4, { 2, 4, 3, 5 }) }, 1, "f32[2, 3, 20]", NULL },
	{ "product overflows", MERGE, 0, { T(4, { 0, INT64_C(1) << 40, 1, INT64_C(1) << 40 }) }, 1, NULL, "too large" },
#define ADD PORTS(IN("x", "[..., n]"), IN("z", "[..., n]"), OUT("y", NULL, .like = "x"))
	{ "leading", ADD, 0, { T(3, { 2, 3, 4 }), T(3, { 2, 3, 4 }) }, 2, "f32[2, 3, 4]", NULL },
	{ "leading rank",
	  ADD,
	  0,
	  { T(3, { 2, 3, 4 }), T(2, { 3, 4 }) },
	  2,
	  NULL,
	  "its leading dims must be those of x" },
	{ "leading dim",
	  ADD,
	  0,
	  { T(3, { 2, 3, 4 }), T(3, { 2, 4, 4 }) },
	  2,
	  NULL,
	  "its leading dims must be those of x" },
#define LITERAL PORTS(IN("x", "[n, 4]"), OUT("y", "[2, n]"))
	{ "literal", LITERAL, 0, { T(2, { 7, 4 }) }, 1, "f32[2, 7]", NULL },
	{ "literal differs", LITERAL, 0, { T(2, { 7, 5 }) }, 1, NULL, "dim 1 must be 4" },
#define SCALAR PORTS(IN("x", "*"), OUT("y", "[]"))
	{ "any to scalar", SCALAR, 0, { T(3, { 1, 2, 3 }) }, 1, "f32[]", NULL },
#define VARIADIC PORTS(IN("xs", "[m, n]", .flags = CLADE_IN | CLADE_VARIADIC), OUT("y", "[m, n]"))
	{ "variadic", VARIADIC, 0, { T(2, { 3, 2 }), T(2, { 3, 2 }), T(2, { 3, 2 }) }, 3, "f32[3, 2]", NULL },
	{ "variadic differs",
	  VARIADIC,
	  0,
	  { T(2, { 3, 2 }), T(2, { 3, 3 }) },
	  2,
	  NULL,
	  "dim 1 (n) must be 2 as in xs" },
#define STORE                                                                                                          \
	PORTS(IN("state", NULL, .dtypes = F32 | I32), IN("x", NULL, .dtypes = F32 | I32, .like = "state"),             \
	      OUT("y", NULL, .dtypes = 0, .like = "state"))
	{ "like input", STORE, 0, { { CLADE_I32, 1, { 4 } }, { CLADE_I32, 1, { 4 } } }, 2, "i32[4]", NULL },
	{ "like input's dtype",
	  STORE,
	  0,
	  { { CLADE_I32, 1, { 4 } }, T(1, { 4 }) },
	  2,
	  NULL,
	  "its type must be that of state, which is i32[4]" },
	{ "like input's shape", STORE, 0, { T(1, { 4 }), T(1, { 5 }) }, 2, NULL, "its type must be that of state" },
};

static void test_inference(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct heads params = { rows[i].heads };
		struct clade_op op = { .size = sizeof(op),
				       .name = "linear",
				       .params_size = sizeof(params),
				       .attrs = heads_attr,
				       .ports = rows[i].ports };
		const struct clade_type *inputs[MOST];
		struct clade_type outputs[CLADE_MAX_PORTS];
		enum clade_status status;
		struct clade_diag diag;
		uint32_t count = 9;
		char text[128];

		for (uint32_t j = 0; j < MOST; j++)
			inputs[j] = rows[i].inputs[j].rank == 99 ? NULL : &rows[i].inputs[j];
		clade_diag_init(&diag);
		status = clade_infer_types(&op, &params, rows[i].input_count, inputs, outputs, &count, &diag);
		if (rows[i].output) {
			if (status)
				fail_msg("%s: %s", rows[i].what, diag.text);
			assert_int_equal(count, 1);
			assert_string_equal(clade_type_text(&outputs[0], text, sizeof(text)), rows[i].output);
		} else {
			assert_int_equal(status, CLADE_ERR_DATA);
			assert_int_equal(diag.id, CLADE_MSG_INFER);
			assert_int_equal(count, 0);
			if (!strstr(diag.text, rows[i].words))
				fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].what, diag.text, rows[i].words);
		}
		clade_diag_finish(&diag);
	}
}

static enum clade_status doubling(struct clade_infer *infer)
{
	int64_t n = infer->inputs[0]->dims[0];

	assert_int_equal(infer->output_count, 1);
	if (n == 13)
		return (infer->ops->fail)(infer, "it has no luck with %s", infer->ops->text(infer, n));
	if (n == 14)
		return CLADE_ERR_DATA;
	infer->outputs[0].rank = n == 15 ? 99 : 1;
	infer->outputs[0].dims[0] = infer->ops->add(infer, n, infer->ops->sub(infer, n, n));
	return CLADE_OK;
}

static void test_own_rule(void **state)
{
	static const struct {
		int64_t n;
		const char *words;
	} refusals[] = { { 13, "no luck with 13" }, { 14, "its shape rule refused" }, { 15, "no valid type" } };
	const struct clade_op op = {
		.size = sizeof(op), .name = "own", .ports = PORTS(IN("x", "[n]"), OUT("y", NULL)), .infer = doubling
	};
	struct clade_type input = T(1, { 6 }), output;
	const struct clade_type *inputs[] = { &input };
	uint32_t count;

	assert_int_equal(clade_infer_types(&op, NULL, 1, inputs, &output, &count, NULL), CLADE_OK);
	assert_int_equal(output.dims[0], 6);
	for (size_t i = 0; i < 3; i++) {
		struct clade_diag diag;

		clade_diag_init(&diag);
		input.dims[0] = refusals[i].n;
		assert_int_equal(clade_infer_types(&op, NULL, 1, inputs, &output, &count, &diag), CLADE_ERR_DATA);
		assert_non_null(strstr(diag.text, refusals[i].words));
		clade_diag_finish(&diag);
	}
}

/* Symbolic dims: codes are compared, and arithmetic goes through the table. */
static int64_t symbolic_mul(struct clade_infer *infer, int64_t a, int64_t b)
{
	return a == -2 && b == 4 ? -7 : INT64_MIN;
}

static int64_t symbolic_div(struct clade_infer *infer, int64_t a, int64_t b)
{
	return INT64_MIN;
}

static const char *symbolic_text(struct clade_infer *infer, int64_t dim)
{
	return dim == -2 ? "T" : dim == -3 ? "B" : "?";
}

static char said[256];
static enum clade_status symbolic_fail(struct clade_infer *infer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	return CLADE_ERR_DATA;
}

static void test_symbols(void **state)
{
	static const struct clade_infer_ops ops = { .size = sizeof(ops),
						    .mul = symbolic_mul,
						    .div = symbolic_div,
						    .fail = symbolic_fail,
						    .text = symbolic_text };
	const struct clade_op op = { .size = sizeof(op),
				     .name = "sym",
				     .ports = PORTS(IN("x", "[b, t, d]"), IN("z", "[b, t]"), OUT("y", "[b, t * d]")) };
	struct clade_type x = T(3, { -3, -2, 4 }), z = T(2, { -3, -2 }), output;
	const struct clade_type *inputs[] = { &x, &z };
	struct clade_infer infer = {
		.size = sizeof(infer), .ops = &ops, .input_count = 2, .inputs = inputs, .outputs = &output
	};

	assert_int_equal(clade_infer_types_with(&op, &infer), CLADE_OK);
	assert_int_equal(output.dims[0], -3);
	assert_int_equal(output.dims[1], -7);
	z.dims[1] = -3;
	assert_int_equal(clade_infer_types_with(&op, &infer), CLADE_ERR_DATA);
	assert_string_equal(said, "sym: input z is f32[B, B]; dim 1 (t) must be T as in x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_malformed_attributes),
		cmocka_unit_test(test_inference),
		cmocka_unit_test(test_own_rule),
		cmocka_unit_test(test_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

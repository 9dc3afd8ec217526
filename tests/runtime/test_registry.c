/* SPDX-License-Identifier: MIT */
/* The registry: order, duplicates, rollback, malformed tables, running without memory. */
#include <clade/messages.h>
#include <clade/step.h>

#include "counting.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum clade_status run(const struct clade_run *run)
{
	return CLADE_OK;
}

#define PORT(...) ((const struct clade_port) { .size = sizeof(struct clade_port), __VA_ARGS__ })
static const struct clade_port x = { .size = sizeof(struct clade_port),
				     .name = "x",
				     .flags = CLADE_IN,
				     .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
				     .shape = "[..., n]" };
static const struct clade_port y = { .size = sizeof(struct clade_port), .name = "y", .flags = CLADE_OUT, .like = "x" };
static const struct clade_port *const ports[] = { &x, &y, NULL };
#define OP(name_, ...)                                                                                                 \
	{                                                                                                              \
		.size = sizeof(struct clade_op), .name = name_, .doc = "a test", .family = "test", .ports = ports,     \
		__VA_ARGS__                                                                                            \
	}
#define IMPL(op_, name_, ...)                                                                                          \
	{                                                                                                              \
		.size = sizeof(struct clade_impl), .op = op_, .name = name_, .needs = CLADE_NEEDS_HOST, .run = run,    \
		__VA_ARGS__                                                                                            \
	}

static const struct clade_op op_b = OP("beta"), op_a = OP("alpha"), op_c = OP("gamma_rays");
static const struct clade_impl a_ref = IMPL("alpha", "ref"), a_high = IMPL("alpha", "cl.fast", .priority = 20),
			       a_low = IMPL("alpha", "cl", .priority = 10),
			       a_also = IMPL("alpha", "also", .priority = 10), b_ref = IMPL("beta", "ref");
static const struct clade_kernel_source kernel = { sizeof(kernel), "test/a.cl", "text of a" };

/* Implementations before their op: order within one registration does not matter. */
static enum clade_status entry_all(const struct clade_host *host, struct clade_registry *registry)
{
	assert_int_equal(host->size, sizeof(struct clade_host));
	assert_int_equal(host->abi, CLADE_ABI);
	return host->add_impl(registry, &a_ref) || host->add_impl(registry, &a_low) || host->add_op(registry, &op_b) ||
	       host->add_impl(registry, &a_high) || host->add_op(registry, &op_a) ||
	       host->add_impl(registry, &a_also) || host->add_impl(registry, &b_ref) || host->add_op(registry, &op_c) ||
	       host->add_kernel(registry, &kernel);
}

static int set_up(void **state)
{
	static struct clade_context *context;

	if (clade_context_create(NULL, &context, NULL))
		return -1;
	*state = context;
	return 0;
}

static int tear_down(void **state)
{
	struct clade_context *context = *state;

	clade_context_destroy(&context);
	return 0;
}

static void test_order_and_lookup(void **state)
{
	static const char *const names[] = { "cl.fast", "also", "cl", "ref" };
	struct clade_context *context = *state;

	assert_int_equal(clade_context_register(context, entry_all, "origin", NULL), CLADE_OK);
	assert_int_equal(clade_op_count(context), 3);
	assert_ptr_equal(clade_op_at(context, 0), &op_a);
	assert_ptr_equal(clade_op_at(context, 1), &op_b);
	assert_null(clade_op_at(context, 3));
	assert_ptr_equal(clade_op_find(context, "beta"), &op_b);
	assert_null(clade_op_find(context, "betb"));
	assert_string_equal(clade_op_nearest(context, "gamma_ray"), "gamma_rays");
	assert_null(clade_op_nearest(context, "linear"));
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(clade_impl_at(context, "alpha", i)->name, names[i]);
	assert_null(clade_impl_at(context, "alpha", 4));
	assert_null(clade_impl_at(context, "alphb", 0));
	assert_null(clade_impl_at(context, "gamma_rays", 0));
	assert_null(clade_impl_at(context, "alpha", SIZE_MAX));
	assert_ptr_equal(clade_impl_find(context, "alpha", "cl"), &a_low);
	assert_null(clade_impl_find(context, "alpha", "none"));
	assert_string_equal(clade_impl_origin(context, &a_low), "origin");
}

/* ---- what is refused ---- */

static const struct clade_op *try_op;
static const struct clade_impl *try_impl;
static const struct clade_kernel_source *try_kernel;

static enum clade_status entry_try(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = CLADE_OK;

	if (try_op)
		status = host->add_op(registry, try_op);
	if (!status && try_impl)
		status = host->add_impl(registry, try_impl);
	if (!status && try_kernel)
		status = host->add_kernel(registry, try_kernel);
	return status;
}

static void refused(struct clade_context *context, const char *words)
{
	size_t before = clade_op_count(context);
	struct clade_diag diag;

	clade_diag_init(&diag);
	assert_int_equal(clade_context_register(context, entry_try, "a test", &diag), CLADE_ERR_DATA);
	if (!strstr(diag.text, words))
		fail_msg("\"%s\" does not say \"%s\"", diag.text, words);
	assert_int_equal(clade_op_count(context), before);
	clade_diag_finish(&diag);
}

static void test_duplicates(void **state)
{
	static const struct clade_op first = OP("delta"), second = OP("delta");
	static const struct clade_impl impl = IMPL("alpha", "cl");
	static const struct clade_kernel_source source = { sizeof(source), "test/a.cl", "another text" };
	struct clade_context *context = *state;

	assert_int_equal(clade_context_register(context, entry_all, "", NULL), CLADE_OK);
	try_op = &op_a;
	try_impl = NULL;
	try_kernel = NULL;
	refused(context, "op alpha is registered already");
	try_op = &first;
	try_impl = &impl;
	refused(context, "implementation alpha.cl is registered already");
	assert_null(clade_op_find(context, "delta"));
	try_impl = NULL;
	try_kernel = &source;
	refused(context, "kernel source test/a.cl is registered already");
	assert_null(clade_op_find(context, "delta"));
	try_op = &second;
	try_kernel = NULL;
	assert_int_equal(clade_context_register(context, entry_try, "", NULL), CLADE_OK);
	assert_ptr_equal(clade_op_find(context, "delta"), &second);
}

struct params {
	int64_t size;
	int32_t word;
};
#define ATTR(...) (&(const struct clade_attr) { .size = sizeof(struct clade_attr), __VA_ARGS__ })
#define ATTRS(...)                                                                                                     \
	.params_size = sizeof(struct params), .attrs = (const struct clade_attr *const[])                              \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}
#define PORTS(...)                                                                                                     \
	.ports = (const struct clade_port *const[])                                                                    \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}
#define F32 CLADE_DTYPE_BIT(CLADE_F32)
static const char *const words[] = { "a", "b", NULL };
static enum clade_status infer_nothing(struct clade_infer *infer)
{
	return CLADE_OK;
}

static void test_malformed_ops(void **state)
{
	static const struct clade_op no_name = OP(NULL), upper = OP("Alpha"), dash = OP("al-pha"),
				     no_doc = { .size = sizeof(no_doc), .name = "a", .family = "f", .ports = ports },
				     flags = OP("a", .flags = 64);
	const struct {
		struct clade_op op;
		const char *words;
	} rows[] = {
		{ no_name, "an op's name" },
		{ upper, "an op's name" },
		{ dash, "an op's name" },
		{ no_doc, "doc and family" },
		{ flags, "unknown flags" },
		{ OP("a", .ports = NULL), "no ports" },
		{ OP("a", PORTS(&x)), "no output" },
		{ OP("a", PORTS(&y, &x)), "inputs are listed first" },
		{ OP("a", PORTS(&x, &x, &y)), "port x is listed twice" },
		{ OP("a", PORTS(&PORT(.name = "x", .flags = CLADE_IN | CLADE_OUT, .dtypes = F32), &y)),
		  "either an input" },
		{ OP("a", PORTS(&PORT(.name = "X", .flags = CLADE_IN, .dtypes = F32), &y)), "lower-case word" },
		{ OP("a", PORTS(&PORT(.name = "x", .flags = CLADE_IN), &y)), "accepts no known element type" },
		{ OP("a", PORTS(&PORT(.name = "x", .flags = CLADE_IN, .dtypes = 1u << 20), &y)),
		  "no known element type" },
		{ OP("a", PORTS(&PORT(.name = "v", .flags = CLADE_IN | CLADE_VARIADIC, .dtypes = F32), &x, &y)),
		  "only the last input may be variadic" },
		{ OP("a", PORTS(&x, &PORT(.name = "y", .flags = CLADE_OUT, .dtypes = 3, .shape = "[]"))),
		  "one element type" },
		{ OP("a", PORTS(&x, &PORT(.name = "y", .flags = CLADE_OUT))), "no element type" },
		{ OP("a", PORTS(&x, &PORT(.name = "y", .flags = CLADE_OUT, .like = "z"))),
		  "like z, which is no input" },
		{ OP("a", PORTS(&x, &PORT(.name = "y", .flags = CLADE_OUT, .dtypes = F32))), "nothing says the shape" },
		{ OP("a", PORTS(&x, &PORT(.name = "y", .flags = CLADE_OUT, .dtypes = F32, .shape = "[m]"))),
		  "nothing binds m" },
		{ OP("a", PORTS(&x, &PORT(.name = "y", .flags = CLADE_OUT, .dtypes = F32, .shape = "[n"))),
		  "no shape pattern" },
		{ OP("a", PORTS(&x, &PORT(.name = "y", .flags = CLADE_OUT, .dtypes = F32, .shape = "*"))),
		  "says no shape" },
		{ OP("a", PORTS(&PORT(.name = "x", .flags = CLADE_IN, .dtypes = F32, .shape = "[n * 2]"), &y)),
		  "one name or number" },
		{ OP("a", PORTS(&PORT(.name = "x", .flags = CLADE_IN, .dtypes = F32, .shape = "[n]"),
				&PORT(.name = "y", .flags = CLADE_OUT, .dtypes = F32, .shape = "[..., n]"))),
		  "no input binds \"...\"" },
		{ OP("a", PORTS(&PORT(.name = "x", .flags = CLADE_IN, .dtypes = F32, .index_of = "t"), &y)),
		  "index of t, which is no input" },
		{ OP("a", ATTRS(ATTR(.name = "size", .type = CLADE_ATTR_INT, .offset = 12))), "no place within" },
		{ OP("a", ATTRS(ATTR(.name = "size", .type = CLADE_ATTR_INT, .offset = SIZE_MAX - 3))),
		  "no place within" },
		{ OP("a", ATTRS(ATTR(.name = "size", .type = (enum clade_attr_type)9))), "no place within" },
		{ OP("a", ATTRS(ATTR(.name = "word", .type = CLADE_ATTR_WORD, .offset = 8))), "needs words" },
		{ OP("a",
		     ATTRS(ATTR(.name = "word", .type = CLADE_ATTR_WORD, .offset = 8, .words = words, .def.i = 2))),
		  "a default among them" },
		{ OP("a",
		     ATTRS(ATTR(.name = "size", .type = CLADE_ATTR_INT), ATTR(.name = "size", .type = CLADE_ATTR_INT))),
		  "listed twice" },
		{ OP("a", ATTRS(ATTR(.name = "size", .type = CLADE_ATTR_INT, .min = 2, .max = 1))), "min > max" },
		{ OP("a", .cases =
				  (const struct clade_case *const[]) {
					  &(const struct clade_case) { .size = sizeof(struct clade_case) }, NULL }),
		  "needs a name and inputs" },
		{ OP("a", .size = 1u << 30), "no size of such a table" },
	};

	try_impl = NULL;
	try_kernel = NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		try_op = &rows[i].op;
		refused(*state, rows[i].words);
	}
}

static void test_malformed_impls(void **state)
{
	const struct {
		struct clade_impl impl;
		const char *words;
	} rows[] = {
		{ IMPL(NULL, "ref"), "needs an op's name" },
		{ IMPL("alpha", "Ref"), "lower-case name" },
		{ IMPL("alpha", "b", .needs = 0), "either the host or OpenCL" },
		{ IMPL("alpha", "b", .needs = CLADE_NEEDS_HOST | CLADE_NEEDS_OPENCL), "either the host or OpenCL" },
		{ IMPL("alpha", "b", .needs = CLADE_NEEDS_HOST | 1024), "does not know" },
		{ IMPL("alpha", "b", .run = NULL), "run is NULL" },
		{ IMPL("alpha", "b", .order = (enum clade_order)5), "unknown order" },
		{ IMPL("alpha", "ref", .needs = CLADE_NEEDS_OPENCL), "the reference runs on the host" },
		{ IMPL("alpha", "ref", .order = CLADE_ORDER_OWN), "the reference runs on the host" },
		{ IMPL("alphb", "b"), "does not exist" },
	};
	const struct {
		struct clade_kernel_source source;
		const char *words;
	} sources[] = {
		{ { sizeof(kernel), NULL, "" }, "a name and a text" },
		{ { sizeof(kernel), "", "" }, "a name and a text" },
		{ { sizeof(kernel), "a", NULL }, "a name and a text" },
		{ { sizeof(kernel), "/a", "" }, "relative path" },
		{ { sizeof(kernel), "a/../b", "" }, "relative path" },
		{ { sizeof(kernel), "a\"b", "" }, "relative path" },
		{ { 3, "a", "" }, "size field" },
	};

	try_op = NULL;
	try_kernel = NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		try_impl = &rows[i].impl;
		refused(*state, rows[i].words);
	}
	try_impl = NULL;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		try_kernel = &sources[i].source;
		refused(*state, sources[i].words);
	}
	try_kernel = NULL;
}

/* ---- without memory ---- */

static void test_registering_without_memory(void **state)
{
	long failures = 0;

	for (long n = 0;; n++) {
		struct counting counting = { 0, -1 };
		struct clade_allocator allocator = { counting_resize, &counting };
		struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
		struct clade_context *context = NULL;
		enum clade_status status;

		assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
		counting.left = n;
		status = clade_context_register(context, entry_all, "", NULL);
		assert_int_equal(clade_op_count(context), status ? 0 : 3);
		counting.left = -1;
		if (status) { /* and a second attempt succeeds */
			assert_int_equal(status, CLADE_ERR_MEMORY);
			assert_int_equal(clade_context_register(context, entry_all, "", NULL), CLADE_OK);
		}
		clade_context_destroy(&context);
		assert_int_equal(counting.live, 0);
		if (!status)
			break;
		failures++;
	}
	assert_true(failures >= 5);
}

static const struct clade_port any = { .size = sizeof(any), .name = "y", .flags = CLADE_OUT, .dtypes = F32 };
static const struct clade_op own_rule = { .size = sizeof(own_rule),
					  .name = "own_rule",
					  .doc = "d",
					  .family = "f",
					  .ports = CLADE_LIST(struct clade_port, &x, &any),
					  .infer = infer_nothing };

static void test_infer_rule_stands_in_for_patterns(void **state)
{
	try_op = &own_rule;
	try_impl = NULL;
	try_kernel = NULL;
	assert_int_equal(clade_context_register(*state, entry_try, "", NULL), CLADE_OK);
	assert_int_equal(clade_context_register(NULL, entry_try, "", NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_context_register(*state, NULL, "", NULL), CLADE_ERR_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_and_lookup, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_duplicates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_ops, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_impls, set_up, tear_down),
		cmocka_unit_test(test_registering_without_memory),
		cmocka_unit_test_setup_teardown(test_infer_rule_stands_in_for_patterns, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

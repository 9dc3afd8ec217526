/* SPDX-License-Identifier: MIT */
/* The harness must fail: implementations that are wrong on purpose, each in one way, are all found out. */
#include <harness.h>

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct clade_port x = { .size = sizeof(struct clade_port),
				     .name = "x",
				     .flags = CLADE_IN,
				     .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
				     .shape = "[..., n]" };
static const struct clade_port y = { .size = sizeof(struct clade_port), .name = "y", .flags = CLADE_OUT, .like = "x" };
static const struct clade_case small = { .size = sizeof(struct clade_case),
					 .name = "small",
					 .inputs = (const char *const[]) { "x = f32[3, 5]", NULL } };
static const struct clade_case empty = { .size = sizeof(struct clade_case),
					 .name = "empty",
					 .inputs = (const char *const[]) { "x = f32[0, 5]", NULL } };
static const struct clade_case gaps = { .size = sizeof(struct clade_case),
					.name = "gaps",
					.inputs = (const char *const[]) { "x = f32[4, 7] normal strided", NULL } };
static const struct clade_case alias = { .size = sizeof(struct clade_case),
					 .name = "alias",
					 .inputs = (const char *const[]) { "x = f32[9]", NULL },
					 .flags = CLADE_CASE_ALIAS };
static const struct clade_op twice = { .size = sizeof(struct clade_op),
				       .name = "twice",
				       .doc = "y = x + x",
				       .family = "test",
				       .ports = CLADE_LIST(struct clade_port, &x, &y),
				       .cases = CLADE_LIST(struct clade_case, &small, &empty, &gaps, &alias) };

/* ---- one right implementation and its faults ---- */

enum fault {
	NONE,
	WRONG_VALUE,
	WRONG_LAST_BIT,
	UNWRITTEN,
	PAST_END,
	BEFORE_START,
	INPUT_CHANGED,
	GAP_WRITTEN,
	UNSTEADY,
	NOT_IN_PLACE,
	REFUSES,
	FAILS
};

static float *row_of(const struct clade_tensor *tensor, int64_t row)
{
	return (float *)tensor->data + (tensor->type.rank > 1 ? row * tensor->strides[0] : 0);
}

static enum clade_status double_all(const struct clade_run *run, enum fault fault)
{
	const struct clade_tensor *in = run->inputs[0], *out = run->outputs[0];
	int64_t columns = in->type.dims[in->type.rank - 1], rows = in->type.rank > 1 ? in->type.dims[0] : 1;
	bool in_place = in->data == out->data;

	for (int64_t r = 0; r < rows; r++) {
		for (int64_t c = 0; c < columns; c++) {
			float *to = row_of(out, r) + c, *from = row_of(in, r) + c;
			bool last = r + 1 == rows && c + 1 == columns;

			if (fault == UNWRITTEN && last)
				continue;
			*to = *from + *from;
			if (fault == WRONG_VALUE && last)
				*to += 1;
			if (fault == WRONG_LAST_BIT && last)
				*to *= 1.0000001f;
			if (fault == UNSTEADY && last) {
				static int calls;

				*to += (float)calls++ * 0x1p-20f;
			}
			if (fault == NOT_IN_PLACE && last && in_place)
				*to = 0;
			if (fault == GAP_WRITTEN && c + 1 == columns && out->type.rank > 1 && out->strides[0] > columns)
				to[1] = 0;
		}
	}
	if (fault == PAST_END && rows)
		row_of(out, rows - 1)[columns] = 0;
	if (fault == BEFORE_START && rows)
		row_of(out, 0)[-1] = 0;
	if (fault == INPUT_CHANGED && rows && !in_place)
		row_of(in, 0)[0] = -row_of(in, 0)[0];
	if (fault == FAILS)
		return run->host->run_fail(run, CLADE_ERR_DEVICE, "it always fails");
	return CLADE_OK;
}

static bool refuse(const struct clade_node_info *node, char *why, size_t why_size)
{
	snprintf(why, why_size, "it takes nothing");
	return false;
}

#define IMPL(fault_, name_, accepts_)                                                                                  \
	static enum clade_status run_##fault_(const struct clade_run *run)                                             \
	{                                                                                                              \
		return double_all(run, fault_);                                                                        \
	}                                                                                                              \
	static const struct clade_impl impl_##fault_ = { .size = sizeof(struct clade_impl),                            \
							 .op = "twice",                                                \
							 .name = name_,                                                \
							 .needs = CLADE_NEEDS_HOST,                                    \
							 .strided_inputs = 1,                                          \
							 .strided_outputs = 1,                                         \
							 .run = run_##fault_,                                          \
							 .accepts = accepts_ };
IMPL(NONE, "ref", NULL)
IMPL(WRONG_VALUE, "wrong_value", NULL)
IMPL(WRONG_LAST_BIT, "wrong_last_bit", NULL)
IMPL(UNWRITTEN, "unwritten", NULL)
IMPL(PAST_END, "past_end", NULL)
IMPL(BEFORE_START, "before_start", NULL)
IMPL(INPUT_CHANGED, "input_changed", NULL)
IMPL(GAP_WRITTEN, "gap_written", NULL)
IMPL(UNSTEADY, "unsteady", NULL)
IMPL(NOT_IN_PLACE, "not_in_place", NULL)
IMPL(FAILS, "fails", NULL)
IMPL(REFUSES, "cl", refuse)

static const struct clade_impl *const all[] = {
	&impl_NONE,     &impl_WRONG_VALUE,  &impl_WRONG_LAST_BIT, &impl_UNWRITTEN,
	&impl_PAST_END, &impl_BEFORE_START, &impl_INPUT_CHANGED,  &impl_GAP_WRITTEN,
	&impl_UNSTEADY, &impl_NOT_IN_PLACE, &impl_FAILS,          &impl_REFUSES,
};

static enum clade_status entry(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = host->add_op(registry, &twice);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !status; i++)
		status = host->add_impl(registry, all[i]);
	return status;
}

struct fixture {
	struct clade_context *context;
	struct harness harness;
	char *text; /* what the harness printed */
	size_t text_size;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct clade_context_params params = { .size = sizeof(params) };

	memset(&fixture, 0, sizeof(fixture));
	*state = &fixture;
	assert_int_equal(clade_context_create(&params, &fixture.context, NULL), CLADE_OK);
	assert_int_equal(clade_context_register(fixture.context, entry, "", NULL), CLADE_OK);
	fixture.harness.label = "host";
	fixture.harness.out = open_memstream(&fixture.text, &fixture.text_size);
	assert_non_null(fixture.harness.out);
	return harness_open(&fixture.harness, fixture.context, "ref", NULL);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	harness_close(&fixture->harness);
	fclose(fixture->harness.out);
	free(fixture->text);
	clade_context_destroy(&fixture->context);
	return 0;
}

static struct harness_counts check(struct fixture *fixture, const char *name)
{
	struct harness_counts counts = { 0 };
	const struct clade_impl *impl = clade_impl_find(fixture->context, "twice", name);

	assert_non_null(impl);
	harness_check_impl(&fixture->harness, &twice, impl, &counts);
	fflush(fixture->harness.out);
	return counts;
}

static void test_right_implementation_passes(void **state)
{
	struct harness_counts counts = check(*state, "ref");

	assert_int_equal(counts.failed, 0);
	assert_int_equal(counts.executed, 5); /* four cases, one of them in place as well */
}

static void test_each_fault_is_found(void **state)
{
	static const struct {
		const char *impl, *text;
	} faults[] = {
		{ "wrong_value", "differs from ref" }, { "wrong_last_bit", "differs from ref" },
		{ "unwritten", "were not written" },   { "past_end", "guard words or gaps changed" },
		{ "before_start", "guard words" },     { "input_changed", "changed input 0" },
		{ "gap_written", "guard words" },      { "unsteady", "a second run gave other bits" },
		{ "not_in_place", "(in place)" },      { "fails", "it always fails" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		rewind(fixture->harness.out);
		assert_true(check(fixture, faults[i].impl).failed > 0);
		if (!strstr(fixture->text, faults[i].text))
			fail_msg("%s: the report does not say \"%s\": %s", faults[i].impl, faults[i].text,
				 fixture->text);
	}
}

/* A portable implementation that never runs is a failure, not a silence. */
static void test_nothing_executed_is_a_failure(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(check(fixture, "cl").executed, 0);
	assert_true(harness_check_op(&fixture->harness, &twice, "cl") > 0);
	assert_int_equal(harness_check_op(&fixture->harness, &twice, "ref"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_right_implementation_passes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_fault_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_executed_is_a_failure, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

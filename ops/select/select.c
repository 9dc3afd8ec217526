/* SPDX-License-Identifier: MIT */
/* argmax and top_k: ports, shape rules, cases. The order of values: NaN first, then descending; equal ones (also +0 and
 * -0, and any two NaNs) by index ascending. */
#include "select.h"

static enum clade_status infer_argmax(struct clade_infer *infer)
{
	const struct clade_type *x = infer->inputs[0];

	if (x->dims[x->rank - 1] == 0)
		return infer->ops->fail(infer, "an empty row has no largest element");
	return CLADE_OK;
}

static enum clade_status infer_top_k(struct clade_infer *infer)
{
	const struct select_top_k *params = infer->params;
	const struct clade_type *x = infer->inputs[0];
	int64_t n = x->dims[x->rank - 1];

	if (n >= 0 && params->k > n)
		return infer->ops->fail(infer, "k is %lld, a row has %lld elements", (long long)params->k,
					(long long)n);
	return CLADE_OK;
}

#define F32 CLADE_DTYPE_BIT(CLADE_F32)
#define I32 CLADE_DTYPE_BIT(CLADE_I32)
#define PORT CLADE_PORT
#define CASE CLADE_CASE

static const struct clade_port x = PORT("x", CLADE_IN, F32, "[..., n]", .help = "rows");
static const struct clade_port place = PORT("y", CLADE_OUT, I32, "[...]", .help = "index of the largest element");
static const struct clade_port values = PORT("values", CLADE_OUT, F32, "[..., k]", .help = "the k largest, descending");
static const struct clade_port indices = PORT("indices", CLADE_OUT, I32, "[..., k]", .help = "where they were");
static const struct clade_attr k =
	CLADE_ATTR(.name = "k", .type = CLADE_ATTR_INT, .offset = offsetof(struct select_top_k, k), .required = true,
		   .min = 1, .max = INT32_MAX, .help = "how many");

static const struct clade_case *const argmax_cases[] = { CASE("vocabulary", NULL, CLADE_CASE_BENCH,
							      "x = f32[3, 32003]"),
							 CASE("single", NULL, 0, "x = f32[7, 1]"),
							 CASE("short", NULL, 0, "x = f32[11, 3, 13] specials"),
							 CASE("ties", NULL, 0, "x = f32[5, 1025] equal"),
							 CASE("zeros", NULL, 0, "x = f32[5, 2049] zeros"),
							 CASE("nan", NULL, 0, "x = f32[9, 1300] nan"),
							 CASE("ninf", NULL, 0, "x = f32[9, 5] ninf"),
							 CASE("vector", NULL, 0, "x = f32[1023]"),
							 CASE("no_rows", NULL, 0, "x = f32[0, 5]"),
							 CASE("many_rows", NULL, CLADE_CASE_LARGE, "x = f32[70001, 5]"),
							 CASE("no_columns", NULL, CLADE_CASE_FAILS, "x = f32[3, 0]"),
							 NULL };

static const struct clade_case *const top_k_cases[] = {
	CASE("experts", "k = 2", CLADE_CASE_BENCH, "x = f32[3, 17, 8]"),
	CASE("sampling", "k = 40", CLADE_CASE_BENCH, "x = f32[2, 32003]"),
	CASE("one", "k = 1", 0, "x = f32[5, 101]"),
	CASE("pieces", "k = 3", 0, "x = f32[3, 2049] specials"),
	CASE("equal_pieces", "k = 56", 0, "x = f32[2, 3000] equal"),
	CASE("long_list", "k = 333", 0, "x = f32[2, 1111]"),
	CASE("whole_row", "k = 700", 0, "x = f32[2, 700]"),
	CASE("ascending", "k = 50", 0, "x = f32[2, 2100] positions"),
	CASE("all", "k = 13", 0, "x = f32[5, 13] specials"),
	CASE("ties", "k = 5", 0, "x = f32[5, 9] equal"),
	CASE("nan", "k = 7", 0, "x = f32[9, 300] nan"),
	CASE("ninf", "k = 3", 0, "x = f32[9, 5] ninf"),
	CASE("vector", "k = 3", 0, "x = f32[1023]"),
	CASE("no_rows", "k = 2", 0, "x = f32[0, 5]"),
	CASE("many_rows", "k = 2", CLADE_CASE_LARGE, "x = f32[70001, 5]"),
	CASE("too_many", "k = 6", CLADE_CASE_FAILS, "x = f32[3, 5]"),
	NULL
};

static const struct clade_op argmax_op = {
	.size = sizeof(struct clade_op),
	.name = "argmax",
	.doc = "y = the index of each row's largest element: of equal ones the lowest, and a NaN counts as the "
	       "largest.",
	.ports = CLADE_LIST(struct clade_port, &x, &place),
	.infer = infer_argmax,
	.cases = argmax_cases,
	.family = "select",
	.rows = "...",
};

static const struct clade_op top_k_op = {
	.size = sizeof(struct clade_op),
	.name = "top_k",
	.doc = "The k largest elements of each row, descending, equal ones by ascending index; a NaN counts as the "
	       "largest.",
	.params_size = sizeof(struct select_top_k),
	.attrs = CLADE_LIST(struct clade_attr, &k),
	.ports = CLADE_LIST(struct clade_port, &x, &values, &indices),
	.infer = infer_top_k,
	.cases = top_k_cases,
	.family = "select",
	.rows = "...",
};

clade_plugin_entry_fn clade_family_select;
enum clade_status clade_family_select(const struct clade_host *host, struct clade_registry *registry)
{
	const struct clade_impl *const impls[] = { &select_argmax_ref, &select_argmax_cl, &select_top_k_ref,
						   &select_top_k_cl };
	enum clade_status status = host->add_op(registry, &argmax_op);

	if (!status)
		status = host->add_op(registry, &top_k_op);
	for (size_t i = 0; i < sizeof(impls) / sizeof(impls[0]) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* positional_encoding: ports, attributes, shape rule, cases. */
#include "embedding_family.h"

static enum clade_status infer_positional(struct clade_infer *infer)
{
	const struct clade_type *x = infer->inputs[0];
	struct clade_type *y = &infer->outputs[0];
	bool by_row = infer->input_count > 1 && infer->inputs[1];

	if (infer->ops->div(infer, x->dims[2], 2) == INT64_MIN)
		return infer->ops->fail(infer, "d is %s; it must be even", infer->ops->text(infer, x->dims[2]));
	y->rank = by_row ? 3 : 2;
	for (uint32_t i = 0; i < y->rank; i++)
		y->dims[i] = x->dims[by_row ? i : i + 1];
	return CLADE_OK;
}

#define PORT CLADE_PORT
#define ATTR CLADE_ATTR
#define CASE CLADE_CASE

static const struct clade_port x =
	PORT("x", CLADE_IN, CLADE_DTYPE_BIT(CLADE_F32), "[b, t, d]", .help = "only its shape counts");
static const struct clade_port pos = PORT("pos", CLADE_IN | CLADE_OPTIONAL, CLADE_DTYPE_BIT(CLADE_I32), "[b, t]",
					  .help = "positions; absent: 0 .. t - 1; below 0: the row is 0");
static const struct clade_port y =
	PORT("y", CLADE_OUT, CLADE_DTYPE_BIT(CLADE_F32), NULL, .like = "x", .help = "[t, d], or [b, t, d] with pos");

static const char *const layouts[] = { "interleaved", "halves", NULL };
static const struct clade_attr layout =
	ATTR("layout", CLADE_ATTR_WORD, offsetof(struct positional_params, layout), .def.i = POSITIONAL_INTERLEAVED,
	     .words = layouts, .help = "sines at even columns, or in the first half");
static const struct clade_attr start = ATTR("start", CLADE_ATTR_INT, offsetof(struct positional_params, start),
					    .min = -(1 << 30), .max = 1 << 30, .help = "added to every position");
static const struct clade_attr base = ATTR("base", CLADE_ATTR_FLOAT, offsetof(struct positional_params, base),
					   .def.f = 10000, .min = 1e-3, .max = 1e9, .help = "of the frequencies");
static const struct clade_attr endpoint =
	ATTR("endpoint", CLADE_ATTR_BOOL, offsetof(struct positional_params, endpoint),
	     .help = "the last frequency is 1 / base (Tensor2Tensor)");

static const struct clade_case *const positional_cases[] = {
	CASE("table", NULL, 0, "x = f32[2, 17, 64]"),
	CASE("halves", "layout = \"halves\"", 0, "x = f32[2, 17, 62]"),
	CASE("endpoint", "layout = \"halves\", endpoint = true, start = 1", 0, "x = f32[1, 5, 34]"),
	CASE("endpoint_pair", "endpoint = true", 0, "x = f32[1, 5, 2]"),
	CASE("start", "start = 2, base = 500000", 0, "x = f32[1, 7, 18]"),
	CASE("start_below", "start = -3", 0, "x = f32[1, 7, 18]"),
	CASE("rows", NULL, 0, "x = f32[3, 11, 16]", "pos = i32[3, 11] badids:512"),
	CASE("far", NULL, 0, "x = f32[2, 3, 128]", "pos = i32[2, 3] positions:131070"),
	CASE("no_rows", NULL, 0, "x = f32[2, 0, 16]"),
	CASE("no_columns", NULL, 0, "x = f32[2, 3, 0]"),
	CASE("many_rows", NULL, CLADE_CASE_LARGE, "x = f32[1, 70001, 2]"),
	CASE("odd", NULL, CLADE_CASE_FAILS, "x = f32[2, 3, 7]"),
	NULL
};

const struct clade_op positional_op = {
	.size = sizeof(struct clade_op),
	.name = "positional_encoding",
	.doc = "Sines and cosines of p inv_freq_i with p = start + pos and inv_freq_i = base^(-i / (d / 2)), i < d / 2 "
	       "(Vaswani "
	       "et al. 2017, section 3.5). interleaved: y[2i] = sin, y[2i + 1] = cos; halves: y[i] = sin, y[d / 2 + i] "
	       "= cos. "
	       "endpoint: the exponent is -i / (d / 2 - 1). A row with pos < 0 is 0.",
	.params_size = sizeof(struct positional_params),
	.attrs = CLADE_LIST(struct clade_attr, &layout, &start, &base, &endpoint),
	.ports = CLADE_LIST(struct clade_port, &x, &pos, &y),
	.infer = infer_positional,
	.cases = positional_cases,
	.family = "embedding",
	.rows = "b t?pos",
};

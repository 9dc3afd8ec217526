/* SPDX-License-Identifier: MIT */
/* softmax: ports, axis and cases. */
#include "norm.h"

static const struct clade_attr axis_attr =
	CLADE_ATTR(.name = "axis", .type = CLADE_ATTR_INT, .offset = offsetof(struct softmax_params, axis),
		   .def = { .i = -1 }, .min = -CLADE_MAX_RANK, .max = CLADE_MAX_RANK - 1,
		   .help = "summed to one along it; negative counts from the last");
static const struct clade_port x = CLADE_PORT(.name = "x", .flags = CLADE_IN, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .shape = "[..., n]", .help = "scores; -inf counts as absent");
static const struct clade_port y = CLADE_PORT(.name = "y", .flags = CLADE_OUT, .like = "x", .help = "x's shape");

static enum clade_status infer_softmax(struct clade_infer *infer)
{
	const struct softmax_params *params = infer->params;
	int64_t rank = infer->inputs[0]->rank;

	if (params->axis < -rank || params->axis >= rank)
		return infer->ops->fail(infer, "axis = %lld, but x has rank %lld; axes are -rank to rank - 1",
					(long long)params->axis, (long long)rank);
	return CLADE_OK;
}

#define CASE(name_, flags_, attrs_, input) CLADE_CASE(name_, attrs_, flags_, input)
#define PLAIN(rows, n) CASE(#rows "x" #n, CLADE_CASE_ALIAS, NULL, "x = f32[" #rows ", " #n "]")
#define FILLED(fill)                                                                                                   \
	CASE(fill, CLADE_CASE_ALIAS, NULL, "x = f32[9, 131] " fill),                                                   \
		CASE(fill " axis 0", CLADE_CASE_ALIAS, "axis = 0", "x = f32[131, 9] " fill)
static const struct clade_case *const cases[] = { PLAIN(0, 7),
						  PLAIN(1, 15001),
						  PLAIN(1, 70001),
						  PLAIN(3, 0),
						  PLAIN(1, 1),
						  PLAIN(5, 7),
						  PLAIN(3, 63),
						  PLAIN(3, 64),
						  PLAIN(3, 65),
						  PLAIN(7, 131),
						  PLAIN(2, 1023),
						  PLAIN(1, 4096),
						  FILLED("nan"),
						  FILLED("inf"),
						  FILLED("ninf"),
						  FILLED("specials"),
						  FILLED("huge"),
						  FILLED("equal"),
						  CASE("rank 1", CLADE_CASE_ALIAS, NULL, "x = f32[67]"),
						  CASE("axis 1", CLADE_CASE_ALIAS, "axis = 1", "x = f32[3, 67, 37]"),
						  CASE("axis 1 empty", 0, "axis = 1", "x = f32[3, 0, 5]"),
						  CASE("axis 1 none", 0, "axis = 1", "x = f32[3, 5, 0]"),
						  CASE("axis 0 of 1", 0, "axis = 0", "x = f32[1, 35]"),
						  CASE("axis -2", 0, "axis = -2", "x = f32[2, 3, 130, 1]"),
						  CASE("70001 rows", CLADE_CASE_LARGE, NULL, "x = f32[70001, 3]"),
						  CASE("scores", CLADE_CASE_LARGE | CLADE_CASE_BENCH, NULL,
						       "x = f32[12, 512, 512]"),
						  CASE("axis beyond", CLADE_CASE_FAILS, "axis = 2", "x = f32[3, 4]"),
						  CASE("scalar", CLADE_CASE_FAILS, NULL, "x = f32[]"),
						  NULL };

const struct clade_op clade_op_softmax = {
	.size = sizeof(struct clade_op),
	.name = "softmax",
	.doc = "y = exp(x - max) / sum of exp(x - max) along an axis; an element that is -inf is absent (0), a row "
	       "without "
	       "elements gives zeros, a NaN makes its row NaN. Order: ops/ARITHMETIC.md, 4.",
	.params_size = sizeof(struct softmax_params),
	.attrs = CLADE_LIST(struct clade_attr, &axis_attr),
	.ports = CLADE_LIST(struct clade_port, &x, &y),
	.infer = infer_softmax,
	.cases = cases,
	.family = "norm",
	.rows = "...?axis=-1",
};

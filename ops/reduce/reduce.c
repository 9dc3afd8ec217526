/* SPDX-License-Identifier: MIT */
/* The reductions: ports, axis and cases. */
#include "reduce.h"

static const struct clade_attr axis_attr =
	CLADE_ATTR(.name = "axis", .type = CLADE_ATTR_INT, .offset = offsetof(struct reduce_params, axis),
		   .def = { .i = -1 }, .min = -CLADE_MAX_RANK, .max = CLADE_MAX_RANK - 1,
		   .help = "the axis that goes; negative counts from the last");
static const struct clade_attr keepdims_attr =
	CLADE_ATTR(.name = "keepdims", .type = CLADE_ATTR_BOOL, .offset = offsetof(struct reduce_params, keepdims),
		   .help = "leave the axis in place with size 1");
static const struct clade_port x = CLADE_PORT(.name = "x", .flags = CLADE_IN, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .shape = "*", .help = "any shape but a scalar");
static const struct clade_port y = CLADE_PORT(.name = "y", .flags = CLADE_OUT, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .help = "x's shape without the axis");

static enum clade_status infer_reduce(struct clade_infer *infer)
{
	const struct reduce_params *params = infer->params;
	const struct clade_type *in = infer->inputs[0];
	struct clade_type *out = &infer->outputs[0];
	int64_t axis = params->axis < 0 ? params->axis + in->rank : params->axis;

	if (axis < 0 || axis >= (int64_t)in->rank)
		return infer->ops->fail(infer, "axis = %lld, but x has rank %u; axes are -rank to rank - 1",
					(long long)params->axis, in->rank);
	out->dtype = CLADE_F32;
	out->rank = 0;
	for (int64_t i = 0; i < (int64_t)in->rank; i++) {
		if (i != axis)
			out->dims[out->rank++] = in->dims[i];
		else if (params->keepdims)
			out->dims[out->rank++] = 1;
	}
	return CLADE_OK;
}

#define CASE(name_, flags_, attrs_, input) CLADE_CASE(name_, attrs_, flags_, input)
#define PLAIN(rows, n) CASE(#rows "x" #n, 0, NULL, "x = f32[" #rows ", " #n "]")
#define FILLED(fill)                                                                                                   \
	CASE(fill, 0, NULL, "x = f32[9, 131] " fill), CASE(fill " axis 0", 0, "axis = 0", "x = f32[131, 9] " fill)
static const struct clade_case *const cases[] = {
	PLAIN(0, 7),
	PLAIN(3, 0),
	PLAIN(1, 1),
	PLAIN(5, 7),
	PLAIN(3, 63),
	PLAIN(3, 64),
	PLAIN(3, 65),
	PLAIN(7, 131),
	PLAIN(2, 1023),
	PLAIN(1, 4096),
	PLAIN(1, 61001),
	PLAIN(1, 70001),
	FILLED("nan"),
	FILLED("inf"),
	FILLED("ninf"),
	FILLED("specials"),
	FILLED("huge"),
	FILLED("cancel"),
	FILLED("ones"),
	CASE("rank 1", 0, NULL, "x = f32[67]"),
	CASE("keepdims", 0, "keepdims = true", "x = f32[3, 5, 67]"),
	CASE("axis 1", 0, "axis = 1", "x = f32[3, 67, 37]"),
	CASE("axis 1 keepdims", 0, "axis = 1, keepdims = true", "x = f32[3, 67, 37]"),
	CASE("axis 1 empty", 0, "axis = 1", "x = f32[3, 0, 5]"),
	CASE("axis 1 none", 0, "axis = 1", "x = f32[3, 5, 0]"),
	CASE("axis 0 of 1", 0, "axis = 0", "x = f32[1, 35]"),
	CASE("axis -2", 0, "axis = -2", "x = f32[2, 3, 130, 1]"),
	CASE("70001 rows", CLADE_CASE_LARGE, NULL, "x = f32[70001, 3]"),
	CASE("70001 deep", CLADE_CASE_LARGE, "axis = 0", "x = f32[70001, 3]"),
	CASE("pooling", CLADE_CASE_LARGE | CLADE_CASE_BENCH, "axis = 1", "x = f32[4, 128, 768]"),
	CASE("axis beyond", CLADE_CASE_FAILS, "axis = 2", "x = f32[3, 4]"),
	CASE("scalar", CLADE_CASE_FAILS, NULL, "x = f32[]"),
	NULL
};

/* Products of ordinary numbers soon leave the normal range, outside of which bits are not promised. */
#define NEAR(rows, n) CASE(#rows "x" #n, 0, NULL, "x = f32[" #rows ", " #n "] near1")
static const struct clade_case *const prod_cases[] = {
	NEAR(0, 7),
	NEAR(3, 0),
	NEAR(1, 1),
	NEAR(5, 7),
	NEAR(3, 63),
	NEAR(3, 64),
	NEAR(3, 65),
	NEAR(7, 131),
	NEAR(2, 1023),
	NEAR(1, 4096),
	NEAR(1, 61001),
	NEAR(1, 70001),
	FILLED("nan"),
	FILLED("inf"),
	FILLED("huge"),
	FILLED("zeros"),
	FILLED("ones"),
	CASE("rank 1", 0, NULL, "x = f32[67] near1"),
	CASE("keepdims", 0, "keepdims = true", "x = f32[3, 5, 67] near1"),
	CASE("axis 1", 0, "axis = 1", "x = f32[3, 67, 37] near1"),
	CASE("axis 1 keepdims", 0, "axis = 1, keepdims = true", "x = f32[3, 67, 37] near1"),
	CASE("axis 1 empty", 0, "axis = 1", "x = f32[3, 0, 5]"),
	CASE("axis 0 of 1", 0, "axis = 0", "x = f32[1, 35]"),
	CASE("axis -2", 0, "axis = -2", "x = f32[2, 3, 130, 1] near1"),
	CASE("70001 rows", CLADE_CASE_LARGE, NULL, "x = f32[70001, 3]"),
	CASE("70001 deep", CLADE_CASE_LARGE, "axis = 0", "x = f32[70001, 3] near1"),
	CASE("axis beyond", CLADE_CASE_FAILS, "axis = 2", "x = f32[3, 4]"),
	NULL
};

#define OP(name_, doc_, cases_)                                                                                        \
	static const struct clade_op op_##name_ = { .size = sizeof(struct clade_op),                                   \
						    .name = #name_,                                                    \
						    .doc = (doc_),                                                     \
						    .params_size = sizeof(struct reduce_params),                       \
						    .attrs =                                                           \
							    CLADE_LIST(struct clade_attr, &axis_attr, &keepdims_attr), \
						    .ports = CLADE_LIST(struct clade_port, &x, &y),                    \
						    .infer = infer_reduce,                                             \
						    .cases = cases_,                                                   \
						    .family = "reduce" }
OP(reduce_sum, "y = the sum along an axis, in 64 partials and a tree (ops/ARITHMETIC.md, 3); 0 over nothing.", cases);
OP(reduce_mean, "y = the sum along an axis divided by its size (ops/ARITHMETIC.md, 3); NaN over nothing.", cases);
OP(reduce_max, "y = the largest along an axis; a NaN if there is one, -inf over nothing.", cases);
OP(reduce_min, "y = the smallest along an axis; a NaN if there is one, inf over nothing.", cases);
OP(reduce_prod, "y = the product along an axis, one chain in ascending order; 1 over nothing.", prod_cases);

#define ENTRY(name, function) [INDEX_##name] = &op_##name,
const struct clade_op *const clade_reduce_ops[REDUCE_COUNT] = { REDUCE_OPS(ENTRY) };

/* SPDX-License-Identifier: MIT */
/* cumulative_sum along an axis: the op and its implementations. */
#include "reduce.h"

struct cumulative_params {
	int64_t axis;
};

static const struct clade_attr axis_attr =
	CLADE_ATTR(.name = "axis", .type = CLADE_ATTR_INT, .offset = offsetof(struct cumulative_params, axis),
		   .def = { .i = -1 }, .min = -CLADE_MAX_RANK, .max = CLADE_MAX_RANK - 1,
		   .help = "the axis along which sums grow; negative counts from the last");
#define DTYPES (CLADE_DTYPE_BIT(CLADE_F32) | CLADE_DTYPE_BIT(CLADE_I32))
static const struct clade_port x =
	CLADE_PORT(.name = "x", .flags = CLADE_IN, .dtypes = DTYPES, .shape = "*", .help = "any shape but a scalar");
static const struct clade_port y = CLADE_PORT(.name = "y", .flags = CLADE_OUT, .like = "x", .help = "sums up to each");

static enum clade_status infer_cumulative(struct clade_infer *infer)
{
	const struct cumulative_params *params = infer->params;
	const struct clade_type *in = infer->inputs[0];

	if (clade_kit_axis(params->axis, in->rank) < 0)
		return infer->ops->fail(infer, "axis = %lld, but x has rank %u; axes are -rank to rank - 1",
					(long long)params->axis, in->rank);
	infer->outputs[0] = *in;
	return CLADE_OK;
}

#define CASE(name_, flags_, attrs_, input) CLADE_CASE(name_, attrs_, flags_, input)
#define SIZED(rows, n)                                                                                                 \
	CASE(#rows "x" #n, 0, NULL, "x = f32[" #rows ", " #n "] near1"),                                               \
		CASE(#rows "x" #n " ids", 0, NULL, "x = i32[" #rows ", " #n "] ids:2")
#define FILLED(fill)                                                                                                   \
	CASE(fill, 0, NULL, "x = f32[9, 131] " fill), CASE(fill " axis 0", 0, "axis = 0", "x = f32[131, 9] " fill)
static const struct clade_case *const cumulative_cases[] = {
	SIZED(1, 1),
	SIZED(3, 0),
	SIZED(0, 3),
	SIZED(5, 7),
	SIZED(37, 64),
	SIZED(2, 257),
	SIZED(3, 4099),
	FILLED("normal"),
	FILLED("specials"),
	FILLED("nan"),
	FILLED("inf"),
	FILLED("huge"),
	FILLED("zeros"),
	CASE("rank 1", 0, NULL, "x = f32[67] near1"),
	CASE("axis 1", 0, "axis = 1", "x = f32[3, 67, 37] near1"),
	CASE("axis 1 ids", 0, "axis = 1", "x = i32[3, 67, 37] badids:100000"),
	CASE("axis -3", 0, "axis = -3", "x = f32[6, 3, 5] near1"),
	CASE("wraps", 0, NULL, "x = i32[3, 300] positions:2147483000"),
	CASE("70001 rows", CLADE_CASE_LARGE, NULL, "x = i32[70001, 3] ids:2"),
	CASE("70001 long", CLADE_CASE_LARGE, NULL, "x = f32[2, 70001] near1"),
	CASE("70001 deep", CLADE_CASE_LARGE, "axis = 0", "x = i32[70001, 3] ids:2"),
	CASE("tokens", CLADE_CASE_BENCH, NULL, "x = i32[32, 512] ids:2"),
	CASE("axis beyond", CLADE_CASE_FAILS, "axis = 2", "x = f32[3, 4]"),
	CASE("scalar", CLADE_CASE_FAILS, NULL, "x = f32[]"),
	CASE("bool", CLADE_CASE_FAILS, NULL, "x = bool[3]"),
	NULL
};

const struct clade_op clade_op_cumulative_sum = {
	.size = sizeof(struct clade_op),
	.name = "cumulative_sum",
	.doc = "y[i] = x[0] + ... + x[i] along an axis, one chain in ascending order; i32 wraps.",
	.params_size = sizeof(struct cumulative_params),
	.attrs = CLADE_LIST(struct clade_attr, &axis_attr),
	.ports = CLADE_LIST(struct clade_port, &x, &y),
	.infer = infer_cumulative,
	.cases = cumulative_cases,
	.family = "reduce",
};

static enum clade_status split(const struct clade_run *run, struct clade_kit_around *shape)
{
	const struct cumulative_params *params = run->params;

	if (clade_kit_split(&run->inputs[0]->type, params->axis, shape))
		return CLADE_OK;
	return run->host->run_fail(run, CLADE_ERR_ARGUMENT, "x has no axis %lld", (long long)params->axis);
}

static enum clade_status run_ref(const struct clade_run *run)
{
	struct clade_kit_around shape;
	enum clade_status status = split(run, &shape);

	for (int64_t line = 0; !status && line < shape.outer * shape.inner; line++) {
		int64_t at = line / shape.inner * shape.n * shape.inner + line % shape.inner;
		uint32_t count = 0;
		float sum = 0.0f;

		for (int64_t i = 0; i < shape.n; i++, at += shape.inner)
			if (run->inputs[0]->type.dtype == CLADE_F32) {
				sum = sum + ((const float *)run->inputs[0]->data)[at];
				((float *)run->outputs[0]->data)[at] = sum;
			} else {
				count += ((const uint32_t *)run->inputs[0]->data)[at];
				((uint32_t *)run->outputs[0]->data)[at] = count;
			}
	}
	return status;
}

const struct clade_impl clade_ref_cumulative_sum = {
	.size = sizeof(struct clade_impl),
	.op = "cumulative_sum",
	.name = "ref",
	.doc = "plain C, one line at a time",
	.needs = CLADE_NEEDS_HOST,
	.run = run_ref,
};

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct cumulative_params *params = node->params;
	struct clade_kit_around shape;

	return !clade_kit_split(node->inputs[0], params->axis, &shape) ||
	       clade_kit_loops_fit(node->device, shape.n, 1, why, why_size);
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	bool is_float = prepare->node->inputs[0]->dtype == CLADE_F32;
	uint32_t slot;

	return prepare->host->kernel(prepare, "reduce/cumulative.cl",
				     is_float ? "cumulative_sum_f32" : "cumulative_sum_i32", NULL, &slot);
}

static enum clade_status run_cl(const struct clade_run *run)
{
	struct clade_kit_around shape;
	enum clade_status status = split(run, &shape);

	if (status || !shape.outer || !shape.inner || !shape.n)
		return status;
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]), CLADE_TENSOR(run->outputs[0]),
					  CLADE_LONG(shape.outer * shape.inner), CLADE_LONG(shape.n),
					  CLADE_LONG(shape.inner) };

	return run->host->launch(run, 0, args, sizeof(args) / sizeof(args[0]),
				 (const uint64_t[3]) { (uint64_t)(shape.outer * shape.inner), 1, 1 },
				 (const uint32_t[3]) { clade_kit_group(run->device), 1, 1 });
}

const struct clade_impl clade_cl_cumulative_sum = {
	.size = sizeof(struct clade_impl),
	.op = "cumulative_sum",
	.name = "cl",
	.doc = "an item a line; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts,
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};

/* SPDX-License-Identifier: MIT */
/* Ops that move elements without changing them: ports, attributes, shape rules. Cases are in shape_cases.c. */
#include "shape.h"
#include "shape_cases.h"

static enum clade_status infer_reshape(struct clade_infer *infer)
{
	const struct shape_reshape *params = infer->params;
	const struct clade_type *x = infer->inputs[0];
	struct clade_type *y = &infer->outputs[0];
	int64_t before = 1, after = 1;

	for (uint32_t i = 0; i < x->rank; i++)
		before = infer->ops->mul(infer, before, x->dims[i]);
	y->rank = (uint32_t)params->shape.count;
	for (uint32_t i = 0; i < y->rank; i++) {
		y->dims[i] = params->shape.dims[i];
		after = infer->ops->mul(infer, after, y->dims[i]);
	}
	if (before == INT64_MIN || after == INT64_MIN || before != after)
		return infer->ops->fail(infer, "the new shape has another number of elements than x");
	return CLADE_OK;
}

static enum clade_status infer_transpose(struct clade_infer *infer)
{
	const struct shape_transpose *params = infer->params;
	const struct clade_type *x = infer->inputs[0];
	struct clade_type *y = &infer->outputs[0];
	uint32_t seen = 0;

	if (params->axes.count != (int64_t)x->rank)
		return infer->ops->fail(infer, "axes lists %lld axes, x has %u", (long long)params->axes.count,
					x->rank);
	y->rank = x->rank;
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t axis = params->axes.dims[i];

		if (axis < 0 || axis >= (int64_t)x->rank || (seen & 1u << axis))
			return infer->ops->fail(infer, "axes must list each axis 0 .. %d once", (int)x->rank - 1);
		seen |= 1u << axis;
		y->dims[i] = x->dims[axis];
	}
	return CLADE_OK;
}

static enum clade_status infer_concat(struct clade_infer *infer)
{
	const struct shape_concat *params = infer->params;
	const struct clade_type *x = infer->inputs[0];
	struct clade_type *y = &infer->outputs[0];
	int32_t axis = clade_kit_axis(params->axis, x->rank);

	if (axis < 0)
		return infer->ops->fail(infer, "axis %lld does not exist in %u axes", (long long)params->axis, x->rank);
	*y = *x;
	for (uint32_t i = 1; i < infer->input_count; i++) {
		const struct clade_type *other = infer->inputs[i];

		if (other->dtype != x->dtype || other->rank != x->rank)
			return infer->ops->fail(infer, "tensors 1 and %u differ in type or number of axes", i + 1);
		for (uint32_t k = 0; k < x->rank; k++)
			if (k != (uint32_t)axis && other->dims[k] != x->dims[k])
				return infer->ops->fail(infer, "tensors 1 and %u differ in axis %u; only axis %d may",
							i + 1, k, axis);
		y->dims[axis] = infer->ops->add(infer, y->dims[axis], other->dims[axis]);
		if (y->dims[axis] == INT64_MIN)
			return infer->ops->fail(infer, "axis %d becomes too long", axis);
	}
	return CLADE_OK;
}

static enum clade_status infer_slice(struct clade_infer *infer)
{
	const struct shape_slice *params = infer->params;
	const struct clade_type *x = infer->inputs[0];
	struct clade_type *y = &infer->outputs[0];
	int32_t axis = clade_kit_axis(params->axis, x->rank);
	int64_t start = params->start == INT64_MIN ? 0 : params->start, end, length;

	if (axis < 0)
		return infer->ops->fail(infer, "axis %lld does not exist in %u axes", (long long)params->axis, x->rank);
	end = params->end == INT64_MIN ? x->dims[axis] : params->end;
	if ((start >= 0 && end >= 0 && start > end) || (end >= 0 && x->dims[axis] >= 0 && end > x->dims[axis]))
		return infer->ops->fail(infer, "start <= end <= %s is not so", infer->ops->text(infer, x->dims[axis]));
	length = infer->ops->sub(infer, end, start);
	if (length >= 0)
		length = (length + params->step - 1) / params->step;
	else if (length != INT64_MIN && params->step != 1)
		length = infer->ops->div(infer, length, params->step);
	if (length == INT64_MIN)
		return infer->ops->fail(infer, "(end - start) / step is not a dim");
	*y = *x;
	y->dims[axis] = length;
	return CLADE_OK;
}

static enum clade_status infer_gather(struct clade_infer *infer)
{
	const struct clade_type *x = infer->inputs[0], *indices = infer->inputs[1];
	struct clade_type *y = &infer->outputs[0];

	if (!x->rank || indices->rank + x->rank - 1 > CLADE_MAX_RANK)
		return infer->ops->fail(infer, "x needs an axis, and the result at most %d", CLADE_MAX_RANK);
	y->rank = indices->rank + x->rank - 1;
	for (uint32_t i = 0; i < indices->rank; i++)
		y->dims[i] = indices->dims[i];
	for (uint32_t i = 1; i < x->rank; i++)
		y->dims[indices->rank + i - 1] = x->dims[i];
	return CLADE_OK;
}

static enum clade_status infer_expand(struct clade_infer *infer)
{
	const struct shape_reshape *params = infer->params;
	const struct clade_type *x = infer->inputs[0];
	struct clade_type *y = &infer->outputs[0];
	uint32_t rank = (uint32_t)params->shape.count;

	if (rank < x->rank)
		return infer->ops->fail(infer, "shape has %u axes, x has %u", rank, x->rank);
	y->rank = rank;
	for (uint32_t i = 0; i < rank; i++)
		y->dims[i] = params->shape.dims[i];
	for (uint32_t i = 0; i < x->rank; i++)
		if (x->dims[i] != 1 && x->dims[i] != y->dims[rank - x->rank + i])
			return infer->ops->fail(infer, "axis %u of x is %s: it must be 1 or that of shape", i,
						infer->ops->text(infer, x->dims[i]));
	return CLADE_OK;
}

/* The strides [b, h, t, d] of memory that has strides [b, t, n], or back: head i begins d elements after head i - 1. */
static bool view_heads(int64_t h, int64_t d, bool to_split, const int64_t *given, int64_t *strides)
{
	if (to_split) {
		strides[0] = given[0];
		strides[1] = d * given[2];
		strides[2] = given[1];
		strides[3] = given[2];
		return true;
	}
	strides[0] = given[0];
	strides[1] = given[2];
	strides[2] = given[3];
	return h == 1 || given[1] == d * given[3];
}

static bool view_split_heads(const void *params, const struct clade_type *input, const struct clade_type *output,
			     bool from_output, const int64_t *given, int64_t *strides)
{
	return view_heads(output->dims[1], output->dims[3], !from_output, given, strides);
}

static bool view_merge_heads(const void *params, const struct clade_type *input, const struct clade_type *output,
			     bool from_output, const int64_t *given, int64_t *strides)
{
	return view_heads(input->dims[1], input->dims[3], from_output, given, strides);
}

#define ANY (CLADE_DTYPE_BIT(CLADE_F32) | CLADE_DTYPE_BIT(CLADE_I32) | CLADE_DTYPE_BIT(CLADE_BOOL))
#define PORT CLADE_PORT
#define ATTR CLADE_ATTR

static const struct clade_port x_any = PORT("x", CLADE_IN, ANY, "*", .help = "elements of 4 bytes or 1");
static const struct clade_port y_like = PORT("y", CLADE_OUT, 0, NULL, "x", .help = "x's elements, moved");
static const struct clade_port y_like_xs = PORT("y", CLADE_OUT, 0, NULL, "xs", .help = "the tensors in a row");
static const struct clade_port xs = PORT("xs", CLADE_IN | CLADE_VARIADIC, ANY, "*", .help = "equal but for one axis");
static const struct clade_port x_heads_in =
	PORT("x", CLADE_IN, ANY, "[b, t, n]", .help = "all heads of a position side by side");
static const struct clade_port y_heads_out =
	PORT("y", CLADE_OUT, 0, "[b, heads, t, n / heads]", "x", .help = "head by head");
static const struct clade_port x_heads = PORT("x", CLADE_IN, ANY, "[b, h, t, d]", .help = "head by head");
static const struct clade_port y_merged =
	PORT("y", CLADE_OUT, 0, "[b, t, h * d]", "x", .help = "all heads of a position side by side");
static const struct clade_port indices =
	PORT("indices", CLADE_IN, CLADE_DTYPE_BIT(CLADE_I32), "*", .help = "which entries of axis 0", .index_of = "x");
static const struct clade_port x_rows = PORT("x", CLADE_IN, ANY, "[b, t, d]", .help = "rows to pick from");
static const struct clade_port rows =
	PORT("rows", CLADE_IN, CLADE_DTYPE_BIT(CLADE_I32), "[b, r]", .help = "which rows, 0 .. t - 1");
static const struct clade_port y_rows = PORT("y", CLADE_OUT, 0, "[b, r, d]", "x", .help = "the rows picked");

static const struct clade_attr shape =
	ATTR("shape", CLADE_ATTR_DIMS, offsetof(struct shape_reshape, shape), true, .help = "dims of the result");
static const struct clade_attr axes = ATTR("axes", CLADE_ATTR_DIMS, offsetof(struct shape_transpose, axes), true,
					   .help = "axis i of y is axis axes[i] of x");
static const struct clade_attr concat_axis =
	ATTR("axis", CLADE_ATTR_INT, offsetof(struct shape_concat, axis), .def.i = -1, .min = -CLADE_MAX_RANK,
	     .max = CLADE_MAX_RANK - 1, .help = "the axis that grows; negative: from the end");
static const struct clade_attr slice_axis =
	ATTR("axis", CLADE_ATTR_INT, offsetof(struct shape_slice, axis), .def.i = -1, .min = -CLADE_MAX_RANK,
	     .max = CLADE_MAX_RANK - 1, .help = "the axis that is cut; negative: from the end");
static const struct clade_attr start =
	ATTR("start", CLADE_ATTR_DIM, offsetof(struct shape_slice, start), .def.i = 0, .help = "first entry");
static const struct clade_attr end = ATTR("end", CLADE_ATTR_DIM, offsetof(struct shape_slice, end), .def.i = INT64_MIN,
					  .help = "one past the last entry; absent: to the end");
static const struct clade_attr step = ATTR("step", CLADE_ATTR_INT, offsetof(struct shape_slice, step), .def.i = 1,
					   .min = 1, .max = INT32_MAX, .help = "distance of the entries taken");
static const struct clade_attr heads = ATTR("heads", CLADE_ATTR_INT, offsetof(struct shape_split_heads, heads), true,
					    .min = 1, .max = INT32_MAX, .help = "how many heads");

#define OP(op_name, ...)                                                                                               \
	static const struct clade_op op_##op_name = { .size = sizeof(struct clade_op),                                 \
						      .name = #op_name,                                                \
						      .family = "shape",                                               \
						      .cases = shape_cases_##op_name,                                  \
						      __VA_ARGS__ }

OP(reshape, .doc = "y has x's elements in row-major order under another shape.", .flags = CLADE_OP_VIEW,
   .params_size = sizeof(struct shape_reshape), .attrs = CLADE_LIST(struct clade_attr, &shape),
   .ports = CLADE_LIST(struct clade_port, &x_any, &y_like), .infer = infer_reshape);
OP(transpose, .doc = "Axis i of y is axis axes[i] of x.", .params_size = sizeof(struct shape_transpose),
   .attrs = CLADE_LIST(struct clade_attr, &axes), .ports = CLADE_LIST(struct clade_port, &x_any, &y_like),
   .infer = infer_transpose);
OP(concat, .doc = "The tensors one after another along an axis.", .params_size = sizeof(struct shape_concat),
   .attrs = CLADE_LIST(struct clade_attr, &concat_axis), .ports = CLADE_LIST(struct clade_port, &xs, &y_like_xs),
   .infer = infer_concat);
OP(slice, .doc = "Entries start, start + step, ... below end of an axis.", .params_size = sizeof(struct shape_slice),
   .attrs = CLADE_LIST(struct clade_attr, &slice_axis, &start, &end, &step),
   .ports = CLADE_LIST(struct clade_port, &x_any, &y_like), .infer = infer_slice);
OP(split_heads,
   .doc = "y[b, i, t, :] = x[b, t, i * n / heads ...]: one slice of the model's width for each attention head "
	  "(Vaswani et al. 2017, section 3.2.2).",
   .flags = CLADE_OP_VIEW, .params_size = sizeof(struct shape_split_heads),
   .attrs = CLADE_LIST(struct clade_attr, &heads), .ports = CLADE_LIST(struct clade_port, &x_heads_in, &y_heads_out),
   .view = view_split_heads, .rows = "b t");
OP(merge_heads, .doc = "The way back from split_heads: y[b, t, i * d + j] = x[b, i, t, j].", .flags = CLADE_OP_VIEW,
   .ports = CLADE_LIST(struct clade_port, &x_heads, &y_merged), .view = view_merge_heads, .rows = "b t");
OP(gather,
   .doc = "y[i..., :] = x[indices[i...], :], entries of axis 0. An index outside gives NaN (f32) or 0 (i32, bool).",
   .ports = CLADE_LIST(struct clade_port, &x_any, &indices, &y_like), .infer = infer_gather);
OP(gather_rows, .doc = "y[b, i, :] = x[b, rows[b, i], :]. A row outside 0 .. t - 1 gives NaN (f32) or 0 (i32, bool).",
   .ports = CLADE_LIST(struct clade_port, &x_rows, &rows, &y_rows), .rows = "b r t>rows");
OP(expand, .doc = "x repeated along axes of length 1 and along new leading axes, as numpy broadcasts.",
   .params_size = sizeof(struct shape_reshape), .attrs = CLADE_LIST(struct clade_attr, &shape),
   .ports = CLADE_LIST(struct clade_port, &x_any, &y_like), .infer = infer_expand);
OP(copy, .doc = "y = x.", .ports = CLADE_LIST(struct clade_port, &x_any, &y_like), .rows = "*");

const struct clade_op *const shape_ops[] = { &op_reshape,     &op_transpose,   &op_concat, &op_slice,
					     &op_split_heads, &op_merge_heads, &op_gather, &op_gather_rows,
					     &op_expand,      &op_copy,        NULL };

clade_plugin_entry_fn clade_family_shape;
enum clade_status clade_family_shape(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; shape_ops[i] && !status; i++)
		status = host->add_op(registry, shape_ops[i]);
	for (size_t i = 0; shape_ref_impls[i] && !status; i++)
		status = host->add_impl(registry, shape_ref_impls[i]);
	for (size_t i = 0; shape_cl_impls[i] && !status; i++)
		status = host->add_impl(registry, shape_cl_impls[i]);
	return status;
}

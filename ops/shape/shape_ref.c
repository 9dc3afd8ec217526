/* SPDX-License-Identifier: MIT */
/* How each shape op is one or more strided copies, and their reference implementations, which are the specification. */
#include "shape.h"

bool shape_reshape_part(const struct clade_run *run, uint32_t index, struct shape_part *out)
{
	const struct clade_tensor *x = run->inputs[0];
	int64_t to[CLADE_MAX_RANK], stride = 1;

	for (uint32_t i = x->type.rank; i-- > 0;) {
		to[i] = stride;
		stride *= x->type.dims[i];
	}
	clade_walk_make(&out->walk, x->type.rank, x->type.dims, x->strides, to);
	return !index;
}

bool shape_transpose_part(const struct clade_run *run, uint32_t index, struct shape_part *out)
{
	const struct shape_transpose *params = run->params;
	const struct clade_tensor *x = run->inputs[0], *y = run->outputs[0];
	int64_t from[CLADE_MAX_RANK];

	for (uint32_t i = 0; i < y->type.rank; i++)
		from[i] = x->strides[params->axes.dims[i]];
	clade_walk_make(&out->walk, y->type.rank, y->type.dims, from, y->strides);
	return !index;
}

bool shape_concat_part(const struct clade_run *run, uint32_t index, struct shape_part *out)
{
	const struct shape_concat *params = run->params;
	const struct clade_tensor *x, *y = run->outputs[0];
	int32_t axis = clade_kit_axis(params->axis, y->type.rank);

	if (index >= run->input_count)
		return false;
	for (uint32_t i = 0; i < index; i++)
		out->target_shift += run->inputs[i]->type.dims[axis] * y->strides[axis];
	x = run->inputs[index];
	out->input = index;
	clade_walk_make(&out->walk, x->type.rank, x->type.dims, x->strides, y->strides);
	return true;
}

enum clade_status shape_slice_check(const struct clade_run *run)
{
	const struct shape_slice *params = run->params;
	const struct clade_type *x = &run->inputs[0]->type, *y = &run->outputs[0]->type;
	int32_t axis = clade_kit_axis(params->axis, x->rank);
	int64_t start = params->start == INT64_MIN ? 0 : params->start;

	if (start >= 0 && (!y->dims[axis] || start + (y->dims[axis] - 1) * params->step < x->dims[axis]))
		return CLADE_OK;
	return run->host->run_fail(run, CLADE_ERR_DATA, "element %lld of axis %d is asked for; x has %lld",
				   (long long)(start < 0 ? start : start + (y->dims[axis] - 1) * params->step),
				   (int)axis, (long long)x->dims[axis]);
}

bool shape_slice_part(const struct clade_run *run, uint32_t index, struct shape_part *out)
{
	const struct shape_slice *params = run->params;
	const struct clade_tensor *x = run->inputs[0], *y = run->outputs[0];
	int32_t axis = clade_kit_axis(params->axis, x->type.rank);
	int64_t from[CLADE_MAX_RANK];

	memcpy(from, x->strides, sizeof(from));
	if (params->start != INT64_MIN)
		out->source_shift = params->start * from[axis];
	from[axis] *= params->step;
	clade_walk_make(&out->walk, y->type.rank, y->type.dims, from, y->strides);
	return !index;
}

bool shape_split_heads_part(const struct clade_run *run, uint32_t index, struct shape_part *out)
{
	const struct clade_tensor *x = run->inputs[0], *y = run->outputs[0];
	int64_t d = y->type.dims[3];

	clade_walk_make(&out->walk, 4, y->type.dims,
			(const int64_t[4]) { x->strides[0], d * x->strides[2], x->strides[1], x->strides[2] },
			y->strides);
	return !index;
}

bool shape_merge_heads_part(const struct clade_run *run, uint32_t index, struct shape_part *out)
{
	const struct clade_tensor *x = run->inputs[0], *y = run->outputs[0];
	int64_t d = x->type.dims[3];

	clade_walk_make(&out->walk, 4, x->type.dims, x->strides,
			(const int64_t[4]) { y->strides[0], d * y->strides[2], y->strides[1], y->strides[2] });
	return !index;
}

bool shape_expand_part(const struct clade_run *run, uint32_t index, struct shape_part *out)
{
	const struct clade_tensor *x = run->inputs[0], *y = run->outputs[0];
	uint32_t extra = y->type.rank - x->type.rank;
	int64_t from[CLADE_MAX_RANK] = { 0 };

	for (uint32_t i = 0; i < x->type.rank; i++)
		from[extra + i] = x->type.dims[i] == 1 ? 0 : x->strides[i];
	clade_walk_make(&out->walk, y->type.rank, y->type.dims, from, y->strides);
	return !index;
}

bool shape_copy_part(const struct clade_run *run, uint32_t index, struct shape_part *out)
{
	const struct clade_tensor *x = run->inputs[0], *y = run->outputs[0];

	clade_walk_make(&out->walk, x->type.rank, x->type.dims, x->strides, y->strides);
	return !index;
}

static enum clade_status run_parts(const struct clade_run *run, shape_part_fn *part_fn)
{
	struct shape_part part = { 0 };

	for (uint32_t i = 0; part_fn(run, i, &part); i++) {
		struct clade_tensor source, target;

		clade_kit_shift(&source, run->inputs[part.input], part.source_shift);
		clade_kit_shift(&target, run->outputs[0], part.target_shift);
		clade_walk_host(&part.walk, source.data, target.data, clade_kit_width(source.type.dtype));
		part = (struct shape_part) { 0 };
	}
	return CLADE_OK;
}

static uint32_t gather_fill(const struct clade_run *run)
{
	return run->inputs[0]->type.dtype == CLADE_F32 ? 0x7fc00000u : 0u;
}

void shape_gather_axis0(const struct clade_run *run, struct shape_gather *out)
{
	const struct clade_type *x = &run->inputs[0]->type;

	out->count = out->per = clade_kit_count(&run->inputs[1]->type);
	out->step = 0;
	out->limit = x->dims[0];
	out->n = clade_kit_product(x, 1, x->rank);
	out->fill = gather_fill(run);
}

void shape_gather_rows(const struct clade_run *run, struct shape_gather *out)
{
	const struct clade_type *x = &run->inputs[0]->type;

	out->count = clade_kit_count(&run->inputs[1]->type);
	out->per = run->inputs[1]->type.dims[1];
	out->step = out->limit = x->dims[1];
	out->n = x->dims[2];
	out->fill = gather_fill(run);
}

static enum clade_status run_gather(const struct clade_run *run, const struct shape_gather *gather)
{
	size_t width = clade_kit_width(run->inputs[0]->type.dtype), bytes = (size_t)gather->n * width;
	const char *x = run->inputs[0]->data;
	const int32_t *index = run->inputs[1]->data;
	char *y = run->outputs[0]->data;

	for (int64_t row = 0; row < gather->count && bytes; row++) {
		char *to = y + (size_t)row * bytes;

		if (index[row] >= 0 && index[row] < gather->limit)
			memcpy(to, x + (size_t)(row / gather->per * gather->step + index[row]) * bytes, bytes);
		else
			for (size_t at = 0; at < bytes; at += width)
				memcpy(to + at, &gather->fill, width); /* of 1 byte: 0 in any byte order */
	}
	return CLADE_OK;
}

static enum clade_status run_gather_axis0(const struct clade_run *run)
{
	struct shape_gather gather;

	shape_gather_axis0(run, &gather);
	return run_gather(run, &gather);
}

static enum clade_status run_gather_rows(const struct clade_run *run)
{
	struct shape_gather gather;

	shape_gather_rows(run, &gather);
	return run_gather(run, &gather);
}

#define IMPL(op_name, run_fn, in, out)                                                                                 \
	static const struct clade_impl ref_##op_name = { .size = sizeof(struct clade_impl),                            \
							 .op = #op_name,                                               \
							 .name = "ref",                                                \
							 .doc = "plain loops; the specification",                      \
							 .needs = CLADE_NEEDS_HOST,                                    \
							 .strided_inputs = in,                                         \
							 .strided_outputs = out,                                       \
							 .run = run_fn }
#define PARTS(op_name, in, out)                                                                                        \
	static enum clade_status run_##op_name(const struct clade_run *run)                                            \
	{                                                                                                              \
		return run_parts(run, shape_##op_name##_part);                                                         \
	}                                                                                                              \
	IMPL(op_name, run_##op_name, in, out)

PARTS(reshape, 1, 0);
PARTS(transpose, 1, 1);
PARTS(concat, 0xffff, 1);
static enum clade_status run_slice(const struct clade_run *run)
{
	enum clade_status status = shape_slice_check(run);

	return status ? status : run_parts(run, shape_slice_part);
}
IMPL(slice, run_slice, 1, 1);
PARTS(split_heads, 1, 1);
PARTS(merge_heads, 1, 1);
PARTS(expand, 1, 1);
PARTS(copy, 1, 1);
IMPL(gather, run_gather_axis0, 0, 0);
IMPL(gather_rows, run_gather_rows, 0, 0);

const struct clade_impl *const shape_ref_impls[] = { &ref_reshape,     &ref_transpose,   &ref_concat, &ref_slice,
						     &ref_split_heads, &ref_merge_heads, &ref_expand, &ref_copy,
						     &ref_gather,      &ref_gather_rows, NULL };

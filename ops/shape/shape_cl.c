/* SPDX-License-Identifier: MIT */
/* Shape ops on OpenCL devices: the same strided copies as the reference, one launch each. */
#include "shape.h"

struct shape_slots {
	uint32_t kernel;
};

static enum clade_status prepare_kernel(struct clade_prepare *prepare, const char *wide, const char *narrow)
{
	struct shape_slots *slots = prepare->data;
	bool one_byte = clade_kit_width(prepare->node->inputs[0]->dtype) == 1;

	return prepare->host->kernel(prepare, "shape/shape.cl", one_byte ? narrow : wide, NULL, &slots->kernel);
}

static enum clade_status prepare_copy(struct clade_prepare *prepare)
{
	return prepare_kernel(prepare, "copy_4", "copy_1");
}

static enum clade_status prepare_gather(struct clade_prepare *prepare)
{
	return prepare_kernel(prepare, "gather_4", "gather_1");
}

static enum clade_status run_parts(const struct clade_run *run, shape_part_fn *part_fn)
{
	const struct shape_slots *slots = run->data;
	enum clade_status status = CLADE_OK;
	struct shape_part part = { 0 };

	for (uint32_t i = 0; !status && part_fn(run, i, &part); i++) {
		struct clade_tensor source, target;

		clade_kit_shift(&source, run->inputs[part.input], part.source_shift);
		clade_kit_shift(&target, run->outputs[0], part.target_shift);
		status = clade_walk_launch(run, slots->kernel, &part.walk, &source, &target);
		part = (struct shape_part) { 0 };
	}
	return status;
}

static enum clade_status run_gather(const struct clade_run *run, const struct shape_gather *gather)
{
	const struct shape_slots *slots = run->data;
	bool big = clade_kit_big_items(run->device);
	int64_t many = big ? (gather->count + 63) / 64 : 1, span = big ? gather->n : 1;

	if (gather->count > INT32_MAX || gather->n > INT32_MAX || gather->limit > INT32_MAX)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more than 2^31 - 1 rows or columns");
	if (!gather->count || !gather->n)
		return CLADE_OK;
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->inputs[0]),
		CLADE_TENSOR(run->inputs[1]),
		CLADE_TENSOR(run->outputs[0]),
		CLADE_UINT(gather->count),
		CLADE_UINT(many),
		CLADE_UINT(gather->per),
		CLADE_UINT(gather->step),
		CLADE_INT(gather->limit),
		CLADE_UINT(gather->n),
		CLADE_UINT(span),
		CLADE_UINT(gather->fill),
	};
	return run->host->launch(run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
				 (const uint64_t[3]) { (uint64_t)((gather->n + span - 1) / span),
						       (uint64_t)((gather->count + many - 1) / many), 1 },
				 (const uint32_t[3]) { clade_kit_group(run->device), 1, 1 });
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

#define IMPL(op_name, prepare_fn, run_fn, in, out)                                                                     \
	static const struct clade_impl cl_##op_name = { .size = sizeof(struct clade_impl),                             \
							.op = #op_name,                                                \
							.name = "cl",                                                  \
							.doc = "strided copies, any device",                           \
							.needs = CLADE_NEEDS_OPENCL,                                   \
							.strided_inputs = in,                                          \
							.strided_outputs = out,                                        \
							.data_size = sizeof(struct shape_slots),                       \
							.prepare = prepare_fn,                                         \
							.run = run_fn,                                                 \
							.priority = 10 }
#define PARTS(op_name, in, out)                                                                                        \
	static enum clade_status run_##op_name(const struct clade_run *run)                                            \
	{                                                                                                              \
		return run_parts(run, shape_##op_name##_part);                                                         \
	}                                                                                                              \
	IMPL(op_name, prepare_copy, run_##op_name, in, out)

PARTS(reshape, 1, 0);
PARTS(transpose, 1, 1);
PARTS(concat, 0xffff, 1);
static enum clade_status run_slice(const struct clade_run *run)
{
	enum clade_status status = shape_slice_check(run);

	return status ? status : run_parts(run, shape_slice_part);
}
IMPL(slice, prepare_copy, run_slice, 1, 1);
PARTS(split_heads, 1, 1);
PARTS(merge_heads, 1, 1);
PARTS(expand, 1, 1);
PARTS(copy, 1, 1);
IMPL(gather, prepare_gather, run_gather_axis0, 0, 0);
IMPL(gather_rows, prepare_gather, run_gather_rows, 0, 0);

const struct clade_impl *const shape_cl_impls[] = { &cl_reshape,     &cl_transpose,   &cl_concat, &cl_slice,
						    &cl_split_heads, &cl_merge_heads, &cl_expand, &cl_copy,
						    &cl_gather,      &cl_gather_rows, NULL };

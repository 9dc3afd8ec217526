/* SPDX-License-Identifier: MIT */
/* The normalisations on OpenCL devices: an item makes a row (kernels/norm/norm.cl). */
#include "norm.h"
#include <clade/op_group.h>

/* Leading axes that a kernel walks; further ones are launches of their own. */
enum { KERNEL_AXES = 3, GROUP = 64 };
#define MOST_ROWS INT64_C(0x7fffffff)

static uint32_t group_of(const struct clade_run *run)
{
	return run->device->kind == CLADE_DEVICE_CPU ? 1 : GROUP;
}

/* One launch over the innermost `axes` leading axes. */
static enum clade_status launch_rows(const struct clade_run *run, enum norm_form form, const struct norm_rows *rows,
				     uint32_t axes, const struct clade_tensor *x, const struct clade_tensor *y)
{
	const struct norm_params *params = run->params;
	bool shifts = run->input_count > 2;
	struct clade_arg args[20];
	int64_t count = 1;
	uint32_t used = 0;

	for (uint32_t axis = 0; axis < axes; axis++)
		count *= rows->size[axis];
	args[used++] = (struct clade_arg)CLADE_TENSOR(x);
	args[used++] = (struct clade_arg)CLADE_TENSOR(run->inputs[1]);
	if (shifts)
		args[used++] = (struct clade_arg)CLADE_TENSOR(run->inputs[2]);
	args[used++] = (struct clade_arg)CLADE_TENSOR(y);
	args[used++] = (struct clade_arg)CLADE_UINT(run->inputs[1] != NULL);
	if (shifts)
		args[used++] = (struct clade_arg)CLADE_UINT(run->inputs[2] != NULL);
	args[used++] = (struct clade_arg)CLADE_LONG(rows->n);
	args[used++] = (struct clade_arg)CLADE_FLOAT(params->eps);
	args[used++] = (struct clade_arg)CLADE_UINT(count);
	for (uint32_t axis = 0; axis + 1 < KERNEL_AXES; axis++)
		args[used++] = (struct clade_arg)CLADE_UINT(axis < axes ? rows->size[axis] : 1);
	for (uint32_t axis = 0; axis < KERNEL_AXES; axis++)
		args[used++] = (struct clade_arg)CLADE_LONG(axis < axes ? rows->step[axis] : 0);
	if (form != NORM_ITEM)
		return clade_kit_group_launch(run, 0, args, used, (uint64_t)count, form == NORM_SUB_GROUP);
	return run->host->launch(run, 0, args, used, (const uint64_t[3]) { (uint64_t)count, 1, 1 },
				 (const uint32_t[3]) { group_of(run), 1, 1 });
}

enum clade_status clade_norm_run(const struct clade_run *run, enum norm_form form)
{
	struct clade_tensor x = *run->inputs[0], y = *run->outputs[0];
	int64_t at[CLADE_MAX_RANK] = { 0 }, count = 1, launches = 1;
	enum clade_status status = CLADE_OK;
	struct norm_rows rows;
	uint32_t inner = 0;

	clade_norm_rows(&x, &rows);
	while (inner < rows.axes && inner < KERNEL_AXES && (inner == 0 || rows.size[inner] <= MOST_ROWS / count)) {
		count *= rows.size[inner++];
		if (count == 0)
			return CLADE_OK;
	}
	if (rows.n == 0)
		return CLADE_OK;
	for (uint32_t axis = inner; axis < rows.axes; axis++)
		launches *= rows.size[axis];
	for (; launches > 0 && !status; launches--) {
		status = launch_rows(run, form, &rows, inner, &x, &y);
		y.offset += (uint64_t)(count * rows.n) * sizeof(float);
		for (uint32_t axis = inner; axis < rows.axes; axis++) {
			bool carry = ++at[axis] == rows.size[axis];
			int64_t move = carry ? 1 - rows.size[axis] : 1;

			x.offset += (uint64_t)(rows.step[axis] * move * (int64_t)sizeof(float));
			if (!carry)
				break;
			at[axis] = 0;
		}
	}
	return status;
}

static enum clade_status run_norm(const struct clade_run *run)
{
	return clade_norm_run(run, NORM_ITEM);
}

static enum clade_status run_softmax(const struct clade_run *run)
{
	const struct softmax_params *params = run->params;
	int64_t width = run->device->vector_width;
	struct clade_kit_around shape;
	uint64_t items, chunks;

	if (!clade_kit_split(&run->inputs[0]->type, params->axis, &shape))
		return run->host->run_fail(run, CLADE_ERR_ARGUMENT, "x has no axis %lld", (long long)params->axis);
	chunks = (uint64_t)((shape.inner + width - 1) / width);
	items = shape.n == 0 ? 0 : (uint64_t)shape.outer * chunks;
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->inputs[0]), CLADE_TENSOR(run->outputs[0]), CLADE_LONG(items),
		CLADE_LONG(shape.n),          CLADE_LONG(shape.inner),       CLADE_UINT(chunks)
	};
	return run->host->launch(run, 0, args, sizeof(args) / sizeof(*args), (const uint64_t[3]) { items, 1, 1 },
				 (const uint32_t[3]) { group_of(run), 1, 1 });
}

/* The numbers of passes were measured on llvmpipe, which also counts loops that end at once. */
static bool accepts_layer_norm(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct clade_type *x = node->inputs[0];

	return clade_kit_loops_fit(node->device, x->dims[x->rank - 1], 4, why, why_size);
}

static bool accepts_rms_norm(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct clade_type *x = node->inputs[0];

	return clade_kit_loops_fit(node->device, x->dims[x->rank - 1], 3, why, why_size);
}

static bool accepts_softmax(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct softmax_params *params = node->params;
	struct clade_kit_around shape;

	return !clade_kit_split(node->inputs[0], params->axis, &shape) ||
	       clade_kit_loops_fit(node->device, shape.n, 4, why, why_size);
}

#define OPENCL(name_, strided_, run_)                                                                                  \
	static enum clade_status prepare_##name_(struct clade_prepare *prepare)                                        \
	{                                                                                                              \
		uint32_t slot;                                                                                         \
                                                                                                                       \
		return prepare->host->kernel(prepare, "norm/norm.cl", #name_, NULL, &slot);                            \
	}                                                                                                              \
	const struct clade_impl clade_impl_##name_##_cl = {                                                            \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #name_,                                                                                          \
		.name = "cl",                                                                                          \
		.doc = "an item makes a row in vectors, without local memory; any device",                             \
		.needs = CLADE_NEEDS_OPENCL,                                                                           \
		.strided_inputs = (strided_),                                                                          \
		.accepts = accepts_##name_,                                                                            \
		.prepare = prepare_##name_,                                                                            \
		.run = (run_),                                                                                         \
		.priority = 10,                                                                                        \
	}
OPENCL(layer_norm, 1, run_norm);
OPENCL(rms_norm, 1, run_norm);
OPENCL(softmax, 0, run_softmax);

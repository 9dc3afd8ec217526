/* SPDX-License-Identifier: MIT */
/* The element-wise ops on OpenCL devices: one kernel an op and element type (kernels/elementwise). */
#include "elementwise.h"

#include <stdio.h>

/* Axes that a kernel walks itself: along the row and three around it. Further ones are launches of their own. */
enum { KERNEL_AXES = 4, MOST_ARGS = 1 + EW_INPUTS + 6 + EW_INPUTS * KERNEL_AXES };
/* Elements an item makes on a processor, where an item costs a loop's turn of its own. */
enum { CPU_ELEMENTS = 1024, GPU_GROUP = 64 };
#define MOST_ITEMS INT64_C(0x7fffffff)

static const char *const dtype_names[] = { "f32", "i32", "bool" };

static enum clade_status prepare_op(struct clade_prepare *prepare, enum ew_index index, const char *name,
				    const char *source)
{
	const struct clade_node_info *node = prepare->node;
	const struct gelu_params *gelu = node->params;
	enum clade_dtype in = node->inputs[node->input_count - 1]->dtype, out = node->outputs[0]->dtype;
	char file[64], function[64];
	uint32_t slot;

	if (in > CLADE_BOOL || out > CLADE_BOOL)
		return prepare->host->prepare_fail(prepare, CLADE_ERR_ARGUMENT,
						   "%s has kernels for f32, i32 and bool only", name);
	snprintf(file, sizeof(file), "elementwise/%s.cl", source);
	if (index == EW_cast)
		snprintf(function, sizeof(function), "cast_%s_%s", dtype_names[in], dtype_names[out]);
	else if (index == EW_gelu)
		snprintf(function, sizeof(function), "gelu_%s_f32", gelu->approximate == GELU_TANH ? "tanh" : "none");
	else
		snprintf(function, sizeof(function), "%s_%s", name, dtype_names[in]);
	return prepare->host->kernel(prepare, file, function, NULL, &slot);
}

/* One launch over the first KERNEL_AXES axes of the loop, or fewer if that many items are too many; `in` and `out`
 * already point at its first element. */
static enum clade_status launch(const struct clade_run *run, const struct ew_loop *loop, uint32_t axes,
				const struct clade_tensor *out, const struct clade_tensor *in)
{
	bool cpu = run->device->kind == CLADE_DEVICE_CPU;
	int64_t n = loop->size[0], per = cpu ? CPU_ELEMENTS : run->device->vector_width, rows = 1, chunks;
	uint32_t used = 0, outer = axes < KERNEL_AXES ? axes : KERNEL_AXES;
	struct clade_arg args[MOST_ARGS];

	chunks = (n + per - 1) / per;
	for (uint32_t axis = 1; axis < outer; axis++)
		rows *= loop->size[axis];
	args[used++] = (struct clade_arg)CLADE_TENSOR(out);
	for (uint32_t k = 0; k < run->input_count; k++)
		args[used++] = (struct clade_arg)CLADE_TENSOR(&in[k]);
	args[used++] = (struct clade_arg)CLADE_LONG(n);
	args[used++] = (struct clade_arg)CLADE_UINT(per);
	args[used++] = (struct clade_arg)CLADE_UINT(chunks);
	args[used++] = (struct clade_arg)CLADE_UINT(rows);
	args[used++] = (struct clade_arg)CLADE_UINT(outer > 1 ? loop->size[1] : 1);
	args[used++] = (struct clade_arg)CLADE_UINT(outer > 2 ? loop->size[2] : 1);
	for (uint32_t k = 0; k < run->input_count; k++)
		for (uint32_t axis = 0; axis < KERNEL_AXES; axis++)
			args[used++] = (struct clade_arg)CLADE_LONG(axis < outer ? loop->step[k][axis] : 0);
	return run->host->launch(run, 0, args, used, (const uint64_t[3]) { (uint64_t)(rows * chunks), 1, 1 },
				 (const uint32_t[3]) { cpu ? 1 : GPU_GROUP, 1, 1 });
}

static enum clade_status run_cl(const struct clade_run *run)
{
	struct clade_tensor in[EW_INPUTS], out = *run->outputs[0];
	enum clade_status status = CLADE_OK;
	int64_t at[CLADE_MAX_RANK] = { 0 }, items = 1, launches = 1, bytes[EW_INPUTS], out_bytes;
	uint32_t inner = 0;
	struct ew_loop loop;

	clade_elementwise_loop(&out, run->inputs, run->input_count, &loop);
	/* As many axes in one launch as the kernel walks and its counters hold. */
	while (inner < loop.axes && inner < KERNEL_AXES && (inner == 0 || loop.size[inner] <= MOST_ITEMS / items)) {
		items *= loop.size[inner++];
		if (items == 0)
			return CLADE_OK;
	}
	for (uint32_t axis = inner; axis < loop.axes; axis++)
		launches *= loop.size[axis];
	out_bytes = items * (out.type.dtype == CLADE_BOOL ? 1 : 4);
	for (uint32_t k = 0; k < run->input_count; k++) {
		in[k] = *run->inputs[k];
		bytes[k] = in[k].type.dtype == CLADE_BOOL ? 1 : 4;
	}
	for (; launches > 0 && !status; launches--) {
		status = launch(run, &loop, inner, &out, in);
		out.offset += (uint64_t)out_bytes;
		for (uint32_t axis = inner; axis < loop.axes; axis++) {
			bool carry = ++at[axis] == loop.size[axis];
			int64_t move = carry ? 1 - loop.size[axis] : 1;

			for (uint32_t k = 0; k < run->input_count; k++)
				in[k].offset += (uint64_t)(loop.step[k][axis] * move * bytes[k]);
			if (!carry)
				break;
			at[axis] = 0;
		}
	}
	return status;
}

#define OPENCL(name_, inputs_, source_)                                                                                \
	static enum clade_status prepare_##name_(struct clade_prepare *prepare)                                        \
	{                                                                                                              \
		return prepare_op(prepare, EW_##name_, #name_, source_);                                               \
	}                                                                                                              \
	static const struct clade_impl cl_##name_ = {                                                                  \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #name_,                                                                                          \
		.name = "cl",                                                                                          \
		.doc = "an item makes a stretch of a row in vectors; any device",                                      \
		.needs = CLADE_NEEDS_OPENCL,                                                                           \
		.strided_inputs = (1u << (inputs_)) - 1,                                                               \
		.prepare = prepare_##name_,                                                                            \
		.run = run_cl,                                                                                         \
		.priority = 10,                                                                                        \
	};
EW_OPS(OPENCL)

#define ENTRY(name, inputs, source) [EW_##name] = &cl_##name,
const struct clade_impl *const clade_elementwise_cls[EW_COUNT] = { EW_OPS(ENTRY) };

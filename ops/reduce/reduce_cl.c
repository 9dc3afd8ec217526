/* SPDX-License-Identifier: MIT */
/* The reductions on OpenCL devices: an item reduces a row, or a vector of neighbouring lines (kernels/reduce). */
#include "reduce.h"

enum { GROUP = 64 };

static enum clade_status run_op(const struct clade_run *run, enum reduce_index index)
{
	const struct reduce_params *params = run->params;
	int64_t width = run->device->vector_width;
	struct clade_kit_around shape;
	uint64_t items, chunks;

	if (!clade_kit_split(&run->inputs[0]->type, params->axis, &shape))
		return run->host->run_fail(run, CLADE_ERR_ARGUMENT, "x has no axis %lld", (long long)params->axis);
	chunks = (uint64_t)((shape.inner + width - 1) / width);
	items = (uint64_t)shape.outer * chunks;
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
					  CLADE_TENSOR(run->outputs[0]),
					  CLADE_LONG(items),
					  CLADE_LONG(shape.n),
					  CLADE_LONG(shape.inner),
					  CLADE_UINT(chunks),
					  CLADE_UINT(index == INDEX_reduce_mean) };
	uint32_t count = index == INDEX_reduce_sum || index == INDEX_reduce_mean ? 7 : 6;

	return run->host->launch(run, 0, args, count, (const uint64_t[3]) { items, 1, 1 },
				 (const uint32_t[3]) { run->device->kind == CLADE_DEVICE_CPU ? 1 : GROUP, 1, 1 });
}

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct reduce_params *params = node->params;
	struct clade_kit_around shape;

	return !clade_kit_split(node->inputs[0], params->axis, &shape) ||
	       clade_kit_loops_fit(node->device, shape.n, 1, why, why_size);
}

#define OPENCL(name_, function_)                                                                                       \
	static enum clade_status prepare_##name_(struct clade_prepare *prepare)                                        \
	{                                                                                                              \
		uint32_t slot;                                                                                         \
                                                                                                                       \
		return prepare->host->kernel(prepare, "reduce/reduce.cl", function_, NULL, &slot);                     \
	}                                                                                                              \
	static enum clade_status run_##name_(const struct clade_run *run)                                              \
	{                                                                                                              \
		return run_op(run, INDEX_##name_);                                                                     \
	}                                                                                                              \
	static const struct clade_impl cl_##name_ = {                                                                  \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #name_,                                                                                          \
		.name = "cl",                                                                                          \
		.doc = "an item reduces a row or a vector of lines; any device",                                       \
		.needs = CLADE_NEEDS_OPENCL,                                                                           \
		.accepts = accepts,                                                                                    \
		.prepare = prepare_##name_,                                                                            \
		.run = run_##name_,                                                                                    \
		.priority = 10,                                                                                        \
	};
REDUCE_OPS(OPENCL)

#define ENTRY(name, function) [INDEX_##name] = &cl_##name,
const struct clade_impl *const clade_reduce_cls[REDUCE_COUNT] = { REDUCE_OPS(ENTRY) };

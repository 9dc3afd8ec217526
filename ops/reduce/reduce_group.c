/* SPDX-License-Identifier: MIT */
/* The reductions on GPUs: 64 lanes reduce a row, of a work-group (`cl.group`) or in sub-groups (`cl.subgroup`). A
 * product is one ascending chain (ops/ARITHMETIC.md, 3): it has no such form. */
#include "reduce.h"
#include <clade/op_group.h>

#define MOST_ROWS INT64_C(0x7fffffff)

static bool accepts(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	const struct reduce_params *params = node->params;
	struct clade_kit_around shape;

	if (sub_groups ? !clade_kit_sub_group_fits(node->device, why, why_size)
		       : !clade_kit_group_fits(node->device, CLADE_KIT_LANES, (CLADE_KIT_LANES + 8) * sizeof(float),
					       why, why_size))
		return false;
	if (!clade_kit_split(node->inputs[0], params->axis, &shape) || shape.inner != 1) {
		snprintf(why, why_size, "the axis is not the last, so a row's elements are not neighbours");
		return false;
	}
	if (shape.outer <= MOST_ROWS)
		return true;
	snprintf(why, why_size, "%lld rows are more than a launch holds", (long long)shape.outer);
	return false;
}

static enum clade_status run_op(const struct clade_run *run, enum reduce_index index, bool sub_groups)
{
	const struct reduce_params *params = run->params;
	struct clade_kit_around shape;

	if (!clade_kit_split(&run->inputs[0]->type, params->axis, &shape))
		return run->host->run_fail(run, CLADE_ERR_ARGUMENT, "x has no axis %lld", (long long)params->axis);
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]), CLADE_TENSOR(run->outputs[0]),
					  CLADE_LONG(shape.outer), CLADE_LONG(shape.n),
					  CLADE_UINT(index == INDEX_reduce_mean) };
	uint32_t count = index == INDEX_reduce_sum || index == INDEX_reduce_mean ? 5 : 4;

	return clade_kit_group_launch(run, 0, args, count, (uint64_t)shape.outer, sub_groups);
}

static bool accepts_group(const struct clade_node_info *node, char *why, size_t why_size)
{
	return accepts(node, false, why, why_size);
}

static bool accepts_sub(const struct clade_node_info *node, char *why, size_t why_size)
{
	return accepts(node, true, why, why_size);
}

#define GPU_FORM(op_, function_, suffix_, name_, sub_, needs_, priority_, doc_)                                        \
	static enum clade_status prepare_##op_##suffix_(struct clade_prepare *prepare)                                 \
	{                                                                                                              \
		uint32_t slot;                                                                                         \
                                                                                                                       \
		return clade_kit_group_kernel(prepare, "reduce/reduce.group.cl", function_ "__group", sub_, &slot);    \
	}                                                                                                              \
	static enum clade_status run_##op_##suffix_(const struct clade_run *run)                                       \
	{                                                                                                              \
		return run_op(run, INDEX_##op_, sub_);                                                                 \
	}                                                                                                              \
	static const struct clade_impl op_##_##suffix_ = {                                                             \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #op_,                                                                                            \
		.name = (name_),                                                                                       \
		.doc = (doc_),                                                                                         \
		.needs = CLADE_NEEDS_OPENCL | (needs_),                                                                \
		.accepts = accepts_##suffix_,                                                                          \
		.prepare = prepare_##op_##suffix_,                                                                     \
		.run = run_##op_##suffix_,                                                                             \
		.priority = (priority_),                                                                               \
		.kinds = CLADE_KIT_GPU,                                                                                \
	};
#define BOTH(op_, function_)                                                                                           \
	GPU_FORM(op_, function_, group, "cl.group", false, 0, 20,                                                      \
		 "a work-group of 64 items reduces a row in local memory; for GPUs")                                   \
	GPU_FORM(op_, function_, sub, "cl.subgroup", true, CLADE_NEEDS_SUB_GROUPS, 30,                                 \
		 "a sub-group reduces a row by shuffles; for GPUs")
#define GPU_OPS(X)                                                                                                     \
	X(reduce_sum, "reduce_sum")                                                                                    \
	X(reduce_mean, "reduce_sum") X(reduce_max, "reduce_max") X(reduce_min, "reduce_min")
GPU_OPS(BOTH)

#define GROUP_ENTRY(op_, function_) [INDEX_##op_] = &op_##_group,
#define SUB_ENTRY(op_, function_) [INDEX_##op_] = &op_##_sub,
const struct clade_impl *const clade_reduce_groups[REDUCE_COUNT] = { GPU_OPS(GROUP_ENTRY) };
const struct clade_impl *const clade_reduce_subs[REDUCE_COUNT] = { GPU_OPS(SUB_ENTRY) };

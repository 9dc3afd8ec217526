/* SPDX-License-Identifier: MIT */
/* The reductions on GPUs: 64 lanes reduce a row, of a work-group (`cl.group`) or in sub-groups (`cl.subgroup`). A
 * product is one ascending chain (ops/ARITHMETIC.md, 3): it has no such form. */
#include "reduce.h"
#include <clade/op_group.h>

static bool accepts(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	const struct reduce_params *params = node->params;

	return clade_kit_group_axis_fits(node, params->axis, sub_groups, why, why_size);
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

#define BOTH(op_, function_)                                                                                           \
	static enum clade_status run_##op_(const struct clade_run *run, bool sub_groups)                               \
	{                                                                                                              \
		return run_op(run, INDEX_##op_, sub_groups);                                                           \
	}                                                                                                              \
	CLADE_KIT_GPU_FORMS(static, impl_##op_, #op_, 0, "reduce/reduce.group.cl", function_ "__group", accepts,       \
			    run_##op_, "reduces")
#define GPU_OPS(X)                                                                                                     \
	X(reduce_sum, "reduce_sum")                                                                                    \
	X(reduce_mean, "reduce_sum") X(reduce_max, "reduce_max") X(reduce_min, "reduce_min")
GPU_OPS(BOTH)

#define GROUP_ENTRY(op_, function_) [INDEX_##op_] = &impl_##op_##_group,
#define SUB_ENTRY(op_, function_) [INDEX_##op_] = &impl_##op_##_sub,
const struct clade_impl *const clade_reduce_groups[REDUCE_COUNT] = { GPU_OPS(GROUP_ENTRY) };
const struct clade_impl *const clade_reduce_subs[REDUCE_COUNT] = { GPU_OPS(SUB_ENTRY) };

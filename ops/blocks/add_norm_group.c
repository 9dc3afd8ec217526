/* SPDX-License-Identifier: MIT */
/* The block `add_norm` on GPUs: 64 lanes make a row, of a work-group (`cl.group`) or in sub-groups (`cl.subgroup`). */
#include "blocks_internal.h"
#include <clade/op_group.h>

static bool accepts(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	const struct clade_type *type = node->inputs[0];
	int64_t rows = blocks_rows(type), n = type->dims[type->rank - 1];

	if (sub_groups ? !clade_kit_sub_group_fits(node->device, why, why_size)
		       : !clade_kit_group_fits(node->device, CLADE_KIT_LANES, (CLADE_KIT_LANES + 8) * sizeof(float),
					       why, why_size))
		return false;
	if (rows <= INT32_MAX && n <= INT32_MAX - 64)
		return true;
	snprintf(why, why_size, "%lld rows of %lld are more than its 31-bit counters hold", (long long)rows,
		 (long long)n);
	return false;
}

static enum clade_status run_rows(const struct clade_run *run, bool sub_groups)
{
	const struct add_norm_params *params = run->params;
	const struct clade_type *type = &run->inputs[0]->type;
	int64_t rows = blocks_rows(type), n = type->dims[type->rank - 1];
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
					  CLADE_TENSOR(run->inputs[1]),
					  CLADE_TENSOR(run->inputs[2]),
					  CLADE_TENSOR(run->inputs[3]),
					  CLADE_TENSOR(run->outputs[0]),
					  CLADE_UINT(rows),
					  CLADE_LONG(n),
					  CLADE_UINT(run->inputs[3] != NULL),
					  CLADE_FLOAT(params->eps) };

	return clade_kit_group_launch(run, 0, args, sizeof(args) / sizeof(*args), n ? (uint64_t)rows : 0, sub_groups);
}

#define GPU_FORM(suffix_, name_, sub_, needs_, priority_, doc_)                                                        \
	static bool accepts_##suffix_(const struct clade_node_info *node, char *why, size_t why_size)                  \
	{                                                                                                              \
		return accepts(node, sub_, why, why_size);                                                             \
	}                                                                                                              \
	static enum clade_status prepare_##suffix_(struct clade_prepare *prepare)                                      \
	{                                                                                                              \
		uint32_t slot;                                                                                         \
                                                                                                                       \
		return clade_kit_group_kernel(prepare, "blocks/add_norm.group.cl", "add_norm__group", sub_, &slot);    \
	}                                                                                                              \
	static enum clade_status run_##suffix_(const struct clade_run *run)                                            \
	{                                                                                                              \
		return run_rows(run, sub_);                                                                            \
	}                                                                                                              \
	const struct clade_impl clade_impl_add_norm_cl_##suffix_ = {                                                   \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = "add_norm",                                                                                      \
		.name = (name_),                                                                                       \
		.doc = (doc_),                                                                                         \
		.needs = CLADE_NEEDS_OPENCL | (needs_),                                                                \
		.accepts = accepts_##suffix_,                                                                          \
		.prepare = prepare_##suffix_,                                                                          \
		.run = run_##suffix_,                                                                                  \
		.priority = (priority_),                                                                               \
		.kinds = CLADE_KIT_GPU,                                                                                \
	};
GPU_FORM(group, "cl.group", false, 0, 20, "a work-group of 64 items makes a row in local memory; for GPUs")
GPU_FORM(sub, "cl.subgroup", true, CLADE_NEEDS_SUB_GROUPS, 30, "a sub-group makes a row by shuffles; for GPUs")

/* SPDX-License-Identifier: MIT */
/* The normalisations on GPUs: 64 lanes make a row, of a work-group (`cl.group`) or in sub-groups (`cl.subgroup`). */
#include "norm.h"
#include <clade/op_group.h>

#define MOST_ROWS INT64_C(0x7fffffff)

static bool fits(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	if (sub_groups)
		return clade_kit_sub_group_fits(node->device, why, why_size);
	return clade_kit_group_fits(node->device, CLADE_KIT_LANES, (CLADE_KIT_LANES + 8) * sizeof(float), why,
				    why_size);
}

static bool accepts_norm(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	return fits(node, sub_groups, why, why_size);
}

static bool accepts_softmax(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	const struct softmax_params *params = node->params;
	struct clade_kit_around shape;

	if (!fits(node, sub_groups, why, why_size) || !clade_kit_split(node->inputs[0], params->axis, &shape))
		return false;
	if (shape.inner != 1) {
		snprintf(why, why_size, "the axis is not the last, so a row's elements are not neighbours");
		return false;
	}
	if (shape.outer <= MOST_ROWS)
		return true;
	snprintf(why, why_size, "%lld rows are more than a launch holds", (long long)shape.outer);
	return false;
}

static enum clade_status run_softmax(const struct clade_run *run, bool sub_groups)
{
	const struct softmax_params *params = run->params;
	struct clade_kit_around shape;

	if (!clade_kit_split(&run->inputs[0]->type, params->axis, &shape))
		return run->host->run_fail(run, CLADE_ERR_ARGUMENT, "x has no axis %lld", (long long)params->axis);
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]), CLADE_TENSOR(run->outputs[0]),
					  CLADE_LONG(shape.outer), CLADE_LONG(shape.n) };

	return clade_kit_group_launch(run, 0, args, sizeof(args) / sizeof(*args), shape.n ? (uint64_t)shape.outer : 0,
				      sub_groups);
}

static enum clade_status run_norm(const struct clade_run *run, bool sub_groups)
{
	return clade_norm_run(run, sub_groups ? NORM_SUB_GROUP : NORM_GROUP);
}

/* X(op, strided inputs, accepts and run of its kind, suffix, name, sub-groups, what it needs more, priority, doc) */
#define GPU_FORM(op_, strided_, kind_, suffix_, name_, sub_, needs_, priority_, doc_)                                  \
	static bool accepts_##op_##suffix_(const struct clade_node_info *node, char *why, size_t why_size)             \
	{                                                                                                              \
		return accepts_##kind_(node, sub_, why, why_size);                                                     \
	}                                                                                                              \
	static enum clade_status prepare_##op_##suffix_(struct clade_prepare *prepare)                                 \
	{                                                                                                              \
		uint32_t slot;                                                                                         \
                                                                                                                       \
		return clade_kit_group_kernel(prepare, "norm/norm.group.cl", #op_ "__group", sub_, &slot);             \
	}                                                                                                              \
	static enum clade_status run_##op_##suffix_(const struct clade_run *run)                                       \
	{                                                                                                              \
		return run_##kind_(run, sub_);                                                                         \
	}                                                                                                              \
	const struct clade_impl clade_impl_##op_##_cl_##suffix_ = {                                                    \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #op_,                                                                                            \
		.name = (name_),                                                                                       \
		.doc = (doc_),                                                                                         \
		.needs = CLADE_NEEDS_OPENCL | (needs_),                                                                \
		.strided_inputs = (strided_),                                                                          \
		.accepts = accepts_##op_##suffix_,                                                                     \
		.prepare = prepare_##op_##suffix_,                                                                     \
		.run = run_##op_##suffix_,                                                                             \
		.priority = (priority_),                                                                               \
		.kinds = CLADE_KIT_GPU,                                                                                \
	};
#define BOTH(op_, strided_, kind_)                                                                                     \
	GPU_FORM(op_, strided_, kind_, group, "cl.group", false, 0, 20,                                                \
		 "a work-group of 64 items makes a row in local memory; for GPUs")                                     \
	GPU_FORM(op_, strided_, kind_, sub, "cl.subgroup", true, CLADE_NEEDS_SUB_GROUPS, 30,                           \
		 "a sub-group makes a row by shuffles; for GPUs")
BOTH(layer_norm, 1, norm)
BOTH(rms_norm, 1, norm)
BOTH(softmax, 0, softmax)

/* SPDX-License-Identifier: MIT */
/* The normalisations on GPUs: 64 lanes make a row, of a work-group (`cl.group`) or in sub-groups (`cl.subgroup`). */
#include "norm.h"
#include <clade/op_group.h>

static bool accepts_norm(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	return clade_kit_group_kernel_fits(node->device, sub_groups, why, why_size);
}

static bool accepts_softmax(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	const struct softmax_params *params = node->params;

	return clade_kit_group_axis_fits(node, params->axis, sub_groups, why, why_size);
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

#define BOTH(op_, strided_, kind_)                                                                                     \
	CLADE_KIT_GPU_FORMS(, clade_impl_##op_##_cl, #op_, strided_, "norm/norm.group.cl", #op_ "__group",             \
			    accepts_##kind_, run_##kind_, "makes")
BOTH(layer_norm, 1, norm)
BOTH(rms_norm, 1, norm)
BOTH(softmax, 0, softmax)

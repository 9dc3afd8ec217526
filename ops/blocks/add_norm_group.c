/* SPDX-License-Identifier: MIT */
/* The block `add_norm` on GPUs: 64 lanes make a row, of a work-group (`cl.group`) or in sub-groups (`cl.subgroup`). */
#include "blocks_internal.h"
#include <clade/op_group.h>

static bool accepts(const struct clade_node_info *node, bool sub_groups, char *why, size_t why_size)
{
	const struct clade_type *type = node->inputs[0];
	int64_t rows = blocks_rows(type), n = type->dims[type->rank - 1];

	if (!clade_kit_group_kernel_fits(node->device, sub_groups, why, why_size))
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

CLADE_KIT_GPU_FORMS(, clade_impl_add_norm_cl, "add_norm", 0, "blocks/add_norm.group.cl", "add_norm__group", accepts,
		    run_rows, "makes")

/* SPDX-License-Identifier: MIT */
/* Registers the family `reduce`. */
#include "reduce.h"

clade_plugin_entry_fn clade_family_reduce;

enum clade_status clade_family_reduce(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < REDUCE_COUNT && !status; i++) {
		status = host->add_op(registry, clade_reduce_ops[i]);
		if (!status)
			status = host->add_impl(registry, clade_reduce_refs[i]);
		if (!status)
			status = host->add_impl(registry, clade_reduce_cls[i]);
		if (!status && clade_reduce_groups[i])
			status = host->add_impl(registry, clade_reduce_groups[i]);
		if (!status && clade_reduce_subs[i])
			status = host->add_impl(registry, clade_reduce_subs[i]);
	}
	if (!status)
		status = host->add_op(registry, &clade_op_cumulative_sum);
	if (!status)
		status = host->add_impl(registry, &clade_ref_cumulative_sum);
	if (!status)
		status = host->add_impl(registry, &clade_cl_cumulative_sum);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Registers the family `elementwise`. */
#include "elementwise.h"

clade_plugin_entry_fn clade_family_elementwise;

enum clade_status clade_family_elementwise(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < EW_COUNT && !status; i++) {
		status = host->add_op(registry, clade_elementwise_ops[i]);
		if (!status)
			status = host->add_impl(registry, clade_elementwise_refs[i]);
		if (!status)
			status = host->add_impl(registry, clade_elementwise_cls[i]);
	}
	return status;
}

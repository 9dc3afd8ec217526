/* SPDX-License-Identifier: MIT */
/* Registers the family `linear`. */
#include "linear_internal.h"

clade_plugin_entry_fn clade_family_linear;

enum clade_status clade_family_linear(const struct clade_host *host, struct clade_registry *registry)
{
	static const struct clade_op *const ops[] = { &clade_op_linear, &clade_op_matmul };
	static const struct clade_impl *const impls[] = { &clade_impl_linear_ref,      &clade_impl_linear_cl,
							  &clade_impl_linear_cl_cpu,   &clade_impl_matmul_ref,
							  &clade_impl_matmul_cl,       &clade_impl_matmul_cl_cpu,
							  &clade_impl_linear_cl_local, &clade_impl_matmul_cl_local,
							  &clade_impl_linear_cl_dot,   &clade_impl_linear_cl_plain };
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops) && !status; i++)
		status = host->add_op(registry, ops[i]);
	for (size_t i = 0; i < sizeof(impls) / sizeof(*impls) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}

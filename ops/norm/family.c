/* SPDX-License-Identifier: MIT */
/* Registers the family `norm`. */
#include "norm.h"

clade_plugin_entry_fn clade_family_norm;

enum clade_status clade_family_norm(const struct clade_host *host, struct clade_registry *registry)
{
	static const struct clade_op *const ops[] = { &clade_op_layer_norm, &clade_op_rms_norm, &clade_op_softmax };
	static const struct clade_impl *const impls[] = {
		&clade_impl_layer_norm_ref,    &clade_impl_layer_norm_cl,    &clade_impl_layer_norm_cl_group,
		&clade_impl_layer_norm_cl_sub, &clade_impl_rms_norm_ref,     &clade_impl_rms_norm_cl,
		&clade_impl_rms_norm_cl_group, &clade_impl_rms_norm_cl_sub,  &clade_impl_softmax_ref,
		&clade_impl_softmax_cl,        &clade_impl_softmax_cl_group, &clade_impl_softmax_cl_sub
	};
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops) && !status; i++)
		status = host->add_op(registry, ops[i]);
	for (size_t i = 0; i < sizeof(impls) / sizeof(*impls) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}

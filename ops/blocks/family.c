/* SPDX-License-Identifier: MIT */
/* Registers the family `blocks`. */
#include "blocks_internal.h"

clade_plugin_entry_fn clade_family_blocks;

enum clade_status clade_family_blocks(const struct clade_host *host, struct clade_registry *registry)
{
	static const struct clade_op *const ops[] = { &clade_op_feed_forward, &clade_op_gated_feed_forward,
						      &clade_op_qkv, &clade_op_linear_add, &clade_op_add_norm };
	static const struct clade_impl *const impls[] = { &clade_impl_feed_forward_cl,
							  &clade_impl_feed_forward_cl_cpu,
							  &clade_impl_gated_feed_forward_cl_cpu,
							  &clade_impl_qkv_cl_cpu,
							  &clade_impl_linear_add_cl_cpu,
							  &clade_impl_add_norm_cl,
							  &clade_impl_add_norm_cl_group,
							  &clade_impl_add_norm_cl_sub,
							  &clade_impl_feed_forward_cl_dot,
							  &clade_impl_gated_feed_forward_cl_dot,
							  &clade_impl_qkv_cl_dot,
							  &clade_impl_linear_add_cl_dot,
							  &clade_impl_feed_forward_cl_plain,
							  &clade_impl_gated_feed_forward_cl_plain,
							  &clade_impl_qkv_cl_plain,
							  &clade_impl_linear_add_cl_plain };
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops) && !status; i++)
		status = host->add_op(registry, ops[i]);
	for (size_t i = 0; i < sizeof(impls) / sizeof(*impls) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}

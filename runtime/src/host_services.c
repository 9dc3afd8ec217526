/* SPDX-License-Identifier: MIT */
/* The one table of services that plugins, prepare and run receive. */
#include "device.h"

const struct clade_host clade_host_services = {
	.size = sizeof(struct clade_host),
	.abi = CLADE_ABI,
	.add_op = clade_registry_add_op,
	.add_impl = clade_registry_add_impl,
	.add_kernel = clade_registry_add_kernel,
	.registry_fail = clade_registry_fail,
	.kernel = clade_prepare_kernel,
	.scratch = clade_prepare_scratch,
	.constant = clade_prepare_constant,
	.layout = clade_prepare_layout,
	.prepare_fail = clade_prepare_fail,
	.launch = clade_run_launch,
	.native = clade_run_native,
	.native_buffer = clade_run_native_buffer,
	.run_fail = clade_run_fail,
};

/* SPDX-License-Identifier: MIT */
/* The host's services to plugins as far as registration goes. */
#include "internal.h"

const struct clade_host clade_host_services = {
	.size = sizeof(struct clade_host),
	.abi = CLADE_ABI,
	.add_op = clade_registry_add_op,
	.add_impl = clade_registry_add_impl,
	.add_kernel = clade_registry_add_kernel,
	.registry_fail = clade_registry_fail,
};

/* SPDX-License-Identifier: MIT */
/* The plugin's one exported function: it hands the tables to the host. It links to nothing of clade. */
#include "scale_shift.h"

/* Made from the .cl files by embed.py. */
extern const struct clade_kernel_source *const clade_embedded_kernels[];

CLADE_PLUGIN(host, registry)
{
	enum clade_status status = host->add_op(registry, &scale_shift_op);

	if (!status)
		status = host->add_impl(registry, &scale_shift_ref);
	if (!status)
		status = host->add_impl(registry, &scale_shift_cl);
	for (size_t i = 0; clade_embedded_kernels[i] && !status; i++)
		status = host->add_kernel(registry, clade_embedded_kernels[i]);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* `linear` on GPUs, `cl.local`: work-groups make tiles through local memory; up to 8 rows go panel by panel, the sum
 * over k split at its blocks (kernels/linear/linear.local.cl). */
#include "linear_internal.h"
#include "local.h"
#include <clade/stored.h>

enum { PANEL = 32, DOWN = 8 /* LINEAR_DOWN in the kernel */, NO_KERNEL = UINT32_MAX };

struct slots {
	uint32_t small, large, rows_1, rows_4, rows_8; /* NO_KERNEL: the device does not take its groups */
};

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct clade_type *w = node->inputs[1];
	int64_t rows = linear_rows(node->inputs[0]);

	if (!clade_local_fits(node->device, &clade_local_small, why, why_size))
		return false;
	if (rows <= INT32_MAX - 64 && w->dims[0] <= INT32_MAX - 64 && w->dims[1] <= INT32_MAX - 256 * DOWN)
		return true;
	snprintf(why, why_size, "%lld rows, %lld outputs or %lld inputs are more than its 31-bit counters hold",
		 (long long)rows, (long long)w->dims[0], (long long)w->dims[1]);
	return false;
}

static enum clade_status prepare_local(struct clade_prepare *prepare)
{
	static const char source[] = "linear/linear.local.cl";
	const struct clade_device_info *device = prepare->node->device;
	const char *stored = clade_stored_define(prepare->node->inputs[1]->dtype);
	bool packed = prepare->node->sources[1] == CLADE_FROM_WEIGHT;
	struct clade_layout panel = { CLADE_LAYOUT_PANEL, PANEL };
	struct slots *slots = prepare->data;
	enum clade_status status = CLADE_OK;
	char why[160];

	slots->large = slots->rows_1 = slots->rows_4 = slots->rows_8 = NO_KERNEL;
	if (packed)
		status = prepare->host->layout(prepare, 1, panel);
	if (!status)
		status = prepare->host->kernel(prepare, source, "linear__local_32", stored, &slots->small);
	if (!status && clade_local_fits(device, &clade_local_large, why, sizeof(why)))
		status = prepare->host->kernel(prepare, source, "linear__local_64", stored, &slots->large);
	if (status || !packed ||
	    !clade_kit_group_fits(device, PANEL * DOWN, sizeof(float) * PANEL * DOWN * 8, why, sizeof(why)))
		return status;
	status = prepare->host->kernel(prepare, source, "linear__local_rows_1", stored, &slots->rows_1);
	if (!status)
		status = prepare->host->kernel(prepare, source, "linear__local_rows_4", stored, &slots->rows_4);
	if (!status)
		status = prepare->host->kernel(prepare, source, "linear__local_rows_8", stored, &slots->rows_8);
	return status;
}

static enum clade_status launch_rows(const struct clade_run *run, uint32_t slot, int64_t rows)
{
	const struct clade_type *w = &run->inputs[1]->type;
	int64_t panels = (w->dims[0] + PANEL - 1) / PANEL;
	/* Weights come from memory at a fraction of what is computed: every launch counts as one of 8 rows. */
	int64_t part = clade_kit_launch_parts(run->device, panels, 2.0 * 8 * PANEL * (double)w->dims[1]);
	enum clade_status status = CLADE_OK;

	for (int64_t first = 0; first < panels && !status; first += part) {
		int64_t count = panels - first < part ? panels - first : part;
		const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
						  CLADE_TENSOR(run->inputs[1]),
						  CLADE_TENSOR(run->inputs[2]),
						  CLADE_TENSOR(run->outputs[0]),
						  CLADE_UINT(rows),
						  CLADE_UINT(w->dims[0]),
						  CLADE_UINT(w->dims[1]),
						  CLADE_UINT(run->inputs[2] != NULL),
						  CLADE_UINT(first) };

		status = run->host->launch(run, slot, args, sizeof(args) / sizeof(*args),
					   (const uint64_t[3]) { (uint64_t)count * PANEL, DOWN, 1 },
					   (const uint32_t[3]) { PANEL, DOWN, 1 });
	}
	return status;
}

static enum clade_status run_local(const struct clade_run *run)
{
	const struct slots *slots = run->data;
	const struct clade_tensor *w = run->inputs[1];
	int64_t rows = linear_rows(&run->inputs[0]->type), n = w->type.dims[0], k = w->type.dims[1];
	bool packed = w->layout.kind == CLADE_LAYOUT_PANEL;
	const struct clade_local_tile *tile = &clade_local_small;
	enum clade_status status = CLADE_OK;
	struct clade_local_walk walk;

	if (rows <= DOWN && packed && slots->rows_1 != NO_KERNEL)
		return rows == 0 ? CLADE_OK
				 : launch_rows(run,
					       rows == 1   ? slots->rows_1
					       : rows <= 4 ? slots->rows_4
							   : slots->rows_8,
					       rows);
	if (slots->large != NO_KERNEL && clade_local_is_large(run->device, rows, n, 1))
		tile = &clade_local_large;
	clade_local_walk_begin(&walk, run->device, tile, rows, n, k, 1);
	while (!status && clade_local_walk_next(&walk)) {
		const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
						  CLADE_TENSOR(w),
						  CLADE_TENSOR(run->inputs[2]),
						  CLADE_TENSOR(run->outputs[0]),
						  CLADE_UINT(rows),
						  CLADE_UINT(n),
						  CLADE_UINT(k),
						  CLADE_UINT(run->inputs[2] != NULL),
						  CLADE_UINT(packed),
						  CLADE_UINT(walk.row),
						  CLADE_UINT(walk.column) };

		status = run->host->launch(run, tile == &clade_local_large ? slots->large : slots->small, args,
					   sizeof(args) / sizeof(*args), walk.global, walk.local);
	}
	return status;
}

const struct clade_impl clade_impl_linear_cl_local = {
	.size = sizeof(struct clade_impl),
	.op = "linear",
	.name = "cl.local",
	.doc = "a work-group makes a tile in local memory, or a panel of a few rows; weights in panels; for GPUs",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts,
	.data_size = sizeof(struct slots),
	.prepare = prepare_local,
	.run = run_local,
	.priority = 30,
	.kinds = CLADE_KIT_GPU,
	.weight_dtypes = CLADE_STORED_DTYPES,
};

/* SPDX-License-Identifier: MIT */
/* `linear` on OpenCL devices: `cl` runs anywhere, `cl.cpu` holds a tile of the result in a processor's registers. */
#include "linear_internal.h"
#include <clade/op_kit.h>
#include <clade/stored.h>
#include <clade/tile_kit.h>
#include <stdio.h>

/* Kernels count rows and columns in 32 bits, with room to round up to a tile. */
#define LIMIT INT32_MAX

bool clade_linear_counts_fit(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct clade_type *w = node->inputs[1];
	int64_t rows = linear_rows(node->inputs[0]);

	if (rows <= LIMIT && w->dims[0] <= LIMIT && w->dims[1] <= LIMIT)
		return clade_kit_loops_fit(node->device, w->dims[1], 1, why, why_size);
	snprintf(why, why_size, "%lld rows, %lld outputs or %lld inputs are more than its 31-bit counters hold",
		 (long long)rows, (long long)w->dims[0], (long long)w->dims[1]);
	return false;
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "linear/linear.cl", "linear",
				     clade_stored_define(prepare->node->inputs[1]->dtype), &slot);
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct clade_type *w = &run->inputs[1]->type;
	int64_t rows = linear_rows(&run->inputs[0]->type);
	uint32_t wide = run->device->kind == CLADE_DEVICE_CPU ? 1 : 64;
	enum clade_status status = CLADE_OK;

	/* Some devices take no more than 65535 groups along axis 1; an item makes four rows (DOT_ROWS there). */
	for (int64_t first = 0; first < rows && !status; first += 4 * 65535) {
		int64_t count = rows - first < 4 * 65535 ? rows - first : 4 * 65535;
		const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
						  CLADE_TENSOR(run->inputs[1]),
						  CLADE_TENSOR(run->inputs[2]),
						  CLADE_TENSOR(run->outputs[0]),
						  CLADE_UINT(rows),
						  CLADE_UINT(w->dims[0]),
						  CLADE_UINT(w->dims[1]),
						  CLADE_UINT(run->inputs[2] != NULL),
						  CLADE_UINT(first) };

		status = run->host->launch(run, 0, args, sizeof(args) / sizeof(*args),
					   (const uint64_t[3]) { (uint64_t)w->dims[0], ((uint64_t)count + 3) / 4, 1 },
					   (const uint32_t[3]) { wide, 1, 1 });
	}
	return status;
}

const struct clade_impl clade_impl_linear_cl = {
	.size = sizeof(struct clade_impl),
	.op = "linear",
	.name = "cl",
	.doc = "an item makes four rows of one column; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = clade_linear_counts_fit,
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
	.weight_dtypes = CLADE_STORED_DTYPES,
};

static bool accepts_cpu(const struct clade_node_info *node, char *why, size_t why_size)
{
	if (!clade_kit_tiles_pay(node->device, why, why_size) || !clade_tile_fits(node, why, why_size))
		return false;
	if (node->sources[1] != CLADE_FROM_WEIGHT) {
		snprintf(why, why_size, "w is not a weight, so it cannot be packed in advance");
		return false;
	}
	return clade_linear_counts_fit(node, why, why_size);
}

static enum clade_status prepare_cpu(struct clade_prepare *prepare)
{
	return clade_tile_prepare(prepare, 1, 1);
}

static enum clade_status run_cpu(const struct clade_run *run)
{
	const struct clade_tile_product product = {
		.x = run->inputs[0], .w = { run->inputs[1] }, .bias = { run->inputs[2] }, .y = { run->outputs[0] }
	};

	return clade_tile_run(run, 0, &product);
}

const struct clade_impl clade_impl_linear_cl_cpu = {
	.size = sizeof(struct clade_impl),
	.op = "linear",
	.name = "cl.cpu",
	.doc = "an item holds a tile of MR rows by VW * NV columns in registers; weights in panels",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts_cpu,
	.prepare = prepare_cpu,
	.run = run_cpu,
	.priority = 20,
	.weight_dtypes = CLADE_STORED_DTYPES,
	.tunables = CLADE_TILE_TUNABLES,
};

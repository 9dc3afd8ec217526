/* SPDX-License-Identifier: MIT */
/* `matmul` on OpenCL devices: `cl` runs anywhere, `cl.cpu` holds a tile of the result in a processor's registers. */
#include "linear_internal.h"
#include <clade/op_kit.h>
#include <stdio.h>

/* Kernels count in 32 bits, with room to round up to a tile. */
#define LIMIT INT32_MAX
/* Some devices take no more groups than this along axes 1 and 2. */
#define MOST_GROUPS 65535

static bool counts_fit(const struct clade_node_info *node, char *why, size_t why_size)
{
	struct matmul_shape shape;

	if (!node->outputs[0])
		return true;
	clade_matmul_shape(node->params, node->inputs[0], node->inputs[1], node->outputs[0], &shape);
	if (shape.m <= 4 * MOST_GROUPS && shape.n <= LIMIT && shape.k <= LIMIT && shape.batch <= LIMIT)
		return clade_kit_loops_fit(node->device, shape.k, 1, why, why_size);
	snprintf(why, why_size, "%lld products of [%lld, %lld] by [%lld, %lld] are more than its counters hold",
		 (long long)shape.batch, (long long)shape.m, (long long)shape.k, (long long)shape.k,
		 (long long)shape.n);
	return false;
}

/* `high` rows by `wide` columns an item, in groups of `group` items along the columns. */
static enum clade_status launch(const struct clade_run *run, uint32_t high, uint32_t wide, uint32_t group)
{
	enum clade_status status = CLADE_OK;
	struct matmul_shape shape;

	clade_matmul_shape(run->params, &run->inputs[0]->type, &run->inputs[1]->type, &run->outputs[0]->type, &shape);
	for (int64_t first = 0; first < shape.batch && !status; first += MOST_GROUPS) {
		int64_t count = shape.batch - first < MOST_GROUPS ? shape.batch - first : MOST_GROUPS;
		struct clade_arg args[11 + 3 * MATMUL_BATCH_AXES] = { CLADE_TENSOR(run->inputs[0]),
								      CLADE_TENSOR(run->inputs[1]),
								      CLADE_TENSOR(run->outputs[0]),
								      CLADE_UINT(shape.m),
								      CLADE_UINT(shape.n),
								      CLADE_UINT(shape.k),
								      CLADE_LONG(shape.a_row),
								      CLADE_LONG(shape.a_column),
								      CLADE_LONG(shape.b_row),
								      CLADE_LONG(shape.b_column),
								      CLADE_UINT(first) };
		uint32_t used = 11;

		for (uint32_t i = 0; i < MATMUL_BATCH_AXES; i++) {
			args[used++] = (struct clade_arg)CLADE_UINT(shape.dims[i]);
			args[used++] = (struct clade_arg)CLADE_LONG(shape.a_step[i]);
			args[used++] = (struct clade_arg)CLADE_LONG(shape.b_step[i]);
		}
		status = run->host->launch(run, 0, args, used,
					   (const uint64_t[3]) { ((uint64_t)shape.n + wide - 1) / wide,
								 ((uint64_t)shape.m + high - 1) / high,
								 (uint64_t)count },
					   (const uint32_t[3]) { group, 1, 1 });
	}
	return status;
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "linear/matmul.cl", "matmul", NULL, &slot);
}

static enum clade_status run_cl(const struct clade_run *run)
{
	/* Four rows an item: DOT_ROWS in the kernel. */
	return launch(run, 4, 1, run->device->kind == CLADE_DEVICE_CPU ? 1 : 64);
}

const struct clade_impl clade_impl_matmul_cl = {
	.size = sizeof(struct clade_impl),
	.op = "matmul",
	.name = "cl",
	.doc = "an item makes four rows of one column; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = counts_fit,
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};

static bool accepts_cpu(const struct clade_node_info *node, char *why, size_t why_size)
{
	return clade_kit_tiles_pay(node->device, why, why_size) && counts_fit(node, why, why_size);
}

static enum clade_status prepare_cpu(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "linear/matmul.cpu.cl", "matmul__cpu", NULL, &slot);
}

static enum clade_status run_cpu(const struct clade_run *run)
{
	return launch(run, run->device->tile_rows, run->device->vector_width * run->device->tile_vectors, 1);
}

const struct clade_impl clade_impl_matmul_cl_cpu = {
	.size = sizeof(struct clade_impl),
	.op = "matmul",
	.name = "cl.cpu",
	.doc = "an item holds a tile of MR rows by VW * NV columns in registers; nothing is packed",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts_cpu,
	.prepare = prepare_cpu,
	.run = run_cpu,
	.priority = 20,
};

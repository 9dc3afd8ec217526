/* SPDX-License-Identifier: MIT */
/* `matmul` on GPUs, `cl.local`: work-groups make tiles through local memory (kernels/linear/matmul.local.cl). */
#include "linear_internal.h"
#include "local.h"

enum { NO_KERNEL = UINT32_MAX };

struct slots {
	uint32_t small, large; /* NO_KERNEL: the device does not take its groups */
};

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	const int64_t most = INT32_MAX - 256;
	struct matmul_shape shape;

	if (!clade_local_fits(node->device, &clade_local_small, why, why_size))
		return false;
	if (!node->outputs[0])
		return true;
	clade_matmul_shape(node->params, node->inputs[0], node->inputs[1], node->outputs[0], &shape);
	if (shape.m <= most && shape.n <= most && shape.k <= most && shape.batch <= most)
		return true;
	snprintf(why, why_size, "%lld products of [%lld, %lld] by [%lld, %lld] are more than its counters hold",
		 (long long)shape.batch, (long long)shape.m, (long long)shape.k, (long long)shape.k,
		 (long long)shape.n);
	return false;
}

static enum clade_status prepare_local(struct clade_prepare *prepare)
{
	static const char source[] = "linear/matmul.local.cl";
	struct slots *slots = prepare->data;
	enum clade_status status = prepare->host->kernel(prepare, source, "matmul__local_32", NULL, &slots->small);
	char why[160];

	slots->large = NO_KERNEL;
	if (!status && clade_local_fits(prepare->node->device, &clade_local_large, why, sizeof(why)))
		status = prepare->host->kernel(prepare, source, "matmul__local_64", NULL, &slots->large);
	return status;
}

static enum clade_status run_local(const struct clade_run *run)
{
	const struct clade_local_tile *tile = &clade_local_small;
	const struct slots *slots = run->data;
	enum clade_status status = CLADE_OK;
	struct clade_local_walk walk;
	struct matmul_shape shape;

	clade_matmul_shape(run->params, &run->inputs[0]->type, &run->inputs[1]->type, &run->outputs[0]->type, &shape);
	if (slots->large != NO_KERNEL && clade_local_is_large(run->device, shape.m, shape.n, shape.batch))
		tile = &clade_local_large;
	clade_local_walk_begin(&walk, run->device, tile, shape.m, shape.n, shape.k, shape.batch);
	while (!status && clade_local_walk_next(&walk)) {
		struct clade_arg args[13 + 3 * MATMUL_BATCH_AXES] = {
			CLADE_TENSOR(run->inputs[0]), CLADE_TENSOR(run->inputs[1]), CLADE_TENSOR(run->outputs[0]),
			CLADE_UINT(shape.m),          CLADE_UINT(shape.n),          CLADE_UINT(shape.k),
			CLADE_LONG(shape.a_row),      CLADE_LONG(shape.a_column),   CLADE_LONG(shape.b_row),
			CLADE_LONG(shape.b_column),   CLADE_UINT(walk.row),         CLADE_UINT(walk.column),
			CLADE_UINT(walk.product)
		};
		uint32_t used = 13;

		for (uint32_t i = 0; i < MATMUL_BATCH_AXES; i++) {
			args[used++] = (struct clade_arg)CLADE_UINT(shape.dims[i]);
			args[used++] = (struct clade_arg)CLADE_LONG(shape.a_step[i]);
			args[used++] = (struct clade_arg)CLADE_LONG(shape.b_step[i]);
		}
		status = run->host->launch(run, tile == &clade_local_large ? slots->large : slots->small, args, used,
					   walk.global, walk.local);
	}
	return status;
}

const struct clade_impl clade_impl_matmul_cl_local = {
	.size = sizeof(struct clade_impl),
	.op = "matmul",
	.name = "cl.local",
	.doc = "a work-group makes a tile in local memory; for GPUs",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts,
	.data_size = sizeof(struct slots),
	.prepare = prepare_local,
	.run = run_local,
	.priority = 30,
	.kinds = CLADE_KIT_GPU,
};

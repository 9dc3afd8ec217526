/* SPDX-License-Identifier: MIT */
/* cache_write and store on OpenCL devices. */
#include "cache.h"

struct cache_slots {
	uint32_t kernel;
};

static enum clade_status prepare_cache_write(struct clade_prepare *prepare)
{
	struct cache_slots *slots = prepare->data;

	return prepare->host->kernel(prepare, "cache/cache.cl", "cache_write",
				     clade_stored_kept(prepare->node->inputs[0]->dtype), &slots->kernel);
}

static enum clade_status prepare_store(struct clade_prepare *prepare)
{
	struct cache_slots *slots = prepare->data;
	uint32_t width = clade_kit_width(prepare->node->inputs[0]->dtype);
	const char *name = width == 1 ? "store_1" : width == 2 ? "store_half" : "store_4";

	return prepare->host->kernel(prepare, "cache/cache.cl", name, NULL, &slots->kernel);
}

static enum clade_status run_cache_write(const struct clade_run *run)
{
	const struct cache_slots *slots = run->data;
	const struct clade_tensor *state = run->inputs[0], *x = run->inputs[1];
	const int64_t *dims = x->type.dims;
	bool big = clade_kit_big_items(run->device);
	int64_t span = big ? dims[3] : 1;

	for (int i = 0; i < 4; i++)
		if (dims[i] > INT32_MAX || state->type.dims[i] > INT32_MAX)
			return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "an axis is longer than 2^31 - 1");
	if (!dims[3] || !state->type.dims[2])
		return CLADE_OK;
	const struct clade_arg args[] = {
		CLADE_TENSOR(state),
		CLADE_TENSOR(x),
		CLADE_TENSOR(run->inputs[2]),
		CLADE_UINT(dims[0]),
		CLADE_UINT(dims[1]),
		CLADE_UINT(dims[2]),
		CLADE_UINT(state->type.dims[2]),
		CLADE_UINT(dims[3]),
		CLADE_UINT(span),
		CLADE_INT(cache_is_ring(run)),
		CLADE_LONG(state->strides[0]),
		CLADE_LONG(state->strides[1]),
		CLADE_LONG(state->strides[2]),
		CLADE_LONG(x->strides[0]),
		CLADE_LONG(x->strides[1]),
		CLADE_LONG(x->strides[2]),
	};
	return run->host->launch(
		run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
		(const uint64_t[3]) { (uint64_t)((dims[3] + span - 1) / span), (uint64_t)dims[1], (uint64_t)dims[0] },
		(const uint32_t[3]) { clade_kit_group(run->device), 1, 1 });
}

static enum clade_status run_store(const struct clade_run *run)
{
	const struct cache_slots *slots = run->data;
	const struct clade_tensor *state = run->inputs[0], *x = run->inputs[1];
	struct clade_walk walk;

	clade_walk_make(&walk, x->type.rank, x->type.dims, x->strides, state->strides);
	return clade_walk_launch(run, slots->kernel, &walk, x, state);
}

const struct clade_impl cache_write_cl = {
	.size = sizeof(struct clade_impl),
	.op = "cache_write",
	.name = "cl",
	.doc = "an item a head, rows in turn; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.strided_inputs = 3,
	.strided_outputs = 1,
	.data_size = sizeof(struct cache_slots),
	.prepare = prepare_cache_write,
	.run = run_cache_write,
	.priority = 10,
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
};

const struct clade_impl cache_store_cl = {
	.size = sizeof(struct clade_impl),
	.op = "store",
	.name = "cl",
	.doc = "a strided copy; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.strided_inputs = 3,
	.strided_outputs = 1,
	.data_size = sizeof(struct cache_slots),
	.prepare = prepare_store,
	.run = run_store,
	.priority = 10,
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
};

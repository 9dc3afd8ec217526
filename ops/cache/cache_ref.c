/* SPDX-License-Identifier: MIT */
/* cache_write and store, reference. */
#include "cache.h"

static enum clade_status run_cache_write(const struct clade_run *run)
{
	const struct clade_tensor *state = run->inputs[0], *x = run->inputs[1];
	const int64_t *dims = x->type.dims, capacity = state->type.dims[2];
	const int32_t *pos = run->inputs[2]->data;
	bool ring = cache_is_ring(run);

	for (int64_t b = 0; b < dims[0]; b++)
		for (int64_t g = 0; g < dims[1]; g++)
			for (int64_t t = 0; t < dims[2]; t++) {
				int64_t at = pos[b * dims[2] + t];

				at = ring && at >= 0 ? at % capacity : at;
				if (at < 0 || at >= capacity || !dims[3])
					continue;
				memcpy((float *)state->data + b * state->strides[0] + g * state->strides[1] +
					       at * state->strides[2],
				       (const float *)x->data + b * x->strides[0] + g * x->strides[1] +
					       t * x->strides[2],
				       (size_t)dims[3] * sizeof(float));
			}
	return CLADE_OK;
}

static enum clade_status run_store(const struct clade_run *run)
{
	const struct clade_tensor *state = run->inputs[0], *x = run->inputs[1];
	struct clade_walk walk;

	clade_walk_make(&walk, x->type.rank, x->type.dims, x->strides, state->strides);
	clade_walk_host(&walk, x->data, state->data, clade_kit_width(x->type.dtype));
	return CLADE_OK;
}

const struct clade_impl cache_write_ref = {
	.size = sizeof(struct clade_impl),
	.op = "cache_write",
	.name = "ref",
	.doc = "row by row; the specification",
	.needs = CLADE_NEEDS_HOST,
	.strided_inputs = 3,
	.strided_outputs = 1,
	.run = run_cache_write,
};

const struct clade_impl cache_store_ref = {
	.size = sizeof(struct clade_impl),
	.op = "store",
	.name = "ref",
	.doc = "a strided copy; the specification",
	.needs = CLADE_NEEDS_HOST,
	.strided_inputs = 3,
	.strided_outputs = 1,
	.run = run_store,
};

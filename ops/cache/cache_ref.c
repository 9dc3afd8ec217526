/* SPDX-License-Identifier: MIT */
/* cache_write and store, reference. */
#include "cache.h"

static void *cache_at(const struct clade_tensor *tensor, int64_t b, int64_t g, int64_t row)
{
	int64_t at = b * tensor->strides[0] + g * tensor->strides[1] + row * tensor->strides[2];

	return (char *)tensor->data + at * clade_kit_width(tensor->type.dtype);
}

static void cache_put(enum clade_dtype dtype, void *to, const float *from, int64_t n)
{
	if (dtype == CLADE_F32)
		memcpy(to, from, (size_t)n * sizeof(*from));
	for (int64_t i = 0; i < n && dtype == CLADE_F16; i++)
		((uint16_t *)to)[i] = clade_stored_to_half(from[i]);
}

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
				cache_put(state->type.dtype, cache_at(state, b, g, at), cache_at(x, b, g, t), dims[3]);
			}
	return CLADE_OK;
}

static void store_halves(const struct clade_walk *walk, const float *x, uint16_t *state)
{
	int64_t rows = clade_walk_rows(walk), from, to;

	for (int64_t row = 0; row < rows; row++) {
		clade_walk_row(walk, row, &from, &to);
		for (int64_t i = 0; i < walk->dims[0]; i++)
			state[to + i * walk->to[0]] = clade_stored_to_half(x[from + i * walk->from[0]]);
	}
}

static enum clade_status run_store(const struct clade_run *run)
{
	const struct clade_tensor *state = run->inputs[0], *x = run->inputs[1];
	struct clade_walk walk;

	clade_walk_make(&walk, x->type.rank, x->type.dims, x->strides, state->strides);
	if (state->type.dtype == x->type.dtype)
		clade_walk_host(&walk, x->data, state->data, clade_kit_width(x->type.dtype));
	else
		store_halves(&walk, x->data, state->data);
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
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
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
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
};

/* SPDX-License-Identifier: MIT */
/* The loop over broadcast inputs, with as few axes as their strides allow. */
#include "elementwise.h"

/* Step of `input` along the output's axis `axis` (output of rank `rank`; axes are aligned from the right). */
static int64_t step_of(const struct clade_tensor *input, uint32_t axis, uint32_t rank)
{
	uint32_t missing = rank - input->type.rank;

	if (axis < missing || input->type.dims[axis - missing] == 1)
		return 0;
	return input->strides[axis - missing];
}

void clade_elementwise_loop(const struct clade_tensor *out, const struct clade_tensor *const *inputs, uint32_t count,
			    struct ew_loop *loop)
{
	uint32_t rank = out->type.rank, used = 0;

	*loop = (struct ew_loop) { .axes = 1, .size = { 1 } };
	for (uint32_t back = 1; back <= rank; back++) {
		uint32_t axis = rank - back;
		int64_t size = out->type.dims[axis];
		bool merges = used > 0;

		if (size == 1)
			continue;
		for (uint32_t k = 0; k < count && merges; k++)
			merges = step_of(inputs[k], axis, rank) == loop->step[k][used - 1] * loop->size[used - 1];
		if (merges) {
			loop->size[used - 1] *= size;
			continue;
		}
		loop->size[used] = size;
		for (uint32_t k = 0; k < count; k++)
			loop->step[k][used] = step_of(inputs[k], axis, rank);
		used++;
	}
	if (used)
		loop->axes = used;
}

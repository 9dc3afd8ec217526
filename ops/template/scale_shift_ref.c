/* SPDX-License-Identifier: MIT */
/* The reference of scale_shift. It is the specification, so it is plain: no blocking, no cleverness. Where a sum is
 * needed, its order is that of ops/ARITHMETIC.md; every other implementation must give the same bits. */
#include "scale_shift.h"

#include <math.h>

static enum clade_status run(const struct clade_run *run)
{
	const struct scale_shift *params = run->params;
	const struct clade_tensor *x = run->inputs[0], *gain = run->inputs[1], *y = run->outputs[0];
	int64_t n = x->type.dims[x->type.rank - 1], rows = scale_shift_rows(&x->type);
	const float *in = x->data, *factor = gain ? gain->data : NULL; /* an absent input is NULL */
	float *out = y->data;

	for (int64_t row = 0; row < rows; row++) {
		for (int64_t i = 0; i < n; i++) {
			float value = in[row * n + i];

			out[row * n + i] = factor ? fmaf(value, factor[i], params->shift) : value + params->shift;
		}
	}
	return CLADE_OK;
}

const struct clade_impl scale_shift_ref = {
	.size = sizeof(struct clade_impl),
	.op = "scale_shift",
	.name = "ref",
	.doc = "plain C",
	.needs = CLADE_NEEDS_HOST,
	.run = run,
};

/* SPDX-License-Identifier: MIT */
/* rope, reference (ops/ARITHMETIC.md, section 8). */
#include "rope.h"

/* factors: [half] or NULL */
static void rotate_row(const struct rope_params *params, const float *factors, int32_t pos, int64_t d, const float *x,
		       float *y)
{
	int64_t width = rope_width(params, d), half = width / 2;
	bool halves = params->layout == ROPE_HALVES;

	for (int64_t i = 0; i < half && pos >= 0; i++) {
		float frequency = rope_frequency(params, i, half);
		float angle = (float)pos * (factors ? clm_div(frequency, factors[i]) : frequency);
		float sine = clm_sin(angle), cosine = clm_cos(angle);
		int64_t first = halves ? i : 2 * i, second = halves ? half + i : 2 * i + 1;
		float x1 = x[first], x2 = x[second], left = x1 * cosine, right = x2 * sine;

		y[first] = left - right;
		left = x2 * cosine;
		right = x1 * sine;
		y[second] = left + right;
	}
	for (int64_t i = pos < 0 ? 0 : width; i < d; i++)
		y[i] = x[i];
}

static enum clade_status run_ref(const struct clade_run *run)
{
	const struct clade_tensor *x = run->inputs[0], *y = run->outputs[0];
	const int64_t *dims = x->type.dims;
	const int32_t *pos = run->inputs[1]->data;
	const float *factors = run->inputs[2] ? run->inputs[2]->data : NULL;

	for (int64_t b = 0; b < dims[0]; b++)
		for (int64_t h = 0; h < dims[1]; h++)
			for (int64_t t = 0; t < dims[2]; t++)
				rotate_row(run->params, factors, pos[b * dims[2] + t], dims[3],
					   (const float *)x->data + b * x->strides[0] + h * x->strides[1] +
						   t * x->strides[2],
					   (float *)y->data + b * y->strides[0] + h * y->strides[1] +
						   t * y->strides[2]);
	return CLADE_OK;
}

const struct clade_impl rope_ref = {
	.size = sizeof(struct clade_impl),
	.op = "rope",
	.name = "ref",
	.doc = "pair by pair; the specification",
	.needs = CLADE_NEEDS_HOST,
	.strided_inputs = 1,
	.strided_outputs = 1,
	.run = run_ref,
};

/* SPDX-License-Identifier: MIT */
/* The reference of `linear`: its specification. */
#include "linear_internal.h"
#include <math.h>

float clade_linear_dot(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t k)
{
	float sum = 0.0f;

	for (int64_t start = 0; start < k; start += LINEAR_BLOCK) {
		int64_t end = k - start < LINEAR_BLOCK ? k : start + LINEAR_BLOCK;
		float term = 0.0f;

		for (int64_t i = start; i < end; i++)
			term = fmaf(a[i * a_step], b[i * b_step], term);
		sum = sum + term;
	}
	return sum;
}

/* y[i, j] = sum over k of x[i, k] w[j, k], + bias[j] */
static enum clade_status run_ref(const struct clade_run *run)
{
	const struct clade_tensor *w = run->inputs[1], *y = run->outputs[0];
	const float *x = run->inputs[0]->data, *weight = w->data;
	const float *bias = run->inputs[2] ? run->inputs[2]->data : NULL;
	int64_t rows = linear_rows(&run->inputs[0]->type), n = w->type.dims[0], k = w->type.dims[1];
	float *out = y->data;

	for (int64_t i = 0; i < rows; i++) {
		for (int64_t j = 0; j < n; j++) {
			float sum = clade_linear_dot(x + i * k, 1, weight + j * k, 1, k);

			out[i * n + j] = bias ? sum + bias[j] : sum;
		}
	}
	return CLADE_OK;
}

const struct clade_impl clade_impl_linear_ref = {
	.size = sizeof(struct clade_impl),
	.op = "linear",
	.name = "ref",
	.doc = "plain C, one chain of fused multiply-adds a block of 256",
	.needs = CLADE_NEEDS_HOST,
	.run = run_ref,
};

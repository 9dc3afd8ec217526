/* SPDX-License-Identifier: MIT */
/* The reference of `matmul`: its specification. */
#include "linear_internal.h"

static void multiply(const struct matmul_shape *shape, const float *a, const float *b, float *y)
{
	for (int64_t i = 0; i < shape->m; i++)
		for (int64_t j = 0; j < shape->n; j++)
			y[i * shape->n + j] = clade_linear_dot(a + i * shape->a_row, shape->a_column,
							       b + j * shape->b_column, shape->b_row, shape->k);
}

static enum clade_status run_ref(const struct clade_run *run)
{
	const float *a = run->inputs[0]->data, *b = run->inputs[1]->data;
	struct matmul_shape shape;
	float *y = run->outputs[0]->data;

	clade_matmul_shape(run->params, &run->inputs[0]->type, &run->inputs[1]->type, &run->outputs[0]->type, &shape);
	for (int64_t item = 0; item < shape.batch; item++) {
		int64_t rest = item, a_at = 0, b_at = 0;

		for (uint32_t i = 0; i < MATMUL_BATCH_AXES; i++) {
			a_at += rest % shape.dims[i] * shape.a_step[i];
			b_at += rest % shape.dims[i] * shape.b_step[i];
			rest /= shape.dims[i];
		}
		multiply(&shape, a + a_at, b + b_at, y + item * shape.m * shape.n);
	}
	return CLADE_OK;
}

const struct clade_impl clade_impl_matmul_ref = {
	.size = sizeof(struct clade_impl),
	.op = "matmul",
	.name = "ref",
	.doc = "plain C, one chain of fused multiply-adds a block of 256",
	.needs = CLADE_NEEDS_HOST,
	.run = run_ref,
};

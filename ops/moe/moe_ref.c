/* SPDX-License-Identifier: MIT */
/* moe, reference: one row and expert after the other (ops/ARITHMETIC.md, sections 2 and 7). */
#include "../math.h"
#include "moe.h"

#define BLOCK 256 /* of a sum over K */

typedef float moe_act_fn(float x);
static moe_act_fn *const acts[] = { clm_relu, clm_gelu, clm_gelu_tanh, clm_silu };

static float dot(const float *a, const float *b, int64_t k)
{
	float sum = 0.0f;

	for (int64_t start = 0; start < k; start += BLOCK) {
		float term = 0.0f;

		for (int64_t i = start; i < k && i < start + BLOCK; i++)
			term = fmaf(a[i], b[i], term);
		sum = sum + term;
	}
	return sum;
}

static void add_expert(const struct clade_run *run, const struct moe_shape *s, const float *x, int32_t expert,
		       float weight, float *hidden, float *y)
{
	const struct moe_params *params = run->params;
	const float *w1 = (const float *)run->inputs[MOE_W1]->data + expert * s->f * s->d;
	const float *w3 = (const float *)run->inputs[MOE_W3]->data + expert * s->f * s->d;
	const float *w2 = (const float *)run->inputs[MOE_W2]->data + expert * s->d * s->f;

	for (int64_t i = 0; i < s->f; i++)
		hidden[i] = acts[params->act](dot(x, w1 + i * s->d, s->d)) * dot(x, w3 + i * s->d, s->d);
	for (int64_t i = 0; i < s->d; i++) {
		float part = dot(hidden, w2 + i * s->f, s->f) * weight;

		y[i] = y[i] + part;
	}
}

static enum clade_status prepare_ref(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->scratch(prepare, (size_t)prepare->node->inputs[MOE_W1]->dims[1] * sizeof(float), &slot);
}

static enum clade_status run_ref(const struct clade_run *run)
{
	struct moe_shape s =
		moe_shape_of(&run->inputs[MOE_X]->type, &run->inputs[MOE_INDICES]->type, &run->inputs[MOE_W1]->type);
	const float *x = run->inputs[MOE_X]->data, *weights = run->inputs[MOE_WEIGHTS]->data;
	const int32_t *indices = run->inputs[MOE_INDICES]->data;
	float *y = run->outputs[0]->data;

	for (int64_t row = 0; row < s.rows; row++, x += s.d, y += s.d) {
		for (int64_t i = 0; i < s.d; i++)
			y[i] = 0.0f;
		for (int64_t j = 0; j < s.chosen; j++) {
			int32_t expert = indices[row * s.chosen + j];

			if (expert >= 0 && expert < s.experts)
				add_expert(run, &s, x, expert, weights[row * s.chosen + j], run->scratch[0]->data, y);
			for (int64_t i = 0; i < s.d && (expert < 0 || expert >= s.experts); i++)
				y[i] = NAN;
		}
	}
	return CLADE_OK;
}

const struct clade_impl moe_ref = {
	.size = sizeof(struct clade_impl),
	.op = "moe",
	.name = "ref",
	.doc = "row by row, expert by expert; the specification",
	.needs = CLADE_NEEDS_HOST,
	.prepare = prepare_ref,
	.run = run_ref,
};

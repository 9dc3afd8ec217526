/* SPDX-License-Identifier: MIT */
/* moe, reference: one row and expert after the other (ops/ARITHMETIC.md, sections 2 and 7). */
#include "../math.h"
#include "moe.h"

#define BLOCK 256    /* of a sum over K */
#define COLUMNS 4096 /* that are made together */

typedef float moe_act_fn(float x);
static moe_act_fn *const acts[] = { clm_relu, clm_gelu, clm_gelu_tanh, clm_silu };

static float chain(const float *a, const float *b, int64_t k)
{
	float term = 0.0f;

	for (int64_t i = 0; i < k; i++)
		term = fmaf(a[i], b[i], term);
	return term;
}

static float dot(const float *a, const float *b, int64_t k)
{
	float sum = 0.0f;

	for (int64_t start = 0; start < k; start += BLOCK)
		sum = sum + chain(a + start, b + start, k - start < BLOCK ? k - start : BLOCK);
	return sum;
}

/* y[i] += weight * (w2 hidden)[i] for the columns first .. first + count - 1. The hidden layer is made block by block
 * of the second product's sum, so that it needs no memory of its size. */
static void add_columns(const struct clade_run *run, const struct moe_shape *s, const float *x, int32_t expert,
			float weight, int64_t first, int64_t count, float *y)
{
	const struct moe_params *params = run->params;
	const float *w1 = (const float *)run->inputs[MOE_W1]->data + expert * s->f * s->d;
	const float *w3 = (const float *)run->inputs[MOE_W3]->data + expert * s->f * s->d;
	const float *w2 = (const float *)run->inputs[MOE_W2]->data + (expert * s->d + first) * s->f;
	float sums[COLUMNS] = { 0.0f }, hidden[BLOCK];

	for (int64_t start = 0; start < s->f; start += BLOCK) {
		int64_t k = s->f - start < BLOCK ? s->f - start : BLOCK;

		for (int64_t i = 0; i < k; i++)
			hidden[i] = acts[params->act](dot(x, w1 + (start + i) * s->d, s->d)) *
				    dot(x, w3 + (start + i) * s->d, s->d);
		for (int64_t i = 0; i < count; i++)
			sums[i] = sums[i] + chain(hidden, w2 + i * s->f + start, k);
	}
	for (int64_t i = 0; i < count; i++) {
		float part = sums[i] * weight;

		y[first + i] = y[first + i] + part;
	}
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

			bool known = expert >= 0 && expert < s.experts;

			for (int64_t i = 0; i < s.d && known; i += COLUMNS)
				add_columns(run, &s, x, expert, weights[row * s.chosen + j], i,
					    s.d - i < COLUMNS ? s.d - i : COLUMNS, y);
			for (int64_t i = 0; i < s.d && !known; i++)
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
	.run = run_ref,
};

/* SPDX-License-Identifier: MIT */
/* argmax and top_k, reference. */
#include "select.h"

/* Whether a comes strictly before b in the order of values. */
static bool before(float a, float b)
{
	return a > b || (a != a && b == b);
}

static enum clade_status run_argmax(const struct clade_run *run)
{
	const struct clade_type *type = &run->inputs[0]->type;
	int64_t n = type->dims[type->rank - 1], rows = clade_kit_product(type, 0, type->rank - 1);
	const float *x = run->inputs[0]->data;
	int32_t *y = run->outputs[0]->data;

	for (int64_t row = 0; row < rows; row++) {
		int64_t best = 0;

		for (int64_t i = 1; i < n; i++)
			if (before(x[row * n + i], x[row * n + best]))
				best = i;
		y[row] = (int32_t)best;
	}
	return CLADE_OK;
}

/* The k largest of n elements by k searches, each for the first element in order after the last one found. */
static void top_k_row(const float *x, int64_t n, int64_t k, float *values, int32_t *indices)
{
	int64_t last = -1;

	for (int64_t rank = 0; rank < k; rank++) {
		int64_t best = -1;

		for (int64_t i = 0; i < n; i++) {
			bool after = last < 0 || before(x[last], x[i]) || (!before(x[i], x[last]) && i > last);

			if (after && (best < 0 || before(x[i], x[best])))
				best = i;
		}
		last = best;
		if (values)
			values[rank] = x[best];
		if (indices)
			indices[rank] = (int32_t)best;
	}
}

static enum clade_status run_top_k(const struct clade_run *run)
{
	const struct select_top_k *params = run->params;
	const struct clade_type *type = &run->inputs[0]->type;
	int64_t n = type->dims[type->rank - 1], rows = clade_kit_product(type, 0, type->rank - 1), k = params->k;
	const float *x = run->inputs[0]->data;
	float *values = run->outputs[0] ? run->outputs[0]->data : NULL;
	int32_t *indices = run->outputs[1] ? run->outputs[1]->data : NULL;

	if (k > n)
		return run->host->run_fail(run, CLADE_ERR_DATA, "k is %lld, a row has %lld elements", (long long)k,
					   (long long)n);
	for (int64_t row = 0; row < rows; row++)
		top_k_row(x + row * n, n, k, values ? values + row * k : NULL, indices ? indices + row * k : NULL);
	return CLADE_OK;
}

const struct clade_impl select_argmax_ref = {
	.size = sizeof(struct clade_impl),
	.op = "argmax",
	.name = "ref",
	.doc = "one scan a row; the specification",
	.needs = CLADE_NEEDS_HOST,
	.run = run_argmax,
};

const struct clade_impl select_top_k_ref = {
	.size = sizeof(struct clade_impl),
	.op = "top_k",
	.name = "ref",
	.doc = "k scans a row; the specification",
	.needs = CLADE_NEEDS_HOST,
	.run = run_top_k,
};

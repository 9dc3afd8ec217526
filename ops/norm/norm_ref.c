/* SPDX-License-Identifier: MIT */
/* The references of the normalisations: their specification (ops/ARITHMETIC.md 4 and 5). */
#include "norm.h"
#include "../math.h"

static void layer_norm_row(const float *x, const float *gamma, const float *beta, float *y, int64_t n, float eps)
{
	struct clm_rowsum sum;
	float mean, scale;

	clm_rowsum_zero(&sum);
	for (int64_t i = 0; i < n; i++)
		clm_rowsum_add(&sum, i, x[i]);
	mean = clm_div(clm_rowsum_total(&sum), (float)n);
	clm_rowsum_zero(&sum);
	for (int64_t i = 0; i < n; i++)
		clm_rowsum_add_square(&sum, i, x[i] - mean);
	scale = clm_rsqrt(clm_div(clm_rowsum_total(&sum), (float)n) + eps);
	for (int64_t i = 0; i < n; i++) {
		float value = (x[i] - mean) * scale;

		if (gamma)
			value = fmaf(value, gamma[i], beta ? beta[i] : 0.0f);
		else if (beta)
			value = value + beta[i];
		y[i] = value;
	}
}

static void rms_norm_row(const float *x, const float *gamma, const float *beta, float *y, int64_t n, float eps)
{
	struct clm_rowsum sum;
	float scale;

	clm_rowsum_zero(&sum);
	for (int64_t i = 0; i < n; i++)
		clm_rowsum_add_square(&sum, i, x[i]);
	scale = clm_rsqrt(clm_div(clm_rowsum_total(&sum), (float)n) + eps);
	for (int64_t i = 0; i < n; i++)
		y[i] = gamma ? (x[i] * scale) * gamma[i] : x[i] * scale;
}

static void softmax_line(const float *x, float *y, int64_t n, int64_t step)
{
	float top = -INFINITY, total;
	struct clm_rowsum sum;

	for (int64_t i = 0; i < n; i++)
		top = clm_max(top, x[i * step]);
	clm_rowsum_zero(&sum);
	for (int64_t i = 0; i < n; i++) {
		float value = x[i * step];

		y[i * step] = value == -INFINITY ? 0.0f : clm_exp(value - top);
		clm_rowsum_add(&sum, i, y[i * step]);
	}
	total = clm_rowsum_total(&sum);
	for (int64_t i = 0; i < n; i++)
		y[i * step] = total == 0.0f ? 0.0f : clm_div(y[i * step], total);
}

typedef void row_fn(const float *x, const float *gamma, const float *beta, float *y, int64_t n, float eps);

static enum clade_status run_rows(const struct clade_run *run, row_fn *row)
{
	const struct clade_tensor *gamma = run->inputs[1], *beta = run->input_count > 2 ? run->inputs[2] : NULL;
	const struct norm_params *params = run->params;
	const float *x = run->inputs[0]->data;
	float *y = run->outputs[0]->data;
	int64_t at[CLADE_MAX_RANK] = { 0 }, left = 1;
	struct norm_rows rows;

	clade_norm_rows(run->inputs[0], &rows);
	for (uint32_t axis = 0; axis < rows.axes; axis++)
		left *= rows.size[axis];
	for (; left > 0; left--) {
		row(x, gamma ? gamma->data : NULL, beta ? beta->data : NULL, y, rows.n, params->eps);
		y += rows.n;
		for (uint32_t axis = 0; axis < rows.axes; axis++) {
			x += rows.step[axis];
			if (++at[axis] < rows.size[axis])
				break;
			x -= rows.step[axis] * rows.size[axis];
			at[axis] = 0;
		}
	}
	return CLADE_OK;
}

static enum clade_status run_layer_norm(const struct clade_run *run)
{
	return run_rows(run, layer_norm_row);
}

static enum clade_status run_rms_norm(const struct clade_run *run)
{
	return run_rows(run, rms_norm_row);
}

static enum clade_status run_softmax(const struct clade_run *run)
{
	const struct softmax_params *params = run->params;
	const float *x = run->inputs[0]->data;
	float *y = run->outputs[0]->data;
	struct clade_kit_around shape;

	if (!clade_kit_split(&run->inputs[0]->type, params->axis, &shape))
		return run->host->run_fail(run, CLADE_ERR_ARGUMENT, "x has no axis %lld", (long long)params->axis);
	for (int64_t outer = 0; outer < shape.outer; outer++)
		for (int64_t line = 0; line < shape.inner; line++)
			softmax_line(x + outer * shape.n * shape.inner + line, y + outer * shape.n * shape.inner + line,
				     shape.n, shape.inner);
	return CLADE_OK;
}

#define REFERENCE(name_, strided_)                                                                                     \
	const struct clade_impl clade_impl_##name_##_ref = {                                                           \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #name_,                                                                                          \
		.name = "ref",                                                                                         \
		.doc = "plain C, one row at a time",                                                                   \
		.needs = CLADE_NEEDS_HOST,                                                                             \
		.strided_inputs = (strided_),                                                                          \
		.run = run_##name_,                                                                                    \
	}
REFERENCE(layer_norm, 1);
REFERENCE(rms_norm, 1);
REFERENCE(softmax, 0);

/* SPDX-License-Identifier: MIT */
/* The references of the reductions: one function of a line an op. */
#include "reduce.h"
#include "../math.h"

/* n elements at x, `step` apart. */
typedef float line_fn(const float *x, int64_t n, int64_t step);

static float line_reduce_sum(const float *x, int64_t n, int64_t step)
{
	struct clm_rowsum sum;

	clm_rowsum_zero(&sum);
	for (int64_t i = 0; i < n; i++)
		clm_rowsum_add(&sum, i, x[i * step]);
	return clm_rowsum_total(&sum);
}

static float line_reduce_mean(const float *x, int64_t n, int64_t step)
{
	return clm_div(line_reduce_sum(x, n, step), (float)n);
}

static float line_reduce_max(const float *x, int64_t n, int64_t step)
{
	float best = -INFINITY;

	for (int64_t i = 0; i < n; i++)
		best = clm_max_nan(best, x[i * step]);
	return best;
}

static float line_reduce_min(const float *x, int64_t n, int64_t step)
{
	float best = INFINITY;

	for (int64_t i = 0; i < n; i++)
		best = clm_min_nan(best, x[i * step]);
	return best;
}

static float line_reduce_prod(const float *x, int64_t n, int64_t step)
{
	float product = 1.0f;

	for (int64_t i = 0; i < n; i++)
		product = product * x[i * step];
	return product;
}

static enum clade_status run_lines(const struct clade_run *run, line_fn *line)
{
	const struct reduce_params *params = run->params;
	const float *x = run->inputs[0]->data;
	float *y = run->outputs[0]->data;
	struct clade_kit_around shape;

	if (!clade_kit_split(&run->inputs[0]->type, params->axis, &shape))
		return run->host->run_fail(run, CLADE_ERR_ARGUMENT, "x has no axis %lld", (long long)params->axis);
	for (int64_t outer = 0; outer < shape.outer; outer++)
		for (int64_t i = 0; i < shape.inner; i++)
			y[outer * shape.inner + i] = line(x + outer * shape.n * shape.inner + i, shape.n, shape.inner);
	return CLADE_OK;
}

#define REFERENCE(name_, function_)                                                                                    \
	static enum clade_status run_##name_(const struct clade_run *run)                                              \
	{                                                                                                              \
		return run_lines(run, line_##name_);                                                                   \
	}                                                                                                              \
	static const struct clade_impl ref_##name_ = {                                                                 \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #name_,                                                                                          \
		.name = "ref",                                                                                         \
		.doc = "plain C, one line at a time",                                                                  \
		.needs = CLADE_NEEDS_HOST,                                                                             \
		.run = run_##name_,                                                                                    \
	};
REDUCE_OPS(REFERENCE)

#define ENTRY(name, function) [INDEX_##name] = &ref_##name,
const struct clade_impl *const clade_reduce_refs[REDUCE_COUNT] = { REDUCE_OPS(ENTRY) };

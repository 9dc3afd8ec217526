/* SPDX-License-Identifier: MIT */
/* The reference of `linear`: its specification. */
#include "linear_internal.h"
#include <clade/stored.h>
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

/* A block of up to 256 terms of one row of a stored weight: its values, of types in groups without the groups' scales.
 */
struct block {
	float values[LINEAR_BLOCK], scales[LINEAR_BLOCK / CLADE_STORED_GROUP];
	int64_t count;
	bool groups;
};

/* `start` is a multiple of LINEAR_BLOCK. */
static void load_block(enum clade_dtype dtype, const unsigned char *row, int64_t start, int64_t k, struct block *out)
{
	size_t unit = clade_stored_unit(dtype);

	out->count = k - start < LINEAR_BLOCK ? k - start : LINEAR_BLOCK;
	out->groups = clade_stored_in_groups(dtype);
	for (int64_t i = 0; i < out->count; i++) {
		const unsigned char *at = row + (size_t)(start + i) * unit;

		if (out->groups) {
			at = row + (size_t)((start + i) / CLADE_STORED_GROUP) * unit;
			out->scales[i / CLADE_STORED_GROUP] = clade_stored_half(at);
			out->values[i] = clade_stored_quant(dtype, at, i % CLADE_STORED_GROUP);
		} else {
			out->values[i] = clade_stored_single(dtype, at);
		}
	}
}

static float block_sum(const struct block *block, const float *x)
{
	float sum = 0.0f;

	if (!block->groups) {
		for (int64_t i = 0; i < block->count; i++)
			sum = fmaf(x[i], block->values[i], sum);
		return sum;
	}
	for (int64_t i = 0; i < block->count; i += CLADE_STORED_GROUP) {
		float term = 0.0f;

		for (int64_t j = i; j < i + CLADE_STORED_GROUP; j++)
			term = fmaf(x[j], block->values[j], term);
		sum = fmaf(block->scales[i / CLADE_STORED_GROUP], term, sum);
	}
	return sum;
}

#define STORED_ROWS 16 /* that share a loaded block */

static void run_stored(const struct clade_tensor *w, const float *x, const float *bias, int64_t rows, float *y)
{
	int64_t n = w->type.dims[0], k = w->type.dims[1];
	size_t row_bytes = (size_t)(clade_stored_in_groups(w->type.dtype) ? k / CLADE_STORED_GROUP : k) *
			   clade_stored_unit(w->type.dtype);
	struct block block;

	for (int64_t j = 0; j < n; j++) {
		const unsigned char *row = (const unsigned char *)w->data + (size_t)j * row_bytes;

		for (int64_t first = 0; first < rows; first += STORED_ROWS) {
			int64_t many = rows - first < STORED_ROWS ? rows - first : STORED_ROWS;
			float sums[STORED_ROWS] = { 0.0f };

			for (int64_t start = 0; start < k; start += LINEAR_BLOCK) {
				load_block(w->type.dtype, row, start, k, &block);
				for (int64_t r = 0; r < many; r++)
					sums[r] = sums[r] + block_sum(&block, x + (first + r) * k + start);
			}
			for (int64_t r = 0; r < many; r++)
				y[(first + r) * n + j] = bias ? sums[r] + bias[j] : sums[r];
		}
	}
}

/* y[i, j] = sum over k of x[i, k] w[j, k], + bias[j] */
static enum clade_status run_ref(const struct clade_run *run)
{
	const struct clade_tensor *w = run->inputs[1], *y = run->outputs[0];
	const float *x = run->inputs[0]->data, *weight = w->data;
	const float *bias = run->inputs[2] ? run->inputs[2]->data : NULL;
	int64_t rows = linear_rows(&run->inputs[0]->type), n = w->type.dims[0], k = w->type.dims[1];
	float *out = y->data;

	if (w->type.dtype != CLADE_F32) {
		run_stored(w, x, bias, rows, out);
		return CLADE_OK;
	}
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
	.weight_dtypes = CLADE_STORED_DTYPES,
};

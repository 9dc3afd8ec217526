/* SPDX-License-Identifier: MIT */
/* attention, reference: one query row after another, in the canonical order (ops/ARITHMETIC.md, section 6). */
#include "attention.h"
#include "../math.h"
#include <clade/stored.h>

bool attention_shape_init(const struct clade_run *run, struct attention_shape *shape)
{
	const struct attention_params *params = run->params;
	const struct clade_tensor *mask = run->inputs[ATTENTION_MASK], *bias = run->inputs[ATTENTION_BIAS];
	const int64_t *q = run->inputs[ATTENTION_Q]->type.dims, *v = run->inputs[ATTENTION_V]->type.dims;

	*shape = (struct attention_shape) {
		.b = q[0], .h = q[1], .t = q[2], .d = q[3], .g = v[1], .s = v[2], .e = v[3]
	};
	shape->causal = params->causal;
	shape->ring = params->ring && shape->s > 0 && shape->s % ATTENTION_BLOCK == 0;
	shape->limit = shape->ring ? 1 << 30 : shape->s;
	shape->window = params->window;
	shape->softcap = params->softcap;
	/* Without keys of any length all scores are 0, whatever the factor. */
	shape->scale = params->scale == params->scale ? params->scale : shape->d ? clm_rsqrt((float)shape->d) : 1.0f;
	for (uint32_t i = 0; i < 4; i++) {
		shape->mask[i] = mask && mask->type.dims[i] != 1 ? mask->strides[i] : 0;
		shape->bias[i] = bias && bias->type.dims[i] != 1 ? bias->strides[i] : 0;
	}
	for (uint32_t i = 0; i < 4; i++)
		if (q[i] > INT32_MAX || v[i] > INT32_MAX)
			return false;
	return true;
}

/* The row being computed. */
struct row {
	const struct attention_shape *shape;
	const float *q, *bias;
	const char *k, *v; /* f16 if `half` */
	bool half;
	const uint8_t *mask;
	float *y, *weights;                     /* weights: NULL if not wanted */
	int64_t k_stride, v_stride, first, end; /* keys [first, end) are in sight */
	float m, l;
	bool any;
};

/* Element i of keys or values. */
static float kept(const struct row *row, const char *from, int64_t i)
{
	return row->half ? clade_stored_half(from + 2 * i) : ((const float *)from)[i];
}

/* Sum over K (section 2) of the query and the key that begins at element `key`: blocks of 256, one chain each. */
static float dot(const struct row *row, int64_t key, int64_t n)
{
	float sum = 0.0f;

	for (int64_t block = 0; block < n; block += 256) {
		float chain = 0.0f;

		for (int64_t i = block; i < n && i < block + 256; i++)
			chain = fmaf(row->q[i], kept(row, row->k, key + i), chain);
		sum = sum + chain;
	}
	return sum;
}

/* Where key j lies. */
static int64_t place_of(const struct row *row, int64_t j)
{
	return row->shape->ring ? j % row->shape->s : j;
}

/* The score of key j; -inf if it is dead. */
static float score_of(const struct row *row, int64_t j)
{
	const struct attention_shape *shape = row->shape;
	float score;

	if (j < row->first || j >= row->end || (row->mask && !row->mask[j * shape->mask[3]]))
		return -INFINITY;
	score = dot(row, place_of(row, j) * row->k_stride, shape->d) * shape->scale;
	if (shape->softcap > 0.0f)
		score = shape->softcap * clm_tanh(clm_div(score, shape->softcap));
	if (row->bias)
		score = score + row->bias[j * shape->bias[3]];
	return score;
}

/* Keys [block, end): scores, weights within the block, merge into m, l and y. */
static void attend_block(struct row *row, int64_t block, int64_t end)
{
	const struct attention_shape *shape = row->shape;
	float p[ATTENTION_BLOCK], m = -INFINITY, l, merged, alpha, beta;
	struct clm_rowsum sum;
	bool live[ATTENTION_BLOCK], any = false;

	for (int64_t j = block; j < end; j++) {
		p[j - block] = score_of(row, j);
		live[j - block] = p[j - block] != -INFINITY;
		any = any || live[j - block];
		if (live[j - block])
			m = clm_max(m, p[j - block]);
		if (row->weights)
			row->weights[j] = p[j - block];
	}
	if (!any)
		return;
	clm_rowsum_zero(&sum);
	for (int64_t j = 0; j < end - block; j++)
		if (live[j]) {
			p[j] = clm_exp(p[j] - m);
			clm_rowsum_add(&sum, block + j, p[j]);
		}
	l = clm_rowsum_total(&sum);
	merged = row->any ? clm_max(row->m, m) : m;
	alpha = row->any ? clm_exp(row->m - merged) : 0.0f;
	beta = row->any ? clm_exp(m - merged) : 1.0f;
	for (int64_t i = 0; i < shape->e; i++) {
		float chain = 0.0f;

		for (int64_t j = 0; j < end - block; j++)
			if (live[j])
				chain = fmaf(p[j], kept(row, row->v, place_of(row, block + j) * row->v_stride + i),
					     chain);
		row->y[i] = row->any ? fmaf(row->y[i], alpha, chain * beta) : chain;
	}
	row->l = row->any ? fmaf(row->l, alpha, l * beta) : l;
	row->m = merged;
	row->any = true;
}

/* `weights` holds the scores: each block's maximum again, then the weights. */
static void finish_weights(const struct row *row)
{
	int64_t s = row->shape->s;

	for (int64_t block = 0; block < s; block += ATTENTION_BLOCK) {
		int64_t end = s - block < ATTENTION_BLOCK ? s : block + ATTENTION_BLOCK;
		float m = -INFINITY;

		for (int64_t j = block; j < end; j++)
			m = clm_max(m, row->weights[j]);
		for (int64_t j = block; j < end; j++)
			row->weights[j] = row->weights[j] == -INFINITY
						  ? 0.0f
						  : clm_div(clm_exp(row->weights[j] - m) * clm_exp(m - row->m), row->l);
	}
}

static void attend_row(struct row *row)
{
	const struct attention_shape *shape = row->shape;
	int64_t first = shape->ring ? row->first / ATTENTION_BLOCK * ATTENTION_BLOCK : 0;
	int64_t last = shape->ring ? row->end : shape->s;

	for (int64_t i = 0; i < shape->e; i++)
		row->y[i] = 0.0f;
	for (int64_t block = first; block < last; block += ATTENTION_BLOCK)
		attend_block(row, block, last - block < ATTENTION_BLOCK ? last : block + ATTENTION_BLOCK);
	for (int64_t i = 0; row->any && i < shape->e; i++)
		row->y[i] = clm_div(row->y[i], row->l);
	if (row->weights)
		finish_weights(row);
}

/* Which keys query `t` of batch `b` sees, masks aside. */
static void set_range(const struct clade_run *run, const struct attention_shape *shape, int64_t b, int64_t t,
		      struct row *row)
{
	const struct clade_tensor *q_pos = run->inputs[ATTENTION_Q_POS], *kv_len = run->inputs[ATTENTION_KV_LEN];
	int64_t position = t + shape->s - shape->t;

	row->first = 0;
	row->end = shape->limit;
	if (q_pos)
		position = ((const int32_t *)q_pos->data)[b * shape->t + t];
	if (kv_len && ((const int32_t *)kv_len->data)[b] < row->end)
		row->end = ((const int32_t *)kv_len->data)[b];
	if (shape->causal && position + 1 < row->end)
		row->end = position + 1;
	if (shape->window && position - shape->window + 1 > 0)
		row->first = position - shape->window + 1;
	if (q_pos && position < 0)
		row->end = 0;
}

static enum clade_status run_ref(const struct clade_run *run)
{
	const struct clade_tensor *q = run->inputs[ATTENTION_Q], *k = run->inputs[ATTENTION_K],
				  *v = run->inputs[ATTENTION_V], *mask = run->inputs[ATTENTION_MASK],
				  *bias = run->inputs[ATTENTION_BIAS], *y = run->outputs[0],
				  *weights = run->output_count > 1 ? run->outputs[1] : NULL;
	struct attention_shape shape;
	int64_t rows;

	if (!attention_shape_init(run, &shape))
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "an axis is longer than 2^31 - 1");
	rows = shape.b * shape.h * shape.t;
	for (int64_t at = 0; at < rows; at++) {
		int64_t b = at / shape.t / shape.h, h = at / shape.t % shape.h, t = at % shape.t;
		int64_t g = h / (shape.h / shape.g);
		struct row row = { .shape = &shape, .k_stride = k->strides[2], .v_stride = v->strides[2] };

		row.q = (const float *)q->data + b * q->strides[0] + h * q->strides[1] + t * q->strides[2];
		row.half = k->type.dtype == CLADE_F16;
		row.k = (const char *)k->data + (b * k->strides[0] + g * k->strides[1]) * (row.half ? 2 : 4);
		row.v = (const char *)v->data + (b * v->strides[0] + g * v->strides[1]) * (row.half ? 2 : 4);
		if (mask)
			row.mask =
				(const uint8_t *)mask->data + b * shape.mask[0] + h * shape.mask[1] + t * shape.mask[2];
		if (bias)
			row.bias =
				(const float *)bias->data + b * shape.bias[0] + h * shape.bias[1] + t * shape.bias[2];
		row.y = (float *)y->data + b * y->strides[0] + h * y->strides[1] + t * y->strides[2];
		if (weights)
			row.weights = (float *)weights->data + at * shape.s;
		set_range(run, &shape, b, t, &row);
		attend_row(&row);
	}
	return CLADE_OK;
}

bool attention_accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	static const char reason[] = "the weights of keys in a ring have no place; only y can be had";
	const struct attention_params *params = node->params;

	if (!params->ring || node->output_count < 2 || !node->outputs[1])
		return true;
	if (why_size) {
		memcpy(why, reason, why_size < sizeof(reason) ? why_size : sizeof(reason));
		why[why_size - 1] = 0;
	}
	return false;
}

const struct clade_impl attention_ref = {
	.size = sizeof(struct clade_impl),
	.op = "attention",
	.name = "ref",
	.doc = "one query row after another; the specification",
	.needs = CLADE_NEEDS_HOST,
	.strided_inputs = 1u << ATTENTION_Q | 1u << ATTENTION_K | 1u << ATTENTION_V,
	.strided_outputs = 1,
	.accepts = attention_accepts,
	.run = run_ref,
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
};

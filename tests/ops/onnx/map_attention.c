/* SPDX-License-Identifier: MIT */
/* ONNX's Attention (opset 23 and 24): 3-d and 4-d inputs, masks, causality, grouped heads, past and present, lengths of
 * the keys, soft cap, and the optional output of scores. */
#include "onnx.h"

#include <math.h>
#include <string.h>

enum { Q, K, V, MASK, PAST_KEY, PAST_VALUE, LENGTHS };

static const struct value *input(const struct run *run, size_t index)
{
	return index < run->in_count ? run->in[index] : NULL;
}

static const struct value *heads_of(struct run *run, const struct value *x, const char *attr)
{
	if (x->type.rank == 4)
		return x;
	return apply(run, "split_heads", INPUTS(x), "heads = %lld", (long long)attr_int(run, attr, 1));
}

/* The mask with leading 1s to rank 4, and to the length of the keys if it is shorter: what is beyond is not attended.
 */
static const struct value *full_mask(struct run *run, const struct value *mask, int64_t keys)
{
	int64_t dims[4] = { 1, 1, 1, 1 }, missing;
	struct value *rest;

	if (!mask || !keys)
		return mask;
	memcpy(dims + 4 - mask->type.rank, mask->type.dims, mask->type.rank * sizeof(dims[0]));
	mask = reshape_to(run, mask, 4, dims);
	missing = keys - dims[3];
	if (missing <= 0 || dims[3] == 1)
		return mask;
	dims[3] = missing;
	rest = value_new(run, mask->type.dtype, 4, dims);
	for (int64_t i = 0; rest && rest->type.dtype == CLADE_F32 && i < value_count(rest); i++)
		((float *)rest->data)[i] = -INFINITY;
	return apply(run, "concat", INPUTS(mask, rest), "axis = 3");
}

/* Row i stands at i + past, or with lengths (continued prefill) at i + length - rows. */
static const struct value *positions(struct run *run, int64_t batch, int64_t rows, int64_t past)
{
	const struct value *lengths = input(run, LENGTHS);
	struct value *value = value_new(run, CLADE_I32, 2, (int64_t[]) { batch, rows });

	for (int64_t b = 0; value && b < batch; b++) {
		int64_t offset = lengths ? value_i32(lengths, b) - rows : past;

		for (int64_t i = 0; i < rows; i++)
			((int32_t *)value->data)[b * rows + i] = (int32_t)(i + offset);
	}
	return value;
}

/* The scores at a stage: 0 after q k' scale, 1 after the soft cap, 2 after the mask; composed, since inside of our
 * attention they have no name. 3 is its second output. */
static const struct value *scores(struct run *run, const struct value *q, const struct value *k,
				  const struct value *mask, int64_t mode, float scale, float softcap)
{
	const struct value *s = apply(run, "matmul", INPUTS(q, k), "transpose_b = true");

	s = apply2(run, "mul", s, value_float(run, scale));
	if (mode >= 1 && softcap != 0) {
		s = apply1(run, "tanh", apply2(run, "div", s, value_float(run, softcap)));
		s = apply2(run, "mul", s, value_float(run, softcap));
	}
	if (mode >= 2 && mask && mask->type.dtype == CLADE_F32)
		s = apply2(run, "add", s, mask);
	return s;
}

static void map_attention(struct run *run)
{
	const struct value *q = heads_of(run, run->in[Q], "q_num_heads"),
			   *k = heads_of(run, run->in[K], "kv_num_heads");
	const struct value *v = heads_of(run, run->in[V], "kv_num_heads"), *mask, *y, *weights;
	int64_t past = input(run, PAST_KEY) ? run->in[PAST_KEY]->type.dims[2] : 0,
		mode = attr_int(run, "qk_matmul_output_mode", 0);
	bool causal = attr_int(run, "is_causal", 0), flat = run->in[Q]->type.rank == 3;
	float softcap = attr_float(run, "softcap", 0), scale = attr_float(run, "scale", 0);

	if (past) {
		k = apply(run, "concat", INPUTS(run->in[PAST_KEY], k), "axis = 2");
		v = apply(run, "concat", INPUTS(run->in[PAST_VALUE], v), "axis = 2");
		run->out[1] = k;
		run->out[2] = v;
	}
	if (!q || !k || !v)
		return;
	scale = scale != 0 ? scale : (float)(1.0 / sqrt((double)q->type.dims[3]));
	mask = full_mask(run, input(run, MASK), k->type.dims[2]);
	y = apply(run, "attention",
		  INPUTS(q, k, v, mask && mask->type.dtype == CLADE_BOOL ? mask : NULL,
			 mask && mask->type.dtype == CLADE_F32 ? mask : NULL,
			 causal ? positions(run, q->type.dims[0], q->type.dims[2], past) : NULL, input(run, LENGTHS)),
		  "causal = %s, scale = %.9g, softcap = %.9g", causal ? "true" : "false", (double)scale,
		  (double)softcap);
	weights = run->last[1];
	run->out[0] = flat && y ? apply1(run, "merge_heads", y) : y;
	if (run->out_count > 3 && run->expected[3])
		run->out[3] = mode == 3 ? weights : scores(run, q, k, mask, mode, scale, softcap);
}

const struct mapping onnx_attention[] = {
	{ "Attention", map_attention, NULL },
	{ NULL, NULL, NULL },
};

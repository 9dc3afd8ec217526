/* SPDX-License-Identifier: MIT */
/* ONNX's operators over rows: reductions, norms, softmax, products, rotary embedding. */
#include "onnx.h"

#include <string.h>

/* Reduces over the axes that the node names, one after another, and shapes the result as keepdims says. */
static const struct value *reduce(struct run *run, const char *op, const struct value *x)
{
	const struct value *axes = run->in_count > 1 ? run->in[1] : NULL;
	bool keep = attr_int(run, "keepdims", 1), all = !axes || value_count(axes) == 0,
	     gone[CLADE_MAX_RANK] = { false };
	int64_t dims[CLADE_MAX_RANK];
	uint32_t rank = 0;

	if (all && attr_int(run, "noop_with_empty_axes", 0))
		return apply1(run, "copy", x);
	for (uint32_t i = 0; i < x->type.rank; i++)
		gone[i] = all;
	for (int64_t k = 0; !all && k < value_count(axes); k++)
		gone[axis_of(x, value_i32(axes, k))] = true;
	for (uint32_t i = 0; i < x->type.rank; i++) {
		if (!gone[i] || keep)
			dims[rank++] = gone[i] ? 1 : x->type.dims[i];
	}
	for (uint32_t i = 0; x && i < CLADE_MAX_RANK; i++)
		if (gone[i])
			x = apply(run, op, INPUTS(x), "axis = %u, keepdims = true", i);
	return reshape_to(run, x, rank, dims);
}

static void map_reduce_sum(struct run *run)
{
	run->out[0] = reduce(run, "reduce_sum", run->in[0]);
}

static void map_reduce_mean(struct run *run)
{
	run->out[0] = reduce(run, "reduce_mean", run->in[0]);
}

static void map_reduce_max(struct run *run)
{
	run->out[0] =
		cast_to(run, reduce(run, "reduce_max", cast_to(run, run->in[0], CLADE_F32)), run->in[0]->type.dtype);
}

static void map_reduce_sum_square(struct run *run)
{
	const struct value *square = apply2(run, "mul", run->in[0], run->in[0]);

	run->out[0] = square ? reduce(run, "reduce_sum", square) : NULL;
}

/* Ours takes the lowest index of equal ones along the last axis; the highest is found in the reversed row. */
static void map_argmax(struct run *run)
{
	const struct value *x = run->in[0], *rows, *found;
	int64_t axis = axis_of(x, attr_int(run, "axis", 0)), last = x->type.rank - 1, n = x->type.dims[axis];
	int64_t dims[CLADE_MAX_RANK];
	uint32_t rank = 0;

	rows = swap_axes(run, x, axis, last);
	if (attr_int(run, "select_last_index", 0)) {
		struct value *order = value_new(run, CLADE_I32, 1, &n);

		for (int64_t i = 0; order && i < n; i++)
			((int32_t *)order->data)[i] = (int32_t)(n - 1 - i);
		rows = swap_axes(run, apply2(run, "gather", swap_axes(run, rows, 0, last), order), 0, last);
		found = apply2(run, "sub", value_int(run, (int32_t)n - 1), apply1(run, "argmax", rows));
	} else {
		found = apply1(run, "argmax", rows);
	}
	/* [.., last where axis was, ..]: put the axes back by way of a trailing 1 */
	for (uint32_t i = 0; i < x->type.rank; i++)
		dims[i] = i == axis ? x->type.dims[last] : x->type.dims[i];
	dims[last] = 1;
	found = swap_axes(run, reshape_to(run, found, x->type.rank, dims), axis, last);
	for (uint32_t i = 0; i < x->type.rank; i++)
		if (i != axis || attr_int(run, "keepdims", 1))
			dims[rank++] = i == axis ? 1 : x->type.dims[i];
	run->out[0] = reshape_to(run, found, rank, dims);
}

static void map_top_k(struct run *run)
{
	const struct value *x = cast_to(run, run->in[0], CLADE_F32), *values, *indices;
	int64_t axis = axis_of(run->in[0], attr_int(run, "axis", -1)), last = run->in[0]->type.rank - 1;
	bool largest = attr_int(run, "largest", 1);

	x = swap_axes(run, largest ? x : apply1(run, "neg", x), axis, last);
	values = apply(run, "top_k", INPUTS(x), "k = %d", value_i32(run->in[1], 0));
	indices = run->last[1];
	if (!values)
		return;
	values = largest ? values : apply1(run, "neg", values);
	run->out[0] = cast_to(run, swap_axes(run, values, axis, last), run->in[0]->type.dtype);
	run->out[1] = swap_axes(run, indices, axis, last);
}

static void map_softmax(struct run *run)
{
	run->out[0] = apply(run, "softmax", INPUTS(run->in[0]), "axis = %lld", (long long)attr_int(run, "axis", -1));
}

static void map_log_softmax(struct run *run)
{
	map_softmax(run);
	run->out[0] = apply1(run, "log", run->out[0]);
}

/* Axes from `axis` on as one row. */
static const struct value *as_rows(struct run *run, const struct value *x, int64_t axis, int64_t dims[2])
{
	dims[0] = dims[1] = 1;
	for (uint32_t i = 0; i < x->type.rank; i++)
		dims[i >= axis] *= x->type.dims[i];
	return reshape_to(run, x, 2, dims);
}

static const struct value *as_line(struct run *run, const struct value *x)
{
	int64_t count = x ? value_count(x) : 0;

	return x ? reshape_to(run, x, 1, &count) : NULL;
}

static void map_layer_norm(struct run *run)
{
	const struct value *x = run->in[0], *rows, *mean, *centred, *variance;
	int64_t axis = axis_of(x, attr_int(run, "axis", -1)), dims[2], kept[CLADE_MAX_RANK];
	double eps = (double)attr_float(run, "epsilon", 1e-5f);

	rows = as_rows(run, x, axis, dims);
	run->out[0] = reshape_to(
		run,
		apply(run, "layer_norm",
		      INPUTS(rows, as_line(run, run->in[1]), run->in_count > 2 ? as_line(run, run->in[2]) : NULL),
		      "eps = %.9g", eps),
		x->type.rank, x->type.dims);
	/* The mean and 1 / deviation that ONNX also gives are no outputs of ours: composed. */
	for (uint32_t i = 0; i < x->type.rank; i++)
		kept[i] = i < axis ? x->type.dims[i] : 1;
	mean = apply(run, "reduce_mean", INPUTS(rows), "keepdims = true");
	centred = apply2(run, "sub", rows, mean);
	variance = apply(run, "reduce_mean", INPUTS(apply2(run, "mul", centred, centred)), "keepdims = true");
	variance = apply2(run, "add", variance, value_float(run, (float)eps));
	run->out[1] = reshape_to(run, mean, x->type.rank, kept);
	run->out[2] = reshape_to(run, apply1(run, "rsqrt", variance), x->type.rank, kept);
}

static void map_rms_norm(struct run *run)
{
	const struct value *x = run->in[0], *rows;
	int64_t dims[2];

	rows = as_rows(run, x, axis_of(x, attr_int(run, "axis", -1)), dims);
	rows = apply(run, "rms_norm", INPUTS(rows, as_line(run, run->in[1])), "eps = %.9g",
		     (double)attr_float(run, "epsilon", 1e-5f));
	run->out[0] = reshape_to(run, rows, x->type.rank, x->type.dims);
}

static void map_matmul(struct run *run)
{
	const struct value *a = run->in[0], *b = run->in[1];

	if (a->type.rank == 1 && b->type.rank == 1) {
		a = reshape_to(run, a, 2, (int64_t[]) { 1, a->type.dims[0] });
		b = reshape_to(run, b, 2, (int64_t[]) { b->type.dims[0], 1 });
		run->out[0] = reshape_to(run, apply2(run, "matmul", a, b), 0, NULL);
	} else {
		run->out[0] = apply2(run, "matmul", a, b);
	}
}

static void map_gemm(struct run *run)
{
	const struct value *y;

	y = apply(run, "matmul", INPUTS(run->in[0], run->in[1]), "transpose_a = %s, transpose_b = %s",
		  attr_int(run, "transA", 0) ? "true" : "false", attr_int(run, "transB", 0) ? "true" : "false");
	y = apply2(run, "mul", y, value_float(run, attr_float(run, "alpha", 1)));
	if (run->in_count > 2 && run->in[2])
		y = apply2(run, "add", y, apply2(run, "mul", run->in[2], value_float(run, attr_float(run, "beta", 1))));
	run->out[0] = y;
}

/* The tables of cosines and sines are inputs here (random ones in these tests), where our rope makes its own: so the
 * rotation is composed, and only the gathering and the arithmetic are ours. */
static void map_rotary(struct run *run)
{
	const struct value *x = run->in[0], *part, *cosine, *sine, *one, *two, *first, *second;
	int64_t width = attr_int(run, "rotary_embedding_dim", 0), d = x->type.dims[3], half, b, t;
	bool interleaved = attr_int(run, "interleaved", 0);

	if (x->type.rank != 4 || run->in_count < 4 || !run->in[3]) {
		unmapped(run, "without position_ids or with rank 3");
		return;
	}
	width = width ? width : d;
	half = width / 2;
	b = x->type.dims[0];
	t = x->type.dims[2];
	cosine = reshape_to(run, apply2(run, "gather", run->in[1], run->in[3]), 4, (int64_t[]) { b, 1, t, half });
	sine = reshape_to(run, apply2(run, "gather", run->in[2], run->in[3]), 4, (int64_t[]) { b, 1, t, half });
	part = slice_of(run, x, 3, 0, width, 1);
	one = interleaved ? slice_of(run, part, 3, 0, width, 2) : slice_of(run, part, 3, 0, half, 1);
	two = interleaved ? slice_of(run, part, 3, 1, width, 2) : slice_of(run, part, 3, half, width, 1);
	first = apply2(run, "sub", apply2(run, "mul", one, cosine), apply2(run, "mul", two, sine));
	second = apply2(run, "add", apply2(run, "mul", one, sine), apply2(run, "mul", two, cosine));
	if (interleaved && first) {
		int64_t wide[5] = { b, x->type.dims[1], t, half, 1 }, flat[4] = { b, x->type.dims[1], t, width };

		first = reshape_to(run, first, 5, wide);
		second = reshape_to(run, second, 5, wide);
		part = reshape_to(run, apply(run, "concat", INPUTS(first, second), "axis = 4"), 4, flat);
	} else {
		part = apply(run, "concat", INPUTS(first, second), "axis = 3");
	}
	run->out[0] =
		width == d ? part : apply(run, "concat", INPUTS(part, slice_of(run, x, 3, width, d, 1)), "axis = 3");
}

const struct mapping onnx_rows[] = {
	{ "ReduceSum", map_reduce_sum, NULL },
	{ "ReduceMean", map_reduce_mean, NULL },
	{ "ReduceMax", map_reduce_max, NULL },
	{ "ReduceSumSquare", map_reduce_sum_square, NULL },
	{ "ArgMax", map_argmax, NULL },
	{ "TopK", map_top_k, NULL },
	{ "Softmax", map_softmax, NULL },
	{ "LogSoftmax", map_log_softmax, NULL },
	{ "LayerNormalization", map_layer_norm, NULL },
	{ "RMSNormalization", map_rms_norm, NULL },
	{ "MatMul", map_matmul, NULL },
	{ "Gemm", map_gemm, NULL },
	{ "RotaryEmbedding", map_rotary, NULL },
	{ NULL, NULL, NULL },
};

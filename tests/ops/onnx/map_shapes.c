/* SPDX-License-Identifier: MIT */
/* ONNX's operators that move elements: shapes, slices, gathers, triangles. */
#include "onnx.h"

#include <string.h>

static void map_reshape(struct run *run)
{
	const struct value *x = run->in[0], *shape = run->in[1];
	int64_t dims[CLADE_MAX_RANK], rest = value_count(x), at = -1, rank = value_count(shape);

	if (rank > CLADE_MAX_RANK || attr_int(run, "allowzero", 0)) {
		unmapped(run, "rank %lld or allowzero", (long long)rank);
		return;
	}
	for (int64_t i = 0; i < rank; i++) {
		dims[i] = value_i32(shape, i);
		if (dims[i] == 0)
			dims[i] = x->type.dims[i];
		if (dims[i] < 0)
			at = i;
		else if (dims[i])
			rest /= dims[i];
	}
	if (at >= 0)
		dims[at] = rest;
	run->out[0] = reshape_to(run, x, (uint32_t)rank, dims);
}

static void map_flatten(struct run *run)
{
	const struct value *x = run->in[0];
	int64_t dims[2] = { 1, 1 };

	for (uint32_t i = 0; i < x->type.rank; i++)
		dims[i >= axis_of(x, attr_int(run, "axis", 1))] *= x->type.dims[i];
	run->out[0] = reshape_to(run, x, 2, dims);
}

/* Squeeze and Unsqueeze: the expected shape follows from the axes alone. */
static void map_squeeze(struct run *run)
{
	const struct value *x = run->in[0];
	int64_t dims[CLADE_MAX_RANK];
	uint32_t rank = 0;

	for (uint32_t i = 0; i < x->type.rank; i++) {
		bool gone = run->in_count < 2 && x->type.dims[i] == 1;

		for (int64_t k = 0; run->in_count > 1 && k < value_count(run->in[1]); k++)
			gone |= axis_of(x, value_i32(run->in[1], k)) == i;
		if (!gone)
			dims[rank++] = x->type.dims[i];
	}
	run->out[0] = reshape_to(run, x, rank, dims);
}

static void map_unsqueeze(struct run *run)
{
	const struct value *x = run->in[0];
	uint32_t rank = x->type.rank + (uint32_t)value_count(run->in[1]), from = 0;
	int64_t dims[CLADE_MAX_RANK];

	for (uint32_t i = 0; i < rank && rank <= CLADE_MAX_RANK; i++) {
		bool fresh = false;

		for (int64_t k = 0; k < value_count(run->in[1]); k++) {
			int64_t axis = value_i32(run->in[1], k);

			fresh |= (axis < 0 ? axis + rank : axis) == i;
		}
		dims[i] = fresh ? 1 : x->type.dims[from++];
	}
	run->out[0] = reshape_to(run, x, rank, dims);
}

static void map_concat(struct run *run)
{
	run->out[0] = apply(run, "concat", run->in_count, run->in, "axis = %lld", (long long)attr_int(run, "axis", 0));
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static void map_slice(struct run *run)
{
	const struct value *x = run->in[0];

	for (int64_t k = 0; k < value_count(run->in[1]); k++) {
		int64_t axis = run->in_count > 3 && run->in[3] ? axis_of(x, value_i32(run->in[3], k)) : k;
		int64_t step = run->in_count > 4 && run->in[4] ? value_i32(run->in[4], k) : 1;
		int64_t size = run->in[0]->type.dims[axis];
		int64_t start = value_i32(run->in[1], k), end = value_i32(run->in[2], k);

		if (step < 1) {
			unmapped(run, "a slice that goes backwards");
			return;
		}
		start = clamp(start < 0 ? start + size : start, 0, size);
		end = clamp(end < 0 ? end + size : end, start, size);
		x = slice_of(run, x, axis, start, end, step);
		if (!x)
			return;
	}
	run->out[0] = x;
}

static void map_split(struct run *run)
{
	const struct value *x = run->in[0], *sizes = run->in_count > 1 ? run->in[1] : NULL;
	int64_t axis = axis_of(x, attr_int(run, "axis", 0)), size = x->type.dims[axis], start = 0;
	int64_t part = (size + (int64_t)run->out_count - 1) / (int64_t)run->out_count;

	for (size_t i = 0; i < run->out_count; i++) {
		int64_t end = start + (sizes ? value_i32(sizes, (int64_t)i) : part);

		end = end > size ? size : end;
		run->out[i] = slice_of(run, x, axis, start, end, 1);
		start = end;
	}
}

/* Along other axes than 0 by transposing; indices below 0 count from the end in ONNX, so they are shifted first. */
static void map_gather(struct run *run)
{
	const struct value *x = run->in[0], *indices = run->in[1], *moved;
	int64_t axis = axis_of(x, attr_int(run, "axis", 0)), dims[CLADE_MAX_RANK];
	uint32_t rank = 0;

	if (indices->type.rank + x->type.rank - 1 > CLADE_MAX_RANK) {
		unmapped(run, "rank above %d", CLADE_MAX_RANK);
		return;
	}
	moved = apply2(run, "add", indices, value_int(run, (int32_t)x->type.dims[axis]));
	indices =
		apply(run, "where", INPUTS(apply2(run, "less", indices, value_int(run, 0)), moved, indices), "%s", "");
	/* [before, axis, after] -> [axis, before, after] -> [indices, before, after] -> [before, indices, after] */
	dims[0] = dims[2] = 1;
	dims[1] = x->type.dims[axis];
	for (uint32_t i = 0; i < x->type.rank; i++)
		if (i != axis)
			dims[i < axis ? 0 : 2] *= x->type.dims[i];
	if (!indices)
		return;
	moved = apply2(run, "gather", swap_axes(run, reshape_to(run, x, 3, dims), 0, 1),
		       reshape_to(run, indices, 1, (int64_t[]) { value_count(indices) }));
	moved = swap_axes(run, moved, 0, 1);
	for (uint32_t i = 0; i < x->type.rank; i++) {
		if (i != axis)
			dims[rank++] = x->type.dims[i];
		for (uint32_t k = 0; i == axis && k < indices->type.rank; k++)
			dims[rank++] = indices->type.dims[k];
	}
	run->out[0] = reshape_to(run, moved, rank, dims);
}

/* 0, 1, ..., count - 1 along an axis of `rank`. */
static const struct value *counter(struct run *run, int64_t count, uint32_t rank, uint32_t axis)
{
	int64_t dims[CLADE_MAX_RANK] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	struct value *value;

	dims[axis] = count;
	value = value_new(run, CLADE_I32, rank, dims);
	for (int64_t i = 0; value && i < count; i++)
		((int32_t *)value->data)[i] = (int32_t)i;
	return value;
}

/* Keeps x where column - row <= k (lower) or >= k (upper). */
static void map_trilu(struct run *run)
{
	const struct value *x = run->in[0], *row, *column, *edge;
	uint32_t rank = x->type.rank;
	int32_t k = run->in_count > 1 && run->in[1] ? value_i32(run->in[1], 0) : 0;
	bool upper = attr_int(run, "upper", 1);

	row = counter(run, x->type.dims[rank - 2], rank, rank - 2);
	column = counter(run, x->type.dims[rank - 1], rank, rank - 1);
	edge = apply2(run, "sub", column, row);
	edge = upper ? apply2(run, "less", edge, value_int(run, k)) : apply2(run, "greater", edge, value_int(run, k));
	run->out[0] = apply(run, "where", INPUTS(edge, value_int(run, 0), x), "%s", "");
}

static void map_one_hot(struct run *run)
{
	const struct value *indices = cast_to(run, run->in[0], CLADE_I32), *hit;
	int64_t depth = (int64_t)((const float *)run->in[1]->data)[0], axis = attr_int(run, "axis", -1);
	int64_t dims[CLADE_MAX_RANK];
	uint32_t rank = run->in[0]->type.rank + 1;

	if (run->in[1]->type.dtype != CLADE_F32 || run->in[2]->type.dtype != CLADE_F32) {
		unmapped(run, "integer depth");
		return;
	}
	if (!indices)
		return;
	axis = axis < 0 ? axis + rank : axis;
	for (uint32_t i = 0; i < rank; i++)
		dims[i] = i == axis ? 1 : indices->type.dims[i > axis ? i - 1 : i];
	hit = apply2(run, "add", indices, value_int(run, (int32_t)depth));
	hit = apply(run, "where", INPUTS(apply2(run, "less", indices, value_int(run, 0)), hit, indices), "%s", "");
	hit = apply2(run, "equal", reshape_to(run, hit, rank, dims), counter(run, depth, rank, (uint32_t)axis));
	run->out[0] = apply(run, "where",
			    INPUTS(hit, value_float(run, ((const float *)run->in[2]->data)[1]),
				   value_float(run, ((const float *)run->in[2]->data)[0])),
			    "%s", "");
}

const struct mapping onnx_shapes[] = {
	{ "Reshape", map_reshape, NULL },
	{ "Flatten", map_flatten, NULL },
	{ "Squeeze", map_squeeze, NULL },
	{ "Unsqueeze", map_unsqueeze, NULL },
	{ "Concat", map_concat, NULL },
	{ "Slice", map_slice, NULL },
	{ "Split", map_split, NULL },
	{ "Gather", map_gather, NULL },
	{ "Trilu", map_trilu, NULL },
	{ "OneHot", map_one_hot, NULL },
	{ "Shape", NULL, "a shape is part of a type here, never a tensor" },
	{ "Range", NULL, "no op makes values from nothing" },
	{ "GatherElements", NULL, "we gather whole rows" },
	{ "SplitToSequence", NULL, "there are no sequences" },
	{ "CumSum", NULL, "no running sums" },
	{ NULL, NULL, NULL },
};

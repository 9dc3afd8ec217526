/* SPDX-License-Identifier: MIT */
/* What mappers compute with: values, and our ops applied to them. */
#include "onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct value *end_run(struct run *run, enum run_status status, const char *format, va_list args)
{
	if (!run->status) {
		run->status = status;
		vsnprintf(run->reason, sizeof(run->reason), format, args);
	}
	return NULL;
}

const struct value *unmapped(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end_run(run, RUN_UNMAPPED, format, args);
	va_end(args);
	return NULL;
}

const struct value *failed(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end_run(run, RUN_FAILED, format, args);
	va_end(args);
	return NULL;
}

struct value *value_new(struct run *run, enum clade_dtype dtype, uint32_t rank, const int64_t *dims)
{
	struct value *value = run->status || run->value_count == ONNX_VALUES ? NULL : calloc(1, sizeof(*value));
	size_t bytes = 0;

	if (!value) {
		failed(run, "too many values");
		return NULL;
	}
	value->type.dtype = dtype;
	value->type.rank = rank;
	if (rank)
		memcpy(value->type.dims, dims, rank * sizeof(*dims));
	if (clade_type_bytes(&value->type, &bytes))
		value->data = clade_alloc(NULL, bytes);
	run->values[run->value_count++] = value;
	if (value->data)
		return value;
	failed(run, "no memory");
	return NULL;
}

const struct value *value_float(struct run *run, float number)
{
	struct value *value = value_new(run, CLADE_F32, 0, NULL);

	if (value)
		*(float *)value->data = number;
	return value;
}

const struct value *value_int(struct run *run, int32_t number)
{
	struct value *value = value_new(run, CLADE_I32, 0, NULL);

	if (value)
		*(int32_t *)value->data = number;
	return value;
}

int64_t value_count(const struct value *value)
{
	int64_t count = 0;

	clade_type_count(&value->type, &count);
	return count;
}

int32_t value_i32(const struct value *value, int64_t index)
{
	return ((const int32_t *)value->data)[index];
}

int64_t axis_of(const struct value *value, int64_t axis)
{
	return axis < 0 ? axis + value->type.rank : axis;
}

const struct value *apply(struct run *run, const char *op, size_t count, const struct value *const *inputs,
			  const char *attrs, ...)
{
	struct single single = { .context = run->context, .device = run->device, .queue = run->queue, .op = op };
	struct clade_diag diag;
	char text[512];
	va_list args;

	va_start(args, attrs);
	vsnprintf(text, sizeof(text), attrs, args);
	va_end(args);
	if (run->status)
		return NULL;
	single.attrs = text;
	single.input_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++)
		if (inputs[i])
			single.inputs[i] = (struct single_tensor) { true, inputs[i]->type, inputs[i]->data };
	clade_diag_init(&diag);
	if (single_run(&single, &diag))
		failed(run, "%s(%s): %s", op, text, diag.text);
	clade_diag_finish(&diag);
	memset(run->last, 0, sizeof(run->last));
	for (uint32_t i = 0; i < single.output_count && !run->status; i++) {
		const struct clade_type *type = &single.outputs[i].type;
		struct value *value = value_new(run, type->dtype, type->rank, type->dims);
		size_t bytes = 0;

		clade_type_bytes(type, &bytes);
		if (value)
			memcpy(value->data, single.outputs[i].data, bytes);
		run->last[i] = value;
	}
	single_finish(&single);
	run->applied++;
	return run->status ? NULL : run->last[0];
}

const struct value *apply1(struct run *run, const char *op, const struct value *a)
{
	return apply(run, op, INPUTS(a), "%s", "");
}

const struct value *apply2(struct run *run, const char *op, const struct value *a, const struct value *b)
{
	return apply(run, op, INPUTS(a, b), "%s", "");
}

const struct value *cast_to(struct run *run, const struct value *value, enum clade_dtype dtype)
{
	if (!value || value->type.dtype == dtype)
		return value;
	return apply(run, "cast", INPUTS(value), "to = \"%s\"", clade_dtype_info(dtype)->name);
}

static const char *list_text(uint32_t count, const int64_t *numbers, char *out, size_t size)
{
	size_t at = (size_t)snprintf(out, size, "[");

	for (uint32_t i = 0; i < count && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%lld", i ? ", " : "", (long long)numbers[i]);
	if (at < size)
		snprintf(out + at, size - at, "]");
	return out;
}

const struct value *reshape_to(struct run *run, const struct value *value, uint32_t rank, const int64_t *dims)
{
	char text[256];

	if (!value || rank > CLADE_MAX_RANK)
		return value ? unmapped(run, "rank %u", rank) : NULL;
	return apply(run, "reshape", INPUTS(value), "shape = %s", list_text(rank, dims, text, sizeof(text)));
}

const struct value *swap_axes(struct run *run, const struct value *value, int64_t a, int64_t b)
{
	int64_t axes[CLADE_MAX_RANK];
	char text[256];

	if (!value || a == b)
		return value;
	for (uint32_t i = 0; i < value->type.rank; i++)
		axes[i] = i == a ? b : i == b ? a : (int64_t)i;
	return apply(run, "transpose", INPUTS(value), "axes = %s",
		     list_text(value->type.rank, axes, text, sizeof(text)));
}

const struct value *slice_of(struct run *run, const struct value *value, int64_t axis, int64_t start, int64_t end,
			     int64_t step)
{
	return apply(run, "slice", INPUTS(value), "axis = %lld, start = %lld, end = %lld, step = %lld", (long long)axis,
		     (long long)start, (long long)end, (long long)step);
}

/* ---- attributes ---- */

static const AttributeProto *find_attr(const struct run *run, const char *name)
{
	for (size_t i = 0; i < run->node->n_attribute; i++)
		if (strcmp(run->node->attribute[i]->name, name) == 0)
			return run->node->attribute[i];
	return NULL;
}

int64_t attr_int(const struct run *run, const char *name, int64_t otherwise)
{
	const AttributeProto *attr = find_attr(run, name);

	return attr ? attr->i : otherwise;
}

float attr_float(const struct run *run, const char *name, float otherwise)
{
	const AttributeProto *attr = find_attr(run, name);

	return attr ? attr->f : otherwise;
}

const char *attr_text(const struct run *run, const char *name, char *out, size_t size)
{
	const AttributeProto *attr = find_attr(run, name);

	snprintf(out, size, "%.*s", attr ? (int)attr->s.len : 0, attr ? (const char *)attr->s.data : "");
	return out;
}

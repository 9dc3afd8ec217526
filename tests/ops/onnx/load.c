/* SPDX-License-Identifier: MIT */
/* Reading a folder of ONNX's node tests: model.onnx with one node, tensors as .pb files. */
#include "onnx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *read_file(const char *path, size_t *out_bytes)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long size;

	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	if (size >= 0 && (bytes = malloc((size_t)size + 1)))
		*out_bytes = fread(bytes, 1, (size_t)size, file);
	fclose(file);
	return bytes;
}

/* ---- elements: from raw bytes or from the typed lists ---- */

static double element_f32(const uint8_t *raw)
{
	float value;

	memcpy(&value, raw, sizeof(value));
	return (double)value;
}
static double element_f64(const uint8_t *raw)
{
	double value;

	memcpy(&value, raw, sizeof(value));
	return value;
}
static double element_f16(const uint8_t *raw)
{
	return (double)clade_f16_to_f32((uint16_t)(raw[0] | raw[1] << 8));
}
static double element_bf16(const uint8_t *raw)
{
	return (double)clade_bf16_to_f32((uint16_t)(raw[0] | raw[1] << 8));
}
#define INTEGER(name, ctype)                                                                                           \
	static double name(const uint8_t *raw)                                                                         \
	{                                                                                                              \
		ctype value;                                                                                           \
                                                                                                                       \
		memcpy(&value, raw, sizeof(value));                                                                    \
		return (double)value;                                                                                  \
	}
INTEGER(element_u8, uint8_t)
INTEGER(element_i8, int8_t)
INTEGER(element_u16, uint16_t)
INTEGER(element_i16, int16_t)
INTEGER(element_u32, uint32_t)
INTEGER(element_i32, int32_t)
INTEGER(element_u64, uint64_t)
INTEGER(element_i64, int64_t)

static const struct element {
	int onnx;
	enum clade_dtype ours;
	size_t bytes;
	double (*load)(const uint8_t *raw);
} elements[] = {
	{ ONNX_FLOAT, CLADE_F32, 4, element_f32 },   { ONNX_DOUBLE, CLADE_F32, 8, element_f64 },
	{ ONNX_FLOAT16, CLADE_F32, 2, element_f16 }, { ONNX_BFLOAT16, CLADE_F32, 2, element_bf16 },
	{ ONNX_UINT8, CLADE_I32, 1, element_u8 },    { ONNX_INT8, CLADE_I32, 1, element_i8 },
	{ ONNX_UINT16, CLADE_I32, 2, element_u16 },  { ONNX_INT16, CLADE_I32, 2, element_i16 },
	{ ONNX_UINT32, CLADE_I32, 4, element_u32 },  { ONNX_INT32, CLADE_I32, 4, element_i32 },
	{ ONNX_UINT64, CLADE_I32, 8, element_u64 },  { ONNX_INT64, CLADE_I32, 8, element_i64 },
	{ ONNX_BOOL, CLADE_BOOL, 1, element_u8 },
};

static const struct element *find_element(int onnx)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (elements[i].onnx == onnx)
			return &elements[i];
	return NULL;
}

static double list_element(const TensorProto *tensor, size_t i)
{
	if (i < tensor->n_float_data)
		return (double)tensor->float_data[i];
	if (i < tensor->n_int32_data) /* f16 and bf16 lie here as bits */
		return tensor->data_type == ONNX_FLOAT16 ? (double)clade_f16_to_f32((uint16_t)tensor->int32_data[i])
							 : (double)tensor->int32_data[i];
	if (i < tensor->n_int64_data)
		return (double)tensor->int64_data[i];
	if (i < tensor->n_double_data)
		return tensor->double_data[i];
	return i < tensor->n_uint64_data ? (double)tensor->uint64_data[i] : NAN;
}

/* Integers of any width are taken as i32 if they fit, f64 as f32 if exactly representable. */
static bool convert(struct run *run, const TensorProto *tensor, const struct element *element, struct value *value)
{
	int64_t count = value_count(value);

	if (tensor->has_raw_data && tensor->raw_data.len != (size_t)count * element->bytes)
		return failed(run, "raw data has %zu bytes", tensor->raw_data.len);
	for (int64_t i = 0; i < count; i++) {
		double number = tensor->has_raw_data ? element->load(tensor->raw_data.data + (size_t)i * element->bytes)
						     : list_element(tensor, (size_t)i);

		if (element->ours == CLADE_F32) {
			if (element->onnx == ONNX_DOUBLE && (double)(float)number != number && !isnan(number))
				return unmapped(run, "an f64 that is no f32; we compute in f32");
			((float *)value->data)[i] = (float)number;
		} else if (element->ours == CLADE_I32) {
			if (!(number >= INT32_MIN && number <= INT32_MAX))
				return unmapped(run, "an integer beyond 32 bits");
			((int32_t *)value->data)[i] = (int32_t)number;
		} else {
			((uint8_t *)value->data)[i] = number != 0;
		}
	}
	return true;
}

static const struct value *read_tensor(struct run *run, const char *folder, const char *kind, size_t number)
{
	char path[1024];
	size_t bytes = 0;
	uint8_t *data;
	TensorProto *tensor;
	const struct element *element;
	struct value *value = NULL;

	snprintf(path, sizeof(path), "%s/test_data_set_0/%s_%zu.pb", folder, kind, number);
	data = read_file(path, &bytes);
	tensor = data ? tensor_proto__unpack(NULL, bytes, data) : NULL;
	free(data);
	if (!tensor)
		return failed(run, "%s_%zu.pb is no tensor", kind, number);
	element = find_element(tensor->data_type);
	if (!element)
		unmapped(run, "element type %d (ONNX's number)", tensor->data_type);
	else if (tensor->n_dims > CLADE_MAX_RANK)
		unmapped(run, "rank %zu", tensor->n_dims);
	else
		value = value_new(run, element->ours, (uint32_t)tensor->n_dims, tensor->dims);
	if (value)
		value->onnx = tensor->data_type;
	if (value && !convert(run, tensor, element, value))
		value = NULL;
	tensor_proto__free_unpacked(tensor, NULL);
	return value;
}

/* Puts the k-th file of a kind where the node names it. */
static bool bind(struct run *run, const char *folder, const char *kind, size_t file_count, ValueInfoProto *const *files,
		 size_t name_count, char *const *names, const struct value **places)
{
	if (name_count > ONNX_PORTS)
		return unmapped(run, "%zu %ss", name_count, kind) != NULL;
	for (size_t f = 0; f < file_count; f++) {
		const struct value *value;

		if (files[f]->type && !files[f]->type->has_tensor_type)
			return unmapped(run, "%s is an optional or a sequence, no tensor", files[f]->name);
		value = read_tensor(run, folder, kind, f);
		if (!value)
			return false;
		for (size_t n = 0; n < name_count; n++)
			if (strcmp(names[n], files[f]->name) == 0)
				places[n] = value;
	}
	return true;
}

bool onnx_load(struct run *run, const char *folder, ModelProto **out_model)
{
	char path[1024];
	size_t bytes = 0;
	uint8_t *data;
	GraphProto *graph;

	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	data = read_file(path, &bytes);
	*out_model = data ? model_proto__unpack(NULL, bytes, data) : NULL;
	free(data);
	graph = *out_model ? (*out_model)->graph : NULL;
	if (!graph || graph->n_node < 1)
		return failed(run, "model.onnx cannot be read");
	run->node = graph->node[0];
	run->in_count = run->node->n_input;
	run->out_count = run->node->n_output;
	if (graph->n_node != 1)
		return unmapped(run, "%zu nodes", graph->n_node);
	return bind(run, folder, "input", graph->n_input, graph->input, run->in_count, run->node->input, run->in) &&
	       bind(run, folder, "output", graph->n_output, graph->output, run->out_count, run->node->output,
		    run->expected);
}

void run_finish(struct run *run)
{
	for (size_t i = 0; i < run->value_count; i++) {
		clade_free(NULL, run->values[i]->data);
		free(run->values[i]);
	}
	run->value_count = 0;
}

/* SPDX-License-Identifier: MIT */
/* Builds the inputs that an op's case describes: the mini language of op.h, and a deterministic generator. */
#include "case.h"
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_GAP = 5 }; /* elements between rows of a "strided" input: odd, so that rows lose any alignment */

struct builder {
	struct clade_context *context;
	const struct clade_op *op;
	const struct clade_case *test_case;
	struct clade_case_data *data;
	uint64_t seed;
	struct clade_diag *diag;
};

/* One input line, taken apart. */
struct line {
	char port[64], fill[32];
	int64_t argument; /* N of ids:N, P of positions:P */
	bool has_argument;
	struct clade_type type;
	bool strided, weight;
	int64_t capacity;
};

static enum clade_status bad(struct builder *builder, const char *line, const char *what)
{
	return clade_fail(builder->diag, CLADE_ERR_DATA, CLADE_MSG_ARGUMENT, NULL, "%s, case \"%s\": \"%s\": %s",
			  builder->op->name, builder->test_case->name, line, what);
}

static const char *skip(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

/* Reads up to a space or one of `stops` into out. */
static const char *read_word(const char *at, const char *stops, char *out, size_t size)
{
	size_t length = strcspn(at, stops);

	snprintf(out, size, "%.*s", (int)length, at);
	return at + length;
}

static const char *read_number(const char *at, int64_t *out)
{
	char *end;

	*out = strtoll(at, &end, 10);
	return end == at || *at == ' ' ? NULL : end;
}

static const char *read_type(const char *at, struct clade_type *type)
{
	char name[16];

	at = read_word(at, "[ ", name, sizeof(name));
	if (*at++ != '[' || !clade_dtype_from_name(name, &type->dtype))
		return NULL;
	at = skip(at);
	while (*at != ']') {
		if (type->rank == CLADE_MAX_RANK)
			return NULL;
		at = read_number(at, &type->dims[type->rank++]);
		if (!at || type->dims[type->rank - 1] < 0)
			return NULL;
		at = skip(at);
		if (*at == ',')
			at = skip(at + 1);
		else if (*at != ']')
			return NULL;
	}
	return at + 1;
}

/* "port = type [fill[:N]] [option]..." */
static enum clade_status read_line(struct builder *builder, const char *text, struct line *line)
{
	char word[64];
	const char *at;

	memset(line, 0, sizeof(*line));
	at = skip(read_word(text, " =", line->port, sizeof(line->port)));
	if (*at != '=')
		return bad(builder, text, "it must read \"port = type fill\"");
	at = read_type(skip(at + 1), &line->type);
	if (!at)
		return bad(builder, text, "the type must read like f32[2, 3]");
	for (at = skip(at); *at; at = skip(at)) {
		int64_t number = 0;
		bool has_number;

		at = read_word(at, " :", word, sizeof(word));
		has_number = *at == ':';
		if (has_number) {
			at = read_number(at + 1, &number);
			if (!at || (*at && *at != ' '))
				return bad(builder, text, "a whole number must follow the colon");
		}
		if (strcmp(word, "strided") == 0 && !has_number) {
			line->strided = true;
		} else if (strcmp(word, "weight") == 0 && !has_number) {
			line->weight = true;
		} else if (strcmp(word, "state") == 0 && has_number) {
			line->capacity = number;
		} else if (!line->fill[0]) {
			snprintf(line->fill, sizeof(line->fill), "%.31s", word);
			line->argument = number;
			line->has_argument = has_number;
		} else {
			return bad(builder, text, "unknown word; options are strided, weight and state:C");
		}
	}
	return CLADE_OK;
}

/* The place of the port in the list of inputs; a variadic port's later tensors go behind it. */
static enum clade_status find_place(struct builder *builder, const char *text, const struct line *line,
				    uint32_t *out_place, const struct clade_port **out_port)
{
	struct clade_case_data *data = builder->data;

	for (uint32_t i = 0; builder->op->ports[i] && builder->op->ports[i]->flags & CLADE_IN; i++) {
		const struct clade_port *port = builder->op->ports[i];
		uint32_t place = i;

		if (strcmp(port->name, line->port) != 0)
			continue;
		while (port->flags & CLADE_VARIADIC && place < CLADE_MAX_PORTS && data->present[place])
			place++;
		if (place >= CLADE_MAX_PORTS)
			return bad(builder, text, "too many inputs");
		if (data->present[place])
			return bad(builder, text, "this input is given twice");
		*out_place = place;
		*out_port = port;
		return CLADE_OK;
	}
	return bad(builder, text, "the op has no such input");
}

static enum clade_status add_input(struct builder *builder, const char *text)
{
	struct clade_case_data *data = builder->data;
	const struct clade_port *port = NULL;
	struct line line;
	uint32_t place = 0;
	size_t bytes;
	enum clade_status status = read_line(builder, text, &line);

	if (!status)
		status = find_place(builder, text, &line, &place, &port);
	if (status)
		return status;
	if (!clade_type_bytes(&line.type, &bytes))
		return bad(builder, text, "its size overflows");
	if (line.capacity && (line.type.rank < 3 || line.capacity < line.type.dims[2]))
		return bad(builder, text, "a state's capacity is that of axis 2 and not less than its dim");
	data->inputs[place] = clade_alloc(builder->context, bytes);
	if (!data->inputs[place])
		return clade_fail_memory(builder->diag, bytes, "a case's input");
	data->present[place] = true;
	data->input_types[place] = line.type;
	data->row_gap[place] = line.strided ? ROW_GAP : 0;
	data->capacity[place] = line.capacity;
	data->sources[place] = line.weight                                    ? CLADE_FROM_WEIGHT
			       : (port->flags & CLADE_STATE || line.capacity) ? CLADE_FROM_STATE
									      : CLADE_FROM_VALUE;
	if (place >= data->input_count)
		data->input_count = place + 1;
	if (!clade_case_fill(&line.type, line.fill, line.argument, line.has_argument, builder->seed + place,
			     data->inputs[place]))
		return bad(builder, text, "unknown fill for this element type, or its number is missing or not wanted");
	return CLADE_OK;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return hash;
}

enum clade_status clade_case_build(struct clade_context *context, const struct clade_op *op,
				   const struct clade_case *test_case, uint64_t seed, struct clade_case_data *out,
				   struct clade_diag *diag)
{
	struct builder builder = { context, op, test_case, out, 0, diag };
	const struct clade_type *types[CLADE_MAX_PORTS] = { NULL };
	enum clade_status status;

	memset(out, 0, sizeof(*out));
	builder.seed =
		hash_text(hash_text(0xcbf29ce484222325ull ^ seed * 0x9e3779b97f4a7c15ull, op->name), test_case->name);
	out->params = clade_alloc(context, op->params_size);
	if (!out->params)
		return clade_fail_memory(diag, op->params_size, "a case's params");
	status = clade_params_parse(op, test_case->attrs, out->params, diag);
	for (size_t i = 0; test_case->inputs[i] && !status; i++)
		status = add_input(&builder, test_case->inputs[i]);
	/* Absent optional inputs at the end still count: implementations index inputs by port. */
	if (out->input_count < clade_op_port_count(op, CLADE_IN))
		out->input_count = clade_op_port_count(op, CLADE_IN);
	for (uint32_t i = 0; i < out->input_count; i++)
		types[i] = out->present[i] ? &out->input_types[i] : NULL;
	if (!status)
		status = clade_infer_types(op, out->params, out->input_count, types, out->output_types,
					   &out->output_count, diag);
	if (status)
		clade_case_finish(context, out);
	return status;
}

struct clade_node_info clade_case_node(const struct clade_case_data *data, const struct clade_device_info *device,
				       const struct clade_type **inputs, const struct clade_type **outputs)
{
	for (uint32_t i = 0; i < data->input_count; i++)
		inputs[i] = data->present[i] ? &data->input_types[i] : NULL;
	for (uint32_t i = 0; i < data->output_count; i++)
		outputs[i] = &data->output_types[i];
	return (struct clade_node_info) {
		.size = sizeof(struct clade_node_info),
		.params = data->params,
		.input_count = data->input_count,
		.output_count = data->output_count,
		.inputs = inputs,
		.outputs = outputs,
		.sources = data->sources,
		.device = device,
	};
}

void clade_case_finish(struct clade_context *context, struct clade_case_data *data)
{
	if (!data)
		return;
	clade_free(context, data->params);
	for (uint32_t i = 0; i < CLADE_MAX_PORTS; i++)
		clade_free(context, data->inputs[i]);
	memset(data, 0, sizeof(*data));
}

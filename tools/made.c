/* SPDX-License-Identifier: MIT */
/* Inputs made by the program: shapes from the graph's symbolic types, values that suit the input's name and type. */
#include "made.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const int64_t *find_dim(const struct dim_values *dims, const char *name, size_t length)
{
	for (size_t i = 0; i < dims->count; i++)
		if (strlen(dims->names[i]) == length && strncmp(dims->names[i], name, length) == 0)
			return &dims->values[i];
	return NULL;
}

static bool add_dim(struct dim_values *dims, const char *name, size_t length, int64_t value)
{
	if (dims->count == 32 || length > 63)
		return false;
	snprintf(dims->names[dims->count], 64, "%.*s", (int)length, name);
	dims->values[dims->count++] = value;
	return true;
}

enum clade_status dim_values_parse(struct tool *tool, const struct words *words, struct dim_values *out)
{
	*out = (struct dim_values) { 0 };
	for (size_t i = 0; i < words->count; i++) {
		char name[256], *end;
		const char *value;
		enum clade_status status = split_name(tool, "--dim", words->items[i], name, &value);
		if (status != CLADE_OK)
			return status;
		long long number = strtoll(value, &end, 10);
		if (end == value || *end != '\0' || number < 0 || number > 1 << 30 ||
		    find_dim(out, name, strlen(name)) != NULL || !add_dim(out, name, strlen(name), number))
			return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--dim",
					  "\"%.64s\" must be written NAME=N, each name once", words->items[i]);
	}
	return CLADE_OK;
}

/* Small, different and prime, so that mixed-up axes show; the first dim met is usually the batch. */
static int64_t default_dim(size_t index)
{
	static const int64_t sizes[] = { 2, 5, 7, 3, 11 };
	return sizes[index % 5];
}

enum clade_status dim_values_set(struct tool *tool, const struct model *model, const struct clade_graph_port *port,
				 const int64_t *values, uint32_t count, struct dim_values *dims)
{
	char text[512];
	clade_graph_type_text(model->graph, &port->type, text, sizeof(text));
	const char *at = strchr(text, '[');
	for (uint32_t i = 0; at != NULL && i < port->type.rank && i < count; i++) {
		at += 1 + strspn(at + 1, " ");
		size_t length = strcspn(at, ",]");
		if (port->type.dims[i] < 0 && find_dim(dims, at, length) == NULL &&
		    !add_dim(dims, at, length, values[i]))
			return fail_usage(tool, CLADE_MSG_TOOL_INPUT, port->name, "%s has too many dims", text);
		at += length;
	}
	return CLADE_OK;
}

/* Concrete dims from the type's text, "i32[B, T]": numbers and plain names. */
static enum clade_status bind_shape(struct tool *tool, const struct model *model, const struct clade_graph_port *port,
				    struct dim_values *dims, struct clade_type *out)
{
	char text[512];
	*out = port->type;
	clade_graph_type_text(model->graph, &port->type, text, sizeof(text));
	const char *at = strchr(text, '[');
	for (uint32_t i = 0; i < port->type.rank; i++) {
		at += 1 + strspn(at + 1, " ");
		size_t length = strcspn(at, ",]");
		if (port->type.dims[i] < 0) {
			size_t word = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
			const int64_t *value = find_dim(dims, at, length);
			if (word != length)
				return fail_usage(tool, CLADE_MSG_TOOL_INPUT, "--in",
						  "no input can be made for %s : %s; give it by --in %s=...",
						  port->name, text, port->name);
			if (value == NULL && add_dim(dims, at, length, default_dim(dims->count)))
				value = &dims->values[dims->count - 1];
			out->dims[i] = value != NULL ? *value : 1;
		}
		at += length;
	}
	return CLADE_OK;
}

static uint32_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

static int64_t vocabulary_size(const struct model *model)
{
	static const char *const names[] = { "vocab", "vocab_size" };
	struct clade_meta meta;
	for (size_t i = 0; i < 2; i++)
		if ((clade_graph_param(model->graph, names[i], &meta) || model_meta(model, names[i], &meta)) &&
		    meta.kind == CLADE_META_INT && meta.i > 0)
			return meta.i;
	return 2;
}

static bool has_word(const char *name, const char *word)
{
	return strstr(name, word) != NULL;
}

enum clade_status make_input(struct tool *tool, const struct model *model, const struct clade_graph_port *port,
			     uint64_t seed, struct dim_values *dims, struct array *out)
{
	size_t bytes;
	int64_t count;
	uint64_t state = seed * 2654435761u + 88172645463325253ull;
	*out = (struct array) { 0 };
	enum clade_status status = bind_shape(tool, model, port, dims, &out->type);
	if (status != CLADE_OK)
		return status;
	if (!clade_type_bytes(&out->type, &bytes) || !clade_type_count(&out->type, &count) ||
	    (out->data = malloc(bytes + 1)) == NULL)
		return clade_fail_memory(&tool->diag, 0, "an input");
	for (const char *c = port->name; *c != '\0'; c++)
		state = (state ^ (unsigned char)*c) * 1099511628211ull;
	int64_t last = out->type.rank > 0 ? out->type.dims[out->type.rank - 1] : 1;
	int64_t vocabulary = vocabulary_size(model);
	for (int64_t i = 0; i < count; i++) {
		uint32_t random = next_random(&state);
		if (out->type.dtype == CLADE_F32)
			((float *)out->data)[i] = (float)(random >> 8) / 8388608.0f - 1.0f;
		else if (out->type.dtype == CLADE_BOOL)
			((uint8_t *)out->data)[i] = 1;
		else if (has_word(port->name, "mask"))
			((int32_t *)out->data)[i] = 1;
		else if (has_word(port->name, "pos"))
			((int32_t *)out->data)[i] = (int32_t)(i % last);
		else if (has_word(port->name, "ids"))
			((int32_t *)out->data)[i] = (int32_t)(random % vocabulary);
		else
			((int32_t *)out->data)[i] = 0;
	}
	return CLADE_OK;
}

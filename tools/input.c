/* SPDX-License-Identifier: MIT */
/* Texts, ids and arrays from the command line: files, stdin, JSON literals. */
#include "input.h"

#include <clade/graph.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_LIMIT = 1 << 30 };

enum clade_status text_out_add(struct tool *tool, struct text_out *out, const char *text, size_t bytes)
{
	if (out->text == NULL || out->room - out->bytes <= bytes) {
		size_t room = out->bytes + out->bytes / 2 + bytes + 64;
		char *grown = realloc(out->text, room);
		if (grown == NULL)
			return clade_fail_memory(&tool->diag, room, "text");
		out->text = grown;
		out->room = room;
	}
	memcpy(out->text + out->bytes, text, bytes);
	out->bytes += bytes;
	out->text[out->bytes] = '\0';
	return CLADE_OK;
}

static enum clade_status read_stream(struct tool *tool, int fd, const char *name, char **out_text, size_t *out_bytes)
{
	struct text_out out = { 0 };
	char part[65536];
	enum clade_status status = text_out_add(tool, &out, "", 0);
	while (status == CLADE_OK && out.bytes < TEXT_LIMIT) {
		ssize_t got = read(fd, part, sizeof(part));
		if (got < 0 && errno == EINTR && !interrupted)
			continue;
		if (got < 0)
			status = interrupted ? CLADE_ERR_CANCELLED
					     : clade_fail(&tool->diag, CLADE_ERR_IO, CLADE_MSG_IO, name,
							  "read failed: %s", strerror(errno));
		if (got <= 0)
			break;
		status = text_out_add(tool, &out, part, (size_t)got);
	}
	if (status != CLADE_OK) {
		free(out.text);
		return status;
	}
	*out_text = out.text;
	*out_bytes = out.bytes;
	return CLADE_OK;
}

enum clade_status read_text(struct tool *tool, const char *path, char **out_text, size_t *out_bytes)
{
	struct stat info;
	*out_text = NULL;
	*out_bytes = 0;
	if (strcmp(path, "-") == 0)
		return read_stream(tool, 0, "stdin", out_text, out_bytes);
	if (stat(path, &info) == 0 && S_ISFIFO(info.st_mode)) { /* a shell's <(COMMAND), /dev/stdin */
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return clade_fail(&tool->diag, CLADE_ERR_IO, CLADE_MSG_IO, path, "open failed: %s",
					  strerror(errno));
		enum clade_status status = read_stream(tool, fd, path, out_text, out_bytes);
		close(fd);
		return status;
	}
	/* the default allocator's memory is malloc's */
	return clade_file_load(NULL, path, TEXT_LIMIT, out_text, out_bytes, &tool->diag);
}

enum clade_status parse_ids(struct tool *tool, const char *where, const char *list, int32_t **out_ids,
			    size_t *out_count)
{
	int32_t *ids = malloc((strlen(list) / 2 + 2) * sizeof(*ids));
	size_t count = 0;
	if (ids == NULL)
		return clade_fail_memory(&tool->diag, strlen(list), "ids");
	for (const char *at = list; *at != '\0';) {
		char *end;
		errno = 0;
		long id = strtol(at, &end, 10);
		size_t spaces = strspn(end, " "), comma = end[spaces] == ',';
		size_t separators = spaces + comma + (comma ? strspn(end + spaces + 1, " ") : 0);
		if (end == at || errno != 0 || id < 0 || id > INT32_MAX || (*end != '\0' && separators == 0) ||
		    (comma && end[separators] == '\0')) {
			free(ids);
			return fail_usage(tool, CLADE_MSG_TOOL_VALUE, where,
					  "\"%.32s\" is not a list of ids; they are written 1,2,3", list);
		}
		ids[count++] = (int32_t)id;
		at = end + separators;
	}
	*out_ids = ids;
	*out_count = count;
	return CLADE_OK;
}

enum clade_status split_name(struct tool *tool, const char *where, const char *word, char name[256],
			     const char **out_value)
{
	const char *equals = strchr(word, '=');
	if (equals == NULL || equals == word || equals - word > 255)
		return fail_usage(tool, CLADE_MSG_TOOL_VALUE, where, "\"%.64s\" must be written NAME=VALUE", word);
	snprintf(name, 256, "%.*s", (int)(equals - word), word);
	*out_value = equals + 1;
	return CLADE_OK;
}

/* ---- arrays from .npy ---- */

double array_value(const struct clade_type *type, const void *data, int64_t i)
{
	switch (type->dtype) {
	case CLADE_F32:
		return (double)((const float *)data)[i];
	case CLADE_F64:
		return ((const double *)data)[i];
	case CLADE_F16:
		return (double)clade_f16_to_f32(((const uint16_t *)data)[i]);
	case CLADE_BF16:
		return (double)clade_bf16_to_f32(((const uint16_t *)data)[i]);
	case CLADE_I64:
		return (double)((const int64_t *)data)[i];
	case CLADE_I32:
		return ((const int32_t *)data)[i];
	case CLADE_I16:
		return ((const int16_t *)data)[i];
	case CLADE_I8:
		return ((const int8_t *)data)[i];
	case CLADE_U8:
	case CLADE_BOOL:
		return ((const uint8_t *)data)[i];
	case CLADE_Q8_0: /* no file gives these as arrays */
	case CLADE_Q4_0:
	case CLADE_DTYPE_COUNT:
		break;
	}
	return NAN;
}

static enum clade_status fail_dtype(struct tool *tool, const char *path, enum clade_dtype from, enum clade_dtype to)
{
	return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_INPUT, path, "holds %s, but the input is %s; %s",
			  clade_dtype_info(from)->name, clade_dtype_info(to)->name,
			  to == CLADE_F32 ? "f32, f16 and f64 are accepted"
					  : "integers that fit and bool are accepted");
}

static enum clade_status convert_array(struct tool *tool, const char *path, enum clade_dtype to, struct array *array)
{
	enum clade_dtype from = array->type.dtype;
	bool from_float = clade_dtype_info(from)->is_float, to_float = to == CLADE_F32;
	double low = to == CLADE_BOOL ? 0 : INT32_MIN, high = to == CLADE_BOOL ? 1 : INT32_MAX;
	int64_t count;
	if (from == to)
		return CLADE_OK;
	if (from_float != to_float || !clade_type_count(&array->type, &count))
		return fail_dtype(tool, path, from, to);
	size_t bytes = clade_dtype_info(to)->bytes;
	void *data = malloc((size_t)count * bytes + 1);
	if (data == NULL)
		return clade_fail_memory(&tool->diag, (size_t)count * bytes, "an input");
	for (int64_t i = 0; i < count; i++) {
		double value = array_value(&array->type, array->data, i);
		if (!to_float && (value < low || value > high)) {
			free(data);
			return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_INPUT, path,
					  "element %" PRId64 " is %.0f, which does not fit %s", i, value,
					  clade_dtype_info(to)->name);
		}
		if (to_float)
			((float *)data)[i] = (float)value;
		else if (to == CLADE_BOOL)
			((uint8_t *)data)[i] = (uint8_t)value;
		else
			((int32_t *)data)[i] = (int32_t)value;
	}
	free(array->data);
	array->data = data;
	array->type.dtype = to;
	return CLADE_OK;
}

/* ---- arrays from JSON ---- */

struct literal {
	struct tool *tool;
	const char *where;
	struct array *array;
	int64_t at;
};

static enum clade_status fail_literal(struct literal *literal, const char *rule)
{
	return fail_usage(literal->tool, CLADE_MSG_TOOL_INPUT, literal->where, "the JSON literal %s", rule);
}

static enum clade_status put_scalar(struct literal *literal, const json_t *json)
{
	struct array *array = literal->array;
	const char *word = json_string_value(json);
	if (array->type.dtype == CLADE_F32) {
		float value;
		if (json_is_number(json) && isinf((float)json_number_value(json)))
			return fail_literal(literal, "holds a number that is too large for f32; infinity is \"inf\"");
		if (json_is_number(json))
			value = (float)json_number_value(json);
		else if (word != NULL && strcmp(word, "nan") == 0)
			value = NAN;
		else if (word != NULL && (strcmp(word, "inf") == 0 || strcmp(word, "-inf") == 0))
			value = word[0] == '-' ? -INFINITY : INFINITY;
		else
			return fail_literal(literal, "must hold numbers, \"nan\", \"inf\" or \"-inf\"");
		((float *)array->data)[literal->at++] = value;
	} else if (array->type.dtype == CLADE_I32) {
		json_int_t value = json_integer_value(json);
		if (!json_is_integer(json) || value < INT32_MIN || value > INT32_MAX)
			return fail_literal(literal, "must hold 32-bit integers, as the input is i32");
		((int32_t *)array->data)[literal->at++] = (int32_t)value;
	} else {
		bool is_01 = json_is_integer(json) && (json_integer_value(json) == 0 || json_integer_value(json) == 1);
		if (!json_is_boolean(json) && !is_01)
			return fail_literal(literal, "must hold true and false, as the input is bool");
		((uint8_t *)array->data)[literal->at++] = json_is_true(json) || json_integer_value(json) == 1;
	}
	return CLADE_OK;
}

static enum clade_status put_values(struct literal *literal, const json_t *json, uint32_t axis)
{
	const struct clade_type *type = &literal->array->type;
	if (axis == type->rank)
		return json_is_array(json) ? fail_literal(literal, "is ragged: its lists must have equal lengths")
					   : put_scalar(literal, json);
	if (!json_is_array(json) || (int64_t)json_array_size(json) != type->dims[axis])
		return fail_literal(literal, "is ragged: its lists must have equal lengths");
	for (size_t i = 0; i < json_array_size(json); i++) {
		enum clade_status status = put_values(literal, json_array_get(json, i), axis + 1);
		if (status != CLADE_OK)
			return status;
	}
	return CLADE_OK;
}

static enum clade_status read_literal(struct tool *tool, const char *where, const char *value, enum clade_dtype dtype,
				      struct array *out)
{
	struct literal literal = { tool, where, out, 0 };
	json_error_t error;
	size_t bytes;
	enum clade_status status;
	json_t *root = json_loads(value, JSON_DECODE_ANY, &error);
	if (root == NULL)
		return fail_usage(tool, CLADE_MSG_TOOL_INPUT, where,
				  "\"%.64s\" is neither a .npy file nor JSON such as [[1, 2], [3, 4]]: %s", value,
				  error.text);
	out->type = (struct clade_type) { .dtype = dtype };
	const json_t *at = root;
	for (; json_is_array(at); at = json_array_get(at, 0)) {
		if (out->type.rank == CLADE_MAX_RANK) {
			json_decref(root);
			return fail_literal(&literal, "has more than 8 dimensions");
		}
		out->type.dims[out->type.rank++] = (int64_t)json_array_size(at);
	}
	clade_type_bytes(&out->type, &bytes);
	out->data = malloc(bytes + 1);
	status = out->data != NULL ? put_values(&literal, root, 0) : clade_fail_memory(&tool->diag, bytes, "an input");
	json_decref(root);
	return status;
}

enum clade_status read_array(struct tool *tool, const char *where, const char *value, enum clade_dtype dtype,
			     struct array *out)
{
	size_t length = strlen(value);
	enum clade_status status;
	*out = (struct array) { 0 };
	if (length > 4 && strcmp(value + length - 4, ".npy") == 0) {
		status = clade_npy_read(NULL, value, &out->type, &out->data, &tool->diag);
		if (status == CLADE_OK && dtype != CLADE_DTYPE_COUNT)
			status = convert_array(tool, value, dtype, out);
	} else {
		status = read_literal(tool, where, value, dtype, out);
	}
	if (status != CLADE_OK) {
		free(out->data);
		out->data = NULL;
	}
	return status;
}

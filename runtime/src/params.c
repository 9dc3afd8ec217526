/* SPDX-License-Identifier: MIT */
/* An op's params struct: defaults, and "name = value" pairs as text. */
#include "internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const struct clade_op *op;
	const char *at;
	char *params;
	struct clade_diag *diag;
};

static enum clade_status bad(struct reader *reader, const char *format, ...) CLADE_PRINTF(2, 3);

static enum clade_status bad(struct reader *reader, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return clade_fail(reader->diag, CLADE_ERR_DATA, CLADE_MSG_ATTR, NULL, "%s: %s", reader->op->name, text);
}

void clade_params_default(const struct clade_op *op, void *params)
{
	if (op->params_size)
		memset(params, 0, op->params_size);
	for (size_t i = 0; op->attrs && op->attrs[i]; i++) {
		const struct clade_attr *attr = op->attrs[i];
		char *place = (char *)params + attr->offset;
		float value = (float)attr->def.f;
		int32_t word = (int32_t)attr->def.i;

		switch (attr->type) {
		case CLADE_ATTR_BOOL:
			memcpy(place, &attr->def.b, sizeof(bool));
			break;
		case CLADE_ATTR_INT:
		case CLADE_ATTR_DIM:
			memcpy(place, &attr->def.i, sizeof(int64_t));
			break;
		case CLADE_ATTR_FLOAT:
			memcpy(place, &value, sizeof(value));
			break;
		case CLADE_ATTR_WORD:
			memcpy(place, &word, sizeof(word));
			break;
		case CLADE_ATTR_DIMS:
			break;
		}
	}
}

static void skip(struct reader *reader)
{
	while (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n')
		reader->at++;
}

/* A word of letters, digits and '_' into out; "" if there is none or it is too long. */
static void read_word(struct reader *reader, char *out, size_t size)
{
	size_t length = 0;

	while ((reader->at[length] >= 'a' && reader->at[length] <= 'z') ||
	       (reader->at[length] >= 'A' && reader->at[length] <= 'Z') || reader->at[length] == '_' ||
	       (reader->at[length] >= '0' && reader->at[length] <= '9'))
		length++;
	*out = '\0';
	if (length < size) {
		memcpy(out, reader->at, length);
		out[length] = '\0';
		reader->at += length;
	}
}

static enum clade_status check_range(struct reader *reader, const struct clade_attr *attr, double value)
{
	if ((attr->min == 0 && attr->max == 0) || (value >= attr->min && value <= attr->max))
		return CLADE_OK;
	return bad(reader, "%s is %.9g; it must be between %.9g and %.9g", attr->name, value, attr->min, attr->max);
}

static enum clade_status read_integer(struct reader *reader, const struct clade_attr *attr, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(reader->at, &end, 10);
	/* strtoll alone would also take "+3" and leading spaces. */
	if (end == reader->at || !(*reader->at == '-' || (*reader->at >= '0' && *reader->at <= '9')) ||
	    (*end == '.' || *end == 'e' || *end == 'x'))
		return bad(reader, "%s must be a whole number", attr->name);
	if (errno == ERANGE || *out == INT64_MIN)
		return bad(reader, "%s is outside the range of 64-bit integers", attr->name);
	reader->at = end;
	return CLADE_OK;
}

static enum clade_status read_dim(struct reader *reader, const struct clade_attr *attr, int64_t *out)
{
	enum clade_status status = read_integer(reader, attr, out);

	if (!status && *out < 0)
		return bad(reader, "%s has the size %lld; a size is 0 or more", attr->name, (long long)*out);
	return status;
}

static enum clade_status set_bool(struct reader *reader, const struct clade_attr *attr, char *place)
{
	char word[8];
	bool value;

	read_word(reader, word, sizeof(word));
	value = strcmp(word, "true") == 0;
	if (!value && strcmp(word, "false") != 0)
		return bad(reader, "%s must be true or false", attr->name);
	memcpy(place, &value, sizeof(value));
	return CLADE_OK;
}

static enum clade_status set_int(struct reader *reader, const struct clade_attr *attr, char *place)
{
	int64_t value;
	enum clade_status status = read_integer(reader, attr, &value);

	if (!status)
		status = check_range(reader, attr, (double)value);
	if (!status)
		memcpy(place, &value, sizeof(value));
	return status;
}

static enum clade_status set_float(struct reader *reader, const struct clade_attr *attr, char *place)
{
	const char *digits = *reader->at == '-' ? reader->at + 1 : reader->at;
	enum clade_status status;
	char *end;
	float value;

	/* strtof would also take "nan", "inf" and hexadecimal floats. */
	value = strtof(reader->at, &end);
	if (!((*digits >= '0' && *digits <= '9') || *digits == '.') || end == reader->at || digits[1] == 'x')
		return bad(reader, "%s must be a number", attr->name);
	if (!isfinite(value))
		return bad(reader, "%s is too large for f32", attr->name);
	status = check_range(reader, attr, (double)value);
	if (status)
		return status;
	reader->at = end;
	memcpy(place, &value, sizeof(value));
	return CLADE_OK;
}

static enum clade_status set_word(struct reader *reader, const struct clade_attr *attr, char *place)
{
	char word[64];
	const char *nearest;
	int32_t count = 0;

	if (*reader->at != '"')
		return bad(reader, "%s must be a word in double quotes", attr->name);
	reader->at++;
	read_word(reader, word, sizeof(word));
	if (*reader->at != '"')
		return bad(reader, "%s: the closing quote is missing", attr->name);
	reader->at++;
	for (; attr->words[count]; count++) {
		if (strcmp(attr->words[count], word) == 0) {
			memcpy(place, &count, sizeof(count));
			return CLADE_OK;
		}
	}
	nearest = clade_nearest(word, attr->words, (size_t)count);
	return bad(reader, "%s has no choice \"%s\"; nearest: \"%s\"", attr->name, word,
		   nearest ? nearest : attr->words[0]);
}

static enum clade_status set_dim(struct reader *reader, const struct clade_attr *attr, char *place)
{
	int64_t value;
	enum clade_status status = read_dim(reader, attr, &value);

	if (!status)
		memcpy(place, &value, sizeof(value));
	return status;
}

static enum clade_status set_dims(struct reader *reader, const struct clade_attr *attr, char *place)
{
	struct clade_dims dims = { 0 };

	if (*reader->at != '[')
		return bad(reader, "%s must be a list of sizes like [2, 3]", attr->name);
	reader->at++;
	skip(reader);
	while (*reader->at != ']') {
		enum clade_status status;

		if (dims.count == CLADE_MAX_RANK)
			return bad(reader, "%s has more than %d sizes", attr->name, CLADE_MAX_RANK);
		status = read_dim(reader, attr, &dims.dims[dims.count++]);
		if (status)
			return status;
		skip(reader);
		if (*reader->at == ',')
			reader->at++;
		else if (*reader->at != ']')
			return bad(reader, "%s: a comma or ] is missing in the list", attr->name);
		skip(reader);
	}
	reader->at++;
	memcpy(place, &dims, sizeof(dims));
	return CLADE_OK;
}

static enum clade_status (*const setters[])(struct reader *, const struct clade_attr *, char *) = {
	[CLADE_ATTR_BOOL] = set_bool, [CLADE_ATTR_INT] = set_int, [CLADE_ATTR_FLOAT] = set_float,
	[CLADE_ATTR_WORD] = set_word, [CLADE_ATTR_DIM] = set_dim, [CLADE_ATTR_DIMS] = set_dims,
};

static enum clade_status unknown_attr(struct reader *reader, const char *name)
{
	const char *nearest = NULL;

	for (size_t i = 0; reader->op->attrs && reader->op->attrs[i] && !nearest; i++)
		nearest = clade_nearest(name, &reader->op->attrs[i]->name, 1);
	return bad(reader, "it has no attribute %s%s%s", name, nearest ? "; nearest: " : "", nearest ? nearest : "");
}

static enum clade_status read_pair(struct reader *reader, uint64_t *seen)
{
	char name[64];
	size_t index = 0;
	enum clade_status status;

	skip(reader);
	read_word(reader, name, sizeof(name));
	skip(reader);
	if (!name[0] || *reader->at != '=')
		return bad(reader, "attributes are written \"name = value, ...\"; near \"%.20s\"", reader->at);
	reader->at++;
	skip(reader);
	while (reader->op->attrs && reader->op->attrs[index] && strcmp(reader->op->attrs[index]->name, name) != 0)
		index++;
	if (!reader->op->attrs || !reader->op->attrs[index])
		return unknown_attr(reader, name);
	if (index < 64 && *seen >> index & 1)
		return bad(reader, "attribute %s is given twice", name);
	if (index < 64)
		*seen |= 1ull << index;
	status = setters[reader->op->attrs[index]->type](reader, reader->op->attrs[index],
							 reader->params + reader->op->attrs[index]->offset);
	skip(reader);
	return status;
}

enum clade_status clade_params_parse(const struct clade_op *op, const char *attrs, void *params,
				     struct clade_diag *diag)
{
	struct reader reader = { op, attrs ? attrs : "", params, diag };
	uint64_t seen = 0;

	clade_params_default(op, params);
	skip(&reader);
	while (*reader.at) {
		enum clade_status status = read_pair(&reader, &seen);

		if (status)
			return status;
		if (*reader.at && *reader.at != ',')
			return bad(&reader, "a comma is missing before \"%.20s\"", reader.at);
		if (*reader.at && !*++reader.at)
			return bad(&reader, "an attribute is missing after the last comma");
	}
	for (size_t i = 0; op->attrs && op->attrs[i]; i++)
		if (op->attrs[i]->required && (i >= 64 || !(seen >> i & 1)))
			return bad(&reader, "attribute %s is required", op->attrs[i]->name);
	return CLADE_OK;
}

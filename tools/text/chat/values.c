/* SPDX-License-Identifier: MIT */
/* Chat templates: values made, compared, walked and printed as Python does it. */
#include "chat.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 100 };

struct value value_bool(bool b)
{
	return (struct value) { .kind = VALUE_BOOL, .i = b };
}

struct value value_integer(int64_t i)
{
	return (struct value) { .kind = VALUE_INTEGER, .i = i };
}

enum clade_status value_string(struct render *render, const char *text, size_t bytes, struct value *out)
{
	char *copy = arena_take(render->source.arena, bytes + 1);
	if (copy == NULL)
		return render_fail_memory(render);
	if (bytes > 0)
		memcpy(copy, text, bytes);
	*out = (struct value) { .kind = VALUE_STRING, .text = copy, .bytes = bytes };
	return CLADE_OK;
}

enum clade_status value_list(struct render *render, enum value_kind kind, struct value *out)
{
	*out = (struct value) { .kind = kind, .list = arena_take(render->source.arena, sizeof(struct list)) };
	return out->list != NULL ? CLADE_OK : render_fail_memory(render);
}

enum clade_status list_push(struct render *render, struct list *list, const struct value *item)
{
	if (list->count == list->room) {
		size_t room = list->room * 2 + 4;
		struct value *grown = arena_take(render->source.arena, room * sizeof(*grown));
		if (grown == NULL)
			return render_fail_memory(render);
		if (list->count > 0)
			memcpy(grown, list->items, list->count * sizeof(*grown));
		list->items = grown;
		list->room = room;
	}
	list->items[list->count++] = *item;
	return CLADE_OK;
}

const struct value *dict_find(const struct list *dict, const struct value *key)
{
	for (size_t i = 0; i + 1 < dict->count; i += 2)
		if (value_equal(&dict->items[i], key))
			return &dict->items[i + 1];
	return NULL;
}

enum clade_status dict_set(struct render *render, struct list *dict, const struct value *key, const struct value *item)
{
	for (size_t i = 0; i + 1 < dict->count; i += 2)
		if (value_equal(&dict->items[i], key)) {
			dict->items[i + 1] = *item;
			return CLADE_OK;
		}
	enum clade_status status = list_push(render, dict, key);
	return status == CLADE_OK ? list_push(render, dict, item) : status;
}

enum clade_status value_from_json(struct render *render, const json_t *json, struct value *out)
{
	enum clade_status status;
	struct value key, item;
	const char *name;
	json_t *member;
	size_t i;
	*out = (struct value) { .kind = VALUE_NONE };
	switch (json_typeof(json)) {
	case JSON_TRUE:
	case JSON_FALSE:
		*out = value_bool(json_is_true(json));
		return CLADE_OK;
	case JSON_INTEGER:
		*out = value_integer(json_integer_value(json));
		return CLADE_OK;
	case JSON_REAL:
		*out = (struct value) { .kind = VALUE_FLOAT, .f = json_real_value(json) };
		return CLADE_OK;
	case JSON_STRING:
		return value_string(render, json_string_value(json), json_string_length(json), out);
	case JSON_ARRAY:
		status = value_list(render, VALUE_LIST, out);
		json_array_foreach(json, i, member)
		{
			if (status == CLADE_OK)
				status = value_from_json(render, member, &item);
			if (status == CLADE_OK)
				status = list_push(render, out->list, &item);
		}
		return status;
	case JSON_OBJECT:
		status = value_list(render, VALUE_DICT, out);
		json_object_foreach((json_t *)json, name, member)
		{
			if (status == CLADE_OK)
				status = value_string(render, name, strlen(name), &key);
			if (status == CLADE_OK)
				status = value_from_json(render, member, &item);
			if (status == CLADE_OK)
				status = list_push(render, out->list, &key);
			if (status == CLADE_OK)
				status = list_push(render, out->list, &item);
		}
		return status;
	case JSON_NULL:
		break;
	}
	return CLADE_OK;
}

/* ---- asking ---- */

bool value_is_number(const struct value *value)
{
	return value->kind == VALUE_BOOL || value->kind == VALUE_INTEGER || value->kind == VALUE_FLOAT;
}

double value_number(const struct value *value)
{
	return value->kind == VALUE_FLOAT ? value->f : (double)value->i;
}

bool value_truth(const struct value *value)
{
	switch (value->kind) {
	case VALUE_UNDEFINED:
	case VALUE_NONE:
		return false;
	case VALUE_BOOL:
	case VALUE_INTEGER:
		return value->i != 0;
	case VALUE_FLOAT:
		return value->f != 0;
	case VALUE_STRING:
		return value->bytes > 0;
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_DICT:
		return value->list->count > 0;
	case VALUE_NAMESPACE:
	case VALUE_MACRO:
	case VALUE_FUNCTION:
		break;
	}
	return true;
}

static bool equal_at(const struct value *a, const struct value *b, uint32_t depth)
{
	if (value_is_number(a) && value_is_number(b)) {
		if (a->kind != VALUE_FLOAT && b->kind != VALUE_FLOAT)
			return a->i == b->i;
		return value_number(a) == value_number(b);
	}
	if (a->kind != b->kind || depth > MAX_DEPTH)
		return false;
	switch (a->kind) {
	case VALUE_STRING:
		return a->bytes == b->bytes && memcmp(a->text, b->text, a->bytes) == 0;
	case VALUE_LIST:
	case VALUE_TUPLE:
		if (a->list->count != b->list->count)
			return false;
		for (size_t i = 0; i < a->list->count; i++)
			if (!equal_at(&a->list->items[i], &b->list->items[i], depth + 1))
				return false;
		return true;
	case VALUE_DICT:
		if (a->list->count != b->list->count)
			return false;
		for (size_t i = 0; i + 1 < a->list->count; i += 2) {
			const struct value *other = dict_find(b->list, &a->list->items[i]);
			if (other == NULL || !equal_at(&a->list->items[i + 1], other, depth + 1))
				return false;
		}
		return true;
	case VALUE_NAMESPACE:
		return a->list == b->list;
	case VALUE_MACRO:
		return a->node == b->node;
	case VALUE_FUNCTION:
		return strcmp(a->text, b->text) == 0;
	default:
		return true; /* undefined, none */
	}
}

bool value_equal(const struct value *a, const struct value *b)
{
	return equal_at(a, b, 0);
}

enum clade_status value_compare(struct render *render, const struct value *a, const struct value *b, int *out)
{
	if (value_is_number(a) && value_is_number(b)) {
		double x = value_number(a), y = value_number(b);
		*out = a->kind != VALUE_FLOAT && b->kind != VALUE_FLOAT ? (a->i > b->i) - (a->i < b->i)
									: (x > y) - (x < y);
		return CLADE_OK;
	}
	if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) { /* UTF-8 keeps the order of code points */
		size_t bytes = a->bytes < b->bytes ? a->bytes : b->bytes;
		int order = memcmp(a->text, b->text, bytes);
		*out = order != 0 ? (order > 0) - (order < 0) : (a->bytes > b->bytes) - (a->bytes < b->bytes);
		return CLADE_OK;
	}
	if (a->kind == b->kind && (a->kind == VALUE_LIST || a->kind == VALUE_TUPLE)) {
		for (size_t i = 0; i < a->list->count && i < b->list->count; i++)
			if (!value_equal(&a->list->items[i], &b->list->items[i]))
				return value_compare(render, &a->list->items[i], &b->list->items[i], out);
		*out = (a->list->count > b->list->count) - (a->list->count < b->list->count);
		return CLADE_OK;
	}
	return render_fail(render, "%s and %s have no order", value_kind_name(a), value_kind_name(b));
}

const char *value_kind_name(const struct value *value)
{
	static const char *const names[] = { "an undefined value",
					     "none",
					     "a bool",
					     "an integer",
					     "a float",
					     "a string",
					     "a list",
					     "a tuple",
					     "a dict",
					     "a namespace",
					     "a macro",
					     "a function" };
	return names[value->kind];
}

size_t string_length(const struct value *string)
{
	size_t count = 0;
	for (size_t i = 0; i < string->bytes; i++)
		count += ((unsigned char)string->text[i] & 0xc0) != 0x80;
	return count;
}

enum clade_status value_items(struct render *render, const struct value *value, struct list *out)
{
	enum clade_status status = CLADE_OK;
	struct value item;
	*out = (struct list) { 0 };
	switch (value->kind) {
	case VALUE_UNDEFINED:
		return CLADE_OK;
	case VALUE_LIST:
	case VALUE_TUPLE:
		*out = *value->list;
		return CLADE_OK;
	case VALUE_DICT:
		for (size_t i = 0; i < value->list->count && status == CLADE_OK; i += 2)
			status = list_push(render, out, &value->list->items[i]);
		return status;
	case VALUE_STRING:
		for (size_t i = 0; i < value->bytes && status == CLADE_OK;) {
			size_t length = (size_t)utf8_length(value->text + i, value->bytes - i);
			status = render_step(render);
			if (status == CLADE_OK)
				status = value_string(render, value->text + i, length, &item);
			if (status == CLADE_OK)
				status = list_push(render, out, &item);
			i += length;
		}
		return status;
	default:
		return render_fail(render, "%s has no members to go over", value_kind_name(value));
	}
}

/* ---- printing ---- */

/* Python's repr of a float: the shortest digits that read back, an exponent below 1e-4 and from 1e16 on. */
static void float_text(double f, char out[48])
{
	char digits[40];
	int precision = 1, exponent, length = 0;
	if (isnan(f) || isinf(f)) {
		strcpy(out, isnan(f) ? "nan" : f > 0 ? "inf" : "-inf");
		return;
	}
	do
		snprintf(digits, sizeof(digits), "%.*e", precision - 1, f);
	while (strtod(digits, NULL) != f && ++precision <= 17);
	exponent = atoi(strchr(digits, 'e') + 1);
	if (exponent >= -4 && exponent < 16) {
		int places = precision - 1 - exponent;
		snprintf(out, 48, "%.*f", places > 1 ? places : 1, f);
		return;
	}
	length = (int)(strchr(digits, 'e') - digits);
	snprintf(out, 48, "%.*se%c%02d", length, digits, exponent < 0 ? '-' : '+', abs(exponent));
}

static bool add_text(struct text_buffer *out, const char *text)
{
	return text_add(out, text, strlen(text));
}

/* Python's repr: single quotes unless only double ones are free. */
static bool repr_string(const struct value *value, struct text_buffer *out)
{
	bool has_single = memchr(value->text, '\'', value->bytes) != NULL;
	char quote = has_single && memchr(value->text, '"', value->bytes) == NULL ? '"' : '\'', escape[8];
	bool fine = text_add(out, &quote, 1);
	for (size_t i = 0; i < value->bytes && fine; i++) {
		char c = value->text[i];
		if (c == '\\' || c == quote)
			snprintf(escape, sizeof(escape), "\\%c", c);
		else if (c == '\n' || c == '\r' || c == '\t')
			snprintf(escape, sizeof(escape), "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else if ((unsigned char)c < 0x20 || c == 0x7f)
			snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)c);
		else
			snprintf(escape, sizeof(escape), "%c", c);
		fine = text_add(out, escape, strlen(escape));
	}
	return fine && text_add(out, &quote, 1);
}

static bool print_plain(const struct value *value, bool repr, struct text_buffer *out)
{
	char number[48];
	switch (value->kind) {
	case VALUE_UNDEFINED:
		return repr ? add_text(out, "Undefined") : true;
	case VALUE_NONE:
		return add_text(out, "None");
	case VALUE_BOOL:
		return add_text(out, value->i ? "True" : "False");
	case VALUE_INTEGER:
		snprintf(number, sizeof(number), "%" PRId64, value->i);
		return add_text(out, number);
	case VALUE_FLOAT:
		float_text(value->f, number);
		return add_text(out, number);
	default:
		return repr ? repr_string(value, out) : text_add(out, value->text, value->bytes);
	}
}

enum clade_status value_print(struct render *render, const struct value *value, bool repr, struct text_buffer *out)
{
	bool dict = value->kind == VALUE_DICT, tuple = value->kind == VALUE_TUPLE;
	enum clade_status status = render_step(render);
	if (status != CLADE_OK)
		return status;
	if (value->kind >= VALUE_NAMESPACE)
		return render_fail(render, "%s cannot be printed", value_kind_name(value));
	if (value->kind < VALUE_LIST)
		return print_plain(value, repr, out) ? CLADE_OK : render_fail_memory(render);
	if (++render->nest > MAX_DEPTH)
		return render_fail(render, "more than %d lists or dicts are nested", MAX_DEPTH);
	bool fine = add_text(out, dict ? "{" : tuple ? "(" : "[");
	for (size_t i = 0; i < value->list->count && fine && status == CLADE_OK; i++) {
		if (i > 0)
			fine = add_text(out, dict && i % 2 == 1 ? ": " : ", ");
		status = value_print(render, &value->list->items[i], true, out);
	}
	fine = fine && add_text(out, dict ? "}" : tuple ? (value->list->count == 1 ? ",)" : ")") : "]");
	render->nest--;
	return status != CLADE_OK ? status : fine ? CLADE_OK : render_fail_memory(render);
}

/* ---- JSON ---- */

static bool json_string_text(const struct value *value, bool ascii, struct text_buffer *out)
{
	bool fine = add_text(out, "\"");
	char escape[16];
	for (size_t i = 0; i < value->bytes && fine;) {
		int length = utf8_length(value->text + i, value->bytes - i);
		uint32_t point = (uint32_t)utf8_point(value->text + i, length);
		static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
		const char *known = point < 0x80 && point > 0 ? strchr(from, (int)point) : NULL;
		if (known != NULL)
			snprintf(escape, sizeof(escape), "\\%c", to[known - from]);
		else if (point < 0x20 || (ascii && point >= 0x80 && point < 0x10000))
			snprintf(escape, sizeof(escape), "\\u%04x", point);
		else if (ascii && point >= 0x10000)
			snprintf(escape, sizeof(escape), "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
				 0xdc00 + ((point - 0x10000) & 0x3ff));
		else
			snprintf(escape, sizeof(escape), "%.*s", length, value->text + i);
		if (point == 0)
			strcpy(escape, "\\u0000");
		fine = add_text(out, escape);
		i += (size_t)length;
	}
	return fine && add_text(out, "\"");
}

static bool add_line(struct text_buffer *out, int64_t indent, uint32_t depth)
{
	bool fine = add_text(out, "\n");
	for (int64_t i = 0; i < indent * (int64_t)depth && fine; i++)
		fine = add_text(out, " ");
	return fine;
}

static enum clade_status json_key(struct render *render, const struct value *key, bool ascii, struct text_buffer *out)
{
	static const char *const words[] = { "\"false\"", "\"true\"" };
	if (key->kind == VALUE_STRING)
		return json_string_text(key, ascii, out) ? CLADE_OK : render_fail_memory(render);
	if (key->kind == VALUE_BOOL || key->kind == VALUE_NONE)
		return add_text(out, key->kind == VALUE_NONE ? "\"null\"" : words[key->i != 0])
			       ? CLADE_OK
			       : render_fail_memory(render);
	if (!value_is_number(key))
		return render_fail(render, "%s cannot be a key in JSON", value_kind_name(key));
	bool fine = add_text(out, "\"") && print_plain(key, false, out) && add_text(out, "\"");
	return fine ? CLADE_OK : render_fail_memory(render);
}

static int compare_keys(const void *a, const void *b, void *user)
{
	const struct value *x = a, *y = b;
	int order = 0;
	enum clade_status *status = user;
	if (x->kind != VALUE_STRING || y->kind != VALUE_STRING)
		*status = CLADE_ERR_DATA;
	else
		value_compare(NULL, x, y, &order);
	return order;
}

static enum clade_status json_members(struct render *render, const struct value *value, int64_t indent, bool sort_keys,
				      bool ascii, struct text_buffer *out)
{
	bool dict = value->kind == VALUE_DICT, fine = true;
	size_t step = dict ? 2 : 1, count = value->list->count;
	struct value *items = value->list->items;
	enum clade_status status = CLADE_OK;
	if (dict && sort_keys && count > 0) {
		items = arena_take(render->source.arena, count * sizeof(*items));
		if (items == NULL)
			return render_fail_memory(render);
		memcpy(items, value->list->items, count * sizeof(*items));
		qsort_r(items, count / 2, 2 * sizeof(*items), compare_keys, &status);
		if (status != CLADE_OK)
			return render_fail(render, "keys to be sorted must be strings");
	}
	for (size_t i = 0; i < count && fine && status == CLADE_OK; i += step) {
		fine = i == 0 || add_text(out, indent < 0 ? ", " : ",");
		if (indent >= 0)
			fine = fine && add_line(out, indent, render->nest);
		if (dict)
			status = json_key(render, &items[i], ascii, out);
		fine = fine && (!dict || add_text(out, ": "));
		if (status == CLADE_OK)
			status = value_json(render, &items[i + step - 1], indent, sort_keys, ascii, out);
	}
	return status != CLADE_OK ? status : fine ? CLADE_OK : render_fail_memory(render);
}

enum clade_status value_json(struct render *render, const struct value *value, int64_t indent, bool sort_keys,
			     bool ascii, struct text_buffer *out)
{
	bool dict = value->kind == VALUE_DICT, fine = true;
	enum clade_status status = render_step(render);
	if (status != CLADE_OK)
		return status;
	switch (value->kind) {
	case VALUE_NONE:
		fine = add_text(out, "null");
		break;
	case VALUE_BOOL:
		fine = add_text(out, value->i ? "true" : "false");
		break;
	case VALUE_FLOAT:
		fine = isnan(value->f)   ? add_text(out, "NaN")
		       : isinf(value->f) ? add_text(out, value->f > 0 ? "Infinity" : "-Infinity")
					 : print_plain(value, false, out);
		break;
	case VALUE_INTEGER:
		fine = print_plain(value, false, out);
		break;
	case VALUE_STRING:
		fine = json_string_text(value, ascii, out);
		break;
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_DICT:
		if (++render->nest > MAX_DEPTH)
			return render_fail(render, "more than %d lists or dicts are nested", MAX_DEPTH);
		fine = add_text(out, dict ? "{" : "[");
		status = json_members(render, value, indent, sort_keys, ascii, out);
		render->nest--;
		if (indent >= 0 && value->list->count > 0)
			fine = fine && add_line(out, indent, render->nest);
		fine = fine && add_text(out, dict ? "}" : "]");
		break;
	default:
		return render_fail(render, "%s cannot be written as JSON", value_kind_name(value));
	}
	return status != CLADE_OK ? status : fine ? CLADE_OK : render_fail_memory(render);
}

enum clade_status value_to_string(struct render *render, const struct value *value, struct value *out)
{
	struct text_buffer text = { .context = render->source.context };
	if (value->kind == VALUE_STRING) {
		*out = *value;
		return CLADE_OK;
	}
	enum clade_status status = value_print(render, value, false, &text);
	if (status == CLADE_OK)
		status = value_string(render, text.bytes, text.count, out);
	text_finish(&text);
	return status;
}

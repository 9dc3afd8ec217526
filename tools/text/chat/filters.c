/* SPDX-License-Identifier: MIT */
/* Chat templates: the filters, as Jinja has them (tojson as transformers has it). */
#include "builtin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILTER(name)                                                                                                   \
	static enum clade_status name(struct render *render, const struct value *value,                                \
				      const struct value *const *given, struct value *out)

static bool flag(const struct value *value)
{
	return value != NULL && value_truth(value);
}

/* ---- of strings: what is none is made one first ---- */

FILTER(filter_trim)
{
	struct value text;
	enum clade_status status = value_to_string(render, value, &text);
	return status == CLADE_OK ? string_trim(render, &text, given[0], true, true, out) : status;
}

static enum clade_status change_case(struct render *render, const struct value *value, int which, struct value *out)
{
	struct value text;
	enum clade_status status = value_to_string(render, value, &text);
	return status == CLADE_OK ? string_case(render, &text, which, out) : status;
}

FILTER(filter_upper)
{
	return change_case(render, value, CASE_UPPER, out);
}

FILTER(filter_lower)
{
	return change_case(render, value, CASE_LOWER, out);
}

FILTER(filter_capitalize)
{
	return change_case(render, value, CASE_CAPITAL, out);
}

FILTER(filter_title)
{
	return change_case(render, value, CASE_WORDS, out);
}

FILTER(filter_string)
{
	return value_to_string(render, value, out);
}

FILTER(filter_replace)
{
	struct value text;
	enum clade_status status = value_to_string(render, value, &text);
	return status == CLADE_OK ? string_replace(render, &text, given[0], given[1], given[2], out) : status;
}

/* All lines but the first, and blank ones only if asked. */
FILTER(filter_indent)
{
	struct value text;
	struct text_buffer made = { .context = render->source.context };
	int64_t width = given[0] != NULL && given[0]->kind == VALUE_INTEGER ? given[0]->i : 4;
	bool fine = true, first = true;
	enum clade_status status = value_to_string(render, value, &text);
	if (status != CLADE_OK)
		return status;
	if (width < 0 || width > 1000 || (given[0] != NULL && given[0]->kind == VALUE_STRING))
		return render_fail(render, "the width of indent must be an integer from 0 to 1000");
	for (size_t at = 0; at <= text.bytes && fine; first = false) {
		const char *newline = memchr(text.text + at, '\n', text.bytes - at);
		size_t end = newline != NULL ? (size_t)(newline - text.text) : text.bytes;
		bool wanted = first ? flag(given[1]) : end > at || flag(given[2]);
		for (int64_t i = 0; i < width && wanted && fine; i++)
			fine = text_add(&made, " ", 1);
		fine = fine && text_add(&made, text.text + at, end - at + (newline != NULL));
		at = end + 1;
	}
	status = fine ? value_string(render, made.bytes, made.count, out) : render_fail_memory(render);
	text_finish(&made);
	return status;
}

FILTER(filter_tojson)
{
	struct text_buffer text = { .context = render->source.context };
	int64_t indent = -1;
	if (given[1] != NULL && given[1]->kind == VALUE_INTEGER)
		indent = given[1]->i < 0 ? 0 : given[1]->i;
	if (indent > 100 || (given[2] != NULL && given[2]->kind != VALUE_NONE))
		return render_fail(render, "tojson takes an indent up to 100 and no separators");
	enum clade_status status = value_json(render, value, indent, flag(given[3]), flag(given[0]), &text);
	if (status == CLADE_OK)
		status = value_string(render, text.bytes, text.count, out);
	text_finish(&text);
	return status;
}

/* ---- of numbers ---- */

FILTER(filter_int)
{
	char *end;
	*out = given[0] != NULL ? *given[0] : value_integer(0);
	if (value_is_number(value)) {
		double whole = trunc(value_number(value));
		if (value->kind != VALUE_FLOAT)
			*out = value_integer(value->i);
		else if (fabs(whole) < 9e18)
			*out = value_integer((int64_t)whole);
	} else if (value->kind == VALUE_STRING && value->bytes > 0) {
		long long number = strtoll(value->text, &end, 10);
		double real = strtod(value->text, NULL);
		if (end[strspn(end, " \t\r\n")] == '\0')
			*out = value_integer(number);
		else if (strtod(value->text, &end), *end == '\0' && fabs(real) < 9e18)
			*out = value_integer((int64_t)real);
	}
	return CLADE_OK;
}

FILTER(filter_float)
{
	char *end;
	*out = given[0] != NULL ? *given[0] : (struct value) { .kind = VALUE_FLOAT };
	if (value_is_number(value)) {
		*out = (struct value) { .kind = VALUE_FLOAT, .f = value_number(value) };
	} else if (value->kind == VALUE_STRING && value->bytes > 0) {
		double number = strtod(value->text, &end);
		if (*end == '\0')
			*out = (struct value) { .kind = VALUE_FLOAT, .f = number };
	}
	return CLADE_OK;
}

FILTER(filter_abs)
{
	if (!value_is_number(value) || value->i == INT64_MIN)
		return render_fail(render, "abs is for numbers, not %s", value_kind_name(value));
	*out = *value;
	out->f = fabs(value->f);
	out->i = value->i < 0 ? -value->i : value->i;
	out->kind = value->kind == VALUE_BOOL ? VALUE_INTEGER : value->kind;
	return CLADE_OK;
}

FILTER(filter_round)
{
	int64_t places = given[0] != NULL && given[0]->kind == VALUE_INTEGER ? given[0]->i : 0;
	char digits[400];
	if (!value_is_number(value) || places < 0 || places > 20)
		return render_fail(render, "round is for numbers, to 0 to 20 places");
	/* printf rounds the exact value, halves to even, as Python does */
	snprintf(digits, sizeof(digits), "%.*f", (int)places, value_number(value));
	*out = (struct value) { .kind = VALUE_FLOAT, .f = strtod(digits, NULL) };
	return CLADE_OK;
}

/* ---- of lists ---- */

FILTER(filter_length)
{
	struct list items;
	if (value->kind == VALUE_STRING) {
		*out = value_integer((int64_t)string_length(value));
		return CLADE_OK;
	}
	enum clade_status status = value_items(render, value, &items);
	*out = value_integer((int64_t)items.count);
	return status;
}

static enum clade_status make_list(struct render *render, const struct list *items, struct value *out)
{
	enum clade_status status = value_list(render, VALUE_LIST, out);
	for (size_t i = 0; i < items->count && status == CLADE_OK; i++)
		status = list_push(render, out->list, &items->items[i]);
	return status;
}

FILTER(filter_list)
{
	struct list items;
	enum clade_status status = value_items(render, value, &items);
	return status == CLADE_OK ? make_list(render, &items, out) : status;
}

static enum clade_status take_end(struct render *render, const struct value *value, bool last, struct value *out)
{
	struct list items;
	enum clade_status status = value_items(render, value, &items);
	*out = (struct value) { .kind = VALUE_UNDEFINED, .text = "the end of an empty list" };
	if (status == CLADE_OK && items.count > 0)
		*out = items.items[last ? items.count - 1 : 0];
	return status;
}

FILTER(filter_first)
{
	return take_end(render, value, false, out);
}

FILTER(filter_last)
{
	return take_end(render, value, true, out);
}

FILTER(filter_reverse)
{
	struct list items;
	enum clade_status status = value_items(render, value, &items);
	struct value empty;
	if (status == CLADE_OK)
		status = value_list(render, VALUE_LIST, out);
	for (size_t i = items.count; i > 0 && status == CLADE_OK; i--)
		status = list_push(render, out->list, &items.items[i - 1]);
	if (status != CLADE_OK || value->kind != VALUE_STRING)
		return status;
	items = *out->list;
	status = value_string(render, "", 0, &empty);
	return status == CLADE_OK ? string_join(render, &empty, &items, true, out) : status;
}

/* a.b.c of an item, by a string such as "b.c"; integers index. */
static enum clade_status get_attribute(struct render *render, const struct value *item, const struct value *path,
				       struct value *out)
{
	*out = *item;
	if (path->kind == VALUE_INTEGER)
		return eval_item(render, item, path, out);
	if (path->kind != VALUE_STRING)
		return render_fail(render, "an attribute's name must be a string");
	for (size_t at = 0; at <= path->bytes;) {
		const char *dot = memchr(path->text + at, '.', path->bytes - at);
		size_t end = dot != NULL ? (size_t)(dot - path->text) : path->bytes;
		struct value name, object = *out;
		enum clade_status status = value_string(render, path->text + at, end - at, &name);
		if (status == CLADE_OK && end > at && strspn(name.text, "0123456789") == end - at) {
			name = value_integer(strtoll(name.text, NULL, 10));
			status = eval_item(render, &object, &name, out);
		} else if (status == CLADE_OK) {
			status = eval_member(render, &object, name.text, name.bytes, out);
		}
		if (status != CLADE_OK)
			return status;
		at = end + 1;
	}
	return CLADE_OK;
}

FILTER(filter_join)
{
	struct list items;
	struct value separator, part, all = { .kind = VALUE_LIST, .list = &(struct list) { 0 } };
	enum clade_status status = value_items(render, value, &items);
	if (status == CLADE_OK)
		status = given[0] != NULL ? value_to_string(render, given[0], &separator)
					  : value_string(render, "", 0, &separator);
	for (size_t i = 0; given[1] != NULL && i < items.count && status == CLADE_OK; i++) {
		status = get_attribute(render, &items.items[i], given[1], &part);
		if (status == CLADE_OK)
			status = list_push(render, all.list, &part);
	}
	if (given[1] != NULL)
		items = *all.list;
	return status == CLADE_OK ? string_join(render, &separator, &items, false, out) : status;
}

/* Stable, by `attribute` or the items themselves; strings without case unless asked. */
static enum clade_status sort_items(struct render *render, struct list *items, const struct value *attribute,
				    bool case_sensitive, bool reverse)
{
	struct value *keys = arena_take(render->source.arena, (items->count + 1) * sizeof(*keys));
	enum clade_status status = keys != NULL ? CLADE_OK : render_fail_memory(render);
	for (size_t i = 0; i < items->count && status == CLADE_OK; i++) {
		struct value key = items->items[i];
		if (attribute != NULL && attribute->kind != VALUE_NONE)
			status = get_attribute(render, &items->items[i], attribute, &key);
		keys[i] = key;
		if (status == CLADE_OK && key.kind == VALUE_STRING && !case_sensitive)
			status = string_case(render, &key, CASE_LOWER, &keys[i]);
	}
	for (size_t i = 1; i < items->count && status == CLADE_OK; i++)
		for (size_t k = i; k > 0 && status == CLADE_OK; k--) {
			int order = 0;
			struct value key = keys[k], item = items->items[k];
			status = render_step(render);
			if (status == CLADE_OK)
				status = value_compare(render, &keys[k - 1], &key, &order);
			if (status != CLADE_OK || (reverse ? order >= 0 : order <= 0))
				break;
			keys[k] = keys[k - 1];
			items->items[k] = items->items[k - 1];
			keys[k - 1] = key;
			items->items[k - 1] = item;
		}
	return status;
}

FILTER(filter_sort)
{
	enum clade_status status = filter_list(render, value, NULL, out);
	return status == CLADE_OK ? sort_items(render, out->list, given[2], flag(given[1]), flag(given[0])) : status;
}

FILTER(filter_items)
{
	if (value->kind == VALUE_UNDEFINED)
		return value_list(render, VALUE_LIST, out);
	if (value->kind != VALUE_DICT)
		return render_fail(render, "items is for dicts, not %s", value_kind_name(value));
	return dict_pairs(render, value, out);
}

FILTER(filter_dictsort)
{
	struct value by = value_integer(given[1] != NULL && given[1]->kind == VALUE_STRING &&
					strcmp(given[1]->text, "value") == 0);
	enum clade_status status = filter_items(render, value, NULL, out);
	return status == CLADE_OK ? sort_items(render, out->list, &by, flag(given[0]), flag(given[2])) : status;
}

FILTER(filter_unique)
{
	struct list items, seen = { 0 };
	enum clade_status status = value_items(render, value, &items);
	if (status == CLADE_OK)
		status = value_list(render, VALUE_LIST, out);
	struct value all = { .kind = VALUE_LIST, .list = &seen };
	for (size_t i = 0; i < items.count && status == CLADE_OK; i++) {
		struct value key = items.items[i];
		bool found = false;
		if (key.kind == VALUE_STRING && !flag(given[0]))
			status = string_case(render, &items.items[i], CASE_LOWER, &key);
		if (status == CLADE_OK)
			status = eval_contains(render, &all, &key, &found);
		if (status == CLADE_OK && !found)
			status = list_push(render, &seen, &key);
		if (status == CLADE_OK && !found)
			status = list_push(render, out->list, &items.items[i]);
	}
	return status;
}

FILTER(filter_sum)
{
	struct list items;
	enum clade_status status = value_items(render, value, &items);
	*out = given[1] != NULL ? *given[1] : value_integer(0);
	for (size_t i = 0; i < items.count && status == CLADE_OK; i++) {
		struct value item = items.items[i], sum = *out;
		if (given[0] != NULL && given[0]->kind != VALUE_NONE)
			status = get_attribute(render, &items.items[i], given[0], &item);
		if (status == CLADE_OK)
			status = eval_binary(render, "+", &sum, &item, out);
	}
	return status;
}

static enum clade_status extreme(struct render *render, const struct value *value, bool most, struct value *out)
{
	enum clade_status status = filter_list(render, value, NULL, out);
	if (status == CLADE_OK)
		status = sort_items(render, out->list, NULL, false, most);
	if (status != CLADE_OK)
		return status;
	*out = out->list->count > 0 ? out->list->items[0]
				    : (struct value) { .kind = VALUE_UNDEFINED, .text = "the extreme of nothing" };
	return CLADE_OK;
}

FILTER(filter_min)
{
	return extreme(render, value, false, out);
}

FILTER(filter_max)
{
	return extreme(render, value, true, out);
}

FILTER(filter_default)
{
	bool replaced = value->kind == VALUE_UNDEFINED || (flag(given[1]) && !value_truth(value));
	if (!replaced) {
		*out = *value;
		return CLADE_OK;
	}
	if (given[0] == NULL)
		return value_string(render, "", 0, out);
	*out = *given[0];
	return CLADE_OK;
}

FILTER(filter_safe)
{
	return value_to_string(render, value, out);
}

/* ---- filters that take filters and tests ---- */

/* The arguments from `first` on. */
static struct arguments rest(const struct arguments *arguments, size_t first)
{
	struct arguments part = *arguments;
	first = first < part.count ? first : part.count;
	part.items = first > 0 ? part.items + first : part.items;
	part.count -= first;
	return part;
}

static enum clade_status apply_map(struct render *render, const char *filter, const struct value *value,
				   const struct arguments *arguments, struct value *out)
{
	struct list items;
	struct arguments part = rest(arguments, 1);
	const struct value *name = arguments->count > 0 ? &arguments->items[0] : NULL;
	const struct value *attribute = name == NULL ? argument(arguments, SIZE_MAX, "attribute") : NULL;
	const struct value *otherwise = name == NULL ? argument(arguments, SIZE_MAX, "default") : NULL;
	const char *nearest;
	if (attribute == NULL && (name == NULL || name->kind != VALUE_STRING || !find_filter(name->text, &nearest)))
		return render_fail(render, "map needs a filter's name, or attribute=\"name\"");
	enum clade_status status = value_items(render, value, &items);
	if (status == CLADE_OK)
		status = value_list(render, VALUE_LIST, out);
	for (size_t i = 0; i < items.count && status == CLADE_OK; i++) {
		struct value made;
		status = attribute != NULL ? get_attribute(render, &items.items[i], attribute, &made)
					   : apply_filter(render, name->text, &items.items[i], &part, &made);
		if (status == CLADE_OK && made.kind == VALUE_UNDEFINED && otherwise != NULL)
			made = *otherwise;
		if (status == CLADE_OK)
			status = list_push(render, out->list, &made);
	}
	return status;
}

/* select, reject: (test, args...); selectattr, rejectattr: (attribute, test, args...). No test: truth. */
static enum clade_status apply_select(struct render *render, const char *filter, const struct value *value,
				      const struct arguments *arguments, struct value *out)
{
	bool keep = filter[0] == 's', by_attribute = strstr(filter, "attr") != NULL;
	size_t at = by_attribute;
	const struct value *test = arguments->count > at ? &arguments->items[at] : NULL;
	struct arguments part = rest(arguments, at + 1);
	struct list items;
	const char *nearest;
	if ((by_attribute && arguments->count == 0) ||
	    (test != NULL && (test->kind != VALUE_STRING || !find_test(test->text, &nearest))))
		return render_fail(render, "`%s` needs %sa test's name", filter,
				   by_attribute ? "an attribute and " : "");
	enum clade_status status = value_items(render, value, &items);
	if (status == CLADE_OK)
		status = value_list(render, VALUE_LIST, out);
	for (size_t i = 0; i < items.count && status == CLADE_OK; i++) {
		struct value tested = items.items[i];
		bool holds = false;
		if (by_attribute)
			status = get_attribute(render, &items.items[i], &arguments->items[0], &tested);
		if (status == CLADE_OK && test != NULL)
			status = apply_test(render, test->text, &tested, &part, &holds);
		if (test == NULL)
			holds = value_truth(&tested);
		if (status == CLADE_OK && holds == keep)
			status = list_push(render, out->list, &items.items[i]);
	}
	return status;
}

const struct builtin filters[] = {
	{ "trim", filter_trim, { "chars" } },
	{ "upper", filter_upper },
	{ "lower", filter_lower },
	{ "capitalize", filter_capitalize },
	{ "title", filter_title },
	{ "string", filter_string },
	{ "safe", filter_safe },
	{ "replace", filter_replace, { "old", "new", "count" } },
	{ "indent", filter_indent, { "width", "first", "blank" } },
	{ "tojson", filter_tojson, { "ensure_ascii", "indent", "separators", "sort_keys" } },
	{ "int", filter_int, { "default" } },
	{ "float", filter_float, { "default" } },
	{ "abs", filter_abs },
	{ "round", filter_round, { "precision" } },
	{ "length", filter_length },
	{ "count", filter_length },
	{ "list", filter_list },
	{ "first", filter_first },
	{ "last", filter_last },
	{ "reverse", filter_reverse },
	{ "join", filter_join, { "d", "attribute" } },
	{ "sort", filter_sort, { "reverse", "case_sensitive", "attribute" } },
	{ "dictsort", filter_dictsort, { "case_sensitive", "by", "reverse" } },
	{ "items", filter_items },
	{ "unique", filter_unique, { "case_sensitive" } },
	{ "sum", filter_sum, { "attribute", "start" } },
	{ "min", filter_min },
	{ "max", filter_max },
	{ "default", filter_default, { "default_value", "boolean" } },
	{ "d", filter_default, { "default_value", "boolean" } },
	{ "map", .apply_any = apply_map },
	{ "select", .apply_any = apply_select },
	{ "reject", .apply_any = apply_select },
	{ "selectattr", .apply_any = apply_select },
	{ "rejectattr", .apply_any = apply_select },
	{ NULL },
};

bool find_filter(const char *name, const char **out_nearest)
{
	return builtin_find_near(filters, name, out_nearest);
}

enum clade_status apply_filter(struct render *render, const char *name, const struct value *value,
			       const struct arguments *arguments, struct value *out)
{
	const struct builtin *filter = builtin_find(filters, name);
	if (filter == NULL)
		return render_fail(render, "no filter is called `%.60s`", name);
	return builtin_call(render, filter, value, arguments, out);
}

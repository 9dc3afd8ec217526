/* SPDX-License-Identifier: MIT */
/* Chat templates: what Python's strings can do. */
#include "builtin.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

static bool is_space(int32_t point)
{
	return is_white_space(point) || (point >= 0x1c && point <= 0x1f);
}

static int32_t next_point(const struct value *string, size_t *at)
{
	int length = utf8_length(string->text + *at, string->bytes - *at);
	int32_t point = utf8_point(string->text + *at, length);
	*at += (size_t)length;
	return point;
}

static enum clade_status need_string(struct render *render, const struct value *value, const char *what)
{
	if (value != NULL && value->kind == VALUE_STRING)
		return CLADE_OK;
	return render_fail(render, "%s must be a string, not %s", what,
			   value != NULL ? value_kind_name(value) : "left out");
}

static enum clade_status take(struct render *render, struct text_buffer *text, bool fine, struct value *out)
{
	enum clade_status status =
		fine ? value_string(render, text->bytes, text->count, out) : render_fail_memory(render);
	text_finish(text);
	return status;
}

/* Whether a character is to be stripped: white space, or one of `characters`. */
static bool strips(const struct value *characters, const char *text, size_t length)
{
	if (characters == NULL || characters->kind != VALUE_STRING)
		return is_space(utf8_point(text, (int)length));
	for (size_t at = 0; at < characters->bytes;) {
		size_t begin = at;
		next_point(characters, &at);
		if (at - begin == length && memcmp(characters->text + begin, text, length) == 0)
			return true;
	}
	return false;
}

enum clade_status string_trim(struct render *render, const struct value *value, const struct value *characters,
			      bool left, bool right, struct value *out)
{
	size_t from = 0, to = value->bytes;
	while (left && from < to) {
		size_t at = from;
		next_point(value, &at);
		if (!strips(characters, value->text + from, at - from))
			break;
		from = at;
	}
	while (right && to > from) {
		size_t at = to - 1;
		while (at > from && ((unsigned char)value->text[at] & 0xc0) == 0x80)
			at--;
		if (!strips(characters, value->text + at, to - at))
			break;
		to = at;
	}
	return value_string(render, value->text + from, to - from, out);
}

enum clade_status string_replace(struct render *render, const struct value *value, const struct value *from,
				 const struct value *to, const struct value *count, struct value *out)
{
	struct text_buffer text = { .context = render->source.context };
	int64_t left = count != NULL && count->kind == VALUE_INTEGER ? count->i : -1;
	bool fine = true;
	enum clade_status status = need_string(render, from, "what is replaced");
	if (status == CLADE_OK)
		status = need_string(render, to, "what replaces");
	if (status != CLADE_OK)
		return status;
	for (size_t at = 0; at <= value->bytes && fine;) {
		bool found = left != 0 && value->bytes - at >= from->bytes &&
			     memcmp(value->text + at, from->text, from->bytes) == 0;
		if (found) {
			fine = text_add(&text, to->text, to->bytes);
			left -= left > 0;
			at += from->bytes;
		}
		if (fine && (!found || from->bytes == 0)) { /* an empty one matches between all characters */
			size_t next = at;
			if (at == value->bytes)
				break;
			next_point(value, &next);
			fine = text_add(&text, value->text + at, next - at);
			at = next;
		}
		if (found && from->bytes > 0 && at == value->bytes)
			break;
	}
	return take(render, &text, fine, out);
}

static bool add_point(struct text_buffer *text, int32_t point)
{
	utf8proc_uint8_t bytes[4];
	utf8proc_ssize_t length = utf8proc_encode_char(point, bytes);
	return text_add(text, (const char *)bytes, (size_t)length);
}

static bool is_cased(int32_t point)
{
	utf8proc_category_t category = utf8proc_category(point);
	return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

enum clade_status string_case(struct render *render, const struct value *value, int which, struct value *out)
{
	struct text_buffer text = { .context = render->source.context };
	bool fine = true, start = true;
	for (size_t at = 0; at < value->bytes && fine;) {
		int32_t point = next_point(value, &at);
		bool up = which == CASE_UPPER || (which != CASE_LOWER && start);
		if (up && point == 0xdf)
			fine = text_add(&text, which == CASE_UPPER ? "SS" : "Ss", 2);
		else if (up)
			fine = add_point(&text,
					 which == CASE_UPPER ? utf8proc_toupper(point) : utf8proc_totitle(point));
		else
			fine = add_point(&text, utf8proc_tolower(point));
		start = which == CASE_TITLE   ? !is_cased(point)
			: which == CASE_WORDS ? is_space(point) || (point < 0x80 && strchr("-({[<", point) != NULL)
					      : false;
	}
	return take(render, &text, fine, out);
}

enum clade_status string_join(struct render *render, const struct value *separator, const struct list *items,
			      bool strings_only, struct value *out)
{
	struct text_buffer text = { .context = render->source.context };
	enum clade_status status = CLADE_OK;
	bool fine = true;
	for (size_t i = 0; i < items->count && fine && status == CLADE_OK; i++) {
		struct value item;
		if (strings_only)
			status = need_string(render, &items->items[i], "what is joined");
		if (status == CLADE_OK)
			status = value_to_string(render, &items->items[i], &item);
		if (status == CLADE_OK && i > 0)
			fine = text_add(&text, separator->text, separator->bytes);
		if (status == CLADE_OK && fine)
			fine = text_add(&text, item.text, item.bytes);
	}
	if (status == CLADE_OK)
		return take(render, &text, fine, out);
	text_finish(&text);
	return status;
}

/* ---- methods ---- */

static enum clade_status push_part(struct render *render, const struct value *string, size_t from, size_t to,
				   struct value *list)
{
	struct value part;
	enum clade_status status = value_string(render, string->text + from, to - from, &part);
	return status == CLADE_OK ? list_push(render, list->list, &part) : status;
}

/* split(): at runs of white space; split(s): at each s. At most `most` cuts if it is not negative. */
static enum clade_status split_spaces(struct render *render, const struct value *string, int64_t most,
				      struct value *out)
{
	enum clade_status status = CLADE_OK;
	for (size_t at = 0; status == CLADE_OK && at < string->bytes; most--) {
		size_t begin = at, end;
		while (at < string->bytes && is_space(next_point(string, &at)))
			begin = at;
		if (begin >= string->bytes)
			break;
		end = at = begin;
		if (most == 0)
			return push_part(render, string, begin, string->bytes, out);
		while (at < string->bytes && !is_space(next_point(string, &at)))
			end = at;
		status = push_part(render, string, begin, end, out);
	}
	return status;
}

static enum clade_status split_at(struct render *render, const struct value *string, const struct value *separator,
				  int64_t most, struct value *out)
{
	size_t begin = 0;
	enum clade_status status = CLADE_OK;
	for (size_t at = 0; status == CLADE_OK && most != 0 && at + separator->bytes <= string->bytes;) {
		if (memcmp(string->text + at, separator->text, separator->bytes) != 0) {
			at++;
			continue;
		}
		status = push_part(render, string, begin, at, out);
		begin = at += separator->bytes;
		most--;
	}
	return status == CLADE_OK ? push_part(render, string, begin, string->bytes, out) : status;
}

static enum clade_status split(struct render *render, const struct value *value, const struct value *const *given,
			       bool from_right, struct value *out)
{
	int64_t most = given[1] != NULL && given[1]->kind == VALUE_INTEGER ? given[1]->i : -1;
	enum clade_status status = value_list(render, VALUE_LIST, out);
	if (status != CLADE_OK)
		return status;
	if (from_right && most >= 0)
		return render_fail(render, "rsplit with a number of cuts is not supported");
	if (given[0] == NULL || given[0]->kind == VALUE_NONE)
		return split_spaces(render, value, most, out);
	status = need_string(render, given[0], "the separator");
	if (status == CLADE_OK && given[0]->bytes == 0)
		status = render_fail(render, "the separator is empty");
	return status == CLADE_OK ? split_at(render, value, given[0], most, out) : status;
}

static enum clade_status method_split(struct render *render, const struct value *value,
				      const struct value *const *given, struct value *out)
{
	return split(render, value, given, false, out);
}

static enum clade_status method_rsplit(struct render *render, const struct value *value,
				       const struct value *const *given, struct value *out)
{
	return split(render, value, given, true, out);
}

static enum clade_status method_splitlines(struct render *render, const struct value *value,
					   const struct value *const *given, struct value *out)
{
	size_t begin = 0;
	enum clade_status status = value_list(render, VALUE_LIST, out);
	for (size_t at = 0; at < value->bytes && status == CLADE_OK; at++) {
		if (value->text[at] != '\n' && value->text[at] != '\r')
			continue;
		status = push_part(render, value, begin, at, out);
		at += value->text[at] == '\r' && at + 1 < value->bytes && value->text[at + 1] == '\n';
		begin = at + 1;
	}
	return status == CLADE_OK && begin < value->bytes ? push_part(render, value, begin, value->bytes, out) : status;
}

#define TRIM(name, left, right)                                                                                        \
	static enum clade_status name(struct render *render, const struct value *value,                                \
				      const struct value *const *given, struct value *out)                             \
	{                                                                                                              \
		return string_trim(render, value, given[0], left, right, out);                                         \
	}
TRIM(method_strip, true, true)
TRIM(method_lstrip, true, false)
TRIM(method_rstrip, false, true)

#define CASE(name, which)                                                                                              \
	static enum clade_status name(struct render *render, const struct value *value,                                \
				      const struct value *const *given, struct value *out)                             \
	{                                                                                                              \
		return string_case(render, value, which, out);                                                         \
	}
CASE(method_upper, CASE_UPPER)
CASE(method_lower, CASE_LOWER)
CASE(method_capitalize, CASE_CAPITAL)
CASE(method_title, CASE_TITLE)

static bool has_affix(const struct value *value, const struct value *affix, bool end)
{
	return affix->bytes <= value->bytes &&
	       memcmp(value->text + (end ? value->bytes - affix->bytes : 0), affix->text, affix->bytes) == 0;
}

/* A string, or a tuple of which one will do. */
static enum clade_status test_affix(struct render *render, const struct value *value, const struct value *affix,
				    bool end, struct value *out)
{
	bool found = false;
	enum clade_status status = CLADE_OK;
	if (affix == NULL || affix->kind != VALUE_TUPLE) {
		status = need_string(render, affix, "what is looked for");
		*out = value_bool(status == CLADE_OK && has_affix(value, affix, end));
		return status;
	}
	for (size_t i = 0; i < affix->list->count && status == CLADE_OK && !found; i++) {
		status = need_string(render, &affix->list->items[i], "what is looked for");
		found = status == CLADE_OK && has_affix(value, &affix->list->items[i], end);
	}
	*out = value_bool(found);
	return status;
}

static enum clade_status method_startswith(struct render *render, const struct value *value,
					   const struct value *const *given, struct value *out)
{
	return test_affix(render, value, given[0], false, out);
}

static enum clade_status method_endswith(struct render *render, const struct value *value,
					 const struct value *const *given, struct value *out)
{
	return test_affix(render, value, given[0], true, out);
}

static enum clade_status method_removeprefix(struct render *render, const struct value *value,
					     const struct value *const *given, struct value *out)
{
	enum clade_status status = need_string(render, given[0], "the prefix");
	if (status != CLADE_OK)
		return status;
	size_t cut = has_affix(value, given[0], false) ? given[0]->bytes : 0;
	return value_string(render, value->text + cut, value->bytes - cut, out);
}

static enum clade_status method_removesuffix(struct render *render, const struct value *value,
					     const struct value *const *given, struct value *out)
{
	enum clade_status status = need_string(render, given[0], "the suffix");
	if (status != CLADE_OK)
		return status;
	size_t cut = has_affix(value, given[0], true) ? given[0]->bytes : 0;
	return value_string(render, value->text, value->bytes - cut, out);
}

static enum clade_status method_replace(struct render *render, const struct value *value,
					const struct value *const *given, struct value *out)
{
	return string_replace(render, value, given[0], given[1], given[2], out);
}

static enum clade_status method_join(struct render *render, const struct value *value, const struct value *const *given,
				     struct value *out)
{
	struct list items;
	if (given[0] == NULL)
		return render_fail(render, "join needs a list");
	enum clade_status status = value_items(render, given[0], &items);
	return status == CLADE_OK ? string_join(render, value, &items, true, out) : status;
}

static enum clade_status find_string(struct render *render, const struct value *value, const struct value *wanted,
				     bool last, struct value *out)
{
	enum clade_status status = need_string(render, wanted, "what is looked for");
	int64_t found = -1, character = 0;
	for (size_t at = 0; status == CLADE_OK && at <= value->bytes && value->bytes - at >= wanted->bytes;) {
		if (memcmp(value->text + at, wanted->text, wanted->bytes) == 0 && (found < 0 || last))
			found = character;
		if (at == value->bytes)
			break;
		next_point(value, &at);
		character++;
	}
	*out = value_integer(found);
	return status;
}

static enum clade_status method_find(struct render *render, const struct value *value, const struct value *const *given,
				     struct value *out)
{
	return find_string(render, value, given[0], false, out);
}

static enum clade_status method_rfind(struct render *render, const struct value *value,
				      const struct value *const *given, struct value *out)
{
	return find_string(render, value, given[0], true, out);
}

static enum clade_status method_count(struct render *render, const struct value *value,
				      const struct value *const *given, struct value *out)
{
	enum clade_status status = need_string(render, given[0], "what is counted");
	int64_t count = 0;
	if (status == CLADE_OK && given[0]->bytes == 0)
		count = (int64_t)string_length(value) + 1;
	for (size_t at = 0; status == CLADE_OK && given[0]->bytes > 0 && at + given[0]->bytes <= value->bytes;) {
		bool found = memcmp(value->text + at, given[0]->text, given[0]->bytes) == 0;
		count += found;
		at += found ? given[0]->bytes : 1;
	}
	*out = value_integer(count);
	return status;
}

/* All characters are of some kind, and there is one. */
static struct value all_points(const struct value *value, bool (*is_it)(int32_t))
{
	bool all = value->bytes > 0;
	for (size_t at = 0; at < value->bytes && all;)
		all = is_it(next_point(value, &at));
	return value_bool(all);
}

static bool is_digit(int32_t point)
{
	return utf8proc_category(point) == UTF8PROC_CATEGORY_ND;
}

static bool is_alpha(int32_t point)
{
	utf8proc_category_t category = utf8proc_category(point);
	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

static enum clade_status method_isdigit(struct render *render, const struct value *value,
					const struct value *const *given, struct value *out)
{
	*out = all_points(value, is_digit);
	return CLADE_OK;
}

static enum clade_status method_isalpha(struct render *render, const struct value *value,
					const struct value *const *given, struct value *out)
{
	*out = all_points(value, is_alpha);
	return CLADE_OK;
}

static enum clade_status method_isspace(struct render *render, const struct value *value,
					const struct value *const *given, struct value *out)
{
	*out = all_points(value, is_space);
	return CLADE_OK;
}

const struct builtin string_methods[] = {
	{ "split", method_split, { "sep", "maxsplit" } },
	{ "rsplit", method_rsplit, { "sep", "maxsplit" } },
	{ "splitlines", method_splitlines },
	{ "strip", method_strip, { "chars" } },
	{ "lstrip", method_lstrip, { "chars" } },
	{ "rstrip", method_rstrip, { "chars" } },
	{ "upper", method_upper },
	{ "lower", method_lower },
	{ "capitalize", method_capitalize },
	{ "title", method_title },
	{ "startswith", method_startswith, { "prefix" } },
	{ "endswith", method_endswith, { "suffix" } },
	{ "removeprefix", method_removeprefix, { "prefix" } },
	{ "removesuffix", method_removesuffix, { "suffix" } },
	{ "replace", method_replace, { "old", "new", "count" } },
	{ "join", method_join, { "items" } },
	{ "find", method_find, { "sub" } },
	{ "rfind", method_rfind, { "sub" } },
	{ "count", method_count, { "sub" } },
	{ "isdigit", method_isdigit },
	{ "isalpha", method_isalpha },
	{ "isspace", method_isspace },
	{ NULL },
};

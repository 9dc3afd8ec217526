/* SPDX-License-Identifier: MIT */
/* Chat templates: functions, tests, methods of dicts and lists, and how arguments find their parameters. */
#include "builtin.h"

#include <stdio.h>
#include <string.h>

enum { MAX_RANGE = 100000 };

const struct value *argument(const struct arguments *arguments, size_t index, const char *name)
{
	if (index < arguments->count)
		return &arguments->items[index];
	for (size_t i = 0; i < arguments->name_count; i++)
		if (strcmp(arguments->names[i], name) == 0)
			return &arguments->values[i];
	return NULL;
}

const struct builtin *builtin_find(const struct builtin *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

bool builtin_find_near(const struct builtin *table, const char *name, const char **out_nearest)
{
	const char *names[128];
	size_t count = 0;
	for (; table[count].name != NULL && count < 128; count++)
		names[count] = table[count].name;
	*out_nearest = clade_nearest(name, names, count);
	return builtin_find(table, name) != NULL;
}

enum clade_status builtin_call(struct render *render, const struct builtin *builtin, const struct value *value,
			       const struct arguments *arguments, struct value *out)
{
	const struct value *given[MAX_PARAMETERS] = { NULL };
	size_t count = 0, named = 0;
	if (builtin->apply_any != NULL)
		return builtin->apply_any(render, builtin->name, value, arguments, out);
	for (; count < MAX_PARAMETERS && builtin->parameters[count] != NULL; count++) {
		given[count] = argument(arguments, count, builtin->parameters[count]);
		named += count >= arguments->count && given[count] != NULL;
	}
	if (arguments->count > count || named < arguments->name_count)
		return render_fail(render, "`%s` takes no such argument here%s%s%s%s", builtin->name,
				   count > 0 ? "; it knows " : "", count > 0 ? builtin->parameters[0] : "",
				   count > 1 ? ", " : "", count > 1 ? builtin->parameters[1] : "");
	return builtin->apply(render, value, given, out);
}

/* ---- tests ---- */

typedef bool test_fn(const struct value *value, const struct value *other);

static bool test_defined(const struct value *value, const struct value *other)
{
	return value->kind != VALUE_UNDEFINED;
}

static bool test_none(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_NONE;
}

static bool test_string(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_STRING;
}

static bool test_number(const struct value *value, const struct value *other)
{
	return value_is_number(value);
}

static bool test_integer(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_INTEGER;
}

static bool test_float(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_FLOAT;
}

static bool test_boolean(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_BOOL;
}

static bool test_true(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_BOOL && value->i;
}

static bool test_false(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_BOOL && !value->i;
}

static bool test_mapping(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_DICT;
}

/* Strings count, as Python has it; so does what is undefined. */
static bool test_iterable(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_UNDEFINED || (value->kind >= VALUE_STRING && value->kind <= VALUE_DICT);
}

static bool test_callable(const struct value *value, const struct value *other)
{
	return value->kind == VALUE_MACRO || value->kind == VALUE_FUNCTION;
}

static bool test_odd(const struct value *value, const struct value *other)
{
	return value->kind <= VALUE_INTEGER && value->i % 2 != 0;
}

static bool test_even(const struct value *value, const struct value *other)
{
	return value->kind <= VALUE_INTEGER && value->i % 2 == 0;
}

static bool test_divisible(const struct value *value, const struct value *other)
{
	return other->i != 0 && value->i % other->i == 0;
}

static bool test_equal(const struct value *value, const struct value *other)
{
	return value_equal(value, other);
}

static bool test_unequal(const struct value *value, const struct value *other)
{
	return !value_equal(value, other);
}

/* What a test needs: nothing, a second value, integers, or an order; "in" looks into its second value. */
enum need { NEED_NOTHING, NEED_OTHER, NEED_INTEGER, NEED_INTEGERS, NEED_ORDER, NEED_IN };
static const struct test {
	const char *name;
	test_fn *holds;
	enum need need;
	int order, other_order; /* NEED_ORDER: the results of a comparison that hold */
	bool negated;
} tests[] = {
	{ "defined", test_defined },
	{ "undefined", test_defined, .negated = true },
	{ "none", test_none },
	{ "string", test_string },
	{ "number", test_number },
	{ "integer", test_integer },
	{ "float", test_float },
	{ "boolean", test_boolean },
	{ "true", test_true },
	{ "false", test_false },
	{ "mapping", test_mapping },
	{ "iterable", test_iterable },
	{ "sequence", test_iterable },
	{ "callable", test_callable },
	{ "odd", test_odd, NEED_INTEGER },
	{ "even", test_even, NEED_INTEGER },
	{ "divisibleby", test_divisible, NEED_INTEGERS },
	{ "equalto", test_equal, NEED_OTHER },
	{ "eq", test_equal, NEED_OTHER },
	{ "ne", test_unequal, NEED_OTHER },
	{ "lt", NULL, NEED_ORDER, -1, -1 },
	{ "lessthan", NULL, NEED_ORDER, -1, -1 },
	{ "le", NULL, NEED_ORDER, -1, 0 },
	{ "gt", NULL, NEED_ORDER, 1, 1 },
	{ "greaterthan", NULL, NEED_ORDER, 1, 1 },
	{ "ge", NULL, NEED_ORDER, 1, 0 },
	{ "in", NULL, NEED_IN },
};
enum { TESTS = sizeof(tests) / sizeof(tests[0]) };

bool find_test(const char *name, const char **out_nearest)
{
	const char *names[TESTS];
	bool found = false;
	for (size_t i = 0; i < TESTS; i++) {
		names[i] = tests[i].name;
		found |= strcmp(name, names[i]) == 0;
	}
	*out_nearest = clade_nearest(name, names, TESTS);
	return found;
}

enum clade_status apply_test(struct render *render, const char *name, const struct value *value,
			     const struct arguments *arguments, bool *out)
{
	const struct test *test = tests;
	while (test < tests + TESTS - 1 && strcmp(test->name, name) != 0)
		test++;
	bool alone = test->need == NEED_NOTHING || test->need == NEED_INTEGER;
	*out = false;
	if (arguments->count != (alone ? 0u : 1u) || arguments->name_count > 0)
		return render_fail(render, "the test `%s` takes %s", name, alone ? "no argument" : "one argument");
	const struct value *other = alone ? NULL : &arguments->items[0];
	bool integers = test->need == NEED_INTEGER || test->need == NEED_INTEGERS;
	if (integers && ((value->kind != VALUE_INTEGER && value->kind != VALUE_BOOL) ||
			 (other != NULL && (other->kind != VALUE_INTEGER || other->i == 0))))
		return render_fail(render, "the test `%s` is for integers", name);
	if (test->need == NEED_IN)
		return eval_contains(render, other, value, out);
	if (test->need == NEED_ORDER) {
		int order = 0;
		enum clade_status status = value_compare(render, value, other, &order);
		*out = order == test->order || order == test->other_order;
		return status;
	}
	*out = test->holds(value, other) != test->negated;
	return CLADE_OK;
}

/* ---- functions ---- */

static enum clade_status call_range(struct render *render, const struct arguments *arguments, struct value *out)
{
	int64_t bounds[3] = { 0, 0, 1 }, span;
	size_t count = arguments->count;
	if (count < 1 || count > 3 || arguments->name_count > 0)
		return render_fail(render, "range takes one to three integers");
	for (size_t i = 0; i < count; i++) {
		const struct value *value = &arguments->items[i];
		if (value->kind != VALUE_INTEGER && value->kind != VALUE_BOOL)
			return render_fail(render, "range takes integers, not %s", value_kind_name(value));
		bounds[count == 1 ? 1 : i] = value->i;
	}
	if (bounds[2] == 0 || bounds[2] == INT64_MIN || __builtin_sub_overflow(bounds[1], bounds[0], &span))
		return render_fail(render, "range needs a step other than 0 and bounds that are not too far apart");
	enum clade_status status = value_list(render, VALUE_LIST, out);
	if (span / bounds[2] > MAX_RANGE)
		return render_fail(render, "the range is over %d long", MAX_RANGE);
	for (int64_t i = bounds[0]; status == CLADE_OK && (bounds[2] > 0 ? i < bounds[1] : i > bounds[1]);
	     i += bounds[2]) {
		struct value item = value_integer(i);
		status = list_push(render, out->list, &item);
	}
	return status;
}

/* namespace(...) and dict(...): a dict, then names. */
static enum clade_status call_dict(struct render *render, enum value_kind kind, const struct arguments *arguments,
				   struct value *out)
{
	enum clade_status status = value_list(render, kind, out);
	if (arguments->count > 1 || (arguments->count == 1 && arguments->items[0].kind != VALUE_DICT))
		return render_fail(render, "a dict and arguments with names are expected");
	const struct list *first = arguments->count == 1 ? arguments->items[0].list : NULL;
	for (size_t i = 0; first != NULL && i < first->count && status == CLADE_OK; i += 2)
		status = dict_set(render, out->list, &first->items[i], &first->items[i + 1]);
	for (size_t i = 0; i < arguments->name_count && status == CLADE_OK; i++) {
		struct value key = { .kind = VALUE_STRING,
				     .text = arguments->names[i],
				     .bytes = strlen(arguments->names[i]) };
		status = dict_set(render, out->list, &key, &arguments->values[i]);
	}
	return status;
}

/* Conversions that neither the machine's zone nor its language changes. */
static enum clade_status call_strftime(struct render *render, const struct arguments *arguments, struct value *out)
{
	const struct value *format = argument(arguments, 0, "format");
	char text[256] = "";
	if (format == NULL || format->kind != VALUE_STRING || format->bytes == 0)
		return render_fail(render, "strftime_now needs a format");
	for (size_t i = 0; i < format->bytes; i++) {
		if (format->text[i] != '%')
			continue;
		i += format->text[i + 1] == '-';
		if (format->text[++i] == '\0' || strchr("aAbBdmyYjHIMSpeF%", format->text[i]) == NULL)
			return render_fail(render, "strftime_now knows %%a %%A %%b %%B %%d %%e %%F %%H %%I %%j %%m %%M "
						   "%%p %%S %%y %%Y %%%%, not others");
	}
	if (strftime(text, sizeof(text), format->text, &render->now) == 0)
		return render_fail(render, "what strftime_now gives is longer than %zu bytes", sizeof(text) - 1);
	return value_string(render, text, strlen(text), out);
}

enum clade_status call_function(struct render *render, const char *name, const struct arguments *arguments,
				struct value *out)
{
	struct value text;
	if (strcmp(name, "range") == 0)
		return call_range(render, arguments, out);
	if (strcmp(name, "namespace") == 0)
		return call_dict(render, VALUE_NAMESPACE, arguments, out);
	if (strcmp(name, "dict") == 0)
		return call_dict(render, VALUE_DICT, arguments, out);
	if (strcmp(name, "strftime_now") == 0)
		return call_strftime(render, arguments, out);
	const struct value *message = argument(arguments, 0, "message");
	if (message == NULL)
		return render_fail(render, "raise_exception needs a message");
	enum clade_status status = value_to_string(render, message, &text);
	return status == CLADE_OK ? render_fail(render, "the template refuses this: %.400s", text.text) : status;
}

/* ---- methods of dicts and lists ---- */

static enum clade_status fail_change(struct render *render, const char *name, const struct value *value,
				     const struct arguments *arguments, struct value *out)
{
	return render_fail(render, "`%s` would change %s; templates may not", name, value_kind_name(value));
}

enum clade_status dict_pairs(struct render *render, const struct value *dict, struct value *out)
{
	enum clade_status status = value_list(render, VALUE_LIST, out);
	for (size_t i = 0; i + 1 < dict->list->count && status == CLADE_OK; i += 2) {
		struct value pair;
		status = value_list(render, VALUE_TUPLE, &pair);
		for (size_t k = 0; k < 2 && status == CLADE_OK; k++)
			status = list_push(render, pair.list, &dict->list->items[i + k]);
		if (status == CLADE_OK)
			status = list_push(render, out->list, &pair);
	}
	return status;
}

static enum clade_status method_items(struct render *render, const struct value *value,
				      const struct value *const *given, struct value *out)
{
	return dict_pairs(render, value, out);
}

static enum clade_status every_second(struct render *render, const struct value *value, size_t first, struct value *out)
{
	enum clade_status status = value_list(render, VALUE_LIST, out);
	for (size_t i = first; i < value->list->count && status == CLADE_OK; i += 2)
		status = list_push(render, out->list, &value->list->items[i]);
	return status;
}

static enum clade_status method_keys(struct render *render, const struct value *value, const struct value *const *given,
				     struct value *out)
{
	return every_second(render, value, 0, out);
}

static enum clade_status method_values(struct render *render, const struct value *value,
				       const struct value *const *given, struct value *out)
{
	return every_second(render, value, 1, out);
}

static enum clade_status method_get(struct render *render, const struct value *value, const struct value *const *given,
				    struct value *out)
{
	if (given[0] == NULL)
		return render_fail(render, "get needs a key");
	const struct value *found = dict_find(value->list, given[0]);
	*out = found != NULL ? *found : given[1] != NULL ? *given[1] : (struct value) { .kind = VALUE_NONE };
	return CLADE_OK;
}

const struct builtin dict_methods[] = {
	{ "items", method_items },
	{ "keys", method_keys },
	{ "values", method_values },
	{ "get", method_get, { "key", "default" } },
	{ "update", .apply_any = fail_change },
	{ "pop", .apply_any = fail_change },
	{ "popitem", .apply_any = fail_change },
	{ "setdefault", .apply_any = fail_change },
	{ "clear", .apply_any = fail_change },
	{ NULL },
};

static enum clade_status method_index(struct render *render, const struct value *value,
				      const struct value *const *given, struct value *out)
{
	for (size_t i = 0; given[0] != NULL && i < value->list->count; i++)
		if (value_equal(&value->list->items[i], given[0])) {
			*out = value_integer((int64_t)i);
			return CLADE_OK;
		}
	return render_fail(render, "the list does not hold what `index` looks for");
}

static enum clade_status method_list_count(struct render *render, const struct value *value,
					   const struct value *const *given, struct value *out)
{
	*out = value_integer(0);
	for (size_t i = 0; given[0] != NULL && i < value->list->count; i++)
		out->i += value_equal(&value->list->items[i], given[0]);
	return CLADE_OK;
}

const struct builtin list_methods[] = {
	{ "index", method_index, { "value" } },
	{ "count", method_list_count, { "value" } },
	{ "append", .apply_any = fail_change },
	{ "extend", .apply_any = fail_change },
	{ "insert", .apply_any = fail_change },
	{ "pop", .apply_any = fail_change },
	{ "remove", .apply_any = fail_change },
	{ "reverse", .apply_any = fail_change },
	{ "sort", .apply_any = fail_change },
	{ "clear", .apply_any = fail_change },
	{ NULL },
};

enum clade_status call_method(struct render *render, const struct value *object, const char *name,
			      const struct arguments *arguments, struct value *out, bool *out_found)
{
	bool list = object->kind == VALUE_LIST || object->kind == VALUE_TUPLE;
	const struct builtin *table = object->kind == VALUE_STRING ? string_methods
				      : object->kind == VALUE_DICT ? dict_methods
				      : list                       ? list_methods
								   : NULL;
	const struct builtin *method = table != NULL ? builtin_find(table, name) : NULL;
	*out_found = method != NULL;
	return method != NULL ? builtin_call(render, method, object, arguments, out) : CLADE_OK;
}

/* SPDX-License-Identifier: MIT */
/* Chat templates: expressions to values, as Jinja's undefined and Python's operators have it. */
#include "chat.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 200, MAX_REPEAT = 1 << 20 };

/* ---- arithmetic ---- */

static enum clade_status fail_operands(struct render *render, const char *sign, const struct value *a,
				       const struct value *b)
{
	return render_fail(render, "`%s` of %s and %s is not possible", sign, value_kind_name(a), value_kind_name(b));
}

static int64_t floor_quotient(int64_t a, int64_t b)
{
	int64_t quotient = a / b;
	return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

static bool integer_power(int64_t a, int64_t b, int64_t *out)
{
	*out = 1;
	if (a == 0 || a == 1 || a == -1) {
		*out = b == 0 || (a == -1 && b % 2 == 0) ? 1 : a;
		return true;
	}
	for (int64_t i = 0; i < b; i++)
		if (__builtin_mul_overflow(*out, a, out))
			return false;
	return true;
}

static enum clade_status integer_binary(struct render *render, const char *sign, int64_t a, int64_t b,
					struct value *out)
{
	bool fine = true;
	*out = value_integer(0);
	if ((sign[0] == '/' || sign[0] == '%') && b == 0)
		return render_fail(render, "division by zero");
	if ((sign[0] == '/' || sign[0] == '%') && b == -1 && a == INT64_MIN)
		fine = false;
	else if (strcmp(sign, "+") == 0)
		fine = !__builtin_add_overflow(a, b, &out->i);
	else if (strcmp(sign, "-") == 0)
		fine = !__builtin_sub_overflow(a, b, &out->i);
	else if (strcmp(sign, "*") == 0)
		fine = !__builtin_mul_overflow(a, b, &out->i);
	else if (strcmp(sign, "//") == 0)
		out->i = floor_quotient(a, b);
	else if (strcmp(sign, "%") == 0)
		out->i = a - b * floor_quotient(a, b);
	else if (strcmp(sign, "/") == 0)
		*out = (struct value) { .kind = VALUE_FLOAT, .f = (double)a / (double)b };
	else if (b < 0)
		*out = (struct value) { .kind = VALUE_FLOAT, .f = pow((double)a, (double)b) };
	else
		fine = integer_power(a, b, &out->i);
	return fine ? CLADE_OK : render_fail(render, "`%s` leaves the range of 64-bit integers", sign);
}

static enum clade_status float_binary(struct render *render, const char *sign, double a, double b, struct value *out)
{
	*out = (struct value) { .kind = VALUE_FLOAT };
	if ((sign[0] == '/' || sign[0] == '%') && b == 0)
		return render_fail(render, "division by zero");
	out->f = strcmp(sign, "+") == 0    ? a + b
		 : strcmp(sign, "-") == 0  ? a - b
		 : strcmp(sign, "*") == 0  ? a * b
		 : strcmp(sign, "/") == 0  ? a / b
		 : strcmp(sign, "//") == 0 ? floor(a / b)
		 : strcmp(sign, "%") == 0  ? a - b * floor(a / b)
					   : pow(a, b);
	return CLADE_OK;
}

static enum clade_status concatenate(struct render *render, const struct value *a, const struct value *b,
				     struct value *out)
{
	enum clade_status status;
	if (a->kind == VALUE_STRING) {
		char *joined = arena_take(render->source.arena, a->bytes + b->bytes + 1);
		if (joined == NULL)
			return render_fail_memory(render);
		memcpy(joined, a->text, a->bytes);
		memcpy(joined + a->bytes, b->text, b->bytes);
		*out = (struct value) { .kind = VALUE_STRING, .text = joined, .bytes = a->bytes + b->bytes };
		return CLADE_OK;
	}
	status = value_list(render, a->kind, out);
	for (size_t i = 0; i < a->list->count && status == CLADE_OK; i++)
		status = list_push(render, out->list, &a->list->items[i]);
	for (size_t i = 0; i < b->list->count && status == CLADE_OK; i++)
		status = list_push(render, out->list, &b->list->items[i]);
	return status;
}

/* "ab" * 3, [1] * 3 */
static enum clade_status repeat(struct render *render, const struct value *a, int64_t times, struct value *out)
{
	struct value sum = *a;
	size_t length = a->kind == VALUE_STRING ? a->bytes : a->list->count;
	times = times < 0 ? 0 : times;
	if (length > 0 && times > MAX_REPEAT / (int64_t)length)
		return render_fail(render, "repeated more than %d times", MAX_REPEAT);
	enum clade_status status =
		a->kind == VALUE_STRING ? value_string(render, "", 0, &sum) : value_list(render, a->kind, &sum);
	if (a->kind == VALUE_STRING && status == CLADE_OK) {
		char *text = arena_take(render->source.arena, length * (size_t)times + 1);
		if (text == NULL)
			return render_fail_memory(render);
		for (int64_t i = 0; i < times; i++)
			memcpy(text + (size_t)i * length, a->text, length);
		sum.text = text;
		sum.bytes = length * (size_t)times;
	}
	for (int64_t i = 0; a->kind != VALUE_STRING && i < times; i++)
		for (size_t k = 0; k < length && status == CLADE_OK; k++)
			status = list_push(render, sum.list, &a->list->items[k]);
	*out = sum;
	return status;
}

static bool is_sequence(const struct value *value)
{
	return value->kind == VALUE_STRING || value->kind == VALUE_LIST || value->kind == VALUE_TUPLE;
}

enum clade_status eval_binary(struct render *render, const char *sign, const struct value *a, const struct value *b,
			      struct value *out)
{
	struct value x, y;
	if (strcmp(sign, "~") == 0) {
		enum clade_status status = value_to_string(render, a, &x);
		if (status == CLADE_OK)
			status = value_to_string(render, b, &y);
		return status == CLADE_OK ? concatenate(render, &x, &y, out) : status;
	}
	if (value_is_number(a) && value_is_number(b)) {
		if (a->kind != VALUE_FLOAT && b->kind != VALUE_FLOAT)
			return integer_binary(render, sign, a->i, b->i, out);
		return float_binary(render, sign, value_number(a), value_number(b), out);
	}
	if (strcmp(sign, "+") == 0 && a->kind == b->kind && is_sequence(a))
		return concatenate(render, a, b, out);
	if (strcmp(sign, "*") == 0 && is_sequence(a) && (b->kind == VALUE_INTEGER || b->kind == VALUE_BOOL))
		return repeat(render, a, b->i, out);
	if (strcmp(sign, "*") == 0 && is_sequence(b) && (a->kind == VALUE_INTEGER || a->kind == VALUE_BOOL))
		return repeat(render, b, a->i, out);
	if (strcmp(sign, "%") == 0 && a->kind == VALUE_STRING)
		return render_fail(render, "formatting a string by `%%` is not supported");
	if (a->kind == VALUE_UNDEFINED || b->kind == VALUE_UNDEFINED)
		return render_fail(render, "`%.60s` is undefined", a->kind == VALUE_UNDEFINED ? a->text : b->text);
	return fail_operands(render, sign, a, b);
}

enum clade_status eval_contains(struct render *render, const struct value *in, const struct value *item, bool *out)
{
	*out = false;
	switch (in->kind) {
	case VALUE_UNDEFINED:
		return CLADE_OK;
	case VALUE_STRING:
		if (item->kind != VALUE_STRING)
			return fail_operands(render, "in", item, in);
		*out = memmem(in->text, in->bytes, item->text, item->bytes) != NULL;
		return CLADE_OK;
	case VALUE_LIST:
	case VALUE_TUPLE:
		for (size_t i = 0; i < in->list->count && !*out; i++)
			*out = value_equal(&in->list->items[i], item);
		return CLADE_OK;
	case VALUE_DICT:
		*out = dict_find(in->list, item) != NULL;
		return CLADE_OK;
	default:
		return fail_operands(render, "in", item, in);
	}
}

/* ---- members ---- */

static struct value undefined(const char *name)
{
	return (struct value) { .kind = VALUE_UNDEFINED, .text = name };
}

enum clade_status eval_member(struct render *render, const struct value *object, const char *name, size_t bytes,
			      struct value *out)
{
	struct value key = { .kind = VALUE_STRING, .text = name, .bytes = bytes };
	const struct value *found = NULL;
	if (object->kind == VALUE_UNDEFINED)
		return render_fail(render, "`%.60s` is undefined, so it has no `%.60s`", object->text, name);
	if (object->kind == VALUE_DICT || object->kind == VALUE_NAMESPACE)
		found = dict_find(object->list, &key);
	*out = found != NULL ? *found : undefined(name);
	return CLADE_OK;
}

/* Bytes of characters [from, to) of a string. */
static struct value string_part(const struct value *string, int64_t from, int64_t to)
{
	struct value part = *string;
	size_t begin = 0, end;
	for (; from > 0 && begin < string->bytes; from--, to--)
		begin += (size_t)utf8_length(string->text + begin, string->bytes - begin);
	for (end = begin; to > 0 && end < string->bytes; to--)
		end += (size_t)utf8_length(string->text + end, string->bytes - end);
	part.text += begin;
	part.bytes = end - begin;
	return part;
}

enum clade_status eval_item(struct render *render, const struct value *object, const struct value *key,
			    struct value *out)
{
	const struct value *found;
	bool integer = key->kind == VALUE_INTEGER || key->kind == VALUE_BOOL;
	int64_t count, index = key->i;
	*out = undefined(key->kind == VALUE_STRING ? key->text : "an item");
	switch (object->kind) {
	case VALUE_UNDEFINED:
		return render_fail(render, "`%.60s` is undefined, so it has no items", object->text);
	case VALUE_DICT:
	case VALUE_NAMESPACE:
		found = dict_find(object->list, key);
		if (found != NULL)
			*out = *found;
		return CLADE_OK;
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_STRING:
		if (!integer)
			return CLADE_OK;
		count = object->kind == VALUE_STRING ? (int64_t)string_length(object) : (int64_t)object->list->count;
		index = index < 0 ? index + count : index;
		if (index < 0 || index >= count)
			return CLADE_OK;
		if (object->kind != VALUE_STRING) {
			*out = object->list->items[index];
			return CLADE_OK;
		}
		struct value part = string_part(object, index, index + 1);
		return value_string(render, part.text, part.bytes, out);
	default:
		return CLADE_OK;
	}
}

/* One bound of a slice as Python clamps it; absent: `otherwise`. */
static enum clade_status slice_bound(struct render *render, const struct node *node, int64_t count, bool forward,
				     int64_t otherwise, int64_t *out)
{
	struct value value;
	*out = otherwise;
	if (node == NULL)
		return CLADE_OK;
	enum clade_status status = eval(render, node, &value);
	if (status != CLADE_OK || value.kind == VALUE_NONE)
		return status;
	if (value.kind != VALUE_INTEGER && value.kind != VALUE_BOOL)
		return render_fail(render, "the bounds of a slice must be integers, not %s", value_kind_name(&value));
	int64_t least = forward ? 0 : -1, most = forward ? count : count - 1;
	*out = value.i < 0 ? (value.i < -count ? -1 : value.i + count) : value.i;
	*out = *out < least ? least : *out > most ? most : *out;
	return CLADE_OK;
}

static enum clade_status eval_slice(struct render *render, const struct node *node, struct value *out)
{
	struct value object, step = value_integer(1);
	struct list items;
	int64_t from, to;
	enum clade_status status = eval(render, node->a, &object);
	if (status == CLADE_OK && node->d != NULL)
		status = eval(render, node->d, &step);
	if (status != CLADE_OK)
		return status;
	step = step.kind == VALUE_NONE ? value_integer(1) : step;
	if (!is_sequence(&object))
		return render_fail(render, "%s cannot be sliced", value_kind_name(&object));
	if (step.kind != VALUE_INTEGER || step.i == 0 || step.i < -MAX_REPEAT || step.i > MAX_REPEAT)
		return render_fail(render, "the step of a slice must be an integer other than 0, in range");
	status = value_items(render, &object, &items);
	int64_t count = (int64_t)items.count;
	if (status == CLADE_OK)
		status = slice_bound(render, node->b, count, step.i > 0, step.i > 0 ? 0 : count - 1, &from);
	if (status == CLADE_OK)
		status = slice_bound(render, node->c, count, step.i > 0, step.i > 0 ? count : -1, &to);
	if (status == CLADE_OK && object.kind != VALUE_STRING)
		status = value_list(render, object.kind, out);
	struct text_buffer text = { .context = render->source.context };
	for (int64_t i = status == CLADE_OK ? from : to; status == CLADE_OK && (step.i > 0 ? i < to : i > to);
	     i += step.i) {
		if (object.kind != VALUE_STRING)
			status = list_push(render, out->list, &items.items[i]);
		else if (!text_add(&text, items.items[i].text, items.items[i].bytes))
			status = render_fail_memory(render);
	}
	if (status == CLADE_OK && object.kind == VALUE_STRING)
		status = value_string(render, text.bytes, text.count, out);
	text_finish(&text);
	return status;
}

/* ---- calls ---- */

enum clade_status eval_arguments(struct render *render, const struct node *call, struct arguments *out)
{
	enum clade_status status = CLADE_OK;
	struct list list = { 0 };
	struct value value;
	out->name_count = 0;
	for (const struct node *kid = call->first; kid != NULL && status == CLADE_OK; kid = kid->next) {
		status = eval(render, kid->kind == NODE_KEYWORD ? kid->a : kid, &value);
		if (status != CLADE_OK)
			break;
		if (kid->kind != NODE_KEYWORD) {
			status = list_push(render, &list, &value);
			continue;
		}
		for (size_t i = 0; i < out->name_count; i++)
			if (strcmp(out->names[i], kid->text) == 0)
				return render_fail(render, "the argument `%.60s` is given twice", kid->text);
		out->names[out->name_count] = kid->text;
		out->values[out->name_count++] = value;
	}
	out->items = list.items;
	out->count = list.count;
	return status;
}

static enum clade_status eval_call(struct render *render, const struct node *node, struct value *out)
{
	struct arguments arguments;
	struct value object, function;
	const struct node *callee = node->a;
	bool found;
	enum clade_status status;
	if (callee->kind == NODE_MEMBER) {
		status = eval(render, callee->a, &object);
		if (status == CLADE_OK)
			status = eval_arguments(render, node, &arguments);
		render->at = callee;
		if (status == CLADE_OK)
			status = call_method(render, &object, callee->text, &arguments, out, &found);
		if (status != CLADE_OK || found)
			return status;
		status = eval_member(render, &object, callee->text, callee->bytes, &function);
		if (status == CLADE_OK && function.kind != VALUE_MACRO && function.kind != VALUE_FUNCTION)
			return render_fail(render, "%s has no method `%.60s` here", value_kind_name(&object),
					   callee->text);
	} else {
		status = eval(render, callee, &function);
		if (status == CLADE_OK)
			status = eval_arguments(render, node, &arguments);
	}
	if (status != CLADE_OK)
		return status;
	render->at = node;
	if (function.kind == VALUE_MACRO)
		return call_macro(render, &function, &arguments, out);
	if (function.kind == VALUE_FUNCTION)
		return call_function(render, function.text, &arguments, out);
	if (function.kind == VALUE_UNDEFINED && strcmp(function.text, "strftime_now") == 0)
		return render_fail(render, "`strftime_now` is refused: the same messages must give the same text on "
					   "every day; give the day as the variable strftime_now (--date)");
	if (function.kind == VALUE_UNDEFINED)
		return render_fail(render, "`%.60s` is undefined, so it cannot be called", function.text);
	return render_fail(render, "%s cannot be called", value_kind_name(&function));
}

/* ---- expressions ---- */

static enum clade_status eval_compare(struct render *render, const struct node *node, struct value *out)
{
	struct value a, b;
	enum clade_status status = eval(render, node->a, &a);
	bool holds = true;
	for (const struct node *kid = node->first; kid != NULL && holds && status == CLADE_OK; kid = kid->next) {
		int order = 0;
		status = eval(render, kid->a, &b);
		render->at = kid;
		if (status != CLADE_OK)
			return status;
		if (strcmp(kid->text, "==") == 0 || strcmp(kid->text, "!=") == 0) {
			holds = value_equal(&a, &b) == (kid->text[0] == '=');
		} else if (kid->text[0] == 'i' || kid->text[0] == 'n') {
			status = eval_contains(render, &b, &a, &holds);
			holds = holds == (kid->text[0] == 'i');
		} else {
			status = value_compare(render, &a, &b, &order);
			bool equal = order == 0 && kid->text[1] == '=';
			holds = equal || (kid->text[0] == '<' ? order < 0 : order > 0);
		}
		a = b;
	}
	*out = value_bool(holds);
	return status;
}

static enum clade_status eval_members(struct render *render, const struct node *node, struct value *out)
{
	struct value item, key;
	enum value_kind kind = node->kind == NODE_LIST    ? VALUE_LIST
			       : node->kind == NODE_TUPLE ? VALUE_TUPLE
							  : VALUE_DICT;
	enum clade_status status = value_list(render, kind, out);
	for (const struct node *kid = node->first; kid != NULL && status == CLADE_OK; kid = kid->next) {
		if (kind != VALUE_DICT) {
			status = eval(render, kid, &item);
			if (status == CLADE_OK)
				status = list_push(render, out->list, &item);
			continue;
		}
		status = eval(render, kid, &key);
		kid = kid->next;
		if (status == CLADE_OK)
			status = eval(render, kid, &item);
		if (status == CLADE_OK && (key.kind == VALUE_LIST || key.kind == VALUE_DICT))
			status = render_fail(render, "%s cannot be a key", value_kind_name(&key));
		if (status == CLADE_OK)
			status = dict_set(render, out->list, &key, &item);
	}
	return status;
}

static enum clade_status eval_unary(struct render *render, const struct node *node, struct value *out)
{
	enum clade_status status = eval(render, node->a, out);
	if (status != CLADE_OK)
		return status;
	if (!value_is_number(out))
		return render_fail(render, "`%s` of %s is not possible", node->text, value_kind_name(out));
	if (out->kind == VALUE_FLOAT)
		out->f = node->text[0] == '-' ? -out->f : out->f;
	else
		*out = value_integer(node->text[0] == '-' ? (int64_t)(0 - (uint64_t)out->i) : out->i);
	return CLADE_OK;
}

static enum clade_status eval_applied(struct render *render, const struct node *node, struct value *out)
{
	struct arguments arguments;
	struct value value;
	bool holds = false;
	enum clade_status status = eval(render, node->a, &value);
	if (status == CLADE_OK)
		status = eval_arguments(render, node, &arguments);
	render->at = node;
	if (status != CLADE_OK)
		return status;
	if (node->kind == NODE_FILTER)
		return apply_filter(render, node->text, &value, &arguments, out);
	status = apply_test(render, node->text, &value, &arguments, &holds);
	*out = value_bool(holds);
	return status;
}

static enum clade_status eval_name(struct render *render, const struct node *node, struct value *out)
{
	static const char *const functions[] = { "range", "namespace", "dict", "raise_exception" };
	const struct value *found = scope_find(render->scope, node->text);
	*out = found != NULL ? *found : undefined(node->text);
	for (size_t i = 0; found == NULL && i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strcmp(functions[i], node->text) == 0)
			*out = (struct value) { .kind = VALUE_FUNCTION, .text = functions[i] };
	return CLADE_OK;
}

static enum clade_status eval_kind(struct render *render, const struct node *node, struct value *out)
{
	struct value a, b;
	enum clade_status status;
	switch (node->kind) {
	case NODE_STRING:
		*out = (struct value) { .kind = VALUE_STRING, .text = node->text, .bytes = node->bytes };
		return CLADE_OK;
	case NODE_INTEGER:
		*out = value_integer(node->i);
		return CLADE_OK;
	case NODE_FLOAT:
		*out = (struct value) { .kind = VALUE_FLOAT, .f = node->f };
		return CLADE_OK;
	case NODE_BOOL:
		*out = value_bool(node->i != 0);
		return CLADE_OK;
	case NODE_NONE:
		*out = (struct value) { .kind = VALUE_NONE };
		return CLADE_OK;
	case NODE_NAME:
		return eval_name(render, node, out);
	case NODE_LIST:
	case NODE_TUPLE:
	case NODE_DICT:
		return eval_members(render, node, out);
	case NODE_MEMBER:
		status = eval(render, node->a, &a);
		render->at = node;
		return status == CLADE_OK ? eval_member(render, &a, node->text, node->bytes, out) : status;
	case NODE_ITEM:
	case NODE_BINARY:
		status = eval(render, node->a, &a);
		if (status == CLADE_OK)
			status = eval(render, node->b, &b);
		render->at = node;
		if (status != CLADE_OK)
			return status;
		return node->kind == NODE_ITEM ? eval_item(render, &a, &b, out)
					       : eval_binary(render, node->text, &a, &b, out);
	case NODE_SLICE:
		return eval_slice(render, node, out);
	case NODE_CALL:
		return eval_call(render, node, out);
	case NODE_FILTER:
	case NODE_TEST:
		return eval_applied(render, node, out);
	case NODE_UNARY:
		return eval_unary(render, node, out);
	case NODE_COMPARE:
		return eval_compare(render, node, out);
	case NODE_AND:
	case NODE_OR:
		status = eval(render, node->a, out);
		if (status != CLADE_OK || value_truth(out) == (node->kind == NODE_OR))
			return status;
		return eval(render, node->b, out);
	case NODE_NOT:
		status = eval(render, node->a, &a);
		*out = value_bool(!value_truth(&a));
		return status;
	case NODE_IF_ELSE:
		status = eval(render, node->b, &a);
		if (status != CLADE_OK)
			return status;
		if (!value_truth(&a) && node->c == NULL) {
			*out = undefined("the value of an `if` without `else`");
			return CLADE_OK;
		}
		return eval(render, value_truth(&a) ? node->a : node->c, out);
	default:
		return render_fail(render, "a statement stands where a value is wanted");
	}
}

enum clade_status eval(struct render *render, const struct node *node, struct value *out)
{
	*out = (struct value) { .kind = VALUE_NONE };
	render->at = node;
	enum clade_status status = render_step(render);
	if (status == CLADE_OK && ++render->depth > MAX_DEPTH)
		return render_fail(render, "calls and expressions are nested more than %d deep", MAX_DEPTH);
	if (status == CLADE_OK)
		status = eval_kind(render, node, out);
	render->depth--;
	return status;
}

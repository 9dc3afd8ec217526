/* SPDX-License-Identifier: MIT */
/* Chat templates: statements to text, and the public calls. */
#include "chat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A template that would need more is refused. */
static const uint64_t max_steps = 5000000;
static const size_t max_memory = (size_t)512 << 20, max_source = (size_t)16 << 20;

struct clade_chat_template {
	struct clade_context *context;
	struct arena arena;
	char *name;
	const struct node *body;
};

enum clade_status render_fail(struct render *render, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return chat_fail(&render->source, render->at != NULL ? render->at->line : 1,
			 render->at != NULL ? render->at->column : 1, "%s", text);
}

enum clade_status render_fail_memory(struct render *render)
{
	return chat_fail_memory(&render->source);
}

enum clade_status render_step(struct render *render)
{
	if (++render->steps > max_steps)
		return render_fail(render, "the template does not end within %llu steps",
				   (unsigned long long)max_steps);
	return CLADE_OK;
}

/* ---- names ---- */

const struct value *scope_find(const struct scope *scope, const char *name)
{
	for (; scope != NULL; scope = scope->parent)
		for (size_t i = 0; i + 1 < scope->names.count; i += 2)
			if (strcmp(scope->names.items[i].text, name) == 0)
				return &scope->names.items[i + 1];
	return NULL;
}

enum clade_status scope_set(struct render *render, struct scope *scope, const char *name, const struct value *value)
{
	struct value key = { .kind = VALUE_STRING, .text = name, .bytes = strlen(name) };
	return dict_set(render, &scope->names, &key, value);
}

struct scope *scope_open(struct render *render, struct scope *parent)
{
	struct scope *scope = arena_take(render->source.arena, sizeof(*scope));
	if (scope != NULL)
		scope->parent = parent;
	return scope;
}

static enum clade_status assign(struct render *render, const struct node *target, const struct value *value)
{
	struct list items;
	enum clade_status status;
	size_t i = 0, count = 0;
	render->at = target;
	if (target->kind == NODE_NAME)
		return scope_set(render, render->scope, target->text, value);
	if (target->kind == NODE_MEMBER) {
		const struct value *object = scope_find(render->scope, target->a->text);
		struct value key = { .kind = VALUE_STRING, .text = target->text, .bytes = target->bytes };
		if (object == NULL || object->kind != VALUE_NAMESPACE)
			return render_fail(render, "`%.60s` is no namespace; only a namespace's members can be set",
					   target->a->text);
		return dict_set(render, object->list, &key, value);
	}
	status = value_items(render, value, &items);
	for (const struct node *kid = target->first; kid != NULL; kid = kid->next)
		count++;
	if (status == CLADE_OK && items.count != count)
		return render_fail(render, "%zu names are assigned %zu values", count, items.count);
	for (const struct node *kid = target->first; kid != NULL && status == CLADE_OK; kid = kid->next)
		status = assign(render, kid, &items.items[i++]);
	return status;
}

/* ---- statements ---- */

/* Renders into a string of its own. */
static enum clade_status capture(struct render *render, const struct node *body, struct value *out)
{
	struct text_buffer text = { .context = render->source.context }, *outer = render->out;
	render->out = &text;
	enum clade_status status = render_body(render, body);
	render->out = outer;
	if (status == CLADE_OK)
		status = value_string(render, text.bytes, text.count, out);
	text_finish(&text);
	return status;
}

/* The filters of a block, onto the text it gave: `filters` holds them around a NODE_NONE. */
static enum clade_status filter_text(struct render *render, const struct node *filters, struct value *text)
{
	struct arguments arguments;
	struct value value;
	if (filters->kind != NODE_FILTER)
		return CLADE_OK;
	enum clade_status status = filter_text(render, filters->a, text);
	if (status == CLADE_OK)
		status = eval_arguments(render, filters, &arguments);
	render->at = filters;
	if (status == CLADE_OK)
		status = apply_filter(render, filters->text, text, &arguments, &value);
	if (status == CLADE_OK)
		*text = value;
	return status;
}

/* `loop` in a turn. */
static enum clade_status set_loop(struct render *render, const struct list *items, size_t i)
{
	static const char *const names[] = { "index", "index0", "revindex", "revindex0", "length", "first", "last" };
	int64_t count = (int64_t)items->count, at = (int64_t)i;
	const struct value values[] = { value_integer(at + 1),         value_integer(at),    value_integer(count - at),
					value_integer(count - at - 1), value_integer(count), value_bool(i == 0),
					value_bool(at + 1 == count) };
	struct value loop, key;
	enum clade_status status = value_list(render, VALUE_DICT, &loop);
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]) && status == CLADE_OK; k++) {
		key = (struct value) { .kind = VALUE_STRING, .text = names[k], .bytes = strlen(names[k]) };
		status = dict_set(render, loop.list, &key, &values[k]);
	}
	key = (struct value) { .kind = VALUE_STRING, .text = "previtem", .bytes = 8 };
	if (status == CLADE_OK && i > 0)
		status = dict_set(render, loop.list, &key, &items->items[i - 1]);
	key = (struct value) { .kind = VALUE_STRING, .text = "nextitem", .bytes = 8 };
	if (status == CLADE_OK && i + 1 < items->count)
		status = dict_set(render, loop.list, &key, &items->items[i + 1]);
	return status == CLADE_OK ? scope_set(render, render->scope, "loop", &loop) : status;
}

/* The members that the loop's condition lets through. */
static enum clade_status choose_items(struct render *render, const struct node *node, struct list *items)
{
	struct list chosen = { 0 };
	struct scope *outer = render->scope;
	struct value holds;
	enum clade_status status = CLADE_OK;
	if (node->c == NULL)
		return CLADE_OK;
	for (size_t i = 0; i < items->count && status == CLADE_OK; i++) {
		render->scope = scope_open(render, outer);
		if (render->scope == NULL)
			status = render_fail_memory(render);
		if (status == CLADE_OK)
			status = assign(render, node->a, &items->items[i]);
		if (status == CLADE_OK)
			status = eval(render, node->c, &holds);
		if (status == CLADE_OK && value_truth(&holds))
			status = list_push(render, &chosen, &items->items[i]);
		render->scope = outer;
	}
	*items = chosen;
	return status;
}

static enum clade_status render_for(struct render *render, const struct node *node)
{
	struct value over;
	struct list items;
	struct scope *outer = render->scope;
	enum clade_status status = eval(render, node->b, &over);
	render->at = node->b;
	if (status == CLADE_OK)
		status = value_items(render, &over, &items);
	if (status == CLADE_OK)
		status = choose_items(render, node, &items);
	if (status != CLADE_OK)
		return status;
	for (size_t i = 0; i < items.count && status == CLADE_OK; i++) {
		render->scope = scope_open(render, outer);
		if (render->scope == NULL)
			status = render_fail_memory(render);
		if (status == CLADE_OK)
			status = set_loop(render, &items, i);
		if (status == CLADE_OK)
			status = assign(render, node->a, &items.items[i]);
		if (status == CLADE_OK)
			status = render_body(render, node);
		bool ends = render->flow == FLOW_BREAK;
		render->flow = FLOW_ON;
		render->scope = outer;
		if (ends)
			break;
	}
	return status == CLADE_OK && items.count == 0 && node->d != NULL ? render_body(render, node->d) : status;
}

static enum clade_status render_text(struct render *render, const char *text, size_t bytes)
{
	if (bytes > max_memory - render->out->count || !text_add(render->out, text, bytes))
		return render_fail_memory(render);
	return CLADE_OK;
}

static enum clade_status render_value(struct render *render, const struct value *value)
{
	struct value text;
	enum clade_status status = value_to_string(render, value, &text);
	return status == CLADE_OK ? render_text(render, text.text, text.bytes) : status;
}

static enum clade_status render_statement(struct render *render, const struct node *node)
{
	struct value value;
	enum clade_status status = render_step(render);
	render->at = node;
	if (status != CLADE_OK)
		return status;
	switch (node->kind) {
	case NODE_TEXT:
		return render_text(render, node->text, node->bytes);
	case NODE_OUTPUT:
		status = eval(render, node->a, &value);
		render->at = node->a;
		return status == CLADE_OK ? render_value(render, &value) : status;
	case NODE_IF:
		status = eval(render, node->a, &value);
		if (status != CLADE_OK)
			return status;
		return value_truth(&value) ? render_body(render, node)
		       : node->b != NULL   ? render_body(render, node->b)
					   : CLADE_OK;
	case NODE_FOR:
		return render_for(render, node);
	case NODE_SET:
		status = eval(render, node->b, &value);
		return status == CLADE_OK ? assign(render, node->a, &value) : status;
	case NODE_SET_BLOCK:
	case NODE_FILTERED:
		status = capture(render, node, &value);
		if (status == CLADE_OK)
			status = filter_text(render, node->c, &value);
		if (status != CLADE_OK)
			return status;
		return node->kind == NODE_FILTERED ? render_value(render, &value) : assign(render, node->a, &value);
	case NODE_MACRO:
		value = (struct value) { .kind = VALUE_MACRO, .node = node, .scope = render->scope };
		return scope_set(render, render->scope, node->text, &value);
	case NODE_BREAK:
	case NODE_CONTINUE:
		render->flow = node->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
		return CLADE_OK;
	case NODE_BODY:
		return render_body(render, node);
	default:
		return render_fail(render, "a value stands where a statement is wanted");
	}
}

enum clade_status render_body(struct render *render, const struct node *body)
{
	enum clade_status status = CLADE_OK;
	for (const struct node *kid = body->first; kid != NULL && status == CLADE_OK && render->flow == FLOW_ON;
	     kid = kid->next)
		status = render_statement(render, kid);
	return status;
}

/* A macro's parameters come from the arguments by position, then by name, then their defaults. */
enum clade_status call_macro(struct render *render, const struct value *macro, const struct arguments *arguments,
			     struct value *out)
{
	const struct node *node = macro->node;
	struct scope *outer = render->scope, *inner = scope_open(render, macro->scope);
	size_t index = 0, named = 0;
	enum clade_status status = inner != NULL ? CLADE_OK : render_fail_memory(render);
	render->scope = inner;
	for (const struct node *kid = node->b->first; kid != NULL && status == CLADE_OK; kid = kid->next, index++) {
		struct value value = { .kind = VALUE_UNDEFINED, .text = kid->text };
		const struct value *given = argument(arguments, index, kid->text);
		named += index >= arguments->count && given != NULL;
		if (given != NULL)
			value = *given;
		else if (kid->a != NULL)
			status = eval(render, kid->a, &value);
		if (status == CLADE_OK)
			status = scope_set(render, inner, kid->text, &value);
	}
	if (status == CLADE_OK && (arguments->count > index || named < arguments->name_count))
		status =
			render_fail(render, "the macro `%.60s` has no such parameter; it takes %zu", node->text, index);
	if (status == CLADE_OK && ++render->depth > 100)
		status = render_fail(render, "macros call each other more than 100 deep");
	if (status == CLADE_OK) {
		status = capture(render, node, out);
		render->depth--;
	}
	render->scope = outer;
	return status;
}

/* ---- the public calls ---- */

enum clade_status clade_chat_template_parse(struct clade_context *context, const char *name, const char *text,
					    size_t bytes, struct clade_chat_template **out_template,
					    struct clade_diag *diag)
{
	const struct chat_token *tokens;
	*out_template = NULL;
	if (bytes > max_source)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_TEMPLATE, name, "the template is over 16 MiB");
	struct clade_chat_template *made = clade_alloc(context, sizeof(*made));
	if (made == NULL)
		return clade_fail_memory(diag, sizeof(*made), "a chat template");
	made->context = made->arena.context = context;
	made->arena.limit = max_memory;
	made->name = clade_strdup(context, name);
	struct chat_source source = { context, &made->arena, made->name, diag };
	enum clade_status status = made->name != NULL ? CLADE_OK : clade_fail_memory(diag, strlen(name), "a name");
	if (status == CLADE_OK)
		status = chat_lex(&source, text, bytes, &tokens);
	if (status == CLADE_OK)
		status = chat_parse(&source, tokens, &made->body);
	if (status != CLADE_OK)
		clade_chat_template_destroy(&made);
	*out_template = made;
	return status;
}

void clade_chat_template_destroy(struct clade_chat_template **chat_template)
{
	struct clade_chat_template *made = *chat_template;
	if (made == NULL)
		return;
	arena_finish(&made->arena);
	clade_free(made->context, made->name);
	clade_free(made->context, made);
	*chat_template = NULL;
}

/* "2026-01-31" or "2026-01-31 23:59:59" as what strftime_now tells. */
static enum clade_status set_now(struct render *render, const struct value *given, struct value *out)
{
	struct tm *now = &render->now;
	char rest = '\0';
	int parts = given->kind != VALUE_STRING
			    ? 0
			    : sscanf(given->text, "%4d-%2d-%2d %2d:%2d:%2d%c", &now->tm_year, &now->tm_mon,
				     &now->tm_mday, &now->tm_hour, &now->tm_min, &now->tm_sec, &rest);
	struct tm asked = *now;
	now->tm_year -= 1900;
	now->tm_mon -= 1;
	asked.tm_mon -= 1;
	if ((parts != 3 && parts != 6) || timegm(now) == (time_t)-1 || now->tm_mday != asked.tm_mday ||
	    now->tm_mon != asked.tm_mon || now->tm_sec != asked.tm_sec)
		return clade_fail(render->source.diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_TEMPLATE, "strftime_now",
				  "must be a day, 2026-01-31, or a moment, 2026-01-31 23:59:59");
	*out = (struct value) { .kind = VALUE_FUNCTION, .text = "strftime_now" };
	return CLADE_OK;
}

static enum clade_status set_variables(struct render *render, const char *text, size_t bytes)
{
	json_error_t error;
	json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error), *member;
	const char *name;
	struct value value;
	enum clade_status status = CLADE_OK;
	if (json == NULL || !json_is_object(json))
		status = clade_fail(render->source.diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_TEMPLATE, "variables",
				    "the variables of a template are a JSON object: %s",
				    json == NULL ? error.text : "this is another value");
	json_object_foreach(json, name, member)
	{
		struct value key;
		if (status == CLADE_OK)
			status = value_string(render, name, strlen(name), &key);
		if (status == CLADE_OK)
			status = value_from_json(render, member, &value);
		if (status == CLADE_OK && strcmp(name, "strftime_now") == 0)
			status = set_now(render, &(struct value) { .kind = value.kind, .text = value.text }, &value);
		if (status == CLADE_OK)
			status = scope_set(render, render->root, key.text, &value);
	}
	json_decref(json);
	return status;
}

enum clade_status clade_chat_template_render(const struct clade_chat_template *chat_template, const char *variables,
					     size_t variables_bytes, char **out_text, size_t *out_bytes,
					     struct clade_diag *diag)
{
	struct arena arena = { .context = chat_template->context, .limit = max_memory };
	struct text_buffer text = { .context = chat_template->context };
	struct scope root = { 0 };
	struct render render = { .source = { chat_template->context, &arena, chat_template->name, diag },
				 .scope = &root,
				 .root = &root,
				 .out = &text };
	*out_text = NULL;
	*out_bytes = 0;
	enum clade_status status = set_variables(&render, variables, variables_bytes);
	if (status == CLADE_OK)
		status = render_body(&render, chat_template->body);
	if (status == CLADE_OK && !text_add(&text, "", 0))
		status = render_fail_memory(&render);
	arena_finish(&arena);
	if (status != CLADE_OK) {
		text_finish(&text);
		return status;
	}
	*out_text = text.bytes;
	*out_bytes = text.count;
	return CLADE_OK;
}

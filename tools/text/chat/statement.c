/* SPDX-License-Identifier: MIT */
/* Chat templates: tags and the text between them to a syntax tree. */
#include "chat.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NESTING = 64 };

static enum clade_status parse_body(struct parser *parser, const char *const *ends, struct node *parent);
static enum clade_status parse_rest(struct parser *parser, const char *const *ends, struct node *parent);

/* A name, or several separated by commas: what is assigned. */
enum clade_status parse_target(struct parser *parser, struct node **out)
{
	struct node *list = NULL, *name;
	bool brackets = parser_is(parser, "(");
	enum clade_status status = CLADE_OK;
	parser->at += brackets;
	do {
		if (parser->at->kind != TOKEN_NAME)
			return parser_unexpected(parser, "a name to assign to");
		status = parser_node(parser, NODE_NAME, &name);
		parser->at++;
		if (status == CLADE_OK && list == NULL && parser_is(parser, ","))
			status = parser_node(parser, NODE_TUPLE, &list);
		if (status == CLADE_OK && list != NULL)
			node_add(list, name);
	} while (status == CLADE_OK && parser_is(parser, ",") && (parser->at++, true));
	*out = list != NULL ? list : name;
	return status == CLADE_OK && brackets ? parser_expect(parser, ")", "after the names") : status;
}

static enum clade_status end_tag(struct parser *parser)
{
	if (parser->at->kind != TOKEN_BLOCK_END)
		return parser_unexpected(parser, "the tag's end");
	parser->at++;
	return CLADE_OK;
}

/* {% if %} ... {% elif %} ... {% else %} ... {% endif %}; `parser` stands at the condition. */
static enum clade_status parse_if(struct parser *parser, struct node **out)
{
	static const char *const ends[] = { "elif", "else", "endif", NULL }, *const last[] = { "endif", NULL };
	struct node *node, *condition, *other;
	enum clade_status status = parser_node(parser, NODE_IF, &node);
	*out = node;
	if (status == CLADE_OK)
		status = parse_expression(parser, true, &condition);
	if (status == CLADE_OK)
		status = end_tag(parser);
	if (status == CLADE_OK)
		status = parse_body(parser, ends, node);
	if (status != CLADE_OK)
		return status;
	node->a = condition;
	const char *word = parser->at->text;
	parser->at++;
	if (strcmp(word, "endif") == 0)
		return end_tag(parser);
	status = parser_node(parser, NODE_BODY, &other);
	if (status != CLADE_OK)
		return status;
	node->b = other;
	if (strcmp(word, "elif") == 0) {
		struct node *nested;
		if (++parser->depth > MAX_NESTING)
			return parser_unexpected(parser, "fewer alternatives");
		status = parse_if(parser, &nested);
		parser->depth--;
		if (status == CLADE_OK)
			node_add(other, nested);
		return status;
	}
	return parse_rest(parser, last, other);
}

static enum clade_status parse_for(struct parser *parser, struct node **out)
{
	static const char *const ends[] = { "else", "endfor", NULL }, *const last[] = { "endfor", NULL };
	struct node *node, *target, *list, *other;
	enum clade_status status = parser_node(parser, NODE_FOR, &node);
	*out = node;
	if (status == CLADE_OK)
		status = parse_target(parser, &target);
	if (status == CLADE_OK && !parser_is_name(parser, "in"))
		return parser_unexpected(parser, "`in` after the loop's names");
	parser->at++;
	if (status == CLADE_OK)
		status = parse_iterable(parser, &list);
	if (status != CLADE_OK)
		return status;
	node->a = target;
	node->b = list;
	if (parser_is_name(parser, "if")) {
		parser->at++;
		status = parse_expression(parser, false, &other);
		node->c = status == CLADE_OK ? other : NULL;
	}
	if (status == CLADE_OK && parser_is_name(parser, "recursive"))
		return parser_unexpected(parser, "the tag's end (recursive loops are not supported)");
	if (status == CLADE_OK)
		status = end_tag(parser);
	parser->loops++;
	if (status == CLADE_OK)
		status = parse_body(parser, ends, node);
	parser->loops--;
	if (status != CLADE_OK)
		return status;
	bool has_else = strcmp(parser->at->text, "else") == 0;
	parser->at++;
	if (!has_else)
		return end_tag(parser);
	status = end_tag(parser);
	if (status == CLADE_OK)
		status = parser_node(parser, NODE_BODY, &other);
	if (status == CLADE_OK)
		status = parse_body(parser, last, other);
	if (status != CLADE_OK)
		return status;
	node->d = other;
	parser->at++;
	return end_tag(parser);
}

/* {% set a = x %}, {% set a %}...{% endset %}, {% set ns.a = x %} */
static enum clade_status parse_set(struct parser *parser, struct node **out)
{
	static const char *const ends[] = { "endset", NULL };
	struct node *node, *target, *value;
	const struct chat_token *next = parser->at + 1;
	enum clade_status status = parser_node(parser, NODE_SET, &node);
	*out = node;
	if (status != CLADE_OK)
		return status;
	if (parser->at->kind == TOKEN_NAME && next->kind == TOKEN_SIGN && strcmp(next->text, ".") == 0) {
		struct node *object;
		status = parser_node(parser, NODE_NAME, &object);
		parser->at += 2;
		if (parser->at->kind != TOKEN_NAME)
			return parser_unexpected(parser, "a name after `.`");
		if (status == CLADE_OK)
			status = parser_node(parser, NODE_MEMBER, &target);
		parser->at++;
		if (status == CLADE_OK)
			target->a = object;
	} else {
		status = parse_target(parser, &target);
	}
	if (status != CLADE_OK)
		return status;
	node->a = target;
	if (parser_is(parser, "=")) {
		parser->at++;
		status = parse_expression(parser, true, &value);
		node->b = status == CLADE_OK ? value : NULL;
		return status == CLADE_OK ? end_tag(parser) : status;
	}
	node->kind = NODE_SET_BLOCK;
	status = parser_node(parser, NODE_NONE, &value);
	if (status == CLADE_OK)
		status = parse_filters(parser, false, &value);
	node->c = status == CLADE_OK ? value : NULL;
	return status == CLADE_OK ? parse_rest(parser, ends, node) : status;
}

/* {% filter name %}...{% endfilter %} */
static enum clade_status parse_filtered(struct parser *parser, struct node **out)
{
	static const char *const ends[] = { "endfilter", NULL };
	struct node *node, *value, *filter;
	const char *nearest;
	enum clade_status status = parser_node(parser, NODE_FILTERED, &node);
	*out = node;
	if (status == CLADE_OK)
		status = parser_node(parser, NODE_NONE, &value);
	if (status != CLADE_OK)
		return status;
	if (parser->at->kind != TOKEN_NAME || !find_filter(parser->at->text, &nearest))
		return parser_unexpected(parser, "a filter's name");
	/* the first filter has no bar before it */
	status = parser_node(parser, NODE_FILTER, &filter);
	parser->at++;
	if (status != CLADE_OK)
		return status;
	filter->a = value;
	if (parser_is(parser, "("))
		return parser_unexpected(parser, "a filter without arguments");
	status = parse_filters(parser, false, &filter);
	node->c = filter;
	return status == CLADE_OK ? parse_rest(parser, ends, node) : status;
}

/* {% macro name(a, b = x) %}...{% endmacro %} */
static enum clade_status parse_macro(struct parser *parser, struct node **out)
{
	static const char *const ends[] = { "endmacro", NULL };
	struct node *node, *parameters, *parameter, *value;
	if (parser->at->kind != TOKEN_NAME)
		return parser_unexpected(parser, "the macro's name");
	enum clade_status status = parser_node(parser, NODE_MACRO, &node);
	*out = node;
	if (status == CLADE_OK)
		status = parser_node(parser, NODE_BODY, &parameters);
	parser->at++;
	if (status == CLADE_OK)
		status = parser_expect(parser, "(", "before the macro's parameters");
	while (status == CLADE_OK && !parser_is(parser, ")")) {
		if (parser->at->kind != TOKEN_NAME)
			return parser_unexpected(parser, "a parameter's name");
		status = parser_node(parser, NODE_KEYWORD, &parameter);
		parser->at++;
		if (status == CLADE_OK)
			node_add(parameters, parameter);
		if (status == CLADE_OK && parser_is(parser, "=")) {
			parser->at++;
			status = parse_expression(parser, false, &value);
			parameter->a = status == CLADE_OK ? value : NULL;
		}
		if (status == CLADE_OK && !parser_is(parser, ")"))
			status = parser_expect(parser, ",", "or `)`");
	}
	if (status != CLADE_OK)
		return status;
	parser->at++;
	node->b = parameters;
	uint32_t loops = parser->loops;
	parser->loops = 0;
	status = parse_rest(parser, ends, node);
	parser->loops = loops;
	return status;
}

/* {% generation %} marks what an assistant said; it prints what it holds. */
static enum clade_status parse_generation(struct parser *parser, struct node **out)
{
	static const char *const ends[] = { "endgeneration", NULL };
	enum clade_status status = parser_node(parser, NODE_BODY, out);
	return status == CLADE_OK ? parse_rest(parser, ends, *out) : status;
}

static enum clade_status parse_jump(struct parser *parser, struct node **out)
{
	bool is_break = strcmp((parser->at - 1)->text, "break") == 0;
	enum clade_status status = parser_node(parser, is_break ? NODE_BREAK : NODE_CONTINUE, out);
	if (status == CLADE_OK && parser->loops == 0)
		return parser_unexpected(parser, "a loop around break and continue");
	return status == CLADE_OK ? end_tag(parser) : status;
}

static const struct {
	const char *name;
	enum clade_status (*parse)(struct parser *parser, struct node **out);
} statements[] = {
	{ "if", parse_if },           { "for", parse_for },
	{ "set", parse_set },         { "macro", parse_macro },
	{ "break", parse_jump },      { "continue", parse_jump },
	{ "filter", parse_filtered }, { "generation", parse_generation },
};
enum { STATEMENTS = sizeof(statements) / sizeof(statements[0]) };

static enum clade_status parse_statement(struct parser *parser, struct node **out)
{
	const struct chat_token *at = parser->at;
	const char *names[STATEMENTS];
	if (at->kind != TOKEN_NAME)
		return parser_unexpected(parser, "a statement");
	for (size_t i = 0; i < STATEMENTS; i++) {
		names[i] = statements[i].name;
		if (strcmp(names[i], at->text) != 0)
			continue;
		if (++parser->depth > MAX_NESTING)
			return parser_unexpected(parser, "statements less deep");
		parser->at++;
		enum clade_status status = statements[i].parse(parser, out);
		parser->depth--;
		return status;
	}
	const char *nearest = clade_nearest(at->text, names, STATEMENTS);
	return chat_fail(parser->source, at->line, at->column,
			 "the statement `%.60s` is not supported%s%s; there are if, for, set, macro, filter, break, "
			 "continue, generation, raw",
			 at->text, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "");
}

/* Statements up to one of the tags `ends` (NULL: the template's end), at whose name the parser then stands. */
static enum clade_status parse_body(struct parser *parser, const char *const *ends, struct node *parent)
{
	enum clade_status status = CLADE_OK;
	while (status == CLADE_OK) {
		struct node *node = NULL, *value;
		const struct chat_token *at = parser->at;
		if (at->kind == TOKEN_END) {
			char wanted[64] = "";
			for (size_t i = 0; ends != NULL && ends[i] != NULL; i++)
				snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "%s%s",
					 i > 0 ? " or " : "", ends[i]);
			return ends == NULL ? CLADE_OK : parser_unexpected(parser, wanted);
		}
		if (at->kind == TOKEN_TEXT) {
			status = parser_node(parser, NODE_TEXT, &node);
			parser->at++;
		} else if (at->kind == TOKEN_OUTPUT_BEGIN) {
			status = parser_node(parser, NODE_OUTPUT, &node);
			parser->at++;
			if (status == CLADE_OK)
				status = parse_expression(parser, true, &value);
			if (status == CLADE_OK && parser->at->kind != TOKEN_OUTPUT_END)
				return parser_unexpected(parser, "}}");
			parser->at++;
			if (status == CLADE_OK)
				node->a = value;
		} else {
			parser->at++;
			for (size_t i = 0; ends != NULL && ends[i] != NULL; i++)
				if (parser_is_name(parser, ends[i]))
					return CLADE_OK;
			status = parse_statement(parser, &node);
		}
		if (status == CLADE_OK)
			node_add(parent, node);
	}
	return status;
}

/* The end of a tag, the statements behind it and the tag that ends them. */
static enum clade_status parse_rest(struct parser *parser, const char *const *ends, struct node *parent)
{
	enum clade_status status = end_tag(parser);
	if (status == CLADE_OK)
		status = parse_body(parser, ends, parent);
	parser->at += status == CLADE_OK;
	return status == CLADE_OK ? end_tag(parser) : status;
}

enum clade_status chat_parse(const struct chat_source *source, const struct chat_token *tokens, const struct node **out)
{
	struct parser parser = { .source = source, .at = tokens };
	struct node *body;
	enum clade_status status = parser_node(&parser, NODE_BODY, &body);
	if (status == CLADE_OK)
		status = parse_body(&parser, NULL, body);
	*out = body;
	return status;
}

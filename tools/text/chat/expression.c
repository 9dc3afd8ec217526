/* SPDX-License-Identifier: MIT */
/* Chat templates: expressions to syntax trees, with Jinja's precedence. */
#include "chat.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 100 };

enum clade_status parser_node(struct parser *parser, enum node_kind kind, struct node **out)
{
	*out = arena_take(parser->source->arena, sizeof(**out));
	if (*out == NULL)
		return chat_fail_memory(parser->source);
	**out = (struct node) { .kind = kind,
				.line = parser->at->line,
				.column = parser->at->column,
				.text = parser->at->text,
				.bytes = parser->at->bytes };
	return CLADE_OK;
}

void node_add(struct node *parent, struct node *kid)
{
	if (parent->last != NULL)
		parent->last->next = kid;
	else
		parent->first = kid;
	parent->last = kid;
}

bool parser_is(const struct parser *parser, const char *sign)
{
	return parser->at->kind == TOKEN_SIGN && strcmp(parser->at->text, sign) == 0;
}

bool parser_is_name(const struct parser *parser, const char *name)
{
	return parser->at->kind == TOKEN_NAME && strcmp(parser->at->text, name) == 0;
}

enum clade_status parser_unexpected(struct parser *parser, const char *wanted)
{
	const struct chat_token *at = parser->at;
	const char *got = at->kind == TOKEN_END                                         ? "the template's end"
			  : at->kind == TOKEN_OUTPUT_END || at->kind == TOKEN_BLOCK_END ? "the tag's end"
			  : at->kind == TOKEN_TEXT                                      ? "text"
			  : at->kind == TOKEN_OUTPUT_BEGIN                              ? "{{"
			  : at->kind == TOKEN_BLOCK_BEGIN                               ? "{%"
											: at->text;
	return chat_fail(parser->source, at->line, at->column, "expected %s, not `%.60s`", wanted, got);
}

enum clade_status parser_expect(struct parser *parser, const char *sign, const char *after)
{
	char wanted[128];
	if (parser_is(parser, sign)) {
		parser->at++;
		return CLADE_OK;
	}
	snprintf(wanted, sizeof(wanted), "`%s` %s", sign, after);
	return parser_unexpected(parser, wanted);
}

static enum clade_status parse_unary(struct parser *parser, bool filters, struct node **out);
static enum clade_status parse_primary(struct parser *parser, struct node **out);

/* Expressions separated by commas up to `closing`; pairs with a colon for a dict. */
static enum clade_status parse_members(struct parser *parser, const char *closing, bool pairs, struct node *parent)
{
	enum clade_status status = CLADE_OK;
	while (status == CLADE_OK && !parser_is(parser, closing)) {
		struct node *kid;
		status = parse_expression(parser, false, &kid);
		if (status == CLADE_OK)
			node_add(parent, kid);
		if (status == CLADE_OK && pairs)
			status = parser_expect(parser, ":", "after a key");
		if (status == CLADE_OK && pairs)
			status = parse_expression(parser, false, &kid);
		if (status == CLADE_OK && pairs)
			node_add(parent, kid);
		if (status == CLADE_OK && !parser_is(parser, closing))
			status = parser_expect(parser, ",", "or the closing bracket");
	}
	return status == CLADE_OK ? parser_expect(parser, closing, "at the end") : status;
}

/* (args, name = arg) onto a call, filter or test */
static enum clade_status parse_arguments(struct parser *parser, struct node *call)
{
	enum clade_status status = parser_expect(parser, "(", "before arguments");
	bool named = false;
	size_t names = 0;
	while (status == CLADE_OK && !parser_is(parser, ")")) {
		struct node *kid, *value;
		const struct chat_token *next = parser->at + 1;
		if (parser_is(parser, "*") || parser_is(parser, "**"))
			return parser_unexpected(parser, "an argument (lists of arguments are not supported)");
		if (parser->at->kind == TOKEN_NAME && next->kind == TOKEN_SIGN && strcmp(next->text, "=") == 0) {
			status = parser_node(parser, NODE_KEYWORD, &kid);
			if (status == CLADE_OK && ++names > 16)
				return parser_unexpected(parser, "at most 16 arguments with names");
			parser->at += 2;
			named = true;
			if (status == CLADE_OK)
				status = parse_expression(parser, false, &value);
			if (status == CLADE_OK)
				kid->a = value;
		} else if (named) {
			return parser_unexpected(parser, "an argument with a name behind one");
		} else {
			status = parse_expression(parser, false, &kid);
		}
		if (status != CLADE_OK)
			return status;
		node_add(call, kid);
		if (!parser_is(parser, ")"))
			status = parser_expect(parser, ",", "or `)`");
	}
	return status == CLADE_OK ? parser_expect(parser, ")", "at the end") : status;
}

/* a[index], a[from:to:step] */
static enum clade_status parse_subscript(struct parser *parser, struct node **node)
{
	struct node *out, *parts[3] = { NULL, NULL, NULL };
	size_t count = 0;
	enum clade_status status = parser_node(parser, NODE_ITEM, &out);
	parser->at++;
	while (status == CLADE_OK && count < 3) {
		if (!parser_is(parser, ":") && !parser_is(parser, "]"))
			status = parse_expression(parser, true, &parts[count]);
		count++;
		if (status != CLADE_OK || !parser_is(parser, ":"))
			break;
		out->kind = NODE_SLICE;
		parser->at++;
	}
	if (status == CLADE_OK && out->kind == NODE_ITEM && parts[0] == NULL)
		status = parser_unexpected(parser, "an index");
	if (status != CLADE_OK)
		return status;
	out->a = *node;
	out->b = parts[0];
	out->c = parts[1];
	out->d = parts[2];
	*node = out;
	return parser_expect(parser, "]", "after an index");
}

static enum clade_status parse_postfix(struct parser *parser, struct node **node)
{
	enum clade_status status = CLADE_OK;
	struct node *out;
	for (uint32_t i = 0; status == CLADE_OK; i++) {
		if (i == 4 * MAX_DEPTH)
			return parser_unexpected(parser, "a shorter chain of calls");
		if (parser_is(parser, ".")) {
			parser->at++;
			if (parser->at->kind != TOKEN_NAME && parser->at->kind != TOKEN_INTEGER)
				return parser_unexpected(parser, "a name after `.`");
			status = parser_node(parser, parser->at->kind == TOKEN_NAME ? NODE_MEMBER : NODE_ITEM, &out);
			if (status != CLADE_OK)
				return status;
			if (out->kind == NODE_ITEM) {
				struct node *index;
				status = parser_node(parser, NODE_INTEGER, &index);
				if (status != CLADE_OK)
					return status;
				index->i = parser->at->i;
				out->b = index;
			}
			parser->at++;
			out->a = *node;
			*node = out;
		} else if (parser_is(parser, "[")) {
			status = parse_subscript(parser, node);
		} else if (parser_is(parser, "(")) {
			status = parser_node(parser, NODE_CALL, &out);
			if (status != CLADE_OK)
				return status;
			out->line = (*node)->line;
			out->column = (*node)->column;
			out->a = *node;
			status = parse_arguments(parser, out);
			*node = out;
		} else {
			break;
		}
	}
	return status;
}

static enum clade_status fail_name(struct parser *parser, const char *what, const char *nearest)
{
	const struct chat_token *at = parser->at;
	return chat_fail(parser->source, at->line, at->column, "no %s is called `%.60s`%s%s", what, at->text,
			 nearest != NULL ? "; did you mean " : " here", nearest != NULL ? nearest : "");
}

static bool begins_operand(const struct parser *parser)
{
	enum token_kind kind = parser->at->kind;
	if (kind == TOKEN_NAME)
		return !parser_is_name(parser, "else") && !parser_is_name(parser, "or") &&
		       !parser_is_name(parser, "and") && !parser_is_name(parser, "is") &&
		       !parser_is_name(parser, "if") && !parser_is_name(parser, "in") && !parser_is_name(parser, "not");
	return kind == TOKEN_STRING || kind == TOKEN_INTEGER || kind == TOKEN_FLOAT || parser_is(parser, "(") ||
	       parser_is(parser, "[") || parser_is(parser, "{");
}

/* a is test, a is not test, a is test arg, a is test(args) */
static enum clade_status parse_test(struct parser *parser, struct node **node)
{
	const char *nearest;
	bool negated;
	struct node *out, *operand;
	parser->at++;
	negated = parser_is_name(parser, "not");
	parser->at += negated;
	if (parser->at->kind != TOKEN_NAME)
		return parser_unexpected(parser, "a test's name after `is`");
	if (!find_test(parser->at->text, &nearest))
		return fail_name(parser, "test", nearest);
	enum clade_status status = parser_node(parser, NODE_TEST, &out);
	if (status != CLADE_OK)
		return status;
	parser->at++;
	out->a = *node;
	if (parser_is(parser, "(")) {
		status = parse_arguments(parser, out);
	} else if (begins_operand(parser)) {
		status = parse_primary(parser, &operand);
		if (status == CLADE_OK)
			status = parse_postfix(parser, &operand);
		if (status == CLADE_OK)
			node_add(out, operand);
	}
	*node = out;
	if (status != CLADE_OK || !negated)
		return status;
	status = parser_node(parser, NODE_NOT, &out);
	if (status == CLADE_OK) {
		out->a = *node;
		*node = out;
	}
	return status;
}

enum clade_status parse_filters(struct parser *parser, bool tests, struct node **node)
{
	enum clade_status status = CLADE_OK;
	const char *nearest;
	struct node *out;
	for (uint32_t i = 0; status == CLADE_OK; i++) {
		if (i == 4 * MAX_DEPTH)
			return parser_unexpected(parser, "a shorter chain of filters");
		if (tests && parser_is_name(parser, "is")) {
			status = parse_test(parser, node);
		} else if (tests && parser_is(parser, "(")) { /* of what a filter gave */
			status = parse_postfix(parser, node);
		} else if (parser_is(parser, "|")) {
			parser->at++;
			if (parser->at->kind != TOKEN_NAME)
				return parser_unexpected(parser, "a filter's name after `|`");
			if (!find_filter(parser->at->text, &nearest))
				return fail_name(parser, "filter", nearest);
			status = parser_node(parser, NODE_FILTER, &out);
			if (status != CLADE_OK)
				return status;
			parser->at++;
			out->a = *node;
			*node = out;
			if (parser_is(parser, "("))
				status = parse_arguments(parser, out);
		} else {
			break;
		}
	}
	return status;
}

/* (a), (), (a,), (a, b) */
static enum clade_status parse_brackets(struct parser *parser, struct node **out)
{
	struct node *kid;
	enum clade_status status = parser_node(parser, NODE_TUPLE, out);
	parser->at++;
	if (status != CLADE_OK)
		return status;
	if (parser_is(parser, ")"))
		return parser->at++, CLADE_OK;
	status = parse_expression(parser, false, &kid);
	if (status != CLADE_OK)
		return status;
	if (parser_is(parser, ")")) {
		parser->at++;
		*out = kid;
		return CLADE_OK;
	}
	node_add(*out, kid);
	status = parser_expect(parser, ",", "or `)`");
	return status == CLADE_OK ? parse_members(parser, ")", false, *out) : status;
}

static enum clade_status parse_name(struct parser *parser, struct node **out)
{
	static const struct {
		const char *name;
		enum node_kind kind;
		int64_t i;
	} words[] = { { "true", NODE_BOOL, 1 },  { "True", NODE_BOOL, 1 }, { "false", NODE_BOOL, 0 },
		      { "False", NODE_BOOL, 0 }, { "none", NODE_NONE, 0 }, { "None", NODE_NONE, 0 } };
	enum clade_status status = parser_node(parser, NODE_NAME, out);
	for (size_t i = 0; status == CLADE_OK && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, parser->at->text) == 0) {
			(*out)->kind = words[i].kind;
			(*out)->i = words[i].i;
		}
	parser->at++;
	return status;
}

static enum clade_status parse_string(struct parser *parser, struct node **out)
{
	enum clade_status status = parser_node(parser, NODE_STRING, out);
	parser->at++;
	while (status == CLADE_OK && parser->at->kind == TOKEN_STRING) { /* "a" "b" */
		size_t bytes = (*out)->bytes + parser->at->bytes;
		char *joined = arena_take(parser->source->arena, bytes + 1);
		if (joined == NULL)
			return chat_fail_memory(parser->source);
		memcpy(joined, (*out)->text, (*out)->bytes);
		memcpy(joined + (*out)->bytes, parser->at->text, parser->at->bytes);
		(*out)->text = joined;
		(*out)->bytes = bytes;
		parser->at++;
	}
	return status;
}

static enum clade_status parse_primary(struct parser *parser, struct node **out)
{
	enum clade_status status;
	bool list = parser_is(parser, "["), dict = parser_is(parser, "{");
	switch (parser->at->kind) {
	case TOKEN_NAME:
		return parse_name(parser, out);
	case TOKEN_STRING:
		return parse_string(parser, out);
	case TOKEN_INTEGER:
	case TOKEN_FLOAT:
		status = parser_node(parser, parser->at->kind == TOKEN_FLOAT ? NODE_FLOAT : NODE_INTEGER, out);
		if (status == CLADE_OK) {
			(*out)->i = parser->at->i;
			(*out)->f = parser->at->f;
		}
		parser->at++;
		return status;
	default:
		break;
	}
	if (parser_is(parser, "("))
		return parse_brackets(parser, out);
	if (!list && !dict)
		return parser_unexpected(parser, "an expression");
	status = parser_node(parser, list ? NODE_LIST : NODE_DICT, out);
	parser->at++;
	return status == CLADE_OK ? parse_members(parser, list ? "]" : "}", dict, *out) : status;
}

static enum clade_status parse_unary(struct parser *parser, bool filters, struct node **out)
{
	enum clade_status status;
	struct node *kid;
	if (++parser->depth > MAX_DEPTH)
		return parser_unexpected(parser, "an expression less deep");
	if (parser_is(parser, "-") || parser_is(parser, "+")) {
		status = parser_node(parser, NODE_UNARY, out);
		parser->at++;
		if (status == CLADE_OK)
			status = parse_unary(parser, false, &kid);
		if (status == CLADE_OK)
			(*out)->a = kid;
	} else {
		status = parse_primary(parser, out);
	}
	if (status == CLADE_OK)
		status = parse_postfix(parser, out);
	if (status == CLADE_OK && filters)
		status = parse_filters(parser, true, out);
	parser->depth--;
	return status;
}

/* Binary operators, loosest first; all group to the left. */
static const char *const levels[][5] = { { "+", "-" }, { "~" }, { "*", "/", "//", "%" }, { "**" } };
enum { LEVELS = sizeof(levels) / sizeof(levels[0]) };

static enum clade_status parse_binary(struct parser *parser, size_t level, struct node **out)
{
	enum clade_status status;
	if (level == LEVELS)
		return parse_unary(parser, true, out);
	status = parse_binary(parser, level + 1, out);
	for (bool more = true; status == CLADE_OK && more;) {
		more = false;
		for (size_t i = 0; i < 5 && levels[level][i] != NULL; i++)
			more |= parser_is(parser, levels[level][i]);
		if (!more)
			break;
		struct node *node, *right;
		status = parser_node(parser, NODE_BINARY, &node);
		parser->at++;
		if (status == CLADE_OK)
			status = parse_binary(parser, level + 1, &right);
		if (status != CLADE_OK)
			break;
		node->a = *out;
		node->b = right;
		*out = node;
	}
	return status;
}

/* a < b, a in b, a not in b, also chained */
static enum clade_status parse_compare(struct parser *parser, struct node **out)
{
	static const char *const signs[] = { "==", "!=", "<", "<=", ">", ">=" };
	struct node *compare = NULL, *kid, *right;
	enum clade_status status = parse_binary(parser, 0, out);
	while (status == CLADE_OK) {
		const struct chat_token *next = parser->at + 1;
		bool not_in =
			parser_is_name(parser, "not") && next->kind == TOKEN_NAME && strcmp(next->text, "in") == 0;
		bool found = not_in || parser_is_name(parser, "in");
		for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
			found |= parser_is(parser, signs[i]);
		if (!found)
			break;
		status = parser_node(parser, NODE_BINARY, &kid);
		if (status == CLADE_OK && compare == NULL)
			status = parser_node(parser, NODE_COMPARE, &compare);
		if (status != CLADE_OK)
			break;
		if (not_in)
			kid->text = "not in";
		parser->at += 1 + not_in;
		status = parse_binary(parser, 0, &right);
		if (status != CLADE_OK)
			break;
		kid->a = right;
		if (compare->first == NULL)
			compare->a = *out;
		node_add(compare, kid);
		*out = compare;
	}
	return status;
}

static enum clade_status parse_not(struct parser *parser, struct node **out)
{
	struct node *kid;
	if (!parser_is_name(parser, "not"))
		return parse_compare(parser, out);
	if (++parser->depth > MAX_DEPTH)
		return parser_unexpected(parser, "an expression less deep");
	enum clade_status status = parser_node(parser, NODE_NOT, out);
	parser->at++;
	if (status == CLADE_OK)
		status = parse_not(parser, &kid);
	if (status == CLADE_OK)
		(*out)->a = kid;
	parser->depth--;
	return status;
}

static enum clade_status parse_logic(struct parser *parser, bool is_or, struct node **out)
{
	struct node *node, *right;
	enum clade_status status = is_or ? parse_logic(parser, false, out) : parse_not(parser, out);
	while (status == CLADE_OK && parser_is_name(parser, is_or ? "or" : "and")) {
		status = parser_node(parser, is_or ? NODE_OR : NODE_AND, &node);
		parser->at++;
		if (status == CLADE_OK)
			status = is_or ? parse_logic(parser, false, &right) : parse_not(parser, &right);
		if (status != CLADE_OK)
			break;
		node->a = *out;
		node->b = right;
		*out = node;
	}
	return status;
}

static enum clade_status parse_choice(struct parser *parser, struct node **out)
{
	struct node *node, *condition, *other;
	if (++parser->depth > MAX_DEPTH)
		return parser_unexpected(parser, "an expression less deep");
	enum clade_status status = parse_logic(parser, true, out);
	while (status == CLADE_OK && parser_is_name(parser, "if")) {
		status = parser_node(parser, NODE_IF_ELSE, &node);
		parser->at++;
		if (status == CLADE_OK)
			status = parse_logic(parser, true, &condition);
		if (status != CLADE_OK)
			break;
		node->a = *out;
		node->b = condition;
		*out = node;
		if (!parser_is_name(parser, "else"))
			continue;
		parser->at++;
		status = parse_choice(parser, &other);
		if (status == CLADE_OK)
			node->c = other;
	}
	parser->depth--;
	return status;
}

static enum clade_status parse_tuple(struct parser *parser, bool choices, bool tuple, struct node **out)
{
	struct node *list, *kid;
	enum clade_status status = choices ? parse_choice(parser, out) : parse_logic(parser, true, out);
	if (status != CLADE_OK || !tuple || !parser_is(parser, ","))
		return status;
	status = parser_node(parser, NODE_TUPLE, &list);
	if (status == CLADE_OK)
		node_add(list, *out);
	while (status == CLADE_OK && parser_is(parser, ",")) {
		parser->at++;
		if (parser->at->kind == TOKEN_BLOCK_END || parser->at->kind == TOKEN_OUTPUT_END)
			break;
		status = choices ? parse_choice(parser, &kid) : parse_logic(parser, true, &kid);
		if (status == CLADE_OK)
			node_add(list, kid);
	}
	*out = list;
	return status;
}

enum clade_status parse_expression(struct parser *parser, bool tuple, struct node **out)
{
	return parse_tuple(parser, true, tuple, out);
}

enum clade_status parse_iterable(struct parser *parser, struct node **out)
{
	return parse_tuple(parser, false, true, out);
}

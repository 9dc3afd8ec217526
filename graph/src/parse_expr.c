/* SPDX-License-Identifier: MIT */
/* Parser: tokens, names, types and expressions. */
#include "ast.h"

#include <clade/messages.h>

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 128

struct clade_ast *clade_parse_node(struct clade_parser *parser, enum clade_ast_kind kind)
{
	struct clade_ast *node = clade_region_alloc(parser->region, sizeof(*node), parser->diag);

	if (node) {
		node->kind = kind;
		node->depth = 1;
		node->pos = parser->token.pos;
	}
	return node;
}

void clade_ast_add(struct clade_ast *parent, struct clade_ast *kid)
{
	if (parent->last)
		parent->last->next = kid;
	else
		parent->first = kid;
	parent->last = kid;
	if (kid->depth >= parent->depth)
		parent->depth = kid->depth + 1;
}

enum clade_status clade_parse_next(struct clade_parser *parser)
{
	enum clade_status status;

	do {
		status = clade_lexer_next(&parser->lexer, &parser->token);
		if (status)
			return status;
	} while (parser->brackets && parser->token.kind == CLADE_TOKEN_NEWLINE &&
		 parser->lexer.text[parser->lexer.at - 1] == '\n');
	return CLADE_OK;
}

bool clade_parse_is(const struct clade_parser *parser, const char *what)
{
	const struct clade_token *token = &parser->token;

	return (token->kind == CLADE_TOKEN_SYMBOL || (token->kind == CLADE_TOKEN_NAME && !token->quoted)) &&
	       strcmp(token->text, what) == 0;
}

enum clade_status clade_parse_accept(struct clade_parser *parser, const char *what, bool *out_taken)
{
	*out_taken = clade_parse_is(parser, what);
	if (!*out_taken)
		return CLADE_OK;
	if (parser->token.kind == CLADE_TOKEN_SYMBOL) {
		if (*what == '(' || *what == '[')
			parser->brackets++;
		if (*what == ')' || *what == ']')
			parser->brackets--;
	}
	return clade_parse_next(parser);
}

enum clade_status clade_parse_unexpected(struct clade_parser *parser, const char *expected)
{
	const struct clade_token *token = &parser->token;

	switch (token->kind) {
	case CLADE_TOKEN_END:
		return clade_fail_at(parser->diag, &token->pos, CLADE_MSG_GRAPH_SYNTAX,
				     "the file ends here; expected %s", expected);
	case CLADE_TOKEN_NEWLINE:
		return clade_fail_at(parser->diag, &token->pos, CLADE_MSG_GRAPH_SYNTAX,
				     "the statement ends here; expected %s", expected);
	case CLADE_TOKEN_STRING:
		return clade_fail_at(parser->diag, &token->pos, CLADE_MSG_GRAPH_SYNTAX,
				     "unexpected \"%.80s\"; expected %s", token->text, expected);
	default:
		return clade_fail_at(parser->diag, &token->pos, CLADE_MSG_GRAPH_SYNTAX,
				     "unexpected `%.80s`; expected %s", token->text, expected);
	}
}

enum clade_status clade_parse_expect(struct clade_parser *parser, const char *symbol, const char *after)
{
	char expected[160];
	bool taken;
	enum clade_status status = clade_parse_accept(parser, symbol, &taken);

	if (status || taken)
		return status;
	snprintf(expected, sizeof(expected), "`%s` %s", symbol, after);
	return clade_parse_unexpected(parser, expected);
}

enum clade_status clade_parse_skip_lines(struct clade_parser *parser)
{
	enum clade_status status = CLADE_OK;

	while (!status && parser->token.kind == CLADE_TOKEN_NEWLINE)
		status = clade_parse_next(parser);
	return status;
}

enum clade_status clade_parse_ahead(struct clade_parser *parser, const char *word, bool *out_found)
{
	struct clade_lexer lexer = parser->lexer;
	struct clade_token token = parser->token;
	enum clade_status status = clade_parse_skip_lines(parser);

	*out_found = !status && clade_parse_is(parser, word);
	if (!status && !*out_found) {
		parser->lexer = lexer;
		parser->token = token;
	}
	return status;
}

enum clade_status clade_parse_end_line(struct clade_parser *parser, const char *after)
{
	char expected[160];

	if (parser->token.kind == CLADE_TOKEN_NEWLINE)
		return clade_parse_next(parser);
	if (parser->token.kind == CLADE_TOKEN_END || clade_parse_is(parser, "}"))
		return CLADE_OK;
	snprintf(expected, sizeof(expected), "a new line or `;` after %s", after);
	return clade_parse_unexpected(parser, expected);
}

enum clade_status clade_parse_enter(struct clade_parser *parser)
{
	if (++parser->depth > MAX_DEPTH)
		return clade_fail_at(parser->diag, &parser->token.pos, CLADE_MSG_GRAPH_DEPTH,
				     "nested more than %d deep", MAX_DEPTH);
	return CLADE_OK;
}

enum clade_status clade_parse_name(struct clade_parser *parser, const char *what, bool quotes, struct clade_ast **out)
{
	static const char *const keywords[] = { "for",  "if",    "else", "input", "output", "box", "require",
						"true", "false", "none", "and",   "or",     "not", "in" };
	struct clade_ast *node;

	if (parser->token.kind != CLADE_TOKEN_NAME || (parser->token.quoted && !quotes))
		return clade_parse_unexpected(parser, what);
	for (size_t i = 0; !parser->token.quoted && i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strcmp(parser->token.text, keywords[i]) == 0)
			return clade_fail_at(parser->diag, &parser->token.pos, CLADE_MSG_GRAPH_KEYWORD,
					     "`%s` is a keyword and cannot be %s", keywords[i], what);
	node = clade_parse_node(parser, CLADE_AST_NAME);
	if (!node)
		return CLADE_ERR_MEMORY;
	node->text = parser->token.text;
	node->quoted = parser->token.quoted;
	*out = node;
	return clade_parse_next(parser);
}

enum clade_status clade_parse_type(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *node, *dim;
	enum clade_status status;
	bool taken;

	status = clade_parse_name(parser, "a type such as f32[B, T]", false, &node);
	if (status)
		return status;
	node->kind = CLADE_AST_TYPE;
	*out = node;
	status = clade_parse_accept(parser, "[", &taken);
	if (status || !taken)
		return status;
	node->i = 1; /* has brackets */
	while (!status && !clade_parse_is(parser, "]")) {
		status = clade_parse_expr(parser, &dim);
		if (status)
			return status;
		clade_ast_add(node, dim);
		status = clade_parse_accept(parser, ",", &taken);
		if (!status && !taken)
			break;
	}
	return status ? status : clade_parse_expect(parser, "]", "to end the shape");
}

enum clade_status clade_parse_arguments(struct clade_parser *parser, struct clade_ast *call)
{
	enum clade_status status = clade_parse_expect(parser, "(", "before the arguments");
	bool taken;

	while (!status && !clade_parse_is(parser, ")")) {
		struct clade_ir_pos pos = parser->token.pos;
		struct clade_ast *kid;

		status = clade_parse_expr(parser, &kid);
		if (status)
			return status;
		if (clade_parse_is(parser, "=") && kid->kind == CLADE_AST_NAME && !kid->quoted) {
			const char *label = kid->text;

			status = clade_parse_next(parser);
			if (!status)
				status = clade_parse_expr(parser, &kid);
			if (status)
				return status;
			kid->label = label;
			if (kid->kind == CLADE_AST_NAME || kid->kind == CLADE_AST_LIST)
				kid->pos = pos;
		}
		clade_ast_add(call, kid);
		status = clade_parse_accept(parser, ",", &taken);
		if (!status && !taken)
			break;
	}
	return status ? status : clade_parse_expect(parser, ")", "or `,` after the argument");
}

static enum clade_status parse_list(struct clade_parser *parser, struct clade_ast *list, const char *what)
{
	enum clade_status status = clade_parse_expect(parser, "[", what);
	bool taken;

	while (!status && !clade_parse_is(parser, "]")) {
		struct clade_ast *kid;

		status = clade_parse_expr(parser, &kid);
		if (status)
			return status;
		clade_ast_add(list, kid);
		status = clade_parse_accept(parser, ",", &taken);
		if (!status && !taken)
			break;
	}
	return status ? status : clade_parse_expect(parser, "]", "or `,`");
}

/* stack(a, b, c) */
static enum clade_status parse_stack_list(struct clade_parser *parser, struct clade_ast *node)
{
	enum clade_status status = CLADE_OK;
	bool taken = true;

	while (!status && taken && !clade_parse_is(parser, ")")) {
		struct clade_ast *kid;

		status = clade_parse_chain(parser, &kid);
		if (status)
			return status;
		clade_ast_add(node, kid);
		status = clade_parse_accept(parser, ",", &taken);
	}
	return status ? status : clade_parse_expect(parser, ")", "after what is stacked");
}

/* stack(e < experts: "...{e}..."), or a list */
static enum clade_status parse_stack(struct clade_parser *parser, struct clade_ast *node)
{
	struct clade_ast *name, *count, *expr;
	struct clade_lexer lexer;
	struct clade_token token;
	enum clade_status status = clade_parse_expect(parser, "(", "after stack");
	bool taken;

	node->kind = CLADE_AST_STACK;
	node->text = NULL;
	if (status || parser->token.kind != CLADE_TOKEN_NAME)
		return status ? status : parse_stack_list(parser, node);
	lexer = parser->lexer;
	token = parser->token;
	status = clade_parse_next(parser);
	if (status || !clade_parse_is(parser, "<")) {
		parser->lexer = lexer;
		parser->token = token;
		return status ? status : parse_stack_list(parser, node);
	}
	parser->lexer = lexer;
	parser->token = token;
	status = clade_parse_name(parser, "an index name, as in stack(e < experts: ...)", false, &name);
	if (!status)
		status = clade_parse_accept(parser, "<", &taken);
	if (!status)
		status = clade_parse_expr(parser, &count);
	if (!status)
		status = clade_parse_expect(parser, ":", "before what is stacked");
	if (!status)
		status = clade_parse_chain(parser, &expr);
	if (status)
		return status;
	node->text = name->text;
	clade_ast_add(node, count);
	clade_ast_add(node, expr);
	return clade_parse_expect(parser, ")", "after what is stacked");
}

/* One {expression} of a quoted key: `text` is what stands between the braces. */
static enum clade_status parse_braces(struct clade_parser *outer, const struct clade_token *token, char *text,
				      struct clade_ast *template)
{
	struct clade_parser inner = { .region = outer->region, .diag = outer->diag, .depth = outer->depth };
	struct clade_ast *kid;
	enum clade_status status =
		clade_lexer_init(&inner.lexer, outer->region, token->pos.file, text, strlen(text), outer->diag);

	inner.lexer.line = token->pos.line;
	inner.lexer.column = token->pos.column;
	if (!status)
		status = clade_parse_next(&inner);
	if (!status)
		status = clade_parse_expr(&inner, &kid);
	if (!status && inner.token.kind != CLADE_TOKEN_END)
		status = clade_parse_unexpected(&inner, "`}` after the expression in the string");
	if (!status)
		clade_ast_add(template, kid);
	return status;
}

enum clade_status clade_parse_template(struct clade_parser *parser, struct clade_ast *node)
{
	struct clade_token token = parser->token;
	const char *at = token.text;

	node->kind = CLADE_AST_TEMPLATE;
	node->text = token.text;
	while (*at) {
		size_t length = strcspn(at, "{"), brace = at[length] && at[length + 1] == '{'; /* "{{" is a brace */
		struct clade_ast *kid = clade_parse_node(parser, CLADE_AST_STRING);
		const char *close;
		char *inside;
		enum clade_status status;

		if (!kid || !(kid->text = clade_region_text(parser->region, at, length + brace, parser->diag)))
			return CLADE_ERR_MEMORY;
		clade_ast_add(node, kid);
		at += length + 2 * brace;
		if (!*at)
			break;
		if (brace)
			continue;
		close = strchr(at, '}');
		if (!close)
			return clade_fail_at(parser->diag, &token.pos, CLADE_MSG_GRAPH_SYNTAX,
					     "a `{` without `}` in \"%.80s\"", token.text);
		inside = clade_region_text(parser->region, at + 1, (size_t)(close - at - 1), parser->diag);
		status = inside ? parse_braces(parser, &token, inside, node) : CLADE_ERR_MEMORY;
		if (status)
			return status;
		at = close + 1;
	}
	return CLADE_OK;
}

/* `and(`, `or(`, `not(`: calls of ops of these names, not operators. */
static bool is_call_of_operator(const struct clade_parser *parser)
{
	const struct clade_lexer *lexer = &parser->lexer;
	size_t at = lexer->at;

	if (!clade_parse_is(parser, "and") && !clade_parse_is(parser, "or") && !clade_parse_is(parser, "not"))
		return false;
	while (at < lexer->length && (lexer->text[at] == ' ' || lexer->text[at] == '\t'))
		at++;
	return at < lexer->length && lexer->text[at] == '(';
}

static enum clade_status parse_word(struct clade_parser *parser, struct clade_ast *node)
{
	enum clade_status status;

	node->text = parser->token.text;
	node->quoted = parser->token.quoted;
	if (!node->quoted && (clade_parse_is(parser, "true") || clade_parse_is(parser, "false"))) {
		node->kind = CLADE_AST_BOOL;
		node->i = *node->text == 't';
		return clade_parse_next(parser);
	}
	if (!node->quoted && clade_parse_is(parser, "none")) {
		node->kind = CLADE_AST_NONE;
		return clade_parse_next(parser);
	}
	status = is_call_of_operator(parser)
			 ? clade_parse_next(parser)
			 : clade_parse_name(parser, "a value", true, &(struct clade_ast *) { NULL });
	if (status)
		return status;
	node->kind = CLADE_AST_NAME;
	if (clade_parse_is(parser, "(")) {
		if (node->quoted)
			return clade_parse_unexpected(parser, "no call of a name in backquotes");
		if (parser->in_source && strcmp(node->text, "stack") == 0)
			return parse_stack(parser, node);
		node->kind = CLADE_AST_CALL;
		return clade_parse_arguments(parser, node);
	}
	if (clade_parse_is(parser, "[")) {
		node->kind = CLADE_AST_INDEX;
		return parse_list(parser, node, "");
	}
	return CLADE_OK;
}

static enum clade_status parse_primary(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *node = clade_parse_node(parser, CLADE_AST_NONE);
	const struct clade_token *token = &parser->token;
	enum clade_status status = CLADE_OK;
	bool taken;

	if (!node)
		return CLADE_ERR_MEMORY;
	*out = node;
	switch (token->kind) {
	case CLADE_TOKEN_NAME:
		return parse_word(parser, node);
	case CLADE_TOKEN_INT:
	case CLADE_TOKEN_FLOAT:
		node->kind = token->kind == CLADE_TOKEN_INT ? CLADE_AST_INT : CLADE_AST_FLOAT;
		node->i = token->i;
		node->f = token->f;
		return clade_parse_next(parser);
	case CLADE_TOKEN_STRING:
		node->kind = CLADE_AST_STRING;
		node->text = token->text;
		if (parser->in_source)
			status = clade_parse_template(parser, node);
		return status ? status : clade_parse_next(parser);
	default:
		break;
	}
	if (clade_parse_is(parser, "[")) {
		node->kind = CLADE_AST_LIST;
		return parse_list(parser, node, "");
	}
	status = clade_parse_accept(parser, "(", &taken);
	if (status)
		return status;
	if (!taken)
		return clade_parse_unexpected(parser, "a value");
	status = parser->in_source ? clade_parse_chain(parser, out) : clade_parse_expr(parser, out);
	return status ? status : clade_parse_expect(parser, ")", "to close the bracket");
}

/* Operators by rising strength. Comparisons do not chain; ** binds to the right and stronger than a sign. */
static const char *const levels[][8] = {
	{ "or", NULL },
	{ "and", NULL },
	{ "==", "!=", "<=", ">=", "<", ">", NULL },
	{ "+", "-", NULL },
	{ "*", "//", "/", "%", NULL },
};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

static enum clade_status parse_level(struct clade_parser *parser, size_t level, struct clade_ast **out);

static enum clade_status parse_unary(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *node, *kid;
	bool call = is_call_of_operator(parser);
	const char *sign = clade_parse_is(parser, "-") ? "-" : clade_parse_is(parser, "not") && !call ? "not" : NULL;
	enum clade_status status = clade_parse_enter(parser);

	if (status)
		return status;
	if (sign) {
		node = clade_parse_node(parser, CLADE_AST_UNARY);
		if (!node)
			return CLADE_ERR_MEMORY;
		node->text = sign;
		status = clade_parse_next(parser);
		if (!status)
			status = *sign == 'n' ? parse_level(parser, 2, &kid) : parse_unary(parser, &kid);
		if (status)
			return status;
		clade_ast_add(node, kid);
		*out = node;
	} else {
		status = parse_primary(parser, out);
		if (!status && clade_parse_is(parser, "**")) {
			node = clade_parse_node(parser, CLADE_AST_BINARY);
			if (!node)
				return CLADE_ERR_MEMORY;
			node->text = "**";
			status = clade_parse_next(parser);
			if (!status)
				status = parse_unary(parser, &kid);
			if (status)
				return status;
			clade_ast_add(node, *out);
			clade_ast_add(node, kid);
			*out = node;
		}
	}
	parser->depth--;
	return status;
}

static enum clade_status parse_level(struct clade_parser *parser, size_t level, struct clade_ast **out)
{
	enum clade_status status;

	if (level == LEVELS)
		return parse_unary(parser, out);
	status = parse_level(parser, level + 1, out);
	while (!status) {
		struct clade_ast *node, *right;
		size_t op = 0;

		while (levels[level][op] && !clade_parse_is(parser, levels[level][op]))
			op++;
		if (!levels[level][op])
			break;
		node = clade_parse_node(parser, CLADE_AST_BINARY);
		if (!node)
			return CLADE_ERR_MEMORY;
		node->text = levels[level][op];
		status = clade_parse_next(parser);
		if (!status)
			status = clade_parse_skip_lines(parser);
		if (!status)
			status = parse_level(parser, level + 1, &right);
		if (status)
			return status;
		clade_ast_add(node, *out);
		clade_ast_add(node, right);
		*out = node;
		if (node->depth > 4 * MAX_DEPTH)
			return clade_fail_at(parser->diag, &node->pos, CLADE_MSG_GRAPH_DEPTH,
					     "an expression of more than %d operators", 4 * MAX_DEPTH);
		if (level == 2)
			break;
	}
	return status;
}

enum clade_status clade_parse_expr(struct clade_parser *parser, struct clade_ast **out)
{
	enum clade_status status = clade_parse_enter(parser);

	if (!status)
		status = parse_level(parser, 0, out);
	parser->depth--;
	return status;
}

enum clade_status clade_parse_chain(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *chain = clade_parse_node(parser, CLADE_AST_CHAIN), *kid;
	enum clade_status status = chain ? CLADE_OK : CLADE_ERR_MEMORY;
	bool found = true;

	while (!status && found) {
		status = clade_parse_expr(parser, &kid);
		if (status)
			return status;
		clade_ast_add(chain, kid);
		status = clade_parse_ahead(parser, "else", &found);
		if (!status && found)
			status = clade_parse_next(parser);
		if (!status && found)
			status = clade_parse_skip_lines(parser);
	}
	*out = chain;
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Parser: statements. */
#include "ast.h"

#include <clade/messages.h>

#include <string.h>

enum clade_status clade_parse_pin(struct clade_parser *parser, const char **out_pin)
{
	enum clade_status status = clade_parse_expect(parser, "@", "before impl");
	bool taken;

	if (!status)
		status = clade_parse_accept(parser, "impl", &taken);
	if (!status && !taken)
		status = clade_parse_unexpected(parser, "impl, as in @impl(\"ref\")");
	if (!status)
		status = clade_parse_expect(parser, "(", "after @impl");
	if (!status && (parser->token.kind != CLADE_TOKEN_STRING || !*parser->token.text))
		status = clade_parse_unexpected(parser, "an implementation's name in quotes, as in @impl(\"ref\")");
	if (status)
		return status;
	*out_pin = parser->token.text;
	status = clade_parse_next(parser);
	return status ? status : clade_parse_expect(parser, ")", "after the implementation's name");
}

/* input NAME : TYPE [= default]; output NAME : TYPE [= expression] */
static enum clade_status parse_port(struct clade_parser *parser, enum clade_ast_kind kind, struct clade_ast **out)
{
	struct clade_ast *node = clade_parse_node(parser, kind), *name, *value;
	enum clade_status status = node ? clade_parse_next(parser) : CLADE_ERR_MEMORY;
	bool taken;

	if (!status)
		status = clade_parse_name(parser, "a name", false, &name);
	if (status)
		return status;
	node->text = name->text;
	node->pos = name->pos;
	*out = node;
	status = clade_parse_expect(parser, ":", "and a type after the name");
	if (!status)
		status = clade_parse_type(parser, &node->type);
	if (!status)
		status = clade_parse_accept(parser, "=", &taken);
	if (status || !taken)
		return status;
	status = clade_parse_skip_lines(parser);
	if (!status)
		status = clade_parse_expr(parser, &value);
	if (!status)
		clade_ast_add(node, value);
	return status;
}

/* for NAME in FROM .. TO [as NAME] { }, or for NAME in COUNT { } */
static enum clade_status parse_for(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *node = clade_parse_node(parser, CLADE_AST_FOR), *name, *from, *to;
	enum clade_status status = node ? clade_parse_next(parser) : CLADE_ERR_MEMORY;
	bool taken;

	*out = node;
	if (!status)
		status = clade_parse_name(parser, "the loop's index", false, &name);
	if (!status)
		status = clade_parse_accept(parser, "in", &taken);
	if (!status && !taken)
		status = clade_parse_unexpected(parser, "`in` and a range, as in `for l in 0 .. layers {`");
	if (!status)
		status = clade_parse_expr(parser, &from);
	if (!status)
		status = clade_parse_accept(parser, "..", &taken);
	if (status)
		return status;
	to = from;
	if (taken) {
		status = clade_parse_expr(parser, &to);
	} else {
		from = clade_parse_node(parser, CLADE_AST_INT);
		if (!from)
			return CLADE_ERR_MEMORY;
		from->pos = to->pos;
	}
	if (status)
		return status;
	node->text = name->text;
	node->label = to->kind == CLADE_AST_NAME && !to->quoted ? to->text : name->text;
	clade_ast_add(node, from);
	clade_ast_add(node, to);
	status = clade_parse_accept(parser, "as", &taken);
	if (!status && taken) {
		status = clade_parse_name(parser, "a name for the paths", false, &name);
		if (!status)
			node->label = name->text;
	}
	return status ? status : clade_parse_body(parser, false, &node->body);
}

static enum clade_status parse_if(struct clade_parser *parser, bool entry, struct clade_ast **out)
{
	struct clade_ast *node = clade_parse_node(parser, CLADE_AST_IF), *condition;
	enum clade_status status = clade_parse_enter(parser);
	bool found;

	*out = node;
	if (!status)
		status = node ? clade_parse_next(parser) : CLADE_ERR_MEMORY;
	if (!status)
		status = clade_parse_expr(parser, &condition);
	if (status)
		return status;
	clade_ast_add(node, condition);
	status = clade_parse_body(parser, entry, &node->body);
	if (!status)
		status = clade_parse_ahead(parser, "else", &found);
	if (!status && found) {
		status = clade_parse_next(parser);
		if (!status)
			status = clade_parse_is(parser, "if") ? parse_if(parser, entry, &node->other)
							      : clade_parse_body(parser, entry, &node->other);
	}
	parser->depth--;
	return status;
}

static enum clade_status parse_list_of(struct clade_parser *parser, struct clade_ast **first,
				       enum clade_status (*parse)(struct clade_parser *, struct clade_ast **))
{
	struct clade_ast **tail = first;
	bool taken = true;
	enum clade_status status = CLADE_OK;

	while (!status && taken) {
		status = parse(parser, tail);
		if (status)
			return status;
		tail = &(*tail)->next;
		status = clade_parse_accept(parser, ",", &taken);
		if (!status && taken)
			status = clade_parse_skip_lines(parser);
	}
	return status;
}

/* box NAME [= BLOCK(arguments) [-> results]] { } : what flattened graphs use */
static enum clade_status parse_box(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *node = clade_parse_node(parser, CLADE_AST_BOX), *name, *call;
	enum clade_status status = node ? clade_parse_next(parser) : CLADE_ERR_MEMORY;
	bool taken;

	*out = node;
	if (!status)
		status = clade_parse_name(parser, "the box's name", true, &name);
	if (status)
		return status;
	node->text = name->text;
	node->quoted = name->quoted;
	node->pos = name->pos;
	status = clade_parse_accept(parser, "=", &taken);
	if (!status && taken) {
		status = clade_parse_name(parser, "a block's name", false, &call);
		if (status)
			return status;
		call->kind = CLADE_AST_CALL;
		clade_ast_add(node, call);
		status = clade_parse_arguments(parser, call);
		if (!status)
			status = clade_parse_accept(parser, "->", &taken);
		if (!status && taken)
			status = parse_list_of(parser, &node->other, clade_parse_expr);
	}
	return status ? status : clade_parse_body(parser, false, &node->body);
}

static enum clade_status parse_target(struct clade_parser *parser, struct clade_ast **out)
{
	enum clade_status status =
		clade_parse_name(parser, "a name, or a keyword such as for, if, input, output", true, out);
	struct clade_ast *node = *out;
	bool taken;

	if (status || !clade_parse_is(parser, "["))
		return status;
	node->kind = CLADE_AST_INDEX;
	status = clade_parse_accept(parser, "[", &taken);
	while (!status && !clade_parse_is(parser, "]")) {
		struct clade_ast *index;

		status = clade_parse_expr(parser, &index);
		if (status)
			return status;
		clade_ast_add(node, index);
		status = clade_parse_accept(parser, ",", &taken);
		if (!status && !taken)
			break;
	}
	return status ? status : clade_parse_expect(parser, "]", "after the index");
}

/* names = expression; state <- expression */
static enum clade_status parse_assign(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *node = clade_parse_node(parser, CLADE_AST_ASSIGN), *value;
	enum clade_status status = node ? parse_list_of(parser, &node->other, parse_target) : CLADE_ERR_MEMORY;
	bool write;

	*out = node;
	if (!status)
		status = clade_parse_accept(parser, "<-", &write);
	if (status)
		return status;
	if (write) {
		struct clade_ast *state = node->other;

		node->kind = CLADE_AST_WRITE;
		if (state->next)
			return clade_fail_at(parser->diag, &state->next->pos, CLADE_MSG_GRAPH_STATE,
					     "`<-` writes one state; write the others in statements of their own");
		node->other = NULL;
		clade_ast_add(node, state);
	} else {
		for (struct clade_ast *target = node->other; target; target = target->next)
			if (target->kind == CLADE_AST_INDEX)
				return clade_fail_at(parser->diag, &target->pos, CLADE_MSG_GRAPH_SYNTAX,
						     "`%s[...]` cannot be assigned; states are written with `<-`",
						     target->text);
		if (clade_parse_is(parser, "("))
			return clade_fail_at(parser->diag, &node->pos, CLADE_MSG_GRAPH_SYNTAX,
					     "the result of `%s` is not used; write `name = %s(...)`",
					     node->other->text, node->other->text);
		status = clade_parse_expect(parser, "=", "or `<-` after the name");
	}
	if (!status)
		status = clade_parse_skip_lines(parser);
	if (!status)
		status = clade_parse_expr(parser, &value);
	if (!status)
		clade_ast_add(node, value);
	return status;
}

enum clade_status clade_parse_require(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *node = clade_parse_node(parser, CLADE_AST_REQUIRE), *condition, *message;
	enum clade_status status = node ? clade_parse_next(parser) : CLADE_ERR_MEMORY;

	*out = node;
	if (!status)
		status = clade_parse_expr(parser, &condition);
	if (!status)
		status = clade_parse_expect(parser, ",", "and what to say if it does not hold");
	if (!status)
		status = clade_parse_skip_lines(parser);
	if (!status && parser->token.kind != CLADE_TOKEN_STRING)
		status = clade_parse_unexpected(parser, "a message in quotes");
	if (status)
		return status;
	message = clade_parse_node(parser, CLADE_AST_TEMPLATE);
	status = message ? clade_parse_template(parser, message) : CLADE_ERR_MEMORY;
	if (status)
		return status;
	clade_ast_add(node, condition);
	clade_ast_add(node, message);
	return clade_parse_next(parser);
}

static enum clade_status parse_statement(struct clade_parser *parser, bool entry, struct clade_ast **out)
{
	const char *pin = NULL;
	struct clade_ir_pos pos;
	enum clade_status status = CLADE_OK;

	if (clade_parse_is(parser, "@")) {
		status = clade_parse_pin(parser, &pin);
		if (!status)
			status = clade_parse_skip_lines(parser);
		if (status)
			return status;
	}
	pos = parser->token.pos;
	if (clade_parse_is(parser, "input") || clade_parse_is(parser, "output")) {
		if (!entry)
			return clade_fail_at(parser->diag, &pos, CLADE_MSG_GRAPH_SYNTAX,
					     "`%s` stands only directly in an entry, or in an `if` there",
					     parser->token.text);
		status = parse_port(parser, *parser->token.text == 'i' ? CLADE_AST_INPUT : CLADE_AST_OUTPUT, out);
	} else if (clade_parse_is(parser, "for")) {
		status = parse_for(parser, out);
	} else if (clade_parse_is(parser, "if")) {
		status = parse_if(parser, entry, out);
	} else if (clade_parse_is(parser, "box")) {
		status = parse_box(parser, out);
	} else if (clade_parse_is(parser, "require")) {
		status = clade_parse_require(parser, out);
	} else {
		status = parse_assign(parser, out);
	}
	if (status)
		return status;
	(*out)->pin = pin;
	if (pin && ((*out)->kind == CLADE_AST_INPUT || (*out)->kind == CLADE_AST_REQUIRE))
		return clade_fail_at(parser->diag, &pos, CLADE_MSG_GRAPH_PIN, "%s has no implementation to choose",
				     (*out)->kind == CLADE_AST_INPUT ? "an input" : "a condition");
	return CLADE_OK;
}

enum clade_status clade_parse_body(struct clade_parser *parser, bool entry, struct clade_ast **out)
{
	struct clade_ast **tail = out;
	enum clade_status status = clade_parse_enter(parser);

	if (!status)
		status = clade_parse_skip_lines(parser);
	if (!status)
		status = clade_parse_expect(parser, "{", "to begin the body");
	if (!status)
		status = clade_parse_skip_lines(parser);
	while (!status && !clade_parse_is(parser, "}")) {
		status = parse_statement(parser, entry, tail);
		if (!status && (*tail)->kind != CLADE_AST_FOR && (*tail)->kind != CLADE_AST_IF &&
		    (*tail)->kind != CLADE_AST_BOX)
			status = clade_parse_end_line(parser, "the statement");
		if (!status)
			status = clade_parse_skip_lines(parser);
		tail = status ? tail : &(*tail)->next;
	}
	parser->depth--;
	return status ? status : clade_parse_expect(parser, "}", "to end the body");
}

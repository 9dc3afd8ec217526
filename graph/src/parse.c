/* SPDX-License-Identifier: MIT */
/* Parser: the items of a file. The grammar is in FORMAT.md. */
#include "ast.h"

#include <clade/messages.h>

#include <stdio.h>
#include <string.h>

#define FORMAT_VERSION 1

static enum clade_status add_item(struct clade_ast ***tail, struct clade_ast *item)
{
	**tail = item;
	*tail = &item->next;
	return CLADE_OK;
}

static enum clade_status parse_word(struct clade_parser *parser, const char *const *words, const char *what,
				    const char **out)
{
	char list[256] = "", hint[128];
	struct clade_words near = { .count = 0 };

	for (size_t i = 0; words[i]; i++) {
		if (clade_parse_is(parser, words[i])) {
			*out = words[i];
			return clade_parse_next(parser);
		}
		strcat(strcat(list, i ? ", " : ""), words[i]);
		clade_words_add(&near, words[i]);
	}
	if (parser->token.kind != CLADE_TOKEN_NAME)
		return clade_parse_unexpected(parser, list);
	return clade_fail_at(parser->diag, &parser->token.pos, CLADE_MSG_GRAPH_KEYWORD, "`%.80s` is no %s; known: %s%s",
			     parser->token.text, what, list,
			     clade_words_hint(&near, parser->token.text, hint, sizeof(hint)));
}

/* NAME [ "[" counts "]" ] { "," NAME ... } ":" ... : one item a name, all with the same `label`, `type` and kids' tail.
 */
static enum clade_status parse_declarations(struct clade_parser *parser, enum clade_ast_kind kind,
					    struct clade_ast ***tail)
{
	static const char *const types[] = { "int", "float", "bool", "string", NULL };
	static const char *const classes[] = { "session", "run", NULL };
	struct clade_ast **first = *tail, *type = NULL, *value = NULL;
	bool indexed = kind == CLADE_AST_WEIGHT || kind == CLADE_AST_STATE, taken = true;
	const char *label = NULL;
	enum clade_status status = clade_parse_next(parser);

	while (!status && taken) {
		struct clade_ast *item, *kid;

		status = clade_parse_name(parser, "a name", indexed, &item);
		if (status)
			return status;
		item->kind = kind;
		add_item(tail, item);
		taken = false;
		if (kind != CLADE_AST_DIM)
			status = clade_parse_accept(parser, "[", &taken);
		while (!status && taken) {
			status = clade_parse_expr(parser, &kid);
			if (status)
				return status;
			clade_ast_add(item, kid);
			status = clade_parse_accept(parser, ",", &taken);
			if (!status && !taken)
				status = clade_parse_expect(parser, "]", "after the count");
		}
		if (!status)
			status = clade_parse_accept(parser, ",", &taken);
		if (!status && taken)
			status = clade_parse_skip_lines(parser);
	}
	if (!status)
		status = clade_parse_expect(parser, ":", "after the name");
	if (!status && indexed)
		status = clade_parse_type(parser, &type);
	else if (!status)
		status = parse_word(parser, kind == CLADE_AST_PARAM ? types : classes,
				    kind == CLADE_AST_PARAM ? "type of a param" : "class of a dim", &label);
	taken = false;
	if (!status && (kind == CLADE_AST_PARAM || kind == CLADE_AST_DIM))
		status = clade_parse_accept(parser, "=", &taken);
	else if (!status && kind == CLADE_AST_STATE && strcmp(type->text, "cache") == 0)
		status = clade_parse_accept(parser, "window", &taken);
	if (!status && taken)
		status = clade_parse_expr(parser, &value);
	for (struct clade_ast *item = *first; !status && item; item = item->next) {
		item->label = label;
		item->type = type;
		item->body = value;
	}
	return status;
}

static enum clade_status parse_text_item(struct clade_parser *parser, enum clade_ast_kind kind, const char *what,
					 struct clade_ast **out)
{
	enum clade_status status = clade_parse_next(parser);
	struct clade_ast *item = clade_parse_node(parser, kind);

	if (!status && !item)
		status = CLADE_ERR_MEMORY;
	if (!status && parser->token.kind != CLADE_TOKEN_STRING)
		status = clade_parse_unexpected(parser, what);
	if (status)
		return status;
	item->text = parser->token.text;
	*out = item;
	return clade_parse_next(parser);
}

/* meta "key" = expression */
static enum clade_status parse_meta(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *value;
	enum clade_status status = parse_text_item(parser, CLADE_AST_META, "a key in quotes", out);

	if (!status)
		status = clade_parse_expect(parser, "=", "after the key");
	if (!status)
		status = clade_parse_expr(parser, &value);
	if (!status)
		clade_ast_add(*out, value);
	return status;
}

/* prefix "a.", "" : what may stand before every tensor name */
static enum clade_status parse_prefix(struct clade_parser *parser, struct clade_ast *item)
{
	enum clade_status status = CLADE_OK;
	bool taken = true;

	item->kind = CLADE_AST_PREFIX;
	while (!status && taken) {
		struct clade_ast *kid = clade_parse_node(parser, CLADE_AST_STRING);

		if (!kid)
			return CLADE_ERR_MEMORY;
		if (parser->token.kind != CLADE_TOKEN_STRING)
			return clade_parse_unexpected(parser, "a prefix of tensor names in quotes");
		kid->text = parser->token.text;
		clade_ast_add(item, kid);
		status = clade_parse_next(parser);
		if (!status)
			status = clade_parse_accept(parser, ",", &taken);
	}
	return status;
}

/* NAME [ "[" index names "]" ] = chain */
static enum clade_status parse_map(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *item, *index;
	enum clade_status status = clade_parse_name(parser, "a param's or weight's name", true, &item);
	bool taken;

	if (status)
		return status;
	*out = item;
	if (strcmp(item->text, "prefix") == 0 && parser->token.kind == CLADE_TOKEN_STRING)
		return parse_prefix(parser, item);
	item->kind = CLADE_AST_MAP;
	status = clade_parse_accept(parser, "[", &taken);
	while (!status && taken) {
		status = clade_parse_name(parser, "an index name", false, &index);
		if (status)
			return status;
		clade_ast_add(item, index);
		status = clade_parse_accept(parser, ",", &taken);
		if (!status && !taken)
			status = clade_parse_expect(parser, "]", "after the index");
	}
	if (!status)
		status = clade_parse_expect(parser, "=", "after the name");
	if (!status)
		status = clade_parse_skip_lines(parser);
	return status ? status : clade_parse_chain(parser, &item->other);
}

static enum clade_status parse_source(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *item, **tail;
	enum clade_status status = clade_parse_next(parser);

	if (!status)
		status = clade_parse_name(parser, "the source's name", false, &item);
	if (status)
		return status;
	item->kind = CLADE_AST_SOURCE;
	*out = item;
	tail = &item->body;
	status = clade_parse_skip_lines(parser);
	parser->in_source = true;
	if (!status)
		status = clade_parse_expect(parser, "{", "to begin the source");
	if (!status)
		status = clade_parse_skip_lines(parser);
	while (!status && !clade_parse_is(parser, "}")) {
		/* a prefix's strings are no templates with braces: harmless, they are read as texts */
		status = parse_map(parser, tail);
		if (!status)
			status = clade_parse_end_line(parser, "the mapping");
		if (!status)
			status = clade_parse_skip_lines(parser);
		tail = status ? tail : &(*tail)->next;
	}
	parser->in_source = false;
	return status ? status : clade_parse_expect(parser, "}", "to end the source");
}

/* block NAME(arguments) -> results { } */
static enum clade_status parse_block(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *item, *kid, **tail;
	enum clade_status status = clade_parse_next(parser);
	bool taken = true;

	if (!status)
		status = clade_parse_name(parser, "the block's name", false, &item);
	if (status)
		return status;
	item->kind = CLADE_AST_BLOCK;
	*out = item;
	status = clade_parse_expect(parser, "(", "before the block's arguments");
	while (!status && taken && !clade_parse_is(parser, ")")) {
		status = clade_parse_name(parser, "an argument's name", false, &kid);
		if (status)
			return status;
		clade_ast_add(item, kid);
		status = clade_parse_accept(parser, "=", &taken);
		if (!status && taken)
			status = clade_parse_expr(parser, &kid->body);
		if (!status)
			status = clade_parse_accept(parser, ",", &taken);
	}
	if (!status)
		status = clade_parse_expect(parser, ")", "or `,` after the argument");
	if (!status)
		status = clade_parse_expect(parser, "->", "and the results after the arguments");
	tail = &item->other;
	taken = true;
	while (!status && taken) {
		status = clade_parse_name(parser, "a result's name", false, tail);
		if (status)
			return status;
		tail = &(*tail)->next;
		status = clade_parse_accept(parser, ",", &taken);
	}
	return status ? status : clade_parse_body(parser, false, &item->body);
}

/* entry NAME [after NAME] [chunk NAME] { } */
static enum clade_status parse_entry(struct clade_parser *parser, struct clade_ast **out)
{
	struct clade_ast *item, *dim;
	enum clade_status status = clade_parse_next(parser);
	bool taken;

	if (!status)
		status = clade_parse_name(parser, "the entry's name", false, &item);
	if (status)
		return status;
	item->kind = CLADE_AST_ENTRY;
	*out = item;
	status = clade_parse_accept(parser, "after", &taken);
	if (!status && taken)
		status = clade_parse_name(parser, "the name of the entry before", false, &item->other);
	if (!status)
		status = clade_parse_accept(parser, "chunk", &taken);
	if (!status && taken) {
		status = clade_parse_name(parser, "the dim that may be chunked", false, &dim);
		if (!status)
			clade_ast_add(item, dim);
	}
	return status ? status : clade_parse_body(parser, true, &item->body);
}

static enum clade_status parse_item(struct clade_parser *parser, struct clade_ast ***tail)
{
	static const char *const words[] = { "model", "param", "dim",  "weight",  "state",   "source",
					     "block", "entry", "meta", "include", "require", NULL };
	struct clade_ast *item = NULL;
	const char *pin = NULL, *ignored;
	struct clade_ir_pos pos = parser->token.pos;
	enum clade_status status = CLADE_OK;

	if (clade_parse_is(parser, "@")) {
		status = clade_parse_pin(parser, &pin);
		if (!status)
			status = clade_parse_skip_lines(parser);
		if (status)
			return status;
		if (!clade_parse_is(parser, "block") && !clade_parse_is(parser, "entry") &&
		    !clade_parse_is(parser, "model"))
			return clade_fail_at(parser->diag, &pos, CLADE_MSG_GRAPH_PIN,
					     "a pin stands before `model` (for the whole file), a block, an entry or a "
					     "statement");
	}
	if (clade_parse_is(parser, "model"))
		status = parse_text_item(parser, CLADE_AST_MODEL, "the model's name in quotes", &item);
	else if (clade_parse_is(parser, "include"))
		status = parse_text_item(parser, CLADE_AST_INCLUDE, "a file's name in quotes", &item);
	else if (clade_parse_is(parser, "meta"))
		status = parse_meta(parser, &item);
	else if (clade_parse_is(parser, "require"))
		status = clade_parse_require(parser, &item);
	else if (clade_parse_is(parser, "source"))
		status = parse_source(parser, &item);
	else if (clade_parse_is(parser, "block"))
		status = parse_block(parser, &item);
	else if (clade_parse_is(parser, "entry"))
		status = parse_entry(parser, &item);
	else if (clade_parse_is(parser, "param"))
		status = parse_declarations(parser, CLADE_AST_PARAM, tail);
	else if (clade_parse_is(parser, "dim"))
		status = parse_declarations(parser, CLADE_AST_DIM, tail);
	else if (clade_parse_is(parser, "weight"))
		status = parse_declarations(parser, CLADE_AST_WEIGHT, tail);
	else if (clade_parse_is(parser, "state"))
		status = parse_declarations(parser, CLADE_AST_STATE, tail);
	else
		return parse_word(parser, words, "item of a graph file", &ignored);
	if (status || !item)
		return status;
	item->pin = pin;
	return add_item(tail, item);
}

static enum clade_status parse_header(struct clade_parser *parser)
{
	enum clade_status status = clade_parse_skip_lines(parser);
	bool taken;

	if (!status && parser->token.kind == CLADE_TOKEN_END)
		return clade_fail_at(parser->diag, &parser->token.pos, CLADE_MSG_GRAPH_VERSION,
				     "the file is empty; a graph file begins with `clade %d`", FORMAT_VERSION);
	if (!status)
		status = clade_parse_accept(parser, "clade", &taken);
	if (!status && !taken)
		return clade_fail_at(parser->diag, &parser->token.pos, CLADE_MSG_GRAPH_VERSION,
				     "no graph file; it must begin with `clade %d`", FORMAT_VERSION);
	if (!status && parser->token.kind != CLADE_TOKEN_INT)
		return clade_parse_unexpected(parser, "the format's version, as in `clade 1`");
	if (!status && parser->token.i != FORMAT_VERSION)
		return clade_fail_at(parser->diag, &parser->token.pos, CLADE_MSG_GRAPH_VERSION,
				     "format version %lld; this program reads version %d", (long long)parser->token.i,
				     FORMAT_VERSION);
	if (!status)
		status = clade_parse_next(parser);
	return status ? status : clade_parse_end_line(parser, "the version");
}

enum clade_status clade_parse_file(struct clade_region *region, const char *file, const char *text, size_t length,
				   struct clade_ast **out_items, struct clade_diag *diag)
{
	struct clade_parser parser = { .region = region, .diag = diag };
	struct clade_ast *items = NULL, **tail = &items;
	enum clade_status status = clade_lexer_init(&parser.lexer, region, file, text, length, diag);

	if (!status)
		status = clade_parse_next(&parser);
	if (!status)
		status = parse_header(&parser);
	if (!status)
		status = clade_parse_skip_lines(&parser);
	while (!status && parser.token.kind != CLADE_TOKEN_END) {
		status = parse_item(&parser, &tail);
		if (!status)
			status = clade_parse_end_line(&parser, "the item");
		if (!status && clade_parse_is(&parser, "}"))
			status = clade_parse_unexpected(&parser, "an item (param, dim, weight, entry, ...)");
		if (!status)
			status = clade_parse_skip_lines(&parser);
	}
	*out_items = status ? NULL : items;
	return status;
}

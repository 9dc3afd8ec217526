/* SPDX-License-Identifier: MIT */
/* A graph file as written: one kind of node for items, statements and expressions, and the parser's interface. */
#ifndef CLADE_AST_H
#define CLADE_AST_H

#include "lex.h"

enum clade_ast_kind {
	/* expressions */
	CLADE_AST_NAME, /* text; quoted */
	CLADE_AST_INT,
	CLADE_AST_FLOAT,
	CLADE_AST_STRING,
	CLADE_AST_BOOL, /* i */
	CLADE_AST_NONE,
	CLADE_AST_LIST,     /* kids */
	CLADE_AST_CALL,     /* text; kids: arguments, each with its `label` if named */
	CLADE_AST_INDEX,    /* text; kids: indices */
	CLADE_AST_UNARY,    /* text: "-" or "not"; one kid */
	CLADE_AST_BINARY,   /* text: the operator; two kids */
	CLADE_AST_CHAIN,    /* sources: kids are alternatives, `a else b` */
	CLADE_AST_STACK,    /* sources: text < kid 1 : kid 2 */
	CLADE_AST_TEMPLATE, /* a quoted key of a source, or a message; kids: texts and the expressions in braces */
	CLADE_AST_TYPE,     /* text: element type or "cache"; kids: dims */
	/* statements */
	CLADE_AST_ASSIGN,  /* targets in `other` (NAME); kid: expression */
	CLADE_AST_WRITE,   /* kids: state (NAME or INDEX), expression */
	CLADE_AST_FOR,     /* text: variable; kids: from, to; label: of the path; body */
	CLADE_AST_IF,      /* kid: condition; body; other: else */
	CLADE_AST_INPUT,   /* text; type; kid: default (NAME `range` or an expression) */
	CLADE_AST_OUTPUT,  /* text; type; kid: expression, or none */
	CLADE_AST_BOX,     /* text; kid: CALL or none; other: results (expressions); body */
	CLADE_AST_REQUIRE, /* kids: condition, message (TEMPLATE); an item too */
	/* items */
	CLADE_AST_MODEL,   /* text */
	CLADE_AST_PARAM,   /* text; label: type; body: default */
	CLADE_AST_DIM,     /* text; label: class */
	CLADE_AST_WEIGHT,  /* text; kids: counts of the indices; type */
	CLADE_AST_STATE,   /* likewise; body: a cache's window, or NULL */
	CLADE_AST_SOURCE,  /* text; body: maps and prefixes */
	CLADE_AST_MAP,     /* text; kids: index names; other: expression */
	CLADE_AST_PREFIX,  /* kids: strings */
	CLADE_AST_BLOCK,   /* text; kids: arguments (NAME; body: default); other: results; body */
	CLADE_AST_ENTRY,   /* text; other: NAME of the entry before; kid: NAME of the chunked dim; body */
	CLADE_AST_INCLUDE, /* text */
	CLADE_AST_META     /* text; kid: expression */
};
struct clade_ast {
	enum clade_ast_kind kind;
	uint32_t depth; /* of an expression's tree */
	struct clade_ir_pos pos;
	const char *text, *label, *pin;
	bool quoted;
	int64_t i;
	double f;
	struct clade_ast *first, *last, *next; /* kids, and the sibling */
	struct clade_ast *type, *body, *other; /* body, other: first of a list */
};

struct clade_parser {
	struct clade_lexer lexer;
	struct clade_region *region;
	struct clade_diag *diag;
	struct clade_token token;
	uint32_t brackets, depth;
	bool in_source;
};

/* The items of a file, after the line `clade 1`, as a list. The file's name is borrowed; it must live with the region.
 */
enum clade_status clade_parse_file(struct clade_region *region, const char *file, const char *text, size_t length,
				   struct clade_ast **out_items, struct clade_diag *diag);

/* ---- between the files of the parser ---- */
struct clade_ast *clade_parse_node(struct clade_parser *parser, enum clade_ast_kind kind);
void clade_ast_add(struct clade_ast *parent, struct clade_ast *kid);
enum clade_status clade_parse_next(struct clade_parser *parser);
bool clade_parse_is(const struct clade_parser *parser, const char *symbol_or_word);
/* Takes the symbol or word if it is next. */
enum clade_status clade_parse_accept(struct clade_parser *parser, const char *what, bool *out_taken);
enum clade_status clade_parse_expect(struct clade_parser *parser, const char *symbol, const char *after);
enum clade_status clade_parse_skip_lines(struct clade_parser *parser);
/* Whether `word` comes next, after any newlines, which are then skipped. */
enum clade_status clade_parse_ahead(struct clade_parser *parser, const char *word, bool *out_found);
enum clade_status clade_parse_end_line(struct clade_parser *parser, const char *after);
/* A name (`quotes`: backquotes allowed) that is no keyword; CLADE_AST_NAME. */
enum clade_status clade_parse_name(struct clade_parser *parser, const char *what, bool quotes, struct clade_ast **out);
enum clade_status clade_parse_unexpected(struct clade_parser *parser, const char *expected);
enum clade_status clade_parse_enter(struct clade_parser *parser);
enum clade_status clade_parse_expr(struct clade_parser *parser, struct clade_ast **out);
enum clade_status clade_parse_chain(struct clade_parser *parser, struct clade_ast **out); /* a else b */
enum clade_status clade_parse_type(struct clade_parser *parser, struct clade_ast **out);
/* "(" arguments ")" into `call` */
enum clade_status clade_parse_arguments(struct clade_parser *parser, struct clade_ast *call);
/* "{" statements "}" */
enum clade_status clade_parse_body(struct clade_parser *parser, bool entry, struct clade_ast **out);
/* The string that is next, with its {expressions}, as CLADE_AST_TEMPLATE in `node`; the string stays. */
enum clade_status clade_parse_template(struct clade_parser *parser, struct clade_ast *node);
/* require CONDITION, "message" */
enum clade_status clade_parse_require(struct clade_parser *parser, struct clade_ast **out);
enum clade_status clade_parse_pin(struct clade_parser *parser, const char **out_pin);

#endif

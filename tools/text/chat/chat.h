/* SPDX-License-Identifier: MIT */
/* A small Jinja: tokens, syntax tree, values, and the tables of filters, tests and methods. Internal to
 * tools/text/chat. */
#ifndef CLADE_TEXT_CHAT_H
#define CLADE_TEXT_CHAT_H

#include "../internal.h"

#include <clade/chat.h>

#include <time.h>

/* Memory that is freed as a whole. */
struct arena {
	struct clade_context *context;
	struct arena_block *blocks;
	size_t used, total, limit; /* limit: bytes of all blocks, 0: none */
};
/* Zeroed, aligned to 16 bytes; NULL: out of memory, or over the limit. */
void *arena_take(struct arena *arena, size_t bytes);
void arena_finish(struct arena *arena);

/* ---- tokens ---- */
enum token_kind {
	TOKEN_END,
	TOKEN_TEXT, /* between tags */
	TOKEN_OUTPUT_BEGIN,
	TOKEN_OUTPUT_END,
	TOKEN_BLOCK_BEGIN,
	TOKEN_BLOCK_END,
	TOKEN_NAME,
	TOKEN_STRING,
	TOKEN_INTEGER,
	TOKEN_FLOAT,
	TOKEN_SIGN /* text: "==", "(", ... */
};
struct chat_token {
	enum token_kind kind;
	uint32_t line, column;
	const char *text; /* in the arena, with a NUL behind it */
	size_t bytes;
	int64_t i;
	double f;
};
struct chat_source {
	struct clade_context *context;
	struct arena *arena;
	const char *name;
	struct clade_diag *diag;
};
/* The whole template as tokens, ended by TOKEN_END. */
enum clade_status chat_lex(const struct chat_source *source, const char *text, size_t bytes,
			   const struct chat_token **out);
enum clade_status chat_fail(const struct chat_source *source, uint32_t line, uint32_t column, const char *format, ...)
	CLADE_PRINTF(4, 5);
enum clade_status chat_fail_memory(const struct chat_source *source);

/* ---- the syntax tree ---- */
enum node_kind {
	/* expressions */
	NODE_STRING, /* text */
	NODE_INTEGER,
	NODE_FLOAT,
	NODE_BOOL, /* i */
	NODE_NONE,
	NODE_NAME,    /* text */
	NODE_LIST,    /* kids */
	NODE_TUPLE,   /* kids */
	NODE_DICT,    /* kids: key, value, key, value */
	NODE_MEMBER,  /* a.text */
	NODE_ITEM,    /* a[b] */
	NODE_SLICE,   /* a[b:c:d], any of the three NULL */
	NODE_CALL,    /* a(kids) */
	NODE_KEYWORD, /* in calls: text = a */
	NODE_FILTER,  /* a | text(kids) */
	NODE_TEST,    /* a is text(kids) */
	NODE_UNARY,   /* text a */
	NODE_BINARY,  /* a text b */
	NODE_COMPARE, /* a, then kids: NODE_BINARY with text and a */
	NODE_AND,
	NODE_OR,
	NODE_NOT,
	NODE_IF_ELSE, /* a if b else c; c may be NULL */
	/* statements */
	NODE_TEXT,
	NODE_OUTPUT,    /* a */
	NODE_IF,        /* a: kids, else b: a statement list in NODE_BODY */
	NODE_FOR,       /* for a in b if c: kids, else d */
	NODE_SET,       /* a = b */
	NODE_SET_BLOCK, /* a = the text of kids, through filters c (their innermost operand is NODE_NONE) */
	NODE_FILTERED,  /* kids through filters c */
	NODE_MACRO,     /* text(b: parameters as NODE_BODY of NODE_KEYWORD): kids */
	NODE_BREAK,
	NODE_CONTINUE,
	NODE_BODY /* kids */
};
struct node {
	enum node_kind kind;
	uint32_t line, column;
	const char *text;
	size_t bytes;
	int64_t i;
	double f;
	const struct node *a, *b, *c, *d;
	struct node *first, *last, *next; /* kids; the next sibling */
};

struct parser {
	const struct chat_source *source;
	const struct chat_token *at;
	uint32_t depth, loops;
};
enum clade_status chat_parse(const struct chat_source *source, const struct chat_token *tokens,
			     const struct node **out);
/* An expression; tuples without parentheses only if `tuple`. */
enum clade_status parse_expression(struct parser *parser, bool tuple, struct node **out);
/* What a loop goes over: an `if` behind it is the loop's own. */
enum clade_status parse_iterable(struct parser *parser, struct node **out);
/* What a loop or `set` assigns: names, also several. */
enum clade_status parse_target(struct parser *parser, struct node **out);
/* `| name(args) ...` onto `*node`; with tests if `tests`. */
enum clade_status parse_filters(struct parser *parser, bool tests, struct node **node);
enum clade_status parser_node(struct parser *parser, enum node_kind kind, struct node **out);
enum clade_status parser_expect(struct parser *parser, const char *sign, const char *after);
enum clade_status parser_unexpected(struct parser *parser, const char *wanted);
bool parser_is(const struct parser *parser, const char *sign);
bool parser_is_name(const struct parser *parser, const char *name);
void node_add(struct node *parent, struct node *kid);

/* ---- values ---- */
enum value_kind {
	VALUE_UNDEFINED, /* text: what it was called, for messages */
	VALUE_NONE,
	VALUE_BOOL,
	VALUE_INTEGER,
	VALUE_FLOAT,
	VALUE_STRING,
	VALUE_LIST,
	VALUE_TUPLE,
	VALUE_DICT,
	VALUE_NAMESPACE, /* a dict that `set` may change */
	VALUE_MACRO,
	VALUE_FUNCTION /* range, namespace, dict, raise_exception, strftime_now */
};
struct value {
	enum value_kind kind;
	const char *text; /* STRING, FUNCTION, UNDEFINED: a NUL behind it */
	size_t bytes;
	int64_t i; /* INTEGER, BOOL */
	double f;
	struct list *list;       /* LIST, TUPLE; DICT, NAMESPACE: key, value, key, value */
	const struct node *node; /* MACRO, with the scope it was defined in */
	struct scope *scope;
};
struct list {
	struct value *items;
	size_t count, room;
};

struct render;
/* Names and their values; inner ones hide outer ones. */
struct scope {
	struct scope *parent;
	struct list names; /* name, value, name, value */
};
const struct value *scope_find(const struct scope *scope, const char *name);
enum clade_status scope_set(struct render *render, struct scope *scope, const char *name, const struct value *value);
struct scope *scope_open(struct render *render, struct scope *parent); /* NULL: out of memory */

/* One rendering. */
struct render {
	struct chat_source source; /* its arena holds the values */
	const struct node *at;     /* where we are, for messages */
	struct scope *scope, *root;
	struct text_buffer *out;
	uint64_t steps;
	uint32_t depth, nest; /* of calls; of lists being printed */
	struct tm now;        /* what strftime_now tells, where the variables define it */
	enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } flow;
};
enum clade_status render_fail(struct render *render, const char *format, ...) CLADE_PRINTF(2, 3);
enum clade_status render_fail_memory(struct render *render);
enum clade_status render_step(struct render *render); /* counts work; an error when it is too much */

/* Values from nothing; false: out of memory. */
struct value value_bool(bool b);
struct value value_integer(int64_t i);
enum clade_status value_string(struct render *render, const char *text, size_t bytes, struct value *out);
enum clade_status value_list(struct render *render, enum value_kind kind, struct value *out);
enum clade_status list_push(struct render *render, struct list *list, const struct value *item);
enum clade_status dict_set(struct render *render, struct list *dict, const struct value *key, const struct value *item);
const struct value *dict_find(const struct list *dict, const struct value *key);
enum clade_status value_from_json(struct render *render, const json_t *json, struct value *out);

bool value_truth(const struct value *value);
bool value_equal(const struct value *a, const struct value *b);
bool value_is_number(const struct value *value); /* bools included, as in Python */
double value_number(const struct value *value);
/* -1, 0, 1; an error if they have no order. */
enum clade_status value_compare(struct render *render, const struct value *a, const struct value *b, int *out);
const char *value_kind_name(const struct value *value);
/* As Python's str(), or repr(). */
enum clade_status value_print(struct render *render, const struct value *value, bool repr, struct text_buffer *out);
/* As json.dumps(x, ensure_ascii=False, indent=indent); indent < 0: one line. */
enum clade_status value_json(struct render *render, const struct value *value, int64_t indent, bool sort_keys,
			     bool ascii, struct text_buffer *out);
enum clade_status value_to_string(struct render *render, const struct value *value, struct value *out);
/* The members of a list, the keys of a dict, the characters of a string. */
enum clade_status value_items(struct render *render, const struct value *value, struct list *out);
/* Characters of a string. */
size_t string_length(const struct value *string);

/* ---- calls ---- */
struct arguments {
	struct value *items; /* positional */
	size_t count;
	const char *names[16]; /* keyword */
	struct value values[16];
	size_t name_count;
};
enum clade_status eval(struct render *render, const struct node *node, struct value *out);
/* Statements; stops where render->flow says so. */
enum clade_status render_body(struct render *render, const struct node *body);
enum clade_status eval_arguments(struct render *render, const struct node *call, struct arguments *out);
enum clade_status call_macro(struct render *render, const struct value *macro, const struct arguments *arguments,
			     struct value *out);
enum clade_status call_function(struct render *render, const char *name, const struct arguments *arguments,
				struct value *out);
/* object.name(...) where the object's type has such a method; *out_found tells. */
enum clade_status call_method(struct render *render, const struct value *object, const char *name,
			      const struct arguments *arguments, struct value *out, bool *out_found);
enum clade_status apply_filter(struct render *render, const char *name, const struct value *value,
			       const struct arguments *arguments, struct value *out);
enum clade_status apply_test(struct render *render, const char *name, const struct value *value,
			     const struct arguments *arguments, bool *out);
enum clade_status eval_binary(struct render *render, const char *sign, const struct value *a, const struct value *b,
			      struct value *out);
enum clade_status eval_contains(struct render *render, const struct value *in, const struct value *item, bool *out);
enum clade_status eval_member(struct render *render, const struct value *object, const char *name, size_t bytes,
			      struct value *out);
enum clade_status eval_item(struct render *render, const struct value *object, const struct value *key,
			    struct value *out);
/* Argument `index`, or called `name`; NULL if it is not given. */
const struct value *argument(const struct arguments *arguments, size_t index, const char *name);
/* Whether there is a filter or test of this name; else the nearest. For the parser. */
bool find_filter(const char *name, const char **out_nearest);
bool find_test(const char *name, const char **out_nearest);

#endif

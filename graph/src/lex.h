/* SPDX-License-Identifier: MIT */
/* Words of a graph file, read one at a time. */
#ifndef CLADE_LEX_H
#define CLADE_LEX_H

#include "region.h"

enum clade_token_kind {
	CLADE_TOKEN_END,
	CLADE_TOKEN_NEWLINE, /* also ';' */
	CLADE_TOKEN_NAME,    /* an identifier, or any path in backquotes (`quoted`) */
	CLADE_TOKEN_STRING,
	CLADE_TOKEN_INT,
	CLADE_TOKEN_FLOAT,
	CLADE_TOKEN_SYMBOL /* text: "(", "->", "<-", "..", ... */
};
struct clade_token {
	enum clade_token_kind kind;
	struct clade_ir_pos pos;
	const char *text; /* NAME, STRING: in the region; SYMBOL: constant */
	bool quoted;
	int64_t i;
	double f;
};
struct clade_lexer {
	struct clade_region *region;
	struct clade_diag *diag;
	const char *file, *text;
	size_t length, at, counted; /* counted: up to here `column` is known */
	uint32_t line, column;
};
/* Checks the whole text (UTF-8, no NUL, no control characters) and skips a byte order mark. `text` must outlive the
 * lexer. */
enum clade_status clade_lexer_init(struct clade_lexer *lexer, struct clade_region *region, const char *file,
				   const char *text, size_t length, struct clade_diag *diag);
enum clade_status clade_lexer_next(struct clade_lexer *lexer, struct clade_token *out);
/* Whether `text` can stand in a graph file without backquotes. */
bool clade_is_identifier(const char *text);

#endif

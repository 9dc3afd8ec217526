/* SPDX-License-Identifier: MIT */
/* Words of a graph file: see lex.h and FORMAT.md. */
#include "lex.h"

#include <clade/messages.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORD 4096

/* Bytes of the UTF-8 sequence at `p` (shortest form, no surrogates, at most U+10FFFF), or 0. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	uint32_t code;
	size_t need = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (need == 0 || need > left)
		return 0;
	if (need == 1)
		return 1;
	code = p[0] & (0xffu >> (need + 1));
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	return code < least[need] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : need;
}

enum clade_status clade_lexer_init(struct clade_lexer *lexer, struct clade_region *region, const char *file,
				   const char *text, size_t length, struct clade_diag *diag)
{
	const unsigned char *bytes = (const unsigned char *)text;
	struct clade_ir_pos pos = { file, 1, 1 };
	size_t start = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	*lexer = (struct clade_lexer) { region, diag, file, text, length, start, start, 1, 1 };
	for (size_t at = start; at < length;) {
		size_t step = utf8_length(bytes + at, length - at);

		if (bytes[at] == 0)
			return clade_fail_at(diag, &pos, CLADE_MSG_GRAPH_ENCODING,
					     "a NUL byte; a graph file is UTF-8 text");
		if (step == 0)
			return clade_fail_at(diag, &pos, CLADE_MSG_GRAPH_ENCODING,
					     "byte 0x%02x is not UTF-8; a graph file is UTF-8 text", bytes[at]);
		if ((bytes[at] < 32 && !strchr("\t\n\r", bytes[at])) || bytes[at] == 127 ||
		    (bytes[at] == '\r' && (at + 1 == length || bytes[at + 1] != '\n')))
			return clade_fail_at(diag, &pos, CLADE_MSG_GRAPH_ENCODING,
					     "control character 0x%02x; only tab, newline and CR LF are allowed",
					     bytes[at]);
		pos.column++;
		if (bytes[at] == '\n') {
			pos.line++;
			pos.column = 1;
		}
		at += step;
	}
	return CLADE_OK;
}

static struct clade_ir_pos position(struct clade_lexer *lexer)
{
	for (; lexer->counted < lexer->at; lexer->counted++)
		lexer->column += (lexer->text[lexer->counted] & 0xc0) != 0x80;
	return (struct clade_ir_pos) { lexer->file, lexer->line, lexer->column };
}

static bool is_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool clade_is_identifier(const char *text)
{
	if (!is_start(*text))
		return false;
	while (is_start(*text) || is_digit(*text))
		text++;
	return *text == 0;
}

static char peek(const struct clade_lexer *lexer, size_t ahead)
{
	return lexer->at + ahead < lexer->length ? lexer->text[lexer->at + ahead] : 0;
}

static enum clade_status lex_number(struct clade_lexer *lexer, struct clade_token *out)
{
	size_t start = lexer->at;
	char *word;
	bool real = false;

	while (is_digit(peek(lexer, 0)))
		lexer->at++;
	if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
		real = true;
		lexer->at++;
		while (is_digit(peek(lexer, 0)))
			lexer->at++;
	}
	if (peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E') {
		size_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';

		if (is_digit(peek(lexer, 1 + sign))) {
			real = true;
			lexer->at += 2 + sign;
			while (is_digit(peek(lexer, 0)))
				lexer->at++;
		}
	}
	if (is_start(peek(lexer, 0)) || (peek(lexer, 0) == '.' && peek(lexer, 1) != '.') ||
	    lexer->at - start > MAX_WORD)
		return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_NUMBER,
				     "a malformed number; write 12, 0.5 or 1e-5 and a space before a name");
	word = clade_region_text(lexer->region, lexer->text + start, lexer->at - start, lexer->diag);
	if (!word)
		return CLADE_ERR_MEMORY;
	errno = 0;
	out->kind = real ? CLADE_TOKEN_FLOAT : CLADE_TOKEN_INT;
	out->text = word;
	out->f = strtod(word, NULL);
	if (!real)
		out->i = strtoll(word, NULL, 10);
	if (!isfinite(out->f) || (!real && errno == ERANGE))
		return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_NUMBER,
				     "the number %.40s%s is too large%s", word, strlen(word) > 40 ? "..." : "",
				     real ? "" : "; integers go to 9223372036854775807");
	return CLADE_OK;
}

/* A string or a backquoted name, up to `quote`. */
static enum clade_status lex_quoted(struct clade_lexer *lexer, struct clade_token *out, char quote)
{
	size_t start = ++lexer->at, length = 0;
	char *word;

	while (peek(lexer, 0) && peek(lexer, 0) != quote && peek(lexer, 0) != '\n') {
		lexer->at += quote == '"' && peek(lexer, 0) == '\\' && peek(lexer, 1) && peek(lexer, 1) != '\n' ? 2 : 1;
		if (lexer->at - start > MAX_WORD)
			return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_STRING,
					     "a quoted text of more than %d bytes", MAX_WORD);
	}
	if (peek(lexer, 0) != quote)
		return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_STRING,
				     "a quoted text that does not end on its line; add the closing %c", quote);
	word = clade_region_text(lexer->region, lexer->text + start, lexer->at - start, lexer->diag);
	if (!word)
		return CLADE_ERR_MEMORY;
	for (char *c = word; *c; c++) {
		if (quote == '"' && *c == '\\') {
			static const char from[] = "\"\\nt", to[] = "\"\\\n\t";
			const char *found = strchr(from, c[1]);

			if (!found)
				return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_STRING,
						     "unknown escape \\%c; known: \\\" \\\\ \\n \\t", c[1]);
			word[length++] = to[found - from];
			c++;
		} else {
			word[length++] = *c;
		}
	}
	word[length] = 0;
	lexer->at++;
	out->kind = quote == '"' ? CLADE_TOKEN_STRING : CLADE_TOKEN_NAME;
	out->quoted = quote == '`';
	out->text = word;
	if (out->quoted && length == 0)
		return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_STRING, "an empty name in backquotes");
	return CLADE_OK;
}

static enum clade_status lex_symbol(struct clade_lexer *lexer, struct clade_token *out)
{
	static const char *const symbols[] = {
		"->", "<-", "..", "==", "!=", "<=", ">=", "//", "**", "(", ")", "[", "]",
		"{",  "}",  ":",  ",",  "=",  "+",  "-",  "*",  "/",  "%", "<", ">", "@"
	};
	size_t left = lexer->length - lexer->at;

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		size_t length = strlen(symbols[i]);

		if (length <= left && memcmp(lexer->text + lexer->at, symbols[i], length) == 0) {
			lexer->at += length;
			out->kind = CLADE_TOKEN_SYMBOL;
			out->text = symbols[i];
			return CLADE_OK;
		}
	}
	if (lexer->text[lexer->at] & 0x80)
		return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_CHARACTER,
				     "a character outside ASCII; names are letters, digits and _, others only in "
				     "quoted texts and comments");
	return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_CHARACTER, "unexpected character `%c`%s",
			     lexer->text[lexer->at], lexer->text[lexer->at] == '\'' ? "; quote with \"" : "");
}

enum clade_status clade_lexer_next(struct clade_lexer *lexer, struct clade_token *out)
{
	size_t start;
	char c;

	memset(out, 0, sizeof(*out));
	while (strchr(" \t\r", peek(lexer, 0)) && peek(lexer, 0))
		lexer->at++;
	if (peek(lexer, 0) == '#')
		while (peek(lexer, 0) && peek(lexer, 0) != '\n')
			lexer->at++;
	out->pos = position(lexer);
	c = peek(lexer, 0);
	if (!c)
		return CLADE_OK;
	if (c == '\n' || c == ';') {
		out->kind = CLADE_TOKEN_NEWLINE;
		lexer->at++;
		if (c == '\n') {
			lexer->line++;
			lexer->counted = lexer->at;
			lexer->column = 1;
		}
		return CLADE_OK;
	}
	if (is_digit(c))
		return lex_number(lexer, out);
	if (c == '"' || c == '`')
		return lex_quoted(lexer, out, c);
	if (!is_start(c))
		return lex_symbol(lexer, out);
	start = lexer->at;
	while (is_start(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
		lexer->at++;
	if (lexer->at - start > MAX_WORD)
		return clade_fail_at(lexer->diag, &out->pos, CLADE_MSG_GRAPH_STRING, "a name of more than %d bytes",
				     MAX_WORD);
	out->kind = CLADE_TOKEN_NAME;
	out->text = clade_region_text(lexer->region, lexer->text + start, lexer->at - start, lexer->diag);
	return out->text ? CLADE_OK : CLADE_ERR_MEMORY;
}

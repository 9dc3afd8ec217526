/* SPDX-License-Identifier: MIT */
/* Chat templates: text and tags to tokens, with the white space around tags as trim_blocks and lstrip_blocks say. */
#include "chat.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	size_t size;
};

void *arena_take(struct arena *arena, size_t bytes)
{
	size_t need;
	if (!clade_size_add(bytes, 15, &need))
		return NULL;
	need &= ~(size_t)15;
	if (arena->blocks == NULL || arena->blocks->size - arena->used < need) {
		size_t size = need > 16384 ? need : 16384, whole;
		if (!clade_size_add(size, sizeof(struct arena_block) + 16, &whole) ||
		    (arena->limit != 0 && whole > arena->limit - arena->total))
			return NULL;
		struct arena_block *block = clade_alloc(arena->context, whole);
		if (block == NULL)
			return NULL;
		*block = (struct arena_block) { arena->blocks, size };
		arena->blocks = block;
		arena->total += whole;
		arena->used = 0;
	}
	void *taken = (char *)(arena->blocks + 1) + arena->used;
	arena->used += need;
	return taken;
}

void arena_finish(struct arena *arena)
{
	while (arena->blocks != NULL) {
		struct arena_block *next = arena->blocks->next;
		clade_free(arena->context, arena->blocks);
		arena->blocks = next;
	}
	arena->used = arena->total = 0;
}

enum clade_status chat_fail(const struct chat_source *source, uint32_t line, uint32_t column, const char *format, ...)
{
	char where[300];
	va_list args;
	snprintf(where, sizeof(where), "%.250s:%u:%u", source->name, line, column);
	va_start(args, format);
	enum clade_status status =
		clade_fail_v(source->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_TEMPLATE, where, format, args);
	va_end(args);
	return status;
}

enum clade_status chat_fail_memory(const struct chat_source *source)
{
	const struct arena *arena = source->arena;
	if (arena->limit != 0 && arena->total > arena->limit / 2)
		return clade_fail(source->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_TEMPLATE, source->name,
				  "the template needs more than %zu MiB", arena->limit >> 20);
	return clade_fail_memory(source->diag, arena->total, "a chat template");
}

struct lexer {
	const struct chat_source *source;
	const char *text;
	size_t bytes, at;
	size_t counted; /* up to here line and column are known */
	uint32_t line, column;
	struct chat_token *tokens;
	size_t count, room;
	char open[64]; /* the brackets that are open */
	size_t depth;
	bool line_starts; /* the tag before ended with a newline */
};

/* Bytes of the white space character at `text`, 0 if it is another. */
static size_t space_length(const char *text, size_t bytes)
{
	int length = utf8_length(text, bytes);
	if (length == 1)
		return *text == ' ' || (*text >= '\t' && *text <= '\r') || (*text >= 0x1c && *text <= 0x1f);
	return length > 1 && is_white_space(utf8_point(text, length)) ? (size_t)length : 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static void count_to(struct lexer *lexer, size_t at)
{
	if (at < lexer->counted) {
		lexer->counted = 0;
		lexer->line = lexer->column = 1;
	}
	for (; lexer->counted < at; lexer->counted++) {
		unsigned char c = (unsigned char)lexer->text[lexer->counted];
		if (c == '\n')
			lexer->line++, lexer->column = 1;
		else if ((c & 0xc0) != 0x80)
			lexer->column++;
	}
}

static enum clade_status fail_here(struct lexer *lexer, size_t at, const char *rule)
{
	count_to(lexer, at);
	return chat_fail(lexer->source, lexer->line, lexer->column, "%s", rule);
}

/* The text is copied into the arena. */
static enum clade_status add_token(struct lexer *lexer, enum token_kind kind, size_t at, const char *text, size_t bytes)
{
	if (lexer->count == lexer->room) {
		size_t room = lexer->room * 2 + 256;
		struct chat_token *grown = arena_take(lexer->source->arena, room * sizeof(*grown));
		if (grown == NULL)
			return chat_fail_memory(lexer->source);
		if (lexer->count > 0)
			memcpy(grown, lexer->tokens, lexer->count * sizeof(*grown));
		lexer->tokens = grown;
		lexer->room = room;
	}
	char *copy = arena_take(lexer->source->arena, bytes + 1);
	if (copy == NULL)
		return chat_fail_memory(lexer->source);
	if (bytes > 0)
		memcpy(copy, text, bytes);
	count_to(lexer, at);
	lexer->tokens[lexer->count++] = (struct chat_token) {
		.kind = kind, .line = lexer->line, .column = lexer->column, .text = copy, .bytes = bytes
	};
	return CLADE_OK;
}

static bool starts(const struct lexer *lexer, size_t at, const char *word)
{
	size_t length = strlen(word);
	return lexer->bytes - at >= length && memcmp(lexer->text + at, word, length) == 0;
}

static size_t skip_space(const struct lexer *lexer, size_t at)
{
	for (size_t length = 1; at < lexer->bytes && length > 0; at += length)
		length = space_length(lexer->text + at, lexer->bytes - at);
	return at;
}

/* ---- strings and numbers ---- */

static size_t put_point(char *out, uint32_t point)
{
	if (point < 0x80)
		return out[0] = (char)point, 1;
	if (point < 0x800)
		return out[0] = (char)(0xc0 | point >> 6), out[1] = (char)(0x80 | (point & 63)), 2;
	if (point < 0x10000)
		return out[0] = (char)(0xe0 | point >> 12), out[1] = (char)(0x80 | (point >> 6 & 63)),
		       out[2] = (char)(0x80 | (point & 63)), 3;
	return out[0] = (char)(0xf0 | point >> 18), out[1] = (char)(0x80 | (point >> 12 & 63)),
	       out[2] = (char)(0x80 | (point >> 6 & 63)), out[3] = (char)(0x80 | (point & 63)), 4;
}

/* `count` hexadecimal digits at `at`; -1 if they are not there or no character. */
static int64_t read_hex(const struct lexer *lexer, size_t at, size_t count)
{
	char digits[9] = "";
	if (lexer->bytes - at < count)
		return -1;
	memcpy(digits, lexer->text + at, count);
	if (strspn(digits, "0123456789abcdefABCDEF") != count)
		return -1;
	int64_t point = (int64_t)strtoul(digits, NULL, 16);
	return point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? -1 : point;
}

/* One escape, as Python's; `*at` is behind the backslash. */
static enum clade_status read_escape(struct lexer *lexer, size_t *at, char *out, size_t *length)
{
	static const char from[] = "ntr\\'\"abfv", to[] = "\n\t\r\\'\"\a\b\f\v";
	char c = lexer->text[*at];
	const char *known = strchr(from, c);
	size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	if (c != '\0' && known != NULL) {
		out[(*length)++] = to[known - from];
		(*at)++;
	} else if (c == '\n') {
		(*at)++;
	} else if (digits > 0) {
		int64_t point = read_hex(lexer, *at + 1, digits);
		if (point < 0)
			return fail_here(lexer, *at, "this escape is no Unicode character");
		*length += put_point(out + *length, (uint32_t)point);
		*at += 1 + digits;
	} else if (c >= '0' && c <= '7') {
		uint32_t point = 0;
		for (int i = 0; i < 3 && *at < lexer->bytes && lexer->text[*at] >= '0' && lexer->text[*at] <= '7'; i++)
			point = point * 8 + (uint32_t)(lexer->text[(*at)++] - '0');
		*length += put_point(out + *length, point);
	} else if (c == 'N') {
		return fail_here(lexer, *at, "escapes by a character's name are not supported");
	} else {
		out[(*length)++] = '\\'; /* unknown ones stay as they are */
	}
	return CLADE_OK;
}

static enum clade_status lex_string(struct lexer *lexer)
{
	size_t begin = lexer->at, at = begin + 1, end = at, length = 0;
	char quote = lexer->text[begin];
	while (end < lexer->bytes && lexer->text[end] != quote)
		end += lexer->text[end] == '\\' ? 2 : 1;
	if (end >= lexer->bytes)
		return fail_here(lexer, begin, "this string does not end");
	char *out = arena_take(lexer->source->arena, end - begin + 8);
	enum clade_status status = out != NULL ? CLADE_OK : chat_fail_memory(lexer->source);
	while (status == CLADE_OK && at < end) {
		if (lexer->text[at] != '\\')
			out[length++] = lexer->text[at++];
		else
			at++, status = read_escape(lexer, &at, out, &length);
	}
	if (status != CLADE_OK)
		return status;
	lexer->at = end + 1;
	return add_token(lexer, TOKEN_STRING, begin, out, length);
}

static enum clade_status lex_number(struct lexer *lexer)
{
	size_t begin = lexer->at, at = begin, length = 0;
	char digits[64], *end;
	bool real = false;
	while (at < lexer->bytes && length + 1 < sizeof(digits)) {
		char c = lexer->text[at], next = at + 1 < lexer->bytes ? lexer->text[at + 1] : '\0';
		bool sign = (next == '+' || next == '-') && at + 2 < lexer->bytes;
		if (is_digit(c)) {
			digits[length++] = c;
		} else if (c == '.' && !real && is_digit(next)) {
			digits[length++] = c;
			real = true;
		} else if ((c == 'e' || c == 'E') && (is_digit(next) || (sign && is_digit(lexer->text[at + 2])))) {
			digits[length++] = c;
			digits[length++] = next;
			real = true;
			at++;
		} else if (c != '_' || !is_digit(next)) {
			break;
		}
		at++;
	}
	digits[length] = '\0';
	if (at < lexer->bytes && is_letter(lexer->text[at]))
		return fail_here(lexer, begin, "numbers are decimal here, and no name follows them directly");
	lexer->at = at;
	enum clade_status status =
		add_token(lexer, real ? TOKEN_FLOAT : TOKEN_INTEGER, begin, lexer->text + begin, at - begin);
	if (status != CLADE_OK)
		return status;
	struct chat_token *token = &lexer->tokens[lexer->count - 1];
	errno = 0;
	if (real)
		token->f = strtod(digits, &end);
	else
		token->i = strtoll(digits, &end, 10);
	if (errno != 0 || *end != '\0' || (real && !isfinite(token->f)))
		return fail_here(lexer, begin, "this number is too large");
	return CLADE_OK;
}

/* ---- inside a tag ---- */

static enum clade_status lex_sign(struct lexer *lexer)
{
	static const char *const signs[] = { "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
					     "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", "," };
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		const char *sign = signs[i];
		if (!starts(lexer, lexer->at, sign))
			continue;
		if (strchr("([{", sign[0]) != NULL) {
			if (lexer->depth == sizeof(lexer->open))
				return fail_here(lexer, lexer->at, "more than 64 brackets are open");
			lexer->open[lexer->depth++] = sign[0] == '(' ? ')' : sign[0] == '[' ? ']' : '}';
		} else if (strchr(")]}", sign[0]) != NULL) {
			if (lexer->depth == 0 || lexer->open[lexer->depth - 1] != sign[0])
				return fail_here(lexer, lexer->at, "this bracket closes none that is open");
			lexer->depth--;
		}
		size_t at = lexer->at;
		lexer->at += strlen(sign);
		return add_token(lexer, TOKEN_SIGN, at, sign, strlen(sign));
	}
	return fail_here(lexer, lexer->at, "this character has no meaning in a tag");
}

/* The end of a tag at the present place: its length with the white space it takes, 0 if there is none. */
static size_t tag_end(const struct lexer *lexer, const char *closing, bool trims)
{
	size_t at = lexer->at;
	char sign = lexer->text[at];
	if (sign == '-' || (sign == '+' && trims))
		at++;
	else
		sign = '\0';
	if (!starts(lexer, at, closing))
		return 0;
	at += strlen(closing);
	if (sign == '-')
		at = skip_space(lexer, at);
	else if (sign == '\0' && trims && at < lexer->bytes && lexer->text[at] == '\n')
		at++;
	return at - lexer->at;
}

/* Tokens up to and with the end of the tag. */
static enum clade_status lex_tag(struct lexer *lexer, bool block)
{
	size_t begin = lexer->at;
	enum clade_status status = CLADE_OK;
	while (status == CLADE_OK) {
		lexer->at = skip_space(lexer, lexer->at);
		if (lexer->at >= lexer->bytes)
			return fail_here(lexer, begin, "this tag does not end");
		size_t end = lexer->depth == 0 ? tag_end(lexer, block ? "%}" : "}}", block) : 0;
		if (end > 0) {
			status = add_token(lexer, block ? TOKEN_BLOCK_END : TOKEN_OUTPUT_END, lexer->at, "", 0);
			lexer->at += end;
			lexer->line_starts = lexer->text[lexer->at - 1] == '\n';
			return status;
		}
		char c = lexer->text[lexer->at];
		if (c == '"' || c == '\'') {
			status = lex_string(lexer);
		} else if (is_digit(c)) {
			status = lex_number(lexer);
		} else if (is_letter(c)) {
			size_t from = lexer->at;
			while (lexer->at < lexer->bytes &&
			       (is_letter(lexer->text[lexer->at]) || is_digit(lexer->text[lexer->at])))
				lexer->at++;
			status = add_token(lexer, TOKEN_NAME, from, lexer->text + from, lexer->at - from);
		} else {
			status = lex_sign(lexer);
		}
	}
	return status;
}

/* ---- between tags ---- */

static enum clade_status add_text(struct lexer *lexer, size_t from, size_t to, char sign, bool output)
{
	size_t line = to;
	if (sign == '-') {
		for (size_t at = to; at > from; to = at) {
			do
				at--;
			while (at > from && ((unsigned char)lexer->text[at] & 0xc0) == 0x80);
			if (space_length(lexer->text + at, to - at) == 0)
				break;
		}
	} else if (sign != '+' && !output) { /* lstrip_blocks: nothing but white space since the line's begin */
		while (line > from && lexer->text[line - 1] != '\n')
			line--;
		if ((line > from || lexer->line_starts) && skip_space(lexer, line) >= to)
			to = line;
	}
	return to > from ? add_token(lexer, TOKEN_TEXT, from, lexer->text + from, to - from) : CLADE_OK;
}

/* Whether `{% word %}` stands at `at`; *out_end is behind it, *out_sign its first sign. Ends as `trims` says. */
static bool is_tag(struct lexer *lexer, size_t at, const char *word, bool trims, size_t *out_end, char *out_sign)
{
	size_t saved = lexer->at, end;
	if (!starts(lexer, at, "{%"))
		return false;
	at += 2;
	*out_sign = at < lexer->bytes && (lexer->text[at] == '-' || lexer->text[at] == '+') ? lexer->text[at] : '\0';
	at = skip_space(lexer, at + (*out_sign != '\0'));
	if (!starts(lexer, at, word))
		return false;
	lexer->at = skip_space(lexer, at + strlen(word));
	end = lexer->at < lexer->bytes ? tag_end(lexer, "%}", true) : 0;
	if (end > 0 && !trims && lexer->text[lexer->at] == '%')
		end = 2; /* the newline behind {% raw %} stays */
	*out_end = lexer->at + end;
	lexer->at = saved;
	return end > 0;
}

/* From behind {% raw %} to behind {% endraw %}. */
static enum clade_status lex_raw(struct lexer *lexer)
{
	size_t begin = lexer->at, end;
	char sign;
	for (size_t at = begin; at < lexer->bytes; at++) {
		if (lexer->text[at] != '{' || !is_tag(lexer, at, "endraw", true, &end, &sign))
			continue;
		enum clade_status status = add_text(lexer, begin, at, sign, false);
		lexer->at = end;
		lexer->line_starts = lexer->text[end - 1] == '\n';
		return status;
	}
	return fail_here(lexer, begin, "the raw text does not end; {% endraw %} is missing");
}

static enum clade_status lex_comment(struct lexer *lexer)
{
	size_t begin = lexer->at;
	lexer->at += 2;
	if (lexer->at < lexer->bytes && (lexer->text[lexer->at] == '-' || lexer->text[lexer->at] == '+'))
		lexer->at++;
	for (; lexer->at < lexer->bytes; lexer->at++) {
		size_t end = tag_end(lexer, "#}", true);
		if (end == 0)
			continue;
		lexer->at += end;
		lexer->line_starts = lexer->text[lexer->at - 1] == '\n';
		return CLADE_OK;
	}
	return fail_here(lexer, begin, "this comment does not end");
}

/* One tag at `at`, with the text before it. */
static enum clade_status lex_opening(struct lexer *lexer, size_t from, size_t at)
{
	char kind = lexer->text[at + 1], sign = at + 2 < lexer->bytes ? lexer->text[at + 2] : '\0';
	size_t end;
	sign = sign == '-' || sign == '+' ? sign : '\0';
	enum clade_status status = add_text(lexer, from, at, sign, kind == '{');
	lexer->at = at;
	if (status != CLADE_OK)
		return status;
	if (kind == '#')
		return lex_comment(lexer);
	lexer->line_starts = false;
	if (is_tag(lexer, at, "raw", false, &end, &sign)) {
		lexer->at = end;
		lexer->line_starts = lexer->text[end - 1] == '\n';
		return lex_raw(lexer);
	}
	status = add_token(lexer, kind == '{' ? TOKEN_OUTPUT_BEGIN : TOKEN_BLOCK_BEGIN, at, "", 0);
	lexer->at = at + 2 + (sign != '\0');
	return status == CLADE_OK ? lex_tag(lexer, kind == '%') : status;
}

/* Line ends become \n, and the last one goes. */
static char *normalize(const struct chat_source *source, const char *text, size_t bytes, size_t *out_bytes)
{
	char *copy = arena_take(source->arena, bytes + 1);
	size_t length = 0;
	for (size_t i = 0; copy != NULL && i < bytes; i++) {
		copy[length++] = text[i] == '\r' ? '\n' : text[i];
		i += text[i] == '\r' && i + 1 < bytes && text[i + 1] == '\n';
	}
	if (length > 0 && copy != NULL && copy[length - 1] == '\n')
		length--;
	*out_bytes = length;
	return copy;
}

enum clade_status chat_lex(const struct chat_source *source, const char *text, size_t bytes,
			   const struct chat_token **out)
{
	struct lexer lexer = { .source = source, .line = 1, .column = 1, .line_starts = true };
	size_t wrong = utf8_check(text, bytes), from = 0;
	lexer.text = normalize(source, text, bytes, &lexer.bytes);
	if (lexer.text == NULL)
		return chat_fail_memory(source);
	if (wrong < bytes)
		return fail_here(&lexer, wrong < lexer.bytes ? wrong : lexer.bytes, "the template is not UTF-8 here");
	enum clade_status status = CLADE_OK;
	for (size_t at = 0; status == CLADE_OK && at + 1 < lexer.bytes;) {
		char next = lexer.text[at + 1];
		if (lexer.text[at] != '{' || (next != '{' && next != '%' && next != '#')) {
			at++;
			continue;
		}
		status = lex_opening(&lexer, from, at);
		from = at = lexer.at;
	}
	if (status == CLADE_OK && from < lexer.bytes)
		status = add_token(&lexer, TOKEN_TEXT, from, lexer.text + from, lexer.bytes - from);
	if (status == CLADE_OK)
		status = add_token(&lexer, TOKEN_END, lexer.bytes, "", 0);
	*out = lexer.tokens;
	return status;
}

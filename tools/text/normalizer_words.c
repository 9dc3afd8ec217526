/* SPDX-License-Identifier: MIT */
/* The words of a text as llama.cpp finds them for WordPiece: a little different from BertNormalizer, since of a
 * character that can be taken apart it keeps the first part only, and since it knows a newer Unicode. Words come out
 * with WORD_START before each and a space between. One within a word is no more than a character: a token that begins
 * with it can stand there, too. */
#include "normalizer_words.h"
#include "unicode.h"

#include <utf8proc.h>

static bool is_kind(utf8proc_category_t category, utf8proc_category_t first, utf8proc_category_t last)
{
	return category >= first && category <= last;
}

static bool stands_alone(int32_t point, utf8proc_category_t category)
{
	bool symbol = is_kind(category, UTF8PROC_CATEGORY_SM, UTF8PROC_CATEGORY_SO);
	return is_kind(category, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO) || (point < 0x7f && symbol) ||
	       unicode_is_chinese(point);
}

/* A character of a word, which it may begin. */
static bool add_to_word(int32_t point, struct text_buffer *out)
{
	bool begins = out->count == 0 || out->bytes[out->count - 1] == ' ';
	return (!begins || text_add(out, WORD_START, WORD_START_BYTES)) && unicode_add(out, point);
}

static bool add_character(int32_t point, int64_t flags, struct text_buffer *out)
{
	utf8proc_int32_t parts[16];
	if ((flags & WORDS_KEEP_ACCENTS) == 0 &&
	    utf8proc_decompose_char(point, parts, 16, UTF8PROC_DECOMPOSE, NULL) > 0)
		point = parts[0];
	utf8proc_category_t category = utf8proc_category(point);
	bool other = category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
		     category == UTF8PROC_CATEGORY_CO;
	bool mark = is_kind(category, UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME);
	if (is_white_space(point))
		return text_add(out, " ", 1);
	if (point == 0 || point == 0xfffd || other || (mark && (flags & WORDS_KEEP_ACCENTS) == 0))
		return true;
	int32_t lower = (flags & WORDS_KEEP_CASE) == 0 ? utf8proc_tolower(point) : point;
	if (!stands_alone(point, category))
		return add_to_word(lower, out);
	return text_add(out, " ", 1) && add_to_word(lower, out) && text_add(out, " ", 1);
}

static enum clade_status normalize(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				   struct clade_diag *diag)
{
	bool fine = true;
	for (size_t at = 0, length; at < bytes && fine; at += length) {
		length = (size_t)utf8_length(text + at, bytes - at);
		fine = add_character(utf8_point(text + at, (int)length), part->flags, out);
	}
	return fine ? CLADE_OK : clade_fail_memory(diag, bytes, "normalized text");
}

const struct part_kind normalizer_words = { .type = "Words", .normalize = normalize };

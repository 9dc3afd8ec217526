/* SPDX-License-Identifier: MIT */
/* Unicode as Hugging Face's tokenizers have it: their libraries know different, mostly older, versions than the system,
 * and the same text must give the same ids. The tables are made by make_unicode.py. */
#include "unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

struct unicode_range {
	int32_t first, last;
};
#include "unicode_tables.h"

#define TABLE(name)                                                                                                    \
	{                                                                                                              \
		name, sizeof(name) / sizeof((name)[0])                                                                 \
	}
static const struct {
	const struct unicode_range *ranges;
	size_t count;
} classes[] = {
	[UNICODE_PUNCTUATION] = TABLE(punctuation),
	[UNICODE_NONSPACING] = TABLE(nonspacing),
	[UNICODE_MARK] = TABLE(marks),
	[UNICODE_OTHER] = TABLE(others),
	[UNICODE_UNKNOWN] = TABLE(unknown),
};

bool unicode_is(enum unicode_class class, int32_t point)
{
	const struct unicode_range *ranges = classes[class].ranges;
	size_t low = 0, high = classes[class].count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (point > ranges[middle].last)
			low = middle + 1;
		else if (point < ranges[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}

bool unicode_is_chinese(int32_t p)
{
	static const struct unicode_range blocks[] = {
		{ 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },   { 0xf900, 0xfaff },   { 0x20000, 0x2a6df },
		{ 0x2a700, 0x2b73f }, { 0x2b740, 0x2b81f }, { 0x2b920, 0x2ceaf }, { 0x2f800, 0x2fa1f },
	};
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (p >= blocks[i].first && p <= blocks[i].last)
			return true;
	return false;
}

bool unicode_add(struct text_buffer *out, int32_t point)
{
	utf8proc_uint8_t bytes[4];
	utf8proc_ssize_t count = utf8proc_encode_char(point, bytes);
	return text_add(out, (const char *)bytes, (size_t)count);
}

/* Rust's char::to_lowercase: simple lower case, but U+0130 becomes two characters. */
bool unicode_add_lower(struct text_buffer *out, int32_t point)
{
	if (point == 0x130)
		return text_add(out, "i\xcc\x87", 3);
	for (size_t i = 0; i < sizeof(newer_lower) / sizeof(newer_lower[0]); i++)
		if (point >= newer_lower[i].first && point <= newer_lower[i].last)
			return unicode_add(out, point + newer_lower[i].distance);
	return unicode_add(out, utf8proc_tolower(point));
}

static enum clade_status map(utf8proc_option_t options, const char *text, size_t bytes, struct text_buffer *out,
			     struct clade_diag *diag)
{
	utf8proc_uint8_t *mapped = NULL;
	utf8proc_ssize_t count =
		utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes, &mapped, options);
	if (count < 0)
		return count == UTF8PROC_ERROR_NOMEM ? clade_fail_memory(diag, bytes, "normalized text")
						     : clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UTF8, NULL,
								  "normalization failed: %s", utf8proc_errmsg(count));
	bool fine = text_add(out, (const char *)mapped, (size_t)count);
	free(mapped);
	return fine ? CLADE_OK : clade_fail_memory(diag, bytes, "normalized text");
}

/* End of the stretch of characters from `at` that normalization must see together: an ASCII character followed by an
 * ASCII one changes nothing around it, and what Unicode 9.0 does not know stands for itself. */
static size_t stretch_end(const char *text, size_t bytes, size_t at, bool *out_plain)
{
	size_t end = at;
	while (end < bytes && (unsigned char)text[end] < 0x80)
		end++;
	if (end == bytes || end > at + 1) {
		*out_plain = true;
		return end == bytes ? end : end - 1;
	}
	*out_plain = false;
	for (end = at; end < bytes;) {
		int length = utf8_length(text + end, bytes - end);
		if (length == 1 && end > at)
			break;
		if (length > 1 && unicode_is(UNICODE_UNKNOWN, utf8_point(text + end, length))) {
			*out_plain = end == at;
			return end == at ? end + (size_t)length : end;
		}
		end += (size_t)length;
	}
	return end;
}

enum clade_status unicode_normalize(enum unicode_form form, const char *text, size_t bytes, struct text_buffer *out,
				    struct clade_diag *diag)
{
	static const int options[] = {
		[UNICODE_NFC] = UTF8PROC_COMPOSE,
		[UNICODE_NFKC] = UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
		[UNICODE_NFD] = UTF8PROC_DECOMPOSE,
		[UNICODE_NFKD] = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
	};
	enum clade_status status = CLADE_OK;
	for (size_t at = 0, end; at < bytes && status == CLADE_OK; at = end) {
		bool plain;
		end = stretch_end(text, bytes, at, &plain);
		if (!plain)
			status = map((utf8proc_option_t)(UTF8PROC_STABLE | options[form]), text + at, end - at, out,
				     diag);
		else if (!text_add(out, text + at, end - at))
			status = clade_fail_memory(diag, bytes, "normalized text");
	}
	return status;
}

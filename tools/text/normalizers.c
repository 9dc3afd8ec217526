/* SPDX-License-Identifier: MIT */
/* Normalizers: text to text, before it is cut. To add one: a function and a row in the table at the end. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static enum clade_status fail_memory(struct clade_diag *diag, size_t bytes)
{
	return clade_fail_memory(diag, bytes, "normalized text");
}

/* Rust's char::to_lowercase, which Hugging Face uses: simple lower case, but U+0130 becomes two characters. */
static enum clade_status lowercase(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				   struct clade_diag *diag)
{
	(void)part;
	for (size_t at = 0; at < bytes;) {
		int length = utf8_length(text + at, bytes - at);
		int32_t point = utf8_point(text + at, length);
		utf8proc_uint8_t lower[4];
		utf8proc_ssize_t count = utf8proc_encode_char(utf8proc_tolower(point), lower);
		bool fine = point == 0x130 ? text_add(out, "i\xcc\x87", 3)
					   : text_add(out, (const char *)lower, (size_t)count);
		if (!fine)
			return fail_memory(diag, bytes);
		at += (size_t)length;
	}
	return CLADE_OK;
}

static enum clade_status normal_form(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				     struct clade_diag *diag)
{
	utf8proc_uint8_t *mapped = NULL;
	utf8proc_ssize_t count = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes, &mapped,
					      (utf8proc_option_t)part->flags);
	if (count < 0)
		return count == UTF8PROC_ERROR_NOMEM ? fail_memory(diag, bytes)
						     : clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UTF8, NULL,
								  "normalization failed: %s", utf8proc_errmsg(count));
	bool fine = text_add(out, (const char *)mapped, (size_t)count);
	free(mapped);
	return fine ? CLADE_OK : fail_memory(diag, bytes);
}

#define FORM(name, options)                                                                                            \
	static enum clade_status parse_##name(const struct part_source *source, const json_t *json, struct part *part) \
	{                                                                                                              \
		(void)source, (void)json;                                                                              \
		part->flags = UTF8PROC_STABLE | (options);                                                             \
		return CLADE_OK;                                                                                       \
	}
FORM(nfc, UTF8PROC_COMPOSE)
FORM(nfkc, UTF8PROC_COMPOSE | UTF8PROC_COMPAT)
FORM(nfd, UTF8PROC_DECOMPOSE)
FORM(nfkd, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT)

enum { STRIP_LEFT = 1, STRIP_RIGHT = 2 };

static enum clade_status parse_strip(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *left = json_object_get(json, "strip_left"), *right = json_object_get(json, "strip_right");
	if (!json_is_boolean(left) || !json_is_boolean(right))
		return text_damaged(source, "normalizer Strip needs strip_left and strip_right, true or false");
	part->flags = (json_is_true(left) ? STRIP_LEFT : 0) | (json_is_true(right) ? STRIP_RIGHT : 0);
	return CLADE_OK;
}

static enum clade_status strip(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
			       struct clade_diag *diag)
{
	size_t start = 0, end = bytes, last = 0;
	for (size_t at = 0; at < bytes;) { /* `last`: behind the last character that is not white space */
		int length = utf8_length(text + at, bytes - at);
		at += (size_t)length;
		if (!is_white_space(utf8_point(text + at - length, length)))
			last = at;
		else if (last == 0 && (part->flags & STRIP_LEFT) != 0)
			start = at;
	}
	if ((part->flags & STRIP_RIGHT) != 0)
		end = last > start ? last : start;
	return text_add(out, text + start, end - start) ? CLADE_OK : fail_memory(diag, bytes);
}

const struct part_kind normalizer_kinds[] = {
	{ "Lowercase", NULL, NULL, lowercase },
	{ "NFC", parse_nfc, NULL, normal_form },
	{ "NFKC", parse_nfkc, NULL, normal_form },
	{ "NFD", parse_nfd, NULL, normal_form },
	{ "NFKD", parse_nfkd, NULL, normal_form },
	{ "Strip", parse_strip, NULL, strip },
	{ NULL },
};

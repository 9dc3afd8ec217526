/* SPDX-License-Identifier: MIT */
/* Normalizers: text to text, before it is cut. */
#include "unicode.h"

#include <string.h>

static enum clade_status fail_memory(struct clade_diag *diag, size_t bytes)
{
	return clade_fail_memory(diag, bytes, "normalized text");
}

static enum clade_status lowercase(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				   struct clade_diag *diag)
{
	bool fine = true;
	(void)part;
	for (size_t at = 0; at < bytes && fine;) {
		int length = utf8_length(text + at, bytes - at);
		fine = unicode_add_lower(out, utf8_point(text + at, length));
		at += (size_t)length;
	}
	return fine ? CLADE_OK : fail_memory(diag, bytes);
}

static enum clade_status normal_form(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				     struct clade_diag *diag)
{
	return unicode_normalize((enum unicode_form)part->flags, text, bytes, out, diag);
}

#define FORM(name, form)                                                                                               \
	static enum clade_status parse_##name(const struct part_source *source, const json_t *json, struct part *part) \
	{                                                                                                              \
		(void)source, (void)json;                                                                              \
		part->flags = form;                                                                                    \
		return CLADE_OK;                                                                                       \
	}
FORM(nfc, UNICODE_NFC)
FORM(nfkc, UNICODE_NFKC)
FORM(nfd, UNICODE_NFD)
FORM(nfkd, UNICODE_NFKD)

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

static enum clade_status strip_accents(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				       struct clade_diag *diag)
{
	bool fine = true;
	(void)part;
	for (size_t at = 0, length; at < bytes && fine; at += length) {
		length = (size_t)utf8_length(text + at, bytes - at);
		if (!unicode_is(UNICODE_MARK, utf8_point(text + at, (int)length)))
			fine = text_add(out, text + at, length);
	}
	return fine ? CLADE_OK : fail_memory(diag, bytes);
}

/* As SentencePiece's rules "nmt": most controls vanish, what is a kind of space becomes one. */
static enum clade_status nmt(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
			     struct clade_diag *diag)
{
	bool fine = true;
	(void)part;
	for (size_t at = 0, length; at < bytes && fine; at += length) {
		length = (size_t)utf8_length(text + at, bytes - at);
		int32_t p = utf8_point(text + at, (int)length);
		bool space = p == 0x9 || p == 0xa || p == 0xc || p == 0xd || p == 0x1680 ||
			     (p >= 0x200b && p <= 0x200f) || p == 0x2028 || p == 0x2029 || p == 0x2581 || p == 0xfeff ||
			     p == 0xfffd;
		bool gone = (p >= 0x1 && p <= 0x1f) || p == 0x7f || p == 0x8f || p == 0x9f;
		if (space || !gone)
			fine = text_add(out, space ? " " : text + at, space ? 1 : length);
	}
	return fine ? CLADE_OK : fail_memory(diag, bytes);
}

static enum clade_status parse_prepend(const struct part_source *source, const json_t *json, struct part *part)
{
	const char *prepend = json_string_value(json_object_get(json, "prepend"));
	if (prepend == NULL)
		return text_damaged(source, "normalizer Prepend needs prepend, a text");
	part->data = clade_strdup(source->context, prepend);
	return part->data != NULL ? CLADE_OK : fail_memory(source->diag, strlen(prepend));
}

static void finish_prepend(struct clade_context *context, struct part *part)
{
	clade_free(context, part->data);
}

static enum clade_status prepend(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				 struct clade_diag *diag)
{
	bool fine = bytes == 0 || (text_add(out, part->data, strlen(part->data)) && text_add(out, text, bytes));
	return fine ? CLADE_OK : fail_memory(diag, bytes);
}

const struct part_kind normalizer_lowercase = { .type = "Lowercase", .normalize = lowercase },
		       normalizer_nfc = { .type = "NFC", .parse = parse_nfc, .normalize = normal_form },
		       normalizer_nfkc = { .type = "NFKC", .parse = parse_nfkc, .normalize = normal_form },
		       normalizer_nfd = { .type = "NFD", .parse = parse_nfd, .normalize = normal_form },
		       normalizer_nfkd = { .type = "NFKD", .parse = parse_nfkd, .normalize = normal_form },
		       normalizer_strip = { .type = "Strip", .parse = parse_strip, .normalize = strip },
		       normalizer_strip_accents = { .type = "StripAccents", .normalize = strip_accents },
		       normalizer_nmt = { .type = "Nmt", .normalize = nmt },
		       normalizer_prepend = { "Prepend", parse_prepend, finish_prepend, .normalize = prepend };

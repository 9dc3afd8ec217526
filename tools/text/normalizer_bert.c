/* SPDX-License-Identifier: MIT */
/* BertNormalizer: cleaning, spaces around Chinese characters, accents, lower case; in this order. */
#include "unicode.h"

#include <string.h>

enum { CLEAN = 1, CHINESE = 2, ACCENTS = 4, LOWER = 8 };

static enum clade_status parse(const struct part_source *source, const json_t *json, struct part *part)
{
	static const struct {
		const char *key;
		int64_t flag;
	} keys[] = { { "clean_text", CLEAN }, { "handle_chinese_chars", CHINESE }, { "lowercase", LOWER } };
	const json_t *accents = json_object_get(json, "strip_accents");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(json, keys[i].key);
		if (!json_is_boolean(value))
			return text_damaged(source, "normalizer BertNormalizer needs %s, true or false", keys[i].key);
		part->flags |= json_is_true(value) ? keys[i].flag : 0;
	}
	if (accents != NULL && !json_is_null(accents) && !json_is_boolean(accents))
		return text_damaged(source, "normalizer BertNormalizer: strip_accents must be true, false or null");
	if (json_is_boolean(accents) ? json_is_true(accents) : (part->flags & LOWER) != 0)
		part->flags |= ACCENTS;
	return CLADE_OK;
}

/* One character, cleaned and with space around it. */
static bool clean(int64_t flags, const char *bytes, int length, int32_t point, struct text_buffer *out)
{
	if ((flags & CLEAN) != 0 && unicode_is(UNICODE_OTHER, point))
		return true;
	if ((flags & CLEAN) != 0 && is_white_space(point))
		return text_add(out, " ", 1);
	if ((flags & CHINESE) != 0 && unicode_is_chinese(point))
		return text_add(out, " ", 1) && text_add(out, bytes, (size_t)length) && text_add(out, " ", 1);
	return text_add(out, bytes, (size_t)length);
}

static bool lower(int64_t flags, const char *bytes, int length, int32_t point, struct text_buffer *out)
{
	if ((flags & ACCENTS) != 0 && unicode_is(UNICODE_NONSPACING, point))
		return true;
	return (flags & LOWER) != 0 ? unicode_add_lower(out, point) : text_add(out, bytes, (size_t)length);
}

/* ASCII needs none of the tables, and is most of the text: how it maps, -1 for what is left out. */
static void ascii_map(int64_t flags, int16_t map[128])
{
	for (int16_t c = 0; c < 128; c++) {
		map[c] = (flags & LOWER) != 0 && c >= 'A' && c <= 'Z' ? (int16_t)(c + 32) : c;
		if ((flags & CLEAN) != 0 && (c < 32 || c == 127))
			map[c] = c == '\t' || c == '\n' || c == '\r' ? ' ' : -1;
	}
}

typedef bool character_fn(int64_t flags, const char *bytes, int length, int32_t point, struct text_buffer *out);

static bool each(int64_t flags, character_fn *fn, const struct text_buffer *in, struct text_buffer *out)
{
	bool fine = true;
	for (size_t at = 0; at < in->count && fine;) {
		int length = utf8_length(in->bytes + at, in->count - at);
		fine = fn(flags, in->bytes + at, length, utf8_point(in->bytes + at, length), out);
		at += (size_t)length;
	}
	return fine;
}

/* The three steps on a stretch that is not all ASCII. */
static enum clade_status general(int64_t flags, const char *text, size_t bytes, struct text_buffer *out,
				 struct clade_diag *diag)
{
	struct text_buffer source = { .bytes = (char *)text, .count = bytes }, cleaned = { .context = out->context },
			   flat = { .context = out->context };
	enum clade_status status = CLADE_OK;
	if (!text_add(&cleaned, "", 0) || !each(flags, clean, &source, &cleaned))
		status = clade_fail_memory(diag, bytes, "normalized text");
	if (status == CLADE_OK && (flags & ACCENTS) != 0)
		status = unicode_normalize(UNICODE_NFD, cleaned.bytes, cleaned.count, &flat, diag);
	if (status == CLADE_OK && !each(flags, lower, (flags & ACCENTS) != 0 ? &flat : &cleaned, out))
		status = clade_fail_memory(diag, bytes, "normalized text");
	text_finish(&cleaned);
	text_finish(&flat);
	return status;
}

static enum clade_status normalize(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				   struct clade_diag *diag)
{
	int16_t map[128];
	enum clade_status status = CLADE_OK;
	ascii_map(part->flags, map);
	for (size_t at = 0, end; at < bytes && status == CLADE_OK; at = end) {
		char plain[256];
		size_t count = 0;
		for (end = at; end < bytes && (unsigned char)text[end] < 0x80 && end - at < sizeof(plain); end++) {
			int16_t mapped = map[(unsigned char)text[end]];
			plain[count] = (char)mapped;
			count += mapped >= 0;
		}
		if (!text_add(out, plain, count))
			return clade_fail_memory(diag, bytes, "normalized text");
		if (end > at)
			continue;
		while (end < bytes && (unsigned char)text[end] >= 0x80)
			end++;
		status = general(part->flags, text + at, end - at, out, diag);
	}
	return status;
}

const struct part_kind normalizer_bert = { .type = "BertNormalizer", .parse = parse, .normalize = normalize };

/* SPDX-License-Identifier: MIT */
/* Precompiled: SentencePiece's rules as Hugging Face applies them, grapheme by grapheme. A short grapheme is replaced
 * as a whole if a rule fits its beginning; in others each character is. */
#include "charsmap.h"

#include <string.h>
#include <utf8proc.h>

enum { SHORT_GRAPHEME = 6 };

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'             ? 62
	       : c == '/'             ? 63
				      : -1;
}

/* Appends what base64 stands for; false if it is none. */
static bool base64_decode(const char *text, size_t count, unsigned char *out, size_t *out_count)
{
	uint32_t bits = 0;
	size_t padding = 0;
	*out_count = 0;
	if (count % 4 != 0)
		return false;
	while (padding < 2 && padding < count && text[count - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < count; i++) {
		int digit = i < count - padding ? base64_digit(text[i]) : 0;
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 3)
			continue;
		for (int byte = 2; byte >= 0; byte--)
			out[(*out_count)++] = (unsigned char)(bits >> (8 * byte));
	}
	*out_count -= padding;
	return true;
}

static void finish(struct clade_context *context, struct part *part)
{
	if (part->data != NULL)
		charsmap_finish(context, part->data);
	clade_free(context, part->data);
}

static enum clade_status parse(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *map = json_object_get(json, "precompiled_charsmap");
	size_t bytes = json_string_length(map), count;
	enum clade_status status;
	if (json == NULL) /* the caller has the rules */
		return CLADE_OK;
	if (!json_is_string(map) || bytes == 0)
		return text_damaged(source, "normalizer Precompiled needs a precompiled_charsmap, which is not empty");
	struct charsmap *data = part->data = clade_alloc(source->context, sizeof(*data));
	unsigned char *decoded = clade_alloc(source->context, bytes + 3);
	if (data == NULL || decoded == NULL) {
		clade_free(source->context, decoded);
		return clade_fail_memory(source->diag, bytes, "rules of normalization");
	}
	*data = (struct charsmap) { 0 };
	if (base64_decode(json_string_value(map), bytes, decoded, &count))
		status = charsmap_parse(source, "normalizer Precompiled", decoded, count, data);
	else
		status = text_damaged(source, "normalizer Precompiled: precompiled_charsmap is not base64");
	clade_free(source->context, decoded);
	return status;
}

/* Where the grapheme that begins at `at` ends. */
static size_t grapheme_end(const char *text, size_t bytes, size_t at)
{
	utf8proc_int32_t state = 0;
	int length = utf8_length(text + at, bytes - at);
	int32_t point = utf8_point(text + at, length);
	for (at += (size_t)length; at < bytes; at += (size_t)length) {
		length = utf8_length(text + at, bytes - at);
		int32_t next = utf8_point(text + at, length);
		if (utf8proc_grapheme_break_stateful(point, next, &state))
			break;
		point = next;
	}
	return at;
}

static bool replace(const struct charsmap *map, const char *text, size_t bytes, bool *out_found,
		    struct text_buffer *out)
{
	size_t consumed;
	const char *found = charsmap_find(map, text, bytes, false, &consumed);
	*out_found = found != NULL;
	return found == NULL || text_add(out, found, strlen(found));
}

static enum clade_status normalize(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				   struct clade_diag *diag)
{
	const struct charsmap *map = part->data;
	bool fine = true, found;
	for (size_t at = 0, end; at < bytes && fine; at = end) {
		/* between two ASCII characters a grapheme ends, but for a line's end */
		bool plain = (unsigned char)text[at] < 0x80 && text[at] != '\r' &&
			     (at + 1 == bytes || (unsigned char)text[at + 1] < 0x80);
		end = plain ? at + 1 : grapheme_end(text, bytes, at);
		found = false;
		if (end - at < SHORT_GRAPHEME)
			fine = replace(map, text + at, end - at, &found, out);
		for (size_t i = at, length; !found && i < end && fine; i += length) {
			bool one;
			length = (size_t)utf8_length(text + i, end - i);
			fine = replace(map, text + i, length, &one, out) && (one || text_add(out, text + i, length));
		}
	}
	return fine ? CLADE_OK : clade_fail_memory(diag, bytes, "normalized text");
}

const struct part_kind normalizer_precompiled = {
	.type = "Precompiled", .parse = parse, .finish = finish, .normalize = normalize
};

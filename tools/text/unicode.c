/* SPDX-License-Identifier: MIT */
/* Unicode as Hugging Face's tokenizers have it: their libraries know different, mostly older, versions than the system,
 * and the same text must give the same ids. The tables are made by make_unicode.py. */
#include "unicode.h"

#include <string.h>
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

/* Code points, in the function's own memory while they are few. */
struct points {
	struct clade_context *context;
	int32_t *items, *heap; /* heap NULL: items are `few` */
	size_t count, room;
	int32_t few[256];
};

static bool points_reserve(struct points *points, size_t more)
{
	if (points->room - points->count >= more)
		return true;
	size_t room = (points->room + more) * 2;
	int32_t *grown = clade_resize(points->context, points->heap, room * sizeof(*grown));
	if (grown == NULL)
		return false;
	if (points->heap == NULL)
		memcpy(grown, points->few, points->count * sizeof(*grown));
	points->heap = points->items = grown;
	points->room = room;
	return true;
}

static uint8_t combining_class(int32_t point)
{
	return (uint8_t)utf8proc_get_property(point)->combining_class;
}

/* Sorts a run of combining characters by class, equal ones as they come. By counting: however long the run, each is
 * moved once, which utf8proc's own ordering does not keep to. */
static bool order_run(struct points *points, size_t start, size_t end)
{
	size_t places[257] = { 0 };
	if (end - start < 2)
		return true;
	for (size_t i = start; i < end; i++)
		places[combining_class(points->items[i]) + 1]++;
	for (int class = 0; class < 256; class ++)
		places[class + 1] += places[class];
	if (!points_reserve(points, end - start))
		return false;
	int32_t *sorted = points->items + points->count;
	for (size_t i = start; i < end; i++)
		sorted[places[combining_class(points->items[i])]++] = points->items[i];
	memcpy(points->items + start, sorted, (end - start) * sizeof(*sorted));
	return true;
}

static bool order(struct points *points)
{
	bool fine = true;
	for (size_t start = 0, end; start < points->count && fine; start = end) {
		for (end = start; end < points->count && combining_class(points->items[end]) > 0;)
			end++;
		fine = order_run(points, start, end);
		end += end == start;
	}
	return fine;
}

static bool decompose(utf8proc_option_t options, const char *text, size_t bytes, struct points *out)
{
	enum { MOST = 32 }; /* U+FDFA becomes 18 */
	for (size_t at = 0, length; at < bytes; at += length) {
		int last = 0;
		length = (size_t)utf8_length(text + at, bytes - at);
		if (!points_reserve(out, MOST))
			return false;
		utf8proc_ssize_t count = utf8proc_decompose_char(utf8_point(text + at, (int)length),
								 out->items + out->count, MOST, options, &last);
		if (count < 0 || count > MOST)
			return false;
		out->count += (size_t)count;
	}
	return true;
}

static enum clade_status map(utf8proc_option_t options, const char *text, size_t bytes, struct text_buffer *out,
			     struct clade_diag *diag)
{
	struct points points = { .context = out->context, .room = 256 };
	points.items = points.few;
	bool fine = decompose(options, text, bytes, &points) && order(&points);
	if (fine && (options & UTF8PROC_COMPOSE) != 0) {
		utf8proc_ssize_t count =
			utf8proc_normalize_utf32(points.items, (utf8proc_ssize_t)points.count, options);
		fine = count >= 0;
		points.count = fine ? (size_t)count : 0;
	}
	for (size_t i = 0; i < points.count && fine; i++)
		fine = unicode_add(out, points.items[i]);
	clade_free(out->context, points.heap);
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

/* SPDX-License-Identifier: MIT */
/* UTF-8 by hand: lengths, checks and the release of whole characters; growing buffers. */
#include "internal.h"

#include <string.h>
#include <utf8proc.h>

bool text_reserve(struct text_buffer *buffer, size_t more)
{
	size_t need;
	if (!clade_size_add(buffer->count, more, &need) || need > SIZE_MAX / 2)
		return false;
	if (need + 1 > buffer->room) {
		size_t room = need + need / 2 + 32;
		char *grown = clade_resize(buffer->context, buffer->bytes, room);
		if (grown == NULL)
			return false;
		buffer->bytes = grown;
		buffer->room = room;
	}
	return true;
}

bool text_add(struct text_buffer *buffer, const char *bytes, size_t count)
{
	if (!text_reserve(buffer, count))
		return false;
	if (count > 0)
		memcpy(buffer->bytes + buffer->count, bytes, count);
	buffer->count += count;
	buffer->bytes[buffer->count] = '\0';
	return true;
}

void text_finish(struct text_buffer *buffer)
{
	clade_free(buffer->context, buffer->bytes);
	buffer->bytes = NULL;
	buffer->count = buffer->room = 0;
}

bool ids_add(struct id_buffer *buffer, int32_t id)
{
	if (buffer->count == buffer->room) {
		size_t room = buffer->room + buffer->room / 2 + 64;
		int32_t *grown = clade_resize(buffer->context, buffer->ids, room * sizeof(*grown));
		if (grown == NULL)
			return false;
		buffer->ids = grown;
		buffer->room = room;
	}
	buffer->ids[buffer->count++] = id;
	return true;
}

/* Unicode 15, table 3-7: well-formed sequences. */
int utf8_length(const char *bytes, size_t count)
{
	const unsigned char *b = (const unsigned char *)bytes;
	if (count == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	int length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	unsigned char low = 0x80, high = 0xbf;
	if (b[0] < 0xc2 || b[0] > 0xf4)
		return -1;
	if (b[0] == 0xe0)
		low = 0xa0;
	else if (b[0] == 0xed)
		high = 0x9f;
	else if (b[0] == 0xf0)
		low = 0x90;
	else if (b[0] == 0xf4)
		high = 0x8f;
	for (int i = 1; i < length; i++) {
		if ((size_t)i >= count)
			return 0;
		if (b[i] < low || b[i] > high)
			return -1;
		low = 0x80;
		high = 0xbf;
	}
	return length;
}

size_t utf8_check(const char *bytes, size_t count)
{
	size_t at = 0;
	while (at < count) {
		int length = utf8_length(bytes + at, count - at);
		if (length <= 0)
			return at;
		at += (size_t)length;
	}
	return count;
}

int32_t utf8_point(const char *bytes, int length)
{
	const unsigned char *b = (const unsigned char *)bytes;
	int32_t point = length == 1 ? b[0] : b[0] & (0x7f >> length);
	for (int i = 1; i < length; i++)
		point = point << 6 | (b[i] & 0x3f);
	return point;
}

bool is_white_space(int32_t p)
{
	return (p >= 9 && p <= 13) || p == 0x20 || p == 0x85 || p == 0xa0 || p == 0x1680 ||
	       (p >= 0x2000 && p <= 0x200a) || p == 0x2028 || p == 0x2029 || p == 0x202f || p == 0x205f || p == 0x3000;
}

bool is_word(int32_t p)
{
	switch (utf8proc_category(p)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_PC:
		return true;
	default: /* joiners, and symbols that are alphabetic */
		return p == 0x200c || p == 0x200d || (p >= 0x24b6 && p <= 0x24e9) || (p >= 0x1f130 && p <= 0x1f149) ||
		       (p >= 0x1f150 && p <= 0x1f169) || (p >= 0x1f170 && p <= 0x1f189);
	}
}

bool utf8_release(struct text_buffer *pending, struct text_buffer *out, bool end)
{
	size_t at = 0;
	while (at < pending->count) {
		int length = utf8_length(pending->bytes + at, pending->count - at);
		if (length == 0 && !end)
			break;
		if (length > 0) {
			if (!text_add(out, pending->bytes + at, (size_t)length))
				return false;
			at += (size_t)length;
			continue;
		}
		/* the longest part that could have begun a character is replaced by one mark */
		size_t bad = 1;
		while (at + bad < pending->count && utf8_length(pending->bytes + at, bad + 1) == 0)
			bad++;
		if (!text_add(out, "\xef\xbf\xbd", 3))
			return false;
		at += bad;
	}
	if (at > 0)
		memmove(pending->bytes, pending->bytes + at, pending->count - at);
	pending->count -= at;
	return true;
}

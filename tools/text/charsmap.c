/* SPDX-License-Identifier: MIT */
/* SentencePiece's compiled rules: a length, a double array of that many bytes, then the replacements. */
#include "charsmap.h"

#include <string.h>

/* A unit: bit 31 says that it holds a value (bits 0-30); else bits 0-7 are the byte that leads here, bit 8 says that a
 * value is at the offset, bits 10-30 are the offset, shifted by 8 if bit 9 is set. */
static size_t unit_offset(uint32_t unit)
{
	return (size_t)(unit >> 10 & 0x1fffff) << ((unit & 1u << 9) >> 6);
}

static bool is_value(uint32_t unit)
{
	return (unit & 1u << 31) != 0;
}

static uint32_t read_u32(const unsigned char *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* That no step can leave the array, and no value the replacements. */
static enum clade_status check(const struct part_source *source, const char *where, const struct charsmap *map)
{
	for (size_t i = 0; i < map->unit_count; i++) {
		uint32_t unit = map->units[i], value = unit & 0x7fffffff;
		size_t base = i ^ unit_offset(unit);
		if (is_value(unit)) {
			if (value >= map->text_bytes || ((unsigned char)map->text[value] & 0xc0) == 0x80)
				return text_damaged(source, "%s: rule %zu points to byte %u of %zu", where, i, value,
						    map->text_bytes);
		} else if ((base | 0xff) >= map->unit_count) {
			return text_damaged(source, "%s: unit %zu points to unit %zu of %zu", where, i, base,
					    map->unit_count);
		} else if ((unit & 1u << 8) != 0 && !is_value(map->units[base])) {
			return text_damaged(source, "%s: unit %zu has no value at unit %zu", where, i, base);
		}
	}
	return CLADE_OK;
}

enum clade_status charsmap_parse(const struct part_source *source, const char *where, const unsigned char *bytes,
				 size_t count, struct charsmap *out)
{
	size_t units, rest, bad;
	if (count < 4)
		return text_damaged(source, "%s: %zu bytes are too few for a table of rules", where, count);
	units = read_u32(bytes);
	if (units > count - 4 || units % 4 != 0 || units == 0)
		return text_damaged(source, "%s: the table has %zu bytes; it must have a multiple of 4 and at most %zu",
				    where, units, count - 4);
	rest = count - 4 - units;
	if (rest == 0 || bytes[count - 1] != '\0')
		return text_damaged(source, "%s: the replacements must end with a NUL", where);
	out->units = clade_alloc(source->context, units);
	out->text = clade_alloc(source->context, rest);
	if (out->units == NULL || out->text == NULL)
		return clade_fail_memory(source->diag, count, "rules of normalization");
	out->unit_count = units / 4;
	out->text_bytes = rest;
	for (size_t i = 0; i < out->unit_count; i++)
		out->units[i] = read_u32(bytes + 4 + i * 4);
	memcpy(out->text, bytes + 4 + units, rest);
	bad = utf8_check(out->text, rest);
	if (bad < rest)
		return text_damaged(source, "%s: byte %zu of the replacements is not UTF-8", where, bad);
	return check(source, where, out);
}

void charsmap_finish(struct clade_context *context, struct charsmap *map)
{
	clade_free(context, map->units);
	clade_free(context, map->text);
	*map = (struct charsmap) { 0 };
}

const char *charsmap_find(const struct charsmap *map, const char *text, size_t bytes, bool longest,
			  size_t *out_consumed)
{
	const char *found = NULL;
	size_t at = unit_offset(map->units[0]);
	for (size_t i = 0; i < bytes && text[i] != '\0'; i++) {
		unsigned char byte = (unsigned char)text[i];
		at ^= byte;
		uint32_t unit = map->units[at];
		if ((unit & (1u << 31 | 0xff)) != byte)
			break;
		at ^= unit_offset(unit);
		if ((unit & 1u << 8) == 0)
			continue;
		found = map->text + (map->units[at] & 0x7fffffff);
		*out_consumed = i + 1;
		if (!longest)
			break;
	}
	return found;
}

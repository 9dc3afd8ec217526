/* SPDX-License-Identifier: MIT */
/* Memory of the graph front: see region.h. */
#include "region.h"

#include <clade/messages.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct clade_region_block {
	struct clade_region_block *next;
	size_t size; /* of `data` */
	_Alignas(16) unsigned char data[];
};

#define BLOCK_BYTES ((size_t)64 << 10)

void *clade_region_alloc(struct clade_region *region, size_t bytes, struct clade_diag *diag)
{
	size_t rounded, size, total;
	struct clade_region_block *block = region->blocks;

	if (!clade_size_add(bytes, 15, &rounded))
		goto fail;
	rounded &= ~(size_t)15;
	if (!block || block->size - region->used < rounded) {
		size = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
		if (!clade_size_add(size, sizeof(*block), &total))
			goto fail;
		block = clade_alloc(region->context, total);
		if (!block)
			goto fail;
		block->next = region->blocks;
		block->size = size;
		region->blocks = block;
		region->used = 0;
	}
	region->used += rounded;
	return block->data + region->used - rounded;
fail:
	clade_fail_memory(diag, bytes, "the graph");
	return NULL;
}

void *clade_region_array(struct clade_region *region, size_t count, size_t each, struct clade_diag *diag)
{
	size_t bytes;

	if (!clade_size_mul(count, each, &bytes)) {
		clade_fail_memory(diag, SIZE_MAX, "the graph");
		return NULL;
	}
	return clade_region_alloc(region, bytes, diag);
}

char *clade_region_text(struct clade_region *region, const char *text, size_t length, struct clade_diag *diag)
{
	char *copy = clade_region_alloc(region, length + 1, diag);

	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}

char *clade_region_print(struct clade_region *region, struct clade_diag *diag, const char *format, ...)
{
	va_list args, again;
	char *text = NULL;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length >= 0)
		text = clade_region_alloc(region, (size_t)length + 1, diag);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}

void clade_region_finish(struct clade_region *region)
{
	while (region->blocks) {
		struct clade_region_block *next = region->blocks->next;

		clade_free(region->context, region->blocks);
		region->blocks = next;
	}
	region->used = 0;
}

enum clade_status clade_grow(struct clade_context *context, void **array, uint32_t *capacity, uint32_t count,
			     size_t each, struct clade_diag *diag)
{
	uint32_t wanted = *capacity ? *capacity * 2 : 16;
	size_t bytes;
	void *grown;

	if (count < *capacity)
		return CLADE_OK;
	if (wanted <= *capacity || !clade_size_mul(wanted, each, &bytes))
		return clade_fail_memory(diag, SIZE_MAX, "the graph");
	grown = clade_resize(context, *array, bytes);
	if (!grown)
		return clade_fail_memory(diag, bytes, "the graph");
	memset((char *)grown + *capacity * each, 0, bytes - *capacity * each);
	*array = grown;
	*capacity = wanted;
	return CLADE_OK;
}

/* FNV-1a */
static uint32_t hash_text(const char *key)
{
	uint32_t hash = 2166136261u;

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619u;
	return hash;
}

static struct clade_names_slot *slot_of(const struct clade_names *names, const char *key)
{
	uint32_t at = hash_text(key) & (names->capacity - 1);

	while (names->slots[at].key && strcmp(names->slots[at].key, key) != 0)
		at = (at + 1) & (names->capacity - 1);
	return &names->slots[at];
}

uint32_t clade_names_find(const struct clade_names *names, const char *key)
{
	struct clade_names_slot *slot;

	if (!names->capacity)
		return CLADE_IR_NONE;
	slot = slot_of(names, key);
	return slot->key ? slot->value : CLADE_IR_NONE;
}

enum clade_status clade_names_set(struct clade_names *names, const char *key, uint32_t value, struct clade_diag *diag)
{
	struct clade_names_slot *slot;

	if (names->count * 2 >= names->capacity) {
		struct clade_names grown = { .context = names->context,
					     .capacity = names->capacity ? names->capacity * 2 : 8 };

		grown.slots = clade_alloc(names->context, (size_t)grown.capacity * sizeof(*grown.slots));
		if (!grown.slots)
			return clade_fail_memory(diag, (size_t)grown.capacity * sizeof(*grown.slots), "names");
		grown.count = names->count;
		for (uint32_t i = 0; i < names->capacity; i++)
			if (names->slots[i].key)
				*slot_of(&grown, names->slots[i].key) = names->slots[i];
		clade_free(names->context, names->slots);
		*names = grown;
	}
	slot = slot_of(names, key);
	if (!slot->key) {
		slot->key = key;
		names->count++;
	}
	slot->value = value;
	return CLADE_OK;
}

void clade_names_finish(struct clade_names *names)
{
	clade_free(names->context, names->slots);
	names->slots = NULL;
	names->capacity = names->count = 0;
}

void clade_string_add(struct clade_string *text, const char *bytes, size_t length)
{
	size_t needed;

	if (text->failed)
		return;
	if (!clade_size_add(text->length, length + 1, &needed))
		goto fail;
	if (needed > text->capacity) {
		size_t capacity = needed < 4096 ? 8192 : needed * 2;
		char *grown = clade_resize(text->context, text->data, capacity);

		if (!grown)
			goto fail;
		text->data = grown;
		text->capacity = capacity;
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = 0;
	return;
fail:
	text->failed = true;
}

void clade_string_print(struct clade_string *text, const char *format, ...)
{
	char small[512];
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(small, sizeof(small), format, args);
	if (length >= 0 && (size_t)length < sizeof(small)) {
		clade_string_add(text, small, (size_t)length);
	} else if (length >= 0) {
		char *large = clade_alloc(text->context, (size_t)length + 1);

		if (large) {
			vsnprintf(large, (size_t)length + 1, format, again);
			clade_string_add(text, large, (size_t)length);
			clade_free(text->context, large);
		} else {
			text->failed = true;
		}
	}
	va_end(again);
	va_end(args);
}

enum clade_status clade_string_take(struct clade_string *text, char **out, struct clade_diag *diag)
{
	if (!text->failed && !text->data)
		clade_string_add(text, "", 0);
	if (text->failed) {
		clade_free(text->context, text->data);
		text->data = NULL;
		return clade_fail_memory(diag, text->length, "a text");
	}
	*out = text->data;
	text->data = NULL;
	return CLADE_OK;
}

void clade_words_add(struct clade_words *words, const char *word)
{
	if (words->count < sizeof(words->words) / sizeof(words->words[0]))
		words->words[words->count++] = word;
}

const char *clade_words_hint(const struct clade_words *words, const char *word, char *out, size_t size)
{
	const char *near = clade_nearest(word, words->words, words->count);

	if (near)
		snprintf(out, size, "; did you mean `%.80s`?", near);
	else
		snprintf(out, size, "%s", "");
	return out;
}

const char *clade_pos_text(const struct clade_ir_pos *pos, char *out, size_t size)
{
	snprintf(out, size, "%.280s:%u:%u", pos->file, pos->line, pos->column);
	return out;
}

enum clade_status clade_fail_at(struct clade_diag *diag, const struct clade_ir_pos *pos, unsigned id,
				const char *format, ...)
{
	char where[320];
	va_list args;

	va_start(args, format);
	clade_fail_v(diag, CLADE_ERR_DATA, id, clade_pos_text(pos, where, sizeof(where)), format, args);
	va_end(args);
	return CLADE_ERR_DATA;
}

const char *clade_number_text(double value, bool single, char *out, size_t size)
{
	for (int digits = 1; digits <= 17; digits++) {
		double back;

		snprintf(out, size, "%.*g", digits, value);
		back = strtod(out, NULL);
		if (single ? (float)back == (float)value : back == value)
			break;
	}
	if (!strpbrk(out, ".en")) /* inf and nan have an n */
		strncat(out, ".0", size - strlen(out) - 1);
	return out;
}

/* SPDX-License-Identifier: MIT */
/* Vocabularies: tokens found by their text (a hash table) and by their id. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

uint64_t pointer_seed(const void *memory)
{
	return (uint64_t)(uintptr_t)memory * 0x9e3779b97f4a7c15ull;
}

uint64_t text_hash(uint64_t seed, const char *text, size_t bytes)
{
	uint64_t hash = seed ^ bytes * 0x9e3779b97f4a7c15ull, word;
	for (; bytes >= 8; bytes -= 8, text += 8) {
		memcpy(&word, text, 8);
		hash = (hash ^ word) * 0xff51afd7ed558ccdull;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, text, bytes);
	hash = (hash ^ word) * 0xc4ceb9fe1a85ec53ull;
	return hash ^ hash >> 29;
}

enum clade_status vocabulary_begin(const struct part_source *source, size_t count, struct vocabulary *out)
{
	size_t slots = 8;
	if (count == 0)
		return text_damaged(source, "the vocabulary is empty");
	if (count >= INT32_MAX)
		return text_damaged(source, "the vocabulary has %zu tokens; it may have 2^31 - 2", count);
	while (slots < count * 2)
		slots *= 2;
	out->tokens = clade_alloc(source->context, count * sizeof(*out->tokens));
	out->slots = clade_alloc(source->context, slots * sizeof(*out->slots));
	if (out->tokens == NULL || out->slots == NULL)
		return clade_fail_memory(source->diag, count * sizeof(*out->tokens), "a vocabulary");
	out->room = count;
	out->seed = pointer_seed(out->tokens);
	out->slot_count = slots;
	return CLADE_OK;
}

enum clade_status vocabulary_add(const struct part_source *source, struct vocabulary *vocabulary, const char *text,
				 size_t bytes, int64_t id)
{
	if (id < 0 || id >= INT32_MAX)
		return text_damaged(source, "vocab: the id of \"%.64s\" must be an integer from 0 to 2^31 - 2", text);
	if (vocabulary->count == vocabulary->room)
		return text_damaged(source, "vocab: more than %zu tokens", vocabulary->room);
	if (bytes > UINT32_MAX / 2 || memchr(text, '\0', bytes) != NULL)
		return text_damaged(source, "vocab: the token with id %d is too long or holds a NUL", (int)id);
	char *copy = clade_alloc(source->context, bytes + 1);
	if (copy == NULL)
		return clade_fail_memory(source->diag, bytes, "a vocabulary");
	memcpy(copy, text, bytes);
	copy[bytes] = '\0';
	vocabulary->tokens[vocabulary->count++] = (struct token) { copy, (uint32_t)bytes, (int32_t)id };
	return CLADE_OK;
}

static int compare_id(const void *a, const void *b)
{
	int32_t x = ((const struct token *)a)->id, y = ((const struct token *)b)->id;
	return x < y ? -1 : x > y;
}

/* Where the token is, or the empty slot where it would be. */
static uint32_t *find_slot(const struct vocabulary *vocabulary, const char *text, size_t bytes)
{
	size_t slot = text_hash(vocabulary->seed, text, bytes) & (vocabulary->slot_count - 1);
	for (;; slot = (slot + 1) & (vocabulary->slot_count - 1)) {
		if (vocabulary->slots[slot] == 0)
			return &vocabulary->slots[slot];
		const struct token *token = &vocabulary->tokens[vocabulary->slots[slot] - 1];
		if (token->bytes == bytes && memcmp(token->text, text, bytes) == 0)
			return &vocabulary->slots[slot];
	}
}

enum clade_status vocabulary_seal(const struct part_source *source, struct vocabulary *vocabulary)
{
	qsort(vocabulary->tokens, vocabulary->count, sizeof(*vocabulary->tokens), compare_id);
	for (size_t i = 0; i < vocabulary->count; i++) {
		const struct token *token = &vocabulary->tokens[i];
		uint32_t *slot = find_slot(vocabulary, token->text, token->bytes);
		if (i > 0 && token[-1].id == token->id)
			return text_damaged(source, "vocab: \"%.64s\" and \"%.64s\" have the same id %d",
					    token[-1].text, token->text, (int)token->id);
		if (*slot != 0)
			return text_damaged(source, "vocab: the token \"%.64s\" has two ids, %d and %d", token->text,
					    (int)vocabulary->tokens[*slot - 1].id, (int)token->id);
		*slot = (uint32_t)i + 1;
	}
	return CLADE_OK;
}

enum clade_status vocabulary_parse(const struct part_source *source, const json_t *json, struct vocabulary *out)
{
	const char *text;
	json_t *id;
	if (!json_is_object(json) || json_object_size(json) == 0)
		return text_damaged(source, "model has no vocabulary \"vocab\"");
	enum clade_status status = vocabulary_begin(source, json_object_size(json), out);
	json_object_foreach((json_t *)json, text, id)
	{
		if (status == CLADE_OK)
			status = vocabulary_add(source, out, text, strlen(text),
						json_is_integer(id) ? json_integer_value(id) : -1);
	}
	return status == CLADE_OK ? vocabulary_seal(source, out) : status;
}

void vocabulary_finish(struct clade_context *context, struct vocabulary *vocabulary)
{
	for (size_t i = 0; i < vocabulary->count; i++)
		clade_free(context, (char *)vocabulary->tokens[i].text);
	clade_free(context, vocabulary->tokens);
	clade_free(context, vocabulary->slots);
	*vocabulary = (struct vocabulary) { 0 };
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t bytes)
{
	uint32_t index = vocabulary->slot_count > 0 ? *find_slot(vocabulary, text, bytes) : 0;
	return index > 0 ? vocabulary->tokens[index - 1].id : -1;
}

const struct token *vocabulary_token(const struct vocabulary *vocabulary, int32_t id)
{
	size_t low = 0, high = vocabulary->count;
	if (id >= 0 && (size_t)id < high && vocabulary->tokens[id].id == id) /* no gaps: the usual case */
		return &vocabulary->tokens[id];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (vocabulary->tokens[middle].id == id)
			return &vocabulary->tokens[middle];
		if (vocabulary->tokens[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/* What all parts of a tokenizer share: reading them by type, refusing by name, pieces and vocabularies. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum clade_status text_refuse(const struct part_source *source, const char *slot, const char *word,
			      const char *supported)
{
	return clade_fail(source->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TEXT_KIND, source->name,
			  "%s \"%.64s\" is not supported; supported are %s", slot, word, supported);
}

enum clade_status text_damaged(const struct part_source *source, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	enum clade_status status =
		clade_fail_v(source->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_FILE, source->name, format, args);
	va_end(args);
	return status;
}

const char *text_type(const json_t *part)
{
	const char *type = json_string_value(json_object_get(part, "type"));
	return type != NULL ? type : "";
}

/* ---- pieces ---- */

bool pieces_add(struct pieces *pieces, size_t start, size_t end)
{
	if (start == end)
		return true;
	if (pieces->count == pieces->room) {
		size_t room = pieces->room + pieces->room / 2 + 32;
		struct span *grown = clade_resize(pieces->text.context, pieces->spans, room * sizeof(*grown));
		if (grown == NULL)
			return false;
		pieces->spans = grown;
		pieces->room = room;
	}
	pieces->spans[pieces->count++] = (struct span) { start, end };
	return true;
}

void pieces_finish(struct pieces *pieces)
{
	clade_free(pieces->text.context, pieces->spans);
	pieces->spans = NULL;
	pieces->count = pieces->room = 0;
	text_finish(&pieces->text);
}

/* ---- parts ---- */

static enum clade_status add_part(const struct part_source *source, const char *slot, const char *members,
				  const struct part_kind *kinds, const json_t *json, int depth, struct parts *out)
{
	const char *type = text_type(json);
	char supported[512] = "Sequence";
	if (strcmp(type, "Sequence") == 0 && depth < 8) {
		const json_t *list = json_object_get(json, members);
		if (!json_is_array(list))
			return text_damaged(source, "%s Sequence has no list \"%s\"", slot, members);
		for (size_t i = 0; i < json_array_size(list); i++) {
			enum clade_status status =
				add_part(source, slot, members, kinds, json_array_get(list, i), depth + 1, out);
			if (status != CLADE_OK)
				return status;
		}
		return CLADE_OK;
	}
	for (; kinds->type != NULL && strcmp(kinds->type, type) != 0; kinds++)
		snprintf(supported + strlen(supported), sizeof(supported) - strlen(supported), ", %s", kinds->type);
	if (kinds->type == NULL)
		return text_refuse(source, slot, type, supported);
	struct part *grown = clade_resize(source->context, out->items, (out->count + 1) * sizeof(*out->items));
	if (grown == NULL)
		return clade_fail_memory(source->diag, sizeof(*grown), "a tokenizer");
	out->items = grown;
	struct part *part = &out->items[out->count++];
	*part = (struct part) { .kind = kinds };
	return kinds->parse != NULL ? kinds->parse(source, json, part) : CLADE_OK;
}

enum clade_status parts_parse(const struct part_source *source, const char *slot, const char *members,
			      const struct part_kind *kinds, const json_t *json, struct parts *out)
{
	if (json == NULL || json_is_null(json))
		return CLADE_OK;
	if (!json_is_object(json))
		return text_damaged(source, "%s must be an object or null", slot);
	return add_part(source, slot, members, kinds, json, 0, out);
}

void parts_finish(struct clade_context *context, struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		if (parts->items[i].kind->finish != NULL)
			parts->items[i].kind->finish(context, &parts->items[i]);
	clade_free(context, parts->items);
	*parts = (struct parts) { 0 };
}

/* ---- vocabulary ---- */

static int compare_text(const void *a, const void *b)
{
	return strcmp(((const struct token *)a)->text, ((const struct token *)b)->text);
}

static int compare_id(const void *a, const void *b, void *user)
{
	const struct token *tokens = user;
	int32_t x = tokens[*(const uint32_t *)a].id, y = tokens[*(const uint32_t *)b].id;
	return x < y ? -1 : x > y;
}

enum clade_status vocabulary_parse(const struct part_source *source, const json_t *json, struct vocabulary *out)
{
	const char *text;
	json_t *id;
	size_t count = json_object_size(json);
	if (!json_is_object(json) || count == 0)
		return text_damaged(source, "model has no vocabulary \"vocab\"");
	out->by_text = clade_alloc(source->context, count * sizeof(*out->by_text));
	out->by_id = clade_alloc(source->context, count * sizeof(*out->by_id));
	if (out->by_text == NULL || out->by_id == NULL)
		return clade_fail_memory(source->diag, count * sizeof(*out->by_text), "a vocabulary");
	json_object_foreach((json_t *)json, text, id)
	{
		struct token *token = &out->by_text[out->count];
		if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= INT32_MAX)
			return text_damaged(source, "vocab: the id of \"%.64s\" must be an integer from 0 to 2^31 - 2",
					    text);
		*token = (struct token) { clade_strdup(source->context, text), (int32_t)json_integer_value(id) };
		if (token->text == NULL)
			return clade_fail_memory(source->diag, strlen(text), "a vocabulary");
		out->count++;
	}
	qsort(out->by_text, out->count, sizeof(*out->by_text), compare_text);
	for (size_t i = 0; i < out->count; i++)
		out->by_id[i] = (uint32_t)i;
	qsort_r(out->by_id, out->count, sizeof(*out->by_id), compare_id, out->by_text);
	for (size_t i = 1; i < out->count; i++) {
		const struct token *a = &out->by_text[out->by_id[i - 1]], *b = &out->by_text[out->by_id[i]];
		if (a->id == b->id)
			return text_damaged(source, "vocab: \"%.64s\" and \"%.64s\" have the same id %d", a->text,
					    b->text, (int)a->id);
	}
	return CLADE_OK;
}

void vocabulary_finish(struct clade_context *context, struct vocabulary *vocabulary)
{
	for (size_t i = 0; i < vocabulary->count; i++)
		clade_free(context, (char *)vocabulary->by_text[i].text);
	clade_free(context, vocabulary->by_text);
	clade_free(context, vocabulary->by_id);
	*vocabulary = (struct vocabulary) { 0 };
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t bytes)
{
	size_t low = 0, high = vocabulary->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct token *token = &vocabulary->by_text[middle];
		/* strncmp stops at a NUL in `text`, which no token contains */
		int order = strncmp(token->text, text, bytes);
		if (order == 0)
			order = strlen(token->text) > bytes ? 1 : strlen(token->text) < bytes ? -1 : 0;
		if (order == 0)
			return token->id;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

const char *vocabulary_token(const struct vocabulary *vocabulary, int32_t id)
{
	size_t low = 0, high = vocabulary->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct token *token = &vocabulary->by_text[vocabulary->by_id[middle]];
		if (token->id == id)
			return token->text;
		if (token->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/* What all parts of a tokenizer share: reading them by type, refusing by name, and pieces of text. */
#include "internal.h"

#include <stdio.h>
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

enum clade_status parts_add(const struct part_source *source, const struct part_kind *kind, const json_t *json,
			    struct parts *out)
{
	struct part *grown = clade_resize(source->context, out->items, (out->count + 1) * sizeof(*out->items));
	if (grown == NULL)
		return clade_fail_memory(source->diag, sizeof(*grown), "a tokenizer");
	out->items = grown;
	struct part *part = &out->items[out->count++];
	*part = (struct part) { .kind = kind };
	return kind->parse != NULL ? kind->parse(source, json, part) : CLADE_OK;
}

static enum clade_status add_part(const struct part_source *source, const char *slot, const char *members,
				  const struct part_kind *const *kinds, const json_t *json, int depth,
				  struct parts *out)
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
	for (; *kinds != NULL && strcmp((*kinds)->type, type) != 0; kinds++)
		snprintf(supported + strlen(supported), sizeof(supported) - strlen(supported), ", %s", (*kinds)->type);
	if (*kinds == NULL)
		return text_refuse(source, slot, type, supported);
	return parts_add(source, *kinds, json, out);
}

enum clade_status parts_parse(const struct part_source *source, const char *slot, const char *members,
			      const struct part_kind *const *kinds, const json_t *json, struct parts *out)
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

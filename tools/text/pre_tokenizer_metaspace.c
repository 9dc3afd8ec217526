/* SPDX-License-Identifier: MIT */
/* Metaspace, the pre-tokenizer: spaces become a visible character that each word begins with. */
#include "metaspace.h"

#include <string.h>

enum clade_status metaspace_parse(const struct part_source *source, const json_t *json, struct part *part)
{
	static const struct {
		const char *name;
		enum metaspace_prepend prepend;
	} schemes[] = { { "always", METASPACE_ALWAYS }, { "first", METASPACE_FIRST }, { "never", METASPACE_NEVER } };
	const char *replacement = json_string_value(json_object_get(json, "replacement"));
	const json_t *scheme = json_object_get(json, "prepend_scheme"), *split = json_object_get(json, "split");
	const json_t *old = json_object_get(json, "add_prefix_space");
	const char *word = scheme == NULL ? "always" : json_string_value(scheme);
	size_t bytes = replacement != NULL ? strlen(replacement) : 0, i = 0;
	if (bytes == 0 || utf8_length(replacement, bytes) != (int)bytes)
		return text_damaged(source, "Metaspace needs a replacement, one character");
	if (split != NULL && !json_is_null(split) && !json_is_boolean(split))
		return text_damaged(source, "Metaspace: split must be true, false or null");
	while (i < 3 && word != NULL && strcmp(word, schemes[i].name) != 0)
		i++;
	if (word == NULL || i == 3)
		return text_refuse(source, "Metaspace's prepend_scheme", word != NULL ? word : "",
				   "always, first, never");
	if (json_is_false(old) && scheme != NULL && schemes[i].prepend != METASPACE_NEVER)
		return text_damaged(source, "Metaspace: add_prefix_space is false, but prepend_scheme is \"%s\"", word);
	struct metaspace *data = clade_alloc(source->context, sizeof(*data));
	part->data = data;
	if (data == NULL)
		return clade_fail_memory(source->diag, sizeof(*data), "a tokenizer");
	*data = (struct metaspace) { .prepend = json_is_false(old) ? METASPACE_NEVER : schemes[i].prepend,
				     .split = split == NULL || !json_is_false(split),
				     .bytes = bytes };
	memcpy(data->replacement, replacement, bytes);
	return CLADE_OK;
}

void metaspace_finish(struct clade_context *context, struct part *part)
{
	clade_free(context, part->data);
}

static bool starts_with(const struct metaspace *data, const char *text, size_t bytes)
{
	return bytes >= data->bytes && memcmp(text, data->replacement, data->bytes) == 0;
}

/* One piece into `out->text`, and its spans. */
static bool cut_piece(const struct metaspace *data, const char *text, size_t bytes, bool first, struct pieces *out)
{
	bool prepend = data->prepend == METASPACE_ALWAYS || (data->prepend == METASPACE_FIRST && first), fine = true;
	size_t start = out->text.count;
	if (prepend && bytes > 0 && text[0] != ' ' && !starts_with(data, text, bytes))
		fine = text_add(&out->text, data->replacement, data->bytes);
	for (size_t at = 0, end; at < bytes && fine; at = end) { /* a stretch between two spaces */
		for (end = at; end < bytes && text[end] != ' ';)
			end++;
		fine = text_add(&out->text, text + at, end - at);
		if (end < bytes) {
			fine = fine && text_add(&out->text, data->replacement, data->bytes);
			end++;
		}
	}
	if (!data->split)
		return fine && pieces_add(out, start, out->text.count);
	/* a replacement begins a piece, unless it follows another at once: then that one stands alone */
	for (size_t at = start + 1; at < out->text.count && fine; at++) {
		if (!starts_with(data, out->text.bytes + at, out->text.count - at))
			continue;
		fine = pieces_add(out, start, at);
		start = at;
	}
	return fine && pieces_add(out, start, out->text.count);
}

static enum clade_status cut(const struct part *part, const struct pieces *in, struct pieces *out,
			     struct clade_diag *diag)
{
	bool fine = text_add(&out->text, "", 0);
	for (size_t i = 0; i < in->count && fine; i++) {
		const struct span *span = &in->spans[i];
		fine = cut_piece(part->data, in->text.bytes + span->start, span->end - span->start,
				 in->first && i == 0 && span->start == 0, out);
	}
	return fine ? CLADE_OK : clade_fail_memory(diag, in->text.count, "pieces of text");
}

const struct part_kind pre_tokenizer_metaspace = {
	.type = "Metaspace", .parse = metaspace_parse, .finish = metaspace_finish, .cut = cut
};

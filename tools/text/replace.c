/* SPDX-License-Identifier: MIT */
/* Replace, the normalizer and the decoder: every occurrence of a pattern becomes another text. */
#include "internal.h"

#include <string.h>

struct replace {
	char *pattern, *content;
	size_t pattern_bytes, content_bytes;
};

static void finish(struct clade_context *context, struct part *part)
{
	struct replace *data = part->data;
	if (data != NULL) {
		clade_free(context, data->pattern);
		clade_free(context, data->content);
	}
	clade_free(context, data);
}

static enum clade_status parse(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *pattern = json_object_get(json, "pattern");
	const char *literal = json_string_value(json_object_get(pattern, "String"));
	const char *content = json_string_value(json_object_get(json, "content"));
	if (content == NULL || literal == NULL || literal[0] == '\0')
		return text_damaged(source, "Replace needs a pattern (String or Regex) and a content");
	struct replace *data = part->data = clade_alloc(source->context, sizeof(*data));
	if (data == NULL)
		return clade_fail_memory(source->diag, sizeof(*data), "a tokenizer");
	*data = (struct replace) { clade_strdup(source->context, literal), clade_strdup(source->context, content),
				   strlen(literal), strlen(content) };
	return data->pattern != NULL && data->content != NULL
		       ? CLADE_OK
		       : clade_fail_memory(source->diag, data->pattern_bytes, "a tokenizer");
}

static bool replace(const struct replace *data, const char *text, size_t bytes, struct text_buffer *out)
{
	size_t at = 0;
	const char *found;
	bool fine = true;
	while (fine && (found = memmem(text + at, bytes - at, data->pattern, data->pattern_bytes)) != NULL) {
		size_t start = (size_t)(found - text);
		fine = text_add(out, text + at, start - at) && text_add(out, data->content, data->content_bytes);
		at = start + data->pattern_bytes;
	}
	return fine && text_add(out, text + at, bytes - at);
}

static enum clade_status normalize(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				   struct clade_diag *diag)
{
	return replace(part->data, text, bytes, out) ? CLADE_OK : clade_fail_memory(diag, bytes, "normalized text");
}

static bool token(struct decoder_stage *stage, const char *text, size_t bytes)
{
	stage->held.count = 0;
	return replace(stage->part->data, text, bytes, &stage->held) &&
	       stage_emit(stage, stage->held.bytes, stage->held.count);
}

const struct part_kind normalizer_replace = { "Replace", parse, finish, .normalize = normalize };
const struct part_kind decoder_replace = { "Replace", parse, finish, .token = token };

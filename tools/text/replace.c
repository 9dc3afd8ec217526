/* SPDX-License-Identifier: MIT */
/* Replace, the normalizer and the decoder: every occurrence of a pattern becomes another text. */
#include "split.h"

#include <string.h>

struct replace {
	char *literal; /* NULL: a regular expression */
	char *content;
	size_t literal_bytes, content_bytes;
	struct part regex; /* what split_create fills */
};

static void finish(struct clade_context *context, struct part *part)
{
	struct replace *data = part->data;
	if (data != NULL) {
		clade_free(context, data->literal);
		clade_free(context, data->content);
		split_finish(context, &data->regex);
	}
	clade_free(context, data);
}

static enum clade_status parse(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *pattern = json_object_get(json, "pattern");
	const char *literal = json_string_value(json_object_get(pattern, "String"));
	const char *regex = json_string_value(json_object_get(pattern, "Regex"));
	const char *content = json_string_value(json_object_get(json, "content"));
	if (content == NULL || (literal == NULL) == (regex == NULL))
		return text_damaged(source, "Replace needs a pattern (String or Regex) and a content");
	struct replace *data = part->data = clade_alloc(source->context, sizeof(*data));
	if (data == NULL)
		return clade_fail_memory(source->diag, sizeof(*data), "a tokenizer");
	*data = (struct replace) { .content = clade_strdup(source->context, content),
				   .content_bytes = strlen(content) };
	if (data->content == NULL)
		return clade_fail_memory(source->diag, strlen(content), "a tokenizer");
	if (regex != NULL || literal[0] == '\0') /* nothing is found everywhere, as by a regular expression */
		return split_create(source, regex != NULL ? regex : "", SPLIT_ISOLATED, 0, &data->regex);
	data->literal = clade_strdup(source->context, literal);
	data->literal_bytes = strlen(literal);
	return data->literal != NULL ? CLADE_OK : clade_fail_memory(source->diag, strlen(literal), "a tokenizer");
}

static bool replace_literal(const struct replace *data, const char *text, size_t bytes, struct text_buffer *out)
{
	size_t at = 0;
	const char *found;
	bool fine = true;
	while (fine && (found = memmem(text + at, bytes - at, data->literal, data->literal_bytes)) != NULL) {
		size_t start = (size_t)(found - text);
		fine = text_add(out, text + at, start - at) && text_add(out, data->content, data->content_bytes);
		at = start + data->literal_bytes;
	}
	return fine && text_add(out, text + at, bytes - at);
}

static enum clade_status normalize(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				   struct clade_diag *diag)
{
	const struct replace *data = part->data;
	struct splitter *splitter;
	if (data->literal != NULL)
		return replace_literal(data, text, bytes, out) ? CLADE_OK
							       : clade_fail_memory(diag, bytes, "normalized text");
	enum clade_status status = splitter_create(&data->regex, out->context, &splitter, diag);
	if (status == CLADE_OK)
		status = splitter_replace(splitter, text, bytes, data->content, data->content_bytes, out, diag);
	splitter_destroy(&splitter);
	return status;
}

/* A stage can only say that memory is short; a pattern that fails on a token is no better. */
static bool token(struct decoder_stage *stage, const char *text, size_t bytes)
{
	stage->held.count = 0;
	return text_add(&stage->held, "", 0) && normalize(stage->part, text, bytes, &stage->held, NULL) == CLADE_OK &&
	       stage_emit(stage, stage->held.bytes, stage->held.count);
}

const struct part_kind normalizer_replace = { "Replace", parse, finish, .normalize = normalize };
const struct part_kind decoder_replace = { "Replace", parse, finish, .token = token };

/* SPDX-License-Identifier: MIT */
/* Token models (a piece to ids), templates of special tokens, and decoders. To add one: functions and a row in the
 * table. */
#include "internal.h"

#include <string.h>

/* ---- WordLevel: a piece is a token or unknown ---- */

static enum clade_status word_level_parse(const struct part_source *source, const json_t *json,
					  struct clade_tokenizer *out)
{
	const char *unknown = json_string_value(json_object_get(json, "unk_token"));
	enum clade_status status = vocabulary_parse(source, json_object_get(json, "vocab"), &out->vocabulary);
	if (status != CLADE_OK)
		return status;
	out->unknown = unknown != NULL ? vocabulary_find(&out->vocabulary, unknown, strlen(unknown)) : -1;
	return CLADE_OK;
}

static enum clade_status word_level_encode(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
					   struct id_buffer *out, struct clade_diag *diag)
{
	int32_t id = vocabulary_find(&tokenizer->vocabulary, text, bytes);
	if (id < 0)
		id = tokenizer->unknown;
	if (id < 0)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UNKNOWN, tokenizer->name,
				  "\"%.*s\" is not in the vocabulary, which has no unknown token",
				  bytes < 64 ? (int)bytes : 64, text);
	return ids_add(out, id) ? CLADE_OK : clade_fail_memory(diag, out->count * 4, "token ids");
}

const struct token_model_kind token_model_kinds[] = {
	{ "WordLevel", word_level_parse, word_level_encode },
	{ NULL },
};

/* ---- TemplateProcessing: special tokens around the text ---- */

static enum clade_status add_special(const struct part_source *source, const json_t *json, const json_t *name,
				     struct id_buffer *out)
{
	const char *word = json_string_value(name);
	const json_t *special = word != NULL ? json_object_get(json_object_get(json, "special_tokens"), word) : NULL;
	const json_t *ids = json_object_get(special, "ids");
	if (!json_is_array(ids) || json_array_size(ids) > 16)
		return text_damaged(source, "post_processor: special token \"%.64s\" is not in special_tokens",
				    word != NULL ? word : "");
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const json_t *id = json_array_get(ids, i);
		if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= INT32_MAX)
			return text_damaged(source, "post_processor: an id of \"%.64s\" is not one", word);
		if (!ids_add(out, (int32_t)json_integer_value(id)))
			return clade_fail_memory(source->diag, 0, "a template");
	}
	return CLADE_OK;
}

enum clade_status template_parse(const struct part_source *source, const json_t *json, struct template_ids *out)
{
	struct id_buffer ids = { .context = source->context };
	const json_t *single = json_object_get(json, "single");
	bool sequence = false;
	enum clade_status status = CLADE_OK;
	if (json == NULL || json_is_null(json))
		return CLADE_OK;
	if (strcmp(text_type(json), "TemplateProcessing") != 0)
		return text_refuse(source, "post_processor", text_type(json), "TemplateProcessing");
	for (size_t i = 0; i < json_array_size(single) && i < 64 && status == CLADE_OK; i++) {
		const json_t *item = json_array_get(single, i);
		const json_t *special = json_object_get(item, "SpecialToken");
		const json_t *text = json_object_get(item, "Sequence");
		if (special != NULL) {
			status = add_special(source, json, json_object_get(special, "id"), &ids);
		} else if (text != NULL && !sequence) {
			sequence = true;
			out->before = ids.count;
		} else {
			status =
				text_damaged(source, "post_processor: single must hold SpecialTokens and one Sequence");
		}
	}
	if (status == CLADE_OK && !sequence)
		status = text_damaged(source, "post_processor: single holds no Sequence");
	out->ids = ids.ids;
	out->count = ids.count;
	return status;
}

/* ---- decoders ---- */

static bool decode_fuse(const char *text, bool first, struct text_buffer *out)
{
	(void)first;
	return text_add(out, text, strlen(text));
}

static bool decode_words(const char *text, bool first, struct text_buffer *out)
{
	return (first || text_add(out, " ", 1)) && text_add(out, text, strlen(text));
}

const struct decoder_kind decoder_kinds[] = {
	{ "", decode_words },
	{ "Fuse", decode_fuse },
	{ NULL },
};

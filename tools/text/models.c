/* SPDX-License-Identifier: MIT */
/* The table of token models (a piece of text to ids), and the simplest of them. To add one: a file of its own with the
 * functions, and a row in the table. */
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

static enum clade_status word_level_encode(struct encoding *encoding, const char *text, size_t bytes)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	int32_t id = vocabulary_find(&tokenizer->vocabulary, text, bytes);
	if (id < 0)
		id = tokenizer->unknown;
	if (id < 0)
		return clade_fail(encoding->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UNKNOWN, tokenizer->name,
				  "\"%.*s\" is not in the vocabulary, which has no unknown token",
				  bytes < 64 ? (int)bytes : 64, text);
	return ids_add(&encoding->ids, id) ? CLADE_OK
					   : clade_fail_memory(encoding->diag, encoding->ids.count * 4, "token ids");
}

const struct token_model_kind model_word_level = { "WordLevel", word_level_parse, word_level_encode };

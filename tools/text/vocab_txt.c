/* SPDX-License-Identifier: MIT */
/* vocab.txt of BERT: said in the words of tokenizer.json, then read like one. */
#include "tokenizer_config.h"

#include <string.h>

static const char *const classes[] = { "BertTokenizer",       "DistilBertTokenizer", "ElectraTokenizer",
				       "MobileBertTokenizer", "RetriBertTokenizer",  NULL };

/* The lines as an object of text to number; of equal lines the last counts. */
static enum clade_status read_lines(const struct part_source *source, const char *text, size_t bytes, json_t *vocab)
{
	struct text_buffer token = { .context = source->context };
	size_t bad = utf8_check(text, bytes), line = 0;
	enum clade_status status = CLADE_OK;
	if (bad < bytes)
		return text_damaged(source, "byte %zu is not UTF-8", bad);
	for (size_t at = 0, end; at < bytes && status == CLADE_OK; line++) {
		for (end = at; end < bytes && text[end] != '\n' && text[end] != '\r';)
			end++;
		token.count = 0;
		if (memchr(text + at, '\0', end - at) != NULL)
			status = text_damaged(source, "line %zu holds a NUL", line + 1);
		else if (line >= INT32_MAX - 1)
			status = text_damaged(source, "more than 2^31 - 2 lines");
		else if (!text_add(&token, text + at, end - at) ||
			 json_object_set_new(vocab, token.bytes, json_integer((json_int_t)line)) != 0)
			status = clade_fail_memory(source->diag, end - at, "a vocabulary");
		at = end + (end + 1 < bytes && text[end] == '\r' && text[end + 1] == '\n' ? 2 : 1);
	}
	text_finish(&token);
	return status;
}

/* [CLS] and [SEP] around the text, and all five never cut. */
static enum clade_status add_special(const struct part_source *source, const json_t *config, const json_t *vocab,
				     json_t *root)
{
	static const char *const names[][2] = { { "unk_token", "[UNK]" },
						{ "sep_token", "[SEP]" },
						{ "pad_token", "[PAD]" },
						{ "cls_token", "[CLS]" },
						{ "mask_token", "[MASK]" } };
	json_t *added = json_object_get(root, "added_tokens"), *processor = json_object_get(root, "post_processor");
	enum clade_status status = config_add_all(source, config, added);
	for (size_t i = 0; i < 5 && status == CLADE_OK; i++) {
		const char *token;
		status = config_token(source, config, names[i][0], names[i][1], &token);
		const json_t *id = status == CLADE_OK && token != NULL ? json_object_get(vocab, token) : NULL;
		bool around = i == 1 || i == 3;
		if (status != CLADE_OK || (id == NULL && !around))
			continue;
		if (id == NULL)
			return text_damaged(source, "has no token \"%.64s\", the %s", token != NULL ? token : "",
					    names[i][0]);
		if (!config_add(added, token, json_integer_value(id), true) ||
		    (around && json_object_set_new(processor, i == 1 ? "sep" : "cls",
						   json_pack("[s, I]", token, json_integer_value(id))) != 0))
			return clade_fail_memory(source->diag, 64, "added tokens");
	}
	return status;
}

static enum clade_status build(const struct part_source *source, const char *text, size_t bytes, const json_t *config,
			       json_t **out_root)
{
	bool lower, chinese, basic, accents;
	const char *class, *unknown;
	enum clade_status status = config_class(source, config, classes, &class);
	if (status == CLADE_OK)
		status = config_switch(source, config, "do_lower_case", true, &lower);
	if (status == CLADE_OK)
		status = config_switch(source, config, "tokenize_chinese_chars", true, &chinese);
	if (status == CLADE_OK)
		status = config_switch(source, config, "do_basic_tokenize", true, &basic);
	if (status == CLADE_OK)
		status = config_switch(source, config, "strip_accents", lower, &accents);
	if (status == CLADE_OK)
		status = config_token(source, config, "unk_token", "[UNK]", &unknown);
	if (status == CLADE_OK && (!basic || unknown == NULL))
		status = text_refuse(source,
				     "tokenizer_config.json:", basic ? "unk_token null" : "do_basic_tokenize false",
				     "do_basic_tokenize true and an unk_token");
	if (status != CLADE_OK)
		return status;
	*out_root = json_pack("{s:{s:s, s:b, s:b, s:b, s:b}, s:{s:s}, s:{s:s, s:s, s:s, s:i, s:{}}, s:{s:s}, "
			      "s:{s:s, s:s, s:b}, s:[]}",
			      "normalizer", "type", "BertNormalizer", "clean_text", 1, "handle_chinese_chars", chinese,
			      "strip_accents", accents, "lowercase", lower, "pre_tokenizer", "type", "BertPreTokenizer",
			      "model", "type", "WordPiece", "unk_token", unknown, "continuing_subword_prefix", "##",
			      "max_input_chars_per_word", 100, "vocab", "post_processor", "type", "BertProcessing",
			      "decoder", "type", "WordPiece", "prefix", "##", "cleanup", 1, "added_tokens");
	if (*out_root == NULL)
		return clade_fail_memory(source->diag, 1024, "a tokenizer");
	json_t *vocab = json_object_get(json_object_get(*out_root, "model"), "vocab");
	status = read_lines(source, text, bytes, vocab);
	return status == CLADE_OK ? add_special(source, config, vocab, *out_root) : status;
}

enum clade_status clade_tokenizer_parse_vocab_txt(struct clade_context *context, const char *name, const char *text,
						  size_t bytes, const char *config, size_t config_bytes,
						  struct clade_tokenizer **out_tokenizer, struct clade_diag *diag)
{
	struct part_source source = { context, name, diag }, config_source = { context, "tokenizer_config.json", diag };
	json_t *root = NULL, *settings = NULL;
	enum clade_status status = CLADE_OK;
	*out_tokenizer = NULL;
	if (config != NULL)
		status = json_read(&config_source, config, config_bytes, &settings);
	if (status == CLADE_OK)
		status = build(&source, text, bytes, settings, &root);
	if (status == CLADE_OK)
		status = tokenizer_from_json(&source, root, out_tokenizer);
	json_decref(root);
	json_decref(settings);
	return status;
}

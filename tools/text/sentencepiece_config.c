/* SPDX-License-Identifier: MIT */
/* What stands around SentencePiece's model: special tokens, and with a tokenizer_config.json the steps that
 * transformers takes instead of SentencePiece's own, which differ in spaces, unknown tokens and rounding. */
#include "sentencepiece.h"
#include "tokenizer_config.h"

#include <stdio.h>
#include <string.h>

extern const struct part_kind normalizer_precompiled;
#define SPACE "\xe2\x96\x81"

/* ---- what transformers does before and behind the model ---- */

/* Reads a part as tokenizer.json has it; takes the reference. */
static enum clade_status add_part(const struct part_source *source, const char *slot, const char *members,
				  const struct part_kind *const *kinds, json_t *json, struct parts *out)
{
	enum clade_status status = json != NULL ? parts_parse(source, slot, members, kinds, json, out)
						: clade_fail_memory(source->diag, 256, "a tokenizer");
	json_decref(json);
	return status;
}

static enum clade_status add_decoders(const struct part_source *source, bool strip, struct clade_tokenizer *out)
{
	json_t *json = json_pack("{s:s, s:[{s:s, s:{s:s}, s:s}, {s:s}, {s:s}]}", "type", "Sequence", "decoders", "type",
				 "Replace", "pattern", "String", SPACE, "content", " ", "type", "ByteFallback", "type",
				 "Fuse");
	enum clade_status status = add_part(source, "decoder", "decoders", decoder_kinds, json, &out->decoders);
	if (status == CLADE_OK && strip)
		status = add_part(
			source, "decoder", "decoders", decoder_kinds,
			json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip", "content", " ", "start", 1, "stop", 0),
			&out->decoders);
	return status;
}

static json_t *metaspace(const char *scheme, bool split)
{
	return json_pack("{s:s, s:s, s:s, s:b}", "type", "Metaspace", "replacement", SPACE, "prepend_scheme", scheme,
			 "split", split);
}

static enum clade_status llama_steps(const struct part_source *source, const struct sentencepiece_spec *spec,
				     const json_t *config, struct clade_tokenizer *out)
{
	bool prefix, legacy;
	enum clade_status status = config_switch(source, config, "add_prefix_space", true, &prefix);
	(void)spec;
	if (status == CLADE_OK)
		status = config_switch(source, config, "legacy", false, &legacy);
	if (status == CLADE_OK)
		status = add_part(source, "pre_tokenizer", "pretokenizers", pre_tokenizer_kinds,
				  metaspace(!prefix  ? "never"
					    : legacy ? "always"
						     : "first",
					    false),
				  &out->pre_tokenizers);
	return status == CLADE_OK ? add_decoders(source, prefix, out) : status;
}

static enum clade_status gemma_steps(const struct part_source *source, const struct sentencepiece_spec *spec,
				     const json_t *config, struct clade_tokenizer *out)
{
	json_t *replace =
		json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "String", " ", "content", SPACE);
	(void)spec, (void)config;
	enum clade_status status =
		add_part(source, "normalizer", "normalizers", normalizer_kinds, replace, &out->normalizers);
	return status == CLADE_OK ? add_decoders(source, false, out) : status;
}

static enum clade_status t5_steps(const struct part_source *source, const struct sentencepiece_spec *spec,
				  const json_t *config, struct clade_tokenizer *out)
{
	enum clade_status status = CLADE_OK;
	(void)config;
	if (spec->charsmap_bytes > 0) {
		struct charsmap *map = clade_alloc(source->context, sizeof(*map));
		if (map == NULL)
			return clade_fail_memory(source->diag, sizeof(*map), "a tokenizer");
		status = charsmap_parse(source, "precompiled_charsmap", spec->charsmap, spec->charsmap_bytes, map);
		if (status == CLADE_OK)
			status = parts_add(source, &normalizer_precompiled, NULL, &out->normalizers);
		if (status == CLADE_OK) {
			out->normalizers.items[0].data = map;
		} else {
			charsmap_finish(source->context, map);
			clade_free(source->context, map);
		}
	}
	if (status == CLADE_OK)
		status = add_part(source, "pre_tokenizer", "pretokenizers", pre_tokenizer_kinds,
				  json_pack("{s:s, s:[{s:s}, o]}", "type", "Sequence", "pretokenizers", "type",
					    "WhitespaceSplit", metaspace("always", true)),
				  &out->pre_tokenizers);
	if (status == CLADE_OK)
		status = add_part(source, "decoder", "decoders", decoder_kinds, metaspace("always", true),
				  &out->decoders);
	return status;
}

/* The classes of transformers' tokenizers that read such a file, and what they do if their config does not say. */
static const struct family {
	const char *class;
	bool bpe, bos, eos;
	int extra_ids;
	const char *bos_token, *eos_token;
	enum clade_status (*steps)(const struct part_source *source, const struct sentencepiece_spec *spec,
				   const json_t *config, struct clade_tokenizer *out);
} families[] = {
	{ "LlamaTokenizer", true, true, false, 0, "<s>", "</s>", llama_steps },
	{ "GemmaTokenizer", true, true, false, 0, "<bos>", "<eos>", gemma_steps },
	{ "T5Tokenizer", false, false, true, 100, "<s>", "</s>", t5_steps },
};
static const char *const classes[] = { "LlamaTokenizer", "GemmaTokenizer", "T5Tokenizer", "PreTrainedTokenizer", NULL };
/* No class, or one that says nothing: SentencePiece's own steps. */
static const struct family no_family = { "", false, false, false, 0, "<s>", "</s>", NULL };

static enum clade_status find_family(const struct part_source *source, const struct sentencepiece_spec *spec,
				     const json_t *config, const struct family **out)
{
	const char *class;
	enum clade_status status = config_class(source, config, classes, &class);
	*out = &no_family;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && status == CLADE_OK; i++)
		if (strncmp(class, families[i].class, strlen(families[i].class)) == 0)
			*out = &families[i];
	if (status == CLADE_OK && (*out)->steps != NULL && (*out)->bpe != spec->bpe)
		return text_damaged(source, "tokenizer_class is \"%.64s\", but the model is %s", class,
				    spec->bpe ? "bpe" : "unigram");
	return status;
}

/* ---- special tokens ---- */

/* Control and unknown pieces are special. Without a tokenizer_config.json none of them is found in a text, as in the
 * package sentencepiece. */
enum clade_status sentencepiece_plain(const struct part_source *source, const struct sentencepiece_spec *spec,
				      struct clade_tokenizer *out)
{
	enum clade_status status = sentencepiece_build(source, spec, out);
	if (status == CLADE_OK)
		status = added_begin(source, spec->count, &out->added);
	for (size_t i = 0; i < spec->count && status == CLADE_OK; i++) {
		const struct token *token = vocabulary_token(&out->vocabulary, (int32_t)i);
		const struct added_token added = { .text = (char *)token->text, .id = token->id, .special = true };
		if (spec->pieces[i].type != PIECE_CONTROL && spec->pieces[i].type != PIECE_UNKNOWN)
			continue;
		status = added_add(source, out, &added);
		if (status == CLADE_OK)
			out->added.items[out->added.count - 1].bytes = 0;
	}
	return status == CLADE_OK ? added_seal(source, &out->added) : status;
}

static enum clade_status add_template(const struct part_source *source, const json_t *config,
				      const struct family *family, struct clade_tokenizer *out)
{
	const struct {
		const char *key, *token_key, *token;
		bool wanted;
	} ends[] = { { "add_bos_token", "bos_token", family->bos_token, family->bos },
		     { "add_eos_token", "eos_token", family->eos_token, family->eos } };
	struct id_buffer ids = { .context = source->context };
	enum clade_status status = CLADE_OK;
	for (int i = 0; i < 2 && status == CLADE_OK; i++) {
		const char *token = NULL;
		bool wanted = false;
		status = config_switch(source, config, ends[i].key, ends[i].wanted, &wanted);
		if (status == CLADE_OK)
			status = config_token(source, config, ends[i].token_key, ends[i].token, &token);
		int32_t id = status == CLADE_OK && token != NULL ? clade_tokenizer_find(out, token) : -1;
		if (status == CLADE_OK && wanted && id < 0)
			status = text_damaged(source, "%s is wanted, but %s \"%.64s\" is no token", ends[i].key,
					      ends[i].token_key, token != NULL ? token : "null");
		else if (status == CLADE_OK && wanted && !ids_add(&ids, id))
			status = clade_fail_memory(source->diag, 8, "a template");
		out->template_ids.before = i == 0 ? ids.count : out->template_ids.before;
	}
	out->template_ids.ids = ids.ids;
	out->template_ids.count = ids.count;
	return status;
}

/* T5's tokens for masked spans lie behind the pieces, counted backwards. */
static enum clade_status add_extra_ids(const struct part_source *source, const json_t *config, json_int_t extra,
				       size_t count, json_t *added)
{
	const json_t *value = json_object_get(config, "extra_ids");
	if (value != NULL)
		extra = json_integer_value(value);
	if ((value != NULL && !json_is_integer(value)) || extra < 0 || extra > 10000)
		return text_damaged(source, "extra_ids must be a count of at most 10000");
	for (json_int_t i = 0; i < extra; i++) {
		char text[32];
		snprintf(text, sizeof(text), "<extra_id_%d>", (int)i);
		if (!config_add(added, text, (int64_t)count + extra - 1 - i, true))
			return clade_fail_memory(source->diag, 64, "added tokens");
	}
	return CLADE_OK;
}

/* Special pieces are found in texts, and what the config adds. Pieces that the user defined are the model's business.
 */
static enum clade_status add_special(const struct part_source *source, const struct sentencepiece_spec *spec,
				     const json_t *config, const struct family *family, struct clade_tokenizer *out)
{
	json_t *added = json_array();
	enum clade_status status = added != NULL ? config_add_all(source, config, added)
						 : clade_fail_memory(source->diag, 64, "added tokens");
	for (size_t i = 0; i < spec->count && status == CLADE_OK; i++) {
		enum piece_type type = spec->pieces[i].type;
		if ((type == PIECE_CONTROL || type == PIECE_UNKNOWN) &&
		    !config_add(added, vocabulary_token(&out->vocabulary, (int32_t)i)->text, (int64_t)i, true))
			status = clade_fail_memory(source->diag, 64, "added tokens");
	}
	if (status == CLADE_OK && family->extra_ids > 0)
		status = add_extra_ids(source, config, family->extra_ids, spec->count, added);
	if (status == CLADE_OK)
		status = added_parse(source, added, out);
	json_decref(added);
	return status;
}

enum clade_status sentencepiece_configure(const struct part_source *source, const struct part_source *config_source,
					  struct sentencepiece_spec *spec, const json_t *config,
					  struct clade_tokenizer *out)
{
	const struct family *family;
	enum clade_status status = find_family(config_source, spec, config, &family);
	if (status == CLADE_OK && family->steps == NULL)
		status = config_switch(config_source, config, "legacy", false, &spec->prefix_every);
	if (status != CLADE_OK)
		return status;
	spec->manner = family->steps != NULL ? LIKE_HUGGING_FACE : LIKE_SENTENCEPIECE;
	status = family->steps != NULL ? sentencepiece_build_model(source, spec, out)
				       : sentencepiece_build(source, spec, out);
	if (status == CLADE_OK && family->steps != NULL)
		status = family->steps(config_source, spec, config, out);
	if (status == CLADE_OK)
		status = add_special(config_source, spec, config, family, out);
	return status == CLADE_OK ? add_template(config_source, config, family, out) : status;
}

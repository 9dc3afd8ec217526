/* SPDX-License-Identifier: MIT */
/* Tokenizers from the arrays of a GGUF file. What llama.cpp does with them is said in the words of tokenizer.json. */
#include "bpe.h"
#include "normalizer_words.h"
#include "pre_patterns.h"
#include "sentencepiece.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of enum piece_type, and one more. */
enum token_type { UNDEFINED, NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };

static int type_of(const struct clade_tokenizer_data *data, size_t id)
{
	return data->types != NULL ? data->types[id] : NORMAL;
}

/* ---- what every file must keep to ---- */

static enum clade_status check_token(const struct part_source *source, const struct clade_tokenizer_data *data,
				     size_t id)
{
	const char *text = data->tokens[id];
	int type = type_of(data, id);
	char *end;
	if (text == NULL)
		return text_damaged(source, "token %zu has no text", id);
	if (type < 0 || type > BYTE)
		return text_damaged(source, "token %zu has the type %d; there are 1 to %d", id, type, BYTE);
	if (text[0] == '\0' && type != UNUSED)
		return text_damaged(source, "token %zu is empty", id);
	if (utf8_check(text, strlen(text)) < strlen(text))
		return text_damaged(source, "token %zu is not UTF-8", id);
	if (type == BYTE && (strlen(text) != 6 || strncmp(text, "<0x", 3) != 0 || text[5] != '>' ||
			     strspn(text + 3, "0123456789abcdefABCDEF") != 2 || strtol(text + 3, &end, 16) > 255))
		return text_damaged(source, "token %zu, \"%.32s\", is to be a byte, which is written <0x00> to <0xFF>",
				    id, text);
	if (data->scores != NULL && !isfinite(data->scores[id]))
		return text_damaged(source, "the score of token %zu is not a number", id);
	return CLADE_OK;
}

static enum clade_status check(const struct part_source *source, const struct clade_tokenizer_data *data)
{
	const int64_t ids[] = { data->bos,     data->eos, data->unknown, data->separator,
				data->padding, data->cls, data->mask };
	static const char *const names[] = {
		"bos", "eos", "unknown", "seperator", "padding", "cls", "mask"
	}; /* as GGUF spells them */
	enum clade_status status = CLADE_OK;
	if (data->token_count == 0 || data->token_count >= INT32_MAX)
		return text_damaged(source, "has %zu tokens; a tokenizer has 1 to 2^31 - 2", data->token_count);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i] < -1 || ids[i] >= (int64_t)data->token_count)
			return text_damaged(source, "tokenizer.ggml.%s_token_id is %lld; there are %zu tokens",
					    names[i], (long long)ids[i], data->token_count);
	for (size_t i = 0; i < data->token_count && status == CLADE_OK; i++)
		status = check_token(source, data, i);
	return status;
}

/* ---- tokens ---- */

/* Object: text to id. */
static enum clade_status add_vocab(const struct part_source *source, const struct clade_tokenizer_data *data,
				   json_t *vocab)
{
	for (size_t id = 0; id < data->token_count; id++) {
		char number[32];
		const char *text = data->tokens[id];
		if (text[0] == '\0') {
			snprintf(number, sizeof(number), "[EMPTY_%zu]", id);
			text = number;
		}
		const json_t *twin = json_object_get(vocab, text);
		if (twin != NULL)
			return text_damaged(source, "the token \"%.64s\" has two ids, %lld and %zu", text,
					    (long long)json_integer_value(twin), id);
		if (json_object_set_new(vocab, text, json_integer((json_int_t)id)) != 0)
			return clade_fail_memory(source->diag, strlen(text), "a vocabulary");
	}
	return CLADE_OK;
}

/* Texts that end a turn or part a program are control tokens, whatever the file says: converters forgot some. */
static bool is_control(const char *text)
{
	static const char *const texts[] = {
		"<|eot_id|>",
		"<|eom_id|>",
		"<|im_end|>",
		"<|end|>",
		"<|return|>",
		"<|call|>",
		"<|flush|>",
		"<|calls|>",
		"<end_of_turn>",
		"<|endoftext|>",
		"<|end_of_text|>",
		"<EOT>",
		"_<EOT>",
		"[EOT]",
		"[EOS]",
		"<eos>",
		"<turn|>",
		"<|tool_response>",
		"[e~[",
		"<end_of_utterance>",
		"</s>",
		"<|fim_prefix|>",
		"<|fim_suffix|>",
		"<|fim_middle|>",
		"<|fim_pad|>",
		"<|fim_repo|>",
		"<|file_sep|>",
		"<fim_prefix>",
		"<fim_suffix>",
		"<fim_middle>",
		"<fim_pad>",
		"<fim-prefix>",
		"<fim-suffix>",
		"<fim-middle>",
		"<fim-pad>",
		"<fim-repo>",
		"<PRE>",
		"<SUF>",
		"<MID>",
		"<PAD>",
		"[PAD]",
		"<REPO>",
		"<|code_prefix|>",
		"<|code_suffix|>",
		"<|code_middle|>",
		"<|prefix|>",
		"<|suffix|>",
		"<|middle|>",
		"\xe2\x96\x81<PRE>",
		"\xe2\x96\x81<SUF>",
		"\xe2\x96\x81<MID>",
		"<reponame>",
		"<|repo_name|>",
		"<\xef\xbd\x9c"
		"end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
		"<\xef\xbd\x9c"
		"fim\xe2\x96\x81"
		"begin\xef\xbd\x9c>",
		"<\xef\xbd\x9c"
		"fim\xe2\x96\x81hole\xef\xbd\x9c>",
		"<\xef\xbd\x9c"
		"fim\xe2\x96\x81"
		"end\xef\xbd\x9c>",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(text, texts[i]) == 0)
			return true;
	return false;
}

/* Texts of one family's tokens that llama.cpp takes as user-defined whatever the file says. */
static bool is_channel(const char *text)
{
	return strcmp(text, "<|channel|>") == 0 || strcmp(text, "<|message|>") == 0 || strcmp(text, "<|start|>") == 0 ||
	       strcmp(text, "<|constrain|>") == 0;
}

/* llama.cpp knows by this name that white space before a mask belongs to it. */
static bool mask_takes_space(const char *pre)
{
	return pre != NULL && (strstr(pre, "jina-v2-de") != NULL || strstr(pre, "jina-v2-es") != NULL ||
			       strstr(pre, "jina-v2-code") != NULL);
}

/* Control, unknown and user-defined tokens are found in texts before anything else. */
static enum clade_status add_added(const struct part_source *source, const struct clade_tokenizer_data *data,
				   json_t *added)
{
	for (size_t id = 0; id < data->token_count; id++) {
		const char *text = data->tokens[id];
		int type = is_channel(text) ? USER_DEFINED : is_control(text) ? CONTROL : type_of(data, id);
		bool lstrip = strcmp(text, "<mask>") == 0 && mask_takes_space(data->pre);
		bool rstrip = data->strip_right && strcmp(text, "<unk>") != 0 && strcmp(text, "<s>") != 0 &&
			      strcmp(text, "<|endoftext|>") != 0;
		if (type != CONTROL && type != UNKNOWN && type != USER_DEFINED)
			continue;
		json_t *item = json_pack("{s:I, s:s, s:b, s:b, s:b}", "id", (json_int_t)id, "content", text, "special",
					 type != USER_DEFINED, "lstrip", lstrip, "rstrip", rstrip);
		if (item == NULL || json_array_append_new(added, item) != 0)
			return clade_fail_memory(source->diag, 64, "added tokens");
	}
	return CLADE_OK;
}

/* A template of the ids before and behind the text, -1 for none. */
static enum clade_status add_template(const struct part_source *source, int64_t before, int64_t behind, json_t *root)
{
	json_t *single = json_array();
	int failed = 0;
	if (before >= 0)
		failed |= json_array_append_new(single, json_pack("{s:{s:s}}", "SpecialToken", "id", "before"));
	failed |= json_array_append_new(single, json_pack("{s:{s:s}}", "Sequence", "id", "A"));
	if (behind >= 0)
		failed |= json_array_append_new(single, json_pack("{s:{s:s}}", "SpecialToken", "id", "behind"));
	json_t *template =
		json_pack("{s:s, s:o, s:{s:{s:[I]}, s:{s:[I]}}}", "type", "TemplateProcessing", "single", single,
			  "special_tokens", "before", "ids", (json_int_t)before, "behind", "ids", (json_int_t)behind);
	failed |= json_object_set_new(root, "post_processor", template);
	return failed == 0 ? CLADE_OK : clade_fail_memory(source->diag, 64, "a template");
}

/* The id of a token that belongs around every text. */
static enum clade_status around(const struct part_source *source, bool wanted, int64_t id, const char *name,
				int64_t *out)
{
	*out = wanted ? id : -1;
	return !wanted || id >= 0 ? CLADE_OK
				  : text_damaged(source,
						 "tokenizer.ggml.add_%s_token is true, but there is no "
						 "tokenizer.ggml.%s_token_id",
						 name, name);
}

static int64_t or_else(const struct clade_tokenizer_data *data, int64_t id, int64_t fallback)
{
	return id >= 0 ? id : fallback < (int64_t)data->token_count ? fallback : -1; /* -1: none */
}

/* ---- gpt2: byte-level BPE ---- */

static enum clade_status find_pre(const struct part_source *source, const struct clade_tokenizer_data *data,
				  const struct pre_patterns **out)
{
	char supported[1024] = "";
	*out = pre_patterns_find(data->pre != NULL ? data->pre : "default");
	if (*out != NULL)
		return CLADE_OK;
	for (const struct pre_patterns *row = pre_patterns; row->names != NULL; row++)
		snprintf(supported + strlen(supported), sizeof(supported) - strlen(supported), "%s", row->names + 1);
	return text_refuse(source, "tokenizer.ggml.pre", data->pre, supported);
}

static enum clade_status add_merges(const struct part_source *source, const struct clade_tokenizer_data *data,
				    json_t *merges)
{
	for (size_t i = 0; i < data->merge_count; i++) {
		if (data->merges[i] == NULL)
			return text_damaged(source, "merge %zu has no text", i);
		size_t bytes = strlen(data->merges[i]);
		if (utf8_check(data->merges[i], bytes) < bytes)
			return text_damaged(source, "merge %zu is not UTF-8", i);
		if (json_array_append_new(merges, json_string(data->merges[i])) != 0)
			return clade_fail_memory(source->diag, bytes, "merges");
	}
	return data->merge_count > 0 ? CLADE_OK
				     : text_damaged(source, "has no tokenizer.ggml.merges, which a tokenizer "
							    "\"gpt2\" needs");
}

static enum clade_status fill_bpe(const struct part_source *source, const struct clade_tokenizer_data *data,
				  bool ignore_merges, struct clade_tokenizer *out)
{
	json_t *vocab = json_object(), *merges = json_array();
	json_t *model =
		json_pack("{s:o, s:o, s:b}", "vocab", vocab, "merges", merges, "ignore_merges", (int)ignore_merges);
	enum clade_status status = model != NULL ? CLADE_OK : clade_fail_memory(source->diag, 64, "a tokenizer");
	if (status == CLADE_OK)
		status = add_merges(source, data, merges);
	if (status == CLADE_OK)
		status = add_vocab(source, data, vocab);
	out->model = &model_bpe;
	if (status == CLADE_OK)
		status = out->model->parse(source, model, out);
	json_decref(model);
	return status;
}

static enum clade_status fill_gpt2(const struct part_source *source, const struct clade_tokenizer_data *data,
				   json_t *root, struct clade_tokenizer *out)
{
	const struct pre_patterns *pre;
	int64_t before = -1, behind = -1;
	json_t *bytes = json_pack("{s:b, s:b}", "add_prefix_space", 0, "use_regex", 0);
	enum clade_status status =
		bytes != NULL ? find_pre(source, data, &pre) : clade_fail_memory(source->diag, 64, "a tokenizer");
	if (status == CLADE_OK)
		status = fill_bpe(source, data, pre->ignore_merges, out);
	if (status == CLADE_OK)
		status = pre_patterns_add(source, pre, &out->pre_tokenizers);
	if (status == CLADE_OK)
		status = parts_add(source, &pre_tokenizer_byte_level, bytes, &out->pre_tokenizers);
	if (status == CLADE_OK)
		status = parts_add(source, &decoder_byte_level, NULL, &out->decoders);
	if (status == CLADE_OK)
		status = around(source, data->add_bos < 0 ? pre->add_bos : data->add_bos, data->bos, "bos", &before);
	if (status == CLADE_OK)
		status = around(source, data->add_eos > 0, data->eos, "eos", &behind);
	json_decref(bytes);
	return status == CLADE_OK ? add_template(source, before, behind, root) : status;
}

/* ---- bert: WordPiece ---- */

/* Tokens that continue a word have no prefix; the words have one at their front. */
static enum clade_status fill_word_piece(const struct part_source *source, const struct clade_tokenizer_data *data,
					 struct clade_tokenizer *out)
{
	int64_t unknown = or_else(data, data->unknown, 100);
	if (unknown < 0)
		return text_damaged(source, "has no tokenizer.ggml.unknown_token_id");
	json_t *vocab = json_object();
	json_t *model =
		json_pack("{s:s, s:s, s:i, s:o}", "unk_token", data->tokens[unknown], "continuing_subword_prefix", "",
			  "max_input_chars_per_word", INT32_MAX, "vocab", vocab);
	enum clade_status status =
		model != NULL ? add_vocab(source, data, vocab) : clade_fail_memory(source->diag, 64, "a tokenizer");
	out->model = &model_word_piece;
	if (status == CLADE_OK)
		status = out->model->parse(source, model, out);
	json_decref(model);
	return status;
}

static enum clade_status fill_bert(const struct part_source *source, const struct clade_tokenizer_data *data,
				   json_t *root, struct clade_tokenizer *out)
{
	int64_t before = -1, behind = -1;
	enum clade_status status = fill_word_piece(source, data, out);
	if (status == CLADE_OK)
		status = parts_add(source, &normalizer_words, NULL, &out->normalizers);
	if (status == CLADE_OK)
		out->normalizers.items[0].flags =
			(data->keep_case ? WORDS_KEEP_CASE : 0) | (data->keep_accents ? WORDS_KEEP_ACCENTS : 0);
	if (status == CLADE_OK)
		status = parts_add(source, &pre_tokenizer_whitespace_split, NULL, &out->pre_tokenizers);
	if (status == CLADE_OK)
		status = parts_add(source, &decoder_word_starts, NULL, &out->decoders);
	if (status == CLADE_OK)
		out->decoders.items[0].data = out;
	/* llama.cpp takes the first from bos; files of BERT name it cls, too */
	if (status == CLADE_OK)
		status = around(source, true, or_else(data, data->bos >= 0 ? data->bos : data->cls, 101), "bos",
				&before);
	if (status == CLADE_OK)
		status = around(source, true, or_else(data, data->separator, 102), "seperator", &behind);
	return status == CLADE_OK ? add_template(source, before, behind, root) : status;
}

/* ---- llama and t5: SentencePiece ---- */

/* What kind of piece a token is. A file without types, or whose types name no unknown token, is read by its ids. */
static enum piece_type piece_of(const struct clade_tokenizer_data *data, size_t id, int64_t unknown, bool bpe)
{
	int type = type_of(data, id);
	const char *text = data->tokens[id];
	if ((int64_t)id == unknown)
		return PIECE_UNKNOWN;
	if (data->types == NULL && ((int64_t)id == data->bos || (int64_t)id == data->eos))
		return PIECE_CONTROL;
	if (data->types == NULL && bpe && strlen(text) == 6 && strncmp(text, "<0x", 3) == 0)
		return PIECE_BYTE;
	if (bpe && (type == UNDEFINED || type == UNUSED || type == USER_DEFINED))
		return PIECE_NORMAL; /* BPE joins to them as to any other */
	return !bpe && (type == UNDEFINED || type == BYTE) ? PIECE_CONTROL : (enum piece_type)type;
}

static enum clade_status fill_pieces(const struct part_source *source, const struct clade_tokenizer_data *data,
				     int64_t unknown, struct sentencepiece_spec *spec, struct clade_tokenizer *out)
{
	struct piece *pieces = clade_alloc(source->context, data->token_count * sizeof(*pieces));
	if (pieces == NULL)
		return clade_fail_memory(source->diag, data->token_count * sizeof(*pieces), "a vocabulary");
	for (size_t i = 0; data->types != NULL && i < data->token_count; i++)
		if (data->types[i] == UNKNOWN)
			unknown = -1; /* the types say which one it is */
	for (size_t i = 0; i < data->token_count; i++) {
		enum piece_type type = piece_of(data, i, unknown, spec->bpe);
		pieces[i] = (struct piece) { data->tokens[i], strlen(data->tokens[i]), data->scores[i], type };
		spec->byte_fallback |= type == PIECE_BYTE;
	}
	spec->pieces = pieces;
	spec->count = data->token_count;
	spec->manner = LIKE_LLAMA_CPP;
	spec->escape_spaces = spec->prefix_every = true;
	spec->dummy_prefix = data->add_space_prefix < 0 ? spec->bpe : data->add_space_prefix;
	spec->unknown_surface = " \xe2\x81\x87 ";
	spec->unknown_surface_bytes = strlen(spec->unknown_surface);
	enum clade_status status = sentencepiece_build(source, spec, out);
	clade_free(source->context, pieces);
	return status;
}

static enum clade_status fill_template(const struct part_source *source, const struct clade_tokenizer_data *data,
				       bool bos, bool eos, int64_t bos_id, int64_t eos_id, json_t *root)
{
	int64_t before, behind;
	enum clade_status status = around(source, data->add_bos < 0 ? bos : data->add_bos,
					  or_else(data, data->bos, bos_id), "bos", &before);
	if (status == CLADE_OK)
		status = around(source, data->add_eos < 0 ? eos : data->add_eos, or_else(data, data->eos, eos_id),
				"eos", &behind);
	return status == CLADE_OK ? add_template(source, before, behind, root) : status;
}

static enum clade_status fill_llama(const struct part_source *source, const struct clade_tokenizer_data *data,
				    json_t *root, struct clade_tokenizer *out)
{
	struct sentencepiece_spec spec = { .bpe = true };
	if (data->scores == NULL)
		return text_damaged(source, "has no tokenizer.ggml.scores, which a tokenizer \"llama\" needs");
	enum clade_status status = fill_template(source, data, true, false, 1, 2, root);
	return status == CLADE_OK ? fill_pieces(source, data, or_else(data, data->unknown, 0), &spec, out) : status;
}

static enum clade_status fill_t5(const struct part_source *source, const struct clade_tokenizer_data *data,
				 json_t *root, struct clade_tokenizer *out)
{
	struct sentencepiece_spec spec = { .charsmap = data->charsmap,
					   .charsmap_bytes = data->charsmap_bytes,
					   .remove_extra_spaces = data->remove_extra_spaces };
	if (data->scores == NULL)
		return text_damaged(source, "has no tokenizer.ggml.scores, which a tokenizer \"t5\" needs");
	enum clade_status status = fill_template(source, data, false, true, -1, 1, root);
	return status == CLADE_OK ? fill_pieces(source, data, or_else(data, data->unknown, 2), &spec, out) : status;
}

static const struct {
	const char *model;
	/* Fills the tokenizer, but for the added tokens and the template, which it says in `root`. */
	enum clade_status (*fill)(const struct part_source *source, const struct clade_tokenizer_data *data,
				  json_t *root, struct clade_tokenizer *out);
} models[] = {
	{ "gpt2", fill_gpt2 },
	{ "llama", fill_llama },
	{ "bert", fill_bert },
	{ "t5", fill_t5 },
};

static enum clade_status fill(const struct part_source *source, const struct clade_tokenizer_data *data, size_t model,
			      json_t *root, struct clade_tokenizer **out)
{
	enum clade_status status = tokenizer_create(source, out);
	if (status == CLADE_OK)
		status = models[model].fill(source, data, root, *out);
	if (status == CLADE_OK)
		status = added_parse(source, json_object_get(root, "added_tokens"), *out);
	if (status == CLADE_OK)
		status = post_processor_parse(source, json_object_get(root, "post_processor"), &(*out)->template_ids);
	if (status != CLADE_OK)
		clade_tokenizer_destroy(out);
	return status;
}

enum clade_status clade_tokenizer_create(struct clade_context *context, const char *name,
					 const struct clade_tokenizer_data *data,
					 struct clade_tokenizer **out_tokenizer, struct clade_diag *diag)
{
	struct part_source source = { context, name, diag };
	const char *model = data->model != NULL ? data->model : "";
	json_t *added = json_array(), *root = json_pack("{s:O}", "added_tokens", added);
	size_t count = sizeof(models) / sizeof(models[0]), i = 0;
	enum clade_status status = root != NULL ? CLADE_OK : clade_fail_memory(diag, 64, "a tokenizer");
	*out_tokenizer = NULL;
	while (i < count && strcmp(models[i].model, model) != 0)
		i++;
	if (status == CLADE_OK && i == count)
		status = text_refuse(&source, "tokenizer.ggml.model", model, "gpt2, llama, bert, t5");
	if (status == CLADE_OK)
		status = check(&source, data);
	if (status == CLADE_OK)
		status = add_added(&source, data, added);
	if (status == CLADE_OK)
		status = fill(&source, data, i, root, out_tokenizer);
	if (status == CLADE_OK)
		(*out_tokenizer)->added.longest_first = true;
	json_decref(added);
	json_decref(root);
	return status;
}

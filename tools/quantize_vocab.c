/* SPDX-License-Identifier: MIT */
/* A BPE tokenizer of Hugging Face (tokenizer.model, tokenizer.json, or vocab.json and merges.txt) as tokenizer.ggml.*
 * of GGUF. */
#include "quantize.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LIMIT = 256 << 20 };
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER = 4, UNUSED = 5, BYTE = 6 }; /* GGUF's token types */

struct vocab {
	struct quantize *quantize;
	char where[PATH_MAX + 64]; /* the file that is read, for messages */
	json_t *root, *config;     /* tokenizer.json, tokenizer_config.json (NULL: none) */
	json_t *tokens, *merges;   /* text -> id; of the root, or made of vocab.json and merges.txt */
	const char **texts;        /* by id */
	int32_t *types;
	float *scores;
	char (*pads)[32];
	struct quantize_pieces pieces; /* of tokenizer.model, which knows the scores; none if it is not there */
	size_t count;                  /* as many as the embedding has rows */
	bool byte_level;
};

static enum clade_status fail_vocab(struct vocab *vocab, const char *text)
{
	return clade_fail(&vocab->quantize->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_QUANTIZE, vocab->where,
			  "%s; GGUF is written for byte-level BPE and SentencePiece BPE with byte fallback", text);
}

/* ---- files ---- */

/* A file of the model's folder; *out NULL if it is not there. */
static enum clade_status read_text(struct vocab *vocab, const char *name, char **out, size_t *out_bytes)
{
	struct tool *tool = vocab->quantize->tool;
	struct stat st;
	*out = NULL;
	snprintf(vocab->where, sizeof(vocab->where), "%s/%s", vocab->quantize->model.folder, name);
	if (stat(vocab->where, &st) != 0)
		return CLADE_OK;
	return clade_file_load(tool->context, vocab->where, LIMIT, out, out_bytes, &tool->diag);
}

static enum clade_status read_object(struct vocab *vocab, const char *name, json_t **out)
{
	struct tool *tool = vocab->quantize->tool;
	char *text;
	size_t bytes = 0;
	json_error_t error;
	enum clade_status status = read_text(vocab, name, &text, &bytes);
	*out = NULL;
	if (status != CLADE_OK || text == NULL)
		return status;
	*out = json_loadb(text, bytes, 0, &error);
	clade_free(tool->context, text);
	if (*out != NULL && json_is_object(*out))
		return CLADE_OK;
	return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_QUANTIZE, vocab->where,
			  "is not a JSON object%s%s", *out == NULL ? ": " : "", *out == NULL ? error.text : "");
}

/* merges.txt: a pair a line, behind a line that begins with #version. */
static enum clade_status read_merges(struct vocab *vocab)
{
	char *text, *rest, *line;
	size_t bytes = 0;
	enum clade_status status = read_text(vocab, "merges.txt", &text, &bytes);
	if (status != CLADE_OK)
		return status;
	if (text == NULL)
		return fail_vocab(vocab, "is missing beside vocab.json");
	vocab->merges = json_array();
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		line[strcspn(line, "\r")] = '\0';
		if (line[0] != '\0' && strncmp(line, "#version", 8) != 0)
			json_array_append_new(vocab->merges, json_string(line));
	}
	clade_free(vocab->quantize->tool->context, text);
	return CLADE_OK;
}

static bool has_type(const json_t *part, const char *list, const char *type)
{
	const char *own = json_string_value(json_object_get(part, "type"));
	const json_t *kids = json_object_get(part, list);
	if (own != NULL && strcmp(own, type) == 0)
		return true;
	for (size_t i = 0; i < json_array_size(kids); i++) {
		own = json_string_value(json_object_get(json_array_get(kids, i), "type"));
		if (own != NULL && strcmp(own, type) == 0)
			return true;
	}
	return false;
}

static enum clade_status open_pieces(struct vocab *vocab)
{
	char *data;
	size_t bytes = 0;
	enum clade_status status = read_text(vocab, "tokenizer.model", &data, &bytes);
	if (status == CLADE_OK && data != NULL)
		status = quantize_read_pieces(vocab->quantize, vocab->where, data, bytes, &vocab->pieces);
	clade_free(vocab->quantize->tool->context, data);
	return status;
}

/* Finds the vocabulary; vocab->tokens and vocab->pieces stay empty if the folder has none. */
static enum clade_status open_vocab(struct vocab *vocab)
{
	enum clade_status status = read_object(vocab, "tokenizer_config.json", &vocab->config);
	if (status == CLADE_OK)
		status = open_pieces(vocab);
	if (status == CLADE_OK)
		status = read_object(vocab, "tokenizer.json", &vocab->root);
	if (status != CLADE_OK || vocab->pieces.count > 0) /* what tokenizer.json adds is kept */
		return status;
	if (vocab->root == NULL) {
		status = read_object(vocab, "vocab.json", &vocab->tokens);
		vocab->byte_level = true;
		return status == CLADE_OK && vocab->tokens != NULL ? read_merges(vocab) : status;
	}
	const json_t *model = json_object_get(vocab->root, "model");
	const char *type = json_string_value(json_object_get(model, "type"));
	vocab->tokens = json_incref(json_object_get(model, "vocab"));
	vocab->merges = json_incref(json_object_get(model, "merges"));
	vocab->byte_level = has_type(json_object_get(vocab->root, "pre_tokenizer"), "pretokenizers", "ByteLevel");
	/* files from before the field are BPE where they have merges */
	if ((type != NULL && strcmp(type, "BPE") != 0) || !json_is_object(vocab->tokens) ||
	    !json_is_array(vocab->merges))
		return fail_vocab(vocab, "the tokenizer is no BPE");
	if (!vocab->byte_level && !json_is_true(json_object_get(model, "byte_fallback")))
		return fail_vocab(vocab, "the BPE is neither of bytes nor falls back to them");
	return CLADE_OK;
}

static void close_vocab(struct vocab *vocab)
{
	json_decref(vocab->root);
	json_decref(vocab->config);
	json_decref(vocab->tokens);
	json_decref(vocab->merges);
	free(vocab->texts);
	free(vocab->types);
	free(vocab->scores);
	free(vocab->pads);
	quantize_free_pieces(&vocab->pieces);
}

/* ---- tokens ---- */

static enum clade_status set_token(struct vocab *vocab, const char *text, json_int_t id, int32_t type)
{
	if (id < 0 || (uint64_t)id >= vocab->count)
		return clade_fail(&vocab->quantize->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_QUANTIZE, vocab->where,
				  "token \"%.80s\" has id %lld, but the embedding has %zu rows", text, (long long)id,
				  vocab->count);
	vocab->texts[id] = text;
	vocab->types[id] = type;
	return CLADE_OK;
}

static bool is_byte(const char *text)
{
	unsigned value;
	int length = 0;
	return sscanf(text, "<0x%2X>%n", &value, &length) == 1 && length == 6 && text[6] == '\0';
}

static enum clade_status list_tokens(struct vocab *vocab)
{
	const json_t *added = json_object_get(vocab->root, "added_tokens");
	const char *unknown = json_string_value(json_object_get(json_object_get(vocab->root, "model"), "unk_token"));
	const char *text;
	json_t *id;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; i < vocab->pieces.count && status == CLADE_OK; i++)
		status = set_token(vocab, vocab->pieces.items[i].text, (json_int_t)i, vocab->pieces.items[i].type);
	json_object_foreach(vocab->tokens, text, id)
	{
		bool byte = !vocab->byte_level && is_byte(text);
		if (status == CLADE_OK)
			status = set_token(vocab, text, json_integer_value(id), byte ? BYTE : NORMAL);
	}
	for (size_t i = 0; i < json_array_size(added) && status == CLADE_OK; i++) {
		const json_t *token = json_array_get(added, i);
		text = json_string_value(json_object_get(token, "content"));
		bool special = json_is_true(json_object_get(token, "special"));
		bool is_unknown = !vocab->byte_level && text != NULL && unknown != NULL && strcmp(text, unknown) == 0;
		if (text != NULL)
			status = set_token(vocab, text, json_integer_value(json_object_get(token, "id")),
					   is_unknown ? UNKNOWN
					   : special  ? CONTROL
						      : USER);
	}
	for (size_t i = 0; i < vocab->count && status == CLADE_OK; i++) {
		if (vocab->texts[i] != NULL)
			continue; /* rows behind the vocabulary, as padding to a round number makes them */
		snprintf(vocab->pads[i], sizeof(vocab->pads[i]), "[PAD%zu]", i);
		vocab->texts[i] = vocab->pads[i];
		vocab->types[i] = UNUSED;
	}
	return status;
}

/* A merge as one text "a b"; NULL: not one. */
static const char *merge_text(const json_t *merge, char *out, size_t size)
{
	if (json_is_string(merge))
		return json_string_value(merge);
	const char *a = json_string_value(json_array_get(merge, 0)), *b = json_string_value(json_array_get(merge, 1));
	if (a == NULL || b == NULL || (size_t)snprintf(out, size, "%s %s", a, b) >= size)
		return NULL;
	return out;
}

/* SentencePiece joins the pair whose piece has the best score: a piece's is minus the rank of the first merge that
 * makes it, so that the order of joining stays. */
static enum clade_status rank_tokens(struct vocab *vocab)
{
	size_t merges = json_array_size(vocab->merges);
	char text[4096], piece[4096];
	for (size_t i = 0; i < vocab->count && vocab->pieces.count > 0;
	     i++) /* added ones and padding as llama.cpp has them */
		vocab->scores[i] = i < vocab->pieces.count     ? vocab->pieces.items[i].score
				   : vocab->types[i] == UNUSED ? -10000
							       : -1000;
	if (vocab->pieces.count > 0)
		return CLADE_OK;
	for (size_t i = 0; i < vocab->count; i++)
		vocab->scores[i] = vocab->types[i] == NORMAL ? -(float)merges : 0;
	for (size_t i = merges; i-- > 0;) { /* the first merge of a piece is seen last */
		const char *pair = merge_text(json_array_get(vocab->merges, i), text, sizeof(text));
		const char *blank = pair != NULL ? strchr(pair, ' ') : NULL;
		if (blank == NULL)
			return fail_vocab(vocab, "a merge is no pair");
		snprintf(piece, sizeof(piece), "%.*s%s", (int)(blank - pair), pair, blank + 1);
		const json_t *id = json_object_get(vocab->tokens, piece);
		if (id != NULL)
			vocab->scores[json_integer_value(id)] = -(float)i;
	}
	return CLADE_OK;
}

static enum clade_status text_item(void *user, size_t index, struct clade_meta *out, struct clade_diag *diag)
{
	const struct vocab *vocab = user;
	(void)diag;
	*out = (struct clade_meta) { .kind = CLADE_META_STRING, .s = vocab->texts[index] };
	return CLADE_OK;
}

static enum clade_status score_item(void *user, size_t index, struct clade_meta *out, struct clade_diag *diag)
{
	const struct vocab *vocab = user;
	(void)diag;
	*out = (struct clade_meta) { .kind = CLADE_META_FLOAT, .f = (double)vocab->scores[index] };
	return CLADE_OK;
}

static enum clade_status type_item(void *user, size_t index, struct clade_meta *out, struct clade_diag *diag)
{
	const struct vocab *vocab = user;
	(void)diag;
	*out = (struct clade_meta) { .kind = CLADE_META_INT, .i = vocab->types[index] };
	return CLADE_OK;
}

static enum clade_status merge_item(void *user, size_t index, struct clade_meta *out, struct clade_diag *diag)
{
	static _Thread_local char text[4096];
	struct vocab *vocab = user;
	(void)diag;
	out->kind = CLADE_META_STRING;
	out->s = merge_text(json_array_get(vocab->merges, index), text, sizeof(text));
	return out->s != NULL ? CLADE_OK : fail_vocab(vocab, "a merge is no pair");
}

/* ---- how text is split, and what stands around it ---- */

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define BEHIND "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
/* llama.cpp's names of the patterns of byte-level BPE. */
static const struct {
	const char *name, *pattern;
} patterns[] = {
	{ "llama-bpe", CONTRACTIONS "\\p{N}{1,3}" BEHIND },
	{ "qwen2", CONTRACTIONS "\\p{N}" BEHIND },
	{ "gpt-2", "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+" },
};

/* The pattern's name; "gpt-2" where ByteLevel splits by itself; NULL: not one of them. */
static const char *split_name(const struct vocab *vocab)
{
	const json_t *pre = json_object_get(vocab->root, "pre_tokenizer"),
		     *kids = json_object_get(pre, "pretokenizers");
	if (vocab->root == NULL)
		return "gpt-2";
	if (!json_is_array(kids))
		return json_is_false(json_object_get(pre, "use_regex")) ? NULL : "gpt-2";
	for (size_t i = 0; i < json_array_size(kids); i++) {
		const json_t *pattern = json_object_get(json_array_get(kids, i), "pattern");
		const char *regex = json_string_value(json_object_get(pattern, "Regex"));
		for (size_t k = 0; regex != NULL && k < sizeof(patterns) / sizeof(patterns[0]); k++)
			if (strcmp(patterns[k].pattern, regex) == 0)
				return patterns[k].name;
	}
	return NULL;
}

/* Whether the post-processor puts a special token first (or last) around one text; false if it says nothing. */
static bool says_special(const struct vocab *vocab, bool last, bool *out)
{
	const json_t *post = json_object_get(vocab->root, "post_processor");
	const json_t *kids = json_object_get(post, "processors"), *single = json_object_get(post, "single");
	for (size_t i = 0; i < json_array_size(kids) && single == NULL; i++)
		single = json_object_get(json_array_get(kids, i), "single");
	size_t count = json_array_size(single);
	*out = count > 0 && json_object_get(json_array_get(single, last ? count - 1 : 0), "SpecialToken") != NULL;
	if (count > 0)
		return true;
	const json_t *given = json_object_get(vocab->config, last ? "add_eos_token" : "add_bos_token");
	*out = json_is_true(given);
	return json_is_boolean(given);
}

/* The id of a special token: by its text in tokenizer_config.json, else by config.json; -1: none. */
static int64_t special_id(const struct vocab *vocab, const char *name)
{
	char key[64];
	const json_t *token = json_object_get(vocab->config, name);
	const char *text = json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
	int64_t id = -1;
	for (size_t i = 0; text != NULL && i < vocab->count; i++)
		if (strcmp(vocab->texts[i], text) == 0)
			return (int64_t)i;
	snprintf(key, sizeof(key), "%s_id", name);
	if (!model_meta_item(&vocab->quantize->model, key, 0, &id) || id < 0 || (uint64_t)id >= vocab->count)
		return -1;
	return id;
}

static enum clade_status put_special(struct vocab *vocab)
{
	static const struct {
		const char *name, *key;
	} ids[] = {
		{ "bos_token", "tokenizer.ggml.bos_token_id" },
		{ "eos_token", "tokenizer.ggml.eos_token_id" },
		{ "unk_token", "tokenizer.ggml.unknown_token_id" },
		{ "pad_token", "tokenizer.ggml.padding_token_id" },
	};
	struct quantize *quantize = vocab->quantize;
	const char *template = json_string_value(json_object_get(vocab->config, "chat_template"));
	bool adds = false;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]) && status == CLADE_OK; i++) {
		int64_t id = special_id(vocab, ids[i].name);
		if (id >= 0)
			status = quantize_put(quantize, ids[i].key, "u32", id, 0, NULL);
	}
	if (status == CLADE_OK && says_special(vocab, false, &adds))
		status = quantize_put(quantize, "tokenizer.ggml.add_bos_token", "bool", adds, 0, NULL);
	if (status == CLADE_OK && says_special(vocab, true, &adds))
		status = quantize_put(quantize, "tokenizer.ggml.add_eos_token", "bool", adds, 0, NULL);
	if (status == CLADE_OK && template != NULL)
		status = quantize_put(quantize, "tokenizer.chat_template", "string", 0, 0, template);
	return status;
}

/* SentencePiece's blank before the text: a normalizer Prepend, or Metaspace that does not forbid it. */
static bool adds_blank(const struct vocab *vocab)
{
	const json_t *pre = json_object_get(vocab->root, "pre_tokenizer");
	const char *scheme = json_string_value(json_object_get(pre, "prepend_scheme"));
	if (vocab->pieces.count > 0)
		return vocab->pieces.adds_blank;
	if (has_type(json_object_get(vocab->root, "normalizer"), "normalizers", "Prepend"))
		return true;
	return has_type(pre, "pretokenizers", "Metaspace") && (scheme == NULL || strcmp(scheme, "never") != 0) &&
	       !json_is_false(json_object_get(pre, "add_prefix_space"));
}

static enum clade_status put_vocab(struct vocab *vocab)
{
	struct clade_writer *writer = vocab->quantize->writer;
	struct clade_diag *diag = &vocab->quantize->tool->diag;
	const char *split = vocab->byte_level ? split_name(vocab) : "default";
	if (split == NULL)
		return fail_vocab(vocab, "the pattern that splits text is not one that llama.cpp has by the names "
					 "gpt-2, llama-bpe or qwen2");
	enum clade_status status = quantize_put(vocab->quantize, "tokenizer.ggml.model", "string", 0, 0,
						vocab->byte_level ? "gpt2" : "llama");
	if (status == CLADE_OK)
		status = quantize_put(vocab->quantize, "tokenizer.ggml.pre", "string", 0, 0, split);
	if (status == CLADE_OK)
		status = clade_writer_array(writer, "tokenizer.ggml.tokens", "string", vocab->count, text_item, vocab,
					    diag);
	if (status == CLADE_OK && !vocab->byte_level)
		status = clade_writer_array(writer, "tokenizer.ggml.scores", "f32", vocab->count, score_item, vocab,
					    diag);
	if (status == CLADE_OK)
		status = clade_writer_array(writer, "tokenizer.ggml.token_type", "i32", vocab->count, type_item, vocab,
					    diag);
	if (status == CLADE_OK && vocab->byte_level)
		status = clade_writer_array(writer, "tokenizer.ggml.merges", "string", json_array_size(vocab->merges),
					    merge_item, vocab, diag);
	if (status == CLADE_OK && !vocab->byte_level)
		status = quantize_put(vocab->quantize, "tokenizer.ggml.add_space_prefix", "bool", adds_blank(vocab), 0,
				      NULL);
	if (status == CLADE_OK && vocab->pieces.count > 0)
		status = quantize_put(vocab->quantize, "tokenizer.ggml.remove_extra_whitespaces", "bool",
				      vocab->pieces.removes_blanks, 0, NULL);
	return status == CLADE_OK ? put_special(vocab) : status;
}

/* vocab.json says of no token that it is special; the configuration does. */
static void mark_special(struct vocab *vocab)
{
	static const char *const names[] = { "bos_token", "eos_token", "pad_token" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int64_t id = special_id(vocab, names[i]);
		if (id >= 0 && vocab->types[id] == NORMAL)
			vocab->types[id] = CONTROL;
	}
}

static enum clade_status write_vocab(struct vocab *vocab)
{
	vocab->texts = calloc(vocab->count + 1, sizeof(*vocab->texts));
	vocab->types = calloc(vocab->count + 1, sizeof(*vocab->types));
	vocab->scores = calloc(vocab->count + 1, sizeof(*vocab->scores));
	vocab->pads = calloc(vocab->count + 1, sizeof(*vocab->pads));
	if (vocab->texts == NULL || vocab->types == NULL || vocab->scores == NULL || vocab->pads == NULL)
		return clade_fail_memory(&vocab->quantize->tool->diag, vocab->count * 40, "a vocabulary");
	enum clade_status status = list_tokens(vocab);
	if (status == CLADE_OK)
		mark_special(vocab);
	if (status == CLADE_OK && !vocab->byte_level)
		status = rank_tokens(vocab);
	return status == CLADE_OK ? put_vocab(vocab) : status;
}

enum clade_status quantize_vocab(struct quantize *quantize, int64_t rows)
{
	struct vocab vocab = { .quantize = quantize, .count = (size_t)rows };
	enum clade_status status = open_vocab(&vocab);
	if (status == CLADE_OK && vocab.tokens == NULL && vocab.pieces.count == 0) {
		print_note(quantize->tool,
			   "%s has no tokenizer.json or tokenizer.model, nor vocab.json with merges.txt; the GGUF file "
			   "has "
			   "no vocabulary",
			   quantize->model.name);
		status = quantize_put(quantize, "tokenizer.ggml.model", "string", 0, 0, "no_vocab");
	} else if (status == CLADE_OK) {
		status = write_vocab(&vocab);
	}
	close_vocab(&vocab);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* A model's tokenizer: which files of a folder make it, or the arrays of a GGUF file. */
#include "model.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 256 << 20 };

/* A file of the folder; text NULL: it has none. */
struct part {
	char path[PATH_MAX + 64];
	char *text;
	size_t bytes;
};

enum { JSON, SENTENCEPIECE, SPIECE, VOCAB, MERGES, VOCAB_TXT, CONFIG, SPECIAL_MAP, SOURCE, PARTS };
static const char *const part_names[PARTS] = {
	"tokenizer.json",        "tokenizer.model",         "spiece.model", "vocab.json", "merges.txt", "vocab.txt",
	"tokenizer_config.json", "special_tokens_map.json", "source.spm"
};

static bool has_part(const struct model *model, int which)
{
	char path[PATH_MAX + 64];
	struct stat st;
	return model->folder[0] != '\0' &&
	       (size_t)snprintf(path, sizeof(path), "%s/%s", model->folder, part_names[which]) < sizeof(path) &&
	       stat(path, &st) == 0;
}

static enum clade_status load_part(struct tool *tool, const struct model *model, int which, struct part *out)
{
	out->text = NULL;
	out->bytes = 0;
	if (!has_part(model, which))
		return CLADE_OK;
	snprintf(out->path, sizeof(out->path), "%s/%s", model->folder, part_names[which]);
	return clade_file_load(tool->context, out->path, FILE_LIMIT, &out->text, &out->bytes, &tool->diag);
}

/* ---- Hugging Face's files ---- */

/* The tokenizer that transformers takes for a family whose folder names none. */
static const struct {
	const char *family, *config;
} classes[] = {
	{ "llama", "{\"tokenizer_class\": \"LlamaTokenizer\"}" },
	{ "mistral", "{\"tokenizer_class\": \"LlamaTokenizer\"}" },
	{ "mixtral", "{\"tokenizer_class\": \"LlamaTokenizer\"}" },
	{ "phi3", "{\"tokenizer_class\": \"LlamaTokenizer\"}" },
	{ "gemma", "{\"tokenizer_class\": \"GemmaTokenizer\"}" },
	{ "gemma2", "{\"tokenizer_class\": \"GemmaTokenizer\"}" },
	{ "t5", "{\"tokenizer_class\": \"T5Tokenizer\"}" },
};

static const char *model_type(const struct model *model)
{
	struct clade_meta type;
	bool found = model->store != NULL && clade_store_meta(model->store, "model_type", &type);
	return found && type.kind == CLADE_META_STRING ? type.s : NULL;
}

static enum clade_status parse_sentencepiece(struct tool *tool, const struct model *model, const struct part *parts,
					     struct clade_tokenizer **out)
{
	const char *type = model_type(model), *config = parts[CONFIG].text;
	size_t bytes = parts[CONFIG].bytes;
	const struct part *file = &parts[parts[SENTENCEPIECE].text != NULL ? SENTENCEPIECE : SPIECE]; /* T5's name */
	for (size_t i = 0; config == NULL && type != NULL && i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(classes[i].family, type) == 0) {
			config = classes[i].config;
			bytes = strlen(config);
		}
	return clade_tokenizer_parse_sentencepiece(tool->context, file->path, file->text, file->bytes, config, bytes,
						   out, &tool->diag);
}

static enum clade_status parse_vocab_merges(struct tool *tool, const struct model *model, const struct part *parts,
					    struct clade_tokenizer **out)
{
	struct clade_tokenizer_files files = {
		.vocab = parts[VOCAB].text,
		.merges = parts[MERGES].text,
		.config = parts[CONFIG].text,
		.special_map = parts[SPECIAL_MAP].text,
		.vocab_bytes = parts[VOCAB].bytes,
		.merges_bytes = parts[MERGES].bytes,
		.config_bytes = parts[CONFIG].bytes,
		.special_map_bytes = parts[SPECIAL_MAP].bytes,
		.model_type = model_type(model),
	};
	return clade_tokenizer_parse_vocab_merges(tool->context, parts[VOCAB].path, &files, out, &tool->diag);
}

static enum clade_status parse_json(struct tool *tool, const struct model *model, const struct part *parts,
				    struct clade_tokenizer **out)
{
	(void)model;
	return clade_tokenizer_parse(tool->context, parts[JSON].path, parts[JSON].text, parts[JSON].bytes, out,
				     &tool->diag);
}

static enum clade_status parse_vocab_txt(struct tool *tool, const struct model *model, const struct part *parts,
					 struct clade_tokenizer **out)
{
	(void)model;
	return clade_tokenizer_parse_vocab_txt(tool->context, parts[VOCAB_TXT].path, parts[VOCAB_TXT].text,
					       parts[VOCAB_TXT].bytes, parts[CONFIG].text, parts[CONFIG].bytes, out,
					       &tool->diag);
}

static enum clade_status parse_marian(struct tool *tool, const struct model *model, const struct part *parts,
				      struct clade_tokenizer **out)
{
	(void)model;
	return clade_tokenizer_parse_marian(tool->context, parts[SOURCE].path, parts[SOURCE].text, parts[SOURCE].bytes,
					    parts[VOCAB].text, parts[VOCAB].bytes, out, &tool->diag);
}

/* What a tokenizer is made of: the first row whose files are all there. tokenizer.json says all by itself. */
#define FILE_BIT(which) (1u << (which))
static const struct {
	unsigned needs, uses; /* files; what it uses may be absent */
	enum clade_status (*parse)(struct tool *tool, const struct model *model, const struct part *parts,
				   struct clade_tokenizer **out);
} recipes[] = {
	{ FILE_BIT(JSON), 0, parse_json },
	{ FILE_BIT(SENTENCEPIECE), FILE_BIT(CONFIG), parse_sentencepiece },
	{ FILE_BIT(SPIECE), FILE_BIT(CONFIG), parse_sentencepiece },
	{ FILE_BIT(VOCAB) | FILE_BIT(MERGES), FILE_BIT(CONFIG) | FILE_BIT(SPECIAL_MAP), parse_vocab_merges },
	{ FILE_BIT(VOCAB_TXT), FILE_BIT(CONFIG), parse_vocab_txt },
	{ FILE_BIT(SOURCE) | FILE_BIT(VOCAB), 0, parse_marian },
};

static enum clade_status parse_folder(struct tool *tool, const struct model *model, struct clade_tokenizer **out)
{
	struct part *parts = calloc(PARTS, sizeof(*parts));
	size_t count = sizeof(recipes) / sizeof(recipes[0]), which = 0;
	unsigned there = 0;
	for (int i = 0; i < PARTS; i++)
		there |= has_part(model, i) ? FILE_BIT(i) : 0;
	while (which < count && (recipes[which].needs & ~there) != 0)
		which++;
	unsigned wanted = which < count ? recipes[which].needs | recipes[which].uses : 0;
	enum clade_status status =
		parts != NULL ? CLADE_OK : clade_fail_memory(&tool->diag, PARTS * sizeof(*parts), "a tokenizer");
	for (int i = 0; i < PARTS && status == CLADE_OK; i++)
		if ((wanted & FILE_BIT(i)) != 0)
			status = load_part(tool, model, i, &parts[i]);
	if (status == CLADE_OK && which < count)
		status = recipes[which].parse(tool, model, parts, out);
	for (int i = 0; i < PARTS && parts != NULL; i++)
		clade_free(tool->context, parts[i].text);
	free(parts);
	return status;
}

/* ---- GGUF ---- */

static int64_t gguf_number(const struct clade_store *store, const char *key)
{
	struct clade_meta meta;
	bool found =
		clade_store_meta(store, key, &meta) && (meta.kind == CLADE_META_INT || meta.kind == CLADE_META_BOOL);
	return found ? meta.i : -1;
}

static const char *gguf_text(const struct clade_store *store, const char *key)
{
	struct clade_meta meta;
	return clade_store_meta(store, key, &meta) && meta.kind == CLADE_META_STRING ? meta.s : NULL;
}

/* An array of texts, floats or ids as C has it; *out is NULL if the file has none. malloc's memory. */
static enum clade_status read_array_meta(struct tool *tool, const struct clade_store *store, const char *key,
					 enum clade_meta_kind kind, void **out, size_t *out_count)
{
	enum clade_meta_kind found;
	struct clade_meta item;
	size_t each = kind == CLADE_META_STRING ? sizeof(char *) : 4;
	*out = NULL;
	*out_count = 0;
	if (!clade_store_array(store, key, out_count, &found))
		return CLADE_OK;
	if (*out_count > 0 && found != kind)
		return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_MODEL, key,
				  "the elements of this array are of another type than a tokenizer has there");
	*out = calloc(*out_count + 1, each);
	if (*out == NULL)
		return clade_fail_memory(&tool->diag, *out_count * each, "a tokenizer");
	for (size_t i = 0; i < *out_count && clade_store_array_item(store, key, i, &item); i++) {
		if (kind == CLADE_META_STRING)
			((const char **)*out)[i] = item.s;
		else if (kind == CLADE_META_FLOAT)
			((float *)*out)[i] = (float)item.f;
		else
			((int32_t *)*out)[i] = (int32_t)item.i;
	}
	return CLADE_OK;
}

/* llama.cpp tells Phi-3 by its name: there special tokens take the white space behind them. */
static bool names_phi3(const char *name)
{
	char lower[256] = "";
	for (size_t i = 0; name != NULL && name[i] != '\0' && i < sizeof(lower) - 1; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	return strstr(lower, "phi-3") != NULL || strstr(lower, "phi3") != NULL;
}

static enum clade_status create_from_gguf(struct tool *tool, const struct model *model, struct clade_tokenizer **out)
{
	const struct clade_store *store = model->store;
	void *tokens = NULL, *scores = NULL, *types = NULL, *merges = NULL, *rules = NULL;
	size_t score_count = 0, type_count = 0, rule_count = 0;
	/* accents go where case does, unless the file says otherwise */
	const char *strip_accents = gguf_number(store, "tokenizer.ggml.normalizer.strip_accents") >= 0
					    ? "tokenizer.ggml.normalizer.strip_accents"
					    : "tokenizer.ggml.normalizer.lowercase";
	struct clade_tokenizer_data data = {
		.model = gguf_text(store, "tokenizer.ggml.model"),
		.pre = gguf_text(store, "tokenizer.ggml.pre"),
		.bos = gguf_number(store, "tokenizer.ggml.bos_token_id"),
		.eos = gguf_number(store, "tokenizer.ggml.eos_token_id"),
		.unknown = gguf_number(store, "tokenizer.ggml.unknown_token_id"),
		.separator = gguf_number(store, "tokenizer.ggml.seperator_token_id"), /* the format's spelling */
		.padding = gguf_number(store, "tokenizer.ggml.padding_token_id"),
		.cls = gguf_number(store, "tokenizer.ggml.cls_token_id"),
		.mask = gguf_number(store, "tokenizer.ggml.mask_token_id"),
		.add_bos = (int)gguf_number(store, "tokenizer.ggml.add_bos_token"),
		.add_eos = (int)gguf_number(store, "tokenizer.ggml.add_eos_token"),
		.add_space_prefix = (int)gguf_number(store, "tokenizer.ggml.add_space_prefix"),
		.remove_extra_spaces = gguf_number(store, "tokenizer.ggml.remove_extra_whitespaces") > 0,
		.keep_case = gguf_number(store, "tokenizer.ggml.normalizer.lowercase") == 0,
		.keep_accents = gguf_number(store, strip_accents) == 0,
		.strip_right = names_phi3(gguf_text(store, "general.name")),
	};
	if (data.model == NULL || strcmp(data.model, "no_vocab") == 0)
		return CLADE_OK;
	enum clade_status status =
		read_array_meta(tool, store, "tokenizer.ggml.tokens", CLADE_META_STRING, &tokens, &data.token_count);
	if (status == CLADE_OK)
		status = read_array_meta(tool, store, "tokenizer.ggml.scores", CLADE_META_FLOAT, &scores, &score_count);
	if (status == CLADE_OK)
		status = read_array_meta(tool, store, "tokenizer.ggml.token_type", CLADE_META_INT, &types, &type_count);
	if (status == CLADE_OK)
		status = read_array_meta(tool, store, "tokenizer.ggml.merges", CLADE_META_STRING, &merges,
					 &data.merge_count);
	if (status == CLADE_OK)
		status = read_array_meta(tool, store, "tokenizer.ggml.precompiled_charsmap", CLADE_META_INT, &rules,
					 &rule_count);
	for (size_t i = 0; i < rule_count && rules != NULL; i++)
		((unsigned char *)rules)[i] = (unsigned char)((int32_t *)rules)[i]; /* never ahead of what is read */
	if (status == CLADE_OK &&
	    ((scores != NULL && score_count != data.token_count) || (types != NULL && type_count != data.token_count)))
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_MODEL, model->name,
				    "has %zu tokens, %zu scores and %zu token types; their numbers must be equal",
				    data.token_count, score_count, type_count);
	data.tokens = (const char *const *)tokens;
	data.scores = scores;
	data.types = types;
	data.merges = (const char *const *)merges;
	data.charsmap = rules;
	data.charsmap_bytes = rule_count;
	if (status == CLADE_OK)
		status = clade_tokenizer_create(tool->context, model->name, &data, out, &tool->diag);
	free(tokens);
	free(scores);
	free(types);
	free(merges);
	free(rules);
	return status;
}

/* ---- special tokens by name ---- */

static int32_t find_special(const struct clade_tokenizer *tokenizer, const struct part *part, const char *name)
{
	json_t *root = part->text != NULL ? json_loadb(part->text, part->bytes, JSON_ALLOW_NUL, NULL) : NULL;
	const json_t *value = json_object_get(root, name);
	const char *text = json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
	int32_t id = text != NULL ? clade_tokenizer_find(tokenizer, text) : -1;
	json_decref(root);
	return id;
}

enum clade_status model_special(struct tool *tool, const struct model *model, const struct clade_tokenizer *tokenizer,
				const char *name, int32_t *out)
{
	struct part part;
	enum clade_status status = CLADE_OK;
	*out = -1;
	for (int which = CONFIG; which <= SPECIAL_MAP && status == CLADE_OK && *out < 0; which++) {
		status = load_part(tool, model, which, &part);
		if (status == CLADE_OK)
			*out = find_special(tokenizer, &part, name);
		clade_free(tool->context, part.text);
	}
	return status;
}

enum clade_status model_tokenizer(struct tool *tool, const struct model *model, struct clade_tokenizer **out)
{
	*out = NULL;
	enum clade_status status = parse_folder(tool, model, out);
	if (status == CLADE_OK && *out == NULL && model->store != NULL)
		status = create_from_gguf(tool, model, out);
	return status;
}

enum clade_status model_need_tokenizer(struct tool *tool, const struct model *model, struct clade_tokenizer **out)
{
	enum clade_status status = model_tokenizer(tool, model, out);
	if (status == CLADE_OK && *out == NULL)
		status =
			clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_MODEL, model->name,
				   "has no tokenizer; it is made from tokenizer.json, tokenizer.model, spiece.model, "
				   "vocab.json with merges.txt, vocab.txt, source.spm with vocab.json, or a GGUF file");
	return status;
}

enum clade_status encode_text(struct tool *tool, const struct clade_tokenizer *tokenizer, const char *text,
			      size_t bytes, bool special, int32_t **out_ids, size_t *out_count)
{
	int32_t *ids;
	size_t count;
	enum clade_status status = clade_tokenizer_encode(tokenizer, text, bytes, special, &ids, &count, &tool->diag);
	if (status != CLADE_OK)
		return status;
	*out_ids = malloc((count + 1) * sizeof(*ids));
	if (*out_ids != NULL) {
		memcpy(*out_ids, ids, count * sizeof(*ids));
		*out_count = count;
	} else {
		status = clade_fail_memory(&tool->diag, count * sizeof(*ids), "a prompt");
	}
	clade_free(tool->context, ids);
	return status;
}

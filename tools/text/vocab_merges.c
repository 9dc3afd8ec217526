/* SPDX-License-Identifier: MIT */
/* vocab.json and merges.txt, as GPT-2 and its kin were published with: said in the words of tokenizer.json, then read
 * like one. */
#include "split.h"
#include "tokenizer_config.h"

#include <string.h>

/* How texts are cut and what is put around them, by tokenizer_class or, where that is not said, the model's type. */
struct style {
	const char *class, *model_type;
	const char *pattern; /* NULL: GPT-2's */
	bool nfc, around;    /* cls and sep around the text */
	const char *special; /* bos, eos, unk, pad, sep, cls, mask where the configuration does not name them */
};
static const struct style styles[] = {
	{ "GPT2Tokenizer", "gpt2", .special = "<|endoftext|>" },
	{ "RobertaTokenizer", "roberta", .around = true },
	{ "BartTokenizer", "bart", .around = true },
	{ "LongformerTokenizer", "longformer", .around = true },
	{ "Qwen2Tokenizer", "qwen2", .pattern = split_qwen2, .nfc = true, .special = "<|endoftext|>" },
	{ "Qwen2Tokenizer", "qwen3", .pattern = split_qwen2, .nfc = true, .special = "<|endoftext|>" },
};
enum { STYLES = sizeof(styles) / sizeof(styles[0]) };

static enum clade_status find_style(const struct part_source *source, const json_t *config, const char *model_type,
				    const struct style **out)
{
	const char *known[STYLES + 1] = { NULL }, *class;
	for (size_t i = 0; i < STYLES; i++)
		known[i] = styles[i].class;
	enum clade_status status = config_class(source, config, known, &class);
	*out = &styles[0]; /* GPT-2's, where nothing is said: OPT and GPT-NeoX have it, too */
	for (size_t i = 0; i < STYLES && status == CLADE_OK; i++) {
		bool same = class[0] != '\0' ? strncmp(class, styles[i].class, strlen(styles[i].class)) == 0
					     : model_type != NULL && strcmp(model_type, styles[i].model_type) == 0;
		if (same) {
			*out = &styles[i];
			break;
		}
	}
	return status;
}

/* Two tokens a line; the first line may be a version. */
static enum clade_status read_merges(const struct part_source *source, const char *text, size_t bytes, json_t *merges)
{
	size_t bad = utf8_check(text, bytes);
	if (bad < bytes)
		return text_damaged(source, "merges.txt: byte %zu is not UTF-8", bad);
	for (size_t at = 0, end; at < bytes; at = end + 1) {
		const char *line_end = memchr(text + at, '\n', bytes - at);
		end = line_end != NULL ? (size_t)(line_end - text) : bytes;
		size_t length = end - at;
		if (length > 0 && text[at + length - 1] == '\r')
			length--;
		if (length == 0 || (length >= 8 && memcmp(text + at, "#version", 8) == 0))
			continue;
		if (memchr(text + at, '\0', length) != NULL)
			return text_damaged(source, "merges.txt: a NUL in merge %zu", json_array_size(merges));
		if (json_array_append_new(merges, json_stringn(text + at, length)) != 0)
			return clade_fail_memory(source->diag, length, "merges");
	}
	return CLADE_OK;
}

static bool add_special(json_t *added, const json_t *vocab, const char *token, bool lstrip)
{
	size_t count = json_array_size(added);
	const json_t *id = token != NULL ? json_object_get(vocab, token) : NULL;
	if (!json_is_integer(id))
		return true;
	if (!config_add(added, token, json_integer_value(id), true))
		return false;
	return !lstrip || json_array_size(added) == count ||
	       json_object_set_new(json_array_get(added, count), "lstrip", json_true()) == 0;
}

/* The special tokens, and those around the text. */
static enum clade_status add_around(const struct part_source *source, const json_t *config, const struct style *style,
				    json_t *vocab, json_t *root)
{
	static const char *const keys[] = { "bos_token", "eos_token", "unk_token", "sep_token",
					    "cls_token", "pad_token", "mask_token" };
	static const char *const roberta[] = { "<s>", "</s>", "<unk>", "</s>", "<s>", "<pad>", "<mask>" };
	const char *tokens[7];
	json_t *added = json_object_get(root, "added_tokens"), *processor = NULL;
	bool bos;
	enum clade_status status = config_add_all(source, config, added);
	if (status == CLADE_OK)
		status = config_switch(source, config, "add_bos_token", false, &bos);
	for (size_t i = 0; i < 7 && status == CLADE_OK; i++) {
		const char *fallback = style->around ? roberta[i] : i < 3 ? style->special : NULL;
		status = config_token(source, config, keys[i], fallback, &tokens[i]);
		if (status == CLADE_OK && !add_special(added, vocab, tokens[i], i == 6 && style->around))
			status = clade_fail_memory(source->diag, 64, "added tokens");
	}
	if (status != CLADE_OK || (!style->around && !bos))
		return status;
	const char *before = tokens[style->around ? 4 : 0];
	const json_t *first = before != NULL ? json_object_get(vocab, before) : NULL;
	const json_t *last = tokens[3] != NULL ? json_object_get(vocab, tokens[3]) : NULL;
	if (first == NULL || (style->around && last == NULL))
		return text_damaged(source, "has no token \"%.64s\", which belongs around every text",
				    first == NULL && before != NULL ? before
				    : tokens[3] != NULL             ? tokens[3]
								    : "");
	if (style->around)
		processor = json_pack("{s:s, s:[s, I], s:[s, I]}", "type", "RobertaProcessing", "cls", before,
				      json_integer_value(first), "sep", tokens[3], json_integer_value(last));
	else
		processor = json_pack("{s:s, s:[{s:{s:s}}, {s:{s:s}}], s:{s:{s:[I]}}}", "type", "TemplateProcessing",
				      "single", "SpecialToken", "id", before, "Sequence", "id", "A", "special_tokens",
				      before, "ids", json_integer_value(first));
	return processor != NULL && json_object_set_new(root, "post_processor", processor) == 0
		       ? CLADE_OK
		       : clade_fail_memory(source->diag, 64, "a tokenizer");
}

static enum clade_status build(const struct part_source *source, json_t *vocab, json_t *merges, const json_t *config,
			       const struct style *style, json_t **out_root)
{
	bool prefix;
	enum clade_status status = config_switch(source, config, "add_prefix_space", false, &prefix);
	if (status != CLADE_OK)
		return status;
	json_t *pre =
		style->pattern == NULL
			? json_pack("{s:s, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", prefix, "use_regex", 1)
			: json_pack("{s:s, s:[{s:s, s:{s:s}, s:s}, {s:s, s:b, s:b}]}", "type", "Sequence",
				    "pretokenizers", "type", "Split", "pattern", "Regex", style->pattern, "behavior",
				    "Isolated", "type", "ByteLevel", "add_prefix_space", prefix, "use_regex", 0);
	*out_root = json_pack("{s:{s:s, s:O, s:O}, s:{s:s}, s:o, s:[]}", "model", "type", "BPE", "vocab", vocab,
			      "merges", merges, "decoder", "type", "ByteLevel", "pre_tokenizer", pre, "added_tokens");
	if (*out_root == NULL ||
	    (style->nfc && json_object_set_new(*out_root, "normalizer", json_pack("{s:s}", "type", "NFC")) != 0))
		return clade_fail_memory(source->diag, 256, "a tokenizer");
	return add_around(source, config, style, vocab, *out_root);
}

enum clade_status clade_tokenizer_parse_vocab_merges(struct clade_context *context, const char *name,
						     const struct clade_tokenizer_files *files,
						     struct clade_tokenizer **out_tokenizer, struct clade_diag *diag)
{
	struct part_source source = { context, name, diag }, beside = { context, "tokenizer_config.json", diag };
	json_t *vocab = NULL, *merges = json_array(), *config = NULL, *map = NULL, *root = NULL;
	const struct style *style;
	enum clade_status status = json_read(&source, files->vocab, files->vocab_bytes, &vocab);
	*out_tokenizer = NULL;
	if (status == CLADE_OK)
		status = read_merges(&source, files->merges, files->merges_bytes, merges);
	if (status == CLADE_OK && files->config != NULL)
		status = json_read(&beside, files->config, files->config_bytes, &config);
	beside.name = "special_tokens_map.json";
	if (status == CLADE_OK && files->special_map != NULL)
		status = json_read(&beside, files->special_map, files->special_map_bytes, &map);
	if (map != NULL && config != NULL)
		json_object_update_missing(config, map);
	if (status == CLADE_OK)
		status = find_style(&source, config != NULL ? config : map, files->model_type, &style);
	if (status == CLADE_OK)
		status = build(&source, vocab, merges, config != NULL ? config : map, style, &root);
	if (status == CLADE_OK)
		status = tokenizer_from_json(&source, root, out_tokenizer);
	json_decref(root);
	json_decref(map);
	json_decref(config);
	json_decref(merges);
	json_decref(vocab);
	return status;
}

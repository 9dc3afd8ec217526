/* SPDX-License-Identifier: MIT */
/* WordPiece, as BERT has it: from the left, the longest token each time; a word that cannot be made up so is unknown.
 */
#include "trie.h"

#include <string.h>

struct word_piece {
	struct trie trie;
	uint32_t inside;  /* the node behind the prefix of tokens that continue a word; the root if it is empty */
	bool continues;   /* some token has that prefix */
	uint64_t longest; /* in characters */
};

static enum clade_status build(const struct part_source *source, const char *prefix, uint64_t longest,
			       struct clade_tokenizer *out)
{
	const struct vocabulary *vocabulary = &out->vocabulary;
	struct word_piece *model = clade_alloc(source->context, sizeof(*model));
	struct trie_entry *entries = clade_alloc(source->context, vocabulary->count * sizeof(*entries));
	out->model_data = model;
	if (model == NULL || entries == NULL) {
		clade_free(source->context, entries);
		return clade_fail_memory(source->diag, vocabulary->count * sizeof(*entries), "a vocabulary");
	}
	*model = (struct word_piece) { .longest = longest, .continues = true };
	for (size_t i = 0; i < vocabulary->count; i++)
		entries[i] = (struct trie_entry) { vocabulary->tokens[i].text, vocabulary->tokens[i].bytes,
						   vocabulary->tokens[i].id };
	enum clade_status status = trie_build(source->context, entries, vocabulary->count, &model->trie, source->diag);
	clade_free(source->context, entries);
	for (; status == CLADE_OK && *prefix != '\0' && model->continues; prefix++) {
		model->inside = trie_step(&model->trie, model->inside, (unsigned char)*prefix);
		model->continues = model->inside != 0;
	}
	return status;
}

static enum clade_status parse(const struct part_source *source, const json_t *json, struct clade_tokenizer *out)
{
	const char *unknown = json_string_value(json_object_get(json, "unk_token"));
	const char *prefix = json_string_value(json_object_get(json, "continuing_subword_prefix"));
	const json_t *longest = json_object_get(json, "max_input_chars_per_word");
	if (unknown == NULL || prefix == NULL)
		return text_damaged(source, "model WordPiece needs unk_token and continuing_subword_prefix");
	if (!json_is_integer(longest) || json_integer_value(longest) < 0)
		return text_damaged(source, "model WordPiece needs max_input_chars_per_word, a count");
	enum clade_status status = vocabulary_parse(source, json_object_get(json, "vocab"), &out->vocabulary);
	if (status != CLADE_OK)
		return status;
	out->unknown = vocabulary_find(&out->vocabulary, unknown, strlen(unknown));
	return build(source, prefix, (uint64_t)json_integer_value(longest), out);
}

static bool is_longer(const char *text, size_t bytes, uint64_t limit)
{
	uint64_t count = 0;
	for (size_t i = 0; i < bytes && bytes > limit; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count > limit;
}

/* The id of the longest token at the front of the text, -1 if there is none. */
static int32_t longest_token(const struct trie *trie, uint32_t node, const char *text, size_t bytes, size_t *out_length)
{
	int32_t id = -1;
	for (size_t i = 0; i < bytes; i++) {
		node = trie_step(trie, node, (unsigned char)text[i]);
		if (node == 0)
			break;
		if (trie->nodes[node].value >= 0) {
			id = trie->nodes[node].value;
			*out_length = i + 1;
		}
	}
	return id;
}

static enum clade_status encode(struct encoding *encoding, const char *text, size_t bytes)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	const struct word_piece *model = tokenizer->model_data;
	size_t before = encoding->ids.count, at = 0, length = 0;
	bool fine = true, known = !is_longer(text, bytes, model->longest);
	while (known && at < bytes && fine) {
		int32_t id = at > 0 && !model->continues ? -1
							 : longest_token(&model->trie, at > 0 ? model->inside : 0,
									 text + at, bytes - at, &length);
		known = id >= 0;
		if (known)
			fine = ids_add(&encoding->ids, id);
		at += length;
	}
	if (!known) {
		encoding->ids.count = before;
		if (tokenizer->unknown < 0)
			return clade_fail(encoding->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UNKNOWN, tokenizer->name,
					  "\"%.*s\" is not in the vocabulary, which has no unknown token",
					  bytes < 64 ? (int)bytes : 64, text);
		fine = ids_add(&encoding->ids, tokenizer->unknown);
	}
	return fine ? CLADE_OK : clade_fail_memory(encoding->diag, encoding->ids.count * 4, "token ids");
}

static void finish(struct clade_tokenizer *tokenizer)
{
	struct word_piece *model = tokenizer->model_data;
	if (model != NULL)
		trie_finish(tokenizer->context, &model->trie);
	clade_free(tokenizer->context, model);
}

const struct token_model_kind model_word_piece = { "WordPiece", parse, encode, finish, NULL };

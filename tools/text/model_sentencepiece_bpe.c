/* SPDX-License-Identifier: MIT */
/* SentencePiece's byte-pair encoding: two neighbours join if what they make is a piece, the greatest score first. */
#include "bpe.h"
#include "sentencepiece.h"

#include <string.h>

struct scratch {
	const struct sentencepiece *data;
	struct bpe_work work;
	uint32_t *left; /* [id]: bytes of the left part that an unused piece was made of */
};

/* A piece that the user defined is one symbol from the start, and stays as it is. */
enum { FROZEN = -2, SPLIT_DEPTH = 100 };

static bool pair(const void *user, const char *text, const struct bpe_symbol *left, const struct bpe_symbol *right,
		 uint32_t *out_rank, int32_t *out_id)
{
	const struct scratch *scratch = user;
	const struct sentencepiece *data = scratch->data;
	if (left->id == FROZEN || right->id == FROZEN)
		return false;
	int32_t id = vocabulary_find(data->vocabulary, text + left->start, left->bytes + right->bytes);
	if (id < 0 || !piece_is_normal((enum piece_type)data->types[id]))
		return false;
	if (data->types[id] == PIECE_UNUSED)
		scratch->left[id] = left->bytes;
	*out_rank = data->ranks[id];
	*out_id = id;
	return true;
}

static bool emit_unknown(struct encoding *encoding, const char *text, size_t bytes, bool *after_unknown)
{
	const struct sentencepiece *data = encoding->tokenizer->model_data;
	bool fine = true;
	if (!data->unigram.byte_fallback) {
		fine = *after_unknown || ids_add(&encoding->ids, encoding->tokenizer->unknown);
		*after_unknown = true;
		return fine;
	}
	for (size_t i = 0; i < bytes && fine; i++)
		fine = ids_add(&encoding->ids, data->unigram.bytes[(unsigned char)text[i]]);
	return fine;
}

/* A symbol as ids: an unused piece falls apart into what it was made of. */
static bool emit(struct encoding *encoding, const char *text, size_t bytes, int depth, bool *after_unknown)
{
	const struct scratch *scratch = encoding->scratch;
	const struct sentencepiece *data = scratch->data;
	int32_t id = vocabulary_find(data->vocabulary, text, bytes);
	if (id < 0 || !piece_is_normal((enum piece_type)data->types[id]))
		return emit_unknown(encoding, text, bytes, after_unknown);
	size_t left = data->types[id] == PIECE_UNUSED ? scratch->left[id] : 0;
	if (left > 0 && left < bytes && depth <= SPLIT_DEPTH)
		return emit(encoding, text, left, depth + 1, after_unknown) &&
		       emit(encoding, text + left, bytes - left, depth + 1, after_unknown);
	*after_unknown = false;
	return ids_add(&encoding->ids, id);
}

static bool begin(struct encoding *encoding)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	struct scratch *scratch = encoding->scratch;
	if (scratch == NULL) {
		scratch = encoding->scratch = clade_alloc(tokenizer->context, sizeof(*scratch));
		if (scratch == NULL)
			return false;
		*scratch = (struct scratch) { tokenizer->model_data, { .context = tokenizer->context }, NULL };
		scratch->left = clade_alloc(tokenizer->context, tokenizer->vocabulary.count * sizeof(*scratch->left));
	}
	scratch->work.count = 0;
	return scratch->left != NULL;
}

/* Joins the symbols that there are, and takes their ids. */
static bool finish_word(struct encoding *encoding, const char *text, bool *after_unknown)
{
	struct scratch *scratch = encoding->scratch;
	bool fine = bpe_join(&scratch->work, text, pair, scratch);
	for (size_t i = 0; fine && i < scratch->work.count; i++) {
		const struct bpe_symbol *symbol = &scratch->work.symbols[i];
		fine = symbol->bytes == 0 || emit(encoding, text + symbol->start, symbol->bytes, 0, after_unknown);
	}
	scratch->work.count = 0;
	return fine;
}

static bool is_space(const char *text)
{
	return memcmp(text, "\xe2\x96\x81", 3) == 0;
}

static enum clade_status encode(struct encoding *encoding, const char *text, size_t bytes)
{
	const struct sentencepiece *data = encoding->tokenizer->model_data;
	bool after_unknown = false, fine;
	if (bytes >= INT32_MAX)
		return clade_fail(encoding->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TEXT_UNKNOWN,
				  encoding->tokenizer->name, "a text of %zu bytes; at most 2^31 - 2 are supported",
				  bytes);
	fine = begin(encoding);
	struct scratch *scratch = encoding->scratch;
	for (size_t at = 0, length; at < bytes && fine; at += length) {
		size_t defined = user_defined_length(data, text + at, bytes - at);
		length = defined > 0 ? defined : (size_t)utf8_length(text + at, bytes - at);
		/* nothing joins across the front of a word */
		if (data->words && at >= 3 && length >= 3 && is_space(text + at) && !is_space(text + at - 3))
			fine = finish_word(encoding, text, &after_unknown);
		fine = fine && bpe_add(&scratch->work, (uint32_t)at, (uint32_t)length, defined > 0 ? FROZEN : -1);
	}
	fine = fine && finish_word(encoding, text, &after_unknown);
	return fine ? CLADE_OK : clade_fail_memory(encoding->diag, bytes, "a text");
}

static void finish_scratch(const struct clade_tokenizer *tokenizer, void *user)
{
	struct scratch *scratch = user;
	bpe_work_finish(&scratch->work);
	clade_free(tokenizer->context, scratch->left);
	clade_free(tokenizer->context, scratch);
}

const struct token_model_kind model_sentencepiece_bpe = { "BPE", NULL, encode, sentencepiece_finish, finish_scratch };

/* SPDX-License-Identifier: MIT */
/* SentencePiece's tokenizers: what a description of one must hold, and what is made of it. */
#include "sentencepiece.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool piece_is_normal(enum piece_type type)
{
	return type == PIECE_NORMAL || type == PIECE_USER_DEFINED || type == PIECE_UNUSED;
}

void sentencepiece_finish(struct clade_tokenizer *tokenizer)
{
	struct sentencepiece *data = tokenizer->model_data;
	if (data != NULL) {
		charsmap_finish(tokenizer->context, &data->charsmap);
		trie_finish(tokenizer->context, &data->user_defined);
		clade_free(tokenizer->context, data->types);
		clade_free(tokenizer->context, data->ranks);
		clade_free(tokenizer->context, data->unknown_surface);
	}
	unigram_finish(tokenizer); /* frees what it is the first member of */
}

/* ---- the pieces ---- */

static enum clade_status check_piece(const struct part_source *source, const struct piece *piece, size_t id,
				     struct clade_tokenizer *out)
{
	if (piece->bytes == 0 || utf8_check(piece->text, piece->bytes) < piece->bytes)
		return text_damaged(source, "piece %zu is empty or not UTF-8", id);
	if (isnan(piece->score) || isinf(piece->score))
		return text_damaged(source, "piece %zu (\"%.*s\"): its score is not a number", id,
				    piece->bytes < 64 ? (int)piece->bytes : 64, piece->text);
	if (piece->type < PIECE_NORMAL || piece->type > PIECE_BYTE)
		return text_damaged(source, "piece %zu (\"%.*s\"): type %d; there are 1 to 6", id,
				    piece->bytes < 64 ? (int)piece->bytes : 64, piece->text, (int)piece->type);
	if (piece->type == PIECE_UNKNOWN) {
		if (out->unknown >= 0)
			return text_damaged(source, "pieces %d and %zu are both of type unknown", (int)out->unknown,
					    id);
		out->unknown = (int32_t)id;
	}
	return vocabulary_add(source, &out->vocabulary, piece->text, piece->bytes, (int64_t)id);
}

static enum clade_status add_pieces(const struct part_source *source, const struct sentencepiece_spec *spec,
				    struct clade_tokenizer *out, struct sentencepiece *data)
{
	size_t bytes = 0;
	enum clade_status status = vocabulary_begin(source, spec->count, &out->vocabulary);
	for (size_t i = 0; i < spec->count && status == CLADE_OK; i++) {
		status = check_piece(source, &spec->pieces[i], i, out);
		data->types[i] = (unsigned char)spec->pieces[i].type;
		bytes += spec->pieces[i].type == PIECE_BYTE;
	}
	if (status == CLADE_OK)
		status = vocabulary_seal(source, &out->vocabulary);
	if (status != CLADE_OK)
		return status;
	if (out->unknown < 0)
		return text_damaged(source, "no piece is of type unknown");
	if (!spec->byte_fallback && bytes > 0)
		return text_damaged(source, "%zu pieces are bytes, though byte_fallback is off", bytes);
	byte_tokens(&out->vocabulary, data->unigram.bytes);
	for (size_t i = 0; i < 256 && spec->byte_fallback; i++)
		if (data->unigram.bytes[i] < 0 || data->types[data->unigram.bytes[i]] != PIECE_BYTE || bytes != 256)
			return text_damaged(
				source,
				"byte_fallback needs the 256 pieces <0x00> to <0xFF> of type byte; %zu are there, "
				"byte %zu is %s",
				bytes, i, data->unigram.bytes[i] < 0 ? "not" : "one of them");
	return CLADE_OK;
}

/* ---- scores ---- */

/* Pieces that the user defined score above all made of shorter ones. */
static float score_of(const struct piece *piece, const struct sentencepiece_spec *spec)
{
	if (piece->type != PIECE_USER_DEFINED || spec->bpe || spec->manner == LIKE_HUGGING_FACE)
		return piece->score;
	return spec->manner == LIKE_LLAMA_CPP ? 0 : (float)(0.1 * (double)(piece->bytes - 1));
}

static void set_scores(const struct sentencepiece_spec *spec, struct unigram *unigram)
{
	float least = FLT_MAX;
	for (size_t i = 0; i < spec->count; i++) {
		const struct piece *piece = &spec->pieces[i];
		if (piece->type == PIECE_NORMAL && piece->score < least)
			least = piece->score;
		unigram->scores[i] = score_of(piece, spec);
	}
	unigram->unknown_score = spec->manner == LIKE_HUGGING_FACE ? (double)least - 10 : (double)(least - 10.0f);
}

static int compare_scores(const void *a, const void *b, void *user)
{
	const double *scores = user, x = scores[*(const uint32_t *)a], y = scores[*(const uint32_t *)b];
	return x > y ? -1 : x < y;
}

/* Whether a space, as it is written, follows something else within a piece. */
static bool joins_words(const struct piece *piece)
{
	static const char space[] = "\xe2\x96\x81";
	for (size_t i = 1; i + 3 <= piece->bytes; i++)
		if (memcmp(piece->text + i, space, 3) == 0 && (i < 3 || memcmp(piece->text + i - 3, space, 3) != 0))
			return piece_is_normal(piece->type);
	return false;
}

static enum clade_status set_ranks(const struct part_source *source, const struct sentencepiece_spec *spec,
				   struct sentencepiece *data)
{
	uint32_t *order = clade_alloc(source->context, spec->count * sizeof(*order));
	data->ranks = clade_alloc(source->context, spec->count * sizeof(*data->ranks));
	if (order == NULL || data->ranks == NULL) {
		clade_free(source->context, order);
		return clade_fail_memory(source->diag, spec->count * sizeof(*order), "a vocabulary");
	}
	for (size_t i = 0; i < spec->count; i++)
		order[i] = (uint32_t)i;
	data->words = true;
	for (size_t i = 0; i < spec->count && data->words; i++)
		data->words = !joins_words(&spec->pieces[i]);
	qsort_r(order, spec->count, sizeof(*order), compare_scores, data->unigram.scores);
	for (size_t i = 0; i < spec->count; i++)
		data->ranks[order[i]] = i > 0 && data->unigram.scores[order[i]] == data->unigram.scores[order[i - 1]]
						? data->ranks[order[i - 1]]
						: (uint32_t)i;
	clade_free(source->context, order);
	return CLADE_OK;
}

/* ---- tries ---- */

static enum clade_status build_trie(const struct part_source *source, const struct sentencepiece_spec *spec,
				    bool user_defined, struct trie *out)
{
	struct trie_entry *entries = clade_alloc(source->context, spec->count * sizeof(*entries));
	size_t count = 0;
	if (entries == NULL)
		return clade_fail_memory(source->diag, spec->count * sizeof(*entries), "a vocabulary");
	for (size_t i = 0; i < spec->count; i++) {
		enum piece_type type = spec->pieces[i].type;
		bool ordinary = type == PIECE_NORMAL || (type == PIECE_UNUSED && spec->manner == LIKE_LLAMA_CPP);
		if (type == PIECE_USER_DEFINED || (ordinary && !user_defined))
			entries[count++] =
				(struct trie_entry) { spec->pieces[i].text, spec->pieces[i].bytes, (int32_t)i };
	}
	enum clade_status status = trie_build(source->context, entries, count, out, source->diag);
	clade_free(source->context, entries);
	return status;
}

size_t user_defined_length(const struct sentencepiece *data, const char *text, size_t bytes)
{
	const struct trie *trie = &data->user_defined;
	size_t length = 0;
	uint32_t node = 0;
	for (size_t i = 0; i < bytes; i++) {
		node = trie_step(trie, node, (unsigned char)text[i]);
		if (node == 0)
			break;
		if (trie->nodes[node].value >= 0 || data->beginnings)
			length = i + 1;
	}
	return length;
}

/* ---- all of it ---- */

static const struct token_model_kind model_sentencepiece_unigram = { "Unigram", NULL, unigram_encode,
								     sentencepiece_finish, unigram_finish_scratch };

/* `whole`: the normalizer adds the dummy prefix. */
static enum clade_status add_parts(const struct part_source *source, bool whole, struct clade_tokenizer *out)
{
	const struct {
		const struct part_kind *kind;
		struct parts *parts;
	} steps[] = {
		{ whole ? &normalizer_llama_cpp : &normalizer_sentencepiece, &out->normalizers },
		{ whole ? NULL : &pre_tokenizer_sentencepiece, &out->pre_tokenizers },
		{ &decoder_sentencepiece, &out->decoders },
	};
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; i < 3 && status == CLADE_OK; i++) {
		if (steps[i].kind == NULL)
			continue;
		status = parts_add(source, steps[i].kind, NULL, steps[i].parts);
		if (status == CLADE_OK)
			steps[i].parts->items[0].data = out->model_data;
	}
	return status;
}

enum clade_status sentencepiece_build_model(const struct part_source *source, const struct sentencepiece_spec *spec,
					    struct clade_tokenizer *out)
{
	struct sentencepiece *data = out->model_data = clade_alloc(source->context, sizeof(*data));
	out->model = spec->bpe ? &model_sentencepiece_bpe : &model_sentencepiece_unigram;
	if (data == NULL)
		return clade_fail_memory(source->diag, sizeof(*data), "a tokenizer");
	*data = (struct sentencepiece) {
		.unigram = { .count = spec->count,
			     .byte_fallback = spec->byte_fallback,
			     .single = spec->manner == LIKE_SENTENCEPIECE,
			     .joined = spec->manner == LIKE_HUGGING_FACE },
		.dummy_prefix = spec->dummy_prefix,
		.remove_extra_spaces = spec->remove_extra_spaces,
		.escape_spaces = spec->escape_spaces,
		.prefix_every = spec->prefix_every,
		.beginnings = spec->manner == LIKE_LLAMA_CPP,
		.unknown_surface_bytes = spec->unknown_surface_bytes,
		.vocabulary = &out->vocabulary,
	};
	data->types = clade_alloc(source->context, spec->count + 1);
	data->unigram.scores = clade_alloc(source->context, (spec->count + 1) * sizeof(double));
	data->unknown_surface = clade_alloc(source->context, spec->unknown_surface_bytes + 1);
	if (data->types == NULL || data->unigram.scores == NULL || data->unknown_surface == NULL)
		return clade_fail_memory(source->diag, spec->count * sizeof(double), "a vocabulary");
	memcpy(data->unknown_surface, spec->unknown_surface, spec->unknown_surface_bytes);
	enum clade_status status = add_pieces(source, spec, out, data);
	if (status == CLADE_OK) {
		set_scores(spec, &data->unigram);
		status = build_trie(source, spec, true, &data->user_defined);
	}
	if (status == CLADE_OK)
		status = spec->bpe ? set_ranks(source, spec, data)
				   : build_trie(source, spec, false, &data->unigram.trie);
	data->has_charsmap = spec->charsmap_bytes > 0;
	if (status == CLADE_OK && data->has_charsmap)
		status = charsmap_parse(source, "precompiled_charsmap", spec->charsmap, spec->charsmap_bytes,
					&data->charsmap);
	return status;
}

enum clade_status sentencepiece_build(const struct part_source *source, const struct sentencepiece_spec *spec,
				      struct clade_tokenizer *out)
{
	enum clade_status status = sentencepiece_build_model(source, spec, out);
	bool whole = spec->manner == LIKE_LLAMA_CPP && !spec->bpe;
	return status == CLADE_OK ? add_parts(source, whole, out) : status;
}

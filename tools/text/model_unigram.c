/* SPDX-License-Identifier: MIT */
/* Unigram: of all ways to make a text of tokens the one with the greatest sum of scores (Viterbi's algorithm). What no
 * token covers is unknown, character by character at a score below all others; neighbours are joined. */
#include "unigram.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SCORE_LIMIT 100000.0f

/* The best way to a place: by which token, and from where. */
struct place {
	double score;
	uint32_t from; /* distance back; 0: not reached */
	int32_t id;
};
struct scratch {
	struct place *places;
	size_t room;
};

void byte_tokens(const struct vocabulary *vocabulary, int32_t ids[256])
{
	for (int i = 0; i < 256; i++) {
		char text[8];
		snprintf(text, sizeof(text), "<0x%02X>", (unsigned)i);
		ids[i] = vocabulary_find(vocabulary, text, 6);
	}
}

void unigram_finish(struct clade_tokenizer *tokenizer)
{
	struct unigram *model = tokenizer->model_data;
	if (model != NULL) {
		trie_finish(tokenizer->context, &model->trie);
		clade_free(tokenizer->context, model->scores);
	}
	clade_free(tokenizer->context, model);
}

void unigram_finish_scratch(const struct clade_tokenizer *tokenizer, void *scratch)
{
	struct scratch *s = scratch;
	clade_free(tokenizer->context, s->places);
	clade_free(tokenizer->context, s);
}

/* ---- tokenizer.json ---- */

static enum clade_status parse_vocabulary(const struct part_source *source, const json_t *json,
					  struct clade_tokenizer *out, struct unigram *model)
{
	size_t count = json_array_size(json);
	double least = INFINITY;
	if (!json_is_array(json) || count == 0)
		return text_damaged(source, "model Unigram has no vocabulary \"vocab\"");
	enum clade_status status = vocabulary_begin(source, count, &out->vocabulary);
	model->scores = clade_alloc(source->context, count * sizeof(*model->scores));
	model->count = count;
	if (status == CLADE_OK && model->scores == NULL)
		status = clade_fail_memory(source->diag, count * sizeof(*model->scores), "a vocabulary");
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		const json_t *item = json_array_get(json, i), *text = json_array_get(item, 0),
			     *score = json_array_get(item, 1);
		if (json_array_size(item) != 2 || !json_is_string(text) || !json_is_number(score))
			return text_damaged(source, "model Unigram: entry %zu of vocab must be a text and a score", i);
		model->scores[i] = json_number_value(score);
		least = model->scores[i] < least ? model->scores[i] : least;
		status = vocabulary_add(source, &out->vocabulary, json_string_value(text), json_string_length(text),
					(int64_t)i);
	}
	model->unknown_score = least - 10;
	return status == CLADE_OK ? vocabulary_seal(source, &out->vocabulary) : status;
}

static enum clade_status parse(const struct part_source *source, const json_t *json, struct clade_tokenizer *out)
{
	const json_t *unknown = json_object_get(json, "unk_id"), *fallback = json_object_get(json, "byte_fallback");
	struct unigram *model = out->model_data = clade_alloc(source->context, sizeof(*model));
	struct trie_entry *entries;
	if (model == NULL)
		return clade_fail_memory(source->diag, sizeof(*model), "a tokenizer");
	*model = (struct unigram) { .byte_fallback = json_is_true(fallback), .joined = true };
	if (fallback != NULL && !json_is_boolean(fallback))
		return text_damaged(source, "model Unigram: byte_fallback must be true or false");
	enum clade_status status = parse_vocabulary(source, json_object_get(json, "vocab"), out, model);
	if (status != CLADE_OK)
		return status;
	if (unknown != NULL && !json_is_null(unknown) &&
	    (!json_is_integer(unknown) || json_integer_value(unknown) < 0 ||
	     (size_t)json_integer_value(unknown) >= model->count))
		return text_damaged(source, "model Unigram: unk_id must be an id of the vocabulary, 0 to %zu",
				    model->count - 1);
	out->unknown = json_is_integer(unknown) ? (int32_t)json_integer_value(unknown) : -1;
	byte_tokens(&out->vocabulary, model->bytes);
	entries = clade_alloc(source->context, model->count * sizeof(*entries));
	if (entries == NULL)
		return clade_fail_memory(source->diag, model->count * sizeof(*entries), "a vocabulary");
	for (size_t i = 0; i < model->count; i++)
		entries[i] = (struct trie_entry) { out->vocabulary.tokens[i].text, out->vocabulary.tokens[i].bytes,
						   (int32_t)i };
	status = trie_build(source->context, entries, model->count, &model->trie, source->diag);
	clade_free(source->context, entries);
	return status;
}

/* ---- encoding ---- */

/* A token leads `length` bytes on from a place. */
static void reach(const struct unigram *model, struct place *from, size_t length, double score, int32_t id)
{
	struct place *place = from + length;
	score = model->single ? (double)((float)score + (float)from->score) : score + from->score;
	if (place->from != 0 && !(score > place->score))
		return;
	*place = (struct place) { score, (uint32_t)length, id };
}

/* By its first byte alone: text need not be UTF-8 here (see normalizer_llama_cpp). */
static size_t character_length(const char *text, size_t bytes)
{
	unsigned char first = (unsigned char)text[0];
	size_t length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	return length < bytes ? length : bytes;
}

/* All tokens that begin at one place, and the unknown if none of them is a single character. The furthest place that
 * was reached comes back, 0 if an unknown token is needed and there is none. */
static size_t step(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes, struct place *places)
{
	const struct unigram *model = tokenizer->model_data;
	size_t character = character_length(text, bytes), furthest = 0;
	uint32_t node = 0;
	bool covered = false;
	for (size_t i = 0; i < bytes; i++) {
		node = trie_step(&model->trie, node, (unsigned char)text[i]);
		if (node == 0)
			break;
		int32_t id = model->trie.nodes[node].value;
		if (id < 0)
			continue;
		furthest = i + 1;
		reach(model, places, furthest, model->scores[id], id);
		covered |= furthest == character;
	}
	if (!covered && tokenizer->unknown < 0)
		return 0;
	if (!covered)
		reach(model, places, character, model->unknown_score, tokenizer->unknown);
	return furthest > character ? furthest : character;
}

/* SentencePiece keeps its sums small, so that floats can tell them apart in long texts. */
static void keep_small(struct place *places, size_t at, size_t frontier)
{
	float offset = (float)places[at].score;
	if (!(offset < -SCORE_LIMIT || offset > SCORE_LIMIT))
		return;
	for (size_t i = at; i <= frontier; i++)
		if (i == at || places[i].from != 0)
			places[i].score = (double)((float)places[i].score - offset);
}

/* A stretch of unknown characters. */
static bool emit_unknown(struct encoding *encoding, const char *text, size_t bytes)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	const struct unigram *model = tokenizer->model_data;
	int32_t known = model->joined ? vocabulary_find(&tokenizer->vocabulary, text, bytes) : -1;
	bool fall_back = known < 0 && model->byte_fallback, fine = true;
	for (size_t i = 0; i < bytes && fall_back; i++)
		fall_back = model->bytes[(unsigned char)text[i]] >= 0;
	if (!fall_back)
		return ids_add(&encoding->ids, known >= 0 ? known : tokenizer->unknown);
	for (size_t i = 0; i < bytes && fine; i++)
		fine = ids_add(&encoding->ids, model->bytes[(unsigned char)text[i]]);
	return fine;
}

/* The best way is known from its end: turns its links round. */
static void turn_round(struct place *places, size_t end)
{
	struct place next = { .from = 0 };
	for (;;) {
		struct place here = places[end];
		places[end] = next;
		if (end == 0)
			return;
		next = here;
		end -= here.from;
	}
}

static bool emit(struct encoding *encoding, const char *text, size_t bytes, const struct place *places)
{
	int32_t unknown = encoding->tokenizer->unknown;
	bool fine = true;
	for (size_t at = 0, end; at < bytes && fine; at = end) {
		int32_t id = places[at].id;
		end = at + places[at].from;
		if (id != unknown) {
			fine = ids_add(&encoding->ids, id);
			continue;
		}
		while (end < bytes && places[end].id == unknown)
			end += places[end].from;
		fine = emit_unknown(encoding, text + at, end - at);
	}
	return fine;
}

static bool grow(struct encoding *encoding, size_t room)
{
	struct clade_context *context = encoding->tokenizer->context;
	struct scratch *scratch = encoding->scratch;
	if (scratch == NULL) {
		scratch = encoding->scratch = clade_alloc(context, sizeof(*scratch));
		if (scratch == NULL)
			return false;
		*scratch = (struct scratch) { 0 };
	}
	if (room <= scratch->room)
		return true;
	room += room / 2;
	struct place *grown =
		room < SIZE_MAX / sizeof(*grown) ? clade_resize(context, scratch->places, room * sizeof(*grown)) : NULL;
	if (grown == NULL)
		return false;
	scratch->places = grown;
	scratch->room = room;
	return true;
}

enum clade_status unigram_encode(struct encoding *encoding, const char *text, size_t bytes)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	const struct unigram *model = tokenizer->model_data;
	if (bytes >= UINT32_MAX)
		return clade_fail(encoding->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TEXT_UNKNOWN, tokenizer->name,
				  "a text of %zu bytes; at most 2^32 - 2 are supported", bytes);
	if (!grow(encoding, bytes + 1))
		return clade_fail_memory(encoding->diag, bytes * sizeof(struct place), "a text");
	struct place *places = ((struct scratch *)encoding->scratch)->places;
	for (size_t i = 0; i <= bytes; i++)
		places[i] = (struct place) { .from = 0 };
	for (size_t at = 0, frontier = 0; at < bytes; at += character_length(text + at, bytes - at)) {
		if (model->single)
			keep_small(places, at, frontier);
		size_t furthest = step(tokenizer, text + at, bytes - at, places + at);
		if (furthest == 0)
			return clade_fail(encoding->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UNKNOWN, tokenizer->name,
					  "\"%.*s\" is not in the vocabulary, which has no unknown token",
					  (int)character_length(text + at, bytes - at), text + at);
		frontier = at + furthest > frontier ? at + furthest : frontier;
	}
	turn_round(places, bytes);
	return emit(encoding, text, bytes, places)
		       ? CLADE_OK
		       : clade_fail_memory(encoding->diag, encoding->ids.count * 4, "token ids");
}

const struct token_model_kind model_unigram = { "Unigram", parse, unigram_encode, unigram_finish,
						unigram_finish_scratch };

/* SPDX-License-Identifier: MIT */
/* Marian's tokenizer: texts are cut into pieces by source.spm, and the ids of all pieces, the source's and the
 * target's, are vocab.json's. ">>fr<<" at the front of a text names the language to translate to, where vocab.json has
 * it. */
#include "sentencepiece.h"
#include "tokenizer_config.h"

#include <string.h>

static const char *const special[] = { "<unk>", "</s>", "<pad>" };

/* As unigram_encode; pieces that vocab.json lacks become unknown. */
static enum clade_status encode(struct encoding *encoding, const char *text, size_t bytes)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	const struct sentencepiece *data = tokenizer->model_data;
	size_t from = encoding->ids.count;
	enum clade_status status = unigram_encode(encoding, text, bytes);
	for (size_t i = from; i < encoding->ids.count && status == CLADE_OK; i++)
		if (encoding->ids.ids[i] >= data->known)
			encoding->ids.ids[i] = tokenizer->unknown;
	return status;
}

static const struct token_model_kind model_marian = { "Unigram", NULL, encode, sentencepiece_finish,
						      unigram_finish_scratch };

/* vocab.json's tokens by id; none of them is in a text until source.spm says so. */
static enum clade_status place_tokens(const struct part_source *source, const json_t *vocab, struct piece *pieces,
				      size_t count)
{
	const char *text;
	json_t *value;
	json_object_foreach((json_t *)vocab, text, value)
	{
		json_int_t id = json_integer_value(value);
		if (!json_is_integer(value) || id < 0 || (size_t)id >= count || pieces[id].text != NULL)
			return text_damaged(source, "\"%.64s\" must have an id of its own from 0 to %zu", text,
					    count - 1);
		pieces[id] = (struct piece) { .text = text, .bytes = strlen(text), .type = PIECE_UNUSED };
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		const json_t *id = json_object_get(vocab, special[i]);
		if (id == NULL)
			return text_damaged(source, "there is no token \"%s\"", special[i]);
		pieces[json_integer_value(id)].type = i == 0 ? PIECE_UNKNOWN : PIECE_CONTROL;
	}
	return CLADE_OK;
}

/* The scores of source.spm; *count grows by the pieces that vocab.json lacks. */
static void place_scores(const struct sentencepiece_spec *spec, const json_t *vocab, struct piece *pieces,
			 size_t *count)
{
	for (size_t i = 0; i < spec->count; i++) {
		const struct piece *piece = &spec->pieces[i];
		const json_t *id = json_object_getn(vocab, piece->text, piece->bytes);
		if (piece->type != PIECE_NORMAL && piece->type != PIECE_USER_DEFINED)
			continue;
		if (id == NULL) {
			pieces[(*count)++] = *piece;
		} else if (pieces[json_integer_value(id)].type == PIECE_UNUSED) {
			pieces[json_integer_value(id)].score = piece->score;
			pieces[json_integer_value(id)].type = piece->type;
		}
	}
}

static enum clade_status add_tokens(const struct part_source *source, const json_t *vocab, struct clade_tokenizer *out)
{
	json_t *added = json_array(), *value;
	bool fine = added != NULL;
	const char *text;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]) && fine; i++)
		fine = config_add(added, special[i], json_integer_value(json_object_get(vocab, special[i])), true);
	json_object_foreach((json_t *)vocab, text, value)
	{
		size_t length = strlen(text);
		if (fine && length > 4 && strncmp(text, ">>", 2) == 0 && strcmp(text + length - 2, "<<") == 0)
			fine = config_add(added, text, json_integer_value(value), false);
	}
	enum clade_status status =
		fine ? added_parse(source, added, out) : clade_fail_memory(source->diag, 64, "added tokens");
	json_decref(added);
	return status;
}

enum clade_status marian_configure(const struct part_source *source, const struct part_source *vocab_source,
				   const struct sentencepiece_spec *model, const json_t *vocab,
				   struct clade_tokenizer *out)
{
	struct sentencepiece_spec spec = *model;
	size_t known = json_object_size(vocab), count = known;
	if (!json_is_object(vocab) || known == 0)
		return text_damaged(vocab_source, "it must be an object of tokens and ids");
	if (spec.bpe || spec.byte_fallback)
		return text_refuse(source, "model_type", spec.bpe ? "bpe" : "unigram with byte_fallback", "unigram");
	struct piece *pieces = clade_alloc(source->context, (known + spec.count) * sizeof(*pieces));
	if (pieces == NULL)
		return clade_fail_memory(source->diag, (known + spec.count) * sizeof(*pieces), "a vocabulary");
	memset(pieces, 0, (known + spec.count) * sizeof(*pieces));
	enum clade_status status = place_tokens(vocab_source, vocab, pieces, known);
	if (status == CLADE_OK) {
		place_scores(model, vocab, pieces, &count);
		spec.pieces = pieces;
		spec.count = count;
		spec.prefix_every = true;
		status = sentencepiece_build(source, &spec, out);
	}
	clade_free(source->context, pieces);
	if (status != CLADE_OK)
		return status;
	out->model = &model_marian;
	((struct sentencepiece *)out->model_data)->known = (int32_t)known;
	status = add_tokens(vocab_source, vocab, out);
	out->template_ids.ids = clade_alloc(source->context, sizeof(int32_t));
	if (out->template_ids.ids == NULL)
		return clade_fail_memory(source->diag, sizeof(int32_t), "a template");
	out->template_ids.ids[0] = (int32_t)json_integer_value(json_object_get(vocab, "</s>"));
	out->template_ids.count = 1;
	return status;
}

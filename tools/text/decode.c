/* SPDX-License-Identifier: MIT */
/* Ids to text, one at a time: through the decoder's stages, then held back until its characters are whole. */
#include "internal.h"

#include <string.h>

struct clade_decoder {
	const struct clade_tokenizer *tokenizer;
	bool skip_special;
	struct text_buffer out;
	size_t count; /* of stages, with the source of tokens before and the end behind them */
	struct decoder_stage *stages;
};

enum clade_status clade_decoder_create(const struct clade_tokenizer *tokenizer, bool skip_special,
				       struct clade_decoder **out_decoder, struct clade_diag *diag)
{
	size_t count = tokenizer->decoders.count + 2;
	struct clade_decoder *decoder = clade_alloc(tokenizer->context, sizeof(*decoder));
	struct decoder_stage *stages = clade_alloc(tokenizer->context, count * sizeof(*stages));
	*out_decoder = decoder;
	if (decoder == NULL || stages == NULL) {
		clade_free(tokenizer->context, decoder);
		clade_free(tokenizer->context, stages);
		*out_decoder = NULL;
		return clade_fail_memory(diag, sizeof(*decoder), "a decoder");
	}
	*decoder = (struct clade_decoder) { tokenizer, skip_special, .count = count, .stages = stages };
	decoder->out.context = tokenizer->context;
	for (size_t i = 0; i < count; i++) {
		stages[i] = (struct decoder_stage) { .next = i + 1 < count ? &stages[i + 1] : NULL };
		stages[i].part = i > 0 && i + 1 < count ? &tokenizer->decoders.items[i - 1] : NULL;
		stages[i].held.context = stages[i].gathered.context = tokenizer->context;
	}
	return CLADE_OK;
}

void clade_decoder_destroy(struct clade_decoder **decoder)
{
	struct clade_decoder *d = *decoder;
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->count; i++)
		text_finish(&d->stages[i].held), text_finish(&d->stages[i].gathered);
	text_finish(&d->out);
	clade_free(d->tokenizer->context, d->stages);
	clade_free(d->tokenizer->context, d);
	*decoder = NULL;
}

static enum clade_status release(struct clade_decoder *decoder, bool end, const char **out_text, size_t *out_bytes,
				 struct clade_diag *diag)
{
	struct text_buffer *pending = &decoder->stages[decoder->count - 1].held;
	decoder->out.count = 0;
	if (!text_add(&decoder->out, "", 0) || !utf8_release(pending, &decoder->out, end))
		return clade_fail_memory(diag, pending->count, "decoded text");
	*out_text = decoder->out.bytes;
	*out_bytes = decoder->out.count;
	return CLADE_OK;
}

enum clade_status clade_decoder_push(struct clade_decoder *decoder, int32_t id, const char **out_text,
				     size_t *out_bytes, struct clade_diag *diag)
{
	const struct clade_tokenizer *tokenizer = decoder->tokenizer;
	const char *token = clade_tokenizer_token(tokenizer, id);
	*out_text = "";
	*out_bytes = 0;
	/* an id without a token (a padded vocabulary) gives no text, as in Hugging Face's decoders */
	if (token != NULL && !(decoder->skip_special && clade_tokenizer_is_special(tokenizer, id)) &&
	    !stage_emit(&decoder->stages[0], token, strlen(token)))
		return clade_fail_memory(diag, strlen(token), "decoded text");
	return release(decoder, false, out_text, out_bytes, diag);
}

enum clade_status clade_decoder_finish(struct clade_decoder *decoder, const char **out_text, size_t *out_bytes,
				       struct clade_diag *diag)
{
	bool fine = true;
	*out_text = "";
	*out_bytes = 0;
	for (size_t i = 1; i + 1 < decoder->count; i++) {
		struct decoder_stage *stage = &decoder->stages[i];
		if (fine && stage->part->kind->end != NULL)
			fine = stage->part->kind->end(stage);
		stage->seen = stage->count = stage->held.count = stage->gathered.count = 0;
	}
	if (!fine)
		return clade_fail_memory(diag, 0, "decoded text");
	return release(decoder, true, out_text, out_bytes, diag);
}

/* SPDX-License-Identifier: MIT */
/* What SentencePiece does with the text itself: its normalizer, the dummy prefix, and the way back. */
#include "sentencepiece.h"

#include <string.h>

static const char space_symbol[] = "\xe2\x96\x81"; /* U+2581 */
enum { SPACE_BYTES = 3 };

/* ---- normalizer ---- */

/* What stands for the front of a text: a user-defined piece stays, the longest rule applies, or one character stays. */
static const char *front(const struct sentencepiece *data, const char *text, size_t bytes, size_t *out_bytes,
			 size_t *out_consumed)
{
	size_t length = user_defined_length(data, text, bytes);
	const char *found = length == 0 && data->has_charsmap
				    ? charsmap_find(&data->charsmap, text, bytes, true, out_consumed)
				    : NULL;
	if (found != NULL) {
		*out_bytes = strlen(found);
		return found;
	}
	int character = utf8_length(text, bytes);
	if (length == 0 && character <= 0) { /* the beginning of a user-defined piece tore it apart */
		*out_bytes = 3;
		*out_consumed = 1;
		return "\xef\xbf\xbd";
	}
	*out_bytes = *out_consumed = length > 0 ? length : (size_t)character;
	return text;
}

static bool add_escaped(const struct sentencepiece *data, const char *text, size_t bytes, struct text_buffer *out)
{
	bool fine = true;
	for (size_t at = 0, end; at < bytes && fine; at = end) {
		for (end = at; end < bytes && (text[end] != ' ' || !data->escape_spaces);)
			end++;
		fine = text_add(out, text + at, end - at);
		if (end < bytes) {
			fine = fine && text_add(out, space_symbol, SPACE_BYTES);
			end++;
		}
	}
	return fine;
}

static void trim_end(const struct sentencepiece *data, size_t from, struct text_buffer *out)
{
	const char *space = data->escape_spaces ? space_symbol : " ";
	size_t width = data->escape_spaces ? SPACE_BYTES : 1;
	while (out->count >= from + width && memcmp(out->bytes + out->count - width, space, width) == 0)
		out->count -= width;
}

static enum clade_status normalize(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				   struct clade_diag *diag)
{
	const struct sentencepiece *data = part->data;
	bool after_space = data->remove_extra_spaces, fine = true;
	size_t at = 0, length, consumed, from = out->count;
	while (data->remove_extra_spaces && at < bytes) {
		const char *put = front(data, text + at, bytes - at, &length, &consumed);
		if (length != 1 || put[0] != ' ')
			break;
		at += consumed;
	}
	for (; at < bytes && fine; at += consumed) {
		const char *put = front(data, text + at, bytes - at, &length, &consumed);
		while (after_space && length > 0 && put[0] == ' ') {
			put++;
			length--;
		}
		if (length == 0)
			continue;
		fine = add_escaped(data, put, length, out);
		after_space = data->remove_extra_spaces && put[length - 1] == ' ';
	}
	if (fine && data->remove_extra_spaces)
		trim_end(data, from, out);
	return fine ? CLADE_OK : clade_fail_memory(diag, bytes, "normalized text");
}

const struct part_kind normalizer_sentencepiece = { .type = "SentencePiece", .normalize = normalize };

/* llama.cpp's for unigram differs in spaces: where extra ones are removed every word gets one, else the first word
 * does, behind those that are there. U+2581 in the text is no space yet. The result need not be UTF-8. */
static enum clade_status normalize_llama_cpp(const struct part *part, const char *text, size_t bytes,
					     struct text_buffer *out, struct clade_diag *diag)
{
	const struct sentencepiece *data = part->data;
	bool one_each = data->remove_extra_spaces, first = data->dummy_prefix, inside = false, fine = true;
	for (size_t at = 0, length, consumed; at < bytes && fine; at += consumed) {
		const char *put = front(data, text + at, bytes - at, &length, &consumed);
		for (size_t i = 0; i < length && fine; i++) {
			bool space = put[i] == ' ';
			if (space ? !one_each : !inside && (one_each || first)) {
				fine = text_add(out, space_symbol, SPACE_BYTES);
				first &= space;
			}
			if (!space)
				fine = fine && text_add(out, put + i, 1);
			inside = !space;
		}
	}
	return fine ? CLADE_OK : clade_fail_memory(diag, bytes, "normalized text");
}

const struct part_kind normalizer_llama_cpp = { .type = "SentencePiece", .normalize = normalize_llama_cpp };

/* ---- the dummy prefix ---- */

static enum clade_status cut(const struct part *part, const struct pieces *in, struct pieces *out,
			     struct clade_diag *diag)
{
	const struct sentencepiece *data = part->data;
	bool fine = text_add(&out->text, "", 0);
	for (size_t i = 0; i < in->count && fine; i++) {
		const struct span *span = &in->spans[i];
		size_t start = out->text.count;
		if (data->dummy_prefix && (data->prefix_every || (in->first && i == 0)))
			fine = add_escaped(data, " ", 1, &out->text);
		fine = fine && text_add(&out->text, in->text.bytes + span->start, span->end - span->start) &&
		       pieces_add(out, start, out->text.count);
	}
	return fine ? CLADE_OK : clade_fail_memory(diag, in->text.count, "pieces of text");
}

const struct part_kind pre_tokenizer_sentencepiece = { .type = "SentencePiece", .cut = cut };

/* ---- decoder ---- */

/* Flags of stage->count: something was written; a space was taken from the front; the front is over. */
enum { WRITTEN = 1, SPACE_TAKEN = 2, FRONT_OVER = 4 };

static bool write_out(struct decoder_stage *stage, const char *text, size_t bytes)
{
	if (bytes > 0)
		stage->count |= WRITTEN;
	return bytes == 0 || stage_emit(stage, text, bytes);
}

/* Characters of a run of bytes as they become whole; a byte that is in none becomes U+FFFD. */
static bool release_bytes(struct decoder_stage *stage, bool end)
{
	struct text_buffer *run = &stage->held;
	size_t at = 0;
	bool fine = true;
	while (at < run->count && fine) {
		int length = utf8_length(run->bytes + at, run->count - at);
		if (length == 0 && !end)
			break;
		fine = length > 0 ? write_out(stage, run->bytes + at, (size_t)length)
				  : write_out(stage, "\xef\xbf\xbd", 3);
		at += length > 0 ? (size_t)length : 1;
	}
	if (at > 0)
		memmove(run->bytes, run->bytes + at, run->count - at);
	run->count -= at;
	return fine;
}

/* One piece, with its escaped spaces as spaces; the first is left out at the front of the text. */
static bool write_piece(struct decoder_stage *stage, const char *text, size_t bytes)
{
	const struct sentencepiece *data = stage->part->data;
	bool front = (stage->count & FRONT_OVER) == 0 && (data->dummy_prefix || data->remove_extra_spaces), fine = true;
	if (front && bytes >= SPACE_BYTES && memcmp(text, space_symbol, SPACE_BYTES) == 0) {
		text += SPACE_BYTES;
		bytes -= SPACE_BYTES;
		/* where extra spaces are removed, more of them may be */
		if (!data->remove_extra_spaces)
			stage->count |= SPACE_TAKEN;
	}
	for (size_t at = 0, end; at < bytes && fine; at = end) {
		const char *found = memmem(text + at, bytes - at, space_symbol, SPACE_BYTES);
		end = found != NULL ? (size_t)(found - text) : bytes;
		fine = write_out(stage, text + at, end - at);
		if (found != NULL) {
			fine = fine && write_out(stage, " ", 1);
			end += SPACE_BYTES;
		}
	}
	return fine;
}

static bool token(struct decoder_stage *stage, const char *text, size_t bytes)
{
	const struct sentencepiece *data = stage->part->data;
	int32_t id = vocabulary_find(data->vocabulary, text, bytes);
	int type = id >= 0 ? data->types[id] : PIECE_CONTROL;
	if (type == PIECE_BYTE) {
		const char *digits = "0123456789ABCDEF";
		int high = (int)(strchr(digits, text[3]) - digits), low = (int)(strchr(digits, text[4]) - digits);
		return text_add(&stage->held, &(char) { (char)(high * 16 + low) }, 1) && release_bytes(stage, false);
	}
	bool fine = release_bytes(stage, true);
	if ((stage->count & (SPACE_TAKEN | WRITTEN)) != 0)
		stage->count |= FRONT_OVER;
	stage->count &= ~(size_t)SPACE_TAKEN;
	if (type == PIECE_UNKNOWN)
		return fine && write_out(stage, data->unknown_surface, data->unknown_surface_bytes);
	return fine && (type == PIECE_CONTROL ? write_out(stage, text, bytes) : write_piece(stage, text, bytes));
}

static bool end(struct decoder_stage *stage)
{
	return release_bytes(stage, true);
}

const struct part_kind decoder_sentencepiece = { .type = "SentencePiece", .token = token, .end = end };

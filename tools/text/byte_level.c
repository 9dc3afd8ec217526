/* SPDX-License-Identifier: MIT */
/* Byte-level text, as GPT-2 has it: each byte is written as a printable character of its own, so that every text can be
 * made of 256 characters. The pre-tokenizer writes it, the decoder reads it. */
#include "byte_level.h"
#include "split.h"

#include <string.h>

int32_t byte_level_point(unsigned char byte)
{
	if (byte <= 0x20)
		return 0x100 + byte;
	if (byte >= 0x7f && byte <= 0xa0)
		return 0x100 + 0x21 + (byte - 0x7f);
	return byte == 0xad ? 0x100 + 0x43 : byte;
}

int byte_level_byte(int32_t point)
{
	if (point >= 0x100 && point <= 0x120)
		return point - 0x100;
	if (point >= 0x121 && point <= 0x142)
		return point - 0x121 + 0x7f;
	if (point == 0x143)
		return 0xad;
	return (point > 0x20 && point < 0x7f) || (point > 0xa0 && point <= 0xff && point != 0xad) ? (int)point : -1;
}

bool byte_level_add(struct text_buffer *out, const char *text, size_t bytes)
{
	size_t at = out->count, doubled;
	if (!clade_size_mul(bytes, 2, &doubled) || !text_reserve(out, doubled))
		return false;
	for (size_t i = 0; i < bytes; i++) {
		int32_t point = byte_level_point((unsigned char)text[i]);
		if (point >= 0x80) {
			out->bytes[at++] = (char)(0xc0 | point >> 6);
			point = 0x80 | (point & 0x3f);
		}
		out->bytes[at++] = (char)point;
	}
	out->count = at;
	out->bytes[at] = '\0';
	return true;
}

/* ---- the pre-tokenizer ---- */

enum { ADD_PREFIX_SPACE = 1, USE_REGEX = 2 };

static enum clade_status parse(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *prefix = json_object_get(json, "add_prefix_space"), *regex = json_object_get(json, "use_regex");
	if (!json_is_boolean(prefix) || (regex != NULL && !json_is_boolean(regex)))
		return text_damaged(source, "ByteLevel needs add_prefix_space, true or false, and may have use_regex");
	part->flags =
		(json_is_true(prefix) ? ADD_PREFIX_SPACE : 0) | (regex == NULL || json_is_true(regex) ? USE_REGEX : 0);
	if ((part->flags & USE_REGEX) == 0)
		return CLADE_OK;
	return split_create(source, split_gpt2, SPLIT_ISOLATED, 0, part);
}

/* One piece: a space before it if the part says so, the cuts, then each byte as its character. */
static enum clade_status cut_piece(const struct part *part, struct splitter *splitter, const char *text, size_t bytes,
				   struct pieces *cuts, struct pieces *out, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;
	bool fine = true;
	cuts->count = cuts->text.count = 0;
	if ((part->flags & ADD_PREFIX_SPACE) != 0 && text[0] != ' ') {
		fine = text_add(&cuts->text, " ", 1) && text_add(&cuts->text, text, bytes);
		text = cuts->text.bytes;
		bytes++;
	}
	if (fine && splitter != NULL)
		status = splitter_cut(splitter, text, 0, bytes, cuts, diag);
	else if (fine)
		fine = pieces_add(cuts, 0, bytes);
	for (size_t i = 0; i < cuts->count && fine && status == CLADE_OK; i++) {
		const struct span *span = &cuts->spans[i];
		size_t start = out->text.count;
		fine = byte_level_add(&out->text, text + span->start, span->end - span->start) &&
		       pieces_add(out, start, out->text.count);
	}
	return fine ? status : clade_fail_memory(diag, bytes, "byte-level text");
}

static enum clade_status cut(const struct part *part, const struct pieces *in, struct pieces *out,
			     struct clade_diag *diag)
{
	struct pieces cuts = { .text.context = out->text.context };
	struct splitter *splitter = NULL;
	enum clade_status status = CLADE_OK;
	if ((part->flags & USE_REGEX) != 0)
		status = splitter_create(part, out->text.context, &splitter, diag);
	for (size_t i = 0; i < in->count && status == CLADE_OK; i++)
		status = cut_piece(part, splitter, in->text.bytes + in->spans[i].start,
				   in->spans[i].end - in->spans[i].start, &cuts, out, diag);
	splitter_destroy(&splitter);
	pieces_finish(&cuts);
	return status;
}

const struct part_kind pre_tokenizer_byte_level = { "ByteLevel", parse, .finish = split_finish, .cut = cut };

/* ---- the decoder ---- */

/* A token with a character that is no byte's (an added one) stands for itself. */
static bool decode(struct decoder_stage *stage, const char *text, size_t bytes)
{
	stage->held.count = 0;
	for (size_t at = 0, length; at < bytes; at += length) {
		length = (size_t)utf8_length(text + at, bytes - at);
		int byte = byte_level_byte(utf8_point(text + at, (int)length));
		char letter = (char)byte;
		if (byte < 0)
			return stage_emit(stage, text, bytes);
		if (!text_add(&stage->held, &letter, 1))
			return false;
	}
	bool fine = stage_emit(stage, stage->held.bytes, stage->held.count);
	stage->held.count = 0;
	return fine;
}

const struct part_kind decoder_byte_level = { .type = "ByteLevel", .token = decode };

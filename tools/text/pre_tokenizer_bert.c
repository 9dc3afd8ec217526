/* SPDX-License-Identifier: MIT */
/* BertPreTokenizer: words end at white space, and every punctuation mark is a piece of its own. */
#include "unicode.h"

enum kind { WORD, SPACE, MARK };

static enum kind kind_of(int32_t point)
{
	if (point < 0x80) {
		if ((point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z') || (point >= '0' && point <= '9'))
			return WORD;
		return is_white_space(point) ? SPACE : point > ' ' && point < 0x7f ? MARK : WORD;
	}
	return is_white_space(point) ? SPACE : unicode_is(UNICODE_PUNCTUATION, point) ? MARK : WORD;
}

static enum clade_status cut(const struct part *part, const struct pieces *in, struct pieces *out,
			     struct clade_diag *diag)
{
	const char *text = in->text.bytes;
	bool fine = text_add(&out->text, text, in->text.count);
	(void)part;
	for (size_t i = 0; i < in->count; i++) {
		size_t at = in->spans[i].start, start = at, end = in->spans[i].end;
		while (at < end && fine) {
			int length = utf8_length(text + at, end - at);
			enum kind kind = kind_of(utf8_point(text + at, length));
			if (kind != WORD) {
				fine = pieces_add(out, start, at) &&
				       (kind == SPACE || pieces_add(out, at, at + (size_t)length));
				start = at + (size_t)length;
			}
			at += (size_t)length;
		}
		fine = fine && pieces_add(out, start, end);
	}
	return fine ? CLADE_OK : clade_fail_memory(diag, in->text.count, "pieces of text");
}

const struct part_kind pre_tokenizer_bert = { .type = "BertPreTokenizer", .cut = cut };

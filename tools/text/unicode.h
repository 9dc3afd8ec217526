/* SPDX-License-Identifier: MIT */
/* Character classes, case and normal forms as Hugging Face's tokenizers know them. Internal to tools/text. */
#ifndef CLADE_TEXT_UNICODE_H
#define CLADE_TEXT_UNICODE_H

#include "internal.h"

enum unicode_class {
	UNICODE_PUNCTUATION, /* and every ASCII symbol */
	UNICODE_NONSPACING,  /* Mn */
	UNICODE_MARK,        /* M */
	UNICODE_OTHER,       /* Cc, Cf, Co, U+FFFD; not tab, line feed, carriage return */
	UNICODE_UNKNOWN,     /* not yet in Unicode 9.0 */
};
bool unicode_is(enum unicode_class class, int32_t point);
/* Blocks that BERT takes for Chinese. */
bool unicode_is_chinese(int32_t point);

/* Appends a character. */
bool unicode_add(struct text_buffer *out, int32_t point);
/* Appends the lower case of a character. */
bool unicode_add_lower(struct text_buffer *out, int32_t point);

enum unicode_form { UNICODE_NFC, UNICODE_NFKC, UNICODE_NFD, UNICODE_NFKD };
/* Appends the normal form of valid UTF-8. */
enum clade_status unicode_normalize(enum unicode_form form, const char *text, size_t bytes, struct text_buffer *out,
				    struct clade_diag *diag);

#endif

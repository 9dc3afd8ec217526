/* SPDX-License-Identifier: MIT */
/* llama.cpp's words for WordPiece and the way back; no file names these parts. Internal to tools/text. */
#ifndef CLADE_TEXT_NORMALIZER_WORDS_H
#define CLADE_TEXT_NORMALIZER_WORDS_H

#include "internal.h"

/* What a word begins with, U+2581. GGUF writes WordPiece's tokens so: those that begin a word have it, those that
 * continue one have nothing before them, where BERT's own vocabulary has nothing and "##". */
#define WORD_START "\xe2\x96\x81"
enum { WORD_START_BYTES = 3 };

enum { WORDS_KEEP_CASE = 1, WORDS_KEEP_ACCENTS = 2 }; /* part->flags */
extern const struct part_kind normalizer_words;
/* part->data: the tokenizer, whose added tokens are words of their own. */
extern const struct part_kind decoder_word_starts;

#endif

/* SPDX-License-Identifier: MIT */
/* llama.cpp's words for WordPiece; no file names this normalizer. Internal to tools/text. */
#ifndef CLADE_TEXT_NORMALIZER_WORDS_H
#define CLADE_TEXT_NORMALIZER_WORDS_H

#include "internal.h"

enum { WORDS_KEEP_CASE = 1, WORDS_KEEP_ACCENTS = 2 }; /* part->flags */
extern const struct part_kind normalizer_words;

#endif

/* SPDX-License-Identifier: MIT */
/* The unigram language model (Kudo 2018), for tokenizer.json and tokenizer.model. Internal to tools/text. */
#ifndef CLADE_TEXT_UNIGRAM_H
#define CLADE_TEXT_UNIGRAM_H

#include "trie.h"

struct unigram {
	struct trie trie;
	double *scores; /* [id]: log probabilities */
	size_t count;
	double unknown_score;
	int32_t bytes[256]; /* ids of <0x00> to <0xFF>; all of them, or byte_fallback is false */
	bool byte_fallback;
	bool single; /* sums are rounded to float, as SentencePiece has them; else double, as Hugging Face */
	bool joined; /* a stretch of unknown characters is first looked for as a whole, as in Hugging Face */
};

/* The part of model->encode that both share. */
enum clade_status unigram_encode(struct encoding *encoding, const char *text, size_t bytes);
void unigram_finish(struct clade_tokenizer *tokenizer);
void unigram_finish_scratch(const struct clade_tokenizer *tokenizer, void *scratch);
/* Ids of the tokens <0x00> to <0xFF>, -1 for those that are not there. */
void byte_tokens(const struct vocabulary *vocabulary, int32_t ids[256]);

#endif

/* SPDX-License-Identifier: MIT */
/* Every kind of part that there is, slot by slot: to add one, write it in a file and name it here. */
#include "internal.h"

#define KIND(name) extern const struct part_kind name
KIND(normalizer_lowercase);
KIND(normalizer_nfc);
KIND(normalizer_nfkc);
KIND(normalizer_nfd);
KIND(normalizer_nfkd);
KIND(normalizer_strip);
KIND(normalizer_strip_accents);
KIND(normalizer_nmt);
KIND(normalizer_prepend);
KIND(normalizer_replace);
KIND(normalizer_precompiled);
KIND(normalizer_bert);
const struct part_kind *const normalizer_kinds[] = {
	&normalizer_lowercase,
	&normalizer_nfc,
	&normalizer_nfkc,
	&normalizer_nfd,
	&normalizer_nfkd,
	&normalizer_strip,
	&normalizer_strip_accents,
	&normalizer_nmt,
	&normalizer_prepend,
	&normalizer_replace,
	&normalizer_precompiled,
	&normalizer_bert,
	NULL,
};

KIND(pre_tokenizer_split);
KIND(pre_tokenizer_byte_level);
KIND(pre_tokenizer_digits);
KIND(pre_tokenizer_punctuation);
KIND(pre_tokenizer_whitespace);
KIND(pre_tokenizer_whitespace_split);
KIND(pre_tokenizer_bert);
KIND(pre_tokenizer_metaspace);
const struct part_kind *const pre_tokenizer_kinds[] = {
	&pre_tokenizer_split,       &pre_tokenizer_byte_level, &pre_tokenizer_digits,
	&pre_tokenizer_punctuation, &pre_tokenizer_whitespace, &pre_tokenizer_whitespace_split,
	&pre_tokenizer_bert,        &pre_tokenizer_metaspace,  NULL,
};

#define MODEL(name) extern const struct token_model_kind name
MODEL(model_word_level);
MODEL(model_bpe);
MODEL(model_word_piece);
MODEL(model_unigram);
const struct token_model_kind *const token_models[] = { &model_word_level, &model_bpe, &model_word_piece,
							&model_unigram, NULL };

KIND(decoder_replace);
KIND(decoder_byte_level);
KIND(decoder_fuse);
KIND(decoder_byte_fallback);
KIND(decoder_strip);
KIND(decoder_metaspace);
KIND(decoder_word_piece);
const struct part_kind *const decoder_kinds[] = {
	&decoder_replace, &decoder_byte_level, &decoder_fuse,       &decoder_byte_fallback,
	&decoder_strip,   &decoder_metaspace,  &decoder_word_piece, NULL,
};

/* SPDX-License-Identifier: MIT */
/* SentencePiece's own tokenizers, as tokenizer.model (and GGUF) describe them. Internal to tools/text. */
#ifndef CLADE_TEXT_SENTENCEPIECE_H
#define CLADE_TEXT_SENTENCEPIECE_H

#include "charsmap.h"
#include "unigram.h"

/* The numbers of sentencepiece_model.proto. */
enum piece_type {
	PIECE_NORMAL = 1,
	PIECE_UNKNOWN = 2,
	PIECE_CONTROL = 3,
	PIECE_USER_DEFINED = 4,
	PIECE_UNUSED = 5,
	PIECE_BYTE = 6,
};
struct piece {
	const char *text;
	size_t bytes;
	float score;
	enum piece_type type;
};
/* Whose ids are wanted; they differ in details. */
enum piece_manner { LIKE_SENTENCEPIECE, LIKE_HUGGING_FACE, LIKE_LLAMA_CPP };
/* What such a file says; everything is borrowed. */
struct sentencepiece_spec {
	const struct piece *pieces; /* by id */
	size_t count;
	bool bpe;           /* else unigram */
	bool byte_fallback; /* then there are 256 pieces of type byte, and else none */
	const unsigned char *charsmap;
	size_t charsmap_bytes; /* 0: no rules */
	bool dummy_prefix, remove_extra_spaces, escape_spaces;
	bool prefix_every;           /* the dummy prefix also goes behind special tokens within a text */
	enum piece_manner manner;    /* of normalization, sums and unknown tokens */
	const char *unknown_surface; /* what an unknown token is written as */
	size_t unknown_surface_bytes;
};

/* What its normalizer, model and decoder share: tokenizer->model_data. */
struct sentencepiece {
	struct unigram unigram; /* first: unigram_encode looks here. BPE uses its scores and bytes only */
	struct charsmap charsmap;
	bool words; /* no piece has U+2581 behind another character: a text can be cut there */
	bool has_charsmap, dummy_prefix, remove_extra_spaces, escape_spaces, prefix_every;
	bool beginnings; /* where only the beginning of a user-defined piece is found, it counts as one */
	struct trie user_defined;
	unsigned char *types; /* [id]: enum piece_type */
	uint32_t *ranks;      /* [id], for BPE: 0 for the greatest score */
	char *unknown_surface;
	size_t unknown_surface_bytes;
	const struct vocabulary *vocabulary;
	int32_t known; /* Marian's: ids from here on are of no token */
};

extern const struct token_model_kind model_sentencepiece_bpe;
extern const struct part_kind normalizer_sentencepiece, pre_tokenizer_sentencepiece, decoder_sentencepiece;
extern const struct part_kind normalizer_llama_cpp; /* unigram's, the dummy prefix included */

/* Checks the pieces and fills the tokenizer, but for added tokens and the template. */
enum clade_status sentencepiece_build(const struct part_source *source, const struct sentencepiece_spec *spec,
				      struct clade_tokenizer *out);
/* The model alone, without the steps before and behind it. */
enum clade_status sentencepiece_build_model(const struct part_source *source, const struct sentencepiece_spec *spec,
					    struct clade_tokenizer *out);
/* All of it, for tokenizer.model: as the package sentencepiece has it, and as transformers does by its config. */
enum clade_status sentencepiece_plain(const struct part_source *source, const struct sentencepiece_spec *spec,
				      struct clade_tokenizer *out);
enum clade_status sentencepiece_configure(const struct part_source *source, const struct part_source *config_source,
					  struct sentencepiece_spec *spec, const json_t *config,
					  struct clade_tokenizer *out);
/* With vocab.json beside it, for Marian. */
enum clade_status marian_configure(const struct part_source *source, const struct part_source *vocab_source,
				   const struct sentencepiece_spec *model, const json_t *vocab,
				   struct clade_tokenizer *out);
void sentencepiece_finish(struct clade_tokenizer *tokenizer);
/* Whether text can be made of this piece by merging. */
bool piece_is_normal(enum piece_type type);
/* The longest piece that the user defined (see `beginnings`) at the front of a text, 0 if none is there. */
size_t user_defined_length(const struct sentencepiece *data, const char *text, size_t bytes);

#endif

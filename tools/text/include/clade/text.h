/* SPDX-License-Identifier: MIT */
/* Text to token ids and back, as tokenizer.json of Hugging Face describes it. Needs no device. */
#ifndef CLADE_TEXT_H
#define CLADE_TEXT_H

#include <clade/clade.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once loaded; may be used from several threads at once. */
struct clade_tokenizer;

/* Reads the text of a tokenizer.json; `name` is for messages. What it asks for and we do not have is an error that
 * names it. Truncation and padding in the file are a caller's business (transformers switches them off likewise). */
CLADE_API enum clade_status clade_tokenizer_parse(struct clade_context *context, const char *name, const char *text,
						  size_t bytes, struct clade_tokenizer **out_tokenizer,
						  struct clade_diag *diag);
/* The same from BERT's vocab.txt, a token a line. `config`: the text of tokenizer_config.json (NULL: there is none),
 * which may name the special tokens and switch lower case, accents and Chinese characters; a tokenizer_class that is
 * not BERT's is refused. */
CLADE_API enum clade_status clade_tokenizer_parse_vocab_txt(struct clade_context *context, const char *name,
							    const char *text, size_t bytes, const char *config,
							    size_t config_bytes, struct clade_tokenizer **out_tokenizer,
							    struct clade_diag *diag);
/* The same from vocab.json and merges.txt, as GPT-2 has them: byte-level BPE. Texts of files with their lengths; those
 * beside them may be NULL. `model_type` (of config.json, may be NULL) counts where tokenizer_config.json names no
 * tokenizer_class. */
struct clade_tokenizer_files {
	const char *vocab, *merges, *config, *special_map; /* tokenizer_config.json, special_tokens_map.json */
	size_t vocab_bytes, merges_bytes, config_bytes, special_map_bytes;
	const char *model_type;
};
CLADE_API enum clade_status clade_tokenizer_parse_vocab_merges(struct clade_context *context, const char *name,
							       const struct clade_tokenizer_files *files,
							       struct clade_tokenizer **out_tokenizer,
							       struct clade_diag *diag);
/* The same from the metadata of a GGUF file (its keys tokenizer.ggml.*), as llama.cpp reads it. All of it is borrowed
 * for the call; texts end with a NUL. Numbers that a file does not give are -1. */
struct clade_tokenizer_data {
	const char *model; /* "gpt2", "llama", "bert", "t5" */
	const char *pre;   /* how texts are cut, for "gpt2"; NULL: "default" */
	const char *const *tokens;
	size_t token_count;
	const float *scores; /* [token_count], or NULL */
	const int32_t
		*types; /* [token_count], or NULL: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte */
	const char *const *merges; /* "left right" */
	size_t merge_count;
	int64_t bos, eos, unknown, separator, padding, cls, mask; /* ids */
	int add_bos, add_eos, add_space_prefix;                   /* 0 or 1 */
	const unsigned char *charsmap; /* for "t5": tokenizer.ggml.precompiled_charsmap, or NULL */
	size_t charsmap_bytes;
	bool remove_extra_spaces; /* for "t5" */
	bool keep_case;           /* for "bert": tokenizer.ggml.normalizer.lowercase is false */
	bool keep_accents;        /* normalizer.strip_accents is false; where it is not given it follows lowercase */
	bool strip_right;         /* special tokens take the white space behind them: where general.name says Phi-3 */
};
CLADE_API enum clade_status clade_tokenizer_create(struct clade_context *context, const char *name,
						   const struct clade_tokenizer_data *data,
						   struct clade_tokenizer **out_tokenizer, struct clade_diag *diag);
/* The same from SentencePiece's tokenizer.model, unigram or BPE. Without a config as the package sentencepiece does it:
 * nothing around the text, and special tokens are not looked for in it. With one as transformers: they are, and
 * begin and end are added as the config says (by default as its tokenizer_class does: LLaMA's, Gemma's and T5's). */
CLADE_API enum clade_status clade_tokenizer_parse_sentencepiece(struct clade_context *context, const char *name,
								const void *bytes, size_t count, const char *config,
								size_t config_bytes,
								struct clade_tokenizer **out_tokenizer,
								struct clade_diag *diag);
/* The same for Marian: SentencePiece's source.spm cuts texts into pieces, vocab.json numbers those and the target's;
 * the end token is added. As transformers without sacremoses. */
CLADE_API enum clade_status clade_tokenizer_parse_marian(struct clade_context *context, const char *name,
							 const void *bytes, size_t count, const char *vocab,
							 size_t vocab_bytes, struct clade_tokenizer **out_tokenizer,
							 struct clade_diag *diag);
CLADE_API void clade_tokenizer_destroy(struct clade_tokenizer **tokenizer);

/* The model's kind ("WordLevel"), and one more than the largest id. */
CLADE_API const char *clade_tokenizer_kind(const struct clade_tokenizer *tokenizer);
CLADE_API int32_t clade_tokenizer_size(const struct clade_tokenizer *tokenizer);
/* NULL if no token has this id; -1 if there is no such token. */
CLADE_API const char *clade_tokenizer_token(const struct clade_tokenizer *tokenizer, int32_t id);
CLADE_API int32_t clade_tokenizer_find(const struct clade_tokenizer *tokenizer, const char *token);
CLADE_API bool clade_tokenizer_is_special(const struct clade_tokenizer *tokenizer, int32_t id);

/* Ids of `text` (UTF-8, `bytes` long, any NULs included) in fresh memory (clade_free). `special`: with what the
 * post-processor adds. Text that is not UTF-8, or that the vocabulary cannot express, is an error. */
CLADE_API enum clade_status clade_tokenizer_encode(const struct clade_tokenizer *tokenizer, const char *text,
						   size_t bytes, bool special, int32_t **out_ids, size_t *out_count,
						   struct clade_diag *diag);

/* Ids to text, one at a time. One thread at a time. */
struct clade_decoder;
/* `skip_special`: special tokens give no text. */
CLADE_API enum clade_status clade_decoder_create(const struct clade_tokenizer *tokenizer, bool skip_special,
						 struct clade_decoder **out_decoder, struct clade_diag *diag);
CLADE_API void clade_decoder_destroy(struct clade_decoder **decoder);
/* The text that is certain after one id more: whole UTF-8 characters only, maybe none. Valid until the next call. */
CLADE_API enum clade_status clade_decoder_push(struct clade_decoder *decoder, int32_t id, const char **out_text,
					       size_t *out_bytes, struct clade_diag *diag);
/* What is left at the end; an unfinished character becomes U+FFFD. The decoder is then as new. */
CLADE_API enum clade_status clade_decoder_finish(struct clade_decoder *decoder, const char **out_text,
						 size_t *out_bytes, struct clade_diag *diag);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
/* Byte-pair encoding: symbols joined two by two, the pair of lowest rank first, the leftmost of equal ones. Shared by
 * the models that differ in which pairs join and at what rank. */
#ifndef CLADE_TEXT_BPE_H
#define CLADE_TEXT_BPE_H

#include "internal.h"

/* A stretch of the text; joined ones vanish (bytes 0). */
struct bpe_symbol {
	uint32_t start, bytes;
	int32_t id;
	int32_t previous, next; /* -1: none */
};
struct bpe_candidate {
	uint32_t rank;
	int32_t at, id;
};
/* Working memory, used again for every piece. */
struct bpe_work {
	struct clade_context *context;
	struct bpe_symbol *symbols;
	size_t count, room;
	struct bpe_candidate *heap;
	size_t heap_count, heap_room;
};
/* The id and rank of two symbols joined; false if they do not join. */
typedef bool bpe_pair_fn(const void *user, const char *text, const struct bpe_symbol *left,
			 const struct bpe_symbol *right, uint32_t *out_rank, int32_t *out_id);

bool bpe_add(struct bpe_work *work, uint32_t start, uint32_t bytes, int32_t id);
/* Joins until nothing joins, in O(n log n); what is left are the symbols with bytes > 0. False: out of memory. */
bool bpe_join(struct bpe_work *work, const char *text, bpe_pair_fn *pair, const void *user);
void bpe_work_finish(struct bpe_work *work);

/* Ids by text for as long as one call: most words of a text have been seen before. */
struct word_cache_entry {
	uint64_t hash;
	size_t text, ids;      /* offsets */
	uint32_t bytes, count; /* bytes 0: an empty slot */
};
struct word_cache {
	struct text_buffer texts;
	struct id_buffer ids;
	struct word_cache_entry *slots;
	size_t count, room;
};
/* NULL if not known. */
const int32_t *word_cache_find(const struct word_cache *cache, uint64_t hash, const char *text, size_t bytes,
			       size_t *out_count);
/* Remembers it if there is room; that it could not is no error. */
void word_cache_add(struct word_cache *cache, uint64_t hash, const char *text, size_t bytes, const int32_t *ids,
		    size_t count);
void word_cache_finish(struct word_cache *cache);

/* ---- the model of merges ---- */
struct bpe_merge {
	int32_t left, right, id; /* left -1: an empty slot */
	uint32_t rank;
};
struct bpe_model {
	struct bpe_merge *merges; /* a hash table */
	size_t merge_slots;       /* a power of two */
	uint64_t seed;
	int32_t points[512];   /* ids of characters below U+0200, if there is neither prefix nor suffix; -1: none */
	int32_t bytes[256];    /* ids of <0x00> to <0xFF>, -1: none */
	char *prefix, *suffix; /* continuing_subword_prefix, end_of_word_suffix; NULL: none */
	char *unknown_name;    /* "unk_token", NULL: none */
	bool byte_fallback, fuse_unknown, ignore_merges;
};
extern const struct token_model_kind model_bpe;
/* A model without merges and options, over the tokenizer's vocabulary, which must be sealed; then each merge in order
 * of rank. `index` is for messages. */
enum clade_status bpe_model_begin(const struct part_source *source, struct clade_tokenizer *out, size_t merge_count);
enum clade_status bpe_model_merge(const struct part_source *source, struct clade_tokenizer *out, size_t index,
				  const char *left, size_t left_bytes, const char *right, size_t right_bytes);
/* The same from "left right". */
enum clade_status bpe_model_merge_line(const struct part_source *source, struct clade_tokenizer *out, size_t index,
				       const char *line, size_t bytes);

#endif

/* SPDX-License-Identifier: MIT */
/* Generation with a decoder-only or an encoder-decoder graph, a batch of prompts at a time. */
#ifndef CLADE_TOOL_GENERATE_H
#define CLADE_TOOL_GENERATE_H

#include "model.h"

#include <clade/sampling.h>

/* One prompt and its answer; ids are malloc's. */
struct row {
	int32_t *prompt;
	size_t prompt_count;
	int32_t *ids; /* the answer, without the end token */
	size_t count, room;
	bool done;
};

/* Called for each new id of a row, end tokens excepted. *out_stop true: the row ends with it. */
typedef enum clade_status row_fn(void *user, size_t row, int32_t id, bool *out_stop);

/* How beam search goes on (transformers' early_stopping). */
enum early_stopping {
	EARLY_FALSE, /* until no running beam can beat a finished one, judged by its score at the present length */
	EARLY_TRUE,  /* until as many are finished as there are beams */
	EARLY_NEVER  /* until none can, judged at the length that is best for it */
};

/* What generation_config.json forbids or forces, as transformers reads it. */
struct constraints {
	int64_t forced_bos, forced_eos; /* -1: none */
	int64_t min_length, min_new;    /* tokens in the decoder, in the answer, before an end token may come */
	int64_t ngram;                  /* no n tokens twice; 0: off */
	int32_t *bad;                   /* ids that never come; malloc's */
	size_t bad_count;
};

struct generator {
	struct tool *tool;
	const struct model *model;
	struct clade_session *session;
	struct clade_sampler *sampler;
	uint64_t first_row; /* of the batch among all prompts: numbers the sampler's draws */
	struct entry_chain chain;
	bool has_encoder, has_positions, has_rows; /* what the last entry takes */
	int32_t start, pad;                        /* ids; start: -1 if the model names none */
	int32_t ends[16];
	size_t end_count;
	int64_t context; /* tokens in the decoder; 0: not stated */
	int64_t limit;   /* new tokens at most */
	struct constraints constraints;
	size_t beams; /* 1: no beam search */
	double length_penalty;
	enum early_stopping early;
	/* counted for --stats, without what runs take to set up */
	uint64_t prompt_tokens, new_tokens;
	double prompt_seconds, new_seconds;
};

/* Reads ids and limits from the model, and what its entries take. */
enum clade_status generator_init(struct tool *tool, const struct model *model, struct generator *out);
void generator_finish(struct generator *generator);
/* Rows that the caches need for these prompts. */
int64_t generator_capacity(const struct generator *generator, size_t longest_prompt);
/* Of a clock that stands still while the session compiles kernels and reads weights. */
double generator_clock(const struct generator *generator);
/* Answers `count` prompts at once in a batch of `batch` >= count rows. */
enum clade_status generator_run(struct generator *generator, struct row *rows, size_t count, size_t batch,
				row_fn *on_id, void *user);

/* ---- what beam search shares (beam.c) ---- */

/* One run of an entry: ids are [batch, width], rows [batch, 1]. */
struct frame {
	size_t batch, width;
	int32_t *ids, *mask, *positions, *rows;
	/* what the source was, for a decoder that asks for its mask */
	const int32_t *source_mask;
	size_t source_width;
};
bool frame_init(struct frame *frame, size_t batch, size_t width);
void frame_finish(struct frame *frame);
enum clade_status generator_run_entry(struct generator *generator, const char *entry, const struct frame *frame);
/* The encoder's run over a batch of prompts; its frame stays. */
enum clade_status generator_encode(struct generator *generator, const struct row *rows, size_t batch,
				   struct frame *frame);
/* The last run's logits of each row at its place in the frame: malloc'd [batch, *out_count]. */
enum clade_status generator_logits(struct generator *generator, const struct frame *frame, float **out_logits,
				   int64_t *out_count);
bool generator_is_end(const struct generator *generator, int32_t id);
enum clade_status generator_append(struct generator *generator, struct row *row, int32_t id);
/* Tokens before the first new one: the prompt, or the start token of a decoder with an encoder. */
size_t generator_prefix(const struct generator *generator, const struct row *row);
/* Token `at` of those. */
int32_t generator_prefix_at(const struct generator *generator, const struct row *row, size_t at);
/* New tokens that a row may get. */
int64_t generator_room(const struct generator *generator, const struct row *row);

/* The likeliest answer to one prompt by beam search, equal to transformers'; then on_id for each of its ids. */
enum clade_status beam_run(struct generator *generator, struct row *row, size_t number, row_fn *on_id, void *user);

/* ---- constraints (constraints.c) ---- */
enum clade_status constraints_init(struct generator *generator);
/* A value of generation_config.json or, where that file is absent, of config.json. */
bool generation_meta(const struct model *model, const char *key, struct clade_meta *out);
/* Scores (logits or logarithms of probabilities) of the token after `tokens`, the decoder's so far, of which `made` are
 * new; `room`: tokens that may still come. */
void constraints_apply(const struct generator *generator, const int32_t *tokens, size_t count, size_t made,
		       int64_t room, float *scores, int64_t vocab);
#endif

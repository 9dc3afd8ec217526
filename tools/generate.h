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
	/* counted for --stats */
	uint64_t prompt_tokens, new_tokens;
	double prompt_seconds, new_seconds;
};

/* Reads ids and limits from the model, and what its entries take. */
enum clade_status generator_init(struct tool *tool, const struct model *model, struct generator *out);
/* Rows that the caches need for these prompts. */
int64_t generator_capacity(const struct generator *generator, size_t longest_prompt);
/* Answers `count` prompts at once in a batch of `batch` >= count rows. */
enum clade_status generator_run(struct generator *generator, struct row *rows, size_t count, size_t batch,
				row_fn *on_id, void *user);
#endif

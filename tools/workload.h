/* SPDX-License-Identifier: MIT */
/* Standard work for a model: a prompt of N tokens, N generated tokens, a batch through an encoder. Random ids, real
 * sizes. */
#ifndef CLADE_TOOL_WORKLOAD_H
#define CLADE_TOOL_WORKLOAD_H

#include "made.h"
#include "model.h"

struct workload {
	struct tool *tool;
	const struct model *model;
	struct clade_session *session;
	struct entry_chain chain;
	int64_t batch;
	int64_t context;    /* tokens at most; 0: not stated */
	bool has_encoder;   /* an entry before the one that makes logits */
	bool can_generate;  /* the last entry makes logits, and keeps what it has read in caches */
	int32_t *next;      /* [batch]: the ids chosen last */
	double run_seconds; /* of the last run of an entry */
	const char *entry;  /* that the last call timed */
};

/* Looks at the entries; the session may be set later. */
enum clade_status workload_init(struct tool *tool, const struct model *model, int64_t batch, struct workload *out);
void workload_finish(struct workload *workload);
/* Rows that caches need for N tokens behind `depth` others. */
int64_t workload_capacity(const struct workload *workload, int64_t tokens, int64_t depth);
/* One forward pass of [batch, tokens]: an encoder's input, or a decoder's prompt, of which only the last row of logits
 * is computed where the graph can do so. */
enum clade_status workload_prompt(struct workload *workload, int64_t tokens, double *out_seconds);
/* `tokens` steps of greedy generation behind `depth` tokens (not timed). */
enum clade_status workload_generate(struct workload *workload, int64_t tokens, int64_t depth, double *out_seconds);

#endif

/* SPDX-License-Identifier: MIT */
/* Beam search, step for step as transformers (5.x) searches, so that the ids are the same. Scores are f32; logarithms
 * of probabilities are clade_log_softmax's, ties go to the lower beam and id. One prompt at a time: the prompt (or the
 * source) runs once, then its states are expanded to a row a beam. */
#include "generate.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING -1e9f /* the score of what does not exist */

/* Answers share their beginnings: an answer is a node and its parents. */
struct node {
	int64_t parent; /* -1: none */
	int32_t id;
};

struct beam {
	int64_t node; /* -1: nothing yet */
	float score;
	size_t row; /* of the batch that the step ran with */
	bool done;  /* candidates: the answer ends here; finished: is one */
};

struct search {
	struct generator *g;
	const struct row *row;
	size_t beams, keep; /* keep: candidates of a step */
	struct beam *running, *finished, *candidates, *next;
	struct node *nodes;
	size_t node_count, node_room;
	int32_t *tokens; /* of one beam, the prefix first */
	size_t token_room;
	int64_t made, room; /* tokens that each running beam has; may get */
	bool hopeful;       /* a running beam may still beat a finished one */
};

/* ---- scores ---- */

/* score / length^penalty */
static float penalize(const struct search *s, float score, int64_t length)
{
	return score / (float)pow((double)length, s->g->length_penalty);
}

/* ---- the best of many: kept in descending order, of equal ones the first ---- */

static void offer(struct beam *best, size_t *count, size_t limit, const struct beam *candidate)
{
	size_t at = *count;
	if (at == limit && !(candidate->score > best[limit - 1].score))
		return;
	at = at < limit ? at : limit - 1;
	for (; at > 0 && candidate->score > best[at - 1].score; at--)
		best[at] = best[at - 1];
	best[at] = *candidate;
	*count += *count < limit;
}

static enum clade_status add_node(struct search *s, struct beam *beam, int32_t id)
{
	if (s->node_count == s->node_room) {
		size_t room = s->node_room * 2 + 256;
		struct node *grown = realloc(s->nodes, room * sizeof(*grown));
		if (grown == NULL)
			return clade_fail_memory(&s->g->tool->diag, room * sizeof(*grown), "beams");
		s->nodes = grown;
		s->node_room = room;
	}
	s->nodes[s->node_count] = (struct node) { beam->node, id };
	beam->node = (int64_t)s->node_count++;
	return CLADE_OK;
}

/* The tokens of a beam, prefix included. */
static enum clade_status trace(struct search *s, int64_t node, size_t *out_count)
{
	size_t prefix = generator_prefix(s->g, s->row), count = prefix;
	for (int64_t at = node; at >= 0; at = s->nodes[at].parent)
		count++;
	if (count > s->token_room) {
		int32_t *grown = realloc(s->tokens, count * 2 * sizeof(*grown));
		if (grown == NULL)
			return clade_fail_memory(&s->g->tool->diag, count * 2 * sizeof(*grown), "beams");
		s->tokens = grown;
		s->token_room = count * 2;
	}
	for (size_t i = 0; i < prefix; i++)
		s->tokens[i] = generator_prefix_at(s->g, s->row, i);
	*out_count = count;
	for (int64_t at = node; at >= 0; at = s->nodes[at].parent)
		s->tokens[--count] = s->nodes[at].id;
	return CLADE_OK;
}

/* ---- a step ---- */

/* The best `keep` continuations of all beams. Row 0 stands for all in the first step, when they are equal. */
static enum clade_status collect(struct search *s, float *logits, int64_t vocab, size_t rows)
{
	size_t count = 0, length;
	enum clade_status status = CLADE_OK;
	for (size_t b = 0; b < rows && status == CLADE_OK; b++) {
		float *row = logits + (int64_t)b * vocab;
		status = clade_log_softmax(row, (size_t)vocab, row, &s->g->tool->diag);
		if (status == CLADE_OK)
			status = trace(s, s->running[b].node, &length);
		if (status == CLADE_OK)
			constraints_apply(s->g, s->tokens, length, (size_t)s->made, s->room - s->made, row, vocab);
	}
	for (size_t b = 0; b < s->beams && status == CLADE_OK; b++)
		for (int64_t i = 0; i < vocab; i++) {
			/* `row` counts beam and id until the best are known */
			struct beam candidate = { s->running[b].node,
						  logits[(int64_t)(rows > 1 ? b : 0) * vocab + i] + s->running[b].score,
						  b * (size_t)vocab + (size_t)i, false };
			offer(s->candidates, &count, s->keep, &candidate);
		}
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		struct beam *c = &s->candidates[i];
		int32_t id = (int32_t)(c->row % (size_t)vocab);
		c->row /= (size_t)vocab;
		c->done = generator_is_end(s->g, id) || s->made + 1 >= s->room;
		status = add_node(s, c, id);
	}
	if (status == CLADE_OK && count < s->keep)
		return clade_fail(&s->g->tool->diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_VALUE, "--beams",
				  "is %zu; a vocabulary of %" PRId64 " ids has too few continuations", s->beams, vocab);
	return status;
}

static bool all_finished(const struct search *s)
{
	bool all = true;
	for (size_t i = 0; i < s->beams; i++)
		all &= s->finished[i].done;
	return all;
}

/* Candidates that go on, and candidates that ended among the finished. */
static void advance(struct search *s)
{
	bool full = all_finished(s) && s->g->early == EARLY_TRUE;
	size_t running = 0, finished = 0;
	for (size_t i = 0; i < s->keep; i++) {
		struct beam c = s->candidates[i];
		c.score += c.done ? NOTHING : 0;
		offer(s->next, &running, s->beams, &c);
	}
	memcpy(s->running, s->next, s->beams * sizeof(*s->next));
	for (size_t i = 0; i < s->beams; i++)
		offer(s->next, &finished, s->beams, &s->finished[i]);
	for (size_t i = 0; i < s->keep; i++) {
		struct beam c = s->candidates[i];
		c.done = c.done && i < s->beams; /* the others are there so that enough can go on */
		c.score = penalize(s, c.score, s->made + 1);
		c.score += full ? NOTHING : 0;
		c.score += s->hopeful ? 0 : NOTHING;
		c.score += c.done ? 0 : NOTHING;
		offer(s->next, &finished, s->beams, &c);
	}
	memcpy(s->finished, s->next, s->beams * sizeof(*s->next));
	s->made++;
}

static bool goes_on(struct search *s)
{
	bool never = s->g->early == EARLY_NEVER && s->g->length_penalty > 0, all_end = true, better = false;
	float best = penalize(s, s->running[0].score, never ? s->room : s->made);
	float worst = s->finished[s->beams - 1].score;
	for (size_t i = 0; i < s->beams; i++)
		better |= best > (s->finished[i].done ? worst : NOTHING);
	for (size_t i = 0; i < s->keep; i++)
		all_end &= s->candidates[i].done;
	s->hopeful = s->hopeful && better;
	return s->hopeful && !(all_finished(s) && s->g->early == EARLY_TRUE) && !all_end;
}

/* ---- running the model ---- */

/* The whole answers, or only their last tokens where caches hold the rest. */
static enum clade_status fill(struct search *s, size_t batch, struct frame *frame)
{
	size_t prefix = generator_prefix(s->g, s->row), width = prefix + (size_t)s->made, from = 0;
	enum clade_status status = CLADE_OK;
	if (s->g->has_positions && s->made > 0)
		from = width - 1;
	if (!frame_init(frame, batch, width - from))
		return clade_fail_memory(&s->g->tool->diag, batch * width * 4, "a batch");
	for (size_t b = 0; b < batch && status == CLADE_OK; b++) {
		size_t count;
		status = trace(s, s->running[b].node, &count);
		for (size_t k = from; k < width && status == CLADE_OK; k++) {
			size_t at = b * frame->width + k - from;
			frame->ids[at] = s->tokens[k];
			frame->mask[at] = 1;
			frame->positions[at] = (int32_t)k;
		}
		frame->rows[b] = (int32_t)(width - from) - 1;
	}
	return status;
}

/* The states' rows follow the beams; the first time from one row to as many as there are beams. */
static enum clade_status reorder(struct search *s)
{
	int32_t rows[256];
	if (!s->g->has_positions && !s->g->has_encoder)
		return CLADE_OK;
	for (size_t i = 0; i < s->beams; i++)
		rows[i] = s->made == 1 ? 0 : (int32_t)s->running[i].row;
	return clade_session_permute(s->g->session, rows, (uint32_t)s->beams, &s->g->tool->diag);
}

static enum clade_status step(struct search *s, const int32_t *source_mask, size_t source_width)
{
	struct generator *g = s->g;
	bool states = g->has_positions || g->has_encoder;
	size_t batch = s->made == 0 && states ? 1 : s->beams;
	struct frame frame = { 0 };
	float *logits = NULL;
	int64_t vocab;
	double start = generator_clock(g);
	enum clade_status status = fill(s, batch, &frame);
	frame.source_mask = source_mask;
	frame.source_width = source_width;
	if (status == CLADE_OK)
		status = generator_run_entry(g, g->chain.names[g->chain.count - 1], &frame);
	if (status == CLADE_OK)
		status = generator_logits(g, &frame, &logits, &vocab);
	if (status == CLADE_OK)
		status = collect(s, logits, vocab, batch);
	*(s->made == 0 ? &g->prompt_seconds : &g->new_seconds) += generator_clock(g) - start;
	free(logits);
	frame_finish(&frame);
	if (status == CLADE_OK)
		advance(s);
	return status;
}

static enum clade_status search(struct search *s)
{
	struct generator *g = s->g;
	struct frame source = { 0 };
	int32_t *masks = NULL; /* the source's, for each beam */
	enum clade_status status = clade_session_reset(g->session, &g->tool->diag);
	if (status == CLADE_OK && g->has_encoder) {
		status = generator_encode(g, s->row, 1, &source);
		masks = calloc(s->beams * source.width + 1, sizeof(*masks));
		if (status == CLADE_OK && masks == NULL)
			status = clade_fail_memory(&g->tool->diag, s->beams * source.width * 4, "masks");
		for (size_t i = 0; status == CLADE_OK && i < s->beams * source.width; i++)
			masks[i] = source.mask[i % source.width];
	}
	while (status == CLADE_OK) {
		status = step(s, masks, source.width);
		if (status == CLADE_OK && !goes_on(s))
			break;
		if (status == CLADE_OK)
			status = reorder(s);
		if (interrupted)
			status = CLADE_ERR_CANCELLED;
	}
	free(masks);
	frame_finish(&source);
	return status;
}

/* The best answer's ids, without its end token. */
static enum clade_status give(struct search *s, struct row *row, size_t number, row_fn *on_id, void *user)
{
	size_t prefix = generator_prefix(s->g, row), count;
	bool stop = false;
	enum clade_status status = trace(s, s->finished[0].done ? s->finished[0].node : s->running[0].node, &count);
	if (status == CLADE_OK && count > prefix && generator_is_end(s->g, s->tokens[count - 1]))
		count--;
	for (size_t i = prefix; i < count && status == CLADE_OK && !stop; i++) {
		status = generator_append(s->g, row, s->tokens[i]);
		if (status == CLADE_OK)
			status = on_id(user, number, s->tokens[i], &stop);
		s->g->new_tokens++;
	}
	return status;
}

enum clade_status beam_run(struct generator *g, struct row *row, size_t number, row_fn *on_id, void *user)
{
	size_t ends = g->end_count, factor = ends > 1 ? ends + 1 : 2;
	struct search s = { .g = g, .row = row, .beams = g->beams, .keep = factor * g->beams, .hopeful = true };
	s.room = generator_room(g, row);
	g->prompt_tokens += row->prompt_count;
	if (s.room <= 0 || generator_prefix(g, row) == 0)
		return CLADE_OK;
	s.running = calloc(s.beams, sizeof(*s.running));
	s.finished = calloc(s.beams, sizeof(*s.finished));
	s.next = calloc(s.beams, sizeof(*s.next));
	s.candidates = calloc(s.keep, sizeof(*s.candidates));
	enum clade_status status = CLADE_OK;
	if (s.running == NULL || s.finished == NULL || s.next == NULL || s.candidates == NULL)
		status = clade_fail_memory(&g->tool->diag, s.keep * sizeof(struct beam), "beams");
	for (size_t i = 0; i < s.beams && status == CLADE_OK; i++) {
		s.running[i] = (struct beam) { -1, i > 0 ? NOTHING : 0, 0, false };
		s.finished[i] = (struct beam) { -1, NOTHING, 0, false };
	}
	if (status == CLADE_OK)
		status = search(&s);
	if (status == CLADE_OK || status == CLADE_ERR_CANCELLED) {
		enum clade_status given = give(&s, row, number, on_id, user);
		status = given != CLADE_OK ? given : status;
	}
	free(s.running);
	free(s.finished);
	free(s.next);
	free(s.candidates);
	free(s.nodes);
	free(s.tokens);
	return status;
}

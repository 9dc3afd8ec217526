/* SPDX-License-Identifier: MIT */
/* Candidates of a node: first each is measured shortly, then the best against what is chosen now, taking turns. */
#include "search.h"
#include "stats.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT_ROUNDS = 3, LONG_ROUNDS = 11, MOST_CALLS = 1000, CHECK_ROWS = 29 };
#define BLOCK_SECONDS 0.004 /* of a round */
#define SHORT_GAIN 0.02     /* of a candidate over the best so far: equals keep the order of the table */
#define LEAST_GAIN 0.03     /* of a winner; less is not worth a line */
#define REFERENCE_FLOPS 4e8 /* that reference C is given: about a second */

struct candidate {
	const struct clade_impl *impl;
	int32_t values[CLADE_MAX_TUNABLES];
};
struct search {
	struct tool *tool;
	struct clade_device *device;
	struct clade_queue *queue;
	struct search_node *node;
	struct clade_case_data data;
	struct right_answer answer, whole; /* of ref, perhaps on fewer rows; of the first exact candidate that agrees */
	struct clade_case_data few;        /* the rows that ref was given, if not all */
	double deadline;
	struct search_result *out;
};

static bool in_time(const struct search *s)
{
	return seconds_now() < s->deadline && !interrupted;
}

static const char *candidate_text(const struct candidate *c, char *out, size_t size)
{
	char values[CLADE_TUNED_VALUES];
	clade_tuned_values_text(c->impl, c->values, values, sizeof(values));
	snprintf(out, size, "%s%s%s", c->impl->name, values[0] != '\0' ? " " : "", values);
	return out;
}

/* ---- the right bits ---- */

static enum clade_status fail_wrong(struct search *s, const char *what)
{
	return clade_fail(&s->tool->diag, CLADE_ERR_MISMATCH, CLADE_MSG_TOOL_TUNE, s->node->op_case.op->name,
			  "%s does not give what the reference gives here; `clade verify` and `clade bench --op` say "
			  "more",
			  what);
}

/* Where every row stands for itself, the reference of a large product is computed for some rows only. `few` borrows the
 * arrays of the whole case. */
static bool make_few(struct search *s)
{
	const struct clade_op *op = s->node->op_case.op;
	struct trial trial = { .tool = NULL };
	struct clade_cost cost = { 0 };
	trial_describe(&trial, op, &s->data, clade_device_get_info(s->device));
	clade_op_cost(op, &trial.node, &cost);
	if (cost.flops < REFERENCE_FLOPS || op->rows == NULL || strncmp(op->rows, "...", 3) != 0)
		return false;
	s->few = s->data;
	for (uint32_t i = 0; i < s->data.input_count; i++) {
		const struct clade_port *port = op->ports[i];
		struct clade_type *type = &s->few.input_types[i];
		if (!s->data.present[i] || port->shape == NULL || strncmp(port->shape, "[...", 4) != 0)
			continue;
		int64_t last = type->rank > 0 ? type->dims[type->rank - 1] : 0, count = 0;
		if (type->rank < 2 || !clade_type_count(type, &count) || count <= CHECK_ROWS * last)
			return false;
		/* one leading axis of a few rows: they lie at the front of the array */
		*type = (struct clade_type) { type->dtype, 2, { CHECK_ROWS, last } };
	}
	const struct clade_type *types[CLADE_MAX_PORTS];
	for (uint32_t i = 0; i < s->few.input_count; i++)
		types[i] = s->few.present[i] ? &s->few.input_types[i] : NULL;
	struct clade_diag diag;
	clade_diag_init(&diag);
	bool good = clade_infer_types(op, s->few.params, s->few.input_count, types, s->few.output_types,
				      &s->few.output_count, &diag) == CLADE_OK;
	clade_diag_finish(&diag);
	return good;
}

static bool agrees(const struct clade_impl *impl, const struct clade_compare *compare)
{
	double tolerance = clade_impl_tolerance(impl);
	return compare->bit_equal || (tolerance > 0 && compare->nmse <= tolerance);
}

/* Whether all outputs have the reference's bits, or those of an implementation that is not exact lie within its
 * tolerance. Where the reference has few rows, the others are compared with the first exact candidate that was right in
 * these. */
static enum clade_status is_right(struct search *s, struct trial *trial, double *out_nmse, bool *out)
{
	struct clade_compare compare;
	bool few = s->answer.data != &s->data;
	enum clade_status status = trial_check(trial, &s->answer, &compare);
	*out = status == CLADE_OK && agrees(trial->impl, &compare);
	if (*out && few && s->whole.data == NULL)
		status = trial_read(trial, &s->whole);
	else if (*out && few)
		status = trial_check(trial, &s->whole, &compare);
	*out = *out && status == CLADE_OK && agrees(trial->impl, &compare);
	*out_nmse = compare.bit_equal ? 0 : compare.nmse;
	return status;
}

/* With --fast the first candidate need not be exact: one that is computes what all rows are compared with. */
static enum clade_status make_whole(struct search *s)
{
	const struct clade_op *op = s->node->op_case.op;
	const struct clade_impl *exact = NULL;
	struct trial trial = { .tool = NULL };
	double nmse;
	bool right = false;
	trial_describe(&trial, op, &s->data, clade_device_get_info(s->device));
	for (size_t i = 0; (exact = search_candidate(s->tool, op, &trial.node, i)) != NULL; i++)
		if (clade_impl_tolerance(exact) == 0)
			break;
	if (exact == NULL)
		return clade_fail(&s->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_TUNE, op->name,
				  "nothing exact takes it that it could be compared with");
	enum clade_status status = trial_open(&trial, s->tool, s->device, s->queue, op, exact, &s->data, NULL);
	if (status == CLADE_OK)
		status = is_right(s, &trial, &nmse, &right);
	trial_close(&trial);
	if (status == CLADE_OK && !right)
		status = fail_wrong(s, exact->name);
	return status;
}

static enum clade_status make_answer(struct search *s)
{
	const struct clade_op *op = s->node->op_case.op;
	bool few = make_few(s);
	enum clade_status status =
		right_answer_make(s->tool, op, &s->node->op_case, few ? &s->few : &s->data, &s->answer);
	if (status == CLADE_OK && s->answer.outputs[0] == NULL)
		status = clade_fail(&s->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_TUNE, op->name,
				    "it has no reference to compare with");
	return status == CLADE_OK && few && s->tool->options.fast ? make_whole(s) : status;
}

/* ---- measuring ---- */

/* A candidate that is ready: right, warm, and how many executions make a round. */
struct runner {
	struct candidate candidate;
	struct trial trial;
	size_t calls;
	double nmse;                                /* 0: the reference's bits */
	double samples[LONG_ROUNDS + SHORT_ROUNDS]; /* executions a second */
	size_t count;
};

static enum clade_status round_of(struct runner *r)
{
	double seconds;
	enum clade_status status = trial_run(&r->trial, r->calls, &seconds);
	if (status == CLADE_OK && r->count < LONG_ROUNDS + SHORT_ROUNDS)
		r->samples[r->count++] = seconds > 0 ? 1 / seconds : 0;
	return status;
}

static void close_runner(struct runner **runner)
{
	if (*runner != NULL)
		trial_close(&(*runner)->trial);
	free(*runner);
	*runner = NULL;
}

/* *out_good: it accepts, runs and is right. A candidate that fails is no error: it is not taken. Close the
 * runner in any case. */
static enum clade_status open_runner(struct search *s, const struct candidate *candidate, struct runner **out,
				     bool *out_good)
{
	char why[256];
	double seconds = 0;
	struct runner *r = *out = calloc(1, sizeof(*r));
	*out_good = false;
	if (r == NULL)
		return clade_fail_memory(&s->tool->diag, sizeof(*r), "a candidate");
	r->candidate = *candidate;
	trial_describe(&r->trial, s->node->op_case.op, &s->data, clade_device_get_info(s->device));
	r->trial.node.tuned = r->candidate.values;
	if (!clade_impl_accepts(candidate->impl, &r->trial.node, why, sizeof(why)))
		return CLADE_OK;
	enum clade_status status = trial_open(&r->trial, s->tool, s->device, s->queue, s->node->op_case.op,
					      candidate->impl, &s->data, r->candidate.values);
	if (status == CLADE_OK)
		status = trial_run(&r->trial, 1, &seconds);
	if (status == CLADE_OK)
		status = is_right(s, &r->trial, &r->nmse, out_good);
	if (status == CLADE_ERR_DEVICE || status == CLADE_ERR_UNSUPPORTED) {
		print_note(s->tool, "%s: %s", candidate->impl->name, s->tool->diag.text);
		clade_diag_reset(&s->tool->diag);
		*out_good = false;
		return CLADE_OK;
	}
	s->out->candidates++;
	s->out->wrong += status == CLADE_OK && !*out_good;
	if (status == CLADE_OK && *out_good)
		status = trial_run(&r->trial, 1, &seconds);
	double calls = seconds > 0 ? BLOCK_SECONDS / seconds : MOST_CALLS;
	r->calls = calls < 1 ? 1 : calls > MOST_CALLS ? MOST_CALLS : (size_t)calls;
	return status;
}

/* Median rate of a short measurement that takes turns with the best so far: the ratio of both counts, so that a slower
 * minute of the machine meets both. Keeps the better one in *best. */
static enum clade_status challenge(struct search *s, const struct candidate *candidate, struct runner **best)
{
	struct runner *other;
	bool good;
	enum clade_status status = open_runner(s, candidate, &other, &good);
	(*best)->count = 0;
	for (int i = 0; i < SHORT_ROUNDS && status == CLADE_OK && good; i++) {
		status = round_of(*best);
		if (status == CLADE_OK)
			status = round_of(other);
	}
	if (status == CLADE_OK && good &&
	    stats_median(other->samples, other->count) >
		    (1 + SHORT_GAIN) * stats_median((*best)->samples, (*best)->count)) {
		struct runner *loser = *best;
		*best = other;
		other = loser;
	}
	close_runner(&other);
	return status;
}

/* One tunable after the other, each over its candidates from the best so far. */
static enum clade_status climb(struct search *s, struct runner **best)
{
	const struct clade_tunable *const *list = clade_impl_tunables((*best)->candidate.impl);
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; list[i] != NULL; i++)
		for (size_t k = 0; list[i]->candidates[k] != 0 && status == CLADE_OK && in_time(s); k++) {
			struct candidate next = (*best)->candidate;
			if (next.values[i] == list[i]->candidates[k])
				continue;
			next.values[i] = list[i]->candidates[k];
			status = challenge(s, &next, best);
		}
	return status;
}

static bool is_faster(const struct runner *r, const struct runner *than)
{
	const struct stats before = stats_of(than->samples, than->count), after = stats_of(r->samples, r->count);
	return stats_compare(&before, &after, LEAST_GAIN) > 0;
}

/* The best against what is chosen now. */
static enum clade_status decide(struct search *s, struct runner *best, const struct candidate *chosen)
{
	struct search_result *out = s->out;
	struct runner *now;
	bool good = false;
	bool same = best->candidate.impl == chosen->impl &&
		    memcmp(best->candidate.values, chosen->values, sizeof(chosen->values)) == 0;
	enum clade_status status = open_runner(s, chosen, &now, &good);
	out->candidates--;
	best->count = 0;
	for (int i = 0; i < LONG_ROUNDS && status == CLADE_OK && good; i++) {
		status = round_of(now);
		if (status == CLADE_OK && !same)
			status = round_of(best);
	}
	if (status == CLADE_OK && good) {
		double rate = stats_median(now->samples, now->count);
		out->before_seconds = out->seconds = rate > 0 ? 1 / rate : 0;
		out->nmse = now->nmse;
		snprintf(out->winner, sizeof(out->winner), "%s", out->before);
	}
	if (status == CLADE_OK && good && !same && is_faster(best, now)) {
		out->found = true;
		out->nmse = best->nmse;
		out->seconds = 1 / stats_median(best->samples, best->count);
		candidate_text(&best->candidate, out->winner, sizeof(out->winner));
		snprintf(out->impl, sizeof(out->impl), "%s", best->candidate.impl->name);
		clade_tuned_values_text(best->candidate.impl, best->candidate.values, out->values, sizeof(out->values));
	}
	close_runner(&now);
	return status;
}

const struct clade_impl *search_candidate(struct tool *tool, const struct clade_op *op,
					  const struct clade_node_info *node, size_t index)
{
	enum clade_device_kind kind = node->device->kind;
	const struct clade_impl *impl;
	char why[256];
	for (size_t i = 0; (impl = clade_impl_at(tool->context, op->name, i)) != NULL; i++)
		if (((impl->needs & CLADE_NEEDS_HOST) != 0) == (kind == CLADE_DEVICE_HOST) &&
		    (tool->options.fast || clade_impl_tolerance(impl) == 0) &&
		    (impl->kinds == 0 || (impl->kinds & CLADE_KIND_BIT(kind)) != 0) &&
		    clade_impl_accepts(impl, node, why, sizeof(why)) && index-- == 0)
			return impl;
	return NULL;
}

static enum clade_status search(struct search *s)
{
	const struct clade_op *op = s->node->op_case.op;
	struct runner *best = NULL;
	struct trial trial = { .tool = NULL };
	bool good = false;
	trial_describe(&trial, op, &s->data, clade_device_get_info(s->device));
	const struct candidate chosen = { .impl = search_candidate(s->tool, op, &trial.node, 0) };
	if (chosen.impl == NULL)
		return clade_fail(&s->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_TUNE, op->name,
				  "no implementation takes it");
	candidate_text(&chosen, s->out->before, sizeof(s->out->before));
	enum clade_status status = make_answer(s);
	if (status == CLADE_OK)
		status = open_runner(s, &chosen, &best, &good);
	if (status == CLADE_OK && !good) {
		close_runner(&best);
		return fail_wrong(s, s->out->before);
	}
	for (size_t i = 0; status == CLADE_OK; i++) {
		const struct candidate next = { .impl = search_candidate(s->tool, op, &trial.node, i) };
		if (next.impl == NULL || !in_time(s))
			break;
		if (i > 0)
			status = challenge(s, &next, &best);
		/* an implementation that was beaten at once is not climbed: its values seldom make up for it */
		if (status == CLADE_OK && best->candidate.impl == next.impl)
			status = climb(s, &best);
	}
	if (status == CLADE_OK)
		status = decide(s, best, &chosen);
	close_runner(&best);
	return status;
}

enum clade_status search_node(struct tool *tool, struct clade_device *device, struct clade_queue *queue,
			      struct search_node *node, double deadline, struct search_result *out)
{
	struct search s = {
		.tool = tool, .device = device, .queue = queue, .node = node, .deadline = deadline, .out = out
	};
	*out = (struct search_result) { .found = false };
	enum clade_status status =
		clade_case_build(tool->context, node->op_case.op, op_case_get(&node->op_case), 1, &s.data, &tool->diag);
	if (status != CLADE_OK)
		return status;
	status = search(&s);
	right_answer_finish(&s.answer);
	right_answer_finish(&s.whole);
	clade_case_finish(tool->context, &s.data);
	return status;
}

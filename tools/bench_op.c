/* SPDX-License-Identifier: MIT */
/* bench --op: each implementation of an op over listed shapes. Blocks of executions with one finish, implementations
 * taking turns, so that a launch's wake-up is not measured and a drift of the machine meets all alike. */
#include "bench.h"
#include "model.h"
#include "roofline.h"
#include "stats.h"
#include "trial.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_IMPLS = 32, MOST_DEVICES = 16, MOST_CALLS = 1000 };
#define BLOCK_SECONDS 0.05 /* that a sample should take at least */
#define SLOW_SECONDS 0.5   /* what takes longer is measured once */

/* A device that is measured, and what it can do. */
struct place {
	struct clade_device *device;
	struct clade_queue *queue;
	struct roofline roofline;
	bool has_roofline;
};

struct work {
	struct tool *tool;
	const struct bench_format *format;
	struct place places[MOST_DEVICES], host; /* host: where ref runs */
	size_t place_count, rows;
};

/* One implementation that takes part. */
struct runner {
	struct trial trial;
	struct op_result result;
	double first; /* seconds of a warm execution */
	bool open;
};

/* ---- devices ---- */

static enum clade_status open_place(struct work *work, const char *selector, struct place *out)
{
	struct tool *tool = work->tool;
	enum clade_status status = clade_device_open(tool->context, selector, &out->device, &tool->diag);
	if (status != CLADE_OK && tool->diag.where[0] == '\0' && selector != NULL)
		snprintf(tool->diag.where, sizeof(tool->diag.where), "--device %.64s", selector);
	if (status == CLADE_OK && (tool->options.fast || tool->options.rules.count > 0))
		clade_device_try_dot(out->device);
	return status == CLADE_OK ? clade_queue_create(out->device, false, &out->queue, &tool->diag) : status;
}

static void close_place(struct place *place)
{
	clade_queue_destroy(&place->queue);
	clade_device_unref(&place->device);
}

/* Every device; one that does not open is told and passed over. */
static enum clade_status open_all(struct work *work)
{
	struct clade_device_info *infos;
	size_t count;
	struct clade_diag *diag = &work->tool->diag;
	enum clade_status status = clade_device_list(work->tool->context, &infos, &count, diag);
	if (status != CLADE_OK)
		return status;
	for (size_t i = 0; i < count && work->place_count < MOST_DEVICES && status == CLADE_OK; i++) {
		if (infos[i].kind == CLADE_DEVICE_HOST)
			continue; /* the reference has a row in any case */
		status = open_place(work, infos[i].id, &work->places[work->place_count]);
		if (status == CLADE_OK) {
			work->place_count++;
			continue;
		}
		close_place(&work->places[work->place_count]);
		if (status != CLADE_ERR_DEVICE && status != CLADE_ERR_UNSUPPORTED)
			break;
		print_note(work->tool, "%s (%s) was passed over: %s", infos[i].id, infos[i].name, diag->text);
		clade_diag_reset(diag);
		status = CLADE_OK;
	}
	clade_device_list_free(work->tool->context, &infos);
	return status;
}

static enum clade_status open_places(struct work *work)
{
	const struct options *o = &work->tool->options;
	enum clade_status status = open_place(work, "ref", &work->host);
	if (status == CLADE_OK && o->all_devices)
		return open_all(work);
	if (status == CLADE_OK)
		status = open_place(work, o->device, &work->places[0]);
	/* ref is not measured twice */
	if (status == CLADE_OK && clade_device_get_info(work->places[0].device)->kind == CLADE_DEVICE_HOST)
		close_place(&work->places[0]);
	else if (status == CLADE_OK)
		work->place_count = 1;
	return status;
}

/* ---- which implementations ---- */

/* "NAME" or "PATTERN=NAME" of --impl. *out_literal: it names this op's implementation itself. */
static bool rule_wants(const char *rule, const struct clade_impl *impl, bool *out_literal)
{
	const char *equals = strrchr(rule, '=');
	char pattern[64] = "*";
	const char *name = equals != NULL ? equals + 1 : rule;
	if (equals != NULL)
		snprintf(pattern, sizeof(pattern), "%.*s", (int)(equals - rule), rule);
	*out_literal = strpbrk(name, "*?") == NULL;
	return op_matches(pattern, impl->op) && op_matches(name, impl->name);
}

static bool is_wanted(const struct tool *tool, const struct clade_impl *impl, bool *out_named)
{
	const struct words *rules = &tool->options.rules;
	bool literal, wanted = rules->count == 0;
	*out_named = false;
	for (size_t i = 0; i < rules->count; i++)
		if (rule_wants(rules->items[i], impl, &literal)) {
			wanted = true;
			*out_named |= literal;
		}
	return wanted;
}

/* A word of --impl that means no implementation of any op that is measured. */
static enum clade_status check_rules(struct tool *tool)
{
	const struct words *rules = &tool->options.rules;
	for (size_t r = 0; r < rules->count; r++) {
		const char *names[128];
		size_t count = 0, hits = 0;
		for (size_t o = 0; o < clade_op_count(tool->context); o++) {
			const char *op = clade_op_at(tool->context, o)->name;
			const struct clade_impl *impl;
			bool literal;
			for (size_t i = 0;
			     op_matches(tool->options.op, op) && (impl = clade_impl_at(tool->context, op, i)) != NULL;
			     i++) {
				hits += rule_wants(rules->items[r], impl, &literal);
				if (count < 128)
					names[count++] = impl->name;
			}
		}
		const char *equals = strrchr(rules->items[r], '=');
		const char *nearest = clade_nearest(equals != NULL ? equals + 1 : rules->items[r], names, count);
		if (hits == 0)
			return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--impl",
					  "\"%s\" is no implementation of %s; %s%s%s", rules->items[r],
					  tool->options.op, nearest != NULL ? "did you mean " : "see `clade ops OP`",
					  nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
	}
	return CLADE_OK;
}

/* ---- measuring ---- */

static void describe(struct runner *runner, const struct op_case *op_case)
{
	struct op_result *r = &runner->result;
	const struct trial *trial = &runner->trial;
	const struct clade_device_info *info = clade_device_get_info(trial->device);
	const struct clade_impl *impl = trial->impl;
	snprintf(r->op, sizeof(r->op), "%s", trial->op->name);
	snprintf(r->impl, sizeof(r->impl), "%s", impl->name);
	snprintf(r->device, sizeof(r->device), "%s", info->id);
	snprintf(r->device_name, sizeof(r->device_name), "%s", info->name);
	snprintf(r->driver, sizeof(r->driver), "%s", info->driver);
	snprintf(r->shape, sizeof(r->shape), "%s", op_case->shape);
	snprintf(r->attrs, sizeof(r->attrs), "%s", op_case->attrs);
	for (uint32_t i = 0; i < trial->data->input_count && r->type[0] == '\0'; i++)
		if (trial->data->present[i] && trial->data->sources[i] == CLADE_FROM_WEIGHT)
			snprintf(r->type, sizeof(r->type), "%s",
				 clade_dtype_info(trial->data->input_types[i].dtype)->name);
	r->order = impl->precision == CLADE_PRECISION_REDUCED ? "reduced"
		   : impl->order == CLADE_ORDER_CANONICAL     ? "canonical"
							      : "own";
}

/* Compares with the reference, and finds out how many executions make a sample. What the reference took is known when
 * it is the one that is measured. */
static enum clade_status warm_up(struct runner *runner, const struct right_answer *answer)
{
	struct op_result *r = &runner->result;
	struct clade_compare compare;
	double seconds = answer->seconds;
	enum clade_status status = CLADE_OK;
	bool is_reference = seconds > 0 && strcmp(r->impl, "ref") == 0;
	if (!is_reference)
		status = trial_run(&runner->trial, 1, &seconds); /* compiles, too */
	if (status == CLADE_OK && answer->outputs[0] != NULL) {
		compare = (struct clade_compare) { .bit_equal = true };
		if (!is_reference)
			status = trial_check(&runner->trial, answer, &compare);
		r->compared = true;
		r->bit_equal = compare.bit_equal;
		r->max_error = compare.max_abs;
		r->nmse = compare.nmse;
	}
	if (status == CLADE_OK && !is_reference)
		status = trial_run(&runner->trial, 1, &seconds);
	if (status == CLADE_OK && seconds < SLOW_SECONDS)
		status = trial_run(&runner->trial, 2, &seconds);
	runner->first = seconds;
	double calls = seconds > 0 ? BLOCK_SECONDS / seconds : MOST_CALLS;
	r->calls = calls < 1 ? 1 : calls > MOST_CALLS ? MOST_CALLS : (size_t)calls;
	return status;
}

static enum clade_status sample(struct runner *runner, const struct clade_cost *cost)
{
	struct op_result *r = &runner->result;
	double seconds;
	enum clade_status status = trial_run(&runner->trial, r->calls, &seconds);
	double work = cost->flops > 0 ? cost->flops : cost->bytes;
	if (status == CLADE_OK)
		r->samples[r->sample_count++] = seconds > 0 ? 1e-9 * work / seconds : 0;
	return status;
}

static enum clade_status finish_result(struct work *work, struct runner *runner, struct place *place,
				       const struct clade_cost *cost)
{
	struct op_result *r = &runner->result;
	double rate = stats_median(r->samples, r->sample_count), flops = cost->flops > 0 ? cost->flops : cost->bytes;
	enum clade_status status = CLADE_OK;
	r->unit = cost->flops > 0 ? "GFLOP/s" : "GB/s";
	r->seconds = rate > 0 ? 1e-9 * flops / rate : 0;
	r->gflops = r->seconds > 0 ? 1e-9 * cost->flops / r->seconds : 0;
	r->gbps = r->seconds > 0 ? 1e-9 * cost->bytes / r->seconds : 0;
	if (!place->has_roofline)
		status = roofline_measure(work->tool, place->device, &place->roofline);
	place->has_roofline = true;
	r->roof = roofline_share(&place->roofline, cost->flops, cost->bytes, r->seconds);
	return status;
}

static enum clade_status report(struct work *work, const struct op_result *result)
{
	if (work->rows == 0)
		work->format->op_begin();
	work->format->op_row(result, work->rows++);
	return flush_stdout(&work->tool->diag);
}

/* What an execution costs as the tensors are stored. */
static struct clade_cost cost_of(const struct clade_op *op, const struct trial *trial)
{
	struct clade_cost cost = { 0 };
	clade_op_cost(op, &trial->node, &cost);
	return cost;
}

/* Opens the runners of one device. A word of --impl whose implementation refuses is an error; others are passed over.
 */
static enum clade_status open_runners(struct work *work, struct place *place, const struct op_case *op_case,
				      const struct clade_case_data *data, struct runner *runners, size_t *count)
{
	struct tool *tool = work->tool;
	const struct clade_op *op = op_case->op;
	const struct clade_impl *impl;
	bool host = clade_device_get_info(place->device)->kind == CLADE_DEVICE_HOST;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; (impl = clade_impl_at(tool->context, op->name, i)) != NULL && status == CLADE_OK; i++) {
		struct runner *runner = &runners[*count];
		char why[256] = "";
		bool named;
		if (((impl->needs & CLADE_NEEDS_HOST) != 0) != host || !is_wanted(tool, impl, &named) ||
		    *count == MOST_IMPLS || (impl->precision != CLADE_PRECISION_FULL && !tool->options.fast && !named))
			continue;
		*runner = (struct runner) { .first = 0 };
		trial_describe(&runner->trial, op, data, clade_device_get_info(place->device));
		if (!clade_impl_accepts(impl, &runner->trial.node, why, sizeof(why))) {
			if (named)
				return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--impl", "%s.%s does not take %s: %s",
						  op->name, impl->name, op_case->shape, why);
			continue;
		}
		(*count)++;
		status = trial_open(&runner->trial, tool, place->device, place->queue, op, impl, data, NULL);
		if (status == CLADE_OK)
			describe(runner, op_case);
	}
	return status;
}

static enum clade_status measure(struct work *work, struct place *place, const struct op_case *op_case,
				 const struct clade_case_data *data, const struct right_answer *answer)
{
	struct tool *tool = work->tool;
	struct runner *runners = calloc(MOST_IMPLS, sizeof(*runners));
	size_t count = 0;
	enum clade_status status = runners != NULL ? CLADE_OK : clade_fail_memory(&tool->diag, 0, "implementations");
	if (status == CLADE_OK)
		status = open_runners(work, place, op_case, data, runners, &count);
	for (size_t i = 0; i < count && status == CLADE_OK; i++)
		status = warm_up(&runners[i], answer);
	for (int64_t r = 0; r < tool->options.repeats && status == CLADE_OK; r++)
		for (size_t i = 0; i < count && status == CLADE_OK; i++) {
			struct clade_cost cost = cost_of(op_case->op, &runners[i].trial);
			if (r == 0 || runners[i].first < SLOW_SECONDS)
				status = sample(&runners[i], &cost);
		}
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		struct clade_cost cost = cost_of(op_case->op, &runners[i].trial);
		status = finish_result(work, &runners[i], place, &cost);
		if (status == CLADE_OK)
			status = report(work, &runners[i].result);
	}
	for (size_t i = 0; i < count; i++)
		trial_close(&runners[i].trial);
	free(runners);
	return status;
}

/* A block has no implementation called ref: its body in reference C stands for it. */
static enum clade_status report_body(struct work *work, const struct op_case *op_case,
				     const struct clade_case_data *data, const struct right_answer *answer)
{
	static const struct clade_impl body = { .name = "ref" };
	struct runner runner = { .trial = { .impl = &body, .device = work->host.device } };
	struct op_result *r = &runner.result;
	struct clade_cost cost = { 0 };
	trial_describe(&runner.trial, op_case->op, data, clade_device_get_info(work->host.device));
	describe(&runner, op_case);
	clade_op_cost(op_case->op, &runner.trial.node, &cost);
	r->calls = r->sample_count = 1;
	r->compared = r->bit_equal = true; /* it is what the others are compared with */
	r->samples[0] = 1e-9 * (cost.flops > 0 ? cost.flops : cost.bytes) / answer->seconds;
	enum clade_status status = finish_result(work, &runner, &work->host, &cost);
	return status == CLADE_OK ? report(work, r) : status;
}

static enum clade_status bench_case(struct work *work, struct op_case *op_case)
{
	struct tool *tool = work->tool;
	struct clade_case_data data;
	struct right_answer answer = { .data = &data };
	enum clade_status status =
		clade_case_build(tool->context, op_case->op, op_case_get(op_case), 1, &data, &tool->diag);
	if (status != CLADE_OK) /* sizes or attributes that do not fit each other are words of the command line */
		return status == CLADE_ERR_DATA ? CLADE_ERR_USAGE : status;
	if (!tool->options.no_check)
		status = right_answer_make(tool, op_case->op, op_case, &data, &answer);
	for (size_t p = 0; p < work->place_count && status == CLADE_OK; p++)
		status = measure(work, &work->places[p], op_case, &data, &answer);
	/* on devices other than the host ref is there for comparison: not if it shall not be looked at */
	if (status == CLADE_OK && (!tool->options.no_check || work->place_count == 0))
		status = measure(work, &work->host, op_case, &data, &answer);
	if (status == CLADE_OK && (op_case->op->flags & CLADE_OP_BLOCK) != 0 && answer.outputs[0] != NULL &&
	    answer.seconds > 0 && tool->options.rules.count == 0)
		status = report_body(work, op_case, &data, &answer);
	right_answer_finish(&answer);
	clade_case_finish(tool->context, &data);
	return status;
}

static enum clade_status bench_op(struct work *work, const struct clade_op *op)
{
	struct tool *tool = work->tool;
	struct op_cases cases;
	enum clade_status status = op_cases_make(tool, op, &tool->options.shapes, tool->options.attrs, &cases);
	if (status == CLADE_OK && cases.count == 0)
		print_note(tool, "%s was passed over: it has no case that could be timed", op->name);
	for (size_t i = 0; i < cases.count && status == CLADE_OK; i++)
		status = bench_case(work, &cases.items[i]);
	op_cases_finish(&cases);
	return status;
}

/* ---- the command ---- */

static enum clade_status check_options(struct tool *tool)
{
	const struct options *o = &tool->options;
	const struct {
		bool given;
		const char *name;
	} others[] = { { o->tokens >= 0, "-p" },
		       { o->generated >= 0, "-n" },
		       { o->depth > 0, "--depth" },
		       { o->batch > 0, "--batch" },
		       { o->entry != NULL, "--entry" },
		       { o->locked != NULL, "--locked" },
		       { o->context > 0, "--context" },
		       { o->weights.count > 0, "--weights" },
		       { o->graph != NULL, "--graph" },
		       { o->settings.count > 0, "--set" },
		       { o->strict, "--strict" },
		       { o->threads > 0, "--threads" },
		       { o->kv_type != CLADE_F32, "--kv-type" } };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].given)
			return fail_usage(tool, CLADE_MSG_TOOL_OPTION, others[i].name,
					  "is about models; --op takes "
					  "--shape, --type, --attr and --impl");
	if (tool->argument_count > 0)
		return fail_usage(tool, CLADE_MSG_TOOL_COMMAND, tool->arguments[0],
				  "either a MODEL or --op PATTERN is measured");
	enum clade_status status = op_pattern_check(tool, o->op);
	return status == CLADE_OK ? check_rules(tool) : status;
}

enum clade_status bench_ops(struct tool *tool, const struct bench_format *format)
{
	const struct options *o = &tool->options;
	struct work work = { .tool = tool, .format = format };
	enum clade_status status = check_options(tool);
	if (status == CLADE_OK)
		status = open_places(&work);
	for (size_t i = 0; i < clade_op_count(tool->context) && status == CLADE_OK; i++)
		if (op_matches(o->op, clade_op_at(tool->context, i)->name))
			status = bench_op(&work, clade_op_at(tool->context, i));
	if (work.rows == 0 && status == CLADE_OK)
		work.format->op_begin();
	if (work.rows > 0 || status == CLADE_OK)
		work.format->end();
	for (size_t i = 0; i < work.place_count; i++)
		close_place(&work.places[i]);
	close_place(&work.host);
	return status == CLADE_OK ? flush_stdout(&tool->diag) : status;
}

/* SPDX-License-Identifier: MIT */
/* clade tune: measures implementations and their tunables at a model's shapes, and keeps the winners for this device.
 */
#include "commands.h"
#include "nodes.h"
#include "winners.h"

#include <stdlib.h>
#include <string.h>

struct job {
	struct tool *tool;
	struct model model;
	struct clade_device *device;
	struct clade_queue *queue;
	struct clade_tuned *tuned;
	struct search_nodes nodes;
	json_t *report;                    /* NULL: lines are printed */
	size_t done, found, wrong, passed; /* passed: without a reference to compare with */
};

static enum clade_status open_device(struct job *job)
{
	struct tool *tool = job->tool;
	enum clade_status status = clade_device_open(tool->context, tool->options.device, &job->device, &tool->diag);
	if (status != CLADE_OK && tool->diag.where[0] == '\0' && tool->options.device != NULL)
		snprintf(tool->diag.where, sizeof(tool->diag.where), "--device %.64s", tool->options.device);
	if (status == CLADE_OK && tool->options.fast)
		clade_device_try_dot(job->device);
	return status;
}

/* What is kept already, or nothing. */
static enum clade_status open_winners(struct job *job)
{
	const struct clade_device_info *info = clade_device_get_info(job->device);
	enum clade_status status = winners_load(job->tool, info, &job->tuned);
	if (status == CLADE_OK && job->tuned == NULL)
		status = clade_tuned_create(job->tool->context, info, &job->tuned, &job->tool->diag);
	return status;
}

/* ---- measuring ---- */

static enum clade_status collect_model(struct job *job)
{
	struct tool *tool = job->tool;
	struct clade_session *session = NULL;
	struct clade_device *device = NULL;
	enum clade_status status = model_open(tool, &job->model);
	if (status == CLADE_OK)
		status = model_session(tool, &job->model, tool->options.context > 0 ? tool->options.context : 1024,
				       false, false, &device, &session);
	if (status == CLADE_OK)
		status = nodes_of_model(tool, &job->model, session, &job->nodes);
	clade_session_destroy(&session);
	clade_device_unref(&device);
	return status;
}

static enum clade_status collect_ops(struct job *job)
{
	struct tool *tool = job->tool;
	enum clade_status status = op_pattern_check(tool, tool->options.op);
	for (size_t i = 0; i < clade_op_count(tool->context) && status == CLADE_OK; i++)
		if (op_matches(tool->options.op, clade_op_at(tool->context, i)->name))
			status = nodes_of_op(tool, clade_op_at(tool->context, i), clade_device_get_info(job->device),
					     &job->nodes);
	return status;
}

static int by_work(const void *a, const void *b)
{
	const struct search_node *x = a, *y = b;
	double left = x->count * x->estimate, right = y->count * y->estimate;
	return (left < right) - (left > right);
}

static enum clade_status report(struct job *job, const struct search_node *node, const struct search_result *r)
{
	char before[32], after[32];
	if (job->report != NULL) {
		json_array_append_new(job->report,
				      json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:b, s:I, s:I}", "op",
						node->op_case.op->name, "key", node->key, "before", r->before, "winner",
						r->winner, "before_seconds", r->before_seconds, "seconds", r->seconds,
						"nmse", r->nmse, "found", r->found, "candidates",
						(json_int_t)r->candidates, "wrong", (json_int_t)r->wrong));
		return CLADE_OK;
	}
	printf("%s\n  %s", node->key, r->before);
	if (r->found)
		printf(" -> %s: %s -> %s, %.2f times as fast", r->winner, seconds_text(r->before_seconds, before),
		       seconds_text(r->seconds, after), r->before_seconds / r->seconds);
	else
		printf(": %s, nothing is faster", seconds_text(r->before_seconds, before));
	printf(" (%zu candidate%s", r->candidates, r->candidates == 1 ? "" : "s");
	if (r->wrong > 0)
		printf(", %zu %s", r->wrong, job->tool->options.fast ? "too far from ref" : "with other bits than ref");
	if (r->nmse > 0)
		printf(", NMSE %.1g", r->nmse);
	printf(")\n");
	return flush_stdout(&job->tool->diag);
}

/* Keeps a winner, or forgets one that is none any more. */
static enum clade_status keep(struct job *job, const struct search_node *node, const struct search_result *r)
{
	const struct clade_winner winner = { node->key, r->impl, r->values, r->seconds, r->before_seconds };
	if (!r->found && !clade_tuned_remove(job->tuned, node->key))
		return CLADE_OK;
	enum clade_status status = r->found ? clade_tuned_put(job->tuned, &winner, &job->tool->diag) : CLADE_OK;
	return status == CLADE_OK ? winners_save(job->tool, clade_device_get_info(job->device), job->tuned) : status;
}

/* Seconds for the next node: as much of what is left as its work is of the work that is left, or twice an equal share.
 */
static double share_of(const struct job *job, double left)
{
	const struct search_node *next = &job->nodes.items[job->done];
	double total = 0, equal = 2 / (double)(job->nodes.count - job->done);
	for (size_t i = job->done; i < job->nodes.count; i++)
		total += job->nodes.items[i].count * job->nodes.items[i].estimate;
	double part = total > 0 ? next->count * next->estimate / total : 0;
	part = part > equal ? part : equal;
	return left * (part < 1 ? part : 1);
}

static enum clade_status measure(struct job *job)
{
	struct tool *tool = job->tool;
	double start = seconds_now(), budget = tool->options.budget > 0 ? tool->options.budget : 60;
	enum clade_status status = clade_queue_create(job->device, false, &job->queue, &tool->diag);
	qsort(job->nodes.items, job->nodes.count, sizeof(*job->nodes.items), by_work);
	for (; job->done < job->nodes.count && status == CLADE_OK; job->done++) {
		struct search_node *node = &job->nodes.items[job->done];
		struct search_result result;
		double now = seconds_now();
		if (now >= start + budget)
			break;
		status = search_node(tool, job->device, job->queue, node, now + share_of(job, start + budget - now),
				     &result);
		job->wrong += result.wrong;
		if (status == CLADE_ERR_UNSUPPORTED || status == CLADE_ERR_MISMATCH) {
			if (status == CLADE_ERR_MISMATCH || tool->options.verbose)
				print_note(tool, "%s: %s", node->key, tool->diag.text);
			clade_diag_reset(&tool->diag);
			job->passed++;
			status = CLADE_OK;
			continue;
		}
		job->found += result.found;
		if (status == CLADE_OK)
			status = keep(job, node, &result);
		if (status == CLADE_OK)
			status = report(job, node, &result);
		if (status == CLADE_OK && interrupted)
			status = CLADE_ERR_CANCELLED;
	}
	return status;
}

static enum clade_status conclude(struct job *job)
{
	struct tool *tool = job->tool;
	const struct clade_device_info *info = clade_device_get_info(job->device);
	size_t left = job->nodes.count - job->done;
	char path[4400] = "";
	winners_path(tool, info, path, sizeof(path));
	if (job->report != NULL) {
		json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:O, s:b, s:I, s:I, s:I}", "device", info->id,
					 "device_name", info->name, "driver", info->driver, "file", path, "nodes",
					 job->report, "fast", (int)tool->options.fast, "found", (json_int_t)job->found,
					 "left", (json_int_t)left, "passed", (json_int_t)job->passed);
		return print_json(root, &tool->diag);
	}
	printf("%zu of %zu shapes measured on %s, %zu winner%s%s", job->done - job->passed, job->nodes.count, info->id,
	       job->found, job->found == 1 ? "" : "s", tool->options.fast ? " for --fast" : "");
	if (job->found > 0)
		printf(" kept in %s", path);
	printf("\n");
	if (job->passed > 0)
		printf("%zu passed over: nothing right to measure, or no reference to compare with; --verbose names "
		       "them\n",
		       job->passed);
	if (left > 0)
		printf("the budget was used up before %zu more; --budget SECONDS gives more time\n", left);
	return flush_stdout(&tool->diag);
}

static enum clade_status tune(struct job *job)
{
	struct tool *tool = job->tool;
	tool->options.no_tuned = true; /* what would be chosen without winners is what they are compared with */
	enum clade_status status = open_device(job);
	if (status == CLADE_OK)
		status = open_winners(job);
	if (status == CLADE_OK && tool->options.json && (job->report = json_array()) == NULL)
		status = clade_fail_memory(&tool->diag, 0, "a report");
	if (status == CLADE_OK)
		status = tool->options.op != NULL ? collect_ops(job) : collect_model(job);
	if (status == CLADE_OK && job->nodes.count == 0)
		print_note(tool, "there is nothing to choose: one implementation, without tunables, at every shape");
	if (status == CLADE_OK)
		status = measure(job);
	return status == CLADE_OK ? conclude(job) : status;
}

/* ---- files ---- */

static enum clade_status write_text(struct job *job)
{
	struct tool *tool = job->tool;
	char *text = NULL;
	enum clade_status status = clade_tuned_print(job->tuned, &text, &tool->diag);
	if (status == CLADE_OK && tool->options.output != NULL)
		status = clade_file_write(tool->context, tool->options.output, text, strlen(text), &tool->diag);
	else if (status == CLADE_OK) {
		fputs(text, stdout);
		status = flush_stdout(&tool->diag);
	}
	clade_free(tool->context, text);
	return status;
}

static enum clade_status export_winners(struct job *job)
{
	enum clade_status status = open_device(job);
	if (status == CLADE_OK)
		status = open_winners(job);
	return status == CLADE_OK ? write_text(job) : status;
}

static enum clade_status import_winners(struct job *job)
{
	struct tool *tool = job->tool;
	struct clade_tuned *more = NULL;
	enum clade_status status = open_device(job);
	if (status == CLADE_OK)
		status = open_winners(job);
	if (status == CLADE_OK)
		status = winners_read(tool, tool->arguments[1], clade_device_get_info(job->device), &more);
	if (status == CLADE_OK)
		status = clade_tuned_merge(job->tuned, more, &tool->diag);
	if (status == CLADE_OK)
		status = winners_save(tool, clade_device_get_info(job->device), job->tuned);
	clade_tuned_destroy(&more);
	return status;
}

/* Of one device all; where two files speak of one shape, the later file counts. */
static enum clade_status merge_winners(struct job *job)
{
	struct tool *tool = job->tool;
	enum clade_status status = winners_read(tool, tool->arguments[1], NULL, &job->tuned);
	for (size_t i = 2; i < tool->argument_count && status == CLADE_OK; i++) {
		struct clade_tuned *more = NULL;
		status = winners_read(tool, tool->arguments[i], NULL, &more);
		if (status == CLADE_OK && strcmp(clade_tuned_device(more), clade_tuned_device(job->tuned)) != 0)
			status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TUNED, tool->arguments[i],
					    "it was measured on %s, %s on %s", clade_tuned_device(more),
					    tool->arguments[1], clade_tuned_device(job->tuned));
		if (status == CLADE_OK)
			status = clade_tuned_merge(job->tuned, more, &tool->diag);
		clade_tuned_destroy(&more);
	}
	return status == CLADE_OK ? write_text(job) : status;
}

/* ---- the command ---- */

static const struct action {
	const char *name, *usage;
	size_t least, most; /* arguments, its name included */
	enum clade_status (*run)(struct job *job);
} actions[] = { { "export", "takes no file: -o FILE says where to", 1, 1, export_winners },
		{ "import", "takes one file: import FILE", 2, 2, import_winners },
		{ "merge", "takes two files or more: merge A B -o OUT", 3, SIZE_MAX, merge_winners } };

static enum clade_status choose(struct job *job)
{
	struct tool *tool = job->tool;
	const struct options *o = &tool->options;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]) && tool->argument_count > 0; i++) {
		if (strcmp(tool->arguments[0], actions[i].name) != 0)
			continue;
		if (tool->argument_count < actions[i].least || tool->argument_count > actions[i].most)
			return fail_usage(tool, CLADE_MSG_TOOL_COMMAND, actions[i].name, "%s", actions[i].usage);
		if (o->fast)
			return fail_usage(tool, CLADE_MSG_TOOL_OPTION, "--fast",
					  "is about measuring; %s takes winners for --fast along with the others",
					  actions[i].name);
		return actions[i].run(job);
	}
	if ((o->op != NULL) == (tool->argument_count > 0) || tool->argument_count > 1)
		return fail_usage(tool, CLADE_MSG_TOOL_COMMAND, "tune",
				  "one MODEL or --op PATTERN, or export, import FILE, merge A B");
	if (o->op == NULL && op_options_refuse(tool) != CLADE_OK)
		return CLADE_ERR_USAGE;
	if (o->output != NULL)
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION, "-o",
				  "belongs to export and merge; winners are kept in the cache folder");
	return tune(job);
}

static enum clade_status run(struct tool *tool)
{
	struct job job = { .tool = tool };
	enum clade_status status = choose(&job);
	nodes_finish(&job.nodes);
	json_decref(job.report);
	clade_tuned_destroy(&job.tuned);
	clade_queue_destroy(&job.queue);
	clade_device_unref(&job.device);
	model_close(&job.model);
	return status;
}

#define AT(field) offsetof(struct options, field)
static const struct option own_options[] = {
	{ "budget", "SECONDS", "time for all shapes together (60)", take_number, AT(budget), 0, 0.001, 1e6 },
	{ "output", "FILE", "of export and merge (default: stdout)", take_text, AT(output), 'o' },
	{ "fast", NULL, "among all that --fast allows; these winners are used by runs with --fast only", take_flag,
	  AT(fast) },
	{ "context", "N", "rows of caches at which attention is measured (1024)", take_integer, AT(context), 0, 1,
	  1 << 30 },
	{ "kv-type", "TYPE", "how keys and values of former tokens are kept: f32 (default) or f16", take_kv_type,
	  AT(kv_type) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,    options_op,   options_entry,  options_model,
					       options_device, options_json, options_common, NULL };
const struct command command_tune = {
	.name = "tune",
	.arguments = "MODEL | --op PATTERN | export | import FILE | merge A B...",
	.summary = "measure which implementations are fastest here; all commands use the winners",
	.details = "A winner has the bits of reference C and is faster than what is chosen without it by more than the "
		   "noise.\n"
		   "With --fast, implementations with their own order or reduced precision may win, too, within their "
		   "tolerance;\n"
		   "runs with --fast go by these winners first, others never.\n"
		   "Winners are kept for this device and driver in the cache folder and hold for shapes nearby (sizes "
		   "but those of\n"
		   "weights count as the next power of two). --no-tuned of the other commands leaves them out; "
		   "`check --explain` shows\n"
		   "them (\"measured\"). --impl, lock files and pins go before them.",
	.groups = groups,
	.max_arguments = SIZE_MAX,
	.run = run,
	.measures = true,
	.streams = true,
};

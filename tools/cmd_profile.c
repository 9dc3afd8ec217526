/* SPDX-License-Identifier: MIT */
/* clade profile: where the time of a run goes, node by node. */
#include "commands.h"
#include "stats.h"
#include "workload.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 64, MOST_LANES = 8 };

struct node {
	struct clade_plan_step step;
	double samples[SAMPLES]; /* seconds */
	double seconds;          /* their median */
};

struct job {
	struct tool *tool;
	struct model model;
	struct workload workload;
	struct clade_device *device;
	struct clade_session *session;
	struct node *nodes;
	size_t node_count, sample_count;
	double wall[SAMPLES], wall_seconds, total;
	char test[32];
};

/* The steps of the entry that was timed; the first time says how many there are. */
static enum clade_status take_sample(struct job *job, double wall)
{
	struct clade_plan_step step;
	size_t count = 0;
	while (clade_session_step(job->session, job->workload.entry, count, &step))
		count++;
	if (job->nodes == NULL) {
		job->nodes = calloc(count + 1, sizeof(*job->nodes));
		if (job->nodes == NULL)
			return clade_fail_memory(&job->tool->diag, count * sizeof(*job->nodes), "a profile");
		job->node_count = count;
	}
	for (size_t i = 0; i < job->node_count && clade_session_step(job->session, job->workload.entry, i, &step);
	     i++) {
		job->nodes[i].step = step;
		job->nodes[i].samples[job->sample_count] = 1e-9 * (double)step.device_ns;
	}
	job->wall[job->sample_count++] = wall;
	return CLADE_OK;
}

/* The first run compiles and is not counted. */
static enum clade_status measure(struct job *job)
{
	const struct options *o = &job->tool->options;
	int64_t repeats = o->repeats < SAMPLES ? o->repeats : SAMPLES;
	bool generates = o->generated > 0;
	enum clade_status status = CLADE_OK;
	for (int64_t r = -1; r < repeats && status == CLADE_OK; r++) {
		double seconds;
		status = generates ? workload_generate(&job->workload, o->generated, o->depth, &seconds)
				   : workload_prompt(&job->workload, o->tokens, &seconds);
		if (status == CLADE_OK && r >= 0)
			status = take_sample(job, job->workload.run_seconds);
	}
	for (size_t i = 0; i < job->node_count; i++) {
		job->nodes[i].seconds = stats_median(job->nodes[i].samples, job->sample_count);
		job->total += job->nodes[i].seconds;
	}
	job->wall_seconds = stats_median(job->wall, job->sample_count);
	return status;
}

static double rate(double amount, double seconds)
{
	return seconds > 0 ? amount / seconds * 1e-9 : 0;
}

/* ---- reports ---- */

static json_t *nodes_json(const struct job *job)
{
	json_t *list = json_array();
	for (size_t i = 0; i < job->node_count; i++) {
		const struct node *n = &job->nodes[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "path",
						      n->step.path, "op", n->step.op, "impl", n->step.impl, "device",
						      n->step.device, "seconds", n->seconds, "flops",
						      n->step.cost.flops, "bytes", n->step.cost.bytes, "gflops",
						      rate(n->step.cost.flops, n->seconds), "gbps",
						      rate(n->step.cost.bytes, n->seconds), "share",
						      job->total > 0 ? n->seconds / job->total : 0.0));
	}
	return list;
}

static int order_by_time(const void *a, const void *b)
{
	double x = ((const struct node *)a)->seconds, y = ((const struct node *)b)->seconds;
	return x > y ? -1 : x < y;
}

static void print_nodes(struct job *job)
{
	qsort(job->nodes, job->node_count, sizeof(*job->nodes), order_by_time);
	printf("%9s %6s %9s %8s  %-26s %s\n", "ms", "share", "GFLOP/s", "GB/s", "implementation", "node");
	for (size_t i = 0; i < job->node_count; i++) {
		const struct node *n = &job->nodes[i];
		char name[160];
		if (n->step.is_view || n->seconds <= 0)
			continue;
		snprintf(name, sizeof(name), "%s.%s", n->step.op, n->step.impl);
		printf("%9.4f %5.1f%% %9.2f %8.2f  %-26s %s\n", 1e3 * n->seconds, 100 * n->seconds / job->total,
		       rate(n->step.cost.flops, n->seconds), rate(n->step.cost.bytes, n->seconds), name, n->step.path);
	}
	printf("%s on %s: %.4f ms in the nodes, %.4f ms for the whole run (medians of %zu)\n", job->test,
	       clade_device_get_info(job->device)->id, 1e3 * job->total, 1e3 * job->wall_seconds, job->sample_count);
}

/* A trace's number of a device, whose name stands in an event of its own. */
static int lane_of(json_t *events, const char *lanes[MOST_LANES], const char *device)
{
	int lane = 0;
	while (lane + 1 < MOST_LANES && lanes[lane] != NULL && strcmp(lanes[lane], device) != 0)
		lane++;
	if (lanes[lane] == NULL)
		json_array_append_new(events, json_pack("{s:s, s:s, s:i, s:i, s:{s:s}}", "name", "thread_name", "ph",
							"M", "pid", 1, "tid", lane + 1, "args", "name", device));
	lanes[lane] = device;
	return lane + 1;
}

/* Chrome's trace format: complete events in microseconds, one behind the other as the queue runs them. */
static enum clade_status write_trace(const struct job *job)
{
	json_t *events = json_array();
	const char *lanes[MOST_LANES] = { NULL };
	double at = 0;
	for (size_t i = 0; i < job->node_count; i++) {
		const struct node *n = &job->nodes[i];
		if (n->step.is_view)
			continue;
		int lane = lane_of(events, lanes, n->step.device);
		json_array_append_new(events, json_pack("{s:s, s:s, s:s, s:f, s:f, s:i, s:i, s:{s:s, s:f, s:f}}",
							"name", n->step.path, "cat", n->step.op, "ph", "X", "ts", at,
							"dur", 1e6 * n->seconds, "pid", 1, "tid", lane, "args", "impl",
							n->step.impl, "gflops", rate(n->step.cost.flops, n->seconds),
							"gbps", rate(n->step.cost.bytes, n->seconds)));
		at += 1e6 * n->seconds;
	}
	json_t *root = json_pack("{s:o, s:s}", "traceEvents", events, "displayTimeUnit", "ms");
	char *text = root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
	json_decref(root);
	if (text == NULL)
		return clade_fail_memory(&job->tool->diag, 0, "a trace");
	enum clade_status status =
		clade_file_write(job->tool->context, job->tool->options.trace, text, strlen(text), &job->tool->diag);
	free(text);
	return status;
}

static enum clade_status report(struct job *job)
{
	enum clade_status status = job->tool->options.trace != NULL ? write_trace(job) : CLADE_OK;
	if (status != CLADE_OK)
		return status;
	if (job->tool->options.json)
		return print_json(json_pack("{s:o, s:s, s:s, s:o, s:f, s:f}", "model", json_text(job->model.name),
					    "device", clade_device_get_info(job->device)->id, "test", job->test,
					    "steps", nodes_json(job), "total_seconds", job->total, "wall_seconds",
					    job->wall_seconds),
				  &job->tool->diag);
	print_nodes(job);
	return flush_stdout(&job->tool->diag);
}

static enum clade_status profile(struct job *job)
{
	struct tool *tool = job->tool;
	struct options *o = &tool->options;
	enum clade_status status = model_open(tool, &job->model);
	if (status == CLADE_OK)
		status = workload_init(tool, &job->model, o->batch, &job->workload);
	if (status == CLADE_OK && o->generated > 0 && !job->workload.can_generate)
		status = fail_usage(tool, CLADE_MSG_TOOL_OPTION, "-n",
				    "%s does not generate: its last entry keeps no cache of what it has read",
				    job->model.name);
	snprintf(job->test, sizeof(job->test), o->generated > 0 ? "token %lld" : "pp%lld",
		 (long long)(o->generated > 0 ? o->depth + o->generated : o->tokens));
	tool->options.profiling = true;
	if (status == CLADE_OK)
		status = model_session(tool, &job->model,
				       workload_capacity(&job->workload, o->generated > 0 ? o->generated : o->tokens,
							 o->generated > 0 ? o->depth : 0),
				       false, o->open, &job->device, &job->session);
	job->workload.session = job->session;
	if (status == CLADE_OK && !clade_device_get_info(job->device)->profiling)
		print_note(tool, "the device has no timer for single nodes; their times are 0");
	if (status == CLADE_OK)
		status = measure(job);
	return status == CLADE_OK ? report(job) : status;
}

static enum clade_status run(struct tool *tool)
{
	struct job job = { .tool = tool };
	if (tool->options.tokens >= 0 && tool->options.generated >= 0)
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION, "-p", "and -n are two profiles; give one of them");
	if (tool->options.depth > 0 && tool->options.generated < 0)
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION, "--depth", "is about -n N, the step that makes token N");
	if (tool->options.batch <= 0)
		tool->options.batch = 1;
	if (tool->options.tokens < 0)
		tool->options.tokens = 512;
	enum clade_status status = profile(&job);
	free(job.nodes);
	workload_finish(&job.workload);
	clade_session_destroy(&job.session);
	clade_device_unref(&job.device);
	model_close(&job.model);
	return status;
}

#define AT(field) offsetof(struct options, field)
static const struct option own_options[] = {
	{ "prompt-tokens", "N", "a forward pass of N tokens (512)", take_integer, AT(tokens), 'p', 1, 1 << 24 },
	{ "generated", "N", "instead: the step that makes token N behind --depth tokens", take_integer, AT(generated),
	  'n', 1, 1 << 24 },
	{ "depth", "D", "tokens before those of -n (0)", take_integer, AT(depth), 0, 0, 1 << 24 },
	{ "batch", "B", "rows at once (1)", take_integer, AT(batch), 0, 1, 4096 },
	{ "repeats", "R", "medians of R runs, at most 64 (5)", take_integer, AT(repeats), 'r', 1, 64 },
	{ "trace", "FILE", "also write a trace for chrome://tracing", take_text, AT(trace) },
	{ "open", NULL, "take no block whole: time the nodes inside", take_flag, AT(open) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,     options_entry, options_model,  options_device,
					       options_choices, options_json,  options_common, NULL };
const struct command command_profile = {
	.name = "profile",
	.arguments = "MODEL",
	.summary = "where the time goes: milliseconds, GFLOP/s and GB/s of every node",
	.details =
		"Times are the device's own, of each node's launches; the whole run's has the launches' cost on top.\n"
		"GB/s counts each input and output once, of caches only the rows in use.",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
	.measures = true,
};

/* SPDX-License-Identifier: MIT */
/* clade bench: how fast a model runs, device by device; and whether two sets of results differ. */
#include "bench.h"
#include "commands.h"
#include "opcase.h"
#include "roofline.h"
#include "workload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { CHECK_TOKENS = 4 };

struct job {
	struct tool *tool;
	struct model model;
	const struct bench_format *format;
	size_t rows;
	float *right; /* of ref, for the comparison; NULL: not made */
	size_t right_count;
	double open_seconds; /* of the model's files */
};

/* One device's share of the work. */
struct run {
	struct job *job;
	struct workload workload;
	struct clade_device *device;
	struct clade_session *session;
	double opening, first_seconds;      /* when the device's opening began; until the first result */
	struct clade_device_counters first; /* until then */
	double ready_seconds;               /* of first_seconds: opening and setting up */
	double compiled;                    /* build seconds that rows have told already */
	double error;
	bool bit_equal;
	struct bench_result results[2]; /* until the roofline is known: its measurement needs memory of its own */
	struct clade_cost work[2];
	double seconds[2]; /* mean of the repeats */
	size_t result_count;
};

static uint64_t peak_memory(void)
{
	struct rusage usage;
	return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

/* ---- equal answers ---- */

/* The first output of a small prompt: logits, or what an encoder gives. malloc's memory. */
static enum clade_status answer(struct run *run, float **out, size_t *out_count)
{
	struct clade_graph_port port;
	struct clade_type type;
	size_t bytes = 0;
	double seconds;
	struct clade_diag *diag = &run->job->tool->diag;
	enum clade_status status = workload_prompt(&run->workload, CHECK_TOKENS, &seconds);
	*out = NULL;
	*out_count = 0;
	if (status != CLADE_OK || !clade_graph_output(run->job->model.graph, run->workload.entry, 0, &port) ||
	    port.type.dtype != CLADE_F32)
		return status;
	status = clade_session_output(run->session, port.name, &type, NULL, diag);
	if (status == CLADE_OK && (!clade_type_bytes(&type, &bytes) || (*out = malloc(bytes + 1)) == NULL))
		status = clade_fail_memory(diag, bytes, "an output");
	if (status == CLADE_OK)
		status = clade_session_output(run->session, port.name, &type, *out, diag);
	*out_count = bytes / sizeof(float);
	return status;
}

static void compare(struct run *run, const float *got)
{
	const struct job *job = run->job;
	double difference = 0, size = 0;
	run->bit_equal = true;
	for (size_t i = 0; i < job->right_count; i++) {
		double a = job->right[i], b = got[i];
		run->bit_equal &= a == b || (isnan(a) && isnan(b));
		difference += (a - b) * (a - b);
		size += a * a;
	}
	run->error = size > 0 ? difference / size : difference;
}

/* ---- a device ---- */

static enum clade_status open_run(struct job *job, struct run *run, int64_t capacity)
{
	struct tool *tool = job->tool;
	enum clade_status status = workload_init(tool, &job->model, tool->options.batch, &run->workload);
	run->opening = seconds_now();
	if (status == CLADE_OK)
		status = model_session(tool, &job->model, capacity > 0 ? capacity : 1, false, false, &run->device,
				       &run->session);
	run->ready_seconds = seconds_now() - run->opening;
	run->workload.session = run->session;
	run->job = job;
	run->error = -1;
	return status;
}

static void close_run(struct run *run)
{
	workload_finish(&run->workload);
	clade_session_destroy(&run->session);
	clade_device_unref(&run->device);
}

static void note_first_result(struct run *run)
{
	if (run->first_seconds > 0)
		return;
	struct clade_session_counters counters;
	clade_session_get_counters(run->session, &counters);
	run->first_seconds = seconds_now() - run->opening;
	run->ready_seconds += counters.setup_seconds;
	clade_device_get_counters(run->device, &run->first);
}

/* What the reference gives, once for all devices. */
static enum clade_status make_right(struct job *job)
{
	struct run run = { .job = job };
	const char *device = job->tool->options.device;
	job->tool->options.device = "ref";
	enum clade_status status = open_run(job, &run, CHECK_TOKENS);
	if (status == CLADE_OK)
		status = answer(&run, &job->right, &job->right_count);
	job->tool->options.device = device;
	close_run(&run);
	return status;
}

static enum clade_status check(struct run *run)
{
	float *got = NULL;
	size_t count = 0;
	enum clade_status status = run->job->right != NULL ? answer(run, &got, &count) : CLADE_OK;
	if (run->job->right != NULL)
		note_first_result(run);
	if (status == CLADE_OK && got != NULL && count == run->job->right_count)
		compare(run, got);
	free(got);
	return status;
}

/* ---- a test ---- */

/* Work of the entry's last run, over all of its steps. */
static struct clade_cost work_of(const struct run *run)
{
	struct clade_cost total = { 0 };
	struct clade_plan_step step;
	for (size_t i = 0; clade_session_step(run->session, run->workload.entry, i, &step); i++) {
		total.flops += step.cost.flops;
		total.bytes += step.cost.bytes;
	}
	return total;
}

static void describe(const struct run *run, struct bench_result *out)
{
	const struct clade_device_info *info = clade_device_get_info(run->device);
	struct clade_graph_totals totals;
	clade_graph_get_totals(run->job->model.graph, &totals);
	snprintf(out->model, sizeof(out->model), "%s", run->job->model.name);
	snprintf(out->device, sizeof(out->device), "%s", info->id);
	snprintf(out->device_name, sizeof(out->device_name), "%s", info->name);
	snprintf(out->driver, sizeof(out->driver), "%s", info->driver);
	snprintf(out->kv_type, sizeof(out->kv_type), "%s",
		 totals.kept_states > 0 ? clade_dtype_info(run->job->tool->options.kv_type)->name
		 : totals.states > 0    ? "f32"
					: "");
	out->fast = run->job->tool->options.fast;
	out->parameters = totals.parameters;
	out->weight_bytes = totals.weight_bytes;
	out->batch = run->workload.batch;
	out->first_seconds = run->first_seconds;
	out->programs = run->first.programs_built + run->first.programs_from_cache;
	out->kernels = run->first.kernels_created;
	out->error = run->error;
	out->bit_equal = run->bit_equal;
}

struct test {
	bool generates;
	int64_t tokens;
};

static enum clade_status once(struct run *run, const struct test *test, double *out_seconds)
{
	return test->generates
		       ? workload_generate(&run->workload, test->tokens, run->job->tool->options.depth, out_seconds)
		       : workload_prompt(&run->workload, test->tokens, out_seconds);
}

/* The first run, which plans, compiles and reads weights, is told apart and not counted. */
static enum clade_status run_test(struct run *run, const struct test *test)
{
	const struct job *job = run->job;
	size_t index = run->result_count++;
	struct bench_result *result = &run->results[index];
	int64_t repeats = job->tool->options.repeats < BENCH_SAMPLES ? job->tool->options.repeats : BENCH_SAMPLES;
	double seconds = 0, sum = 0;
	result->tokens = test->tokens * run->workload.batch;
	enum clade_status status = once(run, test, &seconds);
	struct clade_device_counters before, after;
	note_first_result(run);
	clade_device_get_counters(run->device, &before);
	for (int64_t r = 0; r < repeats && status == CLADE_OK; r++) {
		status = once(run, test, &seconds);
		result->samples[result->sample_count++] = (double)result->tokens / seconds;
		sum += seconds;
	}
	if (status != CLADE_OK)
		return status;
	describe(run, result);
	snprintf(result->test, sizeof(result->test), "%s%lld", test->generates ? "tg" : "pp", (long long)test->tokens);
	if (test->generates && job->tool->options.depth > 0)
		snprintf(result->test + strlen(result->test), sizeof(result->test) - strlen(result->test), "@d%lld",
			 (long long)job->tool->options.depth);
	double mean = sum / (double)repeats, passes = test->generates ? (double)test->tokens : 1;
	clade_device_get_counters(run->device, &after);
	result->launches = (double)(after.launches - before.launches) / (double)repeats / passes;
	result->compile_seconds = after.build_seconds - run->compiled;
	run->compiled = after.build_seconds;
	result->load_seconds = job->open_seconds + fmax(0, run->ready_seconds - run->first.build_seconds);
	struct clade_cost work = work_of(run);
	run->work[index] = (struct clade_cost) { work.flops * passes, work.bytes * passes };
	run->seconds[index] = mean;
	result->gflops = 1e-9 * run->work[index].flops / mean;
	result->gbps = 1e-9 * run->work[index].bytes / mean;
	result->peak_memory_bytes = peak_memory();
	return CLADE_OK;
}

/* Prints what was measured, as shares of what the device can do. */
static enum clade_status report(struct run *run)
{
	struct job *job = run->job;
	struct roofline roofline = { 0 };
	enum clade_status status =
		run->result_count > 0 ? roofline_measure(job->tool, run->device, &roofline) : CLADE_OK;
	for (size_t i = 0; i < run->result_count && status == CLADE_OK; i++) {
		run->results[i].roof =
			roofline_share(&roofline, run->work[i].flops, run->work[i].bytes, run->seconds[i]);
		run->results[i].peak_gflops = 1e-9 * roofline.flops;
		run->results[i].peak_gbps = 1e-9 * roofline.bytes;
		job->format->row(&run->results[i], job->rows++);
		status = flush_stdout(&job->tool->diag);
	}
	return status;
}

static enum clade_status bench_device(struct job *job, const char *device)
{
	struct tool *tool = job->tool;
	const struct options *o = &tool->options;
	struct run run = { .job = job };
	int64_t rows = o->generated > 0 ? o->depth + o->generated : 0;
	tool->options.device = device;
	enum clade_status status = open_run(job, &run, o->tokens > rows ? o->tokens : rows);
	if (status == CLADE_OK)
		status = check(&run);
	if (status == CLADE_OK && o->tokens > 0)
		status = run_test(&run, &(struct test) { false, o->tokens });
	if (status == CLADE_OK && o->generated > 0 && run.workload.can_generate)
		status = run_test(&run, &(struct test) { true, o->generated });
	else if (status == CLADE_OK && o->generated > 0 && o->given_generated)
		status = fail_usage(tool, CLADE_MSG_TOOL_OPTION, "-n",
				    "%s does not generate: its last entry keeps no cache of what it has read",
				    job->model.name);
	if (status == CLADE_OK)
		status = report(&run);
	close_run(&run);
	return status;
}

/* ---- the command ---- */

/* Every device; one that fails is told and passed over. */
static enum clade_status bench_all(struct job *job)
{
	struct clade_device_info *infos;
	size_t count;
	struct clade_diag *diag = &job->tool->diag;
	enum clade_status status = clade_device_list(job->tool->context, &infos, &count, diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		status = bench_device(job, infos[i].id);
		if (status != CLADE_ERR_DEVICE && status != CLADE_ERR_UNSUPPORTED)
			continue;
		print_note(job->tool, "%s (%s) was passed over: %s", infos[i].id, infos[i].name, diag->text);
		clade_diag_reset(diag);
		status = CLADE_OK;
	}
	clade_device_list_free(job->tool->context, &infos);
	return status;
}

/* Tests that do not fit the model's context get shorter, unless they were asked for. */
static enum clade_status fit_context(struct job *job)
{
	struct options *o = &job->tool->options;
	struct workload shape;
	enum clade_status status = workload_init(job->tool, &job->model, 1, &shape);
	int64_t context = status == CLADE_OK ? shape.context : 0;
	workload_finish(&shape);
	if (status != CLADE_OK || context <= 0)
		return status;
	if (o->given_tokens && o->tokens > context)
		return fail_usage(job->tool, CLADE_MSG_TOOL_VALUE, "-p",
				  "%lld is more than the model's context of %lld", (long long)o->tokens,
				  (long long)context);
	if (o->given_generated && o->depth + o->generated > context)
		return fail_usage(job->tool, CLADE_MSG_TOOL_VALUE, "-n",
				  "with --depth %lld it needs %lld tokens; the model's context holds %lld",
				  (long long)o->depth, (long long)(o->depth + o->generated), (long long)context);
	o->tokens = o->tokens > context ? context : o->tokens;
	o->generated = o->depth + o->generated > context ? context - o->depth : o->generated;
	return CLADE_OK;
}

static enum clade_status bench_model(struct job *job)
{
	struct tool *tool = job->tool;
	struct options *o = &tool->options;
	double start = seconds_now();
	enum clade_status status = model_open(tool, &job->model);
	job->open_seconds = seconds_now() - start;
	o->given_tokens = o->tokens >= 0;
	o->given_generated = o->generated >= 0;
	/* as llama.cpp's bench: both tests, unless one is asked for alone */
	o->tokens = o->given_tokens ? o->tokens : o->given_generated ? 0 : 512;
	o->generated = o->given_generated ? o->generated : o->given_tokens ? 0 : 128;
	if (status == CLADE_OK)
		status = fit_context(job);
	if (status == CLADE_OK && !o->no_check)
		status = make_right(job);
	if (status != CLADE_OK)
		return status;
	job->format->begin();
	status = o->all_devices ? bench_all(job) : bench_device(job, o->device);
	job->format->end();
	return status == CLADE_OK ? flush_stdout(&tool->diag) : status;
}

static enum clade_status run(struct tool *tool)
{
	struct job job = { .tool = tool };
	struct options *o = &tool->options;
	if (o->op == NULL && tool->argument_count == 0)
		return fail_usage(tool, CLADE_MSG_TOOL_COMMAND, "bench", "a MODEL or --op PATTERN is missing");
	if (tool->argument_count > 0 && strcmp(tool->arguments[0], "diff") == 0) {
		if (tool->argument_count != 3)
			return fail_usage(tool, CLADE_MSG_TOOL_COMMAND, "diff", "takes two files: A.json B.json");
		return bench_diff(tool, tool->arguments[1], tool->arguments[2]);
	}
	const char *format = o->output != NULL ? o->output : o->json ? "json" : "md";
	job.format = bench_format_find(format);
	if (job.format == NULL)
		return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "-o", "\"%s\" is none of md, csv and json", format);
	if (tool->argument_count > 1)
		return fail_usage(tool, CLADE_MSG_TOOL_COMMAND, tool->arguments[1], "one argument too many");
	if (o->all_devices && o->device != NULL && o->device != getenv("CLADE_DEVICE"))
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION, "--all-devices", "and --device exclude each other");
	if (o->op != NULL)
		return bench_ops(tool, job.format);
	if (o->tokens == 0 && o->generated == 0)
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION, "-p", "and -n are both 0: there is nothing to measure");
	o->batch = o->batch > 0 ? o->batch : 1;
	enum clade_status status = op_options_refuse(tool);
	if (status == CLADE_OK)
		status = bench_model(&job);
	free(job.right);
	model_close(&job.model);
	return status;
}

#define AT(field) offsetof(struct options, field)
static const struct option own_options[] = {
	{ "prompt-tokens", "N", "test ppN: one forward pass of N tokens (512)", take_integer, AT(tokens), 'p', 0,
	  1 << 24 },
	{ "generated", "N", "test tgN: N steps of greedy generation (128)", take_integer, AT(generated), 'n', 0,
	  1 << 24 },
	{ "depth", "D", "tokens that stand before those of tgN (0)", take_integer, AT(depth), 0, 0, 1 << 24 },
	{ "batch", "B", "rows at once (1); rates count all of them", take_integer, AT(batch), 0, 1, 4096 },
	{ "repeats", "R", "repeats of each test, at most 256 (5)", take_integer, AT(repeats), 'r', 1, BENCH_SAMPLES },
	{ "output", "FORMAT", "md (default), csv or json", take_text, AT(output), 'o' },
	{ "all-devices", NULL, "every device, ref included", take_flag, AT(all_devices) },
	{ "no-check", NULL, "do not compare with ref, which takes long for large models", take_flag, AT(no_check) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,   options_op,     options_entry,
					       options_model, options_device, options_choices,
					       options_json,  options_common, NULL };
const struct command command_bench = {
	.name = "bench",
	.arguments = "MODEL | --op PATTERN | diff A.json B.json",
	.summary = "how fast a model or an op runs, on one device or all",
	.details =
		"Rates are tokens a second, mean and standard deviation of the repeats, random tokens, after a run "
		"that\n"
		"is not counted. % of peak: of the roofline that is measured first (fma rate, memory bandwidth).\n"
		"error vs ref: NMSE of the first output on 4 tokens. compile: waiting for kernels, since the device "
		"was opened\n"
		"or since the row before. load: files, device and weights, until the first result. peak memory: of "
		"the whole\n"
		"process so far.\n"
		"--op: executions are enqueued in blocks with one finish, implementations take turns, weights are "
		"packed\n"
		"as in a model; GFLOP/s and GB/s of the median sample. All run on the same memory: what fits into "
		"caches\n"
		"may exceed 100 % of the memory's peak. --impl NAME picks implementations (`*`, `?`); --no-check "
		"leaves out ref.\n"
		"`bench diff` exits with 1 if a test of B is slower than in A by more than the noise; unclear: the\n"
		"noise hides a tenth or more. Tests that were not run alike (another model, device, batch, K/V type,\n"
		"--fast on one side) are marked and do not count.",
	.groups = groups,
	.max_arguments = 3,
	.run = run,
	.measures = true,
	.streams = true,
};

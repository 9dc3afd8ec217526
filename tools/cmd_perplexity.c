/* SPDX-License-Identifier: MIT */
/* clade perplexity: how well a decoder predicts a text, in windows as Hugging Face's documentation slides them. */
#include "commands.h"
#include "input.h"
#include "model.h"

#include <clade/sampling.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tokens of one run where the caches hold what was before: bounds the memory of the logits. */
enum { PIECE = 512 };

struct job {
	struct tool *tool;
	struct model model;
	struct entry_chain chain;
	struct clade_tokenizer *tokenizer;
	struct clade_device *device;
	struct clade_session *session;
	const char *positions; /* the entry's input of positions, NULL: none */
	int32_t *ids;
	size_t count;
	int64_t context, stride;
	float *logits;
	size_t logits_bytes;
	double total; /* negative log-likelihoods, as counted */
	int64_t counted;
};

/* ---- what the model takes ---- */

static bool is_positions(const char *name)
{
	static const char *const names[] = { "position_ids", "positions", "pos" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static enum clade_status fail_model(struct job *job, const char *rule, const char *word)
{
	return clade_fail(&job->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_PERPLEXITY, job->model.name,
			  "%s%s%s; perplexity needs a decoder: one entry with input_ids and logits", rule,
			  word != NULL ? " " : "", word != NULL ? word : "");
}

static enum clade_status scan_entry(struct job *job)
{
	struct clade_graph_port port;
	bool has_ids = false, has_logits = false;
	const char *entry = job->chain.names[0];
	struct clade_graph_totals totals;
	clade_graph_get_totals(job->model.graph, &totals);
	if (job->model.family[0] != '\0' && totals.states == 0)
		return fail_model(job,
				  "sees each token's successors, as a model of the family does:", job->model.family);
	if (job->chain.count != 1)
		return fail_model(job, "has an encoder before entry", job->chain.names[job->chain.count - 1]);
	for (size_t i = 0; clade_graph_input(job->model.graph, entry, i, &port); i++) {
		if (strcmp(port.name, "input_ids") == 0)
			has_ids = true;
		else if (is_positions(port.name))
			job->positions = port.name;
		else if (!port.optional)
			return fail_model(job, "asks for an input that is not known here:", port.name);
	}
	for (size_t i = 0; clade_graph_output(job->model.graph, entry, i, &port); i++)
		has_logits |= strcmp(port.name, "logits") == 0;
	return has_ids && has_logits ? CLADE_OK : fail_model(job, "has no input_ids or no logits", NULL);
}

static enum clade_status find_windows(struct job *job)
{
	const struct options *options = &job->tool->options;
	job->context = options->context > 0 ? options->context : model_context(&job->model);
	if (job->context <= 0)
		return fail_usage(job->tool, CLADE_MSG_TOOL_PERPLEXITY, "--context",
				  "is needed: the model states no context length");
	job->stride = options->stride > 0 ? options->stride : job->context;
	if (job->context < 2 || job->stride > job->context)
		return fail_usage(job->tool, CLADE_MSG_TOOL_PERPLEXITY, "--stride",
				  "is %" PRId64 " with windows of %" PRId64
				  " tokens; 1 <= stride <= context and context >= 2 are needed",
				  job->stride, job->context);
	return CLADE_OK;
}

static enum clade_status read_ids(struct job *job)
{
	struct tool *tool = job->tool;
	char *text = NULL;
	size_t bytes;
	enum clade_status status = read_text(tool, tool->arguments[1], &text, &bytes);
	if (status == CLADE_OK)
		status = clade_tokenizer_encode(job->tokenizer, text, bytes, true, &job->ids, &job->count, &tool->diag);
	free(text);
	if (status == CLADE_OK && job->count < 2)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_PERPLEXITY, tool->arguments[1],
				    "gives %zu tokens; at least 2 are needed, of which the first is not predicted",
				    job->count);
	return status;
}

/* ---- computing ---- */

static enum clade_status read_logits(struct job *job, int64_t rows, int64_t *out_vocabulary)
{
	struct clade_diag *diag = &job->tool->diag;
	struct clade_type type;
	char text[128];
	size_t bytes;
	enum clade_status status = clade_session_output(job->session, "logits", &type, NULL, diag);
	if (status != CLADE_OK)
		return status;
	if (type.dtype != CLADE_F32 || type.rank != 3 || type.dims[0] != 1 || type.dims[1] != rows ||
	    !clade_type_bytes(&type, &bytes))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_PERPLEXITY, job->model.name,
				  "logits are %s; f32[1, %" PRId64 ", vocabulary] is needed",
				  clade_type_text(&type, text, sizeof(text)), rows);
	if (bytes > job->logits_bytes) {
		free(job->logits);
		job->logits_bytes = 0;
		job->logits = malloc(bytes);
		if (job->logits == NULL)
			return clade_fail_memory(diag, bytes, "logits");
		job->logits_bytes = bytes;
	}
	*out_vocabulary = type.dims[2];
	return clade_session_output(job->session, "logits", &type, job->logits, diag);
}

/* Runs tokens [from, from + count) of a window that begins at `begin` and adds to *nll what they say about their
 * successors that stand at `first` or behind and before `end`. */
static enum clade_status run_piece(struct job *job, int64_t begin, int64_t from, int64_t count, int64_t first,
				   int64_t end, double *nll)
{
	int32_t positions[PIECE];
	struct clade_type type = { CLADE_I32, 2, { 1, count } };
	struct clade_input inputs[2] = { { "input_ids", type, job->ids + from }, { job->positions, type, positions } };
	int64_t vocabulary = 0;
	struct clade_diag *diag = &job->tool->diag;
	for (int64_t i = 0; i < count && job->positions != NULL; i++)
		positions[i] = (int32_t)(from - begin + i);
	enum clade_status status =
		clade_session_run(job->session, job->chain.names[0], inputs, job->positions != NULL ? 2 : 1, diag);
	if (status == CLADE_OK)
		status = read_logits(job, count, &vocabulary);
	for (int64_t i = 0; i < count && status == CLADE_OK; i++) {
		int64_t target = from + i + 1;
		if (target < first || target >= end)
			continue;
		if (job->ids[target] >= vocabulary)
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_PERPLEXITY, job->model.name,
					  "the tokenizer gives id %d, but the logits are of %" PRId64 " tokens",
					  (int)job->ids[target], vocabulary);
		const float *logits = job->logits + i * vocabulary;
		double sum;
		status = clade_log_sum_exp(logits, (size_t)vocabulary, &sum, &job->tool->diag);
		*nll += sum - (double)logits[job->ids[target]];
	}
	return status;
}

static enum clade_status run_window(struct job *job, int64_t begin, int64_t end, int64_t first, double *nll)
{
	int64_t step = job->positions != NULL ? PIECE : end - begin;
	enum clade_status status = clade_session_reset(job->session, &job->tool->diag);
	*nll = 0;
	for (int64_t from = begin; from < end && status == CLADE_OK; from += step)
		status = run_piece(job, begin, from, end - from < step ? end - from : step, first, end, nll);
	return status;
}

/* A window's mean over the tokens that no window before has predicted counts as often as there are such tokens, less
 * one: what Hugging Face's recipe does, where the first of them is predicted only if the window overlaps. */
static enum clade_status run_windows(struct job *job)
{
	int64_t count = (int64_t)job->count, before = 0, end;
	bool progress = !job->tool->options.quiet && isatty(2);
	enum clade_status status = CLADE_OK;
	for (int64_t begin = 0; status == CLADE_OK; begin += job->stride) {
		double nll;
		end = count - begin < job->context ? count : begin + job->context;
		int64_t first = before > begin ? before : begin + 1, fresh = end - before;
		status = run_window(job, begin, end, first, &nll);
		if (status == CLADE_OK && fresh > 1) {
			job->total += nll / (double)(end - first) * (double)(fresh - 1);
			job->counted += fresh - 1;
		}
		before = end;
		if (progress)
			fprintf(stderr, "\r%" PRId64 " of %" PRId64 " tokens%s", end, count, end == count ? "\n" : "");
		if (end == count)
			break;
	}
	return status;
}

static enum clade_status report(const struct job *job)
{
	double nll = job->total / (double)job->counted;
	if (job->tool->options.json)
		return print_json(json_pack("{s:I, s:o, s:o, s:I, s:I}", "tokens", (json_int_t)job->counted, "nll",
					    json_number(nll), "perplexity", json_number(exp(nll)), "context",
					    (json_int_t)job->context, "stride", (json_int_t)job->stride),
				  &job->tool->diag);
	printf("perplexity %.6g\nnll %.9g\ntokens %" PRId64 "\n", exp(nll), nll, job->counted);
	return CLADE_OK;
}

static enum clade_status run_job(struct job *job)
{
	struct tool *tool = job->tool;
	enum clade_status status = model_open(tool, &job->model);
	if (status == CLADE_OK)
		status = model_entries(tool, &job->model, &job->chain);
	if (status == CLADE_OK)
		status = scan_entry(job);
	if (status == CLADE_OK)
		status = find_windows(job);
	if (status == CLADE_OK)
		status = model_need_tokenizer(tool, &job->model, &job->tokenizer);
	if (status == CLADE_OK)
		status = read_ids(job);
	if (status == CLADE_OK) {
		int64_t rows = (int64_t)job->count < job->context ? (int64_t)job->count : job->context;
		status = model_session(tool, &job->model, rows, false, false, &job->device, &job->session);
	}
	if (status == CLADE_OK)
		status = run_windows(job);
	if (status == CLADE_OK)
		status = model_lock(tool, job->session);
	return status == CLADE_OK ? report(job) : status;
}

static enum clade_status run(struct tool *tool)
{
	struct job job = { .tool = tool };
	enum clade_status status = run_job(&job);
	free(job.logits);
	clade_free(tool->context, job.ids);
	clade_session_destroy(&job.session);
	clade_device_unref(&job.device);
	clade_tokenizer_destroy(&job.tokenizer);
	model_close(&job.model);
	return status;
}

static const struct option own_options[] = {
	{ "stride", "N", "tokens from one window's begin to the next's (default: the context)", take_integer,
	  offsetof(struct options, stride), 0, 1, 1 << 30 },
	{ "entry", "NAME", "the entry that makes logits (default: the last)", take_text,
	  offsetof(struct options, entry) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,     options_lock, options_model,  options_device,
					       options_choices, options_json, options_common, NULL };
const struct command command_perplexity = {
	.name = "perplexity",
	.arguments = "MODEL FILE",
	.summary = "how well a decoder predicts a text",
	.details =
		"FILE is a text (-: stdin), encoded with the tokenizer's special tokens. Windows of --context tokens\n"
		"(default: the model's) begin every --stride tokens and see nothing before their begin; in each, the\n"
		"tokens that no window before has reached are predicted, the very first of a window never. As in the\n"
		"sliding window of Hugging Face's documentation, a window's mean counts as often as it has new\n"
		"tokens, less one. perplexity = exp(nll); nll is the mean negative log-likelihood in nats.",
	.groups = groups,
	.min_arguments = 2,
	.max_arguments = 2,
	.run = run,
};

/* SPDX-License-Identifier: MIT */
/* clade generate: text from a prompt, streamed; many prompts in batches. */
#include "commands.h"
#include "generate.h"
#include "input.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 32 };

struct job {
	struct tool *tool;
	struct model model;
	struct clade_tokenizer *tokenizer;
	struct clade_device *device;
	struct clade_session *session;
	struct generator generator;
	char *text; /* the prompts' text; rows point nowhere into it */
	struct row *rows;
	size_t row_count;
	bool lines;                    /* one answer a line */
	struct clade_decoder *decoder; /* a single prompt's, streaming */
};

/* ---- prompts ---- */

static enum clade_status add_row(struct job *job, int32_t *ids, size_t count)
{
	struct row *grown = realloc(job->rows, (job->row_count + 1) * sizeof(*job->rows));
	if (grown == NULL) {
		free(ids);
		return clade_fail_memory(&job->tool->diag, sizeof(*grown), "a prompt");
	}
	job->rows = grown;
	job->rows[job->row_count++] = (struct row) { .prompt = ids, .prompt_count = count };
	return CLADE_OK;
}

static enum clade_status add_text(struct job *job, const char *text, size_t bytes)
{
	int32_t *ids, *copy;
	size_t count;
	if (job->tokenizer == NULL)
		return clade_fail(&job->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, job->model.name,
				  "has no tokenizer.json; give token ids by --ids and add --print-ids");
	enum clade_status status =
		clade_tokenizer_encode(job->tokenizer, text, bytes, true, &ids, &count, &job->tool->diag);
	if (status != CLADE_OK)
		return status;
	copy = malloc((count + 1) * sizeof(*copy));
	if (copy == NULL)
		status = clade_fail_memory(&job->tool->diag, count * sizeof(*copy), "a prompt");
	else
		memcpy(copy, ids, count * sizeof(*copy));
	clade_free(job->tool->context, ids);
	return status == CLADE_OK ? add_row(job, copy, count) : status;
}

static enum clade_status add_lines(struct job *job, const char *text, size_t bytes)
{
	const char *at = text, *end = text + bytes;
	enum clade_status status = CLADE_OK;
	while (at < end && status == CLADE_OK) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline != NULL ? newline : end;
		size_t length = (size_t)(stop - at);
		if (length > 0 && at[length - 1] == '\r')
			length--;
		status = add_text(job, at, length);
		at = stop + 1;
	}
	return status;
}

static enum clade_status count_sources(struct job *job)
{
	const struct options *o = &job->tool->options;
	const char *const given[] = { o->prompt, o->prompt_file, o->lines, o->ids };
	size_t count = 0;
	for (size_t i = 0; i < 4; i++)
		count += given[i] != NULL;
	if (count > 1)
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, "--prompt",
				  "only one of --prompt, --prompt-file, --lines and --ids can be given");
	if (count == 0 && isatty(0))
		return fail_usage(
			job->tool, CLADE_MSG_TOOL_OPTION, "--prompt",
			"is missing; give --prompt TEXT, --prompt-file F, --lines F, --ids 1,2,3 or a text on "
			"stdin");
	return CLADE_OK;
}

static enum clade_status read_prompts(struct job *job)
{
	const struct options *options = &job->tool->options;
	size_t bytes, count;
	int32_t *ids;
	enum clade_status status = count_sources(job);
	if (status != CLADE_OK)
		return status;
	if (options->ids != NULL) {
		status = parse_ids(job->tool, "--ids", options->ids, &ids, &count);
		return status == CLADE_OK ? add_row(job, ids, count) : status;
	}
	if (options->prompt != NULL)
		return add_text(job, options->prompt, strlen(options->prompt));
	job->lines = options->lines != NULL;
	const char *path = job->lines ? options->lines : options->prompt_file != NULL ? options->prompt_file : "-";
	status = read_text(job->tool, path, &job->text, &bytes);
	if (status != CLADE_OK)
		return status;
	if (job->lines)
		return add_lines(job, job->text, bytes);
	if (bytes > 0 && job->text[bytes - 1] == '\n') /* the last line's end is the file's, not the prompt's */
		bytes -= bytes > 1 && job->text[bytes - 2] == '\r' ? 2 : 1;
	return add_text(job, job->text, bytes);
}

/* Lengths against the context; an empty prompt of a decoder begins with the model's own start token. */
static enum clade_status check_prompts(struct job *job)
{
	const struct generator *g = &job->generator;
	for (size_t i = 0; i < job->row_count; i++) {
		struct row *row = &job->rows[i];
		if (g->has_encoder)
			continue;
		if (row->prompt_count == 0 && g->start >= 0)
			row->prompt[row->prompt_count++] = g->start;
		if (row->prompt_count == 0)
			return clade_fail(&job->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, "prompt",
					  "prompt %zu is empty; a decoder needs at least one token", i + 1);
		if (g->context > 0 && (int64_t)row->prompt_count > g->context)
			return clade_fail(&job->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, "prompt",
					  "prompt %zu has %zu tokens; the context holds %lld", i + 1, row->prompt_count,
					  (long long)g->context);
	}
	return CLADE_OK;
}

/* ---- answers ---- */

static void write_text(const struct job *job, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (job->lines && text[i] == '\n')
			fputs("\\n", stdout);
		else
			putchar(text[i]);
	}
}

/* A single prompt's tokens, as they are made. */
static enum clade_status stream_id(void *user, size_t row, int32_t id)
{
	struct job *job = user;
	const char *text;
	size_t bytes;
	if (job->lines)
		return CLADE_OK;
	if (job->tool->options.print_ids) {
		printf("%s%d", job->generator.new_tokens > 0 ? " " : "", (int)id);
	} else {
		enum clade_status status = clade_decoder_push(job->decoder, id, &text, &bytes, &job->tool->diag);
		if (status != CLADE_OK)
			return status;
		write_text(job, text, bytes);
	}
	return flush_stdout(&job->tool->diag);
}

static enum clade_status finish_stream(struct job *job)
{
	const char *text;
	size_t bytes;
	if (!job->tool->options.print_ids) {
		enum clade_status status = clade_decoder_finish(job->decoder, &text, &bytes, &job->tool->diag);
		if (status != CLADE_OK)
			return status;
		write_text(job, text, bytes);
	}
	putchar('\n');
	return flush_stdout(&job->tool->diag);
}

static enum clade_status print_row(struct job *job, const struct row *row)
{
	const char *text;
	size_t bytes;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; i < row->count && status == CLADE_OK; i++) {
		if (job->tool->options.print_ids) {
			printf("%s%d", i > 0 ? " " : "", (int)row->ids[i]);
			continue;
		}
		status = clade_decoder_push(job->decoder, row->ids[i], &text, &bytes, &job->tool->diag);
		if (status == CLADE_OK)
			write_text(job, text, bytes);
	}
	return status == CLADE_OK ? finish_stream(job) : status;
}

static void print_progress(const struct job *job, size_t done)
{
	if (job->lines && !job->tool->options.quiet && isatty(2))
		fprintf(stderr, "\r%zu of %zu%s", done, job->row_count, done == job->row_count ? "\n" : "");
}

static enum clade_status answer(struct job *job)
{
	int64_t wanted = job->tool->options.batch > 0 ? job->tool->options.batch : BATCH;
	size_t batch = job->row_count < (size_t)wanted ? job->row_count : (size_t)wanted;
	enum clade_status status = CLADE_OK;
	for (size_t from = 0; from < job->row_count && status == CLADE_OK; from += batch) {
		size_t count = job->row_count - from < batch ? job->row_count - from : batch;
		status = generator_run(&job->generator, job->rows + from, count, batch, stream_id, job);
		bool partial = status == CLADE_ERR_CANCELLED; /* what was made is shown */
		if (status != CLADE_OK && !partial)
			break;
		enum clade_status shown = job->lines ? CLADE_OK : finish_stream(job);
		for (size_t i = 0; i < count && job->lines && shown == CLADE_OK; i++)
			shown = print_row(job, &job->rows[from + i]);
		status = shown != CLADE_OK ? shown : status;
		print_progress(job, from + count);
	}
	return status;
}

static void print_stats(const struct job *job)
{
	const struct generator *g = &job->generator;
	fprintf(stderr, "prompt: %llu tokens in %.3f s, %.1f tokens/s\n", (unsigned long long)g->prompt_tokens,
		g->prompt_seconds, g->prompt_seconds > 0 ? (double)g->prompt_tokens / g->prompt_seconds : 0.0);
	/* the first new token of each row comes out of the prompt's run */
	uint64_t first = g->new_tokens < job->row_count ? g->new_tokens : job->row_count;
	uint64_t later = g->new_tokens - first;
	fprintf(stderr, "generation: %llu tokens, %llu of them in %.3f s, %.1f tokens/s\n",
		(unsigned long long)g->new_tokens, (unsigned long long)later, g->new_seconds,
		g->new_seconds > 0 ? (double)later / g->new_seconds : 0.0);
}

static enum clade_status generate(struct job *job)
{
	struct tool *tool = job->tool;
	size_t longest = 1;
	enum clade_status status = model_open(tool, &job->model);
	if (status == CLADE_OK && tool->options.temperature != 0)
		status = fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--temp",
				    "only 0 (greedy) is available in this version");
	if (status == CLADE_OK)
		status = generator_init(tool, &job->model, &job->generator);
	bool only_ids =
		tool->options.ids != NULL && tool->options.print_ids; /* needs no tokenizer, even a broken one */
	if (status == CLADE_OK && !only_ids)
		status = model_tokenizer(tool, &job->model, &job->tokenizer);
	if (status == CLADE_OK)
		status = read_prompts(job);
	if (status == CLADE_OK && job->tokenizer == NULL && !tool->options.print_ids)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, job->model.name,
				    "has no tokenizer.json to make text with; add --print-ids");
	if (status == CLADE_OK)
		status = check_prompts(job);
	if (status == CLADE_OK && job->tokenizer != NULL)
		status = clade_decoder_create(job->tokenizer, true, &job->decoder, &tool->diag);
	for (size_t i = 0; i < job->row_count; i++)
		longest = job->rows[i].prompt_count > longest ? job->rows[i].prompt_count : longest;
	if (status == CLADE_OK)
		status = model_session(tool, &job->model, generator_capacity(&job->generator, longest), false, false,
				       &job->device, &job->session);
	job->generator.session = job->session;
	if (status == CLADE_OK)
		status = answer(job);
	if (tool->options.stats && (status == CLADE_OK || status == CLADE_ERR_CANCELLED))
		print_stats(job);
	return status == CLADE_OK ? model_lock(tool, job->session) : status;
}

static enum clade_status run(struct tool *tool)
{
	struct job job = { .tool = tool };
	enum clade_status status = generate(&job);
	for (size_t i = 0; i < job.row_count; i++) {
		free(job.rows[i].prompt);
		free(job.rows[i].ids);
	}
	free(job.rows);
	free(job.text);
	clade_decoder_destroy(&job.decoder);
	clade_tokenizer_destroy(&job.tokenizer);
	clade_session_destroy(&job.session);
	clade_device_unref(&job.device);
	model_close(&job.model);
	return status;
}

#define AT(field) offsetof(struct options, field)
static const struct option own_options[] = {
	{ "prompt", "TEXT", "the prompt (an encoder-decoder's source)", take_text, AT(prompt) },
	{ "prompt-file", "F", "a file that is one prompt", take_text, AT(prompt_file) },
	{ "lines", "F", "one prompt a line, answered one a line in order (-: stdin)", take_text, AT(lines) },
	{ "ids", "1,2,3", "token ids, used exactly as given", take_text, AT(ids) },
	{ "max-tokens", "N", "new tokens at most (default: until the end token or the context is full)", take_integer,
	  AT(count), 'n', 0, 1 << 30 },
	{ "temp", "T", "0: greedy, the only way in this version", take_number, AT(temperature), 0, 0, 1e9 },
	{ "ignore-eos", NULL, "go on behind the end token", take_flag, AT(ignore_eos) },
	{ "print-ids", NULL, "print the new ids instead of text", take_flag, AT(print_ids) },
	{ "batch", "B", "prompts answered at once with --lines (32)", take_integer, AT(batch), 0, 1, 4096 },
	{ "stats", NULL, "tokens per second on stderr", take_flag, AT(stats) },
	{ "entry", "NAME", "the entry that makes logits, after those it needs (default: the last)", take_text,
	  AT(entry) },
	{ "lock", "FILE", "write the choices made as a lock file", take_text, AT(lock) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,     options_model,  options_device,
					       options_choices, options_common, NULL };
const struct command command_generate = {
	.name = "generate",
	.arguments = "MODEL",
	.summary = "make text from a prompt",
	.details = "Streams the new text only. Without a prompt option, reads stdin when it is not a terminal.",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
	.streams = true,
};

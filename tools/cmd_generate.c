/* SPDX-License-Identifier: MIT */
/* clade generate: text from a prompt, streamed; many prompts in batches. */
#include "chat.h"
#include "commands.h"
#include "generate.h"
#include "input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { BATCH = 32, MOST_BEAMS = 256 };

struct job {
	struct tool *tool;
	struct model model;
	struct clade_tokenizer *tokenizer;
	struct clade_device *device;
	struct clade_session *session;
	struct generator generator;
	bool chats; /* prompts go through the model's chat template */
	struct chat chat;
	char *text; /* the prompts' text; rows point nowhere into it */
	struct row *rows;
	size_t row_count;
	bool lines;             /* one answer a line */
	struct answer *answers; /* one for each row of a batch */
	size_t answer_count;
};

/* A row's way from ids to text. */
struct answer {
	struct clade_decoder *decoder; /* NULL: only ids are wanted */
	struct clade_stops *stops;     /* NULL: none */
	char *text;                    /* of one of several lines, until its turn comes */
	size_t bytes, room;
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

static enum clade_status add_encoded(struct job *job, const char *text, size_t bytes, bool special)
{
	int32_t *ids;
	size_t count;
	if (job->tokenizer == NULL)
		return clade_fail(&job->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, job->model.name,
				  "has no tokenizer; give token ids by --ids and add --print-ids");
	enum clade_status status = encode_text(job->tool, job->tokenizer, text, bytes, special, &ids, &count);
	return status == CLADE_OK ? add_row(job, ids, count) : status;
}

/* A user's text (NULL: the messages of a file); a template writes its special tokens itself. */
static enum clade_status add_text(struct job *job, const char *text, size_t bytes)
{
	char *prompt = NULL;
	if (!job->chats)
		return add_encoded(job, text, bytes, true);
	enum clade_status status = chat_render(job->tool, &job->chat, text, bytes, &prompt, &bytes);
	if (status == CLADE_OK)
		status = add_encoded(job, prompt, bytes, false);
	clade_free(job->tool->context, prompt);
	return status;
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
	const char *const given[] = { o->prompt, o->prompt_file, o->lines, o->ids, o->messages };
	size_t count = 0;
	for (size_t i = 0; i < 5; i++)
		count += given[i] != NULL;
	if (count > 1)
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, "--prompt",
				  "only one of --prompt, --prompt-file, --lines, --ids and --messages can be given");
	if (o->ids != NULL && job->chats)
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, "--ids",
				  "are used exactly as given; --chat and --system are for texts");
	if (o->date != NULL && !job->chats)
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, "--date",
				  "is told to chat templates; add --chat, --system or --messages");
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
		if (status == CLADE_OK && count == 0) {
			free(ids);
			status = fail_usage(job->tool, CLADE_MSG_TOOL_VALUE, "--ids",
					    "holds no id, and nothing is added to ids; they are written 1,2,3");
		}
		return status == CLADE_OK ? add_row(job, ids, count) : status;
	}
	if (options->messages != NULL)
		return add_text(job, NULL, 0);
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

static enum clade_status keep_text(struct job *job, struct answer *answer, const char *text, size_t bytes)
{
	if (answer->bytes + bytes > answer->room) {
		size_t room = (answer->bytes + bytes) * 2 + 64;
		char *grown = realloc(answer->text, room);
		if (grown == NULL)
			return clade_fail_memory(&job->tool->diag, room, "an answer");
		answer->text = grown;
		answer->room = room;
	}
	if (bytes > 0)
		memcpy(answer->text + answer->bytes, text, bytes);
	answer->bytes += bytes;
	return CLADE_OK;
}

/* Decoded text on its way out: what may begin a stop string stays back, the rest is written or kept. */
static enum clade_status pass_on(struct job *job, struct answer *answer, const char *text, size_t bytes, bool *out_stop)
{
	if (answer->stops != NULL) {
		enum clade_status status =
			clade_stops_push(answer->stops, text, bytes, &text, &bytes, out_stop, &job->tool->diag);
		if (status != CLADE_OK)
			return status;
	}
	if (job->tool->options.print_ids)
		return CLADE_OK;
	if (job->lines)
		return keep_text(job, answer, text, bytes);
	write_text(job, text, bytes);
	return CLADE_OK;
}

/* A new id of a row; a single prompt's is shown at once. */
static enum clade_status take_id(void *user, size_t row, int32_t id, bool *out_stop)
{
	struct job *job = user;
	struct answer *answer = &job->answers[row];
	const char *text;
	size_t bytes;
	enum clade_status status = CLADE_OK;
	if (job->tool->options.print_ids && !job->lines)
		printf("%s%d", job->generator.new_tokens > 0 ? " " : "", (int)id);
	if (answer->decoder != NULL)
		status = clade_decoder_push(answer->decoder, id, &text, &bytes, &job->tool->diag);
	if (answer->decoder != NULL && status == CLADE_OK)
		status = pass_on(job, answer, text, bytes, out_stop);
	return status == CLADE_OK && !job->lines ? flush_stdout(&job->tool->diag) : status;
}

/* The end of a row's answer and its newline; of several rows all of it. */
static enum clade_status finish_row(struct job *job, const struct row *row, struct answer *answer)
{
	const char *text;
	size_t bytes;
	bool stopped = false;
	if (answer->decoder != NULL) {
		enum clade_status status = clade_decoder_finish(answer->decoder, &text, &bytes, &job->tool->diag);
		if (status == CLADE_OK)
			status = pass_on(job, answer, text, bytes, &stopped);
		if (status == CLADE_OK && answer->stops != NULL) {
			clade_stops_finish(answer->stops, &text, &bytes);
			if (!job->tool->options.print_ids)
				status = job->lines ? keep_text(job, answer, text, bytes)
						    : (write_text(job, text, bytes), CLADE_OK);
		}
		if (status != CLADE_OK)
			return status;
	}
	for (size_t i = 0; i < row->count && job->lines && job->tool->options.print_ids; i++)
		printf("%s%d", i > 0 ? " " : "", (int)row->ids[i]);
	write_text(job, answer->text, answer->bytes);
	answer->bytes = 0;
	putchar('\n');
	return flush_stdout(&job->tool->diag);
}

static size_t batch_rows(const struct job *job)
{
	int64_t wanted = job->tool->options.batch > 0 ? job->tool->options.batch : BATCH;
	if (job->generator.beams > 1)
		return 1; /* the batch is the beams */
	return job->row_count < (size_t)wanted ? job->row_count : (size_t)wanted;
}

/* Decoders and stop strings for the rows of a batch. */
static enum clade_status prepare_answers(struct job *job, size_t count)
{
	const struct options *o = &job->tool->options;
	enum clade_status status = CLADE_OK;
	if (o->stops.count > 0 && job->tokenizer == NULL)
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, "--stop",
				  "needs the model's tokenizer, which is not there");
	job->answers = calloc(count + 1, sizeof(*job->answers));
	if (job->answers == NULL)
		return clade_fail_memory(&job->tool->diag, count * sizeof(*job->answers), "answers");
	job->answer_count = count;
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		struct answer *answer = &job->answers[i];
		if (!o->print_ids || o->stops.count > 0)
			status = clade_decoder_create(job->tokenizer, true, &answer->decoder, &job->tool->diag);
		if (status == CLADE_OK && o->stops.count > 0)
			status = clade_stops_create(job->tool->context, o->stops.items, o->stops.count, &answer->stops,
						    &job->tool->diag);
		if (status == CLADE_ERR_USAGE)
			snprintf(job->tool->diag.where, sizeof(job->tool->diag.where), "--stop");
	}
	return status;
}

static void finish_answers(struct job *job)
{
	for (size_t i = 0; i < job->answer_count; i++) {
		clade_decoder_destroy(&job->answers[i].decoder);
		clade_stops_destroy(&job->answers[i].stops);
		free(job->answers[i].text);
	}
	free(job->answers);
}

/* The sampler of the command line. A draw without --seed takes one from the system and says it. */
static enum clade_status make_sampler(struct job *job)
{
	const struct options *o = &job->tool->options;
	struct clade_sampling sampling;
	clade_sampling_default(&sampling);
	sampling.repetition_penalty = o->repeat_penalty;
	sampling.presence_penalty = o->presence_penalty;
	sampling.frequency_penalty = o->frequency_penalty;
	sampling.temperature = o->temperature;
	sampling.top_k = o->top_k;
	sampling.top_p = o->top_p;
	sampling.min_p = o->min_p;
	sampling.seed = (uint64_t)o->seed;
	if (o->seed < 0 && o->temperature > 0) {
		uint32_t fresh;
		if (getrandom(&fresh, sizeof(fresh), 0) != (ssize_t)sizeof(fresh))
			return clade_fail(&job->tool->diag, CLADE_ERR_IO, CLADE_MSG_SAMPLING, "--seed",
					  "the system gave no random number; give one");
		sampling.seed = fresh;
		print_note(job->tool, "seed %lu (the same text again: --seed %lu)", (unsigned long)fresh,
			   (unsigned long)fresh);
	}
	return clade_sampler_create(job->tool->context, &sampling, &job->generator.sampler, &job->tool->diag);
}

/* Beam search as the command line says, else generation_config.json. */
static enum clade_status set_beams(struct job *job)
{
	static const char *const words[] = { "false", "true", "never", NULL };
	const struct options *o = &job->tool->options;
	struct generator *g = &job->generator;
	struct clade_meta meta;
	g->beams = o->beams > 0 ? (size_t)o->beams : 1;
	if (o->beams == 0 && generation_meta(&job->model, "num_beams", &meta) && meta.i > 1)
		print_note(job->tool, "one beam; the model's generation_config.json asks for %lld (--beams %lld)",
			   (long long)meta.i, (long long)meta.i);
	g->length_penalty = generation_meta(&job->model, "length_penalty", &meta) ? meta.f : 1;
	if (generation_meta(&job->model, "early_stopping", &meta))
		g->early = meta.kind == CLADE_META_STRING ? EARLY_NEVER : meta.i != 0 ? EARLY_TRUE : EARLY_FALSE;
	if (!isnan(o->length_penalty))
		g->length_penalty = o->length_penalty;
	for (size_t i = 0; o->early_stopping != NULL; i++) {
		if (words[i] == NULL)
			return fail_usage(job->tool, CLADE_MSG_TOOL_VALUE, "--early-stopping",
					  "is \"%s\"; false, true or never", o->early_stopping);
		if (strcmp(o->early_stopping, words[i]) != 0)
			continue;
		g->early = (enum early_stopping)i;
		break;
	}
	if (g->beams == 1 && (!isnan(o->length_penalty) || o->early_stopping != NULL))
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, "--length-penalty",
				  "and --early-stopping are for beam search; add --beams B");
	if (g->beams > 1 && (o->temperature != 0 || o->repeat_penalty != 1 || o->presence_penalty != 0 ||
			     o->frequency_penalty != 0 || o->top_k != 0 || o->top_p != 1 || o->min_p != 0))
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, "--beams",
				  "looks for the likeliest text; it goes with no temperature, filter or penalty");
	if (g->beams > 1 && o->batch > 0)
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, "--batch",
				  "is for one beam; with --beams the beams are the batch");
	return CLADE_OK;
}

static void print_progress(const struct job *job, size_t done)
{
	if (job->lines && !job->tool->options.quiet && isatty(2))
		fprintf(stderr, "\r%zu of %zu%s", done, job->row_count, done == job->row_count ? "\n" : "");
}

static enum clade_status answer(struct job *job)
{
	size_t batch = batch_rows(job);
	enum clade_status status = CLADE_OK;
	for (size_t from = 0; from < job->row_count && status == CLADE_OK; from += batch) {
		size_t count = job->row_count - from < batch ? job->row_count - from : batch;
		job->generator.first_row = from;
		status = job->generator.beams > 1
				 ? beam_run(&job->generator, job->rows + from, 0, take_id, job)
				 : generator_run(&job->generator, job->rows + from, count, batch, take_id, job);
		bool partial = status == CLADE_ERR_CANCELLED; /* what was made is shown */
		if (status != CLADE_OK && !partial)
			break;
		enum clade_status shown = CLADE_OK;
		for (size_t i = 0; i < count && shown == CLADE_OK; i++)
			shown = finish_row(job, &job->rows[from + i], &job->answers[i]);
		status = shown != CLADE_OK ? shown : status;
		print_progress(job, from + count);
	}
	return status;
}

static void print_stats(const struct job *job)
{
	const struct generator *g = &job->generator;
	struct clade_session_counters counters;
	clade_session_get_counters(job->session, &counters);
	fprintf(stderr, "setup: %.3f s for weights, memory and kernels\n", counters.setup_seconds);
	fprintf(stderr, "prompt: %llu tokens in %.3f s, %.1f tokens/s\n", (unsigned long long)g->prompt_tokens,
		g->prompt_seconds, g->prompt_seconds > 0 ? (double)g->prompt_tokens / g->prompt_seconds : 0.0);
	/* the first new token of each row comes out of the prompt's run */
	uint64_t first = g->new_tokens < job->row_count ? g->new_tokens : job->row_count;
	uint64_t later = g->new_tokens - first;
	fprintf(stderr, "generation: %llu tokens, %llu of them in %.3f s, %.1f tokens/s\n",
		(unsigned long long)g->new_tokens, (unsigned long long)later, g->new_seconds,
		g->new_seconds > 0 ? (double)later / g->new_seconds : 0.0);
}

/* Where the model's configuration names no end or start, the tokenizer's does. */
static enum clade_status take_special_tokens(struct job *job)
{
	struct generator *g = &job->generator;
	enum clade_status status = CLADE_OK;
	int32_t id;
	if (job->tokenizer != NULL && g->end_count == 0 && !job->tool->options.ignore_eos) {
		status = model_special(job->tool, &job->model, job->tokenizer, "eos_token", &id);
		if (status == CLADE_OK && id >= 0)
			g->ends[g->end_count++] = id;
	}
	if (job->tokenizer != NULL && g->start < 0 && status == CLADE_OK)
		status = model_special(job->tool, &job->model, job->tokenizer, "bos_token", &g->start);
	return status;
}

static enum clade_status generate(struct job *job)
{
	struct tool *tool = job->tool;
	size_t longest = 1;
	enum clade_status status = model_open(tool, &job->model);
	if (status == CLADE_OK)
		status = generator_init(tool, &job->model, &job->generator);
	if (status == CLADE_OK)
		status = set_beams(job);
	if (status == CLADE_OK)
		status = make_sampler(job);
	/* needs no tokenizer, even a broken one */
	bool only_ids = tool->options.ids != NULL && tool->options.print_ids && tool->options.stops.count == 0;
	if (status == CLADE_OK && !only_ids)
		status = model_tokenizer(tool, &job->model, &job->tokenizer);
	if (status == CLADE_OK)
		status = take_special_tokens(job);
	job->chats = tool->options.chat || tool->options.system != NULL || tool->options.messages != NULL;
	if (status == CLADE_OK && job->chats && tool->options.ids == NULL)
		status = chat_open(tool, &job->model, job->tokenizer, &job->chat);
	if (status == CLADE_OK)
		status = read_prompts(job);
	if (status == CLADE_OK && job->tokenizer == NULL && !tool->options.print_ids)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, job->model.name,
				    "has no tokenizer to make text with; add --print-ids");
	if (status == CLADE_OK)
		status = check_prompts(job);
	if (status == CLADE_OK)
		status = prepare_answers(job, batch_rows(job));
	for (size_t i = 0; i < job->row_count; i++)
		longest = job->rows[i].prompt_count > longest ? job->rows[i].prompt_count : longest;
	if (status == CLADE_OK)
		status = model_session(tool, &job->model, generator_capacity(&job->generator, longest), false, false,
				       &job->device, &job->session);
	job->generator.session = job->session;
	if (status == CLADE_OK && job->generator.limit != 1)
		clade_session_expect_steps(job->session);
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
	finish_answers(&job);
	chat_close(&job.chat);
	generator_finish(&job.generator);
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
	{ "chat", NULL, "put the prompt as a user's message through the model's chat template", take_flag, AT(chat) },
	{ "system", "TEXT", "a system message before it (implies --chat)", take_text, AT(system) },
	{ "messages", "F", "a JSON list of messages { role, content } instead of a prompt (-: stdin; implies --chat)",
	  take_text, AT(messages) },
	{ "date", "DAY", "what templates that ask for the date are told: 2026-01-31 (they get none otherwise)",
	  take_text, AT(date) },
	{ "max-tokens", "N", "new tokens at most (default: until the end token or the context is full)", take_integer,
	  AT(count), 'n', 0, 1 << 30 },
	{ "temp", "T", "temperature; 0 (default): always the likeliest token", take_number, AT(temperature), 0, 0,
	  1e9 },
	{ "top-k", "K", "draw from the K likeliest tokens (0: all)", take_integer, AT(top_k), 0, 0, 1 << 30 },
	{ "top-p", "P", "draw from the likeliest tokens that make up P (1: all)", take_number, AT(top_p), 0, 0, 1 },
	{ "min-p", "P", "leave out tokens less likely than P times the likeliest (0: none)", take_number, AT(min_p), 0,
	  0, 1 },
	{ "repeat-penalty", "R", "divide (below 0: multiply) by R the logits of tokens in prompt or answer (1: off)",
	  take_number, AT(repeat_penalty), 0, 1e-6, 1e6 },
	{ "presence-penalty", "X", "subtract X from the logits of tokens in the answer (0)", take_number,
	  AT(presence_penalty), 0, -1e6, 1e6 },
	{ "frequency-penalty", "X", "subtract X from a logit for each time that the token is in the answer (0)",
	  take_number, AT(frequency_penalty), 0, -1e6, 1e6 },
	{ "seed", "N", "of the draws: the same seed gives the same text on every device (default: a fresh one, told)",
	  take_integer, AT(seed), 0, 0, 9e18 },
	{ "stop", "S", "end before this string, which is not printed (repeatable)", take_words, AT(stops) },
	{ "beams", "B", "beam search with B beams (1: none)", take_integer, AT(beams), 0, 1, MOST_BEAMS },
	{ "length-penalty", "X",
	  "divide a beam's score by its length to the power of X (generation_config.json, else 1)", take_number,
	  AT(length_penalty), 0, -1e3, 1e3 },
	{ "early-stopping", "WORD", "when beam search ends: false, true or never (generation_config.json, else false)",
	  take_text, AT(early_stopping) },
	{ "ignore-eos", NULL, "go on behind the end token", take_flag, AT(ignore_eos) },
	{ "print-ids", NULL, "print the new ids instead of text", take_flag, AT(print_ids) },
	{ "batch", "B", "prompts answered at once with --lines (32)", take_integer, AT(batch), 0, 1, 4096 },
	{ "stats", NULL, "on stderr: what setting up took, then tokens per second of prompts and generation", take_flag,
	  AT(stats) },
	{ "entry", "NAME", "the entry that makes logits, after those it needs (default: the last)", take_text,
	  AT(entry) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,     options_lock,   options_model, options_device,
					       options_choices, options_common, NULL };
const struct command command_generate = {
	.name = "generate",
	.arguments = "MODEL",
	.summary = "make text from a prompt",
	.details = "Streams the new text only. Without a prompt option, reads stdin when it is not a terminal.\n"
		   "Logits pass, in this order: repeat penalty, presence and frequency penalty, temperature, top-k, "
		   "top-p, min-p.",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
	.streams = true,
};

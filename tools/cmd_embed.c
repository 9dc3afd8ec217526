/* SPDX-License-Identifier: MIT */
/* clade embed: a vector for each text, by an encoder's hidden states and a way of pooling them. */
#include "commands.h"
#include "input.h"
#include "pooling.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32 };

struct text {
	int32_t *ids;
	size_t count;
};

struct job {
	struct tool *tool;
	struct model model;
	struct clade_tokenizer *tokenizer;
	struct clade_device *device;
	struct clade_session *session;
	struct pooling pooling;
	const char *entry, *output;
	bool has_mask;
	int32_t pad;
	struct text *texts;
	size_t count, room;
	size_t *order;  /* of the texts, longest first: batches of like lengths */
	float *vectors; /* [count, width] */
	size_t width;
};

/* ---- the model ---- */

static const char *hidden_output(const struct clade_graph *graph, const char *entry)
{
	struct clade_graph_port port;
	for (size_t i = 0; clade_graph_output(graph, entry, i, &port); i++)
		if (strcmp(port.name, "last_hidden_state") == 0 || strcmp(port.name, "encoder_last_hidden_state") == 0)
			return port.name;
	return NULL;
}

static void search_entry(struct job *job)
{
	const struct clade_graph *graph = job->model.graph;
	const char *wanted = job->tool->options.entry;
	for (size_t i = 0; i < clade_graph_entry_count(graph) && job->output == NULL; i++) {
		job->entry = clade_graph_entry(graph, i);
		if (clade_graph_entry_after(graph, i) == NULL && (wanted == NULL || strcmp(wanted, job->entry) == 0))
			job->output = hidden_output(graph, job->entry);
	}
}

/* A model with a head, without it: "architecture=LlamaModel" for LlamaForCausalLM, as transformers' AutoModel takes it;
 * false if its class names no head. */
static bool headless(const struct model *model, char *out, size_t size)
{
	static const char *const heads[] = { "For", "LMHead" };
	struct clade_meta meta;
	if (!clade_graph_param(model->graph, "architecture", &meta) || meta.kind != CLADE_META_STRING)
		return false;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const char *head = strstr(meta.s, heads[i]);
		if (head != NULL && head > meta.s)
			return (size_t)snprintf(out, size, "architecture=%.*sModel", (int)(head - meta.s), meta.s) <
			       size;
	}
	return false;
}

static enum clade_status find_entry(struct job *job)
{
	const char *wanted = job->tool->options.entry;
	struct clade_graph_port port;
	char setting[128];
	bool has_ids = false;
	search_entry(job);
	if (job->output == NULL && job->model.family[0] != '\0' && headless(&job->model, setting, sizeof(setting))) {
		enum clade_status status = model_reopen(job->tool, &job->model, setting);
		if (status != CLADE_OK)
			return status;
		search_entry(job);
	}
	const struct clade_graph *graph = job->model.graph;
	if (job->output == NULL)
		return clade_fail(&job->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_EMBED, job->model.name,
				  "no first entry%s%s gives last_hidden_state or encoder_last_hidden_state, from which "
				  "texts are embedded",
				  wanted != NULL ? " " : "", wanted != NULL ? wanted : "");
	for (size_t i = 0; clade_graph_input(graph, job->entry, i, &port); i++) {
		bool is_ids = strcmp(port.name, "input_ids") == 0, is_mask = strcmp(port.name, "attention_mask") == 0;
		has_ids |= is_ids;
		job->has_mask |= is_mask;
		if (!is_ids && !is_mask && !port.optional)
			return clade_fail(&job->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_EMBED,
					  job->model.name, "embed does not know how to fill input \"%s\" of entry %s",
					  port.name, job->entry);
	}
	if (!has_ids)
		return clade_fail(&job->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_EMBED, job->model.name,
				  "entry %s takes no input_ids", job->entry);
	return CLADE_OK;
}

/* Tokens that the model can take; 0: as many as there are. */
static int64_t token_limit(const struct job *job)
{
	int64_t limit = job->pooling.max_tokens, context = model_context(&job->model);
	return context > 0 && (limit <= 0 || context < limit) ? context : limit;
}

/* ---- texts ---- */

/* Takes from the text's own tokens what is too much, and keeps the special ones around them, as transformers does. */
static enum clade_status shorten(struct job *job, const char *text, size_t bytes, struct text *out, size_t limit)
{
	int32_t *plain;
	size_t count, before = 0;
	enum clade_status status =
		clade_tokenizer_encode(job->tokenizer, text, bytes, false, &plain, &count, &job->tool->diag);
	if (status != CLADE_OK)
		return status;
	while (before + count <= out->count && memcmp(out->ids + before, plain, count * sizeof(*plain)) != 0)
		before++;
	size_t specials = out->count - count, kept = limit > specials ? limit - specials : 0;
	size_t after = before + count <= out->count ? out->count - before - count : 0;
	memmove(out->ids + before + kept, out->ids + before + count, after * sizeof(*plain));
	print_note(job->tool, "text %zu has %zu tokens; the model takes %zu: its end is left out", job->count + 1,
		   out->count, limit);
	out->count = before + kept + after;
	clade_free(job->tool->context, plain);
	return CLADE_OK;
}

static enum clade_status add_text(struct job *job, const char *text, size_t bytes)
{
	struct tool *tool = job->tool;
	int64_t limit = token_limit(job);
	if (job->count == job->room) {
		size_t room = job->room * 2 + 16;
		struct text *grown = realloc(job->texts, room * sizeof(*grown));
		if (grown == NULL)
			return clade_fail_memory(&tool->diag, room * sizeof(*grown), "texts");
		job->texts = grown;
		job->room = room;
	}
	struct text *added = &job->texts[job->count];
	*added = (struct text) { 0 };
	enum clade_status status =
		clade_tokenizer_encode(job->tokenizer, text, bytes, true, &added->ids, &added->count, &tool->diag);
	if (status == CLADE_OK && limit > 0 && added->count > (size_t)limit)
		status = shorten(job, text, bytes, added, (size_t)limit);
	if (status == CLADE_OK && added->count == 0)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_EMBED, "text",
				    "text %zu gives no tokens; a vector needs at least one", job->count + 1);
	if (status != CLADE_OK)
		clade_free(tool->context, added->ids);
	else
		job->count++;
	return status;
}

static enum clade_status add_lines(struct job *job)
{
	char *text;
	size_t bytes;
	enum clade_status status = read_text(job->tool, "-", &text, &bytes);
	const char *at = text, *end = text != NULL ? text + bytes : NULL;
	while (status == CLADE_OK && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline != NULL ? newline : end;
		size_t length = (size_t)(stop - at);
		if (length > 0 && at[length - 1] == '\r')
			length--;
		status = add_text(job, at, length);
		at = stop + 1;
	}
	free(text);
	return status;
}

/* --text, with the arguments behind MODEL; without it the lines on stdin. */
static enum clade_status read_texts(struct job *job)
{
	const struct tool *tool = job->tool;
	enum clade_status status = CLADE_OK;
	if (tool->options.texts.count == 0 && tool->argument_count > 1)
		return fail_usage(job->tool, CLADE_MSG_TOOL_OPTION, tool->arguments[1],
				  "one argument too many; texts are given by --text TEXT or as lines on stdin");
	if (tool->options.texts.count == 0)
		return add_lines(job);
	for (size_t i = 0; i < tool->options.texts.count && status == CLADE_OK; i++)
		status = add_text(job, tool->options.texts.items[i], strlen(tool->options.texts.items[i]));
	for (size_t i = 1; i < tool->argument_count && status == CLADE_OK; i++)
		status = add_text(job, tool->arguments[i], strlen(tool->arguments[i]));
	return status;
}

static int compare_lengths(const void *a, const void *b, void *user)
{
	const struct text *texts = user;
	const size_t *x = a, *y = b;
	if (texts[*x].count != texts[*y].count)
		return texts[*x].count > texts[*y].count ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* ---- running ---- */

/* Texts order[from .. from + count) in a batch of `batch` rows; what is missing to it are rows of one token. */
static enum clade_status run_batch(struct job *job, size_t from, size_t count, size_t batch)
{
	size_t width = job->texts[job->order[from]].count;
	int32_t *ids = calloc(2 * batch * width, sizeof(*ids)), *mask = ids != NULL ? ids + batch * width : NULL;
	if (ids == NULL)
		return clade_fail_memory(&job->tool->diag, 2 * batch * width * sizeof(*ids), "a batch");
	for (size_t i = 0; i < batch; i++) {
		const struct text *text = i < count ? &job->texts[job->order[from + i]] : NULL;
		for (size_t k = 0; k < width; k++) {
			bool live = text != NULL ? k < text->count : k == 0;
			ids[i * width + k] = live && text != NULL ? text->ids[k] : job->pad;
			mask[i * width + k] = live;
		}
	}
	struct clade_type type = { CLADE_I32, 2, { (int64_t)batch, (int64_t)width } };
	struct clade_input inputs[2] = { { "input_ids", type, ids }, { "attention_mask", type, mask } };
	struct clade_diag *diag = &job->tool->diag;
	enum clade_status status = clade_session_reset(job->session, diag);
	if (status == CLADE_OK)
		status = clade_session_run(job->session, job->entry, inputs, job->has_mask ? 2 : 1, diag);
	free(ids);
	return status;
}

static enum clade_status pool_batch(struct job *job, size_t from, size_t count, size_t batch)
{
	struct clade_diag *diag = &job->tool->diag;
	struct clade_type type;
	size_t bytes, width = job->texts[job->order[from]].count;
	enum clade_status status = clade_session_output(job->session, job->output, &type, NULL, diag);
	if (status != CLADE_OK)
		return status;
	if (type.dtype != CLADE_F32 || type.rank != 3 || type.dims[0] != (int64_t)batch ||
	    type.dims[1] != (int64_t)width || !clade_type_bytes(&type, &bytes)) {
		char text[128];
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_EMBED, job->model.name,
				  "%s is %s; f32[%zu, %zu, width] is needed", job->output,
				  clade_type_text(&type, text, sizeof(text)), batch, width);
	}
	job->width = (size_t)type.dims[2];
	if (job->vectors == NULL)
		job->vectors = calloc(job->count * job->width + 1, sizeof(float));
	float *hidden = malloc(bytes + 1);
	status = hidden != NULL && job->vectors != NULL ? CLADE_OK : clade_fail_memory(diag, bytes, "hidden states");
	if (status == CLADE_OK)
		status = clade_session_output(job->session, job->output, &type, hidden, diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++)
		pooling_apply(&job->pooling, hidden + i * width * job->width, job->texts[job->order[from + i]].count,
			      job->width, job->vectors + job->order[from + i] * job->width);
	free(hidden);
	return status;
}

static enum clade_status run_all(struct job *job)
{
	int64_t wanted = job->tool->options.batch > 0 ? job->tool->options.batch : BATCH;
	size_t batch = job->count < (size_t)wanted ? job->count : (size_t)wanted;
	enum clade_status status = CLADE_OK;
	job->order = calloc(job->count + 1, sizeof(*job->order));
	if (job->order == NULL)
		return clade_fail_memory(&job->tool->diag, job->count * sizeof(*job->order), "texts");
	for (size_t i = 0; i < job->count; i++)
		job->order[i] = i;
	qsort_r(job->order, job->count, sizeof(*job->order), compare_lengths, job->texts);
	for (size_t from = 0; from < job->count && status == CLADE_OK; from += batch) {
		size_t count = job->count - from < batch ? job->count - from : batch;
		status = run_batch(job, from, count, batch);
		if (status == CLADE_OK)
			status = pool_batch(job, from, count, batch);
	}
	return status;
}

static enum clade_status report(const struct job *job)
{
	struct tool *tool = job->tool;
	struct clade_type all = { CLADE_F32, 2, { (int64_t)job->count, (int64_t)job->width } };
	struct clade_type one = { CLADE_F32, 1, { (int64_t)job->width } };
	if (tool->options.out != NULL)
		return clade_npy_write(tool->context, tool->options.out, &all, job->vectors, &tool->diag);
	if (tool->options.json) {
		print_array_json(&all, job->vectors);
		printf("\n");
		return CLADE_OK;
	}
	for (size_t i = 0; i < job->count; i++) {
		print_array_json(&one, job->vectors + i * job->width);
		printf("\n");
	}
	return CLADE_OK;
}

static enum clade_status run_job(struct job *job)
{
	struct tool *tool = job->tool;
	int64_t pad;
	enum clade_status status = model_open(tool, &job->model);
	if (status == CLADE_OK)
		status = pooling_init(tool, &job->model, &job->pooling);
	if (status == CLADE_OK)
		status = find_entry(job);
	if (status == CLADE_OK)
		status = model_need_tokenizer(tool, &job->model, &job->tokenizer);
	if (status == CLADE_OK)
		status = read_texts(job);
	if (status == CLADE_OK && job->count == 0)
		return CLADE_OK; /* no lines, no vectors */
	if (status == CLADE_OK && model_meta_item(&job->model, "pad_token_id", 0, &pad))
		job->pad = (int32_t)pad;
	if (status == CLADE_OK)
		status = model_session(tool, &job->model, tool->options.context, false, false, &job->device,
				       &job->session);
	if (status == CLADE_OK)
		status = run_all(job);
	if (status == CLADE_OK)
		status = model_lock(tool, job->session);
	return status == CLADE_OK ? report(job) : status;
}

static enum clade_status run(struct tool *tool)
{
	struct job job = { .tool = tool };
	enum clade_status status = run_job(&job);
	for (size_t i = 0; i < job.count; i++)
		clade_free(tool->context, job.texts[i].ids);
	free(job.texts);
	free(job.order);
	free(job.vectors);
	clade_session_destroy(&job.session);
	clade_device_unref(&job.device);
	clade_tokenizer_destroy(&job.tokenizer);
	model_close(&job.model);
	return status;
}

#define AT(field) offsetof(struct options, field)
static const struct option own_options[] = {
	{ "text", "TEXT", "a text (repeatable; else the lines on stdin)", take_words, AT(texts) },
	{ "pool", "WAY", "mean, cls or last (default: the model's 1_Pooling/config.json, else mean)", take_text,
	  AT(pool) },
	{ "normalize", NULL, "make vectors of length 1 (also where the model's modules.json says so)", take_flag,
	  AT(normalize) },
	{ "out", "FILE", "write all vectors as one .npy array [texts, width]", take_text, AT(out) },
	{ "batch", "B", "texts at once (32)", take_integer, AT(batch), 0, 1, 4096 },
	{ "entry", "NAME", "the entry that gives the hidden states (default: the first that does)", take_text,
	  AT(entry) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,     options_lock, options_model,  options_device,
					       options_choices, options_json, options_common, NULL };
const struct command command_embed = {
	.name = "embed",
	.arguments = "MODEL [TEXT...]",
	.summary = "a vector for each text",
	.details =
		"Prints one JSON array a line, in the order of the texts; more texts may follow --text TEXT. A text\n"
		"longer than the model takes (sentence_bert_config.json, positions) loses its end, and a note says "
		"so.",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1 << 20,
	.run = run,
};

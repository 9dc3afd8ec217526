/* SPDX-License-Identifier: MIT */
/* clade plot: attention weights and positional encodings as SVG. */
#include "commands.h"
#include "generate.h"
#include "heatmap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum clade_status write_page(struct tool *tool, const struct text_out *page)
{
	if (tool->options.output != NULL)
		return clade_file_write(tool->context, tool->options.output, page->text, page->bytes, &tool->diag);
	fwrite(page->text, 1, page->bytes, stdout);
	return flush_stdout(&tool->diag);
}

static enum clade_status draw(struct tool *tool, const struct heatmap_page *page)
{
	struct text_out out = { 0 };
	enum clade_status status = heatmap_draw(tool, page, &out);
	if (status == CLADE_OK)
		status = write_page(tool, &out);
	free(out.text);
	return status;
}

/* ---- positional-encoding ---- */

/* The op itself makes the table, on the device that was asked for. */
static enum clade_status run_positional(struct tool *tool, const struct model *model, const struct clade_type *type,
					float *table)
{
	struct clade_device *device = NULL;
	struct clade_session *session = NULL;
	struct clade_type given;
	struct clade_input x = { "x", *type, table };
	enum clade_status status = model_session(tool, model, 0, false, false, &device, &session);
	if (status == CLADE_OK)
		status = clade_session_run(session, "main", &x, 1, &tool->diag);
	if (status == CLADE_OK)
		status = clade_session_output(session, "y", &given, table, &tool->diag);
	clade_session_destroy(&session);
	clade_device_unref(&device);
	return status;
}

static enum clade_status plot_positional(struct tool *tool)
{
	const struct options *o = &tool->options;
	struct model model = { .name = "positional-encoding" };
	char text[512], title[160];
	size_t count = (size_t)o->length * (size_t)o->width;
	if (o->width % 2 != 0)
		return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--width",
				  "is %lld; sines and cosines come in pairs, so it must be even", (long long)o->width);
	if (o->prompt != NULL || o->ids != NULL || o->inputs.count > 0)
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION,
				  o->prompt != NULL ? "--prompt"
				  : o->ids != NULL  ? "--ids"
						    : "--in",
				  "belongs to `plot attention MODEL`; positions are the same for every text");
	float *table = calloc(count, sizeof(*table));
	if (table == NULL)
		return clade_fail_memory(&tool->diag, count * sizeof(*table), "the table");
	snprintf(text, sizeof(text),
		 "clade 1\nmodel \"positional_encoding\"\ndim T : run\nentry main {\n input x : f32[1, T, %lld]\n"
		 " output y : f32[T, %lld] = positional_encoding(x, layout = \"%s\", start = %lld, base = %.9g)\n}\n",
		 (long long)o->width, (long long)o->width, o->layout, (long long)o->start, o->base);
	struct clade_graph_params params = { .size = sizeof(params), .path = "positional-encoding", .text = text };
	enum clade_status status = clade_graph_create(tool->context, &params, &model.graph, &tool->diag);
	const struct clade_type type = { CLADE_F32, 3, { 1, o->length, o->width } };
	if (status == CLADE_OK)
		status = run_positional(tool, &model, &type, table);
	snprintf(title, sizeof(title), "Sinusoidal positional encoding, %lld positions, width %lld",
		 (long long)o->length, (long long)o->width);
	struct heatmap map = { "sin(p / base^(2i/d)), cos(p / base^(2i/d))", table, (size_t)o->width };
	struct heatmap_page page = {
		.title = title,
		.subtitle = strcmp(o->layout, "halves") == 0 ? "sines in the left half, cosines in the right half"
							     : "sines in even columns, cosines in odd columns",
		.row_axis = "position",
		.column_axis = "column",
		.rows = (size_t)o->length,
		.columns = (size_t)o->width,
		.low = -1,
		.high = 1,
		.diverging = true,
		.map_rows = 1,
		.map_columns = 1,
		.maps = &map,
	};
	if (status == CLADE_OK)
		status = draw(tool, &page);
	free(table);
	model_close(&model);
	return status;
}

/* ---- attention ---- */

/* Token ids of one side and what they are called. */
struct side {
	int32_t *ids;
	size_t count;
	char **labels;
};

/* One attention node's weights [heads, queries, keys] of the batch's first row. */
struct weights {
	const char *path;
	float *values;
	size_t heads, queries, keys, columns; /* columns: keys that are drawn */
	bool cross;
};

struct attention {
	struct tool *tool;
	struct model model;
	struct entry_chain chain;
	struct clade_tokenizer *tokenizer;
	struct clade_device *device;
	struct clade_session *session;
	struct side source, target; /* target: of a decoder behind an encoder */
	struct named_input {
		char name[256];
		struct array array;
	} * inputs; /* --in */
	struct weights *weights;
	size_t weight_count;
};

/* A token as a reader knows it: its text, or its name where it has none. */
static enum clade_status label_ids(struct attention *a, struct side *side)
{
	struct clade_decoder *decoder = NULL;
	enum clade_status status = CLADE_OK;
	side->labels = calloc(side->count + 1, sizeof(*side->labels));
	if (side->labels == NULL)
		return clade_fail_memory(&a->tool->diag, side->count, "labels");
	if (a->tokenizer != NULL)
		status = clade_decoder_create(a->tokenizer, true, &decoder, &a->tool->diag);
	for (size_t i = 0; i < side->count && status == CLADE_OK; i++) {
		struct text_out label = { 0 };
		const char *text, *token = NULL;
		size_t bytes;
		char number[16];
		for (int part = 0; a->tokenizer != NULL && part < 2 && status == CLADE_OK; part++) {
			status = part == 0 ? clade_decoder_push(decoder, side->ids[i], &text, &bytes, &a->tool->diag)
					   : clade_decoder_finish(decoder, &text, &bytes, &a->tool->diag);
			if (status == CLADE_OK)
				status = text_out_add(a->tool, &label, text, bytes);
		}
		if (status == CLADE_OK && label.bytes == 0) {
			snprintf(number, sizeof(number), "%d", (int)side->ids[i]);
			token = a->tokenizer != NULL ? clade_tokenizer_token(a->tokenizer, side->ids[i]) : NULL;
			token = token != NULL ? token : number;
			status = text_out_add(a->tool, &label, token, strlen(token));
		}
		side->labels[i] = label.text;
	}
	clade_decoder_destroy(&decoder);
	return status;
}

static enum clade_status read_prompt(struct attention *a)
{
	const struct options *o = &a->tool->options;
	enum clade_status status = model_tokenizer(a->tool, &a->model, &a->tokenizer);
	if (status != CLADE_OK)
		return status;
	if (o->ids != NULL)
		return parse_ids(a->tool, "--ids", o->ids, &a->source.ids, &a->source.count);
	if (o->prompt == NULL)
		return o->inputs.count > 0
			       ? CLADE_OK
			       : fail_usage(a->tool, CLADE_MSG_TOOL_OPTION, "--prompt",
					    "is missing; give --prompt TEXT, --ids 1,2,3 or --in NAME=VALUE");
	if (a->tokenizer == NULL)
		return clade_fail(&a->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, a->model.name,
				  "has no tokenizer; give token ids by --ids");
	return encode_text(a->tool, a->tokenizer, o->prompt, strlen(o->prompt), true, &a->source.ids, &a->source.count);
}

static enum clade_status ignore_id(void *user, size_t row, int32_t id, bool *out_stop)
{
	(void)user, (void)row, (void)id, (void)out_stop;
	return CLADE_OK;
}

/* What a decoder is shown: its start token and the greedy answer to the prompt (teacher forcing with its own words). */
static enum clade_status make_target(struct attention *a)
{
	struct generator generator;
	struct row row = { .prompt = a->source.ids, .prompt_count = a->source.count };
	struct clade_sampling greedy;
	enum clade_status status = generator_init(a->tool, &a->model, &generator);
	clade_sampling_default(&greedy);
	if (status == CLADE_OK)
		status = clade_sampler_create(a->tool->context, &greedy, &generator.sampler, &a->tool->diag);
	generator.session = a->session;
	if (status == CLADE_OK)
		status = generator_run(&generator, &row, 1, 1, ignore_id, NULL);
	a->target.ids = status == CLADE_OK ? calloc(row.count + 1, sizeof(*row.ids)) : NULL;
	if (status == CLADE_OK && a->target.ids == NULL)
		status = clade_fail_memory(&a->tool->diag, row.count * sizeof(*row.ids), "an answer");
	if (status == CLADE_OK) {
		a->target.ids[0] = generator.start;
		memcpy(a->target.ids + 1, row.ids, row.count * sizeof(*row.ids));
		a->target.count = row.count + 1;
		status = clade_session_reset(a->session, &a->tool->diag);
	}
	free(row.ids);
	clade_sampler_destroy(&generator.sampler);
	return status;
}

static enum clade_status read_inputs(struct attention *a)
{
	const struct words *words = &a->tool->options.inputs;
	a->inputs = calloc(words->count + 1, sizeof(*a->inputs));
	if (a->inputs == NULL)
		return clade_fail_memory(&a->tool->diag, words->count, "the command line");
	for (size_t i = 0; i < words->count; i++) {
		struct clade_graph_port port;
		const char *value;
		bool found = false;
		enum clade_status status = split_name(a->tool, "--in", words->items[i], a->inputs[i].name, &value);
		for (size_t e = 0; e < a->chain.count && status == CLADE_OK; e++)
			for (size_t k = 0; !found && clade_graph_input(a->model.graph, a->chain.names[e], k, &port);
			     k++)
				found = strcmp(port.name, a->inputs[i].name) == 0;
		if (status == CLADE_OK && !found)
			status = fail_usage(a->tool, CLADE_MSG_TOOL_INPUT, "--in", "the graph has no input \"%s\"",
					    a->inputs[i].name);
		if (status == CLADE_OK)
			status = read_array(a->tool, "--in", value, port.type.dtype, &a->inputs[i].array);
		if (status != CLADE_OK)
			return status;
	}
	return CLADE_OK;
}

static const struct side *side_of(const struct attention *a, const char *input)
{
	if (strcmp(input, "decoder_input_ids") == 0)
		return a->target.count > 0 ? &a->target : NULL;
	return strcmp(input, "input_ids") == 0 && a->source.count > 0 ? &a->source : NULL;
}

static enum clade_status run_entry(struct attention *a, const char *entry)
{
	struct clade_input inputs[64];
	struct clade_graph_port port;
	size_t count = 0;
	for (size_t i = 0; clade_graph_input(a->model.graph, entry, i, &port) && count < 64; i++) {
		const struct side *side = side_of(a, port.name);
		bool given = false;
		for (size_t k = 0; k < a->tool->options.inputs.count && !given; k++)
			if (strcmp(a->inputs[k].name, port.name) == 0) {
				inputs[count++] = (struct clade_input) { port.name, a->inputs[k].array.type,
									 a->inputs[k].array.data };
				given = true;
			}
		if (!given && side != NULL)
			inputs[count++] = (struct clade_input) { port.name,
								 { CLADE_I32, 2, { 1, (int64_t)side->count } },
								 side->ids };
		else if (!given && !port.optional)
			return fail_usage(a->tool, CLADE_MSG_TOOL_INPUT, "--in",
					  "input \"%s\" of entry %s is missing; give --in %s=FILE.npy", port.name,
					  entry, port.name);
	}
	return clade_session_run(a->session, entry, inputs, count, &a->tool->diag);
}

/* Whether the path has a segment that ends with ".LAYER". */
static bool in_layer(const char *path, int64_t layer)
{
	char end[32];
	snprintf(end, sizeof(end), ".%lld/", (long long)layer);
	return layer < 0 || strstr(path, end) != NULL;
}

static enum clade_status take_weights(struct attention *a, const struct clade_graph_port *port)
{
	struct clade_type type;
	struct clade_diag *diag = &a->tool->diag;
	struct weights *grown = realloc(a->weights, (a->weight_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return clade_fail_memory(diag, sizeof(*grown), "attention weights");
	a->weights = grown;
	struct weights *w = &a->weights[a->weight_count++];
	*w = (struct weights) { .path = port->name };
	size_t bytes;
	enum clade_status status = clade_session_output(a->session, port->name, &type, NULL, diag);
	if (status == CLADE_OK && !clade_type_bytes(&type, &bytes))
		status = clade_fail_memory(diag, SIZE_MAX, "attention weights");
	if (status == CLADE_OK && (w->values = malloc(bytes + 1)) == NULL)
		status = clade_fail_memory(diag, bytes, "attention weights");
	if (status == CLADE_OK)
		status = clade_session_output(a->session, port->name, &type, w->values, diag);
	w->heads = (size_t)type.dims[1];
	w->queries = (size_t)type.dims[2];
	w->keys = w->columns = (size_t)type.dims[3];
	return status;
}

/* Self-attention has the queries' own tokens as keys, perhaps in a cache, of which only the rows in use are drawn. */
static void find_kind(struct attention *a, struct weights *w, const struct clade_graph_port *port)
{
	char text[256];
	clade_graph_type_text(a->model.graph, &port->type, text, sizeof(text));
	bool cache = strstr(text, "capacity") != NULL;
	w->cross = !cache && port->type.dims[2] != port->type.dims[3];
	if (cache && w->queries < w->keys)
		w->columns = w->queries;
}

static enum clade_status take_entry(struct attention *a, const char *entry)
{
	struct clade_graph_port port;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; clade_graph_output(a->model.graph, entry, i, &port) && status == CLADE_OK; i++) {
		if (!port.watched || !in_layer(port.name, a->tool->options.layer))
			continue;
		status = take_weights(a, &port);
		if (status == CLADE_OK)
			find_kind(a, &a->weights[a->weight_count - 1], &port);
	}
	return status;
}

/* Keeps one kind: what --kind says, else cross-attention where there is any. */
static enum clade_status select_kind(struct attention *a, const char *entry)
{
	const char *kind = a->tool->options.kind;
	size_t count[2] = { 0 }, kept = 0;
	for (size_t i = 0; i < a->weight_count; i++)
		count[a->weights[i].cross]++;
	bool cross = kind != NULL ? strcmp(kind, "cross") == 0 : count[1] > 0;
	if (a->weight_count == 0 && a->tool->options.layer >= 0)
		return fail_usage(a->tool, CLADE_MSG_TOOL_VALUE, "--layer", "entry %s has no attention in layer %lld",
				  entry, (long long)a->tool->options.layer);
	if (count[cross] == 0)
		return fail_usage(a->tool, CLADE_MSG_TOOL_VALUE, "--kind", "entry %s has no %s-attention", entry,
				  cross ? "cross" : "self");
	for (size_t i = 0; i < a->weight_count; i++) {
		if (a->weights[i].cross == cross)
			a->weights[kept++] = a->weights[i];
		else
			free(a->weights[i].values);
	}
	a->weight_count = kept;
	return CLADE_OK;
}

/* One line of maps a node, one column a head. */
static size_t fill_maps(const struct attention *a, size_t columns, struct heatmap *maps, char (*names)[300])
{
	const struct weights *first = &a->weights[0];
	int64_t wanted = a->tool->options.head;
	size_t lines = 0;
	for (size_t i = 0; i < a->weight_count; i++) {
		const struct weights *w = &a->weights[i];
		if (w->queries != first->queries || w->columns != first->columns)
			continue;
		for (size_t c = 0; c < columns; c++) {
			size_t head = wanted >= 0 ? (size_t)wanted : c, at = lines * columns + c;
			if (head >= w->heads)
				continue;
			snprintf(names[at], sizeof(names[at]), "%s%shead %zu", c == 0 ? w->path : "",
				 c == 0 ? ", " : "", head);
			maps[at] = (struct heatmap) { names[at], w->values + head * w->queries * w->keys, w->keys };
		}
		lines++;
	}
	return lines;
}

static enum clade_status draw_weights(struct attention *a, const char *entry)
{
	const struct options *o = &a->tool->options;
	const struct weights *first = &a->weights[0];
	const struct side *rows = a->target.count > 0 ? &a->target : &a->source;
	const struct side *keys = first->cross ? &a->source : rows;
	size_t heads = 0;
	char title[400], subtitle[200];
	for (size_t i = 0; i < a->weight_count; i++)
		heads = a->weights[i].heads > heads ? a->weights[i].heads : heads;
	if (o->head >= (int64_t)heads)
		return fail_usage(a->tool, CLADE_MSG_TOOL_VALUE, "--head",
				  "%lld is too large; there are heads 0 to %zu", (long long)o->head, heads - 1);
	size_t columns = o->head >= 0 ? 1 : heads, count = a->weight_count * columns;
	struct heatmap *maps = calloc(count, sizeof(*maps));
	char(*names)[300] = calloc(count, sizeof(*names));
	enum clade_status status = CLADE_OK;
	if (maps == NULL || names == NULL)
		status = clade_fail_memory(&a->tool->diag, count * sizeof(*names), "maps");
	snprintf(title, sizeof(title), "%s: %s-attention of %s", a->model.name, first->cross ? "cross" : "self", entry);
	snprintf(subtitle, sizeof(subtitle), "each row is one query's softmax over its keys (%zu queries, %zu keys)",
		 first->queries, first->columns);
	struct heatmap_page page = {
		.title = title,
		.subtitle = subtitle,
		.row_axis = "query",
		.column_axis = "key",
		.rows = first->queries,
		.columns = first->columns,
		.row_labels = rows->count == first->queries ? (const char *const *)rows->labels : NULL,
		.column_labels = keys->count == first->columns ? (const char *const *)keys->labels : NULL,
		.high = 1,
		.map_rows = status == CLADE_OK ? fill_maps(a, columns, maps, names) : 0,
		.map_columns = columns,
		.maps = maps,
	};
	page.numbers = page.map_rows * columns == 1;
	if (status == CLADE_OK)
		status = draw(a->tool, &page);
	free(maps);
	free(names);
	return status;
}

static enum clade_status plot(struct attention *a)
{
	static const struct option watch = { .name = "watch", .offset = offsetof(struct options, watch) };
	struct tool *tool = a->tool;
	struct clade_graph_port port;
	bool has_target = false;
	enum clade_status status = take_words(&tool->options, &watch, "attention.weights", 1, &tool->diag);
	if (status == CLADE_OK)
		status = model_open(tool, &a->model);
	if (status == CLADE_OK)
		status = model_entries(tool, &a->model, &a->chain);
	const char *last = status == CLADE_OK ? a->chain.names[a->chain.count - 1] : "";
	if (status == CLADE_OK)
		status = read_inputs(a);
	if (status == CLADE_OK)
		status = read_prompt(a);
	if (status == CLADE_OK)
		status = model_session(tool, &a->model, 0, false, false, &a->device, &a->session);
	for (size_t i = 0; status == CLADE_OK && clade_graph_input(a->model.graph, last, i, &port); i++)
		has_target |= strcmp(port.name, "decoder_input_ids") == 0;
	if (status == CLADE_OK && has_target && a->source.count > 0)
		status = make_target(a);
	if (status == CLADE_OK)
		status = label_ids(a, &a->source);
	if (status == CLADE_OK)
		status = label_ids(a, &a->target);
	for (size_t i = 0; i < a->chain.count && status == CLADE_OK; i++)
		status = run_entry(a, a->chain.names[i]);
	if (status == CLADE_OK)
		status = take_entry(a, last);
	if (status == CLADE_OK)
		status = select_kind(a, last);
	return status == CLADE_OK ? draw_weights(a, last) : status;
}

static void free_side(struct side *side)
{
	for (size_t i = 0; side->labels != NULL && i < side->count; i++)
		free(side->labels[i]);
	free(side->labels);
	free(side->ids);
}

static enum clade_status plot_attention(struct tool *tool)
{
	struct attention a = { .tool = tool };
	enum clade_status status = plot(&a);
	for (size_t i = 0; a.inputs != NULL && i < tool->options.inputs.count; i++)
		free(a.inputs[i].array.data);
	for (size_t i = 0; i < a.weight_count; i++)
		free(a.weights[i].values);
	free(a.inputs);
	free(a.weights);
	free_side(&a.source);
	free_side(&a.target);
	clade_tokenizer_destroy(&a.tokenizer);
	clade_session_destroy(&a.session);
	clade_device_unref(&a.device);
	model_close(&a.model);
	return status;
}

/* ---- the command ---- */

/* One of two words, the default being NULL or the first. */
static enum clade_status take_word(const struct option *option, const char *value, const char *const *words,
				   struct options *options, struct clade_diag *diag)
{
	char where[64];
	snprintf(where, sizeof(where), "--%s", option->name);
	for (size_t i = 0; i < 2; i++)
		if (strcmp(value, words[i]) == 0)
			return take_text(options, option, words[i], 0, diag);
	return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_VALUE, where, "\"%s\" is neither %s nor %s", value,
			  words[0], words[1]);
}

static enum clade_status take_kind(struct options *options, const struct option *option, const char *value,
				   size_t word_limit, struct clade_diag *diag)
{
	static const char *const words[] = { "self", "cross" };
	(void)word_limit;
	return take_word(option, value, words, options, diag);
}

static enum clade_status take_layout(struct options *options, const struct option *option, const char *value,
				     size_t word_limit, struct clade_diag *diag)
{
	static const char *const words[] = { "interleaved", "halves" };
	(void)word_limit;
	return take_word(option, value, words, options, diag);
}

static const struct {
	const char *name;
	size_t arguments; /* besides the name */
	enum clade_status (*run)(struct tool *tool);
} plots[] = { { "attention", 1, plot_attention }, { "positional-encoding", 0, plot_positional } };

/* Runs a plot with the words behind its name as the command's arguments. */
static enum clade_status run_plot(struct tool *tool, size_t arguments, enum clade_status (*run)(struct tool *tool))
{
	struct tool inner = *tool;
	inner.arguments++;
	inner.argument_count--;
	if (inner.argument_count != arguments)
		return fail_usage(tool, CLADE_MSG_TOOL_COMMAND, tool->arguments[0], "takes %s",
				  arguments > 0 ? "one MODEL" : "no MODEL");
	enum clade_status status = run(&inner);
	inner.arguments--;
	inner.argument_count++;
	*tool = inner;
	return status;
}

static enum clade_status run(struct tool *tool)
{
	const char *names[sizeof(plots) / sizeof(plots[0])], *word = tool->arguments[0];
	size_t count = 0;
	for (; count < sizeof(plots) / sizeof(plots[0]); count++) {
		names[count] = plots[count].name;
		if (strcmp(word, names[count]) == 0)
			return run_plot(tool, plots[count].arguments, plots[count].run);
	}
	const char *nearest = clade_nearest(word, names, count);
	return fail_usage(tool, CLADE_MSG_TOOL_COMMAND, word, "is no plot; %s%s",
			  nearest != NULL ? "did you mean " : "there are attention and positional-encoding",
			  nearest != NULL ? nearest : "");
}

#define AT(field) offsetof(struct options, field)
static const struct option own_options[] = {
	{ "output", "FILE", "where the SVG goes (default: stdout)", take_text, AT(output), 'o' },
	{ "prompt", "TEXT", "attention: the text; behind an encoder, the decoder is shown its own greedy answer",
	  take_text, AT(prompt) },
	{ "ids", "1,2,3", "attention: token ids instead of a text", take_text, AT(ids) },
	{ "in", "NAME=VALUE", "attention: an input as a .npy file or JSON (repeatable)", take_words, AT(inputs) },
	{ "entry", "NAME", "attention: the entry to look at (default: the last)", take_text, AT(entry) },
	{ "kind", "self|cross", "attention: which (default: cross where there is any)", take_kind, AT(kind) },
	{ "layer", "L", "attention: only this layer, from 0", take_integer, AT(layer), 0, 0, 1 << 20 },
	{ "head", "H", "attention: only this head, from 0", take_integer, AT(head), 0, 0, 1 << 20 },
	{ "max-tokens", "N", "attention: tokens of the answer at most", take_integer, AT(count), 'n', 0, 1 << 20 },
	{ "length", "N", "positional-encoding: positions (64)", take_integer, AT(length), 0, 1, 4096 },
	{ "width", "D", "positional-encoding: columns, an even number (128)", take_integer, AT(width), 0, 2, 4096 },
	{ "layout", "WORD", "positional-encoding: interleaved (default) or halves", take_layout, AT(layout) },
	{ "start", "P", "positional-encoding: the first position (0)", take_integer, AT(start), 0, -(1 << 30),
	  1 << 30 },
	{ "base", "X", "positional-encoding: of the frequencies (10000)", take_number, AT(base), 0, 1e-3, 1e9 },
	{ NULL },
};
static const struct option *const groups[] = { own_options,     options_model,  options_device,
					       options_choices, options_common, NULL };
const struct command command_plot = {
	.name = "plot",
	.arguments = "attention MODEL | positional-encoding",
	.summary = "draw attention weights or positional encodings as SVG",
	.details = "`attention` draws the softmax of every head, one line of maps a layer; with one --layer and --head "
		   "the\n"
		   "values stand in the cells. Causal masks and padding show as empty cells.",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 2,
	.run = run,
};

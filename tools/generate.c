/* SPDX-License-Identifier: MIT */
/* The generation loop. Rows of a batch are right-padded; a padded or finished row has position -1, which the caches
 * skip, so that batch mates change nothing. A graph without a position input gets the whole sequence at every step. */
#include "generate.h"

#include "roles.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum clade_status scan_entry(struct generator *g, const char *entry, bool last)
{
	struct clade_graph_port port;
	bool has_ids = false;
	for (size_t i = 0; clade_graph_input(g->model->graph, entry, i, &port); i++) {
		enum role role = find_role(port.name);
		if (role == ROLE_COUNT && !port.optional)
			return clade_fail(
				&g->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_GENERATE, g->model->name,
				"generate does not know how to fill input \"%s\" of entry %s; it knows input_ids, "
				"decoder_input_ids, attention_mask, decoder_attention_mask, position_ids and "
				"output_rows",
				port.name, entry);
		has_ids |= role == ROLE_IDS;
		if (last) {
			g->has_positions |= role == ROLE_POSITIONS;
			g->has_rows |= role == ROLE_ROWS;
		}
	}
	if (!has_ids)
		return clade_fail(&g->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_GENERATE, g->model->name,
				  "entry %s takes no input_ids, so nothing can be generated with it", entry);
	bool has_logits = !last;
	for (size_t i = 0; last && clade_graph_output(g->model->graph, entry, i, &port); i++)
		has_logits |= strcmp(port.name, "logits") == 0;
	if (!has_logits)
		return clade_fail(&g->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_GENERATE, g->model->name,
				  "entry %s has no output \"logits\", so nothing can be generated with it", entry);
	return CLADE_OK;
}

static int64_t first_meta(const struct model *model, const char *const *names, int64_t otherwise)
{
	int64_t value;
	for (; *names != NULL; names++)
		if (model_meta_item(model, *names, 0, &value))
			return value;
	return otherwise;
}

enum clade_status generator_init(struct tool *tool, const struct model *model, struct generator *out)
{
	static const char *const start_names[] = { "decoder_start_token_id", "bos_token_id", NULL };
	static const char *const pad_names[] = { "pad_token_id", NULL };
	/* an encoder-decoder's max_length counts the decoder's tokens; a decoder's own limit is its positions */
	static const char *const target_names[] = { "context", "max_length", "max_position_embeddings", NULL };
	int64_t id;
	*out = (struct generator) { .tool = tool, .model = model };
	enum clade_status status = model_entries(tool, model, &out->chain);
	for (size_t i = 0; i < out->chain.count && status == CLADE_OK; i++)
		status = scan_entry(out, out->chain.names[i], i + 1 == out->chain.count);
	if (status != CLADE_OK)
		return status;
	out->has_encoder = out->chain.count > 1;
	out->start = (int32_t)first_meta(model, start_names, -1);
	out->pad = (int32_t)first_meta(model, pad_names, 0);
	out->context = out->has_encoder ? first_meta(model, target_names, 0) : model_context(model);
	if (tool->options.context > 0)
		out->context = tool->options.context;
	while (!tool->options.ignore_eos && out->end_count < 16 &&
	       model_meta_item(model, "eos_token_id", out->end_count, &id))
		out->ends[out->end_count++] = (int32_t)id;
	out->limit = tool->options.count;
	if (out->has_encoder && out->start < 0)
		return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, model->name,
				  "names no decoder_start_token_id (in the graph's meta, generation_config.json or "
				  "config.json); an encoder-decoder needs one");
	if (out->limit < 0 && out->context <= 0)
		return fail_usage(tool, CLADE_MSG_TOOL_GENERATE, "-n", "is needed: the model states no context length");
	out->beams = 1;
	return constraints_init(out);
}

void generator_finish(struct generator *g)
{
	free(g->constraints.bad);
	g->constraints.bad = NULL;
	clade_sampler_destroy(&g->sampler);
}

int64_t generator_capacity(const struct generator *g, size_t longest_prompt)
{
	int64_t prompt = g->has_encoder ? 1 : (int64_t)longest_prompt;
	int64_t need = g->limit >= 0 ? prompt + g->limit : g->context;
	return g->context > 0 && need > g->context ? g->context : need;
}

/* ---- one run of an entry ---- */

bool frame_init(struct frame *frame, size_t batch, size_t width)
{
	size_t count = batch * width + 1;
	*frame = (struct frame) { .batch = batch, .width = width };
	frame->ids = calloc(count, sizeof(int32_t));
	frame->mask = calloc(count, sizeof(int32_t));
	frame->positions = calloc(count, sizeof(int32_t));
	frame->rows = calloc(batch, sizeof(int32_t));
	return frame->ids != NULL && frame->mask != NULL && frame->positions != NULL && frame->rows != NULL;
}

void frame_finish(struct frame *frame)
{
	free(frame->ids);
	free(frame->mask);
	free(frame->positions);
	free(frame->rows);
}

enum clade_status generator_run_entry(struct generator *g, const char *entry, const struct frame *frame)
{
	struct clade_input inputs[16];
	struct clade_graph_port port;
	size_t count = 0;
	for (size_t i = 0; clade_graph_input(g->model->graph, entry, i, &port) && count < 16; i++) {
		struct clade_type type = { CLADE_I32, 2, { (int64_t)frame->batch, (int64_t)frame->width } };
		const int32_t *data = NULL;
		switch (find_role(port.name)) {
		case ROLE_IDS:
			data = frame->ids;
			break;
		case ROLE_MASK:
			data = frame->mask;
			if (frame->source_mask != NULL) {
				data = frame->source_mask;
				type.dims[1] = (int64_t)frame->source_width;
			} else if (port.optional && g->has_positions && !g->has_encoder) {
				data = NULL; /* a cached decoder knows its rows by their positions */
			}
			break;
		case ROLE_TARGET_MASK:
			data = port.optional ? NULL : frame->mask;
			break;
		case ROLE_POSITIONS:
			data = frame->positions;
			break;
		case ROLE_ROWS:
			data = frame->rows;
			type.dims[1] = 1;
			break;
		case ROLE_COUNT:
			break;
		}
		if (data != NULL)
			inputs[count++] = (struct clade_input) { port.name, type, data };
	}
	return clade_session_run(g->session, entry, inputs, count, &g->tool->diag);
}

/* ---- choosing ---- */

size_t generator_prefix(const struct generator *g, const struct row *row)
{
	return g->has_encoder ? 1 : row->prompt_count;
}

int32_t generator_prefix_at(const struct generator *g, const struct row *row, size_t at)
{
	return g->has_encoder ? g->start : row->prompt[at];
}

static int32_t token_at(const struct generator *g, const struct row *row, size_t at)
{
	size_t prefix = generator_prefix(g, row);
	return at >= prefix ? row->ids[at - prefix] : generator_prefix_at(g, row, at);
}

int64_t generator_room(const struct generator *g, const struct row *row)
{
	int64_t room = g->limit >= 0 ? g->limit : INT64_MAX, left = g->context - (int64_t)generator_prefix(g, row);
	return g->context > 0 && left < room ? left : room;
}

/* The sampler's choice for a row from its logits and all that stands before. */
static enum clade_status choose(struct generator *g, const struct row *row, uint64_t number, const float *logits,
				int64_t count, int32_t *out)
{
	struct clade_sampling_history history = {
		.prompt = g->has_encoder ? &g->start : row->prompt,
		.prompt_count = generator_prefix(g, row),
		.answer = row->ids,
		.answer_count = row->count,
		.row = number,
	};
	return clade_sampler_next(g->sampler, logits, (size_t)count, &history, out, &g->tool->diag);
}

enum clade_status generator_logits(struct generator *g, const struct frame *frame, float **out_logits,
				   int64_t *out_count)
{
	struct clade_type type;
	size_t bytes;
	struct clade_diag *diag = &g->tool->diag;
	enum clade_status status = clade_session_output(g->session, "logits", &type, NULL, diag);
	*out_logits = NULL;
	if (status != CLADE_OK)
		return status;
	int64_t width = g->has_rows ? 1 : (int64_t)frame->width, count = type.dims[2];
	if (type.dtype != CLADE_F32 || type.rank != 3 || type.dims[0] != (int64_t)frame->batch ||
	    type.dims[1] != width || !clade_type_bytes(&type, &bytes)) {
		char text[128];
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_GENERATE, g->model->name,
				  "logits are %s; f32[%zu, %" PRId64 ", vocabulary] is needed",
				  clade_type_text(&type, text, sizeof(text)), frame->batch, width);
	}
	float *logits = malloc(bytes + 1);
	if (logits == NULL)
		return clade_fail_memory(diag, bytes, "logits");
	status = clade_session_output(g->session, "logits", &type, logits, diag);
	if (status != CLADE_OK) {
		free(logits);
		return status;
	}
	for (size_t i = 0; i < frame->batch && width > 1; i++)
		memmove(logits + (int64_t)i * count, logits + ((int64_t)i * width + frame->rows[i]) * count,
			(size_t)count * sizeof(*logits));
	*out_logits = logits;
	*out_count = count;
	return CLADE_OK;
}

/* What the model's generation_config.json forbids goes before the sampler sees it. */
static enum clade_status constrain(const struct generator *g, const struct row *row, float *logits, int64_t count)
{
	size_t prefix = generator_prefix(g, row), total = prefix + row->count;
	int32_t *tokens = malloc((total + 1) * sizeof(*tokens));
	if (tokens == NULL)
		return clade_fail_memory(&g->tool->diag, total * sizeof(*tokens), "an answer");
	for (size_t i = 0; i < total; i++)
		tokens[i] = token_at(g, row, i);
	constraints_apply(g, tokens, total, row->count, generator_room(g, row) - (int64_t)row->count, logits, count);
	free(tokens);
	return CLADE_OK;
}

/* Reads the logits and picks each unfinished row's next id. */
static enum clade_status choose_all(struct generator *g, const struct row *rows, const struct frame *frame,
				    int32_t *next)
{
	float *logits;
	int64_t count;
	enum clade_status status = generator_logits(g, frame, &logits, &count);
	for (size_t i = 0; i < frame->batch && status == CLADE_OK; i++) {
		float *row = logits + (int64_t)i * count;
		if (!rows[i].done)
			status = constrain(g, &rows[i], row, count);
		if (!rows[i].done && status == CLADE_OK)
			status = choose(g, &rows[i], g->first_row + i, row, count, &next[i]);
	}
	free(logits);
	return status;
}

/* ---- the loop ---- */

bool generator_is_end(const struct generator *g, int32_t id)
{
	for (size_t i = 0; i < g->end_count; i++)
		if (g->ends[i] == id)
			return true;
	return false;
}

enum clade_status generator_append(struct generator *g, struct row *row, int32_t id)
{
	if (row->count == row->room) {
		size_t room = row->room * 2 + 32;
		int32_t *grown = realloc(row->ids, room * sizeof(*grown));
		if (grown == NULL)
			return clade_fail_memory(&g->tool->diag, room * sizeof(*grown), "an answer");
		row->ids = grown;
		row->room = room;
	}
	row->ids[row->count++] = id;
	return CLADE_OK;
}

/* The next frame of the decoder: all tokens so far, or only the new one where the caches hold the rest. */
static bool fill_frame(const struct generator *g, const struct row *rows, size_t batch, bool first, struct frame *frame)
{
	size_t width = 1;
	bool whole = first || !g->has_positions;
	for (size_t i = 0; i < batch && whole; i++) {
		size_t count = rows[i].done && !first ? 0 : generator_prefix(g, &rows[i]) + rows[i].count;
		width = count > width ? count : width;
	}
	if (!frame_init(frame, batch, width))
		return false;
	for (size_t i = 0; i < batch; i++) {
		size_t count = generator_prefix(g, &rows[i]) + rows[i].count, from = whole ? 0 : count - 1;
		for (size_t k = 0; k < width; k++) {
			bool live = !rows[i].done && from + k < count;
			frame->ids[i * width + k] = live ? token_at(g, &rows[i], from + k) : g->pad;
			frame->mask[i * width + k] = live;
			frame->positions[i * width + k] = live ? (int32_t)(from + k) : -1;
		}
		frame->rows[i] = rows[i].done ? 0 : (int32_t)(count - from) - 1;
	}
	return true;
}

static enum clade_status take_step(struct generator *g, struct row *rows, size_t count, const int32_t *next,
				   row_fn *on_id, void *user, size_t *out_live)
{
	*out_live = 0;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].done)
			continue;
		if (generator_is_end(g, next[i])) {
			rows[i].done = true;
			continue;
		}
		enum clade_status status = generator_append(g, &rows[i], next[i]);
		bool stop = false;
		if (status == CLADE_OK)
			status = on_id(user, i, next[i], &stop);
		if (status != CLADE_OK)
			return status;
		g->new_tokens++;
		rows[i].done = stop || (int64_t)rows[i].count >= generator_room(g, &rows[i]);
		*out_live += !rows[i].done;
	}
	return CLADE_OK;
}

enum clade_status generator_encode(struct generator *g, const struct row *rows, size_t batch, struct frame *frame)
{
	size_t width = 1;
	for (size_t i = 0; i < batch; i++)
		width = rows[i].prompt_count > width ? rows[i].prompt_count : width;
	if (!frame_init(frame, batch, width))
		return clade_fail_memory(&g->tool->diag, batch * width * 4, "a batch");
	for (size_t i = 0; i < batch; i++)
		for (size_t k = 0; k < width; k++) {
			bool live = k < rows[i].prompt_count;
			frame->ids[i * width + k] = live ? rows[i].prompt[k] : g->pad;
			frame->mask[i * width + k] = live;
			frame->positions[i * width + k] = live ? (int32_t)k : -1;
		}
	enum clade_status status = CLADE_OK;
	for (size_t e = 0; e + 1 < g->chain.count && status == CLADE_OK; e++)
		status = generator_run_entry(g, g->chain.names[e], frame);
	return status;
}

double generator_clock(const struct generator *g)
{
	struct clade_session_counters counters;
	clade_session_get_counters(g->session, &counters);
	return seconds_now() - counters.setup_seconds;
}

static enum clade_status decode(struct generator *g, struct row *rows, size_t count, size_t batch,
				const struct frame *source, row_fn *on_id, void *user)
{
	int32_t *next = calloc(batch, sizeof(*next));
	enum clade_status status = next != NULL ? CLADE_OK : clade_fail_memory(&g->tool->diag, batch * 4, "a batch");
	size_t live = count;
	for (bool first = true; live > 0 && status == CLADE_OK; first = false) {
		struct frame frame;
		double start = generator_clock(g);
		if (!fill_frame(g, rows, batch, first, &frame))
			status = clade_fail_memory(&g->tool->diag, batch * 4, "a batch");
		if (g->has_encoder) {
			frame.source_mask = source->mask;
			frame.source_width = source->width;
		}
		if (status == CLADE_OK)
			status = generator_run_entry(g, g->chain.names[g->chain.count - 1], &frame);
		if (status == CLADE_OK)
			status = choose_all(g, rows, &frame, next);
		frame_finish(&frame);
		*(first ? &g->prompt_seconds : &g->new_seconds) += generator_clock(g) - start;
		if (status == CLADE_OK)
			status = take_step(g, rows, count, next, on_id, user, &live);
		if (interrupted)
			status = CLADE_ERR_CANCELLED;
	}
	free(next);
	return status;
}

enum clade_status generator_run(struct generator *g, struct row *rows, size_t count, size_t batch, row_fn *on_id,
				void *user)
{
	struct frame source = { 0 };
	double start = generator_clock(g);
	struct row *all = calloc(batch, sizeof(*all)); /* the rows, and copies of the first that fill the batch */
	if (all == NULL)
		return clade_fail_memory(&g->tool->diag, batch * sizeof(*all), "a batch");
	size_t live = 0;
	for (size_t i = 0; i < count; i++) {
		size_t prefix = generator_prefix(g, &rows[i]);
		g->prompt_tokens += rows[i].prompt_count;
		all[i] = rows[i];
		/* no room or no wish for a single token */
		all[i].done = generator_room(g, &rows[i]) <= 0 || prefix == 0;
		live += !all[i].done;
	}
	for (size_t i = count; i < batch; i++)
		all[i] = (struct row) { .prompt = rows[0].prompt, .prompt_count = rows[0].prompt_count, .done = true };
	enum clade_status status = live > 0 ? clade_session_reset(g->session, &g->tool->diag) : CLADE_OK;
	if (live > 0 && g->has_encoder && status == CLADE_OK)
		status = generator_encode(g, all, batch, &source);
	g->prompt_seconds += generator_clock(g) - start;
	if (live > 0 && status == CLADE_OK)
		status = decode(g, all, count, batch, &source, on_id, user);
	for (size_t i = 0; i < count; i++)
		rows[i] = all[i];
	frame_finish(&source);
	free(all);
	return status;
}

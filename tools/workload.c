/* SPDX-License-Identifier: MIT */
/* What `bench` and `profile` run. Inputs come from made.c; ids and positions of a decoder are its own. */
#include "workload.h"

#include "roles.h"

#include <stdlib.h>
#include <string.h>

static bool find_port(const struct model *model, const char *entry, const char *name, bool output,
		      struct clade_graph_port *out)
{
	for (size_t i = 0;
	     output ? clade_graph_output(model->graph, entry, i, out) : clade_graph_input(model->graph, entry, i, out);
	     i++)
		if (strcmp(out->name, name) == 0)
			return true;
	return false;
}

/* The input that holds an entry's tokens. */
static bool find_ids(const struct model *model, const char *entry, struct clade_graph_port *out)
{
	for (size_t i = 0; clade_graph_input(model->graph, entry, i, out); i++)
		if (find_role(out->name) == ROLE_IDS)
			return true;
	return false;
}

enum clade_status workload_init(struct tool *tool, const struct model *model, int64_t batch, struct workload *out)
{
	struct clade_graph_port ids, logits;
	*out = (struct workload) { .tool = tool, .model = model, .batch = batch };
	enum clade_status status = model_entries(tool, model, &out->chain);
	if (status != CLADE_OK)
		return status;
	const char *last = out->chain.names[out->chain.count - 1];
	bool positions = false;
	struct clade_graph_port port;
	for (size_t i = 0; clade_graph_input(model->graph, last, i, &port); i++)
		positions |= find_role(port.name) == ROLE_POSITIONS;
	out->has_encoder = out->chain.count > 1;
	out->can_generate = positions && find_ids(model, last, &ids) &&
			    find_port(model, last, "logits", true, &logits) && logits.type.rank == 3;
	out->context = model_context(model);
	if (out->context == 0 && !model_meta_item(model, "max_length", 0, &out->context))
		out->context = 0;
	out->next = calloc((size_t)batch, sizeof(*out->next));
	return out->next != NULL ? CLADE_OK
				 : clade_fail_memory(&tool->diag, (size_t)batch * sizeof(*out->next), "a batch");
}

void workload_finish(struct workload *workload)
{
	free(workload->next);
	workload->next = NULL;
}

int64_t workload_capacity(const struct workload *w, int64_t tokens, int64_t depth)
{
	int64_t rows = (w->has_encoder ? 1 : depth) + tokens;
	return rows > 0 ? rows : 1;
}

/* ---- one run of an entry ---- */

struct inputs {
	struct array arrays[32];
	struct clade_input items[32];
	size_t count;
};

static void free_inputs(struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->count; i++)
		free(inputs->arrays[i].data);
	inputs->count = 0;
}

/* Everything that has no default, ids and positions of this run, and the last row alone where that can be asked for. */
static enum clade_status make_inputs(struct workload *w, const char *entry, int64_t tokens, int64_t position,
				     const int32_t *ids, struct inputs *out)
{
	struct dim_values dims = { 0 };
	struct clade_graph_port port, id_port;
	enum clade_status status = CLADE_OK;
	if (find_ids(w->model, entry, &id_port))
		status = dim_values_set(w->tool, w->model, &id_port, (const int64_t[]) { w->batch, tokens }, 2, &dims);
	for (size_t i = 0; clade_graph_input(w->model->graph, entry, i, &port) && status == CLADE_OK && out->count < 32;
	     i++) {
		enum role role = find_role(port.name);
		struct array *array = &out->arrays[out->count];
		struct dim_values own = dims;
		if (role == ROLE_ROWS)
			status = dim_values_set(w->tool, w->model, &port, (const int64_t[]) { w->batch, 1 }, 2, &own);
		else if (port.type.rank > 0 && id_port.name == NULL)
			status = dim_values_set(w->tool, w->model, &port, &w->batch, 1, &own);
		if (port.optional && role != ROLE_ROWS && role != ROLE_POSITIONS)
			continue;
		if (status == CLADE_OK)
			status = make_input(w->tool, w->model, &port, 1, &own, array);
		if (status != CLADE_OK)
			break;
		int32_t *values = array->data;
		for (int64_t k = 0; k < w->batch * tokens && role == ROLE_IDS && ids != NULL; k++)
			values[k] = ids[k];
		for (int64_t k = 0; k < w->batch * tokens && role == ROLE_POSITIONS; k++)
			values[k] = (int32_t)(position + k % tokens);
		for (int64_t k = 0; k < w->batch && role == ROLE_ROWS; k++)
			values[k] = (int32_t)(tokens - 1);
		out->items[out->count++] = (struct clade_input) { port.name, array->type, array->data };
	}
	return status;
}

static enum clade_status run_entry(struct workload *w, const char *entry, int64_t tokens, int64_t position,
				   const int32_t *ids, double *out_seconds)
{
	struct inputs inputs = { .count = 0 };
	enum clade_status status = make_inputs(w, entry, tokens, position, ids, &inputs);
	double start = seconds_now();
	if (status == CLADE_OK)
		status = clade_session_run(w->session, entry, inputs.items, inputs.count, &w->tool->diag);
	*out_seconds = w->run_seconds = seconds_now() - start;
	free_inputs(&inputs);
	w->entry = entry;
	if (status == CLADE_OK && interrupted)
		status = CLADE_ERR_CANCELLED;
	return status;
}

/* ---- the tests ---- */

enum clade_status workload_prompt(struct workload *w, int64_t tokens, double *out_seconds)
{
	enum clade_status status = clade_session_reset(w->session, &w->tool->diag);
	return status == CLADE_OK ? run_entry(w, w->chain.names[0], tokens, 0, NULL, out_seconds) : status;
}

/* Greedy: each row's largest logit becomes its next id. */
static enum clade_status choose(struct workload *w)
{
	struct clade_type type;
	size_t bytes = 0;
	struct clade_diag *diag = &w->tool->diag;
	enum clade_status status = clade_session_output(w->session, "logits", &type, NULL, diag);
	float *logits = NULL;
	if (status == CLADE_OK && (!clade_type_bytes(&type, &bytes) || (logits = malloc(bytes + 1)) == NULL))
		status = clade_fail_memory(diag, bytes, "logits");
	if (status == CLADE_OK)
		status = clade_session_output(w->session, "logits", &type, logits, diag);
	for (int64_t b = 0; b < w->batch && status == CLADE_OK; b++) {
		const float *row = logits + ((b + 1) * type.dims[1] - 1) * type.dims[2];
		int32_t best = 0;
		for (int32_t i = 1; i < type.dims[2]; i++)
			best = row[i] > row[best] ? i : best;
		w->next[b] = best;
	}
	free(logits);
	return status;
}

enum clade_status workload_generate(struct workload *w, int64_t tokens, int64_t depth, double *out_seconds)
{
	const char *last = w->chain.names[w->chain.count - 1];
	double seconds;
	enum clade_status status = clade_session_reset(w->session, &w->tool->diag);
	*out_seconds = 0;
	for (size_t e = 0; e + 1 < w->chain.count && status == CLADE_OK; e++)
		status = run_entry(w, w->chain.names[e], depth > 0 ? depth : 16, 0, NULL, &seconds);
	if (!w->has_encoder && depth > 0 && status == CLADE_OK)
		status = run_entry(w, last, depth, 0, NULL, &seconds);
	int64_t from = w->has_encoder ? 0 : depth;
	for (int64_t b = 0; b < w->batch; b++)
		w->next[b] = (int32_t)(b % 2);
	for (int64_t i = 0; i < tokens && status == CLADE_OK; i++) {
		status = run_entry(w, last, 1, from + i, w->next, &seconds);
		double start = seconds_now();
		if (status == CLADE_OK)
			status = choose(w);
		*out_seconds += seconds + (seconds_now() - start);
	}
	return status;
}

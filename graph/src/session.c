/* SPDX-License-Identifier: MIT */
/* Sessions: creation, destruction, dims, reset, counters. Running is in run.c, memory in bind.c. */
#include "session_internal.h"
#include "widen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clade/messages.h>

#define FIRST_CAPACITY 64 /* rows of a cache when the caller reserves none */

uint32_t clade_session_find_entry(const struct clade_session *session, const char *name, struct clade_diag *diag)
{
	const char *words[32], *nearest;
	uint32_t count = session->ir->entry_count;

	if (!name && count)
		return count - 1;
	for (uint32_t i = 0; i < count && name; i++)
		if (!strcmp(session->ir->entries[i].name, name))
			return i;
	for (uint32_t i = 0; i < count && i < 32; i++)
		words[i] = session->ir->entries[i].name;
	nearest = clade_nearest(name ? name : "", words, count < 32 ? count : 32);
	clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_ENTRY, session->ir->file, "there is no entry '%s'%s%s%s",
		   name ? name : "",
		   nearest ? "; did you mean '"
		   : count ? "; the first is '"
			   : "",
		   nearest ? nearest
		   : count ? words[0]
			   : "",
		   nearest || count ? "'?" : "");
	return CLADE_IR_NONE;
}

/* The rank-0 constants of the graph, at value id * CLADE_CONSTANT_BYTES, on every place. */
static enum clade_status write_constants(struct clade_session *session, int place, struct clade_diag *diag)
{
	size_t bytes = (size_t)(session->ir->value_count + 1) * CLADE_CONSTANT_BYTES;
	char *data = clade_alloc(session->context, bytes);
	enum clade_status status;

	if (!data)
		return clade_fail_memory(diag, bytes, "constants");
	for (uint32_t i = 0; i < session->ir->value_count; i++) {
		const struct clade_ir_value *v = &session->ir->values[i];
		char *at = data + (size_t)i * CLADE_CONSTANT_BYTES;
		float f = (float)v->constant;
		int32_t n = v->type.dtype == CLADE_I32 ? (int32_t)v->constant : 0;

		if (v->kind != CLADE_IR_CONST)
			continue;
		if (v->type.dtype == CLADE_I32)
			memcpy(at, &n, sizeof(n));
		else if (v->type.dtype == CLADE_BOOL)
			*at = v->constant != 0;
		else
			memcpy(at, &f, sizeof(f));
	}
	status = clade_buffer_create(session->devices[place], bytes, &session->constants[place], diag);
	if (!status)
		status = clade_buffer_write(session->queues[place], session->constants[place], 0, data, bytes, true,
					    diag);
	clade_free(session->context, data);
	return status;
}

static enum clade_status open_places(struct clade_session *session, struct clade_device *device,
				     struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	session->devices[CLADE_PLACE_MAIN] = clade_device_ref(device);
	if (clade_device_get_info(device)->kind == CLADE_DEVICE_HOST)
		session->devices[CLADE_PLACE_HOST] = clade_device_ref(device);
	else
		status = clade_device_open(session->context, "ref", &session->devices[CLADE_PLACE_HOST], diag);
	for (int place = 0; place < CLADE_PLACE_COUNT && !status; place++) {
		status = clade_queue_create(session->devices[place], session->profiling, &session->queues[place], diag);
		if (!status)
			status = clade_weights_create(session->graph, session->devices[place], session->queues[place],
						      session->threads, &session->weights[place], diag);
		if (!status)
			status = write_constants(session, place, diag);
	}
	return status;
}

static enum clade_status allocate_tables(struct clade_session *session, struct clade_diag *diag)
{
	const struct clade_ir *ir = session->ir;
	struct clade_context *context = session->context;
	uint32_t inputs = 1, outputs = 1;

	for (uint32_t i = 0; i < ir->entry_count; i++) {
		inputs = ir->entries[i].input_count > inputs ? ir->entries[i].input_count : inputs;
		outputs = ir->entries[i].output_count > outputs ? ir->entries[i].output_count : outputs;
	}
	session->output_capacity = outputs;
	session->bindings = clade_alloc(context, (ir->dim_count + 1) * sizeof(int64_t));
	session->entry_done = clade_alloc(context, ir->entry_count + 1);
	session->states = clade_alloc(context, (ir->state_count + 1) * sizeof(*session->states));
	session->last = clade_alloc(context, (ir->entry_count + 1) * sizeof(*session->last));
	session->staging = clade_alloc(context, inputs * sizeof(*session->staging));
	session->staging_bytes = clade_alloc(context, inputs * sizeof(*session->staging_bytes));
	session->outputs = clade_alloc(context, outputs * sizeof(*session->outputs));
	if (!session->bindings || !session->entry_done || !session->states || !session->last || !session->staging ||
	    !session->staging_bytes || !session->outputs)
		return clade_fail_memory(diag, ir->state_count * sizeof(*session->states), "a session");
	for (uint32_t i = 0; i < ir->dim_count; i++)
		session->bindings[i] = -1;
	return CLADE_OK;
}

enum clade_status clade_session_create(const struct clade_graph *graph, struct clade_device *device,
				       const struct clade_session_params *params, struct clade_session **out_session,
				       struct clade_diag *diag)
{
	struct clade_context *context = clade_graph_context(graph);
	struct clade_session *session = clade_alloc(context, sizeof(*session));
	const struct clade_choices *choices = params ? params->choices : NULL;
	enum clade_status status;

	*out_session = NULL;
	if (!session)
		return clade_fail_memory(diag, sizeof(*session), "a session");
	session->graph = graph;
	session->ir = clade_graph_ir(graph);
	session->context = context;
	session->host_bytes = params && params->size >= sizeof(*params) ? params->host_bytes : 0;
	session->threads = params && params->size >= sizeof(*params) ? params->threads : 0;
	session->profiling = choices && choices->profiling;
	session->last_entry = session->capacity_dim = CLADE_IR_NONE;
	for (uint32_t d = 0; d < session->ir->dim_count; d++)
		if (session->ir->dims[d].cache_rows == INT64_MAX)
			session->capacity_dim = d;
	status = allocate_tables(session, diag);
	if (!status)
		status = clade_session_find_indices(session, diag);
	if (!status)
		clade_session_set_capacity(session, params && params->capacity > 0 ? params->capacity : FIRST_CAPACITY);
	if (!status)
		status = clade_rules_create(graph, choices, &session->rules, diag);
	if (!status)
		session->rules->device = device;
	if (!status && choices && choices->size >= sizeof(*choices) && choices->tuned_text)
		status =
			clade_rules_add_tuned(session->rules, choices->tuned_text, clade_device_get_info(device), diag);
	if (!status)
		status = clade_graph_widen(graph, session->rules, &session->widened, diag);
	if (session->widened) {
		session->graph = session->widened;
		session->ir = clade_graph_ir(session->widened);
	}
	if (!status)
		status = open_places(session, device, diag);
	if (status)
		clade_session_destroy(&session);
	*out_session = session;
	return status;
}

static void destroy_verify_states(struct clade_session *session)
{
	for (uint32_t i = 0; session->verify_states && i < session->ir->state_count; i++)
		clade_free(session->context, session->verify_states[i].data);
	clade_free(session->context, session->verify_states);
	session->verify_states = NULL;
}

void clade_session_destroy(struct clade_session **pointer)
{
	struct clade_session *session = pointer ? *pointer : NULL;
	struct clade_context *context;
	uint32_t inputs = 1;

	if (!session)
		return;
	context = session->context;
	for (int place = 0; place < CLADE_PLACE_COUNT; place++)
		if (session->queues[place])
			clade_queue_finish(session->queues[place], NULL);
	if (session->devices[CLADE_PLACE_MAIN])
		clade_device_save_programs(session->devices[CLADE_PLACE_MAIN]);
	for (uint32_t i = 0; i < session->bound_count; i++)
		clade_bound_destroy(session, &session->bounds[i]);
	clade_plan_destroy(&session->ahead);
	/* transfers of a run that failed may still use staging and outputs; this waits for them */
	for (int place = 0; place < CLADE_PLACE_COUNT; place++)
		clade_queue_destroy(&session->queues[place]);
	for (uint32_t i = 0; session->states && i < session->ir->state_count; i++)
		clade_buffer_unref(&session->states[i].buffer);
	clade_session_permutation_finish(session);
	destroy_verify_states(session);
	for (uint32_t i = 0; i < session->ir->entry_count; i++)
		inputs = session->ir->entries[i].input_count > inputs ? session->ir->entries[i].input_count : inputs;
	for (uint32_t i = 0; session->staging && i < inputs; i++)
		clade_free(context, session->staging[i]);
	for (uint32_t i = 0; session->outputs && i < session->output_capacity; i++)
		clade_free(context, session->outputs[i].data);
	for (int place = 0; place < CLADE_PLACE_COUNT; place++) {
		clade_buffer_unref(&session->arena[place]);
		clade_buffer_unref(&session->constants[place]);
		clade_weights_destroy(&session->weights[place]);
		clade_device_unref(&session->devices[place]);
	}
	clade_rules_destroy(&session->rules);
	clade_graph_widened_destroy(&session->widened);
	clade_free(context, session->bounds);
	clade_free(context, session->indices);
	clade_free(context, session->newest);
	clade_free(context, session->bindings);
	clade_free(context, session->entry_done);
	clade_free(context, session->states);
	clade_free(context, session->last);
	clade_free(context, session->staging);
	clade_free(context, session->staging_bytes);
	clade_free(context, session->outputs);
	clade_free(context, session);
	*pointer = NULL;
}

void clade_session_expect_steps(struct clade_session *session)
{
	session->expects_steps = true;
}

enum clade_status clade_session_reset(struct clade_session *session, struct clade_diag *diag)
{
	for (uint32_t i = 0; i < session->ir->dim_count; i++)
		if (!clade_session_is_cache_dim(session, i))
			session->bindings[i] = -1;
	for (uint32_t i = 0; i < session->newest_rows; i++)
		session->newest[i] = -1;
	memset(session->entry_done, 0, session->ir->entry_count);
	session->last_entry = CLADE_IR_NONE;
	session->last_run = NULL;
	session->used_rows = 0;
	destroy_verify_states(session);
	for (uint32_t i = 0; i < session->ir->state_count; i++) {
		struct clade_session_state *state = &session->states[i];
		size_t bytes = state->buffer ? clade_buffer_size(state->buffer) & ~(size_t)3 : 0;
		enum clade_status status = CLADE_OK;

		state->rows_alike = false;
		if (bytes)
			status = clade_buffer_fill(session->queues[CLADE_PLACE_MAIN], state->buffer, 0, bytes, 0, diag);
		if (status)
			return status;
	}
	return CLADE_OK;
}

enum clade_status clade_session_reserve(struct clade_session *session, int64_t rows, struct clade_diag *diag)
{
	enum clade_status status;
	int64_t old;

	if (session->capacity_dim == CLADE_IR_NONE || rows <= session->bindings[session->capacity_dim])
		return CLADE_OK;
	/* exact when nothing is held yet: doubling is for callers who gave no length */
	old = session->bindings[session->capacity_dim];
	for (uint32_t i = 0; i < session->ir->state_count; i++)
		if (session->ir->states[i].is_cache && session->states[i].buffer)
			return clade_session_grow(session, rows, diag);
	status = CLADE_OK;
	clade_session_set_capacity(session, rows > old ? rows : old);
	return status;
}

void clade_session_get_counters(const struct clade_session *session, struct clade_session_counters *out)
{
	*out = session->counters;
}

/* Dims given as "B=2" on top of what is bound. */
static enum clade_status parse_dims(const struct clade_session *session, const char *const *dims, int64_t *bindings,
				    struct clade_diag *diag)
{
	for (const char *const *d = dims; d && *d; d++) {
		const char *split = strchr(*d, '='), *words[64], *nearest;
		size_t length = split ? (size_t)(split - *d) : 0, count = 0;
		uint32_t found = CLADE_IR_NONE;
		char *end, name[64];
		long long value;

		for (uint32_t i = 0; i < session->ir->dim_count && i < 64; i++) {
			words[count++] = session->ir->dims[i].name;
			if (split && strlen(words[i]) == length && !strncmp(words[i], *d, length))
				found = i;
		}
		if (!split || !split[1])
			return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_DIM, "--dim", "'%s' is not NAME=NUMBER", *d);
		snprintf(name, sizeof(name), "%.*s", (int)(length < 63 ? length : 63), *d);
		nearest = clade_nearest(name, words, count);
		if (found == CLADE_IR_NONE)
			return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_DIM, "--dim",
					  "the graph has no dim '%s'%s%s%s", name, nearest ? "; did you mean '" : "",
					  nearest ? nearest : "", nearest ? "'?" : "");
		value = strtoll(split + 1, &end, 10);
		if (*end || value < 0 || value > (INT64_C(1) << 31))
			return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_DIM, "--dim",
					  "'%s' is not a whole number from 0 to 2^31", split + 1);
		bindings[found] = value;
	}
	return CLADE_OK;
}

enum clade_status clade_session_plan(struct clade_session *session, const char *entry_name, const char *const *dims,
				     struct clade_diag *diag)
{
	uint32_t entry = clade_session_find_entry(session, entry_name, diag);
	int64_t *bindings;
	struct clade_bound *bound;
	enum clade_status status;

	if (entry == CLADE_IR_NONE)
		return CLADE_ERR_USAGE;
	bindings = clade_alloc(session->context, (session->ir->dim_count + 1) * sizeof(int64_t));
	if (!bindings)
		return clade_fail_memory(diag, session->ir->dim_count * sizeof(int64_t), "dims");
	memcpy(bindings, session->bindings, session->ir->dim_count * sizeof(int64_t));
	status = parse_dims(session, dims, bindings, diag);
	for (uint32_t i = 0; i < session->ir->dim_count; i++)
		if (bindings[i] < 0)
			bindings[i] = 1;
	session->last_run = NULL;
	if (!status)
		status = clade_session_bind(session, entry, bindings, &bound, diag);
	clade_free(session->context, bindings);
	return status;
}

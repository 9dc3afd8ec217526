/* SPDX-License-Identifier: MIT */
/* What was decided: steps, totals, lock files. */
#include "session_internal.h"

#include <stdio.h>
#include <string.h>

#include <clade/messages.h>

static struct clade_bound *last_of(const struct clade_session *session, const char *entry_name)
{
	uint32_t entry = clade_session_find_entry(session, entry_name, NULL);

	return entry == CLADE_IR_NONE ? NULL : session->last[entry];
}

/* Types as in the last run, but of caches only the rows that hold something. */
static void cost_of(const struct clade_session *session, const struct clade_bound *bound, const struct clade_item *item,
		    struct clade_cost *out)
{
	struct clade_type types[2][CLADE_MAX_PORTS];
	const struct clade_type *pointers[2][CLADE_MAX_PORTS] = { { NULL } };
	struct clade_node_info info = { .size = sizeof(info),
					.params = item->params,
					.input_count = item->input_count,
					.output_count = item->output_count,
					.inputs = pointers[0],
					.outputs = pointers[1] };
	int64_t *capacity = session->capacity_dim == CLADE_IR_NONE ? NULL : &bound->bindings[session->capacity_dim];
	int64_t kept = capacity ? *capacity : 0;

	if (capacity && session->used_rows > 0 && session->used_rows < kept)
		*capacity = session->used_rows;
	for (uint32_t i = 0; i < item->input_count; i++)
		if (item->inputs[i] != CLADE_IR_NONE &&
		    clade_ir_eval_type(session->ir, &session->ir->values[item->inputs[i]].type, bound->bindings,
				       &types[0][i]))
			pointers[0][i] = &types[0][i];
	for (uint32_t i = 0; i < item->output_count; i++)
		if ((i == 0 || clade_bound_tensor((struct clade_bound *)bound, item->place, item->outputs[i])) &&
		    clade_ir_eval_type(session->ir, &session->ir->values[item->outputs[i]].type, bound->bindings,
				       &types[1][i]))
			pointers[1][i] = &types[1][i];
	if (capacity)
		*capacity = kept;
	clade_op_cost(item->op, &info, out);
}

bool clade_session_step(const struct clade_session *session, const char *entry, size_t index,
			struct clade_plan_step *out)
{
	struct clade_bound *bound = last_of(session, entry);
	const struct clade_item *item;

	if (!bound || index >= bound->plan->item_count)
		return false;
	item = &bound->plan->items[index];
	*out = (struct clade_plan_step) { .path = item->path,
					  .device = clade_device_get_info(session->devices[item->place])->id };
	if (item->kind == CLADE_ITEM_COPY) {
		out->is_copy = true;
		out->op = "copy";
		out->impl = item->place == CLADE_PLACE_HOST ? "to host" : "to device";
		out->order = "canonical";
		out->origin = "placement";
		out->tuned = "";
		return true;
	}
	out->op = item->op->name;
	out->is_block = item->box != CLADE_IR_NONE;
	if (item->kind == CLADE_ITEM_VIEW) {
		out->is_view = true;
		out->impl = "view";
		out->order = "canonical";
		out->origin = "no work";
		out->tuned = "";
		return true;
	}
	out->impl = item->choice.impl->name;
	out->order = clade_order_name(item->choice.impl);
	out->origin = clade_origin_name(item->choice.origin);
	out->tuned = item->choice.tuned_text;
	out->node = clade_step_node(item->step);
	out->refusal_count = item->choice.refusal_count;
	out->refusals = item->choice.refusals;
	out->device_ns = clade_exec_device_ns(bound->execs[index]);
	cost_of(session, bound, item, &out->cost);
	return true;
}

bool clade_session_weight(const struct clade_session *session, size_t index, struct clade_weight_info *out)
{
	const struct clade_ir_weight *w;
	size_t bytes = 0;

	if (index >= session->ir->weight_count)
		return false;
	w = &session->ir->weights[index];
	*out = (struct clade_weight_info) { .name = w->name,
					    .type = w->type,
					    .stored = clade_graph_weight_encoding(session->graph, (uint32_t)index),
					    .expanded = w->expanded != CLADE_EXPANDED_NOT,
					    .node = w->user_path };
	if (clade_type_bytes(&w->type, &bytes))
		out->bytes = bytes;
	switch (w->expanded) {
	case CLADE_EXPANDED_NOT:
		break;
	case CLADE_EXPANDED_TYPE:
		snprintf(out->why, sizeof(out->why), "this type is always expanded");
		break;
	case CLADE_EXPANDED_PARTS:
		snprintf(out->why, sizeof(out->why), "rows are no whole blocks, or are made from parts of rows");
		break;
	case CLADE_EXPANDED_NODE:
		snprintf(out->why, sizeof(out->why), "%s takes %s as f32", w->user_op,
			 w->user_port ? w->user_port : "all inputs");
		break;
	case CLADE_EXPANDED_OUTPUT:
		snprintf(out->why, sizeof(out->why), "it is an output, and those are f32");
		break;
	case CLADE_EXPANDED_NAMED:
		snprintf(out->why, sizeof(out->why), "%s.%s, which is asked for, reads f32", w->user_op, w->user_impl);
		break;
	}
	return true;
}

bool clade_session_totals(const struct clade_session *session, const char *entry, struct clade_plan_totals *out)
{
	struct clade_bound *bound = last_of(session, entry);

	*out = (struct clade_plan_totals) { 0 };
	if (!bound)
		return false;
	out->steps = bound->plan->item_count;
	out->copies = bound->plan->copy_count;
	out->copy_bytes = bound->plan->copy_bytes;
	for (uint32_t i = 0; i < bound->plan->item_count; i++)
		out->launches += bound->plan->items[i].kind == CLADE_ITEM_EXEC;
	for (int place = 0; place < CLADE_PLACE_COUNT; place++) {
		uint64_t total, second;

		clade_weights_bytes(session->weights[place], &total, &second);
		out->weight_bytes += total;
		out->second_layout_bytes += second;
		out->arena_bytes += bound->plan->arena_bytes[place];
	}
	for (uint32_t i = 0; i < session->ir->state_count; i++)
		out->state_bytes += session->states[i].bytes;
	out->plan_seconds = bound->plan->seconds;
	out->build_seconds = bound->plan->build_seconds;
	return true;
}

/* Appends to a growing text; false without memory. */
static bool append(struct clade_context *context, char **text, size_t *used, size_t *capacity, const char *path,
		   const char *impl)
{
	size_t need = strlen(path) + strlen(impl) + 8;

	if (*used + need > *capacity) {
		size_t grown = (*capacity + need) * 2;
		void *memory = clade_resize(context, *text, grown);

		if (!memory)
			return false;
		*text = memory;
		*capacity = grown;
	}
	*used += (size_t)snprintf(*text + *used, *capacity - *used, "%s%s%s\n", path, impl[0] ? " = " : "", impl);
	return true;
}

enum clade_status clade_session_lock(const struct clade_session *session, char **out_text, struct clade_diag *diag)
{
	size_t used = 0, capacity = 0;
	char *text = NULL;
	bool ok = append(session->context, &text, &used, &capacity, "clade-lock 1", "");

	for (uint32_t e = 0; e < session->ir->entry_count && ok; e++) {
		const struct clade_plan *plan = session->last[e] ? session->last[e]->plan : NULL;

		for (uint32_t i = 0; plan && i < plan->item_count && ok; i++)
			if (plan->items[i].kind == CLADE_ITEM_EXEC)
				ok = append(session->context, &text, &used, &capacity, plan->items[i].path,
					    plan->items[i].choice.impl->name);
	}
	*out_text = ok ? text : NULL;
	if (ok)
		return CLADE_OK;
	clade_free(session->context, text);
	return clade_fail_memory(diag, capacity, "a lock file");
}

/* SPDX-License-Identifier: MIT */
/* Whether what a plan needs fits in memory: asked before its weights are loaded. */
#include "session_internal.h"

#include <stdio.h>
#include <string.h>

#include <clade/messages.h>

/* What one place must hold in all, with what the session has there already; and its largest single buffer. */
struct need {
	uint64_t weights, states, arena, largest;
	const char *name; /* of the largest */
};

static void count(struct need *need, uint64_t *kind, uint64_t bytes, const char *name)
{
	*kind = bytes > UINT64_MAX / 4 - *kind ? UINT64_MAX / 4 : *kind + bytes;
	if (bytes > need->largest) {
		need->largest = bytes;
		need->name = name;
	}
}

static bool same_layout(struct clade_layout a, struct clade_layout b)
{
	return a.kind == b.kind && a.width == b.width;
}

/* Weights that the place's items read and do not find. Those who take any layout come last, as when they are loaded. */
static enum clade_status count_weights(const struct clade_session *session, const struct clade_plan *plan, int place,
				       struct need *need, struct clade_diag *diag)
{
	const struct clade_ir *ir = session->ir;
	struct clade_layout *seen = clade_alloc(session->context, (ir->weight_count + 1) * sizeof(*seen));
	uint64_t second;

	if (!seen)
		return clade_fail_memory(diag, ir->weight_count * sizeof(*seen), "a plan");
	for (uint32_t w = 0; w < ir->weight_count; w++)
		seen[w].kind = CLADE_LAYOUT_ANY; /* not yet */
	clade_weights_bytes(session->weights[place], &need->weights, &second);
	for (int any = 0; any < 2; any++)
		for (uint32_t i = 0; i < plan->item_count; i++) {
			const struct clade_item *item = &plan->items[i];

			for (uint32_t k = 0; item->kind == CLADE_ITEM_EXEC && item->place == (enum clade_place)place &&
					     k < item->input_count;
			     k++) {
				const struct clade_ir_value *value =
					item->inputs[k] == CLADE_IR_NONE ? NULL : &ir->values[item->inputs[k]];
				struct clade_layout layout;
				size_t bytes;

				if (!value || value->kind != CLADE_IR_WEIGHT)
					continue;
				layout = clade_step_layout(item->step, k);
				if ((layout.kind == CLADE_LAYOUT_ANY) != any ||
				    (any && seen[value->index].kind != CLADE_LAYOUT_ANY) ||
				    (!any && same_layout(seen[value->index], layout)) ||
				    clade_weights_has(session->weights[place], value->index, layout))
					continue;
				if (any)
					layout = (struct clade_layout) { CLADE_LAYOUT_ROWS, 0 };
				seen[value->index] = layout;
				if (clade_layout_bytes(&value->type, layout, &bytes))
					count(need, &need->weights, bytes, value->path);
			}
		}
	clade_free(session->context, seen);
	return CLADE_OK;
}

static void count_states(const struct clade_session *session, const struct clade_plan *plan, const int64_t *bindings,
			 struct need *need)
{
	const struct clade_ir *ir = session->ir;

	for (uint32_t s = 0; s < ir->state_count; s++) {
		struct clade_type type;
		size_t bytes = session->states[s].bytes;
		bool used = false;

		for (uint32_t v = 0; v < ir->value_count && !used && !bytes; v++)
			used = plan->locations[CLADE_PLACE_MAIN][v].home == CLADE_HOME_STATE &&
			       (ir->values[v].kind == CLADE_IR_STATE ? ir->values[v].index : ir->values[v].state) == s;
		if (used &&
		    (!clade_ir_eval_type(ir, &ir->states[s].type, bindings, &type) || !clade_type_bytes(&type, &bytes)))
			bytes = 0; /* reported where it is made */
		count(need, &need->states, bytes, ir->states[s].name);
	}
}

static const char *text_of(uint64_t bytes, char out[32])
{
	if (bytes >= (UINT64_C(1) << 30) / 10)
		snprintf(out, 32, "%.1f GiB", (double)bytes / (double)(UINT64_C(1) << 30));
	else
		snprintf(out, 32, "%.1f MiB", (double)bytes / (double)(UINT64_C(1) << 20));
	return out;
}

static enum clade_status refuse(const struct need *need, uint64_t total, const char *who, const char *what,
				uint64_t has, struct clade_diag *diag)
{
	char texts[5][32];

	return clade_fail(diag, CLADE_ERR_MEMORY, CLADE_MSG_NO_ROOM, who,
			  "the model needs %s (weights %s, states %s, values %s); %s %s; nothing has been loaded",
			  text_of(total, texts[0]), text_of(need->weights, texts[1]), text_of(need->states, texts[2]),
			  text_of(need->arena, texts[3]), what, text_of(has, texts[4]));
}

enum clade_status clade_session_check_room(struct clade_session *session, const struct clade_plan *plan,
					   const int64_t *bindings, struct clade_diag *diag)
{
	uint64_t on_host = 0;
	struct need sum = { 0 };

	for (int place = 0; place < CLADE_PLACE_COUNT; place++) {
		const struct clade_device_info *info = clade_device_get_info(session->devices[place]);
		bool is_host = info->kind == CLADE_DEVICE_HOST || info->kind == CLADE_DEVICE_CPU;
		struct need need = { 0 };
		enum clade_status status = count_weights(session, plan, place, &need, diag);
		uint64_t total;

		if (status)
			return status;
		count(&need, &need.arena, plan->arena_bytes[place], "the values of a run");
		if (place == CLADE_PLACE_MAIN)
			count_states(session, plan, bindings, &need);
		total = need.weights + need.states + need.arena;
		if (info->global_bytes && total > info->global_bytes)
			return refuse(&need, total, info->name, "the device has", info->global_bytes, diag);
		if (info->max_alloc_bytes && need.largest > info->max_alloc_bytes) {
			char texts[2][32];

			return clade_fail(
				diag, CLADE_ERR_MEMORY, CLADE_MSG_NO_ROOM, info->name,
				"'%s' needs %s in one piece; the device gives %s at most; nothing has been loaded",
				need.name, text_of(need.largest, texts[0]), text_of(info->max_alloc_bytes, texts[1]));
		}
		if (!is_host)
			continue;
		on_host += total;
		sum.weights += need.weights;
		sum.states += need.states;
		sum.arena += need.arena;
	}
	if (session->host_bytes && on_host > session->host_bytes)
		return refuse(&sum, on_host, "memory", "this machine has free", session->host_bytes, diag);
	return CLADE_OK;
}

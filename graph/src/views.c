/* SPDX-License-Identifier: MIT */
/* VIEW ops that cost nothing: their output is the input's memory through other strides (split_heads, reshape), or their
 * input is written straight into the output's memory (merge_heads). Found after the cut, before memory is laid out. */
#include "plan.h"

struct view_search {
	const struct clade_ir *ir;
	const struct clade_ir_entry *entry;
	struct clade_item *items;
	uint32_t count;
	uint32_t *producer;             /* per value: item, or NONE */
	const struct clade_view *found; /* per value */
};

static bool is_output(const struct view_search *s, uint32_t value)
{
	for (uint32_t i = 0; i < s->entry->output_count; i++)
		if (s->entry->outputs[i].value == value)
			return true;
	return false;
}

/* Whether all who read `value`, but for `except`, run on MAIN and take any strides there (or, if `dense`, just on
 * MAIN). */
static bool readers_agree(const struct view_search *s, uint32_t value, uint32_t except, bool dense)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct clade_item *item = &s->items[i];

		for (uint32_t k = 0; k < item->input_count; k++) {
			if (item->inputs[k] != value || i == except)
				continue;
			if (item->place != CLADE_PLACE_MAIN || item->kind == CLADE_ITEM_VIEW)
				return false;
			if (!dense && !(item->choice.impl->strided_inputs >> k & 1))
				return false;
		}
	}
	return true;
}

static bool writer_takes_strides(const struct view_search *s, uint32_t value)
{
	uint32_t producer = s->producer[value];
	const struct clade_item *item = producer == CLADE_IR_NONE ? NULL : &s->items[producer];

	if (!item || item->place != CLADE_PLACE_MAIN || item->kind != CLADE_ITEM_EXEC)
		return false;
	for (uint32_t i = 0; i < item->output_count; i++)
		if (item->outputs[i] == value)
			return item->choice.impl->strided_outputs >> i & 1;
	return false;
}

static bool in_plain_memory(const struct view_search *s, uint32_t value)
{
	const struct clade_ir_value *v = &s->ir->values[value];

	if (v->state != CLADE_IR_NONE || s->found[value].kind != CLADE_VIEW_NONE)
		return false;
	if (v->kind == CLADE_IR_INPUT)
		return true;
	return v->kind == CLADE_IR_NODE && s->producer[value] != CLADE_IR_NONE &&
	       s->items[s->producer[value]].place == CLADE_PLACE_MAIN;
}

/* Which way this item can be a view: of its input, from its output, or not at all. */
static enum clade_view_kind direction(const struct view_search *s, uint32_t index)
{
	const struct clade_item *item = &s->items[index];
	uint32_t input, output;

	if (item->kind != CLADE_ITEM_EXEC || item->node == CLADE_IR_NONE || !(item->op->flags & CLADE_OP_VIEW) ||
	    item->place != CLADE_PLACE_MAIN || item->choice.origin != CLADE_ORIGIN_FIRST)
		return CLADE_VIEW_NONE;
	input = item->inputs[0];
	output = item->outputs[0];
	if (!in_plain_memory(s, input))
		return CLADE_VIEW_NONE;
	if (!item->op->view)
		return readers_agree(s, output, index, true) ? CLADE_VIEW_FORWARD : CLADE_VIEW_NONE;
	if (!is_output(s, output) && readers_agree(s, output, index, false))
		return CLADE_VIEW_FORWARD;
	if (!is_output(s, input) && writer_takes_strides(s, input) && readers_agree(s, input, index, false))
		return CLADE_VIEW_BACKWARD;
	return CLADE_VIEW_NONE;
}

bool clade_views_find(struct clade_context *context, const struct clade_ir *ir, const struct clade_ir_entry *entry,
		      struct clade_item *items, uint32_t count, struct clade_view *found)
{
	uint32_t *producer = clade_alloc(context, (ir->value_count + 1) * sizeof(*producer));
	struct view_search s = { ir, entry, items, count, producer, found };

	if (!producer)
		return false;
	for (uint32_t i = 0; i < ir->value_count; i++)
		producer[i] = CLADE_IR_NONE;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t o = 0; o < items[i].output_count; o++)
			producer[items[i].outputs[o]] = i;
	for (uint32_t i = 0; i < count; i++) {
		enum clade_view_kind kind = direction(&s, i);
		uint32_t view = kind == CLADE_VIEW_FORWARD ? items[i].outputs[0] : items[i].inputs[0];
		uint32_t base = kind == CLADE_VIEW_FORWARD ? items[i].inputs[0] : items[i].outputs[0];

		if (kind == CLADE_VIEW_NONE)
			continue;
		found[view] = (struct clade_view) { kind, base, items[i].node };
		items[i].kind = CLADE_ITEM_VIEW;
	}
	clade_free(context, producer);
	return true;
}

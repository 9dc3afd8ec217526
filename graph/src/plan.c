/* SPDX-License-Identifier: MIT */
/* Planning: cut the block tree, choose, prepare steps, insert copies between places, lay out memory. */
#include "plan.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <clade/messages.h>

struct planner {
	const struct clade_plan_request *request;
	struct clade_context *context;
	const struct clade_ir *ir;
	const struct clade_ir_entry *entry;
	struct clade_plan *plan;
	struct clade_type *types; /* per value, at the bounds */
	bool *evaluated;
	bool *wanted;             /* per value: read by a node of this entry or an output */
	struct clade_view *views; /* per value */
	uint32_t item_capacity;
	struct clade_diag *diag;
};

double clade_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum clade_status clade_params_bind(const struct clade_ir *ir, const struct clade_op *op, const void *params,
				    const int64_t *bindings, void *out, struct clade_diag *diag)
{
	if (op->params_size)
		memcpy(out, params, op->params_size);
	for (const struct clade_attr *const *a = op->attrs; a && *a; a++) {
		int64_t *dims = (int64_t *)((char *)out + (*a)->offset);
		int64_t count = 1;

		if ((*a)->type == CLADE_ATTR_DIMS) {
			count = ((struct clade_dims *)dims)->count;
			dims = ((struct clade_dims *)dims)->dims;
		} else if ((*a)->type != CLADE_ATTR_DIM || *dims == INT64_MIN) {
			continue;
		}
		for (int64_t i = 0; i < count; i++)
			if (dims[i] < 0 && !clade_ir_eval(ir, dims[i], bindings, &dims[i])) {
				char text[128];

				return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_DIM, NULL,
						  "%s: attribute '%s': %s has no value here", op->name, (*a)->name,
						  clade_ir_dim_text(ir, dims[i], text, sizeof(text)));
			}
	}
	return CLADE_OK;
}

static enum clade_status type_of(struct planner *p, uint32_t value, const struct clade_type **out)
{
	if (!p->evaluated[value]) {
		const struct clade_ir_value *v = &p->ir->values[value];
		int64_t count;
		char text[256];

		if (!clade_ir_eval_type(p->ir, &v->type, p->plan->bounds, &p->types[value]) ||
		    !clade_type_count(&p->types[value], &count))
			return clade_fail(p->diag, CLADE_ERR_DATA, CLADE_MSG_DIM, v->path,
					  "the shape %s has no value for these dims",
					  clade_ir_type_text(p->ir, &v->type, text, sizeof(text)));
		p->evaluated[value] = true;
	}
	*out = &p->types[value];
	return CLADE_OK;
}

/* Concrete view of a node or box for accepts and prepare. */
struct node_view {
	struct clade_node_info info;
	const struct clade_type *inputs[CLADE_MAX_PORTS], *outputs[CLADE_MAX_PORTS];
	enum clade_source_kind sources[CLADE_MAX_PORTS];
	void *params;
};

static enum clade_source_kind source_of(const struct clade_ir *ir, uint32_t value)
{
	const struct clade_ir_value *v = &ir->values[value];

	if (v->state != CLADE_IR_NONE || v->kind == CLADE_IR_STATE)
		return CLADE_FROM_STATE;
	return v->kind == CLADE_IR_WEIGHT  ? CLADE_FROM_WEIGHT
	       : v->kind == CLADE_IR_INPUT ? CLADE_FROM_INPUT
					   : CLADE_FROM_VALUE;
}

static enum clade_status view_node(struct planner *p, const struct clade_item *item, struct node_view *view)
{
	enum clade_status status = CLADE_OK;

	memset(view, 0, sizeof(*view));
	if (item->input_count > CLADE_MAX_PORTS || item->output_count > CLADE_MAX_PORTS)
		return clade_fail(p->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_SIZE, item->path,
				  "more than %d inputs or outputs", CLADE_MAX_PORTS);
	for (uint32_t i = 0; i < item->input_count && !status; i++)
		if (item->inputs[i] != CLADE_IR_NONE) {
			view->sources[i] = source_of(p->ir, item->inputs[i]);
			status = type_of(p, item->inputs[i], &view->inputs[i]);
		}
	for (uint32_t i = 0; i < item->output_count && !status; i++)
		if (p->wanted[item->outputs[i]] || i == 0)
			status = type_of(p, item->outputs[i], &view->outputs[i]);
	if (!status && item->op->params_size) {
		view->params = clade_alloc(p->context, item->op->params_size);
		status = view->params ? clade_params_bind(p->ir, item->op, item->params, p->plan->bounds, view->params,
							  p->diag)
				      : clade_fail_memory(p->diag, item->op->params_size, "a node's attributes");
	}
	view->info =
		(struct clade_node_info) { .size = sizeof(view->info),
					   .params = view->params,
					   .input_count = item->input_count,
					   .output_count = item->output_count,
					   .inputs = view->inputs,
					   .outputs = view->outputs,
					   .sources = view->sources,
					   .device = clade_device_get_info(p->request->devices[CLADE_PLACE_MAIN]) };
	return status;
}

static struct clade_item *add_item(struct planner *p)
{
	struct clade_plan *plan = p->plan;

	if (plan->item_count == p->item_capacity) {
		uint32_t capacity = p->item_capacity ? p->item_capacity * 2 : 64;
		void *grown = clade_resize(p->context, plan->items, capacity * sizeof(*plan->items));

		if (!grown) {
			clade_fail_memory(p->diag, capacity * sizeof(*plan->items), "a plan");
			return NULL;
		}
		plan->items = grown;
		p->item_capacity = capacity;
	}
	plan->items[plan->item_count] = (struct clade_item) { .node = CLADE_IR_NONE, .box = CLADE_IR_NONE };
	return &plan->items[plan->item_count++];
}

/* ---- the cut ---- */

/* The outermost box with a block op that starts at `node` and lies inside the entry, taken whole if an implementation
 * accepts it. Tries from the outside in, skipping boxes that were opened already (`opened`). */
static enum clade_status try_boxes(struct planner *p, uint32_t node, bool *opened, struct clade_choice *pending,
				   bool *out_taken)
{
	uint32_t chain[256], depth = 0;

	*out_taken = false;
	for (uint32_t b = p->ir->nodes[node].box; b != CLADE_IR_NONE && depth < 256; b = p->ir->boxes[b].parent)
		if (p->ir->boxes[b].op && p->ir->boxes[b].first_node == node && !opened[b])
			chain[depth++] = b;
	while (depth-- > 0) {
		const struct clade_ir_box *box = &p->ir->boxes[chain[depth]];
		struct clade_item candidate = { .node = CLADE_IR_NONE,
						.box = chain[depth],
						.path = box->path,
						.op = box->op,
						.params = box->params,
						.input_count = box->input_count,
						.output_count = box->output_count,
						.inputs = box->inputs,
						.outputs = box->outputs };
		struct node_view view;
		struct clade_item *item;
		enum clade_status status = view_node(p, &candidate, &view);

		if (!status)
			status = clade_choose_box(p->request->rules, p->ir, chain[depth], &view.info, &candidate.choice,
						  p->diag);
		if (!status && candidate.choice.impl) {
			item = add_item(p);
			if (item) {
				*item = candidate;
				*out_taken = true;
				view.info.tuned = item->choice.tuned;
				status = clade_step_create(p->request->devices[CLADE_PLACE_MAIN], item->op,
							   item->choice.impl, &view.info, &item->step, p->diag);
			} else {
				status = CLADE_ERR_MEMORY;
			}
		} else if (!status) {
			opened[chain[depth]] = true;
			clade_choice_finish(p->context, pending); /* keep the innermost box's reasons */
			*pending = candidate.choice;
		}
		clade_free(p->context, view.params);
		if (status || *out_taken)
			return status;
	}
	return CLADE_OK;
}

static enum clade_status plan_node(struct planner *p, uint32_t node)
{
	const struct clade_ir_node *n = &p->ir->nodes[node];
	const struct clade_device_info *host = clade_device_get_info(p->request->devices[CLADE_PLACE_HOST]);
	struct clade_item *item = add_item(p);
	struct node_view view;
	enum clade_status status;
	bool on_host = false;

	if (!item)
		return CLADE_ERR_MEMORY;
	item->node = node;
	item->path = n->path;
	item->op = n->op;
	item->params = n->params;
	item->input_count = n->input_count;
	item->output_count = n->output_count;
	item->inputs = n->inputs;
	item->outputs = n->outputs;
	status = view_node(p, item, &view);
	if (!status)
		status = clade_choose_node(p->request->rules, p->ir, node, &view.info, host, &item->choice, &on_host,
					   p->diag);
	if (!status) {
		item->place = on_host ? CLADE_PLACE_HOST : CLADE_PLACE_MAIN;
		if (on_host)
			view.info.device = host;
		view.info.tuned = item->choice.tuned;
		status = clade_step_create(p->request->devices[item->place], n->op, item->choice.impl, &view.info,
					   &item->step, p->diag);
	}
	clade_free(p->context, view.params);
	return status;
}

static void mark_wanted(struct planner *p)
{
	for (uint32_t n = p->entry->first_node; n < p->entry->last_node; n++)
		for (uint32_t i = 0; i < p->ir->nodes[n].input_count; i++)
			if (p->ir->nodes[n].inputs[i] != CLADE_IR_NONE)
				p->wanted[p->ir->nodes[n].inputs[i]] = true;
	for (uint32_t i = 0; i < p->entry->output_count; i++)
		p->wanted[p->entry->outputs[i].value] = true;
}

/* The reasons why a block was opened go to the first node inside it. */
static void hand_over(struct planner *p, struct clade_choice *node, struct clade_choice *box)
{
	uint32_t total = node->refusal_count + box->refusal_count;
	struct clade_refusal *grown =
		box->refusal_count ? clade_resize(p->context, node->refusals, total * sizeof(*grown)) : NULL;

	if (!grown)
		return;
	for (uint32_t i = 0; i < box->refusal_count; i++)
		grown[node->refusal_count + i] = box->refusals[i];
	node->refusals = grown;
	node->refusal_count = total;
	box->refusal_count = 0; /* the texts have moved */
}

static enum clade_status cut(struct planner *p)
{
	bool *opened = clade_alloc(p->context, p->ir->box_count + 1);
	struct clade_choice pending = { 0 };
	enum clade_status status = opened ? CLADE_OK : clade_fail_memory(p->diag, p->ir->box_count, "a plan");

	for (uint32_t n = p->entry->first_node; n < p->entry->last_node && !status;) {
		bool taken;

		status = try_boxes(p, n, opened, &pending, &taken);
		if (status)
			break;
		if (taken) {
			n = p->ir->boxes[p->plan->items[p->plan->item_count - 1].box].last_node;
			continue;
		}
		status = plan_node(p, n++);
		if (!status)
			hand_over(p, &p->plan->items[p->plan->item_count - 1].choice, &pending);
	}
	clade_choice_finish(p->context, &pending);
	clade_free(p->context, opened);
	return status;
}

/* ---- homes, copies and spans ---- */

static struct clade_span *add_span(struct planner *p, enum clade_place place, uint64_t bytes, uint32_t item,
				   uint32_t *out_index)
{
	struct clade_plan *plan = p->plan;

	if (plan->span_count[place] == plan->span_capacity[place]) {
		uint32_t capacity = plan->span_capacity[place] ? plan->span_capacity[place] * 2 : 64;
		void *grown = clade_resize(p->context, plan->spans[place], capacity * sizeof(struct clade_span));

		if (!grown) {
			clade_fail_memory(p->diag, capacity * sizeof(struct clade_span), "a plan");
			return NULL;
		}
		plan->spans[place] = grown;
		plan->span_capacity[place] = capacity;
	}
	*out_index = plan->span_count[place]++;
	plan->spans[place][*out_index] =
		(struct clade_span) { .bytes = bytes, .first = item, .last = item, .used = true };
	return &plan->spans[place][*out_index];
}

static enum clade_status give_span(struct planner *p, enum clade_place place, uint32_t value, uint32_t item)
{
	const struct clade_type *type;
	struct clade_location *location = &p->plan->locations[place][value];
	enum clade_status status = type_of(p, value, &type);
	size_t bytes;

	if (status)
		return status;
	if (!clade_type_bytes(type, &bytes))
		return clade_fail(p->diag, CLADE_ERR_DATA, CLADE_MSG_SIZE, p->ir->values[value].path,
				  "its size overflows");
	location->home = CLADE_HOME_ARENA;
	return add_span(p, place, bytes, item, &location->span) ? CLADE_OK : CLADE_ERR_MEMORY;
}

/* The span that holds the value at this place, through views; NULL if it is not in the arena. */
static struct clade_span *span_of(struct clade_plan *plan, enum clade_place place, uint32_t value)
{
	const struct clade_location *location = &plan->locations[place][value];

	while (location->home == CLADE_HOME_VIEW)
		location = &plan->locations[place][location->base];
	return location->home == CLADE_HOME_ARENA ? &plan->spans[place][location->span] : NULL;
}

static void touch(struct planner *p, enum clade_place place, uint32_t value, uint32_t item)
{
	struct clade_span *span = span_of(p->plan, place, value);

	if (span && span->last < item)
		span->last = item;
}

/* A home for an output: its own memory, or, for what is later merged into another value, that value's memory. */
static enum clade_status give_home(struct planner *p, enum clade_place place, uint32_t value, uint32_t item)
{
	const struct clade_view *view = &p->views[value];
	struct clade_location *location = &p->plan->locations[place][value];

	if (view->kind != CLADE_VIEW_BACKWARD)
		return give_span(p, place, value, item);
	*location = (struct clade_location) { CLADE_HOME_VIEW, 0, view->base, view->node, true };
	return give_span(p, place, view->base, item);
}

static enum clade_status add_copy(struct planner *p, enum clade_place target, uint32_t value)
{
	struct clade_item *item = add_item(p);
	const struct clade_type *type;
	size_t bytes = 0;

	if (!item)
		return CLADE_ERR_MEMORY;
	item->kind = CLADE_ITEM_COPY;
	item->place = target;
	item->copy_value = value;
	item->path = p->ir->values[value].path;
	p->plan->copy_count++;
	if (!type_of(p, value, &type) && clade_type_bytes(type, &bytes))
		p->plan->copy_bytes += bytes;
	touch(p, target == CLADE_PLACE_MAIN ? CLADE_PLACE_HOST : CLADE_PLACE_MAIN, value, p->plan->item_count - 1);
	return CLADE_OK;
}

/* Makes `value` present at `place` before the next item. Inputs, weights and constants are present everywhere. */
static enum clade_status bring(struct planner *p, enum clade_place place, uint32_t value)
{
	const struct clade_ir_value *v = &p->ir->values[value];
	struct clade_location *location = &p->plan->locations[place][value];
	enum clade_status status;

	if (v->kind == CLADE_IR_WEIGHT || v->kind == CLADE_IR_CONST || location->home != CLADE_HOME_NONE)
		return CLADE_OK;
	if (v->kind == CLADE_IR_INPUT)
		return give_span(p, place, value, 0); /* written by the session before the first item */
	if (place == CLADE_PLACE_MAIN && v->kind == CLADE_IR_STATE) {
		location->home = CLADE_HOME_STATE;
		return CLADE_OK;
	}
	/* from the other place; a state that was never touched there is first found in the session's buffer */
	status = bring(p, place == CLADE_PLACE_MAIN ? CLADE_PLACE_HOST : CLADE_PLACE_MAIN, value);
	if (!status)
		status = give_span(p, place, value, p->plan->item_count);
	return status ? status : add_copy(p, place, value);
}

static enum clade_status place_view(struct planner *p, struct clade_item *item, uint32_t index)
{
	uint32_t input = item->inputs[0], output = item->outputs[0];

	clade_step_destroy(&item->step);
	touch(p, CLADE_PLACE_MAIN, input, index);
	if (p->views[output].kind == CLADE_VIEW_FORWARD)
		p->plan->locations[CLADE_PLACE_MAIN][output] =
			(struct clade_location) { CLADE_HOME_VIEW, 0, input, item->node, false };
	return CLADE_OK;
}

/* Re-plays the items of the cut in order, inserting copies and giving every output a home. */
static enum clade_status place_item(struct planner *p, const struct clade_item *source)
{
	enum clade_status status = CLADE_OK;
	struct clade_item *item;
	uint32_t index;

	for (uint32_t i = 0; i < source->input_count && !status; i++)
		if (source->inputs[i] != CLADE_IR_NONE)
			status = bring(p, source->place, source->inputs[i]);
	if (status)
		return status;
	item = add_item(p);
	if (!item)
		return CLADE_ERR_MEMORY;
	*item = *source;
	index = p->plan->item_count - 1;
	if (source->kind == CLADE_ITEM_VIEW)
		return place_view(p, item, index);
	for (uint32_t i = 0; i < source->input_count; i++)
		if (source->inputs[i] != CLADE_IR_NONE)
			touch(p, source->place, source->inputs[i], index);
	for (uint32_t i = 0; i < source->output_count && !status; i++) {
		uint32_t value = source->outputs[i], state = p->ir->values[value].state;
		struct clade_location *location = &p->plan->locations[source->place][value];

		if (state != CLADE_IR_NONE && source->place == CLADE_PLACE_MAIN)
			location->home = CLADE_HOME_STATE;
		else if (state != CLADE_IR_NONE) /* written in place in the host's copy of the state, its first input */
			*location = p->plan->locations[source->place][source->inputs[0]];
		else if (p->wanted[value] || i == 0)
			status = give_home(p, source->place, value, index);
	}
	for (size_t s = 0; s < clade_step_scratch_count(source->step) && !status; s++) {
		uint32_t span;

		if (!add_span(p, source->place, clade_step_scratch_bytes(source->step, s), index, &span))
			status = CLADE_ERR_MEMORY;
		if (s == 0)
			p->plan->items[index].first_scratch = span;
	}
	/* a state written on the host goes back at once */
	for (uint32_t i = 0; i < source->output_count && !status; i++) {
		uint32_t value = source->outputs[i];

		if (p->ir->values[value].state == CLADE_IR_NONE || source->place == CLADE_PLACE_MAIN)
			continue;
		p->plan->locations[CLADE_PLACE_MAIN][value].home = CLADE_HOME_STATE;
		status = add_copy(p, CLADE_PLACE_MAIN, value);
	}
	return status;
}

static enum clade_status place_all(struct planner *p)
{
	struct clade_item *cut_items = p->plan->items;
	uint32_t count = p->plan->item_count, done = 0;
	enum clade_status status = CLADE_OK;

	p->plan->items = NULL;
	p->plan->item_count = p->item_capacity = 0;
	for (; done < count && !status; done++) {
		uint32_t before = p->plan->item_count;

		status = place_item(p, &cut_items[done]);
		if (status) { /* the item may or may not have been moved over */
			bool moved = false;

			for (uint32_t i = before; i < p->plan->item_count; i++)
				moved |= p->plan->items[i].step == cut_items[done].step && cut_items[done].step;
			done += moved;
			break;
		}
	}
	for (; done < count; done++) {
		clade_step_destroy(&cut_items[done].step);
		clade_choice_finish(p->context, &cut_items[done].choice);
	}
	clade_free(p->context, cut_items);
	/* outputs are read from MAIN after the last item; inputs that nobody reads still need no home */
	for (uint32_t i = 0; i < p->entry->output_count && !status; i++) {
		uint32_t value = p->entry->outputs[i].value;

		status = bring(p, CLADE_PLACE_MAIN, value);
		touch(p, CLADE_PLACE_MAIN, value, UINT32_MAX);
	}
	return status;
}

/* ---- all of it ---- */

/* A plan's steps at a place. */
static size_t list_steps(const struct clade_plan *plan, int place, struct clade_step **out)
{
	size_t count = 0;

	for (uint32_t i = 0; plan && i < plan->item_count; i++)
		if (plan->items[i].step && plan->items[i].place == (enum clade_place)place)
			out[count++] = plan->items[i].step;
	return count;
}

enum clade_status clade_plan_build(struct clade_plan *plan, const struct clade_plan_request *request,
				   struct clade_plan *ahead, struct clade_diag *diag)
{
	size_t most = plan->item_count + (ahead ? ahead->item_count : 0) + 1;
	struct clade_step **steps = clade_alloc(plan->context, most * sizeof(*steps));
	enum clade_status status = steps ? CLADE_OK : clade_fail_memory(diag, most * sizeof(*steps), "a plan");
	double start = clade_now();

	for (int place = 0; place < CLADE_PLACE_COUNT && !status; place++) {
		size_t count = list_steps(plan, place, steps);

		count += list_steps(ahead, place, steps + count);
		if (count)
			status = clade_steps_build(request->devices[place], steps, count, diag);
	}
	plan->build_seconds = clade_now() - start;
	plan->seconds += plan->build_seconds;
	clade_free(plan->context, steps);
	return status;
}

static enum clade_status plan_all(struct planner *p)
{
	enum clade_status status;

	mark_wanted(p);
	status = cut(p);
	if (!status && !clade_views_find(p->context, p->ir, p->entry, p->plan->items, p->plan->item_count, p->views))
		status = clade_fail_memory(p->diag, p->ir->value_count * sizeof(uint32_t), "a plan");
	if (!status)
		status = place_all(p);
	for (int place = 0; place < CLADE_PLACE_COUNT && !status; place++)
		if (!clade_arena_assign(p->plan->spans[place], p->plan->span_count[place],
					!p->request->rules->keep_values, &p->plan->arena_bytes[place]))
			status = clade_fail(p->diag, CLADE_ERR_DATA, CLADE_MSG_SIZE, p->entry->name,
					    "the memory for its values overflows");
	return status;
}

enum clade_status clade_plan_create(const struct clade_plan_request *request, struct clade_plan **out_plan,
				    struct clade_diag *diag)
{
	const struct clade_ir *ir = clade_graph_ir(request->graph);
	struct clade_context *context = ir->context;
	struct planner p = {
		.request = request, .context = context, .ir = ir, .entry = &ir->entries[request->entry], .diag = diag
	};
	struct clade_plan *plan = clade_alloc(context, sizeof(*plan));
	double start = clade_now();
	enum clade_status status;

	*out_plan = NULL;
	if (!plan)
		return clade_fail_memory(diag, sizeof(*plan), "a plan");
	p.plan = plan;
	plan->graph = request->graph;
	plan->context = context;
	plan->entry = request->entry;
	plan->arena_value_count = ir->value_count;
	plan->bounds = clade_alloc(context, (ir->dim_count + 1) * sizeof(int64_t));
	p.types = clade_alloc(context, (ir->value_count + 1) * sizeof(*p.types));
	p.evaluated = clade_alloc(context, ir->value_count + 1);
	p.wanted = clade_alloc(context, ir->value_count + 1);
	p.views = clade_alloc(context, (ir->value_count + 1) * sizeof(*p.views));
	for (int place = 0; place < CLADE_PLACE_COUNT; place++)
		plan->locations[place] = clade_alloc(context, (ir->value_count + 1) * sizeof(struct clade_location));
	if (plan->bounds && p.types && p.evaluated && p.wanted && p.views && plan->locations[0] && plan->locations[1]) {
		memcpy(plan->bounds, request->bounds, ir->dim_count * sizeof(int64_t));
		status = plan_all(&p);
	} else {
		status = clade_fail_memory(diag, ir->value_count * sizeof(*p.types), "a plan");
	}
	clade_free(context, p.types);
	clade_free(context, p.evaluated);
	clade_free(context, p.wanted);
	clade_free(context, p.views);
	plan->seconds = clade_now() - start;
	if (status)
		clade_plan_destroy(&plan);
	*out_plan = plan;
	return status;
}

void clade_plan_destroy(struct clade_plan **plan_pointer)
{
	struct clade_plan *plan = plan_pointer ? *plan_pointer : NULL;

	if (!plan)
		return;
	for (uint32_t i = 0; i < plan->item_count; i++) {
		clade_step_destroy(&plan->items[i].step);
		clade_choice_finish(plan->context, &plan->items[i].choice);
	}
	clade_free(plan->context, plan->items);
	clade_free(plan->context, plan->bounds);
	for (int place = 0; place < CLADE_PLACE_COUNT; place++) {
		clade_free(plan->context, plan->locations[place]);
		clade_free(plan->context, plan->spans[place]);
	}
	clade_free(plan->context, plan);
	*plan_pointer = NULL;
}

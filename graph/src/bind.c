/* SPDX-License-Identifier: MIT */
/* From dims to tensors: plans by bucket, memory for arenas and states, and the pointers that steps run with. */
#include "session_internal.h"

#include <stdio.h>
#include <string.h>

#include <clade/messages.h>

static int64_t power_of_two(int64_t value)
{
	int64_t power = 1;

	while (power < value && power < (INT64_C(1) << 40))
		power *= 2;
	return power;
}

/* DESIGN 5.2: 1, 8, 64, 512 where the entry may be chunked, powers of two elsewhere; session dims are exact. */
static int64_t bucket(const struct clade_session *session, uint32_t entry, uint32_t dim, int64_t value)
{
	if (value < 0 || session->ir->dims[dim].dim_class == CLADE_DIM_SESSION)
		return value;
	if (session->ir->entries[entry].chunk_dim == dim || session->ir->dims[dim].has_default)
		for (int64_t step = 1; step <= CLADE_CHUNK_MAX; step *= 8)
			if (value <= step)
				return step;
	return power_of_two(value);
}

void clade_bound_destroy(struct clade_session *session, struct clade_bound **pointer)
{
	struct clade_bound *bound = pointer ? *pointer : NULL;
	struct clade_context *context = session->context;

	if (!bound)
		return;
	for (uint32_t i = 0; bound->plan && i < bound->plan->item_count; i++) {
		if (bound->execs)
			clade_exec_destroy(&bound->execs[i]);
		if (bound->params)
			clade_free(context, bound->params[i]);
	}
	clade_free(context, bound->execs);
	clade_free(context, bound->params);
	clade_free(context, bound->tensors[CLADE_PLACE_MAIN]);
	clade_free(context, bound->tensors[CLADE_PLACE_HOST]);
	clade_free(context, bound->scratch);
	clade_free(context, bound->slots);
	clade_free(context, bound->first_slot);
	clade_free(context, bound->bindings);
	clade_plan_destroy(&bound->plan);
	clade_free(context, bound);
	*pointer = NULL;
}

/* ---- making a plan executable ---- */

static enum clade_status load_weights(struct clade_session *session, const struct clade_item *item,
				      const struct clade_tensor **slots, bool any, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < item->input_count && !status; i++) {
		const struct clade_ir_value *value =
			item->inputs[i] == CLADE_IR_NONE ? NULL : &session->ir->values[item->inputs[i]];
		struct clade_layout layout;

		if (!value || value->kind != CLADE_IR_WEIGHT)
			continue;
		layout = clade_step_layout(item->step, i);
		if ((layout.kind == CLADE_LAYOUT_ANY) == any)
			status =
				clade_weights_get(session->weights[item->place], value->index, layout, &slots[i], diag);
	}
	return status;
}

static void point(struct clade_session *session, struct clade_bound *bound, uint32_t index,
		  struct clade_tensor **scratch)
{
	const struct clade_item *item = &bound->plan->items[index];
	const struct clade_tensor **slots = bound->slots + bound->first_slot[index];
	struct clade_tensor *tensors = bound->tensors[item->place];

	for (uint32_t i = 0; i < item->input_count; i++)
		if (item->inputs[i] != CLADE_IR_NONE && session->ir->values[item->inputs[i]].kind != CLADE_IR_WEIGHT)
			slots[i] = &tensors[item->inputs[i]];
	for (uint32_t i = 0; i < item->output_count; i++)
		if (bound->plan->locations[item->place][item->outputs[i]].home != CLADE_HOME_NONE)
			slots[item->input_count + i] = &tensors[item->outputs[i]];
	for (size_t i = 0; i < clade_step_scratch_count(item->step); i++)
		slots[item->input_count + item->output_count + i] = (*scratch)++;
}

static enum clade_status allocate_bound(struct clade_session *session, struct clade_bound *bound,
					struct clade_diag *diag)
{
	struct clade_context *context = session->context;
	const struct clade_plan *plan = bound->plan;
	size_t slots = 1, scratch = 1;

	bound->first_slot = clade_alloc(context, (plan->item_count + 1) * sizeof(uint32_t));
	if (!bound->first_slot)
		return clade_fail_memory(diag, plan->item_count * sizeof(uint32_t), "a plan");
	for (uint32_t i = 0; i < plan->item_count; i++) {
		bound->first_slot[i] = (uint32_t)slots;
		if (plan->items[i].kind != CLADE_ITEM_EXEC)
			continue;
		scratch += clade_step_scratch_count(plan->items[i].step);
		slots += plan->items[i].input_count + plan->items[i].output_count +
			 clade_step_scratch_count(plan->items[i].step);
	}
	bound->execs = clade_alloc(context, (plan->item_count + 1) * sizeof(*bound->execs));
	bound->params = clade_alloc(context, (plan->item_count + 1) * sizeof(*bound->params));
	bound->scratch = clade_alloc(context, scratch * sizeof(*bound->scratch));
	bound->slots = clade_alloc(context, slots * sizeof(*bound->slots));
	bound->bindings = clade_alloc(context, (session->ir->dim_count + 1) * sizeof(int64_t));
	for (int place = 0; place < CLADE_PLACE_COUNT; place++)
		bound->tensors[place] =
			clade_alloc(context, (session->ir->value_count + 1) * sizeof(struct clade_tensor));
	if (!bound->execs || !bound->params || !bound->scratch || !bound->slots || !bound->bindings ||
	    !bound->tensors[0] || !bound->tensors[1])
		return clade_fail_memory(diag, session->ir->value_count * sizeof(struct clade_tensor), "a plan");
	return CLADE_OK;
}

static bool has_dim_attrs(const struct clade_op *op)
{
	for (const struct clade_attr *const *a = op->attrs; a && *a; a++)
		if ((*a)->type == CLADE_ATTR_DIM || (*a)->type == CLADE_ATTR_DIMS)
			return true;
	return false;
}

static enum clade_status instantiate(struct clade_session *session, struct clade_bound *bound, struct clade_diag *diag)
{
	struct clade_plan *plan = bound->plan;
	enum clade_status status = allocate_bound(session, bound, diag);
	struct clade_tensor *scratch = bound->scratch;

	for (uint32_t i = 0; i < plan->item_count && !status; i++) {
		struct clade_item *item = &plan->items[i];

		if (item->kind != CLADE_ITEM_EXEC)
			continue;
		status = clade_exec_create(item->step, session->queues[item->place], &bound->execs[i], diag);
		if (!status && item->op->params_size && has_dim_attrs(item->op)) {
			bound->params[i] = clade_alloc(session->context, item->op->params_size);
			if (!bound->params[i])
				status = clade_fail_memory(diag, item->op->params_size, "a node's attributes");
		}
		point(session, bound, i, &scratch);
	}
	/* weights with a layout of their own first, so that those who read any layout share it */
	for (int any = 0; any < 2; any++)
		for (uint32_t i = 0; i < plan->item_count && !status; i++)
			if (plan->items[i].kind == CLADE_ITEM_EXEC)
				status = load_weights(session, &plan->items[i], bound->slots + bound->first_slot[i],
						      any, diag);
	return status;
}

static bool is_plan_of(const struct clade_session *session, const struct clade_plan *plan, uint32_t entry,
		       const int64_t *bounds)
{
	return plan && plan->entry == entry && !memcmp(plan->bounds, bounds, session->ir->dim_count * sizeof(int64_t));
}

static struct clade_bound *find_bound(struct clade_session *session, uint32_t entry, const int64_t *bounds)
{
	for (uint32_t i = 0; i < session->bound_count; i++)
		if (is_plan_of(session, session->bounds[i]->plan, entry, bounds))
			return session->bounds[i];
	return NULL;
}

/* Of an entry's next run the steps that are to follow it, if that is known: what they need is built with what the run
 * needs. Without that plan, which is none of the caller's errors, it is built later. */
static void plan_ahead(struct clade_session *session, const struct clade_plan_request *request)
{
	const struct clade_ir *ir = session->ir;
	uint32_t chunk = ir->entries[request->entry].chunk_dim;
	struct clade_plan_request step = *request;
	int64_t bounds[64];

	if (!session->expects_steps || chunk == CLADE_IR_NONE || request->bounds[chunk] <= 1)
		return;
	for (uint32_t d = 0; d < ir->dim_count; d++)
		bounds[d] = d == chunk || (ir->dims[d].has_default && request->bounds[d] > 1) ? 1 : request->bounds[d];
	step.bounds = bounds;
	if (find_bound(session, request->entry, bounds) || is_plan_of(session, session->ahead, request->entry, bounds))
		return;
	clade_plan_destroy(&session->ahead);
	clade_plan_create(&step, &session->ahead, NULL);
}

static enum clade_status make_plan(struct clade_session *session, const struct clade_plan_request *request,
				   struct clade_plan **out_plan, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	if (is_plan_of(session, session->ahead, request->entry, request->bounds)) {
		*out_plan = session->ahead;
		session->ahead = NULL;
	} else {
		plan_ahead(session, request);
		status = clade_plan_create(request, out_plan, diag);
	}
	return status ? status : clade_plan_build(*out_plan, request, session->ahead, diag);
}

static enum clade_status make_bound(struct clade_session *session, uint32_t entry, const int64_t *bounds,
				    const int64_t *bindings, struct clade_bound **out_bound, struct clade_diag *diag)
{
	struct clade_plan_request request = {
		.graph = session->graph, .rules = session->rules, .entry = entry, .bounds = bounds
	};
	uint64_t built = session->counters.programs_built;
	struct clade_device_counters counters;
	struct clade_bound *bound = clade_alloc(session->context, sizeof(*bound));
	enum clade_status status;
	void *grown;

	*out_bound = NULL;
	if (!bound)
		return clade_fail_memory(diag, sizeof(*bound), "a plan");
	request.devices[CLADE_PLACE_MAIN] = session->devices[CLADE_PLACE_MAIN];
	request.devices[CLADE_PLACE_HOST] = session->devices[CLADE_PLACE_HOST];
	status = make_plan(session, &request, &bound->plan, diag);
	if (!status)
		status = clade_session_check_room(session, bound->plan, bindings, diag);
	if (!status)
		status = instantiate(session, bound, diag);
	grown = status ? NULL
		       : clade_resize(session->context, session->bounds,
				      (session->bound_count + 1) * sizeof(*session->bounds));
	if (!grown) {
		clade_bound_destroy(session, &bound);
		return status ? status : clade_fail_memory(diag, sizeof(*bound), "a plan");
	}
	session->bounds = grown;
	session->bounds[session->bound_count++] = bound;
	session->counters.plans++;
	clade_device_get_counters(session->devices[CLADE_PLACE_MAIN], &counters);
	session->counters.programs_built = counters.programs_built > built ? counters.programs_built : built;
	*out_bound = bound;
	return CLADE_OK;
}

/* ---- memory ---- */

static enum clade_status ensure_arena(struct clade_session *session, int place, uint64_t bytes, struct clade_diag *diag)
{
	struct clade_buffer *fresh = NULL;
	enum clade_status status;

	if (session->arena[place] && clade_buffer_size(session->arena[place]) >= bytes)
		return CLADE_OK;
	status = clade_queue_finish(session->queues[place], diag);
	if (!status)
		status = clade_buffer_create(session->devices[place], (size_t)bytes, &fresh, diag);
	if (status)
		return status;
	clade_buffer_unref(&session->arena[place]);
	session->arena[place] = fresh;
	session->arena_generation++;
	session->counters.arena_allocations++;
	return CLADE_OK;
}

/* A state's memory at these dims. A cache keeps its rows when only its capacity grows; anything else starts from zeros.
 */
static enum clade_status ensure_state(struct clade_session *session, uint32_t index, const int64_t *bindings,
				      struct clade_diag *diag)
{
	const struct clade_ir_state *s = &session->ir->states[index];
	struct clade_session_state *state = &session->states[index];
	struct clade_queue *queue = session->queues[CLADE_PLACE_MAIN];
	struct clade_buffer *fresh = NULL;
	enum clade_status status;
	struct clade_type type;
	size_t bytes, fill;

	if (!clade_ir_eval_type(session->ir, &s->type, bindings, &type) || !clade_type_bytes(&type, &bytes))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_DIM, s->name,
				  "the state's shape has no value for these dims");
	if (state->buffer && state->bytes >= bytes) {
		state->type = type;
		return CLADE_OK;
	}
	fill = (bytes + 3) & ~(size_t)3;
	status = clade_queue_finish(queue, diag);
	if (!status)
		status = clade_buffer_create(session->devices[CLADE_PLACE_MAIN], fill, &fresh, diag);
	if (!status && fill)
		status = clade_buffer_fill(queue, fresh, 0, fill, 0, diag);
	if (!status)
		status = clade_queue_finish(queue, diag);
	if (status) {
		clade_buffer_unref(&fresh);
		return status;
	}
	clade_buffer_unref(&state->buffer);
	state->buffer = fresh;
	state->bytes = bytes;
	state->type = type;
	session->arena_generation++;
	return CLADE_OK;
}

/* Copies a cache to a larger buffer, `state->larger`; the state itself stays as it is. */
static enum clade_status copy_cache(struct clade_session *session, const struct clade_ir_state *s,
				    struct clade_session_state *state, int64_t capacity, struct clade_diag *diag)
{
	struct clade_queue *queue = session->queues[CLADE_PLACE_MAIN];
	struct clade_type type = state->type;
	int64_t outer = 1, inner = clade_dtype_info(type.dtype)->bytes, old_rows = type.dims[s->capacity_axis];
	enum clade_status status;
	size_t bytes;

	if (old_rows >= capacity)
		return CLADE_OK; /* a ring that is as large as it gets */
	for (uint32_t i = 0; i < type.rank; i++)
		if (i != s->capacity_axis)
			*(i < s->capacity_axis ? &outer : &inner) *= type.dims[i];
	type.dims[s->capacity_axis] = capacity;
	if (!clade_type_bytes(&type, &bytes) || bytes > SIZE_MAX - 3)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SIZE, s->name, "a cache of %lld rows overflows",
				  (long long)capacity);
	bytes = (bytes + 3) & ~(size_t)3;
	status = clade_buffer_create(session->devices[CLADE_PLACE_MAIN], bytes, &state->larger, diag);
	if (!status && bytes)
		status = clade_buffer_fill(queue, state->larger, 0, bytes, 0, diag);
	for (int64_t i = 0; i < outer && !status; i++)
		status = clade_buffer_copy(queue, state->buffer, (size_t)(i * old_rows * inner), state->larger,
					   (size_t)(i * capacity * inner), (size_t)(old_rows * inner), diag);
	return status;
}

static int64_t cache_rows(const struct clade_session *session, uint32_t state, int64_t capacity)
{
	int64_t most =
		session->ir->states[state].window ? clade_ring_rows(session->ir->states[state].window) : capacity;

	return capacity < most ? capacity : most;
}

/* All caches grow or none: a session whose caches differ in capacity would read rows at wrong places. */
enum clade_status clade_session_grow(struct clade_session *session, int64_t rows, struct clade_diag *diag)
{
	int64_t capacity;
	enum clade_status status = CLADE_OK;

	if (session->capacity_dim == CLADE_IR_NONE || rows <= session->bindings[session->capacity_dim])
		return CLADE_OK;
	capacity = session->bindings[session->capacity_dim];
	capacity = clade_session_useful_rows(session, capacity * 2 > rows ? capacity * 2 : rows);
	for (uint32_t i = 0; i < session->ir->state_count && !status; i++)
		if (session->ir->states[i].is_cache && session->states[i].buffer)
			status = copy_cache(session, &session->ir->states[i], &session->states[i],
					    cache_rows(session, i, capacity), diag);
	if (!status)
		status = clade_queue_finish(session->queues[CLADE_PLACE_MAIN], diag);
	for (uint32_t i = 0; i < session->ir->state_count; i++) {
		struct clade_session_state *state = &session->states[i];

		if (!status && state->larger) {
			clade_buffer_unref(&state->buffer);
			state->buffer = state->larger;
			state->bytes = clade_buffer_size(state->buffer);
			state->type.dims[session->ir->states[i].capacity_axis] = cache_rows(session, i, capacity);
			state->larger = NULL;
		}
		clade_buffer_unref(&state->larger);
	}
	if (status)
		return status;
	clade_session_set_capacity(session, capacity);
	session->arena_generation++;
	session->last_run = NULL;
	session->counters.state_growths++;
	return CLADE_OK;
}

/* ---- tensors ---- */

static void set_memory(struct clade_tensor *tensor, struct clade_buffer *buffer, uint64_t offset)
{
	char *host = clade_buffer_host(buffer);

	tensor->buffer = buffer;
	tensor->offset = offset;
	tensor->data = host ? host + offset : NULL;
}

static enum clade_status bind_value(struct clade_session *session, struct clade_bound *bound, int place, uint32_t value,
				    struct clade_diag *diag)
{
	const struct clade_ir_value *v = &session->ir->values[value];
	const struct clade_location *location = &bound->plan->locations[place][value];
	struct clade_tensor *tensor = &bound->tensors[place][value];
	uint32_t state = v->kind == CLADE_IR_STATE ? v->index : v->state;

	if (v->kind != CLADE_IR_CONST && location->home == CLADE_HOME_NONE)
		return CLADE_OK;
	if (!clade_ir_eval_type(session->ir, &v->type, bound->bindings, &tensor->type))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_DIM, v->path,
				  "its shape has no value for these dims");
	clade_dense_strides(&tensor->type, tensor->strides);
	if (v->kind == CLADE_IR_CONST)
		set_memory(tensor, session->constants[place], (uint64_t)value * CLADE_CONSTANT_BYTES);
	else if (location->home == CLADE_HOME_STATE)
		set_memory(tensor, session->states[state].buffer, 0);
	else if (location->home == CLADE_HOME_ARENA)
		set_memory(tensor, session->arena[place], bound->plan->spans[place][location->span].offset);
	return CLADE_OK;
}

/* A view's base may itself be a view made later or earlier, so views are resolved on demand after all memory is known.
 */
static void bind_view(struct clade_session *session, struct clade_bound *bound, int place, uint32_t value)
{
	const struct clade_location *location = &bound->plan->locations[place][value];
	struct clade_tensor *tensor = &bound->tensors[place][value], *base = &bound->tensors[place][location->base];
	const struct clade_ir_node *node = &session->ir->nodes[location->view];
	const struct clade_type *input, *output;

	if (bound->plan->locations[place][location->base].home == CLADE_HOME_VIEW)
		bind_view(session, bound, place, location->base);
	set_memory(tensor, base->buffer, base->offset);
	if (!node->op->view)
		return; /* dense to dense */
	input = location->from_output ? &tensor->type : &base->type;
	output = location->from_output ? &base->type : &tensor->type;
	node->op->view(node->params, input, output, location->from_output, base->strides, tensor->strides);
}

static enum clade_status rebind(struct clade_session *session, struct clade_bound *bound, const int64_t *bindings,
				struct clade_diag *diag)
{
	struct clade_tensor *scratch = bound->scratch;
	enum clade_status status = CLADE_OK;

	bound->has_run = false;
	memcpy(bound->bindings, bindings, session->ir->dim_count * sizeof(int64_t));
	for (int place = 0; place < CLADE_PLACE_COUNT && !status; place++) {
		for (uint32_t v = 0; v < session->ir->value_count && !status; v++)
			status = bind_value(session, bound, place, v, diag);
		for (uint32_t v = 0; v < session->ir->value_count && !status; v++)
			if (bound->plan->locations[place][v].home == CLADE_HOME_VIEW)
				bind_view(session, bound, place, v);
	}
	for (uint32_t i = 0; i < bound->plan->item_count && !status; i++) {
		const struct clade_item *item = &bound->plan->items[i];

		for (size_t s = 0; item->step && s < clade_step_scratch_count(item->step); s++, scratch++) {
			/* words: kernels get a tensor's offset in its elements, and scratch holds f32 or i32 */
			scratch->type = (struct clade_type) {
				CLADE_F32, 1, { (int64_t)((clade_step_scratch_bytes(item->step, s) + 3) / 4) }
			};
			scratch->strides[0] = 1;
			set_memory(scratch, session->arena[item->place],
				   bound->plan->spans[item->place][item->first_scratch + s].offset);
		}
		if (bound->params[i])
			status = clade_params_bind(session->ir, item->op, item->params, bindings, bound->params[i],
						   diag);
	}
	bound->arena_generation = session->arena_generation;
	bound->is_bound = !status;
	session->counters.binds++;
	return status;
}

/* What is missing of the plan and its memory. *bound is NULL where there is no plan yet. */
static enum clade_status set_up(struct clade_session *session, uint32_t entry, const int64_t *bounds,
				const int64_t *bindings, struct clade_bound **in_out_bound, struct clade_diag *diag)
{
	struct clade_bound *bound = *in_out_bound;
	enum clade_status status = CLADE_OK;

	if (!bound)
		status = make_bound(session, entry, bounds, bindings, &bound, diag);
	*in_out_bound = bound;
	if (status)
		return status;
	session->last[entry] = bound;
	for (int place = 0; place < CLADE_PLACE_COUNT && !status; place++)
		status = ensure_arena(session, place, bound->plan->arena_bytes[place], diag);
	for (uint32_t v = 0; v < session->ir->value_count && !status; v++)
		if (bound->plan->locations[CLADE_PLACE_MAIN][v].home == CLADE_HOME_STATE) {
			const struct clade_ir_value *value = &session->ir->values[v];

			status = ensure_state(session, value->kind == CLADE_IR_STATE ? value->index : value->state,
					      bindings, diag);
		}
	if (!status)
		status = rebind(session, bound, bindings, diag);
	if (!status && !bound->is_warm)
		status = clade_bound_warm(session, bound, diag);
	bound->is_warm = !status;
	return status;
}

enum clade_status clade_session_bind(struct clade_session *session, uint32_t entry, const int64_t *bindings,
				     struct clade_bound **out_bound, struct clade_diag *diag)
{
	int64_t bounds[64];
	struct clade_bound *bound;
	enum clade_status status;
	double start;

	if (session->ir->dim_count > 64)
		return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_SIZE, session->ir->file, "more than 64 dims");
	for (uint32_t i = 0; i < session->ir->dim_count; i++)
		bounds[i] = bucket(session, entry, i, bindings[i]);
	*out_bound = bound = find_bound(session, entry, bounds);
	if (bound && bound->is_bound && bound->arena_generation == session->arena_generation &&
	    !memcmp(bound->bindings, bindings, session->ir->dim_count * sizeof(int64_t))) {
		session->last[entry] = bound;
		return CLADE_OK;
	}
	start = clade_now();
	status = set_up(session, entry, bounds, bindings, out_bound, diag);
	session->counters.setup_seconds += clade_now() - start;
	return status;
}

const struct clade_tensor *clade_bound_tensor(struct clade_bound *bound, enum clade_place place, uint32_t value)
{
	const struct clade_ir_value *v = &clade_graph_ir(bound->plan->graph)->values[value];

	if (v->kind == CLADE_IR_CONST || bound->plan->locations[place][value].home != CLADE_HOME_NONE)
		return &bound->tensors[place][value];
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/* Verification: after each step of a run, reference C computes the same step on the device's own inputs and, apart from
 * that, on inputs that reference C made from the start. A block taken whole is compared with its body. */
#include "session_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <clade/messages.h>

/* Host arrays by value id; a world owns the data of the values it made. */
struct world {
	struct clade_tensor *values;
	bool *owned;
};

struct verifier {
	struct clade_session *session;
	const struct clade_ir *ir;
	struct clade_context *context;
	struct world device, own, cumulative; /* device: what the device had */
	clade_verify_fn *report;
	void *user;
	bool failed;
};

static enum clade_status world_create(struct verifier *v, struct world *world, struct clade_diag *diag)
{
	world->values = clade_alloc(v->context, (v->ir->value_count + 1) * sizeof(*world->values));
	world->owned = clade_alloc(v->context, v->ir->value_count + 1);
	return world->values && world->owned
		       ? CLADE_OK
		       : clade_fail_memory(diag, v->ir->value_count * sizeof(*world->values), "verification");
}

static void world_drop(struct verifier *v, struct world *world, uint32_t value)
{
	if (world->owned[value])
		clade_free(v->context, world->values[value].data);
	world->owned[value] = false;
	world->values[value].data = NULL;
}

static void world_clear(struct verifier *v, struct world *world)
{
	for (uint32_t i = 0; world->owned && i < v->ir->value_count; i++)
		world_drop(v, world, i);
}

static void world_finish(struct verifier *v, struct world *world)
{
	world_clear(v, world);
	clade_free(v->context, world->values);
	clade_free(v->context, world->owned);
}

/* Fresh memory for a value of this type; replaces what was there. */
static enum clade_status world_make(struct verifier *v, struct world *world, uint32_t value,
				    const struct clade_type *type, struct clade_diag *diag)
{
	struct clade_tensor *tensor = &world->values[value];
	size_t bytes;

	world_drop(v, world, value);
	*tensor = (struct clade_tensor) { .type = *type };
	clade_dense_strides(type, tensor->strides);
	if (!clade_type_bytes(type, &bytes))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SIZE, v->ir->values[value].path,
				  "its size overflows");
	tensor->data = clade_alloc(v->context, bytes + 1);
	if (!tensor->data)
		return clade_fail_memory(diag, bytes, "verification");
	world->owned[value] = true;
	return CLADE_OK;
}

/* ---- reading the device ---- */

/* Copies a strided array (elements of `bytes`) to a dense one. */
static void gather(const struct clade_tensor *tensor, size_t bytes, const char *from, char *to)
{
	int64_t index[CLADE_MAX_RANK] = { 0 }, count;

	clade_type_count(&tensor->type, &count);
	for (int64_t i = 0; i < count; i++) {
		int64_t at = 0;

		for (uint32_t a = 0; a < tensor->type.rank; a++)
			at += index[a] * tensor->strides[a];
		memcpy(to + (size_t)i * bytes, from + (size_t)at * bytes, bytes);
		for (uint32_t a = tensor->type.rank; a-- > 0;) {
			if (++index[a] < tensor->type.dims[a])
				break;
			index[a] = 0;
		}
	}
}

static enum clade_status read_tensor(struct verifier *v, enum clade_place place, const struct clade_tensor *tensor,
				     void *target, struct clade_diag *diag)
{
	struct clade_queue *queue = v->session->queues[place];
	size_t element = clade_dtype_info(tensor->type.dtype)->bytes, bytes;
	int64_t extent = 1, count;
	enum clade_status status;
	char *raw;

	if (!clade_type_bytes(&tensor->type, &bytes) || !bytes)
		return CLADE_OK;
	if (clade_tensor_is_dense(tensor))
		return clade_buffer_read(queue, tensor->buffer, tensor->offset, target, bytes, true, diag);
	clade_type_count(&tensor->type, &count);
	for (uint32_t a = 0; a < tensor->type.rank; a++)
		extent += (tensor->type.dims[a] - 1) * tensor->strides[a];
	raw = clade_alloc(v->context, (size_t)extent * element);
	if (!raw)
		return clade_fail_memory(diag, (size_t)extent * element, "verification");
	status = clade_buffer_read(queue, tensor->buffer, tensor->offset, raw, (size_t)extent * element, true, diag);
	if (!status)
		gather(tensor, element, raw, target);
	clade_free(v->context, raw);
	return status;
}

static enum clade_status read_device(struct verifier *v, struct clade_bound *bound, enum clade_place place,
				     uint32_t value, struct clade_diag *diag)
{
	const struct clade_tensor *tensor = clade_bound_tensor(bound, place, value);
	enum clade_status status;

	if (!tensor)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_VERIFY, v->ir->values[value].path,
				  "it has no memory");
	status = world_make(v, &v->device, value, &tensor->type, diag);
	return status ? status : read_tensor(v, place, tensor, v->device.values[value].data, diag);
}

static bool is_weight(const struct verifier *v, uint32_t value)
{
	return v->ir->values[value].kind == CLADE_IR_WEIGHT;
}

/* The reference's view of a weight: rows on the host. */
static enum clade_status point_weight(struct verifier *v, struct world *world, uint32_t value, struct clade_diag *diag)
{
	const struct clade_tensor *tensor;
	enum clade_status status = clade_weights_get(v->session->weights[CLADE_PLACE_HOST], v->ir->values[value].index,
						     (struct clade_layout) { CLADE_LAYOUT_ROWS, 0 }, &tensor, diag);

	if (!status)
		world->values[value] = *tensor;
	return status;
}

/* ---- the reference ---- */

/* An optional output that nobody reads is not computed: an implementation may refuse to. */
static bool is_wanted(const struct clade_ir *ir, const struct clade_ir_node *node, uint32_t output)
{
	const struct clade_port *const *port = node->op->ports;
	uint32_t value = node->outputs[output], n = 0;

	while (!((*port)->flags & CLADE_OUT) || n++ < output)
		port++;
	if (!((*port)->flags & CLADE_OPTIONAL))
		return true;
	for (n = 0; n < ir->node_count; n++)
		for (uint32_t i = 0; i < ir->nodes[n].input_count; i++)
			if (ir->nodes[n].inputs[i] == value)
				return true;
	for (uint32_t e = 0; e < ir->entry_count; e++)
		for (uint32_t i = 0; i < ir->entries[e].output_count; i++)
			if (ir->entries[e].outputs[i].value == value)
				return true;
	return false;
}

static enum clade_status run_reference(struct verifier *v, const struct clade_ir_node *node, const int64_t *bindings,
				       struct world *world, struct clade_diag *diag)
{
	const struct clade_impl *impl = clade_impl_find(v->context, node->op->name, "ref");
	const struct clade_tensor *inputs[CLADE_MAX_PORTS] = { 0 }, *outputs[CLADE_MAX_PORTS] = { 0 };
	const struct clade_type *input_types[CLADE_MAX_PORTS] = { 0 }, *output_types[CLADE_MAX_PORTS] = { 0 };
	enum clade_source_kind sources[CLADE_MAX_PORTS] = { 0 };
	struct clade_device *host = v->session->devices[CLADE_PLACE_HOST];
	struct clade_node_info info = { .size = sizeof(info),
					.input_count = node->input_count,
					.output_count = node->output_count,
					.inputs = input_types,
					.outputs = output_types,
					.sources = sources,
					.device = clade_device_get_info(host) };
	struct clade_step *step = NULL;
	struct clade_exec *exec = NULL;
	enum clade_status status = CLADE_OK;
	void *params = NULL;

	if (!impl)
		return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_VERIFY, node->path, "op '%s' has no reference",
				  node->op->name);
	for (uint32_t i = 0; i < node->input_count && !status; i++) {
		if (node->inputs[i] == CLADE_IR_NONE)
			continue;
		if (is_weight(v, node->inputs[i]))
			status = point_weight(v, world, node->inputs[i], diag);
		inputs[i] = &world->values[node->inputs[i]];
		input_types[i] = &inputs[i]->type;
	}
	for (uint32_t i = 0; i < node->output_count && !status; i++) {
		uint32_t value = node->outputs[i];
		struct clade_type type;

		if (!is_wanted(v->ir, node, i))
			continue;
		if (v->ir->values[value].state != CLADE_IR_NONE) {
			/* in place: the new version takes over the old one's array */
			world->values[value] = world->values[node->inputs[0]];
			world->owned[value] = world->owned[node->inputs[0]];
			world->owned[node->inputs[0]] = false;
		} else if (!clade_ir_eval_type(v->ir, &v->ir->values[value].type, bindings, &type)) {
			status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_DIM, node->path, "its shape has no value");
		} else {
			status = world_make(v, world, value, &type, diag);
		}
		outputs[i] = &world->values[value];
		output_types[i] = &outputs[i]->type;
	}
	if (!status && node->op->params_size) {
		params = clade_alloc(v->context, node->op->params_size);
		status = params ? clade_params_bind(v->ir, node->op, node->params, bindings, params, diag)
				: clade_fail_memory(diag, node->op->params_size, "verification");
		info.params = params;
	}
	if (!status)
		status = clade_step_create(host, node->op, impl, &info, &step, diag);
	if (!status)
		status = clade_steps_build(host, &step, 1, diag);
	if (!status)
		status = clade_exec_create(step, v->session->queues[CLADE_PLACE_HOST], &exec, diag);
	if (!status && clade_step_scratch_count(step))
		status = clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_VERIFY, node->path,
				    "a reference must not need scratch");
	if (!status)
		status = clade_exec_run(exec, params, inputs, outputs, NULL, diag);
	clade_exec_destroy(&exec);
	clade_step_destroy(&step);
	clade_free(v->context, params);
	return status;
}

static enum clade_status run_item_reference(struct verifier *v, const struct clade_item *item, const int64_t *bindings,
					    struct world *world, struct clade_diag *diag)
{
	uint32_t first = item->node, last = item->node + 1;
	enum clade_status status = CLADE_OK;

	if (item->node == CLADE_IR_NONE) {
		first = v->ir->boxes[item->box].first_node;
		last = v->ir->boxes[item->box].last_node;
	}
	for (uint32_t n = first; n < last && !status; n++) {
		for (uint32_t i = 0; i < v->ir->nodes[n].input_count; i++) {
			uint32_t value = v->ir->nodes[n].inputs[i];

			/* constants inside a box are not among its inputs */
			if (value != CLADE_IR_NONE && v->ir->values[value].kind == CLADE_IR_CONST &&
			    !world->values[value].data)
				world->values[value] = v->device.values[value];
		}
		status = run_reference(v, &v->ir->nodes[n], bindings, world, diag);
	}
	return status;
}

/* ---- hooks ---- */

static enum clade_status before_item(void *user, struct clade_bound *bound, uint32_t index, struct clade_diag *diag)
{
	struct verifier *v = user;
	const struct clade_item *item = &bound->plan->items[index];
	enum clade_status status = CLADE_OK;
	int input;

	/* states as they are before they are written */
	for (uint32_t i = 0;
	     item->kind == CLADE_ITEM_EXEC && !status && (input = clade_op_state_input(item->op, i)) >= 0; i++)
		status = read_device(v, bound, item->place, item->inputs[input], diag);
	return status;
}

/* Gives the cumulative world what it does not make itself: inputs, constants, states at their first use. */
static enum clade_status seed_cumulative(struct verifier *v, uint32_t value, struct clade_diag *diag)
{
	const struct clade_ir_value *ir_value = &v->ir->values[value];
	struct clade_tensor *tensor = &v->cumulative.values[value];
	size_t bytes;

	if (tensor->data || is_weight(v, value))
		return CLADE_OK;
	if (ir_value->kind == CLADE_IR_STATE && v->session->verify_states[ir_value->index].data &&
	    clade_type_equal(&v->session->verify_states[ir_value->index].type, &v->device.values[value].type)) {
		*tensor = v->session->verify_states[ir_value->index];
		v->session->verify_states[ir_value->index].data = NULL;
		v->cumulative.owned[value] = true;
		return CLADE_OK;
	}
	if (ir_value->kind == CLADE_IR_NODE)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_VERIFY, ir_value->path,
				  "it was used before it was made");
	if (!clade_type_bytes(&v->device.values[value].type, &bytes) ||
	    world_make(v, &v->cumulative, value, &v->device.values[value].type, diag))
		return CLADE_ERR_MEMORY;
	memcpy(tensor->data, v->device.values[value].data, bytes);
	return CLADE_OK;
}

static bool is_overwritten(const struct clade_item *item, uint32_t input)
{
	int state;

	for (uint32_t i = 0; (state = clade_op_state_input(item->op, i)) >= 0; i++)
		if ((uint32_t)state == input)
			return true;
	return false;
}

static enum clade_status read_item_inputs(struct verifier *v, struct clade_bound *bound, const struct clade_item *item,
					  struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;
	uint32_t first = item->node, last = item->node + 1;

	for (uint32_t i = 0; i < item->input_count && !status; i++)
		if (item->inputs[i] != CLADE_IR_NONE && !is_weight(v, item->inputs[i]) && !is_overwritten(item, i))
			status = read_device(v, bound, item->place, item->inputs[i], diag);
	if (item->node == CLADE_IR_NONE) {
		first = v->ir->boxes[item->box].first_node;
		last = v->ir->boxes[item->box].last_node;
	}
	for (uint32_t n = first; n < last && !status; n++)
		for (uint32_t i = 0; i < v->ir->nodes[n].input_count && !status; i++) {
			uint32_t value = v->ir->nodes[n].inputs[i];

			if (value != CLADE_IR_NONE && v->ir->values[value].kind == CLADE_IR_CONST &&
			    !v->device.values[value].data)
				status = read_device(v, bound, item->place, value, diag);
		}
	return status;
}

static void widen(struct clade_compare *all, const struct clade_compare *one)
{
	all->bit_equal = all->bit_equal && one->bit_equal;
	all->max_abs = fmax(all->max_abs, one->max_abs);
	all->max_ulp = fmax(all->max_ulp, one->max_ulp);
	all->nmse = one->nmse > all->nmse || isnan(one->nmse) ? one->nmse : all->nmse;
}

static enum clade_status compare_item(struct verifier *v, struct clade_bound *bound, const struct clade_item *item,
				      struct clade_diag *diag)
{
	struct clade_compare own = { .bit_equal = true }, cumulative = { .bit_equal = true };
	struct clade_verify_node node = { .path = item->path,
					  .op = item->op->name,
					  .impl = item->choice.impl->name,
					  .order = clade_order_name(item->choice.impl),
					  .tolerance = clade_impl_tolerance(item->choice.impl) };
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < item->output_count && !status; i++) {
		uint32_t value = item->outputs[i];
		struct clade_compare one;

		if (!clade_bound_tensor(bound, item->place, value))
			continue; /* nobody asked for it */
		status = read_device(v, bound, item->place, value, diag);
		if (status)
			break;
		clade_compare_arrays(&v->device.values[value].type, v->device.values[value].data,
				     v->own.values[value].data, &one);
		widen(&own, &one);
		clade_compare_arrays(&v->device.values[value].type, v->device.values[value].data,
				     v->cumulative.values[value].data, &one);
		widen(&cumulative, &one);
	}
	if (status)
		return status;
	node.bit_equal = own.bit_equal;
	node.max_abs = own.max_abs;
	node.max_ulp = own.max_ulp;
	node.nmse = own.nmse;
	node.ok = node.tolerance > 0 ? own.bit_equal || own.nmse <= node.tolerance : own.bit_equal;
	node.cumulative_bit_equal = cumulative.bit_equal;
	node.cumulative_max_abs = cumulative.max_abs;
	node.cumulative_nmse = cumulative.nmse;
	if (!node.ok && !v->failed)
		snprintf(v->session->first_divergence, sizeof(v->session->first_divergence), "%s", item->path);
	v->failed |= !node.ok;
	if (v->report)
		v->report(v->user, &node);
	return CLADE_OK;
}

/* The own world starts each item from copies of the device's inputs, since a state is written in place. */
static enum clade_status seed_own(struct verifier *v, const struct clade_item *item, struct clade_diag *diag)
{
	world_clear(v, &v->own);
	memset(v->own.values, 0, v->ir->value_count * sizeof(*v->own.values));
	for (uint32_t i = 0; i < item->input_count; i++) {
		uint32_t value = item->inputs[i];
		size_t bytes;

		if (value == CLADE_IR_NONE || is_weight(v, value))
			continue;
		if (!clade_type_bytes(&v->device.values[value].type, &bytes) ||
		    world_make(v, &v->own, value, &v->device.values[value].type, diag))
			return CLADE_ERR_MEMORY;
		memcpy(v->own.values[value].data, v->device.values[value].data, bytes);
	}
	return CLADE_OK;
}

static enum clade_status after_item(void *user, struct clade_bound *bound, uint32_t index, struct clade_diag *diag)
{
	struct verifier *v = user;
	const struct clade_item *item = &bound->plan->items[index];
	enum clade_status status;

	if (item->kind == CLADE_ITEM_COPY)
		return CLADE_OK;
	status = clade_queue_finish(v->session->queues[item->place], diag);
	if (!status)
		status = read_item_inputs(v, bound, item, diag);
	for (uint32_t i = 0; i < item->input_count && !status; i++)
		if (item->inputs[i] != CLADE_IR_NONE)
			status = seed_cumulative(v, item->inputs[i], diag);
	if (!status && item->kind == CLADE_ITEM_VIEW) /* nothing ran; only the reference's own world goes on */
		return run_item_reference(v, item, bound->bindings, &v->cumulative, diag);
	if (!status)
		status = seed_own(v, item, diag);
	if (!status)
		status = run_item_reference(v, item, bound->bindings, &v->own, diag);
	if (!status)
		status = run_item_reference(v, item, bound->bindings, &v->cumulative, diag);
	return status ? status : compare_item(v, bound, item, diag);
}

/* The cumulative states outlive this entry: `decode` goes on from what `encode` wrote. */
static void keep_states(struct verifier *v)
{
	for (uint32_t i = 0; i < v->ir->value_count; i++) {
		const struct clade_ir_value *value = &v->ir->values[i];
		uint32_t state = value->kind == CLADE_IR_STATE ? value->index : value->state;

		if (state == CLADE_IR_NONE || !v->cumulative.owned[i])
			continue;
		clade_free(v->context, v->session->verify_states[state].data);
		v->session->verify_states[state] = v->cumulative.values[i];
		v->cumulative.owned[i] = false;
	}
}

enum clade_status clade_session_verify(struct clade_session *session, const char *entry_name,
				       const struct clade_input *inputs, size_t input_count, clade_verify_fn *report,
				       void *user, const char **out_first, struct clade_diag *diag)
{
	struct verifier v = {
		.session = session, .ir = session->ir, .context = session->context, .report = report, .user = user
	};
	struct clade_run_hooks hooks = { before_item, after_item, &v, true };
	uint32_t entry = clade_session_find_entry(session, entry_name, diag);
	enum clade_status status;

	if (out_first)
		*out_first = NULL;
	if (entry == CLADE_IR_NONE)
		return CLADE_ERR_USAGE;
	if (!session->rules->keep_values)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_VERIFY, NULL,
				  "the session must be made with keep_values");
	if (!session->verify_states)
		session->verify_states =
			clade_alloc(session->context, (session->ir->state_count + 1) * sizeof(struct clade_tensor));
	status = session->verify_states ? CLADE_OK : clade_fail_memory(diag, session->ir->state_count, "verification");
	if (!status)
		status = world_create(&v, &v.device, diag);
	if (!status)
		status = world_create(&v, &v.own, diag);
	if (!status)
		status = world_create(&v, &v.cumulative, diag);
	if (!status)
		status = clade_session_run_hooked(session, entry, inputs, input_count, &hooks, diag);
	if (!status)
		keep_states(&v);
	world_finish(&v, &v.device);
	world_finish(&v, &v.own);
	world_finish(&v, &v.cumulative);
	if (!status && v.failed) {
		if (out_first)
			*out_first = session->first_divergence;
		status = clade_fail(diag, CLADE_ERR_MISMATCH, CLADE_MSG_VERIFY, session->first_divergence,
				    "the first step that differs from reference C beyond its tolerance");
	}
	return status;
}

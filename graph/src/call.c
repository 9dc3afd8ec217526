/* SPDX-License-Identifier: MIT */
/* Expansion: a call of an op becomes a node. Everything about an op comes from its table in the registry. */
#include "expand.h"

#include <clade/messages.h>
#include <clade/step.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- inference over symbolic dims ---- */
struct symbolic {
	struct clade_infer infer;
	struct clade_dim_pool *pool;
	struct clade_diag *diag;
	const struct clade_op *op;
	const struct clade_ir_pos *pos;
	char texts[4][160];
	unsigned turn;
};

/* What the algebra failed to do for lack of memory is no error of the shapes. */
static int64_t checked(struct symbolic *symbolic, int64_t dim)
{
	if (dim == INT64_MIN && clade_dims_starved(symbolic->pool))
		clade_fail_memory(symbolic->diag, 0, "dims");
	return dim;
}

static int64_t infer_add(struct clade_infer *infer, int64_t a, int64_t b)
{
	struct symbolic *symbolic = (struct symbolic *)infer;

	return checked(symbolic, clade_dims_add(symbolic->pool, a, b));
}

static int64_t infer_sub(struct clade_infer *infer, int64_t a, int64_t b)
{
	struct symbolic *symbolic = (struct symbolic *)infer;

	return checked(symbolic, clade_dims_sub(symbolic->pool, a, b));
}

static int64_t infer_mul(struct clade_infer *infer, int64_t a, int64_t b)
{
	struct symbolic *symbolic = (struct symbolic *)infer;

	return checked(symbolic, clade_dims_mul(symbolic->pool, a, b));
}

static int64_t infer_div(struct clade_infer *infer, int64_t a, int64_t b)
{
	struct symbolic *symbolic = (struct symbolic *)infer;

	return checked(symbolic, clade_dims_div(symbolic->pool, a, b));
}

static enum clade_status infer_fail(struct clade_infer *infer, const char *format, ...)
{
	struct symbolic *symbolic = (struct symbolic *)infer;
	const char *name = symbolic->op->name;
	char text[900];
	bool named;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	named = strncmp(text, name, strlen(name)) == 0;
	return clade_fail_at(symbolic->diag, symbolic->pos, CLADE_MSG_GRAPH_SHAPE, "%s%s%s", named ? "" : name,
			     named ? "" : ": ", text);
}

static const char *infer_text(struct clade_infer *infer, int64_t dim)
{
	struct symbolic *symbolic = (struct symbolic *)infer;
	char *text = symbolic->texts[symbolic->turn++ % 4];

	return clade_dims_text(symbolic->pool, dim, text, sizeof(symbolic->texts[0]));
}

static const struct clade_infer_ops symbolic_ops = { sizeof(symbolic_ops), infer_add, infer_sub, infer_mul, infer_div,
						     infer_fail,           infer_text };

enum clade_status clade_infer_node(struct clade_expander *expander, const struct clade_ir_pos *pos,
				   const struct clade_op *op, const void *params, uint32_t input_count,
				   const uint32_t *inputs, struct clade_type *outputs, struct clade_diag *diag)
{
	const struct clade_type *types[CLADE_MAX_PORTS];
	struct symbolic symbolic = { .infer = { .size = sizeof(struct clade_infer),
						.ops = &symbolic_ops,
						.params = params,
						.input_count = input_count,
						.inputs = types,
						.outputs = outputs },
				     .pool = expander->pool,
				     .diag = diag,
				     .op = op,
				     .pos = pos };
	enum clade_status status;

	for (uint32_t i = 0; i < input_count; i++)
		types[i] = inputs[i] == CLADE_IR_NONE ? NULL : &expander->ir->values[inputs[i]].type;
	status = clade_infer_types_with(op, &symbolic.infer);
	for (uint32_t i = 0; !status && i < symbolic.infer.output_count; i++)
		for (uint32_t d = 0; d < outputs[i].rank; d++) {
			int64_t number;

			if (outputs[i].dims[d] == INT64_MIN ||
			    (clade_dims_constant(expander->pool, outputs[i].dims[d], &number) && number < 0))
				status = infer_fail(&symbolic.infer,
						    "%s: a dim of its result is negative or too complex", op->name);
		}
	/* an op may fail without saying why */
	return status ? clade_fail_at(diag, pos, CLADE_MSG_GRAPH_SHAPE, "%s: its shapes do not fit", op->name)
		      : CLADE_OK;
}

/* ---- attributes ---- */
static enum clade_status attr_fail(struct clade_expander *expander, const struct clade_ir_pos *pos,
				   const struct clade_op *op, const struct clade_attr *attr,
				   const struct clade_val *val, const char *rule)
{
	char text[256];

	return clade_fail_at(expander->diag, pos, CLADE_MSG_GRAPH_ATTR, "%s: attribute %s is %s; %s", op->name,
			     attr->name, clade_val_describe(expander, val, text, sizeof(text)), rule);
}

static enum clade_status set_number(struct clade_expander *expander, const struct clade_ir_pos *pos,
				    const struct clade_op *op, const struct clade_attr *attr,
				    const struct clade_val *val, void *place)
{
	double value = val->kind == CLADE_VAL_INT ? (double)val->i : val->f;
	float single = (float)value;
	char rule[128];

	if (attr->type == CLADE_ATTR_INT ? val->kind != CLADE_VAL_INT
					 : val->kind != CLADE_VAL_INT && val->kind != CLADE_VAL_FLOAT)
		return attr_fail(expander, pos, op, attr, val,
				 attr->type == CLADE_ATTR_INT ? "it must be an integer" : "it must be a number");
	if (attr->type == CLADE_ATTR_FLOAT && !isfinite(single))
		return attr_fail(expander, pos, op, attr, val, "it must fit in f32");
	snprintf(rule, sizeof(rule), "it must be from %g to %g", attr->min, attr->max);
	if ((attr->min != 0 || attr->max != 0) && !(value >= attr->min && value <= attr->max))
		return attr_fail(expander, pos, op, attr, val, rule);
	if (attr->type == CLADE_ATTR_INT)
		memcpy(place, &val->i, sizeof(val->i));
	else
		memcpy(place, &single, sizeof(single));
	return CLADE_OK;
}

static enum clade_status set_word(struct clade_expander *expander, const struct clade_ir_pos *pos,
				  const struct clade_op *op, const struct clade_attr *attr, const struct clade_val *val,
				  void *place)
{
	struct clade_words near = { .count = 0 };
	char rule[400] = "it must be one of", hint[128];
	size_t length = strlen(rule);

	for (int32_t i = 0; attr->words[i]; i++) {
		if (val->kind == CLADE_VAL_STRING && strcmp(attr->words[i], val->s) == 0) {
			memcpy(place, &i, sizeof(i));
			return CLADE_OK;
		}
		clade_words_add(&near, attr->words[i]);
		length += (size_t)snprintf(rule + length, sizeof(rule) - length, "%s \"%.40s\"", i ? "," : "",
					   attr->words[i]);
		if (length > sizeof(rule) - 160)
			break;
	}
	if (val->kind == CLADE_VAL_STRING)
		snprintf(rule + length, sizeof(rule) - length, "%s",
			 clade_words_hint(&near, val->s, hint, sizeof(hint)));
	return attr_fail(expander, pos, op, attr, val, rule);
}

static bool is_dim(const struct clade_val *val)
{
	return val->kind == CLADE_VAL_DIM || (val->kind == CLADE_VAL_INT && val->i >= 0);
}

enum clade_status clade_set_attr(struct clade_expander *expander, const struct clade_ir_pos *pos,
				 const struct clade_op *op, const struct clade_attr *attr, const struct clade_val *val,
				 void *params)
{
	void *place = (char *)params + attr->offset;
	struct clade_dims dims = { 0 };
	bool flag = val->i;

	switch (attr->type) {
	case CLADE_ATTR_BOOL:
		if (val->kind != CLADE_VAL_BOOL)
			return attr_fail(expander, pos, op, attr, val, "it must be true or false");
		memcpy(place, &flag, sizeof(flag));
		return CLADE_OK;
	case CLADE_ATTR_INT:
	case CLADE_ATTR_FLOAT:
		return set_number(expander, pos, op, attr, val, place);
	case CLADE_ATTR_WORD:
		return set_word(expander, pos, op, attr, val, place);
	case CLADE_ATTR_DIM:
		if (!is_dim(val))
			return attr_fail(expander, pos, op, attr, val, "it must be a dim or an integer of at least 0");
		memcpy(place, &val->i, sizeof(val->i));
		return CLADE_OK;
	case CLADE_ATTR_DIMS:
		if (val->kind != CLADE_VAL_LIST || val->count > CLADE_MAX_RANK)
			return attr_fail(expander, pos, op, attr, val,
					 "it must be a list of at most 8 dims, as in [B, T, 4]");
		for (uint32_t i = 0; i < val->count; i++) {
			if (!is_dim(&val->items[i]))
				return attr_fail(expander, pos, op, attr, &val->items[i],
						 "it must hold dims or integers of at least 0");
			dims.dims[dims.count++] = val->items[i].i;
		}
		memcpy(place, &dims, sizeof(dims));
		return CLADE_OK;
	}
	return CLADE_OK;
}

/* ---- ports ---- */
enum clade_status clade_port_value(struct clade_expander *expander, const struct clade_ir_pos *pos,
				   const struct clade_op *op, const struct clade_port *port,
				   const struct clade_val *val, const struct clade_type *sibling, uint32_t *out)
{
	struct clade_ir_value constant = {
		.kind = CLADE_IR_CONST, .path = "", .node = CLADE_IR_NONE, .state = CLADE_IR_NONE
	};
	char text[256];

	switch (val->kind) {
	case CLADE_VAL_TENSOR:
		*out = val->id;
		return CLADE_OK;
	case CLADE_VAL_STATE:
		*out = clade_state_value(expander, val->id);
		return *out == CLADE_IR_NONE ? CLADE_ERR_MEMORY : CLADE_OK;
	case CLADE_VAL_BOOL:
		constant.type.dtype = CLADE_BOOL;
		constant.constant = (double)val->i;
		break;
	case CLADE_VAL_INT:
	case CLADE_VAL_FLOAT:
		constant.type.dtype = CLADE_F32;
		if (val->kind == CLADE_VAL_INT && port->dtypes & CLADE_DTYPE_BIT(CLADE_I32) &&
		    (sibling ? sibling->dtype == CLADE_I32 : !(port->dtypes & CLADE_DTYPE_BIT(CLADE_F32))))
			constant.type.dtype = CLADE_I32;
		constant.constant = val->kind == CLADE_VAL_INT ? (double)val->i : val->f;
		if (constant.type.dtype == CLADE_I32 ? val->i < INT32_MIN || val->i > INT32_MAX
						     : !isfinite((float)constant.constant))
			return clade_fail_at(expander->diag, pos, CLADE_MSG_GRAPH_OVERFLOW, "%s: %s does not fit in %s",
					     op->name, clade_val_describe(expander, val, text, sizeof(text)),
					     clade_dtype_info(constant.type.dtype)->name);
		if (constant.type.dtype == CLADE_F32)
			constant.constant = (double)(float)constant.constant;
		break;
	default:
		return clade_fail_at(expander->diag, pos, CLADE_MSG_GRAPH_PORT, "%s: input %s needs a tensor, not %s",
				     op->name, port->name, clade_val_describe(expander, val, text, sizeof(text)));
	}
	return clade_add_value(expander, &constant, out);
}

/* What a call gives to an op: one entry a port. */
struct binding {
	const struct clade_op *op;
	uint32_t in_count, out_count; /* ports */
	struct given {
		struct clade_val val;
		struct clade_ir_pos pos;
		bool bound;
	} given[CLADE_MAX_PORTS];
	uint32_t count; /* inputs, variadic ones counted singly */
	uint64_t attrs; /* set ones, by number */
	void *params;
};

static enum clade_status unknown_argument(struct clade_expander *expander, const struct clade_ast *kid,
					  const struct clade_op *op)
{
	struct clade_words words = { .count = 0 };
	char hint[128];

	for (size_t i = 0; op->ports[i]; i++)
		if (op->ports[i]->flags & CLADE_IN)
			clade_words_add(&words, op->ports[i]->name);
	for (size_t i = 0; op->attrs && op->attrs[i]; i++)
		clade_words_add(&words, op->attrs[i]->name);
	return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_ARGUMENT,
			     "%s has no input or attribute `%.80s`%s", op->name, kid->label,
			     clade_words_hint(&words, kid->label, hint, sizeof(hint)));
}

static enum clade_status bind_port(struct clade_expander *expander, struct binding *binding, uint32_t port,
				   const struct clade_ast *kid, const struct clade_val *val)
{
	const struct clade_port *table = binding->op->ports[port < binding->in_count ? port : binding->in_count - 1];

	if (table->flags & CLADE_VARIADIC && val->kind == CLADE_VAL_LIST) {
		enum clade_status status = CLADE_OK;

		for (uint32_t i = 0; !status && i < val->count; i++)
			status = bind_port(expander, binding, port + i, kid, &val->items[i]);
		return status;
	}
	if (port >= CLADE_MAX_PORTS)
		return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_PORT, "%s: more than %d inputs",
				     binding->op->name, CLADE_MAX_PORTS);
	if (binding->given[port].bound)
		return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_DUPLICATE,
				     "%s: input %s is given twice", binding->op->name, table->name);
	binding->given[port].val = *val;
	binding->given[port].pos = kid->pos;
	binding->given[port].bound = true;
	if (port >= binding->count)
		binding->count = port + 1;
	return CLADE_OK;
}

static enum clade_status bind_named(struct clade_expander *expander, struct binding *binding,
				    const struct clade_ast *kid, const struct clade_val *val)
{
	const struct clade_op *op = binding->op;

	for (uint32_t i = 0; i < binding->in_count; i++)
		if (strcmp(op->ports[i]->name, kid->label) == 0)
			return bind_port(expander, binding, i, kid, val);
	for (size_t i = 0; op->attrs && op->attrs[i]; i++) {
		if (strcmp(op->attrs[i]->name, kid->label) != 0)
			continue;
		if (i < 64 && binding->attrs >> i & 1)
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_DUPLICATE,
					     "%s: attribute %s is given twice", op->name, kid->label);
		binding->attrs |= i < 64 ? (uint64_t)1 << i : 0;
		return clade_set_attr(expander, &kid->pos, op, op->attrs[i], val, binding->params);
	}
	return unknown_argument(expander, kid, op);
}

static enum clade_status bind_arguments(struct clade_expander *expander, struct clade_scope *scope,
					const struct clade_ast *ast, const char *base, bool base_quoted,
					struct binding *binding)
{
	const struct clade_op *op = binding->op;
	uint32_t position = binding->count; /* a state is bound already */
	bool variadic = binding->in_count && op->ports[binding->in_count - 1]->flags & CLADE_VARIADIC;

	for (const struct clade_ast *kid = ast->first; kid; kid = kid->next) {
		struct clade_val val;
		enum clade_status status = clade_eval(expander, scope, kid, NULL, base, base_quoted, &val);

		if (status)
			return status;
		if (kid->label) {
			status = bind_named(expander, binding, kid, &val);
		} else {
			if (position >= binding->in_count && !variadic)
				return clade_fail_at(
					expander->diag, &kid->pos, CLADE_MSG_GRAPH_PORT,
					"%s takes %u input%s; attributes are given by name, as in `name = value`",
					op->name, binding->in_count, binding->in_count == 1 ? "" : "s");
			status = bind_port(expander, binding, position, kid, &val);
			position = binding->count > position ? binding->count : position + 1;
		}
		if (status)
			return status;
	}
	for (uint32_t i = 0; i < binding->in_count; i++)
		if (!(op->ports[i]->flags & CLADE_OPTIONAL) && !binding->given[i].bound)
			return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_MISSING,
					     "%s: input %s is missing", op->name, op->ports[i]->name);
	for (size_t i = 0; op->attrs && op->attrs[i]; i++)
		if (op->attrs[i]->required && i < 64 && !(binding->attrs >> i & 1))
			return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_MISSING,
					     "%s: attribute %s is missing; it has no default", op->name,
					     op->attrs[i]->name);
	return CLADE_OK;
}

/* Value ids of the inputs; `none` is an absent optional input. Numbers take the type of the first tensor. */
static enum clade_status resolve_inputs(struct clade_expander *expander, const struct binding *binding,
					uint32_t *inputs)
{
	const struct clade_op *op = binding->op;
	struct clade_type first = { 0 };
	bool found = false;

	for (uint32_t i = 0; i < binding->count && !found; i++) {
		const struct clade_val *val = &binding->given[i].val;

		found = binding->given[i].bound && (val->kind == CLADE_VAL_TENSOR || val->kind == CLADE_VAL_STATE);
		if (found)
			first = val->kind == CLADE_VAL_TENSOR ? expander->ir->values[val->id].type
							      : expander->ir->states[val->id].type;
	}
	for (uint32_t i = 0; i < binding->count; i++) {
		const struct clade_port *port = op->ports[i < binding->in_count ? i : binding->in_count - 1];
		const struct given *given = &binding->given[i];
		enum clade_status status = CLADE_OK;

		inputs[i] = CLADE_IR_NONE;
		if (given->bound && given->val.kind == CLADE_VAL_NONE && port->flags & CLADE_OPTIONAL)
			continue;
		if (given->bound)
			status = clade_port_value(expander, &given->pos, op, port, &given->val, found ? &first : NULL,
						  &inputs[i]);
		if (status)
			return status;
	}
	return CLADE_OK;
}

/* The ring among what an op is given; NULL: none. */
static const struct clade_ir_state *ring_of(const struct clade_ir *ir, const struct clade_val *val)
{
	uint32_t state = val->kind == CLADE_VAL_STATE ? val->id : CLADE_IR_NONE;

	if (val->kind == CLADE_VAL_TENSOR)
		state = ir->values[val->id].kind == CLADE_IR_STATE ? ir->values[val->id].index
								   : ir->values[val->id].state;
	return state != CLADE_IR_NONE && ir->states[state].window ? &ir->states[state] : NULL;
}

bool clade_set_ring(const struct clade_op *op, void *params)
{
	for (const struct clade_attr *const *a = op->attrs; a && *a; a++)
		if (strcmp((*a)->name, "ring") == 0 && (*a)->type == CLADE_ATTR_BOOL) {
			memcpy((char *)params + (*a)->offset, &(bool) { true }, sizeof(bool));
			return true;
		}
	return false;
}

/* An op that is given a ring has an attribute `ring`, which is set here, and reads no further back than the ring's
 * window (its attribute `window`, if it has one). */
static enum clade_status bind_rings(struct clade_expander *expander, const struct clade_ast *ast,
				    struct binding *binding)
{
	const struct clade_op *op = binding->op;

	for (uint32_t i = 0; i < binding->count; i++) {
		const struct clade_ir_state *ring =
			binding->given[i].bound ? ring_of(expander->ir, &binding->given[i].val) : NULL;

		for (const struct clade_attr *const *a = op->attrs; ring && a && *a; a++) {
			int64_t window = 0;

			if (strcmp((*a)->name, "window") != 0 || (*a)->type != CLADE_ATTR_INT)
				continue;
			memcpy(&window, (char *)binding->params + (*a)->offset, sizeof(window));
			if (window < 1 || window > ring->window)
				return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_STATE,
						     "%s: window is %lld, but %.80s keeps %lld positions; from 1 to "
						     "that",
						     op->name, (long long)window, ring->name, (long long)ring->window);
		}
		if (ring && !clade_set_ring(op, binding->params))
			return clade_fail_at(expander->diag, &binding->given[i].pos, CLADE_MSG_GRAPH_STATE,
					     "%s cannot take %.80s, whose rows are a ring (`window`)", op->name,
					     ring->name);
	}
	return CLADE_OK;
}

static enum clade_status add_outputs(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_op *op, const struct clade_type *types,
				     const struct clade_result_names *results, struct clade_ir_node *node,
				     uint32_t number, const char *base, bool base_quoted)
{
	uint32_t in_count = 0;

	while (op->ports[in_count] && op->ports[in_count]->flags & CLADE_IN)
		in_count++;
	for (uint32_t i = 0; i < node->output_count; i++) {
		struct clade_ir_value value = {
			.kind = CLADE_IR_NODE, .type = types[i], .node = number, .port = i, .state = CLADE_IR_NONE
		};
		enum clade_status status;
		const char *name;

		if (results && i < results->count) {
			value.path = clade_scope_path(expander, scope, results->names[i],
						      results->quoted && results->quoted[i]);
		} else if (i == 0) {
			name = clade_region_print(expander->region, expander->diag, "%s.%s", base, op->name);
			value.path = name ? clade_scope_path(expander, scope, name, base_quoted) : NULL;
		} else {
			name = clade_region_print(expander->region, expander->diag, "%s.%s", node->path,
						  op->ports[in_count + i]->name);
			value.path = name ? clade_scope_path(expander, scope, name, true) : NULL;
		}
		if (!value.path)
			return CLADE_ERR_MEMORY;
		if (i == 0)
			node->path = value.path;
		status = clade_add_value(expander, &value, &node->outputs[i]);
		if (status)
			return status;
	}
	return CLADE_OK;
}

static enum clade_status add_node(struct clade_expander *expander, struct clade_scope *scope,
				  const struct clade_ast *ast, struct binding *binding,
				  const struct clade_result_names *results, const char *base, bool base_quoted,
				  struct clade_ir_node **out)
{
	struct clade_ir *ir = expander->ir;
	struct clade_type types[CLADE_MAX_PORTS];
	struct clade_ir_node node = { .op = binding->op,
				      .params = binding->params,
				      .input_count = binding->count,
				      .output_count = binding->out_count,
				      .box = scope->box,
				      .pos = ast->pos };
	enum clade_status status;

	/* optional inputs that are absent at the end count too: implementations see every port */
	while (binding->count < binding->in_count && !(binding->op->ports[binding->count]->flags & CLADE_VARIADIC))
		binding->count++;
	node.input_count = binding->count;
	node.pin = results && results->pin ? results->pin : scope->pin;
	node.inputs = clade_region_array(expander->region, binding->count, sizeof(uint32_t), expander->diag);
	node.outputs = clade_region_array(expander->region, binding->out_count, sizeof(uint32_t), expander->diag);
	if (!node.inputs || !node.outputs)
		return CLADE_ERR_MEMORY;
	if (ir->node_count == CLADE_MAX_NODES)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_LIMIT,
				     "the graph has more than %u nodes", CLADE_MAX_NODES);
	status = resolve_inputs(expander, binding, node.inputs);
	if (!status)
		status = clade_infer_node(expander, &ast->pos, binding->op, node.params, node.input_count, node.inputs,
					  types, expander->diag);
	if (!status)
		status = clade_grow(expander->context, (void **)&ir->nodes, &expander->node_capacity, ir->node_count,
				    sizeof(node), expander->diag);
	if (!status)
		status = add_outputs(expander, scope, binding->op, types, results, &node, ir->node_count, base,
				     base_quoted);
	if (status)
		return status;
	ir->nodes[ir->node_count] = node;
	*out = &ir->nodes[ir->node_count++];
	return CLADE_OK;
}

enum clade_status clade_call_op(struct clade_expander *expander, struct clade_scope *scope, const struct clade_ast *ast,
				const struct clade_op *op, const struct clade_result_names *results, const char *base,
				bool base_quoted, uint32_t state, struct clade_val *out)
{
	struct binding space = { .op = op }, *binding = &space; /* not in the region: there may be a million nodes */
	struct clade_ir_node *node = NULL;
	bool writes = op->ports[0] && op->ports[0]->flags & CLADE_STATE;
	enum clade_status status;

	for (size_t i = 0; op->ports[i]; i++)
		*(op->ports[i]->flags & CLADE_IN ? &binding->in_count : &binding->out_count) += 1;
	if (writes && state == CLADE_IR_NONE)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_STATE,
				     "%s writes a state; write `state <- %s(...)`", op->name, op->name);
	if (results && results->count > binding->out_count)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_RESULT,
				     "%u names for the %u result%s of %s", results->count, binding->out_count,
				     binding->out_count == 1 ? "" : "s", op->name);
	binding->params = clade_region_alloc(expander->region, op->params_size, expander->diag);
	if (!binding->params)
		return CLADE_ERR_MEMORY;
	clade_params_default(op, binding->params);
	if (writes) {
		binding->given[0] = (struct given) { { .kind = CLADE_VAL_STATE, .id = state }, ast->pos, true };
		binding->count = 1;
	}
	status = bind_arguments(expander, scope, ast, base, base_quoted, binding);
	if (!status)
		status = bind_rings(expander, ast, binding);
	if (!status)
		status = add_node(expander, scope, ast, binding, results, base, base_quoted, &node);
	if (status)
		return status;
	for (uint32_t i = 0; i < (results ? results->count : 1); i++)
		out[i] = (struct clade_val) { .kind = CLADE_VAL_TENSOR, .id = node->outputs[i] };
	return CLADE_OK;
}

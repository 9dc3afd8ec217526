/* SPDX-License-Identifier: MIT */
/* Expansion: boxes, and calls of blocks. A block whose name is a registered block op becomes that op's box when its
 * arguments and results are the op's ports and attributes. */
#include "include.h"

#include <clade/messages.h>
#include <clade/step.h>

#include <stdio.h>
#include <string.h>

#define MAX_CALLS 64

enum clade_status clade_open_box(struct clade_expander *expander, struct clade_scope *scope, const char *path,
				 const char *block, const char *pin, const struct clade_ir_pos *pos,
				 struct clade_scope *out)
{
	struct clade_ir *ir = expander->ir;
	struct clade_ir_box box = { .path = path,
				    .block = block,
				    .parent = scope ? scope->box : CLADE_IR_NONE,
				    .first_node = ir->node_count,
				    .last_node = ir->node_count,
				    .pos = *pos };
	enum clade_status status;

	if (!path)
		return CLADE_ERR_MEMORY;
	if (ir->box_count == CLADE_MAX_NODES)
		return clade_fail_at(expander->diag, pos, CLADE_MSG_GRAPH_LIMIT,
				     "the graph has more than %u blocks and turns of loops", CLADE_MAX_NODES);
	box.pin = pin ? pin : scope ? scope->pin : NULL;
	status = clade_grow(expander->context, (void **)&ir->boxes, &expander->box_capacity, ir->box_count, sizeof(box),
			    expander->diag);
	if (status)
		return status;
	if (scope)
		*out = *scope;
	out->path = path;
	out->pin = box.pin;
	out->box = ir->box_count;
	out->entry = false;
	ir->boxes[ir->box_count++] = box;
	return CLADE_OK;
}

static bool is_value(const struct clade_val *val)
{
	return val->kind == CLADE_VAL_TENSOR || val->kind == CLADE_VAL_STATE;
}

static uint32_t value_of(struct clade_expander *expander, const struct clade_val *val)
{
	return val->kind == CLADE_VAL_STATE ? clade_state_value(expander, val->id) : val->id;
}

enum clade_status clade_box_inputs(struct clade_expander *expander, uint32_t argument_count,
				   const struct clade_box_argument *arguments, uint32_t **out)
{
	*out = clade_region_array(expander->region, argument_count, sizeof(uint32_t), expander->diag);
	for (uint32_t i = 0; *out && i < argument_count; i++) {
		(*out)[i] = is_value(&arguments[i].val) ? value_of(expander, &arguments[i].val) : CLADE_IR_NONE;
		if (is_value(&arguments[i].val) && (*out)[i] == CLADE_IR_NONE)
			return CLADE_ERR_MEMORY;
	}
	return *out ? CLADE_OK : CLADE_ERR_MEMORY;
}

/* Puts one argument in its port or attribute; false if the op has no such one or cannot take the value. */
static bool match_argument(struct clade_expander *expander, struct clade_ir_box *box,
			   const struct clade_box_argument *argument, uint32_t input, uint32_t *inputs, uint64_t *attrs)
{
	const struct clade_op *op = box->op;
	struct clade_diag *diag = expander->diag;
	enum clade_status status = CLADE_ERR_DATA;

	for (uint32_t p = 0; argument->name && op->ports[p]; p++) {
		if (!(op->ports[p]->flags & CLADE_IN) || strcmp(op->ports[p]->name, argument->name) != 0)
			continue;
		if (argument->val.kind == CLADE_VAL_NONE)
			return op->ports[p]->flags & CLADE_OPTIONAL;
		inputs[p] = input;
		return argument->val.kind == (op->ports[p]->flags & CLADE_STATE ? CLADE_VAL_STATE : CLADE_VAL_TENSOR);
	}
	expander->diag = NULL; /* that it does not fit is no error of the graph */
	for (size_t a = 0; argument->name && op->attrs && op->attrs[a]; a++)
		if (strcmp(op->attrs[a]->name, argument->name) == 0) {
			*attrs |= a < 64 ? (uint64_t)1 << a : 0;
			status = clade_set_attr(expander, &box->pos, op, op->attrs[a], &argument->val, box->params);
		}
	expander->diag = diag;
	return !status;
}

static bool match_types(struct clade_expander *expander, struct clade_ir_box *box, uint32_t in_count, uint32_t *inputs,
			uint32_t result_count, const uint32_t *results)
{
	struct clade_type types[CLADE_MAX_PORTS];

	if (clade_infer_node(expander, &box->pos, box->op, box->params, in_count, inputs, types, NULL))
		return false;
	for (uint32_t i = 0; i < result_count; i++)
		if (!clade_type_equal(&types[i], &expander->ir->values[results[i]].type))
			return false;
	return true;
}

/* An op's first outputs are the states that it writes: before the block's results come the versions that its body has
 * made. False if it has written none of one. A ring must be known to the op. */
static bool match_states(struct clade_expander *expander, struct clade_ir_box *box, const uint32_t *inputs,
			 uint32_t *outputs, uint32_t *out_count)
{
	const struct clade_ir *ir = expander->ir;
	int port;

	*out_count = 0;
	for (uint32_t n = 0; (port = clade_op_state_input(box->op, n)) >= 0; n++) {
		uint32_t state = inputs[port] == CLADE_IR_NONE ? CLADE_IR_NONE : ir->values[inputs[port]].state;

		if (state == CLADE_IR_NONE || expander->state_values[state] == inputs[port] ||
		    (ir->states[state].window && !clade_set_ring(box->op, box->params)))
			return false;
		outputs[(*out_count)++] = expander->state_values[state];
	}
	return box->output_count <= CLADE_MAX_PORTS - *out_count;
}

/* Attaches box->op, with inputs in port order, or leaves the box a plain block. */
static enum clade_status match_op(struct clade_expander *expander, struct clade_ir_box *box, uint32_t argument_count,
				  const struct clade_box_argument *arguments, const uint32_t *values)
{
	const struct clade_op *op = clade_op_find(expander->context, box->block);
	uint32_t block = clade_names_find(&expander->block_names, box->block);
	uint32_t inputs[CLADE_MAX_PORTS], outputs[CLADE_MAX_PORTS], in_count = 0, out_count = 0, state_count = 0;
	uint64_t attrs = 0;
	bool fits = true;

	if (!op || !(op->flags & CLADE_OP_BLOCK))
		return CLADE_OK;
	/* An implementation of a block is for the body that the library gives it: another block may have the same name.
	 */
	if (block == CLADE_IR_NONE || !clade_is_library(expander->blocks[block].ast->pos.file))
		return CLADE_OK;
	box->library = expander->blocks[block].ast->pos.file;
	box->params = clade_region_alloc(expander->region, op->params_size, expander->diag);
	if (!box->params)
		return CLADE_ERR_MEMORY;
	clade_params_default(op, box->params);
	box->op = op;
	for (uint32_t i = 0; i < CLADE_MAX_PORTS; i++)
		inputs[i] = CLADE_IR_NONE;
	for (uint32_t i = 0; i < argument_count && fits; i++)
		fits = match_argument(expander, box, &arguments[i], values[i], inputs, &attrs);
	for (uint32_t p = 0; op->ports[p]; p++) {
		bool in = op->ports[p]->flags & CLADE_IN;

		fits = fits && !(op->ports[p]->flags & CLADE_VARIADIC) &&
		       (!in || op->ports[p]->flags & CLADE_OPTIONAL || inputs[p] != CLADE_IR_NONE);
		*(in ? &in_count : &out_count) += 1;
	}
	for (size_t a = 0; op->attrs && op->attrs[a]; a++)
		fits = fits && (!op->attrs[a]->required || (a < 64 && attrs >> a & 1));
	fits = fits && match_states(expander, box, inputs, outputs, &state_count) &&
	       state_count + box->output_count == out_count;
	if (fits && box->output_count)
		memcpy(outputs + state_count, box->outputs, box->output_count * sizeof(uint32_t));
	fits = fits && match_types(expander, box, in_count, inputs, out_count, outputs);
	if (!fits) {
		clade_log(expander->context, CLADE_LOG_DEBUG, "graph",
			  "%s: the block %s does not match the op of that name", box->path, box->block);
		box->op = NULL;
		box->params = NULL;
		return CLADE_OK;
	}
	box->input_count = in_count;
	box->inputs = clade_region_array(expander->region, in_count, sizeof(uint32_t), expander->diag);
	if (!box->inputs)
		return CLADE_ERR_MEMORY;
	memcpy(box->inputs, inputs, in_count * sizeof(uint32_t));
	if (state_count) {
		box->output_count = out_count;
		box->outputs = clade_region_array(expander->region, out_count, sizeof(uint32_t), expander->diag);
		if (!box->outputs)
			return CLADE_ERR_MEMORY;
		memcpy(box->outputs, outputs, out_count * sizeof(uint32_t));
	}
	return CLADE_OK;
}

enum clade_status clade_close_box(struct clade_expander *expander, uint32_t number, uint32_t argument_count,
				  const struct clade_box_argument *arguments, const uint32_t *values,
				  uint32_t result_count, const struct clade_val *results)
{
	struct clade_ir_box *box = &expander->ir->boxes[number];
	bool all = true;

	box->last_node = expander->ir->node_count;
	if (!box->block)
		return CLADE_OK;
	box->outputs = clade_region_array(expander->region, result_count, sizeof(uint32_t), expander->diag);
	box->inputs = clade_region_array(expander->region, argument_count, sizeof(uint32_t), expander->diag);
	if (!box->outputs || !box->inputs)
		return CLADE_ERR_MEMORY;
	for (uint32_t i = 0; i < result_count; i++) {
		all = all && is_value(&results[i]);
		if (is_value(&results[i]))
			box->outputs[box->output_count++] = value_of(expander, &results[i]);
	}
	for (uint32_t i = 0; i < argument_count; i++)
		if (values[i] != CLADE_IR_NONE)
			box->inputs[box->input_count++] = values[i];
	return all ? match_op(expander, box, argument_count, arguments, values) : CLADE_OK;
}

/* ---- calls ---- */
struct call {
	const struct clade_block *block;
	uint32_t count, result_count;
	struct clade_box_argument *arguments; /* the block's, in its order */
	const struct clade_ir_pos **given;    /* where each was given; NULL: not */
	struct clade_scope inner;
	struct clade_frame frame;
};

static enum clade_status bind_block(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *ast, struct call *call, const char *base, bool base_quoted)
{
	const struct clade_ast *block = call->block->ast;
	uint32_t position = 0;

	for (const struct clade_ast *kid = ast->first; kid; kid = kid->next) {
		uint32_t at = 0;
		enum clade_status status;

		if (kid->label) {
			struct clade_words words = { .count = 0 };
			char hint[128];

			while (at < call->count && strcmp(call->arguments[at].name, kid->label) != 0)
				clade_words_add(&words, call->arguments[at++].name);
			if (at == call->count)
				return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_ARGUMENT,
						     "block %s has no argument `%.80s`%s", block->text, kid->label,
						     clade_words_hint(&words, kid->label, hint, sizeof(hint)));
		} else {
			at = position++;
			if (at >= call->count)
				return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_ARGUMENT,
						     "block %s takes %u argument%s", block->text, call->count,
						     call->count == 1 ? "" : "s");
		}
		if (call->given[at])
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_DUPLICATE,
					     "block %s: argument %s is given twice", block->text,
					     call->arguments[at].name);
		call->given[at] = &kid->pos;
		status = clade_eval(expander, scope, kid, NULL, base, base_quoted, &call->arguments[at].val);
		if (status)
			return status;
	}
	return CLADE_OK;
}

/* Gives every argument its value in the block's own names; defaults may use the arguments before them. */
static enum clade_status enter_block(struct clade_expander *expander, const struct clade_ast *ast, struct call *call)
{
	uint32_t at = 0;
	enum clade_status status = CLADE_OK;

	for (const struct clade_ast *kid = call->block->ast->first; kid && !status; kid = kid->next, at++) {
		if (!call->given[at] && !kid->body)
			return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_MISSING,
					     "block %s: argument %s is missing", call->block->ast->text, kid->text);
		if (!call->given[at])
			status = clade_eval_constant(expander, &call->inner, kid->body, &call->arguments[at].val);
		if (!status)
			status = clade_scope_set(expander, &call->inner, kid->text, &call->arguments[at].val);
	}
	return status;
}

static enum clade_status expand_block(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *ast, struct call *call, const char *path, const char *pin,
				      struct clade_val *results)
{
	const struct clade_ast *block = call->block->ast;
	uint32_t *values, at = 0;
	enum clade_status status;

	status = clade_open_box(expander, scope, path, block->text, pin ? pin : block->pin, &ast->pos, &call->inner);
	if (status)
		return status;
	call->inner.frame = &call->frame;
	call->inner.globals = call->block->model_file;
	status = enter_block(expander, ast, call);
	if (!status)
		status = clade_box_inputs(expander, call->count, call->arguments, &values);
	if (!status)
		status = clade_expand_body(expander, &call->inner, block->body);
	for (const struct clade_ast *kid = block->other; kid && !status; kid = kid->next) {
		struct clade_val *val = clade_scope_find(&call->inner, kid->text);

		if (!val)
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_RESULT,
					     "block %s never assigns its result %s", block->text, kid->text);
		results[at++] = *val;
	}
	return status ? status
		      : clade_close_box(expander, call->inner.box, call->count, call->arguments, values,
					call->result_count, results);
}

static enum clade_status prepare_call(struct clade_expander *expander, const struct clade_ast *ast, struct call *call,
				      const struct clade_result_names *results)
{
	const struct clade_ast *block = call->block->ast;
	uint32_t at = 0;

	for (const struct clade_ast *kid = block->first; kid; kid = kid->next)
		call->count++;
	for (const struct clade_ast *kid = block->other; kid; kid = kid->next)
		call->result_count++;
	if (call->block->busy)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_BLOCK,
				     "block %s calls itself, which would never end", block->text);
	if (expander->depth >= MAX_CALLS)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DEPTH,
				     "blocks call blocks more than %d deep", MAX_CALLS);
	if (results && results->count > call->result_count)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_RESULT,
				     "%u names for the %u result%s of block %s", results->count, call->result_count,
				     call->result_count == 1 ? "" : "s", block->text);
	call->arguments = clade_region_array(expander->region, call->count, sizeof(*call->arguments), expander->diag);
	call->given = clade_region_array(expander->region, call->count, sizeof(*call->given), expander->diag);
	if (!call->arguments || !call->given)
		return CLADE_ERR_MEMORY;
	for (const struct clade_ast *kid = block->first; kid; kid = kid->next)
		call->arguments[at++].name = kid->text;
	return CLADE_OK;
}

enum clade_status clade_call_block(struct clade_expander *expander, struct clade_scope *scope,
				   const struct clade_ast *ast, struct clade_block *block,
				   const struct clade_result_names *results, const char *base, bool base_quoted,
				   struct clade_val *out)
{
	struct call call = { .block = block };
	struct clade_val *made = NULL;
	const char *name = results ? results->names[0] : NULL, *path;
	bool quoted = results ? results->quoted && results->quoted[0] : base_quoted;
	enum clade_status status = prepare_call(expander, ast, &call, results);

	if (!status)
		status = bind_block(expander, scope, ast, &call, base, base_quoted);
	if (!status)
		made = clade_region_array(expander->region, call.result_count, sizeof(*made), expander->diag);
	if (!status && !name)
		name = clade_region_print(expander->region, expander->diag, "%s.%s", base, block->ast->text);
	path = !status && name ? clade_scope_path(expander, scope, name, quoted) : NULL;
	if (!status && (!made || !path))
		status = CLADE_ERR_MEMORY;
	if (!status) {
		block->busy = true;
		expander->depth++;
		status = expand_block(expander, scope, ast, &call, path, results ? results->pin : NULL, made);
		expander->depth--;
		block->busy = false;
	}
	clade_frame_finish(expander, &call.frame);
	for (uint32_t i = 0; !status && i < (results ? results->count : 1); i++)
		out[i] = made[i];
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Expansion: entries with their inputs and outputs. */
#include "expand.h"

#include <clade/messages.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* range, or range(MASK) where MASK is an input before it of the same type. */
static enum clade_status set_range(struct clade_expander *expander, const struct clade_ast *expression,
				   struct clade_ir_input *input)
{
	const struct clade_ir_entry *entry = expander->entry;
	const struct clade_ast *mask = expression->first;

	input->default_kind = CLADE_DEFAULT_RANGE;
	if (input->type.dtype != CLADE_I32 || input->type.rank == 0)
		return clade_fail_at(
			expander->diag, &expression->pos, CLADE_MSG_GRAPH_INPUT,
			"`range` (0, 1, 2, ... along the last axis) is a default of i32 inputs with an axis");
	if (expression->kind == CLADE_AST_NAME)
		return CLADE_OK;
	for (uint32_t i = 0; mask && !mask->next && mask->kind == CLADE_AST_NAME && i < entry->input_count; i++)
		if (strcmp(entry->inputs[i].name, mask->text) == 0 &&
		    clade_type_equal(&entry->inputs[i].type, &input->type))
			input->default_mask = i;
	if (input->default_mask != CLADE_IR_NONE)
		return CLADE_OK;
	return clade_fail_at(expander->diag, &expression->pos, CLADE_MSG_GRAPH_INPUT,
			     "range(MASK) counts where an input declared before, of the same type, is not 0");
}

static enum clade_status set_default(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast, struct clade_ir_input *input)
{
	const struct clade_ast *expression = ast->first;
	struct clade_val val;
	char text[256];
	enum clade_status status;

	if (!expression)
		return CLADE_OK;
	if ((expression->kind == CLADE_AST_NAME || expression->kind == CLADE_AST_CALL) && !expression->quoted &&
	    strcmp(expression->text, "range") == 0)
		return set_range(expander, expression, input);
	status = clade_eval_constant(expander, scope, expression, &val);
	if (status)
		return status;
	input->default_kind = CLADE_DEFAULT_CONST;
	input->default_value = val.kind == CLADE_VAL_FLOAT ? (double)(float)val.f : (double)val.i;
	if ((input->type.dtype == CLADE_I32 && val.kind == CLADE_VAL_INT && val.i >= INT32_MIN && val.i <= INT32_MAX) ||
	    (input->type.dtype == CLADE_F32 && (val.kind == CLADE_VAL_INT || val.kind == CLADE_VAL_FLOAT) &&
	     isfinite(input->default_value)) ||
	    (input->type.dtype == CLADE_BOOL && val.kind == CLADE_VAL_BOOL))
		return CLADE_OK;
	return clade_fail_at(expander->diag, &expression->pos, CLADE_MSG_GRAPH_INPUT,
			     "the default of an input of %s is %s", clade_dtype_info(input->type.dtype)->name,
			     clade_val_describe(expander, &val, text, sizeof(text)));
}

enum clade_status clade_expand_input(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast)
{
	struct clade_ir_entry *entry = expander->entry;
	struct clade_ir_input input = { .name = ast->text, .default_mask = CLADE_IR_NONE };
	struct clade_ir_value value = { .kind = CLADE_IR_INPUT,
					.path = ast->text,
					.index = entry->input_count,
					.node = CLADE_IR_NONE,
					.state = CLADE_IR_NONE };
	struct clade_val val = { .kind = CLADE_VAL_TENSOR };
	enum clade_status status;

	for (uint32_t i = 0; i < entry->input_count; i++)
		if (strcmp(entry->inputs[i].name, ast->text) == 0)
			return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DUPLICATE,
					     "input `%.80s` is declared twice", ast->text);
	if (clade_scope_find(scope, ast->text) || clade_names_find(&expander->globals, ast->text) != CLADE_IR_NONE)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DUPLICATE,
				     "`%.80s` has a meaning already; give the input another name", ast->text);
	status = clade_eval_type(expander, scope, ast->type, &input.type);
	if (!status)
		status = set_default(expander, scope, ast, &input);
	if (!status)
		status = clade_grow(expander->context, (void **)&entry->inputs, &expander->input_capacity,
				    entry->input_count, sizeof(input), expander->diag);
	value.type = input.type;
	if (!status && !clade_scope_path(expander, scope, ast->text, true))
		status = CLADE_ERR_MEMORY;
	if (!status)
		status = clade_add_value(expander, &value, &input.value);
	if (status)
		return status;
	entry->inputs[entry->input_count++] = input;
	val.id = input.value;
	return clade_scope_set(expander, scope, ast->text, &val);
}

/* The output's value: its expression, or the local of its name. */
static enum clade_status output_value(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *ast, struct clade_val *out)
{
	const bool quoted = false;
	struct clade_result_names results = { 1, &ast->text, &quoted, ast->pin };
	struct clade_val *local = clade_scope_find(scope, ast->text);
	struct clade_scope pinned = *scope;
	char text[256];

	pinned.pin = ast->pin ? ast->pin : scope->pin;
	if (ast->first) {
		enum clade_status status = clade_eval(expander, &pinned, ast->first, &results, ast->text, false, out);

		if (status)
			return status;
	} else if (local) {
		*out = *local;
	} else {
		return clade_fail_at(
			expander->diag, &ast->pos, CLADE_MSG_GRAPH_OUTPUT,
			"nothing called `%.80s` was computed before this output; write `= expression` after its type",
			ast->text);
	}
	if (out->kind == CLADE_VAL_STATE) {
		out->id = clade_state_value(expander, out->id);
		out->kind = CLADE_VAL_TENSOR;
	}
	if (out->kind != CLADE_VAL_TENSOR)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_OUTPUT,
				     "output `%.80s` is %s, not a tensor", ast->text,
				     clade_val_describe(expander, out, text, sizeof(text)));
	return out->id == CLADE_IR_NONE ? CLADE_ERR_MEMORY : CLADE_OK;
}

enum clade_status clade_expand_output(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *ast)
{
	struct clade_ir_entry *entry = expander->entry;
	struct clade_type type;
	struct clade_val val;
	char declared[256], got[256];
	enum clade_status status;

	for (uint32_t i = 0; i < entry->output_count; i++)
		if (strcmp(entry->outputs[i].name, ast->text) == 0)
			return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DUPLICATE,
					     "output `%.80s` is declared twice", ast->text);
	status = clade_eval_type(expander, scope, ast->type, &type);
	if (!status)
		status = output_value(expander, scope, ast, &val);
	if (status)
		return status;
	if (!clade_type_equal(&type, &expander->ir->values[val.id].type))
		return clade_fail_at(
			expander->diag, &ast->type->pos, CLADE_MSG_GRAPH_OUTPUT,
			"output `%.80s` is declared %s but is %s", ast->text,
			clade_ir_type_text(expander->ir, &type, declared, sizeof(declared)),
			clade_ir_type_text(expander->ir, &expander->ir->values[val.id].type, got, sizeof(got)));
	status = clade_grow(expander->context, (void **)&entry->outputs, &expander->output_capacity,
			    entry->output_count, sizeof(*entry->outputs), expander->diag);
	if (!status)
		entry->outputs[entry->output_count++] = (struct clade_ir_output) { ast->text, val.id };
	return status;
}

/* after, chunk */
static enum clade_status resolve_head(struct clade_expander *expander, const struct clade_ast *ast,
				      struct clade_ir_entry *entry)
{
	struct clade_words words = { .count = 0 };
	char hint[128];

	entry->after = entry->chunk_dim = entry->row_input = CLADE_IR_NONE;
	if (ast->other) {
		entry->after = clade_names_find(&expander->entries, ast->other->text);
		for (uint32_t i = 0; i < expander->ir->entry_count; i++)
			clade_words_add(&words, expander->ir->entries[i].name);
		if (entry->after == CLADE_IR_NONE || entry->after >= expander->ir->entry_count)
			return clade_fail_at(expander->diag, &ast->other->pos, CLADE_MSG_GRAPH_ENTRY,
					     "no entry before this one is called `%.80s`%s", ast->other->text,
					     clade_words_hint(&words, ast->other->text, hint, sizeof(hint)));
	}
	words.count = 0;
	for (uint32_t i = 0; ast->first && i < expander->ir->dim_count; i++) {
		clade_words_add(&words, expander->ir->dims[i].name);
		if (strcmp(expander->ir->dims[i].name, ast->first->text) == 0)
			entry->chunk_dim = i;
	}
	if (ast->first && entry->chunk_dim == CLADE_IR_NONE)
		return clade_fail_at(expander->diag, &ast->first->pos, CLADE_MSG_GRAPH_CHUNK,
				     "no dim is called `%.80s`%s", ast->first->text,
				     clade_words_hint(&words, ast->first->text, hint, sizeof(hint)));
	if (ast->first && expander->ir->dims[entry->chunk_dim].dim_class != CLADE_DIM_RUN)
		return clade_fail_at(expander->diag, &ast->first->pos, CLADE_MSG_GRAPH_CHUNK,
				     "%s is fixed by a session; only a run dim can be chunked", ast->first->text);
	return CLADE_OK;
}

/* Moves a growing array of inputs or outputs into the region. */
static enum clade_status settle(struct clade_expander *expander, void **array, uint32_t count, size_t each)
{
	void *copy = clade_region_array(expander->region, count, each, expander->diag);

	if (copy && count)
		memcpy(copy, *array, count * each);
	clade_free(expander->context, *array);
	*array = copy;
	return copy ? CLADE_OK : CLADE_ERR_MEMORY;
}

enum clade_status clade_expand_entry(struct clade_expander *expander, const struct clade_ast *ast)
{
	struct clade_ir *ir = expander->ir;
	struct clade_ir_entry entry = { .name = ast->text, .first_node = ir->node_count, .root_box = ir->box_count };
	struct clade_frame frame = { .parent = NULL };
	struct clade_scope root = { .frame = &frame, .path = "", .globals = true }, scope;
	enum clade_status status = resolve_head(expander, ast, &entry);

	if (status)
		return status;
	expander->entry = &entry;
	expander->input_capacity = expander->output_capacity = 0;
	for (uint32_t i = 0; i < ir->state_count; i++)
		expander->state_values[i] = CLADE_IR_NONE;
	expander->paths.context = expander->context;
	status = clade_open_box(expander, NULL, "", NULL,
				ast->pin          ? ast->pin
				: expander->model ? expander->model->pin
						  : NULL,
				&ast->pos, &root);
	scope = root;
	scope.entry = true;
	if (!status)
		status = clade_expand_body(expander, &scope, ast->body);
	if (!status)
		status = clade_close_box(expander, entry.root_box, 0, NULL, NULL, 0, NULL);
	entry.last_node = ir->node_count;
	if (settle(expander, (void **)&entry.inputs, entry.input_count, sizeof(*entry.inputs)) && !status)
		status = CLADE_ERR_MEMORY;
	if (settle(expander, (void **)&entry.outputs, entry.output_count, sizeof(*entry.outputs)) && !status)
		status = CLADE_ERR_MEMORY;
	if (!status)
		status = clade_grow(expander->context, (void **)&ir->entries, &expander->entry_capacity,
				    ir->entry_count, sizeof(entry), expander->diag);
	if (!status) {
		ir->entries[ir->entry_count] = entry;
		status = clade_check_entry(expander, ast, ir->entry_count++);
	}
	clade_frame_finish(expander, &frame);
	clade_names_finish(&expander->paths);
	expander->entry = NULL;
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Expansion: names, paths and the values behind them. */
#include "expand.h"

#include <clade/messages.h>
#include <clade/step.h>

#include <stdio.h>
#include <string.h>

struct clade_val *clade_scope_find(const struct clade_scope *scope, const char *name)
{
	for (struct clade_frame *frame = scope ? scope->frame : NULL; frame; frame = frame->parent) {
		uint32_t at = clade_names_find(&frame->names, name);

		if (at != CLADE_IR_NONE)
			return &frame->values[at];
	}
	return NULL;
}

enum clade_status clade_scope_set(struct clade_expander *expander, struct clade_scope *scope, const char *name,
				  const struct clade_val *val)
{
	struct clade_val *old = clade_scope_find(scope, name);
	struct clade_frame *frame = scope->frame;
	enum clade_status status;

	if (old) {
		*old = *val;
		return CLADE_OK;
	}
	status = clade_grow(expander->context, (void **)&frame->values, &frame->capacity, frame->count,
			    sizeof(*frame->values), expander->diag);
	if (status)
		return status;
	frame->names.context = expander->context;
	frame->values[frame->count] = *val;
	return clade_names_set(&frame->names, name, frame->count++, expander->diag);
}

void clade_frame_finish(struct clade_expander *expander, struct clade_frame *frame)
{
	clade_names_finish(&frame->names);
	clade_free(expander->context, frame->values);
	frame->values = NULL;
	frame->count = frame->capacity = 0;
}

enum clade_status clade_add_value(struct clade_expander *expander, const struct clade_ir_value *value, uint32_t *out)
{
	struct clade_ir *ir = expander->ir;
	enum clade_status status = clade_grow(expander->context, (void **)&ir->values, &expander->value_capacity,
					      ir->value_count, sizeof(*value), expander->diag);

	if (status)
		return status;
	*out = ir->value_count;
	ir->values[ir->value_count++] = *value;
	return CLADE_OK;
}

uint32_t clade_state_value(struct clade_expander *expander, uint32_t state)
{
	struct clade_ir_state *record = &expander->ir->states[state];
	struct clade_ir_value value = { .kind = CLADE_IR_STATE,
					.path = record->name,
					.type = record->type,
					.index = state,
					.node = CLADE_IR_NONE,
					.state = state };

	if (expander->state_values[state] == CLADE_IR_NONE) {
		if (expander->state_first[state] == CLADE_IR_NONE &&
		    clade_add_value(expander, &value, &expander->state_first[state]))
			return CLADE_IR_NONE;
		expander->state_values[state] = expander->state_first[state];
	}
	return expander->state_values[state];
}

enum clade_status clade_weight_value(struct clade_expander *expander, uint32_t slot, struct clade_val *out)
{
	struct clade_weight_slot *record = &expander->slots[slot];
	struct clade_ir_value value = { .kind = CLADE_IR_WEIGHT,
					.path = record->name,
					.type = record->type,
					.index = slot,
					.node = CLADE_IR_NONE,
					.state = CLADE_IR_NONE };
	enum clade_status status = CLADE_OK;

	if (record->absent) {
		*out = (struct clade_val) { .kind = CLADE_VAL_NONE, .s = record->name };
		return CLADE_OK;
	}
	if (record->value == CLADE_IR_NONE)
		status = clade_add_value(expander, &value, &record->value);
	*out = (struct clade_val) { .kind = CLADE_VAL_TENSOR, .id = record->value };
	return status;
}

static enum clade_status unknown_name(struct clade_expander *expander, const struct clade_scope *scope,
				      const struct clade_ast *ast)
{
	struct clade_words *words = clade_region_alloc(expander->region, sizeof(*words), expander->diag);
	bool globals = !scope || scope->globals, hidden;
	char hint[128];

	if (!words)
		return CLADE_ERR_MEMORY;
	for (struct clade_frame *frame = scope ? scope->frame : NULL; frame; frame = frame->parent)
		for (uint32_t i = 0; i < frame->names.capacity; i++)
			if (frame->names.slots[i].key)
				clade_words_add(words, frame->names.slots[i].key);
	for (uint32_t i = 0; globals && i < expander->decl_count; i++)
		clade_words_add(words, expander->decls[i].name);
	if (!globals && clade_names_find(&expander->globals, ast->text) != CLADE_IR_NONE)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_NAME,
				     "`%.80s` is not known here; an included block sees only its arguments", ast->text);
	hidden = clade_op_find(expander->context, ast->text) ||
		 clade_names_find(&expander->block_names, ast->text) != CLADE_IR_NONE;
	return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_NAME, "`%.80s` is not known here%s%s",
			     ast->text, hidden ? "; an op or block of that name is called with (...)" : "",
			     clade_words_hint(words, ast->text, hint, sizeof(hint)));
}

static enum clade_status global_value(struct clade_expander *expander, const struct clade_ast *ast,
				      struct clade_decl *decl, struct clade_val *out)
{
	enum clade_status status = CLADE_OK;

	decl->used = true;
	if (decl->kind == CLADE_DECL_PARAM) {
		status = clade_param_value(expander, decl);
		*out = decl->value;
		return status;
	}
	if (decl->kind == CLADE_DECL_DIM) {
		*out = decl->value;
		return CLADE_OK;
	}
	if (decl->progress != CLADE_DECL_DONE || !expander->entry)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_NAME,
				     "`%.80s` is a %s; here only params and dims can be used", ast->text,
				     decl->kind == CLADE_DECL_WEIGHT ? "weight" : "state");
	if (decl->index_count) {
		*out = (struct clade_val) { .kind = CLADE_VAL_FAMILY, .decl = decl };
		return CLADE_OK;
	}
	if (decl->kind == CLADE_DECL_WEIGHT)
		return clade_weight_value(expander, decl->first, out);
	*out = (struct clade_val) { .kind = CLADE_VAL_STATE, .id = decl->first };
	return CLADE_OK;
}

enum clade_status clade_scope_get(struct clade_expander *expander, struct clade_scope *scope,
				  const struct clade_ast *ast, struct clade_val *out)
{
	struct clade_val *local = clade_scope_find(scope, ast->text);
	uint32_t global = !scope || scope->globals ? clade_names_find(&expander->globals, ast->text) : CLADE_IR_NONE;

	if (local) {
		*out = *local;
		return CLADE_OK;
	}
	if (global == CLADE_IR_NONE)
		return unknown_name(expander, scope, ast);
	return global_value(expander, ast, &expander->decls[global], out);
}

static enum clade_status list_element(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *ast, const struct clade_val *list, struct clade_val *out)
{
	int64_t index;
	enum clade_status status = clade_eval_integer(expander, scope, ast->first, "an index", &index);

	if (status)
		return status;
	if (ast->first->next || index < 0 || index >= list->count)
		return clade_fail_at(expander->diag, &ast->first->pos, CLADE_MSG_GRAPH_INDEX,
				     "`%.80s` has %u values; one index from 0 to %d is needed", ast->text, list->count,
				     (int)list->count - 1);
	*out = list->items[index];
	return CLADE_OK;
}

enum clade_status clade_scope_index(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *ast, struct clade_val *out)
{
	struct clade_val family;
	struct clade_decl *decl;
	uint32_t at = 0, given = 0;
	char text[256];
	enum clade_status status = clade_scope_get(expander, scope, ast, &family);

	if (status)
		return status;
	if (family.kind == CLADE_VAL_LIST)
		return list_element(expander, scope, ast, &family, out);
	decl = family.decl;
	if (family.kind != CLADE_VAL_FAMILY)
		return clade_fail_at(
			expander->diag, &ast->pos, CLADE_MSG_GRAPH_INDEX,
			"`%.80s` is %s; only params, weights and states declared with [counts] have an index",
			ast->text, clade_val_describe(expander, &family, text, sizeof(text)));
	for (const struct clade_ast *kid = ast->first; kid; kid = kid->next)
		given++;
	if (given != decl->index_count)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_INDEX, "`%.80s` takes %u %s, not %u",
				     decl->name, decl->index_count, decl->index_count == 1 ? "index" : "indices",
				     given);
	given = 0;
	for (const struct clade_ast *kid = ast->first; kid; kid = kid->next, given++) {
		int64_t index;

		status = clade_eval_integer(expander, scope, kid, "an index", &index);
		if (status)
			return status;
		if (index < 0 || index >= decl->counts[given])
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_INDEX,
					     "index %lld of `%.80s`, which has %lld (0 to %lld)", (long long)index,
					     decl->name, (long long)decl->counts[given],
					     (long long)decl->counts[given] - 1);
		at = at * (uint32_t)decl->counts[given] + (uint32_t)index;
	}
	if (decl->kind == CLADE_DECL_WEIGHT)
		return clade_weight_value(expander, decl->first + at, out);
	*out = (struct clade_val) { .kind = CLADE_VAL_STATE, .id = decl->first + at };
	return CLADE_OK;
}

const char *clade_scope_path(struct clade_expander *expander, const struct clade_scope *scope, const char *name,
			     bool quoted)
{
	const char *path, *first;
	uint32_t next;

	path = quoted || !*scope->path
		       ? name
		       : clade_region_print(expander->region, expander->diag, "%s/%s", scope->path, name);
	if (!path)
		return NULL;
	first = path;
	next = clade_names_find(&expander->paths, first);
	if (next == CLADE_IR_NONE)
		return clade_names_set(&expander->paths, path, 2, expander->diag) ? NULL : path;
	do {
		path = clade_region_print(expander->region, expander->diag, "%s.%u", first, next++);
	} while (path && clade_names_find(&expander->paths, path) != CLADE_IR_NONE);
	if (!path || clade_names_set(&expander->paths, first, next, expander->diag) ||
	    clade_names_set(&expander->paths, path, 2, expander->diag))
		return NULL;
	return path;
}

/* SPDX-License-Identifier: MIT */
/* Expansion: statements. */
#include "expand.h"

#include <clade/messages.h>
#include <clade/step.h>

#include <stdio.h>
#include <string.h>

#define MAX_TARGETS CLADE_MAX_PORTS
#define MAX_WORK (20 * CLADE_MAX_NODES) /* statements: loops that make no nodes must end as well */
/* The op through which an expression that is no state op itself is kept in a state. */
#define STORE_OP "store"

static enum clade_status check_target(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *target)
{
	uint32_t global = clade_names_find(&expander->globals, target->text);
	static const char *const kinds[] = { "param", "dim", "weight", "state" };
	const struct clade_decl *decl = global == CLADE_IR_NONE ? NULL : &expander->decls[global];

	if (!scope->globals || !decl || clade_scope_find(scope, target->text))
		return CLADE_OK;
	return clade_fail_at(expander->diag, &target->pos, CLADE_MSG_GRAPH_DUPLICATE,
			     "`%.80s` is a %s and cannot be assigned%s", target->text, kinds[decl->kind],
			     decl->kind == CLADE_DECL_STATE ? "; states are written with `<-`" : "");
}

static enum clade_status expand_assign(struct clade_expander *expander, struct clade_scope *scope,
				       const struct clade_ast *ast)
{
	const char *names[MAX_TARGETS];
	bool quoted[MAX_TARGETS];
	struct clade_val vals[MAX_TARGETS];
	struct clade_result_names results = { 0, names, quoted, ast->pin };
	struct clade_scope pinned = *scope; /* a pin holds for all nodes of its statement */
	uint32_t at = 0;
	enum clade_status status = CLADE_OK;

	for (const struct clade_ast *target = ast->other; target && !status; target = target->next) {
		if (results.count == MAX_TARGETS)
			return clade_fail_at(expander->diag, &target->pos, CLADE_MSG_GRAPH_RESULT, "more than %d names",
					     MAX_TARGETS);
		for (const struct clade_ast *other = ast->other; other != target; other = other->next)
			if (strcmp(other->text, target->text) == 0 && strcmp(target->text, "_") != 0)
				return clade_fail_at(expander->diag, &target->pos, CLADE_MSG_GRAPH_DUPLICATE,
						     "`%.80s` is assigned twice in one statement", target->text);
		names[results.count] = target->text;
		quoted[results.count++] = target->quoted;
		status = check_target(expander, scope, target);
	}
	pinned.pin = ast->pin ? ast->pin : scope->pin;
	if (!status)
		status = clade_eval(expander, &pinned, ast->first, &results, names[0], quoted[0], vals);
	for (const struct clade_ast *target = ast->other; target && !status; target = target->next, at++)
		if (strcmp(target->text, "_") != 0)
			status = clade_scope_set(expander, scope, target->text, &vals[at]);
	return status;
}

static const struct clade_op *state_op(struct clade_expander *expander, const struct clade_ast *expression)
{
	const struct clade_op *op = NULL;

	if (expression->kind == CLADE_AST_CALL &&
	    clade_names_find(&expander->block_names, expression->text) == CLADE_IR_NONE)
		op = clade_op_find(expander->context, expression->text);
	return op && op->ports[0] && op->ports[0]->flags & CLADE_STATE ? op : NULL;
}

/* state <- expression */
static enum clade_status expand_write(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *ast)
{
	const struct clade_ast *expression = ast->first->next;
	const struct clade_op *op = state_op(expander, expression);
	struct clade_ast call = *expression, argument;
	struct clade_result_names results = { .count = 1, .pin = ast->pin };
	struct clade_scope pinned = *scope;
	struct clade_val state, made;
	struct clade_ir_value *value;
	char text[256];
	enum clade_status status = ast->first->kind == CLADE_AST_INDEX
					   ? clade_scope_index(expander, scope, ast->first, &state)
					   : clade_scope_get(expander, scope, ast->first, &state);

	if (status)
		return status;
	if (state.kind != CLADE_VAL_STATE)
		return clade_fail_at(expander->diag, &ast->first->pos, CLADE_MSG_GRAPH_STATE,
				     "`<-` writes a state, not %s",
				     clade_val_describe(expander, &state, text, sizeof(text)));
	if (!op) {
		op = clade_op_find(expander->context, STORE_OP);
		if (!op || !(op->ports[0]->flags & CLADE_STATE))
			return clade_fail_at(expander->diag, &expression->pos, CLADE_MSG_GRAPH_OP,
					     "no op `" STORE_OP "` is there to keep a tensor in a state");
		argument = *expression;
		argument.next = NULL;
		argument.label = NULL;
		memset(&call, 0, sizeof(call));
		call.kind = CLADE_AST_CALL;
		call.text = STORE_OP;
		call.pos = expression->pos;
		call.first = call.last = &argument;
	}
	results.names = &expander->ir->states[state.id].name;
	pinned.pin = ast->pin ? ast->pin : scope->pin;
	status = clade_call_op(expander, &pinned, &call, op, &results, results.names[0], false, state.id, &made);
	if (status)
		return status;
	value = &expander->ir->values[made.id];
	if (!clade_type_equal(&value->type, &expander->ir->states[state.id].type))
		return clade_fail_at(expander->diag, &expression->pos, CLADE_MSG_GRAPH_STATE,
				     "%s does not give back the state's type", op->name);
	value->state = state.id;
	expander->state_values[state.id] = made.id;
	return CLADE_OK;
}

static enum clade_status expand_turn(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast, int64_t index)
{
	struct clade_frame frame = { .parent = scope->frame };
	struct clade_val val = { .kind = CLADE_VAL_INT, .i = index };
	struct clade_scope inner;
	const char *name =
		clade_region_print(expander->region, expander->diag, "%s.%lld", ast->label, (long long)index);
	const char *path = name ? clade_scope_path(expander, scope, name, false) : NULL;
	enum clade_status status = clade_open_box(expander, scope, path, NULL, ast->pin, &ast->pos, &inner);

	if (!status) {
		inner.frame = &frame;
		frame.names.context = expander->context;
		status = clade_grow(expander->context, (void **)&frame.values, &frame.capacity, 0, sizeof(val),
				    expander->diag);
	}
	if (!status) { /* the index hides an outer name of the same spelling */
		frame.values[frame.count] = val;
		status = clade_names_set(&frame.names, ast->text, frame.count++, expander->diag);
	}
	if (!status)
		status = clade_expand_body(expander, &inner, ast->body);
	if (!status)
		status = clade_close_box(expander, inner.box, 0, NULL, NULL, 0, NULL);
	clade_frame_finish(expander, &frame);
	return status;
}

static enum clade_status expand_for(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *ast)
{
	int64_t from, to;
	enum clade_status status = clade_eval_integer(expander, scope, ast->first, "the start of a loop", &from);

	if (!status)
		status = clade_eval_integer(expander, scope, ast->first->next, "the end of a loop", &to);
	if (status)
		return status;
	if (from < 0 || to < from)
		return clade_fail_at(
			expander->diag, &ast->first->pos, CLADE_MSG_GRAPH_LOOP,
			"a loop from %lld to %lld; it goes from a number >= 0 up to, not including, its end",
			(long long)from, (long long)to);
	for (int64_t index = from; index < to && !status; index++)
		status = expand_turn(expander, scope, ast, index);
	return status;
}

static enum clade_status expand_if(struct clade_expander *expander, struct clade_scope *scope,
				   const struct clade_ast *ast)
{
	struct clade_scope inner = *scope;
	bool taken;
	enum clade_status status = clade_eval_condition(expander, scope, ast->first, &taken);

	if (ast->pin)
		inner.pin = ast->pin;
	return status ? status : clade_expand_body(expander, &inner, taken ? ast->body : ast->other);
}

/* box NAME [= BLOCK(arguments) -> results] { }: names inside are those of the surroundings. */
static enum clade_status expand_box(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *ast)
{
	const struct clade_ast *call = ast->first;
	struct clade_box_argument *arguments = NULL;
	struct clade_val *results = NULL;
	struct clade_scope inner;
	uint32_t count = 0, result_count = 0, *values = NULL;
	const char *path;
	enum clade_status status = CLADE_OK;

	for (const struct clade_ast *kid = call ? call->first : NULL; kid; kid = kid->next)
		count++;
	for (const struct clade_ast *kid = ast->other; kid; kid = kid->next)
		result_count++;
	arguments = clade_region_array(expander->region, count, sizeof(*arguments), expander->diag);
	results = clade_region_array(expander->region, result_count, sizeof(*results), expander->diag);
	if (!arguments || !results)
		return CLADE_ERR_MEMORY;
	count = 0;
	for (const struct clade_ast *kid = call ? call->first : NULL; kid && !status; kid = kid->next) {
		arguments[count].name = kid->label;
		status = clade_eval_constant(expander, scope, kid, &arguments[count++].val);
	}
	if (!status)
		status = clade_box_inputs(expander, count, arguments, &values);
	path = status ? NULL : clade_scope_path(expander, scope, ast->text, ast->quoted);
	if (!status)
		status = clade_open_box(expander, scope, path, call ? call->text : NULL, ast->pin, &ast->pos, &inner);
	if (!status)
		status = clade_expand_body(expander, &inner, ast->body);
	result_count = 0;
	for (const struct clade_ast *kid = ast->other; kid && !status; kid = kid->next)
		status = clade_eval_constant(expander, &inner, kid, &results[result_count++]);
	return status ? status : clade_close_box(expander, inner.box, count, arguments, values, result_count, results);
}

enum clade_status clade_expand_body(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *body)
{
	enum clade_status status = CLADE_OK;

	for (const struct clade_ast *ast = body; ast && !status; ast = ast->next) {
		if (++expander->work > MAX_WORK)
			return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_LIMIT,
					     "expanding takes more than %u statements", MAX_WORK);
		switch (ast->kind) {
		case CLADE_AST_ASSIGN:
			status = expand_assign(expander, scope, ast);
			break;
		case CLADE_AST_WRITE:
			status = expand_write(expander, scope, ast);
			break;
		case CLADE_AST_FOR:
			status = expand_for(expander, scope, ast);
			break;
		case CLADE_AST_IF:
			status = expand_if(expander, scope, ast);
			break;
		case CLADE_AST_BOX:
			status = expand_box(expander, scope, ast);
			break;
		case CLADE_AST_REQUIRE:
			status = clade_expand_require(expander, scope, ast);
			break;
		case CLADE_AST_INPUT:
			status = clade_expand_input(expander, scope, ast);
			break;
		default:
			status = clade_expand_output(expander, scope, ast);
			break;
		}
	}
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Expansion: compile-time values, their arithmetic, and the expressions around calls. */
#include "expand.h"

#include <clade/messages.h>
#include <clade/step.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_number(const struct clade_val *val)
{
	return val->kind == CLADE_VAL_INT || val->kind == CLADE_VAL_FLOAT;
}

static double number(const struct clade_val *val)
{
	return val->kind == CLADE_VAL_INT ? (double)val->i : val->f;
}

const char *clade_val_describe(const struct clade_expander *expander, const struct clade_val *val, char *out,
			       size_t size)
{
	char text[160];

	switch (val->kind) {
	case CLADE_VAL_NONE:
		snprintf(out, size, "%s%s", val->s ? "the absent weight " : "none", val->s ? val->s : "");
		break;
	case CLADE_VAL_BOOL:
		snprintf(out, size, "the bool %s", val->i ? "true" : "false");
		break;
	case CLADE_VAL_INT:
		snprintf(out, size, "the integer %lld", (long long)val->i);
		break;
	case CLADE_VAL_FLOAT:
		snprintf(out, size, "the number %s", clade_number_text(val->f, false, text, sizeof(text)));
		break;
	case CLADE_VAL_STRING:
		snprintf(out, size, "the string \"%.60s\"", val->s);
		break;
	case CLADE_VAL_DIM:
		snprintf(out, size, "the dim %s", clade_dims_text(expander->pool, val->i, text, sizeof(text)));
		break;
	case CLADE_VAL_LIST:
		snprintf(out, size, "a list of %u", val->count);
		break;
	case CLADE_VAL_TENSOR:
		snprintf(out, size, "a tensor %s",
			 clade_ir_type_text(expander->ir, &expander->ir->values[val->id].type, text, sizeof(text)));
		break;
	case CLADE_VAL_STATE:
		snprintf(out, size, "the state %.100s", expander->ir->states[val->id].name);
		break;
	case CLADE_VAL_FAMILY:
		snprintf(out, size, "the indexed %s %.60s without an index",
			 val->decl->kind == CLADE_DECL_WEIGHT ? "weight" : "state", val->decl->name);
		break;
	}
	return out;
}

static enum clade_status arithmetic_fail(struct clade_expander *expander, const struct clade_ast *ast, const char *rule)
{
	return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_ARITHMETIC, "`%s`: %s", ast->text, rule);
}

enum clade_status clade_eval_unary(struct clade_expander *expander, const struct clade_ast *ast,
				   const struct clade_val *a, struct clade_val *out)
{
	char text[256], rule[320];

	*out = *a;
	if (*ast->text == 'n' && a->kind == CLADE_VAL_BOOL) {
		out->i = !a->i;
		return CLADE_OK;
	}
	if (*ast->text == '-' && a->kind == CLADE_VAL_FLOAT) {
		out->f = -a->f;
		return CLADE_OK;
	}
	if (*ast->text == '-' && a->kind == CLADE_VAL_INT) {
		out->i = -a->i; /* the lexer gives no INT64_MIN, and arithmetic refuses it */
		return CLADE_OK;
	}
	if (*ast->text == '-' && a->kind == CLADE_VAL_DIM) {
		out->i = clade_dims_sub(expander->pool, 0, a->i);
		if (out->i != INT64_MIN)
			return CLADE_OK;
	}
	snprintf(rule, sizeof(rule), "%s has no such operation", clade_val_describe(expander, a, text, sizeof(text)));
	return arithmetic_fail(expander, ast, rule);
}

static enum clade_status eval_integers(struct clade_expander *expander, const struct clade_ast *ast, int64_t a,
				       int64_t b, struct clade_val *out)
{
	const char *op = ast->text;
	int64_t value = 0;
	bool ok = true;

	if (strchr("/%", *op) && b == 0)
		return arithmetic_fail(expander, ast, "division by zero");
	if (strcmp(op, "+") == 0)
		ok = clade_i64_add(a, b, &value);
	else if (strcmp(op, "-") == 0)
		ok = !__builtin_sub_overflow(a, b, &value);
	else if (strcmp(op, "*") == 0)
		ok = clade_i64_mul(a, b, &value);
	else if (strcmp(op, "//") == 0)
		value = a / b - (a % b && (a < 0) != (b < 0));
	else if (strcmp(op, "%") == 0)
		value = a % b + (a % b && (a < 0) != (b < 0) ? b : 0);
	else if (a % b == 0)
		value = a / b;
	else {
		char rule[160];

		snprintf(rule, sizeof(rule),
			 "%lld does not divide %lld; `//` rounds down, a number with a point gives a fraction",
			 (long long)b, (long long)a);
		return arithmetic_fail(expander, ast, rule);
	}
	if (!ok || value == INT64_MIN)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_OVERFLOW,
				     "`%s`: the result does not fit in 64 bits", op);
	*out = (struct clade_val) { .kind = CLADE_VAL_INT, .i = value };
	return CLADE_OK;
}

static enum clade_status eval_floats(struct clade_expander *expander, const struct clade_ast *ast,
				     const struct clade_val *a, const struct clade_val *b, struct clade_val *out)
{
	double x = number(a), y = number(b), value;
	const char *op = ast->text;

	if (strchr("/%", *op) && y == 0)
		return arithmetic_fail(expander, ast, "division by zero");
	if (strcmp(op, "+") == 0)
		value = x + y;
	else if (strcmp(op, "-") == 0)
		value = x - y;
	else if (strcmp(op, "*") == 0)
		value = x * y;
	else if (strcmp(op, "/") == 0)
		value = x / y;
	else if (strcmp(op, "//") == 0)
		value = floor(x / y);
	else if (strcmp(op, "**") == 0)
		/* sqrt is correctly rounded everywhere, pow is not */
		value = y == 0.5 ? sqrt(x) : y == -0.5 ? 1.0 / sqrt(x) : pow(x, y);
	else
		value = x - y * floor(x / y);
	if (!isfinite(value) || (strcmp(op, "//") == 0 && fabs(value) > 0x1p53))
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_OVERFLOW,
				     "`%s`: the result is not a finite number", op);
	*out = (struct clade_val) { .kind = CLADE_VAL_FLOAT, .f = value };
	if (strcmp(op, "//") == 0)
		*out = (struct clade_val) { .kind = CLADE_VAL_INT, .i = (int64_t)value };
	return CLADE_OK;
}

static enum clade_status eval_dims(struct clade_expander *expander, const struct clade_ast *ast,
				   const struct clade_val *a, const struct clade_val *b, struct clade_val *out)
{
	static const struct {
		const char *op;
		int64_t (*run)(struct clade_dim_pool *, int64_t, int64_t);
	} table[] = {
		{ "+", clade_dims_add }, { "-", clade_dims_sub }, { "*", clade_dims_mul }, { "/", clade_dims_div }
	};
	int64_t x = a->kind == CLADE_VAL_DIM ? a->i : clade_dims_number(expander->pool, a->i);
	int64_t y = b->kind == CLADE_VAL_DIM ? b->i : clade_dims_number(expander->pool, b->i);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t value;

		if (strcmp(table[i].op, ast->text) != 0)
			continue;
		value = table[i].run(expander->pool, x, y);
		if (value == INT64_MIN && clade_dims_starved(expander->pool))
			return clade_fail_memory(expander->diag, 0, "dims");
		if (value == INT64_MIN)
			return arithmetic_fail(expander, ast, "the dim is too complex, too large or divided by zero");
		out->kind = clade_dims_constant(expander->pool, value, &out->i) ? CLADE_VAL_INT : CLADE_VAL_DIM;
		if (out->kind == CLADE_VAL_DIM)
			out->i = value;
		return CLADE_OK;
	}
	return arithmetic_fail(expander, ast, "dims that are not fixed by params know only + - * /");
}

static bool is_comparison(const char *op)
{
	return strchr("<>", *op) || strcmp(op, "==") == 0 || strcmp(op, "!=") == 0;
}

/* -1, 0, 1, or 2 if the two cannot be compared; *ordered: whether < means something. */
static int compare_values(const struct clade_val *a, const struct clade_val *b, bool *ordered)
{
	*ordered = true;
	if (a->kind == CLADE_VAL_INT && b->kind == CLADE_VAL_INT)
		return a->i < b->i ? -1 : a->i > b->i;
	if (is_number(a) && is_number(b))
		return number(a) < number(b) ? -1 : number(a) > number(b);
	*ordered = false;
	if (a->kind == CLADE_VAL_BOOL && b->kind == CLADE_VAL_BOOL)
		return a->i != b->i;
	if (a->kind == CLADE_VAL_STRING && b->kind == CLADE_VAL_STRING)
		return strcmp(a->s, b->s) != 0;
	return 2;
}

enum clade_status clade_eval_binary(struct clade_expander *expander, const struct clade_ast *ast,
				    const struct clade_val *a, const struct clade_val *b, struct clade_val *out)
{
	bool dim_a = a->kind == CLADE_VAL_DIM, dim_b = b->kind == CLADE_VAL_DIM, ordered;
	char left[256], right[256], rule[600];

	memset(out, 0, sizeof(*out));
	if (is_comparison(ast->text)) {
		int order = compare_values(a, b, &ordered);

		if (order != 2 && (ordered || strchr("=!", *ast->text))) {
			const char *op = ast->text;

			out->kind = CLADE_VAL_BOOL;
			out->i = strcmp(op, "==") == 0   ? order == 0
				 : strcmp(op, "!=") == 0 ? order != 0
				 : strcmp(op, "<") == 0  ? order < 0
				 : strcmp(op, "<=") == 0 ? order <= 0
				 : strcmp(op, ">") == 0  ? order > 0
							 : order >= 0;
			return CLADE_OK;
		}
	} else if (is_number(a) && is_number(b)) {
		bool integers = a->kind == CLADE_VAL_INT && b->kind == CLADE_VAL_INT && strcmp(ast->text, "**") != 0;

		return integers ? eval_integers(expander, ast, a->i, b->i, out) : eval_floats(expander, ast, a, b, out);
	} else if ((dim_a || a->kind == CLADE_VAL_INT) && (dim_b || b->kind == CLADE_VAL_INT)) {
		return eval_dims(expander, ast, a, b, out);
	}
	if (a->kind == CLADE_VAL_TENSOR || b->kind == CLADE_VAL_TENSOR || a->kind == CLADE_VAL_STATE ||
	    b->kind == CLADE_VAL_STATE)
		return arithmetic_fail(expander, ast,
				       "tensors are computed by ops, as in `add(x, y)`, not by operators");
	snprintf(rule, sizeof(rule), "cannot combine %s and %s", clade_val_describe(expander, a, left, sizeof(left)),
		 clade_val_describe(expander, b, right, sizeof(right)));
	return arithmetic_fail(expander, ast, rule);
}

/* and, or: both sides are bools; the right one is only evaluated if needed. */
static enum clade_status eval_logic(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *ast, struct clade_val *out)
{
	bool left, value;
	enum clade_status status = clade_eval_condition(expander, scope, ast->first, &left);

	value = left;
	if (!status && left == (*ast->text == 'a'))
		status = clade_eval_condition(expander, scope, ast->first->next, &value);
	*out = (struct clade_val) { .kind = CLADE_VAL_BOOL, .i = value };
	return status;
}

/* has(w): whether an optional weight or argument is there. */
static enum clade_status eval_has(struct clade_expander *expander, struct clade_scope *scope,
				  const struct clade_ast *ast, struct clade_val *out)
{
	struct clade_val val;
	enum clade_status status;

	if (!ast->first || ast->first->next)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_ARGUMENT,
				     "has(...) takes one weight or argument");
	status = clade_eval_constant(expander, scope, ast->first, &val);
	*out = (struct clade_val) { .kind = CLADE_VAL_BOOL, .i = val.kind != CLADE_VAL_NONE };
	return status;
}

/* dim(x, axis): a dim of a tensor; negative axes count from the end. */
static enum clade_status eval_dim_of(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast, struct clade_val *out)
{
	const struct clade_type *type;
	struct clade_val val;
	int64_t axis, rank, dim;
	enum clade_status status;

	if (!ast->first || !ast->first->next || ast->first->next->next)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_ARGUMENT,
				     "dim(tensor, axis) takes two arguments");
	status = clade_eval_constant(expander, scope, ast->first, &val);
	if (!status)
		status = clade_eval_integer(expander, scope, ast->first->next, "an axis", &axis);
	if (status)
		return status;
	if (val.kind != CLADE_VAL_TENSOR && val.kind != CLADE_VAL_STATE) {
		char text[256];

		return clade_fail_at(expander->diag, &ast->first->pos, CLADE_MSG_GRAPH_ARGUMENT,
				     "dim(tensor, axis) is given %s",
				     clade_val_describe(expander, &val, text, sizeof(text)));
	}
	type = val.kind == CLADE_VAL_STATE ? &expander->ir->states[val.id].type : &expander->ir->values[val.id].type;
	rank = type->rank;
	if (axis < -rank || axis >= rank)
		return clade_fail_at(expander->diag, &ast->first->next->pos, CLADE_MSG_GRAPH_INDEX,
				     "axis %lld of a tensor of rank %lld", (long long)axis, (long long)rank);
	dim = type->dims[axis < 0 ? axis + rank : axis];
	*out = (struct clade_val) { .kind = dim < 0 ? CLADE_VAL_DIM : CLADE_VAL_INT, .i = dim };
	return CLADE_OK;
}

/* not(x) of a value known now is a bool; of a tensor it is an op. */
static bool eval_not(struct clade_expander *expander, struct clade_scope *scope, const struct clade_ast *ast,
		     struct clade_val *out)
{
	struct clade_diag *diag = expander->diag;
	enum clade_status status = CLADE_ERR_DATA;

	expander->diag = NULL;
	if (ast->first && !ast->first->next && !ast->first->label)
		status = clade_eval_constant(expander, scope, ast->first, out);
	expander->diag = diag;
	out->i = !out->i;
	return !status && out->kind == CLADE_VAL_BOOL;
}

static enum clade_status unknown_call(struct clade_expander *expander, const struct clade_ast *ast)
{
	struct clade_words *words = clade_region_alloc(expander->region, sizeof(*words), expander->diag);
	char hint[128];

	if (!words)
		return CLADE_ERR_MEMORY;
	for (uint32_t i = 0; i < expander->block_count; i++)
		clade_words_add(words, expander->blocks[i].ast->text);
	for (size_t i = 0; i < clade_op_count(expander->context); i++)
		clade_words_add(words, clade_op_at(expander->context, i)->name);
	return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_OP, "no op or block is called `%.80s`%s",
			     ast->text, clade_words_hint(words, ast->text, hint, sizeof(hint)));
}

static enum clade_status eval_call(struct clade_expander *expander, struct clade_scope *scope,
				   const struct clade_ast *ast, const struct clade_result_names *results,
				   const char *base, bool base_quoted, struct clade_val *out)
{
	uint32_t block = clade_names_find(&expander->block_names, ast->text);
	const struct clade_op *op;

	if (strcmp(ast->text, "has") == 0)
		return eval_has(expander, scope, ast, out);
	if (strcmp(ast->text, "dim") == 0)
		return eval_dim_of(expander, scope, ast, out);
	if (strcmp(ast->text, "not") == 0 && eval_not(expander, scope, ast, out))
		return CLADE_OK;
	if (!scope || !base)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_ARITHMETIC,
				     "`%.80s(...)` computes a tensor; here a constant is needed", ast->text);
	if (block != CLADE_IR_NONE)
		return clade_call_block(expander, scope, ast, &expander->blocks[block], results, base, base_quoted,
					out);
	op = clade_op_find(expander->context, ast->text);
	if (!op)
		return unknown_call(expander, ast);
	if (op->flags & CLADE_OP_BLOCK)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_OP,
				     "`%s` is a block that this file neither defines nor includes; add include "
				     "\"lib/%s.graph\"",
				     ast->text, ast->text);
	return clade_call_op(expander, scope, ast, op, results, base, base_quoted, CLADE_IR_NONE, out);
}

static enum clade_status eval_list(struct clade_expander *expander, struct clade_scope *scope,
				   const struct clade_ast *ast, const char *base, bool base_quoted,
				   struct clade_val *out)
{
	uint32_t count = 0;

	for (const struct clade_ast *kid = ast->first; kid; kid = kid->next)
		count++;
	*out = (struct clade_val) { .kind = CLADE_VAL_LIST };
	out->items = clade_region_array(expander->region, count, sizeof(*out->items), expander->diag);
	if (!out->items)
		return CLADE_ERR_MEMORY;
	for (const struct clade_ast *kid = ast->first; kid; kid = kid->next) {
		enum clade_status status =
			clade_eval(expander, scope, kid, NULL, base, base_quoted, &out->items[out->count]);

		if (status)
			return status;
		out->count++;
	}
	return CLADE_OK;
}

enum clade_status clade_eval(struct clade_expander *expander, struct clade_scope *scope, const struct clade_ast *ast,
			     const struct clade_result_names *results, const char *base, bool base_quoted,
			     struct clade_val *out)
{
	struct clade_val a, b;
	enum clade_status status;

	memset(out, 0, sizeof(*out));
	if (results && results->count > 1 && ast->kind != CLADE_AST_CALL)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_RESULT,
				     "%u names for one value; only calls have several results", results->count);
	switch (ast->kind) {
	case CLADE_AST_INT:
		*out = (struct clade_val) { .kind = CLADE_VAL_INT, .i = ast->i };
		return CLADE_OK;
	case CLADE_AST_FLOAT:
		*out = (struct clade_val) { .kind = CLADE_VAL_FLOAT, .f = ast->f };
		return CLADE_OK;
	case CLADE_AST_STRING:
		*out = (struct clade_val) { .kind = CLADE_VAL_STRING, .s = ast->text };
		return CLADE_OK;
	case CLADE_AST_BOOL:
		*out = (struct clade_val) { .kind = CLADE_VAL_BOOL, .i = ast->i };
		return CLADE_OK;
	case CLADE_AST_NONE:
		return CLADE_OK;
	case CLADE_AST_LIST:
		return eval_list(expander, scope, ast, base, base_quoted, out);
	case CLADE_AST_NAME:
		return clade_scope_get(expander, scope, ast, out);
	case CLADE_AST_INDEX:
		return clade_scope_index(expander, scope, ast, out);
	case CLADE_AST_CALL:
		return eval_call(expander, scope, ast, results, base, base_quoted, out);
	case CLADE_AST_UNARY:
		status = clade_eval(expander, scope, ast->first, NULL, base, base_quoted, &a);
		return status ? status : clade_eval_unary(expander, ast, &a, out);
	case CLADE_AST_BINARY:
		if (strcmp(ast->text, "and") == 0 || strcmp(ast->text, "or") == 0)
			return eval_logic(expander, scope, ast, out);
		status = clade_eval(expander, scope, ast->first, NULL, base, base_quoted, &a);
		if (!status)
			status = clade_eval(expander, scope, ast->first->next, NULL, base, base_quoted, &b);
		return status ? status : clade_eval_binary(expander, ast, &a, &b, out);
	default:
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_SYNTAX, "this belongs in a source");
	}
}

enum clade_status clade_eval_constant(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *ast, struct clade_val *out)
{
	return clade_eval(expander, scope, ast, NULL, NULL, false, out);
}

enum clade_status clade_eval_condition(struct clade_expander *expander, struct clade_scope *scope,
				       const struct clade_ast *ast, bool *out)
{
	struct clade_val val;
	char text[256];
	enum clade_status status = clade_eval_constant(expander, scope, ast, &val);

	*out = !status && val.kind == CLADE_VAL_BOOL && val.i;
	if (status || val.kind == CLADE_VAL_BOOL)
		return status;
	return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_CONDITION,
			     "a condition must be true or false when the graph is expanded, not %s",
			     clade_val_describe(expander, &val, text, sizeof(text)));
}

enum clade_status clade_eval_integer(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast, const char *what, int64_t *out)
{
	struct clade_val val;
	char text[256];
	enum clade_status status = clade_eval_constant(expander, scope, ast, &val);

	*out = val.i;
	if (status || val.kind == CLADE_VAL_INT)
		return status;
	return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_ARITHMETIC, "%s must be an integer, not %s",
			     what, clade_val_describe(expander, &val, text, sizeof(text)));
}

enum clade_status clade_eval_dim(struct clade_expander *expander, struct clade_scope *scope,
				 const struct clade_ast *ast, int64_t least, int64_t *out)
{
	struct clade_val val;
	char text[256];
	enum clade_status status = clade_eval_constant(expander, scope, ast, &val);

	*out = val.i;
	if (status || val.kind == CLADE_VAL_DIM || (val.kind == CLADE_VAL_INT && val.i >= least))
		return status;
	return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DIM,
			     "a dim must be an integer of at least %lld or a declared dim, not %s", (long long)least,
			     clade_val_describe(expander, &val, text, sizeof(text)));
}

enum clade_status clade_eval_type(struct clade_expander *expander, struct clade_scope *scope,
				  const struct clade_ast *ast, struct clade_type *out)
{
	struct clade_words words = { .count = 0 };
	int64_t product = 1;
	char hint[128];

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < CLADE_DTYPE_COUNT; i++)
		clade_words_add(&words, clade_dtype_info((enum clade_dtype)i)->name);
	if (!clade_dtype_from_name(ast->text, &out->dtype))
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DTYPE,
				     "no element type is called `%.80s`%s", ast->text,
				     clade_words_hint(&words, ast->text, hint, sizeof(hint)));
	if (out->dtype != CLADE_F32 && out->dtype != CLADE_I32 && out->dtype != CLADE_BOOL)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DTYPE,
				     "graphs compute in f32, i32 and bool; files of other types are converted");
	for (const struct clade_ast *kid = ast->first; kid; kid = kid->next) {
		enum clade_status status;

		if (out->rank == CLADE_MAX_RANK)
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_DIM, "more than %d dims",
					     CLADE_MAX_RANK);
		status = clade_eval_dim(expander, scope, kid, 1, &out->dims[out->rank]);
		if (status)
			return status;
		if (out->dims[out->rank] > 0 &&
		    (!clade_i64_mul(product, out->dims[out->rank], &product) || product > INT64_MAX / 8))
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_OVERFLOW,
					     "the number of elements does not fit in 64 bits");
		out->rank++;
	}
	return CLADE_OK;
}

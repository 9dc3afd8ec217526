/* SPDX-License-Identifier: MIT */
/* Expansion: the declarations of the files, and what they become: params, dims, weights, states, metas. */
#include "source.h"

#include <clade/messages.h>
#include <clade/step.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIMS 63 /* and the caches' capacity */
#define MAX_PARAM_LIST 100000

static enum clade_status duplicate(struct clade_expander *expander, const struct clade_ast *ast, const char *what,
				   const struct clade_ast *first)
{
	char where[320];

	return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DUPLICATE,
			     "%s `%.80s` is declared twice; first at %s", what, ast->text,
			     clade_pos_text(&first->pos, where, sizeof(where)));
}

static enum clade_status declare_name(struct clade_expander *expander, const struct clade_ast *ast,
				      enum clade_decl_kind kind)
{
	uint32_t old = clade_names_find(&expander->globals, ast->text);
	enum clade_status status;

	if (old != CLADE_IR_NONE)
		return duplicate(expander, ast, "the name", expander->decls[old].ast);
	status = clade_grow(expander->context, (void **)&expander->decls, &expander->decl_capacity,
			    expander->decl_count, sizeof(*expander->decls), expander->diag);
	if (status)
		return status;
	expander->decls[expander->decl_count] = (struct clade_decl) { .kind = kind, .name = ast->text, .ast = ast };
	return clade_names_set(&expander->globals, ast->text, expander->decl_count++, expander->diag);
}

static enum clade_status declare_block(struct clade_expander *expander, const struct clade_ast *ast, bool model_file)
{
	uint32_t old = clade_names_find(&expander->block_names, ast->text);
	const struct clade_op *op = clade_op_find(expander->context, ast->text);
	enum clade_status status;

	if (old != CLADE_IR_NONE)
		return duplicate(expander, ast, "block", expander->blocks[old].ast);
	if (op && !(op->flags & CLADE_OP_BLOCK))
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DUPLICATE,
				     "`%s` is an op; give the block another name", ast->text);
	if (strcmp(ast->text, "has") == 0 || strcmp(ast->text, "dim") == 0)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_KEYWORD,
				     "`%s` is built in; give the block another name", ast->text);
	for (const struct clade_ast *kid = ast->first; kid; kid = kid->next)
		for (const struct clade_ast *other = ast->first; other != kid; other = other->next)
			if (strcmp(kid->text, other->text) == 0)
				return duplicate(expander, kid, "argument", other);
	status = clade_grow(expander->context, (void **)&expander->blocks, &expander->block_capacity,
			    expander->block_count, sizeof(*expander->blocks), expander->diag);
	if (status)
		return status;
	expander->blocks[expander->block_count] = (struct clade_block) { .ast = ast, .model_file = model_file };
	return clade_names_set(&expander->block_names, ast->text, expander->block_count++, expander->diag);
}

/* Sources and entries: kept in order, names unique. */
static enum clade_status declare_part(struct clade_expander *expander, const struct clade_ast *ast, const char *what,
				      struct clade_names *names, const struct clade_ast ***list, uint32_t *count,
				      uint32_t *capacity)
{
	uint32_t old = clade_names_find(names, ast->text);
	enum clade_status status;

	if (old != CLADE_IR_NONE)
		return duplicate(expander, ast, what, (*list)[old]);
	status = clade_grow(expander->context, (void **)list, capacity, *count, sizeof(**list), expander->diag);
	if (status)
		return status;
	(*list)[*count] = ast;
	return clade_names_set(names, ast->text, (*count)++, expander->diag);
}

static enum clade_status declare_item(struct clade_expander *expander, const struct clade_ast *ast, bool model_file)
{
	switch (ast->kind) {
	case CLADE_AST_BLOCK:
		return declare_block(expander, ast, model_file);
	case CLADE_AST_INCLUDE:
		return clade_include(expander, ast->pos.file, ast);
	default:
		break;
	}
	if (!model_file)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_INCLUDE,
				     "an included file holds only blocks and includes");
	switch (ast->kind) {
	case CLADE_AST_REQUIRE:
		return CLADE_OK; /* when the params are known */
	case CLADE_AST_MODEL:
		if (expander->model)
			return duplicate(expander, ast, "model", expander->model);
		expander->model = ast;
		return CLADE_OK;
	case CLADE_AST_PARAM:
		return declare_name(expander, ast, CLADE_DECL_PARAM);
	case CLADE_AST_DIM:
		return declare_name(expander, ast, CLADE_DECL_DIM);
	case CLADE_AST_WEIGHT:
		return declare_name(expander, ast, CLADE_DECL_WEIGHT);
	case CLADE_AST_STATE:
		return declare_name(expander, ast, CLADE_DECL_STATE);
	case CLADE_AST_SOURCE:
		return declare_part(expander, ast, "source", &expander->sources, &expander->source_asts,
				    &expander->source_ast_count, &expander->source_ast_capacity);
	case CLADE_AST_ENTRY:
		return declare_part(expander, ast, "entry", &expander->entries, &expander->entry_asts,
				    &expander->entry_ast_count, &expander->entry_ast_capacity);
	default: /* META */
		if (clade_names_find(&expander->metas, ast->text) != CLADE_IR_NONE)
			return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_DUPLICATE,
					     "meta \"%.80s\" is given twice", ast->text);
		expander->meta_lines[expander->meta_count].key = ast->text;
		return clade_names_set(&expander->metas, ast->text, expander->meta_count++, expander->diag);
	}
}

enum clade_status clade_declare(struct clade_expander *expander, const struct clade_ast *items, bool model_file)
{
	enum clade_status status = CLADE_OK;

	for (const struct clade_ast *ast = items; ast && !status; ast = ast->next) {
		if (ast->kind == CLADE_AST_META && model_file)
			status = clade_grow(expander->context, (void **)&expander->meta_lines, &expander->meta_capacity,
					    expander->meta_count, sizeof(*expander->meta_lines), expander->diag);
		if (!status)
			status = declare_item(expander, ast, model_file);
	}
	return status;
}

/* ---- dims ---- */
static enum clade_status add_dim(struct clade_expander *expander, const char *name, enum clade_dim_class dim_class,
				 int64_t cache_rows, int64_t *out_code)
{
	struct clade_ir *ir = expander->ir;
	enum clade_status status = clade_grow(expander->context, (void **)&ir->dims, &expander->dim_capacity,
					      ir->dim_count, sizeof(*ir->dims), expander->diag);

	if (status)
		return status;
	*out_code = clade_dims_variable(expander->pool, name);
	if (*out_code == INT64_MIN)
		return clade_fail_memory(expander->diag, sizeof(*ir->dims), "dims");
	ir->dims[ir->dim_count++] = (struct clade_ir_dim) {
		.name = name, .dim_class = dim_class, .code = *out_code, .cache_rows = cache_rows
	};
	return CLADE_OK;
}

static bool is_cache(const struct clade_decl *decl)
{
	return decl->kind == CLADE_DECL_STATE && strcmp(decl->ast->type->text, "cache") == 0;
}

/* dim R : run = T, of dims that have no default themselves. */
static enum clade_status finish_dim_default(struct clade_expander *expander, const struct clade_decl *decl)
{
	struct clade_ir *ir = expander->ir;
	struct clade_ir_dim *dim = NULL;
	enum clade_status status;

	for (uint32_t i = 0; i < ir->dim_count; i++)
		if (strcmp(ir->dims[i].name, decl->name) == 0)
			dim = &ir->dims[i];
	if (!dim || dim->dim_class != CLADE_DIM_RUN)
		return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_DIM,
				     "only a run dim has a default; session dims are fixed by the inputs");
	status = clade_eval_dim(expander, NULL, decl->ast->body, 1, &dim->default_code);
	dim->has_default = true;
	for (uint32_t i = 0; i < ir->dim_count && !status; i++)
		if (ir->dims[i].has_default && clade_dims_uses(expander->pool, dim->default_code, i))
			return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_DIM,
					     "the default of `%.80s` uses %s, which has a default itself", decl->name,
					     ir->dims[i].name);
	return status;
}

static enum clade_status finish_dims(struct clade_expander *expander)
{
	static const struct clade_ast capacity = { .kind = CLADE_AST_DIM, .text = "capacity", .label = "session" };
	const struct clade_decl *cache = NULL;
	uint32_t old = clade_names_find(&expander->globals, "capacity");
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < expander->decl_count && !status; i++) {
		struct clade_decl *decl = &expander->decls[i];

		if (decl->kind == CLADE_DECL_DIM && expander->ir->dim_count == MAX_DIMS)
			return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_LIMIT,
					     "more than %d dims", MAX_DIMS);
		if (is_cache(decl) && !cache)
			cache = decl;
		if (decl->kind != CLADE_DECL_DIM)
			continue;
		decl->value.kind = CLADE_VAL_DIM;
		status = add_dim(expander, decl->name, *decl->ast->label == 's' ? CLADE_DIM_SESSION : CLADE_DIM_RUN, 0,
				 &decl->value.i);
	}
	for (uint32_t i = 0; i < expander->decl_count && !status; i++)
		if (expander->decls[i].kind == CLADE_DECL_DIM && expander->decls[i].ast->body)
			status = finish_dim_default(expander, &expander->decls[i]);
	if (status || !cache)
		return status;
	if (old != CLADE_IR_NONE)
		return clade_fail_at(expander->diag, &expander->decls[old].ast->pos, CLADE_MSG_GRAPH_DUPLICATE,
				     "`capacity` is the rows of every cache; give this another name");
	status = declare_name(expander, &capacity, CLADE_DECL_DIM);
	if (status)
		return status;
	expander->decls[expander->decl_count - 1].value.kind = CLADE_VAL_DIM;
	return add_dim(expander, "capacity", CLADE_DIM_SESSION, INT64_MAX,
		       &expander->decls[expander->decl_count - 1].value.i);
}

/* ---- params ---- */
static bool param_fits(const struct clade_decl *decl, struct clade_val *val)
{
	const char *type = decl->ast->label;

	if (*type == 'f' && val->kind == CLADE_VAL_INT) {
		*val = (struct clade_val) { .kind = CLADE_VAL_FLOAT, .f = (double)val->i };
		return true;
	}
	return val->kind == (*type == 'i'   ? CLADE_VAL_INT
			     : *type == 'f' ? CLADE_VAL_FLOAT
			     : *type == 'b' ? CLADE_VAL_BOOL
					    : CLADE_VAL_STRING);
}

/* One param, or element `index` of several. */
static enum clade_status param_element(struct clade_expander *expander, struct clade_decl *decl, int64_t index,
				       struct clade_val *out)
{
	bool found = false;
	char text[256];
	enum clade_status status = clade_source_param(expander, decl, index, out, &found);

	if (!status && !found && !decl->ast->body)
		return clade_fail_at(
			expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_PARAM,
			"param `%.80s` has no value: %s, and its declaration has no default; set it with %.80s=VALUE",
			decl->name, expander->source ? "the source does not mention it" : "no source is used",
			decl->name);
	if (!status && !found)
		status = clade_eval_constant(expander, NULL, decl->ast->body, out);
	if (!status && !param_fits(decl, out))
		return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_PARAM_TYPE,
				     "param `%.80s` is declared %s but is %s", decl->name, decl->ast->label,
				     clade_val_describe(expander, out, text, sizeof(text)));
	return status;
}

/* param kind[layers] : string: a list. */
static enum clade_status param_list(struct clade_expander *expander, struct clade_decl *decl)
{
	const struct clade_ast *count = decl->ast->first;
	struct clade_val list = { .kind = CLADE_VAL_LIST };
	int64_t total;
	enum clade_status status = clade_eval_integer(expander, NULL, count, "a count", &total);

	if (!status && count->next)
		return clade_fail_at(expander->diag, &count->next->pos, CLADE_MSG_GRAPH_INDEX,
				     "a param has at most one index");
	if (!status && (total < 0 || total > MAX_PARAM_LIST))
		return clade_fail_at(expander->diag, &count->pos, CLADE_MSG_GRAPH_LIMIT,
				     "a count of %lld; from 0 to %d", (long long)total, MAX_PARAM_LIST);
	if (!status)
		list.items = clade_region_array(expander->region, (size_t)total, sizeof(*list.items), expander->diag);
	if (!status && !list.items)
		return CLADE_ERR_MEMORY;
	for (; !status && list.count < total; list.count++)
		status = param_element(expander, decl, list.count, &list.items[list.count]);
	decl->value = list;
	return status;
}

enum clade_status clade_param_value(struct clade_expander *expander, struct clade_decl *decl)
{
	enum clade_status status;

	if (decl->progress == CLADE_DECL_DONE)
		return CLADE_OK;
	if (decl->progress == CLADE_DECL_BUSY)
		return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_PARAM,
				     "param `%.80s` depends on itself", decl->name);
	if (++expander->depth > 64)
		return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_DEPTH,
				     "params depend on params more than 64 deep");
	decl->progress = CLADE_DECL_BUSY;
	status = decl->ast->first ? param_list(expander, decl) : param_element(expander, decl, 0, &decl->value);
	expander->depth--;
	if (!status)
		decl->progress = CLADE_DECL_DONE;
	return status;
}

static bool read_setting(const char *type, const char *text, struct clade_val *out)
{
	char *end = NULL;

	memset(out, 0, sizeof(*out));
	errno = 0;
	switch (*type) {
	case 'i':
		out->kind = CLADE_VAL_INT;
		out->i = strtoll(text, &end, 10);
		return *text && !*end && !errno && out->i != INT64_MIN;
	case 'f':
		out->kind = CLADE_VAL_FLOAT;
		out->f = strtod(text, &end);
		return *text && !*end && isfinite(out->f);
	case 'b':
		out->kind = CLADE_VAL_BOOL;
		out->i = strcmp(text, "true") == 0;
		return out->i || strcmp(text, "false") == 0;
	default:
		out->kind = CLADE_VAL_STRING;
		out->s = text;
		return true;
	}
}

static enum clade_status apply_setting(struct clade_expander *expander, const char *setting)
{
	const char *equals = strchr(setting, '=');
	size_t length = equals ? (size_t)(equals - setting) : strlen(setting);
	char *name = clade_region_text(expander->region, setting, length, expander->diag);
	char *text = clade_region_text(expander->region, setting, strlen(setting), expander->diag);
	struct clade_words words = { .count = 0 };
	struct clade_decl *decl;
	uint32_t index;
	char hint[128];

	if (!name || !text)
		return CLADE_ERR_MEMORY;
	if (!equals || !length)
		return clade_fail(expander->diag, CLADE_ERR_USAGE, CLADE_MSG_GRAPH_SETTING, setting,
				  "a setting is PARAM=VALUE");
	index = clade_names_find(&expander->globals, name);
	for (uint32_t i = 0; i < expander->decl_count; i++)
		if (expander->decls[i].kind == CLADE_DECL_PARAM)
			clade_words_add(&words, expander->decls[i].name);
	if (index == CLADE_IR_NONE || expander->decls[index].kind != CLADE_DECL_PARAM)
		return clade_fail(expander->diag, CLADE_ERR_USAGE, CLADE_MSG_GRAPH_SETTING, setting,
				  "the graph has no param `%.80s`%s", name,
				  clade_words_hint(&words, name, hint, sizeof(hint)));
	decl = &expander->decls[index];
	if (decl->ast->first)
		return clade_fail(expander->diag, CLADE_ERR_USAGE, CLADE_MSG_GRAPH_SETTING, setting,
				  "param `%.80s` has several values and cannot be set", name);
	if (!read_setting(decl->ast->label, text + length + 1, &decl->value))
		return clade_fail(expander->diag, CLADE_ERR_USAGE, CLADE_MSG_GRAPH_SETTING, setting,
				  "param `%.80s` is %s%s", name, *decl->ast->label == 'i' ? "an " : "a ",
				  *decl->ast->label == 'b' ? "bool: true or false" : decl->ast->label);
	decl->progress = CLADE_DECL_DONE;
	return CLADE_OK;
}

/* ---- weights and states ---- */
static enum clade_status finish_counts(struct clade_expander *expander, struct clade_decl *decl)
{
	int64_t total = 1;

	for (const struct clade_ast *kid = decl->ast->first; kid; kid = kid->next) {
		enum clade_status status;

		if (decl->index_count == CLADE_MAX_INDICES)
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_INDEX, "more than %d indices",
					     CLADE_MAX_INDICES);
		status = clade_eval_integer(expander, NULL, kid, "a count", &decl->counts[decl->index_count]);
		if (status)
			return status;
		if (decl->counts[decl->index_count] < 0 ||
		    !clade_i64_mul(total, decl->counts[decl->index_count], &total) || total > CLADE_MAX_NODES)
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_LIMIT,
					     "a count of %lld; from 0 to %u in all",
					     (long long)decl->counts[decl->index_count], CLADE_MAX_NODES);
		decl->index_count++;
	}
	decl->total = (uint32_t)total;
	return CLADE_OK;
}

/* "wq.3" of number `at` */
static const char *member_name(struct clade_expander *expander, const struct clade_decl *decl, uint32_t at,
			       int64_t *indices)
{
	const char *name = decl->name;

	for (uint32_t i = decl->index_count; i-- > 0;) {
		indices[i] = at % decl->counts[i];
		at /= (uint32_t)decl->counts[i];
	}
	for (uint32_t i = 0; i < decl->index_count && name; i++)
		name = clade_region_print(expander->region, expander->diag, "%s.%lld", name, (long long)indices[i]);
	return name;
}

static enum clade_status finish_weight(struct clade_expander *expander, struct clade_decl *decl)
{
	struct clade_type type = { .rank = 0 };
	enum clade_status status = finish_counts(expander, decl);

	if (!status)
		status = clade_eval_type(expander, NULL, decl->ast->type, &type);
	for (uint32_t i = 0; i < type.rank && !status; i++)
		if (type.dims[i] < 0)
			return clade_fail_at(
				expander->diag, &decl->ast->type->pos, CLADE_MSG_GRAPH_DIM,
				"weight `%.80s` has a dim that only a session or run knows; weights have fixed shapes",
				decl->name);
	if (!status && type.dtype == CLADE_BOOL)
		return clade_fail_at(expander->diag, &decl->ast->type->pos, CLADE_MSG_GRAPH_DTYPE,
				     "weights are f32 or i32");
	decl->first = expander->slot_count;
	for (uint32_t i = 0; i < decl->total && !status; i++) {
		struct clade_weight_slot slot = { .type = type, .value = CLADE_IR_NONE, .pos = decl->ast->pos };
		int64_t indices[CLADE_MAX_INDICES];

		if (expander->slot_count == CLADE_MAX_NODES)
			return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_LIMIT,
					     "more than %u weights", CLADE_MAX_NODES);
		slot.name = member_name(expander, decl, i, indices);
		status = slot.name ? clade_grow(expander->context, (void **)&expander->slots, &expander->slot_capacity,
						expander->slot_count, sizeof(slot), expander->diag)
				   : CLADE_ERR_MEMORY;
		if (!status)
			status = clade_source_weight(expander, decl, indices, &slot);
		if (!status)
			expander->slots[expander->slot_count++] = slot;
	}
	decl->progress = CLADE_DECL_DONE;
	return status;
}

/* The rows of a ring: a session dim that follows the capacity up to that number. */
static enum clade_status ring_dim(struct clade_expander *expander, const struct clade_ast *ast, int64_t window,
				  int64_t *out_code)
{
	struct clade_ir *ir = expander->ir;
	int64_t rows = clade_ring_rows(window);
	const char *name;

	if (window < 0 || rows == 0 || rows > INT32_MAX)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_STATE,
				     "a window of %lld positions; from 1 to %d, or 0 for a cache without one",
				     (long long)window, INT32_MAX - 1024);
	for (uint32_t d = 0; d < ir->dim_count; d++)
		if (ir->dims[d].cache_rows == rows) {
			*out_code = ir->dims[d].code;
			return CLADE_OK;
		}
	if (ir->dim_count > MAX_DIMS)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_LIMIT, "more than %d dims", MAX_DIMS);
	name = clade_region_print(expander->region, expander->diag, "ring(%lld)", (long long)rows);
	return name ? add_dim(expander, name, CLADE_DIM_SESSION, rows, out_code) : CLADE_ERR_MEMORY;
}

static int64_t capacity_code(const struct clade_ir *ir)
{
	uint32_t d = 0;

	while (ir->dims[d].cache_rows != INT64_MAX)
		d++;
	return ir->dims[d].code;
}

static enum clade_status state_type(struct clade_expander *expander, const struct clade_decl *decl,
				    struct clade_ir_state *out)
{
	struct clade_ast type = *decl->ast->type;
	struct clade_type *made = &out->type;
	enum clade_status status;

	out->pos = decl->ast->pos;
	out->is_cache = is_cache(decl);
	if (!out->is_cache)
		return clade_eval_type(expander, NULL, &type, made);
	type.text = "f32";
	status = clade_eval_type(expander, NULL, &type, made);
	if (status)
		return status;
	if (made->rank != 3)
		return clade_fail_at(expander->diag, &type.pos, CLADE_MSG_GRAPH_STATE,
				     "a cache is cache[batch, heads, width]; its rows are the session's");
	out->capacity_axis = 2;
	made->dims[3] = made->dims[2];
	made->dims[2] = capacity_code(expander->ir);
	made->rank = 4;
	if (decl->ast->body)
		status = clade_eval_integer(expander, NULL, decl->ast->body, "a window", &out->window);
	if (expander->params
		    ->watch) /* attention's weights are by key, which a ring has not; without one the bits are equal */
		out->window = 0;
	if (!status && out->window)
		status = ring_dim(expander, decl->ast->body, out->window, &made->dims[2]);
	return status;
}

static enum clade_status finish_state(struct clade_expander *expander, struct clade_decl *decl)
{
	struct clade_ir *ir = expander->ir;
	struct clade_ir_state state = { 0 };
	enum clade_status status = finish_counts(expander, decl);

	if (!status)
		status = state_type(expander, decl, &state);
	decl->first = ir->state_count;
	for (uint32_t i = 0; i < decl->total && !status; i++) {
		int64_t indices[CLADE_MAX_INDICES];

		if (ir->state_count == CLADE_MAX_NODES)
			return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_LIMIT,
					     "more than %u states", CLADE_MAX_NODES);
		state.name = member_name(expander, decl, i, indices);
		status = state.name ? clade_grow(expander->context, (void **)&ir->states, &expander->state_capacity,
						 ir->state_count, sizeof(state), expander->diag)
				    : CLADE_ERR_MEMORY;
		if (!status)
			ir->states[ir->state_count++] = state;
	}
	decl->progress = CLADE_DECL_DONE;
	return status;
}

static enum clade_status finish_metas(struct clade_expander *expander, const struct clade_ast *ast)
{
	struct clade_val val;
	char text[256];
	uint32_t index = clade_names_find(&expander->metas, ast->text);
	struct clade_meta *meta = &expander->meta_lines[index].value;
	enum clade_status status = clade_eval_constant(expander, NULL, ast->first, &val);

	if (status)
		return status;
	meta->kind = val.kind == CLADE_VAL_BOOL     ? CLADE_META_BOOL
		     : val.kind == CLADE_VAL_INT    ? CLADE_META_INT
		     : val.kind == CLADE_VAL_FLOAT  ? CLADE_META_FLOAT
		     : val.kind == CLADE_VAL_STRING ? CLADE_META_STRING
						    : CLADE_META_NONE;
	meta->i = val.i;
	meta->f = val.kind == CLADE_VAL_INT ? (double)val.i : val.f;
	meta->s = val.s;
	if (meta->kind == CLADE_META_NONE)
		return clade_fail_at(expander->diag, &ast->first->pos, CLADE_MSG_GRAPH_META,
				     "a meta value is a number, bool or string, not %s",
				     clade_val_describe(expander, &val, text, sizeof(text)));
	return CLADE_OK;
}

enum clade_status clade_declare_finish(struct clade_expander *expander, const struct clade_ast *items)
{
	const char *const *setting = expander->params->settings;
	enum clade_status status = finish_dims(expander);

	for (; setting && *setting && !status; setting++)
		status = apply_setting(expander, *setting);
	if (!status)
		status = clade_source_choose(expander);
	if (!status)
		status = clade_source_check(expander);
	for (uint32_t i = 0; i < expander->decl_count && !status; i++)
		if (expander->decls[i].kind == CLADE_DECL_PARAM)
			status = clade_param_value(expander, &expander->decls[i]);
	/* before the weights: a value that is not supported often has other weights, and is the better reason */
	for (const struct clade_ast *ast = items; ast && !status; ast = ast->next)
		if (ast->kind == CLADE_AST_REQUIRE)
			status = clade_expand_require(expander, NULL, ast);
	for (uint32_t i = 0; i < expander->decl_count && !status; i++)
		if (expander->decls[i].kind == CLADE_DECL_WEIGHT)
			status = finish_weight(expander, &expander->decls[i]);
		else if (expander->decls[i].kind == CLADE_DECL_STATE)
			status = finish_state(expander, &expander->decls[i]);
	return status;
}

enum clade_status clade_declare_metas(struct clade_expander *expander, const struct clade_ast *items)
{
	enum clade_status status = CLADE_OK;

	for (const struct clade_ast *ast = items; ast && !status; ast = ast->next)
		if (ast->kind == CLADE_AST_META)
			status = finish_metas(expander, ast);
	return status;
}

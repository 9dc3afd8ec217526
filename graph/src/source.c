/* SPDX-License-Identifier: MIT */
/* Source maps: choosing one, params from metadata, and building the tree of a weight. */
#include "source.h"

#include <clade/messages.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_ALIASES 16 /* weights that are others, one behind the other */

enum clade_status clade_source_choose(struct clade_expander *expander)
{
	const char *wanted = expander->params->source, *format;
	struct clade_words words = { .count = 0 };
	uint32_t found = CLADE_IR_NONE;
	char hint[128];

	for (uint32_t i = 0; i < expander->source_ast_count; i++)
		clade_words_add(&words, expander->source_asts[i]->text);
	if (wanted && strcmp(wanted, "none") == 0)
		return CLADE_OK;
	if (wanted) {
		found = clade_names_find(&expander->sources, wanted);
		if (found == CLADE_IR_NONE)
			return clade_fail(expander->diag, CLADE_ERR_USAGE, CLADE_MSG_GRAPH_SOURCE, wanted,
					  "the graph has no source of this name%s",
					  clade_words_hint(&words, wanted, hint, sizeof(hint)));
	} else if (expander->store) {
		/* Hugging Face's directories are safetensors with a config: their maps are called `hf` */
		format = clade_store_format(expander->store);
		found = clade_names_find(&expander->sources, format);
		if (found == CLADE_IR_NONE &&
		    (strcmp(format, "safetensors") == 0 || (expander->params->family && !*format)))
			found = clade_names_find(&expander->sources, "hf");
	}
	if (found == CLADE_IR_NONE && expander->params->family && expander->store)
		return clade_fail(expander->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_GRAPH_SOURCE,
				  expander->params->family,
				  "the built-in graph of this family has no source for %s files%s%s",
				  clade_store_format(expander->store), words.count ? "; it reads " : "",
				  words.count ? words.words[0] : "");
	if (found != CLADE_IR_NONE)
		expander->source = expander->source_asts[found];
	return CLADE_OK;
}

static const struct clade_ast *find_map(const struct clade_expander *expander, const char *name)
{
	const struct clade_ast *map = expander->source ? expander->source->body : NULL;

	while (map && (map->kind != CLADE_AST_MAP || strcmp(map->text, name) != 0))
		map = map->next;
	return map;
}

bool clade_source_optional(const struct clade_expander *expander, const char *name)
{
	const struct clade_ast *map = find_map(expander, name), *last = map ? map->other : NULL;

	if (last && last->kind == CLADE_AST_CHAIN)
		for (last = last->first; last->next;)
			last = last->next;
	return last && last->kind == CLADE_AST_NONE;
}

enum clade_status clade_source_check(struct clade_expander *expander)
{
	struct clade_names seen = { .context = expander->context };
	enum clade_status status = CLADE_OK;

	for (const struct clade_ast *map = expander->source ? expander->source->body : NULL; map && !status;
	     map = map->next) {
		uint32_t index = clade_names_find(&expander->globals, map->kind == CLADE_AST_MAP ? map->text : "");
		const struct clade_decl *decl = index == CLADE_IR_NONE ? NULL : &expander->decls[index];
		struct clade_words words = { .count = 0 };
		uint32_t given = 0, wanted = 0;
		char hint[128];

		if (map->kind != CLADE_AST_MAP)
			continue;
		for (uint32_t i = 0; i < expander->decl_count; i++)
			if (expander->decls[i].kind == CLADE_DECL_PARAM || expander->decls[i].kind == CLADE_DECL_WEIGHT)
				clade_words_add(&words, expander->decls[i].name);
		for (const struct clade_ast *kid = map->first; kid; kid = kid->next)
			given++;
		for (const struct clade_ast *kid = decl ? decl->ast->first : NULL; kid; kid = kid->next)
			wanted++;
		if (!decl || (decl->kind != CLADE_DECL_PARAM && decl->kind != CLADE_DECL_WEIGHT))
			status = clade_fail_at(expander->diag, &map->pos, CLADE_MSG_GRAPH_SOURCE,
					       "no param or weight is called `%.80s`%s", map->text,
					       clade_words_hint(&words, map->text, hint, sizeof(hint)));
		else if (clade_names_find(&seen, map->text) != CLADE_IR_NONE)
			status = clade_fail_at(expander->diag, &map->pos, CLADE_MSG_GRAPH_DUPLICATE,
					       "`%.80s` is mapped twice; write alternatives with `else`", map->text);
		else if (given != wanted)
			status = clade_fail_at(expander->diag, &map->pos, CLADE_MSG_GRAPH_INDEX,
					       "`%.80s` is declared with %u ind%s but mapped with %u", map->text,
					       wanted, wanted == 1 ? "ex" : "ices", given);
		else
			status = clade_names_set(&seen, map->text, 1, expander->diag);
	}
	clade_names_finish(&seen);
	return status;
}

static enum clade_status fill_key(struct clade_expander *expander, struct clade_scope *scope,
				  const struct clade_ast *template, const char **out)
{
	return clade_template_fill(expander, scope, template, false, out);
}

/* ---- params ---- */
static enum clade_status meta_value(struct clade_expander *expander, const struct clade_ast *ast, const char *key,
				    struct clade_val *out, bool *out_found)
{
	struct clade_meta meta;

	*out_found = expander->store && clade_store_meta(expander->store, key, &meta) && meta.kind != CLADE_META_NONE;
	if (!*out_found)
		return CLADE_OK;
	expander->key = key;
	memset(out, 0, sizeof(*out));
	switch (meta.kind) {
	case CLADE_META_BOOL:
		out->kind = CLADE_VAL_BOOL;
		out->i = meta.i != 0;
		return CLADE_OK;
	case CLADE_META_INT:
		out->kind = CLADE_VAL_INT;
		out->i = meta.i;
		return CLADE_OK;
	case CLADE_META_FLOAT:
		out->kind = CLADE_VAL_FLOAT;
		out->f = meta.f;
		return CLADE_OK;
	case CLADE_META_STRING:
		out->kind = CLADE_VAL_STRING;
		out->s = clade_region_text(expander->region, meta.s, strlen(meta.s), expander->diag);
		return out->s ? CLADE_OK : CLADE_ERR_MEMORY;
	default:
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_PARAM_TYPE,
				     "the key \"%.80s\" holds neither a number, a bool nor a string", key);
	}
}

/* The tensor of this name, after one of the source's prefixes if it has any; NULL: there is none. */
static enum clade_status find_tensor(struct clade_expander *expander, const char *name,
				     const struct clade_store_tensor **out)
{
	bool prefixes = false;

	*out = NULL;
	for (const struct clade_ast *map = expander->source ? expander->source->body : NULL; map && !*out;
	     map = map->next)
		for (const struct clade_ast *kid = map->kind == CLADE_AST_PREFIX ? map->first : NULL; kid && !*out;
		     kid = kid->next) {
			char *full = clade_region_print(expander->region, expander->diag, "%s%s", kid->text, name);

			if (!full)
				return CLADE_ERR_MEMORY;
			prefixes = true;
			*out = clade_store_find(expander->store, full);
		}
	if (!prefixes)
		*out = clade_store_find(expander->store, name);
	return CLADE_OK;
}

/* size("tensor", axis): what no metadata says, such as the number of labels; *out_found false: no such tensor. */
static enum clade_status tensor_size(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast, struct clade_val *out, bool *out_found)
{
	const struct clade_ast *name = ast->first, *axis = name ? name->next : NULL;
	const struct clade_store_tensor *tensor;
	const char *text;
	int64_t at = 0;
	enum clade_status status;

	*out_found = false;
	if (!name || name->kind != CLADE_AST_TEMPLATE || name->label || !axis || axis->next)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_ARGUMENT,
				     "size takes a tensor's name in quotes and an axis");
	status = fill_key(expander, scope, name, &text);
	if (!status)
		status = clade_eval_integer(expander, scope, axis, "the axis of size", &at);
	if (!status && expander->store)
		status = find_tensor(expander, text, &tensor);
	if (status || !expander->store || !tensor)
		return status;
	if (at < 0 || at >= tensor->type.rank)
		return clade_fail_at(expander->diag, &axis->pos, CLADE_MSG_GRAPH_SOURCE_TYPE,
				     "axis %lld of tensor \"%.80s\", which has rank %u", (long long)at, text,
				     tensor->type.rank);
	*out = (struct clade_val) { .kind = CLADE_VAL_INT, .i = tensor->type.dims[at] };
	*out_found = true;
	return CLADE_OK;
}

/* null("key", value): the value where the key is there and null, which counts as absent otherwise. */
static enum clade_status null_value(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *ast, struct clade_val *out, bool *out_found)
{
	const struct clade_ast *template = ast->first, *value = template ? template->next : NULL;
	const char *key, *have;
	struct clade_meta meta;
	enum clade_status status;

	*out_found = false;
	if (!template || template->kind != CLADE_AST_TEMPLATE || !value || value->next)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_ARGUMENT,
				     "null takes a key in quotes and a value");
	status = fill_key(expander, scope, template, &key);
	for (size_t i = 0; !status && expander->store && clade_store_meta_at(expander->store, i, &have, &meta); i++)
		*out_found = *out_found || (meta.kind == CLADE_META_NONE && strcmp(have, key) == 0);
	if (status || !*out_found)
		return status;
	expander->key = key;
	return clade_eval_constant(expander, scope, value, out);
}

/* An expression whose quoted texts are metadata keys; *out_found false: a key is absent. */
static enum clade_status param_value(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast, struct clade_val *out, bool *out_found)
{
	struct clade_val a, b;
	const char *key;
	enum clade_status status = CLADE_OK;

	*out_found = true;
	switch (ast->kind) {
	case CLADE_AST_TEMPLATE:
		status = fill_key(expander, scope, ast, &key);
		return status ? status : meta_value(expander, ast, key, out, out_found);
	case CLADE_AST_CHAIN:
		for (const struct clade_ast *kid = ast->first; kid && !status; kid = kid->next) {
			status = param_value(expander, scope, kid, out, out_found);
			if (status || *out_found)
				return status;
		}
		return status;
	case CLADE_AST_UNARY:
		status = param_value(expander, scope, ast->first, &a, out_found);
		return status || !*out_found ? status : clade_eval_unary(expander, ast, &a, out);
	case CLADE_AST_BINARY:
		if (strcmp(ast->text, "and") == 0 || strcmp(ast->text, "or") == 0)
			break;
		status = param_value(expander, scope, ast->first, &a, out_found);
		if (!status && *out_found)
			status = param_value(expander, scope, ast->first->next, &b, out_found);
		return status || !*out_found ? status : clade_eval_binary(expander, ast, &a, &b, out);
	case CLADE_AST_CALL:
		if (strcmp(ast->text, "size") == 0)
			return tensor_size(expander, scope, ast, out, out_found);
		if (strcmp(ast->text, "null") == 0)
			return null_value(expander, scope, ast, out, out_found);
		if (strcmp(ast->text, "literal") != 0 || !ast->first || ast->first->kind != CLADE_AST_TEMPLATE)
			return clade_fail_at(
				expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE,
				"a param knows keys, arithmetic, `else`, literal(\"text\"), null(\"key\", value) and "
				"size(\"tensor\", axis), not %.80s(...)",
				ast->text);
		*out = (struct clade_val) { .kind = CLADE_VAL_STRING };
		return fill_key(expander, scope, ast->first, &out->s);
	case CLADE_AST_NONE:
		*out_found = false;
		return CLADE_OK;
	default:
		break;
	}
	return clade_eval_constant(expander, scope, ast, out);
}

enum clade_status clade_source_param(struct clade_expander *expander, struct clade_decl *decl, int64_t index,
				     struct clade_val *out, bool *out_found)
{
	const struct clade_ast *map = find_map(expander, decl->name);
	const char *outer = expander->key; /* params may use params */
	struct clade_frame frame = { .parent = NULL };
	struct clade_scope scope = { .frame = &frame, .path = "", .globals = true };
	bool given = false;
	enum clade_status status = CLADE_OK;

	*out_found = map != NULL;
	if (!map)
		return CLADE_OK;
	if (map->first)
		status = clade_scope_set(expander, &scope, map->first->text,
					 &(struct clade_val) { .kind = CLADE_VAL_INT, .i = index });
	expander->key = NULL;
	if (!status)
		status = param_value(expander, &scope, map->other, out, &given);
	clade_frame_finish(expander, &frame);
	decl->key = expander->key;
	expander->key = outer;
	if (status || given)
		return status;
	return clade_fail_at(expander->diag, &map->pos, CLADE_MSG_GRAPH_PARAM,
			     "param `%.80s`: the metadata has none of the keys; a default is written `else VALUE`",
			     decl->name);
}

/* ---- weights ---- */
enum outcome { FOUND, MISSING, ABSENT };

/* Building one weight's tree. */
struct builder {
	struct clade_expander *expander;
	struct clade_scope scope;
	struct clade_frame frame;
	const char *missing; /* the first tensor that was not there */
	uint32_t aliases;
};

static enum clade_status build(struct builder *builder, const struct clade_ast *ast,
			       const struct clade_weight_tree **out, enum outcome *outcome);

static struct clade_weight_tree *new_tree(struct builder *builder, enum clade_weight_kind kind, uint32_t kids)
{
	struct clade_region *region = builder->expander->region;
	struct clade_weight_tree *tree = clade_region_alloc(region, sizeof(*tree), builder->expander->diag);

	if (!tree)
		return NULL;
	tree->kind = kind;
	tree->kid_count = kids;
	tree->kids = clade_region_array(region, kids, sizeof(*tree->kids), builder->expander->diag);
	return tree->kids ? tree : NULL;
}

static enum clade_status build_tensor(struct builder *builder, const struct clade_ast *ast, const char *name,
				      const struct clade_weight_tree **out, enum outcome *outcome)
{
	struct clade_expander *expander = builder->expander;
	const struct clade_store_tensor *tensor;
	const struct clade_dtype_info *info;
	struct clade_weight_tree *tree;
	enum clade_status status = find_tensor(expander, name, &tensor);

	if (status)
		return status;
	if (!tensor) {
		*outcome = MISSING;
		if (!builder->missing)
			builder->missing = name;
		return CLADE_OK;
	}
	tree = new_tree(builder, CLADE_WEIGHT_TENSOR, 0);
	if (!tree)
		return CLADE_ERR_MEMORY;
	tree->tensor = tensor;
	tree->type = tensor->type;
	info = clade_dtype_info(tensor->type.dtype);
	tree->type.dtype = info && info->is_float ? CLADE_F32 : CLADE_I32;
	*out = tree;
	*outcome = FOUND;
	if (tensor->type.rank > CLADE_MAX_RANK)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE_TYPE,
				     "tensor \"%.80s\" has rank %u; at most %d", name, tensor->type.rank,
				     CLADE_MAX_RANK);
	return CLADE_OK;
}

/* Another weight, whose map is used: `head = "lm_head.weight" else embed`. */
static enum clade_status build_alias(struct builder *builder, const struct clade_ast *ast,
				     const struct clade_weight_tree **out, enum outcome *outcome)
{
	struct clade_expander *expander = builder->expander;
	uint32_t index = clade_names_find(&expander->globals, ast->text);
	const struct clade_decl *decl = index == CLADE_IR_NONE ? NULL : &expander->decls[index];
	const struct clade_ast *map = decl ? find_map(expander, ast->text) : NULL, *kid = ast->first, *name;
	struct builder inner = { .expander = expander, .aliases = builder->aliases + 1 };
	enum clade_status status = CLADE_OK;

	if (!decl || decl->kind != CLADE_DECL_WEIGHT || !map)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE,
				     "`%.80s` is no weight that this source maps", ast->text);
	if (inner.aliases > MAX_ALIASES)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE, "`%.80s` is mapped to itself",
				     ast->text);
	inner.scope = (struct clade_scope) { .frame = &inner.frame, .path = "", .globals = true };
	for (name = map->first; name && kid && !status; name = name->next, kid = kid->next) {
		struct clade_val val = { .kind = CLADE_VAL_INT };

		status = clade_eval_integer(expander, &builder->scope, kid, "an index", &val.i);
		if (!status)
			status = clade_scope_set(expander, &inner.scope, name->text, &val);
	}
	if (!status && (name || kid))
		status = clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_INDEX,
				       "`%.80s` is given a wrong number of indices", ast->text);
	if (!status)
		status = build(&inner, map->other, out, outcome);
	if (!builder->missing)
		builder->missing = inner.missing;
	clade_frame_finish(expander, &inner.frame);
	return status;
}

static enum clade_status tree_fail(struct builder *builder, const struct clade_ast *ast, const struct clade_type *type,
				   const char *rule)
{
	char text[160];

	return clade_fail_at(builder->expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE_TYPE, "`%.40s` of %s: %s",
			     ast->text ? ast->text : "stack", clade_type_text(type, text, sizeof(text)), rule);
}

static enum clade_status stack_count(struct builder *builder, const struct clade_ast *ast, int64_t *out)
{
	enum clade_status status = CLADE_OK;

	*out = 0;
	if (ast->text)
		status =
			clade_eval_integer(builder->expander, &builder->scope, ast->first, "the count of a stack", out);
	for (const struct clade_ast *kid = ast->text ? NULL : ast->first; kid; kid = kid->next)
		*out += 1;
	if (!status && (*out < 1 || *out > 100000))
		return clade_fail_at(builder->expander->diag, &ast->pos, CLADE_MSG_GRAPH_LIMIT,
				     "a stack of %lld; from 1 to 100000", (long long)*out);
	return status;
}

/* stack(e < n: part), stack(part, part, ...) */
static enum clade_status build_stack(struct builder *builder, const struct clade_ast *ast,
				     const struct clade_weight_tree **out, enum outcome *outcome)
{
	struct clade_expander *expander = builder->expander;
	struct clade_frame frame = { .parent = builder->scope.frame };
	struct clade_weight_tree *tree;
	struct clade_val val = { .kind = CLADE_VAL_INT };
	const struct clade_ast *part = ast->text ? ast->first->next : ast->first;
	int64_t count;
	enum clade_status status = stack_count(builder, ast, &count);

	if (status)
		return status;
	tree = new_tree(builder, CLADE_WEIGHT_STACK, (uint32_t)count);
	if (!tree)
		return CLADE_ERR_MEMORY;
	*outcome = FOUND;
	builder->scope.frame = &frame;
	for (uint32_t i = 0; i < count && !status && *outcome == FOUND; i++) {
		val.i = i;
		if (ast->text)
			status = clade_scope_set(expander, &builder->scope, ast->text, &val);
		if (!status)
			status = build(builder, part, &tree->kids[i], outcome);
		if (!status && *outcome == FOUND && !clade_type_equal(&tree->kids[i]->type, &tree->kids[0]->type))
			status = tree_fail(builder, ast, &tree->kids[i]->type,
					   "all parts of a stack must have one type");
		part = ast->text ? part : part->next;
	}
	builder->scope.frame = frame.parent;
	clade_frame_finish(expander, &frame);
	if (status || *outcome != FOUND)
		return status;
	tree->type = tree->kids[0]->type;
	if (tree->type.rank == CLADE_MAX_RANK)
		return tree_fail(builder, ast, &tree->type, "it has too many axes to stack");
	memmove(tree->type.dims + 1, tree->type.dims, sizeof(tree->type.dims) - sizeof(tree->type.dims[0]));
	tree->type.dims[0] = count;
	tree->type.rank++;
	*out = tree;
	return CLADE_OK;
}

/* kid op number, number op kid */
static enum clade_status build_const(struct builder *builder, const struct clade_ast *ast,
				     const struct clade_weight_tree **out, enum outcome *outcome)
{
	struct clade_expander *expander = builder->expander;
	const struct clade_ast *a = ast->first, *b = a->next, *constant = NULL;
	struct clade_weight_tree *tree = new_tree(builder, CLADE_WEIGHT_CONST, 1);
	struct clade_val val;
	enum clade_status status;

	if (!tree)
		return CLADE_ERR_MEMORY;
	if (!strchr("+-*/", *ast->text) || ast->text[1])
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE_TYPE,
				     "`%s` is no operator of sources; known: + - * / with a constant", ast->text);
	for (int side = 0; side < 2; side++) { /* the side that holds no tensor */
		const struct clade_ast *kid = side ? a : b;
		struct clade_diag *diag = expander->diag;

		expander->diag = NULL;
		status = clade_eval_constant(expander, &builder->scope, kid, &val);
		expander->diag = diag;
		if (!status && (val.kind == CLADE_VAL_INT || val.kind == CLADE_VAL_FLOAT)) {
			constant = kid;
			tree->left = kid == a;
			break;
		}
	}
	if (!constant)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE_TYPE,
				     "one side of `%s` must be a constant", ast->text);
	status = build(builder, constant == a ? b : a, &tree->kids[0], outcome);
	if (status || *outcome != FOUND)
		return status;
	tree->op = ast->text;
	tree->number = (double)(float)(val.kind == CLADE_VAL_INT ? (double)val.i : val.f);
	tree->type = tree->kids[0]->type;
	if (tree->type.dtype != CLADE_F32)
		return tree_fail(builder, ast, &tree->type, "arithmetic is for floating-point tensors");
	if (*ast->text == '/' && !tree->left && tree->number == 0)
		return tree_fail(builder, ast, &tree->type, "division by zero");
	*out = tree;
	return CLADE_OK;
}

/* The values of a call's arguments after the first, by position or name. */
struct operator
{
	const char *name;
	enum clade_weight_kind kind;
	const char *arguments[4]; /* NULL-terminated */
	enum clade_status (*apply)(struct builder *, const struct clade_ast *, const struct clade_val *,
				   struct clade_weight_tree *);
};

static bool integer_in(const struct clade_val *val, int64_t least, int64_t most)
{
	return val->kind == CLADE_VAL_INT && val->i >= least && val->i <= most;
}

/* slice(x, axis, start, end) */
static enum clade_status apply_slice(struct builder *builder, const struct clade_ast *ast,
				     const struct clade_val *given, struct clade_weight_tree *tree)
{
	struct clade_type *type = &tree->type;
	int64_t axis = given[0].i, length;

	if (!integer_in(&given[0], -(int64_t)type->rank, (int64_t)type->rank - 1))
		return tree_fail(builder, ast, type, "axis must be one of its axes");
	tree->axis = (uint32_t)(axis < 0 ? axis + type->rank : axis);
	length = type->dims[tree->axis];
	if (!integer_in(&given[1], 0, length) || !integer_in(&given[2], given[1].i + 1, length))
		return tree_fail(builder, ast, type,
				 "start and end must be integers with 0 <= start < end <= the axis's length");
	tree->from = given[1].i;
	type->dims[tree->axis] = given[2].i - given[1].i;
	return CLADE_OK;
}

/* transpose(x, axes = [1, 0]) */
static enum clade_status apply_transpose(struct builder *builder, const struct clade_ast *ast,
					 const struct clade_val *given, struct clade_weight_tree *tree)
{
	struct clade_type type = tree->type;
	uint32_t seen = 0;

	if (given[0].kind == CLADE_VAL_NONE) {
		if (type.rank != 2)
			return tree_fail(builder, ast, &type, "without axes it needs a matrix");
		tree->axes[0] = 1;
		seen = 3;
	} else if (given[0].kind == CLADE_VAL_LIST && given[0].count == type.rank) {
		for (uint32_t i = 0; i < type.rank; i++) {
			if (!integer_in(&given[0].items[i], 0, (int64_t)type.rank - 1))
				break;
			tree->axes[i] = (uint32_t)given[0].items[i].i;
			seen |= 1u << tree->axes[i];
		}
	}
	if (seen != (1u << type.rank) - 1)
		return tree_fail(builder, ast, &type, "axes must list each of its axes once");
	for (uint32_t i = 0; i < type.rank; i++)
		tree->type.dims[i] = type.dims[tree->axes[i]];
	return CLADE_OK;
}

/* reshape(x, [a, b]) */
static enum clade_status apply_reshape(struct builder *builder, const struct clade_ast *ast,
				       const struct clade_val *given, struct clade_weight_tree *tree)
{
	struct clade_type type = { .dtype = tree->type.dtype };
	int64_t before, after;
	bool ok = given[0].kind == CLADE_VAL_LIST && given[0].count <= CLADE_MAX_RANK;

	for (uint32_t i = 0; ok && i < given[0].count; i++) {
		ok = integer_in(&given[0].items[i], 1, INT64_MAX);
		type.dims[type.rank++] = given[0].items[i].i;
	}
	if (!ok || !clade_type_count(&tree->type, &before) || !clade_type_count(&type, &after) || before != after)
		return tree_fail(builder, ast, &tree->type, "the shape must be a list of dims with as many elements");
	tree->type = type;
	return CLADE_OK;
}

/* rope_halves(x, heads): rows of every head from interleaved pairs to two halves. */
static enum clade_status apply_halves(struct builder *builder, const struct clade_ast *ast,
				      const struct clade_val *given, struct clade_weight_tree *tree)
{
	if (tree->type.rank == 0 || !integer_in(&given[0], 1, tree->type.dims[0]) ||
	    tree->type.dims[0] % (2 * given[0].i))
		return tree_fail(builder, ast, &tree->type, "its rows must be heads of an even number of rows each");
	tree->heads = given[0].i;
	return CLADE_OK;
}

static const struct operator operators[] = {
	{ "slice", CLADE_WEIGHT_SLICE, { "axis", "start", "end" }, apply_slice },
	{ "transpose", CLADE_WEIGHT_TRANSPOSE, { "axes" }, apply_transpose },
	{ "reshape", CLADE_WEIGHT_RESHAPE, { "shape" }, apply_reshape },
	{ "rope_halves", CLADE_WEIGHT_HALVES, { "heads" }, apply_halves },
};

static enum clade_status operator_arguments(struct builder *builder, const struct clade_ast *ast,
					    const struct operator* operator, struct clade_val given[3])
{
	struct clade_expander *expander = builder->expander;
	uint32_t position = 0;

	for (const struct clade_ast *kid = ast->first->next; kid; kid = kid->next) {
		uint32_t at = 0;
		enum clade_status status;

		if (kid->label)
			while (operator->arguments[at] && strcmp(operator->arguments[at], kid->label) != 0)
				at++;
		else
			at = position++;
		if (at > 2 || !operator->arguments[at] || given[at].kind != CLADE_VAL_NONE)
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_ARGUMENT,
					     "%s takes a tensor, %s%s%s%s%s, each once", operator->name, operator->arguments[0],
					     operator->arguments[1] ? ", " : "",
					     operator->arguments[1] ? operator->arguments[1] : "",
					     operator->arguments[1] ? ", " : "",
					     operator->arguments[1] ? operator->arguments[2] : "");
		status = clade_eval_constant(expander, &builder->scope, kid, &given[at]);
		if (status)
			return status;
	}
	return CLADE_OK;
}

static enum clade_status build_operator(struct builder *builder, const struct clade_ast *ast,
					const struct clade_weight_tree **out, enum outcome *outcome)
{
	struct clade_expander *expander = builder->expander;
	const size_t count = sizeof(operators) / sizeof(operators[0]);
	struct clade_words words = { .count = 0 };
	struct clade_val given[3] = { { .kind = CLADE_VAL_NONE } };
	struct clade_weight_tree *tree;
	char hint[128];
	size_t at = 0;
	enum clade_status status;

	clade_words_add(&words, "stack");
	while (at < count && strcmp(operators[at].name, ast->text) != 0)
		clade_words_add(&words, operators[at++].name);
	if (at == count)
		return clade_fail_at(
			expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE,
			"no source operator is called `%.80s`; known: stack, slice, transpose, reshape, rope_halves%s",
			ast->text, clade_words_hint(&words, ast->text, hint, sizeof(hint)));
	if (!ast->first || ast->first->label)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_MISSING, "%s: the tensor is missing",
				     ast->text);
	tree = new_tree(builder, operators[at].kind, 1);
	if (!tree)
		return CLADE_ERR_MEMORY;
	status = operator_arguments(builder, ast, &operators[at], given);
	if (!status)
		status = build(builder, ast->first, &tree->kids[0], outcome);
	if (status || *outcome != FOUND)
		return status;
	tree->type = tree->kids[0]->type;
	*out = tree;
	return operators[at].apply(builder, ast, given, tree);
}

static enum clade_status build(struct builder *builder, const struct clade_ast *ast,
			       const struct clade_weight_tree **out, enum outcome *outcome)
{
	const char *key;
	enum clade_status status = CLADE_OK;

	switch (ast->kind) {
	case CLADE_AST_CHAIN:
		for (const struct clade_ast *kid = ast->first; kid; kid = kid->next) {
			status = build(builder, kid, out, outcome);
			if (status || *outcome != MISSING)
				return status;
		}
		return CLADE_OK;
	case CLADE_AST_TEMPLATE:
		status = fill_key(builder->expander, &builder->scope, ast, &key);
		return status ? status : build_tensor(builder, ast, key, out, outcome);
	case CLADE_AST_NONE:
		*outcome = ABSENT;
		return CLADE_OK;
	case CLADE_AST_NAME:
	case CLADE_AST_INDEX:
		return build_alias(builder, ast, out, outcome);
	case CLADE_AST_STACK:
		return build_stack(builder, ast, out, outcome);
	case CLADE_AST_BINARY:
		return build_const(builder, ast, out, outcome);
	case CLADE_AST_CALL:
		return build_operator(builder, ast, out, outcome);
	default:
		return clade_fail_at(builder->expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE,
				     "a weight comes from a quoted tensor name, an operator, another weight or `none`");
	}
}

static enum clade_status missing_tensor(struct clade_expander *expander, const struct clade_ir_pos *pos,
					const struct clade_weight_slot *slot, const char *name)
{
	struct clade_words *words = clade_region_alloc(expander->region, sizeof(*words), expander->diag);
	char hint[128];

	if (!words)
		return CLADE_ERR_MEMORY;
	for (size_t i = 0; i < clade_store_count(expander->store); i++)
		clade_words_add(words, clade_store_at(expander->store, i)->name);
	return clade_fail_at(expander->diag, pos, CLADE_MSG_GRAPH_WEIGHT,
			     "weight `%.80s`: the weight files have no tensor \"%.120s\"%s", slot->name, name,
			     clade_words_hint(words, name, hint, sizeof(hint)));
}

enum clade_status clade_source_weight(struct clade_expander *expander, const struct clade_decl *decl,
				      const int64_t *indices, struct clade_weight_slot *slot)
{
	const struct clade_ast *map = find_map(expander, decl->name), *key = map ? map->first : NULL;
	struct builder builder = { .expander = expander };
	enum outcome outcome = MISSING;
	char declared[256], got[256];
	enum clade_status status = CLADE_OK;

	if (!expander->store)
		return CLADE_OK;
	if (expander->source && !map)
		return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_SOURCE,
				     "source %s does not say where weight `%.80s` comes from", expander->source->text,
				     decl->name);
	builder.scope = (struct clade_scope) { .frame = &builder.frame, .path = "", .globals = true };
	for (uint32_t i = 0; key && !status; key = key->next, i++)
		status = clade_scope_set(expander, &builder.scope, key->text,
					 &(struct clade_val) { .kind = CLADE_VAL_INT, .i = indices[i] });
	if (!status)
		status = map ? build(&builder, map->other, &slot->tree, &outcome)
			     : build_tensor(&builder, decl->ast, slot->name, &slot->tree, &outcome);
	clade_frame_finish(expander, &builder.frame);
	if (status)
		return status;
	slot->absent = outcome == ABSENT;
	if (outcome == MISSING)
		return missing_tensor(expander, map ? &map->pos : &decl->ast->pos, slot,
				      builder.missing ? builder.missing : slot->name);
	if (slot->absent || clade_type_equal(&slot->tree->type, &slot->type))
		return CLADE_OK;
	return clade_fail_at(expander->diag, map ? &map->pos : &decl->ast->pos, CLADE_MSG_GRAPH_WEIGHT_TYPE,
			     "weight `%.80s` is declared %s but its source is %s", slot->name,
			     clade_type_text(&slot->type, declared, sizeof(declared)),
			     clade_type_text(&slot->tree->type, got, sizeof(got)));
}

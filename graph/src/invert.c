/* SPDX-License-Identifier: MIT */
/* A source map read backwards: which tensors a file for that source would hold, and from which weights each is made. A
 * map says `weight = operators("tensor")`; the tensor is the operators' inverses of the weight, from the outside in. */
#include "front.h"

#include <clade/messages.h>

#include <string.h>

/* Where in the tensor the weight lies, once a slice has been passed. */
struct place {
	bool is_part;
	uint32_t axis;
	int64_t start, end;
};

/* A tensor of the file to be, or a part of it that one weight gives. */
struct part {
	const char *name;
	const struct clade_weight_tree *tree;
	struct place place;
	const struct clade_ast *ast;
};

struct inverter {
	struct clade_expander *expander;
	const struct clade_ast *source;
	struct clade_scope scope;
	const struct clade_weight_tree *own; /* the weight's tree as it is read */
	struct part *parts;
	uint32_t count, capacity;
};

static enum clade_status invert(struct inverter *inverter, const struct clade_ast *ast,
				const struct clade_weight_tree *tree, struct place place);

static const struct clade_ast *map_of(const struct inverter *inverter, const char *name)
{
	const struct clade_ast *map = inverter->source->body;

	while (map && (map->kind != CLADE_AST_MAP || strcmp(map->text, name) != 0))
		map = map->next;
	return map;
}

static struct clade_weight_tree *over(struct inverter *inverter, enum clade_weight_kind kind,
				      const struct clade_weight_tree *kid)
{
	struct clade_expander *expander = inverter->expander;
	struct clade_weight_tree *tree = clade_region_alloc(expander->region, sizeof(*tree), expander->diag);

	if (!tree)
		return NULL;
	tree->kind = kind;
	tree->type = kid->type;
	tree->kid_count = 1;
	tree->kids = clade_region_array(expander->region, 1, sizeof(*tree->kids), expander->diag);
	if (!tree->kids)
		return NULL;
	tree->kids[0] = kid;
	return tree;
}

static bool same_tree(const struct clade_weight_tree *a, const struct clade_weight_tree *b)
{
	if (a->kind != b->kind || a->tensor != b->tensor || !clade_type_equal(&a->type, &b->type) ||
	    a->kid_count != b->kid_count || a->axis != b->axis || a->from != b->from || a->heads != b->heads ||
	    a->left != b->left || a->number != b->number || memcmp(a->axes, b->axes, sizeof(a->axes)) != 0 ||
	    (a->op && strcmp(a->op, b->op) != 0))
		return false;
	for (uint32_t i = 0; i < a->kid_count; i++)
		if (!same_tree(a->kids[i], b->kids[i]))
			return false;
	return true;
}

static enum clade_status no_way_back(struct inverter *inverter, const struct clade_ast *ast, const char *what)
{
	return clade_fail_at(inverter->expander->diag, &ast->pos, CLADE_MSG_GRAPH_SOURCE,
			     "source %s cannot be read backwards here: %s", inverter->source->text, what);
}

/* ---- operators ---- */

/* The argument called `name`, or the `index`th without a name, behind the tensor. */
static const struct clade_ast *argument(const struct clade_ast *call, const char *name, uint32_t index)
{
	uint32_t position = 0;

	for (const struct clade_ast *kid = call->first->next; kid; kid = kid->next)
		if (kid->label ? strcmp(kid->label, name) == 0 : position++ == index)
			return kid;
	return NULL;
}

static enum clade_status integer(struct inverter *inverter, const struct clade_ast *call, const char *name,
				 uint32_t index, int64_t *out)
{
	const struct clade_ast *ast = argument(call, name, index);

	*out = 0;
	return ast ? clade_eval_integer(inverter->expander, &inverter->scope, ast, name, out)
		   : no_way_back(inverter, call, "an argument is missing");
}

/* slice(x, axis, start, end): the weight is only a part of x. */
static enum clade_status invert_slice(struct inverter *inverter, const struct clade_ast *ast,
				      const struct clade_weight_tree *tree, struct place place)
{
	int64_t axis, rank = tree->type.rank;
	enum clade_status status = integer(inverter, ast, "axis", 0, &axis);

	if (place.is_part)
		return no_way_back(inverter, ast, "a slice of a slice");
	if (!status)
		status = integer(inverter, ast, "start", 1, &place.start);
	if (!status)
		status = integer(inverter, ast, "end", 2, &place.end);
	if (status)
		return status;
	axis += axis < 0 ? rank : 0;
	if (axis < 0 || axis >= rank || place.start < 0 || place.end - place.start != tree->type.dims[axis])
		return no_way_back(inverter, ast, "the slice does not fit the weight");
	place.axis = (uint32_t)axis;
	place.is_part = true;
	return invert(inverter, ast->first, tree, place);
}

/* transpose(x, axes): axis i of the weight is axis axes[i] of x. */
static enum clade_status invert_transpose(struct inverter *inverter, const struct clade_ast *ast,
					  const struct clade_weight_tree *tree, struct place place)
{
	const struct clade_ast *given = argument(ast, "axes", 0);
	struct clade_val list = { .kind = CLADE_VAL_NONE };
	uint32_t rank = tree->type.rank, axes[CLADE_MAX_RANK] = { 1, 0 }, seen = 0;
	struct clade_weight_tree *turned = over(inverter, CLADE_WEIGHT_TRANSPOSE, tree);
	enum clade_status status = CLADE_OK;

	if (!turned)
		return CLADE_ERR_MEMORY;
	if (given)
		status = clade_eval_constant(inverter->expander, &inverter->scope, given, &list);
	for (uint32_t i = 0; !status && list.kind == CLADE_VAL_LIST && i < list.count && i < rank; i++)
		axes[i] = (uint32_t)list.items[i].i;
	for (uint32_t i = 0; i < rank; i++)
		seen |= axes[i] < rank ? 1u << axes[i] : 0;
	if (status || seen != (1u << rank) - 1 || (!given && rank != 2))
		return status ? status : no_way_back(inverter, ast, "the axes do not fit the weight");
	for (uint32_t i = 0; i < rank; i++) {
		turned->axes[axes[i]] = i;
		turned->type.dims[axes[i]] = tree->type.dims[i];
	}
	place.axis = place.is_part ? axes[place.axis] : 0;
	return invert(inverter, ast->first, turned, place);
}

/* rope_halves(x, heads): back to interleaved pairs. */
static enum clade_status invert_halves(struct inverter *inverter, const struct clade_ast *ast,
				       const struct clade_weight_tree *tree, struct place place)
{
	struct clade_weight_tree *pairs = over(inverter, CLADE_WEIGHT_PAIRS, tree);
	enum clade_status status = pairs ? integer(inverter, ast, "heads", 0, &pairs->heads) : CLADE_ERR_MEMORY;

	if (status)
		return status;
	if (place.is_part || !tree->type.rank || pairs->heads < 1 || tree->type.dims[0] % (2 * pairs->heads))
		return no_way_back(inverter, ast, "the heads do not fit the weight");
	return invert(inverter, ast->first, pairs, place);
}

static const struct {
	const char *name;
	enum clade_status (*invert)(struct inverter *, const struct clade_ast *, const struct clade_weight_tree *,
				    struct place);
} operators[] = {
	{ "slice", invert_slice },
	{ "transpose", invert_transpose },
	{ "rope_halves", invert_halves },
};

/* x + 1: minus 1, and so on; one side is a number. */
static enum clade_status invert_const(struct inverter *inverter, const struct clade_ast *ast,
				      const struct clade_weight_tree *tree, struct place place)
{
	struct clade_expander *expander = inverter->expander;
	const struct clade_ast *a = ast->first, *b = a->next;
	bool left = a->kind == CLADE_AST_INT || a->kind == CLADE_AST_FLOAT;
	struct clade_weight_tree *back = over(inverter, CLADE_WEIGHT_CONST, tree);
	struct clade_val val;
	enum clade_status status;

	if (!back)
		return CLADE_ERR_MEMORY;
	status = clade_eval_constant(expander, &inverter->scope, left ? a : b, &val);
	if (status)
		return status;
	if (val.kind != CLADE_VAL_INT && val.kind != CLADE_VAL_FLOAT)
		return no_way_back(inverter, ast, "one side must be a number");
	back->number = (double)(float)(val.kind == CLADE_VAL_INT ? (double)val.i : val.f);
	/* c - x and c / x are their own inverses */
	back->left = left && (*ast->text == '-' || *ast->text == '/');
	back->op = back->left          ? ast->text
		   : *ast->text == '+' ? "-"
		   : *ast->text == '-' ? "+"
		   : *ast->text == '*' ? "/"
				       : "*";
	return invert(inverter, left ? b : a, back, place);
}

/* stack(e < n: part), stack(part, ...): each part has one step of the weight's first axis. */
static enum clade_status invert_stack(struct inverter *inverter, const struct clade_ast *ast,
				      const struct clade_weight_tree *tree, struct place place)
{
	struct clade_expander *expander = inverter->expander;
	struct clade_frame frame = { .parent = inverter->scope.frame };
	const struct clade_ast *part = ast->text ? ast->first->next : ast->first;
	int64_t count = tree->type.rank ? tree->type.dims[0] : 0;
	enum clade_status status = CLADE_OK;

	if (place.is_part || count < 1)
		return no_way_back(inverter, ast, "a slice of a stack");
	inverter->scope.frame = &frame;
	for (int64_t i = 0; i < count && part && !status; i++) {
		struct clade_weight_tree *one = over(inverter, CLADE_WEIGHT_SLICE, tree), *flat;

		flat = one ? over(inverter, CLADE_WEIGHT_RESHAPE, one) : NULL;
		if (!flat) {
			status = CLADE_ERR_MEMORY;
			break;
		}
		one->from = i;
		one->type.dims[0] = 1;
		flat->type.rank--;
		memmove(flat->type.dims, one->type.dims + 1, flat->type.rank * sizeof(flat->type.dims[0]));
		if (ast->text)
			status = clade_scope_set(expander, &inverter->scope, ast->text,
						 &(struct clade_val) { .kind = CLADE_VAL_INT, .i = i });
		if (!status)
			status = invert(inverter, part, flat, place);
		part = ast->text ? part : part->next;
	}
	inverter->scope.frame = frame.parent;
	clade_frame_finish(expander, &frame);
	return status;
}

/* ---- names ---- */

static enum clade_status add_part(struct inverter *inverter, const struct clade_ast *ast,
				  const struct clade_weight_tree *tree, struct place place)
{
	struct clade_expander *expander = inverter->expander;
	struct part *part;
	enum clade_status status = clade_grow(expander->context, (void **)&inverter->parts, &inverter->capacity,
					      inverter->count, sizeof(*part), expander->diag);

	if (status)
		return status;
	part = &inverter->parts[inverter->count];
	*part = (struct part) { .tree = tree, .place = place, .ast = ast };
	status = clade_template_fill(expander, &inverter->scope, ast, false, &part->name);
	inverter->count += !status;
	return status;
}

/* Whether `ast` names another weight with the very same values: a tied head. */
static bool is_tied(const struct inverter *inverter, const struct clade_ast *ast)
{
	const struct clade_expander *expander = inverter->expander;
	uint32_t index = ast->kind == CLADE_AST_NAME ? clade_names_find(&expander->globals, ast->text) : CLADE_IR_NONE;
	const struct clade_decl *decl = index == CLADE_IR_NONE ? NULL : &expander->decls[index];

	return decl && decl->kind == CLADE_DECL_WEIGHT && decl->total == 1 && expander->slots[decl->first].tree &&
	       same_tree(inverter->own, expander->slots[decl->first].tree);
}

static enum clade_status invert(struct inverter *inverter, const struct clade_ast *ast,
				const struct clade_weight_tree *tree, struct place place)
{
	switch (ast->kind) {
	case CLADE_AST_CHAIN: /* the first alternative is what files have nowadays */
		for (const struct clade_ast *kid = ast->first; kid; kid = kid->next)
			if (is_tied(inverter, kid))
				return CLADE_OK;
		return invert(inverter, ast->first, tree, place);
	case CLADE_AST_TEMPLATE:
		return add_part(inverter, ast, tree, place);
	case CLADE_AST_STACK:
		return invert_stack(inverter, ast, tree, place);
	case CLADE_AST_BINARY:
		return invert_const(inverter, ast, tree, place);
	case CLADE_AST_CALL:
		for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
			if (strcmp(ast->text, operators[i].name) == 0 && ast->first)
				return operators[i].invert(inverter, ast, tree, place);
		return no_way_back(inverter, ast, "an operator without inverse");
	default:
		return is_tied(inverter, ast)
			       ? CLADE_OK
			       : no_way_back(inverter, ast, "it has no place for a weight that is there");
	}
}

static enum clade_status invert_weight(struct inverter *inverter, const struct clade_decl *decl, uint32_t member)
{
	struct clade_expander *expander = inverter->expander;
	const struct clade_weight_slot *slot = &expander->slots[decl->first + member];
	const struct clade_ast *map = map_of(inverter, decl->name);
	struct clade_frame frame = { .parent = NULL };
	int64_t indices[CLADE_MAX_INDICES] = { 0 }, rest = member;
	uint32_t at = 0;
	enum clade_status status = CLADE_OK;

	if (slot->value == CLADE_IR_NONE || !slot->tree)
		return CLADE_OK;
	if (!map)
		return clade_fail_at(expander->diag, &decl->ast->pos, CLADE_MSG_GRAPH_SOURCE,
				     "source %s does not say where weight `%.80s` comes from", inverter->source->text,
				     decl->name);
	for (uint32_t i = decl->index_count; i-- > 0; rest /= decl->counts[i])
		indices[i] = rest % decl->counts[i];
	inverter->own = slot->tree;
	inverter->scope = (struct clade_scope) { .frame = &frame, .path = "", .globals = true };
	for (const struct clade_ast *key = map->first; key && !status; key = key->next)
		status = clade_scope_set(expander, &inverter->scope, key->text,
					 &(struct clade_val) { .kind = CLADE_VAL_INT, .i = indices[at++] });
	if (!status)
		status = invert(inverter, map->other, slot->tree, (struct place) { .is_part = false });
	clade_frame_finish(expander, &frame);
	return status;
}

/* ---- tensors ---- */

/* Whether part b of the same tensor lies right behind a. */
static bool follows(const struct part *a, const struct part *b)
{
	const struct clade_type *x = &a->tree->type, *y = &b->tree->type;

	if (strcmp(a->name, b->name) != 0 || !b->place.is_part || a->place.axis != b->place.axis ||
	    a->place.end != b->place.start || x->rank != y->rank || x->dtype != y->dtype)
		return false;
	for (uint32_t i = 0; i < x->rank; i++)
		if (i != a->place.axis && x->dims[i] != y->dims[i])
			return false;
	return true;
}

/* The tensor whose first part is parts[first]; takes all its parts. */
static enum clade_status join(struct inverter *inverter, uint32_t first, struct clade_export *out)
{
	struct clade_expander *expander = inverter->expander;
	struct part *head = &inverter->parts[first];
	struct clade_weight_tree *tree;
	uint32_t count = 1, last = first;

	out->name = head->name;
	out->tree = head->tree;
	if (!head->place.is_part)
		return CLADE_OK;
	if (head->place.start != 0)
		return no_way_back(inverter, head->ast, "a fused tensor's first part must come first");
	tree = over(inverter, CLADE_WEIGHT_CONCAT, head->tree);
	if (!tree)
		return CLADE_ERR_MEMORY;
	for (uint32_t i = first + 1; i < inverter->count; i++)
		count += strcmp(inverter->parts[i].name, head->name) == 0;
	tree->kids = clade_region_array(expander->region, count, sizeof(*tree->kids), expander->diag);
	if (!tree->kids)
		return CLADE_ERR_MEMORY;
	tree->kids[0] = head->tree;
	tree->axis = head->place.axis;
	for (uint32_t i = first + 1; i < inverter->count; i++) {
		struct part *part = &inverter->parts[i];

		if (strcmp(part->name, head->name) != 0)
			continue;
		if (!follows(&inverter->parts[last], part))
			return no_way_back(inverter, part->ast, "the parts of a fused tensor must follow each other");
		tree->kids[tree->kid_count++] = part->tree;
		tree->type.dims[tree->axis] += part->tree->type.dims[tree->axis];
		last = i;
	}
	out->tree = tree;
	return CLADE_OK;
}

static bool seen_before(const struct inverter *inverter, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		if (strcmp(inverter->parts[i].name, inverter->parts[index].name) == 0)
			return true;
	return false;
}

static enum clade_status collect(struct inverter *inverter, struct clade_graph *graph)
{
	struct clade_expander *expander = inverter->expander;
	enum clade_status status = CLADE_OK;

	graph->exports = clade_region_array(expander->region, inverter->count, sizeof(*graph->exports), expander->diag);
	if (!graph->exports)
		return CLADE_ERR_MEMORY;
	for (uint32_t i = 0; i < inverter->count && !status; i++) {
		const struct part *part = &inverter->parts[i];

		if (!seen_before(inverter, i))
			status = join(inverter, i, &graph->exports[graph->export_count++]);
		else if (!part->place.is_part)
			status = no_way_back(inverter, part->ast, "two weights come from one tensor");
	}
	return status;
}

enum clade_status clade_invert_source(struct clade_expander *expander, struct clade_graph *graph, const char *name)
{
	struct inverter inverter = { .expander = expander };
	uint32_t found = clade_names_find(&expander->sources, name);
	enum clade_status status = CLADE_OK;

	if (found == CLADE_IR_NONE)
		return clade_fail(expander->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_GRAPH_SOURCE, graph->ir.file,
				  "the graph has no source %s, so that no such file can be made of it", name);
	inverter.source = expander->source_asts[found];
	for (uint32_t i = 0; i < expander->decl_count && !status; i++)
		for (uint32_t m = 0; m < expander->decls[i].total && !status; m++)
			if (expander->decls[i].kind == CLADE_DECL_WEIGHT)
				status = invert_weight(&inverter, &expander->decls[i], m);
	if (!status)
		status = collect(&inverter, graph);
	clade_free(expander->context, inverter.parts);
	return status;
}

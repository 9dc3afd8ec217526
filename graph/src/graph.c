/* SPDX-License-Identifier: MIT */
/* Models: from a graph file to the expanded graph, and what can be asked of it. */
#include "front.h"
#include "include.h"

#include <clade/messages.h>

#include <stdio.h>
#include <string.h>

#define READ_BYTES ((int64_t)1 << 20)
#define READ_ROWS 64 /* whole panels at once, if rows are not extremely long */

static void finish_expander(struct clade_expander *expander)
{
	clade_names_finish(&expander->globals);
	clade_names_finish(&expander->block_names);
	clade_names_finish(&expander->files);
	clade_names_finish(&expander->metas);
	clade_names_finish(&expander->sources);
	clade_names_finish(&expander->entries);
	clade_names_finish(&expander->paths);
	clade_free(expander->context, expander->blocks);
	clade_free(expander->context, expander->entry_asts);
	clade_free(expander->context, expander->source_asts);
	clade_free(expander->context, expander->slots);
	clade_free(expander->context, expander->state_values);
	clade_free(expander->context, expander->state_first);
}

static enum clade_status start_expander(struct clade_expander *expander, struct clade_graph *graph,
					const struct clade_graph_params *params, struct clade_diag *diag)
{
	struct clade_names *const maps[] = { &expander->globals, &expander->block_names, &expander->files,
					     &expander->metas,   &expander->sources,     &expander->entries };

	expander->context = graph->context;
	expander->diag = diag;
	expander->region = &graph->region;
	expander->ir = &graph->ir;
	expander->params = params;
	expander->store = params->store;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		maps[i]->context = graph->context;
	if (clade_dims_create(graph->context, &graph->ir.pool, diag))
		return CLADE_ERR_MEMORY;
	expander->pool = graph->ir.pool;
	return CLADE_OK;
}

static void mark(uint32_t *map, const uint32_t *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (ids[i] != CLADE_IR_NONE)
			map[ids[i]] = 0;
}

static void renumber(const uint32_t *map, uint32_t *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (ids[i] != CLADE_IR_NONE)
			ids[i] = map[ids[i]];
}

static void mark_all(struct clade_ir *ir, uint32_t *map)
{
	for (uint32_t i = 0; i < ir->node_count; i++) {
		mark(map, ir->nodes[i].inputs, ir->nodes[i].input_count);
		mark(map, ir->nodes[i].outputs, ir->nodes[i].output_count);
	}
	for (uint32_t i = 0; i < ir->box_count; i++) {
		mark(map, ir->boxes[i].inputs, ir->boxes[i].input_count);
		mark(map, ir->boxes[i].outputs, ir->boxes[i].output_count);
	}
	for (uint32_t e = 0; e < ir->entry_count; e++) {
		for (uint32_t i = 0; i < ir->entries[e].input_count; i++)
			mark(map, &ir->entries[e].inputs[i].value, 1);
		for (uint32_t i = 0; i < ir->entries[e].output_count; i++)
			mark(map, &ir->entries[e].outputs[i].value, 1);
	}
}

static void renumber_all(struct clade_ir *ir, const uint32_t *map)
{
	for (uint32_t i = 0; i < ir->node_count; i++) {
		renumber(map, ir->nodes[i].inputs, ir->nodes[i].input_count);
		renumber(map, ir->nodes[i].outputs, ir->nodes[i].output_count);
	}
	for (uint32_t i = 0; i < ir->box_count; i++) {
		renumber(map, ir->boxes[i].inputs, ir->boxes[i].input_count);
		renumber(map, ir->boxes[i].outputs, ir->boxes[i].output_count);
	}
	for (uint32_t e = 0; e < ir->entry_count; e++) {
		for (uint32_t i = 0; i < ir->entries[e].input_count; i++)
			renumber(map, &ir->entries[e].inputs[i].value, 1);
		for (uint32_t i = 0; i < ir->entries[e].output_count; i++)
			renumber(map, &ir->entries[e].outputs[i].value, 1);
	}
}

/* Values that nothing uses (a weight that was only asked for by `has`) leave the graph. */
static enum clade_status keep_values(struct clade_graph *graph, struct clade_expander *expander)
{
	struct clade_ir *ir = &graph->ir;
	uint32_t count = 0, *map = clade_alloc(graph->context, ((size_t)ir->value_count + 1) * sizeof(*map));

	if (!map)
		return clade_fail_memory(expander->diag, ir->value_count * sizeof(*map), "the graph");
	for (uint32_t i = 0; i < ir->value_count; i++)
		map[i] = CLADE_IR_NONE;
	mark_all(ir, map);
	for (uint32_t i = 0; i < ir->value_count; i++) {
		if (map[i] == CLADE_IR_NONE) {
			if (ir->values[i].kind == CLADE_IR_WEIGHT)
				expander->slots[ir->values[i].index].value = CLADE_IR_NONE;
			continue;
		}
		map[i] = count;
		ir->values[count] = ir->values[i];
		if (ir->values[count].kind == CLADE_IR_WEIGHT)
			expander->slots[ir->values[count].index].value = count;
		count++;
	}
	ir->value_count = count;
	renumber_all(ir, map);
	clade_free(graph->context, map);
	return CLADE_OK;
}

/* Keeps the weights that are used, in the order of their declaration. */
static enum clade_status keep_weights(struct clade_graph *graph, struct clade_expander *expander)
{
	struct clade_ir *ir = &graph->ir;
	uint32_t count = 0;

	for (uint32_t i = 0; i < expander->slot_count; i++)
		count += expander->slots[i].value != CLADE_IR_NONE;
	ir->weights = clade_region_array(&graph->region, count, sizeof(*ir->weights), expander->diag);
	graph->trees = clade_region_array(&graph->region, count, sizeof(*graph->trees), expander->diag);
	if (!ir->weights || !graph->trees)
		return CLADE_ERR_MEMORY;
	for (uint32_t i = 0; i < expander->slot_count; i++) {
		const struct clade_weight_slot *slot = &expander->slots[i];

		if (slot->value == CLADE_IR_NONE)
			continue;
		ir->values[slot->value].index = ir->weight_count;
		graph->trees[ir->weight_count] = slot->tree;
		ir->weights[ir->weight_count++] =
			(struct clade_ir_weight) { slot->name, slot->type, slot->value, slot->pos, false };
	}
	return CLADE_OK;
}

static void warn_unused(const struct clade_expander *expander)
{
	char where[320];

	for (uint32_t i = 0; i < expander->decl_count; i++) {
		const struct clade_decl *decl = &expander->decls[i];

		if (!decl->used && (decl->kind == CLADE_DECL_WEIGHT || decl->kind == CLADE_DECL_STATE) &&
		    !clade_source_optional(expander, decl->name))
			clade_log(expander->context, CLADE_LOG_WARN, "graph", "%s: %s %s is never used",
				  clade_pos_text(&decl->ast->pos, where, sizeof(where)),
				  decl->kind == CLADE_DECL_WEIGHT ? "weight" : "state", decl->name);
	}
}

static enum clade_status expand(struct clade_graph *graph, struct clade_expander *expander, const char *file,
				const struct clade_ast *items)
{
	struct clade_ir *ir = &graph->ir;
	struct clade_ir_pos end = { file, 1, 1 };
	enum clade_status status = clade_names_set(&expander->files, file, 1, expander->diag);

	if (!status)
		status = clade_declare(expander, items, true);
	if (!status && !expander->model)
		status = clade_fail_at(expander->diag, &end, CLADE_MSG_GRAPH_MISSING,
				       "the file has no line `model \"name\"`");
	if (!status && !expander->entry_ast_count)
		status = clade_fail_at(expander->diag, &end, CLADE_MSG_GRAPH_ENTRY, "the file has no entry");
	if (!status)
		status = clade_declare_finish(expander, items);
	if (!status)
		status = clade_declare_metas(expander, items);
	if (status)
		return status;
	ir->model = expander->model->text;
	expander->state_values = clade_alloc(graph->context, (ir->state_count + 1) * sizeof(uint32_t));
	expander->state_first = clade_alloc(graph->context, (ir->state_count + 1) * sizeof(uint32_t));
	if (!expander->state_values || !expander->state_first)
		return clade_fail_memory(expander->diag, ir->state_count * sizeof(uint32_t), "states");
	for (uint32_t i = 0; i < ir->state_count; i++)
		expander->state_first[i] = CLADE_IR_NONE;
	for (uint32_t i = 0; i < expander->entry_ast_count && !status; i++)
		status = clade_expand_entry(expander, expander->entry_asts[i]);
	if (!status)
		status = keep_values(graph, expander);
	if (!status)
		status = keep_weights(graph, expander);
	if (!status)
		warn_unused(expander);
	return status;
}

enum clade_status clade_graph_create(struct clade_context *context, const struct clade_graph_params *params,
				     struct clade_graph **out_graph, struct clade_diag *diag)
{
	struct clade_expander expander = { 0 };
	struct clade_graph *graph;
	struct clade_ast *items;
	const struct clade_embedded_graph *family =
		params && params->family ? clade_family_graph(params->family) : NULL;
	const char *file = params && params->path ? params->path : "<text>", *given;
	char *text = NULL, *name;
	size_t length = 0;
	enum clade_status status;

	*out_graph = NULL;
	if (!context || !params || (!params->path && !params->text && !params->family))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, "clade_graph_create",
				  "a context and a path, text or family are needed");
	if (params->family && !family)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, params->family,
				  "there is no built-in graph of this family");
	file = family ? family->name : file;
	given = family ? family->text : params->text;
	graph = clade_alloc(context, sizeof(*graph));
	if (!graph)
		return clade_fail_memory(diag, sizeof(*graph), "a graph");
	graph->context = graph->ir.context = graph->region.context = context;
	graph->store = params->store;
	status = start_expander(&expander, graph, params, diag);
	name = status ? NULL : clade_region_text(&graph->region, file, strlen(file), diag);
	if (!status && !name)
		status = CLADE_ERR_MEMORY;
	graph->ir.file = name;
	if (!status && given) {
		length = strlen(given);
		text = clade_region_text(&graph->region, given, length, diag);
		status = text ? CLADE_OK : CLADE_ERR_MEMORY;
	} else if (!status) {
		status = clade_read_text(&graph->region, file, &text, &length, diag);
	}
	if (!status)
		status = clade_parse_file(&graph->region, name, text, length, &items, diag);
	if (!status)
		status = expand(graph, &expander, name, items);
	if (!status && params->invert)
		status = clade_invert_source(&expander, graph, params->invert);
	if (!status && params->watch)
		status = clade_watch_values(graph, params->watch, diag);
	if (!status)
		clade_graph_store_weights(graph);
	if (!status)
		status = clade_graph_store_states(graph, params->state_dtype, diag);
	graph->source = expander.source ? expander.source->text : NULL;
	graph->decls = expander.decls;
	graph->decl_count = expander.decl_count;
	graph->metas = expander.meta_lines;
	graph->meta_count = expander.meta_count;
	finish_expander(&expander);
	if (status)
		clade_graph_destroy(&graph);
	*out_graph = graph;
	return status;
}

void clade_graph_destroy(struct clade_graph **graph)
{
	struct clade_graph *g = *graph;

	if (!g)
		return;
	clade_free(g->context, g->ir.dims);
	clade_free(g->context, g->ir.values);
	clade_free(g->context, g->ir.nodes);
	clade_free(g->context, g->ir.boxes);
	clade_free(g->context, g->ir.entries);
	clade_free(g->context, g->ir.states);
	clade_free(g->context, g->decls);
	clade_free(g->context, g->metas);
	clade_dims_destroy(&g->ir.pool);
	clade_region_finish(&g->region);
	clade_free(g->context, g);
	*graph = NULL;
}

const struct clade_ir *clade_graph_ir(const struct clade_graph *graph)
{
	return &graph->ir;
}

struct clade_context *clade_graph_context(const struct clade_graph *graph)
{
	return graph->context;
}

const char *clade_graph_name(const struct clade_graph *graph)
{
	return graph->ir.model;
}

size_t clade_graph_entry_count(const struct clade_graph *graph)
{
	return graph->ir.entry_count;
}

const char *clade_graph_entry(const struct clade_graph *graph, size_t index)
{
	return index < graph->ir.entry_count ? graph->ir.entries[index].name : NULL;
}

const char *clade_graph_entry_after(const struct clade_graph *graph, size_t index)
{
	if (index >= graph->ir.entry_count || graph->ir.entries[index].after == CLADE_IR_NONE)
		return NULL;
	return graph->ir.entries[graph->ir.entries[index].after].name;
}

static const struct clade_ir_entry *entry_named(const struct clade_graph *graph, const char *name)
{
	for (uint32_t i = 0; name && i < graph->ir.entry_count; i++)
		if (strcmp(graph->ir.entries[i].name, name) == 0)
			return &graph->ir.entries[i];
	return NULL;
}

bool clade_graph_input(const struct clade_graph *graph, const char *entry, size_t index, struct clade_graph_port *out)
{
	const struct clade_ir_entry *found = entry_named(graph, entry);

	if (!found || index >= found->input_count)
		return false;
	out->name = found->inputs[index].name;
	out->type = found->inputs[index].type;
	out->optional = found->inputs[index].default_kind != CLADE_DEFAULT_NONE;
	out->watched = false;
	return true;
}

bool clade_graph_output(const struct clade_graph *graph, const char *entry, size_t index, struct clade_graph_port *out)
{
	const struct clade_ir_entry *found = entry_named(graph, entry);

	if (!found || index >= found->output_count)
		return false;
	out->name = found->outputs[index].name;
	out->type = graph->ir.values[found->outputs[index].value].type;
	out->optional = false;
	out->watched = found->outputs[index].watched;
	return true;
}

const char *clade_graph_type_text(const struct clade_graph *graph, const struct clade_type *type, char *out,
				  size_t size)
{
	return clade_ir_type_text(&graph->ir, type, out, size);
}

static void add_weight(const struct clade_ir_weight *weight, uint64_t *parameters, uint64_t *bytes)
{
	int64_t count = 0;
	size_t size = 0;

	if (clade_type_count(&weight->type, &count) && clade_type_bytes(&weight->type, &size)) {
		*parameters += (uint64_t)count;
		*bytes += size;
	}
}

void clade_graph_get_totals(const struct clade_graph *graph, struct clade_graph_totals *out)
{
	const struct clade_ir *ir = &graph->ir;

	memset(out, 0, sizeof(*out));
	out->nodes = ir->node_count;
	out->weights = ir->weight_count;
	out->states = ir->state_count;
	for (uint32_t i = 0; i < ir->state_count; i++)
		out->kept_states += ir->states[i].type.dtype == CLADE_F16;
	for (uint32_t i = 0; i < ir->box_count; i++)
		out->boxes += ir->boxes[i].block != NULL;
	for (uint32_t i = 0; i < ir->weight_count; i++)
		add_weight(&ir->weights[i], &out->parameters, &out->weight_bytes);
}

bool clade_graph_param(const struct clade_graph *graph, const char *name, struct clade_meta *out)
{
	for (uint32_t i = 0; i < graph->decl_count; i++) {
		const struct clade_decl *decl = &graph->decls[i];
		const struct clade_val *val = &decl->value;

		if (decl->kind != CLADE_DECL_PARAM || strcmp(decl->name, name) != 0 || val->kind == CLADE_VAL_LIST)
			continue;
		memset(out, 0, sizeof(*out));
		out->kind = val->kind == CLADE_VAL_BOOL    ? CLADE_META_BOOL
			    : val->kind == CLADE_VAL_INT   ? CLADE_META_INT
			    : val->kind == CLADE_VAL_FLOAT ? CLADE_META_FLOAT
							   : CLADE_META_STRING;
		out->i = val->i;
		out->f = val->kind == CLADE_VAL_INT ? (double)val->i : val->f;
		out->s = val->s;
		return true;
	}
	return false;
}

bool clade_graph_meta(const struct clade_graph *graph, const char *key, struct clade_meta *out)
{
	for (uint32_t i = 0; i < graph->meta_count; i++)
		if (strcmp(graph->metas[i].key, key) == 0) {
			*out = graph->metas[i].value;
			return true;
		}
	return false;
}

bool clade_graph_block(const struct clade_graph *graph, size_t index, struct clade_graph_block *out)
{
	const struct clade_ir *ir = &graph->ir;
	const struct clade_ir_box *box = index < ir->box_count ? &ir->boxes[index] : NULL;
	struct clade_names seen = { .context = graph->context };

	if (!box)
		return false;
	memset(out, 0, sizeof(*out));
	out->path = box->path;
	out->block = box->block;
	for (uint32_t parent = box->parent; parent != CLADE_IR_NONE; parent = ir->boxes[parent].parent)
		out->depth++;
	out->nodes = box->last_node - box->first_node;
	for (uint32_t n = box->first_node; n < box->last_node; n++)
		for (uint32_t i = 0; i < ir->nodes[n].input_count; i++) {
			const struct clade_ir_value *value =
				ir->nodes[n].inputs[i] == CLADE_IR_NONE ? NULL : &ir->values[ir->nodes[n].inputs[i]];

			/* a weight used twice counts once; out of memory, it may count again: only a summary */
			if (!value || value->kind != CLADE_IR_WEIGHT ||
			    clade_names_find(&seen, value->path) != CLADE_IR_NONE)
				continue;
			clade_names_set(&seen, value->path, 1, NULL);
			add_weight(&ir->weights[value->index], &out->parameters, &out->weight_bytes);
		}
	clade_names_finish(&seen);
	return true;
}

/* Elements of the largest transposition in a tree: a chunk of that size reads each of them once. */
static int64_t transposed_size(const struct clade_weight_tree *tree)
{
	int64_t most = 0;

	if (tree->kind == CLADE_WEIGHT_TRANSPOSE)
		clade_type_count(&tree->type, &most);
	for (uint32_t i = 0; i < tree->kid_count; i++) {
		int64_t kid = transposed_size(tree->kids[i]);

		most = kid > most ? kid : most;
	}
	return most;
}

/* Rows [first, first + rows), all if `rows` < 0, of `as`: the tree's dtype or that of clade_weight_storage. */
static enum clade_status read_tree(const struct clade_graph *graph, const struct clade_weight_tree *tree,
				   enum clade_dtype as, int64_t first, int64_t rows, clade_weight_sink_fn *sink,
				   void *user, struct clade_diag *diag)
{
	const struct clade_type *type = &tree->type;
	int64_t total, columns, step, end;
	void *buffer;
	size_t bytes;
	enum clade_status status = CLADE_OK;

	columns = type->rank ? type->dims[type->rank - 1] : 1;
	if (!clade_type_count(type, &total) || columns < 1)
		return clade_fail_memory(diag, SIZE_MAX, "a weight");
	rows = rows < 0 ? total / columns : rows;
	end = first + rows;
	step = READ_BYTES / 4;
	if (transposed_size(tree) > step)
		step = transposed_size(tree);
	step = step < columns ? 1 : step / columns;
	if (step >= READ_ROWS)
		step -= step % READ_ROWS;
	else if (columns < READ_BYTES / READ_ROWS)
		step = READ_ROWS;
	step = step < rows ? step : rows;
	bytes = (size_t)(step * columns) * 4;
	buffer = clade_resize(graph->context, NULL, bytes ? bytes : 1); /* written before it is read */
	if (!buffer)
		return clade_fail_memory(diag, bytes, "rows of a weight");
	for (int64_t row = first; row < end && !status; row += step) {
		int64_t count = end - row < step ? end - row : step;

		status = clade_weight_read(graph->context, graph->store, tree, as, row * columns, count * columns,
					   buffer, diag);
		if (!status)
			status = sink(user, row, count, buffer, diag);
	}
	clade_free(graph->context, buffer);
	return status;
}

bool clade_graph_weight_parts(const struct clade_graph *graph, uint32_t weight)
{
	return weight < graph->ir.weight_count && graph->trees[weight] && !transposed_size(graph->trees[weight]);
}

enum clade_status clade_graph_read_weight(const struct clade_graph *graph, uint32_t weight, int64_t first, int64_t rows,
					  clade_weight_sink_fn *sink, void *user, struct clade_diag *diag)
{
	if (weight >= graph->ir.weight_count)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, "clade_graph_read_weight",
				  "there is no such weight");
	if (!graph->trees[weight])
		return clade_fail_at(diag, &graph->ir.weights[weight].pos, CLADE_MSG_GRAPH_WEIGHT,
				     "weight `%.80s` has no values: the graph was opened without weight files",
				     graph->ir.weights[weight].name);
	return read_tree(graph, graph->trees[weight], graph->ir.weights[weight].type.dtype, first, rows, sink, user,
			 diag);
}

bool clade_graph_export(const struct clade_graph *graph, size_t index, const char **out_name,
			struct clade_type *out_type)
{
	if (index >= graph->export_count)
		return false;
	*out_name = graph->exports[index].name;
	*out_type = graph->exports[index].tree->type;
	return true;
}

enum clade_status clade_graph_export_read(const struct clade_graph *graph, size_t index, clade_rows_fn *sink,
					  void *user, struct clade_diag *diag)
{
	if (index >= graph->export_count)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, "clade_graph_export_read",
				  "there is no such tensor");
	return read_tree(graph, graph->exports[index].tree, graph->exports[index].tree->type.dtype, 0, -1, sink, user,
			 diag);
}

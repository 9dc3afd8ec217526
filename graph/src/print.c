/* SPDX-License-Identifier: MIT */
/* The expanded graph as a graph file that reads back to the same graph: every block opened in place as a `box`, every
 * value under its path. */
#include "front.h"

#include <clade/messages.h>

#include <stdio.h>
#include <string.h>

struct printer {
	const struct clade_graph *graph;
	const struct clade_ir *ir;
	struct clade_string text;
	uint32_t depth, box; /* box: the next one to open */
};

static void indent(struct printer *printer)
{
	for (uint32_t i = 0; i < printer->depth; i++)
		clade_string_add(&printer->text, "\t", 1);
}

static void print_name(struct printer *printer, const char *name)
{
	static const char *const words[] = { "for",   "if",   "else", "input", "output", "box", "true",
					     "false", "none", "and",  "or",    "not",    "in" };
	bool plain = clade_is_identifier(name);

	for (size_t i = 0; plain && i < sizeof(words) / sizeof(words[0]); i++)
		plain = strcmp(words[i], name) != 0;
	clade_string_print(&printer->text, plain ? "%s" : "`%s`", name);
}

static void print_string(struct printer *printer, const char *string)
{
	clade_string_add(&printer->text, "\"", 1);
	for (; *string; string++) {
		const char *escape = *string == '"'    ? "\\\""
				     : *string == '\\' ? "\\\\"
				     : *string == '\n' ? "\\n"
				     : *string == '\t' ? "\\t"
						       : NULL;

		clade_string_add(&printer->text, escape ? escape : string, escape ? 2 : 1);
	}
	clade_string_add(&printer->text, "\"", 1);
}

static void print_type(struct printer *printer, const struct clade_type *type)
{
	char dim[512];

	clade_string_print(&printer->text, "%s[", clade_dtype_info(type->dtype)->name);
	for (uint32_t i = 0; i < type->rank; i++)
		clade_string_print(&printer->text, "%s%s", i ? ", " : "",
				   clade_dims_text(printer->ir->pool, type->dims[i], dim, sizeof(dim)));
	clade_string_print(&printer->text, "]");
}

static void print_number(struct printer *printer, double value, enum clade_dtype dtype)
{
	char number[40];

	if (dtype == CLADE_BOOL)
		clade_string_print(&printer->text, "%s", value != 0 ? "true" : "false");
	else if (dtype == CLADE_I32)
		clade_string_print(&printer->text, "%lld", (long long)value);
	else
		clade_string_print(&printer->text, "%s", clade_number_text(value, true, number, sizeof(number)));
}

static void print_value(struct printer *printer, uint32_t id)
{
	const struct clade_ir_value *value;

	if (id == CLADE_IR_NONE) {
		clade_string_print(&printer->text, "none");
		return;
	}
	value = &printer->ir->values[id];
	if (value->kind == CLADE_IR_CONST)
		print_number(printer, value->constant, value->type.dtype);
	else
		print_name(printer,
			   value->state != CLADE_IR_NONE ? printer->ir->states[value->state].name : value->path);
}

static void print_attr(struct printer *printer, const struct clade_attr *attr, const void *params)
{
	const char *place = (const char *)params + attr->offset;
	struct clade_dims dims;
	int64_t integer;
	int32_t word;
	float single;
	bool flag;
	char text[512];

	switch (attr->type) {
	case CLADE_ATTR_BOOL:
		memcpy(&flag, place, sizeof(flag));
		clade_string_print(&printer->text, "%s", flag ? "true" : "false");
		break;
	case CLADE_ATTR_INT:
		memcpy(&integer, place, sizeof(integer));
		clade_string_print(&printer->text, "%lld", (long long)integer);
		break;
	case CLADE_ATTR_FLOAT:
		memcpy(&single, place, sizeof(single));
		clade_string_print(&printer->text, "%s", clade_number_text((double)single, true, text, sizeof(text)));
		break;
	case CLADE_ATTR_WORD:
		memcpy(&word, place, sizeof(word));
		print_string(printer, attr->words[word]);
		break;
	case CLADE_ATTR_DIM:
		memcpy(&integer, place, sizeof(integer));
		clade_string_print(&printer->text, "%s",
				   clade_dims_text(printer->ir->pool, integer, text, sizeof(text)));
		break;
	case CLADE_ATTR_DIMS:
		memcpy(&dims, place, sizeof(dims));
		clade_string_print(&printer->text, "[");
		for (int64_t i = 0; i < dims.count; i++)
			clade_string_print(&printer->text, "%s%s", i ? ", " : "",
					   clade_dims_text(printer->ir->pool, dims.dims[i], text, sizeof(text)));
		clade_string_print(&printer->text, "]");
		break;
	}
}

/* Only attributes that differ from their default are written. */
static bool is_default(const struct clade_op *op, const struct clade_attr *attr, const void *params, void *defaults)
{
	static const size_t sizes[] = {
		[CLADE_ATTR_BOOL] = sizeof(bool),   [CLADE_ATTR_INT] = sizeof(int64_t),
		[CLADE_ATTR_FLOAT] = sizeof(float), [CLADE_ATTR_WORD] = sizeof(int32_t),
		[CLADE_ATTR_DIM] = sizeof(int64_t), [CLADE_ATTR_DIMS] = sizeof(struct clade_dims)
	};

	return !attr->required && memcmp((const char *)params + attr->offset, (const char *)defaults + attr->offset,
					 sizes[attr->type]) == 0;
}

static void print_attrs(struct printer *printer, const struct clade_op *op, const void *params, bool first)
{
	void *defaults = op->params_size ? clade_alloc(printer->text.context, op->params_size) : NULL;

	if (op->params_size && !defaults) {
		printer->text.failed = true;
		return;
	}
	if (defaults)
		clade_params_default(op, defaults);
	for (size_t i = 0; op->attrs && op->attrs[i]; i++) {
		if (is_default(op, op->attrs[i], params, defaults))
			continue;
		clade_string_print(&printer->text, "%s%s = ", first ? "" : ", ", op->attrs[i]->name);
		print_attr(printer, op->attrs[i], params);
		first = false;
	}
	clade_free(printer->text.context, defaults);
}

/* Positional up to the first gap, by name after it. */
static void print_inputs(struct printer *printer, const struct clade_op *op, const uint32_t *inputs, uint32_t from,
			 uint32_t count, bool named, bool *first)
{
	bool gap = named;

	for (uint32_t i = from; i < count; i++) {
		if (inputs[i] == CLADE_IR_NONE) {
			gap = true;
			continue;
		}
		clade_string_print(&printer->text, "%s", *first ? "" : ", ");
		if (gap)
			clade_string_print(&printer->text, "%s = ", op->ports[i]->name);
		print_value(printer, inputs[i]);
		*first = false;
	}
}

static void print_pin(struct printer *printer, const char *pin, const char *after)
{
	clade_string_print(&printer->text, "@impl(");
	print_string(printer, pin);
	clade_string_print(&printer->text, ")%s", after);
}

static bool same_pin(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void print_node(struct printer *printer, const struct clade_ir_node *node)
{
	const struct clade_ir *ir = printer->ir;
	const struct clade_ir_value *result = &ir->values[node->outputs[0]];
	bool writes = result->state != CLADE_IR_NONE, first = true;

	indent(printer);
	if (!same_pin(node->pin, ir->boxes[node->box].pin))
		print_pin(printer, node->pin, " ");
	if (writes) {
		print_name(printer, ir->states[result->state].name);
		clade_string_print(&printer->text, " <- ");
	} else {
		for (uint32_t i = 0; i < node->output_count; i++) {
			clade_string_print(&printer->text, "%s", i ? ", " : "");
			print_name(printer, ir->values[node->outputs[i]].path);
		}
		clade_string_print(&printer->text, " = ");
	}
	clade_string_print(&printer->text, "%s(", node->op->name);
	print_inputs(printer, node->op, node->inputs, writes, node->input_count, false, &first);
	print_attrs(printer, node->op, node->params, first);
	clade_string_print(&printer->text, ")\n");
}

static void open_box(struct printer *printer, const struct clade_ir_box *box)
{
	bool first = true;

	indent(printer);
	if (!same_pin(box->pin, printer->ir->boxes[box->parent].pin))
		print_pin(printer, box->pin, " ");
	clade_string_print(&printer->text, "box ");
	print_name(printer, box->path);
	if (box->block) {
		clade_string_print(&printer->text, " = %s(", box->block);
		if (box->op) {
			print_inputs(printer, box->op, box->inputs, 0, box->input_count, true, &first);
			print_attrs(printer, box->op, box->params, first);
		}
		for (uint32_t i = 0; !box->op && i < box->input_count; i++) {
			clade_string_print(&printer->text, "%s", i ? ", " : "");
			print_value(printer, box->inputs[i]);
		}
		clade_string_print(&printer->text, ")");
		first = true;
		for (uint32_t i = 0; i < box->output_count; i++) {
			if (box->op && clade_op_state_input(box->op, i) >= 0)
				continue; /* what it writes is no result of the block's text */
			clade_string_print(&printer->text, "%s", first ? " -> " : ", ");
			first = false;
			print_value(printer, box->outputs[i]);
		}
	}
	clade_string_print(&printer->text, " {\n");
	printer->depth++;
}

/* The nodes and inner boxes of box `number`; boxes are stored in the order in which they open. */
static void print_box(struct printer *printer, uint32_t number)
{
	const struct clade_ir *ir = printer->ir;
	uint32_t node = ir->boxes[number].first_node, last = ir->boxes[number].last_node;

	printer->box = number + 1;
	for (;;) {
		uint32_t inner = printer->box;

		if (inner < ir->box_count && ir->boxes[inner].parent == number && ir->boxes[inner].first_node <= node &&
		    ir->boxes[inner].last_node <= last) {
			open_box(printer, &ir->boxes[inner]);
			node = ir->boxes[inner].last_node;
			print_box(printer, inner);
			printer->depth--;
			indent(printer);
			clade_string_print(&printer->text, "}\n");
		} else if (node < last) {
			print_node(printer, &ir->nodes[node++]);
		} else {
			break;
		}
	}
}

static void print_entry(struct printer *printer, const struct clade_ir_entry *entry)
{
	const struct clade_ir *ir = printer->ir;

	clade_string_print(&printer->text, "\n");
	if (ir->boxes[entry->root_box].pin)
		print_pin(printer, ir->boxes[entry->root_box].pin, "\n");
	clade_string_print(&printer->text, "entry %s", entry->name);
	if (entry->after != CLADE_IR_NONE)
		clade_string_print(&printer->text, " after %s", ir->entries[entry->after].name);
	if (entry->chunk_dim != CLADE_IR_NONE)
		clade_string_print(&printer->text, " chunk %s", ir->dims[entry->chunk_dim].name);
	clade_string_print(&printer->text, " {\n");
	printer->depth = 1;
	for (uint32_t i = 0; i < entry->input_count; i++) {
		const struct clade_ir_input *input = &entry->inputs[i];

		clade_string_print(&printer->text, "\tinput %s : ", input->name);
		print_type(printer, &input->type);
		if (input->default_kind == CLADE_DEFAULT_RANGE)
			clade_string_print(&printer->text, " = range");
		if (input->default_mask != CLADE_IR_NONE)
			clade_string_print(&printer->text, "(%s)", entry->inputs[input->default_mask].name);
		if (input->default_kind == CLADE_DEFAULT_CONST) {
			clade_string_print(&printer->text, " = ");
			print_number(printer, input->default_value, input->type.dtype);
		}
		clade_string_print(&printer->text, "\n");
	}
	print_box(printer, entry->root_box);
	for (uint32_t i = 0; i < entry->output_count; i++) {
		clade_string_print(&printer->text, "\toutput %s : ", entry->outputs[i].name);
		print_type(printer, &ir->values[entry->outputs[i].value].type);
		clade_string_print(&printer->text, " = ");
		print_value(printer, entry->outputs[i].value);
		clade_string_print(&printer->text, "\n");
	}
	clade_string_print(&printer->text, "}\n");
}

static void print_state(struct printer *printer, const struct clade_ir_state *state)
{
	struct clade_type type = state->type;

	clade_string_print(&printer->text, "state ");
	print_name(printer, state->name);
	clade_string_print(&printer->text, " : ");
	if (state->is_cache) { /* cache[batch, heads, width] */
		char dims[3][512];
		const int64_t codes[3] = { type.dims[0], type.dims[1], type.dims[3] };

		for (int i = 0; i < 3; i++)
			clade_dims_text(printer->ir->pool, codes[i], dims[i], sizeof(dims[i]));
		clade_string_print(&printer->text, "cache[%s, %s, %s]", dims[0], dims[1], dims[2]);
		if (state->window)
			clade_string_print(&printer->text, " window %lld", (long long)state->window);
		clade_string_print(&printer->text, "\n");
		return;
	}
	if (type.dtype == CLADE_F16) /* as the file declares it: f16 is not the graph's choice */
		type.dtype = CLADE_F32;
	print_type(printer, &type);
	clade_string_print(&printer->text, "\n");
}

static void print_meta(struct printer *printer, const struct clade_meta_line *line)
{
	char number[40];

	clade_string_print(&printer->text, "meta ");
	print_string(printer, line->key);
	clade_string_print(&printer->text, " = ");
	switch (line->value.kind) {
	case CLADE_META_BOOL:
		clade_string_print(&printer->text, "%s", line->value.i ? "true" : "false");
		break;
	case CLADE_META_INT:
		clade_string_print(&printer->text, "%lld", (long long)line->value.i);
		break;
	case CLADE_META_FLOAT:
		clade_string_print(&printer->text, "%s",
				   clade_number_text(line->value.f, false, number, sizeof(number)));
		break;
	default:
		print_string(printer, line->value.s);
		break;
	}
	clade_string_print(&printer->text, "\n");
}

/* The library files whose blocks are in the graph: they say which body a box has to have for its block's
 * implementations. */
static void print_includes(struct printer *printer)
{
	const struct clade_ir *ir = printer->ir;

	for (uint32_t i = 0; i < ir->box_count; i++) {
		bool seen = !ir->boxes[i].op;

		for (uint32_t j = 0; j < i && !seen; j++)
			seen = ir->boxes[j].op && ir->boxes[j].library == ir->boxes[i].library;
		if (!seen)
			clade_string_print(&printer->text, "include \"%s\"\n", ir->boxes[i].library);
	}
}

static void print_declarations(struct printer *printer)
{
	const struct clade_graph *graph = printer->graph;
	const struct clade_ir *ir = printer->ir;

	for (uint32_t i = 0; i < ir->dim_count; i++)
		if (ir->dims[i].cache_rows == 0) { /* the others come with the caches */
			char text[256];
			const struct clade_ir_dim *dim = &ir->dims[i];

			clade_string_print(
				&printer->text, "dim %s : %s%s%s\n", dim->name,
				dim->dim_class == CLADE_DIM_SESSION ? "session" : "run", dim->has_default ? " = " : "",
				dim->has_default ? clade_ir_dim_text(ir, dim->default_code, text, sizeof(text)) : "");
		}
	for (uint32_t i = 0; i < graph->meta_count; i++)
		print_meta(printer, &graph->metas[i]);
	for (uint32_t i = 0; i < ir->weight_count; i++) {
		clade_string_print(&printer->text, "weight ");
		print_name(printer, ir->weights[i].name);
		clade_string_print(&printer->text, " : ");
		print_type(printer, graph->trees[i] ? &graph->trees[i]->type : &ir->weights[i].type);
		clade_string_print(&printer->text, "\n");
	}
	for (uint32_t i = 0; i < ir->state_count; i++)
		print_state(printer, &ir->states[i]);
	if (!graph->source)
		return;
	clade_string_print(&printer->text, "\nsource %s {\n", graph->source);
	for (uint32_t i = 0; i < ir->weight_count; i++) {
		if (!graph->trees[i])
			continue;
		clade_string_print(&printer->text, "\t");
		print_name(printer, ir->weights[i].name);
		clade_string_print(&printer->text, " = ");
		clade_weight_print(graph->trees[i], &printer->text);
		clade_string_print(&printer->text, "\n");
	}
	clade_string_print(&printer->text, "}\n");
}

enum clade_status clade_graph_flatten(const struct clade_graph *graph, char **out_text, struct clade_diag *diag)
{
	struct printer printer = { .graph = graph, .ir = &graph->ir, .text = { .context = graph->context } };

	*out_text = NULL;
	clade_string_print(&printer.text, "clade 1\nmodel ");
	print_string(&printer, graph->ir.model);
	clade_string_print(&printer.text, "\n");
	print_includes(&printer);
	print_declarations(&printer);
	for (uint32_t i = 0; i < graph->ir.entry_count; i++)
		print_entry(&printer, &graph->ir.entries[i]);
	return clade_string_take(&printer.text, out_text, diag);
}

/* ---- Graphviz ---- */
static void dot_escape(struct printer *printer, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			clade_string_add(&printer->text, "\\", 1);
		clade_string_add(&printer->text, text, 1);
	}
}

static void dot_box(struct printer *printer, uint32_t number)
{
	const struct clade_ir *ir = printer->ir;
	const struct clade_ir_box *box = &ir->boxes[number];
	uint32_t node = box->first_node;

	clade_string_print(&printer->text, "subgraph cluster_%u {\nlabel=\"", number);
	dot_escape(printer, *box->path ? box->path : "");
	if (box->block)
		clade_string_print(&printer->text, " (%s)", box->block);
	clade_string_print(&printer->text, "\";\n");
	printer->box = number + 1;
	for (;;) {
		uint32_t inner = printer->box;

		if (inner < ir->box_count && ir->boxes[inner].parent == number && ir->boxes[inner].first_node <= node) {
			node = ir->boxes[inner].last_node;
			dot_box(printer, inner);
		} else if (node < box->last_node) {
			clade_string_print(&printer->text, "n%u [label=\"", node);
			dot_escape(printer, strrchr(ir->nodes[node].path, '/') ? strrchr(ir->nodes[node].path, '/') + 1
									       : ir->nodes[node].path);
			clade_string_print(&printer->text, "\\n%s\"];\n", ir->nodes[node].op->name);
			node++;
		} else {
			break;
		}
	}
	clade_string_print(&printer->text, "}\n");
}

/* Weights and states are drawn once, with the nodes that use them. */
static void dot_edges(struct printer *printer, const struct clade_ir_node *node, uint32_t number)
{
	const struct clade_ir *ir = printer->ir;

	for (uint32_t i = 0; i < node->input_count; i++) {
		const struct clade_ir_value *value =
			node->inputs[i] == CLADE_IR_NONE ? NULL : &ir->values[node->inputs[i]];

		if (!value || value->kind == CLADE_IR_CONST)
			continue;
		if (value->kind == CLADE_IR_NODE) {
			clade_string_print(&printer->text, "n%u -> n%u;\n", value->node, number);
			continue;
		}
		clade_string_print(&printer->text, "v%u [shape=%s, label=\"", node->inputs[i],
				   value->kind == CLADE_IR_INPUT    ? "oval"
				   : value->kind == CLADE_IR_WEIGHT ? "note"
								    : "cylinder");
		dot_escape(printer, value->path);
		clade_string_print(&printer->text, "\"];\nv%u -> n%u;\n", node->inputs[i], number);
	}
}

enum clade_status clade_graph_dot(const struct clade_graph *graph, char **out_text, struct clade_diag *diag)
{
	struct printer printer = { .graph = graph, .ir = &graph->ir, .text = { .context = graph->context } };
	const struct clade_ir *ir = &graph->ir;

	*out_text = NULL;
	clade_string_print(&printer.text, "digraph \"");
	dot_escape(&printer, ir->model);
	clade_string_print(&printer.text, "\" {\nnode [shape=box];\n");
	for (uint32_t i = 0; i < ir->entry_count; i++) {
		const struct clade_ir_entry *entry = &ir->entries[i];

		clade_string_print(&printer.text, "subgraph cluster_entry_%u {\nlabel=\"entry %s\";\n", i, entry->name);
		dot_box(&printer, entry->root_box);
		clade_string_print(&printer.text, "}\n");
		for (uint32_t o = 0; o < entry->output_count; o++) {
			const struct clade_ir_value *value = &ir->values[entry->outputs[o].value];

			if (value->kind == CLADE_IR_NODE)
				clade_string_print(&printer.text,
						   "o%u_%u [shape=oval, label=\"%s\"];\nn%u -> o%u_%u;\n", i, o,
						   entry->outputs[o].name, value->node, i, o);
		}
	}
	for (uint32_t n = 0; n < ir->node_count; n++)
		dot_edges(&printer, &ir->nodes[n], n);
	clade_string_print(&printer.text, "}\n");
	return clade_string_take(&printer.text, out_text, diag);
}

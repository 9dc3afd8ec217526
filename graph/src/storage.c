/* SPDX-License-Identifier: MIT */
/* Which weights stay in the type that their files store them in, and which states are kept as f16: decided from the
 * graph alone, so that every device computes with the same numbers in the same order. */
#include "front.h"

#include <string.h>

#include <clade/messages.h>

/* The number of elements behind one step of an axis: whole rows of the last axis, or not. */
static bool moves_rows(const struct clade_weight_tree *tree)
{
	switch (tree->kind) {
	case CLADE_WEIGHT_TENSOR:
	case CLADE_WEIGHT_RESHAPE: /* the order of elements stays */
	case CLADE_WEIGHT_STACK:
		return tree->type.rank >= 1;
	case CLADE_WEIGHT_SLICE:
	case CLADE_WEIGHT_CONCAT:
		return tree->axis + 1 < tree->type.rank;
	case CLADE_WEIGHT_HALVES:
	case CLADE_WEIGHT_PAIRS:
		return tree->type.rank >= 2;
	default:
		return false;
	}
}

enum clade_dtype clade_weight_storage(const struct clade_weight_tree *tree)
{
	enum clade_dtype dtype = tree->type.dtype;

	if (tree->kind == CLADE_WEIGHT_TENSOR)
		(void)clade_dtype_from_name(tree->tensor->encoding, &dtype);
	else if (tree->kid_count && moves_rows(tree))
		dtype = clade_weight_storage(tree->kids[0]);
	for (uint32_t i = 1; i < tree->kid_count; i++)
		if (clade_weight_storage(tree->kids[i]) != dtype)
			return tree->type.dtype;
	/* Every kid's rows are whole blocks as well: a kid of another length of rows has passed here itself. */
	if (!clade_dtype_is_storage(dtype) || !moves_rows(tree) ||
	    tree->type.dims[tree->type.rank - 1] % clade_dtype_info(dtype)->block)
		return tree->type.dtype;
	return dtype;
}

void clade_weight_expand(struct clade_ir_weight *weight, enum clade_expanded why, const char *path, const char *op,
			 const char *port, const char *impl)
{
	weight->type.dtype = CLADE_F32;
	weight->expanded = why;
	weight->user_path = path;
	weight->user_op = op;
	weight->user_port = port;
	weight->user_impl = impl;
}

/* The port that input `index` of a node goes to; NULL: none has such a number. */
static const struct clade_port *port_of(const struct clade_op *op, uint32_t index)
{
	for (const struct clade_port *const *port = op->ports; *port && (*port)->flags & CLADE_IN; port++)
		if (index-- == 0 || (*port)->flags & CLADE_VARIADIC)
			return *port;
	return NULL;
}

static const char *encoding_of(const struct clade_weight_tree *tree)
{
	const char *found = tree->kind == CLADE_WEIGHT_TENSOR ? tree->tensor->encoding : NULL;

	for (uint32_t i = 0; i < tree->kid_count && (!found || !strcmp(found, "f32")); i++) {
		const char *kid = encoding_of(tree->kids[i]);

		found = kid ? kid : found;
	}
	return found;
}

const char *clade_graph_weight_encoding(const struct clade_graph *graph, uint32_t weight)
{
	return graph->trees[weight] ? encoding_of(graph->trees[weight]) : NULL;
}

static void store_as_file(struct clade_graph *graph, uint32_t w)
{
	struct clade_ir_weight *weight = &graph->ir.weights[w];
	const char *encoding = clade_graph_weight_encoding(graph, w);
	enum clade_dtype dtype;
	bool known = encoding && clade_dtype_from_name(encoding, &dtype);

	if (!graph->trees[w])
		return;
	weight->type.dtype = clade_weight_storage(graph->trees[w]);
	if (!encoding || weight->type.dtype != CLADE_F32 || (known && dtype == CLADE_F32))
		return;
	weight->expanded = known && clade_dtype_is_storage(dtype) ? CLADE_EXPANDED_PARTS : CLADE_EXPANDED_TYPE;
}

void clade_graph_store_weights(struct clade_graph *graph)
{
	struct clade_ir *ir = &graph->ir;

	for (uint32_t w = 0; w < ir->weight_count; w++)
		store_as_file(graph, w);
	for (uint32_t n = 0; n < ir->node_count; n++)
		for (uint32_t i = 0; i < ir->nodes[n].input_count; i++) {
			uint32_t value = ir->nodes[n].inputs[i];
			const struct clade_port *port = port_of(ir->nodes[n].op, i);
			struct clade_ir_weight *weight;

			if (value == CLADE_IR_NONE || ir->values[value].kind != CLADE_IR_WEIGHT)
				continue;
			weight = &ir->weights[ir->values[value].index];
			if (clade_dtype_is_storage(weight->type.dtype) &&
			    (!port || !(port->flags & CLADE_STORED) ||
			     !(port->dtypes & CLADE_DTYPE_BIT(weight->type.dtype))))
				clade_weight_expand(weight, CLADE_EXPANDED_NODE, ir->nodes[n].path,
						    ir->nodes[n].op->name, port ? port->name : NULL, NULL);
		}
	/* What a caller reads is f32. */
	for (uint32_t e = 0; e < ir->entry_count; e++)
		for (uint32_t i = 0; i < ir->entries[e].output_count; i++) {
			const struct clade_ir_value *value = &ir->values[ir->entries[e].outputs[i].value];

			if (value->kind == CLADE_IR_WEIGHT &&
			    clade_dtype_is_storage(ir->weights[value->index].type.dtype))
				clade_weight_expand(&ir->weights[value->index], CLADE_EXPANDED_OUTPUT, NULL, NULL, NULL,
						    NULL);
		}
	for (uint32_t w = 0; w < ir->weight_count; w++)
		ir->values[ir->weights[w].value].type.dtype = ir->weights[w].type.dtype;
}

/* The state that a value lives in, whatever its version. */
static uint32_t state_of(const struct clade_ir_value *value)
{
	return value->kind == CLADE_IR_STATE ? value->index : value->state;
}

/* Input `index` of a node: a port that takes a state as `dtype`. */
static bool takes(const struct clade_ir_node *node, uint32_t index, enum clade_dtype dtype)
{
	const struct clade_port *port = port_of(node->op, index);

	return port && port->flags & CLADE_KEPT && port->dtypes & CLADE_DTYPE_BIT(dtype);
}

/* States that something else than such ports reads are out. */
static void rule_out(const struct clade_ir *ir, enum clade_dtype dtype, bool *kept)
{
	for (uint32_t n = 0; n < ir->node_count; n++)
		for (uint32_t i = 0; i < ir->nodes[n].input_count; i++) {
			uint32_t value = ir->nodes[n].inputs[i];
			uint32_t state = value == CLADE_IR_NONE ? CLADE_IR_NONE : state_of(&ir->values[value]);

			if (state != CLADE_IR_NONE && !takes(&ir->nodes[n], i, dtype))
				kept[state] = false;
		}
	for (uint32_t e = 0; e < ir->entry_count; e++)
		for (uint32_t i = 0; i < ir->entries[e].output_count; i++) {
			uint32_t state = state_of(&ir->values[ir->entries[e].outputs[i].value]);

			if (state != CLADE_IR_NONE)
				kept[state] = false; /* what a caller reads is f32 */
		}
}

/* What meets at such ports of one node is of one type: keys and values are kept alike. False: nothing has changed. */
static bool rule_out_partners(const struct clade_ir *ir, enum clade_dtype dtype, bool *kept)
{
	bool changed = false;

	for (uint32_t n = 0; n < ir->node_count; n++) {
		const struct clade_ir_node *node = &ir->nodes[n];
		bool all = true;

		for (int turn = 0; turn < 2; turn++)
			for (uint32_t i = 0; i < node->input_count; i++) {
				uint32_t state = node->inputs[i] == CLADE_IR_NONE
							 ? CLADE_IR_NONE
							 : state_of(&ir->values[node->inputs[i]]);

				if (node->inputs[i] == CLADE_IR_NONE || !takes(node, i, dtype))
					continue;
				if (turn == 0) {
					all &= state != CLADE_IR_NONE && kept[state];
				} else if (!all && state != CLADE_IR_NONE && kept[state]) {
					kept[state] = false;
					changed = true;
				}
			}
	}
	return changed;
}

enum clade_status clade_graph_store_states(struct clade_graph *graph, enum clade_dtype dtype, struct clade_diag *diag)
{
	struct clade_ir *ir = &graph->ir;
	bool *kept;

	if (dtype != CLADE_F32 && dtype != CLADE_F16)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, "clade_graph_create",
				  "states are kept as f32 or f16");
	if (dtype == CLADE_F32)
		return CLADE_OK;
	kept = clade_alloc(graph->context, ir->state_count + 1);
	if (!kept)
		return clade_fail_memory(diag, ir->state_count, "states");
	for (uint32_t s = 0; s < ir->state_count; s++)
		kept[s] = ir->states[s].type.dtype == CLADE_F32;
	rule_out(ir, dtype, kept);
	while (rule_out_partners(ir, dtype, kept))
		;
	for (uint32_t v = 0; v < ir->value_count; v++)
		if (state_of(&ir->values[v]) != CLADE_IR_NONE && kept[state_of(&ir->values[v])])
			ir->values[v].type.dtype = dtype;
	for (uint32_t s = 0; s < ir->state_count; s++)
		if (kept[s])
			ir->states[s].type.dtype = dtype;
	clade_free(graph->context, kept);
	return CLADE_OK;
}

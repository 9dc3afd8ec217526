/* SPDX-License-Identifier: MIT */
/* Weights that an implementation does not read as they are stored, though a rule, a lock line or a pin names it: the
 * session then has them as f32. Decided from names alone, before anything is asked, so that every device computes with
 * the same numbers. */
#include "widen.h"

#include <string.h>

/* The session's graph: its own values and weights, everything else shared with `graph`, which outlives it. */
static enum clade_status copy_graph(const struct clade_graph *graph, struct clade_graph **out, struct clade_diag *diag)
{
	struct clade_context *context = graph->context;
	size_t values = graph->ir.value_count * sizeof(*graph->ir.values);
	size_t weights = graph->ir.weight_count * sizeof(*graph->ir.weights);
	struct clade_graph *copy = clade_alloc(context, sizeof(*copy));

	*out = copy;
	if (!copy)
		return clade_fail_memory(diag, sizeof(*copy), "a graph");
	*copy = *graph;
	copy->ir.values = clade_alloc(context, values + 1);
	copy->ir.weights = clade_alloc(context, weights + 1);
	if (!copy->ir.values || !copy->ir.weights) {
		clade_graph_widened_destroy(out);
		return clade_fail_memory(diag, values + weights, "a graph");
	}
	memcpy(copy->ir.values, graph->ir.values, values);
	memcpy(copy->ir.weights, graph->ir.weights, weights);
	return CLADE_OK;
}

void clade_graph_widened_destroy(struct clade_graph **graph)
{
	if (!*graph)
		return;
	clade_free((*graph)->context, (*graph)->ir.values);
	clade_free((*graph)->context, (*graph)->ir.weights);
	clade_free((*graph)->context, *graph);
	*graph = NULL;
}

/* What `impl` cannot read of `inputs`, the values of a node or box. */
static enum clade_status widen_inputs(const struct clade_graph *graph, const struct clade_impl *impl, const char *path,
				      const uint32_t *inputs, uint32_t count, struct clade_graph **out,
				      struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < count && !status; i++) {
		const struct clade_ir_value *value = inputs[i] == CLADE_IR_NONE ? NULL : &graph->ir.values[inputs[i]];

		if (!value || value->kind != CLADE_IR_WEIGHT || !clade_dtype_is_storage(value->type.dtype) ||
		    impl->weight_dtypes & CLADE_DTYPE_BIT(value->type.dtype))
			continue;
		if (!*out)
			status = copy_graph(graph, out, diag);
		if (status)
			break;
		(*out)->ir.values[inputs[i]].type.dtype = CLADE_F32;
		clade_weight_expand(&(*out)->ir.weights[value->index], CLADE_EXPANDED_NAMED, path, impl->op, NULL,
				    impl->name);
	}
	return status;
}

enum clade_status clade_graph_widen(const struct clade_graph *graph, const struct clade_rules *rules,
				    struct clade_graph **out_graph, struct clade_diag *diag)
{
	const struct clade_ir *ir = &graph->ir;
	enum clade_status status = CLADE_OK;
	const struct clade_impl *impl;

	*out_graph = NULL;
	for (uint32_t n = 0; n < ir->node_count && !status; n++)
		if ((impl = clade_rules_node_impl(rules, ir, n)))
			status = widen_inputs(graph, impl, ir->nodes[n].path, ir->nodes[n].inputs,
					      ir->nodes[n].input_count, out_graph, diag);
	for (uint32_t b = 0; b < ir->box_count && !status; b++)
		if ((impl = clade_rules_box_impl(rules, ir, b)))
			status = widen_inputs(graph, impl, ir->boxes[b].path, ir->boxes[b].inputs,
					      ir->boxes[b].input_count, out_graph, diag);
	if (status)
		clade_graph_widened_destroy(out_graph);
	return status;
}

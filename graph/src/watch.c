/* SPDX-License-Identifier: MIT */
/* Values inside a graph that somebody wants to see: each becomes an output, named by its path, so that planning opens
 * the blocks around it and keeps its memory. */
#include "choose.h"
#include "front.h"

#include <clade/messages.h>

#include <stdio.h>
#include <string.h>

/* A pattern without slash also matches OP.PORT: "attention.weights". */
static bool is_watched(const struct clade_ir *ir, const char *pattern, uint32_t value)
{
	const struct clade_ir_value *v = &ir->values[value];
	const struct clade_op *op = ir->nodes[v->node].op;
	char name[256];
	uint32_t outputs = 0;

	if (clade_glob(pattern, v->path))
		return true;
	if (strchr(pattern, '/'))
		return false;
	for (uint32_t i = 0; op->ports[i]; i++) {
		if (!(op->ports[i]->flags & CLADE_OUT))
			continue;
		if (outputs++ == v->port) {
			snprintf(name, sizeof(name), "%s.%s", op->name, op->ports[i]->name);
			return clade_glob(pattern, name);
		}
	}
	return false;
}

/* The file's own output of this value, which needs no second one. */
static struct clade_ir_output *find_output(const struct clade_ir_entry *entry, uint32_t value)
{
	for (uint32_t i = 0; i < entry->output_count; i++)
		if (entry->outputs[i].value == value)
			return &entry->outputs[i];
	return NULL;
}

/* With `outputs` NULL only counts. */
static uint32_t collect(const struct clade_ir *ir, const struct clade_ir_entry *entry, const char *const *patterns,
			bool *hit, struct clade_ir_output *outputs)
{
	uint32_t count = 0;

	for (uint32_t n = entry->first_node; n < entry->last_node; n++)
		for (uint32_t o = 0; o < ir->nodes[n].output_count; o++) {
			uint32_t value = ir->nodes[n].outputs[o];
			bool watched = false;

			for (size_t p = 0; patterns[p]; p++)
				if (is_watched(ir, patterns[p], value))
					watched = hit[p] = true;
			if (!watched)
				continue;
			if (find_output(entry, value)) {
				find_output(entry, value)->watched = true;
				continue;
			}
			if (outputs)
				outputs[count] = (struct clade_ir_output) { ir->values[value].path, value, true };
			count++;
		}
	return count;
}

static enum clade_status extend(struct clade_graph *graph, struct clade_ir_entry *entry, const char *const *patterns,
				bool *hit, struct clade_diag *diag)
{
	uint32_t added = collect(&graph->ir, entry, patterns, hit, NULL), before = entry->output_count;
	struct clade_ir_output *outputs;

	if (!added)
		return CLADE_OK;
	outputs = clade_region_array(&graph->region, before + added, sizeof(*outputs), diag);
	if (!outputs)
		return CLADE_ERR_MEMORY;
	memcpy(outputs, entry->outputs, before * sizeof(*outputs));
	collect(&graph->ir, entry, patterns, hit, outputs + before);
	entry->outputs = outputs;
	entry->output_count = before + added;
	return CLADE_OK;
}

static enum clade_status fail_no_match(const struct clade_ir *ir, const char *pattern, struct clade_diag *diag)
{
	const char *nearest = NULL, *words[2] = { NULL };

	for (uint32_t i = 0; i < ir->value_count; i++) { /* two at a time: any number of values, no memory */
		if (ir->values[i].kind != CLADE_IR_NODE)
			continue;
		words[0] = nearest;
		words[1] = ir->values[i].path;
		nearest = nearest ? clade_nearest(pattern, words, 2) : clade_nearest(pattern, words + 1, 1);
	}
	return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_GRAPH_WATCH, pattern,
			  "no value inside the graph has this path; `clade check --flatten` prints the paths%s%s%s",
			  nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

enum clade_status clade_watch_values(struct clade_graph *graph, const char *const *patterns, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;
	size_t count = 0;
	bool *hit;

	while (patterns[count])
		count++;
	hit = clade_alloc(graph->context, count + 1);
	if (!hit)
		return clade_fail_memory(diag, count, "watched values");
	for (uint32_t e = 0; e < graph->ir.entry_count && !status; e++)
		status = extend(graph, &graph->ir.entries[e], patterns, hit, diag);
	for (size_t p = 0; p < count && !status; p++)
		if (!hit[p])
			status = fail_no_match(&graph->ir, patterns[p], diag);
	clade_free(graph->context, hit);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Nodes of a model's plans as cases of single ops. */
#ifndef CLADE_TOOL_NODES_H
#define CLADE_TOOL_NODES_H

#include "model.h"
#include "search.h"

struct search_nodes {
	struct search_node *items;
	size_t count;
};
/* Adds a node unless one with its key is there (whose count grows). */
enum clade_status nodes_add(struct tool *tool, struct search_nodes *nodes, const struct clade_op *op,
			    const struct clade_node_info *info, double count);
/* Plans the model's entries for prompts of each bucket and for generation, without reading a weight, and collects what
 * has more than one way to run. */
enum clade_status nodes_of_model(struct tool *tool, const struct model *model, struct clade_session *session,
				 struct search_nodes *out);
/* The op's own cases, or `shapes` put into them. */
enum clade_status nodes_of_op(struct tool *tool, const struct clade_op *op, const struct clade_device_info *device,
			      struct search_nodes *out);
void nodes_finish(struct search_nodes *nodes);

#endif

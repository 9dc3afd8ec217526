/* SPDX-License-Identifier: MIT */
/* The tree of blocks of a graph: nodes, parameters and bytes of each. */
#ifndef CLADE_TOOL_BLOCKS_H
#define CLADE_TOOL_BLOCKS_H

#include "model.h"

/* A tree an entry; blocks beside each other that are alike are one line. */
enum clade_status print_blocks(struct tool *tool, const struct clade_graph *graph);
/* A flat list, each with its entry; scopes such as `layers.0` have "block": null. NULL: out of memory. */
json_t *blocks_json(const struct clade_graph *graph);

#endif

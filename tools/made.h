/* SPDX-License-Identifier: MIT */
/* Inputs that the program makes itself, for runs without --in. */
#ifndef CLADE_TOOL_MADE_H
#define CLADE_TOOL_MADE_H

#include "input.h"
#include "model.h"

/* Dims by name, in the order in which they were first met. */
struct dim_values {
	char names[32][64];
	int64_t values[32];
	size_t count;
};
/* Reads "B=2" words. */
enum clade_status dim_values_parse(struct tool *tool, const struct words *words, struct dim_values *out);
/* Gives the symbolic dims of a port's first `count` axes these values. */
enum clade_status dim_values_set(struct tool *tool, const struct model *model, const struct clade_graph_port *port,
				 const int64_t *values, uint32_t count, struct dim_values *dims);
/* An array for an input: masks of ones, positions counting from 0, ids within the vocabulary, else numbers between -1
 * and 1. Dims without a value get one (and keep it). Deterministic in `seed` and the input's name. */
enum clade_status make_input(struct tool *tool, const struct model *model, const struct clade_graph_port *port,
			     uint64_t seed, struct dim_values *dims, struct array *out);
#endif

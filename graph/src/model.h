/* SPDX-License-Identifier: MIT */
/* Between the front (parse, expand) and the back (plan, session): the expanded graph and how to read a weight. */
#ifndef CLADE_MODEL_H
#define CLADE_MODEL_H

#include "ir.h"
#include <clade/graph.h>

const struct clade_ir *clade_graph_ir(const struct clade_graph *graph);
struct clade_context *clade_graph_context(const struct clade_graph *graph);
/* How the files store the weight: the word of the first tensor that it is made of and that is not f32, else "f32";
 * NULL: the graph was opened without files. */
const char *clade_graph_weight_encoding(const struct clade_graph *graph, uint32_t weight);
/* Evaluates the source expression of weight `index` and hands its rows [first, first + rows), all if `rows` < 0, in
 * order, dense and in the weight's dtype to `sink`: rows of the last axis, [first, first + count). Memory: bounded by
 * what one source tensor's transposition needs. Several threads may read at once. */
typedef enum clade_status clade_weight_sink_fn(void *user, int64_t first, int64_t count, const void *rows,
					       struct clade_diag *diag);
enum clade_status clade_graph_read_weight(const struct clade_graph *graph, uint32_t weight, int64_t first, int64_t rows,
					  clade_weight_sink_fn *sink, void *user, struct clade_diag *diag);
/* Whether reading a weight's rows in parts takes no more than reading them at once: not so where it is transposed. */
bool clade_graph_weight_parts(const struct clade_graph *graph, uint32_t weight);
/* Raises or checks: an int64 binding for each dim of the IR from the actual shape of an input; on conflict an error
 * that names the input, the dim and both values. `bindings` has -1 for unbound dims. */
enum clade_status clade_ir_bind_input(const struct clade_ir *ir, const struct clade_ir_input *input,
				      const struct clade_type *actual, int64_t *bindings, struct clade_diag *diag);

#endif

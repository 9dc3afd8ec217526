/* SPDX-License-Identifier: MIT */
/* A session's graph where named implementations read f32 only. */
#ifndef CLADE_WIDEN_H
#define CLADE_WIDEN_H

#include "choose.h"
#include "front.h"

/* *out_graph: `graph`, which must outlive it, but with those weights as f32; NULL: there are none. */
enum clade_status clade_graph_widen(const struct clade_graph *graph, const struct clade_rules *rules,
				    struct clade_graph **out_graph, struct clade_diag *diag);
void clade_graph_widened_destroy(struct clade_graph **graph);

#endif

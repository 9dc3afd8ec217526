/* SPDX-License-Identifier: MIT */
/* A graph as the library holds it: the expanded graph, its memory, and where its weights come from. */
#ifndef CLADE_FRONT_H
#define CLADE_FRONT_H

#include "model.h"
#include "source.h"

struct clade_graph {
	struct clade_context *context;
	const struct clade_store *store;
	struct clade_region region;
	struct clade_ir ir;
	const char *source;                     /* name of the source used, NULL: none */
	const struct clade_weight_tree **trees; /* of ir.weights; NULL entries: no store */
	struct clade_decl *decls;               /* params, for clade_graph_param */
	uint32_t decl_count;
	struct clade_export *exports; /* of params.invert */
	uint32_t export_count;
	struct clade_meta_line *metas;
	uint32_t meta_count;
};

/* Settles the dtypes of weights and of their values: those of their files where all who use them take these. */
void clade_graph_store_weights(struct clade_graph *graph);
/* Such a weight shall be f32 after all. Of NODE and NAMED: the node's path, its op and its port or implementation. */
void clade_weight_expand(struct clade_ir_weight *weight, enum clade_expanded why, const char *path, const char *op,
			 const char *port, const char *impl);
/* The same of states, where clade_graph_params.state_dtype asks for it. */
enum clade_status clade_graph_store_states(struct clade_graph *graph, enum clade_dtype dtype, struct clade_diag *diag);
/* Makes every node's value that a pattern names (as clade_graph_params.watch says) an output of its entry. */
enum clade_status clade_watch_values(struct clade_graph *graph, const char *const *patterns, struct clade_diag *diag);

#endif

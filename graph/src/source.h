/* SPDX-License-Identifier: MIT */
/* Source maps: where params and weights come from, and the operators between a file's tensors and a weight. */
#ifndef CLADE_SOURCE_H
#define CLADE_SOURCE_H

#include "expand.h"

enum clade_weight_kind {
	CLADE_WEIGHT_TENSOR,    /* of the store */
	CLADE_WEIGHT_CONST,     /* kid `op` number, or number `op` kid where `left` */
	CLADE_WEIGHT_STACK,     /* kids under a new first axis */
	CLADE_WEIGHT_SLICE,     /* [from, from + own dim) of `axis` */
	CLADE_WEIGHT_TRANSPOSE, /* axes */
	CLADE_WEIGHT_RESHAPE,
	CLADE_WEIGHT_HALVES, /* within each of `heads`: rows 0, 2, 4, ..., then 1, 3, 5, ... */
	CLADE_WEIGHT_PAIRS, /* the way back: of each of `heads`, rows 0, d/2, 1, d/2 + 1, ...; made by inversion only */
	CLADE_WEIGHT_CONCAT /* kids behind each other on `axis`; made by inversion only */
};
struct clade_weight_tree {
	enum clade_weight_kind kind;
	struct clade_type type; /* dtype f32 or i32: as it is handed on */
	const struct clade_store_tensor *tensor;
	const char *op;
	double number;
	bool left;
	uint32_t axis, axes[CLADE_MAX_RANK];
	int64_t from, heads;
	uint32_t kid_count;
	const struct clade_weight_tree **kids;
};

/* Finds the source to use; expander->source stays NULL if none fits. */
enum clade_status clade_source_choose(struct clade_expander *expander);
/* The names it maps must exist. */
enum clade_status clade_source_check(struct clade_expander *expander);
/* Whether it says `else none` of this weight. */
bool clade_source_optional(const struct clade_expander *expander, const char *name);
/* The value of a param, of element `index` if it has several; *out_found false: the source does not mention it. Keeps
 * the key that gave it in the decl. */
enum clade_status clade_source_param(struct clade_expander *expander, struct clade_decl *decl, int64_t index,
				     struct clade_val *out, bool *out_found);
/* A template with its {expressions} filled in: a key holds integers and strings, a message (`any`) numbers and bools
 * too. */
enum clade_status clade_template_fill(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *template, bool any, const char **out);
/* The tree of one weight; absent: the source said `else none`. Checks its type. */
enum clade_status clade_source_weight(struct clade_expander *expander, const struct clade_decl *decl,
				      const int64_t *indices, struct clade_weight_slot *slot);
/* The type in which the files store what the tree reads, if the tree moves whole rows only and devices may keep it
 * (f16, bf16, q8_0, q4_0); else the tree's own. */
enum clade_dtype clade_weight_storage(const struct clade_weight_tree *tree);
/* Elements [first, first + count) in row-major order as the tree's dtype, or as clade_weight_storage says: then whole
 * blocks. */
enum clade_status clade_weight_read(struct clade_context *context, const struct clade_store *store,
				    const struct clade_weight_tree *tree, enum clade_dtype as, int64_t first,
				    int64_t count, void *target, struct clade_diag *diag);
/* The tensors of source `name` made from the weights that are used, into graph->exports: invert.c. */
struct clade_export {
	const char *name;
	const struct clade_weight_tree *tree;
};
struct clade_graph;
enum clade_status clade_invert_source(struct clade_expander *expander, struct clade_graph *graph, const char *name);
/* The tree in the language of source maps. */
void clade_weight_print(const struct clade_weight_tree *tree, struct clade_string *text);

#endif

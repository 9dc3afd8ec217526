/* SPDX-License-Identifier: MIT */
/* Expansion: from the files as written to the expanded graph. Internal to the front. */
#ifndef CLADE_EXPAND_H
#define CLADE_EXPAND_H

#include "ast.h"
#include "dims.h"

#include <clade/graph.h>

#ifndef CLADE_MAX_NODES          /* a fuzzer takes less */
#define CLADE_MAX_NODES 1000000u /* nodes, boxes, weights and states of a graph, each */
#endif
#define CLADE_MAX_INDICES 4 /* of an indexed weight or state */

/* What an expression is while expanding. */
enum clade_val_kind {
	CLADE_VAL_NONE, /* `none`, or an absent weight (`s`: its name) */
	CLADE_VAL_BOOL,
	CLADE_VAL_INT,
	CLADE_VAL_FLOAT,
	CLADE_VAL_STRING,
	CLADE_VAL_DIM, /* symbolic: i is the code */
	CLADE_VAL_LIST,
	CLADE_VAL_TENSOR, /* id: of the value */
	CLADE_VAL_STATE,  /* id: of the state; reads as its newest version */
	CLADE_VAL_FAMILY  /* an indexed weight or state without its index */
};
struct clade_val {
	enum clade_val_kind kind;
	uint32_t id, count;
	int64_t i;
	double f;
	const char *s;
	struct clade_val *items;
	struct clade_decl *decl;
};

struct clade_weight_tree; /* source.h */
struct clade_weight_slot {
	const char *name;
	struct clade_type type;
	const struct clade_weight_tree *tree; /* NULL: the tensor `name` of the store, or no store */
	uint32_t value;                       /* NONE until used */
	bool absent;
	struct clade_ir_pos pos;
};

enum clade_decl_kind { CLADE_DECL_PARAM, CLADE_DECL_DIM, CLADE_DECL_WEIGHT, CLADE_DECL_STATE };
struct clade_decl {
	enum clade_decl_kind kind;
	const char *name;
	const struct clade_ast *ast;
	bool used;
	enum { CLADE_DECL_NEW, CLADE_DECL_BUSY, CLADE_DECL_DONE } progress; /* of a param's or a mapping's value */
	struct clade_val value;                                             /* PARAM, DIM */
	const char *key;                                                    /* PARAM: of the metadata that gave it */
	uint32_t index_count, first, total;                                 /* WEIGHT: slots; STATE: states */
	int64_t counts[CLADE_MAX_INDICES];
};

/* Names visible inside a block, an entry or one turn of a loop. */
struct clade_frame {
	struct clade_frame *parent; /* NULL: of a block or an entry */
	struct clade_names names;
	struct clade_val *values;
	uint32_t count, capacity;
};
struct clade_scope {
	struct clade_frame *frame;
	uint32_t box;
	const char *path; /* of the box; "" at an entry's root */
	const char *pin;
	bool globals; /* sees the model file's names */
	bool entry;   /* the entry's own body: inputs and outputs may be declared */
};

struct clade_block {
	const struct clade_ast *ast;
	bool model_file; /* defined in the model's own file */
	bool busy;       /* being expanded: a call would never end */
};

struct clade_meta_line {
	const char *key;
	struct clade_meta value;
};

struct clade_expander {
	struct clade_context *context;
	struct clade_diag *diag;
	struct clade_region *region;
	struct clade_ir *ir;
	struct clade_dim_pool *pool;
	const struct clade_graph_params *params;
	const struct clade_store *store;
	const struct clade_ast *model, *source;

	struct clade_decl *decls;
	struct clade_block *blocks;
	uint32_t decl_count, decl_capacity, block_count, block_capacity;
	struct clade_names globals, block_names, files, metas, sources, entries;
	const struct clade_ast **entry_asts, **source_asts;
	uint32_t entry_ast_count, entry_ast_capacity, source_ast_count, source_ast_capacity;
	const char *key; /* of metadata, the last that was there */
	struct clade_meta_line *meta_lines;
	uint32_t meta_count, meta_capacity;
	struct clade_weight_slot *slots;
	uint32_t slot_count, slot_capacity, state_capacity, dim_capacity;
	uint32_t value_capacity, node_capacity, box_capacity, entry_capacity;

	/* of the entry being expanded */
	struct clade_names paths;
	struct clade_ir_entry *entry;
	uint32_t input_capacity, output_capacity;
	uint32_t *state_values; /* newest version of each state; NONE: version 0 has no value yet */
	uint32_t *state_first;  /* version 0 */
	uint32_t depth;         /* of block calls */
	uint64_t work;          /* statements expanded */
};

/* What the results of an expression's outermost call are called. */
struct clade_result_names {
	uint32_t count;
	const char *const *names;
	const bool *quoted; /* absolute paths */
	const char *pin;
};

/* ---- values and arithmetic: eval.c ---- */
const char *clade_val_describe(const struct clade_expander *expander, const struct clade_val *val, char *out,
			       size_t size);
enum clade_status clade_eval_unary(struct clade_expander *expander, const struct clade_ast *ast,
				   const struct clade_val *a, struct clade_val *out);
enum clade_status clade_eval_binary(struct clade_expander *expander, const struct clade_ast *ast,
				    const struct clade_val *a, const struct clade_val *b, struct clade_val *out);
/* An expression in a scope; calls make nodes. `results` names them, NULL in a nested place, where `base` is the name of
 * the statement's result. `out` has room for results->count values (one if NULL). */
enum clade_status clade_eval(struct clade_expander *expander, struct clade_scope *scope, const struct clade_ast *ast,
			     const struct clade_result_names *results, const char *base, bool base_quoted,
			     struct clade_val *out);
/* An expression that makes no nodes, as in declarations. `scope` may be NULL: only the model file's names. */
enum clade_status clade_eval_constant(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *ast, struct clade_val *out);
enum clade_status clade_eval_condition(struct clade_expander *expander, struct clade_scope *scope,
				       const struct clade_ast *ast, bool *out);
enum clade_status clade_eval_integer(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast, const char *what, int64_t *out);
/* An integer >= `least` or a symbolic dim, as number or code. */
enum clade_status clade_eval_dim(struct clade_expander *expander, struct clade_scope *scope,
				 const struct clade_ast *ast, int64_t least, int64_t *out);
enum clade_status clade_eval_type(struct clade_expander *expander, struct clade_scope *scope,
				  const struct clade_ast *ast, struct clade_type *out);

/* ---- names: scope.c ---- */
struct clade_val *clade_scope_find(const struct clade_scope *scope, const char *name);
enum clade_status clade_scope_set(struct clade_expander *expander, struct clade_scope *scope, const char *name,
				  const struct clade_val *val);
void clade_frame_finish(struct clade_expander *expander, struct clade_frame *frame);
enum clade_status clade_scope_get(struct clade_expander *expander, struct clade_scope *scope,
				  const struct clade_ast *ast, struct clade_val *out);
/* wq[l], kc[l] */
enum clade_status clade_scope_index(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *ast, struct clade_val *out);
/* A path of the entry that nobody has yet: scope's path + name, with ".2", ".3", ... if it is taken. */
const char *clade_scope_path(struct clade_expander *expander, const struct clade_scope *scope, const char *name,
			     bool quoted);
/* The value to compute with: the newest version of a state, a weight, a number as a constant of `dtype`. */
uint32_t clade_state_value(struct clade_expander *expander, uint32_t state);
enum clade_status clade_weight_value(struct clade_expander *expander, uint32_t slot, struct clade_val *out);
enum clade_status clade_add_value(struct clade_expander *expander, const struct clade_ir_value *value, uint32_t *out);

/* ---- declarations: declare.c ---- */
enum clade_status clade_declare(struct clade_expander *expander, const struct clade_ast *items, bool model_file);
/* After all files are read: dims, settings, params, what the model file requires, the source, weights, states; then the
 * metas of the model file. */
enum clade_status clade_declare_finish(struct clade_expander *expander, const struct clade_ast *items);
enum clade_status clade_declare_metas(struct clade_expander *expander, const struct clade_ast *items);
enum clade_status clade_param_value(struct clade_expander *expander, struct clade_decl *decl);
enum clade_status clade_include(struct clade_expander *expander, const char *from, const struct clade_ast *include);

/* ---- calls: call.c, block.c ---- */
enum clade_status clade_call_op(struct clade_expander *expander, struct clade_scope *scope, const struct clade_ast *ast,
				const struct clade_op *op, const struct clade_result_names *results, const char *base,
				bool base_quoted, uint32_t state, struct clade_val *out);
enum clade_status clade_call_block(struct clade_expander *expander, struct clade_scope *scope,
				   const struct clade_ast *ast, struct clade_block *block,
				   const struct clade_result_names *results, const char *base, bool base_quoted,
				   struct clade_val *out);
/* A value as input of port `port` of `op`; numbers become constants like `sibling` (NULL: as the port says). */
enum clade_status clade_port_value(struct clade_expander *expander, const struct clade_ir_pos *pos,
				   const struct clade_op *op, const struct clade_port *port,
				   const struct clade_val *val, const struct clade_type *sibling, uint32_t *out);
enum clade_status clade_set_attr(struct clade_expander *expander, const struct clade_ir_pos *pos,
				 const struct clade_op *op, const struct clade_attr *attr, const struct clade_val *val,
				 void *params);
/* Tells an op that it has a ring: its attribute `ring`. False: it has none. */
bool clade_set_ring(const struct clade_op *op, void *params);
enum clade_status clade_infer_node(struct clade_expander *expander, const struct clade_ir_pos *pos,
				   const struct clade_op *op, const void *params, uint32_t input_count,
				   const uint32_t *inputs, struct clade_type *outputs, struct clade_diag *diag);
enum clade_status clade_open_box(struct clade_expander *expander, struct clade_scope *scope, const char *path,
				 const char *block, const char *pin, const struct clade_ir_pos *pos,
				 struct clade_scope *out);
/* The arguments of a box, as pairs of name (NULL: positional, never matched with an op) and value. */
struct clade_box_argument {
	const char *name;
	struct clade_val val;
};
enum clade_status clade_close_box(struct clade_expander *expander, uint32_t box, uint32_t argument_count,
				  const struct clade_box_argument *arguments, const uint32_t *inputs,
				  uint32_t result_count, const struct clade_val *results);
/* The values of a box's tensor arguments when it is opened (later versions of a state are others). */
enum clade_status clade_box_inputs(struct clade_expander *expander, uint32_t argument_count,
				   const struct clade_box_argument *arguments, uint32_t **out);

/* ---- statements and entries: body.c, entry.c ---- */
enum clade_status clade_expand_body(struct clade_expander *expander, struct clade_scope *scope,
				    const struct clade_ast *body);
/* require CONDITION, "message", in a body or, with scope NULL, an item: require.c */
enum clade_status clade_expand_require(struct clade_expander *expander, struct clade_scope *scope,
				       const struct clade_ast *ast);
enum clade_status clade_expand_input(struct clade_expander *expander, struct clade_scope *scope,
				     const struct clade_ast *ast);
enum clade_status clade_expand_output(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *ast);
enum clade_status clade_expand_entry(struct clade_expander *expander, const struct clade_ast *ast);

/* ---- checks of a whole entry: check.c ---- */
enum clade_status clade_check_entry(struct clade_expander *expander, const struct clade_ast *ast, uint32_t entry);

#endif

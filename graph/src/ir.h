/* SPDX-License-Identifier: MIT */
/* The expanded graph: what the language front (lex, parse, expand, infer) hands to planning. Built once, then
 * immutable. All memory is in one arena owned by struct clade_ir. Ids are indices into its arrays. */
#ifndef CLADE_IR_H
#define CLADE_IR_H

#include <clade/step.h>

#define CLADE_IR_NONE UINT32_MAX
#define CLADE_CHUNK_MAX 512 /* rows of a chunk, and the largest bucket of an entry that may be chunked */

/* ---- symbolic dims: an interned pool of polynomials over the graph's dims; code = -1 - index ---- */
enum clade_dim_class { CLADE_DIM_SESSION, CLADE_DIM_RUN };
struct clade_ir_dim {
	const char *name; /* "B" */
	enum clade_dim_class dim_class;
	int64_t code;
	bool has_default; /* `default_code` where no input of a run has it */
	int64_t default_code;
	/* rows of caches, > 0: the session's capacity, at most this: INT64_MAX for the dim "capacity" itself, less for
	 * the rows of a ring */
	int64_t cache_rows;
};
/* Rows of a ring in which a chunk's first query still finds its window when the chunk's last row has been written;
 * whole blocks of 256 positions, as attention takes them. 0: overflow. */
int64_t clade_ring_rows(int64_t window);
struct clade_dim_pool; /* graph/src/dims.h */

struct clade_ir_pos {
	const char *file;
	uint32_t line, column;
};

enum clade_ir_kind { CLADE_IR_INPUT, CLADE_IR_WEIGHT, CLADE_IR_STATE, CLADE_IR_NODE, CLADE_IR_CONST };

/* A tensor in the graph. A state has one value per version: version 0 (kind STATE) when first read, and each write's
 * output is a new value of kind NODE whose `state` says which state it lives in. */
struct clade_ir_value {
	enum clade_ir_kind kind;
	const char *path;       /* "layers.3/attn/q"; weights: canonical name "wq.3" */
	struct clade_type type; /* symbolic */
	uint32_t index;         /* INPUT/WEIGHT/STATE: in the table of that kind; CONST: unused */
	uint32_t node, port;    /* NODE: producer and output number */
	uint32_t state;         /* the state it lives in, else NONE */
	double constant;        /* CONST: a rank-0 f32 (or i32 or bool by type) */
};

struct clade_ir_node {
	const char *path; /* of its first result */
	const struct clade_op *op;
	void *params; /* DIM and DIMS attributes hold codes */
	uint32_t input_count, output_count;
	uint32_t *inputs;  /* value ids in port order, NONE: absent */
	uint32_t *outputs; /* value ids; every port has one */
	uint32_t box;      /* innermost box */
	const char *pin;   /* @impl of node, else of the nearest enclosing box or the file, else NULL */
	struct clade_ir_pos pos;
};

/* A node of the block tree: an instance of a block, or a plain scope (root, entry, one turn of `for`). Its nodes are
 * the contiguous range [first_node, last_node) of the entry. */
struct clade_ir_box {
	const char *path;
	const char *block;   /* name of the block; NULL: a plain scope */
	const char *library; /* the built-in file that defines the block, if op */
	const struct clade_op
		*op;     /* registered CLADE_OP_BLOCK of that name whose ports and attributes match, else NULL */
	void *params;    /* op->params_size bytes if op */
	uint32_t parent; /* NONE for an entry's root */
	uint32_t input_count, output_count;
	uint32_t *inputs, *outputs; /* value ids in op's port order (op NULL: in the block's order) */
	uint32_t first_node, last_node;
	const char *pin;
	struct clade_ir_pos pos;
};

struct clade_ir_input {
	const char *name;
	uint32_t value;
	struct clade_type type;
	enum {
		CLADE_DEFAULT_NONE,
		CLADE_DEFAULT_CONST,
		CLADE_DEFAULT_RANGE
	} default_kind;        /* RANGE: 0.. along the last axis */
	uint32_t default_mask; /* RANGE: the input whose zeros are -1 and not counted, NONE: none */
	double default_value;
};
struct clade_ir_output {
	const char *name;
	uint32_t value;
	bool watched; /* asked for by the caller, not by the file */
};
/* Why a weight is not in memory as its files store it. */
enum clade_expanded {
	CLADE_EXPANDED_NOT,
	CLADE_EXPANDED_TYPE,   /* devices read no weights of the files' type */
	CLADE_EXPANDED_PARTS,  /* its rows are not whole rows, or not whole blocks, of the files' */
	CLADE_EXPANDED_NODE,   /* `user` takes f32 only */
	CLADE_EXPANDED_OUTPUT, /* what a caller reads is f32 */
	CLADE_EXPANDED_NAMED   /* an implementation that a rule or pin names for `user` reads f32 only */
};
struct clade_ir_weight {
	const char *name;       /* "wq" or "wq.3" */
	struct clade_type type; /* numbers only; the dtype is that in which devices hold it (storage.c) */
	uint32_t value;
	struct clade_ir_pos pos;
	bool optional_absent; /* the source said `else none`: no tensor, has(w) was false */
	enum clade_expanded expanded;
	const char *user_path, *user_op, *user_port, *user_impl; /* NODE, NAMED (impl) */
};
struct clade_ir_state {
	const char *name; /* "kc.3" */
	struct clade_type
		type; /* a cache's axis `capacity_axis` is the code of an implicit session dim (cache_rows > 0)
		       */
	bool is_cache;
	uint32_t capacity_axis;
	int64_t window; /* > 0: the cache is a ring whose readers look back so far */
	struct clade_ir_pos pos;
};

struct clade_ir_entry {
	const char *name;
	uint32_t after;                 /* entry that must run first, else NONE */
	uint32_t first_node, last_node; /* range in `nodes`, in execution order */
	uint32_t root_box;
	uint32_t chunk_dim; /* index in `dims`, else NONE */
	uint32_t row_input; /* chunked: the input whose integers pick rows of chunk_dim, else NONE */
	uint32_t input_count, output_count;
	struct clade_ir_input *inputs;
	struct clade_ir_output *outputs;
};

struct clade_ir {
	struct clade_context *context;
	const char *model; /* name in the file */
	const char *file;
	struct clade_dim_pool *pool;
	uint32_t dim_count, value_count, node_count, box_count, entry_count, weight_count, state_count;
	struct clade_ir_dim *dims;
	struct clade_ir_value *values;
	struct clade_ir_node *nodes;
	struct clade_ir_box *boxes;
	struct clade_ir_entry *entries;
	struct clade_ir_weight *weights;
	struct clade_ir_state *states;
};

/* Evaluates a dim (number or code) with dims bound: `bindings[i]` is the value of ir->dims[i], -1 if unbound.
 * False if an unbound dim occurs, on overflow, an inexact quotient or a negative result. */
bool clade_ir_eval(const struct clade_ir *ir, int64_t dim, const int64_t *bindings, int64_t *out);
bool clade_ir_eval_type(const struct clade_ir *ir, const struct clade_type *type, const int64_t *bindings,
			struct clade_type *out);
/* The text of a dim or type: "T + 1", "f32[B, T, 64]". */
const char *clade_ir_dim_text(const struct clade_ir *ir, int64_t dim, char *out, size_t size);
const char *clade_ir_type_text(const struct clade_ir *ir, const struct clade_type *type, char *out, size_t size);

#endif

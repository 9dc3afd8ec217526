/* SPDX-License-Identifier: MIT */
/* The op contract: what an op is, what an implementation is. Built-in ops and plugins use exactly this.
 *
 * An op says what is computed (ports, attributes, shape rule, cases). Implementations say how, and register apart, so
 * that anyone can add a faster one. The implementation named `ref` is the op's specification.
 *
 * ABI: every table struct begins with `size`; fields are only ever appended; a host ignores a longer struct's tail if
 * it is zero and refuses it otherwise. Tables and everything they point to stay alive and unchanged while registered.
 */
#ifndef CLADE_OP_H
#define CLADE_OP_H

#include <clade/device.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLADE_ABI 1u
#define CLADE_MAX_PORTS 16 /* inputs of a node (variadic ones counted singly), and outputs likewise */

/* NULL-terminated list of pointers to `type`. */
#define CLADE_LIST(type, ...) ((const type *const[]) { __VA_ARGS__, NULL })

/* ---- attributes: compile-time values of a node, stored in the op's params struct at `offset` ---- */
enum clade_attr_type {
	CLADE_ATTR_BOOL,  /* bool */
	CLADE_ATTR_INT,   /* int64_t */
	CLADE_ATTR_FLOAT, /* float */
	CLADE_ATTR_WORD,  /* int32_t: index into `words` */
	CLADE_ATTR_DIM,   /* int64_t: a dim (number or code); INT64_MIN if absent */
	CLADE_ATTR_DIMS   /* struct clade_dims; graph syntax [B, T, 4] */
};
struct clade_dims {
	int64_t count;
	int64_t dims[CLADE_MAX_RANK];
};
union clade_attr_value {
	bool b;
	int64_t i;
	double f;
};
struct clade_attr {
	uint32_t size;
	const char *name;
	enum clade_attr_type type;
	size_t offset;
	bool required;              /* no default */
	union clade_attr_value def; /* WORD: index in .i */
	double min, max;            /* range of INT and FLOAT, inclusive; both 0: unbounded */
	const char *const *words;   /* WORD: NULL-terminated */
	const char *help;
};

/* ---- ports ---- */
enum clade_port_flags {
	CLADE_IN = 1,
	CLADE_OUT = 2,
	CLADE_OPTIONAL = 4, /* inputs: may be absent. Outputs: computed only if used */
	CLADE_VARIADIC = 8, /* only the last input: one or more tensors */
	CLADE_STATE = 16,   /* input: a state that the op writes in place; the op's first outputs are these states
			     * again, in the order of their inputs */
	/* input: a weight that is bound here (and elsewhere only to such ports) keeps the type in which its file stores
	 * it, if that is one of `dtypes`; else it arrives as f32 */
	CLADE_STORED = 32,
	/* input: a state that is bound here (and elsewhere only to such ports) may be kept as f16, if that is one of
	 * `dtypes` (clade_graph_params.state_dtype) */
	CLADE_KEPT = 64
};
struct clade_port {
	uint32_t size;
	const char *name;
	uint32_t flags;
	uint32_t dtypes; /* CLADE_DTYPE_BIT set that is accepted; for outputs exactly one, or 0 with `like` */
	/* Pattern that the graph checks and infers by: "[b, h, t, d]", "[..., n]", "[]". A name is bound by the first
	 * input that has it (inputs in port order; attributes of type INT or DIM are names too) and must equal it
	 * elsewhere; an integer must be that integer; "..." binds any leading dims; outputs may use products and exact
	 * quotients of bound names ("[b, heads, t, n / heads]"). "*" is any rank and shape. NULL on outputs: infer sets
	 * it. */
	const char *shape;
	const char *like; /* outputs: dtype (and, with shape NULL, the shape) of this input */
	const char *help;
	/* An integer input whose values index axis 0 of that input: the session checks graph inputs that arrive here.
	 * If that input is a STATE, the values are positions in a cache, which the session grows to hold them. */
	const char *index_of;
};

/* ---- shape inference beyond patterns: runs after the ports' patterns have been checked and applied ---- */
struct clade_infer;
struct clade_infer_ops {
	uint32_t size;
	/* Dims arithmetic on numbers and codes. On failure (inexact quotient, overflow) they return INT64_MIN. */
	int64_t (*add)(struct clade_infer *infer, int64_t a, int64_t b);
	int64_t (*sub)(struct clade_infer *infer, int64_t a, int64_t b);
	int64_t (*mul)(struct clade_infer *infer, int64_t a, int64_t b);
	int64_t (*div)(struct clade_infer *infer, int64_t a, int64_t b);
	/* Records one error about this node and returns CLADE_ERR_DATA. */
	enum clade_status (*fail)(struct clade_infer *infer, const char *format, ...) CLADE_PRINTF(2, 3);
	/* The text of a dim, for messages; valid until the next call. */
	const char *(*text)(struct clade_infer *infer, int64_t dim);
};
struct clade_infer {
	uint32_t size;
	const struct clade_infer_ops *ops;
	const void *params;
	uint32_t input_count; /* port order; absent optional ports are NULL entries */
	const struct clade_type *const *inputs;
	uint32_t output_count;
	struct clade_type *outputs; /* filled from the patterns where those say it */
};

/* ---- cases: shapes and inputs on which every implementation is tested, self-tested and timed ----
 * One text an input: "x = f32[12, 1023] normal", fills: normal (default), uniform (-1..1), zeros, ones, huge, tiny,
 * cancel (large terms that nearly cancel), near1 (1 and a little), equal (all equal), nan (a few NaNs), inf (a few
 * infinities), ninf (a few -inf), specials (all of these, zeros of both signs, max float), ids:N (integers 0..N-1),
 * badids:N (some outside), positions (0, 1, 2, ... along the last axis), positions:P (starting at P), mask (random
 * bool), rowmask (some rows all false), allfalse, alltrue. Option words after the fill: "strided" (gaps between rows),
 * "weight" (bound as a weight, so that packed layouts are used), "state:C" (a state of capacity C in axis 2). */
struct clade_case {
	uint32_t size;
	const char *name;
	const char *attrs;         /* "eps = 1e-6, causal = true", or NULL */
	const char *const *inputs; /* NULL-terminated */
	uint32_t flags;
};
enum clade_case_flags {
	CLADE_CASE_ALIAS = 1,    /* also run with output 0 in input 0's memory */
	CLADE_CASE_LARGE = 2,    /* skipped, with that reason, on devices where fma is software or that interpret */
	CLADE_CASE_BENCH = 4,    /* of a size worth timing */
	CLADE_CASE_FAILS = 8,    /* infer must refuse it */
	CLADE_CASE_REQUIRED = 16 /* optional outputs cannot be had here: only without them */
};

enum clade_op_flags {
	CLADE_OP_VIEW = 1, /* output 0 is input 0's bytes with another shape: may be planned as no work */
	CLADE_OP_BLOCK = 2 /* a graph block of this name is the reference; only ports, attrs and cases are used */
};

struct clade_node_info;
/* What one execution cannot do without: for rates (GFLOP/s, GB/s), never for decisions. */
struct clade_cost {
	double flops; /* an fma counts 2 */
	double bytes; /* read or written at least once, as the tensors are stored */
};

struct clade_op {
	uint32_t size;
	const char *name, *doc; /* doc: one paragraph: formula, shapes, source (paper, equation) */
	uint32_t flags;
	size_t params_size;
	const struct clade_attr *const *attrs;                 /* NULL-terminated, may be NULL */
	const struct clade_port *const *ports;                 /* NULL-terminated: inputs, then outputs */
	enum clade_status (*infer)(struct clade_infer *infer); /* may be NULL if the patterns say it all */
	const struct clade_case *const *cases;
	const char *family; /* folder in ops/ and kernels/ */
	/* VIEW ops whose output is input 0's memory seen through other strides. Forward: from the input's strides to
	 * the output's; backward (from_output): from the output's strides to the input's. False: not expressible. NULL:
	 * only dense to dense. Types are concrete. */
	bool (*view)(const void *params, const struct clade_type *input, const struct clade_type *output,
		     bool from_output, const int64_t *given, int64_t *strides);
	/* Along which axes the op works row by row: row i of every output depends on row i of the inputs alone,
	 * whatever the number of rows. Names of the port patterns, "..." for leading dims, or "*" for every axis of an
	 * op that broadcasts (axes aligned from the right). A condition may follow: "t?q_pos,!causal+!window" holds if
	 * q_pos is bound, or if causal is false and window 0 (a word: that port is bound or that bool true; "axis=-1":
	 * that integer; "!": not so; "+": and; ",": or). A name of a cache's axis ("s?causal+q_pos") says that rows
	 * beyond a query's position do not count. "t>rows": axis t is gone, the integers in port `rows` pick from it.
	 * NULL: none. Graph entries that say `chunk T` are proved by this: T
	 * may meet only such axes. A written state (CLADE_STATE) may lack T. */
	const char *rows;
	/* Corrects `cost`, which comes with an operation an element of the largest output and the bytes of all inputs
	 * and outputs. NULL: that is right. Types are concrete. */
	void (*cost)(const struct clade_node_info *node, struct clade_cost *cost);
};

/* ---- implementations ---- */
enum clade_order { CLADE_ORDER_CANONICAL = 0, CLADE_ORDER_OWN = 1 };
enum clade_precision { CLADE_PRECISION_FULL = 0, CLADE_PRECISION_REDUCED = 1 };
enum clade_needs {
	CLADE_NEEDS_HOST = 1,   /* runs on the host device: run() sees `data` pointers */
	CLADE_NEEDS_OPENCL = 2, /* runs on an OpenCL device */
	CLADE_NEEDS_SUB_GROUPS = 4,
	CLADE_NEEDS_FP16 = 8,
	CLADE_NEEDS_INT_DOT = 16
};
enum clade_source_kind { CLADE_FROM_VALUE, CLADE_FROM_WEIGHT, CLADE_FROM_STATE, CLADE_FROM_INPUT };

#define CLADE_KIND_BIT(kind) (1u << (kind)) /* of an enum clade_device_kind */

/* A node as an implementation sees it at planning: concrete types at the plan's upper bound. */
struct clade_node_info {
	uint32_t size;
	const void *params;
	uint32_t input_count, output_count;
	const struct clade_type *const *inputs;  /* NULL entries: absent */
	const struct clade_type *const *outputs; /* NULL entries: not used by anyone */
	const enum clade_source_kind *sources;   /* per input */
	const struct clade_device_info *device;
	/* Values of the tunables of the implementation that is asked, in the order of its table; 0: its own choice.
	 * NULL: all are 0 (clade_kit_tuned reads both). */
	const int32_t *tuned;
};

/* A number that changes how fast an implementation is, never what it computes: rows of a tile, items a group. `clade
 * tune` tries the candidates, and what it found arrives in node->tuned (prepare, accepts) and run->tuned. */
#define CLADE_MAX_TUNABLES 8
struct clade_tunable {
	uint32_t size;
	const char *name;          /* "rows" */
	const int32_t *candidates; /* above 0, ended by 0. 0 itself stands for the implementation's own choice */
	const char *help;
};

struct clade_prepare; /* see host.h for what may be asked of it */
struct clade_run;

struct clade_impl {
	uint32_t size;
	const char *op, *name, *doc;
	uint32_t needs;
	enum clade_order order;
	enum clade_precision precision;
	/* Bit i: input / output i may have any strides in all axes but the last (ports counted as in the op). */
	uint32_t strided_inputs, strided_outputs;
	/* NULL accepts all. On false, `why` holds one sentence without a full stop. */
	bool (*accepts)(const struct clade_node_info *node, char *why, size_t why_size);
	/* Bytes of plain data that prepare fills and run reads (struct of sizes, indices). */
	size_t data_size;
	/* Once a plan. NULL: nothing to prepare. */
	enum clade_status (*prepare)(struct clade_prepare *prepare);
	/* Once per execution: enqueue only; no allocation, no blocking. */
	enum clade_status (*run)(const struct clade_run *run);
	int32_t priority; /* larger is tried earlier; ref is 0 and cl 10 by convention, cl.<variant> more */
	/* CLADE_KIND_BIT set: kinds of devices on which it is chosen unasked; on others only a pin, a rule or a lock
	 * file takes it. 0: any. */
	uint32_t kinds;
	/* CLADE_DTYPE_BITs, beside f32, of weights that it reads at CLADE_STORED ports and of states at CLADE_KEPT
	 * ports. It is not asked about others; where it is named (rule, lock file, pin), other weights are held as f32.
	 */
	uint32_t weight_dtypes;
	/* NULL-terminated, at most CLADE_MAX_TUNABLES; NULL: nothing to tune. Tables that end before it have none:
	 * clade_impl_tunables. */
	const struct clade_tunable *const *tunables;
};

#ifdef __cplusplus
}
#endif
#endif

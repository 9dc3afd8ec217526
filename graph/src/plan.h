/* SPDX-License-Identifier: MIT */
/* A plan: the cut through the block tree for one entry on one device, with an implementation for each step, the copies
 * between places, and an offset for every value. Immutable after clade_plan_create. */
#ifndef CLADE_PLAN_H
#define CLADE_PLAN_H

#include "model.h"
#include "choose.h"

/* Where steps run and values live. The host place is only used when a step cannot or must not run on the device. */
enum clade_place { CLADE_PLACE_MAIN, CLADE_PLACE_HOST, CLADE_PLACE_COUNT };

#define CLADE_ARENA_ALIGN                                                                                              \
	256u /* every value starts at a multiple of this; covers the base alignment of all devices seen */

/* Memory of one value, or of one scratch slot, in a place's arena; live in items [first, last]. */
struct clade_span {
	uint64_t bytes, offset;
	uint32_t first, last;
	bool used;
};

/* How a value is found at one place. */
enum clade_home {
	CLADE_HOME_NONE,  /* not at this place */
	CLADE_HOME_ARENA, /* at plan->spans[place][value] */
	CLADE_HOME_STATE, /* in the session's buffer of ir->values[].state */
	CLADE_HOME_VIEW   /* the memory of value `base`, through the strides of a VIEW op */
};
struct clade_location {
	enum clade_home home;
	uint32_t span; /* ARENA: index in plan->spans[place] */
	uint32_t base; /* VIEW: the value whose memory it is */
	uint32_t view; /* VIEW: the node that says how; the strides go forward or, if from_output, backward */
	bool from_output;
};

enum clade_item_kind { CLADE_ITEM_EXEC, CLADE_ITEM_COPY, CLADE_ITEM_VIEW };

struct clade_item {
	enum clade_item_kind kind;
	enum clade_place place; /* EXEC: where; COPY: the target */
	uint32_t node, box;     /* the node, or the box taken whole (node NONE) */
	const char *path;
	const struct clade_op *op;
	const void *params; /* of the IR: DIM attributes are codes */
	uint32_t input_count, output_count;
	const uint32_t *inputs, *outputs; /* value ids */
	struct clade_step *step;
	struct clade_choice choice;
	uint32_t first_scratch; /* spans of its scratch slots at `place`, consecutive */
	uint32_t copy_value;    /* COPY */
};

/* A value that is seen through another's memory (views.c). */
enum clade_view_kind { CLADE_VIEW_NONE, CLADE_VIEW_FORWARD, CLADE_VIEW_BACKWARD };
struct clade_view {
	enum clade_view_kind kind;
	uint32_t base, node;
};

struct clade_plan {
	const struct clade_graph *graph;
	struct clade_context *context;
	uint32_t entry;
	int64_t *bounds; /* per IR dim: the plan's upper bound; the key together with entry */
	uint32_t item_count;
	struct clade_item *items;
	struct clade_location *locations[CLADE_PLACE_COUNT]; /* per IR value */
	uint32_t span_count[CLADE_PLACE_COUNT], span_capacity[CLADE_PLACE_COUNT];
	struct clade_span *spans[CLADE_PLACE_COUNT];
	uint64_t arena_bytes[CLADE_PLACE_COUNT];
	uint64_t copy_count, copy_bytes;
	double seconds, build_seconds;
	uint32_t arena_value_count; /* of the IR, for loops over locations */
};

struct clade_plan_request {
	const struct clade_graph *graph;
	struct clade_device *devices[CLADE_PLACE_COUNT]; /* MAIN is the session's; HOST the reference device */
	const struct clade_rules *rules;
	uint32_t entry;
	const int64_t *bounds;
};

enum clade_status clade_plan_create(const struct clade_plan_request *request, struct clade_plan **out_plan,
				    struct clade_diag *diag);
/* Builds the programs of its steps, which must come before an execution, and those of `ahead`, a plan that is wanted
 * soon (may be NULL): few programs, compiled at the same time. */
enum clade_status clade_plan_build(struct clade_plan *plan, const struct clade_plan_request *request,
				   struct clade_plan *ahead, struct clade_diag *diag);
void clade_plan_destroy(struct clade_plan **plan);

/* Assigns offsets so that spans which are live at the same time do not overlap: greedy, largest first, lowest gap that
 * fits (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020). `reuse` false: every
 * span has memory of its own. Returns false if the total overflows. */
bool clade_arena_assign(struct clade_span *spans, uint32_t count, bool reuse, uint64_t *out_total);

/* Turns items whose op is a VIEW into CLADE_ITEM_VIEW where all readers and writers concerned take the strides, and
 * says for each value of the IR what it is a view of. False without memory. */
bool clade_views_find(struct clade_context *context, const struct clade_ir *ir, const struct clade_ir_entry *entry,
		      struct clade_item *items, uint32_t count, struct clade_view *found);

/* The node's or box's params with DIM and DIMS attributes evaluated at `bindings` (params_size bytes at `out`). */
enum clade_status clade_params_bind(const struct clade_ir *ir, const struct clade_op *op, const void *params,
				    const int64_t *bindings, void *out, struct clade_diag *diag);

/* Seconds of a clock that only goes forward. */
double clade_now(void);

#endif

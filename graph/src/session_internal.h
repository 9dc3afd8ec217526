/* SPDX-License-Identifier: MIT */
/* The session's own structures, shared by session.c, bind.c, run.c, verify.c and explain.c. */
#ifndef CLADE_SESSION_INTERNAL_H
#define CLADE_SESSION_INTERNAL_H

#include <clade/session.h>

#include "plan.h"
#include "weights.h"

#define CLADE_EAGER_BYTES 1048576 /* outputs up to this size come back with the run's one finish */
#define CLADE_CONSTANT_BYTES 8    /* spacing of rank-0 constants, by value id */

struct clade_session_state {
	struct clade_buffer *buffer;
	size_t bytes;
	struct clade_type type;      /* as last bound */
	struct clade_buffer *larger; /* while states grow: what takes the place of `buffer` when all are copied */
	bool rows_alike;             /* permute.c knows which rows of the batch are copies of one */
};

/* What reordering the batch keeps from one call to the next (permute.c). */
struct clade_session_permutation {
	int32_t *tables; /* [states + 2, rows] */
	uint32_t rows;
	struct clade_buffer *scratch; /* one batch row of the largest state */
};

/* A plan with its executable steps and the tensors that it is bound to. */
struct clade_bound {
	struct clade_plan *plan;
	struct clade_exec **execs;                       /* per item; NULL for copies */
	void **params;                                   /* per item: attributes at the bound dims, or NULL */
	struct clade_tensor *tensors[CLADE_PLACE_COUNT]; /* per IR value */
	struct clade_tensor *scratch;                    /* all items' scratch, in item order */
	const struct clade_tensor **slots;               /* pointers: each item's inputs, outputs, scratch */
	uint32_t *first_slot;                            /* per item: index in slots */
	int64_t *bindings;                               /* dims of the last bind */
	uint64_t arena_generation;                       /* of the last bind */
	bool is_bound, is_warm;
	bool has_run; /* whole, with the tensors of the last bind: executions may be repeated */
};

struct clade_session_output {
	void *data; /* assembled or eagerly read, NULL: read on demand */
	size_t capacity, bytes;
	struct clade_type type;
	bool valid;
};

/* An input of an entry whose integers index axis 0 of a tensor, or positions in a cache (clade_port.index_of). */
struct clade_index {
	uint32_t entry, input, target; /* target: a value of the IR */
	bool is_cache;
};

struct clade_session {
	const struct clade_graph *graph; /* the caller's, or `widened` */
	struct clade_graph *widened;     /* with weights as f32 that named implementations need so; NULL: as it is */
	const struct clade_ir *ir;
	struct clade_context *context;
	struct clade_device *devices[CLADE_PLACE_COUNT];
	struct clade_queue *queues[CLADE_PLACE_COUNT];
	struct clade_weights *weights[CLADE_PLACE_COUNT];
	struct clade_rules *rules;
	bool profiling;
	uint64_t host_bytes; /* of clade_session_params, as threads */
	uint32_t threads;
	int64_t *bindings; /* per IR dim, -1: unbound */
	bool *entry_done;
	uint32_t capacity_dim; /* NONE if the graph has no cache */
	struct clade_session_state *states;
	struct clade_session_permutation permutation;
	int64_t *newest; /* rings.c: per batch row the newest position written, -1: none */
	uint32_t newest_rows;
	int64_t used_rows;    /* positions below this have been written in caches since the last reset... */
	bool positions_known; /* ... as far as all positions come from inputs */
	struct clade_buffer *arena[CLADE_PLACE_COUNT], *constants[CLADE_PLACE_COUNT];
	uint64_t arena_generation;
	uint32_t index_count;
	struct clade_index *indices;
	uint32_t bound_count;
	struct clade_bound **bounds;
	struct clade_plan *ahead; /* of a step that is expected, built with the plan before it; NULL: none */
	bool expects_steps;
	struct clade_bound **last;    /* per entry: its plan made or used last */
	uint32_t last_entry;          /* of the last run, NONE: no run yet */
	struct clade_bound *last_run; /* of the last run; NULL once a later plan may have taken its memory */
	void **staging;               /* per input of the running entry: converted data, kept until the finish */
	size_t *staging_bytes;
	struct clade_session_output *outputs; /* of the last entry */
	uint32_t output_capacity;
	struct clade_tensor *verify_states; /* verify.c: cumulative reference states, host arrays; NULL until used */
	char first_divergence[256];
	struct clade_session_counters counters;
};

/* Called around each item of a run; a status other than OK ends the run. */
struct clade_run_hooks {
	enum clade_status (*before)(void *user, struct clade_bound *bound, uint32_t item, struct clade_diag *diag);
	enum clade_status (*after)(void *user, struct clade_bound *bound, uint32_t item, struct clade_diag *diag);
	void *user;
	bool whole; /* no chunks */
};

uint32_t clade_session_find_entry(const struct clade_session *session, const char *name, struct clade_diag *diag);
/* The plan for these dims (made if new), bound to them. */
enum clade_status clade_session_bind(struct clade_session *session, uint32_t entry, const int64_t *bindings,
				     struct clade_bound **out_bound, struct clade_diag *diag);
/* warm.c: launches the kernels of a bound plan that the device has not launched yet. */
enum clade_status clade_bound_warm(struct clade_session *session, struct clade_bound *bound, struct clade_diag *diag);
void clade_bound_destroy(struct clade_session *session, struct clade_bound **bound);
/* Grows the caches to at least `rows` (doubling), keeping what they hold. */
enum clade_status clade_session_grow(struct clade_session *session, int64_t rows, struct clade_diag *diag);
/* room.c: CLADE_ERR_MEMORY with the numbers if the plan's weights, states and values do not fit where they belong. */
enum clade_status clade_session_check_room(struct clade_session *session, const struct clade_plan *plan,
					   const int64_t *bindings, struct clade_diag *diag);
/* rings.c: binds the dims of caches to a capacity (rings stop at their rows); whether a dim is one of those. */
void clade_session_set_capacity(struct clade_session *session, int64_t rows);
bool clade_session_is_cache_dim(const struct clade_session *session, uint32_t dim);
/* A capacity is never worth more than the largest ring's rows where there are only rings. */
int64_t clade_session_useful_rows(const struct clade_session *session, int64_t rows);
/* Where a run's positions come from: an input, or (NULL) 0, 1, 2, ... of what `mask` (may be NULL) does not hide. */
struct clade_positions {
	const struct clade_input *input, *mask;
	int64_t batch, count, piece; /* [batch, count]; a run takes `piece` of them at once */
	const char *name;
};
/* These positions must still find their window in each ring. */
enum clade_status clade_session_check_rings(struct clade_session *session, const struct clade_positions *positions,
					    struct clade_diag *diag);
/* Before another batch: what each row has come to. */
enum clade_status clade_session_permute_rings(struct clade_session *session, const int32_t *rows, uint32_t count,
					      struct clade_diag *diag);
/* permute.c: an entry has run, so rows of the states that it writes are alike no more; and the end. */
void clade_session_wrote(struct clade_session *session, uint32_t entry);
void clade_session_permutation_finish(struct clade_session *session);
enum clade_status clade_session_run_hooked(struct clade_session *session, uint32_t entry,
					   const struct clade_input *inputs, size_t input_count,
					   const struct clade_run_hooks *hooks, struct clade_diag *diag);
/* The tensor of a value at a place, whatever kind it is; NULL if it is not there. Weights: in rows. */
const struct clade_tensor *clade_bound_tensor(struct clade_bound *bound, enum clade_place place, uint32_t value);

/* indices.c: fills session->indices; then, for an input, the largest value + 1 allowed at the bound dims and the tensor
 * that says so, or -1. *out_cache: its values are positions in a cache. */
enum clade_status clade_session_find_indices(struct clade_session *session, struct clade_diag *diag);
int64_t clade_session_index_bound(const struct clade_session *session, uint32_t entry, uint32_t input, bool *out_cache,
				  const char **out_target);

#endif

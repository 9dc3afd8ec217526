/* SPDX-License-Identifier: MIT */
/* Running a graph: choices, sessions, verification. */
#ifndef CLADE_SESSION_H
#define CLADE_SESSION_H

#include <clade/device.h>
#include <clade/graph.h>
#include <clade/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How implementations are chosen. Order: `rules` (command line) > lock file > pins > measured winners > first that
 * accepts. Values that were measured go with their implementation whoever chose it. */
struct clade_choices {
	uint32_t size;
	const char *const
		*rules; /* "PATTERN=NAME", NULL-terminated; a pattern without '/' and '.' also matches op names */
	const char *lock_text; /* contents of a lock file, NULL: none */
	bool strict;           /* a node that falls back to another device is an error */
	bool fast;             /* order own and reduced precision are allowed */
	bool open_all;         /* never take a block whole */
	bool keep_values;      /* no memory is reused: every node's value can be read (verify, plots) */
	bool profiling;
	/* Measured winners (tuned.h) as text, NULL: none. They must be of this device and driver (CLADE_ERR_DATA); one
	 * whose implementation is not there, refuses or has no such value any more is passed over. */
	const char *tuned_text;
};

/* Memory plus numbers for one graph on one device. Thread safety: one thread at a time; several sessions may share a
 * graph and a device. Errors leave the session usable unless the device itself failed. */
struct clade_session;
struct clade_session_params {
	uint32_t size;
	const struct clade_choices *choices; /* NULL: defaults */
	int64_t capacity;                    /* rows reserved in caches from the start; 0: they grow by doubling */
	/* Host memory that may be used, as the caller has found out; 0: not known. A model that does not fit in it (on
	 * devices that compute in host memory), or in the device's, is refused with the numbers before weights are
	 * read. */
	uint64_t host_bytes;
	uint32_t threads; /* of the host that read and pack weights; 0: one. More: they call the context's allocator */
};
CLADE_API enum clade_status clade_session_create(const struct clade_graph *graph, struct clade_device *device,
						 const struct clade_session_params *params,
						 struct clade_session **out_session, struct clade_diag *diag);
CLADE_API void clade_session_destroy(struct clade_session **session);

/* The next run is a prompt, which runs of one position follow: kernels for these are built with those for the prompt,
 * so that no step waits for a compiler. For callers who want more than the prompt's result. */
CLADE_API void clade_session_expect_steps(struct clade_session *session);

/* One input of a run: `type` as the caller has it (i64 is accepted where i32 is declared), dense row-major data. */
struct clade_input {
	const char *name;
	struct clade_type type;
	const void *data;
};
/* Runs an entry: binds dims from the inputs' shapes, takes defaults for absent inputs, plans when this bucket was not
 * planned before, splits into chunks where the entry allows it, and waits for the result. */
CLADE_API enum clade_status clade_session_run(struct clade_session *session, const char *entry,
					      const struct clade_input *inputs, size_t input_count,
					      struct clade_diag *diag);
/* The last run's output. Type first (NULL target), then data: `target` holds clade_type_bytes. */
CLADE_API enum clade_status clade_session_output(struct clade_session *session, const char *name,
						 struct clade_type *out_type, void *target, struct clade_diag *diag);
/* Forgets all states (their memory stays). */
CLADE_API enum clade_status clade_session_reset(struct clade_session *session, struct clade_diag *diag);
/* Beam search: in every state whose first axis is the session's batch, row i becomes what row rows[i] was, for i below
 * `count`; rows may repeat. Another `count` than the batch so far expands or shrinks it: the next run has a batch of
 * `count` (so an encoder, or a prompt, runs once a source and rows[] = 0 0 0 1 1 1 makes three beams of each). Copies
 * happen on the device, from each cache only the positions in use, and rows known to be copies of one source (as what
 * `encode` wrote, then expanded) do not move at all. Nothing is allocated but when a batch becomes larger than any
 * before. A row outside the batch: CLADE_ERR_DATA, and nothing has changed. */
CLADE_API enum clade_status clade_session_permute(struct clade_session *session, const int32_t *rows, uint32_t count,
						  struct clade_diag *diag);
/* Grows caches to hold `rows`. */
CLADE_API enum clade_status clade_session_reserve(struct clade_session *session, int64_t rows, struct clade_diag *diag);

/* ---- what was decided ---- */
struct clade_refusal {
	const char *impl, *why;
};
struct clade_plan_step {
	const char *path, *op, *impl, *device; /* device: the id where it runs */
	const char *order;                     /* "canonical", "own", "reduced" */
	const char *origin; /* "command line", "lock", "pin", "measured", "first that accepts", "only one" */
	bool is_copy, is_block, is_view;
	size_t refusal_count;
	const struct clade_refusal *refusals;
	uint64_t device_ns;     /* profiling sessions: of the last run */
	struct clade_cost cost; /* at the last run's shapes; caches count the rows in use */
	const char *tuned;      /* values of tunables that were measured, "rows=8"; "": its own choice */
	/* What it was planned for: types at the plan's bound. NULL for copies and views. Belongs to the session until
	 * its next plan. */
	const struct clade_node_info *node;
};
struct clade_plan_totals {
	uint64_t steps, launches, copies, copy_bytes, weight_bytes, state_bytes, arena_bytes, second_layout_bytes;
	double plan_seconds, build_seconds;
};
/* Plans without running: dims as "B=2", "T=16"; unbound run dims take the smallest bucket. */
CLADE_API enum clade_status clade_session_plan(struct clade_session *session, const char *entry,
					       const char *const *dims, struct clade_diag *diag);
/* Of the entry's plan made last. Index past the end: false. */
CLADE_API bool clade_session_step(const struct clade_session *session, const char *entry, size_t index,
				  struct clade_plan_step *out);
/* How weight `index` is held in memory. It stays as the files store it (f16, bf16, q8_0, q4_0) unless there is a
 * reason: `why`. Index past the end: false. */
struct clade_weight_info {
	const char *name;
	struct clade_type type; /* dtype: as devices hold it */
	uint64_t bytes;         /* so; layouts may pad it */
	const char *stored;     /* as the files store it ("q8_0", "q4_k"; of several types one); NULL: no files */
	bool expanded;          /* held as f32 though it is stored as something else */
	char why[160];          /* "" or the reason, the same for all weights that share it */
	const char *node;       /* path of the node or block that is the reason; NULL: none is */
};
CLADE_API bool clade_session_weight(const struct clade_session *session, size_t index, struct clade_weight_info *out);
CLADE_API bool clade_session_totals(const struct clade_session *session, const char *entry,
				    struct clade_plan_totals *out);
/* The choices as a lock file; the text belongs to the caller. */
CLADE_API enum clade_status clade_session_lock(const struct clade_session *session, char **out_text,
					       struct clade_diag *diag);

struct clade_session_counters {
	uint64_t plans, binds, runs, arena_allocations, state_growths, programs_built;
	double setup_seconds; /* of runs: plans, kernels, weights and memory, where they were not there yet */
};
CLADE_API void clade_session_get_counters(const struct clade_session *session, struct clade_session_counters *out);

/* ---- verify: every step against reference C, on the same inputs (own) and from the graph's inputs (cumulative) ----
 */
struct clade_verify_node {
	const char *path, *op, *impl, *order;
	bool bit_equal, ok;
	double max_ulp, max_abs, nmse; /* own: same inputs */
	double tolerance;              /* nmse allowed; 0: bits must be equal */
	bool cumulative_bit_equal;
	double cumulative_max_abs, cumulative_nmse;
};
typedef void clade_verify_fn(void *user, const struct clade_verify_node *node);
/* `session` is made with keep_values. Calls `report` for each step in order. Returns CLADE_ERR_MISMATCH if any failed;
 * *out_first then holds the first failing path (owned by the session). */
CLADE_API enum clade_status clade_session_verify(struct clade_session *session, const char *entry,
						 const struct clade_input *inputs, size_t input_count,
						 clade_verify_fn *report, void *user, const char **out_first,
						 struct clade_diag *diag);

#ifdef __cplusplus
}
#endif
#endif

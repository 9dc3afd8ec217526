/* SPDX-License-Identifier: MIT */
/* Steps: one op, one implementation, one device, prepared once and executed many times. A plan is a list of steps;
 * tests, verify and bench drive single ones. Also: what the registry knows. */
#ifndef CLADE_STEP_H
#define CLADE_STEP_H

#include <clade/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the registry of a context (read side; filled only through plugins) ---- */
CLADE_API const struct clade_op *clade_op_find(struct clade_context *context, const char *name);
CLADE_API size_t clade_op_count(struct clade_context *context);
CLADE_API const struct clade_op *clade_op_at(struct clade_context *context, size_t index); /* by name, ascending */
CLADE_API const char *clade_op_nearest(struct clade_context *context, const char *name);
/* Implementations of `op`, best first (priority descending, then name). index past the end: NULL. */
CLADE_API const struct clade_impl *clade_impl_at(struct clade_context *context, const char *op, size_t index);
CLADE_API const struct clade_impl *clade_impl_find(struct clade_context *context, const char *op, const char *name);
/* Its table of tunables, NULL-terminated; an empty one if it has none. */
CLADE_API const struct clade_tunable *const *clade_impl_tunables(const struct clade_impl *impl);
/* What its outputs may differ from the reference's by: NMSE. 0: not at all, their bits must be equal. */
CLADE_API double clade_impl_tolerance(const struct clade_impl *impl);
/* The file that registered it; "" for built-ins. */
CLADE_API const char *clade_impl_origin(struct clade_context *context, const struct clade_impl *impl);

/* Runs a plugin's entry that is linked in (this is how built-in ops arrive; ops/include/clade/builtin.h). */
CLADE_API enum clade_status clade_context_register(struct clade_context *context, clade_plugin_entry_fn *entry,
						   const char *origin, struct clade_diag *diag);

/* Params: defaults, then "name = value" pairs as text. */
CLADE_API void clade_params_default(const struct clade_op *op, void *params);
CLADE_API enum clade_status clade_params_parse(const struct clade_op *op, const char *attrs, void *params,
					       struct clade_diag *diag);
/* Types of all outputs from concrete input types: patterns, then infer. Inputs: port order, NULL if absent. */
CLADE_API enum clade_status clade_infer_types(const struct clade_op *op, const void *params, uint32_t input_count,
					      const struct clade_type *const *inputs, struct clade_type *outputs,
					      uint32_t *out_output_count, struct clade_diag *diag);
/* The same over symbolic dims: `ops` does the arithmetic on codes (graph). `outputs` holds one type for each of the
 * op's outputs; output_count is set. */
CLADE_API enum clade_status clade_infer_types_with(const struct clade_op *op, struct clade_infer *infer);

/* ---- choice ---- */
/* Whether the device's capabilities satisfy impl->needs and impl->accepts takes the node. */
CLADE_API bool clade_impl_accepts(const struct clade_impl *impl, const struct clade_node_info *node, char *why,
				  size_t why_size);

/* The number of the input that the op writes in place and that is then its output `output`; -1: none. */
CLADE_API int clade_op_state_input(const struct clade_op *op, uint32_t output);
/* What an execution of `op` with these types costs. */
CLADE_API void clade_op_cost(const struct clade_op *op, const struct clade_node_info *node, struct clade_cost *out);

/* ---- steps ---- */
struct clade_step; /* immutable once built; shareable between threads */
CLADE_API enum clade_status clade_step_create(struct clade_device *device, const struct clade_op *op,
					      const struct clade_impl *impl, const struct clade_node_info *node,
					      struct clade_step **out_step, struct clade_diag *diag);
CLADE_API void clade_step_destroy(struct clade_step **step);
CLADE_API struct clade_layout clade_step_layout(const struct clade_step *step, uint32_t input);
CLADE_API size_t clade_step_scratch_count(const struct clade_step *step);
CLADE_API size_t clade_step_scratch_bytes(const struct clade_step *step, size_t slot);
CLADE_API const struct clade_impl *clade_step_impl(const struct clade_step *step);
CLADE_API const struct clade_op *clade_step_op(const struct clade_step *step);
/* What it was created for; belongs to the step. */
CLADE_API const struct clade_node_info *clade_step_node(const struct clade_step *step);
/* Builds (or takes from the binary cache) all programs that these steps need: few, one for each set
 * of defines, and of kernels only those that are wanted. */
CLADE_API enum clade_status clade_steps_build(struct clade_device *device, struct clade_step *const *steps,
					      size_t count, struct clade_diag *diag);
/* Stores binaries of programs that were built from source since the last call, if the context has a cache. Slow on some
 * drivers: call it after the first result. Failure is logged, never fatal. */
CLADE_API void clade_device_save_programs(struct clade_device *device);
/* In a process that a context's `compile` (clade.h) has started: builds what is ordered of this device in the context's
 * cache and nobody else works at. `later` as there. Returns how many orders it has done; failures are logged. A
 * driver's compiler may end the process: nothing is lost but time. */
CLADE_API size_t clade_device_fill_cache(struct clade_device *device, bool later);

/* An executable instance: own kernel objects, one thread at a time, bound to one queue. The step must outlive it. */
struct clade_exec;
CLADE_API enum clade_status clade_exec_create(const struct clade_step *step, struct clade_queue *queue,
					      struct clade_exec **out_exec, struct clade_diag *diag);
CLADE_API void clade_exec_destroy(struct clade_exec **exec);
/* Enqueues one execution (on the host device: runs it). `scratch`: one tensor for each slot. Tensors need to live only
 * during the call; buffers until the queue has finished. `params`: NULL for those of the step's node, else a struct of
 * the same op (DIM attributes bound to numbers). */
CLADE_API enum clade_status clade_exec_run(struct clade_exec *exec, const void *params,
					   const struct clade_tensor *const *inputs,
					   const struct clade_tensor *const *outputs,
					   const struct clade_tensor *const *scratch, struct clade_diag *diag);
/* Enqueues the last clade_exec_run again, which went well: its params, tensors and the arrays of pointers to them must
 * still be there and unchanged, as their buffers must. Nothing is looked at again, so a run of launches costs little
 * more than these. */
CLADE_API enum clade_status clade_exec_repeat(struct clade_exec *exec, struct clade_diag *diag);
/* For load time: as clade_exec_run, but one work-group of each kernel that the device has not launched before with this
 * local size, since drivers compile or load kernels then. Outputs and scratch are overwritten with anything. With
 * `out_needed` nothing is launched: it says whether there is such a kernel. */
CLADE_API enum clade_status clade_exec_warm(struct clade_exec *exec, const void *params,
					    const struct clade_tensor *const *inputs,
					    const struct clade_tensor *const *outputs,
					    const struct clade_tensor *const *scratch, bool *out_needed,
					    struct clade_diag *diag);
/* Device nanoseconds of the last execution's launches; needs a profiling queue and a finish. 0 if unknown. */
CLADE_API uint64_t clade_exec_device_ns(struct clade_exec *exec);

/* ---- cases: builds the inputs that a case describes ---- */
struct clade_case_data {
	void *params; /* op->params_size bytes */
	uint32_t input_count, output_count;
	struct clade_type input_types[CLADE_MAX_PORTS], output_types[CLADE_MAX_PORTS];
	bool present[CLADE_MAX_PORTS];
	enum clade_source_kind sources[CLADE_MAX_PORTS];
	void *inputs[CLADE_MAX_PORTS];     /* dense row-major host arrays */
	int64_t row_gap[CLADE_MAX_PORTS];  /* "strided": extra elements between rows of the last axis, else 0 */
	int64_t capacity[CLADE_MAX_PORTS]; /* "state:C", else 0 */
};
/* Deterministic in (op, case, seed). */
CLADE_API enum clade_status clade_case_build(struct clade_context *context, const struct clade_op *op,
					     const struct clade_case *test_case, uint64_t seed,
					     struct clade_case_data *out, struct clade_diag *diag);
/* The node that the case is: fills inputs and outputs (CLADE_MAX_PORTS pointers each, which the node refers to) with
 * the types of what is present; every output is wanted. Refers to `data`. */
CLADE_API struct clade_node_info clade_case_node(const struct clade_case_data *data,
						 const struct clade_device_info *device,
						 const struct clade_type **inputs, const struct clade_type **outputs);
CLADE_API void clade_case_finish(struct clade_context *context, struct clade_case_data *data);

#ifdef __cplusplus
}
#endif
#endif

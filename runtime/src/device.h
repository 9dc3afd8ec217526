/* SPDX-License-Identifier: MIT */
/* Private side of devices, queues, buffers and steps. A kind of device is a table of functions (struct clade_driver);
 * nothing outside that kind's folder asks which kind it is talking to. */
#ifndef CLADE_RUNTIME_DEVICE_H
#define CLADE_RUNTIME_DEVICE_H

#include "internal.h"
#include <stdatomic.h>

struct clade_driver;

/* A device seen while listing. The handles are the driver's own. */
struct clade_found {
	struct clade_device_info info;
	const struct clade_driver *driver;
	void *platform, *device;
};
struct clade_found_list {
	struct clade_found *items;
	size_t count, room;
};

struct clade_device {
	struct clade_context *context;
	const struct clade_driver *driver;
	atomic_uint references;
	struct clade_device_info info;
	_Atomic uint64_t kernels_created, launches, buffers_created, buffer_bytes, writes, reads, finishes;
	_Atomic uint64_t live_bytes; /* of all buffers that exist */
	_Atomic uint64_t next_serial;
	/* Programs: guarded by lock. */
	pthread_mutex_t lock;
	uint64_t programs_built, programs_from_cache;
	double build_seconds;
	void *state; /* the driver's */
};

struct clade_queue {
	struct clade_device *device;
	bool profiling;
	void *handle; /* the driver's */
};

struct clade_buffer {
	struct clade_device *device;
	atomic_uint references;
	size_t bytes;
	uint64_t serial; /* never used twice on a device: a handle's address may be */
	void *handle;    /* memory, or cl_mem; NULL if bytes is 0 */
};

/* A kernel that a step asked for in prepare. */
struct clade_step_kernel {
	char *source, *function, *defines; /* defines: sorted words, "" if none */
	void *program;                     /* the driver's, owned by the device; NULL until built */
};

struct clade_step {
	struct clade_device *device;
	const struct clade_op *op;
	const struct clade_impl *impl;
	struct clade_node_info node; /* points into the step's own memory */
	void *params, *data;
	struct clade_type types[2 * CLADE_MAX_PORTS];
	const struct clade_type *inputs[CLADE_MAX_PORTS], *outputs[CLADE_MAX_PORTS];
	enum clade_source_kind sources[CLADE_MAX_PORTS];
	int32_t tuned[CLADE_MAX_TUNABLES];
	struct clade_layout layouts[CLADE_MAX_PORTS];
	struct clade_step_kernel *kernels;
	size_t kernel_count, *scratch, scratch_count;
	struct clade_tensor *constants;
	const struct clade_tensor **constant_views; /* what run sees: constants, in order */
	size_t constant_count;
};

struct clade_exec {
	const struct clade_step *step;
	struct clade_queue *queue;
	void *state; /* the driver's: kernel objects and what their arguments are */
	/* PROBE: nothing is launched; WARM: one group of each kernel variant that the device has not launched yet */
	enum { CLADE_EXEC_RUN, CLADE_EXEC_PROBE, CLADE_EXEC_WARM } mode;
	bool needed; /* PROBE: there is such a variant */
	bool native; /* it enqueues by itself; in PROBE and WARM that is left out */
	/* The last run went well, and what it was given. */
	bool repeatable;
	struct clade_run last;
	uint64_t
		host_ns; /* profiling queues: what the last execution took inside run(); all of it on the host device */
};

/* What prepare's and run's `opaque` point to. */
struct clade_prepare_state {
	struct clade_step *step;
	struct clade_diag *diag;
};
struct clade_run_state {
	struct clade_exec *exec;
	struct clade_diag *diag;
};

/* One kind of device. Arguments have been checked by the caller (ranges, NULLs, zero bytes never arrive). */
struct clade_driver {
	const char *name;
	/* Appends this kind's devices. One that fails is skipped and logged; only out of memory is an error. */
	enum clade_status (*list)(struct clade_context *context, struct clade_found_list *list,
				  struct clade_diag *diag);
	enum clade_status (*open)(struct clade_device *device, const struct clade_found *found,
				  struct clade_diag *diag);
	void (*close)(struct clade_device *device); /* also after a failed open */
	enum clade_status (*queue_create)(struct clade_queue *queue, struct clade_diag *diag);
	void (*queue_destroy)(struct clade_queue *queue);
	enum clade_status (*queue_finish)(struct clade_queue *queue, struct clade_diag *diag);
	/* `values`: initial contents of a read-only buffer, or NULL. */
	enum clade_status (*buffer_create)(struct clade_buffer *buffer, size_t bytes, const void *values,
					   struct clade_diag *diag);
	void (*buffer_destroy)(struct clade_buffer *buffer);
	void *(*buffer_host)(struct clade_buffer *buffer);
	enum clade_status (*write)(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
				   const void *source, size_t bytes, bool wait, struct clade_diag *diag);
	/* Waits until the memory is there. */
	enum clade_status (*map)(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
				 void **out_memory, struct clade_diag *diag);
	enum clade_status (*unmap)(struct clade_queue *queue, struct clade_buffer *buffer, void *memory,
				   struct clade_diag *diag);
	enum clade_status (*read)(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, void *target,
				  size_t bytes, bool wait, struct clade_diag *diag);
	enum clade_status (*copy)(struct clade_queue *queue, struct clade_buffer *source, size_t source_offset,
				  struct clade_buffer *target, size_t target_offset, size_t bytes,
				  struct clade_diag *diag);
	enum clade_status (*fill)(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
				  uint32_t pattern, struct clade_diag *diag);
	enum clade_status (*build)(struct clade_device *device, struct clade_step *const *steps, size_t count,
				   struct clade_diag *diag);
	void (*save_programs)(struct clade_device *device);
	size_t (*fill_cache)(struct clade_device *device, bool later);
	void (*try_dot)(struct clade_device *device); /* NULL: nothing can be tried */
	enum clade_status (*exec_create)(struct clade_exec *exec, struct clade_diag *diag);
	void (*exec_destroy)(struct clade_exec *exec);
	void (*exec_begin)(struct clade_exec *exec); /* before each run */
	enum clade_status (*launch)(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				    uint32_t arg_count, const uint64_t global[3], const uint32_t local[3],
				    struct clade_diag *diag);
	/* Makes the launches of the last run again. Returns false if they cannot be: then it is run again. NULL: never.
	 */
	bool (*relaunch)(struct clade_exec *exec, enum clade_status *out_status, struct clade_diag *diag);
	/* Whether the kernel was launched before with this local size; NULL: it makes no difference. Then one group. */
	bool (*is_warm)(struct clade_exec *exec, uint32_t slot, const uint32_t local[3]);
	enum clade_status (*warm)(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				  uint32_t arg_count, const uint32_t local[3], struct clade_diag *diag);
	uint64_t (*exec_ns)(struct clade_exec *exec);
	void (*native)(struct clade_exec *exec, struct clade_native *out);
	void *(*native_buffer)(struct clade_buffer *buffer);
	/* Whether a tensor's memory can be used by this device; `why` says what is missing. */
	bool (*tensor_ok)(const struct clade_device *device, const struct clade_tensor *tensor, const char **why);
};
extern const struct clade_driver clade_driver_host, clade_driver_cl;

/* Appends a zeroed entry; NULL if there is no memory. */
struct clade_found *clade_found_add(struct clade_context *context, struct clade_found_list *list,
				    const struct clade_driver *driver);
/* A buffer with contents that kernels only read. */
enum clade_status clade_buffer_create_constant(struct clade_device *device, size_t bytes, const void *values,
					       struct clade_buffer **out_buffer, struct clade_diag *diag);
/* Case-insensitive: whether `part` occurs in `text`. */
bool clade_text_has(const char *text, const char *part);

/* The parts of struct clade_host that belong to steps (step.c) and executions (exec.c). */
enum clade_status clade_prepare_kernel(struct clade_prepare *prepare, const char *source, const char *function,
				       const char *defines, uint32_t *out_slot);
enum clade_status clade_prepare_scratch(struct clade_prepare *prepare, size_t bytes, uint32_t *out_slot);
enum clade_status clade_prepare_constant(struct clade_prepare *prepare, const struct clade_type *type,
					 const void *values, uint32_t *out_slot);
enum clade_status clade_prepare_layout(struct clade_prepare *prepare, uint32_t input, struct clade_layout layout);
enum clade_status clade_prepare_fail(struct clade_prepare *prepare, enum clade_status status, const char *format, ...)
	CLADE_PRINTF(3, 4);
enum clade_status clade_run_launch(const struct clade_run *run, uint32_t slot, const struct clade_arg *args,
				   uint32_t arg_count, const uint64_t global[3], const uint32_t local[3]);
enum clade_status clade_run_native(const struct clade_run *run, struct clade_native *out);
void *clade_run_native_buffer(const struct clade_run *run, const struct clade_tensor *tensor);
enum clade_status clade_run_fail(const struct clade_run *run, enum clade_status status, const char *format, ...)
	CLADE_PRINTF(3, 4);

#endif

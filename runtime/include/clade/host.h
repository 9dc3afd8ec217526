/* SPDX-License-Identifier: MIT */
/* What the host offers to ops, implementations and plugins. A plugin links to nothing of ours: everything it may call
 * is in struct clade_host, which it receives in its one exported function. Built-in ops come in through the same door.
 */
#ifndef CLADE_HOST_H
#define CLADE_HOST_H

#include <clade/op.h>

#ifdef __cplusplus
extern "C" {
#endif

struct clade_registry;

/* An OpenCL C source. Another source includes it by #include "name". `text` is NUL-terminated. */
struct clade_kernel_source {
	uint32_t size;
	const char *name; /* "norm/layer_norm.cl" */
	const char *text;
};

enum clade_arg_kind {
	CLADE_ARG_TENSOR, /* two kernel arguments: __global T *, ulong element offset */
	CLADE_ARG_I32,
	CLADE_ARG_U32,
	CLADE_ARG_I64,
	CLADE_ARG_F32,
	CLADE_ARG_LOCAL /* bytes of local memory */
};
struct clade_arg {
	enum clade_arg_kind kind;
	union {
		const struct clade_tensor *tensor; /* NULL: a null pointer and offset 0 (optional port absent) */
		int32_t i32;
		uint32_t u32;
		int64_t i64;
		float f32;
		uint64_t bytes;
	} value;
};
#define CLADE_TENSOR(t)                                                                                                \
	{                                                                                                              \
		CLADE_ARG_TENSOR,                                                                                      \
		{                                                                                                      \
			.tensor = (t)                                                                                  \
		}                                                                                                      \
	}
#define CLADE_INT(v)                                                                                                   \
	{                                                                                                              \
		CLADE_ARG_I32,                                                                                         \
		{                                                                                                      \
			.i32 = (int32_t)(v)                                                                            \
		}                                                                                                      \
	}
#define CLADE_UINT(v)                                                                                                  \
	{                                                                                                              \
		CLADE_ARG_U32,                                                                                         \
		{                                                                                                      \
			.u32 = (uint32_t)(v)                                                                           \
		}                                                                                                      \
	}
#define CLADE_LONG(v)                                                                                                  \
	{                                                                                                              \
		CLADE_ARG_I64,                                                                                         \
		{                                                                                                      \
			.i64 = (int64_t)(v)                                                                            \
		}                                                                                                      \
	}
#define CLADE_FLOAT(v)                                                                                                 \
	{                                                                                                              \
		CLADE_ARG_F32,                                                                                         \
		{                                                                                                      \
			.f32 = (float)(v)                                                                              \
		}                                                                                                      \
	}

struct clade_host;

/* Passed to clade_impl.prepare. */
struct clade_prepare {
	uint32_t size;
	const struct clade_host *host;
	const struct clade_node_info *node;
	void *data; /* impl->data_size zeroed bytes, kept by the plan */
	void *opaque;
};
/* Passed to clade_impl.run. Absent inputs and unused outputs are NULL. */
struct clade_run {
	uint32_t size;
	const struct clade_host *host;
	const void *params, *data;
	uint32_t input_count, output_count;
	const struct clade_tensor *const *inputs, *const *outputs;
	const struct clade_tensor *const *scratch, *const *constants; /* in the order they were asked for */
	const struct clade_device_info *device;
	void *opaque;
	const int32_t *tuned; /* values of the implementation's tunables, as in prepare's node; 0: its own choice */
};
/* Native OpenCL handles for implementations that call a library; NULL on the host device. */
struct clade_native {
	uint32_t size;
	void *platform, *device, *context, *queue; /* cl_platform_id, cl_device_id, cl_context, cl_command_queue */
};

struct clade_host {
	uint32_t size;
	uint32_t abi; /* CLADE_ABI of the host */
	/* registration, only inside clade_plugin_entry */
	enum clade_status (*add_op)(struct clade_registry *registry, const struct clade_op *op);
	enum clade_status (*add_impl)(struct clade_registry *registry, const struct clade_impl *impl);
	enum clade_status (*add_kernel)(struct clade_registry *registry, const struct clade_kernel_source *source);
	/* The reason for a failure that the calling plugin, prepare or run is about to return. Returns `status`. */
	enum clade_status (*registry_fail)(struct clade_registry *registry, enum clade_status status,
					   const char *format, ...) CLADE_PRINTF(3, 4);
	/* -- prepare: each returns OK or a status to hand on; *out_slot counts from 0 in the order of the calls -- */
	/* `function` of source `source`, built with `defines` ("KC=256 TYPE=1", may be NULL) and the prelude. */
	enum clade_status (*kernel)(struct clade_prepare *prepare, const char *source, const char *function,
				    const char *defines, uint32_t *out_slot);
	/* Memory for one execution, seen as f32 (its offset counts words); reused afterwards by other nodes. */
	enum clade_status (*scratch)(struct clade_prepare *prepare, size_t bytes, uint32_t *out_slot);
	/* A read-only array copied to the device once. */
	enum clade_status (*constant)(struct clade_prepare *prepare, const struct clade_type *type, const void *values,
				      uint32_t *out_slot);
	/* The layout in which this input (a weight) must arrive; ROWS if never asked. */
	enum clade_status (*layout)(struct clade_prepare *prepare, uint32_t input, struct clade_layout layout);
	enum clade_status (*prepare_fail)(struct clade_prepare *prepare, enum clade_status status, const char *format,
					  ...) CLADE_PRINTF(3, 4);
	/* -- run -- */
	/* Enqueues kernel `slot`. Work is global[0] x [1] x [2] items in groups of local[]; global is rounded up by us
	 * to a multiple of local, so kernels guard by index. local NULL: 1 x 1 x 1. Any zero in global: nothing
	 * happens. */
	enum clade_status (*launch)(const struct clade_run *run, uint32_t slot, const struct clade_arg *args,
				    uint32_t arg_count, const uint64_t global[3], const uint32_t local[3]);
	enum clade_status (*native)(const struct clade_run *run, struct clade_native *out);
	void *(*native_buffer)(const struct clade_run *run, const struct clade_tensor *tensor); /* cl_mem */
	enum clade_status (*run_fail)(const struct clade_run *run, enum clade_status status, const char *format, ...)
		CLADE_PRINTF(3, 4);
};

/* The one function that a plugin exports. Called once; what it registered before failing is taken back. */
#define CLADE_PLUGIN_SYMBOL "clade_plugin_entry"
typedef enum clade_status clade_plugin_entry_fn(const struct clade_host *host, struct clade_registry *registry);
/* Beside it, the ABI that the plugin was built for, which the loader reads before it calls anything. A plugin writes
 *	CLADE_PLUGIN(host, registry) { return host->add_op(registry, &my_op); }
 */
#define CLADE_PLUGIN_ABI_SYMBOL "clade_plugin_abi"
#define CLADE_PLUGIN(host, registry)                                                                                   \
	CLADE_API extern const uint32_t clade_plugin_abi;                                                              \
	const uint32_t clade_plugin_abi = CLADE_ABI;                                                                   \
	CLADE_API enum clade_status clade_plugin_entry(const struct clade_host *host,                                  \
						       struct clade_registry *registry);                               \
	enum clade_status clade_plugin_entry(const struct clade_host *host, struct clade_registry *registry)

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
/* Devices, buffers and queues. The host device `ref` always exists and runs reference C; every other device is OpenCL.
 */
#ifndef CLADE_DEVICE_H
#define CLADE_DEVICE_H

#include <clade/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum clade_device_kind {
	CLADE_DEVICE_HOST,
	CLADE_DEVICE_GPU,
	CLADE_DEVICE_ACCELERATOR,
	CLADE_DEVICE_CPU,
	CLADE_DEVICE_OTHER
};

/* Capabilities: plain data, 0 means "no" or "unknown". Append only. */
struct clade_device_info {
	uint32_t size;
	enum clade_device_kind kind;
	char id[16]; /* "ref" or "cl:P.D" */
	char name[128], platform[128], vendor[64], driver[64], version[64];
	uint32_t compute_units, max_work_group, max_work_item[3];
	uint64_t global_bytes, max_alloc_bytes, local_bytes;
	uint32_t base_align;          /* bytes */
	uint32_t native_float_width;  /* what the driver reports */
	uint32_t fp16, fp64, int_dot; /* arithmetic available */
	uint32_t sub_groups;          /* 1 if kernels may use sub-groups */
	uint32_t sub_group_sizes[8];  /* 0-terminated */
	uint32_t out_of_order, profiling;
	uint32_t opencl_major, opencl_minor;
	/* chosen by us from the above and from the quirk table; kernels are built with them as VW, MR, NV */
	uint32_t vector_width; /* floats a vector: 16, 8, 4 or 1 */
	uint32_t tile_rows;    /* MR of the register tile */
	uint32_t tile_vectors; /* NV; a panel has VW * NV columns */
	uint32_t rank;         /* order of preference, lower is better */
	uint32_t soft_fma;     /* 1: fma is emulated in software (slow) */
	char quirks[256];      /* names of the rows of the quirk table that apply, comma-separated */
	/* Iterations of loops after which the driver ends every loop of a work-item, in silence; 0: none. Kernels whose
	 * loops follow a row's length refuse longer rows (clade_kit_loops_fit). */
	uint32_t loop_limit;
	/* Floating-point operations that one launch may hold, so that a slow device of this kind is done in half a
	 * second (GPUs end longer kernels, or the screen stops); 0: any number. */
	uint64_t launch_flops;
	uint32_t sub_group_shuffle; /* 1 if kernels may ask for a size of sub_group_sizes and shuffle (Intel's
				       extensions) */
	uint32_t compiles_late; /* 1: a kernel is compiled when it is first launched, not when its program is built */
	uint32_t dot;           /* enum clade_dot; clade_device_try_dot may change it once */
	char dot_defines[32];   /* CLADE_DOT_READY: what kernels are built with for it, as "DOT=vnni" */
};

/* Whether kernels may multiply bytes by one of the forms of kernels/include/dot_forms.clh. */
enum clade_dot {
	CLADE_DOT_NONE,    /* the device has what no form needs */
	CLADE_DOT_UNTRIED, /* it has what one needs; clade_device_try_dot finds out about the driver */
	CLADE_DOT_READY,   /* a form was tried and right */
	CLADE_DOT_NOBODY,  /* the context has nobody to try one, or no cache to keep the outcome */
	CLADE_DOT_FAILED   /* processes that tried them died or got wrong numbers */
};

/* All devices, `ref` first. On success the array belongs to the caller (clade_device_list_free). A platform that
 * fails or has no device is skipped and logged. */
CLADE_API enum clade_status clade_device_list(struct clade_context *context, struct clade_device_info **out_infos,
					      size_t *out_count, struct clade_diag *diag);
CLADE_API void clade_device_list_free(struct clade_context *context, struct clade_device_info **infos);

/* Thread safety: a device may be shared; reference-counted. */
struct clade_device;
/* `selector`: "ref", "cl", "cl:P.D", or part of a platform's or device's name or of a quirk's ("pocl"),
 * case-insensitive (ambiguous: an error that lists the candidates). NULL: the best OpenCL device, else `ref` with a
 * NOTE in the log. */
CLADE_API enum clade_status clade_device_open(struct clade_context *context, const char *selector,
					      struct clade_device **out_device, struct clade_diag *diag);
CLADE_API struct clade_device *clade_device_ref(struct clade_device *device);
CLADE_API void clade_device_unref(struct clade_device **device);
CLADE_API const struct clade_device_info *clade_device_get_info(const struct clade_device *device);
/* Turns CLADE_DOT_UNTRIED into one of the three after it, by the first form, best first, that passes its trial: a
 * process that the context's `compile` (clade.h) starts builds and runs a kernel, so that nothing can happen to this
 * one. Takes about a second a form the first time; the cache remembers. Anything else stays as it is. */
CLADE_API void clade_device_try_dot(struct clade_device *device);

/* One in-order queue. Thread safety: one thread at a time. Calls that return before the device is done say so; an
 * error of an earlier command may appear at clade_queue_finish. `profiling`: record each launch's device time. */
struct clade_queue;
CLADE_API enum clade_status clade_queue_create(struct clade_device *device, bool profiling,
					       struct clade_queue **out_queue, struct clade_diag *diag);
CLADE_API void clade_queue_destroy(struct clade_queue **queue);
CLADE_API enum clade_status clade_queue_finish(struct clade_queue *queue, struct clade_diag *diag);

/* Memory on one device. `bytes` 0 is allowed (nothing is allocated). Over the device's max_alloc_bytes: an error. */
CLADE_API enum clade_status clade_buffer_create(struct clade_device *device, size_t bytes,
						struct clade_buffer **out_buffer, struct clade_diag *diag);
CLADE_API struct clade_buffer *clade_buffer_ref(struct clade_buffer *buffer);
CLADE_API void clade_buffer_unref(struct clade_buffer **buffer);
CLADE_API size_t clade_buffer_size(const struct clade_buffer *buffer);
/* The host device's memory; NULL on OpenCL devices. */
CLADE_API void *clade_buffer_host(struct clade_buffer *buffer);
/* Blocking when `wait`; else `source` must stay unchanged until the queue has finished. */
CLADE_API enum clade_status clade_buffer_write(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
					       const void *source, size_t bytes, bool wait, struct clade_diag *diag);
/* Memory for the host to write all of [offset, offset + bytes) in, whose contents so far are lost. They are on the
 * device, for commands after it, once clade_buffer_unmap has given it back, which also a caller who failed must do.
 * Devices that work in the host's memory copy nothing. `bytes` 0: *out_memory is NULL, and there is nothing to unmap.
 */
CLADE_API enum clade_status clade_buffer_map(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
					     size_t bytes, void **out_memory, struct clade_diag *diag);
CLADE_API enum clade_status clade_buffer_unmap(struct clade_queue *queue, struct clade_buffer *buffer, void *memory,
					       struct clade_diag *diag);
CLADE_API enum clade_status clade_buffer_read(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
					      void *target, size_t bytes, bool wait, struct clade_diag *diag);
CLADE_API enum clade_status clade_buffer_copy(struct clade_queue *queue, struct clade_buffer *source,
					      size_t source_offset, struct clade_buffer *target, size_t target_offset,
					      size_t bytes, struct clade_diag *diag);
/* Fills with a repeated 32-bit pattern; offset and bytes are multiples of 4. */
CLADE_API enum clade_status clade_buffer_fill(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
					      size_t bytes, uint32_t pattern, struct clade_diag *diag);

/* What a device has done since it was opened; for tests and --stats. */
struct clade_device_counters {
	uint64_t programs_built, programs_from_cache, kernels_created, launches, buffers_created, buffer_bytes, writes,
		reads, finishes;
	double build_seconds;
};
CLADE_API void clade_device_get_counters(const struct clade_device *device, struct clade_device_counters *out);

#ifdef __cplusplus
}
#endif
#endif

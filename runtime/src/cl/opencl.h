/* SPDX-License-Identifier: MIT */
/* What the files of the OpenCL driver share. Only this folder includes CL/cl.h; only functions of OpenCL 1.2 are
 * called. */
#ifndef CLADE_RUNTIME_OPENCL_H
#define CLADE_RUNTIME_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <sys/types.h>

#include "../device.h"

enum { CLADE_KEY_BYTES = 32 };

/* Text that grows; `failed` is sticky, so that callers check once at the end. */
struct clade_text {
	struct clade_context *context;
	char *data;
	size_t length, room;
	bool failed;
};
void clade_text_init(struct clade_text *text, struct clade_context *context);
void clade_text_finish(struct clade_text *text);
void clade_text_add(struct clade_text *text, const char *data, size_t length);
void clade_text_format(struct clade_text *text, const char *format, ...) CLADE_PRINTF(2, 3);

enum { CLADE_CL_LANES = 16, CLADE_CL_MOST_WORDS = 128, CLADE_CL_KERNEL_NAME = 96 };
struct clade_cl_packed {
	char name[CLADE_CL_KERNEL_NAME];
	unsigned words; /* of all its numbers */
};

/* A program: kernels of one registration (ours, or a plugin's) with one set of defines. Kept until the device closes.
 */
struct clade_cl_program {
	struct clade_cl_program *next;
	const struct clade_module *module;
	char *defines;
	const char **sources; /* sorted; the names belong to the registered sources */
	size_t source_count, source_room;
	struct clade_cl_function {
		const char *source; /* one of `sources` */
		char *name;
	} * functions; /* sorted; the text holds these kernels and no others... */
	size_t function_count, function_room;
	bool whole;                     /* ... but all that its sources have */
	struct clade_cl_packed *packed; /* kernels that take their numbers in vectors (pack.c) */
	size_t packed_count;
	cl_program handle;
	unsigned char key[CLADE_KEY_BYTES];
	bool to_save; /* built from source and not yet stored */
};

/* clade_device.state of an OpenCL device. */
struct clade_cl_device {
	cl_platform_id platform;
	cl_device_id device;
	cl_context context;
	pid_t pid;       /* no OpenCL call is made in a child process: it would hang */
	atomic_int lost; /* the code that ended this device, else 0 */
	size_t max_argument_bytes;
	char *identity; /* everything about platform, device, driver and CPU that can change a binary */
	int cache;      /* the cache's folder, -1: none */
	struct clade_cl_program *programs; /* guarded by clade_device.lock, as what follows */
	uint64_t *warm;                    /* kernels, with their local sizes, that have been launched to be compiled */
	size_t warm_count, warm_room;
};

static inline struct clade_cl_device *clade_cl_state(const struct clade_device *device)
{
	return device->state;
}

/* ---- errors.c ---- */
const char *clade_cl_code_name(cl_int code);
/* OK for CL_SUCCESS; else records call, code, device, and marks the device lost after codes that no context survives.
 */
enum clade_status clade_cl_check(struct clade_device *device, cl_int code, const char *call, struct clade_diag *diag);
/* Whether calls may be made: not after a loss, not in a child process. */
enum clade_status clade_cl_alive(struct clade_device *device, struct clade_diag *diag);
/* Whether objects may still be released. */
bool clade_cl_may_release(const struct clade_device *device);

/* ---- quirks.c ---- */
/* Adjusts what the device said by the rows of the quirk table that match, then chooses width, tile and rank. */
void clade_cl_apply_quirks(struct clade_device_info *info, bool unified_memory);

/* ---- trial.c ---- */
/* Sets `dot` from what else is known. */
void clade_cl_find_dot(struct clade_device_info *info);
/* clade_device_try_dot. */
void clade_cl_try_dot(struct clade_device *device);
/* What stands in an order for the number of kernels if its program is to be tried. */
#define CLADE_CL_TRIAL UINT32_MAX
/* Tries the program of this text, whose key is `key`; may end the process. */
void clade_cl_work_at_trial(struct clade_device *device, cl_command_queue queue, const unsigned char *key,
			    const struct clade_text *text);

/* ---- list.c ---- */
enum clade_status clade_cl_list(struct clade_context *context, struct clade_found_list *list, struct clade_diag *diag);
/* A string property, trimmed; "" if the query fails. Free with clade_free. NULL if there is no memory. */
char *clade_cl_device_string(struct clade_context *context, cl_device_id device, cl_device_info name);
char *clade_cl_platform_string(struct clade_context *context, cl_platform_id platform, cl_platform_info name);

/* ---- memory.c ---- */
enum clade_status clade_cl_queue_create(struct clade_queue *queue, struct clade_diag *diag);
void clade_cl_queue_destroy(struct clade_queue *queue);
enum clade_status clade_cl_queue_finish(struct clade_queue *queue, struct clade_diag *diag);
enum clade_status clade_cl_buffer_create(struct clade_buffer *buffer, size_t bytes, const void *values,
					 struct clade_diag *diag);
void clade_cl_buffer_destroy(struct clade_buffer *buffer);
enum clade_status clade_cl_write(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
				 const void *source, size_t bytes, bool wait, struct clade_diag *diag);
enum clade_status clade_cl_map(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
			       void **out_memory, struct clade_diag *diag);
enum clade_status clade_cl_unmap(struct clade_queue *queue, struct clade_buffer *buffer, void *memory,
				 struct clade_diag *diag);
enum clade_status clade_cl_read(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, void *target,
				size_t bytes, bool wait, struct clade_diag *diag);
enum clade_status clade_cl_copy(struct clade_queue *queue, struct clade_buffer *source, size_t source_offset,
				struct clade_buffer *target, size_t target_offset, size_t bytes,
				struct clade_diag *diag);
enum clade_status clade_cl_fill(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
				uint32_t pattern, struct clade_diag *diag);

/* ---- source.c ---- */
/* The full text of a program: prelude, then each source with its includes expanded and lines marked by #line. Kernels
 * that the program does not have are left out: drivers compile all that they see. */
enum clade_status clade_cl_expand(struct clade_device *device, struct clade_cl_program *program, struct clade_text *out,
				  struct clade_diag *diag);

/* Of a registered source with all that it includes, again where that is included twice; 0: there is none. Call with
 * depth 0. */
size_t clade_cl_source_length(struct clade_context *context, const char *name, int depth);

/* ---- group.c ---- */
/* The program of the list that holds this kernel, or NULL. */
struct clade_cl_program *clade_cl_program_find(struct clade_context *context, struct clade_cl_program *list,
					       const struct clade_step_kernel *kernel);
bool clade_cl_program_has(const struct clade_cl_program *program, const char *source, const char *function);
/* Adds to `pending` what this kernel needs and no program of the device has; `whole`: with all of its source. False
 * without memory. */
bool clade_cl_program_want(struct clade_device *device, const struct clade_step_kernel *kernel, bool whole,
			   struct clade_cl_program **pending);
void clade_cl_program_free(struct clade_device *device, struct clade_cl_program *program);
void clade_cl_programs_release(struct clade_device *device);

/* ---- pick.c ---- */
enum { CLADE_CL_MOST_MAKERS = 32 };
/* Reading a program's text line by line, includes in their place. */
struct clade_cl_pick {
	const struct clade_cl_program *program;
	struct {
		char name[64];
		size_t length;
	} makers[CLADE_CL_MOST_MAKERS]; /* macros that define kernels */
	size_t maker_count;
	char name[64]; /* of the macro whose definition is being read; length 0: of no interest */
	size_t name_length;
	bool in_macro;
	enum { CLADE_CL_DROP_NOTHING, CLADE_CL_DROP_BODY, CLADE_CL_DROP_CALL } dropping;
	int depth;
};
void clade_cl_pick_init(struct clade_cl_pick *pick, const struct clade_cl_program *program);
/* Whether this line (without its end) belongs to the program. */
bool clade_cl_pick_line(struct clade_cl_pick *pick, const char *line, size_t length);

/* ---- pack.c ---- */
/* Numbers of `words` words are uint16 as long as there are more than 16, then the smallest of uint4, uint8, uint16. */
static inline unsigned clade_cl_vectors(unsigned words)
{
	return (words + CLADE_CL_LANES - 1) / CLADE_CL_LANES;
}
static inline unsigned clade_cl_lanes(unsigned words, unsigned vector)
{
	unsigned rest = words - CLADE_CL_LANES * vector;

	return rest > 8 ? CLADE_CL_LANES : rest > 4 ? 8 : 4;
}
/* Rewrites the kernels of a program's text and notes in the program which; text->failed without memory. */
void clade_cl_pack(struct clade_cl_program *program, struct clade_text *text);
/* 0: this kernel's numbers are arguments of their own. */
unsigned clade_cl_packed_words(const struct clade_cl_program *program, const char *function);

/* ---- program.c ---- */
#define CLADE_CL_BUILD_OPTIONS "-cl-std=CL1.2"
enum clade_status clade_cl_build(struct clade_device *device, struct clade_step *const *steps, size_t count,
				 struct clade_diag *diag);
void clade_cl_save_programs(struct clade_device *device);
/* Of a clock that only goes forward. */
double clade_cl_seconds(void);
/* What a binary is stored under: everything that it depends on. False if libcrypto fails. */
bool clade_cl_program_key(const struct clade_cl_device *state, const char *text, size_t length,
			  unsigned char out[CLADE_KEY_BYTES]);
/* Its text and key. */
enum clade_status clade_cl_program_identify(struct clade_device *device, struct clade_cl_program *program,
					    struct clade_text *text, struct clade_diag *diag);
enum clade_status clade_cl_build_from_source(struct clade_device *device, struct clade_cl_program *program,
					     const struct clade_text *text, struct clade_diag *diag);
/* Fetches the binary and stores it. */
void clade_cl_save_program(struct clade_device *device, struct clade_cl_program *program);

/* ---- order.c ---- */
/* Asks the context's `compile` for the programs of the list that the cache lacks, before they are built here. */
void clade_cl_order_pending(struct clade_device *device, struct clade_cl_program *pending);
/* Asks it for the binaries of programs that were built from source: those are then not `to_save` any more. */
void clade_cl_order_binaries(struct clade_device *device);
size_t clade_cl_fill_cache(struct clade_device *device, bool later);

/* ---- exec.c ---- */
enum clade_status clade_cl_exec_create(struct clade_exec *exec, struct clade_diag *diag);
void clade_cl_exec_destroy(struct clade_exec *exec);
void clade_cl_exec_begin(struct clade_exec *exec);
enum clade_status clade_cl_launch(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				  uint32_t arg_count, const uint64_t global[3], const uint32_t local[3],
				  struct clade_diag *diag);
bool clade_cl_relaunch(struct clade_exec *exec, enum clade_status *out_status, struct clade_diag *diag);
bool clade_cl_is_warm(struct clade_exec *exec, uint32_t slot, const uint32_t local[3]);
enum clade_status clade_cl_warm(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				uint32_t arg_count, const uint32_t local[3], struct clade_diag *diag);
uint64_t clade_cl_exec_ns(struct clade_exec *exec);

#endif

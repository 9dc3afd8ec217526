/* SPDX-License-Identifier: MIT */
/* Programs: building what a set of steps needs from the cache or from source, storing binaries. */
#include "opencl.h"
#include "cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LONGEST_LOG = 1 << 20, LONGEST_NAME = 160 };

double clade_cl_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- building ---- */

static void keep_build_log(struct clade_device *device, const struct clade_cl_program *program, struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(device);
	size_t bytes = 0;
	char *log;

	if (!diag || diag->log ||
	    clGetProgramBuildInfo(program->handle, state->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) || bytes == 0)
		return;
	log = malloc(bytes + 1); /* clade_diag_finish frees it */
	if (!log)
		return;
	if (clGetProgramBuildInfo(program->handle, state->device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL)) {
		free(log);
		return;
	}
	log[bytes < LONGEST_LOG ? bytes : LONGEST_LOG] = 0;
	diag->log = log;
}

/* What a program is called in messages: its kernels, as many as fit. */
static const char *program_name(const struct clade_cl_program *program, char out[LONGEST_NAME])
{
	size_t count = program->whole ? program->source_count : program->function_count, at = 0;

	out[0] = 0;
	for (size_t i = 0; i < count && at + 1 < LONGEST_NAME; i++)
		at += (size_t)snprintf(out + at, LONGEST_NAME - at, "%s%s", i ? ", " : "",
				       program->whole ? program->sources[i] : program->functions[i].name);
	return out;
}

static enum clade_status fail_build(struct clade_device *device, const struct clade_cl_program *program, cl_int code,
				    struct clade_diag *diag)
{
	bool first = diag && !diag->status;
	char name[LONGEST_NAME];

	if (code == CL_OUT_OF_RESOURCES || code == CL_OUT_OF_HOST_MEMORY)
		return clade_cl_check(device, code, "clBuildProgram", diag);
	if (first) {
		keep_build_log(device, program, diag);
		clade_fail(diag, CLADE_ERR_DEVICE, CLADE_MSG_BUILD, device->info.id,
			   "clBuildProgram failed on %.100s for %s with defines '%.200s': %s (%d)", device->info.name,
			   program_name(program, name), program->defines, clade_cl_code_name(code), (int)code);
		diag->device_code = code;
	}
	clade_log(device->context, CLADE_LOG_ERROR, "program", "%s: %s [%s] does not build: %s (%d)", device->info.id,
		  program_name(program, name), program->defines, clade_cl_code_name(code), (int)code);
	return CLADE_ERR_DEVICE;
}

enum clade_status clade_cl_build_from_source(struct clade_device *device, struct clade_cl_program *program,
					     const struct clade_text *text, struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(device);
	const char *source = text->data;
	size_t length = text->length;
	enum clade_status status;
	cl_int code;

	program->handle = clCreateProgramWithSource(state->context, 1, &source, &length, &code);
	status = clade_cl_check(device, code, "clCreateProgramWithSource", diag);
	if (status)
		return status;
	code = clBuildProgram(program->handle, 1, &state->device, CLADE_CL_BUILD_OPTIONS, NULL, NULL);
	return code ? fail_build(device, program, code, diag) : CLADE_OK;
}

/* Whether an earlier kernel of the steps is the same function of the same source; plans repeat layers. */
static bool seen_before(struct clade_step *const *steps, size_t step, size_t slot)
{
	const struct clade_step_kernel *wanted = &steps[step]->kernels[slot];

	for (size_t i = 0; i <= step; i++)
		for (size_t k = 0; k < (i < step ? steps[i]->kernel_count : slot); k++) {
			const struct clade_step_kernel *other = &steps[i]->kernels[k];

			if (!strcmp(other->function, wanted->function) && !strcmp(other->source, wanted->source) &&
			    !strcmp(other->defines, wanted->defines))
				return true;
		}
	return false;
}

/* Whether every kernel that the steps want from this program can be made: some drivers accept a binary and only refuse
 * its kernels. */
static bool kernels_exist(const struct clade_cl_program *program, struct clade_step *const *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < steps[i]->kernel_count; k++) {
			const struct clade_step_kernel *wanted = &steps[i]->kernels[k];
			cl_kernel kernel;
			cl_int code;

			if (strcmp(wanted->defines, program->defines) ||
			    !clade_cl_program_has(program, wanted->source, wanted->function) ||
			    seen_before(steps, i, k))
				continue;
			kernel = clCreateKernel(program->handle, wanted->function, &code);
			if (code)
				return false;
			clReleaseKernel(kernel);
		}
	return true;
}

/* False: there is no binary, or the driver does not want it (then the entry is gone). Never an error: source remains.
 */
static bool build_from_cache(struct clade_device *device, struct clade_cl_program *program,
			     struct clade_step *const *steps, size_t count)
{
	struct clade_cl_device *state = clade_cl_state(device);
	size_t bytes;
	void *binary = clade_cache_load(device->context, state->cache, program->key, &bytes);
	const unsigned char *start = binary;
	cl_int code, status = CL_SUCCESS;
	const char *call = "clCreateProgramWithBinary";

	if (!binary)
		return false;
	program->handle = clCreateProgramWithBinary(state->context, 1, &state->device, &bytes, &start, &status, &code);
	if (!code)
		code = status;
	if (!code) {
		call = "clBuildProgram";
		code = clBuildProgram(program->handle, 1, &state->device, CLADE_CL_BUILD_OPTIONS, NULL, NULL);
	}
	clade_free(device->context, binary);
	if (!code && kernels_exist(program, steps, count))
		return true;
	clade_log(device->context, CLADE_LOG_NOTE, "program",
		  "%s: the driver refuses a cached binary (%s: %s); "
		  "building from source",
		  device->info.id, code ? call : "clCreateKernel", clade_cl_code_name(code));
	clade_cache_remove(device->context, state->cache, program->key);
	if (program->handle)
		clReleaseProgram(program->handle);
	program->handle = NULL;
	return false;
}

enum clade_status clade_cl_program_identify(struct clade_device *device, struct clade_cl_program *program,
					    struct clade_text *text, struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(device);
	enum clade_status status = clade_cl_expand(device, program, text, diag);

	if (!status && !clade_cl_program_key(state, text->data, text->length, program->key))
		status = clade_fail_memory(diag, 0, "a program's checksum");
	return status;
}

bool clade_cl_program_key(const struct clade_cl_device *state, const char *text, size_t length,
			  unsigned char out[CLADE_KEY_BYTES])
{
	const void *parts[] = { text, CLADE_CL_BUILD_OPTIONS, state->identity };
	const size_t lengths[] = { length, strlen(CLADE_CL_BUILD_OPTIONS), strlen(state->identity) };

	return clade_cache_hash(parts, lengths, 3, out);
}

static enum clade_status build_program(struct clade_device *device, struct clade_cl_program *program,
				       struct clade_step *const *steps, size_t count, struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(device);
	struct clade_text text;
	double start = clade_cl_seconds();
	enum clade_status status;
	char name[LONGEST_NAME];
	bool cached = false;

	clade_text_init(&text, device->context);
	status = clade_cl_program_identify(device, program, &text, diag);
	if (!status)
		cached = build_from_cache(device, program, steps, count);
	if (!status && !cached) {
		clade_log(device->context, CLADE_LOG_INFO, "compile", "program %llu: %s",
			  (unsigned long long)device->programs_built + 1, program_name(program, name));
		status = clade_cl_build_from_source(device, program, &text, diag);
		clade_log(device->context, CLADE_LOG_INFO, "compile", "done");
	}
	clade_text_finish(&text);
	if (status)
		return status;
	program->to_save = !cached && state->cache >= 0;
	device->programs_built += !cached;
	device->programs_from_cache += cached;
	device->build_seconds += clade_cl_seconds() - start;
	clade_log(device->context, CLADE_LOG_DEBUG, "program", "%s: %s [%s] %s in %.1f ms", device->info.id,
		  program_name(program, name), program->defines, cached ? "from the cache" : "built",
		  1e3 * (clade_cl_seconds() - start));
	return CLADE_OK;
}

/* Points the steps' kernels at the device's programs, where these exist. */
static void assign(struct clade_device *device, struct clade_step *const *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < steps[i]->kernel_count; k++) {
			struct clade_step_kernel *kernel = &steps[i]->kernels[k];

			if (!kernel->program)
				kernel->program = clade_cl_program_find(device->context,
									clade_cl_state(device)->programs, kernel);
		}
}

enum clade_status clade_cl_build(struct clade_device *device, struct clade_step *const *steps, size_t count,
				 struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(device);
	struct clade_cl_program *pending = NULL;
	enum clade_status status = clade_cl_alive(device, diag);

	if (status)
		return status;
	/* Compilers inside drivers are not safe to call twice at once: one build in a context at a time. */
	pthread_mutex_lock(&device->context->device_lock);
	pthread_mutex_lock(&device->lock);
	for (size_t i = 0; i < count && !status; i++)
		for (size_t k = 0; k < steps[i]->kernel_count && !status; k++)
			/* A single step is one of many that are tried in turn: the next may find its kernel built. */
			if (!steps[i]->kernels[k].program &&
			    !clade_cl_program_want(device, &steps[i]->kernels[k], count == 1, &pending))
				status = clade_fail_memory(diag, 0, "the list of programs");
	if (!status && count > 1)
		clade_cl_order_pending(device, pending);
	while (pending && !status) {
		struct clade_cl_program *program = pending;

		status = build_program(device, program, steps, count, diag);
		if (status)
			break;
		pending = program->next;
		program->next = state->programs;
		state->programs = program;
	}
	while (pending) {
		struct clade_cl_program *next = pending->next;

		clade_cl_program_free(device, pending);
		pending = next;
	}
	assign(device, steps, count);
	pthread_mutex_unlock(&device->lock);
	pthread_mutex_unlock(&device->context->device_lock);
	return status;
}

/* ---- storing ---- */

void clade_cl_save_program(struct clade_device *device, struct clade_cl_program *program)
{
	struct clade_cl_device *state = clade_cl_state(device);
	size_t bytes = 0;
	unsigned char *binary;
	cl_int code = clGetProgramInfo(program->handle, CL_PROGRAM_BINARY_SIZES, sizeof(bytes), &bytes, NULL);

	if (code || bytes == 0) {
		clade_log(device->context, CLADE_LOG_NOTE, "program", "%s: the driver gives no binary: %s",
			  device->info.id, clade_cl_code_name(code));
		return;
	}
	binary = clade_resize(device->context, NULL, bytes);
	if (!binary) {
		clade_log(device->context, CLADE_LOG_NOTE, "program", "program not cached: no memory (%zu bytes)",
			  bytes);
		return;
	}
	code = clGetProgramInfo(program->handle, CL_PROGRAM_BINARIES, sizeof(binary), &binary, NULL);
	if (code)
		clade_log(device->context, CLADE_LOG_NOTE, "program", "%s: the driver gives no binary: %s",
			  device->info.id, clade_cl_code_name(code));
	else
		clade_cache_save(device->context, state->cache, program->key, binary, bytes);
	clade_free(device->context, binary);
}

void clade_cl_save_programs(struct clade_device *device)
{
	struct clade_cl_device *state = clade_cl_state(device);
	bool saved = false;

	if (state->cache < 0 || clade_cl_alive(device, NULL))
		return;
	pthread_mutex_lock(&device->context->device_lock);
	pthread_mutex_lock(&device->lock);
	clade_cl_order_binaries(device);
	for (struct clade_cl_program *program = state->programs; program; program = program->next)
		if (program->to_save) {
			clade_cl_save_program(device, program);
			program->to_save = false; /* also after a failure: it would fail again */
			saved = true;
		}
	if (saved)
		clade_cache_trim(device->context, state->cache, CLADE_CACHE_MOST_BYTES);
	pthread_mutex_unlock(&device->lock);
	pthread_mutex_unlock(&device->context->device_lock);
}

/* SPDX-License-Identifier: MIT */
/* Programs that other processes compile: writing orders, and working them off. An order holds all that it takes, so
 * that whoever works at it needs neither model nor graph: the number of its kernels (32 bits), their names, each ended
 * by a zero byte, and the program's text. A trial (trial.c) has CLADE_CL_TRIAL for the number, and no names. */
#include "opencl.h"
#include "cache.h"

#include <string.h>

/* ---- ordering ---- */

enum { MOST_KERNELS = 256 };

/* Which kernels a program has, those of long sources first: they compile longest, and no process shall begin one last.
 * Returns how many. */
static size_t sort_kernels(const struct clade_device *device, const struct clade_cl_program *program,
			   const char *names[MOST_KERNELS])
{
	size_t lengths[MOST_KERNELS], count = 0;

	for (size_t i = 0; i < program->function_count && count < MOST_KERNELS; i++) {
		size_t length = clade_cl_source_length(device->context, program->functions[i].source, 0);
		size_t at = count++;

		for (; at > 0 && lengths[at - 1] < length; at--) {
			lengths[at] = lengths[at - 1];
			names[at] = names[at - 1];
		}
		lengths[at] = length;
		names[at] = program->functions[i].name;
	}
	return count;
}

/* Part `part` of `parts` has every parts-th kernel. */
static bool write_order(struct clade_device *device, const struct clade_cl_program *program,
			const struct clade_text *source, unsigned part, unsigned parts)
{
	const char *names[MOST_KERNELS];
	size_t total = sort_kernels(device, program, names);
	struct clade_text order;
	uint32_t count = 0;
	bool written;

	clade_text_init(&order, device->context);
	for (size_t i = part; i < total; i += parts)
		count++;
	clade_text_add(&order, (const char *)&count, sizeof(count));
	for (size_t i = part; i < total; i += parts)
		clade_text_add(&order, names[i], strlen(names[i]) + 1);
	clade_text_add(&order, source->data, source->length);
	written = !order.failed && clade_cache_order(device->context, clade_cl_state(device)->cache, program->key, part,
						     order.data, order.length);
	clade_text_finish(&order);
	return written;
}

/* Returns how many orders were written. If there was one already then what is slow has been done: binaries are missing.
 */
static unsigned order_program(struct clade_device *device, struct clade_cl_program *program, unsigned parts, bool later)
{
	struct clade_text text;
	unsigned count = 0;

	clade_text_init(&text, device->context);
	if (!clade_cl_program_identify(device, program, &text, NULL) &&
	    !clade_cache_has(clade_cl_state(device)->cache, program->key) &&
	    (later || !clade_cache_has_order(clade_cl_state(device)->cache, program->key)))
		for (unsigned part = 0; part < parts; part++)
			count += write_order(device, program, &text, part, parts);
	clade_text_finish(&text);
	return count;
}

static bool has_helpers(const struct clade_device *device)
{
	return device->context->compile && clade_cl_state(device)->cache >= 0;
}

void clade_cl_order_pending(struct clade_device *device, struct clade_cl_program *pending)
{
	struct clade_context *context = device->context;
	unsigned count = 0, programs = 0;
	double start;

	if (!has_helpers(device))
		return;
	for (; pending; pending = pending->next) {
		/* where kernels are compiled one by one, whoever is idle takes the next */
		size_t parts = !device->info.compiles_late                        ? 1
			       : pending->function_count < CLADE_CACHE_MOST_PARTS ? pending->function_count
										  : CLADE_CACHE_MOST_PARTS;
		unsigned written = order_program(device, pending, parts ? (unsigned)parts : 1, false);

		count += written;
		programs += written > 0;
	}
	if (count == 0)
		return;
	clade_log(context, CLADE_LOG_INFO, "compile", "%u programs in other processes", programs);
	start = clade_cl_seconds();
	context->compile(context->compile_user, device->info.id, count, false);
	device->build_seconds += clade_cl_seconds() - start;
	clade_log(context, CLADE_LOG_INFO, "compile", "done");
}

void clade_cl_order_binaries(struct clade_device *device)
{
	struct clade_cl_program *programs = clade_cl_state(device)->programs;
	unsigned count = 0;

	if (!has_helpers(device))
		return;
	for (struct clade_cl_program *p = programs; p; p = p->next)
		if (p->to_save)
			count += order_program(device, p, 1, true);
	if (count && !device->context->compile(device->context->compile_user, device->info.id, count, true))
		return;
	for (struct clade_cl_program *p = programs; p; p = p->next)
		p->to_save = false;
}

/* ---- working orders off ---- */

struct worker {
	struct clade_device *device;
	cl_command_queue queue;
	cl_mem memory; /* what every pointer points to */
	bool later;
	/* the last order's program: the next may be another part of it */
	struct clade_cl_program program;
};

enum { WORKER_BYTES = 1 << 20 };

/* A pointer to memory that kernels may write, or the number 1: with that, sizes, steps and divisors are harmless. Only
 * pointers may be NULL, and only those to local memory must be; texts are built without information on arguments. */
static bool set_harmless(const struct worker *worker, cl_kernel kernel, cl_uint index)
{
	const uint64_t one = 1;
	uint32_t ones[CLADE_CL_LANES]; /* numbers in a vector (pack.c) */
	bool set;

	if (!clSetKernelArg(kernel, index, sizeof(worker->memory), NULL))
		return !clSetKernelArg(kernel, index, sizeof(worker->memory), &worker->memory) ||
		       !clSetKernelArg(kernel, index, 1024, NULL);
	set = !clSetKernelArg(kernel, index, 4, &one) || !clSetKernelArg(kernel, index, 8, &one);
	for (unsigned i = 0; i < CLADE_CL_LANES; i++)
		ones[i] = 1;
	for (size_t lanes = 4; lanes <= CLADE_CL_LANES && !set; lanes *= 2)
		set = !clSetKernelArg(kernel, index, lanes * sizeof(ones[0]), ones);
	return set;
}

/* One work-item of a kernel, for the sake of its compilation. */
static void launch_once(const struct worker *worker, cl_program program, const char *name)
{
	const size_t single[] = { 1, 1, 1 };
	cl_kernel kernel = clCreateKernel(program, name, NULL);
	cl_uint count = 0;
	bool ok = kernel && !clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof(count), &count, NULL);

	for (cl_uint i = 0; i < count && ok; i++)
		ok = set_harmless(worker, kernel, i);
	if (ok && !clEnqueueNDRangeKernel(worker->queue, kernel, 3, NULL, single, single, 0, NULL, NULL))
		clFinish(worker->queue);
	if (kernel)
		clReleaseKernel(kernel);
}

static void release_program(struct worker *worker)
{
	if (worker->program.handle)
		clReleaseProgram(worker->program.handle);
	worker->program = (struct clade_cl_program) { .defines = (char *)"", .to_save = true };
}

/* Makes the worker's program the one with this key. */
static enum clade_status build(struct worker *worker, const unsigned char *key, const struct clade_text *text)
{
	enum clade_status status;

	if (worker->program.handle && !memcmp(worker->program.key, key, CLADE_KEY_BYTES))
		return CLADE_OK;
	release_program(worker);
	memcpy(worker->program.key, key, CLADE_KEY_BYTES);
	status = clade_cl_build_from_source(worker->device, &worker->program, text, NULL);
	if (status)
		release_program(worker);
	return status;
}

static bool work_at(void *user, const struct clade_cache_claim *claim)
{
	struct worker *worker = user;
	struct clade_device *device = worker->device;
	struct clade_cl_program *program = &worker->program;
	unsigned char key[CLADE_KEY_BYTES];
	const char *at = (const char *)claim->payload + sizeof(uint32_t),
		   *end = (const char *)claim->payload + claim->bytes;
	struct clade_text text = { .context = device->context };
	const char *names = at;
	uint32_t count = 0;
	bool trial;

	if (claim->bytes > sizeof(count))
		memcpy(&count, claim->payload, sizeof(count));
	trial = count == CLADE_CL_TRIAL;
	if (trial)
		count = 0;
	for (uint32_t i = 0; i < count && at < end; i++)
		at += strnlen(at, (size_t)(end - at)) + 1;
	if (at >= end || !clade_cl_program_key(clade_cl_state(device), at, (size_t)(end - at), key) ||
	    memcmp(key, claim->key, CLADE_KEY_BYTES))
		return false; /* another device's */
	if (clade_cache_has(clade_cl_state(device)->cache, key))
		return true;
	text.data = (char *)at;
	text.length = (size_t)(end - at);
	if (trial) {
		clade_cl_work_at_trial(device, worker->queue, key, &text);
		return true;
	}
	if (!build(worker, key, &text)) {
		if (worker->later || !device->info.compiles_late)
			clade_cl_save_program(device, program);
		else
			for (at = names; count--; at += strlen(at) + 1)
				launch_once(worker, program->handle, at);
	}
	return true; /* also after a failure: it would fail again */
}

size_t clade_cl_fill_cache(struct clade_device *device, bool later)
{
	struct clade_cl_device *state = clade_cl_state(device);
	struct worker worker = { .device = device, .later = later };
	const cl_uint zero = 0;
	size_t done = 0;

	if (state->cache < 0 || clade_cl_alive(device, NULL))
		return 0;
	pthread_mutex_lock(&device->context->device_lock);
	worker.queue = clCreateCommandQueue(state->context, state->device, 0, NULL);
	worker.memory = clCreateBuffer(state->context, CL_MEM_READ_WRITE, WORKER_BYTES, NULL, NULL);
	if (worker.queue && worker.memory &&
	    !clEnqueueFillBuffer(worker.queue, worker.memory, &zero, sizeof(zero), 0, WORKER_BYTES, 0, NULL, NULL) &&
	    !clFinish(worker.queue))
		done = clade_cache_claim_all(device->context, state->cache, work_at, &worker);
	release_program(&worker);
	if (worker.memory)
		clReleaseMemObject(worker.memory);
	if (worker.queue)
		clReleaseCommandQueue(worker.queue);
	if (later)
		clade_cache_trim(device->context, state->cache, CLADE_CACHE_MOST_BYTES);
	pthread_mutex_unlock(&device->context->device_lock);
	return done;
}

/* SPDX-License-Identifier: MIT */
/* Executions on OpenCL devices: kernel objects of their own, arguments set only when they change, limits checked on the
 * host (some drivers abort or go wrong silently beyond them). */
#include "opencl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What an argument was last set to. `bits` holds the value, or the cl_mem's address; `serial` tells a new buffer from
 * an old one at the same address. */
struct argument {
	uint64_t bits, serial;
	size_t bytes;
	bool set;
};

struct kernel {
	cl_kernel handle;
	cl_uint argument_count;
	struct argument *arguments;
	unsigned words;       /* of its numbers, where they come in vectors (pack.c), behind the pointers */
	uint32_t *numbers;    /* as they were last set, whole vectors */
	size_t most_items;    /* work-items a group, of this kernel */
	size_t required[3];   /* reqd_work_group_size, 0: none */
	uint64_t local_bytes; /* static local memory */
	bool launched;        /* in the last execution, over this grid: */
	cl_uint dims;
	size_t global[3], local[3];
};

struct state {
	struct kernel *kernels; /* by slot */
	/* Slots in the order in which the last execution launched them, `launch_count` of them; `relaunch` while each
	 * was launched once, so that its arguments are still those. */
	uint32_t *launches;
	size_t launch_count;
	bool relaunch;
	cl_event *events; /* profiling: of the last execution's launches */
	size_t event_count, event_room;
};

/* One OpenCL argument, about to be set. */
struct value {
	uint64_t bits, serial;
	size_t bytes;
	bool local; /* `bytes` of local memory: no value */
};

static enum clade_status query_kernel(struct clade_device *device, struct kernel *kernel, struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(device);
	cl_ulong local = 0;
	cl_int code = clGetKernelInfo(kernel->handle, CL_KERNEL_NUM_ARGS, sizeof(kernel->argument_count),
				      &kernel->argument_count, NULL);
	enum clade_status status = clade_cl_check(device, code, "clGetKernelInfo", diag);

	if (status)
		return status;
	code = clGetKernelWorkGroupInfo(kernel->handle, state->device, CL_KERNEL_WORK_GROUP_SIZE,
					sizeof(kernel->most_items), &kernel->most_items, NULL);
	if (!code)
		code = clGetKernelWorkGroupInfo(kernel->handle, state->device, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
						sizeof(kernel->required), kernel->required, NULL);
	if (!code)
		code = clGetKernelWorkGroupInfo(kernel->handle, state->device, CL_KERNEL_LOCAL_MEM_SIZE, sizeof(local),
						&local, NULL);
	kernel->local_bytes = local;
	status = clade_cl_check(device, code, "clGetKernelWorkGroupInfo", diag);
	if (status)
		return status;
	kernel->arguments = clade_alloc(device->context, kernel->argument_count * sizeof(*kernel->arguments));
	kernel->numbers = clade_alloc(device->context,
				      (size_t)clade_cl_vectors(kernel->words) * CLADE_CL_LANES * sizeof(uint32_t));
	return kernel->arguments && kernel->numbers ? CLADE_OK : clade_fail_memory(diag, 0, "a kernel's arguments");
}

static enum clade_status create_kernel(struct clade_exec *exec, size_t slot, struct clade_diag *diag)
{
	struct clade_device *device = exec->queue->device;
	const struct clade_step_kernel *wanted = &exec->step->kernels[slot];
	const struct clade_cl_program *program = wanted->program;
	struct kernel *kernel = &((struct state *)exec->state)->kernels[slot];
	cl_int code;

	if (!program)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_exec_create: %.80s.%.80s has not been built; call clade_steps_build first",
				  exec->step->impl->op, exec->step->impl->name);
	kernel->handle = clCreateKernel(program->handle, wanted->function, &code);
	if (code == CL_INVALID_KERNEL_NAME) {
		kernel->handle = NULL;
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_BUILD, wanted->source,
				  "kernel function '%.80s' is not in this source", wanted->function);
	}
	if (code)
		kernel->handle = NULL;
	if (code)
		return clade_cl_check(device, code, "clCreateKernel", diag);
	atomic_fetch_add(&device->kernels_created, 1);
	kernel->words = clade_cl_packed_words(program, wanted->function);
	return query_kernel(device, kernel, diag);
}

enum clade_status clade_cl_exec_create(struct clade_exec *exec, struct clade_diag *diag)
{
	struct clade_device *device = exec->queue->device;
	struct state *state = clade_alloc(device->context, sizeof(*state));
	enum clade_status status;

	if (!state)
		return clade_fail_memory(diag, sizeof(*state), "an execution");
	exec->state = state;
	state->kernels = clade_alloc(device->context, exec->step->kernel_count * sizeof(*state->kernels));
	state->launches = clade_alloc(device->context, exec->step->kernel_count * sizeof(*state->launches));
	if (!state->kernels || !state->launches)
		return clade_fail_memory(diag, exec->step->kernel_count * sizeof(*state->kernels), "kernels");
	status = clade_cl_alive(device, diag);
	pthread_mutex_lock(&device->lock);
	for (size_t i = 0; i < exec->step->kernel_count && !status; i++)
		status = create_kernel(exec, i, diag);
	pthread_mutex_unlock(&device->lock);
	return status;
}

static void release_events(struct clade_exec *exec)
{
	struct state *state = exec->state;

	for (size_t i = 0; i < state->event_count; i++)
		if (clade_cl_may_release(exec->queue->device))
			clade_cl_check(exec->queue->device, clReleaseEvent(state->events[i]), "clReleaseEvent", NULL);
	state->event_count = 0;
}

void clade_cl_exec_destroy(struct clade_exec *exec)
{
	struct clade_device *device = exec->queue->device;
	struct state *state = exec->state;

	if (!state)
		return;
	release_events(exec);
	for (size_t i = 0; state->kernels && i < exec->step->kernel_count; i++) {
		struct kernel *kernel = &state->kernels[i];

		if (kernel->handle && clade_cl_may_release(device))
			clade_cl_check(device, clReleaseKernel(kernel->handle), "clReleaseKernel", NULL);
		clade_free(device->context, kernel->arguments);
		clade_free(device->context, kernel->numbers);
	}
	clade_free(device->context, state->events);
	clade_free(device->context, state->launches);
	clade_free(device->context, state->kernels);
	clade_free(device->context, state);
	exec->state = NULL;
}

void clade_cl_exec_begin(struct clade_exec *exec)
{
	struct state *state = exec->state;

	release_events(exec);
	for (size_t i = 0; i < state->launch_count; i++)
		state->kernels[state->launches[i]].launched = false;
	state->launch_count = 0;
	state->relaunch = true;
}

/* ---- launching ---- */

static enum clade_status launch_fail(const struct clade_exec *exec, uint32_t slot, struct clade_diag *diag,
				     enum clade_status status, unsigned id, const char *format, ...) CLADE_PRINTF(6, 7);

static enum clade_status launch_fail(const struct clade_exec *exec, uint32_t slot, struct clade_diag *diag,
				     enum clade_status status, unsigned id, const char *format, ...)
{
	char where[200], text[800];
	va_list args;

	snprintf(where, sizeof(where), "%.60s.%.60s", exec->step->impl->op, exec->step->impl->name);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return clade_fail(diag, status, id, where, "kernel %.80s on %.80s: %s", exec->step->kernels[slot].function,
			  exec->queue->device->info.name, text);
}

/* A tensor is two arguments, a number or local memory one. Returns how many, 0 if the argument is wrong. */
static uint32_t to_values(const struct clade_device *device, const struct clade_arg *arg, struct value out[2])
{
	const struct clade_tensor *tensor;
	const struct clade_dtype_info *dtype;

	memset(out, 0, 2 * sizeof(*out));
	switch (arg->kind) {
	case CLADE_ARG_TENSOR:
		tensor = arg->value.tensor;
		out[0].bytes = sizeof(cl_mem);
		out[1].bytes = sizeof(cl_ulong);
		if (!tensor || !tensor->buffer)
			return tensor && tensor->offset ? 0 : 2;
		dtype = clade_dtype_info(tensor->type.dtype);
		if (tensor->buffer->device != device || !dtype || tensor->offset % dtype->bytes)
			return 0;
		out[0].bits = (uint64_t)(uintptr_t)tensor->buffer->handle;
		out[0].serial = tensor->buffer->serial;
		out[1].bits = tensor->offset / dtype->bytes;
		return 2;
	case CLADE_ARG_I32:
	case CLADE_ARG_U32:
	case CLADE_ARG_F32:
		out[0].bytes = 4;
		memcpy(&out[0].bits, &arg->value, 4);
		return 1;
	case CLADE_ARG_I64:
		out[0].bytes = 8;
		memcpy(&out[0].bits, &arg->value, 8);
		return 1;
	case CLADE_ARG_LOCAL:
		out[0].bytes = (size_t)arg->value.bytes;
		out[0].local = true;
		return arg->value.bytes ? 1 : 0;
	}
	return 0;
}

static enum clade_status set_argument(struct clade_exec *exec, struct kernel *kernel, uint32_t index,
				      const struct value *value, struct clade_diag *diag)
{
	struct argument *last = &kernel->arguments[index];
	cl_mem memory = (cl_mem)(uintptr_t)value->bits;
	const void *source = &value->bits;
	enum clade_status status;

	if (last->set && last->bits == value->bits && last->bytes == value->bytes && last->serial == value->serial)
		return CLADE_OK;
	if (value->local)
		source = NULL;
	else if (value->serial)
		source = &memory; /* a NULL tensor stays eight zero bytes: a null cl_mem */
	last->set = false;
	status = clade_cl_check(exec->queue->device, clSetKernelArg(kernel->handle, index, value->bytes, source),
				"clSetKernelArg", diag);
	if (status)
		return status;
	*last = (struct argument) { value->bits, value->serial, value->bytes, true };
	return CLADE_OK;
}

/* The numbers of a kernel that takes them in vectors, from argument `index` on; vectors that have changed are set. */
static enum clade_status set_numbers(struct clade_exec *exec, struct kernel *kernel, uint32_t index,
				     const uint32_t *words, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	for (unsigned i = 0; i < clade_cl_vectors(kernel->words) && !status; i++, index++) {
		struct argument *last = &kernel->arguments[index];
		uint32_t *old = kernel->numbers + (size_t)i * CLADE_CL_LANES;
		const uint32_t *now = words + (size_t)i * CLADE_CL_LANES;
		size_t bytes = clade_cl_lanes(kernel->words, i) * sizeof(*now);

		if (last->set && !memcmp(old, now, bytes))
			continue;
		last->set = false;
		status = clade_cl_check(exec->queue->device, clSetKernelArg(kernel->handle, index, bytes, now),
					"clSetKernelArg", diag);
		last->set = !status;
		memcpy(old, now, bytes);
	}
	return status;
}

/* A number among the words; pack.c says how two words are one. False: the kernel has no room for it. */
static bool add_number(const struct kernel *kernel, const struct value *value, uint32_t *words, unsigned *count)
{
	if (*count + value->bytes / 4 > kernel->words)
		return false;
	words[(*count)++] = (uint32_t)value->bits;
	if (value->bytes == 8)
		words[(*count)++] = (uint32_t)(value->bits >> 32) ^ 1;
	return true;
}

static enum clade_status fail_arguments(struct clade_exec *exec, uint32_t slot, uint32_t arg_count,
					struct clade_diag *diag)
{
	const struct kernel *kernel = &((struct state *)exec->state)->kernels[slot];
	char packed[96] = "";

	if (kernel->words)
		snprintf(packed, sizeof(packed), ", the last %u of them vectors that hold %u words of numbers",
			 clade_cl_vectors(kernel->words), kernel->words);
	return launch_fail(exec, slot, diag, CLADE_ERR_ARGUMENT, CLADE_MSG_IMPL_FAILED,
			   "%u arguments were given (a tensor is two of the kernel's); the kernel has %u%s", arg_count,
			   kernel->argument_count, packed);
}

static enum clade_status set_arguments(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				       uint32_t arg_count, struct clade_diag *diag)
{
	struct clade_device *device = exec->queue->device;
	struct kernel *kernel = &((struct state *)exec->state)->kernels[slot];
	uint64_t local_bytes = kernel->local_bytes, argument_bytes = 0;
	uint32_t words[CLADE_CL_MOST_WORDS] = { 0 }, index = 0;
	uint32_t vectors = clade_cl_vectors(kernel->words);
	uint32_t own =
		kernel->argument_count > vectors ? kernel->argument_count - vectors : 0; /* of pointers, or all */
	enum clade_status status = CLADE_OK;
	unsigned word_count = 0;

	for (uint32_t i = 0; i < arg_count; i++) {
		struct value values[2];
		uint32_t count = to_values(device, &args[i], values);

		if (count == 0)
			return launch_fail(exec, slot, diag, CLADE_ERR_ARGUMENT, CLADE_MSG_IMPL_FAILED,
					   "argument %u is wrong: a tensor must be in a buffer of this device at a "
					   "multiple of its element's size, local memory at least a byte",
					   i);
		for (uint32_t j = 0; j < count && !status; j++) {
			bool number = j == 1 || (args[i].kind != CLADE_ARG_TENSOR && !values[j].local);

			if (values[j].local)
				local_bytes += values[j].bytes;
			else
				argument_bytes += values[j].bytes;
			/* A size that no device has must not reach a driver. */
			if (local_bytes > device->info.local_bytes)
				return launch_fail(exec, slot, diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_LIMIT,
						   "%" PRIu64
						   " bytes of local memory are needed; the device has %" PRIu64,
						   local_bytes, device->info.local_bytes);
			if (kernel->words && number) {
				if (!add_number(kernel, &values[j], words, &word_count))
					return fail_arguments(exec, slot, arg_count, diag);
				continue;
			}
			if (index == own)
				return fail_arguments(exec, slot, arg_count, diag);
			status = set_argument(exec, kernel, index++, &values[j], diag);
		}
		if (status)
			return status;
	}
	if (argument_bytes > clade_cl_state(device)->max_argument_bytes)
		return launch_fail(exec, slot, diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_LIMIT,
				   "%" PRIu64 " bytes of arguments are needed; the device takes %zu", argument_bytes,
				   clade_cl_state(device)->max_argument_bytes);
	if (index != own || word_count != kernel->words)
		return fail_arguments(exec, slot, arg_count, diag);
	return set_numbers(exec, kernel, own, words, diag);
}

/* Rounds global up to whole groups and checks the group against the device's and the kernel's limits. */
static enum clade_status check_grid(struct clade_exec *exec, uint32_t slot, const uint64_t global[3],
				    const uint32_t local[3], size_t out_global[3], size_t out_local[3],
				    struct clade_diag *diag)
{
	const struct clade_device_info *info = &exec->queue->device->info;
	const struct kernel *kernel = &((struct state *)exec->state)->kernels[slot];
	uint64_t items = 1;

	for (int i = 0; i < 3; i++) {
		uint64_t groups = local[i] ? (global[i] - 1) / local[i] + 1 : 0, whole;

		if (groups == 0 || local[i] > info->max_work_item[i] ||
		    __builtin_mul_overflow(groups, (uint64_t)local[i], &whole) || whole > SIZE_MAX)
			return launch_fail(exec, slot, diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_LIMIT,
					   "a group of %u items in axis %d was asked for; it must be 1 to %u", local[i],
					   i, info->max_work_item[i]);
		items *= local[i];
		out_global[i] = (size_t)whole;
		out_local[i] = local[i];
		if (kernel->required[0] && kernel->required[i] != local[i])
			return launch_fail(exec, slot, diag, CLADE_ERR_ARGUMENT, CLADE_MSG_IMPL_FAILED,
					   "its reqd_work_group_size is %zu in axis %d, but %u was given",
					   kernel->required[i], i, local[i]);
		if (items > info->max_work_group || items > kernel->most_items)
			return launch_fail(
				exec, slot, diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_LIMIT,
				"a group of %u x %u x %u items was asked for; at most %zu fit this kernel, %u "
				"this device",
				local[0], local[1], local[2], kernel->most_items, info->max_work_group);
	}
	return CLADE_OK;
}

/* Room for one more event; profiling queues only. */
static bool event_room(struct clade_exec *exec)
{
	struct state *state = exec->state;
	size_t room = state->event_room ? 2 * state->event_room : 16;
	cl_event *events;

	if (state->event_count < state->event_room)
		return true;
	events = clade_resize(exec->queue->device->context, state->events, room * sizeof(*events));
	if (!events)
		return false;
	state->events = events;
	state->event_room = room;
	return true;
}

/* The kernel over the grid that it has, with the arguments that are set. */
static enum clade_status enqueue(struct clade_exec *exec, const struct kernel *kernel, cl_event *event,
				 struct clade_diag *diag)
{
	return clade_cl_check(exec->queue->device,
			      clEnqueueNDRangeKernel(exec->queue->handle, kernel->handle, kernel->dims, NULL,
						     kernel->global, kernel->local, 0, NULL, event),
			      "clEnqueueNDRangeKernel", diag);
}

/* Only the loss is looked for: asking for the process id costs a system call a launch. */
static enum clade_status check_lost(struct clade_device *device, struct clade_diag *diag)
{
	return atomic_load(&clade_cl_state(device)->lost) ? clade_cl_alive(device, diag) : CLADE_OK;
}

static enum clade_status launch(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				uint32_t arg_count, const uint64_t global[3], const uint32_t local[3],
				struct clade_diag *diag)
{
	struct state *state = exec->state;
	struct kernel *kernel = &state->kernels[slot];
	cl_event event = NULL;
	enum clade_status status = check_lost(exec->queue->device, diag);

	if (!status)
		status = check_grid(exec, slot, global, local, kernel->global, kernel->local, diag);
	if (!status)
		status = set_arguments(exec, slot, args, arg_count, diag);
	if (!status && exec->queue->profiling && !event_room(exec))
		status = clade_fail_memory(diag, 0, "profiling events");
	if (status)
		return status;
	for (kernel->dims = 3; kernel->dims > 1 && kernel->global[kernel->dims - 1] == 1;)
		kernel->dims--;
	status = enqueue(exec, kernel, exec->queue->profiling ? &event : NULL, diag);
	if (status)
		return status;
	if (event)
		state->events[state->event_count++] = event;
	if (kernel->launched)
		state->relaunch = false;
	else
		state->launches[state->launch_count++] = slot;
	kernel->launched = true;
	return CLADE_OK;
}

enum clade_status clade_cl_launch(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				  uint32_t arg_count, const uint64_t global[3], const uint32_t local[3],
				  struct clade_diag *diag)
{
	enum clade_status status = launch(exec, slot, args, arg_count, global, local, diag);

	if (!status)
		atomic_fetch_add(&exec->queue->device->launches, 1);
	return status;
}

bool clade_cl_relaunch(struct clade_exec *exec, enum clade_status *out_status, struct clade_diag *diag)
{
	const struct state *state = exec->state;
	enum clade_status status = check_lost(exec->queue->device, diag);

	if (!state->relaunch)
		return false;
	for (size_t i = 0; i < state->launch_count && !status; i++)
		status = enqueue(exec, &state->kernels[state->launches[i]], NULL, diag);
	if (!status)
		atomic_fetch_add(&exec->queue->device->launches, state->launch_count);
	*out_status = status;
	return true;
}

/* ---- before the first run ---- */

/* A kernel of a program with a local size, as a number: FNV-1a. */
static uint64_t variant(const struct clade_exec *exec, uint32_t slot, const uint32_t local[3])
{
	const struct clade_step_kernel *kernel = &exec->step->kernels[slot];
	uint64_t hash = 14695981039346656037u ^ (uintptr_t)kernel->program;

	for (const char *c = kernel->function; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	for (int i = 0; i < 3; i++)
		hash = (hash ^ local[i]) * 1099511628211u;
	return hash;
}

bool clade_cl_is_warm(struct clade_exec *exec, uint32_t slot, const uint32_t local[3])
{
	struct clade_device *device = exec->queue->device;
	struct clade_cl_device *state = clade_cl_state(device);
	uint64_t wanted = variant(exec, slot, local);
	bool found = false;

	pthread_mutex_lock(&device->lock);
	for (size_t i = 0; i < state->warm_count && !found; i++)
		found = state->warm[i] == wanted;
	pthread_mutex_unlock(&device->lock);
	return found;
}

enum clade_status clade_cl_warm(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				uint32_t arg_count, const uint32_t local[3], struct clade_diag *diag)
{
	struct clade_device *device = exec->queue->device;
	struct clade_cl_device *state = clade_cl_state(device);
	const uint64_t global[3] = { local[0], local[1], local[2] };
	enum clade_status status = launch(exec, slot, args, arg_count, global, local, diag);

	if (status)
		return status;
	pthread_mutex_lock(&device->lock);
	if (state->warm_count == state->warm_room) {
		size_t room = state->warm_room ? 2 * state->warm_room : 64;
		uint64_t *grown = clade_resize(device->context, state->warm, room * sizeof(*grown));

		if (grown) {
			state->warm = grown;
			state->warm_room = room;
		} else {
			status = clade_fail_memory(diag, room * sizeof(*grown), "the list of launched kernels");
		}
	}
	if (!status)
		state->warm[state->warm_count++] = variant(exec, slot, local);
	pthread_mutex_unlock(&device->lock);
	return status;
}

uint64_t clade_cl_exec_ns(struct clade_exec *exec)
{
	const struct state *state = exec->state;
	uint64_t total = 0;

	if (clade_cl_alive(exec->queue->device, NULL))
		return 0;
	for (size_t i = 0; i < state->event_count; i++) {
		cl_ulong start = 0, end = 0;

		if (clGetEventProfilingInfo(state->events[i], CL_PROFILING_COMMAND_START, sizeof(start), &start,
					    NULL) ||
		    clGetEventProfilingInfo(state->events[i], CL_PROFILING_COMMAND_END, sizeof(end), &end, NULL) ||
		    end < start)
			return 0;
		total += end - start;
	}
	return total;
}

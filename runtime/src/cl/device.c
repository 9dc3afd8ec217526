/* SPDX-License-Identifier: MIT */
/* Opening and closing an OpenCL device, and the driver's table of functions. */
#include "opencl.h"
#include "cache.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_FLAGS = 8192 };

/* A CPU driver compiles for the machine it runs on and may not say which: the flags of the first processor belong to a
 * binary's identity. Added as text; nothing if the system does not say. */
static void add_cpu_flags(struct clade_text *text)
{
	static const char *const labels[] = { "flags", "Features", "isa" }; /* x86, ARM, RISC-V */
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[LONGEST_FLAGS];

	while (file && fgets(line, sizeof(line), file)) {
		for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
			if (!strncmp(line, labels[i], strlen(labels[i]))) {
				clade_text_format(text, "cpu %s", line);
				fclose(file);
				return;
			}
		if (line[0] == '\n')
			break; /* the end of the first processor */
	}
	if (file)
		fclose(file);
}

/* One line a property: uncut, unlike those in clade_device_info. *complete: no property was empty or refused; a key
 * made from less would let another driver's binaries in. */
static enum clade_status make_identity(struct clade_device *device, bool *complete, struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(device);
	static const cl_platform_info platform_properties[] = { CL_PLATFORM_NAME, CL_PLATFORM_VENDOR,
								CL_PLATFORM_VERSION };
	static const cl_device_info device_properties[] = { CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION,
							    CL_DRIVER_VERSION, CL_DEVICE_OPENCL_C_VERSION };
	struct clade_text text;

	clade_text_init(&text, device->context);
	for (size_t i = 0; i < sizeof(platform_properties) / sizeof(platform_properties[0]); i++) {
		char *value = clade_cl_platform_string(device->context, state->platform, platform_properties[i]);

		clade_text_format(&text, "platform %s\n", value ? value : "");
		text.failed = text.failed || !value;
		*complete = *complete && value && value[0];
		clade_free(device->context, value);
	}
	for (size_t i = 0; i < sizeof(device_properties) / sizeof(device_properties[0]); i++) {
		char *value = clade_cl_device_string(device->context, state->device, device_properties[i]);

		clade_text_format(&text, "device %s\n", value ? value : "");
		text.failed = text.failed || !value;
		*complete = *complete && value && value[0];
		clade_free(device->context, value);
	}
	clade_text_format(&text, "clade %s, pointers of %zu bytes\n", clade_version(), sizeof(void *));
	if (device->info.kind != CLADE_DEVICE_GPU)
		add_cpu_flags(&text);
	if (text.failed) {
		clade_text_finish(&text);
		return clade_fail_memory(diag, 0, "a device's identity");
	}
	state->identity = text.data;
	return CLADE_OK;
}

static enum clade_status cl_open(struct clade_device *device, const struct clade_found *found, struct clade_diag *diag)
{
	const cl_context_properties properties[] = { CL_CONTEXT_PLATFORM, (cl_context_properties)found->platform, 0 };
	struct clade_cl_device *state = clade_alloc(device->context, sizeof(*state));
	enum clade_status status;
	bool complete = true;
	cl_int code;

	if (!state)
		return clade_fail_memory(diag, sizeof(*state), "a device");
	device->state = state;
	state->platform = found->platform;
	state->device = found->device;
	state->pid = getpid();
	state->cache = -1;
	state->max_argument_bytes = 1024; /* the least that OpenCL allows */
	code = clGetDeviceInfo(state->device, CL_DEVICE_MAX_PARAMETER_SIZE, sizeof(state->max_argument_bytes),
			       &state->max_argument_bytes, NULL);
	status = clade_cl_check(device, code, "clGetDeviceInfo", diag);
	if (!status)
		status = make_identity(device, &complete, diag);
	if (status)
		return status;
	state->context = clCreateContext(properties, 1, &state->device, NULL, NULL, &code);
	status = clade_cl_check(device, code, "clCreateContext", diag);
	if (!status && complete)
		state->cache = clade_cache_open(device->context);
	else if (!status && device->context->cache_dir)
		clade_log(device->context, CLADE_LOG_NOTE, "program",
			  "no cache of programs: %s does not say fully what it is", device->info.id);
	return status;
}

static void cl_close(struct clade_device *device)
{
	struct clade_cl_device *state = clade_cl_state(device);

	if (!state)
		return;
	clade_cl_programs_release(device);
	if (state->context && clade_cl_may_release(device))
		clade_cl_check(device, clReleaseContext(state->context), "clReleaseContext", NULL);
	if (state->cache >= 0)
		close(state->cache);
	clade_free(device->context, state->warm);
	clade_free(device->context, state->identity);
	clade_free(device->context, state);
	device->state = NULL;
}

static void *cl_buffer_host(struct clade_buffer *buffer)
{
	return NULL;
}

static void cl_native(struct clade_exec *exec, struct clade_native *out)
{
	const struct clade_cl_device *state = clade_cl_state(exec->queue->device);

	out->platform = state->platform;
	out->device = state->device;
	out->context = state->context;
	out->queue = exec->queue->handle;
}

static void *cl_native_buffer(struct clade_buffer *buffer)
{
	return buffer->handle;
}

static bool cl_tensor_ok(const struct clade_device *device, const struct clade_tensor *tensor, const char **why)
{
	if (!tensor->buffer) {
		*why = "has no buffer; on an OpenCL device a tensor needs one";
		return false;
	}
	if (tensor->buffer->device != device) {
		*why = "is in a buffer of another device";
		return false;
	}
	if (tensor->offset >= tensor->buffer->bytes) {
		*why = "begins beyond the end of its buffer";
		return false;
	}
	return true;
}

const struct clade_driver clade_driver_cl = {
	.name = "cl",
	.list = clade_cl_list,
	.open = cl_open,
	.close = cl_close,
	.queue_create = clade_cl_queue_create,
	.queue_destroy = clade_cl_queue_destroy,
	.queue_finish = clade_cl_queue_finish,
	.buffer_create = clade_cl_buffer_create,
	.buffer_destroy = clade_cl_buffer_destroy,
	.buffer_host = cl_buffer_host,
	.write = clade_cl_write,
	.map = clade_cl_map,
	.unmap = clade_cl_unmap,
	.read = clade_cl_read,
	.copy = clade_cl_copy,
	.fill = clade_cl_fill,
	.build = clade_cl_build,
	.save_programs = clade_cl_save_programs,
	.fill_cache = clade_cl_fill_cache,
	.try_dot = clade_cl_try_dot,
	.exec_create = clade_cl_exec_create,
	.exec_destroy = clade_cl_exec_destroy,
	.exec_begin = clade_cl_exec_begin,
	.launch = clade_cl_launch,
	.relaunch = clade_cl_relaunch,
	.is_warm = clade_cl_is_warm,
	.warm = clade_cl_warm,
	.exec_ns = clade_cl_exec_ns,
	.native = cl_native,
	.native_buffer = cl_native_buffer,
	.tensor_ok = cl_tensor_ok,
};

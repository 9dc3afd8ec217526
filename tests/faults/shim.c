/* SPDX-License-Identifier: MIT */
/* An OpenCL driver for tests that forwards to a real one. Every object that the real driver makes gets our table of
 * functions as its first word (that is where the ICD loader looks), so that each call passes here: it is counted, may
 * be made to fail, and objects that are never released are seen. Environment variables: README.md. */
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>

#include "shim.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHIM_API __attribute__((visibility("default")))

/* Functions that pass here. Releases are last: "any" leaves them out, since a failed release leaks by definition. */
#define FUNCTIONS(X)                                                                                                   \
	X(clGetPlatformInfo)                                                                                           \
	X(clGetDeviceIDs)                                                                                              \
	X(clGetDeviceInfo)                                                                                             \
	X(clCreateContext)                                                                                             \
	X(clCreateCommandQueue)                                                                                        \
	X(clFlush)                                                                                                     \
	X(clFinish)                                                                                                    \
	X(clCreateBuffer)                                                                                              \
	X(clEnqueueReadBuffer)                                                                                         \
	X(clEnqueueWriteBuffer)                                                                                        \
	X(clEnqueueCopyBuffer)                                                                                         \
	X(clEnqueueFillBuffer)                                                                                         \
	X(clEnqueueMapBuffer)                                                                                          \
	X(clEnqueueUnmapMemObject)                                                                                     \
	X(clCreateProgramWithSource)                                                                                   \
	X(clCreateProgramWithBinary)                                                                                   \
	X(clBuildProgram)                                                                                              \
	X(clGetProgramInfo)                                                                                            \
	X(clGetProgramBuildInfo)                                                                                       \
	X(clCreateKernel)                                                                                              \
	X(clSetKernelArg)                                                                                              \
	X(clGetKernelInfo)                                                                                             \
	X(clGetKernelWorkGroupInfo)                                                                                    \
	X(clEnqueueNDRangeKernel)                                                                                      \
	X(clWaitForEvents)                                                                                             \
	X(clGetEventProfilingInfo)                                                                                     \
	X(clReleaseContext)                                                                                            \
	X(clReleaseCommandQueue)                                                                                       \
	X(clReleaseMemObject)                                                                                          \
	X(clReleaseProgram)                                                                                            \
	X(clReleaseKernel)                                                                                             \
	X(clReleaseEvent)

#define ENUM(name) F_##name,
enum function { FUNCTIONS(ENUM) F_COUNT, F_ANY = F_COUNT, F_NONE };
#define NAME(name) #name,
static const char *const names[] = { FUNCTIONS(NAME) "any" };

enum kind { CONTEXT, QUEUE, BUFFER, PROGRAM, KERNEL, EVENT, KINDS };
static const char *const kinds[] = { "context", "queue", "buffer", "program", "kernel", "event" };

static struct _cl_icd_dispatch ours, *theirs;
static cl_platform_id platforms[8];
static cl_uint platform_count;
static atomic_ulong counts[F_COUNT + 1], skip_at, launches;
static atomic_long live[KINDS];
static atomic_long build_log = -1;
static atomic_int device_times = 1;
static struct {
	atomic_int function; /* enum function */
	atomic_ulong left;   /* calls until it fails; 0: none */
	atomic_int persistent, code, fired;
} failure = { .function = F_NONE };
static struct {
	unsigned name;
	unsigned long long value;
} infos[16];
static int info_count;

static void adopt(void *object)
{
	if (object)
		*(struct _cl_icd_dispatch **)object = &ours;
}

/* Counts a call; the code it must fail with, or 0. */
static cl_int enter(enum function function)
{
	bool any = function < F_clReleaseContext;
	int wanted = atomic_load(&failure.function);
	unsigned long left;

	atomic_fetch_add(&counts[function], 1);
	if (any)
		atomic_fetch_add(&counts[F_ANY], 1);
	if (wanted != (int)function && !(wanted == F_ANY && any))
		return 0;
	left = atomic_load(&failure.left);
	if (left == 0)
		return 0;
	if (left > 1) {
		atomic_fetch_sub(&failure.left, 1);
		return 0;
	}
	if (!atomic_load(&failure.persistent))
		atomic_store(&failure.left, 0);
	atomic_store(&failure.fired, 1);
	return atomic_load(&failure.code);
}

/* ---- calls that return a code ---- */

#define FORWARD(name, params, args)                                                                                    \
	static cl_int CL_API_CALL shim_##name params                                                                   \
	{                                                                                                              \
		cl_int code = enter(F_##name);                                                                         \
		return code ? code : theirs->name args;                                                                \
	}
FORWARD(clGetPlatformInfo, (cl_platform_id a, cl_platform_info b, size_t c, void *d, size_t *e), (a, b, c, d, e))
FORWARD(clFlush, (cl_command_queue a), (a))
FORWARD(clFinish, (cl_command_queue a), (a))
FORWARD(clBuildProgram,
	(cl_program a, cl_uint b, const cl_device_id *c, const char *d, void(CL_CALLBACK *e)(cl_program, void *),
	 void *f),
	(a, b, c, d, e, f))
FORWARD(clGetProgramInfo, (cl_program a, cl_program_info b, size_t c, void *d, size_t *e), (a, b, c, d, e))
FORWARD(clSetKernelArg, (cl_kernel a, cl_uint b, size_t c, const void *d), (a, b, c, d))
FORWARD(clGetKernelInfo, (cl_kernel a, cl_kernel_info b, size_t c, void *d, size_t *e), (a, b, c, d, e))
FORWARD(clGetKernelWorkGroupInfo,
	(cl_kernel a, cl_device_id b, cl_kernel_work_group_info c, size_t d, void *e, size_t *f), (a, b, c, d, e, f))
FORWARD(clWaitForEvents, (cl_uint a, const cl_event *b), (a, b))
FORWARD(clGetEventProfilingInfo, (cl_event a, cl_profiling_info b, size_t c, void *d, size_t *e), (a, b, c, d, e))

#define RELEASE(name, type, kind)                                                                                      \
	static cl_int CL_API_CALL shim_##name(type a)                                                                  \
	{                                                                                                              \
		cl_int code = enter(F_##name);                                                                         \
		code = code ? code : theirs->name(a);                                                                  \
		if (!code)                                                                                             \
			atomic_fetch_sub(&live[kind], 1);                                                              \
		return code;                                                                                           \
	}
RELEASE(clReleaseContext, cl_context, CONTEXT)
RELEASE(clReleaseCommandQueue, cl_command_queue, QUEUE)
RELEASE(clReleaseMemObject, cl_mem, BUFFER)
RELEASE(clReleaseProgram, cl_program, PROGRAM)
RELEASE(clReleaseKernel, cl_kernel, KERNEL)
RELEASE(clReleaseEvent, cl_event, EVENT)

#define RETAIN(name, type, kind)                                                                                       \
	static cl_int CL_API_CALL shim_##name(type a)                                                                  \
	{                                                                                                              \
		cl_int code = theirs->name(a);                                                                         \
		if (!code)                                                                                             \
			atomic_fetch_add(&live[kind], 1);                                                              \
		return code;                                                                                           \
	}
RETAIN(clRetainContext, cl_context, CONTEXT)
RETAIN(clRetainCommandQueue, cl_command_queue, QUEUE)
RETAIN(clRetainMemObject, cl_mem, BUFFER)
RETAIN(clRetainProgram, cl_program, PROGRAM)
RETAIN(clRetainKernel, cl_kernel, KERNEL)
RETAIN(clRetainEvent, cl_event, EVENT)

/* ---- calls that make an event ---- */

static cl_int with_event(cl_int code, cl_event *event)
{
	if (!code && event && *event) {
		adopt(*event);
		atomic_fetch_add(&live[EVENT], 1);
	}
	return code;
}

#define ENQUEUE(name, params, args, event)                                                                             \
	static cl_int CL_API_CALL shim_##name params                                                                   \
	{                                                                                                              \
		cl_int code = enter(F_##name);                                                                         \
		return code ? code : with_event(theirs->name args, event);                                             \
	}
ENQUEUE(clEnqueueReadBuffer,
	(cl_command_queue a, cl_mem b, cl_bool c, size_t d, size_t e, void *f, cl_uint g, const cl_event *h,
	 cl_event *i),
	(a, b, c, d, e, f, g, h, i), i)
ENQUEUE(clEnqueueWriteBuffer,
	(cl_command_queue a, cl_mem b, cl_bool c, size_t d, size_t e, const void *f, cl_uint g, const cl_event *h,
	 cl_event *i),
	(a, b, c, d, e, f, g, h, i), i)
ENQUEUE(clEnqueueCopyBuffer,
	(cl_command_queue a, cl_mem b, cl_mem c, size_t d, size_t e, size_t f, cl_uint g, const cl_event *h,
	 cl_event *i),
	(a, b, c, d, e, f, g, h, i), i)
ENQUEUE(clEnqueueFillBuffer,
	(cl_command_queue a, cl_mem b, const void *c, size_t d, size_t e, size_t f, cl_uint g, const cl_event *h,
	 cl_event *i),
	(a, b, c, d, e, f, g, h, i), i)

ENQUEUE(clEnqueueUnmapMemObject, (cl_command_queue a, cl_mem b, void *c, cl_uint d, const cl_event *e, cl_event *f),
	(a, b, c, d, e, f), f)

static void *CL_API_CALL shim_clEnqueueMapBuffer(cl_command_queue a, cl_mem b, cl_bool c, cl_map_flags d, size_t e,
						 size_t f, cl_uint g, const cl_event *h, cl_event *i, cl_int *j)
{
	cl_int code = enter(F_clEnqueueMapBuffer);
	void *memory = code ? NULL : theirs->clEnqueueMapBuffer(a, b, c, d, e, f, g, h, i, &code);

	code = with_event(code, i);
	if (j)
		*j = code;
	return memory;
}

static cl_int CL_API_CALL shim_clEnqueueNDRangeKernel(cl_command_queue a, cl_kernel b, cl_uint c, const size_t *d,
						      const size_t *e, const size_t *f, cl_uint g, const cl_event *h,
						      cl_event *i)
{
	cl_int code = enter(F_clEnqueueNDRangeKernel);
	unsigned long skip = atomic_load(&skip_at);

	if (code)
		return code;
	if (skip && atomic_fetch_add(&launches, 1) + 1 == skip && !i)
		return CL_SUCCESS;
	return with_event(theirs->clEnqueueNDRangeKernel(a, b, c, d, e, f, g, h, i), i);
}

/* ---- calls that make an object ---- */

static void *made(void *object, enum kind kind)
{
	if (object) {
		adopt(object);
		atomic_fetch_add(&live[kind], 1);
	}
	return object;
}

#define CREATE(type, name, params, args, error, kind)                                                                  \
	static type CL_API_CALL shim_##name params                                                                     \
	{                                                                                                              \
		cl_int code = enter(F_##name);                                                                         \
		if (!code)                                                                                             \
			return made(theirs->name args, kind);                                                          \
		if (error)                                                                                             \
			*error = code;                                                                                 \
		return NULL;                                                                                           \
	}
CREATE(cl_context, clCreateContext,
       (const cl_context_properties *a, cl_uint b, const cl_device_id *c,
	void(CL_CALLBACK *d)(const char *, const void *, size_t, void *), void *e, cl_int *f),
       (a, b, c, d, e, f), f, CONTEXT)
CREATE(cl_command_queue, clCreateCommandQueue, (cl_context a, cl_device_id b, cl_command_queue_properties c, cl_int *d),
       (a, b, c, d), d, QUEUE)
CREATE(cl_mem, clCreateBuffer, (cl_context a, cl_mem_flags b, size_t c, void *d, cl_int *e), (a, b, c, d, e), e, BUFFER)
CREATE(cl_program, clCreateProgramWithSource, (cl_context a, cl_uint b, const char **c, const size_t *d, cl_int *e),
       (a, b, c, d, e), e, PROGRAM)
CREATE(cl_program, clCreateProgramWithBinary,
       (cl_context a, cl_uint b, const cl_device_id *c, const size_t *d, const unsigned char **e, cl_int *f, cl_int *g),
       (a, b, c, d, e, f, g), g, PROGRAM)
CREATE(cl_kernel, clCreateKernel, (cl_program a, const char *b, cl_int *c), (a, b, c), c, KERNEL)

/* ---- calls whose answers are changed ---- */

static cl_int CL_API_CALL shim_clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint room,
					      cl_device_id *devices, cl_uint *count)
{
	int times = atomic_load(&device_times);
	cl_uint n = 0, all;
	cl_int code = enter(F_clGetDeviceIDs);

	if (code)
		return code;
	code = theirs->clGetDeviceIDs(platform, type, room, devices, &n);
	for (cl_uint i = 0; !code && devices && i < n && i < room; i++)
		adopt(devices[i]);
	if (times == 0)
		code = CL_DEVICE_NOT_FOUND;
	all = n * (cl_uint)times;
	for (cl_uint i = n; !code && devices && i < all && i < room; i++)
		devices[i] = devices[i - n];
	if (count)
		*count = all;
	return code;
}

static cl_int CL_API_CALL shim_clGetDeviceInfo(cl_device_id device, cl_device_info name, size_t room, void *value,
					       size_t *bytes)
{
	cl_int code = enter(F_clGetDeviceInfo);

	if (!code)
		code = theirs->clGetDeviceInfo(device, name, room, value, bytes);
	for (int i = 0; i < info_count && !code; i++)
		if (infos[i].name == name && value && (room == 4 || room == 8))
			memcpy(value, &infos[i].value, room);
	return code;
}

static cl_int CL_API_CALL shim_clGetProgramBuildInfo(cl_program program, cl_device_id device,
						     cl_program_build_info name, size_t room, void *value,
						     size_t *bytes)
{
	long length = atomic_load(&build_log);
	cl_int code = enter(F_clGetProgramBuildInfo);

	if (code || name != CL_PROGRAM_BUILD_LOG || length < 0)
		return code ? code : theirs->clGetProgramBuildInfo(program, device, name, room, value, bytes);
	if (bytes)
		*bytes = (size_t)length;
	if (value && room < (size_t)length)
		return CL_INVALID_VALUE;
	if (value)
		memset(value, 'x', (size_t)length); /* no final NUL: the caller must not need one */
	return CL_SUCCESS;
}

/* ---- becoming a driver ---- */

static cl_int CL_API_CALL shim_clGetPlatformIDs(cl_uint room, cl_platform_id *out, cl_uint *count)
{
	for (cl_uint i = 0; out && i < room && i < platform_count; i++)
		out[i] = platforms[i];
	if (count)
		*count = platform_count;
	return platform_count ? CL_SUCCESS : -1001;
}

static void fill_table(void)
{
	ours = *theirs;
#define OURS(name) ours.name = shim_##name;
	FUNCTIONS(OURS)
	OURS(clRetainContext)
	OURS(clRetainCommandQueue)
	OURS(clRetainMemObject)
	OURS(clRetainProgram)
	OURS(clRetainKernel)
	OURS(clRetainEvent)
	OURS(clGetPlatformIDs)
#undef OURS
}

/* "NAME:N:CODE" or "NAME:N+:CODE" */
static void parse_failure(const char *text)
{
	char name[64];
	unsigned long n;
	int code;

	if (sscanf(text, "%63[^:]:%lu+:%d", name, &n, &code) == 3)
		clade_shim_fail(name, n, true, code);
	else if (sscanf(text, "%63[^:]:%lu:%d", name, &n, &code) == 3)
		clade_shim_fail(name, n, false, code);
	else
		fprintf(stderr, "shim: CLADE_SHIM_FAIL=%s is not NAME:N[+]:CODE\n", text);
}

static void read_environment(void)
{
	const char *text;
	unsigned name;
	unsigned long long value;

	if ((text = getenv("CLADE_SHIM_FAIL")))
		parse_failure(text);
	if ((text = getenv("CLADE_SHIM_SKIP")))
		clade_shim_skip(strtoul(text, NULL, 10));
	if ((text = getenv("CLADE_SHIM_BUILD_LOG")))
		clade_shim_log(strtol(text, NULL, 10));
	if ((text = getenv("CLADE_SHIM_DEVICES")))
		clade_shim_devices(atoi(text));
	for (text = getenv("CLADE_SHIM_INFO"); text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL)
		if (sscanf(text, "%x=%llu", &name, &value) == 2)
			clade_shim_info(name, value);
}

/* Loads the real driver once: CLADE_SHIM_DRIVER, or what the system's pocl.icd names. */
static void load_driver(void)
{
	typedef void *CL_API_CALL address_fn(const char *);
	typedef cl_int CL_API_CALL ids_fn(cl_uint, cl_platform_id *, cl_uint *);
	const char *path = getenv("CLADE_SHIM_DRIVER");
	char line[512] = "";
	FILE *file = path ? NULL : fopen("/etc/OpenCL/vendors/pocl.icd", "re");
	void *handle, *found;
	address_fn *address;
	ids_fn *ids;

	if (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = 0;
		path = line;
	}
	if (file)
		fclose(file);
	handle = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!handle) {
		fprintf(stderr, "shim: cannot load the driver '%s': %s\n", path ? path : "", handle ? "" : dlerror());
		return;
	}
	shim_symbol(handle, "clGetExtensionFunctionAddress", &address);
	found = address ? address("clIcdGetPlatformIDsKHR") : NULL;
	memcpy(&ids, &found, sizeof(ids));
	if (!ids || ids(8, platforms, &platform_count) || platform_count == 0) {
		platform_count = 0;
		return;
	}
	theirs = *(struct _cl_icd_dispatch **)platforms[0];
	fill_table();
	for (cl_uint i = 0; i < platform_count; i++)
		adopt(platforms[i]);
	read_environment();
}

SHIM_API cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id *out, cl_uint *count)
{
	if (!theirs)
		load_driver();
	return shim_clGetPlatformIDs(room, out, count);
}

static cl_int CL_API_CALL uncounted_platform_info(cl_platform_id a, cl_platform_info b, size_t c, void *d, size_t *e)
{
	return theirs ? theirs->clGetPlatformInfo(a, b, c, d, e) : CL_INVALID_PLATFORM;
}

SHIM_API void *CL_API_CALL clGetExtensionFunctionAddress(const char *name)
{
	static cl_int (*const ids)(cl_uint, cl_platform_id *, cl_uint *) = clIcdGetPlatformIDsKHR;
	static cl_int (*const info)(cl_platform_id, cl_platform_info, size_t, void *, size_t *) =
		uncounted_platform_info; /* the loader's own questions */
	void *address = NULL;

	if (!strcmp(name, "clIcdGetPlatformIDsKHR"))
		memcpy(&address, &ids, sizeof(address));
	if (!strcmp(name, "clGetPlatformInfo"))
		memcpy(&address, &info, sizeof(address));
	return address;
}

/* ---- the test side ---- */

static int function_of(const char *name)
{
	for (int i = 0; name && i <= F_COUNT; i++)
		if (!strcmp(names[i], name))
			return i;
	return F_NONE;
}

SHIM_API void clade_shim_reset(void)
{
	clade_shim_fail(NULL, 0, false, 0);
	for (int i = 0; i <= F_COUNT; i++)
		atomic_store(&counts[i], 0);
	atomic_store(&skip_at, 0);
	atomic_store(&build_log, -1);
	atomic_store(&device_times, 1);
	info_count = 0;
}

SHIM_API void clade_shim_fail(const char *name, unsigned long n, bool persistent, int code)
{
	int function = function_of(name);

	if (name && function == F_NONE) {
		fprintf(stderr, "shim: '%s' is no function that can fail\n", name);
		abort();
	}
	atomic_store(&failure.function, F_NONE);
	atomic_store(&failure.fired, 0);
	atomic_store(&failure.persistent, persistent);
	atomic_store(&failure.code, code);
	atomic_store(&failure.left, n);
	atomic_store(&failure.function, function);
}

SHIM_API bool clade_shim_fired(void)
{
	return atomic_load(&failure.fired) != 0;
}

SHIM_API unsigned long clade_shim_count(const char *name)
{
	int function = function_of(name);

	if (function == F_NONE) {
		fprintf(stderr, "shim: '%s' is not counted\n", name);
		abort();
	}
	return atomic_load(&counts[function]);
}

SHIM_API long clade_shim_live(const char *kind)
{
	long sum = 0;

	for (int i = 0; i < KINDS; i++)
		if (!strcmp(kind, "all") || !strcmp(kind, kinds[i]))
			sum += atomic_load(&live[i]);
	return sum;
}

SHIM_API void clade_shim_info(unsigned name, unsigned long long value)
{
	if (name == 0) {
		info_count = 0;
	} else if (info_count < 16) {
		infos[info_count].name = name;
		infos[info_count++].value = value;
	}
}

SHIM_API void clade_shim_skip(unsigned long n)
{
	atomic_store(&launches, 0);
	atomic_store(&skip_at, n);
}

SHIM_API void clade_shim_log(long bytes)
{
	atomic_store(&build_log, bytes);
}

SHIM_API void clade_shim_devices(int times)
{
	atomic_store(&device_times, times);
}

SHIM_API bool clade_shim_report(const char *path)
{
	FILE *file = fopen(path, "we");

	for (int i = 0; file && i <= F_COUNT; i++)
		fprintf(file, "%s %lu\n", names[i], atomic_load(&counts[i]));
	for (int i = 0; file && i < KINDS; i++)
		fprintf(file, "live_%s %ld\n", kinds[i], atomic_load(&live[i]));
	return file && fclose(file) == 0;
}

/* For programs that know nothing of the shim. No OpenCL call is made here. */
__attribute__((destructor)) static void report_at_exit(void)
{
	const char *path = getenv("CLADE_SHIM_REPORT");

	if (path && theirs)
		clade_shim_report(path);
}

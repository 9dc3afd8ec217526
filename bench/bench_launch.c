/* SPDX-License-Identifier: MIT */
/* What a node costs the host: a step of one tiny launch through clade, repeated as sessions repeat theirs, and an empty
 * kernel by bare OpenCL calls on the same queue, taking turns; a batch is 100 of them and one finish. Prints one JSON
 * object of medians, in microseconds.
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCHES = 301, PER_FINISH = 100 };

static enum clade_status fetch_native(const struct clade_run *run);
static struct clade_native native = { .size = sizeof(struct clade_native) };
static const struct clade_impl native_impl = { .size = sizeof(struct clade_impl),
					       .op = "toy",
					       .name = "native",
					       .doc = "",
					       .needs = CLADE_NEEDS_OPENCL,
					       .run = fetch_native };

static enum clade_status fetch_native(const struct clade_run *run)
{
	return run->host->native(run, &native);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, BATCHES, sizeof(*values), ascending);
	return values[BATCHES / 2];
}

/* A kernel that does nothing, its arguments set. NULL: it cannot be made. */
static cl_kernel make_empty(cl_mem memory)
{
	const char *source = "__kernel void empty(__global float *x, ulong at, uint n) { if (n == 77) x[at] = 0; }";
	cl_int code;
	cl_program program = clCreateProgramWithSource(native.context, 1, &source, NULL, &code);
	cl_device_id device = native.device;
	cl_kernel kernel = NULL;
	cl_ulong at = 0;
	cl_uint n = 4;

	if (program && clBuildProgram(program, 1, &device, "-cl-std=CL1.2", NULL, NULL) == CL_SUCCESS)
		kernel = clCreateKernel(program, "empty", &code);
	if (program)
		clReleaseProgram(program);
	if (!kernel)
		return NULL;
	clSetKernelArg(kernel, 0, sizeof(memory), &memory);
	clSetKernelArg(kernel, 1, sizeof(at), &at);
	clSetKernelArg(kernel, 2, sizeof(n), &n);
	return kernel;
}

/* Microseconds a launch, until the device is done. */
static double time_bare(cl_kernel kernel)
{
	const size_t global = 4, local = 4;
	double start = now();

	for (int i = 0; i < PER_FINISH; i++)
		clEnqueueNDRangeKernel(native.queue, kernel, 1, NULL, &global, &local, 0, NULL, NULL);
	clFinish(native.queue);
	return (now() - start) / PER_FINISH;
}

static double time_ours(struct toy_case *toy, struct clade_diag *diag)
{
	double start = now();

	for (int i = 0; i < PER_FINISH; i++)
		clade_exec_repeat(toy->exec, diag);
	clade_queue_finish(toy->queue, diag);
	return (now() - start) / PER_FINISH;
}

static void compare(struct toy_case *toy, cl_kernel empty, struct clade_diag *diag)
{
	double ours[BATCHES], bare[BATCHES];

	for (int batch = -BATCHES / 4; batch < BATCHES; batch++) {
		double ours_us = time_ours(toy, diag), bare_us = time_bare(empty);

		if (batch >= 0) {
			ours[batch] = ours_us;
			bare[batch] = bare_us;
		}
	}
	double ours_us = median(ours), bare_us = median(bare);
	printf("{\"node_us\": %.4f, \"empty_us\": %.4f}\n", ours_us, bare_us);
}

int main(void)
{
	struct clade_context_params params = { .size = sizeof(params) };
	struct clade_context *context = NULL;
	struct clade_device *device = NULL;
	struct clade_diag diag;
	struct toy_case toy, other;
	cl_mem memory;
	cl_kernel empty;
	cl_int code;

	clade_diag_init(&diag);
	if (clade_context_create(&params, &context, &diag) || clade_context_register(context, toy_entry, "", &diag) ||
	    clade_device_open(context, "cl", &device, &diag) || toy_open(&toy, device, &toy_cl, 4, true, 1, &diag) ||
	    toy_run(&toy, &diag) || toy_open(&other, device, &native_impl, 4, true, 1, &diag) ||
	    toy_run(&other, &diag)) {
		fprintf(stderr, "bench_launch: %s: %s\n", diag.where, diag.text);
		return 1;
	}
	memory = clCreateBuffer(native.context, CL_MEM_READ_WRITE, 64, NULL, &code);
	empty = memory ? make_empty(memory) : NULL;
	if (!empty) {
		fprintf(stderr, "bench_launch: no empty kernel\n");
		return 1;
	}
	compare(&toy, empty, &diag);
	clReleaseKernel(empty);
	clReleaseMemObject(memory);
	toy_close(&other);
	toy_close(&toy);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	return 0;
}

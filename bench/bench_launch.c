/* SPDX-License-Identifier: MIT */
/* What a node costs the host: a step of one tiny launch through clade, repeated as sessions repeat theirs; the same
 * kernel with the same buffers and numbers by bare OpenCL calls, each number an argument of its own, as it is written;
 * and an empty kernel by bare calls. On one queue, taking turns; a batch is 100 of them and one finish. Prints one JSON
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

static cl_kernel make_kernel(const char *source, const char *name)
{
	cl_int code;
	cl_program program = clCreateProgramWithSource(native.context, 1, &source, NULL, &code);
	cl_device_id device = native.device;
	cl_kernel kernel = NULL;

	if (program && clBuildProgram(program, 1, &device, "-cl-std=CL1.2", NULL, NULL) == CL_SUCCESS)
		kernel = clCreateKernel(program, name, &code);
	if (program)
		clReleaseProgram(program);
	return kernel;
}

/* A kernel that does nothing, its arguments set. NULL: it cannot be made. */
static cl_kernel make_empty(cl_mem memory)
{
	cl_kernel kernel = make_kernel(
		"__kernel void empty(__global float *x, ulong at, uint n) { if (n == 77) x[at] = 0; }", "empty");
	cl_ulong at = 0;
	cl_uint n = 4;

	if (!kernel)
		return NULL;
	clSetKernelArg(kernel, 0, sizeof(memory), &memory);
	clSetKernelArg(kernel, 1, sizeof(at), &at);
	clSetKernelArg(kernel, 2, sizeof(n), &n);
	return kernel;
}

/* The node's kernel (tests/device/toy.c) with x, b and y, their offsets, a factor and two numbers. */
static cl_kernel make_plain(const cl_mem memory[3])
{
	cl_kernel kernel = make_kernel(
		"__kernel void toy(__global const float *x, ulong x_at, __global const float *b, ulong b_at,\n"
		"                  __global float *y, ulong y_at, float s, uint n, uint has_b)\n"
		"{\n"
		"\tuint i = (uint)get_global_id(0);\n"
		"\tif (i < n)\n"
		"\t\ty[y_at + i] = fma(x[x_at + i], s, has_b ? b[b_at + i] : 0.0f);\n"
		"}\n",
		"toy");
	const cl_ulong at = 0;
	const cl_uint n = 4, has_b = 1;
	const float s = 2.0f;

	if (!kernel)
		return NULL;
	for (cl_uint i = 0; i < 3; i++) {
		clSetKernelArg(kernel, 2 * i, sizeof(memory[i]), &memory[i]);
		clSetKernelArg(kernel, 2 * i + 1, sizeof(at), &at);
	}
	clSetKernelArg(kernel, 6, sizeof(s), &s);
	clSetKernelArg(kernel, 7, sizeof(n), &n);
	clSetKernelArg(kernel, 8, sizeof(has_b), &has_b);
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

static void compare(struct toy_case *toy, cl_kernel plain, cl_kernel empty, struct clade_diag *diag)
{
	double ours[BATCHES], same[BATCHES], bare[BATCHES];

	for (int batch = -BATCHES / 4; batch < BATCHES; batch++) {
		double ours_us = time_ours(toy, diag), same_us = time_bare(plain), bare_us = time_bare(empty);

		if (batch >= 0) {
			ours[batch] = ours_us;
			same[batch] = same_us;
			bare[batch] = bare_us;
		}
	}
	double ours_us = median(ours), same_us = median(same), bare_us = median(bare);
	printf("{\"node_us\": %.4f, \"plain_us\": %.4f, \"empty_us\": %.4f}\n", ours_us, same_us, bare_us);
}

int main(void)
{
	struct clade_context_params params = { .size = sizeof(params) };
	struct clade_context *context = NULL;
	struct clade_device *device = NULL;
	struct clade_diag diag;
	struct toy_case toy, other;
	cl_mem memory[3];
	cl_kernel empty, plain;
	cl_int code;

	clade_diag_init(&diag);
	if (clade_context_create(&params, &context, &diag) || clade_context_register(context, toy_entry, "", &diag) ||
	    clade_device_open(context, "cl", &device, &diag) || toy_open(&toy, device, &toy_cl, 4, true, 1, &diag) ||
	    toy_run(&toy, &diag) || toy_open(&other, device, &native_impl, 4, true, 1, &diag) ||
	    toy_run(&other, &diag)) {
		fprintf(stderr, "bench_launch: %s: %s\n", diag.where, diag.text);
		return 1;
	}
	for (int i = 0; i < 3; i++)
		memory[i] = clCreateBuffer(native.context, CL_MEM_READ_WRITE, 64, NULL, &code);
	empty = make_empty(memory[0]);
	plain = make_plain(memory);
	if (!empty || !plain) {
		fprintf(stderr, "bench_launch: the bare kernels cannot be made\n");
		return 1;
	}
	compare(&toy, plain, empty, &diag);
	clReleaseKernel(plain);
	clReleaseKernel(empty);
	for (int i = 0; i < 3; i++)
		clReleaseMemObject(memory[i]);
	toy_close(&other);
	toy_close(&toy);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	return 0;
}

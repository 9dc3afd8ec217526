/* SPDX-License-Identifier: MIT */
/* What opening a device, building (cold, warm), and launching cost; compared with bare OpenCL calls. Prints, proves
 * nothing: bench_launch [CACHE_FOLDER]. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "toy.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BATCHES = 300, PER_FINISH = 100 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* Microseconds a launch: of the calls alone, and until the device is done. Best batch (other work on the machine only
 * adds) and mean. */
struct cost {
	double best_call, best_done, sum_call, sum_done;
};

static void note(struct cost *cost, int batch, double call, double done)
{
	if (batch == 0)
		*cost = (struct cost) { call, done, 0, 0 };
	cost->best_call = call < cost->best_call ? call : cost->best_call;
	cost->best_done = done < cost->best_done ? done : cost->best_done;
	cost->sum_call += call;
	cost->sum_done += done;
}

static void print_cost(const char *what, const struct cost *cost)
{
	printf("%s: best %.2f us in the call, %.2f until done; mean %.2f, %.2f\n", what, cost->best_call / PER_FINISH,
	       cost->best_done / PER_FINISH, cost->sum_call / PER_FINISH / BATCHES,
	       cost->sum_done / PER_FINISH / BATCHES);
}

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

/* The same number of launches of an empty kernel, without us. */
static void bare(void)
{
	const char *source = "__kernel void empty(__global float *x, ulong at, uint n) { if (n == 77) x[at] = 0; }";
	const size_t global = 4, local = 4;
	cl_device_id device = native.device;
	cl_int code;
	cl_program program = clCreateProgramWithSource(native.context, 1, &source, NULL, &code);
	cl_mem memory = clCreateBuffer(native.context, CL_MEM_READ_WRITE, 64, NULL, &code);
	cl_ulong at = 0;
	cl_uint n = 4;
	cl_kernel kernel;
	struct cost cost;

	clBuildProgram(program, 1, &device, "-cl-std=CL1.2", NULL, NULL);
	kernel = clCreateKernel(program, "empty", &code);
	clSetKernelArg(kernel, 0, sizeof(memory), &memory);
	clSetKernelArg(kernel, 1, sizeof(at), &at);
	clSetKernelArg(kernel, 2, sizeof(n), &n);
	for (int batch = 0; batch < BATCHES; batch++) {
		double start = now(), called;

		for (int i = 0; i < PER_FINISH; i++)
			clEnqueueNDRangeKernel(native.queue, kernel, 1, NULL, &global, &local, 0, NULL, NULL);
		called = now();
		clFinish(native.queue);
		note(&cost, batch, called - start, now() - start);
	}
	print_cost("bare clEnqueueNDRangeKernel", &cost);
	clReleaseKernel(kernel);
	clReleaseProgram(program);
	clReleaseMemObject(memory);
}

static void ours(struct toy_case *toy, struct clade_diag *diag)
{
	struct cost cost;
	double start, best = 1e9;

	for (int batch = 0; batch < BATCHES; batch++) {
		double called;

		start = now();
		for (int i = 0; i < PER_FINISH; i++)
			toy_run(toy, diag);
		called = now();
		clade_queue_finish(toy->queue, diag);
		note(&cost, batch, called - start, now() - start);
	}
	print_cost("clade_exec_run of one launch", &cost);
	for (int i = 0; i < 1000; i++) {
		start = now();
		toy_run(toy, diag);
		clade_queue_finish(toy->queue, diag);
		if (now() - start < best)
			best = now() - start;
	}
	printf("clade_exec_run + finish: best %.2f us\n", best);
}

int main(int argc, char **argv)
{
	struct clade_context_params params = { .size = sizeof(params), .cache_dir = argc > 1 ? argv[1] : NULL };
	struct clade_context *context = NULL;
	struct clade_device *device = NULL;
	struct clade_device_counters counters;
	struct clade_diag diag;
	struct toy_case toy, other;
	double t0, t1, t2, t3;

	clade_diag_init(&diag);
	if (clade_context_create(&params, &context, &diag) || clade_context_register(context, toy_entry, "", &diag))
		goto fail;
	t0 = now();
	if (clade_device_open(context, "cl", &device, &diag))
		goto fail;
	t1 = now();
	if (toy_open(&toy, device, &toy_cl, 4, true, 1, &diag))
		goto fail;
	t2 = now();
	if (toy_run(&toy, &diag) || clade_queue_finish(toy.queue, &diag))
		goto fail;
	t3 = now();
	clade_device_get_counters(device, &counters);
	printf("%s: open %.1f ms, step with build %.1f ms (build %.1f ms, %s), first run %.2f ms\n",
	       clade_device_get_info(device)->name, 1e-3 * (t1 - t0), 1e-3 * (t2 - t1), 1e3 * counters.build_seconds,
	       counters.programs_built ? "from source" : "from the cache", 1e-3 * (t3 - t2));
	t0 = now();
	clade_device_save_programs(device);
	printf("saving programs: %.1f ms\n", 1e-3 * (now() - t0));
	ours(&toy, &diag);
	if (toy_open(&other, device, &native_impl, 4, true, 1, &diag) || toy_run(&other, &diag))
		goto fail;
	bare();
	toy_close(&other);
	toy_close(&toy);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	return 0;
fail:
	fprintf(stderr, "%s: %s\n", diag.where, diag.text);
	return 1;
}

/* SPDX-License-Identifier: MIT */
/* CLBlast's side of the comparison of matrix products: CLBlastSgemm on the first device of the first OpenCL platform
 * that has one (run.py leaves only PoCL's). */
#define CL_TARGET_OPENCL_VERSION 120
#include "gemm.h"

#include <clblast_c.h>
#include <stdio.h>
#include <stdlib.h>

struct matrices {
	cl_mem x, w, y;
};

static cl_context context;
static cl_command_queue queue;

static const char *start_clblast(char *out_about, size_t size)
{
	cl_platform_id platforms[8];
	cl_uint count = 0;
	cl_device_id device = NULL;
	char name[128] = "", driver[64] = "";
	cl_int status;

	clGetPlatformIDs(8, platforms, &count);
	for (cl_uint i = 0; i < count && i < 8 && !device; i++)
		if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS)
			device = NULL;
	if (!device)
		return "no OpenCL device";
	clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof(name), name, NULL);
	clGetDeviceInfo(device, CL_DRIVER_VERSION, sizeof(driver), driver, NULL);
	context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
	queue = context ? clCreateCommandQueue(context, device, 0, &status) : NULL;
	snprintf(out_about, size, "CLBlast on %s, driver %s", name, driver);
	return queue ? NULL : "no OpenCL queue";
}

static void close_clblast(struct gemm *gemm)
{
	struct matrices *own = gemm->own;

	if (own && own->x)
		clReleaseMemObject(own->x);
	if (own && own->w)
		clReleaseMemObject(own->w);
	if (own && own->y)
		clReleaseMemObject(own->y);
	free(own);
}

static const char *open_clblast(struct gemm *gemm)
{
	struct matrices *own = calloc(1, sizeof(*own));
	size_t m = (size_t)gemm->m, n = (size_t)gemm->n, k = (size_t)gemm->k;
	cl_int a = 0, b = 0, c = 0;

	gemm->own = own;
	if (!own)
		return "out of memory";
	own->x = clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, m * k * sizeof(float),
				(void *)gemm->x, &a);
	own->w = clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, n * k * sizeof(float),
				(void *)gemm->w, &b);
	own->y = clCreateBuffer(context, CL_MEM_READ_WRITE, m * n * sizeof(float), NULL, &c);
	return a || b || c ? "no memory on the device" : NULL;
}

static const char *run_clblast(struct gemm *gemm, int calls)
{
	struct matrices *own = gemm->own;
	size_t m = (size_t)gemm->m, n = (size_t)gemm->n, k = (size_t)gemm->k;
	CLBlastStatusCode status = CLBlastSuccess;

	for (int i = 0; i < calls && status == CLBlastSuccess; i++)
		status = CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes, m, n, k, 1.0f,
				      own->x, 0, k, own->w, 0, k, 0.0f, own->y, 0, n, &queue, NULL);
	return status != CLBlastSuccess || clFinish(queue) != CL_SUCCESS ? "CLBlastSgemm failed" : NULL;
}

static const char *fetch_clblast(struct gemm *gemm)
{
	struct matrices *own = gemm->own;
	size_t bytes = (size_t)gemm->m * (size_t)gemm->n * sizeof(float);

	return clEnqueueReadBuffer(queue, own->y, CL_TRUE, 0, bytes, gemm->y, 0, NULL, NULL) == CL_SUCCESS
		       ? NULL
		       : "the product could not be read";
}

const struct gemm_side gemm_side = { start_clblast, open_clblast, run_clblast, fetch_clblast, close_clblast };

/* SPDX-License-Identifier: MIT */
/* Queues and buffers on OpenCL devices. Ranges have been checked; every return code is. */
#include "opencl.h"

enum clade_status clade_cl_queue_create(struct clade_queue *queue, struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(queue->device);
	cl_command_queue_properties properties = queue->profiling ? CL_QUEUE_PROFILING_ENABLE : 0;
	enum clade_status status = clade_cl_alive(queue->device, diag);
	cl_int code;

	if (status)
		return status;
	queue->handle = clCreateCommandQueue(state->context, state->device, properties, &code);
	return clade_cl_check(queue->device, code, "clCreateCommandQueue", diag);
}

void clade_cl_queue_destroy(struct clade_queue *queue)
{
	if (queue->handle && clade_cl_may_release(queue->device)) {
		/* What is under way may still use memory that the caller frees next, also after an error. */
		clade_cl_check(queue->device, clFinish(queue->handle), "clFinish", NULL);
		clade_cl_check(queue->device, clReleaseCommandQueue(queue->handle), "clReleaseCommandQueue", NULL);
	}
	queue->handle = NULL;
}

enum clade_status clade_cl_queue_finish(struct clade_queue *queue, struct clade_diag *diag)
{
	enum clade_status status = clade_cl_alive(queue->device, diag);

	return status ? status : clade_cl_check(queue->device, clFinish(queue->handle), "clFinish", diag);
}

enum clade_status clade_cl_buffer_create(struct clade_buffer *buffer, size_t bytes, const void *values,
					 struct clade_diag *diag)
{
	cl_mem_flags flags = values ? CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR : CL_MEM_READ_WRITE;
	enum clade_status status = clade_cl_alive(buffer->device, diag);
	cl_int code;

	if (status)
		return status;
	/* The values are only read: OpenCL's prototype has no const. */
	buffer->handle = clCreateBuffer(clade_cl_state(buffer->device)->context, flags, bytes, (void *)values, &code);
	return clade_cl_check(buffer->device, code, "clCreateBuffer", diag);
}

void clade_cl_buffer_destroy(struct clade_buffer *buffer)
{
	if (clade_cl_may_release(buffer->device))
		clade_cl_check(buffer->device, clReleaseMemObject(buffer->handle), "clReleaseMemObject", NULL);
	buffer->handle = NULL;
}

enum clade_status clade_cl_write(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
				 const void *source, size_t bytes, bool wait, struct clade_diag *diag)
{
	enum clade_status status = clade_cl_alive(queue->device, diag);

	if (status)
		return status;
	return clade_cl_check(queue->device,
			      clEnqueueWriteBuffer(queue->handle, buffer->handle, wait ? CL_TRUE : CL_FALSE, offset,
						   bytes, source, 0, NULL, NULL),
			      "clEnqueueWriteBuffer", diag);
}

enum clade_status clade_cl_map(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
			       void **out_memory, struct clade_diag *diag)
{
	enum clade_status status = clade_cl_alive(queue->device, diag);
	cl_int code;

	if (status)
		return status;
	*out_memory = clEnqueueMapBuffer(queue->handle, buffer->handle, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, offset,
					 bytes, 0, NULL, NULL, &code);
	if (code)
		*out_memory = NULL;
	return clade_cl_check(queue->device, code, "clEnqueueMapBuffer", diag);
}

enum clade_status clade_cl_unmap(struct clade_queue *queue, struct clade_buffer *buffer, void *memory,
				 struct clade_diag *diag)
{
	enum clade_status status = clade_cl_alive(queue->device, diag);

	if (status)
		return status;
	return clade_cl_check(queue->device,
			      clEnqueueUnmapMemObject(queue->handle, buffer->handle, memory, 0, NULL, NULL),
			      "clEnqueueUnmapMemObject", diag);
}

enum clade_status clade_cl_read(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, void *target,
				size_t bytes, bool wait, struct clade_diag *diag)
{
	enum clade_status status = clade_cl_alive(queue->device, diag);

	if (status)
		return status;
	return clade_cl_check(queue->device,
			      clEnqueueReadBuffer(queue->handle, buffer->handle, wait ? CL_TRUE : CL_FALSE, offset,
						  bytes, target, 0, NULL, NULL),
			      "clEnqueueReadBuffer", diag);
}

enum clade_status clade_cl_copy(struct clade_queue *queue, struct clade_buffer *source, size_t source_offset,
				struct clade_buffer *target, size_t target_offset, size_t bytes,
				struct clade_diag *diag)
{
	enum clade_status status = clade_cl_alive(queue->device, diag);

	if (status)
		return status;
	return clade_cl_check(queue->device,
			      clEnqueueCopyBuffer(queue->handle, source->handle, target->handle, source_offset,
						  target_offset, bytes, 0, NULL, NULL),
			      "clEnqueueCopyBuffer", diag);
}

enum clade_status clade_cl_fill(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
				uint32_t pattern, struct clade_diag *diag)
{
	enum clade_status status = clade_cl_alive(queue->device, diag);

	if (status)
		return status;
	return clade_cl_check(queue->device,
			      clEnqueueFillBuffer(queue->handle, buffer->handle, &pattern, sizeof(pattern), offset,
						  bytes, 0, NULL, NULL),
			      "clEnqueueFillBuffer", diag);
}

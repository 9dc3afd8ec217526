/* SPDX-License-Identifier: MIT */
/* The host device `ref`: memory is memory, and running a step calls its reference C. It always exists. */
#include "../device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_ALIGN = 64, HOST_RANK = 1000 };

static enum clade_status host_list(struct clade_context *context, struct clade_found_list *list,
				   struct clade_diag *diag)
{
	struct clade_found *found = clade_found_add(context, list, &clade_driver_host);
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	if (!found)
		return clade_fail_memory(diag, sizeof(*found), "the list of devices");
	found->info.kind = CLADE_DEVICE_HOST;
	snprintf(found->info.id, sizeof(found->info.id), "%s", clade_driver_host.name);
	snprintf(found->info.name, sizeof(found->info.name), "reference C");
	snprintf(found->info.platform, sizeof(found->info.platform), "clade");
	snprintf(found->info.vendor, sizeof(found->info.vendor), "clade");
	snprintf(found->info.driver, sizeof(found->info.driver), "%s", clade_version());
	snprintf(found->info.version, sizeof(found->info.version), "C11");
	found->info.compute_units = 1;
	found->info.max_work_group = 1;
	for (int i = 0; i < 3; i++)
		found->info.max_work_item[i] = 1;
	if (pages > 0 && page > 0)
		found->info.global_bytes = (uint64_t)pages * (uint64_t)page;
	found->info.max_alloc_bytes = found->info.global_bytes;
	found->info.base_align = HOST_ALIGN;
	found->info.fp64 = 1;
	found->info.profiling = 1;
	found->info.native_float_width = 1;
	found->info.vector_width = 1;
	found->info.tile_rows = 1;
	found->info.tile_vectors = 1;
	found->info.rank = HOST_RANK;
	return CLADE_OK;
}

static enum clade_status host_open(struct clade_device *device, const struct clade_found *found,
				   struct clade_diag *diag)
{
	return CLADE_OK;
}

static void host_close(struct clade_device *device)
{
}

static enum clade_status host_queue_create(struct clade_queue *queue, struct clade_diag *diag)
{
	return CLADE_OK;
}

static void host_queue_destroy(struct clade_queue *queue)
{
}

static enum clade_status host_queue_finish(struct clade_queue *queue, struct clade_diag *diag)
{
	return CLADE_OK;
}

/* The allocator promises no more than malloc's alignment: the block is larger, and the pointer to free is kept just
 * before the aligned address. */
static enum clade_status host_buffer_create(struct clade_buffer *buffer, size_t bytes, const void *values,
					    struct clade_diag *diag)
{
	size_t room;
	char *block, *memory;

	if (!clade_size_add(bytes, HOST_ALIGN + sizeof(void *), &room))
		return clade_fail_memory(diag, bytes, "a buffer");
	block = clade_resize(buffer->device->context, NULL, room);
	if (!block)
		return clade_fail_memory(diag, bytes, "a buffer");
	memory = block + sizeof(void *);
	memory += (HOST_ALIGN - (uintptr_t)memory % HOST_ALIGN) % HOST_ALIGN;
	memcpy(memory - sizeof(void *), &block, sizeof(void *));
	if (values)
		memcpy(memory, values, bytes);
	buffer->handle = memory;
	return CLADE_OK;
}

static void host_buffer_destroy(struct clade_buffer *buffer)
{
	void *block;

	memcpy(&block, (char *)buffer->handle - sizeof(void *), sizeof(void *));
	clade_free(buffer->device->context, block);
}

static void *host_buffer_host(struct clade_buffer *buffer)
{
	return buffer->handle;
}

static enum clade_status host_write(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
				    const void *source, size_t bytes, bool wait, struct clade_diag *diag)
{
	memcpy((char *)buffer->handle + offset, source, bytes);
	return CLADE_OK;
}

static enum clade_status host_map(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
				  void **out_memory, struct clade_diag *diag)
{
	*out_memory = (char *)buffer->handle + offset;
	return CLADE_OK;
}

static enum clade_status host_unmap(struct clade_queue *queue, struct clade_buffer *buffer, void *memory,
				    struct clade_diag *diag)
{
	return CLADE_OK;
}

static enum clade_status host_read(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, void *target,
				   size_t bytes, bool wait, struct clade_diag *diag)
{
	memcpy(target, (const char *)buffer->handle + offset, bytes);
	return CLADE_OK;
}

static enum clade_status host_copy(struct clade_queue *queue, struct clade_buffer *source, size_t source_offset,
				   struct clade_buffer *target, size_t target_offset, size_t bytes,
				   struct clade_diag *diag)
{
	memcpy((char *)target->handle + target_offset, (const char *)source->handle + source_offset, bytes);
	return CLADE_OK;
}

static enum clade_status host_fill(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
				   uint32_t pattern, struct clade_diag *diag)
{
	char *memory = (char *)buffer->handle + offset;

	for (size_t i = 0; i < bytes; i += sizeof(pattern))
		memcpy(memory + i, &pattern, sizeof(pattern));
	return CLADE_OK;
}

static enum clade_status host_build(struct clade_device *device, struct clade_step *const *steps, size_t count,
				    struct clade_diag *diag)
{
	return CLADE_OK;
}

static void host_save_programs(struct clade_device *device)
{
}

static size_t host_fill_cache(struct clade_device *device, bool later)
{
	return 0; /* nothing is compiled */
}

static enum clade_status host_exec_create(struct clade_exec *exec, struct clade_diag *diag)
{
	return CLADE_OK;
}

static void host_exec_destroy(struct clade_exec *exec)
{
}

static void host_exec_begin(struct clade_exec *exec)
{
	atomic_fetch_add(&exec->queue->device->launches, 1);
}

static enum clade_status host_launch(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				     uint32_t arg_count, const uint64_t global[3], const uint32_t local[3],
				     struct clade_diag *diag)
{
	return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_IMPL_FAILED, NULL,
			  "%s.%s launched a kernel on the host device; only OpenCL devices have kernels",
			  exec->step->impl->op, exec->step->impl->name);
}

static uint64_t host_exec_ns(struct clade_exec *exec)
{
	return exec->host_ns;
}

static void host_native(struct clade_exec *exec, struct clade_native *out)
{
}

static void *host_native_buffer(struct clade_buffer *buffer)
{
	return NULL;
}

static bool host_tensor_ok(const struct clade_device *device, const struct clade_tensor *tensor, const char **why)
{
	*why = "has no data; on the host device a tensor needs its `data` pointer";
	return tensor->data != NULL;
}

const struct clade_driver clade_driver_host = {
	.name = "ref",
	.list = host_list,
	.open = host_open,
	.close = host_close,
	.queue_create = host_queue_create,
	.queue_destroy = host_queue_destroy,
	.queue_finish = host_queue_finish,
	.buffer_create = host_buffer_create,
	.buffer_destroy = host_buffer_destroy,
	.buffer_host = host_buffer_host,
	.write = host_write,
	.map = host_map,
	.unmap = host_unmap,
	.read = host_read,
	.copy = host_copy,
	.fill = host_fill,
	.build = host_build,
	.save_programs = host_save_programs,
	.fill_cache = host_fill_cache,
	.exec_create = host_exec_create,
	.exec_destroy = host_exec_destroy,
	.exec_begin = host_exec_begin,
	.launch = host_launch,
	.exec_ns = host_exec_ns,
	.native = host_native,
	.native_buffer = host_native_buffer,
	.tensor_ok = host_tensor_ok,
};

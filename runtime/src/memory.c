/* SPDX-License-Identifier: MIT */
/* Queues and buffers: arguments are checked here once, the device's driver does the work. */
#include "device.h"

#include <inttypes.h>

enum clade_status clade_queue_create(struct clade_device *device, bool profiling, struct clade_queue **out_queue,
				     struct clade_diag *diag)
{
	struct clade_queue *queue;
	enum clade_status status;

	if (!device || !out_queue)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_queue_create: device and out_queue must not be NULL");
	*out_queue = NULL;
	queue = clade_alloc(device->context, sizeof(*queue));
	if (!queue)
		return clade_fail_memory(diag, sizeof(*queue), "a queue");
	queue->device = clade_device_ref(device);
	queue->profiling = profiling;
	status = device->driver->queue_create(queue, diag);
	if (status)
		clade_queue_destroy(&queue);
	*out_queue = queue;
	return status;
}

void clade_queue_destroy(struct clade_queue **queue)
{
	struct clade_queue *dead;
	struct clade_device *device;

	if (!queue || !*queue)
		return;
	dead = *queue;
	*queue = NULL;
	device = dead->device;
	device->driver->queue_destroy(dead);
	clade_free(device->context, dead);
	clade_device_unref(&device);
}

enum clade_status clade_queue_finish(struct clade_queue *queue, struct clade_diag *diag)
{
	if (!queue)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_queue_finish: queue is NULL");
	atomic_fetch_add(&queue->device->finishes, 1);
	return queue->device->driver->queue_finish(queue, diag);
}

/* Refuses what the device has said it cannot hold: some drivers accept any size and fail at first use. */
static enum clade_status check_limits(const struct clade_device *device, size_t bytes, struct clade_diag *diag)
{
	uint64_t live = atomic_load(&device->live_bytes), total;

	if (device->info.max_alloc_bytes && bytes > device->info.max_alloc_bytes)
		return clade_fail(diag, CLADE_ERR_MEMORY, CLADE_MSG_LIMIT, device->info.id,
				  "a buffer of %zu bytes was asked for; one buffer on %.100s has at most %" PRIu64
				  " bytes",
				  bytes, device->info.name, device->info.max_alloc_bytes);
	total = live + bytes;
	if (total < live || (device->info.global_bytes && total > device->info.global_bytes))
		return clade_fail(diag, CLADE_ERR_MEMORY, CLADE_MSG_LIMIT, device->info.id,
				  "a buffer of %zu bytes was asked for while %" PRIu64
				  " are in use; %.100s has %" PRIu64 " bytes in all",
				  bytes, live, device->info.name, device->info.global_bytes);
	return CLADE_OK;
}

enum clade_status clade_buffer_create_constant(struct clade_device *device, size_t bytes, const void *values,
					       struct clade_buffer **out_buffer, struct clade_diag *diag)
{
	struct clade_buffer *buffer;
	enum clade_status status;

	if (!device || !out_buffer)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_buffer_create: device and out_buffer must not be NULL");
	*out_buffer = NULL;
	status = check_limits(device, bytes, diag);
	if (status)
		return status;
	buffer = clade_alloc(device->context, sizeof(*buffer));
	if (!buffer)
		return clade_fail_memory(diag, sizeof(*buffer), "a buffer");
	buffer->device = clade_device_ref(device);
	atomic_init(&buffer->references, 1);
	buffer->serial = atomic_fetch_add(&device->next_serial, 1) + 1;
	if (bytes)
		status = device->driver->buffer_create(buffer, bytes, values, diag);
	if (status) {
		clade_buffer_unref(&buffer);
		return status;
	}
	buffer->bytes = bytes;
	atomic_fetch_add(&device->live_bytes, bytes);
	atomic_fetch_add(&device->buffers_created, 1);
	atomic_fetch_add(&device->buffer_bytes, bytes);
	*out_buffer = buffer;
	return CLADE_OK;
}

enum clade_status clade_buffer_create(struct clade_device *device, size_t bytes, struct clade_buffer **out_buffer,
				      struct clade_diag *diag)
{
	return clade_buffer_create_constant(device, bytes, NULL, out_buffer, diag);
}

struct clade_buffer *clade_buffer_ref(struct clade_buffer *buffer)
{
	if (buffer)
		atomic_fetch_add(&buffer->references, 1);
	return buffer;
}

void clade_buffer_unref(struct clade_buffer **buffer)
{
	struct clade_buffer *dead;
	struct clade_device *device;

	if (!buffer || !*buffer)
		return;
	dead = *buffer;
	*buffer = NULL;
	if (atomic_fetch_sub(&dead->references, 1) != 1)
		return;
	device = dead->device;
	if (dead->handle)
		device->driver->buffer_destroy(dead);
	atomic_fetch_sub(&device->live_bytes, dead->bytes);
	clade_free(device->context, dead);
	clade_device_unref(&device);
}

size_t clade_buffer_size(const struct clade_buffer *buffer)
{
	return buffer ? buffer->bytes : 0;
}

void *clade_buffer_host(struct clade_buffer *buffer)
{
	return buffer ? buffer->device->driver->buffer_host(buffer) : NULL;
}

/* Queue and buffer belong together and [offset, offset + bytes) lies inside. */
static enum clade_status check_range(const char *call, const struct clade_queue *queue,
				     const struct clade_buffer *buffer, size_t offset, size_t bytes,
				     struct clade_diag *diag)
{
	size_t end;

	if (!queue || !buffer)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "%s: queue and buffer must not be NULL", call);
	if (queue->device != buffer->device)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "%s: the buffer is on %s, the queue on %s; both must be on one device", call,
				  buffer->device->info.id, queue->device->info.id);
	if (!clade_size_add(offset, bytes, &end) || end > buffer->bytes)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "%s: bytes %zu + %zu end beyond the buffer's %zu", call, offset, bytes,
				  buffer->bytes);
	return CLADE_OK;
}

enum clade_status clade_buffer_write(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset,
				     const void *source, size_t bytes, bool wait, struct clade_diag *diag)
{
	enum clade_status status = check_range("clade_buffer_write", queue, buffer, offset, bytes, diag);

	if (status || bytes == 0)
		return status;
	if (!source)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_buffer_write: source is NULL");
	atomic_fetch_add(&queue->device->writes, 1);
	return queue->device->driver->write(queue, buffer, offset, source, bytes, wait, diag);
}

enum clade_status clade_buffer_map(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
				   void **out_memory, struct clade_diag *diag)
{
	enum clade_status status = check_range("clade_buffer_map", queue, buffer, offset, bytes, diag);

	if (out_memory)
		*out_memory = NULL;
	if (status || bytes == 0)
		return status;
	if (!out_memory)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_buffer_map: out_memory is NULL");
	atomic_fetch_add(&queue->device->writes, 1);
	return queue->device->driver->map(queue, buffer, offset, bytes, out_memory, diag);
}

enum clade_status clade_buffer_unmap(struct clade_queue *queue, struct clade_buffer *buffer, void *memory,
				     struct clade_diag *diag)
{
	enum clade_status status = check_range("clade_buffer_unmap", queue, buffer, 0, 0, diag);

	return status || !memory ? status : queue->device->driver->unmap(queue, buffer, memory, diag);
}

enum clade_status clade_buffer_read(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, void *target,
				    size_t bytes, bool wait, struct clade_diag *diag)
{
	enum clade_status status = check_range("clade_buffer_read", queue, buffer, offset, bytes, diag);

	if (status || bytes == 0)
		return status;
	if (!target)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_buffer_read: target is NULL");
	atomic_fetch_add(&queue->device->reads, 1);
	return queue->device->driver->read(queue, buffer, offset, target, bytes, wait, diag);
}

enum clade_status clade_buffer_copy(struct clade_queue *queue, struct clade_buffer *source, size_t source_offset,
				    struct clade_buffer *target, size_t target_offset, size_t bytes,
				    struct clade_diag *diag)
{
	enum clade_status status = check_range("clade_buffer_copy", queue, source, source_offset, bytes, diag);

	if (!status)
		status = check_range("clade_buffer_copy", queue, target, target_offset, bytes, diag);
	if (status || bytes == 0)
		return status;
	if (source == target && source_offset < target_offset + bytes && target_offset < source_offset + bytes)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_buffer_copy: source and target overlap");
	return queue->device->driver->copy(queue, source, source_offset, target, target_offset, bytes, diag);
}

enum clade_status clade_buffer_fill(struct clade_queue *queue, struct clade_buffer *buffer, size_t offset, size_t bytes,
				    uint32_t pattern, struct clade_diag *diag)
{
	enum clade_status status = check_range("clade_buffer_fill", queue, buffer, offset, bytes, diag);

	if (status || bytes == 0)
		return status;
	if (offset % 4 || bytes % 4)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_buffer_fill: offset %zu and bytes %zu must be multiples of 4", offset, bytes);
	return queue->device->driver->fill(queue, buffer, offset, bytes, pattern, diag);
}

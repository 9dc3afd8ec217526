/* SPDX-License-Identifier: MIT */
/* Tensors in hostile memory; see arrange.h. */
#include "arrange.h"

#include <clade/messages.h>
#include <string.h>

enum { GUARD = 64 }; /* bytes on either side */

static void poison(unsigned char *memory, size_t bytes)
{
	const uint32_t word = HARNESS_POISON;

	for (size_t at = 0; at + sizeof(word) <= bytes; at += sizeof(word))
		memcpy(memory + at, &word, sizeof(word));
}

/* Copies between a dense array and the places of a strided tensor; `into`: from dense to places. */
static void walk(const struct clade_tensor *tensor, unsigned char *memory, unsigned char *dense, bool into)
{
	size_t element = clade_dtype_info(tensor->type.dtype)->bytes;
	int64_t index[CLADE_MAX_RANK] = { 0 }, count = 0, at = 0;
	size_t bytes;

	if (clade_dtype_info(tensor->type.dtype)->block > 1 && clade_type_bytes(&tensor->type, &bytes)) {
		/* types in blocks are always dense */
		memcpy(into ? memory + tensor->offset : dense, into ? dense : memory + tensor->offset, bytes);
		return;
	}
	clade_type_count(&tensor->type, &count);
	for (int64_t i = 0; i < count; i++) {
		unsigned char *place = memory + tensor->offset + (size_t)at * element;
		unsigned char *value = dense + (size_t)i * element;

		memcpy(into ? place : value, into ? value : place, element);
		for (uint32_t axis = tensor->type.rank; axis-- > 0;) {
			at += tensor->strides[axis];
			if (++index[axis] < tensor->type.dims[axis])
				break;
			at -= index[axis] * tensor->strides[axis];
			index[axis] = 0;
		}
	}
}

/* Strides of the arrangement; returns the number of elements from the first to past the last. */
static int64_t set_strides(struct clade_tensor *tensor, const struct arrangement *arrangement)
{
	const struct clade_type *type = &tensor->type;
	int64_t extent = 1;

	for (uint32_t axis = type->rank; axis-- > 0;) {
		int64_t length = type->dims[axis] ? type->dims[axis] : 1;

		tensor->strides[axis] = extent;
		if (axis == 2 && arrangement->capacity > length)
			length = arrangement->capacity;
		extent *= length;
		if (axis + 1 == type->rank && type->rank > 1)
			extent += arrangement->row_gap;
	}
	return extent;
}

enum clade_status arranged_create(struct clade_context *context, struct clade_device *device,
				  const struct clade_type *type, const void *values,
				  const struct arrangement *arrangement, struct arranged *out, struct clade_diag *diag)
{
	size_t element = clade_dtype_info(type->dtype)->bytes, payload = 0;
	enum clade_status status;

	memset(out, 0, sizeof(*out));
	out->present = true;
	out->tensor.type = *type;
	out->tensor.layout = arrangement->layout;
	payload = (size_t)set_strides(&out->tensor, arrangement) * element;
	if ((arrangement->layout.kind != CLADE_LAYOUT_ROWS || clade_dtype_info(type->dtype)->block > 1) &&
	    !clade_layout_bytes(type, arrangement->layout, &payload))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL, "no such layout for this type");
	/* One element behind the guard: aligned to the element and to nothing more. */
	out->tensor.offset = (GUARD / element + 1) * element;
	out->bytes = (out->tensor.offset + payload + GUARD + 3) / 4 * 4;
	out->image = clade_alloc(context, out->bytes);
	out->now = clade_alloc(context, out->bytes);
	if (!out->image || !out->now)
		return clade_fail_memory(diag, out->bytes, "a test tensor");
	poison(out->image, out->bytes);
	if (values && arrangement->layout.kind != CLADE_LAYOUT_ROWS) {
		int64_t rows = 1;

		for (uint32_t i = 0; i + 1 < type->rank; i++)
			rows *= type->dims[i];
		status = clade_layout_pack(type, arrangement->layout, 0, rows, values, out->image + out->tensor.offset);
		if (status)
			return clade_fail(diag, status, CLADE_MSG_ARGUMENT, NULL, "packing failed");
	} else if (values) {
		walk(&out->tensor, out->image, (unsigned char *)(uintptr_t)values, true);
	}
	status = clade_buffer_create(device, out->bytes, &out->buffer, diag);
	if (status)
		return status;
	out->tensor.buffer = out->buffer;
	if (clade_buffer_host(out->buffer))
		out->tensor.data = (char *)clade_buffer_host(out->buffer) + out->tensor.offset;
	return CLADE_OK;
}

void arranged_destroy(struct clade_context *context, struct arranged *arranged)
{
	clade_buffer_unref(&arranged->buffer);
	clade_free(context, arranged->image);
	clade_free(context, arranged->now);
	memset(arranged, 0, sizeof(*arranged));
}

enum clade_status arranged_write(struct clade_queue *queue, struct arranged *arranged, struct clade_diag *diag)
{
	return clade_buffer_write(queue, arranged->buffer, 0, arranged->image, arranged->bytes, true, diag);
}

enum clade_status arranged_read(struct clade_queue *queue, struct arranged *arranged, struct clade_diag *diag)
{
	return clade_buffer_read(queue, arranged->buffer, 0, arranged->now, arranged->bytes, true, diag);
}

bool arranged_is_intact(const struct arranged *arranged)
{
	return memcmp(arranged->image, arranged->now, arranged->bytes) == 0;
}

void arranged_gather(const struct arranged *arranged, void *dense)
{
	walk(&arranged->tensor, arranged->now, dense, false);
}

bool arranged_guards_hold(const struct arranged *arranged, unsigned char *scratch)
{
	size_t element = clade_dtype_info(arranged->tensor.type.dtype)->bytes;
	int64_t count = 0;
	unsigned char *dense;
	bool hold;

	clade_type_count(&arranged->tensor.type, &count);
	dense = clade_alloc(NULL, (size_t)count * element);
	if (!dense)
		return false;
	memcpy(scratch, arranged->image, arranged->bytes);
	walk(&arranged->tensor, arranged->now, dense, false);
	walk(&arranged->tensor, scratch, dense, true);
	hold = memcmp(scratch, arranged->now, arranged->bytes) == 0;
	clade_free(NULL, dense);
	return hold;
}

int64_t arranged_count_poison(const struct clade_type *type, const void *dense)
{
	const uint32_t word = HARNESS_POISON;
	size_t element = clade_dtype_info(type->dtype)->bytes;
	int64_t count = 0, found = 0;

	clade_type_count(type, &count);
	for (int64_t i = 0; i < count; i++) {
		const unsigned char *at = (const unsigned char *)dense + (size_t)i * element;

		/* One byte cannot tell poison from a value, except that a bool is 0 or 1. */
		if (element == 1)
			found += type->dtype == CLADE_BOOL && at[0] > 1;
		else
			found += memcmp(at, &word, element < sizeof(word) ? element : sizeof(word)) == 0;
	}
	return found;
}

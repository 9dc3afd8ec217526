/* SPDX-License-Identifier: MIT */
/* Elements of a file's type as f32 (floats) or i32 (integers and bool), in bounded memory. */
#include "store.h"

#include <inttypes.h>
#include <string.h>

/* Converts `count` elements at `source` (unaligned, little-endian); returns the first that does not fit, -1 if all do.
 */
typedef int64_t convert_fn(const unsigned char *source, int64_t count, void *target);

static int64_t from_f32(const unsigned char *source, int64_t count, void *target)
{
	memcpy(target, source, (size_t)count * 4);
	return -1;
}

static int64_t from_f16(const unsigned char *source, int64_t count, void *target)
{
	float *out = target;
	for (int64_t i = 0; i < count; i++) {
		uint16_t bits;
		memcpy(&bits, source + 2 * i, 2);
		out[i] = clade_f16_to_f32(bits);
	}
	return -1;
}

static int64_t from_bf16(const unsigned char *source, int64_t count, void *target)
{
	float *out = target;
	for (int64_t i = 0; i < count; i++) {
		uint16_t bits;
		memcpy(&bits, source + 2 * i, 2);
		out[i] = clade_bf16_to_f32(bits);
	}
	return -1;
}

static int64_t from_f64(const unsigned char *source, int64_t count, void *target)
{
	float *out = target;
	for (int64_t i = 0; i < count; i++) {
		double value;
		memcpy(&value, source + 8 * i, 8);
		out[i] = (float)value;
	}
	return -1;
}

static int64_t from_i8(const unsigned char *source, int64_t count, void *target)
{
	int32_t *out = target;
	for (int64_t i = 0; i < count; i++)
		out[i] = (int8_t)source[i];
	return -1;
}

static int64_t from_u8(const unsigned char *source, int64_t count, void *target)
{
	int32_t *out = target;
	for (int64_t i = 0; i < count; i++)
		out[i] = source[i];
	return -1;
}

static int64_t from_bool(const unsigned char *source, int64_t count, void *target)
{
	int32_t *out = target;
	for (int64_t i = 0; i < count; i++) {
		if (source[i] > 1)
			return i;
		out[i] = source[i];
	}
	return -1;
}

static int64_t from_i16(const unsigned char *source, int64_t count, void *target)
{
	int32_t *out = target;
	for (int64_t i = 0; i < count; i++) {
		int16_t value;
		memcpy(&value, source + 2 * i, 2);
		out[i] = value;
	}
	return -1;
}

static int64_t from_i64(const unsigned char *source, int64_t count, void *target)
{
	int32_t *out = target;
	for (int64_t i = 0; i < count; i++) {
		int64_t value;
		memcpy(&value, source + 8 * i, 8);
		if (value < INT32_MIN || value > INT32_MAX)
			return i;
		out[i] = (int32_t)value;
	}
	return -1;
}

/* Little-endian hosts only: what clade supports so far. */
static convert_fn *const converters[CLADE_DTYPE_COUNT] = {
	[CLADE_F32] = from_f32,   [CLADE_I32] = from_f32, [CLADE_BOOL] = from_bool, [CLADE_F16] = from_f16,
	[CLADE_BF16] = from_bf16, [CLADE_F64] = from_f64, [CLADE_I8] = from_i8,     [CLADE_I16] = from_i16,
	[CLADE_I64] = from_i64,   [CLADE_U8] = from_u8,
};

enum clade_status clade_store_read(const struct clade_store *store, const struct clade_store_tensor *tensor,
				   int64_t first, int64_t count, void *target, struct clade_diag *diag)
{
	const struct store_entry *entry = (const struct store_entry *)(const void *)tensor;
	const struct clade_file *file = &store->files[entry->file];
	int64_t total;
	if (first < 0 || count < 0 || !clade_type_count(&tensor->type, &total) || first > total ||
	    count > total - first)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, tensor->file,
				  "elements [%" PRId64 ", +%" PRId64 ") are not in tensor \"%s\"", first, count,
				  CLADE_QUOTE(tensor->name));
	uint32_t bytes = clade_dtype_info(tensor->type.dtype)->bytes;
	uint64_t offset = tensor->offset + (uint64_t)first * bytes;
	convert_fn *convert = converters[tensor->type.dtype];
	if (convert == from_f32)
		return clade_file_read(file, offset, target, (size_t)count * 4, diag);
	unsigned char buffer[32768];
	int64_t step = (int64_t)(sizeof(buffer) / bytes);
	for (int64_t done = 0; done < count; done += step) {
		int64_t part = count - done < step ? count - done : step;
		enum clade_status status =
			clade_file_read(file, offset + (uint64_t)done * bytes, buffer, (size_t)part * bytes, diag);
		if (status != CLADE_OK)
			return status;
		int64_t bad = convert(buffer, part, (char *)target + done * 4);
		if (bad >= 0)
			return clade_file_fail(
				diag, CLADE_MSG_FILE_VALUE, tensor->file, offset + (uint64_t)(done + bad) * bytes,
				"element %" PRId64 " of tensor \"%s\" does not fit %s; %s", first + done + bad,
				CLADE_QUOTE(tensor->name), tensor->type.dtype == CLADE_BOOL ? "bool" : "i32",
				tensor->type.dtype == CLADE_BOOL ? "a bool is a byte 0 or 1"
								 : "integers are used as 32-bit numbers");
	}
	return CLADE_OK;
}

/* SPDX-License-Identifier: MIT */
/* Elements of a file as f32 (floats, quantised blocks) or i32 (integers and bool), in bounded memory. */
#include "store.h"

#include <inttypes.h>
#include <string.h>

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
		uint32_t word = (uint32_t)bits << 16; /* clade_bf16_to_f32, without a call an element */
		memcpy(&out[i], &word, 4);
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
static const struct clade_encoding singles[CLADE_DTYPE_COUNT] = {
	[CLADE_F32] = { "f32", 1, 4, CLADE_F32, from_f32 },     [CLADE_I32] = { "i32", 1, 4, CLADE_I32, from_f32 },
	[CLADE_BOOL] = { "bool", 1, 1, CLADE_BOOL, from_bool }, [CLADE_F16] = { "f16", 1, 2, CLADE_F16, from_f16 },
	[CLADE_BF16] = { "bf16", 1, 2, CLADE_BF16, from_bf16 }, [CLADE_F64] = { "f64", 1, 8, CLADE_F64, from_f64 },
	[CLADE_I8] = { "i8", 1, 1, CLADE_I8, from_i8 },         [CLADE_I16] = { "i16", 1, 2, CLADE_I16, from_i16 },
	[CLADE_I64] = { "i64", 1, 8, CLADE_I64, from_i64 },     [CLADE_U8] = { "u8", 1, 1, CLADE_U8, from_u8 },
};

const struct clade_encoding *clade_encoding_of(enum clade_dtype dtype)
{
	return &singles[dtype];
}

/* A range of one tensor that is being read. */
struct reading {
	const struct clade_store_tensor *tensor;
	const struct clade_encoding *encoding;
	const struct clade_file *file;
	struct clade_diag *diag;
};

/* Reads whole blocks [first, first + blocks), as many as `buffer` holds at most, and decodes them. */
static enum clade_status read_blocks(const struct reading *reading, int64_t first, int64_t blocks,
				     unsigned char *buffer, void *target)
{
	const struct clade_store_tensor *tensor = reading->tensor;
	uint64_t offset = tensor->offset + (uint64_t)first * reading->encoding->bytes;
	enum clade_status status = clade_file_read(reading->file, offset, buffer,
						   (size_t)blocks * reading->encoding->bytes, reading->diag);
	if (status != CLADE_OK)
		return status;
	int64_t bad = reading->encoding->decode(buffer, blocks, target);
	if (bad < 0)
		return CLADE_OK;
	bool is_bool = tensor->type.dtype == CLADE_BOOL; /* only types of single elements refuse any */
	return clade_file_fail(
		reading->diag, CLADE_MSG_FILE_VALUE, tensor->file, offset + (uint64_t)bad * reading->encoding->bytes,
		"element %" PRId64 " of tensor \"%s\" does not fit %s; %s", first + bad, CLADE_QUOTE(tensor->name),
		is_bool ? "bool" : "i32", is_bool ? "a bool is a byte 0 or 1" : "integers are used as 32-bit numbers");
}

static enum clade_status outside(const struct clade_store_tensor *tensor, int64_t first, int64_t count,
				 struct clade_diag *diag)
{
	return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, tensor->file,
			  "elements [%" PRId64 ", +%" PRId64 ") are not in tensor \"%s\"", first, count,
			  CLADE_QUOTE(tensor->name));
}

enum clade_status clade_store_read_raw(const struct clade_store *store, const struct clade_store_tensor *tensor,
				       int64_t first, int64_t count, void *target, struct clade_diag *diag)
{
	const struct store_entry *entry = (const struct store_entry *)(const void *)tensor;
	const struct clade_encoding *encoding = entry->encoding;
	int64_t total, per = encoding->count;
	if (first < 0 || count < 0 || !clade_type_count(&tensor->type, &total) || first > total ||
	    count > total - first || first % per || count % per)
		return outside(tensor, first, count, diag);
	return clade_file_read(&store->files[entry->file], tensor->offset + (uint64_t)(first / per) * encoding->bytes,
			       target, (size_t)(count / per) * encoding->bytes, diag);
}

enum clade_status clade_store_read(const struct clade_store *store, const struct clade_store_tensor *tensor,
				   int64_t first, int64_t count, void *target, struct clade_diag *diag)
{
	const struct store_entry *entry = (const struct store_entry *)(const void *)tensor;
	const struct clade_encoding *encoding = entry->encoding;
	struct reading reading = { tensor, encoding, &store->files[entry->file], diag };
	int64_t total;
	if (first < 0 || count < 0 || !clade_type_count(&tensor->type, &total) || first > total ||
	    count > total - first)
		return outside(tensor, first, count, diag);
	if (encoding->decode == from_f32)
		return clade_file_read(reading.file, tensor->offset + (uint64_t)first * 4, target, (size_t)count * 4,
				       diag);
	unsigned char buffer[32768];
	float edge[CLADE_BLOCK_MAX];
	int64_t per = encoding->count, room = (int64_t)(sizeof(buffer) / encoding->bytes), part;
	enum clade_status status = CLADE_OK;
	for (; count > 0 && status == CLADE_OK; count -= part, first += part, target = (char *)target + part * 4) {
		int64_t skip = first % per;
		if (skip == 0 && count >= per) {
			int64_t blocks = count / per < room ? count / per : room;
			part = blocks * per;
			status = read_blocks(&reading, first / per, blocks, buffer, target);
		} else { /* the range begins or ends within this block */
			part = per - skip < count ? per - skip : count;
			status = read_blocks(&reading, first / per, 1, buffer, edge);
			memcpy(target, edge + skip, (size_t)part * 4);
		}
	}
	return status;
}

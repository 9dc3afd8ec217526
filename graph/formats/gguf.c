/* SPDX-License-Identifier: MIT */
/* GGUF, versions 2 and 3: counts, metadata, tensor infos, then the data at aligned offsets. The header is read through
 * a window of fixed size; every count is checked against the bytes that are left before anything is allocated for it.
 */
#include "gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COUNT_LIMIT = 1000000, /* keys, tensors */
	KEY_LIMIT = 65535,
	NAME_LIMIT = 64,
	STRING_LIMIT = 64 << 20,
	ARRAY_LIMIT = 1 << 26, /* elements */
	TEXT_LIMIT = 1 << 30,  /* bytes of one array's strings */
	ALIGNMENT_LIMIT = 1 << 20,
	DIMS_LIMIT = 4,
	KEY_LEAST = 8 + 1 + 4 + 1, /* the least bytes of a key and its value */
	TENSOR_LEAST = 8 + 1 + 4 + 8 + 4 + 8,
	WINDOW = 65536
};
static const uint64_t dim_limit = (uint64_t)1 << 40;

enum { TYPE_STRING = 8, TYPE_ARRAY = 9 };
static const struct {
	const char *name;
	uint32_t width; /* bytes; of a string and an array, of its count */
	enum clade_meta_kind kind;
	bool is_signed;
} types[] = {
	{ "u8", 1, CLADE_META_INT, false },        { "i8", 1, CLADE_META_INT, true },
	{ "u16", 2, CLADE_META_INT, false },       { "i16", 2, CLADE_META_INT, true },
	{ "u32", 4, CLADE_META_INT, false },       { "i32", 4, CLADE_META_INT, true },
	{ "f32", 4, CLADE_META_FLOAT, false },     { "bool", 1, CLADE_META_BOOL, false },
	{ "string", 8, CLADE_META_STRING, false }, { "array", 12, CLADE_META_ARRAY, false },
	{ "u64", 8, CLADE_META_INT, false },       { "i64", 8, CLADE_META_INT, true },
	{ "f64", 8, CLADE_META_FLOAT, false },
};
enum { TYPE_COUNT = sizeof(types) / sizeof(types[0]) };

#define fail_here(gguf, at, ...) clade_file_fail((gguf)->diag, CLADE_MSG_FILE_GGUF, (gguf)->path, (at), __VA_ARGS__)

/* ---- bytes ---- */

static uint64_t left(const struct gguf *gguf)
{
	return gguf->file->size - gguf->at;
}

static enum clade_status take(struct gguf *gguf, void *target, size_t bytes, const char *what)
{
	char *out = target;
	if (bytes > left(gguf))
		return fail_here(gguf, gguf->at,
				 "the file ends within %s; %zu bytes are needed here, %" PRIu64 " are left", what,
				 bytes, left(gguf));
	while (bytes > 0) {
		uint64_t skip = gguf->at - gguf->window_at;
		if (skip >= gguf->window_bytes) {
			gguf->window_at = gguf->at;
			gguf->window_bytes = left(gguf) < WINDOW ? (size_t)left(gguf) : WINDOW;
			enum clade_status status =
				clade_file_read(gguf->file, gguf->at, gguf->window, gguf->window_bytes, gguf->diag);
			if (status != CLADE_OK)
				return status;
			skip = 0;
		}
		size_t part = gguf->window_bytes - (size_t)skip < bytes ? gguf->window_bytes - (size_t)skip : bytes;
		memcpy(out, gguf->window + skip, part);
		out += part;
		bytes -= part;
		gguf->at += part;
	}
	return CLADE_OK;
}

static enum clade_status take_u32(struct gguf *gguf, uint32_t *out, const char *what)
{
	*out = 0;
	return take(gguf, out, 4, what);
}

static enum clade_status take_u64(struct gguf *gguf, uint64_t *out, const char *what)
{
	*out = 0;
	return take(gguf, out, 8, what);
}

/* ---- strings ---- */

/* Bytes of the UTF-8 sequence at `p` (shortest form, no surrogates, no NUL), or 0. */
static size_t utf8_length(const unsigned char *p, size_t bytes)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t need = p[0] < 0x80   ? p[0] != 0
		      : p[0] < 0xc2 ? 0
		      : p[0] < 0xe0 ? 2
		      : p[0] < 0xf0 ? 3
		      : p[0] < 0xf5 ? 4
				    : 0;
	uint32_t code = p[0] & (0xffu >> (need + 1));
	if (need < 2 || need > bytes)
		return need > bytes ? 0 : need;
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	return code < least[need] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : need;
}

/* The length of a string, checked. `limit`: at most so many bytes. */
static enum clade_status take_length(struct gguf *gguf, size_t limit, const char *what, size_t *out)
{
	uint64_t length, at = gguf->at;
	enum clade_status status = take_u64(gguf, &length, what);
	if (status != CLADE_OK)
		return status;
	if (length > limit)
		return fail_here(gguf, at, "%s has %" PRIu64 " bytes; at most %zu are allowed", what, length, limit);
	if (length > left(gguf))
		return fail_here(gguf, at, "%s has %" PRIu64 " bytes, but only %" PRIu64 " are left", what, length,
				 left(gguf));
	*out = (size_t)length;
	return CLADE_OK;
}

/* The text of a string, with a NUL behind it. */
static enum clade_status take_text(struct gguf *gguf, char *target, size_t length, const char *what)
{
	uint64_t at = gguf->at;
	enum clade_status status = take(gguf, target, length, what);
	if (status != CLADE_OK)
		return status;
	target[length] = '\0';
	for (size_t i = 0, step; i < length; i += step) {
		step = utf8_length((const unsigned char *)target + i, length - i);
		if (step == 0)
			return fail_here(gguf, at + i, "byte 0x%02x in %s; strings are UTF-8 without NUL",
					 (unsigned char)target[i], what);
	}
	return CLADE_OK;
}

/* A string into the scratch memory. */
static enum clade_status take_string(struct gguf *gguf, size_t limit, const char *what, const char **out)
{
	size_t length = 0;
	enum clade_status status = take_length(gguf, limit, what, &length);
	if (status != CLADE_OK)
		return status;
	if (length + 1 > gguf->scratch_room) {
		char *grown = clade_resize(gguf->store->context, gguf->scratch, length + 1);
		if (grown == NULL)
			return clade_fail_memory(gguf->diag, length + 1, "a string of GGUF");
		gguf->scratch = grown;
		gguf->scratch_room = length + 1;
	}
	*out = gguf->scratch;
	return take_text(gguf, gguf->scratch, length, what);
}

/* A key or a tensor's name: printable ASCII. */
static enum clade_status take_name(struct gguf *gguf, size_t limit, const char *what, char *out)
{
	uint64_t at = gguf->at;
	size_t length = 0;
	enum clade_status status = take_length(gguf, limit, what, &length);
	if (status == CLADE_OK && length == 0)
		return fail_here(gguf, at, "%s is empty", what);
	if (status == CLADE_OK)
		status = take(gguf, out, length, what);
	for (size_t i = 0; i < length && status == CLADE_OK; i++)
		if (out[i] < 0x20 || out[i] > 0x7e)
			return fail_here(gguf, at + 8 + i, "byte 0x%02x in %s; only printable ASCII is allowed",
					 (unsigned char)out[i], what);
	out[length] = '\0';
	return status;
}

/* ---- values ---- */

static enum clade_status check_number(struct gguf *gguf, uint64_t at, uint32_t type, const unsigned char *bytes)
{
	if (types[type].kind == CLADE_META_BOOL && bytes[0] > 1)
		return fail_here(gguf, at, "a bool is %u; it must be 0 or 1", bytes[0]);
	if (type == 10 && bytes[7] > 127)
		return fail_here(gguf, at, "a number of 2^63 or more; numbers are used as signed 64-bit ones");
	return CLADE_OK;
}

static enum clade_status read_numbers(struct gguf *gguf, uint32_t type, struct store_array *array)
{
	uint64_t at = gguf->at;
	size_t bytes = array->count * array->width; /* at most what is left of the file */
	enum clade_status status = CLADE_OK;
	array->numbers = clade_resize(gguf->store->context, NULL, bytes + 1);
	if (array->numbers == NULL)
		return clade_fail_memory(gguf->diag, bytes, "an array of GGUF");
	status = take(gguf, array->numbers, bytes, "an array");
	for (size_t i = 0; i < bytes && status == CLADE_OK; i += array->width)
		status = check_number(gguf, at + i, type, array->numbers + i);
	return status;
}

/* Makes room for `bytes` more of text; grows by half. */
static enum clade_status reserve_text(struct gguf *gguf, struct store_array *array, size_t used, size_t bytes,
				      size_t *room)
{
	size_t need = used + bytes; /* both are below 2^31 */
	if (need <= *room)
		return CLADE_OK;
	if (need > TEXT_LIMIT)
		return fail_here(gguf, gguf->at, "the strings of one array have more than %d bytes", TEXT_LIMIT);
	size_t larger = need + need / 2 + 64;
	char *grown = clade_resize(gguf->store->context, array->text, larger);
	if (grown == NULL)
		return clade_fail_memory(gguf->diag, larger, "an array of GGUF");
	array->text = grown;
	*room = larger;
	return CLADE_OK;
}

static enum clade_status read_strings(struct gguf *gguf, struct store_array *array)
{
	size_t used = 0, room = 0, length = 0, bytes = array->count * sizeof(*array->starts);
	enum clade_status status = CLADE_OK;
	array->starts = clade_resize(gguf->store->context, NULL, bytes + 1);
	if (array->starts == NULL)
		return clade_fail_memory(gguf->diag, bytes, "an array of GGUF");
	for (size_t i = 0; i < array->count && status == CLADE_OK; i++) {
		status = take_length(gguf, STRING_LIMIT, "a string of an array", &length);
		if (status == CLADE_OK)
			status = reserve_text(gguf, array, used, length + 1, &room);
		if (status != CLADE_OK)
			break;
		array->starts[i] = (uint32_t)used;
		status = take_text(gguf, array->text + used, length, "a string of an array");
		used += length + 1;
	}
	return status;
}

static enum clade_status read_array(struct gguf *gguf, const char *key)
{
	uint64_t at = gguf->at, count;
	uint32_t type;
	enum clade_status status = take_u32(gguf, &type, "an array");
	if (status == CLADE_OK)
		status = take_u64(gguf, &count, "an array");
	if (status != CLADE_OK)
		return status;
	if (type == TYPE_ARRAY)
		return fail_here(gguf, at, "key \"%s\": an array of arrays; arrays hold numbers, bools or strings",
				 CLADE_QUOTE(key));
	if (type >= TYPE_COUNT)
		return fail_here(gguf, at, "key \"%s\": elements of the unknown type %" PRIu32 "; types are 0 to %d",
				 CLADE_QUOTE(key), type, TYPE_COUNT - 1);
	if (count > ARRAY_LIMIT || count > left(gguf) / types[type].width)
		return fail_here(gguf, at + 4,
				 "key \"%s\": an array of %" PRIu64 " elements; %" PRIu64 " bytes are left, and at "
				 "most %d elements are allowed",
				 CLADE_QUOTE(key), count, left(gguf), ARRAY_LIMIT);
	struct store_array *array = clade_store_new_array(gguf->store);
	if (array == NULL)
		return clade_fail_memory(gguf->diag, sizeof(*array), "an array of GGUF");
	array->kind = types[type].kind;
	array->is_signed = types[type].is_signed;
	array->width = types[type].width;
	array->count = (size_t)count;
	status = type == TYPE_STRING ? read_strings(gguf, array) : read_numbers(gguf, type, array);
	if (status == CLADE_OK)
		status = clade_store_add_array(gguf->store, key, array, gguf->diag);
	if (status == CLADE_OK)
		gguf->store->metas[gguf->store->meta_count - 1].type = types[type].name;
	return status;
}

static enum clade_status set_alignment(struct gguf *gguf, uint64_t at, uint32_t type, const struct clade_meta *value)
{
	if (type != 4)
		return fail_here(gguf, at, "general.alignment has type %" PRIu32 "; it must be a u32 (type 4)", type);
	uint64_t n = (uint64_t)value->i;
	if (n < 8 || n > ALIGNMENT_LIMIT || (n & (n - 1)) != 0)
		return fail_here(gguf, at, "general.alignment is %" PRIu64 "; it must be a power of two from 8 to %d",
				 n, ALIGNMENT_LIMIT);
	gguf->alignment = n;
	return CLADE_OK;
}

static enum clade_status read_value(struct gguf *gguf, const char *key)
{
	uint64_t at = gguf->at;
	uint32_t type;
	unsigned char bytes[8] = { 0 };
	struct clade_meta value = { .kind = CLADE_META_STRING };
	enum clade_status status = take_u32(gguf, &type, "a value's type");
	if (status != CLADE_OK)
		return status;
	if (type >= TYPE_COUNT)
		return fail_here(gguf, at, "key \"%s\": unknown type %" PRIu32 "; types are 0 to %d", CLADE_QUOTE(key),
				 type, TYPE_COUNT - 1);
	bool aligns = strcmp(key, "general.alignment") == 0;
	if (aligns && (type == TYPE_STRING || type == TYPE_ARRAY))
		return set_alignment(gguf, at, type, &value);
	if (type == TYPE_ARRAY)
		return read_array(gguf, key);
	if (type == TYPE_STRING) {
		status = take_string(gguf, STRING_LIMIT, "a string", &value.s);
	} else {
		status = take(gguf, bytes, types[type].width, "a value");
		if (status == CLADE_OK)
			status = check_number(gguf, at + 4, type, bytes);
		clade_meta_number(bytes, types[type].width, types[type].is_signed, types[type].kind, &value);
	}
	if (status == CLADE_OK && aligns)
		status = set_alignment(gguf, at, type, &value);
	if (status == CLADE_OK)
		status = clade_store_add_meta(gguf->store, key, &value, gguf->diag);
	if (status == CLADE_OK)
		gguf->store->metas[gguf->store->meta_count - 1].type = types[type].name;
	return status;
}

static enum clade_status read_metadata(struct gguf *gguf, size_t count)
{
	char *key = clade_resize(gguf->store->context, NULL, KEY_LIMIT + 1);
	enum clade_status status = CLADE_OK;
	gguf->key_at = clade_resize(gguf->store->context, NULL, (count + 1) * sizeof(*gguf->key_at));
	if (key == NULL || gguf->key_at == NULL)
		status = clade_fail_memory(gguf->diag, (count + 1) * sizeof(*gguf->key_at) + KEY_LIMIT, "keys of GGUF");
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		gguf->key_at[i] = gguf->at;
		status = take_name(gguf, KEY_LIMIT, "a key", key);
		if (status == CLADE_OK)
			status = read_value(gguf, key);
	}
	clade_free(gguf->store->context, key);
	return status;
}

/* ---- tensors ---- */

static enum clade_status read_shape(struct gguf *gguf, const char *name, struct clade_type *type)
{
	uint64_t at = gguf->at, dim;
	uint32_t rank;
	enum clade_status status = take_u32(gguf, &rank, "a tensor's shape");
	if (status != CLADE_OK)
		return status;
	if (rank < 1 || rank > DIMS_LIMIT)
		return fail_here(gguf, at, "tensor \"%s\" has %" PRIu32 " dimensions; 1 to %d are allowed",
				 CLADE_QUOTE(name), rank, DIMS_LIMIT);
	type->rank = rank;
	for (uint32_t i = 0; i < rank; i++) { /* the file begins with the innermost one */
		at = gguf->at;
		status = take_u64(gguf, &dim, "a tensor's shape");
		if (status != CLADE_OK)
			return status;
		if (dim < 1 || dim > dim_limit)
			return fail_here(gguf, at, "tensor \"%s\": a dimension is %" PRIu64 "; it must be 1 to 2^40",
					 CLADE_QUOTE(name), dim);
		type->dims[rank - 1 - i] = (int64_t)dim;
	}
	return CLADE_OK;
}

static enum clade_status read_encoding(struct gguf *gguf, struct clade_store_tensor *tensor,
				       const struct clade_encoding **out)
{
	uint64_t at = gguf->at;
	uint32_t number;
	const char *known;
	enum clade_status status = take_u32(gguf, &number, "a tensor's type");
	if (status != CLADE_OK)
		return status;
	*out = clade_encoding_of_ggml(number, &known);
	if (*out == NULL)
		return fail_here(gguf, at,
				 "tensor \"%s\" has type %" PRIu32 " (%s), which is not read; read are F32, F16, BF16, "
				 "F64, I8 to I64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K",
				 CLADE_QUOTE(tensor->name), number, known != NULL ? known : "unknown or retired");
	tensor->type.dtype = (*out)->dtype;
	return CLADE_OK;
}

static enum clade_status size_tensor(struct gguf *gguf, uint64_t at, struct clade_store_tensor *tensor,
				     const struct clade_encoding *encoding)
{
	int64_t count;
	size_t bytes;
	int64_t row = tensor->type.dims[tensor->type.rank - 1];
	if (row % encoding->count != 0)
		return fail_here(gguf, at, "tensor \"%s\": rows of %" PRId64 " elements; %s has blocks of %" PRIu32,
				 CLADE_QUOTE(tensor->name), row, encoding->name, encoding->count);
	if (!clade_type_count(&tensor->type, &count) ||
	    !clade_size_mul((size_t)count / encoding->count, encoding->bytes, &bytes))
		return fail_here(gguf, at, "tensor \"%s\": the shape's size overflows", CLADE_QUOTE(tensor->name));
	tensor->bytes = bytes;
	return CLADE_OK;
}

static enum clade_status read_tensor(struct gguf *gguf)
{
	char name[NAME_LIMIT + 1];
	uint64_t at = gguf->at, offset_at;
	struct clade_store_tensor tensor = { .name = name };
	const struct clade_encoding *encoding = NULL;
	enum clade_status status = take_name(gguf, NAME_LIMIT, "a tensor's name", name);
	if (status == CLADE_OK)
		status = read_shape(gguf, name, &tensor.type);
	if (status == CLADE_OK)
		status = read_encoding(gguf, &tensor, &encoding);
	if (status == CLADE_OK)
		status = size_tensor(gguf, at, &tensor, encoding);
	offset_at = gguf->at;
	if (status == CLADE_OK)
		status = take_u64(gguf, &tensor.offset, "a tensor's offset");
	if (status != CLADE_OK)
		return status;
	if (tensor.offset % gguf->alignment != 0)
		return fail_here(gguf, offset_at,
				 "tensor \"%s\" begins at %" PRIu64 " of the data; offsets are multiples of %" PRIu64,
				 name, tensor.offset, gguf->alignment);
	return clade_store_add_tensor(gguf->store, gguf->index, &tensor, encoding, gguf->diag);
}

/* Offsets become those of the file; each tensor must lie in it. */
static enum clade_status place_tensors(struct gguf *gguf)
{
	uint64_t size = gguf->file->size;
	uint64_t data = (gguf->at + gguf->alignment - 1) / gguf->alignment * gguf->alignment; /* at <= size < 2^63 */
	for (size_t i = gguf->first_entry; i < gguf->store->entry_count; i++) {
		struct clade_store_tensor *tensor = &gguf->store->entries[i].tensor;
		if (data > size || tensor->offset > size - data || tensor->bytes > size - data - tensor->offset)
			return clade_file_fail(gguf->diag, CLADE_MSG_FILE_TENSOR, gguf->path, data,
					       "tensor \"%s\": %" PRIu64 " bytes at %" PRIu64
					       " of the data, which has %" PRIu64 " bytes",
					       CLADE_QUOTE(tensor->name), tensor->bytes, tensor->offset,
					       data > size ? 0 : size - data);
		tensor->offset += data;
	}
	return CLADE_OK;
}

static int compare_offsets(const void *a, const void *b, void *user)
{
	const struct store_entry *entries = user;
	const struct clade_store_tensor *x = &entries[*(const uint32_t *)a].tensor;
	const struct clade_store_tensor *y = &entries[*(const uint32_t *)b].tensor;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static enum clade_status check_overlap(struct gguf *gguf)
{
	size_t count = gguf->store->entry_count - gguf->first_entry;
	struct store_entry *entries = count ? gguf->store->entries + gguf->first_entry : NULL;
	uint32_t *order = clade_resize(gguf->store->context, NULL, (count + 1) * sizeof(*order));
	enum clade_status status = CLADE_OK;
	if (order == NULL)
		return clade_fail_memory(gguf->diag, (count + 1) * sizeof(*order), "the order of tensors");
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, count, sizeof(*order), compare_offsets, entries);
	for (size_t i = 1; i < count && status == CLADE_OK; i++) {
		const struct clade_store_tensor *a = &entries[order[i - 1]].tensor, *b = &entries[order[i]].tensor;
		if (b->offset < a->offset + a->bytes)
			status = clade_file_fail(gguf->diag, CLADE_MSG_FILE_TENSOR, gguf->path, b->offset,
						 "tensors \"%s\" and \"%s\" overlap; each has its own bytes",
						 CLADE_QUOTE(a->name), CLADE_QUOTE(b->name));
	}
	clade_free(gguf->store->context, order);
	return status;
}

/* ---- the file ---- */

static enum clade_status read_counts(struct gguf *gguf, size_t *out_tensors, size_t *out_keys)
{
	char magic[4];
	uint32_t version;
	uint64_t tensors, keys;
	enum clade_status status = take(gguf, magic, 4, "the magic");
	if (status == CLADE_OK && memcmp(magic, "GGUF", 4) != 0) {
		const char *mistaken = clade_file_mistaken((const unsigned char *)gguf->window, gguf->window_bytes);
		return clade_file_fail(gguf->diag, CLADE_MSG_FILE_KIND, gguf->path, 0, "this is %s",
				       mistaken != NULL ? mistaken : "not a GGUF file: it must begin with \"GGUF\"");
	}
	if (status == CLADE_OK)
		status = take_u32(gguf, &version, "the version");
	if (status != CLADE_OK)
		return status;
	if (version != 0 && (version & 0xffff) == 0)
		return fail_here(gguf, 4, "version 0x%08" PRIx32 " is byte-swapped; big-endian files are not read",
				 version);
	if (version != 2 && version != 3)
		return fail_here(gguf, 4, "GGUF version %" PRIu32 "; versions 2 and 3 are read", version);
	status = take_u64(gguf, &tensors, "the number of tensors");
	if (status == CLADE_OK)
		status = take_u64(gguf, &keys, "the number of keys");
	if (status != CLADE_OK)
		return status;
	if (tensors > COUNT_LIMIT || tensors > left(gguf) / TENSOR_LEAST)
		return fail_here(gguf, 8, "%" PRIu64 " tensors; %" PRIu64 " bytes are left, and at most %d are allowed",
				 tensors, left(gguf), COUNT_LIMIT);
	if (keys > COUNT_LIMIT || keys > left(gguf) / KEY_LEAST)
		return fail_here(gguf, 16, "%" PRIu64 " keys; %" PRIu64 " bytes are left, and at most %d are allowed",
				 keys, left(gguf), COUNT_LIMIT);
	*out_tensors = (size_t)tensors;
	*out_keys = (size_t)keys;
	return CLADE_OK;
}

static enum clade_status read_file(struct gguf *gguf)
{
	size_t tensors = 0, keys = 0;
	enum clade_status status = read_counts(gguf, &tensors, &keys);
	if (status == CLADE_OK)
		status = clade_store_reserve(gguf->store, tensors, keys, gguf->diag);
	if (status == CLADE_OK)
		status = read_metadata(gguf, keys);
	if (status == CLADE_OK)
		status = clade_gguf_check(gguf);
	for (size_t i = 0; i < tensors && status == CLADE_OK; i++)
		status = read_tensor(gguf);
	if (status == CLADE_OK)
		status = place_tensors(gguf);
	if (status == CLADE_OK)
		status = check_overlap(gguf);
	return status;
}

enum clade_status clade_gguf_load(struct clade_store *store, struct clade_file *file, struct clade_diag *diag)
{
	struct gguf gguf = { .store = store, .alignment = 32, .diag = diag };
	enum clade_status status = clade_store_take_file(store, file, &gguf.index, diag);
	if (status != CLADE_OK)
		return status;
	gguf.file = &store->files[gguf.index];
	gguf.path = gguf.file->path;
	gguf.first_entry = store->entry_count;
	gguf.first_meta = store->meta_count;
	gguf.window = clade_resize(store->context, NULL, WINDOW);
	if (gguf.window == NULL)
		return clade_fail_memory(diag, WINDOW, "the window of a GGUF file");
	status = read_file(&gguf);
	clade_free(store->context, gguf.window);
	clade_free(store->context, gguf.scratch);
	clade_free(store->context, gguf.key_at);
	return status;
}

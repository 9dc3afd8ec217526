/* SPDX-License-Identifier: MIT */
/* safetensors: u64 little-endian header length, a JSON header, the data. Every rule of the format is checked before a
 * tensor is believed. The header is walked member by member and each member is parsed by jansson on its own, so that
 * memory stays within a few times the header and every error has an offset in the file. */
#include "store.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_LIMIT = 100000000, /* the format's own cap */
	ENTRY_LIMIT = 4096,       /* a tensor's entry; real ones have less than 300 bytes */
	NAME_LIMIT = 4096
};

/* One pass over the header's text. Offsets in messages count from the start of the file. */
struct walk {
	struct clade_store *store;
	const char *path, *text;
	size_t size, at;
	uint32_t file;
	uint64_t data, data_bytes; /* where the data starts in the file, and how much there is */
	size_t first_entry;
	bool has_metadata;
	struct clade_diag *diag;
};

static const struct {
	const char *name;
	enum clade_dtype dtype;
} dtypes[] = {
	{ "F32", CLADE_F32 }, { "F16", CLADE_F16 },   { "BF16", CLADE_BF16 }, { "F64", CLADE_F64 },
	{ "I64", CLADE_I64 }, { "I32", CLADE_I32 },   { "I16", CLADE_I16 },   { "I8", CLADE_I8 },
	{ "U8", CLADE_U8 },   { "BOOL", CLADE_BOOL },
};
static const char dtype_words[] = "F32, F16, BF16, F64, I64, I32, I16, I8, U8, BOOL";

static enum clade_status fail_json(struct walk *walk, const json_error_t *error, size_t start)
{
	if (json_error_code(error) == json_error_out_of_memory)
		return clade_fail_memory(walk->diag, walk->size, "a JSON header");
	size_t at = start + (error->position > 0 ? (size_t)error->position : 0);
	return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + at,
			       "the header is not valid JSON: %s", CLADE_QUOTE(error->text));
}

/* Parses one value at the cursor; at most `limit` bytes of text are looked at. */
static enum clade_status walk_value(struct walk *walk, size_t limit, json_t **out)
{
	json_error_t error;
	size_t left = walk->size - walk->at, bytes = left < limit ? left : limit;
	*out = json_loadb(walk->text + walk->at, bytes,
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
	if (*out == NULL && bytes < left && (size_t)error.position >= bytes)
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + walk->at,
				       "a tensor's entry has more than %zu bytes", limit);
	if (*out == NULL)
		return fail_json(walk, &error, walk->at);
	walk->at += (size_t)error.position;
	return CLADE_OK;
}

static char walk_peek(struct walk *walk)
{
	while (walk->at < walk->size && memchr(" \t\r\n", walk->text[walk->at], 4) != NULL)
		walk->at++;
	return walk->at < walk->size ? walk->text[walk->at] : '\0';
}

static enum clade_status walk_expect(struct walk *walk, char c)
{
	char got = walk_peek(walk);
	if (walk->at == walk->size)
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + walk->at,
				       "the header is not valid JSON: it ends where '%c' must be", c);
	if (got != c)
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + walk->at,
				       "the header is not valid JSON: '%c' expected", c);
	walk->at++;
	return CLADE_OK;
}

/* A string at the cursor; the caller owns it. */
static enum clade_status walk_string(struct walk *walk, const char *what, json_t **out)
{
	*out = NULL;
	if (walk_peek(walk) != '"')
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + walk->at,
				       "%s must be a string", what);
	return walk_value(walk, SIZE_MAX, out);
}

/* Calls `member` for each member of the object at the cursor. */
typedef enum clade_status member_fn(struct walk *walk, const char *key, size_t key_at);
static enum clade_status walk_object(struct walk *walk, member_fn *member)
{
	enum clade_status status = walk_expect(walk, '{');
	if (status != CLADE_OK)
		return status;
	if (walk_peek(walk) == '}') {
		walk->at++;
		return CLADE_OK;
	}
	for (;;) {
		json_t *key;
		walk_peek(walk);
		size_t key_at = walk->at;
		status = walk_string(walk, "a key of the header", &key);
		if (status == CLADE_OK)
			status = walk_expect(walk, ':');
		if (status == CLADE_OK)
			status = member(walk, json_string_value(key), key_at);
		json_decref(key);
		if (status != CLADE_OK)
			return status;
		if (walk_peek(walk) != ',')
			return walk_expect(walk, '}');
		walk->at++;
	}
}

/* ---- one tensor ---- */

static enum clade_status fail_entry(struct walk *walk, size_t at, const char *name, const char *rule)
{
	return clade_file_fail(walk->diag, CLADE_MSG_FILE_TENSOR, walk->path, 8 + at, "tensor \"%s\": %s",
			       CLADE_QUOTE(name), rule);
}

static enum clade_status read_dtype(struct walk *walk, size_t at, const char *name, const json_t *value,
				    enum clade_dtype *out)
{
	const char *word = json_string_value(value);
	if (word == NULL)
		return fail_entry(walk, at, name, "dtype must be a string");
	for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
		if (strcmp(word, dtypes[i].name) == 0) {
			*out = dtypes[i].dtype;
			return CLADE_OK;
		}
	return clade_file_fail(walk->diag, CLADE_MSG_FILE_TENSOR, walk->path, 8 + at,
			       "tensor \"%s\": dtype \"%s\" is not one that is read (%s)", CLADE_QUOTE(name),
			       CLADE_QUOTE(word), dtype_words);
}

static enum clade_status read_shape(struct walk *walk, size_t at, const char *name, const json_t *value,
				    struct clade_type *type)
{
	size_t rank = json_array_size(value);
	if (!json_is_array(value))
		return fail_entry(walk, at, name, "shape must be an array");
	if (rank > CLADE_MAX_RANK)
		return fail_entry(walk, at, name, "shape has more than 8 dimensions");
	type->rank = (uint32_t)rank;
	for (size_t i = 0; i < rank; i++) {
		const json_t *dim = json_array_get(value, i);
		if (!json_is_integer(dim) || json_integer_value(dim) < 0)
			return fail_entry(walk, at, name, "a dimension must be an integer, 0 or more");
		type->dims[i] = json_integer_value(dim);
	}
	return CLADE_OK;
}

static enum clade_status read_offsets(struct walk *walk, size_t at, const char *name, const json_t *value,
				      struct clade_store_tensor *tensor)
{
	const json_t *begin = json_array_get(value, 0), *end = json_array_get(value, 1);
	if (!json_is_array(value) || json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
	    json_integer_value(begin) < 0 || json_integer_value(end) < 0)
		return fail_entry(walk, at, name, "data_offsets must be two integers [begin, end], 0 or more");
	uint64_t b = (uint64_t)json_integer_value(begin), e = (uint64_t)json_integer_value(end);
	if (e < b)
		return fail_entry(walk, at, name, "data_offsets end before they begin");
	if (e > walk->data_bytes)
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_TENSOR, walk->path, 8 + at,
				       "tensor \"%s\": ends at %" PRIu64 " of the data, which has %" PRIu64 " bytes",
				       CLADE_QUOTE(name), e, walk->data_bytes);
	tensor->offset = walk->data + b;
	tensor->bytes = e - b;
	return CLADE_OK;
}

static enum clade_status read_entry(struct walk *walk, size_t at, const char *name, const json_t *entry,
				    struct clade_store_tensor *tensor)
{
	static const char *const keys[] = { "dtype", "shape", "data_offsets" };
	const json_t *values[3];
	if (!json_is_object(entry))
		return fail_entry(walk, at, name, "its entry must be an object");
	for (int i = 0; i < 3; i++) {
		values[i] = json_object_get(entry, keys[i]);
		if (values[i] == NULL)
			return clade_file_fail(walk->diag, CLADE_MSG_FILE_TENSOR, walk->path, 8 + at,
					       "tensor \"%s\": %s is missing", CLADE_QUOTE(name), keys[i]);
	}
	if (json_object_size(entry) != 3)
		return fail_entry(walk, at, name, "an entry has only dtype, shape and data_offsets");
	enum clade_status status = read_dtype(walk, at, name, values[0], &tensor->type.dtype);
	if (status == CLADE_OK)
		status = read_shape(walk, at, name, values[1], &tensor->type);
	if (status == CLADE_OK)
		status = read_offsets(walk, at, name, values[2], tensor);
	if (status != CLADE_OK)
		return status;
	size_t bytes;
	if (!clade_type_bytes(&tensor->type, &bytes))
		return fail_entry(walk, at, name, "the shape's size overflows");
	if (bytes != tensor->bytes)
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_TENSOR, walk->path, 8 + at,
				       "tensor \"%s\": shape and dtype make %zu bytes, data_offsets %" PRIu64,
				       CLADE_QUOTE(name), bytes, tensor->bytes);
	return CLADE_OK;
}

/* ---- the header ---- */

static enum clade_status member_metadata(struct walk *walk, const char *key, size_t key_at)
{
	json_t *value;
	char dotted[512];
	enum clade_status status = walk_string(walk, "a value of __metadata__", &value);
	if (status != CLADE_OK)
		return status;
	if ((size_t)snprintf(dotted, sizeof(dotted), "__metadata__.%s", key) >= sizeof(dotted))
		status = clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + key_at,
					 "a key of __metadata__ has more than 498 bytes");
	else
		status = clade_store_add_meta(walk->store, dotted,
					      &(struct clade_meta) { CLADE_META_STRING, .s = json_string_value(value) },
					      walk->diag);
	json_decref(value);
	return status;
}

static enum clade_status member_tensor(struct walk *walk, const char *key, size_t key_at)
{
	if (strcmp(key, "__metadata__") == 0) {
		if (walk->has_metadata)
			return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + key_at,
					       "__metadata__ is given twice; keys must be unique");
		walk->has_metadata = true;
		if (walk_peek(walk) != '{')
			return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + walk->at,
					       "__metadata__ must be an object of strings");
		return walk_object(walk, member_metadata);
	}
	if (key[0] == '\0' || strlen(key) > NAME_LIMIT)
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_TENSOR, walk->path, 8 + key_at,
				       "a tensor's name has %zu bytes; 1 to %d are allowed", strlen(key), NAME_LIMIT);
	struct clade_store_tensor tensor = { .name = key };
	json_t *entry;
	walk_peek(walk);
	size_t at = walk->at;
	enum clade_status status = walk_value(walk, ENTRY_LIMIT, &entry);
	if (status != CLADE_OK)
		return status;
	status = read_entry(walk, at, key, entry, &tensor);
	json_decref(entry);
	if (status == CLADE_OK)
		status = clade_store_add_tensor(walk->store, walk->file, &tensor, NULL, walk->diag);
	return status;
}

static int compare_offsets(const void *a, const void *b, void *user)
{
	const struct store_entry *entries = user;
	const struct clade_store_tensor *x = &entries[*(const uint32_t *)a].tensor;
	const struct clade_store_tensor *y = &entries[*(const uint32_t *)b].tensor;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; /* empty tensors first */
}

/* The tensors cover the data exactly: from its start, without hole or overlap, to its end. */
static enum clade_status check_cover(struct walk *walk)
{
	size_t count = walk->store->entry_count - walk->first_entry;
	struct store_entry *entries = count ? walk->store->entries + walk->first_entry : NULL;
	uint32_t *order = clade_resize(walk->store->context, NULL, (count + 1) * sizeof(*order));
	if (order == NULL)
		return clade_fail_memory(walk->diag, (count + 1) * sizeof(*order), "the order of tensors");
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, count, sizeof(*order), compare_offsets, entries);
	enum clade_status status = CLADE_OK;
	uint64_t end = walk->data;
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		const struct clade_store_tensor *tensor = &entries[order[i]].tensor;
		if (tensor->offset != end)
			status = clade_file_fail(walk->diag, CLADE_MSG_FILE_TENSOR, walk->path, tensor->offset,
						 "tensor \"%s\" %s; tensors follow each other without hole or overlap",
						 CLADE_QUOTE(tensor->name),
						 tensor->offset < end ? "overlaps the one before it"
								      : "has a hole before it");
		end = tensor->offset + tensor->bytes;
	}
	clade_free(walk->store->context, order);
	if (status == CLADE_OK && end != walk->data + walk->data_bytes)
		status = clade_file_fail(walk->diag, CLADE_MSG_FILE_TENSOR, walk->path, end,
					 "%" PRIu64 " bytes behind the last tensor; the tensors must cover the data",
					 walk->data + walk->data_bytes - end);
	return status;
}

static enum clade_status read_header(struct walk *walk)
{
	if (walk->size == 0 || walk->text[0] != '{')
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8,
				       "the header must begin with '{'");
	enum clade_status status = walk_object(walk, member_tensor);
	if (status != CLADE_OK)
		return status;
	while (walk->at < walk->size && walk->text[walk->at] == ' ')
		walk->at++;
	if (walk->at < walk->size)
		return clade_file_fail(walk->diag, CLADE_MSG_FILE_HEADER, walk->path, 8 + walk->at,
				       "only spaces may follow the header's object");
	return check_cover(walk);
}

static enum clade_status read_length(const struct clade_file *file, uint64_t *out, struct clade_diag *diag)
{
	unsigned char head[64] = { 0 };
	size_t bytes = file->size < sizeof(head) ? (size_t)file->size : sizeof(head);
	enum clade_status status = clade_file_read(file, 0, head, bytes, diag);
	if (status != CLADE_OK)
		return status;
	/* a header of 640 bytes begins as a pickle does */
	bool braces = bytes > 8 && head[8] == '{' && head[5] == 0 && head[6] == 0 && head[7] == 0;
	const char *mistaken = braces ? NULL : clade_file_mistaken(head, bytes);
	if (mistaken != NULL)
		return clade_file_fail(diag, CLADE_MSG_FILE_KIND, file->path, 0, "this is %s", mistaken);
	if (file->size < 8)
		return clade_file_fail(
			diag, CLADE_MSG_FILE_HEADER, file->path, 0,
			"the file has %" PRIu64 " bytes; a safetensors file begins with an 8-byte length", file->size);
	uint64_t length = 0;
	for (int i = 7; i >= 0; i--)
		length = length << 8 | head[i];
	if (length > HEADER_LIMIT)
		return clade_file_fail(diag, CLADE_MSG_FILE_HEADER, file->path, 0,
				       "the header's length is %" PRIu64 "; at most %d is allowed", length,
				       HEADER_LIMIT);
	if (length > file->size - 8)
		return clade_file_fail(diag, CLADE_MSG_FILE_HEADER, file->path, 0,
				       "the header's length is %" PRIu64 ", but only %" PRIu64 " bytes follow", length,
				       file->size - 8);
	*out = length;
	return CLADE_OK;
}

enum clade_status clade_safetensors_load(struct clade_store *store, struct clade_file *file, struct clade_diag *diag)
{
	struct walk walk = { .store = store, .diag = diag, .first_entry = store->entry_count };
	char *text = NULL;
	uint64_t length = 0;
	enum clade_status status = clade_store_take_file(store, file, &walk.file, diag);
	if (status != CLADE_OK)
		return status;
	const struct clade_file *taken = &store->files[walk.file];
	status = read_length(taken, &length, diag);
	if (status != CLADE_OK)
		return status;
	walk.path = taken->path;
	walk.size = (size_t)length;
	walk.data = 8 + length;
	walk.data_bytes = taken->size - walk.data;
	text = clade_resize(store->context, NULL, walk.size + 1);
	if (text == NULL)
		return clade_fail_memory(diag, walk.size + 1, "a safetensors header");
	status = clade_file_read(taken, 8, text, walk.size, diag);
	walk.text = text;
	if (status == CLADE_OK)
		status = read_header(&walk);
	clade_free(store->context, text);
	return status;
}

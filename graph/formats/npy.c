/* SPDX-License-Identifier: MIT */
/* NumPy's .npy, versions 1 to 3: a magic, a header length, a Python dictionary, the elements. */
#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NPY_HEADER_LIMIT = 65536 };

static const struct {
	const char *descr;
	enum clade_dtype dtype;
} descrs[] = {
	{ "<f4", CLADE_F32 }, { "<i4", CLADE_I32 },  { "|b1", CLADE_BOOL }, { "<f2", CLADE_F16 },
	{ "<f8", CLADE_F64 }, { "|i1", CLADE_I8 },   { "<i2", CLADE_I16 },  { "<i8", CLADE_I64 },
	{ "|u1", CLADE_U8 },  { "<b1", CLADE_BOOL }, { "<i1", CLADE_I8 },   { "<u1", CLADE_U8 },
};

/* A cursor over the dictionary. `base` is the offset of `text` in the file. */
struct dict {
	const char *path, *text;
	size_t size, at, base;
	struct clade_diag *diag;
};

struct npy_header {
	struct clade_type type;
	bool fortran;
	uint64_t data; /* offset of the elements */
};

static enum clade_status fail_at(struct dict *dict, const char *rule)
{
	return clade_file_fail(dict->diag, CLADE_MSG_FILE_NPY, dict->path, dict->base + dict->at, "%s", rule);
}

static char peek(struct dict *dict)
{
	while (dict->at < dict->size && memchr(" \t\r\n", dict->text[dict->at], 4) != NULL)
		dict->at++;
	return dict->at < dict->size ? dict->text[dict->at] : '\0';
}

static bool take(struct dict *dict, char c)
{
	if (peek(dict) != c || dict->at == dict->size)
		return false;
	dict->at++;
	return true;
}

static bool take_word(struct dict *dict, const char *word)
{
	size_t length = strlen(word);
	peek(dict);
	if (dict->size - dict->at < length || memcmp(dict->text + dict->at, word, length) != 0)
		return false;
	dict->at += length;
	return true;
}

/* 'text' or "text" without escapes, shorter than `size`. */
static enum clade_status take_string(struct dict *dict, char *out, size_t size)
{
	char quote = peek(dict);
	if (quote != '\'' && quote != '"')
		return fail_at(dict, "a quoted string expected in the header");
	size_t start = ++dict->at;
	while (dict->at < dict->size && dict->text[dict->at] != quote && dict->text[dict->at] != '\\')
		dict->at++;
	if (dict->at >= dict->size || dict->text[dict->at] != quote || dict->at - start >= size)
		return fail_at(dict, "a string in the header is not closed, too long or has an escape");
	memcpy(out, dict->text + start, dict->at - start);
	out[dict->at - start] = '\0';
	dict->at++;
	return CLADE_OK;
}

static enum clade_status read_descr(struct dict *dict, struct npy_header *header)
{
	char descr[32];
	if (peek(dict) == '[')
		return fail_at(
			dict,
			"structured arrays are not read; descr must be one of <f4 <f2 <f8 <i4 <i8 <i2 |i1 |u1 |b1");
	enum clade_status status = take_string(dict, descr, sizeof(descr));
	if (status != CLADE_OK)
		return status;
	for (size_t i = 0; i < sizeof(descrs) / sizeof(descrs[0]); i++)
		if (strcmp(descr, descrs[i].descr) == 0) {
			header->type.dtype = descrs[i].dtype;
			return CLADE_OK;
		}
	return clade_file_fail(dict->diag, CLADE_MSG_FILE_NPY, dict->path, dict->base + dict->at,
			       "descr '%s' is not one that is read (<f4 <f2 <f8 <i4 <i8 <i2 |i1 |u1 |b1)%s",
			       CLADE_QUOTE(descr), descr[0] == '>' ? "; convert it to little-endian" : "");
}

static enum clade_status read_shape(struct dict *dict, struct npy_header *header)
{
	struct clade_type *type = &header->type;
	bool comma = true;
	if (!take(dict, '('))
		return fail_at(dict, "shape must be a tuple");
	while (peek(dict) >= '0' && peek(dict) <= '9') {
		int64_t value = 0;
		if (!comma)
			return fail_at(dict, "',' expected in shape");
		for (; dict->at < dict->size && dict->text[dict->at] >= '0' && dict->text[dict->at] <= '9'; dict->at++)
			if (!clade_i64_mul(value, 10, &value) ||
			    !clade_i64_add(value, dict->text[dict->at] - '0', &value))
				return fail_at(dict, "a dimension is too large");
		if (type->rank == CLADE_MAX_RANK)
			return fail_at(dict, "shape has more than 8 dimensions");
		type->dims[type->rank++] = value;
		comma = take(dict, ',');
	}
	if (!take(dict, ')') || (type->rank == 1 && !comma))
		return fail_at(dict, "shape must be a tuple of integers, 0 or more");
	return CLADE_OK;
}

static enum clade_status read_fortran(struct dict *dict, struct npy_header *header)
{
	header->fortran = take_word(dict, "True");
	if (!header->fortran && !take_word(dict, "False"))
		return fail_at(dict, "fortran_order must be True or False");
	return CLADE_OK;
}

static const struct {
	const char *key;
	enum clade_status (*read)(struct dict *dict, struct npy_header *header);
} members[] = { { "descr", read_descr }, { "fortran_order", read_fortran }, { "shape", read_shape } };

static enum clade_status read_dict(struct dict *dict, struct npy_header *header)
{
	unsigned seen = 0;
	bool comma = true;
	if (!take(dict, '{'))
		return fail_at(dict, "the header must be a dictionary");
	while (peek(dict) == '\'' || peek(dict) == '"') {
		char key[32];
		unsigned i = 0;
		if (!comma)
			return fail_at(dict, "',' expected between the header's members");
		enum clade_status status = take_string(dict, key, sizeof(key));
		if (status != CLADE_OK)
			return status;
		while (i < 3 && strcmp(key, members[i].key) != 0)
			i++;
		if (i == 3 || (seen & 1u << i) != 0)
			return fail_at(dict, "the header's keys are descr, fortran_order and shape, each once");
		seen |= 1u << i;
		if (!take(dict, ':'))
			return fail_at(dict, "':' expected in the header");
		status = members[i].read(dict, header);
		if (status != CLADE_OK)
			return status;
		comma = take(dict, ',');
	}
	if (!take(dict, '}'))
		return fail_at(dict, "the header is not a dictionary of descr, fortran_order and shape");
	if (seen != 7)
		return fail_at(dict, "the header lacks descr, fortran_order or shape");
	peek(dict);
	if (dict->at != dict->size)
		return fail_at(dict, "only spaces may follow the header's dictionary");
	return CLADE_OK;
}

/* Magic, version and header length; *out_start is where the dictionary begins. */
static enum clade_status read_start(const struct clade_file *file, size_t *out_start, size_t *out_length,
				    struct clade_diag *diag)
{
	unsigned char head[64] = { 0 };
	size_t bytes = file->size < sizeof(head) ? (size_t)file->size : sizeof(head);
	enum clade_status status = clade_file_read(file, 0, head, bytes, diag);
	if (status != CLADE_OK)
		return status;
	const char *mistaken = clade_file_mistaken(head, bytes);
	if (mistaken != NULL)
		return clade_file_fail(diag, CLADE_MSG_FILE_KIND, file->path, 0, "this is %s", mistaken);
	if (bytes < 10 || memcmp(head, "\x93NUMPY", 6) != 0)
		return clade_file_fail(diag, CLADE_MSG_FILE_NPY, file->path, 0,
				       "not a .npy file: it must begin with \\x93NUMPY, a version and a length");
	if (head[6] < 1 || head[6] > 3 || head[7] != 0)
		return clade_file_fail(diag, CLADE_MSG_FILE_NPY, file->path, 6,
				       ".npy version %u.%u is not one that is read (1.0, 2.0, 3.0)", head[6], head[7]);
	*out_start = head[6] == 1 ? 10 : 12;
	*out_length = (size_t)head[8] | (size_t)head[9] << 8;
	if (head[6] > 1)
		*out_length |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
	if (*out_length > NPY_HEADER_LIMIT)
		return clade_file_fail(diag, CLADE_MSG_FILE_NPY, file->path, 8,
				       "the header's length is %zu; at most %d is allowed", *out_length,
				       NPY_HEADER_LIMIT);
	if (file->size < *out_start || *out_length > file->size - *out_start)
		return clade_file_fail(diag, CLADE_MSG_FILE_NPY, file->path, 8,
				       "the header's length is %zu, but the file has only %" PRIu64 " bytes",
				       *out_length, file->size);
	return CLADE_OK;
}

static enum clade_status read_header(const struct clade_file *file, struct npy_header *header, struct clade_diag *diag)
{
	size_t start = 0, length = 0, bytes;
	*header = (struct npy_header) { 0 };
	enum clade_status status = read_start(file, &start, &length, diag);
	if (status != CLADE_OK)
		return status;
	char *text = clade_resize(file->context, NULL, length + 1);
	if (text == NULL)
		return clade_fail_memory(diag, length + 1, "a .npy header");
	struct dict dict = { .path = file->path, .text = text, .size = length, .base = start, .diag = diag };
	status = clade_file_read(file, start, text, length, diag);
	if (status == CLADE_OK)
		status = read_dict(&dict, header);
	clade_free(file->context, text);
	if (status != CLADE_OK)
		return status;
	header->data = start + length;
	if (!clade_type_bytes(&header->type, &bytes) || bytes != file->size - header->data)
		return clade_file_fail(diag, CLADE_MSG_FILE_NPY, file->path, header->data,
				       "%" PRIu64 " bytes of elements follow, which is not what shape and descr make",
				       file->size - header->data);
	return CLADE_OK;
}

/* Elements in Fortran order (first axis fastest) at `from` to C order at `to`. */
static void to_c_order(const struct clade_type *type, size_t element, const char *from, char *to)
{
	int64_t index[CLADE_MAX_RANK] = { 0 }, stride[CLADE_MAX_RANK], step = 1, count = 1;
	for (uint32_t i = 0; i < type->rank; i++) {
		stride[i] = step;
		step *= type->dims[i];
	}
	count = step;
	for (int64_t i = 0, at = 0; i < count; i++) {
		memcpy(to + (size_t)i * element, from + (size_t)at * element, element);
		for (uint32_t axis = type->rank; axis-- > 0;) {
			at += stride[axis];
			if (++index[axis] < type->dims[axis])
				break;
			at -= stride[axis] * type->dims[axis];
			index[axis] = 0;
		}
	}
}

enum clade_status clade_npy_load(struct clade_store *store, struct clade_file *file, struct clade_diag *diag)
{
	struct npy_header header;
	uint32_t index;
	char name[512];
	enum clade_status status = clade_store_take_file(store, file, &index, diag);
	if (status != CLADE_OK)
		return status;
	const struct clade_file *taken = &store->files[index];
	status = read_header(taken, &header, diag);
	if (status != CLADE_OK)
		return status;
	if (header.fortran && header.type.rank > 1)
		return clade_file_fail(diag, CLADE_MSG_FILE_NPY, taken->path, 10,
				       "the elements are in Fortran order; weights must be in C order "
				       "(numpy.ascontiguousarray)");
	const char *base = strrchr(taken->path, '/');
	base = base != NULL ? base + 1 : taken->path;
	snprintf(name, sizeof(name), "%.*s", (int)(strlen(base) - 4), base); /* without ".npy" */
	struct clade_store_tensor tensor = { .name = name, .type = header.type, .offset = header.data };
	tensor.bytes = taken->size - header.data;
	return clade_store_add_tensor(store, index, &tensor, NULL, diag);
}

enum clade_status clade_npy_read(struct clade_context *context, const char *path, struct clade_type *out_type,
				 void **out_data, struct clade_diag *diag)
{
	struct clade_file file;
	struct npy_header header;
	char *data = NULL, *sorted = NULL;
	*out_data = NULL;
	enum clade_status status = clade_file_open(context, path, &file, diag);
	if (status != CLADE_OK)
		return status;
	status = read_header(&file, &header, diag);
	if (status != CLADE_OK)
		goto fail;
	size_t bytes = (size_t)(file.size - header.data);
	data = clade_resize(context, NULL, bytes + 1);
	if (data == NULL) {
		status = clade_fail_memory(diag, bytes, "an array");
		goto fail;
	}
	status = clade_file_read(&file, header.data, data, bytes, diag);
	if (status != CLADE_OK)
		goto fail;
	if (header.type.dtype == CLADE_BOOL)
		for (size_t i = 0; i < bytes && status == CLADE_OK; i++)
			if ((unsigned char)data[i] > 1)
				status = clade_file_fail(diag, CLADE_MSG_FILE_VALUE, path, header.data + i,
							 "a bool is a byte 0 or 1");
	if (status == CLADE_OK && header.fortran && header.type.rank > 1) {
		sorted = clade_resize(context, NULL, bytes + 1);
		if (sorted == NULL) {
			status = clade_fail_memory(diag, bytes, "an array");
			goto fail;
		}
		to_c_order(&header.type, clade_dtype_info(header.type.dtype)->bytes, data, sorted);
		clade_free(context, data);
		data = sorted;
	}
	if (status != CLADE_OK)
		goto fail;
	*out_type = header.type;
	*out_data = data;
	data = NULL;
fail:
	clade_free(context, data);
	clade_file_close(&file);
	return status;
}

enum clade_status clade_npy_write(struct clade_context *context, const char *path, const struct clade_type *type,
				  const void *data, struct clade_diag *diag)
{
	size_t bytes, total;
	char dict[512], *buffer = NULL;
	const char *descr = NULL;
	for (size_t i = 0; i < sizeof(descrs) / sizeof(descrs[0]) && descr == NULL; i++)
		if (descrs[i].dtype == type->dtype)
			descr = descrs[i].descr;
	if (descr == NULL || !clade_type_bytes(type, &bytes))
		return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_FILE_NPY, path,
				  "this element type cannot be written as .npy");
	int at = snprintf(dict, sizeof(dict), "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
	for (uint32_t i = 0; i < type->rank; i++)
		at += snprintf(dict + at, sizeof(dict) - (size_t)at, "%s%" PRId64 "%s", i > 0 ? " " : "", type->dims[i],
			       i + 1 < type->rank || type->rank == 1 ? "," : "");
	at += snprintf(dict + at, sizeof(dict) - (size_t)at, "), }");
	size_t header = ((size_t)at + 11 + 63) / 64 * 64; /* the elements begin at a multiple of 64, as NumPy has it */
	if (!clade_size_add(bytes, header, &total) || (buffer = clade_resize(context, NULL, total)) == NULL)
		return clade_fail_memory(diag, bytes, "a .npy file");
	memset(buffer, ' ', header);
	memcpy(buffer, "\x93NUMPY\x01\x00", 8);
	buffer[8] = (char)((header - 10) & 255);
	buffer[9] = (char)((header - 10) >> 8);
	memcpy(buffer + 10, dict, (size_t)at);
	buffer[header - 1] = '\n';
	if (bytes > 0)
		memcpy(buffer + header, data, bytes);
	enum clade_status status = clade_file_write(context, path, buffer, total, diag);
	clade_free(context, buffer);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* GGUF and safetensors files written in one pass. The header is gathered in memory; elements stream through a buffer.
 */
#include "encode.h"
#include "file.h"
#include "output.h"

#include <clade/writer.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 32, BUFFER = 65536, LARGEST_NAME = 4096 };

struct bytes {
	char *data;
	size_t count, room;
};

struct tensor {
	char *name;
	struct clade_type type;
	const struct clade_encoder *encoder;
	int64_t count;
	uint64_t offset, bytes;
};

struct layout; /* what differs between the formats */
struct clade_writer {
	struct clade_context *context;
	const struct layout *layout;
	struct clade_output output;
	char *path;
	struct bytes meta; /* encoded as it will stand in the header */
	uint64_t meta_count;
	struct tensor *tensors;
	size_t tensor_count, tensor_room;
	uint64_t data_bytes;
	bool started;   /* the header is written */
	size_t current; /* tensor */
	int64_t done;   /* elements of it */
	unsigned char buffer[BUFFER];
};

struct layout {
	const char *name;
	uint64_t alignment;
	enum clade_status (*meta)(struct clade_writer *, const char *key, const char *type,
				  const struct clade_meta *value, struct clade_diag *);
	enum clade_status (*header)(struct clade_writer *, struct bytes *out, struct clade_diag *);
};

/* ---- memory ---- */

static enum clade_status add(struct clade_writer *writer, struct bytes *bytes, const void *data, size_t count,
			     struct clade_diag *diag)
{
	size_t need;
	if (!clade_size_add(bytes->count, count, &need) || need > SIZE_MAX / 2)
		return clade_fail_memory(diag, SIZE_MAX, "a file's header");
	if (need > bytes->room) {
		size_t room = need + need / 2 + 256;
		char *grown = clade_resize(writer->context, bytes->data, room);
		if (grown == NULL)
			return clade_fail_memory(diag, room, "a file's header");
		bytes->data = grown;
		bytes->room = room;
	}
	if (count > 0)
		memcpy(bytes->data + bytes->count, data, count);
	bytes->count = need;
	return CLADE_OK;
}

static enum clade_status add_number(struct clade_writer *writer, struct bytes *bytes, uint64_t value, size_t width,
				    struct clade_diag *diag)
{
	return add(writer, bytes, &value, width, diag); /* little-endian hosts only, as the readers */
}

static enum clade_status add_text(struct clade_writer *writer, struct bytes *bytes, const char *text,
				  struct clade_diag *diag)
{
	enum clade_status status = add_number(writer, bytes, strlen(text), 8, diag);
	return status == CLADE_OK ? add(writer, bytes, text, strlen(text), diag) : status;
}

/* ---- GGUF ---- */

static const struct {
	const char *name;
	uint32_t width;
} gguf_types[] = {
	{ "u8", 1 },   { "i8", 1 },     { "u16", 2 },   { "i16", 2 }, { "u32", 4 }, { "i32", 4 }, { "f32", 4 },
	{ "bool", 1 }, { "string", 0 }, { "array", 0 }, { "u64", 8 }, { "i64", 8 }, { "f64", 8 },
};
enum { TYPE_F32 = 6, TYPE_STRING = 8, TYPE_ARRAY = 9, TYPE_F64 = 12, TYPES = 13 };

static enum clade_status find_type(const char *type, uint32_t *out, struct clade_diag *diag)
{
	for (*out = 0; *out < TYPES; ++*out)
		if (*out != TYPE_ARRAY && strcmp(gguf_types[*out].name, type) == 0)
			return CLADE_OK;
	return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, type, "no type of GGUF metadata");
}

static enum clade_status add_value(struct clade_writer *writer, uint32_t type, const struct clade_meta *value,
				   struct clade_diag *diag)
{
	float single = (float)value->f;
	if ((type == TYPE_STRING) != (value->kind == CLADE_META_STRING))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, gguf_types[type].name,
				  "a value of another kind");
	if (type == TYPE_STRING)
		return add_text(writer, &writer->meta, value->s, diag);
	if (type == TYPE_F32)
		return add(writer, &writer->meta, &single, 4, diag);
	if (type == TYPE_F64)
		return add(writer, &writer->meta, &value->f, 8, diag);
	return add_number(writer, &writer->meta, (uint64_t)value->i, gguf_types[type].width, diag);
}

static enum clade_status gguf_meta(struct clade_writer *writer, const char *key, const char *type,
				   const struct clade_meta *value, struct clade_diag *diag)
{
	uint32_t number;
	enum clade_status status = find_type(type, &number, diag);
	if (status == CLADE_OK)
		status = add_text(writer, &writer->meta, key, diag);
	if (status == CLADE_OK)
		status = add_number(writer, &writer->meta, number, 4, diag);
	return status == CLADE_OK ? add_value(writer, number, value, diag) : status;
}

static enum clade_status gguf_header(struct clade_writer *writer, struct bytes *out, struct clade_diag *diag)
{
	enum clade_status status = add(writer, out, "GGUF\3\0\0", 8, diag);
	if (status == CLADE_OK)
		status = add_number(writer, out, writer->tensor_count, 8, diag);
	if (status == CLADE_OK)
		status = add_number(writer, out, writer->meta_count, 8, diag);
	if (status == CLADE_OK)
		status = add(writer, out, writer->meta.data, writer->meta.count, diag);
	for (size_t i = 0; i < writer->tensor_count && status == CLADE_OK; i++) {
		const struct tensor *tensor = &writer->tensors[i];
		status = add_text(writer, out, tensor->name, diag);
		if (status == CLADE_OK)
			status = add_number(writer, out, tensor->type.rank, 4, diag);
		for (uint32_t d = tensor->type.rank; d-- > 0 && status == CLADE_OK;) /* innermost first */
			status = add_number(writer, out, (uint64_t)tensor->type.dims[d], 8, diag);
		if (status == CLADE_OK)
			status = add_number(writer, out, (uint64_t)tensor->encoder->ggml, 4, diag);
		if (status == CLADE_OK)
			status = add_number(writer, out, tensor->offset, 8, diag);
	}
	while (status == CLADE_OK && out->count % ALIGNMENT != 0)
		status = add(writer, out, "", 1, diag);
	return status;
}

/* ---- safetensors ---- */

/* A string with JSON's quotes and escapes. */
static enum clade_status add_json(struct clade_writer *writer, struct bytes *bytes, const char *text,
				  struct clade_diag *diag)
{
	json_t *string = json_string(text);
	char *dumped = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
	enum clade_status status = dumped != NULL
					   ? add(writer, bytes, dumped, strlen(dumped), diag)
					   : clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_HEADER, writer->path,
							"the name \"%s\" is not UTF-8", CLADE_QUOTE(text));
	json_decref(string);
	free(dumped);
	return status;
}

static enum clade_status safetensors_meta(struct clade_writer *writer, const char *key, const char *type,
					  const struct clade_meta *value, struct clade_diag *diag)
{
	if (strcmp(type, "string") != 0 || value->kind != CLADE_META_STRING)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, key,
				  "safetensors metadata is of strings");
	enum clade_status status = add(writer, &writer->meta, ",", writer->meta_count > 0, diag);
	if (status == CLADE_OK)
		status = add_json(writer, &writer->meta, key, diag);
	if (status == CLADE_OK)
		status = add(writer, &writer->meta, ":", 1, diag);
	return status == CLADE_OK ? add_json(writer, &writer->meta, value->s, diag) : status;
}

static enum clade_status safetensors_tensor(struct clade_writer *writer, const struct tensor *tensor, struct bytes *out,
					    struct clade_diag *diag)
{
	char text[512];
	size_t at = (size_t)snprintf(text, sizeof(text), ":{\"dtype\":\"%s\",\"shape\":[", tensor->encoder->word);
	for (uint32_t d = 0; d < tensor->type.rank; d++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%" PRId64, d > 0 ? "," : "",
				       tensor->type.dims[d]);
	at += (size_t)snprintf(text + at, sizeof(text) - at, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
			       tensor->offset, tensor->offset + tensor->bytes);
	enum clade_status status = add_json(writer, out, tensor->name, diag);
	return status == CLADE_OK ? add(writer, out, text, at, diag) : status;
}

static enum clade_status safetensors_header(struct clade_writer *writer, struct bytes *out, struct clade_diag *diag)
{
	enum clade_status status = add_number(writer, out, 0, 8, diag);
	if (status == CLADE_OK)
		status = add(writer, out, "{", 1, diag);
	if (status == CLADE_OK && writer->meta_count > 0) {
		status = add(writer, out, "\"__metadata__\":{", 16, diag);
		if (status == CLADE_OK)
			status = add(writer, out, writer->meta.data, writer->meta.count, diag);
		if (status == CLADE_OK)
			status = add(writer, out, "}", 1, diag);
	}
	for (size_t i = 0; i < writer->tensor_count && status == CLADE_OK; i++) {
		if (i > 0 || writer->meta_count > 0)
			status = add(writer, out, ",", 1, diag);
		if (status == CLADE_OK)
			status = safetensors_tensor(writer, &writer->tensors[i], out, diag);
	}
	if (status == CLADE_OK)
		status = add(writer, out, "}", 1, diag);
	while (status == CLADE_OK && out->count % 8 != 0)
		status = add(writer, out, " ", 1, diag);
	uint64_t length = out->count - 8;
	if (status == CLADE_OK)
		memcpy(out->data, &length, 8);
	return status;
}

static const struct layout layouts[] = {
	{ "gguf", ALIGNMENT, gguf_meta, gguf_header },
	{ "safetensors", 1, safetensors_meta, safetensors_header },
};

/* ---- the file ---- */

/* fd NULL: the file `path` is made. */
static enum clade_status create(struct clade_context *context, const int *fd, const char *path, const char *format,
				struct clade_writer **out_writer, struct clade_diag *diag)
{
	const size_t count = sizeof(layouts) / sizeof(layouts[0]);
	size_t at = 0;
	*out_writer = NULL;
	while (at < count && strcmp(layouts[at].name, format) != 0)
		at++;
	if (at == count)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, format,
				  "is not a format that is written");
	struct clade_writer *writer = clade_alloc(context, sizeof(*writer));
	if (writer == NULL)
		return clade_fail_memory(diag, sizeof(*writer), "a writer");
	writer->context = context;
	writer->layout = &layouts[at];
	writer->output.fd = -1;
	writer->path = clade_strdup(context, path);
	enum clade_status status = writer->path == NULL ? clade_fail_memory(diag, strlen(path) + 1, "a path")
				   : fd == NULL         ? clade_output_open(&writer->output, writer->path, diag)
						: clade_output_open_fd(&writer->output, *fd, writer->path, diag);
	if (status != CLADE_OK)
		clade_writer_destroy(&writer);
	*out_writer = writer;
	return status;
}

enum clade_status clade_writer_create(struct clade_context *context, const char *path, const char *format,
				      struct clade_writer **out_writer, struct clade_diag *diag)
{
	return create(context, NULL, path, format, out_writer, diag);
}

enum clade_status clade_writer_create_fd(struct clade_context *context, int fd, const char *name, const char *format,
					 struct clade_writer **out_writer, struct clade_diag *diag)
{
	return create(context, &fd, name, format, out_writer, diag);
}

void clade_writer_destroy(struct clade_writer **writer)
{
	struct clade_writer *w = *writer;
	if (w == NULL)
		return;
	clade_output_abort(&w->output);
	for (size_t i = 0; i < w->tensor_count; i++)
		clade_free(w->context, w->tensors[i].name);
	clade_free(w->context, w->tensors);
	clade_free(w->context, w->meta.data);
	clade_free(w->context, w->path);
	clade_free(w->context, w);
	*writer = NULL;
}

static enum clade_status fail_order(const char *what, struct clade_diag *diag)
{
	return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, what,
			  "a file is written in order: metadata, tensors, all their rows");
}

enum clade_status clade_writer_meta(struct clade_writer *writer, const char *key, const char *type,
				    const struct clade_meta *value, struct clade_diag *diag)
{
	if (writer->started)
		return fail_order(key, diag);
	enum clade_status status = writer->layout->meta(writer, key, type, value, diag);
	writer->meta_count += status == CLADE_OK;
	return status;
}

enum clade_status clade_writer_array(struct clade_writer *writer, const char *key, const char *type, size_t count,
				     clade_writer_item_fn *item, void *user, struct clade_diag *diag)
{
	uint32_t number;
	struct clade_meta value;
	if (writer->started || writer->layout->meta != gguf_meta)
		return fail_order(key, diag);
	enum clade_status status = find_type(type, &number, diag);
	if (status == CLADE_OK)
		status = add_text(writer, &writer->meta, key, diag);
	if (status == CLADE_OK)
		status = add_number(writer, &writer->meta, TYPE_ARRAY, 4, diag);
	if (status == CLADE_OK)
		status = add_number(writer, &writer->meta, number, 4, diag);
	if (status == CLADE_OK)
		status = add_number(writer, &writer->meta, count, 8, diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		value = (struct clade_meta) { .kind = CLADE_META_NONE };
		status = item(user, i, &value, diag);
		if (status == CLADE_OK)
			status = add_value(writer, number, &value, diag);
	}
	writer->meta_count += status == CLADE_OK;
	return status;
}

bool clade_encoding_fits(const char *encoding, const struct clade_type *type)
{
	const struct clade_encoder *encoder = clade_encoder_find(encoding);
	int64_t row = type->rank > 0 ? type->dims[type->rank - 1] : 1;
	return encoder != NULL && row % encoder->count == 0;
}

/* The size is checked, so that all later arithmetic on it is safe. */
static bool size_of(struct tensor *tensor)
{
	size_t bytes;
	if (!clade_type_count(&tensor->type, &tensor->count) ||
	    !clade_size_mul((size_t)tensor->count / tensor->encoder->count, tensor->encoder->bytes, &bytes) ||
	    bytes > INT64_MAX / 2)
		return false;
	tensor->bytes = bytes;
	return true;
}

enum clade_status clade_writer_tensor(struct clade_writer *writer, const char *name, const struct clade_type *type,
				      const char *encoding, struct clade_diag *diag)
{
	struct tensor tensor = { .type = *type, .encoder = clade_encoder_find(encoding) };
	bool gguf = writer->layout->meta == gguf_meta;
	if (writer->started)
		return fail_order(name, diag);
	if (!clade_encoding_fits(encoding, type) || (gguf ? tensor.encoder->ggml < 0 : tensor.encoder->word == NULL) ||
	    (gguf && (type->rank < 1 || type->rank > 4 || strlen(name) > 63)) || strlen(name) > LARGEST_NAME ||
	    !size_of(&tensor) || writer->data_bytes > INT64_MAX / 2)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_TENSOR, writer->path,
				  "tensor \"%s\" cannot be written as %s to %s: its name, rank or rows do not fit",
				  CLADE_QUOTE(name), encoding, writer->layout->name);
	if (writer->tensor_count == writer->tensor_room) {
		size_t room = writer->tensor_room * 2 + 64;
		struct tensor *grown = clade_resize(writer->context, writer->tensors, room * sizeof(*grown));
		if (grown == NULL)
			return clade_fail_memory(diag, room * sizeof(*grown), "a list of tensors");
		writer->tensors = grown;
		writer->tensor_room = room;
	}
	tensor.name = clade_strdup(writer->context, name);
	if (tensor.name == NULL)
		return clade_fail_memory(diag, strlen(name) + 1, "a tensor's name");
	tensor.offset = writer->data_bytes;
	writer->data_bytes +=
		(tensor.bytes + writer->layout->alignment - 1) / writer->layout->alignment * writer->layout->alignment;
	writer->tensors[writer->tensor_count++] = tensor;
	return CLADE_OK;
}

static enum clade_status start(struct clade_writer *writer, struct clade_diag *diag)
{
	struct bytes header = { 0 };
	if (writer->started)
		return CLADE_OK;
	writer->started = true;
	enum clade_status status = writer->layout->header(writer, &header, diag);
	if (status == CLADE_OK)
		status = clade_output_write(&writer->output, header.data, header.count, diag);
	clade_free(writer->context, header.data);
	return status;
}

/* Goes on to the next tensor that has elements; pads behind one that is complete. */
static enum clade_status advance(struct clade_writer *writer, struct clade_diag *diag)
{
	static const char zeros[ALIGNMENT];
	enum clade_status status = CLADE_OK;
	while (status == CLADE_OK && writer->current < writer->tensor_count &&
	       writer->done == writer->tensors[writer->current].count) {
		uint64_t rest = writer->tensors[writer->current].bytes % writer->layout->alignment;
		if (rest > 0)
			status = clade_output_write(&writer->output, zeros, (size_t)(writer->layout->alignment - rest),
						    diag);
		writer->current++;
		writer->done = 0;
	}
	return status;
}

/* The tensor whose next `count` elements come. */
static enum clade_status current_tensor(struct clade_writer *writer, int64_t count, const struct tensor **out,
					struct clade_diag *diag)
{
	enum clade_status status = start(writer, diag);
	if (status == CLADE_OK)
		status = advance(writer, diag);
	if (status != CLADE_OK)
		return status;
	*out = &writer->tensors[writer->current];
	if (writer->current == writer->tensor_count || count < 0 || count > (*out)->count - writer->done ||
	    count % (*out)->encoder->count != 0)
		return fail_order("rows", diag);
	return CLADE_OK;
}

enum clade_status clade_writer_stored(struct clade_writer *writer, const void *blocks, int64_t count,
				      struct clade_diag *diag)
{
	const struct tensor *tensor;
	enum clade_status status = current_tensor(writer, count, &tensor, diag);
	if (status != CLADE_OK)
		return status;
	writer->done += count;
	return clade_output_write(&writer->output, blocks,
				  (size_t)count / tensor->encoder->count * tensor->encoder->bytes, diag);
}

enum clade_status clade_writer_rows(struct clade_writer *writer, const void *values, int64_t count,
				    struct clade_diag *diag)
{
	const struct tensor *tensor;
	enum clade_status status = current_tensor(writer, count, &tensor, diag);
	if (status != CLADE_OK)
		return status;
	int64_t blocks = count / tensor->encoder->count, room = BUFFER / (int64_t)tensor->encoder->bytes;
	for (int64_t done = 0; done < blocks && status == CLADE_OK; done += room) {
		int64_t part = blocks - done < room ? blocks - done : room, each = tensor->encoder->count;
		int64_t bad = tensor->encoder->encode((const char *)values + done * each * 4, part, writer->buffer);
		if (bad >= 0)
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_VALUE, writer->path,
					  "element %" PRId64 " of tensor \"%s\" cannot be written as %s; a block needs "
					  "finite numbers, an integer type ones that it holds",
					  writer->done + done * each + bad, CLADE_QUOTE(tensor->name),
					  tensor->encoder->name);
		status = clade_output_write(&writer->output, writer->buffer, (size_t)part * tensor->encoder->bytes,
					    diag);
	}
	writer->done += count;
	return status;
}

enum clade_status clade_writer_finish(struct clade_writer *writer, struct clade_diag *diag)
{
	enum clade_status status = start(writer, diag);
	if (status == CLADE_OK)
		status = advance(writer, diag);
	if (status == CLADE_OK && writer->current < writer->tensor_count)
		return fail_order("clade_writer_finish", diag);
	return status == CLADE_OK ? clade_output_commit(&writer->output, diag) : status;
}

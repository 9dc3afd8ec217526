/* SPDX-License-Identifier: MIT */
/* What a store holds, and the readers that fill it. Internal to graph/formats. */
#ifndef CLADE_FORMATS_STORE_H
#define CLADE_FORMATS_STORE_H

#include "file.h"

#include <clade/graph.h>

/* Text that lives as long as the store: chunks, newest first. */
struct store_chunk {
	struct store_chunk *next;
	size_t used, size;
	char bytes[];
};

/* An array of metadata, kept as the file has it. */
struct store_array {
	struct store_array *next;
	enum clade_meta_kind kind; /* of its elements */
	bool is_signed;
	uint32_t width; /* bytes of a number */
	size_t count;
	unsigned char *numbers; /* little-endian */
	char *text;             /* strings, each with a NUL behind it */
	uint32_t *starts;       /* of the strings in `text` */
};

struct store_meta {
	const char *key;
	struct clade_meta value;
	const struct store_array *array; /* ARRAY */
	const char *type;                /* GGUF's word for it, of an array for its elements; else NULL */
};

/* How a file stores elements: blocks of `count` elements in `bytes` bytes. */
struct clade_encoding {
	const char *name;
	uint32_t count, bytes;
	enum clade_dtype dtype; /* what a tensor of it is called in graphs */
	/* Decodes `blocks` blocks (unaligned, little-endian) to f32 or i32; returns the first element that does not
	 * fit, -1 if all do. */
	int64_t (*decode)(const unsigned char *source, int64_t blocks, void *target);
};
enum { CLADE_BLOCK_MAX = 256 }; /* elements of the largest block */
/* Of single elements; never NULL for a dtype. */
const struct clade_encoding *clade_encoding_of(enum clade_dtype dtype);
/* By ggml's number of the type; NULL: not one that is read. `out_name` (may be NULL): its name if it has one, else NULL
 */
const struct clade_encoding *clade_encoding_of_ggml(uint32_t number, const char **out_name);

struct store_entry {
	struct clade_store_tensor tensor;
	const struct clade_encoding *encoding;
	uint32_t file; /* index in `files` */
};

struct clade_store {
	struct clade_context *context;
	struct store_chunk *chunks;
	struct clade_file *files;
	struct store_entry *entries;
	struct store_meta *metas;
	struct store_array *arrays;
	uint32_t *by_name, *by_key; /* orders of `entries` and `metas`; no hash, so no chosen names can make it slow */
	size_t file_count, file_room, entry_count, entry_room, meta_count, meta_room;
	const char *format;
};

/* Room for so many tensors and metadata more, made at once. */
enum clade_status clade_store_reserve(struct clade_store *store, size_t tensors, size_t metas, struct clade_diag *diag);
/* Copies `text` into the store; NULL when out of memory. */
const char *clade_store_text(struct clade_store *store, const char *text);
/* Takes `file` (closed by the store from then on, also on failure). */
enum clade_status clade_store_take_file(struct clade_store *store, struct clade_file *file, uint32_t *out_index,
					struct clade_diag *diag);
/* `tensor->name` needs to live only during the call. `encoding` NULL: single elements of the type's dtype. */
enum clade_status clade_store_add_tensor(struct clade_store *store, uint32_t file,
					 const struct clade_store_tensor *tensor, const struct clade_encoding *encoding,
					 struct clade_diag *diag);
/* A fresh, empty array that the store frees; NULL when out of memory. */
struct store_array *clade_store_new_array(struct clade_store *store);
enum clade_status clade_store_add_array(struct clade_store *store, const char *key, const struct store_array *array,
					struct clade_diag *diag);
enum clade_status clade_store_add_meta(struct clade_store *store, const char *key, const struct clade_meta *value,
				       struct clade_diag *diag);

/* A number of `width` little-endian bytes as metadata. */
void clade_meta_number(const unsigned char *bytes, uint32_t width, bool is_signed, enum clade_meta_kind kind,
		       struct clade_meta *out);

/* The readers. Each takes `file`. */
enum clade_status clade_safetensors_load(struct clade_store *store, struct clade_file *file, struct clade_diag *diag);
enum clade_status clade_gguf_load(struct clade_store *store, struct clade_file *file, struct clade_diag *diag);
enum clade_status clade_npy_load(struct clade_store *store, struct clade_file *file, struct clade_diag *diag);
/* Metadata from JSON text by dotted key. */
enum clade_status clade_config_load(struct clade_store *store, const char *path, struct clade_diag *diag);
/* A safetensors index and its shards. */
enum clade_status clade_index_load(struct clade_store *store, const char *folder, const char *path,
				   struct clade_diag *diag);
#endif

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

struct store_meta {
	const char *key;
	struct clade_meta value;
};

struct store_entry {
	struct clade_store_tensor tensor;
	uint32_t file; /* index in `files` */
};

struct clade_store {
	struct clade_context *context;
	struct store_chunk *chunks;
	struct clade_file *files;
	struct store_entry *entries;
	struct store_meta *metas;
	uint32_t *by_name, *by_key; /* orders of `entries` and `metas`; no hash, so no chosen names can make it slow */
	size_t file_count, file_room, entry_count, entry_room, meta_count, meta_room;
	const char *format;
};

/* Copies `text` into the store; NULL when out of memory. */
const char *clade_store_text(struct clade_store *store, const char *text);
/* Takes `file` (closed by the store from then on, also on failure). */
enum clade_status clade_store_take_file(struct clade_store *store, struct clade_file *file, uint32_t *out_index,
					struct clade_diag *diag);
/* `tensor->name` and `file` need to live only during the call. */
enum clade_status clade_store_add_tensor(struct clade_store *store, uint32_t file,
					 const struct clade_store_tensor *tensor, struct clade_diag *diag);
enum clade_status clade_store_add_meta(struct clade_store *store, const char *key, const struct clade_meta *value,
				       struct clade_diag *diag);

/* The readers. Each takes `file`. */
enum clade_status clade_safetensors_load(struct clade_store *store, struct clade_file *file, struct clade_diag *diag);
enum clade_status clade_npy_load(struct clade_store *store, struct clade_file *file, struct clade_diag *diag);
/* Metadata from JSON text by dotted key. */
enum clade_status clade_config_load(struct clade_store *store, const char *path, struct clade_diag *diag);
/* A safetensors index and its shards. */
enum clade_status clade_index_load(struct clade_store *store, const char *folder, const char *path,
				   struct clade_diag *diag);
#endif

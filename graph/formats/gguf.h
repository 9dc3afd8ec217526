/* SPDX-License-Identifier: MIT */
/* A GGUF file while it is read. Internal to graph/formats. */
#ifndef CLADE_FORMATS_GGUF_H
#define CLADE_FORMATS_GGUF_H

#include "store.h"

struct gguf {
	struct clade_store *store;
	const struct clade_file *file;
	const char *path;
	uint32_t index; /* of the file in the store */
	uint64_t at;    /* the cursor, an offset of the file */
	char *window, *scratch;
	uint64_t window_at;
	size_t window_bytes, scratch_room;
	uint64_t alignment;
	uint64_t *key_at; /* where each key stands */
	size_t first_entry, first_meta;
	struct clade_diag *diag;
};

/* What the metadata says of itself: keys once, the vocabulary's arrays alike, ids inside it, sizes that make sense. */
enum clade_status clade_gguf_check(struct gguf *gguf);
#endif

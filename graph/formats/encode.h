/* SPDX-License-Identifier: MIT */
/* Elements on their way into a file. Internal to graph/formats. */
#ifndef CLADE_FORMATS_ENCODE_H
#define CLADE_FORMATS_ENCODE_H

#include <clade/tensor.h>

/* What a writer can write. */
struct clade_encoder {
	const char *name;
	uint32_t count, bytes; /* of a block */
	int ggml;              /* ggml's number of the type; -1: GGUF has none */
	const char *word;      /* in a safetensors header; NULL: not there */
	bool is_float;         /* takes f32; else i32 */
	/* Encodes `blocks` blocks of f32 or i32; returns the first element that does not fit, -1 if all do. */
	int64_t (*encode)(const void *values, int64_t blocks, unsigned char *target);
};
const struct clade_encoder *clade_encoder_find(const char *name); /* NULL: none */
#endif

/* SPDX-License-Identifier: MIT */
/* Tensor files written in one pass: metadata, then what the tensors are, then their elements in order. The file appears
 * whole or not at all. */
#ifndef CLADE_WRITER_H
#define CLADE_WRITER_H

#include <clade/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

struct clade_writer; /* one thread at a time; after an error of metadata or of writing only to be destroyed */

/* `format`: "gguf" (version 3) or "safetensors". `path` is replaced at clade_writer_finish. */
CLADE_API enum clade_status clade_writer_create(struct clade_context *context, const char *path, const char *format,
						struct clade_writer **out_writer, struct clade_diag *diag);
/* The same to an open file descriptor (a memfd, a pipe), from where it stands; it stays the caller's, and what was
 * written before an error stays in it. `name` is what messages call it. */
CLADE_API enum clade_status clade_writer_create_fd(struct clade_context *context, int fd, const char *name,
						   const char *format, struct clade_writer **out_writer,
						   struct clade_diag *diag);
/* What was not finished is removed. */
CLADE_API void clade_writer_destroy(struct clade_writer **writer);

/* One value of metadata. GGUF's types are u8 i8 u16 i16 u32 i32 f32 bool string u64 i64 f64; safetensors knows string
 * only. Keys stand in the file in the order given. */
CLADE_API enum clade_status clade_writer_meta(struct clade_writer *writer, const char *key, const char *type,
					      const struct clade_meta *value, struct clade_diag *diag);
/* An array of `count` elements (GGUF only), each asked from `item`. */
typedef enum clade_status clade_writer_item_fn(void *user, size_t index, struct clade_meta *out,
					       struct clade_diag *diag);
CLADE_API enum clade_status clade_writer_array(struct clade_writer *writer, const char *key, const char *type,
					       size_t count, clade_writer_item_fn *item, void *user,
					       struct clade_diag *diag);

/* Whether tensors of this type (its dtype does not matter) can be written so: rows must be whole blocks. GGUF writes
 * f32 f16 bf16 q8_0 q4_0 f64 i8 i16 i32 i64, safetensors what is no block, and bool and u8. */
CLADE_API bool clade_encoding_fits(const char *encoding, const struct clade_type *type);
/* Announces the next tensor. */
CLADE_API enum clade_status clade_writer_tensor(struct clade_writer *writer, const char *name,
						const struct clade_type *type, const char *encoding,
						struct clade_diag *diag);
/* The next `count` elements, f32 or i32 as clade_store_read gives them: whole rows, of one tensor. After the last
 * tensor is announced; f16 and bf16 round to nearest even, q8_0 and q4_0 equal the gguf Python package's (0.19.0). */
CLADE_API enum clade_status clade_writer_rows(struct clade_writer *writer, const void *values, int64_t count,
					      struct clade_diag *diag);
/* The same, as the announced encoding stores them (f16, q8_0, ... little-endian): bytes that are copied. */
CLADE_API enum clade_status clade_writer_stored(struct clade_writer *writer, const void *blocks, int64_t count,
						struct clade_diag *diag);
/* All elements of all tensors must have been given. */
CLADE_API enum clade_status clade_writer_finish(struct clade_writer *writer, struct clade_diag *diag);

#ifdef __cplusplus
}
#endif
#endif

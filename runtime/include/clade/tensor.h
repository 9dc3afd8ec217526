/* SPDX-License-Identifier: MIT */
/* Element types, shapes, layouts and tensor views. A tensor never owns memory: buffers do (device.h). */
#ifndef CLADE_TENSOR_H
#define CLADE_TENSOR_H

#include <clade/clade.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLADE_MAX_RANK 8

/* Append only: the numbers are part of the plugin contract. BOOL is one byte, 0 or 1. Q8_0 and Q4_0 are ggml's blocks
 * of 32 elements along the last axis, which only weights have: an f16 scale, then 32 int8 (Q8_0) or 16 bytes of nibbles
 * (Q4_0: element i in the low half of byte i, element 16 + i in the high half, each 8 too large). An element's value is
 * scale * quant. */
enum clade_dtype {
	CLADE_F32 = 0,
	CLADE_I32 = 1,
	CLADE_BOOL = 2,
	CLADE_F16 = 3,
	CLADE_BF16 = 4,
	CLADE_F64 = 5,
	CLADE_I8 = 6,
	CLADE_I16 = 7,
	CLADE_I64 = 8,
	CLADE_U8 = 9,
	CLADE_Q8_0 = 10,
	CLADE_Q4_0 = 11,
	CLADE_DTYPE_COUNT
};
#define CLADE_DTYPE_BIT(dtype) (1u << (dtype))

struct clade_dtype_info {
	const char *name; /* "f32", as graph files, messages and JSON spell it */
	uint32_t bytes;   /* of one element, or of one block of `block` elements */
	bool is_float, is_integer;
	uint32_t block; /* elements; 1 unless they are stored in blocks, which then fill the last axis */
};
CLADE_API const struct clade_dtype_info *clade_dtype_info(enum clade_dtype dtype); /* NULL if out of range */
CLADE_API bool clade_dtype_from_name(const char *name, enum clade_dtype *out);
/* Whether weights and states may be held in this type though their values are f32. */
CLADE_API bool clade_dtype_is_storage(enum clade_dtype dtype);

/* A type: element type and shape. A dim >= 0 is a number. A dim < 0 is a *code* for a symbolic expression over a
 * graph's dims (B, T, ...), interned so that equal expressions have equal codes; ops compare codes with == and do
 * arithmetic only through struct clade_infer_ops (op.h). At run time all dims are numbers. */
struct clade_type {
	enum clade_dtype dtype;
	uint32_t rank;
	int64_t dims[CLADE_MAX_RANK];
};

/* How the elements of a matrix are arranged in memory. ROWS is row-major. PANEL(width), for a matrix [n, k] that is
 * stored as weights [out, in]: rows n are grouped into panels of `width`; panel p holds k consecutive groups of
 * `width` elements, so element (n, k) is at ((n / width) * K + k) * width + n % width; the last panel is padded with
 * +0. Of a type in blocks of 32 a panel holds k / 32 consecutive groups instead: `width` f16 scales, then for Q8_0 32
 * times `width` int8 (one k after the other), for Q4_0 4 times `width` little-endian 32-bit words, each with the
 * quants of 8 consecutive k from its lowest nibble up, 8 too large as in the file. QUADS(width), only for these types,
 * for integer dot products: the same groups, but behind the scales of a group 8 (Q8_0) or 4 (Q4_0) times `width` 32-bit
 * words of four bytes. Word i of Q8_0 has the quants of k = 4 i to 4 i + 3 of the group, each + 128; word i of Q4_0 has
 * these in the low halves of its bytes and those of 16 + 4 i to 16 + 4 i + 3 in the high ones, each + 8 as in the file.
 */
enum clade_layout_kind {
	CLADE_LAYOUT_ROWS = 0,
	CLADE_LAYOUT_PANEL = 1,
	CLADE_LAYOUT_QUADS = 2,
	CLADE_LAYOUT_COUNT,
	CLADE_LAYOUT_ANY = 0xffff /* only as a request (host->layout): the implementation reads whatever it is given */
};
struct clade_layout {
	uint16_t kind;  /* enum clade_layout_kind */
	uint16_t width; /* PANEL, QUADS: columns a panel; else 0 */
};
CLADE_API const char *clade_layout_name(struct clade_layout layout, char *out, size_t size); /* "rows", "panel:32" */
/* Bytes that a tensor of this type takes in this layout. False on overflow or a symbolic dim. */
CLADE_API bool clade_layout_bytes(const struct clade_type *type, struct clade_layout layout, size_t *out_bytes);
/* Packs whole rows [first, first + count) of the last two axes' matrix (leading axes are folded into rows) from
 * row-major `rows` into `packed`, which holds the whole tensor; unpack is the way back. */
CLADE_API enum clade_status clade_layout_pack(const struct clade_type *type, struct clade_layout layout, int64_t first,
					      int64_t count, const void *rows, void *packed);
CLADE_API enum clade_status clade_layout_unpack(const struct clade_type *type, struct clade_layout layout,
						int64_t first, int64_t count, const void *packed, void *rows);

struct clade_buffer;

/* A view. On the host device `data` is the first element; on an OpenCL device `buffer` + `offset` is. Strides count
 * elements; a state may have gaps between rows (its capacity), everything else is dense unless a port says it takes
 * strides. */
struct clade_tensor {
	struct clade_type type;
	int64_t strides[CLADE_MAX_RANK];
	struct clade_layout layout;
	void *data;
	struct clade_buffer *buffer;
	uint64_t offset; /* bytes, a multiple of the element's size */
};

/* Product of the dims; false on overflow or a symbolic dim. Rank 0 counts 1. */
CLADE_API bool clade_type_count(const struct clade_type *type, int64_t *out_count);
CLADE_API bool clade_type_bytes(const struct clade_type *type, size_t *out_bytes);
CLADE_API bool clade_type_equal(const struct clade_type *a, const struct clade_type *b);
CLADE_API void clade_dense_strides(const struct clade_type *type, int64_t strides[CLADE_MAX_RANK]);
CLADE_API bool clade_tensor_is_dense(const struct clade_tensor *tensor);
/* "f32[2, 7, 64]" */
CLADE_API const char *clade_type_text(const struct clade_type *type, char *out, size_t size);

/* Widening and narrowing one value; conversions to f16/bf16 round to nearest even. */
CLADE_API float clade_f16_to_f32(uint16_t bits);
CLADE_API uint16_t clade_f32_to_f16(float value);
CLADE_API float clade_bf16_to_f32(uint16_t bits);
CLADE_API uint16_t clade_f32_to_bf16(float value);

/* How two dense arrays of one type compare. "Equal bits" (DESIGN: canonical arithmetic): -0 counts as +0, any NaN as
 * one NaN. */
struct clade_compare {
	bool bit_equal;
	double max_abs, max_ulp, nmse; /* nmse = sum (a-b)^2 / sum b^2; NaN or infinity mismatches give infinity */
	int64_t worst;                 /* index of the largest difference, -1 if none */
};
CLADE_API void clade_compare_arrays(const struct clade_type *type, const void *got, const void *expected,
				    struct clade_compare *out);

#ifdef __cplusplus
}
#endif
#endif

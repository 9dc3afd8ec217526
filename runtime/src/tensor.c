/* SPDX-License-Identifier: MIT */
/* Element types, types' sizes, strides and text; matrices in rows and in panels. */
#include "panel.h"

#include <stdio.h>
#include <string.h>

static const struct clade_dtype_info dtypes[CLADE_DTYPE_COUNT] = {
	[CLADE_F32] = { "f32", 4, true, false, 1 },     [CLADE_I32] = { "i32", 4, false, true, 1 },
	[CLADE_BOOL] = { "bool", 1, false, false, 1 },  [CLADE_F16] = { "f16", 2, true, false, 1 },
	[CLADE_BF16] = { "bf16", 2, true, false, 1 },   [CLADE_F64] = { "f64", 8, true, false, 1 },
	[CLADE_I8] = { "i8", 1, false, true, 1 },       [CLADE_I16] = { "i16", 2, false, true, 1 },
	[CLADE_I64] = { "i64", 8, false, true, 1 },     [CLADE_U8] = { "u8", 1, false, true, 1 },
	[CLADE_Q8_0] = { "q8_0", 34, true, false, 32 }, [CLADE_Q4_0] = { "q4_0", 18, true, false, 32 },
};

const struct clade_dtype_info *clade_dtype_info(enum clade_dtype dtype)
{
	return (unsigned)dtype < CLADE_DTYPE_COUNT ? &dtypes[dtype] : NULL;
}

bool clade_dtype_from_name(const char *name, enum clade_dtype *out)
{
	for (unsigned i = 0; name && i < CLADE_DTYPE_COUNT; i++) {
		if (strcmp(name, dtypes[i].name) == 0) {
			*out = (enum clade_dtype)i;
			return true;
		}
	}
	return false;
}

bool clade_dtype_is_storage(enum clade_dtype dtype)
{
	return dtype == CLADE_F16 || dtype == CLADE_BF16 || dtype == CLADE_Q8_0 || dtype == CLADE_Q4_0;
}

bool clade_type_count(const struct clade_type *type, int64_t *out_count)
{
	int64_t count = 1;
	bool empty = false;

	if (type->rank > CLADE_MAX_RANK)
		return false;
	/* Zero dims are left out of the product, so that an overflow beside one is still seen. */
	for (uint32_t i = 0; i < type->rank; i++) {
		if (type->dims[i] < 0)
			return false;
		if (type->dims[i] == 0)
			empty = true;
		else if (!clade_i64_mul(count, type->dims[i], &count))
			return false;
	}
	*out_count = empty ? 0 : count;
	return true;
}

bool clade_type_bytes(const struct clade_type *type, size_t *out_bytes)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);
	int64_t count;

	if (!info || !clade_type_count(type, &count))
		return false;
	if (info->block > 1) {
		if (type->rank == 0 || type->dims[type->rank - 1] % info->block)
			return false;
		count /= info->block;
	}
	/* No object is larger than PTRDIFF_MAX. */
	return clade_size_mul((size_t)count, info->bytes, out_bytes) && *out_bytes <= PTRDIFF_MAX;
}

bool clade_type_equal(const struct clade_type *a, const struct clade_type *b)
{
	if (a->dtype != b->dtype || a->rank != b->rank || a->rank > CLADE_MAX_RANK)
		return false;
	for (uint32_t i = 0; i < a->rank; i++)
		if (a->dims[i] != b->dims[i])
			return false;
	return true;
}

void clade_dense_strides(const struct clade_type *type, int64_t strides[CLADE_MAX_RANK])
{
	uint64_t stride = 1;

	memset(strides, 0, sizeof(*strides) * CLADE_MAX_RANK);
	for (uint32_t i = type->rank > CLADE_MAX_RANK ? 0 : type->rank; i-- > 0;) {
		strides[i] = (int64_t)stride;
		stride *= (uint64_t)type->dims[i];
	}
}

bool clade_tensor_is_dense(const struct clade_tensor *tensor)
{
	int64_t strides[CLADE_MAX_RANK];
	int64_t count;

	if (!clade_type_count(&tensor->type, &count))
		return false;
	clade_dense_strides(&tensor->type, strides);
	/* The stride of an axis of length 1 is never used, nor any of an empty tensor. */
	for (uint32_t i = 0; i < tensor->type.rank && count > 0; i++)
		if (tensor->type.dims[i] != 1 && tensor->strides[i] != strides[i])
			return false;
	return true;
}

const char *clade_type_text(const struct clade_type *type, char *out, size_t size)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);
	size_t at = 0;

	if (size == 0)
		return out;
	at += (size_t)snprintf(out, size, "%s[", info ? info->name : "?");
	for (uint32_t i = 0; i < type->rank && i < CLADE_MAX_RANK && at < size; i++) {
		const char *comma = i ? ", " : "";

		if (type->dims[i] < 0)
			at += (size_t)snprintf(out + at, size - at, "%s?", comma);
		else
			at += (size_t)snprintf(out + at, size - at, "%s%lld", comma, (long long)type->dims[i]);
	}
	if (at < size)
		snprintf(out + at, size - at, "]");
	return out;
}

/* ---- layouts ---- */

const char *clade_layout_name(struct clade_layout layout, char *out, size_t size)
{
	if (layout.kind == CLADE_LAYOUT_PANEL || layout.kind == CLADE_LAYOUT_QUADS)
		snprintf(out, size, "%s:%u", layout.kind == CLADE_LAYOUT_PANEL ? "panel" : "quads",
			 (unsigned)layout.width);
	else
		snprintf(out, size, "%s", layout.kind == CLADE_LAYOUT_ROWS ? "rows" : "unknown");
	return out;
}

/* The matrix that `type` is with its leading axes folded: `columns` units of `bytes` a row, each an element or a block.
 */
struct matrix {
	int64_t rows, columns;
	size_t bytes;
	bool blocks;
};

static bool matrix_of(const struct clade_type *type, struct matrix *out)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);
	int64_t count;

	if (!info || type->rank < 2 || !clade_type_count(type, &count) || type->dims[type->rank - 1] % info->block)
		return false;
	*out = (struct matrix) { 1, type->dims[type->rank - 1] / info->block, info->bytes, info->block > 1 };
	for (uint32_t i = 0; i + 1 < type->rank; i++)
		if (!clade_i64_mul(out->rows, type->dims[i], &out->rows))
			return false;
	return true;
}

bool clade_layout_bytes(const struct clade_type *type, struct clade_layout layout, size_t *out_bytes)
{
	struct matrix matrix;
	size_t padded;

	if (layout.kind == CLADE_LAYOUT_ROWS)
		return clade_type_bytes(type, out_bytes);
	if ((layout.kind != CLADE_LAYOUT_PANEL && layout.kind != CLADE_LAYOUT_QUADS) || layout.width == 0 ||
	    !matrix_of(type, &matrix) || (layout.kind == CLADE_LAYOUT_QUADS && !matrix.blocks))
		return false;
	if (!clade_size_add((size_t)matrix.rows, layout.width - 1u, &padded))
		return false;
	padded = padded / layout.width * layout.width;
	return clade_size_mul(padded, (size_t)matrix.columns, &padded) &&
	       clade_size_mul(padded, matrix.bytes, out_bytes);
}

static enum clade_status transfer(const struct clade_type *type, struct clade_layout layout, int64_t first,
				  int64_t count, char *rows, char *packed, bool pack)
{
	struct matrix matrix;
	int64_t width = layout.width, end;
	size_t bytes, row_bytes;

	if (!clade_layout_bytes(type, layout, &bytes))
		return CLADE_ERR_ARGUMENT;
	if (!matrix_of(type, &matrix)) { /* rank 0 or 1 in rows: one row */
		const struct clade_dtype_info *info = clade_dtype_info(type->dtype);

		matrix = (struct matrix) { 1, type->rank ? type->dims[0] / info->block : 1, info->bytes, false };
	}
	if (first < 0 || count < 0 || first > matrix.rows || count > matrix.rows - first)
		return CLADE_ERR_ARGUMENT;
	row_bytes = (size_t)matrix.columns * matrix.bytes;
	if (bytes == 0 || count == 0)
		return CLADE_OK;
	if (layout.kind == CLADE_LAYOUT_ROWS) {
		char *at = packed + (size_t)first * row_bytes;

		memcpy(pack ? at : rows, pack ? rows : at, (size_t)count * row_bytes);
		return CLADE_OK;
	}
	end = first + count;
	for (int64_t n = first; n < end;) {
		int64_t j = n % width, part = width - j < end - n ? width - j : end - n;
		char *panel = packed + (size_t)(n / width * width) * row_bytes;
		char *row = rows + (size_t)(n - first) * row_bytes;

		if (matrix.blocks)
			clade_panel_blocks(type->dtype, layout.kind, panel, row, matrix.columns, width, j, part, pack);
		else
			clade_panel_elements(matrix.bytes, panel, row, matrix.columns, width, j, part, pack);
		n += part;
		if (pack && n == matrix.rows && n % width)
			clade_panel_pad(matrix.blocks ? type->dtype : CLADE_DTYPE_COUNT, layout.kind, matrix.bytes,
					panel, matrix.columns, width, n % width);
	}
	return CLADE_OK;
}

enum clade_status clade_layout_pack(const struct clade_type *type, struct clade_layout layout, int64_t first,
				    int64_t count, const void *rows, void *packed)
{
	return transfer(type, layout, first, count, (char *)(uintptr_t)rows, packed, true);
}

enum clade_status clade_layout_unpack(const struct clade_type *type, struct clade_layout layout, int64_t first,
				      int64_t count, const void *packed, void *rows)
{
	return transfer(type, layout, first, count, rows, (char *)(uintptr_t)packed, false);
}

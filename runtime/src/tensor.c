/* SPDX-License-Identifier: MIT */
/* Element types, types' sizes, strides and text; packing of matrices into panels and back. */
#include <clade/tensor.h>
#include <stdio.h>
#include <string.h>

static const struct clade_dtype_info dtypes[CLADE_DTYPE_COUNT] = {
	[CLADE_F32] = { "f32", 4, true, false },    [CLADE_I32] = { "i32", 4, false, true },
	[CLADE_BOOL] = { "bool", 1, false, false }, [CLADE_F16] = { "f16", 2, true, false },
	[CLADE_BF16] = { "bf16", 2, true, false },  [CLADE_F64] = { "f64", 8, true, false },
	[CLADE_I8] = { "i8", 1, false, true },      [CLADE_I16] = { "i16", 2, false, true },
	[CLADE_I64] = { "i64", 8, false, true },    [CLADE_U8] = { "u8", 1, false, true },
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

	/* No object is larger than PTRDIFF_MAX. */
	return info && clade_type_count(type, &count) && clade_size_mul((size_t)count, info->bytes, out_bytes) &&
	       *out_bytes <= PTRDIFF_MAX;
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
	if (layout.kind == CLADE_LAYOUT_PANEL)
		snprintf(out, size, "panel:%u", (unsigned)layout.width);
	else
		snprintf(out, size, "%s", layout.kind == CLADE_LAYOUT_ROWS ? "rows" : "unknown");
	return out;
}

/* The matrix [rows, columns] that `type` is with its leading axes folded, and its element's size. */
static bool matrix_of(const struct clade_type *type, int64_t *rows, int64_t *columns, size_t *element)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);
	int64_t count;

	if (!info || type->rank < 2 || !clade_type_count(type, &count))
		return false;
	*element = info->bytes;
	*columns = type->dims[type->rank - 1];
	*rows = 1;
	for (uint32_t i = 0; i + 1 < type->rank; i++)
		if (!clade_i64_mul(*rows, type->dims[i], rows))
			return false;
	return true;
}

bool clade_layout_bytes(const struct clade_type *type, struct clade_layout layout, size_t *out_bytes)
{
	int64_t rows, columns;
	size_t element, padded;

	if (layout.kind == CLADE_LAYOUT_ROWS)
		return clade_type_bytes(type, out_bytes);
	if (layout.kind != CLADE_LAYOUT_PANEL || layout.width == 0 || !matrix_of(type, &rows, &columns, &element))
		return false;
	if (!clade_size_add((size_t)rows, layout.width - 1u, &padded))
		return false;
	padded = padded / layout.width * layout.width;
	return clade_size_mul(padded, (size_t)columns, &padded) && clade_size_mul(padded, element, out_bytes);
}

#define TILE_WORDS 16 /* a cache line */
#define TILE_WIDTH 64 /* of panels that go through tiles */

/* Copies whole panels of 4-byte elements, both ways, by tiles: rows often lie a power of two apart, and lines that
 * share a cache set would be fetched once an element. */
static void panel_words(uint32_t *panel, uint32_t *rows, int64_t columns, int64_t width, bool pack)
{
	uint32_t tile[TILE_WORDS][TILE_WIDTH];

	for (int64_t k = 0; k < columns; k += TILE_WORDS)
		for (int64_t j0 = 0; j0 < width; j0 += TILE_WIDTH) {
			int64_t deep = columns - k < TILE_WORDS ? columns - k : TILE_WORDS;
			int64_t wide = width - j0 < TILE_WIDTH ? width - j0 : TILE_WIDTH;
			size_t bytes = (size_t)wide * sizeof(uint32_t);

			for (int64_t i = 0; i < deep && !pack; i++)
				memcpy(tile[i], panel + (k + i) * width + j0, bytes);
			for (int64_t j = 0; j < wide; j++) {
				uint32_t *row = rows + (j0 + j) * columns + k;

				for (int64_t i = 0; i < deep && pack; i++)
					tile[i][j] = row[i];
				for (int64_t i = 0; i < deep && !pack; i++)
					row[i] = tile[i][j];
			}
			for (int64_t i = 0; i < deep && pack; i++)
				memcpy(panel + (k + i) * width + j0, tile[i], bytes);
		}
}

static void panel_row(char *packed, char *row, int64_t columns, int64_t width, size_t element, bool pack)
{
	for (int64_t k = 0; k < columns; k++) {
		char *p = packed + (size_t)(k * width) * element, *r = row + (size_t)k * element;

		memcpy(pack ? p : r, pack ? r : p, element);
	}
}

/* The padding of the last panel, which whoever packs the last row writes. */
static void panel_pad(char *packed, int64_t rows, int64_t columns, int64_t width, size_t element)
{
	char *panel = packed + (size_t)(rows / width * columns * width) * element;
	int64_t used = rows % width;

	for (int64_t k = 0; used && k < columns; k++)
		memset(panel + (size_t)(k * width + used) * element, 0, (size_t)(width - used) * element);
}

static enum clade_status transfer(const struct clade_type *type, struct clade_layout layout, int64_t first,
				  int64_t count, char *rows, char *packed, bool pack)
{
	int64_t total = 1, columns = 1, width = layout.width, end;
	size_t element, bytes, row_bytes;

	if (!clade_layout_bytes(type, layout, &bytes))
		return CLADE_ERR_ARGUMENT;
	if (!matrix_of(type, &total, &columns, &element)) { /* rank 0 or 1 in rows: one row */
		element = clade_dtype_info(type->dtype)->bytes;
		columns = type->rank ? type->dims[0] : 1;
		total = 1;
	}
	if (first < 0 || count < 0 || first > total || count > total - first)
		return CLADE_ERR_ARGUMENT;
	row_bytes = (size_t)columns * element;
	if (bytes == 0 || count == 0)
		return CLADE_OK;
	if (layout.kind == CLADE_LAYOUT_ROWS) {
		char *at = packed + (size_t)first * row_bytes;

		memcpy(pack ? at : rows, pack ? rows : at, (size_t)count * row_bytes);
		return CLADE_OK;
	}
	end = first + count;
	for (int64_t n = first; n < end;) {
		char *panel = packed + (size_t)(n / width * columns * width) * element;
		char *row = rows + (size_t)(n - first) * row_bytes;

		if (n % width == 0 && n + width <= end && element == sizeof(uint32_t)) {
			panel_words((uint32_t *)(void *)panel, (uint32_t *)(void *)row, columns, width, pack);
			n += width;
		} else {
			panel_row(panel + (size_t)(n % width) * element, row, columns, width, element, pack);
			n++;
		}
	}
	if (pack && end == total)
		panel_pad(packed, total, columns, width, element);
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

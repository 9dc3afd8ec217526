/* SPDX-License-Identifier: MIT */
/* Weights in the type that their file stores, and states that are kept as f16, read and written on the host by
 * references: inline only, nothing to link. */
#ifndef CLADE_STORED_H
#define CLADE_STORED_H

#include <clade/host.h>
#include <string.h>

/* Of a port with CLADE_STORED, and of implementations that read all of them. */
#define CLADE_STORED_DTYPES                                                                                            \
	(CLADE_DTYPE_BIT(CLADE_F16) | CLADE_DTYPE_BIT(CLADE_BF16) | CLADE_DTYPE_BIT(CLADE_Q8_0) |                      \
	 CLADE_DTYPE_BIT(CLADE_Q4_0))
#define CLADE_STORED_GROUP 32 /* elements of a block */

/* What a kernel is told (kernels/include/weight.clh); NULL for f32. */
static inline const char *clade_stored_define(enum clade_dtype dtype)
{
	return dtype == CLADE_F16    ? "WEIGHT=f16"
	       : dtype == CLADE_BF16 ? "WEIGHT=bf16"
	       : dtype == CLADE_Q8_0 ? "WEIGHT=q8_0"
	       : dtype == CLADE_Q4_0 ? "WEIGHT=q4_0"
				     : NULL;
}

/* The same of a state (kernels/include/kept.clh). */
static inline const char *clade_stored_kept(enum clade_dtype dtype)
{
	return dtype == CLADE_F16 ? "KEPT_F16=1" : NULL;
}

static inline bool clade_stored_in_groups(enum clade_dtype dtype)
{
	return dtype == CLADE_Q8_0 || dtype == CLADE_Q4_0;
}

/* Bytes of an element, or of a block of a type in blocks. */
static inline size_t clade_stored_unit(enum clade_dtype dtype)
{
	return dtype == CLADE_Q8_0 ? 34 : dtype == CLADE_Q4_0 ? 18 : dtype == CLADE_F32 ? 4 : 2;
}

static inline float clade_stored_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* An f16 as f32, exactly. */
static inline float clade_stored_half(const void *at)
{
	uint16_t bits;

	memcpy(&bits, at, sizeof(bits));
	uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = bits >> 10 & 0x1fu, fraction = bits & 0x3ffu;
	if (exponent == 0x1fu)
		return clade_stored_bits(sign | 0x7f800000u | fraction << 13);
	if (exponent == 0)
		return (sign ? -1.0f : 1.0f) * ((float)fraction * 0x1p-24f);
	return clade_stored_bits(sign | (exponent + 112u) << 23 | fraction << 13);
}

/* An f32 as f16, to the nearest, of two equally near ones the even; from 65520 on an infinity. */
static inline uint16_t clade_stored_to_half(float value)
{
	uint32_t bits, sign, size;
	float shifted;

	memcpy(&bits, &value, sizeof(bits));
	sign = bits >> 16 & 0x8000u;
	size = bits & 0x7fffffffu;
	if (size > 0x7f800000u)
		return (uint16_t)(sign | 0x7e00u);
	if (size >= 0x477ff000u)
		return (uint16_t)(sign | 0x7c00u);
	if (size >= 0x38800000u)
		return (uint16_t)(sign | (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13);
	shifted = clade_stored_bits(size) + 0.5f; /* whose last place is that of f16's subnormals */
	memcpy(&bits, &shifted, sizeof(bits));
	return (uint16_t)(sign | (bits - 0x3f000000u));
}

/* An element of f32, f16 or bf16. */
static inline float clade_stored_single(enum clade_dtype dtype, const void *at)
{
	uint32_t word = 0;

	if (dtype == CLADE_F16)
		return clade_stored_half(at);
	if (dtype == CLADE_BF16) { /* the upper half of an f32 */
		uint16_t bits;

		memcpy(&bits, at, sizeof(bits));
		word = (uint32_t)bits << 16;
	} else {
		memcpy(&word, at, sizeof(word));
	}
	return clade_stored_bits(word);
}

/* Quant i of a block as the file has it. */
static inline float clade_stored_quant(enum clade_dtype dtype, const unsigned char *block, int64_t i)
{
	unsigned byte = block[2 + (dtype == CLADE_Q8_0 ? i : i % 16)];

	if (dtype == CLADE_Q8_0)
		return (float)(int8_t)byte;
	return (float)((int)(i < 16 ? byte & 15u : byte >> 4) - 8);
}

/* Element (row, i) of a weight [rows, columns] in whichever layout it has: one rounded product for types in blocks. */
static inline float clade_stored_at(const struct clade_tensor *w, int64_t row, int64_t i)
{
	enum clade_dtype dtype = w->type.dtype;
	bool groups = clade_stored_in_groups(dtype), panel = w->layout.kind != CLADE_LAYOUT_ROWS;
	int64_t columns = w->type.dims[w->type.rank - 1], width = panel ? w->layout.width : 1;
	int64_t unit = (int64_t)clade_stored_unit(dtype), place = row % width, group = CLADE_STORED_GROUP;
	const unsigned char *at = (const unsigned char *)w->data;
	int byte;

	if (!groups)
		return clade_stored_single(dtype, at + ((row / width * columns + i) * width + place) * unit);
	at += (row / width * (columns / group) + i / group) * width * unit;
	i %= group;
	if (!panel)
		return clade_stored_half(at) * clade_stored_quant(dtype, at, i);
	if (w->layout.kind == CLADE_LAYOUT_QUADS && dtype == CLADE_Q8_0)
		byte = at[2 * width + (i / 4 * width + place) * 4 + i % 4] - 128;
	else if (w->layout.kind == CLADE_LAYOUT_QUADS)
		byte = (at[2 * width + (i % 16 / 4 * width + place) * 4 + i % 4] >> i / 16 * 4 & 15) - 8;
	else if (dtype == CLADE_Q8_0)
		byte = (int8_t)at[2 * width + i * width + place];
	else
		byte = (at[2 * width + (i / 8 * width + place) * 4 + i % 8 / 2] >> i % 2 * 4 & 15) - 8;
	return clade_stored_half(at + 2 * place) * (float)byte;
}

#endif

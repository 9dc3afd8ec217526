/* SPDX-License-Identifier: MIT */
/* Elements as files store them. The block types give the bytes of the gguf Python package (0.19.0, gguf.quants). */
#include "encode.h"

#include <math.h>
#include <string.h>

static int64_t encode_same(const void *values, int64_t blocks, unsigned char *target)
{
	memcpy(target, values, (size_t)blocks * 4);
	return -1;
}

static inline int64_t round_to(uint16_t (*half)(float), const float *x, int64_t count, unsigned char *target)
{
	for (int64_t i = 0; i < count; i++) {
		uint16_t bits = half(x[i]);
		memcpy(target + 2 * i, &bits, 2);
	}
	return -1;
}

static int64_t encode_f16(const void *values, int64_t blocks, unsigned char *target)
{
	return round_to(clade_f32_to_f16, values, blocks, target);
}

static int64_t encode_bf16(const void *values, int64_t blocks, unsigned char *target)
{
	return round_to(clade_f32_to_bf16, values, blocks, target);
}

static int64_t encode_f64(const void *values, int64_t blocks, unsigned char *target)
{
	const float *x = values;
	for (int64_t i = 0; i < blocks; i++) {
		double value = (double)x[i];
		memcpy(target + 8 * i, &value, 8);
	}
	return -1;
}

/* The low `bytes` bytes of each i32, which must hold it from `least` to `most`. */
static int64_t narrow(const int32_t *x, int64_t count, int32_t least, int32_t most, size_t bytes, unsigned char *target)
{
	for (int64_t i = 0; i < count; i++) {
		int64_t wide = x[i];
		if (x[i] < least || x[i] > most)
			return i;
		memcpy(target + (size_t)i * bytes, &wide, bytes);
	}
	return -1;
}

static int64_t encode_i8(const void *values, int64_t blocks, unsigned char *target)
{
	return narrow(values, blocks, INT8_MIN, INT8_MAX, 1, target);
}

static int64_t encode_i16(const void *values, int64_t blocks, unsigned char *target)
{
	return narrow(values, blocks, INT16_MIN, INT16_MAX, 2, target);
}

static int64_t encode_i64(const void *values, int64_t blocks, unsigned char *target)
{
	return narrow(values, blocks, INT32_MIN, INT32_MAX, 8, target);
}

static int64_t encode_u8(const void *values, int64_t blocks, unsigned char *target)
{
	return narrow(values, blocks, 0, UINT8_MAX, 1, target);
}

static int64_t encode_bool(const void *values, int64_t blocks, unsigned char *target)
{
	return narrow(values, blocks, 0, 1, 1, target);
}

/* The first of 32 values that is no finite number: a block has no place for it. */
static int infinite(const float *x)
{
	for (int i = 0; i < 32; i++)
		if (!isfinite(x[i]))
			return i;
	return -1;
}

/* 1 / scale, 0 for an empty block. The reciprocal of a subnormal scale may be infinite; its products are then no
 * numbers, and count as 0. */
static float inverse(float scale)
{
	return scale == 0 ? 0.0f : 1.0f / scale;
}

/* scale = max |x| / 127; x / scale rounded half away from zero. */
static int64_t encode_q8_0(const void *values, int64_t blocks, unsigned char *target)
{
	const float *x = values;
	for (int64_t b = 0; b < blocks; b++, x += 32, target += 34) {
		float most = 0;
		int bad = infinite(x);
		if (bad >= 0)
			return b * 32 + bad;
		for (int i = 0; i < 32; i++)
			most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
		float scale = most / 127.0f, back = inverse(scale);
		uint16_t half = clade_f32_to_f16(scale);
		memcpy(target, &half, 2);
		for (int i = 0; i < 32; i++) {
			float n = x[i] * back, a = fabsf(n), whole = floorf(a);
			whole += floorf(2.0f * (a - whole));
			int value = isfinite(whole) ? (int)whole : 0;
			target[2 + i] = (unsigned char)(signed char)(n < 0 ? -value : value);
		}
	}
	return -1;
}

/* scale = the value of largest magnitude / -8, so that it becomes 0 of 0..15; x / scale + 8.5 cut off. */
static int64_t encode_q4_0(const void *values, int64_t blocks, unsigned char *target)
{
	const float *x = values;
	for (int64_t b = 0; b < blocks; b++, x += 32, target += 18) {
		float most = x[0];
		int bad = infinite(x);
		unsigned quants[32];
		if (bad >= 0)
			return b * 32 + bad;
		for (int i = 1; i < 32; i++)
			most = fabsf(x[i]) > fabsf(most) ? x[i] : most;
		float scale = most / -8.0f, back = inverse(scale);
		uint16_t half = clade_f32_to_f16(scale);
		memcpy(target, &half, 2);
		for (int i = 0; i < 32; i++) {
			float n = truncf(x[i] * back + 8.5f);
			quants[i] = !isfinite(n) ? 0 : n > 15 ? 15 : (unsigned)n;
		}
		for (int i = 0; i < 16; i++)
			target[2 + i] = (unsigned char)(quants[i] | quants[16 + i] << 4);
	}
	return -1;
}

static const struct clade_encoder encoders[] = {
	{ "f32", 1, 4, 0, "F32", true, encode_same },    { "f16", 1, 2, 1, "F16", true, encode_f16 },
	{ "bf16", 1, 2, 30, "BF16", true, encode_bf16 }, { "f64", 1, 8, 28, "F64", true, encode_f64 },
	{ "i8", 1, 1, 24, "I8", false, encode_i8 },      { "i16", 1, 2, 25, "I16", false, encode_i16 },
	{ "i32", 1, 4, 26, "I32", false, encode_same },  { "i64", 1, 8, 27, "I64", false, encode_i64 },
	{ "u8", 1, 1, -1, "U8", false, encode_u8 },      { "bool", 1, 1, -1, "BOOL", false, encode_bool },
	{ "q8_0", 32, 34, 8, NULL, true, encode_q8_0 },  { "q4_0", 32, 18, 2, NULL, true, encode_q4_0 },
};

const struct clade_encoder *clade_encoder_find(const char *name)
{
	for (size_t i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++)
		if (strcmp(encoders[i].name, name) == 0)
			return &encoders[i];
	return NULL;
}

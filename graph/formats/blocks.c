/* SPDX-License-Identifier: MIT */
/* ggml's block types as f32. Layouts and values are those of ggml (the gguf Python package gives the same bits): every
 * product and every sum is rounded once, in the order written here. */
#include "store.h"

#include <string.h>

enum { SUPER = 256 }; /* elements of a K type's block */

static float half_at(const unsigned char *at)
{
	uint16_t bits;
	memcpy(&bits, at, 2);
	return clade_f16_to_f32(bits);
}

/* A scale and 32 bytes. */
static int64_t decode_q8_0(const unsigned char *source, int64_t blocks, void *target)
{
	float *out = target;
	for (; blocks > 0; blocks--, source += 34, out += 32) {
		float scale = half_at(source);
		for (int i = 0; i < 32; i++)
			out[i] = (float)(int8_t)source[2 + i] * scale;
	}
	return -1;
}

/* 16 bytes hold 32 nibbles: element i is the low half of byte i, element 16 + i the high half. */
static int64_t decode_q4_0(const unsigned char *source, int64_t blocks, void *target)
{
	float *out = target;
	for (; blocks > 0; blocks--, source += 18, out += 32) {
		float scale = half_at(source);
		for (int i = 0; i < 16; i++) {
			out[i] = scale * (float)((source[2 + i] & 15) - 8);
			out[16 + i] = scale * (float)((source[2 + i] >> 4) - 8);
		}
	}
	return -1;
}

static int64_t decode_q4_1(const unsigned char *source, int64_t blocks, void *target)
{
	float *out = target;
	for (; blocks > 0; blocks--, source += 20, out += 32) {
		float scale = half_at(source), least = half_at(source + 2);
		for (int i = 0; i < 16; i++) {
			out[i] = scale * (float)(source[4 + i] & 15) + least;
			out[16 + i] = scale * (float)(source[4 + i] >> 4) + least;
		}
	}
	return -1;
}

/* Nibbles as above; bit i of a 32-bit word is the fifth bit of element i. */
static void fifths(const unsigned char *word, const unsigned char *nibbles, int out[32])
{
	uint32_t bits;
	memcpy(&bits, word, 4);
	for (int i = 0; i < 16; i++) {
		out[i] = (int)((nibbles[i] & 15) | (bits >> i & 1) << 4);
		out[16 + i] = (int)((uint32_t)nibbles[i] >> 4 | (bits >> (16 + i) & 1) << 4);
	}
}

static int64_t decode_q5_0(const unsigned char *source, int64_t blocks, void *target)
{
	float *out = target;
	int values[32];
	for (; blocks > 0; blocks--, source += 22, out += 32) {
		float scale = half_at(source);
		fifths(source + 2, source + 6, values);
		for (int i = 0; i < 32; i++)
			out[i] = scale * (float)(values[i] - 16);
	}
	return -1;
}

static int64_t decode_q5_1(const unsigned char *source, int64_t blocks, void *target)
{
	float *out = target;
	int values[32];
	for (; blocks > 0; blocks--, source += 24, out += 32) {
		float scale = half_at(source), least = half_at(source + 2);
		fifths(source + 4, source + 8, values);
		for (int i = 0; i < 32; i++)
			out[i] = scale * (float)values[i] + least;
	}
	return -1;
}

/* The eight 6-bit scales and eight 6-bit minima of Q4_K and Q5_K in 12 bytes, times the block's own two. */
static void k_scales(const unsigned char *block, float scales[8], float minima[8])
{
	float scale = half_at(block), least = half_at(block + 2);
	const unsigned char *six = block + 4;
	for (int i = 0; i < 4; i++) {
		scales[i] = scale * (float)(six[i] & 63);
		minima[i] = least * (float)(six[4 + i] & 63);
		scales[4 + i] = scale * (float)((six[8 + i] & 15) | (six[i] >> 2 & 48));
		minima[4 + i] = least * (float)(six[8 + i] >> 4 | (six[4 + i] >> 2 & 48));
	}
}

/* Runs of 32 elements; the low halves of 32 bytes are run 2j, the high halves run 2j + 1. */
static int64_t decode_q4_k(const unsigned char *source, int64_t blocks, void *target)
{
	float *out = target, scales[8], minima[8];
	for (; blocks > 0; blocks--, source += 144, out += SUPER) {
		k_scales(source, scales, minima);
		for (int run = 0; run < 8; run++) {
			const unsigned char *nibbles = source + 16 + run / 2 * 32;
			for (int i = 0; i < 32; i++) {
				int value = nibbles[i] >> run % 2 * 4 & 15;
				out[run * 32 + i] = scales[run] * (float)value - minima[run];
			}
		}
	}
	return -1;
}

/* As Q4_K; bit `run` of byte i of 32 is the fifth bit. */
static int64_t decode_q5_k(const unsigned char *source, int64_t blocks, void *target)
{
	float *out = target, scales[8], minima[8];
	for (; blocks > 0; blocks--, source += 176, out += SUPER) {
		k_scales(source, scales, minima);
		for (int run = 0; run < 8; run++) {
			const unsigned char *nibbles = source + 48 + run / 2 * 32;
			for (int i = 0; i < 32; i++) {
				int value = (nibbles[i] >> run % 2 * 4 & 15) | (source[16 + i] >> run & 1) << 4;
				out[run * 32 + i] = scales[run] * (float)value - minima[run];
			}
		}
	}
	return -1;
}

/* Two halves of 128 elements, each four runs of 32: nibbles in 64 bytes (runs 0 and 1 low, 2 and 3 high), two more bits
 * of run j at bit 2j of 32 bytes; a signed scale for every 16 elements. */
static int64_t decode_q6_k(const unsigned char *source, int64_t blocks, void *target)
{
	float *out = target;
	for (; blocks > 0; blocks--, source += 210, out += SUPER) {
		const unsigned char *low = source, *high = source + 128, *scales = source + 192;
		float scale = half_at(source + 208);
		for (int run = 0; run < 8; run++) { /* half * 4 + run within it */
			const unsigned char *nibbles = low + run / 4 * 64 + run % 2 * 32, *bits = high + run / 4 * 32;
			int shift = run % 4 / 2 * 4, shift2 = run % 4 * 2;
			for (int i = 0; i < 32; i++) {
				float by = scale * (float)(int8_t)scales[run * 2 + i / 16];
				int value = (nibbles[i] >> shift & 15) | (bits[i] >> shift2 & 3) << 4;
				out[run * 32 + i] = by * (float)(value - 32);
			}
		}
	}
	return -1;
}

static const struct clade_encoding q4_0 = { "q4_0", 32, 18, CLADE_F32, decode_q4_0 };
static const struct clade_encoding q4_1 = { "q4_1", 32, 20, CLADE_F32, decode_q4_1 };
static const struct clade_encoding q5_0 = { "q5_0", 32, 22, CLADE_F32, decode_q5_0 };
static const struct clade_encoding q5_1 = { "q5_1", 32, 24, CLADE_F32, decode_q5_1 };
static const struct clade_encoding q8_0 = { "q8_0", 32, 34, CLADE_F32, decode_q8_0 };
static const struct clade_encoding q4_k = { "q4_k", SUPER, 144, CLADE_F32, decode_q4_k };
static const struct clade_encoding q5_k = { "q5_k", SUPER, 176, CLADE_F32, decode_q5_k };
static const struct clade_encoding q6_k = { "q6_k", SUPER, 210, CLADE_F32, decode_q6_k };

enum { BLOCK = -1, UNREAD = -2 };

/* ggml's numbers; what is missing was retired. */
static const struct {
	const char *name;
	int dtype; /* of single elements, or one of the above */
	const struct clade_encoding *block;
} types[] = {
	[0] = { "F32", CLADE_F32, NULL },  [1] = { "F16", CLADE_F16, NULL },    [2] = { "Q4_0", BLOCK, &q4_0 },
	[3] = { "Q4_1", BLOCK, &q4_1 },    [6] = { "Q5_0", BLOCK, &q5_0 },      [7] = { "Q5_1", BLOCK, &q5_1 },
	[8] = { "Q8_0", BLOCK, &q8_0 },    [9] = { "Q8_1", UNREAD, NULL },      [10] = { "Q2_K", UNREAD, NULL },
	[11] = { "Q3_K", UNREAD, NULL },   [12] = { "Q4_K", BLOCK, &q4_k },     [13] = { "Q5_K", BLOCK, &q5_k },
	[14] = { "Q6_K", BLOCK, &q6_k },   [15] = { "Q8_K", UNREAD, NULL },     [16] = { "IQ2_XXS", UNREAD, NULL },
	[17] = { "IQ2_XS", UNREAD, NULL }, [18] = { "IQ3_XXS", UNREAD, NULL },  [19] = { "IQ1_S", UNREAD, NULL },
	[20] = { "IQ4_NL", UNREAD, NULL }, [21] = { "IQ3_S", UNREAD, NULL },    [22] = { "IQ2_S", UNREAD, NULL },
	[23] = { "IQ4_XS", UNREAD, NULL }, [24] = { "I8", CLADE_I8, NULL },     [25] = { "I16", CLADE_I16, NULL },
	[26] = { "I32", CLADE_I32, NULL }, [27] = { "I64", CLADE_I64, NULL },   [28] = { "F64", CLADE_F64, NULL },
	[29] = { "IQ1_M", UNREAD, NULL },  [30] = { "BF16", CLADE_BF16, NULL }, [34] = { "TQ1_0", UNREAD, NULL },
	[35] = { "TQ2_0", UNREAD, NULL },  [39] = { "MXFP4", UNREAD, NULL },    [40] = { "NVFP4", UNREAD, NULL },
};

const struct clade_encoding *clade_encoding_of_ggml(uint32_t number, const char **out_name)
{
	bool known = number < sizeof(types) / sizeof(types[0]) && types[number].name != NULL;
	if (out_name != NULL)
		*out_name = known ? types[number].name : NULL;
	if (!known || types[number].dtype == UNREAD)
		return NULL;
	return types[number].dtype == BLOCK ? types[number].block
					    : clade_encoding_of((enum clade_dtype)types[number].dtype);
}

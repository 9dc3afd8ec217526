/* SPDX-License-Identifier: MIT */
/* Packing of rows into panels and back, by tiles: rows often lie a power of two apart, and lines that share a cache set
 * would be fetched once an element. */
#include "panel.h"

#include <string.h>

#define TILE_COLUMNS 16 /* of f32 a cache line */
#define TILE_WIDTH 64   /* of panels that go through tiles */

/* Elements of type T through tiles; compilers turn the inner loops into vectors. */
#define PANEL_FUNCTION(name, T)                                                                                        \
	static void name(T *panel, T *rows, int64_t columns, int64_t width, int64_t count, bool pack)                  \
	{                                                                                                              \
		T tile[TILE_COLUMNS][TILE_WIDTH];                                                                      \
                                                                                                                       \
		for (int64_t k = 0; k < columns; k += TILE_COLUMNS)                                                    \
			for (int64_t j0 = 0; j0 < count; j0 += TILE_WIDTH) {                                           \
				int64_t deep = columns - k < TILE_COLUMNS ? columns - k : TILE_COLUMNS;                \
				int64_t wide = count - j0 < TILE_WIDTH ? count - j0 : TILE_WIDTH;                      \
				size_t bytes = (size_t)wide * sizeof(T);                                               \
                                                                                                                       \
				for (int64_t i = 0; i < deep && !pack; i++)                                            \
					memcpy(tile[i], panel + (k + i) * width + j0, bytes);                          \
				for (int64_t j = 0; j < wide; j++) {                                                   \
					T *row = rows + (j0 + j) * columns + k;                                        \
                                                                                                                       \
					for (int64_t i = 0; i < deep && pack; i++)                                     \
						tile[i][j] = row[i];                                                   \
					for (int64_t i = 0; i < deep && !pack; i++)                                    \
						row[i] = tile[i][j];                                                   \
				}                                                                                      \
				for (int64_t i = 0; i < deep && pack; i++)                                             \
					memcpy(panel + (k + i) * width + j0, tile[i], bytes);                          \
			}                                                                                              \
	}
PANEL_FUNCTION(words, uint32_t)
PANEL_FUNCTION(halves, uint16_t)

void clade_panel_elements(size_t bytes, char *panel, char *rows, int64_t columns, int64_t width, int64_t first,
			  int64_t count, bool pack)
{
	panel += (size_t)first * bytes;
	if (bytes == sizeof(uint32_t)) {
		words((uint32_t *)(void *)panel, (uint32_t *)(void *)rows, columns, width, count, pack);
		return;
	}
	if (bytes == sizeof(uint16_t)) {
		halves((uint16_t *)(void *)panel, (uint16_t *)(void *)rows, columns, width, count, pack);
		return;
	}
	for (int64_t j = 0; j < count; j++)
		for (int64_t k = 0; k < columns; k++) {
			char *p = panel + (size_t)(k * width + j) * bytes,
			     *r = rows + (size_t)(j * columns + k) * bytes;

			memcpy(pack ? p : r, pack ? r : p, bytes);
		}
}

/* ---- blocks of 32: a scale, then quants; `at` is the first quant of the row's place in the panel ---- */

enum { SCALE = 2, Q8_0_QUANTS = 32, Q4_0_QUANTS = 16 }; /* bytes */

static void q8_0_pack(char *at, int64_t width, const char *quants)
{
	for (int64_t i = 0; i < Q8_0_QUANTS; i++)
		at[i * width] = quants[i];
}

static void q8_0_unpack(const char *at, int64_t width, char *quants)
{
	for (int64_t i = 0; i < Q8_0_QUANTS; i++)
		quants[i] = at[i * width];
}

/* Elements 2 i and 2 i + 1 of 32 into one byte; exclusive or with 8 makes a nibble that is 8 too large two's
 * complement. */
static void q4_0_pack(char *at, int64_t width, const char *quants)
{
	const unsigned char *from = (const unsigned char *)quants;

	for (int64_t i = 0; i < Q4_0_QUANTS / 2; i++) {
		unsigned even = from[2 * i], odd = from[2 * i + 1];

		at[i * width] = (char)(((even & 15) | (odd & 15) << 4) ^ 0x88);
		at[(i + Q4_0_QUANTS / 2) * width] = (char)((even >> 4 | (odd & 0xf0)) ^ 0x88);
	}
}

static void q4_0_unpack(const char *at, int64_t width, char *quants)
{
	for (int64_t i = 0; i < Q4_0_QUANTS / 2; i++) {
		unsigned low = (unsigned char)at[i * width] ^ 0x88u;
		unsigned high = (unsigned char)at[(i + Q4_0_QUANTS / 2) * width] ^ 0x88u;

		quants[2 * i] = (char)((low & 15) | (high & 15) << 4);
		quants[2 * i + 1] = (char)(low >> 4 | (high & 0xf0));
	}
}

static const struct codec {
	int64_t bytes; /* of a block's quants */
	void (*pack)(char *at, int64_t width, const char *quants);
	void (*unpack)(const char *at, int64_t width, char *quants);
} codecs[CLADE_DTYPE_COUNT] = {
	[CLADE_Q8_0] = { Q8_0_QUANTS, q8_0_pack, q8_0_unpack },
	[CLADE_Q4_0] = { Q4_0_QUANTS, q4_0_pack, q4_0_unpack },
};

void clade_panel_blocks(enum clade_dtype dtype, char *panel, char *rows, int64_t columns, int64_t width, int64_t first,
			int64_t count, bool pack)
{
	const struct codec *codec = &codecs[dtype];
	size_t block = (size_t)(SCALE + codec->bytes), group = block * (size_t)width;

	for (int64_t k = 0; k < columns; k++, panel += group)
		for (int64_t j = first; j < first + count; j++) {
			char *from = rows + (size_t)((j - first) * columns + k) * block;
			char *scale = panel + SCALE * j, *quants = panel + SCALE * width + j;

			memcpy(pack ? scale : from, pack ? from : scale, SCALE);
			if (pack)
				codec->pack(quants, width, from + SCALE);
			else
				codec->unpack(quants, width, from + SCALE);
		}
}

void clade_panel_pad(enum clade_dtype dtype, size_t bytes, char *panel, int64_t columns, int64_t width, int64_t used)
{
	size_t group = bytes * (size_t)width, left = (size_t)(width - used);

	for (int64_t k = 0; k < columns; k++, panel += group) {
		if (dtype == CLADE_DTYPE_COUNT) {
			memset(panel + bytes * (size_t)used, 0, bytes * left);
			continue;
		}
		memset(panel + SCALE * used, 0, SCALE * left);
		for (int64_t i = 0; i < codecs[dtype].bytes; i++)
			memset(panel + SCALE * width + i * width + used, 0, left);
	}
}

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

/* ---- blocks of 32: a scale, then quants; `quants` are those of all rows of a panel's group, `j` one of these rows
 * ---- */

enum { SCALE = 2, Q8_0_QUANTS = 32, Q4_0_QUANTS = 16 }; /* bytes */

static void q8_0_pack(char *quants, int64_t width, int64_t j, const char *row)
{
	for (int64_t i = 0; i < Q8_0_QUANTS; i++)
		quants[i * width + j] = row[i];
}

static void q8_0_unpack(const char *quants, int64_t width, int64_t j, char *row)
{
	for (int64_t i = 0; i < Q8_0_QUANTS; i++)
		row[i] = quants[i * width + j];
}

/* A row's block has element i in the low half of byte i and element 16 + i in the high half; words 0 and 1 take the
 * low halves, 2 and 3 the high ones. */
static void q4_0_pack(char *quants, int64_t width, int64_t j, const char *row)
{
	for (int64_t word = 0; word < 4; word++) {
		const unsigned char *from = (const unsigned char *)row + word % 2 * 8;
		uint32_t bits = 0;

		for (int i = 0; i < 8; i++)
			bits |= (uint32_t)(from[i] >> word / 2 * 4 & 15) << 4 * i;
		memcpy(quants + (word * width + j) * 4, &bits, 4);
	}
}

static void q4_0_unpack(const char *quants, int64_t width, int64_t j, char *row)
{
	memset(row, 0, Q4_0_QUANTS);
	for (int64_t word = 0; word < 4; word++) {
		char *to = row + word % 2 * 8;
		uint32_t bits;

		memcpy(&bits, quants + (word * width + j) * 4, 4);
		for (int i = 0; i < 8; i++)
			to[i] = (char)((unsigned char)to[i] | (bits >> 4 * i & 15) << word / 2 * 4);
	}
}

/* A block's bytes as words, for dot products of unsigned with signed bytes: `flip` turns what is signed unsigned. */
static void move_words(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t count, uint32_t flip)
{
	for (int64_t i = 0; i < count; i++) {
		uint32_t word;

		memcpy(&word, from + i * from_step, 4);
		word ^= flip;
		memcpy(to + i * to_step, &word, 4);
	}
}

#define SIGNS UINT32_C(0x80808080)

static void q8_0_to_quads(char *quants, int64_t width, int64_t j, const char *row)
{
	move_words(quants + j * 4, width * 4, row, 4, Q8_0_QUANTS / 4, SIGNS);
}

static void q8_0_from_quads(const char *quants, int64_t width, int64_t j, char *row)
{
	move_words(row, 4, quants + j * 4, width * 4, Q8_0_QUANTS / 4, SIGNS);
}

static void q4_0_to_quads(char *quants, int64_t width, int64_t j, const char *row)
{
	move_words(quants + j * 4, width * 4, row, 4, Q4_0_QUANTS / 4, 0);
}

static void q4_0_from_quads(const char *quants, int64_t width, int64_t j, char *row)
{
	move_words(row, 4, quants + j * 4, width * 4, Q4_0_QUANTS / 4, 0);
}

static const struct codec {
	int64_t bytes, step; /* of a block's quants; between those of one row */
	int zero;            /* a byte of quants that are 0 */
	void (*pack)(char *quants, int64_t width, int64_t j, const char *row);
	void (*unpack)(const char *quants, int64_t width, int64_t j, char *row);
} codecs[CLADE_LAYOUT_COUNT][CLADE_DTYPE_COUNT] = {
	[CLADE_LAYOUT_PANEL][CLADE_Q8_0] = { Q8_0_QUANTS, 1, 0, q8_0_pack, q8_0_unpack },
	[CLADE_LAYOUT_PANEL][CLADE_Q4_0] = { Q4_0_QUANTS, 4, 0x88, q4_0_pack, q4_0_unpack },
	[CLADE_LAYOUT_QUADS][CLADE_Q8_0] = { Q8_0_QUANTS, 4, 0x80, q8_0_to_quads, q8_0_from_quads },
	[CLADE_LAYOUT_QUADS][CLADE_Q4_0] = { Q4_0_QUANTS, 4, 0x88, q4_0_to_quads, q4_0_from_quads },
};

void clade_panel_blocks(enum clade_dtype dtype, unsigned kind, char *panel, char *rows, int64_t columns, int64_t width,
			int64_t first, int64_t count, bool pack)
{
	const struct codec *codec = &codecs[kind][dtype];
	size_t block = (size_t)(SCALE + codec->bytes), group = block * (size_t)width;

	for (int64_t k = 0; k < columns; k++, panel += group)
		for (int64_t j = first; j < first + count; j++) {
			char *from = rows + (size_t)((j - first) * columns + k) * block;
			char *scale = panel + SCALE * j, *quants = panel + SCALE * width;

			memcpy(pack ? scale : from, pack ? from : scale, SCALE);
			if (pack)
				codec->pack(quants, width, j, from + SCALE);
			else
				codec->unpack(quants, width, j, from + SCALE);
		}
}

void clade_panel_pad(enum clade_dtype dtype, unsigned kind, size_t bytes, char *panel, int64_t columns, int64_t width,
		     int64_t used)
{
	size_t group = bytes * (size_t)width, left = (size_t)(width - used);
	const struct codec *codec = dtype == CLADE_DTYPE_COUNT ? NULL : &codecs[kind][dtype];

	for (int64_t k = 0; k < columns; k++, panel += group) {
		if (!codec) {
			memset(panel + bytes * (size_t)used, 0, bytes * left);
			continue;
		}
		memset(panel + SCALE * used, 0, SCALE * left);
		for (int64_t i = 0; i < codec->bytes / codec->step; i++)
			memset(panel + SCALE * width + (i * width + used) * codec->step, codec->zero,
			       left * (size_t)codec->step);
	}
}

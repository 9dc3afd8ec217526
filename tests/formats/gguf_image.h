/* SPDX-License-Identifier: MIT */
/* GGUF images made by code. */
#ifndef TEST_FORMATS_GGUF_IMAGE_H
#define TEST_FORMATS_GGUF_IMAGE_H

#include "files.h"

static inline void gguf_u32(struct image *image, uint32_t value)
{
	image_add(image, &value, 4);
}

static inline void gguf_u64(struct image *image, uint64_t value)
{
	image_add(image, &value, 8);
}

static inline void gguf_text(struct image *image, const char *text)
{
	gguf_u64(image, strlen(text));
	image_add(image, text, strlen(text));
}

static inline struct image gguf_head(uint32_t version, uint64_t tensors, uint64_t keys)
{
	struct image image = { 0 };
	image_add(&image, "GGUF", 4);
	gguf_u32(&image, version);
	gguf_u64(&image, tensors);
	gguf_u64(&image, keys);
	return image;
}

/* `dims` as the file has them, innermost first, 0 ends. */
static inline void gguf_tensor(struct image *image, const char *name, uint64_t d0, uint64_t d1, uint32_t type,
			       uint64_t offset)
{
	gguf_text(image, name);
	gguf_u32(image, d1 != 0 ? 2 : 1);
	gguf_u64(image, d0);
	if (d1 != 0)
		gguf_u64(image, d1);
	gguf_u32(image, type);
	gguf_u64(image, offset);
}

/* Zeros up to the alignment, then `bytes` bytes 0, 1, 2, ... */
static inline void gguf_data(struct image *image, size_t alignment, size_t bytes)
{
	while (image->count % alignment != 0)
		image_add(image, "", 1);
	for (size_t i = 0; i < bytes; i++)
		image_add(image, &(unsigned char) { (unsigned char)i }, 1);
}

/* A value of every type, an array of every type with the same value between zeros, an f32 tensor t[2, 3] (row-major)
 * and a Q8_0 tensor q[1, 32]. */
static inline struct image gguf_rich(void)
{
	static const struct {
		const char *name;
		uint32_t type, width;
		unsigned char bytes[8];
	} values[] = {
		{ "u8", 0, 1, { 200 } },
		{ "i8", 1, 1, { 200 } },
		{ "u16", 2, 2, { 0x60, 0xea } },
		{ "i16", 3, 2, { 0x60, 0xea } },
		{ "u32", 4, 4, { 0x00, 0x28, 0x6b, 0xee } },
		{ "i32", 5, 4, { 0x00, 0x28, 0x6b, 0xee } },
		{ "f32", 6, 4, { 0, 0, 0xc0, 0xbf } },
		{ "bool", 7, 1, { 1 } },
		{ "u64", 10, 8, { 0, 0, 0, 0, 0, 1 } },
		{ "i64", 11, 8, { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
		{ "f64", 12, 8, { 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f } },
	};
	static const unsigned char zeros[8];
	enum { COUNT = sizeof(values) / sizeof(values[0]) };
	struct image image = gguf_head(3, 2, 2 * COUNT + 3);
	char key[32];
	for (int i = 0; i < COUNT; i++) {
		snprintf(key, sizeof(key), "x.%s", values[i].name);
		gguf_text(&image, key);
		gguf_u32(&image, values[i].type);
		image_add(&image, values[i].bytes, values[i].width);
		key[0] = 'a';
		gguf_text(&image, key);
		gguf_u32(&image, 9);
		gguf_u32(&image, values[i].type);
		gguf_u64(&image, 3);
		image_add(&image, zeros, values[i].width);
		image_add(&image, values[i].bytes, values[i].width);
		image_add(&image, zeros, values[i].width);
	}
	gguf_text(&image, "x.string");
	gguf_u32(&image, 8);
	gguf_text(&image, "hällo");
	gguf_text(&image, "a.string");
	gguf_u32(&image, 9);
	gguf_u32(&image, 8);
	gguf_u64(&image, 3);
	gguf_text(&image, "a");
	gguf_text(&image, "hällo");
	gguf_text(&image, "");
	gguf_text(&image, "a.empty");
	gguf_u32(&image, 9);
	gguf_u32(&image, 0);
	gguf_u64(&image, 0);
	gguf_tensor(&image, "t", 3, 2, 0, 0);
	gguf_tensor(&image, "q", 32, 1, 8, 32);
	gguf_data(&image, 32, 32 + 34);
	return image;
}
#endif

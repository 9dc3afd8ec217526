/* SPDX-License-Identifier: MIT */
/* Files made by code for the tests of graph/formats: a scratch folder, safetensors and .npy images. */
#ifndef TEST_FORMATS_FILES_H
#define TEST_FORMATS_FILES_H

#include <clade/graph.h>
#include <clade/messages.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

struct image {
	unsigned char *bytes;
	size_t count, room;
};

static inline void image_add(struct image *image, const void *bytes, size_t count)
{
	if (image->count + count + 1 > image->room) {
		image->room = 2 * (image->count + count + 1);
		image->bytes = realloc(image->bytes, image->room);
	}
	if (count > 0)
		memcpy(image->bytes + image->count, bytes, count);
	image->count += count;
}

/* A length, the header's text, `data` bytes 0, 1, 2, ... */
static inline struct image image_safetensors(const char *header, size_t data)
{
	struct image image = { 0 };
	uint64_t length = strlen(header);
	image_add(&image, &length, 8);
	image_add(&image, header, length);
	for (size_t i = 0; i < data; i++)
		image_add(&image, &(unsigned char) { (unsigned char)i }, 1);
	return image;
}

/* Version 1 or more, the dictionary padded with spaces to a multiple of 64, `data` bytes of zeros. */
static inline struct image image_npy(int version, const char *dict, size_t data)
{
	struct image image = { 0 };
	size_t start = version == 1 ? 10 : 12;
	size_t length = (start + strlen(dict) + 1 + 63) / 64 * 64 - start;
	image_add(&image, "\x93NUMPY", 6);
	image_add(&image, (unsigned char[]) { (unsigned char)version, 0 }, 2);
	image_add(&image, &length, version == 1 ? 2 : 4);
	image_add(&image, dict, strlen(dict));
	for (size_t i = strlen(dict); i + 1 < length; i++)
		image_add(&image, " ", 1);
	image_add(&image, "\n", 1);
	for (size_t i = 0; i < data; i++)
		image_add(&image, "", 1);
	return image;
}

static inline void image_free(struct image *image)
{
	free(image->bytes);
	*image = (struct image) { 0 };
}

/* A fresh folder for this process, made once; nothing outside it is written. */
static inline const char *scratch(void)
{
	static char folder[64];
	if (folder[0] == '\0') {
		snprintf(folder, sizeof(folder), "formats-test.XXXXXX");
		if (mkdtemp(folder) == NULL)
			exit(99);
	}
	return folder;
}

/* Entries of it. */
static inline int count_scratch(void)
{
	int count = 0;
	DIR *dir = opendir(scratch());
	while (dir != NULL && readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static inline const char *scratch_path(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/%s", scratch(), name);
	return out;
}
#define SCRATCH(name) scratch_path((char[256]) { 0 }, 256, name)

static inline void put(const char *path, const void *bytes, size_t count)
{
	FILE *file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) {
		perror(path);
		exit(99);
	}
}

static inline void put_text(const char *path, const char *text)
{
	put(path, text, strlen(text));
}

/* Opens one file in a fresh store and closes it again. */
static inline enum clade_status try_store(const char *path, struct clade_diag *diag, size_t *out_count)
{
	struct clade_store *store;
	clade_diag_init(diag);
	enum clade_status status = clade_store_create(NULL, &store, diag);
	if (status == CLADE_OK)
		status = clade_store_add(store, path, diag);
	if (out_count != NULL)
		*out_count = store != NULL ? clade_store_count(store) : 0;
	clade_store_destroy(&store);
	return status;
}

static inline int remove_scratch(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf ./%s", scratch());
	return system(command);
}
#endif

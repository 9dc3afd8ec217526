/* SPDX-License-Identifier: MIT */
/* Fuzz targets for the file readers. With CLADE_LIBFUZZER and clang -fsanitize=fuzzer it is a libFuzzer program (the
 * first byte of the input picks the format); alone it mutates its own seeds: fuzz_formats [EXECUTIONS [SEED]]. */
#include "../harness/fuzz_next.h"
#include "gguf_image.h"
#include "store.h"

#include <sys/mman.h>

typedef enum clade_status load_fn(struct clade_store *store, const char *path, struct clade_diag *diag);

static enum clade_status load_safetensors(struct clade_store *store, const char *path, struct clade_diag *diag)
{
	struct clade_file file;
	enum clade_status status = clade_file_open(NULL, path, &file, diag);
	return status == CLADE_OK ? clade_safetensors_load(store, &file, diag) : status;
}

static enum clade_status load_npy(struct clade_store *store, const char *path, struct clade_diag *diag)
{
	struct clade_type type;
	void *data;
	struct clade_file file;
	enum clade_status status = clade_npy_read(NULL, path, &type, &data, diag);
	clade_free(NULL, data);
	clade_diag_reset(diag);
	(void)status;
	status = clade_file_open(NULL, path, &file, diag);
	return status == CLADE_OK ? clade_npy_load(store, &file, diag) : status;
}

static enum clade_status load_index(struct clade_store *store, const char *path, struct clade_diag *diag)
{
	return clade_index_load(store, "/nonexistent", path, diag);
}

/* Known by its first bytes; through the front door, so that metadata can be looked up. */
static enum clade_status load_gguf(struct clade_store *store, const char *path, struct clade_diag *diag)
{
	return clade_store_add(store, path, diag);
}

static load_fn *const loaders[] = { load_safetensors, load_npy, clade_config_load, load_index, load_gguf };
enum { LOADERS = sizeof(loaders) / sizeof(loaders[0]) };

static size_t accepted;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clade_store *store;
	struct clade_diag diag;
	char path[64];
	if (size == 0)
		return 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	clade_diag_init(&diag);
	if (clade_store_create(NULL, &store, &diag) != CLADE_OK)
		abort();
	enum clade_status status = loaders[data[0] % LOADERS](store, path, &diag);
	/* an error says where and why, in one line; what was accepted can be read whole */
	if ((status == CLADE_OK) == (diag.id != 0) || strchr(diag.text, '\n') != NULL)
		abort();
	for (size_t i = 0; status == CLADE_OK && i < clade_store_count(store); i++) {
		const struct clade_store_tensor *tensor = clade_store_at(store, i);
		int64_t count;
		if (!clade_type_count(&tensor->type, &count) || (uint64_t)count > 2 * size)
			abort(); /* the smallest element has 4 bits and more */
		void *values = malloc((size_t)count * 4 + 1);
		clade_diag_reset(&diag);
		clade_store_read(store, tensor, 0, count, values, &diag);
		free(values);
	}
	for (size_t i = 0; status == CLADE_OK && loaders[data[0] % LOADERS] == load_gguf; i++) {
		const char *key;
		struct clade_meta meta;
		if (!clade_store_meta_at(store, i, &key, &meta))
			break;
		for (size_t n = 0; clade_store_array_item(store, key, n, &meta) && n < size; n++)
			if (meta.kind == CLADE_META_STRING && strlen(meta.s) > size)
				abort();
	}
	accepted += status == CLADE_OK;
	clade_store_destroy(&store);
	clade_diag_finish(&diag);
	close(fd);
	return 0;
}

#ifndef CLADE_LIBFUZZER
enum { SEEDS = 8 };
static uint64_t state = 1;
static uint32_t next(uint32_t limit)
{
	return fuzz_next(&state, limit);
}

static const char *const words[] = { "\"",
				     "{",
				     "}",
				     "[",
				     "]",
				     ",",
				     ":",
				     "0",
				     "-1",
				     "1e30",
				     "\\u0000",
				     "\"F32\"",
				     "9223372036854775807",
				     "18446744073709551616",
				     "null",
				     "\xff",
				     "(",
				     ")",
				     "True",
				     "\"a\"",
				     "data_offsets",
				     "__metadata__",
				     " ",
				     "'" };

/* One to four edits: flip a bit, set a byte, cut, repeat a part, insert a word. */
static size_t mutate(uint8_t *bytes, size_t count, size_t room)
{
	for (uint32_t edits = 1 + next(4); edits > 0 && count > 1; edits--) {
		size_t at = 1 + next((uint32_t)count - 1), part = 1 + next(16);
		const char *word = words[next(sizeof(words) / sizeof(words[0]))];
		size_t length = strlen(word);
		switch (next(5)) {
		case 0:
			bytes[at] ^= (uint8_t)(1u << next(8));
			break;
		case 1:
			bytes[at] = (uint8_t)next(256);
			break;
		case 2:
			part = part < count - at ? part : count - at;
			memmove(bytes + at, bytes + at + part, count - at - part);
			count -= part;
			break;
		case 3:
			part = part < count - at ? part : count - at;
			if (count + part > room)
				break;
			memmove(bytes + at + part, bytes + at, count - at);
			count += part;
			break;
		default:
			if (count + length > room)
				break;
			memmove(bytes + at + length, bytes + at, count - at);
			memcpy(bytes + at, word, length);
			count += length;
		}
	}
	return count;
}

int main(int argc, char **argv)
{
	long executions = argc > 1 ? atol(argv[1]) : 20000;
	state = argc > 2 ? (uint64_t)atol(argv[2]) * 2 + 1 : FUZZ_START;
	static const char *const headers[] = {
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
		"{\"__metadata__\":{\"x\":\"y\"},\"a\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[0,8]}}",
	};
	struct image seeds[SEEDS] = {
		image_safetensors(headers[0], 8),
		image_safetensors(headers[1], 8),
		image_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", 8),
		image_npy(2, "{'descr': '|b1', 'fortran_order': True, 'shape': (2, 4), }", 8),
	};
	static const uint8_t kinds[SEEDS] = { 0, 0, 1, 1, 2, 3, 4, 4 };
	static const char json[] = "{\"a\":{\"b\":[1,2.5,\"x\",null,true]},\"c\":-3}";
	static const char index[] = "{\"weight_map\":{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\"}}";
	image_add(&seeds[4], json, sizeof(json) - 1);
	image_add(&seeds[5], index, sizeof(index) - 1);
	seeds[6] = gguf_rich();
	seeds[7] = gguf_head(2, 1, 1);
	gguf_text(&seeds[7], "general.alignment");
	gguf_u32(&seeds[7], 4);
	gguf_u32(&seeds[7], 64);
	gguf_tensor(&seeds[7], "b", 256, 0, 14, 0);
	gguf_data(&seeds[7], 64, 210);
	for (long i = 0; i < executions; i++) {
		uint8_t bytes[2048];
		const struct image *seed = &seeds[i % SEEDS];
		bytes[0] = kinds[i % SEEDS];
		memcpy(bytes + 1, seed->bytes, seed->count);
		/* the seeds themselves first, then ever new mutants */
		size_t count = i < SEEDS ? seed->count + 1 : mutate(bytes, seed->count + 1, sizeof(bytes));
		if (kinds[i % SEEDS] == 0 && i >= SEEDS && next(2) == 0 && count > 17) { /* a length that fits again */
			uint64_t length = count - 1 - 8 - 8;
			memcpy(bytes + 1, &length, 8);
		}
		LLVMFuzzerTestOneInput(bytes, count);
	}
	for (int i = 0; i < SEEDS; i++)
		image_free(&seeds[i]);
	printf("%ld executions, %zu accepted\n", executions, accepted);
	return accepted >= SEEDS - 1 && accepted < (size_t)executions ? 0 : 1;
}
#endif

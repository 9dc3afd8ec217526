/* SPDX-License-Identifier: MIT */
/* safetensors: what is accepted, and a table of files that must each end in one error with place and rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "files.h"

#include <sys/resource.h>
#include <time.h>

#define T(name, dtype, shape, begin, end)                                                                              \
	"\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"
#define A T("a", "F32", "[2]", 0, 8)

/* A header with `data` bytes behind it; the message must have this id, name this offset (-1: any) and hold this text.
 */
static const struct {
	const char *name, *header;
	size_t data;
	unsigned id;
	int64_t offset;
	const char *text;
} bad_headers[] = {
	{ "empty header", "", 0, CLADE_MSG_FILE_HEADER, 8, "begin with '{'" },
	{ "leading space", " {" A "}", 8, CLADE_MSG_FILE_HEADER, 8, "begin with '{'" },
	{ "array", "[]", 0, CLADE_MSG_FILE_HEADER, 8, "begin with '{'" },
	{ "not JSON", "{nonsense}", 0, CLADE_MSG_FILE_HEADER, 9, "must be a string" },
	{ "unclosed", "{" A, 8, CLADE_MSG_FILE_HEADER, -1, "'}'" },
	{ "comma at the end", "{" A ",}", 8, CLADE_MSG_FILE_HEADER, -1, "must be a string" },
	{ "no comma", "{" A A "}", 8, CLADE_MSG_FILE_HEADER, -1, "'}' expected" },
	{ "no colon", "{\"a\" 1}", 0, CLADE_MSG_FILE_HEADER, 13, "':' expected" },
	{ "text behind", "{" A "} x", 8, CLADE_MSG_FILE_HEADER, -1, "only spaces" },
	{ "two objects", "{" A "}{}", 8, CLADE_MSG_FILE_HEADER, -1, "only spaces" },
	{ "unclosed string", "{\"a", 0, CLADE_MSG_FILE_HEADER, -1, "JSON" },
	{ "bad escape", "{\"\\q\":1}", 0, CLADE_MSG_FILE_HEADER, -1, "JSON" },
	{ "NUL escape in a name", "{\"a\\u0000b\":{}}", 0, CLADE_MSG_FILE_HEADER, -1, "JSON" },
	{ "lone surrogate", "{\"\\ud800\":{}}", 0, CLADE_MSG_FILE_HEADER, -1, "JSON" },
	{ "invalid UTF-8", "{\"\xff\":{}}", 0, CLADE_MSG_FILE_HEADER, -1, "JSON" },
	{ "control character", "{\"a\nb\":{}}", 0, CLADE_MSG_FILE_HEADER, -1, "JSON" },
	{ "empty name", "{" T("", "F32", "[2]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 9, "0 bytes" },
	{ "entry is a number", "{\"a\":1}", 0, CLADE_MSG_FILE_TENSOR, 13, "must be an object" },
	{ "entry is null", "{\"a\":null}", 0, CLADE_MSG_FILE_TENSOR, 13, "must be an object" },
	{ "no dtype", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, CLADE_MSG_FILE_TENSOR, 13,
	  "dtype is missing" },
	{ "no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, CLADE_MSG_FILE_TENSOR, 13,
	  "shape is missing" },
	{ "no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, CLADE_MSG_FILE_TENSOR, 13,
	  "data_offsets is missing" },
	{ "a member more", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8,
	  CLADE_MSG_FILE_TENSOR, 13, "only dtype, shape" },
	{ "duplicate member", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
	  CLADE_MSG_FILE_HEADER, -1, "duplicate" },
	{ "duplicate tensor", "{" A "," T("a", "F32", "[2]", 8, 16) "}", 16, CLADE_MSG_FILE_TWICE, -1, "given twice" },
	{ "duplicate by escape", "{" A "," T("\\u0061", "F32", "[2]", 8, 16) "}", 16, CLADE_MSG_FILE_TWICE, -1,
	  "given twice" },
	{ "unknown dtype", "{" T("a", "F31", "[2]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "\"F31\"" },
	{ "small dtype", "{" T("a", "f32", "[2]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "\"f32\"" },
	{ "sub-byte dtype", "{" T("a", "F4", "[3]", 0, 2) "}", 2, CLADE_MSG_FILE_TENSOR, 13, "\"F4\"" },
	{ "unsigned dtype", "{" T("a", "U32", "[2]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "\"U32\"" },
	{ "dtype is a number", "{\"a\":{\"dtype\":4,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, CLADE_MSG_FILE_TENSOR,
	  13, "dtype must be a string" },
	{ "shape is a number", "{" T("a", "F32", "2", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "must be an array" },
	{ "rank 9", "{" T("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, CLADE_MSG_FILE_TENSOR, 13, "more than 8" },
	{ "negative dim", "{" T("a", "F32", "[-2]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "0 or more" },
	{ "float dim", "{" T("a", "F32", "[2.0]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "integer" },
	{ "string dim", "{" T("a", "F32", "[\"2\"]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "integer" },
	{ "exponent dim", "{" T("a", "F32", "[1e30]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "integer" },
	{ "dim above 2^63", "{" T("a", "F32", "[9223372036854775808]", 0, 8) "}", 8, CLADE_MSG_FILE_HEADER, -1,
	  "JSON" },
	{ "product overflows", "{" T("a", "F32", "[4294967296,4294967296]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13,
	  "overflow" },
	{ "product wraps to 0", "{" T("a", "F32", "[4611686018427387904,4]", 0, 0) "}", 0, CLADE_MSG_FILE_TENSOR, 13,
	  "overflow" },
	{ "bytes wrap to 0", "{" T("a", "F64", "[2305843009213693952]", 0, 0) "}", 0, CLADE_MSG_FILE_TENSOR, 13, "" },
	{ "offsets not an array",
	  "{"
	  "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":8}}",
	  8, CLADE_MSG_FILE_TENSOR, 13, "two integers" },
	{ "one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", 8, CLADE_MSG_FILE_TENSOR, 13,
	  "two integers" },
	{ "three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8,
	  CLADE_MSG_FILE_TENSOR, 13, "two integers" },
	{ "negative offset", "{" T("a", "F32", "[2]", -8, 0) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "0 or more" },
	{ "float offset", "{" T("a", "F32", "[2]", 0, 8.0) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "two integers" },
	{ "end before begin", "{" T("a", "F32", "[2]", 8, 0) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "end before" },
	{ "end past the data", "{" T("a", "F32", "[2]", 0, 8) "}", 7, CLADE_MSG_FILE_TENSOR, 13, "has 7 bytes" },
	{ "end far past the data", "{" T("a", "F32", "[2]", 0, 9223372036854775807) "}", 8, CLADE_MSG_FILE_TENSOR, 13,
	  "has 8 bytes" },
	{ "too few bytes", "{" T("a", "F32", "[3]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "make 12 bytes" },
	{ "too many bytes", "{" T("a", "F32", "[1]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, 13, "make 4 bytes" },
	{ "overlap", "{" A "," T("b", "F32", "[2]", 4, 12) "}", 12, CLADE_MSG_FILE_TENSOR, -1, "overlaps" },
	{ "same place", "{" A "," T("b", "F32", "[2]", 0, 8) "}", 8, CLADE_MSG_FILE_TENSOR, -1, "overlaps" },
	{ "hole", "{" A "," T("b", "F32", "[2]", 12, 20) "}", 20, CLADE_MSG_FILE_TENSOR, -1, "hole" },
	{ "hole at the start", "{" T("a", "F32", "[2]", 4, 12) "}", 12, CLADE_MSG_FILE_TENSOR, -1, "hole" },
	{ "empty tensor in a hole", "{" A "," T("b", "F32", "[0]", 9, 9) "}", 9, CLADE_MSG_FILE_TENSOR, -1, "hole" },
	{ "trailing byte", "{" A "}", 9, CLADE_MSG_FILE_TENSOR, -1, "1 bytes behind" },
	{ "data without tensors", "{}", 4, CLADE_MSG_FILE_TENSOR, 10, "4 bytes behind" },
	{ "metadata is a string", "{\"__metadata__\":\"x\"," A "}", 8, CLADE_MSG_FILE_HEADER, 24, "object of strings" },
	{ "metadata holds a number", "{\"__metadata__\":{\"a\":1}," A "}", 8, CLADE_MSG_FILE_HEADER, -1,
	  "must be a string" },
	{ "metadata holds an object", "{\"__metadata__\":{\"a\":{}}," A "}", 8, CLADE_MSG_FILE_HEADER, -1,
	  "must be a string" },
	{ "metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}," A "}", 8, CLADE_MSG_FILE_HEADER, -1, "twice" },
};

/* Whole files. */
static const struct {
	const char *name, *bytes;
	size_t count;
	const char *text;
} bad_files[] = {
	{ "no byte", "", 0, "0 bytes" },
	{ "one byte", "{", 1, "1 bytes" },
	{ "seven bytes", "\1\0\0\0\0\0\0", 7, "7 bytes" },
	{ "length above the file", "\3\0\0\0\0\0\0\0{}", 10, "only 2 bytes" },
	{ "length 2^63", "\0\0\0\0\0\0\0\x80{}", 10, "at most" },
	{ "length 2^64-1", "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "at most" },
	{ "length 100 MB + 1", "\x01\xe1\xf5\x05\0\0\0\0{}", 10, "at most" },
	{ "Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", 64,
	  "git lfs pull" },
	{ "pickle", "\x80\x02}q\x00(U\x01", 8, "pickle" },
	{ "zip", "PK\x03\x04\x14\x00\x00\x00\x08\x00", 10, "zip" },
	{ "HTML", "<!DOCTYPE html><html>", 21, "HTML" },
	{ "GGUF", "GGUF\3\0\0\0\0\0\0\0", 12, "GGUF" },
};

static void check_error(const char *name, const char *path, unsigned id, int64_t offset, const char *text)
{
	struct clade_diag diag;
	size_t count;
	enum clade_status status = try_store(path, &diag, &count);
	if (status != CLADE_ERR_DATA || (id != 0 && diag.id != id) || strstr(diag.text, text) == NULL)
		fail_msg("%s: status %s, id %u, \"%s\"", name, clade_status_name(status), diag.id, diag.text);
	const char *at = strrchr(diag.where, '@');
	if (at == NULL || (offset >= 0 && atoll(at + 1) != offset))
		fail_msg("%s: where is \"%s\", offset %lld expected", name, diag.where, (long long)offset);
	assert_int_equal(count, 0);
	assert_null(strchr(diag.text, '\n'));
	clade_diag_finish(&diag);
}

static void test_bad_headers(void **state)
{
	const char *path = SCRATCH("bad.safetensors");
	size_t count = sizeof(bad_headers) / sizeof(bad_headers[0]);
	for (size_t i = 0; i < count; i++) {
		struct image image = image_safetensors(bad_headers[i].header, bad_headers[i].data);
		put(path, image.bytes, image.count);
		image_free(&image);
		check_error(bad_headers[i].name, path, bad_headers[i].id, bad_headers[i].offset, bad_headers[i].text);
	}
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		put(path, bad_files[i].bytes, bad_files[i].count);
		check_error(bad_files[i].name, path, 0, 0, bad_files[i].text);
	}
	print_message("%zu malformed files\n", count + sizeof(bad_files) / sizeof(bad_files[0]));
	assert_true(count + sizeof(bad_files) / sizeof(bad_files[0]) >= 60);
}

static void test_large_bad_headers(void **state)
{
	const char *path = SCRATCH("large.safetensors");
	static const struct {
		const char *name, *before, *repeat, *after, *text;
		size_t count;
	} cases[] = {
		{ "depth bomb", "{\"a\":", "[", "", "", 1000000 },
		{ "depth bomb in metadata", "{\"__metadata__\":{\"a\":", "[", "", "must be a string", 1000000 },
		{ "long name", "{\"", "n", "\":{}}", "name has", 10000000 },
		{ "long shape", "{\"a\":{\"shape\":[", "1,", "1]}}", "more than 4096 bytes", 1000000 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct image image = { 0 };
		size_t step = strlen(cases[i].repeat);
		uint64_t length = strlen(cases[i].before) + step * cases[i].count + strlen(cases[i].after);
		image_add(&image, &length, 8);
		image_add(&image, cases[i].before, strlen(cases[i].before));
		image.bytes = realloc(image.bytes, length + 8);
		for (size_t k = 0; k < cases[i].count; k++)
			memcpy(image.bytes + image.count + k * step, cases[i].repeat, step);
		image.count += cases[i].count * step;
		image_add(&image, cases[i].after, strlen(cases[i].after));
		put(path, image.bytes, image.count);
		image_free(&image);
		check_error(cases[i].name, path, 0, -1, cases[i].text);
	}
}

static const char good_header[] = "{\"__metadata__\":{\"format\":\"pt\"}," T("b", "BF16", "[2,2]", 8, 16) "," A "," T(
	"scalar", "F32", "[]", 16, 20) "," T("none", "I64", "[3,0]", 20, 20) "," T("ids", "I64", "[2]", 20,
										   36) "," T("flags", "BOOL", "[4]", 36,
											     40) "}   ";

static struct image good_image(void)
{
	struct image image = image_safetensors(good_header, 40);
	unsigned char *data = image.bytes + image.count - 40;
	float a[2] = { 1.5f, -2.0f }, scalar = 0.25f;
	uint16_t b[4] = { 0x3f80, 0xc000, 0x7f80, 0x0000 };
	int64_t ids[2] = { -7, 2147483647 };
	memcpy(data, a, 8);
	memcpy(data + 8, b, 8);
	memcpy(data + 16, &scalar, 4);
	memcpy(data + 20, ids, 16);
	memcpy(data + 36, "\1\0\1\1", 4);
	return image;
}

static void test_good(void **state)
{
	struct image image = good_image();
	const char *path = SCRATCH("good.safetensors");
	struct clade_store *store;
	struct clade_diag diag;
	struct clade_meta meta;
	float f[4];
	int32_t n[4];
	clade_diag_init(&diag);
	put(path, image.bytes, image.count);
	image_free(&image);
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	assert_string_equal(clade_store_format(store), "");
	assert_int_equal(clade_store_add(store, path, &diag), CLADE_OK);
	assert_string_equal(clade_store_format(store), "safetensors");
	assert_int_equal(clade_store_count(store), 6);
	assert_string_equal(clade_store_at(store, 0)->name, "b");
	assert_null(clade_store_at(store, 6));
	assert_null(clade_store_find(store, "c"));
	const struct clade_store_tensor *b = clade_store_find(store, "b");
	assert_int_equal(b->type.rank, 2);
	assert_int_equal(clade_store_read(store, b, 1, 3, f, &diag), CLADE_OK);
	assert_true(f[0] == -2.0f && f[1] > 3e38f && f[2] == 0.0f);
	assert_int_equal(clade_store_read(store, clade_store_find(store, "scalar"), 0, 1, f, &diag), CLADE_OK);
	assert_true(f[0] == 0.25f);
	assert_int_equal(clade_store_read(store, clade_store_find(store, "ids"), 0, 2, n, &diag), CLADE_OK);
	assert_true(n[0] == -7 && n[1] == 2147483647);
	assert_int_equal(clade_store_read(store, clade_store_find(store, "flags"), 0, 4, n, &diag), CLADE_OK);
	assert_true(n[0] == 1 && n[1] == 0 && n[3] == 1);
	assert_int_equal(clade_store_read(store, clade_store_find(store, "none"), 0, 0, n, &diag), CLADE_OK);
	assert_int_equal(clade_store_read(store, b, 2, 3, f, &diag), CLADE_ERR_ARGUMENT);
	assert_true(clade_store_meta(store, "__metadata__.format", &meta));
	assert_string_equal(meta.s, "pt");
	/* the same file again: every name is taken; the store stays as it was */
	clade_diag_reset(&diag);
	assert_int_equal(clade_store_add(store, path, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_FILE_TWICE);
	assert_int_equal(clade_store_count(store), 6);
	assert_non_null(clade_store_find(store, "b"));
	clade_store_destroy(&store);
	clade_diag_finish(&diag);
}

/* Lengths whose bytes are also how other kinds of files begin: 640 and 1152 are a pickle's 80 02 and 80 04. */
static void test_lengths(void **state)
{
	const char *path = SCRATCH("length.safetensors");
	char header[1500];

	for (size_t length = 64; length < sizeof(header); length += 8) {
		snprintf(header, sizeof(header), "%-*s", (int)length, "{" A "}");
		struct image image = image_safetensors(header, 8);
		struct clade_diag diag;

		put(path, image.bytes, image.count);
		image_free(&image);
		assert_int_equal(try_store(path, &diag, NULL), CLADE_OK);
		clade_diag_finish(&diag);
	}
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *header;
		unsigned char data[8];
		int64_t offset;
	} cases[] = {
		{ "{" T("x", "I64", "[1]", 0, 8) "}", { 0, 0, 0, 128 }, 0 },
		{ "{" T("x", "BOOL", "[8]", 0, 8) "}", { 1, 0, 1, 2 }, 3 },
	};
	for (size_t i = 0; i < 2; i++) {
		struct image image = image_safetensors(cases[i].header, 8);
		struct clade_store *store;
		struct clade_diag diag;
		int32_t out[8];
		clade_diag_init(&diag);
		memcpy(image.bytes + image.count - 8, cases[i].data, 8);
		put(SCRATCH("values.safetensors"), image.bytes, image.count);
		assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
		assert_int_equal(clade_store_add(store, SCRATCH("values.safetensors"), &diag), CLADE_OK);
		const struct clade_store_tensor *x = clade_store_find(store, "x");
		assert_int_equal(clade_store_read(store, x, 0, i == 0 ? 1 : 8, out, &diag), CLADE_ERR_DATA);
		assert_int_equal(diag.id, CLADE_MSG_FILE_VALUE);
		assert_int_equal(atoll(strrchr(diag.where, '@') + 1), (int64_t)image.count - 8 + cases[i].offset);
		clade_store_destroy(&store);
		clade_diag_finish(&diag);
		image_free(&image);
	}
}

/* A file that shrinks after it was opened gives an error at the read, not a crash. */
static void test_shrinking_file(void **state)
{
	struct image image = good_image();
	struct clade_store *store;
	struct clade_diag diag;
	float f[4];
	clade_diag_init(&diag);
	put(SCRATCH("shrinks.safetensors"), image.bytes, image.count);
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	assert_int_equal(clade_store_add(store, SCRATCH("shrinks.safetensors"), &diag), CLADE_OK);
	assert_int_equal(truncate(SCRATCH("shrinks.safetensors"), (off_t)image.count - 36), 0);
	assert_int_equal(clade_store_read(store, clade_store_find(store, "b"), 0, 4, f, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_FILE_SHORT);
	clade_store_destroy(&store);
	clade_diag_finish(&diag);
	image_free(&image);
}

static void test_every_truncation(void **state)
{
	struct image image = good_image();
	const char *path = SCRATCH("cut.safetensors");
	put(path, image.bytes, image.count);
	for (size_t length = image.count; length-- > 0;) {
		struct clade_diag diag;
		assert_int_equal(truncate(path, (off_t)length), 0);
		assert_int_equal(try_store(path, &diag, NULL), CLADE_ERR_DATA);
		clade_diag_finish(&diag);
	}
	print_message("%zu truncations\n", image.count);
	image_free(&image);
}

/* A flipped bit either is noticed or leaves a file that is valid by itself (another name, another value). */
static void test_every_bit_flip(void **state)
{
	struct image image = good_image();
	const char *path = SCRATCH("flip.safetensors");
	size_t bits = (image.count - 40) * 8, refused = 0;
	for (size_t bit = 0; bit < bits; bit++) {
		struct clade_diag diag;
		image.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		put(path, image.bytes, image.count);
		image.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		enum clade_status status = try_store(path, &diag, NULL);
		assert_true(status == CLADE_OK || status == CLADE_ERR_DATA);
		refused += status != CLADE_OK;
		clade_diag_finish(&diag);
	}
	print_message("%zu bit flips, %zu refused\n", bits, refused);
	assert_true(refused > bits * 3 / 4);
	image_free(&image);
}

static size_t allocated, peak;
static void *counting_resize(void *user, void *memory, size_t bytes)
{
	size_t *block = memory != NULL ? (size_t *)memory - 2 : NULL;
	size_t old = block != NULL ? *block : 0;
	(void)user;
	if (bytes == 0) {
		allocated -= old;
		free(block);
		return NULL;
	}
	allocated += bytes; /* both live during a realloc */
	peak = allocated > peak ? allocated : peak;
	block = realloc(block, bytes + 16);
	allocated -= old;
	*block = bytes;
	return block + 2;
}

static void test_many_tensors(void **state)
{
	const int count = 100000;
	struct image image = { 0 };
	char *text = malloc((size_t)count * 80), *at = text;
	const char *path = SCRATCH("many.safetensors");
	at += sprintf(at, "{");
	for (int i = 0; i < count; i++)
		at += sprintf(at, "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
			      i > 0 ? "," : "", i, 4 * i, 4 * i + 4);
	sprintf(at, "}");
	image = image_safetensors(text, 0);
	size_t header = strlen(text);
	image.bytes = realloc(image.bytes, image.count + 4 * (size_t)count);
	memset(image.bytes + image.count, 0, 4 * (size_t)count);
	image.count += 4 * (size_t)count;
	put(path, image.bytes, image.count);
	image_free(&image);
	free(text);

	struct clade_allocator allocator = { .resize = counting_resize };
	struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
	struct clade_context *context;
	struct clade_store *store;
	struct clade_diag diag;
	clade_diag_init(&diag);
	assert_int_equal(clade_context_create(&params, &context, &diag), CLADE_OK);
	size_t before = allocated;
	peak = allocated;
	clock_t start = clock();
	assert_int_equal(clade_store_create(context, &store, &diag), CLADE_OK);
	assert_int_equal(clade_store_add(store, path, &diag), CLADE_OK);
	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof(name), "t%d", i);
		assert_non_null(clade_store_find(store, name));
	}
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("%d tensors: %.2f s, peak %.1f times the header\n", count, seconds,
		      (double)(peak - before) / (double)header);
	assert_true(peak - before <= 8 * header + (1 << 20));
	assert_true(seconds < CLADE_TEST_SLOW * 1.0);
	clade_store_destroy(&store);
	assert_int_equal(allocated, before);
	clade_context_destroy(&context);
	assert_int_equal(allocated, 0);
	clade_diag_finish(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_large_bad_headers),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_shrinking_file),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_bit_flip),
		cmocka_unit_test(test_many_tensors),
	};
	return cmocka_run_group_tests_name("safetensors", tests, NULL, remove_scratch);
}

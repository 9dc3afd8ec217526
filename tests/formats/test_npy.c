/* SPDX-License-Identifier: MIT */
/* .npy: reading, writing, and a table of files that must each end in one error with place and rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "files.h"

#include <dirent.h>
#include <fcntl.h>

#define D(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }"

static const struct {
	const char *name, *dict, *text;
	size_t data;
} bad_dicts[] = {
	{ "empty dictionary", "{}", "lacks", 0 },
	{ "no dictionary", "", "must be a dictionary", 0 },
	{ "unclosed", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", "dictionary", 8 },
	{ "no descr", "{'fortran_order': False, 'shape': (2,), }", "lacks", 8 },
	{ "no shape", "{'descr': '<f4', 'fortran_order': False, }", "lacks", 8 },
	{ "no order", "{'descr': '<f4', 'shape': (2,), }", "lacks", 8 },
	{ "key twice", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "each once", 8 },
	{ "unknown key", "{'descr': '<f4', 'x': '<f4', 'fortran_order': False, 'shape': (2,), }", "each once", 8 },
	{ "no comma", "{'descr': '<f4' 'fortran_order': False, 'shape': (2,), }", "','", 8 },
	{ "no colon", "{'descr' '<f4', 'fortran_order': False, 'shape': (2,), }", "':'", 8 },
	{ "big-endian", D("'>f4'", "False", "(2,)"), "little-endian", 8 },
	{ "unsigned", D("'<u4'", "False", "(2,)"), "'<u4'", 8 },
	{ "complex", D("'<c8'", "False", "(1,)"), "'<c8'", 8 },
	{ "string", D("'<U2'", "False", "(1,)"), "'<U2'", 8 },
	{ "object", D("'|O'", "False", "(1,)"), "'|O'", 8 },
	{ "structured", D("[('a', '<f4')]", "False", "(2,)"), "structured", 8 },
	{ "descr a number", D("4", "False", "(2,)"), "quoted string", 8 },
	{ "descr unclosed", "{'descr: (2,)", "not closed", 8 },
	{ "descr escaped", D("'<f\\x34'", "False", "(2,)"), "escape", 8 },
	{ "order a number", D("'<f4'", "0", "(2,)"), "True or False", 8 },
	{ "shape a list", D("'<f4'", "False", "[2]"), "tuple", 8 },
	{ "shape a number", D("'<f4'", "False", "2"), "tuple", 8 },
	{ "shape without comma", D("'<f4'", "False", "(2)"), "tuple", 8 },
	{ "shape unclosed", D("'<f4'", "False", "(2,"), "tuple", 8 },
	{ "negative dim", D("'<f4'", "False", "(-2,)"), "0 or more", 8 },
	{ "float dim", D("'<f4'", "False", "(2.0,)"), "tuple", 8 },
	{ "long dim", D("'<f4'", "False", "(2L,)"), "tuple", 8 },
	{ "huge dim", D("'<f4'", "False", "(9223372036854775808,)"), "too large", 8 },
	{ "product wraps", D("'<f4'", "False", "(4611686018427387904, 4)"), "bytes of elements", 0 },
	{ "rank 9", D("'<f4'", "False", "(1,1,1,1,1,1,1,1,1)"), "more than 8", 4 },
	{ "too few bytes", D("'<f4'", "False", "(2,)"), "7 bytes of elements", 7 },
	{ "too many bytes", D("'<f4'", "False", "(2,)"), "9 bytes of elements", 9 },
	{ "text behind", D("'<f4'", "False", "(2,)") " x", "only spaces", 8 },
};

static void check_bad(const char *name, const char *path, const char *text)
{
	struct clade_diag diag;
	struct clade_type type;
	void *data;
	clade_diag_init(&diag);
	enum clade_status status = clade_npy_read(NULL, path, &type, &data, &diag);
	if (status != CLADE_ERR_DATA || data != NULL || strstr(diag.text, text) == NULL ||
	    strchr(diag.where, '@') == NULL)
		fail_msg("%s: status %s, %s: \"%s\"", name, clade_status_name(status), diag.where, diag.text);
	assert_int_equal(try_store(path, &diag, NULL), CLADE_ERR_DATA);
	clade_diag_finish(&diag);
}

static void test_bad(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t count;
		const char *text;
	} files[] = {
		{ "empty", "", 0, "not a .npy" },
		{ "magic only", "\x93NUMPY", 6, "not a .npy" },
		{ "version 0", "\x93NUMPY\0\0\2\0{}", 12, "version 0.0" },
		{ "version 4", "\x93NUMPY\4\0\2\0{}", 12, "version 4.0" },
		{ "version 1.1", "\x93NUMPY\1\1\2\0{}", 12, "version 1.1" },
		{ "length above the file", "\x93NUMPY\1\0\3\0{}", 12, "only 12 bytes" },
		{ "length 2^32-1", "\x93NUMPY\2\0\xff\xff\xff\xff{}", 14, "at most" },
		{ "v2 without room for its length", "\x93NUMPY\2\0\0\0", 10, "" },
		{ "npz", "PK\x03\x04 and so on", 14, "zip" },
		{ "text", "1 2 3\n4 5 6\n", 12, "not a .npy" },
	};
	const char *path = SCRATCH("bad.npy");
	size_t count = sizeof(bad_dicts) / sizeof(bad_dicts[0]);
	for (size_t i = 0; i < count; i++) {
		struct image image = image_npy(1 + (int)(i % 3), bad_dicts[i].dict, bad_dicts[i].data);
		put(path, image.bytes, image.count);
		image_free(&image);
		check_bad(bad_dicts[i].name, path, bad_dicts[i].text);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		put(path, files[i].bytes, files[i].count);
		check_bad(files[i].name, path, files[i].text);
	}
	print_message("%zu malformed files\n", count + sizeof(files) / sizeof(files[0]));
}

/* Every element type, several shapes: what is written is what is read, and as NumPy lays it out. */
static void test_round_trip(void **state)
{
	static const struct clade_type shapes[] = {
		{ CLADE_F32, 0, { 0 } },
		{ CLADE_F32, 1, { 5 } },
		{ CLADE_F32, 2, { 2, 3 } },
		{ CLADE_F32, 3, { 2, 0, 3 } },
		{ CLADE_F32, 8, { 1, 2, 1, 2, 1, 2, 1, 2 } },
	};
	static const enum clade_dtype dtypes[] = { CLADE_F32, CLADE_I32, CLADE_BOOL, CLADE_F16, CLADE_F64,
						   CLADE_I8,  CLADE_I16, CLADE_I64,  CLADE_U8 };
	const char *path = SCRATCH("trip.npy");
	struct clade_diag diag;
	clade_diag_init(&diag);
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
		for (size_t d = 0; d < sizeof(dtypes) / sizeof(dtypes[0]); d++) {
			struct clade_type type = shapes[s], back;
			unsigned char values[16 * 8];
			void *data;
			size_t bytes;
			type.dtype = dtypes[d];
			assert_true(clade_type_bytes(&type, &bytes));
			for (size_t i = 0; i < sizeof(values); i++)
				values[i] = type.dtype == CLADE_BOOL ? i & 1 : (unsigned char)(i * 7);
			assert_int_equal(clade_npy_write(NULL, path, &type, values, &diag), CLADE_OK);
			assert_int_equal(clade_npy_read(NULL, path, &back, &data, &diag), CLADE_OK);
			assert_true(clade_type_equal(&type, &back));
			assert_memory_equal(values, data, bytes);
			clade_free(NULL, data);
		}
	struct clade_type bf16 = { CLADE_BF16, 1, { 1 } };
	assert_int_equal(clade_npy_write(NULL, path, &bf16, "\0\0", &diag), CLADE_ERR_UNSUPPORTED);
	clade_diag_finish(&diag);
}

static void test_fortran(void **state)
{
	struct image image = image_npy(1, D("'<i4'", "True", "(2, 3)"), 24);
	int32_t columns[6] = { 0, 3, 1, 4, 2, 5 }, *data;
	const char *path = SCRATCH("fortran.npy");
	struct clade_type type;
	struct clade_diag diag;
	clade_diag_init(&diag);
	memcpy(image.bytes + image.count - 24, columns, 24);
	put(path, image.bytes, image.count);
	image_free(&image);
	assert_int_equal(clade_npy_read(NULL, path, &type, (void **)&data, &diag), CLADE_OK);
	for (int i = 0; i < 6; i++)
		assert_int_equal(data[i], i);
	clade_free(NULL, data);
	assert_int_equal(try_store(path, &diag, NULL), CLADE_ERR_DATA);
	assert_non_null(strstr(diag.text, "Fortran"));
	clade_diag_finish(&diag);
}

static void test_truncation_and_flips(void **state)
{
	struct image image = image_npy(1, D("'<f4'", "False", "(2, 3)"), 24);
	const char *path = SCRATCH("cut.npy");
	struct clade_diag diag;
	put(path, image.bytes, image.count);
	for (size_t length = image.count; length-- > 0;) {
		assert_int_equal(truncate(path, (off_t)length), 0);
		check_bad("truncated", path, "");
	}
	size_t bits = (image.count - 24) * 8, refused = 0;
	for (size_t bit = 0; bit < bits; bit++) {
		image.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		put(path, image.bytes, image.count);
		image.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		refused += try_store(path, &diag, NULL) != CLADE_OK;
		clade_diag_finish(&diag);
	}
	print_message("%zu truncations, %zu bit flips, %zu refused\n", image.count, bits, refused);
	assert_true(refused > bits * 3 / 4);
	image_free(&image);
}

static int count_files(const char *folder)
{
	int count = 0;
	DIR *dir = opendir(folder);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* Whole or nothing: a failed write leaves the old file and no temporary one. */
static void test_write_failures(void **state)
{
	struct clade_type type = { CLADE_F32, 1, { 2 } };
	struct clade_diag diag;
	clade_diag_init(&diag);
	assert_int_equal(clade_npy_write(NULL, SCRATCH("no/such/folder.npy"), &type, "12345678", &diag), CLADE_ERR_IO);
	assert_int_equal(diag.id, CLADE_MSG_IO);
	clade_diag_reset(&diag);
	assert_int_equal(clade_npy_write(NULL, "/dev/full", &type, "12345678", &diag), CLADE_ERR_IO);
	assert_non_null(strstr(diag.text, "No space"));
	clade_diag_reset(&diag);
	assert_int_equal(mkdir(SCRATCH("taken"), 0700), 0);
	assert_int_not_equal(clade_npy_write(NULL, SCRATCH("taken"), &type, "12345678", &diag), CLADE_OK);
	clade_diag_reset(&diag);
	/* a link is followed, its target replaced */
	put_text(SCRATCH("target.npy"), "old");
	assert_int_equal(symlink("target.npy", SCRATCH("link.npy")), 0);
	int before = count_files(scratch());
	assert_int_equal(clade_npy_write(NULL, SCRATCH("link.npy"), &type, "12345678", &diag), CLADE_OK);
	struct stat st;
	assert_int_equal(lstat(SCRATCH("link.npy"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(SCRATCH("target.npy"), &st), 0);
	assert_int_equal(st.st_size, 128 + 8);
	assert_int_equal(count_files(scratch()), before);
	clade_diag_finish(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_fortran),
		cmocka_unit_test(test_truncation_and_flips),
		cmocka_unit_test(test_write_failures),
	};
	return cmocka_run_group_tests_name("npy", tests, NULL, remove_scratch);
}

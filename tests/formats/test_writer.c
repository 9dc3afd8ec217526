/* SPDX-License-Identifier: MIT */
/* Files as they are written: byte for byte what the gguf Python package makes of the same values
 * (golden/make_encoded.py), what safetensors reads back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "files.h"

#include <clade/writer.h>

#include <math.h>

static struct clade_diag diag;

static struct clade_writer *create(const char *path, const char *format)
{
	struct clade_writer *writer;
	clade_diag_reset(&diag);
	if (clade_writer_create(NULL, path, format, &writer, &diag) != CLADE_OK)
		fail_msg("%s: %s", diag.where, diag.text);
	return writer;
}

static void expect(enum clade_status got, enum clade_status status, const char *text)
{
	if (got != status || strstr(diag.text, text) == NULL)
		fail_msg("%s: \"%s\", expected \"%s\"", clade_status_name(got), diag.text, text);
	clade_diag_reset(&diag);
}

static struct image load(const char *path)
{
	struct image image;
	char *text;
	assert_int_equal(clade_file_load(NULL, path, 1 << 26, &text, &image.count, &diag), CLADE_OK);
	image.bytes = (unsigned char *)text;
	return image;
}

static void assert_same_file(const char *path, const char *expected)
{
	struct image a = load(path), b = load(expected);
	for (size_t i = 0; i < a.count && i < b.count; i++)
		if (a.bytes[i] != b.bytes[i])
			fail_msg("%s: byte %zu is %u and not %u", path, i, a.bytes[i], b.bytes[i]);
	assert_int_equal(a.count, b.count);
	clade_free(NULL, a.bytes);
	clade_free(NULL, b.bytes);
}

/* The whole file: header, order, padding, blocks. Rows come in parts of different sizes. */
static void test_gguf(void **state)
{
	static const char *const names[] = { "x", "x.q8_0", "x.q4_0", "x.f16", "x.bf16" };
	static const struct clade_type type = { CLADE_F32, 2, { 32, 64 } };
	const struct clade_meta name = { .kind = CLADE_META_STRING, .s = "encoded" };
	struct clade_store *store;
	static float x[2048];
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	assert_int_equal(clade_store_add(store, CLADE_GOLDEN "/encoded.gguf", &diag), CLADE_OK);
	assert_int_equal(clade_store_read(store, clade_store_find(store, "x"), 0, 2048, x, &diag), CLADE_OK);
	struct clade_writer *writer = create(SCRATCH("encoded.gguf"), "gguf");
	assert_int_equal(clade_writer_meta(writer, "general.architecture", "string", &name, &diag), CLADE_OK);
	for (int i = 0; i < 5; i++)
		assert_int_equal(clade_writer_tensor(writer, names[i], &type, i == 0 ? "f32" : names[i] + 2, &diag),
				 CLADE_OK);
	for (int i = 0; i < 5; i++)
		for (int64_t at = 0, part; at < 2048; at += part) {
			part = 64 * (1 + i) < 2048 - at ? 64 * (1 + i) : 2048 - at;
			assert_int_equal(clade_writer_rows(writer, x + at, part, &diag), CLADE_OK);
		}
	assert_int_equal(clade_writer_finish(writer, &diag), CLADE_OK);
	clade_writer_destroy(&writer);
	clade_store_destroy(&store);
	assert_same_file(SCRATCH("encoded.gguf"), CLADE_GOLDEN "/encoded.gguf");
}

/* Blocks as they are stored, into an open file that has no name: the same bytes. */
static void test_stored(void **state)
{
	const struct clade_meta name = { .kind = CLADE_META_STRING, .s = "encoded" };
	const struct clade_store_tensor *tensor;
	struct clade_store *store;
	struct clade_writer *writer;
	struct image whole = load(CLADE_GOLDEN "/encoded.gguf");
	int64_t count;
	FILE *file = tmpfile();
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	assert_int_equal(clade_store_add(store, CLADE_GOLDEN "/encoded.gguf", &diag), CLADE_OK);
	expect(clade_writer_create_fd(NULL, -7, "nothing", "gguf", &writer, &diag), CLADE_ERR_IO,
	       "Bad file descriptor");
	assert_int_equal(clade_writer_create_fd(NULL, fileno(file), "memory", "gguf", &writer, &diag), CLADE_OK);
	assert_int_equal(clade_writer_meta(writer, "general.architecture", "string", &name, &diag), CLADE_OK);
	for (size_t i = 0; (tensor = clade_store_at(store, i)) != NULL; i++)
		assert_int_equal(clade_writer_tensor(writer, tensor->name, &tensor->type, tensor->encoding, &diag),
				 CLADE_OK);
	for (size_t i = 0; (tensor = clade_store_at(store, i)) != NULL; i++) {
		assert_true(clade_type_count(&tensor->type, &count));
		expect(clade_writer_stored(writer, whole.bytes, count + 32, &diag), CLADE_ERR_ARGUMENT, "in order");
		for (int64_t half = 0; half < 2; half++)
			assert_int_equal(
				clade_writer_stored(writer,
						    whole.bytes + tensor->offset + (size_t)half * tensor->bytes / 2,
						    count / 2, &diag),
				CLADE_OK);
	}
	assert_int_equal(clade_writer_finish(writer, &diag), CLADE_OK);
	clade_writer_destroy(&writer);
	clade_store_destroy(&store);
	unsigned char *got = malloc(whole.count + 1);
	rewind(file); /* it is still open */
	assert_int_equal(fread(got, 1, whole.count + 1, file), whole.count);
	assert_memory_equal(got, whole.bytes, whole.count);
	free(got);
	fclose(file);
	clade_free(NULL, whole.bytes);
}

static enum clade_status number_item(void *user, size_t index, struct clade_meta *out, struct clade_diag *d)
{
	(void)d;
	*out = (struct clade_meta) {
		.kind = *(enum clade_meta_kind *)user, .i = (int64_t)index - 1, .f = 0.5, .s = "é"
	};
	return CLADE_OK;
}

/* Every type of metadata, alone and in arrays, comes back. */
static void test_metadata(void **state)
{
	static const struct {
		const char *type;
		enum clade_meta_kind kind;
		int64_t value;
	} types[] = {
		{ "u8", CLADE_META_INT, 255 },         { "i8", CLADE_META_INT, -128 },
		{ "u16", CLADE_META_INT, 65535 },      { "i16", CLADE_META_INT, -32768 },
		{ "u32", CLADE_META_INT, 4294967295 }, { "i32", CLADE_META_INT, -5 },
		{ "f32", CLADE_META_FLOAT, 0 },        { "bool", CLADE_META_BOOL, 1 },
		{ "string", CLADE_META_STRING, 0 },    { "u64", CLADE_META_INT, 1ll << 62 },
		{ "i64", CLADE_META_INT, INT64_MIN },  { "f64", CLADE_META_FLOAT, 0 },
	};
	struct clade_writer *writer = create(SCRATCH("meta.gguf"), "gguf");
	struct clade_store *store;
	struct clade_meta got;
	for (int i = 0; i < 12; i++) {
		char key[16];
		struct clade_meta value = { types[i].kind, types[i].value, 0.1,
					    types[i].kind == CLADE_META_STRING ? "ü" : NULL };
		enum clade_meta_kind kind = types[i].kind;
		snprintf(key, sizeof(key), "x.%s", types[i].type);
		assert_int_equal(clade_writer_meta(writer, key, types[i].type, &value, &diag), CLADE_OK);
		if (kind == CLADE_META_BOOL || types[i].type[0] == 'u')
			continue; /* number_item begins at -1 */
		key[0] = 'a';
		assert_int_equal(clade_writer_array(writer, key, types[i].type, 3, number_item, &kind, &diag),
				 CLADE_OK);
	}
	assert_int_equal(clade_writer_meta(writer, "x", "complex", &got, &diag), CLADE_ERR_ARGUMENT);
	clade_diag_reset(&diag);
	assert_int_equal(clade_writer_finish(writer, &diag), CLADE_OK);
	clade_writer_destroy(&writer);
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	if (clade_store_add(store, SCRATCH("meta.gguf"), &diag) != CLADE_OK)
		fail_msg("%s", diag.text);
	for (int i = 0; i < 12; i++) {
		char key[16];
		snprintf(key, sizeof(key), "x.%s", types[i].type);
		assert_true(clade_store_meta(store, key, &got) && got.kind == types[i].kind);
		if (got.kind == CLADE_META_FLOAT)
			assert_true(got.f == (types[i].type[1] == '3' ? (double)0.1f : 0.1));
		else if (got.kind == CLADE_META_STRING)
			assert_string_equal(got.s, "ü");
		else
			assert_true(got.i == types[i].value);
	}
	assert_true(clade_store_array_item(store, "a.i64", 0, &got) && got.i == -1);
	assert_true(clade_store_array_item(store, "a.f32", 2, &got) && got.f == 0.5);
	assert_true(clade_store_array_item(store, "a.string", 1, &got) && strcmp(got.s, "é") == 0);
	clade_store_destroy(&store);
}

/* What is read of a file with every element type, written again, is the same file's content. */
static void test_safetensors(void **state)
{
	struct clade_store *store, *again;
	const struct clade_meta value = { .kind = CLADE_META_STRING, .s = "a \"b\"\n" };
	const struct clade_store_tensor *tensor, *copy;
	static float x[256], y[256];
	int64_t count;
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	assert_int_equal(clade_store_add(store, CLADE_GOLDEN "/dtypes.safetensors", &diag), CLADE_OK);
	struct clade_writer *writer = create(SCRATCH("again.safetensors"), "safetensors");
	assert_int_equal(clade_writer_meta(writer, "k\"y", "string", &value, &diag), CLADE_OK);
	assert_int_equal(clade_writer_meta(writer, "two", "string", &value, &diag), CLADE_OK);
	for (size_t i = 0; (tensor = clade_store_at(store, i)) != NULL; i++)
		assert_int_equal(clade_writer_tensor(writer, tensor->name, &tensor->type, tensor->encoding, &diag),
				 CLADE_OK);
	static const struct clade_type empty = { CLADE_F32, 2, { 3, 0 } }, scalar = { CLADE_F32, 0, { 0 } };
	assert_int_equal(clade_writer_tensor(writer, "empty", &empty, "f16", &diag), CLADE_OK);
	assert_int_equal(clade_writer_tensor(writer, "scalar", &scalar, "f16", &diag), CLADE_OK);
	for (size_t i = 0; (tensor = clade_store_at(store, i)) != NULL; i++) {
		assert_true(clade_type_count(&tensor->type, &count) && count <= 256);
		assert_int_equal(clade_store_read(store, tensor, 0, count, x, &diag), CLADE_OK);
		assert_int_equal(clade_writer_rows(writer, x, count, &diag), CLADE_OK);
	}
	assert_int_equal(clade_writer_rows(writer, &(float) { 2.5f }, 1, &diag), CLADE_OK);
	assert_int_equal(clade_writer_finish(writer, &diag), CLADE_OK);
	clade_writer_destroy(&writer);
	assert_int_equal(clade_store_create(NULL, &again, &diag), CLADE_OK);
	if (clade_store_add(again, SCRATCH("again.safetensors"), &diag) != CLADE_OK)
		fail_msg("%s: %s", diag.where, diag.text);
	for (size_t i = 0; (tensor = clade_store_at(store, i)) != NULL; i++) {
		copy = clade_store_at(again, i);
		assert_string_equal(copy->name, tensor->name);
		assert_string_equal(copy->encoding, tensor->encoding);
		assert_true(clade_type_equal(&copy->type, &tensor->type));
		assert_true(clade_type_count(&tensor->type, &count));
		assert_int_equal(clade_store_read(store, tensor, 0, count, x, &diag), CLADE_OK);
		assert_int_equal(clade_store_read(again, copy, 0, count, y, &diag), CLADE_OK);
		for (int64_t k = 0; k < count; k++)
			assert_true(memcmp(x + k, y + k, 4) == 0 || (isnan(x[k]) && isnan(y[k])));
	}
	struct clade_meta meta;
	assert_true(clade_store_meta(again, "__metadata__.k\"y", &meta) && strcmp(meta.s, value.s) == 0);
	assert_int_equal(clade_store_find(again, "empty")->bytes, 0);
	assert_int_equal(clade_store_find(again, "scalar")->type.rank, 0);
	clade_store_destroy(&again);
	clade_store_destroy(&store);
}

static void test_refused(void **state)
{
	static const struct clade_type vector = { CLADE_F32, 1, { 32 } }, odd = { CLADE_F32, 1, { 33 } };
	static const struct clade_type scalar = { CLADE_F32, 0, { 0 } }, deep = { CLADE_F32, 5, { 1, 1, 1, 1, 1 } };
	static const struct clade_type huge = { CLADE_F32, 2, { INT64_MAX, 32 } };
	static const char long_name[] = "a123456789a123456789a123456789a123456789a123456789a123456789abcd";
	float x[32] = { 1, NAN };
	int32_t n[32] = { 1, 300 };
	int files = count_scratch();
	struct clade_writer *writer = NULL;
	expect(clade_writer_create(NULL, SCRATCH("no.npz"), "npz", &writer, &diag), CLADE_ERR_ARGUMENT, "not a format");
	expect(clade_writer_create(NULL, SCRATCH("none/x.gguf"), "gguf", &writer, &diag), CLADE_ERR_IO, "No such file");
	assert_null(writer);
	writer = create(SCRATCH("bad.gguf"), "gguf");
	expect(clade_writer_tensor(writer, "t", &odd, "q8_0", &diag), CLADE_ERR_DATA, "cannot be written as q8_0");
	expect(clade_writer_tensor(writer, "t", &scalar, "f32", &diag), CLADE_ERR_DATA, "rank or rows");
	expect(clade_writer_tensor(writer, "t", &deep, "f32", &diag), CLADE_ERR_DATA, "rank or rows");
	expect(clade_writer_tensor(writer, "t", &huge, "q8_0", &diag), CLADE_ERR_DATA, "cannot be written");
	expect(clade_writer_tensor(writer, long_name, &vector, "f32", &diag), CLADE_ERR_DATA, "its name");
	expect(clade_writer_tensor(writer, "t", &vector, "u8", &diag), CLADE_ERR_DATA, "to gguf");
	expect(clade_writer_tensor(writer, "t", &vector, "q9_0", &diag), CLADE_ERR_DATA, "q9_0");
	expect(clade_writer_meta(writer, "k", "string", &(struct clade_meta) { CLADE_META_INT }, &diag),
	       CLADE_ERR_ARGUMENT, "another kind");
	clade_writer_destroy(&writer); /* a key that failed leaves its name behind: the writer is spent */
	writer = create(SCRATCH("bad.gguf"), "gguf");
	assert_int_equal(clade_writer_tensor(writer, "t", &vector, "q8_0", &diag), CLADE_OK);
	assert_int_equal(clade_writer_tensor(writer, "h", &vector, "q4_0", &diag), CLADE_OK);
	assert_int_equal(clade_writer_tensor(writer, "n", &vector, "i8", &diag), CLADE_OK);
	expect(clade_writer_finish(writer, &diag), CLADE_ERR_ARGUMENT, "in order");
	expect(clade_writer_tensor(writer, "late", &vector, "f32", &diag), CLADE_ERR_ARGUMENT, "in order");
	expect(clade_writer_rows(writer, x, 31, &diag), CLADE_ERR_ARGUMENT, "in order");
	expect(clade_writer_rows(writer, x, 64, &diag), CLADE_ERR_ARGUMENT, "in order");
	expect(clade_writer_rows(writer, x, 32, &diag), CLADE_ERR_DATA, "element 1 of tensor \"t\"");
	x[1] = INFINITY;
	expect(clade_writer_rows(writer, x, 32, &diag), CLADE_ERR_DATA, "finite numbers");
	x[1] = 2;
	assert_int_equal(clade_writer_rows(writer, x, 32, &diag), CLADE_OK);
	x[1] = -INFINITY;
	expect(clade_writer_rows(writer, x, 32, &diag), CLADE_ERR_DATA, "element 1 of tensor \"h\"");
	x[1] = 2;
	assert_int_equal(clade_writer_rows(writer, x, 32, &diag), CLADE_OK);
	expect(clade_writer_rows(writer, n, 32, &diag), CLADE_ERR_DATA, "element 1 of tensor \"n\"");
	expect(clade_writer_meta(writer, "late", "bool", &(struct clade_meta) { CLADE_META_BOOL }, &diag),
	       CLADE_ERR_ARGUMENT, "in order");
	clade_writer_destroy(&writer);
	clade_writer_destroy(&writer);
	writer = create(SCRATCH("bad.safetensors"), "safetensors");
	expect(clade_writer_meta(writer, "k", "u32", &(struct clade_meta) { CLADE_META_INT }, &diag),
	       CLADE_ERR_ARGUMENT, "of strings");
	expect(clade_writer_tensor(writer, "t", &vector, "q8_0", &diag), CLADE_ERR_DATA, "to safetensors");
	expect(clade_writer_array(writer, "a", "u32", 0, number_item, NULL, &diag), CLADE_ERR_ARGUMENT, "in order");
	assert_int_equal(clade_writer_tensor(writer, "\xff", &vector, "f16", &diag), CLADE_OK);
	expect(clade_writer_finish(writer, &diag), CLADE_ERR_DATA, "not UTF-8");
	clade_writer_destroy(&writer);
	assert_int_equal(count_scratch(), files); /* nothing is left behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gguf),        cmocka_unit_test(test_stored),  cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_safetensors), cmocka_unit_test(test_refused),
	};
	clade_diag_init(&diag);
	int failed = cmocka_run_group_tests_name("writer", tests, NULL, remove_scratch);
	clade_diag_finish(&diag);
	return failed;
}

/* SPDX-License-Identifier: MIT */
/* Every encoding of GGUF and safetensors against the values that the Python packages gave (golden/make_*.py), any range
 * of them; GGUF metadata and its arrays; real files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "gguf_image.h"

#include <math.h>
#include <time.h>

static struct clade_store *open_store(const char *path)
{
	struct clade_store *store;
	struct clade_diag diag;
	clade_diag_init(&diag);
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	if (clade_store_add(store, path, &diag) != CLADE_OK)
		fail_msg("%s: %s", diag.where, diag.text);
	return store;
}

/* Equal bits, any NaN as one; i32 compare the same way. */
static bool same(const float *a, const float *b, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		if (memcmp(a + i, b + i, 4) != 0 && !(isnan(a[i]) && isnan(b[i])))
			return false;
	return true;
}

/* Each tensor NAME must read as NAME.values does. */
static void check_values(const char *path, int expected_kinds)
{
	struct clade_store *store = open_store(path);
	struct clade_diag diag;
	int kinds = 0, ranges = 0;
	int64_t values = 0, count;
	clade_diag_init(&diag);
	for (size_t t = 0; t < clade_store_count(store); t++) {
		const struct clade_store_tensor *tensor = clade_store_at(store, t), *expected;
		char name[80];
		float *want, *got;
		if (strstr(tensor->name, ".values") != NULL)
			continue;
		snprintf(name, sizeof(name), "%s.values", tensor->name);
		expected = clade_store_find(store, name);
		assert_non_null(expected);
		assert_true(clade_type_count(&tensor->type, &count));
		want = malloc((size_t)count * 4);
		got = malloc((size_t)count * 4);
		assert_int_equal(clade_store_read(store, expected, 0, count, want, &diag), CLADE_OK);
		assert_int_equal(clade_store_read(store, tensor, 0, count, got, &diag), CLADE_OK);
		if (!same(got, want, count))
			fail_msg("%s: not the golden values", tensor->name);
		/* starts and lengths on both sides of every block's edge */
		for (int64_t first = 0; first < count; first += first < 66 ? 1 : 61)
			for (int64_t length = 0; length <= count - first; length += length < 66 ? 13 : 509) {
				memset(got, 0x55, (size_t)count * 4);
				assert_int_equal(clade_store_read(store, tensor, first, length, got, &diag), CLADE_OK);
				if (!same(got, want + first, length))
					fail_msg("%s: elements [%d, +%d)", tensor->name, (int)first, (int)length);
				if (length < count)
					assert_memory_equal(got + length, "\x55\x55\x55\x55", 4);
				ranges++;
			}
		assert_int_equal(clade_store_read(store, tensor, count, 1, got, &diag), CLADE_ERR_ARGUMENT);
		clade_diag_reset(&diag);
		free(want);
		free(got);
		kinds++;
		values += count;
	}
	print_message("%d encodings, %d values, %d ranges\n", kinds, (int)values, ranges);
	assert_int_equal(kinds, expected_kinds);
	clade_store_destroy(&store);
	clade_diag_finish(&diag);
}

static void test_values(void **state)
{
	check_values(CLADE_GOLDEN "/blocks.gguf", 15);
	check_values(CLADE_GOLDEN "/dtypes.safetensors", 10);
	struct clade_store *store = open_store(CLADE_GOLDEN "/blocks.gguf");
	assert_string_equal(clade_store_find(store, "q4_k")->encoding, "q4_k");
	assert_int_equal(clade_store_find(store, "q4_k")->type.dtype, CLADE_F32);
	assert_string_equal(clade_store_find(store, "bf16")->encoding, "bf16");
	clade_store_destroy(&store);
}

/* A file with a value of every type, arrays of every type and one tensor. */
static void test_metadata(void **state)
{
	struct image image = gguf_rich();
	struct clade_meta meta;
	enum clade_meta_kind kind;
	size_t count;
	put(SCRATCH("rich.gguf"), image.bytes, image.count);
	image_free(&image);
	struct clade_store *store = open_store(SCRATCH("rich.gguf"));
	static const struct {
		const char *key;
		enum clade_meta_kind kind;
		double value;
	} numbers[] = {
		{ "x.u8", CLADE_META_INT, 200 },        { "x.i8", CLADE_META_INT, -56 },
		{ "x.u16", CLADE_META_INT, 60000 },     { "x.i16", CLADE_META_INT, -5536 },
		{ "x.u32", CLADE_META_INT, 4e9 },       { "x.i32", CLADE_META_INT, -294967296 },
		{ "x.f32", CLADE_META_FLOAT, -1.5 },    { "x.bool", CLADE_META_BOOL, 1 },
		{ "x.u64", CLADE_META_INT, 1ll << 40 }, { "x.i64", CLADE_META_INT, -2 },
		{ "x.f64", CLADE_META_FLOAT, 0.1 },
	};
	assert_string_equal(clade_store_format(store), "gguf");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char key[32];
		if (!clade_store_meta(store, numbers[i].key, &meta) || meta.kind != numbers[i].kind ||
		    (meta.kind == CLADE_META_FLOAT ? meta.f : (double)meta.i) != numbers[i].value)
			fail_msg("%s", numbers[i].key);
		/* the array of the type holds 0, the value, 0 */
		snprintf(key, sizeof(key), "a.%s", numbers[i].key + 2);
		assert_true(clade_store_array(store, key, &count, &kind));
		assert_int_equal(count, 3);
		assert_int_equal(kind, numbers[i].kind);
		assert_true(clade_store_array_item(store, key, 1, &meta));
		assert_true((meta.kind == CLADE_META_FLOAT ? meta.f : (double)meta.i) == numbers[i].value);
		assert_true(clade_store_array_item(store, key, 2, &meta) && meta.i == 0 && meta.f == 0);
		assert_false(clade_store_array_item(store, key, 3, &meta));
		assert_int_equal(meta.kind, CLADE_META_NONE);
	}
	assert_true(clade_store_meta(store, "x.string", &meta) && strcmp(meta.s, "hällo") == 0);
	assert_true(clade_store_array(store, "a.string", &count, &kind) && count == 3 && kind == CLADE_META_STRING);
	assert_true(clade_store_array_item(store, "a.string", 1, &meta) && strcmp(meta.s, "hällo") == 0);
	assert_true(clade_store_array_item(store, "a.string", 2, &meta) && strcmp(meta.s, "") == 0);
	assert_true(clade_store_meta(store, "a.string.1", &meta) && strcmp(meta.s, "hällo") == 0);
	assert_false(clade_store_meta(store, "a.string.3", &meta));
	assert_false(clade_store_meta(store, "a.string.01", &meta));
	assert_false(clade_store_meta(store, "x.u8.0", &meta));
	assert_true(clade_store_meta(store, "a.u8", &meta) && meta.kind == CLADE_META_ARRAY && meta.i == 3);
	assert_true(clade_store_array(store, "a.empty", &count, &kind) && count == 0 && kind == CLADE_META_NONE);
	assert_false(clade_store_array(store, "x.u8", &count, &kind));
	assert_false(clade_store_array(store, "absent", &count, &kind));
	assert_string_equal(clade_store_meta_type(store, 0), "u8");
	assert_string_equal(clade_store_meta_type(store, 3), "i8"); /* of the elements */
	assert_null(clade_store_meta_type(store, 1000));
	const struct clade_store_tensor *tensor = clade_store_find(store, "t");
	assert_int_equal(tensor->type.rank, 2); /* the file has [3, 2], innermost first */
	assert_int_equal(tensor->type.dims[0], 2);
	assert_int_equal(tensor->type.dims[1], 3);
	clade_store_destroy(&store);
}

static void test_json_arrays(void **state)
{
	put_text(SCRATCH("arrays.json"), "{\"a\":[1,2,3],\"b\":[1,\"x\"],\"c\":{\"d\":1},\"e\":[],\"f\":7}");
	struct clade_store *store = open_store(SCRATCH("arrays.json"));
	struct clade_meta meta;
	enum clade_meta_kind kind;
	size_t count;
	assert_true(clade_store_array(store, "a", &count, &kind) && count == 3 && kind == CLADE_META_INT);
	assert_true(clade_store_array_item(store, "a", 2, &meta) && meta.i == 3);
	assert_false(clade_store_array_item(store, "a", 3, &meta));
	assert_true(clade_store_array(store, "b", &count, &kind) && count == 2 && kind == CLADE_META_OTHER);
	assert_false(clade_store_array(store, "c", &count, &kind));
	assert_false(clade_store_array(store, "f", &count, &kind));
	clade_store_destroy(&store);
}

/* 100,000 tensors and a vocabulary of 150,000 tokens: linear time. */
static void test_many(void **state)
{
	struct image image = gguf_head(3, 100000, 2);
	struct clade_meta meta;
	struct clade_diag diag;
	struct timespec from, to;
	size_t count;
	gguf_text(&image, "general.architecture");
	gguf_u32(&image, 8);
	gguf_text(&image, "many");
	gguf_text(&image, "tokenizer.ggml.tokens");
	gguf_u32(&image, 9);
	gguf_u32(&image, 8);
	gguf_u64(&image, 150000);
	image.bytes = realloc(image.bytes, 16 << 20);
	size_t at = image.count;
	for (int i = 0; i < 150000 + 100000; i++) { /* as image_add, without a realloc each */
		uint64_t words[4] = { (uint64_t)sprintf((char *)image.bytes + at + 8, "name%d", i), 1, 8, 0 };
		uint32_t rank = 1, type = 0;
		memcpy(image.bytes + at, words, 8);
		at += 8 + words[0];
		if (i < 150000)
			continue;
		words[3] = (uint64_t)(i - 150000) * 32;
		memcpy(image.bytes + at, &rank, 4);
		memcpy(image.bytes + at + 4, &words[2], 8);
		memcpy(image.bytes + at + 12, &type, 4);
		memcpy(image.bytes + at + 16, &words[3], 8);
		at += 24;
	}
	image.bytes = realloc(image.bytes, at + 32 + 3200000);
	memset(image.bytes + at, 0, 32 + 3200000);
	put(SCRATCH("many.gguf"), image.bytes, at + 32 + 3200000);
	image_free(&image);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(try_store(SCRATCH("many.gguf"), &diag, &count), CLADE_OK);
	clock_gettime(CLOCK_MONOTONIC, &to);
	double seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
	print_message("%zu tensors and 150000 tokens in %.3f s\n", count, seconds);
	assert_int_equal(count, 100000);
	assert_true(seconds < 1.0 * CLADE_TEST_SLOW);
	struct clade_store *store = open_store(SCRATCH("many.gguf"));
	assert_true(clade_store_array_item(store, "tokenizer.ggml.tokens", 149999, &meta));
	assert_string_equal(meta.s, "name149999");
	clade_store_destroy(&store);
	clade_diag_finish(&diag);
}

static void test_real_files(void **state)
{
	const char *shared = getenv("CLADE_SHARED_DATA");
	char path[512];
	struct clade_meta meta;
	enum clade_meta_kind kind;
	size_t count;
	if (shared == NULL) {
		print_message("skipped: CLADE_SHARED_DATA is not set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/stories260K/stories260K-q8_0.gguf", shared);
	struct clade_store *store = open_store(path);
	assert_int_equal(clade_store_count(store), 47);
	assert_string_equal(clade_store_find(store, "blk.0.attn_q.weight")->encoding, "q8_0");
	assert_string_equal(clade_store_find(store, "blk.0.ffn_down.weight")->encoding, "f16");
	assert_true(clade_store_meta(store, "llama.attention.head_count_kv", &meta) && meta.i == 4);
	clade_store_destroy(&store);
	snprintf(path, sizeof(path), "%s/tokenizers/llama.cpp/ggml-vocab-gpt-2.gguf", shared);
	store = open_store(path);
	assert_int_equal(clade_store_count(store), 0);
	assert_true(clade_store_array(store, "tokenizer.ggml.merges", &count, &kind) && count == 50000);
	assert_true(clade_store_array_item(store, "tokenizer.ggml.tokens", 50256, &meta));
	assert_string_equal(meta.s, "<|endoftext|>");
	clade_store_destroy(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_metadata),   cmocka_unit_test(test_json_arrays),
		cmocka_unit_test(test_many),   cmocka_unit_test(test_real_files),
	};
	return cmocka_run_group_tests_name("gguf", tests, NULL, remove_scratch);
}

/* SPDX-License-Identifier: MIT */
/* Stores over several files: config.json, folders, shards by index, and names that must not leave the folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "files.h"

#include <limits.h>

static const char config_text[] =
	"{\"model_type\": \"llama\", \"layers\": 4, \"eps\": 1e-05, \"tied\": true, \"none\": null,\n"
	" \"rope\": {\"theta\": 10000, \"deep\": {\"x\": -1}}, \"architectures\": [\"A\", {\"b\": 2}], \"empty\": {}}";

static void test_config(void **state)
{
	struct clade_store *store;
	struct clade_diag diag;
	struct clade_meta meta;
	const char *key;
	clade_diag_init(&diag);
	put_text(SCRATCH("config.json"), config_text);
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	assert_false(clade_store_meta(store, "layers", &meta));
	assert_int_equal(clade_store_add(store, SCRATCH("config.json"), &diag), CLADE_OK);
	assert_string_equal(clade_store_format(store), "");
	assert_true(clade_store_meta(store, "layers", &meta) && meta.kind == CLADE_META_INT && meta.i == 4 &&
		    meta.f == 4);
	assert_true(clade_store_meta(store, "eps", &meta) && meta.kind == CLADE_META_FLOAT && meta.f == 1e-05);
	assert_true(clade_store_meta(store, "tied", &meta) && meta.kind == CLADE_META_BOOL && meta.i == 1);
	assert_true(clade_store_meta(store, "rope.theta", &meta) && meta.i == 10000);
	assert_true(clade_store_meta(store, "rope.deep.x", &meta) && meta.i == -1);
	assert_true(clade_store_meta(store, "rope", &meta) && meta.kind == CLADE_META_OTHER);
	assert_true(clade_store_meta(store, "architectures", &meta) && meta.kind == CLADE_META_OTHER);
	assert_true(clade_store_meta(store, "architectures.0", &meta) && strcmp(meta.s, "A") == 0);
	assert_true(clade_store_meta(store, "architectures.1.b", &meta) && meta.i == 2);
	assert_false(clade_store_meta(store, "none", &meta));
	assert_false(clade_store_meta(store, "layer", &meta));
	assert_true(clade_store_meta_at(store, 0, &key, &meta));
	assert_string_equal(key, "model_type");
	assert_true(clade_store_meta_at(store, 4, &key, &meta) && meta.kind == CLADE_META_NONE);
	assert_false(clade_store_meta_at(store, 1000, &key, &meta));
	clade_store_destroy(&store);
	clade_diag_finish(&diag);
}

static void expect(const char *name, const char *path, enum clade_status status, unsigned id, const char *text)
{
	struct clade_diag diag;
	size_t count;
	enum clade_status got = try_store(path, &diag, &count);
	if (got != status || diag.id != id || strstr(diag.text, text) == NULL)
		fail_msg("%s: status %s, id %u, \"%s\"", name, clade_status_name(got), diag.id, diag.text);
	assert_int_equal(count, 0);
	clade_diag_finish(&diag);
}

static void test_bad_config(void **state)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
		{ "", "JSON" },
		{ "[]", "JSON object" },
		{ "{", "JSON" },
		{ "{\"a\":1}}", "JSON" },
		{ "{\"a\":1,\"a\":1}", "duplicate" },
		{ "{\"a\":1e999}", "JSON" },
		{ "{\"a\":NaN}", "JSON" },
		{ "{\"a\":\"\xff\"}", "JSON" },
		{ "{a:1}", "JSON" },
		{ "{\"a\":99999999999999999999}", "JSON" },
	};
	const char *path = SCRATCH("bad.json");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_text(path, cases[i].text);
		expect(cases[i].text, path, CLADE_ERR_DATA, CLADE_MSG_FILE_CONFIG, cases[i].what);
	}
	put_text(path, "{\"a.b\":1,\"a\":{\"b\":2}}");
	expect("ambiguous key", path, CLADE_ERR_DATA, CLADE_MSG_FILE_TWICE, "given twice");
	char *deep = malloc(8000), *at = deep;
	for (int i = 0; i < 1000; i++)
		at += sprintf(at, "{\"a\":");
	put_text(path, deep);
	expect("unclosed depth", path, CLADE_ERR_DATA, CLADE_MSG_FILE_CONFIG, "JSON");
	at += sprintf(at, "1");
	for (int i = 0; i < 1000; i++)
		at += sprintf(at, "}");
	put_text(path, deep);
	free(deep);
	expect("depth", path, CLADE_ERR_DATA, CLADE_MSG_FILE_CONFIG, "nested too deeply");
	put_text(path, "version https://git-lfs.github.com/spec/v1\n");
	expect("LFS", path, CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "git lfs");
}

static void put_tensor(const char *path, const char *name)
{
	char header[256];
	snprintf(header, sizeof(header), "{\"%s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", name);
	struct image image = image_safetensors(header, 8);
	put(path, image.bytes, image.count);
	image_free(&image);
}

static void test_shards(void **state)
{
	struct clade_store *store;
	struct clade_diag diag;
	clade_diag_init(&diag);
	mkdir(SCRATCH("model"), 0700);
	put_text(SCRATCH("model/config.json"), config_text);
	put_tensor(SCRATCH("model/model-1.safetensors"), "a");
	put_tensor(SCRATCH("model/model-2.safetensors"), "b");
	put_text(SCRATCH("model/model.safetensors.index.json"),
		 "{\"metadata\":{\"total_size\":16},"
		 "\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}}");
	for (int whole = 0; whole < 2; whole++) {
		assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
		const char *path = whole ? SCRATCH("model") : SCRATCH("model/model.safetensors.index.json");
		assert_int_equal(clade_store_add(store, path, &diag), CLADE_OK);
		assert_int_equal(clade_store_count(store), 2);
		assert_string_equal(clade_store_format(store), "safetensors");
		assert_non_null(strstr(clade_store_find(store, "b")->file, "model-2"));
		struct clade_meta meta;
		assert_true(clade_store_meta(store, "layers", &meta) == (whole == 1));
		clade_store_destroy(&store);
	}
	clade_diag_finish(&diag);
}

static void test_bad_shards(void **state)
{
	static const struct {
		const char *map, *text;
	} cases[] = {
		{ "{\"a\":\"../model-1.safetensors\"}", "bare file name" },
		{ "{\"a\":\"/etc/passwd\"}", "bare file name" },
		{ "{\"a\":\"sub/../../x\"}", "bare file name" },
		{ "{\"a\":\"..\"}", "bare file name" },
		{ "{\"a\":\".\"}", "bare file name" },
		{ "{\"a\":\"\"}", "bare file name" },
		{ "{\"a\":7}", "must name a file" },
		{ "{\"a\":\"absent.safetensors\"}", "cannot be opened" },
		{ "{\"a\":\"leaves.safetensors\"}", "leaves the folder" },
		{ "{\"z\":\"model-1.safetensors\"}", "does not hold it" },
		{ "{}", "no weight_map" },
		{ "[]", "no weight_map" },
	};
	put_tensor(SCRATCH("outside.safetensors"), "a");
	assert_int_equal(symlink("../outside.safetensors", SCRATCH("model/leaves.safetensors")), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "{\"weight_map\":%s}", cases[i].map);
		put_text(SCRATCH("model/model.safetensors.index.json"), text);
		expect(text, SCRATCH("model"), CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, cases[i].text);
	}
	put_tensor(SCRATCH("model/model-2.safetensors"), "a");
	put_text(SCRATCH("model/model.safetensors.index.json"),
		 "{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}}");
	expect("twice", SCRATCH("model"), CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, "does not hold it");
	put_text(SCRATCH("model/model.safetensors.index.json"),
		 "{\"weight_map\":{\"a\":\"model-1.safetensors\",\"\\u0061b\":\"model-2.safetensors\"}}");
	unlink(SCRATCH("model/model-2.safetensors"));
	put_tensor(SCRATCH("model/model-2.safetensors"), "ab");
	size_t count;
	struct clade_diag diag;
	assert_int_equal(try_store(SCRATCH("model"), &diag, &count), CLADE_OK);
	mkfifo(SCRATCH("model/fifo"), 0600);
	put_text(SCRATCH("model/model.safetensors.index.json"), "{\"weight_map\":{\"a\":\"fifo\"}}");
	expect("FIFO", SCRATCH("model"), CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "FIFO");
	clade_diag_finish(&diag);
}

/* Hugging Face's cache: the shards are links from snapshots/REVISION to blobs/. */
static void test_hub_cache(void **state)
{
	struct clade_diag diag;
	size_t count;
	mkdir(SCRATCH("hub"), 0700);
	mkdir(SCRATCH("hub/blobs"), 0700);
	mkdir(SCRATCH("hub/snapshots"), 0700);
	mkdir(SCRATCH("hub/snapshots/rev"), 0700);
	put_tensor(SCRATCH("hub/blobs/0123"), "a");
	put_text(SCRATCH("hub/blobs/4567"), "{\"weight_map\":{\"a\":\"model-1.safetensors\"}}");
	assert_int_equal(symlink("../../blobs/0123", SCRATCH("hub/snapshots/rev/model-1.safetensors")), 0);
	assert_int_equal(symlink("../../blobs/4567", SCRATCH("hub/snapshots/rev/model.safetensors.index.json")), 0);
	assert_int_equal(try_store(SCRATCH("hub/snapshots/rev"), &diag, &count), CLADE_OK);
	assert_int_equal(count, 1);
	clade_diag_finish(&diag);
}

static void test_other_things(void **state)
{
	mkdir(SCRATCH("nothing"), 0700);
	expect("empty folder", SCRATCH("nothing"), CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "neither config.json");
	put_text(SCRATCH("nothing/pytorch_model.bin"), "PK\x03\x04");
	expect("pickle folder", SCRATCH("nothing"), CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "pytorch_model.bin");
	expect("absent", SCRATCH("absent.safetensors"), CLADE_ERR_IO, CLADE_MSG_IO, "No such file");
	expect("device", "/dev/zero", CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "device");
	mkfifo(SCRATCH("fifo.safetensors"), 0600);
	expect("FIFO", SCRATCH("fifo.safetensors"), CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "FIFO");
	put_text(SCRATCH("weights.bin"), "PK\x03\x04");
	expect("zip", SCRATCH("weights.bin"), CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "zip");
	put_text(SCRATCH("weights.txt"), "hello");
	expect("text", SCRATCH("weights.txt"), CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "must end in");
	mkdir(SCRATCH("dir.safetensors"), 0700);
	expect("folder by name", SCRATCH("dir.safetensors"), CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, "neither");
	put_tensor(SCRATCH("newline.safetensors"), "a\\nb");
	put_tensor(SCRATCH("newline2.safetensors"), "a\\nb");
	struct clade_store *store;
	struct clade_diag diag;
	clade_diag_init(&diag);
	assert_int_equal(clade_store_create(NULL, &store, &diag), CLADE_OK);
	assert_int_equal(clade_store_add(store, SCRATCH("newline.safetensors"), &diag), CLADE_OK);
	assert_int_equal(clade_store_add(store, SCRATCH("newline2.safetensors"), &diag), CLADE_ERR_DATA);
	assert_non_null(strstr(diag.text, "a\\x0ab"));
	assert_int_equal(clade_store_count(store), 1);
	clade_store_destroy(&store);
	clade_diag_finish(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),    cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_shards),    cmocka_unit_test(test_bad_shards),
		cmocka_unit_test(test_hub_cache), cmocka_unit_test(test_other_things),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, remove_scratch);
}

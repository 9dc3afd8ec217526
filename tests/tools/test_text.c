/* SPDX-License-Identifier: MIT */
/* The tokenizer library: ids and texts equal to Hugging Face's (text_golden.json, by make_text_golden.py), refusals by
 * name, damaged files, and decoders that never give half a character. Usage: test_text GOLDEN DATES_TOKENIZER */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden_path, *dates_path;

static void check_ids(const char *name, const char *text, const json_t *expected, const int32_t *ids, size_t count)
{
	bool same = json_array_size(expected) == count;
	for (size_t i = 0; same && i < count; i++)
		same = json_integer_value(json_array_get(expected, i)) == ids[i];
	if (same)
		return;
	print_error("%s \"%s\": ", name, text);
	for (size_t i = 0; i < count; i++)
		print_error("%d ", ids[i]);
	print_error("expected %s\n", json_dumps(expected, 0));
	fail();
}

static void check_text(const char *name, const struct clade_tokenizer *tokenizer, bool skip, const json_t *ids,
		       const json_t *expected)
{
	struct clade_decoder *decoder;
	struct clade_diag diag;
	struct text_buffer all = { 0 };
	const char *part;
	size_t bytes;
	clade_diag_init(&diag);
	assert_int_equal(clade_decoder_create(tokenizer, skip, &decoder, &diag), CLADE_OK);
	for (size_t i = 0; i < json_array_size(ids); i++) {
		int32_t id = (int32_t)json_integer_value(json_array_get(ids, i));
		assert_int_equal(clade_decoder_push(decoder, id, &part, &bytes, &diag), CLADE_OK);
		assert_int_equal(utf8_check(part, bytes), bytes);
		assert_true(text_add(&all, part, bytes));
	}
	assert_int_equal(clade_decoder_finish(decoder, &part, &bytes, &diag), CLADE_OK);
	assert_true(text_add(&all, part, bytes));
	if (all.count != json_string_length(expected) || memcmp(all.bytes, json_string_value(expected), all.count) != 0)
		fail_msg("%s: \"%s\", expected \"%s\"", name, all.bytes, json_string_value(expected));
	text_finish(&all);
	clade_decoder_destroy(&decoder);
	clade_diag_finish(&diag);
}

static void test_golden(void **state)
{
	json_t *root = json_load_file(golden_path, JSON_ALLOW_NUL, NULL), *variant, *item;
	size_t v, c, checked = 0;
	assert_non_null(root);
	json_array_foreach(root, v, variant)
	{
		const char *name = json_string_value(json_object_get(variant, "name"));
		char *text = json_dumps(json_object_get(variant, "tokenizer"), 0);
		struct clade_tokenizer *tokenizer;
		struct clade_diag diag;
		clade_diag_init(&diag);
		if (clade_tokenizer_parse(NULL, name, text, strlen(text), &tokenizer, &diag) != CLADE_OK)
			fail_msg("%s: %s", name, diag.text);
		free(text);
		json_array_foreach(json_object_get(variant, "cases"), c, item)
		{
			const json_t *source = json_object_get(item, "text"), *ids = json_object_get(item, "ids");
			for (int special = 0; special < 2; special++) {
				int32_t *got;
				size_t count;
				if (clade_tokenizer_encode(tokenizer, json_string_value(source),
							   json_string_length(source), special, &got, &count,
							   &diag) != CLADE_OK)
					fail_msg("%s: %s", name, diag.text);
				check_ids(name, json_string_value(source),
					  special ? ids : json_object_get(item, "plain"), got, count);
				clade_free(NULL, got);
				checked++;
			}
			check_text(name, tokenizer, true, ids, json_object_get(item, "decoded"));
			check_text(name, tokenizer, false, ids, json_object_get(item, "decoded_all"));
		}
		clade_tokenizer_destroy(&tokenizer);
		clade_diag_finish(&diag);
	}
	print_message("%zu tokenizers, %zu encodings\n", json_array_size(root), checked);
	assert_true(checked > 1000);
	json_decref(root);
}

/* The file's text, NULL (and a reason) if it is absent. */
static char *read_dates(size_t *out_bytes)
{
	static char text[65536];
	FILE *file = fopen(dates_path, "rb");
	if (file == NULL) {
		print_message("skip: %s is absent\n", dates_path);
		skip();
	}
	*out_bytes = fread(text, 1, sizeof(text), file);
	fclose(file);
	return text;
}

static void test_dates(void **state)
{
	static const int32_t expected[] = { 34, 22, 19, 4,  8,  32, 18, 4,  29, 20, 4, 27,
					    15, 32, 17, 22, 41, 4,  6,  14, 14, 13, 2 };
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	int32_t *ids;
	size_t count;
	const char *text = "the 3rd of March, 1998";
	clade_diag_init(&diag);
	size_t bytes;
	const char *json = read_dates(&bytes);
	if (clade_tokenizer_parse(NULL, "tokenizer.json", json, bytes, &tokenizer, &diag) != CLADE_OK)
		fail_msg("%s: %s", diag.where, diag.text);
	assert_string_equal(clade_tokenizer_kind(tokenizer), "WordLevel");
	assert_int_equal(clade_tokenizer_size(tokenizer), 57);
	assert_int_equal(clade_tokenizer_find(tokenizer, "</s>"), 2);
	assert_int_equal(clade_tokenizer_find(tokenizer, "nothing"), -1);
	assert_true(clade_tokenizer_is_special(tokenizer, 0));
	assert_false(clade_tokenizer_is_special(tokenizer, 5));
	assert_string_equal(clade_tokenizer_token(tokenizer, 5), "0");
	assert_null(clade_tokenizer_token(tokenizer, 57));
	assert_null(clade_tokenizer_token(tokenizer, -1));
	assert_int_equal(clade_tokenizer_encode(tokenizer, text, strlen(text), true, &ids, &count, &diag), CLADE_OK);
	assert_int_equal(count, sizeof(expected) / sizeof(expected[0]));
	assert_memory_equal(ids, expected, sizeof(expected));
	clade_free(NULL, ids);
	assert_int_equal(clade_tokenizer_encode(tokenizer, "a\xffz", 3, true, &ids, &count, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_TEXT_UTF8);
	assert_null(ids);
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
}

#define MODEL "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":1},\"unk_token\":\"?\"}"

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		enum clade_status status;
		const char *what;
	} cases[] = {
		{ "", CLADE_ERR_DATA, "JSON" },
		{ "[]", CLADE_ERR_DATA, "JSON object" },
		{ "{}", CLADE_ERR_DATA, "no \"model\"" },
		{ "{" MODEL, CLADE_ERR_DATA, "JSON" },
		{ "{\"model\":{\"type\":\"Syllables\",\"vocab\":{\"a\":0}}}", CLADE_ERR_UNSUPPORTED, "\"Syllables\"" },
		{ "{\"model\":{\"type\":\"WordLevel\"}}", CLADE_ERR_DATA, "vocab" },
		{ "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}", CLADE_ERR_DATA, "vocab" },
		{ "{\"model\":{\"type\":\"WordLevel\",\"vocab\":[]}}", CLADE_ERR_DATA, "vocab" },
		{ "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":-1}}}", CLADE_ERR_DATA, "the id of \"a\"" },
		{ "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1.5}}}", CLADE_ERR_DATA, "the id of \"a\"" },
		{ "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":2147483647}}}", CLADE_ERR_DATA,
		  "the id of \"a\"" },
		{ "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1,\"b\":1}}}", CLADE_ERR_DATA, "the same id 1" },
		{ "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1,\"a\":2}}}", CLADE_ERR_DATA, "duplicate" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Shout\"}}", CLADE_ERR_UNSUPPORTED, "normalizer \"Shout\"" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true}}", CLADE_ERR_DATA,
		  "handle_chinese_chars" },
		{ "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", CLADE_ERR_DATA, "unk_token" },
		{ "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"a\",\"continuing_subword_prefix\":\"##\","
		  "\"max_input_chars_per_word\":-1,\"vocab\":{\"a\":0}}}",
		  CLADE_ERR_DATA, "max_input_chars_per_word" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Strip\"}}", CLADE_ERR_DATA, "strip_left" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Sequence\"}}", CLADE_ERR_DATA, "normalizers" },
		{ "{" MODEL ",\"normalizer\":7}", CLADE_ERR_DATA, "object or null" },
		{ "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Syllables\"}}", CLADE_ERR_UNSUPPORTED,
		  "pre_tokenizer \"Syllables\"" },
		{ "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Split\"}}", CLADE_ERR_DATA, "pattern" },
		{ "{" MODEL
		  ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Removed\"}}",
		  CLADE_ERR_DATA, "not valid at" },
		{ "{" MODEL
		  ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Eaten\"}}",
		  CLADE_ERR_UNSUPPORTED, "\"Eaten\"" },
		{ "{" MODEL ",\"decoder\":{\"type\":\"Whisper\"}}", CLADE_ERR_UNSUPPORTED, "decoder \"Whisper\"" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Prepend\"}}", CLADE_ERR_DATA, "Prepend" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Replace\",\"content\":\"a\"}}", CLADE_ERR_DATA, "pattern" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\"}}", CLADE_ERR_DATA, "charsmap" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"\"}}", CLADE_ERR_DATA,
		  "not empty" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"A\"}}",
		  CLADE_ERR_DATA, "not base64" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAA=\"}}",
		  CLADE_ERR_DATA, "too few" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAAAAA=\"}}",
		  CLADE_ERR_DATA, "has 0 bytes" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"////f///\"}}",
		  CLADE_ERR_DATA, "bytes; it must" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"BAAAAAAEAAAA\"}}",
		  CLADE_ERR_DATA, "unit 0 points to unit 1 of 1" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"BAAAAAUAAIAA\"}}",
		  CLADE_ERR_DATA, "rule 0 points to byte 5 of 1" },
		{ "{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"BAAAAAAEAABh\"}}",
		  CLADE_ERR_DATA, "end with a NUL" },
		{ "{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", CLADE_ERR_DATA, "no vocabulary" },
		{ "{\"model\":{\"type\":\"Unigram\",\"vocab\":{\"a\":1}}}", CLADE_ERR_DATA, "no vocabulary" },
		{ "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1],[\"b\"]]}}", CLADE_ERR_DATA, "entry 1" },
		{ "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"b\"]]}}", CLADE_ERR_DATA, "entry 0" },
		{ "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1e999]]}}", CLADE_ERR_DATA, "JSON" },
		{ "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",NaN]]}}", CLADE_ERR_DATA, "JSON" },
		{ "{\"model\":{\"type\":\"Unigram\",\"unk_id\":1,\"vocab\":[[\"a\",-1]]}}", CLADE_ERR_DATA, "unk_id" },
		{ "{\"model\":{\"type\":\"Unigram\",\"unk_id\":-1,\"vocab\":[[\"a\",-1]]}}", CLADE_ERR_DATA, "unk_id" },
		{ "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",-1],[\"a\",-2]]}}", CLADE_ERR_DATA,
		  "two ids" },
		{ "{\"model\":{\"type\":\"Unigram\",\"byte_fallback\":1,\"vocab\":[[\"a\",-1]]}}", CLADE_ERR_DATA,
		  "byte_fallback" },
		{ "{" MODEL ",\"decoder\":{\"type\":\"WordPiece\"}}", CLADE_ERR_DATA, "prefix" },
		{ "{" MODEL ",\"decoder\":{\"type\":\"Strip\",\"content\":\"ab\"}}", CLADE_ERR_DATA, "one character" },
		{ "{" MODEL ",\"decoder\":{\"type\":\"Strip\",\"content\":\"a\",\"start\":-1,\"stop\":0}}",
		  CLADE_ERR_DATA, "two counts" },
		{ "{" MODEL ",\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"\"}}", CLADE_ERR_DATA,
		  "replacement" },
		{ "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\","
		  "\"prepend_scheme\":\"last\"}}",
		  CLADE_ERR_UNSUPPORTED, "\"last\"" },
		{ "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\","
		  "\"prepend_scheme\":\"first\",\"add_prefix_space\":false}}",
		  CLADE_ERR_DATA, "add_prefix_space" },
		{ "{" MODEL ",\"post_processor\":{\"type\":\"PairProcessing\"}}", CLADE_ERR_UNSUPPORTED,
		  "post_processor \"PairProcessing\"" },
		{ "{" MODEL ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}}", CLADE_ERR_DATA,
		  "no Sequence" },
		{ "{" MODEL ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":"
		  "[{\"SpecialToken\":{\"id\":\"x\"}}]}}",
		  CLADE_ERR_DATA, "special token \"x\"" },
		{ "{" MODEL ",\"added_tokens\":[{\"id\":5,\"content\":\"a\"}]}", CLADE_ERR_DATA,
		  "in the vocabulary 0" },
		{ "{" MODEL ",\"added_tokens\":[{\"id\":5,\"content\":\"\"}]}", CLADE_ERR_DATA, "an id and a content" },
		{ "{" MODEL ",\"added_tokens\":[{\"id\":1,\"content\":\"x\"}]}", CLADE_ERR_DATA,
		  "is \"b\" in the vocabulary" },
		{ "{" MODEL ",\"added_tokens\":[{\"id\":5,\"content\":\"x\"},{\"id\":5,\"content\":\"y\"}]}",
		  CLADE_ERR_DATA, "the same id 5" },
		{ "{" MODEL ",\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",0],\"sep\":[\"c\",2]}}",
		  CLADE_ERR_DATA, "no token has the id 2" },
		{ "{" MODEL ",\"added_tokens\":{}}", CLADE_ERR_DATA, "must be a list" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clade_tokenizer *tokenizer;
		struct clade_diag diag;
		clade_diag_init(&diag);
		enum clade_status status =
			clade_tokenizer_parse(NULL, "t.json", cases[i].text, strlen(cases[i].text), &tokenizer, &diag);
		if (status != cases[i].status || strstr(diag.text, cases[i].what) == NULL || tokenizer != NULL)
			fail_msg("%s: %s: \"%s\"", cases[i].text, clade_status_name(status), diag.text);
		assert_string_equal(diag.where, "t.json");
		clade_diag_finish(&diag);
	}
	print_message("%zu refused\n", sizeof(cases) / sizeof(cases[0]));
}

/* Every truncation of the file that ships is refused without harm. */
static void test_truncated(void **state)
{
	size_t bytes;
	const char *text = read_dates(&bytes);
	while (bytes > 0 && strchr("} \n", text[bytes - 1]) != NULL)
		bytes--;
	for (; bytes > 0; bytes--) {
		struct clade_tokenizer *tokenizer;
		assert_int_equal(clade_tokenizer_parse(NULL, "t", text, bytes, &tokenizer, NULL), CLADE_ERR_DATA);
	}
}

static void test_no_unknown(void **state)
{
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	int32_t *ids;
	size_t count;
	clade_diag_init(&diag);
	const char *text = "{" MODEL "}";
	assert_int_equal(clade_tokenizer_parse(NULL, "t", text, strlen(text), &tokenizer, &diag), CLADE_OK);
	assert_int_equal(clade_tokenizer_encode(tokenizer, "c", 1, true, &ids, &count, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_TEXT_UNKNOWN);
	clade_diag_reset(&diag);
	assert_int_equal(clade_tokenizer_encode(tokenizer, "", 0, true, &ids, &count, &diag), CLADE_OK);
	assert_int_equal(count, 0);
	assert_non_null(ids);
	clade_free(NULL, ids);
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
}

/* A pattern that backtracks without end is stopped. */
static void test_catastrophic_pattern(void **state)
{
	const char *text =
		"{" MODEL ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+$|(x+x+)+y\"},"
		"\"behavior\":\"Isolated\"}}";
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	int32_t *ids;
	size_t count;
	char long_text[64];
	clade_diag_init(&diag);
	memset(long_text, 'x', sizeof(long_text));
	assert_int_equal(clade_tokenizer_parse(NULL, "t", text, strlen(text), &tokenizer, &diag), CLADE_OK);
	assert_int_equal(clade_tokenizer_encode(tokenizer, long_text, sizeof(long_text), true, &ids, &count, &diag),
			 CLADE_ERR_DATA);
	assert_non_null(strstr(diag.text, "pattern failed"));
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
}

/* Bytes arriving one by one: what comes out is always whole, and the sum is what Python's errors="replace" gives. */
static void test_release(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "abc", "abc" },
		{ "\xc3\xa9", "\xc3\xa9" },
		{ "\xe4\xbd\xa0\xf0\x9f\x98\x80", "\xe4\xbd\xa0\xf0\x9f\x98\x80" },
		{ "a\xff"
		  "b",
		  "a\xef\xbf\xbd"
		  "b" },
		{ "\xe4\xbd", "\xef\xbf\xbd" },
		{ "\xe4\xbd"
		  "a",
		  "\xef\xbf\xbd"
		  "a" },
		{ "\xf0\x9f\x98", "\xef\xbf\xbd" },
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\x80\xbf", "\xef\xbf\xbd\xef\xbf\xbd" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text_buffer pending = { 0 }, out = { 0 };
		assert_true(text_add(&out, "", 0));
		for (const char *at = cases[i].in; *at != '\0'; at++) {
			assert_true(text_add(&pending, at, 1));
			assert_true(utf8_release(&pending, &out, false));
			assert_int_equal(utf8_check(out.bytes, out.count), out.count);
		}
		assert_true(utf8_release(&pending, &out, true));
		out.bytes[out.count] = '\0';
		assert_string_equal(out.bytes, cases[i].out);
		text_finish(&pending);
		text_finish(&out);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),     cmocka_unit_test(test_dates),
		cmocka_unit_test(test_bad),        cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_no_unknown), cmocka_unit_test(test_catastrophic_pattern),
		cmocka_unit_test(test_release),
	};
	if (argc < 3)
		return 2;
	golden_path = argv[1];
	dates_path = argv[2];
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}

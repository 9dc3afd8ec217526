/* SPDX-License-Identifier: MIT */
/* SentencePiece's tokenizer.model and BERT's vocab.txt: ids and texts as the package sentencepiece gives them
 * (sentencepiece/golden.json, by make_sentencepiece.py), what tokenizer_config.json changes, damaged files, and memory
 * that is refused. Usage: test_sentencepiece FOLDER */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder;

/* A file of the folder; freed by the caller. */
static char *read_model(const char *name, size_t *out_bytes)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s.model", folder, name);
	FILE *file = fopen(path, "rb");
	char *bytes = malloc(1 << 16);
	assert_non_null(file);
	*out_bytes = fread(bytes, 1, 1 << 16, file);
	fclose(file);
	return bytes;
}

static struct clade_tokenizer *load(const char *name, const char *config)
{
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	size_t bytes;
	char *model = read_model(name, &bytes);
	clade_diag_init(&diag);
	if (clade_tokenizer_parse_sentencepiece(NULL, name, model, bytes, config, config != NULL ? strlen(config) : 0,
						&tokenizer, &diag) != CLADE_OK)
		fail_msg("%s: %s: %s", name, diag.where, diag.text);
	clade_diag_finish(&diag);
	free(model);
	return tokenizer;
}

static char *decode(const struct clade_tokenizer *tokenizer, const int32_t *ids, size_t count, bool skip, size_t *out)
{
	struct clade_decoder *decoder;
	struct text_buffer all = { 0 };
	const char *part;
	size_t bytes;
	assert_int_equal(clade_decoder_create(tokenizer, skip, &decoder, NULL), CLADE_OK);
	for (size_t i = 0; i <= count; i++) {
		assert_int_equal(i < count ? clade_decoder_push(decoder, ids[i], &part, &bytes, NULL)
					   : clade_decoder_finish(decoder, &part, &bytes, NULL),
				 CLADE_OK);
		assert_int_equal(utf8_check(part, bytes), bytes);
		assert_true(text_add(&all, part, bytes));
	}
	clade_decoder_destroy(&decoder);
	*out = all.count;
	return all.bytes;
}

static void check_case(const char *name, const struct clade_tokenizer *tokenizer, const json_t *item)
{
	const json_t *text = json_object_get(item, "text"), *expected = json_object_get(item, "ids"),
		     *decoded = json_object_get(item, "decoded");
	int32_t *ids;
	size_t count, bytes;
	assert_int_equal(clade_tokenizer_encode(tokenizer, json_string_value(text), json_string_length(text), true,
						&ids, &count, NULL),
			 CLADE_OK);
	bool same = count == json_array_size(expected);
	for (size_t i = 0; same && i < count; i++)
		same = ids[i] == json_integer_value(json_array_get(expected, i));
	if (!same) {
		for (size_t i = 0; i < count; i++)
			print_error("%d ", ids[i]);
		fail_msg("%s: \"%s\": expected %s", name, json_string_value(text), json_dumps(expected, 0));
	}
	char *got = decode(tokenizer, ids, count, false, &bytes);
	if (bytes != json_string_length(decoded) || memcmp(got, json_string_value(decoded), bytes) != 0)
		fail_msg("%s: \"%s\", expected \"%s\"", name, got, json_string_value(decoded));
	clade_free(NULL, got);
	clade_free(NULL, ids);
}

static void test_golden(void **state)
{
	char path[1024];
	const char *name;
	json_t *cases, *item;
	size_t i, checked = 0;
	snprintf(path, sizeof(path), "%s/golden.json", folder);
	json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
	assert_non_null(root);
	json_object_foreach(json_object_get(root, "models"), name, cases)
	{
		struct clade_tokenizer *tokenizer = load(name, NULL);
		json_array_foreach(cases, i, item)
		{
			check_case(name, tokenizer, item);
			checked++;
		}
		clade_tokenizer_destroy(&tokenizer);
	}
	print_message("%zu texts\n", checked);
	assert_true(checked > 400);
	json_decref(root);
}

/* With a tokenizer_config.json: what transformers gives. */
static void test_golden_configs(void **state)
{
	char path[1024];
	json_t *configured, *item;
	size_t i, c, checked = 0;
	snprintf(path, sizeof(path), "%s/golden.json", folder);
	json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
	assert_non_null(root);
	json_array_foreach(json_object_get(root, "configs"), c, configured)
	{
		char *config = json_dumps(json_object_get(configured, "config"), 0);
		struct clade_tokenizer *tokenizer =
			load(json_string_value(json_object_get(configured, "model")), config);
		json_array_foreach(json_object_get(configured, "cases"), i, item)
		{
			check_case(config, tokenizer, item);
			checked++;
		}
		clade_tokenizer_destroy(&tokenizer);
		free(config);
	}
	print_message("%zu texts\n", checked);
	assert_true(checked > 200);
	json_decref(root);
}

static void expect_ids(const struct clade_tokenizer *tokenizer, const char *text, bool special, const char *expected)
{
	char line[512] = "";
	int32_t *ids;
	size_t count;
	assert_int_equal(clade_tokenizer_encode(tokenizer, text, strlen(text), special, &ids, &count, NULL), CLADE_OK);
	for (size_t i = 0; i < count; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s", i > 0 ? "|" : "",
			 clade_tokenizer_token(tokenizer, ids[i]));
	assert_string_equal(line, expected);
	clade_free(NULL, ids);
}

static void test_config(void **state)
{
	struct clade_tokenizer *t = load("llama", "{\"tokenizer_class\":\"LlamaTokenizerFast\"}");
	expect_ids(t, "a<s>a", true,
		   "<s>|\xe2\x96\x81"
		   "a|<s>|a");
	expect_ids(t, "a", false,
		   "\xe2\x96\x81"
		   "a");
	assert_true(clade_tokenizer_is_special(t, 1));
	clade_tokenizer_destroy(&t);
	t = load("llama", "{\"tokenizer_class\":\"LlamaTokenizer\",\"legacy\":true,\"add_eos_token\":true,"
			  "\"add_bos_token\":false}");
	expect_ids(t, "a<s>a", true,
		   "\xe2\x96\x81"
		   "a|<s>|\xe2\x96\x81"
		   "a|</s>");
	clade_tokenizer_destroy(&t);
	t = load("llama", NULL);
	assert_string_equal(clade_tokenizer_kind(t), "BPE");
	expect_ids(t, "<s>", true, "\xe2\x96\x81|<0x3C>|s|<0x3E>");
	clade_tokenizer_destroy(&t);
	t = load("unigram", "{\"tokenizer_class\":\"T5Tokenizer\",\"extra_ids\":3}");
	assert_string_equal(clade_tokenizer_kind(t), "Unigram");
	expect_ids(t, "Hello<extra_id_0>Hello", true, "\xe2\x96\x81|Hello|<extra_id_0>|\xe2\x96\x81|Hello|</s>");
	assert_int_equal(clade_tokenizer_find(t, "<extra_id_0>"), clade_tokenizer_size(t) - 1);
	assert_int_equal(clade_tokenizer_find(t, "<extra_id_2>"), clade_tokenizer_size(t) - 3);
	clade_tokenizer_destroy(&t);
}

/* ---- damaged files ---- */

static void check_bad(const char *name, const void *bytes, size_t count, const char *config, const char *what)
{
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	clade_diag_init(&diag);
	enum clade_status status = clade_tokenizer_parse_sentencepiece(
		NULL, "t.model", bytes, count, config, config != NULL ? strlen(config) : 0, &tokenizer, &diag);
	if (status == CLADE_OK || tokenizer != NULL || diag.id == 0 || strstr(diag.text, what) == NULL)
		fail_msg("%s: %s: \"%s\", expected \"%s\"", name, clade_status_name(status), diag.text, what);
	clade_diag_finish(&diag);
}

/* A message: fields as text, "\n" for tag 1 of bytes and so on. */
#define PIECE(text, rest) "\n" text rest
#define UNK PIECE("\x07", "\n\x03<?>\x18\x02")
#define A                                                                                                              \
	PIECE("\x0a", "\n\x01"                                                                                         \
		      "a\x15\0\0\x80\xbf\x18\x01")

static void test_bad_model(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t count;
		const char *what;
	} cases[] = {
#define CASE(name, bytes, what) { name, bytes, sizeof(bytes) - 1, what }
		CASE("empty", "", "empty"),
		CASE("number cut", "\x80", "ends within a number"),
		CASE("number too long", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "more than 64 bits"),
		CASE("number of eleven bytes", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "more than 64 bits"),
		CASE("field 0", "\x02\x00", "no field has the number 0"),
		CASE("field too great", "\x8a\x80\x80\x80\x20\x00", "no field has the number"),
		CASE("group", "\x0b", "wire type 3"),
		CASE("wire type 7", "\x0f", "wire type 7"),
		CASE("pieces as a number", "\x08\x01", "pieces has wire type 0"),
		CASE("trainer_spec as fixed", "\x15\0\0\0\0", "trainer_spec has wire type 5"),
		CASE("length past the end", "\n\x05\n", "field 1 has 5 bytes, 1 are left"),
		CASE("length of 2^63", "\n\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "are left"),
		CASE("length of 2^64 - 1", "\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "are left"),
		CASE("fixed cut", "\x0d\0\0\0", "ends within a number"),
		CASE("fixed of 64 cut", "\x09\0\0\0\0", "ends within a number"),
		CASE("text as a number", UNK PIECE("\x02", "\x08\x01"), "a piece's text has wire type 0"),
		CASE("score as a number",
		     UNK PIECE("\x05", "\n\x01"
				       "b\x10\x01"),
		     "a piece's score has wire type 0"),
		CASE("type as bytes",
		     UNK PIECE("\x05", "\n\x01"
				       "b\x1a\0"),
		     "a piece's type has wire type 2"),
		CASE("type 0",
		     UNK PIECE("\x05", "\n\x01"
				       "b\x18\0"),
		     "type 0"),
		CASE("type 7",
		     UNK PIECE("\x05", "\n\x01"
				       "b\x18\x07"),
		     "type 0"),
		CASE("no text", UNK PIECE("\x02", "\x18\x01"), "piece 1 is empty"),
		CASE("not UTF-8", UNK PIECE("\x03", "\n\x01\xff"), "not UTF-8"),
		CASE("a NUL",
		     UNK PIECE("\x04", "\n\x02"
				       "a\0"),
		     "NUL"),
		CASE("score NaN",
		     UNK PIECE("\x08", "\n\x01"
				       "b\x15\0\0\xc0\x7f"),
		     "not a number"),
		CASE("score infinite",
		     UNK PIECE("\x08", "\n\x01"
				       "b\x15\0\0\x80\xff"),
		     "not a number"),
		CASE("a text twice", UNK A A, "two ids, 1 and 2"),
		CASE("no unknown", A, "no piece is of type unknown"),
		CASE("two unknown",
		     UNK PIECE("\x05", "\n\x01"
				       "u\x18\x02"),
		     "both of type unknown"),
		CASE("a byte without fallback", UNK PIECE("\x0a", "\n\x06<0x41>\x18\x06"), "byte_fallback is off"),
		CASE("fallback without bytes", UNK A "\x12\x03\x98\x02\x01", "needs the 256 pieces"),
		CASE("fallback with <0x-1>", UNK PIECE("\x0a", "\n\x06<0x-1>\x18\x06") "\x12\x03\x98\x02\x01",
		     "needs the 256 pieces"),
		CASE("word model", UNK A "\x12\x02\x18\x03", "\"word\""),
		CASE("model 9", UNK A "\x12\x02\x18\x09", "model_type"),
		CASE("spaces as suffix", UNK A "\x12\x03\xc0\x01\x01", "treat_whitespace_as_suffix"),
		CASE("switch as bytes", UNK A "\x1a\x02\x1a\0", "add_dummy_prefix has wire type 2"),
		CASE("short rules",
		     UNK A "\x1a\x03\x12\x01"
			   "a",
		     "too few"),
		CASE("rules outside", UNK A "\x1a\x0b\x12\x09\x04\0\0\0\0\x04\0\0\0", "points to unit 1 of 1"),
		CASE("denormalizer",
		     UNK A "\x2a\x03\x12\x01"
			   "a",
		     "denormalizer_spec"),
		CASE("unk_surface", UNK A "\x12\x04\xe2\x02\x01\xff", "unk_surface is not UTF-8"),
	};
	static const char good[] = UNK A;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_bad(cases[i].name, cases[i].bytes, cases[i].count, NULL, cases[i].what);
	check_bad("class", good, sizeof(good) - 1, "{\"tokenizer_class\":\"XLNetTokenizer\"}", "XLNetTokenizer");
	check_bad("another model", good, sizeof(good) - 1, "{\"tokenizer_class\":\"LlamaTokenizer\"}",
		  "but the model is unigram");
	check_bad("config", good, sizeof(good) - 1, "{", "JSON");
	check_bad("bos", good, sizeof(good) - 1, "{\"add_bos_token\":true}", "\"<s>\" is no token");
	check_bad("bos is a number", good, sizeof(good) - 1, "{\"bos_token\":1}", "must be a text");
	check_bad("switch is a number", good, sizeof(good) - 1, "{\"legacy\":1}", "true or false");
	check_bad("extra", good, sizeof(good) - 1, "{\"tokenizer_class\":\"T5Tokenizer\",\"extra_ids\":-1}",
		  "extra_ids");
	check_bad("added", good, sizeof(good) - 1, "{\"added_tokens_decoder\":{\"x\":{}}}", "is not an id");
	check_bad("added list", good, sizeof(good) - 1, "{\"added_tokens_decoder\":[]}", "must be an object");
	print_message("%zu refused\n", sizeof(cases) / sizeof(cases[0]) + 9);
}

static void test_bad_vocab_txt(void **state)
{
	static const struct {
		const char *text, *config, *what;
	} cases[] = {
		{ "", NULL, "has no token \"[SEP]\"" },
		{ "a\nb", NULL, "has no token \"[SEP]\"" },
		{ "[SEP]\n\xff", NULL, "not UTF-8" },
		{ "[SEP]\n[CLS]\n", "{\"tokenizer_class\":\"EsmTokenizer\"}", "EsmTokenizer" },
		{ "[SEP]\n[CLS]\n", "{\"do_lower_case\":\"yes\"}", "do_lower_case must be true or false" },
		{ "[SEP]\n[CLS]\n", "{\"do_basic_tokenize\":false}", "do_basic_tokenize" },
		{ "[SEP]\n[CLS]\n", "{\"cls_token\":\"<c>\"}", "has no token \"<c>\"" },
		{ "[SEP]\n[CLS]\n", "{\"cls_token\":null}", "has no token" },
		{ "[SEP]\n[CLS]\n", "[]", "JSON object" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clade_tokenizer *tokenizer;
		struct clade_diag diag;
		clade_diag_init(&diag);
		enum clade_status status = clade_tokenizer_parse_vocab_txt(
			NULL, "vocab.txt", cases[i].text, strlen(cases[i].text), cases[i].config,
			cases[i].config != NULL ? strlen(cases[i].config) : 0, &tokenizer, &diag);
		if (status == CLADE_OK || tokenizer != NULL || strstr(diag.text, cases[i].what) == NULL)
			fail_msg("case %zu: %s: \"%s\"", i, clade_status_name(status), diag.text);
		clade_diag_finish(&diag);
	}
}

static void test_vocab_txt(void **state)
{
	static const char text[] = "[PAD]\r\n[UNK]\n[CLS]\n[SEP]\nna\n##ive\n,\n\xc3\x89\na";
	static const char config[] = "{\"do_lower_case\":false,\"unk_token\":{\"content\":\"[UNK]\"}}";
	struct clade_tokenizer *t;
	assert_int_equal(clade_tokenizer_parse_vocab_txt(NULL, "v", text, sizeof(text) - 1, NULL, 0, &t, NULL),
			 CLADE_OK);
	expect_ids(t, "Na\xc3\xafve,[SEP] \xc3\x89 b", true, "[CLS]|na|##ive|,|[SEP]|[UNK]|[UNK]|[SEP]");
	assert_int_equal(clade_tokenizer_size(t), 9);
	clade_tokenizer_destroy(&t);
	assert_int_equal(clade_tokenizer_parse_vocab_txt(NULL, "v", text, sizeof(text) - 1, config, sizeof(config) - 1,
							 &t, NULL),
			 CLADE_OK);
	expect_ids(t, "Naive \xc3\x89", false, "[UNK]|\xc3\x89");
	clade_tokenizer_destroy(&t);
}

/* Whatever is read of a damaged model also encodes and decodes; how many were read comes back. */
static size_t try_model(const char *bytes, size_t count)
{
	static const char text[] = "  the <s>Hello \xe4\xbd\xa0\xef\xac\x81 12";
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	int32_t *ids = NULL;
	size_t id_count;
	clade_diag_init(&diag);
	/* an exact copy, so that a sanitizer sees the first byte behind it */
	char *copy = malloc(count + 1);
	memcpy(copy, bytes, count);
	char *exact = realloc(copy, count > 0 ? count : 1);
	enum clade_status status =
		clade_tokenizer_parse_sentencepiece(NULL, "t.model", exact, count, NULL, 0, &tokenizer, &diag);
	free(exact);
	assert_true((status == CLADE_OK) == (diag.id == 0) && (status == CLADE_OK) == (tokenizer != NULL));
	if (status == CLADE_OK &&
	    clade_tokenizer_encode(tokenizer, text, sizeof(text) - 1, true, &ids, &id_count, &diag) == CLADE_OK) {
		size_t decoded;
		clade_free(NULL, decode(tokenizer, ids, id_count, false, &decoded));
	}
	clade_free(NULL, ids);
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
	return status == CLADE_OK;
}

static void test_truncated_and_flipped(void **state)
{
	size_t count, read = 0, tried = 0;
	char *bytes = read_model("unigram", &count);
	for (size_t i = 0; i < count; i++, tried++)
		read += try_model(bytes, i);
	for (size_t i = 0; i < count * 8; i += i < 2048 ? 1 : 13, tried++) {
		bytes[i / 8] ^= (char)(1 << i % 8);
		read += try_model(bytes, count);
		bytes[i / 8] ^= (char)(1 << i % 8);
	}
	free(bytes);
	print_message("%zu damaged models, %zu of them can be read\n", tried, read);
	assert_true(read > 0 && read < tried);
}

/* A run of combining marks is put into order in linear time: a quadratic one would take minutes here. */
static void test_many_marks(void **state)
{
	static const char file[] =
		"{\"normalizer\":{\"type\":\"NFC\"},\"model\":{\"type\":\"Unigram\",\"unk_id\":0,"
		"\"byte_fallback\":false,\"vocab\":[[\"?\",0],[\"\xcc\xa3\",-1],[\"\xcc\x81\",-1]]}}";
	enum { PAIRS = 200000 };
	struct clade_tokenizer *tokenizer;
	int32_t *ids;
	size_t count;
	char *text = malloc(PAIRS * 4);
	for (size_t i = 0; i < PAIRS; i++)
		memcpy(text + i * 4, "\xcc\x81\xcc\xa3", 4); /* U+0301 U+0323 */
	assert_int_equal(clade_tokenizer_parse(NULL, "t", file, sizeof(file) - 1, &tokenizer, NULL), CLADE_OK);
	assert_int_equal(clade_tokenizer_encode(tokenizer, text, PAIRS * 4, true, &ids, &count, NULL), CLADE_OK);
	assert_int_equal(count, PAIRS * 2);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ids[i], i < PAIRS ? 1 : 2);
	clade_free(NULL, ids);
	clade_tokenizer_destroy(&tokenizer);
	free(text);
}

/* ---- memory that is refused ---- */

struct limited {
	size_t left, asked;
};

static void *limited_resize(void *user, void *memory, size_t bytes)
{
	struct limited *limit = user;
	if (bytes == 0) {
		free(memory);
		return NULL;
	}
	limit->asked++;
	return limit->left == 0 ? NULL : (limit->left--, realloc(memory, bytes));
}

static void test_memory(void **state)
{
	static const char *const names[] = { "unigram", "llama" };
	static const char *const configs[] = { "{\"tokenizer_class\":\"T5Tokenizer\"}",
					       "{\"tokenizer_class\":\"LlamaTokenizer\"}" };
	size_t refused = 0;
	for (int m = 0; m < 2; m++) {
		size_t bytes;
		char *model = read_model(names[m], &bytes);
		bool done = false;
		for (size_t allowed = 0; !done; allowed++) {
			struct limited limit = { .left = SIZE_MAX };
			const struct clade_allocator allocator = { limited_resize, &limit };
			const struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
			struct clade_context *context;
			struct clade_tokenizer *tokenizer = NULL;
			struct clade_decoder *decoder = NULL;
			int32_t *ids = NULL;
			size_t count = 0, part_bytes;
			const char *part;
			struct clade_diag diag;
			clade_diag_init(&diag);
			assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
			limit.left = allowed;
			enum clade_status status = clade_tokenizer_parse_sentencepiece(
				context, "t", model, bytes, configs[m], strlen(configs[m]), &tokenizer, &diag);
			if (status == CLADE_OK)
				status = clade_tokenizer_encode(tokenizer, "the \xe4\xbd\xa0 Hello", 13, true, &ids,
								&count, &diag);
			if (status == CLADE_OK)
				status = clade_decoder_create(tokenizer, false, &decoder, NULL);
			for (size_t i = 0; i < count && status == CLADE_OK; i++)
				status = clade_decoder_push(decoder, ids[i], &part, &part_bytes, NULL);
			if (status == CLADE_OK)
				status = clade_decoder_finish(decoder, &part, &part_bytes, NULL);
			done = status == CLADE_OK;
			refused += !done;
			if (!done && status != CLADE_ERR_MEMORY)
				fail_msg("%s, allocation %zu: %s: %s", names[m], allowed, clade_status_name(status),
					 diag.text);
			clade_diag_finish(&diag);
			limit.left = SIZE_MAX;
			clade_decoder_destroy(&decoder);
			clade_free(context, ids);
			clade_tokenizer_destroy(&tokenizer);
			clade_context_destroy(&context);
			if (allowed > 40 && !done)
				allowed += allowed / 8; /* a model has an allocation for each piece */
		}
		free(model);
	}
	print_message("%zu times refused\n", refused);
	assert_true(refused > 40);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_golden_configs),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_bad_model),
		cmocka_unit_test(test_bad_vocab_txt),
		cmocka_unit_test(test_vocab_txt),
		cmocka_unit_test(test_truncated_and_flipped),
		cmocka_unit_test(test_many_marks),
		cmocka_unit_test(test_memory),
	};
	if (argc < 2)
		return 2;
	folder = argv[1];
	return cmocka_run_group_tests_name("sentencepiece", tests, NULL, NULL);
}

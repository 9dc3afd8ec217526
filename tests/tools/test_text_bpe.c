/* SPDX-License-Identifier: MIT */
/* Byte-pair encoding and the tokenizers of other files than tokenizer.json: what is damaged is refused by name, memory
 * that runs out anywhere is an error without a leak, threads share a tokenizer. That ids are right is test_oracle.py's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "byte_level.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define VOCAB "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"\\u0120\":3,\"\\u0120a\":4}"
#define BPE(members) "{\"model\":{\"type\":\"BPE\"," members "}}"
#define DIGITS(members) "{\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[]},\"pre_tokenizer\":{" members "}}"
#define REGEX(pattern) DIGITS("\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":\"" pattern "\"}")

static void refused(enum clade_status status, enum clade_status expected, const struct clade_diag *diag,
		    const struct clade_tokenizer *tokenizer, const char *what, const char *shown)
{
	if (status != expected || strstr(diag->text, what) == NULL || tokenizer != NULL)
		fail_msg("%s: %s: \"%s\", expected \"%s\"", shown, clade_status_name(status), diag->text, what);
}

static void test_bad_json(void **state)
{
	static const struct {
		const char *text;
		enum clade_status status;
		const char *what;
	} cases[] = {
		{ BPE(VOCAB), CLADE_ERR_DATA, "a list \"merges\"" },
		{ BPE(VOCAB ",\"merges\":{}"), CLADE_ERR_DATA, "a list \"merges\"" },
		{ BPE(VOCAB ",\"merges\":[7]"), CLADE_ERR_DATA, "merge 0 is neither" },
		{ BPE(VOCAB ",\"merges\":[\"a b\",[\"a\"]]"), CLADE_ERR_DATA, "merge 1 is neither" },
		{ BPE(VOCAB ",\"merges\":[\"ab\"]"), CLADE_ERR_DATA, "not two tokens" },
		{ BPE(VOCAB ",\"merges\":[\"\"]"), CLADE_ERR_DATA, "not two tokens" },
		{ BPE(VOCAB ",\"merges\":[\"a \"]"), CLADE_ERR_DATA, "not two tokens" },
		{ BPE(VOCAB ",\"merges\":[\"a b\",\"a c\"]"), CLADE_ERR_DATA, "merge 1: \"c\" is not in the voc" },
		{ BPE(VOCAB ",\"merges\":[[\"a\",\"a b\"]]"), CLADE_ERR_DATA, "merge 0: \"a b\" is not in the voc" },
		{ BPE(VOCAB ",\"merges\":[\"ab a\"]"), CLADE_ERR_DATA, "\"aba\", which it makes" },
		{ BPE(VOCAB
		      ",\"merges\":[\"a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]"),
		  CLADE_ERR_DATA, "is not in the vocabulary" },
		{ BPE(VOCAB ",\"merges\":[\"a b\"],\"continuing_subword_prefix\":\"##\""), CLADE_ERR_DATA,
		  "shorter than continuing_subword_prefix" },
		{ BPE(VOCAB ",\"merges\":[],\"dropout\":0.1"), CLADE_ERR_UNSUPPORTED, "dropout" },
		{ BPE(VOCAB ",\"merges\":[],\"byte_fallback\":3"), CLADE_ERR_DATA, "byte_fallback must be" },
		{ BPE(VOCAB ",\"merges\":[],\"end_of_word_suffix\":3"), CLADE_ERR_DATA, "end_of_word_suffix must be" },
		{ BPE("\"merges\":[]"), CLADE_ERR_DATA, "vocab" },
		{ BPE("\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]"), CLADE_ERR_DATA, "the same id 0" },
		{ DIGITS("\"type\":\"ByteLevel\""), CLADE_ERR_DATA, "add_prefix_space" },
		{ DIGITS("\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":1"), CLADE_ERR_DATA,
		  "use_regex" },
		{ DIGITS("\"type\":\"Digits\""), CLADE_ERR_DATA, "individual_digits" },
		{ DIGITS("\"type\":\"Punctuation\",\"behavior\":\"Eaten\""), CLADE_ERR_UNSUPPORTED, "\"Eaten\"" },
		{ REGEX("[a[^b]]"), CLADE_ERR_UNSUPPORTED, "a negated class within a class" },
		{ REGEX("[a&&b]"), CLADE_ERR_UNSUPPORTED, "an intersection" },
		{ REGEX("\\\\pL"), CLADE_ERR_UNSUPPORTED, "a property without braces" },
		{ REGEX("[\\\\S&&[a]]"), CLADE_ERR_UNSUPPORTED, "an intersection with an opposite" },
		{ REGEX("\\\\u12"), CLADE_ERR_UNSUPPORTED, "without four digits" },
		{ REGEX("[[:alpha:]]"), CLADE_ERR_UNSUPPORTED, "a POSIX class" },
		{ REGEX("a{2,1}"), CLADE_ERR_DATA, "not valid" },
		{ REGEX("[a"), CLADE_ERR_DATA, "not valid" },
		{ REGEX("\\\\p{Nonsense}"), CLADE_ERR_DATA, "not valid" },
		{ REGEX("a\\\\"), CLADE_ERR_UNSUPPORTED, "a lone" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clade_tokenizer *tokenizer;
		struct clade_diag diag;
		clade_diag_init(&diag);
		enum clade_status status =
			clade_tokenizer_parse(NULL, "t.json", cases[i].text, strlen(cases[i].text), &tokenizer, &diag);
		refused(status, cases[i].status, &diag, tokenizer, cases[i].what, cases[i].text);
		assert_string_equal(diag.where, "t.json");
		clade_diag_finish(&diag);
	}
	print_message("%zu refused\n", sizeof(cases) / sizeof(cases[0]));
}

static void test_bad_merges(void **state)
{
	static const char vocab[] = "{\"a\":0,\"b\":1,\"ab\":2,\"<s>\":3}";
	static const struct {
		const char *vocab, *merges, *config;
		enum clade_status status;
		const char *what;
	} cases[] = {
		{ "[]", "", NULL, CLADE_ERR_DATA, "JSON object" },
		{ "{}", "", NULL, CLADE_ERR_DATA, "vocab" },
		{ "{\"a\":0,\"a\":1}", "", NULL, CLADE_ERR_DATA, "duplicate" },
		{ vocab, "ab\n", NULL, CLADE_ERR_DATA, "not two tokens" },
		{ vocab, "#version: 0.2\na b\nb c\n", NULL, CLADE_ERR_DATA, "\"c\" is not in the vocabulary" },
		{ vocab, "a\xff b\n", NULL, CLADE_ERR_DATA, "byte 1 is not UTF-8" },
		{ vocab, "", "{", CLADE_ERR_DATA, "JSON" },
		{ vocab, "", "{\"tokenizer_class\":\"CTRLTokenizer\"}", CLADE_ERR_UNSUPPORTED, "CTRLTokenizer" },
		{ vocab, "", "{\"tokenizer_class\":\"RobertaTokenizer\"}", CLADE_ERR_DATA, "\"</s>\", which belongs" },
		{ vocab, "", "{\"add_bos_token\":true}", CLADE_ERR_DATA, "\"<|endoftext|>\", which belongs" },
		{ vocab, "", "{\"add_bos_token\":7}", CLADE_ERR_DATA, "add_bos_token" },
		{ vocab, "", "{\"added_tokens_decoder\":{\"0\":{\"content\":\"x\"}}}", CLADE_ERR_DATA,
		  "is \"a\" in the vocabulary" },
		{ vocab, "", "{\"added_tokens_decoder\":{\"x\":{\"content\":\"x\"}}}", CLADE_ERR_DATA, "not an id" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clade_tokenizer *tokenizer;
		struct clade_diag diag;
		struct clade_tokenizer_files files = {
			.vocab = cases[i].vocab,
			.vocab_bytes = strlen(cases[i].vocab),
			.merges = cases[i].merges,
			.merges_bytes = strlen(cases[i].merges),
			.config = cases[i].config,
			.config_bytes = cases[i].config != NULL ? strlen(cases[i].config) : 0,
		};
		clade_diag_init(&diag);
		enum clade_status status = clade_tokenizer_parse_vocab_merges(NULL, "v", &files, &tokenizer, &diag);
		refused(status, cases[i].status, &diag, tokenizer, cases[i].what, cases[i].what);
		clade_diag_finish(&diag);
	}
}

enum { TOKENS = 8 };
static const char *const good_tokens[TOKENS] = { "<unk>", "<s>", "</s>", "a", "b", "ab", "\xc4\xa0", "<0x41>" };
static const int32_t good_types[TOKENS] = { 2, 3, 3, 1, 1, 1, 1, 6 };
static const char *const good_merges[] = { "a b" };

static struct clade_tokenizer_data good_arrays(void)
{
	return (struct clade_tokenizer_data) {
		.model = "gpt2",
		.pre = "gpt-2",
		.tokens = good_tokens,
		.types = good_types,
		.token_count = TOKENS,
		.merges = good_merges,
		.merge_count = 1,
		.bos = 1,
		.eos = 2,
		.unknown = 0,
		.separator = -1,
		.padding = -1,
		.cls = -1,
		.mask = -1,
		.add_bos = 1,
		.add_eos = -1,
		.add_space_prefix = -1,
	};
}

static void check_arrays(const struct clade_tokenizer_data *data, enum clade_status expected, const char *what)
{
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	clade_diag_init(&diag);
	enum clade_status status = clade_tokenizer_create(NULL, "f.gguf", data, &tokenizer, &diag);
	refused(status, expected, &diag, tokenizer, what, what);
	assert_string_equal(diag.where, "f.gguf");
	clade_diag_finish(&diag);
}

/* The token at `at` replaced. */
static void check_token(size_t at, const char *text, int32_t type, const char *what)
{
	const char *tokens[TOKENS];
	int32_t types[TOKENS];
	struct clade_tokenizer_data data = good_arrays();
	memcpy(tokens, good_tokens, sizeof(tokens));
	memcpy(types, good_types, sizeof(types));
	tokens[at] = text;
	types[at] = type;
	data.tokens = tokens;
	data.types = types;
	check_arrays(&data, CLADE_ERR_DATA, what);
}

static void test_bad_arrays(void **state)
{
	static const char *const bad_merges[] = { "a b", "b q" }, *const no_merges[] = { "a\xff b" };
	static const float bad_scores[TOKENS] = { 0, 0, 0, 0, NAN };
	static const float zeros[TOKENS] = { 0 };
	struct clade_tokenizer_data data = good_arrays();
	check_token(5, "a", 1, "the token \"a\" has two ids, 3 and 5");
	check_token(5, "", 1, "token 5 is empty");
	check_token(5, "a\xff", 1, "token 5 is not UTF-8");
	check_token(5, "ab", 9, "token 5 has the type 9");
	check_token(5, "ab", -1, "token 5 has the type -1");
	check_token(7, "<0x-1>", 6, "\"<0x-1>\", is to be a byte");
	check_token(7, "<0x1FF>", 6, "\"<0x1FF>\", is to be a byte");
	check_token(7, "<0x4>", 6, "\"<0x4>\", is to be a byte");
	data.bos = TOKENS;
	check_arrays(&data, CLADE_ERR_DATA, "bos_token_id is 8; there are 8 tokens");
	data.bos = -2;
	check_arrays(&data, CLADE_ERR_DATA, "bos_token_id is -2");
	data.bos = -1;
	check_arrays(&data, CLADE_ERR_DATA, "there is no tokenizer.ggml.bos_token_id");
	data = good_arrays();
	data.model = "rwkv";
	check_arrays(&data, CLADE_ERR_UNSUPPORTED, "tokenizer.ggml.model \"rwkv\"");
	data.model = NULL;
	check_arrays(&data, CLADE_ERR_UNSUPPORTED, "supported are gpt2, llama, bert, t5");
	data = good_arrays();
	data.pre = "gpt";
	check_arrays(&data, CLADE_ERR_UNSUPPORTED, "tokenizer.ggml.pre \"gpt\"");
	data.pre = "";
	check_arrays(&data, CLADE_ERR_UNSUPPORTED, "tokenizer.ggml.pre \"\"");
	data = good_arrays();
	data.merges = bad_merges;
	data.merge_count = 2;
	check_arrays(&data, CLADE_ERR_DATA, "merge 1: \"q\" is not in the vocabulary");
	data.merges = no_merges;
	data.merge_count = 1;
	check_arrays(&data, CLADE_ERR_DATA, "merge 0 is not UTF-8");
	data.merge_count = 0;
	check_arrays(&data, CLADE_ERR_DATA, "no tokenizer.ggml.merges");
	data = good_arrays();
	data.token_count = 0;
	check_arrays(&data, CLADE_ERR_DATA, "has 0 tokens");
	data = good_arrays();
	data.scores = bad_scores;
	check_arrays(&data, CLADE_ERR_DATA, "the score of token 4 is not a number");
	data = good_arrays();
	data.model = "llama";
	check_arrays(&data, CLADE_ERR_DATA, "no tokenizer.ggml.scores");
	data.scores = zeros; /* one byte of 256 */
	check_arrays(&data, CLADE_ERR_DATA, "byte_fallback needs the 256 pieces");
	data.model = "bert";
	check_arrays(&data, CLADE_ERR_DATA, "no tokenizer.ggml.seperator_token_id");
}

/* ---- memory that runs out ---- */

struct failing {
	long left; /* allocations until one fails; once */
	long live;
};

static void *failing_resize(void *user, void *memory, size_t bytes)
{
	struct failing *failing = user;
	if (bytes == 0) {
		failing->live -= memory != NULL;
		free(memory);
		return NULL;
	}
	if (--failing->left == 0)
		return NULL;
	failing->live += memory == NULL;
	return realloc(memory, bytes);
}

static enum clade_status use(struct clade_context *context, bool json, struct clade_diag *diag)
{
	static const char file[] =
		"{\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"a b\"],\"ignore_merges\":true},"
		"\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true},"
		"\"normalizer\":{\"type\":\"Lowercase\"},\"decoder\":{\"type\":\"ByteLevel\"},"
		"\"added_tokens\":[{\"id\":9,\"content\":\"<X>\",\"normalized\":true}],"
		"\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",0],\"sep\":[\"b\",1]}}";
	static const char text[] = "ab aab<X>abababababababababababababababababababababababababababab a";
	const struct clade_tokenizer_data data = good_arrays();
	struct clade_tokenizer *tokenizer;
	struct clade_decoder *decoder = NULL;
	int32_t *ids = NULL;
	size_t count = 0, bytes;
	const char *part;
	enum clade_status status = json ? clade_tokenizer_parse(context, "t", file, sizeof(file) - 1, &tokenizer, diag)
					: clade_tokenizer_create(context, "t", &data, &tokenizer, diag);
	if (status == CLADE_OK)
		status = clade_tokenizer_encode(tokenizer, text, sizeof(text) - 1, true, &ids, &count, diag);
	if (status == CLADE_OK)
		status = clade_decoder_create(tokenizer, false, &decoder, diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++)
		status = clade_decoder_push(decoder, ids[i], &part, &bytes, diag);
	if (status == CLADE_OK)
		status = clade_decoder_finish(decoder, &part, &bytes, diag);
	clade_decoder_destroy(&decoder);
	clade_free(context, ids);
	clade_tokenizer_destroy(&tokenizer);
	return status;
}

static void test_memory(void **state)
{
	for (int json = 0; json < 2; json++) {
		enum clade_status status = CLADE_ERR_MEMORY;
		long n = 0;
		while (status != CLADE_OK && n < 2000) {
			struct failing failing = { .left = ++n };
			struct clade_allocator allocator = { .resize = failing_resize, .user = &failing };
			struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
			struct clade_context *context = NULL;
			struct clade_diag diag;
			clade_diag_init(&diag);
			status = clade_context_create(&params, &context, &diag);
			if (status == CLADE_OK)
				status = use(context, json, &diag);
			/* a word that found no room in the cache is no failure */
			if (status != CLADE_OK && status != CLADE_ERR_MEMORY)
				fail_msg("allocation %ld: %s: %s", n, clade_status_name(status), diag.text);
			clade_context_destroy(&context);
			clade_diag_finish(&diag);
			if (failing.live != 0)
				fail_msg("allocation %ld: %ld pieces of memory are lost", n, failing.live);
			if (status == CLADE_OK && failing.left <= 0)
				status = CLADE_ERR_MEMORY; /* it failed where it may: go on */
		}
		print_message("%ld allocations failed, one by one\n", n - 1);
		assert_int_equal(status, CLADE_OK);
		assert_true(n > 30);
	}
}

/* ---- threads and bytes ---- */

static void *encode_often(void *user)
{
	static const char text[] = "ab aab a b<s>ab ab";
	const struct clade_tokenizer *tokenizer = user;
	size_t wrong = 0;
	for (int i = 0; i < 300; i++) {
		static const int32_t expected[] = { 1, 5, 6, 3, 5, 6, 3, 6, 4, 1, 5, 6, 5 };
		int32_t *ids;
		size_t count;
		if (clade_tokenizer_encode(tokenizer, text, sizeof(text) - 1, true, &ids, &count, NULL) != CLADE_OK)
			return (void *)1;
		wrong +=
			count != sizeof(expected) / sizeof(expected[0]) || memcmp(ids, expected, sizeof(expected)) != 0;
		clade_free(NULL, ids);
	}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	const struct clade_tokenizer_data data = good_arrays();
	struct clade_tokenizer *tokenizer;
	pthread_t threads[4];
	void *wrong;
	assert_int_equal(clade_tokenizer_create(NULL, "t", &data, &tokenizer, NULL), CLADE_OK);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, encode_often, tokenizer), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	clade_tokenizer_destroy(&tokenizer);
}

static void test_bytes(void **state)
{
	bool seen[512] = { false };
	for (int byte = 0; byte < 256; byte++) {
		int32_t point = byte_level_point((unsigned char)byte);
		assert_in_range(point, 0x21, 0x143);
		assert_false(seen[point]);
		seen[point] = true;
		assert_int_equal(byte_level_byte(point), byte);
	}
	for (int32_t point = 0; point < 512; point++)
		assert_int_equal(byte_level_byte(point) >= 0, seen[point]);
	assert_int_equal(byte_level_point(' '), 0x120);
	assert_int_equal(byte_level_point('\n'), 0x10a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_json), cmocka_unit_test(test_bad_merges), cmocka_unit_test(test_bad_arrays),
		cmocka_unit_test(test_memory),   cmocka_unit_test(test_threads),    cmocka_unit_test(test_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

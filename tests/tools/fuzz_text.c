/* SPDX-License-Identifier: MIT */
/* Fuzz target for tokenizer.json and texts. With CLADE_LIBFUZZER and clang -fsanitize=fuzzer it is a libFuzzer program
 * (a NUL byte parts the file from the text); alone it mutates a seed: fuzz_text [EXECUTIONS [SEED]]. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t accepted, encoded;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *split = size > 0 ? memchr(data, 0, size) : NULL;
	size_t file = split != NULL ? (size_t)(split - data) : size, rest = split != NULL ? size - file - 1 : 0;
	const char *text = split != NULL ? (const char *)split + 1 : "";
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	int32_t *ids = NULL;
	size_t count = 0;
	clade_diag_init(&diag);
	enum clade_status status = clade_tokenizer_parse(NULL, "fuzz", (const char *)data, file, &tokenizer, &diag);
	if ((status == CLADE_OK) == (diag.id != 0) || (status == CLADE_OK) != (tokenizer != NULL))
		abort();
	if (status == CLADE_OK) {
		accepted++;
		status = clade_tokenizer_encode(tokenizer, text, rest, true, &ids, &count, &diag);
		encoded += status == CLADE_OK;
		if (status != CLADE_OK && ids != NULL)
			abort();
	}
	if (ids != NULL) {
		struct clade_decoder *decoder;
		const char *part;
		size_t bytes;
		if (clade_decoder_create(tokenizer, false, &decoder, &diag) != CLADE_OK)
			abort();
		for (size_t i = 0; i < count; i++)
			if (clade_decoder_push(decoder, ids[i], &part, &bytes, &diag) != CLADE_OK ||
			    utf8_check(part, bytes) != bytes)
				abort();
		clade_decoder_destroy(&decoder);
	}
	clade_free(NULL, ids);
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
	return 0;
}

#ifndef CLADE_LIBFUZZER
static const char seed_file[] =
	"{\"added_tokens\":[{\"id\":2,\"content\":\"<s>\",\"special\":true,\"rstrip\":true,\"normalized\":true}],"
	"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Lowercase\"},"
	"{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}]},"
	"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Whitespace\"},{\"type\":\"Split\","
	"\"pattern\":{\"Regex\":\"[\\\\s\\\\S]\"},\"behavior\":\"Isolated\",\"invert\":false}]},"
	"\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},"
	"{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<s>\":{\"ids\":[2]}}},"
	"\"decoder\":{\"type\":\"Fuse\"},"
	"\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":1,\"<s>\":2,\"\\u00e9\":3},\"unk_token\":\"a\"}}";
static const char seed_text[] = " a<s> B\xc3\x89 e\xcc\x81\xe2\x80\xa9\xef\xac\x81 \xf0\x9f\x98\x80";

static uint64_t state = 88172645463325253ull;
static uint32_t next(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 20) % limit);
}

int main(int argc, char **argv)
{
	static const char *const words[] = { "\"",  "{",       "}",          "[",     "]",     ",", "null",
					     "-1",  "7",       "Split",      "NFD",   "\\\\w", "*", "+",
					     "(",   ")",       "|",          "\\\\b", "^",     "$", "a",
					     "<s>", "Removed", "Contiguous", "\xc3",  "\xff" };
	long executions = argc > 1 ? atol(argv[1]) : 20000;
	if (argc > 2)
		state += (uint64_t)atol(argv[2]) * 2;
	for (long i = 0; i < executions; i++) {
		uint8_t bytes[4096];
		size_t count = sizeof(seed_file) + sizeof(seed_text) - 1;
		memcpy(bytes, seed_file, sizeof(seed_file));
		memcpy(bytes + sizeof(seed_file), seed_text, sizeof(seed_text) - 1);
		for (uint32_t edits = i == 0 ? 0 : 1 + next(4); edits > 0; edits--) {
			/* half of the edits in the text and the pattern, which a damaged frame would hide */
			size_t at = next(2) ? next((uint32_t)count) : count - 1 - next(sizeof(seed_text));
			const char *word = words[next(sizeof(words) / sizeof(words[0]))];
			size_t length = strlen(word);
			if (next(2)) {
				bytes[at] = next(2) ? (uint8_t)next(256) : bytes[at] ^ (uint8_t)(1u << next(8));
			} else {
				memmove(bytes + at + length, bytes + at, count - at);
				memcpy(bytes + at, word, length);
				count += length;
			}
		}
		LLVMFuzzerTestOneInput(bytes, count);
	}
	printf("%ld executions, %zu files accepted, %zu texts encoded\n", executions, accepted, encoded);
	return accepted > 100 && encoded > 0 ? 0 : 1;
}
#endif

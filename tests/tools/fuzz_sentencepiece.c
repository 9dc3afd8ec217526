/* SPDX-License-Identifier: MIT */
/* Fuzz target for tokenizer.model, its tokenizer_config.json and texts. With CLADE_LIBFUZZER and clang
 * -fsanitize=fuzzer it is a libFuzzer program; alone it mutates models: fuzz_sentencepiece FOLDER [EXECUTIONS [SEED]].
 * The input: a byte that chooses a config, a length and so many bytes of text, the model. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t accepted, encoded;

static const char *const configs[] = {
	NULL,
	"{\"tokenizer_class\":\"LlamaTokenizer\"}",
	"{\"tokenizer_class\":\"T5Tokenizer\",\"extra_ids\":2}",
	"{\"legacy\":true,\"added_tokens_decoder\":{\"7\":{\"content\":\"a\",\"normalized\":true}}}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	size_t length = size > 1 ? data[1] : 0;
	const char *config = size > 0 ? configs[data[0] % 4] : NULL, *text = (const char *)data + 2;
	if (size < length + 2)
		return 0;
	clade_diag_init(&diag);
	enum clade_status status =
		clade_tokenizer_parse_sentencepiece(NULL, "fuzz", data + 2 + length, size - 2 - length, config,
						    config != NULL ? strlen(config) : 0, &tokenizer, &diag);
	accepted += status == CLADE_OK;
	encoded += fuzz_use(status, tokenizer, text, length, &diag);
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
	return 0;
}

#ifndef CLADE_LIBFUZZER
enum { ROOM = 1 << 14 };
static const char seed_text[] =
	"  the<s> Hello'sH \xc2\xad\xe4\xbd\xa0\xef\xac\x81\xe2\x96\x81\xf0\x9f\x98\x80 <sep>12 ";

static uint64_t state = 88172645463325253ull;
static uint32_t next(uint32_t limit)
{
	return fuzz_next(&state, limit);
}

/* A few bytes are changed, lost or added, more often near the end, where the specifications are. */
static size_t mutate(uint8_t *bytes, size_t count)
{
	for (uint32_t edits = next(4); edits > 0; edits--) {
		size_t at = next(2) ? next((uint32_t)count) : count - 1 - next(count < 2000 ? (uint32_t)count : 2000);
		switch (next(5)) {
		case 0:
			bytes[at] = (uint8_t)next(256);
			break;
		case 1:
			bytes[at] ^= (uint8_t)(1u << next(8));
			break;
		case 2:
			bytes[at] = next(2) ? 0x7f : 0xff;
			break;
		case 3:
			memmove(bytes + at, bytes + at + 1, count - at - 1);
			count -= count > 64;
			break;
		default:
			memmove(bytes + at + 1, bytes + at, count - at);
			bytes[at] = (uint8_t)next(256);
			count++;
			break;
		}
	}
	return count;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "unigram", "bpe", "bytes", "llama" };
	static uint8_t seeds[4][ROOM], bytes[ROOM];
	size_t counts[4];
	long executions = argc > 2 ? atol(argv[2]) : 2000;
	if (argc < 2)
		return 2;
	if (argc > 3)
		state += (uint64_t)atol(argv[3]) * 2;
	for (int i = 0; i < 4; i++) {
		char path[1024];
		snprintf(path, sizeof(path), "%s/%s.model", argv[1], names[i]);
		FILE *file = fopen(path, "rb");
		if (file == NULL)
			return 2;
		counts[i] = fread(seeds[i], 1, ROOM, file);
		fclose(file);
		if (counts[i] == 0 || counts[i] > ROOM / 2)
			return 2;
	}
	for (long i = 0; i < executions; i++) {
		size_t seed = (size_t)i % 4, head = 2 + sizeof(seed_text) - 1;
		bytes[0] = (uint8_t)next(4);
		bytes[1] = sizeof(seed_text) - 1;
		memcpy(bytes + 2, seed_text, sizeof(seed_text) - 1);
		memcpy(bytes + head, seeds[seed], counts[seed]);
		LLVMFuzzerTestOneInput(bytes, i < 4 ? head + counts[seed] : mutate(bytes, head + counts[seed]));
	}
	printf("%ld executions, %zu models accepted, %zu texts encoded\n", executions, accepted, encoded);
	return accepted > 100 && encoded > 0 ? 0 : 1;
}
#endif

/* SPDX-License-Identifier: MIT */
/* Fuzz target for tokenizer.json, vocab.json with merges.txt, vocab.txt, GGUF's arrays, and texts. With CLADE_LIBFUZZER
 * and clang -fsanitize=fuzzer it is a libFuzzer program (a NUL byte parts the file from the text); alone it mutates a
 * seed: fuzz_text [EXECUTIONS [SEED]]. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t accepted, encoded;

/* A stretch of bytes up to `end` or the last one, with a NUL in the place of `end`; moves `*at` behind it. */
static char *take(char *bytes, size_t count, size_t *at, char end)
{
	size_t from = *at;
	while (*at < count && bytes[*at] != end)
		++*at;
	if (*at < count)
		bytes[(*at)++] = '\0';
	return bytes + from;
}

/* GGUF's arrays: a line with the model, one with the name of the patterns, tokens ("type score text"), an empty line,
 * merges. */
static enum clade_status create(char *file, size_t size, struct clade_tokenizer **out, struct clade_diag *diag)
{
	enum { MOST = 1024 };
	static const char *tokens[MOST], *merges[MOST];
	static float scores[MOST];
	static int32_t types[MOST];
	size_t at = 1;
	struct clade_tokenizer_data arrays = {
		.tokens = tokens,
		.scores = scores,
		.types = types,
		.merges = merges,
		.add_bos = -1,
		.add_eos = -1,
		.add_space_prefix = -1,
		.mask = -1,
	};
	arrays.model = take(file, size, &at, '\n');
	arrays.pre = take(file, size, &at, '\n');
	while (at < size && arrays.token_count < MOST) {
		char *line = take(file, size, &at, '\n'), *rest = line;
		if (line[0] == '\0')
			break;
		types[arrays.token_count] = (int32_t)strtol(rest, &rest, 10);
		scores[arrays.token_count] = strtof(rest, &rest);
		tokens[arrays.token_count++] = rest + (*rest == ' ');
	}
	while (at < size && arrays.merge_count < MOST)
		merges[arrays.merge_count++] = take(file, size, &at, '\n');
	arrays.bos = 1;
	arrays.eos = arrays.cls = 2;
	arrays.separator = arrays.padding = (int64_t)size % 7 - 1;
	return clade_tokenizer_create(NULL, "fuzz", &arrays, out, diag);
}

/* vocab.json, merges.txt and tokenizer_config.json with a byte 1 between. */
static enum clade_status parse_merges(char *file, size_t size, struct clade_tokenizer **out, struct clade_diag *diag)
{
	size_t at = 1;
	struct clade_tokenizer_files files = { 0 };
	files.vocab = take(file, size, &at, 1);
	files.vocab_bytes = strlen(files.vocab);
	files.merges = take(file, size, &at, 1);
	files.merges_bytes = strlen(files.merges);
	if (at < size) {
		files.config = take(file, size, &at, 1);
		files.config_bytes = strlen(files.config);
	}
	return clade_tokenizer_parse_vocab_merges(NULL, "fuzz", &files, out, diag);
}

/* vocab.txt and tokenizer_config.json with a byte 1 between. */
static enum clade_status parse_lines(char *file, size_t size, struct clade_tokenizer **out, struct clade_diag *diag)
{
	size_t at = 1;
	const char *vocab = take(file, size, &at, 1), *config = at < size ? take(file, size, &at, 1) : NULL;
	return clade_tokenizer_parse_vocab_txt(NULL, "fuzz", vocab, strlen(vocab), config,
					       config != NULL ? strlen(config) : 0, out, diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *split = size > 0 ? memchr(data, 0, size) : NULL;
	size_t bytes = split != NULL ? (size_t)(split - data) : size, rest = split != NULL ? size - bytes - 1 : 0;
	const char *text = split != NULL ? (const char *)split + 1 : "";
	char *file = malloc(bytes + 1);
	struct clade_tokenizer *tokenizer;
	struct clade_diag diag;
	if (file == NULL)
		return 0;
	memcpy(file, data, bytes);
	file[bytes] = '\0';
	clade_diag_init(&diag);
	enum clade_status status = file[0] == 'G'   ? create(file, bytes, &tokenizer, &diag)
				   : file[0] == 'T' ? parse_lines(file, bytes, &tokenizer, &diag)
				   : file[0] == 'V'
					   ? parse_merges(file, bytes, &tokenizer, &diag)
					   : clade_tokenizer_parse(NULL, "fuzz", file, bytes, &tokenizer, &diag);
	accepted += status == CLADE_OK;
	encoded += fuzz_use(status, tokenizer, text, rest, &diag);
	free(file);
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
	return 0;
}

#ifndef CLADE_LIBFUZZER
static const char word_level[] =
	"{\"added_tokens\":[{\"id\":2,\"content\":\"<s>\",\"special\":true,\"rstrip\":true,\"normalized\":true}],"
	"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Lowercase\"},"
	"{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}]},"
	"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Whitespace\"},{\"type\":\"Split\","
	"\"pattern\":{\"Regex\":\"[\\\\s\\\\S]\"},\"behavior\":\"Isolated\",\"invert\":false}]},"
	"\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},"
	"{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<s>\":{\"ids\":[2]}}},"
	"\"decoder\":{\"type\":\"Fuse\"},"
	"\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":1,\"<s>\":2,\"\\u00e9\":3},\"unk_token\":\"a\"}}";
static const char byte_level[] =
	"{\"added_tokens\":[{\"id\":9,\"content\":\"<s>\",\"special\":true,\"lstrip\":true,\"single_word\":true}],"
	"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},"
	"{\"type\":\"Split\",\"behavior\":\"MergedWithNext\",\"pattern\":{\"Regex\":\"[\\\\p{L}&&[^\\\\p{Han}]]+|\\\\s+"
	"(?!\\\\S)\"}},"
	"{\"type\":\"ByteLevel\",\"add_prefix_space\":true}]},"
	"\"post_processor\":{\"type\":\"RobertaProcessing\",\"cls\":[\"a\",0],\"sep\":[\"b\",1]},"
	"\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"unk_token\":\"a\",\"fuse_unk\":true,"
	"\"byte_fallback\":true,\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"\u0120\":3,\"\u00c3\":4,\"\u0120a\":5,\"<0x41>\":"
	"6},"
	"\"merges\":[\"a b\",[\"\u0120\",\"a\"]]}}";
static const char gpt2_arrays[] =
	"Ggpt2\nqwen2\n2 0 <unk>\n3 0 <s>\n3 0 </s>\n1 0 a\n1 0 b\n1 0 ab\n6 0 <0x41>\n4 0 user\n4 0 sua\n\na b\n";
static const char llama_arrays[] =
	"Gllama\n\n2 0 <unk>\n3 0 <s>\n3 0 </s>\n1 -1 \xe2\x96\x81\n1 -2 a\n1 -3 b\n1 -1.5 ab\n4 0 us\n4 0 sua\n";
static const char t5_arrays[] =
	"Gt5\n\n3 0 <pad>\n3 0 </s>\n2 0 <unk>\n1 -1 \xe2\x96\x81\n1 -2 a\n1 -3 b\n1 -1.5 ab\n4 0 us\n4 0 \xc3\xa9"
	"x\n";
static const char bert_arrays[] = "Gbert\n\n3 0 [PAD]\n3 0 [CLS]\n2 0 [UNK]\n1 0 \xe2\x96\x81"
				  "a\n1 0 b\n1 0 \xe2\x96\x81"
				  "ab\n1 0 \xe2\x96\x81\n1 0 c\n";
static const char gpt2_files[] = "V{\"a\":0,\"b\":1,\"ab\":2,\"<s>\":3}\1#version: 0.2\na b\n\1{\"add_bos_token\":true,"
				 "\"bos_token\":\"<s>\",\"tokenizer_class\":\"GPT2Tokenizer\"}";
static const char word_piece[] =
	"{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
	"\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
	"\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"
	"\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"##\","
	"\"max_input_chars_per_word\":9,\"vocab\":{\"u\":0,\"a\":1,\"##b\":2,\"e\":3,\"##1\":4}}}";
static const char unigram[] =
	"{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmt\"},{\"type\":\"StripAccents\"},"
	"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}|$\"},\"content\":\" \"},"
	"{\"type\":\"Prepend\",\"prepend\":\"x\"}]},"
	"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\"},"
	"\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},"
	"\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},"
	"{\"type\":\"Strip\",\"content\":\" "
	"\",\"start\":1,\"stop\":2},{\"type\":\"Metaspace\",\"replacement\":\"b\"}]},"
	"\"model\":{\"unk_id\":0,\"byte_fallback\":true,\"vocab\":[[\"u\",0],[\"a\",-1.5],[\"_\",-2],[\"_b\",-3],"
	"[\"<0xC3>\",-4],[\"<0xA9>\",-4],[\"ab\",-1]]}}";
static const char vocab_txt[] =
	"T[UNK]\n[CLS]\n[SEP]\na\n##b\n,\r\ne\n\1{\"do_lower_case\":true,\"strip_accents\":null,"
	"\"added_tokens_decoder\":{\"9\":{\"content\":\"us\"}}}";
static const char seed_text[] =
	" a<s> B\xc3\x89 e\xcc\x81\xe2\x80\xa9\xef\xac\x81 \xf0\x9f\x98\x80 ab12\n\n usuab\xe4\xbd\xa0";

static uint64_t state = 88172645463325253ull;
static uint32_t next(uint32_t limit)
{
	return fuzz_next(&state, limit);
}

int main(int argc, char **argv)
{
	static const char *const words[] = { "\"",      "{",          "}",     "[",     "]",      ",",         "null",
					     "-1",      "7",          "Split", "NFD",   "\\\\w",  "*",         "+",
					     "(",       ")",          "&&[^",  "{2,}+", "\\\\p{", "ByteLevel", "\n",
					     "a b",     "|",          "\\\\b", "^",     "$",      "a",         "<s>",
					     "Removed", "Contiguous", "\xc3",  "\xff" };
	static const char *const files[] = {
		word_level,  byte_level, word_level,   byte_level, gpt2_arrays, t5_arrays,
		bert_arrays, gpt2_files, llama_arrays, word_piece, unigram,     vocab_txt
	};
	const long seeds = (long)(sizeof(files) / sizeof(files[0]));
	long executions = argc > 1 ? atol(argv[1]) : 20000;
	if (argc > 2)
		state += (uint64_t)atol(argv[2]) * 2;
	for (long i = 0; i < executions; i++) {
		uint8_t bytes[4096];
		const char *file = files[i % seeds];
		size_t size = strlen(file) + 1, count = size + sizeof(seed_text) - 1;
		memcpy(bytes, file, size);
		memcpy(bytes + size, seed_text, sizeof(seed_text) - 1);
		for (uint32_t edits = i < seeds ? 0 : 1 + next(4); edits > 0; edits--) {
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
		if (i == seeds - 1 && (accepted < (size_t)seeds || encoded < (size_t)seeds))
			return 1; /* the seeds themselves are fine */
	}
	printf("%ld executions, %zu files accepted, %zu texts encoded\n", executions, accepted, encoded);
	return accepted > 100 && encoded > 0 ? 0 : 1;
}
#endif

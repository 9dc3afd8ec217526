/* SPDX-License-Identifier: MIT */
/* GGUF files that break a rule: each ends in one error that says where and which rule. Then every truncation and every
 * flipped bit of a small file, with memory bounded all the while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "gguf_image.h"

#include <ctype.h>
#include <sys/mman.h>

/* A file from words: `1:` `2:` `4:` `8:` a number of so many bytes, `s:` a string with its length, `r:` raw bytes, `z:`
 * so many zeros, `p:` zeros up to a multiple. `~` in a text is a blank. */
static struct image build(const char *spec)
{
	struct image image = { 0 };
	for (const char *at = spec; *at != '\0';) {
		char word[128], *text = word + 2, *end;
		size_t length = strcspn(at, " ");
		assert_true(length < sizeof(word) && length >= 2 && at[1] == ':');
		memcpy(word, at, length);
		word[length] = '\0';
		for (char *c = text; *c != '\0'; c++)
			*c = *c == '~' ? ' ' : *c;
		if (word[0] == 's') {
			gguf_text(&image, text);
		} else if (word[0] == 'r') {
			image_add(&image, text, strlen(text));
		} else {
			uint64_t number = strtoull(text, &end, 0);
			assert_true(*end == '\0' && end != text);
			if (isdigit((unsigned char)word[0]))
				image_add(&image, &number, (size_t)(word[0] - '0'));
			else if (word[0] == 'z')
				for (; number > 0; number--)
					image_add(&image, "", 1);
			else
				while (image.count % number != 0)
					image_add(&image, "", 1);
		}
		at += length;
		at += strspn(at, " ");
	}
	return image;
}

#define HEAD(tensors, keys) "r:GGUF 4:3 8:" #tensors " 8:" #keys " "
#define U32(key, value) "s:" key " 4:4 4:" #value " "
#define TOKENS(count) "s:tokenizer.ggml.tokens 4:9 4:8 8:" #count " "
#define ARCH "s:general.architecture 4:8 s:m "
#define TENSOR(name, dims, type, offset) "s:" name " " dims " 4:" #type " 8:" #offset " "
#define ROW8 "4:1 8:8"
#define MAX64 0xffffffffffffffff

static const struct {
	const char *name, *spec, *text;
} cases[] = {
	{ "C1 empty", "z:0", "ends within the magic" },
	{ "C1 three bytes", "r:GGU", "ends within the magic" },
	{ "C1 magic", "r:GGUX z:60", "must begin with \"GGUF\"" },
	{ "C1 magic swapped", "r:FUGG z:60", "must begin with \"GGUF\"" },
	{ "C1 old magic", "r:lmgg z:60", "must begin with \"GGUF\"" },
	{ "C1 zip", "r:PK 1:3 1:4 z:60", "zip" },
	{ "C1 safetensors", "8:2 r:{} z:60", "must begin with \"GGUF\"" },
	{ "C1 version swapped", "r:GGUF 4:0x03000000 z:60", "byte-swapped" },
	{ "C1 version 2 swapped", "r:GGUF 4:0x02000000 z:60", "byte-swapped" },
	{ "C2 version 0", "r:GGUF 4:0 z:60", "versions 2 and 3" },
	{ "C2 version 1", "r:GGUF 4:1 z:60", "version 1; versions 2 and 3" },
	{ "C2 version 4", "r:GGUF 4:4 z:60", "version 4; versions 2 and 3" },
	{ "C2 version max", "r:GGUF 4:0xffffffff z:60", "versions 2 and 3" },
	{ "C3 tensors 2^32", "r:GGUF 4:3 8:0x100000000 8:0 z:60", "4294967296 tensors" },
	{ "C3 tensors 2^60", "r:GGUF 4:3 8:0x1000000000000000 8:0 z:60", "tensors; 60 bytes are left" },
	{ "C3 tensors max", "r:GGUF 4:3 8:0xffffffffffffffff 8:0 z:60", "tensors; 60 bytes are left" },
	{ "C3 tensors one too many", "r:GGUF 4:3 8:2 8:0 z:65", "2 tensors; 65 bytes are left" },
	{ "C3 keys 2^32", "r:GGUF 4:3 8:0 8:0x100000000 z:60", "4294967296 keys" },
	{ "C3 keys 2^60", "r:GGUF 4:3 8:0 8:0x1000000000000000 z:60", "keys; 60 bytes are left" },
	{ "C3 keys max", "r:GGUF 4:3 8:0 8:0xffffffffffffffff z:60", "keys; 60 bytes are left" },
	{ "C4 string 2^64-1", HEAD(0, 1) "s:k 4:8 8:0xffffffffffffffff z:60", "at most 67108864" },
	{ "C4 string 1 GiB", HEAD(0, 1) "s:k 4:8 8:0x40000000 z:60", "at most 67108864" },
	{ "C4 string past the end", HEAD(0, 1) "s:k 4:8 8:61 z:60", "has 61 bytes, but only 60 are left" },
	{ "C4 string in an array", HEAD(0, 1) "s:k 4:9 4:8 8:2 s:a 8:99 z:60", "has 99 bytes, but only 60 are left" },
	{ "C4 array string 2^64-1", HEAD(0, 1) "s:k 4:9 4:8 8:1 8:0xffffffffffffffff", "at most 67108864" },
	{ "C4 not UTF-8", HEAD(0, 1) "s:k 4:8 8:2 1:0xc3 1:0x28", "byte 0xc3 in a string; strings are UTF-8" },
	{ "C4 NUL", HEAD(0, 1) "s:k 4:8 8:3 r:a 1:0 r:b", "byte 0x00 in a string; strings are UTF-8" },
	{ "C4 cut sequence", HEAD(0, 1) "s:k 4:8 8:1 1:0xe2 1:0x82 1:0xac z:40", "byte 0xe2 in a string" },
	{ "C4 surrogate", HEAD(0, 1) "s:k 4:8 8:3 1:0xed 1:0xa0 1:0x80", "byte 0xed in a string" },
	{ "C4 beyond Unicode", HEAD(0, 1) "s:k 4:8 8:4 1:0xf5 1:0x80 1:0x80 1:0x80", "byte 0xf5 in a string" },
	{ "C4 long form", HEAD(0, 1) "s:k 4:8 8:4 1:0xf0 1:0x82 1:0x82 1:0xac", "byte 0xf0 in a string" },
	{ "C5 key empty", HEAD(0, 1) "8:0 4:4 4:1 z:60", "a key is empty" },
	{ "C5 key 65,536 bytes", HEAD(0, 1) "8:65536 z:70000", "a key has 65536 bytes; at most 65535" },
	{ "C5 key twice", HEAD(0, 2) U32("k", 1) U32("k", 1), "\"k\" is given twice, also at 24" },
	{ "C5 key not ASCII", HEAD(0, 1) "8:2 1:0xc3 1:0xa4 4:4 4:1", "byte 0xc3 in a key" },
	{ "C5 key with a newline", HEAD(0, 1) "8:2 r:a 1:10 4:4 4:1", "byte 0x0a in a key" },
	{ "C6 type 13", HEAD(0, 1) "s:k 4:13 z:60", "unknown type 13" },
	{ "C6 type 2^31", HEAD(0, 1) "s:k 4:0x80000000 z:60", "unknown type 2147483648" },
	{ "C7 array of arrays", HEAD(0, 1) "s:k 4:9 4:9 8:1 4:4 8:1 4:7", "array of arrays" },
	{ "C7 element type 13", HEAD(0, 1) "s:k 4:9 4:13 8:0x1000000000000000 z:60",
	  "elements of the unknown type 13" },
	{ "C7 wrap", HEAD(0, 1) "s:k 4:9 4:10 8:0x2000000000000000 z:60", "an array of 2305843009213693952 elements" },
	{ "C7 past the end", HEAD(0, 1) "s:k 4:9 4:0 8:61 z:60", "an array of 61 elements; 60 bytes are left" },
	{ "C7 u64 of 2^63", HEAD(0, 1) "s:k 4:10 8:0x8000000000000000", "2^63 or more" },
	{ "C8 bool 2", HEAD(0, 1) "s:k 4:7 1:2", "a bool is 2" },
	{ "C8 bools 0, 1, 255", HEAD(0, 1) "s:k 4:9 4:7 8:3 1:0 1:1 1:255", "a bool is 255" },
	{ "C9 alignment 0", HEAD(0, 1) U32("general.alignment", 0), "power of two from 8" },
	{ "C9 alignment 1", HEAD(0, 1) U32("general.alignment", 1), "power of two from 8" },
	{ "C9 alignment 3", HEAD(0, 1) U32("general.alignment", 3), "power of two from 8" },
	{ "C9 alignment 48", HEAD(0, 1) U32("general.alignment", 48), "power of two from 8" },
	{ "C9 alignment 2^31", HEAD(0, 1) U32("general.alignment", 0x80000000), "power of two from 8" },
	{ "C9 alignment 2^21", HEAD(0, 1) U32("general.alignment", 0x200000), "power of two from 8" },
	{ "C9 alignment u64", HEAD(0, 1) "s:general.alignment 4:10 8:32", "has type 10; it must be a u32" },
	{ "C9 alignment i32", HEAD(0, 1) "s:general.alignment 4:5 4:32", "has type 5; it must be a u32" },
	{ "C9 alignment text", HEAD(0, 1) "s:general.alignment 4:8 s:32", "has type 8; it must be a u32" },
	{ "C9 alignment array", HEAD(0, 1) "s:general.alignment 4:9 4:4 8:1 4:32", "has type 9; it must be a u32" },
	{ "C9 alignment twice", HEAD(0, 2) U32("general.alignment", 32) U32("general.alignment", 64), "given twice" },
	{ "C10 no dimension", HEAD(1, 0) TENSOR("t", "4:0", 0, 0) "z:60", "has 0 dimensions" },
	{ "C10 5 dimensions", HEAD(1, 0) TENSOR("t", "4:5 8:1 8:1 8:1 8:1 8:1", 0, 0) "z:60", "has 5 dimensions" },
	{ "C10 2^32-1 dimensions", HEAD(1, 0) TENSOR("t", "4:0xffffffff 8:1", 0, 0) "z:60", "4294967295 dimensions" },
	{ "C11 ne 0", HEAD(1, 0) TENSOR("t", "4:1 8:0", 0, 0) "z:60", "a dimension is 0" },
	{ "C11 ne 0 of blocks", HEAD(1, 0) TENSOR("t", "4:2 8:0 8:4", 8, 0) "z:60", "a dimension is 0" },
	{ "C11 negative", HEAD(1, 0) TENSOR("t", "4:1 8:0xffffffffffffffff", 0, 0) "z:60", "it must be 1 to 2^40" },
	{ "C11 2^40 + 1", HEAD(1, 0) TENSOR("t", "4:1 8:0x10000000001", 0, 0) "z:60", "it must be 1 to 2^40" },
	{ "C11 product wraps", HEAD(1, 0) TENSOR("t", "4:2 8:0x10000000000 8:0x10000000000", 0, 0) "z:60",
	  "overflows" },
	{ "C11 product wraps to 0", HEAD(1, 0) TENSOR("t", "4:4 8:0x10000 8:0x10000 8:0x10000 8:0x10000", 0, 0) "z:60",
	  "overflows" },
	{ "C11 row 33 of Q8_0", HEAD(1, 0) TENSOR("t", "4:2 8:33 8:32", 8, 0) "z:999", "rows of 33 elements" },
	{ "C11 row 128 of Q4_K", HEAD(1, 0) TENSOR("t", "4:2 8:128 8:2", 12, 0) "z:999", "rows of 128 elements" },
	{ "C12 retired", HEAD(1, 0) TENSOR("t", ROW8, 4, 0) "z:60", "type 4 (unknown or retired)" },
	{ "C12 retired 36", HEAD(1, 0) TENSOR("t", ROW8, 36, 0) "z:60", "type 36 (unknown or retired)" },
	{ "C12 not read", HEAD(1, 0) TENSOR("t", ROW8, 16, 0) "z:60", "type 16 (IQ2_XXS)" },
	{ "C12 unknown", HEAD(1, 0) TENSOR("t", ROW8, 1000, 0) "z:60", "type 1000 (unknown or retired)" },
	{ "C12 2^32-1", HEAD(1, 0) TENSOR("t", ROW8, 0xffffffff, 0) "z:60", "type 4294967295" },
	{ "C13 unaligned", HEAD(1, 0) TENSOR("t", ROW8, 0, 4) "p:32 z:64", "multiples of 32" },
	{ "C13 unaligned for 64", HEAD(1, 1) U32("general.alignment", 64) TENSOR("t", ROW8, 0, 32) "p:64 z:99",
	  "multiples of 64" },
	{ "C13 past the end", HEAD(1, 0) TENSOR("t", ROW8, 0, 64) "p:32 z:32", "of the data, which has 32 bytes" },
	{ "C13 offset + size wraps", HEAD(1, 0) TENSOR("t", ROW8, 0, 0xffffffffffffffe0) "p:32 z:32",
	  "of the data, which has 32 bytes" },
	{ "C13 same offset", HEAD(2, 0) TENSOR("t", ROW8, 0, 0) TENSOR("u", ROW8, 0, 0) "p:32 z:64", "overlap" },
	{ "C13 overlap", HEAD(2, 0) TENSOR("t", "4:1 8:9", 0, 0) TENSOR("u", ROW8, 0, 32) "p:32 z:64", "overlap" },
	{ "C14 2^64 bytes", HEAD(1, 0) TENSOR("t", "4:2 8:0x10000000000 8:0x400000", 0, 0) "z:60", "overflows" },
	{ "C14 2^64 - 16 bytes", HEAD(1, 0) TENSOR("t", "4:3 8:2 8:1073741823 8:1073741825", 28, 0) "z:60",
	  "of the data, which has" },
	{ "C15 sum wraps",
	  HEAD(2, 0) TENSOR("t", "4:2 8:0x10000000000 8:0x200000", 0, 0)
		  TENSOR("u", "4:2 8:0x10000000000 8:0x200000", 0, 0) "z:60",
	  "of the data, which has" },
	{ "C16 one byte short", HEAD(1, 0) TENSOR("t", ROW8, 0, 0) "p:32 z:31",
	  "32 bytes at 0 of the data, which has 31" },
	{ "C16 no data", HEAD(1, 0) TENSOR("t", ROW8, 0, 0), "of the data, which has 0 bytes" },
	{ "C17 scores are bytes", HEAD(0, 2) TOKENS(1) "s:a s:tokenizer.ggml.scores 4:9 4:0 8:1 1:1",
	  "must be an array of floats" },
	{ "C17 types are floats", HEAD(0, 2) TOKENS(1) "s:a s:tokenizer.ggml.token_type 4:9 4:6 8:1 4:1",
	  "must be an array of integers" },
	{ "C17 tokens are numbers", HEAD(0, 1) "s:tokenizer.ggml.tokens 4:9 4:4 8:1 4:1",
	  "must be an array of strings" },
	{ "C17 tokens a number", HEAD(0, 1) U32("tokenizer.ggml.tokens", 5), "must be an array of strings" },
	{ "C17 merges a string", HEAD(0, 1) "s:tokenizer.ggml.merges 4:8 s:a", "must be an array of strings" },
	{ "C17 fewer scores", HEAD(0, 2) TOKENS(2) "s:a s:b s:tokenizer.ggml.scores 4:9 4:6 8:1 4:1",
	  "has 1 elements, but there are 2 tokens" },
	{ "C17 scores alone", HEAD(0, 1) "s:tokenizer.ggml.scores 4:9 4:6 8:1 4:1", "there are -1 tokens" },
	{ "C18 architecture a number", HEAD(0, 1) U32("general.architecture", 1), "a string that is not empty" },
	{ "C18 architecture empty", HEAD(0, 1) "s:general.architecture 4:8 s:", "a string that is not empty" },
	{ "C18 head_count 0", HEAD(0, 2) ARCH U32("m.attention.head_count", 0), "is 0; it must be 1 to" },
	{ "C18 head_count 2^31", HEAD(0, 2) ARCH U32("m.attention.head_count", 0x80000000),
	  "is 2147483648; it must be" },
	{ "C18 head_count text", HEAD(0, 2) ARCH "s:m.attention.head_count 4:8 s:8", "must be an integer" },
	{ "C18 head_count float", HEAD(0, 2) ARCH "s:m.attention.head_count 4:6 4:0x41000000", "must be an integer" },
	{ "C18 head_count floats", HEAD(0, 2) ARCH "s:m.attention.head_count 4:9 4:6 8:1 4:0", "must be an integer" },
	{ "C18 block_count 0", HEAD(0, 2) ARCH U32("m.block_count", 0), "is 0; it must be 1 to" },
	{ "C18 block_count -1", HEAD(0, 2) ARCH "s:m.block_count 4:5 4:0xffffffff", "is -1; it must be 1 to" },
	{ "C18 key before architecture", HEAD(0, 2) U32("m.block_count", 0) ARCH, "is 0; it must be 1 to" },
	{ "C18 vocab_size 0", HEAD(0, 2) ARCH U32("m.vocab_size", 0), "is 0; it must be 1 to" },
	{ "C18 vocab_size 2^31", HEAD(0, 2) ARCH U32("m.vocab_size", 0x80000000), "it must be 1 to" },
	{ "C19 bos = tokens", HEAD(0, 2) TOKENS(2) "s:a s:b " U32("tokenizer.ggml.bos_token_id", 2),
	  "is 2; ids are below" },
	{ "C19 pad 2^32-1", HEAD(0, 2) TOKENS(2) "s:a s:b " U32("tokenizer.ggml.padding_token_id", 0xffffffff),
	  "ids are below the 2 tokens" },
	{ "C19 eos -1", HEAD(0, 2) TOKENS(1) "s:a s:tokenizer.ggml.eos_token_id 4:5 4:0xffffffff",
	  "is -1; ids are below" },
	{ "C19 before the tokens", HEAD(0, 2) U32("tokenizer.ggml.bos_token_id", 1) TOKENS(1) "s:a",
	  "is 1; ids are below" },
	{ "C19 a text", HEAD(0, 2) TOKENS(1) "s:a s:tokenizer.ggml.bos_token_id 4:8 s:a", "must be an integer" },
	{ "name empty", HEAD(1, 0) TENSOR("", ROW8, 0, 0) "p:32 z:32", "a tensor's name is empty" },
	{ "name of 65 bytes",
	  HEAD(1, 0)
		  TENSOR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ROW8, 0, 0) "p:32 z:32",
	  "a tensor's name has 65 bytes; at most 64" },
	{ "name not ASCII", HEAD(1, 0) "8:1 1:0xff " ROW8 " 4:0 8:0 p:32 z:32", "byte 0xff in a tensor's name" },
	{ "name twice", HEAD(2, 0) TENSOR("t", ROW8, 0, 0) TENSOR("t", ROW8, 0, 32) "p:32 z:64",
	  "\"t\" is given twice" },
};

static void test_table(void **state)
{
	const char *path = SCRATCH("bad.gguf");
	size_t count = sizeof(cases) / sizeof(cases[0]);
	for (size_t i = 0; i < count; i++) {
		struct image image = build(cases[i].spec);
		struct clade_diag diag;
		size_t tensors;
		put(path, image.bytes, image.count);
		enum clade_status status = try_store(path, &diag, &tensors);
		if (status != CLADE_ERR_DATA || strstr(diag.text, cases[i].text) == NULL ||
		    strstr(diag.where, "bad.gguf@") == NULL || diag.id < CLADE_MSG_FILE_FIRST ||
		    diag.id > CLADE_MSG_FILE_GGUF || strchr(diag.text, '\n') != NULL)
			fail_msg("%s: %s, id %u, %s: \"%s\"", cases[i].name, clade_status_name(status), diag.id,
				 diag.where, diag.text);
		assert_int_equal(tensors, 0);
		image_free(&image);
		clade_diag_finish(&diag);
	}
	print_message("%zu malformed files\n", count);
}

/* What is unusual, but allowed. */
static void test_accepted(void **state)
{
	static const char *const specs[] = {
		HEAD(0, 0),
		"r:GGUF 4:2 8:0 8:0",
		HEAD(1, 1) U32("general.alignment", 8) TENSOR("t", ROW8, 0, 8) "p:8 z:40",
		HEAD(1, 0) TENSOR("t", "4:4 8:2 8:1 8:2 8:2", 0, 0) "p:32 z:32",
		HEAD(1, 0) TENSOR("t", ROW8, 0, 0) "p:32 z:33",
		HEAD(2, 0) TENSOR("t", ROW8, 0, 64) TENSOR("u", ROW8, 0, 0) "p:32 z:96",
		HEAD(0, 2) ARCH "s:m.attention.head_count 4:9 4:4 8:2 4:0 4:8",
		HEAD(0, 2) ARCH U32("m.expert_count", 0),
		HEAD(0, 2) ARCH U32("n.block_count", 0),
		HEAD(0, 1) U32("tokenizer.ggml.bos_token_id", 99),
		HEAD(0, 1) "s:k 4:8 s:é€🦙",
	};
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct image image = build(specs[i]);
		struct clade_diag diag;
		put(SCRATCH("good.gguf"), image.bytes, image.count);
		if (try_store(SCRATCH("good.gguf"), &diag, NULL) != CLADE_OK)
			fail_msg("%s: %s", specs[i], diag.text);
		image_free(&image);
		clade_diag_finish(&diag);
	}
	/* other names: a blob without an ending is known by its first bytes; a wrong ending is named */
	struct image image = gguf_rich();
	struct clade_diag diag;
	size_t count;
	put(SCRATCH("sha256-0123"), image.bytes, image.count);
	assert_int_equal(try_store(SCRATCH("sha256-0123"), &diag, &count), CLADE_OK);
	assert_int_equal(count, 2);
	put(SCRATCH("wrong.safetensors"), image.bytes, image.count);
	assert_int_equal(try_store(SCRATCH("wrong.safetensors"), &diag, &count), CLADE_ERR_DATA);
	assert_non_null(strstr(diag.text, "a GGUF file"));
	clade_diag_finish(&diag);
	image_free(&image);
}

/* ---- truncations, flips, memory ---- */

/* Each allocation has its size in front, so that live bytes and their peak are known. */
static size_t live, peak;
static void *counted_resize(void *user, void *memory, size_t bytes)
{
	size_t *block = memory, old = memory != NULL ? block[-2] : 0;
	(void)user;
	if (bytes == 0) {
		live -= old;
		free(memory != NULL ? block - 2 : NULL);
		return NULL;
	}
	block = realloc(memory != NULL ? block - 2 : NULL, bytes + 16);
	block[0] = bytes;
	live += bytes - old;
	peak = peak > live + (old != 0 ? old : 0) ? peak : live + (old != 0 ? old : 0); /* a realloc may hold both */
	return block + 2;
}

/* Opens and reads everything; what the header's bytes allow is what may be allocated. */
static enum clade_status load_counted(const struct image *image, size_t count, size_t header)
{
	const struct clade_allocator allocator = { .resize = counted_resize };
	const struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
	struct clade_context *context;
	struct clade_store *store;
	struct clade_diag diag;
	float values[64];
	char path[64]; /* in memory: thousands of files on a disk take their time; a GGUF file is known by its bytes */
	int fd = memfd_create("part", MFD_CLOEXEC);
	assert_true(fd >= 0 && write(fd, image->bytes, count) == (ssize_t)count);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
	size_t before = peak = live;
	clade_diag_init(&diag);
	assert_int_equal(clade_store_create(context, &store, &diag), CLADE_OK);
	enum clade_status status = clade_store_add(store, path, &diag);
	assert_true((status == CLADE_OK) == (diag.id == 0));
	if (status != CLADE_OK)
		assert_true(strncmp(diag.where, "/proc/self/fd/", 14) == 0 && strchr(diag.where, '@') != NULL &&
			    strchr(diag.text, '\n') == NULL);
	if (peak - before > 8 * header + (1 << 20))
		fail_msg("%zu bytes of memory for a header of %zu", peak - before, header);
	for (size_t i = 0; i < clade_store_count(store); i++) {
		int64_t elements;
		assert_true(clade_type_count(&clade_store_at(store, i)->type, &elements));
		clade_store_read(store, clade_store_at(store, i), 0, elements < 64 ? elements : 64, values, NULL);
	}
	clade_store_destroy(&store);
	clade_context_destroy(&context);
	close(fd);
	assert_int_equal(live, 0);
	clade_diag_finish(&diag);
	return status;
}

static void test_truncations(void **state)
{
	struct image image = gguf_rich();
	for (size_t i = 0; i < image.count; i++)
		assert_int_equal(load_counted(&image, i, i), CLADE_ERR_DATA);
	assert_int_equal(load_counted(&image, image.count, image.count), CLADE_OK);
	print_message("%zu truncations\n", image.count);
	image_free(&image);
}

static void test_flips(void **state)
{
	struct image image = gguf_rich();
	size_t refused = 0, bits = image.count * 8;
	for (size_t i = 0; i < bits; i++) {
		image.bytes[i / 8] ^= (unsigned char)(1u << i % 8);
		refused += load_counted(&image, image.count, image.count) != CLADE_OK;
		image.bytes[i / 8] ^= (unsigned char)(1u << i % 8);
	}
	print_message("%zu flipped bits, %zu refused\n", bits, refused);
	assert_true(refused > bits / 4 && refused < bits);
	image_free(&image);
}

/* The smallest tensors and the longest vocabulary that so many bytes can describe. */
static void test_memory(void **state)
{
	struct image image = gguf_head(3, 20000, 1);
	gguf_text(&image, "tokenizer.ggml.tokens");
	gguf_u32(&image, 9);
	gguf_u32(&image, 8);
	gguf_u64(&image, 50000);
	for (int i = 0; i < 50000; i++)
		gguf_text(&image, "");
	for (uint64_t i = 0; i < 20000; i++) {
		char name[8];
		snprintf(name, sizeof(name), "%x", (unsigned)i);
		gguf_tensor(&image, name, 1, 0, 0, i * 32);
	}
	size_t header = image.count;
	gguf_data(&image, 32, 32 * 20000);
	assert_int_equal(load_counted(&image, image.count, header), CLADE_OK);
	print_message("%zu bytes at most for a header of %zu\n", peak, header);
	image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_accepted), cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_flips), cmocka_unit_test(test_memory),
	};
	return cmocka_run_group_tests_name("malformed gguf", tests, NULL, remove_scratch);
}

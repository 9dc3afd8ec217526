/* SPDX-License-Identifier: MIT */
/* Encodes and decodes many texts, for tests that ask another tokenizer the same: test_oracle.py.
 * usage: text_ids json|bpe FILE... : stdin holds texts, each behind its length (32 bits); stdout gets for each the
 * number of its ids and the ids (32 bits each), then the length and the text that they decode to (special tokens too).
 */
#include <clade/text.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct clade_diag diag;

static int fail(const char *what)
{
	fprintf(stderr, "text_ids: %s: %s: %s\n", what, diag.where, diag.text);
	return 1;
}

static char *read_whole(const char *path, size_t *out_bytes)
{
	FILE *file = fopen(path, "rb");
	char *text = NULL;
	size_t room = 0, count = 0;
	if (file == NULL)
		return NULL;
	do {
		room = room * 2 + 65536;
		text = realloc(text, room);
		count += fread(text + count, 1, room - count, file);
	} while (count == room);
	fclose(file);
	*out_bytes = count;
	return text;
}

static void put(uint32_t number)
{
	fwrite(&number, 4, 1, stdout);
}

/* The decoder is pushed id by id; what it gives must always be whole characters, which the reader checks. */
static int decode(const struct clade_tokenizer *tokenizer, const int32_t *ids, size_t count)
{
	struct clade_decoder *decoder;
	const char *part;
	size_t bytes, total = 0, room = 0;
	char *all = NULL;
	if (clade_decoder_create(tokenizer, false, &decoder, &diag) != CLADE_OK)
		return fail("decoder");
	for (size_t i = 0; i <= count; i++) {
		enum clade_status status = i < count ? clade_decoder_push(decoder, ids[i], &part, &bytes, &diag)
						     : clade_decoder_finish(decoder, &part, &bytes, &diag);
		if (status != CLADE_OK)
			return fail("decode");
		if (total + bytes > room) {
			room = (total + bytes) * 2 + 256;
			all = realloc(all, room);
		}
		if (bytes > 0)
			memcpy(all + total, part, bytes);
		total += bytes;
	}
	clade_decoder_destroy(&decoder);
	put((uint32_t)total);
	fwrite(all, 1, total, stdout);
	free(all);
	return 0;
}

static enum clade_status load(int count, char **arguments, struct clade_tokenizer **out)
{
	char *texts[3] = { NULL };
	size_t bytes[3] = { 0 };
	enum clade_status status = CLADE_ERR_DATA;
	for (int i = 2; i < count && i < 5; i++)
		texts[i - 2] = read_whole(arguments[i], &bytes[i - 2]);
	if (texts[0] != NULL && strcmp(arguments[1], "json") == 0)
		status = clade_tokenizer_parse(NULL, arguments[2], texts[0], bytes[0], out, &diag);
	for (int i = 0; i < 3; i++)
		free(texts[i]);
	return status;
}

int main(int count, char **arguments)
{
	struct clade_tokenizer *tokenizer = NULL;
	uint32_t length;
	int failed = 0;
	clade_diag_init(&diag);
	if (count < 3 || load(count, arguments, &tokenizer) != CLADE_OK)
		return fail("load");
	while (!failed && fread(&length, 4, 1, stdin) == 1) {
		char *text = malloc((size_t)length + 1);
		int32_t *ids = NULL;
		size_t id_count;
		if (text == NULL || fread(text, 1, length, stdin) != length)
			return 1;
		if (clade_tokenizer_encode(tokenizer, text, length, true, &ids, &id_count, &diag) == CLADE_OK) {
			put((uint32_t)id_count);
			fwrite(ids, 4, id_count, stdout);
			failed = decode(tokenizer, ids, id_count);
		} else {
			failed = fail("encode");
		}
		clade_free(NULL, ids);
		free(text);
	}
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
	return failed;
}

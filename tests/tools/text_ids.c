/* SPDX-License-Identifier: MIT */
/* Encodes and decodes many texts, for tests that ask another tokenizer the same: test_oracle.py.
 * usage: text_ids KIND FILE... [plain]: KIND is json (tokenizer.json), vocab (vocab.txt [tokenizer_config.json]),
 * sentencepiece (tokenizer.model [tokenizer_config.json]), merges (vocab.json merges.txt
 * [tokenizer_config.json]) or arrays (a JSON object with the members of struct clade_tokenizer_data); plain: without
 * special tokens; ids: stdin holds ids, which are decoded only. stdin holds texts, each behind its length (32 bits);
 * stdout gets for each the number of its ids and the ids (32 bits each), then the length and the text that they decode
 * to (special tokens too).
 */
#include <clade/text.h>
#include <jansson.h>

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

static int64_t number(const json_t *root, const char *key)
{
	const json_t *value = json_object_get(root, key);
	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static const char **texts_of(const json_t *list, size_t *out_count)
{
	size_t i, count = *out_count = json_array_size(list);
	const char **texts = calloc(count + 1, sizeof(*texts));
	for (i = 0; i < count; i++)
		texts[i] = json_string_value(json_array_get(list, i));
	return texts;
}

static enum clade_status load_arrays(const char *name, const char *text, size_t bytes, struct clade_tokenizer **out)
{
	json_t *root = json_loadb(text, bytes, 0, NULL);
	const json_t *scores = json_object_get(root, "scores"), *types = json_object_get(root, "types");
	struct clade_tokenizer_data data = {
		.model = json_string_value(json_object_get(root, "model")),
		.pre = json_string_value(json_object_get(root, "pre")),
		.bos = number(root, "bos"),
		.eos = number(root, "eos"),
		.unknown = number(root, "unknown"),
		.separator = number(root, "separator"),
		.padding = number(root, "padding"),
		.cls = number(root, "cls"),
		.mask = number(root, "mask"),
		.add_bos = (int)number(root, "add_bos"),
		.add_eos = (int)number(root, "add_eos"),
		.add_space_prefix = (int)number(root, "add_space_prefix"),
	};
	const char **tokens = texts_of(json_object_get(root, "tokens"), &data.token_count);
	const char **merges = texts_of(json_object_get(root, "merges"), &data.merge_count);
	float *score_values = calloc(data.token_count + 1, sizeof(float));
	int32_t *type_values = calloc(data.token_count + 1, sizeof(int32_t));
	for (size_t i = 0; i < data.token_count; i++) {
		score_values[i] = (float)json_number_value(json_array_get(scores, i));
		type_values[i] = (int32_t)json_integer_value(json_array_get(types, i));
	}
	const json_t *charsmap = json_object_get(root, "charsmap");
	unsigned char *rules = calloc(json_array_size(charsmap) + 1, 1);
	for (size_t i = 0; i < json_array_size(charsmap); i++)
		rules[i] = (unsigned char)json_integer_value(json_array_get(charsmap, i));
	data.charsmap = rules;
	data.charsmap_bytes = json_array_size(charsmap);
	data.remove_extra_spaces = number(root, "remove_extra_spaces") == 1;
	data.strip_right = number(root, "strip_right") == 1;
	data.keep_case = number(root, "keep_case") == 1;
	data.keep_accents = number(root, "keep_accents") == 1;
	data.tokens = tokens;
	data.merges = merges;
	data.scores = scores != NULL ? score_values : NULL;
	data.types = types != NULL ? type_values : NULL;
	enum clade_status status = clade_tokenizer_create(NULL, name, &data, out, &diag);
	free(tokens);
	free(merges);
	free(score_values);
	free(type_values);
	free(rules);
	json_decref(root);
	return status;
}

static enum clade_status load(const char *kind, int count, char **paths, struct clade_tokenizer **out)
{
	char *texts[3] = { NULL };
	size_t bytes[3] = { 0 };
	enum clade_status status = CLADE_ERR_DATA;
	for (int i = 0; i < count && i < 3; i++)
		texts[i] = read_whole(paths[i], &bytes[i]);
	const struct clade_tokenizer_files files = { .vocab = texts[0],
						     .vocab_bytes = bytes[0],
						     .merges = texts[1],
						     .merges_bytes = bytes[1],
						     .config = texts[2],
						     .config_bytes = bytes[2] };
	if (texts[0] != NULL && strcmp(kind, "json") == 0)
		status = clade_tokenizer_parse(NULL, paths[0], texts[0], bytes[0], out, &diag);
	else if (texts[0] != NULL && strcmp(kind, "vocab") == 0)
		status = clade_tokenizer_parse_vocab_txt(NULL, paths[0], texts[0], bytes[0], texts[1], bytes[1], out,
							 &diag);
	else if (texts[0] != NULL && strcmp(kind, "sentencepiece") == 0)
		status = clade_tokenizer_parse_sentencepiece(NULL, paths[0], texts[0], bytes[0], texts[1], bytes[1],
							     out, &diag);
	else if (texts[0] != NULL && texts[1] != NULL && strcmp(kind, "merges") == 0)
		status = clade_tokenizer_parse_vocab_merges(NULL, paths[0], &files, out, &diag);
	else if (texts[0] != NULL && strcmp(kind, "arrays") == 0)
		status = load_arrays(paths[0], texts[0], bytes[0], out);
	for (int i = 0; i < 3; i++)
		free(texts[i]);
	return status;
}

static int encode(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes, bool plain)
{
	int32_t *ids;
	size_t count;
	if (clade_tokenizer_encode(tokenizer, text, bytes, !plain, &ids, &count, &diag) != CLADE_OK)
		return fail("encode");
	put((uint32_t)count);
	fwrite(ids, 4, count, stdout);
	int failed = decode(tokenizer, ids, count);
	clade_free(NULL, ids);
	return failed;
}

int main(int count, char **arguments)
{
	struct clade_tokenizer *tokenizer = NULL;
	uint32_t length;
	int failed = 0;
	const char *last = count > 3 ? arguments[count - 1] : "";
	bool plain = strcmp(last, "plain") == 0, ids = strcmp(last, "ids") == 0;
	clade_diag_init(&diag);
	if (count < 3 || load(arguments[1], count - 2 - plain - ids, arguments + 2, &tokenizer) != CLADE_OK)
		return fail("load");
	while (!failed && fread(&length, 4, 1, stdin) == 1) {
		char *text = malloc((size_t)length + 1);
		if (text == NULL || fread(text, 1, length, stdin) != length)
			return 1;
		failed = ids ? decode(tokenizer, (const int32_t *)text, length / 4)
			     : encode(tokenizer, text, length, plain);
		free(text);
	}
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
	return failed;
}

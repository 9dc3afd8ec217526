/* SPDX-License-Identifier: MIT */
/* Rates of a tokenizer on one core: text to ids and back, each the best and the median of some rounds in CPU time. */
#include <clade/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 9 };

static const char help[] = "usage: bench_tokenize TOKENIZER TEXT [ROUNDS]\n"
			   "TOKENIZER is a tokenizer.json, or VOCAB.json,MERGES.txt. Prints MB/s of encoding TEXT "
			   "whole and line by line,\n"
			   "and of decoding it: best and median of ROUNDS (default 9) in CPU time of this thread.\n";

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static char *load(const char *path, size_t *out_bytes)
{
	FILE *file = fopen(path, "rb");
	char *text = NULL;
	size_t room = 0, count = 0;
	if (file == NULL) {
		fprintf(stderr, "bench_tokenize: %s cannot be read\n", path);
		exit(1);
	}
	do {
		room = room * 2 + 65536;
		text = realloc(text, room);
		count += text != NULL ? fread(text + count, 1, room - count, file) : 0;
	} while (count == room);
	fclose(file);
	*out_bytes = count;
	return text;
}

static struct clade_tokenizer *open_tokenizer(char *path, struct clade_diag *diag)
{
	struct clade_tokenizer *tokenizer = NULL;
	char *comma = strchr(path, ',');
	size_t bytes, merges_bytes = 0;
	if (comma != NULL)
		*comma = '\0';
	char *text = load(path, &bytes), *merges = comma != NULL ? load(comma + 1, &merges_bytes) : NULL;
	const struct clade_tokenizer_files files = {
		.vocab = text, .vocab_bytes = bytes, .merges = merges, .merges_bytes = merges_bytes
	};
	enum clade_status status = comma != NULL
					   ? clade_tokenizer_parse_vocab_merges(NULL, path, &files, &tokenizer, diag)
					   : clade_tokenizer_parse(NULL, path, text, bytes, &tokenizer, diag);
	free(text);
	free(merges);
	if (status != CLADE_OK) {
		fprintf(stderr, "bench_tokenize: %s: %s\n", diag->where, diag->text);
		exit(1);
	}
	return tokenizer;
}

/* Encodes stretches of the text that end with a line, each of at least `least` bytes. Returns the number of ids. */
static size_t encode(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes, size_t least,
		     int32_t **out_ids, struct clade_diag *diag)
{
	size_t total = 0;
	for (size_t at = 0, end; at < bytes; at = end) {
		int32_t *ids;
		size_t count;
		for (end = at + least < bytes ? at + least : bytes; end < bytes && text[end - 1] != '\n';)
			end++;
		if (clade_tokenizer_encode(tokenizer, text + at, end - at, false, &ids, &count, diag) != CLADE_OK) {
			fprintf(stderr, "bench_tokenize: %s\n", diag->text);
			exit(1);
		}
		total += count;
		if (out_ids != NULL)
			*out_ids = ids;
		else
			clade_free(NULL, ids);
	}
	return total;
}

static void decode(const struct clade_tokenizer *tokenizer, const int32_t *ids, size_t count, struct clade_diag *diag)
{
	struct clade_decoder *decoder;
	const char *part;
	size_t bytes;
	enum clade_status status = clade_decoder_create(tokenizer, false, &decoder, diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++)
		status = clade_decoder_push(decoder, ids[i], &part, &bytes, diag);
	if (status == CLADE_OK)
		status = clade_decoder_finish(decoder, &part, &bytes, diag);
	clade_decoder_destroy(&decoder);
	if (status != CLADE_OK) {
		fprintf(stderr, "bench_tokenize: %s\n", diag->text);
		exit(1);
	}
}

static int ascending(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(int count, char **arguments)
{
	static const char *const names[] = { "encode whole", "encode lines", "decode" };
	struct clade_diag diag;
	double times[101];
	size_t bytes, id_count = 0;
	int32_t *ids = NULL;
	int rounds = count > 3 ? atoi(arguments[3]) : ROUNDS;
	if (count < 3 || rounds < 1 || rounds > 101) {
		fputs(help, count > 1 && strcmp(arguments[1], "--help") == 0 ? stdout : stderr);
		return count > 1 && strcmp(arguments[1], "--help") == 0 ? 0 : 2;
	}
	clade_diag_init(&diag);
	struct clade_tokenizer *tokenizer = open_tokenizer(arguments[1], &diag);
	char *text = load(arguments[2], &bytes);
	id_count = encode(tokenizer, text, bytes, bytes, &ids, &diag);
	printf("%zu bytes, %zu ids\n", bytes, id_count);
	for (int what = 0; what < 3; what++) {
		for (int round = 0; round < rounds; round++) {
			double start = now();
			if (what == 2)
				decode(tokenizer, ids, id_count, &diag);
			else
				encode(tokenizer, text, bytes, what == 0 ? bytes : 1, NULL, &diag);
			times[round] = now() - start;
		}
		qsort(times, (size_t)rounds, sizeof(*times), ascending);
		printf("%-13s best %6.1f MB/s, median %6.1f MB/s\n", names[what], 1e-6 * (double)bytes / times[0],
		       1e-6 * (double)bytes / times[rounds / 2]);
	}
	clade_free(NULL, ids);
	free(text);
	clade_tokenizer_destroy(&tokenizer);
	clade_diag_finish(&diag);
	return 0;
}

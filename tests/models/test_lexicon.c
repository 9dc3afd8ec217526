/* SPDX-License-Identifier: MIT */
/* g2p-id-bert on its whole lexicon (shared/data): every choice between e and schwa is the original's in ONNX Runtime
 * (lexicon.json), and as many are right. On reference C the first 64 words, which have the same bits everywhere.
 * usage: test_lexicon SOURCE_ROOT DATA_FOLDER [WORDS] */
#include <math.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/sha.h>

#include "../session/session_test.h"

enum { LENGTH = 32, VOCAB = 32, MASK = 30, LETTER_E = 18, SCHWA = 4, BATCH = 256, MOST = 20000, FIRST = 64 };

static const char *source_root, *data_folder;
static size_t word_limit = MOST;

struct lexicon {
	size_t count;
	int32_t (*ids)[LENGTH];              /* characters of the words with an e, which is masked */
	char (*spoken)[LENGTH];              /* what the lexicon has for each e: e or s (schwa) */
	json_t *golden;                      /* of the original */
	char chosen[MOST * LENGTH];          /* of all words, separated by blanks */
	float first[FIRST * LENGTH * VOCAB]; /* logits of the first words on the first device */
	size_t first_count;
};

/* Characters as ids, x as ks. */
static void encode(json_t *numbers, const char *word, int32_t *out)
{
	size_t at = 0;

	for (; *word; word++) {
		const char *letters = *word == 'x' ? "ks" : (char[]) { *word, 0 };

		for (; *letters; letters++) {
			json_t *number = json_object_get(numbers, (char[]) { *letters, 0 });

			assert_non_null(number);
			assert_true(at < LENGTH);
			out[at++] = *letters == 'e' ? MASK : (int32_t)json_integer_value(number);
		}
	}
}

static void read_lexicon(struct lexicon *out)
{
	char path[512], line[256];
	json_t *numbers;
	FILE *file;

	snprintf(path, sizeof(path), "%s/g2p-id-bert/token2id.json", data_folder);
	numbers = json_load_file(path, 0, NULL);
	assert_non_null(numbers);
	snprintf(path, sizeof(path), "%s/tests/models/lexicon.json", source_root);
	out->golden = json_load_file(path, 0, NULL);
	assert_non_null(out->golden);
	snprintf(path, sizeof(path), "%s/g2p-id-bert/lexicon_id.tsv", data_folder);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) && out->count < MOST) {
		char *phonemes = strchr(line, '\t'), *spoken = out->spoken[out->count];

		assert_non_null(phonemes);
		*phonemes++ = 0;
		if (!strchr(line, 'e'))
			continue;
		encode(numbers, line, out->ids[out->count]);
		for (char *p = strtok(phonemes, " \r\n"); p; p = strtok(NULL, " \r\n"))
			if (strcmp(p, "e") == 0 || strcmp(p, "\xc9\x99") == 0)
				*spoken++ = *p == 'e' ? 'e' : 's';
		out->count++;
	}
	fclose(file);
	json_decref(numbers);
}

/* P(schwa) among all letters. */
static double schwa_probability(const float *row)
{
	double sum = 0;

	for (int i = 0; i < VOCAB; i++)
		sum += exp((double)row[i] - (double)row[SCHWA]);
	return 1 / sum;
}

/* What one device said. */
struct result {
	size_t choices, right_choices, right_words, length;
	double worst;
};

static void judge(struct lexicon *lexicon, size_t word, const float *logits, struct result *result)
{
	json_t *golden = json_object_get(lexicon->golden, "first_schwa");
	bool right = true;
	size_t e = 0;

	if (word)
		lexicon->chosen[result->length++] = ' ';
	for (int i = 0; i < LENGTH; i++) {
		const float *row = logits + i * VOCAB;
		char choice = row[SCHWA] > row[LETTER_E] ? 's' : 'e';

		if (lexicon->ids[word][i] != MASK)
			continue;
		if (word < FIRST) {
			double error = fabs(schwa_probability(row) -
					    json_number_value(json_array_get(golden, result->choices)));

			result->worst = error > result->worst ? error : result->worst;
		}
		lexicon->chosen[result->length++] = choice;
		result->right_choices += choice == lexicon->spoken[word][e];
		right = right && choice == lexicon->spoken[word][e++];
		result->choices++;
	}
	result->right_words += right;
}

/* The first words' logits have the bits that the first device gave. */
static void same_bits(struct lexicon *lexicon, const float *logits, size_t words)
{
	size_t count = words < FIRST ? words : FIRST;
	struct clade_type type = { CLADE_F32, 1, { 0 } };
	struct clade_compare compare;

	if (!lexicon->first_count) {
		lexicon->first_count = count;
		memcpy(lexicon->first, logits, count * LENGTH * VOCAB * sizeof(float));
	}
	type.dims[0] = (int64_t)((count < lexicon->first_count ? count : lexicon->first_count) * LENGTH * VOCAB);
	clade_compare_arrays(&type, logits, lexicon->first, &compare);
	assert_true(compare.bit_equal);
}

static void run_device(struct fixture *f, struct lexicon *lexicon, const struct clade_graph *graph, size_t device)
{
	const char *id = clade_device_get_info(f->devices[device])->id;
	size_t most = device == 0 ? FIRST : word_limit, count = lexicon->count < most ? lexicon->count : most;
	size_t batch = count < BATCH ? count : BATCH;
	struct clade_session *session = fixture_session(f, graph, f->devices[device], NULL, 0);
	struct result result = { 0 };

	for (size_t at = 0; at < count; at += batch) {
		int32_t ids[BATCH][LENGTH] = { { 0 } };
		struct clade_input input = i32_input("input_ids", ids[0], 2, DIMS((int64_t)batch, LENGTH));
		size_t here = count - at < batch ? count - at : batch;
		float *logits;

		memcpy(ids, lexicon->ids[at], here * sizeof(ids[0]));
		REQUIRE_OK(f, clade_session_run(session, "main", &input, 1, &f->diag));
		logits = fixture_output(f, session, "logits", (int64_t)batch * LENGTH * VOCAB);
		if (at == 0)
			same_bits(lexicon, logits, here);
		for (size_t i = 0; i < here; i++)
			judge(lexicon, at + i, logits + i * LENGTH * VOCAB, &result);
		free(logits);
	}
	print_message("g2p-id-bert on %s: %zu of %zu words right, %zu of %zu choices; probabilities within %.2g of the "
		      "original's\n",
		      id, result.right_words, count, result.right_choices, result.choices, result.worst);
	assert_true(result.worst <= 1e-5);
	if (count == lexicon->count) {
		unsigned char digest[SHA256_DIGEST_LENGTH];
		char text[2 * SHA256_DIGEST_LENGTH + 1];

		SHA256((const unsigned char *)lexicon->chosen, result.length, digest);
		for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
			snprintf(text + 2 * i, 3, "%02x", digest[i]);
		assert_string_equal(text, json_string_value(json_object_get(lexicon->golden, "sha256")));
		assert_int_equal(count, json_integer_value(json_object_get(lexicon->golden, "words")));
		assert_int_equal(result.choices, json_integer_value(json_object_get(lexicon->golden, "choices")));
		assert_int_equal(result.right_words,
				 json_integer_value(json_object_get(lexicon->golden, "right_words")));
		assert_int_equal(result.right_choices,
				 json_integer_value(json_object_get(lexicon->golden, "right_choices")));
	}
	clade_session_destroy(&session);
}

static void whole_lexicon(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = NULL;
	struct clade_graph *graph = NULL;
	struct lexicon *lexicon;
	char path[512], file[512];

	snprintf(path, sizeof(path), "%s/g2p-id-bert/model.safetensors", data_folder);
	if (access(path, R_OK)) {
		print_message("g2p-id-bert: skipped, %s is not there\n", path);
		return;
	}
	snprintf(file, sizeof(file), "%s/tests/models/g2p-id-bert.graph", source_root);
	fixture_model(f, path, file, &store, &graph);
	lexicon = calloc(1, sizeof(*lexicon));
	lexicon->ids = calloc(MOST, sizeof(*lexicon->ids));
	lexicon->spoken = calloc(MOST, sizeof(*lexicon->spoken));
	read_lexicon(lexicon);
	for (size_t d = 0; d < f->device_count; d++)
		run_device(f, lexicon, graph, d);
	json_decref(lexicon->golden);
	free(lexicon->ids);
	free(lexicon->spoken);
	free(lexicon);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

int main(int count, char **words)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whole_lexicon) };

	if (count < 3) {
		fprintf(stderr, "usage: test_lexicon SOURCE_ROOT DATA_FOLDER [WORDS]\n");
		return 2;
	}
	source_root = words[1];
	data_folder = words[2];
	if (count > 3)
		word_limit = strtoul(words[3], NULL, 10);
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

/* SPDX-License-Identifier: MIT */
/* Real trained models that others made (shared/data), from graph files with sources: their published or recorded
 * answers, on reference C and on the OpenCL devices found, with equal bits.
 * usage: test_real SOURCE_ROOT DATA_FOLDER */
#include <math.h>
#include <unistd.h>

#include <jansson.h>

#include "../session/session_test.h"

static const char *source_root, *data_folder;

struct model {
	struct fixture *f;
	struct clade_store *store;
	struct clade_graph *graph;
};

static bool open_model(struct fixture *f, const char *name, const char *weights, struct model *out)
{
	char path[512], graph[512];

	memset(out, 0, sizeof(*out));
	out->f = f;
	snprintf(path, sizeof(path), "%s/%s/%s", data_folder, name, weights);
	if (access(path, R_OK)) {
		print_message("%s: skipped, %s is not there\n", name, path);
		return false;
	}
	snprintf(graph, sizeof(graph), "%s/tests/models/%s.graph", source_root, name);
	fixture_model(f, path, graph, &out->store, &out->graph);
	return true;
}

static void close_model(struct model *model)
{
	clade_graph_destroy(&model->graph);
	clade_store_destroy(&model->store);
}

static json_t *read_json(const char *name, const char *file)
{
	char path[512];
	json_t *root;

	snprintf(path, sizeof(path), "%s/%s/%s", data_folder, name, file);
	root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	return root;
}

/* log softmax(row)[index], in double */
static double log_probability(const float *row, int count, int index)
{
	double most = -INFINITY, sum = 0;

	for (int i = 0; i < count; i++)
		most = row[i] > most ? (double)row[i] : most;
	for (int i = 0; i < count; i++)
		sum += exp((double)row[i] - most);
	return (double)row[index] - most - log(sum);
}

static int best_of(const float *row, int count)
{
	int best = 0;

	for (int i = 1; i < count; i++)
		if (row[i] > row[best])
			best = i;
	return best;
}

static const char *device_id(const struct fixture *f, size_t device)
{
	return clade_device_get_info(f->devices[device])->id;
}

/* Keeps the first device's array and compares the others' with it. */
static void same_bits(float **first, float *got, size_t count)
{
	struct clade_type type = { CLADE_F32, 1, { (int64_t)count } };
	struct clade_compare result;

	if (!*first) {
		*first = got;
		return;
	}
	clade_compare_arrays(&type, got, *first, &result);
	assert_true(result.bit_equal);
	free(got);
}

/* ---- ct2-aren-transliteration ---- */
struct vocabulary {
	char words[64][16];
	int count;
};

static void read_vocabulary(const char *file, struct vocabulary *out)
{
	char path[512];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/ct2-aren-transliteration/%s", data_folder, file);
	stream = fopen(path, "r");
	assert_non_null(stream);
	out->count = 0;
	while (out->count < 64 && fgets(out->words[out->count], sizeof(out->words[0]), stream)) {
		out->words[out->count][strcspn(out->words[out->count], "\r\n")] = 0;
		out->count++;
	}
	fclose(stream);
}

/* One id a character (UTF-8). */
static int encode_word(const struct vocabulary *vocabulary, const char *word, int32_t *out)
{
	int count = 0;

	while (*word) {
		int length = 1, id = 0;

		while ((word[length] & 0xc0) == 0x80)
			length++;
		while (id < vocabulary->count &&
		       (strncmp(vocabulary->words[id], word, (size_t)length) != 0 || vocabulary->words[id][length]))
			id++;
		assert_true(id < vocabulary->count && count < 31);
		out[count++] = id;
		word += length;
	}
	return count;
}

enum { CT2_VOCAB = 43, CT2_START = 1, CT2_END = 2 };

static void encode_source(struct model *m, struct clade_session *session, const int32_t *ids, int count)
{
	struct clade_input input = i32_input("input_ids", ids, 2, DIMS(1, count));

	REQUIRE_OK(m->f, clade_session_reset(session, &m->f->diag));
	REQUIRE_OK(m->f, clade_session_run(session, "encode", &input, 1, &m->f->diag));
}

static float *decode(struct model *m, struct clade_session *session, const int32_t *ids, int count, int first)
{
	int32_t positions[32];
	struct clade_input inputs[] = { i32_input("decoder_input_ids", ids, 2, DIMS(1, count)),
					i32_input("decoder_position_ids", positions, 2, DIMS(1, count)) };

	for (int i = 0; i < count; i++)
		positions[i] = first + i;
	REQUIRE_OK(m->f, clade_session_run(session, "decode", inputs, 2, &m->f->diag));
	return fixture_output(m->f, session, "logits", count * CT2_VOCAB);
}

static void greedy(struct model *m, struct clade_session *session, const struct vocabulary *target,
		   const int32_t *source, int count, char word[128])
{
	int32_t id = CT2_START;

	word[0] = 0;
	encode_source(m, session, source, count);
	for (int step = 0; step < 30; step++) {
		float *logits = decode(m, session, &id, 1, step);

		id = best_of(logits, CT2_VOCAB);
		free(logits);
		if (id == CT2_END)
			break;
		strcat(word, target->words[id]);
	}
}

/* Names of the evaluation set that come out exactly as written there. */
static int count_exact(struct model *m, struct clade_session *session, const struct vocabulary *source,
		       const struct vocabulary *target, int pairs)
{
	char path[600], line[256], word[128];
	int32_t ids[32];
	int exact = 0;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/ct2-aren-transliteration/ar2en-eval.txt", data_folder);
	stream = fopen(path, "r");
	assert_non_null(stream);
	for (int i = 0; i < pairs; i++) {
		char *tab;

		assert_non_null(fgets(line, sizeof(line), stream));
		line[strcspn(line, "\r\n")] = 0;
		tab = strchr(line, '\t');
		assert_non_null(tab);
		*tab = 0;
		greedy(m, session, target, ids, encode_word(source, line, ids), word);
		exact += strcmp(word, tab + 1) == 0;
	}
	fclose(stream);
	return exact;
}

static void transliteration(void **state)
{
	struct fixture *f = *state;
	struct vocabulary source, target;
	struct model m;
	json_t *root, *score, *value;
	const char *key;
	float *first = NULL;

	if (!open_model(f, "ct2-aren-transliteration", "model.safetensors", &m))
		return;
	root = read_json("ct2-aren-transliteration", "expected.json");
	score = json_object_get(root, "score");
	read_vocabulary("source_vocabulary.txt", &source);
	read_vocabulary("target_vocabulary.txt", &target);
	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, m.graph, f->devices[d], NULL, 0);
		json_t *expected = json_object_get(score, "log_probs_including_eos");
		int32_t ids[32], words[33] = { CT2_START };
		char word[128];
		float *logits;
		double worst = 0;
		int count, length;

		json_object_foreach(json_object_get(root, "greedy"), key, value)
		{
			count = encode_word(&source, key, ids);
			greedy(&m, session, &target, ids, count, word);
			assert_string_equal(word, json_string_value(value));
		}
		count = encode_word(&source, json_string_value(json_object_get(score, "source")), ids);
		length = encode_word(&target, json_string_value(json_object_get(score, "target")), words + 1);
		assert_int_equal(length + 1, json_array_size(expected));
		words[length + 1] = CT2_END;
		encode_source(&m, session, ids, count);
		logits = decode(&m, session, words, length + 1, 0);
		for (int t = 0; t <= length; t++) {
			double got = log_probability(logits + t * CT2_VOCAB, CT2_VOCAB, words[t + 1]);
			double error = fabs(got - json_number_value(json_array_get(expected, (size_t)t)));

			worst = error > worst ? error : worst;
		}
		print_message("ct2-aren-transliteration on %s: 2 words, %d log-probabilities, largest error %.2g\n",
			      device_id(f, d), length + 1, worst);
		assert_true(worst <= 1e-5);
		same_bits(&first, logits, (size_t)(length + 1) * CT2_VOCAB);
		if (d ==
		    0) { /* CTranslate2 scores 22.5 % on 120 of them, unsaid which; ids are the same on all devices */
			int exact = count_exact(&m, session, &source, &target, 120);

			print_message("ct2-aren-transliteration: %d of the first 120 names exact, %.1f %%\n", exact,
				      exact / 1.2);
			assert_int_equal(exact, 28);
		}
		clade_session_destroy(&session);
	}
	free(first);
	json_decref(root);
	close_model(&m);
}

/* ---- gpt-nano-sort: every intermediate tensor ---- */
enum { GPT_BATCH = 3, GPT_LENGTH = 11, GPT_VOCAB = 3 };

static float *partial(struct fixture *f, struct clade_store *store, const char *name, int64_t *out_count)
{
	const struct clade_store_tensor *tensor = clade_store_find(store, name);
	float *values;

	assert_non_null(tensor);
	assert_true(clade_type_count(&tensor->type, out_count));
	values = malloc((size_t)*out_count * sizeof(float));
	REQUIRE_OK(f, clade_store_read(store, tensor, 0, *out_count, values, &f->diag));
	return values;
}

static void check_partials(struct model *m, struct clade_session *session, struct clade_store *partials, const char *id)
{
	struct clade_graph_port port;
	double worst = 0;
	int checked = 0;

	for (size_t i = 0; clade_graph_output(m->graph, "main", i, &port); i++) {
		const char *name = strcmp(port.name, "logits") == 0 ? "lm_head" : port.name;
		int64_t count;
		float *expected = partial(m->f, partials, name, &count), *got;

		got = fixture_output(m->f, session, port.name, count);
		for (int64_t e = 0; e < count; e++) {
			double error = fabs((double)got[e] - (double)expected[e]);

			worst = error > worst ? error : worst;
			if (!(error <= 2e-5 * (1 + fabs((double)expected[e])))) {
				print_error("%s[%lld]: %g, expected %g\n", name, (long long)e, (double)got[e],
					    (double)expected[e]);
				fail();
			}
		}
		checked++;
		free(expected);
		free(got);
	}
	print_message("gpt-nano-sort on %s: %d tensors, largest error %.2g\n", id, checked, worst);
	assert_true(checked >= 19);
}

static void sorting(void **state)
{
	struct fixture *f = *state;
	struct clade_store *partials = NULL;
	struct model m;
	char path[512];
	int64_t count;
	int32_t ids[GPT_BATCH * GPT_LENGTH];
	float *first = NULL, *index;

	if (!open_model(f, "gpt-nano-sort", "model.safetensors", &m))
		return;
	snprintf(path, sizeof(path), "%s/gpt-nano-sort/partials.safetensors", data_folder);
	REQUIRE_OK(f, clade_store_create(f->context, &partials, &f->diag));
	REQUIRE_OK(f, clade_store_add(partials, path, &f->diag));
	index = partial(f, partials, "idx", &count);
	assert_int_equal(count, GPT_BATCH * GPT_LENGTH);
	for (int i = 0; i < count; i++)
		ids[i] = (int32_t)index[i];
	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, m.graph, f->devices[d], NULL, 0);
		struct clade_input input = i32_input("input_ids", ids, 2, DIMS(GPT_BATCH, GPT_LENGTH));
		float *whole;

		REQUIRE_OK(f, clade_session_run(session, "main", &input, 1, &f->diag));
		check_partials(&m, session, partials, device_id(f, d));
		whole = fixture_output(f, session, "logits", count * GPT_VOCAB);
		/* the cached model, one token at a time: the same bits */
		for (int t = 0; t < GPT_LENGTH; t++) {
			int32_t step[GPT_BATCH], positions[GPT_BATCH];
			struct clade_input inputs[] = { i32_input("input_ids", step, 2, DIMS(GPT_BATCH, 1)),
							i32_input("position_ids", positions, 2, DIMS(GPT_BATCH, 1)) };
			float *logits;

			for (int b = 0; b < GPT_BATCH; b++) {
				step[b] = ids[b * GPT_LENGTH + t];
				positions[b] = t;
			}
			REQUIRE_OK(f, clade_session_run(session, "decode", inputs, 2, &f->diag));
			logits = fixture_output(f, session, "logits", GPT_BATCH * GPT_VOCAB);
			for (int b = 0; b < GPT_BATCH; b++)
				assert_memory_equal(logits + b * GPT_VOCAB, whole + (b * GPT_LENGTH + t) * GPT_VOCAB,
						    GPT_VOCAB * sizeof(float));
			free(logits);
		}
		same_bits(&first, whole, (size_t)count * GPT_VOCAB);
		clade_session_destroy(&session);
	}
	free(first);
	free(index);
	clade_store_destroy(&partials);
	close_model(&m);
}

/* ---- g2p-id-bert ---- */
enum { BERT_LENGTH = 32, BERT_VOCAB = 32, BERT_MASK = 30, BERT_E = 18, BERT_SCHWA = 4 };

/* The word's phonemes and, in order, the probability of each choice; "x" is written "ks" by the caller. */
static float *pronounce(struct model *m, struct clade_session *session, json_t *tokens, const char *word, char *out,
			double *probabilities, int *out_count)
{
	int32_t ids[BERT_LENGTH] = { 0 };
	struct clade_input input = i32_input("input_ids", ids, 2, DIMS(1, BERT_LENGTH));
	float *logits;
	int length = (int)strlen(word);

	for (int i = 0; i < length; i++) {
		char key[2] = { word[i], 0 };

		ids[i] = word[i] == 'e' ? BERT_MASK : (int32_t)json_integer_value(json_object_get(tokens, key));
	}
	REQUIRE_OK(m->f, clade_session_run(session, "main", &input, 1, &m->f->diag));
	logits = fixture_output(m->f, session, "logits", BERT_LENGTH * BERT_VOCAB);
	*out = 0;
	*out_count = 0;
	for (int i = 0; i < length; i++) {
		const float *row = logits + i * BERT_VOCAB;
		bool schwa = row[BERT_SCHWA] > row[BERT_E];
		char letter[2] = { word[i], 0 };

		strcat(out, word[i] != 'e' ? letter : schwa ? "\xc9\x99" : "e");
		if (word[i] == 'e')
			probabilities[(*out_count)++] =
				exp(log_probability(row, BERT_VOCAB, schwa ? BERT_SCHWA : BERT_E));
	}
	return logits;
}

static void phonemes(void **state)
{
	struct fixture *f = *state;
	struct model m;
	json_t *root, *tokens, *value;
	const char *key;
	float *first[16] = { NULL };

	if (!open_model(f, "g2p-id-bert", "model.safetensors", &m))
		return;
	root = read_json("g2p-id-bert", "expected.json");
	tokens = read_json("g2p-id-bert", "token2id.json");
	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, m.graph, f->devices[d], NULL, 0);
		double worst = 0;
		int words = 0;

		json_object_foreach(json_object_get(root, "words"), key, value)
		{
			json_t *expected = json_object_get(json_object_get(root, "probability_of_the_choice"), key);
			double probabilities[BERT_LENGTH];
			char spoken[128];
			int count;
			float *logits = pronounce(&m, session, tokens, key, spoken, probabilities, &count);

			assert_string_equal(spoken, json_string_value(value));
			assert_int_equal(count, json_array_size(expected));
			for (int i = 0; i < count; i++) {
				double error =
					fabs(probabilities[i] - json_number_value(json_array_get(expected, (size_t)i)));

				worst = error > worst ? error : worst;
			}
			assert_true(words < 16);
			same_bits(&first[words++], logits, BERT_LENGTH * BERT_VOCAB);
		}
		print_message("g2p-id-bert on %s: %d words, largest error of a probability %.2g\n", device_id(f, d),
			      words, worst);
		assert_true(worst <= 1e-5);
		clade_session_destroy(&session);
	}
	for (int i = 0; i < 16; i++)
		free(first[i]);
	json_decref(tokens);
	json_decref(root);
	close_model(&m);
}

int main(int count, char **words)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transliteration),
		cmocka_unit_test(sorting),
		cmocka_unit_test(phonemes),
	};

	if (count < 3) {
		fprintf(stderr, "usage: test_real SOURCE_ROOT DATA_FOLDER\n");
		return 2;
	}
	source_root = words[1];
	data_folder = words[2];
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

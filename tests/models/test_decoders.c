/* SPDX-License-Identifier: MIT */
/* Trained decoders of others (shared/data) through the built-in graphs: stories260K from its Hugging Face folder, its
 * GGUF and its Q8_0 GGUF, 200 greedy steps byte for byte; ONNX Runtime's mixture of experts. On reference C and on the
 * OpenCL devices found, with equal bits. usage: test_decoders DATA_FOLDER */
#include <math.h>
#include <unistd.h>

#include <jansson.h>

#include "../session/session_test.h"

static const char *data_folder;

static struct clade_store *open_data(struct fixture *f, const char *name)
{
	struct clade_store *store = NULL;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", data_folder, name);
	if (access(path, R_OK)) {
		print_message("%s: skipped, %s is not there\n", name, path);
		return NULL;
	}
	REQUIRE_OK(f, clade_store_create(f->context, &store, &f->diag));
	REQUIRE_OK(f, clade_store_add(store, path, &f->diag));
	return store;
}

static json_t *read_json(const char *name)
{
	char path[512];
	json_t *root;

	snprintf(path, sizeof(path), "%s/%s", data_folder, name);
	root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	return root;
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

/* ---- stories260K ---- */
enum { STORY_STEPS = 199, STORY_VOCAB = 512, PROMPT = 7 };

/* A piece of the vocabulary as text: "<0x0A>" is a byte, U+2581 a space. */
static void add_piece(json_t *vocabulary, int id, char *out, size_t size)
{
	const char *piece;
	json_t *value;
	size_t used = strlen(out);

	json_object_foreach(vocabulary, piece, value)
	{
		if (json_integer_value(value) != id)
			continue;
		if (strncmp(piece, "<0x", 3) == 0) {
			snprintf(out + used, size - used, "%c", (int)strtol(piece + 3, NULL, 16));
			return;
		}
		for (; *piece && used + 2 < size; used++)
			if (strncmp(piece, "\xe2\x96\x81", 3) == 0) {
				out[used] = ' ';
				piece += 3;
			} else {
				out[used] = *piece++;
			}
		out[used] = 0;
		return;
	}
	fail();
}

static float *story_logits(struct fixture *f, struct clade_session *session, int32_t *ids, int32_t first, int32_t count)
{
	int32_t positions[STORY_STEPS];
	struct clade_input inputs[] = { i32_input("input_ids", ids + first, 2, DIMS(1, count)),
					i32_input("position_ids", positions, 2, DIMS(1, count)) };

	for (int32_t i = 0; i < count; i++)
		positions[i] = first + i;
	REQUIRE_OK(f, clade_session_run(session, "decode", inputs, 2, &f->diag));
	return fixture_output(f, session, "logits", (int64_t)count * STORY_VOCAB);
}

static int32_t best_of(const float *row)
{
	int32_t best = 0;

	for (int32_t i = 1; i < STORY_VOCAB; i++)
		if (row[i] > row[best])
			best = i;
	return best;
}

/* Kernels that run slowly tell the beginning of the story. */
static int32_t step_limit(struct clade_device *device)
{
	return strstr(clade_device_get_info(device)->platform, "rusticl") ? 24 : STORY_STEPS;
}

/* Logits of the last step, after the whole text was as expected and the prompt in one run gave the same bits. */
static float *tell(struct fixture *f, struct clade_session *session, json_t *vocabulary, const char *expected,
		   int32_t steps)
{
	char text[2048] = "";
	int32_t ids[STORY_STEPS + 1] = { 1 };
	float *logits = NULL, *kept = NULL, *whole;

	for (int32_t position = 0; position < steps; position++) {
		free(logits);
		logits = story_logits(f, session, ids, position, 1);
		if (position == PROMPT - 1) {
			kept = malloc(STORY_VOCAB * sizeof(float));
			memcpy(kept, logits, STORY_VOCAB * sizeof(float));
		}
		ids[position + 1] = best_of(logits);
		add_piece(vocabulary, ids[position + 1], text, sizeof(text));
	}
	assert_true(steps < STORY_STEPS || strlen(text) > 440);
	if (strncmp(text + (text[0] == ' '), expected, strlen(text) - (text[0] == ' ')) != 0)
		print_error("got: %s\n", text);
	assert_memory_equal(text + (text[0] == ' '), expected, strlen(text) - (text[0] == ' '));
	REQUIRE_OK(f, clade_session_reset(session, &f->diag));
	whole = story_logits(f, session, ids, 0, PROMPT);
	assert_memory_equal(whole + (PROMPT - 1) * STORY_VOCAB, kept, STORY_VOCAB * sizeof(float));
	free(whole);
	free(kept);
	return logits;
}

static void story(struct fixture *f, const char *weights, const char *answer)
{
	struct clade_graph_params params = { .size = sizeof(params) };
	struct clade_store *store = open_data(f, weights);
	struct clade_graph *graph = NULL;
	json_t *root, *tokenizer, *vocabulary;
	float *first = NULL;
	char family[64];

	if (!store)
		return;
	REQUIRE_OK(f, clade_family_find(f->context, store, weights, family, &f->diag));
	assert_string_equal(family, "llama");
	params.family = family;
	params.store = store;
	REQUIRE_OK(f, clade_graph_create(f->context, &params, &graph, &f->diag));
	root = read_json(answer);
	tokenizer = read_json("stories260K/hf/tokenizer.json");
	vocabulary = json_object_get(json_object_get(tokenizer, "model"), "vocab");
	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, graph, f->devices[d], NULL, 256);
		int32_t steps = step_limit(f->devices[d]);
		float *logits = tell(f, session, vocabulary, json_string_value(json_object_get(root, "text")), steps);

		print_message("%s on %s: %d tokens equal\n", weights, clade_device_get_info(f->devices[d])->name,
			      steps);
		if (steps == STORY_STEPS)
			same_bits(&first, logits, STORY_VOCAB);
		else
			free(logits);
		clade_session_destroy(&session);
	}
	free(first);
	json_decref(root);
	json_decref(tokenizer);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

static void story_hf(void **state)
{
	story(*state, "stories260K/hf", "stories260K/expected.json");
}

static void story_gguf(void **state)
{
	story(*state, "stories260K/stories260K-f32.gguf", "stories260K/expected.json");
}

static void story_q8_0(void **state)
{
	story(*state, "stories260K/stories260K-q8_0.gguf", "stories260K/expected-q8_0.json");
}

/* ---- mixtral-moe ---- */
static const char moe_text[] = "clade 1\nmodel \"moe\"\ninclude \"lib/moe.graph\"\ndim T : run\n"
			       "source safetensors { w1 = \"fc1_experts_weights\"; w2 = \"fc2_experts_weights\"; w3 = "
			       "\"fc3_experts_weights\" }\n"
			       "weight w1, w3 : f32[8, 8, 4]\nweight w2 : f32[8, 4, 8]\n"
			       "entry main chunk T {\n  input x : f32[T, 4]\n  input logits : f32[T, 8]\n"
			       "  output y : f32[T, 4] = routed_experts(x, logits, w1, w3, w2, 2)\n}\n";

static float *vector(struct fixture *f, struct clade_store *store, const char *name, int64_t count)
{
	const struct clade_store_tensor *tensor = clade_store_find(store, name);
	float *values = malloc((size_t)count * sizeof(float));

	assert_non_null(tensor);
	REQUIRE_OK(f, clade_store_read(store, tensor, 0, count, values, &f->diag));
	return values;
}

static void experts(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = open_data(f, "mixtral-moe/vectors.safetensors");
	struct clade_graph *graph;
	float *x, *logits, *expected, *first = NULL;

	if (!store)
		return;
	graph = fixture_graph(f, moe_text, store);
	x = vector(f, store, "input", 24);
	logits = vector(f, store, "router_probs", 48);
	expected = vector(f, store, "output", 24);
	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, graph, f->devices[d], NULL, 0);
		struct clade_input inputs[] = { f32_input("x", x, 2, DIMS(6, 4)),
						f32_input("logits", logits, 2, DIMS(6, 8)) };
		double error = 0, size = 0;
		float *got;

		REQUIRE_OK(f, clade_session_run(session, "main", inputs, 2, &f->diag));
		got = fixture_output(f, session, "y", 24);
		for (int i = 0; i < 24; i++) {
			error += ((double)got[i] - expected[i]) * ((double)got[i] - expected[i]);
			size += (double)expected[i] * expected[i];
		}
		print_message("mixtral-moe on %s: nmse %.2g\n", clade_device_get_info(f->devices[d])->name,
			      error / size);
		assert_true(error <= 1e-11 * size);
		same_bits(&first, got, 24);
		clade_session_destroy(&session);
	}
	free(first);
	free(x);
	free(logits);
	free(expected);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(story_hf),
		cmocka_unit_test(story_gguf),
		cmocka_unit_test(story_q8_0),
		cmocka_unit_test(experts),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: test_decoders DATA_FOLDER\n");
		return 2;
	}
	data_folder = argv[1];
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

/* SPDX-License-Identifier: MIT */
/* Configs of the decoder families with one key changed: what a graph cannot do is refused in words that name it, what
 * older configs write and what null means is understood, and weights without their prefix are found. usage:
 * test_configs FOLDER */
#include <unistd.h>

#include <jansson.h>

#include <clade/messages.h>

#include "../session/session_test.h"

static const char *families_folder;

struct change {
	const char *family, *key, *value; /* JSON; NULL: the key goes */
	const char *also, *also_value;    /* a second key, NULL: none */
};

static void set(json_t *config, const char *key, const char *value)
{
	if (!key)
		return;
	if (value) {
		json_t *json = json_loads(value, JSON_DECODE_ANY, NULL);

		assert_non_null(json);
		json_object_set_new(config, key, json);
	} else {
		json_object_del(config, key);
	}
}

static void link_file(const char *folder, const char *family, const char *name)
{
	char from[700], to[300];

	snprintf(from, sizeof(from), "%s/%s/%s", families_folder, family, name);
	snprintf(to, sizeof(to), "%s/%s", folder, name);
	assert_int_equal(symlink(from, to), 0);
}

static void clean(const char *folder)
{
	static const char *const names[] = { "config.json", "model.safetensors" };
	char path[300];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* The family's tiny model with a changed config; *out_graph NULL where that fails. */
static enum clade_status open_changed(struct fixture *f, const struct change *change, struct clade_store **out_store,
				      struct clade_graph **out_graph)
{
	struct clade_graph_params params = { .size = sizeof(params) };
	char folder[] = "/tmp/clade-configs-XXXXXX", path[700], family[64];
	json_t *config;
	enum clade_status status;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/%s/config.json", families_folder, change->family);
	config = json_load_file(path, 0, NULL);
	assert_non_null(config);
	set(config, change->key, change->value);
	set(config, change->also, change->also_value);
	snprintf(path, sizeof(path), "%s/config.json", folder);
	assert_int_equal(json_dump_file(config, path, 0), 0);
	json_decref(config);
	link_file(folder, change->family, "model.safetensors");
	*out_graph = NULL;
	clade_diag_init(&f->diag);
	REQUIRE_OK(f, clade_store_create(f->context, out_store, &f->diag));
	REQUIRE_OK(f, clade_store_add(*out_store, folder, &f->diag));
	status = clade_family_find(f->context, *out_store, folder, family, &f->diag);
	params.family = family;
	params.store = *out_store;
	if (!status)
		status = clade_graph_create(f->context, &params, out_graph, &f->diag);
	clean(folder);
	return status;
}

static void refused(void **state)
{
	static const struct {
		struct change change;
		const char *words; /* of the message */
	} table[] = {
		{ { "llama", "hidden_act", "\"tanh\"" }, "activation tanh is not supported" },
		{ { "llama", "rope_parameters", "{\"rope_type\": \"yarn\", \"factor\": 4}" },
		  "rope type yarn is not supported" },
		{ { "llama", "rope_parameters", NULL, "rope_scaling", "{\"type\": \"dynamic\", \"factor\": 2}" },
		  "rope type dynamic is not supported" },
		{ { "llama", "rope_parameters", "{\"rope_type\": \"longrope\"}" }, "rope type longrope" },
		{ { "llama", "partial_rotary_factor", "0.5" }, "partial_rotary_factor 0.5" },
		{ { "llama", "architectures", "[\"LlamaForSequenceClassification\"]" },
		  "architecture LlamaForSequenceClassification is not supported" },
		{ { "llama", "attention_bias", "true" }, "attention_bias is true, but the weights of layer 0" },
		{ { "llama-llama3", "attention_bias", "false" },
		  "attention_bias is false, but the weights of layer 0" },
		{ { "llama", "mlp_bias", "true" }, "mlp_bias is true" },
		{ { "llama", "tie_word_embeddings", "false" }, "no lm_head.weight" },
		{ { "mistral", "hidden_act", "\"mish\"" }, "activation mish" },
		{ { "mistral", "architectures", "[\"MistralForTokenClassification\"]" },
		  "MistralForTokenClassification" },
		{ { "mixtral", "rope_parameters", "{\"rope_type\": \"yarn\"}" }, "rope type yarn" },
		{ { "mixtral", "hidden_act", "\"relu2\"" }, "activation relu2" },
		{ { "qwen2", "layer_types", "[\"full_attention\", \"chunked_attention\", \"full_attention\"]" },
		  "layer_types.1 is chunked_attention" },
		{ { "qwen2", "sliding_window", "null" }, "use_sliding_window without a sliding_window" },
		{ { "qwen3", "rope_parameters", "{\"rope_type\": \"yarn\"}" }, "rope type yarn" },
		{ { "phi3", "rope_parameters", "{\"rope_type\": \"longrope\", \"long_factor\": [1, 1]}" },
		  "rope type longrope is not supported" },
		{ { "phi3", "rope_parameters", NULL, "rope_scaling", "{\"type\": \"su\"}" }, "rope type su" },
		{ { "gemma2", "use_bidirectional_attention", "true" }, "use_bidirectional_attention is not supported" },
		{ { "gemma2", "hidden_activation", "\"quick_gelu\"" }, "activation quick_gelu" },
		{ { "gemma2", "architectures", "[\"Gemma2ForSequenceClassification\"]" },
		  "Gemma2ForSequenceClassification" },
	};
	struct fixture *f = *state;
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct clade_store *store;
		struct clade_graph *graph;
		enum clade_status status = open_changed(f, &table[i].change, &store, &graph);

		if (status != CLADE_ERR_DATA || f->diag.id != CLADE_MSG_GRAPH_REQUIRE ||
		    !strstr(f->diag.text, table[i].words)) {
			print_error("%s %s: %s [%u] %s\n", table[i].change.family, table[i].change.key,
				    clade_status_name(status), f->diag.id, f->diag.text);
			wrong++;
		}
		clade_graph_destroy(&graph);
		clade_store_destroy(&store);
	}
	assert_int_equal(wrong, 0);
}

static void unknown_family(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store;
	struct clade_graph *graph;

	assert_int_equal(open_changed(f, &(struct change) { "llama", "model_type", "\"llamma\"" }, &store, &graph),
			 CLADE_ERR_UNSUPPORTED);
	assert_non_null(strstr(f->diag.text, "did you mean llama"));
	clade_store_destroy(&store);
}

static void understood(void **state)
{
	static const struct {
		struct change change;
		const char *param;
		double value; /* of the param: number or bool */
	} table[] = {
		{ { "llama", "rope_parameters", NULL, "rope_theta", "2500.5" }, "theta", 2500.5 },
		{ { "llama", "rope_parameters", NULL }, "theta", 10000 },
		{ { "mixtral", "rope_parameters", NULL }, "theta", 1000000 },
		{ { "llama-llama3", "rope_parameters", NULL, "rope_scaling",
		    "{\"type\": \"linear\", \"factor\": 4.0}" },
		  "rope_factor",
		  4 },
		{ { "llama-llama3", "rope_parameters",
		    "{\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4}" },
		  "rope_original",
		  96 },
		{ { "llama-linear", "num_key_value_heads", "null" }, "kv_heads", 2 },
		{ { "llama-linear", "head_dim", "null" }, "d_head", 8 },
		{ { "llama-linear", "tie_word_embeddings", NULL }, "tied", 0 },
		{ { "mistral", "sliding_window", "null" }, "window", 0 },
		{ { "mistral", "sliding_window", NULL }, "window", 4096 },
		{ { "qwen2", "use_sliding_window", NULL }, "windowed", 0 },
		{ { "gemma2", "final_logit_softcapping", "null" }, "logit_cap", 0 },
		{ { "gemma2", "final_logit_softcapping", NULL }, "logit_cap", 30 },
		{ { "gemma2", "attn_logit_softcapping", "null" }, "score_cap", 0 },
		{ { "gemma2", "tie_word_embeddings", NULL }, "tied", 1 },
		{ { "phi3", "sliding_window", "null" }, "window", 0 },
	};
	struct fixture *f = *state;
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct clade_store *store;
		struct clade_graph *graph;
		struct clade_meta meta = { .kind = CLADE_META_NONE };
		double value;

		REQUIRE_OK(f, open_changed(f, &table[i].change, &store, &graph));
		clade_graph_param(graph, table[i].param, &meta);
		value = meta.kind == CLADE_META_BOOL ? (double)meta.i : meta.f;
		if (meta.kind == CLADE_META_NONE || value != table[i].value) {
			print_error("%s %s: %s is %g\n", table[i].change.family, table[i].change.key, table[i].param,
				    value);
			wrong++;
		}
		clade_graph_destroy(&graph);
		clade_store_destroy(&store);
	}
	assert_int_equal(wrong, 0);
}

/* The weight file with every "model. in its header gone; spaces keep the header's length. */
static void write_bare(const char *from, const char *to)
{
	FILE *source = fopen(from, "rb"), *target = fopen(to, "wb");
	uint64_t length;
	char *header, *at;
	size_t read;

	assert_true(source && target && fread(&length, 8, 1, source) == 1 && length < 1000000);
	header = calloc(1, (size_t)length + 1);
	assert_int_equal(fread(header, 1, (size_t)length, source), length);
	while ((at = strstr(header, "\"model."))) {
		memmove(at + 1, at + 7, strlen(at + 7) + 1);
		strcat(header, "      ");
	}
	assert_int_equal(strlen(header), length);
	assert_true(fwrite(&length, 8, 1, target) == 1 && fwrite(header, 1, (size_t)length, target) == length);
	char buffer[4096];
	while ((read = fread(buffer, 1, sizeof(buffer), source)) > 0)
		assert_int_equal(fwrite(buffer, 1, read, target), read);
	assert_true(!fclose(source) && !fclose(target));
	free(header);
}

static void without_prefix(void **state)
{
	static const char *const families[] = { "llama", "mistral", "mixtral", "qwen2", "qwen3", "phi3", "gemma2" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct clade_graph_params params = { .size = sizeof(params) };
		char folder[] = "/tmp/clade-configs-XXXXXX", from[700], to[300], family[64];
		struct clade_store *store = NULL;
		struct clade_graph *graph = NULL;

		assert_non_null(mkdtemp(folder));
		link_file(folder, families[i], "config.json");
		snprintf(from, sizeof(from), "%s/%s/model.safetensors", families_folder, families[i]);
		snprintf(to, sizeof(to), "%s/model.safetensors", folder);
		write_bare(from, to);
		REQUIRE_OK(f, clade_store_create(f->context, &store, &f->diag));
		REQUIRE_OK(f, clade_store_add(store, folder, &f->diag));
		assert_non_null(clade_store_find(store, "norm.weight"));
		REQUIRE_OK(f, clade_family_find(f->context, store, folder, family, &f->diag));
		params.family = family;
		params.store = store;
		REQUIRE_OK(f, clade_graph_create(f->context, &params, &graph, &f->diag));
		clade_graph_destroy(&graph);
		clade_store_destroy(&store);
		clean(folder);
	}
}

/* ---- Mixtral's experts in one tensor a layer, as transformers 5 holds them ---- */
enum { EXPERTS = 5, FFN = 15, WIDTH = 24, LAYERS = 2, VOCAB = 53 };

static void add_npy(struct fixture *f, const char *folder, struct clade_store *target, const char *name,
		    const struct clade_type *type, const float *values)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s.npy", folder, name);
	REQUIRE_OK(f, clade_npy_write(f->context, path, type, values, &f->diag));
	REQUIRE_OK(f, clade_store_add(target, path, &f->diag));
	unlink(path);
}

static void read_tensor(struct fixture *f, const struct clade_store *store, const char *name, float *out)
{
	const struct clade_store_tensor *tensor = clade_store_find(store, name);
	int64_t count;

	assert_non_null(tensor);
	assert_true(clade_type_count(&tensor->type, &count));
	REQUIRE_OK(f, clade_store_read(store, tensor, 0, count, out, &f->diag));
}

static void stack_layer(struct fixture *f, const struct clade_store *from, const char *folder, struct clade_store *to,
			int layer)
{
	static float both[EXPERTS * 2 * FFN * WIDTH], down[EXPERTS * WIDTH * FFN];
	char name[128];

	for (int e = 0; e < EXPERTS; e++)
		for (int part = 1; part <= 3; part++) {
			snprintf(name, sizeof(name), "model.layers.%d.block_sparse_moe.experts.%d.w%d.weight", layer, e,
				 part);
			read_tensor(f, from, name,
				    part == 2 ? down + e * WIDTH * FFN : both + (2 * e + part / 3) * FFN * WIDTH);
		}
	snprintf(name, sizeof(name), "model.layers.%d.mlp.experts.gate_up_proj", layer);
	add_npy(f, folder, to, name, &(struct clade_type) { CLADE_F32, 3, { EXPERTS, 2 * FFN, WIDTH } }, both);
	snprintf(name, sizeof(name), "model.layers.%d.mlp.experts.down_proj", layer);
	add_npy(f, folder, to, name, &(struct clade_type) { CLADE_F32, 3, { EXPERTS, WIDTH, FFN } }, down);
}

static float *mixtral_logits(struct fixture *f, struct clade_store *store)
{
	static const int32_t ids[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
	struct clade_graph_params params = {
		.size = sizeof(params), .family = "mixtral", .source = "hf", .store = store
	};
	struct clade_input input = i32_input("input_ids", ids, 2, DIMS(1, 8));
	struct clade_graph *graph = NULL;
	struct clade_session *session;
	float *logits;

	REQUIRE_OK(f, clade_graph_create(f->context, &params, &graph, &f->diag));
	session = fixture_session(f, graph, f->devices[0], NULL, 8);
	REQUIRE_OK(f, clade_session_run(session, "decode", &input, 1, &f->diag));
	logits = fixture_output(f, session, "logits", 8 * VOCAB);
	clade_session_destroy(&session);
	clade_graph_destroy(&graph);
	return logits;
}

static void stacked_experts(void **state)
{
	struct fixture *f = *state;
	struct clade_store *from = NULL, *to = NULL;
	char folder[] = "/tmp/clade-configs-XXXXXX", path[700];
	static float values[VOCAB * WIDTH];
	float *expected, *got;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/mixtral", families_folder);
	REQUIRE_OK(f, clade_store_create(f->context, &from, &f->diag));
	REQUIRE_OK(f, clade_store_add(from, path, &f->diag));
	REQUIRE_OK(f, clade_store_create(f->context, &to, &f->diag));
	snprintf(path, sizeof(path), "%s/mixtral/config.json", families_folder);
	REQUIRE_OK(f, clade_store_add(to, path, &f->diag));
	for (size_t i = 0; i < clade_store_count(from); i++) {
		const struct clade_store_tensor *tensor = clade_store_at(from, i);
		char name[128];
		int layer;

		if (strstr(tensor->name, ".experts."))
			continue;
		snprintf(name, sizeof(name), "%s", tensor->name);
		if (strstr(name, "block_sparse_moe.gate") && sscanf(name, "model.layers.%d.", &layer) == 1)
			snprintf(name, sizeof(name), "model.layers.%d.mlp.gate.weight", layer);
		read_tensor(f, from, tensor->name, values);
		add_npy(f, folder, to, name, &tensor->type, values);
	}
	for (int layer = 0; layer < LAYERS; layer++)
		stack_layer(f, from, folder, to, layer);
	expected = mixtral_logits(f, from);
	got = mixtral_logits(f, to);
	assert_memory_equal(got, expected, 8 * VOCAB * sizeof(float));
	free(expected);
	free(got);
	clade_store_destroy(&from);
	clade_store_destroy(&to);
	rmdir(folder);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(refused), cmocka_unit_test(unknown_family),
					    cmocka_unit_test(understood), cmocka_unit_test(without_prefix),
					    cmocka_unit_test(stacked_experts) };

	if (argc < 2) {
		fprintf(stderr, "usage: test_configs FOLDER\n");
		return 2;
	}
	families_folder = argv[1];
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

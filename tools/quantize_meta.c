/* SPDX-License-Identifier: MIT */
/* Hyper-parameters of a Hugging Face model as the keys of GGUF, named and typed as llama.cpp's converter has them. */
#include "quantize.h"

#include <stdlib.h>
#include <string.h>

enum { LLAMA = 1, QWEN2 = 2, QWEN3 = 4, GPT2 = 8, EXPERTS = 16, QWEN = QWEN2 | QWEN3, ROPE = LLAMA | QWEN };

static const struct quantize_family families[] = {
	{ "llama", "llama", LLAMA }, { "mistral", "llama", LLAMA }, { "mixtral", "llama", LLAMA | EXPERTS },
	{ "qwen2", "qwen2", QWEN2 }, { "qwen3", "qwen3", QWEN3 },   { "gpt2", "gpt2", GPT2 },
};
enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

const struct quantize_family *quantize_family_at(size_t index)
{
	return index < FAMILIES ? &families[index] : NULL;
}

const struct quantize_family *quantize_family(const char *name)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (strcmp(families[i].name, name) == 0)
			return &families[i];
	return NULL;
}

/* Behind the architecture's name. The value is that of the first param of the graph, or key of config.json, that is
 * there; a key whose value is nowhere is an error. */
static const struct {
	const char *key, *type;
	unsigned kinds;
	const char *from[4]; /* params by name, keys of config.json behind a '.' */
} keys[] = {
	{ "vocab_size", "u32", ROPE | GPT2, { "vocab" } },
	{ "context_length", "u32", ROPE | GPT2, { "context", ".max_position_embeddings", ".n_positions" } },
	{ "embedding_length", "u32", ROPE | GPT2, { "d_model", "d" } },
	{ "block_count", "u32", ROPE | GPT2, { "layers" } },
	{ "feed_forward_length", "u32", ROPE | GPT2, { "ffn", "d_ff" } },
	{ "rope.dimension_count", "u32", ROPE, { "d_head" } },
	{ "attention.head_count", "u32", ROPE | GPT2, { "heads" } },
	{ "attention.head_count_kv", "u32", ROPE, { "kv_heads" } },
	{ "attention.key_length", "u32", ROPE, { "d_head" } },
	{ "attention.value_length", "u32", ROPE, { "d_head" } },
	{ "attention.layer_norm_rms_epsilon", "f32", ROPE, { "eps" } },
	{ "attention.layer_norm_epsilon", "f32", GPT2, { "eps" } },
	{ "rope.freq_base", "f32", ROPE, { "theta" } },
	{ "expert_count", "u32", EXPERTS, { "experts", ".num_local_experts" } },
	{ "expert_used_count", "u32", EXPERTS, { "chosen", ".num_experts_per_tok" } },
};

/* What llama.cpp has one way of doing and no key for: the graph's params must say the same. */
static const struct {
	unsigned kinds;
	const char *param, *allowed[5];
} fixed[] = {
	{ ROPE, "act", { "silu" } },
	{ LLAMA, "rope_type", { "default", "none", "linear", "llama3" } },
	{ QWEN, "rope_type", { "default", "none", "linear" } },
	{ QWEN, "windowed", { "false" } },
	{ QWEN3, "attention_bias", { "false" } },
	{ GPT2, "activation_function", { "gelu_new", "gelu_pytorch_tanh" } },
	{ GPT2, "scaled", { "true" } },
	{ GPT2, "by_layer", { "false" } },
};

static enum clade_status check_fixed(struct quantize *quantize, const struct quantize_family *family)
{
	struct clade_meta value;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if ((fixed[i].kinds & family->kind) == 0 ||
		    !clade_graph_param(quantize->model.graph, fixed[i].param, &value))
			continue;
		const char *text = value.kind == CLADE_META_STRING ? value.s : value.i != 0 ? "true" : "false";
		char list[128] = "";
		size_t n = 0;
		for (; n < 5 && fixed[i].allowed[n] != NULL && strcmp(fixed[i].allowed[n], text) != 0; n++)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", n > 0 ? ", " : "",
				 fixed[i].allowed[n]);
		if (n == 5 || fixed[i].allowed[n] == NULL)
			return clade_fail(&quantize->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_QUANTIZE,
					  quantize->model.name,
					  "%s is %s, which GGUF cannot say of architecture %s; it can only be %s",
					  fixed[i].param, text, family->architecture, list);
	}
	return CLADE_OK;
}

bool quantize_param(const struct quantize *quantize, const char *name, double *out)
{
	struct clade_meta meta;
	bool found = name[0] == '.' ? clade_store_meta(quantize->model.store, name + 1, &meta)
				    : clade_graph_param(quantize->model.graph, name, &meta);
	if (!found || (meta.kind != CLADE_META_INT && meta.kind != CLADE_META_FLOAT))
		return false;
	*out = meta.kind == CLADE_META_INT ? (double)meta.i : meta.f;
	return true;
}

/* Linear scaling of rope has two keys; llama3's is a tensor of its own. */
static enum clade_status put_scaling(struct quantize *quantize, const char *architecture)
{
	struct clade_meta kind;
	char key[128];
	double factor = 1;
	if (!clade_graph_param(quantize->model.graph, "rope_type", &kind) || kind.kind != CLADE_META_STRING ||
	    strcmp(kind.s, "linear") != 0 || !quantize_param(quantize, "rope_factor", &factor))
		return CLADE_OK;
	snprintf(key, sizeof(key), "%s.rope.scaling.type", architecture);
	enum clade_status status = quantize_put(quantize, key, "string", 0, 0, "linear");
	snprintf(key, sizeof(key), "%s.rope.scaling.factor", architecture);
	return status == CLADE_OK ? quantize_put(quantize, key, "f32", 0, factor, NULL) : status;
}

/* Mistral's window. llama.cpp has no such key for its architecture "llama" and passes over it. */
static enum clade_status put_window(struct quantize *quantize, const struct quantize_family *family)
{
	char key[128];
	double window = 0;
	if ((family->kind & LLAMA) == 0 || !quantize_param(quantize, "window", &window) || window <= 0)
		return CLADE_OK;
	print_note(quantize->tool,
		   "%s has a sliding window of %.0f tokens, which llama.cpp does not know; beyond it, it sees "
		   "more than the model was trained with",
		   family->name, window);
	snprintf(key, sizeof(key), "%s.attention.sliding_window", family->architecture);
	return quantize_put(quantize, key, "u32", (int64_t)window, window, NULL);
}

/* The directory's own name, as people call the model. */
static void model_name(const struct quantize *quantize, char *out, size_t size)
{
	char real[4096];
	const char *path = realpath(quantize->model.folder, real) != NULL ? real : quantize->model.name;
	const char *slash = strrchr(path, '/');
	snprintf(out, size, "%.200s", slash != NULL ? slash + 1 : path);
}

enum clade_status quantize_meta(struct quantize *quantize, const struct quantize_family *family)
{
	char text[256];
	enum clade_status status = check_fixed(quantize, family);
	model_name(quantize, text, sizeof(text));
	if (status == CLADE_OK)
		status = quantize_put(quantize, "general.architecture", "string", 0, 0, family->architecture);
	if (status == CLADE_OK)
		status = quantize_put(quantize, "general.type", "string", 0, 0, "model");
	if (status == CLADE_OK)
		status = quantize_put(quantize, "general.name", "string", 0, 0, text);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && status == CLADE_OK; i++) {
		double value = 0;
		size_t n = 0;
		if ((keys[i].kinds & family->kind) == 0)
			continue;
		while (n < 4 && keys[i].from[n] != NULL && !quantize_param(quantize, keys[i].from[n], &value))
			n++;
		snprintf(text, sizeof(text), "%s.%s", family->architecture, keys[i].key);
		if (n == 4 || keys[i].from[n] == NULL)
			status = clade_fail(&quantize->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_QUANTIZE,
					    quantize->model.name, "config.json does not say what becomes %s", text);
		else
			status = quantize_put(quantize, text, keys[i].type, (int64_t)value, value, NULL);
	}
	if (status == CLADE_OK)
		status = put_scaling(quantize, family->architecture);
	if (status == CLADE_OK)
		status = put_window(quantize, family);
	return status;
}

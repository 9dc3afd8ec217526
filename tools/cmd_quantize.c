/* SPDX-License-Identifier: MIT */
/* clade quantize: a model's weights in another type. q8_0 and q4_0 become GGUF, f16 and bf16 keep the container. */
#include "commands.h"
#include "quantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK = 1 << 18 }; /* elements read at once */

static const struct {
	const char *name;
	int file_type; /* llama.cpp's number for general.file_type */
	bool block;
} types[] = { { "q8_0", 7, true }, { "q4_0", 2, true }, { "f16", 1, false }, { "bf16", 32, false } };
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static size_t type_index(const char *name)
{
	size_t i = 0;
	while (i < TYPES && strcmp(types[i].name, name) != 0)
		i++;
	return i;
}

const char *quantize_encoding(const struct quantize *quantize, const char *now, const struct clade_type *type,
			      bool gguf)
{
	if (type->dtype != CLADE_F32 && type->dtype != CLADE_F16 && type->dtype != CLADE_BF16 &&
	    type->dtype != CLADE_F64)
		return now;
	if (gguf && type->rank < 2)
		return "f32";
	return clade_encoding_fits(quantize->type, type) ? quantize->type : "f16";
}

enum clade_status quantize_rows(void *user, int64_t first, int64_t count, const void *rows, struct clade_diag *diag)
{
	struct quantize *quantize = user;
	int64_t columns = 1;
	struct clade_type type;
	const char *name;
	(void)first;
	if (interrupted)
		return clade_fail(diag, CLADE_ERR_CANCELLED, CLADE_MSG_TOOL_QUANTIZE, quantize->tool->options.output,
				  "interrupted; nothing was written");
	/* the writer counts elements, the graph rows */
	if (quantize->model.graph != NULL && clade_graph_export(quantize->model.graph, quantize->current, &name, &type))
		columns = type.rank > 0 ? type.dims[type.rank - 1] : 1;
	return clade_writer_rows(quantize->writer, rows, count * columns, diag);
}

enum clade_status quantize_tensor(struct quantize *quantize, const struct clade_store_tensor *tensor)
{
	struct clade_diag *diag = &quantize->tool->diag;
	int64_t total = 0, row = tensor->type.rank > 0 ? tensor->type.dims[tensor->type.rank - 1] : 1;
	int64_t step = row < CHUNK ? CHUNK / (row > 0 ? row : 1) * row : row;
	if (!clade_type_count(&tensor->type, &total) || total == 0)
		return CLADE_OK;
	void *values = malloc((size_t)step * 4);
	enum clade_status status = values != NULL ? CLADE_OK : clade_fail_memory(diag, (size_t)step * 4, "rows");
	for (int64_t at = 0; at < total && status == CLADE_OK; at += step) {
		int64_t part = total - at < step ? total - at : step;
		if (interrupted)
			status = clade_fail(diag, CLADE_ERR_CANCELLED, CLADE_MSG_TOOL_QUANTIZE,
					    quantize->tool->options.output, "interrupted; nothing was written");
		if (status == CLADE_OK)
			status = clade_store_read(quantize->model.store, tensor, at, part, values, diag);
		if (status == CLADE_OK)
			status = clade_writer_rows(quantize->writer, values, part, diag);
	}
	free(values);
	return status;
}

enum clade_status quantize_put(struct quantize *quantize, const char *key, const char *type, int64_t i, double f,
			       const char *s)
{
	enum clade_meta_kind kind = strcmp(type, "string") == 0 ? CLADE_META_STRING
				    : type[0] == 'f'            ? CLADE_META_FLOAT
								: CLADE_META_INT;
	struct clade_meta value = { .kind = kind, .i = i, .f = f, .s = s };
	return clade_writer_meta(quantize->writer, key, type, &value, &quantize->tool->diag);
}

/* ---- GGUF to GGUF ---- */

struct copied {
	const struct clade_store *store;
	const char *key;
};

static enum clade_status copy_item(void *user, size_t index, struct clade_meta *out, struct clade_diag *diag)
{
	const struct copied *copied = user;
	(void)diag;
	clade_store_array_item(copied->store, copied->key, index, out);
	return CLADE_OK;
}

static enum clade_status copy_metadata(struct quantize *quantize)
{
	const struct clade_store *store = quantize->model.store;
	size_t type = type_index(quantize->type);
	const char *key;
	struct clade_meta meta;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; clade_store_meta_at(store, i, &key, &meta) && status == CLADE_OK; i++) {
		const char *word = clade_store_meta_type(store, i);
		struct copied copied = { store, key };
		if (strcmp(key, "general.file_type") == 0 || strcmp(key, "general.quantization_version") == 0 ||
		    strcmp(key, "general.alignment") == 0 || word == NULL)
			continue; /* of the other file; behind it come ours */
		if (meta.kind == CLADE_META_ARRAY)
			status = clade_writer_array(quantize->writer, key, word, (size_t)meta.i, copy_item, &copied,
						    &quantize->tool->diag);
		else
			status = clade_writer_meta(quantize->writer, key, word, &meta, &quantize->tool->diag);
	}
	if (status == CLADE_OK)
		status = quantize_put(quantize, "general.file_type", "u32", types[type].file_type, 0, NULL);
	if (status == CLADE_OK && types[type].block)
		status = quantize_put(quantize, "general.quantization_version", "u32", 2, 0, NULL);
	return status;
}

static enum clade_status from_gguf(struct quantize *quantize)
{
	const struct clade_store *store = quantize->model.store;
	struct clade_diag *diag = &quantize->tool->diag;
	bool block = types[type_index(quantize->type)].block;
	enum clade_status status = clade_writer_create(quantize->tool->context, quantize->tool->options.output, "gguf",
						       &quantize->writer, diag);
	if (status == CLADE_OK)
		status = copy_metadata(quantize);
	for (size_t i = 0; i < clade_store_count(store) && status == CLADE_OK; i++) {
		const struct clade_store_tensor *tensor = clade_store_at(store, i);
		if (block && strchr(tensor->encoding, '_') != NULL)
			status = clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_QUANTIZE, tensor->file,
					    "tensor \"%s\" is %s already; blocks are made of f32, f16 or bf16",
					    tensor->name, tensor->encoding);
		else
			status = clade_writer_tensor(quantize->writer, tensor->name, &tensor->type,
						     quantize_encoding(quantize, tensor->encoding, &tensor->type, true),
						     diag);
	}
	for (size_t i = 0; i < clade_store_count(store) && status == CLADE_OK; i++)
		status = quantize_tensor(quantize, clade_store_at(store, i));
	return status == CLADE_OK ? clade_writer_finish(quantize->writer, diag) : status;
}

/* ---- Hugging Face to GGUF ---- */

static enum clade_status find_family(struct quantize *quantize, const struct quantize_family **out)
{
	char list[256] = "";
	struct model *model = &quantize->model;
	enum clade_status status = clade_family_find(quantize->tool->context, model->store, model->name, model->family,
						     &quantize->tool->diag);
	if (status != CLADE_OK)
		return status;
	*out = quantize_family(model->family);
	if (*out != NULL)
		return CLADE_OK;
	for (size_t i = 0; quantize_family_at(i) != NULL; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i > 0 ? ", " : "",
			 quantize_family_at(i)->name);
	return clade_fail(&quantize->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_QUANTIZE, model->name,
			  "the family \"%s\" is not written as GGUF; known: %s. f16 and bf16 are for all",
			  model->family, list);
}

static enum clade_status open_graph(struct quantize *quantize)
{
	struct model *model = &quantize->model;
	struct clade_graph_params params = {
		.size = sizeof(params),
		.store = model->store,
		.settings = (const char *const *)quantize->tool->options.settings.items,
		.family = model->family,
		.invert = "gguf",
	};
	return clade_graph_create(quantize->tool->context, &params, &model->graph, &quantize->tool->diag);
}

/* LLaMA 3's scaling of rope, which llama.cpp keeps as divisors of the frequencies (tensor rope_freqs.weight): long
 * waves are divided by `factor`, short ones stay, those between slide over. */
static float *rope_freqs(const struct quantize *quantize, struct clade_type *type)
{
	struct clade_meta kind;
	double d_head = 0, theta = 10000, factor = 8, low = 1, high = 4, old = 8192;
	if (!clade_graph_param(quantize->model.graph, "rope_type", &kind) || kind.kind != CLADE_META_STRING ||
	    strcmp(kind.s, "llama3") != 0)
		return NULL;
	quantize_param(quantize, "d_head", &d_head);
	quantize_param(quantize, "theta", &theta);
	quantize_param(quantize, "rope_factor", &factor);
	quantize_param(quantize, "rope_low", &low);
	quantize_param(quantize, "rope_high", &high);
	quantize_param(quantize, "rope_original", &old);
	int64_t count = (int64_t)d_head / 2;
	float *values = malloc((size_t)(count + 1) * sizeof(*values));
	*type = (struct clade_type) { CLADE_F32, 1, { count } };
	for (int64_t i = 0; i < count && values != NULL; i++) {
		double wave = 2 * 3.14159265358979323846 * pow(theta, (double)(2 * i) / d_head);
		double smooth = (old / wave - low) / (high - low);
		values[i] = wave < old / high  ? 1.0f
			    : wave > old / low ? (float)factor
					       : (float)(1 / ((1 - smooth) / factor + smooth));
	}
	return values;
}

static enum clade_status announce(struct quantize *quantize)
{
	struct clade_diag *diag = &quantize->tool->diag;
	struct clade_type type;
	const char *name;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; clade_graph_export(quantize->model.graph, i, &name, &type) && status == CLADE_OK; i++)
		status = clade_writer_tensor(quantize->writer, name, &type,
					     quantize_encoding(quantize, "f32", &type, true), diag);
	return status;
}

static enum clade_status from_folder(struct quantize *quantize)
{
	struct clade_diag *diag = &quantize->tool->diag;
	const struct quantize_family *family = NULL;
	struct clade_type type, freqs_type = { CLADE_F32, 0, { 0 } };
	const char *name;
	float *freqs = NULL;
	double vocab = 0;
	enum clade_status status = find_family(quantize, &family);
	if (status == CLADE_OK)
		status = open_graph(quantize);
	if (status == CLADE_OK)
		status = clade_writer_create(quantize->tool->context, quantize->tool->options.output, "gguf",
					     &quantize->writer, diag);
	if (status == CLADE_OK)
		status = quantize_meta(quantize, family);
	if (status == CLADE_OK)
		status = quantize_put(quantize, "general.file_type", "u32", types[type_index(quantize->type)].file_type,
				      0, NULL);
	if (status == CLADE_OK)
		status = quantize_put(quantize, "general.quantization_version", "u32", 2, 0, NULL);
	if (status == CLADE_OK && quantize_param(quantize, "vocab", &vocab))
		status = quantize_vocab(quantize, (int64_t)vocab);
	if (status == CLADE_OK)
		status = announce(quantize);
	if (status == CLADE_OK && (freqs = rope_freqs(quantize, &freqs_type)) != NULL)
		status = clade_writer_tensor(quantize->writer, "rope_freqs.weight", &freqs_type, "f32", diag);
	for (; status == CLADE_OK && clade_graph_export(quantize->model.graph, quantize->current, &name, &type);
	     quantize->current++)
		status = clade_graph_export_read(quantize->model.graph, quantize->current, quantize_rows, quantize,
						 diag);
	if (status == CLADE_OK && freqs != NULL)
		status = clade_writer_rows(quantize->writer, freqs, freqs_type.dims[0], diag);
	free(freqs);
	return status == CLADE_OK ? clade_writer_finish(quantize->writer, diag) : status;
}

/* ---- the command ---- */

static enum clade_status convert(struct quantize *quantize)
{
	struct tool *tool = quantize->tool;
	enum clade_status status = model_open_files(tool, &quantize->model);
	const char *format = quantize->model.store != NULL ? clade_store_format(quantize->model.store) : "";
	if (status != CLADE_OK)
		return status;
	if (strcmp(format, "gguf") == 0)
		return from_gguf(quantize);
	if (strcmp(format, "safetensors") != 0)
		return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_QUANTIZE, quantize->model.name,
				  "holds no weights; a directory with safetensors or a .gguf file is needed");
	return types[type_index(quantize->type)].block ? from_folder(quantize) : quantize_safetensors(quantize);
}

static enum clade_status run(struct tool *tool)
{
	struct quantize quantize = { .tool = tool, .type = tool->options.kind };
	const char *words[TYPES], *nearest;
	for (size_t i = 0; i < TYPES; i++)
		words[i] = types[i].name;
	if (tool->options.kind == NULL || type_index(tool->options.kind) == TYPES) {
		nearest = tool->options.kind != NULL ? clade_nearest(tool->options.kind, words, TYPES) : NULL;
		return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--type", "must be q8_0, q4_0, f16 or bf16%s%s%s",
				  nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
				  nearest != NULL ? "?" : "");
	}
	if (tool->options.output == NULL)
		return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "-o", "the name of what is written is missing");
	enum clade_status status = convert(&quantize);
	clade_writer_destroy(&quantize.writer);
	model_close(&quantize.model);
	return status;
}

static const struct option own_options[] = {
	{ "type", "TYPE", "q8_0, q4_0 (GGUF), f16 or bf16 (the same container)", take_text,
	  offsetof(struct options, kind) },
	{ "output", "OUT", "the file or directory to write", take_text, offsetof(struct options, output), 'o' },
	{ "set", "PARAM=VALUE", "overrides a param of the graph (repeatable)", take_words,
	  offsetof(struct options, settings) },
	{ NULL },
};
static const struct option *const groups[] = { own_options, options_common, NULL };
const struct command command_quantize = {
	.name = "quantize",
	.arguments = "MODEL",
	.summary = "write a model's weights in another type",
	.details =
		"q8_0 and q4_0 write one GGUF file of a Hugging Face directory (llama, mistral, mixtral, qwen2, qwen3, "
		"gpt2)\nor of another GGUF file. f16 and bf16 keep the container, configuration and tokenizer. In GGUF "
		"vectors stay\nf32, and rows that are no multiple of 32 become f16. OUT appears whole or not at all.\n",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
	.streams = true,
};

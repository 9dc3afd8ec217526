/* SPDX-License-Identifier: MIT */
/* MODEL arguments: a directory, a graph file, or a name that ships with clade. */
#include "model.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

static bool exists(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- models that ship ---- */

/* Where they may lie, best first: $CLADE_DATA_DIR, beside the program (an installation may be moved), the prefix it was
 * configured for, the source tree it was built from. */
static bool data_folder(size_t index, char *out, size_t size)
{
	char program[PATH_MAX];
	ssize_t length;
	const char *given = getenv("CLADE_DATA_DIR");
	switch (index) {
	case 0:
		snprintf(out, size, "%s/models", given != NULL && given[0] != '\0' ? given : "/nonexistent");
		return true;
	case 1:
		length = readlink("/proc/self/exe", program, sizeof(program) - 1);
		program[length > 0 ? length : 0] = '\0';
		if (strrchr(program, '/') != NULL)
			*strrchr(program, '/') = '\0';
		return (size_t)snprintf(out, size, "%s/../share/clade/models", program) < size;
	case 2:
		snprintf(out, size, "%s/models", CLADE_DATA_FOLDER);
		return true;
	case 3:
		snprintf(out, size, "%s/models", CLADE_SOURCE_FOLDER);
		return true;
	default:
		return false;
	}
}

static bool find_shipped(const char *name, char *out, size_t size)
{
	char folder[PATH_MAX];
	if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0')
		return false;
	for (size_t i = 0; data_folder(i, folder, sizeof(folder)); i++)
		if ((size_t)snprintf(out, size, "%s/%s", folder, name) < size && is_folder(out))
			return true;
	return false;
}

static enum clade_status fail_no_model(struct tool *tool, const char *name)
{
	char folder[PATH_MAX], names[32][64], list[1024] = "";
	const char *words[32];
	size_t count = 0;
	for (size_t i = 0; data_folder(i, folder, sizeof(folder)); i++) {
		DIR *dir = opendir(folder);
		const struct dirent *entry;
		while (dir != NULL && count < 32 && (entry = readdir(dir)) != NULL) {
			char path[PATH_MAX + 300];
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
			if (entry->d_name[0] == '.' || !is_folder(path))
				continue;
			snprintf(names[count], sizeof(names[count]), "%.63s", entry->d_name);
			words[count] = names[count];
			if (strstr(list, names[count]) == NULL)
				snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
					 list[0] != '\0' ? ", " : "", names[count]);
			count++;
		}
		if (dir != NULL)
			closedir(dir);
	}
	const char *nearest = clade_nearest(name, words, count);
	if (nearest != NULL)
		return fail_usage(tool, CLADE_MSG_TOOL_MODEL, name,
				  "no such file, directory or model that ships with clade; did you mean %s?", nearest);
	return fail_usage(tool, CLADE_MSG_TOOL_MODEL, name,
			  "no such file or directory, and not a model that ships with clade%s%s",
			  list[0] != '\0' ? ": " : "", list);
}

/* ---- files ---- */

static enum clade_status add_files(struct tool *tool, struct model *model, const char *path)
{
	enum clade_status status = CLADE_OK;
	if (model->store == NULL)
		status = clade_store_create(tool->context, &model->store, &tool->diag);
	return status == CLADE_OK ? clade_store_add(model->store, path, &tool->diag) : status;
}

static int select_gguf(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".gguf");
}

static int select_safetensors(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".safetensors") || ends_with(entry->d_name, ".safetensors.index.json");
}

static int select_readable(const struct dirent *entry)
{
	return strcmp(entry->d_name, "config.json") == 0 || select_safetensors(entry) ||
	       ends_with(entry->d_name, ".bin");
}

/* Files of a kind in a folder; `out` receives the first one's path. */
static int count_files(const char *folder, int (*select)(const struct dirent *), char *out, size_t size)
{
	struct dirent **names = NULL;
	int count = scandir(folder, &names, select, alphasort);
	if (count > 0)
		snprintf(out, size, "%s/%s", folder, names[0]->d_name);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return count;
}

static bool is_model_folder(const char *folder)
{
	char path[PATH_MAX + 300];
	snprintf(path, sizeof(path), "%s/model.graph", folder);
	return is_folder(folder) && (exists(path) || count_files(folder, select_readable, path, sizeof(path)) > 0 ||
				     count_files(folder, select_gguf, path, sizeof(path)) > 0);
}

/* Hugging Face's files, or the one GGUF file of a folder without safetensors. `weights` false: only config.json, for
 * what needs no weights. */
static enum clade_status add_folder(struct tool *tool, struct model *model, bool weights)
{
	char path[PATH_MAX + 300], other[PATH_MAX + 300];
	bool safetensors = count_files(model->folder, select_safetensors, other, sizeof(other)) > 0;
	int ggufs = safetensors ? 0 : count_files(model->folder, select_gguf, path, sizeof(path));
	if (ggufs > 1 && weights)
		return fail_usage(tool, CLADE_MSG_TOOL_MODEL, model->name,
				  "holds %d .gguf files; name one of them, such as %s", ggufs, path);
	if (ggufs >= 1)
		return add_files(tool, model, path);
	if (!weights) {
		snprintf(path, sizeof(path), "%s/config.json", model->folder);
		return exists(path) ? add_files(tool, model, path) : CLADE_OK;
	}
	if (count_files(model->folder, select_readable, path, sizeof(path)) > 0)
		return add_files(tool, model, model->folder);
	return CLADE_OK;
}

static enum clade_status open_folder(struct tool *tool, struct model *model, bool weights)
{
	char path[PATH_MAX + 64];
	enum clade_status status = add_folder(tool, model, weights);
	if (status != CLADE_OK)
		return status;
	snprintf(path, sizeof(path), "%s/generation_config.json", model->folder);
	if (exists(path)) {
		status = clade_store_create(tool->context, &model->generation, &tool->diag);
		if (status == CLADE_OK)
			status = clade_store_add(model->generation, path, &tool->diag);
	}
	snprintf(path, sizeof(path), "%s/model.graph", model->folder);
	if (exists(path))
		snprintf(model->graph_path, sizeof(model->graph_path), "%s", path);
	return status;
}

static enum clade_status open_file(struct tool *tool, struct model *model, const char *path)
{
	if (ends_with(path, ".onnx"))
		return clade_fail(&tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_MODEL, path,
				  "this version does not read onnx files; a MODEL is a directory with config.json or "
				  "model.graph, a .gguf file, a .graph file with --weights, or a name that ships with "
				  "clade");
	if (ends_with(path, ".gguf") || ends_with(path, ".safetensors") || ends_with(path, ".npy") ||
	    ends_with(path, ".json"))
		return add_files(tool, model, path);
	/* the folder of a graph file may hold its tokenizer */
	const char *slash = strrchr(path, '/');
	snprintf(model->folder, sizeof(model->folder), "%.*s", slash != NULL ? (int)(slash - path) : 1,
		 slash != NULL ? (slash == path ? "/" : path) : ".");
	snprintf(model->graph_path, sizeof(model->graph_path), "%s", path);
	return CLADE_OK;
}

static enum clade_status open_files(struct tool *tool, struct model *model, bool weights)
{
	const char *name = tool->arguments[0];
	enum clade_status status;
	*model = (struct model) { 0 };
	snprintf(model->name, sizeof(model->name), "%s", name);
	bool ships = find_shipped(name, model->folder, sizeof(model->folder));
	if (is_folder(name) && (!ships || is_model_folder(name))) { /* a stray folder does not hide what ships */
		snprintf(model->folder, sizeof(model->folder), "%s", name);
		status = open_folder(tool, model, weights);
	} else if (exists(name) && !is_folder(name)) {
		model->folder[0] = '\0';
		status = open_file(tool, model, name);
	} else if (ships) {
		status = open_folder(tool, model, weights);
	} else {
		status = fail_no_model(tool, name);
	}
	for (size_t i = 0; i < tool->options.weights.count && status == CLADE_OK; i++)
		status = add_files(tool, model, tool->options.weights.items[i]);
	if (tool->options.graph != NULL)
		snprintf(model->graph_path, sizeof(model->graph_path), "%s", tool->options.graph);
	return status;
}

enum clade_status model_open_files(struct tool *tool, struct model *model)
{
	return open_files(tool, model, true);
}

enum clade_status model_open_text(struct tool *tool, struct model *model)
{
	return open_files(tool, model, false);
}

static enum clade_status create_graph(struct tool *tool, struct model *model, const char *const *settings)
{
	struct clade_graph_params params = {
		.size = sizeof(params),
		.path = model->graph_path,
		.store = model->store,
		.settings = settings,
		.family = model->family[0] != '\0' ? model->family : NULL,
		.watch = tool->options.watch.items,
		.state_dtype = tool->options.kv_type,
	};
	struct clade_graph_totals totals;
	enum clade_status status = clade_graph_create(tool->context, &params, &model->graph, &tool->diag);
	if (status != CLADE_OK || params.state_dtype == CLADE_F32)
		return status;
	clade_graph_get_totals(model->graph, &totals);
	if (totals.kept_states > 0)
		return CLADE_OK;
	return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--kv-type",
			  "%s keeps no keys and values from run to run that could be f16; leave it out", model->name);
}

enum clade_status model_open(struct tool *tool, struct model *model)
{
	enum clade_status status = model_open_files(tool, model);
	if (status != CLADE_OK)
		return status;
	if (model->graph_path[0] == '\0' && model->store == NULL)
		return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_MODEL, model->name,
				  "holds no model: config.json, model.graph or a .gguf file is missing");
	if (model->graph_path[0] == '\0')
		status = clade_family_find(tool->context, model->store, model->name, model->family, &tool->diag);
	if (status != CLADE_OK)
		return status;
	return create_graph(tool, model, (const char *const *)tool->options.settings.items);
}

enum clade_status model_reopen(struct tool *tool, struct model *model, const char *setting)
{
	const struct words *given = &tool->options.settings;
	const char **settings = calloc(given->count + 2, sizeof(*settings));
	if (settings == NULL)
		return clade_fail_memory(&tool->diag, given->count * sizeof(*settings), "the command line");
	settings[0] = setting;
	for (size_t i = 0; i < given->count; i++)
		settings[i + 1] = given->items[i];
	clade_graph_destroy(&model->graph);
	enum clade_status status = create_graph(tool, model, settings);
	free(settings);
	return status;
}

void model_close(struct model *model)
{
	clade_graph_destroy(&model->graph);
	clade_store_destroy(&model->store);
	clade_store_destroy(&model->generation);
}

/* Where a GGUF file says what config.json says under `key`; `%s` is the architecture. Several: for lists. */
static const struct {
	const char *key, *gguf;
} gguf_keys[] = {
	{ "bos_token_id", "tokenizer.ggml.bos_token_id" },         { "eos_token_id", "tokenizer.ggml.eos_token_id" },
	{ "eos_token_id", "tokenizer.ggml.eot_token_id" },         { "eos_token_id", "tokenizer.ggml.eom_token_id" },
	{ "pad_token_id", "tokenizer.ggml.padding_token_id" },     { "max_position_embeddings", "%s.context_length" },
	{ "decoder_start_token_id", "%s.decoder_start_token_id" },
};

/* The `index`th that is there of a GGUF's keys for `key`. */
static bool gguf_meta(const struct clade_store *store, const char *key, size_t index, struct clade_meta *out)
{
	struct clade_meta family;
	char name[256];
	if (!clade_store_meta(store, "general.architecture", &family) || family.kind != CLADE_META_STRING)
		return false;
	for (size_t i = 0; i < sizeof(gguf_keys) / sizeof(gguf_keys[0]); i++) {
		const char *rest = gguf_keys[i].gguf;
		bool own = rest[0] == '%';
		snprintf(name, sizeof(name), "%s%s", own ? family.s : "", own ? rest + 2 : rest);
		if (strcmp(gguf_keys[i].key, key) == 0 && clade_store_meta(store, name, out) && index-- == 0)
			return true;
	}
	return false;
}

bool model_meta(const struct model *model, const char *key, struct clade_meta *out)
{
	if (model->graph != NULL && clade_graph_meta(model->graph, key, out) && out->kind != CLADE_META_NONE)
		return true;
	if (model->generation != NULL && clade_store_meta(model->generation, key, out))
		return true;
	return model->store != NULL &&
	       (clade_store_meta(model->store, key, out) || gguf_meta(model->store, key, 0, out));
}

bool model_meta_item(const struct model *model, const char *key, size_t index, int64_t *out)
{
	struct clade_meta meta;
	char item[128];
	if (!model_meta(model, key, &meta))
		return false;
	if (meta.kind == CLADE_META_OTHER) {
		snprintf(item, sizeof(item), "%s.%zu", key, index);
		if (!model_meta(model, item, &meta))
			return false;
	} else if (index > 0 && (model->store == NULL || !gguf_meta(model->store, key, index, &meta))) {
		return false;
	}
	*out = meta.i;
	return meta.kind == CLADE_META_INT;
}

int64_t model_context(const struct model *model)
{
	static const char *const names[] = { "context", "max_position_embeddings", "n_positions", "n_ctx" };
	int64_t context;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (model_meta_item(model, names[i], 0, &context) && context > 0)
			return context;
	return 0;
}

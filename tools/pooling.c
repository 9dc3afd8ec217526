/* SPDX-License-Identifier: MIT */
/* From a vector a token to a vector a text: which way, as a folder of sentence-transformers says, and the sums. */
#include "pooling.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 1 << 20 };

static const struct {
	const char *name, *key; /* of --pool, and of 1_Pooling/config.json */
	enum pool pool;
} ways[] = {
	{ "mean", "pooling_mode_mean_tokens", POOL_MEAN },
	{ "cls", "pooling_mode_cls_token", POOL_CLS },
	{ "last", "pooling_mode_lasttoken", POOL_LAST },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* A JSON file below the model's folder; *out is NULL with CLADE_OK if there is none. */
static enum clade_status load_json(struct tool *tool, const struct model *model, const char *name, json_t **out,
				   char path[PATH_MAX])
{
	struct stat st;
	char *text = NULL;
	size_t bytes;
	json_error_t error;
	*out = NULL;
	if (model->folder[0] == '\0' || (size_t)snprintf(path, PATH_MAX, "%s/%s", model->folder, name) >= PATH_MAX ||
	    stat(path, &st) != 0)
		return CLADE_OK;
	enum clade_status status = clade_file_load(tool->context, path, FILE_LIMIT, &text, &bytes, &tool->diag);
	if (status != CLADE_OK)
		return status;
	*out = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
	clade_free(tool->context, text);
	if (*out == NULL)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_EMBED, path, "line %d: %s", error.line,
				    error.text);
	return status;
}

static enum clade_status fail_file(struct tool *tool, const char *path, const char *rule, const char *word)
{
	return clade_fail(&tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_EMBED, path, "%s \"%.80s\"", rule, word);
}

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

/* modules.json: a list of { "path", "type" }. `folder` receives the pooling module's path. */
static enum clade_status read_modules(struct tool *tool, const struct model *model, struct pooling *out,
				      char folder[256])
{
	char path[PATH_MAX];
	json_t *modules, *module;
	size_t i;
	enum clade_status status = load_json(tool, model, "modules.json", &modules, path);
	if (status != CLADE_OK || modules == NULL)
		return status;
	json_array_foreach(modules, i, module)
	{
		const char *type = json_string_value(json_object_get(module, "type"));
		const char *place = json_string_value(json_object_get(module, "path"));
		if (type == NULL || place == NULL || strstr(place, "..") != NULL || place[0] == '/')
			status = fail_file(tool, path, "each module needs a type and a path below the folder, not",
					   place != NULL ? place : "");
		else if (ends_with(type, ".Pooling"))
			snprintf(folder, 256, "%s", place);
		else if (ends_with(type, ".Normalize"))
			out->normalize = true;
		else if (!ends_with(type, ".Transformer"))
			status = fail_file(tool, path,
					   "only the modules Transformer, Pooling and Normalize are supported, not",
					   type);
		if (status != CLADE_OK)
			break;
	}
	if (status == CLADE_OK && !json_is_array(modules))
		status = fail_file(tool, path, "the file must be a list of modules, not", "another value");
	json_decref(modules);
	return status;
}

static bool find_way(const char *word, bool key, enum pool *out)
{
	for (size_t i = 0; i < WAYS; i++)
		if (strcmp(key ? ways[i].key : ways[i].name, word) == 0) {
			*out = ways[i].pool;
			return true;
		}
	return false;
}

/* 1_Pooling/config.json: one of the flags pooling_mode_*, or the newer "pooling_mode": "mean". */
static enum clade_status read_pooling(struct tool *tool, const struct model *model, const char *folder,
				      struct pooling *out)
{
	char path[PATH_MAX], name[300];
	const char *key;
	json_t *config, *value;
	size_t count = 0;
	snprintf(name, sizeof(name), "%s/config.json", folder);
	enum clade_status status = load_json(tool, model, name, &config, path);
	if (status != CLADE_OK || config == NULL)
		return status;
	json_object_foreach(config, key, value)
	{
		const char *word = strcmp(key, "pooling_mode") == 0 ? json_string_value(value) : NULL;
		bool flag = strncmp(key, "pooling_mode_", 13) == 0 && json_is_true(value);
		if (word == NULL && !flag)
			continue;
		count++;
		if (word != NULL && !find_way(strcmp(word, "lasttoken") == 0 ? "last" : word, false, &out->pool))
			status = fail_file(tool, path, "only mean, cls and last pooling are supported, not", word);
		if (flag && !find_way(key, true, &out->pool))
			status = fail_file(tool, path, "only mean, cls and last pooling are supported, not", key);
	}
	if (status == CLADE_OK && count != 1)
		status = fail_file(tool, path, "one pooling mode must be chosen; choose with --pool instead of",
				   count == 0 ? "none" : "several");
	json_decref(config);
	return status;
}

static enum clade_status read_length(struct tool *tool, const struct model *model, struct pooling *out)
{
	char path[PATH_MAX];
	json_t *config;
	enum clade_status status = load_json(tool, model, "sentence_bert_config.json", &config, path);
	if (status == CLADE_OK && config != NULL)
		out->max_tokens = json_integer_value(json_object_get(config, "max_seq_length"));
	json_decref(config);
	return status;
}

enum clade_status pooling_init(struct tool *tool, const struct model *model, struct pooling *out)
{
	char folder[256] = "1_Pooling";
	const char *wanted = tool->options.pool;
	*out = (struct pooling) { .pool = POOL_MEAN };
	if (wanted != NULL && !find_way(wanted, false, &out->pool))
		return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--pool", "\"%.32s\" is none of mean, cls, last", wanted);
	enum clade_status status = read_modules(tool, model, out, folder);
	if (status == CLADE_OK && wanted == NULL)
		status = read_pooling(tool, model, folder, out);
	if (status == CLADE_OK)
		status = read_length(tool, model, out);
	out->normalize |= tool->options.normalize;
	return status;
}

void pooling_apply(const struct pooling *pooling, const float *hidden, size_t count, size_t width, float *out)
{
	double square = 0;
	for (size_t k = 0; k < width; k++) {
		double sum = 0;
		if (pooling->pool == POOL_MEAN)
			for (size_t i = 0; i < count; i++)
				sum += (double)hidden[i * width + k] / (double)count;
		else
			sum = (double)hidden[(pooling->pool == POOL_LAST ? count - 1 : 0) * width + k];
		out[k] = (float)sum;
		square += sum * sum;
	}
	double length = sqrt(square); /* as torch: no vector is divided by less than 1e-12 */
	for (size_t k = 0; k < width && pooling->normalize; k++)
		out[k] = (float)((double)out[k] / (length > 1e-12 ? length : 1e-12));
}

/* SPDX-License-Identifier: MIT */
/* clade inspect: what is in weight files, configuration and tokenizer. */
#include "commands.h"
#include "model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static json_t *meta_json(const struct clade_meta *meta)
{
	switch (meta->kind) {
	case CLADE_META_BOOL:
		return json_boolean(meta->i);
	case CLADE_META_INT:
		return json_integer(meta->i);
	case CLADE_META_FLOAT:
		return json_number(meta->f);
	case CLADE_META_STRING:
		return json_text(meta->s);
	case CLADE_META_NONE:
	case CLADE_META_OTHER:
	case CLADE_META_ARRAY:
		break;
	}
	return json_null();
}

/* At most `limit` elements. */
static json_t *array_json(const struct clade_store *store, const char *key, size_t limit)
{
	json_t *list = json_array();
	struct clade_meta item;
	for (size_t i = 0; i < limit && clade_store_array_item(store, key, i, &item); i++)
		json_array_append_new(list, meta_json(&item));
	return list;
}

static json_t *tensors_json(const struct clade_store *store)
{
	json_t *list = json_array();
	for (size_t i = 0; store != NULL && i < clade_store_count(store); i++) {
		const struct clade_store_tensor *tensor = clade_store_at(store, i);
		json_t *shape = json_array();
		for (uint32_t d = 0; d < tensor->type.rank; d++)
			json_array_append_new(shape, json_integer(tensor->type.dims[d]));
		json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:I, s:s, s:I}", "name", json_text(tensor->name),
						      "dtype", tensor->encoding, "shape", shape, "bytes",
						      (json_int_t)tensor->bytes, "file", tensor->file, "offset",
						      (json_int_t)tensor->offset));
	}
	return list;
}

/* JSON's objects and arrays appear by their elements ("rope.theta", "architectures.0"), GGUF's arrays whole. */
static json_t *metadata_json(const struct clade_store *store)
{
	json_t *object = json_object();
	const char *key;
	struct clade_meta meta;
	for (size_t i = 0; store != NULL && clade_store_meta_at(store, i, &key, &meta); i++)
		if (meta.kind != CLADE_META_OTHER && json_object_get(object, key) == NULL)
			json_object_set_new(object, key,
					    meta.kind == CLADE_META_ARRAY ? array_json(store, key, SIZE_MAX)
									  : meta_json(&meta));
	return object;
}

static json_t *tokenizer_json(const struct clade_tokenizer *tokenizer)
{
	if (tokenizer == NULL)
		return json_null();
	json_t *special = json_object();
	for (int32_t id = 0; id < clade_tokenizer_size(tokenizer) && json_object_size(special) < 1024; id++)
		if (clade_tokenizer_is_special(tokenizer, id))
			json_object_set_new(special, clade_tokenizer_token(tokenizer, id), json_integer(id));
	return json_pack("{s:s, s:i, s:o}", "model", clade_tokenizer_kind(tokenizer), "size",
			 (int)clade_tokenizer_size(tokenizer), "special", special);
}

static json_t *describe(const struct model *model, const char *format, const struct clade_tokenizer *tokenizer)
{
	return json_pack("{s:s, s:o, s:o, s:o}", "format", format, "metadata", metadata_json(model->store), "tensors",
			 tensors_json(model->store), "tokenizer", tokenizer_json(tokenizer));
}

enum { SHOWN = 8, TEXT_SHOWN = 200 }; /* elements of an array, bytes of a value */

/* One line a key; long values are cut, at a character's end, and say so. */
static void print_value(const struct clade_store *store, const char *key, const struct clade_meta *meta)
{
	bool is_array = meta->kind == CLADE_META_ARRAY, cut = is_array && meta->i > SHOWN;
	json_t *value = is_array ? array_json(store, key, SHOWN) : meta_json(meta);
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
	size_t length = text != NULL ? strlen(text) : 0;
	if (cut && length > 0)
		text[--length] = '\0'; /* the bracket */
	if (length > TEXT_SHOWN) {
		for (length = TEXT_SHOWN; ((unsigned char)text[length] & 0xc0) == 0x80; length--)
			;
		text[length] = '\0';
		cut = true;
	}
	printf("  %s = %s%s", key, text != NULL ? text : "?", cut ? "..." : "");
	if (cut && is_array)
		printf(" (%" PRId64 " elements)", meta->i);
	printf("\n");
	free(text);
	json_decref(value);
}

static void print_store(const struct clade_store *store)
{
	const char *key;
	char type[128], size[32];
	struct clade_meta meta;
	uint64_t bytes = 0;
	if (clade_store_meta_at(store, 0, &key, &meta))
		printf("metadata:\n");
	for (size_t i = 0; clade_store_meta_at(store, i, &key, &meta); i++)
		if (meta.kind != CLADE_META_OTHER)
			print_value(store, key, &meta);
	printf("tensors: %zu\n", clade_store_count(store));
	for (size_t i = 0; i < clade_store_count(store); i++) {
		const struct clade_store_tensor *tensor = clade_store_at(store, i);
		clade_type_text(&tensor->type, type, sizeof(type));
		printf("  %-48s %s%s, %" PRIu64 " bytes\n", tensor->name, tensor->encoding,
		       strchr(type, '[') != NULL ? strchr(type, '[') : "", tensor->bytes);
		bytes += tensor->bytes;
	}
	printf("%s of weights\n", bytes_text(bytes, size));
}

static void print_graph(const struct model *model)
{
	const char *entry;
	char type[256];
	struct clade_graph_port port;
	printf("graph \"%s\" (%s)\n", clade_graph_name(model->graph), model->graph_path);
	for (size_t e = 0; (entry = clade_graph_entry(model->graph, e)) != NULL; e++) {
		printf("  entry %s\n", entry);
		for (size_t i = 0; clade_graph_input(model->graph, entry, i, &port); i++)
			printf("    input %s : %s%s\n", port.name,
			       clade_graph_type_text(model->graph, &port.type, type, sizeof(type)),
			       port.optional ? " (optional)" : "");
		for (size_t i = 0; clade_graph_output(model->graph, entry, i, &port); i++)
			printf("    output %s : %s\n", port.name,
			       clade_graph_type_text(model->graph, &port.type, type, sizeof(type)));
	}
}

static enum clade_status inspect(struct tool *tool, struct model *model)
{
	struct clade_tokenizer *tokenizer = NULL;
	enum clade_status status = model_open_files(tool, model);
	if (status == CLADE_OK)
		status = model_tokenizer(tool, model, &tokenizer);
	/* a graph file alone is what is inspected; beside weights it is `check`'s affair */
	if (status == CLADE_OK && model->graph_path[0] != '\0' && model->store == NULL) {
		struct clade_graph_params params = { .size = sizeof(params),
						     .path = model->graph_path,
						     .store = model->store };
		status = clade_graph_create(tool->context, &params, &model->graph, &tool->diag);
	}
	if (status != CLADE_OK)
		goto done;
	const char *format = model->store != NULL ? clade_store_format(model->store) : "";
	if (format[0] == '\0')
		format = model->graph != NULL ? "graph" : "json";
	if (tool->options.json) {
		status = print_json(describe(model, format, tokenizer), &tool->diag);
		goto done;
	}
	printf("format: %s\n", format);
	if (model->graph != NULL)
		print_graph(model);
	if (model->store != NULL)
		print_store(model->store);
	if (tokenizer != NULL)
		printf("tokenizer: %s, %d ids\n", clade_tokenizer_kind(tokenizer),
		       (int)clade_tokenizer_size(tokenizer));
done:
	clade_tokenizer_destroy(&tokenizer);
	return status;
}

static enum clade_status run(struct tool *tool)
{
	struct model model;
	enum clade_status status = inspect(tool, &model);
	model_close(&model);
	return status;
}

static const struct option weight_options[] = {
	{ "weights", "FILE|DIR", "further files (repeatable)", take_words, offsetof(struct options, weights) },
	{ NULL },
};
static const struct option *const groups[] = { weight_options, options_json, options_common, NULL };
const struct command command_inspect = {
	.name = "inspect",
	.arguments = "FILE|MODEL",
	.summary = "tensors, metadata, tokenizer and graph of a file or model",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};

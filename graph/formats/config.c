/* SPDX-License-Identifier: MIT */
/* JSON beside the weights: config.json as metadata by dotted key, and the index of sharded safetensors. */
#include "store.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONFIG_LIMIT = 4 << 20, /* bytes of a config.json */
	INDEX_LIMIT = 64 << 20, /* bytes of an index */
	KEY_LIMIT = 256,        /* bytes of a dotted key */
	META_LIMIT = 1 << 17,   /* values in one file */
	SHARD_LIMIT = 4096
};

static enum clade_status load_json(struct clade_store *store, const char *path, size_t limit, unsigned id, json_t **out,
				   struct clade_diag *diag)
{
	char *text;
	size_t bytes;
	json_error_t error;
	*out = NULL;
	enum clade_status status = clade_file_load(store->context, path, limit, &text, &bytes, diag);
	if (status != CLADE_OK)
		return status;
	const char *mistaken = clade_file_mistaken((const unsigned char *)text, bytes);
	if (mistaken != NULL) {
		status = clade_file_fail(diag, CLADE_MSG_FILE_KIND, path, 0, "this is %s", mistaken);
	} else {
		*out = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
		if (*out == NULL && json_error_code(&error) == json_error_out_of_memory)
			status = clade_fail_memory(diag, bytes, "JSON");
		else if (*out == NULL)
			status = clade_file_fail(diag, id, path, error.position > 0 ? (uint64_t)error.position : 0,
						 "not valid JSON: %s (line %d, column %d)", CLADE_QUOTE(error.text),
						 error.line, error.column);
		else if (!json_is_object(*out))
			status = clade_file_fail(diag, id, path, 0, "must be a JSON object");
	}
	clade_free(store->context, text);
	if (status != CLADE_OK && *out != NULL) {
		json_decref(*out);
		*out = NULL;
	}
	return status;
}

/* ---- config.json ---- */

struct flatten {
	struct clade_store *store;
	const char *path;
	char key[KEY_LIMIT + 1];
	size_t first;
	struct clade_diag *diag;
};

static struct clade_meta scalar(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_TRUE:
	case JSON_FALSE:
		return (struct clade_meta) { .kind = CLADE_META_BOOL, .i = json_is_true(value) };
	case JSON_INTEGER:
		return (struct clade_meta) { .kind = CLADE_META_INT,
					     .i = json_integer_value(value),
					     .f = (double)json_integer_value(value) };
	case JSON_REAL:
		return (struct clade_meta) { .kind = CLADE_META_FLOAT, .f = json_real_value(value) };
	case JSON_STRING:
		return (struct clade_meta) { .kind = CLADE_META_STRING, .s = json_string_value(value) };
	case JSON_NULL:
		return (struct clade_meta) { .kind = CLADE_META_NONE };
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	}
	return (struct clade_meta) { .kind = CLADE_META_OTHER };
}

static enum clade_status flatten_value(struct flatten *flatten, const json_t *value, size_t length);

static enum clade_status flatten_member(struct flatten *flatten, const char *name, const json_t *value, size_t length)
{
	size_t bytes = strlen(name);
	size_t dot = length > 0 ? 1 : 0;
	if (length + dot + bytes > KEY_LIMIT)
		return clade_file_fail(flatten->diag, CLADE_MSG_FILE_CONFIG, flatten->path, 0,
				       "the key \"%s...\" is nested too deeply; a dotted key has at most %d bytes",
				       CLADE_QUOTE(flatten->key), KEY_LIMIT);
	memcpy(flatten->key + length, ".", dot);
	memcpy(flatten->key + length + dot, name, bytes + 1);
	enum clade_status status = flatten_value(flatten, value, length + dot + bytes);
	flatten->key[length] = '\0';
	return status;
}

/* The recursion is as deep as the key has dots: bounded by KEY_LIMIT. */
static enum clade_status flatten_value(struct flatten *flatten, const json_t *value, size_t length)
{
	struct clade_meta meta = scalar(value);
	enum clade_status status = CLADE_OK;
	if (flatten->store->meta_count - flatten->first >= META_LIMIT)
		return clade_file_fail(flatten->diag, CLADE_MSG_FILE_CONFIG, flatten->path, 0,
				       "has more than %d values", META_LIMIT);
	if (length > 0)
		status = clade_store_add_meta(flatten->store, flatten->key, &meta, flatten->diag);
	if (json_is_object(value)) {
		const char *name;
		json_t *member;
		json_object_foreach((json_t *)value, name, member) if (status == CLADE_OK) status =
			flatten_member(flatten, name, member, length);
	} else if (json_is_array(value)) {
		char name[24];
		for (size_t i = 0; i < json_array_size(value) && status == CLADE_OK; i++) {
			snprintf(name, sizeof(name), "%zu", i);
			status = flatten_member(flatten, name, json_array_get(value, i), length);
		}
	}
	return status;
}

enum clade_status clade_config_load(struct clade_store *store, const char *path, struct clade_diag *diag)
{
	json_t *root;
	struct flatten flatten = { .store = store, .path = path, .first = store->meta_count, .diag = diag };
	enum clade_status status = load_json(store, path, CONFIG_LIMIT, CLADE_MSG_FILE_CONFIG, &root, diag);
	if (status != CLADE_OK)
		return status;
	status = flatten_value(&flatten, root, 0);
	json_decref(root);
	return status;
}

/* ---- the index of sharded weights ---- */

/* Opens each shard that the map names, once, in the map's order. */
static enum clade_status load_shards(struct clade_store *store, const char *folder, const char *path, json_t *map,
				     struct clade_diag *diag)
{
	json_t *seen = json_object(), *shard;
	const char *tensor;
	enum clade_status status = seen == NULL ? clade_fail_memory(diag, 64, "the list of shards") : CLADE_OK;
	json_object_foreach(map, tensor, shard)
	{
		const char *name = json_string_value(shard);
		struct clade_file file;
		if (status != CLADE_OK)
			break;
		if (name == NULL) {
			status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, path,
					    "weight_map: \"%s\" must name a file", CLADE_QUOTE(tensor));
			break;
		}
		if (json_object_get(seen, name) != NULL)
			continue;
		if (json_object_size(seen) == SHARD_LIMIT)
			status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, path, "more than %d shards",
					    SHARD_LIMIT);
		else if (json_object_set_new(seen, name, json_true()) != 0)
			status = clade_fail_memory(diag, 64, "the list of shards");
		else
			status = clade_file_open_in(store->context, folder, name, path, &file, diag);
		if (status == CLADE_OK)
			status = clade_safetensors_load(store, &file, diag);
	}
	json_decref(seen);
	return status;
}

static int compare_text(const void *a, const void *b, void *user)
{
	(void)user;
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every tensor of the map must be in some shard that was read. */
static enum clade_status check_map(struct clade_store *store, const char *path, json_t *map, struct clade_diag *diag)
{
	size_t count = store->entry_count;
	const char **names = clade_resize(store->context, NULL, (count + 1) * sizeof(*names)), *tensor;
	json_t *shard;
	enum clade_status status = CLADE_OK;
	if (names == NULL)
		return clade_fail_memory(diag, (count + 1) * sizeof(*names), "the tensors' names");
	for (size_t i = 0; i < count; i++)
		names[i] = store->entries[i].tensor.name;
	qsort_r(names, count, sizeof(*names), compare_text, NULL);
	json_object_foreach(map, tensor, shard)
	{
		const char *file = json_string_value(shard);
		size_t low = 0, high = count;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (strcmp(names[middle], tensor) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low == count || strcmp(names[low], tensor) != 0) {
			status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, path,
					    "weight_map promises tensor \"%s\" in %s, which does not hold it",
					    CLADE_QUOTE(tensor), CLADE_QUOTE(file));
			break;
		}
	}
	clade_free(store->context, names);
	return status;
}

enum clade_status clade_index_load(struct clade_store *store, const char *folder, const char *path,
				   struct clade_diag *diag)
{
	json_t *root;
	enum clade_status status = load_json(store, path, INDEX_LIMIT, CLADE_MSG_FILE_INDEX, &root, diag);
	if (status != CLADE_OK)
		return status;
	json_t *map = json_object_get(root, "weight_map");
	if (!json_is_object(map) || json_object_size(map) == 0)
		status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, path,
				    "has no weight_map; it must map tensor names to files");
	else
		status = load_shards(store, folder, path, map, diag);
	if (status == CLADE_OK)
		status = check_map(store, path, map, diag);
	json_decref(root);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* The store: tensors and metadata of several files under one roof, found by name. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *clade_store_text(struct clade_store *store, const char *text)
{
	size_t bytes = strlen(text) + 1;
	struct store_chunk *chunk = store->chunks;
	if (chunk == NULL || chunk->size - chunk->used < bytes) {
		size_t size = bytes > 16384 ? bytes : 16384;
		chunk = clade_resize(store->context, NULL, sizeof(*chunk) + size);
		if (chunk == NULL)
			return NULL;
		*chunk = (struct store_chunk) { .next = store->chunks, .size = size };
		store->chunks = chunk;
	}
	char *copy = chunk->bytes + chunk->used;
	memcpy(copy, text, bytes);
	chunk->used += bytes;
	return copy;
}

/* Room for `count` elements more; grows by half so that the peak stays small beside the header's own size. */
static enum clade_status reserve(struct clade_store *store, void **array, size_t *room, size_t used, size_t count,
				 size_t element, struct clade_diag *diag)
{
	size_t need, bytes;
	if (!clade_size_add(used, count, &need))
		return clade_fail_memory(diag, SIZE_MAX, "a list of tensors");
	if (need <= *room)
		return CLADE_OK;
	size_t larger = used + used / 2 + 8;
	if (larger < need)
		larger = need;
	if (larger >= UINT32_MAX || !clade_size_mul(larger, element, &bytes))
		return clade_fail_memory(diag, SIZE_MAX, "a list of tensors");
	void *grown = clade_resize(store->context, *array, bytes);
	if (grown == NULL)
		return clade_fail_memory(diag, bytes, "a list of tensors");
	*array = grown;
	*room = larger;
	return CLADE_OK;
}

enum clade_status clade_store_reserve(struct clade_store *store, size_t tensors, size_t metas, struct clade_diag *diag)
{
	enum clade_status status = reserve(store, (void **)&store->entries, &store->entry_room, store->entry_count,
					   tensors, sizeof(*store->entries), diag);
	if (status == CLADE_OK)
		status = reserve(store, (void **)&store->metas, &store->meta_room, store->meta_count, metas,
				 sizeof(*store->metas), diag);
	return status;
}

enum clade_status clade_store_take_file(struct clade_store *store, struct clade_file *file, uint32_t *out_index,
					struct clade_diag *diag)
{
	enum clade_status status = reserve(store, (void **)&store->files, &store->file_room, store->file_count, 1,
					   sizeof(*store->files), diag);
	if (status != CLADE_OK) {
		clade_file_close(file);
		return status;
	}
	*out_index = (uint32_t)store->file_count;
	store->files[store->file_count++] = *file;
	*file = (struct clade_file) { .fd = -1 };
	return CLADE_OK;
}

enum clade_status clade_store_add_tensor(struct clade_store *store, uint32_t file,
					 const struct clade_store_tensor *tensor, const struct clade_encoding *encoding,
					 struct clade_diag *diag)
{
	enum clade_status status = reserve(store, (void **)&store->entries, &store->entry_room, store->entry_count, 1,
					   sizeof(*store->entries), diag);
	if (status != CLADE_OK)
		return status;
	struct store_entry *entry = &store->entries[store->entry_count];
	if (encoding == NULL)
		encoding = clade_encoding_of(tensor->type.dtype);
	*entry = (struct store_entry) { .tensor = *tensor, .encoding = encoding, .file = file };
	entry->tensor.encoding = encoding->name;
	entry->tensor.file = store->files[file].path;
	entry->tensor.name = clade_store_text(store, tensor->name);
	if (entry->tensor.name == NULL)
		return clade_fail_memory(diag, strlen(tensor->name) + 1, "a tensor's name");
	store->entry_count++;
	return CLADE_OK;
}

enum clade_status clade_store_add_meta(struct clade_store *store, const char *key, const struct clade_meta *value,
				       struct clade_diag *diag)
{
	enum clade_status status = reserve(store, (void **)&store->metas, &store->meta_room, store->meta_count, 1,
					   sizeof(*store->metas), diag);
	if (status != CLADE_OK)
		return status;
	struct store_meta *meta = &store->metas[store->meta_count];
	*meta = (struct store_meta) { .value = *value };
	meta->key = clade_store_text(store, key);
	if (meta->key != NULL && value->s != NULL)
		meta->value.s = clade_store_text(store, value->s);
	if (meta->key == NULL || (value->s != NULL && meta->value.s == NULL))
		return clade_fail_memory(diag, strlen(key) + 1, "metadata");
	store->meta_count++;
	return CLADE_OK;
}

struct store_array *clade_store_new_array(struct clade_store *store)
{
	struct store_array *array = clade_alloc(store->context, sizeof(*array));
	if (array != NULL) {
		array->next = store->arrays;
		store->arrays = array;
	}
	return array;
}

enum clade_status clade_store_add_array(struct clade_store *store, const char *key, const struct store_array *array,
					struct clade_diag *diag)
{
	struct clade_meta meta = { .kind = CLADE_META_ARRAY, .i = (int64_t)array->count };
	enum clade_status status = clade_store_add_meta(store, key, &meta, diag);
	if (status == CLADE_OK)
		store->metas[store->meta_count - 1].array = array;
	return status;
}

/* ---- orders ---- */

static int compare_entries(const void *a, const void *b, void *user)
{
	const struct store_entry *entries = user;
	return strcmp(entries[*(const uint32_t *)a].tensor.name, entries[*(const uint32_t *)b].tensor.name);
}

static int compare_metas(const void *a, const void *b, void *user)
{
	const struct store_meta *metas = user;
	return strcmp(metas[*(const uint32_t *)a].key, metas[*(const uint32_t *)b].key);
}

static enum clade_status make_order(struct clade_store *store, size_t count, uint32_t **out,
				    int (*compare)(const void *, const void *, void *), void *user,
				    struct clade_diag *diag)
{
	uint32_t *order = clade_resize(store->context, NULL, (count + 1) * sizeof(*order));
	*out = order;
	if (order == NULL)
		return clade_fail_memory(diag, (count + 1) * sizeof(*order), "the index of names");
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, count, sizeof(*order), compare, user);
	return CLADE_OK;
}

/* Of equal keys the first given stays; it is told from an error by where the keys come from. */
static enum clade_status check_metas(const struct clade_store *store, const uint32_t *order, struct clade_diag *diag)
{
	for (size_t i = 1; i < store->meta_count; i++) {
		const char *key = store->metas[order[i]].key;
		if (strcmp(key, store->metas[order[i - 1]].key) != 0 || strncmp(key, "__metadata__.", 13) == 0)
			continue;
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_TWICE, NULL,
				  "the metadata key \"%s\" is given twice; each key must be given once",
				  CLADE_QUOTE(key));
	}
	return CLADE_OK;
}

static enum clade_status check_names(const struct clade_store *store, const uint32_t *order, struct clade_diag *diag)
{
	for (size_t i = 1; i < store->entry_count; i++) {
		const struct clade_store_tensor *a = &store->entries[order[i - 1]].tensor;
		const struct clade_store_tensor *b = &store->entries[order[i]].tensor;
		if (strcmp(a->name, b->name) == 0)
			return clade_file_fail(diag, CLADE_MSG_FILE_TWICE, b->file, b->offset,
					       "tensor \"%s\" is given twice, also at %s@%" PRIu64
					       "; names must be unique",
					       CLADE_QUOTE(a->name), a->file, a->offset);
	}
	return CLADE_OK;
}

/* Makes both orders anew; on failure the old ones stay. */
static enum clade_status index_names(struct clade_store *store, struct clade_diag *diag)
{
	uint32_t *by_name = NULL, *by_key = NULL;
	enum clade_status status =
		make_order(store, store->entry_count, &by_name, compare_entries, store->entries, diag);
	if (status == CLADE_OK)
		status = make_order(store, store->meta_count, &by_key, compare_metas, store->metas, diag);
	if (status == CLADE_OK)
		status = check_names(store, by_name, diag);
	if (status == CLADE_OK)
		status = check_metas(store, by_key, diag);
	if (status != CLADE_OK) {
		clade_free(store->context, by_name);
		clade_free(store->context, by_key);
		return status;
	}
	clade_free(store->context, store->by_name);
	clade_free(store->context, store->by_key);
	store->by_name = by_name;
	store->by_key = by_key;
	return CLADE_OK;
}

/* ---- adding ---- */

static enum clade_status create_store(struct clade_context *context, struct clade_store **out, struct clade_diag *diag)
{
	*out = NULL;
	struct clade_store *store = clade_alloc(context, sizeof(*store));
	if (store == NULL)
		return clade_fail_memory(diag, sizeof(*store), "a store");
	store->context = context;
	store->format = "";
	*out = store;
	return CLADE_OK;
}

enum clade_status clade_store_create(struct clade_context *context, struct clade_store **out_store,
				     struct clade_diag *diag)
{
	enum clade_status status = create_store(context, out_store, diag);
	if (status == CLADE_OK)
		status = index_names(*out_store, diag);
	if (status != CLADE_OK)
		clade_store_destroy(out_store);
	return status;
}

void clade_store_destroy(struct clade_store **store)
{
	struct clade_store *s = *store;
	if (s == NULL)
		return;
	while (s->chunks != NULL) {
		struct store_chunk *next = s->chunks->next;
		clade_free(s->context, s->chunks);
		s->chunks = next;
	}
	while (s->arrays != NULL) {
		struct store_array *next = s->arrays->next;
		clade_free(s->context, s->arrays->numbers);
		clade_free(s->context, s->arrays->text);
		clade_free(s->context, s->arrays->starts);
		clade_free(s->context, s->arrays);
		s->arrays = next;
	}
	for (size_t i = 0; i < s->file_count; i++)
		clade_file_close(&s->files[i]);
	clade_free(s->context, s->files);
	clade_free(s->context, s->entries);
	clade_free(s->context, s->metas);
	clade_free(s->context, s->by_name);
	clade_free(s->context, s->by_key);
	clade_free(s->context, s);
	*store = NULL;
}

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

typedef enum clade_status load_fn(struct clade_store *store, struct clade_file *file, struct clade_diag *diag);

static enum clade_status load_opened(struct clade_store *store, const char *path, load_fn *load, const char *format,
				     struct clade_diag *diag)
{
	struct clade_file file;
	enum clade_status status = clade_file_open(store->context, path, &file, diag);
	if (status != CLADE_OK)
		return status;
	if (store->format[0] == '\0')
		store->format = format;
	return load(store, &file, diag);
}

/* Decides by the file's name, and where that says nothing by its first bytes. */
static enum clade_status load_file(struct clade_store *store, const char *path, struct clade_diag *diag)
{
	if (ends_with(path, ".safetensors"))
		return load_opened(store, path, clade_safetensors_load, "safetensors", diag);
	if (ends_with(path, ".gguf"))
		return load_opened(store, path, clade_gguf_load, "gguf", diag);
	if (ends_with(path, ".npy"))
		return load_opened(store, path, clade_npy_load, "npy", diag);
	if (ends_with(path, ".safetensors.index.json")) {
		char folder[PATH_MAX];
		snprintf(folder, sizeof(folder), "%s", path);
		char *slash = strrchr(folder, '/');
		snprintf(slash != NULL ? slash : folder, 2, "%s", slash != NULL ? "" : ".");
		store->format = "safetensors";
		return clade_index_load(store, folder, path, diag);
	}
	if (ends_with(path, ".json"))
		return clade_config_load(store, path, diag);
	struct clade_file file;
	unsigned char head[64] = { 0 };
	enum clade_status status = clade_file_open(store->context, path, &file, diag);
	if (status != CLADE_OK)
		return status;
	size_t bytes = file.size < sizeof(head) ? (size_t)file.size : sizeof(head);
	status = clade_file_read(&file, 0, head, bytes, diag);
	if (status == CLADE_OK && bytes >= 4 &&
	    memcmp(head, "GGUF", 4) == 0) { /* as Ollama's blobs, without an ending */
		if (store->format[0] == '\0')
			store->format = "gguf";
		return clade_gguf_load(store, &file, diag);
	}
	const char *mistaken = clade_file_mistaken(head, bytes);
	if (status == CLADE_OK && mistaken != NULL)
		status = clade_file_fail(diag, CLADE_MSG_FILE_KIND, path, 0, "this is %s", mistaken);
	else if (status == CLADE_OK)
		status = clade_file_fail(diag, CLADE_MSG_FILE_KIND, path, 0,
					 "not a kind of file that is read here; the name must end in .safetensors, "
					 ".safetensors.index.json, .gguf, .npy or .json");
	clade_file_close(&file);
	return status;
}

static int select_weights(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".safetensors") || ends_with(entry->d_name, ".safetensors.index.json");
}

static int select_pickles(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".bin") || ends_with(entry->d_name, ".pt") || ends_with(entry->d_name, ".pth");
}

static void free_names(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* The weight files of a folder: the index if there is one, else model.safetensors, else all in order of their names. */
static enum clade_status load_folder_weights(struct clade_store *store, const char *folder, int *out_count,
					     struct clade_diag *diag)
{
	struct dirent **names = NULL;
	char path[PATH_MAX];
	int count = scandir(folder, &names, select_weights, alphasort);
	const char *chosen = NULL;
	if (count < 0)
		return clade_fail(diag, errno == ENOMEM ? CLADE_ERR_MEMORY : CLADE_ERR_IO, CLADE_MSG_IO, folder,
				  "reading the folder failed: %s", strerror(errno));
	*out_count = count;
	for (int i = 0; i < count; i++) /* several indexes: the usual name wins, else the first */
		if (ends_with(names[i]->d_name, ".index.json") &&
		    (chosen == NULL || strcmp(names[i]->d_name, "model.safetensors.index.json") == 0))
			chosen = names[i]->d_name;
	for (int i = 0; i < count && chosen == NULL; i++)
		if (strcmp(names[i]->d_name, "model.safetensors") == 0)
			chosen = names[i]->d_name;
	enum clade_status status = CLADE_OK;
	for (int i = 0; i < count && status == CLADE_OK; i++) {
		if (chosen != NULL && strcmp(names[i]->d_name, chosen) != 0)
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name) >= sizeof(path))
			status = clade_fail(diag, CLADE_ERR_IO, CLADE_MSG_IO, folder, "the path is too long");
		else
			status = load_file(store, path, diag);
	}
	free_names(names, count);
	return status;
}

static enum clade_status load_folder(struct clade_store *store, const char *folder, struct clade_diag *diag)
{
	char path[PATH_MAX];
	struct stat st;
	int weights = 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/config.json", folder) >= sizeof(path))
		return clade_fail(diag, CLADE_ERR_IO, CLADE_MSG_IO, folder, "the path is too long");
	bool has_config = stat(path, &st) == 0;
	enum clade_status status = has_config ? clade_config_load(store, path, diag) : CLADE_OK;
	if (status == CLADE_OK)
		status = load_folder_weights(store, folder, &weights, diag);
	if (status != CLADE_OK || weights > 0)
		return status;
	struct dirent **names = NULL;
	int pickles = scandir(folder, &names, select_pickles, alphasort);
	if (pickles > 0)
		status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, folder,
				    "holds weights only as %s (a pickle may hold code); convert them to safetensors",
				    CLADE_QUOTE(names[0]->d_name));
	else if (!has_config)
		status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, folder,
				    "holds neither config.json nor *.safetensors");
	if (pickles >= 0)
		free_names(names, pickles);
	return status;
}

/* Into an empty store: the arrays change hands, so that a large header is never held twice. */
static enum clade_status adopt(struct clade_store *into, struct clade_store *from, struct clade_diag *diag)
{
	struct clade_store empty = *into;
	*into = *from;
	*from = empty;
	enum clade_status status = index_names(into, diag);
	if (status == CLADE_OK)
		return CLADE_OK;
	*from = *into;
	*into = empty;
	return status;
}

/* Moves all of `from` into `into`. On failure `into` is as it was. */
static enum clade_status merge(struct clade_store *into, struct clade_store *from, struct clade_diag *diag)
{
	if (into->file_count + into->entry_count + into->meta_count == 0)
		return adopt(into, from, diag);
	size_t files = into->file_count, entries = into->entry_count, metas = into->meta_count;
	enum clade_status status = reserve(into, (void **)&into->files, &into->file_room, files, from->file_count,
					   sizeof(*into->files), diag);
	if (status == CLADE_OK)
		status = reserve(into, (void **)&into->entries, &into->entry_room, entries, from->entry_count,
				 sizeof(*into->entries), diag);
	if (status == CLADE_OK)
		status = reserve(into, (void **)&into->metas, &into->meta_room, metas, from->meta_count,
				 sizeof(*into->metas), diag);
	if (status != CLADE_OK)
		return status;
	for (size_t i = 0; i < from->entry_count; i++) {
		into->entries[entries + i] = from->entries[i];
		into->entries[entries + i].file += (uint32_t)files;
	}
	if (from->file_count > 0)
		memcpy(into->files + files, from->files, from->file_count * sizeof(*from->files));
	if (from->meta_count > 0)
		memcpy(into->metas + metas, from->metas, from->meta_count * sizeof(*from->metas));
	into->file_count += from->file_count;
	into->entry_count += from->entry_count;
	into->meta_count += from->meta_count;
	status = index_names(into, diag);
	if (status != CLADE_OK) {
		into->file_count = files;
		into->entry_count = entries;
		into->meta_count = metas;
		return status;
	}
	from->file_count = 0; /* the files live on in `into` */
	while (from->chunks != NULL) {
		struct store_chunk *chunk = from->chunks;
		from->chunks = chunk->next;
		chunk->next = into->chunks;
		into->chunks = chunk;
	}
	while (from->arrays != NULL) {
		struct store_array *array = from->arrays;
		from->arrays = array->next;
		array->next = into->arrays;
		into->arrays = array;
	}
	if (into->format[0] == '\0')
		into->format = from->format;
	return CLADE_OK;
}

enum clade_status clade_store_add(struct clade_store *store, const char *path, struct clade_diag *diag)
{
	struct clade_store *fresh;
	struct stat st;
	enum clade_status status = create_store(store->context, &fresh, diag);
	if (status != CLADE_OK)
		return status;
	if (stat(path, &st) != 0)
		status = clade_fail(diag, CLADE_ERR_IO, CLADE_MSG_IO, path, "cannot be opened: %s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		status = load_folder(fresh, path, diag);
	else
		status = load_file(fresh, path, diag);
	if (status == CLADE_OK)
		status = merge(store, fresh, diag);
	clade_store_destroy(&fresh);
	return status;
}

/* ---- reading ---- */

size_t clade_store_count(const struct clade_store *store)
{
	return store->entry_count;
}

const struct clade_store_tensor *clade_store_at(const struct clade_store *store, size_t index)
{
	return index < store->entry_count ? &store->entries[index].tensor : NULL;
}

const struct clade_store_tensor *clade_store_find(const struct clade_store *store, const char *name)
{
	size_t low = 0, high = store->entry_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct clade_store_tensor *tensor = &store->entries[store->by_name[middle]].tensor;
		int order = strcmp(name, tensor->name);
		if (order == 0)
			return tensor;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *clade_store_format(const struct clade_store *store)
{
	return store->format;
}

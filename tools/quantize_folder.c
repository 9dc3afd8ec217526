/* SPDX-License-Identifier: MIT */
/* Safetensors as f16 or bf16: one file, or a directory with its shards, configuration and tokenizer. */
#include "quantize.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_LIMIT = 512 << 20 };

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

static enum clade_status fail_errno(struct quantize *quantize, const char *path, const char *verb)
{
	return clade_fail(&quantize->tool->diag, errno == ENOMEM ? CLADE_ERR_MEMORY : CLADE_ERR_IO, CLADE_MSG_IO, path,
			  "%s failed: %s", verb, strerror(errno));
}

/* ---- weights ---- */

/* The tensors of the store that stand in `file`, in order, as a file of their own. */
static enum clade_status write_file(struct quantize *quantize, const char *file, const char *path)
{
	static const char prefix[] = "__metadata__.";
	const struct clade_store *store = quantize->model.store;
	struct clade_diag *diag = &quantize->tool->diag;
	const struct clade_store_tensor *tensor;
	const char *key;
	struct clade_meta meta;
	enum clade_status status =
		clade_writer_create(quantize->tool->context, path, "safetensors", &quantize->writer, diag);
	for (size_t i = 0; status == CLADE_OK && clade_store_meta_at(store, i, &key, &meta); i++) {
		struct clade_meta first;
		if (strncmp(key, prefix, sizeof(prefix) - 1) == 0 && clade_store_meta(store, key, &first) &&
		    first.s == meta.s) /* shards repeat what the first one says */
			status = clade_writer_meta(quantize->writer, key + sizeof(prefix) - 1, "string", &meta, diag);
	}
	for (size_t i = 0; status == CLADE_OK && (tensor = clade_store_at(store, i)) != NULL; i++)
		if (strcmp(tensor->file, file) == 0)
			status = clade_writer_tensor(
				quantize->writer, tensor->name, &tensor->type,
				quantize_encoding(quantize, tensor->encoding, &tensor->type, false), diag);
	for (size_t i = 0; status == CLADE_OK && (tensor = clade_store_at(store, i)) != NULL; i++)
		if (strcmp(tensor->file, file) == 0)
			status = quantize_tensor(quantize, tensor);
	if (status == CLADE_OK)
		status = clade_writer_finish(quantize->writer, diag);
	clade_writer_destroy(&quantize->writer);
	return status;
}

static enum clade_status write_weights(struct quantize *quantize, const char *folder)
{
	const struct clade_store *store = quantize->model.store;
	const struct clade_store_tensor *tensor;
	char path[PATH_MAX];
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; status == CLADE_OK && (tensor = clade_store_at(store, i)) != NULL; i++) {
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = strcmp(clade_store_at(store, k)->file, tensor->file) == 0;
		const char *slash = strrchr(tensor->file, '/');
		if (!seen && (size_t)snprintf(path, sizeof(path), "%s/%s", folder,
					      slash != NULL ? slash + 1 : tensor->file) < sizeof(path))
			status = write_file(quantize, tensor->file, path);
	}
	return status;
}

/* ---- what stands beside them ---- */

/* The element type that config.json promises; transformers loads weights as it says. */
static bool set_dtype(const struct quantize *quantize, json_t *root)
{
	const char *word = strcmp(quantize->type, "f16") == 0 ? "float16" : "bfloat16";
	bool had = json_object_get(root, "torch_dtype") != NULL, has = json_object_get(root, "dtype") != NULL;
	if (had)
		json_object_set_new(root, "torch_dtype", json_string(word));
	if (has || !had)
		json_object_set_new(root, "dtype", json_string(word));
	return true;
}

/* The sizes of the index: two bytes an element where it was a float. */
static bool set_total(const struct quantize *quantize, json_t *root)
{
	json_t *metadata = json_object_get(root, "metadata");
	const struct clade_store_tensor *tensor;
	json_int_t total = 0;
	for (size_t i = 0; (tensor = clade_store_at(quantize->model.store, i)) != NULL; i++) {
		struct clade_type type = tensor->type;
		size_t bytes = 0;
		if (!clade_dtype_from_name(quantize_encoding(quantize, tensor->encoding, &tensor->type, false),
					   &type.dtype) ||
		    !clade_type_bytes(&type, &bytes))
			return false;
		total += (json_int_t)bytes;
	}
	if (json_object_get(metadata, "total_size") != NULL)
		json_object_set_new(metadata, "total_size", json_integer(total));
	return true;
}

static enum clade_status copy_file(struct quantize *quantize, const char *from, const char *to, const char *name)
{
	struct tool *tool = quantize->tool;
	bool (*edit)(const struct quantize *, json_t *) = strcmp(name, "config.json") == 0             ? set_dtype
							  : ends_with(name, ".safetensors.index.json") ? set_total
												       : NULL;
	char *text = NULL;
	size_t bytes = 0;
	enum clade_status status = clade_file_load(tool->context, from, COPY_LIMIT, &text, &bytes, &tool->diag);
	if (status == CLADE_OK && edit != NULL) {
		json_t *root = json_loadb(text, bytes, 0, NULL);
		char *edited = json_is_object(root) && edit(quantize, root)
				       ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17))
				       : NULL;
		status = edited != NULL ? clade_file_write(tool->context, to, edited, strlen(edited), &tool->diag)
					: clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_QUANTIZE, from,
						     "is not a JSON object");
		free(edited);
		json_decref(root);
	} else if (status == CLADE_OK) {
		status = clade_file_write(tool->context, to, text, bytes, &tool->diag);
	}
	clade_free(tool->context, text);
	return status;
}

/* Everything else of the directory, but weights in other forms. */
static bool is_copied(const char *name)
{
	static const char *const weights[] = { ".safetensors", ".bin",  ".pt",        ".pth", ".ckpt", ".h5",
					       ".msgpack",     ".onnx", ".onnx_data", ".ot",  ".gguf", ".tflite" };
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		if (ends_with(name, weights[i]))
			return false;
	return name[0] != '.';
}

static enum clade_status copy_rest(struct quantize *quantize, const char *folder)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;
	const struct dirent *entry;
	enum clade_status status = CLADE_OK;
	DIR *dir = opendir(quantize->model.folder);
	if (dir == NULL)
		return fail_errno(quantize, quantize->model.folder, "reading the folder");
	while (status == CLADE_OK && (entry = readdir(dir)) != NULL) {
		if (!is_copied(entry->d_name) ||
		    (size_t)snprintf(from, sizeof(from), "%s/%s", quantize->model.folder, entry->d_name) >=
			    sizeof(from) ||
		    (size_t)snprintf(to, sizeof(to), "%s/%s", folder, entry->d_name) >= sizeof(to) ||
		    stat(from, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		status = copy_file(quantize, from, to, entry->d_name);
	}
	closedir(dir);
	return status;
}

/* Removes a folder of files; ours alone are in it. */
static void remove_folder(const char *folder)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	DIR *dir = opendir(folder);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < sizeof(path))
			unlink(path);
	if (dir != NULL)
		closedir(dir);
	rmdir(folder);
}

enum clade_status quantize_safetensors(struct quantize *quantize)
{
	const char *output = quantize->tool->options.output;
	const struct clade_store_tensor *first = clade_store_at(quantize->model.store, 0);
	char target[PATH_MAX], folder[PATH_MAX];
	if (quantize->model.folder[0] == '\0') /* one file */
		return write_file(quantize, first != NULL ? first->file : "", output);
	snprintf(target, sizeof(target), "%s", output);
	for (size_t n = strlen(target); n > 1 && target[n - 1] == '/'; n--)
		target[n - 1] = '\0';
	if ((size_t)snprintf(folder, sizeof(folder), "%s.part.XXXXXX", target) >= sizeof(folder))
		errno = ENAMETOOLONG;
	else if (mkdtemp(folder) != NULL && chmod(folder, 0755) == 0)
		errno = 0;
	if (errno != 0)
		return fail_errno(quantize, output, "creating the directory");
	enum clade_status status = copy_rest(quantize, folder);
	if (status == CLADE_OK)
		status = write_weights(quantize, folder);
	/* an empty directory may be there; anything else is in the way */
	if (status == CLADE_OK && rename(folder, target) != 0)
		status = fail_errno(quantize, output, "creating the directory");
	if (status != CLADE_OK)
		remove_folder(folder);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Expansion: reading graph files: the model's own, those it includes, and the built-in library. */
#include "include.h"

#include <clade/messages.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE_BYTES ((size_t)256 << 20)

static enum clade_status io_fail(struct clade_diag *diag, const char *path, unsigned id, const char *rule)
{
	return clade_fail(diag, CLADE_ERR_IO, id, path, "%s", rule);
}

static enum clade_status read_all(struct clade_region *region, int handle, const char *path, char **out_text,
				  size_t *out_length, struct clade_diag *diag)
{
	size_t capacity = 0, length = 0;
	char *text = NULL;
	enum clade_status status = CLADE_OK;

	while (!status) {
		ssize_t got;

		if (capacity - length < 4096) {
			char *grown = clade_resize(region->context, text, capacity = capacity ? capacity * 2 : 16384);

			if (!grown) {
				status = clade_fail_memory(diag, capacity, path);
				break;
			}
			text = grown;
		}
		got = read(handle, text + length, capacity - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			status = io_fail(diag, path, CLADE_MSG_GRAPH_FILE, strerror(errno));
		if (got <= 0)
			break;
		length += (size_t)got;
		if (length > MAX_FILE_BYTES)
			status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_GRAPH_FILE, path,
					    "a graph file of more than %zu MiB", MAX_FILE_BYTES >> 20);
	}
	if (!status) {
		*out_text = clade_region_text(region, text, length, diag);
		*out_length = length;
		status = *out_text ? CLADE_OK : CLADE_ERR_MEMORY;
	}
	clade_free(region->context, text);
	return status;
}

enum clade_status clade_read_text(struct clade_region *region, const char *path, char **out_text, size_t *out_length,
				  struct clade_diag *diag)
{
	/* O_NONBLOCK: a FIFO must not make us wait */
	int handle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat info;
	enum clade_status status;

	if (handle < 0)
		return io_fail(diag, path, CLADE_MSG_GRAPH_FILE, strerror(errno));
	if (fstat(handle, &info) < 0)
		status = io_fail(diag, path, CLADE_MSG_GRAPH_FILE, strerror(errno));
	else if (!S_ISREG(info.st_mode))
		status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_GRAPH_FILE, path,
				    "%s; a graph file is a regular file",
				    S_ISDIR(info.st_mode) ? "is a directory" : "is no regular file");
	else
		status = read_all(region, handle, path, out_text, out_length, diag);
	close(handle);
	return status;
}

/* A name inside a file must not lead out of the file's folder. */
static bool is_contained(const char *name)
{
	if (*name == '/' || !*name)
		return false;
	for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t length = strcspn(part, "/");

		if (length == 0 || (length == 2 && memcmp(part, "..", 2) == 0) || (length == 1 && *part == '.'))
			return false;
	}
	return true;
}

/* `folder`/`name`, which after following links must still lie in the folder. */
static enum clade_status locate(struct clade_expander *expander, const struct clade_ast *include, const char *folder,
				size_t folder_length, char **out)
{
	char real[PATH_MAX], root[PATH_MAX];
	char *path = clade_region_print(expander->region, expander->diag, "%.*s%s", (int)folder_length, folder,
					include->text);
	char *base = clade_region_print(expander->region, expander->diag, "%.*s", (int)folder_length, folder);

	if (!path || !base)
		return CLADE_ERR_MEMORY;
	*out = path;
	if (!realpath(path, real))
		return clade_fail_at(expander->diag, &include->pos, CLADE_MSG_GRAPH_INCLUDE,
				     "include \"%.120s\": %.200s: %s", include->text, path, strerror(errno));
	if (!realpath(*base ? base : ".", root) || strncmp(real, root, strlen(root)) != 0 ||
	    (real[strlen(root)] != '/' && strcmp(root, "/") != 0))
		return clade_fail_at(expander->diag, &include->pos, CLADE_MSG_GRAPH_INCLUDE,
				     "include \"%.120s\" leads out of the folder of the file", include->text);
	return CLADE_OK;
}

/* The library's text, from library_dir if that has the file, else as built in. */
static enum clade_status library(struct clade_expander *expander, const struct clade_ast *include, const char **path,
				 const char **text, size_t *length)
{
	const char *folder = expander->params->library_dir;
	struct clade_words words = { .count = 0 };
	char hint[128], *read;

	if (folder) {
		char *file = clade_region_print(expander->region, expander->diag, "%s/%s", folder, include->text);

		if (!file)
			return CLADE_ERR_MEMORY;
		if (access(file, F_OK) == 0) {
			enum clade_status status =
				clade_read_text(expander->region, file, &read, length, expander->diag);

			*path = file;
			*text = read;
			return status;
		}
	}
	for (size_t i = 0; clade_embedded_graphs[i].name; i++) {
		clade_words_add(&words, clade_embedded_graphs[i].name);
		if (strcmp(clade_embedded_graphs[i].name, include->text) != 0)
			continue;
		*path = clade_embedded_graphs[i].name;
		*text = clade_embedded_graphs[i].text;
		*length = strlen(*text);
		return CLADE_OK;
	}
	return clade_fail_at(expander->diag, &include->pos, CLADE_MSG_GRAPH_INCLUDE, "the library has no \"%.120s\"%s",
			     include->text, clade_words_hint(&words, include->text, hint, sizeof(hint)));
}

bool clade_is_library(const char *file)
{
	/* by address: positions keep the pointer under which a file was parsed, and a file on disk can have any name */
	for (size_t i = 0; clade_embedded_graphs[i].name; i++)
		if (clade_embedded_graphs[i].name == file)
			return true;
	return false;
}

enum clade_status clade_include(struct clade_expander *expander, const char *from, const struct clade_ast *include)
{
	const char *slash = strrchr(from, '/'), *path, *text;
	struct clade_ast *items;
	size_t length;
	char *file, *read = NULL;
	enum clade_status status;

	if (!is_contained(include->text))
		return clade_fail_at(expander->diag, &include->pos, CLADE_MSG_GRAPH_INCLUDE,
				     "include \"%.120s\": a name relative to the file, without `..`", include->text);
	if (strncmp(include->text, "lib/", 4) == 0 || strncmp(include->text, "models/", 7) == 0) {
		status = library(expander, include, &path, &text, &length);
	} else {
		status = locate(expander, include, from, slash ? (size_t)(slash + 1 - from) : 0, &file);
		if (!status && clade_names_find(&expander->files, file) != CLADE_IR_NONE)
			return CLADE_OK;
		if (!status)
			status = clade_read_text(expander->region, file, &read, &length, expander->diag);
		path = file;
		text = read;
	}
	if (status)
		return status;
	if (clade_names_find(&expander->files, path) != CLADE_IR_NONE)
		return CLADE_OK;
	status = clade_names_set(&expander->files, path, 1, expander->diag);
	if (!status)
		status = clade_parse_file(expander->region, path, text, length, &items, expander->diag);
	return status ? status : clade_declare(expander, items, false);
}

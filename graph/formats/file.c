/* SPDX-License-Identifier: MIT */
/* Regular files: opened once, checked by fstat, read by pread. */
#include "file.h"
#include "output.h"

#include <clade/graph.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum clade_status clade_file_fail(struct clade_diag *diag, unsigned id, const char *path, uint64_t offset,
				  const char *format, ...)
{
	char where[320];
	int length = snprintf(where, sizeof(where), "%s@%" PRIu64, path, offset);
	if (length < 0 || (size_t)length >= sizeof(where)) /* a long path: its end says more */
		snprintf(where, sizeof(where), "...%s@%" PRIu64, path + strlen(path) - 256, offset);
	va_list args;
	va_start(args, format);
	enum clade_status status = clade_fail_v(diag, CLADE_ERR_DATA, id, where, format, args);
	va_end(args);
	return status;
}

static enum clade_status fail_errno(struct clade_diag *diag, const char *path, const char *verb, int error)
{
	enum clade_status status = error == ENOMEM ? CLADE_ERR_MEMORY : CLADE_ERR_IO;
	return clade_fail(diag, status, CLADE_MSG_IO, path, "%s failed: %s", verb, strerror(error));
}

const char *clade_quote(const char *name, char *out, size_t size)
{
	size_t at = 0, limit = size > 100 ? 96 : size - 4;
	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char)*name;
		bool plain = c >= 0x20 && c != 0x7f;
		if (at + 4 > limit)
			break;
		at += (size_t)snprintf(out + at, size - at, plain ? "%c" : "\\x%02x", c);
	}
	/* a cut must not leave half a character */
	if (*name != '\0') {
		while (at > 0 && ((unsigned char)out[at - 1] & 0xc0) == 0x80)
			at--;
		if (at > 0 && (unsigned char)out[at - 1] >= 0xc0)
			at--;
		snprintf(out + at, size - at, "...");
	}
	return out;
}

const char *clade_file_mistaken(const unsigned char *head, size_t bytes)
{
	static const struct {
		const char *bytes, *what;
		size_t count;
	} kinds[] = {
		{ "version https://git-lfs", "a Git LFS pointer, not the file itself; fetch it with `git lfs pull`",
		  23 },
		{ "\x80\x02", "a Python pickle, which may hold code; convert it to safetensors", 2 },
		{ "\x80\x03", "a Python pickle, which may hold code; convert it to safetensors", 2 },
		{ "\x80\x04", "a Python pickle, which may hold code; convert it to safetensors", 2 },
		{ "\x80\x05", "a Python pickle, which may hold code; convert it to safetensors", 2 },
		{ "PK\x03\x04", "a zip archive (as PyTorch's .bin and .npz are); convert it to safetensors or .npy",
		  4 },
		{ "GGUF", "a GGUF file; its name must end in .gguf", 4 },
		{ "<!DOCTYPE", "an HTML page, probably an error page of a download", 9 },
		{ "<!doctype", "an HTML page, probably an error page of a download", 9 },
		{ "<html", "an HTML page, probably an error page of a download", 5 },
		{ "\x1f\x8b", "gzip-compressed; unpack it first", 2 },
		{ "\x89HDF", "an HDF5 file; convert it to safetensors", 4 },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (bytes >= kinds[i].count && memcmp(head, kinds[i].bytes, kinds[i].count) == 0)
			return kinds[i].what;
	return NULL;
}

/* Takes `fd`: closes it on failure. */
static enum clade_status adopt(struct clade_context *context, const char *path, int fd, struct clade_file *out,
			       struct clade_diag *diag)
{
	struct stat st;
	enum clade_status status;
	if (fstat(fd, &st) != 0) {
		status = fail_errno(diag, path, "fstat", errno);
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_KIND, path,
				    "is a %s; only regular files are read",
				    S_ISDIR(st.st_mode)    ? "directory"
				    : S_ISFIFO(st.st_mode) ? "FIFO"
							   : "device or socket");
		goto fail;
	}
	char *copy = clade_strdup(context, path);
	if (copy == NULL) {
		status = clade_fail_memory(diag, strlen(path) + 1, "a file's path");
		goto fail;
	}
	*out = (struct clade_file) { .context = context, .path = copy, .fd = fd, .size = (uint64_t)st.st_size };
	return CLADE_OK;
fail:
	close(fd);
	return status;
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
static const int open_flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

enum clade_status clade_file_open(struct clade_context *context, const char *path, struct clade_file *out,
				  struct clade_diag *diag)
{
	*out = (struct clade_file) { .fd = -1 };
	int fd;
	do {
		fd = open(path, open_flags);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return fail_errno(diag, path, "open", errno);
	return adopt(context, path, fd, out, diag);
}

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);
	return strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* The folder `blobs` beside `snapshots` if `folder` (resolved) lies in Hugging Face's cache; false otherwise. */
static bool cache_blobs(const char *folder, char out[PATH_MAX])
{
	char copy[PATH_MAX];
	snprintf(copy, sizeof(copy), "%s", folder);
	char *slash = strrchr(copy, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	slash = strrchr(copy, '/');
	if (slash == NULL || strcmp(slash, "/snapshots") != 0)
		return false;
	*slash = '\0';
	return (size_t)snprintf(out, PATH_MAX, "%s/blobs", copy) < PATH_MAX;
}

enum clade_status clade_file_open_in(struct clade_context *context, const char *folder, const char *name,
				     const char *where, struct clade_file *out, struct clade_diag *diag)
{
	*out = (struct clade_file) { .fd = -1 };
	if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, where,
				  "names the file \"%s\"; a shard is a bare file name in the index's own folder",
				  CLADE_QUOTE(name));
	char path[PATH_MAX], real[PATH_MAX], root[PATH_MAX], blobs[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, where,
				  "the path of shard \"%s\" is too long", CLADE_QUOTE(name));
	if (realpath(folder, root) == NULL)
		return fail_errno(diag, folder, "realpath", errno);
	if (realpath(path, real) == NULL)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, where,
				  "shard \"%s\" cannot be opened: %s", CLADE_QUOTE(name), strerror(errno));
	if (!is_below(real, root) && !(cache_blobs(root, blobs) && is_below(real, blobs)))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_FILE_INDEX, where,
				  "shard \"%s\" is a link that leaves the folder; a name inside a file must stay in it",
				  CLADE_QUOTE(name));
	int fd;
	do { /* the resolved path: a link put there meanwhile is not followed */
		fd = open(real, open_flags | O_NOFOLLOW);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return fail_errno(diag, path, "open", errno);
	return adopt(context, path, fd, out, diag);
}

void clade_file_close(struct clade_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	clade_free(file->context, file->path);
	*file = (struct clade_file) { .fd = -1 };
}

enum clade_status clade_file_read(const struct clade_file *file, uint64_t offset, void *target, size_t bytes,
				  struct clade_diag *diag)
{
	char *at = target;
	if (offset > file->size || bytes > file->size - offset)
		return clade_file_fail(diag, CLADE_MSG_FILE_SHORT, file->path, offset,
				       "%zu bytes are needed here, but the file has %" PRIu64 " bytes", bytes,
				       file->size);
	while (bytes > 0) {
		size_t part = bytes < (size_t)1 << 30 ? bytes : (size_t)1 << 30;
		ssize_t got = pread(file->fd, at, part, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(diag, file->path, "read", errno);
		if (got == 0)
			return clade_file_fail(diag, CLADE_MSG_FILE_SHORT, file->path, offset,
					       "the file ends here; it had %" PRIu64 " bytes when it was opened",
					       file->size);
		at += got;
		offset += (uint64_t)got;
		bytes -= (size_t)got;
	}
	return CLADE_OK;
}

enum clade_status clade_file_load(struct clade_context *context, const char *path, size_t limit, char **out_text,
				  size_t *out_bytes, struct clade_diag *diag)
{
	struct clade_file file;
	*out_text = NULL;
	*out_bytes = 0;
	enum clade_status status = clade_file_open(context, path, &file, diag);
	if (status != CLADE_OK)
		return status;
	char *text = NULL;
	if (file.size > limit) {
		status = clade_file_fail(diag, CLADE_MSG_FILE_KIND, path, limit,
					 "the file has %" PRIu64 " bytes; at most %zu are read", file.size, limit);
		goto fail;
	}
	text = clade_alloc(context, (size_t)file.size + 1);
	if (text == NULL) {
		status = clade_fail_memory(diag, (size_t)file.size + 1, "a file's text");
		goto fail;
	}
	status = clade_file_read(&file, 0, text, (size_t)file.size, diag);
	if (status != CLADE_OK)
		goto fail;
	*out_bytes = (size_t)file.size;
	*out_text = text;
	text = NULL;
fail:
	clade_free(context, text);
	clade_file_close(&file);
	return status;
}

enum clade_status clade_file_write(struct clade_context *context, const char *path, const void *data, size_t bytes,
				   struct clade_diag *diag)
{
	struct clade_output output;
	(void)context;
	enum clade_status status = clade_output_open(&output, path, diag);
	if (status == CLADE_OK)
		status = clade_output_write(&output, data, bytes, diag);
	if (status == CLADE_OK)
		status = clade_output_commit(&output, diag);
	clade_output_abort(&output);
	return status;
}

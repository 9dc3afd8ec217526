/* SPDX-License-Identifier: MIT */
/* Regular files read by explicit pread, and errors that name file and offset. Internal to graph/formats. */
#ifndef CLADE_FORMATS_FILE_H
#define CLADE_FORMATS_FILE_H

#include <clade/clade.h>
#include <clade/messages.h>

#include <sys/types.h>

/* An open regular file. `path` is owned; `size` is what fstat said when it was opened: every later read is checked
 * against it, so a file that shrinks gives an error and not a crash. */
struct clade_file {
	struct clade_context *context;
	char *path;
	int fd;
	uint64_t size;
};

/* Opens `path` (links are followed: a user designated it). Directories, FIFOs and devices are refused. */
enum clade_status clade_file_open(struct clade_context *context, const char *path, struct clade_file *out,
				  struct clade_diag *diag);
/* Opens `name`, a bare file name read from inside a file, in `folder`: no slash, and a symbolic link must end inside
 * the folder, or in the `blobs` folder of Hugging Face's cache layout (FOLDER = ROOT/snapshots/REVISION). `where` names
 * the file that holds the name. */
enum clade_status clade_file_open_in(struct clade_context *context, const char *folder, const char *name,
				     const char *where, struct clade_file *out, struct clade_diag *diag);
void clade_file_close(struct clade_file *file);
/* Reads exactly [offset, offset + bytes); short reads and EINTR are continued. */
enum clade_status clade_file_read(const struct clade_file *file, uint64_t offset, void *target, size_t bytes,
				  struct clade_diag *diag);
/* Recognises what is often found in place of weights (LFS pointer, pickle, zip, HTML, ...). NULL: none of them. */
const char *clade_file_mistaken(const unsigned char *head, size_t bytes);
/* A name from a file, made fit for one line of text: control characters and non-UTF-8 escaped, at most 96 bytes. */
const char *clade_quote(const char *name, char *out, size_t size);
#define CLADE_QUOTE(name) clade_quote((name), (char[128]) { 0 }, 128)

/* "PATH@OFFSET" as the error's place. */
enum clade_status clade_file_fail(struct clade_diag *diag, unsigned id, const char *path, uint64_t offset,
				  const char *format, ...) CLADE_PRINTF(5, 6);
#endif

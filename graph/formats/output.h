/* SPDX-License-Identifier: MIT */
/* A file that is written whole or not at all. Internal to graph/formats. */
#ifndef CLADE_FORMATS_OUTPUT_H
#define CLADE_FORMATS_OUTPUT_H

#include <clade/clade.h>

#include <limits.h>

/* Bytes go to a temporary file beside `path`, which takes its name at the end; what is not a regular file (a terminal,
 * a pipe) is written directly. `path` is borrowed. */
struct clade_output {
	const char *path;
	char target[PATH_MAX], temporary[PATH_MAX]; /* temporary empty: written directly */
	int fd;                                     /* -1: closed */
};

enum clade_status clade_output_open(struct clade_output *output, const char *path, struct clade_diag *diag);
/* Directly to an open file, which stays open and the caller's; `path` is what messages call it. */
enum clade_status clade_output_open_fd(struct clade_output *output, int fd, const char *path, struct clade_diag *diag);
enum clade_status clade_output_write(struct clade_output *output, const void *data, size_t bytes,
				     struct clade_diag *diag);
/* Makes what was written the file. */
enum clade_status clade_output_commit(struct clade_output *output, struct clade_diag *diag);
/* Removes what was written, unless it was committed. After a failure this is due. */
void clade_output_abort(struct clade_output *output);
#endif

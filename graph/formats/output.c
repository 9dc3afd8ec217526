/* SPDX-License-Identifier: MIT */
/* Files written whole or not at all: a temporary file beside the target, then rename. */
#include "output.h"

#include <clade/messages.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum clade_status fail_errno(struct clade_diag *diag, const char *path, const char *verb, int error)
{
	enum clade_status status = error == ENOMEM ? CLADE_ERR_MEMORY : CLADE_ERR_IO;
	return clade_fail(diag, status, CLADE_MSG_IO, path, "%s failed: %s", verb, strerror(error));
}

/* A new file beside `path`, with the rights that open() would have given. */
static int open_temporary(const char *path, char *out, size_t size)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned try = 0; try < 100; try++) {
		unsigned tag = (unsigned)now.tv_nsec ^ (unsigned)getpid() << 12 ^ try * 2654435761u;
		if ((size_t)snprintf(out, size, "%s.%08x.part", path, tag) >= size) {
			errno = ENAMETOOLONG;
			return -1;
		}
		int fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (fd >= 0 || (errno != EEXIST && errno != EINTR))
			return fd;
	}
	return -1;
}

enum clade_status clade_output_open(struct clade_output *output, const char *path, struct clade_diag *diag)
{
	char real[PATH_MAX];
	struct stat st;
	*output = (struct clade_output) { .path = path, .fd = -1 };
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* a terminal, a pipe: nothing to rename over */
		output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return output->fd >= 0 ? CLADE_OK : fail_errno(diag, path, "open", errno);
	}
	/* replace what a link points to, not the link */
	if ((size_t)snprintf(output->target, PATH_MAX, "%s", realpath(path, real) != NULL ? real : path) >= PATH_MAX)
		return fail_errno(diag, path, "create", ENAMETOOLONG);
	output->fd = open_temporary(output->target, output->temporary, sizeof(output->temporary));
	int error = errno;
	if (output->fd < 0)
		output->temporary[0] = '\0';
	return output->fd >= 0 ? CLADE_OK : fail_errno(diag, path, "create", error);
}

enum clade_status clade_output_open_fd(struct clade_output *output, int fd, const char *path, struct clade_diag *diag)
{
	*output = (struct clade_output) { .path = path, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0) };
	return output->fd >= 0 ? CLADE_OK : fail_errno(diag, path, "dup", errno);
}

enum clade_status clade_output_write(struct clade_output *output, const void *data, size_t bytes,
				     struct clade_diag *diag)
{
	const char *at = data;
	while (bytes > 0) {
		ssize_t done = write(output->fd, at, bytes < (size_t)1 << 30 ? bytes : (size_t)1 << 30);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return fail_errno(diag, output->path, "write", errno);
		at += done;
		bytes -= (size_t)done;
	}
	return CLADE_OK;
}

enum clade_status clade_output_commit(struct clade_output *output, struct clade_diag *diag)
{
	bool direct = output->temporary[0] == '\0';
	if (!direct && fsync(output->fd) != 0)
		return fail_errno(diag, output->path, "fsync", errno);
	int failed = close(output->fd);
	output->fd = -1;
	if (failed)
		return fail_errno(diag, output->path, "close", errno);
	if (!direct && rename(output->temporary, output->target) != 0)
		return fail_errno(diag, output->path, "rename", errno);
	output->temporary[0] = '\0';
	return CLADE_OK;
}

void clade_output_abort(struct clade_output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	if (output->temporary[0] != '\0')
		unlink(output->temporary);
	output->fd = -1;
	output->temporary[0] = '\0';
}

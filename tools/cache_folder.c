/* SPDX-License-Identifier: MIT */
/* Where compiled kernels and measured winners are kept; another place for them, and for PoCL's own, if the usual one
 * cannot be written to: PoCL gives no device then. */
#include "tool.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LEAST_ROOM = 16 << 20 }; /* bytes; kernels of a model take 1 to 4 MiB, PoCL's scratch files as much */

static bool set_already(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && value[0] != '\0';
}

static bool is_folder(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Whether files can be made in base/name, or that folder in `base`. */
static bool can_keep(const char *base, const char *name)
{
	char path[4200];
	struct statvfs disk;
	snprintf(path, sizeof(path), "%s/%s", base, name);
	const char *folder = is_folder(path) ? path : base;
	return is_folder(folder) && access(folder, W_OK | X_OK) == 0 && statvfs(folder, &disk) == 0 &&
	       (double)disk.f_bavail * (double)disk.f_frsize >= LEAST_ROOM;
}

/* A folder of this user alone below the one for temporary files. */
static bool other_base(char *out, size_t size)
{
	const char *base = getenv("TMPDIR");
	struct stat info;
	if ((size_t)snprintf(out, size, "%s/clade-%lu", base != NULL && base[0] == '/' ? base : "/tmp",
			     (unsigned long)geteuid()) >= size)
		return false;
	mkdir(out, 0700);
	return lstat(out, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
	       (info.st_mode & 077) == 0 && can_keep(out, "");
}

bool find_cache_folder(struct tool *tool)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char folder[4096], other[4096], pocl[4200];
	if (base != NULL && base[0] == '/')
		snprintf(folder, sizeof(folder), "%s", base);
	else if (home != NULL && home[0] == '/')
		snprintf(folder, sizeof(folder), "%s/.cache", home);
	else
		return false;
	mkdir(folder, 0700); /* the context makes the last part itself */
	bool ours = can_keep(folder, "clade"), theirs = set_already("POCL_CACHE_DIR") || can_keep(folder, "pocl");
	if ((!ours || !theirs) && other_base(other, sizeof(other))) {
		print_note(tool, "%s cannot be written to or is full; compiled kernels are kept in %s", folder, other);
		snprintf(pocl, sizeof(pocl), "%s/pocl", other);
		if (!theirs)
			setenv("POCL_CACHE_DIR", pocl, 1);
		if (!ours)
			snprintf(folder, sizeof(folder), "%s", other);
	}
	return (size_t)snprintf(tool->cache_folder, sizeof(tool->cache_folder), "%s/clade", folder) <
	       sizeof(tool->cache_folder);
}

/* SPDX-License-Identifier: MIT */
/* The files of measured winners. One that is damaged or of another driver is told and passed over: it costs speed,
 * never results. */
#include "winners.h"

#include <clade/graph.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 64 << 20 };

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return (hash ^ '\n') * 0x100000001b3ull;
}

bool winners_path(const struct tool *tool, const struct clade_device_info *device, char *out, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325ull;
	const char *const parts[] = { device->name, device->platform, device->driver, device->version };
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		hash = hash_text(hash, parts[i]);
	return tool->cache_folder[0] != '\0' &&
	       (size_t)snprintf(out, size, "%s/tuned-%016llx.txt", tool->cache_folder, (unsigned long long)hash) < size;
}

/* Files that others may write are not believed, as compiled kernels. */
static bool is_safe(const char *path, char *why, size_t size)
{
	struct stat info;
	if (stat(path, &info) != 0)
		return true; /* the reader says what is wrong */
	if (info.st_uid == geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return true;
	snprintf(why, size, "it is not yours alone to write");
	return false;
}

enum clade_status winners_read(struct tool *tool, const char *path, const struct clade_device_info *device,
			       struct clade_tuned **out)
{
	char *text = NULL, why[400];
	size_t bytes = 0;
	*out = NULL;
	enum clade_status status = clade_file_load(tool->context, path, MOST_BYTES, &text, &bytes, &tool->diag);
	if (status == CLADE_OK && strlen(text) != bytes)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TUNED, path, "it is no text");
	if (status == CLADE_OK)
		status = clade_tuned_read(tool->context, text, path, out, &tool->diag);
	clade_free(tool->context, text);
	if (status == CLADE_OK && device != NULL && !clade_tuned_fits(*out, device, why, sizeof(why))) {
		clade_tuned_destroy(out);
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TUNED, path, "%s", why);
	}
	return status;
}

enum clade_status winners_load(struct tool *tool, const struct clade_device_info *device, struct clade_tuned **out)
{
	char path[4400], why[64];
	*out = NULL;
	if (!winners_path(tool, device, path, sizeof(path)) || (access(path, F_OK) != 0 && errno == ENOENT))
		return CLADE_OK;
	if (!is_safe(path, why, sizeof(why))) {
		print_note(tool, "measured winners in %s are not used: %s", path, why);
		return CLADE_OK;
	}
	enum clade_status status = winners_read(tool, path, device, out);
	if (status == CLADE_OK || status == CLADE_ERR_MEMORY)
		return status;
	print_note(tool, "measured winners are not used: %s: %s; `clade tune` measures anew", tool->diag.where,
		   tool->diag.text);
	clade_diag_reset(&tool->diag);
	return CLADE_OK;
}

enum clade_status winners_text(struct tool *tool, const struct clade_device_info *device, char **out)
{
	struct clade_tuned *tuned = NULL;
	*out = NULL;
	if (tool->options.no_tuned)
		return CLADE_OK;
	enum clade_status status = winners_load(tool, device, &tuned);
	if (status == CLADE_OK && tuned != NULL)
		status = clade_tuned_print(tuned, out, &tool->diag);
	clade_tuned_destroy(&tuned);
	return status;
}

enum clade_status winners_save(struct tool *tool, const struct clade_device_info *device,
			       const struct clade_tuned *tuned)
{
	char path[4400], *text = NULL;
	if (!winners_path(tool, device, path, sizeof(path)))
		return clade_fail(&tool->diag, CLADE_ERR_IO, CLADE_MSG_TOOL_TUNE, "XDG_CACHE_HOME",
				  "there is no cache folder to keep winners in; `--output FILE` writes them elsewhere");
	mkdir(tool->cache_folder, 0700); /* the kernels' cache makes it, too, but not without OpenCL */
	enum clade_status status = clade_tuned_print(tuned, &text, &tool->diag);
	if (status == CLADE_OK)
		status = clade_file_write(tool->context, path, text, strlen(text), &tool->diag);
	clade_free(tool->context, text);
	return status;
}

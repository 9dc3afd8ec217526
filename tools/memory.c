/* SPDX-License-Identifier: MIT */
/* How much memory this process may still take, as Linux says: the machine's, and its control group's where one limits
 * it. */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

/* A file that holds one number; false if it is not there or says "max". */
static bool read_number(const char *path, uint64_t *out)
{
	FILE *file = fopen(path, "re");
	bool found = file != NULL && fscanf(file, "%" SCNu64, out) == 1;
	if (file != NULL)
		fclose(file);
	return found;
}

/* The number behind `key` at the start of a line. */
static bool read_entry(const char *path, const char *key, uint64_t *out)
{
	char line[256];
	size_t length = strlen(key);
	bool found = false;
	FILE *file = fopen(path, "re");
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
		found = strncmp(line, key, length) == 0 && sscanf(line + length, "%*[: ]%" SCNu64, out) == 1;
	if (file != NULL)
		fclose(file);
	return found;
}

uint64_t available_memory(void)
{
	/* the second version of control groups, then the first; in a container its own group is the root */
	static const struct {
		const char *limit, *used, *details, *inactive, *active;
	} groups[] = {
		{ "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat",
		  "inactive_file", "active_file" },
		{ "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes",
		  "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file", "total_active_file" },
	};
	uint64_t free_bytes = 0, limit, used;
	if (read_entry("/proc/meminfo", "MemAvailable", &free_bytes))
		free_bytes *= 1024;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		uint64_t inactive = 0, active = 0;
		if (!read_number(groups[i].limit, &limit) || !read_number(groups[i].used, &used))
			continue;
		read_entry(groups[i].details, groups[i].inactive, &inactive);
		read_entry(groups[i].details, groups[i].active, &active);
		used -= inactive + active < used ? inactive + active : used; /* files' pages are given up first */
		uint64_t left = limit > used ? limit - used : 1;
		if (free_bytes == 0 || left < free_bytes)
			free_bytes = left;
	}
	return free_bytes;
}

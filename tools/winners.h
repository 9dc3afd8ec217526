/* SPDX-License-Identifier: MIT */
/* Where measured winners are kept: a file a device and driver in the cache folder, beside the compiled kernels. */
#ifndef CLADE_TOOL_WINNERS_H
#define CLADE_TOOL_WINNERS_H

#include "tool.h"

#include <clade/tuned.h>

/* The file of this device; false: there is no cache folder. */
bool winners_path(const struct tool *tool, const struct clade_device_info *device, char *out, size_t size);
/* Reads a file and verifies it. `device` NULL: any device's is taken; else another one's is an error. */
enum clade_status winners_read(struct tool *tool, const char *path, const struct clade_device_info *device,
			       struct clade_tuned **out);
/* What is kept for the device. *out is NULL if there is nothing, or (with a note) nothing that could be used. */
enum clade_status winners_load(struct tool *tool, const struct clade_device_info *device, struct clade_tuned **out);
/* The same as a text for clade_choices, unless --no-tuned was given; clade_free. */
enum clade_status winners_text(struct tool *tool, const struct clade_device_info *device, char **out);
/* Keeps them, whole or not at all. */
enum clade_status winners_save(struct tool *tool, const struct clade_device_info *device,
			       const struct clade_tuned *tuned);

#endif

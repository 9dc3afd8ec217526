/* SPDX-License-Identifier: MIT */
/* clade devices: every device with its number; --json has every capability. */
#include "commands.h"

#include <clade/device.h>

static const char *const kinds[] = { "host", "gpu", "accelerator", "cpu", "other" };

static json_t *describe(const struct clade_device_info *info)
{
	json_t *sizes = json_array();
	for (size_t i = 0; i < 8 && info->sub_group_sizes[i] != 0; i++)
		json_array_append_new(sizes, json_integer(info->sub_group_sizes[i]));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:[I,I,I], s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b,"
		" s:b, s:o, s:b, s:b, s:[I,I], s:{s:I, s:I, s:I}, s:b, s:s}",
		"id", info->id, "name", info->name, "platform", info->platform, "driver", info->driver, "kind",
		kinds[info->kind], "vendor", info->vendor, "version", info->version, "compute_units",
		(json_int_t)info->compute_units, "max_work_group", (json_int_t)info->max_work_group, "max_work_item",
		(json_int_t)info->max_work_item[0], (json_int_t)info->max_work_item[1],
		(json_int_t)info->max_work_item[2], "global_bytes", (json_int_t)info->global_bytes, "max_alloc_bytes",
		(json_int_t)info->max_alloc_bytes, "local_bytes", (json_int_t)info->local_bytes, "base_align",
		(json_int_t)info->base_align, "native_float_width", (json_int_t)info->native_float_width, "fp16",
		(int)info->fp16, "fp64", (int)info->fp64, "int_dot", (int)info->int_dot, "sub_groups",
		(int)info->sub_groups, "sub_group_sizes", sizes, "out_of_order", (int)info->out_of_order, "profiling",
		(int)info->profiling, "opencl", (json_int_t)info->opencl_major, (json_int_t)info->opencl_minor, "tile",
		"vector_width", (json_int_t)info->vector_width, "rows", (json_int_t)info->tile_rows, "vectors",
		(json_int_t)info->tile_vectors, "soft_fma", (int)info->soft_fma, "quirks", info->quirks);
}

static enum clade_status run(struct tool *tool)
{
	struct clade_device_info *infos;
	size_t count;
	enum clade_status status = clade_device_list(tool->context, &infos, &count, &tool->diag);
	if (status != CLADE_OK)
		return status;
	if (tool->options.json) {
		json_t *root = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(root, describe(&infos[i]));
		status = print_json(root, &tool->diag);
	} else {
		for (size_t i = 0; i < count; i++)
			printf("%-8s %s | %s | %s\n", infos[i].id, infos[i].name, infos[i].platform, infos[i].driver);
	}
	if (count == 1 && status == CLADE_OK)
		print_note(tool, "no OpenCL device was found; the host device `ref` always works");
	clade_device_list_free(tool->context, &infos);
	return status;
}

static const struct option *const groups[] = { options_json, options_common, NULL };
const struct command command_devices = {
	.name = "devices",
	.arguments = "",
	.summary = "list the devices",
	.groups = groups,
	.run = run,
};

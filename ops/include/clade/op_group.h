/* SPDX-License-Identifier: MIT */
/* What implementations for GPUs share (`cl.group`, `cl.subgroup`, `cl.local`): work-groups that share local memory, and
 * launches cut so that none holds a screen or a watchdog up. Inline only, nothing to link. */
#ifndef CLADE_OP_GROUP_H
#define CLADE_OP_GROUP_H

#include <clade/op_kit.h>

/* Items that make a row together: one for each partial of a row sum (ops/ARITHMETIC.md, 3). */
#define CLADE_KIT_LANES 64

/* These forms are chosen unasked on GPUs alone: on processors barriers cost more than they save. */
#define CLADE_KIT_GPU CLADE_KIND_BIT(CLADE_DEVICE_GPU)

/* Whether the device takes groups of `items` along axis 0 with `bytes` of local memory; else `why` says why not. */
static inline bool clade_kit_group_fits(const struct clade_device_info *device, uint32_t items, uint64_t bytes,
					char *why, size_t why_size)
{
	/* llvmpipe says 1024 and then, of a kernel with loops, 32. */
	if (device->loop_limit && items > 16) {
		snprintf(why, why_size, "groups of %u items are needed, this driver takes few of a kernel with loops",
			 items);
		return false;
	}
	if (device->max_work_group < items || device->max_work_item[0] < items) {
		snprintf(why, why_size, "groups of %u items are needed, the device takes %u", items,
			 device->max_work_group < device->max_work_item[0] ? device->max_work_group
									   : device->max_work_item[0]);
		return false;
	}
	if (device->local_bytes >= bytes)
		return true;
	snprintf(why, why_size, "%llu bytes of local memory are needed, the device has %llu", (unsigned long long)bytes,
		 (unsigned long long)device->local_bytes);
	return false;
}

/* The sub-group size for rows of 64 partials: the largest of at most 32 that the device lets kernels ask for; 0: none.
 */
static inline uint32_t clade_kit_sub_group(const struct clade_device_info *device)
{
	uint32_t best = 0;

	for (size_t i = 0; device->sub_group_shuffle && i < 8 && device->sub_group_sizes[i]; i++) {
		uint32_t size = device->sub_group_sizes[i];

		if (size <= 32 && CLADE_KIT_LANES % size == 0 && size > best)
			best = size;
	}
	return best;
}

static inline bool clade_kit_sub_group_fits(const struct clade_device_info *device, char *why, size_t why_size)
{
	if (clade_kit_sub_group(device))
		return clade_kit_group_fits(device, CLADE_KIT_LANES, 0, why, why_size);
	snprintf(why, why_size, "kernels cannot ask this device for a sub-group size of 32 or less and shuffle in it");
	return false;
}

/* Asks for `function` of `source` as a group of 64 makes a row (kernels/include/group.clh): of scalars, in local memory
 * or, if `sub_groups`, in sub-groups. */
static inline enum clade_status clade_kit_group_kernel(struct clade_prepare *prepare, const char *source,
						       const char *function, bool sub_groups, uint32_t *slot)
{
	char defines[40] = "VW=1";

	if (sub_groups)
		snprintf(defines, sizeof(defines), "VW=1 SUB_GROUP=%u", clade_kit_sub_group(prepare->node->device));
	return prepare->host->kernel(prepare, source, function, defines, slot);
}

/* Launches that kernel over `rows` rows. */
static inline enum clade_status clade_kit_group_launch(const struct clade_run *run, uint32_t slot,
						       const struct clade_arg *args, uint32_t arg_count, uint64_t rows,
						       bool sub_groups)
{
	uint64_t items = sub_groups ? clade_kit_sub_group(run->device) : CLADE_KIT_LANES;

	const uint64_t global[3] = { rows * items, 1, 1 };
	const uint32_t local[3] = { CLADE_KIT_LANES, 1, 1 };

	return run->host->launch(run, slot, args, arg_count, global, local);
}

/* How many of `count` equal parts, each of `flops` operations, one launch may hold (device->launch_flops): at least
 * one.
 */
static inline int64_t clade_kit_launch_parts(const struct clade_device_info *device, int64_t count, double flops)
{
	double most = (double)device->launch_flops;

	if (!device->launch_flops || (double)count * flops <= most)
		return count;
	return flops >= most ? 1 : (int64_t)(most / flops);
}

#endif

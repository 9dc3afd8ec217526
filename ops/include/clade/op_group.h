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

/* Whether the device takes a kernel of 64 items a row: in local memory, 64 partials and 8 values for all, or, if
 * `sub_groups`, in sub-groups. */
static inline bool clade_kit_group_kernel_fits(const struct clade_device_info *device, bool sub_groups, char *why,
					       size_t why_size)
{
	if (!sub_groups)
		return clade_kit_group_fits(device, CLADE_KIT_LANES, (CLADE_KIT_LANES + 8) * sizeof(float), why,
					    why_size);
	if (clade_kit_sub_group(device))
		return clade_kit_group_fits(device, CLADE_KIT_LANES, 0, why, why_size);
	snprintf(why, why_size, "kernels cannot ask this device for a sub-group size of 32 or less and shuffle in it");
	return false;
}

/* The same where the rows lie along `axis` of the first input: it must be the last. */
static inline bool clade_kit_group_axis_fits(const struct clade_node_info *node, int64_t axis, bool sub_groups,
					     char *why, size_t why_size)
{
	struct clade_kit_around shape;

	if (!clade_kit_group_kernel_fits(node->device, sub_groups, why, why_size))
		return false;
	if (!clade_kit_split(node->inputs[0], axis, &shape) || shape.inner != 1) {
		snprintf(why, why_size, "the axis is not the last, so a row's elements are not neighbours");
		return false;
	}
	if (shape.outer <= INT32_MAX)
		return true;
	snprintf(why, why_size, "%lld rows are more than a launch holds", (long long)shape.outer);
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

/* An op's two implementations of 64 items a row, `id_`_group ("cl.group") and `id_`_sub ("cl.subgroup"), of the kernel
 * `function_` in `source_`. `accepts_` and `run_` are told which: they take `bool sub_groups` behind the node or run.
 * `does_`: what is done to a row, for the docs. */
#define CLADE_KIT_GPU_FORMS(storage_, id_, op_, strided_, source_, function_, accepts_, run_, does_)                   \
	CLADE_KIT_GPU_FORM(storage_, id_##_group, op_, strided_, source_, function_, accepts_, run_, "cl.group",       \
			   false, CLADE_NEEDS_OPENCL, 20,                                                              \
			   "a work-group of 64 items " does_ " a row in local memory; for GPUs")                       \
	CLADE_KIT_GPU_FORM(storage_, id_##_sub, op_, strided_, source_, function_, accepts_, run_, "cl.subgroup",      \
			   true, CLADE_NEEDS_OPENCL | CLADE_NEEDS_SUB_GROUPS, 30,                                      \
			   "a sub-group " does_ " a row by shuffles; for GPUs")
#define CLADE_KIT_GPU_FORM(storage_, id_, op_, strided_, source_, function_, accepts_, run_, name_, sub_, needs_,      \
			   priority_, doc_)                                                                            \
	static bool accepts_##id_(const struct clade_node_info *node, char *why, size_t why_size)                      \
	{                                                                                                              \
		return accepts_(node, sub_, why, why_size);                                                            \
	}                                                                                                              \
	static enum clade_status prepare_##id_(struct clade_prepare *prepare)                                          \
	{                                                                                                              \
		uint32_t slot;                                                                                         \
                                                                                                                       \
		return clade_kit_group_kernel(prepare, source_, function_, sub_, &slot);                               \
	}                                                                                                              \
	static enum clade_status run_##id_(const struct clade_run *run)                                                \
	{                                                                                                              \
		return run_(run, sub_);                                                                                \
	}                                                                                                              \
	storage_ const struct clade_impl id_ = {                                                                       \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = (op_),                                                                                           \
		.name = (name_),                                                                                       \
		.doc = (doc_),                                                                                         \
		.needs = (needs_),                                                                                     \
		.strided_inputs = (strided_),                                                                          \
		.accepts = accepts_##id_,                                                                              \
		.prepare = prepare_##id_,                                                                              \
		.run = run_##id_,                                                                                      \
		.priority = (priority_),                                                                               \
		.kinds = CLADE_KIT_GPU,                                                                                \
	};

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

/* SPDX-License-Identifier: MIT */
/* `linear` by integer dot products: `cl.dot` where the device has an instruction for them, `cl.dot.plain` anywhere. */
#include "linear_internal.h"
#include <clade/dot_kit.h>

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	if (node->sources[1] != CLADE_FROM_WEIGHT) {
		snprintf(why, why_size, "w is not a weight, so it cannot be packed in advance");
		return false;
	}
	return clade_dot_accepts(node, 1, 1, why, why_size) && clade_linear_counts_fit(node, why, why_size);
}

static enum clade_status prepare_dot(struct clade_prepare *prepare)
{
	return clade_dot_prepare(prepare, 1, 1, false);
}

static enum clade_status prepare_plain(struct clade_prepare *prepare)
{
	return clade_dot_prepare(prepare, 1, 1, true);
}

static enum clade_status run(const struct clade_run *run)
{
	const struct clade_tile_product product = {
		.x = run->inputs[0], .w = { run->inputs[1] }, .bias = { run->inputs[2] }, .y = { run->outputs[0] }
	};

	return clade_dot_run(run, 0, &product);
}

#define IMPL(suffix, name_, ...)                                                                                       \
	const struct clade_impl clade_impl_linear_cl_##suffix = { .size = sizeof(struct clade_impl),                   \
								  .op = "linear",                                      \
								  .name = name_,                                       \
								  .accepts = accepts,                                  \
								  .prepare = prepare_##suffix,                         \
								  .run = run,                                          \
								  .tunables = CLADE_TILE_TUNABLES,                     \
								  __VA_ARGS__ }
IMPL(dot, "cl.dot", CLADE_DOT_FIELDS);
IMPL(plain, "cl.dot.plain", CLADE_DOT_PLAIN_FIELDS);

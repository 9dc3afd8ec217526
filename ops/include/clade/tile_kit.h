/* SPDX-License-Identifier: MIT */
/* Launching the register tiles of kernels/include/tile.clh, and what can be tuned about them: inline only. */
#ifndef CLADE_TILE_KIT_H
#define CLADE_TILE_KIT_H

#include <clade/op_kit.h>

enum { CLADE_TILE_ROWS, CLADE_TILE_ORDER, CLADE_TILE_GROUP };
enum { CLADE_TILE_DEFINES = 128 };

static const int32_t clade_tile_rows_list[] = { 4, 6, 8, 12, 0 };
static const int32_t clade_tile_order_list[] = { 2, 0 };
static const int32_t clade_tile_group_list[] = { 2, 4, 8, 16, 0 };
static const struct clade_tunable clade_tile_rows = { sizeof(struct clade_tunable), "rows", clade_tile_rows_list,
						      "rows of a tile (MR); else as the registers hold" };
static const struct clade_tunable clade_tile_order = {
	sizeof(struct clade_tunable), "order", clade_tile_order_list,
	"2: panels of the same rows are neighbours; else tiles of one panel, so that it stays in the cache"
};
static const struct clade_tunable clade_tile_group = { sizeof(struct clade_tunable), "group", clade_tile_group_list,
						       "neighbours that a processor takes at once; else 1" };
#define CLADE_TILE_TUNABLES CLADE_LIST(struct clade_tunable, &clade_tile_rows, &clade_tile_order, &clade_tile_group)

static inline uint32_t clade_tile_height(const struct clade_device_info *device, const int32_t *tuned)
{
	return (uint32_t)clade_kit_tuned(tuned, CLADE_TILE_ROWS, (int32_t)device->tile_rows);
}

/* Tiles of more rows than the device's registers hold spill. */
static inline bool clade_tile_fits(const struct clade_node_info *node, char *why, size_t why_size)
{
	uint32_t high = clade_tile_height(node->device, node->tuned), most = node->device->tile_rows;

	if (high <= most || high <= 6)
		return true;
	snprintf(why, why_size, "tiles of %u rows are more than its registers hold", high);
	return false;
}

/* The kernel's defines: `weight` and `more` (either may be NULL), and those that were tuned. */
static inline const char *clade_tile_defines(const struct clade_node_info *node, const char *weight, const char *more,
					     char out[CLADE_TILE_DEFINES])
{
	int32_t rows = clade_kit_tuned(node->tuned, CLADE_TILE_ROWS, 0);
	char tuned[32] = "";

	if (rows && (uint32_t)rows != node->device->tile_rows)
		snprintf(tuned, sizeof(tuned), "MR=%d ", (int)rows);
	snprintf(out, CLADE_TILE_DEFINES, "%s%s%s%s%s", tuned,
		 clade_kit_tuned(node->tuned, CLADE_TILE_ORDER, 1) == 2 ? "TILE_ORDER=2 " : "", weight ? weight : "",
		 weight && more ? " " : "", more ? more : "");
	return out[0] ? out : NULL;
}

/* Enqueues tiles of `rows` rows by `items` items along the panels. */
static inline enum clade_status clade_tile_launch(const struct clade_run *run, uint32_t slot,
						  const struct clade_arg *args, uint32_t count, uint64_t rows,
						  uint64_t items)
{
	uint64_t high = clade_tile_height(run->device, run->tuned), tiles = (rows + high - 1) / high;
	bool swap = clade_kit_tuned(run->tuned, CLADE_TILE_ORDER, 1) == 2;
	const uint64_t global[3] = { swap ? items : tiles, swap ? tiles : items, 1 };
	uint32_t group = (uint32_t)clade_kit_tuned(run->tuned, CLADE_TILE_GROUP, 1);

	while (global[0] % group) /* so that no item lies outside */
		group--;
	const uint32_t local[3] = { group, 1, 1 };

	return run->host->launch(run, slot, args, count, global, local);
}

#endif

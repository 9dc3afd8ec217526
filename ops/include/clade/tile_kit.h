/* SPDX-License-Identifier: MIT */
/* Products by the register tiles of kernels/include/tile.clh: their kernel, its launch, and what can be tuned about
 * them: inline only. */
#ifndef CLADE_TILE_KIT_H
#define CLADE_TILE_KIT_H

#include <clade/op_kit.h>
#include <clade/stored.h>

#include <stdio.h>
#include <string.h>

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

/* The kernel's defines: `weight` (may be NULL), and those that were tuned. */
static inline const char *clade_tile_defines(const struct clade_node_info *node, const char *weight,
					     char out[CLADE_TILE_DEFINES])
{
	int32_t rows = clade_kit_tuned(node->tuned, CLADE_TILE_ROWS, 0);
	char tuned[32] = "";

	if (rows && (uint32_t)rows != node->device->tile_rows)
		snprintf(tuned, sizeof(tuned), "MR=%d ", (int)rows);
	snprintf(out, CLADE_TILE_DEFINES, "%s%s%s", tuned,
		 clade_kit_tuned(node->tuned, CLADE_TILE_ORDER, 1) == 2 ? "TILE_ORDER=2 " : "", weight ? weight : "");
	return out[0] ? out : NULL;
}

/* Enqueues `tiles` items along the rows by `items` along the panels. */
static inline enum clade_status clade_tile_launch(const struct clade_run *run, uint32_t slot,
						  const struct clade_arg *args, uint32_t count, uint64_t tiles,
						  uint64_t items)
{
	bool swap = clade_kit_tuned(run->tuned, CLADE_TILE_ORDER, 1) == 2;
	const uint64_t global[3] = { swap ? items : tiles, swap ? tiles : items, 1 };
	uint32_t group = (uint32_t)clade_kit_tuned(run->tuned, CLADE_TILE_GROUP, 1);

	while (global[0] % group) /* so that no item lies outside */
		group--;
	const uint32_t local[3] = { group, 1, 1 };

	return run->host->launch(run, slot, args, count, global, local);
}

/* What an item takes of a product: `tiles` tiles of `high` rows by `panels` panels of `wide` columns. */
struct clade_tile_share {
	uint64_t high, wide, tiles, panels;
};

/* Few rows: panels so that more loads are under way. More rows: tiles that share what the first one makes of a stored
 * weight, and panels that share rows which are copied (tile.clh: TILE_COPIES) or, where tiles are low, wait in the
 * first cache, while there are items enough for all units. `w`: of a weight; n: columns of all weights. */
static inline struct clade_tile_share clade_tile_share(const struct clade_device_info *device, uint32_t high,
						       const struct clade_type *w, uint64_t rows, uint64_t n)
{
	struct clade_tile_share share = { high, device->vector_width * device->tile_vectors, 1, 1 };
	uint64_t tiles = (rows + high - 1) / high, panels = (n + share.wide - 1) / share.wide;
	uint64_t enough = 8 * (uint64_t)device->compute_units;

	if (rows <= 2) {
		share.panels = rows == 1 && w->dims[0] >= 2048 && w->dtype != CLADE_Q4_0 ? 4 : 2;
		return share;
	}
	if (clade_stored_in_groups(w->dtype) && device->vector_width < 8) /* TILE_ALONE */
		return share;
	share.tiles = w->dtype == CLADE_F32 ? 1 : tiles < 11 ? tiles : 11;
	share.panels = high <= 6 ? (w->dtype == CLADE_F32 ? 1 : 4) : w->dims[1] % 1024 == 0 ? 4 : 1;
	while (share.panels > 1 && tiles / share.tiles * (panels / share.panels) < enough)
		share.panels /= 2;
	while (share.tiles > 1 && tiles / share.tiles * (panels / share.panels) < enough)
		share.tiles--;
	uint64_t items = (tiles + share.tiles - 1) / share.tiles;
	share.tiles = (tiles + items - 1) / items;
	return share;
}

/* ---- products ---- */

/* Up to three products of the same x, as many rows as the node's first input has, each y = x w' + bias, in one launch.
 * x and y may be scratch. */
struct clade_tile_product {
	const struct clade_tensor *x, *w[3], *bias[3], *y[3]; /* w, y: none: no such product; bias may be none */
	const struct clade_tensor *residual;                  /* or none; y[0] = residual + y[0], after `act` */
	const char *act;                                      /* of y[0]: relu, gelu, gelu_tanh, silu, or none */
	bool gated;                                           /* w[0] and w[1] are equally large; y[0] *= y[1] */
};

/* What a product of the node's `count` weights from input `first` on needs: them in panels, and the kernel for the type
 * that they share, in the next slot. */
static inline enum clade_status clade_tile_prepare(struct clade_prepare *prepare, uint32_t first, uint32_t count)
{
	const struct clade_node_info *node = prepare->node;
	uint16_t width = (uint16_t)(node->device->vector_width * node->device->tile_vectors);
	enum clade_status status = CLADE_OK;
	char defines[CLADE_TILE_DEFINES];
	uint32_t slot;

	for (uint32_t i = first; i < first + count && !status; i++)
		status = prepare->host->layout(prepare, i, (struct clade_layout) { CLADE_LAYOUT_PANEL, width });
	if (status)
		return status;
	return prepare->host->kernel(prepare, "linear/product.cpu.cl", "product__cpu",
				     clade_tile_defines(node, clade_stored_define(node->inputs[first]->dtype), defines),
				     &slot);
}

/* What product.cpu.cl calls them. */
static inline uint32_t clade_tile_flags(const struct clade_tile_product *product)
{
	uint32_t flags = (product->residual ? 8u : 0u) | (product->gated ? 16u : 0u);

	for (uint32_t i = 0; i < 3; i++)
		flags |= product->bias[i] ? 1u << i : 0u;
	return flags;
}

static inline uint32_t clade_tile_act(const char *act)
{
	static const char *const acts[] = { "", "relu", "gelu", "gelu_tanh", "silu" };
	uint32_t found = 0;

	for (uint32_t i = 1; i < sizeof(acts) / sizeof(*acts) && act; i++)
		found = strcmp(acts[i], act) ? found : i;
	return found;
}

enum { CLADE_TILE_ARGUMENTS = 1 + 9 + 1 + 7 };

static inline uint64_t clade_tile_count_rows(const struct clade_type *x)
{
	return (uint64_t)clade_kit_product(x, 0, x->rank - 1);
}

/* Columns of a launch's i-th product; those of a gated one's second weight go with the first one's. */
static inline uint64_t clade_tile_count_columns(const struct clade_tile_product *product, int i)
{
	return product->y[i] && !(i && product->gated) ? (uint64_t)product->w[i]->type.dims[0] : 0;
}

/* The kernel's arguments, for items of `panels` panels; returns how many items there are along these. */
static inline uint64_t clade_tile_arguments(const struct clade_run *run, const struct clade_tile_product *product,
					    uint64_t panels, struct clade_arg args[CLADE_TILE_ARGUMENTS])
{
	uint64_t width = run->device->vector_width * run->device->tile_vectors * panels, items = 0;
	uint32_t count = 0;

	args[count++] = (struct clade_arg)CLADE_TENSOR(product->x);
	for (int i = 0; i < 3; i++) {
		args[count++] = (struct clade_arg)CLADE_TENSOR(product->w[i]);
		args[count++] = (struct clade_arg)CLADE_TENSOR(product->bias[i]);
		args[count++] = (struct clade_arg)CLADE_TENSOR(product->y[i]);
	}
	args[count++] = (struct clade_arg)CLADE_TENSOR(product->residual);
	args[count++] = (struct clade_arg)CLADE_UINT(clade_tile_count_rows(&run->inputs[0]->type));
	for (int i = 0; i < 3; i++) {
		args[count++] = (struct clade_arg)CLADE_UINT(product->y[i] ? product->w[i]->type.dims[0] : 0);
		items += (clade_tile_count_columns(product, i) + width - 1) / width;
	}
	args[count++] = (struct clade_arg)CLADE_UINT(product->w[0]->type.dims[1]);
	args[count++] = (struct clade_arg)CLADE_UINT(clade_tile_flags(product));
	args[count++] = (struct clade_arg)CLADE_UINT(clade_tile_act(product->act));
	return items;
}

static inline enum clade_status clade_tile_run(const struct clade_run *run, uint32_t slot,
					       const struct clade_tile_product *product)
{
	uint64_t rows = clade_tile_count_rows(&run->inputs[0]->type), columns = 0, deep;
	struct clade_arg args[CLADE_TILE_ARGUMENTS + 2];
	struct clade_tile_share share;
	uint64_t items;

	for (int i = 0; i < 3; i++)
		columns += clade_tile_count_columns(product, i);
	share = clade_tile_share(run->device, clade_tile_height(run->device, run->tuned), &product->w[0]->type, rows,
				 columns);
	items = clade_tile_arguments(run, product, share.panels, args);
	args[CLADE_TILE_ARGUMENTS] = (struct clade_arg)CLADE_UINT(share.tiles);
	args[CLADE_TILE_ARGUMENTS + 1] = (struct clade_arg)CLADE_UINT(share.panels);
	deep = share.high * share.tiles;
	return clade_tile_launch(run, slot, args, CLADE_TILE_ARGUMENTS + 2, (rows + deep - 1) / deep, items);
}

#endif

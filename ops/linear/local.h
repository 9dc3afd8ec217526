/* SPDX-License-Identifier: MIT */
/* Tiles that work-groups make in local memory (kernels/linear/product.local.clh): their sizes, and the launches that
 * cover a product, none longer than device->launch_flops allows. */
#ifndef CLADE_OPS_LINEAR_LOCAL_H
#define CLADE_OPS_LINEAR_LOCAL_H

#include <clade/op_group.h>

struct clade_local_tile {
	uint32_t items, high, wide; /* a group's items; its rows and columns */
};
extern const struct clade_local_tile clade_local_small, clade_local_large;

/* Whether the device takes the tile's groups. */
bool clade_local_fits(const struct clade_device_info *device, const struct clade_local_tile *tile, char *why,
		      size_t why_size);

/* Whether large tiles leave no part of the device without work: at least two groups a compute unit. */
bool clade_local_is_large(const struct clade_device_info *device, int64_t rows, int64_t n, int64_t batch);

/* The launches of `batch` products of [rows, k] by [k, n]: each covers products from `product` on and groups of rows
 * from `row` and of columns from `column` on. */
struct clade_local_walk {
	int64_t product, row, column; /* this launch's first */
	uint64_t global[3];
	uint32_t local[3];
	int64_t end[3], step[3], at[3]; /* columns, rows, products; `at`: the next launch's first */
};
void clade_local_walk_begin(struct clade_local_walk *walk, const struct clade_device_info *device,
			    const struct clade_local_tile *tile, int64_t rows, int64_t n, int64_t k, int64_t batch);
/* False when all is covered. */
bool clade_local_walk_next(struct clade_local_walk *walk);

#endif

/* SPDX-License-Identifier: MIT */
/* See local.h. */
#include "local.h"

/* Some devices take no more groups than this along axes 1 and 2. */
#define MOST_GROUPS 65535

const struct clade_local_tile clade_local_small = { 64, 32, 32 }, clade_local_large = { 128, 64, 64 };

bool clade_local_fits(const struct clade_device_info *device, const struct clade_local_tile *tile, char *why,
		      size_t why_size)
{
	/* Two slabs of 16 columns, 4 floats apart more than they need (LT_SLAB, LT_A_STEP, LT_B_STEP). */
	return clade_kit_group_fits(device, tile->items, sizeof(float) * 16 * (tile->high + tile->wide + 8), why,
				    why_size);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
	return a / b + (a % b != 0);
}

bool clade_local_is_large(const struct clade_device_info *device, int64_t rows, int64_t n, int64_t batch)
{
	const struct clade_local_tile *tile = &clade_local_large;
	double groups = (double)ceil_div(rows, tile->high) * (double)ceil_div(n, tile->wide) * (double)batch;

	return rows > 32 && n > 32 && groups >= 2.0 * device->compute_units;
}

void clade_local_walk_begin(struct clade_local_walk *walk, const struct clade_device_info *device,
			    const struct clade_local_tile *tile, int64_t rows, int64_t n, int64_t k, int64_t batch)
{
	static const int64_t most[3] = { INT64_MAX, MOST_GROUPS, MOST_GROUPS };
	double flops = 2.0 * tile->high * tile->wide * (double)k;

	*walk = (struct clade_local_walk) { .end = { ceil_div(n, tile->wide), ceil_div(rows, tile->high), batch },
					    .local = { tile->items, 1, 1 } };
	for (int i = 0; i < 3; i++) {
		walk->step[i] = clade_kit_launch_parts(device, walk->end[i], flops);
		if (walk->step[i] > most[i])
			walk->step[i] = most[i];
		flops *= (double)walk->step[i];
		if (!walk->end[i])
			walk->end[2] = 0; /* nothing to do */
	}
}

bool clade_local_walk_next(struct clade_local_walk *walk)
{
	if (walk->at[2] >= walk->end[2])
		return false;
	walk->column = walk->at[0];
	walk->row = walk->at[1];
	walk->product = walk->at[2];
	for (int i = 0; i < 3; i++) {
		int64_t left = walk->end[i] - walk->at[i];

		walk->global[i] = (uint64_t)(left < walk->step[i] ? left : walk->step[i]) * walk->local[i];
	}
	/* The next one: columns first, then rows, then products. */
	for (int i = 0; i < 3; i++) {
		walk->at[i] += walk->step[i];
		if (walk->at[i] < walk->end[i] || i == 2)
			break;
		walk->at[i] = 0;
	}
	return true;
}

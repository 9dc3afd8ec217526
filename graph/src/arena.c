/* SPDX-License-Identifier: MIT */
/* Offsets in an arena for spans with lifetimes. */
#include "plan.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
	const struct clade_span *x = *(struct clade_span *const *)a, *y = *(struct clade_span *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x < y ? -1 : x > y; /* stable: the same plan has the same offsets */
}

static uint64_t align_up(uint64_t value)
{
	return (value + CLADE_ARENA_ALIGN - 1) & ~(uint64_t)(CLADE_ARENA_ALIGN - 1);
}

static bool overlaps_in_time(const struct clade_span *a, const struct clade_span *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset for `span` that is free of all spans placed before it; `placed` is ordered by offset. */
static uint64_t lowest_gap(const struct clade_span *span, struct clade_span *const *placed, uint32_t count)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!overlaps_in_time(span, placed[i]))
			continue;
		if (placed[i]->offset >= at + align_up(span->bytes))
			break;
		if (placed[i]->offset + align_up(placed[i]->bytes) > at)
			at = placed[i]->offset + align_up(placed[i]->bytes);
	}
	return at;
}

bool clade_arena_assign(struct clade_span *spans, uint32_t count, bool reuse, uint64_t *out_total)
{
	struct clade_span **order = malloc((size_t)count * 2 * sizeof(*order) + 1), **placed = order + count;
	uint32_t used = 0, done = 0;
	uint64_t total = 0;
	bool ok = order != NULL;

	for (uint32_t i = 0; i < count && ok; i++)
		if (spans[i].used)
			order[used++] = &spans[i];
	if (ok)
		qsort(order, used, sizeof(*order), by_size);
	for (uint32_t i = 0; i < used && ok; i++) {
		struct clade_span *span = order[i];
		uint32_t at = done++;

		if (span->bytes > (UINT64_C(1) << 60) || total > (UINT64_C(1) << 60)) {
			ok = false;
			break;
		}
		span->offset = reuse ? lowest_gap(span, placed, at) : total;
		for (; at > 0 && placed[at - 1]->offset > span->offset; at--)
			placed[at] = placed[at - 1];
		placed[at] = span;
		if (span->offset + align_up(span->bytes) > total)
			total = span->offset + align_up(span->bytes);
	}
	free(order);
	*out_total = total;
	return ok;
}

/* SPDX-License-Identifier: MIT */
/* An allocator for contexts of tests: it counts what is live and makes an allocation fail. */
#ifndef CLADE_TESTS_HEAP_H
#define CLADE_TESTS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

struct heap {
	long live;
	unsigned long calls, fail_at;
	bool persistent, fired;
};

/* A clade_resize_fn. */
static inline void *heap_resize(void *user, void *memory, size_t bytes)
{
	struct heap *heap = user;
	void *larger;

	if (bytes == 0) {
		heap->live -= memory != NULL;
		free(memory);
		return NULL;
	}
	heap->calls++;
	if (heap->fail_at && (heap->calls == heap->fail_at || (heap->calls > heap->fail_at && heap->persistent))) {
		heap->fired = true;
		return NULL;
	}
	larger = realloc(memory, bytes);
	heap->live += larger && !memory;
	return larger;
}

#endif

/* SPDX-License-Identifier: MIT */
/* An allocator that counts what is alive and fails from the N-th request on. */
#ifndef CLADE_TESTS_COUNTING_H
#define CLADE_TESTS_COUNTING_H

#include <clade/clade.h>
#include <stdlib.h>

struct counting {
	long live, left; /* left: requests until they fail; negative: none fails */
};

static inline void *counting_resize(void *user, void *memory, size_t bytes)
{
	struct counting *counting = user;

	if (!bytes) {
		counting->live -= memory != NULL;
		free(memory);
		return NULL;
	}
	if (counting->left == 0)
		return NULL;
	counting->left -= counting->left > 0;
	counting->live += memory == NULL;
	return realloc(memory, bytes);
}

#endif

/* SPDX-License-Identifier: MIT */
/* The test side of allocs.c: allocations made directly by clade's code (or the test's). Works only if the library is in
 * LD_PRELOAD; allocs_connect says so. */
#ifndef CLADE_TESTS_ALLOCS_H
#define CLADE_TESTS_ALLOCS_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef void allocs_reset_fn(void); /* counts are 0, nothing fails */
typedef unsigned long allocs_number_fn(void);
typedef void allocs_fail_fn(unsigned long n, bool for_ever); /* the n-th allocation from now on gives NULL; 0: none */
typedef bool allocs_fired_fn(void);

allocs_reset_fn clade_allocs_reset;
allocs_number_fn clade_allocs_count, clade_allocs_frees;
allocs_number_fn clade_allocs_all; /* of the whole process: libc, drivers and their threads too */
allocs_fail_fn clade_allocs_fail;
allocs_fired_fn clade_allocs_fired;

struct allocs {
	allocs_reset_fn *reset;
	allocs_number_fn *count, *frees, *all;
	allocs_fail_fn *inject;
	allocs_fired_fn *fired;
};

/* dlsym gives an object pointer; ISO C has no cast from it to a function. */
static inline void allocs_symbol(void *handle, const char *name, void *out)
{
	void *symbol = dlsym(handle, name);

	memcpy(out, &symbol, sizeof(symbol));
}

static inline bool allocs_connect(struct allocs *allocs)
{
	allocs_symbol(RTLD_DEFAULT, "clade_allocs_reset", &allocs->reset);
	allocs_symbol(RTLD_DEFAULT, "clade_allocs_count", &allocs->count);
	allocs_symbol(RTLD_DEFAULT, "clade_allocs_frees", &allocs->frees);
	allocs_symbol(RTLD_DEFAULT, "clade_allocs_all", &allocs->all);
	allocs_symbol(RTLD_DEFAULT, "clade_allocs_fail", &allocs->inject);
	allocs_symbol(RTLD_DEFAULT, "clade_allocs_fired", &allocs->fired);
	return allocs->reset && allocs->count && allocs->frees && allocs->all && allocs->inject && allocs->fired;
}

#endif

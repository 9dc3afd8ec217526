/* SPDX-License-Identifier: MIT */
/* Numbers by chance for fuzz targets that change seeds of their own: the same ones in every run. */
#ifndef CLADE_HARNESS_FUZZ_NEXT_H
#define CLADE_HARNESS_FUZZ_NEXT_H

#include <stdint.h>

#define FUZZ_START 88172645463325253ull

/* A number below the limit; `state` is not 0. */
static inline uint32_t fuzz_next(uint64_t *state, uint32_t limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 20) % limit);
}

#endif

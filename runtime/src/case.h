/* SPDX-License-Identifier: MIT */
/* Filling arrays with the named patterns of test cases. */
#ifndef CLADE_RUNTIME_CASE_H
#define CLADE_RUNTIME_CASE_H

#include <clade/tensor.h>

/* Fills a dense array of `type`, deterministic in all arguments. `fill` "" is normal. False if there is no such fill
 * for this element type or if it needs (or takes no) argument. */
bool clade_case_fill(const struct clade_type *type, const char *fill, int64_t argument, bool has_argument,
		     uint64_t seed, void *target);

#endif

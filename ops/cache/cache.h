/* SPDX-License-Identifier: MIT */
/* Ops that write states in place: what their files share. */
#ifndef CLADE_OPS_CACHE_H
#define CLADE_OPS_CACHE_H

#include <clade/op_kit.h>
#include <clade/stored.h>

struct cache_params {
	bool ring;
};

/* A ring of whole blocks wraps; with other numbers of rows positions end at the last one. */
static inline bool cache_is_ring(const struct clade_run *run)
{
	const struct cache_params *params = run->params;
	int64_t rows = run->inputs[0]->type.dims[2];

	return params->ring && rows > 0 && rows % 256 == 0;
}

extern const struct clade_impl cache_write_ref, cache_write_cl, cache_store_ref, cache_store_cl;

#endif

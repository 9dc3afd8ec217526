/* SPDX-License-Identifier: MIT */
/* Ops that write states in place: what their files share. */
#ifndef CLADE_OPS_CACHE_H
#define CLADE_OPS_CACHE_H

#include <clade/op_kit.h>

extern const struct clade_impl cache_write_ref, cache_write_cl, cache_store_ref, cache_store_cl;

#endif

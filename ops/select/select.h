/* SPDX-License-Identifier: MIT */
/* Ops that pick the largest elements of a row: what their files share. */
#ifndef CLADE_OPS_SELECT_H
#define CLADE_OPS_SELECT_H

#include <clade/op_kit.h>

struct select_top_k {
	int64_t k;
};

extern const struct clade_impl select_argmax_ref, select_argmax_cl, select_top_k_ref, select_top_k_cl;

#endif

/* SPDX-License-Identifier: MIT */
/* Rotary position embedding: what its files share. */
#ifndef CLADE_OPS_ROPE_H
#define CLADE_OPS_ROPE_H

#include <clade/op_kit.h>

enum rope_layout { ROPE_HALVES, ROPE_INTERLEAVED };

struct rope_params {
	float theta;
	int64_t rotary_dim;
	int32_t layout;
};
/* Columns that turn. */
static inline int64_t rope_width(const struct rope_params *params, int64_t d)
{
	return params->rotary_dim ? params->rotary_dim : d;
}

extern const struct clade_impl rope_ref, rope_cl;

#endif

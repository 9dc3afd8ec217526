/* SPDX-License-Identifier: MIT */
/* Rows of a table and waves of a position: what the files of this family share. */
#ifndef CLADE_OPS_EMBEDDING_FAMILY_H
#define CLADE_OPS_EMBEDDING_FAMILY_H

#include <clade/op_kit.h>

enum positional_layout { POSITIONAL_INTERLEAVED, POSITIONAL_HALVES };

struct positional_params {
	int32_t layout;
	int64_t start;
	float base;
	bool endpoint;
};
/* inv_freq of pair i, i < d / 2. */
static inline float positional_frequency(const struct positional_params *params, int64_t i, int64_t d)
{
	return clade_kit_inverse_frequency(params->base, i, params->endpoint ? d / 2 - 1 : d / 2);
}

extern const struct clade_op embedding_op, positional_op;
extern const struct clade_impl embedding_ref, embedding_cl, positional_ref, positional_cl;

#endif

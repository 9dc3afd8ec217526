/* SPDX-License-Identifier: MIT */
/* Mixture of experts: what its files share. */
#ifndef CLADE_OPS_MOE_H
#define CLADE_OPS_MOE_H

#include <clade/op_kit.h>

enum moe_port { MOE_X, MOE_INDICES, MOE_WEIGHTS, MOE_W1, MOE_W3, MOE_W2 };

struct moe_params {
	int32_t act; /* of moe_acts */
};
extern const char *const moe_acts[]; /* functions clm_... of the same names */

/* Sizes of a node. */
struct moe_shape {
	int64_t rows, chosen, experts, d, f;
};
static inline struct moe_shape moe_shape_of(const struct clade_type *x, const struct clade_type *indices,
					    const struct clade_type *w1)
{
	return (struct moe_shape) { clade_kit_product(x, 0, x->rank - 1), indices->dims[indices->rank - 1], w1->dims[0],
				    w1->dims[2], w1->dims[1] };
}

extern const struct clade_impl moe_ref, moe_cl;

#endif

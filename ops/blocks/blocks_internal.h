/* SPDX-License-Identifier: MIT */
/* What the files of the family `blocks` share. */
#ifndef CLADE_OPS_BLOCKS_INTERNAL_H
#define CLADE_OPS_BLOCKS_INTERNAL_H

#include <clade/host.h>

struct feed_forward_params {
	int32_t act; /* index into clade_feed_forward_acts, of gated_feed_forward into its own words */
};
struct add_norm_params {
	float eps;
};

/* Words of the attribute `act`, which are also the names of the functions in math.clh; NULL-terminated. */
extern const char *const clade_feed_forward_acts[];

/* The function of math.clh that gated_feed_forward's `act` means. */
const char *clade_gated_function(const struct feed_forward_params *params);

/* Rows of x[..., k]: the product of the leading dims. */
static inline int64_t blocks_rows(const struct clade_type *x)
{
	int64_t rows = 1;

	for (uint32_t i = 0; i + 1 < x->rank; i++)
		rows *= x->dims[i];
	return rows;
}

extern const struct clade_op clade_op_feed_forward, clade_op_gated_feed_forward, clade_op_qkv, clade_op_linear_add,
	clade_op_add_norm;
extern const struct clade_impl clade_impl_feed_forward_cl, clade_impl_feed_forward_cl_cpu,
	clade_impl_gated_feed_forward_cl_cpu, clade_impl_qkv_cl_cpu, clade_impl_linear_add_cl_cpu,
	clade_impl_add_norm_cl;
extern const struct clade_impl clade_impl_add_norm_cl_group, clade_impl_add_norm_cl_sub;

#endif

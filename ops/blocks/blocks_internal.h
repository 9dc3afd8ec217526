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

/* The node's next scratch: a hidden layer of `width` columns. */
static inline enum clade_status blocks_prepare_hidden(struct clade_prepare *prepare, int64_t width)
{
	size_t rows = (size_t)blocks_rows(prepare->node->inputs[0]), bytes;
	uint32_t slot;

	if (!clade_size_mul(rows, (size_t)width, &bytes) || !clade_size_mul(bytes, sizeof(float), &bytes))
		return prepare->host->prepare_fail(prepare, CLADE_ERR_UNSUPPORTED,
						   "the hidden layer of %zu rows is larger than memory can be", rows);
	return prepare->host->scratch(prepare, bytes, &slot);
}

extern const struct clade_op clade_op_feed_forward, clade_op_gated_feed_forward, clade_op_qkv, clade_op_linear_add,
	clade_op_add_norm;
extern const struct clade_impl clade_impl_feed_forward_cl, clade_impl_feed_forward_cl_cpu,
	clade_impl_gated_feed_forward_cl_cpu, clade_impl_qkv_cl_cpu, clade_impl_linear_add_cl_cpu,
	clade_impl_add_norm_cl;
extern const struct clade_impl clade_impl_feed_forward_cl_dot, clade_impl_gated_feed_forward_cl_dot,
	clade_impl_qkv_cl_dot, clade_impl_linear_add_cl_dot;
extern const struct clade_impl clade_impl_feed_forward_cl_plain, clade_impl_gated_feed_forward_cl_plain,
	clade_impl_qkv_cl_plain, clade_impl_linear_add_cl_plain;
extern const struct clade_impl clade_impl_add_norm_cl_group, clade_impl_add_norm_cl_sub;

#endif

/* SPDX-License-Identifier: MIT */
/* The family `reduce`: one row an op. */
#ifndef CLADE_REDUCE_H
#define CLADE_REDUCE_H

#include <clade/op_kit.h>

/* X(name, kernel function): every op of the family, in the order of its tables. */
#define REDUCE_OPS(X)                                                                                                  \
	X(reduce_sum, "reduce_sum")                                                                                    \
	X(reduce_mean, "reduce_sum")                                                                                   \
	X(reduce_max, "reduce_max")                                                                                    \
	X(reduce_min, "reduce_min")                                                                                    \
	X(reduce_prod, "reduce_prod")

#define REDUCE_INDEX(name, function) INDEX_##name,
enum reduce_index { REDUCE_OPS(REDUCE_INDEX) REDUCE_COUNT };
#undef REDUCE_INDEX

struct reduce_params {
	int64_t axis;
	bool keepdims;
};

extern const struct clade_op *const clade_reduce_ops[REDUCE_COUNT];
extern const struct clade_impl *const clade_reduce_refs[REDUCE_COUNT];
extern const struct clade_impl *const clade_reduce_cls[REDUCE_COUNT];
/* For GPUs; NULL where an op has none (a product is one chain). */
extern const struct clade_impl *const clade_reduce_groups[REDUCE_COUNT], *const clade_reduce_subs[REDUCE_COUNT];
extern const struct clade_op clade_op_cumulative_sum;
extern const struct clade_impl clade_ref_cumulative_sum, clade_cl_cumulative_sum;

#endif

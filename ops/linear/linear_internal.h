/* SPDX-License-Identifier: MIT */
/* What the files of the family `linear` share: its tables, and sizes that are read off a node. */
#ifndef CLADE_OPS_LINEAR_INTERNAL_H
#define CLADE_OPS_LINEAR_INTERNAL_H

#include <clade/linear.h>

/* Canonical arithmetic (ops/ARITHMETIC.md, 2): a sum over K restarts every so many terms. */
#define LINEAR_BLOCK 256

/* Axes of a broadcast batch, merged where both operands allow it. Strides count elements; 0 repeats. */
#define MATMUL_BATCH_AXES (CLADE_MAX_RANK - 2)
struct matmul_shape {
	int64_t m, n, k, batch;
	int64_t dims[MATMUL_BATCH_AXES], a_step[MATMUL_BATCH_AXES], b_step[MATMUL_BATCH_AXES]; /* innermost first */
	int64_t a_row, a_column; /* strides of a's m and k */
	int64_t b_row, b_column; /* strides of b's k and n */
};

/* Sizes and strides of one product. `a` and `b` are dense and of concrete type; `y` is the product's type. */
void clade_matmul_shape(const struct matmul_params *params, const struct clade_type *a, const struct clade_type *b,
			const struct clade_type *y, struct matmul_shape *out);

/* Rows of x[..., k]: the product of the leading dims. */
static inline int64_t linear_rows(const struct clade_type *x)
{
	int64_t rows = 1;

	for (uint32_t i = 0; i + 1 < x->rank; i++)
		rows *= x->dims[i];
	return rows;
}

/* The canonical sum over K of a[i * a_step] * b[i * b_step]: the specification of every product here. */
float clade_linear_dot(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t k);

/* Whether kernels can count the node's rows and columns; shared by linear's implementations. */
bool clade_linear_counts_fit(const struct clade_node_info *node, char *why, size_t why_size);

extern const struct clade_op clade_op_linear, clade_op_matmul;
extern const struct clade_impl clade_impl_linear_ref, clade_impl_linear_cl, clade_impl_linear_cl_cpu,
	clade_impl_linear_cl_local, clade_impl_linear_cl_dot, clade_impl_linear_cl_plain;
extern const struct clade_impl clade_impl_matmul_ref, clade_impl_matmul_cl, clade_impl_matmul_cl_cpu,
	clade_impl_matmul_cl_local;

#endif

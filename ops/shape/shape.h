/* SPDX-License-Identifier: MIT */
/* The family that moves elements without changing them: what its files share. */
#ifndef CLADE_OPS_SHAPE_H
#define CLADE_OPS_SHAPE_H

#include <clade/op_kit.h>

struct shape_reshape {
	struct clade_dims shape;
};
struct shape_transpose {
	struct clade_dims axes;
};
struct shape_concat {
	int64_t axis;
};
struct shape_slice {
	int64_t axis, start, end, step;
};
struct shape_split_heads {
	int64_t heads;
};

/* One strided copy of an execution: from inputs[input] moved by source_shift elements to output 0 moved by
 * target_shift. */
struct shape_part {
	uint32_t input;
	int64_t source_shift, target_shift;
	struct clade_walk walk;
};
/* Fills part `index`; false if there is no such part. */
typedef bool shape_part_fn(const struct clade_run *run, uint32_t index, struct shape_part *out);
shape_part_fn shape_reshape_part, shape_transpose_part, shape_concat_part, shape_slice_part, shape_split_heads_part,
	shape_merge_heads_part, shape_expand_part, shape_copy_part;
/* Whether x has the rows that a slice asks for: dims that a run binds are known only then. */
enum clade_status shape_slice_check(const struct clade_run *run);

/* What gather and gather_rows have in common: row r of y is row (r / per) * step + index[r] of x, rows of n elements,
 * if 0 <= index[r] < limit; else the fill pattern: NaN for f32, 0 for i32 and bool. */
struct shape_gather {
	int64_t count, per, step, limit, n;
	uint32_t fill;
};
void shape_gather_axis0(const struct clade_run *run, struct shape_gather *out);
void shape_gather_rows(const struct clade_run *run, struct shape_gather *out);

extern const struct clade_op *const shape_ops[];
extern const struct clade_impl *const shape_ref_impls[], *const shape_cl_impls[];

#endif

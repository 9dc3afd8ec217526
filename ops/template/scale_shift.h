/* SPDX-License-Identifier: MIT */
/* What the files of the op scale_shift share. */
#ifndef SCALE_SHIFT_H
#define SCALE_SHIFT_H

#include <clade/host.h>

/* The attributes, at the offsets that the op's table states. The host allocates and fills this. */
struct scale_shift {
	float shift;
};

/* x as a matrix: how many rows of n elements. */
static inline int64_t scale_shift_rows(const struct clade_type *x)
{
	int64_t rows = 1;

	for (uint32_t i = 0; i + 1 < x->rank; i++)
		rows *= x->dims[i];
	return rows;
}

extern const struct clade_op scale_shift_op;
extern const struct clade_impl scale_shift_ref, scale_shift_cl;

#endif

/* SPDX-License-Identifier: MIT */
/* The cases of the ops that move elements. */
#ifndef CLADE_OPS_SHAPE_CASES_H
#define CLADE_OPS_SHAPE_CASES_H

#include <clade/op.h>

extern const struct clade_case *const shape_cases_reshape[],
	*const shape_cases_transpose[],
		*const shape_cases_concat[], *const shape_cases_slice[],
						     *const shape_cases_split_heads[],
							     *const shape_cases_merge_heads[],
								     *const shape_cases_gather[],
									     *const shape_cases_gather_rows[],
										     *const shape_cases_expand[],
											     *const shape_cases_copy[];

#endif

/* SPDX-License-Identifier: MIT */
/* The family `norm`: softmax, layer_norm, rms_norm. */
#ifndef CLADE_NORM_H
#define CLADE_NORM_H

#include <clade/op_kit.h>

struct norm_params {
	float eps;
};
struct softmax_params {
	int64_t axis;
};

extern const struct clade_op clade_op_layer_norm, clade_op_rms_norm, clade_op_softmax;
extern const struct clade_impl clade_impl_layer_norm_ref, clade_impl_rms_norm_ref, clade_impl_softmax_ref;
extern const struct clade_impl clade_impl_layer_norm_cl, clade_impl_rms_norm_cl, clade_impl_softmax_cl;
extern const struct clade_impl clade_impl_layer_norm_cl_group, clade_impl_rms_norm_cl_group,
	clade_impl_softmax_cl_group;
extern const struct clade_impl clade_impl_layer_norm_cl_sub, clade_impl_rms_norm_cl_sub, clade_impl_softmax_cl_sub;

/* The rows of a tensor whose last axis is dense: its leading axes from the innermost outward, without those of size 1
 * and with neighbours merged where the strides allow; at least one axis. */
struct norm_rows {
	uint32_t axes;
	int64_t n; /* elements a row */
	int64_t size[CLADE_MAX_RANK], step[CLADE_MAX_RANK];
};
void clade_norm_rows(const struct clade_tensor *x, struct norm_rows *rows);

/* Who makes a row of layer_norm or rms_norm: an item, 64 items with local memory, or a sub-group. The kernel is slot 0.
 */
enum norm_form { NORM_ITEM, NORM_GROUP, NORM_SUB_GROUP };
enum clade_status clade_norm_run(const struct clade_run *run, enum norm_form form);

#endif

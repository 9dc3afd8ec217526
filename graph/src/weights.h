/* SPDX-License-Identifier: MIT */
/* The weights of a graph on one device, in the layouts that steps ask for; loaded when first asked for. */
#ifndef CLADE_WEIGHTS_H
#define CLADE_WEIGHTS_H

#include "model.h"

struct clade_weights;

/* Borrows graph, device and queue, which must outlive it. One thread at a time; a large weight is read by `threads` of
 * them. */
enum clade_status clade_weights_create(const struct clade_graph *graph, struct clade_device *device,
				       struct clade_queue *queue, uint32_t threads, struct clade_weights **out_weights,
				       struct clade_diag *diag);
void clade_weights_destroy(struct clade_weights **weights);
/* The weight in this layout (CLADE_LAYOUT_ANY: in whichever it has, else in rows). The tensor lives as long as
 * `weights`. */
enum clade_status clade_weights_get(struct clade_weights *weights, uint32_t weight, struct clade_layout layout,
				    const struct clade_tensor **out_tensor, struct clade_diag *diag);
/* Whether a copy in this layout (ANY: any) is there already. */
bool clade_weights_has(const struct clade_weights *weights, uint32_t weight, struct clade_layout layout);
/* Bytes of all copies, and of those that are a weight's second copy or more. */
void clade_weights_bytes(const struct clade_weights *weights, uint64_t *out_total, uint64_t *out_second);

#endif

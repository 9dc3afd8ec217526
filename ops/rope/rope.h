/* SPDX-License-Identifier: MIT */
/* Rotary position embedding: what its files share. */
#ifndef CLADE_OPS_ROPE_H
#define CLADE_OPS_ROPE_H

#include "../math.h"

#include <clade/op_kit.h>

enum rope_layout { ROPE_HALVES, ROPE_INTERLEAVED };
enum rope_scaling { ROPE_NONE, ROPE_LINEAR, ROPE_LLAMA3 };

struct rope_params {
	float theta;
	int64_t rotary_dim;
	int32_t layout, scaling;
	float factor, low_factor, high_factor;
	int64_t original;
};
/* Columns that turn. */
static inline int64_t rope_width(const struct rope_params *params, int64_t d)
{
	return params->rotary_dim ? params->rotary_dim : d;
}

/* Frequency of pair i of `half`, by the f32 operations of Hugging Face's transformers (modeling_rope_utils.py). */
float rope_frequency(const struct rope_params *params, int64_t i, int64_t half);

extern const struct clade_impl rope_ref, rope_cl;

#endif

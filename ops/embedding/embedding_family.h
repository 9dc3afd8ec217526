/* SPDX-License-Identifier: MIT */
/* Rows of a table and waves of a position: what the files of this family share. */
#ifndef CLADE_OPS_EMBEDDING_FAMILY_H
#define CLADE_OPS_EMBEDDING_FAMILY_H

#include <clade/op_kit.h>

enum positional_layout { POSITIONAL_INTERLEAVED, POSITIONAL_HALVES };

struct positional_params {
	int32_t layout;
	int64_t start;
	float base;
	bool endpoint;
};
/* inv_freq of pair i, i < d / 2. */
static inline float positional_frequency(const struct positional_params *params, int64_t i, int64_t d)
{
	return clade_kit_inverse_frequency(params->base, i, params->endpoint ? d / 2 - 1 : d / 2);
}

#define RELATIVE_MOST 16384 /* the largest max_distance */

struct relative_params {
	int64_t keys;
	bool bidirectional;
	int64_t max_distance;
};
/* Buckets of one direction, of `buckets` in all. */
static inline int64_t relative_side(const struct relative_params *params, int64_t buckets)
{
	return params->bidirectional ? buckets / 2 : buckets;
}
/* The bucket of a distance >= 0 among `side` >= 2; f32 as Hugging Face computes it, with a correctly rounded log. */
static inline int64_t relative_bucket(int64_t side, int64_t max_distance, int64_t distance)
{
	int64_t exact = side / 2, bucket;

	if (distance < exact)
		return distance;
	if (distance >= max_distance)
		return side - 1;
	float share = (float)clade_kit_log((double)((float)distance / (float)exact)) /
		      (float)clade_kit_log((double)max_distance / (double)exact);
	bucket = exact + (int64_t)(share * (float)(side - exact));
	return bucket < side ? bucket : side - 1;
}

extern const struct clade_op alibi_op;
extern const struct clade_impl alibi_ref, alibi_cl;
extern const struct clade_op embedding_op, positional_op, relative_op;
extern const struct clade_impl embedding_ref, embedding_cl, positional_ref, positional_cl, relative_ref, relative_cl;

#endif

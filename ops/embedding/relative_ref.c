/* SPDX-License-Identifier: MIT */
/* relative_position_bias, reference (ops/ARITHMETIC.md, section 8). */
#include "embedding_family.h"

static enum clade_status run_ref(const struct clade_run *run)
{
	const struct relative_params *params = run->params;
	const struct clade_type *type = &run->outputs[0]->type;
	const int32_t *pos = run->inputs[2] ? run->inputs[2]->data : NULL;
	const float *table = run->inputs[1]->data;
	int64_t heads = type->dims[1], t = type->dims[2], keys = type->dims[3];
	int64_t side = relative_side(params, run->inputs[1]->type.dims[0]);
	float *y = run->outputs[0]->data;

	for (int64_t b = 0; b < type->dims[0]; b++)
		for (int64_t i = 0; i < t; i++) {
			int64_t p = pos ? pos[b * t + i] : i;

			for (int64_t j = 0; j < keys; j++) {
				bool behind = params->bidirectional && j > p;
				int64_t distance = j <= p ? p - j : behind ? j - p : 0;
				int64_t bucket =
					relative_bucket(side, params->max_distance, distance) + (behind ? side : 0);

				for (int64_t h = 0; h < heads; h++)
					y[((b * heads + h) * t + i) * keys + j] =
						p < 0 ? 0.0f : table[bucket * heads + h];
			}
		}
	return CLADE_OK;
}

const struct clade_impl relative_ref = {
	.size = sizeof(struct clade_impl),
	.op = "relative_position_bias",
	.name = "ref",
	.doc = "value by value; the specification",
	.needs = CLADE_NEEDS_HOST,
	.run = run_ref,
};

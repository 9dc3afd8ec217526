/* SPDX-License-Identifier: MIT */
/* positional_encoding, reference (ops/ARITHMETIC.md, section 8). */
#include "../math.h"
#include "embedding_family.h"

static enum clade_status run_ref(const struct clade_run *run)
{
	const struct positional_params *params = run->params;
	const struct clade_tensor *pos = run->inputs[1];
	const struct clade_type *type = &run->outputs[0]->type;
	int64_t d = type->dims[type->rank - 1], half = d / 2, rows = clade_kit_product(type, 0, type->rank - 1);
	bool halves = params->layout == POSITIONAL_HALVES;
	float *y = run->outputs[0]->data;

	for (int64_t i = 0; i < half; i++) {
		float frequency = positional_frequency(params, i, d);

		for (int64_t row = 0; row < rows; row++) {
			int64_t at = pos ? ((const int32_t *)pos->data)[row] : row;
			float angle = (float)(at + params->start) * frequency;

			y[row * d + (halves ? i : 2 * i)] = at < 0 ? 0.0f : clm_sin(angle);
			y[row * d + (halves ? half + i : 2 * i + 1)] = at < 0 ? 0.0f : clm_cos(angle);
		}
	}
	return CLADE_OK;
}

const struct clade_impl positional_ref = {
	.size = sizeof(struct clade_impl),
	.op = "positional_encoding",
	.name = "ref",
	.doc = "value by value; the specification",
	.needs = CLADE_NEEDS_HOST,
	.run = run_ref,
};

/* SPDX-License-Identifier: MIT */
/* embedding, reference. */
#include "embedding_family.h"
#include <clade/stored.h>
#include <math.h>

static enum clade_status prepare_ref(struct clade_prepare *prepare)
{
	return prepare->host->layout(prepare, 1, (struct clade_layout) { CLADE_LAYOUT_ANY, 0 });
}

static enum clade_status run_ref(const struct clade_run *run)
{
	const struct clade_tensor *table = run->inputs[1];
	const int32_t *ids = run->inputs[0]->data;
	float *y = run->outputs[0]->data;
	int64_t count = clade_kit_count(&run->inputs[0]->type), v = table->type.dims[0], d = table->type.dims[1];

	for (int64_t row = 0; row < count; row++)
		for (int64_t i = 0; i < d; i++) {
			int64_t id = ids[row];

			y[row * d + i] = id < 0 || id >= v ? NAN : clade_stored_at(table, id, i);
		}
	return CLADE_OK;
}

const struct clade_impl embedding_ref = {
	.size = sizeof(struct clade_impl),
	.op = "embedding",
	.name = "ref",
	.doc = "element by element; the specification",
	.needs = CLADE_NEEDS_HOST,
	.prepare = prepare_ref,
	.run = run_ref,
	.weight_dtypes = CLADE_STORED_DTYPES,
};

/* SPDX-License-Identifier: MIT */
/* embedding on OpenCL devices. */
#include "embedding_family.h"
#include <clade/stored.h>

struct embedding_slots {
	uint32_t kernel;
};

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	struct embedding_slots *slots = prepare->data;
	enum clade_status status = prepare->host->layout(prepare, 1, (struct clade_layout) { CLADE_LAYOUT_ANY, 0 });

	if (!status)
		status = prepare->host->kernel(prepare, "embedding/embedding.cl", "embedding",
					       clade_stored_define(prepare->node->inputs[1]->dtype), &slots->kernel);
	return status;
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct embedding_slots *slots = run->data;
	const struct clade_tensor *table = run->inputs[1];
	int64_t count = clade_kit_count(&run->inputs[0]->type), d = table->type.dims[1];
	bool big = clade_kit_big_items(run->device);
	int64_t many = big ? (count + 63) / 64 : 1, span = big ? d : 1;

	if (count > INT32_MAX || d > INT32_MAX || table->type.dims[0] > INT32_MAX)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more than 2^31 - 1 rows or columns");
	if (!count || !d)
		return CLADE_OK;
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->inputs[0]),
		CLADE_TENSOR(table),
		CLADE_TENSOR(run->outputs[0]),
		CLADE_UINT(count),
		CLADE_UINT(many),
		CLADE_INT(table->type.dims[0]),
		CLADE_UINT(d),
		CLADE_UINT(span),
		CLADE_UINT(table->layout.width),
		CLADE_UINT(table->layout.kind == CLADE_LAYOUT_QUADS),
	};
	return run->host->launch(
		run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
		(const uint64_t[3]) { (uint64_t)((d + span - 1) / span), (uint64_t)((count + many - 1) / many), 1 },
		(const uint32_t[3]) { clade_kit_group(run->device), 1, 1 });
}

const struct clade_impl embedding_cl = {
	.size = sizeof(struct clade_impl),
	.op = "embedding",
	.name = "cl",
	.doc = "rows copied, also out of packed weights; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.data_size = sizeof(struct embedding_slots),
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
	.weight_dtypes = CLADE_STORED_DTYPES,
};

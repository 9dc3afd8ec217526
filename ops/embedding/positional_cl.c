/* SPDX-License-Identifier: MIT */
/* positional_encoding on OpenCL devices; the frequencies are a constant array made on the host. */
#include "embedding_family.h"

#define MOST_PAIRS 16384 /* frequencies that prepare makes room for */

struct positional_slots {
	uint32_t kernel, frequencies;
	int64_t d;
};

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	static const char reason[] = "d is over 32768";

	if (node->inputs[0]->dims[2] <= 2 * MOST_PAIRS)
		return true;
	memcpy(why, reason, why_size < sizeof(reason) ? why_size : sizeof(reason));
	if (why_size)
		why[why_size - 1] = 0;
	return false;
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	struct positional_slots *slots = prepare->data;
	const struct clade_type type = { .dtype = CLADE_F32,
					 .rank = 1,
					 .dims = { prepare->node->inputs[0]->dims[2] / 2 } };
	float values[MOST_PAIRS];
	enum clade_status status =
		prepare->host->kernel(prepare, "embedding/positional.cl", "positional_encoding", NULL, &slots->kernel);

	slots->d = prepare->node->inputs[0]->dims[2];
	for (int64_t i = 0; i < slots->d / 2; i++)
		values[i] = positional_frequency(prepare->node->params, i, slots->d);
	if (!status)
		status = prepare->host->constant(prepare, &type, values, &slots->frequencies);
	return status;
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct positional_params *params = run->params;
	const struct positional_slots *slots = run->data;
	const struct clade_type *type = &run->outputs[0]->type;
	int64_t rows = clade_kit_product(type, 0, type->rank - 1), half = slots->d / 2;
	bool big = clade_kit_big_items(run->device);
	/* Pairs an item: whole rows on processors; else as few as a vector. */
	int64_t span = big || half < 16 ? half : 16;

	if (type->dims[type->rank - 1] != slots->d || rows > INT32_MAX)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED,
					   "d differs from the prepared one, or more than 2^31 - 1 rows");
	if (!half)
		return CLADE_OK;
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->constants[slots->frequencies]),
		CLADE_TENSOR(run->inputs[1]),
		CLADE_TENSOR(run->outputs[0]),
		CLADE_INT(rows),
		CLADE_INT(half),
		CLADE_INT(span),
		CLADE_LONG(params->start),
		CLADE_INT(params->layout == POSITIONAL_HALVES),
		CLADE_INT(run->inputs[1] != NULL),
	};
	return run->host->launch(run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
				 (const uint64_t[3]) { (uint64_t)((half + span - 1) / span), (uint64_t)rows, 1 },
				 (const uint32_t[3]) { 1, clade_kit_group(run->device), 1 });
}

const struct clade_impl positional_cl = {
	.size = sizeof(struct clade_impl),
	.op = "positional_encoding",
	.name = "cl",
	.doc = "vectors of pairs; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts,
	.data_size = sizeof(struct positional_slots),
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};

/* SPDX-License-Identifier: MIT */
/* relative_position_bias on OpenCL devices; the bucket of each distance is a constant array made on the host. */
#include "embedding_family.h"

struct relative_slots {
	uint32_t kernel, buckets;
};

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	const struct relative_params *params = prepare->node->params;
	struct relative_slots *slots = prepare->data;
	const struct clade_type type = { .dtype = CLADE_I32, .rank = 1, .dims = { params->max_distance + 1 } };
	int64_t side = relative_side(params, prepare->node->inputs[1]->dims[0]);
	int32_t values[RELATIVE_MOST + 1];
	enum clade_status status =
		prepare->host->kernel(prepare, "embedding/relative.cl", "relative_position_bias", NULL, &slots->kernel);

	for (int64_t i = 0; i <= params->max_distance; i++)
		values[i] = (int32_t)relative_bucket(side, params->max_distance, i);
	if (!status)
		status = prepare->host->constant(prepare, &type, values, &slots->buckets);
	return status;
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct relative_params *params = run->params;
	const struct relative_slots *slots = run->data;
	const struct clade_type *type = &run->outputs[0]->type;
	int64_t heads = type->dims[1], t = type->dims[2], keys = type->dims[3], rows = type->dims[0] * t;
	int64_t side = relative_side(params, run->inputs[1]->type.dims[0]);
	int64_t span = clade_kit_big_items(run->device) ? 1024 : 16; /* keys an item */

	if (rows > INT32_MAX || keys > INT32_MAX || heads > INT32_MAX)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more than 2^31 - 1 rows, heads or keys");
	if (!rows || !heads || !keys)
		return CLADE_OK;
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->constants[slots->buckets]),
		CLADE_TENSOR(run->inputs[1]),
		CLADE_TENSOR(run->inputs[2]),
		CLADE_TENSOR(run->outputs[0]),
		CLADE_INT(rows),
		CLADE_INT(heads),
		CLADE_INT(t),
		CLADE_INT(keys),
		CLADE_INT(span),
		CLADE_INT(params->max_distance),
		CLADE_INT(params->bidirectional ? side : 0),
		CLADE_INT(run->inputs[2] != NULL),
	};
	return run->host->launch(
		run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
		(const uint64_t[3]) { (uint64_t)((keys + span - 1) / span), (uint64_t)rows, (uint64_t)heads },
		(const uint32_t[3]) { 1, clade_kit_group(run->device), 1 });
}

const struct clade_impl relative_cl = {
	.size = sizeof(struct clade_impl),
	.op = "relative_position_bias",
	.name = "cl",
	.doc = "runs of keys; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.data_size = sizeof(struct relative_slots),
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};

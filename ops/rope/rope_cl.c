/* SPDX-License-Identifier: MIT */
/* rope on OpenCL devices; the frequencies are a constant array made on the host. */
#include "rope.h"

struct rope_slots {
	uint32_t kernel, frequencies;
	int64_t half;
};

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	static const char reason[] = "more than 32768 columns turn";

	if (rope_width(node->params, node->inputs[0]->dims[3]) <= 2 * ROPE_MOST_PAIRS)
		return true;
	memcpy(why, reason, why_size < sizeof(reason) ? why_size : sizeof(reason));
	if (why_size)
		why[why_size - 1] = 0;
	return false;
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	struct rope_slots *slots = prepare->data;
	const struct rope_params *params = prepare->node->params;
	enum clade_status status = prepare->host->kernel(prepare, "rope/rope.cl", "rope", NULL, &slots->kernel);

	slots->half = rope_width(params, prepare->node->inputs[0]->dims[3]) / 2;
	return status ? status : rope_prepare_frequencies(prepare, params, slots->half, &slots->frequencies);
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct rope_slots *slots = run->data;
	const struct rope_params *params = run->params;
	const struct clade_tensor *x = run->inputs[0], *y = run->outputs[0];
	const int64_t *dims = x->type.dims;
	uint32_t width = run->device->vector_width ? run->device->vector_width : 1;

	for (int i = 0; i < 4; i++)
		if (dims[i] > INT32_MAX)
			return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "an axis is longer than 2^31 - 1");
	if (rope_width(params, dims[3]) / 2 != slots->half)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "d differs from the prepared one");
	if (!dims[3])
		return CLADE_OK;
	/* One item turns a vector of pairs of all heads: their angles are the same. An item more copies what stays. */
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->constants[slots->frequencies]),
		CLADE_TENSOR(run->inputs[2] ? run->inputs[2] : run->constants[slots->frequencies]),
		CLADE_INT(run->inputs[2] != NULL),
		CLADE_TENSOR(x),
		CLADE_TENSOR(run->inputs[1]),
		CLADE_TENSOR(y),
		CLADE_INT(dims[0]),
		CLADE_INT(dims[1]),
		CLADE_INT(dims[2]),
		CLADE_INT(dims[3]),
		CLADE_INT(slots->half),
		CLADE_LONG(x->strides[0]),
		CLADE_LONG(x->strides[1]),
		CLADE_LONG(x->strides[2]),
		CLADE_LONG(y->strides[0]),
		CLADE_LONG(y->strides[1]),
		CLADE_LONG(y->strides[2]),
		CLADE_INT(params->layout == ROPE_HALVES),
	};
	return run->host->launch(run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
				 (const uint64_t[3]) { (uint64_t)((slots->half + width - 1) / width + 1),
						       (uint64_t)dims[2], (uint64_t)dims[0] },
				 (const uint32_t[3]) { 1, clade_kit_group(run->device), 1 });
}

const struct clade_impl rope_cl = {
	.size = sizeof(struct clade_impl),
	.op = "rope",
	.name = "cl",
	.doc = "vectors of pairs, all heads of a position together; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.strided_inputs = 1,
	.strided_outputs = 1,
	.accepts = accepts,
	.data_size = sizeof(struct rope_slots),
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};

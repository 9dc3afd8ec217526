/* SPDX-License-Identifier: MIT */
/* moe on OpenCL devices in two launches: the hidden layers of all chosen experts into scratch memory, then their sums.
 */
#include "moe.h"

#define MOST_ROWS 65535 /* groups along axis 1 that every device takes */

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	struct moe_shape s = moe_shape_of(node->inputs[MOE_X], node->inputs[MOE_INDICES], node->inputs[MOE_W1]);

	if (s.rows > INT32_MAX || s.chosen > INT32_MAX || s.rows * s.chosen > INT32_MAX || s.d > INT32_MAX ||
	    s.f > INT32_MAX || s.experts > INT32_MAX) {
		snprintf(why, why_size, "%lld rows of %lld experts are more than its 31-bit counters hold",
			 (long long)s.rows, (long long)s.chosen);
		return false;
	}
	return clade_kit_loops_fit(node->device, s.d, 2, why, why_size) &&
	       clade_kit_loops_fit(node->device, s.f + 1, s.chosen > 0 ? s.chosen : 1, why, why_size);
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	const struct clade_node_info *node = prepare->node;
	const struct moe_params *params = node->params;
	struct moe_shape s = moe_shape_of(node->inputs[MOE_X], node->inputs[MOE_INDICES], node->inputs[MOE_W1]);
	size_t bytes;
	char defines[32];
	uint32_t slot;
	enum clade_status status;

	if (!clade_size_mul((size_t)(s.rows * s.chosen), (size_t)s.f, &bytes) ||
	    !clade_size_mul(bytes, sizeof(float), &bytes))
		return prepare->host->prepare_fail(prepare, CLADE_ERR_UNSUPPORTED,
						   "the hidden layers are larger than memory can be");
	snprintf(defines, sizeof(defines), "ACT=%s", moe_acts[params->act]);
	status = prepare->host->kernel(prepare, "moe/moe.cl", "moe_hidden", defines, &slot);
	if (!status)
		status = prepare->host->kernel(prepare, "moe/moe.cl", "moe_sum", defines, &slot);
	return status ? status : prepare->host->scratch(prepare, bytes, &slot);
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct clade_tensor *const *in = run->inputs;
	struct moe_shape s = moe_shape_of(&in[MOE_X]->type, &in[MOE_INDICES]->type, &in[MOE_W1]->type);
	uint32_t group = clade_kit_group(run->device);
	int64_t pairs = s.rows * s.chosen;
	enum clade_status status = CLADE_OK;

	for (int64_t first = 0; first < pairs && !status; first += MOST_ROWS) {
		int64_t count = pairs - first < MOST_ROWS ? pairs - first : MOST_ROWS;
		const struct clade_arg args[] = {
			CLADE_TENSOR(in[MOE_X]),
			CLADE_TENSOR(in[MOE_INDICES]),
			CLADE_TENSOR(in[MOE_W1]),
			CLADE_TENSOR(in[MOE_W3]),
			CLADE_TENSOR(run->scratch[0]),
			CLADE_UINT(pairs),
			CLADE_UINT(s.chosen),
			CLADE_INT(s.experts),
			CLADE_UINT(s.d),
			CLADE_UINT(s.f),
			CLADE_UINT(first),
		};

		status = run->host->launch(run, 0, args, sizeof(args) / sizeof(*args),
					   (const uint64_t[3]) { (uint64_t)s.f, (uint64_t)count, 1 },
					   (const uint32_t[3]) { group, 1, 1 });
	}
	for (int64_t first = 0; first < s.rows && !status; first += MOST_ROWS) {
		int64_t count = s.rows - first < MOST_ROWS ? s.rows - first : MOST_ROWS;
		const struct clade_arg args[] = {
			CLADE_TENSOR(run->scratch[0]),
			CLADE_TENSOR(in[MOE_INDICES]),
			CLADE_TENSOR(in[MOE_WEIGHTS]),
			CLADE_TENSOR(in[MOE_W2]),
			CLADE_TENSOR(run->outputs[0]),
			CLADE_UINT(s.rows),
			CLADE_UINT(s.chosen),
			CLADE_INT(s.experts),
			CLADE_UINT(s.d),
			CLADE_UINT(s.f),
			CLADE_UINT(first),
		};

		status = run->host->launch(run, 1, args, sizeof(args) / sizeof(*args),
					   (const uint64_t[3]) { (uint64_t)s.d, (uint64_t)count, 1 },
					   (const uint32_t[3]) { group, 1, 1 });
	}
	return status;
}

const struct clade_impl moe_cl = {
	.size = sizeof(struct clade_impl),
	.op = "moe",
	.name = "cl",
	.doc = "an item makes one column of one row and expert, then of one row; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts,
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};

/* SPDX-License-Identifier: MIT */
/* scale_shift on any OpenCL device. `prepare` happens once a plan, `run` on every execution: it only enqueues. No
 * OpenCL type appears: the host's services do that. */
#include "scale_shift.h"

#include <stdio.h>

enum { MOST_ROWS = 65535, GROUP = 64 }; /* groups along one axis that every device takes; items a group on GPUs */

/* Say no in one sentence without a full stop; the plan prints it. */
static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct clade_type *x = node->inputs[0];

	if (x->dims[x->rank - 1] <= INT32_MAX)
		return true;
	snprintf(why, why_size, "rows of %lld elements are more than its 31-bit counter holds",
		 (long long)x->dims[x->rank - 1]);
	return false;
}

static enum clade_status prepare(struct clade_prepare *prepare)
{
	uint32_t slot; /* counts from 0 in the order of the calls: run launches slot 0 */

	return prepare->host->kernel(prepare, "template/scale_shift.cl", "scale_shift", NULL, &slot);
}

static enum clade_status run(const struct clade_run *run)
{
	const struct scale_shift *params = run->params;
	const struct clade_type *x = &run->inputs[0]->type;
	int64_t n = x->dims[x->rank - 1], rows = scale_shift_rows(x);
	uint32_t group = run->device->kind == CLADE_DEVICE_CPU ? 1 : GROUP;
	enum clade_status status = CLADE_OK;

	for (int64_t first = 0; first < rows && !status; first += MOST_ROWS) {
		int64_t count = rows - first < MOST_ROWS ? rows - first : MOST_ROWS;
		const struct clade_arg args[] = {
			CLADE_TENSOR(run->inputs[0]),
			CLADE_TENSOR(run->inputs[1]), /* two kernel arguments each */
			CLADE_TENSOR(run->outputs[0]),
			CLADE_UINT(n),
			CLADE_LONG(first),
			CLADE_FLOAT(params->shift),
			CLADE_UINT(run->inputs[1] != NULL),
		};

		status = run->host->launch(run, 0, args, sizeof(args) / sizeof(args[0]),
					   (const uint64_t[3]) { (uint64_t)n, (uint64_t)count, 1 },
					   (const uint32_t[3]) { group, 1, 1 });
	}
	return status;
}

const struct clade_impl scale_shift_cl = {
	.size = sizeof(struct clade_impl),
	.op = "scale_shift",
	.name = "cl",
	.doc = "an item makes one element; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts,
	.prepare = prepare,
	.run = run,
	.priority = 10,
};

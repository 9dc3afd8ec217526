/* SPDX-License-Identifier: MIT */
/* `feed_forward` on OpenCL devices in two launches: the hidden layer with its activation into scratch memory, then the
 * output. It runs anywhere; `cl.cpu` is in products_cl.c. */
#include "blocks_internal.h"
#include <clade/op_kit.h>
#include <stdio.h>

/* Kernels count rows and columns in 32 bits, with room to round up to a tile. */
#define LIMIT INT32_MAX

enum { PORT_X, PORT_W1, PORT_B1, PORT_W2, PORT_B2, PORT_RESIDUAL };

static bool counts_fit(const struct clade_node_info *node, char *why, size_t why_size)
{
	int64_t rows = blocks_rows(node->inputs[PORT_X]);
	int64_t d = node->inputs[PORT_W1]->dims[1], f = node->inputs[PORT_W2]->dims[1];
	int64_t e = node->inputs[PORT_W2]->dims[0];

	if (rows <= LIMIT && d <= LIMIT && f <= LIMIT && e <= LIMIT)
		return clade_kit_loops_fit(node->device, d > f ? d : f, 1, why, why_size);
	snprintf(why, why_size, "%lld rows of %lld, %lld and %lld are more than its 31-bit counters hold",
		 (long long)rows, (long long)d, (long long)f, (long long)e);
	return false;
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	const struct feed_forward_params *params = prepare->node->params;
	enum clade_status status;
	char defines[32];
	uint32_t slot;

	snprintf(defines, sizeof(defines), "ACT=%s", clade_feed_forward_acts[params->act]);
	status = prepare->host->kernel(prepare, "blocks/feed_forward.cl", "feed_forward", defines, &slot);
	return status ? status : blocks_prepare_hidden(prepare, prepare->node->inputs[PORT_W2]->dims[1]);
}

static enum clade_status half_cl(const struct clade_run *run, const struct clade_tensor *x,
				 const struct clade_tensor *w, const struct clade_tensor *bias,
				 const struct clade_tensor *residual, const struct clade_tensor *y, int64_t rows,
				 bool act)
{
	uint32_t wide = run->device->kind == CLADE_DEVICE_CPU ? 1 : 64;
	enum clade_status status = CLADE_OK;

	/* Some devices take no more than 65535 groups along axis 1; an item makes four rows (DOT_ROWS there). */
	for (int64_t first = 0; first < rows && !status; first += 4 * 65535) {
		int64_t count = rows - first < 4 * 65535 ? rows - first : 4 * 65535;
		const struct clade_arg args[] = { CLADE_TENSOR(x),
						  CLADE_TENSOR(w),
						  CLADE_TENSOR(bias),
						  CLADE_TENSOR(residual),
						  CLADE_TENSOR(y),
						  CLADE_UINT(rows),
						  CLADE_UINT(w->type.dims[0]),
						  CLADE_UINT(w->type.dims[1]),
						  CLADE_UINT(bias != NULL),
						  CLADE_UINT(residual != NULL),
						  CLADE_UINT(act),
						  CLADE_UINT(first) };

		status = run->host->launch(
			run, 0, args, sizeof(args) / sizeof(*args),
			(const uint64_t[3]) { (uint64_t)w->type.dims[0], ((uint64_t)count + 3) / 4, 1 },
			(const uint32_t[3]) { wide, 1, 1 });
	}
	return status;
}

static enum clade_status run_cl(const struct clade_run *run)
{
	int64_t rows = blocks_rows(&run->inputs[PORT_X]->type);
	const struct clade_tensor *const *in = run->inputs;
	const struct clade_tensor *hidden = run->scratch[0];
	enum clade_status status = half_cl(run, in[PORT_X], in[PORT_W1], in[PORT_B1], NULL, hidden, rows, true);

	return status ? status
		      : half_cl(run, hidden, in[PORT_W2], in[PORT_B2], in[PORT_RESIDUAL], run->outputs[0], rows, false);
}

const struct clade_impl clade_impl_feed_forward_cl = {
	.size = sizeof(struct clade_impl),
	.op = "feed_forward",
	.name = "cl",
	.doc = "two products, the activation in the first one's end; an item makes four rows of one column; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = counts_fit,
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
	/* On GPUs the opened block is better: linear's tiles in local memory. */
	.kinds = ~CLADE_KIND_BIT(CLADE_DEVICE_GPU),
};

/* SPDX-License-Identifier: MIT */
/* argmax and top_k on OpenCL devices. argmax cuts rows into pieces, so that few long rows still make many items. */
#include "select.h"

#define PIECE 1024 /* elements that one item of argmax scans */

struct select_slots {
	uint32_t kernel, merge, piece_values, piece_indices;
};

static void row_shape(const struct clade_type *x, int64_t *rows, int64_t *n)
{
	*n = x->dims[x->rank - 1];
	*rows = clade_kit_product(x, 0, x->rank - 1);
}

static enum clade_status prepare_argmax(struct clade_prepare *prepare)
{
	struct select_slots *slots = prepare->data;
	const struct clade_host *host = prepare->host;
	enum clade_status status;
	int64_t rows, n;
	size_t bytes;

	row_shape(prepare->node->inputs[0], &rows, &n);
	if (!clade_size_mul((size_t)rows, (size_t)((n + PIECE - 1) / PIECE), &bytes) ||
	    !clade_size_mul(bytes, sizeof(float), &bytes))
		return host->prepare_fail(prepare, CLADE_ERR_UNSUPPORTED, "x is too large");
	status = host->kernel(prepare, "select/select.cl", "argmax_pieces", NULL, &slots->kernel);
	if (!status)
		status = host->kernel(prepare, "select/select.cl", "argmax_merge", NULL, &slots->merge);
	if (!status)
		status = host->scratch(prepare, bytes, &slots->piece_values);
	if (!status)
		status = host->scratch(prepare, bytes, &slots->piece_indices);
	return status;
}

static enum clade_status run_argmax(const struct clade_run *run)
{
	const struct select_slots *slots = run->data;
	const struct clade_tensor *values = run->scratch[slots->piece_values],
				  *indices = run->scratch[slots->piece_indices];
	uint32_t local = clade_kit_big_items(run->device) ? 1 : 64;
	int64_t rows, n, pieces;
	enum clade_status status;

	row_shape(&run->inputs[0]->type, &rows, &n);
	pieces = (n + PIECE - 1) / PIECE;
	if (rows > INT32_MAX || n > INT32_MAX)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more than 2^31 - 1 rows or columns");
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
					  CLADE_TENSOR(values),
					  CLADE_TENSOR(indices),
					  CLADE_INT(rows),
					  CLADE_INT(n),
					  CLADE_INT(PIECE) };
	status = run->host->launch(run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
				   (const uint64_t[3]) { (uint64_t)pieces, (uint64_t)rows, 1 },
				   (const uint32_t[3]) { 1, local, 1 });
	if (status)
		return status;
	const struct clade_arg merge[] = { CLADE_TENSOR(values), CLADE_TENSOR(indices), CLADE_TENSOR(run->outputs[0]),
					   CLADE_INT(rows), CLADE_INT(pieces) };
	return run->host->launch(run, slots->merge, merge, sizeof(merge) / sizeof(merge[0]),
				 (const uint64_t[3]) { (uint64_t)rows, 1, 1 }, (const uint32_t[3]) { local, 1, 1 });
}

static enum clade_status prepare_top_k(struct clade_prepare *prepare)
{
	struct select_slots *slots = prepare->data;
	const struct select_top_k *params = prepare->node->params;
	const struct clade_host *host = prepare->host;
	enum clade_status status = host->kernel(prepare, "select/select.cl", "top_k", NULL, &slots->kernel);
	int64_t rows, n;
	size_t bytes;

	row_shape(prepare->node->inputs[0], &rows, &n);
	if (!clade_size_mul((size_t)rows, (size_t)params->k, &bytes) || !clade_size_mul(bytes, sizeof(float), &bytes))
		return host->prepare_fail(prepare, CLADE_ERR_UNSUPPORTED, "x is too large");
	/* The kernel keeps its list where the result goes; an output that nobody uses needs a place all the same. */
	if (!status && !prepare->node->outputs[0])
		status = host->scratch(prepare, bytes, &slots->piece_values);
	if (!status && !prepare->node->outputs[1])
		status = host->scratch(prepare, bytes, &slots->piece_indices);
	return status;
}

static enum clade_status run_top_k(const struct clade_run *run)
{
	const struct select_slots *slots = run->data;
	const struct select_top_k *params = run->params;
	const struct clade_tensor *values = run->outputs[0] ? run->outputs[0] : run->scratch[slots->piece_values],
				  *indices = run->outputs[1] ? run->outputs[1] : run->scratch[slots->piece_indices];
	int64_t rows, n;

	row_shape(&run->inputs[0]->type, &rows, &n);
	if (rows > INT32_MAX || n > INT32_MAX || params->k > n)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more than 2^31 - 1 rows or columns, or k > n");
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
					  CLADE_TENSOR(values),
					  CLADE_TENSOR(indices),
					  CLADE_INT(rows),
					  CLADE_INT(n),
					  CLADE_INT(params->k) };
	return run->host->launch(run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
				 (const uint64_t[3]) { (uint64_t)rows, 1, 1 },
				 (const uint32_t[3]) { clade_kit_big_items(run->device) ? 1 : 64, 1, 1 });
}

const struct clade_impl select_argmax_cl = {
	.size = sizeof(struct clade_impl),
	.op = "argmax",
	.name = "cl",
	.doc = "an item a piece of a row, then one a row; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.data_size = sizeof(struct select_slots),
	.prepare = prepare_argmax,
	.run = run_argmax,
	.priority = 10,
};

const struct clade_impl select_top_k_cl = {
	.size = sizeof(struct clade_impl),
	.op = "top_k",
	.name = "cl",
	.doc = "an item a row, which keeps a sorted list; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.data_size = sizeof(struct select_slots),
	.prepare = prepare_top_k,
	.run = run_top_k,
	.priority = 10,
};

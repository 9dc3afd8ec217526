/* SPDX-License-Identifier: MIT */
/* argmax and top_k on OpenCL devices. Both cut rows into pieces, so that few long rows still make many items. */
#include "select.h"

#define PIECE 1024       /* elements that one item scans */
#define SHORT_PIECE 240  /* of a top_k whose k makes insertion long: 240 x 240 steps at most */
#define MOST_STEPS 60000 /* loop iterations of one item; llvmpipe ends all loops after 65535 */

struct select_slots {
	uint32_t kernel, merge, piece_values, piece_indices;
	uint32_t heads, values, indices; /* top_k; values and indices stand in for outputs that nobody uses */
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
	uint32_t local = clade_kit_group(run->device);
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

/* How top_k cuts rows of n elements: `keep` of each piece are candidates. */
static int64_t top_k_cut(int64_t n, int64_t k, int64_t *pieces, int64_t *keep)
{
	int64_t piece = k <= MOST_STEPS / PIECE - 2 ? PIECE : SHORT_PIECE;

	*pieces = (n + piece - 1) / piece;
	*keep = k < piece ? k : piece;
	return piece;
}

static bool scratch_bytes(int64_t a, int64_t b, int64_t c, size_t *out)
{
	return clade_size_mul((size_t)a, (size_t)b, out) && clade_size_mul(*out, (size_t)c, out) &&
	       clade_size_mul(*out, sizeof(float), out);
}

static enum clade_status prepare_top_k(struct clade_prepare *prepare)
{
	struct select_slots *slots = prepare->data;
	const struct select_top_k *params = prepare->node->params;
	const struct clade_host *host = prepare->host;
	enum clade_status status = host->kernel(prepare, "select/select.cl", "top_k_pieces", NULL, &slots->kernel);
	int64_t rows, n, pieces, keep;
	size_t list, heads, result;

	row_shape(prepare->node->inputs[0], &rows, &n);
	top_k_cut(n, params->k, &pieces, &keep);
	if (!scratch_bytes(rows, pieces, keep, &list) || !scratch_bytes(rows, pieces, 1, &heads) ||
	    !scratch_bytes(rows, params->k, 1, &result))
		return host->prepare_fail(prepare, CLADE_ERR_UNSUPPORTED, "x is too large");
	if (!status)
		status = host->kernel(prepare, "select/select.cl", "top_k_merge", NULL, &slots->merge);
	if (!status)
		status = host->scratch(prepare, list, &slots->piece_values);
	if (!status)
		status = host->scratch(prepare, list, &slots->piece_indices);
	if (!status)
		status = host->scratch(prepare, heads, &slots->heads);
	if (!status && !prepare->node->outputs[0])
		status = host->scratch(prepare, result, &slots->values);
	if (!status && !prepare->node->outputs[1])
		status = host->scratch(prepare, result, &slots->indices);
	return status;
}

static enum clade_status merge_top_k(const struct clade_run *run, const struct clade_tensor *values,
				     const struct clade_tensor *indices, int64_t rows, int64_t n, int64_t k)
{
	const struct select_slots *slots = run->data;
	int64_t pieces, keep, piece = top_k_cut(n, k, &pieces, &keep), step = MOST_STEPS / (pieces + 1);
	enum clade_status status = CLADE_OK;

	step = step ? step : 1;
	for (int64_t from = 0; from < k && !status; from += step) {
		const struct clade_arg args[] = { CLADE_TENSOR(run->scratch[slots->piece_values]),
						  CLADE_TENSOR(run->scratch[slots->piece_indices]),
						  CLADE_TENSOR(run->scratch[slots->heads]),
						  CLADE_TENSOR(values),
						  CLADE_TENSOR(indices),
						  CLADE_INT(rows),
						  CLADE_INT(n),
						  CLADE_INT(piece),
						  CLADE_INT(keep),
						  CLADE_INT(k),
						  CLADE_INT(from),
						  CLADE_INT(k - from < step ? k : from + step) };

		status = run->host->launch(run, slots->merge, args, sizeof(args) / sizeof(args[0]),
					   (const uint64_t[3]) { (uint64_t)rows, 1, 1 },
					   (const uint32_t[3]) { clade_kit_group(run->device), 1, 1 });
	}
	return status;
}

static enum clade_status run_top_k(const struct clade_run *run)
{
	const struct select_slots *slots = run->data;
	const struct select_top_k *params = run->params;
	const struct clade_tensor *values = run->outputs[0] ? run->outputs[0] : run->scratch[slots->values],
				  *indices = run->outputs[1] ? run->outputs[1] : run->scratch[slots->indices];
	int64_t rows, n, pieces, keep, piece;
	enum clade_status status;

	row_shape(&run->inputs[0]->type, &rows, &n);
	if (rows > INT32_MAX || n > INT32_MAX || params->k > n)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more than 2^31 - 1 rows or columns, or k > n");
	piece = top_k_cut(n, params->k, &pieces, &keep);
	/* A single piece is the whole row: its list is the result. */
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
					  CLADE_TENSOR(pieces > 1 ? run->scratch[slots->piece_values] : values),
					  CLADE_TENSOR(pieces > 1 ? run->scratch[slots->piece_indices] : indices),
					  CLADE_INT(rows),
					  CLADE_INT(n),
					  CLADE_INT(piece),
					  CLADE_INT(keep) };
	status = run->host->launch(run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
				   (const uint64_t[3]) { (uint64_t)pieces, (uint64_t)rows, 1 },
				   (const uint32_t[3]) { 1, clade_kit_group(run->device), 1 });
	return status || pieces <= 1 ? status : merge_top_k(run, values, indices, rows, n, params->k);
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
	.doc = "an item a piece of a row, which keeps a sorted list; then one a row merges; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.data_size = sizeof(struct select_slots),
	.prepare = prepare_top_k,
	.run = run_top_k,
	.priority = 10,
};

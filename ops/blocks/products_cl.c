/* SPDX-License-Identifier: MIT */
/* `cl.cpu` of the blocks of products: register tiles over weights in panels of any stored type, and in the end of a
 * tile what the block does next. feed_forward and gated_feed_forward are two launches, qkv and linear_add one. */
#include "blocks_internal.h"
#include <clade/op_kit.h>
#include <clade/stored.h>
#include <clade/tile_kit.h>
#include <stdio.h>
#include <string.h>

enum { X }; /* of every block here */
enum { QKV_WQ = 1, QKV_WK, QKV_WV, QKV_BQ, QKV_BK, QKV_BV };
enum { ADD_W = 1, ADD_BIAS, ADD_RESIDUAL };
enum { FFN_W1 = 1, FFN_B1, FFN_W2, FFN_B2, FFN_RESIDUAL };
enum { GATED_W1 = 1, GATED_W3, GATED_W2, GATED_B1, GATED_B3, GATED_B2, GATED_RESIDUAL };

/* Kernels count rows and columns in 32 bits, with room to round up to a tile. The `count` weights of one launch, from
 * input `first` on, share a kernel. */
static bool accepts_weights(const struct clade_node_info *node, uint32_t first, uint32_t count, char *why,
			    size_t why_size)
{
	int64_t rows = blocks_rows(node->inputs[X]);

	if (!clade_kit_tiles_pay(node->device, why, why_size) || !clade_tile_fits(node, why, why_size))
		return false;
	for (uint32_t i = first; i < first + count; i++) {
		const struct clade_type *w = node->inputs[i];

		if (node->sources[i] != CLADE_FROM_WEIGHT)
			snprintf(why, why_size, "input %u is not a weight, so it cannot be packed in advance", i);
		else if (w->dtype != node->inputs[first]->dtype)
			snprintf(why, why_size, "weights of one product are stored in different types");
		else if (rows > INT32_MAX || w->dims[0] > INT32_MAX / 4 || w->dims[1] > INT32_MAX)
			snprintf(why, why_size,
				 "%lld rows, %lld outputs or %lld inputs are more than its counters hold",
				 (long long)rows, (long long)w->dims[0], (long long)w->dims[1]);
		else if (clade_kit_loops_fit(node->device, w->dims[1], 1, why, why_size))
			continue;
		return false;
	}
	return true;
}

/* A kernel for weights of `dtype`, with an activation or without (NULL). */
static enum clade_status prepare_kernel(struct clade_prepare *prepare, const char *source, const char *function,
					enum clade_dtype dtype, const char *act, uint32_t *slot)
{
	char defines[CLADE_TILE_DEFINES], more[48];

	snprintf(more, sizeof(more), "ACT=%s", act ? act : "");
	return prepare->host->kernel(
		prepare, source, function,
		clade_tile_defines(prepare->node, clade_stored_define(dtype), act ? more : NULL, defines), slot);
}

static enum clade_status prepare_panels(struct clade_prepare *prepare, uint32_t first, uint32_t count)
{
	const struct clade_device_info *device = prepare->node->device;
	struct clade_layout panel = { CLADE_LAYOUT_PANEL, (uint16_t)(device->vector_width * device->tile_vectors) };
	enum clade_status status = CLADE_OK;

	for (uint32_t i = first; i < first + count && !status; i++)
		status = prepare->host->layout(prepare, i, panel);
	return status;
}

/* Scratch for a hidden layer of `width` columns. */
static enum clade_status prepare_hidden(struct clade_prepare *prepare, int64_t width, uint32_t *slot)
{
	size_t rows = (size_t)blocks_rows(prepare->node->inputs[X]), bytes;

	if (!clade_size_mul(rows, (size_t)width, &bytes) || !clade_size_mul(bytes, sizeof(float), &bytes))
		return prepare->host->prepare_fail(prepare, CLADE_ERR_UNSUPPORTED,
						   "the hidden layer of %zu rows is larger than memory can be", rows);
	return prepare->host->scratch(prepare, bytes, slot);
}

/* Items along the panels of a weight of n rows. */
static uint64_t panel_items(const struct clade_run *run, int64_t rows, int64_t n)
{
	int64_t wide = (int64_t)run->device->vector_width * run->device->tile_vectors *
		       clade_kit_tile_panels((uint64_t)rows, (uint64_t)n);

	return (uint64_t)((n + wide - 1) / wide);
}

static enum clade_status launch_tiles(const struct clade_run *run, uint32_t slot, const struct clade_arg *args,
				      uint32_t count, int64_t rows, uint64_t items)
{
	return clade_tile_launch(run, slot, args, count, (uint64_t)rows, items);
}

/* product__cpu in `slot`; bias and residual may be NULL. */
static enum clade_status product(const struct clade_run *run, uint32_t slot, const struct clade_tensor *x,
				 const struct clade_tensor *w, const struct clade_tensor *bias,
				 const struct clade_tensor *residual, const struct clade_tensor *y)
{
	int64_t rows = blocks_rows(&run->inputs[X]->type), n = w->type.dims[0];
	const struct clade_arg args[] = { CLADE_TENSOR(x),
					  CLADE_TENSOR(w),
					  CLADE_TENSOR(bias),
					  CLADE_TENSOR(residual),
					  CLADE_TENSOR(y),
					  CLADE_UINT(rows),
					  CLADE_UINT(n),
					  CLADE_UINT(w->type.dims[1]),
					  CLADE_UINT(bias != NULL),
					  CLADE_UINT(residual != NULL) };

	return launch_tiles(run, slot, args, sizeof(args) / sizeof(*args), rows, panel_items(run, rows, n));
}

/* ---- qkv ---- */
static bool accepts_qkv(const struct clade_node_info *node, char *why, size_t why_size)
{
	return accepts_weights(node, QKV_WQ, 3, why, why_size);
}

static enum clade_status prepare_qkv(struct clade_prepare *prepare)
{
	enum clade_status status = prepare_panels(prepare, QKV_WQ, 3);
	uint32_t slot;

	return status ? status
		      : prepare_kernel(prepare, "blocks/qkv.cpu.cl", "qkv__cpu", prepare->node->inputs[QKV_WQ]->dtype,
				       NULL, &slot);
}

static enum clade_status run_qkv(const struct clade_run *run)
{
	const struct clade_tensor *const *in = run->inputs;
	int64_t rows = blocks_rows(&in[X]->type);
	struct clade_arg args[1 + 9 + 8];
	uint64_t items = 0;
	uint32_t count = 0;

	args[count++] = (struct clade_arg)CLADE_TENSOR(in[X]);
	for (int i = 0; i < 3; i++) {
		args[count++] = (struct clade_arg)CLADE_TENSOR(in[QKV_WQ + i]);
		args[count++] = (struct clade_arg)CLADE_TENSOR(in[QKV_BQ + i]);
		args[count++] = (struct clade_arg)CLADE_TENSOR(run->outputs[i]);
	}
	args[count++] = (struct clade_arg)CLADE_UINT(rows);
	for (int i = 0; i < 3; i++) {
		int64_t n = run->outputs[i] ? in[QKV_WQ + i]->type.dims[0] : 0; /* nobody may want it */

		args[count++] = (struct clade_arg)CLADE_UINT(n);
		items += panel_items(run, rows, n);
	}
	args[count++] = (struct clade_arg)CLADE_UINT(in[QKV_WQ]->type.dims[1]);
	for (int i = 0; i < 3; i++)
		args[count++] = (struct clade_arg)CLADE_UINT(in[QKV_BQ + i] != NULL);
	return launch_tiles(run, 0, args, count, rows, items);
}

/* ---- linear_add ---- */
static bool accepts_add(const struct clade_node_info *node, char *why, size_t why_size)
{
	return accepts_weights(node, ADD_W, 1, why, why_size);
}

static enum clade_status prepare_add(struct clade_prepare *prepare)
{
	enum clade_status status = prepare_panels(prepare, ADD_W, 1);
	uint32_t slot;

	return status ? status
		      : prepare_kernel(prepare, "blocks/product.cpu.cl", "product__cpu",
				       prepare->node->inputs[ADD_W]->dtype, NULL, &slot);
}

static enum clade_status run_add(const struct clade_run *run)
{
	const struct clade_tensor *const *in = run->inputs;

	return product(run, 0, in[X], in[ADD_W], in[ADD_BIAS], in[ADD_RESIDUAL], run->outputs[0]);
}

/* ---- feed_forward ---- */
static bool accepts_feed_forward(const struct clade_node_info *node, char *why, size_t why_size)
{
	return accepts_weights(node, FFN_W1, 1, why, why_size) && accepts_weights(node, FFN_W2, 1, why, why_size);
}

static enum clade_status prepare_feed_forward(struct clade_prepare *prepare)
{
	static const char source[] = "blocks/product.cpu.cl";
	const struct feed_forward_params *params = prepare->node->params;
	const struct clade_type *const *in = prepare->node->inputs;
	enum clade_status status = prepare_panels(prepare, FFN_W1, 1);
	uint32_t slot;

	if (!status)
		status = prepare_panels(prepare, FFN_W2, 1);
	if (!status)
		status = prepare_kernel(prepare, source, "product__cpu", in[FFN_W1]->dtype,
					clade_feed_forward_acts[params->act], &slot);
	if (!status)
		status = prepare_kernel(prepare, source, "product__cpu", in[FFN_W2]->dtype, NULL, &slot);
	return status ? status : prepare_hidden(prepare, in[FFN_W2]->dims[1], &slot);
}

static enum clade_status run_feed_forward(const struct clade_run *run)
{
	const struct clade_tensor *const *in = run->inputs, *hidden = run->scratch[0];
	enum clade_status status = product(run, 0, in[X], in[FFN_W1], in[FFN_B1], NULL, hidden);

	return status ? status : product(run, 1, hidden, in[FFN_W2], in[FFN_B2], in[FFN_RESIDUAL], run->outputs[0]);
}

/* ---- gated_feed_forward ---- */
static bool accepts_gated(const struct clade_node_info *node, char *why, size_t why_size)
{
	return accepts_weights(node, GATED_W1, 2, why, why_size) && accepts_weights(node, GATED_W2, 1, why, why_size);
}

static enum clade_status prepare_gated(struct clade_prepare *prepare)
{
	const struct feed_forward_params *params = prepare->node->params;
	const struct clade_type *const *in = prepare->node->inputs;
	enum clade_status status = prepare_panels(prepare, GATED_W1, 3);
	uint32_t slot;

	if (!status)
		status = prepare_kernel(prepare, "blocks/gate.cpu.cl", "gate__cpu", in[GATED_W1]->dtype,
					clade_gated_function(params), &slot);
	if (!status)
		status = prepare_kernel(prepare, "blocks/product.cpu.cl", "product__cpu", in[GATED_W2]->dtype, NULL,
					&slot);
	for (int i = 0; i < 2 && !status; i++)
		status = prepare_hidden(prepare, in[GATED_W2]->dims[1], &slot);
	return status;
}

static enum clade_status run_gated(const struct clade_run *run)
{
	const struct clade_tensor *const *in = run->inputs, *hidden = run->scratch[0];
	int64_t rows = blocks_rows(&in[X]->type), n = in[GATED_W1]->type.dims[0];
	const struct clade_arg args[] = { CLADE_TENSOR(in[X]),
					  CLADE_TENSOR(in[GATED_W1]),
					  CLADE_TENSOR(in[GATED_B1]),
					  CLADE_TENSOR(in[GATED_W3]),
					  CLADE_TENSOR(in[GATED_B3]),
					  CLADE_TENSOR(run->scratch[1]),
					  CLADE_TENSOR(hidden),
					  CLADE_UINT(rows),
					  CLADE_UINT(n),
					  CLADE_UINT(in[GATED_W1]->type.dims[1]),
					  CLADE_UINT(in[GATED_B1] != NULL),
					  CLADE_UINT(in[GATED_B3] != NULL) };
	enum clade_status status =
		launch_tiles(run, 0, args, sizeof(args) / sizeof(*args), rows, panel_items(run, rows, n));

	return status ? status
		      : product(run, 1, hidden, in[GATED_W2], in[GATED_B2], in[GATED_RESIDUAL], run->outputs[0]);
}

/* `part`: the block and the middle of its functions' names. */
#define IMPL(block, part, doc_)                                                                                        \
	const struct clade_impl clade_impl_##block##_cl_cpu = {                                                        \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #block,                                                                                          \
		.name = "cl.cpu",                                                                                      \
		.doc = doc_,                                                                                           \
		.needs = CLADE_NEEDS_OPENCL,                                                                           \
		.accepts = accepts_##part,                                                                             \
		.prepare = prepare_##part,                                                                             \
		.run = run_##part,                                                                                     \
		.priority = 20,                                                                                        \
		.weight_dtypes = CLADE_STORED_DTYPES,                                                                  \
		.tunables = CLADE_TILE_TUNABLES,                                                                       \
	}
IMPL(qkv, qkv, "one launch of register tiles over three weights in panels");
IMPL(linear_add, add, "register tiles over a weight in panels, the sum in their end");
IMPL(feed_forward, feed_forward,
     "two launches of register tiles over weights in panels, the activation in the first one's end");
IMPL(gated_feed_forward, gated, "gate and what it gates in one launch of register tiles, then the output");

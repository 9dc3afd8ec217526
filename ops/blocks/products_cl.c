/* SPDX-License-Identifier: MIT */
/* The blocks of products: what a block does next happens in the end of a tile. feed_forward and gated_feed_forward are
 * two products, qkv and linear_add one. They are made in two ways: `cl.cpu` by register tiles over weights in panels
 * of any stored type, `cl.dot` (and `cl.dot.plain`) by integer dot products with weights of Q8_0 and Q4_0. */
#include "blocks_internal.h"
#include <clade/dot_kit.h>
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

/* How a block's products are made: of `count` weights from input `first` on in one launch each, which are run by their
 * index in the order in which they were prepared. */
struct way {
	bool (*accepts)(const struct clade_node_info *node, uint32_t first, uint32_t count, char *why, size_t why_size);
	enum clade_status (*prepare)(struct clade_prepare *prepare, uint32_t first, uint32_t count);
	enum clade_status (*run)(const struct clade_run *run, uint32_t index, const struct clade_tile_product *product);
};

static bool tiles_pay(const struct clade_node_info *node, uint32_t first, uint32_t count, char *why, size_t why_size)
{
	return clade_kit_tiles_pay(node->device, why, why_size) && clade_tile_fits(node, why, why_size);
}

static enum clade_status prepare_dot(struct clade_prepare *prepare, uint32_t first, uint32_t count)
{
	return clade_dot_prepare(prepare, first, count, false);
}

static enum clade_status prepare_plain(struct clade_prepare *prepare, uint32_t first, uint32_t count)
{
	return clade_dot_prepare(prepare, first, count, true);
}

static const struct way way_cpu = { tiles_pay, clade_tile_prepare, clade_tile_run };
static const struct way way_dot = { clade_dot_accepts, prepare_dot, clade_dot_run };
static const struct way way_plain = { clade_dot_accepts, prepare_plain, clade_dot_run };

/* Kernels count rows and columns in 32 bits, with room to round up to a tile. The `count` weights of one launch, from
 * input `first` on, share a kernel. */
static bool accepts_weights(const struct clade_node_info *node, const struct way *way, uint32_t first, uint32_t count,
			    char *why, size_t why_size)
{
	int64_t rows = blocks_rows(node->inputs[X]);

	if (!way->accepts(node, first, count, why, why_size))
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

/* Two products, the first of `count` weights from input `first` on into as many hidden layers, the first scratches, the
 * second of weight `last`. */
static enum clade_status prepare_network(struct clade_prepare *prepare, const struct way *way, uint32_t first,
					 uint32_t count, uint32_t last)
{
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < count && !status; i++)
		status = blocks_prepare_hidden(prepare, prepare->node->inputs[last]->dims[1]);
	if (!status)
		status = way->prepare(prepare, first, count);
	return status ? status : way->prepare(prepare, last, 1);
}

/* ---- qkv ---- */
static bool accepts_qkv(const struct clade_node_info *node, const struct way *way, char *why, size_t why_size)
{
	return accepts_weights(node, way, QKV_WQ, 3, why, why_size);
}

static enum clade_status prepare_qkv(struct clade_prepare *prepare, const struct way *way)
{
	return way->prepare(prepare, QKV_WQ, 3);
}

static enum clade_status run_qkv(const struct clade_run *run, const struct way *way)
{
	const struct clade_tensor *const *in = run->inputs, *const *out = run->outputs; /* nobody may want some */
	const struct clade_tile_product product = { .x = in[X],
						    .w = { in[QKV_WQ], in[QKV_WK], in[QKV_WV] },
						    .bias = { in[QKV_BQ], in[QKV_BK], in[QKV_BV] },
						    .y = { out[0], out[1], out[2] } };

	return way->run(run, 0, &product);
}

/* ---- linear_add ---- */
static bool accepts_add(const struct clade_node_info *node, const struct way *way, char *why, size_t why_size)
{
	return accepts_weights(node, way, ADD_W, 1, why, why_size);
}

static enum clade_status prepare_add(struct clade_prepare *prepare, const struct way *way)
{
	return way->prepare(prepare, ADD_W, 1);
}

static enum clade_status run_add(const struct clade_run *run, const struct way *way)
{
	const struct clade_tensor *const *in = run->inputs;
	const struct clade_tile_product product = { .x = in[X],
						    .w = { in[ADD_W] },
						    .bias = { in[ADD_BIAS] },
						    .y = { run->outputs[0] },
						    .residual = in[ADD_RESIDUAL] };

	return way->run(run, 0, &product);
}

/* ---- feed_forward ---- */
static bool accepts_feed_forward(const struct clade_node_info *node, const struct way *way, char *why, size_t why_size)
{
	return accepts_weights(node, way, FFN_W1, 1, why, why_size) &&
	       accepts_weights(node, way, FFN_W2, 1, why, why_size);
}

static enum clade_status prepare_feed_forward(struct clade_prepare *prepare, const struct way *way)
{
	return prepare_network(prepare, way, FFN_W1, 1, FFN_W2);
}

/* The second product of both feed-forward networks, in their second kernel. */
static enum clade_status run_output(const struct clade_run *run, const struct way *way, uint32_t w, uint32_t bias,
				    uint32_t residual)
{
	const struct clade_tensor *const *in = run->inputs;
	const struct clade_tile_product product = { .x = run->scratch[0],
						    .w = { in[w] },
						    .bias = { in[bias] },
						    .y = { run->outputs[0] },
						    .residual = in[residual] };

	return way->run(run, 1, &product);
}

static enum clade_status run_feed_forward(const struct clade_run *run, const struct way *way)
{
	const struct feed_forward_params *params = run->params;
	const struct clade_tensor *const *in = run->inputs;
	const struct clade_tile_product product = { .x = in[X],
						    .w = { in[FFN_W1] },
						    .bias = { in[FFN_B1] },
						    .y = { run->scratch[0] },
						    .act = clade_feed_forward_acts[params->act] };
	enum clade_status status = way->run(run, 0, &product);

	return status ? status : run_output(run, way, FFN_W2, FFN_B2, FFN_RESIDUAL);
}

/* ---- gated_feed_forward ---- */
static bool accepts_gated(const struct clade_node_info *node, const struct way *way, char *why, size_t why_size)
{
	return accepts_weights(node, way, GATED_W1, 2, why, why_size) &&
	       accepts_weights(node, way, GATED_W2, 1, why, why_size);
}

static enum clade_status prepare_gated(struct clade_prepare *prepare, const struct way *way)
{
	return prepare_network(prepare, way, GATED_W1, 2, GATED_W2);
}

static enum clade_status run_gated(const struct clade_run *run, const struct way *way)
{
	const struct clade_tensor *const *in = run->inputs;
	const struct clade_tile_product product = { .x = in[X],
						    .w = { in[GATED_W1], in[GATED_W3] },
						    .bias = { in[GATED_B1], in[GATED_B3] },
						    .y = { run->scratch[0], run->scratch[1] },
						    .act = clade_gated_function(run->params),
						    .gated = true };
	enum clade_status status = way->run(run, 0, &product);

	return status ? status : run_output(run, way, GATED_W2, GATED_B2, GATED_RESIDUAL);
}

/* `part`: the block and the middle of its functions' names; then its table's fields that differ. */
#define IMPL(block, part, way, name_, ...)                                                                             \
	static bool accepts_##part##_##way(const struct clade_node_info *node, char *why, size_t why_size)             \
	{                                                                                                              \
		return accepts_##part(node, &way_##way, why, why_size);                                                \
	}                                                                                                              \
	static enum clade_status prepare_##part##_##way(struct clade_prepare *prepare)                                 \
	{                                                                                                              \
		return prepare_##part(prepare, &way_##way);                                                            \
	}                                                                                                              \
	static enum clade_status run_##part##_##way(const struct clade_run *run)                                       \
	{                                                                                                              \
		return run_##part(run, &way_##way);                                                                    \
	}                                                                                                              \
	const struct clade_impl clade_impl_##block##_cl_##way = { .size = sizeof(struct clade_impl),                   \
								  .op = #block,                                        \
								  .name = name_,                                       \
								  .accepts = accepts_##part##_##way,                   \
								  .prepare = prepare_##part##_##way,                   \
								  .run = run_##part##_##way,                           \
								  .tunables = CLADE_TILE_TUNABLES,                     \
								  __VA_ARGS__ }
#define BLOCK(block, part, doc_)                                                                                       \
	IMPL(block, part, cpu, "cl.cpu", .doc = doc_, .needs = CLADE_NEEDS_OPENCL, .priority = 20,                     \
	     .weight_dtypes = CLADE_STORED_DTYPES);                                                                    \
	IMPL(block, part, dot, "cl.dot", CLADE_DOT_FIELDS);                                                            \
	IMPL(block, part, plain, "cl.dot.plain", CLADE_DOT_PLAIN_FIELDS)

BLOCK(qkv, qkv, "one launch of register tiles over three weights in panels");
BLOCK(linear_add, add, "register tiles over a weight in panels, the sum in their end");
BLOCK(feed_forward, feed_forward,
      "two launches of register tiles over weights in panels, the activation in the first one's end");
BLOCK(gated_feed_forward, gated, "gate and what it gates in one launch of register tiles, then the output");

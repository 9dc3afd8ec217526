/* SPDX-License-Identifier: MIT */
/* Products by integer dot products (kernels/linear/product.dot.cl): what they accept, prepare and launch, for linear
 * and the blocks; as tile_kit.h for register tiles, which describes a product (struct clade_tile_product): inline only.
 */
#ifndef CLADE_DOT_KIT_H
#define CLADE_DOT_KIT_H

#include <clade/stored.h>
#include <clade/tile_kit.h>

#define CLADE_DOT_DTYPES (CLADE_DTYPE_BIT(CLADE_Q8_0) | CLADE_DTYPE_BIT(CLADE_Q4_0))
enum { CLADE_DOT_BLOCK = 10 }; /* words of 32 rounded elements: DOT_PIECE in dot.clh */

/* The launches that were prepared, in order. */
struct clade_dot_data {
	uint32_t count;
	struct {
		uint32_t rounding, product, blocks; /* kernels; scratch */
	} launches[2];
};

/* Whether the node's `count` weights from input `first` on, those of one launch, have types that it reads. */
static inline bool clade_dot_accepts(const struct clade_node_info *node, uint32_t first, uint32_t count, char *why,
				     size_t why_size)
{
	if (node->device->kind == CLADE_DEVICE_CPU && !clade_kit_tiles_pay(node->device, why, why_size))
		return false;
	if (!clade_tile_fits(node, why, why_size))
		return false;
	for (uint32_t i = first; i < first + count; i++)
		if (!(CLADE_DOT_DTYPES & CLADE_DTYPE_BIT(node->inputs[i]->dtype))) {
			snprintf(why, why_size, "input %u is no weight that is stored as q8_0 or q4_0", i);
			return false;
		}
	return true;
}

/* Panels an item takes: DOT_PANELS in dot.clh. */
static inline uint32_t clade_dot_panels(uint64_t rows)
{
	return rows == 1 ? 4u : rows == 2 ? 2u : 1u;
}

/* Up to two rows are rounded where they are multiplied. */
static inline bool clade_dot_rounds_first(uint64_t rows)
{
	return rows > 2;
}

/* What one launch's products of the node's `count` weights from input `first` on need; `plain`: without instructions
 * that a device may lack. */
static inline enum clade_status clade_dot_prepare(struct clade_prepare *prepare, uint32_t first, uint32_t count,
						  bool plain)
{
	static const char source[] = "linear/product.dot.cl";
	const struct clade_node_info *node = prepare->node;
	const struct clade_device_info *device = node->device;
	const struct clade_type *w = node->inputs[first];
	struct clade_layout quads = { CLADE_LAYOUT_QUADS, (uint16_t)(device->vector_width * device->tile_vectors) };
	size_t high = clade_tile_height(device, node->tuned), rows = (size_t)clade_tile_count_rows(node->inputs[0]);
	char more[64], defines[CLADE_TILE_DEFINES];
	enum clade_status status = CLADE_OK;
	struct clade_dot_data *data = (struct clade_dot_data *)prepare->data;
	size_t bytes;

	for (uint32_t i = first; i < first + count && !status; i++)
		status = prepare->host->layout(prepare, i, quads);
	snprintf(more, sizeof(more), "%s %s", clade_stored_define(w->dtype), plain ? "DOT=plain" : device->dot_defines);
	clade_tile_defines(node, more, defines);
	if (!status)
		status = prepare->host->kernel(prepare, source, "product__dot_rows", defines,
					       &data->launches[data->count].rounding);
	if (!status)
		status = prepare->host->kernel(prepare, source, "product__dot", defines,
					       &data->launches[data->count].product);
	if (status)
		return status;
	rows = clade_dot_rounds_first(rows) ? (rows + high - 1) / high * high : 0;
	if (!clade_size_mul(rows, (size_t)w->dims[1] / CLADE_STORED_GROUP, &bytes) ||
	    !clade_size_mul(bytes, CLADE_DOT_BLOCK * sizeof(uint32_t), &bytes))
		return prepare->host->prepare_fail(prepare, CLADE_ERR_UNSUPPORTED,
						   "%zu rounded rows are larger than memory can be", rows);
	return prepare->host->scratch(prepare, bytes, &data->launches[data->count++].blocks);
}

/* Enqueues what was prepared at first (index 0), next (1) ... */
static inline enum clade_status clade_dot_run(const struct clade_run *run, uint32_t index,
					      const struct clade_tile_product *product)
{
	const struct clade_dot_data *data = (const struct clade_dot_data *)run->data;
	const struct clade_tensor *blocks = run->scratch[data->launches[index].blocks];
	struct clade_arg args[CLADE_TILE_ARGUMENTS + 1];
	uint64_t rows = clade_tile_count_rows(&run->inputs[0]->type), high = clade_tile_height(run->device, run->tuned);
	uint64_t items = clade_tile_arguments(run, product, clade_dot_panels(rows), args);
	enum clade_status status = CLADE_OK;

	if (clade_dot_rounds_first(rows)) {
		const struct clade_arg rounding[] = { CLADE_TENSOR(product->x), CLADE_TENSOR(blocks), CLADE_UINT(rows),
						      CLADE_UINT(product->w[0]->type.dims[1]) };
		const uint64_t global[3] = { (rows + high - 1) / high * high, 1, 1 };

		status = run->host->launch(run, data->launches[index].rounding, rounding, 4, global, NULL);
	}
	args[CLADE_TILE_ARGUMENTS] = (struct clade_arg)CLADE_TENSOR(blocks);
	return status ? status
		      : clade_tile_launch(run, data->launches[index].product, args, CLADE_TILE_ARGUMENTS + 1,
					  (rows + high - 1) / high, items);
}

/* Fields of an implementation's table: by the device's instruction; without one, by name only. */
#define CLADE_DOT_SHARED                                                                                               \
	.order = CLADE_ORDER_OWN, .precision = CLADE_PRECISION_REDUCED, .weight_dtypes = CLADE_DOT_DTYPES,             \
	.data_size = sizeof(struct clade_dot_data)
#define CLADE_DOT_FIELDS                                                                                               \
	CLADE_DOT_SHARED,                                                                                              \
		.priority = 40, .needs = CLADE_NEEDS_OPENCL | CLADE_NEEDS_INT_DOT,                                     \
		.doc = "x rounded to bytes in groups of 32, integer dot products with weights of q8_0 and q4_0"
#define CLADE_DOT_PLAIN_FIELDS                                                                                         \
	CLADE_DOT_SHARED, .priority = 5, .needs = CLADE_NEEDS_OPENCL, .kinds = CLADE_KIND_BIT(CLADE_DEVICE_HOST),      \
			  .doc = "the arithmetic of cl.dot without special instructions, slow; by name only"

#endif

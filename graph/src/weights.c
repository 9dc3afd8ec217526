/* SPDX-License-Identifier: MIT */
/* Weights on a device: rows stream from the graph's source expression into the packed layout, then to the device. */
#include "weights.h"

#include <string.h>

#include <clade/messages.h>

#define STAGING_BYTES ((size_t)4 << 20)

struct copy {
	struct copy *next;
	struct clade_tensor tensor;
	struct clade_buffer *buffer;
	size_t bytes;
};

struct clade_weights {
	const struct clade_graph *graph;
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	struct copy **copies; /* per weight: a list, first loaded first */
};

enum clade_status clade_weights_create(const struct clade_graph *graph, struct clade_device *device,
				       struct clade_queue *queue, struct clade_weights **out_weights,
				       struct clade_diag *diag)
{
	struct clade_context *context = clade_graph_context(graph);
	struct clade_weights *weights = clade_alloc(context, sizeof(*weights));
	size_t bytes = (clade_graph_ir(graph)->weight_count + 1) * sizeof(struct copy *);

	*out_weights = NULL;
	if (weights)
		weights->copies = clade_alloc(context, bytes);
	if (!weights || !weights->copies) {
		clade_free(context, weights);
		return clade_fail_memory(diag, bytes, "the table of weights");
	}
	weights->graph = graph;
	weights->context = context;
	weights->device = device;
	weights->queue = queue;
	*out_weights = weights;
	return CLADE_OK;
}

void clade_weights_destroy(struct clade_weights **pointer)
{
	struct clade_weights *weights = pointer ? *pointer : NULL;

	if (!weights)
		return;
	for (uint32_t i = 0; i < clade_graph_ir(weights->graph)->weight_count; i++)
		for (struct copy *c = weights->copies[i], *next; c; c = next) {
			next = c->next;
			clade_buffer_unref(&c->buffer);
			clade_free(weights->context, c);
		}
	clade_free(weights->context, weights->copies);
	clade_free(weights->context, weights);
	*pointer = NULL;
}

/* A weight on its way: on the host device straight into its place, elsewhere in groups of rows, each packed into one
 * staging block and written, so that a large weight is never in memory twice. */
struct packing {
	struct clade_queue *queue;
	struct copy *copy;
	void *host; /* the place; NULL: through `staging` */
	char *staging;
	int64_t rows, columns, group_rows; /* of the weight as a matrix; of a group: whole panels */
	size_t group_bytes;
};

static enum clade_status pack(const struct clade_type *type, struct clade_layout layout, int64_t first, int64_t count,
			      const void *rows, void *target, struct clade_diag *diag)
{
	enum clade_status status = clade_layout_pack(type, layout, first, count, rows, target);

	return status ? clade_fail(diag, status, CLADE_MSG_ARGUMENT, NULL, "rows cannot be packed") : CLADE_OK;
}

static enum clade_status pack_rows(void *user, int64_t first, int64_t count, const void *rows, struct clade_diag *diag)
{
	struct packing *p = user;
	const struct clade_tensor *tensor = &p->copy->tensor;
	const struct clade_dtype_info *dtype = clade_dtype_info(tensor->type.dtype);
	size_t row_bytes = (size_t)(p->columns / dtype->block) * dtype->bytes;
	enum clade_status status = CLADE_OK;

	if (p->host)
		return pack(&tensor->type, tensor->layout, first, count, rows, p->host, diag);
	if (tensor->layout.kind == CLADE_LAYOUT_ROWS)
		return clade_buffer_write(p->queue, p->copy->buffer, (size_t)first * row_bytes, rows,
					  (size_t)count * row_bytes, true, diag);
	while (count && !status) {
		int64_t group = first / p->group_rows, start = group * p->group_rows;
		int64_t end = p->rows - start < p->group_rows ? p->rows : start + p->group_rows;
		int64_t part = end - first < count ? end - first : count;
		struct clade_type type = { tensor->type.dtype, 2, { end - start, p->columns } };
		size_t bytes;

		status = pack(&type, tensor->layout, first - start, part, rows, p->staging, diag);
		if (!status && first + part == end && clade_layout_bytes(&type, tensor->layout, &bytes))
			status = clade_buffer_write(p->queue, p->copy->buffer, (size_t)group * p->group_bytes,
						    p->staging, bytes, true, diag);
		rows = (const char *)rows + (size_t)part * row_bytes;
		first += part;
		count -= part;
	}
	return status;
}

static enum clade_status fill(struct clade_weights *weights, uint32_t weight, struct copy *copy,
			      struct clade_diag *diag)
{
	const struct clade_type *type = &copy->tensor.type;
	struct packing p = { .queue = weights->queue, .copy = copy, .host = clade_buffer_host(copy->buffer) };
	enum clade_status status;
	int64_t count, width = copy->tensor.layout.width;

	p.columns = type->rank ? type->dims[type->rank - 1] : 1;
	p.rows = clade_type_count(type, &count) && p.columns ? count / p.columns : 0;
	if (!p.host && copy->tensor.layout.kind != CLADE_LAYOUT_ROWS && p.rows) {
		struct clade_type panel = { type->dtype, 2, { width, p.columns } };
		size_t panels = 1, all = (size_t)((p.rows + width - 1) / width);

		if (!clade_layout_bytes(&panel, copy->tensor.layout, &p.group_bytes))
			return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL, "rows cannot be packed");
		if (p.group_bytes < STAGING_BYTES)
			panels = STAGING_BYTES / p.group_bytes < all ? STAGING_BYTES / p.group_bytes : all;
		p.group_rows = width * (int64_t)panels;
		p.group_bytes *= panels;
		p.staging = clade_alloc(weights->context, p.group_bytes);
		if (!p.staging)
			return clade_fail_memory(diag, p.group_bytes, "a weight");
	}
	status = clade_graph_read_weight(weights->graph, weight, pack_rows, &p, diag);
	clade_free(weights->context, p.staging);
	return status;
}

enum clade_status clade_weights_get(struct clade_weights *weights, uint32_t weight, struct clade_layout layout,
				    const struct clade_tensor **out_tensor, struct clade_diag *diag)
{
	const struct clade_ir_weight *w = &clade_graph_ir(weights->graph)->weights[weight];
	struct copy **end = &weights->copies[weight], *copy;
	enum clade_status status;

	for (; *end; end = &(*end)->next)
		if (layout.kind == CLADE_LAYOUT_ANY ||
		    ((*end)->tensor.layout.kind == layout.kind && (*end)->tensor.layout.width == layout.width)) {
			*out_tensor = &(*end)->tensor;
			return CLADE_OK;
		}
	if (layout.kind == CLADE_LAYOUT_ANY)
		layout = (struct clade_layout) { CLADE_LAYOUT_ROWS, 0 };
	copy = clade_alloc(weights->context, sizeof(*copy));
	if (!copy)
		return clade_fail_memory(diag, sizeof(*copy), "a weight");
	copy->tensor.type = w->type;
	copy->tensor.layout = layout;
	clade_dense_strides(&w->type, copy->tensor.strides);
	if (clade_layout_bytes(&w->type, layout, &copy->bytes))
		status = clade_buffer_create(weights->device, copy->bytes, &copy->buffer, diag);
	else
		status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SIZE, w->name, "the weight's size overflows");
	if (!status && copy->bytes)
		status = fill(weights, weight, copy, diag);
	if (status) {
		clade_buffer_unref(&copy->buffer);
		clade_free(weights->context, copy);
		return status;
	}
	copy->tensor.buffer = copy->buffer;
	copy->tensor.data = clade_buffer_host(copy->buffer);
	*end = copy;
	*out_tensor = &copy->tensor;
	return CLADE_OK;
}

bool clade_weights_has(const struct clade_weights *weights, uint32_t weight, struct clade_layout layout)
{
	for (const struct copy *c = weights->copies[weight]; c; c = c->next)
		if (layout.kind == CLADE_LAYOUT_ANY ||
		    (c->tensor.layout.kind == layout.kind && c->tensor.layout.width == layout.width))
			return true;
	return false;
}

void clade_weights_bytes(const struct clade_weights *weights, uint64_t *out_total, uint64_t *out_second)
{
	*out_total = *out_second = 0;
	for (uint32_t i = 0; i < clade_graph_ir(weights->graph)->weight_count; i++)
		for (const struct copy *c = weights->copies[i]; c; c = c->next) {
			*out_total += c->bytes;
			*out_second += c == weights->copies[i] ? 0 : c->bytes;
		}
}

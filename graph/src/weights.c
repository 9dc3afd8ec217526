/* SPDX-License-Identifier: MIT */
/* Weights on a device: rows stream from the graph's source expression into the packed layout, then to the device. */
#include "weights.h"

#include <string.h>

#include <clade/messages.h>

#define MAPPED_BYTES ((size_t)4 << 20)

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

/* A weight on its way: rows are packed into the device's memory, a group of whole panels at a time, so that a large
 * weight is never in memory twice where that is not the host's. */
struct packing {
	struct clade_queue *queue;
	const struct clade_tensor *tensor;
	struct clade_buffer *buffer;
	int64_t rows, columns, group_rows; /* of the weight as a matrix; of a group */
	size_t group_bytes;
	void *mapped; /* the group at hand; NULL: none */
};

static enum clade_status unmap(struct packing *p, struct clade_diag *diag)
{
	enum clade_status status = clade_buffer_unmap(p->queue, p->buffer, p->mapped, diag);

	p->mapped = NULL;
	return status;
}

static enum clade_status pack_rows(void *user, int64_t first, int64_t count, const void *rows, struct clade_diag *diag)
{
	struct packing *p = user;
	const struct clade_dtype_info *dtype = clade_dtype_info(p->tensor->type.dtype);
	size_t row_bytes = (size_t)(p->columns / dtype->block) * dtype->bytes;
	enum clade_status status = CLADE_OK;

	while (count && !status) {
		int64_t group = first / p->group_rows, start = group * p->group_rows;
		int64_t end = p->rows - start < p->group_rows ? p->rows : start + p->group_rows;
		int64_t part = end - first < count ? end - first : count;
		struct clade_type type = { p->tensor->type.dtype, 2, { end - start, p->columns } };
		size_t bytes = 0;

		clade_layout_bytes(&type, p->tensor->layout, &bytes); /* no more than of the whole */
		if (!p->mapped)
			status = clade_buffer_map(p->queue, p->buffer, (size_t)group * p->group_bytes, bytes,
						  &p->mapped, diag);
		if (!status)
			status = clade_layout_pack(&type, p->tensor->layout, first - start, part, rows, p->mapped);
		if (!status && first + part == end)
			status = unmap(p, diag);
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
	struct clade_layout layout = copy->tensor.layout;
	struct packing p = { .queue = weights->queue, .tensor = &copy->tensor, .buffer = copy->buffer };
	int64_t count, width = layout.kind == CLADE_LAYOUT_ROWS ? 1 : layout.width;
	enum clade_status status;

	p.columns = type->rank ? type->dims[type->rank - 1] : 1;
	p.rows = clade_type_count(type, &count) && p.columns ? count / p.columns : 0;
	if (!clade_layout_bytes(&(struct clade_type) { type->dtype, 2, { width, p.columns } }, layout, &p.group_bytes))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL, "rows cannot be packed");
	p.group_rows = p.group_bytes && p.group_bytes < MAPPED_BYTES ? (int64_t)(MAPPED_BYTES / p.group_bytes) : 1;
	p.group_bytes *= (size_t)p.group_rows;
	p.group_rows *= width;
	status = clade_graph_read_weight(weights->graph, weight, pack_rows, &p, diag);
	if (p.mapped)
		unmap(&p, NULL); /* a failure has left it so */
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

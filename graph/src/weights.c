/* SPDX-License-Identifier: MIT */
/* Weights on a device: rows stream from the graph's source expression into the packed layout, then to the device. */
#include "weights.h"

#include <string.h>

#include <clade/messages.h>

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

struct packing {
	const struct clade_type *type;
	struct clade_layout layout;
	void *target;
};

static enum clade_status pack_rows(void *user, int64_t first, int64_t count, const void *rows, struct clade_diag *diag)
{
	struct packing *packing = user;
	enum clade_status status =
		clade_layout_pack(packing->type, packing->layout, first, count, rows, packing->target);

	return status ? clade_fail(diag, status, CLADE_MSG_ARGUMENT, NULL, "rows cannot be packed") : CLADE_OK;
}

/* Fills a fresh copy: on the host device in place, elsewhere through one staging block. */
static enum clade_status fill(struct clade_weights *weights, uint32_t weight, struct copy *copy,
			      struct clade_diag *diag)
{
	void *host = clade_buffer_host(copy->buffer);
	void *staging = host ? host : clade_alloc(weights->context, copy->bytes + 1);
	struct packing packing = { &copy->tensor.type, copy->tensor.layout, staging };
	enum clade_status status;

	if (!staging && copy->bytes)
		return clade_fail_memory(diag, copy->bytes, "a weight");
	if (host)
		memset(host, 0, copy->bytes);
	status = clade_graph_read_weight(weights->graph, weight, pack_rows, &packing, diag);
	if (!status && !host)
		status = clade_buffer_write(weights->queue, copy->buffer, 0, staging, copy->bytes, true, diag);
	if (!host)
		clade_free(weights->context, staging);
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

void clade_weights_bytes(const struct clade_weights *weights, uint64_t *out_total, uint64_t *out_second)
{
	*out_total = *out_second = 0;
	for (uint32_t i = 0; i < clade_graph_ir(weights->graph)->weight_count; i++)
		for (const struct copy *c = weights->copies[i]; c; c = c->next) {
			*out_total += c->bytes;
			*out_second += c == weights->copies[i] ? 0 : c->bytes;
		}
}

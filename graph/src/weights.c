/* SPDX-License-Identifier: MIT */
/* Weights on a device: rows stream from the graph's source expression into the packed layout, then to the device. */
#include "weights.h"

#include <pthread.h>
#include <string.h>

#include <clade/messages.h>

#define MAPPED_BYTES ((size_t)4 << 20)
#define THREAD_BYTES ((size_t)1 << 18) /* less is not worth a thread */

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
	pthread_mutex_t lock; /* of the queue, while threads read */
	uint32_t threads;
	struct copy **copies; /* per weight: a list, first loaded first */
};

enum clade_status clade_weights_create(const struct clade_graph *graph, struct clade_device *device,
				       struct clade_queue *queue, uint32_t threads, struct clade_weights **out_weights,
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
	weights->threads = threads ? threads : 1;
	pthread_mutex_init(&weights->lock, NULL);
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
	pthread_mutex_destroy(&weights->lock);
	clade_free(weights->context, weights);
	*pointer = NULL;
}

/* A weight on its way: rows are packed into the device's memory, a group of whole panels at a time, so that a large
 * weight is never in memory twice where that is not the host's. */
struct packing {
	struct clade_weights *weights;
	uint32_t weight;
	const struct clade_tensor *tensor;
	struct clade_buffer *buffer;
	int64_t rows, columns, group_rows; /* of the weight as a matrix; of a group */
	size_t group_bytes;
	void *mapped; /* the group at hand; NULL: none */
};

/* One thread's share of it: whole groups. */
struct share {
	struct packing packing;
	int64_t first, rows;
	enum clade_status status;
	struct clade_diag diag;
	pthread_t thread;
	bool apart; /* in a thread of its own */
};

static enum clade_status map(struct packing *p, size_t offset, size_t bytes, struct clade_diag *diag)
{
	enum clade_status status;

	pthread_mutex_lock(&p->weights->lock);
	status = clade_buffer_map(p->weights->queue, p->buffer, offset, bytes, &p->mapped, diag);
	pthread_mutex_unlock(&p->weights->lock);
	return status;
}

static enum clade_status unmap(struct packing *p, struct clade_diag *diag)
{
	enum clade_status status;

	pthread_mutex_lock(&p->weights->lock);
	status = clade_buffer_unmap(p->weights->queue, p->buffer, p->mapped, diag);
	pthread_mutex_unlock(&p->weights->lock);
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
			status = map(p, (size_t)group * p->group_bytes, bytes, diag);
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

static void *read_share(void *user)
{
	struct share *share = user;
	struct packing *p = &share->packing;

	share->status = clade_graph_read_weight(p->weights->graph, p->weight, share->first, share->rows, pack_rows, p,
						&share->diag);
	if (p->mapped)
		unmap(p, NULL); /* a failure has left it so */
	return NULL;
}

/* Groups of at most `most_bytes`, but a panel at least. False: rows cannot be packed so. */
static bool group_rows(struct packing *p, size_t most_bytes)
{
	const struct clade_type *type = &p->tensor->type;
	struct clade_layout layout = p->tensor->layout;
	int64_t count, width = layout.kind == CLADE_LAYOUT_ROWS ? 1 : layout.width;

	p->columns = type->rank ? type->dims[type->rank - 1] : 1;
	p->rows = clade_type_count(type, &count) && p->columns ? count / p->columns : 0;
	if (!clade_layout_bytes(&(struct clade_type) { type->dtype, 2, { width, p->columns } }, layout,
				&p->group_bytes))
		return false;
	p->group_rows = p->group_bytes && p->group_bytes < most_bytes ? (int64_t)(most_bytes / p->group_bytes) : 1;
	p->group_bytes *= (size_t)p->group_rows;
	p->group_rows *= width;
	return true;
}

/* The first share's failure is what a single thread would have met first. */
static enum clade_status read_shares(struct share *shares, size_t count, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	for (size_t i = 1; i < count; i++)
		shares[i].apart = !pthread_create(&shares[i].thread, NULL, read_share, &shares[i]);
	for (size_t i = 0; i < count; i++)
		if (!shares[i].apart)
			read_share(&shares[i]);
	for (size_t i = 0; i < count; i++) {
		if (shares[i].apart)
			pthread_join(shares[i].thread, NULL);
		if (shares[i].status && !status && diag && !diag->status) {
			clade_diag_finish(diag);
			*diag = shares[i].diag;
		} else {
			clade_diag_finish(&shares[i].diag);
		}
		status = status ? status : shares[i].status;
	}
	return status;
}

static enum clade_status fill(struct clade_weights *weights, uint32_t weight, struct copy *copy,
			      struct clade_diag *diag)
{
	struct packing p = { .weights = weights, .weight = weight, .tensor = &copy->tensor, .buffer = copy->buffer };
	size_t threads = clade_graph_weight_parts(weights->graph, weight) ? weights->threads : 1, groups, each;
	struct share *shares;
	enum clade_status status;

	if (threads > copy->bytes / THREAD_BYTES)
		threads = copy->bytes / THREAD_BYTES + !(copy->bytes / THREAD_BYTES);
	if (!group_rows(&p, copy->bytes / threads < MAPPED_BYTES ? copy->bytes / threads + 1 : MAPPED_BYTES))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL, "rows cannot be packed");
	groups = (size_t)((p.rows + p.group_rows - 1) / p.group_rows);
	each = (groups + threads - 1) / threads;
	threads = each ? (groups + each - 1) / each : 0;
	shares = clade_alloc(weights->context, threads * sizeof(*shares));
	if (!shares)
		return clade_fail_memory(diag, threads * sizeof(*shares), "a weight");
	for (size_t i = 0; i < threads; i++) {
		int64_t rows = (int64_t)each * p.group_rows, first = (int64_t)i * rows;

		shares[i].packing = p;
		shares[i].first = first;
		shares[i].rows = p.rows - first < rows ? p.rows - first : rows;
		clade_diag_init(&shares[i].diag);
	}
	status = read_shares(shares, threads, diag);
	clade_free(weights->context, shares);
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

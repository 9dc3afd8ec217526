/* SPDX-License-Identifier: MIT */
/* clade's side of the comparison of matrix products: `linear` through a prepared step, its weights packed before; all
 * calls enqueued, one finish. */
#include "gemm.h"

#include <clade/builtin.h>
#include <clade/step.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct clade_context *context;
static struct clade_device *device;
static struct clade_queue *queue;
static const struct clade_op *op;
static const struct clade_impl *impl;
static struct clade_diag diag;

/* One shape on the device. */
struct product {
	struct clade_type types[3], y_type;
	struct clade_tensor tensors[3], y; /* x, w, bias */
	struct clade_step *step;
	struct clade_exec *exec;
};

static const char *wrong(enum clade_status status)
{
	return status ? diag.text : NULL;
}

static const char *start_clade(char *out_about, size_t size)
{
	struct clade_context_params params = { .size = sizeof(params) };
	enum clade_status status;
	const struct clade_device_info *info;

	clade_diag_init(&diag);
	status = clade_context_create(&params, &context, &diag);
	if (!status)
		status = clade_context_add_builtins(context, &diag);
	if (!status)
		status = clade_device_open(context, "cl", &device, &diag);
	if (!status)
		status = clade_queue_create(device, false, &queue, &diag);
	if (status)
		return wrong(status);
	op = clade_op_find(context, "linear");
	impl = clade_impl_find(context, "linear", "cl.cpu");
	if (!op || !impl)
		return "linear.cl.cpu is missing";
	info = clade_device_get_info(device);
	snprintf(out_about, size, "%s.%s on %s, %s, driver %s: vectors of %u floats, tiles of %u rows by %u vectors",
		 impl->op, impl->name, info->name, info->platform, info->driver, info->vector_width, info->tile_rows,
		 info->tile_vectors);
	return NULL;
}

/* Makes a tensor on the device from row-major values (NULL: only memory) in `layout`. */
static enum clade_status put(const struct clade_type *type, struct clade_layout layout, const float *values,
			     struct clade_tensor *out)
{
	enum clade_status status;
	float *packed = NULL;
	size_t bytes;

	memset(out, 0, sizeof(*out));
	out->type = *type;
	out->layout = layout;
	clade_dense_strides(type, out->strides);
	if (!clade_layout_bytes(type, layout, &bytes))
		return CLADE_ERR_ARGUMENT;
	status = clade_buffer_create(device, bytes, &out->buffer, &diag);
	if (status || !values)
		return status;
	packed = calloc(1, bytes);
	if (!packed)
		return clade_fail_memory(&diag, bytes, "a packed matrix");
	status = clade_layout_pack(type, layout, 0, type->rank == 2 ? type->dims[0] : 1, values, packed);
	if (!status)
		status = clade_buffer_write(queue, out->buffer, 0, packed, bytes, true, &diag);
	free(packed);
	return status;
}

static enum clade_status prepare(struct product *p)
{
	static const enum clade_source_kind sources[] = { CLADE_FROM_VALUE, CLADE_FROM_WEIGHT, CLADE_FROM_WEIGHT };
	const struct clade_type *inputs[3] = { &p->types[0], &p->types[1], &p->types[2] };
	const struct clade_type *outputs[1] = { &p->y_type };
	static const bool no_flags[2] = { false, false };
	struct clade_node_info node = { .size = sizeof(node),
					.params = no_flags,
					.input_count = 3,
					.output_count = 1,
					.inputs = inputs,
					.outputs = outputs,
					.sources = sources,
					.device = clade_device_get_info(device) };
	enum clade_status status = clade_step_create(device, op, impl, &node, &p->step, &diag);

	if (!status)
		status = clade_steps_build(device, &p->step, 1, &diag);
	if (!status)
		status = clade_exec_create(p->step, queue, &p->exec, &diag);
	return status;
}

static const char *open_clade(struct gemm *gemm)
{
	static const struct clade_layout rows = { CLADE_LAYOUT_ROWS, 0 };
	struct product *p = gemm->own = calloc(1, sizeof(*p));
	float *bias = calloc((size_t)gemm->n, sizeof(float));
	enum clade_status status = p && bias ? CLADE_OK : clade_fail_memory(&diag, sizeof(*p), "a product");

	if (!status) {
		p->types[0] = (struct clade_type) { CLADE_F32, 2, { gemm->m, gemm->k } };
		p->types[1] = (struct clade_type) { CLADE_F32, 2, { gemm->n, gemm->k } };
		p->types[2] = (struct clade_type) { CLADE_F32, 1, { gemm->n } };
		p->y_type = (struct clade_type) { CLADE_F32, 2, { gemm->m, gemm->n } };
		status = prepare(p);
	}
	if (!status)
		status = put(&p->types[0], rows, gemm->x, &p->tensors[0]);
	if (!status)
		status = put(&p->types[1], clade_step_layout(p->step, 1), gemm->w, &p->tensors[1]);
	if (!status)
		status = put(&p->types[2], rows, bias, &p->tensors[2]);
	if (!status)
		status = put(&p->y_type, rows, NULL, &p->y);
	free(bias);
	return wrong(status);
}

static void close_clade(struct gemm *gemm)
{
	struct product *p = gemm->own;

	if (!p)
		return;
	clade_exec_destroy(&p->exec);
	clade_step_destroy(&p->step);
	for (int i = 0; i < 3; i++)
		clade_buffer_unref(&p->tensors[i].buffer);
	clade_buffer_unref(&p->y.buffer);
	free(p);
}

static const char *run_clade(struct gemm *gemm, int calls)
{
	struct product *p = gemm->own;
	const struct clade_tensor *inputs[3] = { &p->tensors[0], &p->tensors[1], &p->tensors[2] };
	const struct clade_tensor *outputs[1] = { &p->y };
	enum clade_status status = CLADE_OK;

	for (int i = 0; i < calls && !status; i++)
		status = clade_exec_run(p->exec, NULL, inputs, outputs, NULL, &diag);
	if (!status)
		status = clade_queue_finish(queue, &diag);
	return wrong(status);
}

static const char *fetch_clade(struct gemm *gemm)
{
	struct product *p = gemm->own;
	size_t bytes = (size_t)gemm->m * (size_t)gemm->n * sizeof(float);

	return wrong(clade_buffer_read(queue, p->y.buffer, 0, gemm->y, bytes, true, &diag));
}

const struct gemm_side gemm_side = { start_clade, open_clade, run_clade, fetch_clade, close_clade };

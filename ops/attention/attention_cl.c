/* SPDX-License-Identifier: MIT */
/* attention on OpenCL devices: tiles of as many query rows as the device's vectors have lanes. */
#include "attention.h"

struct attention_slots {
	uint32_t tiles;
};

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	struct attention_slots *slots = prepare->data;

	return prepare->host->kernel(prepare, "attention/attention.cl", "attention", NULL, &slots->tiles);
}

/* kernels/include/attention.clh: ATTENTION_ARGS; 9 tensors, 7 dims, 20 strides, 4 more. */
#define ARG_COUNT 40

static const struct clade_tensor *output_weights(const struct clade_run *run)
{
	return run->output_count > 1 ? run->outputs[1] : NULL;
}

static uint32_t run_flags(const struct clade_run *run, const struct attention_shape *shape)
{
	return (shape->causal ? 1u : 0u) | (run->inputs[ATTENTION_MASK] ? 2u : 0u) |
	       (run->inputs[ATTENTION_BIAS] ? 4u : 0u) | (run->inputs[ATTENTION_Q_POS] ? 8u : 0u) |
	       (run->inputs[ATTENTION_KV_LEN] ? 16u : 0u) | (output_weights(run) ? 32u : 0u);
}

static uint32_t put_strides(struct clade_arg *args, uint32_t count, const int64_t *strides, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		args[count++] = (struct clade_arg)CLADE_LONG(strides[i]);
	return count;
}

static uint32_t put_args(const struct clade_run *run, const struct attention_shape *shape, struct clade_arg *args)
{
	const int64_t dims[7] = { shape->b, shape->g, shape->g ? shape->h / shape->g : 0, shape->t, shape->s,
				  shape->d, shape->e };
	uint32_t count = 0;

	for (uint32_t i = 0; i < 7; i++)
		args[count++] = (struct clade_arg)CLADE_TENSOR(run->inputs[i]);
	args[count++] = (struct clade_arg)CLADE_TENSOR(run->outputs[0]);
	args[count++] = (struct clade_arg)CLADE_TENSOR(output_weights(run));
	for (uint32_t i = 0; i < 7; i++)
		args[count++] = (struct clade_arg)CLADE_INT(dims[i]);
	count = put_strides(args, count, run->inputs[ATTENTION_Q]->strides, 3);
	count = put_strides(args, count, run->inputs[ATTENTION_K]->strides, 3);
	count = put_strides(args, count, run->inputs[ATTENTION_V]->strides, 3);
	count = put_strides(args, count, shape->mask, 4);
	count = put_strides(args, count, shape->bias, 4);
	count = put_strides(args, count, run->outputs[0]->strides, 3);
	args[count++] = (struct clade_arg)CLADE_FLOAT(shape->scale);
	args[count++] = (struct clade_arg)CLADE_FLOAT(shape->softcap);
	args[count++] = (struct clade_arg)CLADE_INT(shape->window);
	args[count++] = (struct clade_arg)CLADE_UINT(run_flags(run, shape));
	return count;
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct attention_slots *slots = run->data;
	struct attention_shape shape;
	struct clade_arg args[ARG_COUNT];
	uint32_t width = run->device->vector_width ? run->device->vector_width : 1, local = 1, count;
	int64_t rows;

	if (!attention_shape_init(run, &shape) || !shape.g)
		return shape.g ? run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "an axis is longer than 2^31 - 1")
			       : CLADE_OK;
	rows = shape.t * (shape.h / shape.g);
	if (rows > INT32_MAX)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more than 2^31 - 1 queries a head");
	/* Private memory limits a group: 32 rows are few enough everywhere, and a warp on GPUs. */
	if (width == 1)
		local = clade_kit_big_items(run->device) ? 16 : 32;
	count = put_args(run, &shape, args);
	return run->host->launch(
		run, slots->tiles, args, count,
		(const uint64_t[3]) { (uint64_t)((rows + width - 1) / width), (uint64_t)shape.g, (uint64_t)shape.b },
		(const uint32_t[3]) { local, 1, 1 });
}

const struct clade_impl attention_cl = {
	.size = sizeof(struct clade_impl),
	.op = "attention",
	.name = "cl",
	.doc = "tiles of query rows, one a vector lane; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.strided_inputs = 1u << ATTENTION_Q | 1u << ATTENTION_K | 1u << ATTENTION_V,
	.strided_outputs = 1,
	.data_size = sizeof(struct attention_slots),
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};

/* SPDX-License-Identifier: MIT */
/* See toy.h. The kernels beside `toy_cl` are each wrong in one way that the runtime must catch. */
#include "toy.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char toy_source_text[] =
	"#include \"toy.clh\"\n"
	"__kernel void toy(__global const float *x, ulong x_at, __global const float *b, ulong b_at,\n"
	"                  __global float *y, ulong y_at, float s, uint n, uint has_b)\n"
	"{\n"
	"\tuint i = (uint)get_global_id(0);\n"
	"\tif (i < n)\n"
	"\t\ty[y_at + i] = TOY_FMA(x[x_at + i], s, has_b ? b[b_at + i] : 0.0f);\n"
	"}\n"
	"__kernel void toy_local(__global float *y, ulong y_at, __local float *t, uint n)\n"
	"{\n"
	"\tuint i = (uint)get_global_id(0);\n"
	"\tt[get_local_id(0)] = 1.0f;\n"
	"\tbarrier(CLK_LOCAL_MEM_FENCE);\n"
	"\tif (i < n)\n"
	"\t\ty[y_at + i] = t[get_local_id(0)];\n"
	"}\n";
static const char toy_header_text[] = "#define TOY_FMA(a, b, c) fma((a), (b), (c))\n";
static const char toy_broken_text[] = "\n__kernel void toy_broken(__global float *y, ulong y_at)\n"
				      "{\n\ty[y_at] = undeclared_name;\n}\n";
static const struct clade_kernel_source sources[] = {
	{ sizeof(struct clade_kernel_source), "toy/toy.cl", toy_source_text },
	{ sizeof(struct clade_kernel_source), "toy.clh", toy_header_text },
	{ sizeof(struct clade_kernel_source), "toy_broken/toy.cl", toy_broken_text },
};

static const struct clade_attr attr_s = { .size = sizeof(struct clade_attr),
					  .name = "s",
					  .type = CLADE_ATTR_FLOAT,
					  .offset = offsetof(struct toy_params, s),
					  .def = { .f = 2.0 },
					  .help = "factor" };
static const struct clade_attr attr_launches = { .size = sizeof(struct clade_attr),
						 .name = "launches",
						 .type = CLADE_ATTR_INT,
						 .offset = offsetof(struct toy_params, launches),
						 .def = { .i = 1 },
						 .help = "launches a run" };
#define PORT(n, f, s)                                                                                                  \
	{                                                                                                              \
		.size = sizeof(struct clade_port), .name = n, .flags = f, .dtypes = 1, .shape = s, .help = n           \
	}
static const struct clade_port port_x = PORT("x", CLADE_IN, "[n]");
static const struct clade_port port_b = PORT("b", CLADE_IN | CLADE_OPTIONAL, "[n]");
static const struct clade_port port_y = PORT("y", CLADE_OUT, "[n]");

const struct clade_op toy_op = {
	.size = sizeof(struct clade_op),
	.name = "toy",
	.doc = "y = fma(x, s, b)",
	.params_size = sizeof(struct toy_params),
	.attrs = CLADE_LIST(struct clade_attr, &attr_s, &attr_launches),
	.ports = CLADE_LIST(struct clade_port, &port_x, &port_b, &port_y),
	.family = "toy",
};

static enum clade_status ref_run(const struct clade_run *run)
{
	const struct toy_params *params = run->params;
	const float *x = run->inputs[0]->data, *b = run->inputs[1] ? run->inputs[1]->data : NULL;
	float *y = run->outputs[0]->data;

	for (int64_t i = 0; i < run->inputs[0]->type.dims[0]; i++)
		y[i] = fmaf(x[i], params->s, b ? b[i] : 0.0f);
	return CLADE_OK;
}

struct toy_data {
	uint32_t slot;
};

static enum clade_status prepare_with(struct clade_prepare *prepare, const char *source, const char *function)
{
	struct toy_data *data = prepare->data;
	uint32_t scratch;
	enum clade_status status = prepare->host->kernel(prepare, source, function, "TOY=1 A=2", &data->slot);

	return status ? status : prepare->host->scratch(prepare, 256, &scratch);
}

static enum clade_status cl_prepare(struct clade_prepare *prepare)
{
	return prepare_with(prepare, "toy/toy.cl", "toy");
}

static enum clade_status cl_launch(const struct clade_run *run, uint32_t drop, uint32_t group)
{
	const struct toy_params *params = run->params;
	const struct toy_data *data = run->data;
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->inputs[0]),
		CLADE_TENSOR(run->inputs[1]),
		CLADE_TENSOR(run->outputs[0]),
		CLADE_FLOAT(params->s),
		CLADE_UINT(run->inputs[0]->type.dims[0]),
		CLADE_UINT(run->inputs[1] != NULL),
	};
	const uint64_t global[3] = { (uint64_t)run->inputs[0]->type.dims[0], 1, 1 };
	const uint32_t local[3] = { group, 1, 1 };
	enum clade_status status = CLADE_OK;

	for (int64_t i = 0; i < params->launches && !status; i++)
		status = run->host->launch(run, data->slot, args, 6 - drop, global, local);
	return status;
}

static enum clade_status cl_run(const struct clade_run *run)
{
	return cl_launch(run, 0, 4);
}

static enum clade_status badargs_run(const struct clade_run *run)
{
	return cl_launch(run, 1, 4);
}

static enum clade_status wide_run(const struct clade_run *run)
{
	return cl_launch(run, 0, 1u << 20);
}

static enum clade_status broken_prepare(struct clade_prepare *prepare)
{
	return prepare_with(prepare, "toy_broken/toy.cl", "toy_broken");
}

static enum clade_status missing_prepare(struct clade_prepare *prepare)
{
	return prepare_with(prepare, "toy/toy.cl", "toy_nowhere");
}

static enum clade_status greedy_prepare(struct clade_prepare *prepare)
{
	return prepare_with(prepare, "toy/toy.cl", "toy_local");
}

/* More local memory than any device has. */
static enum clade_status greedy_run(const struct clade_run *run)
{
	const struct toy_data *data = run->data;
	const struct clade_arg args[] = { CLADE_TENSOR(run->outputs[0]),
					  { CLADE_ARG_LOCAL, { .bytes = run->device->local_bytes + 4 } },
					  CLADE_UINT(run->inputs[0]->type.dims[0]) };
	const uint64_t global[3] = { 4, 1, 1 };
	const uint32_t local[3] = { 4, 1, 1 };

	return run->host->launch(run, data->slot, args, 3, global, local);
}

#define IMPL(n, need, p, r)                                                                                            \
	{                                                                                                              \
		.size = sizeof(struct clade_impl), .op = "toy", .name = n, .doc = n, .needs = need,                    \
		.data_size = sizeof(struct toy_data), .prepare = p, .run = r                                           \
	}
const struct clade_impl toy_ref = IMPL("ref", CLADE_NEEDS_HOST, NULL, ref_run);
const struct clade_impl toy_cl = IMPL("cl", CLADE_NEEDS_OPENCL, cl_prepare, cl_run);
const struct clade_impl toy_broken = IMPL("cl.broken", CLADE_NEEDS_OPENCL, broken_prepare, cl_run);
const struct clade_impl toy_greedy = IMPL("cl.greedy", CLADE_NEEDS_OPENCL, greedy_prepare, greedy_run);
const struct clade_impl toy_wide = IMPL("cl.wide", CLADE_NEEDS_OPENCL, cl_prepare, wide_run);
const struct clade_impl toy_missing = IMPL("cl.missing", CLADE_NEEDS_OPENCL, missing_prepare, cl_run);
const struct clade_impl toy_badargs = IMPL("cl.badargs", CLADE_NEEDS_OPENCL, cl_prepare, badargs_run);

enum clade_status toy_entry(const struct clade_host *host, struct clade_registry *registry)
{
	static const struct clade_impl *const impls[] = { &toy_ref,  &toy_cl,      &toy_broken, &toy_greedy,
							  &toy_wide, &toy_missing, &toy_badargs };
	enum clade_status status = host->add_op(registry, &toy_op);

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]) && !status; i++)
		status = host->add_kernel(registry, &sources[i]);
	for (size_t i = 0; i < sizeof(impls) / sizeof(impls[0]) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}

static enum clade_status make_tensor(struct toy_case *toy, int which, struct clade_device *device,
				     struct clade_diag *diag)
{
	struct clade_tensor *tensor = &toy->tensors[which];
	float values[4096];
	enum clade_status status;
	void *mapped;

	tensor->type = (struct clade_type) { CLADE_F32, 1, { toy->n } };
	clade_dense_strides(&tensor->type, tensor->strides);
	status = clade_buffer_create(device, (size_t)toy->n * 4, &toy->buffers[which], diag);
	if (status)
		return status;
	tensor->buffer = toy->buffers[which];
	tensor->data = clade_buffer_host(tensor->buffer);
	for (int64_t i = 0; i < toy->n; i++)
		values[i] = which == 2 ? -77.0f : (which ? 0.5f : 1.0f) * (float)i;
	if (which != 1)
		return clade_buffer_write(toy->queue, tensor->buffer, 0, values, (size_t)toy->n * 4, true, diag);
	status = clade_buffer_map(toy->queue, tensor->buffer, 0, (size_t)toy->n * 4, &mapped, diag);
	if (mapped)
		memcpy(mapped, values, (size_t)toy->n * 4);
	return status ? status : clade_buffer_unmap(toy->queue, tensor->buffer, mapped, diag);
}

enum clade_status toy_open(struct toy_case *toy, struct clade_device *device, const struct clade_impl *impl, int64_t n,
			   bool with_b, int64_t launches, struct clade_diag *diag)
{
	struct toy_params params = { 2.0f, launches };
	const struct clade_type *inputs[2] = { NULL, NULL }, *outputs[1];
	struct clade_node_info node = { .size = sizeof(node), .params = &params, .input_count = 2, .output_count = 1 };
	enum clade_status status;

	memset(toy, 0, sizeof(*toy));
	toy->n = n;
	status = clade_queue_create(device, false, &toy->queue, diag);
	for (int i = 0; i < 3 && !status; i++)
		if (i != 1 || with_b)
			status = make_tensor(toy, i, device, diag);
	if (status)
		return status;
	inputs[0] = &toy->tensors[0].type;
	inputs[1] = with_b ? &toy->tensors[1].type : NULL;
	outputs[0] = &toy->tensors[2].type;
	toy->inputs[0] = &toy->tensors[0];
	toy->inputs[1] = with_b ? &toy->tensors[1] : NULL;
	toy->outputs[0] = &toy->tensors[2];
	node.inputs = inputs;
	node.outputs = outputs;
	node.device = clade_device_get_info(device);
	status = clade_step_create(device, &toy_op, impl, &node, &toy->step, diag);
	if (!status)
		status = clade_steps_build(device, &toy->step, 1, diag);
	if (!status && clade_step_scratch_count(toy->step)) {
		status =
			clade_buffer_create(device, clade_step_scratch_bytes(toy->step, 0), &toy->scratch_buffer, diag);
		toy->scratch_tensor.buffer = toy->scratch_buffer;
		toy->scratch[0] = &toy->scratch_tensor;
	}
	return status ? status : clade_exec_create(toy->step, toy->queue, &toy->exec, diag);
}

enum clade_status toy_run(struct toy_case *toy, struct clade_diag *diag)
{
	return clade_exec_run(toy->exec, NULL, toy->inputs, toy->outputs, toy->scratch, diag);
}

enum clade_status toy_check(struct toy_case *toy, float s, struct clade_diag *diag)
{
	float values[4096];
	enum clade_status status =
		clade_buffer_read(toy->queue, toy->buffers[2], 0, values, (size_t)toy->n * 4, true, diag);

	for (int64_t i = 0; i < toy->n && !status; i++)
		if (values[i] != fmaf((float)i, s, toy->inputs[1] ? 0.5f * (float)i : 0.0f))
			status = clade_fail(diag, CLADE_ERR_MISMATCH, CLADE_MSG_ARGUMENT, NULL, "y[%d] is %g", (int)i,
					    (double)values[i]);
	return status;
}

void toy_close(struct toy_case *toy)
{
	clade_exec_destroy(&toy->exec);
	clade_step_destroy(&toy->step);
	for (int i = 0; i < 3; i++)
		clade_buffer_unref(&toy->buffers[i]);
	clade_buffer_unref(&toy->scratch_buffer);
	clade_queue_destroy(&toy->queue);
}

int toy_world_open(const char *selector, void **state)
{
	static struct toy_world world;

	world = (struct toy_world) { 0 };
	clade_diag_init(&world.diag);
	if (clade_context_create(NULL, &world.context, &world.diag) ||
	    clade_context_register(world.context, toy_entry, "", &world.diag) ||
	    clade_device_open(world.context, selector, &world.device, &world.diag) ||
	    clade_queue_create(world.device, false, &world.queue, &world.diag)) {
		fprintf(stderr, "setup: %s\n", world.diag.text);
		return 1;
	}
	*state = &world;
	return 0;
}

int toy_world_close(void **state)
{
	struct toy_world *world = *state;

	toy_close(&world->toy);
	clade_queue_destroy(&world->queue);
	clade_device_unref(&world->device);
	clade_context_destroy(&world->context);
	clade_diag_finish(&world->diag);
	return 0;
}

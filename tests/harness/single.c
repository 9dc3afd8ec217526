/* SPDX-License-Identifier: MIT */
/* One op on given arrays; see single.h. */
#include "single.h"

#include <clade/messages.h>
#include <string.h>

struct work {
	const struct clade_op *op;
	const struct clade_impl *impl;
	struct clade_node_info node;
	const struct clade_type *inputs[CLADE_MAX_PORTS], *outputs[CLADE_MAX_PORTS];
	enum clade_source_kind sources[CLADE_MAX_PORTS];
	void *params;
	struct clade_step *step;
	struct clade_exec *exec;
	struct arranged ins[CLADE_MAX_PORTS], outs[CLADE_MAX_PORTS], scratch[CLADE_MAX_PORTS];
	struct arranged *written[CLADE_MAX_PORTS];
};

int single_input(const struct single *single, const char *port)
{
	const struct clade_op *op = clade_op_find(single->context, single->op);

	for (int i = 0; op && op->ports[i] && op->ports[i]->flags & CLADE_IN; i++)
		if (strcmp(op->ports[i]->name, port) == 0)
			return i;
	return -1;
}

/* The wanted implementation, or the first canonical one that accepts. */
static enum clade_status choose(struct single *single, struct work *work, struct clade_diag *diag)
{
	const struct clade_impl *impl;
	char why[256] = "there is none";

	for (size_t i = 0; (impl = clade_impl_at(single->context, single->op, i)); i++) {
		if (single->impl ? strcmp(impl->name, single->impl) != 0 : impl->order || impl->precision)
			continue;
		if (!clade_impl_accepts(impl, &work->node, why, sizeof(why)))
			continue;
		work->impl = impl;
		single->used = impl->name;
		return CLADE_OK;
	}
	return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_IMPL_REFUSED, NULL, "%s: no implementation: %s",
			  single->op, why);
}

static enum clade_status describe(struct single *single, struct work *work, struct clade_diag *diag)
{
	struct clade_type types[CLADE_MAX_PORTS];
	enum clade_status status;

	work->op = clade_op_find(single->context, single->op);
	if (!work->op)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_REGISTRY, NULL, "there is no op %s", single->op);
	work->params = clade_alloc(single->context, work->op->params_size);
	if (!work->params)
		return clade_fail_memory(diag, work->op->params_size, "params");
	status = clade_params_parse(work->op, single->attrs, work->params, diag);
	for (uint32_t i = 0; work->op->ports[i] && work->op->ports[i]->flags & CLADE_IN; i++)
		if (single->input_count <= i)
			single->input_count = i + 1;
	for (uint32_t i = 0; i < single->input_count; i++) {
		work->inputs[i] = single->inputs[i].present ? &single->inputs[i].type : NULL;
		work->sources[i] = single->inputs[i].weight ? CLADE_FROM_WEIGHT : CLADE_FROM_VALUE;
	}
	if (!status)
		status = clade_infer_types(work->op, work->params, single->input_count, work->inputs, types,
					   &single->output_count, diag);
	if (status)
		return status;
	for (uint32_t i = 0; i < single->output_count; i++) {
		single->outputs[i].type = types[i];
		work->outputs[i] = &single->outputs[i].type;
	}
	work->node = (struct clade_node_info) { .size = sizeof(work->node),
						.params = work->params,
						.input_count = single->input_count,
						.output_count = single->output_count,
						.inputs = work->inputs,
						.outputs = work->outputs,
						.sources = work->sources,
						.device = clade_device_get_info(single->device) };
	return choose(single, work, diag);
}

static enum clade_status make_tensors(struct single *single, struct work *work, struct clade_diag *diag)
{
	const struct arrangement dense = { .row_gap = 0 };
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < single->input_count && !status; i++) {
		struct arrangement packed = { .layout = clade_step_layout(work->step, i) };

		if (packed.layout.kind == CLADE_LAYOUT_ANY)
			packed.layout = single->inputs[i].any;
		if (single->inputs[i].present)
			status = arranged_create(single->context, single->device, work->inputs[i],
						 single->inputs[i].data, single->inputs[i].weight ? &packed : &dense,
						 &work->ins[i], diag);
	}
	for (uint32_t i = 0; i < single->output_count && !status; i++) {
		int state = clade_op_state_input(work->op, i);

		work->written[i] = state >= 0 ? &work->ins[state] : &work->outs[i];
		if (work->written[i] == &work->outs[i])
			status = arranged_create(single->context, single->device, work->outputs[i], NULL, &dense,
						 &work->outs[i], diag);
	}
	for (size_t i = 0; i < clade_step_scratch_count(work->step) && i < CLADE_MAX_PORTS && !status; i++) {
		struct clade_type type = { CLADE_F32,
					   1,
					   { (int64_t)(clade_step_scratch_bytes(work->step, i) + 3) / 4 } };

		status = arranged_create(single->context, single->device, &type, NULL, &dense, &work->scratch[i], diag);
	}
	return status;
}

static enum clade_status execute(struct single *single, struct work *work, struct clade_diag *diag)
{
	const struct clade_tensor *tensors[3][CLADE_MAX_PORTS] = { { NULL } };
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < CLADE_MAX_PORTS && !status; i++) {
		struct arranged *row[3] = { &work->ins[i], &work->outs[i], &work->scratch[i] };

		for (size_t s = 0; s < 3 && !status; s++)
			if (row[s]->present)
				status = arranged_write(single->queue, row[s], diag);
		tensors[0][i] = work->ins[i].present ? &work->ins[i].tensor : NULL;
		tensors[1][i] = work->written[i] ? &work->written[i]->tensor : NULL;
		tensors[2][i] = work->scratch[i].present ? &work->scratch[i].tensor : NULL;
	}
	if (!status)
		status = clade_exec_run(work->exec, NULL, tensors[0], tensors[1], tensors[2], diag);
	if (!status)
		status = clade_queue_finish(single->queue, diag);
	for (uint32_t i = 0; i < single->output_count && !status; i++) {
		size_t bytes = 0;

		status = arranged_read(single->queue, work->written[i], diag);
		clade_type_bytes(&single->outputs[i].type, &bytes);
		single->outputs[i].data = clade_alloc(single->context, bytes);
		if (!single->outputs[i].data)
			return clade_fail_memory(diag, bytes, "an output");
		single->outputs[i].present = true;
		arranged_gather(work->written[i], single->outputs[i].data);
	}
	return status;
}

enum clade_status single_run(struct single *single, struct clade_diag *diag)
{
	struct work work = { .op = NULL };
	enum clade_status status = describe(single, &work, diag);

	if (!status)
		status = clade_step_create(single->device, work.op, work.impl, &work.node, &work.step, diag);
	if (!status)
		status = clade_steps_build(single->device, &work.step, 1, diag);
	if (!status)
		status = clade_exec_create(work.step, single->queue, &work.exec, diag);
	if (!status)
		status = make_tensors(single, &work, diag);
	if (!status)
		status = execute(single, &work, diag);
	clade_exec_destroy(&work.exec);
	clade_step_destroy(&work.step);
	for (size_t i = 0; i < CLADE_MAX_PORTS; i++) {
		arranged_destroy(single->context, &work.ins[i]);
		arranged_destroy(single->context, &work.outs[i]);
		arranged_destroy(single->context, &work.scratch[i]);
	}
	clade_free(single->context, work.params);
	if (status)
		single_finish(single);
	return status;
}

void single_finish(struct single *single)
{
	for (size_t i = 0; i < CLADE_MAX_PORTS; i++) {
		clade_free(single->context, single->outputs[i].data);
		single->outputs[i] = (struct single_tensor) { .present = false };
	}
}

/* SPDX-License-Identifier: MIT */
/* One op by one implementation: memory, execution, comparison. */
#include "trial.h"
#include "block_body.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static enum clade_status make_tensor(struct trial *trial, const struct clade_type *type, struct clade_layout layout,
				     struct clade_tensor *out)
{
	size_t bytes;
	*out = (struct clade_tensor) { .type = *type, .layout = layout };
	clade_dense_strides(type, out->strides);
	if (!clade_layout_bytes(type, layout, &bytes))
		return clade_fail(&trial->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_BENCH, trial->op->name,
				  "the size of a tensor overflows");
	enum clade_status status = clade_buffer_create(trial->device, bytes, &out->buffer, &trial->tool->diag);
	if (status == CLADE_OK)
		out->data = clade_buffer_host(out->buffer);
	return status;
}

static enum clade_status write_tensor(struct trial *trial, const struct clade_tensor *tensor, const void *values)
{
	struct clade_diag *diag = &trial->tool->diag;
	size_t bytes;
	int64_t rows = 1;
	if (!clade_layout_bytes(&tensor->type, tensor->layout, &bytes) || bytes == 0)
		return CLADE_OK;
	if (tensor->layout.kind == CLADE_LAYOUT_ROWS)
		return clade_buffer_write(trial->queue, tensor->buffer, 0, values, bytes, true, diag);
	for (uint32_t i = 0; i + 1 < tensor->type.rank; i++)
		rows *= tensor->type.dims[i];
	void *packed = calloc(1, bytes);
	if (packed == NULL)
		return clade_fail_memory(diag, bytes, "a packed weight");
	enum clade_status status = clade_layout_pack(&tensor->type, tensor->layout, 0, rows, values, packed);
	status = status == CLADE_OK ? clade_buffer_write(trial->queue, tensor->buffer, 0, packed, bytes, true, diag)
				    : clade_fail(diag, status, CLADE_MSG_TOOL_BENCH, trial->op->name,
						 "its weight cannot be packed");
	free(packed);
	return status;
}

static struct clade_layout input_layout(const struct trial *trial, uint32_t input)
{
	struct clade_layout layout = clade_step_layout(trial->step, input);
	bool packed = trial->data->sources[input] == CLADE_FROM_WEIGHT && layout.kind != CLADE_LAYOUT_ANY;
	return packed ? layout : (struct clade_layout) { CLADE_LAYOUT_ROWS, 0 };
}

static enum clade_status write_inputs(struct trial *trial)
{
	enum clade_status status = CLADE_OK;
	for (uint32_t i = 0; i < trial->data->input_count && status == CLADE_OK; i++)
		if (trial->data->present[i])
			status = write_tensor(trial, &trial->inputs[i], trial->data->inputs[i]);
	return status;
}

static enum clade_status make_tensors(struct trial *trial)
{
	static const struct clade_layout rows = { CLADE_LAYOUT_ROWS, 0 };
	const struct clade_case_data *data = trial->data;
	enum clade_status status = CLADE_OK;
	for (uint32_t i = 0; i < data->input_count && status == CLADE_OK; i++) {
		if (!data->present[i])
			continue;
		status = make_tensor(trial, &data->input_types[i], input_layout(trial, i), &trial->inputs[i]);
		trial->input_list[i] = &trial->inputs[i];
	}
	for (uint32_t i = 0; i < data->output_count && status == CLADE_OK; i++) {
		int state = clade_op_state_input(trial->op, i);
		trial->output_list[i] = state >= 0 ? &trial->inputs[state] : &trial->outputs[i];
		if (trial->output_list[i] == &trial->outputs[i])
			status = make_tensor(trial, &data->output_types[i], rows, &trial->outputs[i]);
	}
	trial->scratch_count = clade_step_scratch_count(trial->step);
	trial->scratch = calloc(trial->scratch_count + 1, sizeof(*trial->scratch));
	trial->scratch_list = calloc(trial->scratch_count + 1, sizeof(*trial->scratch_list));
	if (trial->scratch == NULL || trial->scratch_list == NULL)
		return clade_fail_memory(&trial->tool->diag, trial->scratch_count * sizeof(*trial->scratch), "scratch");
	for (size_t i = 0; i < trial->scratch_count && status == CLADE_OK; i++) {
		const struct clade_type type = { CLADE_F32,
						 1,
						 { (int64_t)((clade_step_scratch_bytes(trial->step, i) + 3) / 4) } };
		status = make_tensor(trial, &type, rows, &trial->scratch[i]);
		trial->scratch_list[i] = &trial->scratch[i];
	}
	return status;
}

/* ---- a trial ---- */

void trial_describe(struct trial *trial, const struct clade_op *op, const struct clade_case_data *data,
		    const struct clade_device_info *device)
{
	trial->op = op;
	trial->data = data;
	trial->node = clade_case_node(data, device, trial->input_types, trial->output_types);
	/* what is computed only if used is left out, as in most plans */
	uint32_t output = 0;
	for (size_t i = 0; op->ports[i] != NULL; i++) {
		if ((op->ports[i]->flags & CLADE_OUT) == 0 || output >= data->output_count)
			continue;
		if (output > 0 && (op->ports[i]->flags & CLADE_OPTIONAL) != 0)
			trial->output_types[output] = NULL;
		output++;
	}
}

enum clade_status trial_open(struct trial *trial, struct tool *tool, struct clade_device *device,
			     struct clade_queue *queue, const struct clade_op *op, const struct clade_impl *impl,
			     const struct clade_case_data *data, const int32_t *tuned)
{
	struct clade_diag *diag = &tool->diag;
	*trial = (struct trial) { .tool = tool, .impl = impl, .device = device, .queue = queue };
	trial_describe(trial, op, data, clade_device_get_info(device));
	trial->node.tuned = tuned;
	enum clade_status status = clade_step_create(device, op, impl, &trial->node, &trial->step, diag);
	if (status == CLADE_OK)
		status = clade_steps_build(device, &trial->step, 1, diag);
	if (status == CLADE_OK)
		status = clade_exec_create(trial->step, queue, &trial->exec, diag);
	if (status == CLADE_OK)
		status = make_tensors(trial);
	for (uint32_t i = 0; i < data->output_count; i++)
		if (trial->output_types[i] == NULL)
			trial->output_list[i] = NULL;
	return status == CLADE_OK ? write_inputs(trial) : status;
}

void trial_close(struct trial *trial)
{
	clade_exec_destroy(&trial->exec);
	clade_step_destroy(&trial->step);
	for (size_t i = 0; i < CLADE_MAX_PORTS; i++) {
		clade_buffer_unref(&trial->inputs[i].buffer);
		clade_buffer_unref(&trial->outputs[i].buffer);
	}
	for (size_t i = 0; trial->scratch != NULL && i < trial->scratch_count; i++)
		clade_buffer_unref(&trial->scratch[i].buffer);
	free(trial->scratch);
	free(trial->scratch_list);
	*trial = (struct trial) { .tool = NULL };
}

enum clade_status trial_run(struct trial *trial, size_t calls, double *out_seconds)
{
	struct clade_diag *diag = &trial->tool->diag;
	enum clade_status status = CLADE_OK;
	double start = seconds_now();
	for (size_t i = 0; i < calls && status == CLADE_OK; i++)
		status = clade_exec_run(trial->exec, NULL, trial->input_list, trial->output_list, trial->scratch_list,
					diag);
	if (status == CLADE_OK)
		status = clade_queue_finish(trial->queue, diag);
	*out_seconds = (seconds_now() - start) / (double)calls;
	return status == CLADE_OK && interrupted ? CLADE_ERR_CANCELLED : status;
}

/* Output `index` as it is now, as `type` (of the first rows, it may be); malloc's. */
static enum clade_status read_output(struct trial *trial, uint32_t index, const struct clade_type *type, void **out)
{
	struct clade_diag *diag = &trial->tool->diag;
	size_t bytes = 0;
	*out = clade_type_bytes(type, &bytes) ? malloc(bytes + 1) : NULL;
	if (*out == NULL)
		return clade_fail_memory(diag, bytes, "an output");
	return bytes == 0
		       ? CLADE_OK
		       : clade_buffer_read(trial->queue, trial->output_list[index]->buffer, 0, *out, bytes, true, diag);
}

/* The worst of all outputs. */
static void add_compare(struct clade_compare *all, const struct clade_compare *one)
{
	bool larger = !(one->max_abs <= all->max_abs);
	all->bit_equal &= one->bit_equal;
	if (!larger && one->worst < 0)
		return;
	all->max_ulp = one->max_ulp > all->max_ulp ? one->max_ulp : all->max_ulp;
	all->nmse = one->nmse > all->nmse ? one->nmse : all->nmse;
	if (!larger)
		return;
	all->max_abs = one->max_abs;
	all->worst = one->worst;
}

enum clade_status trial_check(struct trial *trial, const struct right_answer *answer, struct clade_compare *out)
{
	double seconds;
	enum clade_status status = write_inputs(trial);
	*out = (struct clade_compare) { .bit_equal = true, .worst = -1 };
	if (status == CLADE_OK)
		status = trial_run(trial, 1, &seconds);
	for (uint32_t i = 0; i < trial->data->output_count && status == CLADE_OK; i++) {
		const struct clade_type *type = &answer->data->output_types[i];
		struct clade_compare one;
		void *got = NULL;
		if (trial->output_list[i] == NULL || answer->outputs[i] == NULL)
			continue;
		status = read_output(trial, i, type, &got);
		if (status == CLADE_OK) {
			clade_compare_arrays(type, got, answer->outputs[i], &one);
			add_compare(out, &one);
		}
		free(got);
	}
	return status;
}

enum clade_status trial_read(struct trial *trial, struct right_answer *out)
{
	enum clade_status status = CLADE_OK;
	*out = (struct right_answer) { .data = trial->data };
	for (uint32_t i = 0; i < trial->data->output_count && status == CLADE_OK; i++)
		if (trial->output_list[i] != NULL)
			status = read_output(trial, i, &trial->data->output_types[i], &out->outputs[i]);
	return status;
}

/* ---- the reference ---- */

static enum clade_status run_reference(struct tool *tool, struct clade_device *host, const struct clade_op *op,
				       const struct clade_impl *impl, struct right_answer *answer)
{
	struct clade_queue *queue = NULL;
	struct trial trial = { .tool = NULL };
	double seconds = 0;
	enum clade_status status = clade_queue_create(host, false, &queue, &tool->diag);
	if (status == CLADE_OK)
		status = trial_open(&trial, tool, host, queue, op, impl, answer->data, NULL);
	if (status == CLADE_OK)
		status = trial_run(&trial, 1, &seconds);
	if (status == CLADE_OK)
		status = trial_read(&trial, answer);
	answer->seconds = seconds;
	trial_close(&trial);
	clade_queue_destroy(&queue);
	return status;
}

enum clade_status right_answer_make(struct tool *tool, const struct clade_op *op, struct op_case *op_case,
				    const struct clade_case_data *data, struct right_answer *out)
{
	const struct clade_impl *ref = clade_impl_find(tool->context, op->name, "ref");
	struct clade_device *host = NULL;
	*out = (struct right_answer) { .data = data };
	enum clade_status status = clade_device_open(tool->context, "ref", &host, &tool->diag);
	if (status == CLADE_OK && ref != NULL)
		status = run_reference(tool, host, op, ref, out);
	else if (status == CLADE_OK && (op->flags & CLADE_OP_BLOCK) != 0)
		status = block_body_run(tool, host, op, op_case, out);
	clade_device_unref(&host);
	return status;
}

void right_answer_finish(struct right_answer *answer)
{
	for (size_t i = 0; i < CLADE_MAX_PORTS; i++)
		free(answer->outputs[i]);
	*answer = (struct right_answer) { .data = NULL };
}

/* SPDX-License-Identifier: MIT */
/* One case on one implementation; see trial.h. */
#include "trial.h"

#include <string.h>

static enum trial_result fail(struct trial *trial, const char *format, ...) CLADE_PRINTF(2, 3);

static enum trial_result fail(struct trial *trial, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trial->problem, sizeof(trial->problem), format, args);
	va_end(args);
	return TRIAL_FAILED;
}

static enum trial_result fail_status(struct trial *trial, const char *where, const struct clade_diag *diag)
{
	return fail(trial, "%s: %s: %s%s%s", where, clade_status_name(diag->status), diag->text, diag->log ? "\n" : "",
		    diag->log ? diag->log : "");
}

/* The op's port that input or output `index` belongs to (a variadic port takes all later ones), and its number among
 * its kind. */
static const struct clade_port *port_of(const struct clade_op *op, uint32_t flag, uint32_t index, uint32_t *out_number)
{
	const struct clade_port *found = NULL;
	uint32_t number = 0;

	for (size_t i = 0; op->ports[i]; i++) {
		if (!(op->ports[i]->flags & flag))
			continue;
		if (number > index)
			break;
		found = op->ports[i];
		*out_number = number++;
	}
	return found;
}

bool op_has_optional_output(const struct clade_op *op)
{
	for (size_t i = 0; op->ports[i]; i++)
		if (op->ports[i]->flags & CLADE_OUT && op->ports[i]->flags & CLADE_OPTIONAL)
			return true;
	return false;
}

static void describe_node(struct trial *trial)
{
	const struct clade_case_data *data = trial->data;

	trial->node =
		clade_case_node(data, clade_device_get_info(trial->device), trial->input_types, trial->output_types);
	for (uint32_t i = 0; i < data->output_count && trial->mode == TRIAL_REQUIRED; i++) {
		uint32_t number = 0;

		if (port_of(trial->op, CLADE_OUT, i, &number)->flags & CLADE_OPTIONAL)
			trial->output_types[i] = NULL;
	}
}

static bool any_gap(const struct clade_case_data *data)
{
	for (uint32_t i = 0; i < data->input_count; i++)
		if (data->row_gap[i])
			return true;
	return false;
}

/* The layout in which a weight arrives; an implementation that takes any gets panels of the device's width. */
static struct clade_layout weight_layout(const struct trial *trial, uint32_t input)
{
	const struct clade_device_info *info = clade_device_get_info(trial->device);
	struct clade_layout layout = clade_step_layout(trial->step, input);
	uint32_t width = info->vector_width * info->tile_vectors;

	if (trial->data->sources[input] != CLADE_FROM_WEIGHT)
		return (struct clade_layout) { CLADE_LAYOUT_ROWS, 0 };
	if (layout.kind == CLADE_LAYOUT_ANY)
		layout = width ? (struct clade_layout) { CLADE_LAYOUT_PANEL, (uint16_t)width }
			       : (struct clade_layout) { CLADE_LAYOUT_ROWS, 0 };
	return layout;
}

static enum trial_result make_inputs(struct trial *trial, struct clade_diag *diag)
{
	const struct clade_case_data *data = trial->data;

	for (uint32_t i = 0; i < data->input_count; i++) {
		struct arrangement arrangement = { .layout = weight_layout(trial, i), .capacity = data->capacity[i] };
		uint32_t number = 0;

		port_of(trial->op, CLADE_IN, i, &number);
		if (trial->impl->strided_inputs >> number & 1)
			arrangement.row_gap = data->row_gap[i];
		if (data->present[i] && arranged_create(trial->harness->context, trial->device, &data->input_types[i],
							data->inputs[i], &arrangement, &trial->inputs[i], diag))
			return fail_status(trial, "input", diag);
	}
	return TRIAL_OK;
}

static enum trial_result make_outputs(struct trial *trial, struct clade_diag *diag)
{
	const struct clade_case_data *data = trial->data;

	for (uint32_t i = 0; i < data->output_count; i++) {
		struct arrangement arrangement = { .row_gap = 0 };
		int state = clade_op_state_input(trial->op, i);
		uint32_t number = 0;
		size_t bytes = 0;

		if (!trial->output_types[i])
			continue;
		clade_type_bytes(&data->output_types[i], &bytes);
		trial->results[i] = clade_alloc(trial->harness->context, bytes);
		if (!trial->results[i])
			return fail(trial, "no memory");
		if (state >= 0 || (i == 0 && trial->mode == TRIAL_ALIAS)) {
			trial->written[i] = &trial->inputs[state >= 0 ? state : 0];
			continue;
		}
		port_of(trial->op, CLADE_OUT, i, &number);
		if (trial->impl->strided_outputs >> number & 1 && any_gap(data))
			arrangement.row_gap = 3;
		if (arranged_create(trial->harness->context, trial->device, &data->output_types[i], NULL, &arrangement,
				    &trial->outputs[i], diag))
			return fail_status(trial, "output", diag);
		trial->written[i] = &trial->outputs[i];
	}
	return TRIAL_OK;
}

static enum trial_result make_scratch(struct trial *trial, struct clade_diag *diag)
{
	size_t count = clade_step_scratch_count(trial->step);

	if (count > sizeof(trial->scratch) / sizeof(trial->scratch[0]))
		return fail(trial, "more scratch slots than this test knows");
	for (size_t i = 0; i < count; i++) {
		struct clade_type type = { CLADE_F32,
					   1,
					   { (int64_t)(clade_step_scratch_bytes(trial->step, i) + 3) / 4 } };
		struct arrangement arrangement = { .row_gap = 0 };

		if (arranged_create(trial->harness->context, trial->device, &type, NULL, &arrangement,
				    &trial->scratch[i], diag))
			return fail_status(trial, "scratch", diag);
	}
	return TRIAL_OK;
}

static enum clade_status write_all(struct trial *trial, struct clade_diag *diag)
{
	struct arranged *sets[] = { trial->inputs, trial->outputs, trial->scratch };

	for (size_t s = 0; s < 3; s++) {
		for (size_t i = 0; i < CLADE_MAX_PORTS; i++) {
			enum clade_status status = CLADE_OK;

			if (sets[s][i].present)
				status = arranged_write(trial->queue, &sets[s][i], diag);
			if (status)
				return status;
		}
	}
	return CLADE_OK;
}

static enum clade_status execute(struct trial *trial, struct clade_diag *diag)
{
	const struct clade_tensor *inputs[CLADE_MAX_PORTS] = { NULL }, *outputs[CLADE_MAX_PORTS] = { NULL };
	const struct clade_tensor *scratch[CLADE_MAX_PORTS] = { NULL };
	struct arranged *sets[] = { trial->inputs, trial->outputs, trial->scratch };
	enum clade_status status = write_all(trial, diag);

	for (size_t i = 0; i < CLADE_MAX_PORTS; i++) {
		inputs[i] = trial->inputs[i].present ? &trial->inputs[i].tensor : NULL;
		outputs[i] = trial->written[i] ? &trial->written[i]->tensor : NULL;
		scratch[i] = trial->scratch[i].present ? &trial->scratch[i].tensor : NULL;
	}
	if (!status)
		status = clade_exec_run(trial->exec, NULL, inputs, outputs, scratch, diag);
	if (!status)
		status = clade_queue_finish(trial->queue, diag);
	for (size_t s = 0; s < 3; s++)
		for (size_t i = 0; i < CLADE_MAX_PORTS && !status; i++)
			if (sets[s][i].present)
				status = arranged_read(trial->queue, &sets[s][i], diag);
	return status;
}

static enum trial_result check_guards(struct trial *trial, const struct arranged *arranged, const char *what,
				      uint32_t index)
{
	unsigned char *scratch = clade_alloc(trial->harness->context, arranged->bytes);
	bool hold = scratch && arranged_guards_hold(arranged, scratch);

	clade_free(trial->harness->context, scratch);
	return hold ? TRIAL_OK : fail(trial, "it wrote outside of %s %u (guard words or gaps changed)", what, index);
}

static bool is_written(const struct trial *trial, uint32_t input)
{
	for (uint32_t i = 0; i < trial->data->output_count; i++)
		if (trial->written[i] == &trial->inputs[input])
			return true;
	return false;
}

/* All memory after a run: inputs untouched, guards in place, outputs written. Fills results. */
static enum trial_result check_memory(struct trial *trial)
{
	const struct clade_case_data *data = trial->data;

	for (uint32_t i = 0; i < data->input_count; i++)
		if (trial->inputs[i].present && !is_written(trial, i) && !arranged_is_intact(&trial->inputs[i]))
			return fail(trial, "it changed input %u", i);
	for (uint32_t i = 0; i < data->output_count; i++) {
		struct arranged *written = trial->written[i];
		int64_t left;

		if (!written)
			continue;
		if (check_guards(trial, written, "output", i))
			return TRIAL_FAILED;
		arranged_gather(written, trial->results[i]);
		left = arranged_count_poison(&written->tensor.type, trial->results[i]);
		if (written == &trial->outputs[i] && left)
			return fail(trial, "%lld elements of output %u were not written", (long long)left, i);
	}
	for (uint32_t i = 0; i < sizeof(trial->scratch) / sizeof(trial->scratch[0]); i++)
		if (trial->scratch[i].present && check_guards(trial, &trial->scratch[i], "scratch", i))
			return TRIAL_FAILED;
	return TRIAL_OK;
}

/* Runs again: the same bits must come out. */
static enum trial_result rerun(struct trial *trial, struct clade_diag *diag)
{
	const struct clade_case_data *data = trial->data;
	void *first[CLADE_MAX_PORTS] = { NULL };
	enum trial_result result = TRIAL_OK;

	for (uint32_t i = 0; i < data->output_count; i++) {
		size_t bytes = 0;

		clade_type_bytes(&data->output_types[i], &bytes);
		first[i] = clade_alloc(NULL, bytes);
		if (!first[i])
			result = fail(trial, "no memory");
		else if (trial->results[i] && bytes)
			memcpy(first[i], trial->results[i], bytes);
	}
	if (!result && execute(trial, diag))
		result = fail_status(trial, "second run", diag);
	if (!result)
		result = check_memory(trial);
	for (uint32_t i = 0; i < data->output_count && !result; i++) {
		struct clade_compare compare;

		if (!trial->results[i])
			continue;
		clade_compare_arrays(&data->output_types[i], trial->results[i], first[i], &compare);
		if (!compare.bit_equal)
			result = fail(trial, "a second run gave other bits at element %lld of output %u",
				      (long long)compare.worst, i);
	}
	for (uint32_t i = 0; i < data->output_count; i++)
		clade_free(NULL, first[i]);
	return result;
}

static enum trial_result run(struct trial *trial, struct clade_diag *diag)
{
	enum trial_result result;

	describe_node(trial);
	if (!clade_impl_accepts(trial->impl, &trial->node, trial->problem, sizeof(trial->problem)))
		return TRIAL_REFUSED;
	trial->problem[0] = '\0';
	if (clade_step_create(trial->device, trial->op, trial->impl, &trial->node, &trial->step, diag))
		return fail_status(trial, "prepare", diag);
	if (clade_steps_build(trial->device, &trial->step, 1, diag))
		return fail_status(trial, "build", diag);
	if (clade_exec_create(trial->step, trial->queue, &trial->exec, diag))
		return fail_status(trial, "exec", diag);
	result = make_inputs(trial, diag);
	if (!result)
		result = make_outputs(trial, diag);
	if (!result)
		result = make_scratch(trial, diag);
	if (!result && execute(trial, diag))
		result = fail_status(trial, "run", diag);
	if (!result)
		result = check_memory(trial);
	return result || trial->once ? result : rerun(trial, diag);
}

enum trial_result trial_run(struct trial *trial)
{
	struct clade_diag diag;
	enum trial_result result;

	clade_diag_init(&diag);
	result = run(trial, &diag);
	clade_diag_finish(&diag);
	return result;
}

void trial_finish(struct trial *trial)
{
	struct clade_context *context = trial->harness->context;

	clade_exec_destroy(&trial->exec);
	clade_step_destroy(&trial->step);
	for (size_t i = 0; i < CLADE_MAX_PORTS; i++) {
		arranged_destroy(context, &trial->inputs[i]);
		arranged_destroy(context, &trial->outputs[i]);
		arranged_destroy(context, &trial->scratch[i]);
		clade_free(context, trial->results[i]);
		trial->results[i] = NULL;
	}
}

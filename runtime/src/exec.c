/* SPDX-License-Identifier: MIT */
/* Executions: running a prepared step on a queue. Nothing here allocates once an execution exists. */
#include "device.h"

#include <stdio.h>
#include <time.h>

static struct clade_run_state *state_of(const struct clade_run *run)
{
	return run->opaque;
}

enum clade_status clade_run_fail(const struct clade_run *run, enum clade_status status, const char *format, ...)
{
	const struct clade_impl *impl = state_of(run)->exec->step->impl;
	char where[160], text[900];
	va_list args;

	snprintf(where, sizeof(where), "%.70s.%.70s", impl->op, impl->name);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return clade_fail(state_of(run)->diag, status ? status : CLADE_ERR_ARGUMENT, CLADE_MSG_IMPL_FAILED, where, "%s",
			  text);
}

static enum clade_status warm_launch(struct clade_exec *exec, uint32_t slot, const struct clade_arg *args,
				     uint32_t arg_count, const uint32_t local[3], struct clade_diag *diag)
{
	const struct clade_driver *driver = exec->queue->device->driver;

	if (driver->is_warm(exec, slot, local))
		return CLADE_OK;
	exec->needed = true;
	return exec->mode == CLADE_EXEC_WARM ? driver->warm(exec, slot, args, arg_count, local, diag) : CLADE_OK;
}

enum clade_status clade_run_launch(const struct clade_run *run, uint32_t slot, const struct clade_arg *args,
				   uint32_t arg_count, const uint64_t global[3], const uint32_t local[3])
{
	static const uint32_t single[3] = { 1, 1, 1 };
	struct clade_exec *exec = state_of(run)->exec;

	if (!global || (arg_count && !args) || slot >= exec->step->kernel_count)
		return clade_run_fail(run, CLADE_ERR_ARGUMENT,
				      "launch: global, args and a slot below %zu must be given",
				      exec->step->kernel_count);
	if (global[0] == 0 || global[1] == 0 || global[2] == 0)
		return CLADE_OK;
	local = local ? local : single;
	if (exec->mode != CLADE_EXEC_RUN)
		return warm_launch(exec, slot, args, arg_count, local, state_of(run)->diag);
	return exec->queue->device->driver->launch(exec, slot, args, arg_count, global, local, state_of(run)->diag);
}

enum clade_status clade_run_native(const struct clade_run *run, struct clade_native *out)
{
	struct clade_exec *exec = state_of(run)->exec;

	if (!out || out->size < sizeof(*out))
		return clade_run_fail(run, CLADE_ERR_ARGUMENT, "native: out->size must be %zu", sizeof(*out));
	out->platform = out->device = out->context = out->queue = NULL;
	exec->native = true;
	if (exec->mode != CLADE_EXEC_RUN)
		return clade_run_fail(run, CLADE_ERR_UNSUPPORTED, "native: not while kernels are tried");
	exec->queue->device->driver->native(exec, out);
	return CLADE_OK;
}

void *clade_run_native_buffer(const struct clade_run *run, const struct clade_tensor *tensor)
{
	return tensor && tensor->buffer ? tensor->buffer->device->driver->native_buffer(tensor->buffer) : NULL;
}

enum clade_status clade_exec_create(const struct clade_step *step, struct clade_queue *queue,
				    struct clade_exec **out_exec, struct clade_diag *diag)
{
	struct clade_exec *exec;
	enum clade_status status;

	if (!step || !queue || !out_exec)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_exec_create: step, queue and out_exec must not be NULL");
	*out_exec = NULL;
	if (step->device != queue->device)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_exec_create: the step is on %s, the queue on %s; both must be on one device",
				  step->device->info.id, queue->device->info.id);
	exec = clade_alloc(queue->device->context, sizeof(*exec));
	if (!exec)
		return clade_fail_memory(diag, sizeof(*exec), "an execution");
	exec->step = step;
	exec->queue = queue;
	status = queue->device->driver->exec_create(exec, diag);
	if (status)
		clade_exec_destroy(&exec);
	*out_exec = exec;
	return status;
}

void clade_exec_destroy(struct clade_exec **exec)
{
	struct clade_exec *dead;

	if (!exec || !*exec)
		return;
	dead = *exec;
	*exec = NULL;
	dead->queue->device->driver->exec_destroy(dead);
	clade_free(dead->queue->device->context, dead);
}

/* Whether this port's tensor may have strides: it said so, or it is a state, whose rows lie `capacity` apart. */
static bool may_stride(const struct clade_step *step, uint32_t index, bool output)
{
	uint32_t mask = output ? step->impl->strided_outputs : step->impl->strided_inputs;
	uint32_t port = 0, want = output ? CLADE_OUT : CLADE_IN;

	if (output ? clade_op_state_input(step->op, index) >= 0 : step->sources[index] == CLADE_FROM_STATE)
		return true;
	for (size_t i = 0; step->op->ports && step->op->ports[i]; i++) {
		const struct clade_port *p = step->op->ports[i];

		if (!(p->flags & want))
			continue;
		if (port == index || (p->flags & CLADE_VARIADIC))
			return port < 32 && ((mask >> port) & 1);
		port++;
	}
	return false;
}

/* Whether all elements lie inside the tensor's buffer. A device would write elsewhere without a word. */
static bool fits(const struct clade_tensor *tensor)
{
	const struct clade_dtype_info *dtype = clade_dtype_info(tensor->type.dtype);
	int64_t last = 0, span;
	size_t bytes, end;

	if (!dtype)
		return false;
	if (tensor->layout.kind != CLADE_LAYOUT_ROWS) {
		if (!clade_layout_bytes(&tensor->type, tensor->layout, &bytes))
			return false;
	} else {
		for (uint32_t i = 0; i < tensor->type.rank; i++)
			if (tensor->type.dims[i] > 1 &&
			    (tensor->strides[i] < 0 ||
			     !clade_i64_mul(tensor->type.dims[i] - 1, tensor->strides[i], &span) ||
			     !clade_i64_add(last, span, &last)))
				return false;
		if (((size_t)last + 1) % dtype->block ||
		    !clade_size_mul(((size_t)last + 1) / dtype->block, dtype->bytes, &bytes))
			return false;
	}
	return clade_size_add((size_t)tensor->offset, bytes, &end) && end <= tensor->buffer->bytes;
}

static enum clade_status check_tensors(const struct clade_exec *exec, const struct clade_tensor *const *tensors,
				       const struct clade_type *const *types, uint32_t count, const char *what,
				       struct clade_diag *diag)
{
	const struct clade_step *step = exec->step;
	bool output = what[0] == 'o';

	for (uint32_t i = 0; i < count; i++) {
		const struct clade_tensor *tensor = tensors ? tensors[i] : NULL;
		const char *why = "is absent, but the step was prepared with it";
		int64_t elements = 0;
		bool ok;

		if (!types[i] && !tensor)
			continue;
		if (!types[i])
			return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
					  "clade_exec_run: %s %u of %.80s.%.80s was absent when the step was prepared",
					  what, i, step->impl->op, step->impl->name);
		ok = tensor && clade_type_count(&tensor->type, &elements);
		if (ok && elements > 0)
			ok = step->device->driver->tensor_ok(step->device, tensor, &why);
		if (ok && elements > 0 && tensor->buffer && !fits(tensor)) {
			why = "reaches beyond the end of its buffer";
			ok = false;
		}
		if (ok && tensor->layout.kind == CLADE_LAYOUT_ROWS && !clade_tensor_is_dense(tensor) &&
		    !may_stride(step, i, output)) {
			why = "has gaps between its rows, which the implementation does not take";
			ok = false;
		}
		if (!ok)
			return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
					  "clade_exec_run: %s %u of %.80s.%.80s %s", what, i, step->impl->op,
					  step->impl->name, why);
	}
	return CLADE_OK;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Runs with what `last` says. */
static enum clade_status enqueue(struct clade_exec *exec, struct clade_diag *diag)
{
	struct clade_run_state state = { exec, diag };
	struct clade_run *run = &exec->last;
	enum clade_status status;
	uint64_t started = exec->queue->profiling ? now_ns() : 0;

	run->opaque = &state;
	exec->native = false;
	exec->queue->device->driver->exec_begin(exec);
	status = exec->step->impl->run(run);
	if (exec->queue->profiling)
		exec->host_ns = now_ns() - started;
	if (status) /* keeps the reason it has given, if any */
		status = clade_run_fail(run, status, "run failed (%s) and gave no reason", clade_status_name(status));
	run->opaque = NULL;
	exec->repeatable = !status;
	return status;
}

enum clade_status clade_exec_run(struct clade_exec *exec, const void *params, const struct clade_tensor *const *inputs,
				 const struct clade_tensor *const *outputs, const struct clade_tensor *const *scratch,
				 struct clade_diag *diag)
{
	const struct clade_step *step = exec ? exec->step : NULL;
	enum clade_status status;

	if (!exec || (step->node.input_count && !inputs) || (step->node.output_count && !outputs) ||
	    (step->scratch_count && !scratch))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_exec_run: exec, inputs, outputs and scratch must not be NULL");
	exec->repeatable = false;
	status = check_tensors(exec, inputs, step->inputs, step->node.input_count, "input", diag);
	if (!status)
		status = check_tensors(exec, outputs, step->outputs, step->node.output_count, "output", diag);
	for (size_t i = 0; i < step->scratch_count && !status; i++)
		if (!scratch[i])
			status = clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
					    "clade_exec_run: scratch %zu of %zu is NULL", i, step->scratch_count);
	if (status)
		return status;
	exec->last = (struct clade_run) {
		.size = sizeof(exec->last),
		.host = &clade_host_services,
		.params = params ? params : step->params,
		.data = step->data,
		.input_count = step->node.input_count,
		.output_count = step->node.output_count,
		.inputs = inputs,
		.outputs = outputs,
		.scratch = scratch,
		.constants = step->constant_views,
		.device = &step->device->info,
		.tuned = step->tuned,
	};
	return enqueue(exec, diag);
}

enum clade_status clade_exec_repeat(struct clade_exec *exec, struct clade_diag *diag)
{
	const struct clade_driver *driver;
	enum clade_status status;

	if (!exec || !exec->repeatable)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_exec_repeat: exec must have been run, and its last run must have gone well");
	driver = exec->queue->device->driver;
	/* A profiled run's time on the host is that of the whole run. */
	if (exec->native || exec->queue->profiling || !driver->relaunch || !driver->relaunch(exec, &status, diag))
		return enqueue(exec, diag);
	exec->repeatable = !status;
	return status;
}

enum clade_status clade_exec_warm(struct clade_exec *exec, const void *params, const struct clade_tensor *const *inputs,
				  const struct clade_tensor *const *outputs, const struct clade_tensor *const *scratch,
				  bool *out_needed, struct clade_diag *diag)
{
	enum clade_status status;

	if (out_needed)
		*out_needed = false;
	if (exec && !exec->queue->device->driver->is_warm)
		return CLADE_OK;
	if (exec) {
		exec->mode = out_needed ? CLADE_EXEC_PROBE : CLADE_EXEC_WARM;
		exec->needed = exec->native = false;
	}
	status = clade_exec_run(exec, params, inputs, outputs, scratch, diag);
	if (!exec)
		return status;
	exec->mode = CLADE_EXEC_RUN;
	exec->repeatable = false;
	if (exec->native) {
		clade_diag_reset(diag);
		return CLADE_OK;
	}
	if (out_needed)
		*out_needed = exec->needed;
	return status;
}

uint64_t clade_exec_device_ns(struct clade_exec *exec)
{
	return exec ? exec->queue->device->driver->exec_ns(exec) : 0;
}

/* SPDX-License-Identifier: MIT */
/* Launching each kernel of a plan once before its first run, one work-group each, so that no run waits for a driver
 * that compiles or loads kernels when they are first launched. The numbers do not matter and states must stay as they
 * are. */
#include "session_internal.h"

struct warming {
	struct clade_session *session;
	struct clade_bound *bound;
	struct clade_buffer *spare; /* stands for states that would be written */
	struct clade_tensor tensors[2 * CLADE_MAX_PORTS];
	const struct clade_tensor *slots[2 * CLADE_MAX_PORTS];
	struct clade_diag *diag;
};

static bool is_state(const struct clade_session *session, const struct clade_buffer *buffer)
{
	for (uint32_t i = 0; i < session->ir->state_count; i++)
		if (buffer && session->states[i].buffer == buffer)
			return true;
	return false;
}

static bool writes_states(const struct warming *w, const struct clade_item *item)
{
	for (uint32_t i = 0; i < item->output_count; i++)
		if (w->session->ir->values[item->outputs[i]].state != CLADE_IR_NONE)
			return true;
	return false;
}

static enum clade_status make_spare(struct warming *w)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < w->session->ir->state_count; i++)
		if (w->session->states[i].buffer && clade_buffer_size(w->session->states[i].buffer) > bytes)
			bytes = clade_buffer_size(w->session->states[i].buffer);
	return w->spare ? CLADE_OK
			: clade_buffer_create(w->session->devices[CLADE_PLACE_MAIN], bytes, &w->spare, w->diag);
}

/* The item's tensors, with `spare` in the place of states. */
static enum clade_status replace_states(struct warming *w, const struct clade_item *item,
					const struct clade_tensor *const *slots)
{
	enum clade_status status = make_spare(w);

	for (uint32_t i = 0; i < item->input_count + item->output_count && !status; i++) {
		w->slots[i] = slots[i];
		if (!slots[i] || !is_state(w->session, slots[i]->buffer))
			continue;
		w->tensors[i] = *slots[i];
		w->tensors[i].buffer = w->spare;
		w->slots[i] = &w->tensors[i];
	}
	return status;
}

/* Whole numbers index things: what lies in memory that nobody wrote yet must not. */
static enum clade_status clear(struct warming *w, const struct clade_tensor *tensor)
{
	size_t bytes, size = tensor ? clade_buffer_size(tensor->buffer) : 0;

	if (!tensor || !clade_type_bytes(&tensor->type, &bytes))
		return CLADE_OK;
	bytes = (bytes + 3) & ~(size_t)3; /* spans are padded */
	if (tensor->offset > size || bytes > size - tensor->offset)
		bytes = tensor->offset > size ? 0 : (size - tensor->offset) & ~(size_t)3;
	return bytes ? clade_buffer_fill(w->session->queues[CLADE_PLACE_MAIN], tensor->buffer, tensor->offset, bytes, 0,
					 w->diag)
		     : CLADE_OK;
}

static enum clade_status clear_indices(struct warming *w, const struct clade_item *item,
				       const struct clade_tensor *const *slots)
{
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < item->input_count && !status; i++)
		if (slots[i] && slots[i]->type.dtype != CLADE_F32 &&
		    slots[i]->buffer == w->session->arena[CLADE_PLACE_MAIN])
			status = clear(w, slots[i]);
	for (size_t i = 0; i < clade_step_scratch_count(item->step) && !status; i++)
		status = clear(w, slots[item->input_count + item->output_count + i]);
	return status;
}

static enum clade_status warm_item(struct warming *w, uint32_t index)
{
	const struct clade_item *item = &w->bound->plan->items[index];
	const struct clade_tensor *const *slots = w->bound->slots + w->bound->first_slot[index], *const *io = slots;
	const struct clade_tensor *const *scratch = slots + item->input_count + item->output_count;
	struct clade_exec *exec = w->bound->execs[index];
	const void *params = w->bound->params[index];
	enum clade_status status;
	bool needed;

	status = clade_exec_warm(exec, params, io, io + item->input_count, scratch, &needed, w->diag);
	if (status || !needed)
		return status;
	if (writes_states(w, item)) {
		status = replace_states(w, item, slots);
		io = w->slots;
	}
	if (!status)
		status = clear_indices(w, item, slots);
	return status ? status : clade_exec_warm(exec, params, io, io + item->input_count, scratch, NULL, w->diag);
}

enum clade_status clade_bound_warm(struct clade_session *session, struct clade_bound *bound, struct clade_diag *diag)
{
	struct warming w = { .session = session, .bound = bound, .diag = diag };
	enum clade_status status = CLADE_OK, finish;

	for (uint32_t i = 0; i < bound->plan->item_count && !status; i++)
		if (bound->plan->items[i].kind == CLADE_ITEM_EXEC && bound->plan->items[i].place == CLADE_PLACE_MAIN)
			status = warm_item(&w, i);
	finish = clade_queue_finish(session->queues[CLADE_PLACE_MAIN], status ? NULL : diag);
	clade_buffer_unref(&w.spare);
	return status ? status : finish;
}

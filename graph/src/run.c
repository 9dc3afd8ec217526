/* SPDX-License-Identifier: MIT */
/* One run of an entry: inputs checked and sent, items executed in order, outputs fetched, chunks where they are needed.
 */
#include "session_internal.h"

#include <stdio.h>
#include <string.h>

#include <clade/messages.h>

static bool is_absent(const struct clade_input *input)
{
	return !input->name;
}

/* The caller's inputs in the entry's order; absent ones have no name. */
static enum clade_status match_inputs(const struct clade_session *session, const struct clade_ir_entry *entry,
				      const struct clade_input *inputs, size_t count, struct clade_input *out,
				      struct clade_diag *diag)
{
	for (uint32_t i = 0; i < entry->input_count; i++)
		out[i] = (struct clade_input) { 0 };
	for (size_t i = 0; i < count; i++) {
		const char *words[64], *nearest;
		uint32_t k = 0;

		while (k < entry->input_count && strcmp(entry->inputs[k].name, inputs[i].name))
			k++;
		if (k < entry->input_count) {
			out[k] = inputs[i];
			continue;
		}
		for (k = 0; k < entry->input_count && k < 64; k++)
			words[k] = entry->inputs[k].name;
		nearest = clade_nearest(inputs[i].name, words, k);
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_INPUT, inputs[i].name,
				  "entry '%s' has no such input%s%s%s", entry->name, nearest ? "; did you mean '" : "",
				  nearest ? nearest : "", nearest ? "'?" : "");
	}
	for (uint32_t i = 0; i < entry->input_count; i++)
		if (is_absent(&out[i]) && entry->inputs[i].default_kind == CLADE_DEFAULT_NONE)
			return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_INPUT, entry->inputs[i].name,
					  "entry '%s' needs this input and it was not given", entry->name);
	return CLADE_OK;
}

static enum clade_status check_dtype(const struct clade_ir_input *declared, const struct clade_input *given,
				     struct clade_diag *diag)
{
	enum clade_dtype have = given->type.dtype, want = declared->type.dtype;

	if (have == want || (want == CLADE_I32 && (have == CLADE_I64 || have == CLADE_BOOL)) ||
	    (want == CLADE_BOOL && have == CLADE_U8))
		return CLADE_OK;
	return clade_fail(
		diag, CLADE_ERR_DATA, CLADE_MSG_INPUT, declared->name, "its elements are %s; the graph declares %s",
		clade_dtype_info(have) ? clade_dtype_info(have)->name : "unknown", clade_dtype_info(want)->name);
}

static int64_t integer_at(const struct clade_input *input, int64_t i)
{
	if (input->type.dtype == CLADE_BOOL)
		return ((const uint8_t *)input->data)[i] != 0;
	return input->type.dtype == CLADE_I64 ? ((const int64_t *)input->data)[i] : ((const int32_t *)input->data)[i];
}

/* Integers within range, positions within the cache (which grows), before anything is sent. A position below 0 is a row
 * of padding, which caches skip; what else it indexes may then be anything. */
static enum clade_status check_values(struct clade_session *session, uint32_t entry_index, uint32_t index,
				      const struct clade_input *input, int64_t *out_rows, struct clade_diag *diag)
{
	const struct clade_ir_entry *entry = &session->ir->entries[entry_index];
	const char *target = "";
	bool cache;
	int64_t count, bound;

	if (entry->inputs[index].type.dtype != CLADE_I32 || is_absent(input) || input->type.dtype == CLADE_BOOL)
		return CLADE_OK;
	bound = clade_session_index_bound(session, entry_index, index, &cache, &target);
	clade_type_count(&input->type, &count);
	for (int64_t i = 0; i < count; i++) {
		int64_t value = integer_at(input, i);

		if (value > INT32_MAX || value < INT32_MIN || (bound >= 0 && ((value < 0 && !cache) || value >= bound)))
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_INPUT_INDEX, entry->inputs[index].name,
					  "element %lld is %lld; %s%s%s 0 to %lld", (long long)i, (long long)value,
					  bound >= 0 ? "it indexes '" : "", bound >= 0 ? target : "the range of i32 is",
					  bound >= 0 ? "', whose rows are" : "",
					  (long long)(bound >= 0 ? bound - 1 : INT32_MAX));
		if (cache && value + 1 > *out_rows)
			*out_rows = value + 1;
	}
	return CLADE_OK;
}

/* Where a mask is given as well as what it is the default of, both must say the same. */
static enum clade_status check_mask(const struct clade_ir_entry *entry, uint32_t index,
				    const struct clade_input *matched, struct clade_diag *diag)
{
	const struct clade_input *input = &matched[index], *mask;
	int64_t count;

	if (entry->inputs[index].default_mask == CLADE_IR_NONE || is_absent(input))
		return CLADE_OK;
	mask = &matched[entry->inputs[index].default_mask];
	clade_type_count(&input->type, &count);
	for (int64_t i = 0; !is_absent(mask) && i < count; i++)
		if (!integer_at(mask, i) != 0 && integer_at(input, i) >= 0)
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_INPUT, input->name,
					  "element %lld is %lld where '%s' is 0; there it is -1 (or leave '%s' out)",
					  (long long)i, (long long)integer_at(input, i), mask->name, input->name);
	return CLADE_OK;
}

/* ---- sending ---- */

static enum clade_status stage(struct clade_session *session, uint32_t index, size_t bytes, void **out,
			       struct clade_diag *diag)
{
	if (session->staging_bytes[index] < bytes || !session->staging[index]) {
		void *grown = clade_resize(session->context, session->staging[index], bytes + 8);

		if (!grown)
			return clade_fail_memory(diag, bytes, "an input");
		session->staging[index] = grown;
		session->staging_bytes[index] = bytes;
	}
	*out = session->staging[index];
	return CLADE_OK;
}

/* range(mask): what the mask keeps is counted from each row's start, the rest is -1. */
static void fill_masked_range(const struct clade_type *type, int64_t first, const struct clade_input *mask,
			      int32_t *target)
{
	int64_t count, width = type->dims[type->rank - 1], whole = mask->type.dims[mask->type.rank - 1];

	clade_type_count(type, &count);
	for (int64_t row = 0; width && row < count / width; row++) {
		int32_t position = 0;

		for (int64_t i = 0; i < first; i++)
			position += integer_at(mask, row * whole + i) != 0;
		for (int64_t i = 0; i < width; i++)
			target[row * width + i] = integer_at(mask, row * whole + first + i) != 0 ? position++ : -1;
	}
}

static void fill_default(const struct clade_ir_input *declared, const struct clade_type *type, int64_t first,
			 void *target)
{
	int64_t count, last = type->rank ? type->dims[type->rank - 1] : 1;

	clade_type_count(type, &count);
	for (int64_t i = 0; i < count; i++) {
		double value = declared->default_kind == CLADE_DEFAULT_RANGE ? (double)(first + i % last)
									     : declared->default_value;

		if (type->dtype == CLADE_I32)
			((int32_t *)target)[i] = (int32_t)value;
		else if (type->dtype == CLADE_BOOL)
			((uint8_t *)target)[i] = value != 0;
		else
			((float *)target)[i] = (float)value;
	}
}

static void convert(const struct clade_input *input, enum clade_dtype to, int64_t from_element, int64_t count,
		    void *target)
{
	size_t bytes = clade_dtype_info(to)->bytes;

	if (to == CLADE_I32 && input->type.dtype == CLADE_I64)
		for (int64_t i = 0; i < count; i++)
			((int32_t *)target)[i] = (int32_t)((const int64_t *)input->data)[from_element + i];
	else if (to == CLADE_I32 && input->type.dtype == CLADE_BOOL)
		for (int64_t i = 0; i < count; i++)
			((int32_t *)target)[i] = ((const uint8_t *)input->data)[from_element + i] != 0;
	else if (to == CLADE_BOOL)
		for (int64_t i = 0; i < count; i++)
			((uint8_t *)target)[i] = ((const uint8_t *)input->data)[from_element + i] != 0;
	else
		memcpy(target, (const char *)input->data + (size_t)from_element * bytes, (size_t)count * bytes);
}

/* Which axis of a type is exactly the dim `code`, or -1. */
static int axis_of(const struct clade_type *type, int64_t code)
{
	for (uint32_t i = 0; i < type->rank; i++)
		if (type->dims[i] == code)
			return (int)i;
	return -1;
}

struct slice {
	int64_t first, count, total; /* rows along the chunk dim; total < 0: not chunked */
	int64_t code;
	/* of an entry with an input that picks rows: that input, its dim in ir->dims and its code */
	const struct clade_input *rows;
	uint32_t row_dim;
	int64_t row_code;
};

/* Which of the picked rows `at` is in the chunk; -1: another chunk has it. */
static int64_t picked_row(const struct slice *slice, int64_t at)
{
	int64_t row = integer_at(slice->rows, at) - slice->first;

	return row >= 0 && row < slice->count ? row : -1;
}

/* Picked rows as the chunk counts them; of other chunks' rows any, which gather_chunk leaves out. */
static void fill_picked(const struct slice *slice, int64_t count, int32_t *target)
{
	for (int64_t i = 0; i < count; i++)
		target[i] = picked_row(slice, i) < 0 ? 0 : (int32_t)picked_row(slice, i);
}

static enum clade_status send_input(struct clade_session *session, struct clade_bound *bound, uint32_t index,
				    const struct clade_ir_input *declared, const struct clade_input *matched,
				    const struct slice *slice, struct clade_diag *diag)
{
	const struct clade_input *input = &matched[index];
	int axis = slice->total >= 0 ? axis_of(&declared->type, slice->code) : -1;
	const struct clade_tensor *tensor = NULL;
	enum clade_status status;
	int64_t count, outer = 1, inner = 1;
	size_t bytes;
	void *data = NULL;

	for (int place = 0; place < CLADE_PLACE_COUNT && !tensor; place++)
		tensor = clade_bound_tensor(bound, place, declared->value);
	if (!tensor || !clade_type_bytes(&tensor->type, &bytes) || !clade_type_count(&tensor->type, &count))
		return CLADE_OK; /* nobody reads it */
	status = stage(session, index, bytes, &data, diag);
	if (status)
		return status;
	if (is_absent(input) && declared->default_mask != CLADE_IR_NONE &&
	    !is_absent(&matched[declared->default_mask])) {
		fill_masked_range(&tensor->type, axis >= 0 ? slice->first : 0, &matched[declared->default_mask], data);
	} else if (is_absent(input)) {
		fill_default(declared, &tensor->type, axis >= 0 ? slice->first : 0, data);
	} else if (slice->total >= 0 && input == slice->rows) {
		fill_picked(slice, count, data);
	} else if (axis < 0) {
		convert(input, declared->type.dtype, 0, count, data);
	} else {
		for (int i = 0; i < axis; i++)
			outer *= input->type.dims[i];
		for (uint32_t i = (uint32_t)axis + 1; i < input->type.rank; i++)
			inner *= input->type.dims[i];
		for (int64_t o = 0; o < outer; o++)
			convert(input, declared->type.dtype, (o * slice->total + slice->first) * inner,
				slice->count * inner,
				(char *)data + (size_t)(o * slice->count * inner) *
						       clade_dtype_info(declared->type.dtype)->bytes);
	}
	for (int place = 0; place < CLADE_PLACE_COUNT && !status; place++) {
		tensor = clade_bound_tensor(bound, place, declared->value);
		if (tensor && bytes)
			status = clade_buffer_write(session->queues[place], tensor->buffer, tensor->offset, data, bytes,
						    false, diag);
	}
	return status;
}

/* ---- executing ---- */

static enum clade_status run_copy(struct clade_session *session, struct clade_bound *bound,
				  const struct clade_item *item, struct clade_diag *diag)
{
	const struct clade_tensor *main_tensor = clade_bound_tensor(bound, CLADE_PLACE_MAIN, item->copy_value);
	const struct clade_tensor *host_tensor = clade_bound_tensor(bound, CLADE_PLACE_HOST, item->copy_value);
	size_t bytes;

	if (!clade_type_bytes(&main_tensor->type, &bytes) || !bytes)
		return CLADE_OK;
	if (item->place == CLADE_PLACE_HOST)
		return clade_buffer_read(session->queues[CLADE_PLACE_MAIN], main_tensor->buffer, main_tensor->offset,
					 host_tensor->data, bytes, true, diag);
	return clade_buffer_write(session->queues[CLADE_PLACE_MAIN], main_tensor->buffer, main_tensor->offset,
				  host_tensor->data, bytes, true, diag);
}

static enum clade_status run_items(struct clade_session *session, struct clade_bound *bound,
				   const struct clade_run_hooks *hooks, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < bound->plan->item_count && !status; i++) {
		const struct clade_item *item = &bound->plan->items[i];
		const struct clade_tensor *const *slots = bound->slots + bound->first_slot[i];

		if (hooks && hooks->before)
			status = hooks->before(hooks->user, bound, i, diag);
		if (!status && item->kind == CLADE_ITEM_COPY)
			status = run_copy(session, bound, item, diag);
		else if (!status && item->kind == CLADE_ITEM_EXEC)
			status = bound->has_run ? clade_exec_repeat(bound->execs[i], diag)
						: clade_exec_run(bound->execs[i], bound->params[i], slots,
								 slots + item->input_count,
								 slots + item->input_count + item->output_count, diag);
		if (status && diag && !diag->where[0])
			snprintf(diag->where, sizeof(diag->where), "%s", item->path);
		if (!status && hooks && hooks->after)
			status = hooks->after(hooks->user, bound, i, diag);
	}
	bound->has_run = !status;
	return status;
}

/* ---- fetching ---- */

static enum clade_status reserve_output(struct clade_session *session, struct clade_session_output *output,
					size_t bytes, struct clade_diag *diag)
{
	if (output->capacity < bytes || !output->data) {
		void *grown = clade_resize(session->context, output->data, bytes + 8);

		if (!grown)
			return clade_fail_memory(diag, bytes, "an output");
		output->data = grown;
		output->capacity = bytes;
	}
	output->bytes = bytes;
	return CLADE_OK;
}

/* Weights and inputs may be outputs too; everything else is in the arena or a state at MAIN. */
static const struct clade_tensor *output_tensor(struct clade_session *session, struct clade_bound *bound,
						uint32_t value)
{
	const struct clade_ir_value *v = &session->ir->values[value];
	const struct clade_tensor *tensor = NULL;

	if (v->kind != CLADE_IR_WEIGHT)
		return clade_bound_tensor(bound, CLADE_PLACE_MAIN, value);
	if (clade_weights_get(session->weights[CLADE_PLACE_MAIN], v->index,
			      (struct clade_layout) { CLADE_LAYOUT_ROWS, 0 }, &tensor, NULL))
		return NULL;
	return tensor;
}

/* Enqueues reads of small outputs so that they arrive with the run's one finish; others are read when asked for. */
static enum clade_status fetch_small(struct clade_session *session, struct clade_bound *bound, struct clade_diag *diag)
{
	const struct clade_ir_entry *entry = &session->ir->entries[bound->plan->entry];
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < entry->output_count && !status; i++) {
		const struct clade_tensor *tensor = output_tensor(session, bound, entry->outputs[i].value);
		struct clade_session_output *output = &session->outputs[i];
		size_t bytes;

		output->valid = false;
		if (!tensor || !clade_type_bytes(&tensor->type, &bytes) || bytes > CLADE_EAGER_BYTES)
			continue;
		status = reserve_output(session, output, bytes, diag);
		if (!status && bytes)
			status = clade_buffer_read(session->queues[CLADE_PLACE_MAIN], tensor->buffer, tensor->offset,
						   output->data, bytes, false, diag);
		output->type = tensor->type;
		output->valid = !status;
	}
	return status;
}

/* Puts the rows that were picked from a chunk into an output that has them along `axis`. */
static enum clade_status gather_picked(struct clade_session *session, const struct slice *slice,
				       const struct clade_tensor *tensor, int axis, struct clade_session_output *output,
				       struct clade_diag *diag)
{
	int64_t count = 1, picked;
	size_t bytes, row;
	enum clade_status status;

	for (int a = 0; a <= axis; a++)
		count *= tensor->type.dims[a];
	if (!clade_type_bytes(&tensor->type, &bytes) || !clade_type_count(&slice->rows->type, &picked) ||
	    picked != count)
		return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_SIZE, slice->rows->name,
				  "an output of a chunked run must have the picked rows as its first two axes");
	output->type = tensor->type;
	status = reserve_output(session, output, bytes, diag);
	row = count ? bytes / (size_t)count : 0;
	for (int64_t i = 0; i < count && !status && row; i++)
		if (picked_row(slice, i) >= 0)
			status = clade_buffer_read(session->queues[CLADE_PLACE_MAIN], tensor->buffer,
						   tensor->offset + (uint64_t)i * row,
						   (char *)output->data + (size_t)i * row, row, false, diag);
	output->valid = !status;
	return status;
}

/* Puts a chunk's rows of every output that has the chunk dim into the whole output. */
static enum clade_status gather_chunk(struct clade_session *session, struct clade_bound *bound,
				      const struct slice *slice, struct clade_diag *diag)
{
	const struct clade_ir_entry *entry = &session->ir->entries[bound->plan->entry];
	enum clade_status status = CLADE_OK;

	for (uint32_t i = 0; i < entry->output_count && !status; i++) {
		int axis = axis_of(&session->ir->values[entry->outputs[i].value].type, slice->code);
		const struct clade_tensor *tensor = output_tensor(session, bound, entry->outputs[i].value);
		struct clade_session_output *output = &session->outputs[i];
		size_t bytes, row = 0;
		int64_t outer = 1;

		if (axis < 0 && slice->row_dim != CLADE_IR_NONE) {
			axis = axis_of(&session->ir->values[entry->outputs[i].value].type, slice->row_code);
			if (axis >= 0 && tensor && slice->rows) {
				status = gather_picked(session, slice, tensor, axis, output, diag);
				continue;
			}
		}
		if (axis < 0 || !tensor)
			continue; /* whole at the last chunk, read on demand */
		output->type = tensor->type;
		output->type.dims[axis] = slice->total;
		for (int a = 0; a < axis; a++)
			outer *= tensor->type.dims[a];
		if (!clade_type_bytes(&output->type, &bytes))
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SIZE, entry->outputs[i].name,
					  "its size overflows");
		status = reserve_output(session, output, bytes, diag);
		row = outer && slice->total ? bytes / (size_t)(outer * slice->total) : 0;
		for (int64_t o = 0; o < outer && !status && row; o++)
			status = clade_buffer_read(session->queues[CLADE_PLACE_MAIN], tensor->buffer,
						   tensor->offset + (uint64_t)(o * slice->count) * row,
						   (char *)output->data +
							   (size_t)(o * slice->total + slice->first) * row,
						   (size_t)slice->count * row, false, diag);
		output->valid = !status;
	}
	return status;
}

/* ---- the run ---- */

static enum clade_status run_slice(struct clade_session *session, uint32_t entry_index,
				   const struct clade_input *matched, const struct slice *slice,
				   const struct clade_run_hooks *hooks, struct clade_diag *diag)
{
	const struct clade_ir_entry *entry = &session->ir->entries[entry_index];
	uint32_t dim = entry->chunk_dim;
	struct clade_bound *bound;
	enum clade_status status, finish;

	if (slice->total >= 0)
		session->bindings[dim] = slice->count;
	if (slice->total >= 0 && slice->row_dim != CLADE_IR_NONE && !slice->rows)
		session->bindings[slice->row_dim] = slice->count; /* nothing was picked: all rows */
	status = clade_session_bind(session, entry_index, session->bindings, &bound, diag);
	for (uint32_t i = 0; i < entry->input_count && !status; i++)
		status = send_input(session, bound, i, &entry->inputs[i], matched, slice, diag);
	if (!status)
		status = run_items(session, bound, hooks, diag);
	if (!status)
		status = slice->total >= 0 ? gather_chunk(session, bound, slice, diag)
					   : fetch_small(session, bound, diag);
	for (int place = 0; place < CLADE_PLACE_COUNT; place++) { /* also after a failure: staging must not be in use */
		finish = clade_queue_finish(session->queues[place], status ? NULL : diag);
		if (!status)
			status = finish;
	}
	return status;
}

/* Binds the dims that inputs show; run dims of this entry are bound anew, those of entries before it stay. */
static enum clade_status bind_dims(struct clade_session *session, const struct clade_ir_entry *entry,
				   const struct clade_input *matched, struct clade_diag *diag)
{
	const struct clade_ir *ir = session->ir;
	int64_t fresh[64];
	enum clade_status status = CLADE_OK;

	for (uint32_t d = 0; d < ir->dim_count; d++)
		fresh[d] = ir->dims[d].dim_class == CLADE_DIM_SESSION ? session->bindings[d] : -1;
	/* dims that no input of this entry has come from the entry before it (the source's length in `decode`) */
	for (uint32_t d = 0; d < ir->dim_count && entry->after != CLADE_IR_NONE; d++) {
		bool own = false;

		for (uint32_t i = 0; i < entry->input_count; i++)
			own |= axis_of(&entry->inputs[i].type, ir->dims[d].code) >= 0;
		if (!own)
			fresh[d] = session->bindings[d];
	}
	for (uint32_t i = 0; i < entry->input_count && !status; i++)
		if (!is_absent(&matched[i])) {
			status = check_dtype(&entry->inputs[i], &matched[i], diag);
			if (!status)
				status = clade_ir_bind_input(ir, &entry->inputs[i], &matched[i].type, fresh, diag);
		}
	for (uint32_t d = 0; d < ir->dim_count && !status; d++)
		if (ir->dims[d].has_default && fresh[d] < 0)
			clade_ir_eval(ir, ir->dims[d].default_code, fresh, &fresh[d]);
	if (!status)
		memcpy(session->bindings, fresh, ir->dim_count * sizeof(int64_t));
	return status;
}

/* Rows that are picked must be there. */
static enum clade_status check_rows(struct clade_session *session, const struct clade_ir_entry *entry,
				    const struct clade_input *matched, struct clade_diag *diag)
{
	const struct clade_input *rows = entry->row_input == CLADE_IR_NONE ? NULL : &matched[entry->row_input];
	int64_t count, total = rows ? session->bindings[entry->chunk_dim] : 0;

	if (!rows || is_absent(rows) || !clade_type_count(&rows->type, &count))
		return CLADE_OK;
	for (int64_t i = 0; i < count; i++)
		if (integer_at(rows, i) < 0 || integer_at(rows, i) >= total)
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_INPUT_INDEX, rows->name,
					  "element %lld is %lld; it picks one of %lld rows", (long long)i,
					  (long long)integer_at(rows, i), (long long)total);
	return CLADE_OK;
}

/* Positions against the rings; `input` NULL: the default, 0, 1, 2, ... */
static enum clade_status check_positions(struct clade_session *session, uint32_t index, uint32_t number,
					 const struct clade_input *matched, const struct clade_type *type, bool whole,
					 struct clade_diag *diag)
{
	const struct clade_ir_entry *entry = &session->ir->entries[index];
	uint32_t mask = entry->inputs[number].default_mask;
	struct clade_positions positions = { .name = entry->inputs[number].name };
	const char *target;
	bool cache;

	clade_session_index_bound(session, index, number, &cache, &target);
	if (!cache || type->rank != 2)
		return CLADE_OK;
	if (!is_absent(&matched[number]))
		positions.input = &matched[number];
	else if (mask != CLADE_IR_NONE && !is_absent(&matched[mask]))
		positions.mask = &matched[mask];
	positions.batch = type->dims[0];
	positions.count = type->dims[1];
	positions.piece = whole || entry->chunk_dim == CLADE_IR_NONE ? INT32_MAX : CLADE_CHUNK_MAX;
	return clade_session_check_rings(session, &positions, diag);
}

static enum clade_status prepare_run(struct clade_session *session, uint32_t index, const struct clade_input *inputs,
				     size_t count, bool whole, struct clade_input *matched, struct clade_diag *diag)
{
	const struct clade_ir_entry *entry = &session->ir->entries[index];
	enum clade_status status;
	int64_t rows = 0;

	if (entry->after != CLADE_IR_NONE && !session->entry_done[entry->after])
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_ENTRY_ORDER, entry->name,
				  "entry '%s' must run before it", session->ir->entries[entry->after].name);
	status = match_inputs(session, entry, inputs, count, matched, diag);
	if (!status)
		status = bind_dims(session, entry, matched, diag);
	if (!status)
		status = check_rows(session, entry, matched, diag);
	for (uint32_t i = 0; i < entry->input_count && !status; i++) {
		struct clade_type type;

		status = check_values(session, index, i, &matched[i], &rows, diag);
		if (!status)
			status = check_mask(entry, i, matched, diag);
		if (!status && !is_absent(&matched[i]))
			status = check_positions(session, index, i, matched, &matched[i].type, whole, diag);
		/* a default range that indexes a cache needs room too */
		if (!status && is_absent(&matched[i]) && entry->inputs[i].default_kind == CLADE_DEFAULT_RANGE &&
		    clade_ir_eval_type(session->ir, &entry->inputs[i].type, session->bindings, &type) && type.rank) {
			int64_t length = type.dims[type.rank - 1], bound;
			const char *target = "";
			bool cache;

			bound = clade_session_index_bound(session, index, i, &cache, &target);
			if (bound >= 0 && length > bound)
				status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_INPUT_INDEX, entry->inputs[i].name,
						    "it would count to %lld; it indexes '%s', whose rows are 0 to %lld",
						    (long long)length - 1, target, (long long)bound - 1);
			if (cache && length > rows)
				rows = length;
			if (!status)
				status = check_positions(session, index, i, matched, &type, whole, diag);
		}
	}
	if (!status)
		status = clade_session_grow(session, clade_session_useful_rows(session, rows), diag);
	if (!status && rows > session->used_rows)
		session->used_rows = rows;
	return status;
}

/* A failed run must not fix dims for those after it. Caches stay as large as they have become. */
static void restore_dims(struct clade_session *session, const int64_t *before)
{
	for (uint32_t d = 0; d < session->ir->dim_count; d++)
		if (!clade_session_is_cache_dim(session, d))
			session->bindings[d] = before[d];
}

enum clade_status clade_session_run_hooked(struct clade_session *session, uint32_t index,
					   const struct clade_input *inputs, size_t input_count,
					   const struct clade_run_hooks *hooks, struct clade_diag *diag)
{
	const struct clade_ir_entry *entry = &session->ir->entries[index];
	struct clade_input matched[64];
	struct slice slice = { .total = -1, .row_dim = CLADE_IR_NONE };
	enum clade_status status;
	int64_t total, before[64];

	if (entry->input_count > 64 || session->ir->dim_count > 64)
		return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_SIZE, entry->name,
				  "more than 64 inputs or dims");
	memcpy(before, session->bindings, session->ir->dim_count * sizeof(int64_t));
	status = prepare_run(session, index, inputs, input_count, hooks && hooks->whole, matched, diag);
	if (status) {
		restore_dims(session, before);
		return status;
	}
	for (uint32_t i = 0; i < session->output_capacity; i++)
		session->outputs[i].valid = false;
	total = entry->chunk_dim == CLADE_IR_NONE ? -1 : session->bindings[entry->chunk_dim];
	if (total > CLADE_CHUNK_MAX && !(hooks && hooks->whole)) {
		slice.total = total;
		slice.code = session->ir->dims[entry->chunk_dim].code;
		if (entry->row_input != CLADE_IR_NONE) {
			slice.rows = is_absent(&matched[entry->row_input]) ? NULL : &matched[entry->row_input];
			slice.row_code = entry->inputs[entry->row_input].type.dims[1];
			for (uint32_t d = 0; d < session->ir->dim_count; d++)
				if (session->ir->dims[d].code == slice.row_code)
					slice.row_dim = d;
		}
		for (; slice.first < total && !status; slice.first += slice.count) {
			slice.count = total - slice.first < CLADE_CHUNK_MAX ? total - slice.first : CLADE_CHUNK_MAX;
			status = run_slice(session, index, matched, &slice, hooks, diag);
		}
	} else {
		status = run_slice(session, index, matched, &slice, hooks, diag);
	}
	clade_session_wrote(session, index);
	session->counters.runs++;
	session->entry_done[index] = !status;
	session->last_entry = status ? CLADE_IR_NONE : index;
	session->last_run = status ? NULL : session->last[index];
	if (status)
		restore_dims(session, before);
	return status;
}

enum clade_status clade_session_run(struct clade_session *session, const char *entry_name,
				    const struct clade_input *inputs, size_t input_count, struct clade_diag *diag)
{
	uint32_t entry = clade_session_find_entry(session, entry_name, diag);

	return entry == CLADE_IR_NONE ? CLADE_ERR_USAGE
				      : clade_session_run_hooked(session, entry, inputs, input_count, NULL, diag);
}

enum clade_status clade_session_output(struct clade_session *session, const char *name, struct clade_type *out_type,
				       void *target, struct clade_diag *diag)
{
	const struct clade_ir_entry *entry;
	const struct clade_tensor *tensor;
	const char *words[64], *nearest;
	uint32_t index = 0;
	size_t bytes;

	if (session->last_entry == CLADE_IR_NONE)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_OUTPUT, name, "no entry has run");
	entry = &session->ir->entries[session->last_entry];
	while (index < entry->output_count && strcmp(entry->outputs[index].name, name))
		index++;
	if (index == entry->output_count) {
		for (index = 0; index < entry->output_count && index < 64; index++)
			words[index] = entry->outputs[index].name;
		nearest = clade_nearest(name, words, index);
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_OUTPUT, name, "entry '%s' has no such output%s%s%s",
				  entry->name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
				  nearest ? "'?" : "");
	}
	if (session->outputs[index].valid) {
		if (out_type)
			*out_type = session->outputs[index].type;
		if (target)
			memcpy(target, session->outputs[index].data, session->outputs[index].bytes);
		return CLADE_OK;
	}
	if (!session->last_run)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_OUTPUT, name,
				  "its memory may hold something else since a plan was made or a cache has grown; read "
				  "outputs of this size before");
	tensor = output_tensor(session, session->last_run, entry->outputs[index].value);
	if (!tensor || !clade_type_bytes(&tensor->type, &bytes))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_OUTPUT, name, "the output has no memory");
	if (out_type)
		*out_type = tensor->type;
	return target && bytes ? clade_buffer_read(session->queues[CLADE_PLACE_MAIN], tensor->buffer, tensor->offset,
						   target, bytes, true, diag)
			       : CLADE_OK;
}

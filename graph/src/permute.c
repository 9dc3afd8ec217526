/* SPDX-License-Identifier: MIT */
/* Reordering, expanding and shrinking the batch of all states, as beam search needs it. Rows move within their buffers:
 * a row whose old content nobody needs any more is written directly, and only a cycle takes the scratch row. Rows that
 * are known to be equal (copies of one source, not written since) are not moved at all. */
#include "session_internal.h"

#include <string.h>

#include <clade/messages.h>

#define HEAD_GAP_BYTES 65536 /* a cache's heads are copied one by one if that leaves out more than this of each */

static bool has_batch(const struct clade_ir_state *state, int64_t code)
{
	return state->type.rank > 0 && state->type.dims[0] == code;
}

/* The session dim that is axis 0 of states; NONE if there is none, or more than one (*out_many). */
static uint32_t batch_dim(const struct clade_session *session, bool *out_many)
{
	const struct clade_ir *ir = session->ir;
	uint32_t found = CLADE_IR_NONE;

	*out_many = false;
	for (uint32_t d = 0; d < ir->dim_count; d++) {
		bool used = false;

		if (ir->dims[d].dim_class != CLADE_DIM_SESSION || d == session->capacity_dim)
			continue;
		for (uint32_t s = 0; s < ir->state_count; s++)
			used |= has_batch(&ir->states[s], ir->dims[d].code);
		*out_many |= used && found != CLADE_IR_NONE;
		found = used ? d : found;
	}
	return *out_many ? CLADE_IR_NONE : found;
}

static enum clade_status check_rows(struct clade_session *session, const int32_t *rows, uint32_t count,
				    uint32_t *out_dim, int64_t *out_batch, struct clade_diag *diag)
{
	bool many;

	*out_dim = batch_dim(session, &many);
	if (*out_dim == CLADE_IR_NONE)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_PERMUTE, session->ir->file,
				  many ? "states begin with different session dims; which is the batch cannot be told"
				       : "no state begins with a session dim, so there is no batch to reorder");
	*out_batch = session->bindings[*out_dim];
	if (*out_batch < 0)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_PERMUTE, session->ir->dims[*out_dim].name,
				  "no entry has run, so the states have no rows to reorder");
	if (count == 0)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_PERMUTE, session->ir->dims[*out_dim].name,
				  "a batch of 0 rows cannot be made; at least 1");
	for (uint32_t i = 0; i < count; i++)
		if (rows[i] < 0 || rows[i] >= *out_batch)
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_PERMUTE, session->ir->dims[*out_dim].name,
					  "row %u is to become what row %d is; the rows are 0 to %lld", i, rows[i],
					  (long long)*out_batch - 1);
	return CLADE_OK;
}

/* Room for the tables: `alike` for each state, and two more of the same length for the moves. */
static enum clade_status reserve_tables(struct clade_session *session, uint32_t rows, struct clade_diag *diag)
{
	struct clade_session_permutation *p = &session->permutation;
	size_t tables = (size_t)session->ir->state_count + 2, count;
	int32_t *grown;

	if (p->rows >= rows)
		return CLADE_OK;
	if (!clade_size_mul(tables, rows, &count) || !clade_size_mul(count, sizeof(*grown), &count))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SIZE, "clade_session_permute",
				  "tables for %u rows overflow", rows);
	grown = clade_alloc(session->context, count);
	if (!grown)
		return clade_fail_memory(diag, count, "the order of a batch");
	for (uint32_t s = 0; s < session->ir->state_count; s++)
		for (uint32_t i = 0; i < rows; i++)
			grown[(size_t)s * rows + i] = i < p->rows ? p->tables[(size_t)s * p->rows + i] : (int32_t)i;
	clade_free(session->context, p->tables);
	p->tables = grown;
	p->rows = rows;
	return CLADE_OK;
}

/* Where a state's batch row lies, and how much of it holds anything. */
struct extent {
	size_t row;           /* bytes from one row to the next */
	size_t pieces, piece; /* a row is `pieces` runs, `piece` bytes apart, ... */
	size_t bytes;         /* ... of which this much is copied */
};

static struct extent extent_of(const struct clade_session *session, uint32_t index)
{
	const struct clade_ir_state *s = &session->ir->states[index];
	const struct clade_type *type = &session->states[index].type;
	size_t inner = clade_dtype_info(type->dtype)->bytes, pieces = 1;
	struct extent extent = { .pieces = 1 };
	uint32_t axis = s->is_cache ? s->capacity_axis : 0;

	/* the type has been checked when the state got its memory: nothing overflows */
	for (uint32_t i = 1; i < type->rank; i++)
		*(i < axis ? &pieces : &inner) *= (size_t)type->dims[i];
	extent.row = extent.piece = extent.bytes = pieces * inner;
	if (s->is_cache && axis > 0) {
		size_t position = type->dims[axis] ? inner / (size_t)type->dims[axis] : 0;
		size_t used = position * (size_t)session->used_rows;

		if (session->positions_known && used < inner && inner - used > HEAD_GAP_BYTES)
			extent = (struct extent) { pieces * inner, pieces, inner, used };
	}
	return extent;
}

static enum clade_status copy_row(struct clade_session *session, const struct extent *extent,
				  struct clade_buffer *source, size_t from, struct clade_buffer *target, size_t to,
				  struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < extent->pieces && !status; i++)
		status = clade_buffer_copy(session->queues[CLADE_PLACE_MAIN], source,
					   from * extent->row + i * extent->piece, target,
					   to * extent->row + i * extent->piece, extent->bytes, diag);
	return status;
}

/* Row i of a state becomes what row rows[i] was. `waiting` counts the moves that still read a row; a row that no one
 * waits for is free to be written. What remains then are cycles: one row of each goes to the scratch row first. */
static enum clade_status move_rows(struct clade_session *session, uint32_t index, const int32_t *rows, uint32_t count,
				   struct clade_diag *diag)
{
	struct clade_session_permutation *p = &session->permutation;
	struct clade_buffer *buffer = session->states[index].buffer;
	const struct extent extent = extent_of(session, index);
	const int32_t *alike = p->tables + (size_t)index * p->rows;
	int32_t *from = p->tables + (size_t)session->ir->state_count * p->rows, *waiting = from + p->rows;
	enum clade_status status = CLADE_OK;
	uint32_t left = 0;

	memset(waiting, 0, p->rows * sizeof(*waiting));
	for (uint32_t i = 0; i < count; i++) {
		from[i] = alike[rows[i]] == alike[i] ? -1 : rows[i];
		if (from[i] >= 0) {
			waiting[from[i]]++;
			left++;
		}
	}
	while (left > 0 && !status) {
		uint32_t moved = 0, stuck = count;

		for (uint32_t i = 0; i < count && !status; i++) {
			if (from[i] < 0)
				continue;
			if (waiting[i] > 0) {
				stuck = i;
				continue;
			}
			status = copy_row(session, &extent, buffer, (size_t)from[i], buffer, i, diag);
			waiting[from[i]]--;
			from[i] = -1;
			moved++;
		}
		left -= moved;
		if (moved || status || stuck == count)
			continue;
		/* every row that is left is read by exactly one other: follow the cycle backwards through the scratch
		 */
		status = copy_row(session, &extent, buffer, stuck, p->scratch, 0, diag);
		for (uint32_t i = stuck; !status;) {
			uint32_t source = (uint32_t)from[i];

			from[i] = -1;
			left--;
			if (source == stuck) {
				status = copy_row(session, &extent, p->scratch, 0, buffer, i, diag);
				break;
			}
			status = copy_row(session, &extent, buffer, source, buffer, i, diag);
			i = source;
		}
	}
	return status;
}

/* Larger memory for every state that needs it, and the scratch row: all of them or none. */
static enum clade_status make_room(struct clade_session *session, int64_t code, int64_t batch, uint32_t count,
				   struct clade_diag *diag)
{
	struct clade_queue *queue = session->queues[CLADE_PLACE_MAIN];
	struct clade_device *device = session->devices[CLADE_PLACE_MAIN];
	struct clade_session_permutation *p = &session->permutation;
	enum clade_status status = CLADE_OK;
	size_t longest = 0;
	bool any = false;

	for (uint32_t s = 0; s < session->ir->state_count && !status; s++) {
		struct clade_session_state *state = &session->states[s];
		size_t row, bytes;

		if (!state->buffer || !has_batch(&session->ir->states[s], code))
			continue;
		row = extent_of(session, s).row;
		longest = row > longest ? row : longest;
		if (!clade_size_mul(row, count, &bytes) || bytes > SIZE_MAX - 3) {
			status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SIZE, session->ir->states[s].name,
					    "a state of %u rows overflows", count);
		} else if (bytes > state->bytes) {
			bytes = (bytes + 3) & ~(size_t)3;
			status = clade_buffer_create(device, bytes, &state->larger, diag);
			if (!status)
				status = clade_buffer_fill(queue, state->larger, 0, bytes, 0, diag);
			if (!status)
				status = clade_buffer_copy(queue, state->buffer, 0, state->larger, 0,
							   row * (size_t)batch, diag);
			any = true;
		}
	}
	if (!status && (!p->scratch || clade_buffer_size(p->scratch) < longest)) {
		clade_buffer_unref(&p->scratch);
		status = clade_buffer_create(device, longest, &p->scratch, diag);
	}
	if (any && !status)
		status = clade_queue_finish(queue, diag);
	for (uint32_t s = 0; s < session->ir->state_count; s++) {
		struct clade_session_state *state = &session->states[s];

		if (!status && state->larger) {
			clade_buffer_unref(&state->buffer);
			state->buffer = state->larger;
			state->bytes = clade_buffer_size(state->buffer);
			state->larger = NULL;
			session->arena_generation++;
		}
		clade_buffer_unref(&state->larger);
	}
	return status;
}

/* Rows that are copies of one row stay known as such until an entry writes the state: alike[i] is the first row that is
 * equal to row i. */
static void note_alike(struct clade_session *session, uint32_t index, const int32_t *rows, uint32_t count)
{
	struct clade_session_permutation *p = &session->permutation;
	int32_t *alike = p->tables + (size_t)index * p->rows;
	int32_t *old = p->tables + (size_t)session->ir->state_count * p->rows;

	memcpy(old, alike, p->rows * sizeof(*old));
	for (uint32_t i = 0; i < count; i++) {
		int32_t first = 0;

		while (old[rows[first]] != old[rows[i]])
			first++;
		alike[i] = first;
	}
	for (uint32_t i = count; i < p->rows; i++)
		alike[i] = (int32_t)i;
	session->states[index].rows_alike = true;
}

enum clade_status clade_session_permute(struct clade_session *session, const int32_t *rows, uint32_t count,
					struct clade_diag *diag)
{
	struct clade_session_permutation *p = &session->permutation;
	const struct clade_ir *ir = session->ir;
	enum clade_status status;
	int64_t batch = 0;
	uint32_t dim = 0;

	status = check_rows(session, rows, count, &dim, &batch, diag);
	if (!status)
		status = reserve_tables(session, count > (uint64_t)batch ? count : (uint32_t)batch, diag);
	if (!status)
		status = make_room(session, ir->dims[dim].code, batch, count, diag);
	if (!status)
		status = clade_session_permute_rings(session, rows, count, diag);
	if (status)
		return status;
	session->last_run = NULL; /* an output may be a state */
	for (uint32_t s = 0; s < ir->state_count && !status; s++) {
		int32_t *alike = p->tables + (size_t)s * p->rows;

		if (!session->states[s].buffer || !has_batch(&ir->states[s], ir->dims[dim].code))
			continue;
		if (!session->states[s].rows_alike)
			for (uint32_t i = 0; i < p->rows; i++)
				alike[i] = (int32_t)i;
		status = move_rows(session, s, rows, count, diag);
		note_alike(session, s, rows, count);
		session->states[s].type.dims[0] = count;
	}
	if (count != batch)
		session->bindings[dim] = count;
	return status;
}

void clade_session_wrote(struct clade_session *session, uint32_t entry)
{
	const struct clade_ir_entry *e = &session->ir->entries[entry];

	if (!session->permutation.tables)
		return;
	for (uint32_t n = e->first_node; n < e->last_node; n++)
		for (uint32_t i = 0; i < session->ir->nodes[n].output_count; i++) {
			uint32_t state = session->ir->values[session->ir->nodes[n].outputs[i]].state;

			if (state != CLADE_IR_NONE)
				session->states[state].rows_alike = false;
		}
}

void clade_session_permutation_finish(struct clade_session *session)
{
	clade_buffer_unref(&session->permutation.scratch);
	clade_free(session->context, session->permutation.tables);
}

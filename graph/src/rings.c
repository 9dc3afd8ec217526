/* SPDX-License-Identifier: MIT */
/* Caches that keep a window: how many rows they have, and which positions they can still serve. Position p lies in row
 * p mod rows, so a row of the batch that has seen position n holds those above n - rows. */
#include "session_internal.h"

#include <string.h>

#include <clade/messages.h>

bool clade_session_is_cache_dim(const struct clade_session *session, uint32_t dim)
{
	return session->ir->dims[dim].cache_rows > 0;
}

void clade_session_set_capacity(struct clade_session *session, int64_t rows)
{
	for (uint32_t d = 0; d < session->ir->dim_count; d++)
		if (clade_session_is_cache_dim(session, d))
			session->bindings[d] =
				rows < session->ir->dims[d].cache_rows ? rows : session->ir->dims[d].cache_rows;
}

int64_t clade_session_useful_rows(const struct clade_session *session, int64_t rows)
{
	int64_t most = 0;

	for (uint32_t i = 0; i < session->ir->state_count; i++) {
		const struct clade_ir_state *state = &session->ir->states[i];

		if (!state->is_cache)
			continue;
		if (!state->window)
			return rows;
		if (clade_ring_rows(state->window) > most)
			most = clade_ring_rows(state->window);
	}
	return rows < most ? rows : most;
}

/* `newest` for `batch` rows, and as much again to reorder it. */
static enum clade_status reserve(struct clade_session *session, int64_t batch, struct clade_diag *diag)
{
	size_t bytes = (size_t)batch * 2 * sizeof(int64_t);
	int64_t *grown;

	if (batch <= session->newest_rows)
		return CLADE_OK;
	grown = batch < INT32_MAX ? clade_alloc(session->context, bytes) : NULL;
	if (!grown)
		return clade_fail_memory(diag, bytes, "positions");
	for (int64_t b = 0; b < batch; b++)
		grown[b] = b < session->newest_rows ? session->newest[b] : -1;
	clade_free(session->context, session->newest);
	session->newest = grown;
	session->newest_rows = (uint32_t)batch;
	return CLADE_OK;
}

/* Positions `low` to `high` of a batch row, written in one run. */
static enum clade_status check_span(const struct clade_session *session, int64_t row, int64_t low, int64_t high,
				    int64_t newest, const char *input, struct clade_diag *diag)
{
	for (uint32_t i = 0; i < session->ir->state_count; i++) {
		const struct clade_ir_state *state = &session->ir->states[i];
		int64_t rows = clade_ring_rows(state->window);
		int64_t oldest = low < state->window ? 0 : low - state->window + 1;

		if (!state->window)
			continue;
		if (high - low > rows - state->window)
			return clade_fail(
				diag, CLADE_ERR_DATA, CLADE_MSG_RING, input,
				"row %lld has positions %lld to %lld in one run; %s keeps a window of %lld, so "
				"they may be at most %lld apart",
				(long long)row, (long long)low, (long long)high, state->name, (long long)state->window,
				(long long)(rows - state->window));
		if (low > 0 && oldest <= newest - rows)
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_RING, input,
					  "row %lld goes back to position %lld, whose window begins at %lld; %s has "
					  "come to %lld and keeps %lld rows, so begin again at 0",
					  (long long)row, (long long)low, (long long)oldest, state->name,
					  (long long)newest, (long long)rows);
	}
	return CLADE_OK;
}

static int64_t position_at(const struct clade_positions *positions, int64_t row, int64_t t)
{
	const struct clade_input *input = positions->input;
	int64_t at = row * positions->count + t;

	if (!input)
		return t;
	return input->type.dtype == CLADE_I64 ? ((const int64_t *)input->data)[at] : ((const int32_t *)input->data)[at];
}

/* Positions of a row go on where it has come to; what lies between would never have been written. */
static enum clade_status check_gap(const struct clade_positions *positions, int64_t row, int64_t newest,
				   int64_t position, struct clade_diag *diag)
{
	if (position <= newest + 1)
		return CLADE_OK;
	return clade_fail(
		diag, CLADE_ERR_DATA, CLADE_MSG_RING, positions->name,
		"row %lld has come to position %lld and goes on at %lld; the caches keep a window, so positions "
		"follow each other",
		(long long)row, (long long)newest, (long long)position);
}

static enum clade_status check_row(struct clade_session *session, const struct clade_positions *positions, int64_t row,
				   int64_t count, struct clade_diag *diag)
{
	int64_t *came_to = session->newest + session->newest_rows; /* `newest`, if the run is taken */
	enum clade_status status = CLADE_OK;

	for (int64_t first = 0; first < count && !status; first += positions->piece) {
		int64_t low = INT64_MAX, newest = came_to[row], high = -1;

		for (int64_t t = first; t < count && t < first + positions->piece && !status; t++) {
			int64_t position = position_at(positions, row, t);

			if (position < 0)
				continue;
			if (position < low)
				low = position;
			if (position > high)
				high = position;
			if (position == 0)
				newest = 0; /* a new text */
			status = check_gap(positions, row, newest, position, diag);
			newest = position > newest ? position : newest;
		}
		if (high < 0 || status)
			continue;
		status = check_span(session, row, low, high, came_to[row], positions->name, diag);
		if (!status)
			came_to[row] = newest;
	}
	return status;
}

/* Of a default that leaves out what a mask hides: how many are left. */
static int64_t live_count(const struct clade_input *mask, int64_t row, int64_t count)
{
	int64_t live = 0;

	for (int64_t t = 0; t < count; t++) {
		int64_t at = row * count + t;

		if (mask->type.dtype == CLADE_I64)
			live += ((const int64_t *)mask->data)[at] != 0;
		else if (mask->type.dtype == CLADE_I32)
			live += ((const int32_t *)mask->data)[at] != 0;
		else
			live += ((const uint8_t *)mask->data)[at] != 0;
	}
	return live;
}

enum clade_status clade_session_check_rings(struct clade_session *session, const struct clade_positions *positions,
					    struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;
	bool any = false;
	size_t bytes;

	for (uint32_t i = 0; i < session->ir->state_count; i++)
		any |= session->ir->states[i].window > 0;
	if (!any)
		return CLADE_OK;
	status = reserve(session, positions->batch, diag);
	if (status)
		return status;
	bytes = session->newest_rows * sizeof(*session->newest);
	memcpy(session->newest + session->newest_rows, session->newest, bytes);
	for (int64_t row = 0; row < positions->batch && !status; row++)
		status = check_row(
			session, positions, row,
			positions->mask ? live_count(positions->mask, row, positions->count) : positions->count, diag);
	if (!status)
		memcpy(session->newest, session->newest + session->newest_rows, bytes);
	return status;
}

enum clade_status clade_session_permute_rings(struct clade_session *session, const int32_t *rows, uint32_t count,
					      struct clade_diag *diag)
{
	enum clade_status status;
	int64_t *before;

	if (!session->newest) /* no ring, or nothing written yet */
		return CLADE_OK;
	status = reserve(session, count, diag);
	if (status)
		return status;
	before = session->newest + session->newest_rows;
	memcpy(before, session->newest, session->newest_rows * sizeof(*before));
	for (uint32_t i = 0; i < count; i++)
		session->newest[i] = (uint32_t)rows[i] < session->newest_rows ? before[rows[i]] : -1;
	return CLADE_OK;
}

/* SPDX-License-Identifier: MIT */
/* Stop strings in a growing text (clade/sampling.h). */
#include <clade/messages.h>
#include <clade/sampling.h>

#include <string.h>

struct stop {
	char *text;
	size_t bytes;
};

struct clade_stops {
	struct clade_context *context;
	struct stop *stops;
	size_t count;
	char *buffer;
	size_t room, filled; /* what came in and was not given out before this call */
	size_t given;        /* of these, given out by the last call */
	size_t searched;     /* no stop ends at or before this */
	bool stopped;
};

void clade_stops_destroy(struct clade_stops **pointer)
{
	struct clade_stops *stops = pointer != NULL ? *pointer : NULL;
	if (stops == NULL)
		return;
	for (size_t i = 0; i < stops->count; i++)
		clade_free(stops->context, stops->stops[i].text);
	clade_free(stops->context, stops->stops);
	clade_free(stops->context, stops->buffer);
	clade_free(stops->context, stops);
	*pointer = NULL;
}

enum clade_status clade_stops_create(struct clade_context *context, const char *const *strings, size_t count,
				     struct clade_stops **out_stops, struct clade_diag *diag)
{
	struct clade_stops *stops = clade_alloc(context, sizeof(*stops));
	*out_stops = NULL;
	if (stops != NULL)
		stops->stops = clade_alloc(context, (count + 1) * sizeof(*stops->stops));
	if (stops == NULL || stops->stops == NULL) {
		clade_free(context, stops);
		return clade_fail_memory(diag, count * sizeof(struct stop), "stop strings");
	}
	stops->context = context;
	for (size_t i = 0; i < count; i++) {
		struct stop *stop = &stops->stops[stops->count];
		stop->bytes = strlen(strings[i]);
		if (stop->bytes == 0) {
			clade_stops_destroy(&stops);
			return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_SAMPLING, "stop string",
					  "an empty one would stop before the first token");
		}
		stop->text = clade_alloc(context, stop->bytes);
		if (stop->text == NULL) {
			clade_stops_destroy(&stops);
			return clade_fail_memory(diag, strlen(strings[i]), "stop strings");
		}
		memcpy(stop->text, strings[i], stop->bytes);
		stops->count++;
	}
	*out_stops = stops;
	return CLADE_OK;
}

/* Bytes of the longest stop string that ends at `end`, 0: none. */
static size_t ends_at(const struct clade_stops *stops, size_t end)
{
	size_t longest = 0;
	for (size_t i = 0; i < stops->count; i++) {
		const struct stop *stop = &stops->stops[i];
		if (stop->bytes <= end && stop->bytes > longest &&
		    memcmp(stops->buffer + end - stop->bytes, stop->text, stop->bytes) == 0)
			longest = stop->bytes;
	}
	return longest;
}

/* Bytes at the end of the buffer that a stop string may begin with. */
static size_t held_back(const struct clade_stops *stops)
{
	size_t longest = 0;
	for (size_t i = 0; i < stops->count; i++) {
		const struct stop *stop = &stops->stops[i];
		size_t most = stop->bytes - 1 < stops->filled ? stop->bytes - 1 : stops->filled;
		for (size_t n = most; n > longest; n--)
			if (memcmp(stops->buffer + stops->filled - n, stop->text, n) == 0)
				longest = n;
	}
	return longest;
}

static void drop_given(struct clade_stops *stops)
{
	memmove(stops->buffer, stops->buffer + stops->given, stops->filled - stops->given);
	stops->filled -= stops->given;
	stops->searched = stops->filled;
	stops->given = 0;
}

enum clade_status clade_stops_push(struct clade_stops *stops, const char *text, size_t bytes, const char **out_text,
				   size_t *out_bytes, bool *out_stopped, struct clade_diag *diag)
{
	size_t need, length = 0;
	*out_text = "";
	*out_bytes = 0;
	*out_stopped = stops->stopped;
	if (stops->stopped)
		return CLADE_OK;
	if (stops->given > 0)
		drop_given(stops);
	if (!clade_size_add(stops->filled, bytes, &need) || !clade_size_add(need, need / 2 + 64, &need))
		return clade_fail_memory(diag, bytes, "an answer");
	if (stops->filled + bytes > stops->room) {
		char *grown = clade_resize(stops->context, stops->buffer, need);
		if (grown == NULL)
			return clade_fail_memory(diag, need, "an answer");
		stops->buffer = grown;
		stops->room = need;
	}
	if (bytes > 0)
		memcpy(stops->buffer + stops->filled, text, bytes);
	stops->filled += bytes;
	for (size_t end = stops->searched + 1; end <= stops->filled && !stops->stopped; end++) {
		length = ends_at(stops, end);
		stops->stopped = length > 0;
		if (stops->stopped)
			stops->given = end - length;
	}
	if (!stops->stopped)
		stops->given = stops->filled - held_back(stops);
	stops->searched = stops->filled;
	*out_stopped = stops->stopped;
	if (stops->given > 0)
		*out_text = stops->buffer;
	*out_bytes = stops->given;
	return CLADE_OK;
}

void clade_stops_finish(struct clade_stops *stops, const char **out_text, size_t *out_bytes)
{
	*out_bytes = stops->stopped ? 0 : stops->filled - stops->given;
	*out_text = *out_bytes > 0 ? stops->buffer + stops->given : "";
	stops->filled = stops->given = stops->searched = 0;
	stops->stopped = false;
}

/* SPDX-License-Identifier: MIT */
/* Diagnostics: recording an error for a person, names of status codes, the nearest word. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WORD = 64 };

void clade_diag_init(struct clade_diag *diag)
{
	if (diag)
		memset(diag, 0, sizeof(*diag));
}

void clade_diag_reset(struct clade_diag *diag)
{
	if (!diag)
		return;
	free(diag->log);
	memset(diag, 0, sizeof(*diag));
}

void clade_diag_finish(struct clade_diag *diag)
{
	clade_diag_reset(diag);
}

enum clade_status clade_fail_v(struct clade_diag *diag, enum clade_status status, unsigned id, const char *where,
			       const char *format, va_list args)
{
	if (!diag || diag->status)
		return status;
	diag->status = status;
	diag->id = id;
	snprintf(diag->where, sizeof(diag->where), "%s", where ? where : "");
	vsnprintf(diag->text, sizeof(diag->text), format, args);
	return status;
}

enum clade_status clade_fail(struct clade_diag *diag, enum clade_status status, unsigned id, const char *where,
			     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	status = clade_fail_v(diag, status, id, where, format, args);
	va_end(args);
	return status;
}

enum clade_status clade_fail_memory(struct clade_diag *diag, size_t bytes, const char *what)
{
	return clade_fail(diag, CLADE_ERR_MEMORY, CLADE_MSG_MEMORY, NULL, "no memory for %s (%zu bytes)", what, bytes);
}

const char *clade_status_name(enum clade_status status)
{
	static const char *const names[] = { "ok",     "argument", "usage",       "data",     "device",
					     "memory", "io",       "unsupported", "mismatch", "cancelled" };
	long index = -(long)status;

	return index >= 0 && index < (long)(sizeof(names) / sizeof(names[0])) ? names[index] : "unknown status";
}

/* Changes that make one word of at most LONGEST_WORD bytes the other: a byte put in, taken out or replaced, two
 * neighbours exchanged (Damerau 1964, each place edited once), by three rows of the table. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][LONGEST_WORD + 1];

	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two_above[j - 2] + 1 < best)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a_length % 3][b_length];
}

const char *clade_nearest(const char *word, const char *const *words, size_t count)
{
	size_t length = word ? strlen(word) : 0;
	size_t limit = length / 3 ? length / 3 : 1;
	const char *nearest = NULL;

	if (length == 0 || length > LONGEST_WORD)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t other = words[i] ? strlen(words[i]) : LONGEST_WORD + 1;
		size_t gap = other > length ? other - length : length - other;
		size_t d;

		if (other > LONGEST_WORD || gap > limit)
			continue;
		d = distance(word, length, words[i], other);
		if (d < limit || (d == limit && !nearest)) {
			nearest = words[i];
			limit = d;
		}
	}
	for (size_t i = 0; i < count && !nearest && length > 1; i++)
		if (words[i] && !strncmp(word, words[i], length))
			nearest = words[i];
	return nearest;
}

/* SPDX-License-Identifier: MIT */
/* Memory of the graph front: a region freed as a whole, a growing text, a map from names to numbers, error positions.
 */
#ifndef CLADE_REGION_H
#define CLADE_REGION_H

#include "ir.h"

struct clade_region_block;
struct clade_region {
	struct clade_context *context;
	struct clade_region_block *blocks; /* newest first */
	size_t used;                       /* of the newest */
};
/* Zeroed, aligned to 16 bytes, freed by clade_region_finish. NULL, with an error recorded, when memory is out. */
void *clade_region_alloc(struct clade_region *region, size_t bytes, struct clade_diag *diag);
void *clade_region_array(struct clade_region *region, size_t count, size_t each, struct clade_diag *diag);
char *clade_region_text(struct clade_region *region, const char *text, size_t length, struct clade_diag *diag);
char *clade_region_print(struct clade_region *region, struct clade_diag *diag, const char *format, ...)
	CLADE_PRINTF(3, 4);
void clade_region_finish(struct clade_region *region);

/* Makes room for one more element in an array of `context`'s allocator: doubles `*capacity`. */
enum clade_status clade_grow(struct clade_context *context, void **array, uint32_t *capacity, uint32_t count,
			     size_t each, struct clade_diag *diag);

/* A map from text to a number. The keys are borrowed and must outlive the map. */
struct clade_names {
	struct clade_context *context;
	struct clade_names_slot {
		const char *key;
		uint32_t value;
	} * slots;
	uint32_t capacity, count;
};
/* CLADE_IR_NONE if absent. */
uint32_t clade_names_find(const struct clade_names *names, const char *key);
enum clade_status clade_names_set(struct clade_names *names, const char *key, uint32_t value, struct clade_diag *diag);
void clade_names_finish(struct clade_names *names);

/* A text that grows; after a failed allocation it swallows everything and `failed` is set. */
struct clade_string {
	struct clade_context *context;
	char *data;
	size_t length, capacity;
	bool failed;
};
void clade_string_add(struct clade_string *text, const char *bytes, size_t length);
void clade_string_print(struct clade_string *text, const char *format, ...) CLADE_PRINTF(2, 3);
/* Hands the text over to the caller (clade_free), or fails and frees it. */
enum clade_status clade_string_take(struct clade_string *text, char **out, struct clade_diag *diag);

/* The nearest of a list of words that is built while searching. */
struct clade_words {
	const char *words[1024];
	size_t count;
};
void clade_words_add(struct clade_words *words, const char *word);
/* "; did you mean NAME?" into `out`, or "" */
const char *clade_words_hint(const struct clade_words *words, const char *word, char *out, size_t size);

/* Records an error of a file: "file:line:column". */
enum clade_status clade_fail_at(struct clade_diag *diag, const struct clade_ir_pos *pos, unsigned id,
				const char *format, ...) CLADE_PRINTF(4, 5);
const char *clade_pos_text(const struct clade_ir_pos *pos, char *out, size_t size);
/* Shortest text of a number that reads back to the same double (or, `single`, the same float); always with '.' or 'e'.
 */
const char *clade_number_text(double value, bool single, char *out, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/* What comes in by the command line besides the model: texts, ids, arrays. */
#ifndef CLADE_TOOL_INPUT_H
#define CLADE_TOOL_INPUT_H

#include "tool.h"

#include <clade/tensor.h>

/* A whole file or pipe, stdin for "-". malloc's memory, a NUL behind it. */
enum clade_status read_text(struct tool *tool, const char *path, char **out_text, size_t *out_bytes);
/* "1,2,3" or "1 2 3"; "" is no id. malloc's memory. */
enum clade_status parse_ids(struct tool *tool, const char *where, const char *list, int32_t **out_ids,
			    size_t *out_count);

/* Text that grows; `text` is malloc's and ends with a NUL. */
struct text_out {
	char *text;
	size_t bytes, room;
};
enum clade_status text_out_add(struct tool *tool, struct text_out *out, const char *text, size_t bytes);

/* Splits "NAME=VALUE"; `where` is the option. *out_value points into `word`. */
enum clade_status split_name(struct tool *tool, const char *where, const char *word, char name[256],
			     const char **out_value);

/* A dense array in malloc's memory. */
struct array {
	struct clade_type type;
	void *data;
};
/* VALUE is a .npy file or a JSON literal; the result has element type `dtype` (f32, i32 or bool). */
enum clade_status read_array(struct tool *tool, const char *where, const char *value, enum clade_dtype dtype,
			     struct array *out);
/* Element `index` as a double, for comparisons. */
double array_value(const struct clade_type *type, const void *data, int64_t index);
/* As NumPy prints: shortened above 1000 elements. */
void print_array(const struct clade_type *type, const void *data);
/* The whole as nested JSON lists. */
void print_array_json(const struct clade_type *type, const void *data);

#endif

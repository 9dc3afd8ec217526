/* SPDX-License-Identifier: MIT */
/* Graph files on disk and built in. */
#ifndef CLADE_INCLUDE_H
#define CLADE_INCLUDE_H

#include "expand.h"

struct clade_embedded_graph {
	const char *name; /* "lib/attention.graph"; NULL ends the list */
	const char *text;
};
extern const struct clade_embedded_graph clade_embedded_graphs[];

/* The graph of a built-in family, NULL if there is none. */
const struct clade_embedded_graph *clade_family_graph(const char *family);

/* Whether `file`, as a statement's position names it, is a file of the built-in library, and not one like it on disk.
 */
bool clade_is_library(const char *file);

/* The whole file, NUL-terminated, in the region. Regular files only. */
enum clade_status clade_read_text(struct clade_region *region, const char *path, char **out_text, size_t *out_length,
				  struct clade_diag *diag);

#endif

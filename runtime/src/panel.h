/* SPDX-License-Identifier: MIT */
/* One panel of a packed matrix (clade/tensor.h, struct clade_layout): rows into it and back. */
#ifndef CLADE_PANEL_H
#define CLADE_PANEL_H

#include <clade/tensor.h>

/* Moves `count` rows of `columns` elements of `bytes` each between `rows`, which follow one another, and places
 * [first, first + count) of a panel of `width`: into the panel if `pack`, else back. */
void clade_panel_elements(size_t bytes, char *panel, char *rows, int64_t columns, int64_t width, int64_t first,
			  int64_t count, bool pack);
/* The same for a type in blocks; `columns` counts blocks; `kind`: PANEL or QUADS. */
void clade_panel_blocks(enum clade_dtype dtype, unsigned kind, char *panel, char *rows, int64_t columns, int64_t width,
			int64_t first, int64_t count, bool pack);
/* Writes +0 into places [used, width) of all columns. `dtype`: of a type in blocks, else CLADE_DTYPE_COUNT; `bytes`: of
 * an element or block. */
void clade_panel_pad(enum clade_dtype dtype, unsigned kind, size_t bytes, char *panel, int64_t columns, int64_t width,
		     int64_t used);

#endif

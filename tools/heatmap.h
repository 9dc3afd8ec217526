/* SPDX-License-Identifier: MIT */
/* Heat maps as SVG: a grid of matrices with titles, tick labels and a colour bar. */
#ifndef CLADE_TOOL_HEATMAP_H
#define CLADE_TOOL_HEATMAP_H

#include "input.h"

struct heatmap {
	const char *title;
	const float *values; /* [rows, columns], `stride` apart */
	size_t stride;
};

struct heatmap_page {
	const char *title, *subtitle; /* subtitle NULL: none */
	const char *row_axis, *column_axis;
	size_t rows, columns;             /* of each map */
	const char *const *row_labels;    /* NULL: numbers */
	const char *const *column_labels; /* NULL: numbers */
	float low, high;                  /* colours; values outside take the ends */
	bool diverging;                   /* two hues around the middle instead of one from white */
	bool numbers;                     /* the values in the cells, where there is room */
	size_t map_rows, map_columns;     /* the grid */
	const struct heatmap *maps;       /* [map_rows, map_columns]; values NULL: an empty place */
};

/* Appends a whole SVG document. */
enum clade_status heatmap_draw(struct tool *tool, const struct heatmap_page *page, struct text_out *out);

#endif

/* SPDX-License-Identifier: MIT */
/* The SVG of heat maps. Cells of one colour are one path, so that a page of many heads stays small. */
#include "heatmap.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	LEVELS = 48,      /* colours of a map */
	MARGIN = 24,      /* around the page */
	GAP = 18,         /* between maps */
	TITLE_HEIGHT = 18 /* above each map */
};

struct color {
	float red, green, blue;
};
static const struct color one_hue[] = { { 251, 253, 255 }, { 212, 227, 243 }, { 150, 193, 224 }, { 78, 145, 199 },
					{ 28, 94, 163 },   { 10, 52, 112 },   { 6, 24, 60 } };
static const struct color two_hues[] = { { 130, 22, 34 },   { 200, 80, 66 },  { 240, 170, 140 }, { 249, 249, 249 },
					 { 150, 190, 222 }, { 60, 125, 187 }, { 18, 56, 118 } };

static void color_text(const struct heatmap_page *page, float at, char out[8])
{
	const struct color *stops = page->diverging ? two_hues : one_hue;
	size_t count = sizeof(one_hue) / sizeof(one_hue[0]);
	float place = fminf(fmaxf(at, 0), 1) * (float)(count - 1);
	size_t i = (size_t)place;
	i = i + 1 < count ? i : count - 2;
	float share = place - (float)i;
	int rgb[3] = { (int)lrintf(stops[i].red + share * (stops[i + 1].red - stops[i].red)),
		       (int)lrintf(stops[i].green + share * (stops[i + 1].green - stops[i].green)),
		       (int)lrintf(stops[i].blue + share * (stops[i + 1].blue - stops[i].blue)) };
	snprintf(out, 8, "#%02x%02x%02x", rgb[0] & 255, rgb[1] & 255, rgb[2] & 255);
}

/* ---- text ---- */

struct drawing {
	struct tool *tool;
	const struct heatmap_page *page;
	struct text_out *out;
	enum clade_status status; /* of the first failure; later calls do nothing */
	double cell, label_width, label_height;
};

static void put(struct drawing *d, const char *format, ...) CLADE_PRINTF(2, 3);
static void put(struct drawing *d, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (d->status == CLADE_OK && length > 0)
		d->status = text_out_add(d->tool, d->out, text,
					 (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

/* Text for XML; what may not stand in XML becomes U+FFFD, leading and trailing blanks are shown. */
static void put_escaped(struct drawing *d, const char *text)
{
	static const struct {
		char c;
		const char *name;
	} named[] = { { '&', "&amp;" },  { '<', "&lt;" }, { '>', "&gt;" },
		      { '"', "&quot;" }, { '\n', "\\n" }, { '\t', "\\t" } };
	size_t length = strlen(text);
	for (size_t i = 0; i < length && d->status == CLADE_OK; i++) {
		const char *instead = NULL;
		for (size_t k = 0; k < sizeof(named) / sizeof(named[0]); k++)
			if (named[k].c == text[i])
				instead = named[k].name;
		if (text[i] == ' ' && (i == 0 || i + 1 == length))
			instead = "\u2423";
		else if (instead == NULL && (unsigned char)text[i] < 0x20)
			instead = "\uFFFD";
		d->status = instead != NULL ? text_out_add(d->tool, d->out, instead, strlen(instead))
					    : text_out_add(d->tool, d->out, text + i, 1);
	}
}

static size_t characters(const char *text)
{
	size_t count = 0;
	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static size_t longest_label(const char *const *labels, size_t count)
{
	size_t longest = 4; /* numbers */
	for (size_t i = 0; labels != NULL && i < count; i++)
		longest = characters(labels[i]) > longest ? characters(labels[i]) : longest;
	return longest;
}

/* Every how many labels one is drawn. */
static size_t label_step(const char *const *labels, size_t count, double cell)
{
	size_t step = cell >= 9 ? 1 : (size_t)ceil(10 / cell);
	if (labels == NULL) /* round numbers: 1, 2, 5, 10, ... */
		for (size_t round = 1; round < count; round *= 10)
			for (size_t k = 1; k <= 5; k += k == 1 ? 1 : 3)
				if (round * k >= step)
					return round * k;
	return step;
}

/* ---- one map ---- */

static float level_of(const struct heatmap_page *page, float value)
{
	return isnan(value) ? -1 : (fminf(fmaxf(value, page->low), page->high) - page->low) / (page->high - page->low);
}

/* Cells as squares of side 1, one path a colour, runs of a row joined. */
static void put_cells(struct drawing *d, const struct heatmap *map)
{
	const struct heatmap_page *page = d->page;
	for (int level = 0; level <= LEVELS && d->status == CLADE_OK; level++) {
		bool open = false;
		char color[8];
		color_text(page, (float)level / LEVELS, color);
		for (size_t r = 0; r < page->rows; r++)
			for (size_t c = 0; c < page->columns;) {
				size_t end = c;
				while (end < page->columns &&
				       lrintf(level_of(page, map->values[r * map->stride + end]) * LEVELS) == level)
					end++;
				if (end > c) {
					put(d, "%sM%zu %zuh%zuv1h-%zuz", open ? "" : "<path d=\"", c, r, end - c,
					    end - c);
					open = true;
				}
				c = end > c ? end : c + 1;
			}
		if (open)
			put(d, "\" fill=\"%s\"/>\n", color);
	}
}

static void put_numbers(struct drawing *d, const struct heatmap *map, double x, double y)
{
	const struct heatmap_page *page = d->page;
	put(d, "<g font-size=\"%.1f\" text-anchor=\"middle\">\n", fmin(11, d->cell * 0.36));
	for (size_t r = 0; r < page->rows; r++)
		for (size_t c = 0; c < page->columns; c++) {
			float value = map->values[r * map->stride + c], level = level_of(page, value);
			bool dark = page->diverging ? fabsf(level - 0.5F) > 0.3F : level > 0.5F;
			put(d, "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%.2f</text>\n", x + ((double)c + 0.5) * d->cell,
			    y + ((double)r + 0.62) * d->cell, dark ? "#fff" : "#222", (double)value);
		}
	put(d, "</g>\n");
}

static void put_label(struct drawing *d, const char *const *labels, size_t index)
{
	if (labels != NULL)
		put_escaped(d, labels[index]);
	else
		put(d, "%zu", index);
}

static void put_labels(struct drawing *d, double x, double y, bool rows)
{
	const struct heatmap_page *page = d->page;
	size_t step = label_step(page->row_labels, page->rows, d->cell);
	double bottom = y + (double)page->rows * d->cell + 5;
	put(d, "<g font-size=\"%.1f\" fill=\"#444\" text-anchor=\"end\">\n", fmin(11, fmax(8, d->cell * 0.75)));
	for (size_t r = 0; rows && r < page->rows; r += step) {
		put(d, "<text x=\"%.1f\" y=\"%.1f\">", x - 5, y + ((double)r + 0.5) * d->cell + 3.5);
		put_label(d, page->row_labels, r);
		put(d, "</text>\n");
	}
	step = label_step(page->column_labels, page->columns, d->cell);
	for (size_t c = 0; c < page->columns; c += step) {
		double at = x + ((double)c + 0.5) * d->cell + 3.5;
		put(d, "<text transform=\"translate(%.1f %.1f) rotate(-90)\">", at, bottom);
		put_label(d, page->column_labels, c);
		put(d, "</text>\n");
	}
	put(d, "</g>\n");
}

static void put_map(struct drawing *d, const struct heatmap *map, double x, double y, bool rows)
{
	const struct heatmap_page *page = d->page;
	double width = (double)page->columns * d->cell, height = (double)page->rows * d->cell;
	put(d, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"11\" fill=\"#222\">", x, y - 6);
	put_escaped(d, map->title);
	put(d, "</text>\n<g transform=\"translate(%.1f %.1f) scale(%.3f)\" shape-rendering=\"crispEdges\"><title>", x,
	    y, d->cell);
	put_escaped(d, map->title);
	put(d, "</title>\n");
	put_cells(d, map);
	put(d, "</g>\n<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" stroke=\"#999\"/>\n", x,
	    y, width, height);
	put_labels(d, x, y, rows);
	if (page->numbers && d->cell >= 20)
		put_numbers(d, map, x, y);
}

/* ---- the page ---- */

static void put_colour_bar(struct drawing *d, double x, double y, double height)
{
	const struct heatmap_page *page = d->page;
	double step = height / LEVELS;
	put(d, "<g shape-rendering=\"crispEdges\">\n");
	for (int level = 0; level < LEVELS; level++) {
		char color[8];
		color_text(page, ((float)level + 0.5F) / LEVELS, color);
		put(d, "<rect x=\"%.1f\" y=\"%.2f\" width=\"12\" height=\"%.2f\" fill=\"%s\"/>\n", x,
		    y + height - (level + 1) * step, step + 0.5, color);
	}
	put(d, "</g>\n<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"%.1f\" fill=\"none\" stroke=\"#999\"/>\n", x, y,
	    height);
	for (int tick = 0; tick <= 4; tick++)
		put(d, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"10\" fill=\"#444\">%g</text>\n", x + 17,
		    y + height * (1 - tick / 4.0) + 3.5,
		    (double)(page->low + (page->high - page->low) * (float)tick / 4));
}

/* Cells as large as a page of about 1,100 units allows. */
static double cell_size(const struct heatmap_page *page)
{
	double room = fmin(1100 / (double)page->map_columns, 560) - GAP;
	double cell = room / (double)page->columns,
	       tall = fmin(2400 / (double)page->map_rows, 560) / (double)page->rows;
	return fmax(page->map_columns * page->map_rows == 1 ? 5 : 3, fmin(fmin(cell, tall), page->numbers ? 34 : 24));
}

enum clade_status heatmap_draw(struct tool *tool, const struct heatmap_page *page, struct text_out *out)
{
	struct drawing d = { .tool = tool, .page = page, .out = out, .cell = cell_size(page) };
	d.label_width = 12 + 6.2 * (double)longest_label(page->row_labels, page->rows);
	d.label_height = 12 + 6.2 * (double)longest_label(page->column_labels, page->columns);
	double top = MARGIN + (page->subtitle != NULL ? 44 : 30) + TITLE_HEIGHT, left = MARGIN + 18 + d.label_width;
	double map_width = (double)page->columns * d.cell, map_height = (double)page->rows * d.cell;
	double row_height = map_height + d.label_height + GAP + TITLE_HEIGHT;
	double bar_x = left + (double)page->map_columns * (map_width + GAP) + 4;
	double width = fmax(bar_x + 50 + MARGIN, 2 * MARGIN + 7.5 * (double)characters(page->title));
	if (page->subtitle != NULL)
		width = fmax(width, 2 * MARGIN + 5.8 * (double)characters(page->subtitle));
	double height = top + (double)page->map_rows * row_height + 12;
	put(&d,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
	    "role=\"img\" font-family=\"Helvetica, Arial, sans-serif\">\n<title>",
	    width, height, width, height);
	put_escaped(&d, page->title);
	put(&d, "</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n");
	put(&d, "<text x=\"%d\" y=\"%d\" font-size=\"15\" font-weight=\"bold\" fill=\"#111\">", MARGIN, MARGIN + 12);
	put_escaped(&d, page->title);
	put(&d, "</text>\n");
	if (page->subtitle != NULL) {
		put(&d, "<text x=\"%d\" y=\"%d\" font-size=\"11\" fill=\"#555\">", MARGIN, MARGIN + 30);
		put_escaped(&d, page->subtitle);
		put(&d, "</text>\n");
	}
	for (size_t r = 0; r < page->map_rows; r++)
		for (size_t c = 0; c < page->map_columns; c++)
			if (page->maps[r * page->map_columns + c].values != NULL)
				put_map(&d, &page->maps[r * page->map_columns + c],
					left + (double)c * (map_width + GAP), top + (double)r * row_height, c == 0);
	put(&d,
	    "<text transform=\"translate(%d %.1f) rotate(-90)\" font-size=\"11\" fill=\"#555\" text-anchor=\"middle\">",
	    MARGIN + 8, top + map_height / 2);
	put_escaped(&d, page->row_axis);
	put(&d, "</text>\n<text x=\"%.1f\" y=\"%.1f\" font-size=\"11\" fill=\"#555\" text-anchor=\"middle\">",
	    left + map_width / 2, height - GAP - 4);
	put_escaped(&d, page->column_axis);
	put(&d, "</text>\n");
	put_colour_bar(&d, bar_x, top, fmax(fmin(map_height, 200), 60));
	put(&d, "</svg>\n");
	return d.status;
}

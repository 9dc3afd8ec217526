/* SPDX-License-Identifier: MIT */
/* The graph as a picture: a column for each entry, its nodes in the order of execution, frames around blocks, an arc
 * from where a tensor is made to where it is used. */
#include "front.h"
#include "model.h"

#include <stdio.h>
#include <string.h>

enum {
	MARGIN = 20,
	ROW = 24,
	BAR = 18,
	INDENT = 10,
	DEEPEST = 20,
	WIDTH = 520,
	ARCS = 180,
	COLUMN = WIDTH + ARCS + 2 * MARGIN
};

struct picture {
	const struct clade_ir *ir;
	struct clade_string text;
	uint32_t *rows; /* of a value: the row that makes it, from 1; 0: none */
	uint32_t row, box;
	int left; /* of the column */
};

static void put_escaped(struct picture *p, const char *text)
{
	static const char *const names[] = { "&amp;", "&lt;", "&gt;", "&quot;" };

	for (; *text; text++) {
		const char *at = strchr("&<>\"", *text);

		if (at)
			clade_string_add(&p->text, names[at - "&<>\""], strlen(names[at - "&<>\""]));
		else
			clade_string_add(&p->text, (unsigned char)*text < 0x20 ? "?" : text, 1);
	}
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A bar with `left` and `right` written on it; takes the next row. */
static void put_bar(struct picture *p, const char *kind, uint32_t depth, const char *left, const char *right)
{
	int x = p->left + MARGIN + (int)(depth < DEEPEST ? depth : DEEPEST) * INDENT, y = MARGIN + (int)p->row * ROW;

	clade_string_print(
		&p->text,
		"<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/><text x=\"%d\" y=\"%d\">",
		kind, x, y, p->left + MARGIN + WIDTH - x, BAR, x + 6, y + 13);
	put_escaped(p, left);
	clade_string_print(&p->text, "</text><text class=\"r\" x=\"%d\" y=\"%d\">", p->left + MARGIN + WIDTH - 6,
			   y + 13);
	put_escaped(p, right);
	clade_string_print(&p->text, "</text>\n");
	p->row++;
}

static void put_arc(struct picture *p, uint32_t value)
{
	int from = (int)p->rows[value] - 1, to = (int)p->row - 1, x = p->left + MARGIN + WIDTH;
	int bend = 10 + 4 * (to - from);

	if (p->rows[value] == 0)
		return;
	clade_string_print(&p->text, "<path class=\"%s\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n",
			   to - from > 1 ? "far" : "near", x, MARGIN + from * ROW + 11, x + (bend < ARCS ? bend : ARCS),
			   MARGIN + from * ROW + 11, x + (bend < ARCS ? bend : ARCS), MARGIN + to * ROW + 7, x + 4,
			   MARGIN + to * ROW + 7);
}

/* "linear q(wq.3)": op, name, and what it takes or keeps besides the tensors that arcs show. */
static void put_node(struct picture *p, uint32_t number, uint32_t depth)
{
	const struct clade_ir_node *node = &p->ir->nodes[number];
	char left[256], type[160];
	size_t used;

	snprintf(left, sizeof(left), "%s  %s", node->op->name, last_part(node->path));
	for (uint32_t i = 0; i < node->input_count; i++) {
		const struct clade_ir_value *value =
			node->inputs[i] == CLADE_IR_NONE ? NULL : &p->ir->values[node->inputs[i]];

		if (!value || (value->kind != CLADE_IR_WEIGHT && value->state == CLADE_IR_NONE))
			continue;
		used = strlen(left);
		snprintf(left + used, sizeof(left) - used, "  [%s]",
			 value->state != CLADE_IR_NONE ? p->ir->states[value->state].name : value->path);
	}
	put_bar(p, "node", depth, left,
		node->output_count
			? clade_ir_type_text(p->ir, &p->ir->values[node->outputs[0]].type, type, sizeof(type))
			: "");
	for (uint32_t i = 0; i < node->input_count; i++)
		if (node->inputs[i] != CLADE_IR_NONE && p->ir->values[node->inputs[i]].state == CLADE_IR_NONE)
			put_arc(p, node->inputs[i]);
	for (uint32_t i = 0; i < node->output_count; i++)
		p->rows[node->outputs[i]] = p->row;
}

static void put_box(struct picture *p, uint32_t number, uint32_t depth)
{
	const struct clade_ir_box *box = &p->ir->boxes[number];
	uint32_t node = box->first_node, first_row = p->row;
	char label[200];

	if (depth > 0) {
		snprintf(label, sizeof(label), "%s%s%s", last_part(box->path), box->block ? ": " : "",
			 box->block ? box->block : "");
		put_bar(p, "head", depth - 1, label, "");
	}
	p->box = number + 1;
	for (;;) {
		uint32_t inner = p->box;

		if (inner < p->ir->box_count && p->ir->boxes[inner].parent == number &&
		    p->ir->boxes[inner].first_node <= node) {
			node = p->ir->boxes[inner].last_node;
			put_box(p, inner, depth + 1);
		} else if (node < box->last_node) {
			put_node(p, node++, depth);
		} else {
			break;
		}
	}
	if (depth > 0 && depth <= DEEPEST)
		clade_string_print(&p->text,
				   "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>\n",
				   p->left + MARGIN + (int)(depth - 1) * INDENT, MARGIN + (int)first_row * ROW,
				   WIDTH - (int)(depth - 1) * INDENT, (int)(p->row - first_row) * ROW - 3);
}

static void put_entry(struct picture *p, const struct clade_ir_entry *entry)
{
	char left[160], type[160];

	snprintf(left, sizeof(left), "entry %s", entry->name);
	put_bar(p, "head", 0, left, "");
	for (uint32_t i = 0; i < entry->input_count; i++) {
		put_bar(p, "in", 0, entry->inputs[i].name,
			clade_ir_type_text(p->ir, &entry->inputs[i].type, type, sizeof(type)));
		p->rows[entry->inputs[i].value] = p->row;
	}
	put_box(p, entry->root_box, 0);
	for (uint32_t i = 0; i < entry->output_count; i++) {
		put_bar(p, "out", 0, entry->outputs[i].name,
			clade_ir_type_text(p->ir, &p->ir->values[entry->outputs[i].value].type, type, sizeof(type)));
		put_arc(p, entry->outputs[i].value);
	}
}

enum clade_status clade_graph_svg(const struct clade_graph *graph, char **out_text, struct clade_diag *diag)
{
	const struct clade_ir *ir = &graph->ir;
	struct picture p = { .ir = ir, .text = { .context = graph->context } };
	uint32_t most = 0;

	*out_text = NULL;
	p.rows = clade_alloc(graph->context, (ir->value_count + 1) * sizeof(*p.rows));
	if (!p.rows)
		return clade_fail_memory(diag, ir->value_count * sizeof(*p.rows), "a picture");
	memset(p.rows, 0, (ir->value_count + 1) * sizeof(*p.rows));
	for (uint32_t i = 0; i < ir->entry_count; i++) { /* bars, heads of boxes */
		const struct clade_ir_entry *entry = &ir->entries[i];
		uint32_t rows = 1 + entry->input_count + entry->output_count + entry->last_node - entry->first_node;

		for (uint32_t b = entry->root_box + 1; b < ir->box_count && ir->boxes[b].parent != CLADE_IR_NONE; b++)
			rows++;
		most = rows > most ? rows : most;
	}
	clade_string_print(&p.text,
			   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%llu\" role=\"img\" "
			   "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\">\n<title>",
			   ir->entry_count * (unsigned)COLUMN, (unsigned long long)most * ROW + 2 * MARGIN);
	put_escaped(&p, ir->model);
	clade_string_print(
		&p.text,
		"</title>\n<style>text{fill:#1b2733}.r{text-anchor:end;fill:#51606e}.head{fill:#e3ebf4}.node{fill:#fff;"
		"stroke:#9fb0c2}.in{fill:#e2f2e4}.out{fill:#fbead2}.frame{fill:none;stroke:#b9c8d8}path{fill:none;"
		"stroke-width:1.2;marker-end:url(#a)}.near{stroke:#9fb0c2}.far{stroke:#2f6fb0}</style>\n"
		"<marker id=\"a\" viewBox=\"0 0 6 6\" refX=\"5\" refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" "
		"orient=\"auto\">"
		"<path d=\"M0 0L6 3L0 6z\" style=\"fill:#51606e;marker-end:none\"/></marker>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n");
	for (uint32_t i = 0; i < ir->entry_count; i++, p.left += COLUMN) {
		p.row = 0;
		put_entry(&p, &ir->entries[i]);
	}
	clade_string_print(&p.text, "</svg>\n");
	clade_free(graph->context, p.rows);
	return clade_string_take(&p.text, out_text, diag);
}

/* SPDX-License-Identifier: MIT */
/* The tree of blocks of a graph: nodes, parameters and bytes of each. */
#include "blocks.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Boxes in the order of expansion: a box's children follow it, deeper by one. A root a entry, of depth 0. */
struct tree {
	const struct clade_graph *graph;
	struct clade_graph_block *boxes;
	size_t count;
};

static enum clade_status tree_init(struct tool *tool, const struct clade_graph *graph, struct tree *out)
{
	size_t room = 0;
	*out = (struct tree) { .graph = graph };
	for (struct clade_graph_block box; clade_graph_block(graph, out->count, &box);) {
		if (out->count == room) {
			room = room * 2 + 64;
			struct clade_graph_block *grown = realloc(out->boxes, room * sizeof(*grown));
			if (grown == NULL) {
				free(out->boxes);
				out->boxes = NULL;
				return clade_fail_memory(&tool->diag, room * sizeof(*grown), "blocks");
			}
			out->boxes = grown;
		}
		out->boxes[out->count++] = box;
	}
	return CLADE_OK;
}

/* The box behind everything inside box `at`. */
static size_t tree_end(const struct tree *tree, size_t at)
{
	size_t end = at + 1;
	while (end < tree->count && tree->boxes[end].depth > tree->boxes[at].depth)
		end++;
	return end;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

/* Equal but for numbers: layers.0 and layers.1, y and y.2. */
static bool same_name(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		while (isdigit((unsigned char)*a) || *a == '.')
			a++;
		while (isdigit((unsigned char)*b) || *b == '.')
			b++;
		if (*a != *b)
			return false;
		if (*a != '\0')
			a++, b++;
	}
	return true;
}

static bool same_box(const struct clade_graph_block *a, const struct clade_graph_block *b)
{
	return a->depth == b->depth && a->nodes == b->nodes && a->parameters == b->parameters &&
	       a->weight_bytes == b->weight_bytes && (a->block != NULL) == (b->block != NULL) &&
	       (a->block == NULL || strcmp(a->block, b->block) == 0) &&
	       same_name(last_part(a->path), last_part(b->path));
}

static bool same_tree(const struct tree *tree, size_t a, size_t b)
{
	size_t length = tree_end(tree, a) - a;
	if (tree_end(tree, b) - b != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!same_box(&tree->boxes[a + i], &tree->boxes[b + i]))
			return false;
	return true;
}

static void print_box(const struct clade_graph_block *box, const char *first, const char *last, uint64_t times)
{
	char name[256], left[320], size[32];
	if (times > 1)
		snprintf(name, sizeof(name), "%.80s .. %.80s: %" PRIu64 " times", first, last, times);
	else
		snprintf(name, sizeof(name), "%.200s", first);
	snprintf(left, sizeof(left), "%*s%s%s%.60s", (int)(2 * box->depth), "", name, box->block != NULL ? ": " : "",
		 box->block != NULL ? box->block : "");
	printf("  %-52s %8" PRIu64 " %14" PRIu64 " %12s\n", left, box->nodes, box->parameters,
	       bytes_text(box->weight_bytes, size));
}

/* The boxes [from, to), which are siblings with what is inside them. */
static void print_siblings(const struct tree *tree, size_t from, size_t to)
{
	for (size_t at = from; at < to;) {
		size_t next = tree_end(tree, at), last = at;
		uint64_t times = 1;
		while (next < to && same_tree(tree, at, next)) {
			last = next;
			next = tree_end(tree, next);
			times++;
		}
		print_box(&tree->boxes[at], last_part(tree->boxes[at].path), last_part(tree->boxes[last].path), times);
		print_siblings(tree, at + 1, tree_end(tree, at));
		at = next;
	}
}

enum clade_status print_blocks(struct tool *tool, const struct clade_graph *graph)
{
	struct tree tree;
	enum clade_status status = tree_init(tool, graph, &tree);
	if (status != CLADE_OK)
		return status;
	printf("  %-52s %8s %14s %12s\n", "blocks, each", "nodes", "parameters", "weights");
	for (size_t at = 0, entry = 0; at < tree.count; at = tree_end(&tree, at), entry++) {
		char name[128];
		const char *text = clade_graph_entry(graph, entry);
		snprintf(name, sizeof(name), "entry %.100s", text != NULL ? text : "");
		print_box(&tree.boxes[at], name, name, 1);
		print_siblings(&tree, at + 1, tree_end(&tree, at));
	}
	free(tree.boxes);
	return CLADE_OK;
}

json_t *blocks_json(const struct clade_graph *graph)
{
	json_t *list = json_array();
	struct clade_graph_block box;
	size_t entries = 0;
	for (size_t i = 0; clade_graph_block(graph, i, &box); i++) {
		if (box.depth == 0) { /* the root of an entry: the entry itself */
			entries++;
			continue;
		}
		json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:I, s:I, s:I, s:I}", "path", box.path, "entry",
						      clade_graph_entry(graph, entries - 1), "block", box.block,
						      "depth", (json_int_t)box.depth, "nodes", (json_int_t)box.nodes,
						      "parameters", (json_int_t)box.parameters, "weights_bytes",
						      (json_int_t)box.weight_bytes));
	}
	return list;
}

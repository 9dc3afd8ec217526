/* SPDX-License-Identifier: MIT */
/* The trie: nodes in breadth-first order, so that the children of one are neighbours and a byte is found by memchr. */
#include "trie.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct trie_entry *x = a, *y = b;
	int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
	return order != 0 ? order : x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* One more than the bytes that are not shared with the entry before: an upper bound on nodes that is exact. */
static size_t count_nodes(const struct trie_entry *entries, size_t count)
{
	size_t nodes = 1;
	for (size_t i = 0; i < count; i++) {
		size_t shared = 0;
		while (i > 0 && shared < entries[i].bytes && shared < entries[i - 1].bytes &&
		       entries[i].text[shared] == entries[i - 1].text[shared])
			shared++;
		nodes += entries[i].bytes - shared;
	}
	return nodes;
}

/* The entries below a node while the trie grows. */
struct below {
	uint32_t low, high;
	uint32_t depth;
};

/* Adds the children of a node behind the nodes that there are. */
static void grow(struct trie *trie, struct below *below, const struct trie_entry *entries, uint32_t node)
{
	uint32_t low = below[node].low, high = below[node].high, depth = below[node].depth;
	trie->nodes[node].first = (uint32_t)trie->count;
	if (low < high && entries[low].bytes == depth)
		trie->nodes[node].value = entries[low++].value;
	while (low < high) {
		uint32_t child = (uint32_t)trie->count++, end = low;
		char label = entries[low].text[depth];
		while (end < high && entries[end].text[depth] == label)
			end++;
		trie->nodes[child] = (struct trie_node) { .value = -1 };
		trie->labels[child] = (unsigned char)label;
		below[child] = (struct below) { low, end, depth + 1 };
		trie->nodes[node].count++;
		low = end;
	}
}

enum clade_status trie_build(struct clade_context *context, struct trie_entry *entries, size_t count, struct trie *out,
			     struct clade_diag *diag)
{
	struct below *below = NULL;
	size_t nodes;
	qsort(entries, count, sizeof(*entries), compare);
	nodes = count_nodes(entries, count);
	if (nodes > UINT32_MAX / 2 || count > UINT32_MAX / 2)
		return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TEXT_FILE, NULL,
				  "the tokens are %zu bytes long together; at most 2^31 are supported", nodes);
	out->nodes = clade_alloc(context, nodes * sizeof(*out->nodes));
	out->labels = clade_alloc(context, nodes);
	below = clade_alloc(context, nodes * sizeof(*below));
	if (out->nodes == NULL || out->labels == NULL || below == NULL) {
		clade_free(context, below);
		return clade_fail_memory(diag, nodes * sizeof(*below), "a trie of tokens");
	}
	out->nodes[0] = (struct trie_node) { .value = -1 };
	below[0] = (struct below) { 0, (uint32_t)count, 0 };
	out->count = 1;
	for (uint32_t node = 0; node < out->count; node++)
		grow(out, below, entries, node);
	clade_free(context, below);
	return CLADE_OK;
}

void trie_finish(struct clade_context *context, struct trie *trie)
{
	clade_free(context, trie->nodes);
	clade_free(context, trie->labels);
	*trie = (struct trie) { 0 };
}

uint32_t trie_step(const struct trie *trie, uint32_t node, unsigned char byte)
{
	const struct trie_node *from = &trie->nodes[node];
	const unsigned char *labels = trie->labels + from->first;
	const unsigned char *found = from->count > 0 ? memchr(labels, byte, from->count) : NULL;
	return found != NULL ? from->first + (uint32_t)(found - labels) : 0;
}

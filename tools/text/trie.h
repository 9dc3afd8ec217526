/* SPDX-License-Identifier: MIT */
/* A trie over the tokens of a vocabulary: which of them begin a text. Internal to tools/text. */
#ifndef CLADE_TEXT_TRIE_H
#define CLADE_TEXT_TRIE_H

#include "internal.h"

struct trie_node {
	uint32_t first; /* its children lie side by side */
	uint32_t count;
	int32_t value; /* -1: nothing ends here */
};
struct trie {
	struct trie_node *nodes; /* the root first */
	unsigned char *labels;   /* [node]: the byte that leads to it */
	size_t count;
};
struct trie_entry {
	const char *text;
	size_t bytes;
	int32_t value;
};

/* Sorts the entries, which must be of different texts; keeps none of them. */
enum clade_status trie_build(struct clade_context *context, struct trie_entry *entries, size_t count, struct trie *out,
			     struct clade_diag *diag);
void trie_finish(struct clade_context *context, struct trie *trie);

/* The child of a node by a byte, 0 (the root, nobody's child) if there is none. */
uint32_t trie_step(const struct trie *trie, uint32_t node, unsigned char byte);

#endif

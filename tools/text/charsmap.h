/* SPDX-License-Identifier: MIT */
/* SentencePiece's compiled rules of normalization: what stands for a prefix of a text. Internal to tools/text. */
#ifndef CLADE_TEXT_CHARSMAP_H
#define CLADE_TEXT_CHARSMAP_H

#include "internal.h"

struct charsmap {
	uint32_t *units; /* a double array (Aoe 1989, as darts-clone packs it) */
	size_t unit_count;
	char *text; /* replacements, each ended by a NUL */
	size_t text_bytes;
};
/* Checks every offset. `where` names the slot in messages. */
enum clade_status charsmap_parse(const struct part_source *source, const char *where, const unsigned char *bytes,
				 size_t count, struct charsmap *out);
void charsmap_finish(struct clade_context *context, struct charsmap *map);
/* What replaces the shortest or the longest prefix that has a rule; NULL if none has. */
const char *charsmap_find(const struct charsmap *map, const char *text, size_t bytes, bool longest,
			  size_t *out_consumed);

#endif

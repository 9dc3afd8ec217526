/* SPDX-License-Identifier: MIT */
/* What the pre-tokenizer and the decoder Metaspace share. Internal to tools/text. */
#ifndef CLADE_TEXT_METASPACE_H
#define CLADE_TEXT_METASPACE_H

#include "internal.h"

enum metaspace_prepend { METASPACE_ALWAYS, METASPACE_FIRST, METASPACE_NEVER };
struct metaspace {
	char replacement[4];
	size_t bytes;
	enum metaspace_prepend prepend;
	bool split;
};
/* Both read the same keys; part->data becomes a struct metaspace. */
enum clade_status metaspace_parse(const struct part_source *source, const json_t *json, struct part *part);
void metaspace_finish(struct clade_context *context, struct part *part);

#endif

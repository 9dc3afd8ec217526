/* SPDX-License-Identifier: MIT */
/* The names that tokenizer.ggml.pre of a GGUF file may have. Internal to tools/text. */
#ifndef CLADE_TEXT_PRE_PATTERNS_H
#define CLADE_TEXT_PRE_PATTERNS_H

#include "internal.h"

enum { PRE_PATTERNS = 6 };
struct pre_patterns {
	const char *names;                  /* with a space before and behind each */
	const char *patterns[PRE_PATTERNS]; /* each cuts what the one before left */
	bool ignore_merges, add_bos;
};
/* NULL if it is not known. */
const struct pre_patterns *pre_patterns_find(const char *name);
extern const struct pre_patterns pre_patterns[]; /* ended by a row without names */
/* A pre-tokenizer for each pattern. */
enum clade_status pre_patterns_add(const struct part_source *source, const struct pre_patterns *pre, struct parts *out);

#endif

/* SPDX-License-Identifier: MIT */
/* Texts cut where a regular expression matches. Internal to tools/text. */
#ifndef CLADE_TEXT_SPLIT_H
#define CLADE_TEXT_SPLIT_H

#include "internal.h"

enum split_behavior {
	SPLIT_REMOVED,
	SPLIT_ISOLATED,
	SPLIT_MERGED_WITH_PREVIOUS,
	SPLIT_MERGED_WITH_NEXT,
	SPLIT_CONTIGUOUS,
};
enum split_flags {
	SPLIT_LITERAL = 1,    /* the pattern is a text */
	SPLIT_INVERT = 2,     /* what lies between matches counts as one */
	SPLIT_UNICODE_15 = 4, /* classes of llama.cpp's Unicode, not Hugging Face's */
};
/* What a part that splits has as its data; freed by split_finish. */
struct split;
enum clade_status split_create(const struct part_source *source, const char *pattern, enum split_behavior behavior,
			       int flags, struct part *part);
void split_finish(struct clade_context *context, struct part *part);

/* The same for one call: memory that is used again for each piece. */
struct splitter;
enum clade_status splitter_create(const struct part *part, struct clade_context *context, struct splitter **out,
				  struct clade_diag *diag);
void splitter_destroy(struct splitter **splitter);
/* Appends the pieces of text[start, end) to `out`, whose text is not touched. */
enum clade_status splitter_cut(struct splitter *splitter, const char *text, size_t start, size_t end,
			       struct pieces *out, struct clade_diag *diag);
/* Appends the text with every match replaced, also matches of nothing. */
enum clade_status splitter_replace(struct splitter *splitter, const char *text, size_t bytes, const char *content,
				   size_t content_bytes, struct text_buffer *out, struct clade_diag *diag);
/* part_kind.cut of a part that only splits. */
enum clade_status split_cut(const struct part *part, const struct pieces *in, struct pieces *out,
			    struct clade_diag *diag);

/* Patterns that families of models were made with. */
extern const char split_gpt2[], split_qwen2[];

#endif

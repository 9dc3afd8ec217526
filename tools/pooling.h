/* SPDX-License-Identifier: MIT */
/* From a vector a token to a vector a text: which way, as a folder of sentence-transformers says, and the sums. */
#ifndef CLADE_TOOL_POOLING_H
#define CLADE_TOOL_POOLING_H

#include "model.h"

enum pool { POOL_MEAN, POOL_CLS, POOL_LAST };
struct pooling {
	enum pool pool;
	bool normalize;     /* to length 1 */
	int64_t max_tokens; /* special ones included; 0: not stated */
};

/* --pool and --normalize, else modules.json, 1_Pooling/config.json and sentence_bert_config.json, else mean. What these
 * files ask for and is not here is an error that names it. */
enum clade_status pooling_init(struct tool *tool, const struct model *model, struct pooling *out);
/* One text: `hidden` is [count, width], its tokens without padding; `out` has `width` elements. */
void pooling_apply(const struct pooling *pooling, const float *hidden, size_t count, size_t width, float *out);

#endif

/* SPDX-License-Identifier: MIT */
/* What a model's generation_config.json forbids or forces at a step, with the meaning that transformers' logits
 * processors give it: min_length, min_new_tokens, no_repeat_ngram_size, bad_words_ids, suppress_tokens, forced tokens.
 */
#include "generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool generation_meta(const struct model *model, const char *key, struct clade_meta *out)
{
	const struct clade_store *store = model->generation != NULL ? model->generation : model->store;
	return store != NULL && clade_store_meta(store, key, out);
}

/* Element `index` of a list, or a number alone. */
static bool item(const struct model *model, const char *key, size_t index, int64_t *out)
{
	struct clade_meta meta;
	char element[128];
	if (!generation_meta(model, key, &meta))
		return false;
	if (meta.kind == CLADE_META_OTHER) {
		snprintf(element, sizeof(element), "%s.%zu", key, index);
		if (!generation_meta(model, element, &meta))
			return false;
	} else if (index > 0) {
		return false;
	}
	*out = meta.i;
	return meta.kind == CLADE_META_INT;
}

static int64_t number(const struct model *model, const char *key, int64_t otherwise)
{
	int64_t value;
	return item(model, key, 0, &value) ? value : otherwise;
}

static enum clade_status add_bad(struct generator *g, int64_t id)
{
	struct constraints *c = &g->constraints;
	int32_t *grown = realloc(c->bad, (c->bad_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return clade_fail_memory(&g->tool->diag, (c->bad_count + 1) * sizeof(*grown), "ids");
	c->bad = grown;
	c->bad[c->bad_count++] = (int32_t)id;
	return CLADE_OK;
}

/* A list in a list: "bad_words_ids" [[58100]]. Words of several tokens would need their own state. */
static enum clade_status read_bad_words(struct generator *g)
{
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; status == CLADE_OK; i++) {
		char key[64];
		int64_t id, more;
		snprintf(key, sizeof(key), "bad_words_ids.%zu", i);
		if (!item(g->model, key, 0, &id))
			break;
		if (item(g->model, key, 1, &more))
			return clade_fail(
				&g->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_GENERATE, g->model->name,
				"bad_words_ids holds a word of several tokens; only single ones are supported");
		if (!generator_is_end(g, (int32_t)id))
			status = add_bad(g, id);
	}
	for (size_t i = 0; status == CLADE_OK; i++) {
		int64_t id;
		if (!item(g->model, "suppress_tokens", i, &id))
			break;
		status = add_bad(g, id);
	}
	return status;
}

enum clade_status constraints_init(struct generator *g)
{
	struct constraints *c = &g->constraints;
	int64_t fresh = number(g->model, "min_new_tokens", 0);
	c->forced_bos = number(g->model, "forced_bos_token_id", -1);
	c->forced_eos = g->tool->options.ignore_eos ? -1 : number(g->model, "forced_eos_token_id", -1);
	c->min_length = number(g->model, "min_length", 0);
	c->min_new = fresh;
	c->ngram = number(g->model, "no_repeat_ngram_size", 0);
	return read_bad_words(g);
}

/* Bans what would complete a run of `n` tokens that stands in `tokens` already. */
static void ban_repeats(const int32_t *tokens, size_t count, size_t n, float *scores, int64_t vocab)
{
	const int32_t *last = tokens + count - (n - 1);
	for (size_t i = 0; i + n <= count; i++)
		if (memcmp(tokens + i, last, (n - 1) * sizeof(*tokens)) == 0 && tokens[i + n - 1] >= 0 &&
		    tokens[i + n - 1] < vocab)
			scores[tokens[i + n - 1]] = -INFINITY;
}

static void force(int64_t id, float *scores, int64_t vocab)
{
	for (int64_t i = 0; i < vocab && id < vocab; i++)
		scores[i] = i == id ? 0.0f : -INFINITY;
}

void constraints_apply(const struct generator *g, const int32_t *tokens, size_t count, size_t made, int64_t room,
		       float *scores, int64_t vocab)
{
	const struct constraints *c = &g->constraints;
	if (c->ngram > 0 && (int64_t)count + 1 >= c->ngram)
		ban_repeats(tokens, count, (size_t)c->ngram, scores, vocab);
	for (size_t i = 0; i < c->bad_count; i++)
		if (c->bad[i] >= 0 && c->bad[i] < vocab)
			scores[c->bad[i]] = -INFINITY;
	for (size_t i = 0; i < g->end_count; i++)
		if (((int64_t)count < c->min_length || (int64_t)made < c->min_new) && g->ends[i] < vocab)
			scores[g->ends[i]] = -INFINITY;
	if (c->forced_bos >= 0 && count == 1)
		force(c->forced_bos, scores, vocab);
	if (c->forced_eos >= 0 && room == 1)
		force(c->forced_eos, scores, vocab);
}

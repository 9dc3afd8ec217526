/* SPDX-License-Identifier: MIT */
/* Rules between the metadata of one GGUF file. Each error names the key and where it stands. */
#include "gguf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct store_meta *meta_at(const struct gguf *gguf, size_t index)
{
	return &gguf->store->metas[gguf->first_meta + index];
}

static size_t meta_count(const struct gguf *gguf)
{
	return gguf->store->meta_count - gguf->first_meta;
}

#define fail_key(gguf, index, rule, ...)                                                                               \
	clade_file_fail((gguf)->diag, CLADE_MSG_FILE_GGUF, (gguf)->path, (gguf)->key_at[index], "key \"%s\" " rule,    \
			CLADE_QUOTE(meta_at((gguf), (index))->key), __VA_ARGS__)

static int compare_keys(const void *a, const void *b, void *user)
{
	const struct gguf *gguf = user;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = strcmp(meta_at(gguf, x)->key, meta_at(gguf, y)->key);
	return order != 0 ? order : x < y ? -1 : x > y;
}

static enum clade_status check_unique(struct gguf *gguf)
{
	size_t count = meta_count(gguf);
	uint32_t *order = clade_resize(gguf->store->context, NULL, (count + 1) * sizeof(*order));
	enum clade_status status = CLADE_OK;
	if (order == NULL)
		return clade_fail_memory(gguf->diag, (count + 1) * sizeof(*order), "the order of keys");
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, count, sizeof(*order), compare_keys, gguf);
	for (size_t i = 1; i < count && status == CLADE_OK; i++)
		if (strcmp(meta_at(gguf, order[i - 1])->key, meta_at(gguf, order[i])->key) == 0)
			status = fail_key(gguf, order[i], "is given twice, also at %" PRIu64 "; keys must be unique",
					  gguf->key_at[order[i - 1]]);
	clade_free(gguf->store->context, order);
	return status;
}

/* ---- the vocabulary ---- */

static const struct {
	const char *key;
	enum clade_meta_kind kind; /* of the elements */
	bool of_tokens;            /* one for each token */
} arrays[] = {
	{ "tokenizer.ggml.tokens", CLADE_META_STRING, true },
	{ "tokenizer.ggml.scores", CLADE_META_FLOAT, true },
	{ "tokenizer.ggml.token_type", CLADE_META_INT, true },
	{ "tokenizer.ggml.merges", CLADE_META_STRING, false },
};

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

static enum clade_status check_array(struct gguf *gguf, size_t index, int64_t tokens)
{
	const struct store_meta *meta = meta_at(gguf, index);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		if (strcmp(meta->key, arrays[i].key) != 0)
			continue;
		if (meta->array == NULL || meta->array->kind != arrays[i].kind)
			return fail_key(gguf, index, "must be an array of %s",
					arrays[i].kind == CLADE_META_STRING  ? "strings"
					: arrays[i].kind == CLADE_META_FLOAT ? "floats"
									     : "integers");
		if (arrays[i].of_tokens && meta->value.i != tokens)
			return fail_key(gguf, index, "has %" PRId64 " elements, but there are %" PRId64 " tokens",
					meta->value.i, tokens);
	}
	return CLADE_OK;
}

static enum clade_status check_id(struct gguf *gguf, size_t index, int64_t tokens)
{
	const struct store_meta *meta = meta_at(gguf, index);
	if (strncmp(meta->key, "tokenizer.ggml.", 15) != 0 || !ends_with(meta->key, "_token_id"))
		return CLADE_OK;
	if (meta->value.kind != CLADE_META_INT)
		return fail_key(gguf, index, "must be %s", "an integer");
	if (tokens >= 0 && (meta->value.i < 0 || meta->value.i >= tokens))
		return fail_key(gguf, index, "is %" PRId64 "; ids are below the %" PRId64 " tokens", meta->value.i,
				tokens);
	return CLADE_OK;
}

/* ---- sizes of the model ---- */

static const char *const sizes[] = {
	"block_count",          "context_length",         "embedding_length",
	"feed_forward_length",  "attention.head_count",   "attention.head_count_kv",
	"attention.key_length", "attention.value_length", "rope.dimension_count",
	"vocab_size",           "expert_count",           "expert_used_count",
};

/* Behind the architecture's name; some models give an array, one value a layer (0 there is "none"). */
static enum clade_status check_size(struct gguf *gguf, size_t index, const char *architecture)
{
	const struct store_meta *meta = meta_at(gguf, index);
	size_t length = strlen(architecture), word;
	if (strncmp(meta->key, architecture, length) != 0 || meta->key[length] != '.')
		return CLADE_OK;
	for (word = 0; word < sizeof(sizes) / sizeof(sizes[0]); word++)
		if (strcmp(meta->key + length + 1, sizes[word]) == 0)
			break;
	if (word == sizeof(sizes) / sizeof(sizes[0]))
		return CLADE_OK;
	if (meta->array != NULL && meta->array->kind == CLADE_META_INT)
		return CLADE_OK;
	bool may_be_zero = strncmp(sizes[word], "expert", 6) == 0; /* a dense model */
	if (meta->value.kind != CLADE_META_INT)
		return fail_key(gguf, index, "must be %s", "an integer");
	if (meta->value.i < (may_be_zero ? 0 : 1) || meta->value.i >= INT32_MAX)
		return fail_key(gguf, index, "is %" PRId64 "; it must be %d to 2^31 - 2", meta->value.i,
				may_be_zero ? 0 : 1);
	return CLADE_OK;
}

enum clade_status clade_gguf_check(struct gguf *gguf)
{
	int64_t tokens = -1;
	const char *architecture = "";
	enum clade_status status = check_unique(gguf);
	for (size_t i = 0; i < meta_count(gguf) && status == CLADE_OK; i++) {
		const struct store_meta *meta = meta_at(gguf, i);
		if (strcmp(meta->key, "tokenizer.ggml.tokens") == 0)
			tokens = meta->value.i;
		if (strcmp(meta->key, "general.architecture") != 0)
			continue;
		if (meta->value.kind != CLADE_META_STRING || meta->value.s[0] == '\0')
			status = fail_key(gguf, i, "must be %s", "a string that is not empty");
		else
			architecture = meta->value.s;
	}
	for (size_t i = 0; i < meta_count(gguf) && status == CLADE_OK; i++) {
		status = check_array(gguf, i, tokens);
		if (status == CLADE_OK)
			status = check_id(gguf, i, tokens);
		if (status == CLADE_OK && architecture[0] != '\0')
			status = check_size(gguf, i, architecture);
	}
	return status;
}

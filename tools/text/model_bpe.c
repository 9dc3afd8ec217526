/* SPDX-License-Identifier: MIT */
/* The BPE model: characters of a piece joined by a list of merges (Sennrich et al. 2016), with the options that
 * tokenizer.json knows. Equal to Hugging Face's in what it does with characters that are not in the vocabulary. */
#include "bpe.h"

#include <stdio.h>
#include <string.h>

struct bpe_scratch {
	struct bpe_work work;
	struct word_cache cache;
	struct text_buffer affixed; /* a character with prefix and suffix */
};

/* ---- reading ---- */

static size_t merge_slot(const struct bpe_model *model, int32_t left, int32_t right)
{
	uint64_t hash = (model->seed ^ ((uint64_t)(uint32_t)left << 32 | (uint32_t)right)) * 0xff51afd7ed558ccdull;
	size_t slot = (size_t)((hash ^ hash >> 32) * 0xc4ceb9fe1a85ec53ull >> 24) & (model->merge_slots - 1);
	while (model->merges[slot].left >= 0 &&
	       (model->merges[slot].left != left || model->merges[slot].right != right))
		slot = (slot + 1) & (model->merge_slots - 1);
	return slot;
}

static void find_characters(const struct vocabulary *vocabulary, struct bpe_model *model)
{
	for (int32_t point = 0; point < 512; point++) {
		char text[2] = { (char)point };
		if (point >= 0x80) {
			text[0] = (char)(0xc0 | point >> 6);
			text[1] = (char)(0x80 | (point & 0x3f));
		}
		model->points[point] = vocabulary_find(vocabulary, text, point < 0x80 ? 1 : 2);
	}
	for (int byte = 0; byte < 256; byte++) {
		char name[8];
		snprintf(name, sizeof(name), "<0x%02X>", byte);
		model->bytes[byte] = vocabulary_find(vocabulary, name, 6);
	}
}

enum clade_status bpe_model_begin(const struct part_source *source, struct clade_tokenizer *out, size_t merge_count)
{
	struct bpe_model *model = out->model_data = clade_alloc(source->context, sizeof(*model));
	size_t slots = 8, bytes;
	out->model = &model_bpe;
	while (slots / 2 < merge_count && slots < SIZE_MAX / 4)
		slots *= 2;
	if (model == NULL || !clade_size_mul(slots, sizeof(*model->merges), &bytes))
		return clade_fail_memory(source->diag, sizeof(*model), "a BPE model");
	model->merges = clade_alloc(source->context, bytes);
	if (model->merges == NULL)
		return clade_fail_memory(source->diag, bytes, "merges");
	memset(model->merges, 0xff, bytes);
	model->merge_slots = slots;
	model->seed = pointer_seed(model->merges);
	find_characters(&out->vocabulary, model);
	return CLADE_OK;
}

static int shown(size_t bytes)
{
	return bytes < 64 ? (int)bytes : 64;
}

enum clade_status bpe_model_merge(const struct part_source *source, struct clade_tokenizer *out, size_t index,
				  const char *left, size_t left_bytes, const char *right, size_t right_bytes)
{
	struct bpe_model *model = out->model_data;
	size_t prefix = model->prefix != NULL ? strlen(model->prefix) : 0;
	struct text_buffer both = { .context = source->context };
	int32_t ids[2] = { vocabulary_find(&out->vocabulary, left, left_bytes),
			   vocabulary_find(&out->vocabulary, right, right_bytes) };
	if (ids[0] < 0 || ids[1] < 0)
		return text_damaged(source, "merge %zu: \"%.*s\" is not in the vocabulary", index,
				    shown(ids[0] < 0 ? left_bytes : right_bytes), ids[0] < 0 ? left : right);
	if (right_bytes < prefix)
		return text_damaged(source, "merge %zu: \"%.*s\" is shorter than continuing_subword_prefix", index,
				    shown(right_bytes), right);
	if (!text_add(&both, left, left_bytes) || !text_add(&both, right + prefix, right_bytes - prefix)) {
		text_finish(&both);
		return clade_fail_memory(source->diag, left_bytes, "merges");
	}
	int32_t id = vocabulary_find(&out->vocabulary, both.bytes, both.count);
	enum clade_status status = CLADE_OK;
	if (id < 0)
		status = text_damaged(source, "merge %zu: \"%.64s\", which it makes, is not in the vocabulary", index,
				      both.bytes);
	text_finish(&both);
	if (status == CLADE_OK) /* of a pair given twice the later one counts */
		model->merges[merge_slot(model, ids[0], ids[1])] =
			(struct bpe_merge) { ids[0], ids[1], id, (uint32_t)index };
	return status;
}

enum clade_status bpe_model_merge_line(const struct part_source *source, struct clade_tokenizer *out, size_t index,
				       const char *line, size_t bytes)
{
	const char *space = bytes > 0 ? memchr(line + 1, ' ', bytes - 1) : NULL; /* the first may be the token ' ' */
	size_t left = space != NULL ? (size_t)(space - line) : 0;
	if (space == NULL || left + 1 == bytes)
		return text_damaged(source, "merge %zu: \"%.*s\" is not two tokens with a space between", index,
				    shown(bytes), line);
	return bpe_model_merge(source, out, index, line, left, space + 1, bytes - left - 1);
}

static enum clade_status take_text(const struct part_source *source, const json_t *json, const char *key, char **out)
{
	const json_t *value = json_object_get(json, key);
	if (value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
		return CLADE_OK;
	if (!json_is_string(value))
		return text_damaged(source, "model: %s must be a string or null", key);
	*out = clade_strdup(source->context, json_string_value(value));
	return *out != NULL ? CLADE_OK : clade_fail_memory(source->diag, json_string_length(value), key);
}

static enum clade_status parse_options(const struct part_source *source, const json_t *json, struct bpe_model *model)
{
	static const char *const flags[] = { "fuse_unk", "byte_fallback", "ignore_merges" };
	bool *const targets[] = { &model->fuse_unknown, &model->byte_fallback, &model->ignore_merges };
	const json_t *dropout = json_object_get(json, "dropout");
	for (size_t i = 0; i < 3; i++) {
		const json_t *flag = json_object_get(json, flags[i]);
		if (flag != NULL && !json_is_null(flag) && !json_is_boolean(flag))
			return text_damaged(source, "model: %s must be true or false", flags[i]);
		*targets[i] = json_is_true(flag);
	}
	if (dropout != NULL && !json_is_null(dropout) && json_number_value(dropout) != 0)
		return text_refuse(source, "model BPE's option", "dropout",
				   "those without chance: dropout must be null");
	enum clade_status status = take_text(source, json, "unk_token", &model->unknown_name);
	if (status == CLADE_OK)
		status = take_text(source, json, "continuing_subword_prefix", &model->prefix);
	if (status == CLADE_OK)
		status = take_text(source, json, "end_of_word_suffix", &model->suffix);
	return status;
}

static enum clade_status parse(const struct part_source *source, const json_t *json, struct clade_tokenizer *out)
{
	const json_t *merges = json_object_get(json, "merges");
	enum clade_status status = vocabulary_parse(source, json_object_get(json, "vocab"), &out->vocabulary);
	if (status == CLADE_OK && !json_is_array(merges))
		return text_damaged(source, "model BPE needs a list \"merges\"");
	if (status == CLADE_OK)
		status = bpe_model_begin(source, out, json_array_size(merges));
	struct bpe_model *model = out->model_data;
	if (status == CLADE_OK)
		status = parse_options(source, json, model);
	if (status == CLADE_OK && model->unknown_name != NULL)
		out->unknown = vocabulary_find(&out->vocabulary, model->unknown_name, strlen(model->unknown_name));
	for (size_t i = 0; i < json_array_size(merges) && status == CLADE_OK; i++) {
		const json_t *merge = json_array_get(merges, i);
		const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
		if (json_is_string(merge))
			status = bpe_model_merge_line(source, out, i, json_string_value(merge),
						      json_string_length(merge));
		else if (json_array_size(merge) == 2 && json_is_string(left) && json_is_string(right))
			status = bpe_model_merge(source, out, i, json_string_value(left), json_string_length(left),
						 json_string_value(right), json_string_length(right));
		else
			status = text_damaged(source, "merge %zu is neither \"left right\" nor [left, right]", i);
	}
	return status;
}

static void finish(struct clade_tokenizer *tokenizer)
{
	struct bpe_model *model = tokenizer->model_data;
	if (model == NULL)
		return;
	clade_free(tokenizer->context, model->merges);
	clade_free(tokenizer->context, model->prefix);
	clade_free(tokenizer->context, model->suffix);
	clade_free(tokenizer->context, model->unknown_name);
	clade_free(tokenizer->context, model);
}

/* ---- encoding ---- */

static struct bpe_scratch *scratch_of(struct encoding *encoding)
{
	struct clade_context *context = encoding->tokenizer->context;
	struct bpe_scratch *scratch = encoding->scratch;
	if (scratch == NULL) {
		encoding->scratch = scratch = clade_alloc(context, sizeof(*scratch));
		if (scratch != NULL)
			scratch->work.context = scratch->affixed.context = scratch->cache.texts.context =
				scratch->cache.ids.context = context;
	}
	return scratch;
}

static void finish_scratch(const struct clade_tokenizer *tokenizer, void *memory)
{
	struct bpe_scratch *scratch = memory;
	bpe_work_finish(&scratch->work);
	word_cache_finish(&scratch->cache);
	text_finish(&scratch->affixed);
	clade_free(tokenizer->context, scratch);
}

/* The id of one character. `text` is changed to what was looked up, with prefix and suffix. */
static int32_t find_character(const struct clade_tokenizer *tokenizer, struct bpe_scratch *scratch, const char **text,
			      size_t *bytes, bool first, bool last)
{
	const struct bpe_model *model = tokenizer->model_data;
	struct text_buffer *affixed = &scratch->affixed;
	if (model->prefix == NULL && model->suffix == NULL) {
		int32_t point = *bytes <= 2 ? utf8_point(*text, (int)*bytes) : 512;
		return point < 512 ? model->points[point] : vocabulary_find(&tokenizer->vocabulary, *text, *bytes);
	}
	affixed->count = 0;
	if ((!first && model->prefix != NULL && !text_add(affixed, model->prefix, strlen(model->prefix))) ||
	    !text_add(affixed, *text, *bytes) ||
	    (last && model->suffix != NULL && !text_add(affixed, model->suffix, strlen(model->suffix))))
		return -2;
	*text = affixed->bytes;
	*bytes = affixed->count;
	return vocabulary_find(&tokenizer->vocabulary, *text, *bytes);
}

static bool all_bytes(const struct bpe_model *model, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (model->bytes[(unsigned char)text[i]] < 0)
			return false;
	return true;
}

/* Characters to symbols. Unknown ones wait in `unknown` bytes for the next known one, as in Hugging Face: bytes that
 * stand in for a character pass them by, and without an unknown token they vanish. */
static enum clade_status add_symbols(struct encoding *encoding, struct bpe_scratch *scratch, const char *text,
				     size_t bytes)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	const struct bpe_model *model = tokenizer->model_data;
	struct bpe_work *work = &scratch->work;
	uint32_t unknown_start = 0, unknown = 0;
	bool fine = true;
	work->count = 0;
	for (size_t at = 0, length; at < bytes && fine; at += length) {
		const char *character = text + at;
		length = (size_t)utf8_length(text + at, bytes - at);
		size_t whole = length;
		int32_t id = find_character(tokenizer, scratch, &character, &whole, at == 0, at + length == bytes);
		if (id >= 0) {
			if (unknown > 0)
				fine = bpe_add(work, unknown_start, unknown, tokenizer->unknown);
			unknown = 0;
			fine = fine && bpe_add(work, (uint32_t)at, (uint32_t)length, id);
		} else if (id == -2) {
			fine = false;
		} else if (model->byte_fallback && all_bytes(model, character, whole)) {
			for (size_t i = 0; i < whole && fine; i++)
				fine = bpe_add(work, (uint32_t)(at + (i < length ? i : length - 1)), 1,
					       model->bytes[(unsigned char)character[i]]);
		} else if (tokenizer->unknown >= 0) {
			if (unknown > 0 && !model->fuse_unknown) {
				fine = bpe_add(work, unknown_start, unknown, tokenizer->unknown);
				unknown = 0;
			}
			if (unknown == 0)
				unknown_start = (uint32_t)at;
			unknown += (uint32_t)length;
		} else if (model->unknown_name != NULL) {
			return clade_fail(encoding->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UNKNOWN, tokenizer->name,
					  "\"%.*s\" is not in the vocabulary, nor is the unknown token \"%.64s\"",
					  (int)length, text + at, model->unknown_name);
		}
	}
	if (fine && unknown > 0)
		fine = bpe_add(work, unknown_start, unknown, tokenizer->unknown);
	return fine ? CLADE_OK : clade_fail_memory(encoding->diag, bytes * sizeof(struct bpe_symbol), "symbols");
}

static bool find_merge(const void *user, const char *text, const struct bpe_symbol *left,
		       const struct bpe_symbol *right, uint32_t *out_rank, int32_t *out_id)
{
	const struct bpe_model *model = user;
	const struct bpe_merge *merge = &model->merges[merge_slot(model, left->id, right->id)];
	(void)text;
	*out_rank = merge->rank;
	*out_id = merge->id;
	return merge->left >= 0;
}

static enum clade_status encode(struct encoding *encoding, const char *text, size_t bytes)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	const struct bpe_model *model = tokenizer->model_data;
	struct bpe_scratch *scratch = scratch_of(encoding);
	struct id_buffer *ids = &encoding->ids;
	uint64_t hash = text_hash(model->seed, text, bytes);
	size_t count = 0, before = ids->count;
	bool fine = true;
	int32_t whole = model->ignore_merges ? vocabulary_find(&tokenizer->vocabulary, text, bytes) : -1;
	if (scratch == NULL || bytes > INT32_MAX)
		return clade_fail_memory(encoding->diag, bytes, "a text");
	const int32_t *known = whole >= 0 ? &whole : word_cache_find(&scratch->cache, hash, text, bytes, &count);
	if (whole >= 0)
		count = 1;
	for (size_t i = 0; i < count && fine; i++)
		fine = ids_add(ids, known[i]);
	if (known == NULL) {
		enum clade_status status = add_symbols(encoding, scratch, text, bytes);
		if (status != CLADE_OK)
			return status;
		fine = bpe_join(&scratch->work, text, find_merge, model);
		for (size_t i = 0; i < scratch->work.count && fine; i++)
			if (scratch->work.symbols[i].bytes > 0)
				fine = ids_add(ids, scratch->work.symbols[i].id);
		if (fine && ids->count > before)
			word_cache_add(&scratch->cache, hash, text, bytes, ids->ids + before, ids->count - before);
	}
	return fine ? CLADE_OK : clade_fail_memory(encoding->diag, ids->count * 4, "token ids");
}

const struct token_model_kind model_bpe = { "BPE", parse, encode, finish, finish_scratch };

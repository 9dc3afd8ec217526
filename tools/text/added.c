/* SPDX-License-Identifier: MIT */
/* Added tokens: found in a text before it is cut and before the model sees it, some before normalization and some
 * after it. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { ADDED_LIMIT = 1 << 20 };

enum clade_status added_begin(const struct part_source *source, size_t count, struct added_tokens *out)
{
	if (count > ADDED_LIMIT)
		return text_damaged(source, "has %zu added tokens; it may have %d", count, ADDED_LIMIT);
	out->items = clade_alloc(source->context, (count + 1) * sizeof(*out->items));
	out->by_id = clade_alloc(source->context, (count + 1) * sizeof(*out->by_id));
	out->by_text[0] = clade_alloc(source->context, (count + 1) * sizeof(*out->by_text[0]));
	out->by_text[1] = clade_alloc(source->context, (count + 1) * sizeof(*out->by_text[1]));
	if (out->items == NULL || out->by_id == NULL || out->by_text[0] == NULL || out->by_text[1] == NULL)
		return clade_fail_memory(source->diag, count * sizeof(*out->items), "added tokens");
	return CLADE_OK;
}

enum clade_status added_add(const struct part_source *source, struct clade_tokenizer *tokenizer,
			    const struct added_token *token)
{
	struct text_buffer content = { .context = source->context };
	size_t bytes = strlen(token->text);
	const struct token *same = vocabulary_token(&tokenizer->vocabulary, token->id);
	int32_t known = vocabulary_find(&tokenizer->vocabulary, token->text, bytes);
	enum clade_status status = CLADE_OK;
	if (known >= 0 && known != token->id)
		return text_damaged(source, "added_tokens: \"%.64s\" has id %d, in the vocabulary %d", token->text,
				    (int)token->id, (int)known);
	if (same != NULL && known < 0)
		return text_damaged(source, "added_tokens: \"%.64s\" has id %d, which is \"%.64s\" in the vocabulary",
				    token->text, (int)token->id, same->text);
	if (token->normalized)
		status = tokenizer_normalize(tokenizer, token->text, bytes, &content, source->diag);
	else if (!text_add(&content, token->text, bytes))
		status = clade_fail_memory(source->diag, bytes, "added tokens");
	if (status == CLADE_OK) {
		struct added_token *added = &tokenizer->added.items[tokenizer->added.count++];
		*added = *token;
		added->text = clade_strdup(source->context, token->text);
		added->content = content.bytes;
		added->bytes = content.count;
		if (added->text == NULL)
			status = clade_fail_memory(source->diag, bytes, "added tokens");
	} else {
		text_finish(&content);
	}
	return status;
}

static int compare_ids(const void *a, const void *b, void *user)
{
	const struct added_token *items = user;
	int32_t x = items[*(const uint32_t *)a].id, y = items[*(const uint32_t *)b].id;
	return x < y ? -1 : x > y;
}

static int compare_contents(const void *a, const void *b, void *user)
{
	const struct added_token *items = user, *x = &items[*(const uint32_t *)a], *y = &items[*(const uint32_t *)b];
	int order = memcmp(x->content, y->content, x->bytes < y->bytes ? x->bytes : y->bytes);
	return order != 0 ? order : x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

enum clade_status added_seal(const struct part_source *source, struct added_tokens *added)
{
	for (size_t i = 0; i < added->count; i++) {
		const struct added_token *token = &added->items[i];
		added->by_id[i] = (uint32_t)i;
		added->longest = token->bytes > added->longest ? token->bytes : added->longest;
		if (token->bytes == 0) /* normalized to nothing: never found */
			continue;
		added->by_text[token->normalized][added->text_count[token->normalized]++] = (uint32_t)i;
		added->begins[token->normalized][(unsigned char)token->content[0]] = true;
	}
	qsort_r(added->by_id, added->count, sizeof(*added->by_id), compare_ids, added->items);
	for (int n = 0; n < 2; n++)
		qsort_r(added->by_text[n], added->text_count[n], sizeof(*added->by_text[n]), compare_contents,
			added->items);
	for (size_t i = 1; i < added->count; i++) {
		const struct added_token *a = &added->items[added->by_id[i - 1]], *b = &added->items[added->by_id[i]];
		if (a->id == b->id)
			return text_damaged(source, "added_tokens: \"%.64s\" and \"%.64s\" have the same id %d",
					    a->text, b->text, (int)a->id);
	}
	return CLADE_OK;
}

enum clade_status added_parse(const struct part_source *source, const json_t *json, struct clade_tokenizer *out)
{
	if (json != NULL && !json_is_array(json))
		return text_damaged(source, "added_tokens must be a list");
	enum clade_status status = added_begin(source, json_array_size(json), &out->added);
	for (size_t i = 0; i < json_array_size(json) && status == CLADE_OK; i++) {
		const json_t *item = json_array_get(json, i), *id = json_object_get(item, "id");
		const char *text = json_string_value(json_object_get(item, "content"));
		if (text == NULL || text[0] == '\0' || !json_is_integer(id) || json_integer_value(id) < 0 ||
		    json_integer_value(id) >= INT32_MAX)
			return text_damaged(source, "added_tokens: each needs an id and a content");
		const struct added_token token = {
			.text = (char *)text,
			.id = (int32_t)json_integer_value(id),
			.lstrip = json_is_true(json_object_get(item, "lstrip")),
			.rstrip = json_is_true(json_object_get(item, "rstrip")),
			.normalized = json_is_true(json_object_get(item, "normalized")),
			.special = json_is_true(json_object_get(item, "special")),
			.single_word = json_is_true(json_object_get(item, "single_word")),
		};
		status = added_add(source, out, &token);
	}
	return status == CLADE_OK ? added_seal(source, &out->added) : status;
}

void added_finish(struct clade_context *context, struct added_tokens *added)
{
	for (size_t i = 0; i < added->count; i++) {
		clade_free(context, added->items[i].text);
		clade_free(context, added->items[i].content);
	}
	clade_free(context, added->items);
	clade_free(context, added->by_id);
	clade_free(context, added->by_text[0]);
	clade_free(context, added->by_text[1]);
	*added = (struct added_tokens) { 0 };
}

const struct added_token *added_token(const struct added_tokens *added, int32_t id)
{
	size_t low = 0, high = added->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct added_token *token = &added->items[added->by_id[middle]];
		if (token->id == id)
			return token;
		if (token->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The longest token that text[0, bytes) begins with. Of the sorted tokens, those that share the first `depth` bytes
 * with the text are a range [low, high), which each further byte narrows; the shortest of them comes first. `met` (may
 * be NULL) gets true for the length of each that the text begins with. */
static const struct added_token *longest(const struct added_tokens *added, bool normalized, const char *text,
					 size_t bytes, bool *met)
{
	const uint32_t *order = added->by_text[normalized];
	size_t low = 0, high = added->text_count[normalized];
	const struct added_token *best = NULL;
	for (size_t depth = 0; low < high && depth < bytes; depth++) {
		unsigned char byte = (unsigned char)text[depth];
		for (size_t end = high; low < end;) { /* the first token with this byte or more */
			size_t middle = low + (end - low) / 2;
			if ((unsigned char)added->items[order[middle]].content[depth] < byte)
				low = middle + 1;
			else
				end = middle;
		}
		for (size_t start = low; start < high;) { /* the first with more */
			size_t middle = start + (high - start) / 2;
			if ((unsigned char)added->items[order[middle]].content[depth] <= byte)
				start = middle + 1;
			else
				high = middle;
		}
		while (low < high && added->items[order[low]].bytes == depth + 1) {
			best = &added->items[order[low++]];
			if (met != NULL)
				met[depth + 1] = true;
		}
	}
	return best;
}

/* The leftmost, then longest, token at or behind `from`; NULL if none. */
static const struct added_token *next_added(const struct added_tokens *added, bool normalized, const char *text,
					    size_t bytes, size_t from, size_t *out_at)
{
	const bool *begins = added->begins[normalized];
	for (size_t at = from; at < bytes; at++) {
		const struct added_token *token = begins[(unsigned char)text[at]]
							  ? longest(added, normalized, text + at, bytes - at, NULL)
							  : NULL;
		if (token != NULL) {
			*out_at = at;
			return token;
		}
	}
	return NULL;
}

static size_t previous(const char *text, size_t from, size_t at)
{
	for (at--; at > from && ((unsigned char)text[at] & 0xc0) == 0x80;)
		at--;
	return at;
}

static size_t skip_space_back(const char *text, size_t from, size_t at)
{
	while (at > from) {
		size_t start = previous(text, from, at);
		if (!is_white_space(utf8_point(text + start, (int)(at - start))))
			break;
		at = start;
	}
	return at;
}

static size_t skip_space(const char *text, size_t bytes, size_t at)
{
	while (at < bytes) {
		int length = utf8_length(text + at, bytes - at);
		if (!is_white_space(utf8_point(text + at, length)))
			break;
		at += (size_t)length;
	}
	return at;
}

/* A token that must be a word of its own has no letter, digit or mark beside it. */
static bool stands_alone(const char *text, size_t bytes, size_t start, size_t end)
{
	if (start > 0) {
		size_t before = previous(text, 0, start);
		if (is_word(utf8_point(text + before, (int)(start - before))))
			return false;
	}
	return end == bytes || !is_word(utf8_point(text + end, utf8_length(text + end, bytes - end)));
}

/* ---- the longest first ---- */

/* Where a token was found; then with the white space that it takes. */
struct hit {
	size_t start, end;
	const struct added_token *token;
};
struct hits {
	struct clade_context *context;
	struct hit *items;
	size_t count, room;
};

static bool hits_add(struct hits *hits, struct hit hit)
{
	if (hits->count == hits->room) {
		size_t room = hits->room + hits->room / 2 + 16;
		struct hit *grown = clade_resize(hits->context, hits->items, room * sizeof(*grown));
		if (grown == NULL)
			return false;
		hits->items = grown;
		hits->room = room;
	}
	hits->items[hits->count++] = hit;
	return true;
}

static int compare_starts(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int compare_hits(const void *a, const void *b)
{
	int32_t x = ((const struct hit *)a)->token->id, y = ((const struct hit *)b)->token->id;
	return x != y ? (x < y ? -1 : 1) : compare_starts(a, b);
}

/* The token that is this text. */
static const struct added_token *exactly(const struct added_tokens *added, const char *text, size_t bytes)
{
	size_t low = 0, high = added->text_count[0];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct added_token *token = &added->items[added->by_text[0][middle]];
		int order = memcmp(token->content, text, token->bytes < bytes ? token->bytes : bytes);
		if (order == 0 && token->bytes == bytes)
			return token;
		if (order < 0 || (order == 0 && token->bytes < bytes))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_ascii_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes the tokens of `length` bytes from what is left of the text, the smaller id first. */
static bool take(const struct added_tokens *added, const char *text, size_t bytes, size_t length, bool *taken,
		 struct hits *out)
{
	struct hits hits = { .context = out->context };
	bool fine = true;
	for (size_t at = 0; at + length <= bytes && fine; at++) {
		bool possible = added->begins[0][(unsigned char)text[at]] && !taken[at];
		const struct added_token *token = possible ? exactly(added, text + at, length) : NULL;
		fine = token == NULL || hits_add(&hits, (struct hit) { at, at + length, token });
	}
	if (hits.count > 0)
		qsort(hits.items, hits.count, sizeof(*hits.items), compare_hits);
	for (size_t i = 0; i < hits.count && fine; i++) {
		struct hit hit = hits.items[i];
		if (memchr(taken + hit.start, true, length) != NULL)
			continue;
		while (hit.token->lstrip && hit.start > 0 && !taken[hit.start - 1] &&
		       is_ascii_space(text[hit.start - 1]))
			hit.start--;
		while (hit.token->rstrip && hit.end < bytes && !taken[hit.end] && is_ascii_space(text[hit.end]))
			hit.end++;
		memset(taken + hit.start, true, hit.end - hit.start);
		fine = hits_add(out, hit);
	}
	clade_free(hits.context, hits.items);
	return fine;
}

/* Every token in the text, in the text's order. */
static bool find_longest_first(const struct added_tokens *added, const char *text, size_t bytes, struct hits *out)
{
	bool *met = clade_alloc(out->context, added->longest + 1), *taken = NULL, fine = met != NULL, any = false;
	if (fine)
		memset(met, false, added->longest + 1);
	for (size_t at = 0; at < bytes && fine; at++)
		any |= added->begins[0][(unsigned char)text[at]] &&
		       longest(added, false, text + at, bytes - at, met) != NULL;
	if (any) {
		taken = clade_alloc(out->context, bytes);
		fine = taken != NULL;
		if (fine)
			memset(taken, false, bytes);
		for (size_t length = added->longest; length > 0 && fine; length--)
			fine = !met[length] || take(added, text, bytes, length, taken, out);
		if (out->count > 0)
			qsort(out->items, out->count, sizeof(*out->items), compare_starts);
	}
	clade_free(out->context, met);
	clade_free(out->context, taken);
	return fine;
}

static enum clade_status split_longest_first(struct encoding *encoding, const char *text, size_t bytes, bool first,
					     stretch_fn *rest)
{
	struct hits hits = { .context = encoding->tokenizer->context };
	bool fine = find_longest_first(&encoding->tokenizer->added, text, bytes, &hits);
	enum clade_status status = CLADE_OK;
	size_t done = 0;
	for (size_t i = 0; i < hits.count && fine && status == CLADE_OK; i++) {
		const struct hit *hit = &hits.items[i];
		if (hit->start > done)
			status = rest(encoding, text + done, hit->start - done, first && done == 0);
		if (status == CLADE_OK)
			fine = ids_add(&encoding->ids, hit->token->id);
		done = hit->end;
	}
	if (fine && status == CLADE_OK && done < bytes)
		status = rest(encoding, text + done, bytes - done, first && done == 0);
	clade_free(hits.context, hits.items);
	return fine ? status : clade_fail_memory(encoding->diag, bytes, "a text");
}

/* ---- both ways ---- */

enum clade_status added_split(struct encoding *encoding, bool normalized, const char *text, size_t bytes, bool first,
			      stretch_fn *rest)
{
	const struct added_tokens *added = &encoding->tokenizer->added;
	const struct added_token *token;
	enum clade_status status = CLADE_OK;
	size_t done = 0, at = 0, start;
	if (added->longest_first && !normalized)
		return split_longest_first(encoding, text, bytes, first, rest);
	while (status == CLADE_OK && (token = next_added(added, normalized, text, bytes, at, &start)) != NULL) {
		size_t end = start + token->bytes;
		at = end;
		if (token->single_word && !stands_alone(text, bytes, start, end))
			continue;
		if (token->lstrip)
			start = skip_space_back(text, 0, start);
		if (token->rstrip)
			end = skip_space(text, bytes, end);
		if (start > done)
			status = rest(encoding, text + done, start - done, first && done == 0);
		if (status == CLADE_OK && !ids_add(&encoding->ids, token->id))
			status = clade_fail_memory(encoding->diag, encoding->ids.count * 4, "token ids");
		done = end;
	}
	if (status == CLADE_OK && done < bytes)
		status = rest(encoding, text + done, bytes - done, first && done == 0);
	return status;
}

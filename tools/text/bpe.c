/* SPDX-License-Identifier: MIT */
/* The loop of byte-pair encoding over a list of symbols with a queue of candidates, and a cache of words. */
#include "bpe.h"

#include <string.h>

enum {
	SHORT_WORD = 24,    /* up to here, looking at all pairs beats the queue */
	CACHED_BYTES = 128, /* longer pieces are hardly words */
	CACHED_WORDS = 1 << 17,
};

bool bpe_add(struct bpe_work *work, uint32_t start, uint32_t bytes, int32_t id)
{
	if (work->count == work->room) {
		size_t room = work->room + work->room / 2 + 64;
		struct bpe_symbol *grown = clade_resize(work->context, work->symbols, room * sizeof(*grown));
		if (grown == NULL || room > INT32_MAX) {
			work->symbols = grown != NULL ? grown : work->symbols;
			return false;
		}
		work->symbols = grown;
		work->room = room;
	}
	int32_t at = (int32_t)work->count++;
	work->symbols[at] = (struct bpe_symbol) { start, bytes, id, at - 1, -1 };
	if (at > 0)
		work->symbols[at - 1].next = at;
	return true;
}

/* The symbol at `at` takes in the one behind it. */
static void join(struct bpe_work *work, int32_t at, int32_t id)
{
	struct bpe_symbol *left = &work->symbols[at], *right = &work->symbols[left->next];
	left->bytes += right->bytes;
	left->id = id;
	left->next = right->next;
	right->bytes = 0;
	if (right->next >= 0)
		work->symbols[right->next].previous = at;
}

/* Ranks of neighbours are kept beside the symbols, so each round asks only for the two pairs that changed. */
static void join_short(struct bpe_work *work, const char *text, bpe_pair_fn *pair, const void *user)
{
	struct bpe_candidate pairs[SHORT_WORD];
	struct bpe_symbol *symbols = work->symbols;
	int32_t count = (int32_t)work->count;
	for (int32_t i = 0; i < count; i++)
		pairs[i].at =
			i + 1 < count && pair(user, text, &symbols[i], &symbols[i + 1], &pairs[i].rank, &pairs[i].id);
	for (;;) {
		int32_t best = -1;
		for (int32_t i = 0; i >= 0 && i < count; i = symbols[i].next)
			if (pairs[i].at && (best < 0 || pairs[i].rank < pairs[best].rank))
				best = i;
		if (best < 0)
			break;
		join(work, best, pairs[best].id);
		int32_t next = symbols[best].next, previous = symbols[best].previous;
		pairs[best].at = next >= 0 &&
				 pair(user, text, &symbols[best], &symbols[next], &pairs[best].rank, &pairs[best].id);
		if (previous >= 0)
			pairs[previous].at = pair(user, text, &symbols[previous], &symbols[best], &pairs[previous].rank,
						  &pairs[previous].id);
	}
}

static bool before(const struct bpe_candidate *a, const struct bpe_candidate *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static bool heap_push(struct bpe_work *work, struct bpe_candidate candidate)
{
	if (work->heap_count == work->heap_room) {
		size_t room = work->heap_room + work->heap_room / 2 + 64;
		struct bpe_candidate *grown = clade_resize(work->context, work->heap, room * sizeof(*grown));
		if (grown == NULL)
			return false;
		work->heap = grown;
		work->heap_room = room;
	}
	size_t at = work->heap_count++;
	while (at > 0 && before(&candidate, &work->heap[(at - 1) / 2])) {
		work->heap[at] = work->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	work->heap[at] = candidate;
	return true;
}

static struct bpe_candidate heap_pop(struct bpe_work *work)
{
	struct bpe_candidate top = work->heap[0], last = work->heap[--work->heap_count];
	size_t at = 0, child;
	while ((child = 2 * at + 1) < work->heap_count) {
		if (child + 1 < work->heap_count && before(&work->heap[child + 1], &work->heap[child]))
			child++;
		if (!before(&work->heap[child], &last))
			break;
		work->heap[at] = work->heap[child];
		at = child;
	}
	work->heap[at] = last;
	return top;
}

static bool push_pair(struct bpe_work *work, const char *text, bpe_pair_fn *pair, const void *user, int32_t at)
{
	struct bpe_candidate candidate = { .at = at };
	int32_t next = at >= 0 ? work->symbols[at].next : -1;
	if (next < 0 || !pair(user, text, &work->symbols[at], &work->symbols[next], &candidate.rank, &candidate.id))
		return true;
	return heap_push(work, candidate);
}

bool bpe_join(struct bpe_work *work, const char *text, bpe_pair_fn *pair, const void *user)
{
	bool fine = true;
	work->heap_count = 0;
	if (work->count <= SHORT_WORD) {
		join_short(work, text, pair, user);
		return true;
	}
	for (size_t i = 0; i + 1 < work->count && fine; i++)
		fine = push_pair(work, text, pair, user, (int32_t)i);
	while (work->heap_count > 0 && fine) {
		struct bpe_candidate top = heap_pop(work);
		const struct bpe_symbol *left = &work->symbols[top.at];
		uint32_t rank;
		int32_t id;
		/* one that has been overtaken by other joins: the pair is gone or another one */
		if (left->bytes == 0 || left->next < 0 ||
		    !pair(user, text, left, &work->symbols[left->next], &rank, &id) || id != top.id)
			continue;
		join(work, top.at, top.id);
		fine = push_pair(work, text, pair, user, left->previous) && push_pair(work, text, pair, user, top.at);
	}
	return fine;
}

void bpe_work_finish(struct bpe_work *work)
{
	clade_free(work->context, work->symbols);
	clade_free(work->context, work->heap);
	*work = (struct bpe_work) { .context = work->context };
}

/* ---- words seen before ---- */

static struct word_cache_entry *find_entry(const struct word_cache *cache, uint64_t hash, const char *text,
					   size_t bytes)
{
	for (size_t at = hash & (cache->room - 1);; at = (at + 1) & (cache->room - 1)) {
		struct word_cache_entry *entry = &cache->slots[at];
		if (entry->bytes == 0 || (entry->hash == hash && entry->bytes == bytes &&
					  memcmp(cache->texts.bytes + entry->text, text, bytes) == 0))
			return entry;
	}
}

const int32_t *word_cache_find(const struct word_cache *cache, uint64_t hash, const char *text, size_t bytes,
			       size_t *out_count)
{
	const struct word_cache_entry *entry =
		cache->room > 0 && bytes > 0 ? find_entry(cache, hash, text, bytes) : NULL;
	if (entry == NULL || entry->bytes == 0)
		return NULL;
	*out_count = entry->count;
	return cache->ids.ids + entry->ids;
}

static bool grow_cache(struct word_cache *cache)
{
	size_t room = cache->room > 0 ? cache->room * 2 : 256;
	struct word_cache old = *cache;
	struct word_cache_entry *slots = clade_alloc(cache->texts.context, room * sizeof(*slots));
	if (slots == NULL)
		return false;
	cache->slots = slots;
	cache->room = room;
	for (size_t i = 0; i < old.room; i++)
		if (old.slots[i].bytes > 0)
			*find_entry(cache, old.slots[i].hash, cache->texts.bytes + old.slots[i].text,
				    old.slots[i].bytes) = old.slots[i];
	clade_free(cache->texts.context, old.slots);
	return true;
}

void word_cache_add(struct word_cache *cache, uint64_t hash, const char *text, size_t bytes, const int32_t *ids,
		    size_t count)
{
	size_t ids_at = cache->ids.count, text_at = cache->texts.count;
	if (bytes == 0 || bytes > CACHED_BYTES || count == 0 || cache->count >= CACHED_WORDS)
		return;
	if ((cache->count + 1) * 2 > cache->room && !grow_cache(cache))
		return;
	for (size_t i = 0; i < count; i++)
		if (!ids_add(&cache->ids, ids[i]))
			return;
	if (!text_add(&cache->texts, text, bytes))
		return;
	*find_entry(cache, hash, text, bytes) =
		(struct word_cache_entry) { hash, text_at, ids_at, (uint32_t)bytes, (uint32_t)count };
	cache->count++;
}

void word_cache_finish(struct word_cache *cache)
{
	clade_free(cache->texts.context, cache->slots);
	clade_free(cache->texts.context, cache->ids.ids);
	text_finish(&cache->texts);
}

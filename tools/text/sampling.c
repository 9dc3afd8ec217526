/* SPDX-License-Identifier: MIT */
/* The sampling chain (clade/sampling.h). Only + - * / of doubles and integers: no library function whose last bit could
 * differ from one machine to the next. */
#include <clade/messages.h>
#include <clade/sampling.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct candidate {
	double score, weight; /* weight: exp(score - largest) */
	int32_t id;
};

struct clade_sampler {
	struct clade_context *context;
	struct clade_sampling sampling;
	size_t room;
	double *scores;
	struct candidate *candidates, *heap;
	int32_t *counts; /* per id, zero between calls */
};

void clade_sampling_default(struct clade_sampling *sampling)
{
	*sampling = (struct clade_sampling) { .size = sizeof(*sampling), .repetition_penalty = 1, .top_p = 1 };
}

enum clade_status clade_sampler_create(struct clade_context *context, const struct clade_sampling *sampling,
				       struct clade_sampler **out_sampler, struct clade_diag *diag)
{
	const struct {
		const char *name, *rule;
		double value;
		bool good;
	} rules[] = {
		{ "repetition penalty", "a number above 0", sampling->repetition_penalty,
		  sampling->repetition_penalty > 0 && isfinite(sampling->repetition_penalty) },
		{ "presence penalty", "a finite number", sampling->presence_penalty,
		  isfinite(sampling->presence_penalty) },
		{ "frequency penalty", "a finite number", sampling->frequency_penalty,
		  isfinite(sampling->frequency_penalty) },
		{ "temperature", "a number of 0 or more", sampling->temperature,
		  sampling->temperature >= 0 && isfinite(sampling->temperature) },
		{ "top-k", "0 (all) or more", (double)sampling->top_k, sampling->top_k >= 0 },
		{ "top-p", "from 0 to 1", sampling->top_p, sampling->top_p >= 0 && sampling->top_p <= 1 },
		{ "min-p", "from 0 to 1", sampling->min_p, sampling->min_p >= 0 && sampling->min_p <= 1 },
	};
	*out_sampler = NULL;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (!rules[i].good)
			return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_SAMPLING, rules[i].name,
					  "%g is out of range; it is %s", rules[i].value, rules[i].rule);
	struct clade_sampler *sampler = clade_alloc(context, sizeof(*sampler));
	if (sampler == NULL)
		return clade_fail_memory(diag, sizeof(*sampler), "a sampler");
	sampler->context = context;
	sampler->sampling = *sampling;
	*out_sampler = sampler;
	return CLADE_OK;
}

static void free_room(struct clade_sampler *sampler)
{
	clade_free(sampler->context, sampler->scores);
	clade_free(sampler->context, sampler->candidates);
	clade_free(sampler->context, sampler->heap);
	clade_free(sampler->context, sampler->counts);
	sampler->scores = NULL;
	sampler->candidates = sampler->heap = NULL;
	sampler->counts = NULL;
	sampler->room = 0;
}

void clade_sampler_destroy(struct clade_sampler **pointer)
{
	struct clade_sampler *sampler = pointer != NULL ? *pointer : NULL;
	if (sampler == NULL)
		return;
	free_room(sampler);
	clade_free(sampler->context, sampler);
	*pointer = NULL;
}

static enum clade_status reserve(struct clade_sampler *sampler, size_t count, struct clade_diag *diag)
{
	size_t bytes = 0;
	if (count <= sampler->room)
		return CLADE_OK;
	free_room(sampler);
	if (count < INT32_MAX && clade_size_mul(count, sizeof(struct candidate), &bytes)) {
		sampler->scores = clade_alloc(sampler->context, count * sizeof(*sampler->scores));
		sampler->candidates = clade_alloc(sampler->context, bytes);
		sampler->heap = clade_alloc(sampler->context, bytes);
		sampler->counts = clade_alloc(sampler->context, count * sizeof(*sampler->counts));
	}
	if (sampler->scores == NULL || sampler->candidates == NULL || sampler->heap == NULL ||
	    sampler->counts == NULL) {
		free_room(sampler);
		return clade_fail_memory(diag, bytes, "sampling");
	}
	sampler->room = count;
	return CLADE_OK;
}

/* ---- arithmetic ---- */

/* exp(x) for x <= 0 within 1e-15: x = k ln 2 + r, the series of exp(r) to r^13, then the exponent. Below 2^-1022: 0. */
static double exp_negative(double x)
{
	const double ln2_high = 0x1.62e42fefa0000p-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
	static const double series[] = {
		1 / 6227020800.0, 1 / 479001600.0, 1 / 39916800.0, 1 / 3628800.0, 1 / 362880.0, 1 / 40320.0, 1 / 5040.0,
		1 / 720.0,        1 / 120.0,       1 / 24.0,       1 / 6.0,       1 / 2.0,      1.0,         1.0
	};
	if (!(x > -708))
		return 0;
	int64_t k = (int64_t)(x * 0x1.71547652b82fep+0 - 0.5), bits;
	double r = (x - (double)k * ln2_high) - (double)k * ln2_low, sum = 0;
	for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++)
		sum = sum * r + series[i];
	memcpy(&bits, &sum, sizeof(bits));
	bits += k * (INT64_C(1) << 52);
	memcpy(&sum, &bits, sizeof(sum));
	return sum;
}

/* ln(x) for normal x > 0 within 1e-15: x = 2^k m with m in [1/sqrt 2, sqrt 2), ln m = 2 atanh((m - 1) / (m + 1)). */
static double log_positive(double x)
{
	int64_t bits, k;
	memcpy(&bits, &x, sizeof(bits));
	k = (bits >> 52) - 1023;
	bits -= k * (INT64_C(1) << 52);
	memcpy(&x, &bits, sizeof(x));
	if (x > 0x1.6a09e667f3bcdp+0) {
		x *= 0.5;
		k++;
	}
	double s = (x - 1) / (x + 1), square = s * s, sum = 0;
	for (int term = 25; term >= 3; term -= 2)
		sum = (sum + 1.0 / term) * square;
	return (double)k * 0x1.62e42fefa39efp-1 + (2 * s + 2 * s * sum);
}

/* The largest, and the logarithm of the sum of the exponentials of what lies below it. */
static enum clade_status log_sum(const float *logits, size_t count, double *out_largest, double *out_sum,
				 struct clade_diag *diag)
{
	double largest = -INFINITY, sum = 0;
	for (size_t i = 0; i < count; i++) {
		if (isnan(logits[i]))
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SAMPLING, "logits",
					  "element %zu is NaN; the weights may be damaged", i);
		largest = logits[i] > largest ? logits[i] : largest;
	}
	if (isinf(largest))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SAMPLING, "logits",
				  "the largest is %g; it must be finite", largest);
	for (size_t i = 0; i < count; i++)
		sum += exp_negative(logits[i] - largest);
	*out_largest = largest;
	*out_sum = log_positive(sum);
	return CLADE_OK;
}

enum clade_status clade_log_softmax(const float *logits, size_t count, float *out, struct clade_diag *diag)
{
	double largest = 0, sum = 0;
	enum clade_status status = log_sum(logits, count, &largest, &sum, diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++)
		out[i] = (float)(logits[i] - largest - sum);
	return status;
}

enum clade_status clade_log_sum_exp(const float *logits, size_t count, double *out, struct clade_diag *diag)
{
	double largest = 0, sum = 0;
	enum clade_status status = log_sum(logits, count, &largest, &sum, diag);
	*out = largest + sum;
	return status;
}

/* Philox4x32 with 10 rounds: 128 bits of `counter` mixed under 64 bits of `key`. */
static void philox(uint32_t counter[4], uint64_t seed)
{
	uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
	for (int round = 0; round < 10; round++) {
		uint64_t a = UINT64_C(0xD2511F53) * counter[0], b = UINT64_C(0xCD9E8D57) * counter[2];
		uint32_t next[4] = { (uint32_t)(b >> 32) ^ counter[1] ^ key[0], (uint32_t)b,
				     (uint32_t)(a >> 32) ^ counter[3] ^ key[1], (uint32_t)a };
		memcpy(counter, next, sizeof(next));
		key[0] += 0x9E3779B9;
		key[1] += 0xBB67AE85;
	}
}

/* Uniform in [0, 1): 53 bits. */
static double uniform(uint64_t seed, uint64_t row, uint64_t index)
{
	uint32_t counter[4] = { (uint32_t)index, (uint32_t)(index >> 32), (uint32_t)row, (uint32_t)(row >> 32) };
	philox(counter, seed);
	return (double)(((uint64_t)counter[0] << 21) ^ (counter[1] >> 11)) * 0x1p-53;
}

/* ---- the chain ---- */

/* Each id once, however often it occurs; ids that the logits do not have are left alone. */
static void penalize_ids(struct clade_sampler *sampler, const int32_t *ids, size_t id_count, size_t count,
			 bool repetition)
{
	const struct clade_sampling *s = &sampler->sampling;
	for (size_t i = 0; i < id_count; i++) {
		size_t id = (size_t)(uint32_t)ids[i];
		if (id >= count || sampler->counts[id] == 0)
			continue;
		double *score = &sampler->scores[id];
		if (repetition)
			*score = *score < 0 ? *score * s->repetition_penalty : *score / s->repetition_penalty;
		else
			*score = *score - (s->presence_penalty + s->frequency_penalty * sampler->counts[id]);
		sampler->counts[id] = 0;
	}
}

static void count_ids(struct clade_sampler *sampler, const int32_t *ids, size_t id_count, size_t count)
{
	for (size_t i = 0; i < id_count; i++)
		if (ids[i] >= 0 && (size_t)ids[i] < count)
			sampler->counts[ids[i]]++;
}

static void penalize(struct clade_sampler *sampler, const struct clade_sampling_history *h, size_t count)
{
	const struct clade_sampling *s = &sampler->sampling;
	if (s->repetition_penalty != 1) {
		count_ids(sampler, h->prompt, h->prompt_count, count);
		count_ids(sampler, h->answer, h->answer_count, count);
		penalize_ids(sampler, h->prompt, h->prompt_count, count, true);
		penalize_ids(sampler, h->answer, h->answer_count, count, true);
	}
	if (s->presence_penalty != 0 || s->frequency_penalty != 0) {
		count_ids(sampler, h->answer, h->answer_count, count);
		penalize_ids(sampler, h->answer, h->answer_count, count, false);
	}
}

static enum clade_status load(struct clade_sampler *sampler, const float *logits, size_t count,
			      const struct clade_sampling_history *history, struct clade_diag *diag)
{
	enum clade_status status = reserve(sampler, count, diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		if (isnan(logits[i]))
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SAMPLING, "logits",
					  "id %zu has NaN; the weights may be damaged", i);
		sampler->scores[i] = logits[i];
	}
	if (status == CLADE_OK && count == 0)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SAMPLING, "logits", "there are none");
	if (status == CLADE_OK)
		penalize(sampler, history, count);
	return status;
}

/* Of equal scores the lower id comes first. */
static bool is_before(const struct candidate *a, const struct candidate *b)
{
	return a->score > b->score || (a->score == b->score && a->id < b->id);
}

/* A heap whose root comes first (or, `last`, comes last) in the order of is_before. */
static void sift(struct candidate *heap, size_t count, size_t at, bool last)
{
	struct candidate moving = heap[at];
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_before(&heap[child + 1], &heap[child]) != last)
			child++;
		if (is_before(&heap[child], &moving) == last)
			break;
		heap[at] = heap[child];
	}
	heap[at] = moving;
}

static void heapify(struct candidate *heap, size_t count, bool last)
{
	for (size_t i = count / 2; i-- > 0;)
		sift(heap, count, i, last);
}

/* The k-th largest score: the root of a heap of the k largest. */
static double kth_largest(struct clade_sampler *sampler, size_t count, size_t k)
{
	struct candidate *heap = sampler->heap;
	memcpy(heap, sampler->candidates, k * sizeof(*heap));
	heapify(heap, k, true);
	for (size_t i = k; i < count; i++)
		if (is_before(&sampler->candidates[i], &heap[0])) {
			heap[0] = sampler->candidates[i];
			sift(heap, k, 0, true);
		}
	return heap[0].score;
}

static size_t keep_top_k(struct clade_sampler *sampler, size_t count)
{
	size_t kept = 0;
	if (sampler->sampling.top_k == 0 || (uint64_t)sampler->sampling.top_k >= count)
		return count;
	double least = kth_largest(sampler, count, (size_t)sampler->sampling.top_k);
	for (size_t i = 0; i < count; i++)
		if (sampler->candidates[i].score >= least)
			sampler->candidates[kept++] = sampler->candidates[i];
	return kept;
}

static double sum_weights(const struct candidate *candidates, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += candidates[i].weight;
	return sum;
}

static size_t keep_top_p(struct clade_sampler *sampler, size_t count)
{
	struct candidate *heap = sampler->heap, least;
	double limit = sampler->sampling.top_p * sum_weights(sampler->candidates, count), sum = 0;
	size_t kept = 0, left = count;
	if (sampler->sampling.top_p >= 1)
		return count;
	memcpy(heap, sampler->candidates, count * sizeof(*heap));
	heapify(heap, count, false);
	do {
		least = heap[0];
		sum += least.weight;
		heap[0] = heap[--left];
		sift(heap, left, 0, false);
	} while (left > 0 && sum < limit);
	for (size_t i = 0; i < count; i++)
		if (!is_before(&least, &sampler->candidates[i]))
			sampler->candidates[kept++] = sampler->candidates[i];
	return kept;
}

static size_t keep_min_p(struct clade_sampler *sampler, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) /* the largest weight is 1 */
		if (sampler->candidates[i].weight >= sampler->sampling.min_p)
			sampler->candidates[kept++] = sampler->candidates[i];
	return kept;
}

/* Steps 3 to 6; candidates stay in the order of their ids. */
static enum clade_status filter(struct clade_sampler *sampler, size_t count, size_t *out_count, struct clade_diag *diag)
{
	struct candidate *c = sampler->candidates;
	double largest = -INFINITY;
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		double score = sampler->scores[i] / sampler->sampling.temperature;
		largest = score > largest ? score : largest;
		if (score > -INFINITY)
			c[kept++] = (struct candidate) { .score = score, .id = (int32_t)i };
	}
	if (!isfinite(largest))
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_SAMPLING, "logits",
				  "the largest score is %sinfinity; there is nothing to draw from",
				  largest > 0 ? "" : "-");
	kept = keep_top_k(sampler, kept);
	for (size_t i = 0; i < kept; i++)
		c[i].weight = exp_negative(c[i].score - largest);
	kept = keep_top_p(sampler, kept);
	*out_count = keep_min_p(sampler, kept);
	return CLADE_OK;
}

enum clade_status clade_sampler_scores(struct clade_sampler *sampler, const float *logits, size_t count,
				       const struct clade_sampling_history *history, double *out_scores,
				       struct clade_diag *diag)
{
	size_t kept = 0;
	enum clade_status status = load(sampler, logits, count, history, diag);
	if (status == CLADE_OK && sampler->sampling.temperature == 0) {
		memcpy(out_scores, sampler->scores, count * sizeof(*out_scores));
		return CLADE_OK;
	}
	if (status == CLADE_OK)
		status = filter(sampler, count, &kept, diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++)
		out_scores[i] = -INFINITY;
	for (size_t i = 0; status == CLADE_OK && i < kept; i++)
		out_scores[sampler->candidates[i].id] = sampler->candidates[i].score;
	return status;
}

enum clade_status clade_sampler_next(struct clade_sampler *sampler, const float *logits, size_t count,
				     const struct clade_sampling_history *history, int32_t *out_id,
				     struct clade_diag *diag)
{
	size_t kept = 0, best = 0;
	enum clade_status status = load(sampler, logits, count, history, diag);
	if (status != CLADE_OK)
		return status;
	if (sampler->sampling.temperature == 0) {
		for (size_t i = 1; i < count; i++)
			best = sampler->scores[i] > sampler->scores[best] ? i : best;
		*out_id = (int32_t)best;
		return CLADE_OK;
	}
	status = filter(sampler, count, &kept, diag);
	if (status != CLADE_OK)
		return status;
	double target = uniform(sampler->sampling.seed, history->row, history->answer_count) *
			sum_weights(sampler->candidates, kept);
	double sum = sampler->candidates[0].weight;
	while (best + 1 < kept && !(target < sum))
		sum += sampler->candidates[++best].weight;
	/* the last one may have weight 0 when the target was rounded up to the total */
	while (best > 0 && sampler->candidates[best].weight == 0)
		best--;
	*out_id = sampler->candidates[best].id;
	return CLADE_OK;
}

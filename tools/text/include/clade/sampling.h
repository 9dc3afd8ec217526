/* SPDX-License-Identifier: MIT */
/* From logits to the next token: penalties, temperature, filters, a draw; and stop strings. Needs no device. All
 * arithmetic is our own in double precision, so that equal logits and an equal seed give equal ids on every machine. */
#ifndef CLADE_SAMPLING_H
#define CLADE_SAMPLING_H

#include <clade/clade.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The chain, in the order in which it is applied, which is that of Hugging Face's transformers:
 *  1. repetition penalty r, for each id in prompt or answer: s / r where s > 0, else s * r (Keskar et al. 2019);
 *  2. presence and frequency penalties, for each id of the answer that occurred c > 0 times: s - presence - c *
 *     frequency (OpenAI's definition);
 *  3. temperature t: s / t; 0: the largest score is taken (of equal ones the lowest id) and nothing below happens;
 *  4. top-k: scores below the k-th largest go (those equal to it stay);
 *  5. top-p: with p = softmax(s), of the ids in descending order those go whose predecessors sum to top_p or more; one
 *     stays always. Of equal scores the lower id comes first (in transformers an unstable sort decides);
 *  6. min-p: ids go whose probability is below min_p times the largest;
 *  7. a draw from softmax of what remains. */
struct clade_sampling {
	uint32_t size;
	double repetition_penalty;                  /* > 0; 1: none */
	double presence_penalty, frequency_penalty; /* 0: none */
	double temperature;                         /* >= 0; 0: greedy */
	int64_t top_k;                              /* 0: all */
	double top_p;                               /* 0 to 1; 1: all */
	double min_p;                               /* 0 to 1; 0: all */
	uint64_t seed;
};
/* Greedy, nothing penalised. */
CLADE_API void clade_sampling_default(struct clade_sampling *sampling);

/* What stands before the next token. `row` and answer_count number the draw: the generator is counter-based
 * (Philox4x32-10, Salmon et al. 2011; key: seed; counter: row, answer_count), so a draw depends on nothing else. */
struct clade_sampling_history {
	const int32_t *prompt, *answer;
	size_t prompt_count, answer_count;
	uint64_t row; /* of all prompts of this run, not of a batch */
};

/* Settings and working memory. One thread at a time. */
struct clade_sampler;
/* A setting out of its range is CLADE_ERR_USAGE with its name. */
CLADE_API enum clade_status clade_sampler_create(struct clade_context *context, const struct clade_sampling *sampling,
						 struct clade_sampler **out_sampler, struct clade_diag *diag);
CLADE_API void clade_sampler_destroy(struct clade_sampler **sampler);
/* The next id. Logits with a NaN, or without a finite largest one when a draw is needed, are CLADE_ERR_DATA. */
CLADE_API enum clade_status clade_sampler_next(struct clade_sampler *sampler, const float *logits, size_t count,
					       const struct clade_sampling_history *history, int32_t *out_id,
					       struct clade_diag *diag);
/* Steps 1 to 6 alone: `out_scores` [count], -infinity for what was filtered out. */
CLADE_API enum clade_status clade_sampler_scores(struct clade_sampler *sampler, const float *logits, size_t count,
						 const struct clade_sampling_history *history, double *out_scores,
						 struct clade_diag *diag);

/* log(softmax(logits)) rounded to f32; `out` [count] may be `logits`. A NaN or an infinite largest is CLADE_ERR_DATA.
 */
CLADE_API enum clade_status clade_log_softmax(const float *logits, size_t count, float *out, struct clade_diag *diag);
/* log(sum(exp(logits))) in double: less logits[i], it is what predicting i costs. The same errors. */
CLADE_API enum clade_status clade_log_sum_exp(const float *logits, size_t count, double *out, struct clade_diag *diag);

/* Stop strings, found across the borders of tokens. Of a text that grows, the first position at which any of them ends
 * is where it stops; what stands before the longest one that ends there is the answer. One thread at a time. */
struct clade_stops;
/* Strings are copied; an empty one is CLADE_ERR_USAGE. */
CLADE_API enum clade_status clade_stops_create(struct clade_context *context, const char *const *strings, size_t count,
					       struct clade_stops **out_stops, struct clade_diag *diag);
CLADE_API void clade_stops_destroy(struct clade_stops **stops);
/* The part that is certain after this piece of text: all but the longest end that may begin a stop string. Valid until
 * the next call. *out_stopped: a stop string was found; nothing follows until clade_stops_finish. */
CLADE_API enum clade_status clade_stops_push(struct clade_stops *stops, const char *text, size_t bytes,
					     const char **out_text, size_t *out_bytes, bool *out_stopped,
					     struct clade_diag *diag);
/* What was held back when no more text comes (nothing after a stop). The object is then as new. */
CLADE_API void clade_stops_finish(struct clade_stops *stops, const char **out_text, size_t *out_bytes);

#ifdef __cplusplus
}
#endif
#endif

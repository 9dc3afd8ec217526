/* SPDX-License-Identifier: MIT */
/* Attention problems for tests: random data, a run on any implementation, and a second reference in double. */
#ifndef CLADE_TESTS_ATTENTION_PROBLEM_H
#define CLADE_TESTS_ATTENTION_PROBLEM_H

#include <single.h>

/* All arrays are dense. NULL: absent. mask and bias are [b, h, t, s] in full. */
struct problem {
	int64_t b, h, g, t, s, d, e;
	float *q, *k, *v, *bias; /* [b, h, t, d], [b, g, s, d], [b, g, s, e] */
	uint8_t *mask;
	int32_t *q_pos, *kv_len;
	bool causal;
	int64_t window;
	float softcap;
	float *y, *weights; /* results */
};

/* Where a problem runs. */
struct place {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	const char *impl;
};

/* Random q, k, v; everything optional absent. Ends the test on failure, as all functions here. */
void problem_init(struct problem *problem, int64_t b, int64_t h, int64_t g, int64_t t, int64_t s, int64_t d, int64_t e,
		  uint64_t seed);
void problem_finish(struct problem *problem);
/* A copy of the inputs, without results. */
void problem_copy(struct problem *copy, const struct problem *problem);
/* Absent inputs become neutral ones: mask all true, bias zero. */
void problem_add_mask(struct problem *problem);
void problem_add_bias(struct problem *problem);
/* Fills y and weights. */
void problem_run(struct problem *problem, const struct place *place);

float *random_floats(int64_t count, uint64_t seed);
uint64_t next_random(uint64_t *state);

/* The largest of |y - exact| / bound over all elements, exact from matrices in double, bound from the errors that f32
 * arithmetic may make; the same for the weights. At most 1 is correct. */
double problem_error(const struct problem *problem);

#endif

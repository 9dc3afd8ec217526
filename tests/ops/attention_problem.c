/* SPDX-License-Identifier: MIT */
/* Attention problems for tests; see attention_problem.h. */
#include "attention_problem.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void *copy_of(const void *from, size_t bytes)
{
	void *to;

	if (!from)
		return NULL;
	to = malloc(bytes + 1);
	assert_non_null(to);
	memcpy(to, from, bytes);
	return to;
}

float *random_floats(int64_t count, uint64_t seed)
{
	float *values = malloc((size_t)count * sizeof(float) + 1);
	uint64_t state = seed;

	assert_non_null(values);
	for (int64_t i = 0; i < count; i++)
		values[i] = (float)((double)(next_random(&state) >> 40) * 0x1p-22 - 2.0);
	return values;
}

void problem_init(struct problem *problem, int64_t b, int64_t h, int64_t g, int64_t t, int64_t s, int64_t d, int64_t e,
		  uint64_t seed)
{
	*problem = (struct problem) { b, h, g, t, s, d, e };
	problem->q = random_floats(b * h * t * d, seed * 3 + 1);
	problem->k = random_floats(b * g * s * d, seed * 3 + 2);
	problem->v = random_floats(b * g * s * e, seed * 3 + 3);
}

void problem_finish(struct problem *problem)
{
	void *arrays[] = { problem->q,     problem->k,      problem->v, problem->bias,   problem->mask,
			   problem->q_pos, problem->kv_len, problem->y, problem->weights };

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		free(arrays[i]);
	memset(problem, 0, sizeof(*problem));
}

void problem_copy(struct problem *copy, const struct problem *from)
{
	size_t scores = (size_t)(from->b * from->h * from->t * from->s);

	*copy = *from;
	copy->q = copy_of(from->q, (size_t)(from->b * from->h * from->t * from->d) * sizeof(float));
	copy->k = copy_of(from->k, (size_t)(from->b * from->g * from->s * from->d) * sizeof(float));
	copy->v = copy_of(from->v, (size_t)(from->b * from->g * from->s * from->e) * sizeof(float));
	copy->bias = copy_of(from->bias, scores * sizeof(float));
	copy->mask = copy_of(from->mask, scores);
	copy->q_pos = copy_of(from->q_pos, (size_t)(from->b * from->t) * sizeof(int32_t));
	copy->kv_len = copy_of(from->kv_len, (size_t)from->b * sizeof(int32_t));
	copy->y = copy->weights = NULL;
}

void problem_add_mask(struct problem *problem)
{
	size_t count = (size_t)(problem->b * problem->h * problem->t * problem->s);

	problem->mask = malloc(count + 1);
	assert_non_null(problem->mask);
	memset(problem->mask, 1, count);
}

void problem_add_bias(struct problem *problem)
{
	problem->bias = calloc((size_t)(problem->b * problem->h * problem->t * problem->s) + 1, sizeof(float));
	assert_non_null(problem->bias);
}

static void put(struct single *single, const char *port, void *data, enum clade_dtype dtype, uint32_t rank,
		const int64_t *dims)
{
	int place = single_input(single, port);

	assert_true(place >= 0);
	if (!data)
		return;
	single->inputs[place].present = true;
	single->inputs[place].data = data;
	single->inputs[place].type.dtype = dtype;
	single->inputs[place].type.rank = rank;
	memcpy(single->inputs[place].type.dims, dims, rank * sizeof(dims[0]));
}

void problem_run(struct problem *problem, const struct place *place)
{
	const struct problem *p = problem;
	const int64_t scores[4] = { p->b, p->h, p->t, p->s };
	struct single single = { .context = place->context,
				 .device = place->device,
				 .queue = place->queue,
				 .op = "attention",
				 .impl = place->impl,
				 .input_count = 7 };
	struct clade_diag diag;
	char attrs[160];

	snprintf(attrs, sizeof(attrs), "causal = %s, window = %lld, softcap = %.9g", p->causal ? "true" : "false",
		 (long long)p->window, (double)p->softcap);
	single.attrs = attrs;
	put(&single, "q", p->q, CLADE_F32, 4, (const int64_t[]) { p->b, p->h, p->t, p->d });
	put(&single, "k", p->k, CLADE_F32, 4, (const int64_t[]) { p->b, p->g, p->s, p->d });
	put(&single, "v", p->v, CLADE_F32, 4, (const int64_t[]) { p->b, p->g, p->s, p->e });
	put(&single, "mask", p->mask, CLADE_BOOL, 4, scores);
	put(&single, "bias", p->bias, CLADE_F32, 4, scores);
	put(&single, "q_pos", p->q_pos, CLADE_I32, 2, (const int64_t[]) { p->b, p->t });
	put(&single, "kv_len", p->kv_len, CLADE_I32, 1, &p->b);
	clade_diag_init(&diag);
	if (single_run(&single, &diag))
		fail_msg("%s", diag.text);
	assert_int_equal(single.output_count, 2);
	assert_string_equal(single.used, place->impl);
	free(problem->y);
	free(problem->weights);
	problem->y = copy_of(single.outputs[0].data, (size_t)(p->b * p->h * p->t * p->e) * sizeof(float));
	problem->weights = copy_of(single.outputs[1].data, (size_t)(p->b * p->h * p->t * p->s) * sizeof(float));
	single_finish(&single);
	clade_diag_finish(&diag);
}

/* One row in double. */
struct exact_row {
	double *weights; /* [s]; 0 where hidden */
	double slack;    /* how much f32 arithmetic may change a score */
	bool any;
};

/* Whether key j is hidden from query t by anything but its score. */
static bool is_hidden(const struct problem *p, int64_t b, int64_t row, int64_t t, int64_t j)
{
	int64_t position = p->q_pos ? p->q_pos[b * p->t + t] : t + p->s - p->t;

	return (p->mask && !p->mask[row * p->s + j]) || (p->kv_len && j >= p->kv_len[b]) ||
	       (p->causal && j > position) || (p->window && j <= position - p->window) || (p->q_pos && position < 0);
}

static void exact_weights(const struct problem *p, int64_t row, struct exact_row *out)
{
	int64_t t = row % p->t, h = row / p->t % p->h, b = row / p->t / p->h, g = h / (p->h / p->g);
	const float *q = p->q + row * p->d, *keys = p->k + (b * p->g + g) * p->s * p->d;
	double top = -INFINITY, sum = 0.0;

	out->any = false;
	out->slack = 0.0;
	for (int64_t j = 0; j < p->s; j++) {
		double score = 0.0, size = 0.0;

		for (int64_t i = 0; i < p->d; i++) {
			score += (double)q[i] * keys[j * p->d + i];
			size += fabs((double)q[i] * keys[j * p->d + i]);
		}
		score /= sqrt((double)p->d);
		size /= sqrt((double)p->d);
		if (p->softcap > 0.0f)
			score = p->softcap * tanh(score / p->softcap);
		if (p->bias)
			score += p->bias[row * p->s + j];
		out->weights[j] = is_hidden(p, b, row, t, j) ? -INFINITY : score;
		out->any = out->any || out->weights[j] != -INFINITY;
		top = fmax(top, out->weights[j]);
		if (out->weights[j] != -INFINITY)
			out->slack = fmax(out->slack, 0x1p-24 * ((double)p->d + 8.0) * (size + fabs(score) + 1.0));
	}
	for (int64_t j = 0; j < p->s && out->any; j++)
		sum += exp(out->weights[j] - top);
	for (int64_t j = 0; j < p->s; j++)
		out->weights[j] = out->any ? exp(out->weights[j] - top) / sum : 0.0;
}

/* A NaN counts as the largest error, and stays. */
static double larger(double worst, double error)
{
	return error <= worst ? worst : error < INFINITY ? error : INFINITY;
}

double problem_error(const struct problem *p)
{
	double worst = 0.0, *weights = malloc((size_t)p->s * sizeof(double) + 1);

	assert_non_null(weights);
	for (int64_t row = 0; row < p->b * p->h * p->t; row++) {
		int64_t h = row / p->t % p->h, b = row / p->t / p->h, g = h / (p->h / p->g);
		const float *values = p->v + (b * p->g + g) * p->s * p->e;
		struct exact_row exact = { .weights = weights };
		double relative;

		exact_weights(p, row, &exact);
		/* exp turns a score's error into a relative one, twice (numerator and sum); the sums add s roundings.
		 */
		relative = 2.0 * exact.slack + 0x1p-24 * (2.0 * (double)p->s + 32.0);
		for (int64_t i = 0; i < p->e; i++) {
			double y = 0.0, size = 0x1p-120, error;

			for (int64_t j = 0; j < p->s; j++) {
				y += weights[j] * values[j * p->e + i];
				size += weights[j] * fabs(values[j * p->e + i]);
			}
			error = fabs(p->y[row * p->e + i] - y) / (relative * size);
			worst = larger(worst, error);
		}
		for (int64_t j = 0; j < p->s; j++) {
			double error =
				fabs(p->weights[row * p->s + j] - weights[j]) / (relative * weights[j] + 0x1p-120);

			worst = larger(worst, error);
		}
	}
	free(weights);
	return worst;
}

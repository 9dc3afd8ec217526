/* SPDX-License-Identifier: MIT */
/* The main program of every side of the comparison of matrix products. Standard input has a request a line, standard
 * output gets one JSON object for each:
 *	about			{"about": "..."}
 *	open M N K		{}			the matrices of the product that is meant from now on
 *	time CALLS		{"seconds": [S]}	seconds a call
 *	error			{"nmse": E}		of sampled elements, against the same in double precision */
#include "gemm.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 1024 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void fill(float *values, size_t count, uint32_t seed)
{
	for (size_t i = 0; i < count; i++) {
		seed = seed * 1664525u + 1013904223u;
		values[i] = (float)(seed >> 8) / 16777216.0f - 0.5f;
	}
}

static void finish(struct gemm *gemm)
{
	if (gemm->m)
		gemm_side.close(gemm);
	free((void *)gemm->x);
	free((void *)gemm->w);
	free(gemm->y);
	*gemm = (struct gemm) { 0 };
}

static const char *start(struct gemm *gemm, int m, int n, int k)
{
	size_t x_count = (size_t)m * (size_t)k, w_count = (size_t)n * (size_t)k;
	float *x = malloc(x_count * sizeof(float)), *w = malloc(w_count * sizeof(float));

	*gemm = (struct gemm) { m, n, k, x, w, calloc((size_t)m * (size_t)n, sizeof(float)), NULL };
	if (!x || !w || !gemm->y)
		return "out of memory";
	fill(x, x_count, 1);
	fill(w, w_count, 2);
	return gemm_side.open(gemm);
}

static double error_of(const struct gemm *gemm)
{
	double difference = 0.0, size = 0.0;
	uint32_t seed = 3;

	for (int s = 0; s < SAMPLES; s++) {
		double sum = 0.0;
		size_t i, j;

		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 8) % (uint32_t)gemm->m;
		seed = seed * 1664525u + 1013904223u;
		j = (seed >> 8) % (uint32_t)gemm->n;
		for (size_t l = 0; l < (size_t)gemm->k; l++)
			sum += (double)gemm->x[i * (size_t)gemm->k + l] * (double)gemm->w[j * (size_t)gemm->k + l];
		difference += pow(sum - (double)gemm->y[i * (size_t)gemm->n + j], 2.0);
		size += sum * sum;
	}
	return difference / size;
}

static const char *obey(struct gemm *gemm, const char *line, const char *about, char *answer, size_t size)
{
	const char *wrong = NULL;
	int m, n, k, calls;

	snprintf(answer, size, "{}");
	if (strcmp(line, "about\n") == 0) {
		snprintf(answer, size, "{\"about\": \"%s\"}", about);
	} else if (sscanf(line, "open %d %d %d", &m, &n, &k) == 3 && m > 0 && n > 0 && k > 0) {
		finish(gemm);
		wrong = start(gemm, m, n, k);
	} else if (sscanf(line, "time %d", &calls) == 1 && calls > 0 && gemm->m) {
		double begin = now();

		wrong = gemm_side.run(gemm, calls);
		snprintf(answer, size, "{\"seconds\": [%.9g]}", (now() - begin) / calls);
	} else if (strcmp(line, "error\n") == 0 && gemm->m) {
		wrong = gemm_side.fetch(gemm);
		if (!wrong)
			snprintf(answer, size, "{\"nmse\": %.3g}", error_of(gemm));
	} else {
		wrong = "no such request";
	}
	return wrong;
}

int main(void)
{
	char line[256], about[512], answer[640];
	struct gemm gemm = { 0 };
	const char *wrong = gemm_side.start(about, sizeof(about));

	while (fgets(line, sizeof(line), stdin)) {
		const char *problem = wrong ? wrong : obey(&gemm, line, about, answer, sizeof(answer));

		if (problem)
			printf("{\"wrong\": \"%s\"}\n", problem);
		else
			puts(answer);
		fflush(stdout);
	}
	finish(&gemm);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* One side of the comparison of matrix products: y = x w', x [m, k], w [n, k], y [m, n], all f32. gemm.c holds the main
 * program around it, which obeys the words that bench/run.py writes to its standard input. */
#ifndef BENCH_GEMM_H
#define BENCH_GEMM_H

#include <stdbool.h>
#include <stddef.h>

struct gemm {
	int m, n, k;
	const float *x, *w; /* of the main program */
	float *y;           /* likewise; holds the product after `fetch` */
	void *own;          /* of the side */
};

/* Functions give NULL, or what is wrong. */
struct gemm_side {
	const char *(*start)(char *out_about, size_t size); /* once; says version and settings */
	const char *(*open)(struct gemm *gemm);             /* w may be packed, copied, compiled for */
	const char *(*run)(struct gemm *gemm, int calls);   /* all of them, and finished */
	const char *(*fetch)(struct gemm *gemm);
	void (*close)(struct gemm *gemm);
};

/* Each program defines it. */
extern const struct gemm_side gemm_side;

#endif

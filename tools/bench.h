/* SPDX-License-Identifier: MIT */
/* Results of benchmarks: what `clade bench` measures, prints and compares. */
#ifndef CLADE_TOOL_BENCH_H
#define CLADE_TOOL_BENCH_H

#include "tool.h"

enum { BENCH_SAMPLES = 256 };

struct bench_result {
	char model[256], device[16], device_name[160], driver[64], test[32];
	uint64_t parameters, weight_bytes, peak_memory_bytes;
	int64_t batch, tokens;         /* tokens: of the test, all rows of the batch */
	double samples[BENCH_SAMPLES]; /* tokens a second of each repeat */
	size_t sample_count;
	double compile_seconds, load_seconds;
	double first_seconds;          /* from opening the device to the first result */
	uint64_t programs, kernels;    /* built or taken from the cache until then */
	double launches;               /* a pass (a token, where it generates) */
	double gflops, gbps, roof;     /* of the mean; roof: share of the measured roofline, 0 unknown */
	double peak_gflops, peak_gbps; /* the roofline: fma, memory */
	double error;                  /* NMSE against ref; below 0: not compared */
	bool bit_equal;
};
double bench_mean(const struct bench_result *result);
double bench_deviation(const struct bench_result *result); /* of the samples, n - 1 */

/* A format of results ("md", "csv", "json"), printed as they come. NULL: unknown. */
struct bench_format {
	const char *name;
	void (*begin)(void);
	void (*row)(const struct bench_result *result, size_t index);
	void (*end)(void);
};
const struct bench_format *bench_format_find(const char *name);
extern const char *const bench_format_names[]; /* NULL-terminated */
void csv_text(const char *text);               /* quoted, on stdout */

/* One op by one implementation at one shape. */
struct op_result {
	char op[64], impl[64], device[16], device_name[160], driver[64];
	char shape[256], attrs[256], type[16]; /* type: how weights are stored; "" without weights */
	const char *order;                     /* "canonical", "own", "reduced" */
	double samples[BENCH_SAMPLES];         /* of `unit` a second, in 10^9 */
	size_t sample_count, calls;            /* calls: executions a sample */
	const char *unit;                      /* "GFLOP/s"; "GB/s" of ops that only move */
	double gflops, gbps, seconds;          /* of the median sample */
	double roof;                           /* share of the measured roofline, 0 unknown */
	bool compared, bit_equal;
	double max_error, nmse; /* largest difference from ref */
};
struct op_format {
	const char *name;
	void (*begin)(void);
	void (*row)(const struct op_result *result, size_t index);
	void (*end)(void);
};
const struct op_format *op_format_find(const char *name);
double median_of(const double *samples, size_t count);
/* Of two sets of rates: -1: the second is slower beyond the noise (Welch's t, and at least `least` of the mean), 1: it
 * is faster, 0: they cannot be told apart. */
int samples_compare(const double *a, size_t a_count, const double *b, size_t b_count, double least);
double deviation_of(const double *samples, size_t count);

/* `bench --op PATTERN`. */
enum clade_status bench_ops(struct tool *tool);

/* `bench diff A.json B.json`: exit 1 (MISMATCH) if B is slower beyond the noise. */
enum clade_status bench_diff(struct tool *tool, const char *before, const char *after);

#endif

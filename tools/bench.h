/* SPDX-License-Identifier: MIT */
/* Results of benchmarks: what `clade bench` measures, prints and compares. */
#ifndef CLADE_TOOL_BENCH_H
#define CLADE_TOOL_BENCH_H

#include "tool.h"

enum { BENCH_SAMPLES = 256 };

struct bench_result {
	char model[256], device[16], device_name[160], driver[64], test[32];
	char kv_type[8]; /* of keys and values of former tokens: "f32", "f16"; "": the model keeps none */
	bool fast;       /* --fast was given */
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

/* A format of results ("md", "csv", "json"), printed as they come: those of models, or those of ops. NULL: unknown. */
struct bench_format {
	const char *name;
	void (*begin)(void);
	void (*row)(const struct bench_result *result, size_t index);
	void (*op_begin)(void);
	void (*op_row)(const struct op_result *result, size_t index);
	void (*end)(void);
};
const struct bench_format *bench_format_find(const char *name);

/* bench_op_report.c */
void op_begin_md(void);
void op_row_md(const struct op_result *result, size_t index);
void op_begin_csv(void);
void op_row_csv(const struct op_result *result, size_t index);
void op_row_json(const struct op_result *result, size_t index);

/* What rows of all kinds print. */
const char *short_name(const char *model); /* without folders */
void csv_text(const char *text);           /* quoted, on stdout */
json_t *samples_json(const double *samples, size_t count);
void json_row(json_t *object, size_t index); /* takes it; NULL: nothing */

/* `bench --op PATTERN`. */
enum clade_status bench_ops(struct tool *tool, const struct bench_format *format);

/* `bench diff A.json B.json`: exit 1 (MISMATCH) if B is slower beyond the noise. */
enum clade_status bench_diff(struct tool *tool, const char *before, const char *after);

#endif

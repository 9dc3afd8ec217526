/* SPDX-License-Identifier: MIT */
/* Results as a table in Markdown, as CSV, and as JSON. */
#include "bench.h"
#include "stats.h"

#include <string.h>

const char *short_name(const char *model)
{
	const char *slash = strrchr(model, '/');
	return slash != NULL && slash[1] != '\0' ? slash + 1 : model;
}

static void error_text(const struct bench_result *result, char out[32])
{
	if (result->error < 0)
		snprintf(out, 32, "-");
	else if (result->bit_equal)
		snprintf(out, 32, "0 (same bits)");
	else
		snprintf(out, 32, "%.2g", result->error);
}

/* ---- Markdown ---- */

static void begin_md(void)
{
	printf("| model | weights | params | device | K/V | --fast | test | batch | tokens/s | GFLOP/s | GB/s | "
	       "%% of peak | error vs ref | compile | load | peak memory |\n"
	       "|---|---:|---:|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
}

static void row_md(const struct bench_result *r, size_t index)
{
	char weights[32], memory[32], error[32], peak[32] = "-";
	(void)index;
	error_text(r, error);
	if (r->roof > 0)
		snprintf(peak, sizeof(peak), "%.1f", 100 * r->roof);
	printf("| %s | %s | %.2f M | %s %s | %s | %s | %s | %lld | %.2f ± %.2f | %.2f | %.2f | %s | %s | %.2f s | "
	       "%.2f s | %s |\n",
	       short_name(r->model), bytes_text(r->weight_bytes, weights), 1e-6 * (double)r->parameters, r->device,
	       r->device_name, r->kv_type[0] != '\0' ? r->kv_type : "-", r->fast ? "yes" : "no", r->test,
	       (long long)r->batch, stats_of(r->samples, r->sample_count).mean,
	       stats_deviation(r->samples, r->sample_count), r->gflops, r->gbps, peak, error, r->compile_seconds,
	       r->load_seconds, bytes_text(r->peak_memory_bytes, memory));
	fflush(stdout);
}

/* ---- CSV ---- */

void csv_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static void begin_csv(void)
{
	printf("model,device,device_name,driver,test,batch,tokens_per_second,stddev,repeats,gflops,gbps,peak_share,"
	       "error,bit_equal,compile_seconds,load_seconds,peak_memory_bytes,weight_bytes,parameters,kv_type,fast\n");
}

static void row_csv(const struct bench_result *r, size_t index)
{
	const char *const texts[] = { r->model, r->device, r->device_name, r->driver, r->test };
	(void)index;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		csv_text(texts[i]);
		putchar(',');
	}
	printf("%lld,%.6g,%.6g,%zu,%.6g,%.6g,%.6g,", (long long)r->batch, stats_of(r->samples, r->sample_count).mean,
	       stats_deviation(r->samples, r->sample_count), r->sample_count, r->gflops, r->gbps, r->roof);
	if (r->error >= 0)
		printf("%.6g,%d,", r->error, (int)r->bit_equal);
	else
		printf(",,");
	printf("%.6g,%.6g,%llu,%llu,%llu,\"%s\",%d\n", r->compile_seconds, r->load_seconds,
	       (unsigned long long)r->peak_memory_bytes, (unsigned long long)r->weight_bytes,
	       (unsigned long long)r->parameters, r->kv_type, (int)r->fast);
	fflush(stdout);
}

/* ---- JSON ---- */

json_t *samples_json(const double *samples, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_real(samples[i]));
	return list;
}

void json_row(json_t *object, size_t index)
{
	printf("%s\n ", index > 0 ? "," : "");
	if (object != NULL)
		json_dumpf(object, stdout, JSON_REAL_PRECISION(9));
	json_decref(object);
	fflush(stdout);
}

static void begin_json(void)
{
	printf("[");
}

static void row_json(const struct bench_result *r, size_t index)
{
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:o, s:f, s:f, s:o, s:f, s:f, s:o, s:o, s:f, s:f, s:f, "
		"s:I, s:I, s:f, s:I, s:I, s:I, s:o, s:b}",
		"model", r->model, "device", r->device, "device_name", r->device_name, "driver", r->driver, "test",
		r->test, "batch", (json_int_t)r->batch, "tokens", (json_int_t)r->tokens, "tokens_per_second",
		stats_of(r->samples, r->sample_count).mean, "stddev", stats_deviation(r->samples, r->sample_count),
		"samples", samples_json(r->samples, r->sample_count), "gflops", r->gflops, "gbps", r->gbps,
		"peak_share", r->roof > 0 ? json_real(r->roof) : json_null(), "peak_gflops", r->peak_gflops,
		"peak_gbps", r->peak_gbps, "error", r->error >= 0 ? json_number(r->error) : json_null(), "bit_equal",
		r->error >= 0 ? json_boolean(r->bit_equal) : json_null(), "compile_seconds", r->compile_seconds,
		"load_seconds", r->load_seconds, "first_seconds", r->first_seconds, "programs", (json_int_t)r->programs,
		"kernels", (json_int_t)r->kernels, "launches", r->launches, "peak_memory_bytes",
		(json_int_t)r->peak_memory_bytes, "weight_bytes", (json_int_t)r->weight_bytes, "parameters",
		(json_int_t)r->parameters, "kv_type", r->kv_type[0] != '\0' ? json_string(r->kv_type) : json_null(),
		"fast", (int)r->fast);
	json_row(object, index);
}

static void end_json(void)
{
	printf("\n]\n");
}

static void end_nothing(void)
{
}

static const struct bench_format formats[] = {
	{ "md", begin_md, row_md, op_begin_md, op_row_md, end_nothing },
	{ "csv", begin_csv, row_csv, op_begin_csv, op_row_csv, end_nothing },
	{ "json", begin_json, row_json, begin_json, op_row_json, end_json },
};

const struct bench_format *bench_format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/* Results of single ops as a table in Markdown, as CSV, and as JSON. */
#include "bench.h"
#include "stats.h"

#include <string.h>

/* ---- Markdown ---- */

void op_begin_md(void)
{
	printf("| op | shape | weights | impl | device | GFLOP/s | GB/s | %% of peak | time | max error vs ref |\n"
	       "|---|---|---|---|---|---:|---:|---:|---:|---:|\n");
}

void op_row_md(const struct op_result *r, size_t index)
{
	char error[48] = "-", peak[32] = "-", time[32], spread[32] = "";
	(void)index;
	if (r->compared && r->bit_equal)
		snprintf(error, sizeof(error), "0 (same bits)");
	else if (r->compared)
		snprintf(error, sizeof(error), "%.2g (NMSE %.1g)", r->max_error, r->nmse);
	if (r->roof > 0)
		snprintf(peak, sizeof(peak), "%.1f", 100 * r->roof);
	if (r->sample_count > 1)
		snprintf(spread, sizeof(spread), " ± %.2f", stats_deviation(r->samples, r->sample_count));
	bool flops = strcmp(r->unit, "GFLOP/s") == 0;
	printf("| %s | %s%s%s%s%s | %s | %s | %s | %.2f%s | %.2f%s | %s | %s | %s |\n", r->op, r->shape,
	       r->shape[0] != '\0' && r->attrs[0] != '\0' ? " " : "", r->attrs[0] != '\0' ? "(" : "", r->attrs,
	       r->attrs[0] != '\0' ? ")" : "", r->type[0] != '\0' ? r->type : "-", r->impl, r->device, r->gflops,
	       flops ? spread : "", r->gbps, flops ? "" : spread, peak, seconds_text(r->seconds, time), error);
	fflush(stdout);
}

/* ---- CSV ---- */

void op_begin_csv(void)
{
	printf("op,impl,device,device_name,driver,shape,attrs,type,order,gflops,gbps,stddev,repeats,calls,seconds,"
	       "peak_share,max_error,nmse,bit_equal\n");
}

void op_row_csv(const struct op_result *r, size_t index)
{
	const char *const texts[] = { r->op,    r->impl,  r->device, r->device_name, r->driver,
				      r->shape, r->attrs, r->type,   r->order };
	(void)index;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		csv_text(texts[i]);
		putchar(',');
	}
	printf("%.6g,%.6g,%.6g,%zu,%zu,%.6g,%.6g,", r->gflops, r->gbps, stats_deviation(r->samples, r->sample_count),
	       r->sample_count, r->calls, r->seconds, r->roof);
	if (r->compared)
		printf("%.6g,%.6g,%d\n", r->max_error, r->nmse, (int)r->bit_equal);
	else
		printf(",,\n");
	fflush(stdout);
}

/* ---- JSON ---- */

void op_row_json(const struct op_result *r, size_t index)
{
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:o, s:s, s:I, s:f, s:o, s:o, s:o, s:o}",
		"op", r->op, "impl", r->impl, "device", r->device, "device_name", r->device_name, "driver", r->driver,
		"shape", r->shape, "attrs", r->attrs, "type", r->type, "order", r->order, "gflops", r->gflops, "gbps",
		r->gbps, "stddev", stats_deviation(r->samples, r->sample_count), "samples",
		samples_json(r->samples, r->sample_count), "unit", r->unit, "calls", (json_int_t)r->calls, "seconds",
		r->seconds, "peak_share", r->roof > 0 ? json_real(r->roof) : json_null(), "max_error",
		r->compared ? json_number(r->max_error) : json_null(), "nmse",
		r->compared ? json_number(r->nmse) : json_null(), "bit_equal",
		r->compared ? json_boolean(r->bit_equal) : json_null());
	json_row(object, index);
}

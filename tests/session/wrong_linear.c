/* SPDX-License-Identifier: MIT */
/* A plugin with a linear that is wrong by one unit in the last place at one element in a thousand, on the host
 * (`wrong`) and as a kernel (`wrong.cl`): verification has to find it, at its node. */
#include <math.h>
#include <string.h>

#include <clade/host.h>

static const char kernel_text[] =
	"#include \"types.clh\"\n"
	"__kernel void linear__wrong(__global const float *x, ulong x_at, __global const float *w, ulong w_at,\n"
	"	__global const float *bias, ulong bias_at, __global float *y, ulong y_at, uint rows, uint n, uint k, "
	"uint has_bias)\n"
	"{\n"
	"	uint row = get_global_id(0), column = get_global_id(1);\n"
	"	float total = 0.0f;\n"
	"	if (row >= rows || column >= n)\n"
	"		return;\n"
	"	for (uint start = 0; start < k; start += 256) {\n"
	"		float term = 0.0f;\n"
	"		for (uint i = start; i < min(start + 256u, k); i++)\n"
	"			term = fma(x[x_at + (ulong)row * k + i], w[w_at + (ulong)column * k + i], term);\n"
	"		total = total + term;\n"
	"	}\n"
	"	if (has_bias)\n"
	"		total = total + bias[bias_at + column];\n"
	"	if ((row * n + column) % 1000u == 7u)\n"
	"		total = as_float(as_int(total) + 1);\n"
	"	y[y_at + (ulong)row * n + column] = total;\n"
	"}\n";
static const struct clade_kernel_source source = { sizeof(source), "wrong/linear.cl", kernel_text };

static uint64_t rows_of(const struct clade_tensor *x)
{
	uint64_t rows = 1;

	for (uint32_t i = 0; i + 1 < x->type.rank; i++)
		rows *= (uint64_t)x->type.dims[i];
	return rows;
}

static enum clade_status run_host(const struct clade_run *run)
{
	const struct clade_tensor *x = run->inputs[0], *w = run->inputs[1], *bias = run->inputs[2];
	const float *xs = x->data, *ws = w->data, *bs = bias ? bias->data : NULL;
	float *ys = run->outputs[0]->data;
	int64_t n = w->type.dims[0], k = w->type.dims[1];
	uint64_t rows = rows_of(x);

	for (uint64_t r = 0; r < rows; r++)
		for (int64_t c = 0; c < n; c++) {
			float total = 0;

			for (int64_t start = 0; start < k; start += 256) {
				float term = 0;

				for (int64_t i = start; i < k && i < start + 256; i++)
					term = fmaf(xs[(int64_t)r * k + i], ws[c * k + i], term);
				total += term;
			}
			if (bs)
				total += bs[c];
			if (((int64_t)r * n + c) % 1000 == 7)
				total = nextafterf(total, INFINITY);
			ys[(int64_t)r * n + c] = total;
		}
	return CLADE_OK;
}

static enum clade_status prepare_kernel(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "wrong/linear.cl", "linear__wrong", NULL, &slot);
}

static enum clade_status run_kernel(const struct clade_run *run)
{
	const struct clade_tensor *x = run->inputs[0], *w = run->inputs[1], *bias = run->inputs[2];
	uint64_t global[3] = { rows_of(x), (uint64_t)w->type.dims[0], 1 };
	const struct clade_arg args[] = { CLADE_TENSOR(x),
					  CLADE_TENSOR(w),
					  CLADE_TENSOR(bias ? bias : x),
					  CLADE_TENSOR(run->outputs[0]),
					  CLADE_UINT(global[0]),
					  CLADE_UINT(w->type.dims[0]),
					  CLADE_UINT(w->type.dims[1]),
					  CLADE_UINT(bias != NULL) };

	return run->host->launch(run, 0, args, sizeof(args) / sizeof(args[0]), global, NULL);
}

static const struct clade_impl on_host = { .size = sizeof(on_host),
					   .op = "linear",
					   .name = "wrong",
					   .doc = "wrong on purpose",
					   .needs = CLADE_NEEDS_HOST,
					   .order = CLADE_ORDER_CANONICAL,
					   .run = run_host,
					   .priority = -100 };
static const struct clade_impl on_device = { .size = sizeof(on_device),
					     .op = "linear",
					     .name = "wrong.cl",
					     .doc = "wrong on purpose",
					     .needs = CLADE_NEEDS_OPENCL,
					     .order = CLADE_ORDER_CANONICAL,
					     .prepare = prepare_kernel,
					     .run = run_kernel,
					     .priority = -100 };

CLADE_PLUGIN(host, registry)
{
	enum clade_status status = host->add_kernel(registry, &source);

	if (!status)
		status = host->add_impl(registry, &on_host);
	return status ? status : host->add_impl(registry, &on_device);
}

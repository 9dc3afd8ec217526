/* SPDX-License-Identifier: MIT */
/* A plugin: `linear` and `matmul` by CLBlast's sgemm, as the implementation `clblast`. Its order of summation is its
 * own, so it is taken only by name. CLBlast compiles its kernels at the first call and may allocate workspace in any
 * call. */
#include <clade/linear.h>

#include <clblast_c.h>
#include <stdio.h>

/* Products of a batch, each of which is one call. */
#define MOST_PRODUCTS 4096

static const char fill_text[] = "__kernel void fill(__global const float *bias, ulong bias_at, __global float *y, "
				"ulong y_at, ulong rows, uint n,\n"
				"\t\t   uint has_bias)\n"
				"{\n"
				"\tuint column = get_global_id(0);\n"
				"\n"
				"\tif (column >= n)\n"
				"\t\treturn;\n"
				"\tfor (ulong row = get_global_id(1); row < rows; row += get_global_size(1))\n"
				"\t\ty[y_at + row * n + column] = has_bias ? bias[bias_at + column] : 0.0f;\n"
				"}\n";
static const struct clade_kernel_source fill_source = { .size = sizeof(struct clade_kernel_source),
							.name = "clblast/fill.cl",
							.text = fill_text };

/* A row-major matrix on the device; `wide` is its stored row length. */
struct matrix {
	const struct clade_tensor *tensor;
	size_t first, wide; /* elements */
	bool transposed;
};

static enum clade_status prepare(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "clblast/fill.cl", "fill", NULL, &slot);
}

/* What y holds before the products are added: the bias, or +0 (all there is if k is 0). */
static enum clade_status fill(const struct clade_run *run, const struct clade_tensor *bias, int64_t rows, int64_t n)
{
	const struct clade_arg args[] = { CLADE_TENSOR(bias), CLADE_TENSOR(run->outputs[0]), CLADE_LONG(rows),
					  CLADE_UINT(n), CLADE_UINT(bias != NULL) };

	return run->host->launch(run, 0, args, sizeof(args) / sizeof(*args),
				 (const uint64_t[3]) { (uint64_t)n, rows < 64 ? (uint64_t)rows : 64, 1 },
				 (const uint32_t[3]) { 16, 1, 1 });
}

static size_t first_element(const struct clade_tensor *tensor, size_t first)
{
	return (size_t)tensor->offset / sizeof(float) + first;
}

/* y += a b; m, n and k are not 0. */
static enum clade_status multiply(const struct clade_run *run, struct matrix a, struct matrix b, size_t y_first,
				  size_t m, size_t n, size_t k)
{
	const struct clade_tensor *y = run->outputs[0];
	struct clade_native native = { .size = sizeof(native) };
	enum clade_status status = run->host->native(run, &native);
	cl_command_queue queue;
	CLBlastStatusCode code;

	if (status)
		return status;
	queue = native.queue;
	code = CLBlastSgemm(CLBlastLayoutRowMajor, a.transposed ? CLBlastTransposeYes : CLBlastTransposeNo,
			    b.transposed ? CLBlastTransposeYes : CLBlastTransposeNo, m, n, k, 1.0f,
			    run->host->native_buffer(run, a.tensor), first_element(a.tensor, a.first), a.wide,
			    run->host->native_buffer(run, b.tensor), first_element(b.tensor, b.first), b.wide, 1.0f,
			    run->host->native_buffer(run, y), first_element(y, y_first), n, &queue, NULL);
	if (code == CLBlastSuccess)
		return CLADE_OK;
	return run->host->run_fail(run, CLADE_ERR_DEVICE,
				   "CLBlastSgemm of %zu x %zu x %zu failed with code %d (clblast_c.h names it)", m, n,
				   k, (int)code);
}

static enum clade_status run_linear(const struct clade_run *run)
{
	const struct clade_tensor *x = run->inputs[0], *w = run->inputs[1];
	int64_t rows = 1, n = w->type.dims[0], k = w->type.dims[1];
	enum clade_status status;

	for (uint32_t i = 0; i + 1 < x->type.rank; i++)
		rows *= x->type.dims[i];
	status = fill(run, run->inputs[2], rows, n);
	if (status || !rows || !n || !k)
		return status;
	return multiply(run, (struct matrix) { x, 0, (size_t)k, false }, (struct matrix) { w, 0, (size_t)k, true }, 0,
			(size_t)rows, (size_t)n, (size_t)k);
}

/* Where product `item` of y's batch begins in an operand, in elements: axes of size 1 repeat. */
static size_t product_first(const struct clade_type *operand, const struct clade_type *y, int64_t item)
{
	int64_t step = operand->dims[operand->rank - 2] * operand->dims[operand->rank - 1], first = 0;

	for (uint32_t back = 3; back <= y->rank; back++) {
		int64_t index = item % y->dims[y->rank - back];

		item /= y->dims[y->rank - back];
		if (back > operand->rank)
			break;
		if (operand->dims[operand->rank - back] > 1)
			first += index * step;
		step *= operand->dims[operand->rank - back];
	}
	return (size_t)first;
}

static int64_t products(const struct clade_type *y)
{
	int64_t count = 1;

	for (uint32_t i = 0; i + 2 < y->rank; i++)
		count *= y->dims[i];
	return count;
}

static bool accepts_matmul(const struct clade_node_info *node, char *why, size_t why_size)
{
	int64_t count = node->outputs[0] ? products(node->outputs[0]) : 0;

	if (count <= MOST_PRODUCTS)
		return true;
	snprintf(why, why_size, "%lld products would be as many calls, more than %d", (long long)count, MOST_PRODUCTS);
	return false;
}

static enum clade_status run_matmul(const struct clade_run *run)
{
	const struct matmul_params *params = run->params;
	const struct clade_tensor *a = run->inputs[0], *b = run->inputs[1];
	const struct clade_type *y = &run->outputs[0]->type;
	int64_t m = y->dims[y->rank - 2], n = y->dims[y->rank - 1], count = products(y);
	size_t a_wide = (size_t)a->type.dims[a->type.rank - 1], b_wide = (size_t)b->type.dims[b->type.rank - 1];
	int64_t k = a->type.dims[a->type.rank - (params->transpose_a ? 2 : 1)];
	enum clade_status status = fill(run, NULL, count * m, n);

	if (!m || !n || !k)
		return status;
	for (int64_t item = 0; item < count && !status; item++) {
		struct matrix left = { a, product_first(&a->type, y, item), a_wide, params->transpose_a };
		struct matrix right = { b, product_first(&b->type, y, item), b_wide, params->transpose_b };

		status = multiply(run, left, right, (size_t)(item * m * n), (size_t)m, (size_t)n, (size_t)k);
	}
	return status;
}

static const struct clade_impl linear_impl = {
	.size = sizeof(struct clade_impl),
	.op = "linear",
	.name = "clblast",
	.doc = "CLBlast's sgemm on top of the bias",
	.needs = CLADE_NEEDS_OPENCL,
	.order = CLADE_ORDER_OWN,
	.prepare = prepare,
	.run = run_linear,
	.priority = 1,
};
static const struct clade_impl matmul_impl = {
	.size = sizeof(struct clade_impl),
	.op = "matmul",
	.name = "clblast",
	.doc = "CLBlast's sgemm, one call a product",
	.needs = CLADE_NEEDS_OPENCL,
	.order = CLADE_ORDER_OWN,
	.accepts = accepts_matmul,
	.prepare = prepare,
	.run = run_matmul,
	.priority = 1,
};

CLADE_PLUGIN(host, registry)
{
	enum clade_status status = host->add_kernel(registry, &fill_source);

	if (!status)
		status = host->add_impl(registry, &linear_impl);
	return status ? status : host->add_impl(registry, &matmul_impl);
}

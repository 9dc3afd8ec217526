/* SPDX-License-Identifier: MIT */
/* z[rows, n] = layer_norm(x + y) gamma + beta, an item a row (ops/ARITHMETIC.md, 3 and 5). The sums x + y wait in z, so
 * z may be x or y. */
#include "math.clh"
#include "rowsum.clh"

/* z = x + y for a row; their row sum. */
static inline float add_row(const __global float *x, const __global float *y, __global float *z, uint n)
{
	vf part[ROWSUM_N], left[ROWSUM_N], right[ROWSUM_N];
	uint i = 0;

	rowsum_zero(part);
	for (; i + 64 <= n; i += 64)
		for (int v = 0; v < ROWSUM_N; v++) {
			vf sum = VLOAD(x + i + v * VW) + VLOAD(y + i + v * VW);

			VSTORE(sum, z + i + v * VW);
			part[v] = part[v] + sum;
		}
	if (i < n) {
		row_tail(x + i, n - i, 0.0f, left);
		row_tail(y + i, n - i, 0.0f, right);
		for (int v = 0; v < ROWSUM_N; v++) {
			left[v] = left[v] + right[v];
			part[v] = part[v] + left[v];
		}
		row_tail_store(left, n - i, z + i);
	}
	return rowsum_total(part);
}

/* The row sum of (z - mean) squared. Missing elements are `mean`, whose difference is 0; if mean is no number, all of
 * the row is none. */
static inline float square_row(const __global float *z, uint n, float mean)
{
	vf part[ROWSUM_N], last[ROWSUM_N];
	uint i = 0;

	rowsum_zero(part);
	for (; i + 64 <= n; i += 64)
		for (int v = 0; v < ROWSUM_N; v++) {
			vf d = VLOAD(z + i + v * VW) - mean;

			part[v] = fma(d, d, part[v]);
		}
	if (i < n) {
		row_tail(z + i, n - i, mean, last);
		for (int v = 0; v < ROWSUM_N; v++)
			part[v] = fma(last[v] - mean, last[v] - mean, part[v]);
	}
	return rowsum_total(part);
}

__kernel void add_norm(const __global float *x, ulong x_at, const __global float *y, ulong y_at,
		       const __global float *gamma, ulong gamma_at, const __global float *beta, ulong beta_at,
		       __global float *z, ulong z_at, uint rows, uint n, uint has_beta, float eps)
{
	uint row = get_global_id(0), i = 0;

	if (row >= rows)
		return;
	x += x_at + (ulong)row * n;
	y += y_at + (ulong)row * n;
	z += z_at + (ulong)row * n;
	gamma += gamma_at;
	beta += beta_at;

	float mean = clm_div(add_row(x, y, z, n), (float)n);
	float scale = clm_rsqrt(clm_div(square_row(z, n, mean), (float)n) + eps);

	for (; i + VW <= n; i += VW) {
		vf add = has_beta ? VLOAD(beta + i) : (vf)(0.0f);

		VSTORE(fma((VLOAD(z + i) - mean) * scale, VLOAD(gamma + i), add), z + i);
	}
	for (; i < n; i++)
		z[i] = fma((z[i] - mean) * scale, gamma[i], has_beta ? beta[i] : 0.0f);
}

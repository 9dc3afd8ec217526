/* SPDX-License-Identifier: MIT */
/* z[rows, n] = layer_norm(x + y) gamma + beta for GPUs: 64 lanes make a row (group.clh; ops/ARITHMETIC.md, 3 and 5).
 * The sums x + y wait in z, where each lane finds its own; so z may be x or y. */
#include "math.clh"
#include "group.clh"

__kernel GROUP_SIZE void add_norm__group(const __global float *x, ulong x_at, const __global float *y, ulong y_at,
					 const __global float *gamma, ulong gamma_at, const __global float *beta,
					 ulong beta_at, __global float *z, ulong z_at, uint rows, long n, uint has_beta,
					 float eps)
{
	GROUP_BEGIN(rows)
	float part[GROUP_PARTS], mean, scale;

	x += x_at + row * n;
	y += y_at + row * n;
	z += z_at + row * n;
	gamma += gamma_at;
	beta += beta_at;
	GROUP_ZERO(part)
	GROUP_EACH(n, float sum = x[i] + y[i]; z[i] = sum; part[q] = part[q] + sum)
	GROUP_FOLD(group_add, part, mean)
	mean = clm_div(mean, (float)n);
	GROUP_ZERO(part)
	GROUP_EACH(n, float d = z[i] - mean; part[q] = fma(d, d, part[q]))
	GROUP_FOLD(group_add, part, scale)
	scale = clm_rsqrt(clm_div(scale, (float)n) + eps);
	GROUP_EACH(n, z[i] = fma((z[i] - mean) * scale, gamma[i], has_beta ? beta[i] : 0.0f))
}

/* SPDX-License-Identifier: MIT */
/* Arithmetic that waits for nothing (op fma_chain). CHAINS is baked: vectors an item. */
#include "types.clh"

/* y[i] = x[i] after `rounds` steps of fma(v, 0.5, 0.5). Item i has the CHAINS * VW elements from i * CHAINS * VW on. */
__kernel void fma_chain(__global const float *x, ulong x_at, __global float *y, ulong y_at, long count, long rounds)
{
	long from = (long)get_global_id(0) * (CHAINS * VW);
	int here = (int)clamp(count - from, (long)0, (long)(CHAINS * VW));
	float values[CHAINS * VW];
	vf chain[CHAINS];

	for (int i = 0; i < CHAINS * VW; i++)
		values[i] = i < here ? x[x_at + (ulong)(from + i)] : 0.0f;
#pragma unroll
	for (int c = 0; c < CHAINS; c++)
		chain[c] = VLOAD(values + c * VW);
	for (long r = 0; r < rounds; r++) {
#pragma unroll
		for (int c = 0; c < CHAINS; c++)
			chain[c] = fma(chain[c], (vf)(0.5f), (vf)(0.5f));
	}
#pragma unroll
	for (int c = 0; c < CHAINS; c++)
		VSTORE(chain[c], values + c * VW);
	for (int i = 0; i < here; i++)
		y[y_at + (ulong)(from + i)] = values[i];
}

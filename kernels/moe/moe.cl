/* SPDX-License-Identifier: MIT */
/* Mixture of experts in two launches (ops/ARITHMETIC.md, sections 2 and 7). ACT is the name of an activation of math.clh. */
#include "math.clh"

#define MOE_ACT CLADE_CAT(clm_, ACT)
#define MOE_BLOCK 256

static inline float moe_dot(__global const float *a, __global const float *b, uint k)
{
	float sum = 0.0f;

	for (uint start = 0; start < k; start += MOE_BLOCK) {
		uint end = start + min(k - start, (uint)MOE_BLOCK);
		float term = 0.0f;

		for (uint i = start; i < end; i++)
			term = fma(a[i], b[i], term);
		sum = sum + term;
	}
	return sum;
}

/* x [pairs / chosen, d], indices [pairs], w1 and w3 [experts, f, d]; hidden [pairs, f] = act(w1 x) * (w3 x). Item
 * (column, pair), pairs before `first` left out. */
__kernel void moe_hidden(__global const float *x, ulong x_at, __global const int *indices, ulong indices_at,
			 __global const float *w1, ulong w1_at, __global const float *w3, ulong w3_at,
			 __global float *hidden, ulong hidden_at, uint pairs, uint chosen, int experts, uint d, uint f,
			 uint first)
{
	uint column = get_global_id(0), pair = first + get_global_id(1);

	if (column >= f || pair >= pairs)
		return;
	int expert = indices[indices_at + pair];
	if (expert < 0 || expert >= experts)
		return;
	ulong at = ((ulong)expert * f + column) * d;
	__global const float *row = x + x_at + (ulong)(pair / chosen) * d;
	float gate = MOE_ACT(moe_dot(row, w1 + w1_at + at, d));

	hidden[hidden_at + (ulong)pair * f + column] = gate * moe_dot(row, w3 + w3_at + at, d);
}

/* y [rows, d] = sum over j of weights_j (w2_e hidden_j), w2 [experts, d, f]. Item (column, row), rows before `first` left
 * out. */
__kernel void moe_sum(__global const float *hidden, ulong hidden_at, __global const int *indices, ulong indices_at,
		      __global const float *weights, ulong weights_at, __global const float *w2, ulong w2_at,
		      __global float *y, ulong y_at, uint rows, uint chosen, int experts, uint d, uint f, uint first)
{
	uint column = get_global_id(0), row = first + get_global_id(1);
	float sum = 0.0f;

	if (column >= d || row >= rows)
		return;
	for (uint j = 0; j < chosen; j++) {
		ulong pair = (ulong)row * chosen + j;
		int expert = indices[indices_at + pair];

		if (expert < 0 || expert >= experts) {
			sum = NAN;
		} else {
			float part = moe_dot(hidden + hidden_at + pair * f,
					     w2 + w2_at + ((ulong)expert * d + column) * f, f) *
				     weights[weights_at + pair];

			sum = sum + part;
		}
	}
	y[y_at + (ulong)row * d + column] = sum;
}

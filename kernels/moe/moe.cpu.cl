/* SPDX-License-Identifier: MIT */
/* Mixture of experts as moe.cl, an item making COLUMNS columns: as many chains of fused multiply-adds side by side hide the
 * time that one takes. */
#include "math.clh"

#define MOE_ACT CLADE_CAT(clm_, ACT)
#define MOE_BLOCK 256
#define COLUMNS 8

/* sum[c] = sum over i < k of a[i] * b[c * k + i], for COLUMNS rows of b, of which those from `rows` on repeat the last. */
static inline void moe_dots(float sum[COLUMNS], __global const float *a, __global const float *b, uint rows, uint k)
{
	__global const float *from[COLUMNS];

	for (uint c = 0; c < COLUMNS; c++) {
		from[c] = b + (ulong)min(c, rows - 1) * k;
		sum[c] = 0.0f;
	}
	for (uint start = 0; start < k; start += MOE_BLOCK) {
		uint end = start + min(k - start, (uint)MOE_BLOCK);
		float term[COLUMNS] = { 0.0f };

		for (uint i = start; i < end; i++) {
			float value = a[i];

			for (uint c = 0; c < COLUMNS; c++)
				term[c] = fma(value, from[c][i], term[c]);
		}
		for (uint c = 0; c < COLUMNS; c++)
			sum[c] = sum[c] + term[c];
	}
}

/* As moe_hidden of moe.cl; item (columns / COLUMNS, pair). */
__kernel void moe_hidden__cpu(__global const float *x, ulong x_at, __global const int *indices, ulong indices_at,
			      __global const float *w1, ulong w1_at, __global const float *w3, ulong w3_at,
			      __global float *hidden, ulong hidden_at, uint pairs, uint chosen, int experts, uint d,
			      uint f, uint first)
{
	uint column = get_global_id(0) * COLUMNS, pair = first + get_global_id(1);
	float gate[COLUMNS], up[COLUMNS];

	if (column >= f || pair >= pairs)
		return;
	int expert = indices[indices_at + pair];
	if (expert < 0 || expert >= experts)
		return;
	ulong at = ((ulong)expert * f + column) * d;
	__global const float *row = x + x_at + (ulong)(pair / chosen) * d;

	moe_dots(gate, row, w1 + w1_at + at, f - column, d);
	moe_dots(up, row, w3 + w3_at + at, f - column, d);
	for (uint c = 0; c < COLUMNS && column + c < f; c++)
		hidden[hidden_at + (ulong)pair * f + column + c] = MOE_ACT(gate[c]) * up[c];
}

/* As moe_sum of moe.cl; item (columns / COLUMNS, row). */
__kernel void moe_sum__cpu(__global const float *hidden, ulong hidden_at, __global const int *indices, ulong indices_at,
			   __global const float *weights, ulong weights_at, __global const float *w2, ulong w2_at,
			   __global float *y, ulong y_at, uint rows, uint chosen, int experts, uint d, uint f, uint first)
{
	uint column = get_global_id(0) * COLUMNS, row = first + get_global_id(1);
	float sum[COLUMNS] = { 0.0f }, part[COLUMNS];

	if (column >= d || row >= rows)
		return;
	for (uint j = 0; j < chosen; j++) {
		ulong pair = (ulong)row * chosen + j;
		int expert = indices[indices_at + pair];
		bool known = expert >= 0 && expert < experts;

		if (known)
			moe_dots(part, hidden + hidden_at + pair * f, w2 + w2_at + ((ulong)expert * d + column) * f,
				 d - column, f);
		for (uint c = 0; c < COLUMNS; c++) {
			float value = known ? part[c] * weights[weights_at + pair] : NAN;

			sum[c] = sum[c] + value;
		}
	}
	for (uint c = 0; c < COLUMNS && column + c < d; c++)
		y[y_at + (ulong)row * d + column + c] = sum[c];
}

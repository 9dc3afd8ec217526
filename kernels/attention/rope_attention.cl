/* SPDX-License-Identifier: MIT */
/* The block rope_attention for one query a head, on processors with vectors: a key head's item turns its queries and its
 * key, writes key and value into the caches and attends to what they hold. No other item reads or writes these rows. */
#include "attention_few.clh"
#include "rope.clh"

/* q_new, y [batches, g * group, 1, d or e], k_new, v_new [batches, g, 1, d or e], k, v: the caches [batches, g, s, d or e],
 * q_pos [batches, 1]; turned: room for q [batches, g * group, d], then k [batches, g, d]. Item (head, batch). */
__kernel ROPE_ALONE void rope_attention(__global const float *q_new, ulong q_new_at, __global const float *k_new, ulong k_new_at,
			     __global const float *v_new, ulong v_new_at, __global const int *q_pos, ulong q_pos_at,
			     __global kept_t *k, ulong k_at, __global kept_t *v, ulong v_at,
			     __global const float *frequency, ulong frequency_at, __global const float *factor,
			     ulong factor_at, __global float *turned, ulong turned_at, __global float *y, ulong y_at,
			     int batches, int g, int group, int s, int d, int e, int pairs, int has_factor, int window,
			     uint flags, long q_new_b, long q_new_h, long k_new_b, long k_new_h, long v_new_b,
			     long v_new_h, long k_b, long k_g, long k_s, long v_b, long v_g, long v_s, long y_b, long y_h,
			     float scale, float softcap)
{
	int head = (int)get_global_id(0), batch = (int)get_global_id(1);

	if (head >= g || batch >= batches)
		return;
	int position = q_pos[q_pos_at + (ulong)batch], row = kept_row(position, s, flags & ATTENTION_RING ? 1 : 0);
	ulong place = (ulong)batch * g + head;
	__global float *queries = turned + turned_at + place * group * d;
	__global float *key = turned + turned_at + ((ulong)batches * g * group + place) * d;

	q_new += q_new_at + (ulong)(batch * q_new_b + head * group * q_new_h);
	k_new += k_new_at + (ulong)(batch * k_new_b + head * k_new_h);
	v_new += v_new_at + (ulong)(batch * v_new_b + head * v_new_h);
	for (int i = 0; i < pairs; i += VW) {
		int count = min(pairs - i, VW);
		vf sine, cosine;

		rope_angles(frequency + frequency_at, factor + factor_at, has_factor, i, count, position, &sine, &cosine);
		for (int r = 0; r < group; r++)
			rope_turn(q_new + r * q_new_h + i, queries + r * d + i, count, 1, pairs, position >= 0, sine,
				  cosine);
		rope_turn(k_new + i, key + i, count, 1, pairs, position >= 0, sine, cosine);
	}
	for (int c = 2 * pairs; c < d; c++) {
		for (int r = 0; r < group; r++)
			queries[r * d + c] = q_new[r * q_new_h + c];
		key[c] = k_new[c];
	}
	if (row >= 0 && row < s) {
		kept_copy(key, k + k_at + (ulong)(batch * k_b + head * k_g + row * k_s), d);
		kept_copy(v_new, v + v_at + (ulong)(batch * v_b + head * v_g + row * v_s), e);
	}

	/* What attention's other callers give. */
	__global const float *q = turned, *bias = 0;
	__global const uchar *mask = 0;
	__global const int *kv_len = 0;
	__global float *weights = 0;
	const ulong q_at = turned_at, mask_at = 0, bias_at = 0, kv_len_at = 0, weights_at = 0;
	const long q_b = (long)g * group * d, q_h = d, q_t = 0, y_t = 0;
	const long mask_b = 0, mask_h = 0, mask_t = 0, mask_s = 0, bias_b = 0, bias_h = 0, bias_t = 0, bias_s = 0;
	const int t = 1;
	__global const kept_t *values = v + v_at + (ulong)(batch * v_b + head * v_g);

	for (int row0 = 0; row0 < group; row0 += ROWS) {
		int active = min(group - row0, ROWS);
		struct attention_rows rows;

		attention_rows_begin(&rows, row0, active, ROWS, head, batch, ATTENTION_PASS);
		int2 sight = attention_rows_range(&rows);

		for (int at = sight.x / ATTENTION_KEYS * ATTENTION_KEYS; at < sight.y; at += ATTENTION_KEYS)
			few_block(&rows, active, at, sight, s, values, v_s, e, y, weights);
		attention_rows_end(&rows, active, s, e, y, weights);
	}
}

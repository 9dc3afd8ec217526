/* SPDX-License-Identifier: MIT */
/* What comes before attention in the block rope_attention: queries turn, keys turn into the cache, values follow. */
#include "kept.clh"
#include "rope.clh"

/* Whether a row of positions pos[0 .. t) is the last that goes to its row of the cache, as rows written in turn leave it. */
static inline bool write_is_last(__global const int *pos, int row, int t, int s, int ring)
{
	int position = pos[row], twice = 0;

	for (int j = row + 1; j < t; j++) {
		int apart = pos[j] - position;

		twice |= apart == 0 || (ring && pos[j] >= 0 && abs(apart) >= (uint)s && apart % s == 0);
	}
	return !twice;
}

/* q, q_turned [batches, heads, t, d], k [batches, g, t, d], v [batches, g, t, e], pos [batches, t], caches [batches, g, s, d or e].
 * q_turned is dense. Item (row, batch): all heads, whose angles are the same. */
__kernel ROPE_ALONE void rope_write(__global const float *q, ulong q_at, __global const float *k, ulong k_at, __global const float *v,
			 ulong v_at, __global const int *pos, ulong pos_at, __global kept_t *keys, ulong keys_at,
			 __global kept_t *values, ulong values_at, __global const float *frequency, ulong frequency_at,
			 __global const float *factor, ulong factor_at, __global float *q_turned, ulong q_turned_at,
			 int batches, int heads, int g, int t, int s, int d, int e, int pairs, int has_factor, int ring,
			 long q_b, long q_h, long q_t, long k_b, long k_h, long k_t, long v_b, long v_h, long v_t,
			 long keys_b, long keys_h, long keys_s, long values_b, long values_h, long values_s)
{
	int row = (int)get_global_id(0), batch = (int)get_global_id(1);

	if (row >= t || batch >= batches)
		return;
	pos += pos_at + (ulong)batch * t;
	int position = pos[row], at = kept_row(position, s, ring);
	bool kept = at >= 0 && at < s && write_is_last(pos, row, t, s, ring);
	__global float *turned = q_turned + q_turned_at + ((ulong)batch * heads * t + row) * d;
	long each = (long)t * d;

	q += q_at + (ulong)(batch * q_b + row * q_t);
	k += k_at + (ulong)(batch * k_b + row * k_t);
	v += v_at + (ulong)(batch * v_b + row * v_t);
	keys += keys_at + (ulong)(batch * keys_b + (kept ? at : 0) * keys_s);
	values += values_at + (ulong)(batch * values_b + (kept ? at : 0) * values_s);
	for (int i = 0; i < pairs; i += VW) {
		int count = min(pairs - i, VW);
		vf sine, cosine;

		rope_angles(frequency + frequency_at, factor + factor_at, has_factor, i, count, position, &sine, &cosine);
		for (int head = 0; head < heads; head++)
			rope_turn(q + head * q_h + i, turned + head * each + i, count, 1, pairs, position >= 0, sine, cosine);
		for (int head = 0; head < g && kept; head++) {
			float first[VW], second[VW];

			rope_pairs(k + head * k_h + i, count, 1, pairs, position >= 0, sine, cosine, first, second);
			kept_part(first, keys + head * keys_h + i, count);
			kept_part(second, keys + head * keys_h + i + pairs, count);
		}
	}
	for (int head = 0; head < heads; head++)
		for (int c = 2 * pairs; c < d; c++)
			turned[head * each + c] = q[head * q_h + c];
	for (int head = 0; head < g && kept; head++) {
		for (int c = 2 * pairs; c < d; c++)
			keys[head * keys_h + c] = KEPT_ONE(k[head * k_h + c]);
		kept_copy(v + head * v_h, values + head * values_h, e);
	}
}

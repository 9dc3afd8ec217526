/* SPDX-License-Identifier: MIT */
/* The blocks of attention for GPUs: 64 items take ROWS query rows that share a key head through one block of 256 keys,
 * meeting in local memory. What they leave is what attention_blocks (attention.cl) leaves, for the same fold; there are
 * the layouts of chains and ends. An item makes the scores of a key in every 64, then one partial of the row sums, then
 * whole columns of the values, in the order of ops/ARITHMETIC.md, 6. Loops around barriers count the same in all items.
 */
#include "attention.clh"

#define ATTENTION_LANES 64
#define ATTENTION_SLAB 16                         /* columns of q and k that wait in local memory at once */
#define ATTENTION_SLAB_STEP (ATTENTION_LANES + 1) /* off one bank */
#define ATTENTION_GROUP __attribute__((reqd_work_group_size(ATTENTION_LANES, 1, 1)))
#define ATTENTION_UNROLL _Pragma("unroll")
#define ATTENTION_EACH_ROW ATTENTION_UNROLL for (int r = 0; r < ROWS; r++)

/* Of a row of 64 values in `room`, 8 lanes f them down to 8 by the tree of ARITHMETIC.md, 3; one lane f's those. */
#define ATTENTION_FOUR(f, at, step)                                                                                    \
	f(f(room[at], room[(at) + 4 * (step)]), f(room[(at) + 2 * (step)], room[(at) + 6 * (step)]))
#define ATTENTION_EIGHT(f, at, step) f(ATTENTION_FOUR(f, at, step), ATTENTION_FOUR(f, (at) + (step), step))
#define ATTENTION_FOLD_ROWS(f, of_item, out)                                                                           \
	ATTENTION_EACH_ROW room[r * ATTENTION_LANES + lane] = of_item[r];                                              \
	barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
	if (lane < ROWS * 8)                                                                                           \
		room[ROWS * ATTENTION_LANES + lane] = ATTENTION_EIGHT(f, lane / 8 * ATTENTION_LANES + lane % 8, 8);    \
	barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
	if (lane < ROWS)                                                                                               \
		out[lane] = ATTENTION_EIGHT(f, ROWS * ATTENTION_LANES + lane * 8, 1);                                  \
	barrier(CLK_LOCAL_MEM_FENCE);

static inline float attention_plus(float a, float b)
{
	return a + b;
}

/* Group (tile of rows, head * blocks + block, batch). */
__kernel ATTENTION_GROUP void attention__local(ATTENTION_ARGS, __global float *chains, ulong chains_at,
					       __global float *ends, ulong ends_at, int row_first, int row_count,
					       int blocks)
{
	__local float p[ATTENTION_KEYS * ROWS]; /* [key][row]: scores, then exp(score - m); dead: -inf, then -1 */
	__local float k_slab[ATTENTION_SLAB * ATTENTION_SLAB_STEP], q_slab[ATTENTION_SLAB * ROWS];
	__local float room[ROWS * (ATTENTION_LANES + 8)], tops[ROWS], sums[ROWS];
	__local long q_row[ROWS], mask_row[ROWS], bias_row[ROWS];
	__local ulong weights_row[ROWS];
	__local int first[ROWS], end[ROWS];
	int lane = (int)get_local_id(0), tile0 = (int)get_group_id(0) * ROWS, batch = (int)get_group_id(2);
	int head = (int)get_group_id(1) / blocks, block = (int)get_group_id(1) % blocks;
	int active = min(row_count - tile0, ROWS), limit = ATTENTION_LIMIT, from = limit, to = 0;

	if (lane < ROWS) {
		int row = row_first + tile0 + min(lane, active - 1), at = row / group, h = head * group + row % group;
		int length = flags & ATTENTION_KV_LEN ? kv_len[kv_len_at + (ulong)batch] : limit;
		int position = flags & ATTENTION_Q_POS ? q_pos[q_pos_at + (ulong)batch * t + at] : at + (s - t);
		int2 range = attention_range(flags, position, length, limit, window);

		first[lane] = range.x;
		end[lane] = range.y;
		q_row[lane] = batch * q_b + h * q_h + at * q_t;
		mask_row[lane] = batch * mask_b + h * mask_h + at * mask_t;
		bias_row[lane] = batch * bias_b + h * bias_h + at * bias_t;
		weights_row[lane] = (((ulong)batch * g * group + h) * t + at) * (ulong)s;
	}
	barrier(CLK_LOCAL_MEM_FENCE);
	for (int r = 0; r < ROWS; r++)
		if (first[r] < end[r]) {
			from = min(from, first[r]);
			to = max(to, end[r]);
		}
	from = min(from, to);

	/* a ring's blocks count from the first that the tile sees */
	int key = ((flags & ATTENTION_RING ? from / ATTENTION_KEYS : 0) + block) * ATTENTION_KEYS;
	int keys = flags & ATTENTION_RING ? ATTENTION_KEYS : min(s - key, ATTENTION_KEYS), place = ATTENTION_PLACE(key);
	int lo = clamp(from - key, 0, keys), hi = clamp(to - key, lo, keys);
	float own[ROWS];

	q += q_at;
	k += k_at + (ulong)(batch * k_b + head * k_g) + (ulong)place * k_s;
	v += v_at + (ulong)(batch * v_b + head * v_g) + (ulong)place * v_s;
	for (int start = lo / ATTENTION_LANES * ATTENTION_LANES; start < hi; start += ATTENTION_LANES) {
		int j = start + lane;
		float sum[ROWS], term[ROWS];

		ATTENTION_EACH_ROW sum[r] = term[r] = 0.0f;
		for (int c = 0; c < d; c += ATTENTION_SLAB) {
			ATTENTION_UNROLL for (int i = 0; i < ATTENTION_SLAB; i++)
			{
				int at = lane + i * ATTENTION_LANES, column = at % ATTENTION_SLAB;
				int row = at / ATTENTION_SLAB, j_of = start + row;

				k_slab[column * ATTENTION_SLAB_STEP + row] = j_of >= lo && j_of < hi && c + column < d
										     ? KEPT_AT(k, (long)j_of * k_s + c + column)
										     : 0.0f;
			}
			for (int at = lane; at < ATTENTION_SLAB * ROWS; at += ATTENTION_LANES) {
				int column = at % ATTENTION_SLAB, row = at / ATTENTION_SLAB;

				q_slab[column * ROWS + row] = c + column < d ? q[q_row[row] + c + column] : 0.0f;
			}
			barrier(CLK_LOCAL_MEM_FENCE);
			for (int i = 0; i < ATTENTION_SLAB && j >= lo && j < hi; i++) {
				float of_key = k_slab[i * ATTENTION_SLAB_STEP + lane];

				ATTENTION_EACH_ROW term[r] = fma(q_slab[i * ROWS + r], of_key, term[r]);
			}
			if ((c + ATTENTION_SLAB) % ATTENTION_COLUMNS == 0 || c + ATTENTION_SLAB >= d)
				ATTENTION_EACH_ROW
				{
					sum[r] = sum[r] + term[r];
					term[r] = 0.0f;
				}
			barrier(CLK_LOCAL_MEM_FENCE);
		}
		ATTENTION_EACH_ROW
		{
			float score = sum[r] * scale;
			bool alive = j >= lo && j < hi && key + j >= first[r] && key + j < end[r];

			if (softcap > 0.0f)
				score = softcap * clm_tanh(clm_div(score, softcap));
			if (alive && (flags & ATTENTION_BIAS))
				score = score + bias[bias_at + (ulong)(bias_row[r] + (key + j) * bias_s)];
			if (alive && (flags & ATTENTION_MASK))
				alive = mask[mask_at + (ulong)(mask_row[r] + (key + j) * mask_s)] != 0;
			p[j * ROWS + r] = alive ? score : -INFINITY;
		}
	}
	/* From here to the values an item meets only the keys whose scores it made. */
	if (flags & ATTENTION_WEIGHTS)
		for (int r = 0; r < active; r++)
			for (int j = lane; j < keys; j += ATTENTION_LANES)
				weights[weights_at + weights_row[r] + key + j] =
					j >= lo && j < hi ? p[j * ROWS + r] : -INFINITY;
	ATTENTION_EACH_ROW own[r] = -INFINITY;
	for (int j = lane; j < hi; j += ATTENTION_LANES)
		if (j >= lo)
			ATTENTION_EACH_ROW own[r] = clm_max(own[r], p[j * ROWS + r]);
	ATTENTION_FOLD_ROWS(clm_max, own, tops)
	ATTENTION_EACH_ROW own[r] = 0.0f;
	for (int j = lane; j < hi; j += ATTENTION_LANES)
		if (j >= lo)
			ATTENTION_EACH_ROW
			{
				float score = p[j * ROWS + r], power = clm_exp(score - tops[r]);

				if (score == -INFINITY)
					power = -1.0f;
				else
					own[r] = own[r] + power;
				p[j * ROWS + r] = power;
			}
	ATTENTION_FOLD_ROWS(attention_plus, own, sums)

	ulong slot = (((ulong)batch * g + head) * row_count + tile0) * blocks + block;
	if (lane < active) {
		ends[ends_at + (slot + (ulong)lane * blocks) * 2] = tops[lane];
		ends[ends_at + (slot + (ulong)lane * blocks) * 2 + 1] = sums[lane];
	}
	if (lo < hi)
		for (int c = lane; c < e; c += ATTENTION_LANES) {
			float chain[ROWS];

			ATTENTION_EACH_ROW chain[r] = 0.0f;
			for (int j = lo; j < hi; j++) {
				float value = KEPT_AT(v, (long)j * v_s + c);

				ATTENTION_EACH_ROW
				{
					float weight = p[j * ROWS + r], next = fma(weight, value, chain[r]);

					chain[r] = weight < 0.0f ? chain[r] : next;
				}
			}
			for (int r = 0; r < ROWS; r++)
				if (r < active)
					chains[chains_at + (slot + (ulong)r * blocks) * e + c] = chain[r];
		}
}

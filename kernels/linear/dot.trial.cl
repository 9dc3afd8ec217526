/* SPDX-License-Identifier: MIT */
/* What runtime/src/cl/trial.c runs to learn whether a device does what a form of dot_forms.clh says. One item. */
#include "dot_forms.clh"

#if VW == 1
#define TRIAL_LOAD(p) (*(p))
#else
#define TRIAL_LOAD(p) CLADE_CAT(vload, VW)(0, p)
#endif

/* Of each group: words[8, VW]; blocks[10], what bytes start from, nibbles, and 8 words of x; sums[2, VW], of the words
 * as bytes, of the first four as nibbles. */
__kernel void dot_trial(__global const uint *words, __global const uint *blocks, __global int *sums, uint groups)
{
	for (uint group = 0; group < groups; group++, words += 8 * VW, blocks += 10, sums += 2 * VW) {
		DOT_BYTES_SUM bytes = DOT_BYTES_START(blocks[0]);
		DOT_NIBBLES_SUM nibbles = DOT_NIBBLES_START(blocks[1]);

		_Pragma("unroll") for (int i = 0; i < 8; i++)
		{
			vu word = TRIAL_LOAD(words + i * VW);
			vu nibble = TRIAL_LOAD(words + i % 4 * VW) >> (uint)(i / 4 * 4) & 0x0f0f0f0fu;
			DOT_BYTES_T byte_taken = DOT_BYTES(word);
			DOT_NIBBLES_T nibble_taken = DOT_NIBBLES(nibble);

			DOT_BYTES_FOUR(bytes, byte_taken, blocks[2 + i]);
			DOT_NIBBLES_FOUR(nibbles, nibble_taken, blocks[2 + i]);
		}
		VSTORE(DOT_BYTES_TOTAL(bytes, blocks[0]), sums);
		VSTORE(DOT_NIBBLES_TOTAL(nibbles, blocks[1]), sums + VW);
	}
}

/* SPDX-License-Identifier: MIT */
/* attention of few rows on processors with vectors (attention_few.clh). */
#include "attention_few.clh"

__kernel void attention__few(ATTENTION_ARGS, int span)
{
	ATTENTION_ROWS_WALK(few_block, ROWS)
}

__kernel void attention__few_part(ATTENTION_PART_ARGS)
{
	ATTENTION_ROWS_PART(few_block, ROWS)
}

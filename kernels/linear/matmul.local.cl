/* SPDX-License-Identifier: MIT */
/* matmul for GPUs: y[batch, m, n] = a[batch, m, k] b[batch, k, n] with any strides of a and b, in tiles of 64 x 64 or
 * 32 x 32 by a group; products before `first` left out. Neighbouring items read along the axis whose stride is 1. */
#include "linear/matmul.clh"
#include "linear/product.local.clh"

#define MATMUL_LOCAL(name)                                                                                             \
	__kernel LT_SIZE void name(__global const float *a, ulong a_at, __global const float *b, ulong b_at,           \
				   __global float *y, ulong y_at, uint rows, uint n, uint k, long a_row,               \
				   long a_column, long b_row, long b_column, uint row_group, uint column_group,        \
				   uint first, MATMUL_AXES)                                                            \
	{                                                                                                              \
		uint item_of_batch = (uint)get_group_id(2) + first;                                                    \
                                                                                                                       \
		LT_BEGIN(row_group, column_group)                                                                      \
		y += y_at + (ulong)item_of_batch * rows * n;                                                           \
		{                                                                                                      \
			uint item = item_of_batch;                                                                     \
                                                                                                                       \
			MATMUL_SEEK_ALL                                                                                \
		}                                                                                                      \
		a += a_at;                                                                                             \
		b += b_at;                                                                                             \
		LT_SUM(rows, n, k, a_column == 1, a[(long)m * a_row + (long)i * a_column], b_row == 1,                 \
		       b[(long)i * b_row + (long)c * b_column])                                                        \
		LT_EACH_OWN(rows, n, y[(ulong)m * n + c] = value)                                                      \
	}

#define LT_ROWS 8
#define LT_DOWN 8
#define LT_ACROSS 16
MATMUL_LOCAL(matmul__local_64)

#undef LT_ROWS
#undef LT_ACROSS
#define LT_ROWS 4
#define LT_ACROSS 8
MATMUL_LOCAL(matmul__local_32)
#undef LT_ROWS
#undef LT_DOWN
#undef LT_ACROSS

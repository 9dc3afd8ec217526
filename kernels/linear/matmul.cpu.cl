/* SPDX-License-Identifier: MIT */
/* matmul on processors: an item is one register tile of MR rows by NV vectors of one product. Nothing is
 * packed: rows of b are read in place where its columns are neighbours, else lane by lane. No groups. */
#include "linear/matmul.clh"

#define MATMUL_UNROLL _Pragma("unroll")
#define MATMUL_WIDTH (VW * NV)

/* Vectors of row `from` of b; `columns` of them exist. */
static inline void matmul_load(vf value[NV], __global const float *from, long step, uint columns)
{
	float lanes[MATMUL_WIDTH];

	if (step == 1 && columns >= MATMUL_WIDTH) {
		MATMUL_UNROLL for (int v = 0; v < NV; v++) value[v] = VLOAD(from + v * VW);
		return;
	}
	for (uint j = 0; j < MATMUL_WIDTH; j++)
		lanes[j] = j < columns ? from[(long)j * step] : 0.0f;
	MATMUL_UNROLL for (int v = 0; v < NV; v++) value[v] = VLOAD(lanes + v * VW);
}

__kernel void matmul__cpu(__global const float *restrict a, ulong a_at, __global const float *restrict b, ulong b_at,
			  __global float *restrict y, ulong y_at, uint m, uint n, uint k, long a_row, long a_column,
			  long b_row, long b_column, uint first, MATMUL_AXES)
{
	uint column = get_global_id(0) * MATMUL_WIDTH, row = get_global_id(1) * MR, item = get_global_id(2) + first;
	uint columns = min(n - column, (uint)MATMUL_WIDTH), rows = min(m - row, (uint)MR);
	__global const float *from[MR];
	vf sum[MR][NV];

	y += y_at + ((ulong)item * m + row) * n + column;
	MATMUL_SEEK_ALL
	b += b_at + (ulong)column * b_column;
	MATMUL_UNROLL for (uint r = 0; r < MR; r++)
	{
		from[r] = a + a_at + (ulong)(row + min(r, rows - 1)) * a_row;
		MATMUL_UNROLL for (int v = 0; v < NV; v++) sum[r][v] = (vf)(0.0f);
	}
	for (uint start = 0; start < k; start += MATMUL_BLOCK) {
		uint end = min(k - start, (uint)MATMUL_BLOCK) + start;
		vf term[MR][NV];

		MATMUL_UNROLL for (int r = 0; r < MR; r++) MATMUL_UNROLL for (int v = 0; v < NV; v++) term[r][v] =
			(vf)(0.0f);
		for (uint i = start; i < end; i++) {
			vf value[NV];

			matmul_load(value, b + (ulong)i * b_row, b_column, columns);
			MATMUL_UNROLL for (int r = 0; r < MR; r++) MATMUL_UNROLL for (int v = 0; v < NV; v++)
				term[r][v] = fma((vf)(from[r][(ulong)i * a_column]), value[v], term[r][v]);
		}
		MATMUL_UNROLL for (int r = 0; r < MR; r++) MATMUL_UNROLL for (int v = 0; v < NV; v++) sum[r][v] =
			sum[r][v] + term[r][v];
	}
	MATMUL_UNROLL for (int r = 0; r < MR; r++)
	{
		float lanes[MATMUL_WIDTH];

		if (r >= (int)rows)
			break;
		if (columns == MATMUL_WIDTH) {
			MATMUL_UNROLL for (int v = 0; v < NV; v++) VSTORE(sum[r][v], y + (ulong)r * n + v * VW);
			continue;
		}
		MATMUL_UNROLL for (int v = 0; v < NV; v++) VSTORE(sum[r][v], lanes + v * VW);
		for (uint j = 0; j < columns; j++)
			y[(ulong)r * n + j] = lanes[j];
	}
}

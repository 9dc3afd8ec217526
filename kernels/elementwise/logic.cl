/* SPDX-License-Identifier: MIT */
/* Comparisons, logic, selection and conversion. A comparison of vectors gives -1, of scalars 1; storing a bool keeps
 * the lowest bit. */
#include "elementwise/elementwise.clh"

#if VW == 1
#define TO_FLOAT(v) ((float)(v))
#define TO_INT(v) ((int)(v))
#else
#define TO_FLOAT(v) CLADE_CAT(convert_float, VW)(v)
#define TO_INT(v) CLADE_CAT(convert_int, VW)(v)
#endif

/* Towards zero; beyond the range the nearest i32; a NaN gives 0. */
static inline vi saturate(vf x)
{
	vi inside = (x < 2147483648.0f) & (x > -2147483648.0f);
	vi edge = select((vi)(-2147483647 - 1), (vi)(2147483647), x > 0.0f);

	return select(select(edge, TO_INT(select((vf)(0.0f), x, inside)), inside), (vi)(0), x != x);
}

EW_BINARY(equal_f32, f32, bool, a == b)
EW_BINARY(equal_i32, i32, bool, a == b)
EW_BINARY(less_f32, f32, bool, a < b)
EW_BINARY(less_i32, i32, bool, a < b)
EW_BINARY(greater_f32, f32, bool, a > b)
EW_BINARY(greater_i32, i32, bool, a > b)
EW_BINARY(and_bool, bool, bool, (a != 0) & (b != 0))
EW_BINARY(or_bool, bool, bool, (a != 0) | (b != 0))
EW_UNARY(not_bool, bool, bool, x == 0)
EW_WHERE(where_f32, f32)
EW_WHERE(where_i32, i32)
EW_WHERE(where_bool, bool)
EW_UNARY(cast_f32_f32, f32, f32, x)
EW_UNARY(cast_f32_i32, f32, i32, saturate(x))
EW_UNARY(cast_f32_bool, f32, bool, x != 0.0f)
EW_UNARY(cast_i32_f32, i32, f32, TO_FLOAT(x))
EW_UNARY(cast_i32_i32, i32, i32, x)
EW_UNARY(cast_i32_bool, i32, bool, x != 0)
EW_UNARY(cast_bool_f32, bool, f32, TO_FLOAT(x & 1))
EW_UNARY(cast_bool_i32, bool, i32, x & 1)
EW_UNARY(cast_bool_bool, bool, bool, x & 1)

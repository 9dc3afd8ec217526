/* SPDX-License-Identifier: MIT */
/* Arithmetic of two broadcast inputs. Integers wrap, so they are computed unsigned. */
#include "elementwise/elementwise.clh"

#if VW == 1
#define AS_SIGNED(v) as_int(v)
#else
#define AS_SIGNED(v) CLADE_CAT(as_int, VW)(v)
#endif

EW_BINARY(add_f32, f32, f32, a + b)
EW_BINARY(sub_f32, f32, f32, a - b)
EW_BINARY(mul_f32, f32, f32, a *b)
EW_BINARY(div_f32, f32, f32, clm_div_v(a, b))
EW_BINARY(pow_f32, f32, f32, clm_pow_v(a, b))
EW_BINARY(maximum_f32, f32, f32, clm_max_nan_v(a, b))
EW_BINARY(minimum_f32, f32, f32, clm_min_nan_v(a, b))
EW_BINARY(add_i32, i32, i32, AS_SIGNED(VAS_UINT(a) + VAS_UINT(b)))
EW_BINARY(sub_i32, i32, i32, AS_SIGNED(VAS_UINT(a) - VAS_UINT(b)))
EW_BINARY(mul_i32, i32, i32, AS_SIGNED(VAS_UINT(a) * VAS_UINT(b)))

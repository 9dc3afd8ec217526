/* SPDX-License-Identifier: MIT */
/* Functions of one f32 input. */
#include "elementwise/elementwise.clh"

EW_UNARY(neg_f32, f32, f32, -x)
EW_UNARY(abs_f32, f32, f32, clm_abs_v(x))
EW_UNARY(sqrt_f32, f32, f32, clm_sqrt_v(x))
EW_UNARY(rsqrt_f32, f32, f32, clm_rsqrt_v(x))
EW_UNARY(reciprocal_f32, f32, f32, clm_recip_v(x))
EW_UNARY(exp_f32, f32, f32, clm_exp_v(x))
EW_UNARY(log_f32, f32, f32, clm_log_v(x))
EW_UNARY(erf_f32, f32, f32, clm_erf_v(x))
EW_UNARY(tanh_f32, f32, f32, clm_tanh_v(x))
EW_UNARY(relu_f32, f32, f32, clm_relu_v(x))
EW_UNARY(sigmoid_f32, f32, f32, clm_sigmoid_v(x))
EW_UNARY(silu_f32, f32, f32, clm_silu_v(x))
EW_UNARY(gelu_none_f32, f32, f32, clm_gelu_v(x))
EW_UNARY(gelu_tanh_f32, f32, f32, clm_gelu_tanh_v(x))

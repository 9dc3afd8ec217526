/* SPDX-License-Identifier: MIT */
/* The references of the element-wise ops: one function of single elements an op and type, and one loop. */
#include "elementwise.h"
#include "../math.h"

/* One element of the output from one element of each input. */
typedef void element_fn(void *y, const void *const *in);

#define F32(k) (*(const float *)in[k])
#define I32(k) (*(const int32_t *)in[k])
#define U32(k) ((uint32_t) * (const int32_t *)in[k])
#define BOOL(k) (*(const uint8_t *)in[k] != 0)
#define ELEMENT(name, type, value)                                                                                     \
	static void name(void *y, const void *const *in)                                                               \
	{                                                                                                              \
		*(type *)y = (type)(value);                                                                            \
	}

ELEMENT(add_f32, float, F32(0) + F32(1))
ELEMENT(sub_f32, float, F32(0) - F32(1))
ELEMENT(mul_f32, float, F32(0) * F32(1))
ELEMENT(div_f32, float, clm_div(F32(0), F32(1)))
ELEMENT(pow_f32, float, clm_pow(F32(0), F32(1)))
ELEMENT(maximum_f32, float, clm_max_nan(F32(0), F32(1)))
ELEMENT(minimum_f32, float, clm_min_nan(F32(0), F32(1)))
ELEMENT(add_i32, int32_t, U32(0) + U32(1))
ELEMENT(sub_i32, int32_t, U32(0) - U32(1))
ELEMENT(mul_i32, int32_t, U32(0) * U32(1))
ELEMENT(neg_f32, float, -F32(0))
ELEMENT(abs_f32, float, clm_abs(F32(0)))
ELEMENT(sqrt_f32, float, clm_sqrt(F32(0)))
ELEMENT(rsqrt_f32, float, clm_rsqrt(F32(0)))
ELEMENT(reciprocal_f32, float, clm_recip(F32(0)))
ELEMENT(exp_f32, float, clm_exp(F32(0)))
ELEMENT(log_f32, float, clm_log(F32(0)))
ELEMENT(erf_f32, float, clm_erf(F32(0)))
ELEMENT(tanh_f32, float, clm_tanh(F32(0)))
ELEMENT(relu_f32, float, clm_relu(F32(0)))
ELEMENT(sigmoid_f32, float, clm_sigmoid(F32(0)))
ELEMENT(silu_f32, float, clm_silu(F32(0)))
ELEMENT(gelu_f32, float, clm_gelu(F32(0)))
ELEMENT(gelu_tanh_f32, float, clm_gelu_tanh(F32(0)))
ELEMENT(equal_f32, uint8_t, F32(0) == F32(1))
ELEMENT(equal_i32, uint8_t, I32(0) == I32(1))
ELEMENT(less_f32, uint8_t, F32(0) < F32(1))
ELEMENT(less_i32, uint8_t, I32(0) < I32(1))
ELEMENT(greater_f32, uint8_t, F32(0) > F32(1))
ELEMENT(greater_i32, uint8_t, I32(0) > I32(1))
ELEMENT(and_bool, uint8_t, BOOL(0) && BOOL(1))
ELEMENT(or_bool, uint8_t, BOOL(0) || BOOL(1))
ELEMENT(not_bool, uint8_t, !BOOL(0))
ELEMENT(where_f32, float, BOOL(0) ? F32(1) : F32(2))
ELEMENT(where_i32, int32_t, BOOL(0) ? I32(1) : I32(2))
ELEMENT(where_bool, uint8_t, BOOL(0) ? BOOL(1) : BOOL(2))

/* Towards zero; beyond the range the nearest i32; a NaN gives 0. */
static int32_t saturate(float x)
{
	if (x != x)
		return 0;
	if (x >= 2147483648.0f)
		return INT32_MAX;
	return x <= -2147483648.0f ? INT32_MIN : (int32_t)x;
}

ELEMENT(f32_to_f32, float, F32(0))
ELEMENT(f32_to_i32, int32_t, saturate(F32(0)))
ELEMENT(f32_to_bool, uint8_t, F32(0) != 0.0f)
ELEMENT(i32_to_f32, float, I32(0))
ELEMENT(i32_to_i32, int32_t, I32(0))
ELEMENT(i32_to_bool, uint8_t, I32(0) != 0)
ELEMENT(bool_to_f32, float, BOOL(0))
ELEMENT(bool_to_i32, int32_t, BOOL(0))
ELEMENT(bool_to_bool, uint8_t, BOOL(0))

/* By the element type of the last input: f32, i32, bool. */
static element_fn *const elements[EW_COUNT][3] = {
	[EW_add] = { add_f32, add_i32 },
	[EW_sub] = { sub_f32, sub_i32 },
	[EW_mul] = { mul_f32, mul_i32 },
	[EW_div] = { div_f32 },
	[EW_pow] = { pow_f32 },
	[EW_maximum] = { maximum_f32 },
	[EW_minimum] = { minimum_f32 },
	[EW_neg] = { neg_f32 },
	[EW_abs] = { abs_f32 },
	[EW_sqrt] = { sqrt_f32 },
	[EW_rsqrt] = { rsqrt_f32 },
	[EW_reciprocal] = { reciprocal_f32 },
	[EW_exp] = { exp_f32 },
	[EW_log] = { log_f32 },
	[EW_erf] = { erf_f32 },
	[EW_tanh] = { tanh_f32 },
	[EW_relu] = { relu_f32 },
	[EW_sigmoid] = { sigmoid_f32 },
	[EW_silu] = { silu_f32 },
	[EW_gelu] = { gelu_f32 },
	[EW_equal] = { equal_f32, equal_i32 },
	[EW_less] = { less_f32, less_i32 },
	[EW_greater] = { greater_f32, greater_i32 },
	[EW_and] = { NULL, NULL, and_bool },
	[EW_or] = { NULL, NULL, or_bool },
	[EW_not] = { NULL, NULL, not_bool },
	[EW_where] = { where_f32, where_i32, where_bool },
};

/* By input type, then output type. */
static element_fn *const casts[3][3] = { { f32_to_f32, f32_to_i32, f32_to_bool },
					 { i32_to_f32, i32_to_i32, i32_to_bool },
					 { bool_to_f32, bool_to_i32, bool_to_bool } };

static const size_t element_bytes[3] = { sizeof(float), sizeof(int32_t), 1 };

static enum clade_status run_elements(const struct clade_run *run, element_fn *element)
{
	const struct clade_tensor *out = run->outputs[0];
	const unsigned char *in[EW_INPUTS] = { NULL };
	struct ew_loop loop;
	int64_t at[CLADE_MAX_RANK] = { 0 };
	unsigned char *y = out->data;
	int64_t left = 1;

	if (!element)
		return run->host->run_fail(run, CLADE_ERR_ARGUMENT, "the input's element type is not the op's");
	clade_elementwise_loop(out, run->inputs, run->input_count, &loop);
	for (uint32_t k = 0; k < run->input_count; k++)
		in[k] = run->inputs[k]->data;
	for (uint32_t axis = 0; axis < loop.axes; axis++)
		left *= loop.size[axis];
	for (; left > 0; left--) {
		element(y, (const void *const *)in);
		y += element_bytes[out->type.dtype];
		for (uint32_t axis = 0; axis < loop.axes; axis++) {
			bool carry = ++at[axis] == loop.size[axis];
			int64_t move = carry ? 1 - loop.size[axis] : 1;

			for (uint32_t k = 0; k < run->input_count; k++)
				in[k] += loop.step[k][axis] * move * (int64_t)element_bytes[run->inputs[k]->type.dtype];
			if (!carry)
				break;
			at[axis] = 0;
		}
	}
	return CLADE_OK;
}

static enum clade_status run_op(const struct clade_run *run, enum ew_index index)
{
	const struct gelu_params *gelu = run->params;
	enum clade_dtype dtype = run->inputs[run->input_count - 1]->type.dtype;

	if (dtype > CLADE_BOOL || run->outputs[0]->type.dtype > CLADE_BOOL)
		return run_elements(run, NULL);
	if (index == EW_cast)
		return run_elements(run, casts[dtype][run->outputs[0]->type.dtype]);
	if (index == EW_gelu && gelu->approximate == GELU_TANH)
		return run_elements(run, gelu_tanh_f32);
	return run_elements(run, elements[index][dtype]);
}

#define REFERENCE(name_, inputs_, source_)                                                                             \
	static enum clade_status run_##name_(const struct clade_run *run)                                              \
	{                                                                                                              \
		return run_op(run, EW_##name_);                                                                        \
	}                                                                                                              \
	static const struct clade_impl ref_##name_ = {                                                                 \
		.size = sizeof(struct clade_impl),                                                                     \
		.op = #name_,                                                                                          \
		.name = "ref",                                                                                         \
		.doc = "plain C, one element at a time",                                                               \
		.needs = CLADE_NEEDS_HOST,                                                                             \
		.strided_inputs = (1u << (inputs_)) - 1,                                                               \
		.run = run_##name_,                                                                                    \
	};
EW_OPS(REFERENCE)

#define ENTRY(name, inputs, source) [EW_##name] = &ref_##name,
const struct clade_impl *const clade_elementwise_refs[EW_COUNT] = { EW_OPS(ENTRY) };

/* SPDX-License-Identifier: MIT */
/* Rotary positions for the op `rope` and the blocks that turn queries and keys: attributes, their rules, frequencies
 * (ops/ARITHMETIC.md, section 8). Inline only. */
#ifndef CLADE_OPS_ROTARY_H
#define CLADE_OPS_ROTARY_H

#include "math.h"

#include <clade/op_kit.h>

#define ROPE_MOST_PAIRS 16384 /* rotary_dim is at most 32768 */

enum rope_layout { ROPE_HALVES, ROPE_INTERLEAVED };
enum rope_scaling { ROPE_NONE, ROPE_LINEAR, ROPE_LLAMA3 };

struct rope_params {
	float theta;
	int64_t rotary_dim;
	int32_t layout, scaling;
	float factor, low_factor, high_factor;
	int64_t original;
};
/* Columns that turn. */
static inline int64_t rope_width(const struct rope_params *params, int64_t d)
{
	return params->rotary_dim ? params->rotary_dim : d;
}

/* The attributes, but for the layout, of a struct that holds rope_params at byte `at`. */
#define ROPE_ATTRS(at)                                                                                                 \
	static const struct clade_attr theta =                                                                         \
		CLADE_ATTR(.name = "theta", .type = CLADE_ATTR_FLOAT,                                                  \
			   .offset = (at) + offsetof(struct rope_params, theta), .def.f = 10000, .min = 1e-3,          \
			   .max = 1e9, .help = "base of the frequencies");                                             \
	static const struct clade_attr rotary_dim =                                                                    \
		CLADE_ATTR(.name = "rotary_dim", .type = CLADE_ATTR_INT,                                               \
			   .offset = (at) + offsetof(struct rope_params, rotary_dim), .min = 0, .max = 32768,          \
			   .help = "leading columns that turn; 0: all");                                               \
	static const char *const scalings[] = { "none", "linear", "llama3", NULL };                                    \
	static const struct clade_attr scaling = CLADE_ATTR(.name = "scaling", .type = CLADE_ATTR_WORD,                \
							    .offset = (at) + offsetof(struct rope_params, scaling),    \
							    .def.i = ROPE_NONE, .words = scalings,                     \
							    .help = "stretches the waves for a longer context: all "   \
								    "of them, or the long ones as LLaMA 3.1 does");    \
	static const struct clade_attr factor =                                                                        \
		CLADE_ATTR(.name = "factor", .type = CLADE_ATTR_FLOAT,                                                 \
			   .offset = (at) + offsetof(struct rope_params, factor), .def.f = 1, .min = 1e-3, .max = 1e6, \
			   .help = "by how much scaling stretches");                                                   \
	static const struct clade_attr low_factor =                                                                    \
		CLADE_ATTR(.name = "low_factor", .type = CLADE_ATTR_FLOAT,                                             \
			   .offset = (at) + offsetof(struct rope_params, low_factor), .def.f = 1, .min = 1e-3,         \
			   .max = 1e6, .help = "llama3: waves longer than original / low_factor are stretched");       \
	static const struct clade_attr high_factor =                                                                   \
		CLADE_ATTR(.name = "high_factor", .type = CLADE_ATTR_FLOAT,                                            \
			   .offset = (at) + offsetof(struct rope_params, high_factor), .def.f = 4, .min = 1e-3,        \
			   .max = 1e6, .help = "llama3: waves shorter than original / high_factor stay");              \
	static const struct clade_attr original =                                                                      \
		CLADE_ATTR(.name = "original", .type = CLADE_ATTR_INT,                                                 \
			   .offset = (at) + offsetof(struct rope_params, original), .def.i = 8192, .min = 1,           \
			   .max = 1 << 30, .help = "llama3: the context before it was stretched")

/* What the op's `infer` and that of a block with the same attributes check; d: columns of a head; factors: or NULL. */
static inline enum clade_status rope_infer(struct clade_infer *infer, const struct rope_params *params, int64_t d,
					   const struct clade_type *factors)
{
	int64_t width = rope_width(params, d);

	if (d >= 0 && width > d)
		return infer->ops->fail(infer, "rotary_dim is %lld, a head has %lld columns", (long long)width,
					(long long)d);
	if (params->scaling == ROPE_LLAMA3 && params->high_factor <= params->low_factor)
		return infer->ops->fail(infer, "high_factor must be greater than low_factor");
	if (infer->ops->div(infer, width, 2) == INT64_MIN)
		return infer->ops->fail(infer, "%s columns cannot turn in pairs; the number must be even",
					infer->ops->text(infer, width));
	if (factors && infer->ops->div(infer, width, 2) != factors->dims[0])
		return infer->ops->fail(infer, "factors has %s elements; one a pair is needed, %s columns turn",
					infer->ops->text(infer, factors->dims[0]), infer->ops->text(infer, width));
	return CLADE_OK;
}

/* LLaMA 3.1: waves longer than original / low_factor are stretched by `factor`, those shorter than original /
 * high_factor stay, between them goes a line. */
static inline float rope_scale_llama3(const struct rope_params *params, float frequency)
{
	float original = (float)params->original, low = params->low_factor, high = params->high_factor;
	float length = clm_recip(frequency) * 6.2831853071795864769f;
	float smooth = clm_recip(length) * original, stretched;

	if (length > clm_div(original, low))
		return clm_div(frequency, params->factor);
	if (length < clm_div(original, high))
		return frequency;
	smooth = clm_div(smooth - low, high - low);
	stretched = clm_div((1.0f - smooth) * frequency, params->factor);
	return stretched + smooth * frequency;
}

/* Frequency of pair i of `half`, by the f32 operations of Hugging Face's transformers (modeling_rope_utils.py). */
static inline float rope_frequency(const struct rope_params *params, int64_t i, int64_t half)
{
	float exponent = clm_div((float)i, (float)half);
	float frequency = clm_recip(clade_kit_power(params->theta, exponent));

	if (params->scaling == ROPE_LINEAR)
		return clm_div(frequency, params->factor);
	return params->scaling == ROPE_LLAMA3 ? rope_scale_llama3(params, frequency) : frequency;
}

/* The frequencies of `half` pairs as a constant of the node. */
static inline enum clade_status rope_prepare_frequencies(struct clade_prepare *prepare,
							 const struct rope_params *params, int64_t half,
							 uint32_t *out_slot)
{
	struct clade_type type = { .dtype = CLADE_F32, .rank = 1, .dims = { half } };
	float values[ROPE_MOST_PAIRS];

	for (int64_t i = 0; i < half; i++)
		values[i] = rope_frequency(params, i, half);
	return prepare->host->constant(prepare, &type, values, out_slot);
}

#endif

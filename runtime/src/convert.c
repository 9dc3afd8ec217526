/* SPDX-License-Identifier: MIT */
/* Conversions between f32 and the two 16-bit float types, by bits, rounding to nearest even. */
#include <clade/tensor.h>
#include <string.h>

static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float float_of(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

float clade_bf16_to_f32(uint16_t bits)
{
	return float_of((uint32_t)bits << 16);
}

uint16_t clade_f32_to_bf16(float value)
{
	uint32_t bits = bits_of(value);

	/* A NaN stays one: rounding could carry it into infinity or lose its payload. */
	if ((bits & 0x7fffffffu) > 0x7f800000u)
		return (uint16_t)(bits >> 16 | 0x40u);
	return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

float clade_f16_to_f32(uint16_t bits)
{
	uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
	uint32_t exponent = bits >> 10 & 0x1fu, fraction = bits & 0x3ffu;

	if (exponent == 0x1fu)
		return float_of(sign | 0x7f800000u | fraction << 13);
	if (exponent == 0) /* zero or subnormal: fraction * 2^-24, exact in f32 */
		return float_of(sign | bits_of((float)fraction * 0x1p-24f));
	return float_of(sign | (exponent + 112u) << 23 | fraction << 13);
}

uint16_t clade_f32_to_f16(float value)
{
	uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
	uint32_t mantissa, shift, half, rest;

	if (magnitude > 0x7f800000u)
		return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
	if (magnitude >= 0x477ff000u) /* rounds to 65536 or more */
		return (uint16_t)(sign | 0x7c00u);
	if (magnitude >= 0x38800000u) /* normal in f16: rebias by 112, round the 13 bits that go */
		return (uint16_t)(sign | (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
	if (magnitude < 0x33000000u) /* below half of the smallest subnormal */
		return (uint16_t)sign;
	mantissa = (magnitude & 0x7fffffu) | 0x800000u;
	shift = 126u - (magnitude >> 23);
	half = mantissa >> shift;
	rest = mantissa & ((1u << shift) - 1u);
	if (rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && half & 1u))
		half++;
	return (uint16_t)(sign | half);
}

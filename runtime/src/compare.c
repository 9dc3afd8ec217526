/* SPDX-License-Identifier: MIT */
/* Comparing two arrays: equal bits (-0 is +0, any NaN is one NaN), and how far apart they are otherwise. */
#include <clade/tensor.h>
#include <math.h>
#include <string.h>

/* One element as a double, and its place on the type's grid of representable values (for distances in ULP). */
struct element {
	double value;
	double place;
};

static double ordered(int64_t bits, int64_t sign)
{
	return bits & sign ? -(double)(bits & ~sign) : (double)bits;
}

static struct element load_f32(const void *at)
{
	float value;
	int32_t bits;

	memcpy(&value, at, sizeof(value));
	memcpy(&bits, at, sizeof(bits));
	return (struct element) { (double)value, ordered(bits & 0xffffffffll, 0x80000000ll) };
}

static struct element load_f64(const void *at)
{
	double value;
	int64_t bits;

	memcpy(&value, at, sizeof(value));
	memcpy(&bits, at, sizeof(bits));
	return (struct element) { value, ordered(bits, INT64_MIN) };
}

static struct element load_f16(const void *at)
{
	uint16_t bits;

	memcpy(&bits, at, sizeof(bits));
	return (struct element) { (double)clade_f16_to_f32(bits), ordered(bits, 0x8000) };
}

static struct element load_bf16(const void *at)
{
	uint16_t bits;

	memcpy(&bits, at, sizeof(bits));
	return (struct element) { (double)clade_bf16_to_f32(bits), ordered(bits, 0x8000) };
}

#define LOAD_INTEGER(name, ctype)                                                                                      \
	static struct element name(const void *at)                                                                     \
	{                                                                                                              \
		ctype value;                                                                                           \
                                                                                                                       \
		memcpy(&value, at, sizeof(value));                                                                     \
		return (struct element) { (double)value, (double)value };                                              \
	}
LOAD_INTEGER(load_i32, int32_t)
LOAD_INTEGER(load_u8, uint8_t)
LOAD_INTEGER(load_i8, int8_t)
LOAD_INTEGER(load_i16, int16_t)
LOAD_INTEGER(load_i64, int64_t)

static struct element (*const loaders[CLADE_DTYPE_COUNT])(const void *) = {
	[CLADE_F32] = load_f32,   [CLADE_I32] = load_i32, [CLADE_BOOL] = load_u8, [CLADE_F16] = load_f16,
	[CLADE_BF16] = load_bf16, [CLADE_F64] = load_f64, [CLADE_I8] = load_i8,   [CLADE_I16] = load_i16,
	[CLADE_I64] = load_i64,   [CLADE_U8] = load_u8,
};

static void add_difference(struct clade_compare *out, int64_t index, struct element got, struct element expected)
{
	double difference = fabs(got.value - expected.value), ulp = fabs(got.place - expected.place);

	/* A NaN or an infinity against anything else is infinitely far. */
	if (isnan(got.value) || isnan(expected.value) || isinf(got.value) || isinf(expected.value)) {
		difference = INFINITY;
		ulp = INFINITY;
	}
	out->bit_equal = false;
	if (out->worst < 0 || difference > out->max_abs) {
		out->max_abs = difference;
		out->worst = index;
	}
	if (ulp > out->max_ulp)
		out->max_ulp = ulp;
}

void clade_compare_arrays(const struct clade_type *type, const void *got, const void *expected,
			  struct clade_compare *out)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);
	double error = 0, norm = 0;
	int64_t count;

	*out = (struct clade_compare) { .bit_equal = true, .worst = -1 };
	if (!info || !loaders[type->dtype] || !clade_type_count(type, &count)) {
		*out = (struct clade_compare) { false, INFINITY, INFINITY, INFINITY, -1 };
		return;
	}
	for (int64_t i = 0; i < count; i++) {
		const char *a = (const char *)got + (size_t)i * info->bytes;
		const char *b = (const char *)expected + (size_t)i * info->bytes;
		struct element x = loaders[type->dtype](a), y = loaders[type->dtype](b);
		bool same = memcmp(a, b, info->bytes) == 0 ||
			    (info->is_float && (x.value == y.value || (isnan(x.value) && isnan(y.value))));

		if (isfinite(y.value))
			norm += y.value * y.value;
		if (same)
			continue;
		add_difference(out, i, x, y);
		error += (x.value - y.value) * (x.value - y.value);
	}
	/* i64 values that differ below a double's precision have error 0 but are not equal. */
	if (out->bit_equal)
		out->nmse = 0;
	else if (isinf(out->max_abs) || norm == 0)
		out->nmse = INFINITY;
	else
		out->nmse = error / norm;
}

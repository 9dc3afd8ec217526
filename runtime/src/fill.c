/* SPDX-License-Identifier: MIT */
/* The fills of test cases: ordinary and hostile values, the same on every machine (no libm). */
#include "case.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct stream {
	uint64_t state;
	int64_t argument, columns; /* columns: length of the last axis */
	double previous, constant;
};

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t draw(struct stream *stream)
{
	uint64_t z = stream->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static double draw_uniform(struct stream *stream)
{
	return (double)(draw(stream) >> 11) * 0x1p-53;
}

/* The sum of four uniform numbers, centred and scaled to variance 1: normal enough, and exact everywhere. */
static double draw_normal(struct stream *stream)
{
	uint64_t a = draw(stream), b = draw(stream);
	double sum = (double)(a >> 32) + (double)(a & 0xffffffffu) + (double)(b >> 32) + (double)(b & 0xffffffffu);

	return (sum * 0x1p-32 - 2.0) * 1.7320508075688772;
}

/* ---- one value of each fill; `index` counts elements in row-major order ---- */

static double fill_normal(struct stream *stream, int64_t index)
{
	return draw_normal(stream);
}

static double fill_uniform(struct stream *stream, int64_t index)
{
	return 2.0 * draw_uniform(stream) - 1.0;
}

static double fill_zeros(struct stream *stream, int64_t index)
{
	return 0;
}

static double fill_ones(struct stream *stream, int64_t index)
{
	return 1;
}

/* Squares overflow f32. */
static double fill_huge(struct stream *stream, int64_t index)
{
	return draw_normal(stream) * 0x1p100;
}

/* Far below 1, but squares stay normal: subnormal results are outside the promise of equal bits. */
static double fill_tiny(struct stream *stream, int64_t index)
{
	double magnitude = (0.5 + draw_uniform(stream)) * 0x1p-60;

	return draw(stream) & 1 ? magnitude : -magnitude;
}

/* Products of many stay far from the ends of f32's range. */
static double fill_near1(struct stream *stream, int64_t index)
{
	return 1.0 + draw_normal(stream) * 0x1p-5;
}

static double fill_cancel(struct stream *stream, int64_t index)
{
	if (index % 2)
		return draw_normal(stream) - stream->previous;
	stream->previous = draw_normal(stream) * 4096.0;
	return stream->previous;
}

static double fill_equal(struct stream *stream, int64_t index)
{
	if (index == 0)
		stream->constant = draw_normal(stream);
	return stream->constant;
}

/* About one in 16, and always the first, so that no small array goes without. */
static bool is_rare(struct stream *stream, int64_t index)
{
	return draw(stream) % 16 == 0 || index == 0;
}

static double fill_nan(struct stream *stream, int64_t index)
{
	double value = draw_normal(stream);

	return is_rare(stream, index) ? NAN : value;
}

static double fill_inf(struct stream *stream, int64_t index)
{
	double value = draw_normal(stream);

	return is_rare(stream, index) ? copysign(INFINITY, value) : value;
}

static double fill_ninf(struct stream *stream, int64_t index)
{
	double value = draw_normal(stream);

	return is_rare(stream, index) ? -INFINITY : value;
}

/* No subnormals: they are outside the promise of equal bits. */
static double fill_specials(struct stream *stream, int64_t index)
{
	const double specials[] = { (double)NAN,     (double)INFINITY, -(double)INFINITY, 0.0, -0.0,
				    (double)FLT_MAX, -(double)FLT_MAX, 0x1p-60,           1.0, -0x1p-60 };
	double value = draw_normal(stream);
	uint64_t pick = draw(stream) % 20;

	return pick < 10 ? specials[pick] : value;
}

static double fill_ids(struct stream *stream, int64_t index)
{
	return (double)(draw(stream) % (uint64_t)stream->argument);
}

static double fill_badids(struct stream *stream, int64_t index)
{
	const double bad[] = { -1, (double)stream->argument, (double)INT32_MIN, (double)INT32_MAX };
	double value = fill_ids(stream, index);

	return is_rare(stream, index) ? bad[(uint64_t)index % 4] : value;
}

static double fill_positions(struct stream *stream, int64_t index)
{
	return (double)(stream->argument + index % stream->columns);
}

static double fill_mask(struct stream *stream, int64_t index)
{
	return (double)(draw(stream) >> 63);
}

/* One row in three is all false. */
static double fill_rowmask(struct stream *stream, int64_t index)
{
	if (index % stream->columns == 0)
		stream->constant = index / stream->columns % 3 == 1 ? 0 : 1;
	return fill_mask(stream, index) * stream->constant;
}

static double fill_integer(struct stream *stream, int64_t index)
{
	return (double)(draw(stream) % 201) - 100;
}

static double fill_integer_specials(struct stream *stream, int64_t index)
{
	const double specials[] = { (double)INT32_MIN, (double)INT32_MAX, -1, 0, 1 };
	double value = fill_integer(stream, index);
	uint64_t pick = draw(stream) % 10;

	return pick < 5 ? specials[pick] : value;
}

enum classes { FLOATS = 1, INTEGERS = 2, BOOLS = 4, ALL = 7 };
enum argument { NONE, OPTIONAL, REQUIRED };
static const struct fill {
	const char *name;
	unsigned classes;
	enum argument argument;
	double (*value)(struct stream *stream, int64_t index);
} fills[] = {
	{ "normal", FLOATS, NONE, fill_normal },
	{ "normal", INTEGERS, NONE, fill_integer },
	{ "normal", BOOLS, NONE, fill_mask },
	{ "uniform", FLOATS, NONE, fill_uniform },
	{ "zeros", ALL, NONE, fill_zeros },
	{ "ones", ALL, NONE, fill_ones },
	{ "huge", FLOATS, NONE, fill_huge },
	{ "tiny", FLOATS, NONE, fill_tiny },
	{ "near1", FLOATS, NONE, fill_near1 },
	{ "cancel", FLOATS, NONE, fill_cancel },
	{ "equal", FLOATS, NONE, fill_equal },
	{ "nan", FLOATS, NONE, fill_nan },
	{ "inf", FLOATS, NONE, fill_inf },
	{ "ninf", FLOATS, NONE, fill_ninf },
	{ "specials", FLOATS, NONE, fill_specials },
	{ "specials", INTEGERS, NONE, fill_integer_specials },
	{ "ids", INTEGERS, REQUIRED, fill_ids },
	{ "badids", INTEGERS, REQUIRED, fill_badids },
	{ "positions", INTEGERS | FLOATS, OPTIONAL, fill_positions },
	{ "mask", ALL, NONE, fill_mask },
	{ "rowmask", ALL, NONE, fill_rowmask },
	{ "allfalse", ALL, NONE, fill_zeros },
	{ "alltrue", ALL, NONE, fill_ones },
};

static const struct fill *find_fill(const char *name, unsigned class_bit)
{
	for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++)
		if (strcmp(fills[i].name, name) == 0 && fills[i].classes & class_bit)
			return &fills[i];
	return NULL;
}

/* ---- storing a value as each element type ---- */

static void store(enum clade_dtype dtype, double value, void *target, int64_t index)
{
	switch (dtype) {
	case CLADE_F32:
		((float *)target)[index] = (float)value;
		break;
	case CLADE_F64:
		((double *)target)[index] = value;
		break;
	case CLADE_F16:
		((uint16_t *)target)[index] = clade_f32_to_f16((float)value);
		break;
	case CLADE_BF16:
		((uint16_t *)target)[index] = clade_f32_to_bf16((float)value);
		break;
	case CLADE_I32:
		((int32_t *)target)[index] = (int32_t)value;
		break;
	case CLADE_I64:
		((int64_t *)target)[index] = (int64_t)value;
		break;
	case CLADE_I16:
		((int16_t *)target)[index] = (int16_t)(int64_t)value;
		break;
	case CLADE_I8:
	case CLADE_U8:
	case CLADE_BOOL:
		((uint8_t *)target)[index] = (uint8_t)(int64_t)value;
		break;
	case CLADE_Q8_0: /* whole blocks: store_blocks */
	case CLADE_Q4_0:
	case CLADE_DTYPE_COUNT:
		break;
	}
}

/* A block of 32 values as the type stores them: the scale that their largest magnitude needs, an infinity or a NaN
 * where one of them is, and rounded quants. */
static void store_block(enum clade_dtype dtype, const double values[32], unsigned char *at)
{
	double most = 0, top = dtype == CLADE_Q8_0 ? 127 : 7, scale;
	uint16_t bits;
	int quants[32];

	for (int i = 0; i < 32; i++)
		if (isnan(values[i]) || fabs(values[i]) > most)
			most = isnan(most) ? most : fabs(values[i]);
	scale = most / top;
	bits = clade_f32_to_f16((float)scale);
	if (scale > 0 && !(bits & 0x7fff)) /* below f16: a subnormal scale is worth testing, too */
		bits = 0x0155;
	for (int i = 0; i < 32; i++) {
		double q = isfinite(scale) && scale > 0 ? values[i] / scale : values[i] < 0 ? -1 : 1;

		quants[i] = (int)(q < 0 ? q - 0.5 : q + 0.5);
	}
	memcpy(at, &bits, 2);
	for (int i = 0; i < 32 && dtype == CLADE_Q8_0; i++)
		at[2 + i] = (unsigned char)quants[i];
	for (int i = 0; i < 16 && dtype == CLADE_Q4_0; i++)
		at[2 + i] = (unsigned char)((quants[i] + 8) | (quants[16 + i] + 8) << 4);
}

static void store_blocks(const struct clade_type *type, const struct fill *row, struct stream *stream, int64_t count,
			 unsigned char *target)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);

	for (int64_t i = 0; i < count; i += info->block, target += info->bytes) {
		double values[32];

		for (int64_t j = 0; j < 32; j++)
			values[j] = row->value(stream, i + j);
		store_block(type->dtype, values, target);
	}
}

bool clade_case_fill(const struct clade_type *type, const char *fill, int64_t argument, bool has_argument,
		     uint64_t seed, void *target)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);
	struct stream stream = { .state = seed, .argument = argument, .columns = 1 };
	const struct fill *row;
	int64_t count;

	if (!info || !clade_type_count(type, &count))
		return false;
	row = find_fill(fill[0] ? fill : "normal", info->is_float ? FLOATS : info->is_integer ? INTEGERS : BOOLS);
	if (!row || (row->argument == NONE && has_argument) || (row->argument == REQUIRED && !has_argument))
		return false;
	if (row->argument == REQUIRED && argument < 1)
		return false;
	if (type->rank && type->dims[type->rank - 1] > 0)
		stream.columns = type->dims[type->rank - 1];
	if (info->block > 1) {
		store_blocks(type, row, &stream, count, target);
		return true;
	}
	for (int64_t i = 0; i < count; i++)
		store(type->dtype, row->value(&stream, i), target, i);
	return true;
}

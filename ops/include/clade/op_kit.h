/* SPDX-License-Identifier: MIT */
/* What several ops need and an op that is a plugin may have too: inline only, nothing to link. Counts of elements,
 * copies between strided arrays (host and device), frequencies of rotations and waves in double precision. */
#ifndef CLADE_OP_KIT_H
#define CLADE_OP_KIT_H

#include <clade/host.h>
#include <stdio.h>
#include <string.h>

/* Rows of an op's tables; fields that are left out are 0. */
#define CLADE_PORT(...)                                                                                                \
	{                                                                                                              \
		.size = sizeof(struct clade_port), __VA_ARGS__                                                         \
	}
#define CLADE_ATTR(...)                                                                                                \
	{                                                                                                              \
		.size = sizeof(struct clade_attr), __VA_ARGS__                                                         \
	}
/* name, attributes (or NULL), flags, then the inputs' texts */
#define CLADE_CASE(name_, attrs_, flags_, ...)                                                                         \
	(&(const struct clade_case) { sizeof(struct clade_case), name_, attrs_,                                        \
				      ((const char *const[]) { __VA_ARGS__, NULL }), flags_ })

/* The value of tunable `index` that was measured, or `otherwise`. `tuned`: a node's or a run's, may be NULL. */
static inline int32_t clade_kit_tuned(const int32_t *tuned, uint32_t index, int32_t otherwise)
{
	return tuned && tuned[index] ? tuned[index] : otherwise;
}

/* Product of the dims first .. end - 1 of a concrete type; its size was checked when its memory was made. */
static inline int64_t clade_kit_product(const struct clade_type *type, uint32_t first, uint32_t end)
{
	int64_t product = 1;

	for (uint32_t i = first; i < end; i++)
		product *= type->dims[i];
	return product;
}

static inline int64_t clade_kit_count(const struct clade_type *type)
{
	return clade_kit_product(type, 0, type->rank);
}

static inline uint32_t clade_kit_width(enum clade_dtype dtype)
{
	return dtype == CLADE_BOOL ? 1u : dtype == CLADE_F16 ? 2u : 4u;
}

/* An axis counted from the front; -1 if `axis` does not exist in `rank` axes. */
static inline int32_t clade_kit_axis(int64_t axis, uint32_t rank)
{
	int64_t from_front = axis < 0 ? axis + (int64_t)rank : axis;

	return from_front >= 0 && from_front < (int64_t)rank ? (int32_t)from_front : -1;
}

/* A shape as [outer, n, inner] around one axis. */
struct clade_kit_around {
	int64_t outer, n, inner;
};
/* `axis` as clade_kit_axis takes it; false if there is no such axis. */
static inline bool clade_kit_split(const struct clade_type *type, int64_t axis, struct clade_kit_around *out)
{
	int32_t at = clade_kit_axis(axis, type->rank);

	if (at < 0)
		return false;
	out->outer = clade_kit_product(type, 0, (uint32_t)at);
	out->n = type->dims[at];
	out->inner = clade_kit_product(type, (uint32_t)at + 1, type->rank);
	return true;
}

/* Whether register tiles pay on the node's device; on false, `why` says why not. */
static inline bool clade_kit_tiles_pay(const struct clade_device_info *device, char *why, size_t why_size)
{
	if (device->kind != CLADE_DEVICE_CPU) {
		snprintf(why, why_size, "register tiles are for processors, this device is none");
		return false;
	}
	if (device->soft_fma) {
		snprintf(why, why_size, "fma is software on this device, so tiles gain nothing and compile slowly");
		return false;
	}
	return true;
}

/* How an op's kernels are spread: few big items on processors with vectors, many small ones on everything else (GPUs,
 * and llvmpipe, which ends all loops of an item after 65535 iterations: Mesa 22.3). */
static inline bool clade_kit_big_items(const struct clade_device_info *device)
{
	return device->kind == CLADE_DEVICE_HOST || (device->kind == CLADE_DEVICE_CPU && device->vector_width > 1);
}

/* Items a group along one axis: llvmpipe takes few of a kernel with loops. */
static inline uint32_t clade_kit_group(const struct clade_device_info *device)
{
	return clade_kit_big_items(device) ? 1u : device->kind == CLADE_DEVICE_CPU ? 16u : 64u;
}

/* Whether a work-item may loop `passes` times over a row of `length` (and, in blocks of 64, a little more) on this
 * device; some drivers end all loops early, without a word. On false, `why` says so. */
static inline bool clade_kit_loops_fit(const struct clade_device_info *device, int64_t length, int64_t passes,
				       char *why, size_t why_size)
{
	if (!device->loop_limit || length <= (int64_t)(device->loop_limit - device->loop_limit / 16) / passes)
		return true;
	snprintf(why, why_size, "rows of %lld are too long: this driver ends a kernel's loops after %lu iterations",
		 (long long)length, (unsigned long)device->loop_limit);
	return false;
}

/* `view` becomes `tensor` moved forward by `elements`. */
static inline void clade_kit_shift(struct clade_tensor *view, const struct clade_tensor *tensor, int64_t elements)
{
	uint64_t bytes = (uint64_t)elements * clade_kit_width(tensor->type.dtype);

	*view = *tensor;
	if (view->data)
		view->data = (char *)view->data + bytes;
	else
		view->offset += bytes;
}

/* A copy between two strided arrays of equal shape, axes merged where both sides allow it. Axis 0 is the innermost.
 * Strides count elements; a source stride of 0 repeats. */
struct clade_walk {
	uint32_t rank; /* at least 1 */
	int64_t dims[CLADE_MAX_RANK], from[CLADE_MAX_RANK], to[CLADE_MAX_RANK];
};

/* `dims`, `from` and `to` have the outermost axis first, as tensors do. */
static inline void clade_walk_make(struct clade_walk *walk, uint32_t rank, const int64_t *dims, const int64_t *from,
				   const int64_t *to)
{
	walk->rank = 0;
	for (uint32_t i = rank; i-- > 0;) {
		uint32_t top = walk->rank - 1;

		if (dims[i] == 1)
			continue;
		/* 2^30 keeps every index of the kernels within 32 bits. */
		if (walk->rank && from[i] == walk->from[top] * walk->dims[top] &&
		    to[i] == walk->to[top] * walk->dims[top] && dims[i] <= (1 << 30) / (walk->dims[top] + 1)) {
			walk->dims[top] *= dims[i];
			continue;
		}
		walk->dims[walk->rank] = dims[i];
		walk->from[walk->rank] = from[i];
		walk->to[walk->rank] = to[i];
		walk->rank++;
	}
	if (!walk->rank) {
		walk->dims[0] = walk->from[0] = walk->to[0] = 1;
		walk->rank = 1;
	}
}

/* Where row `row` of the walk begins on both sides. */
static inline void clade_walk_row(const struct clade_walk *walk, int64_t row, int64_t *out_from, int64_t *out_to)
{
	*out_from = *out_to = 0;
	for (uint32_t i = 1; i < walk->rank; i++) {
		*out_from += row % walk->dims[i] * walk->from[i];
		*out_to += row % walk->dims[i] * walk->to[i];
		row /= walk->dims[i];
	}
}

static inline int64_t clade_walk_rows(const struct clade_walk *walk)
{
	int64_t rows = 1;

	for (uint32_t i = 1; i < walk->rank; i++)
		rows *= walk->dims[i];
	return rows;
}

/* On the host device: `width` is the bytes of an element. */
static inline void clade_walk_host(const struct clade_walk *walk, const void *source, void *target, size_t width)
{
	int64_t rows = clade_walk_rows(walk), n = walk->dims[0], from, to;

	for (int64_t row = 0; row < rows && n; row++) {
		clade_walk_row(walk, row, &from, &to);
		if (walk->from[0] == 1 && walk->to[0] == 1) {
			memmove((char *)target + (size_t)to * width, (const char *)source + (size_t)from * width,
				(size_t)n * width);
			continue;
		}
		for (int64_t i = 0; i < n; i++)
			memmove((char *)target + (size_t)(to + i * walk->to[0]) * width,
				(const char *)source + (size_t)(from + i * walk->from[0]) * width, width);
	}
}

/* With the kernel `copy_4` or `copy_1` (kernels/include/copy.clh) in `slot`, by the tensors' element width. */
static inline enum clade_status clade_walk_launch(const struct clade_run *run, uint32_t slot,
						  const struct clade_walk *walk, const struct clade_tensor *source,
						  const struct clade_tensor *target)
{
	bool big = clade_kit_big_items(run->device);
	int64_t rows = clade_walk_rows(walk), n = walk->dims[0], many, span;
	uint32_t count = 0;

	if (rows > UINT32_MAX / 2 || n > UINT32_MAX / 2)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED,
					   "a copy of %lld rows of %lld elements is more than 32 bits can count",
					   (long long)rows, (long long)n);
	/* About 64 items for a processor; rows longer than 16384 elements are cut. */
	many = big ? (rows + 63) / 64 : 1;
	span = big ? (rows >= 64 || n < 16384 ? n : (n + 15) / 16) : 1;
	if (!rows || !n)
		return CLADE_OK;
	struct clade_arg args[9 + 3 * (CLADE_MAX_RANK - 1)] = {
		CLADE_TENSOR(source), CLADE_TENSOR(target),      CLADE_UINT(walk->rank),
		CLADE_UINT(rows),     CLADE_UINT(many),          CLADE_UINT(n),
		CLADE_UINT(span),     CLADE_LONG(walk->from[0]), CLADE_LONG(walk->to[0]),
	};
	const uint64_t global[3] = { (uint64_t)((n + span - 1) / span), (uint64_t)((rows + many - 1) / many), 1 };
	const uint32_t local[3] = { clade_kit_group(run->device), 1, 1 };

	count = 9;
	for (uint32_t i = 1; i < CLADE_MAX_RANK; i++) {
		bool used = i < walk->rank;

		args[count++] = (struct clade_arg)CLADE_UINT(used ? walk->dims[i] : 1);
		args[count++] = (struct clade_arg)CLADE_LONG(used ? walk->from[i] : 0);
		args[count++] = (struct clade_arg)CLADE_LONG(used ? walk->to[i] : 0);
	}
	return run->host->launch(run, slot, args, count, global, local);
}

/* ---- base^x in double precision by our own code, so that every C library gives the same bits. Only +, -, *, / and
 * conversions are used, all correctly rounded. Relative error below 4e-15 for base in 1e-3 .. 1e9 and |x| <= 1 (tested
 * against MPFR), so the nearest float is found except where base^x lies within 4e-15 of a rounding boundary. ---- */

/* ln(a) for finite a > 0: a = 2^k * m with m in [sqrt(1/2), sqrt(2)), ln m = 2 atanh((m - 1) / (m + 1)). */
static inline double clade_kit_log(double a)
{
	double s, square, sum = 0.0;
	int64_t k = 0;

	while (a >= 1.4142135623730951) {
		a *= 0.5;
		k++;
	}
	while (a < 0.70710678118654757) {
		a *= 2.0;
		k--;
	}
	s = (a - 1.0) / (a + 1.0);
	square = s * s;
	for (int term = 25; term >= 3; term -= 2)
		sum = (sum + 1.0 / term) * square;
	/* ln 2 in two parts, the first with trailing zeros, so that k times it is exact. */
	return (double)k * 0x1.62e42feep-1 + ((double)k * 0x1.a39ef35793c76p-33 + (2.0 * s + 2.0 * s * sum));
}

/* e^a for |a| < 700: a = k ln 2 + r, |r| <= 0.35, Taylor's series to the 17th power. */
static inline double clade_kit_exp(double a)
{
	int64_t k = (int64_t)(a * 1.4426950408889634 + (a < 0.0 ? -0.5 : 0.5));
	double r = (a - (double)k * 0x1.62e42feep-1) - (double)k * 0x1.a39ef35793c76p-33;
	double sum = 1.0, power = k < 0 ? 0.5 : 2.0;

	for (int term = 17; term >= 1; term--)
		sum = 1.0 + sum * r / term;
	for (int64_t i = k < 0 ? -k : k; i > 0; i--)
		sum *= power;
	return sum;
}

/* base^x rounded to float; base > 0. */
static inline float clade_kit_power(double base, double x)
{
	return x == 0.0 ? 1.0f : (float)clade_kit_exp(x * clade_kit_log(base));
}

/* base^(-numerator / denominator), rounded to float; base > 0. A denominator of 0 gives 1. */
static inline float clade_kit_inverse_frequency(double base, int64_t numerator, int64_t denominator)
{
	if (!numerator || !denominator)
		return 1.0f;
	return (float)clade_kit_exp(-(double)numerator / (double)denominator * clade_kit_log(base));
}

#endif

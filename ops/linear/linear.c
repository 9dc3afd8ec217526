/* SPDX-License-Identifier: MIT */
/* The op `linear`: ports, shapes and cases. */
#include "linear_internal.h"

#include <clade/op_kit.h>
#include <clade/stored.h>

static const struct clade_port x = CLADE_PORT(.name = "x", .flags = CLADE_IN, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .shape = "[..., k]", .help = "rows to transform");
static const struct clade_port w = CLADE_PORT(.name = "w", .flags = CLADE_IN | CLADE_STORED,
					      .dtypes = CLADE_DTYPE_BIT(CLADE_F32) | CLADE_STORED_DTYPES,
					      .shape = "[n, k]", .help = "weight, stored [out, in]");
static const struct clade_port bias =
	CLADE_PORT(.name = "bias", .flags = CLADE_IN | CLADE_OPTIONAL, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
		   .shape = "[n]", .help = "added to every row");
static const struct clade_port y = CLADE_PORT(.name = "y", .flags = CLADE_OUT, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .shape = "[..., n]", .help = "x transposed(w) + bias");

#define CASE(name_, flags_, ...) CLADE_CASE(name_, NULL, flags_, __VA_ARGS__)
/* m rows, n outputs, k inputs; the weight bound as a weight (packed where an implementation wants it so). */
#define PACKED(m, n, k) CASE(#m "x" #n "x" #k, 0, "x = f32[" #m ", " #k "]", "w = f32[" #n ", " #k "] normal weight")
#define BIASED(m, n, k)                                                                                                \
	CASE(#m "x" #n "x" #k " bias", 0, "x = f32[" #m ", " #k "]", "w = f32[" #n ", " #k "] normal weight",          \
	     "bias = f32[" #n "] normal weight")
#define VALUES(m, n, k)                                                                                                \
	CASE(#m "x" #n "x" #k " values", 0, "x = f32[" #m ", " #k "]", "w = f32[" #n ", " #k "]", "bias = f32[" #n "]")
#define FILLED(fill)                                                                                                   \
	CASE(fill, 0, "x = f32[13, 300] " fill, "w = f32[33, 300] " fill " weight", "bias = f32[33] " fill " weight")
#define STORED_AS(m, n, k, type)                                                                                       \
	CASE(type " " #m "x" #n "x" #k, 0, "x = f32[" #m ", " #k "]", "w = " type "[" #n ", " #k "] normal weight"),   \
		CASE(type " " #m "x" #n "x" #k " values", 0, "x = f32[" #m ", " #k "]",                                \
		     "w = " type "[" #n ", " #k "]", "bias = f32[" #n "]")
#define STORED(m, n, k)                                                                                                \
	STORED_AS(m, n, k, "q8_0"), STORED_AS(m, n, k, "q4_0"), STORED_AS(m, n, k, "f16"), STORED_AS(m, n, k, "bf16")
#define STORED_FILLED_AS(fill, type)                                                                                   \
	CASE(type " " fill, 0, "x = f32[13, 320] " fill, "w = " type "[33, 320] " fill " weight",                      \
	     "bias = f32[33] " fill " weight")
#define STORED_FILLED(fill)                                                                                            \
	STORED_FILLED_AS(fill, "q8_0"), STORED_FILLED_AS(fill, "q4_0"), STORED_FILLED_AS(fill, "f16"),                 \
		STORED_FILLED_AS(fill, "bf16")
#define TIMED(m, n, k)                                                                                                 \
	CASE(#m "x" #n "x" #k, CLADE_CASE_LARGE | CLADE_CASE_BENCH, "x = f32[" #m ", " #k "]",                         \
	     "w = f32[" #n ", " #k "] normal weight", "bias = f32[" #n "] normal weight")

static const struct clade_case *const cases[] = {
	/* nothing: no rows, no outputs, no inputs (an empty sum is +0) */
	PACKED(0, 7, 5), PACKED(3, 0, 5), PACKED(3, 7, 0), BIASED(3, 7, 0), VALUES(3, 7, 0), VALUES(0, 7, 5),
	/* primes, and every count of rows around the register tiles of 4, 6, 12 and their tails */
	BIASED(1, 1, 1), PACKED(1, 31, 17), PACKED(2, 37, 19), BIASED(3, 33, 23), PACKED(4, 16, 8), BIASED(5, 17, 3),
	PACKED(6, 32, 31), BIASED(7, 67, 29), PACKED(8, 15, 64), PACKED(9, 31, 33), PACKED(10, 33, 2),
	BIASED(11, 64, 65), PACKED(12, 32, 16), BIASED(13, 65, 63), PACKED(14, 63, 11), PACKED(23, 31, 5),
	BIASED(24, 48, 12), PACKED(25, 47, 13), VALUES(13, 65, 63), VALUES(5, 17, 3), VALUES(4, 16, 8),
	/* blocks of the sum over K */
	PACKED(2, 17, 255), BIASED(2, 33, 256), PACKED(2, 17, 257), BIASED(3, 16, 511), PACKED(1, 33, 512),
	BIASED(13, 33, 513), PACKED(5, 7, 1000), VALUES(2, 5, 257), VALUES(2, 5, 1000), PACKED(2, 3, 4097),
	PACKED(13, 33, 1024), BIASED(25, 40, 2048), PACKED(1, 65, 768), BIASED(2, 64, 700), PACKED(1, 5, 515),
	PACKED(1, 3, 61001), PACKED(1, 3, 70001),
	/* around the tiles of 32 and 64 that work-groups make */
	PACKED(33, 65, 257), BIASED(64, 64, 256), VALUES(65, 67, 31), PACKED(40, 31, 300), BIASED(8, 95, 520),
	PACKED(7, 33, 2100),
	/* values that hurt */
	FILLED("cancel"), FILLED("specials"), FILLED("nan"), FILLED("inf"),
	FILLED("ninf"), /* one term: where a longer sum overflows depends on its order, which is not every
			   implementation's */
	CASE("huge", 0, "x = f32[13, 1] huge", "w = f32[33, 1] huge weight"), FILLED("zeros"), FILLED("equal"),
	/* types that files store */
	STORED(1, 33, 288), STORED(2, 67, 32), STORED(3, 5, 512), STORED(4, 65, 64), STORED(7, 31, 800),
	STORED(13, 48, 1056), STORED(25, 17, 96), STORED_FILLED("cancel"), STORED_FILLED("specials"),
	STORED_FILLED("nan"), STORED_FILLED("inf"), STORED_FILLED("tiny"), STORED_FILLED("zeros"),
	/* long enough for items of four panels, whose last one is whole, cut or missing */
	PACKED(1, 2048, 33), BIASED(1, 2081, 260), PACKED(1, 2129, 5), STORED_AS(1, 2065, 64, "q8_0"),
	STORED_AS(1, 2113, 64, "q4_0"),
	/* rows a multiple of 4 KB apart, for several tiles and panels */
	STORED_AS(25, 70, 1024, "q8_0"),
	/* ranks */
	CASE("rank 1", 0, "x = f32[300]", "w = f32[5, 300] normal weight"),
	CASE("rank 4", 0, "x = f32[2, 3, 1, 20]", "w = f32[21, 20] normal weight", "bias = f32[21] normal weight"),
	CASE("70001 rows", CLADE_CASE_LARGE, "x = f32[70001, 3]", "w = f32[5, 3] normal weight",
	     "bias = f32[5] normal weight"),
	CASE("70001 rows values", CLADE_CASE_LARGE, "x = f32[70001, 3]", "w = f32[5, 3]"),
	CASE("70001 outputs", CLADE_CASE_LARGE, "x = f32[2, 3]", "w = f32[70001, 3] normal weight"), TIMED(1, 768, 768),
	TIMED(7, 1023, 769), TIMED(128, 768, 768), TIMED(129, 130, 3072),
	CASE("k differs", CLADE_CASE_FAILS, "x = f32[2, 4]", "w = f32[3, 5]"),
	CASE("bias differs", CLADE_CASE_FAILS, "x = f32[2, 4]", "w = f32[3, 4]", "bias = f32[4]"), NULL
};

/* One fma a weight and row. */
static void linear_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	const struct clade_type *y = node->outputs[0];

	cost->flops = 2.0 * (double)clade_kit_count(y) * (double)node->inputs[1]->dims[1];
}

const struct clade_op clade_op_linear = {
	.size = sizeof(struct clade_op),
	.name = "linear",
	.doc = "y = x w' + bias: x[..., k] times the transpose of w[n, k], plus bias[n] if there is one. The sum over "
	       "k "
	       "goes in blocks of 256 terms (ops/ARITHMETIC.md, 2); a weight that its file stores as f16, bf16, q8_0 "
	       "or "
	       "q4_0 stays so.",
	.ports = CLADE_LIST(struct clade_port, &x, &w, &bias, &y),
	.cases = cases,
	.family = "linear",
	.rows = "...",
	.cost = linear_cost,
};

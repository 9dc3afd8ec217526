/* SPDX-License-Identifier: MIT */
/* The op scale_shift: what it computes, said in tables. Read from the bottom. */
#include "scale_shift.h"

/* Shapes and values on which every implementation is tested, self-tested and timed: nothing, one, primes, edges of what
 * your kernel tiles by, many rows, values that hurt, and what must be refused. */
#define CASE(name_, attrs_, flags_, ...)                                                                               \
	(&(const struct clade_case) { .size = sizeof(struct clade_case),                                               \
				      .name = name_,                                                                   \
				      .attrs = attrs_,                                                                 \
				      .inputs = (const char *const[]) { __VA_ARGS__, NULL },                           \
				      .flags = flags_ })
static const struct clade_case *const cases[] = {
	CASE("no rows", NULL, 0, "x = f32[0, 5]", "gain = f32[5]"),
	CASE("no columns", NULL, 0, "x = f32[3, 0]", "gain = f32[0]"),
	CASE("one", "shift = 2", 0, "x = f32[1]", "gain = f32[1]"),
	CASE("no gain", "shift = -0.5", CLADE_CASE_ALIAS, "x = f32[7, 13]"),
	CASE("primes", "shift = 0.25", CLADE_CASE_ALIAS, "x = f32[3, 7, 31]", "gain = f32[31]"),
	CASE("edges", NULL, 0, "x = f32[2, 64]", "gain = f32[64]"),
	CASE("one more", NULL, 0, "x = f32[2, 65]", "gain = f32[65]"),
	CASE("specials", "shift = 1", 0, "x = f32[9, 33] specials", "gain = f32[33]"),
	CASE("70001 rows", "shift = 1", CLADE_CASE_LARGE, "x = f32[70001, 2]", "gain = f32[2]"),
	CASE("timed", "shift = 1", CLADE_CASE_LARGE | CLADE_CASE_BENCH, "x = f32[512, 768]", "gain = f32[768]"),
	CASE("gain differs", NULL, CLADE_CASE_FAILS, "x = f32[2, 5]", "gain = f32[4]"),
	CASE("an integer", NULL, CLADE_CASE_FAILS, "x = i32[2, 5]"),
	NULL,
};

static const struct clade_attr shift = { .size = sizeof(struct clade_attr),
					 .name = "shift",
					 .type = CLADE_ATTR_FLOAT,
					 .offset = offsetof(struct scale_shift, shift),
					 .help = "added to every element" };

static const struct clade_port x = { .size = sizeof(struct clade_port),
				     .name = "x",
				     .flags = CLADE_IN,
				     .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
				     .shape = "[..., n]",
				     .help = "rows" };
static const struct clade_port gain = { .size = sizeof(struct clade_port),
					.name = "gain",
					.flags = CLADE_IN | CLADE_OPTIONAL,
					.dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					.shape = "[n]",
					.help = "a factor for each column; absent: 1" };
static const struct clade_port y = { .size = sizeof(struct clade_port),
				     .name = "y",
				     .flags = CLADE_OUT,
				     .like = "x", /* element type and shape are those of x; see op.h for patterns */
				     .help = "x gain + shift" };

const struct clade_op scale_shift_op = {
	.size = sizeof(struct clade_op),
	.name = "scale_shift",
	.doc = "y[..., i] = fma(x[..., i], gain[i], shift), one rounding; without gain x + shift. The op template.",
	.params_size = sizeof(struct scale_shift),
	.attrs = CLADE_LIST(struct clade_attr, &shift),
	.ports = CLADE_LIST(struct clade_port, &x, &gain, &y),
	.cases = cases,
	.family = "template",
	.rows = "...",
};

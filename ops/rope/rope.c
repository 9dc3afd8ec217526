/* SPDX-License-Identifier: MIT */
/* rope: ports, attributes, shape rule, cases. */
#include "rope.h"

static enum clade_status infer_rope(struct clade_infer *infer)
{
	return rope_infer(infer, infer->params, infer->inputs[0]->dims[3], infer->inputs[2]);
}

#define PORT CLADE_PORT
#define ATTR CLADE_ATTR
#define CASE CLADE_CASE

static const struct clade_port x =
	PORT("x", CLADE_IN, CLADE_DTYPE_BIT(CLADE_F32), "[b, h, t, d]", .help = "queries or keys");
static const struct clade_port pos =
	PORT("pos", CLADE_IN, CLADE_DTYPE_BIT(CLADE_I32), "[b, t]", .help = "positions; below 0: the row stays");
static const struct clade_port factors = PORT("factors", CLADE_IN | CLADE_OPTIONAL, CLADE_DTYPE_BIT(CLADE_F32), "[f]",
					      .help = "what divides each pair's frequency");
static const struct clade_port y =
	PORT("y", CLADE_OUT, CLADE_DTYPE_BIT(CLADE_F32), "[b, h, t, d]", .help = "x, turned");

static const char *const layouts[] = { "halves", "interleaved", NULL };
ROPE_ATTRS(0);
static const struct clade_attr layout =
	ATTR("layout", CLADE_ATTR_WORD, offsetof(struct rope_params, layout), .def.i = ROPE_HALVES, .words = layouts,
	     .help = "a pair is (i, i + r / 2) or (2i, 2i + 1)");

static const struct clade_case *const rope_cases[] = {
	CASE("halves", NULL, CLADE_CASE_ALIAS, "x = f32[2, 3, 17, 64]", "pos = i32[2, 17] positions"),
	CASE("interleaved", "layout = \"interleaved\"", CLADE_CASE_ALIAS, "x = f32[2, 3, 17, 66]",
	     "pos = i32[2, 17] positions:100"),
	CASE("part", "rotary_dim = 6", CLADE_CASE_ALIAS, "x = f32[1, 2, 5, 11]", "pos = i32[1, 5] positions:3"),
	CASE("part_interleaved", "rotary_dim = 34, layout = \"interleaved\"", 0, "x = f32[1, 2, 5, 37]",
	     "pos = i32[1, 5] positions:3"),
	CASE("theta", "theta = 500000", 0, "x = f32[1, 2, 3, 128]", "pos = i32[1, 3] positions:131070"),
	CASE("linear", "scaling = \"linear\", factor = 2.5", CLADE_CASE_ALIAS, "x = f32[1, 2, 5, 38]",
	     "pos = i32[1, 5] positions:300"),
	CASE("llama3", "scaling = \"llama3\", factor = 8, theta = 500000, original = 512", 0, "x = f32[1, 2, 7, 64]",
	     "pos = i32[1, 7] positions:900"),
	CASE("llama3_narrow",
	     "scaling = \"llama3\", factor = 3, low_factor = 2, high_factor = 2.5, original = 64, rotary_dim = 10", 0,
	     "x = f32[1, 2, 7, 12]", "pos = i32[1, 7] positions:60"),
	CASE("factors", NULL, CLADE_CASE_ALIAS, "x = f32[2, 3, 5, 34]", "pos = i32[2, 5] positions:77",
	     "factors = f32[17]"),
	CASE("factors_scaled", "rotary_dim = 4, scaling = \"linear\", factor = 2", 0, "x = f32[1, 1, 3, 6]",
	     "pos = i32[1, 3] positions:5", "factors = f32[2] specials"),
	CASE("pair", NULL, 0, "x = f32[1, 1, 1, 2]", "pos = i32[1, 1] ids:9"),
	CASE("padding", NULL, 0, "x = f32[3, 2, 11, 10] specials", "pos = i32[3, 11] badids:40"),
	CASE("decode", NULL, CLADE_CASE_BENCH, "x = f32[1, 32, 1, 64]", "pos = i32[1, 1] positions:1000"),
	CASE("prompt", NULL, CLADE_CASE_BENCH | CLADE_CASE_LARGE, "x = f32[1, 12, 512, 64]",
	     "pos = i32[1, 512] positions"),
	CASE("no_rows", NULL, 0, "x = f32[1, 2, 0, 8]", "pos = i32[1, 0] positions"),
	CASE("no_heads", NULL, 0, "x = f32[1, 0, 3, 8]", "pos = i32[1, 3] positions"),
	CASE("strided", NULL, 0, "x = f32[2, 3, 17, 64] normal strided", "pos = i32[2, 17] positions"),
	CASE("many_rows", NULL, CLADE_CASE_LARGE, "x = f32[1, 1, 70001, 2]", "pos = i32[1, 70001] positions"),
	CASE("odd", NULL, CLADE_CASE_FAILS, "x = f32[1, 1, 2, 7]", "pos = i32[1, 2] positions"),
	CASE("wrong_factors", NULL, CLADE_CASE_FAILS, "x = f32[1, 1, 2, 8]", "pos = i32[1, 2] positions",
	     "factors = f32[3]"),
	CASE("no_band", "scaling = \"llama3\", low_factor = 4, high_factor = 4", CLADE_CASE_FAILS,
	     "x = f32[1, 1, 2, 8]", "pos = i32[1, 2] positions"),
	CASE("too_wide", "rotary_dim = 10", CLADE_CASE_FAILS, "x = f32[1, 1, 2, 8]", "pos = i32[1, 2] positions"),
	NULL
};

static const struct clade_op rope_op = {
	.size = sizeof(struct clade_op),
	.name = "rope",
	.doc = "Rotary position embedding (Su et al. 2021): each pair (x1, x2) of a row at position p turns by the "
	       "angle "
	       "p theta^(-2i / r), i < r / 2, with r = rotary_dim: y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin. Columns "
	       "from r "
	       "on, and rows with pos < 0, stay as they are. Frequencies are scaled first, then divided by factors.",
	.params_size = sizeof(struct rope_params),
	.attrs = CLADE_LIST(struct clade_attr, &theta, &rotary_dim, &layout, &scaling, &factor, &low_factor,
			    &high_factor, &original),
	.ports = CLADE_LIST(struct clade_port, &x, &pos, &factors, &y),
	.infer = infer_rope,
	.cases = rope_cases,
	.family = "rope",
	.rows = "b h t",
};

clade_plugin_entry_fn clade_family_rope;
enum clade_status clade_family_rope(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = host->add_op(registry, &rope_op);

	if (!status)
		status = host->add_impl(registry, &rope_ref);
	if (!status)
		status = host->add_impl(registry, &rope_cl);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* relative_position_bias: ports, attributes, shape rule, cases. */
#include "embedding_family.h"

static enum clade_status infer_relative(struct clade_infer *infer)
{
	const struct relative_params *params = infer->params;
	const struct clade_type *x = infer->inputs[0], *table = infer->inputs[1];
	struct clade_type *y = &infer->outputs[0];
	bool by_row = infer->input_count > 2 && infer->inputs[2];
	int64_t buckets = table->dims[0];

	if (buckets < 0)
		return infer->ops->fail(infer, "the table's %s rows must be a fixed number",
					infer->ops->text(infer, buckets));
	buckets = relative_side(params, buckets);
	if (buckets < 2)
		return infer->ops->fail(infer, "%lld buckets a direction are too few; 2 is the least",
					(long long)buckets);
	if (params->max_distance <= buckets / 2)
		return infer->ops->fail(infer,
					"max_distance is %lld; it must be more than the %lld distances that "
					"have a bucket each",
					(long long)params->max_distance, (long long)buckets / 2);
	y->rank = 4;
	y->dims[0] = by_row ? x->dims[0] : 1;
	y->dims[1] = table->dims[1];
	y->dims[2] = x->dims[1];
	y->dims[3] = params->keys;
	return CLADE_OK;
}

#define PORT CLADE_PORT
#define ATTR CLADE_ATTR
#define CASE CLADE_CASE

static const struct clade_port x = PORT("x", CLADE_IN, CLADE_DTYPE_BIT(CLADE_F32), "[b, t, d]",
					.help = "the queries' rows; only its shape counts");
static const struct clade_port table =
	PORT("table", CLADE_IN, CLADE_DTYPE_BIT(CLADE_F32), "[n, h]", .help = "a bias for each bucket and head");
static const struct clade_port pos = PORT("pos", CLADE_IN | CLADE_OPTIONAL, CLADE_DTYPE_BIT(CLADE_I32), "[b, t]",
					  .help = "the queries' positions; absent: 0 .. t - 1; below 0: the row is 0");
static const struct clade_port y = PORT("y", CLADE_OUT, CLADE_DTYPE_BIT(CLADE_F32), NULL, .like = "x",
					.help = "[1, h, t, keys], or [b, h, t, keys] with pos");

static const struct clade_attr keys = ATTR("keys", CLADE_ATTR_DIM, offsetof(struct relative_params, keys),
					   .required = true, .help = "keys, at positions 0 .. keys - 1");
static const struct clade_attr bidirectional =
	ATTR("bidirectional", CLADE_ATTR_BOOL, offsetof(struct relative_params, bidirectional), .def.b = true,
	     .help = "half of the buckets are for keys behind the query; else all of those are distance 0");
static const struct clade_attr max_distance =
	ATTR("max_distance", CLADE_ATTR_INT, offsetof(struct relative_params, max_distance), .def.i = 128, .min = 2,
	     .max = RELATIVE_MOST, .help = "from here on all distances share a bucket");

static const struct clade_case *const relative_cases[] = {
	CASE("encoder", "keys = 41", 0, "x = f32[2, 41, 8]", "table = f32[32, 4]"),
	CASE("decoder", "keys = 41, bidirectional = false", 0, "x = f32[2, 41, 8]", "table = f32[32, 3]"),
	CASE("positions", "keys = 67, bidirectional = false", 0, "x = f32[3, 5, 8]", "table = f32[32, 2]",
	     "pos = i32[3, 5] badids:67"),
	CASE("far", "keys = 13", 0, "x = f32[2, 3, 1]", "table = f32[32, 2]", "pos = i32[2, 3] positions:2147483000"),
	CASE("wide", "keys = 1031, max_distance = 1000", 0, "x = f32[1, 7, 1]", "table = f32[18, 1] specials"),
	CASE("long", "keys = 300, max_distance = 16384", 0, "x = f32[1, 300, 1]", "table = f32[5, 1]"),
	CASE("few", "keys = 7, max_distance = 2", 0, "x = f32[1, 7, 2]", "table = f32[4, 5] nan"),
	CASE("fewest", "keys = 7, max_distance = 2, bidirectional = false", 0, "x = f32[1, 7, 2]",
	     "table = f32[2, 3] ninf"),
	CASE("one", "keys = 1", 0, "x = f32[1, 1, 0]", "table = f32[32, 1]"),
	CASE("no_keys", "keys = 0", 0, "x = f32[1, 3, 2]", "table = f32[32, 2]"),
	CASE("no_rows", "keys = 5", 0, "x = f32[1, 0, 2]", "table = f32[32, 2]"),
	CASE("no_heads", "keys = 5", 0, "x = f32[1, 3, 2]", "table = f32[32, 0]"),
	CASE("prompt", "keys = 512", CLADE_CASE_BENCH | CLADE_CASE_LARGE, "x = f32[1, 512, 1]", "table = f32[32, 8]"),
	CASE("one_bucket", "keys = 5", CLADE_CASE_FAILS, "x = f32[1, 3, 2]", "table = f32[3, 2]"),
	CASE("too_near", "keys = 5, max_distance = 8", CLADE_CASE_FAILS, "x = f32[1, 3, 2]", "table = f32[32, 2]"),
	NULL
};

const struct clade_op relative_op = {
	.size = sizeof(struct clade_op),
	.name = "relative_position_bias",
	.doc = "y[b, h, i, j] = table[bucket(j - p), h], p = pos[b, i] or i: the bias that T5 adds to attention scores "
	       "(Raffel et al. 2020, section 2.1; Hugging Face's buckets). m buckets a direction: n, or n / 2 if "
	       "bidirectional, where those of keys behind the query (j > p) come second. The distance is a = p - j, 0 "
	       "if "
	       "j > p and not bidirectional, or |p - j|. With e = m / 2 (rounded down), bucket a if a < e, else e + "
	       "(integer)(log(a / e) / log(max_distance / e) * (m - e)) in f32, at most m - 1. A row with pos < 0 is "
	       "0.",
	.params_size = sizeof(struct relative_params),
	.attrs = CLADE_LIST(struct clade_attr, &keys, &bidirectional, &max_distance),
	.ports = CLADE_LIST(struct clade_port, &x, &table, &pos, &y),
	.infer = infer_relative,
	.cases = relative_cases,
	.family = "embedding",
	.rows = "b?pos t?pos",
};

/* SPDX-License-Identifier: MIT */
/* The block rope_attention: ports, attributes, shape rule, cases. Its reference is its body in graph/lib. */
#include "attention.h"

static enum clade_status infer_block(struct clade_infer *infer)
{
	const struct rope_attention_params *params = infer->params;
	const struct clade_type *const *in = infer->inputs;
	int64_t h = in[ROTARY_Q]->dims[1], g = in[ROTARY_KEYS]->dims[1];

	if (h != g && (g == 0 || infer->ops->div(infer, h, g) == INT64_MIN))
		return infer->ops->fail(infer, "the heads of q must be a multiple of the heads of k and v");
	if (in[ROTARY_KEYS]->dtype != in[ROTARY_VALUES]->dtype)
		return infer->ops->fail(infer, "keys and values must be of one type");
	if (params->attention.ring && params->attention.window < 1)
		return infer->ops->fail(infer, "a ring of keys needs a window");
	return rope_infer(infer, &params->rope, in[ROTARY_Q]->dims[3],
			  infer->input_count > ROTARY_FACTORS ? in[ROTARY_FACTORS] : NULL);
}

#define F32 CLADE_DTYPE_BIT(CLADE_F32)
#define CACHE (F32 | CLADE_DTYPE_BIT(CLADE_F16))
#define PORT CLADE_PORT
#define ATTR CLADE_ATTR
#define CASE(name, attrs, ...) CLADE_CASE(name, attrs, 0, __VA_ARGS__)
#define FAILS(name, attrs, ...) CLADE_CASE(name, attrs, CLADE_CASE_FAILS, __VA_ARGS__)

static const struct clade_port q = PORT("q", CLADE_IN, F32, "[b, h, t, d]", .help = "queries");
static const struct clade_port k = PORT("k", CLADE_IN, F32, "[b, g, t, d]", .help = "new keys");
static const struct clade_port v = PORT("v", CLADE_IN, F32, "[b, g, t, e]", .help = "new values");
static const struct clade_port pos = PORT("pos", CLADE_IN, CLADE_DTYPE_BIT(CLADE_I32), "[b, t]",
					  .help = "positions of q, k and v; below 0: padding", .index_of = "keys");
static const struct clade_port keys =
	PORT("keys", CLADE_IN | CLADE_STATE | CLADE_KEPT, CACHE, "[b, g, s, d]", .help = "the cache of keys");
static const struct clade_port values = PORT("values", CLADE_IN | CLADE_STATE | CLADE_KEPT, CACHE, "[b, g, s, e]",
					     .help = "the cache of values, of the keys' type");
static const struct clade_port factors =
	PORT("factors", CLADE_IN | CLADE_OPTIONAL, F32, "[f]", .help = "what divides each pair's frequency");
static const struct clade_port keys_out = PORT("keys_out", CLADE_OUT, 0, NULL, "keys", .help = "the cache");
static const struct clade_port values_out = PORT("values_out", CLADE_OUT, 0, NULL, "values", .help = "the cache");
static const struct clade_port y =
	PORT("y", CLADE_OUT, F32, "[b, h, t, e]", .help = "a weighted mean of the values for each query");

#define ATTENTION(field) (offsetof(struct rope_attention_params, attention) + offsetof(struct attention_params, field))
ROPE_ATTRS(offsetof(struct rope_attention_params, rope));
static const struct clade_attr scale = ATTR(.name = "scale", .type = CLADE_ATTR_FLOAT, .offset = ATTENTION(scale),
					    .required = true, .help = "factor of q . k");
static const struct clade_attr window =
	ATTR(.name = "window", .type = CLADE_ATTR_INT, .offset = ATTENTION(window), .min = 0, .max = INT32_MAX,
	     .help = "w > 0: key j is visible to position p only if j > p - w");
static const struct clade_attr softcap = ATTR(.name = "softcap", .type = CLADE_ATTR_FLOAT, .offset = ATTENTION(softcap),
					      .min = 0, .max = 3e38, .help = "c > 0: scores become c tanh(score / c)");
static const struct clade_attr ring = ATTR(.name = "ring", .type = CLADE_ATTR_BOOL, .offset = ATTENTION(ring),
					   .help = "position p is row p mod s, if s is a multiple of 256");

/* b, h, g, t, s, d: caches of s rows, positions from `first` on. */
#define SIZES(type, b, h, g, t, s, d, first)                                                                           \
	"q = f32[" #b ", " #h ", " #t ", " #d "]", "k = f32[" #b ", " #g ", " #t ", " #d "]",                          \
		"v = f32[" #b ", " #g ", " #t ", " #d "]", "pos = i32[" #b ", " #t "] positions:" #first,              \
		"keys = " type "[" #b ", " #g ", " #s ", " #d "] normal state:" #s,                                    \
		"values = " type "[" #b ", " #g ", " #s ", " #d "] normal state:" #s
#define FILLED(fill)                                                                                                   \
	CASE(fill, "theta = 500, scale = 0.2", "q = f32[2, 4, 1, 20] " fill, "k = f32[2, 2, 1, 20] " fill,             \
	     "v = f32[2, 2, 1, 12] " fill, "pos = i32[2, 1] ids:40", "keys = f32[2, 2, 40, 20] normal state:64",       \
	     "values = f32[2, 2, 40, 12] normal state:48")

static const struct clade_case *const rope_attention_cases[] = {
	CASE("first token", "scale = 0.25", SIZES("f32", 1, 2, 2, 1, 40, 64, 0)),
	CASE("decode", "scale = 0.25", SIZES("f32", 1, 12, 12, 1, 200, 64, 130)),
	CASE("blocks of keys", "scale = 0.125", SIZES("f32", 2, 2, 2, 1, 600, 16, 555)),
	CASE("grouped", "theta = 500000, scale = 0.25", SIZES("f32", 1, 8, 2, 1, 300, 32, 257)),
	CASE("three of a head", "scale = 0.25", SIZES("f32", 1, 6, 2, 1, 80, 18, 70)),
	CASE("odd sizes", "rotary_dim = 6, scale = 0.25", SIZES("f32", 3, 5, 5, 1, 37, 11, 20)),
	CASE("eight of a head", "scale = 0.25", SIZES("f32", 1, 8, 1, 1, 40, 12, 33)),
	CASE("one head, many keys", "scale = 0.25", SIZES("f32", 1, 1, 1, 1, 600, 16, 590)),
	CASE("prompt", "scale = 0.25", SIZES("f32", 2, 4, 2, 9, 40, 16, 3)),
	CASE("long prompt", "rotary_dim = 10, scale = 0.25", SIZES("f32", 1, 3, 3, 70, 300, 13, 220)),
	CASE("prompt in f16", "scale = 0.25", SIZES("f16", 1, 2, 2, 9, 40, 34, 3)),
	CASE("prompt in a ring", "ring = true, window = 200, scale = 0.25", SIZES("f32", 2, 4, 2, 20, 256, 8, 1000)),
	CASE("positions twice", "scale = 0.25", "q = f32[3, 4, 19, 6]", "k = f32[3, 2, 19, 6]", "v = f32[3, 2, 19, 6]",
	     "pos = i32[3, 19] badids:8", "keys = f32[3, 2, 7, 6] normal state:9",
	     "values = f32[3, 2, 7, 6] normal state:8"),
	CASE("rows of a ring twice", "ring = true, window = 3, scale = 0.25", "q = f32[1, 2, 40, 4]",
	     "k = f32[1, 2, 40, 4]", "v = f32[1, 2, 40, 4]", "pos = i32[1, 40] badids:2000",
	     "keys = f32[1, 2, 256, 4] normal", "values = f32[1, 2, 256, 4] normal"),
	CASE("no rows", "scale = 0.25", SIZES("f32", 1, 4, 2, 0, 40, 16, 3)),
	CASE("padding", "scale = 0.25", "q = f32[3, 2, 1, 8]", "k = f32[3, 2, 1, 8] specials",
	     "v = f32[3, 2, 1, 8] specials", "pos = i32[3, 1] badids:20", "keys = f32[3, 2, 20, 8] normal state:20",
	     "values = f32[3, 2, 20, 8] normal state:20"),
	CASE("past the end", "scale = 0.25", SIZES("f32", 1, 2, 2, 1, 8, 16, 8)),
	CASE("no capacity", "scale = 0.25", "q = f32[1, 2, 1, 8]", "k = f32[1, 2, 1, 8]", "v = f32[1, 2, 1, 8]",
	     "pos = i32[1, 1] positions", "keys = f32[1, 2, 0, 8] normal", "values = f32[1, 2, 0, 8] normal"),
	CASE("no heads", "scale = 0.25", SIZES("f32", 1, 0, 2, 1, 8, 16, 3)),
	CASE("no batch", "scale = 0.25", SIZES("f32", 0, 2, 2, 1, 8, 16, 3)),
	CASE("window", "window = 5, scale = 0.25", SIZES("f32", 1, 2, 2, 1, 300, 16, 290)),
	CASE("softcap", "softcap = 2, scale = 0.25", SIZES("f32", 1, 2, 2, 1, 60, 16, 50)),
	CASE("llama3", "scaling = \"llama3\", factor = 8, theta = 500000, original = 512, scale = 0.25",
	     SIZES("f32", 1, 4, 2, 1, 40, 64, 30)),
	CASE("factors", "scaling = \"linear\", factor = 2, scale = 0.25", SIZES("f32", 1, 2, 2, 1, 40, 34, 30),
	     "factors = f32[17]"),
	CASE("ring", "ring = true, window = 200, scale = 0.25", SIZES("f32", 2, 4, 2, 1, 256, 16, 1000)),
	CASE("ring of two blocks", "ring = true, window = 300, scale = 0.25", SIZES("f32", 1, 2, 2, 1, 512, 16, 700)),
	CASE("ring of few", "ring = true, window = 20, scale = 0.25", SIZES("f32", 1, 2, 2, 1, 64, 8, 60)),
	CASE("f16", "scale = 0.25", SIZES("f16", 2, 4, 2, 1, 300, 20, 270)),
	CASE("f16 ring", "ring = true, window = 100, scale = 0.25", SIZES("f16", 1, 2, 2, 1, 256, 6, 800),
	     "factors = f32[3]"),
	CASE("strided", "scale = 0.25", "q = f32[2, 4, 1, 16] normal strided", "k = f32[2, 2, 1, 16] normal strided",
	     "v = f32[2, 2, 1, 16] normal strided", "pos = i32[2, 1] ids:40",
	     "keys = f32[2, 2, 40, 16] normal state:64", "values = f32[2, 2, 40, 16] normal state:64"),
	FILLED("nan"),
	FILLED("inf"),
	FILLED("specials"),
	FILLED("cancel"),
	FILLED("huge"),
	CLADE_CASE("12 heads, 200 keys", "scale = 0.25", CLADE_CASE_LARGE | CLADE_CASE_BENCH,
		   SIZES("f32", 1, 12, 12, 1, 256, 64, 200)),
	FAILS("odd columns", "scale = 0.25", SIZES("f32", 1, 2, 2, 1, 8, 7, 3)),
	FAILS("heads differ", "scale = 0.25", SIZES("f32", 1, 3, 2, 1, 8, 16, 3)),
	FAILS("ring without window", "ring = true, scale = 0.25", SIZES("f32", 1, 2, 2, 1, 256, 16, 3)),
	NULL
};

/* Caches as far as the shapes tell; they are read, and of what is written only the new rows count. */
static void block_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	const struct clade_type *query = node->inputs[ROTARY_Q], *value = node->inputs[ROTARY_V];
	const struct rope_attention_params *params = node->params;
	double rows = (double)node->inputs[ROTARY_KEYS]->dims[2], window = (double)params->attention.window;

	cost->flops = 2.0 * (double)(query->dims[0] * query->dims[1] * query->dims[2]) *
		      (double)(query->dims[3] + value->dims[3]) * (window > 0 && window < rows ? window : rows);
	for (int i = ROTARY_KEYS; i <= ROTARY_VALUES; i++) {
		const struct clade_type *cache = node->inputs[i], *fresh = node->inputs[i - ROTARY_KEYS + ROTARY_K];

		cost->bytes += (double)clade_kit_width(cache->dtype) *
			       ((double)clade_kit_count(fresh) - (double)clade_kit_count(cache));
	}
}

const struct clade_op rope_attention_op = {
	.size = sizeof(struct clade_op),
	.name = "rope_attention",
	.doc = "The middle of attention in a decoder with rotary positions (Su et al. 2021): q = rope(q), k = rope(k), "
	       "keys <- cache_write(k), values <- cache_write(v), y = attention(q, keys, values), causal.",
	.flags = CLADE_OP_BLOCK,
	.params_size = sizeof(struct rope_attention_params),
	.attrs = CLADE_LIST(struct clade_attr, &theta, &rotary_dim, &scaling, &factor, &low_factor, &high_factor,
			    &original, &scale, &window, &softcap, &ring),
	.ports = CLADE_LIST(struct clade_port, &q, &k, &v, &pos, &keys, &values, &factors, &keys_out, &values_out, &y),
	.infer = infer_block,
	.cases = rope_attention_cases,
	.family = "attention",
	.cost = block_cost,
};

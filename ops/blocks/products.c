/* SPDX-License-Identifier: MIT */
/* The blocks `qkv`, `linear_add` and `gated_feed_forward`: ports, attribute and cases. Their references are their
 * bodies in graph/lib. */
#include "blocks_internal.h"

#include <clade/op_kit.h>
#include <clade/stored.h>

#define PORT(name_, flags_, shape_, help_)                                                                             \
	CLADE_PORT(.name = name_, .flags = flags_, .dtypes = CLADE_DTYPE_BIT(CLADE_F32), .shape = shape_, .help = help_)
#define WEIGHT(name_, shape_, help_)                                                                                   \
	CLADE_PORT(.name = name_, .flags = CLADE_IN | CLADE_STORED,                                                    \
		   .dtypes = CLADE_DTYPE_BIT(CLADE_F32) | CLADE_STORED_DTYPES, .shape = shape_, .help = help_)
#define BIAS(name_, shape_, help_) PORT(name_, CLADE_IN | CLADE_OPTIONAL, shape_, help_)
#define CASE CLADE_CASE
#define FAILS CLADE_CASE_FAILS
#define TIMED (CLADE_CASE_LARGE | CLADE_CASE_BENCH)

/* ---- qkv ---- */
static const struct clade_port qkv_x = PORT("x", CLADE_IN, "[..., d]", "rows to transform");
static const struct clade_port wq = WEIGHT("wq", "[n, d]", "weight of the queries");
static const struct clade_port wk = WEIGHT("wk", "[m, d]", "weight of the keys");
static const struct clade_port wv = WEIGHT("wv", "[p, d]", "weight of the values");
static const struct clade_port bq = BIAS("bq", "[n]", "bias of the queries");
static const struct clade_port bk = BIAS("bk", "[m]", "bias of the keys");
static const struct clade_port bv = BIAS("bv", "[p]", "bias of the values");
static const struct clade_port q = PORT("q", CLADE_OUT, "[..., n]", "linear(x, wq, bq)");
static const struct clade_port k = PORT("k", CLADE_OUT, "[..., m]", "linear(x, wk, bk)");
static const struct clade_port v = PORT("v", CLADE_OUT, "[..., p]", "linear(x, wv, bv)");

#define QKV(rows, d, n, m, p)                                                                                          \
	"x = f32[" #rows ", " #d "]", "wq = f32[" #n ", " #d "] normal weight",                                        \
		"wk = f32[" #m ", " #d "] normal weight", "wv = f32[" #p ", " #d "] normal weight"
#define QKV_FILLED(fill)                                                                                               \
	CASE(fill, NULL, 0, "x = f32[5, 33] " fill, "wq = f32[65, 33] " fill " weight",                                \
	     "wk = f32[7, 33] " fill " weight", "wv = f32[32, 33] " fill " weight", "bk = f32[7] " fill " weight")

static const struct clade_case *const qkv_cases[] = {
	CASE("one", NULL, 0, QKV(1, 1, 1, 1, 1)),
	CASE("no rows", NULL, 0, QKV(0, 3, 5, 7, 9)),
	CASE("no inputs", NULL, 0, QKV(2, 0, 5, 7, 9)),
	CASE("no keys", NULL, 0, QKV(2, 3, 5, 0, 9)),
	CASE("one row", NULL, 0, QKV(1, 300, 129, 64, 31)),
	CASE("two rows", NULL, 0, QKV(2, 17, 33, 65, 1)),
	CASE("rows of a tile", NULL, 0, QKV(12, 64, 96, 32, 32)),
	CASE("rank 3", NULL, 0, "x = f32[2, 13, 20]", "wq = f32[64, 20] normal weight",
	     "wk = f32[16, 20] normal weight", "wv = f32[16, 20] normal weight"),
	CASE("biases", NULL, 0, QKV(13, 17, 31, 33, 64), "bq = f32[31] normal weight", "bk = f32[33] normal weight",
	     "bv = f32[64] normal weight"),
	CASE("one bias", NULL, 0, QKV(25, 17, 31, 33, 64), "bk = f32[33] normal weight"),
	CASE("values", NULL, 0, "x = f32[5, 17]", "wq = f32[31, 17]", "wk = f32[3, 17]", "wv = f32[3, 17]"),
	QKV_FILLED("nan"),
	QKV_FILLED("inf"),
	QKV_FILLED("specials"),
	QKV_FILLED("cancel"),
	CASE("q8_0", NULL, 0, "x = f32[3, 288]", "wq = q8_0[65, 288] normal weight", "wk = q8_0[32, 288] normal weight",
	     "wv = q8_0[32, 288] normal weight"),
	CASE("q4_0", NULL, 0, "x = f32[1, 288]", "wq = q4_0[65, 288] normal weight", "wk = q4_0[32, 288] normal weight",
	     "wv = q4_0[32, 288] normal weight"),
	CASE("mixed types", NULL, 0, "x = f32[3, 64]", "wq = q8_0[65, 64] normal weight",
	     "wk = f32[32, 64] normal weight", "wv = f16[32, 64] normal weight"),
	CASE("128x384", NULL, TIMED, QKV(128, 384, 384, 384, 384)),
	CASE("d differs", NULL, FAILS, "x = f32[2, 3]", "wq = f32[5, 3]", "wk = f32[5, 4]", "wv = f32[5, 3]"),
	NULL
};

static void qkv_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	const struct clade_type *x = node->inputs[0];
	double outputs = 0.0;

	for (int i = 1; i <= 3; i++)
		outputs += (double)node->inputs[i]->dims[0];
	cost->flops = 2.0 * (double)clade_kit_count(x) * outputs;
}

const struct clade_op clade_op_qkv = {
	.size = sizeof(struct clade_op),
	.name = "qkv",
	.doc = "Queries, keys and values of self-attention (Vaswani et al. 2017, section 3.2.2): q = linear(x, wq, "
	       "bq), "
	       "k = linear(x, wk, bk), v = linear(x, wv, bv).",
	.flags = CLADE_OP_BLOCK,
	.ports = CLADE_LIST(struct clade_port, &qkv_x, &wq, &wk, &wv, &bq, &bk, &bv, &q, &k, &v),
	.cases = qkv_cases,
	.family = "blocks",
	.rows = "...",
	.cost = qkv_cost,
};

/* ---- linear_add ---- */
static const struct clade_port add_x = PORT("x", CLADE_IN, "[..., k]", "rows to transform");
static const struct clade_port add_w = WEIGHT("w", "[n, k]", "weight, stored [out, in]");
static const struct clade_port add_bias = BIAS("bias", "[n]", "added to every row");
static const struct clade_port add_residual = PORT("residual", CLADE_IN, "[..., n]", "what the product is added to");
static const struct clade_port add_y = PORT("y", CLADE_OUT, "[..., n]", "residual + linear(x, w, bias)");

#define ADD(rows, n, k)                                                                                                \
	"x = f32[" #rows ", " #k "]", "w = f32[" #n ", " #k "] normal weight", "residual = f32[" #rows ", " #n "]"
#define ADD_FILLED(fill)                                                                                               \
	CASE(fill, NULL, 0, "x = f32[5, 33] " fill, "w = f32[65, 33] " fill " weight",                                 \
	     "bias = f32[65] " fill " weight", "residual = f32[5, 65] " fill)

static const struct clade_case *const add_cases[] = {
	CASE("one", NULL, 0, ADD(1, 1, 1)),
	CASE("no rows", NULL, 0, ADD(0, 3, 5)),
	CASE("no inputs", NULL, 0, ADD(2, 3, 0)),
	CASE("no outputs", NULL, 0, ADD(2, 0, 3)),
	CASE("one row", NULL, 0, ADD(1, 129, 300)),
	CASE("two rows", NULL, 0, ADD(2, 65, 17)),
	CASE("rows of a tile", NULL, 0, ADD(12, 64, 31)),
	CASE("13 rows", NULL, 0, ADD(13, 33, 257), "bias = f32[33] normal weight"),
	CASE("rank 3", NULL, 0, "x = f32[2, 3, 20]", "w = f32[40, 20] normal weight", "residual = f32[2, 3, 40]"),
	CASE("values", NULL, 0, "x = f32[5, 17]", "w = f32[31, 17]", "residual = f32[5, 31]"),
	ADD_FILLED("nan"),
	ADD_FILLED("inf"),
	ADD_FILLED("specials"),
	ADD_FILLED("cancel"),
	CASE("q8_0", NULL, 0, "x = f32[13, 64]", "w = q8_0[65, 64] normal weight", "residual = f32[13, 65]"),
	CASE("q4_0", NULL, 0, "x = f32[1, 320]", "w = q4_0[65, 320] normal weight", "residual = f32[1, 65]"),
	CASE("1x768x768", NULL, TIMED, ADD(1, 768, 768)),
	CASE("rows differ", NULL, FAILS, "x = f32[2, 3]", "w = f32[5, 3]", "residual = f32[3, 5]"),
	NULL
};

static void add_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	cost->flops = 2.0 * (double)clade_kit_count(node->inputs[0]) * (double)node->inputs[1]->dims[0];
}

const struct clade_op clade_op_linear_add = {
	.size = sizeof(struct clade_op),
	.name = "linear_add",
	.doc = "A product and the residual connection around it (He et al. 2016): y = residual + linear(x, w, bias).",
	.flags = CLADE_OP_BLOCK,
	.ports = CLADE_LIST(struct clade_port, &add_x, &add_w, &add_bias, &add_residual, &add_y),
	.cases = add_cases,
	.family = "blocks",
	.rows = "...",
	.cost = add_cost,
};

/* ---- gated_feed_forward ---- */
/* The words of graph/lib's block activation_word, and the function that each means. */
static const char *const gated_acts[] = { "relu",     "gelu",      "gelu_tanh",         "silu",        "swish",
					  "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python", NULL };
static const char *const gated_functions[] = { "relu",      "gelu",      "gelu_tanh", "silu", "silu",
					       "gelu_tanh", "gelu_tanh", "gelu_tanh", "gelu" };

const char *clade_gated_function(const struct feed_forward_params *params)
{
	return gated_functions[params->act];
}

static const struct clade_attr act =
	CLADE_ATTR(.name = "act", .type = CLADE_ATTR_WORD, .offset = offsetof(struct feed_forward_params, act),
		   .def = { .i = 3 }, .words = gated_acts, .help = "the gate's activation");
static const struct clade_port gated_x = PORT("x", CLADE_IN, "[..., d]", "rows to transform");
static const struct clade_port w1 = WEIGHT("w1", "[f, d]", "weight of the gate");
static const struct clade_port w3 = WEIGHT("w3", "[f, d]", "weight of what it gates");
static const struct clade_port w2 = WEIGHT("w2", "[e, f]", "weight out of the hidden layer");
static const struct clade_port b1 = BIAS("b1", "[f]", "bias of the gate");
static const struct clade_port b3 = BIAS("b3", "[f]", "bias of what it gates");
static const struct clade_port b2 = BIAS("b2", "[e]", "bias of the output");
static const struct clade_port residual = BIAS("residual", "[..., e]", "added to the output");
static const struct clade_port y =
	PORT("y", CLADE_OUT, "[..., e]", "linear(act(linear(x, w1, b1)) * linear(x, w3, b3), w2, b2), + residual");

#define GATED(rows, d, f, e)                                                                                           \
	"x = f32[" #rows ", " #d "]", "w1 = f32[" #f ", " #d "] normal weight",                                        \
		"w3 = f32[" #f ", " #d "] normal weight", "w2 = f32[" #e ", " #f "] normal weight"
#define GATED_FILLED(fill)                                                                                             \
	CASE(fill, "act = \"relu\"", 0, "x = f32[5, 33] " fill, "w1 = f32[65, 33] " fill " weight",                    \
	     "w3 = f32[65, 33] " fill " weight", "w2 = f32[31, 65] " fill " weight")

static const struct clade_case *const gated_cases[] = {
	CASE("one", NULL, 0, GATED(1, 1, 1, 1)),
	CASE("no rows", NULL, 0, GATED(0, 3, 5, 7)),
	CASE("no inputs", NULL, 0, GATED(2, 0, 5, 7)),
	CASE("no hidden layer", NULL, 0, GATED(2, 3, 0, 7)),
	CASE("no outputs", NULL, 0, GATED(2, 3, 5, 0)),
	CASE("one row", "act = \"silu\"", 0, GATED(1, 300, 129, 65)),
	CASE("two rows", "act = \"swish\"", 0, GATED(2, 17, 65, 33)),
	CASE("rows of a tile", "act = \"gelu_pytorch_tanh\"", 0, GATED(12, 32, 64, 32)),
	CASE("13 rows", "act = \"gelu\"", 0, GATED(13, 16, 300, 31)),
	CASE("biases", "act = \"gelu_tanh\"", 0, GATED(7, 17, 31, 13), "b1 = f32[31] normal weight",
	     "b3 = f32[31] normal weight", "b2 = f32[13] normal weight"),
	CASE("one bias", "act = \"relu\"", 0, GATED(25, 15, 65, 33), "b3 = f32[65] normal weight"),
	CASE("residual", NULL, 0, GATED(13, 20, 40, 37), "residual = f32[13, 37]"),
	CASE("rank 3", NULL, 0, "x = f32[2, 3, 20]", "w1 = f32[40, 20] normal weight", "w3 = f32[40, 20] normal weight",
	     "w2 = f32[20, 40] normal weight", "residual = f32[2, 3, 20]"),
	CASE("values", NULL, 0, "x = f32[5, 17]", "w1 = f32[31, 17]", "w3 = f32[31, 17]", "w2 = f32[13, 31]"),
	GATED_FILLED("nan"),
	GATED_FILLED("inf"),
	GATED_FILLED("specials"),
	GATED_FILLED("cancel"),
	CASE("q8_0", NULL, 0, "x = f32[1, 288]", "w1 = q8_0[128, 288] normal weight",
	     "w3 = q8_0[128, 288] normal weight", "w2 = q8_0[65, 128] normal weight"),
	CASE("q4_0 and f16", NULL, 0, "x = f32[13, 288]", "w1 = q4_0[128, 288] normal weight",
	     "w3 = q4_0[128, 288] normal weight", "w2 = f16[65, 128] normal weight", "residual = f32[13, 65]"),
	CASE("q4_0", NULL, 0, "x = f32[1, 288]", "w1 = q4_0[128, 288] normal weight",
	     "w3 = q4_0[128, 288] normal weight", "w2 = q4_0[65, 128] normal weight", "residual = f32[1, 65]"),
	CASE("q8_0, 13 rows", "act = \"gelu\"", 0, "x = f32[13, 96]", "w1 = q8_0[33, 96] normal weight",
	     "w3 = q8_0[33, 96] normal weight", "w2 = f32[65, 33] normal weight", "b3 = f32[33] normal weight"),
	CASE("bf16 and q8_0", NULL, 0, "x = f32[2, 96]", "w1 = bf16[64, 96] normal weight",
	     "w3 = bf16[64, 96] normal weight", "w2 = q8_0[65, 64] normal weight"),
	CASE("64x768x2048", NULL, TIMED, GATED(64, 768, 2048, 768), "residual = f32[64, 768]"),
	CASE("f differs", NULL, FAILS, "x = f32[2, 3]", "w1 = f32[5, 3]", "w3 = f32[6, 3]", "w2 = f32[3, 5]"),
	NULL
};

static void gated_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	const struct clade_type *x = node->inputs[0];
	double rows = (double)clade_kit_product(x, 0, x->rank - 1);

	cost->flops = 2.0 * rows *
		      (2.0 * (double)clade_kit_count(node->inputs[1]) + (double)clade_kit_count(node->inputs[3]));
}

const struct clade_op clade_op_gated_feed_forward = {
	.size = sizeof(struct clade_op),
	.name = "gated_feed_forward",
	.doc = "The gated feed-forward network (Shazeer 2020): y = linear(act(linear(x, w1, b1)) * linear(x, w3, b3), "
	       "w2, "
	       "b2), + residual if there is one.",
	.flags = CLADE_OP_BLOCK,
	.params_size = sizeof(struct feed_forward_params),
	.attrs = CLADE_LIST(struct clade_attr, &act),
	.ports = CLADE_LIST(struct clade_port, &gated_x, &w1, &w3, &w2, &b1, &b3, &b2, &residual, &y),
	.cases = gated_cases,
	.family = "blocks",
	.rows = "...",
	.cost = gated_cost,
};

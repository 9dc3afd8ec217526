/* SPDX-License-Identifier: MIT */
/* The block `feed_forward`: ports, attribute and cases. Its reference is its body in graph/lib. */
#include "blocks_internal.h"

#include <clade/op_kit.h>
#include <clade/stored.h>

const char *const clade_feed_forward_acts[] = { "relu", "gelu", "gelu_tanh", "silu", NULL };

static const struct clade_attr act =
	CLADE_ATTR(.name = "act", .type = CLADE_ATTR_WORD, .offset = offsetof(struct feed_forward_params, act),
		   .def = { .i = 0 }, .words = clade_feed_forward_acts,
		   .help = "the activation between the two products");

#define PORT(name_, flags_, shape_, help_)                                                                             \
	CLADE_PORT(.name = name_, .flags = flags_, .dtypes = CLADE_DTYPE_BIT(CLADE_F32), .shape = shape_, .help = help_)
static const struct clade_port x = PORT("x", CLADE_IN, "[..., d]", "rows to transform");
#define STORED(name_, shape_, help_)                                                                                   \
	CLADE_PORT(.name = name_, .flags = CLADE_IN | CLADE_STORED,                                                    \
		   .dtypes = CLADE_DTYPE_BIT(CLADE_F32) | CLADE_STORED_DTYPES, .shape = shape_, .help = help_)
static const struct clade_port w1 = STORED("w1", "[f, d]", "weight into the hidden layer");
static const struct clade_port b1 = PORT("b1", CLADE_IN | CLADE_OPTIONAL, "[f]", "bias of the hidden layer");
static const struct clade_port w2 = STORED("w2", "[e, f]", "weight out of the hidden layer");
static const struct clade_port b2 = PORT("b2", CLADE_IN | CLADE_OPTIONAL, "[e]", "bias of the output");
static const struct clade_port residual =
	PORT("residual", CLADE_IN | CLADE_OPTIONAL, "[..., e]", "added to the output");
static const struct clade_port y =
	PORT("y", CLADE_OUT, "[..., e]", "linear(act(linear(x, w1, b1)), w2, b2), + residual");

#define CASE(name_, flags_, act_, ...) CLADE_CASE(name_, "act = " act_, flags_, __VA_ARGS__)
/* m rows, d in, f hidden, e out, weights bound as such */
#define WEIGHTS(m, d, f, e, act)                                                                                       \
	CASE(#m "x" #d "x" #f "x" #e " " act, 0, "\"" act "\"", "x = f32[" #m ", " #d "]",                             \
	     "w1 = f32[" #f ", " #d "] normal weight", "b1 = f32[" #f "] normal weight",                               \
	     "w2 = f32[" #e ", " #f "] normal weight", "b2 = f32[" #e "] normal weight")
#define VALUES(m, d, f, e, act)                                                                                        \
	CASE(#m "x" #d "x" #f "x" #e " " act " values", 0, "\"" act "\"", "x = f32[" #m ", " #d "]",                   \
	     "w1 = f32[" #f ", " #d "]", "w2 = f32[" #e ", " #f "]")
#define FILLED(fill)                                                                                                   \
	CASE(fill, 0, "\"relu\"", "x = f32[5, 33] " fill, "w1 = f32[65, 33] " fill " weight",                          \
	     "b1 = f32[65] " fill " weight", "w2 = f32[31, 65] " fill " weight")
/* Weights as files store them, of columns beside panels. */
#define KEPT(m, first, second, act)                                                                                    \
	CASE(#m " " first " " second, 0, "\"" act "\"", "x = f32[" #m ", 288]",                                        \
	     "w1 = " first "[96, 288] normal weight", "b1 = f32[96] normal weight",                                    \
	     "w2 = " second "[65, 96] normal weight", "residual = f32[" #m ", 65]")

static const struct clade_case *const cases[] = {
	WEIGHTS(1, 1, 1, 1, "relu"),
	WEIGHTS(0, 3, 5, 7, "relu"),
	WEIGHTS(2, 0, 5, 7, "relu"),
	WEIGHTS(2, 3, 0, 7, "relu"),
	WEIGHTS(2, 3, 5, 0, "relu"),
	WEIGHTS(7, 17, 31, 13, "gelu"),
	WEIGHTS(13, 32, 33, 32, "gelu_tanh"),
	WEIGHTS(12, 64, 300, 64, "silu"),
	WEIGHTS(25, 15, 65, 33, "relu"),
	VALUES(5, 17, 31, 13, "gelu"),
	VALUES(4, 16, 300, 16, "silu"),
	VALUES(3, 7, 5, 9, "gelu_tanh"),
	VALUES(6, 31, 17, 3, "relu"),
	FILLED("nan"),
	FILLED("inf"),
	FILLED("specials"),
	FILLED("cancel"),
	CASE("residual", 0, "\"relu\"", "x = f32[13, 20]", "w1 = f32[40, 20] normal weight",
	     "w2 = f32[37, 40] normal weight", "residual = f32[13, 37]"),
	CASE("residual of one row", 0, "\"gelu\"", "x = f32[1, 20]", "w1 = f32[40, 20] normal weight",
	     "w2 = f32[129, 40] normal weight", "b2 = f32[129] normal weight", "residual = f32[1, 129]"),
	CASE("rank 3", 0, "\"relu\"", "x = f32[2, 3, 20]", "w1 = f32[40, 20] normal weight",
	     "w2 = f32[20, 40] normal weight"),
	KEPT(1, "q8_0", "q8_0", "relu"),
	KEPT(2, "q4_0", "q4_0", "gelu"),
	KEPT(13, "q8_0", "q8_0", "gelu_tanh"),
	KEPT(13, "q4_0", "q8_0", "silu"),
	KEPT(5, "f16", "q4_0", "relu"),
	KEPT(1, "bf16", "f16", "gelu"),
	CASE("70001 rows", CLADE_CASE_LARGE, "\"relu\"", "x = f32[70001, 3]", "w1 = f32[5, 3] normal weight",
	     "w2 = f32[2, 5] normal weight"),
	CASE("128x384x1536", CLADE_CASE_LARGE | CLADE_CASE_BENCH, "\"gelu\"", "x = f32[128, 384]",
	     "w1 = f32[1536, 384] normal weight", "b1 = f32[1536] normal weight", "w2 = f32[384, 1536] normal weight",
	     "b2 = f32[384] normal weight"),
	CASE("f differs", CLADE_CASE_FAILS, "\"relu\"", "x = f32[2, 3]", "w1 = f32[5, 3]", "w2 = f32[3, 4]"),
	NULL
};

/* Two matrices; what the activation costs is left out. */
static void feed_forward_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	const struct clade_type *x = node->inputs[0], *w1 = node->inputs[1], *w2 = node->inputs[3];
	double rows = (double)clade_kit_product(x, 0, x->rank - 1);

	cost->flops = 2.0 * rows * ((double)clade_kit_count(w1) + (double)clade_kit_count(w2));
}

const struct clade_op clade_op_feed_forward = {
	.size = sizeof(struct clade_op),
	.name = "feed_forward",
	.doc = "The position-wise feed-forward network (Vaswani et al. 2017, equation 2, with any of four "
	       "activations): "
	       "y = linear(act(linear(x, w1, b1)), w2, b2), + residual if there is one.",
	.flags = CLADE_OP_BLOCK,
	.params_size = sizeof(struct feed_forward_params),
	.attrs = CLADE_LIST(struct clade_attr, &act),
	.ports = CLADE_LIST(struct clade_port, &x, &w1, &b1, &w2, &b2, &residual, &y),
	.cases = cases,
	.family = "blocks",
	.rows = "...",
	.cost = feed_forward_cost,
};

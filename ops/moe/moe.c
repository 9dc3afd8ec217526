/* SPDX-License-Identifier: MIT */
/* moe: ports, shapes, cases, registration. */
#include "moe.h"

const char *const moe_acts[] = { "relu", "gelu", "gelu_tanh", "silu", NULL };

static enum clade_status infer_moe(struct clade_infer *infer)
{
	const struct clade_type *x = infer->inputs[MOE_X], *indices = infer->inputs[MOE_INDICES];

	if (indices->rank != x->rank)
		return infer->ops->fail(infer, "indices have %u axes, x has %u; both have the same rows", indices->rank,
					x->rank);
	return CLADE_OK;
}

#define F32 CLADE_DTYPE_BIT(CLADE_F32)
#define PORT(name_, flags_, dtypes_, shape_, help_)                                                                    \
	CLADE_PORT(.name = name_, .flags = flags_, .dtypes = dtypes_, .shape = shape_, .help = help_)
static const struct clade_port x = PORT("x", CLADE_IN, F32, "[..., d]", "rows to transform");
static const struct clade_port indices = PORT("indices", CLADE_IN, CLADE_DTYPE_BIT(CLADE_I32), "[..., c]",
					      "each row's experts; one outside 0 .. e - 1 makes the row NaN");
static const struct clade_port weights = PORT("weights", CLADE_IN, F32, "[..., c]", "what their results count");
static const struct clade_port w1 = PORT("w1", CLADE_IN, F32, "[e, f, d]", "weights of the gates, stacked");
static const struct clade_port w3 = PORT("w3", CLADE_IN, F32, "[e, f, d]", "weights of what they gate");
static const struct clade_port w2 = PORT("w2", CLADE_IN, F32, "[e, d, f]", "weights out of the hidden layers");
static const struct clade_port y = PORT("y", CLADE_OUT, F32, "[..., d]", "the sum of the chosen experts");

static const struct clade_attr act =
	CLADE_ATTR(.name = "act", .type = CLADE_ATTR_WORD, .offset = offsetof(struct moe_params, act),
		   .def = { .i = 3 }, .words = moe_acts, .help = "the activation of the gates");

#define CASE(name_, flags_, act_, ...) CLADE_CASE(name_, "act = \"" act_ "\"", flags_, __VA_ARGS__)
/* m rows, c of e experts, d in, f hidden */
#define EXPERTS(m, c, e, d, f, act, flags, fill)                                                                       \
	CASE(#m " " #c "/" #e " " #d "x" #f " " act " " fill, flags, act, "x = f32[" #m ", " #d "] " fill,             \
	     "indices = i32[" #m ", " #c "] ids:" #e, "weights = f32[" #m ", " #c "]",                                 \
	     "w1 = f32[" #e ", " #f ", " #d "] " fill " weight", "w3 = f32[" #e ", " #f ", " #d "] " fill " weight",   \
	     "w2 = f32[" #e ", " #d ", " #f "] " fill " weight")

static const struct clade_case *const cases[] = {
	EXPERTS(1, 1, 1, 1, 1, "silu", 0, "normal"),
	EXPERTS(7, 2, 8, 4, 8, "silu", 0, "normal"),
	EXPERTS(5, 3, 5, 17, 31, "relu", 0, "normal"),
	EXPERTS(3, 2, 3, 33, 13, "gelu", 0, "normal"),
	EXPERTS(4, 4, 4, 19, 23, "gelu_tanh", 0, "normal"),
	EXPERTS(2, 2, 2, 257, 9, "silu", 0, "normal"),
	EXPERTS(2, 2, 2, 9, 513, "silu", 0, "normal"),
	EXPERTS(0, 2, 3, 4, 5, "silu", 0, "normal"),
	EXPERTS(3, 2, 3, 0, 5, "silu", 0, "normal"),
	EXPERTS(3, 2, 3, 4, 0, "silu", 0, "normal"),
	EXPERTS(3, 0, 3, 4, 5, "silu", 0, "normal"),
	EXPERTS(5, 2, 3, 11, 7, "relu", 0, "specials"),
	EXPERTS(5, 2, 3, 11, 7, "silu", 0, "nan"),
	EXPERTS(5, 2, 3, 11, 7, "silu", 0, "cancel"),
	EXPERTS(5, 2, 3, 11, 7, "silu", 0, "zeros"),
	CASE("outside", 0, "silu", "x = f32[9, 6]", "indices = i32[9, 2] badids:4", "weights = f32[9, 2] specials",
	     "w1 = f32[4, 5, 6] normal weight", "w3 = f32[4, 5, 6] normal weight", "w2 = f32[4, 6, 5] normal weight"),
	CASE("no experts", 0, "silu", "x = f32[2, 6]", "indices = i32[2, 1] badids:1", "weights = f32[2, 1]",
	     "w1 = f32[0, 5, 6]", "w3 = f32[0, 5, 6]", "w2 = f32[0, 6, 5]"),
	CASE("rank 3", 0, "silu", "x = f32[2, 3, 10]", "indices = i32[2, 3, 2] ids:5", "weights = f32[2, 3, 2]",
	     "w1 = f32[5, 12, 10]", "w3 = f32[5, 12, 10]", "w2 = f32[5, 10, 12]"),
	CASE("rank 1", 0, "silu", "x = f32[10]", "indices = i32[2] ids:5", "weights = f32[2]", "w1 = f32[5, 12, 10]",
	     "w3 = f32[5, 12, 10]", "w2 = f32[5, 10, 12]"),
	EXPERTS(1, 1, 2, 4099, 3, "silu", 0, "normal"),
	EXPERTS(66001, 1, 2, 2, 2, "silu", CLADE_CASE_LARGE, "normal"),
	EXPERTS(1, 2, 8, 512, 1024, "silu", CLADE_CASE_LARGE | CLADE_CASE_BENCH, "normal"),
	CASE("rows differ", CLADE_CASE_FAILS, "silu", "x = f32[2, 6]", "indices = i32[3, 1] ids:1",
	     "weights = f32[3, 1]", "w1 = f32[1, 5, 6]", "w3 = f32[1, 5, 6]", "w2 = f32[1, 6, 5]"),
	CASE("ranks differ", CLADE_CASE_FAILS, "silu", "x = f32[2, 6]", "indices = i32[1] ids:1", "weights = f32[1]",
	     "w1 = f32[1, 5, 6]", "w3 = f32[1, 5, 6]", "w2 = f32[1, 6, 5]"),
	CASE("stacks differ", CLADE_CASE_FAILS, "silu", "x = f32[2, 6]", "indices = i32[2, 1] ids:1",
	     "weights = f32[2, 1]", "w1 = f32[1, 5, 6]", "w3 = f32[1, 4, 6]", "w2 = f32[1, 6, 5]"),
	NULL
};

/* Three products a row and chosen expert. */
static void moe_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	struct moe_shape s = moe_shape_of(node->inputs[MOE_X], node->inputs[MOE_INDICES], node->inputs[MOE_W1]);

	cost->flops = 6.0 * (double)s.rows * (double)s.chosen * (double)s.d * (double)s.f;
}

static const struct clade_op moe_op = {
	.size = sizeof(struct clade_op),
	.name = "moe",
	.doc = "The chosen experts of each row (Shazeer et al. 2017): y = sum over j of weights_j (w2_e (act(w1_e x) * "
	       "(w3_e "
	       "x))), "
	       "e = indices_j. Products as linear's; results times their weights are added with j ascending, from +0.",
	.params_size = sizeof(struct moe_params),
	.attrs = CLADE_LIST(struct clade_attr, &act),
	.ports = CLADE_LIST(struct clade_port, &x, &indices, &weights, &w1, &w3, &w2, &y),
	.infer = infer_moe,
	.cases = cases,
	.family = "moe",
	.rows = "...",
	.cost = moe_cost,
};

clade_plugin_entry_fn clade_family_moe;
enum clade_status clade_family_moe(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = host->add_op(registry, &moe_op);

	if (!status)
		status = host->add_impl(registry, &moe_ref);
	return status ? status : host->add_impl(registry, &moe_cl);
}

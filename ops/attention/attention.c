/* SPDX-License-Identifier: MIT */
/* Scaled dot-product attention: ports, attributes, shape rule. */
#include "attention.h"
#include <math.h>

static enum clade_status check_broadcast(struct clade_infer *infer, uint32_t input, const char *name)
{
	const struct clade_type *type = infer->inputs[input], *q = infer->inputs[ATTENTION_Q];
	const int64_t full[4] = { q->dims[0], q->dims[1], q->dims[2], infer->inputs[ATTENTION_K]->dims[2] };

	if (type->rank != 4)
		return infer->ops->fail(infer, "%s has %u axes; it must have 4: [b, h, t, s], each full or 1", name,
					type->rank);
	for (uint32_t i = 0; i < 4; i++)
		if (type->dims[i] != 1 && type->dims[i] != full[i])
			return infer->ops->fail(infer, "axis %u of %s must be 1 or %s", i, name,
						infer->ops->text(infer, full[i]));
	return CLADE_OK;
}

static bool is_given(const struct clade_infer *infer, uint32_t input)
{
	return infer->input_count > input && infer->inputs[input];
}

static enum clade_status check_ring(struct clade_infer *infer)
{
	const struct attention_params *params = infer->params;

	if (!params->causal || params->window < 1 || !is_given(infer, ATTENTION_Q_POS))
		return infer->ops->fail(infer, "a ring of keys needs causal = true, a window and q_pos");
	if (is_given(infer, ATTENTION_MASK) || is_given(infer, ATTENTION_BIAS) || is_given(infer, ATTENTION_KV_LEN))
		return infer->ops->fail(infer, "a ring of keys goes by positions alone: no mask, bias or kv_len");
	return CLADE_OK;
}

static enum clade_status infer_attention(struct clade_infer *infer)
{
	int64_t h = infer->inputs[ATTENTION_Q]->dims[1], g = infer->inputs[ATTENTION_K]->dims[1];
	const struct attention_params *params = infer->params;
	enum clade_status status = CLADE_OK;

	if (h != g && (g == 0 || infer->ops->div(infer, h, g) == INT64_MIN))
		return infer->ops->fail(infer, "the heads of q must be a multiple of the heads of k and v");
	if (infer->inputs[ATTENTION_K]->dtype != infer->inputs[ATTENTION_V]->dtype)
		return infer->ops->fail(infer, "k and v must be of one type");
	if (infer->input_count > ATTENTION_MASK && infer->inputs[ATTENTION_MASK])
		status = check_broadcast(infer, ATTENTION_MASK, "mask");
	if (!status && params->ring)
		status = check_ring(infer);
	if (!status && infer->input_count > ATTENTION_BIAS && infer->inputs[ATTENTION_BIAS])
		status = check_broadcast(infer, ATTENTION_BIAS, "bias");
	return status;
}

#define F32 CLADE_DTYPE_BIT(CLADE_F32)
#define KEPT (F32 | CLADE_DTYPE_BIT(CLADE_F16))
#define I32 CLADE_DTYPE_BIT(CLADE_I32)
#define BOOL CLADE_DTYPE_BIT(CLADE_BOOL)
#define PORT CLADE_PORT
#define ATTR CLADE_ATTR

static const struct clade_port q = PORT("q", CLADE_IN, F32, "[b, h, t, d]", .help = "queries");
static const struct clade_port k =
	PORT("k", CLADE_IN | CLADE_KEPT, KEPT, "[b, g, s, d]", .help = "keys; query head i uses key head i / (h / g)");
static const struct clade_port v =
	PORT("v", CLADE_IN | CLADE_KEPT, KEPT, "[b, g, s, e]", .help = "values, of the keys' type");
static const struct clade_port mask =
	PORT("mask", CLADE_IN | CLADE_OPTIONAL, BOOL, "*", .help = "[b, h, t, s], each axis full or 1; true: attend");
static const struct clade_port bias = PORT("bias", CLADE_IN | CLADE_OPTIONAL, F32, "*",
					   .help = "[b, h, t, s], each axis full or 1; added to the scores");
static const struct clade_port q_pos = PORT("q_pos", CLADE_IN | CLADE_OPTIONAL, I32, "[b, t]",
					    .help = "positions of the queries; below 0: padding, the row is 0");
static const struct clade_port kv_len = PORT("kv_len", CLADE_IN | CLADE_OPTIONAL, I32, "[b]",
					     .help = "keys that exist; those from kv_len on are not read");
static const struct clade_port y =
	PORT("y", CLADE_OUT, F32, "[b, h, t, e]", .help = "a weighted mean of values for each query");
static const struct clade_port weights =
	PORT("weights", CLADE_OUT | CLADE_OPTIONAL, F32, "[b, h, t, s]", .help = "the softmax's values");

static const struct clade_attr causal = ATTR("causal", CLADE_ATTR_BOOL, offsetof(struct attention_params, causal),
					     .help = "key j is visible to position p only if j <= p");
static const struct clade_attr scale = ATTR("scale", CLADE_ATTR_FLOAT, offsetof(struct attention_params, scale),
					    .def.f = NAN, .help = "factor of q . k; absent: 1 / sqrt(d)");
static const struct clade_attr window =
	ATTR("window", CLADE_ATTR_INT, offsetof(struct attention_params, window), .min = 0, .max = INT32_MAX,
	     .help = "w > 0: key j is visible to position p only if j > p - w");
static const struct clade_attr ring = ATTR(
	"ring", CLADE_ATTR_BOOL, offsetof(struct attention_params, ring),
	.help = "key j is row j mod s of k and v, if s is a multiple of 256; window + the span of q_pos is at most s");
static const struct clade_attr softcap = ATTR("softcap", CLADE_ATTR_FLOAT, offsetof(struct attention_params, softcap),
					      .min = 0, .max = 3e38, .help = "c > 0: scores become c tanh(score / c)");

/* Pairs of a query and a key that it sees, as far as the shapes tell: without data the queries are the last t of s
 * positions. Masks are not looked into. */
static double visible_pairs(const struct attention_params *params, double t, double s)
{
	double pairs = t * s, window = (double)params->window;

	if (params->causal)
		pairs = s >= t ? t * s - t * (t - 1) / 2 : s * (s + 1) / 2;
	return window > 0 && window * t < pairs ? window * t : pairs;
}

static void attention_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	const struct clade_type *q = node->inputs[ATTENTION_Q], *v = node->inputs[ATTENTION_V];
	double heads = (double)q->dims[0] * (double)q->dims[1];

	cost->flops = 2.0 * heads * ((double)q->dims[3] + (double)v->dims[3]) *
		      visible_pairs(node->params, (double)q->dims[2], (double)v->dims[2]);
}

const struct clade_op attention_op = {
	.size = sizeof(struct clade_op),
	.name = "attention",
	.doc = "y = softmax(q k^T scale + bias) v over the keys that a query sees (Vaswani et al. 2017, equation 1), "
	       "with "
	       "grouped heads (Ainslie et al. 2023), sliding window (Beltagy et al. 2020) and soft cap (Gemma 2). The "
	       "position "
	       "of query i is q_pos[b, i], or i + (s - t) without q_pos. A query that sees no key gives 0. A score of "
	       "exactly "
	       "-inf is a key that is not seen.",
	.params_size = sizeof(struct attention_params),
	.attrs = CLADE_LIST(struct clade_attr, &causal, &scale, &window, &ring, &softcap),
	.ports = CLADE_LIST(struct clade_port, &q, &k, &v, &mask, &bias, &q_pos, &kv_len, &y, &weights),
	.infer = infer_attention,
	.cases = attention_cases,
	.family = "attention",
	.rows = "b t?q_pos,!causal+!window s?causal+q_pos",
	.cost = attention_cost,
};

clade_plugin_entry_fn clade_family_attention;
enum clade_status clade_family_attention(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = host->add_op(registry, &attention_op);

	if (!status)
		status = host->add_impl(registry, &attention_ref);
	if (!status)
		status = host->add_impl(registry, &attention_cl);
	if (!status)
		status = host->add_impl(registry, &attention_cl_cpu);
	if (!status)
		status = host->add_impl(registry, &attention_cl_local);
	if (!status)
		status = host->add_op(registry, &rope_attention_op);
	if (!status)
		status = host->add_impl(registry, &rope_attention_cl_cpu);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Attention masks as tensors, true = attend: causal_mask and padding_mask, each with its implementations. */
#include <clade/host.h>
#include <clade/op_kit.h>

struct causal_params {
	int64_t window;
};

static const struct clade_attr window =
	CLADE_ATTR(.name = "window", .type = CLADE_ATTR_INT, .offset = offsetof(struct causal_params, window), .min = 0,
		   .max = 0x7fffffff, .help = "keys that a query sees, itself included; 0: all before it");

#define PORT(variable, name_, flags_, dtype_, shape_, help_)                                                           \
	static const struct clade_port variable =                                                                      \
		CLADE_PORT(.name = name_, .flags = flags_, .dtypes = CLADE_DTYPE_BIT(dtype_), .shape = shape_,         \
			   .help = help_)
PORT(q, "q", CLADE_IN, CLADE_F32, "[b, h, t, d]", "queries; only their number counts");
PORT(k, "k", CLADE_IN, CLADE_F32, "[b, g, s, d]", "keys; only their number counts");
PORT(causal_y, "y", CLADE_OUT, CLADE_BOOL, "[1, 1, t, s]", "true where the query sees the key");
PORT(attention_mask, "attention_mask", CLADE_IN, CLADE_I32, "[b, s]", "not 0: a token, 0: padding");
PORT(padding_y, "y", CLADE_OUT, CLADE_BOOL, "[b, 1, 1, s]", "true where there is a token");

#define CASE(name_, flags_, attrs_, ...) CLADE_CASE(name_, attrs_, flags_, __VA_ARGS__)
#define CAUSAL(t, s, attrs) CASE(#t "x" #s " " attrs, 0, attrs, "q = f32[2, 4, " #t ", 3]", "k = f32[2, 2, " #s ", 3]")
static const struct clade_case *const causal_cases[] = {
	CAUSAL(0, 5, "window = 0"),
	CAUSAL(3, 0, "window = 0"),
	CAUSAL(1, 1, "window = 0"),
	CAUSAL(7, 7, "window = 0"),
	CAUSAL(5, 13, "window = 0"),
	CAUSAL(13, 5, "window = 0"),
	CAUSAL(1, 1023, "window = 0"),
	CAUSAL(7, 7, "window = 1"),
	CAUSAL(5, 67, "window = 4"),
	CAUSAL(67, 67, "window = 2147483647"),
	CASE("strided", 0, NULL, "q = f32[1, 2, 5, 8] normal strided", "k = f32[1, 2, 7, 8] normal strided"),
	CASE("70001 queries", CLADE_CASE_LARGE, NULL, "q = f32[1, 1, 70001, 1]", "k = f32[1, 1, 3, 1]"),
	CASE("batch differs", CLADE_CASE_FAILS, NULL, "q = f32[2, 1, 3, 4]", "k = f32[1, 1, 3, 4]"),
	CASE("window negative", CLADE_CASE_FAILS, "window = -1", "q = f32[1, 1, 3, 4]", "k = f32[1, 1, 3, 4]"),
	NULL
};
static const struct clade_case *const padding_cases[] = {
	CASE("empty", 0, NULL, "attention_mask = i32[2, 0] ids:2"),
	CASE("one", 0, NULL, "attention_mask = i32[1, 1] ones"),
	CASE("prime", 0, NULL, "attention_mask = i32[3, 13] ids:2"),
	CASE("any integer", 0, NULL, "attention_mask = i32[2, 1023] badids:3"),
	CASE("zeros", 0, NULL, "attention_mask = i32[5, 64] zeros"),
	CASE("70001 rows", CLADE_CASE_LARGE, NULL, "attention_mask = i32[70001, 3] ids:2"),
	CASE("rank 1", CLADE_CASE_FAILS, NULL, "attention_mask = i32[3] ids:2"),
	NULL
};

static const struct clade_op op_causal_mask = {
	.size = sizeof(struct clade_op),
	.name = "causal_mask",
	.doc = "y[1, 1, i, j] = query i sees key j: with p = i + s - t (the queries are the last t positions), j <= p, "
	       "and "
	       "with a window also j > p - window.",
	.params_size = sizeof(struct causal_params),
	.attrs = CLADE_LIST(struct clade_attr, &window),
	.ports = CLADE_LIST(struct clade_port, &q, &k, &causal_y),
	.cases = causal_cases,
	.family = "mask",
};
static const struct clade_op op_padding_mask = {
	.size = sizeof(struct clade_op),
	.name = "padding_mask",
	.doc = "y[b, 1, 1, s] = attention_mask[b, s] is not 0.",
	.ports = CLADE_LIST(struct clade_port, &attention_mask, &padding_y),
	.cases = padding_cases,
	.family = "mask",
	.rows = "b s",
};

/* ---- reference ---- */

static enum clade_status run_causal_ref(const struct clade_run *run)
{
	const struct causal_params *params = run->params;
	int64_t t = run->inputs[0]->type.dims[2], s = run->inputs[1]->type.dims[2];
	uint8_t *y = run->outputs[0]->data;

	for (int64_t i = 0; i < t; i++)
		for (int64_t j = 0; j < s; j++) {
			int64_t p = i + s - t;

			y[i * s + j] = j <= p && (params->window == 0 || j > p - params->window);
		}
	return CLADE_OK;
}

static enum clade_status run_padding_ref(const struct clade_run *run)
{
	int64_t count = run->inputs[0]->type.dims[0] * run->inputs[0]->type.dims[1];
	const int32_t *x = run->inputs[0]->data;
	uint8_t *y = run->outputs[0]->data;

	for (int64_t i = 0; i < count; i++)
		y[i] = x[i] != 0;
	return CLADE_OK;
}

/* ---- OpenCL ---- */

enum { GROUP = 32 };

static enum clade_status prepare_causal_cl(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "mask/mask.cl", "causal_mask", NULL, &slot);
}

static enum clade_status run_causal_cl(const struct clade_run *run)
{
	const struct causal_params *params = run->params;
	int64_t t = run->inputs[0]->type.dims[2], s = run->inputs[1]->type.dims[2];
	const struct clade_arg args[] = { CLADE_TENSOR(run->outputs[0]), CLADE_LONG(t), CLADE_LONG(s),
					  CLADE_LONG(params->window) };

	return run->host->launch(run, 0, args, sizeof(args) / sizeof(*args),
				 (const uint64_t[3]) { (uint64_t)(t * s), 1, 1 }, (const uint32_t[3]) { GROUP, 1, 1 });
}

static enum clade_status prepare_padding_cl(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "mask/mask.cl", "padding_mask", NULL, &slot);
}

static enum clade_status run_padding_cl(const struct clade_run *run)
{
	int64_t count = run->inputs[0]->type.dims[0] * run->inputs[0]->type.dims[1];
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]), CLADE_TENSOR(run->outputs[0]),
					  CLADE_LONG(count) };

	return run->host->launch(run, 0, args, sizeof(args) / sizeof(*args),
				 (const uint64_t[3]) { (uint64_t)count, 1, 1 }, (const uint32_t[3]) { GROUP, 1, 1 });
}

#define IMPL(op_, name_, doc_, needs_, strided_, prepare_, run_, priority_)                                            \
	{                                                                                                              \
		.size = sizeof(struct clade_impl), .op = (op_), .name = (name_), .doc = (doc_), .needs = (needs_),     \
		.strided_inputs = (strided_), .prepare = (prepare_), .run = (run_), .priority = (priority_)            \
	}
static const struct clade_impl causal_ref =
	IMPL("causal_mask", "ref", "plain C", CLADE_NEEDS_HOST, 3, NULL, run_causal_ref, 0);
static const struct clade_impl causal_cl = IMPL("causal_mask", "cl", "an item an element; any device",
						CLADE_NEEDS_OPENCL, 3, prepare_causal_cl, run_causal_cl, 10);
static const struct clade_impl padding_ref =
	IMPL("padding_mask", "ref", "plain C", CLADE_NEEDS_HOST, 0, NULL, run_padding_ref, 0);
static const struct clade_impl padding_cl = IMPL("padding_mask", "cl", "an item an element; any device",
						 CLADE_NEEDS_OPENCL, 0, prepare_padding_cl, run_padding_cl, 10);

clade_plugin_entry_fn clade_family_mask;

enum clade_status clade_family_mask(const struct clade_host *host, struct clade_registry *registry)
{
	static const struct clade_op *const ops[] = { &op_causal_mask, &op_padding_mask };
	static const struct clade_impl *const impls[] = { &causal_ref, &causal_cl, &padding_ref, &padding_cl };
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops) && !status; i++)
		status = host->add_op(registry, ops[i]);
	for (size_t i = 0; i < sizeof(impls) / sizeof(*impls) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}

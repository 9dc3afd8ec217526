/* SPDX-License-Identifier: MIT */
/* fma_chain: how fast a device multiplies and adds when nothing else holds it up. `clade bench` takes the roof of its
 * roofline from it. */
#include <clade/op_kit.h>

#include <math.h>

struct chain_params {
	int64_t rounds;
};

/* Both keep every chain finite: its fixed point is 1. */
#define CHAIN_A 0.5f
#define CHAIN_B 0.5f
#define CHAINS 12 /* vectors an item keeps in registers; hides the latency of an fma */

static enum clade_status run_ref(const struct clade_run *run)
{
	const struct chain_params *params = run->params;
	const float *x = run->inputs[0]->data;
	float *y = run->outputs[0]->data;
	int64_t count = clade_kit_count(&run->inputs[0]->type);

	for (int64_t i = 0; i < count; i++) {
		float value = x[i];

		for (int64_t r = 0; r < params->rounds; r++)
			value = fmaf(value, CHAIN_A, CHAIN_B);
		y[i] = value;
	}
	return CLADE_OK;
}

static bool accepts_cl(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct chain_params *params = node->params;

	return clade_kit_loops_fit(node->device, params->rounds, 1, why, why_size);
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "measure/measure.cl", "fma_chain", "CHAINS=12", &slot);
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct chain_params *params = run->params;
	int64_t count = clade_kit_count(&run->inputs[0]->type);
	uint32_t width = run->device->vector_width ? run->device->vector_width : 1;
	uint64_t items = ((uint64_t)count + CHAINS * width - 1) / (CHAINS * width);
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]), CLADE_TENSOR(run->outputs[0]),
					  CLADE_LONG(count), CLADE_LONG(params->rounds) };

	return run->host->launch(run, 0, args, sizeof(args) / sizeof(*args), (const uint64_t[3]) { items, 1, 1 },
				 (const uint32_t[3]) { clade_kit_group(run->device), 1, 1 });
}

static void chain_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	const struct chain_params *params = node->params;

	cost->flops = 2.0 * (double)params->rounds * (double)clade_kit_count(node->inputs[0]);
}

#define CASE CLADE_CASE

static const struct clade_port x = CLADE_PORT(.name = "x", .flags = CLADE_IN, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .shape = "*", .help = "where each chain begins");
static const struct clade_port y =
	CLADE_PORT(.name = "y", .flags = CLADE_OUT, .like = "x", .help = "after the last round");
static const struct clade_attr rounds =
	CLADE_ATTR(.name = "rounds", .type = CLADE_ATTR_INT, .offset = offsetof(struct chain_params, rounds),
		   .required = true, .min = 0, .max = 1 << 30, .help = "fmas an element");

static const struct clade_case *const cases[] = {
	CASE("none", "rounds = 0", CLADE_CASE_ALIAS, "x = f32[5, 7] specials"),
	CASE("one", "rounds = 1", CLADE_CASE_ALIAS, "x = f32[2, 193] specials"),
	CASE("some", "rounds = 3", 0, "x = f32[3, 5, 13]"),
	CASE("until it stays", "rounds = 60", 0, "x = f32[385] huge"),
	CASE("scalar", "rounds = 2", 0, "x = f32[]"),
	CASE("empty", "rounds = 2", 0, "x = f32[0, 3]"),
	CASE("many", "rounds = 2", CLADE_CASE_LARGE, "x = f32[70001, 3]"),
	CASE("peak", "rounds = 4096", CLADE_CASE_LARGE | CLADE_CASE_BENCH, "x = f32[64, 768]"),
	NULL
};

static const struct clade_op fma_chain_op = {
	.size = sizeof(struct clade_op),
	.name = "fma_chain",
	.doc = "rounds times y = fma(y, 0.5, 0.5), beginning with x: arithmetic with no memory to wait for, to measure "
	       "a "
	       "device's peak with (the roof of Williams, Waterman and Patterson 2009).",
	.params_size = sizeof(struct chain_params),
	.attrs = CLADE_LIST(struct clade_attr, &rounds),
	.ports = CLADE_LIST(struct clade_port, &x, &y),
	.cases = cases,
	.family = "measure",
	.rows = "*",
	.cost = chain_cost,
};
static const struct clade_impl fma_chain_ref = { .size = sizeof(struct clade_impl),
						 .op = "fma_chain",
						 .name = "ref",
						 .doc = "plain C",
						 .needs = CLADE_NEEDS_HOST,
						 .run = run_ref };
static const struct clade_impl fma_chain_cl = { .size = sizeof(struct clade_impl),
						.op = "fma_chain",
						.name = "cl",
						.doc = "twelve vectors of chains an item; any device",
						.needs = CLADE_NEEDS_OPENCL,
						.accepts = accepts_cl,
						.prepare = prepare_cl,
						.run = run_cl,
						.priority = 10 };

clade_plugin_entry_fn clade_family_measure;
enum clade_status clade_family_measure(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = host->add_op(registry, &fma_chain_op);

	if (!status)
		status = host->add_impl(registry, &fma_chain_ref);
	return status ? status : host->add_impl(registry, &fma_chain_cl);
}

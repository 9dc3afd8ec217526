/* SPDX-License-Identifier: MIT */
/* The block `add_norm`: ports, attribute, cases and its fused implementation. Its reference is its body in graph/lib.
 */
#include "blocks_internal.h"
#include <clade/op_kit.h>
#include <stdio.h>

static const struct clade_attr eps =
	CLADE_ATTR(.name = "eps", .type = CLADE_ATTR_FLOAT, .offset = offsetof(struct add_norm_params, eps),
		   .def = { .f = 1e-5 }, .min = 0.0, .max = 1.0, .help = "added to the variance");

#define PORT(name_, flags_, shape_, help_)                                                                             \
	CLADE_PORT(.name = name_, .flags = flags_, .dtypes = CLADE_DTYPE_BIT(CLADE_F32), .shape = shape_, .help = help_)
static const struct clade_port x = PORT("x", CLADE_IN, "[..., n]", "rows");
static const struct clade_port y = PORT("y", CLADE_IN, "[..., n]", "what is added to them");
static const struct clade_port gamma = PORT("gamma", CLADE_IN, "[n]", "scale");
static const struct clade_port beta = PORT("beta", CLADE_IN | CLADE_OPTIONAL, "[n]", "shift");
static const struct clade_port z = PORT("z", CLADE_OUT, "[..., n]", "layer_norm(x + y)");

#define CASE(name_, flags_, attrs_, ...) CLADE_CASE(name_, attrs_, flags_, __VA_ARGS__)
#define ROWS(rows, n)                                                                                                  \
	CASE(#rows "x" #n, CLADE_CASE_ALIAS, NULL, "x = f32[" #rows ", " #n "]", "y = f32[" #rows ", " #n "]",         \
	     "gamma = f32[" #n "] normal weight", "beta = f32[" #n "] normal weight")
#define FILLED(fill)                                                                                                   \
	CASE(fill, 0, NULL, "x = f32[5, 150] " fill, "y = f32[5, 150] " fill, "gamma = f32[150]", "beta = f32[150]")

static const struct clade_case *const cases[] = {
	ROWS(1, 1),
	ROWS(3, 7),
	ROWS(0, 5),
	ROWS(2, 0),
	ROWS(5, 63),
	ROWS(5, 64),
	ROWS(5, 65),
	ROWS(12, 128),
	ROWS(7, 1023),
	ROWS(2, 4096),
	ROWS(13, 257),
	CASE("no beta", 0, "eps = 1e-12", "x = f32[3, 4, 100]", "y = f32[3, 4, 100]", "gamma = f32[100]"),
	CASE("eps 0", 0, "eps = 0", "x = f32[4, 77]", "y = f32[4, 77]", "gamma = f32[77]", "beta = f32[77]"),
	FILLED("cancel"),
	FILLED("equal"),
	FILLED("zeros"),
	FILLED("nan"),
	FILLED("inf"),
	FILLED("specials"),
	FILLED("huge"),
	CASE("70001 rows", CLADE_CASE_LARGE, NULL, "x = f32[70001, 3]", "y = f32[70001, 3]", "gamma = f32[3]"),
	CASE("1024x768", CLADE_CASE_LARGE | CLADE_CASE_BENCH, NULL, "x = f32[1024, 768]", "y = f32[1024, 768]",
	     "gamma = f32[768] normal weight", "beta = f32[768] normal weight"),
	CASE("rows differ", CLADE_CASE_FAILS, NULL, "x = f32[3, 4]", "y = f32[2, 4]", "gamma = f32[4]"),
	NULL
};

const struct clade_op clade_op_add_norm = {
	.size = sizeof(struct clade_op),
	.name = "add_norm",
	.doc = "The residual connection and the layer normalization after it (Vaswani et al. 2017, section 3.1): "
	       "z = layer_norm(x + y, gamma, beta, eps).",
	.flags = CLADE_OP_BLOCK,
	.params_size = sizeof(struct add_norm_params),
	.attrs = CLADE_LIST(struct clade_attr, &eps),
	.ports = CLADE_LIST(struct clade_port, &x, &y, &gamma, &beta, &z),
	.cases = cases,
	.family = "blocks",
	.rows = "...",
};

static bool accepts(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct clade_type *type = node->inputs[0];
	int64_t rows = blocks_rows(type), n = type->dims[type->rank - 1];

	if (rows <= INT32_MAX && n <= INT32_MAX - 64)
		return clade_kit_loops_fit(node->device, n, 4, why, why_size);
	snprintf(why, why_size, "%lld rows of %lld are more than its 31-bit counters hold", (long long)rows,
		 (long long)n);
	return false;
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	uint32_t slot;

	return prepare->host->kernel(prepare, "blocks/add_norm.cl", "add_norm", NULL, &slot);
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct add_norm_params *params = run->params;
	const struct clade_type *type = &run->inputs[0]->type;
	int64_t rows = blocks_rows(type);
	uint32_t group = run->device->kind == CLADE_DEVICE_CPU ? 1 : 64;
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
					  CLADE_TENSOR(run->inputs[1]),
					  CLADE_TENSOR(run->inputs[2]),
					  CLADE_TENSOR(run->inputs[3]),
					  CLADE_TENSOR(run->outputs[0]),
					  CLADE_UINT(rows),
					  CLADE_UINT(type->dims[type->rank - 1]),
					  CLADE_UINT(run->inputs[3] != NULL),
					  CLADE_FLOAT(params->eps) };

	return run->host->launch(run, 0, args, sizeof(args) / sizeof(*args),
				 (const uint64_t[3]) { (uint64_t)rows, 1, 1 }, (const uint32_t[3]) { group, 1, 1 });
}

const struct clade_impl clade_impl_add_norm_cl = {
	.size = sizeof(struct clade_impl),
	.op = "add_norm",
	.name = "cl",
	.doc = "sum and normalization of a row by one item; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.accepts = accepts,
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};

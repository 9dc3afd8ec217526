/* SPDX-License-Identifier: MIT */
/* layer_norm and rms_norm: ports and cases. */
#include "norm.h"

static const struct clade_attr eps_layer =
	CLADE_ATTR(.name = "eps", .type = CLADE_ATTR_FLOAT, .offset = offsetof(struct norm_params, eps),
		   .def = { .f = 1e-5 }, .min = 0, .max = 1e30, .help = "added to the variance");
static const struct clade_attr eps_rms =
	CLADE_ATTR(.name = "eps", .type = CLADE_ATTR_FLOAT, .offset = offsetof(struct norm_params, eps),
		   .def = { .f = 1e-5 }, .min = 0, .max = 1e30, .help = "added to the mean square");
static const struct clade_port x = CLADE_PORT(.name = "x", .flags = CLADE_IN, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .shape = "[..., n]", .help = "rows to normalise");
static const struct clade_port gamma =
	CLADE_PORT(.name = "gamma", .flags = CLADE_IN | CLADE_OPTIONAL, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
		   .shape = "[n]", .help = "scale; absent: 1");
static const struct clade_port beta =
	CLADE_PORT(.name = "beta", .flags = CLADE_IN | CLADE_OPTIONAL, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
		   .shape = "[n]", .help = "shift; absent: 0");
static const struct clade_port y = CLADE_PORT(.name = "y", .flags = CLADE_OUT, .like = "x", .help = "x's shape");

#define CASE(name_, flags_, attrs_, ...) CLADE_CASE(name_, attrs_, flags_, __VA_ARGS__)
#define ALIAS CLADE_CASE_ALIAS
#define PLAIN(rows, n) CASE(#rows "x" #n, ALIAS, NULL, "x = f32[" #rows ", " #n "]")
#define FILLED(fill) CASE(fill, 0, NULL, "x = f32[5, 131] " fill, "gamma = f32[131]")
#define GAMMA(rows, n)                                                                                                 \
	CASE(#rows "x" #n " gamma", ALIAS, NULL, "x = f32[" #rows ", " #n "]", "gamma = f32[" #n "] normal weight")
#define BETA(rows, n)                                                                                                  \
	CASE(#rows "x" #n " gamma beta", ALIAS, NULL, "x = f32[" #rows ", " #n "]",                                    \
	     "gamma = f32[" #n "] normal weight", "beta = f32[" #n "] normal weight")
#define COMMON_CASES                                                                                                   \
	PLAIN(0, 7), PLAIN(1, 15001), PLAIN(1, 70001), PLAIN(3, 0), PLAIN(1, 1), PLAIN(5, 7), PLAIN(3, 63),            \
		PLAIN(3, 64), PLAIN(3, 65), PLAIN(2, 127), PLAIN(2, 1023), PLAIN(1, 4096), GAMMA(1, 1), GAMMA(7, 17),  \
		GAMMA(2, 1023), GAMMA(3, 64), FILLED("nan"), FILLED("inf"), FILLED("specials"), FILLED("huge"),        \
		FILLED("tiny"), FILLED("cancel"), FILLED("zeros"), FILLED("equal"),                                    \
		CASE("rank 1", ALIAS, NULL, "x = f32[67]", "gamma = f32[67]"),                                         \
		CASE("eps 0", 0, "eps = 0", "x = f32[3, 67] equal"),                                                   \
		CASE("eps 0 zeros", 0, "eps = 0", "x = f32[3, 67] zeros"),                                             \
		CASE("eps 1e-6", 0, "eps = 1e-6", "x = f32[3, 67] tiny"),                                              \
		CASE("strided", 0, NULL, "x = f32[2, 3, 5, 67] normal strided", "gamma = f32[67]"),                    \
		CASE("70001 rows", CLADE_CASE_LARGE, NULL, "x = f32[70001, 3]", "gamma = f32[3]"),                     \
		CASE("gamma differs", CLADE_CASE_FAILS, NULL, "x = f32[3, 4]", "gamma = f32[3]"),                      \
		CASE("no axis", CLADE_CASE_FAILS, NULL, "x = f32[]")
static const struct clade_case *const layer_norm_cases[] = {
	COMMON_CASES,
	BETA(1, 1),
	BETA(7, 17),
	BETA(2, 1023),
	BETA(3, 64),
	CASE("beta without gamma", 0, NULL, "x = f32[3, 67]", "beta = f32[67]"),
	CASE("specials everywhere", 0, NULL, "x = f32[9, 67] specials", "gamma = f32[67] specials",
	     "beta = f32[67] specials"),
	CASE("512x768", CLADE_CASE_LARGE | CLADE_CASE_BENCH, NULL, "x = f32[512, 768]", "gamma = f32[768]",
	     "beta = f32[768]"),
	NULL
};
static const struct clade_case *const rms_norm_cases[] = {
	COMMON_CASES,
	CASE("512x2048", CLADE_CASE_LARGE | CLADE_CASE_BENCH, NULL, "x = f32[512, 2048]", "gamma = f32[2048]"), NULL
};

const struct clade_op clade_op_layer_norm = {
	.size = sizeof(struct clade_op),
	.name = "layer_norm",
	.doc = "y = (x - mean) / sqrt(var + eps) gamma + beta over the last axis, var the mean of (x - mean)^2 (Ba, "
	       "Kiros "
	       "and Hinton 2016). Order: ops/ARITHMETIC.md, 5.",
	.params_size = sizeof(struct norm_params),
	.attrs = CLADE_LIST(struct clade_attr, &eps_layer),
	.ports = CLADE_LIST(struct clade_port, &x, &gamma, &beta, &y),
	.cases = layer_norm_cases,
	.family = "norm",
	.rows = "...",
};

const struct clade_op clade_op_rms_norm = {
	.size = sizeof(struct clade_op),
	.name = "rms_norm",
	.doc = "y = x / sqrt(mean(x^2) + eps) gamma over the last axis (Zhang and Sennrich 2019). Order: "
	       "ops/ARITHMETIC.md, "
	       "5.",
	.params_size = sizeof(struct norm_params),
	.attrs = CLADE_LIST(struct clade_attr, &eps_rms),
	.ports = CLADE_LIST(struct clade_port, &x, &gamma, &y),
	.cases = rms_norm_cases,
	.family = "norm",
	.rows = "...",
};

void clade_norm_rows(const struct clade_tensor *x_tensor, struct norm_rows *rows)
{
	const struct clade_type *type = &x_tensor->type;
	uint32_t used = 0;

	*rows = (struct norm_rows) { .axes = 1, .n = type->dims[type->rank - 1], .size = { 1 } };
	for (uint32_t back = 2; back <= type->rank; back++) {
		int64_t size = type->dims[type->rank - back], step = x_tensor->strides[type->rank - back];

		if (size == 1)
			continue;
		if (used && step == rows->step[used - 1] * rows->size[used - 1]) {
			rows->size[used - 1] *= size;
			continue;
		}
		rows->size[used] = size;
		rows->step[used++] = step;
	}
	if (used)
		rows->axes = used;
}

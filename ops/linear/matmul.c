/* SPDX-License-Identifier: MIT */
/* The op `matmul`: ports, shapes and cases. */
#include "linear_internal.h"

#include <clade/op_kit.h>

static const struct clade_attr transpose_a =
	CLADE_ATTR(.name = "transpose_a", .type = CLADE_ATTR_BOOL,
		   .offset = offsetof(struct matmul_params, transpose_a), .help = "a is stored [..., k, m]");
static const struct clade_attr transpose_b =
	CLADE_ATTR(.name = "transpose_b", .type = CLADE_ATTR_BOOL,
		   .offset = offsetof(struct matmul_params, transpose_b), .help = "b is stored [..., n, k]");

static const struct clade_port a = CLADE_PORT(.name = "a", .flags = CLADE_IN, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .shape = "*", .help = "[..., m, k]");
static const struct clade_port b = CLADE_PORT(.name = "b", .flags = CLADE_IN, .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
					      .shape = "*", .help = "[..., k, n]");
static const struct clade_port y =
	CLADE_PORT(.name = "y", .flags = CLADE_OUT, .dtypes = CLADE_DTYPE_BIT(CLADE_F32), .help = "[..., m, n]");

static enum clade_status infer_matmul(struct clade_infer *infer)
{
	const struct matmul_params *params = infer->params;
	const struct clade_type *left = infer->inputs[0], *right = infer->inputs[1];
	struct clade_type *out = &infer->outputs[0];
	uint32_t rank = left->rank > right->rank ? left->rank : right->rank;

	if (left->rank < 2 || right->rank < 2)
		return infer->ops->fail(
			infer, "a has rank %u and b rank %u; matmul multiplies matrices, so both need at least 2",
			left->rank, right->rank);
	int64_t a_k = left->dims[left->rank - (params->transpose_a ? 2 : 1)];
	int64_t b_k = right->dims[right->rank - (params->transpose_b ? 1 : 2)];
	if (a_k != b_k)
		return infer->ops->fail(infer, "a and b are summed over axes that differ in size%s",
					params->transpose_a || params->transpose_b ? "" : " (transpose_b is false)");
	out->rank = rank;
	for (uint32_t i = 0; i + 2 < rank; i++) {
		uint32_t from_left = i + left->rank, from_right = i + right->rank;
		int64_t p = from_left >= rank ? left->dims[from_left - rank] : 1;
		int64_t q = from_right >= rank ? right->dims[from_right - rank] : 1;

		if (p != q && p != 1 && q != 1)
			return infer->ops->fail(
				infer, "axis %u of the batch differs in a and b; sizes must be equal, or one of them 1",
				i);
		out->dims[i] = p == 1 ? q : p;
	}
	out->dims[rank - 2] = left->dims[left->rank - (params->transpose_a ? 1 : 2)];
	out->dims[rank - 1] = right->dims[right->rank - (params->transpose_b ? 2 : 1)];
	return CLADE_OK;
}

void clade_matmul_shape(const struct matmul_params *params, const struct clade_type *left,
			const struct clade_type *right, const struct clade_type *out, struct matmul_shape *shape)
{
	int64_t a_high = left->dims[left->rank - 2], a_wide = left->dims[left->rank - 1];
	int64_t b_high = right->dims[right->rank - 2], b_wide = right->dims[right->rank - 1];
	int64_t a_step = a_high * a_wide, b_step = b_high * b_wide;
	uint32_t used = 0;

	*shape = (struct matmul_shape) { .m = out->dims[out->rank - 2],
					 .n = out->dims[out->rank - 1],
					 .k = params->transpose_a ? a_high : a_wide,
					 .batch = 1,
					 .a_row = params->transpose_a ? 1 : a_wide,
					 .a_column = params->transpose_a ? a_wide : 1,
					 .b_row = params->transpose_b ? 1 : b_wide,
					 .b_column = params->transpose_b ? b_wide : 1 };
	for (uint32_t i = 0; i < MATMUL_BATCH_AXES; i++)
		shape->dims[i] = 1;
	for (uint32_t back = 3; back <= out->rank; back++) {
		int64_t dim = out->dims[out->rank - back];
		int64_t a_dim = back <= left->rank ? left->dims[left->rank - back] : 1;
		int64_t b_dim = back <= right->rank ? right->dims[right->rank - back] : 1;
		int64_t a_here = a_dim == 1 ? 0 : a_step, b_here = b_dim == 1 ? 0 : b_step;
		uint32_t top = used ? used - 1 : 0;

		a_step *= a_dim;
		b_step *= b_dim;
		shape->batch *= dim;
		if (dim == 1)
			continue;
		if (used && a_here == shape->a_step[top] * shape->dims[top] &&
		    b_here == shape->b_step[top] * shape->dims[top]) {
			shape->dims[top] *= dim;
			continue;
		}
		shape->dims[used] = dim;
		shape->a_step[used] = a_here;
		shape->b_step[used] = b_here;
		used++;
	}
}

#define CASE(name_, flags_, attrs_, ...) CLADE_CASE(name_, attrs_, flags_, __VA_ARGS__)
#define PLAIN(m, n, k) CASE(#m "x" #n "x" #k, 0, NULL, "a = f32[" #m ", " #k "]", "b = f32[" #k ", " #n "]")
#define FILLED(fill) CASE(fill, 0, NULL, "a = f32[2, 13, 300] " fill, "b = f32[2, 300, 35] " fill)

static const struct clade_case *const cases[] = {
	PLAIN(0, 7, 5),
	PLAIN(3, 0, 5),
	PLAIN(3, 7, 0),
	CASE("no batch", 0, NULL, "a = f32[0, 3, 5]", "b = f32[0, 5, 7]"),
	PLAIN(1, 1, 1),
	PLAIN(2, 15, 3),
	PLAIN(4, 16, 17),
	PLAIN(5, 17, 31),
	PLAIN(6, 31, 16),
	PLAIN(7, 33, 5),
	PLAIN(11, 32, 64),
	PLAIN(12, 47, 65),
	PLAIN(13, 64, 7),
	PLAIN(25, 67, 11),
	PLAIN(1, 33, 255),
	PLAIN(13, 5, 256),
	PLAIN(2, 33, 257),
	PLAIN(3, 32, 1000),
	PLAIN(33, 65, 270),
	PLAIN(65, 36, 17),
	CASE("both transposed, tiles", 0, "transpose_a = true, transpose_b = true", "a = f32[2, 19, 67]",
	     "b = f32[2, 41, 19]"),
	CASE("transpose_b", 0, "transpose_b = true", "a = f32[2, 3, 13, 65]", "b = f32[2, 3, 33, 65]"),
	CASE("transpose_a", 0, "transpose_a = true", "a = f32[2, 65, 13]", "b = f32[2, 65, 33]"),
	CASE("both transposed", 0, "transpose_a = true, transpose_b = true", "a = f32[300, 13]", "b = f32[35, 300]"),
	CASE("one b for all", 0, NULL, "a = f32[3, 5, 7, 9]", "b = f32[9, 11]"),
	CASE("one a for all", 0, NULL, "a = f32[7, 9]", "b = f32[2, 3, 9, 33]"),
	CASE("broadcast inside", 0, NULL, "a = f32[2, 1, 3, 4, 5]", "b = f32[3, 1, 5, 6]"),
	CASE("alternating", 0, NULL, "a = f32[2, 1, 2, 1, 2, 1, 2, 3]", "b = f32[1, 3, 1, 3, 1, 3, 3, 2]"),
	FILLED("cancel"),
	FILLED("specials"),
	FILLED("nan"),
	FILLED("inf"),
	FILLED("zeros"),
	CASE("70001 rows", CLADE_CASE_LARGE, NULL, "a = f32[70001, 3]", "b = f32[3, 5]"),
	CASE("70001 products", CLADE_CASE_LARGE, NULL, "a = f32[70001, 1, 2]", "b = f32[70001, 2, 3]"),
	CASE("128x768x768", CLADE_CASE_LARGE | CLADE_CASE_BENCH, NULL, "a = f32[128, 768]", "b = f32[768, 768]"),
	CASE("heads", CLADE_CASE_LARGE | CLADE_CASE_BENCH, "transpose_b = true", "a = f32[12, 64, 64]",
	     "b = f32[12, 64, 64]"),
	CASE("k differs", CLADE_CASE_FAILS, NULL, "a = f32[2, 4]", "b = f32[5, 3]"),
	CASE("a vector", CLADE_CASE_FAILS, NULL, "a = f32[4]", "b = f32[4, 3]"),
	CASE("batch differs", CLADE_CASE_FAILS, NULL, "a = f32[2, 3, 4]", "b = f32[3, 4, 5]"),
	NULL
};

static void matmul_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	const struct matmul_params *params = node->params;
	const struct clade_type *a = node->inputs[0];

	cost->flops = 2.0 * (double)clade_kit_count(node->outputs[0]) *
		      (double)a->dims[a->rank - (params->transpose_a ? 2u : 1u)];
}

const struct clade_op clade_op_matmul = {
	.size = sizeof(struct clade_op),
	.name = "matmul",
	.doc = "y = a b: matrices a[..., m, k] and b[..., k, n], leading axes broadcast as numpy does; transpose_a and "
	       "transpose_b say that a matrix is stored the other way round. The sum over k goes in blocks of 256 "
	       "terms "
	       "(ops/ARITHMETIC.md, 2).",
	.params_size = sizeof(struct matmul_params),
	.attrs = CLADE_LIST(struct clade_attr, &transpose_a, &transpose_b),
	.ports = CLADE_LIST(struct clade_port, &a, &b, &y),
	.infer = infer_matmul,
	.cases = cases,
	.family = "linear",
	.cost = matmul_cost,
};

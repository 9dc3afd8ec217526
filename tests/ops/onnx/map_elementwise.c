/* SPDX-License-Identifier: MIT */
/* ONNX's element-wise operators. */
#include "onnx.h"

#include <string.h>

/* The op of ours with the same meaning and name but for the case of letters. */
static const char *same_name(const struct run *run, char out[32])
{
	static const struct {
		const char *onnx, *ours;
	} others[] = { { "Identity", "copy" }, { "Greater", "greater" } };
	const char *name = run->node->op_type;
	size_t i = 0;

	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
		if (strcmp(name, others[k].onnx) == 0)
			name = others[k].ours;
	for (; name[i] && i < 31; i++)
		out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	out[i] = '\0';
	return out;
}

static void map_unary(struct run *run)
{
	char name[32];

	run->out[0] = apply1(run, same_name(run, name), run->in[0]);
}

static void map_binary(struct run *run)
{
	char name[32];

	run->out[0] = apply2(run, same_name(run, name), run->in[0], run->in[1]);
}

static void map_div(struct run *run)
{
	if (run->in[0]->type.dtype != CLADE_F32)
		unmapped(run, "division of integers: ours divides f32");
	else
		map_binary(run);
}

static void map_pow(struct run *run)
{
	const struct value *power =
		apply2(run, "pow", cast_to(run, run->in[0], CLADE_F32), cast_to(run, run->in[1], CLADE_F32));

	run->out[0] = cast_to(run, power, run->in[0]->type.dtype);
}

static void map_greater_equal(struct run *run)
{
	run->out[0] = apply2(run, "or", apply2(run, "greater", run->in[0], run->in[1]),
			     apply2(run, "equal", run->in[0], run->in[1]));
}

static void map_less_equal(struct run *run)
{
	run->out[0] = apply2(run, "or", apply2(run, "less", run->in[0], run->in[1]),
			     apply2(run, "equal", run->in[0], run->in[1]));
}

/* Max, Min, Mean of any number of inputs: folded; integers by way of f32, which holds these exactly. */
static const struct value *fold(struct run *run, const char *op)
{
	const struct value *value = cast_to(run, run->in[0], CLADE_F32);

	for (size_t i = 1; i < run->in_count; i++)
		value = apply2(run, op, value, cast_to(run, run->in[i], CLADE_F32));
	return run->in_count == 1 ? apply1(run, "copy", value) : value;
}

static void map_max(struct run *run)
{
	run->out[0] = cast_to(run, fold(run, "maximum"), run->in[0]->type.dtype);
}

static void map_min(struct run *run)
{
	run->out[0] = cast_to(run, fold(run, "minimum"), run->in[0]->type.dtype);
}

static void map_mean(struct run *run)
{
	run->out[0] = apply2(run, "div", fold(run, "add"), value_float(run, (float)run->in_count));
}

static void map_clip(struct run *run)
{
	const struct value *value = cast_to(run, run->in[0], CLADE_F32);

	if (run->in_count > 1 && run->in[1])
		value = apply2(run, "maximum", value, cast_to(run, run->in[1], CLADE_F32));
	if (run->in_count > 2 && run->in[2])
		value = apply2(run, "minimum", value, cast_to(run, run->in[2], CLADE_F32));
	run->out[0] = cast_to(run, value, run->in[0]->type.dtype);
}

static void map_gelu(struct run *run)
{
	char word[16];

	attr_text(run, "approximate", word, sizeof(word));
	run->out[0] = apply(run, "gelu", INPUTS(run->in[0]), "approximate = \"%s\"", word[0] ? word : "none");
}

static const struct value *swish(struct run *run, const struct value *x)
{
	float alpha = attr_float(run, "alpha", 1);

	if (alpha == 1)
		return apply1(run, "silu", x);
	return apply2(run, "mul", x, apply1(run, "sigmoid", apply2(run, "mul", x, value_float(run, alpha))));
}

static void map_swish(struct run *run)
{
	run->out[0] = swish(run, run->in[0]);
}

static void map_swiglu(struct run *run)
{
	run->out[0] = apply2(run, "mul", swish(run, run->in[0]), run->in[1]);
}

/* x > 0 ? x : alpha (exp(x) - 1) */
static void map_elu(struct run *run)
{
	const struct value *x = run->in[0], *below;

	below = apply2(run, "sub", apply1(run, "exp", x), value_float(run, 1));
	below = apply2(run, "mul", below, value_float(run, attr_float(run, "alpha", 1)));
	run->out[0] = apply(run, "where", INPUTS(apply2(run, "greater", x, value_float(run, 0)), x, below), "%s", "");
}

static void map_softplus(struct run *run)
{
	run->out[0] = apply1(run, "log", apply2(run, "add", apply1(run, "exp", run->in[0]), value_float(run, 1)));
}

/* Between types that are ours as they stand: a change of storage is no op but a property of weights. */
static void map_cast(struct run *run)
{
	if (run->in[0]->onnx != ONNX_FLOAT && run->in[0]->onnx != ONNX_INT32 && run->in[0]->onnx != ONNX_BOOL)
		unmapped(run, "cast from a storage type (ONNX's number %d); ours knows f32, i32, bool",
			 run->in[0]->onnx);
	else if (run->expected[0]->onnx != ONNX_FLOAT && run->expected[0]->onnx != ONNX_INT32 &&
		 run->expected[0]->onnx != ONNX_BOOL)
		unmapped(run, "cast to a storage type (ONNX's number %d); ours knows f32, i32, bool",
			 run->expected[0]->onnx);
	else
		run->out[0] = cast_to(run, run->in[0], run->expected[0]->type.dtype);
}

const struct mapping onnx_elementwise[] = {
	{ "Abs", map_unary, NULL },
	{ "Neg", map_unary, NULL },
	{ "Relu", map_unary, NULL },
	{ "Sqrt", map_unary, NULL },
	{ "Exp", map_unary, NULL },
	{ "Log", map_unary, NULL },
	{ "Sigmoid", map_unary, NULL },
	{ "Not", map_unary, NULL },
	{ "Identity", map_unary, NULL },
	{ "Add", map_binary, NULL },
	{ "Sub", map_binary, NULL },
	{ "Mul", map_binary, NULL },
	{ "Div", map_div, NULL },
	{ "Pow", map_pow, NULL },
	{ "Equal", map_binary, NULL },
	{ "Less", map_binary, NULL },
	{ "Greater", map_binary, NULL },
	{ "And", map_binary, NULL },
	{ "Max", map_max, NULL },
	{ "Min", map_min, NULL },
	{ "Mean", map_mean, NULL },
	{ "Clip", map_clip, NULL },
	{ "Gelu", map_gelu, NULL },
	{ "Swish", map_swish, NULL },
	{ "SwiGLU", map_swiglu, NULL },
	{ "Elu", map_elu, NULL },
	{ "Softplus", map_softplus, NULL },
	{ "Cast", map_cast, NULL },
	{ "GreaterOrEqual", map_greater_equal, NULL },
	{ "LessOrEqual", map_less_equal, NULL },
	{ NULL, NULL, NULL },
};

/* SPDX-License-Identifier: MIT */
/* The references of norm, reduce, elementwise and mask against their formulas in double precision. */
#include <clade/builtin.h>
#include <clade/step.h>

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 8192 };

/* One op on one case: inputs as doubles (absent ones NULL), the output as computed and as the formula has it. */
struct trial {
	struct clade_case_data data;
	double *in[3], got[MOST], want[MOST];
	int64_t count;
};
struct formula {
	const char *label, *op, *attrs, *inputs[4];
	void (*compute)(struct trial *trial);
};

/* ---- formulas ---- */

/* Element `index` of the output, in a broadcast input: axes aligned from the right, size 1 repeats. */
static double broadcast(const struct trial *trial, uint32_t input, int64_t index)
{
	const struct clade_type *out = &trial->data.output_types[0], *in = &trial->data.input_types[input];
	int64_t at = 0, step = 1;

	for (uint32_t back = 1; back <= out->rank; back++) {
		int64_t place = index % out->dims[out->rank - back];

		index /= out->dims[out->rank - back];
		if (back > in->rank)
			continue;
		if (in->dims[in->rank - back] != 1)
			at += place * step;
		step *= in->dims[in->rank - back];
	}
	return trial->in[input][at];
}

#define ELEMENTS(name, value)                                                                                          \
	static void name(struct trial *trial)                                                                          \
	{                                                                                                              \
		for (int64_t i = 0; i < trial->count; i++) {                                                           \
			double a = broadcast(trial, 0, i);                                                             \
			double b = trial->in[1] ? broadcast(trial, 1, i) : 0;                                          \
			double c = trial->in[2] ? broadcast(trial, 2, i) : 0;                                          \
                                                                                                                       \
			(void)b, (void)c;                                                                              \
			trial->want[i] = (value);                                                                      \
		}                                                                                                      \
	}
ELEMENTS(add, a + b)
ELEMENTS(sub, a - b)
ELEMENTS(mul, a *b)
ELEMENTS(divide, a / b)
ELEMENTS(power, pow(a, b))
ELEMENTS(maximum, a > b ? a : b)
ELEMENTS(minimum, a < b ? a : b)
ELEMENTS(negate, -a)
ELEMENTS(magnitude, fabs(a))
ELEMENTS(root, sqrt(a))
ELEMENTS(inverse_root, 1 / sqrt(a))
ELEMENTS(inverse, 1 / a)
ELEMENTS(exponential, exp(a))
ELEMENTS(logarithm, log(a))
ELEMENTS(error_function, erf(a))
ELEMENTS(hyperbolic, tanh(a))
ELEMENTS(relu, a > 0 ? a : 0)
ELEMENTS(sigmoid, 1 / (1 + exp(-a)))
ELEMENTS(silu, a / (1 + exp(-a)))
ELEMENTS(gelu, 0.5 * a * (1 + erf(a / sqrt(2))))
ELEMENTS(gelu_tanh, 0.5 * a * (1 + tanh(0.79788456080286535588 * (a + 0.044715 * a * a * a))))
ELEMENTS(equal, a == b)
ELEMENTS(less, a < b)
ELEMENTS(greater, a > b)
ELEMENTS(both, a != 0 && b != 0)
ELEMENTS(either, a != 0 || b != 0)
ELEMENTS(negation, a == 0)
ELEMENTS(choose, a != 0 ? b : c)
ELEMENTS(truncate, trunc(a))
ELEMENTS(nonzero, a != 0)
ELEMENTS(unchanged, a)

/* mean and r of a row of n */
static void layer_norm(struct trial *trial)
{
	int64_t n = trial->data.input_types[1].dims[0];

	for (int64_t row = 0; row < trial->count; row += n) {
		double mean = 0, variance = 0;

		for (int64_t i = 0; i < n; i++)
			mean += trial->in[0][row + i] / (double)n;
		for (int64_t i = 0; i < n; i++)
			variance += pow(trial->in[0][row + i] - mean, 2) / (double)n;
		for (int64_t i = 0; i < n; i++)
			trial->want[row + i] =
				(trial->in[0][row + i] - mean) / sqrt(variance + 0.125) * trial->in[1][i] +
				trial->in[2][i];
	}
}

static void rms_norm(struct trial *trial)
{
	int64_t n = trial->data.input_types[1].dims[0];

	for (int64_t row = 0; row < trial->count; row += n) {
		double square = 0;

		for (int64_t i = 0; i < n; i++)
			square += pow(trial->in[0][row + i], 2) / (double)n;
		for (int64_t i = 0; i < n; i++)
			trial->want[row + i] = trial->in[0][row + i] / sqrt(square + 0.125) * trial->in[1][i];
	}
}

/* All cases reduce or normalise axis 1 of [3, 67, 5]. */
enum { OUTER = 3, LENGTH = 67, INNER = 5 };

static void softmax(struct trial *trial)
{
	for (int64_t line = 0; line < OUTER * INNER; line++) {
		int64_t from = line / INNER * LENGTH * INNER + line % INNER;
		double sum = 0;

		for (int64_t i = 0; i < LENGTH; i++)
			sum += exp(trial->in[0][from + i * INNER]);
		for (int64_t i = 0; i < LENGTH; i++)
			trial->want[from + i * INNER] = exp(trial->in[0][from + i * INNER]) / sum;
	}
}

#define REDUCE(name, start, value)                                                                                     \
	static void name(struct trial *trial)                                                                          \
	{                                                                                                              \
		for (int64_t line = 0; line < OUTER * INNER; line++) {                                                 \
			int64_t from = line / INNER * LENGTH * INNER + line % INNER;                                   \
			double y = (start);                                                                            \
                                                                                                                       \
			for (int64_t i = 0; i < LENGTH; i++) {                                                         \
				double x = trial->in[0][from + i * INNER];                                             \
                                                                                                                       \
				y = (value);                                                                           \
			}                                                                                              \
			trial->want[line] = y;                                                                         \
		}                                                                                                      \
	}
REDUCE(reduce_sum, 0, y + x)
REDUCE(reduce_mean, 0, y + x / LENGTH)
REDUCE(reduce_max, -INFINITY, x > y ? x : y)
REDUCE(reduce_min, INFINITY, x < y ? x : y)
REDUCE(reduce_prod, 1, y *x)

/* t = 4 queries, the last of s = 9 positions, window 3 */
static void causal(struct trial *trial)
{
	for (int64_t i = 0; i < 4; i++)
		for (int64_t j = 0; j < 9; j++)
			trial->want[i * 9 + j] = j <= i + 5 && j >= i + 3;
}

/* [b, s] to [b, 1, 1, s]: the same order */
static void padding(struct trial *trial)
{
	for (int64_t i = 0; i < trial->count; i++)
		trial->want[i] = trial->in[0][i] != 0;
}

#define A "a = f32[4, 1, 3]", "b = f32[5, 1]"
#define X "x = f32[3, 67, 5]"
static const struct formula formulas[] = {
	{ "add", "add", NULL, { A }, add },
	{ "add i32", "add", NULL, { "a = i32[4, 1, 3] ids:1000", "b = i32[5, 1] ids:1000" }, add },
	{ "sub", "sub", NULL, { A }, sub },
	{ "mul", "mul", NULL, { A }, mul },
	{ "div", "div", NULL, { A }, divide },
	{ "pow", "pow", NULL, { "a = f32[5, 1] positions:1", "b = f32[37]" }, power },
	{ "maximum", "maximum", NULL, { A }, maximum },
	{ "minimum", "minimum", NULL, { A }, minimum },
	{ "neg", "neg", NULL, { X }, negate },
	{ "abs", "abs", NULL, { X }, magnitude },
	{ "sqrt", "sqrt", NULL, { "x = f32[99] positions" }, root },
	{ "rsqrt", "rsqrt", NULL, { "x = f32[99] positions:1" }, inverse_root },
	{ "reciprocal", "reciprocal", NULL, { X }, inverse },
	{ "exp", "exp", NULL, { X }, exponential },
	{ "log", "log", NULL, { "x = f32[99] positions:1" }, logarithm },
	{ "erf", "erf", NULL, { X }, error_function },
	{ "tanh", "tanh", NULL, { X }, hyperbolic },
	{ "relu", "relu", NULL, { X }, relu },
	{ "sigmoid", "sigmoid", NULL, { X }, sigmoid },
	{ "silu", "silu", NULL, { X }, silu },
	{ "gelu", "gelu", NULL, { X }, gelu },
	{ "gelu tanh", "gelu", "approximate = \"tanh\"", { X }, gelu_tanh },
	{ "equal", "equal", NULL, { "a = i32[7, 1] ids:5", "b = i32[9] ids:5" }, equal },
	{ "less", "less", NULL, { A }, less },
	{ "greater", "greater", NULL, { A }, greater },
	{ "and", "and", NULL, { "a = bool[7, 1] mask", "b = bool[9] mask" }, both },
	{ "or", "or", NULL, { "a = bool[7, 1] mask", "b = bool[9] mask" }, either },
	{ "not", "not", NULL, { "x = bool[37] mask" }, negation },
	{ "where", "where", NULL, { "cond = bool[5, 1, 1] mask", "a = f32[1, 4, 1]", "b = f32[3]" }, choose },
	{ "cast to i32", "cast", "to = \"i32\"", { "x = f32[99] cancel" }, truncate },
	{ "cast to bool", "cast", "to = \"bool\"", { "x = i32[99] ids:3" }, nonzero },
	{ "cast to f32", "cast", "to = \"f32\"", { "x = i32[99] ids:3000" }, unchanged },
	{ "layer_norm",
	  "layer_norm",
	  "eps = 0.125",
	  { "x = f32[5, 131]", "gamma = f32[131]", "beta = f32[131]" },
	  layer_norm },
	{ "rms_norm", "rms_norm", "eps = 0.125", { "x = f32[5, 131]", "gamma = f32[131]" }, rms_norm },
	{ "softmax", "softmax", "axis = 1", { X }, softmax },
	{ "reduce_sum", "reduce_sum", "axis = 1", { X }, reduce_sum },
	{ "reduce_mean", "reduce_mean", "axis = -2", { X }, reduce_mean },
	{ "reduce_max", "reduce_max", "axis = 1, keepdims = true", { X }, reduce_max },
	{ "reduce_min", "reduce_min", "axis = 1", { X }, reduce_min },
	{ "reduce_prod", "reduce_prod", "axis = 1", { X }, reduce_prod },
	{ "causal_mask", "causal_mask", "window = 3", { "q = f32[1, 2, 4, 3]", "k = f32[1, 1, 9, 3]" }, causal },
	{ "padding_mask", "padding_mask", NULL, { "attention_mask = i32[3, 13] ids:3" }, padding },
};
enum { FORMULAS = sizeof(formulas) / sizeof(formulas[0]) };

/* ---- the test ---- */

static struct world {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	struct clade_diag diag;
} world;

static int open_world(void **state)
{
	struct clade_context_params params = { .size = sizeof(params) };

	clade_diag_init(&world.diag);
	return clade_context_create(&params, &world.context, &world.diag) ||
	       clade_context_add_builtins(world.context, &world.diag) ||
	       clade_device_open(world.context, "ref", &world.device, &world.diag) ||
	       clade_queue_create(world.device, false, &world.queue, &world.diag);
}

static int close_world(void **state)
{
	clade_queue_destroy(&world.queue);
	clade_device_unref(&world.device);
	clade_context_destroy(&world.context);
	clade_diag_finish(&world.diag);
	return 0;
}

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		if (call)                                                                                              \
			fail_msg("%s: %s", #call, world.diag.text);                                                    \
	} while (0)

static double value_at(const struct clade_type *type, const void *values, int64_t i)
{
	if (type->dtype == CLADE_F32)
		return (double)((const float *)values)[i];
	return type->dtype == CLADE_I32 ? (double)((const int32_t *)values)[i] : ((const uint8_t *)values)[i];
}

/* Runs `ref` and fills trial->got. */
static void run_ref(const struct clade_op *op, struct trial *trial)
{
	struct clade_case_data *data = &trial->data;
	const struct clade_type *in_types[3] = { NULL }, *out_type = &data->output_types[0];
	struct clade_tensor tensors[4];
	const struct clade_tensor *inputs[3] = { NULL }, *output = &tensors[3];
	struct clade_node_info node = { .size = sizeof(node),
					.params = data->params,
					.input_count = data->input_count,
					.output_count = 1,
					.inputs = in_types,
					.outputs = &out_type,
					.sources = data->sources,
					.device = clade_device_get_info(world.device) };
	static float memory[MOST];
	struct clade_step *step = NULL;
	struct clade_exec *exec = NULL;

	for (uint32_t i = 0; i < data->input_count; i++) {
		if (!data->present[i])
			continue;
		in_types[i] = &data->input_types[i];
		tensors[i] = (struct clade_tensor) { .type = data->input_types[i], .data = data->inputs[i] };
		clade_dense_strides(in_types[i], tensors[i].strides);
		inputs[i] = &tensors[i];
	}
	tensors[3] = (struct clade_tensor) { .type = *out_type, .data = memory };
	clade_dense_strides(out_type, tensors[3].strides);
	OK(clade_step_create(world.device, op, clade_impl_find(world.context, op->name, "ref"), &node, &step,
			     &world.diag));
	OK(clade_exec_create(step, world.queue, &exec, &world.diag));
	OK(clade_exec_run(exec, NULL, inputs, &output, NULL, &world.diag));
	for (int64_t i = 0; i < trial->count; i++)
		trial->got[i] = value_at(out_type, memory, i);
	clade_exec_destroy(&exec);
	clade_step_destroy(&step);
}

static void test_formula(void **state)
{
	static struct trial trial;
	const struct formula *formula = *state;
	double floor;
	const struct clade_op *op = clade_op_find(world.context, formula->op);
	const struct clade_case test_case = {
		.size = sizeof(test_case), .name = formula->label, .attrs = formula->attrs, .inputs = formula->inputs
	};

	assert_non_null(op);
	memset(&trial, 0, sizeof(trial));
	OK(clade_case_build(world.context, op, &test_case, 3, &trial.data, &world.diag));
	assert_true(clade_type_count(&trial.data.output_types[0], &trial.count));
	assert_true(trial.count > 0 && trial.count <= MOST);
	for (uint32_t k = 0; k < trial.data.input_count; k++) {
		int64_t count = 0;

		if (!trial.data.present[k])
			continue;
		assert_true(clade_type_count(&trial.data.input_types[k], &count));
		trial.in[k] = malloc((size_t)count * sizeof(double));
		assert_non_null(trial.in[k]);
		for (int64_t i = 0; i < count; i++)
			trial.in[k][i] = value_at(&trial.data.input_types[k], trial.data.inputs[k], i);
	}
	run_ref(op, &trial);
	formula->compute(&trial);
	/* A product may be tiny; the others cancel around 0. */
	floor = formula->compute == reduce_prod ? 0 : 0.1;
	for (int64_t i = 0; i < trial.count; i++)
		if (!(fabs(trial.got[i] - trial.want[i]) <= 4e-6 * (fabs(trial.want[i]) + floor)))
			fail_msg("%s, element %lld: %.9g, by the formula %.9g", formula->label, (long long)i,
				 trial.got[i], trial.want[i]);
	for (int k = 0; k < 3; k++)
		free(trial.in[k]);
	clade_case_finish(world.context, &trial.data);
}

int main(void)
{
	struct CMUnitTest tests[FORMULAS];

	for (int i = 0; i < FORMULAS; i++)
		tests[i] = (struct CMUnitTest) { .name = formulas[i].label,
						 .test_func = test_formula,
						 .initial_state = (void *)(uintptr_t)&formulas[i] };
	return _cmocka_run_group_tests("formulas", tests, FORMULAS, open_world, close_world);
}

/* SPDX-License-Identifier: MIT */
/* The elementary functions on an OpenCL device, over vectors and over scalars, give the bits that C gives.
 *	test_kernels LABEL: on the best OpenCL device, for vectors of 1, 4, 8 and 16 (of its own width alone where fma
 *is software) */
#include "../../ops/math.h"

#include <clade/builtin.h>
#include <clade/step.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* X(function, arguments, whether subnormal operands are defined) */
#define FUNCTIONS(X)                                                                                                   \
	X(div, 2, 1)                                                                                                   \
	X(pow, 2, 1)                                                                                                   \
	X(max, 2, 0)                                                                                                   \
	X(min, 2, 0)                                                                                                   \
	X(max_nan, 2, 0)                                                                                               \
	X(min_nan, 2, 0)                                                                                               \
	X(recip, 1, 1)                                                                                                 \
	X(sqrt, 1, 1)                                                                                                  \
	X(rsqrt, 1, 1)                                                                                                 \
	X(exp, 1, 1)                                                                                                   \
	X(log, 1, 1)                                                                                                   \
	X(tanh, 1, 0)                                                                                                  \
	X(erf, 1, 0)                                                                                                   \
	X(sin, 1, 0)                                                                                                   \
	X(cos, 1, 0)                                                                                                   \
	X(abs, 1, 0)                                                                                                   \
	X(relu, 1, 0)                                                                                                  \
	X(sigmoid, 1, 0)                                                                                               \
	X(silu, 1, 0)                                                                                                  \
	X(gelu, 1, 0)                                                                                                  \
	X(gelu_tanh, 1, 0)

enum { SAMPLES = 4096 };

/* ---- the probe: an op with one kernel a function ---- */

#define CALL_1(f, x, y) f(x)
#define CALL_2(f, x, y) f(x, y)
#define KERNEL(f, arguments, subnormal)                                                                                \
	"__kernel void probe_" #f "(__global const float *a, ulong a_at, __global const float *b, ulong b_at,"         \
	"	__global float *v, ulong v_at, __global float *s, ulong s_at)"                                               \
	"{"                                                                                                            \
	"	size_t i = get_global_id(0) * VW;"                                                                           \
	"	VSTORE(CALL_" #arguments "(clm_" #f "_v, VLOAD(a + a_at + i), VLOAD(b + b_at + i)), v + v_at + i);"    \
	"	for (size_t j = i; j < i + VW; j++)"                                                                         \
	"		s[s_at + j] = CALL_" #arguments "(clm_" #f ", a[a_at + j], b[b_at + j]);"                      \
	"}\n"
/* Row sums and sums of squares of j mod 200 elements from each j on, or as many as there are. */
#define ROWS                                                                                                           \
	"#include \"rowsum.clh\"\n"                                                                                    \
	"__kernel void probe_row_sum(__global const float *a, ulong a_at, __global const float *b, ulong b_at,"        \
	"	__global float *v, ulong v_at, __global float *s, ulong s_at)"                                               \
	"{"                                                                                                            \
	"	size_t i = get_global_id(0) * VW;"                                                                           \
	"	for (size_t j = i; j < i + VW; j++) {"                                                                       \
	"		v[v_at + j] = row_sum(a + a_at + j, min(j % 200, 4096 - j));"                                               \
	"		s[s_at + j] = row_sum_squares(a + a_at + j, min(j % 200, 4096 - j));"                                       \
	"	}"                                                                                                           \
	"}\n"
static const struct clade_kernel_source source = { sizeof(struct clade_kernel_source), "probe/probe.cl",
						   "#undef VW\n#define VW PROBE_WIDTH\n#include \"math.clh\"\n"
						   "#define CALL_1(f, x, y) f(x)\n"
						   "#define CALL_2(f, x, y) f(x, y)\n" FUNCTIONS(KERNEL) ROWS };

struct probe_params {
	int32_t function;
	int64_t width;
};
#define WORD(f, arguments, subnormal) #f,
static const char *const words[] = { FUNCTIONS(WORD) "row_sum", NULL };
static const struct clade_attr function_attr = {
	.size = sizeof(struct clade_attr), .name = "function", .type = CLADE_ATTR_WORD, .words = words
};
static const struct clade_attr width_attr = { .size = sizeof(struct clade_attr),
					      .name = "width",
					      .type = CLADE_ATTR_INT,
					      .offset = offsetof(struct probe_params, width) };
#define PORT(variable, flags_)                                                                                         \
	static const struct clade_port port_##variable = { .size = sizeof(struct clade_port),                          \
							   .name = #variable,                                          \
							   .flags = (flags_),                                          \
							   .dtypes = CLADE_DTYPE_BIT(CLADE_F32),                       \
							   .shape = "[n]" }
PORT(a, CLADE_IN);
PORT(b, CLADE_IN);
PORT(v, CLADE_OUT);
PORT(s, CLADE_OUT);
static const struct clade_op op = { .size = sizeof(struct clade_op),
				    .name = "probe",
				    .doc = "One elementary function over vectors and over scalars.",
				    .params_size = sizeof(struct probe_params),
				    .attrs = CLADE_LIST(struct clade_attr, &function_attr, &width_attr),
				    .ports = CLADE_LIST(struct clade_port, &port_a, &port_b, &port_v, &port_s),
				    .family = "probe" };

static enum clade_status prepare_probe(struct clade_prepare *prepare)
{
	const struct probe_params *params = prepare->node->params;
	char name[64], defines[32];
	uint32_t slot;

	snprintf(name, sizeof(name), "probe_%s", words[params->function]);
	snprintf(defines, sizeof(defines), "PROBE_WIDTH=%d", (int)params->width);
	return prepare->host->kernel(prepare, source.name, name, defines, &slot);
}

static enum clade_status run_probe(const struct clade_run *run)
{
	const struct probe_params *params = run->params;
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]), CLADE_TENSOR(run->inputs[1]),
					  CLADE_TENSOR(run->outputs[0]), CLADE_TENSOR(run->outputs[1]) };

	return run->host->launch(run, 0, args, 4, (const uint64_t[3]) { SAMPLES / (uint64_t)params->width, 1, 1 },
				 NULL);
}

static const struct clade_impl impl = { .size = sizeof(struct clade_impl),
					.op = "probe",
					.name = "cl",
					.needs = CLADE_NEEDS_OPENCL,
					.prepare = prepare_probe,
					.run = run_probe };

static enum clade_status entry(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = host->add_op(registry, &op);

	if (!status)
		status = host->add_impl(registry, &impl);
	return status ? status : host->add_kernel(registry, &source);
}

/* ---- the samples ---- */

static const float specials[] = { 0.0f,
				  -0.0f,
				  INFINITY,
				  -INFINITY,
				  NAN,
				  1.0f,
				  -1.0f,
				  2.0f,
				  -2.0f,
				  0.5f,
				  3.0f,
				  -3.0f,
				  2.5f,
				  -2.5f,
				  0x1p-126f,
				  -0x1p-126f,
				  0x1.fffffep127f,
				  -0x1.fffffep127f,
				  0x1p22f,
				  -0x1p22f,
				  0x1.000002p22f,
				  0x1p23f,
				  0x1p24f,
				  -0x1.000002p23f,
				  88.72283f,
				  88.7229f,
				  -87.33654f,
				  -87.3366f,
				  -88.0f,
				  89.0f,
				  0.625f,
				  0x1.400002p-1f,
				  0.9f,
				  0x1.cccccep-1f,
				  4.0f,
				  10.0f,
				  0x1.fffffep0f,
				  0x1.555554p0f,
				  0x1.555556p0f,
				  0x1.555556p-1f,
				  1.5707963f,
				  3.1415927f };
enum { SPECIALS = sizeof(specials) / sizeof(specials[0]) };

static bool is_subnormal(float x)
{
	return x != 0 && fabsf(x) < 0x1p-126f;
}

/* All pairs of specials, then floats from everywhere, then ordinary numbers. */
static void fill(float *a, float *b, bool subnormal)
{
	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint32_t bits = i * 0x9e3779b9u, other = (bits ^ bits >> 15) * 0x85ebca6bu;

		a[i] = clm_as_float((int32_t)bits);
		b[i] = clm_as_float((int32_t)(other ^ other >> 13));
		if (i < SPECIALS * SPECIALS) {
			a[i] = specials[i % SPECIALS];
			b[i] = specials[i / SPECIALS];
		} else if (i % 2) {
			a[i] = (float)(int32_t)bits * 0x1p-27f;
			b[i] = (float)(int32_t)other * 0x1p-26f;
		} else if (subnormal && i % 16 == 0) {
			a[i] = clm_as_float((int32_t)(bits & 0x807fffffu));
		}
		if (!subnormal && is_subnormal(a[i]))
			a[i] = 1.0f;
		if (!subnormal && is_subnormal(b[i]))
			b[i] = 2.0f;
	}
}

/* ---- the test ---- */

#define INDEX(f, arguments, subnormal) INDEX_##f,
enum { FUNCTIONS(INDEX) INDEX_row_sum, PROBES };
enum { WIDTHS = 4 };

static struct world {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	struct clade_diag diag;
	int64_t widths[WIDTHS];
	size_t width_count;
	struct clade_step *steps[WIDTHS * PROBES]; /* by width, then function */
} world;
static const struct clade_type type = { CLADE_F32, 1, { SAMPLES } };

static enum clade_status make_steps(void)
{
	const struct clade_device_info *info = clade_device_get_info(world.device);
	const struct clade_type *const types[] = { &type, &type };
	const enum clade_source_kind sources[] = { CLADE_FROM_VALUE, CLADE_FROM_VALUE };
	struct probe_params params;
	const struct clade_node_info node = { .size = sizeof(node),
					      .params = &params,
					      .input_count = 2,
					      .output_count = 2,
					      .inputs = types,
					      .outputs = types,
					      .sources = sources,
					      .device = info };
	const int64_t all[WIDTHS] = { 1, 4, 8, 16 };
	enum clade_status status = CLADE_OK;

	world.width_count = info->soft_fma ? 1 : WIDTHS;
	memcpy(world.widths, all, sizeof(all));
	if (info->soft_fma)
		world.widths[0] = info->vector_width;
	for (size_t i = 0; i < world.width_count * PROBES && !status; i++) {
		params = (struct probe_params) { (int32_t)(i % PROBES), world.widths[i / PROBES] };
		status = clade_step_create(world.device, &op, &impl, &node, &world.steps[i], &world.diag);
	}
	if (status)
		return status;
	return clade_steps_build(world.device, world.steps, world.width_count * PROBES, &world.diag);
}

static int open_world(void **state)
{
	struct clade_context_params params = { .size = sizeof(params) };

	clade_diag_init(&world.diag);
	if (clade_context_create(&params, &world.context, &world.diag) ||
	    clade_context_add_builtins(world.context, &world.diag) ||
	    clade_context_register(world.context, entry, "test", &world.diag) ||
	    clade_device_open(world.context, "cl", &world.device, &world.diag) ||
	    clade_queue_create(world.device, false, &world.queue, &world.diag) || make_steps()) {
		print_error("%s\n%s\n", world.diag.text, world.diag.log ? world.diag.log : "");
		return 1;
	}
	print_message("%s, %zu widths of vectors from %lld\n", clade_device_get_info(world.device)->name,
		      world.width_count, (long long)world.widths[0]);
	return 0;
}

static int close_world(void **state)
{
	for (size_t i = 0; i < WIDTHS * PROBES; i++)
		clade_step_destroy(&world.steps[i]);
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

/* Runs a step on memory of SAMPLES floats each: a, b, then v, s. */
static void run_device(const struct clade_step *step, float *const memory[4])
{
	struct clade_tensor tensors[4];
	const struct clade_tensor *const inputs[] = { &tensors[0], &tensors[1] };
	const struct clade_tensor *const outputs[] = { &tensors[2], &tensors[3] };
	struct clade_buffer *buffers[4];
	struct clade_exec *exec;

	OK(clade_exec_create(step, world.queue, &exec, &world.diag));
	for (int i = 0; i < 4; i++) {
		OK(clade_buffer_create(world.device, sizeof(float) * SAMPLES, &buffers[i], &world.diag));
		tensors[i] = (struct clade_tensor) { .type = type, .strides = { 1 }, .buffer = buffers[i] };
		OK(clade_buffer_write(world.queue, buffers[i], 0, memory[i], sizeof(float) * SAMPLES, true,
				      &world.diag));
	}
	OK(clade_exec_run(exec, NULL, inputs, outputs, NULL, &world.diag));
	for (int i = 2; i < 4; i++)
		OK(clade_buffer_read(world.queue, buffers[i], 0, memory[i], sizeof(float) * SAMPLES, true,
				     &world.diag));
	for (int i = 0; i < 4; i++)
		clade_buffer_unref(&buffers[i]);
	clade_exec_destroy(&exec);
}

/* Equal bits as canonical arithmetic has it; a subnormal result may have been flushed. */
static bool equal(float a, float b)
{
	bool small = fabsf(a) < 0x1p-126f && fabsf(b) < 0x1p-126f;

	return a == b || (isnan(a) && isnan(b)) || small;
}

#define EVALUATE(f, arguments, subnormal)                                                                              \
	static float evaluate_##f(float x, float y)                                                                    \
	{                                                                                                              \
		return CALL_##arguments(clm_##f, x, y);                                                                \
	}
FUNCTIONS(EVALUATE)
struct probe {
	int32_t index;
	bool subnormal;
	float (*evaluate)(float x, float y);
};

static void test_function(void **state)
{
	static float a[SAMPLES], b[SAMPLES], v[SAMPLES], s[SAMPLES];
	const struct probe *probe = *state;
	int wrong = 0;

	fill(a, b, probe->subnormal);
	for (size_t w = 0; w < world.width_count; w++) {
		memset(v, 0xff, sizeof(v));
		memset(s, 0xff, sizeof(s));
		run_device(world.steps[w * PROBES + (size_t)probe->index], (float *const[]) { a, b, v, s });
		for (int i = 0; i < SAMPLES; i++) {
			float expected = probe->evaluate(a[i], b[i]);

			if (equal(v[i], expected) && equal(s[i], expected))
				continue;
			if (wrong++ < 5)
				print_error("%s(%a, %a), width %lld: C %a, vector %a, scalar %a\n", words[probe->index],
					    (double)a[i], (double)b[i], (long long)world.widths[w], (double)expected,
					    (double)v[i], (double)s[i]);
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_rows(void **state)
{
	static float a[SAMPLES], b[SAMPLES], v[SAMPLES], s[SAMPLES];

	for (uint32_t i = 0; i < SAMPLES; i++)
		a[i] = (float)(int32_t)(i * 0x9e3779b9u) * 0x1p-27f;
	for (size_t w = 0; w < world.width_count; w++) {
		run_device(world.steps[w * PROBES + INDEX_row_sum], (float *const[]) { a, b, v, s });
		for (int j = 0; j < SAMPLES; j++) {
			int n = j % 200 < SAMPLES - j ? j % 200 : SAMPLES - j;
			struct clm_rowsum sum, squares;

			clm_rowsum_zero(&sum);
			clm_rowsum_zero(&squares);
			for (int i = 0; i < n; i++) {
				clm_rowsum_add(&sum, i, a[j + i]);
				clm_rowsum_add_square(&squares, i, a[j + i]);
			}
			if (v[j] != clm_rowsum_total(&sum) || s[j] != clm_rowsum_total(&squares))
				fail_msg("width %lld, %d elements: other bits", (long long)world.widths[w], n);
		}
	}
}

#define PROBE(f, arguments, subnormal) { INDEX_##f, subnormal, evaluate_##f },
static const struct probe probes[] = { FUNCTIONS(PROBE) };

int main(int argc, char **argv)
{
	struct CMUnitTest tests[PROBES];

	print_message("%s\n", argc > 1 ? argv[1] : "");
	for (int i = 0; i < INDEX_row_sum; i++)
		tests[i] = (struct CMUnitTest) { .name = words[i],
						 .test_func = test_function,
						 .initial_state = (void *)(uintptr_t)&probes[i] };
	tests[INDEX_row_sum] = (struct CMUnitTest)cmocka_unit_test(test_rows);
	return _cmocka_run_group_tests("kernels", tests, PROBES, open_world, close_world);
}

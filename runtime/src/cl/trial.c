/* SPDX-License-Identifier: MIT */
/* The forms of integer dot products (kernels/include/dot_forms.clh), tried before they are used: the device must say
 * that it has what a form needs, and another process, in which a compiler's failure or an illegal instruction ends
 * nothing of ours, must get the right numbers. The outcome is an entry of the cache of programs, whose key holds the
 * trial's text, device, driver and processor. */
#include "opencl.h"
#include "cache.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#define CPU_HAS(name) (__builtin_cpu_supports(name) != 0)
static bool has_avx_vnni(void)
{
	unsigned a = 0, b, c, d;

	return CPU_HAS("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 4 & 1u;
}
#else
#define CPU_HAS(name) false
static bool has_avx_vnni(void)
{
	return false;
}
#endif

/* ---- the forms ---- */

/* A driver whose widest vectors have 8 floats does not compile for AVX-512, whatever the processor has. */
static bool may_vnni(const struct clade_device_info *info)
{
	return info->vector_width == 16 && CPU_HAS("avx512f") && CPU_HAS("avx512vl") && CPU_HAS("avx512vnni");
}

static bool may_avx_vnni(const struct clade_device_info *info)
{
	return info->vector_width == 8 && has_avx_vnni();
}

static bool may_maddubs(const struct clade_device_info *info)
{
	return (info->vector_width == 8 && CPU_HAS("avx2")) || (info->vector_width == 16 && CPU_HAS("avx512bw"));
}

/* Best first. */
static const struct form {
	const char *what, *defines;
	bool (*may)(const struct clade_device_info *info);
} forms[] = {
	{ "vpdpbusd of AVX-512 VNNI", "DOT=vnni", may_vnni },
	{ "vpdpbusd of AVX-VNNI", "DOT=avxvnni", may_avx_vnni },
	{ "vpmaddubsw", "DOT=maddubs", may_maddubs },
};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static bool may_use(const struct form *form, const struct clade_device_info *info)
{
	return info->kind == CLADE_DEVICE_CPU && !info->soft_fma && form->may(info);
}

void clade_cl_find_dot(struct clade_device_info *info)
{
	for (int i = 0; i < FORMS; i++)
		if (may_use(&forms[i], info))
			info->dot = CLADE_DOT_UNTRIED;
}

/* ---- in the process that tries ---- */

/* Of dot.trial.cl. */
enum { GROUPS = 4, GROUP_WORDS = 8, BLOCK_WORDS = 10, MOST_LANES = 16, OUTCOME_BYTES = 8 };
static const char passed[OUTCOME_BYTES] = "passed", failed[OUTCOME_BYTES] = "failed", kernel_name[] = "dot_trial";

struct numbers {
	uint32_t words[GROUPS * GROUP_WORDS * MOST_LANES], blocks[GROUPS * BLOCK_WORDS];
	int32_t sums[GROUPS * 2 * MOST_LANES];
};

/* Byte i of a word, as the weight that it stands for: nibbles of words 0 to 3 are those of words 4 to 7. */
static int32_t weight_at(const uint32_t *words, unsigned lanes, unsigned word, unsigned byte, bool nibbles)
{
	uint32_t bits = words[(nibbles ? word % 4 : word) * lanes] >> 8 * byte & 255u;

	return nibbles ? (int32_t)(bits >> word / 4 * 4 & 15u) - 8 : (int32_t)bits - 128;
}

static int32_t x_at(const uint32_t *block, unsigned word, unsigned byte)
{
	return (int8_t)(block[2 + word] >> 8 * byte & 255u);
}

/* Extremes of both sides in the first two groups, where an instruction that saturates would show. */
static void make_numbers(struct numbers *numbers, unsigned lanes)
{
	uint32_t state = 1;

#define NEXT() (state = state * 1664525u + 1013904223u)
	for (unsigned i = 0; i < GROUPS * GROUP_WORDS * lanes; i++)
		numbers->words[i] = i < GROUP_WORDS * lanes       ? UINT32_MAX
				    : i < 2 * GROUP_WORDS * lanes ? (NEXT() >> 16 & 1u) * UINT32_MAX
								  : NEXT();
	for (unsigned g = 0; g < GROUPS; g++) {
		uint32_t *block = numbers->blocks + g * BLOCK_WORDS;
		int32_t total = 0;

		for (unsigned i = 0; i < GROUP_WORDS; i++) {
			uint32_t word = 0;

			for (unsigned b = 0; b < 4; b++) {
				int32_t x = (int32_t)(NEXT() >> 16) % 255 - 127;

				x = g == 0 ? -127 : g == 1 ? (x < 0 ? -127 : 127) : x;
				total += x;
				word |= ((uint32_t)x & 255u) << 8 * b;
			}
			block[2 + i] = word;
		}
		block[0] = (uint32_t)(total * -128);
		block[1] = (uint32_t)(total * -8);
	}
#undef NEXT
}

static bool sums_are_right(const struct numbers *numbers, unsigned lanes)
{
	for (unsigned g = 0; g < GROUPS; g++)
		for (unsigned lane = 0; lane < 2 * lanes; lane++) {
			const uint32_t *words = numbers->words + g * GROUP_WORDS * lanes + lane % lanes;
			const uint32_t *block = numbers->blocks + g * BLOCK_WORDS;
			int32_t sum = 0;

			for (unsigned i = 0; i < GROUP_WORDS; i++)
				for (unsigned b = 0; b < 4; b++)
					sum += weight_at(words, lanes, i, b, lane >= lanes) * x_at(block, i, b);
			if (sum != numbers->sums[g * 2 * lanes + lane])
				return false;
		}
	return true;
}

static bool run_trial(struct clade_device *device, cl_command_queue queue, cl_kernel kernel)
{
	struct clade_cl_device *state = clade_cl_state(device);
	struct numbers numbers = { { 0 }, { 0 }, { 0 } };
	const size_t one = 1;
	const cl_uint groups = GROUPS;
	const struct {
		void *host;
		size_t bytes;
	} sides[] = { { numbers.words, sizeof(numbers.words) },
		      { numbers.blocks, sizeof(numbers.blocks) },
		      { numbers.sums, sizeof(numbers.sums) } };
	cl_mem memory[3] = { NULL };
	bool ok = device->info.vector_width <= MOST_LANES;

	make_numbers(&numbers, device->info.vector_width);
	for (cl_uint i = 0; i < 3; i++) {
		memory[i] = clCreateBuffer(state->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sides[i].bytes,
					   sides[i].host, NULL);
		ok = ok && memory[i] && !clSetKernelArg(kernel, i, sizeof(cl_mem), &memory[i]);
	}
	ok = ok && !clSetKernelArg(kernel, 3, sizeof(groups), &groups) &&
	     !clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL) &&
	     !clEnqueueReadBuffer(queue, memory[2], CL_TRUE, 0, sizeof(numbers.sums), numbers.sums, 0, NULL, NULL) &&
	     sums_are_right(&numbers, device->info.vector_width);
	for (int i = 0; i < 3; i++)
		if (memory[i])
			clReleaseMemObject(memory[i]);
	return ok;
}

void clade_cl_work_at_trial(struct clade_device *device, cl_command_queue queue, const unsigned char *key,
			    const struct clade_text *text)
{
	struct clade_cl_device *state = clade_cl_state(device);
	struct clade_cl_program program = { .defines = (char *)"" };
	cl_kernel kernel = NULL;

	/* first what is true if this process ends here */
	if (!clade_cache_save(device->context, state->cache, key, failed, sizeof(failed)))
		return;
	if (!clade_cl_build_from_source(device, &program, text, NULL))
		kernel = clCreateKernel(program.handle, kernel_name, NULL);
	if (kernel && run_trial(device, queue, kernel))
		clade_cache_save(device->context, state->cache, key, passed, sizeof(passed));
	if (kernel)
		clReleaseKernel(kernel);
	if (program.handle)
		clReleaseProgram(program.handle);
}

/* ---- in the process that wants to know ---- */

/* CLADE_DOT_UNTRIED: there is none. */
static uint32_t load_outcome(struct clade_device *device, const unsigned char *key)
{
	size_t bytes = 0;
	char *outcome = clade_cache_load(device->context, clade_cl_state(device)->cache, key, &bytes);
	uint32_t dot = CLADE_DOT_UNTRIED;

	if (outcome && bytes == OUTCOME_BYTES)
		dot = memcmp(outcome, passed, bytes) ? CLADE_DOT_FAILED : CLADE_DOT_READY;
	clade_free(device->context, outcome);
	return dot;
}

/* See order.c for the form of an order. */
static bool order_trial(struct clade_device *device, const unsigned char *key, const struct clade_text *source)
{
	const uint32_t trial = CLADE_CL_TRIAL;
	struct clade_context *context = device->context;
	struct clade_text order;
	bool done;

	clade_text_init(&order, context);
	clade_text_add(&order, (const char *)&trial, sizeof(trial));
	clade_text_add(&order, source->data, source->length);
	done = !order.failed &&
	       clade_cache_order(context, clade_cl_state(device)->cache, key, 0, order.data, order.length) &&
	       context->compile(context->compile_user, device->info.id, 1, false);
	clade_text_finish(&order);
	return done;
}

static uint32_t try_form(struct clade_device *device, const struct form *form)
{
	const char *sources[] = { "linear/dot.trial.cl" };
	struct clade_cl_function function = { sources[0], (char *)kernel_name };
	struct clade_cl_program program = { .defines = (char *)form->defines,
					    .sources = sources,
					    .source_count = 1,
					    .functions = &function,
					    .function_count = 1 };
	struct clade_context *context = device->context;
	uint32_t dot = CLADE_DOT_UNTRIED;
	struct clade_text text;

	clade_text_init(&text, context);
	if (clade_cl_state(device)->cache >= 0 && !clade_cl_program_identify(device, &program, &text, NULL)) {
		dot = load_outcome(device, program.key);
		if (dot == CLADE_DOT_UNTRIED && context->compile && order_trial(device, program.key, &text))
			dot = load_outcome(device, program.key);
	}
	clade_text_finish(&text);
	return dot == CLADE_DOT_UNTRIED ? CLADE_DOT_NOBODY : dot;
}

void clade_cl_try_dot(struct clade_device *device)
{
	static const char *const words[] = { [CLADE_DOT_READY] = "tried, right",
					     [CLADE_DOT_NOBODY] = "nobody could try it; not used",
					     [CLADE_DOT_FAILED] = "its trial failed; not used" };
	uint32_t dot = CLADE_DOT_FAILED;

	pthread_mutex_lock(&device->lock);
	for (int i = 0; i < FORMS && device->info.dot == CLADE_DOT_UNTRIED && dot != CLADE_DOT_READY; i++) {
		uint32_t outcome;

		if (!may_use(&forms[i], &device->info))
			continue;
		outcome = try_form(device, &forms[i]);
		dot = outcome == CLADE_DOT_FAILED ? dot : outcome;
		clade_log(device->context, outcome == CLADE_DOT_FAILED ? CLADE_LOG_NOTE : CLADE_LOG_INFO, "device",
			  "%s: %s in kernels: %s", device->info.id, forms[i].what, words[outcome]);
		if (outcome == CLADE_DOT_READY)
			snprintf(device->info.dot_defines, sizeof(device->info.dot_defines), "%s", forms[i].defines);
	}
	if (device->info.dot == CLADE_DOT_UNTRIED)
		device->info.dot = dot;
	pthread_mutex_unlock(&device->lock);
}

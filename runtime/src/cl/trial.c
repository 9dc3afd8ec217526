/* SPDX-License-Identifier: MIT */
/* Instructions that kernels reach only through inline assembler, tried before they are used: the processor must have
 * them, and another process, in which a compiler's failure or an illegal instruction ends nothing of ours, must get the
 * right numbers. The outcome is an entry of the cache of programs, whose key holds device, driver and processor. */
#include "opencl.h"
#include "cache.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 8, MOST_LANES = 16, LONGEST_TEXT = 1024, OUTCOME_BYTES = 8 };
static const char passed[OUTCOME_BYTES] = "passed", failed[OUTCOME_BYTES] = "failed", order[] = "a trial";

#if defined(__x86_64__) && defined(__GNUC__)
static bool processor_has_vnni(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512vnni");
}
#else
static bool processor_has_vnni(void)
{
	return false;
}
#endif

void clade_cl_find_dot(struct clade_device_info *info)
{
	if (info->kind == CLADE_DEVICE_CPU && info->vector_width >= 8 && !info->soft_fma && processor_has_vnni())
		info->dot = CLADE_DOT_VNNI_UNTRIED;
}

static void trial_text(const struct clade_device *device, char out[LONGEST_TEXT])
{
	unsigned lanes = device->info.vector_width;

	snprintf(out, LONGEST_TEXT,
		 "__kernel void trial(__global const uint *w, __global const int *x, __global int *y)\n"
		 "{\n"
		 "\tint%u sum = vload%u(0, y);\n"
		 "\tfor (uint i = 0; i < %u; i++) {\n"
		 "\t\tuint%u words = vload%u(i, w);\n"
		 "\t\t__asm__(\"vpdpbusd %%2%%{1to%u%%}, %%1, %%0\" : \"+v\"(sum) : \"v\"(words), \"m\"(x[i]));\n"
		 "\t}\n"
		 "\tvstore%u(sum, 0, y);\n"
		 "}\n",
		 lanes, lanes, (unsigned)STEPS, lanes, lanes, lanes, lanes);
}

bool clade_cl_trial_key(const struct clade_device *device, unsigned char key[CLADE_KEY_BYTES])
{
	char text[LONGEST_TEXT];

	if (device->info.dot != CLADE_DOT_VNNI_UNTRIED)
		return false;
	trial_text(device, text);
	return clade_cl_program_key(clade_cl_state(device), text, strlen(text), key);
}

/* ---- in the process that tries ---- */

/* Extremes of both sides first, where an instruction that saturates would show. */
static void make_numbers(uint32_t *words, int32_t *quads, int32_t *sums)
{
	uint32_t state = 1;

	for (int i = 0; i < STEPS * MOST_LANES; i++)
		words[i] = i < MOST_LANES ? UINT32_MAX : (state = state * 1664525u + 1013904223u);
	for (int i = 0; i < STEPS; i++)
		quads[i] = i == 0 ? (int32_t)0x80808080u : (int32_t)(state = state * 1664525u + 1013904223u);
	for (int i = 0; i < MOST_LANES; i++)
		sums[i] = -i;
}

static int32_t right_sum(const uint32_t *words, const int32_t *quads, int32_t sum, unsigned lane, unsigned lanes)
{
	for (unsigned i = 0; i < STEPS; i++)
		for (unsigned b = 0; b < 4; b++)
			sum += (int32_t)(words[i * lanes + lane] >> 8 * b & 255u) *
			       (int8_t)((uint32_t)quads[i] >> 8 * b & 255u);
	return sum;
}

static bool run_trial(struct clade_device *device, cl_command_queue queue, cl_kernel kernel)
{
	struct clade_cl_device *state = clade_cl_state(device);
	uint32_t words[STEPS * MOST_LANES];
	int32_t quads[STEPS], sums[MOST_LANES], got[MOST_LANES] = { 0 };
	const size_t one = 1;
	const struct {
		void *host;
		size_t bytes;
	} sides[] = { { words, sizeof(words) }, { quads, sizeof(quads) }, { sums, sizeof(sums) } };
	cl_mem memory[3] = { NULL };
	bool ok = true;

	make_numbers(words, quads, sums);
	for (cl_uint i = 0; i < 3; i++) {
		memory[i] = clCreateBuffer(state->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sides[i].bytes,
					   sides[i].host, NULL);
		ok = ok && memory[i] && !clSetKernelArg(kernel, i, sizeof(cl_mem), &memory[i]);
	}
	ok = ok && !clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL) &&
	     !clEnqueueReadBuffer(queue, memory[2], CL_TRUE, 0, sizeof(got), got, 0, NULL, NULL);
	for (unsigned lane = 0; lane < device->info.vector_width && ok; lane++)
		ok = got[lane] == right_sum(words, quads, sums[lane], lane, device->info.vector_width);
	for (int i = 0; i < 3; i++)
		if (memory[i])
			clReleaseMemObject(memory[i]);
	return ok;
}

void clade_cl_work_at_trial(struct clade_device *device, cl_command_queue queue, const unsigned char *key)
{
	struct clade_cl_device *state = clade_cl_state(device);
	struct clade_text text = { .context = device->context };
	struct clade_cl_program program = { .defines = (char *)"" };
	char source[LONGEST_TEXT];
	cl_kernel kernel = NULL;

	/* first what is true if this process ends here */
	if (clade_cache_has(state->cache, key) ||
	    !clade_cache_save(device->context, state->cache, key, failed, sizeof(failed)))
		return;
	trial_text(device, source);
	text.data = source;
	text.length = strlen(source);
	if (!clade_cl_build_from_source(device, &program, &text, NULL))
		kernel = clCreateKernel(program.handle, "trial", NULL);
	if (kernel && run_trial(device, queue, kernel))
		clade_cache_save(device->context, state->cache, key, passed, sizeof(passed));
	if (kernel)
		clReleaseKernel(kernel);
	if (program.handle)
		clReleaseProgram(program.handle);
}

/* ---- in the process that wants to know ---- */

/* CLADE_DOT_VNNI_UNTRIED: there is none. */
static uint32_t load_outcome(struct clade_device *device, const unsigned char *key)
{
	size_t bytes = 0;
	char *outcome = clade_cache_load(device->context, clade_cl_state(device)->cache, key, &bytes);
	uint32_t dot = CLADE_DOT_VNNI_UNTRIED;

	if (outcome && bytes == OUTCOME_BYTES)
		dot = memcmp(outcome, passed, bytes) ? CLADE_DOT_VNNI_FAILED : CLADE_DOT_VNNI;
	clade_free(device->context, outcome);
	return dot;
}

void clade_cl_try_dot(struct clade_device *device)
{
	struct clade_context *context = device->context;
	int cache = clade_cl_state(device)->cache;
	unsigned char key[CLADE_KEY_BYTES];
	uint32_t dot;

	pthread_mutex_lock(&device->lock);
	if (clade_cl_trial_key(device, key)) {
		dot = load_outcome(device, key);
		if (dot == CLADE_DOT_VNNI_UNTRIED && context->compile && cache >= 0 &&
		    clade_cache_order(context, cache, key, 0, order, sizeof(order)) &&
		    context->compile(context->compile_user, device->info.id, 1, false))
			dot = load_outcome(device, key);
		device->info.dot = dot == CLADE_DOT_VNNI_UNTRIED ? CLADE_DOT_VNNI_NOBODY : dot;
		clade_log(context, dot == CLADE_DOT_VNNI_FAILED ? CLADE_LOG_NOTE : CLADE_LOG_INFO, "device",
			  "%s: vpdpbusd in kernels: %s", device->info.id,
			  dot == CLADE_DOT_VNNI          ? "tried, right"
			  : dot == CLADE_DOT_VNNI_FAILED ? "its trial failed; not used"
							 : "nobody could try it; not used");
	}
	pthread_mutex_unlock(&device->lock);
}

/* SPDX-License-Identifier: MIT */
/* Each OpenCL call and each allocation of list, open, build, run and read is made to fail in turn, once and for ever:
 * the call must return an error that names it, nothing may leak, and the device must stay usable or say that it is
 * lost. */
#include "allocs.h"
#include "heap.h"
#include "shim.h"
#include "../device/toy.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct shim shim;

struct run_options {
	struct heap *heap;
	const char *cache_dir;
	bool profiling;
};

/* Everything once: list, open, queue, buffers, build, run twice, read, check, store programs. */
static enum clade_status scenario(const struct run_options *options, struct clade_diag *diag)
{
	const struct clade_allocator allocator = { heap_resize, options->heap };
	const struct clade_context_params params = { .size = sizeof(params),
						     .allocator = options->heap ? &allocator : NULL,
						     .cache_dir = options->cache_dir };
	struct clade_context *context = NULL;
	struct clade_device_info *infos = NULL;
	struct clade_device *device = NULL;
	struct clade_queue *queue = NULL;
	struct clade_exec *exec = NULL;
	struct toy_case toy;
	size_t count;
	enum clade_status status;

	memset(&toy, 0, sizeof(toy));
	status = clade_context_create(&params, &context, diag);
	if (!status)
		status = clade_context_register(context, toy_entry, "", diag);
	if (!status)
		status = clade_device_list(context, &infos, &count, diag);
	if (context)
		clade_device_list_free(context, &infos);
	if (!status)
		status = clade_device_open(context, "cl", &device, diag);
	if (!status)
		status = toy_open(&toy, device, &toy_cl, 64, true, 1, diag);
	if (!status)
		status = clade_queue_create(device, options->profiling, &queue, diag);
	if (!status)
		status = clade_exec_create(toy.step, queue, &exec, diag);
	for (int i = 0; i < 2 && !status; i++) {
		status = clade_buffer_fill(queue, toy.buffers[2], 0, 256, 0, diag);
		if (!status)
			status = clade_exec_run(exec, NULL, toy.inputs, toy.outputs, toy.scratch, diag);
		if (!status)
			status = clade_buffer_copy(queue, toy.buffers[2], 0, toy.scratch_buffer, 0, 128, diag);
		if (!status)
			status = clade_queue_finish(queue, diag);
	}
	if (exec && !status)
		clade_exec_device_ns(exec);
	if (!status)
		status = toy_check(&toy, 2.0f, diag);
	if (device)
		clade_device_save_programs(device);
	clade_exec_destroy(&exec);
	clade_queue_destroy(&queue);
	toy_close(&toy);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	return status;
}

static int setup(void **state)
{
	struct run_options options = { 0 };
	struct clade_diag diag;

	clade_diag_init(&diag);
	if (!shim_connect(&shim, getenv("CLADE_TEST_SHIM"))) {
		print_error("CLADE_TEST_SHIM=%s cannot be loaded\n", getenv("CLADE_TEST_SHIM"));
		return 1;
	}
	shim.reset();
	if (scenario(&options, &diag)) {
		print_error("without faults: %s %s\n", diag.where, diag.text);
		clade_diag_finish(&diag);
		return 1;
	}
	return 0;
}

static int reset(void **state)
{
	shim.reset();
	return 0;
}

static void each_call_fails(int code, bool persistent, bool profiling)
{
	struct run_options options = { .profiling = profiling };
	unsigned long n = 1, failed = 0, optional = 0;

	for (;; n++) {
		struct clade_diag diag;
		enum clade_status status;

		clade_diag_init(&diag);
		shim.reset();
		shim.inject("any", n, persistent, code);
		status = scenario(&options, &diag);
		if (!shim.fired()) {
			assert_int_equal(status, CLADE_OK);
			break;
		}
		if (shim.live("all"))
			print_error("call %lu (%d): %ld objects leak after '%s'\n", n, code, shim.live("all"),
				    diag.text);
		assert_int_equal(shim.live("all"), 0);
		if (status) {
			assert_true(status == CLADE_ERR_DEVICE || status == CLADE_ERR_MEMORY);
			assert_true(diag.text[0] && diag.id);
			failed++;
		} else {
			optional++;
		}
		clade_diag_finish(&diag);
	}
	print_message("code %d, %s: %lu calls made to fail, %lu gave an error, %lu were not needed\n", code,
		      persistent ? "for ever" : "once", n - 1, failed, optional);
	assert_true(n > 80);
	assert_true(failed > 40);
	if (persistent)
		assert_true(optional < 10);
}

static void each_call_fails_once(void **state)
{
	static const int codes[] = { -4, -5, -6, -9999 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		each_call_fails(codes[i], false, i == 1);
}

static void each_call_fails_for_ever(void **state)
{
	each_call_fails(-5, true, false);
	each_call_fails(-30, true, true);
}

/* Calls by name: the message says which call and which code. */
static void messages_name_call_and_code(void **state)
{
	static const struct {
		const char *call;
		int code;
		const char *text;
		enum clade_status status;
	} cases[] = {
		{ "clCreateContext", -2, "clCreateContext failed", CLADE_ERR_DEVICE },
		{ "clCreateCommandQueue", -35, "CL_INVALID_QUEUE_PROPERTIES (-35)", CLADE_ERR_DEVICE },
		{ "clCreateBuffer", -4, "CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)", CLADE_ERR_MEMORY },
		{ "clCreateBuffer", -61, "CL_INVALID_BUFFER_SIZE (-61)", CLADE_ERR_DEVICE },
		{ "clEnqueueWriteBuffer", -5, "clEnqueueWriteBuffer failed", CLADE_ERR_DEVICE },
		{ "clEnqueueMapBuffer", -12, "CL_MAP_FAILURE (-12)", CLADE_ERR_DEVICE },
		{ "clEnqueueUnmapMemObject", -38, "clEnqueueUnmapMemObject failed", CLADE_ERR_DEVICE },
		{ "clEnqueueFillBuffer", -59, "clEnqueueFillBuffer failed", CLADE_ERR_DEVICE },
		{ "clEnqueueCopyBuffer", -4, "clEnqueueCopyBuffer failed", CLADE_ERR_MEMORY },
		{ "clEnqueueReadBuffer", -14, "CL_EXEC_STATUS_ERROR_FOR_EVENTS", CLADE_ERR_DEVICE },
		{ "clCreateProgramWithSource", -6, "CL_OUT_OF_HOST_MEMORY (-6)", CLADE_ERR_MEMORY },
		{ "clBuildProgram", -11, "CL_BUILD_PROGRAM_FAILURE (-11)", CLADE_ERR_DEVICE },
		{ "clBuildProgram", -15, "CL_COMPILE_PROGRAM_FAILURE (-15)", CLADE_ERR_DEVICE },
		{ "clCreateKernel", -46, "'toy' is not in this source", CLADE_ERR_DATA },
		{ "clCreateKernel", -6, "clCreateKernel failed", CLADE_ERR_MEMORY },
		{ "clGetKernelInfo", -48, "CL_INVALID_KERNEL (-48)", CLADE_ERR_DEVICE },
		{ "clGetKernelWorkGroupInfo", -33, "CL_INVALID_DEVICE (-33)", CLADE_ERR_DEVICE },
		{ "clSetKernelArg", -51, "CL_INVALID_ARG_SIZE (-51)", CLADE_ERR_DEVICE },
		{ "clEnqueueNDRangeKernel", -54, "CL_INVALID_WORK_GROUP_SIZE (-54)", CLADE_ERR_DEVICE },
		{ "clFinish", -36, "CL_INVALID_COMMAND_QUEUE (-36)", CLADE_ERR_DEVICE },
		{ "clFinish", -777, "a code that OpenCL does not define (-777)", CLADE_ERR_DEVICE },
	};
	struct run_options options = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clade_diag diag;
		enum clade_status status;

		clade_diag_init(&diag);
		shim.reset();
		shim.inject(cases[i].call, 1, false, cases[i].code);
		status = scenario(&options, &diag);
		if (status != cases[i].status || !strstr(diag.text, cases[i].text))
			print_error("%s %d gave %d: %s\n", cases[i].call, cases[i].code, (int)status, diag.text);
		assert_int_equal(status, cases[i].status);
		assert_non_null(strstr(diag.text, cases[i].text));
		assert_int_equal(shim.live("all"), 0);
		clade_diag_finish(&diag);
	}
}

static void build_logs_of_any_length(void **state)
{
	static const long lengths[] = { 0, 1, 1000, 1 << 20, 3 << 20 };
	struct run_options options = { 0 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct clade_diag diag;

		clade_diag_init(&diag);
		shim.reset();
		shim.log(lengths[i]);
		shim.inject("clBuildProgram", 1, false, -11);
		assert_int_equal(scenario(&options, &diag), CLADE_ERR_DEVICE);
		assert_int_equal(diag.id, CLADE_MSG_BUILD);
		if (lengths[i] == 0)
			assert_null(diag.log);
		else
			assert_int_equal(strlen(diag.log), lengths[i] < 1 << 20 ? lengths[i] : 1 << 20);
		clade_diag_finish(&diag);
	}
}

static void each_allocation_fails(bool persistent, const char *cache_dir)
{
	unsigned long n = 1;

	for (;; n++) {
		struct heap heap = { .fail_at = n, .persistent = persistent };
		struct run_options options = { .heap = &heap, .cache_dir = cache_dir, .profiling = true };
		struct clade_diag diag;
		enum clade_status status;

		clade_diag_init(&diag);
		status = scenario(&options, &diag);
		if (heap.live || shim.live("all"))
			print_error("allocation %lu: %ld blocks, %ld objects leak after '%s'\n", n, heap.live,
				    shim.live("all"), diag.text);
		assert_int_equal(heap.live, 0);
		assert_int_equal(shim.live("all"), 0);
		if (!heap.fired) {
			assert_int_equal(status, CLADE_OK);
			break;
		}
		/* Only what concerns the cache may go without. */
		if (status != CLADE_ERR_MEMORY && !(cache_dir && status == CLADE_OK))
			print_error("allocation %lu: status %d, '%s'\n", n, (int)status, diag.text);
		assert_true(status == CLADE_ERR_MEMORY || (cache_dir && status == CLADE_OK));
		clade_diag_finish(&diag);
	}
	print_message("%lu allocations made to fail %s\n", n - 1, persistent ? "for ever" : "once");
	assert_true(n > 40);
}

static void each_allocation_fails_once(void **state)
{
	each_allocation_fails(false, NULL);
}

static void each_allocation_fails_for_ever(void **state)
{
	each_allocation_fails(true, NULL);
}

static void a_lost_device_is_left_alone(void **state)
{
	static const int codes[] = { -5, -6, -36, -9999 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct clade_context *context;
		struct clade_device *device, *other;
		struct clade_buffer *buffer;
		struct clade_queue *queue;
		struct toy_case toy;
		struct clade_diag diag;
		unsigned long calls;

		clade_diag_init(&diag);
		shim.reset();
		assert_int_equal(clade_context_create(NULL, &context, &diag), CLADE_OK);
		assert_int_equal(clade_context_register(context, toy_entry, "", &diag), CLADE_OK);
		assert_int_equal(clade_device_open(context, "cl", &device, &diag), CLADE_OK);
		assert_int_equal(toy_open(&toy, device, &toy_cl, 64, true, 1, &diag), CLADE_OK);
		shim.inject("clFinish", 1, false, codes[i]);
		assert_int_equal(toy_run(&toy, &diag), CLADE_OK);
		assert_int_not_equal(clade_queue_finish(toy.queue, &diag), CLADE_OK);
		assert_int_equal(diag.device_code, codes[i]);
		calls = shim.count("any");
		clade_diag_reset(&diag);
		assert_int_equal(toy_run(&toy, &diag), CLADE_ERR_DEVICE);
		assert_non_null(strstr(diag.text, "lost"));
		assert_int_equal(toy_check(&toy, 2.0f, NULL), CLADE_ERR_DEVICE);
		assert_int_equal(clade_queue_finish(toy.queue, NULL), CLADE_ERR_DEVICE);
		assert_int_equal(clade_buffer_create(device, 64, &buffer, NULL), CLADE_ERR_DEVICE);
		assert_int_equal(clade_queue_create(device, false, &queue, NULL), CLADE_ERR_DEVICE);
		assert_int_equal(clade_steps_build(device, &toy.step, 1, NULL), CLADE_ERR_DEVICE);
		clade_device_save_programs(device);
		assert_int_equal(shim.count("any"), calls);
		/* Opened anew, it works; ref goes on as if nothing had been. */
		toy_close(&toy);
		assert_int_equal(clade_device_open(context, "cl", &other, &diag), CLADE_OK);
		clade_diag_reset(&diag);
		assert_int_equal(toy_open(&toy, other, &toy_cl, 64, true, 1, &diag), CLADE_OK);
		assert_int_equal(toy_run(&toy, &diag), CLADE_OK);
		assert_int_equal(toy_check(&toy, 2.0f, &diag), CLADE_OK);
		toy_close(&toy);
		clade_device_unref(&other);
		clade_device_unref(&device);
		clade_context_destroy(&context);
		assert_int_equal(shim.live("all"), 0);
		clade_diag_finish(&diag);
	}
}

/* Repeated runs: one launch each, no argument set again, nothing made, nothing allocated. */
static void repeated_runs_only_enqueue(void **state)
{
	struct clade_context *context;
	struct clade_device *device;
	struct clade_device_counters before, after;
	struct toy_case toy;
	struct clade_diag diag;
	struct allocs allocs;
	struct toy_params params = { 5.0f, 1 };
	bool counting = allocs_connect(&allocs);

	clade_diag_init(&diag);
	assert_true(counting); /* the test is run with LD_PRELOAD */
	assert_int_equal(clade_context_create(NULL, &context, &diag), CLADE_OK);
	assert_int_equal(clade_context_register(context, toy_entry, "", &diag), CLADE_OK);
	assert_int_equal(clade_device_open(context, "cl", &device, &diag), CLADE_OK);
	allocs.reset();
	assert_int_equal(toy_open(&toy, device, &toy_cl, 64, true, 3, &diag), CLADE_OK);
	assert_true(allocs.count() > 10); /* it does count */
	assert_int_equal(toy_run(&toy, &diag), CLADE_OK);
	assert_int_equal(shim.count("clSetKernelArg"),
			 4); /* three pointers; offsets and numbers in one vector; once for three launches */
	clade_device_get_counters(device, &before);
	shim.reset();
	allocs.reset();
	for (int i = 0; i < 10; i++) {
		assert_int_equal(toy_run(&toy, &diag), CLADE_OK);
		assert_int_equal(clade_queue_finish(toy.queue, &diag), CLADE_OK);
	}
	assert_int_equal(allocs.count(), 0);
	assert_int_equal(allocs.frees(), 0);
	assert_int_equal(shim.count("clEnqueueNDRangeKernel"), 30);
	assert_int_equal(shim.count("clFinish"), 10);
	assert_int_equal(shim.count("any"), 40);
	clade_device_get_counters(device, &after);
	assert_int_equal(after.launches - before.launches, 30);
	assert_int_equal(after.finishes - before.finishes, 10);
	assert_int_equal(after.programs_built, before.programs_built);
	assert_int_equal(after.kernels_created, before.kernels_created);
	assert_int_equal(after.buffers_created, before.buffers_created);
	/* One value changes: one argument is set. */
	assert_int_equal(clade_exec_run(toy.exec, &params, toy.inputs, toy.outputs, toy.scratch, &diag), CLADE_OK);
	assert_int_equal(shim.count("clSetKernelArg"), 1);
	/* A launch that is dropped is seen in the results: the check can fail. */
	assert_int_equal(toy_check(&toy, 5.0f, &diag), CLADE_OK);
	shim.drop(1);
	params.launches = 1;
	params.s = 6.0f;
	assert_int_equal(clade_exec_run(toy.exec, &params, toy.inputs, toy.outputs, toy.scratch, &diag), CLADE_OK);
	assert_int_equal(toy_check(&toy, 6.0f, &diag), CLADE_ERR_MISMATCH);
	toy_close(&toy);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	assert_int_equal(shim.live("all"), 0);
	clade_diag_finish(&diag);
}

static void odd_devices_are_survived(void **state)
{
	static const struct {
		unsigned name;
		unsigned long long value;
		bool listed;
	} cases[] = {
		{ 0x1004, 0, true },                          /* CL_DEVICE_MAX_WORK_GROUP_SIZE */
		{ 0x1010, 0, true },                          /* CL_DEVICE_MAX_MEM_ALLOC_SIZE */
		{ 0x1010, ~0ull, true }, { 0x101f, 0, true }, /* CL_DEVICE_GLOBAL_MEM_SIZE */
		{ 0x101f, ~0ull, true }, { 0x1023, 0, true }, /* CL_DEVICE_LOCAL_MEM_SIZE */
		{ 0x1019, 0, true },                          /* CL_DEVICE_MEM_BASE_ADDR_ALIGN */
		{ 0x1019, ~0ull, true }, { 0x103a, 0, true }, /* CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT */
		{ 0x103a, ~0ull, true }, { 0x1003, 0, true }, /* CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS */
		{ 0x1000, 0, true },                          /* CL_DEVICE_TYPE */
		{ 0x1027, 0, false },                         /* CL_DEVICE_AVAILABLE */
		{ 0x1028, 0, false },                         /* CL_DEVICE_COMPILER_AVAILABLE */
		{ 0x1026, 0, false },                         /* CL_DEVICE_ENDIAN_LITTLE */
	};
	struct clade_context *context;
	struct clade_device_info *infos;
	struct clade_device *device;
	struct clade_diag diag;
	size_t count;

	clade_diag_init(&diag);
	assert_int_equal(clade_context_create(NULL, &context, &diag), CLADE_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		shim.info(0, 0);
		shim.info(cases[i].name, cases[i].value);
		assert_int_equal(clade_device_list(context, &infos, &count, &diag), CLADE_OK);
		if (count != (cases[i].listed ? 2 : 1))
			print_error("property %x = %llu: %zu devices\n", cases[i].name, cases[i].value, count);
		assert_int_equal(count, cases[i].listed ? 2 : 1);
		if (count == 2) {
			assert_true(infos[1].max_work_group >= 1);
			assert_true(infos[1].base_align >= 1 && infos[1].base_align <= 4096);
			assert_true(infos[1].vector_width >= 1 && infos[1].tile_rows >= 1);
			assert_true(!infos[1].global_bytes || infos[1].max_alloc_bytes <= infos[1].global_bytes);
		}
		clade_device_list_free(context, &infos);
	}
	shim.info(0, 0);
	shim.devices(2);
	assert_int_equal(clade_device_list(context, &infos, &count, &diag), CLADE_OK);
	assert_int_equal(count, 2); /* ref and one device, listed once */
	clade_device_list_free(context, &infos);
	shim.devices(0);
	assert_int_equal(clade_device_list(context, &infos, &count, &diag), CLADE_OK);
	assert_int_equal(count, 1);
	clade_device_list_free(context, &infos);
	assert_int_equal(clade_device_open(context, "cl", &device, &diag), CLADE_ERR_DEVICE);
	assert_int_equal(diag.id, CLADE_MSG_DEVICE_NONE);
	assert_int_equal(clade_device_open(context, NULL, &device, &diag), CLADE_OK);
	assert_string_equal(clade_device_get_info(device)->id, "ref");
	clade_device_unref(&device);
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
}

/* A binary that the cache vouches for and the driver refuses, at each point where drivers do: built from source. */
static void refused_binaries_are_built_anew(void **state)
{
	static const struct {
		const char *call;
		int code;
	} cases[] = {
		{ "clCreateProgramWithBinary", -42 },
		{ "clCreateProgramWithBinary", -30 },
		{ "clBuildProgram", -11 },
		{ "clCreateKernel", -45 },
	};
	char folder[] = "refused-XXXXXX", command[64];
	struct run_options options = { .cache_dir = folder };
	struct clade_diag diag;

	clade_diag_init(&diag);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(scenario(&options, &diag), CLADE_OK);
	assert_int_equal(shim.count("clCreateProgramWithSource"), 1);
	shim.reset();
	assert_int_equal(scenario(&options, &diag), CLADE_OK);
	assert_int_equal(shim.count("clCreateProgramWithSource"), 0);
	assert_int_equal(shim.count("clCreateProgramWithBinary"), 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		shim.reset();
		shim.inject(cases[i].call, 1, false, cases[i].code);
		assert_int_equal(scenario(&options, &diag), CLADE_OK);
		assert_true(shim.fired());
		assert_int_equal(shim.count("clCreateProgramWithSource"), 1);
		assert_int_equal(shim.live("all"), 0);
		/* Stored again, and good. */
		shim.reset();
		assert_int_equal(scenario(&options, &diag), CLADE_OK);
		assert_int_equal(shim.count("clCreateProgramWithSource"), 0);
	}
	/* Fetching a binary fails: the run does not. */
	for (unsigned long n = 1; n <= 2; n++) {
		snprintf(command, sizeof(command), "rm -f %s/*.bin", folder);
		assert_int_equal(system(command), 0);
		shim.reset();
		shim.inject("clGetProgramInfo", n, false, -6);
		assert_int_equal(scenario(&options, &diag), CLADE_OK);
		assert_true(shim.fired());
		assert_int_equal(shim.live("all"), 0);
	}
	each_allocation_fails(false, folder);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

/* A small device: what does not fit is refused on the host, what fits runs. */
static void small_devices_are_obeyed(void **state)
{
	struct clade_context *context;
	struct clade_device *device;
	struct clade_buffer *buffer;
	struct toy_case toy;
	struct clade_diag diag;

	clade_diag_init(&diag);
	shim.info(0x1004, 2);         /* groups of two items; toy wants four */
	shim.info(0x1023, 16384);     /* local memory */
	shim.info(0x1010, 128 << 20); /* largest buffer */
	assert_int_equal(clade_context_create(NULL, &context, &diag), CLADE_OK);
	assert_int_equal(clade_context_register(context, toy_entry, "", &diag), CLADE_OK);
	assert_int_equal(clade_device_open(context, "cl", &device, &diag), CLADE_OK);
	assert_int_equal(clade_device_get_info(device)->local_bytes, 16384);
	assert_int_equal(clade_buffer_create(device, (128 << 20) + 1, &buffer, &diag), CLADE_ERR_MEMORY);
	clade_diag_reset(&diag);
	assert_int_equal(toy_open(&toy, device, &toy_cl, 64, true, 1, &diag), CLADE_OK);
	assert_int_equal(toy_run(&toy, &diag), CLADE_ERR_UNSUPPORTED);
	assert_int_equal(diag.id, CLADE_MSG_LIMIT);
	assert_int_equal(shim.count("clEnqueueNDRangeKernel"), 0);
	toy_close(&toy);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(messages_name_call_and_code, reset),
		cmocka_unit_test_setup(build_logs_of_any_length, reset),
		cmocka_unit_test_setup(each_call_fails_once, reset),
		cmocka_unit_test_setup(each_call_fails_for_ever, reset),
		cmocka_unit_test_setup(each_allocation_fails_once, reset),
		cmocka_unit_test_setup(each_allocation_fails_for_ever, reset),
		cmocka_unit_test_setup(a_lost_device_is_left_alone, reset),
		cmocka_unit_test_setup(repeated_runs_only_enqueue, reset),
		cmocka_unit_test_setup(odd_devices_are_survived, reset),
		cmocka_unit_test_setup(refused_binaries_are_built_anew, reset),
		cmocka_unit_test_setup(small_devices_are_obeyed, reset),
	};

	return cmocka_run_group_tests_name("OpenCL faults", tests, setup, NULL);
}

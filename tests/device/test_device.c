/* SPDX-License-Identifier: MIT */
/* The OpenCL device that CLADE_TEST_DEVICE names (of one runtime): selection, buffers, steps, argument caching, errors,
 * limits. */
#include "toy.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct clade_device_counters counters_of(const struct clade_device *device)
{
	struct clade_device_counters counters;

	clade_device_get_counters(device, &counters);
	return counters;
}

static int setup(void **state)
{
	return toy_world_open(getenv("CLADE_TEST_DEVICE"), state);
}

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		enum clade_status s_ = (call);                                                                         \
		if (s_)                                                                                                \
			print_error("%s: %s [%u] %s\n", #call, f->diag.where, f->diag.id, f->diag.text);               \
		assert_int_equal(s_, CLADE_OK);                                                                        \
	} while (0)

static void describes_itself(void **state)
{
	struct toy_world *f = *state;
	const struct clade_device_info *info = clade_device_get_info(f->device);
	uint32_t w = info->vector_width, registers = w == 16 ? 32 : 16;

	print_message("%s: %s | %s | %s | %s: units %u, group %u, local %llu, alloc %llu of %llu, align %u, native %u, "
		      "VW %u MR %u NV %u, rank %u, soft_fma %u, fp16 %u, sub-groups %u, int_dot %u, quirks '%s'\n",
		      info->id, info->name, info->platform, info->driver, info->version, info->compute_units,
		      info->max_work_group, (unsigned long long)info->local_bytes,
		      (unsigned long long)info->max_alloc_bytes, (unsigned long long)info->global_bytes,
		      info->base_align, info->native_float_width, w, info->tile_rows, info->tile_vectors, info->rank,
		      info->soft_fma, info->fp16, info->sub_groups, info->int_dot, info->quirks);
	assert_true(info->kind != CLADE_DEVICE_HOST);
	assert_true(w == 16 || w == 8 || w == 4 || w == 1);
	assert_true(info->tile_rows * info->tile_vectors + info->tile_vectors + 1 <= (w == 1 ? 32 : registers));
	assert_true(info->max_work_group >= 1 && info->max_work_item[2] >= 1);
	assert_true(info->max_alloc_bytes > 0 && info->max_alloc_bytes <= info->global_bytes);
	assert_true(info->opencl_major > 1 || info->opencl_minor >= 2);
	assert_true(info->rank < 1000);
	assert_null(clade_buffer_host(NULL));
}

static void is_chosen_by_words(void **state)
{
	struct toy_world *f = *state;
	const struct clade_device_info *info = clade_device_get_info(f->device);
	const char *words[] = { info->id, info->name, "cl", NULL };
	static const char *const wrong[] = { "cl:9.9", "cl:", "", "nosuchdevice", "cl:0" };
	struct clade_device *other;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		OK(clade_device_open(f->context, words[i], &other, &f->diag));
		assert_string_equal(clade_device_get_info(other)->id, info->id);
		clade_device_unref(&other);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		clade_diag_reset(&f->diag);
		assert_int_equal(clade_device_open(f->context, wrong[i], &other, &f->diag), CLADE_ERR_USAGE);
		assert_int_equal(f->diag.id, CLADE_MSG_DEVICE_UNKNOWN);
		assert_non_null(strstr(f->diag.text, info->id));
		assert_null(other);
	}
	/* Every platform here has an "r" in its name: at least ref ("reference C") and this one. */
	clade_diag_reset(&f->diag);
	assert_int_equal(clade_device_open(f->context, "r", &other, &f->diag), CLADE_ERR_USAGE);
	assert_int_equal(f->diag.id, CLADE_MSG_DEVICE_AMBIGUOUS);
	assert_non_null(strstr(f->diag.text, "ref"));
	assert_non_null(strstr(f->diag.text, info->id));
}

static void buffers_move_bytes(void **state)
{
	struct toy_world *f = *state;
	struct clade_buffer *a, *b, *empty;
	unsigned char in[4096], out[4096];

	for (int i = 0; i < 4096; i++)
		in[i] = (unsigned char)(i * 7 + i / 256);
	OK(clade_buffer_create(f->device, 4096, &a, &f->diag));
	OK(clade_buffer_create(f->device, 4096, &b, &f->diag));
	OK(clade_buffer_create(f->device, 0, &empty, &f->diag));
	assert_null(clade_buffer_host(a));
	for (size_t offset = 0; offset <= 64; offset += 4)
		for (size_t bytes = 4; bytes <= 4096 - 64; bytes += 1000) {
			OK(clade_buffer_fill(f->queue, b, 0, 4096, 0x01020304u, &f->diag));
			OK(clade_buffer_write(f->queue, a, offset, in, bytes, offset % 8 == 0, &f->diag));
			OK(clade_buffer_copy(f->queue, a, offset, b, 64 - offset, bytes, &f->diag));
			OK(clade_buffer_read(f->queue, b, 0, out, 4096, false, &f->diag));
			OK(clade_queue_finish(f->queue, &f->diag));
			assert_memory_equal(out + 64 - offset, in, bytes);
			for (size_t i = 0; i < 4096; i++)
				if (i < 64 - offset || i >= 64 - offset + bytes)
					assert_int_equal(out[i], 4 - i % 4);
		}
	OK(clade_buffer_read(f->queue, empty, 0, NULL, 0, true, &f->diag));
	OK(clade_buffer_copy(f->queue, empty, 0, a, 8, 0, &f->diag));
	clade_buffer_unref(&a);
	clade_buffer_unref(&b);
	clade_buffer_unref(&empty);
}

static void limits_are_checked(void **state)
{
	struct toy_world *f = *state;
	const struct clade_device_info *info = clade_device_get_info(f->device);
	struct clade_buffer *a;

	assert_int_equal(clade_buffer_create(f->device, (size_t)info->max_alloc_bytes + 1, &a, &f->diag),
			 CLADE_ERR_MEMORY);
	assert_int_equal(f->diag.id, CLADE_MSG_LIMIT);
	assert_null(a);
	clade_diag_reset(&f->diag);
	assert_int_equal(toy_open(&f->toy, f->device, &toy_greedy, 8, false, 1, &f->diag), CLADE_OK);
	assert_int_equal(toy_run(&f->toy, &f->diag), CLADE_ERR_UNSUPPORTED);
	assert_int_equal(f->diag.id, CLADE_MSG_LIMIT);
	assert_non_null(strstr(f->diag.text, "local memory"));
	toy_close(&f->toy);
	clade_diag_reset(&f->diag);
	assert_int_equal(toy_open(&f->toy, f->device, &toy_wide, 8, false, 1, &f->diag), CLADE_OK);
	assert_int_equal(toy_run(&f->toy, &f->diag), CLADE_ERR_UNSUPPORTED);
	assert_int_equal(f->diag.id, CLADE_MSG_LIMIT);
	toy_close(&f->toy);
	clade_diag_reset(&f->diag);
	assert_int_equal(toy_open(&f->toy, f->device, &toy_badargs, 8, false, 1, &f->diag), CLADE_OK);
	assert_int_equal(toy_run(&f->toy, &f->diag), CLADE_ERR_ARGUMENT);
	assert_int_equal(f->diag.id, CLADE_MSG_IMPL_FAILED);
}

static void kernels_run(void **state)
{
	struct toy_world *f = *state;
	static const int64_t sizes[] = { 1, 3, 4, 5, 127, 1024 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int with_b = 0; with_b < 2; with_b++) {
			OK(toy_open(&f->toy, f->device, &toy_cl, sizes[i], with_b, 1, &f->diag));
			OK(toy_run(&f->toy, &f->diag));
			OK(toy_check(&f->toy, 2.0f, &f->diag));
			toy_close(&f->toy);
		}
	/* One family, one set of defines: built once for all of these steps. */
	assert_int_equal(counters_of(f->device).programs_built, 1);
	assert_int_equal(counters_of(f->device).launches, 12);
}

static void empty_work_is_no_launch(void **state)
{
	struct toy_world *f = *state;

	OK(toy_open(&f->toy, f->device, &toy_cl, 0, false, 1, &f->diag));
	OK(toy_run(&f->toy, &f->diag));
	OK(clade_queue_finish(f->queue, &f->diag));
	assert_int_equal(counters_of(f->device).launches, 0);
}

static void offsets_are_elements(void **state)
{
	struct toy_world *f = *state;
	struct clade_tensor x, y;
	float values[64];

	OK(toy_open(&f->toy, f->device, &toy_cl, 64, false, 1, &f->diag));
	x = f->toy.tensors[0];
	y = f->toy.tensors[2];
	x.type.dims[0] = y.type.dims[0] = 10;
	x.offset = 7 * 4;
	y.offset = 20 * 4;
	f->toy.inputs[0] = &x;
	f->toy.outputs[0] = &y;
	OK(toy_run(&f->toy, &f->diag));
	OK(clade_buffer_read(f->toy.queue, f->toy.buffers[2], 0, values, sizeof(values), true, &f->diag));
	for (int i = 0; i < 64; i++)
		assert_true(values[i] == (i >= 20 && i < 30 ? 2.0f * (float)(i - 13) : -77.0f));
	x.offset = 2;
	assert_int_equal(toy_run(&f->toy, NULL), CLADE_ERR_ARGUMENT);
	x.offset = 64 * 4;
	assert_int_equal(toy_run(&f->toy, NULL), CLADE_ERR_ARGUMENT);
	x.offset = 55 * 4; /* ten elements end one beyond the buffer's 64 */
	assert_int_equal(toy_run(&f->toy, &f->diag), CLADE_ERR_ARGUMENT);
	assert_non_null(strstr(f->diag.text, "beyond the end"));
	clade_diag_reset(&f->diag);
	x.offset = 54 * 4;
	OK(toy_run(&f->toy, &f->diag));
}

/* Two buffers in turn, one of them freed and made anew: a handle's address may come back, its contents must not. */
static void arguments_follow_buffers(void **state)
{
	struct toy_world *f = *state;
	float values[16];

	OK(toy_open(&f->toy, f->device, &toy_cl, 16, false, 1, &f->diag));
	for (int round = 0; round < 8; round++) {
		clade_buffer_unref(&f->toy.buffers[0]);
		OK(clade_buffer_create(f->device, 64, &f->toy.buffers[0], &f->diag));
		for (int i = 0; i < 16; i++)
			values[i] = (float)(100 * round + i);
		OK(clade_buffer_write(f->toy.queue, f->toy.buffers[0], 0, values, 64, true, &f->diag));
		f->toy.tensors[0].buffer = f->toy.buffers[0];
		OK(toy_run(&f->toy, &f->diag));
		OK(clade_buffer_read(f->toy.queue, f->toy.buffers[2], 0, values, 64, true, &f->diag));
		for (int i = 0; i < 16; i++)
			assert_true(values[i] == 2.0f * (float)(100 * round + i));
	}
}

static void params_change_between_runs(void **state)
{
	struct toy_world *f = *state;
	struct toy_params params = { 0.0f, 1 };

	OK(toy_open(&f->toy, f->device, &toy_cl, 33, true, 1, &f->diag));
	for (int i = 0; i < 5; i++) {
		params.s = (float)i - 2.0f;
		OK(clade_exec_run(f->toy.exec, &params, f->toy.inputs, f->toy.outputs, f->toy.scratch, &f->diag));
		OK(toy_check(&f->toy, params.s, &f->diag));
	}
}

/* The same launches with the same arguments, whatever is in the buffers by now. */
static void runs_are_repeated(void **state)
{
	struct toy_world *f = *state;
	struct clade_device_counters before, after;
	float values[33];

	for (int64_t launches = 0; launches < 4; launches += 1 + (launches == 1)) {
		OK(toy_open(&f->toy, f->device, &toy_cl, 33, false, launches, &f->diag));
		assert_int_equal(clade_exec_repeat(f->toy.exec, NULL), CLADE_ERR_ARGUMENT);
		OK(toy_run(&f->toy, &f->diag));
		for (int round = 1; round < 4; round++) {
			for (int i = 0; i < 33; i++)
				values[i] = (float)(100 * round + i);
			OK(clade_buffer_write(f->toy.queue, f->toy.buffers[0], 0, values, sizeof(values), true,
					      &f->diag));
			clade_device_get_counters(f->device, &before);
			OK(clade_exec_repeat(f->toy.exec, &f->diag));
			clade_device_get_counters(f->device, &after);
			assert_int_equal(after.launches - before.launches, launches);
			OK(clade_buffer_read(f->toy.queue, f->toy.buffers[2], 0, values, sizeof(values), true,
					     &f->diag));
			for (int i = 0; i < 33 && launches; i++)
				assert_true(values[i] == 2.0f * (float)(100 * round + i));
		}
		toy_close(&f->toy);
	}
	/* Not what failed, and not what only tried its kernels. */
	OK(toy_open(&f->toy, f->device, &toy_badargs, 33, false, 1, &f->diag));
	assert_int_equal(toy_run(&f->toy, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_exec_repeat(f->toy.exec, NULL), CLADE_ERR_ARGUMENT);
	toy_close(&f->toy);
	OK(toy_open(&f->toy, f->device, &toy_cl, 33, false, 1, &f->diag));
	OK(toy_run(&f->toy, &f->diag));
	OK(clade_exec_warm(f->toy.exec, NULL, f->toy.inputs, f->toy.outputs, f->toy.scratch, NULL, &f->diag));
	assert_int_equal(clade_exec_repeat(f->toy.exec, NULL), CLADE_ERR_ARGUMENT);
}

static void build_errors_carry_the_log(void **state)
{
	struct toy_world *f = *state;

	assert_int_equal(toy_open(&f->toy, f->device, &toy_broken, 8, false, 1, &f->diag), CLADE_ERR_DEVICE);
	assert_int_equal(f->diag.id, CLADE_MSG_BUILD);
	assert_int_equal(f->diag.device_code, -11);
	assert_non_null(strstr(f->diag.text, "CL_BUILD_PROGRAM_FAILURE (-11)"));
	assert_non_null(f->diag.log);
	print_message("log: %.300s\n", f->diag.log);
	assert_non_null(strstr(f->diag.log, "undeclared_name"));
	/* Oclgrind gives a name of its own to what it compiles. */
	assert_non_null(strstr(f->diag.log, strstr(clade_device_get_info(f->device)->quirks, "oclgrind")
						    ? "input.cl"
						    : "toy_broken/toy.cl:4:12"));
	toy_close(&f->toy);
	clade_diag_reset(&f->diag);
	assert_int_equal(toy_open(&f->toy, f->device, &toy_missing, 8, false, 1, &f->diag), CLADE_ERR_DATA);
	assert_int_equal(f->diag.id, CLADE_MSG_BUILD);
	assert_non_null(strstr(f->diag.text, "toy_nowhere"));
	toy_close(&f->toy);
	clade_diag_reset(&f->diag);
	/* The device is as good as before. */
	OK(toy_open(&f->toy, f->device, &toy_cl, 8, false, 1, &f->diag));
	OK(toy_run(&f->toy, &f->diag));
	OK(toy_check(&f->toy, 2.0f, &f->diag));
}

static void profiling_measures(void **state)
{
	struct toy_world *f = *state;
	struct clade_queue *queue;
	struct clade_exec *exec;

	OK(toy_open(&f->toy, f->device, &toy_cl, 4096, false, 20, &f->diag));
	OK(clade_queue_create(f->device, true, &queue, &f->diag));
	OK(clade_exec_create(f->toy.step, queue, &exec, &f->diag));
	for (int i = 0; i < 3; i++) {
		OK(clade_exec_run(exec, NULL, f->toy.inputs, f->toy.outputs, f->toy.scratch, &f->diag));
		OK(clade_queue_finish(queue, &f->diag));
		if (clade_device_get_info(f->device)->profiling)
			assert_true(clade_exec_device_ns(exec) > 0);
	}
	clade_exec_destroy(&exec);
	clade_queue_destroy(&queue);
	OK(toy_check(&f->toy, 2.0f, &f->diag));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(describes_itself, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(is_chosen_by_words, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(buffers_move_bytes, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(limits_are_checked, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(kernels_run, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(empty_work_is_no_launch, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(offsets_are_elements, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(arguments_follow_buffers, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(params_change_between_runs, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(runs_are_repeated, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(build_errors_carry_the_log, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(profiling_measures, setup, toy_world_close),
	};

	return cmocka_run_group_tests_name("OpenCL device", tests, NULL, NULL);
}

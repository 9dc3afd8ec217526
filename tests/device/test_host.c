/* SPDX-License-Identifier: MIT */
/* The host device: listing, opening, buffers and steps in reference C. */
#include "toy.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static int setup(void **state)
{
	return toy_world_open("ref", state);
}

static void lists_ref_first(void **state)
{
	struct toy_world *f = *state;
	struct clade_device_info *infos;
	size_t count;

	assert_int_equal(clade_device_list(f->context, &infos, &count, &f->diag), CLADE_OK);
	assert_true(count >= 1);
	assert_string_equal(infos[0].id, "ref");
	assert_int_equal(infos[0].kind, CLADE_DEVICE_HOST);
	for (size_t i = 1; i < count; i++)
		assert_true(infos[i].rank < infos[0].rank);
	clade_device_list_free(f->context, &infos);
	assert_null(infos);
}

static void buffers_move_bytes(void **state)
{
	struct toy_world *f = *state;
	struct clade_buffer *a, *b, *empty;
	unsigned char in[64], out[64];

	for (int i = 0; i < 64; i++)
		in[i] = (unsigned char)(i * 3 + 1);
	assert_int_equal(clade_buffer_create(f->device, 64, &a, &f->diag), CLADE_OK);
	assert_int_equal(clade_buffer_create(f->device, 64, &b, &f->diag), CLADE_OK);
	assert_int_equal(clade_buffer_create(f->device, 0, &empty, &f->diag), CLADE_OK);
	assert_int_equal(clade_buffer_size(a), 64);
	assert_int_equal((uintptr_t)clade_buffer_host(a) % 64, 0);
	assert_int_equal(clade_buffer_write(f->queue, a, 0, in, 64, true, &f->diag), CLADE_OK);
	assert_int_equal(clade_buffer_fill(f->queue, b, 0, 64, 0xa1b2c3d4u, &f->diag), CLADE_OK);
	assert_int_equal(clade_buffer_copy(f->queue, a, 8, b, 16, 20, &f->diag), CLADE_OK);
	assert_int_equal(clade_buffer_read(f->queue, b, 0, out, 64, true, &f->diag), CLADE_OK);
	assert_memory_equal(out + 16, in + 8, 20);
	assert_int_equal(out[15], 0xa1);
	assert_int_equal(out[36], 0xd4);
	assert_int_equal(clade_buffer_write(f->queue, empty, 0, NULL, 0, true, &f->diag), CLADE_OK);
	clade_buffer_unref(&a);
	clade_buffer_unref(&b);
	clade_buffer_unref(&empty);
	assert_null(a);
}

static void ranges_are_checked(void **state)
{
	struct toy_world *f = *state;
	struct clade_buffer *a;
	char bytes[32];
	static const struct {
		size_t offset, bytes;
	} bad[] = { { 0, 33 }, { 32, 1 }, { 1, 32 }, { SIZE_MAX, 2 }, { 8, SIZE_MAX } };

	assert_int_equal(clade_buffer_create(f->device, 32, &a, &f->diag), CLADE_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		clade_diag_reset(&f->diag);
		assert_int_equal(clade_buffer_write(f->queue, a, bad[i].offset, bytes, bad[i].bytes, true, &f->diag),
				 CLADE_ERR_ARGUMENT);
		assert_int_equal(clade_buffer_read(f->queue, a, bad[i].offset, bytes, bad[i].bytes, true, NULL),
				 CLADE_ERR_ARGUMENT);
		assert_int_equal(clade_buffer_fill(f->queue, a, bad[i].offset, bad[i].bytes, 0, NULL),
				 CLADE_ERR_ARGUMENT);
		assert_int_equal(f->diag.id, CLADE_MSG_ARGUMENT);
	}
	assert_int_equal(clade_buffer_copy(f->queue, a, 0, a, 8, 16, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_buffer_copy(f->queue, a, 0, a, 16, 16, NULL), CLADE_OK);
	assert_int_equal(clade_buffer_fill(f->queue, a, 2, 4, 0, NULL), CLADE_ERR_ARGUMENT);
	clade_buffer_unref(&a);
	clade_diag_reset(&f->diag);
	assert_int_equal(clade_buffer_create(f->device, SIZE_MAX - 8, &a, &f->diag), CLADE_ERR_MEMORY);
	assert_int_equal(f->diag.id, CLADE_MSG_LIMIT);
	assert_null(a);
}

static void reference_step_runs(void **state)
{
	struct toy_world *f = *state;
	struct toy_case toy;

	for (int with_b = 0; with_b < 2; with_b++) {
		assert_int_equal(toy_open(&toy, f->device, &toy_ref, 37, with_b, 1, &f->diag), CLADE_OK);
		assert_int_equal(toy_run(&toy, &f->diag), CLADE_OK);
		assert_int_equal(toy_check(&toy, 2.0f, &f->diag), CLADE_OK);
		struct toy_params other = { 3.0f, 1 };
		assert_int_equal(clade_exec_run(toy.exec, &other, toy.inputs, toy.outputs, toy.scratch, &f->diag),
				 CLADE_OK);
		assert_int_equal(toy_check(&toy, 3.0f, &f->diag), CLADE_OK);
		other.s = 4.0f; /* seen: what is repeated is the run, with what it was given */
		assert_int_equal(clade_exec_repeat(toy.exec, &f->diag), CLADE_OK);
		assert_int_equal(toy_check(&toy, 4.0f, &f->diag), CLADE_OK);
		assert_int_equal(clade_exec_device_ns(toy.exec), 0);
		toy_close(&toy);
	}
}

static void wrong_steps_are_refused(void **state)
{
	struct toy_world *f = *state;
	struct toy_case toy;
	struct clade_tensor gappy;

	assert_int_equal(toy_open(&toy, f->device, &toy_cl, 8, false, 1, &f->diag), CLADE_ERR_UNSUPPORTED);
	assert_int_equal(f->diag.id, CLADE_MSG_IMPL_REFUSED);
	assert_non_null(strstr(f->diag.text, "OpenCL devices only"));
	toy_close(&toy);
	clade_diag_reset(&f->diag);
	assert_int_equal(toy_open(&toy, f->device, &toy_ref, 8, false, 1, &f->diag), CLADE_OK);
	gappy = toy.tensors[0];
	gappy.type.dims[0] = 4;
	gappy.strides[0] = 2;
	toy.inputs[0] = &gappy;
	assert_int_equal(toy_run(&toy, &f->diag), CLADE_ERR_ARGUMENT);
	assert_non_null(strstr(f->diag.text, "gaps"));
	toy.inputs[0] = NULL;
	assert_int_equal(toy_run(&toy, NULL), CLADE_ERR_ARGUMENT);
	toy.inputs[0] = toy.inputs[1] = &toy.tensors[0];
	assert_int_equal(toy_run(&toy, NULL), CLADE_ERR_ARGUMENT);
	toy_close(&toy);
}

static void count_notes(void *user, enum clade_log_level level, const char *component, const char *text)
{
	int *notes = user;

	*notes += level == CLADE_LOG_NOTE && strstr(text, "ref") != NULL;
}

/* Run where no OpenCL driver can be seen: what asks for one fails, what asks for nothing gets ref and is told. */
static void without_opencl(void **state)
{
	int notes = 0;
	struct clade_context_params params = { .size = sizeof(params), .log = count_notes, .log_user = &notes };
	struct clade_context *context;
	struct clade_device_info *infos;
	struct clade_device *device;
	struct clade_diag diag;
	size_t count;

	clade_diag_init(&diag);
	assert_int_equal(clade_context_create(&params, &context, &diag), CLADE_OK);
	assert_int_equal(clade_device_list(context, &infos, &count, &diag), CLADE_OK);
	assert_int_equal(count, 1);
	clade_device_list_free(context, &infos);
	assert_int_equal(clade_device_open(context, "cl", &device, &diag), CLADE_ERR_DEVICE);
	assert_int_equal(diag.id, CLADE_MSG_DEVICE_NONE);
	assert_null(device);
	clade_diag_reset(&diag);
	assert_int_equal(clade_device_open(context, "cl:0.0", &device, &diag), CLADE_ERR_USAGE);
	assert_int_equal(diag.id, CLADE_MSG_DEVICE_UNKNOWN);
	assert_int_equal(notes, 0);
	assert_int_equal(clade_device_open(context, NULL, &device, NULL), CLADE_OK);
	assert_string_equal(clade_device_get_info(device)->id, "ref");
	assert_int_equal(notes, 1);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
}

/* A word that is nearly right gets the right one. */
static void suggests_the_nearest_name(void **state)
{
	struct toy_world *f = *state;
	struct clade_device *device;

	assert_int_equal(clade_device_open(f->context, "reff", &device, &f->diag), CLADE_ERR_USAGE);
	assert_int_equal(f->diag.id, CLADE_MSG_DEVICE_UNKNOWN);
	assert_non_null(strstr(f->diag.text, "did you mean 'ref'?"));
	clade_diag_reset(&f->diag);
	assert_int_equal(clade_device_open(f->context, "REFERENCE", &device, &f->diag), CLADE_OK);
	assert_string_equal(clade_device_get_info(device)->id, "ref");
	clade_device_unref(&device);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest none[] = { cmocka_unit_test(without_opencl) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_ref_first, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(buffers_move_bytes, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(ranges_are_checked, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(reference_step_runs, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(wrong_steps_are_refused, setup, toy_world_close),
		cmocka_unit_test_setup_teardown(suggests_the_nearest_name, setup, toy_world_close),
	};

	if (argc == 2 && !strcmp(argv[1], "none"))
		return cmocka_run_group_tests_name("no OpenCL", none, NULL, NULL);
	return cmocka_run_group_tests_name("host device", tests, NULL, NULL);
}

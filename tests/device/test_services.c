/* SPDX-License-Identifier: MIT */
/* What the host offers to prepare and run: each service used rightly and wrongly, on the host device and on the OpenCL
 * device that the environment shows (argument "cl"). */
#include "toy.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char kernels_text[] =
	"#include \"probe.clh\"\n"
	"__kernel void probe(__global int *y, ulong y_at, int a, uint b, long c, float d, __local int *t,\n"
	"                    __global const float *k, ulong k_at, __global const float *none, ulong none_at)\n"
	"{\n"
	"\tt[get_local_id(0) + 2 * get_local_id(1)] = 1;\n"
	"\tbarrier(CLK_LOCAL_MEM_FENCE);\n"
	"\tif (get_global_id(0) == 0 && get_global_id(1) == 0 && get_global_id(2) == 0) {\n"
	"\t\ty[y_at] = a;\n\t\ty[y_at + 1] = (int)b;\n\t\ty[y_at + 2] = (int)(c >> 32);\n"
	"\t\ty[y_at + 3] = (int)(d * 2.0f);\n\t\ty[y_at + 4] = (int)k[k_at + 1];\n"
	"\t\ty[y_at + 5] = none == 0 && none_at == 0;\n\t\ty[y_at + 6] = VW;\n\t\ty[y_at + 7] = PROBE;\n"
	"\t\ty[y_at + 8] = (int)get_global_size(0);\n\t\ty[y_at + 9] = (int)get_global_size(1);\n"
	"\t\ty[y_at + 10] = (int)get_global_size(2);\n\t\ty[y_at + 11] = t[0] + t[5];\n\t}\n"
	"}\n"
	"__kernel __attribute__((reqd_work_group_size(2, 1, 1))) void fixed(__global int *y, ulong y_at)\n"
	"{\n\ty[y_at + get_global_id(0)] = 9;\n}\n";
static const struct clade_kernel_source sources[] = {
	{ sizeof(struct clade_kernel_source), "probe/probe.cl", kernels_text },
	{ sizeof(struct clade_kernel_source), "probe.clh", "# include \"probe_inner.clh\"\n" },
	{ sizeof(struct clade_kernel_source), "probe_inner.clh",
	  "#ifndef P\n#define P\n#define PROBE (B * 10 + A)\n#endif\n" },
	{ sizeof(struct clade_kernel_source), "self/self.cl", "__kernel void f(void) {}\n#include \"self/self.cl\"\n" },
	{ sizeof(struct clade_kernel_source), "lost/lost.cl", "\n\n\t#\tinclude \"nowhere.clh\"\n" },
};

struct data {
	uint32_t slot, constant, scratch;
};

static enum clade_status entry(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = toy_entry(host, registry);

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]) && !status; i++)
		status = host->add_kernel(registry, &sources[i]);
	return status;
}

struct fixture {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_diag diag;
	struct toy_case toy;
	const char *selector;
	uint32_t needs;
};
static struct fixture fixture = { .selector = "ref", .needs = CLADE_NEEDS_HOST };

static int setup(void **state)
{
	struct fixture *f = &fixture;

	clade_diag_init(&f->diag);
	memset(&f->toy, 0, sizeof(f->toy));
	*state = f;
	if (!clade_context_create(NULL, &f->context, &f->diag) &&
	    !clade_context_register(f->context, entry, "", &f->diag) &&
	    !clade_device_open(f->context, f->selector, &f->device, &f->diag))
		return 0;
	print_error("setup: %s\n", f->diag.text);
	return 1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	toy_close(&f->toy);
	clade_device_unref(&f->device);
	clade_context_destroy(&f->context);
	clade_diag_finish(&f->diag);
	return 0;
}

static enum clade_status run_nothing(const struct clade_run *run)
{
	return CLADE_OK;
}

/* Opens a step of an implementation with this prepare and run. */
static enum clade_status try_impl(struct fixture *f, enum clade_status (*prepare)(struct clade_prepare *),
				  enum clade_status (*run)(const struct clade_run *))
{
	static struct clade_impl impl; /* must outlive the step */

	impl = (struct clade_impl) { .size = sizeof(impl),
				     .op = "toy",
				     .name = "try",
				     .doc = "",
				     .needs = f->needs,
				     .data_size = sizeof(struct data),
				     .prepare = prepare,
				     .run = run };
	toy_close(&f->toy);
	clade_diag_reset(&f->diag);
	return toy_open(&f->toy, f->device, &impl, 64, false, 1, &f->diag);
}

static enum clade_status prepare_many_scratch(struct clade_prepare *p)
{
	enum clade_status status = CLADE_OK;
	uint32_t slot;

	for (int i = 0; i < 1000 && !status; i++)
		status = p->host->scratch(p, 64, &slot);
	return status;
}

static enum clade_status prepare_many_constants(struct clade_prepare *p)
{
	const struct clade_type type = { CLADE_F32, 1, { 1 } };
	const float one = 1;
	enum clade_status status = CLADE_OK;
	uint32_t slot;

	for (int i = 0; i < 1000 && !status; i++)
		status = p->host->constant(p, &type, &one, &slot);
	return status;
}

static enum clade_status prepare_symbolic_constant(struct clade_prepare *p)
{
	const struct clade_type type = { CLADE_F32, 1, { -3 } };
	const float one = 1;
	uint32_t slot;

	return p->host->constant(p, &type, &one, &slot);
}

static enum clade_status prepare_far_layout(struct clade_prepare *p)
{
	return p->host->layout(p, 2, (struct clade_layout) { CLADE_LAYOUT_PANEL, 32 });
}

static enum clade_status prepare_silent_failure(struct clade_prepare *p)
{
	return CLADE_ERR_DATA;
}

static enum clade_status prepare_spoken_failure(struct clade_prepare *p)
{
	p->host->prepare_fail(p, CLADE_ERR_UNSUPPORTED, "rows of %d are too %s", 7, "short");
	return CLADE_ERR_UNSUPPORTED;
}

#define KERNEL(name, source, function, defines)                                                                        \
	static enum clade_status name(struct clade_prepare *p)                                                         \
	{                                                                                                              \
		return p->host->kernel(p, source, function, defines, &((struct data *)p->data)->slot);                 \
	}
KERNEL(prepare_unknown_source, "probe/nothing.cl", "f", NULL)
KERNEL(prepare_null_function, "probe/probe.cl", NULL, NULL)
KERNEL(prepare_define_without_value, "probe/probe.cl", "probe", "A")
KERNEL(prepare_define_with_blank_name, "probe/probe.cl", "probe", "=2")
KERNEL(prepare_define_with_code, "probe/probe.cl", "probe", "A=1;B=2")
KERNEL(prepare_define_with_digit, "probe/probe.cl", "probe", "1A=2")
KERNEL(prepare_self, "self/self.cl", "f", NULL)
KERNEL(prepare_lost, "lost/lost.cl", "f", NULL)
KERNEL(prepare_probe, "probe/probe.cl", "probe", "B=4  A=2 VW=1")
KERNEL(prepare_fixed, "probe/probe.cl", "fixed", "A=2 VW=1 B=4")

static void wrong_requests_are_refused(void **state)
{
	struct fixture *f = *state;
	bool cl = f->needs == CLADE_NEEDS_OPENCL;
	const struct {
		enum clade_status (*prepare)(struct clade_prepare *);
		enum clade_status status;
		const char *text;
	} cases[] = {
		{ prepare_many_scratch, CLADE_ERR_ARGUMENT, "at most" },
		{ prepare_many_constants, CLADE_ERR_ARGUMENT, "at most" },
		{ prepare_symbolic_constant, CLADE_ERR_ARGUMENT, "concrete" },
		{ prepare_far_layout, CLADE_ERR_ARGUMENT, "no input 2" },
		{ prepare_silent_failure, CLADE_ERR_DATA, "gave no reason" },
		{ prepare_spoken_failure, CLADE_ERR_UNSUPPORTED, "rows of 7 are too short" },
		{ prepare_null_function, CLADE_ERR_ARGUMENT, "must not be NULL" },
		{ prepare_unknown_source, cl ? CLADE_ERR_DATA : CLADE_ERR_ARGUMENT,
		  cl ? "not registered" : "host device" },
		{ prepare_define_without_value, CLADE_ERR_ARGUMENT, cl ? "NAME=VALUE" : "host device" },
		{ prepare_define_with_blank_name, CLADE_ERR_ARGUMENT, cl ? "NAME=VALUE" : "host device" },
		{ prepare_define_with_code, CLADE_ERR_ARGUMENT, cl ? "NAME=VALUE" : "host device" },
		{ prepare_define_with_digit, CLADE_ERR_ARGUMENT, cl ? "NAME=VALUE" : "host device" },
		{ prepare_self, cl ? CLADE_ERR_DATA : CLADE_ERR_ARGUMENT, cl ? "deep" : "host device" },
		{ prepare_lost, cl ? CLADE_ERR_DATA : CLADE_ERR_ARGUMENT, cl ? "nowhere.clh" : "host device" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum clade_status status = try_impl(f, cases[i].prepare, run_nothing);

		if (status != cases[i].status || !strstr(f->diag.text, cases[i].text))
			print_error("case %zu gave %d: %s\n", i, (int)status, f->diag.text);
		assert_int_equal(status, cases[i].status);
		assert_non_null(strstr(f->diag.text, cases[i].text));
		if (strstr(cases[i].text, "nowhere"))
			assert_string_equal(f->diag.where, "lost/lost.cl:3");
	}
}

static enum clade_status prepare_all(struct clade_prepare *p)
{
	const struct clade_type type = { CLADE_F32, 2, { 2, 2 } };
	const float values[] = { 1, 20, 3, 4 };
	struct data *data = p->data;
	uint32_t first;
	enum clade_status status = p->host->constant(p, &type, values, &first);

	if (!status)
		status = p->host->constant(p, &type, values, &data->constant);
	if (!status)
		status = p->host->scratch(p, 96, &data->scratch);
	if (!status)
		status = p->host->layout(p, 0, (struct clade_layout) { CLADE_LAYOUT_PANEL, 32 });
	assert_int_equal(first, 0);
	assert_int_equal(data->constant, 1);
	if (!status && p->node->device->kind != CLADE_DEVICE_HOST)
		status = prepare_probe(p);
	return status;
}

static enum clade_status host_run(const struct clade_run *run)
{
	const struct data *data = run->data;
	const float *values = run->constants[data->constant]->data;
	struct clade_native native = { .size = sizeof(native) };
	enum clade_status status = run->host->native(run, &native);

	((float *)run->outputs[0]->data)[0] = values[1];
	if (status || native.device || run->host->native_buffer(run, run->outputs[0]))
		return run->host->run_fail(run, CLADE_ERR_MISMATCH, "native handles on the host");
	return CLADE_OK;
}

static enum clade_status cl_run(const struct clade_run *run)
{
	const struct data *data = run->data;
	struct clade_tensor y = *run->outputs[0];
	struct clade_native native = { .size = sizeof(native) }, small = { .size = 4 };
	const struct clade_arg args[] = { CLADE_TENSOR(&y),
					  CLADE_INT(-5),
					  CLADE_UINT(6),
					  CLADE_LONG(7ll << 32),
					  CLADE_FLOAT(4),
					  { CLADE_ARG_LOCAL, { .bytes = 24 } },
					  CLADE_TENSOR(run->constants[data->constant]),
					  CLADE_TENSOR(NULL) };
	const uint64_t global[3] = { 3, 4, 2 };
	const uint32_t local[3] = { 2, 3, 1 };
	enum clade_status status = run->host->native(run, &native);

	if (status || !native.platform || !native.device || !native.context || !native.queue ||
	    !run->host->native_buffer(run, &y) || run->host->native_buffer(run, NULL))
		return run->host->run_fail(run, CLADE_ERR_MISMATCH, "no native handles");
	if (run->host->native(run, &small) == CLADE_OK)
		return CLADE_ERR_MISMATCH;
	return run->host->launch(run, data->slot, args, 8, global, local);
}

static void right_requests_are_met(void **state)
{
	struct fixture *f = *state;
	bool cl = f->needs == CLADE_NEEDS_OPENCL;
	static const int expected[] = { -5, 6, 7, 8, 20, 1, 1, 42, 4, 6, 2, 2 };
	enum clade_status status = try_impl(f, prepare_all, cl ? cl_run : host_run);
	int values[12];
	float first;

	if (status)
		print_error("%s\n", f->diag.text);
	assert_int_equal(status, CLADE_OK);
	assert_int_equal(clade_step_layout(f->toy.step, 0).kind, CLADE_LAYOUT_PANEL);
	assert_int_equal(clade_step_layout(f->toy.step, 1).kind, CLADE_LAYOUT_ROWS);
	assert_int_equal(clade_step_layout(f->toy.step, 9).kind, CLADE_LAYOUT_ROWS);
	assert_int_equal(clade_step_scratch_count(f->toy.step), 1);
	assert_int_equal(clade_step_scratch_bytes(f->toy.step, 0), 96);
	assert_int_equal(clade_step_scratch_bytes(f->toy.step, 1), 0);
	assert_string_equal(clade_step_impl(f->toy.step)->name, "try");
	assert_ptr_equal(clade_step_op(f->toy.step), &toy_op);
	status = toy_run(&f->toy, NULL);
	assert_int_equal(status, CLADE_OK);
	assert_int_equal(clade_buffer_read(f->toy.queue, f->toy.buffers[2], 0, values, sizeof(values), true, NULL),
			 CLADE_OK);
	memcpy(&first, values, sizeof(first));
	if (cl)
		assert_memory_equal(values, expected, sizeof(expected));
	else
		assert_true(first == 20.0f);
}

static enum clade_status run_silent_failure(const struct clade_run *run)
{
	return CLADE_ERR_UNSUPPORTED;
}

static enum clade_status run_far_slot(const struct clade_run *run)
{
	const uint64_t global[3] = { 1, 1, 1 };

	return run->host->launch(run, 3, NULL, 0, global, NULL);
}

static enum clade_status run_fixed(const struct clade_run *run)
{
	const struct clade_arg args[] = { CLADE_TENSOR(run->outputs[0]) };
	const uint64_t global[3] = { 4, 1, 1 };
	const uint32_t wrong[3] = { 4, 1, 1 }, right[3] = { 2, 1, 1 }, zero[3] = { 0, 1, 1 };
	const struct data *data = run->data;

	if (run->host->launch(run, data->slot, args, 1, global, right))
		return CLADE_ERR_MISMATCH;
	return run->host->launch(run, data->slot, args, 1, global, run->inputs[1] ? zero : wrong);
}

static enum clade_status run_without_args(const struct clade_run *run)
{
	const uint64_t global[3] = { 4, 1, 1 };
	const uint32_t local[3] = { 2, 1, 1 };

	return run->host->launch(run, 0, NULL, 0, global, local);
}

static enum clade_status run_zero_local(const struct clade_run *run)
{
	const uint64_t global[3] = { 4, 1, 1 };
	const uint32_t local[3] = { 0, 1, 1 };

	return run->host->launch(run, 0, NULL, 0, global, local);
}

static void wrong_runs_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct {
		enum clade_status (*prepare)(struct clade_prepare *);
		enum clade_status (*run)(const struct clade_run *);
		enum clade_status status;
		const char *text;
		bool cl_only;
	} cases[] = {
		{ NULL, run_silent_failure, CLADE_ERR_UNSUPPORTED, "gave no reason", false },
		{ NULL, run_far_slot, CLADE_ERR_ARGUMENT, "a slot below 0", false },
		{ prepare_fixed, run_fixed, CLADE_ERR_ARGUMENT, "reqd_work_group_size is 2", true },
		{ prepare_fixed, run_without_args, CLADE_ERR_ARGUMENT, "the kernel has 2", true },
		{ prepare_fixed, run_zero_local, CLADE_ERR_UNSUPPORTED, "a group of 0 items", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].cl_only && f->needs != CLADE_NEEDS_OPENCL)
			continue;
		assert_int_equal(try_impl(f, cases[i].prepare, cases[i].run), CLADE_OK);
		assert_int_equal(toy_run(&f->toy, &f->diag), cases[i].status);
		if (!strstr(f->diag.text, cases[i].text))
			print_error("case %zu: %s\n", i, f->diag.text);
		assert_non_null(strstr(f->diag.text, cases[i].text));
	}
}

static void null_arguments_are_refused(void **state)
{
	struct fixture *f = *state;
	struct clade_device_counters counters = { .launches = 7 };
	struct clade_queue *queue = NULL;
	struct clade_buffer *buffer = NULL, *again;
	struct clade_step *step = NULL;
	struct clade_exec *exec = NULL;
	struct clade_device *device = NULL;
	struct clade_device_info *infos;
	size_t count;

	assert_int_equal(clade_device_list(NULL, &infos, &count, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_device_open(f->context, "ref", NULL, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_queue_create(NULL, false, &queue, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_queue_finish(NULL, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_buffer_create(f->device, 4, NULL, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_buffer_create(NULL, 4, &buffer, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_buffer_write(NULL, NULL, 0, "", 1, true, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_step_create(f->device, NULL, NULL, NULL, &step, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_steps_build(f->device, NULL, 1, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_steps_build(f->device, &step, 1, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_steps_build(f->device, NULL, 0, NULL), CLADE_OK);
	assert_int_equal(clade_exec_create(NULL, NULL, &exec, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_exec_run(NULL, NULL, NULL, NULL, NULL, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_exec_device_ns(NULL), 0);
	assert_int_equal(clade_buffer_size(NULL), 0);
	assert_null(clade_buffer_host(NULL));
	assert_null(clade_device_get_info(NULL));
	clade_device_get_counters(NULL, &counters);
	assert_int_equal(counters.launches, 0);
	clade_device_unref(&device);
	clade_device_unref(NULL);
	clade_queue_destroy(&queue);
	clade_buffer_unref(&buffer);
	clade_step_destroy(&step);
	clade_exec_destroy(&exec);
	clade_device_save_programs(NULL);
	clade_device_list_free(f->context, NULL);
	assert_int_equal(clade_buffer_create(f->device, 64, &buffer, NULL), CLADE_OK);
	assert_int_equal(clade_queue_create(f->device, false, &queue, NULL), CLADE_OK);
	assert_int_equal(clade_buffer_write(queue, buffer, 0, NULL, 4, true, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_buffer_read(queue, buffer, 0, NULL, 4, true, NULL), CLADE_ERR_ARGUMENT);
	assert_ptr_equal(clade_buffer_ref(buffer), buffer);
	device = clade_device_ref(f->device);
	clade_device_unref(&device);
	clade_queue_destroy(&queue);
	again = buffer;
	clade_buffer_unref(&buffer);
	clade_buffer_unref(&again);
}

/* A device outlives its handle as long as something made from it exists; devices do not mix. */
static void devices_stay_apart(void **state)
{
	struct fixture *f = *state;
	struct clade_device *other;
	struct clade_queue *queue;
	struct clade_exec *exec;
	char byte = 0;

	assert_int_equal(try_impl(f, NULL, run_nothing), CLADE_OK);
	assert_int_equal(clade_device_open(f->context, f->selector, &other, &f->diag), CLADE_OK);
	assert_int_equal(clade_queue_create(other, false, &queue, &f->diag), CLADE_OK);
	assert_int_equal(clade_exec_create(f->toy.step, queue, &exec, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_buffer_write(queue, f->toy.buffers[0], 0, &byte, 1, true, NULL), CLADE_ERR_ARGUMENT);
	assert_int_equal(clade_steps_build(other, &f->toy.step, 1, NULL), CLADE_ERR_ARGUMENT);
	clade_device_unref(&other);
	assert_int_equal(clade_queue_finish(queue, &f->diag), CLADE_OK);
	clade_queue_destroy(&queue);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wrong_requests_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(right_requests_are_met, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_runs_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(null_arguments_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(devices_stay_apart, setup, teardown),
	};

	if (argc == 2 && !strcmp(argv[1], "cl")) {
		fixture.selector = "cl";
		fixture.needs = CLADE_NEEDS_OPENCL;
	}
	return cmocka_run_group_tests_name("services of the host", tests, NULL, NULL);
}

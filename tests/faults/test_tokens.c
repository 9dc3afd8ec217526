/* SPDX-License-Identifier: MIT */
/* Tokens 2..N of the model that ships: seen from outside, by an OpenCL driver and a malloc that count, they only send,
 * launch and fetch; each launch does something; and thousands of them keep nothing.
 * usage: test_tokens MODEL_FOLDER */
#include "../session/session_test.h"
#include "allocs.h"
#include "shim.h"

#include <stdio.h>
#include <unistd.h>

enum { SOURCE = 9, TOKENS = 12, MAX_VOCAB = 128, CAPACITY = 16 };

static const char *model_folder;
static struct shim shim;
static struct allocs allocs;

struct dates {
	struct fixture *f;
	struct clade_store *store;
	struct clade_graph *graph;
	struct clade_device *cl;
};

static int setup(void **state)
{
	struct dates *d = calloc(1, sizeof(*d));
	char path[512];

	if (!shim_connect(&shim, getenv("CLADE_TEST_SHIM")) || !allocs_connect(&allocs)) {
		print_error("the shim (CLADE_TEST_SHIM) or the counting malloc (LD_PRELOAD) is not there\n");
		return 1;
	}
	shim.reset();
	allocs.reset();
	fixture_setup((void **)&d->f);
	snprintf(path, sizeof(path), "%s/model.graph", model_folder);
	fixture_model(d->f, model_folder, path, &d->store, &d->graph);
	assert_int_equal(d->f->device_count, 2); /* ref and the driver behind the shim */
	d->cl = d->f->devices[1];
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct dates *d = *state;
	void *fixture = d->f;

	clade_graph_destroy(&d->graph);
	clade_store_destroy(&d->store);
	fixture_teardown(&fixture);
	free(d);
	assert_int_equal(shim.live("all"), 0);
	return 0;
}

static void encode(struct dates *d, struct clade_session *session)
{
	int32_t ids[SOURCE] = { 0 }, mask[SOURCE] = { 0 };
	struct clade_input inputs[] = { i32_input("input_ids", ids, 2, DIMS(1, SOURCE)),
					i32_input("attention_mask", mask, 2, DIMS(1, SOURCE)) };

	for (int i = 0; i < SOURCE; i++) {
		ids[i] = 4 + 3 * i % 17;
		mask[i] = 1;
	}
	REQUIRE_OK(d->f, clade_session_run(session, "encode", inputs, 2, &d->f->diag));
}

/* One token at one position; its logits go to the caller's memory. Nothing here allocates. */
static enum clade_status decode(struct dates *d, struct clade_session *session, int32_t token, int32_t position,
				float *logits)
{
	struct clade_input inputs[] = { i32_input("decoder_input_ids", &token, 2, DIMS(1, 1)),
					i32_input("decoder_position_ids", &position, 2, DIMS(1, 1)) };
	enum clade_status status = clade_session_run(session, "decode", inputs, 2, &d->f->diag);

	return status ? status : clade_session_output(session, "logits", NULL, logits, &d->f->diag);
}

static int64_t vocab_of(struct dates *d, struct clade_session *session)
{
	struct clade_type type;

	REQUIRE_OK(d->f, clade_session_output(session, "logits", &type, NULL, &d->f->diag));
	assert_in_range(type.dims[2], 8, MAX_VOCAB);
	return type.dims[2];
}

/* What the next step is fed with. Any token would do; this one depends on the logits. */
static int32_t best(const float *logits, int64_t vocab)
{
	int32_t best = 0;

	for (int32_t i = 1; i < vocab; i++)
		if (logits[i] > logits[best])
			best = i;
	return best;
}

/* The same tokens by reference C: what all of this must give. */
struct answer {
	int64_t vocab;
	int32_t tokens[TOKENS + 1]; /* fed at each position */
	float logits[TOKENS][MAX_VOCAB];
};

static struct answer reference(struct dates *d, unsigned long *out_allocations)
{
	struct clade_session *session = fixture_session(d->f, d->graph, d->f->devices[0], NULL, CAPACITY);
	struct answer answer = { .tokens = { 1 } };

	encode(d, session);
	for (int32_t t = 0; t < TOKENS; t++) {
		if (t == 1)
			allocs.reset();
		REQUIRE_OK(d->f, decode(d, session, answer.tokens[t], t, answer.logits[t]));
		if (t == 0)
			answer.vocab = vocab_of(d, session);
		answer.tokens[t + 1] = best(answer.logits[t], answer.vocab);
	}
	*out_allocations = allocs.all();
	clade_session_destroy(&session);
	return answer;
}

/* Steps of the entry that run on `device` and do work. */
static unsigned long device_steps(const struct clade_session *session, const char *entry, struct clade_device *device)
{
	const char *id = clade_device_get_info(device)->id;
	struct clade_plan_step step;
	unsigned long count = 0;

	for (size_t i = 0; clade_session_step(session, entry, i, &step); i++)
		count += !step.is_view && !step.is_copy && !strcmp(step.device, id);
	return count;
}

static unsigned long transfers(void)
{
	return shim.count("clEnqueueWriteBuffer") + shim.count("clEnqueueReadBuffer") +
	       shim.count("clEnqueueCopyBuffer") + shim.count("clEnqueueFillBuffer");
}

static void made_nothing(void)
{
	static const char *const calls[] = {
		"clCreateContext",           "clCreateCommandQueue",      "clCreateBuffer",
		"clCreateProgramWithSource", "clCreateProgramWithBinary", "clBuildProgram",
		"clGetProgramInfo",          "clGetProgramBuildInfo",     "clCreateKernel",
		"clGetKernelInfo",           "clGetKernelWorkGroupInfo",  "clGetDeviceInfo"
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (shim.count(calls[i]))
			print_error("%s was called\n", calls[i]);
		assert_int_equal(shim.count(calls[i]), 0);
	}
	assert_int_equal(allocs.count(), 0);
	assert_int_equal(allocs.frees(), 0);
}

static void tokens_only_enqueue(void **state)
{
	struct dates *d = *state;
	unsigned long ignored, launches = 0, arguments = 0, steps;
	struct answer answer = reference(d, &ignored);
	struct clade_session *session = fixture_session(d->f, d->graph, d->cl, NULL, CAPACITY);
	int32_t two[2] = { 3, 4 }, positions[2] = { TOKENS, TOKENS + 1 };
	struct clade_input inputs[] = { i32_input("decoder_input_ids", two, 2, DIMS(1, 2)),
					i32_input("decoder_position_ids", positions, 2, DIMS(1, 2)) };
	float logits[MAX_VOCAB];

	encode(d, session);
	REQUIRE_OK(d->f, decode(d, session, answer.tokens[0], 0, logits));
	steps = device_steps(session, "decode", d->cl);
	assert_in_range(steps, 20, 1000);
	for (int32_t t = 1; t < TOKENS; t++) {
		shim.reset();
		allocs.reset();
		REQUIRE_OK(d->f, decode(d, session, answer.tokens[t], t, logits));
		made_nothing();
		if (t == 1)
			launches = shim.count("clEnqueueNDRangeKernel");
		arguments = shim.count("clSetKernelArg");
		assert_int_equal(shim.count("clEnqueueNDRangeKernel"), launches);
		assert_int_equal(shim.count("clFinish"), 1);
		assert_int_equal(transfers(), 3); /* token, position, logits */
		/* and there is nothing else at all */
		assert_int_equal(shim.count("any"), launches + arguments + 3 + 1);
		assert_memory_equal(logits, answer.logits[t], (size_t)answer.vocab * sizeof(float));
	}
	assert_true(launches >= steps);
	print_message("a token: %lu device steps, %lu launches, %lu arguments set, 3 transfers, 1 finish\n", steps,
		      launches, arguments);
	/* What is not warm is seen by the same counters: two tokens at once are planned anew. */
	shim.reset();
	allocs.reset();
	REQUIRE_OK(d->f, clade_session_run(session, "decode", inputs, 2, &d->f->diag));
	assert_true(allocs.count() > 0 && shim.count("clCreateKernel") > 0);
	clade_session_destroy(&session);
}

/* On ref no driver allocates, so nobody at all may: not by libc's functions either. */
static void tokens_on_ref_leave_malloc_alone(void **state)
{
	unsigned long allocations;

	reference(*state, &allocations);
	assert_int_equal(allocations, 0);
}

/* Without any one of a token's launches its logits are wrong, so all of them do the token's work. */
static void each_launch_matters(void **state)
{
	struct dates *d = *state;
	unsigned long ignored, launches, idle = 0;
	struct answer answer = reference(d, &ignored);
	struct clade_session *session = fixture_session(d->f, d->graph, d->cl, NULL, CAPACITY);
	size_t bytes = (size_t)answer.vocab * sizeof(float);
	float logits[MAX_VOCAB];

	encode(d, session);
	for (int32_t t = 0; t < 4; t++) {
		shim.reset();
		REQUIRE_OK(d->f, decode(d, session, answer.tokens[t], t, logits));
	}
	launches = shim.count("clEnqueueNDRangeKernel");
	for (unsigned long n = 1; n <= launches; n++) {
		/* another token and position in between, so that memory does not hold the right values already */
		REQUIRE_OK(d->f, decode(d, session, answer.tokens[0], 0, logits));
		REQUIRE_OK(d->f, decode(d, session, 5, 3, logits));
		shim.drop(n);
		REQUIRE_OK(d->f, decode(d, session, answer.tokens[3], 3, logits));
		if (!memcmp(logits, answer.logits[3], bytes)) {
			print_error("launch %lu changes nothing\n", n);
			idle++;
		}
		shim.drop(0);
		REQUIRE_OK(d->f, decode(d, session, answer.tokens[3], 3, logits));
		assert_memory_equal(logits, answer.logits[3], bytes);
	}
	print_message("%lu launches dropped in turn\n", launches);
	assert_int_equal(idle, 0);
	clade_session_destroy(&session);
}

static unsigned long builds(void)
{
	return shim.count("clCreateProgramWithSource") + shim.count("clCreateProgramWithBinary") +
	       shim.count("clBuildProgram");
}

enum { LONGEST = 20 };

/* The small decoder over positions [first, first + rows). */
static void run_rows(struct dates *d, struct clade_session *session, int first, int rows, float *out)
{
	float x[8 * LONGEST];
	int32_t pos[LONGEST];
	struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(1, rows, 8)),
					i32_input("pos", pos, 2, DIMS(1, rows)) };

	fixture_random(x, 8 * (size_t)rows, 5);
	for (int i = 0; i < rows; i++)
		pos[i] = first + i;
	REQUIRE_OK(d->f, clade_session_run(session, "decode", inputs, 2, &d->f->diag));
	REQUIRE_OK(d->f, clade_session_output(session, "y", NULL, out, &d->f->diag));
}

/* What was planned is ready: its first run makes no program and no kernel, in whatever bucket. */
static void first_runs_build_nothing(void **state)
{
	static const int lengths[] = { 1, 5, LONGEST };
	struct dates *d = *state;
	struct clade_store *store = fixture_decoder_store(d->f);
	struct clade_graph *graph = fixture_graph(d->f, fixture_decoder_text, store);
	float answers[2][8 * LONGEST];

	for (int on = 0; on < 2; on++) {
		struct clade_session *session =
			fixture_session(d->f, graph, on ? d->cl : d->f->devices[0], NULL, CAPACITY * 2);
		struct clade_session_counters planned, run;

		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			char length[16];
			const char *dims[] = { "B=1", length, NULL };

			snprintf(length, sizeof(length), "T=%d", lengths[i]);
			shim.reset();
			REQUIRE_OK(d->f, clade_session_plan(session, "decode", dims, &d->f->diag));
			assert_true(shim.count("clCreateKernel") > 0 || !on);
			clade_session_get_counters(session, &planned);
			shim.reset();
			run_rows(d, session, 0, lengths[i], answers[on]);
			assert_int_equal(builds() + shim.count("clCreateKernel") + shim.count("clCreateBuffer"), 0);
			clade_session_get_counters(session, &run);
			assert_int_equal(run.plans, planned.plans);
			assert_int_equal(run.plans, i + 1);
			assert_int_equal(run.binds, planned.binds);
		}
		clade_session_destroy(&session);
	}
	assert_memory_equal(answers[0], answers[1], sizeof(answers[0]));
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

/* Steps that are expected wait for no program; the same steps unforeseen do. */
static void expected_steps_build_nothing(void **state)
{
	struct dates *d = *state;
	struct clade_store *store = fixture_decoder_store(d->f);
	struct clade_graph *graph = fixture_graph(d->f, fixture_decoder_text, store);
	float answer[8 * LONGEST], steps[2][8];

	for (int expected = 0; expected < 2; expected++) {
		struct clade_device *device;
		struct clade_session *session;

		REQUIRE_OK(d->f, clade_device_open(d->f->context, "cl", &device, &d->f->diag));
		session = fixture_session(d->f, graph, device, NULL, CAPACITY * 2);
		if (expected)
			clade_session_expect_steps(session);
		shim.reset();
		run_rows(d, session, 0, LONGEST, answer);
		assert_true(builds() > 0);
		shim.reset();
		run_rows(d, session, LONGEST, 1, steps[expected]);
		assert_true(shim.count("clCreateKernel") > 0);
		assert_int_equal(builds() > 0, !expected);
		clade_session_destroy(&session);
		clade_device_unref(&device);
	}
	assert_memory_equal(steps[0], steps[1], sizeof(steps[0]));
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

/* Resident memory in bytes. */
static long resident(void)
{
	long size = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &size, &pages), 2);
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* `total` tokens of the small decoder, a new text every 32; RSS must not rise after the first fifth. */
static void soak(struct dates *d, bool profiling, int total)
{
	struct clade_store *store = fixture_decoder_store(d->f);
	struct clade_graph *graph = fixture_graph(d->f, fixture_decoder_text, store);
	struct clade_choices choices = { .size = sizeof(choices), .profiling = profiling };
	struct clade_session *session = fixture_session(d->f, graph, d->cl, &choices, 32);
	unsigned long launches = 0, reads = 0;
	long start = 0, live = 0, grown;
	float x[8], y[8];

	for (int i = 0; i < total; i++) {
		int32_t pos = i % 32;
		struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(1, 1, 8)),
						i32_input("pos", &pos, 2, DIMS(1, 1)) };

		if (pos == 0)
			REQUIRE_OK(d->f, clade_session_reset(session, &d->f->diag));
		fixture_random(x, 8, (uint32_t)i);
		REQUIRE_OK(d->f, clade_session_run(session, "decode", inputs, 2, &d->f->diag));
		REQUIRE_OK(d->f, clade_session_output(session, "y", NULL, y, &d->f->diag));
		if (i == total / 5) {
			start = resident();
			live = shim.live("all");
			shim.reset();
			allocs.reset();
		}
	}
	grown = resident() - start;
	launches = shim.count("clEnqueueNDRangeKernel");
	reads = shim.count("clEnqueueReadBuffer");
	assert_int_equal(allocs.count(), 0);
	assert_int_equal(shim.live("all"), live);
	assert_int_equal(reads, total - 1 - total / 5);
	clade_session_destroy(&session);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
	assert_int_equal(shim.live("event"), 0);
	assert_int_equal(shim.live("buffer"), 0);
	print_message("%lu tokens, %lu launches%s: resident memory grew by %ld KiB\n", reads, launches,
		      profiling ? " with events" : "", grown / 1024);
	assert_true(grown < 256 * 1024);
}

static void ten_thousand_tokens_keep_nothing(void **state)
{
	soak(*state, false, 10000);
}

static void profiled_tokens_keep_no_events(void **state)
{
	soak(*state, true, 2000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tokens_only_enqueue, setup, teardown),
		cmocka_unit_test_setup_teardown(tokens_on_ref_leave_malloc_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(first_runs_build_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(expected_steps_build_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(each_launch_matters, setup, teardown),
		cmocka_unit_test_setup_teardown(ten_thousand_tokens_keep_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(profiled_tokens_keep_no_events, setup, teardown),
	};

	if (argc < 2)
		return 2;
	model_folder = argv[1];
	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}

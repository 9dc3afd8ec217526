/* SPDX-License-Identifier: MIT */
/* Several threads, a child process, and destruction under way. Runs on the device that the environment shows; with the
 * argument "ref" on the host device (for thread sanitizers). */
#include "toy.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { THREADS = 4, RUNS = 50 };
static const char *selector = "cl";
static const struct clade_impl *impl = &toy_cl;

struct worker {
	struct clade_context *context;
	struct clade_device *device; /* NULL: the thread opens its own context and device */
	enum clade_status status;
	struct clade_diag diag;
};

static void *work(void *user)
{
	struct worker *w = user;
	bool own = w->device == NULL;
	struct toy_case toy;

	memset(&toy, 0, sizeof(toy));
	if (own) {
		w->status = clade_context_create(NULL, &w->context, &w->diag);
		if (!w->status)
			w->status = clade_context_register(w->context, toy_entry, "", &w->diag);
		if (!w->status)
			w->status = clade_device_open(w->context, selector, &w->device, &w->diag);
	}
	if (!w->status)
		w->status = toy_open(&toy, w->device, impl, 1000, true, 2, &w->diag);
	for (int i = 0; i < RUNS && !w->status; i++) {
		struct toy_params params = { (float)i, 1 };

		w->status = clade_exec_run(toy.exec, &params, toy.inputs, toy.outputs, toy.scratch, &w->diag);
		if (!w->status)
			w->status = toy_check(&toy, (float)i, &w->diag);
	}
	toy_close(&toy);
	if (own) {
		clade_device_unref(&w->device);
		clade_context_destroy(&w->context);
	}
	return NULL;
}

static void run_threads(struct clade_context *context, struct clade_device *device)
{
	pthread_t threads[THREADS];
	struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		memset(&workers[i], 0, sizeof(workers[i]));
		workers[i].context = context;
		workers[i].device = device;
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		if (workers[i].status)
			print_error("thread %d: %s\n", i, workers[i].diag.text);
		assert_int_equal(workers[i].status, CLADE_OK);
		clade_diag_finish(&workers[i].diag);
	}
}

struct fixture {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_diag diag;
};

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	memset(f, 0, sizeof(*f));
	if (clade_context_create(NULL, &f->context, &f->diag) ||
	    clade_context_register(f->context, toy_entry, "", &f->diag) ||
	    clade_device_open(f->context, selector, &f->device, &f->diag)) {
		print_error("setup: %s\n", f->diag.text);
		return 1;
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	clade_device_unref(&f->device);
	clade_context_destroy(&f->context);
	clade_diag_finish(&f->diag);
	return 0;
}

static bool thread_safe(const struct fixture *f)
{
	bool safe = !strstr(clade_device_get_info(f->device)->quirks, "oclgrind");

	if (!safe)
		print_message("skipped: Oclgrind's API is not safe to use from several threads\n");
	return safe;
}

static void one_device_many_threads(void **state)
{
	struct fixture *f = *state;
	struct clade_device_counters counters;

	if (!thread_safe(f))
		skip();
	run_threads(f->context, f->device);
	clade_device_get_counters(f->device, &counters);
	assert_int_equal(counters.launches, THREADS * RUNS);
	if (impl == &toy_cl)
		assert_int_equal(counters.programs_built, 1);
}

static void many_contexts(void **state)
{
	struct fixture *f = *state;

	if (!thread_safe(f))
		skip();
	run_threads(NULL, NULL);
}

/* What the child may not do is refused at once; an alarm ends it if it hangs. */
static void a_child_process_is_refused(void **state)
{
	struct fixture *f = *state;
	struct toy_case toy;
	int status;
	pid_t child;

	assert_int_equal(toy_open(&toy, f->device, impl, 100, true, 1, &f->diag), CLADE_OK);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct clade_device *other = NULL;
		struct clade_buffer *buffer;
		int wrong = 0;

		alarm(20);
		wrong |= clade_queue_finish(toy.queue, NULL) != CLADE_ERR_DEVICE ? 1 : 0;
		wrong |= toy_check(&toy, 2.0f, NULL) != CLADE_ERR_DEVICE ? 2 : 0;
		wrong |= clade_buffer_create(f->device, 64, &buffer, NULL) != CLADE_ERR_DEVICE ? 4 : 0;
		wrong |= clade_device_open(f->context, "cl", &other, NULL) != CLADE_ERR_DEVICE ? 8 : 0;
		wrong |= clade_device_open(f->context, "ref", &other, NULL) != CLADE_OK ? 16 : 0;
		clade_device_unref(&other);
		toy_close(&toy);
		clade_device_unref(&f->device);
		clade_context_destroy(&f->context);
		_exit(wrong);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(toy_run(&toy, &f->diag), CLADE_OK);
	assert_int_equal(toy_check(&toy, 2.0f, &f->diag), CLADE_OK);
	toy_close(&toy);
}

/* Everything is destroyed while kernels are under way. */
static void destruction_waits(void **state)
{
	struct fixture *f = *state;
	struct toy_case toy;

	for (int i = 0; i < 10; i++) {
		assert_int_equal(toy_open(&toy, f->device, impl, 1000, true, 20, &f->diag), CLADE_OK);
		assert_int_equal(toy_run(&toy, &f->diag), CLADE_OK);
		toy_close(&toy);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_device_many_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(many_contexts, setup, teardown),
		cmocka_unit_test_setup_teardown(destruction_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(a_child_process_is_refused, setup, teardown),
	};
	const struct CMUnitTest host_tests[] = { tests[0], tests[1], tests[2] };

	if (argc == 2 && !strcmp(argv[1], "ref")) {
		selector = "ref";
		impl = &toy_ref;
		return cmocka_run_group_tests_name("threads on ref", host_tests, NULL, NULL);
	}
	return cmocka_run_group_tests_name("threads and processes", tests, NULL, NULL);
}

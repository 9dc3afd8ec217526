/* SPDX-License-Identifier: MIT */
/* Every registered op, every implementation that belongs on the device, every case: against `ref`, bit for bit.
 *	test_ops [--device SELECTOR] [--label TEXT] [--op NAME] [--impl NAME] [--plugin FILE] [--seed N] [--verbose]
 * Without --device it is the host device: the reference against itself in hostile memory. */
#include <clade/builtin.h>
#include <harness.h>

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_OPS = 512 };

static struct options {
	struct harness harness;
	const char *device, *op, *impl, *plugin;
} options = { .harness = { .label = NULL }, .device = "ref" };

static void print_log(void *user, enum clade_log_level level, const char *component, const char *text)
{
	if (level >= CLADE_LOG_WARN)
		fprintf(stderr, "%s: %s\n", component, text);
}

static void test_op(void **state)
{
	const struct clade_op *op = *state;

	assert_int_equal(harness_check_op(&options.harness, op, options.impl), 0);
}

static int read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--verbose") == 0) {
			options.harness.verbose = true;
			continue;
		}
		if (strcmp(argv[i], "--large") == 0) {
			options.harness.large = true;
			continue;
		}
		if (!value)
			return 2;
		if (strcmp(argv[i], "--device") == 0)
			options.device = value;
		else if (strcmp(argv[i], "--label") == 0)
			options.harness.label = value;
		else if (strcmp(argv[i], "--op") == 0)
			options.op = value;
		else if (strcmp(argv[i], "--impl") == 0)
			options.impl = value;
		else if (strcmp(argv[i], "--plugin") == 0)
			options.plugin = value;
		else if (strcmp(argv[i], "--seed") == 0)
			options.harness.seed = strtoull(value, NULL, 10);
		else
			return 2;
		i++;
	}
	return 0;
}

static int run_ops(struct clade_context *context)
{
	static struct CMUnitTest tests[MOST_OPS];
	size_t count = 0;

	for (size_t i = 0; i < clade_op_count(context); i++) {
		const struct clade_op *op = clade_op_at(context, i);

		if ((options.op && strcmp(options.op, op->name) != 0) || count == MOST_OPS)
			continue;
		tests[count++] = (struct CMUnitTest) { .name = op->name,
						       .test_func = test_op,
						       .initial_state = (void *)(uintptr_t)op };
	}
	if (count == 0) {
		fprintf(stderr, "no op %s\n", options.op ? options.op : "is registered");
		return 1;
	}
	return _cmocka_run_group_tests("ops", tests, count, NULL, NULL);
}

int main(int argc, char **argv)
{
	struct clade_context_params params = { .size = sizeof(params), .log = print_log, .log_level = CLADE_LOG_WARN };
	struct clade_context *context = NULL;
	struct clade_diag diag;
	int failed = 1;

	if (read_options(argc, argv)) {
		fprintf(stderr, "usage: test_ops [--device D] [--label L] [--op OP] [--impl I] [--plugin F] [--seed N] "
				"[--verbose]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	clade_diag_init(&diag);
	if (!options.harness.label)
		options.harness.label = options.device;
	if (!clade_context_create(&params, &context, &diag) && !clade_context_add_builtins(context, &diag) &&
	    (!options.plugin || !clade_context_load_plugin(context, options.plugin, &diag)) &&
	    !harness_open(&options.harness, context, options.device, &diag)) {
		const struct clade_device_info *info = clade_device_get_info(options.harness.device);

		printf("%s: %s, %s, %s\n", options.harness.label, info->platform, info->name, info->driver);
		failed = run_ops(context);
		harness_close(&options.harness);
	} else {
		fprintf(stderr, "%s\n", diag.text);
	}
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
	return failed;
}

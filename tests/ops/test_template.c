/* SPDX-License-Identifier: MIT */
/* ops/template as a user would use it: built as a plugin, loaded by its path, run beside the built-in ops.
 *	test_template PLUGIN [DEVICE LABEL] */
#include <clade/builtin.h>
#include <harness.h>

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *plugin, *device = "ref", *label = "ref";
static struct clade_context *context;
static char folder[] = "/tmp/clade-template-XXXXXX", copy[64];

/* The build folder may be writable by a group, which the loader refuses: so a private copy. */
static int set_up(void **state)
{
	char command[1024];

	if (!mkdtemp(folder))
		return -1;
	snprintf(copy, sizeof(copy), "%s/template.so", folder);
	snprintf(command, sizeof(command), "cp '%s' '%s' && chmod 0700 '%s'", plugin, copy, copy);
	return system(command) || clade_context_create(NULL, &context, NULL) ||
	       clade_context_add_builtins(context, NULL) || clade_context_load_plugin(context, copy, NULL);
}

static int tear_down(void **state)
{
	clade_context_destroy(&context);
	return unlink(copy) || rmdir(folder);
}

static void test_it_is_there(void **state)
{
	const struct clade_impl *impl = clade_impl_find(context, "scale_shift", "cl");

	assert_non_null(clade_op_find(context, "scale_shift"));
	assert_non_null(impl);
	assert_string_equal(clade_impl_origin(context, impl), copy);
	assert_string_equal(clade_impl_origin(context, clade_impl_at(context, "linear", 0)), "");
}

static void test_cases(void **state)
{
	struct harness harness = { .label = label };
	struct clade_diag diag;

	clade_diag_init(&diag);
	if (harness_open(&harness, context, device, &diag))
		fail_msg("%s", diag.text);
	assert_int_equal(harness_check_op(&harness, clade_op_find(context, "scale_shift"), NULL), 0);
	harness_close(&harness);
	clade_diag_finish(&diag);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_it_is_there), cmocka_unit_test(test_cases) };

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: test_template PLUGIN [DEVICE LABEL]\n");
		return 2;
	}
	plugin = argv[1];
	if (argc == 4) {
		device = argv[2];
		label = argv[3];
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

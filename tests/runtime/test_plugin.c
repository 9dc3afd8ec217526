/* SPDX-License-Identifier: MIT */
/* Loading plugins: what is refused, with which number and words, and that nothing of a refused one stays. */
#include <clade/messages.h>
#include <clade/step.h>

#include "counting.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *plugin_dir;

struct fixture {
	struct clade_context *context;
	struct clade_diag diag;
	char folder[64]; /* a fresh folder in the (sticky) temporary folder */
};

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	snprintf(fixture.folder, sizeof(fixture.folder), "/tmp/clade-plugin-XXXXXX");
	if (!mkdtemp(fixture.folder) || clade_context_create(NULL, &fixture.context, NULL))
		return -1;
	clade_diag_init(&fixture.diag);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	clade_context_destroy(&fixture->context);
	clade_diag_finish(&fixture->diag);
	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
	return system(command);
}

static enum clade_status load(struct fixture *fixture, const char *path)
{
	clade_diag_reset(&fixture->diag);
	return clade_context_load_plugin(fixture->context, path, &fixture->diag);
}

/* A copy of the first `bytes` of a built plugin (all if negative) under the fixture's folder. */
static const char *copy_of(struct fixture *fixture, const char *name, long bytes, mode_t mode)
{
	static char path[512];
	char source[512];
	FILE *in, *out;
	int c;

	snprintf(source, sizeof(source), "%s/plugin_%s.so", plugin_dir, name);
	snprintf(path, sizeof(path), "%s/copy.so", fixture->folder);
	remove(path);
	in = fopen(source, "rb");
	out = fopen(path, "wb");
	assert_non_null(in);
	assert_non_null(out);
	while (bytes-- != 0 && (c = fgetc(in)) != EOF)
		fputc(c, out);
	fclose(in);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void expect(struct fixture *fixture, const char *path, enum clade_status status, unsigned id, const char *words)
{
	assert_int_equal(load(fixture, path), status);
	assert_int_equal(fixture->diag.status, status);
	assert_int_equal(fixture->diag.id, id);
	if (!strstr(fixture->diag.text, words))
		fail_msg("\"%s\" does not say \"%s\"", fixture->diag.text, words);
	assert_null(clade_op_find(fixture->context, "from_plugin"));
	assert_int_equal(clade_op_count(fixture->context), 0);
	assert_null(clade_impl_find(fixture->context, "from_plugin", "ref"));
}

static void test_good_plugin(void **state)
{
	struct fixture *fixture = *state;
	const char *path = copy_of(fixture, "good", -1, 0755);
	const struct clade_impl *impl;

	assert_int_equal(load(fixture, path), CLADE_OK);
	assert_non_null(clade_op_find(fixture->context, "from_plugin"));
	impl = clade_impl_find(fixture->context, "from_plugin", "ref");
	assert_non_null(impl);
	assert_string_equal(clade_impl_origin(fixture->context, impl), path);
	/* Twice is a duplicate, and the first stays. */
	assert_int_equal(load(fixture, path), CLADE_ERR_DATA);
	assert_int_equal(fixture->diag.id, CLADE_MSG_REGISTRY);
	assert_int_equal(clade_op_count(fixture->context), 1);
}

static void test_wrong_plugins(void **state)
{
	static const struct {
		const char *plugin;
		enum clade_status status;
		unsigned id;
		const char *words;
	} rows[] = {
		{ "no_entry", CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "clade_plugin_entry" },
		{ "no_abi", CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "clade_plugin_abi" },
		{ "higher_abi", CLADE_ERR_DATA, CLADE_MSG_PLUGIN_ABI,
		  "built for plugin ABI 2; this version has ABI 1" },
		{ "short_struct", CLADE_ERR_DATA, CLADE_MSG_PLUGIN_ABI, "its size field is" },
		{ "nonzero_tail", CLADE_ERR_DATA, CLADE_MSG_PLUGIN_ABI, "does not know" },
		{ "silent", CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "without a reason" },
		{ "positive", CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "without a reason" },
		{ "swallows", CLADE_ERR_DATA, CLADE_MSG_REGISTRY, "registered already" },
		{ "null_pointer", CLADE_ERR_DATA, CLADE_MSG_REGISTRY, "NULL" },
		{ "orphan", CLADE_ERR_DATA, CLADE_MSG_REGISTRY, "does not exist" },
		{ "half", CLADE_ERR_UNSUPPORTED, CLADE_MSG_PLUGIN, "it changed its mind at 3" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(fixture, copy_of(fixture, rows[i].plugin, -1, 0755), rows[i].status, rows[i].id, rows[i].words);
	/* After all of these a right one still loads, also one with a longer table whose tail is zero. */
	assert_int_equal(load(fixture, copy_of(fixture, "zero_tail", -1, 0755)), CLADE_OK);
}

static void test_wrong_files(void **state)
{
	struct fixture *fixture = *state;
	char path[256];
	const char *copy;
	FILE *file;
	long size;

	expect(fixture, NULL, CLADE_ERR_USAGE, CLADE_MSG_PLUGIN, "with a slash");
	expect(fixture, "plugin.so", CLADE_ERR_USAGE, CLADE_MSG_PLUGIN, "./plugin.so");
	expect(fixture, "/nonexistent/plugin.so", CLADE_ERR_IO, CLADE_MSG_IO, "No such file");
	expect(fixture, fixture->folder, CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "regular file");
	snprintf(path, sizeof(path), "%s/text.so", fixture->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("this is a text file, not a shared object, although it is long enough to be looked at\n", file);
	fclose(file);
	expect(fixture, path, CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "no shared object");
	snprintf(path, sizeof(path), "%s/fifo.so", fixture->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect(fixture, path, CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "regular file");
	expect(fixture, "/dev/null", CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "regular file");
	/* Cut at any place the loader would map: no crash, an error. */
	copy = copy_of(fixture, "good", -1, 0755);
	file = fopen(copy, "rb");
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	fclose(file);
	for (long bytes = 0; bytes < size && bytes < 4096 * 3; bytes += 61) {
		copy = copy_of(fixture, "good", bytes, 0755);
		assert_int_not_equal(load(fixture, copy), CLADE_OK);
		assert_int_equal(fixture->diag.id, CLADE_MSG_PLUGIN);
	}
	/* Built for another processor. */
	copy = copy_of(fixture, "good", -1, 0755);
	file = fopen(copy, "rb+");
	fseek(file, 18, SEEK_SET);
	fputc(0x28, file); /* 32-bit ARM */
	fclose(file);
	expect(fixture, copy, CLADE_ERR_DATA, CLADE_MSG_PLUGIN, "architecture");
}

static void test_unsafe_places(void **state)
{
	struct fixture *fixture = *state;
	char inner[128], path[256], command[1024];

	expect(fixture, copy_of(fixture, "good", -1, 0775), CLADE_ERR_DATA, CLADE_MSG_PLUGIN_UNSAFE, "chmod go-w");
	expect(fixture, copy_of(fixture, "good", -1, 0757), CLADE_ERR_DATA, CLADE_MSG_PLUGIN_UNSAFE,
	       "writable by others");
	copy_of(fixture, "good", -1, 0755);
	snprintf(inner, sizeof(inner), "%s/inner", fixture->folder);
	snprintf(path, sizeof(path), "%s/plugin.so", inner);
	assert_int_equal(mkdir(inner, 0755), 0);
	snprintf(command, sizeof(command), "cp '%s/copy.so' '%s'", fixture->folder, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(chmod(inner, 0775), 0);
	expect(fixture, path, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_UNSAFE, "a folder above the plugin is writable");
	/* Sticky helps only root's folders: in ours, a member of the group can still add files, but not replace them.
	 */
	assert_int_equal(chmod(inner, 0755), 0);
	assert_int_equal(chmod(fixture->folder, 0777), 0);
	expect(fixture, path, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_UNSAFE, "a folder above the plugin is writable");
	assert_int_equal(chmod(fixture->folder, 0700), 0);
	/* A link that the user names is followed; what it leads to is checked. */
	snprintf(command, sizeof(command), "%s/link.so", fixture->folder);
	assert_int_equal(symlink(path, command), 0);
	if (geteuid() == 0) { /* only root can give files away */
		assert_int_equal(chown(path, 12345, 12345), 0);
		expect(fixture, command, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_UNSAFE, "belongs to another user");
		assert_int_equal(chown(path, 0, 0), 0);
	} else {
		print_message("not run here: a foreign owner needs root\n");
	}
	assert_int_equal(load(fixture, command), CLADE_OK);
}

/* Each allocation of loading fails in turn: the documented status, nothing registered, nothing left. */
static void test_without_memory(void **state)
{
	struct fixture *fixture = *state;
	const char *path = copy_of(fixture, "good", -1, 0755);
	long failures = 0;

	for (long n = 0;; n++) {
		struct counting counting = { 0, -1 };
		struct clade_allocator allocator = { counting_resize, &counting };
		struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
		struct clade_context *context = NULL;
		enum clade_status status;

		assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
		counting.left = n;
		status = clade_context_load_plugin(context, path, NULL);
		counting.left = -1;
		assert_int_equal(clade_op_count(context), status ? 0 : 1);
		clade_context_destroy(&context);
		assert_int_equal(counting.live, 0);
		if (!status)
			break;
		assert_int_equal(status, CLADE_ERR_MEMORY);
		failures++;
	}
	assert_true(failures >= 5);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good_plugin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_plugins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unsafe_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_memory, set_up, tear_down),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test_plugin FOLDER\n");
		return 2;
	}
	plugin_dir = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}

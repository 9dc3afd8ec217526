/* SPDX-License-Identifier: MIT */
/* Wrong graph files: each ends in one error with the expected number, position and word (bad.txt), or for bytes that a
 * text table cannot hold, as listed here. */
#include "graph_test.h"

#include <clade/messages.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *table_path;

struct bad_case {
	char name[160], word[160], text[4096];
	unsigned id, line, column;
};

/* "=== name | number | line:column | word", then the file's text up to the next such line. */
static bool next_case(FILE *file, char *head, size_t size, struct bad_case *out)
{
	memset(out, 0, sizeof(*out));
	if (sscanf(head, "=== %159[^|]| %u | %u:%u | %159[^\n]", out->name, &out->id, &out->line, &out->column,
		   out->word) < 4)
		return false;
	while (fgets(head, (int)size, file) && strncmp(head, "=== ", 4) != 0)
		strncat(out->text, head, sizeof(out->text) - strlen(out->text) - 1);
	if (feof(file))
		head[0] = 0;
	return true;
}

static bool run_case(struct clade_context *context, const struct bad_case *bad)
{
	struct clade_diag diag;
	struct clade_graph_params params = { .size = sizeof(params), .path = "t", .text = bad->text };
	struct clade_graph *graph = NULL;
	char where[64];
	enum clade_status status;
	bool ok;

	clade_diag_init(&diag);
	status = clade_graph_create(context, &params, &graph, &diag);
	snprintf(where, sizeof(where), "t:%u:%u", bad->line, bad->column);
	ok = status == CLADE_ERR_DATA && !graph && diag.id == bad->id && strcmp(diag.where, where) == 0 &&
	     strstr(diag.text, bad->word) && !strchr(diag.text, '\n');
	if (!ok)
		print_error("%s: expected [%u] %s `%s`, got %s [%u] %s: %s\n", bad->name, bad->id, where, bad->word,
			    clade_status_name(status), diag.id, diag.where, diag.text);
	clade_graph_destroy(&graph);
	clade_diag_finish(&diag);
	return ok;
}

static void bad_files(void **state)
{
	FILE *file = fopen(table_path, "r");
	char head[512];
	unsigned count = 0, wrong = 0;
	struct bad_case bad;

	assert_non_null(file);
	assert_non_null(fgets(head, sizeof(head), file));
	while (next_case(file, head, sizeof(head), &bad)) {
		count++;
		wrong += !run_case(*state, &bad);
	}
	fclose(file);
	print_message("%u wrong files\n", count);
	assert_true(count >= 100);
	assert_int_equal(wrong, 0);
}

static void expect(struct clade_context *context, const char *text, unsigned id, const char *where)
{
	struct bad_case bad = { .id = id };

	assert_int_equal(sscanf(where, "%u:%u", &bad.line, &bad.column), 2);
	snprintf(bad.name, sizeof(bad.name), "%.20s", text);
	assert_true(strlen(text) < sizeof(bad.text));
	strcpy(bad.text, text);
	assert_true(run_case(context, &bad));
}

static void bytes(void **state)
{
	expect(*state, "clade 1\nmodel \"\xff\"\n", CLADE_MSG_GRAPH_ENCODING, "2:8");
	expect(*state, "clade 1\n# \xc0\xaf\n", CLADE_MSG_GRAPH_ENCODING, "2:3");
	expect(*state, "clade 1\n# \xed\xa0\x80\n", CLADE_MSG_GRAPH_ENCODING, "2:3");
	expect(*state, "clade 1\n# \xf4\x90\x80\x80\n", CLADE_MSG_GRAPH_ENCODING, "2:3");
	expect(*state, "clade 1\n# \xc3\xa4 \xe2\x82\n", CLADE_MSG_GRAPH_ENCODING, "2:5");
	expect(*state, "clade 1\n# \x01\n", CLADE_MSG_GRAPH_ENCODING, "2:3");
	expect(*state, "clade 1\rmodel \"m\"\n", CLADE_MSG_GRAPH_ENCODING, "1:8");
	expect(*state, "# \xc3\xa4\xc3\xb6\nclade 1; model \"\xc3\xa4\"; $", CLADE_MSG_GRAPH_CHARACTER, "2:21");
}

static enum clade_status load(struct clade_context *context, const char *path, const char *text,
			      const char *const *settings, const char *source, struct clade_diag *diag)
{
	struct clade_graph_params params = {
		.size = sizeof(params), .path = path, .text = text, .settings = settings, .source = source
	};
	struct clade_graph *graph = NULL;
	enum clade_status status;

	clade_diag_init(diag);
	status = clade_graph_create(context, &params, &graph, diag);
	assert_true((status == CLADE_OK) == (graph != NULL));
	clade_graph_destroy(&graph);
	return status;
}

static void files(void **state)
{
	static const char nul[] = "clade 1\nmodel \"a\0b\"\n";
	char folder[] = "/tmp/clade-graph-XXXXXX", path[64];
	struct clade_diag diag;
	int handle;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(load(*state, folder, NULL, NULL, NULL, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_GRAPH_FILE);
	assert_int_equal(load(*state, "/dev/zero", NULL, NULL, NULL, &diag), CLADE_ERR_DATA);
	assert_int_equal(load(*state, "/tmp/clade-graph-none/x", NULL, NULL, NULL, &diag), CLADE_ERR_IO);
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(*state, path, NULL, NULL, NULL, &diag), CLADE_ERR_DATA);
	unlink(path);
	snprintf(path, sizeof(path), "%s/nul.graph", folder);
	handle = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(handle, nul, sizeof(nul) - 1), (ssize_t)sizeof(nul) - 1);
	close(handle);
	assert_int_equal(load(*state, path, NULL, NULL, NULL, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_GRAPH_ENCODING);
	unlink(path);
	/* an include must not follow a link out of the folder */
	snprintf(path, sizeof(path), "%s/out.graph", folder);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/m.graph", folder);
	handle = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(dprintf(handle, "clade 1\nmodel \"m\"\ninclude \"out.graph\"\n") > 0);
	close(handle);
	assert_int_equal(load(*state, path, NULL, NULL, NULL, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_GRAPH_INCLUDE);
	unlink(path);
	snprintf(path, sizeof(path), "%s/out.graph", folder);
	unlink(path);
	rmdir(folder);
}

/* Depth bombs and long lines end in an error or work; the stack stays. */
static void bombs(void **state)
{
	static const struct {
		const char *head, *unit, *tail;
		unsigned count, id;
	} table[] = {
		{ "clade 1\nparam n : int = ", "(", "", 1000000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nparam n : int = ", "-", "", 1000000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nparam n : bool = ", "not ", "", 1000000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nparam n : int = 1", "**1", "", 1000000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nparam n : int = 1", "+1", "", 1000000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nparam n : int = ", "[", "", 1000000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nentry a {", "x = f(", "", 1000000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nentry a { x = ", "f(", "", 1000000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nentry a {", "if a {", "", 100000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nentry a { if a {}", "else if a {}", "", 100000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nentry a {", "for i in 2 {", "", 100000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nentry a {", "box b {", "", 100000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nsource a { b = ", "(", "", 100000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1\nsource a { b = ", "stack(i < 2: ", "", 100000, CLADE_MSG_GRAPH_DEPTH },
		{ "clade 1 # ", "xxxxxxxxxx", "\nmodel \"m\"\n", 1000000, CLADE_MSG_GRAPH_ENTRY },
		{ "clade 1\nmodel \"", "xxxxxxxxxx", "\"\n", 1000000, CLADE_MSG_GRAPH_STRING },
		{ "clade 1\nmodel ", "xxxxxxxxxx", "\n", 1000000, CLADE_MSG_GRAPH_STRING },
		{ "clade 1\nparam n : int = ", "1111111111", "\n", 1000000, CLADE_MSG_GRAPH_NUMBER },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t unit = strlen(table[i].unit), head = strlen(table[i].head);
		char *text = malloc(head + unit * table[i].count + strlen(table[i].tail) + 1);
		struct clade_diag diag;

		assert_non_null(text);
		strcpy(text, table[i].head);
		for (unsigned n = 0; n < table[i].count; n++)
			memcpy(text + head + n * unit, table[i].unit, unit);
		strcpy(text + head + unit * table[i].count, table[i].tail);
		assert_int_equal(load(*state, "bomb", text, NULL, NULL, &diag), CLADE_ERR_DATA);
		if (diag.id != table[i].id)
			print_error("%s...: %s: %s\n", table[i].unit, diag.where, diag.text);
		assert_int_equal(diag.id, table[i].id);
		free(text);
	}
}

static void settings(void **state)
{
	static const char text[] =
		"clade 1\nmodel \"m\"\nparam n : int = 2\nparam f : float = 1\nparam b : bool = true\n"
		"param s : string = \"a\"\nsource hf { }\n"
		"entry a { input x : f32[n]; output y : f32[n] = neg(x) }\n";
	static const char *const good[][3] = { { "n=4" }, { "f=1e-5" }, { "f=2", "b=false" }, { "s=" }, { "s=a=b" } };
	static const char *const bad[] = { "n",     "=3",      "n=",  "n=x", "n=1.5", "n=99999999999999999999",
					   "f=nan", "f=1e999", "b=1", "m=3", "N=3",   "n=4 " };
	struct clade_diag diag;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(load(*state, "t", text, good[i], NULL, &diag), CLADE_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *const one[] = { bad[i], NULL };

		assert_int_equal(load(*state, "t", text, one, NULL, &diag), CLADE_ERR_USAGE);
		assert_int_equal(diag.id, CLADE_MSG_GRAPH_SETTING);
		assert_string_equal(diag.where, bad[i]);
	}
	assert_int_equal(load(*state, "t", text, NULL, "none", &diag), CLADE_OK);
	assert_int_equal(load(*state, "t", text, NULL, "gf", &diag), CLADE_ERR_USAGE);
	assert_non_null(strstr(diag.text, "`hf`"));
	/* a value that is fine by itself may not fit the graph: an error of the graph */
	assert_int_equal(load(*state, "t", text, (const char *const[]) { "n=0", NULL }, NULL, &diag), CLADE_ERR_DATA);
}

int main(int count, char **words)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files), cmocka_unit_test(bytes),    cmocka_unit_test(files),
		cmocka_unit_test(bombs),     cmocka_unit_test(settings),
	};

	if (count < 2) {
		fprintf(stderr, "usage: test_bad bad.txt\n");
		return 2;
	}
	table_path = words[1];
	return cmocka_run_group_tests(tests, graph_setup, graph_teardown);
}

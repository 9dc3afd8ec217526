/* SPDX-License-Identifier: MIT */
/* Source maps read backwards: the tensors that each operator's inverse gives, and maps that have no way back. */
#include "graph_test.h"

#include "graph_store.h"

static const struct store_tensor tensors[] = {
	{ "q", "F32", "[4,3]", 12 }, { "k", "F32", "[2,3]", 6 },   { "t", "F32", "[2,3]", 6 },
	{ "r", "F32", "[8,2]", 16 }, { "e", "F32", "[2,2,2]", 8 }, { "c", "F32", "[3]", 3 },
};

#define START                                                                                                          \
	"clade 1\nmodel \"t\"\nweight q : f32[4, 3]\nweight k : f32[2, 3]\nweight t : f32[2, 3]\n"                     \
	"weight r : f32[8, 2]\nweight e : f32[2, 2, 2]\nweight c, d, tied : f32[3]\nweight gone : f32[7]\n"            \
	"source hf { q = \"q\"; k = \"k\"; t = \"t\"; r = \"r\"; e = \"e\"; c = \"c\"; d = 2 * \"c\"; tied = \"c\"; "  \
	"gone = none }\n"
#define END                                                                                                            \
	"entry main {\n output a : f32[4, 3] = copy(q)\n output b : f32[2, 3] = copy(k)\n output x : f32[2, 3] = "     \
	"copy(t)\n output y : f32[8, 2] = copy(r)\n"                                                                   \
	" output z : f32[2, 2, 2] = copy(e)\n output u : f32[3] = copy(c)\n output v : f32[3] = copy(d)\n output w : " \
	"f32[3] = copy(tied)\n}\n"
#define GOOD_Q "q = slice(\"qk\", 0, 0, 4); k = slice(\"qk\", axis = 0, start = 4, end = 6); "
#define GOOD_T "t = transpose(\"t.T\"); r = rope_halves(\"r.p\", heads = 2); "
#define GOOD_E "e = stack(i < 2: \"e.{i}\"); "
#define GOOD_C "c = \"c.m\" - 1; d = \"d\" / 4 else \"old\"; tied = \"own\" else c; gone = \"gone\" else none "

static enum clade_status create(struct clade_context *context, const struct clade_store *store, const char *text,
				struct clade_graph **out, struct clade_diag *diag)
{
	struct clade_graph_params params = { .size = sizeof(params), .text = text, .invert = "gguf" };

	params.store = (struct clade_store *)store;
	return clade_graph_create(context, &params, out, diag);
}

struct taken {
	int64_t columns;
	float values[32];
};

static enum clade_status take(void *user, int64_t first, int64_t count, const void *rows, struct clade_diag *diag)
{
	struct taken *taken = user;
	int64_t elements = count * taken->columns;
	(void)diag;
	memcpy(taken->values + first * taken->columns, rows, (size_t)elements * sizeof(float));
	return CLADE_OK;
}

static void test_operators(void **state)
{
	static const struct {
		const char *name, *type;
		unsigned count;
		float values[18];
	} expected[] = {
		{ "qk", "f32[6, 3]", 18, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6 } },
		{ "t.T", "f32[3, 2]", 6, { 1, 4, 2, 5, 3, 6 } },
		{ "r.p", "f32[8, 2]", 16, { 1, 2, 5, 6, 3, 4, 7, 8, 9, 10, 13, 14, 11, 12, 15, 16 } },
		{ "e.0", "f32[2, 2]", 4, { 1, 2, 3, 4 } },
		{ "e.1", "f32[2, 2]", 4, { 5, 6, 7, 8 } },
		{ "c.m", "f32[3]", 3, { 2, 3, 4 } },
		{ "d", "f32[3]", 3, { 8, 16, 24 } },
	};
	char folder[] = "/tmp/clade-test-XXXXXX", type_text[64];
	struct clade_store *store;
	struct clade_graph *graph;
	struct clade_diag diag;
	struct clade_type type;
	const char *name;
	size_t count = 0;

	clade_diag_init(&diag);
	assert_true(graph_store_make(*state, folder, tensors, 6, "{}", &store));
	if (create(*state, store, START "source gguf { " GOOD_Q GOOD_T GOOD_E GOOD_C "}\n" END, &graph, &diag))
		fail_msg("%s: %s", diag.where, diag.text);
	for (; clade_graph_export(graph, count, &name, &type); count++) {
		struct taken taken = { .columns = type.dims[type.rank - 1] };

		assert_true(count < 7);
		assert_string_equal(name, expected[count].name);
		assert_string_equal(clade_type_text(&type, type_text, sizeof(type_text)), expected[count].type);
		assert_int_equal(clade_graph_export_read(graph, count, take, &taken, &diag), CLADE_OK);
		for (unsigned i = 0; i < expected[count].count; i++)
			if (taken.values[i] != expected[count].values[i])
				fail_msg("%s[%u] is %g", name, i, (double)taken.values[i]);
	}
	assert_int_equal(count, 7); /* `tied` has the values of `c`, `gone` is not there */
	assert_int_equal(clade_graph_export_read(graph, 7, take, NULL, &diag), CLADE_ERR_ARGUMENT);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
	graph_store_remove(folder);
	clade_diag_finish(&diag);
}

static void test_no_way_back(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ START "source gguf { " GOOD_Q "t = reshape(\"t\", [2, 3]); r = \"r\"; " GOOD_E GOOD_C "}\n" END,
		  "an operator without inverse" },
		{ START "source gguf { q = slice(\"qk\", 0, 0, 4); k = slice(\"qk\", 0, 5, 7); " GOOD_T GOOD_E GOOD_C
			"}\n" END,
		  "must follow each other" },
		{ START "source gguf { q = slice(\"qk\", 0, 2, 6); k = slice(\"qk\", 0, 0, 2); " GOOD_T GOOD_E GOOD_C
			"}\n" END,
		  "first part must come first" },
		{ START "source gguf { q = slice(\"qk\", 0, 0, 5); k = \"k\"; " GOOD_T GOOD_E GOOD_C "}\n" END,
		  "the slice does not fit" },
		{ START "source gguf { q = \"x\"; k = \"x\"; " GOOD_T GOOD_E GOOD_C "}\n" END,
		  "two weights come from one tensor" },
		{ START "source gguf { " GOOD_Q "t = \"t\"; r = rope_halves(\"r\", 3); " GOOD_E GOOD_C "}\n" END,
		  "the heads do not fit" },
		{ START "source gguf { " GOOD_Q GOOD_T GOOD_E "c = none; d = \"d\"; tied = \"y\"; gone = none }\n" END,
		  "no place for a weight" },
		{ START "source gguf { " GOOD_Q GOOD_T GOOD_E "c = \"c\"; d = \"d\"; gone = none }\n" END,
		  "does not say where weight `tied`" },
		{ START END, "has no source gguf" },
	};
	char folder[] = "/tmp/clade-test-XXXXXX";
	struct clade_store *store;

	assert_true(graph_store_make(*state, folder, tensors, 6, "{}", &store));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clade_graph *graph;
		struct clade_diag diag;

		clade_diag_init(&diag);
		assert_int_not_equal(create(*state, store, cases[i].text, &graph, &diag), CLADE_OK);
		assert_null(graph);
		if (!strstr(diag.text, cases[i].message))
			fail_msg("case %zu: \"%s\", expected \"%s\"", i, diag.text, cases[i].message);
		clade_diag_finish(&diag);
	}
	clade_store_destroy(&store);
	graph_store_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operators),
		cmocka_unit_test(test_no_way_back),
	};

	return cmocka_run_group_tests_name("invert", tests, graph_setup, graph_teardown);
}

/* SPDX-License-Identifier: MIT */
/* Every ```graph example of FORMAT.md is a right graph file (its sources checked against made-up weight files), and
 * flattens to a fixed point. usage: test_format FORMAT.md */
#include "graph_test.h"

#include "graph_store.h"

#include <clade/messages.h>

static const char *format_path;

static const struct store_tensor tensors[] = {
	{ "transformer.h.0.attn.c_attn.weight", "F32", "[12,4]", 48 },
	{ "q.2", "F32", "[4,4]", 16 },
	{ "h.0.experts.0.w1", "F32", "[4,4]", 16 },
	{ "h.0.experts.1.w1", "F32", "[4,4]", 16 },
	{ "h.1.experts.0.w1", "F32", "[4,4]", 16 },
	{ "h.1.experts.1.w1", "F32", "[4,4]", 16 },
	{ "norm.weight", "F32", "[4]", 4 },
	{ "wte.weight", "F32", "[5,4]", 20 },
};
static const char config[] =
	"{\"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"hidden_size\": 4, \"vocab_size\": 5}";

static void check_example(struct clade_context *context, struct clade_store *store, const char *text, unsigned line)
{
	struct clade_graph_params params = { .size = sizeof(params), .path = "FORMAT.md", .text = text };
	struct clade_graph *graph = NULL, *again = NULL;
	char *flat = NULL, *second = NULL;
	struct clade_diag diag;

	clade_diag_init(&diag);
	params.store = strstr(text, "source hf") ? store : NULL;
	if (clade_graph_create(context, &params, &graph, &diag))
		print_error("example at line %u: %s: %s\n", line, diag.where, diag.text);
	assert_non_null(graph);
	assert_int_equal(clade_graph_flatten(graph, &flat, &diag), CLADE_OK);
	params.text = flat;
	assert_int_equal(clade_graph_create(context, &params, &again, &diag), CLADE_OK);
	assert_int_equal(clade_graph_flatten(again, &second, &diag), CLADE_OK);
	assert_string_equal(flat, second);
	clade_free(context, flat);
	clade_free(context, second);
	clade_graph_destroy(&graph);
	clade_graph_destroy(&again);
}

static void examples(void **state)
{
	char folder[] = "/tmp/clade-format-XXXXXX", buffer[512], text[8192] = "";
	struct clade_store *store = NULL;
	FILE *file = fopen(format_path, "r");
	unsigned line = 0, start = 0, count = 0;

	assert_non_null(file);
	assert_true(graph_store_make(*state, folder, tensors, sizeof(tensors) / sizeof(tensors[0]), config, &store));
	while (fgets(buffer, sizeof(buffer), file)) {
		line++;
		if (strcmp(buffer, "```graph\n") == 0) {
			start = line;
			text[0] = 0;
		} else if (start && strcmp(buffer, "```\n") == 0) {
			check_example(*state, store, text, start);
			start = 0;
			count++;
		} else if (start) {
			assert_true(strlen(text) + strlen(buffer) < sizeof(text));
			strcat(text, buffer);
		}
	}
	fclose(file);
	clade_store_destroy(&store);
	graph_store_remove(folder);
	print_message("%u examples\n", count);
	assert_true(count >= 5);
}

int main(int count, char **words)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(examples) };

	if (count < 2) {
		fprintf(stderr, "usage: test_format FORMAT.md\n");
		return 2;
	}
	format_path = words[1];
	return cmocka_run_group_tests(tests, graph_setup, graph_teardown);
}

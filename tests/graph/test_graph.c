/* SPDX-License-Identifier: MIT */
/* The graph language on right files: the algebra of dims, what expansion makes, sources and their operators, and that
 * flattened graphs read back to the same text. */
#include "graph_test.h"

#include "graph_store.h"

#include "../../graph/src/dims.h"
#include "../../graph/src/model.h"

#include <clade/messages.h>
#include <clade/step.h>

#include <dirent.h>

static const char *source_root;

static struct clade_graph *load(struct clade_context *context, const char *path, const char *text,
				struct clade_store *store, const char *source)
{
	struct clade_graph_params params = {
		.size = sizeof(params), .path = path, .text = text, .store = store, .source = source
	};
	struct clade_graph *graph = NULL;
	struct clade_diag diag;

	clade_diag_init(&diag);
	if (clade_graph_create(context, &params, &graph, &diag))
		print_error("%s: %s\n", diag.where, diag.text);
	assert_non_null(graph);
	return graph;
}

/* ---- dims ---- */
static void dims(void **state)
{
	struct clade_dim_pool *pool;
	int64_t b, t, s, bindings[3] = { 2, 7, 12 }, value, factor, rest;
	uint32_t variable;
	char text[64];

	assert_int_equal(clade_dims_create(*state, &pool, NULL), CLADE_OK);
	b = clade_dims_variable(pool, "B");
	t = clade_dims_variable(pool, "T");
	s = clade_dims_variable(pool, "S");
#define ADD(x, y) clade_dims_add(pool, x, y)
#define SUB(x, y) clade_dims_sub(pool, x, y)
#define MUL(x, y) clade_dims_mul(pool, x, y)
#define DIV(x, y) clade_dims_div(pool, x, y)
	/* equal expressions have equal codes */
	assert_true(b < 0 && t < 0 && s < 0 && b != t && t != s);
	assert_int_equal(ADD(b, t), ADD(t, b));
	assert_int_equal(MUL(ADD(b, t), ADD(b, t)), ADD(ADD(MUL(b, b), MUL(2, MUL(b, t))), MUL(t, t)));
	assert_int_equal(SUB(ADD(t, 5), t), 5);
	assert_int_equal(SUB(t, t), 0);
	assert_int_equal(MUL(t, 0), 0);
	assert_int_equal(ADD(3, 4), 7);
	assert_int_equal(SUB(ADD(t, 1), SUB(t, 1)), 2);
	assert_int_equal(clade_dims_number(pool, -5), SUB(SUB(t, 5), t));
	/* exact quotients, opaque ones, failures */
	assert_int_equal(DIV(MUL(6, t), 3), MUL(2, t));
	assert_int_equal(DIV(MUL(b, t), t), b);
	assert_int_equal(DIV(SUB(MUL(t, t), 1), ADD(t, 1)), SUB(t, 1));
	assert_int_equal(DIV(ADD(MUL(b, t), b), ADD(t, 1)), b);
	assert_int_equal(DIV(12, 4), 3);
	assert_int_equal(DIV(t, 2), DIV(MUL(2, t), 4));
	assert_true(DIV(t, 2) < 0 && DIV(t, 2) != INT64_MIN);
	assert_int_equal(DIV(7, 2), INT64_MIN);
	assert_int_equal(DIV(t, 0), INT64_MIN);
	assert_int_equal(DIV(t, SUB(b, b)), INT64_MIN);
	assert_int_equal(MUL(INT64_MAX, 2), INT64_MIN);
	assert_int_equal(ADD(INT64_MIN, 1), INT64_MIN);
	assert_int_equal(ADD(MUL(INT64_MAX, t), t), INT64_MIN);
	/* values */
	assert_true(clade_dims_eval(pool, ADD(MUL(b, t), 1), bindings, &value) && value == 15);
	assert_true(clade_dims_eval(pool, DIV(s, 4), bindings, &value) && value == 3);
	assert_false(clade_dims_eval(pool, DIV(t, 2), bindings, &value));
	assert_true(clade_dims_eval(pool, SUB(b, t), bindings, &value) && value == -5);
	bindings[1] = -1;
	assert_false(clade_dims_eval(pool, ADD(b, t), bindings, &value));
	bindings[1] = INT64_MAX;
	assert_false(clade_dims_eval(pool, MUL(2, t), bindings, &value));
	assert_true(clade_dims_uses(pool, DIV(ADD(b, t), 3), 1) && !clade_dims_uses(pool, DIV(ADD(b, t), 3), 2));
	assert_true(clade_dims_linear(pool, SUB(MUL(3, s), 4), &variable, &factor, &rest));
	assert_true(variable == 2 && factor == 3 && rest == -4);
	assert_false(clade_dims_linear(pool, MUL(b, t), &variable, &factor, &rest));
	/* texts */
	assert_string_equal(clade_dims_text(pool, SUB(MUL(2, MUL(b, t)), ADD(t, 1)), text, sizeof(text)),
			    "2 * B * T - T - 1");
	assert_string_equal(clade_dims_text(pool, MUL(b, DIV(ADD(t, 1), 2)), text, sizeof(text)), "B * ((T + 1) / 2)");
	assert_string_equal(clade_dims_text(pool, SUB(0, t), text, sizeof(text)), "-T");
	assert_string_equal(clade_dims_text(pool, 12, text, sizeof(text)), "12");
	/* too complex is a failure, not an overflow */
	value = t;
	for (int i = 0; i < 40 && value != INT64_MIN; i++)
		value = DIV(ADD(value, 1), 3);
	assert_int_equal(value, INT64_MIN);
	value = ADD(b, ADD(t, s));
	for (int i = 0; i < 12 && value != INT64_MIN; i++)
		value = MUL(value, ADD(b, ADD(t, s)));
	assert_int_equal(value, INT64_MIN);
	clade_dims_destroy(&pool);
}

/* ---- what expansion makes ---- */
static const char small[] =
	"clade 1; model \"m\"; dim B : session; dim T : run; weight w[2] : f32[8, 8]\n"
	"state kc[2] : cache[B, 2, 4]\nmeta \"eos\" = 2\ninclude \"lib/add_norm.graph\"\nweight g : f32[8]\n"
	"entry main chunk T {\n input x : f32[B, T, 8]\n input p : i32[B, T] = range\n"
	" for l in 0 .. 2 {\n  kc[l] <- cache_write(split_heads(linear(x, w[l]), heads = 2), p)\n"
	"  a = attention(split_heads(x, heads = 2), kc[l], kc[l], q_pos = p, causal = true)\n"
	"  @impl(\"ref\") x = add_norm(x, merge_heads(a), g)\n }\n output y : f32[B, T, 8] = mul(x, 2)\n}\n";

/* softmax works row by row along its last axis alone (conditions on the value of an attribute) */
static void chunk_over_rows(void **state)
{
	struct clade_graph *graph = load(*state, "m",
					 "clade 1; model \"m\"; dim B : session; dim T : run\n"
					 "entry main chunk T { input x : f32[B, T, 8]\n"
					 " output y : f32[B, T, 8] = softmax(x, axis = -1) }\n",
					 NULL, NULL);

	assert_int_equal(clade_graph_ir(graph)->entries[0].chunk_dim, 1);
	clade_graph_destroy(&graph);
}

static void expansion(void **state)
{
	struct clade_graph *graph = load(*state, "m", small, NULL, NULL);
	const struct clade_ir *ir = clade_graph_ir(graph);
	const struct clade_ir_entry *entry = &ir->entries[0];
	struct clade_graph_totals totals;
	struct clade_graph_port port;
	struct clade_graph_block block;
	struct clade_meta meta;
	char text[64];

	assert_string_equal(clade_graph_name(graph), "m");
	assert_int_equal(ir->entry_count, 1);
	assert_int_equal(ir->node_count, 17);
	assert_int_equal(ir->state_count, 2);
	assert_int_equal(ir->weight_count, 3);
	assert_string_equal(ir->dims[ir->dim_count - 1].name, "capacity");
	assert_int_equal(entry->chunk_dim, 1);
	assert_int_equal(entry->after, CLADE_IR_NONE);
	assert_string_equal(ir->states[1].name, "kc.1");
	assert_true(ir->states[1].is_cache && ir->states[1].capacity_axis == 2 && ir->states[1].type.rank == 4);
	assert_int_equal(ir->states[1].type.dims[2], ir->dims[ir->dim_count - 1].code);
	/* nodes: order, paths, boxes, pins, states */
	assert_string_equal(ir->nodes[0].path, "l.0/kc.0.linear");
	assert_string_equal(ir->nodes[2].path, "l.0/kc.0");
	assert_int_equal(ir->values[ir->nodes[2].outputs[0]].state, 0);
	assert_string_equal(ir->nodes[4].path, "l.0/a");
	assert_int_equal(ir->nodes[4].inputs[1], ir->nodes[2].outputs[0]);
	assert_int_equal(ir->nodes[4].inputs[3], CLADE_IR_NONE);
	assert_int_equal(ir->nodes[4].output_count, 2);
	assert_string_equal(ir->nodes[5].path, "l.0/x.merge_heads");
	assert_string_equal(ir->nodes[5].pin, "ref");
	assert_string_equal(ir->nodes[7].path, "l.0/x/z");
	assert_string_equal(ir->nodes[7].pin, "ref");
	assert_null(ir->nodes[0].pin);
	assert_string_equal(ir->nodes[16].path, "y");
	assert_int_equal(ir->values[ir->nodes[16].inputs[1]].kind, CLADE_IR_CONST);
	assert_true(ir->values[ir->nodes[16].inputs[1]].constant == 2.0);
	assert_int_equal(ir->boxes[0].parent, CLADE_IR_NONE);
	assert_string_equal(ir->boxes[1].path, "l.0");
	assert_string_equal(ir->boxes[2].block, "add_norm");
	assert_non_null(ir->boxes[2].op);
	assert_int_equal(ir->boxes[2].input_count, 4);
	assert_int_equal(ir->boxes[2].inputs[3], CLADE_IR_NONE);
	assert_int_equal(ir->boxes[2].first_node, 6);
	assert_int_equal(ir->boxes[2].last_node, 8);
	assert_int_equal(ir->boxes[2].outputs[0], ir->nodes[7].outputs[0]);
	/* the public face */
	clade_graph_get_totals(graph, &totals);
	assert_true(totals.nodes == 17 && totals.boxes == 2 && totals.weights == 3 && totals.parameters == 136 &&
		    totals.weight_bytes == 544 && totals.states == 2);
	assert_true(clade_graph_input(graph, "main", 1, &port));
	assert_true(port.optional && strcmp(port.name, "p") == 0);
	assert_false(clade_graph_input(graph, "main", 2, &port));
	assert_false(clade_graph_input(graph, "other", 0, &port));
	assert_true(clade_graph_output(graph, "main", 0, &port));
	assert_string_equal(clade_graph_type_text(graph, &port.type, text, sizeof(text)), "f32[B, T, 8]");
	assert_true(clade_graph_meta(graph, "eos", &meta) && meta.kind == CLADE_META_INT && meta.i == 2);
	assert_false(clade_graph_meta(graph, "bos", &meta));
	assert_true(clade_graph_block(graph, 1, &block) && block.depth == 1 && !block.block && block.nodes == 8 &&
		    block.parameters == 72);
	assert_false(clade_graph_block(graph, 99, &block));
	clade_graph_destroy(&graph);
}

static void binding(void **state)
{
	static const char text[] = "clade 1; model \"m\"; dim B : session; dim T : run\n"
				   "entry main { input x : f32[B, 2 * T + 1, 3]; input z : f32[T, B]; output y : "
				   "f32[B, 2 * T + 1, 3] = neg(x)\n"
				   "output w : f32[T, B] = neg(z) }\n";
	struct clade_graph *graph = load(*state, "m", text, NULL, NULL);
	const struct clade_ir *ir = clade_graph_ir(graph);
	const struct clade_ir_input *inputs = ir->entries[0].inputs;
	struct clade_type type = { CLADE_F32, 3, { 2, 9, 3 } }, second = { CLADE_F32, 2, { 4, 2 } }, made;
	int64_t bindings[2] = { -1, -1 };
	struct clade_diag diag;

	clade_diag_init(&diag);
	assert_int_equal(clade_ir_bind_input(ir, &inputs[0], &type, bindings, &diag), CLADE_OK);
	assert_true(bindings[0] == 2 && bindings[1] == 4);
	assert_int_equal(clade_ir_bind_input(ir, &inputs[1], &second, bindings, &diag), CLADE_OK);
	assert_true(clade_ir_eval_type(ir, &inputs[0].type, bindings, &made) && clade_type_equal(&made, &type));
	second.dims[0] = 5;
	assert_int_equal(clade_ir_bind_input(ir, &inputs[1], &second, bindings, &diag), CLADE_ERR_DATA);
	assert_int_equal(diag.id, CLADE_MSG_GRAPH_BIND);
	assert_non_null(strstr(diag.text, "T is 4 already, not 5"));
	clade_diag_reset(&diag);
	bindings[1] = -1;
	type.dims[1] = 8;
	assert_int_equal(clade_ir_bind_input(ir, &inputs[0], &type, bindings, &diag), CLADE_ERR_DATA);
	clade_diag_reset(&diag);
	type.dims[1] = 0;
	assert_int_equal(clade_ir_bind_input(ir, &inputs[0], &type, bindings, &diag), CLADE_ERR_DATA);
	clade_diag_reset(&diag);
	type.rank = 2;
	assert_int_equal(clade_ir_bind_input(ir, &inputs[0], &type, bindings, &diag), CLADE_ERR_DATA);
	clade_graph_destroy(&graph);
}

/* ---- flatten is a fixed point ---- */
static void fixed_point(struct clade_context *context, const char *path, const char *text, struct clade_store *store)
{
	struct clade_graph *graph = load(context, path, text, store, NULL), *again;
	struct clade_graph_totals a, b;
	char *first, *second, *dot;

	assert_int_equal(clade_graph_flatten(graph, &first, NULL), CLADE_OK);
	again = load(context, "flat", first, store, NULL);
	assert_int_equal(clade_graph_flatten(again, &second, NULL), CLADE_OK);
	assert_string_equal(first, second);
	clade_graph_get_totals(graph, &a);
	clade_graph_get_totals(again, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(clade_graph_dot(graph, &dot, NULL), CLADE_OK);
	assert_non_null(strstr(dot, "digraph"));
	for (uint32_t i = 0; i < clade_graph_ir(graph)->node_count; i++) {
		const struct clade_ir_node *x = &clade_graph_ir(graph)->nodes[i], *y = &clade_graph_ir(again)->nodes[i];

		assert_string_equal(x->path, y->path);
		assert_ptr_equal(x->op, y->op);
		assert_int_equal(x->box, y->box);
		if (x->op->params_size)
			assert_memory_equal(x->params, y->params, x->op->params_size);
	}
	for (uint32_t i = 0; i < clade_graph_ir(graph)->box_count; i++)
		assert_ptr_equal(clade_graph_ir(graph)->boxes[i].op, clade_graph_ir(again)->boxes[i].op);
	clade_free(context, first);
	clade_free(context, second);
	clade_free(context, dot);
	clade_graph_destroy(&graph);
	clade_graph_destroy(&again);
}

/* ---- sources ---- */
static const struct store_tensor tensors[] = {
	{ "m", "F32", "[4,6]", 24 },  { "row", "F32", "[6]", 6 },       { "i", "I32", "[2,3]", 6 },
	{ "p.x", "F32", "[2,2]", 4 }, { "e.0", "F32", "[2,3]", 6 },     { "e.1", "F32", "[2,3]", 6 },
	{ "a{b}c", "F32", "[3]", 3 }, { "cube", "F32", "[2,3,4]", 24 }, { "l.0.w", "F32", "[2]", 2 },
	{ "l.1.w", "F32", "[2]", 2 },
};
static const char config[] =
	"{\"n\": 2, \"f\": 0.5, \"on\": true, \"act\": \"gelu\", \"nested\": {\"k\": 7}, \"null\": null,"
	"\"list\": [1]}";

struct collected {
	float values[64];
	int64_t rows;
	size_t columns;
};

static enum clade_status collect(void *user, int64_t first, int64_t count, const void *rows, struct clade_diag *diag)
{
	struct collected *collected = user;

	assert_int_equal(first, collected->rows);
	memcpy(collected->values + (size_t)first * collected->columns, rows, (size_t)count * collected->columns * 4);
	collected->rows += count;
	return CLADE_OK;
}

/* One weight with one source expression: its elements. */
static void check_source(struct clade_context *context, struct clade_store *store, const char *type,
			 const char *expression, const float *expected, size_t count)
{
	char text[1024];
	struct clade_graph *graph;
	const struct clade_type *made;
	struct collected collected = { .rows = 0 };
	bool integer = *type == 'i';

	snprintf(text, sizeof(text),
		 "clade 1; model \"m\"; dim T : run; param n : int; param f : float = 2\nweight w : %s\nweight alias : "
		 "f32[4, 6]\n"
		 "source hf { prefix \"\", \"p.\"; n = \"n\"; w = %s; alias = \"m\" }\n"
		 "entry main { input x : %s[T]; output y : %s = reshape(w, shape = [%zu]); output z : %s[T] = mul(x, "
		 "1) }\n",
		 type, expression, integer ? "i32" : "f32", integer ? "i32[6]" : "f32[COUNT]", count,
		 integer ? "i32" : "f32");
	if (strstr(text, "COUNT")) {
		char number[8];
		char *at = strstr(text, "COUNT");

		snprintf(number, sizeof(number), "%zu", count);
		memmove(at + strlen(number), at + 5, strlen(at + 5) + 1);
		memcpy(at, number, strlen(number));
	}
	graph = load(context, "m", text, store, NULL);
	made = &clade_graph_ir(graph)->weights[0].type;
	collected.columns = made->rank ? (size_t)made->dims[made->rank - 1] : 1;
	assert_int_equal(clade_graph_read_weight(graph, 0, 0, -1, collect, &collected, NULL), CLADE_OK);
	assert_int_equal((size_t)collected.rows * collected.columns, count);
	fixed_point(context, "m", text, store);
	for (size_t i = 0; i < count; i++) {
		float value = collected.values[i];
		int integer_value;

		memcpy(&integer_value, &collected.values[i], 4);
		if (integer)
			value = (float)integer_value;
		if (value != expected[i])
			print_error("%s: element %zu is %g, expected %g\n", expression, i, (double)value,
				    (double)expected[i]);
		assert_true(value == expected[i]);
	}
	clade_graph_destroy(&graph);
}

#define SOURCE(type, expression, ...)                                                                                  \
	check_source(*state, store, type, expression, (const float[]) { __VA_ARGS__ },                                 \
		     sizeof((const float[]) { __VA_ARGS__ }) / sizeof(float))

static void sources(void **state)
{
	char folder[] = "/tmp/clade-source-XXXXXX";
	struct clade_store *store = NULL;

	assert_true(graph_store_make(*state, folder, tensors, sizeof(tensors) / sizeof(tensors[0]), config, &store));
	SOURCE("f32[6]", "\"row\"", 1, 2, 3, 4, 5, 6);
	SOURCE("f32[2, 2]", "\"x\"", 1, 2, 3, 4); /* under its second prefix */
	SOURCE("f32[3]", "\"a{{b}c\"", 1, 2, 3);
	SOURCE("i32[2, 3]", "\"i\"", 1, 2, 3, 4, 5, 6);
	SOURCE("f32[6]", "\"absent\" else \"row\"", 1, 2, 3, 4, 5, 6);
	SOURCE("f32[6]", "\"absent\" else \"gone\" else \"row\" + 1", 2, 3, 4, 5, 6, 7);
	SOURCE("f32[2]", "\"l.{n - 1}.w\"", 1, 2);
	SOURCE("f32[6]", "(\"row\" * 2 + 1) / 2 - f", -0.5f, 0.5f, 1.5f, 2.5f, 3.5f, 4.5f);
	SOURCE("f32[6]", "10 - \"row\"", 9, 8, 7, 6, 5, 4);
	SOURCE("f32[6]", "60 / \"row\"", 60, 30, 20, 15, 12, 10);
	SOURCE("f32[2, 6]", "slice(\"m\", axis = 0, start = 1, end = 3)", 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18);
	SOURCE("f32[4, 2]", "slice(\"m\", -1, 2, 4)", 3, 4, 9, 10, 15, 16, 21, 22);
	SOURCE("f32[6, 4]", "transpose(\"m\")", 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23,
	       6, 12, 18, 24);
	SOURCE("f32[2, 4]", "slice(transpose(\"m\", [1, 0]), axis = 0, start = n, end = 2 * n) else none", 3, 9, 15, 21,
	       4, 10, 16, 22);
	SOURCE("f32[3, 2]", "reshape(\"row\", [3, n])", 1, 2, 3, 4, 5, 6);
	SOURCE("f32[2, 2, 3]", "stack(e < n: \"e.{e}\")", 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6);
	SOURCE("f32[2, 6]", "stack(\"row\", \"row\" * 3)", 1, 2, 3, 4, 5, 6, 3, 6, 9, 12, 15, 18);
	SOURCE("f32[2, 3, 2]", "stack(e < n: transpose(\"e.{e}\"))", 1, 4, 2, 5, 3, 6, 1, 4, 2, 5, 3, 6);
	SOURCE("f32[4, 3, 2]", "transpose(\"cube\", axes = [2, 1, 0])", 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3,
	       15, 7, 19, 11, 23, 4, 16, 8, 20, 12, 24);
	/* one head of four rows: 0, 2, 1, 3; two heads of two rows: as they are */
	SOURCE("f32[4, 6]", "rope_halves(\"m\", 1)", 1, 2, 3, 4, 5, 6, 13, 14, 15, 16, 17, 18, 7, 8, 9, 10, 11, 12, 19,
	       20, 21, 22, 23, 24);
	SOURCE("f32[6]", "rope_halves(\"row\", heads = 1)", 1, 3, 5, 2, 4, 6);
	SOURCE("f32[4, 6]", "alias", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	       24);
	clade_store_destroy(&store);
	graph_store_remove(folder);
}

static void bad_sources(void **state)
{
	static const struct {
		const char *map;
		unsigned id;
		const char *word;
	} table[] = {
		{ "n = \"n\"; w = \"roww\"", CLADE_MSG_GRAPH_WEIGHT, "`row`" },
		{ "n = \"n\"; w = \"m\"", CLADE_MSG_GRAPH_WEIGHT_TYPE, "f32[4, 6]" },
		{ "n = \"n\"; w = \"i\"", CLADE_MSG_GRAPH_WEIGHT_TYPE, "i32[2, 3]" },
		{ "n = \"n\"", CLADE_MSG_GRAPH_SOURCE, "does not say" },
		{ "n = \"n\"; w = \"row\"; v = \"row\"", CLADE_MSG_GRAPH_SOURCE, "no param or weight" },
		{ "n = \"n\"; w = \"row\"; w = \"row\"", CLADE_MSG_GRAPH_DUPLICATE, "twice" },
		{ "n = \"n\"; w[l] = \"row\"", CLADE_MSG_GRAPH_INDEX, "mapped with 1" },
		{ "n = \"absent\"; w = \"row\"", CLADE_MSG_GRAPH_PARAM, "none of the keys" },
		{ "n = \"null\"; w = \"row\"", CLADE_MSG_GRAPH_PARAM, "none of the keys" },
		{ "n = \"list\"; w = \"row\"", CLADE_MSG_GRAPH_PARAM_TYPE, "neither" },
		{ "n = \"act\"; w = \"row\"", CLADE_MSG_GRAPH_PARAM_TYPE, "declared int" },
		{ "n = \"n\"; w = w", CLADE_MSG_GRAPH_SOURCE, "itself" },
		{ "n = \"n\"; w = n", CLADE_MSG_GRAPH_SOURCE, "no weight" },
		{ "n = \"n\"; w = 3", CLADE_MSG_GRAPH_SOURCE, "comes from" },
		{ "n = \"n\"; w = slicee(\"row\")", CLADE_MSG_GRAPH_SOURCE, "`slice`" },
		{ "n = \"n\"; w = slice()", CLADE_MSG_GRAPH_MISSING, "tensor" },
		{ "n = \"n\"; w = slice(\"row\", 0, 0, 7)", CLADE_MSG_GRAPH_SOURCE_TYPE, "end" },
		{ "n = \"n\"; w = slice(\"row\", 1, 0, 6)", CLADE_MSG_GRAPH_SOURCE_TYPE, "axis" },
		{ "n = \"n\"; w = slice(\"row\", 0, 3, 3)", CLADE_MSG_GRAPH_SOURCE_TYPE, "start" },
		{ "n = \"n\"; w = slice(\"row\", 0)", CLADE_MSG_GRAPH_SOURCE_TYPE, "start" },
		{ "n = \"n\"; w = slice(\"row\", 0, 0, 6, 6)", CLADE_MSG_GRAPH_ARGUMENT, "once" },
		{ "n = \"n\"; w = slice(\"row\", ax = 0)", CLADE_MSG_GRAPH_ARGUMENT, "axis" },
		{ "n = \"n\"; w = transpose(\"row\")", CLADE_MSG_GRAPH_SOURCE_TYPE, "matrix" },
		{ "n = \"n\"; w = transpose(\"m\", [0, 0])", CLADE_MSG_GRAPH_SOURCE_TYPE, "once" },
		{ "n = \"n\"; w = reshape(\"m\", [5])", CLADE_MSG_GRAPH_SOURCE_TYPE, "as many" },
		{ "n = \"n\"; w = reshape(\"m\", [9223372036854775807, 9223372036854775807])",
		  CLADE_MSG_GRAPH_SOURCE_TYPE, "as many" },
		{ "n = \"n\"; w = rope_halves(\"row\", 2)", CLADE_MSG_GRAPH_SOURCE_TYPE, "heads" },
		{ "n = \"n\"; w = rope_halves(\"row\", 0)", CLADE_MSG_GRAPH_SOURCE_TYPE, "heads" },
		{ "n = \"n\"; w = stack(e < 0: \"row\")", CLADE_MSG_GRAPH_LIMIT, "from 1" },
		{ "n = \"n\"; w = stack(\"row\", \"m\")", CLADE_MSG_GRAPH_SOURCE_TYPE, "one type" },
		{ "n = \"n\"; w = \"row\" + \"row\"", CLADE_MSG_GRAPH_SOURCE_TYPE, "constant" },
		{ "n = \"n\"; w = \"row\" ** 2", CLADE_MSG_GRAPH_SOURCE_TYPE, "operator" },
		{ "n = \"n\"; w = \"row\" / 0", CLADE_MSG_GRAPH_SOURCE_TYPE, "zero" },
		{ "n = \"n\"; w = \"i\" + 1", CLADE_MSG_GRAPH_SOURCE_TYPE, "floating" },
		{ "n = \"n\"; w = \"{f}\"", CLADE_MSG_GRAPH_SOURCE, "braces" },
		{ "n = \"n\"; w = \"{k}\"", CLADE_MSG_GRAPH_NAME, "not known" },
		{ "n = split(\"n\"); w = \"row\"", CLADE_MSG_GRAPH_SOURCE, "not split" },
		{ "n = size(\"m\"); w = \"row\"", CLADE_MSG_GRAPH_ARGUMENT, "an axis" },
		{ "n = size(m, 0); w = \"row\"", CLADE_MSG_GRAPH_ARGUMENT, "an axis" },
		{ "n = size(\"m\", 2); w = \"row\"", CLADE_MSG_GRAPH_SOURCE_TYPE, "rank 2" },
		{ "n = size(\"m\", -1); w = \"row\"", CLADE_MSG_GRAPH_SOURCE_TYPE, "axis -1" },
		{ "n = size(\"absent\", 0); w = \"row\"", CLADE_MSG_GRAPH_PARAM, "none of the keys" },
		{ "n = \"n\"; w = \"row\" }; require n == 3, \"n {n}\"; source other { ", CLADE_MSG_GRAPH_REQUIRE,
		  "n 2 (n = 2 from key \"n\")" },
		{ "n = \"absent\" else \"nested.k\"; w = \"row\" }; require n == 3 or f < 2, \"f {f}\"; source other "
		  "{ ",
		  CLADE_MSG_GRAPH_REQUIRE, "f 2.0 (n = 7 from key \"nested.k\", f = 2.0)" },
	};
	char folder[] = "/tmp/clade-source-XXXXXX", text[1024];
	struct clade_store *store = NULL;
	unsigned wrong = 0;

	assert_true(graph_store_make(*state, folder, tensors, sizeof(tensors) / sizeof(tensors[0]), config, &store));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct clade_graph_params params = {
			.size = sizeof(params), .path = "t", .text = text, .store = store
		};
		struct clade_graph *graph = NULL;
		struct clade_diag diag;

		clade_diag_init(&diag);
		snprintf(text, sizeof(text),
			 "clade 1; model \"m\"; param n : int; param f : float = 2; weight w : f32[6]; source hf { %s "
			 "}\n"
			 "entry main { input x : f32[6]; output y : f32[6] = mul(x, w) }\n",
			 table[i].map);
		if (clade_graph_create(*state, &params, &graph, &diag) != CLADE_ERR_DATA || diag.id != table[i].id ||
		    !strstr(diag.text, table[i].word) || strncmp(diag.where, "t:1:", 4) != 0) {
			print_error("%s: [%u] %s: %s\n", table[i].map, diag.id, diag.where, diag.text);
			wrong++;
		}
		clade_graph_destroy(&graph);
	}
	assert_int_equal(wrong, 0);
	clade_store_destroy(&store);
	graph_store_remove(folder);
}

static void source_params(void **state)
{
	static const char text[] =
		"clade 1; model \"m\"; param a, b, c, n : int; param f, g : float; param on : bool; param act, none_ : "
		"string\n"
		"param ks[n] : int; param k0 : int = ks[0]; param k1 : int = ks[1]; param whole : int = 7.5 // f\n"
		"param same[2] : bool = true; param nul, filled, given : int\n"
		"param later : int = n * 3; weight w : f32[2]; weight v : f32[2]\n"
		"source hf { a = \"absent\" else n * 2; n = \"n\"; b = \"nested.k\"; c = size(\"no\", 0) "
		"else size(\"l.{n - 2}.w\", 0) + size(\"m\", 1); f = \"f\"; g = \"n\" / 4.0; on = "
		"\"on\" == true\n"
		" ks[l] = \"list.{l}\" else 10 * l; nul = \"absent\" else null(\"null\", 5) else 6; filled = "
		"null(\"n\", 5) else null(\"nope\", 5) else 6\n given = \"n\" else null(\"n\", 5)\n"
		" act = \"act\"; none_ = \"nope\" else literal(\"relu\"); w = \"nope\" else none; v = \"l.0.w\" }\n"
		"entry main { input x : f32[2]\n require same[1], \"same\"\n if has(w) { x = mul(x, w) } else { x = "
		"add(x, v) }\n output y : "
		"f32[2] = x }\n";
	static const struct {
		const char *name;
		enum clade_meta_kind kind;
		double value;
		const char *text;
	} table[] = { { "a", CLADE_META_INT, 4, NULL },        { "n", CLADE_META_INT, 2, NULL },
		      { "b", CLADE_META_INT, 7, NULL },        { "c", CLADE_META_INT, 8, NULL },
		      { "f", CLADE_META_FLOAT, 0.5, NULL },    { "g", CLADE_META_FLOAT, 0.5, NULL },
		      { "on", CLADE_META_BOOL, 1, NULL },      { "later", CLADE_META_INT, 6, NULL },
		      { "act", CLADE_META_STRING, 0, "gelu" }, { "none_", CLADE_META_STRING, 0, "relu" } };
	char folder[] = "/tmp/clade-source-XXXXXX";
	struct clade_store *store = NULL;
	struct clade_graph *graph;
	struct clade_meta meta;

	assert_true(graph_store_make(*state, folder, tensors, sizeof(tensors) / sizeof(tensors[0]), config, &store));
	graph = load(*state, "m", text, store, NULL);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(clade_graph_param(graph, table[i].name, &meta));
		assert_int_equal(meta.kind, table[i].kind);
		if (table[i].text)
			assert_string_equal(meta.s, table[i].text);
		else
			assert_true((meta.kind == CLADE_META_BOOL ? (double)meta.i : meta.f) == table[i].value);
	}
	assert_false(clade_graph_param(graph, "w", &meta));
	assert_false(clade_graph_param(graph, "ks", &meta));
	assert_int_equal(clade_graph_ir(graph)->weight_count, 1);
	assert_string_equal(clade_graph_ir(graph)->nodes[0].op->name, "add");
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
	graph_store_remove(folder);
}

static void open_model(struct clade_context *context, const char *graph, const char *weights)
{
	struct clade_store *store = NULL;

	if (access(weights, R_OK)) {
		print_message("skipped: %s is not there\n", weights);
		return;
	}
	assert_int_equal(clade_store_create(context, &store, NULL), CLADE_OK);
	assert_int_equal(clade_store_add(store, weights, NULL), CLADE_OK);
	fixed_point(context, graph, NULL, store);
	clade_store_destroy(&store);
}

static void flatten(void **state)
{
	static const char *const models[] = { "ct2-aren-transliteration", "gpt-nano-sort", "g2p-id-bert" };
	static const char *const seeds[] = { "sdpa", "scale", "shapes", "language" };
	char graph[512], weights[512];

	fixed_point(*state, "small", small, NULL);
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		snprintf(graph, sizeof(graph), "%s/tests/graph/seeds/%s.graph", source_root, seeds[i]);
		fixed_point(*state, graph, NULL, NULL);
	}
	snprintf(graph, sizeof(graph), "%s/models/dates/model.graph", source_root);
	snprintf(weights, sizeof(weights), "%s/models/dates", source_root);
	strcat(weights, "/model.safetensors");
	if (access(weights, R_OK) == 0)
		*strrchr(weights, '/') = 0;
	open_model(*state, graph, weights);
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		snprintf(graph, sizeof(graph), "%s/tests/models/%s.graph", source_root, models[i]);
		fixed_point(*state, graph, NULL, NULL);
		snprintf(weights, sizeof(weights), "%s/../shared/data/%s/model.safetensors", source_root, models[i]);
		open_model(*state, graph, weights);
	}
}

/* Every file of the library can be included, and every block op has a block of its name there that matches. */
static void library(void **state)
{
	char path[512], text[4096] = "clade 1\nmodel \"m\"\n";
	struct clade_graph *graph;
	unsigned files = 0;
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/graph/lib", source_root);
	folder = opendir(path);
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		size_t used = strlen(text);

		if (!strstr(entry->d_name, ".graph"))
			continue;
		snprintf(text + used, sizeof(text) - used, "include \"lib/%s\"\n", entry->d_name);
		files++;
	}
	closedir(folder);
	assert_true(files >= 7);
	strcat(text,
	       "dim T : run\nstate kc, vc : cache[1, 2, 4]\nweight w : f32[8, 8]\nweight g : f32[8]\nentry main { "
	       "input x : f32[1, T, 8]; input "
	       "a : i32[1, T]\n"
	       "a1 = add_norm(x, x, g, g, eps = 1e-6); a2 = add_norm(x, x, g); f1 = feed_forward(x, w, g, w, g, "
	       "act = \"silu\")\n"
	       "f2 = feed_forward(x, w1 = w, w2 = w, residual = x)\nf3 = gated_feed_forward(x, w, w, w, b3 = g, act = "
	       "\"swish\")\n"
	       "f4, f5, f6 = qkv(x, w, w, w, bk = g); f7 = linear_add(x, w, residual = f3)\nm, p = "
	       "multi_head_attention(x, f2, w, w, w, w, 2, bq = g, "
	       "causal = true)\n"
	       "q = split_heads(m, heads = 2); r = rope_attention(q, q, q, a, kc, vc, scale = 0.5); mask = "
	       "causal_padding_mask(q, q, a)\n"
	       "output y : f32[1, 2, T, 4] = attention(q, q, q, mask = mask)\noutput z : f32[1, 2, T, T] = p\n"
	       "output u : f32[1, T, 8] = add(add(a1, a2), f1)\n"
	       "output s : f32[1, 2, T, 4] = r }\n");
	graph = load(*state, "m", text, NULL, NULL);
	for (uint32_t i = 0; i < clade_graph_ir(graph)->box_count; i++) {
		const struct clade_ir_box *box = &clade_graph_ir(graph)->boxes[i];
		const struct clade_op *op = box->block ? clade_op_find(*state, box->block) : NULL;

		assert_ptr_equal(box->op, op);
	}
	for (size_t i = 0; i < clade_op_count(*state); i++) {
		const struct clade_op *op = clade_op_at(*state, i);

		bool used = !(op->flags & CLADE_OP_BLOCK);

		for (uint32_t b = 0; b < clade_graph_ir(graph)->box_count; b++)
			used |= clade_graph_ir(graph)->boxes[b].op == op;
		if (!used)
			print_error("the text above calls no block %s\n", op->name);
		assert_true(used);
	}
	clade_graph_destroy(&graph);
}

/* ---- every allocation fails in turn ---- */
struct counting {
	long live, left; /* left: allocations until one fails; negative: never */
	bool lasting;
};

static void *count_resize(void *user, void *memory, size_t bytes)
{
	struct counting *counting = user;
	void *made;

	if (bytes && counting->left >= 0 && (counting->left == 0 || --counting->left == 0)) {
		if (!counting->lasting)
			counting->left = -1;
		return NULL;
	}
	if (!bytes) {
		counting->live -= memory != NULL;
		free(memory);
		return NULL;
	}
	made = realloc(memory, bytes);
	counting->live += made && !memory;
	return made;
}

static enum clade_status make_and_print(struct clade_context *context, const char *text, struct clade_diag *diag)
{
	struct clade_graph_params params = { .size = sizeof(params), .path = "t", .text = text };
	struct clade_graph *graph = NULL;
	char *flat = NULL, *dot = NULL, *svg = NULL;
	enum clade_status status;

	clade_diag_init(diag);
	status = clade_graph_create(context, &params, &graph, diag);
	if (!status)
		status = clade_graph_flatten(graph, &flat, diag);
	if (!status)
		status = clade_graph_dot(graph, &dot, diag);
	if (!status)
		status = clade_graph_svg(graph, &svg, diag);
	clade_free(context, svg);
	clade_free(context, flat);
	clade_free(context, dot);
	clade_graph_destroy(&graph);
	return status;
}

static void allocations(void **state)
{
	struct counting counting = { .left = -1 };
	struct clade_allocator allocator = { count_resize, &counting };
	struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
	struct clade_context *context = NULL;
	char path[512], text[8192] = "";
	FILE *file;

	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
	assert_int_equal(clade_context_add_builtins(context, NULL), CLADE_OK);
	snprintf(path, sizeof(path), "%s/tests/graph/seeds/language.graph", source_root);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	for (int lasting = 0; lasting < 2; lasting++) {
		enum clade_status status = CLADE_ERR_MEMORY;
		long n = 0, live = counting.live;
		struct clade_diag diag;

		counting.lasting = lasting;
		while (status) {
			counting.left = ++n;
			status = make_and_print(context, text, &diag);
			if (status && status != CLADE_ERR_MEMORY)
				print_error("allocation %ld: %s: %s\n", n, diag.where, diag.text);
			assert_true(status == CLADE_OK || (status == CLADE_ERR_MEMORY && diag.text[0]));
			assert_int_equal(counting.live, live);
			assert_true(n < 100000);
			if (!status && counting.left < 0) /* it failed where that does not matter */
				status = CLADE_ERR_MEMORY;
		}
		counting.left = -1;
		print_message("%ld allocations failed, %s\n", n - 1, lasting ? "and all after them" : "each once");
	}
	clade_context_destroy(&context);
	assert_int_equal(counting.live, 0);
}

int main(int count, char **words)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dims),        cmocka_unit_test(expansion),
		cmocka_unit_test(binding),     cmocka_unit_test(sources),
		cmocka_unit_test(bad_sources), cmocka_unit_test(source_params),
		cmocka_unit_test(flatten),     cmocka_unit_test(library),
		cmocka_unit_test(allocations), cmocka_unit_test(chunk_over_rows),
	};

	if (count < 2) {
		fprintf(stderr, "usage: test_graph SOURCE_ROOT\n");
		return 2;
	}
	source_root = words[1];
	return cmocka_run_group_tests(tests, graph_setup, graph_teardown);
}

/* SPDX-License-Identifier: MIT */
/* States kept as f16: which ones, the same bits on every device, half the memory, and values that are near. */
#include "session_test.h"

#include <math.h>

#include <clade/step.h>

#define WIDTH 8

/* kc, vc and memory are kept; `sum` meets another op, `shown` is an output and `partner` its partner at an attention.
 */
static const char graph_text[] =
	"clade 1\nmodel \"kept\"\ndim B : session\ndim T, S : run\n"
	"weight wq : f32[8, 8]\nweight wk : f32[8, 8]\nweight wv : f32[8, 8]\nweight wo : f32[8, 8]\n"
	"state kc, vc : cache[B, 2, 4]\nstate memory : f32[B, 2, S, 4]\nstate memory_mask : bool[B, 1, 1, S]\n"
	"state sum : f32[B, S, 8]\nstate shown, partner : f32[B, 2, S, 4]\n"
	"entry encode {\n  input source : f32[B, S, 8]\n  input keep : i32[B, S] = 1\n"
	"  h = split_heads(linear(source, wk), heads = 2)\n  memory <- h\n"
	"  memory_mask <- reshape(greater(keep, 0), shape = [B, 1, 1, S])\n"
	"  sum <- add(source, sum)\n  shown <- h\n  partner <- h\n"
	"  output kept : f32[B, 2, S, 4] = shown\n}\n"
	"entry decode after encode chunk T {\n  input x : f32[B, T, 8]\n  input pos : i32[B, T] = range\n"
	"  q = split_heads(linear(x, wq), heads = 2)\n"
	"  kc <- cache_write(split_heads(linear(x, wk), heads = 2), pos)\n"
	"  vc <- cache_write(split_heads(linear(x, wv), heads = 2), pos)\n"
	"  a = attention(q, kc, vc, causal = true, q_pos = pos)\n"
	"  c = attention(q, memory, memory, mask = memory_mask)\n"
	"  e = attention(q, shown, partner)\n"
	"  output y : f32[B, T, 8] = add(x, linear(merge_heads(add(add(a, c), e)), wo))\n}\n";

static struct clade_graph *make_graph(struct fixture *f, struct clade_store *store, enum clade_dtype dtype)
{
	f->state_dtype = dtype;
	return fixture_graph(f, graph_text, store);
}

static void test_which(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *plain = make_graph(f, store, CLADE_F32), *halved = make_graph(f, store, CLADE_F16);
	struct clade_graph_totals totals;
	char *text, *same;

	clade_graph_get_totals(plain, &totals);
	assert_int_equal(totals.states, 7);
	assert_int_equal(totals.kept_states, 0);
	clade_graph_get_totals(halved, &totals);
	assert_int_equal(totals.states, 7);
	assert_int_equal(totals.kept_states, 3);
	/* how states are kept is not the graph's */
	REQUIRE_OK(f, clade_graph_flatten(plain, &text, &f->diag));
	REQUIRE_OK(f, clade_graph_flatten(halved, &same, &f->diag));
	assert_string_equal(text, same);
	clade_free(f->context, text);
	clade_free(f->context, same);
	clade_graph_destroy(&plain);
	clade_graph_destroy(&halved);
	clade_store_destroy(&store);
}

static void test_other_types_are_refused(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph_params params = { .size = sizeof(params),
					     .path = "kept.graph",
					     .text = graph_text,
					     .store = store,
					     .state_dtype = CLADE_BF16 };
	struct clade_graph *graph;

	assert_int_equal(clade_graph_create(f->context, &params, &graph, &f->diag), CLADE_ERR_ARGUMENT);
	assert_null(graph);
	clade_store_destroy(&store);
}

/* A source of 3, a prompt of 5, then tokens one by one: all results one after another. */
static float *results(struct fixture *f, const struct clade_graph *graph, size_t device, uint64_t *out_state_bytes)
{
	struct clade_session *session = fixture_session(f, graph, f->devices[device], NULL, 16);
	float source[2 * 3 * WIDTH], x[2 * 5 * WIDTH], *all = calloc(2 * 8 * WIDTH, sizeof(float)), *at = all;
	struct clade_input input = f32_input("source", source, 3, DIMS(2, 3, WIDTH));
	struct clade_plan_totals totals;

	fixture_random(source, 2 * 3 * WIDTH, 1);
	REQUIRE_OK(f, clade_session_run(session, "encode", &input, 1, &f->diag));
	for (int32_t first = 0, count = 5; first < 8; first += count, count = 1) {
		int32_t positions[10];
		struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(2, count, WIDTH)),
						i32_input("pos", positions, 2, DIMS(2, count)) };
		float *y;

		for (int32_t i = 0; i < 2 * count; i++)
			positions[i] = first + i % count;
		fixture_random(x, (size_t)(2 * count * WIDTH), 7 + (uint32_t)first);
		REQUIRE_OK(f, clade_session_run(session, "decode", inputs, 2, &f->diag));
		y = fixture_output(f, session, "y", 2 * count * WIDTH);
		memcpy(at, y, (size_t)(2 * count * WIDTH) * sizeof(float));
		at += 2 * count * WIDTH;
		free(y);
	}
	assert_true(clade_session_totals(session, "decode", &totals));
	*out_state_bytes = totals.state_bytes;
	clade_session_destroy(&session);
	return all;
}

static void test_same_bits_near_values_less_memory(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *plain = make_graph(f, store, CLADE_F32), *halved = make_graph(f, store, CLADE_F16);
	uint64_t plain_bytes, bytes;
	float *exact = results(f, plain, 0, &plain_bytes), *want = results(f, halved, 0, &bytes);
	bool differs = false;

	/* two caches of 2 * 16 * 8 and the source's 2 * 3 * 8 */
	assert_int_equal(plain_bytes - bytes, (2 * 2 * 16 * 8 + 2 * 3 * 8) * 2);
	for (int i = 0; i < 2 * 8 * WIDTH; i++) {
		assert_true(fabsf(exact[i] - want[i]) < 2e-3f);
		differs |= exact[i] != want[i];
	}
	assert_true(differs);
	for (size_t d = 1; d < f->device_count; d++) {
		float *got = results(f, halved, d, &plain_bytes);

		assert_memory_equal(got, want, 2 * 8 * WIDTH * sizeof(float));
		assert_int_equal(plain_bytes, bytes);
		free(got);
	}
	free(exact);
	free(want);
	clade_graph_destroy(&plain);
	clade_graph_destroy(&halved);
	clade_store_destroy(&store);
}

static enum clade_status run_plain(const struct clade_run *run)
{
	return CLADE_ERR_UNSUPPORTED; /* never: it is refused before */
}

static const struct clade_impl plain_impl = { .size = sizeof(struct clade_impl),
					      .op = "attention",
					      .name = "plain",
					      .doc = "",
					      .needs = CLADE_NEEDS_HOST,
					      .run = run_plain };

static enum clade_status plain_entry(const struct clade_host *host, struct clade_registry *registry)
{
	return host->add_impl(registry, &plain_impl);
}

/* One that is named and does not read such states: the message says so, and what to do. */
static void test_readers_of_f32_are_refused(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = make_graph(f, store, CLADE_F16);
	const char *const rules[] = { "a=plain", NULL }, *const dims[] = { "B=1", "T=1", "S=3", NULL };
	struct clade_choices choices = { .size = sizeof(choices), .rules = rules };
	struct clade_session *session;

	REQUIRE_OK(f, clade_context_register(f->context, plain_entry, "", &f->diag));
	session = fixture_session(f, graph, f->devices[0], &choices, 16);
	assert_int_equal(clade_session_plan(session, "decode", dims, &f->diag), CLADE_ERR_USAGE);
	assert_non_null(strstr(f->diag.text, "attention.plain"));
	assert_non_null(strstr(f->diag.text, "states kept as f16"));
	assert_non_null(strstr(f->diag.text, "--kv-type f32"));
	clade_session_destroy(&session);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_which, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_other_types_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_readers_of_f32_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_same_bits_near_values_less_memory, fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}

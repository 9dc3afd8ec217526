/* SPDX-License-Identifier: MIT */
/* Caches with a window: the same bits as without, in memory that does not grow; what a ring has given up is refused. */
#include "session_test.h"

#include <clade/messages.h>

#define WIDTH 8

/* Three layers: a short window, one longer than a block of keys, none. `%s` stands for what makes the caches rings. */
static const char graph_text[] =
	"clade 1\nmodel \"rings\"\ndim B : session\ndim T : run\n"
	"weight wq : f32[8, 8]\nweight wk : f32[8, 8]\nweight wv : f32[8, 8]\nweight wo : f32[8, 8]\n"
	"param scale : float = 2.0\n"
	"state ka, va : cache[B, 2, 4]%s\nstate kb, vb : cache[B, 2, 4]%s\n"
	"block head(x, pos, keys, values, window) -> y {\n"
	"  q = split_heads(linear(x, wq), heads = 2)\n"
	"  keys <- cache_write(split_heads(linear(x, wk), heads = 2), pos)\n"
	"  values <- cache_write(split_heads(linear(x, wv), heads = 2), pos)\n"
	"  y = add(x, linear(merge_heads(attention(q, keys, values, causal = true, window = window, q_pos = pos,\n"
	"                                          scale = scale)), wo))\n}\n"
	"%s"
	"entry decode chunk T {\n  input x : f32[B, T, 8]\n  input pos : i32[B, T] = range\n"
	"  y = head(head(x, pos, ka, va, 5), pos, kb, vb, 300)\n%s  output y : f32[B, T, 8] = y\n}\n";

static struct clade_graph *make_graph(struct fixture *f, struct clade_store *store, bool rings, bool plain_layer)
{
	char text[2048];

	snprintf(text, sizeof(text), graph_text, rings ? " window 5" : "", rings ? " window 300" : "",
		 plain_layer ? "state kc, vc : cache[B, 2, 4]\n" : "",
		 plain_layer ? "  y = head(y, pos, kc, vc, 0)\n" : "");
	return fixture_graph(f, text, store);
}

/* Two sessions that get the same: `ring` on the device to test, `plain` without windows in the caches on `ref`. */
struct twins {
	struct fixture *f;
	struct clade_session *ring, *plain;
	int64_t batch;
	uint32_t seed;
	int runs;
};

static void run_both(struct twins *twins, const int32_t *positions, int64_t count)
{
	size_t values = (size_t)(twins->batch * count * WIDTH);
	float *x = calloc(values, sizeof(float)), *y, *want;
	struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(twins->batch, count, WIDTH)),
					i32_input("pos", positions, 2, DIMS(twins->batch, count)) };
	size_t given = positions ? 2 : 1;

	fixture_random(x, values, twins->seed++);
	REQUIRE_OK(twins->f, clade_session_run(twins->ring, "decode", inputs, given, &twins->f->diag));
	REQUIRE_OK(twins->f, clade_session_run(twins->plain, "decode", inputs, given, &twins->f->diag));
	y = fixture_output(twins->f, twins->ring, "y", (int64_t)values);
	want = fixture_output(twins->f, twins->plain, "y", (int64_t)values);
	assert_memory_equal(y, want, values * sizeof(float));
	twins->runs++;
	free(x);
	free(y);
	free(want);
}

/* All rows of the batch at positions [first, first + count), in runs of `step`. */
static void run_range(struct twins *twins, int64_t first, int64_t count, int64_t step)
{
	int32_t *positions = malloc((size_t)(twins->batch * step) * sizeof(int32_t));

	for (int64_t at = first; at < first + count; at += step) {
		int64_t n = first + count - at < step ? first + count - at : step;

		for (int64_t i = 0; i < twins->batch * n; i++)
			positions[i] = (int32_t)(at + i % n);
		run_both(twins, positions, n);
	}
	free(positions);
}

static bool is_slow(const struct fixture *f, size_t device)
{
	const struct clade_device_info *info = clade_device_get_info(f->devices[device]);

	return info->soft_fma || strstr(info->platform, "Oclgrind") || strstr(info->name, "Oclgrind");
}

static void test_same_bits_in_constant_memory(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);

	for (int layers = 0; layers < 2; layers++) {
		struct clade_graph *ring, *plain;

		f->state_dtype = layers ? CLADE_F16 : CLADE_F32;
		ring = make_graph(f, store, true, layers);
		plain = make_graph(f, store, false, layers);
		for (size_t d = 0; d < f->device_count; d++) {
			bool slow = is_slow(f, d);
			struct twins twins = { .f = f, .batch = 1, .seed = 1 };
			struct clade_device_counters before, after;
			struct clade_session_counters first, last;

			if (slow && layers)
				continue;
			twins.ring = fixture_session(f, ring, f->devices[d], NULL, 64);
			twins.plain = fixture_session(f, plain, f->devices[0], NULL, 64);
			run_both(&twins, NULL, slow ? 520 : 1300); /* longer than the smaller ring, in chunks */
			run_range(&twins, slow ? 520 : 1300, slow ? 300 : 700, slow ? 300 : 100);
			run_range(&twins, slow ? 820 : 2000, 2, 1);
			clade_device_get_counters(f->devices[d], &before);
			clade_session_get_counters(twins.ring, &first);
			run_range(&twins, slow ? 822 : 2002, slow ? 3 : 800, 1);
			clade_device_get_counters(f->devices[d], &after);
			clade_session_get_counters(twins.ring, &last);
			if (!layers && d > 0) {
				assert_int_equal(after.buffers_created, before.buffers_created);
				assert_int_equal(last.plans, first.plans);
				assert_int_equal(last.state_growths, first.state_growths);
			}
			clade_session_destroy(&twins.ring);
			clade_session_destroy(&twins.plain);
		}
		clade_graph_destroy(&ring);
		clade_graph_destroy(&plain);
	}
	clade_store_destroy(&store);
}

/* Rows of a batch at different places, padding among them, and permuted. */
static void test_rows_go_their_own_ways(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *ring = make_graph(f, store, true, true), *plain = make_graph(f, store, false, true);

	for (size_t d = 0; d < f->device_count; d++) {
		struct twins twins = { .f = f, .batch = 3, .seed = 5 };
		int32_t at[3] = { 0, 0, 0 }, positions[3 * 300];
		const int32_t rows[] = { 2, 0, 0, 1 };
		int steps = is_slow(f, d) ? 1 : 6;

		twins.ring = fixture_session(f, ring, f->devices[d], NULL, 64);
		twins.plain = fixture_session(f, plain, f->devices[0], NULL, 64);
		for (int s = 0; s < steps; s++) {
			for (int b = 0; b < 3; b++) { /* 300, 299 or 3 rows, the others padding */
				int count = b == 0 ? 300 : b == 1 ? 299 - s : 3;

				for (int t = 0; t < 300; t++)
					positions[b * 300 + t] = t < count ? at[b]++ : -1;
			}
			run_both(&twins, positions, 300);
		}
		REQUIRE_OK(f, clade_session_permute(twins.ring, rows, 4, &f->diag));
		REQUIRE_OK(f, clade_session_permute(twins.plain, rows, 4, &f->diag));
		twins.batch = 4;
		for (int s = 0; s < 3; s++) {
			for (int b = 0; b < 4; b++)
				positions[b] = b == 1 && s > 0 ? -1 : at[rows[b]] + s;
			run_both(&twins, positions, 1);
		}
		/* a row that begins again needs nothing of what it was */
		for (int b = 0; b < 4; b++)
			for (int t = 0; t < 9; t++)
				positions[b * 9 + t] = b == 0 ? t : -1;
		run_both(&twins, positions, 9);
		clade_session_destroy(&twins.ring);
		clade_session_destroy(&twins.plain);
	}
	clade_graph_destroy(&ring);
	clade_graph_destroy(&plain);
	clade_store_destroy(&store);
}

static void test_lost_positions_are_refused(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *ring = make_graph(f, store, true, false), *plain = make_graph(f, store, false, false);
	struct twins twins = { .f = f, .batch = 1, .seed = 3 };
	float x[2 * WIDTH] = { 0 };
	int32_t positions[2] = { 0, 0 };
	struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(1, 2, WIDTH)),
					i32_input("pos", positions, 2, DIMS(1, 2)) };
	static const struct {
		int32_t positions[2];
		enum clade_status status;
	} cases[] = {
		{ { 1500, 1501 }, CLADE_OK },
		{ { 1300, 1301 }, CLADE_OK }, /* a little way back */
		{ { 700, 701 }, CLADE_ERR_DATA },
		{ { 5, 6 }, CLADE_ERR_DATA }, /* its window is gone */
		{ { 1503, 1504 }, CLADE_ERR_DATA },
		{ { 1502, 1504 }, CLADE_ERR_DATA }, /* what lies between? */
		{ { 1501, 600 }, CLADE_ERR_DATA },
		{ { -1, -1 }, CLADE_OK }, /* too far apart */
		{ { 0, 1 }, CLADE_OK },
		{ { 2, 3 }, CLADE_OK },
		{ { 1502, 1503 }, CLADE_ERR_DATA }, /* a new text */
	};

	twins.ring = fixture_session(f, ring, f->devices[0], NULL, 0);
	twins.plain = fixture_session(f, plain, f->devices[0], NULL, 0);
	run_range(&twins, 0, 1500, 500);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(positions, cases[i].positions, sizeof(positions));
		clade_diag_reset(&f->diag);
		assert_int_equal(clade_session_run(twins.ring, "decode", inputs, 2, &f->diag), cases[i].status);
		if (cases[i].status)
			assert_int_equal(f->diag.id, CLADE_MSG_RING);
	}
	clade_diag_reset(&f->diag);
	REQUIRE_OK(f, clade_session_reset(twins.ring, &f->diag));
	REQUIRE_OK(f, clade_session_reset(twins.plain, &f->diag));
	run_range(&twins, 0, 900, 300);
	clade_session_destroy(&twins.ring);
	clade_session_destroy(&twins.plain);
	clade_graph_destroy(&ring);
	clade_graph_destroy(&plain);
	clade_store_destroy(&store);
}

static void count_good(void *user, const struct clade_verify_node *node)
{
	int *seen = user;

	seen[0]++;
	seen[1] += node->ok && node->bit_equal && node->cumulative_bit_equal;
}

/* Node by node, twice: the second goes on in the caches of the first. */
static void test_verify(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_choices choices = { .size = sizeof(choices), .keep_values = true };
	struct clade_graph *graph;
	float x[6 * WIDTH];

	f->state_dtype = CLADE_F16;
	graph = make_graph(f, store, true, true);

	fixture_random(x, 6 * WIDTH, 2);
	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, graph, f->devices[d], &choices, 16);

		for (int32_t run = 0; run < 2; run++) {
			int32_t positions[6] = { run * 6,     run * 6 + 1, run * 6 + 2,
						 run * 6 + 3, run * 6 + 4, run * 6 + 5 };
			struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(1, 6, WIDTH)),
							i32_input("pos", positions, 2, DIMS(1, 6)) };
			int seen[2] = { 0, 0 };

			REQUIRE_OK(f, clade_session_verify(session, "decode", inputs, 2, count_good, seen, NULL,
							   &f->diag));
			assert_true(seen[0] >= 20);
			assert_int_equal(seen[1], seen[0]);
		}
		clade_session_destroy(&session);
	}
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

/* The flattened text says the window and gives the same graph again. */
static void test_flatten(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = make_graph(f, store, true, true), *again;
	char *text, *second;

	REQUIRE_OK(f, clade_graph_flatten(graph, &text, &f->diag));
	assert_non_null(strstr(text, "cache[B, 2, 4] window 300\n"));
	again = fixture_graph(f, text, store);
	REQUIRE_OK(f, clade_graph_flatten(again, &second, &f->diag));
	assert_string_equal(text, second);
	clade_free(f->context, text);
	clade_free(f->context, second);
	clade_graph_destroy(&again);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_bits_in_constant_memory, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_rows_go_their_own_ways, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_lost_positions_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_verify, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_flatten, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}

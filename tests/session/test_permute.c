/* SPDX-License-Identifier: MIT */
/* Reordering the batch: after any permutations, expansions and shrinkings each row equals a run of its own history. */
#include "session_test.h"

#include <clade/messages.h>

#define WIDTH 8
#define SOURCE 3   /* rows of an encoder's input */
#define ROWS_MAX 6 /* of a batch */
#define STEPS_MAX 40

/* A state written once by `encode` beside two caches. */
static const char graph_text[] =
	"clade 1\nmodel \"beams\"\ndim B : session\ndim T, S : run\n"
	"weight wq : f32[8, 8]\nweight wk : f32[8, 8]\nweight wv : f32[8, 8]\nweight wo : f32[8, 8]\n"
	"state kc, vc : cache[B, 2, 4]\nstate memory : f32[B, 2, S, 4]\n"
	"entry encode {\n  input source : f32[B, S, 8]\n  memory <- split_heads(linear(source, wk), heads = 2)\n"
	"  output encoded : f32[B, S, 8] = source\n}\n"
	"entry decode after encode chunk T {\n  input x : f32[B, T, 8]\n  input pos : i32[B, T] = range\n"
	"  q = split_heads(linear(x, wq), heads = 2)\n  k = split_heads(linear(x, wk), heads = 2)\n"
	"  v = split_heads(linear(x, wv), heads = 2)\n  kc <- cache_write(k, pos)\n  vc <- cache_write(v, pos)\n"
	"  a = attention(q, kc, vc, causal = true, q_pos = pos)\n  c = attention(q, memory, memory)\n"
	"  y = add(x, linear(merge_heads(add(a, c)), wo))\n  output y : f32[B, T, 8] = y\n}\n";

struct history {
	float source[SOURCE * WIDTH], x[STEPS_MAX * WIDTH];
};

struct beams {
	struct fixture *f;
	struct clade_session *session;
	struct history rows[ROWS_MAX];
	int64_t batch, steps;
	uint32_t seed;
};

static void encode(struct beams *b)
{
	float source[ROWS_MAX * SOURCE * WIDTH] = { 0 };
	struct clade_input input = f32_input("source", source, 3, DIMS(b->batch, SOURCE, WIDTH));

	for (int64_t i = 0; i < b->batch; i++) {
		fixture_random(b->rows[i].source, SOURCE * WIDTH, b->seed++);
		memcpy(source + i * SOURCE * WIDTH, b->rows[i].source, sizeof(b->rows[i].source));
	}
	REQUIRE_OK(b->f, clade_session_run(b->session, "encode", &input, 1, &b->f->diag));
}

/* The last row of y after a run of the whole history alone, on the reference device. */
static void expected(struct fixture *f, const struct clade_graph *graph, const struct history *row, int64_t steps,
		     float *out)
{
	struct clade_session *session = fixture_session(f, graph, f->devices[0], NULL, 0);
	struct clade_input source = f32_input("source", row->source, 3, DIMS(1, SOURCE, WIDTH));
	struct clade_input x = f32_input("x", row->x, 3, DIMS(1, steps, WIDTH));
	float *y;

	REQUIRE_OK(f, clade_session_run(session, "encode", &source, 1, &f->diag));
	REQUIRE_OK(f, clade_session_run(session, "decode", &x, 1, &f->diag));
	y = fixture_output(f, session, "y", steps * WIDTH);
	memcpy(out, y + (steps - 1) * WIDTH, WIDTH * sizeof(float));
	free(y);
	clade_session_destroy(&session);
}

/* One more position of every row; the results are compared with each row's own run. */
static void step(struct beams *b, const struct clade_graph *graph)
{
	float x[ROWS_MAX * WIDTH], want[WIDTH], *y;
	int32_t pos[ROWS_MAX];
	struct clade_input inputs[2];

	for (int64_t i = 0; i < b->batch; i++) {
		float *at = b->rows[i].x + b->steps * WIDTH;

		fixture_random(at, WIDTH, b->seed++);
		memcpy(x + i * WIDTH, at, WIDTH * sizeof(float));
		pos[i] = (int32_t)b->steps;
	}
	b->steps++;
	inputs[0] = f32_input("x", x, 3, DIMS(b->batch, 1, WIDTH));
	inputs[1] = i32_input("pos", pos, 2, DIMS(b->batch, 1));
	REQUIRE_OK(b->f, clade_session_run(b->session, "decode", inputs, 2, &b->f->diag));
	y = fixture_output(b->f, b->session, "y", b->batch * WIDTH);
	for (int64_t i = 0; i < b->batch; i++) {
		expected(b->f, graph, &b->rows[i], b->steps, want);
		assert_memory_equal(y + i * WIDTH, want, sizeof(want));
	}
	free(y);
}

static void permute(struct beams *b, const int32_t *rows, uint32_t count)
{
	struct history before[ROWS_MAX];

	memcpy(before, b->rows, sizeof(before));
	for (uint32_t i = 0; i < count; i++)
		b->rows[i] = before[rows[i]];
	b->batch = count;
	REQUIRE_OK(b->f, clade_session_permute(b->session, rows, count, &b->f->diag));
}
#define PERMUTE(b, ...)                                                                                                \
	permute(b, (const int32_t[]) { __VA_ARGS__ }, sizeof((const int32_t[]) { __VA_ARGS__ }) / sizeof(int32_t))

static void run_beams(struct fixture *f, const struct clade_graph *graph, size_t device, int64_t capacity)
{
	struct beams b = { .f = f, .batch = 2, .seed = 1 };
	struct clade_session_counters counters;

	b.session = fixture_session(f, graph, f->devices[device], NULL, capacity);
	encode(&b);
	PERMUTE(&b, 1, 0, 1); /* before the caches have any memory; to three rows */
	step(&b, graph);
	PERMUTE(&b, 2, 0, 0); /* a chain */
	step(&b, graph);
	PERMUTE(&b, 0, 1, 2); /* nothing moves */
	PERMUTE(&b, 1, 2, 0); /* a cycle */
	step(&b, graph);
	PERMUTE(&b, 1, 0, 2, 2, 0); /* a swap, a fixed row, and more rows */
	step(&b, graph);
	encode(&b);                 /* other sources: what was alike is so no more */
	PERMUTE(&b, 4, 3, 2, 1, 0); /* two swaps */
	step(&b, graph);
	PERMUTE(&b, 3, 4); /* fewer rows */
	step(&b, graph);
	PERMUTE(&b, 1, 1, 0, 0, 1); /* more again, where stale rows lie */
	for (int i = 0; i < 4; i++)
		step(&b, graph); /* caches of capacity 4 have grown by now */
	PERMUTE(&b, 4, 0, 1, 3, 2);
	step(&b, graph);
	clade_session_get_counters(b.session, &counters);
	assert_int_equal(counters.state_growths > 0, capacity < b.steps);
	clade_session_destroy(&b.session);
}

static void test_every_row_keeps_its_history(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);

	for (int halves = 0; halves < 2; halves++) {
		struct clade_graph *graph;

		f->state_dtype = halves ? CLADE_F16 : CLADE_F32;
		graph = fixture_graph(f, graph_text, store);
		for (size_t d = 0; d < f->device_count; d++) {
			run_beams(f, graph, d, 4);
			if (!halves)
				run_beams(f, graph, d, 8192); /* heads of 128 KiB, of which little is in use */
		}
		clade_graph_destroy(&graph);
	}
	clade_store_destroy(&store);
}

static void test_nothing_is_allocated_twice(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);

	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, graph, f->devices[d], NULL, 16);
		float x[3 * WIDTH] = { 1, 2, 3 };
		struct clade_input input = f32_input("x", x, 3, DIMS(3, 1, WIDTH));
		struct clade_device_counters before, after;
		struct clade_session_counters first, last;

		for (int i = 0; i < 4; i++) {
			REQUIRE_OK(f, clade_session_run(session, "decode", &input, 1, &f->diag));
			REQUIRE_OK(f, clade_session_permute(session, (const int32_t[]) { 1, 2, 0 }, 3, &f->diag));
			if (i == 0) {
				clade_device_get_counters(f->devices[d], &before);
				clade_session_get_counters(session, &first);
			}
		}
		clade_device_get_counters(f->devices[d], &after);
		clade_session_get_counters(session, &last);
		assert_int_equal(after.buffers_created, before.buffers_created);
		assert_int_equal(after.reads - before.reads, 3); /* y, once a run: permuting reads nothing back */
		assert_int_equal(last.plans, first.plans);
		assert_int_equal(last.binds, first.binds);
		clade_session_destroy(&session);
	}
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

static void test_bad_rows_are_refused(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, graph_text, store),
			   *plain = fixture_graph(f, fixture_sdpa_text, NULL);
	struct beams b = { .f = f, .batch = 2, .seed = 7 };
	static const int32_t good[] = { 1, 0 }, low[] = { 0, -1 }, high[] = { 0, 1, 2 };
	struct clade_session *session = fixture_session(f, plain, f->devices[0], NULL, 0);

	b.session = fixture_session(f, graph, f->devices[0], NULL, 4);
	assert_int_equal(clade_session_permute(b.session, good, 2, &f->diag), CLADE_ERR_USAGE); /* nothing has run */
	assert_int_equal(f->diag.id, CLADE_MSG_PERMUTE);
	encode(&b);
	step(&b, graph);
	clade_diag_reset(&f->diag);
	assert_int_equal(clade_session_permute(b.session, low, 2, &f->diag), CLADE_ERR_DATA);
	assert_int_equal(f->diag.id, CLADE_MSG_PERMUTE);
	clade_diag_reset(&f->diag);
	assert_int_equal(clade_session_permute(b.session, high, 3, &f->diag), CLADE_ERR_DATA);
	assert_non_null(strstr(f->diag.text, "row 2 is to become what row 2 is"));
	clade_diag_reset(&f->diag);
	assert_int_equal(clade_session_permute(b.session, good, 0, &f->diag), CLADE_ERR_USAGE);
	clade_diag_reset(&f->diag);
	assert_int_equal(clade_session_permute(session, good, 2, &f->diag), CLADE_ERR_USAGE); /* no states at all */
	clade_diag_reset(&f->diag);
	step(&b, graph); /* nothing has changed */
	clade_session_destroy(&session);
	clade_session_destroy(&b.session);
	clade_graph_destroy(&plain);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_row_keeps_its_history, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_allocated_twice, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_bad_rows_are_refused, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("permute", tests, NULL, NULL);
}

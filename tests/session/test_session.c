/* SPDX-License-Identifier: MIT */
/* Sessions end to end, on every device present: equal bits, caches, growth, fallback, views, locks, errors, counters.
 */
#include "session_test.h"

#include <math.h>
#include <unistd.h>

#include <clade/messages.h>

static void test_sdpa_against_double(void **state)
{
	struct fixture *f = *state;
	struct clade_graph *graph = fixture_graph(f, fixture_sdpa_text, NULL);
	enum { B = 2, T = 3, S = 5 };
	float q[B * T * 4], k[B * S * 4], v[B * S * 4];
	float *first = NULL;

	fixture_random(q, B * T * 4, 1);
	fixture_random(k, B * S * 4, 2);
	fixture_random(v, B * S * 4, 3);
	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, graph, f->devices[d], NULL, 0);
		struct clade_input inputs[] = { f32_input("q", q, 4, DIMS(B, 1, T, 4)),
						f32_input("k", k, 4, DIMS(B, 1, S, 4)),
						f32_input("v", v, 4, DIMS(B, 1, S, 4)) };
		float *y, *w;

		REQUIRE_OK(f, clade_session_run(session, "main", inputs, 3, &f->diag));
		y = fixture_output(f, session, "y", B * T * 4);
		w = fixture_output(f, session, "weights", B * T * S);
		for (int b = 0; b < B; b++)
			for (int t = 0; t < T; t++) {
				double s[S], sum = 0, want[4] = { 0 };
				int live = t + (S - T) + 1;

				for (int j = 0; j < live; j++) {
					s[j] = 0;
					for (int c = 0; c < 4; c++)
						s[j] += (double)q[(b * T + t) * 4 + c] * k[(b * S + j) * 4 + c];
					s[j] = exp(s[j] / 2);
					sum += s[j];
				}
				for (int j = 0; j < live; j++)
					for (int c = 0; c < 4; c++)
						want[c] += s[j] / sum * v[(b * S + j) * 4 + c];
				for (int c = 0; c < 4; c++)
					assert_true(fabs(y[(b * T + t) * 4 + c] - want[c]) < 1e-6);
				for (int j = 0; j < S; j++)
					assert_true(fabs(w[(b * T + t) * S + j] - (j < live ? s[j] / sum : 0)) < 1e-6);
			}
		if (first)
			assert_memory_equal(y, first, B * T * 4 * sizeof(float));
		else
			first = memcpy(malloc(sizeof(float) * B * T * 4), y, sizeof(float) * B * T * 4);
		free(y);
		free(w);
		clade_session_destroy(&session);
	}
	free(first);
	clade_graph_destroy(&graph);
}

/* Runs `total` rows in steps of `step` rows; returns all rows of y, [B, total, 8]. */
static float *decode(struct fixture *f, struct clade_session *session, const float *x, int64_t batch, int64_t total,
		     int64_t step)
{
	float *all = malloc((size_t)(batch * total * 8) * sizeof(float));
	float *part = malloc((size_t)(batch * step * 8) * sizeof(float));
	int32_t *pos = malloc((size_t)(batch * step) * sizeof(int32_t));

	for (int64_t first = 0; first < total; first += step) {
		int64_t count = total - first < step ? total - first : step;
		struct clade_input inputs[2];
		float *y;

		for (int64_t b = 0; b < batch; b++) {
			memcpy(part + b * count * 8, x + (b * total + first) * 8, (size_t)count * 8 * sizeof(float));
			for (int64_t t = 0; t < count; t++)
				pos[b * count + t] = (int32_t)(first + t);
		}
		inputs[0] = f32_input("x", part, 3, DIMS(batch, count, 8));
		inputs[1] = i32_input("pos", pos, 2, DIMS(batch, count));
		REQUIRE_OK(f, clade_session_run(session, "decode", inputs, 2, &f->diag));
		y = fixture_output(f, session, "y", batch * count * 8);
		for (int64_t b = 0; b < batch; b++)
			memcpy(all + (b * total + first) * 8, y + b * count * 8, (size_t)count * 8 * sizeof(float));
		free(y);
	}
	free(part);
	free(pos);
	return all;
}

static void test_cache_by_any_steps(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	enum { B = 2, N = 21 };
	float x[B * N * 8], *first = NULL;
	static const int64_t steps[] = { 21, 1, 4, 20 };

	fixture_random(x, B * N * 8, 9);
	for (size_t d = 0; d < f->device_count; d++)
		for (size_t s = 0; s < 4; s++) {
			struct clade_session *session = fixture_session(f, graph, f->devices[d], NULL, 4);
			struct clade_session_counters counters;
			float *y = decode(f, session, x, B, N, steps[s]);

			clade_session_get_counters(session, &counters);
			assert_true(counters.state_growths >= 1); /* from 4 rows to at least 21 */
			if (first)
				assert_memory_equal(y, first, sizeof(x));
			else
				first = memcpy(malloc(sizeof(x)), y, sizeof(x));
			free(y);
			clade_session_destroy(&session);
		}
	free(first);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

static void test_chunks_equal_one_piece(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	enum { N = 700 }; /* one chunk of 512 and one of 188 */
	float *x = malloc(N * 8 * sizeof(float)), *steps, *y;
	struct clade_session *session = fixture_session(f, graph, f->devices[0], NULL, N);
	struct clade_input input = f32_input("x", x, 3, DIMS(1, N, 8));

	fixture_random(x, N * 8, 4);
	REQUIRE_OK(f, clade_session_run(session, "decode", &input, 1, &f->diag)); /* pos: default range */
	y = fixture_output(f, session, "y", N * 8);
	REQUIRE_OK(f, clade_session_reset(session, &f->diag));
	steps = decode(f, session, x, 1, N, 100);
	assert_memory_equal(y, steps, N * 8 * sizeof(float));
	free(x);
	free(y);
	free(steps);
	clade_session_destroy(&session);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

static void test_tokens_plan_nothing(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	float x[8] = { 0.5f };

	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, graph, f->devices[d], NULL, 32);
		struct clade_session_counters before, after;
		struct clade_device_counters device_before, device_after;

		for (int32_t t = 0; t < 20; t++) {
			struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(1, 1, 8)),
							i32_input("pos", &t, 2, DIMS(1, 1)) };

			REQUIRE_OK(f, clade_session_run(session, "decode", inputs, 2, &f->diag));
			if (t == 0) {
				clade_session_get_counters(session, &before);
				clade_device_get_counters(f->devices[d], &device_before);
			}
		}
		clade_session_get_counters(session, &after);
		clade_device_get_counters(f->devices[d], &device_after);
		assert_int_equal(after.plans, before.plans);
		assert_int_equal(after.binds, before.binds);
		assert_int_equal(after.arena_allocations, before.arena_allocations);
		assert_int_equal(after.state_growths, 0);
		assert_int_equal(after.runs, 20);
		assert_int_equal(device_after.programs_built, device_before.programs_built);
		assert_int_equal(device_after.buffers_created, device_before.buffers_created);
		assert_int_equal(device_after.kernels_created, device_before.kernels_created);
		if (d > 0)
			assert_true(device_after.launches > device_before.launches);
		clade_session_destroy(&session);
	}
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

static void test_swapped_ops_and_copies(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	static const char *const sets[][3] = {
		{ "attention=ref" }, { "linear=ref", "add=ref" }, { "cache_write=ref" }, { "*=ref" }
	};
	enum { N = 6 };
	float x[N * 8], *first = NULL;

	fixture_random(x, N * 8, 5);
	for (size_t d = 0; d < f->device_count; d++)
		for (size_t s = 0; s < 4; s++) {
			struct clade_choices choices = { .size = sizeof(choices), .rules = sets[s] };
			struct clade_session *session = fixture_session(f, graph, f->devices[d], &choices, 16);
			struct clade_plan_totals totals;
			struct clade_plan_step step;
			float *y = decode(f, session, x, 1, N, 2);

			assert_true(clade_session_totals(session, "decode", &totals));
			assert_true(d == 0 ? totals.copies == 0 : totals.copies > 0);
			for (size_t i = 0; clade_session_step(session, "decode", i, &step); i++)
				if (s == 0 && !strcmp(step.op, "attention")) {
					assert_string_equal(step.impl, "ref");
					assert_string_equal(step.device, "ref");
					assert_string_equal(step.origin, "command line");
				}
			if (first)
				assert_memory_equal(y, first, sizeof(x));
			else
				first = memcpy(malloc(sizeof(x)), y, sizeof(x));
			free(y);
			clade_session_destroy(&session);
		}
	free(first);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

static void test_views_cost_nothing(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	static const char *const none[] = { NULL };
	static const char *const pinned[] = { "split_heads=ref", "merge_heads=ref", NULL };
	float x[3 * 8], *y[2];
	size_t views[2] = { 0 };

	fixture_random(x, 24, 5);
	for (int s = 0; s < 2; s++) {
		struct clade_choices choices = { .size = sizeof(choices), .rules = s ? pinned : none };
		struct clade_session *session = fixture_session(f, graph, f->devices[0], &choices, 16);
		struct clade_plan_step step;

		y[s] = decode(f, session, x, 1, 3, 3);
		for (size_t i = 0; clade_session_step(session, "decode", i, &step); i++)
			views[s] += step.is_view;
		clade_session_destroy(&session);
	}
	assert_int_equal(views[0], 4);
	assert_int_equal(views[1], 0);
	assert_memory_equal(y[0], y[1], sizeof(x));
	free(y[0]);
	free(y[1]);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

/* Implementations for GPUs are not chosen on other devices, but taken when named, and give the same bits. */
static void test_kinds_of_devices(void **state)
{
	static const char text[] = "clade 1\nmodel \"m\"\ndim R : run\nentry main {\n  input a : f32[R, 70]\n"
				   "  output y : f32[R, 70] = softmax(a)\n}\n";
	static const char *const none[] = { NULL }, *const named[] = { "softmax=cl.group", NULL };
	struct fixture *f = *state;
	struct clade_graph *graph = fixture_graph(f, text, NULL);

	for (size_t d = 0; d < f->device_count; d++) {
		const struct clade_device_info *info = clade_device_get_info(f->devices[d]);
		bool gpu = info->kind == CLADE_DEVICE_GPU, can = info->kind != CLADE_DEVICE_HOST && !info->loop_limit;

		for (int s = 0; s < 2; s++) {
			struct clade_choices choices = { .size = sizeof(choices), .rules = s ? named : none };
			struct clade_session *session = fixture_session(f, graph, f->devices[d], &choices, 0);
			static const char *const dims[] = { "R=3", NULL };
			struct clade_plan_step step;
			bool said = false;
			size_t i = 0;

			if (s && !can) {
				assert_int_not_equal(clade_session_plan(session, "main", dims, &f->diag), CLADE_OK);
				clade_diag_finish(&f->diag);
				clade_diag_init(&f->diag);
				clade_session_destroy(&session);
				continue;
			}
			REQUIRE_OK(f, clade_session_plan(session, "main", dims, &f->diag));
			while (clade_session_step(session, "main", i, &step) && strcmp(step.op, "softmax"))
				i++;
			assert_string_equal(step.op, "softmax");
			for (size_t r = 0; r < step.refusal_count; r++)
				said |= !strcmp(step.refusals[r].impl, "cl.group") &&
					strstr(step.refusals[r].why, "only by name") != NULL;
			if (s)
				assert_string_equal(step.impl, "cl.group");
			else
				assert_int_equal(said, !gpu);
			clade_session_destroy(&session);
		}
	}
	clade_graph_destroy(&graph);
}

/* The same bits from the implementations for GPUs, named, on whatever OpenCL device takes their groups. */
static void test_group_forms(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	static const char *const rules[] = { "linear=cl.local", "attention=cl.local", NULL };
	struct clade_choices choices = { .size = sizeof(choices), .rules = rules };
	struct clade_session *plain = fixture_session(f, graph, f->devices[0], NULL, 16);
	float x[6 * 8], *expected;

	fixture_random(x, 6 * 8, 5);
	expected = decode(f, plain, x, 1, 6, 2);
	for (size_t d = 0; d < f->device_count; d++) {
		const struct clade_device_info *info = clade_device_get_info(f->devices[d]);
		struct clade_session *session;
		float *y;

		if (info->kind == CLADE_DEVICE_HOST || info->loop_limit)
			continue; /* no OpenCL, or groups too small */
		session = fixture_session(f, graph, f->devices[d], &choices, 16);
		y = decode(f, session, x, 1, 6, 2);
		assert_memory_equal(y, expected, sizeof(x));
		free(y);
		clade_session_destroy(&session);
	}
	free(expected);
	clade_session_destroy(&plain);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

static void test_lock_round_trip(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	static const char *const rules[] = { "attention=ref", NULL };
	struct clade_choices choices = { .size = sizeof(choices), .rules = rules };
	float x[3 * 8], *y;
	struct clade_device *device = f->devices[f->device_count - 1];
	struct clade_session *session = fixture_session(f, graph, device, &choices, 16);
	char *lock = NULL, *again = NULL;

	fixture_random(x, 24, 5);
	y = decode(f, session, x, 1, 3, 3);
	free(y);
	REQUIRE_OK(f, clade_session_lock(session, &lock, &f->diag));
	assert_non_null(strstr(lock, "a = ref\n"));
	clade_session_destroy(&session);
	choices = (struct clade_choices) { .size = sizeof(choices), .lock_text = lock };
	session = fixture_session(f, graph, device, &choices, 16);
	y = decode(f, session, x, 1, 3, 3);
	free(y);
	REQUIRE_OK(f, clade_session_lock(session, &again, &f->diag));
	assert_string_equal(lock, again);
	clade_free(f->context, lock);
	clade_free(f->context, again);
	clade_session_destroy(&session);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

/* A block of the reader's own that has a library block's name, ports and attributes, but another body. */
static void test_namesake_of_a_library_block_is_not_fused(void **state)
{
	struct fixture *f = *state;
	static const char format[] =
		"clade 1\nmodel \"m\"\n%s\ndim R : run\nentry main {\n  input a : f32[R, 8]\n"
		"  input b : f32[R, 8]\n  input g : f32[8]\n  input c : f32[8]\n"
		"  z = add_norm(a, b, gamma = g, beta = c, eps = 1e-5)\n  output z : f32[R, 8] = z\n}\n";
	static const char *const blocks[2] = { "include \"lib/add_norm.graph\"",
					       "block add_norm(x, y, gamma, beta = none, eps = 1e-5) -> z {\n"
					       "  z = layer_norm(mul(x, y), gamma, beta, eps = eps)\n}" };
	struct clade_device *device = f->devices[f->device_count - 1];
	float a[16], g[8];

	fixture_random(a, 16, 1);
	fixture_random(g, 8, 2);
	for (int own = 0; own < 2; own++) {
		char text[1024];
		struct clade_graph *graph;
		struct clade_session *session;
		struct clade_input inputs[] = { f32_input("a", a, 2, DIMS(2, 8)), f32_input("b", a, 2, DIMS(2, 8)),
						f32_input("g", g, 1, DIMS(8)), f32_input("c", g, 1, DIMS(8)) };
		struct clade_plan_step step;
		size_t fused = 0;

		snprintf(text, sizeof(text), format, blocks[own]);
		graph = fixture_graph(f, text, NULL);
		session = fixture_session(f, graph, device, NULL, 0);
		REQUIRE_OK(f, clade_session_run(session, "main", inputs, 4, &f->diag));
		for (size_t i = 0; clade_session_step(session, "main", i, &step); i++)
			fused += step.is_block;
		if (clade_device_get_info(device)->kind != CLADE_DEVICE_HOST)
			assert_int_equal(fused, own ? 0 : 1);
		else
			assert_int_equal(fused, 0);
		clade_session_destroy(&session);
		clade_graph_destroy(&graph);
	}
}

/* A rule, a pin or a lock line that names something inside a block opens it; the bits stay. */
static void test_naming_an_inner_node_opens_the_block(void **state)
{
	struct fixture *f = *state;
	static const char format[] =
		"clade 1\nmodel \"m\"\ninclude \"lib/add_norm.graph\"\ndim R : run\nentry main {\n"
		"  input a : f32[R, 8]\n  input g : f32[8]\n"
		"  %sz = add_norm(a, a, gamma = g, beta = g, eps = 1e-5)\n  output z : f32[R, 8] = z\n}\n";
	static const char *const inner[] = { "z/s=ref", NULL }, *const whole[] = { "add_norm=ref", NULL };
	static const struct {
		const char *pin;
		const char *const *rules;
		const char *lock;
		size_t fused; /* on an OpenCL device */
	} cases[] = {
		{ "", NULL, NULL, 1 },
		{ "", inner, NULL, 0 },
		{ "", whole, NULL, 0 },
		{ "@impl(\"ref\") ", NULL, NULL, 0 },
		{ "", NULL, "clade-lock 1\nz/s = ref\n", 0 },
		{ "", NULL, "clade-lock 1\nz = cl\n", 1 },
	};
	struct clade_device *device = f->devices[f->device_count - 1];
	bool host = clade_device_get_info(device)->kind == CLADE_DEVICE_HOST;
	float a[24], *first = NULL;

	fixture_random(a, 24, 1);
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]) - (host ? 1 : 0); c++) {
		struct clade_choices choices = { .size = sizeof(choices),
						 .rules = cases[c].rules,
						 .lock_text = cases[c].lock };
		struct clade_input inputs[] = { f32_input("a", a, 2, DIMS(2, 8)), f32_input("g", a + 16, 1, DIMS(8)) };
		struct clade_session *session;
		struct clade_graph *graph;
		struct clade_plan_step step;
		size_t fused = 0;
		char text[1024];
		float *z;

		snprintf(text, sizeof(text), format, cases[c].pin);
		graph = fixture_graph(f, text, NULL);
		session = fixture_session(f, graph, device, &choices, 0);
		REQUIRE_OK(f, clade_session_run(session, "main", inputs, 2, &f->diag));
		for (size_t i = 0; clade_session_step(session, "main", i, &step); i++)
			fused += step.is_block;
		assert_int_equal(fused, host ? 0 : cases[c].fused);
		z = fixture_output(f, session, "z", 16);
		if (first)
			assert_memory_equal(z, first, 16 * sizeof(float));
		else
			first = memcpy(malloc(16 * sizeof(float)), z, 16 * sizeof(float));
		free(z);
		clade_session_destroy(&session);
		clade_graph_destroy(&graph);
	}
	free(first);
}

struct seen {
	size_t nodes, equal, cumulative;
};

static void count_node(void *user, const struct clade_verify_node *node)
{
	struct seen *seen = user;

	seen->nodes++;
	seen->equal += node->bit_equal && node->ok;
	seen->cumulative += node->cumulative_bit_equal;
}

static void test_verify_every_step(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	struct clade_choices choices = { .size = sizeof(choices), .keep_values = true };
	float x[5 * 8];

	fixture_random(x, 40, 5);
	for (size_t d = 0; d < f->device_count; d++) {
		struct clade_session *session = fixture_session(f, graph, f->devices[d], &choices, 16);

		for (int32_t run = 0; run < 2; run++) { /* the second continues the caches */
			int32_t pos[5] = { run * 5, run * 5 + 1, run * 5 + 2, run * 5 + 3, run * 5 + 4 };
			struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(1, 5, 8)),
							i32_input("pos", pos, 2, DIMS(1, 5)) };
			struct seen seen = { 0 };
			const char *first;

			REQUIRE_OK(f, clade_session_verify(session, "decode", inputs, 2, count_node, &seen, &first,
							   &f->diag));
			assert_null(first);
			assert_true(seen.nodes >= 8);
			assert_int_equal(seen.equal, seen.nodes);
			assert_int_equal(seen.cumulative, seen.nodes);
		}
		clade_session_destroy(&session);
	}
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

/* A model that does not fit is refused before a weight is read, and the numbers are said. */
static void test_no_room(void **state)
{
	struct fixture *f = *state;
	struct clade_store *store = fixture_decoder_store(f);
	struct clade_graph *graph = fixture_graph(f, fixture_decoder_text, store);
	float x[8] = { 1 };
	struct clade_input input = f32_input("x", x, 3, DIMS(1, 1, 8));

	for (size_t d = 0; d < f->device_count; d++) {
		enum clade_device_kind kind = clade_device_get_info(f->devices[d])->kind;
		struct clade_session_params params = { .size = sizeof(params), .capacity = 1 << 20 };
		struct clade_device_counters before, after;
		struct clade_session *session;
		struct clade_plan_totals totals;

		/* weights are 1 KiB, two caches of 2^20 rows 32 MiB each */
		params.host_bytes = (uint64_t)64 << 20;
		if (kind == CLADE_DEVICE_HOST || kind == CLADE_DEVICE_CPU) {
			REQUIRE_OK(f, clade_session_create(graph, f->devices[d], &params, &session, &f->diag));
			clade_device_get_counters(f->devices[d], &before);
			assert_int_equal(clade_session_run(session, "decode", &input, 1, &f->diag), CLADE_ERR_MEMORY);
			clade_device_get_counters(f->devices[d], &after);
			assert_int_equal(f->diag.id, CLADE_MSG_NO_ROOM);
			assert_non_null(strstr(f->diag.text, "states 64.0 MiB"));
			assert_int_equal(after.buffers_created, before.buffers_created);
			clade_diag_reset(&f->diag);
			clade_session_destroy(&session);
		}
		params.host_bytes = (uint64_t)66 << 20;
		REQUIRE_OK(f, clade_session_create(graph, f->devices[d], &params, &session, &f->diag));
		REQUIRE_OK(f, clade_session_run(session, "decode", &input, 1, &f->diag));
		REQUIRE_OK(f, clade_session_run(session, "decode", &input, 1, &f->diag));
		assert_true(clade_session_totals(session, "decode", &totals));
		assert_int_equal(totals.state_bytes, 64 << 20);
		clade_session_destroy(&session);
	}
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

/* However many threads read a weight, it is the same; and where one of them finds the file cut short, that is said. */
static void test_threads_that_read(void **state)
{
	enum { ROWS = 1001, COLUMNS = 1100 }; /* 4.4 MB: five threads have something to do */
	static const char text[] = "clade 1\nmodel \"m\"\nweight w : f32[1001, 1100]\nentry main {\n"
				   "  input x : f32[1, 1100]\n  output y : f32[1, 1001] = linear(x, w)\n}\n";
	static const char *const names[] = { "w" };
	static const uint32_t threads[] = { 0, 1, 2, 5, 64 };
	struct fixture *f = *state;
	struct clade_store *store = fixture_store(f, names, 1, ROWS, COLUMNS);
	struct clade_graph *graph = fixture_graph(f, text, store);
	const struct clade_store_tensor *tensor = clade_store_find(store, "w");
	float x[COLUMNS], first[ROWS], y[ROWS];
	struct clade_input input = f32_input("x", x, 2, DIMS(1, COLUMNS));

	fixture_random(x, COLUMNS, 3);
	for (int broken = 0; broken < 2; broken++) {
		if (broken)
			assert_int_equal(truncate(tensor->file, 3 * ROWS * COLUMNS), 0);
		for (size_t i = 0; i < f->device_count * 5; i++) {
			struct clade_session_params params = { .size = sizeof(params), .threads = threads[i % 5] };
			struct clade_session *session;
			enum clade_status status;

			REQUIRE_OK(f, clade_session_create(graph, f->devices[i / 5], &params, &session, &f->diag));
			status = clade_session_run(session, "main", &input, 1, &f->diag);
			if (broken) {
				assert_int_equal(status, CLADE_ERR_DATA);
				assert_int_equal(f->diag.id, CLADE_MSG_FILE_SHORT);
				clade_diag_reset(&f->diag);
			} else {
				REQUIRE_OK(f, status);
				REQUIRE_OK(f, clade_session_output(session, "y", NULL, i ? y : first, &f->diag));
				assert_true(i == 0 || !memcmp(first, y, sizeof(y)));
			}
			clade_session_destroy(&session);
		}
	}
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
}

static void test_wrong_inputs(void **state)
{
	struct fixture *f = *state;
	struct clade_graph *graph = fixture_graph(f, fixture_sdpa_text, NULL);
	struct clade_session *session = fixture_session(f, graph, f->devices[0], NULL, 0);
	float q[64] = { 0 };
	int32_t n[64] = { 0 };
	const struct {
		struct clade_input inputs[3];
		size_t count;
		unsigned id;
	} cases[] = {
		{ { f32_input("q", q, 4, DIMS(1, 1, 2, 4)) }, 1, CLADE_MSG_INPUT },
		{ { f32_input("qq", q, 4, DIMS(1, 1, 2, 4)) }, 1, CLADE_MSG_INPUT },
		{ { i32_input("q", n, 4, DIMS(1, 1, 2, 4)), f32_input("k", q, 4, DIMS(1, 1, 2, 4)),
		    f32_input("v", q, 4, DIMS(1, 1, 2, 4)) },
		  3,
		  CLADE_MSG_INPUT },
		{ { f32_input("q", q, 4, DIMS(1, 1, 2, 4)), f32_input("k", q, 4, DIMS(1, 1, 2, 4)),
		    f32_input("v", q, 4, DIMS(1, 1, 3, 4)) },
		  3,
		  0 },
		{ { f32_input("q", q, 3, DIMS(1, 2, 4)), f32_input("k", q, 4, DIMS(1, 1, 2, 4)),
		    f32_input("v", q, 4, DIMS(1, 1, 3, 4)) },
		  3,
		  0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clade_diag_reset(&f->diag);
		assert_int_not_equal(clade_session_run(session, "main", cases[i].inputs, cases[i].count, &f->diag),
				     CLADE_OK);
		assert_true(f->diag.text[0]);
		if (cases[i].id)
			assert_int_equal(f->diag.id, cases[i].id);
		clade_diag_reset(&f->diag);
		assert_int_not_equal(clade_session_output(session, "y", NULL, NULL, &f->diag), CLADE_OK);
	}
	clade_diag_reset(&f->diag);
	assert_int_equal(clade_session_run(session, "mian", NULL, 0, &f->diag), CLADE_ERR_USAGE);
	assert_non_null(strstr(f->diag.text, "'main'"));
	clade_diag_reset(&f->diag);
	clade_session_destroy(&session);
	clade_graph_destroy(&graph);
}

static void test_wrong_rules(void **state)
{
	struct fixture *f = *state;
	struct clade_graph *graph = fixture_graph(f, fixture_sdpa_text, NULL);
	static const struct {
		const char *rule;
		unsigned id;
	} cases[] = {
		{ "attention", CLADE_MSG_IMPL_SYNTAX },      { "attention=", CLADE_MSG_IMPL_SYNTAX },
		{ "=ref", CLADE_MSG_IMPL_SYNTAX },           { "attention=rf", CLADE_MSG_IMPL_UNKNOWN },
		{ "atention=ref", CLADE_MSG_IMPL_NO_MATCH }, { "layers.1/*=ref", CLADE_MSG_IMPL_NO_MATCH },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const rules[] = { cases[i].rule, NULL };
		struct clade_choices choices = { .size = sizeof(choices), .rules = rules };
		struct clade_session_params params = { .size = sizeof(params), .choices = &choices };
		struct clade_session *session;

		clade_diag_reset(&f->diag);
		assert_int_equal(clade_session_create(graph, f->devices[0], &params, &session, &f->diag),
				 CLADE_ERR_USAGE);
		assert_null(session);
		assert_int_equal(f->diag.id, cases[i].id);
	}
	clade_diag_reset(&f->diag);
	clade_graph_destroy(&graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sdpa_against_double, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_cache_by_any_steps, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_chunks_equal_one_piece, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_tokens_plan_nothing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_swapped_ops_and_copies, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_views_cost_nothing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_namesake_of_a_library_block_is_not_fused, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_naming_an_inner_node_opens_the_block, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_kinds_of_devices, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_group_forms, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_lock_round_trip, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_verify_every_step, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_no_room, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_threads_that_read, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_inputs, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_rules, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

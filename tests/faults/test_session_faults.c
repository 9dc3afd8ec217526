/* SPDX-License-Identifier: MIT */
/* Each OpenCL call and each allocation of making a session, running it and reading its outputs fails in turn: an error
 * that says so or a right answer, nothing leaked, and once the failure is over the same session goes on with the token
 * that failed (after the loss of the device: a new one) and gives the right bits. */
#include "../session/session_test.h"
#include "heap.h"
#include "shim.h"

#include <math.h>
#include <stdio.h>

#include <clade/step.h>

enum { BATCH = 2, TOKENS = 3, ROW = BATCH * 8, ANSWER = TOKENS * ROW };

static struct shim shim;

/* One graph with its inputs. `run` is one call with the outputs behind it; `runs` of them make the whole answer. */
struct subject {
	const char *text;
	bool has_store;
	int runs;
	enum clade_status (*run)(struct clade_session *session, int index, float *answer, struct clade_diag *diag);
	bool halves;              /* a weight that is stored as f16 */
	const char *const *rules; /* of all sessions but the one that gives the right answer; NULL: none */
};

static enum clade_status run_sdpa(struct clade_session *session, int index, float *answer, struct clade_diag *diag)
{
	enum { T = 3, S = 5 };
	float q[T * 4] = { 0 }, k[S * 4] = { 0 }, v[S * 4] = { 0 };
	struct clade_input inputs[] = { f32_input("q", q, 4, DIMS(1, 1, T, 4)), f32_input("k", k, 4, DIMS(1, 1, S, 4)),
					f32_input("v", v, 4, DIMS(1, 1, S, 4)) };
	enum clade_status status;

	fixture_random(q, T * 4, 1);
	fixture_random(k, S * 4, 2);
	fixture_random(v, S * 4, 3);
	status = clade_session_run(session, "main", inputs, 3, diag);
	if (!status)
		status = clade_session_output(session, "y", NULL, answer, diag);
	return status ? status : clade_session_output(session, "weights", NULL, answer + T * 4, diag);
}

/* Token `index`; the caches begin with one row and grow twice. */
static enum clade_status run_token(struct clade_session *session, int index, float *answer, struct clade_diag *diag)
{
	int32_t positions[BATCH] = { index, index };
	float x[ROW] = { 0 };
	struct clade_input inputs[] = { f32_input("x", x, 3, DIMS(BATCH, 1, 8)),
					i32_input("pos", positions, 2, DIMS(BATCH, 1)) };
	enum clade_status status;

	fixture_random(x, ROW, (uint32_t)index + 7);
	status = clade_session_run(session, "decode", inputs, 2, diag);
	return status ? status : clade_session_output(session, "y", NULL, answer + index * ROW, diag);
}

/* Caches that are rings, and a batch reordered before each token but the first. Doing a token again changes nothing:
 * both rows become what row 0 is. */
static const char beams_text[] =
	"clade 1\nmodel \"beams\"\ndim B : session\ndim T : run\n"
	"weight wq : f32[8, 8]\nweight wk : f32[8, 8]\nweight wv : f32[8, 8]\nweight wo : f32[8, 8]\n"
	"state kc, vc : cache[B, 2, 4] window 2\n"
	"entry decode chunk T {\n  input x : f32[B, T, 8]\n  input pos : i32[B, T] = range\n"
	"  kc <- cache_write(split_heads(linear(x, wk), heads = 2), pos)\n"
	"  vc <- cache_write(split_heads(linear(x, wv), heads = 2), pos)\n"
	"  q = split_heads(linear(x, wq), heads = 2)\n"
	"  a = attention(q, kc, vc, causal = true, window = 2, q_pos = pos)\n"
	"  output y : f32[B, T, 8] = linear(merge_heads(a), wo)\n}\n";

static enum clade_status run_beam(struct clade_session *session, int index, float *answer, struct clade_diag *diag)
{
	const int32_t rows[BATCH] = { 0, 0 };
	enum clade_status status = index ? clade_session_permute(session, rows, BATCH, diag) : CLADE_OK;

	return status ? status : run_token(session, index, answer, diag);
}

/* A weight stored as f16 that two layers read, one of them by an implementation that reads f32 only. */
static const char widened_text[] = "clade 1\nmodel \"widened\"\ndim B : session\nweight w : f32[8, 8]\n"
				   "entry main {\n  input x : f32[B, 8]\n  h = linear(x, w)\n"
				   "  output y : f32[B, 8] = linear(h, w)\n}\n";
static const char *const widened_rules[] = { "y=plain", NULL };

static enum clade_status run_widened(struct clade_session *session, int index, float *answer, struct clade_diag *diag)
{
	float x[ROW] = { 0 };
	struct clade_input input = f32_input("x", x, 2, DIMS(BATCH, 8));
	enum clade_status status;

	fixture_random(x, ROW, (uint32_t)index + 11);
	status = clade_session_run(session, "main", &input, 1, diag);
	return status ? status : clade_session_output(session, "y", NULL, answer, diag);
}

/* linear as ARITHMETIC.md has it, without a bias and for few columns. */
static enum clade_status plain_run(const struct clade_run *run)
{
	const float *x = run->inputs[0]->data, *w = run->inputs[1]->data;
	int64_t rows = run->inputs[0]->type.dims[0], k = run->inputs[1]->type.dims[1];
	int64_t n = run->inputs[1]->type.dims[0];
	float *y = run->outputs[0]->data;

	for (int64_t at = 0; at < rows * n; at++) {
		float sum = 0.0f;

		for (int64_t i = 0; i < k; i++)
			sum = fmaf(x[at / n * k + i], w[at % n * k + i], sum);
		y[at] = 0.0f + sum;
	}
	return CLADE_OK;
}

static const struct clade_impl plain = { .size = sizeof(struct clade_impl),
					 .op = "linear",
					 .name = "plain",
					 .doc = "",
					 .needs = CLADE_NEEDS_HOST,
					 .run = plain_run };

static enum clade_status plain_entry(const struct clade_host *host, struct clade_registry *registry)
{
	return host->add_impl(registry, &plain);
}

static const struct subject beams = { beams_text, true, TOKENS, run_beam };
static const struct subject sdpa = { fixture_sdpa_text, false, 1, run_sdpa };
static const struct subject decoder = { fixture_decoder_text, true, TOKENS, run_token };
static const struct subject widened = { widened_text, true, 1, run_widened, true, widened_rules };

struct world {
	const struct subject *subject;
	struct heap heap;
	struct fixture fixture; /* context and diag only */
	struct clade_store *store;
	struct clade_graph *graph;
	struct clade_device *device;
	struct clade_session *session;
	int done; /* runs that went well */
	const char *const *rules;
	float answer[ANSWER], right[ANSWER];
};

/* What is left of the answer, in the session at hand or in a new one. */
static enum clade_status attempt(struct world *w, struct clade_diag *diag)
{
	struct clade_choices choices = { .size = sizeof(choices), .rules = w->rules };
	struct clade_session_params params = { .size = sizeof(params), .choices = &choices, .capacity = 1 };
	enum clade_status status = CLADE_OK;

	if (!w->session) {
		w->done = 0;
		memset(w->answer, 0xa5, sizeof(w->answer));
		status = clade_session_create(w->graph, w->device, &params, &w->session, diag);
		assert_true(!status == !!w->session);
	}
	for (; w->done < w->subject->runs && !status; w->done += !status)
		status = w->subject->run(w->session, w->done, w->answer, diag);
	return status;
}

static void open_device(struct world *w, const char *name)
{
	clade_session_destroy(&w->session);
	clade_device_unref(&w->device);
	REQUIRE_OK(&w->fixture, clade_device_open(w->fixture.context, name, &w->device, &w->fixture.diag));
}

/* `w`, 8 by 8 numbers of both signs around 1, as f16. */
static struct clade_store *half_store(struct fixture *f)
{
	struct clade_type type = { CLADE_F16, 2, { 8, 8 } };
	struct clade_store *store = NULL;
	const char *temporary = getenv("TMPDIR");
	char folder[256], path[300];
	uint16_t values[64];

	for (size_t i = 0; i < 64; i++)
		values[i] = (uint16_t)(i % 3 * 0x8000 + 0x3800 + 37 * i);
	snprintf(folder, sizeof(folder), "%s/clade-halves-XXXXXX", temporary ? temporary : "/tmp");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/w.npy", folder);
	REQUIRE_OK(f, clade_store_create(f->context, &store, &f->diag));
	REQUIRE_OK(f, clade_npy_write(f->context, path, &type, values, &f->diag));
	REQUIRE_OK(f, clade_store_add(store, path, &f->diag));
	return store;
}

static struct world *open_world(const struct subject *subject)
{
	struct world *w = calloc(1, sizeof(*w));
	struct clade_allocator allocator = { heap_resize, &w->heap };
	struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };

	w->subject = subject;
	clade_diag_init(&w->fixture.diag);
	REQUIRE_OK(&w->fixture, clade_context_create(&params, &w->fixture.context, &w->fixture.diag));
	REQUIRE_OK(&w->fixture, clade_context_add_builtins(w->fixture.context, &w->fixture.diag));
	REQUIRE_OK(&w->fixture, clade_context_register(w->fixture.context, plain_entry, "", &w->fixture.diag));
	if (subject->halves)
		w->store = half_store(&w->fixture);
	else if (subject->has_store)
		w->store = fixture_decoder_store(&w->fixture);
	w->graph = fixture_graph(&w->fixture, subject->text, w->store);
	open_device(w, "ref");
	REQUIRE_OK(&w->fixture, attempt(w, &w->fixture.diag));
	memcpy(w->right, w->answer, sizeof(w->right));
	w->rules = subject->rules;
	clade_session_destroy(&w->session);
	clade_device_unref(&w->device);
	return w;
}

static void close_world(struct world *w)
{
	clade_graph_destroy(&w->graph);
	clade_store_destroy(&w->store);
	clade_context_destroy(&w->fixture.context);
	clade_diag_finish(&w->fixture.diag);
	assert_int_equal(w->heap.live, 0);
	free(w);
}

struct tally {
	unsigned long failed, optional, lost;
};

/* The failure is over. `status`: what it has led to. */
static void recover(struct world *w, const char *name, unsigned long n, enum clade_status status, bool may_lose,
		    struct tally *tally)
{
	struct clade_diag diag;

	clade_diag_init(&diag);
	tally->failed += status != CLADE_OK;
	tally->optional += status == CLADE_OK;
	if (status && w->done > 0)
		w->done--; /* the token before it, again: caches that failed to grow must still hold it */
	if (status)
		status = attempt(w, &diag);
	if (status) {
		if (!may_lose || !strstr(diag.text, "lost"))
			print_error("failure %lu: not usable afterwards: %s %s\n", n, diag.where, diag.text);
		assert_true(may_lose);
		assert_int_equal(status, CLADE_ERR_DEVICE);
		assert_non_null(strstr(diag.text, "lost"));
		tally->lost++;
		open_device(w, name);
		REQUIRE_OK(&w->fixture, attempt(w, &w->fixture.diag));
	}
	if (memcmp(w->answer, w->right, sizeof(w->right)))
		print_error("failure %lu: wrong bits afterwards\n", n);
	assert_memory_equal(w->answer, w->right, sizeof(w->right));
	clade_diag_finish(&diag);
}

struct failure {
	const char *device;
	int code;      /* of every OpenCL call in turn; 0: every allocation */
	bool for_ever; /* else once */
	bool cold;     /* the device is opened anew each time, so that programs are built too (slow) */
};

static void inject(struct world *w, const struct failure *failure, unsigned long n)
{
	w->heap.fired = false;
	w->heap.persistent = failure->for_ever;
	w->heap.calls = 0;
	shim.reset();
	if (failure->code)
		shim.inject("any", n, failure->for_ever, failure->code);
	else
		w->heap.fail_at = n;
}

/* Call or allocation n fails, from session to nothing. False when nothing was left to fail. */
static bool fail_one(struct world *w, const struct failure *failure, unsigned long n, struct tally *tally)
{
	struct clade_diag diag;
	enum clade_status status;
	int code = failure->code;
	bool fired;

	clade_diag_init(&diag);
	inject(w, failure, n);
	status = attempt(w, &diag);
	fired = code ? shim.fired() : w->heap.fired;
	shim.reset();
	w->heap.fail_at = 0;
	if (status && (!fired || !diag.text[0] || !diag.id || (!code && status != CLADE_ERR_MEMORY)))
		print_error("failure %lu: status %d, '%s'\n", n, (int)status, diag.text);
	assert_true(!status || (fired && diag.text[0] && diag.id));
	assert_true(!status || status == CLADE_ERR_MEMORY || (code && status == CLADE_ERR_DEVICE));
	if (fired)
		recover(w, failure->device, n, status, code == -5 || code == -6, tally);
	clade_session_destroy(&w->session);
	clade_diag_finish(&diag);
	return fired;
}

static void each_fails(const struct subject *subject, const struct failure failure, unsigned long least)
{
	struct world *w = open_world(subject);
	struct tally tally = { 0 };
	unsigned long n = 1;
	long blocks, objects;
	bool fired = true;

	open_device(w, failure.device);
	if (!failure.cold)
		REQUIRE_OK(&w->fixture, attempt(w, &w->fixture.diag));
	clade_session_destroy(&w->session);
	blocks = w->heap.live;
	objects = shim.live("all");
	for (; fired; n++) {
		fired = fail_one(w, &failure, n, &tally);
		if (failure.cold)
			open_device(w, failure.device);
		if (shim.live("all") != objects || w->heap.live != blocks)
			print_error("failure %lu: %ld objects and %ld blocks leak\n", n, shim.live("all") - objects,
				    w->heap.live - blocks);
		assert_int_equal(shim.live("all"), objects);
		assert_int_equal(w->heap.live, blocks);
	}
	print_message("%s %s, %lu %s fail %s (%d): %lu errors, %lu not needed, %lu devices opened anew\n",
		      failure.cold ? "cold" : "warm", failure.device, n - 2, failure.code ? "calls" : "allocations",
		      failure.for_ever ? "for ever" : "once", failure.code, tally.failed, tally.optional, tally.lost);
	assert_true(n > least);
	assert_true(tally.failed > least / 2);
	clade_device_unref(&w->device);
	assert_int_equal(shim.live("all"), 0);
	close_world(w);
}

static void calls_of_one_attention(void **state)
{
	each_fails(&sdpa, (struct failure) { "cl", -4, .cold = true }, 30);
	each_fails(&sdpa, (struct failure) { "cl", -5 }, 20);
	each_fails(&sdpa, (struct failure) { "cl", -30, .for_ever = true }, 20);
}

static void calls_of_growing_caches(void **state)
{
	each_fails(&decoder, (struct failure) { "cl", -4 }, 100);
	each_fails(&decoder, (struct failure) { "cl", -30, .for_ever = true }, 100);
}

static void allocations_of_one_attention(void **state)
{
	each_fails(&sdpa, (struct failure) { "cl", .cold = true }, 80);
	each_fails(&sdpa, (struct failure) { "cl", .for_ever = true }, 40);
}

static void allocations_of_growing_caches(void **state)
{
	each_fails(&decoder, (struct failure) { "cl" }, 100);
	each_fails(&decoder, (struct failure) { "ref", .for_ever = true }, 100);
}

static void calls_of_reordered_rings(void **state)
{
	each_fails(&beams, (struct failure) { "cl", -4 }, 100);
}

static void allocations_of_reordered_rings(void **state)
{
	each_fails(&beams, (struct failure) { "ref" }, 100);
}

/* The weights are held as f32, which the session says, and nothing of that is left behind. */
static void weights_widened_for_a_rule(void **state)
{
	struct world *w = open_world(&widened);
	struct clade_weight_info info;

	open_device(w, "cl");
	REQUIRE_OK(&w->fixture, attempt(w, &w->fixture.diag));
	assert_memory_equal(w->answer, w->right, sizeof(w->right));
	assert_true(clade_session_weight(w->session, 0, &info));
	assert_true(info.expanded && info.type.dtype == CLADE_F32);
	assert_string_equal(info.stored, "f16");
	clade_session_destroy(&w->session);
	clade_device_unref(&w->device);
	close_world(w);
	each_fails(&widened, (struct failure) { "cl" }, 60);
	each_fails(&widened, (struct failure) { "ref", .for_ever = true }, 40);
	each_fails(&widened, (struct failure) { "cl", -4 }, 20);
	each_fails(&widened, (struct failure) { "cl", -30, .for_ever = true }, 20);
}

static int setup(void **state)
{
	if (shim_connect(&shim, getenv("CLADE_TEST_SHIM")))
		return 0;
	print_error("CLADE_TEST_SHIM=%s cannot be loaded\n", getenv("CLADE_TEST_SHIM"));
	return 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_of_one_attention),     cmocka_unit_test(allocations_of_one_attention),
		cmocka_unit_test(calls_of_growing_caches),    cmocka_unit_test(allocations_of_growing_caches),
		cmocka_unit_test(calls_of_reordered_rings),   cmocka_unit_test(allocations_of_reordered_rings),
		cmocka_unit_test(weights_widened_for_a_rule),
	};

	if (argc > 1) /* one test by name, for debuggers */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("session faults", tests, setup, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Runs in chunks whose inputs count over the whole: positions that a mask counts, and rows that are picked for the
 * output. The same bits as one row at a time and as all rows. */
#include "session_test.h"

#include <clade/messages.h>

enum { ROWS = 1030, BATCH = 2, PICKED = 3, D = 8 };

static const char text[] =
	"clade 1\nmodel \"rows\"\ndim B : session\ndim T : run\ndim R : run = T\n"
	"weight wq : f32[8, 8]\nweight wk : f32[8, 8]\nweight wv : f32[8, 8]\nweight wo : f32[8, 8]\n"
	"state kc, vc : cache[B, 2, 4]\n"
	"entry decode chunk T {\n  input x : f32[B, T, 8]\n  input mask : i32[B, T] = 1\n"
	"  input pos : i32[B, T] = range(mask)\n  input rows : i32[B, R] = range\n"
	"  q = split_heads(linear(x, wq), heads = 2)\n  k = split_heads(linear(x, wk), heads = 2)\n"
	"  v = split_heads(linear(x, wv), heads = 2)\n  kc <- cache_write(k, pos)\n  vc <- cache_write(v, pos)\n"
	"  a = attention(q, kc, vc, causal = true, q_pos = pos)\n  y = add(x, linear(merge_heads(a), wo))\n"
	"  output y : f32[B, T, 8] = y\n  output z : f32[B, R, 8] = linear(gather_rows(y, rows), wo)\n}\n";

struct problem {
	struct fixture *f;
	struct clade_store *store;
	struct clade_graph *graph;
	float x[BATCH * ROWS * D];
	int32_t mask[BATCH * ROWS], positions[BATCH * ROWS];
};

static int setup(void **state)
{
	struct problem *p = calloc(1, sizeof(*p));
	void *f;

	fixture_setup(&f);
	p->f = f;
	p->store = fixture_decoder_store(p->f);
	p->graph = fixture_graph(p->f, text, p->store);
	fixture_random(p->x, BATCH * ROWS * D, 7);
	for (int b = 0; b < BATCH; b++)
		for (int i = 0, next = 0; i < ROWS; i++) {
			int at = b * ROWS + i;

			/* the second row is padded on the left, around the end of a chunk, and on the right */
			p->mask[at] = b == 0 || (i >= 5 && i < 1020 && (i < 505 || i >= 520));
			p->positions[at] = p->mask[at] ? next++ : -1;
		}
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct problem *p = *state;
	void *f = p->f;

	clade_graph_destroy(&p->graph);
	clade_store_destroy(&p->store);
	fixture_teardown(&f);
	free(p);
	return 0;
}

/* Outputs y and z of one run from the start. rows NULL: all. */
static void run(struct problem *p, struct clade_session *session, bool positions, const int32_t *rows, int64_t picked,
		float **out_y, float **out_z)
{
	struct clade_input inputs[4] = { f32_input("x", p->x, 3, DIMS(BATCH, ROWS, D)),
					 positions ? i32_input("pos", p->positions, 2, DIMS(BATCH, ROWS))
						   : i32_input("mask", p->mask, 2, DIMS(BATCH, ROWS)) };

	if (rows)
		inputs[2] = i32_input("rows", rows, 2, DIMS(BATCH, picked));
	REQUIRE_OK(p->f, clade_session_reset(session, &p->f->diag));
	REQUIRE_OK(p->f, clade_session_run(session, "decode", inputs, rows ? 3 : 2, &p->f->diag));
	*out_y = fixture_output(p->f, session, "y", BATCH * ROWS * D);
	*out_z = fixture_output(p->f, session, "z", BATCH * picked * D);
}

static void rows_and_masks(void **state)
{
	static const int32_t rows[BATCH * PICKED] = { 0, ROWS - 1, 511, 512, 513, 1019 };
	struct problem *p = *state;

	for (size_t d = 0; d < p->f->device_count; d++) {
		struct clade_session *session = fixture_session(p->f, p->graph, p->f->devices[d], NULL, ROWS);
		float *y, *z, *other, *picked;

		run(p, session, false, NULL, ROWS, &y, &z);
		run(p, session, true, NULL, ROWS, &other, &picked);
		assert_memory_equal(other, y, BATCH * ROWS * D * sizeof(float));
		assert_memory_equal(picked, z, BATCH * ROWS * D * sizeof(float));
		free(other);
		free(picked);
		run(p, session, false, rows, PICKED, &other, &picked);
		assert_memory_equal(other, y, BATCH * ROWS * D * sizeof(float));
		for (int i = 0; i < BATCH * PICKED; i++)
			assert_memory_equal(picked + i * D, z + (i / PICKED * ROWS + rows[i]) * D, D * sizeof(float));
		free(other);
		free(picked);
		free(y);
		free(z);
		clade_session_destroy(&session);
	}
}

static void refused(void **state)
{
	struct problem *p = *state;
	struct clade_session *session = fixture_session(p->f, p->graph, p->f->devices[0], NULL, ROWS);
	int32_t rows[] = { 0, ROWS };
	struct clade_input inputs[] = { f32_input("x", p->x, 3, DIMS(BATCH, ROWS, D)),
					i32_input("rows", rows, 2, DIMS(BATCH, 1)) };

	assert_int_equal(clade_session_run(session, "decode", inputs, 2, &p->f->diag), CLADE_ERR_DATA);
	assert_int_equal(p->f->diag.id, CLADE_MSG_INPUT_INDEX);
	assert_string_equal(p->f->diag.where, "rows");
	/* a position where the mask says padding */
	p->positions[ROWS + 2] = 1;
	inputs[1] = i32_input("pos", p->positions, 2, DIMS(BATCH, ROWS));
	struct clade_input three[] = { inputs[0], inputs[1], i32_input("mask", p->mask, 2, DIMS(BATCH, ROWS)) };
	clade_diag_init(&p->f->diag);
	assert_int_equal(clade_session_run(session, "decode", three, 3, &p->f->diag), CLADE_ERR_DATA);
	assert_int_equal(p->f->diag.id, CLADE_MSG_INPUT);
	assert_non_null(strstr(p->f->diag.text, "'mask' is 0"));
	p->positions[ROWS + 2] = -1;
	clade_session_destroy(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rows_and_masks), cmocka_unit_test(refused) };

	return cmocka_run_group_tests(tests, setup, teardown);
}

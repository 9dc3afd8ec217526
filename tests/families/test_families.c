/* SPDX-License-Identifier: MIT */
/* Families on tiny models (tests/families/NAME, made by their make.py): the built-in graph that config.json asks for
 * gives the golden outputs that transformers computed in float64, on reference C and on the OpenCL devices found, with
 * equal bits; greedy ids too, from the caches and recomputed from the start. usage: test_families FOLDER [NAME...] */
#include <dirent.h>
#include <math.h>
#include <unistd.h>

#include "../session/session_test.h"

#define WORST_NMSE 1e-10
#define MAX_FAMILIES 64
#define MAX_OUTPUTS 8

static const char *families_folder;
static struct CMUnitTest tests[MAX_FAMILIES]; /* one a family, run in order */
static size_t tests_begun;

struct family {
	struct fixture *f;
	const char *name;
	struct clade_store *store, *golden;
	struct clade_graph *graph;
	uint64_t used;            /* bit i: the golden tensor i was given or compared */
	float *bits[MAX_OUTPUTS]; /* outputs of the first device */
	float *last_logits;       /* of greedy decoding on the first device */
	double worst;
};

/* Oclgrind runs kernels a thousand times slower than the others: there the outputs must do, and variants
 * (NAME-VARIANT), whose kernels are the family's, are left out. */
static bool interprets(struct clade_device *device)
{
	return strstr(clade_device_get_info(device)->quirks, "oclgrind") != NULL;
}

/* Rusticl compiles long: a few steps prove the same. */
static int step_limit(struct clade_device *device)
{
	if (interprets(device))
		return 0;
	return strstr(clade_device_get_info(device)->platform, "rusticl") ? 4 : 1000;
}

static struct clade_store *open_store(struct fixture *f, const char *folder, const char *file)
{
	struct clade_store *store = NULL;
	char path[600];

	snprintf(path, sizeof(path), "%s/%s%s%s", families_folder, folder, *file ? "/" : "", file);
	REQUIRE_OK(f, clade_store_create(f->context, &store, &f->diag));
	REQUIRE_OK(f, clade_store_add(store, path, &f->diag));
	return store;
}

static void open_family(struct family *y, struct fixture *f, const char *name)
{
	struct clade_graph_params params = { .size = sizeof(params) };
	char family[64];

	*y = (struct family) { .f = f, .name = name };
	y->store = open_store(y->f, name, "");
	y->golden = open_store(y->f, name, "golden.safetensors");
	REQUIRE_OK(y->f, clade_family_find(y->f->context, y->store, name, family, &y->f->diag));
	params.family = family;
	params.store = y->store;
	REQUIRE_OK(y->f, clade_graph_create(y->f->context, &params, &y->graph, &y->f->diag));
}

static void close_family(struct family *y)
{
	for (int i = 0; i < MAX_OUTPUTS; i++)
		free(y->bits[i]);
	free(y->last_logits);
	clade_graph_destroy(&y->graph);
	clade_store_destroy(&y->golden);
	clade_store_destroy(&y->store);
}

/* The golden tensor "KIND.NAME", NULL if there is none; i32 or f32 data, malloc'd. */
static void *golden(struct family *y, const char *kind, const char *name, struct clade_type *out_type)
{
	char full[128];
	const struct clade_store_tensor *tensor;
	int64_t count;
	void *data;

	snprintf(full, sizeof(full), "%s.%s", kind, name);
	for (size_t i = 0; i < clade_store_count(y->golden); i++)
		if (strcmp(clade_store_at(y->golden, i)->name, full) == 0)
			y->used |= UINT64_C(1) << i;
	tensor = clade_store_find(y->golden, full);
	if (!tensor)
		return NULL;
	assert_true(clade_type_count(&tensor->type, &count));
	*out_type = tensor->type;
	out_type->dtype = clade_dtype_info(tensor->type.dtype)->is_float ? CLADE_F32 : CLADE_I32;
	data = malloc((size_t)count * 4 + 4);
	REQUIRE_OK(y->f, clade_store_read(y->golden, tensor, 0, count, data, &y->f->diag));
	return data;
}

/* Runs an entry with the golden inputs that it declares. */
static void run_golden(struct family *y, struct clade_session *session, const char *entry)
{
	struct clade_input inputs[16];
	struct clade_graph_port port;
	size_t count = 0;

	for (size_t i = 0; clade_graph_input(y->graph, entry, i, &port); i++) {
		struct clade_input *input = &inputs[count];

		assert_true(count < 16);
		*input = (struct clade_input) { .name = port.name };
		input->data = golden(y, "in", port.name, &input->type);
		count += input->data != NULL;
	}
	REQUIRE_OK(y->f, clade_session_run(session, entry, inputs, count, &y->f->diag));
	for (size_t i = 0; i < count; i++)
		free((void *)inputs[i].data);
}

/* Elements whose golden value is NaN (rows of padding) are not compared. */
static void check_output(struct family *y, struct clade_session *session, const char *name, float **first)
{
	struct clade_type type;
	struct clade_compare result;
	float *expected = golden(y, "out", name, &type), *got;
	double error = 0, size = 0;
	int64_t count, compared = 0;

	if (!expected)
		return;
	assert_true(clade_type_count(&type, &count));
	got = fixture_output(y->f, session, name, count);
	for (int64_t i = 0; i < count; i++) {
		double difference = (double)got[i] - (double)expected[i];

		if (isnan(expected[i]))
			continue;
		error += difference * difference;
		size += (double)expected[i] * (double)expected[i];
		compared++;
	}
	y->worst = error / size > y->worst ? error / size : y->worst;
	if (!(error <= WORST_NMSE * size) || compared == 0) {
		print_error("%s: %s: nmse %g over %lld of %lld elements\n", y->name, name, error / size,
			    (long long)compared, (long long)count);
		fail();
	}
	if (*first) {
		clade_compare_arrays(&type, got, *first, &result);
		assert_true(result.bit_equal);
		free(got);
	} else {
		*first = got;
	}
	free(expected);
}

static void check_outputs(struct family *y, struct clade_session *session)
{
	struct clade_graph_port port;
	uint32_t outputs = 0;

	for (size_t e = 0; e < clade_graph_entry_count(y->graph); e++) {
		const char *entry = clade_graph_entry(y->graph, e);

		run_golden(y, session, entry);
		for (size_t i = 0; clade_graph_output(y->graph, entry, i, &port); i++) {
			assert_true(outputs < MAX_OUTPUTS);
			check_output(y, session, port.name, &y->bits[outputs++]);
		}
	}
}

static bool has_input(const struct family *y, const char *entry, const char *name)
{
	struct clade_graph_port port;

	for (size_t i = 0; clade_graph_input(y->graph, entry, i, &port); i++)
		if (strcmp(port.name, name) == 0)
			return true;
	return false;
}

/* ---- greedy decoding ---- */
struct greedy {
	struct family *y;
	struct clade_session *session;
	const char *entry, *ids_name, *positions_name;
	int32_t *ids; /* the prompt, then what must follow */
	int32_t *source;
	struct clade_type source_type;
	int64_t prompt, total, vocab;
};

static void begin(struct greedy *g)
{
	const char *before = NULL;
	struct clade_input input;

	REQUIRE_OK(g->y->f, clade_session_reset(g->session, &g->y->f->diag));
	if (!g->source)
		return;
	for (size_t e = 0; e < clade_graph_entry_count(g->y->graph); e++)
		if (strcmp(clade_graph_entry(g->y->graph, e), g->entry) == 0)
			before = clade_graph_entry_after(g->y->graph, e);
	assert_non_null(before);
	input = (struct clade_input) { .name = "input_ids", .type = g->source_type, .data = g->source };
	REQUIRE_OK(g->y->f, clade_session_run(g->session, before, &input, 1, &g->y->f->diag));
}

/* Logits of the ids [first, first + count). */
static float *logits(struct greedy *g, int64_t first, int64_t count)
{
	int32_t positions[256];
	struct clade_input inputs[] = { i32_input(g->ids_name, g->ids + first, 2, DIMS(1, count)),
					i32_input(g->positions_name, positions, 2, DIMS(1, count)) };
	bool cached = has_input(g->y, g->entry, g->positions_name);

	for (int64_t i = 0; i < count; i++)
		positions[i] = (int32_t)(first + i);
	REQUIRE_OK(g->y->f, clade_session_run(g->session, g->entry, inputs, cached ? 2 : 1, &g->y->f->diag));
	return fixture_output(g->y->f, g->session, "logits", count * g->vocab);
}

static void expect_next(const struct greedy *g, const float *row, int64_t at)
{
	int32_t best = 0;

	for (int32_t i = 1; i < g->vocab; i++)
		if (row[i] > row[best])
			best = i;
	if (best != g->ids[at])
		print_error("%s: id %lld is %d, expected %d\n", g->y->name, (long long)at, best, g->ids[at]);
	assert_int_equal(best, g->ids[at]);
}

/* Token by token from the caches, then all at once from the start: the same ids, the same bits. */
static void decode(struct greedy *g)
{
	bool cached = has_input(g->y, g->entry, g->positions_name);
	float *step = NULL, *whole;

	if (cached)
		begin(g);
	for (int64_t at = g->prompt; cached && at < g->total; at++) {
		int64_t count = at == g->prompt ? g->prompt : 1;

		free(step);
		step = logits(g, at - count, count);
		memmove(step, step + (count - 1) * g->vocab, (size_t)g->vocab * sizeof(float));
		expect_next(g, step, at);
	}
	begin(g);
	whole = logits(g, 0, g->total - 1);
	for (int64_t at = g->prompt; at < g->total; at++)
		expect_next(g, whole + (at - 1) * g->vocab, at);
	if (cached)
		assert_memory_equal(step, whole + (g->total - 2) * g->vocab, (size_t)g->vocab * sizeof(float));
	free(step);
	free(whole);
}

static int64_t check_greedy(struct family *y, struct clade_session *session, int limit)
{
	struct greedy g = { .y = y, .session = session };
	struct clade_type prompt_type, ids_type;
	int32_t *prompt = golden(y, "greedy", "prompt", &prompt_type);
	int32_t *ids = golden(y, "greedy", "ids", &ids_type);
	struct clade_graph_port port;
	int64_t steps;

	if (!prompt || limit == 0) {
		free(golden(y, "greedy", "source", &g.source_type));
		free(prompt);
		free(ids);
		return 0;
	}
	g.source = golden(y, "greedy", "source", &g.source_type);
	g.ids_name = g.source ? "decoder_input_ids" : "input_ids";
	g.positions_name = g.source ? "decoder_position_ids" : "position_ids";
	for (size_t e = 0; e < clade_graph_entry_count(y->graph); e++)
		for (size_t i = 0; clade_graph_output(y->graph, clade_graph_entry(y->graph, e), i, &port); i++)
			if (strcmp(port.name, "logits") == 0) {
				g.entry = clade_graph_entry(y->graph, e);
				g.vocab = port.type.dims[2];
			}
	assert_non_null(g.entry);
	g.prompt = prompt_type.dims[1];
	steps = ids_type.dims[1] < limit ? ids_type.dims[1] : limit;
	g.total = g.prompt + steps;
	g.ids = malloc((size_t)g.total * sizeof(int32_t));
	memcpy(g.ids, prompt, (size_t)g.prompt * sizeof(int32_t));
	memcpy(g.ids + g.prompt, ids, (size_t)steps * sizeof(int32_t));
	decode(&g);
	free(g.ids);
	free(g.source);
	free(prompt);
	free(ids);
	return steps;
}

/* The graph written out flat is a graph file that gives the same text again. */
static void check_flat(struct family *y)
{
	struct clade_graph_params params = { .size = sizeof(params), .path = "flat", .store = y->store };
	struct clade_graph *again = NULL;
	char *first = NULL, *second = NULL;

	REQUIRE_OK(y->f, clade_graph_flatten(y->graph, &first, &y->f->diag));
	params.text = first;
	REQUIRE_OK(y->f, clade_graph_create(y->f->context, &params, &again, &y->f->diag));
	REQUIRE_OK(y->f, clade_graph_flatten(again, &second, &y->f->diag));
	assert_string_equal(second, first);
	clade_graph_destroy(&again);
	clade_free(y->f->context, first);
	clade_free(y->f->context, second);
}

static void check_family(void **state)
{
	const char *name = tests[tests_begun++].name;
	struct family y;

	open_family(&y, *state, name);
	check_flat(&y);
	for (size_t d = 0; d < y.f->device_count; d++) {
		struct clade_session *session;
		int64_t steps;

		if (interprets(y.f->devices[d]) && strchr(name, '-')) {
			print_message("%s on %s: skipped, a variant\n", name,
				      clade_device_get_info(y.f->devices[d])->name);
			continue;
		}
		session = fixture_session(y.f, y.graph, y.f->devices[d], NULL, 128);
		y.worst = 0;
		check_outputs(&y, session);
		steps = check_greedy(&y, session, step_limit(y.f->devices[d]));
		print_message("%s on %s: nmse %.2g, %lld greedy ids\n", name,
			      clade_device_get_info(y.f->devices[d])->name, y.worst, (long long)steps);
		clade_session_destroy(&session);
	}
	for (size_t i = 0; i < clade_store_count(y.golden); i++)
		if (!(y.used >> i & 1)) {
			print_error("%s: %s is no input or output of the graph\n", name,
				    clade_store_at(y.golden, i)->name);
			fail();
		}
	close_family(&y);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

/* The folders below `families_folder` with goldens. */
static size_t find_families(struct CMUnitTest *out)
{
	DIR *folder = opendir(families_folder);
	struct dirent *entry;
	size_t count = 0;
	char path[600];

	while (folder && (entry = readdir(folder)) && count < MAX_FAMILIES) {
		snprintf(path, sizeof(path), "%s/%s/golden.safetensors", families_folder, entry->d_name);
		if (access(path, R_OK) == 0)
			out[count++].name = strdup(entry->d_name);
	}
	if (folder)
		closedir(folder);
	qsort(out, count, sizeof(*out), by_name);
	return count;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	int failed;

	if (argc < 2) {
		fprintf(stderr, "usage: test_families FOLDER [NAME...]\n");
		return 2;
	}
	families_folder = argv[1];
	if (argc == 2)
		count = find_families(tests);
	for (int i = 2; i < argc && count < MAX_FAMILIES; i++)
		tests[count++].name = strdup(argv[i]);
	if (count == 0) {
		fprintf(stderr, "%s holds no family\n", families_folder);
		return 1;
	}
	for (size_t i = 0; i < count; i++)
		tests[i].test_func = check_family;
	failed = _cmocka_run_group_tests("families", tests, count, fixture_setup, fixture_teardown);
	for (size_t i = 0; i < count; i++)
		free((void *)tests[i].name);
	return failed;
}

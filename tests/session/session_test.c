/* SPDX-License-Identifier: MIT */
/* Fixture of the session tests. */
#include "session_test.h"

const char fixture_sdpa_text[] =
	"clade 1\nmodel \"sdpa\"\ndim B : session\ndim T, S : run\nentry main {\n"
	"  input q : f32[B, 1, T, 4]\n  input k : f32[B, 1, S, 4]\n  input v : f32[B, 1, S, 4]\n"
	"  y, weights = attention(q, k, v, causal = true)\n"
	"  output y : f32[B, 1, T, 4] = y\n  output weights : f32[B, 1, T, S] = weights\n}\n";

const char fixture_decoder_text[] =
	"clade 1\nmodel \"decoder\"\ndim B : session\ndim T : run\n"
	"weight wq : f32[8, 8]\nweight wk : f32[8, 8]\nweight wv : f32[8, 8]\nweight wo : f32[8, 8]\n"
	"state kc, vc : cache[B, 2, 4]\n"
	"entry decode chunk T {\n  input x : f32[B, T, 8]\n  input pos : i32[B, T] = range\n"
	"  q = split_heads(linear(x, wq), heads = 2)\n  k = split_heads(linear(x, wk), heads = 2)\n"
	"  v = split_heads(linear(x, wv), heads = 2)\n  kc <- cache_write(k, pos)\n  vc <- cache_write(v, pos)\n"
	"  a = attention(q, kc, vc, causal = true, q_pos = pos)\n  y = add(x, linear(merge_heads(a), wo))\n"
	"  output y : f32[B, T, 8] = y\n}\n";

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct clade_context_params params = { .size = sizeof(params), .cache_dir = getenv("CLADE_TEST_CACHE") };
	struct clade_device_info *infos = NULL;
	size_t count = 0;

	clade_diag_init(&f->diag);
	REQUIRE_OK(f, clade_context_create(&params, &f->context, &f->diag));
	REQUIRE_OK(f, clade_context_add_builtins(f->context, &f->diag));
	REQUIRE_OK(f, clade_device_list(f->context, &infos, &count, &f->diag));
	for (size_t i = 0; i < count && f->device_count < 8; i++)
		REQUIRE_OK(f, clade_device_open(f->context, infos[i].id, &f->devices[f->device_count++], &f->diag));
	clade_device_list_free(f->context, &infos);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->device_count; i++)
		clade_device_unref(&f->devices[i]);
	clade_context_destroy(&f->context);
	clade_diag_finish(&f->diag);
	free(f);
	return 0;
}

void fixture_model(struct fixture *f, const char *weights, const char *path, struct clade_store **out_store,
		   struct clade_graph **out_graph)
{
	struct clade_graph_params params = { .size = sizeof(params), .path = path };

	REQUIRE_OK(f, clade_store_create(f->context, out_store, &f->diag));
	REQUIRE_OK(f, clade_store_add(*out_store, weights, &f->diag));
	params.store = *out_store;
	REQUIRE_OK(f, clade_graph_create(f->context, &params, out_graph, &f->diag));
}

struct clade_graph *fixture_graph(struct fixture *f, const char *text, struct clade_store *store)
{
	struct clade_graph_params params = { .size = sizeof(params),
					     .path = "test.graph",
					     .text = text,
					     .store = store,
					     .state_dtype = f->state_dtype };
	struct clade_graph *graph = NULL;

	REQUIRE_OK(f, clade_graph_create(f->context, &params, &graph, &f->diag));
	return graph;
}

struct clade_session *fixture_session(struct fixture *f, const struct clade_graph *graph, struct clade_device *device,
				      const struct clade_choices *choices, int64_t capacity)
{
	struct clade_session_params params = { .size = sizeof(params), .choices = choices, .capacity = capacity };
	struct clade_session *session = NULL;

	REQUIRE_OK(f, clade_session_create(graph, device, &params, &session, &f->diag));
	return session;
}

void *fixture_output(struct fixture *f, struct clade_session *session, const char *name, int64_t count)
{
	struct clade_type type;
	int64_t have;
	size_t bytes;
	void *data;

	REQUIRE_OK(f, clade_session_output(session, name, &type, NULL, &f->diag));
	assert_true(clade_type_bytes(&type, &bytes) && clade_type_count(&type, &have));
	if (count >= 0)
		assert_int_equal(have, count);
	data = malloc(bytes + 1);
	REQUIRE_OK(f, clade_session_output(session, name, &type, data, &f->diag));
	return data;
}

void fixture_random(float *values, size_t count, uint32_t seed)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < count; i++) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		values[i] = (float)((int32_t)(x >> 40) - (1 << 23)) / (float)(1 << 23);
	}
}

static struct clade_input make_input(const char *name, enum clade_dtype dtype, const void *data, uint32_t rank,
				     const int64_t *dims)
{
	struct clade_input input = { .name = name, .data = data };

	input.type.dtype = dtype;
	input.type.rank = rank;
	for (uint32_t i = 0; i < rank; i++)
		input.type.dims[i] = dims[i];
	return input;
}

struct clade_input f32_input(const char *name, const float *data, uint32_t rank, const int64_t *dims)
{
	return make_input(name, CLADE_F32, data, rank, dims);
}

struct clade_input i32_input(const char *name, const int32_t *data, uint32_t rank, const int64_t *dims)
{
	return make_input(name, CLADE_I32, data, rank, dims);
}

struct clade_store *fixture_store(struct fixture *f, const char *const *names, size_t count, int64_t rows,
				  int64_t columns)
{
	struct clade_store *store = NULL;
	const char *temporary = getenv("TMPDIR");
	char folder[256];
	struct clade_type type = { CLADE_F32, 2, { rows, columns } };
	float *values = malloc((size_t)(rows * columns) * sizeof(float));

	snprintf(folder, sizeof(folder), "%s/clade-session-XXXXXX", temporary ? temporary : "/tmp");
	assert_non_null(mkdtemp(folder));
	REQUIRE_OK(f, clade_store_create(f->context, &store, &f->diag));
	for (size_t i = 0; i < count; i++) {
		char path[300];

		snprintf(path, sizeof(path), "%s/%s.npy", folder, names[i]);
		fixture_random(values, (size_t)(rows * columns), (uint32_t)i + 1);
		REQUIRE_OK(f, clade_npy_write(f->context, path, &type, values, &f->diag));
		REQUIRE_OK(f, clade_store_add(store, path, &f->diag));
	}
	free(values);
	return store;
}

struct clade_store *fixture_decoder_store(struct fixture *f)
{
	static const char *const names[] = { "wq", "wk", "wv", "wo" };

	return fixture_store(f, names, 4, 8, 8);
}

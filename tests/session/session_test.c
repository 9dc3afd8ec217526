/* SPDX-License-Identifier: MIT */
/* Fixture of the session tests. */
#include "session_test.h"

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

struct clade_graph *fixture_graph(struct fixture *f, const char *text, struct clade_store *store)
{
	struct clade_graph_params params = {
		.size = sizeof(params), .path = "test.graph", .text = text, .store = store
	};
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

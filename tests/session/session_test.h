/* SPDX-License-Identifier: MIT */
/* What the session tests share: a context with the built-in ops, graphs from text, devices that are present. */
#ifndef CLADE_SESSION_TEST_H
#define CLADE_SESSION_TEST_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <clade/builtin.h>
#include <clade/session.h>

struct fixture {
	struct clade_context *context;
	struct clade_diag diag;
	struct clade_device *devices[8]; /* [0] is ref */
	size_t device_count;
	enum clade_dtype state_dtype; /* of graphs made from now on */
};

#define REQUIRE_OK(f, call)                                                                                            \
	do {                                                                                                           \
		enum clade_status status_ = (call);                                                                    \
		if (status_)                                                                                           \
			print_error("%s: %s [%u]\n%s\n", (f)->diag.where, (f)->diag.text, (f)->diag.id,                \
				    (f)->diag.log ? (f)->diag.log : "");                                               \
		assert_int_equal(status_, CLADE_OK);                                                                   \
	} while (0)

int fixture_setup(void **state);
/* A file or folder of weights and the graph file over it; the caller destroys both. */
void fixture_model(struct fixture *f, const char *weights, const char *path, struct clade_store **out_store,
		   struct clade_graph **out_graph);
int fixture_teardown(void **state);
struct clade_graph *fixture_graph(struct fixture *f, const char *text, struct clade_store *store);
struct clade_session *fixture_session(struct fixture *f, const struct clade_graph *graph, struct clade_device *device,
				      const struct clade_choices *choices, int64_t capacity);
/* The output as malloc'd data; checks the element count if count >= 0. */
void *fixture_output(struct fixture *f, struct clade_session *session, const char *name, int64_t count);
/* Uniform in (-1, 1), the same for the same seed. */
void fixture_random(float *values, size_t count, uint32_t seed);
struct clade_input f32_input(const char *name, const float *data, uint32_t rank, const int64_t *dims);
struct clade_input i32_input(const char *name, const int32_t *data, uint32_t rank, const int64_t *dims);
/* A store with random f32 weights of these names, written as .npy files in a scratch folder. */
struct clade_store *fixture_store(struct fixture *f, const char *const *names, size_t count, int64_t rows,
				  int64_t columns);

/* One attention: q, k, v to y and weights. */
extern const char fixture_sdpa_text[];
/* A decoder layer with a cache; `x` are embeddings, `pos` positions. Its weights are in the store. */
extern const char fixture_decoder_text[];
struct clade_store *fixture_decoder_store(struct fixture *f);
#define DIMS(...) ((const int64_t[]) { __VA_ARGS__ })

#endif

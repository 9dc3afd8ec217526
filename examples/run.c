/* SPDX-License-Identifier: MIT */
/* Loads a graph and its weights, runs it on a chosen device and prints the output. Usage: run GRAPH WEIGHTS [DEVICE]
 * for a graph with an input x : f32[T, 3] and an output y of the same shape (scale.graph). */
#include <clade/builtin.h>
#include <clade/session.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	struct clade_diag diag;
	struct clade_context *context = NULL;
	struct clade_store *store = NULL;
	struct clade_graph *graph = NULL;
	struct clade_device *device = NULL;
	struct clade_session *session = NULL;
	float x[2][3] = { { -1, 0, 1 }, { 2, 3, 4 } }, y[2][3];
	struct clade_input input = { "x", { CLADE_F32, 2, { 2, 3 } }, x };
	struct clade_type type;
	clade_diag_init(&diag);
	if (argc < 3)
		return 2;
	bool ok = clade_context_create(&(struct clade_context_params) { .size = sizeof(struct clade_context_params) },
				       &context, &diag) == CLADE_OK &&
		  clade_context_add_builtins(context, &diag) == CLADE_OK &&
		  clade_store_create(context, &store, &diag) == CLADE_OK &&
		  clade_store_add(store, argv[2], &diag) == CLADE_OK;
	struct clade_graph_params params = { .size = sizeof(params), .path = argv[1], .store = store };
	ok = ok && clade_graph_create(context, &params, &graph, &diag) == CLADE_OK &&
	     clade_device_open(context, argc > 3 ? argv[3] : NULL, &device, &diag) == CLADE_OK &&
	     clade_session_create(graph, device, NULL, &session, &diag) == CLADE_OK &&
	     clade_session_run(session, "main", &input, 1, &diag) == CLADE_OK &&
	     clade_session_output(session, "y", &type, y, &diag) == CLADE_OK;
	if (ok)
		printf("%.9g %.9g %.9g\n%.9g %.9g %.9g\n", y[0][0], y[0][1], y[0][2], y[1][0], y[1][1], y[1][2]);
	else
		fprintf(stderr, "%s: %s\n", diag.where, diag.text);
	clade_session_destroy(&session);
	clade_device_unref(&device);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
	return ok ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/* Shared by the tests of the graph language: cmocka and a context with the built-in ops. */
#ifndef GRAPH_TEST_H
#define GRAPH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <clade/builtin.h>
#include <clade/graph.h>

static int graph_setup(void **state)
{
	struct clade_context *context = NULL;
	struct clade_context_params params = { .size = sizeof(params) };

	if (clade_context_create(&params, &context, NULL) || clade_context_add_builtins(context, NULL))
		return -1;
	*state = context;
	return 0;
}

static int graph_teardown(void **state)
{
	struct clade_context *context = *state;

	clade_context_destroy(&context);
	return 0;
}

#endif

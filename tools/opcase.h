/* SPDX-License-Identifier: MIT */
/* Sizes of a single op, as `bench --op` and `tune --op` take them: letters of the op's port patterns ("M=512,N=768"),
 * and cases that are made from the op's own ones by putting other sizes in. */
#ifndef CLADE_TOOL_OPCASE_H
#define CLADE_TOOL_OPCASE_H

#include "tool.h"

#include <clade/step.h>

/* A case whose texts are its own. */
struct op_case {
	const struct clade_op *op;
	char name[64];   /* of the op's case that it is; "" if sizes were put in */
	char shape[256]; /* "M=512,N=768,K=768": the same text for the same sizes */
	char attrs[256]; /* "causal = true"; "" */
	char lines[CLADE_MAX_PORTS][256];
	const char *inputs[CLADE_MAX_PORTS + 1];
	struct clade_case test_case; /* points into the above: op_case_get */
};

/* The case as the runtime takes it; it points into `op_case`. */
const struct clade_case *op_case_get(struct op_case *op_case);

struct op_cases {
	struct op_case *items;
	size_t count;
};

/* Of one op: one case a shape of `shapes`; without shapes those that the op calls worth timing, and one of odd sizes.
 * `attrs` replaces the attributes of the op's case ("causal = true"), NULL: they stay. A size that the op
 * does not have is a usage error that lists those it has. */
enum clade_status op_cases_make(struct tool *tool, const struct clade_op *op, const struct words *shapes,
				const char *attrs, struct op_cases *out);
void op_cases_finish(struct op_cases *cases);

/* Ops whose names match a pattern of `*` and `?`; a pattern that matches none is a usage error with the nearest. */
bool op_matches(const char *pattern, const char *name);
enum clade_status op_pattern_check(struct tool *tool, const char *pattern);
/* Without --op, its options are a usage error. */
enum clade_status op_options_refuse(struct tool *tool);

#endif

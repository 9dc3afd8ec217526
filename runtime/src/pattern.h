/* SPDX-License-Identifier: MIT */
/* Shape patterns of ports ("[..., n]", "[b, heads, t, n / heads]", "*"): their parsed form. */
#ifndef CLADE_RUNTIME_PATTERN_H
#define CLADE_RUNTIME_PATTERN_H

#include <clade/op.h>

enum { CLADE_PATTERN_NAME = 32, CLADE_PATTERN_TERMS = 4 };

/* A name, or a number if name is empty; `divide`: the product so far is divided by it. */
struct clade_pattern_term {
	char name[CLADE_PATTERN_NAME];
	int64_t number;
	bool divide;
};
struct clade_pattern_dim {
	uint32_t term_count;
	struct clade_pattern_term terms[CLADE_PATTERN_TERMS];
};
struct clade_pattern {
	bool any;     /* "*" */
	bool leading; /* begins with "..." */
	uint32_t dim_count;
	struct clade_pattern_dim dims[CLADE_MAX_RANK];
};

/* False if `text` is no pattern. NULL is "*". */
bool clade_pattern_parse(const char *text, struct clade_pattern *out);
/* Whether every port's pattern parses and outputs use only names that inputs or attributes bind; else why not. */
bool clade_pattern_check_op(const struct clade_op *op, char *why, size_t why_size);

#endif

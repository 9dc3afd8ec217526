/* SPDX-License-Identifier: MIT */
/* Parsing and checking of shape patterns. Grammar: "*" | "[" [ "..." | dim ] { "," dim } "]"; dim: term { ("*" | "/")
 * term }; term: a lower-case name or a number. Only outputs use operators. */
#include "pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

static const char *parse_term(const char *at, struct clade_pattern_term *term)
{
	size_t length = 0;

	if (*at >= '0' && *at <= '9') {
		char *end;

		term->number = strtoll(at, &end, 10);
		return end - at <= 18 ? end : NULL;
	}
	while ((at[length] >= 'a' && at[length] <= 'z') || at[length] == '_' ||
	       (length && at[length] >= '0' && at[length] <= '9'))
		length++;
	if (length == 0 || length >= CLADE_PATTERN_NAME)
		return NULL;
	memcpy(term->name, at, length);
	return at + length;
}

static const char *parse_dim(const char *at, struct clade_pattern_dim *dim)
{
	bool divide = false;

	for (;;) {
		struct clade_pattern_term *term = &dim->terms[dim->term_count];

		if (dim->term_count == CLADE_PATTERN_TERMS)
			return NULL;
		at = parse_term(skip(at), term);
		if (!at)
			return NULL;
		term->divide = divide;
		dim->term_count++;
		at = skip(at);
		if (*at != '*' && *at != '/')
			return at;
		divide = *at++ == '/';
	}
}

bool clade_pattern_parse(const char *text, struct clade_pattern *out)
{
	const char *at;

	memset(out, 0, sizeof(*out));
	if (!text || strcmp(text, "*") == 0) {
		out->any = true;
		return true;
	}
	if (*text != '[')
		return false;
	at = skip(text + 1);
	if (strncmp(at, "...", 3) == 0) {
		out->leading = true;
		at = skip(at + 3);
	}
	if (*at == ']')
		return at[1] == '\0';
	if (out->leading && *at++ != ',')
		return false;
	for (;;) {
		if (out->dim_count == CLADE_MAX_RANK)
			return false;
		at = parse_dim(at, &out->dims[out->dim_count++]);
		if (!at)
			return false;
		if (*at == ']')
			return at[1] == '\0';
		if (*at++ != ',')
			return false;
	}
}

static bool is_attr_dim(const struct clade_op *op, const char *name)
{
	for (size_t i = 0; op->attrs && op->attrs[i]; i++)
		if (strcmp(op->attrs[i]->name, name) == 0)
			return op->attrs[i]->type == CLADE_ATTR_INT || op->attrs[i]->type == CLADE_ATTR_DIM;
	return false;
}

/* Whether an input of `op` has a dim that is just this name; for "..." name is NULL. */
static bool is_bound(const struct clade_op *op, const char *name)
{
	struct clade_pattern pattern;

	for (size_t i = 0; op->ports[i]; i++) {
		if (!(op->ports[i]->flags & CLADE_IN) || !clade_pattern_parse(op->ports[i]->shape, &pattern))
			continue;
		if (!name && pattern.leading)
			return true;
		for (uint32_t d = 0; name && d < pattern.dim_count; d++)
			if (strcmp(pattern.dims[d].terms[0].name, name) == 0)
				return true;
	}
	return name && is_attr_dim(op, name);
}

bool clade_pattern_check_op(const struct clade_op *op, char *why, size_t why_size)
{
	for (size_t i = 0; op->ports[i]; i++) {
		const struct clade_port *port = op->ports[i];
		bool input = port->flags & CLADE_IN;
		struct clade_pattern pattern;

		if (!clade_pattern_parse(port->shape, &pattern)) {
			snprintf(why, why_size, "port %s: \"%s\" is no shape pattern", port->name, port->shape);
			return false;
		}
		if (!input && port->shape && pattern.any) {
			snprintf(why, why_size, "output %s: \"*\" says no shape", port->name);
			return false;
		}
		if (!input && pattern.leading && !is_bound(op, NULL)) {
			snprintf(why, why_size, "output %s: no input binds \"...\"", port->name);
			return false;
		}
		for (uint32_t d = 0; d < pattern.dim_count; d++) {
			const struct clade_pattern_dim *dim = &pattern.dims[d];

			if (input && dim->term_count > 1) {
				snprintf(why, why_size, "input %s: an input's dim is one name or number", port->name);
				return false;
			}
			for (uint32_t t = 0; t < dim->term_count; t++) {
				if (input || !dim->terms[t].name[0] || is_bound(op, dim->terms[t].name))
					continue;
				snprintf(why, why_size, "output %s: nothing binds %s", port->name, dim->terms[t].name);
				return false;
			}
		}
	}
	return true;
}

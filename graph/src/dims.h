/* SPDX-License-Identifier: MIT */
/* Symbolic dims: polynomials with integer coefficients over a graph's dims, interned so that equal ones have equal
 * codes. A dim is a number >= 0 or a code < 0; INT64_MIN is failure (overflow, inexact quotient, too complex). */
#ifndef CLADE_DIMS_H
#define CLADE_DIMS_H

#include "ir.h"

/* Not thread-safe while it grows; immutable afterwards, then shareable. */
enum clade_status clade_dims_create(struct clade_context *context, struct clade_dim_pool **out_pool,
				    struct clade_diag *diag);
void clade_dims_destroy(struct clade_dim_pool **pool);
/* A new variable; variables count from 0 in the order of the calls. `name` is borrowed. */
int64_t clade_dims_variable(struct clade_dim_pool *pool, const char *name);
/* Whether a failure since the last call was for lack of memory. */
bool clade_dims_starved(struct clade_dim_pool *pool);
/* A number of any sign; negative ones get a code. */
int64_t clade_dims_number(struct clade_dim_pool *pool, int64_t number);
/* True and the number if the dim is one (also a negative one behind a code). */
bool clade_dims_constant(const struct clade_dim_pool *pool, int64_t dim, int64_t *out);
int64_t clade_dims_add(struct clade_dim_pool *pool, int64_t a, int64_t b);
int64_t clade_dims_sub(struct clade_dim_pool *pool, int64_t a, int64_t b);
int64_t clade_dims_mul(struct clade_dim_pool *pool, int64_t a, int64_t b);
/* Exact where `b` divides `a` as polynomials; an inexact quotient of numbers fails; else a quotient that is opaque to
 * the algebra and must be exact when evaluated. */
int64_t clade_dims_div(struct clade_dim_pool *pool, int64_t a, int64_t b);
/* bindings[variable], -1: unbound. The result may be negative. */
bool clade_dims_eval(const struct clade_dim_pool *pool, int64_t dim, const int64_t *bindings, int64_t *out);
bool clade_dims_uses(const struct clade_dim_pool *pool, int64_t dim, uint32_t variable);
/* If the dim is factor * variable + rest, with numbers, gives all three. */
bool clade_dims_linear(const struct clade_dim_pool *pool, int64_t dim, uint32_t *variable, int64_t *factor,
		       int64_t *rest);
/* "2 * B * T - 1"; reads back as the same dim. */
const char *clade_dims_text(const struct clade_dim_pool *pool, int64_t dim, char *out, size_t size);

#endif

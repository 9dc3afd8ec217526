/* SPDX-License-Identifier: MIT */
/* Symbolic dims: see dims.h. A polynomial is a list of terms, highest degree first; a term is a coefficient and a
 * product of atoms; an atom is a dim of the graph or a quotient that the polynomials cannot express. */
#include "dims.h"
#include "region.h"

#include <stdio.h>
#include <string.h>

#define MAX_FACTORS 6
#define MAX_TERMS 24
#define MAX_NESTING 8 /* of quotients */
#define BUCKETS 1024
#define FAILED INT64_MIN

struct factor {
	uint16_t atom, power;
};
struct monomial {
	uint32_t count;
	struct factor factors[MAX_FACTORS]; /* atoms ascending */
	uint32_t unused;                    /* no padding: terms are compared by their bytes */
};
struct term {
	int64_t number;
	struct monomial product;
};
struct poly {
	uint32_t count;
	struct term terms[MAX_TERMS];
};
struct stored {
	struct term *terms;
	uint32_t count, next; /* next: chain of the bucket */
	uint32_t depth;       /* nesting of quotients */
};
struct atom {
	const char *name; /* of a variable; NULL: the quotient below */
	uint32_t variable;
	int64_t above, below;
};

struct clade_dim_pool {
	struct clade_context *context;
	struct stored *polys;
	struct atom *atoms;
	uint32_t count, capacity, atom_count, atom_capacity, variable_count;
	uint32_t buckets[BUCKETS];
	bool starved;
};

enum clade_status clade_dims_create(struct clade_context *context, struct clade_dim_pool **out_pool,
				    struct clade_diag *diag)
{
	struct clade_dim_pool *pool = clade_alloc(context, sizeof(*pool));

	*out_pool = pool;
	if (!pool)
		return clade_fail_memory(diag, sizeof(*pool), "dims");
	pool->context = context;
	for (int i = 0; i < BUCKETS; i++)
		pool->buckets[i] = UINT32_MAX;
	return CLADE_OK;
}

void clade_dims_destroy(struct clade_dim_pool **pool)
{
	struct clade_dim_pool *p = *pool;

	if (!p)
		return;
	for (uint32_t i = 0; i < p->count; i++)
		clade_free(p->context, p->polys[i].terms);
	clade_free(p->context, p->polys);
	clade_free(p->context, p->atoms);
	clade_free(p->context, p);
	*pool = NULL;
}

bool clade_dims_starved(struct clade_dim_pool *pool)
{
	bool starved = pool->starved;

	pool->starved = false;
	return starved;
}

static int64_t starve(struct clade_dim_pool *pool)
{
	pool->starved = true;
	return FAILED;
}

static uint32_t degree(const struct monomial *product)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < product->count; i++)
		sum += product->factors[i].power;
	return sum;
}

/* Graded lexicographic order; negative: `a` comes first. */
static int compare(const struct monomial *a, const struct monomial *b)
{
	uint32_t da = degree(a), db = degree(b), n = a->count < b->count ? a->count : b->count;

	if (da != db)
		return da > db ? -1 : 1;
	for (uint32_t i = 0; i < n; i++) {
		if (a->factors[i].atom != b->factors[i].atom)
			return a->factors[i].atom < b->factors[i].atom ? -1 : 1;
		if (a->factors[i].power != b->factors[i].power)
			return a->factors[i].power > b->factors[i].power ? -1 : 1;
	}
	return a->count == b->count ? 0 : a->count > b->count ? -1 : 1;
}

/* Adds number * product to `poly`, keeping it sorted and without zero terms. */
static bool accumulate(struct poly *poly, int64_t number, const struct monomial *product)
{
	uint32_t at = 0;
	int order = 1;

	if (number == 0)
		return true;
	while (at < poly->count && (order = compare(&poly->terms[at].product, product)) < 0)
		at++;
	if (at < poly->count && order == 0) {
		if (!clade_i64_add(poly->terms[at].number, number, &poly->terms[at].number))
			return false;
		if (poly->terms[at].number == 0) {
			poly->count--;
			memmove(&poly->terms[at], &poly->terms[at + 1], (poly->count - at) * sizeof(struct term));
		}
		return true;
	}
	if (poly->count == MAX_TERMS)
		return false;
	memmove(&poly->terms[at + 1], &poly->terms[at], (poly->count - at) * sizeof(struct term));
	poly->terms[at].number = number;
	poly->terms[at].product = *product;
	poly->count++;
	return true;
}

static bool multiply(const struct monomial *a, const struct monomial *b, struct monomial *out)
{
	uint32_t i = 0, j = 0;

	memset(out, 0, sizeof(*out));
	while (i < a->count || j < b->count) {
		struct factor next;

		if (j == b->count || (i < a->count && a->factors[i].atom < b->factors[j].atom)) {
			next = a->factors[i++];
		} else if (i == a->count || b->factors[j].atom < a->factors[i].atom) {
			next = b->factors[j++];
		} else {
			next = a->factors[i++];
			if (next.power + b->factors[j].power > 1000)
				return false;
			next.power = (uint16_t)(next.power + b->factors[j++].power);
		}
		if (out->count == MAX_FACTORS)
			return false;
		out->factors[out->count++] = next;
	}
	return true;
}

/* a / b if b's atoms are all in a. */
static bool divide(const struct monomial *a, const struct monomial *b, struct monomial *out)
{
	uint32_t j = 0;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < a->count; i++) {
		struct factor next = a->factors[i];

		if (j < b->count && b->factors[j].atom == next.atom) {
			if (b->factors[j].power > next.power)
				return false;
			next.power = (uint16_t)(next.power - b->factors[j++].power);
		}
		if (next.power)
			out->factors[out->count++] = next;
	}
	return j == b->count;
}

static const struct stored *stored_of(const struct clade_dim_pool *pool, int64_t dim)
{
	uint64_t index = (uint64_t)(-1 - dim);

	return dim < 0 && dim != FAILED && index < pool->count ? &pool->polys[index] : NULL;
}

static bool load(const struct clade_dim_pool *pool, int64_t dim, struct poly *out)
{
	const struct stored *stored = stored_of(pool, dim);
	const struct monomial one = { 0 };

	out->count = 0;
	if (dim >= 0)
		return accumulate(out, dim, &one);
	if (!stored)
		return false;
	memcpy(out->terms, stored->terms, stored->count * sizeof(struct term));
	out->count = stored->count;
	return true;
}

static uint32_t hash_poly(const struct poly *poly)
{
	uint32_t hash = 2166136261u;
	const unsigned char *bytes = (const unsigned char *)poly->terms;

	for (size_t i = 0; i < poly->count * sizeof(struct term); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash % BUCKETS;
}

static uint32_t depth_of(const struct clade_dim_pool *pool, int64_t dim)
{
	const struct stored *stored = stored_of(pool, dim);

	return stored ? stored->depth : 0;
}

/* The dim of a polynomial: its number, or the code of the one interned. */
static int64_t intern(struct clade_dim_pool *pool, const struct poly *poly)
{
	uint32_t bucket, depth = 0;
	struct stored *made;

	if (poly->count == 0)
		return 0;
	if (poly->count == 1 && poly->terms[0].product.count == 0 && poly->terms[0].number >= 0)
		return poly->terms[0].number;
	bucket = hash_poly(poly);
	for (uint32_t i = pool->buckets[bucket]; i != UINT32_MAX; i = pool->polys[i].next)
		if (pool->polys[i].count == poly->count &&
		    memcmp(pool->polys[i].terms, poly->terms, poly->count * sizeof(struct term)) == 0)
			return -1 - (int64_t)i;
	if (clade_grow(pool->context, (void **)&pool->polys, &pool->capacity, pool->count, sizeof(struct stored), NULL))
		return starve(pool);
	for (uint32_t i = 0; i < poly->count; i++)
		for (uint32_t f = 0; f < poly->terms[i].product.count; f++) {
			const struct atom *atom = &pool->atoms[poly->terms[i].product.factors[f].atom];

			if (!atom->name && depth_of(pool, atom->above) + 1 > depth)
				depth = depth_of(pool, atom->above) + 1;
			if (!atom->name && depth_of(pool, atom->below) + 1 > depth)
				depth = depth_of(pool, atom->below) + 1;
		}
	if (depth > MAX_NESTING)
		return FAILED;
	made = &pool->polys[pool->count];
	made->terms = clade_alloc(pool->context, poly->count * sizeof(struct term));
	if (!made->terms)
		return starve(pool);
	memcpy(made->terms, poly->terms, poly->count * sizeof(struct term));
	made->count = poly->count;
	made->depth = depth;
	made->next = pool->buckets[bucket];
	pool->buckets[bucket] = pool->count;
	return -1 - (int64_t)pool->count++;
}

/* The dim that is one atom, which is added unless it exists. */
static int64_t atom_dim(struct clade_dim_pool *pool, const struct atom *atom)
{
	struct poly poly = { .count = 1 };
	uint32_t index = 0;

	while (index < pool->atom_count &&
	       (atom->name || pool->atoms[index].name || pool->atoms[index].above != atom->above ||
		pool->atoms[index].below != atom->below))
		index++;
	if (index == pool->atom_count) {
		if (index == UINT16_MAX)
			return FAILED;
		if (clade_grow(pool->context, (void **)&pool->atoms, &pool->atom_capacity, index, sizeof(struct atom),
			       NULL))
			return starve(pool);
		pool->atoms[pool->atom_count++] = *atom;
	}
	poly.terms[0] = (struct term) { .number = 1, .product = { .count = 1, .factors = { { (uint16_t)index, 1 } } } };
	return intern(pool, &poly);
}

int64_t clade_dims_variable(struct clade_dim_pool *pool, const char *name)
{
	return atom_dim(pool, &(struct atom) { .name = name, .variable = pool->variable_count++ });
}

int64_t clade_dims_number(struct clade_dim_pool *pool, int64_t number)
{
	struct poly poly = { .count = 1, .terms = { { .number = number } } };

	return number >= 0 ? number : intern(pool, &poly);
}

bool clade_dims_constant(const struct clade_dim_pool *pool, int64_t dim, int64_t *out)
{
	const struct stored *stored = stored_of(pool, dim);

	if (dim >= 0) {
		*out = dim;
		return true;
	}
	if (!stored || stored->count != 1 || stored->terms[0].product.count)
		return false;
	*out = stored->terms[0].number;
	return true;
}

static int64_t combine(struct clade_dim_pool *pool, int64_t a, int64_t b, int64_t sign)
{
	struct poly left, right;

	if (!load(pool, a, &left) || !load(pool, b, &right))
		return FAILED;
	for (uint32_t i = 0; i < right.count; i++) {
		int64_t number;

		if (!clade_i64_mul(right.terms[i].number, sign, &number) ||
		    !accumulate(&left, number, &right.terms[i].product))
			return FAILED;
	}
	return intern(pool, &left);
}

int64_t clade_dims_add(struct clade_dim_pool *pool, int64_t a, int64_t b)
{
	return combine(pool, a, b, 1);
}

int64_t clade_dims_sub(struct clade_dim_pool *pool, int64_t a, int64_t b)
{
	return combine(pool, a, b, -1);
}

/* out += number * product * b */
static bool add_scaled(struct poly *out, int64_t number, const struct monomial *product, const struct poly *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		struct monomial both;
		int64_t scaled;

		if (!clade_i64_mul(number, b->terms[i].number, &scaled) ||
		    !multiply(product, &b->terms[i].product, &both) || !accumulate(out, scaled, &both))
			return false;
	}
	return true;
}

int64_t clade_dims_mul(struct clade_dim_pool *pool, int64_t a, int64_t b)
{
	struct poly left, right, out = { 0 };

	if (!load(pool, a, &left) || !load(pool, b, &right))
		return FAILED;
	for (uint32_t i = 0; i < left.count; i++)
		if (!add_scaled(&out, left.terms[i].number, &left.terms[i].product, &right))
			return FAILED;
	return intern(pool, &out);
}

static int64_t gcd(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a < 0 ? -a : a;
}

static int64_t content(const struct poly *poly, int64_t start)
{
	int64_t common = start;

	for (uint32_t i = 0; i < poly->count; i++)
		if (poly->terms[i].number != INT64_MIN)
			common = gcd(common, poly->terms[i].number);
		else
			common = 1;
	return common;
}

int64_t clade_dims_div(struct clade_dim_pool *pool, int64_t a, int64_t b)
{
	struct poly left, right, rest, quotient = { 0 };
	struct atom atom = { 0 };
	int64_t common;

	if (!load(pool, a, &left) || !load(pool, b, &right) || right.count == 0)
		return FAILED;
	rest = left;
	for (int turn = 0; rest.count && turn < 4 * MAX_TERMS; turn++) {
		struct monomial product;
		int64_t number = right.terms[0].number, above = rest.terms[0].number;

		if (above == INT64_MIN || above % number ||
		    !divide(&rest.terms[0].product, &right.terms[0].product, &product))
			break;
		number = above / number;
		if (!accumulate(&quotient, number, &product) || !add_scaled(&rest, -number, &product, &right))
			return FAILED;
	}
	if (rest.count == 0)
		return intern(pool, &quotient);
	common = content(&right, content(&left, 0));
	if (left.count == 1 && right.count == 1 && !left.terms[0].product.count && !right.terms[0].product.count)
		return FAILED;
	for (uint32_t i = 0; i < left.count; i++)
		left.terms[i].number /= common;
	for (uint32_t i = 0; i < right.count; i++)
		right.terms[i].number /= common;
	atom.above = intern(pool, &left);
	atom.below = intern(pool, &right);
	if (atom.above == FAILED || atom.below == FAILED)
		return FAILED;
	return atom_dim(pool, &atom);
}

static bool eval_atom(const struct clade_dim_pool *pool, const struct atom *atom, const int64_t *bindings, int64_t *out)
{
	int64_t above, below;

	if (atom->name) {
		*out = bindings[atom->variable];
		return *out >= 0;
	}
	if (!clade_dims_eval(pool, atom->above, bindings, &above) ||
	    !clade_dims_eval(pool, atom->below, bindings, &below) || below == 0 || above == INT64_MIN || above % below)
		return false;
	*out = above / below;
	return true;
}

bool clade_dims_eval(const struct clade_dim_pool *pool, int64_t dim, const int64_t *bindings, int64_t *out)
{
	const struct stored *stored = stored_of(pool, dim);

	*out = dim;
	if (dim >= 0)
		return true;
	if (!stored)
		return false;
	*out = 0;
	for (uint32_t i = 0; i < stored->count; i++) {
		const struct term *term = &stored->terms[i];
		int64_t value = term->number, atom;

		for (uint32_t f = 0; f < term->product.count; f++) {
			const struct factor *factor = &term->product.factors[f];

			if (!eval_atom(pool, &pool->atoms[factor->atom], bindings, &atom))
				return false;
			for (uint32_t p = 0; p < factor->power; p++)
				if (!clade_i64_mul(value, atom, &value))
					return false;
		}
		if (!clade_i64_add(*out, value, out))
			return false;
	}
	return true;
}

bool clade_dims_uses(const struct clade_dim_pool *pool, int64_t dim, uint32_t variable)
{
	const struct stored *stored = stored_of(pool, dim);

	for (uint32_t i = 0; stored && i < stored->count; i++)
		for (uint32_t f = 0; f < stored->terms[i].product.count; f++) {
			const struct atom *atom = &pool->atoms[stored->terms[i].product.factors[f].atom];

			if (atom->name ? atom->variable == variable
				       : clade_dims_uses(pool, atom->above, variable) ||
						 clade_dims_uses(pool, atom->below, variable))
				return true;
		}
	return false;
}

bool clade_dims_linear(const struct clade_dim_pool *pool, int64_t dim, uint32_t *variable, int64_t *factor,
		       int64_t *rest)
{
	const struct stored *stored = stored_of(pool, dim);
	const struct monomial *product;

	if (!stored || stored->count > 2)
		return false;
	product = &stored->terms[0].product;
	if (product->count != 1 || product->factors[0].power != 1 || !pool->atoms[product->factors[0].atom].name)
		return false;
	if (stored->count == 2 && stored->terms[1].product.count)
		return false;
	*variable = pool->atoms[product->factors[0].atom].variable;
	*factor = stored->terms[0].number;
	*rest = stored->count == 2 ? stored->terms[1].number : 0;
	return true;
}

struct out {
	char *text;
	size_t size, length;
};

static void put(struct out *out, const char *text)
{
	for (; *text && out->length + 1 < out->size; text++)
		out->text[out->length++] = *text;
	if (out->size)
		out->text[out->length] = 0;
}

static void put_dim(const struct clade_dim_pool *pool, int64_t dim, struct out *out);

/* An operand of a quotient: in brackets unless it is a name or a number >= 0. */
static void put_operand(const struct clade_dim_pool *pool, int64_t dim, struct out *out)
{
	const struct stored *stored = stored_of(pool, dim);
	uint32_t variable;
	int64_t factor, rest;
	bool simple = !stored || (clade_dims_linear(pool, dim, &variable, &factor, &rest) && factor == 1 && rest == 0);

	put(out, simple ? "" : "(");
	put_dim(pool, dim, out);
	put(out, simple ? "" : ")");
}

static void put_atom(const struct clade_dim_pool *pool, const struct atom *atom, bool alone, struct out *out)
{
	if (atom->name) {
		put(out, atom->name);
		return;
	}
	put(out, alone ? "" : "(");
	put_operand(pool, atom->above, out);
	put(out, " / ");
	put_operand(pool, atom->below, out);
	put(out, alone ? "" : ")");
}

static void put_dim(const struct clade_dim_pool *pool, int64_t dim, struct out *out)
{
	const struct stored *stored = stored_of(pool, dim);
	char number[24];

	if (!stored) {
		snprintf(number, sizeof(number), "%lld", (long long)dim);
		put(out, dim >= 0 ? number : "?");
		return;
	}
	for (uint32_t i = 0; i < stored->count; i++) {
		const struct term *term = &stored->terms[i];
		bool minus = term->number < 0, first = true;
		uint64_t magnitude = minus ? 0 - (uint64_t)term->number : (uint64_t)term->number;

		put(out, i == 0 ? (minus ? "-" : "") : (minus ? " - " : " + "));
		if (magnitude != 1 || term->product.count == 0) {
			snprintf(number, sizeof(number), "%llu", (unsigned long long)magnitude);
			put(out, number);
			first = false;
		}
		for (uint32_t f = 0; f < term->product.count; f++)
			for (uint32_t p = 0; p < term->product.factors[f].power; p++) {
				bool alone = first && term->product.count == 1 && term->product.factors[f].power == 1;

				put(out, first ? "" : " * ");
				put_atom(pool, &pool->atoms[term->product.factors[f].atom], alone && !minus, out);
				first = false;
			}
	}
}

const char *clade_dims_text(const struct clade_dim_pool *pool, int64_t dim, char *out, size_t size)
{
	struct out text = { out, size, 0 };

	if (size)
		out[0] = 0;
	put_dim(pool, dim, &text);
	return out;
}

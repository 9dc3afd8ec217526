/* SPDX-License-Identifier: MIT */
/* Source maps: evaluating a weight's tree, a range of elements at a time, and printing it. */
#include "source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int64_t inner_size(const struct clade_type *type, uint32_t axis)
{
	int64_t size = 1;

	for (uint32_t i = axis + 1; i < type->rank; i++)
		size *= type->dims[i];
	return size;
}

/* Of elements of f32, i32 or a type that a file stores. */
static size_t bytes_of(enum clade_dtype dtype, int64_t count)
{
	const struct clade_dtype_info *info = clade_dtype_info(dtype);

	return (size_t)(count / info->block) * info->bytes;
}

static enum clade_status read_const(struct clade_context *context, const struct clade_store *store,
				    const struct clade_weight_tree *tree, enum clade_dtype as, int64_t first,
				    int64_t count, void *target, struct clade_diag *diag)
{
	enum clade_status status = clade_weight_read(context, store, tree->kids[0], as, first, count, target, diag);
	float *values = target, number = (float)tree->number;

	for (int64_t i = 0; !status && i < count; i++) {
		float x = tree->left ? number : values[i], y = tree->left ? values[i] : number;

		values[i] = *tree->op == '+' ? x + y : *tree->op == '-' ? x - y : *tree->op == '*' ? x * y : x / y;
	}
	return status;
}

static enum clade_status read_stack(struct clade_context *context, const struct clade_store *store,
				    const struct clade_weight_tree *tree, enum clade_dtype as, int64_t first,
				    int64_t count, void *target, struct clade_diag *diag)
{
	int64_t each = inner_size(&tree->type, 0);
	enum clade_status status = CLADE_OK;

	while (count && !status) {
		int64_t at = first % each, part = each - at < count ? each - at : count;

		status = clade_weight_read(context, store, tree->kids[first / each], as, at, part, target, diag);
		target = (char *)target + bytes_of(as, part);
		first += part;
		count -= part;
	}
	return status;
}

/* Runs of consecutive elements along the cut axis and all axes after it. */
static enum clade_status read_slice(struct clade_context *context, const struct clade_store *store,
				    const struct clade_weight_tree *tree, enum clade_dtype as, int64_t first,
				    int64_t count, void *target, struct clade_diag *diag)
{
	const struct clade_weight_tree *kid = tree->kids[0];
	int64_t inner = inner_size(&tree->type, tree->axis), run = inner * tree->type.dims[tree->axis];
	int64_t whole = inner * kid->type.dims[tree->axis];
	enum clade_status status = CLADE_OK;

	while (count && !status) {
		int64_t at = first % run, part = run - at < count ? run - at : count;

		status = clade_weight_read(context, store, kid, as, first / run * whole + tree->from * inner + at, part,
					   target, diag);
		target = (char *)target + bytes_of(as, part);
		first += part;
		count -= part;
	}
	return status;
}

/* Runs of consecutive elements of one kid along the joined axis and all axes after it. */
static enum clade_status read_concat(struct clade_context *context, const struct clade_store *store,
				     const struct clade_weight_tree *tree, enum clade_dtype as, int64_t first,
				     int64_t count, void *target, struct clade_diag *diag)
{
	int64_t inner = inner_size(&tree->type, tree->axis), whole = inner * tree->type.dims[tree->axis];
	enum clade_status status = CLADE_OK;

	while (count && !status) {
		int64_t outer = first / whole, at = first % whole, run, part;
		const struct clade_weight_tree *const *kid = tree->kids;

		while (at >= (run = inner * (*kid)->type.dims[tree->axis])) {
			at -= run;
			kid++;
		}
		part = run - at < count ? run - at : count;
		status = clade_weight_read(context, store, *kid, as, outer * run + at, part, target, diag);
		target = (char *)target + bytes_of(as, part);
		first += part;
		count -= part;
	}
	return status;
}

/* Row r of a head of d rows comes from row 2 r (first half) or 2 (r - d / 2) + 1; of pairs, the other way round. */
static enum clade_status read_halves(struct clade_context *context, const struct clade_store *store,
				     const struct clade_weight_tree *tree, enum clade_dtype as, int64_t first,
				     int64_t count, void *target, struct clade_diag *diag)
{
	int64_t inner = inner_size(&tree->type, 0), rows = tree->type.dims[0] / tree->heads;
	enum clade_status status = CLADE_OK;

	while (count && !status) {
		int64_t row = first / inner, at = first % inner, part = inner - at < count ? inner - at : count;
		int64_t r = row % rows, from = r < rows / 2 ? 2 * r : 2 * (r - rows / 2) + 1;

		if (tree->kind == CLADE_WEIGHT_PAIRS)
			from = r / 2 + r % 2 * (rows / 2);
		status = clade_weight_read(context, store, tree->kids[0], as, (row - r + from) * inner + at, part,
					   target, diag);
		target = (char *)target + bytes_of(as, part);
		first += part;
		count -= part;
	}
	return status;
}

/* Needs the whole kid in memory: the elements of a run lie far apart in it. */
static enum clade_status read_transpose(struct clade_context *context, const struct clade_store *store,
					const struct clade_weight_tree *tree, enum clade_dtype as, int64_t first,
					int64_t count, void *target, struct clade_diag *diag)
{
	const struct clade_weight_tree *kid = tree->kids[0];
	int64_t strides[CLADE_MAX_RANK], total = 1;
	uint32_t *values, *out = target;
	size_t bytes;
	enum clade_status status;

	if (!clade_type_count(&kid->type, &total) || !clade_size_mul((size_t)total, 4, &bytes))
		return clade_fail_memory(diag, SIZE_MAX, "a transposed weight");
	values = clade_alloc(context, bytes ? bytes : 1);
	if (!values)
		return clade_fail_memory(diag, bytes, "a transposed weight");
	clade_dense_strides(&kid->type, strides);
	status = clade_weight_read(context, store, kid, as, 0, total, values, diag);
	for (int64_t i = 0; !status && i < count; i++) {
		int64_t rest = first + i, at = 0;

		for (uint32_t d = tree->type.rank; d-- > 0;) {
			at += rest % tree->type.dims[d] * strides[tree->axes[d]];
			rest /= tree->type.dims[d];
		}
		out[i] = values[at];
	}
	clade_free(context, values);
	return status;
}

enum clade_status clade_weight_read(struct clade_context *context, const struct clade_store *store,
				    const struct clade_weight_tree *tree, enum clade_dtype as, int64_t first,
				    int64_t count, void *target, struct clade_diag *diag)
{
	switch (tree->kind) {
	case CLADE_WEIGHT_TENSOR:
		return as == tree->type.dtype ? clade_store_read(store, tree->tensor, first, count, target, diag)
					      : clade_store_read_raw(store, tree->tensor, first, count, target, diag);
	case CLADE_WEIGHT_CONST:
		return read_const(context, store, tree, as, first, count, target, diag);
	case CLADE_WEIGHT_STACK:
		return read_stack(context, store, tree, as, first, count, target, diag);
	case CLADE_WEIGHT_SLICE:
		return read_slice(context, store, tree, as, first, count, target, diag);
	case CLADE_WEIGHT_TRANSPOSE:
		return read_transpose(context, store, tree, as, first, count, target, diag);
	case CLADE_WEIGHT_CONCAT:
		return read_concat(context, store, tree, as, first, count, target, diag);
	case CLADE_WEIGHT_HALVES:
	case CLADE_WEIGHT_PAIRS:
		return read_halves(context, store, tree, as, first, count, target, diag);
	default: /* RESHAPE: the order of elements stays */
		return clade_weight_read(context, store, tree->kids[0], as, first, count, target, diag);
	}
}

static void print_string(const char *string, struct clade_string *text)
{
	clade_string_add(text, "\"", 1);
	for (; *string; string++)
		if (*string == '"' || *string == '\\')
			clade_string_print(text, "\\%c", *string);
		else if (*string == '{')
			clade_string_add(text, "{{", 2);
		else if (*string == '\n')
			clade_string_add(text, "\\n", 2);
		else if (*string == '\t')
			clade_string_add(text, "\\t", 2);
		else
			clade_string_add(text, string, 1);
	clade_string_add(text, "\"", 1);
}

static void print_stack(const struct clade_weight_tree *tree, struct clade_string *text)
{
	clade_string_print(text, "stack(");
	for (uint32_t i = 0; i < tree->kid_count; i++) {
		clade_string_print(text, "%s", i ? ", " : "");
		clade_weight_print(tree->kids[i], text);
	}
	clade_string_print(text, ")");
}

void clade_weight_print(const struct clade_weight_tree *tree, struct clade_string *text)
{
	char number[40];

	switch (tree->kind) {
	case CLADE_WEIGHT_TENSOR:
		print_string(tree->tensor->name, text);
		return;
	case CLADE_WEIGHT_STACK:
		print_stack(tree, text);
		return;
	case CLADE_WEIGHT_CONST:
		clade_number_text(tree->number, true, number, sizeof(number));
		clade_string_print(text, "(%s%s%s%s", tree->left ? number : "", tree->left ? " " : "",
				   tree->left ? tree->op : "", tree->left ? " " : "");
		clade_weight_print(tree->kids[0], text);
		clade_string_print(text, "%s%s%s%s)", tree->left ? "" : " ", tree->left ? "" : tree->op,
				   tree->left ? "" : " ", tree->left ? "" : number);
		return;
	case CLADE_WEIGHT_SLICE:
		clade_string_print(text, "slice(");
		break;
	case CLADE_WEIGHT_TRANSPOSE:
		clade_string_print(text, "transpose(");
		break;
	case CLADE_WEIGHT_HALVES:
		clade_string_print(text, "rope_halves(");
		break;
	default:
		clade_string_print(text, "reshape(");
		break;
	}
	clade_weight_print(tree->kids[0], text);
	if (tree->kind == CLADE_WEIGHT_SLICE)
		clade_string_print(text, ", axis = %u, start = %lld, end = %lld)", tree->axis, (long long)tree->from,
				   (long long)(tree->from + tree->type.dims[tree->axis]));
	else if (tree->kind == CLADE_WEIGHT_HALVES)
		clade_string_print(text, ", heads = %lld)", (long long)tree->heads);
	else {
		clade_string_print(text, ", [");
		for (uint32_t i = 0; i < tree->type.rank; i++)
			clade_string_print(text, "%s%lld", i ? ", " : "",
					   tree->kind == CLADE_WEIGHT_TRANSPOSE ? (long long)tree->axes[i]
										: (long long)tree->type.dims[i]);
		clade_string_print(text, "])");
	}
}

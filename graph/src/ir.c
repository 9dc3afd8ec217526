/* SPDX-License-Identifier: MIT */
/* Reading the expanded graph: dims with values bound, texts of types, binding of inputs. */
#include "dims.h"
#include "model.h"
#include "region.h"

#include <clade/messages.h>

#include <stdio.h>
#include <string.h>

bool clade_ir_eval(const struct clade_ir *ir, int64_t dim, const int64_t *bindings, int64_t *out)
{
	return clade_dims_eval(ir->pool, dim, bindings, out) && *out >= 0;
}

bool clade_ir_eval_type(const struct clade_ir *ir, const struct clade_type *type, const int64_t *bindings,
			struct clade_type *out)
{
	*out = *type;
	for (uint32_t i = 0; i < type->rank; i++)
		if (!clade_ir_eval(ir, type->dims[i], bindings, &out->dims[i]))
			return false;
	return true;
}

const char *clade_ir_dim_text(const struct clade_ir *ir, int64_t dim, char *out, size_t size)
{
	return clade_dims_text(ir->pool, dim, out, size);
}

const char *clade_ir_type_text(const struct clade_ir *ir, const struct clade_type *type, char *out, size_t size)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);
	size_t at = (size_t)snprintf(out, size, "%s[", info ? info->name : "?");

	for (uint32_t i = 0; i < type->rank && at < size; i++) {
		char dim[160];

		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "",
				       clade_dims_text(ir->pool, type->dims[i], dim, sizeof(dim)));
	}
	if (at < size)
		snprintf(out + at, size - at, "]");
	return out;
}

static enum clade_status bind_fail(const struct clade_ir *ir, const struct clade_ir_input *input,
				   const struct clade_type *actual, struct clade_diag *diag, const char *rule)
{
	char declared[256], got[160];

	return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_GRAPH_BIND, input->name, "input %s is %s but declared %s; %s",
			  input->name, clade_type_text(actual, got, sizeof(got)),
			  clade_ir_type_text(ir, &input->type, declared, sizeof(declared)), rule);
}

enum clade_status clade_ir_bind_input(const struct clade_ir *ir, const struct clade_ir_input *input,
				      const struct clade_type *actual, int64_t *bindings, struct clade_diag *diag)
{
	char rule[256], text[160];

	if (actual->rank != input->type.rank)
		return bind_fail(ir, input, actual, diag, "it has another number of axes");
	for (uint32_t i = 0; i < actual->rank; i++) {
		int64_t value = actual->dims[i], wanted, factor, rest;
		uint32_t dim;

		if (clade_dims_linear(ir->pool, input->type.dims[i], &dim, &factor, &rest) && bindings[dim] < 0) {
			if ((value - rest) % factor || (value - rest) / factor < 0) {
				snprintf(rule, sizeof(rule), "axis %u must be %s", i,
					 clade_dims_text(ir->pool, input->type.dims[i], text, sizeof(text)));
				return bind_fail(ir, input, actual, diag, rule);
			}
			bindings[dim] = (value - rest) / factor;
		} else if (clade_ir_eval(ir, input->type.dims[i], bindings, &wanted) && wanted != value) {
			const char *dim_text = clade_dims_text(ir->pool, input->type.dims[i], text, sizeof(text));

			if (dim_text[strspn(dim_text, "0123456789")] == '\0')
				snprintf(rule, sizeof(rule), "axis %u must be %s", i, dim_text);
			else
				snprintf(rule, sizeof(rule), "axis %u: %s is %lld already, not %lld", i, dim_text,
					 (long long)wanted, (long long)value);
			return bind_fail(ir, input, actual, diag, rule);
		}
	}
	return CLADE_OK;
}

int64_t clade_ring_rows(int64_t window)
{
	return window > INT64_MAX / 4 ? 0 : (window + CLADE_CHUNK_MAX - 1 + 255) / 256 * 256;
}

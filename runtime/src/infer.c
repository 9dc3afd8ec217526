/* SPDX-License-Identifier: MIT */
/* Shape inference: ports' patterns are matched against the inputs' types, give the outputs' types, and the op's own
 * rule has the last word. Dims may be numbers or codes; all arithmetic goes through struct clade_infer_ops. */
#include "internal.h"
#include "pattern.h"

#include <stdio.h>
#include <string.h>

enum { MAX_BINDINGS = CLADE_MAX_PORTS * CLADE_MAX_RANK };

struct binding {
	const char *name;
	int64_t value;
	const char *from; /* the port or attribute that bound it */
};

/* The state of one inference. */
struct match {
	const struct clade_op *op;
	struct clade_infer *infer;
	struct binding bindings[MAX_BINDINGS];
	uint32_t binding_count;
	const char *leading_from; /* the input that bound "...", NULL: none yet */
	uint32_t leading_count;
	int64_t leading[CLADE_MAX_RANK];
	/* Parsed patterns hold the names that bindings point to. */
	struct clade_pattern patterns[CLADE_MAX_PORTS];
};

static const struct binding *find_binding(const struct match *match, const char *name)
{
	for (uint32_t i = 0; i < match->binding_count; i++)
		if (strcmp(match->bindings[i].name, name) == 0)
			return &match->bindings[i];
	return NULL;
}

/* Writes a type with symbolic dims as the graph spells them. */
static const char *type_text(struct clade_infer *infer, const struct clade_type *type, char *out, size_t size)
{
	const struct clade_dtype_info *info = clade_dtype_info(type->dtype);
	size_t at = (size_t)snprintf(out, size, "%s[", info ? info->name : "?");

	for (uint32_t i = 0; i < type->rank && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "",
				       infer->ops->text(infer, type->dims[i]));
	if (at < size)
		snprintf(out + at, size - at, "]");
	return out;
}

static enum clade_status mismatch(struct match *match, const struct clade_port *port, const struct clade_type *type,
				  const char *rule)
{
	char text[256];

	return match->infer->ops->fail(match->infer, "%s: input %s is %s; %s", match->op->name, port->name,
				       type_text(match->infer, type, text, sizeof(text)), rule);
}

/* INT and DIM attributes are names that patterns may use. */
static void bind_attributes(struct match *match)
{
	const char *params = match->infer->params;

	for (size_t i = 0; match->op->attrs && match->op->attrs[i] && match->binding_count < MAX_BINDINGS; i++) {
		const struct clade_attr *attr = match->op->attrs[i];
		int64_t value;

		if (!params || (attr->type != CLADE_ATTR_INT && attr->type != CLADE_ATTR_DIM))
			continue;
		memcpy(&value, params + attr->offset, sizeof(value));
		/* A negative INT is no dim (and must not be taken for a code). */
		if (value == INT64_MIN || (attr->type == CLADE_ATTR_INT && value < 0))
			continue;
		match->bindings[match->binding_count++] = (struct binding) { attr->name, value, attr->name };
	}
}

static enum clade_status match_leading(struct match *match, const struct clade_port *port,
				       const struct clade_type *type, uint32_t count)
{
	char rule[160];

	if (!match->leading_from) {
		match->leading_from = port->name;
		match->leading_count = count;
		memcpy(match->leading, type->dims, sizeof(match->leading));
		return CLADE_OK;
	}
	snprintf(rule, sizeof(rule), "its leading dims must be those of %s", match->leading_from);
	if (count != match->leading_count)
		return mismatch(match, port, type, rule);
	for (uint32_t i = 0; i < count; i++)
		if (type->dims[i] != match->leading[i])
			return mismatch(match, port, type, rule);
	return CLADE_OK;
}

static enum clade_status match_dim(struct match *match, const struct clade_port *port, const struct clade_type *type,
				   uint32_t axis, const struct clade_pattern_term *term)
{
	const struct binding *bound = term->name[0] ? find_binding(match, term->name) : NULL;
	int64_t wanted = bound ? bound->value : term->number;
	char rule[256];

	if (term->name[0] && !bound) {
		if (match->binding_count == MAX_BINDINGS)
			return match->infer->ops->fail(match->infer, "%s: too many dims", match->op->name);
		match->bindings[match->binding_count++] = (struct binding) { term->name, type->dims[axis], port->name };
		return CLADE_OK;
	}
	if (type->dims[axis] == wanted)
		return CLADE_OK;
	if (bound)
		snprintf(rule, sizeof(rule), "dim %u (%s) must be %s as in %s", axis, term->name,
			 match->infer->ops->text(match->infer, wanted), bound->from);
	else
		snprintf(rule, sizeof(rule), "dim %u must be %lld", axis, (long long)wanted);
	return mismatch(match, port, type, rule);
}

static enum clade_status match_input(struct match *match, const struct clade_port *port,
				     const struct clade_pattern *pattern, const struct clade_type *type)
{
	uint32_t leading;
	char rule[160];

	if (type->rank > CLADE_MAX_RANK)
		return match->infer->ops->fail(match->infer, "%s: input %s has rank %u; at most %d", match->op->name,
					       port->name, type->rank, CLADE_MAX_RANK);
	if ((unsigned)type->dtype >= CLADE_DTYPE_COUNT || !(port->dtypes & CLADE_DTYPE_BIT(type->dtype))) {
		size_t at = (size_t)snprintf(rule, sizeof(rule), "its element type must be");

		for (unsigned i = 0; i < CLADE_DTYPE_COUNT; i++)
			if (port->dtypes & CLADE_DTYPE_BIT(i))
				at += (size_t)snprintf(rule + at, sizeof(rule) - at, "%s %s",
						       port->dtypes & (CLADE_DTYPE_BIT(i) - 1) ? " or" : "",
						       clade_dtype_info((enum clade_dtype)i)->name);
		return mismatch(match, port, type, rule);
	}
	if (pattern->any)
		return CLADE_OK;
	snprintf(rule, sizeof(rule), "its shape must be %s", port->shape);
	if (type->rank < pattern->dim_count || (!pattern->leading && type->rank != pattern->dim_count))
		return mismatch(match, port, type, rule);
	leading = type->rank - pattern->dim_count;
	if (pattern->leading) {
		enum clade_status status = match_leading(match, port, type, leading);

		if (status)
			return status;
	}
	for (uint32_t i = 0; i < pattern->dim_count; i++) {
		enum clade_status status = match_dim(match, port, type, leading + i, &pattern->dims[i].terms[0]);

		if (status)
			return status;
	}
	return CLADE_OK;
}

/* The type of the input port `name`, NULL if absent. */
static const struct clade_type *input_type(const struct match *match, const char *name)
{
	for (uint32_t i = 0; match->op->ports[i] && match->op->ports[i]->flags & CLADE_IN; i++)
		if (strcmp(match->op->ports[i]->name, name) == 0)
			return i < match->infer->input_count ? match->infer->inputs[i] : NULL;
	return NULL;
}

/* Inputs with `like` have that input's element type and, without a pattern, its shape. */
static enum clade_status match_like(struct match *match, const struct clade_port *port, const struct clade_type *type)
{
	const struct clade_type *like = port->like ? input_type(match, port->like) : NULL;
	char rule[320], text[256];
	bool same;

	if (!like)
		return CLADE_OK;
	same = port->shape ? type->dtype == like->dtype : clade_type_equal(type, like);
	if (same)
		return CLADE_OK;
	type_text(match->infer, like, text, sizeof(text));
	snprintf(rule, sizeof(rule), "its %s must be that of %s, which is %s", port->shape ? "element type" : "type",
		 port->like, text);
	return mismatch(match, port, type, rule);
}

static enum clade_status match_inputs(struct match *match)
{
	struct clade_infer *infer = match->infer;
	const struct clade_port *const *ports = match->op->ports;
	uint32_t port_count = clade_op_port_count(match->op, CLADE_IN);
	bool variadic = port_count && ports[port_count - 1]->flags & CLADE_VARIADIC;

	if (infer->input_count > CLADE_MAX_PORTS || (infer->input_count > port_count && !variadic))
		return infer->ops->fail(infer, "%s: %u inputs are given; it takes %u", match->op->name,
					infer->input_count, port_count);
	for (uint32_t i = 0; i < infer->input_count || i < port_count; i++) {
		uint32_t p = i < port_count ? i : port_count - 1;
		const struct clade_type *type = i < infer->input_count ? infer->inputs[i] : NULL;
		enum clade_status status = CLADE_OK;

		if (i <= p)
			clade_pattern_parse(ports[p]->shape, &match->patterns[p]);
		if (type)
			status = match_input(match, ports[p], &match->patterns[p], type);
		else if (!(ports[p]->flags & CLADE_OPTIONAL))
			status = infer->ops->fail(infer, "%s: input %s is missing", match->op->name, ports[p]->name);
		if (!status && type)
			status = match_like(match, ports[p], type);
		if (status)
			return status;
	}
	return CLADE_OK;
}

static enum clade_status output_dim(struct match *match, const struct clade_port *port,
				    const struct clade_pattern_dim *dim, int64_t *out)
{
	struct clade_infer *infer = match->infer;
	int64_t value = 1;

	for (uint32_t t = 0; t < dim->term_count; t++) {
		const struct clade_pattern_term *term = &dim->terms[t];
		const struct binding *bound = term->name[0] ? find_binding(match, term->name) : NULL;
		int64_t factor = bound ? bound->value : term->number, before = value;

		if (term->name[0] && !bound)
			return infer->ops->fail(infer, "%s: the size %s of output %s is not known from the inputs",
						match->op->name, term->name, port->name);
		/* Codes are negative; only a plain 0 cannot divide. */
		if (term->divide && factor == 0)
			return infer->ops->fail(infer, "%s: %s is 0 but divides a dim of %s", match->op->name,
						term->name[0] ? term->name : "a number", port->name);
		if (t == 0)
			value = factor;
		else
			value = (term->divide ? infer->ops->div : infer->ops->mul)(infer, value, factor);
		if (value == INT64_MIN) {
			char left[96];

			snprintf(left, sizeof(left), "%s", infer->ops->text(infer, before));
			return infer->ops->fail(infer, "%s: %s %s %s (%s of output %s) %s", match->op->name, left,
						term->divide ? "/" : "*", infer->ops->text(infer, factor),
						term->name[0] ? term->name : "number", port->name,
						term->divide ? "is not whole" : "is too large");
		}
	}
	*out = value;
	return CLADE_OK;
}

/* An output's type as far as its port says it. */
static enum clade_status apply_output(struct match *match, const struct clade_port *port, struct clade_type *out)
{
	const struct clade_type *like = port->like ? input_type(match, port->like) : NULL;
	struct clade_pattern pattern;

	memset(out, 0, sizeof(*out));
	if (like)
		*out = *like;
	for (unsigned i = 0; i < CLADE_DTYPE_COUNT; i++)
		if (port->dtypes & CLADE_DTYPE_BIT(i))
			out->dtype = (enum clade_dtype)i;
	if (!port->shape || !clade_pattern_parse(port->shape, &pattern))
		return CLADE_OK;
	out->rank = 0;
	if (pattern.leading && !match->leading_from)
		return match->infer->ops->fail(match->infer, "%s: the shape of output %s is not known from the inputs",
					       match->op->name, port->name);
	for (uint32_t i = 0; pattern.leading && i < match->leading_count; i++)
		out->dims[out->rank++] = match->leading[i];
	for (uint32_t i = 0; i < pattern.dim_count; i++) {
		enum clade_status status;

		if (out->rank == CLADE_MAX_RANK)
			return match->infer->ops->fail(match->infer, "%s: output %s would have more than %d dims",
						       match->op->name, port->name, CLADE_MAX_RANK);
		status = output_dim(match, port, &pattern.dims[i], &out->dims[out->rank++]);
		if (status)
			return status;
	}
	return CLADE_OK;
}

enum clade_status clade_infer_types_with(const struct clade_op *op, struct clade_infer *infer)
{
	struct match match = { .op = op, .infer = infer };
	enum clade_status status;

	infer->output_count = 0;
	bind_attributes(&match);
	status = match_inputs(&match);
	for (size_t i = 0; op->ports[i] && !status; i++)
		if (op->ports[i]->flags & CLADE_OUT)
			status = apply_output(&match, op->ports[i], &infer->outputs[infer->output_count++]);
	if (!status && op->infer)
		status = op->infer(infer);
	for (uint32_t i = 0; i < infer->output_count && !status; i++)
		if (infer->outputs[i].rank > CLADE_MAX_RANK || (unsigned)infer->outputs[i].dtype >= CLADE_DTYPE_COUNT)
			status = infer->ops->fail(infer, "%s: its shape rule gives no valid type", op->name);
	return status > 0 ? CLADE_ERR_DATA : status;
}

/* ---- inference over numbers ---- */

struct concrete {
	struct clade_infer infer;
	struct clade_diag *diag;
	char text[32];
};

static int64_t number_add(struct clade_infer *infer, int64_t a, int64_t b)
{
	int64_t sum;

	return a != INT64_MIN && b != INT64_MIN && clade_i64_add(a, b, &sum) ? sum : INT64_MIN;
}

static int64_t number_sub(struct clade_infer *infer, int64_t a, int64_t b)
{
	int64_t difference;

	return a != INT64_MIN && b != INT64_MIN && !__builtin_sub_overflow(a, b, &difference) && difference >= 0
		       ? difference
		       : INT64_MIN;
}

static int64_t number_mul(struct clade_infer *infer, int64_t a, int64_t b)
{
	int64_t product;

	return a != INT64_MIN && b != INT64_MIN && clade_i64_mul(a, b, &product) ? product : INT64_MIN;
}

static int64_t number_div(struct clade_infer *infer, int64_t a, int64_t b)
{
	return a >= 0 && b > 0 && a % b == 0 ? a / b : INT64_MIN;
}

static enum clade_status number_fail(struct clade_infer *infer, const char *format, ...)
{
	struct concrete *concrete = (struct concrete *)(void *)infer;
	va_list args;

	va_start(args, format);
	clade_fail_v(concrete->diag, CLADE_ERR_DATA, CLADE_MSG_INFER, NULL, format, args);
	va_end(args);
	return CLADE_ERR_DATA;
}

static const char *number_text(struct clade_infer *infer, int64_t dim)
{
	struct concrete *concrete = (struct concrete *)(void *)infer;

	snprintf(concrete->text, sizeof(concrete->text), "%lld", (long long)dim);
	return concrete->text;
}

static const struct clade_infer_ops number_ops = { .size = sizeof(struct clade_infer_ops),
						   .add = number_add,
						   .sub = number_sub,
						   .mul = number_mul,
						   .div = number_div,
						   .fail = number_fail,
						   .text = number_text };

enum clade_status clade_infer_types(const struct clade_op *op, const void *params, uint32_t input_count,
				    const struct clade_type *const *inputs, struct clade_type *outputs,
				    uint32_t *out_output_count, struct clade_diag *diag)
{
	struct concrete concrete = { .diag = diag };
	enum clade_status status;
	size_t bytes;

	concrete.infer = (struct clade_infer) { .size = sizeof(struct clade_infer),
						.ops = &number_ops,
						.params = params,
						.input_count = input_count,
						.inputs = inputs,
						.outputs = outputs };
	*out_output_count = 0;
	for (uint32_t i = 0; i < input_count; i++)
		if (inputs[i] && !clade_type_bytes(inputs[i], &bytes))
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_INFER, NULL,
					  "%s: the size of input %u is negative or too large", op->name, i);
	status = clade_infer_types_with(op, &concrete.infer);
	for (uint32_t i = 0; i < concrete.infer.output_count && !status; i++)
		if (!clade_type_bytes(&outputs[i], &bytes))
			status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_INFER, NULL,
					    "%s: the size of output %u is negative or too large", op->name, i);
	if (status)
		return clade_fail(diag, status, CLADE_MSG_INFER, NULL, "%s: its shape rule refused the inputs",
				  op->name);
	*out_output_count = concrete.infer.output_count;
	return CLADE_OK;
}

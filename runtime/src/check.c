/* SPDX-License-Identifier: MIT */
/* Checks of the tables that ops, implementations and kernels register: sizes, names, flags, ranges. */
#include "internal.h"
#include "pattern.h"

#include <string.h>

static enum clade_status refuse(struct clade_diag *diag, const char *origin, const char *format, ...)
	CLADE_PRINTF(3, 4);

static enum clade_status refuse(struct clade_diag *diag, const char *origin, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	clade_fail_v(diag, CLADE_ERR_DATA, CLADE_MSG_REGISTRY, origin, format, args);
	va_end(args);
	return CLADE_ERR_DATA;
}

enum clade_status clade_table_check(const void *table, size_t known, const char *what, const char *origin,
				    struct clade_diag *diag)
{
	return clade_table_check_since(table, known, known, what, origin, diag);
}

enum clade_status clade_table_check_since(const void *table, size_t least, size_t known, const char *what,
					  const char *origin, struct clade_diag *diag)
{
	const unsigned char *bytes = table;
	uint32_t size;

	if (!table)
		return refuse(diag, origin, "%s: the pointer is NULL", what);
	memcpy(&size, table, sizeof(size));
	if (size == least)
		return CLADE_OK;
	if (size < known)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_ABI, origin,
				  "%s: its size field is %u; this version needs at least %zu (is it set to sizeof?)",
				  what, size, known);
	/* A size from a wild pointer must not send the loop through memory. */
	if (size > known + 4096)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_ABI, origin,
				  "%s: its size field is %u, which is no size of such a table (known: %zu)", what, size,
				  known);
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_ABI, origin,
					  "%s: it is %u bytes long and uses fields after byte %zu, which this version "
					  "does not know",
					  what, size, known);
	return CLADE_OK;
}

/* Words are what graph files can say: a letter, then letters, digits and '_' (and what `more` adds). */
static bool is_word(const char *word, const char *more)
{
	if (!word || !(*word >= 'a' && *word <= 'z'))
		return false;
	for (const char *c = word; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '_' && !strchr(more, *c))
			return false;
	return strlen(word) < 64;
}

static size_t attr_bytes(enum clade_attr_type type)
{
	static const size_t bytes[] = {
		[CLADE_ATTR_BOOL] = sizeof(bool),   [CLADE_ATTR_INT] = sizeof(int64_t),
		[CLADE_ATTR_FLOAT] = sizeof(float), [CLADE_ATTR_WORD] = sizeof(int32_t),
		[CLADE_ATTR_DIM] = sizeof(int64_t), [CLADE_ATTR_DIMS] = sizeof(struct clade_dims),
	};

	return (unsigned)type < sizeof(bytes) / sizeof(bytes[0]) ? bytes[type] : 0;
}

static enum clade_status check_attr(const struct clade_op *op, size_t index, const char *origin,
				    struct clade_diag *diag)
{
	const struct clade_attr *attr = op->attrs[index];
	enum clade_status status = clade_table_check(attr, sizeof(*attr), "an attribute", origin, diag);
	size_t bytes, end;

	if (status)
		return status;
	if (!is_word(attr->name, ""))
		return refuse(diag, origin, "op %s: an attribute's name must be a lower-case word", op->name);
	for (size_t i = 0; i < index; i++)
		if (strcmp(op->attrs[i]->name, attr->name) == 0)
			return refuse(diag, origin, "op %s: attribute %s is listed twice", op->name, attr->name);
	bytes = attr_bytes(attr->type);
	if (!bytes || !clade_size_add(attr->offset, bytes, &end) || end > op->params_size)
		return refuse(diag, origin, "op %s: attribute %s has no place within params_size %zu", op->name,
			      attr->name, op->params_size);
	if (attr->type == CLADE_ATTR_WORD) {
		int64_t count = 0;

		while (attr->words && attr->words[count])
			count++;
		if (count == 0 || (!attr->required && (attr->def.i < 0 || attr->def.i >= count)))
			return refuse(diag, origin, "op %s: attribute %s needs words and a default among them",
				      op->name, attr->name);
	}
	if (attr->min > attr->max)
		return refuse(diag, origin, "op %s: attribute %s has a range with min > max", op->name, attr->name);
	return CLADE_OK;
}

static const struct clade_port *input_named(const struct clade_op *op, const char *name)
{
	for (size_t i = 0; op->ports[i] && op->ports[i]->flags & CLADE_IN; i++)
		if (strcmp(op->ports[i]->name, name) == 0)
			return op->ports[i];
	return NULL;
}

/* One port by itself. `inputs` and `outputs` count the ports before it. */
static enum clade_status check_port(const struct clade_op *op, const struct clade_port *port, uint32_t inputs,
				    uint32_t outputs, bool last_input, const char *origin, struct clade_diag *diag)
{
	const uint32_t known =
		CLADE_IN | CLADE_OUT | CLADE_OPTIONAL | CLADE_VARIADIC | CLADE_STATE | CLADE_STORED | CLADE_KEPT;
	bool in = port->flags & CLADE_IN;

	if (!is_word(port->name, ""))
		return refuse(diag, origin, "op %s: a port's name must be a lower-case word", op->name);
	if (in == !!(port->flags & CLADE_OUT) || port->flags & ~known)
		return refuse(diag, origin, "op %s: port %s must be either an input or an output", op->name,
			      port->name);
	if (in && outputs)
		return refuse(diag, origin, "op %s: input %s comes after an output; inputs are listed first", op->name,
			      port->name);
	if ((port->flags & CLADE_VARIADIC) && (!in || !last_input))
		return refuse(diag, origin, "op %s: only the last input may be variadic, not %s", op->name, port->name);
	if (!in && (port->flags & (CLADE_STATE | CLADE_STORED | CLADE_KEPT)))
		return refuse(diag, origin, "op %s: only inputs are states or weights, not %s", op->name, port->name);
	if (inputs >= CLADE_MAX_PORTS || outputs >= CLADE_MAX_PORTS)
		return refuse(diag, origin, "op %s: more than %d inputs or outputs", op->name, CLADE_MAX_PORTS);
	if (in && (port->dtypes == 0 || port->dtypes >> CLADE_DTYPE_COUNT))
		return refuse(diag, origin, "op %s: input %s accepts no known element type", op->name, port->name);
	if (!in && port->dtypes & (port->dtypes - 1))
		return refuse(diag, origin, "op %s: output %s must have one element type", op->name, port->name);
	if (!in && (port->dtypes >> CLADE_DTYPE_COUNT || (!port->dtypes && !port->like)))
		return refuse(diag, origin, "op %s: output %s has no element type and is like no input", op->name,
			      port->name);
	return CLADE_OK;
}

static enum clade_status check_ports(const struct clade_op *op, const char *origin, struct clade_diag *diag)
{
	uint32_t counts[2] = { 0, 0 };
	char why[256];

	for (size_t i = 0; op->ports[i]; i++) {
		const struct clade_port *port = op->ports[i], *next = op->ports[i + 1];
		enum clade_status status = clade_table_check(port, sizeof(*port), "a port", origin, diag);
		bool last_input = true;

		if (!status && next)
			status = clade_table_check(next, sizeof(*next), "a port", origin, diag);
		if (!status && next)
			last_input = !(next->flags & CLADE_IN);
		if (!status)
			status = check_port(op, port, counts[0], counts[1], last_input, origin, diag);
		if (status)
			return status;
		for (size_t j = 0; j < i; j++)
			if (strcmp(op->ports[j]->name, port->name) == 0 &&
			    (op->ports[j]->flags & CLADE_IN) == (port->flags & CLADE_IN))
				return refuse(diag, origin, "op %s: port %s is listed twice", op->name, port->name);
		counts[!(port->flags & CLADE_IN)]++;
	}
	if (counts[1] == 0)
		return refuse(diag, origin, "op %s: it has no output", op->name);
	if (!clade_pattern_check_op(op, why, sizeof(why)))
		return refuse(diag, origin, "op %s: %s", op->name, why);
	for (size_t i = 0; op->ports[i]; i++) {
		const struct clade_port *port = op->ports[i];

		if (port->flags & CLADE_OUT && !port->shape && !port->like && !op->infer)
			return refuse(diag, origin, "op %s: nothing says the shape of output %s", op->name, port->name);
		if (port->like && !input_named(op, port->like))
			return refuse(diag, origin, "op %s: output %s is like %s, which is no input", op->name,
				      port->name, port->like);
		if (port->index_of && !input_named(op, port->index_of))
			return refuse(diag, origin, "op %s: %s is an index of %s, which is no input", op->name,
				      port->name, port->index_of);
	}
	return CLADE_OK;
}

enum clade_status clade_op_check(const struct clade_op *op, const char *origin, struct clade_diag *diag)
{
	enum clade_status status = clade_table_check(op, sizeof(*op), "an op's table", origin, diag);

	if (status)
		return status;
	if (!is_word(op->name, ""))
		return refuse(diag, origin, "an op's name must be a lower-case word of less than 64 characters");
	if (!op->doc || !op->family)
		return refuse(diag, origin, "op %s: doc and family must be set", op->name);
	if (op->flags & ~(uint32_t)(CLADE_OP_VIEW | CLADE_OP_BLOCK))
		return refuse(diag, origin, "op %s: unknown flags", op->name);
	if (!op->ports)
		return refuse(diag, origin, "op %s: it has no ports", op->name);
	for (size_t i = 0; op->attrs && op->attrs[i] && !status; i++)
		status = check_attr(op, i, origin, diag);
	if (!status)
		status = check_ports(op, origin, diag);
	for (size_t i = 0; op->cases && op->cases[i] && !status; i++) {
		status = clade_table_check(op->cases[i], sizeof(*op->cases[i]), "a case", origin, diag);
		if (!status && (!op->cases[i]->name || !op->cases[i]->inputs))
			status = refuse(diag, origin, "op %s: case %zu needs a name and inputs", op->name, i);
	}
	return status;
}

static enum clade_status check_tunables(const struct clade_impl *impl, const char *origin, struct clade_diag *diag)
{
	const struct clade_tunable *const *list = clade_impl_tunables(impl);

	for (size_t i = 0; list[i]; i++) {
		enum clade_status status = clade_table_check(list[i], sizeof(*list[i]), "a tunable", origin, diag);

		if (status)
			return status;
		if (i == CLADE_MAX_TUNABLES)
			return refuse(diag, origin, "%s.%s: more than %d tunables", impl->op, impl->name,
				      CLADE_MAX_TUNABLES);
		if (!is_word(list[i]->name, "") || !list[i]->candidates || list[i]->candidates[0] == 0)
			return refuse(diag, origin, "%s.%s: a tunable needs a lower-case name and candidates", impl->op,
				      impl->name);
		for (size_t k = 0; list[i]->candidates[k]; k++)
			if (list[i]->candidates[k] < 0)
				return refuse(diag, origin, "%s.%s: candidates of %s must be above 0", impl->op,
					      impl->name, list[i]->name);
	}
	return CLADE_OK;
}

enum clade_status clade_impl_check(const struct clade_impl *impl, const char *origin, struct clade_diag *diag)
{
	const uint32_t places = CLADE_NEEDS_HOST | CLADE_NEEDS_OPENCL;
	const uint32_t known = places | CLADE_NEEDS_SUB_GROUPS | CLADE_NEEDS_FP16 | CLADE_NEEDS_INT_DOT;
	enum clade_status status = clade_table_check_since(impl, offsetof(struct clade_impl, tunables), sizeof(*impl),
							   "an implementation's table", origin, diag);

	if (status)
		return status;
	if (!is_word(impl->op, "") || !is_word(impl->name, "."))
		return refuse(diag, origin, "an implementation needs an op's name and a lower-case name of its own");
	if ((impl->needs & places) != CLADE_NEEDS_HOST && (impl->needs & places) != CLADE_NEEDS_OPENCL)
		return refuse(diag, origin, "%s.%s: it needs either the host or OpenCL", impl->op, impl->name);
	if (impl->needs & ~known)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_ABI, origin,
				  "%s.%s: it needs something that this version does not know (needs = 0x%x)", impl->op,
				  impl->name, impl->needs);
	if (!impl->run)
		return refuse(diag, origin, "%s.%s: run is NULL", impl->op, impl->name);
	if ((unsigned)impl->order > CLADE_ORDER_OWN || (unsigned)impl->precision > CLADE_PRECISION_REDUCED)
		return refuse(diag, origin, "%s.%s: unknown order or precision", impl->op, impl->name);
	if (strcmp(impl->name, "ref") == 0 && (!(impl->needs & CLADE_NEEDS_HOST) || impl->order || impl->precision))
		return refuse(diag, origin,
			      "%s.ref: the reference runs on the host, in canonical order and full precision",
			      impl->op);
	return check_tunables(impl, origin, diag);
}

double clade_impl_tolerance(const struct clade_impl *impl)
{
	static const double own_order = 1e-6, reduced = 2e-3;

	if (impl->precision != CLADE_PRECISION_FULL)
		return reduced;
	return impl->order == CLADE_ORDER_CANONICAL ? 0 : own_order;
}

const struct clade_tunable *const *clade_impl_tunables(const struct clade_impl *impl)
{
	static const struct clade_tunable *const none[] = { NULL };

	return impl && impl->size >= sizeof(*impl) && impl->tunables ? impl->tunables : none;
}

int clade_op_state_input(const struct clade_op *op, uint32_t output)
{
	for (int i = 0; op->ports[i] && op->ports[i]->flags & CLADE_IN; i++)
		if (op->ports[i]->flags & CLADE_STATE && output-- == 0)
			return i;
	return -1;
}

uint32_t clade_op_port_count(const struct clade_op *op, uint32_t flag)
{
	uint32_t count = 0;

	for (size_t i = 0; op->ports[i]; i++)
		if (op->ports[i]->flags & flag)
			count++;
	return count;
}

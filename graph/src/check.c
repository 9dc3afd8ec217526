/* SPDX-License-Identifier: MIT */
/* Expansion: checks of a whole entry: that every dim can be known, that nothing is left unused, and the proof that a
 * dim may be chunked. */
#include "expand.h"

#include <clade/messages.h>
#include <clade/step.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- dims that the inputs determine ---- */
static void mark_bound(const struct clade_ir *ir, uint32_t entry, uint64_t *bound)
{
	for (uint32_t e = entry; e != CLADE_IR_NONE; e = ir->entries[e].after)
		for (uint32_t i = 0; i < ir->entries[e].input_count; i++) {
			const struct clade_ir_input *input = &ir->entries[e].inputs[i];

			for (uint32_t d = 0; input->default_kind == CLADE_DEFAULT_NONE && d < input->type.rank; d++) {
				uint32_t dim;
				int64_t factor, rest;

				if (clade_dims_linear(ir->pool, input->type.dims[d], &dim, &factor, &rest) && dim < 64)
					*bound |= (uint64_t)1 << dim;
			}
		}
}

/* Dims with a default are known where those of the default are. */
static void mark_defaults(const struct clade_ir *ir, uint64_t *bound)
{
	for (uint32_t i = 0; i < ir->dim_count && i < 64; i++) {
		bool known = ir->dims[i].has_default;

		for (uint32_t d = 0; d < ir->dim_count && known; d++)
			known = (d < 64 && *bound >> d & 1) || !clade_dims_uses(ir->pool, ir->dims[i].default_code, d);
		if (known)
			*bound |= (uint64_t)1 << i;
	}
}

static enum clade_status check_type(struct clade_expander *expander, const struct clade_type *type, uint64_t bound,
				    const char *what, const struct clade_ir_pos *pos)
{
	const struct clade_ir *ir = expander->ir;

	for (uint32_t dim = 0; dim < ir->dim_count; dim++)
		for (uint32_t i = 0; i < type->rank; i++)
			if (!(dim < 64 && bound >> dim & 1) && clade_dims_uses(ir->pool, type->dims[i], dim))
				return clade_fail_at(
					expander->diag, pos, CLADE_MSG_GRAPH_UNBOUND,
					"the dim %s of %s cannot be known: no input of this entry (or of one it is "
					"`after`) without a default has it as an axis",
					ir->dims[dim].name, what);
	return CLADE_OK;
}

static enum clade_status check_bound(struct clade_expander *expander, const struct clade_ast *ast, uint32_t number)
{
	const struct clade_ir *ir = expander->ir;
	const struct clade_ir_entry *entry = &ir->entries[number];
	uint64_t bound = 0;
	enum clade_status status = CLADE_OK;

	mark_bound(ir, number, &bound);
	for (uint32_t d = 0; d < ir->dim_count && d < 64; d++)
		bound |= (uint64_t)(ir->dims[d].cache_rows > 0) << d;
	mark_defaults(ir, &bound);
	for (uint32_t i = 0; i < entry->input_count && !status; i++)
		status = check_type(expander, &entry->inputs[i].type, bound, entry->inputs[i].name, &ast->pos);
	for (uint32_t n = entry->first_node; n < entry->last_node && !status; n++)
		for (uint32_t o = 0; o < ir->nodes[n].output_count && !status; o++)
			status = check_type(expander, &ir->values[ir->nodes[n].outputs[o]].type, bound,
					    ir->values[ir->nodes[n].outputs[o]].path, &ir->nodes[n].pos);
	return status;
}

/* ---- unused inputs ---- */
static void warn_unused(struct clade_expander *expander, const struct clade_ast *ast, uint32_t number)
{
	const struct clade_ir *ir = expander->ir;
	const struct clade_ir_entry *entry = &ir->entries[number];
	char where[320];

	for (uint32_t i = 0; i < entry->input_count; i++) {
		bool used = false;

		for (uint32_t n = entry->first_node; n < entry->last_node && !used; n++)
			for (uint32_t p = 0; p < ir->nodes[n].input_count; p++)
				used = used || ir->nodes[n].inputs[p] == entry->inputs[i].value;
		for (uint32_t o = 0; o < entry->output_count; o++)
			used = used || entry->outputs[o].value == entry->inputs[i].value;
		for (uint32_t k = 0; k < entry->input_count; k++)
			used = used || entry->inputs[k].default_mask == i;
		if (!used)
			clade_log(expander->context, CLADE_LOG_WARN, "graph", "%s: entry %s never uses its input %s",
				  clade_pos_text(&ast->pos, where, sizeof(where)), entry->name, entry->inputs[i].name);
	}
}

/* ---- the chunk proof: the dim meets only axes along which ops work row by row (clade_op.rows) ---- */
struct proof {
	struct clade_expander *expander;
	const struct clade_ir_node *node;
	uint32_t entry, dim;
	char name[32];   /* of the pattern's axis that the dim stands on; "" before the first */
	int64_t leading; /* its number among "...", or counted from the right for "*" */
};

static enum clade_status proof_fail(struct proof *proof, const char *rule)
{
	return clade_fail_at(proof->expander->diag, &proof->node->pos, CLADE_MSG_GRAPH_CHUNK,
			     "the entry says `chunk %s`, but %s at `%.120s` does not work row by row along it: %s",
			     proof->expander->ir->dims[proof->dim].name, proof->node->op->name, proof->node->path,
			     rule);
}

static bool input_bound(const struct clade_ir_node *node, const char *name, size_t length)
{
	for (uint32_t i = 0; i < node->input_count && node->op->ports[i] && node->op->ports[i]->flags & CLADE_IN; i++)
		if (strlen(node->op->ports[i]->name) == length && strncmp(node->op->ports[i]->name, name, length) == 0)
			return node->inputs[i] != CLADE_IR_NONE;
	return false;
}

/* Whether an attribute is a true bool or an integer other than 0; "name=-1": whether it is that integer. */
static bool attr_set(const struct clade_ir_node *node, const char *text, size_t length)
{
	const char *equals = memchr(text, '=', length);
	size_t name = equals ? (size_t)(equals - text) : length;

	for (size_t i = 0; node->op->attrs && node->op->attrs[i]; i++) {
		const struct clade_attr *attr = node->op->attrs[i];
		const char *place = (const char *)node->params + attr->offset;
		int64_t integer = 0;
		bool flag = false;

		if (strlen(attr->name) != name || strncmp(attr->name, text, name) != 0)
			continue;
		if (attr->type == CLADE_ATTR_BOOL)
			memcpy(&flag, place, sizeof(flag));
		else if (attr->type == CLADE_ATTR_INT)
			memcpy(&integer, place, sizeof(integer));
		return equals ? integer == strtoll(equals + 1, NULL, 10) : flag || integer != 0;
	}
	return false;
}

static bool word_holds(const struct clade_ir_node *node, const char *name, size_t length)
{
	return input_bound(node, name, length) || attr_set(node, name, length);
}

/* Conditions after '?': alternatives at ',', each a '+' list. */
static bool condition_holds(const struct clade_ir_node *node, const char *text, size_t length)
{
	const char *end = text + length;
	bool all = true;

	while (text < end) {
		size_t word = strcspn(text, ",+ ");

		if ((size_t)(end - text) < word)
			word = (size_t)(end - text);
		all = all && (*text == '!' ? !word_holds(node, text + 1, word - 1) : word_holds(node, text, word));
		text += word;
		if (text >= end || *text == ',') {
			if (all)
				return true;
			all = true;
		}
		text += text < end;
	}
	return false;
}

/* Whether op->rows lists `name`, with its condition. */
static bool rows_allow(const struct clade_ir_node *node, const char *name)
{
	const char *rows = node->op->rows ? node->op->rows : "";

	while (*rows) {
		size_t length = strcspn(rows, " "), word = strcspn(rows, " ?");

		if (word == strlen(name) && strncmp(rows, name, word) == 0)
			return word == length || condition_holds(node, rows + word + 1, length - word - 1);
		rows += length;
		rows += strspn(rows, " ");
	}
	return false;
}

/* The name in the pattern of axis `axis` of a tensor of rank `rank`. */
static bool axis_name(const char *pattern, uint32_t rank, uint32_t axis, char *out, size_t size, int64_t *leading)
{
	const char *at = pattern ? strchr(pattern, '[') : NULL;
	uint32_t words = 0, index;
	bool dots;

	*leading = 0;
	if (!pattern || (strcmp(pattern, "*") == 0)) {
		snprintf(out, size, "*");
		*leading = (int64_t)rank - axis;
		return true;
	}
	if (!at)
		return false;
	for (const char *c = at; *c; c++)
		words += *c == ',';
	words += at[1 + strspn(at + 1, " ")] != ']';
	at += 1 + strspn(at + 1, " ");
	dots = strncmp(at, "...", 3) == 0;
	index = axis;
	if (dots) {
		if (axis < rank - (words - 1)) {
			snprintf(out, size, "...");
			*leading = axis;
			return true;
		}
		index = axis - (rank - (words - 1)) + 1;
	}
	for (uint32_t i = 0; i < index; i++) {
		at = strchr(at, ',');
		if (!at)
			return false;
		at += 1 + strspn(at + 1, " ");
	}
	snprintf(out, size, "%.*s", (int)strcspn(at, ",] "), at);
	return true;
}

/* The port whose integers pick entries of axis `name`: "NAME>PORT" among op->rows; -1: none. */
static int picking_port(const struct clade_op *op, const char *name)
{
	const char *rows = op->rows ? op->rows : "";
	size_t length = strlen(name);

	for (; *rows; rows += strcspn(rows, " "), rows += strspn(rows, " "))
		if (strncmp(rows, name, length) == 0 && rows[length] == '>')
			for (int i = 0; op->ports[i] && op->ports[i]->flags & CLADE_IN; i++)
				if (strlen(op->ports[i]->name) == strcspn(rows + length + 1, " ") &&
				    strncmp(op->ports[i]->name, rows + length + 1, strlen(op->ports[i]->name)) == 0)
					return i;
	return -1;
}

/* Rows are picked by an input of the entry, i32[..., R] with R = the chunked dim by default: the session knows which
 * chunk has which row. */
static enum clade_status prove_pick(struct proof *proof, int port)
{
	struct clade_ir *ir = proof->expander->ir;
	struct clade_ir_entry *entry = &ir->entries[proof->entry];
	const struct clade_type *type;
	uint32_t input = 0;

	while (input < entry->input_count && entry->inputs[input].value != proof->node->inputs[port])
		input++;
	type = input < entry->input_count ? &entry->inputs[input].type : NULL;
	for (uint32_t d = 0; type && type->rank == 2 && d < ir->dim_count; d++)
		if (ir->dims[d].code == type->dims[1] && ir->dims[d].has_default &&
		    ir->dims[d].default_code == ir->dims[proof->dim].code &&
		    entry->inputs[input].default_kind == CLADE_DEFAULT_RANGE &&
		    (entry->row_input == CLADE_IR_NONE || entry->row_input == input)) {
			entry->row_input = input;
			return CLADE_OK;
		}
	return proof_fail(
		proof,
		"it picks rows, which one input i32[B, R] = range must do, with `dim R : run` = the chunked dim");
}

/* Where the dim stands in one tensor of the node. `first`: nothing stands elsewhere yet. */
static enum clade_status prove_tensor(struct proof *proof, const char *pattern, const struct clade_type *type,
				      bool *out_found)
{
	struct clade_dim_pool *pool = proof->expander->pool;
	int64_t code = proof->expander->ir->dims[proof->dim].code, leading;
	char name[32], rule[160];

	*out_found = false;
	for (uint32_t i = 0; i < type->rank; i++) {
		if (!clade_dims_uses(pool, type->dims[i], proof->dim))
			continue;
		if (type->dims[i] != code || *out_found)
			return proof_fail(proof, "it stands in a compound dim or on two axes");
		*out_found = true;
		if (!axis_name(pattern, type->rank, i, name, sizeof(name), &leading))
			return proof_fail(proof, "its port says nothing about this axis");
		if (picking_port(proof->node->op, name) >= 0) {
			*out_found = false;
			return prove_pick(proof, picking_port(proof->node->op, name));
		}
		if (!rows_allow(proof->node, name)) {
			snprintf(rule, sizeof(rule), "axis %s is not among its rows (%.80s)", name,
				 proof->node->op->rows ? proof->node->op->rows : "none");
			return proof_fail(proof, rule);
		}
		if (*proof->name && (strcmp(proof->name, name) != 0 || proof->leading != leading))
			return proof_fail(proof, "it stands on different axes of the inputs and results");
		snprintf(proof->name, sizeof(proof->name), "%s", name);
		proof->leading = leading;
	}
	return CLADE_OK;
}

/* The pattern that says what an output's axes are: its own, or its model's. */
static const char *output_pattern(const struct clade_op *op, const struct clade_port *port)
{
	for (uint32_t i = 0; !port->shape && port->like && op->ports[i]; i++)
		if (op->ports[i]->flags & CLADE_IN && strcmp(op->ports[i]->name, port->like) == 0)
			return op->ports[i]->shape;
	return port->shape;
}

static bool attrs_mention(struct proof *proof)
{
	const struct clade_op *op = proof->node->op;

	for (size_t i = 0; op->attrs && op->attrs[i]; i++) {
		const char *place = (const char *)proof->node->params + op->attrs[i]->offset;
		struct clade_dims dims = { 0 };

		if (op->attrs[i]->type == CLADE_ATTR_DIMS)
			memcpy(&dims, place, sizeof(dims));
		if (op->attrs[i]->type == CLADE_ATTR_DIM) {
			memcpy(&dims.dims[0], place, sizeof(int64_t));
			dims.count = 1;
		}
		for (int64_t d = 0; d < dims.count; d++)
			if (clade_dims_uses(proof->expander->pool, dims.dims[d], proof->dim))
				return true;
	}
	return false;
}

/* A state that this entry fills with the dim's rows is read: only its last version, and only by an op that looks no
 * further than each row's position. */
static enum clade_status prove_state(struct proof *proof, const char *pattern, uint32_t id)
{
	struct clade_expander *expander = proof->expander;
	const struct clade_ir_value *value = &expander->ir->values[id];
	const struct clade_ir_state *state = value->state == CLADE_IR_NONE ? NULL : &expander->ir->states[value->state];
	char name[32], rule[160];
	int64_t leading;

	if (!state || expander->state_values[value->state] == expander->state_first[value->state])
		return CLADE_OK;
	if (expander->state_values[value->state] != id)
		return proof_fail(proof, "it reads a state before this entry has written it");
	if (state->is_cache &&
	    axis_name(pattern, value->type.rank, state->capacity_axis, name, sizeof(name), &leading) &&
	    rows_allow(proof->node, name))
		return CLADE_OK;
	snprintf(rule, sizeof(rule), "it reads rows of %.60s that later chunks would add", state->name);
	return proof_fail(proof, rule);
}

static enum clade_status prove_node(struct proof *proof)
{
	const struct clade_ir_node *node = proof->node;
	const struct clade_ir *ir = proof->expander->ir;
	const struct clade_port *const *ports = node->op->ports;
	uint32_t in_count = 0;
	bool found = false, here = false, writes = ports[0]->flags & CLADE_STATE;
	enum clade_status status = CLADE_OK;

	while (ports[in_count] && ports[in_count]->flags & CLADE_IN)
		in_count++;
	if (attrs_mention(proof))
		return proof_fail(proof, "an attribute names it");
	for (uint32_t i = 0; i < node->input_count && !status; i++) {
		const struct clade_port *port = ports[i < in_count ? i : in_count - 1];

		if (node->inputs[i] == CLADE_IR_NONE)
			continue;
		if (!(port->flags & CLADE_STATE))
			status = prove_state(proof, port->shape, node->inputs[i]);
		if (!status)
			status = prove_tensor(proof, port->shape, &ir->values[node->inputs[i]].type, &here);
		found = found || here;
	}
	for (uint32_t i = 0; i < node->output_count && !status; i++) {
		status = prove_tensor(proof, output_pattern(node->op, ports[in_count + i]),
				      &ir->values[node->outputs[i]].type, &here);
		if (!status && found && !here && !(writes && i == 0))
			status = proof_fail(proof, "its result has no such axis");
		if (!status && here && !found)
			status = proof_fail(proof, "its result has the axis but no input has");
	}
	return status;
}

static enum clade_status prove_chunk(struct clade_expander *expander, uint32_t number)
{
	const struct clade_ir_entry *entry = &expander->ir->entries[number];
	enum clade_status status = CLADE_OK;

	for (uint32_t n = entry->first_node; n < entry->last_node && !status; n++) {
		struct proof proof = {
			.expander = expander, .node = &expander->ir->nodes[n], .entry = number, .dim = entry->chunk_dim
		};

		status = prove_node(&proof);
	}
	return status;
}

enum clade_status clade_check_entry(struct clade_expander *expander, const struct clade_ast *ast, uint32_t number)
{
	const struct clade_ir_entry *entry = &expander->ir->entries[number];
	bool writes = false;
	enum clade_status status;

	for (uint32_t n = entry->first_node; n < entry->last_node; n++)
		writes = writes || expander->ir->values[expander->ir->nodes[n].outputs[0]].state != CLADE_IR_NONE;
	if (!entry->output_count && !writes)
		return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_ENTRY,
				     "entry %s has neither an output nor a state that it writes", entry->name);
	status = check_bound(expander, ast, number);
	if (!status && entry->chunk_dim != CLADE_IR_NONE)
		status = prove_chunk(expander, number);
	if (!status)
		warn_unused(expander, ast, number);
	return status;
}

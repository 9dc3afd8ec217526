/* SPDX-License-Identifier: MIT */
/* From plans to cases: types become texts of inputs, attributes are printed from the op's table. */
#include "nodes.h"

#include "roles.h"
#include "trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a node as a case ---- */

static bool print_attr(const struct clade_attr *attr, const void *params, char *out, size_t size)
{
	const char *at = (const char *)params + attr->offset;
	const struct clade_dims *dims = (const struct clade_dims *)(const void *)at;
	float f = attr->type == CLADE_ATTR_FLOAT ? *(const float *)at : 0;
	int64_t i = attr->type == CLADE_ATTR_INT || attr->type == CLADE_ATTR_DIM ? *(const int64_t *)at : 0;
	out[0] = '\0';
	if (attr->type == CLADE_ATTR_BOOL)
		snprintf(out, size, "%s = %s", attr->name, *(const bool *)at ? "true" : "false");
	else if (attr->type == CLADE_ATTR_WORD)
		snprintf(out, size, "%s = \"%s\"", attr->name, attr->words[*(const int32_t *)at]);
	else if (attr->type == CLADE_ATTR_FLOAT && isfinite(f))
		snprintf(out, size, "%s = %.9g", attr->name, f);
	else if ((attr->type == CLADE_ATTR_INT || attr->type == CLADE_ATTR_DIM) && i != INT64_MIN)
		snprintf(out, size, "%s = %lld", attr->name, (long long)i);
	else if (attr->type == CLADE_ATTR_DIMS && dims->count > 0)
		return false; /* shapes are not worth measuring */
	return true;
}

static bool print_attrs(const struct clade_op *op, const void *params, char *out, size_t size)
{
	char one[128];
	out[0] = '\0';
	for (size_t i = 0; op->attrs != NULL && op->attrs[i] != NULL; i++) {
		size_t used = strlen(out);
		if (!print_attr(op->attrs[i], params, one, sizeof(one)))
			return false;
		if (one[0] != '\0' &&
		    (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", one) >= size - used)
			return false;
	}
	return true;
}

/* Values that make an execution what it is in a model: positions at the end of a cache, masks that hide nothing. */
static bool fill_of(const struct clade_op *op, const struct clade_node_info *info, uint32_t input, char *out,
		    size_t size)
{
	const struct clade_port *port = op->ports[input];
	const struct clade_type *type = info->inputs[input];
	int64_t rows = 0, tokens = type->rank > 0 ? type->dims[type->rank - 1] : 1;
	if (type->dtype == CLADE_BOOL)
		snprintf(out, size, "alltrue");
	else if (type->dtype != CLADE_I32)
		snprintf(out, size, "normal%s", info->sources[input] == CLADE_FROM_WEIGHT ? " weight" : "");
	for (uint32_t i = 0; type->dtype == CLADE_I32 && i < info->input_count; i++) {
		const struct clade_port *other = op->ports[i];
		if (info->inputs[i] == NULL || other == NULL || info->inputs[i]->dtype == CLADE_I32)
			continue;
		if (port->index_of != NULL && strcmp(port->index_of, other->name) == 0 &&
		    (other->flags & CLADE_STATE) == 0) {
			snprintf(out, size, "ids:%lld",
				 (long long)(info->inputs[i]->dims[0] > 0 ? info->inputs[i]->dims[0] : 1));
			return true;
		}
		/* keys of attention, rows of a cache */
		if (info->inputs[i]->rank == 4 && info->inputs[i]->dims[2] > rows)
			rows = info->inputs[i]->dims[2];
	}
	if (type->dtype != CLADE_I32)
		return true;
	if (strcmp(port->name, "kv_len") == 0) {
		snprintf(out, size, "positions:%lld", (long long)rows);
		return type->rank == 1 && type->dims[0] == 1;
	}
	snprintf(out, size, "positions:%lld", (long long)(rows > tokens ? rows - tokens : 0));
	return true;
}

static bool make_case(const struct clade_op *op, const struct clade_node_info *info, struct op_case *out)
{
	char type[96], fill[64];
	size_t lines = 0;
	*out = (struct op_case) { .op = op };
	if (!print_attrs(op, info->params, out->attrs, sizeof(out->attrs)))
		return false;
	for (uint32_t i = 0; i < info->input_count; i++) {
		if (info->inputs[i] == NULL)
			continue;
		if (op->ports[i] == NULL || (op->ports[i]->flags & (CLADE_IN | CLADE_VARIADIC)) != CLADE_IN ||
		    !fill_of(op, info, i, fill, sizeof(fill)))
			return false;
		clade_type_text(info->inputs[i], type, sizeof(type));
		snprintf(out->lines[lines++], sizeof(out->lines[0]), "%s = %s %s", op->ports[i]->name, type, fill);
	}
	return true;
}

/* ---- lists ---- */

/* Whether there is anything to choose: another implementation that could be taken, or a tunable. */
static bool has_choice(struct tool *tool, const struct clade_op *op, const struct clade_node_info *info)
{
	const struct clade_impl *first = search_candidate(tool, op, info, 0);
	return first != NULL && (clade_impl_tunables(first)[0] != NULL || search_candidate(tool, op, info, 1) != NULL);
}

enum clade_status nodes_add(struct tool *tool, struct search_nodes *nodes, const struct clade_op *op,
			    const struct clade_node_info *info, double count)
{
	struct clade_node_info asked = *info;
	char key[CLADE_TUNED_KEY];
	struct op_case op_case;
	asked.tuned = NULL;
	if ((op->flags & CLADE_OP_VIEW) != 0 || !clade_tuned_key(op, info, tool->options.fast, key, sizeof(key)) ||
	    !has_choice(tool, op, &asked))
		return CLADE_OK;
	for (size_t i = 0; i < nodes->count; i++)
		if (strcmp(nodes->items[i].key, key) == 0) {
			nodes->items[i].count += count;
			return CLADE_OK;
		}
	if (!make_case(op, info, &op_case))
		return CLADE_OK;
	struct search_node *grown = realloc(nodes->items, (nodes->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return clade_fail_memory(&tool->diag, (nodes->count + 1) * sizeof(*grown), "nodes");
	nodes->items = grown;
	struct clade_cost cost = { 0 };
	clade_op_cost(op, &asked, &cost);
	grown[nodes->count] = (struct search_node) { .op_case = op_case,
						     .count = count,
						     .estimate = cost.flops / 2e11 + cost.bytes / 2e10 };
	snprintf(grown[nodes->count].key, sizeof(grown[0].key), "%s", key);
	nodes->count++;
	return CLADE_OK;
}

void nodes_finish(struct search_nodes *nodes)
{
	free(nodes->items);
	*nodes = (struct search_nodes) { .count = 0 };
}

enum clade_status nodes_of_op(struct tool *tool, const struct clade_op *op, const struct clade_device_info *device,
			      struct search_nodes *out)
{
	struct op_cases cases;
	enum clade_status status = op_cases_make(tool, op, &tool->options.shapes, tool->options.attrs, &cases);
	for (size_t i = 0; i < cases.count && status == CLADE_OK; i++) {
		struct clade_case_data data;
		struct trial trial = { .tool = NULL };
		size_t before = out->count;
		status = clade_case_build(tool->context, op, op_case_get(&cases.items[i]), 1, &data, &tool->diag);
		if (status != CLADE_OK) /* words of the command line */
			status = status == CLADE_ERR_DATA ? CLADE_ERR_USAGE : status;
		if (status != CLADE_OK)
			break;
		trial_describe(&trial, op, &data, device);
		status = nodes_add(tool, out, op, &trial.node, 1);
		if (status == CLADE_OK && out->count > before)
			out->items[before].op_case = cases.items[i]; /* its own inputs are meant */
		clade_case_finish(tool->context, &data);
	}
	op_cases_finish(&cases);
	return status;
}

/* ---- models ---- */

static enum clade_status add_plan(struct tool *tool, const struct clade_session *session, const char *entry,
				  double count, struct search_nodes *out)
{
	struct clade_plan_step step;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; status == CLADE_OK && clade_session_step(session, entry, i, &step); i++)
		if (step.node != NULL)
			status = nodes_add(tool, out, clade_op_find(tool->context, step.op), step.node, count);
	return status;
}

/* The symbolic dim of a type's text that counts tokens or rows: not the batch, which is the first of many axes. */
static bool counting_dim(const char *text, uint32_t rank, char out[64])
{
	out[0] = '\0';
	text = strchr(text, '[');
	for (uint32_t axis = 0; text != NULL && axis < rank; axis++) {
		text += 1 + strspn(text + 1, " ");
		size_t length = strcspn(text, ",] ");
		/* [B, T]: T; [T, 7]: T; [B, 3, 224, 224]: none */
		if ((text[0] < '0' || text[0] > '9') && length < 64 && (axis > 0 || rank <= 2))
			snprintf(out, 64, "%.*s", (int)length, text);
		text = strchr(text, ',');
	}
	return out[0] != '\0';
}

/* Of the input that holds tokens, else of the first that has one. */
static bool token_dim(const struct model *model, const char *entry, char out[64])
{
	struct clade_graph_port port;
	char text[256], name[64];
	out[0] = '\0';
	for (size_t i = 0; clade_graph_input(model->graph, entry, i, &port); i++) {
		clade_graph_type_text(model->graph, &port.type, text, sizeof(text));
		bool ids = find_role(port.name) == ROLE_IDS;
		if ((ids || out[0] == '\0') && counting_dim(text, port.type.rank, name))
			snprintf(out, 64, "%s", name);
		if (ids)
			break;
	}
	return out[0] != '\0';
}

enum clade_status nodes_of_model(struct tool *tool, const struct model *model, struct clade_session *session,
				 struct search_nodes *out)
{
	/* buckets of plans, and how often each runs where a prompt of 512 tokens is followed by 128 */
	static const struct {
		int tokens;
		double count;
	} buckets[] = { { 1, 128 }, { 512, 1 }, { 128, 1 }, { 64, 1 }, { 16, 1 }, { 8, 1 } };
	struct entry_chain chain;
	enum clade_status status = model_entries(tool, model, &chain);
	for (size_t e = 0; e < chain.count && status == CLADE_OK; e++) {
		char name[64], text[96];
		const char *dims[] = { text, NULL };
		if (!token_dim(model, chain.names[e], name)) {
			dims[0] = NULL;
			status = clade_session_plan(session, chain.names[e], dims, &tool->diag);
			if (status == CLADE_OK)
				status = add_plan(tool, session, chain.names[e], 1, out);
			continue;
		}
		for (size_t b = 0; b < sizeof(buckets) / sizeof(buckets[0]) && status == CLADE_OK; b++) {
			snprintf(text, sizeof(text), "%s=%d", name, buckets[b].tokens);
			status = clade_session_plan(session, chain.names[e], dims, &tool->diag);
			if (status == CLADE_OK)
				status = add_plan(tool, session, chain.names[e], buckets[b].count, out);
			else if (buckets[b].tokens > 1) { /* longer than this entry may be */
				clade_diag_reset(&tool->diag);
				status = CLADE_OK;
			}
		}
	}
	return status;
}

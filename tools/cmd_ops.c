/* SPDX-License-Identifier: MIT */
/* clade ops: the op reference, printed from the op tables themselves. */
#include "commands.h"

#include <clade/step.h>

#include <math.h>
#include <string.h>

static const char *const attr_types[] = { "bool", "int", "float", "word", "dim", "dims" };

static const char *dtypes_text(const struct clade_port *port, char *out, size_t size)
{
	out[0] = '\0';
	if (port->dtypes == 0)
		snprintf(out, size, "as %s", port->like != NULL ? port->like : "inferred");
	for (int i = 0; i < CLADE_DTYPE_COUNT; i++)
		if ((port->dtypes & CLADE_DTYPE_BIT(i)) != 0)
			snprintf(out + strlen(out), size - strlen(out), "%s%s", out[0] != '\0' ? "|" : "",
				 clade_dtype_info((enum clade_dtype)i)->name);
	return out;
}

static const char *default_text(const struct clade_attr *attr, char *out, size_t size)
{
	if (attr->required)
		snprintf(out, size, "required");
	else if (attr->type == CLADE_ATTR_BOOL)
		snprintf(out, size, "%s", attr->def.b ? "true" : "false");
	else if (attr->type == CLADE_ATTR_FLOAT && isnan(attr->def.f))
		snprintf(out, size, "none");
	else if (attr->type == CLADE_ATTR_FLOAT)
		snprintf(out, size, "%g", attr->def.f);
	else if (attr->type == CLADE_ATTR_WORD)
		snprintf(out, size, "\"%s\"", attr->words[attr->def.i]);
	else if (attr->type == CLADE_ATTR_DIMS || attr->def.i == INT64_MIN)
		snprintf(out, size, "none");
	else
		snprintf(out, size, "%lld", (long long)attr->def.i);
	return out;
}

/* "linear(x, w, bias?; act = "none") -> y" */
static void print_signature(const struct clade_op *op)
{
	const char *separator = "";
	printf("%s(", op->name);
	for (size_t i = 0; op->ports[i] != NULL; i++) {
		const struct clade_port *port = op->ports[i];
		if ((port->flags & CLADE_IN) == 0)
			continue;
		printf("%s%s%s%s", separator, port->name, (port->flags & CLADE_OPTIONAL) != 0 ? "?" : "",
		       (port->flags & CLADE_VARIADIC) != 0 ? "..." : "");
		separator = ", ";
	}
	separator = "; ";
	for (size_t i = 0; op->attrs != NULL && op->attrs[i] != NULL; i++) {
		char text[64];
		const struct clade_attr *attr = op->attrs[i];
		printf("%s%s", separator, attr->name);
		if (!attr->required)
			printf(" = %s", default_text(attr, text, sizeof(text)));
		separator = ", ";
	}
	separator = ") -> ";
	for (size_t i = 0; op->ports[i] != NULL; i++) {
		if ((op->ports[i]->flags & CLADE_OUT) == 0)
			continue;
		printf("%s%s%s", separator, op->ports[i]->name, (op->ports[i]->flags & CLADE_OPTIONAL) != 0 ? "?" : "");
		separator = ", ";
	}
	printf("\n");
}

static void print_port(const struct clade_port *port)
{
	char dtypes[128];
	printf("  %-4s %-12s %-14s %-20s %s%s%s\n", (port->flags & CLADE_IN) != 0 ? "in" : "out", port->name,
	       dtypes_text(port, dtypes, sizeof(dtypes)),
	       port->shape != NULL  ? port->shape
	       : port->like != NULL ? "(as its type)"
				    : "(inferred)",
	       (port->flags & CLADE_OPTIONAL) != 0 ? "optional; " : "",
	       (port->flags & CLADE_STATE) != 0 ? "state, written in place; " : "",
	       port->help != NULL ? port->help : "");
}

static void print_attr(const struct clade_attr *attr)
{
	char text[64];
	printf("  %-4s %-12s %-14s %-20s", "attr", attr->name, attr_types[attr->type],
	       default_text(attr, text, sizeof(text)));
	for (size_t i = 0; attr->words != NULL && attr->words[i] != NULL; i++)
		printf("%s\"%s\"", i > 0 ? "|" : " ", attr->words[i]);
	if (attr->min != 0 || attr->max != 0)
		printf(" %g..%g", attr->min, attr->max);
	printf(" %s\n", attr->help != NULL ? attr->help : "");
}

static void print_op(struct tool *tool, const struct clade_op *op)
{
	print_signature(op);
	printf("  %s\n", op->doc != NULL ? op->doc : "");
	for (size_t i = 0; op->ports[i] != NULL; i++)
		print_port(op->ports[i]);
	for (size_t i = 0; op->attrs != NULL && op->attrs[i] != NULL; i++)
		print_attr(op->attrs[i]);
	for (size_t i = 0; clade_impl_at(tool->context, op->name, i) != NULL; i++) {
		const struct clade_impl *impl = clade_impl_at(tool->context, op->name, i);
		const char *origin = clade_impl_origin(tool->context, impl);
		printf("  %-4s %-12s %s, %s precision%s%s%s%s\n", "impl", impl->name,
		       impl->order == CLADE_ORDER_CANONICAL ? "canonical order" : "own order",
		       impl->precision == CLADE_PRECISION_FULL ? "full" : "reduced", impl->doc != NULL ? "; " : "",
		       impl->doc != NULL ? impl->doc : "", origin[0] != '\0' ? "; from " : "", origin);
	}
	size_t cases = 0;
	while (op->cases != NULL && op->cases[cases] != NULL)
		cases++;
	printf("  %zu test case%s\n", cases, cases == 1 ? "" : "s");
}

static json_t *default_json(const struct clade_attr *attr)
{
	char text[64];
	if (attr->required)
		return json_null();
	if (attr->type == CLADE_ATTR_BOOL)
		return json_boolean(attr->def.b);
	if (attr->type == CLADE_ATTR_FLOAT)
		return json_number(attr->def.f);
	if (attr->type == CLADE_ATTR_INT)
		return json_integer(attr->def.i);
	if (attr->type == CLADE_ATTR_WORD)
		return json_string(attr->words[attr->def.i]);
	return strcmp(default_text(attr, text, sizeof(text)), "none") == 0 ? json_null() : json_string(text);
}

static json_t *describe(struct tool *tool, const struct clade_op *op)
{
	json_t *ports = json_array(), *attrs = json_array(), *impls = json_array();
	char text[128];
	for (size_t i = 0; op->ports[i] != NULL; i++) {
		const struct clade_port *port = op->ports[i];
		json_array_append_new(ports, json_pack("{s:s, s:s, s:s, s:s*, s:b, s:b, s:s*}", "name", port->name,
						       "direction", (port->flags & CLADE_IN) != 0 ? "in" : "out",
						       "dtypes", dtypes_text(port, text, sizeof(text)), "shape",
						       port->shape, "optional", (port->flags & CLADE_OPTIONAL) != 0,
						       "state", (port->flags & CLADE_STATE) != 0, "help", port->help));
	}
	for (size_t i = 0; op->attrs != NULL && op->attrs[i] != NULL; i++) {
		const struct clade_attr *attr = op->attrs[i];
		json_t *words = json_array();
		for (size_t w = 0; attr->words != NULL && attr->words[w] != NULL; w++)
			json_array_append_new(words, json_string(attr->words[w]));
		json_array_append_new(attrs, json_pack("{s:s, s:s, s:b, s:o, s:o, s:s*}", "name", attr->name, "type",
						       attr_types[attr->type], "required", attr->required, "default",
						       default_json(attr), "words", words, "help", attr->help));
	}
	for (size_t i = 0; clade_impl_at(tool->context, op->name, i) != NULL; i++) {
		const struct clade_impl *impl = clade_impl_at(tool->context, op->name, i);
		json_array_append_new(impls,
				      json_pack("{s:s, s:s, s:s, s:s, s:s*}", "name", impl->name, "order",
						impl->order == CLADE_ORDER_CANONICAL ? "canonical" : "own", "precision",
						impl->precision == CLADE_PRECISION_FULL ? "full" : "reduced", "origin",
						clade_impl_origin(tool->context, impl), "doc", impl->doc));
	}
	return json_pack("{s:s, s:s*, s:s*, s:b, s:o, s:o, s:o}", "name", op->name, "family", op->family, "doc",
			 op->doc, "block", (op->flags & CLADE_OP_BLOCK) != 0, "ports", ports, "attributes", attrs,
			 "implementations", impls);
}

static enum clade_status run_one(struct tool *tool, const char *name)
{
	const struct clade_op *op = clade_op_find(tool->context, name);
	if (op == NULL) {
		const char *nearest = clade_op_nearest(tool->context, name);
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION, name, "no such op; %s%s%s",
				  nearest != NULL ? "did you mean " : "`clade ops` lists them",
				  nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
	}
	if (tool->options.json)
		return print_json(describe(tool, op), &tool->diag);
	print_op(tool, op);
	return CLADE_OK;
}

static enum clade_status run(struct tool *tool)
{
	if (tool->argument_count == 1)
		return run_one(tool, tool->arguments[0]);
	json_t *root = json_array();
	for (size_t i = 0; i < clade_op_count(tool->context); i++) {
		const struct clade_op *op = clade_op_at(tool->context, i);
		if (tool->options.json)
			json_array_append_new(root, describe(tool, op));
		else
			print_signature(op);
	}
	if (tool->options.json)
		return print_json(root, &tool->diag);
	json_decref(root);
	return CLADE_OK;
}

static const struct option plugin_options[] = {
	{ "plugin", "FILE", "load ops and implementations from a shared object (repeatable)", take_words,
	  offsetof(struct options, plugins) },
	{ NULL },
};
static const struct option *const groups[] = { plugin_options, options_json, options_common, NULL };
const struct command command_ops = {
	.name = "ops",
	.arguments = "[OP]",
	.summary = "the op reference: signatures, or all about one op",
	.groups = groups,
	.max_arguments = 1,
	.run = run,
};

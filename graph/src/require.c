/* SPDX-License-Identifier: MIT */
/* Expansion: conditions that a graph states about its params, and texts with values filled in. */
#include "source.h"

#include <clade/messages.h>

#include <stdio.h>
#include <string.h>

#define MAX_PARAMS 4 /* that an error shows */

static const char *value_text(struct clade_expander *expander, const struct clade_val *val)
{
	char text[64];

	switch (val->kind) {
	case CLADE_VAL_INT:
		return clade_region_print(expander->region, expander->diag, "%lld", (long long)val->i);
	case CLADE_VAL_FLOAT:
		return clade_region_print(expander->region, expander->diag, "%s",
					  clade_number_text(val->f, false, text, sizeof(text)));
	case CLADE_VAL_BOOL:
		return val->i ? "true" : "false";
	default:
		return val->s ? val->s : "none";
	}
}

enum clade_status clade_template_fill(struct clade_expander *expander, struct clade_scope *scope,
				      const struct clade_ast *template, bool any, const char **out)
{
	const char *text = "";

	for (const struct clade_ast *kid = template->first; kid; kid = kid->next) {
		struct clade_val val = { .kind = CLADE_VAL_STRING, .s = kid->text };
		const char *part;
		enum clade_status status = CLADE_OK;

		if (kid->kind != CLADE_AST_STRING)
			status = clade_eval_constant(expander, scope, kid, &val);
		if (status)
			return status;
		if (val.kind != CLADE_VAL_INT && val.kind != CLADE_VAL_STRING &&
		    (!any || (val.kind != CLADE_VAL_FLOAT && val.kind != CLADE_VAL_BOOL)))
			return clade_fail_at(expander->diag, &kid->pos, CLADE_MSG_GRAPH_SOURCE,
					     "between the braces of a %s stands an integer%s or a string",
					     any ? "message" : "key", any ? ", a number, a bool" : "");
		part = value_text(expander, &val);
		text = part ? clade_region_print(expander->region, expander->diag, "%s%s", text, part) : NULL;
		if (!text)
			return CLADE_ERR_MEMORY;
	}
	*out = text;
	return CLADE_OK;
}

/* The params of a condition, each once, as `act = "gelu" (key "hidden_act")`. */
static enum clade_status list_params(struct clade_expander *expander, const struct clade_scope *scope,
				     const struct clade_ast *ast, const struct clade_decl **seen, uint32_t *count,
				     const char **out)
{
	uint32_t index = ast->kind == CLADE_AST_NAME && !clade_scope_find(scope, ast->text)
				 ? clade_names_find(&expander->globals, ast->text)
				 : CLADE_IR_NONE;
	const struct clade_decl *decl = index == CLADE_IR_NONE ? NULL : &expander->decls[index];
	enum clade_status status = CLADE_OK;
	bool known =
		!decl || decl->kind != CLADE_DECL_PARAM || decl->value.kind == CLADE_VAL_LIST || *count == MAX_PARAMS;

	for (uint32_t i = 0; i < *count; i++)
		known |= seen[i] == decl;
	if (!known) {
		const char *quote = decl->value.kind == CLADE_VAL_STRING ? "\"" : "";
		const char *value = value_text(expander, &decl->value);

		seen[(*count)++] = decl;
		*out = value ? clade_region_print(expander->region, expander->diag, "%s%s%s = %s%.120s%s%s%s%s", *out,
						  *count > 1 ? ", " : "", decl->name, quote, value, quote,
						  decl->key ? " from key \"" : "", decl->key ? decl->key : "",
						  decl->key ? "\"" : "")
			     : NULL;
		if (!*out)
			return CLADE_ERR_MEMORY;
	}
	for (const struct clade_ast *kid = ast->first; kid && !status; kid = kid->next)
		status = list_params(expander, scope, kid, seen, count, out);
	return status;
}

enum clade_status clade_expand_require(struct clade_expander *expander, struct clade_scope *scope,
				       const struct clade_ast *ast)
{
	const struct clade_decl *seen[MAX_PARAMS];
	const char *message, *values = "";
	uint32_t count = 0;
	bool holds;
	enum clade_status status = clade_eval_condition(expander, scope, ast->first, &holds);

	if (status || holds)
		return status;
	status = clade_template_fill(expander, scope, ast->first->next, true, &message);
	if (!status && (!scope || scope->globals))
		status = list_params(expander, scope, ast->first, seen, &count, &values);
	if (status)
		return status;
	return clade_fail_at(expander->diag, &ast->pos, CLADE_MSG_GRAPH_REQUIRE, "%.400s%s%.400s%s", message,
			     count ? " (" : "", values, count ? ")" : "");
}

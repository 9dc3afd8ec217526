/* SPDX-License-Identifier: MIT */
/* clade check: parses and validates a model, plans it, and says what was found and what would run. */
#include "blocks.h"
#include "commands.h"
#include "storage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct check {
	struct tool *tool;
	struct model model;
	struct clade_device *device;
	struct clade_session *session;
	struct clade_plan_totals totals; /* of all entries: sums; arena: the largest */
};

/* ---- JSON ---- */

/* Dims as numbers, or as the text of an expression: "f32[B, 1, T + 1]" gives ["B", 1, "T + 1"]. */
static json_t *shape_json(const char *type)
{
	json_t *list = json_array();
	const char *at = strchr(type, '[');
	while (at != NULL && at[1] != ']' && *at != ']' && *at != '\0') {
		at += 1 + strspn(at + 1, " ");
		size_t length = strcspn(at, ",]");
		if (strspn(at, "0123456789") == length)
			json_array_append_new(list, json_integer(strtoll(at, NULL, 10)));
		else
			json_array_append_new(list, json_stringn(at, length));
		at += length;
	}
	return list;
}

static json_t *ports_json(const struct check *check, bool inputs)
{
	json_t *list = json_array();
	const struct clade_graph *graph = check->model.graph;
	const char *entry;
	for (size_t e = 0; (entry = clade_graph_entry(graph, e)) != NULL; e++) {
		struct clade_graph_port port;
		char type[256];
		for (size_t i = 0;
		     inputs ? clade_graph_input(graph, entry, i, &port) : clade_graph_output(graph, entry, i, &port);
		     i++) {
			clade_graph_type_text(graph, &port.type, type, sizeof(type));
			json_t *item =
				json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", port.name, "entry", entry, "type", type,
					  "dtype", clade_dtype_info(port.type.dtype)->name, "shape", shape_json(type));
			if (inputs)
				json_object_set_new(item, "optional", json_boolean(port.optional));
			json_array_append_new(list, item);
		}
	}
	return list;
}

static json_t *steps_json(const struct check *check)
{
	json_t *list = json_array();
	const char *entry;
	struct clade_plan_step step;
	for (size_t e = 0; (entry = clade_graph_entry(check->model.graph, e)) != NULL; e++)
		for (size_t i = 0; clade_session_step(check->session, entry, i, &step); i++) {
			json_t *refused = json_array();
			for (size_t r = 0; r < step.refusal_count; r++)
				json_array_append_new(refused, json_pack("{s:s, s:s}", "impl", step.refusals[r].impl,
									 "why", step.refusals[r].why));
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:b, s:b, s:b, s:o}",
						"entry", entry, "path", step.path, "op", step.op, "impl", step.impl,
						"device", step.device, "order", step.order, "origin", step.origin,
						"tuned", step.tuned, "copy", step.is_copy, "block", step.is_block,
						"view", step.is_view, "refused", refused));
		}
	return list;
}

static json_t *entries_json(const struct check *check)
{
	json_t *list = json_array();
	const char *entry;
	struct clade_plan_totals totals;
	for (size_t e = 0; (entry = clade_graph_entry(check->model.graph, e)) != NULL; e++)
		if (clade_session_totals(check->session, entry, &totals))
			json_array_append_new(list, json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I, s:I}", "name", entry,
							      "after", clade_graph_entry_after(check->model.graph, e),
							      "steps", (json_int_t)totals.steps, "arena_bytes",
							      (json_int_t)totals.arena_bytes, "state_bytes",
							      (json_int_t)totals.state_bytes, "weights_bytes",
							      (json_int_t)totals.weight_bytes, "second_layout_bytes",
							      (json_int_t)totals.second_layout_bytes));
	return list;
}

/* What prints the whole graph as one text. */
static const struct whole {
	const char *name;
	size_t asked; /* the flag among the options */
	enum clade_status (*write)(const struct clade_graph *graph, char **out_text, struct clade_diag *diag);
} wholes[] = { { "flatten", offsetof(struct options, flatten), clade_graph_flatten },
	       { "dot", offsetof(struct options, dot), clade_graph_dot },
	       { "svg", offsetof(struct options, svg), clade_graph_svg } };
enum { WHOLES = sizeof(wholes) / sizeof(wholes[0]) };

static bool is_asked(const struct tool *tool, const struct whole *whole)
{
	return *(const bool *)((const char *)&tool->options + whole->asked);
}

/* These texts in the document. */
static enum clade_status add_text_json(struct check *check, json_t *root)
{
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; i < WHOLES && status == CLADE_OK; i++) {
		char *text = NULL;
		if (!is_asked(check->tool, &wholes[i]))
			continue;
		status = wholes[i].write(check->model.graph, &text, &check->tool->diag);
		json_object_set_new(root, wholes[i].name, json_string(text));
		clade_free(check->tool->context, text);
	}
	return status;
}

static enum clade_status print_check_json(struct check *check)
{
	struct clade_meta family = { .kind = CLADE_META_NONE };
	struct clade_graph_totals graph;
	clade_graph_get_totals(check->model.graph, &graph);
	if (check->model.store != NULL)
		clade_store_meta(check->model.store, "model_type", &family);
	const char *name = clade_graph_name(check->model.graph);
	json_t *root =
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:o}", "model", name, "family",
			  check->model.family[0] != '\0'     ? check->model.family
			  : family.kind == CLADE_META_STRING ? family.s
							     : name,
			  "parameters", (json_int_t)graph.parameters, "nodes", (json_int_t)graph.nodes, "weights",
			  (json_int_t)graph.weights, "states", (json_int_t)graph.states, "weights_bytes",
			  (json_int_t)storage_bytes(check->session), "arena_bytes",
			  (json_int_t)check->totals.arena_bytes, "state_bytes", (json_int_t)check->totals.state_bytes,
			  "device", clade_device_get_info(check->device)->id, "inputs", ports_json(check, true),
			  "outputs", ports_json(check, false), "blocks", blocks_json(check->model.graph));
	json_object_set_new(root, "storage", storage_json(check->session));
	if (check->tool->options.explain && root != NULL) {
		json_object_set_new(root, "steps", steps_json(check));
		json_object_set_new(root, "weight_list", weights_json(check->session));
		json_object_set_new(root, "copies",
				    json_pack("{s:I, s:I}", "count", (json_int_t)check->totals.copies, "bytes",
					      (json_int_t)check->totals.copy_bytes));
	}
	if (check->tool->options.memory)
		json_object_set_new(root, "entries", entries_json(check));
	enum clade_status status = add_text_json(check, root);
	if (status != CLADE_OK) {
		json_decref(root);
		return status;
	}
	return print_json(root, &check->tool->diag);
}

/* ---- text ---- */

static void print_summary(const struct check *check)
{
	const struct clade_graph *graph = check->model.graph;
	struct clade_graph_totals totals;
	const char *entry;
	char size[32], type[256];
	struct clade_graph_port port;
	clade_graph_get_totals(graph, &totals);
	if (check->model.family[0] != '\0')
		printf("model \"%s\" (built in: %s)\n", clade_graph_name(graph), check->model.family);
	else
		printf("model \"%s\" (%s)\n", clade_graph_name(graph), check->model.graph_path);
	printf("nodes %" PRIu64 ", blocks %" PRIu64 ", weights %" PRIu64 ", parameters %" PRIu64 ", states %" PRIu64
	       "\n",
	       totals.nodes, totals.boxes, totals.weights, totals.parameters, totals.states);
	printf("memory on %s: weights %s", clade_device_get_info(check->device)->id,
	       bytes_text(storage_bytes(check->session), size));
	printf(", arena %s", bytes_text(check->totals.arena_bytes, size));
	printf(", states %s\n", bytes_text(check->totals.state_bytes, size));
	print_storage(check->session);
	for (size_t e = 0; (entry = clade_graph_entry(graph, e)) != NULL; e++) {
		const char *after = clade_graph_entry_after(graph, e);
		printf("entry %s%s%s\n", entry, after != NULL ? " after " : "", after != NULL ? after : "");
		for (size_t i = 0; clade_graph_input(graph, entry, i, &port); i++)
			printf("  input  %s : %s%s\n", port.name,
			       clade_graph_type_text(graph, &port.type, type, sizeof(type)),
			       port.optional ? " (optional)" : "");
		for (size_t i = 0; clade_graph_output(graph, entry, i, &port); i++)
			printf("  output %s : %s\n", port.name,
			       clade_graph_type_text(graph, &port.type, type, sizeof(type)));
	}
}

static void print_steps(const struct check *check)
{
	const char *entry;
	struct clade_plan_step step;
	for (size_t e = 0; (entry = clade_graph_entry(check->model.graph, e)) != NULL; e++) {
		printf("steps of %s\n", entry);
		for (size_t i = 0; clade_session_step(check->session, entry, i, &step); i++) {
			printf("  %-40s %s.%s on %s, %s, %s%s%s%s\n", step.path, step.op,
			       step.impl != NULL ? step.impl : "", step.device != NULL ? step.device : "",
			       step.order != NULL ? step.order : "", step.origin != NULL ? step.origin : "",
			       step.tuned != NULL && step.tuned[0] != '\0' ? ": " : "",
			       step.tuned != NULL ? step.tuned : "",
			       step.is_view    ? ", a view: no work"
			       : step.is_block ? ", a block taken whole"
			       : step.is_copy  ? ", a copy between devices"
					       : "");
			for (size_t r = 0; r < step.refusal_count; r++)
				printf("  %-40s   not %s: %s\n", "", step.refusals[r].impl, step.refusals[r].why);
		}
	}
	print_expanded(check->session);
	printf("copies between devices: %" PRIu64 ", %" PRIu64 " bytes\n", check->totals.copies,
	       check->totals.copy_bytes);
}

static void print_memory(const struct check *check)
{
	struct clade_plan_totals totals;
	const char *entry;
	char size[32];
	for (size_t e = 0; (entry = clade_graph_entry(check->model.graph, e)) != NULL; e++) {
		if (!clade_session_totals(check->session, entry, &totals))
			continue;
		printf("plan of %s: %" PRIu64 " steps", entry, totals.steps);
		printf(", arena %s", bytes_text(totals.arena_bytes, size));
		printf(", states %s", bytes_text(totals.state_bytes, size));
		printf(", weights %s", bytes_text(totals.weight_bytes, size));
		printf(", second layouts %s\n", bytes_text(totals.second_layout_bytes, size));
	}
}

/* ---- the command ---- */

static enum clade_status plan(struct check *check)
{
	struct tool *tool = check->tool;
	const char *entry;
	bool device_matters = tool->options.explain || tool->options.memory;
	if (tool->options.device == NULL && !device_matters)
		tool->options.device = "ref"; /* the summary needs no driver */
	enum clade_status status = model_session(tool, &check->model, tool->options.context, false, false,
						 &check->device, &check->session);
	for (size_t e = 0; status == CLADE_OK && (entry = clade_graph_entry(check->model.graph, e)) != NULL; e++) {
		struct clade_plan_totals totals;
		static const char *const none[] = { NULL };
		const char *const *dims = tool->options.dims.items != NULL ? tool->options.dims.items : none;
		status = clade_session_plan(check->session, entry, dims, &tool->diag);
		if (status != CLADE_OK || !clade_session_totals(check->session, entry, &totals))
			continue;
		struct clade_plan_totals *all = &check->totals;
		all->copies += totals.copies;
		all->copy_bytes += totals.copy_bytes;
		all->arena_bytes = totals.arena_bytes > all->arena_bytes ? totals.arena_bytes : all->arena_bytes;
		all->state_bytes = totals.state_bytes > all->state_bytes ? totals.state_bytes : all->state_bytes;
	}
	return status;
}

/* The one text that was asked for; *out_done false: none was. */
static enum clade_status print_text(struct check *check, bool *out_done)
{
	char *text = NULL;
	enum clade_status status = CLADE_OK;
	*out_done = false;
	for (size_t i = 0; i < WHOLES && status == CLADE_OK; i++) {
		if (!is_asked(check->tool, &wholes[i]))
			continue;
		*out_done = true;
		status = wholes[i].write(check->model.graph, &text, &check->tool->diag);
		if (status == CLADE_OK)
			fputs(text, stdout);
		clade_free(check->tool->context, text);
		text = NULL;
	}
	return status;
}

static enum clade_status check_model(struct check *check)
{
	struct tool *tool = check->tool;
	const struct options *options = &tool->options;
	bool done = false;
	if (options->flatten + options->dot + options->svg > 1 && !options->json)
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION, options->flatten ? "--flatten" : "--dot",
				  "only one of --flatten, --dot and --svg can be given, but for --json");
	if ((options->flatten || options->dot || options->svg) && !options->json &&
	    (options->explain || options->memory || options->lock != NULL || options->dims.count > 0))
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION,
				  options->explain        ? "--explain"
				  : options->memory       ? "--memory"
				  : options->lock != NULL ? "--lock"
							  : "--dim",
				  "is about plans; --flatten, --dot and --svg print the graph alone, but for --json");
	enum clade_status status = model_open(tool, &check->model);
	if (status == CLADE_OK && !options->json)
		status = print_text(check, &done);
	if (done)
		return status;
	if (status == CLADE_OK)
		status = plan(check);
	if (status == CLADE_OK)
		status = model_lock(tool, check->session);
	if (status != CLADE_OK)
		return status;
	if (options->json)
		return print_check_json(check);
	print_summary(check);
	status = print_blocks(tool, check->model.graph);
	if (status != CLADE_OK)
		return status;
	if (options->explain)
		print_steps(check);
	if (options->memory)
		print_memory(check);
	return CLADE_OK;
}

static enum clade_status run(struct tool *tool)
{
	struct check check = { .tool = tool };
	enum clade_status status = check_model(&check);
	clade_session_destroy(&check.session);
	clade_device_unref(&check.device);
	model_close(&check.model);
	return status;
}

static const struct option own_options[] = {
	{ "flatten", NULL, "print the expanded graph as a graph file", take_flag, offsetof(struct options, flatten) },
	{ "dot", NULL, "print the graph for Graphviz", take_flag, offsetof(struct options, dot) },
	{ "svg", NULL, "draw the graph: nodes, blocks and where tensors go", take_flag, offsetof(struct options, svg) },
	{ "explain", NULL, "every node's implementation, and why the others were refused", take_flag,
	  offsetof(struct options, explain) },
	{ "memory", NULL, "each entry's plan: arena, states, weights, second layouts", take_flag,
	  offsetof(struct options, memory) },
	{ "dim", "NAME=N", "bind a dim for planning (repeatable)", take_words, offsetof(struct options, dims) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,     options_lock, options_model,  options_device,
					       options_choices, options_json, options_common, NULL };
const struct command command_check = {
	.name = "check",
	.arguments = "MODEL",
	.summary = "parse, validate and plan a model, and say what it is",
	.details = "Without --device, --explain or --memory it plans for ref, so that no driver is needed.",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};

/* SPDX-License-Identifier: MIT */
/* clade verify: every node of the plan against reference C, on the same inputs and cumulatively. */
#include "commands.h"
#include "made.h"

#include <stdlib.h>
#include <string.h>

struct job {
	struct tool *tool;
	struct model model;
	struct entry_chain chain;
	struct clade_device *device;
	struct clade_session *session;
	struct dim_values dims;
	json_t *nodes; /* NULL: text */
	const char *entry;
	size_t node_count, failed, equal;
	char first[256];
};

static void report_node(void *user, const struct clade_verify_node *node)
{
	struct job *job = user;
	job->node_count++;
	job->equal += node->bit_equal;
	job->failed += !node->ok;
	if (!node->ok && job->first[0] == '\0')
		snprintf(job->first, sizeof(job->first), "%s", node->path);
	if (job->nodes != NULL) {
		json_array_append_new(
			job->nodes,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:b}", "entry",
				  job->entry, "path", node->path, "op", node->op, "impl", node->impl, "order",
				  node->order, "bit_equal", (int)node->bit_equal, "max_ulp", json_number(node->max_ulp),
				  "max_abs", json_number(node->max_abs), "nmse", json_number(node->nmse), "tolerance",
				  json_number(node->tolerance), "cumulative_bit_equal", (int)node->cumulative_bit_equal,
				  "cumulative_max_abs", json_number(node->cumulative_max_abs), "cumulative_nmse",
				  json_number(node->cumulative_nmse), "ok", (int)node->ok));
		return;
	}
	char name[160], own[128] = "equal", cumulative[64] = "equal";
	snprintf(name, sizeof(name), "%s.%s", node->op, node->impl);
	if (!node->bit_equal)
		snprintf(own, sizeof(own), "%.3g ulp, abs %.3g, nmse %.3g (allowed %.3g)", node->max_ulp, node->max_abs,
			 node->nmse, node->tolerance);
	if (!node->cumulative_bit_equal)
		snprintf(cumulative, sizeof(cumulative), "abs %.3g, nmse %.3g", node->cumulative_max_abs,
			 node->cumulative_nmse);
	printf("%-4s %-40s %-24s %-9s own %s; cumulative %s\n", node->ok ? "ok" : "FAIL", node->path, name, node->order,
	       own, cumulative);
	fflush(stdout);
}

/* ---- inputs: those of --in, the required rest made ---- */

struct given {
	char name[256];
	const char *value;
	bool used;
};

static enum clade_status take_given(struct job *job, struct given **out)
{
	const struct words *words = &job->tool->options.inputs;
	*out = calloc(words->count + 1, sizeof(**out));
	if (*out == NULL)
		return clade_fail_memory(&job->tool->diag, 0, "the command line");
	for (size_t i = 0; i < words->count; i++) {
		enum clade_status status =
			split_name(job->tool, "--in", words->items[i], (*out)[i].name, &(*out)[i].value);
		if (status != CLADE_OK)
			return status;
	}
	return CLADE_OK;
}

static enum clade_status make_inputs(struct job *job, const char *entry, struct given *given, struct array *arrays,
				     struct clade_input *inputs, size_t *out_count)
{
	struct clade_graph_port port;
	enum clade_status status = CLADE_OK;
	int64_t seed = job->tool->options.seed;
	for (size_t i = 0; clade_graph_input(job->model.graph, entry, i, &port) && *out_count < 64; i++) {
		struct array *array = &arrays[*out_count];
		size_t g = 0;
		while (g < job->tool->options.inputs.count && strcmp(given[g].name, port.name) != 0)
			g++;
		if (g < job->tool->options.inputs.count) {
			given[g].used = true;
			status = read_array(job->tool, "--in", given[g].value, port.type.dtype, array);
		} else if (!port.optional) {
			status = make_input(job->tool, &job->model, &port, (uint64_t)seed, &job->dims, array);
		} else {
			continue;
		}
		if (status != CLADE_OK)
			return status;
		inputs[(*out_count)++] = (struct clade_input) { port.name, array->type, array->data };
	}
	return CLADE_OK;
}

static enum clade_status verify_entry(struct job *job, const char *entry, struct given *given)
{
	struct array arrays[64] = { 0 };
	struct clade_input inputs[64];
	size_t count = 0;
	const char *first = NULL;
	job->entry = entry;
	enum clade_status status = make_inputs(job, entry, given, arrays, inputs, &count);
	if (status == CLADE_OK)
		status = clade_session_verify(job->session, entry, inputs, count, report_node, job, &first,
					      &job->tool->diag);
	if (status == CLADE_ERR_MISMATCH) { /* the other entries are still looked at */
		clade_diag_reset(&job->tool->diag);
		status = CLADE_OK;
		if (job->first[0] == '\0' && first != NULL) {
			snprintf(job->first, sizeof(job->first), "%s", first);
			job->failed++;
		}
	}
	for (size_t i = 0; i < 64; i++)
		free(arrays[i].data);
	return status;
}

/* ---- the command ---- */

static enum clade_status check_used(struct job *job, const struct given *given)
{
	for (size_t i = 0; i < job->tool->options.inputs.count; i++) {
		const char *names[128];
		struct clade_graph_port port;
		size_t count = 0;
		bool found = false;
		for (size_t e = 0; e < job->chain.count; e++)
			for (size_t k = 0; clade_graph_input(job->model.graph, job->chain.names[e], k, &port); k++) {
				found |= strcmp(port.name, given[i].name) == 0;
				if (count < 128)
					names[count++] = port.name;
			}
		const char *nearest = clade_nearest(given[i].name, names, count);
		if (!found)
			return fail_usage(job->tool, CLADE_MSG_TOOL_INPUT, "--in", "the graph has no input \"%s\"%s%s",
					  given[i].name, nearest != NULL ? "; did you mean " : "",
					  nearest != NULL ? nearest : "");
	}
	return CLADE_OK;
}

static enum clade_status finish(struct job *job)
{
	struct tool *tool = job->tool;
	bool ok = job->failed == 0;
	const char *device = clade_device_get_info(job->device)->id;
	enum clade_status status = CLADE_OK;
	if (job->nodes != NULL) {
		json_t *nodes = job->nodes;
		job->nodes = NULL;
		status = print_json(json_pack("{s:s, s:s, s:o, s:o, s:b}", "device", device, "name",
					      clade_device_get_info(job->device)->name, "nodes", nodes,
					      "first_divergence", ok ? json_null() : json_string(job->first), "ok",
					      (int)ok),
				    &tool->diag);
	} else {
		printf("%zu nodes on %s, %zu bit-equal to ref, %zu failed\n", job->node_count, device, job->equal,
		       job->failed);
	}
	if (status != CLADE_OK || ok)
		return status;
	return clade_fail(&tool->diag, CLADE_ERR_MISMATCH, CLADE_MSG_TOOL_VERIFY, job->first,
			  "the first of %zu nodes that differ from ref by more than is allowed", job->failed);
}

static enum clade_status verify(struct job *job)
{
	struct tool *tool = job->tool;
	struct given *given = NULL;
	enum clade_status status = model_open(tool, &job->model);
	if (status == CLADE_OK)
		status = model_entries(tool, &job->model, &job->chain);
	if (status == CLADE_OK)
		status = dim_values_parse(tool, &tool->options.dims, &job->dims);
	if (status == CLADE_OK)
		status = take_given(job, &given);
	if (status == CLADE_OK)
		status = check_used(job, given);
	if (status == CLADE_OK)
		status = model_session(tool, &job->model, tool->options.context, true, tool->options.open, &job->device,
				       &job->session);
	if (status == CLADE_OK && tool->options.json)
		job->nodes = json_array();
	for (size_t i = 0; i < job->chain.count && status == CLADE_OK; i++)
		status = verify_entry(job, job->chain.names[i], given);
	free(given);
	return status == CLADE_OK ? finish(job) : status;
}

static enum clade_status run(struct tool *tool)
{
	struct job job = { .tool = tool };
	enum clade_status status = verify(&job);
	json_decref(job.nodes);
	clade_session_destroy(&job.session);
	clade_device_unref(&job.device);
	model_close(&job.model);
	return status;
}

static const struct option own_options[] = {
	{ "in", "NAME=VALUE", "an input (.npy or JSON); what is required and not given is made (repeatable)",
	  take_words, offsetof(struct options, inputs) },
	{ "dim", "NAME=N", "a dim of the inputs that are made (repeatable)", take_words,
	  offsetof(struct options, dims) },
	{ "seed", "N", "of the inputs that are made (0)", take_integer, offsetof(struct options, seed), 0, 0, 1e15 },
	{ "open", NULL, "take no block whole: verify the nodes inside", take_flag, offsetof(struct options, open) },
	{ NULL },
};
static const struct option *const groups[] = { own_options,     options_entry, options_model,  options_device,
					       options_choices, options_json,  options_common, NULL };
const struct command command_verify = {
	.name = "verify",
	.arguments = "MODEL",
	.summary = "every node against reference C; exit 1 at a difference",
	.details =
		"own: on the same inputs; cumulative: from the model's inputs on. Canonical implementations must be\n"
		"bit-equal; the others have the tolerance shown.",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};

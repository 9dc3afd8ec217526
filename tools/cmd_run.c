/* SPDX-License-Identifier: MIT */
/* clade run: one run of a graph on given arrays; prints, writes or compares its outputs. */
#include "commands.h"
#include "input.h"
#include "model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct named_array {
	char name[256];
	const char *file; /* --out and --expect; NULL: none */
	struct array array;
	bool set;
	/* --expect */
	double worst;
	int64_t worst_index;
	bool ok;
};

struct job {
	struct tool *tool;
	struct model model;
	struct entry_chain chain;
	struct clade_device *device;
	struct clade_session *session;
	struct named_array *inputs, *outputs, *files, *expected;
	size_t input_count, output_count, file_count, expected_count;
};

static void free_arrays(struct named_array **arrays, size_t count)
{
	for (size_t i = 0; *arrays != NULL && i < count; i++)
		free((*arrays)[i].array.data);
	free(*arrays);
	*arrays = NULL;
}

static struct named_array *find_array(struct named_array *arrays, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(arrays[i].name, name) == 0)
			return &arrays[i];
	return NULL;
}

typedef bool port_fn(const struct clade_graph *graph, const char *entry, size_t index, struct clade_graph_port *out);

/* The port of this name in any entry of the chain; an error names the nearest. */
static enum clade_status find_port(struct job *job, port_fn *port_at, const char *kind, const char *where,
				   const char *name, struct clade_graph_port *out)
{
	const char *names[256];
	char list[512] = "";
	size_t count = 0;
	for (size_t e = 0; e < job->chain.count; e++)
		for (size_t i = 0; port_at(job->model.graph, job->chain.names[e], i, out); i++) {
			if (strcmp(out->name, name) == 0)
				return CLADE_OK;
			if (count < 256)
				names[count++] = out->name;
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", list[0] != '\0' ? ", " : "",
				 out->name);
		}
	const char *nearest = clade_nearest(name, names, count);
	if (nearest != NULL)
		return fail_usage(job->tool, CLADE_MSG_TOOL_INPUT, where,
				  "the graph has no %s \"%s\"; did you mean %s?", kind, name, nearest);
	return fail_usage(job->tool, CLADE_MSG_TOOL_INPUT, where, "the graph has no %s \"%s\"; it has %s", kind, name,
			  list);
}

/* ---- what the command line names ---- */

static enum clade_status take_names(struct job *job, const char *where, const char *kind, port_fn *port_at,
				    const struct words *words, struct named_array **out, size_t *out_count)
{
	struct clade_graph_port port;
	*out = calloc(words->count + 1, sizeof(**out));
	if (*out == NULL)
		return clade_fail_memory(&job->tool->diag, words->count * sizeof(**out), "the command line");
	for (size_t i = 0; i < words->count; i++) {
		struct named_array *named = &(*out)[i];
		const char *value;
		enum clade_status status = split_name(job->tool, where, words->items[i], named->name, &value);
		if (status == CLADE_OK)
			status = find_port(job, port_at, kind, where, named->name, &port);
		if (status == CLADE_OK && find_array(*out, i, named->name) != NULL)
			status = fail_usage(job->tool, CLADE_MSG_TOOL_INPUT, where, "\"%s\" is given twice",
					    named->name);
		if (status != CLADE_OK)
			return status;
		named->file = value;
		named->array.type.dtype = port.type.dtype;
		*out_count = i + 1;
	}
	return CLADE_OK;
}

static enum clade_status read_inputs(struct job *job)
{
	enum clade_status status = take_names(job, "--in", "input", clade_graph_input, &job->tool->options.inputs,
					      &job->inputs, &job->input_count);
	for (size_t i = 0; i < job->input_count && status == CLADE_OK; i++) {
		char where[300];
		struct named_array *named = &job->inputs[i];
		snprintf(where, sizeof(where), "--in %s", named->name);
		status = read_array(job->tool, where, named->file, named->array.type.dtype, &named->array);
	}
	return status;
}

static enum clade_status read_expected(struct job *job)
{
	enum clade_status status = take_names(job, "--expect", "output", clade_graph_output,
					      &job->tool->options.expected, &job->expected, &job->expected_count);
	for (size_t i = 0; i < job->expected_count && status == CLADE_OK; i++) {
		struct named_array *named = &job->expected[i];
		status = clade_npy_read(NULL, named->file, &named->array.type, &named->array.data, &job->tool->diag);
	}
	return status;
}

/* ---- running ---- */

static enum clade_status run_entry(struct job *job, const char *entry)
{
	struct clade_input inputs[256];
	struct clade_graph_port port;
	size_t count = 0;
	for (size_t i = 0; clade_graph_input(job->model.graph, entry, i, &port) && count < 256; i++) {
		const struct named_array *named = find_array(job->inputs, job->input_count, port.name);
		char type[256];
		if (named != NULL)
			inputs[count++] = (struct clade_input) { named->name, named->array.type, named->array.data };
		else if (!port.optional)
			return fail_usage(job->tool, CLADE_MSG_TOOL_INPUT, "--in",
					  "input %s : %s of entry %s is missing", port.name,
					  clade_graph_type_text(job->model.graph, &port.type, type, sizeof(type)),
					  entry);
	}
	return clade_session_run(job->session, entry, inputs, count, &job->tool->diag);
}

static enum clade_status take_outputs(struct job *job, const char *entry)
{
	struct clade_graph_port port;
	struct clade_diag *diag = &job->tool->diag;
	for (size_t i = 0; clade_graph_output(job->model.graph, entry, i, &port); i++) {
		struct named_array *named = find_array(job->outputs, job->output_count, port.name);
		if (named == NULL) {
			struct named_array *grown =
				realloc(job->outputs, (job->output_count + 1) * sizeof(*job->outputs));
			if (grown == NULL)
				return clade_fail_memory(diag, sizeof(*grown), "outputs");
			job->outputs = grown;
			named = &job->outputs[job->output_count++];
			*named = (struct named_array) { 0 };
			snprintf(named->name, sizeof(named->name), "%s", port.name);
		}
		struct array *array = &named->array;
		size_t bytes;
		enum clade_status status = clade_session_output(job->session, port.name, &array->type, NULL, diag);
		if (status != CLADE_OK)
			return status;
		free(array->data);
		array->data = NULL;
		if (!clade_type_bytes(&array->type, &bytes) || (array->data = malloc(bytes + 1)) == NULL)
			return clade_fail_memory(diag, 0, "an output");
		status = clade_session_output(job->session, port.name, &array->type, array->data, diag);
		if (status != CLADE_OK)
			return status;
	}
	return CLADE_OK;
}

/* ---- comparing ---- */

static const char *index_text(const struct clade_type *type, int64_t index, char *out, size_t size)
{
	int64_t strides[CLADE_MAX_RANK];
	clade_dense_strides(type, strides);
	snprintf(out, size, "[");
	for (uint32_t i = 0; i < type->rank; i++) {
		snprintf(out + strlen(out), size - strlen(out), "%s%" PRId64, i > 0 ? ", " : "", index / strides[i]);
		index %= strides[i];
	}
	snprintf(out + strlen(out), size - strlen(out), "]");
	return out;
}

/* numpy.allclose with equal_nan: |got - expected| <= atol + rtol |expected|; infinities must be equal. */
static enum clade_status compare(struct job *job, struct named_array *expected)
{
	const struct options *options = &job->tool->options;
	const struct array *got = &find_array(job->outputs, job->output_count, expected->name)->array;
	char where[300], got_type[128], expected_type[128], index[128];
	int64_t count = 0;
	double worst_excess = 0;
	snprintf(where, sizeof(where), "--expect %s", expected->name);
	bool same = got->type.rank == expected->array.type.rank;
	for (uint32_t i = 0; same && i < got->type.rank; i++)
		same = got->type.dims[i] == expected->array.type.dims[i];
	if (!same)
		return clade_fail(&job->tool->diag, CLADE_ERR_MISMATCH, CLADE_MSG_TOOL_EXPECT, where,
				  "the output is %s, %s was expected",
				  clade_type_text(&got->type, got_type, sizeof(got_type)),
				  clade_type_text(&expected->array.type, expected_type, sizeof(expected_type)));
	clade_type_count(&got->type, &count);
	expected->ok = true;
	expected->worst_index = -1;
	for (int64_t i = 0; i < count; i++) {
		double a = array_value(&got->type, got->data, i);
		double b = array_value(&expected->array.type, expected->array.data, i);
		double error = a == b || (isnan(a) && isnan(b)) ? 0 : fabs(a - b);
		double excess = error - (options->atol + options->rtol * fabs(b));
		bool fine = error == 0 || excess <= 0; /* false for NaN */
		if (!fine && !(excess == excess))
			excess = INFINITY, error = isnan(error) ? INFINITY : error;
		if (expected->worst_index < 0 || excess > worst_excess) {
			worst_excess = excess;
			expected->worst = error;
			expected->worst_index = i;
		}
		expected->ok = expected->ok && fine;
	}
	if (expected->ok)
		return CLADE_OK;
	return clade_fail(&job->tool->diag, CLADE_ERR_MISMATCH, CLADE_MSG_TOOL_EXPECT, where,
			  "the largest error is %.6g at %s: got %.9g, expected %.9g; allowed is %g + %g * |expected|",
			  expected->worst, index_text(&got->type, expected->worst_index, index, sizeof(index)),
			  array_value(&got->type, got->data, expected->worst_index),
			  array_value(&expected->array.type, expected->array.data, expected->worst_index),
			  options->atol, options->rtol);
}

/* ---- reporting ---- */

static void print_outputs_json(const struct job *job)
{
	char number[32];
	printf("{\"outputs\": {");
	for (size_t i = 0; i < job->output_count; i++) {
		const struct clade_type *type = &job->outputs[i].array.type;
		printf("%s\"%s\": {\"dtype\": \"%s\", \"shape\": [", i > 0 ? ", " : "", job->outputs[i].name,
		       clade_dtype_info(type->dtype)->name);
		for (uint32_t d = 0; d < type->rank; d++)
			printf("%s%" PRId64, d > 0 ? ", " : "", type->dims[d]);
		printf("], \"data\": ");
		print_array_json(type, job->outputs[i].array.data);
		printf("}");
	}
	printf("}");
	for (size_t i = 0; i < job->expected_count; i++) {
		const struct named_array *expected = &job->expected[i];
		float_text((float)expected->worst, number);
		printf("%s\"%s\": {\"ok\": %s, \"max_error\": %s%s%s}", i == 0 ? ", \"expected\": {" : ", ",
		       expected->name, expected->ok ? "true" : "false", isfinite(expected->worst) ? "" : "\"", number,
		       isfinite(expected->worst) ? "" : "\"");
	}
	printf(job->expected_count > 0 ? "}}\n" : "}\n");
}

static void print_outputs(const struct job *job)
{
	char type[128];
	for (size_t i = 0; i < job->output_count; i++) {
		const struct named_array *named = &job->outputs[i];
		printf("%s %s\n", named->name, clade_type_text(&named->array.type, type, sizeof(type)));
		print_array(&named->array.type, named->array.data);
	}
}

static enum clade_status report(struct job *job)
{
	struct tool *tool = job->tool;
	enum clade_status status = CLADE_OK, compared = CLADE_OK;
	for (size_t i = 0; i < job->file_count && status == CLADE_OK; i++) {
		const struct named_array *named = find_array(job->outputs, job->output_count, job->files[i].name);
		status = clade_npy_write(tool->context, job->files[i].file, &named->array.type, named->array.data,
					 &tool->diag);
	}
	if (status != CLADE_OK)
		return status;
	for (size_t i = 0; i < job->expected_count; i++) {
		enum clade_status one = compare(job, &job->expected[i]);
		compared = compared == CLADE_OK ? one : compared;
		if (one == CLADE_OK)
			print_note(tool, "%s is as expected; the largest error is %.3g", job->expected[i].name,
				   job->expected[i].worst);
	}
	if (tool->options.json)
		print_outputs_json(job);
	else if (job->file_count == 0)
		print_outputs(job);
	return compared != CLADE_OK ? compared : flush_stdout(&tool->diag);
}

static enum clade_status run_job(struct job *job)
{
	struct tool *tool = job->tool;
	enum clade_status status = model_open(tool, &job->model);
	if (status == CLADE_OK)
		status = model_entries(tool, &job->model, &job->chain);
	if (status == CLADE_OK)
		status = read_inputs(job);
	if (status == CLADE_OK)
		status = take_names(job, "--out", "output", clade_graph_output, &tool->options.outputs, &job->files,
				    &job->file_count);
	if (status == CLADE_OK)
		status = read_expected(job);
	if (status == CLADE_OK)
		status = model_session(tool, &job->model, tool->options.context, false, false, &job->device,
				       &job->session);
	for (size_t i = 0; i < job->chain.count && status == CLADE_OK; i++) {
		status = run_entry(job, job->chain.names[i]);
		if (status == CLADE_OK)
			status = take_outputs(job, job->chain.names[i]);
	}
	if (status == CLADE_OK)
		status = model_lock(tool, job->session);
	return status == CLADE_OK ? report(job) : status;
}

static enum clade_status run(struct tool *tool)
{
	struct job job = { .tool = tool };
	enum clade_status status = run_job(&job);
	free_arrays(&job.inputs, job.input_count);
	free_arrays(&job.outputs, job.output_count);
	free_arrays(&job.files, 0);
	free_arrays(&job.expected, job.expected_count);
	clade_session_destroy(&job.session);
	clade_device_unref(&job.device);
	model_close(&job.model);
	return status;
}

static const struct option own_options[] = {
	{ "in", "NAME=VALUE", "an input: a .npy file or a JSON literal such as [[1, 2]] (repeatable)", take_words,
	  offsetof(struct options, inputs) },
	{ "out", "NAME=FILE", "write an output as .npy instead of printing (repeatable)", take_words,
	  offsetof(struct options, outputs) },
	{ "watch", "PATTERN", "also give values inside: paths, patterns (*, ?, **) or OP.PORT (repeatable)", take_words,
	  offsetof(struct options, watch) },
	{ "expect", "NAME=FILE", "compare an output with a .npy file; exit 1 if it differs (repeatable)", take_words,
	  offsetof(struct options, expected) },
	{ "rtol", "R", "relative tolerance of --expect (1e-4)", take_number, offsetof(struct options, rtol), 0, 0,
	  1e9 },
	{ "atol", "A", "absolute tolerance of --expect (1e-5)", take_number, offsetof(struct options, atol), 0, 0,
	  1e9 },
	{ NULL },
};
static const struct option *const groups[] = { own_options,   options_entry,  options_lock,
					       options_model, options_device, options_choices,
					       options_json,  options_common, NULL };
const struct command command_run = {
	.name = "run",
	.arguments = "MODEL",
	.summary = "run a graph once on given arrays",
	.details = "Outputs are printed (name, type, values, shortened above 1000 elements), or written by --out.",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};

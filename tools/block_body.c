/* SPDX-License-Identifier: MIT */
/* A block's case as a model: a graph of this one block, its arguments as inputs, those that are stored in halves or
 * quantised as weights of a GGUF file in memory. */
#include "block_body.h"

#include <clade/session.h>
#include <clade/writer.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct argument {
	char name[80]; /* "in_w1" */
	const struct clade_type *type;
	const void *data;
	bool stored; /* as a weight */
	bool state;  /* filled from an input by an entry of its own */
};
struct body {
	char text[8000];
	size_t used;
	struct argument arguments[CLADE_MAX_PORTS];
	size_t count, stored;
};

static void put(struct body *body, const char *format, ...) CLADE_PRINTF(2, 3);
static void put(struct body *body, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (body->used < sizeof(body->text))
		body->used += (size_t)vsnprintf(body->text + body->used, sizeof(body->text) - body->used, format, args);
	va_end(args);
}

static void list_arguments(const struct clade_op *op, const struct clade_case_data *data, struct body *body)
{
	for (uint32_t i = 0; op->ports[i] != NULL && (op->ports[i]->flags & CLADE_IN) != 0; i++) {
		if (!data->present[i])
			continue;
		struct argument *argument = &body->arguments[body->count++];
		snprintf(argument->name, sizeof(argument->name), "in_%s", op->ports[i]->name);
		argument->type = &data->input_types[i];
		argument->data = data->inputs[i];
		argument->stored = (op->ports[i]->flags & CLADE_STORED) != 0 && argument->type->dtype != CLADE_F32;
		argument->state = (op->ports[i]->flags & CLADE_STATE) != 0;
		body->stored += argument->stored;
	}
}

/* States, and the entry that fills them; false if one is kept in a type that a graph cannot ask for. */
static bool print_states(struct body *body)
{
	char type[128], text[2000] = "";
	size_t used = 0;
	for (size_t i = 0; i < body->count && used < sizeof(text) / 2; i++) {
		const struct argument *argument = &body->arguments[i];
		const char *name = argument->name;
		if (!argument->state)
			continue;
		if (argument->type->dtype != CLADE_F32)
			return false;
		clade_type_text(argument->type, type, sizeof(type));
		put(body, "state %s : %s\n", name, type);
		used += (size_t)snprintf(text + used, sizeof(text) - used, " input old_%s : %s\n %s <- old_%s\n", name,
					 type, name, name);
	}
	if (used > 0)
		put(body, "entry fill {\n%s}\n", text);
	return true;
}

/* False: it is too long, or cannot be said. */
static bool print_body(const struct clade_op *op, const struct op_case *op_case, const struct clade_case_data *data,
		       struct body *body)
{
	char type[128];
	put(body, "clade 1\nmodel \"block\"\ninclude \"lib/feed_forward.graph\"\ninclude \"lib/add_norm.graph\"\n"
		  "include \"lib/projections.graph\"\ninclude \"lib/rotary_attention.graph\"\n");
	if (!print_states(body))
		return false;
	for (int weights = 1; weights >= 0; weights--) {
		for (size_t i = 0; i < body->count; i++) {
			const struct argument *argument = &body->arguments[i];
			struct clade_type shown = *argument->type;
			if (argument->stored) /* graphs call them what they stand for */
				shown.dtype = CLADE_F32;
			if (argument->stored == weights && !argument->state)
				put(body, "%s %s : %s\n", weights ? "weight" : "input", argument->name,
				    clade_type_text(&shown, type, sizeof(type)));
		}
		if (weights)
			put(body, "entry main%s {\n", clade_op_state_input(op, 0) >= 0 ? " after fill" : "");
	}
	const char *separator = "";
	for (uint32_t output = 0; output < data->output_count; output++) {
		if (clade_op_state_input(op, output) >= 0)
			continue;
		put(body, "%s made_%u", separator, output);
		separator = ",";
	}
	put(body, " = %s(", op->name);
	for (size_t i = 0; i < body->count; i++)
		put(body, "%s%s = %s", i > 0 ? ", " : "", body->arguments[i].name + 3, body->arguments[i].name);
	put(body, "%s%s)\n", op_case->attrs[0] != '\0' ? ", " : "", op_case->attrs);
	for (uint32_t output = 0; output < data->output_count; output++) {
		int state = clade_op_state_input(op, output);
		put(body, " output out_%u : %s = ", output,
		    clade_type_text(&data->output_types[output], type, sizeof(type)));
		if (state >= 0)
			put(body, "in_%s\n", op->ports[state]->name);
		else
			put(body, "made_%u\n", output);
	}
	put(body, "}\n");
	return body->used < sizeof(body->text);
}

/* ---- weights ---- */

/* The stored arguments as a GGUF file in memory; *out stays NULL where there are none. */
static enum clade_status open_weights(struct tool *tool, const struct body *body, struct clade_store **out)
{
	struct clade_diag *diag = &tool->diag;
	struct clade_writer *writer = NULL;
	char path[64];
	if (body->stored == 0)
		return CLADE_OK;
	int fd = memfd_create("block", MFD_CLOEXEC);
	if (fd < 0)
		return clade_fail_memory(diag, 0, "a block's weights");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	enum clade_status status = clade_writer_create_fd(tool->context, fd, path, "gguf", &writer, diag);
	for (size_t i = 0; i < body->count && status == CLADE_OK; i++) {
		const struct argument *argument = &body->arguments[i];
		if (argument->stored)
			status = clade_writer_tensor(writer, argument->name, argument->type,
						     clade_dtype_info(argument->type->dtype)->name, diag);
	}
	for (size_t i = 0; i < body->count && status == CLADE_OK; i++) {
		int64_t count = 0;
		if (body->arguments[i].stored && clade_type_count(body->arguments[i].type, &count))
			status = clade_writer_stored(writer, body->arguments[i].data, count, diag);
	}
	if (status == CLADE_OK)
		status = clade_writer_finish(writer, diag);
	clade_writer_destroy(&writer);
	if (status == CLADE_OK)
		status = clade_store_create(tool->context, out, diag);
	if (status == CLADE_OK)
		status = clade_store_add(*out, path, diag);
	close(fd);
	return status;
}

/* ---- running it ---- */

static enum clade_status run_session(struct tool *tool, struct clade_session *session, const struct body *body,
				     struct right_answer *answer)
{
	struct clade_input inputs[CLADE_MAX_PORTS], olds[CLADE_MAX_PORTS];
	char names[CLADE_MAX_PORTS][96];
	size_t count = 0, states = 0;
	for (size_t i = 0; i < body->count; i++) {
		const struct argument *argument = &body->arguments[i];
		struct clade_input input = { argument->name, *argument->type, argument->data };
		if (argument->state) {
			snprintf(names[states], sizeof(names[states]), "old_%s", argument->name);
			input.name = names[states];
			olds[states++] = input;
		} else if (!argument->stored) {
			inputs[count++] = input;
		}
	}
	enum clade_status status = CLADE_OK;
	if (states > 0)
		status = clade_session_run(session, "fill", olds, states, &tool->diag);
	double start = seconds_now();
	if (status == CLADE_OK)
		status = clade_session_run(session, "main", inputs, count, &tool->diag);
	answer->seconds = seconds_now() - start;
	for (uint32_t i = 0; i < answer->data->output_count && status == CLADE_OK; i++) {
		struct clade_type type;
		size_t bytes = 0;
		char name[16];
		snprintf(name, sizeof(name), "out_%u", i);
		clade_type_bytes(&answer->data->output_types[i], &bytes);
		answer->outputs[i] = malloc(bytes + 1);
		status = answer->outputs[i] == NULL
				 ? clade_fail_memory(&tool->diag, bytes, "an output")
				 : clade_session_output(session, name, &type, answer->outputs[i], &tool->diag);
	}
	return status;
}

enum clade_status block_body_run(struct tool *tool, struct clade_device *host, const struct clade_op *op,
				 const struct op_case *op_case, struct right_answer *answer)
{
	struct clade_diag *diag = &tool->diag;
	struct clade_choices choices = { .size = sizeof(choices), .open_all = true };
	struct clade_session_params session_params = { .size = sizeof(session_params), .choices = &choices };
	struct clade_graph_params params = { .size = sizeof(params), .path = op->name };
	struct clade_store *store = NULL;
	struct clade_graph *graph = NULL;
	struct clade_session *session = NULL;
	struct body *body = calloc(1, sizeof(*body));
	if (body == NULL)
		return clade_fail_memory(diag, sizeof(*body), "a block's body");
	list_arguments(op, answer->data, body);
	enum clade_status status = open_weights(tool, body, &store);
	if (status == CLADE_OK && print_body(op, op_case, answer->data, body)) {
		params.text = body->text;
		params.store = store;
		status = clade_graph_create(tool->context, &params, &graph, diag);
		if (status == CLADE_ERR_DATA) {
			clade_diag_reset(diag);
			status = CLADE_OK;
		}
	}
	if (graph != NULL)
		status = clade_session_create(graph, host, &session_params, &session, diag);
	if (status == CLADE_OK && session != NULL)
		status = run_session(tool, session, body, answer);
	clade_session_destroy(&session);
	clade_graph_destroy(&graph);
	clade_store_destroy(&store);
	free(body);
	return status;
}

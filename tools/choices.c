/* SPDX-License-Identifier: MIT */
/* Sessions made as the command line says: device, implementations, lock files; and which entries to run. */
#include "model.h"
#include "winners.h"

#include <stdlib.h>
#include <string.h>

static enum clade_status open_device(struct tool *tool, struct clade_device **out)
{
	enum clade_status status = clade_device_open(tool->context, tool->options.device, out, &tool->diag);
	if (status != CLADE_OK && tool->diag.where[0] == '\0' && tool->options.device != NULL)
		snprintf(tool->diag.where, sizeof(tool->diag.where), "%s%.64s",
			 tool->options.device == getenv("CLADE_DEVICE") ? "CLADE_DEVICE=" : "--device ",
			 tool->options.device);
	return status;
}

enum clade_status model_session(struct tool *tool, const struct model *model, int64_t capacity, bool keep_values,
				bool open_all, struct clade_device **out_device, struct clade_session **out_session)
{
	const struct options *options = &tool->options;
	char *lock = NULL, *tuned = NULL;
	size_t lock_bytes;
	enum clade_status status = CLADE_OK;
	int64_t made_for = options->context > 0 && model->graph != NULL ? model_context(model) : 0;
	*out_device = NULL;
	*out_session = NULL;
	if (made_for > 0 && options->context > made_for)
		print_note(tool, "--context %lld is more than the %lld tokens that the model was made for",
			   (long long)options->context, (long long)made_for);
	if (options->locked != NULL)
		status = clade_file_load(tool->context, options->locked, 16 << 20, &lock, &lock_bytes, &tool->diag);
	if (status == CLADE_OK)
		status = open_device(tool, out_device);
	if (status == CLADE_OK)
		status = winners_text(tool, clade_device_get_info(*out_device), &tuned);
	if (status == CLADE_OK) {
		struct clade_choices choices = {
			.size = sizeof(choices),
			.rules = (const char *const *)options->rules.items,
			.lock_text = lock,
			.strict = options->strict,
			.fast = options->fast,
			.open_all = open_all,
			.keep_values = keep_values,
			.profiling = options->profiling,
			.tuned_text = tuned,
		};
		struct clade_session_params params = {
			.size = sizeof(params),
			.choices = &choices,
			.capacity = capacity,
			.host_bytes = available_memory(),
			.threads = (uint32_t)(options->threads > 0 ? options->threads : host_processors())
		};
		status = clade_session_create(model->graph, *out_device, &params, out_session, &tool->diag);
	}
	clade_free(tool->context, lock);
	clade_free(tool->context, tuned);
	return status;
}

enum clade_status model_lock(struct tool *tool, const struct clade_session *session)
{
	char *text = NULL;
	if (tool->options.lock == NULL)
		return CLADE_OK;
	enum clade_status status = clade_session_lock(session, &text, &tool->diag);
	if (status == CLADE_OK)
		status = clade_file_write(tool->context, tool->options.lock, text, strlen(text), &tool->diag);
	clade_free(tool->context, text);
	return status;
}

enum clade_status model_entries(struct tool *tool, const struct model *model, struct entry_chain *out)
{
	const char *wanted = tool->options.entry, *names[64], *after[64];
	size_t count = 0, at;
	for (; count < 64 && count < clade_graph_entry_count(model->graph); count++) {
		names[count] = clade_graph_entry(model->graph, count);
		after[count] = clade_graph_entry_after(model->graph, count);
	}
	if (wanted == NULL)
		wanted = names[count - 1];
	for (at = 0; at < count && strcmp(names[at], wanted) != 0; at++)
		;
	if (at == count) {
		const char *nearest = clade_nearest(wanted, names, count);
		return fail_usage(tool, CLADE_MSG_TOOL_ENTRY, "--entry",
				  "the graph has no entry \"%s\"; did you mean %s?", wanted,
				  nearest != NULL ? nearest : names[count - 1]);
	}
	const char *chain[16];
	size_t length = 0;
	for (const char *name = wanted; name != NULL && length < 16;) {
		chain[length++] = name;
		for (at = 0; strcmp(names[at], name) != 0; at++)
			;
		name = after[at];
	}
	out->count = length;
	for (size_t i = 0; i < length; i++)
		out->names[i] = chain[length - 1 - i];
	return CLADE_OK;
}

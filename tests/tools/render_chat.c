/* SPDX-License-Identifier: MIT */
/* Renders chat templates for test_chat.py: a line of stdin is {"template", "variables"}; a line of stdout is {"text"}
 * or {"error", "where"}. With --fail, each allocation fails in turn first: the answer must be the same afterwards. */
#include <clade/chat.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails once `left` allocations have been made; negative: never. */
struct budget {
	long left, live;
};

static void *resize(void *user, void *memory, size_t bytes)
{
	struct budget *budget = user;
	if (bytes == 0) {
		budget->live -= memory != NULL;
		free(memory);
		return NULL;
	}
	if (budget->left == 0)
		return NULL;
	budget->left -= budget->left > 0;
	budget->live += memory == NULL;
	return realloc(memory, bytes);
}

static enum clade_status render(struct clade_context *context, const char *template_text, size_t bytes,
				const char *variables, char **text, size_t *length, struct clade_diag *diag)
{
	struct clade_chat_template *chat = NULL;
	enum clade_status status = clade_chat_template_parse(context, "t", template_text, bytes, &chat, diag);
	if (status == CLADE_OK)
		status = clade_chat_template_render(chat, variables, strlen(variables), text, length, diag);
	clade_chat_template_destroy(&chat);
	return status;
}

/* Fails the first allocation, then the second, ... until none fails; every failure must say so and leave nothing. */
static void fail_in_turn(const char *template_text, size_t bytes, const char *variables)
{
	struct budget budget = { .left = -1 };
	struct clade_allocator allocator = { resize, &budget };
	struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
	struct clade_context *context;
	struct clade_diag diag;
	clade_diag_init(&diag);
	if (clade_context_create(&params, &context, &diag) != CLADE_OK)
		abort();
	long before = budget.live;
	for (long n = 0; n < 1000; n++) {
		char *text = NULL;
		size_t length = 0;
		clade_diag_reset(&diag);
		budget.left = n;
		enum clade_status status = render(context, template_text, bytes, variables, &text, &length, &diag);
		bool reached = budget.left == 0;
		budget.left = -1;
		clade_free(context, text);
		clade_diag_reset(&diag);
		if (budget.live != before || (status != CLADE_OK && text != NULL))
			abort();
		if (status == CLADE_OK || !reached)
			break;
	}
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
}

static json_t *answer(const char *template_text, size_t bytes, const json_t *variables, bool fail)
{
	struct clade_diag diag;
	char *text = NULL, *given = json_dumps(variables, 0);
	size_t length = 0;
	clade_diag_init(&diag);
	if (fail)
		fail_in_turn(template_text, bytes, given);
	enum clade_status status = render(NULL, template_text, bytes, given, &text, &length, &diag);
	json_t *result = status == CLADE_OK ? json_pack("{s:s%}", "text", text, length)
					    : json_pack("{s:s, s:s}", "error", diag.text, "where", diag.where);
	free(given);
	clade_free(NULL, text);
	clade_diag_finish(&diag);
	return result;
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	bool fail = argc > 1 && strcmp(argv[1], "--fail") == 0;
	while (getline(&line, &room, stdin) > 0) {
		json_error_t error;
		json_t *job = json_loads(line, JSON_ALLOW_NUL, &error);
		json_t *text = json_object_get(job, "template");
		json_t *result = answer(json_string_value(text), json_string_length(text),
					json_object_get(job, "variables"), fail);
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(result);
		json_decref(job);
	}
	free(line);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Renders chat templates for test_chat.py: a line of stdin is {"template", "variables"}; a line of stdout is
 * {"text"} or {"error", "where"}. */
#include <clade/chat.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *render(const char *template_text, size_t bytes, const json_t *variables)
{
	struct clade_chat_template *chat = NULL;
	struct clade_diag diag;
	char *text = NULL, *given = json_dumps(variables, 0);
	size_t length = 0;
	clade_diag_init(&diag);
	enum clade_status status = clade_chat_template_parse(NULL, "t", template_text, bytes, &chat, &diag);
	if (status == CLADE_OK)
		status = clade_chat_template_render(chat, given, strlen(given), &text, &length, &diag);
	json_t *result = status == CLADE_OK ? json_pack("{s:s%}", "text", text, length)
					    : json_pack("{s:s, s:s}", "error", diag.text, "where", diag.where);
	free(given);
	clade_free(NULL, text);
	clade_chat_template_destroy(&chat);
	clade_diag_finish(&diag);
	return result;
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	while (getline(&line, &room, stdin) > 0) {
		json_error_t error;
		json_t *job = json_loads(line, JSON_ALLOW_NUL, &error);
		json_t *text = json_object_get(job, "template");
		json_t *result =
			render(json_string_value(text), json_string_length(text), json_object_get(job, "variables"));
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(result);
		json_decref(job);
	}
	free(line);
	return 0;
}

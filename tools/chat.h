/* SPDX-License-Identifier: MIT */
/* Messages to a prompt, by the chat template that comes with a model. */
#ifndef CLADE_TOOL_CHAT_H
#define CLADE_TOOL_CHAT_H

#include "model.h"

#include <clade/chat.h>

struct chat {
	struct clade_chat_template *chat_template;
	json_t *variables; /* what is the same for all prompts: special tokens, the switches */
	json_t *messages;  /* of --messages, NULL: a prompt is one user message */
};
/* Finds the template (chat_template.jinja, else tokenizer_config.json, else GGUF) and reads --messages and --system. A
 * model without template is an error. */
enum clade_status chat_open(struct tool *tool, const struct model *model, const struct clade_tokenizer *tokenizer,
			    struct chat *out);
void chat_close(struct chat *chat);
/* The prompt for a user's text (NULL: for --messages), in fresh memory (clade_free). */
enum clade_status chat_render(struct tool *tool, const struct chat *chat, const char *text, size_t bytes, char **out,
			      size_t *out_bytes);

#endif

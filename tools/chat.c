/* SPDX-License-Identifier: MIT */
/* Messages to a prompt, by the chat template that comes with a model. */
#include "chat.h"
#include "input.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 64 << 20 };

static enum clade_status fail(struct tool *tool, const char *where, const char *rule)
{
	return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_CHAT, where, "%s", rule);
}

/* A file of the model's folder; *out is NULL with CLADE_OK if there is none. */
static enum clade_status load_text(struct tool *tool, const struct model *model, const char *name, char **out,
				   size_t *out_bytes, char path[PATH_MAX])
{
	struct stat st;
	*out = NULL;
	if (model->folder[0] == '\0' || (size_t)snprintf(path, PATH_MAX, "%s/%s", model->folder, name) >= PATH_MAX ||
	    stat(path, &st) != 0)
		return CLADE_OK;
	return clade_file_load(tool->context, path, FILE_LIMIT, out, out_bytes, &tool->diag);
}

static enum clade_status load_json(struct tool *tool, const struct model *model, const char *name, json_t **out)
{
	char path[PATH_MAX], *text;
	size_t bytes;
	json_error_t error;
	*out = NULL;
	enum clade_status status = load_text(tool, model, name, &text, &bytes, path);
	if (status != CLADE_OK || text == NULL)
		return status;
	*out = json_loadb(text, bytes, JSON_ALLOW_NUL, &error);
	if (*out == NULL)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_CHAT, path, "line %d: %s", error.line,
				    error.text);
	clade_free(tool->context, text);
	return status;
}

/* "chat_template" is a text, or a list of { "name", "template" } of which "default" counts. */
static const json_t *config_template(const json_t *config)
{
	const json_t *value = json_object_get(config, "chat_template"), *item;
	size_t i;
	if (!json_is_array(value))
		return json_is_string(value) ? value : NULL;
	json_array_foreach(value, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		if (name != NULL && strcmp(name, "default") == 0)
			return json_object_get(item, "template");
	}
	return NULL;
}

static enum clade_status parse_template(struct tool *tool, const struct model *model, const json_t *config,
					struct chat *chat)
{
	char path[PATH_MAX], *text = NULL;
	size_t bytes = 0;
	struct clade_meta meta;
	const json_t *given = config_template(config);
	enum clade_status status = load_text(tool, model, "chat_template.jinja", &text, &bytes, path);
	if (status != CLADE_OK)
		return status;
	if (text != NULL)
		status = clade_chat_template_parse(tool->context, path, text, bytes, &chat->chat_template, &tool->diag);
	else if (given != NULL)
		status = clade_chat_template_parse(tool->context, "chat_template", json_string_value(given),
						   json_string_length(given), &chat->chat_template, &tool->diag);
	else if (model->store != NULL && clade_store_meta(model->store, "tokenizer.chat_template", &meta) &&
		 meta.kind == CLADE_META_STRING)
		status = clade_chat_template_parse(tool->context, "tokenizer.chat_template", meta.s, strlen(meta.s),
						   &chat->chat_template, &tool->diag);
	else
		status = fail(tool, model->name,
			      "has no chat template: it would be chat_template.jinja, chat_template in "
			      "tokenizer_config.json, or tokenizer.chat_template in a GGUF file; without one, give the "
			      "whole prompt and leave --chat out");
	clade_free(tool->context, text);
	return status;
}

/* The texts of special tokens, as transformers hands them to templates: of the config, or of the model's ids. */
static bool set_tokens(const struct model *model, const struct clade_tokenizer *tokenizer, const json_t *config,
		       const json_t *map, json_t *variables)
{
	static const char *const names[] = { "bos_token", "eos_token", "unk_token", "sep_token",
					     "pad_token", "cls_token", "mask_token" };
	bool fine = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && fine; i++) {
		const json_t *value = json_object_get(config, names[i]);
		if (value == NULL)
			value = json_object_get(map, names[i]);
		if (json_is_object(value))
			value = json_object_get(value, "content");
		const char *text = json_string_value(value);
		char key[32];
		int64_t id;
		snprintf(key, sizeof(key), "%s_id", names[i]);
		if (config == NULL && text == NULL && tokenizer != NULL && model_meta_item(model, key, 0, &id) &&
		    id >= 0 && id < clade_tokenizer_size(tokenizer))
			text = clade_tokenizer_token(tokenizer, (int32_t)id);
		if (text != NULL)
			fine = json_object_set_new(variables, names[i], json_string(text)) == 0;
	}
	return fine;
}

/* --messages FILE: a list of messages, or an object that holds one among other variables (tools, ...). */
static enum clade_status read_messages(struct tool *tool, struct chat *chat)
{
	const char *path = tool->options.messages, *key;
	char *text = NULL;
	size_t bytes;
	json_error_t error;
	json_t *value;
	enum clade_status status = read_text(tool, path, &text, &bytes);
	if (status != CLADE_OK)
		return status;
	json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	free(text);
	if (root == NULL)
		return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_CHAT, path, "line %d: %s", error.line,
				  error.text);
	json_t *list = json_is_object(root) ? json_object_get(root, "messages") : root;
	size_t i;
	status = json_is_array(list) && json_array_size(list) > 0
			 ? CLADE_OK
			 : fail(tool, path, "must be a list of messages, or an object with the list \"messages\"");
	json_array_foreach(list, i, value)
	{
		if (status == CLADE_OK && !json_is_string(json_object_get(value, "role")))
			status = fail(tool, path, "each message must be an object with a \"role\" and its content");
	}
	if (status == CLADE_OK)
		chat->messages = json_copy(list);
	json_object_foreach(json_is_object(root) ? root : NULL, key, value)
	{
		if (status == CLADE_OK && json_object_set(chat->variables, key, value) != 0)
			status = clade_fail_memory(&tool->diag, 0, "messages");
	}
	json_decref(root);
	return status;
}

enum clade_status chat_open(struct tool *tool, const struct model *model, const struct clade_tokenizer *tokenizer,
			    struct chat *out)
{
	json_t *config = NULL, *map = NULL;
	*out = (struct chat) { 0 };
	enum clade_status status = load_json(tool, model, "tokenizer_config.json", &config);
	if (status == CLADE_OK)
		status = load_json(tool, model, "special_tokens_map.json", &map);
	if (status == CLADE_OK)
		status = parse_template(tool, model, config, out);
	if (status == CLADE_OK) {
		out->variables = json_pack("{s:b, s:n, s:n}", "add_generation_prompt", 1, "tools", "documents");
		if (tool->options.date != NULL)
			json_object_set_new(out->variables, "strftime_now", json_string(tool->options.date));
		if (out->variables == NULL || !set_tokens(model, tokenizer, config, map, out->variables))
			status = clade_fail_memory(&tool->diag, 0, "a chat's variables");
	}
	if (status == CLADE_OK && tool->options.messages != NULL)
		status = read_messages(tool, out);
	json_decref(config);
	json_decref(map);
	return status;
}

void chat_close(struct chat *chat)
{
	clade_chat_template_destroy(&chat->chat_template);
	json_decref(chat->variables);
	json_decref(chat->messages);
	*chat = (struct chat) { 0 };
}

enum clade_status chat_render(struct tool *tool, const struct chat *chat, const char *text, size_t bytes, char **out,
			      size_t *out_bytes)
{
	json_t *variables = json_copy(chat->variables);
	json_t *messages = text == NULL ? json_copy(chat->messages) : json_array(), *user = NULL, *system = NULL;
	const char *rule = tool->options.system;
	enum clade_status status = CLADE_OK;
	if (text != NULL && (user = json_stringn(text, bytes)) == NULL)
		status =
			clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UTF8, "prompt", "the text is not UTF-8");
	if (status == CLADE_OK && rule != NULL && (system = json_string(rule)) == NULL)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UTF8, "--system",
				    "the text is not UTF-8");
	if (system != NULL)
		json_array_insert_new(messages, 0, json_pack("{s:s, s:o}", "role", "system", "content", system));
	if (user != NULL)
		json_array_append_new(messages, json_pack("{s:s, s:o}", "role", "user", "content", user));
	json_object_set_new(variables, "messages", messages);
	char *given = status == CLADE_OK ? json_dumps(variables, JSON_COMPACT) : NULL;
	if (status == CLADE_OK && given == NULL)
		status = clade_fail_memory(&tool->diag, bytes, "a prompt");
	if (status == CLADE_OK)
		status = clade_chat_template_render(chat->chat_template, given, strlen(given), out, out_bytes,
						    &tool->diag);
	free(given);
	json_decref(variables);
	return status;
}

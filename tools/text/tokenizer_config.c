/* SPDX-License-Identifier: MIT */
/* tokenizer_config.json: switches and special tokens. */
#include "tokenizer_config.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum clade_status config_class(const struct part_source *source, const json_t *config, const char *const *known,
			       const char **out_class)
{
	const json_t *value = json_object_get(config, "tokenizer_class");
	char supported[256] = "";
	*out_class = json_is_string(value) ? json_string_value(value) : "";
	if (value == NULL || json_is_null(value))
		return CLADE_OK;
	for (; *known != NULL; known++) {
		size_t bytes = strlen(*known);
		/* with or without the suffix of those that Rust does */
		if (strncmp(*out_class, *known, bytes) == 0 &&
		    ((*out_class)[bytes] == '\0' || strcmp(*out_class + bytes, "Fast") == 0))
			return CLADE_OK;
		snprintf(supported + strlen(supported), sizeof(supported) - strlen(supported), "%s%s",
			 supported[0] != '\0' ? ", " : "", *known);
	}
	return text_refuse(source, "tokenizer_class", *out_class, supported);
}

enum clade_status config_switch(const struct part_source *source, const json_t *config, const char *key, bool fallback,
				bool *out)
{
	const json_t *value = json_object_get(config, key);
	*out = value == NULL || json_is_null(value) ? fallback : json_is_true(value);
	return value == NULL || json_is_null(value) || json_is_boolean(value)
		       ? CLADE_OK
		       : text_damaged(source, "tokenizer_config.json: %s must be true or false", key);
}

enum clade_status config_token(const struct part_source *source, const json_t *config, const char *key,
			       const char *fallback, const char **out)
{
	const json_t *value = json_object_get(config, key);
	const json_t *text = json_is_object(value) ? json_object_get(value, "content") : value;
	*out = value == NULL ? fallback : json_string_value(text);
	return value == NULL || json_is_null(value) || json_is_string(text)
		       ? CLADE_OK
		       : text_damaged(source, "tokenizer_config.json: %s must be a text", key);
}

bool config_add(json_t *added, const char *content, int64_t id, bool special)
{
	size_t i;
	json_t *item;
	json_array_foreach(added, i, item)
	{
		if (json_integer_value(json_object_get(item, "id")) == id)
			return true;
	}
	item = json_pack("{s:I, s:s, s:b}", "id", (json_int_t)id, "content", content, "special", special);
	return item != NULL && json_array_append_new(added, item) == 0;
}

enum clade_status config_add_all(const struct part_source *source, const json_t *config, json_t *added)
{
	json_t *tokens = json_object_get(config, "added_tokens_decoder"), *token;
	const char *key;
	if (tokens != NULL && !json_is_object(tokens))
		return text_damaged(source, "tokenizer_config.json: added_tokens_decoder must be an object");
	json_object_foreach(tokens, key, token)
	{
		char *end;
		long long id = strtoll(key, &end, 10);
		if (key[0] < '0' || key[0] > '9' || *end != '\0' || !json_is_object(token))
			return text_damaged(source,
					    "tokenizer_config.json: added_tokens_decoder: \"%.32s\" is not an id", key);
		json_t *item = json_copy(token);
		if (item == NULL || json_object_set_new(item, "id", json_integer(id)) != 0 ||
		    json_array_append_new(added, item) != 0)
			return clade_fail_memory(source->diag, 64, "added tokens");
	}
	return CLADE_OK;
}

/* SPDX-License-Identifier: MIT */
/* tokenizer_config.json: what stands beside vocabularies that do not say how they are used. Internal to tools/text. */
#ifndef CLADE_TEXT_TOKENIZER_CONFIG_H
#define CLADE_TEXT_TOKENIZER_CONFIG_H

#include "internal.h"

/* All of these take a NULL config: then nothing is said. */

/* That tokenizer_class is one of `known`, which NULL ends, or not said. `out_class`: "" if it is not said. */
enum clade_status config_class(const struct part_source *source, const json_t *config, const char *const *known,
			       const char **out_class);
/* A switch; `fallback` if it is not said or null. */
enum clade_status config_switch(const struct part_source *source, const json_t *config, const char *key, bool fallback,
				bool *out);
/* A special token's text, `fallback` if it is not said, NULL if it is null. */
enum clade_status config_token(const struct part_source *source, const json_t *config, const char *key,
			       const char *fallback, const char **out);
/* Appends an entry of "added_tokens" as tokenizer.json has it, unless there is one with that id. False: no memory. */
bool config_add(json_t *added, const char *content, int64_t id, bool special);
/* Appends those of added_tokens_decoder. */
enum clade_status config_add_all(const struct part_source *source, const json_t *config, json_t *added);

#endif

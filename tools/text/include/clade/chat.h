/* SPDX-License-Identifier: MIT */
/* Chat templates: the part of Jinja that models' templates use. Needs no device. */
#ifndef CLADE_CHAT_H
#define CLADE_CHAT_H

#include <clade/clade.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A template as transformers compiles it: trim_blocks and lstrip_blocks, loop controls, no autoescaping, immutable
 * lists and dicts, `raise_exception`, the marker `generation`. Refused by name: other extensions, includes, `call`,
 * and `strftime_now`, unless the variables give it a day: the same variables give the same text on every day. Immutable
 * once parsed; may be used from several threads at once. */
struct clade_chat_template;

/* Parses a template (UTF-8); `name` is for messages, which give line and column. */
CLADE_API enum clade_status clade_chat_template_parse(struct clade_context *context, const char *name, const char *text,
						      size_t bytes, struct clade_chat_template **out_template,
						      struct clade_diag *diag);
CLADE_API void clade_chat_template_destroy(struct clade_chat_template **chat_template);

/* Renders with the members of a JSON object as variables (`messages`, `add_generation_prompt`, `bos_token`, ...);
 * `strftime_now` is "2026-01-31" or "2026-01-31 23:59:59", of which the function of that name then tells. The
 * text is fresh memory (clade_free), with a NUL behind it. What the template raises is an error that quotes it. */
CLADE_API enum clade_status clade_chat_template_render(const struct clade_chat_template *chat_template,
						       const char *variables, size_t variables_bytes, char **out_text,
						       size_t *out_bytes, struct clade_diag *diag);

#ifdef __cplusplus
}
#endif
#endif

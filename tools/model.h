/* SPDX-License-Identifier: MIT */
/* A MODEL argument of the command line and what it stands for. */
#ifndef CLADE_TOOL_MODEL_H
#define CLADE_TOOL_MODEL_H

#include "tool.h"

#include <clade/session.h>
#include <clade/text.h>

/* Paths are empty if there is none. Owned; model_close frees all. */
struct model {
	char name[256];    /* as given */
	char folder[4096]; /* where config, tokenizer and weights are */
	char graph_path[4200];
	char family[64];                /* whose built-in graph is used; "": the one of graph_path */
	struct clade_store *store;      /* NULL: no weights and no metadata */
	struct clade_store *generation; /* generation_config.json, NULL: none */
	struct clade_graph *graph;
};

/* Resolves tool->arguments[0] and opens its files, but no graph yet. */
enum clade_status model_open_files(struct tool *tool, struct model *model);
/* The same for what needs only the tokenizer: a folder's weights are not looked at. */
enum clade_status model_open_text(struct tool *tool, struct model *model);
/* All files, then parses and checks the graph. */
enum clade_status model_open(struct tool *tool, struct model *model);
/* Checks the graph anew with one more "PARAM=VALUE", which --set goes before. */
enum clade_status model_reopen(struct tool *tool, struct model *model, const char *setting);
void model_close(struct model *model);
/* The tokenizer of the model's folder or GGUF file (tokenizer.c). *out is NULL with CLADE_OK if there is none. */
enum clade_status model_tokenizer(struct tool *tool, const struct model *model, struct clade_tokenizer **out);
/* The same, but a model without tokenizer is an error. */
enum clade_status model_need_tokenizer(struct tool *tool, const struct model *model, struct clade_tokenizer **out);
/* Ids of a text in malloc's memory, which may grow by one id. */
enum clade_status encode_text(struct tool *tool, const struct clade_tokenizer *tokenizer, const char *text,
			      size_t bytes, bool special, int32_t **out_ids, size_t *out_count);
/* The id of "eos_token", "bos_token", ... by tokenizer_config.json or special_tokens_map.json; -1: they name none. */
enum clade_status model_special(struct tool *tool, const struct model *model, const struct clade_tokenizer *tokenizer,
				const char *name, int32_t *out);
/* A value by name: the graph's `meta`, then generation_config.json, then config.json. */
bool model_meta(const struct model *model, const char *key, struct clade_meta *out);
/* The same for a list ("eos_token_id" may be a number or an array): element `index`. */
bool model_meta_item(const struct model *model, const char *key, size_t index, int64_t *out);

/* Tokens that the model was made for; 0: it does not say. */
int64_t model_context(const struct model *model);

/* Opens the device and a session with the choices of the command line. `capacity`: rows reserved in caches. */
enum clade_status model_session(struct tool *tool, const struct model *model, int64_t capacity, bool keep_values,
				bool open_all, struct clade_device **out_device, struct clade_session **out_session);
/* Writes --lock. */
enum clade_status model_lock(struct tool *tool, const struct clade_session *session);

/* The entries to run, in order: --entry (default: the last), preceded by those it comes `after`. */
struct entry_chain {
	const char *names[16];
	size_t count;
};
enum clade_status model_entries(struct tool *tool, const struct model *model, struct entry_chain *out);
#endif

/* SPDX-License-Identifier: MIT */
/* Built-in graphs of model families: which there are, and which one weight files ask for by their metadata. */
#include "include.h"
#include "lex.h"

#include <clade/messages.h>

#include <stdio.h>
#include <string.h>

#define FOLDER "models/"
#define SUFFIX ".graph"

/* "models/llama.graph" -> "llama", 5 bytes long; NULL for a graph that is no family's. */
static const char *family_of(const struct clade_embedded_graph *graph, size_t *out_length)
{
	size_t length = strlen(graph->name), around = strlen(FOLDER) + strlen(SUFFIX);

	*out_length = 0;
	if (strncmp(graph->name, FOLDER, strlen(FOLDER)) != 0 || length <= around)
		return NULL;
	*out_length = length - around;
	if (*out_length > 63)
		return NULL;
	return graph->name + strlen(FOLDER);
}

static const struct clade_embedded_graph *family_at(size_t index)
{
	size_t length;

	for (size_t i = 0; clade_embedded_graphs[i].name; i++)
		if (family_of(&clade_embedded_graphs[i], &length) && index-- == 0)
			return &clade_embedded_graphs[i];
	return NULL;
}

bool clade_family_at(size_t index, char out_name[64])
{
	const struct clade_embedded_graph *graph = family_at(index);
	const char *name;
	size_t length;

	if (!graph)
		return false;
	name = family_of(graph, &length);
	snprintf(out_name, 64, "%.*s", (int)length, name);
	return true;
}

const struct clade_embedded_graph *clade_family_graph(const char *family)
{
	char name[64];

	for (size_t i = 0; clade_family_at(i, name); i++)
		if (strcmp(name, family) == 0)
			return family_at(i);
	return NULL;
}

/* The text of `meta "also" = "..."`, NULL if the file has none. Lexing is enough: nothing is expanded. */
static enum clade_status read_also(struct clade_region *region, const struct clade_embedded_graph *graph,
				   const char **out, struct clade_diag *diag)
{
	struct clade_lexer lexer;
	struct clade_token token;
	int seen = 0; /* of: meta "also" = "..." */
	enum clade_status status =
		clade_lexer_init(&lexer, region, graph->name, graph->text, strlen(graph->text), diag);

	*out = NULL;
	while (!status && !*out) {
		status = clade_lexer_next(&lexer, &token);
		if (status || token.kind == CLADE_TOKEN_END)
			break;
		if (token.kind == CLADE_TOKEN_NAME && strcmp(token.text, "meta") == 0)
			seen = 1;
		else if (seen == 1 && token.kind == CLADE_TOKEN_STRING && strcmp(token.text, "also") == 0)
			seen = 2;
		else if (seen == 2 && token.kind == CLADE_TOKEN_SYMBOL && strcmp(token.text, "=") == 0)
			seen = 3;
		else if (seen == 3 && token.kind == CLADE_TOKEN_STRING)
			*out = token.text;
		else
			seen = 0;
	}
	return status;
}

static bool key_counts(const struct clade_store *store, const char *key)
{
	struct clade_meta meta;

	return clade_store_meta(store, key, &meta) &&
	       (meta.kind == CLADE_META_STRING || (meta.kind == CLADE_META_FLOAT ? meta.f != 0 : meta.i != 0));
}

/* Whether the list "NAME, NAME with KEY" holds `wanted`: 0 no, 1 yes, 2 yes and the KEY it asks for counts. */
static int also_holds(const char *list, const char *wanted, const struct clade_store *store)
{
	int best = 0;

	while (list && *list) {
		char name[64] = "", word[8] = "", key[128] = "";
		size_t length = strcspn(list, ",");
		char item[256];

		snprintf(item, sizeof(item), "%.*s", (int)length, list);
		int parts = sscanf(item, " %63s %7s %127s", name, word, key);
		if (strcmp(name, wanted) == 0 && parts == 1 && best < 1)
			best = 1;
		if (strcmp(name, wanted) == 0 && parts == 3 && strcmp(word, "with") == 0 && key_counts(store, key))
			best = 2;
		list += length + (list[length] == ',');
	}
	return best;
}

static enum clade_status fail_unknown(const char *where, const char *wanted, struct clade_diag *diag)
{
	char names[64][64], list[1024] = "";
	const char *words[64];
	size_t count = 0;

	for (; count < 64 && clade_family_at(count, names[count]); count++) {
		words[count] = names[count];
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%.63s", count ? ", " : "", words[count]);
	}
	const char *nearest = clade_nearest(wanted, words, count);
	return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_GRAPH_FAMILY, where,
			  "no built-in graph is of the family \"%.60s\"%s%s; known: %s", wanted,
			  nearest ? "; did you mean " : "", nearest ? nearest : "", list);
}

enum clade_status clade_family_find(struct clade_context *context, const struct clade_store *store, const char *where,
				    char out_family[64], struct clade_diag *diag)
{
	struct clade_region region = { .context = context };
	struct clade_meta wanted;
	const char *also;
	int best = 0;
	enum clade_status status = CLADE_OK;

	out_family[0] = '\0';
	if ((!clade_store_meta(store, "model_type", &wanted) || wanted.kind != CLADE_META_STRING) &&
	    (!clade_store_meta(store, "general.architecture", &wanted) || wanted.kind != CLADE_META_STRING))
		return clade_fail(
			diag, CLADE_ERR_DATA, CLADE_MSG_GRAPH_FAMILY, where,
			"names no family: model_type (config.json) or general.architecture (GGUF) is missing");
	for (size_t i = 0; !status && family_at(i); i++) {
		char name[64];
		int fits;

		clade_family_at(i, name);
		status = read_also(&region, family_at(i), &also, diag);
		fits = also_holds(also, wanted.s, store);
		if (fits < 2 && strcmp(name, wanted.s) == 0)
			fits = 1;
		if (fits > best) {
			best = fits;
			memcpy(out_family, name, sizeof(name));
		}
	}
	clade_region_finish(&region);
	if (!status && !best)
		status = fail_unknown(where, wanted.s, diag);
	return status;
}

/* SPDX-License-Identifier: MIT */
/* Tables of what can be applied or called by name. Internal to tools/text/chat. */
#ifndef CLADE_TEXT_CHAT_BUILTIN_H
#define CLADE_TEXT_CHAT_BUILTIN_H

#include "chat.h"

enum { MAX_PARAMETERS = 4 };

/* `given[i]` is the argument for parameters[i], NULL if there is none. */
typedef enum clade_status builtin_fn(struct render *render, const struct value *value, const struct value *const *given,
				     struct value *out);
typedef enum clade_status builtin_any_fn(struct render *render, const char *name, const struct value *value,
					 const struct arguments *arguments, struct value *out);
struct builtin {
	const char *name;
	builtin_fn *apply;
	const char *parameters[MAX_PARAMETERS];
	builtin_any_fn *apply_any; /* instead of `apply`: takes any arguments */
};
/* Tables end with a row without name. */
const struct builtin *builtin_find(const struct builtin *table, const char *name);
bool builtin_find_near(const struct builtin *table, const char *name, const char **out_nearest);
enum clade_status builtin_call(struct render *render, const struct builtin *builtin, const struct value *value,
			       const struct arguments *arguments, struct value *out);

/* Strings, for filters and methods alike. */
enum clade_status string_trim(struct render *render, const struct value *value, const struct value *characters,
			      bool left, bool right, struct value *out);
enum clade_status string_replace(struct render *render, const struct value *value, const struct value *from,
				 const struct value *to, const struct value *count, struct value *out);
enum { CASE_UPPER, CASE_LOWER, CASE_CAPITAL, CASE_TITLE, CASE_WORDS };
/* CASE_TITLE as str.title, CASE_WORDS as the filter `title`. */
enum clade_status string_case(struct render *render, const struct value *value, int which, struct value *out);
enum clade_status string_join(struct render *render, const struct value *separator, const struct list *items,
			      bool strings_only, struct value *out);
/* The pairs of a dict as a list of tuples. */
enum clade_status dict_pairs(struct render *render, const struct value *dict, struct value *out);

extern const struct builtin filters[], string_methods[], dict_methods[], list_methods[];

#endif

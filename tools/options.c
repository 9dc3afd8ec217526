/* SPDX-License-Identifier: MIT */
/* Command lines by tables: parsing, errors with the nearest word, and the help texts come from the same rows. */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct options, field)

const struct option options_json[] = {
	{ "json", NULL, "one JSON document on stdout, nothing else there", take_flag, AT(json) },
	{ NULL },
};

const struct option options_common[] = {
	{ "quiet", NULL, "no notices, no progress", take_flag, AT(quiet) },
	{ "verbose", NULL, "say more on stderr", take_flag, AT(verbose) },
	{ "help", NULL, "this text", take_flag, AT(help), 'h' },
	{ NULL },
};

const struct option options_device[] = {
	{ "device", "SEL", "ref, cl, cl:P.D, or part of a name; default: $CLADE_DEVICE, else the best OpenCL device",
	  take_text, AT(device) },
	{ "plugin", "FILE", "load ops and implementations from a shared object (repeatable)", take_words, AT(plugins) },
	{ "kernel-dir", "DIR", "kernel sources found here replace the built-in ones", take_text, AT(kernel_dir) },
	{ "no-affinity", NULL, "do not ask PoCL to pin its threads (POCL_AFFINITY)", take_flag, AT(no_affinity) },
	{ NULL },
};

const struct option options_model[] = {
	{ "weights", "FILE|DIR", "weights and metadata for a graph file (repeatable)", take_words, AT(weights) },
	{ "graph", "FILE", "use this graph for the model's weights", take_text, AT(graph) },
	{ "set", "PARAM=VALUE", "override a param of the graph (repeatable)", take_words, AT(settings) },
	{ NULL },
};

const struct option options_choices[] = {
	{ "impl", "PATTERN=NAME", "use implementation NAME at nodes or ops that match (repeatable)", take_words,
	  AT(rules) },
	{ "strict", NULL, "a node that falls back to another device is an error", take_flag, AT(strict) },
	{ "fast", NULL, "allow implementations with their own order or reduced precision", take_flag, AT(fast) },
	{ "locked", "FILE", "choose as this lock file says", take_text, AT(locked) },
	{ "no-tuned", NULL, "do not use the winners that `clade tune` has measured", take_flag, AT(no_tuned) },
	{ "context", "N", "tokens of context: rows reserved in caches from the start", take_integer, AT(context), 0, 1,
	  1 << 30 },
	{ "threads", "N", "threads of the host that read weights; default: its processors", take_integer, AT(threads),
	  0, 1, 1024 },
	{ "kv-type", "TYPE", "how keys and values of former tokens are kept: f32 (default) or f16, half the memory",
	  take_kv_type, AT(kv_type) },
	{ NULL },
};

const struct option options_entry[] = {
	{ "entry", "NAME", "the entry, after those it needs (default: the last)", take_text, AT(entry) },
	{ NULL },
};

const struct option options_lock[] = {
	{ "lock", "FILE", "write the choices made as a lock file", take_text, AT(lock) },
	{ NULL },
};

const struct option options_op[] = {
	{ "op", "PATTERN", "instead of a model: ops that match (`*`, `?`), by the implementations that accept",
	  take_text, AT(op) },
	{ "shape", "SIZES", "of --op, as M=512,N=768,K=768 (repeatable; default: sizes worth timing, and odd ones)",
	  take_words, AT(shapes) },
	{ "type", "TYPE", "of --op: how its weights (or kept states: f32, f16) are stored: f32, f16, bf16, q8_0, q4_0",
	  take_text, AT(type) },
	{ "attr", "TEXT", "attributes of --op, as \"causal = true\"", take_text, AT(attrs) },
	{ NULL },
};

/* ---- taking values ---- */

enum clade_status take_kv_type(struct options *options, const struct option *option, const char *value,
			       size_t word_limit, struct clade_diag *diag)
{
	enum clade_dtype dtype;
	(void)option, (void)word_limit;
	if (!clade_dtype_from_name(value, &dtype) || (dtype != CLADE_F32 && dtype != CLADE_F16))
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_VALUE, "--kv-type",
				  "\"%s\" is no type that keys and values are kept in; f32 or f16", value);
	options->kv_type = dtype;
	return CLADE_OK;
}

enum clade_status take_flag(struct options *options, const struct option *option, const char *value, size_t word_limit,
			    struct clade_diag *diag)
{
	(void)value, (void)word_limit, (void)diag;
	*(bool *)((char *)options + option->offset) = true;
	return CLADE_OK;
}

enum clade_status take_text(struct options *options, const struct option *option, const char *value, size_t word_limit,
			    struct clade_diag *diag)
{
	(void)word_limit, (void)diag;
	*(const char **)((char *)options + option->offset) = value;
	return CLADE_OK;
}

enum clade_status take_words(struct options *options, const struct option *option, const char *value, size_t word_limit,
			     struct clade_diag *diag)
{
	struct words *words = (struct words *)((char *)options + option->offset);
	if (words->items == NULL) {
		words->items = calloc(word_limit + 1, sizeof(*words->items));
		if (words->items == NULL)
			return clade_fail_memory(diag, word_limit * sizeof(*words->items), "the command line");
	}
	words->items[words->count++] = value;
	return CLADE_OK;
}

static enum clade_status fail_number(const struct option *option, const char *value, const char *kind,
				     struct clade_diag *diag)
{
	char where[64], range[96] = "";
	snprintf(where, sizeof(where), "--%s", option->name);
	if (option->min != 0 || option->max != 0)
		snprintf(range, sizeof(range), " from %.10g to %.10g", option->min, option->max);
	return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_VALUE, where, "\"%s\" is not %s%s", value, kind, range);
}

enum clade_status take_integer(struct options *options, const struct option *option, const char *value,
			       size_t word_limit, struct clade_diag *diag)
{
	char *end;
	(void)word_limit;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	bool bounded = option->min != 0 || option->max != 0;
	if (errno != 0 || end == value || *end != '\0' ||
	    (bounded && ((double)number < option->min || (double)number > option->max)))
		return fail_number(option, value, "an integer", diag);
	*(int64_t *)((char *)options + option->offset) = number;
	return CLADE_OK;
}

enum clade_status take_number(struct options *options, const struct option *option, const char *value,
			      size_t word_limit, struct clade_diag *diag)
{
	char *end;
	(void)word_limit;
	double number = strtod(value, &end);
	bool bounded = option->min != 0 || option->max != 0;
	if (end == value || *end != '\0' || number != number ||
	    (bounded && (number < option->min || number > option->max)))
		return fail_number(option, value, "a number", diag);
	*(double *)((char *)options + option->offset) = number;
	return CLADE_OK;
}

/* ---- parsing ---- */

static const struct option *find_option(const struct command *command, const char *name, size_t length, char letter)
{
	for (const struct option *const *group = command->groups; *group != NULL; group++)
		for (const struct option *option = *group; option->name != NULL; option++) {
			if (letter != 0 ? option->letter == letter
					: strlen(option->name) == length && strncmp(option->name, name, length) == 0)
				return option;
		}
	return NULL;
}

static enum clade_status fail_unknown(const struct command *command, const char *word, struct clade_diag *diag)
{
	const char *names[128], *nearest;
	size_t count = 0;
	char plain[64];
	const char *start = word + strspn(word, "-");
	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(start, "="), start);
	for (const struct option *const *group = command->groups; *group != NULL; group++)
		for (const struct option *option = *group; option->name != NULL && count < 128; option++)
			names[count++] = option->name;
	nearest = clade_nearest(plain, names, count);
	if (nearest != NULL)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_OPTION, word,
				  "clade %s has no such option; did you mean --%s?", command->name, nearest);
	return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_OPTION, word,
			  "clade %s has no such option; `clade help %s` lists them", command->name, command->name);
}

/* One option at argv[*index]; moves *index over a separate value. */
static enum clade_status parse_option(const struct command *command, int argc, char **argv, int *index,
				      struct options *options, struct clade_diag *diag)
{
	const char *word = argv[*index], *value = NULL;
	const struct option *option;
	if (word[1] == '-') {
		size_t length = strcspn(word + 2, "=");
		option = find_option(command, word + 2, length, 0);
		if (word[2 + length] == '=')
			value = word + 2 + length + 1;
	} else {
		option = find_option(command, NULL, 0, word[1]);
		if (word[2] != '\0')
			value = word + 2 + (word[2] == '=');
	}
	if (option == NULL)
		return fail_unknown(command, word, diag);
	if (option->argument == NULL && value != NULL)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_OPTION, word, "--%s takes no value",
				  option->name);
	if (option->argument != NULL && value == NULL) {
		if (*index + 1 >= argc)
			return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_OPTION, word,
					  "a value is missing; it is written --%s %s", option->name, option->argument);
		value = argv[++*index];
	}
	return option->take(options, option, value, (size_t)argc, diag);
}

enum clade_status options_parse(const struct command *command, int argc, char **argv, struct options *options,
				const char **out_arguments, size_t *out_count, struct clade_diag *diag)
{
	bool only_arguments = false;
	*out_count = 0;
	for (int i = 2; i < argc; i++) {
		const char *word = argv[i];
		if (!only_arguments && strcmp(word, "--") == 0) {
			only_arguments = true;
		} else if (only_arguments || word[0] != '-' || word[1] == '\0') {
			out_arguments[(*out_count)++] = word;
		} else {
			enum clade_status status = parse_option(command, argc, argv, &i, options, diag);
			if (status != CLADE_OK)
				return status;
		}
	}
	if (options->help)
		return CLADE_OK;
	if (*out_count < command->min_arguments)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_OPTION, command->name,
				  "an argument is missing; usage: clade %s %s", command->name, command->arguments);
	if (*out_count > command->max_arguments)
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_OPTION, out_arguments[command->max_arguments],
				  "one argument too many; usage: clade %s%s%s", command->name,
				  command->arguments[0] != '\0' ? " " : "", command->arguments);
	return CLADE_OK;
}

void options_finish(struct options *options)
{
	struct words *const lists[] = { &options->plugins, &options->rules,  &options->weights, &options->settings,
					&options->dims,    &options->inputs, &options->outputs, &options->expected,
					&options->watch,   &options->texts,  &options->stops,   &options->shapes };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		free(lists[i]->items);
}

/* ---- help ---- */

void print_command_help(const struct command *command)
{
	printf("usage: clade %s %s%s[OPTIONS]\n\n%s\n", command->name, command->arguments,
	       command->arguments[0] != '\0' ? " " : "", command->summary);
	if (command->details != NULL)
		printf("\n%s\n", command->details);
	printf("\noptions:\n");
	for (const struct option *const *group = command->groups; *group != NULL; group++)
		for (const struct option *option = *group; option->name != NULL; option++) {
			char left[64], letter[8] = "";
			if (option->letter != 0)
				snprintf(letter, sizeof(letter), "-%c, ", option->letter);
			snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name,
				 option->argument != NULL ? " " : "", option->argument != NULL ? option->argument : "");
			printf("  %-24s %s\n", left, option->help);
		}
}

void print_help(void)
{
	printf("usage: clade COMMAND [OPTIONS] [ARGUMENTS]\n\n"
	       "Runs Transformer models from a graph file on any OpenCL device, with the same bits everywhere.\n\n"
	       "commands:\n");
	for (const struct command *const *command = commands; *command != NULL; command++)
		printf("  %-12s %s\n", (*command)->name, (*command)->summary);
	printf("  %-12s %s\n\n", "help", "this text, or the help of one command");
	printf("`clade help COMMAND` shows the options. `clade --version` prints the version.\n"
	       "MODEL is a directory as Hugging Face lays it out, a .gguf file, a directory that holds model.graph, a "
	       ".graph file\n(with --weights), or a name that ships with clade.\n"
	       "Exit codes: 0 ok, 1 a check failed, 2 usage, 3 bad data, 4 device, 5 out of memory, 130 "
	       "interrupted.\n");
}

/* SPDX-License-Identifier: MIT */
/* What the program's files share: a command line, a context, and how things are said. */
#ifndef CLADE_TOOL_H
#define CLADE_TOOL_H

#include <clade/clade.h>
#include <clade/tensor.h>
#include <clade/messages.h>

#include <jansson.h>
#include <signal.h>
#include <stdio.h>

/* ---- options (options.c) ---- */

/* Words in the order given; NULL-terminated. */
struct words {
	const char **items;
	size_t count;
};

/* Everything that a command line may say. Tables of struct option point into it. */
struct options {
	bool help, json, quiet, verbose, no_affinity;
	const char *device, *kernel_dir;
	struct words plugins, rules;
	bool strict, fast;
	const char *lock, *locked, *entry, *graph;
	int64_t context, threads;
	enum clade_dtype kv_type; /* F32 or F16 */
	struct words weights, settings, dims;
	struct words inputs, outputs, expected;
	double rtol, atol;
	bool flatten, dot, svg, explain, memory;
	const char *prompt, *prompt_file, *lines, *ids;
	int64_t count, seed, batch; /* seed -1: none given */
	double temperature, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty;
	int64_t top_k;
	struct words stops;
	bool ignore_eos, print_ids, stats;
	int64_t beams;
	double length_penalty; /* NaN: not given */
	const char *early_stopping;
	const char *text, *decode;
	bool no_special, open;
	const char *output, *kind, *layout;
	int64_t layer, head, length, width, start;
	double base;
	int64_t tokens, generated, depth, repeats;
	bool profiling, all_devices, no_check, given_tokens, given_generated;
	const char *trace;
	const char *op, *attrs, *type; /* bench --op, tune --op */
	double budget;
	bool no_tuned;
	struct words shapes;
	struct words watch; /* values inside the graph that become outputs */
	int64_t stride;
	struct words texts;
	const char *pool, *out;
	const char *system, *messages, *date;
	bool chat;
	bool normalize;
	bool later;
};

struct option;
/* Takes `value` (NULL for options without one) into the field at option->offset. */
typedef enum clade_status option_fn(struct options *options, const struct option *option, const char *value,
				    size_t word_limit, struct clade_diag *diag);
struct option {
	const char *name, *argument, *help; /* argument NULL: a flag */
	option_fn *take;
	size_t offset;
	char letter;     /* 0: none */
	double min, max; /* of numbers; both 0: unbounded */
};
option_fn take_flag, take_text, take_words, take_integer, take_number, take_kv_type;

struct tool;
struct command {
	const char *name, *arguments, *summary;
	const char *details;                /* more help, may be NULL */
	const struct option *const *groups; /* NULL-terminated list of tables, each ended by a row without name */
	size_t min_arguments, max_arguments;
	enum clade_status (*run)(struct tool *tool);
	bool measures; /* what is left to compile is compiled before the end, so that the next measurement is alone */
	bool streams;  /* looks at `interrupted` itself; else SIGINT ends the program at once */
};
extern const struct command *const commands[]; /* NULL-terminated, in the order of --help (commands.c) */
extern const struct option options_common[], options_json[], options_device[], options_model[], options_choices[],
	options_entry[], options_lock[], options_op[];

/* Splits argv[2..] into options and arguments. `out_arguments` (argc entries) receives the arguments. */
enum clade_status options_parse(const struct command *command, int argc, char **argv, struct options *options,
				const char **out_arguments, size_t *out_count, struct clade_diag *diag);
void options_finish(struct options *options);
void print_command_help(const struct command *command);
void print_help(void);

/* ---- the program's state ---- */
struct tool {
	const struct command *command;
	struct options options;
	const char **arguments;
	size_t argument_count;
	char cache_folder[4200]; /* "": none */
	struct clade_context *context;
	struct clade_diag diag;
	bool compile_wait; /* for binaries too */
};
extern volatile sig_atomic_t interrupted;

/* ---- compiling in processes of our own (compile.c) ---- */
#define CLADE_COMPILE_COMMAND "compile-ordered"
extern const struct command command_compile; /* internal: in no list */
/* A clade_compile_fn; `user` is the struct tool. */
bool compile_elsewhere(void *user, const char *device, unsigned orders, bool later);

/* Finds and makes what $XDG_CACHE_HOME/clade or ~/.cache/clade lie in, and fills tool->cache_folder; false if neither
 * is an absolute path. Sets POCL_CACHE_DIR if PoCL could not write to its usual place. Before the first OpenCL call
 * (cache_folder.c). */
bool find_cache_folder(struct tool *tool);

/* ---- saying things (output.c) ---- */
int exit_code(enum clade_status status);
/* "clade: error: WHERE: TEXT [CLADE-000]" and the log's lines, on stderr. */
void print_error(const struct clade_diag *diag);
void print_note(const struct tool *tool, const char *format, ...) CLADE_PRINTF(2, 3);
/* Flushes stdout; an error (full, closed) is recorded. */
enum clade_status flush_stdout(struct clade_diag *diag);
/* One JSON document on stdout; takes `root` (NULL: out of memory). */
enum clade_status print_json(json_t *root, struct clade_diag *diag);
/* A string; one that is not UTF-8 (a path, a name in a file) gets U+FFFD for its bytes beyond ASCII. */
json_t *json_text(const char *text);
/* A number, or "nan", "inf", "-inf". */
json_t *json_number(double value);
/* The shortest text that reads back as the same float; JSON's way of writing it. */
const char *float_text(float value, char out[32]);
/* Usage error about one option or argument. */
enum clade_status fail_usage(struct tool *tool, unsigned id, const char *where, const char *format, ...)
	CLADE_PRINTF(4, 5);
/* Bytes that this process may still take (memory.c); 0: not known. */
uint64_t available_memory(void);
/* Processors that are online, at least 1. */
unsigned host_processors(void);
/* Of a clock that only goes forward. */
double seconds_now(void);
/* "1.5 MiB" */
const char *bytes_text(uint64_t bytes, char out[32]);
/* "12.5 us", "3.1 ms", "2 s" */
const char *seconds_text(double seconds, char out[32]);

#endif

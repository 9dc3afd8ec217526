/* SPDX-License-Identifier: MIT */
/* The program `clade`: finds the command, reads its options, makes a context and turns a status into an exit code. */
#include "tool.h"

#include <clade/builtin.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

volatile sig_atomic_t interrupted;
static volatile sig_atomic_t command_streams;

/* Each write of ours is flushed or atomic, so leaving at once loses nothing; a command that streams is asked first. */
static void on_interrupt(int signal)
{
	if (!command_streams || interrupted)
		_exit(128 + signal);
	interrupted = signal;
	alarm(2); /* a driver's compiler may keep the command from looking for long */
}

static void on_alarm(int signal)
{
	(void)signal;
	_exit(128 + interrupted);
}

static void install_signals(void)
{
	struct sigaction action = { .sa_handler = on_interrupt }, before;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL); /* files half written are taken away as well */
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* not what nohup started */
		sigaction(SIGHUP, &action, NULL);
	action.sa_handler = on_alarm;
	sigaction(SIGALRM, &action, NULL);
	action.sa_handler = SIG_IGN; /* a closed pipe is an error of a write, not a death */
	sigaction(SIGPIPE, &action, NULL);
}

/* A missing standard stream must not be taken by the next file that is opened: writes to it shall fail instead. */
static void hold_standard_streams(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			while (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0 && errno == EINTR)
				;
}

/* One line that is written over and over while kernels compile for the first time; "done" takes it away. */
static void show_compiling(const struct tool *tool, const char *text)
{
	if (tool->options.quiet || !isatty(2))
		return;
	if (strcmp(text, "done") == 0)
		fputs("\r\x1b[K", stderr);
	else
		fprintf(stderr, "\r\x1b[Kcompiling kernels, only this time: %s", text);
	fflush(stderr);
}

static void log_line(void *user, enum clade_log_level level, const char *component, const char *text)
{
	static const char *const words[] = { "debug", "info", "note", "warning", "log" };
	const struct tool *tool = user;
	if (level == CLADE_LOG_INFO && strcmp(component, "compile") == 0)
		show_compiling(tool, text);
	if ((tool->options.quiet && level <= CLADE_LOG_NOTE) || (!tool->options.verbose && level < CLADE_LOG_NOTE))
		return;
	if (level <= CLADE_LOG_INFO)
		fprintf(stderr, "clade: %s: %s: %s\n", words[level], component, text);
	else
		fprintf(stderr, "clade: %s: %s\n", words[level], text);
}

static enum clade_status open_context(struct tool *tool)
{
	struct clade_context_params params = {
		.size = sizeof(params),
		.log = log_line,
		.log_user = tool,
		.log_level = CLADE_LOG_INFO, /* log_line shows less */
		.kernel_dir = tool->options.kernel_dir,
	};
	const char *compile = getenv("CLADE_COMPILE");
	bool here = compile != NULL && strcmp(compile, "here") == 0;
	if (!here && tool->command != &command_compile) {
		params.compile = compile_elsewhere;
		params.compile_user = tool;
		tool->compile_wait = tool->command->measures || (compile != NULL && strcmp(compile, "wait") == 0);
	}
	if (find_cache_folder(tool))
		params.cache_dir = tool->cache_folder;
	else
		print_note(tool, "no cache for compiled kernels: neither XDG_CACHE_HOME nor HOME is an absolute path");
	enum clade_status status = clade_context_create(&params, &tool->context, &tool->diag);
	if (status == CLADE_OK)
		status = clade_context_add_builtins(tool->context, &tool->diag);
	for (size_t i = 0; i < tool->options.plugins.count && status == CLADE_OK; i++)
		status = clade_context_load_plugin(tool->context, tool->options.plugins.items[i], &tool->diag);
	return status;
}

static const struct command *find_command(const char *name)
{
	for (const struct command *const *command = commands; *command != NULL; command++)
		if (strcmp((*command)->name, name) == 0)
			return *command;
	return NULL;
}

static enum clade_status fail_command(const char *name, struct clade_diag *diag)
{
	const char *names[64];
	char list[512] = "";
	size_t count = 0;
	for (; commands[count] != NULL; count++) {
		names[count] = commands[count]->name;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", count > 0 ? ", " : "", names[count]);
	}
	const char *nearest = clade_nearest(name, names, count);
	return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_COMMAND, name,
			  nearest != NULL ? "no such command; did you mean %s?" : "no such command; there are %s",
			  nearest != NULL ? nearest : list);
}

static enum clade_status run_command(struct tool *tool, int argc, char **argv)
{
	struct options *options = &tool->options;
	enum clade_status status =
		options_parse(tool->command, argc, argv, options, tool->arguments, &tool->argument_count, &tool->diag);
	if (status != CLADE_OK)
		return status;
	if (options->help) {
		print_command_help(tool->command);
		return CLADE_OK;
	}
	if (tool->command == &command_compile) /* PoCL compiles in its threads, which shall not all be on one core */
		unsetenv("POCL_AFFINITY");
	else if (!options->no_affinity) /* halves the run-to-run spread on processors; must precede the first OpenCL
					   call */
		setenv("POCL_AFFINITY", "1", 0);
	if (options->device == NULL && getenv("CLADE_DEVICE") != NULL && getenv("CLADE_DEVICE")[0] != '\0')
		options->device = getenv("CLADE_DEVICE");
	command_streams = tool->command->streams;
	status = open_context(tool);
	return status == CLADE_OK ? tool->command->run(tool) : status;
}

static enum clade_status help(struct clade_diag *diag, int argc, char **argv)
{
	if (argc < 3 || argv[2][0] == '-') {
		print_help();
		return CLADE_OK;
	}
	const struct command *command = find_command(argv[2]);
	if (command == NULL)
		return fail_command(argv[2], diag);
	print_command_help(command);
	return CLADE_OK;
}

static enum clade_status dispatch(struct tool *tool, int argc, char **argv)
{
	if (argc < 2)
		return clade_fail(&tool->diag, CLADE_ERR_USAGE, CLADE_MSG_TOOL_COMMAND, NULL,
				  "a command is missing; `clade help` lists them");
	if (strcmp(argv[1], "--version") == 0) {
		printf("clade %s\n", clade_version());
		return CLADE_OK;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(&tool->diag, argc, argv);
	tool->command = strcmp(argv[1], CLADE_COMPILE_COMMAND) == 0 ? &command_compile : find_command(argv[1]);
	if (tool->command == NULL)
		return fail_command(argv[1], &tool->diag);
	return run_command(tool, argc, argv);
}

int main(int argc, char **argv)
{
	struct tool tool = { .options = { .rtol = 1e-4,
					  .atol = 1e-5,
					  .count = -1,
					  .seed = -1,
					  .length_penalty = NAN,
					  .top_p = 1,
					  .repeat_penalty = 1,
					  .layer = -1,
					  .head = -1,
					  .length = 64,
					  .width = 128,
					  .layout = "interleaved",
					  .base = 10000,
					  .tokens = -1,
					  .generated = -1,
					  .repeats = 5 } };
	hold_standard_streams();
	install_signals();
	setlocale(LC_CTYPE, "C.UTF-8");
	clade_diag_init(&tool.diag);
	tool.arguments = calloc((size_t)argc + 1, sizeof(*tool.arguments));
	enum clade_status status = tool.arguments != NULL ? dispatch(&tool, argc, argv)
							  : clade_fail_memory(&tool.diag, 0, "the command line");
	enum clade_status flushed = flush_stdout(&tool.diag);
	if (status == CLADE_OK)
		status = flushed;
	if (status != CLADE_OK && status != CLADE_ERR_CANCELLED)
		print_error(&tool.diag);
	clade_context_destroy(&tool.context);
	clade_diag_finish(&tool.diag);
	options_finish(&tool.options);
	free(tool.arguments);
	return status == CLADE_ERR_CANCELLED && interrupted ? 128 + interrupted : exit_code(status);
}

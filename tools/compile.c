/* SPDX-License-Identifier: MIT */
/* Compiling kernels in processes of our own: the program starts itself with an internal command. While a run waits, one
 * process a core; after the answer, one that fetches binaries at low priority and may outlive us. */
#include "tool.h"

#include <clade/step.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_PROCESSES = 8, LONGEST_SECONDS = 300 };
extern char **environ;

/* Nothing of ours is shared but the environment: a pipe that we write to shall close when we end. */
static bool start_self(const char *device, bool later, pid_t *out)
{
	char *const arguments[] = { "clade",        CLADE_COMPILE_COMMAND,    "--device",
				    (char *)device, later ? "--later" : NULL, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	bool started = false;
	if (posix_spawn_file_actions_init(&files) != 0)
		return false;
	if (posix_spawnattr_init(&attributes) == 0) {
		bool ready = true;
		for (int fd = 0; fd < 3; fd++)
			ready = ready && posix_spawn_file_actions_addopen(&files, fd, "/dev/null",
									  fd == 0 ? O_RDONLY : O_WRONLY, 0) == 0;
		if (later) /* not ended by what ends us */
			ready = ready && posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID) == 0;
		started = ready && posix_spawn(out, "/proc/self/exe", &files, &attributes, arguments, environ) == 0;
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
	return started;
}

unsigned host_processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count < 1 ? 1 : count < 1024 ? (unsigned)count : 1024;
}

bool compile_elsewhere(void *user, const char *device, unsigned orders, bool later)
{
	pid_t children[MOST_PROCESSES];
	const struct tool *tool = user;
	unsigned cores = host_processors(), count = 0;
	unsigned most = later ? 1 : cores < MOST_PROCESSES ? cores : MOST_PROCESSES;
	while (count < most && count < orders && start_self(device, later, &children[count]))
		count++;
	bool wait = !later || tool->compile_wait;
	for (unsigned i = 0; i < count && wait; i++)
		while (waitpid(children[i], NULL, 0) < 0 && errno == EINTR)
			;
	return count > 0;
}

/* ---- what such a process does ---- */

static enum clade_status run(struct tool *tool)
{
	struct clade_device *device = NULL;
	bool later = tool->options.later;
	alarm(LONGEST_SECONDS); /* a compiler that hangs must not stay behind */
	if (later)
		(void)!nice(19);
	enum clade_status status = clade_device_open(tool->context, tool->options.device, &device, &tool->diag);
	if (status == CLADE_OK)
		clade_device_fill_cache(device, later);
	clade_device_unref(&device);
	return status;
}

static const struct option own_options[] = {
	{ "later", NULL, "fetch binaries, at low priority", take_flag, offsetof(struct options, later) },
	{ NULL },
};
static const struct option *const groups[] = { own_options, options_device, options_common, NULL };
const struct command command_compile = {
	.name = CLADE_COMPILE_COMMAND,
	.arguments = "",
	.summary = "compile what the cache of kernels has orders for; clade starts it itself",
	.groups = groups,
	.run = run,
};

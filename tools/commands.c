/* SPDX-License-Identifier: MIT */
/* The table of commands. */
#include "commands.h"

#define ENTRY(name) &command_##name,
const struct command *const commands[] = { CLADE_COMMANDS(ENTRY) NULL };

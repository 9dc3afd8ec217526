/* SPDX-License-Identifier: MIT */
/* The table of commands, in the order of `clade help`. */
#include "commands.h"

const struct command *const commands[] = {
	&command_tokenize, &command_inspect, &command_devices, &command_ops, NULL,
};

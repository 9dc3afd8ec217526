/* SPDX-License-Identifier: MIT */
/* The commands, one a file. */
#ifndef CLADE_COMMANDS_H
#define CLADE_COMMANDS_H

#include "tool.h"

/* One a line, in the order of `clade help`. */
#define CLADE_COMMANDS(COMMAND)                                                                                        \
	COMMAND(run)                                                                                                   \
	COMMAND(generate)                                                                                              \
	COMMAND(tokenize)                                                                                              \
	COMMAND(embed)                                                                                                 \
	COMMAND(perplexity)                                                                                            \
	COMMAND(check)                                                                                                 \
	COMMAND(verify)                                                                                                \
	COMMAND(inspect)                                                                                               \
	COMMAND(quantize)                                                                                              \
	COMMAND(devices)                                                                                               \
	COMMAND(ops)                                                                                                   \
	COMMAND(plot)                                                                                                  \
	COMMAND(bench)                                                                                                 \
	COMMAND(profile)                                                                                               \
	COMMAND(tune)

#define CLADE_DECLARE_COMMAND(name) extern const struct command command_##name;
CLADE_COMMANDS(CLADE_DECLARE_COMMAND)

#endif

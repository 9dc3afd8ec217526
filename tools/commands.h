/* SPDX-License-Identifier: MIT */
/* The commands, one a file. */
#ifndef CLADE_COMMANDS_H
#define CLADE_COMMANDS_H

#include "tool.h"

extern const struct command command_devices, command_run, command_generate, command_tokenize, command_check,
	command_verify, command_ops, command_inspect, command_plot, command_profile, command_perplexity, command_embed,
	command_quantize;

#endif

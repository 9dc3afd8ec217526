/* SPDX-License-Identifier: MIT */
/* The table of commands, in the order of `clade help`. */
#include "commands.h"

const struct command *const commands[] = {
	&command_run,        &command_generate,
	&command_tokenize,   &command_embed,
	&command_perplexity, &command_check,
	&command_verify,     &command_inspect,
	&command_quantize,   &command_devices,
	&command_ops,        &command_plot,
	&command_profile,    NULL,
};

/* SPDX-License-Identifier: MIT */
/* The table of input names that generation and benchmarks fill themselves. */
#include "roles.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	enum role role;
} roles[] = {
	{ "input_ids", ROLE_IDS },
	{ "decoder_input_ids", ROLE_IDS },
	{ "attention_mask", ROLE_MASK },
	{ "encoder_attention_mask", ROLE_MASK },
	{ "decoder_attention_mask", ROLE_TARGET_MASK },
	{ "position_ids", ROLE_POSITIONS },
	{ "decoder_position_ids", ROLE_POSITIONS },
	{ "positions", ROLE_POSITIONS },
	{ "pos", ROLE_POSITIONS },
	{ "output_rows", ROLE_ROWS },
};

enum role find_role(const char *name)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(roles[i].name, name) == 0)
			return roles[i].role;
	return ROLE_COUNT;
}

/* SPDX-License-Identifier: MIT */
/* What an entry's inputs mean, by their names. */
#ifndef CLADE_TOOL_ROLES_H
#define CLADE_TOOL_ROLES_H

enum role {
	ROLE_IDS,         /* tokens: input_ids, decoder_input_ids */
	ROLE_MASK,        /* of the source's tokens */
	ROLE_TARGET_MASK, /* of the decoder's */
	ROLE_POSITIONS,
	ROLE_ROWS, /* rows of logits that are wanted */
	ROLE_COUNT /* none of these */
};
enum role find_role(const char *name);

#endif

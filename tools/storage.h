/* SPDX-License-Identifier: MIT */
/* How a model's weights lie in memory, for `check`. */
#ifndef CLADE_TOOL_STORAGE_H
#define CLADE_TOOL_STORAGE_H

#include "tool.h"

#include <clade/session.h>

/* Of all weights, without the padding of layouts. */
uint64_t storage_bytes(const struct clade_session *session);
/* How many there are of each kind: as stored, or expanded and why. */
void print_storage(const struct clade_session *session);
/* Each one that was expanded, and the node that is why. */
void print_expanded(const struct clade_session *session);
json_t *storage_json(const struct clade_session *session);
/* Every weight. */
json_t *weights_json(const struct clade_session *session);

#endif

/* SPDX-License-Identifier: MIT */
/* Rotary position embedding: what its files share. */
#ifndef CLADE_OPS_ROPE_H
#define CLADE_OPS_ROPE_H

#include "../rotary.h"

extern const struct clade_impl rope_ref, rope_cl;

#endif

/* SPDX-License-Identifier: MIT */
/* The ops that ship with clade. They come in by the same door as a plugin. */
#ifndef CLADE_BUILTIN_H
#define CLADE_BUILTIN_H

#include <clade/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Registers all built-in ops, implementations and kernel sources in `context`. */
CLADE_API enum clade_status clade_context_add_builtins(struct clade_context *context, struct clade_diag *diag);

#ifdef __cplusplus
}
#endif
#endif

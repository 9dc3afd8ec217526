/* SPDX-License-Identifier: MIT */
/* Params of the op `matmul` (`linear` has none), for whoever implements it, here or in a plugin. */
#ifndef CLADE_LINEAR_H
#define CLADE_LINEAR_H

#include <clade/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matmul_params {
	bool transpose_a, transpose_b; /* the matrix is stored the other way round */
};

#ifdef __cplusplus
}
#endif
#endif

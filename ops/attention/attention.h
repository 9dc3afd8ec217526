/* SPDX-License-Identifier: MIT */
/* Scaled dot-product attention: what its files share. */
#ifndef CLADE_OPS_ATTENTION_H
#define CLADE_OPS_ATTENTION_H

#include <clade/op_kit.h>

struct attention_params {
	bool causal, ring;
	float scale, softcap;
	int64_t window;
};

enum attention_input {
	ATTENTION_Q,
	ATTENTION_K,
	ATTENTION_V,
	ATTENTION_MASK,
	ATTENTION_BIAS,
	ATTENTION_Q_POS,
	ATTENTION_KV_LEN
};

#define ATTENTION_BLOCK 256 /* keys a block */
#define ATTENTION_FEW 4     /* up to so many rows of a key head are not worth a lane each */

/* The numbers of one execution. Strides count elements; 0 where mask and bias broadcast. */
struct attention_shape {
	int64_t b, h, g, t, s, d, e;
	int64_t window; /* 0: none */
	float scale, softcap;
	bool causal;
	bool ring;     /* key j is row j mod s */
	int64_t limit; /* keys that there may be: s, or of a ring any number */
	int64_t mask[4], bias[4];
};
/* `shape` from the tensors of an execution. False if a number does not fit in 31 bits. */
bool attention_shape_init(const struct clade_run *run, struct attention_shape *shape);

/* What every implementation refuses. */
bool attention_accepts(const struct clade_node_info *node, char *why, size_t why_size);

extern const struct clade_op attention_op;
extern const struct clade_case *const attention_cases[];
extern const struct clade_impl attention_ref, attention_cl, attention_cl_cpu, attention_cl_local;

#endif

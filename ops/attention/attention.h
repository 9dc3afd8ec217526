/* SPDX-License-Identifier: MIT */
/* Scaled dot-product attention: what its files share. */
#ifndef CLADE_OPS_ATTENTION_H
#define CLADE_OPS_ATTENTION_H

#include "../rotary.h"
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

/* Whether so few items, for a few rows each, would leave processors idle, so that these share a row's keys. */
static inline bool attention_shares(int64_t items, int64_t units)
{
	return items < units || (items % units && items < 4 * units);
}

/* What the implementations on OpenCL devices keep of a plan. */
struct attention_slots {
	uint32_t blocks, fold, weigh;  /* kernels of cl */
	uint32_t row, rows;            /* kernels of cl.local */
	uint32_t items;                /* the kernel of cl.cpu */
	uint32_t chains, ends, totals; /* scratch of cl and cl.local, and of cl.cpu if split */
	int64_t shared;                /* cl.cpu, few rows: so many an item; 0: tiles of many rows */
	bool split;                    /* cl.cpu: rows are shared by items of a block of keys each, then folded */
	int64_t slice;                 /* rows of each (batch, key head) that scratch holds */
};

/* What every implementation refuses. */
bool attention_accepts(const struct clade_node_info *node, char *why, size_t why_size);

extern const struct clade_op attention_op;
extern const struct clade_case *const attention_cases[];
extern const struct clade_impl attention_ref, attention_cl, attention_cl_cpu, attention_cl_local;

/* ---- the block rope_attention ---- */
struct rope_attention_params {
	struct rope_params rope;
	struct attention_params attention; /* causal in any case */
};
enum { ROTARY_Q, ROTARY_K, ROTARY_V, ROTARY_POS, ROTARY_KEYS, ROTARY_VALUES, ROTARY_FACTORS }; /* inputs */
enum { ROTARY_Y = 2 };                                                                         /* behind both states */

extern const struct clade_op rope_attention_op;
extern const struct clade_impl rope_attention_cl_cpu;

#endif

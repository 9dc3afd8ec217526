/* SPDX-License-Identifier: MIT */
/* The family's table: one row an op; and the loop over broadcast inputs that all of them share. */
#ifndef CLADE_ELEMENTWISE_H
#define CLADE_ELEMENTWISE_H

#include <clade/host.h>

enum { EW_INPUTS = 3 };

/* X(name, input count, kernel source): every op of the family, in the order of its tables. */
#define EW_OPS(X)                                                                                                      \
	X(add, 2, "arithmetic")                                                                                        \
	X(sub, 2, "arithmetic")                                                                                        \
	X(mul, 2, "arithmetic")                                                                                        \
	X(div, 2, "arithmetic")                                                                                        \
	X(pow, 2, "arithmetic")                                                                                        \
	X(maximum, 2, "arithmetic")                                                                                    \
	X(minimum, 2, "arithmetic")                                                                                    \
	X(neg, 1, "function")                                                                                          \
	X(abs, 1, "function")                                                                                          \
	X(sqrt, 1, "function")                                                                                         \
	X(rsqrt, 1, "function")                                                                                        \
	X(reciprocal, 1, "function")                                                                                   \
	X(exp, 1, "function")                                                                                          \
	X(log, 1, "function")                                                                                          \
	X(erf, 1, "function")                                                                                          \
	X(tanh, 1, "function")                                                                                         \
	X(relu, 1, "function")                                                                                         \
	X(sigmoid, 1, "function")                                                                                      \
	X(silu, 1, "function")                                                                                         \
	X(gelu, 1, "function")                                                                                         \
	X(equal, 2, "logic")                                                                                           \
	X(less, 2, "logic")                                                                                            \
	X(greater, 2, "logic")                                                                                         \
	X(and, 2, "logic")                                                                                             \
	X(or, 2, "logic")                                                                                              \
	X(not, 1, "logic")                                                                                             \
	X(where, 3, "logic")                                                                                           \
	X(cast, 1, "logic")

#define EW_INDEX(name, inputs, source) EW_##name,
enum ew_index { EW_OPS(EW_INDEX) EW_COUNT };
#undef EW_INDEX

enum gelu_approximate { GELU_NONE, GELU_TANH };
struct gelu_params {
	int32_t approximate;
};
struct cast_params {
	int32_t to; /* 0 f32, 1 i32, 2 bool: the numbers of enum clade_dtype */
};

extern const struct clade_op *const clade_elementwise_ops[EW_COUNT];
extern const struct clade_impl *const clade_elementwise_refs[EW_COUNT];
extern const struct clade_impl *const clade_elementwise_cls[EW_COUNT];

/* The output's axes from the innermost outward, without those of size 1 and with neighbours merged where every input
 * walks on evenly; `step` counts elements, 0 repeats. At least one axis. */
struct ew_loop {
	uint32_t axes;
	int64_t size[CLADE_MAX_RANK];
	int64_t step[EW_INPUTS][CLADE_MAX_RANK];
};
void clade_elementwise_loop(const struct clade_tensor *out, const struct clade_tensor *const *inputs, uint32_t count,
			    struct ew_loop *loop);

#endif

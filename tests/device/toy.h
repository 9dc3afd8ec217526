/* SPDX-License-Identifier: MIT */
/* A toy op for tests of devices and steps: toy(x[n], b?[n]; s) -> y = fma(x, s, b), as reference C and as a kernel. */
#ifndef CLADE_TESTS_TOY_H
#define CLADE_TESTS_TOY_H

#include <clade/host.h>
#include <clade/messages.h>
#include <clade/step.h>

struct toy_params {
	float s;
	int64_t launches; /* run launches the kernel this many times */
};

/* A step of toy over n floats, with its execution, buffers and tensors. */
struct toy_case {
	struct clade_queue *queue;
	struct clade_step *step;
	struct clade_exec *exec;
	struct clade_buffer *buffers[3]; /* x, b, y */
	struct clade_tensor tensors[3];
	const struct clade_tensor *inputs[2], *outputs[1];
	const struct clade_tensor *scratch[1];
	struct clade_buffer *scratch_buffer;
	struct clade_tensor scratch_tensor;
	int64_t n;
};

extern const struct clade_op toy_op;
extern const struct clade_impl toy_ref, toy_cl, toy_broken, toy_greedy, toy_wide, toy_missing, toy_badargs;
clade_plugin_entry_fn toy_entry;

/* Each returns the first failure. `impl`: one of the above. x[i] = i, b[i] = 0.5 i (absent unless with_b). */
enum clade_status toy_open(struct toy_case *toy, struct clade_device *device, const struct clade_impl *impl, int64_t n,
			   bool with_b, int64_t launches, struct clade_diag *diag);
enum clade_status toy_run(struct toy_case *toy, struct clade_diag *diag);
/* Reads y and compares with the formula: MISMATCH if an element differs. */
enum clade_status toy_check(struct toy_case *toy, float s, struct clade_diag *diag);
void toy_close(struct toy_case *toy);

/* A context that knows toy, an open device and a queue: what cmocka hands to tests. */
struct toy_world {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	struct clade_diag diag;
	struct toy_case toy; /* closed with it */
};
/* 0, or 1 with the reason on stderr. The world is one for the program. */
int toy_world_open(const char *selector, void **state);
int toy_world_close(void **state);

#endif

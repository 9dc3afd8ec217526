/* SPDX-License-Identifier: MIT */
/* Runs ops' cases: every implementation on one device against `ref`, in hostile memory. The same body checks built-in
 * ops, the template plugin and, in the must-fail tests, implementations that are wrong on purpose. */
#ifndef CLADE_HARNESS_H
#define CLADE_HARNESS_H

#include <clade/step.h>
#include <stdio.h>

/* One implementation on one device; `case`s count once for each way of running them (plain, alias, without
 * optional outputs). */
struct harness_counts {
	uint64_t executed, refused, skipped, failed;
	char last_refusal[256];
};

struct harness {
	struct clade_context *context;
	struct clade_device *host, *device; /* host: where `ref` gives the expected values */
	const char *label;                  /* what lines call the device: "pocl" */
	bool verbose;                       /* a line for every case, not for failures only */
	bool large;                         /* large cases on slow devices too */
	FILE *out;
	uint64_t seed;
	struct clade_queue *host_queue, *queue;
};

/* Opens the host device and `selector`'s device. On failure nothing is left open. */
enum clade_status harness_open(struct harness *harness, struct clade_context *context, const char *selector,
			       struct clade_diag *diag);
void harness_close(struct harness *harness);
/* A test's main of "[--device SELECTOR] [--label TEXT]": opens the harness on a context with the built-ins and what
 * `entry` registers (NULL: nothing) and returns what `run` returns; 2: other words. */
int harness_main(struct harness *harness, int argc, char **argv, clade_plugin_entry_fn *entry, int (*run)(void));

/* Runs all cases of `op` that infer must refuse; returns how many it took. `out_count`: how many there are. */
uint64_t harness_check_refused_cases(struct harness *harness, const struct clade_op *op, uint64_t *out_count);
/* Runs all other cases of one implementation on the device, adding to `counts`. */
void harness_check_impl(struct harness *harness, const struct clade_op *op, const struct clade_impl *impl,
			struct harness_counts *counts);
/* All of the above for every implementation that belongs on the device, with a line of counts each. Returns the number
 * of failures; an implementation that should have run and never did is one. */
uint64_t harness_check_op(struct harness *harness, const struct clade_op *op, const char *impl_name);

#endif

/* SPDX-License-Identifier: MIT */
/* One case, one implementation, one device: set up, run, check. */
#ifndef CLADE_HARNESS_TRIAL_H
#define CLADE_HARNESS_TRIAL_H

#include "arrange.h"
#include "harness.h"

/* How a case is run. */
enum trial_mode {
	TRIAL_PLAIN = 0,
	TRIAL_ALIAS = 1,   /* output 0 lies in input 0's memory */
	TRIAL_REQUIRED = 2 /* optional outputs are absent */
};

struct trial {
	struct harness *harness;
	struct clade_device *device;
	struct clade_queue *queue;
	const struct clade_op *op;
	const struct clade_impl *impl;
	const struct clade_case_data *data;
	enum trial_mode mode;
	bool once; /* no second run: it only gives the expected values */
	const struct clade_type *input_types[CLADE_MAX_PORTS], *output_types[CLADE_MAX_PORTS];
	struct clade_node_info node;
	struct clade_step *step;
	struct clade_exec *exec;
	struct arranged inputs[CLADE_MAX_PORTS], outputs[CLADE_MAX_PORTS];
	struct arranged *written[CLADE_MAX_PORTS]; /* where output i is: outputs[i] or an input's memory */
	struct arranged scratch[16];
	void *results[CLADE_MAX_PORTS]; /* dense outputs of the last run */
	char problem[512];              /* what went wrong, "" if nothing */
};

enum trial_result { TRIAL_OK, TRIAL_REFUSED, TRIAL_FAILED };

/* Runs twice (the second run must give the same bits) and checks all memory. results holds the outputs. */
enum trial_result trial_run(struct trial *trial);
void trial_finish(struct trial *trial);
bool op_has_optional_output(const struct clade_op *op);

#endif

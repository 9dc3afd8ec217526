/* SPDX-License-Identifier: MIT */
/* One op on given arrays, by one implementation on one device: for vectors that come from elsewhere. */
#ifndef CLADE_HARNESS_SINGLE_H
#define CLADE_HARNESS_SINGLE_H

#include "arrange.h"

struct single_tensor {
	bool present;
	struct clade_type type;
	void *data;              /* dense row-major; outputs: owned, freed by single_finish */
	bool weight;             /* inputs: bound as a weight, in the layout that the implementation asks for... */
	struct clade_layout any; /* ... in this one if it takes any */
};

struct single {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	const char *op, *impl; /* impl NULL: ref on the host, else the best canonical one that accepts */
	const char *attrs;     /* "eps = 1e-6", or NULL */
	struct single_tensor inputs[CLADE_MAX_PORTS];
	uint32_t input_count;
	/* results */
	struct single_tensor outputs[CLADE_MAX_PORTS];
	uint32_t output_count;
	const char *used; /* the implementation that ran */
};

/* Infers, prepares, runs, reads. On failure nothing needs to be finished. */
enum clade_status single_run(struct single *single, struct clade_diag *diag);
void single_finish(struct single *single);
/* The input port's number by name, -1 if there is none. */
int single_input(const struct single *single, const char *port);

#endif

/* SPDX-License-Identifier: MIT */
/* The search for the fastest way to compute one node: implementations and values of their tunables. */
#ifndef CLADE_TOOL_SEARCH_H
#define CLADE_TOOL_SEARCH_H

#include "trial.h"

#include <clade/tuned.h>

/* One node that is tuned. */
struct search_node {
	char key[CLADE_TUNED_KEY];
	struct op_case op_case;
	double count, estimate; /* how often it runs, and seconds at a guess: for the order of work */
};
/* Implementation `index` of those that a plan may take for the node unasked: canonical and of full precision (with
 * --fast, any), made for this kind of device, and accepting it. NULL: past the last. */
const struct clade_impl *search_candidate(struct tool *tool, const struct clade_op *op,
					  const struct clade_node_info *node, size_t index);
struct search_result {
	char before[400], winner[400]; /* "cl.cpu rows=8" */
	char impl[64], values[CLADE_TUNED_VALUES];
	double before_seconds, seconds;
	double nmse;              /* of the winner; 0: the reference's bits */
	size_t candidates, wrong; /* tried; of them with other bits than the reference, or beyond their tolerance */
	bool found;               /* the winner is another than what is chosen without it, beyond the noise */
};
/* Measures until `deadline` (seconds_now). What is not bit-equal to the reference (with --fast: what is beyond its
 * tolerance) cannot win, and a winner must be faster than what is chosen now by more than the noise of both.
 * CLADE_ERR_UNSUPPORTED: nothing here takes the node. */
enum clade_status search_node(struct tool *tool, struct clade_device *device, struct clade_queue *queue,
			      struct search_node *node, double deadline, struct search_result *out);

#endif

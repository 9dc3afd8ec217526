/* SPDX-License-Identifier: MIT */
/* One op by one implementation on one device, run many times: what `bench --op` and `tune` measure. */
#ifndef CLADE_TOOL_TRIAL_H
#define CLADE_TOOL_TRIAL_H

#include "opcase.h"

/* What a case's reference gives: the outputs of `ref`, or of a block's body in reference C. */
struct right_answer {
	const struct clade_case_data *data;
	void *outputs[CLADE_MAX_PORTS]; /* malloc's; NULL: there is none */
	double seconds;                 /* it took */
};
/* Runs op.ref, or the block's body, on the host. */
enum clade_status right_answer_make(struct tool *tool, const struct clade_op *op, struct op_case *op_case,
				    const struct clade_case_data *data, struct right_answer *out);
void right_answer_finish(struct right_answer *answer);

struct trial {
	struct tool *tool;
	const struct clade_op *op;
	const struct clade_impl *impl;
	const struct clade_case_data *data;
	struct clade_device *device;
	struct clade_queue *queue; /* the caller's */
	const struct clade_type *input_types[CLADE_MAX_PORTS], *output_types[CLADE_MAX_PORTS];
	struct clade_node_info node;
	struct clade_step *step;
	struct clade_exec *exec;
	struct clade_tensor inputs[CLADE_MAX_PORTS], outputs[CLADE_MAX_PORTS], *scratch;
	size_t scratch_count;
	const struct clade_tensor *input_list[CLADE_MAX_PORTS], *output_list[CLADE_MAX_PORTS], **scratch_list;
};

/* The node as an implementation on `device` is asked about it. */
void trial_describe(struct trial *trial, const struct clade_op *op, const struct clade_case_data *data,
		    const struct clade_device_info *device);
/* Prepares, builds and writes the inputs; weights in the layout that the implementation asks for. `tuned`: values of
 * its tunables, NULL: its own choice. Close it in any case. */
enum clade_status trial_open(struct trial *trial, struct tool *tool, struct clade_device *device,
			     struct clade_queue *queue, const struct clade_op *op, const struct clade_impl *impl,
			     const struct clade_case_data *data, const int32_t *tuned);
/* Its outputs as they are now, as if they were the right ones. */
enum clade_status trial_read(struct trial *trial, struct right_answer *out);
void trial_close(struct trial *trial);
/* `calls` executions and one finish; seconds of one. */
enum clade_status trial_run(struct trial *trial, size_t calls, double *out_seconds);
/* Runs once on fresh inputs and compares all outputs (an answer of fewer rows: the first ones); worst of them in *out.
 */
enum clade_status trial_check(struct trial *trial, const struct right_answer *answer, struct clade_compare *out);

#endif

/* SPDX-License-Identifier: MIT */
/* The right answer of a block: its body, from the library of graphs, in reference C. */
#ifndef CLADE_TOOL_BLOCK_BODY_H
#define CLADE_TOOL_BLOCK_BODY_H

#include "trial.h"

/* Fills the answer's outputs and seconds from its data. A block whose body is not in the library gives no outputs. */
enum clade_status block_body_run(struct tool *tool, struct clade_device *host, const struct clade_op *op,
				 const struct op_case *op_case, struct right_answer *answer);

#endif

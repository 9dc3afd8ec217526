/* SPDX-License-Identifier: MIT */
/* What a device can do at most, measured by clade's own ops (Williams, Waterman and Patterson 2009). */
#ifndef CLADE_TOOL_ROOFLINE_H
#define CLADE_TOOL_ROOFLINE_H

#include "model.h"

struct roofline {
	double flops; /* fma rate, operations a second */
	double bytes; /* read from memory a second */
};
/* Takes about a second. A rate that cannot be measured is 0. */
enum clade_status roofline_measure(struct tool *tool, struct clade_device *device, struct roofline *out);
/* The share of the roof, 0 to 1, of work with this cost done in `seconds`; 0 if the roof is not known. */
double roofline_share(const struct roofline *roofline, double flops, double bytes, double seconds);

#endif

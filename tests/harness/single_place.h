/* SPDX-License-Identifier: MIT */
/* Where a test runs its single ops; for tests by cmocka, inline only. */
#ifndef CLADE_HARNESS_SINGLE_PLACE_H
#define CLADE_HARNESS_SINGLE_PLACE_H

#include "single.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct single_place {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
};

/* Runs it there. Any failure but `allowed` (CLADE_OK: none) fails the test, with the reason. */
static inline enum clade_status single_run_at(const struct single_place *place, struct single *single,
					      enum clade_status allowed)
{
	struct clade_diag diag;
	enum clade_status status;

	clade_diag_init(&diag);
	single->context = place->context;
	single->device = place->device;
	single->queue = place->queue;
	status = single_run(single, &diag);
	if (status && status != allowed)
		fail_msg("%s", diag.text);
	clade_diag_finish(&diag);
	return status;
}

#endif

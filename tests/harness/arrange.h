/* SPDX-License-Identifier: MIT */
/* Tensors in hostile memory: guard words around them, an offset that is aligned to nothing but the element, gaps
 * between rows, poison in what must be written. After a run every byte is accounted for. */
#ifndef CLADE_HARNESS_ARRANGE_H
#define CLADE_HARNESS_ARRANGE_H

#include <clade/step.h>

/* The word in guards, gaps and unwritten outputs. As f32 it is a NaN of unusual bits, as bool it is no bool. */
#define HARNESS_POISON 0xffa5a5a5u

struct arranged {
	struct clade_tensor tensor;
	struct clade_buffer *buffer;
	size_t bytes;         /* of the whole buffer, guards included */
	unsigned char *image; /* what the buffer holds before the run */
	unsigned char *now;   /* what it held when it was read last */
	bool present;
};

struct arrangement {
	struct clade_layout layout; /* PANEL: packed weights */
	int64_t row_gap;            /* elements between rows of the last axis */
	int64_t capacity;           /* rows of axis 2 that a state has room for; 0: as many as its dim */
};

/* Makes the tensor on the queue's device. `values`: dense row-major data, NULL: poison. */
enum clade_status arranged_create(struct clade_context *context, struct clade_device *device,
				  const struct clade_type *type, const void *values,
				  const struct arrangement *arrangement, struct arranged *out, struct clade_diag *diag);
void arranged_destroy(struct clade_context *context, struct arranged *arranged);
/* Writes the image to the device; reads the buffer into `now`. */
enum clade_status arranged_write(struct clade_queue *queue, struct arranged *arranged, struct clade_diag *diag);
enum clade_status arranged_read(struct clade_queue *queue, struct arranged *arranged, struct clade_diag *diag);

/* Whether nothing at all has changed (inputs). */
bool arranged_is_intact(const struct arranged *arranged);
/* The elements of `now` as a dense array. */
void arranged_gather(const struct arranged *arranged, void *dense);
/* Whether everything but the elements is as before; `scratch` has `bytes` bytes. */
bool arranged_guards_hold(const struct arranged *arranged, unsigned char *scratch);
/* The number of elements that still hold poison. */
int64_t arranged_count_poison(const struct clade_type *type, const void *dense);

#endif

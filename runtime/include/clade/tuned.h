/* SPDX-License-Identifier: MIT */
/* Measured winners: for one device and driver, which implementation of an op was fastest at which shapes, and with
 * which values of its tunables. Text in, text out; where the text is kept is the caller's business. A winner never
 * changes results: only implementations whose bits are the reference's are recorded. Winners among what --fast allows
 * (an order of their own, reduced precision) have keys of their own, which only plans with --fast look for. */
#ifndef CLADE_TUNED_H
#define CLADE_TUNED_H

#include <clade/step.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Not thread-safe while it is changed; reading is. */
struct clade_tuned;

struct clade_winner {
	const char *key;        /* clade_tuned_key */
	const char *impl;       /* name of the implementation */
	const char *values;     /* "rows=8 panels=2"; "" */
	double seconds, before; /* of one execution: the winner's, and of what is chosen without it */
};

enum { CLADE_TUNED_KEY = 640, CLADE_TUNED_VALUES = 256 };

CLADE_API enum clade_status clade_tuned_create(struct clade_context *context, const struct clade_device_info *device,
					       struct clade_tuned **out_tuned, struct clade_diag *diag);
/* Verifies and reads a text: its version, its checksum, every line. `where` is what messages call it. */
CLADE_API enum clade_status clade_tuned_read(struct clade_context *context, const char *text, const char *where,
					     struct clade_tuned **out_tuned, struct clade_diag *diag);
CLADE_API void clade_tuned_destroy(struct clade_tuned **tuned);
/* Whether it was measured on this device, platform and driver; else one sentence why not. */
CLADE_API bool clade_tuned_fits(const struct clade_tuned *tuned, const struct clade_device_info *device, char *why,
				size_t why_size);
/* "device, driver" of the measurement. */
CLADE_API const char *clade_tuned_device(const struct clade_tuned *tuned);
/* The text of a node for which a winner holds: op, attributes, types. Dims of weights are exact; others are rounded up
 * to powers of two, as a plan's buckets are, so that a winner holds for its neighbourhood. `fast`: of a winner among
 * all that --fast allows ("--fast linear ..."). False: too long. */
CLADE_API bool clade_tuned_key(const struct clade_op *op, const struct clade_node_info *node, bool fast, char *out,
			       size_t size);
/* Replaces what is there for winner->key. All strings are copied. */
CLADE_API enum clade_status clade_tuned_put(struct clade_tuned *tuned, const struct clade_winner *winner,
					    struct clade_diag *diag);
/* False: there was none. */
CLADE_API bool clade_tuned_remove(struct clade_tuned *tuned, const char *key);
/* False: none. The strings belong to `tuned`. */
CLADE_API bool clade_tuned_find(const struct clade_tuned *tuned, const char *key, struct clade_winner *out);
/* By key, ascending. */
CLADE_API bool clade_tuned_at(const struct clade_tuned *tuned, size_t index, struct clade_winner *out);
CLADE_API enum clade_status clade_tuned_merge(struct clade_tuned *into, const struct clade_tuned *from,
					      struct clade_diag *diag);
/* The text belongs to the caller (clade_free). */
CLADE_API enum clade_status clade_tuned_print(const struct clade_tuned *tuned, char **out_text,
					      struct clade_diag *diag);

/* "rows=8 panels=2" as the numbers of impl's tunables, those that are not named 0. False: a name or number that the
 * implementation does not have (any more). */
CLADE_API bool clade_tuned_values(const struct clade_impl *impl, const char *values, int32_t out[CLADE_MAX_TUNABLES]);
CLADE_API const char *clade_tuned_values_text(const struct clade_impl *impl, const int32_t *values, char *out,
					      size_t size);

#ifdef __cplusplus
}
#endif
#endif

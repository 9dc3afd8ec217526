/* SPDX-License-Identifier: MIT */
/* Samples of a measurement: middle, spread, and whether two sets of them differ by more than their noise. */
#ifndef CLADE_TOOL_STATS_H
#define CLADE_TOOL_STATS_H

#include <stddef.h>

struct stats {
	double mean, variance; /* of the samples, n - 1 */
	size_t count;
};
struct stats stats_of(const double *samples, size_t count);
double stats_deviation(const double *samples, size_t count);
double stats_median(const double *samples, size_t count); /* of the first 256 */
/* Of two sets of rates: -1: the second is slower beyond the noise (Welch's t above its 99 % quantile, and at least
 * `least` of the mean), 1: it is faster, 0: they cannot be told apart. */
int stats_compare(const struct stats *a, const struct stats *b, double least);

#endif

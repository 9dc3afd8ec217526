/* SPDX-License-Identifier: MIT */
/* Mean, median and spread of samples, and Welch's test. */
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SORTED = 256 };

struct stats stats_of(const double *samples, size_t count)
{
	struct stats stats = { .count = count };
	for (size_t i = 0; i < count; i++)
		stats.mean += samples[i] / (double)count;
	for (size_t i = 0; i < count; i++)
		stats.variance += pow(samples[i] - stats.mean, 2) / (count > 1 ? (double)(count - 1) : 1);
	return stats;
}

double stats_deviation(const double *samples, size_t count)
{
	return sqrt(stats_of(samples, count).variance);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double stats_median(const double *samples, size_t count)
{
	double sorted[MOST_SORTED];
	count = count < MOST_SORTED ? count : MOST_SORTED;
	if (count == 0)
		return 0;
	memcpy(sorted, samples, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), ascending);
	return count % 2 != 0 ? sorted[count / 2] : 0.5 * (sorted[count / 2 - 1] + sorted[count / 2]);
}

/* Quantiles of Student's t at 0.995 (two-sided 99 %) by degrees of freedom; between them the next lower one is taken.
 */
static const struct {
	double freedom, t;
} quantiles[] = { { 1, 63.66 },  { 2, 9.925 },  { 3, 5.841 },  { 4, 4.604 },  { 5, 4.032 },
		  { 6, 3.707 },  { 8, 3.355 },  { 10, 3.169 }, { 15, 2.947 }, { 20, 2.845 },
		  { 30, 2.750 }, { 60, 2.660 }, { 1e9, 2.576 } };

static double quantile(double freedom)
{
	size_t i = 0;
	while (i + 1 < sizeof(quantiles) / sizeof(quantiles[0]) && quantiles[i + 1].freedom <= freedom)
		i++;
	return quantiles[i].t;
}

int stats_compare(const struct stats *a, const struct stats *b, double least)
{
	/* the spread of a rate grows with the rate, so logarithms are compared; a logarithm's variance is the rate's,
	 * divided by the square of its mean */
	double va = a->variance / (a->mean * a->mean * (double)a->count);
	double vb = b->variance / (b->mean * b->mean * (double)b->count), gap = log(b->mean / a->mean);
	if (!(a->mean > 0 && b->mean > 0) || fabs(b->mean - a->mean) < least * a->mean || a->count < 2 || b->count < 2)
		return 0;
	if (va + vb > 0) {
		double freedom =
			pow(va + vb, 2) / (va * va / (double)(a->count - 1) + vb * vb / (double)(b->count - 1));
		if (fabs(gap) / sqrt(va + vb) < quantile(freedom))
			return 0;
	}
	return gap < 0 ? -1 : 1;
}

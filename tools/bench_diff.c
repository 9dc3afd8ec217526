/* SPDX-License-Identifier: MIT */
/* Two files of results, test by test. A difference counts when it is larger than the noise of both: Welch's t above its
 * 99 % quantile, and at least 2 % of the mean, because machines drift. */
#include "bench.h"

#include <math.h>
#include <string.h>

#define LEAST_SHARE 0.02

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

struct side {
	double mean, variance; /* of the samples */
	size_t count;
};

static bool read_side(const json_t *object, struct side *out)
{
	const json_t *samples = json_object_get(object, "samples");
	size_t i;
	json_t *sample;
	*out = (struct side) { .count = json_array_size(samples) };
	json_array_foreach(samples, i, sample)
	{
		if (!json_is_number(sample))
			return false;
		out->mean += json_number_value(sample) / (double)out->count;
	}
	json_array_foreach(samples, i, sample) out->variance +=
		pow(json_number_value(sample) - out->mean, 2) / (out->count > 1 ? (double)(out->count - 1) : 1);
	return out->count > 0;
}

/* -1: slower, 1: faster, 0: not to be told apart. */
static int compare(const struct side *a, const struct side *b, double least)
{
	double va = a->variance / (double)a->count, vb = b->variance / (double)b->count, gap = b->mean - a->mean;
	if (fabs(gap) < least * a->mean || a->count < 2 || b->count < 2)
		return 0;
	if (va + vb > 0) {
		double freedom =
			pow(va + vb, 2) / (va * va / (double)(a->count - 1) + vb * vb / (double)(b->count - 1));
		if (fabs(gap) / sqrt(va + vb) < quantile(freedom))
			return 0;
	}
	return gap < 0 ? -1 : 1;
}

static struct side side_of(const double *samples, size_t count)
{
	struct side side = { .count = count };
	for (size_t i = 0; i < count; i++)
		side.mean += samples[i] / (double)count;
	for (size_t i = 0; i < count; i++)
		side.variance += pow(samples[i] - side.mean, 2) / (count > 1 ? (double)(count - 1) : 1);
	return side;
}

int samples_compare(const double *a, size_t a_count, const double *b, size_t b_count, double least)
{
	const struct side before = side_of(a, a_count), after = side_of(b, b_count);
	return compare(&before, &after, least);
}

static json_t *load(struct tool *tool, const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (root != NULL && json_is_array(root))
		return root;
	json_decref(root);
	clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_BENCH, path,
		   "%s; results of `clade bench -o json` are needed", root == NULL ? error.text : "is no array");
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

/* The same work: model or op, implementation, test or shape, device, batch. */
static bool same_test(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "model", "op",   "impl",   "shape",      "attrs",
					    "type",  "test", "device", "device_name" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(text_of(a, keys[i]), text_of(b, keys[i])) != 0)
			return false;
	return json_integer_value(json_object_get(a, "batch")) == json_integer_value(json_object_get(b, "batch"));
}

struct count {
	size_t compared, slower, faster;
};

static bool diff_one(const json_t *before, const json_t *after_list, json_t *report, struct count *count)
{
	static const char *const verdicts[] = { "slower", "same", "faster" };
	struct side a, b;
	size_t i;
	json_t *after;
	json_array_foreach(after_list, i, after)
	{
		if (!same_test(before, after))
			continue;
		if (!read_side(before, &a) || !read_side(after, &b))
			return false;
		int verdict = compare(&a, &b, LEAST_SHARE);
		const char *what =
			text_of(before, "model")[0] != '\0' ? text_of(before, "model") : text_of(before, "op");
		const char *test =
			text_of(before, "test")[0] != '\0' ? text_of(before, "test") : text_of(before, "shape");
		count->compared++;
		count->slower += verdict < 0;
		count->faster += verdict > 0;
		if (report != NULL)
			json_array_append_new(report, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:s}", "what", what,
								"test", test, "device", text_of(before, "device"),
								"before", a.mean, "after", b.mean, "ratio",
								b.mean / a.mean, "verdict", verdicts[verdict + 1]));
		else
			printf("%-24s %-16s %-8s %12.3f -> %12.3f  %6.3fx  %s\n", what, test, text_of(before, "device"),
			       a.mean, b.mean, b.mean / a.mean, verdicts[verdict + 1]);
		return true;
	}
	return true;
}

enum clade_status bench_diff(struct tool *tool, const char *before_path, const char *after_path)
{
	json_t *before = load(tool, before_path), *after = before != NULL ? load(tool, after_path) : NULL, *object;
	json_t *report = tool->options.json ? json_array() : NULL;
	struct count count = { 0 };
	size_t i;
	enum clade_status status = after != NULL ? CLADE_OK : CLADE_ERR_DATA;
	if (after != NULL)
		json_array_foreach(before, i,
				   object) if (status == CLADE_OK && !diff_one(object, after, report, &count)) status =
			clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_BENCH, before_path,
				   "test %zu has no list of samples", i + 1);
	if (status == CLADE_OK && count.compared == 0)
		status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_BENCH, after_path,
				    "has no test of %s: same model, test, batch and device", before_path);
	if (status == CLADE_OK && report != NULL) {
		status = print_json(json_pack("{s:o, s:I, s:I, s:I}", "tests", report, "compared",
					      (json_int_t)count.compared, "slower", (json_int_t)count.slower, "faster",
					      (json_int_t)count.faster),
				    &tool->diag);
		report = NULL;
	} else if (status == CLADE_OK) {
		printf("%zu compared, %zu slower, %zu faster\n", count.compared, count.slower, count.faster);
		status = flush_stdout(&tool->diag);
	}
	if (status == CLADE_OK && count.slower > 0)
		status = clade_fail(&tool->diag, CLADE_ERR_MISMATCH, CLADE_MSG_TOOL_BENCH, after_path,
				    "%zu of %zu tests are slower beyond the noise", count.slower, count.compared);
	json_decref(report);
	json_decref(before);
	json_decref(after);
	return status;
}

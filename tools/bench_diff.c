/* SPDX-License-Identifier: MIT */
/* Two files of results, test by test. A difference counts when it is larger than the noise of both, and at least
 * 2 % of the mean, because machines drift. */
#include "bench.h"
#include "stats.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_SHARE 0.02

static bool read_side(const json_t *object, struct stats *out)
{
	const json_t *list = json_object_get(object, "samples");
	size_t i, count = json_array_size(list);
	double *samples = calloc(count + 1, sizeof(*samples));
	json_t *sample;
	bool good = samples != NULL && count > 0;
	json_array_foreach(list, i, sample)
	{
		good = good && json_is_number(sample);
		if (good)
			samples[i] = json_number_value(sample);
	}
	if (good)
		*out = stats_of(samples, count);
	free(samples);
	return good;
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
	struct stats a, b;
	size_t i;
	json_t *after;
	json_array_foreach(after_list, i, after)
	{
		if (!same_test(before, after))
			continue;
		if (!read_side(before, &a) || !read_side(after, &b))
			return false;
		int verdict = stats_compare(&a, &b, LEAST_SHARE);
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

/* SPDX-License-Identifier: MIT */
/* Two files of results, test by test. A difference counts when it is larger than the noise of both, and at least
 * 2 % of the mean, because machines drift; and only between tests that were run alike. */
#include "bench.h"
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SHARE 0.02
#define UNCLEAR_SHARE 0.10 /* a gap this wide that the noise hides is not called the same */

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

/* What makes two rows comparable. A setting that older files do not tell is taken as equal. */
static const struct key {
	const char *name;
	bool is_test, may_lack; /* is_test: what is measured; the others say on what and how */
} keys[] = { { "test", true, false },    { "op", true, false },           { "shape", true, false },
	     { "attrs", true, false },   { "model", false, false },       { "impl", false, false },
	     { "type", false, false },   { "device", false, false },      { "device_name", false, false },
	     { "batch", false, false },  { "weight_bytes", false, true }, { "parameters", false, true },
	     { "kv_type", false, true }, { "fast", false, true } };

/* Models are told apart by their files' names, wherever these lie. */
static bool is_same(const json_t *a, const json_t *b, const char *name)
{
	if (strcmp(name, "model") == 0 && json_is_string(a) && json_is_string(b))
		return strcmp(short_name(json_string_value(a)), short_name(json_string_value(b))) == 0;
	return json_equal(a, b) || (a == NULL && b == NULL);
}

/* A word, or a number, as people read it. */
static void value_text(const json_t *value, char *out, size_t size)
{
	char *dumped = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
	snprintf(out, size, "%s", json_is_string(value) ? json_string_value(value) : dumped != NULL ? dumped : "none");
	free(dumped);
}

/* How many settings differ, and which: "kv_type f32 -> f16, fast false -> true". SIZE_MAX: other tests. */
static size_t differences(const json_t *a, const json_t *b, char *text, size_t size)
{
	size_t count = 0, used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *x = json_object_get(a, keys[i].name), *y = json_object_get(b, keys[i].name);
		char before[96], after[96];
		if (is_same(x, y, keys[i].name) || (keys[i].may_lack && (x == NULL || y == NULL)))
			continue;
		if (keys[i].is_test)
			return SIZE_MAX;
		value_text(x, before, sizeof(before));
		value_text(y, after, sizeof(after));
		int length = snprintf(text + used, size - used, "%s%s %s -> %s", count > 0 ? ", " : "", keys[i].name,
				      before, after);
		used = length < 0 || used + (size_t)length >= size ? size - 1 : used + (size_t)length;
		count++;
	}
	return count;
}

/* ---- pairs ---- */

struct diff {
	json_t *before, *after, *report; /* report NULL: lines are printed */
	bool *paired[2];                 /* rows of before, of after */
	size_t compared, slower, faster, unclear, unlike;
	char why[512]; /* how the first unlike pair differs */
};

/* The row of `after`, not yet in a pair, that was run most like `before`. SIZE_MAX: none is of the same test. */
static size_t partner(const struct diff *diff, const json_t *before, char *why, size_t size, size_t *out_differences)
{
	size_t best = SIZE_MAX, i;
	json_t *after;
	*out_differences = SIZE_MAX;
	json_array_foreach(diff->after, i, after)
	{
		char text[512];
		size_t count = diff->paired[1][i] ? SIZE_MAX : differences(before, after, text, sizeof(text));
		if (count >= *out_differences)
			continue;
		*out_differences = count;
		best = i;
		snprintf(why, size, "%s", text);
	}
	return best;
}

/* `why` empty: they were run alike, and the verdict counts. False: a row without samples. */
static bool report_pair(struct diff *diff, const json_t *before, const json_t *after, const char *why)
{
	struct stats a, b;
	if (!read_side(before, &a) || !read_side(after, &b))
		return false;
	bool alike = why[0] == '\0';
	int sign = stats_compare(&a, &b, LEAST_SHARE);
	bool unclear = sign == 0 && fabs(b.mean - a.mean) >= UNCLEAR_SHARE * fmax(a.mean, b.mean);
	const char *verdict = !alike     ? "unlike"
			      : sign < 0 ? "slower"
			      : sign > 0 ? "faster"
			      : unclear  ? "unclear"
					 : "same";
	const char *what =
		text_of(before, "model")[0] != '\0' ? short_name(text_of(before, "model")) : text_of(before, "op");
	const char *test = text_of(before, "test")[0] != '\0' ? text_of(before, "test") : text_of(before, "shape");
	diff->compared += alike;
	diff->slower += alike && sign < 0;
	diff->faster += alike && sign > 0;
	diff->unclear += alike && unclear;
	if (!alike && diff->unlike++ == 0)
		snprintf(diff->why, sizeof(diff->why), "%s", why);
	if (diff->report != NULL)
		json_array_append_new(diff->report,
				      json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:s, s:s}", "what", what, "test", test,
						"device", text_of(before, "device"), "before", a.mean, "after", b.mean,
						"ratio", b.mean / a.mean, "verdict", verdict, "differs", why));
	else
		printf("%-24s %-16s %-8s %12.3f -> %12.3f  %6.3fx  %s%s%s\n", what, test, text_of(before, "device"),
		       a.mean, b.mean, b.mean / a.mean, verdict, alike ? "" : ": ", why);
	return true;
}

/* Pairs what was run alike; where nothing was, what is nearest is shown and marked. */
static enum clade_status pair_up(struct tool *tool, struct diff *diff, bool alike)
{
	size_t i;
	json_t *before;
	json_array_foreach(diff->before, i, before)
	{
		char why[512];
		size_t count, j;
		if (diff->paired[0][i] || (j = partner(diff, before, why, sizeof(why), &count)) == SIZE_MAX ||
		    (count == 0) != alike)
			continue;
		diff->paired[0][i] = diff->paired[1][j] = true;
		if (!report_pair(diff, before, json_array_get(diff->after, j), why))
			return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_BENCH, tool->arguments[1],
					  "test %zu, or test %zu of %s, has no list of samples", i + 1, j + 1,
					  tool->arguments[2]);
	}
	return CLADE_OK;
}

/* Prints the sums; the exit code is about what was run alike. */
static enum clade_status conclude(struct tool *tool, struct diff *diff, const char *before, const char *after)
{
	size_t missing = json_array_size(diff->before) - diff->compared - diff->unlike;
	enum clade_status status = CLADE_OK;
	if (diff->report != NULL)
		status = print_json(json_pack("{s:O, s:I, s:I, s:I, s:I, s:I, s:I}", "tests", diff->report, "compared",
					      (json_int_t)diff->compared, "slower", (json_int_t)diff->slower, "faster",
					      (json_int_t)diff->faster, "unclear", (json_int_t)diff->unclear, "unlike",
					      (json_int_t)diff->unlike, "missing", (json_int_t)missing),
				    &tool->diag);
	else {
		printf("%zu compared, %zu slower, %zu faster", diff->compared, diff->slower, diff->faster);
		if (diff->unclear > 0)
			printf(", %zu unclear", diff->unclear);
		if (diff->unlike > 0)
			printf(", %zu run otherwise (not compared)", diff->unlike);
		if (missing > 0)
			printf(", %zu only in %s", missing, before);
		printf("\n");
		status = flush_stdout(&tool->diag);
	}
	if (status == CLADE_OK && diff->compared == 0)
		return clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_BENCH, after,
				  "has no test of %s that was run alike%s%s", before, diff->unlike > 0 ? ": " : "",
				  diff->why);
	if (status == CLADE_OK && diff->slower > 0)
		return clade_fail(&tool->diag, CLADE_ERR_MISMATCH, CLADE_MSG_TOOL_BENCH, after,
				  "%zu of %zu tests are slower beyond the noise", diff->slower, diff->compared);
	return status;
}

enum clade_status bench_diff(struct tool *tool, const char *before, const char *after)
{
	struct diff diff = { .before = load(tool, before) };
	enum clade_status status = CLADE_ERR_DATA;
	if (diff.before == NULL || (diff.after = load(tool, after)) == NULL)
		goto done;
	status = CLADE_OK;
	diff.paired[0] = calloc(json_array_size(diff.before) + 1, sizeof(bool));
	diff.paired[1] = calloc(json_array_size(diff.after) + 1, sizeof(bool));
	diff.report = tool->options.json ? json_array() : NULL;
	if (diff.paired[0] == NULL || diff.paired[1] == NULL || (tool->options.json && diff.report == NULL))
		status = clade_fail_memory(&tool->diag, 0, "a comparison");
	if (status == CLADE_OK)
		status = pair_up(tool, &diff, true);
	if (status == CLADE_OK)
		status = pair_up(tool, &diff, false);
	if (status == CLADE_OK)
		status = conclude(tool, &diff, before, after);
done:
	free(diff.paired[0]);
	free(diff.paired[1]);
	json_decref(diff.report);
	json_decref(diff.before);
	json_decref(diff.after);
	return status;
}

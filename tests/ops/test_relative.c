/* SPDX-License-Identifier: MIT */
/* relative_position_bias against transformers' buckets (tests/golden/relative.txt: every distance, both directions) and
 * ONNX Runtime's vectors (t5-relpos of the shared data).
 *	test_relative FOLDER SHARED_DATA [DEVICE LABEL] */
#include <clade/builtin.h>
#include <single.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_BUCKETS = 256, MOST_VALUES = 64 };

static struct {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	const char *folder, *shared;
} suite;

/* The bias of `t` queries at the positions `first`, `first` + 1, ... to `keys` keys: f32[1, heads, t, keys]. */
static void run(struct single *single, int64_t buckets, int64_t heads, float *table, int64_t furthest, bool both,
		int32_t *pos, int64_t t, int64_t keys)
{
	static char attrs[120];
	static float nothing[1];
	struct clade_diag diag;

	snprintf(attrs, sizeof(attrs), "keys = %lld, max_distance = %lld, bidirectional = %s", (long long)keys,
		 (long long)furthest, both ? "true" : "false");
	*single = (struct single) { .context = suite.context,
				    .device = suite.device,
				    .queue = suite.queue,
				    .op = "relative_position_bias",
				    .attrs = attrs,
				    .input_count = 3 };
	single->inputs[0] = (struct single_tensor) { true, { CLADE_F32, 3, { 1, t, 0 } }, nothing };
	single->inputs[1] = (struct single_tensor) { true, { CLADE_F32, 2, { buckets, heads } }, table };
	if (pos)
		single->inputs[2] = (struct single_tensor) { true, { CLADE_I32, 2, { 1, t } }, pos };
	clade_diag_init(&diag);
	if (single_run(single, &diag))
		fail_msg("%s", diag.text);
	clade_diag_finish(&diag);
	assert_int_equal(single->outputs[0].type.dims[3], keys);
}

/* Query 0 sees distances 0, 1, ... ahead; the second one, at the last key, sees them behind. */
static void check_buckets(int64_t buckets, int64_t furthest, bool both, const int64_t *firsts, int64_t count)
{
	float table[MOST_BUCKETS];
	int64_t keys = furthest + 200, bucket = -1;
	int32_t pos[2] = { 0, (int32_t)keys - 1 };
	struct single single;

	for (int64_t i = 0; i < buckets; i++)
		table[i] = (float)i;
	run(&single, buckets, 1, table, furthest, both, pos, 2, keys);
	const float *y = single.outputs[0].data;

	for (int64_t distance = 0; distance < keys; distance++) {
		for (int64_t i = bucket + 1; i < count; i++)
			if (firsts[i] == distance)
				bucket = i;
		int64_t ahead = !both ? 0 : distance ? bucket + buckets / 2 : 0;
		float got = y[keys + keys - 1 - distance], got_ahead = y[distance];

		if (got != (float)bucket || got_ahead != (float)ahead)
			fail_msg("%lld buckets, max_distance %lld: distance %lld has bucket %g and %g; expected %lld "
				 "and %lld",
				 (long long)buckets, (long long)furthest, (long long)distance, (double)got,
				 (double)got_ahead, (long long)bucket, (long long)ahead);
	}
	single_finish(&single);
}

static void test_buckets(void **state)
{
	char path[512], line[4096];
	int checked = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/relative.txt", suite.folder);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		int64_t numbers[MOST_BUCKETS + 3], count = 0;
		char *at = line;

		for (char *word; line[0] != '#' && (word = strsep(&at, " \n")) != NULL;)
			if (*word) {
				assert_true(count < MOST_BUCKETS + 3);
				numbers[count++] = strtoll(word, NULL, 10);
			}
		if (count > 3) {
			check_buckets(numbers[0], numbers[1], numbers[2] != 0, numbers + 3, count - 3);
			checked++;
		}
	}
	fclose(file);
	assert_true(checked > 20);
}

static int64_t read_values(FILE *file, const char *name, float *values)
{
	char line[512], *at = line, *word;
	int64_t count = 0;

	assert_non_null(fgets(line, sizeof(line), file));
	word = strsep(&at, " \n");
	assert_string_equal(word, name);
	while ((word = strsep(&at, " \n")) != NULL && count < MOST_VALUES)
		if (*word)
			values[count++] = strtof(word, NULL);
	return count;
}

static void test_shared(void **state)
{
	char path[512], line[512];
	float table[MOST_VALUES], expected[MOST_VALUES];
	int both, buckets, heads, queries, keys, checked = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/t5-relpos/vectors.txt", suite.shared);
	file = fopen(path, "r");
	if (!file) {
		printf("skip: %s is not there\n", path);
		skip();
	}
	while (fgets(line, sizeof(line), file)) {
		struct single single;

		if (sscanf(line, "case%*d bidirectional=%d buckets=%d heads=%d qlen=%d klen=%d", &both, &buckets,
			   &heads, &queries, &keys) != 5)
			continue;
		assert_int_equal(read_values(file, "bias_table", table), buckets * heads);
		int64_t count = read_values(file, "output", expected);
		assert_int_equal(count, heads * queries * keys);
		run(&single, buckets, heads, table, 128, both, NULL, queries, keys);
		for (int64_t i = 0; i < count; i++)
			assert_true(((const float *)single.outputs[0].data)[i] == expected[i]);
		single_finish(&single);
		checked++;
	}
	fclose(file);
	assert_int_equal(checked, 3);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_buckets), cmocka_unit_test(test_shared) };
	const char *shared = getenv("CLADE_SHARED_DATA");
	struct clade_diag diag;
	int failed = 1;

	if (argc != 3 && argc != 5) {
		fprintf(stderr, "usage: test_relative FOLDER SHARED_DATA [DEVICE LABEL]\n");
		return 2;
	}
	suite.folder = argv[1];
	suite.shared = shared && *shared ? shared : argv[2];
	clade_diag_init(&diag);
	if (clade_context_create(NULL, &suite.context, &diag) || clade_context_add_builtins(suite.context, &diag) ||
	    clade_device_open(suite.context, argc == 5 ? argv[3] : "ref", &suite.device, &diag) ||
	    clade_queue_create(suite.device, false, &suite.queue, &diag))
		fprintf(stderr, "%s\n", diag.text);
	else
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	clade_queue_destroy(&suite.queue);
	clade_device_unref(&suite.device);
	clade_context_destroy(&suite.context);
	clade_diag_finish(&diag);
	return failed;
}

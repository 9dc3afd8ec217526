/* SPDX-License-Identifier: MIT */
/* The reference against PyTorch in float64: tests/golden/ops.txt lists the cases, ops.safetensors holds them (see
 * make_ops.py there for the bounds). `ref` and the kernels share their math source, so this is what says that they
 * are right and not merely alike.
 *	test_golden FOLDER [DEVICE LABEL] */
#include <clade/builtin.h>
#include <clade/graph.h>
#include <single.h>

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_CASES = 1024 };

static struct {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	struct clade_store *store;
	char *lines[MOST_CASES];
	size_t count;
	uint64_t elements;
} suite;

/* A tensor of the store as the op wants it: f32, i32, or bool as bytes. */
static void *read_tensor(const char *name, struct clade_type *type)
{
	const struct clade_store_tensor *tensor = clade_store_find(suite.store, name);
	int64_t count = 0;
	void *data;

	if (!tensor)
		return NULL;
	*type = tensor->type;
	assert_true(clade_type_count(type, &count));
	data = clade_alloc(NULL, (size_t)count * 4);
	assert_non_null(data);
	if (count)
		assert_int_equal(clade_store_read(suite.store, tensor, 0, count, data, NULL), CLADE_OK);
	for (int64_t i = 0; type->dtype == CLADE_BOOL && i < count; i++)
		((uint8_t *)data)[i] = (uint8_t)((int32_t *)data)[i];
	return data;
}

static void check_floats(const char *name, const struct clade_type *type, const float *got)
{
	struct clade_type ignored;
	char key[200];
	double largest = 0;
	float *high, *low, *bound;
	int64_t count = 0;

	snprintf(key, sizeof(key), "%s.hi", name);
	high = read_tensor(key, &ignored);
	assert_true(clade_type_equal(type, &ignored));
	snprintf(key, sizeof(key), "%s.lo", name);
	low = read_tensor(key, &ignored);
	snprintf(key, sizeof(key), "%s.bound", name);
	bound = read_tensor(key, &ignored);
	clade_type_count(type, &count);
	for (int64_t i = 0; i < count; i++) {
		double expected = (double)high[i] + (double)low[i], error = fabs((double)got[i] - expected);
		bool special = isnan(expected) || isinf(high[i]);
		bool right = isnan(expected)  ? isnan(got[i])
			     : isinf(high[i]) ? got[i] == high[i]
			     : bound          ? error <= (double)bound[i]
					      : error == 0;

		if (!right)
			fail_msg("%s[%lld] is %.9g; expected %.17g%s, error %.3g, bound %.3g", name, (long long)i,
				 (double)got[i], expected, special ? " exactly" : "", error,
				 bound ? (double)bound[i] : 0.0);
	}
	/* A bound that would let an error of a hundredth of the largest value pass proves nothing. */
	for (int64_t i = 0; i < count; i++)
		largest = isfinite(high[i]) && fabs((double)high[i]) > largest ? fabs((double)high[i]) : largest;
	for (int64_t i = 0; bound && i < count; i++)
		if (isfinite(high[i]) && (double)bound[i] > 0.01 * largest + 1e-30)
			fail_msg("%s[%lld]: the bound %.3g is too wide", name, (long long)i, (double)bound[i]);
	suite.elements += (uint64_t)count;
	clade_free(NULL, high);
	clade_free(NULL, low);
	clade_free(NULL, bound);
}

static void check_output(const char *name, const struct single_tensor *got)
{
	struct clade_type type;
	struct clade_compare compare;
	void *expected;
	int64_t count = 0;

	if (got->type.dtype == CLADE_F32) {
		check_floats(name, &got->type, got->data);
		return;
	}
	expected = read_tensor(name, &type);
	assert_non_null(expected);
	assert_true(clade_type_equal(&type, &got->type));
	clade_compare_arrays(&type, got->data, expected, &compare);
	if (!compare.bit_equal)
		fail_msg("%s differs at %lld", name, (long long)compare.worst);
	clade_type_count(&type, &count);
	suite.elements += (uint64_t)count;
	clade_free(NULL, expected);
}

/* "op|case|attributes|port port ...|outputs" */
static void test_line(void **state)
{
	char line[512], name[160], *fields[5], *rest = line, *port;
	struct single single = { .context = suite.context, .device = suite.device, .queue = suite.queue };
	struct clade_diag diag;
	uint32_t number = 0;

	snprintf(line, sizeof(line), "%s", (const char *)*state);
	for (int i = 0; i < 5; i++)
		fields[i] = strsep(&rest, "|\n");
	single.op = fields[0];
	single.attrs = fields[2];
	for (port = strtok(fields[3], " "); port; port = strtok(NULL, " "), number++) {
		int place = single_input(&single, port);

		assert_true(place >= 0);
		while (single.inputs[place].present) /* the variadic port again */
			place++;
		snprintf(name, sizeof(name), "%s/%s/in%u", fields[0], fields[1], number);
		single.inputs[place].data = read_tensor(name, &single.inputs[place].type);
		assert_non_null(single.inputs[place].data);
		single.inputs[place].present = true;
		if (single.input_count <= (uint32_t)place)
			single.input_count = (uint32_t)place + 1;
	}
	clade_diag_init(&diag);
	if (single_run(&single, &diag))
		fail_msg("%s", diag.text);
	for (int i = 0; i < atoi(fields[4]); i++) {
		snprintf(name, sizeof(name), "%s/%s/out%d", fields[0], fields[1], i);
		check_output(name, &single.outputs[i]);
	}
	for (uint32_t i = 0; i < single.input_count; i++)
		clade_free(NULL, single.inputs[i].data);
	single_finish(&single);
	clade_diag_finish(&diag);
}

static void read_lines(const char *folder)
{
	char path[512], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/ops.txt", folder);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file) && suite.count < MOST_CASES)
		if (line[0] != '#')
			suite.lines[suite.count++] = strdup(line);
	if (file)
		fclose(file);
}

static bool set_up(const char *folder, const char *device)
{
	char path[512];
	struct clade_diag diag;
	bool failed;

	clade_diag_init(&diag);
	snprintf(path, sizeof(path), "%s/ops.safetensors", folder);
	failed = clade_context_create(NULL, &suite.context, &diag) ||
		 clade_context_add_builtins(suite.context, &diag) ||
		 clade_device_open(suite.context, device, &suite.device, &diag) ||
		 clade_queue_create(suite.device, false, &suite.queue, &diag) ||
		 clade_store_create(suite.context, &suite.store, &diag) || clade_store_add(suite.store, path, &diag);
	if (failed)
		fprintf(stderr, "%s\n", diag.text);
	clade_diag_finish(&diag);
	return !failed;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[MOST_CASES];
	int failed = 1;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: test_golden FOLDER [DEVICE LABEL]\n");
		return 2;
	}
	read_lines(argv[1]);
	if (set_up(argv[1], argc == 4 ? argv[2] : "ref") && suite.count > 0) {
		for (size_t i = 0; i < suite.count; i++)
			tests[i] = (struct CMUnitTest) { .name = suite.lines[i],
							 .test_func = test_line,
							 .initial_state = suite.lines[i] };
		failed = _cmocka_run_group_tests("golden", tests, suite.count, NULL, NULL);
		printf("%zu cases, %llu elements\n", suite.count, (unsigned long long)suite.elements);
	}
	clade_store_destroy(&suite.store);
	clade_queue_destroy(&suite.queue);
	clade_device_unref(&suite.device);
	clade_context_destroy(&suite.context);
	for (size_t i = 0; i < suite.count; i++)
		free(suite.lines[i]);
	return failed;
}

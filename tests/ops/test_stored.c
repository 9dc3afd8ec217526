/* SPDX-License-Identifier: MIT */
/* linear and embedding on weights as files store them, against the gguf package and float64 (tests/golden/stored.gguf,
 * made by make_stored.py there).
 *	test_stored FOLDER [DEVICE LABEL] */
#include <clade/builtin.h>
#include <clade/graph.h>
#include <single_place.h>

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
	struct single_place place;
	struct clade_store *store;
} suite;

static const struct clade_store_tensor *find(const char *type, const char *name)
{
	char key[64];
	const struct clade_store_tensor *tensor;

	snprintf(key, sizeof(key), "%s%s", type, name);
	tensor = clade_store_find(suite.store, key);
	assert_non_null(tensor);
	return tensor;
}

static float *read_floats(const struct clade_store_tensor *tensor, int64_t *out_count)
{
	float *values;

	assert_true(clade_type_count(&tensor->type, out_count));
	values = malloc((size_t)*out_count * sizeof(*values));
	assert_non_null(values);
	assert_int_equal(clade_store_read(suite.store, tensor, 0, *out_count, values, NULL), CLADE_OK);
	return values;
}

/* The weight as stored. */
static void *read_raw(const char *type, struct clade_type *out_type)
{
	const struct clade_store_tensor *tensor = find(type, ".w");
	int64_t count;
	size_t bytes;
	void *raw;

	*out_type = tensor->type;
	assert_true(clade_dtype_from_name(type, &out_type->dtype));
	assert_true(clade_type_bytes(out_type, &bytes) && clade_type_count(out_type, &count));
	raw = malloc(bytes);
	assert_non_null(raw);
	assert_int_equal(clade_store_read_raw(suite.store, tensor, 0, count, raw, NULL), CLADE_OK);
	return raw;
}

static void test_linear(void **state)
{
	const char *type = *state;
	struct single single = { .op = "linear", .input_count = 2 };
	struct single_tensor *x = &single.inputs[0], *w = &single.inputs[1];
	int64_t count, unused;
	float *high = read_floats(find(type, ".hi"), &count), *low = read_floats(find(type, ".lo"), &unused);
	float *bound = read_floats(find(type, ".bound"), &unused);
	double worst = 0;

	*x = (struct single_tensor) { true, find("", "x")->type, read_floats(find("", "x"), &unused) };
	w->present = true;
	w->data = read_raw(type, &w->type);
	single_run_at(&suite.place, &single, CLADE_OK);
	for (int64_t i = 0; i < count; i++) {
		double got = (double)((float *)single.outputs[0].data)[i];
		double error = fabs(got - ((double)high[i] + (double)low[i]));

		if (!(error <= (double)bound[i]))
			fail_msg("%s[%lld] is %.9g; expected %.9g, error %.3g, bound %.3g", type, (long long)i, got,
				 (double)high[i], error, (double)bound[i]);
		worst = error / (double)bound[i] > worst ? error / (double)bound[i] : worst;
	}
	printf("linear.%s %s: %lld values, the worst error %.3f of its bound\n", single.used, type, (long long)count,
	       worst);
	free(x->data);
	free(w->data);
	free(high);
	free(low);
	free(bound);
	single_finish(&single);
}

/* All rows, bit for bit what the reader makes of them, which tests/formats compares with the package. */
static void test_embedding(void **state)
{
	const char *type = *state;
	struct single single = { .op = "embedding", .input_count = 2 };
	struct single_tensor *ids = &single.inputs[0], *table = &single.inputs[1];
	int64_t count;
	float *rows = read_floats(find(type, ".w"), &count);
	struct clade_compare compare;
	int32_t numbers[64];

	table->present = ids->present = true;
	table->data = read_raw(type, &table->type);
	ids->type = (struct clade_type) { CLADE_I32, 1, { table->type.dims[0] } };
	ids->data = numbers;
	for (int i = 0; i < 64; i++)
		numbers[i] = i;
	single_run_at(&suite.place, &single, CLADE_OK);
	clade_compare_arrays(&single.outputs[0].type, single.outputs[0].data, rows, &compare);
	assert_true(compare.bit_equal);
	free(table->data);
	free(rows);
	single_finish(&single);
}

int main(int argc, char **argv)
{
	static char types[][8] = { "f16", "bf16", "q8_0", "q4_0" };
	struct CMUnitTest tests[8];
	struct clade_diag diag;
	char path[512];
	int failed = 1;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: test_stored FOLDER [DEVICE LABEL]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/stored.gguf", argv[1]);
	for (int i = 0; i < 4; i++) {
		tests[i] = (struct CMUnitTest) { "linear", test_linear, NULL, NULL, types[i] };
		tests[4 + i] = (struct CMUnitTest) { "embedding", test_embedding, NULL, NULL, types[i] };
	}
	clade_diag_init(&diag);
	if (!clade_context_create(NULL, &suite.place.context, &diag) &&
	    !clade_context_add_builtins(suite.place.context, &diag) &&
	    !clade_device_open(suite.place.context, argc == 4 ? argv[2] : "ref", &suite.place.device, &diag) &&
	    !clade_queue_create(suite.place.device, false, &suite.place.queue, &diag) &&
	    !clade_store_create(suite.place.context, &suite.store, &diag) && !clade_store_add(suite.store, path, &diag))
		failed = cmocka_run_group_tests_name("stored weights", tests, NULL, NULL);
	else
		fprintf(stderr, "%s\n", diag.text);
	clade_store_destroy(&suite.store);
	clade_queue_destroy(&suite.place.queue);
	clade_device_unref(&suite.place.device);
	clade_context_destroy(&suite.place.context);
	clade_diag_finish(&diag);
	return failed;
}

/* SPDX-License-Identifier: MIT */
/* Measured winners: texts there and back, every truncation and every flipped bit, keys, values. */
#include <clade/tuned.h>

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct clade_device_info device = {
	.size = sizeof(device), .name = "a \n device", .platform = "platform", .driver = "1.2 ", .version = "OpenCL 3.0"
};

static const int32_t heights[] = { 4, 8, 12, 0 }, groups[] = { 1, 64, 0 };
static const struct clade_tunable height = { .size = sizeof(height), .name = "height", .candidates = heights };
static const struct clade_tunable group = { .size = sizeof(group), .name = "group", .candidates = groups };
static const struct clade_impl impl = {
	.size = sizeof(impl), .op = "op", .name = "cl", .tunables = CLADE_LIST(struct clade_tunable, &height, &group)
};

static struct clade_tuned *make(void)
{
	struct clade_tuned *tuned;

	assert_int_equal(clade_tuned_create(NULL, &device, &tuned, NULL), CLADE_OK);
	for (int i = 9; i >= 0; i--) {
		char key[32];
		const struct clade_winner winner = { key, i % 2 ? "cl" : "cl.cpu", i % 3 ? "height=8 group=64" : "",
						     1e-3 * i, 2e-3 };

		snprintf(key, sizeof(key), "op x:f32[%d]", i % 7);
		assert_int_equal(clade_tuned_put(tuned, &winner, NULL), CLADE_OK);
	}
	return tuned;
}

static void test_text(void **state)
{
	struct clade_tuned *tuned = make(), *again;
	struct clade_winner winner;
	char *text, *second, why[400];
	size_t count = 0;

	(void)state;
	assert_int_equal(clade_tuned_print(tuned, &text, NULL), CLADE_OK);
	assert_int_equal(clade_tuned_read(NULL, text, "test", &again, NULL), CLADE_OK);
	assert_int_equal(clade_tuned_print(again, &second, NULL), CLADE_OK);
	assert_string_equal(text, second);
	assert_true(clade_tuned_fits(again, &device, why, sizeof(why)));
	while (clade_tuned_at(again, count, &winner))
		count++;
	assert_int_equal(count, 7);
	/* the last one that was put for a key counts: of 9, 8, 7 and 2, 1, 0 the latter */
	assert_true(clade_tuned_find(again, "op x:f32[2]", &winner));
	assert_string_equal(winner.impl, "cl.cpu");
	assert_string_equal(winner.values, "height=8 group=64");
	assert_float_equal(winner.seconds, 2e-3, 1e-9);
	assert_true(clade_tuned_remove(again, "op x:f32[2]"));
	assert_false(clade_tuned_remove(again, "op x:f32[2]"));
	assert_false(clade_tuned_find(again, "op x:f32[2]", &winner));
	assert_int_equal(clade_tuned_merge(again, tuned, NULL), CLADE_OK);
	assert_true(clade_tuned_find(again, "op x:f32[2]", &winner));
	clade_free(NULL, text);
	clade_free(NULL, second);
	clade_tuned_destroy(&tuned);
	clade_tuned_destroy(&again);
}

static void test_damage(void **state)
{
	struct clade_tuned *tuned = make(), *bad;
	char *text, kept;
	size_t length;

	(void)state;
	assert_int_equal(clade_tuned_print(tuned, &text, NULL), CLADE_OK);
	length = strlen(text);
	for (size_t i = 0; i < length; i++) {
		kept = text[i];
		text[i] = 0; /* cut short */
		assert_int_equal(clade_tuned_read(NULL, text, "test", &bad, NULL), CLADE_ERR_DATA);
		assert_null(bad);
		for (int bit = 0; bit < 8; bit++) {
			text[i] = (char)(kept ^ 1 << bit);
			assert_int_equal(clade_tuned_read(NULL, text, "test", &bad, NULL), CLADE_ERR_DATA);
		}
		text[i] = kept;
	}
	clade_free(NULL, text);
	clade_tuned_destroy(&tuned);
}

static void test_device(void **state)
{
	struct clade_tuned *tuned = make();
	struct clade_device_info other = device;
	char why[400];

	(void)state;
	snprintf(other.driver, sizeof(other.driver), "1.3");
	assert_false(clade_tuned_fits(tuned, &other, why, sizeof(why)));
	assert_string_equal(why, "it was measured with driver \"1.2\", this is \"1.3\"");
	clade_tuned_destroy(&tuned);
}

static void test_values(void **state)
{
	static const char *const bad[] = { "height",   "height=",   "height=5",     "width=4", "height=8,group=64",
					   "height=0", "height=-4", "height=8 foo", "=8",      "height=8x" };
	int32_t values[CLADE_MAX_TUNABLES];
	char text[64];

	(void)state;
	assert_true(clade_tuned_values(&impl, "", values));
	assert_true(values[0] == 0 && values[1] == 0);
	assert_true(clade_tuned_values(&impl, "group=64", values));
	assert_true(values[0] == 0 && values[1] == 64);
	assert_true(clade_tuned_values(&impl, "group=1 height=12", values));
	assert_string_equal(clade_tuned_values_text(&impl, values, text, sizeof(text)), "height=12 group=1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(clade_tuned_values(&impl, bad[i], values));
}

static const struct clade_port x = { .size = sizeof(x), .name = "x", .flags = CLADE_IN, .shape = "[..., k]" };
static const struct clade_port w = { .size = sizeof(w), .name = "w", .flags = CLADE_IN, .shape = "[n, k]" };
static const struct clade_port y = { .size = sizeof(y), .name = "y", .flags = CLADE_OUT };
static const struct clade_op op = { .size = sizeof(op),
				    .name = "op",
				    .ports = CLADE_LIST(struct clade_port, &x, &w, &y) };

static void test_keys(void **state)
{
	struct clade_type types[3] = { { CLADE_F32, 3, { 2, 100, 70 } },
				       { CLADE_F32, 2, { 30, 70 } },
				       { CLADE_F32, 3, { 2, 100, 30 } } };
	const struct clade_type *inputs[] = { &types[0], &types[1] }, *outputs[] = { &types[2] };
	enum clade_source_kind sources[] = { CLADE_FROM_VALUE, CLADE_FROM_WEIGHT };
	const struct clade_node_info node = { .size = sizeof(node),
					      .input_count = 2,
					      .output_count = 1,
					      .inputs = inputs,
					      .outputs = outputs,
					      .sources = sources };
	char key[CLADE_TUNED_KEY], other[CLADE_TUNED_KEY];

	(void)state;
	assert_true(clade_tuned_key(&op, &node, false, key, sizeof(key)));
	assert_string_equal(key, "op x:f32[256,128] w:f32![30,70]"); /* rows and values rounded, weights exact */
	types[0] = (struct clade_type) { CLADE_F32, 2, { 130, 70 } };
	assert_true(clade_tuned_key(&op, &node, false, other, sizeof(other)));
	assert_string_equal(key, other);
	sources[1] = CLADE_FROM_VALUE;
	assert_true(clade_tuned_key(&op, &node, false, other, sizeof(other)));
	assert_string_equal(other, "op x:f32[256,128] w:f32[32,128]");
	assert_false(clade_tuned_key(&op, &node, false, other, 12));
	/* what --fast allows has keys that no op's name can begin with */
	assert_true(clade_tuned_key(&op, &node, true, other, sizeof(other)));
	assert_string_equal(other, "--fast op x:f32[256,128] w:f32[32,128]");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_text), cmocka_unit_test(test_damage),
					    cmocka_unit_test(test_device), cmocka_unit_test(test_values),
					    cmocka_unit_test(test_keys) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
